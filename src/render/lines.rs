//! A difference as labelled lines, made once for every form: in order, folded, cut, escaped, and with the changed words
//! marked. A form paints them, and decides nothing but how they look.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr as _;

use crate::look_alike::look_the_same;
use crate::plan::member_diff::{Diff, Element, Member, Members, Noun, is_word};
use crate::plan::shown::{Named, Shown};
use crate::plan::text_diff::{self, LineKind, Span};
use crate::render::escape::{escape, escape_quoted, quoted, spelled};
use crate::render::number::counted;

/// Lists of more columns than this have a line for each element.
const INLINE_MAX: usize = 60;

/// Names are aligned up to this width; one that is longer sticks out alone.
const ALIGNED_MAX: usize = 40;

/// Characters of a name that are shown.
const NAME_MAX: usize = 200;

/// Lines of one text that are shown; what is more is counted.
const TEXT_LINES_MAX: usize = 200;

/// Of a line that is too long, the unchanged text on either side of a change.
const AROUND: usize = 60;

/// Characters that tell an unchanged text from others.
const NEIGHBOUR_MAX: usize = 40;

/// What a form asks of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Columns of a line, if there is a limit.
    pub(super) width: Option<usize>,
    /// Characters of one text that are shown on one line; what is more is counted.
    pub(super) characters: usize,
    /// The changed words of short texts are marked, too.
    pub(super) mark_short: bool,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Added,
    Removed,
    /// Something within it differs.
    Changed,
    /// It will be another, and nobody knows which.
    Unknown,
    Same,
}

/// One line. Those of one value follow each other.
#[derive(Clone, Debug)]
pub(super) struct Line<'d> {
    pub(super) depth: usize,
    pub(super) sign: Sign,
    pub(super) key: Option<Key<'d>>,
    pub(super) content: Content<'d>,
    /// On the first line of a value that has another one before or after it.
    pub(super) side: Side,
    pub(super) end: End,
    /// What people call the thing whose id is the name or the value: `# Order number`.
    pub(super) remark: Option<String>,
    /// This difference is why the conversation must be replaced.
    pub(super) forces_replacement: bool,
}

/// The name of a member.
#[derive(Clone, Debug)]
pub(super) struct Key<'d> {
    pub(super) name: Cow<'d, str>,
    /// Columns of the name.
    pub(super) width: usize,
    /// Columns that the names of its level are filled up to.
    pub(super) filled: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Only,
    Before,
    /// Where one line is enough for both, `beside` the one before.
    After {
        beside: bool,
    },
}

/// What follows a value, whether it spans lines or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Nothing,
    /// It is an element of a list.
    Comma,
    /// A member that goes.
    Null,
}

#[derive(Clone, Debug)]
pub(super) enum Content<'d> {
    /// A scalar that is no text, or an empty map.
    Bare(Cow<'d, str>),
    /// Words of ours in place of a value.
    Hint(&'static str),
    Quoted(Text<'d>),
    /// A short list of scalars.
    List(Vec<Content<'d>>),
    /// The id of a conversation before and after it is replaced.
    Unknown(Option<crate::conversation::Id>),
    /// A map or list begins, and its lines follow.
    Open(char),
    Close(char),
    /// A text with lines begins; the word is no line of it.
    OpenText(String),
    TextLine(Text<'d>),
    /// A line of a text of which some are others before and after.
    DiffLine(Text<'d>),
    CloseText(String),
    /// An unchanged element, in short.
    Neighbour(String),
    /// How much is not shown, and the like.
    Remark(String),
}

/// One line of somebody's text, escaped.
#[derive(Clone, Debug)]
pub(super) struct Text<'d> {
    pub(super) pieces: Pieces<'d>,
    /// What is said of the characters that are left out at its end, or nothing.
    pub(super) more: String,
}

#[derive(Clone, Debug)]
pub(super) enum Pieces<'d> {
    One(Cow<'d, str>),
    Several(Vec<(Tone, Cow<'d, str>)>),
}

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Same,
    Changed,
    /// Words of ours.
    Hidden,
}

/// The members that differ, as lines.
pub(super) fn of<'d>(members: &'d Members<'_>, options: Options) -> Vec<Line<'d>> {
    let mut lines = Lines { options, out: Vec::with_capacity(64), spell: false };
    lines.members(members, 0);
    lines.out
}

impl Line<'_> {
    fn opens(&self) -> bool {
        matches!(self.content, Content::Open(_) | Content::OpenText(_))
    }

    /// The column in which the sign of its level is.
    pub(super) fn sign_column(&self) -> usize {
        6 + 4 * self.depth
    }

    /// The column in which its value begins.
    pub(super) fn column(&self) -> usize {
        let key = self.key.as_ref().map_or(0, |key| key.width.max(key.filled) + " = ".len());
        self.sign_column() + 2 + key
    }
}

impl<'d> Text<'d> {
    /// The pieces, whatever their number.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Tone, &str)> {
        let (one, several) = match &self.pieces {
            Pieces::One(text) => (Some((Tone::Same, &**text)), &[][..]),
            Pieces::Several(pieces) => (None, pieces.as_slice()),
        };
        one.into_iter().chain(several.iter().map(|(tone, text)| (*tone, &**text)))
    }

    pub(super) fn width(&self) -> usize {
        self.pieces().map(|(_, text)| text.width()).sum()
    }
}

impl Content<'_> {
    /// Columns of a value on one line.
    fn width(&self) -> usize {
        match self {
            Content::Bare(text) => text.width(),
            Content::Hint(text) => text.width(),
            Content::Quoted(text) => 2 + text.width() + text.more.width(),
            Content::List(items) => 2 + items.iter().map(|item| item.width() + 2).sum::<usize>().saturating_sub(2),
            _ => 0,
        }
    }
}

/// Where a value goes.
#[derive(Clone)]
struct Spot<'d> {
    depth: usize,
    key: Option<Key<'d>>,
}

struct Lines<'d> {
    options: Options,
    out: Vec<Line<'d>>,
    /// The texts are two that look the same, so that what can't be seen is spelled out.
    spell: bool,
}

impl<'d> Lines<'d> {
    fn push(&mut self, sign: Sign, Spot { depth, key }: Spot<'d>, content: Content<'d>) {
        let (side, end, remark) = (Side::Only, End::Nothing, None);
        self.out.push(Line { depth, sign, key, content, side, end, remark, forces_replacement: false });
    }

    /// A line without a name.
    fn bare(&mut self, sign: Sign, depth: usize, content: Content<'d>) {
        self.push(sign, Spot { depth, key: None }, content);
    }

    fn end(&mut self, end: End) {
        if let Some(last) = self.out.last_mut() {
            last.end = end;
        }
    }

    fn members(&mut self, members: &'d Members<'_>, depth: usize) {
        let names = members.shown.iter().map(|member| (&*member.name, member.quoted));
        for (member, key) in members.shown.iter().zip(keys(names)) {
            self.member(member, Spot { depth, key: Some(key) });
        }
        self.hidden(members.unchanged, members.noun, depth);
    }

    fn member(&mut self, member: &'d Member<'_>, spot: Spot<'d>) {
        let start = self.out.len();
        self.diff(&member.diff, spot);
        if matches!(member.diff, Diff::Removed(_)) {
            self.end(End::Null);
        }
        if member.forces_replacement {
            // Where a reader meets it first: beside what opens, else at the end.
            let lines = &mut self.out[start..];
            let place = lines.iter().position(Line::opens).unwrap_or(lines.len().saturating_sub(1));
            if let Some(line) = lines.get_mut(place) {
                line.forces_replacement = true;
            }
        }
    }

    fn hidden(&mut self, count: usize, noun: Noun, depth: usize) {
        if count > 0 {
            let text = format!("# ({count} unchanged {} hidden)", noun.counted(count));
            self.bare(Sign::Same, depth, Content::Remark(text));
        }
    }

    fn diff(&mut self, diff: &'d Diff<'_>, spot: Spot<'d>) {
        let depth = spot.depth;
        match diff {
            Diff::Added(value) => self.value(value, spot, Sign::Added),
            Diff::Removed(value) => self.value(value, spot, Sign::Removed),
            Diff::Unchanged(value) => self.value(value, spot, Sign::Same),
            Diff::Unknown { before } => {
                let sign = if before.is_some() { Sign::Unknown } else { Sign::Added };
                self.push(sign, spot, Content::Unknown(*before));
            }
            Diff::Changed { before: Shown::Text(before), after: Shown::Text(after) } if self.options.mark_short => {
                self.one_line_diff(before, after, spot);
            }
            Diff::Changed { before: old @ Shown::Text(before), after: new @ Shown::Text(after) } => {
                self.spell = look_the_same(before, after);
                self.changed(old, new, spot);
                self.spell = false;
            }
            Diff::Changed { before, after } => self.changed(before, after, spot),
            Diff::Text { before, after } if before.contains('\n') || after.contains('\n') => {
                self.text_diff(before, after, spot);
            }
            Diff::Text { before, after } => self.one_line_diff(before, after, spot),
            Diff::Map(members) => {
                self.push(Sign::Changed, spot, Content::Open('{'));
                self.members(members, depth + 1);
                self.bare(Sign::Changed, depth, Content::Close('}'));
            }
            Diff::List(elements) => {
                self.push(Sign::Changed, spot, Content::Open('['));
                elements.iter().for_each(|element| self.element(element, depth + 1));
                self.bare(Sign::Changed, depth, Content::Close(']'));
            }
        }
    }

    fn element(&mut self, element: &'d Element<'_>, depth: usize) {
        match element {
            Element::Hidden(count) => return self.hidden(*count, Noun::Element, depth),
            Element::Unchanged(value) => self.bare(Sign::Same, depth, Content::Neighbour(short(value))),
            Element::Differs(diff) => self.diff(diff, Spot { depth, key: None }),
        }
        self.end(End::Comma);
    }

    /// Both sides on one line if they fit, else below each other.
    fn changed(&mut self, before: &'d Shown<'_>, after: &'d Shown<'_>, spot: Spot<'d>) {
        let (first, sides) = (self.out.len(), (self.flat(before), self.flat(after)));
        if let (Some(old), Some(new)) = sides {
            let width = old.width() + " -> ".len() + new.width();
            self.push(Sign::Removed, spot.clone(), old);
            if self.options.width.is_none_or(|most| self.out[first].column() + width <= most) {
                self.push(Sign::Added, spot, new);
                return self.sides(first, first + 1, true);
            }
            self.out.pop();
        }
        self.value(before, spot.clone(), Sign::Removed);
        let second = self.out.len();
        self.value(after, spot, Sign::Added);
        let beside = self.out[first].opens() || self.out[second].opens();
        self.sides(first, second, beside);
    }

    fn sides(&mut self, first: usize, second: usize, beside: bool) {
        self.out[first].side = Side::Before;
        self.out[second].side = Side::After { beside };
    }

    /// Two texts without lines of their own, below each other with their changed words marked.
    fn one_line_diff(&mut self, before: &str, after: &str, spot: Spot<'d>) {
        let (first, lines) = (self.out.len(), text_diff::lines(before, after));
        let spell = look_the_same(before, after);
        for (kind, sign) in [(LineKind::Removed, Sign::Removed), (LineKind::Added, Sign::Added)] {
            let spans = lines.iter().find(|line| line.kind == kind).map_or(&[][..], |line| &line.spans);
            let text = cut(spans, self.options.characters, spell, |text| escape_quoted(text).into_owned());
            self.push(sign, spot.clone(), Content::Quoted(text));
        }
        self.sides(first, first + 1, false);
    }

    fn value(&mut self, value: &'d Shown<'_>, spot: Spot<'d>, sign: Sign) {
        let depth = spot.depth;
        match value {
            Shown::Text(text) if text.contains('\n') => self.text(text, spot, sign),
            Shown::List(items) => {
                let flat = self.flat(value);
                self.push(sign, spot, flat.unwrap_or(Content::Open('[')));
                let Some(first) = self.out.last_mut() else { return };
                let (column, width) = (first.column(), first.content.width());
                let fits = width <= INLINE_MAX && self.options.width.is_none_or(|most| column + width <= most);
                if !first.opens() && fits {
                    return;
                }
                first.content = Content::Open('[');
                for item in items {
                    self.value(item, Spot { depth: depth + 1, key: None }, sign);
                    self.end(End::Comma);
                }
                self.bare(sign, depth, Content::Close(']'));
            }
            Shown::Map(members) if !members.is_empty() && named(members).is_none() => {
                self.push(sign, spot, Content::Open('{'));
                let names = members.iter().map(|(name, _)| (&**name, !is_word(name)));
                for ((_, value), key) in members.iter().zip(keys(names)) {
                    self.value(value, Spot { depth: depth + 1, key: Some(key) }, sign);
                }
                self.bare(sign, depth, Content::Close('}'));
            }
            scalar => {
                let content = self.flat(scalar).unwrap_or(Content::Bare("{}".into()));
                self.push(sign, spot, content);
            }
        }
    }

    /// A value on one line, if it has one: scalars, lists of scalars, and what is empty.
    fn flat(&self, value: &'d Shown<'_>) -> Option<Content<'d>> {
        Some(match value {
            Shown::Null => Content::Bare("null".into()),
            Shown::Bool(value) => Content::Bare(if *value { "true" } else { "false" }.into()),
            Shown::Number(number) => Content::Bare(number.to_string().into()),
            Shown::Withheld => Content::Hint("(previous value not kept)"),
            Shown::SetByDixaform => Content::Hint("(set by dixaform)"),
            Shown::Text(text) if text.contains('\n') => return None,
            Shown::Text(text) if self.spell => {
                let escaped = |text: &str| escape_quoted(text).into_owned();
                Content::Quoted(cut(&Span::unmarked(text), self.options.characters, true, escaped))
            }
            Shown::Text(text) => Content::Quoted(whole(text, self.options.characters, escape_quoted)),
            Shown::Map(members) if members.is_empty() => Content::Bare("{}".into()),
            Shown::Map(members) => Content::Bare(named(members)?.into()),
            // A longer list is never shown on one line.
            Shown::List(items) if items.len() > INLINE_MAX + 1 => return None,
            Shown::List(items) => {
                let is_nested = |item: &Shown<'_>| matches!(item, Shown::List(_) | Shown::Map(_));
                let scalar = |item| self.flat(item).filter(|_| !is_nested(item));
                Content::List(items.iter().map(scalar).collect::<Option<_>>()?)
            }
        })
    }

    /// A text with lines, as it is.
    fn text(&mut self, text: &'d str, spot: Spot<'d>, sign: Sign) {
        let (depth, word) = (spot.depth, delimiter([text]));
        self.push(sign, spot, Content::OpenText(word.clone()));
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        for line in lines.by_ref().take(TEXT_LINES_MAX) {
            self.bare(sign, depth + 1, Content::TextLine(whole(line, self.options.characters, escape)));
        }
        self.more_lines(lines.count(), depth + 1);
        self.bare(sign, depth, Content::CloseText(word));
    }

    /// A text with lines, as the lines that differ and their neighbours.
    fn text_diff(&mut self, before: &str, after: &str, spot: Spot<'d>) {
        let (depth, word) = (spot.depth, delimiter([before, after]));
        self.push(Sign::Changed, spot, Content::OpenText(word.clone()));
        let lines = text_diff::lines(before, after);
        let twins = text_diff::twins(&lines[..lines.len().min(TEXT_LINES_MAX)]);
        for line in lines.iter().take(TEXT_LINES_MAX) {
            let (sign, remark) = match line.kind {
                LineKind::Same => (Sign::Same, None),
                LineKind::Removed => (Sign::Removed, None),
                LineKind::Added => (Sign::Added, None),
                LineKind::Hidden(count) => {
                    (Sign::Same, Some(format!("# ({} hidden)", counted(count, "unchanged line"))))
                }
                LineKind::NewlineAdded => (Sign::Added, Some("# (newline at the end added)".to_owned())),
                LineKind::NewlineRemoved => (Sign::Removed, Some("# (newline at the end removed)".to_owned())),
            };
            let text = || {
                let spell = twins.contains(&line.text());
                cut(&line.spans, self.options.characters, spell, |text| escape(text).into_owned())
            };
            let content = remark.map_or_else(|| Content::DiffLine(text()), Content::Remark);
            self.bare(sign, depth + 1, content);
        }
        let left_out = lines.iter().skip(TEXT_LINES_MAX).map(|line| match line.kind {
            LineKind::Hidden(count) => count,
            LineKind::Same | LineKind::Removed | LineKind::Added => 1,
            LineKind::NewlineAdded | LineKind::NewlineRemoved => 0,
        });
        self.more_lines(left_out.sum(), depth + 1);
        self.bare(Sign::Changed, depth, Content::CloseText(word));
    }

    fn more_lines(&mut self, count: usize, depth: usize) {
        if count > 0 {
            self.bare(Sign::Same, depth, Content::Remark(format!("# ({})", counted(count, "more line"))));
        }
    }
}

/// `{email = "jane@example.com"}`: a name in the place of an id, which reads as one value.
fn named(members: &Named<'_>) -> Option<String> {
    let [(key, Shown::Text(text))] = members.as_slice() else { return None };
    let is_name = ["endUser", "email", "phone", "externalId", "name"].contains(&&**key);
    (is_name && !text.contains('\n')).then(|| format!("{{{key} = {}}}", quoted(text)))
}

/// The names of one level, all filled up to the same width.
fn keys<'d>(names: impl Iterator<Item = (&'d str, bool)>) -> Vec<Key<'d>> {
    let key = |(text, in_quotes)| {
        let name = name(text, in_quotes);
        Key { width: name.width(), name, filled: 0 }
    };
    let mut keys: Vec<Key<'d>> = names.map(key).collect();
    let filled = keys.iter().map(|key| key.width).filter(|width| *width <= ALIGNED_MAX).max().unwrap_or(0);
    keys.iter_mut().for_each(|key| key.filled = filled);
    keys
}

fn name(name: &str, in_quotes: bool) -> Cow<'_, str> {
    let shown = name.char_indices().nth(NAME_MAX).map_or(name, |(end, _)| &name[..end]);
    match (in_quotes, shown.len() < name.len()) {
        (false, false) => Cow::Borrowed(name),
        (true, false) => Cow::Owned(quoted(name)),
        (false, true) => Cow::Owned(format!("{shown}…")),
        (true, true) => Cow::Owned(format!("{}…", quoted(shown))),
    }
}

/// `EOT`, or a word like it that is no line of the texts.
fn delimiter<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts = texts.into_iter().filter(|text| text.contains("EOT"));
    let lines = texts.flat_map(str::lines).map(str::trim);
    let taken: BTreeSet<&str> = lines.filter(|line| line.starts_with("EOT")).collect();
    let mut words = std::iter::once("EOT".to_owned()).chain((2..).map(|number| format!("EOT{number}")));
    words.find(|word| !taken.contains(word.as_str())).unwrap_or_default()
}

/// A text without marks.
fn whole<'d>(text: &'d str, characters: usize, escaped: impl Fn(&str) -> Cow<'_, str>) -> Text<'d> {
    // A text has at most as many characters as bytes.
    if text.len() <= characters || text.chars().nth(characters).is_none() {
        return Text { pieces: Pieces::One(escaped(text)), more: String::new() };
    }
    cut(&Span::unmarked(text), characters, false, |text| escaped(text).into_owned())
}

/// The spans of one line as escaped pieces, and what to say of the characters that are left out. In a line that is too
/// long, unchanged text is left out first, so that the change itself is seen.
fn cut(spans: &[Span], characters: usize, spell: bool, escaped: impl Fn(&str) -> String) -> Text<'static> {
    let tone = |span: &Span| if span.changed { Tone::Changed } else { Tone::Same };
    let length = |text: &str| text.chars().count();
    let shown = |text: &str| match escaped(text) {
        text if spell => spelled(&text).into_owned(),
        text => text,
    };
    let piece = |span: &Span, text: &str| (tone(span), Cow::Owned(shown(text)));
    if spans.iter().map(|span| length(&span.text)).sum::<usize>() <= characters {
        let pieces = spans.iter().map(|span| piece(span, &span.text)).collect();
        return Text { pieces: Pieces::Several(pieces), more: String::new() };
    }
    let several = spans.len() > 1;
    let (mut pieces, mut room, mut more) = (Vec::new(), characters, 0);
    for (index, span) in spans.iter().enumerate() {
        let total = length(&span.text);
        let (head, tail) = match (several && !span.changed && total > 3 * AROUND, index) {
            (false, _) => (total.min(room), 0),
            (true, 0) => (0, AROUND.min(room)),
            (true, _) if index + 1 == spans.len() => (AROUND.min(room), 0),
            (true, _) => (AROUND.min(room), AROUND.min(room.saturating_sub(AROUND))),
        };
        let left_out = total - head - tail;
        pieces.push(piece(span, &span.text.chars().take(head).collect::<String>()));
        if left_out > 0 && tail > 0 {
            pieces.push((Tone::Hidden, format!("… ({}) …", counted(left_out, "more character")).into()));
            pieces.push(piece(span, &span.text.chars().skip(total - tail).collect::<String>()));
        } else {
            more += left_out;
        }
        room -= head + tail;
    }
    pieces.retain(|(_, text)| !text.is_empty());
    let more = if more > 0 { format!("… ({})", counted(more, "more character")) } else { String::new() };
    Text { pieces: Pieces::Several(pieces), more }
}

/// An unchanged element: as much of it as tells it from others.
fn short(value: &Shown<'_>) -> String {
    match value {
        Shown::Text(text) => short_text(text),
        Shown::Map(members) => {
            let scalars = members.iter().filter_map(|(member, value)| {
                let shown = match value {
                    Shown::Text(_) | Shown::Null | Shown::Bool(_) | Shown::Number(_) => short(value),
                    Shown::List(_) | Shown::Map(_) | Shown::Withheld | Shown::SetByDixaform => return None,
                };
                Some(format!("{} = {shown}", name(member, !is_word(member))))
            });
            let parts: Vec<String> = scalars.take(2).collect();
            let more = if parts.len() < members.len() { "… " } else { "" };
            let comma = if parts.is_empty() || more.is_empty() { " " } else { ", " };
            format!("{{ {}{comma}{more}}}", parts.join(", "))
        }
        Shown::List(items) => {
            let is_scalar = |item: &Shown<'_>| match item {
                Shown::Text(text) => !text.contains('\n'),
                Shown::List(_) | Shown::Map(_) => false,
                Shown::Null | Shown::Bool(_) | Shown::Number(_) | Shown::Withheld | Shown::SetByDixaform => true,
            };
            let parts =
                || items.iter().map(|item| if let Shown::Text(text) = item { quoted(text) } else { short(item) });
            let flat = (items.len() <= INLINE_MAX && items.iter().all(is_scalar))
                .then(|| format!("[{}]", parts().collect::<Vec<_>>().join(", ")))
                .filter(|flat| flat.width() <= INLINE_MAX);
            flat.unwrap_or_else(|| format!("[{}]", counted(items.len(), "element")))
        }
        Shown::Null => "null".to_owned(),
        Shown::Bool(value) => value.to_string(),
        Shown::Number(number) => number.to_string(),
        Shown::Withheld => "(previous value not kept)".to_owned(),
        Shown::SetByDixaform => "(set by dixaform)".to_owned(),
    }
}

/// The first characters of a text, in quotes.
fn short_text(text: &str) -> String {
    match text.char_indices().nth(NEIGHBOUR_MAX) {
        Some((end, _)) => format!("{}…", quoted(&text[..end])),
        None => quoted(text),
    }
}
