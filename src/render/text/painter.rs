//! The lines of a difference as a terminal shows them, in Terraform's notation.
//!
//! Each level is indented by four columns. A string that passes the width goes on below itself, inside its quotes; a
//! real newline never looks like that, because texts with lines are heredocs.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::plan::Change;
use crate::render::lines::{self, Content, End, Line, Options, Side, Sign, Text, Tone};
use crate::render::naming;
use crate::render::palette::{Label, Palette};

/// Characters of one line that are shown. Twenty lines of a terminal are enough to know a text by.
const CHARACTERS_MAX: usize = 2_000;

/// Guides are drawn up to this width if none is known: below a line that a terminal wraps they would mark nonsense.
const GUIDE_WIDTH: usize = 160;

/// The least room for a wrapped string; below it lines pass the width rather than fall to pieces.
const ROOM_MIN: usize = 20;

/// What things are drawn with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    pub(super) palette: Palette,
    /// Columns of a line, if there is a limit.
    pub(super) width: Option<usize>,
}

impl Canvas {
    /// Appends what becomes different, between braces; false if nothing does.
    pub(super) fn members_into(&self, change: &Change, out: &mut String) -> bool {
        let members = change.members();
        let options = Options { width: self.width, characters: CHARACTERS_MAX, mark_short: false };
        let mut lines = lines::of(&members, options);
        naming::put_beside(&mut lines, &change.called);
        if lines.is_empty() {
            return false;
        }
        out.push_str(" {\n");
        let mut painter = Painter { canvas: *self, out };
        for (index, line) in lines.iter().enumerate() {
            let goes_on = lines.get(index + 1).is_some_and(|next| next.side == Side::After { beside: true });
            painter.line(line, goes_on);
        }
        out.push_str("    }");
        true
    }
}

struct Painter<'o> {
    canvas: Canvas,
    out: &'o mut String,
}

impl Painter<'_> {
    fn put(&mut self, label: Label, text: &str) {
        self.canvas.palette.paint_into(label, text, self.out);
    }

    fn spaces(&mut self, count: usize) {
        const SPACES: &str = "                                                                ";
        let mut left = count;
        while left > 0 {
            let part = left.min(SPACES.len());
            self.out.push_str(&SPACES[..part]);
            left -= part;
        }
    }

    /// One line; the next one can go on behind it.
    fn line(&mut self, line: &Line<'_>, goes_on: bool) {
        let start = self.out.len();
        self.start(line);
        let mut guide = None;
        match &line.content {
            Content::Quoted(text) => guide = self.quoted(line, text),
            Content::TextLine(text) => {
                self.put(Label::Plain, "  ");
                self.text(line, text);
            }
            Content::DiffLine(text) => {
                let (label, symbol) = symbol(line.sign);
                self.put(label, &format!("{symbol} "));
                self.text(line, text);
                let fits = || self.out[start..].width() <= self.canvas.width.unwrap_or(GUIDE_WIDTH);
                guide = self.guide(text.pieces(), line.sign_column() + 2).filter(|_| fits());
            }
            content => self.content(content),
        }
        match line.end {
            End::Nothing => {}
            End::Comma => self.put(Label::Plain, ","),
            End::Null => self.put(Label::Hidden, " -> null"),
        }
        if let Some(remark) = &line.remark {
            self.put(Label::Hidden, &format!("  {remark}"));
        }
        if line.forces_replacement {
            self.put(Label::Danger, " # forces replacement");
        }
        if self.out.as_bytes()[start..].iter().all(|byte| *byte == b' ') {
            self.out.truncate(start);
        }
        if !goes_on {
            self.out.push('\n');
        }
        if let Some(guide) = guide {
            self.put(Label::Hidden, &guide);
            self.out.push('\n');
        }
    }

    /// Indentation, sign and name, or an arrow from what was.
    fn start(&mut self, line: &Line<'_>) {
        match (line.side, &line.content) {
            (Side::After { beside: true }, _) => return self.put(Label::Arrow, " -> "),
            (Side::After { beside: false }, _) => {
                self.spaces(line.column() - "-> ".len());
                return self.put(Label::Arrow, "-> ");
            }
            (_, Content::TextLine(_) | Content::DiffLine(_)) => return self.spaces(line.sign_column()),
            (_, Content::Close(_) | Content::CloseText(_) | Content::Remark(_)) => {
                return self.spaces(line.sign_column() + 2);
            }
            (Side::Only | Side::Before, _) => {}
        }
        self.spaces(line.sign_column());
        // A sign is about the whole of both sides.
        let (label, symbol) = symbol(if line.side == Side::Before { Sign::Changed } else { line.sign });
        self.put(label, symbol);
        self.out.push(' ');
        if let Some(key) = &line.key {
            self.out.push_str(&key.name);
            self.spaces(key.filled.saturating_sub(key.width));
            self.out.push_str(" = ");
        }
    }

    fn content(&mut self, content: &Content<'_>) {
        match content {
            Content::Bare(text) => self.out.push_str(text),
            Content::Hint(text) => self.put(Label::Hidden, text),
            Content::Neighbour(text) | Content::Remark(text) => self.put(Label::Hidden, text),
            Content::Quoted(text) => {
                self.out.push('"');
                text.pieces().for_each(|(_, text)| self.out.push_str(text));
                self.out.push('"');
                self.put(Label::Hidden, &text.more);
            }
            Content::List(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.out.push_str(if index > 0 { ", " } else { "" });
                    self.content(item);
                }
                self.out.push(']');
            }
            Content::Unknown(before) => {
                if let Some(before) = before {
                    self.out.push_str(&before.to_string());
                    self.put(Label::Arrow, " -> ");
                }
                self.put(Label::Hidden, "(known after apply)");
            }
            Content::Open(bracket) | Content::Close(bracket) => self.out.push(*bracket),
            Content::OpenText(word) => {
                self.out.push_str("<<-");
                self.out.push_str(word);
            }
            Content::CloseText(word) => self.out.push_str(word),
            Content::TextLine(_) | Content::DiffLine(_) => {}
        }
    }

    /// One line of somebody's text, to its end.
    fn text(&mut self, line: &Line<'_>, text: &Text<'_>) {
        for (tone, piece) in text.pieces() {
            self.put(label(tone, line.sign), piece);
        }
        self.put(Label::Hidden, &text.more);
    }

    /// A string in quotes, in as many rows as it takes; gives the guide below the last one.
    fn quoted(&mut self, line: &Line<'_>, text: &Text<'_>) -> Option<String> {
        let column = line.column();
        let room = self.canvas.width.map(|width| width.saturating_sub(column + 2).max(ROOM_MIN));
        let rows = rows(text, room);
        self.out.push('"');
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                self.spaces(column + 1);
            }
            for (tone, piece) in row {
                self.put(label(*tone, line.sign), piece);
            }
            let guide = self.guide(row.iter().map(|(tone, piece)| (*tone, &**piece)), column + 1);
            if index + 1 == rows.len() {
                self.out.push('"');
                self.put(Label::Hidden, &text.more);
                return guide;
            }
            self.out.push('\n');
            if let Some(guide) = guide {
                self.put(Label::Hidden, &guide);
                self.out.push('\n');
            }
        }
        None
    }

    /// Marks below the changed words, for those who see no colours.
    fn guide<'t>(&self, pieces: impl Iterator<Item = (Tone, &'t str)>, column: usize) -> Option<String> {
        if !self.canvas.palette.is_plain() {
            return None;
        }
        let (mut marks, mut any) = (String::new(), false);
        for (tone, text) in pieces {
            let changed = tone == Tone::Changed;
            any |= changed;
            marks.push_str(&if changed { "^" } else { " " }.repeat(text.width()));
        }
        any.then(|| format!("{}{}", " ".repeat(column), marks.trim_end()))
    }
}

fn symbol(sign: Sign) -> (Label, &'static str) {
    match sign {
        Sign::Added => (Label::Create, "+"),
        Sign::Removed => (Label::Remove, "-"),
        Sign::Changed | Sign::Unknown => (Label::Update, "~"),
        Sign::Same => (Label::Plain, " "),
    }
}

fn label(tone: Tone, sign: Sign) -> Label {
    match (tone, sign) {
        (Tone::Hidden, _) => Label::Hidden,
        (Tone::Changed, Sign::Removed) => Label::RemovedWord,
        (Tone::Changed, Sign::Added) => Label::AddedWord,
        (Tone::Changed | Tone::Same, _) => Label::Plain,
    }
}

/// Pieces of one row.
type Row<'t> = Vec<(Tone, Cow<'t, str>)>;

/// A text in rows of at most `room` columns, broken at spaces only. The space itself is not shown: a gap that is wider
/// by one goes on at the end of its row.
fn rows<'t>(text: &'t Text<'_>, room: Option<usize>) -> Vec<Row<'t>> {
    let letters = || text.pieces().flat_map(|(tone, piece)| piece.chars().map(move |letter| (tone, letter)));
    let columns = |letter: char| letter.width().unwrap_or(0);
    let Some(room) = room.filter(|room| letters().map(|(_, letter)| columns(letter)).sum::<usize>() > *room) else {
        return vec![text.pieces().map(|(tone, piece)| (tone, Cow::from(piece))).collect()];
    };
    let letters: Vec<(Tone, char)> = letters().collect();
    let mut rows = Vec::new();
    let (mut start, mut space, mut width, mut since_space) = (0, None, 0, 0);
    for (index, (_, letter)) in letters.iter().enumerate() {
        width += columns(*letter);
        since_space += columns(*letter);
        // A space at the very end of a row may pass the width: nobody sees it.
        if width > room
            && *letter != ' '
            && let Some(end) = space.take()
        {
            rows.push(joined(&letters[start..end - 1]));
            (start, width) = (end, since_space);
        }
        if *letter == ' ' {
            (space, since_space) = (Some(index + 1), 0);
        }
    }
    rows.push(joined(&letters[start..]));
    rows
}

fn joined(letters: &[(Tone, char)]) -> Row<'static> {
    let mut pieces: Row<'static> = Vec::new();
    for (tone, letter) in letters {
        match pieces.last_mut() {
            Some((last, text)) if last == tone => text.to_mut().push(*letter),
            _ => pieces.push((*tone, letter.to_string().into())),
        }
    }
    pieces
}
