//! The block of one change: comments that say what and why, then the members that differ.

use crate::plan::{Action, Change, ChangeNote, Mark};
use crate::render::escape::{escape, quoted};
use crate::render::note;
use crate::render::palette::Label;
use crate::render::text::painter::Canvas;
use crate::render::text::row::{Row, wrap};

impl Canvas {
    /// Appends the block of one change; ends with a newline.
    pub(super) fn block_into(&self, change: &Change, out: &mut String) {
        let rows = self.header(change).into_iter().chain(self.remarks(change));
        rows.for_each(|row| row.paint_into(self.palette, out));
        let symbol = format!("{:>3}", change.action.symbol());
        self.palette.paint_into(Label::of_action(change.action), &symbol, out);
        out.push_str(&format!(" {} {}", change.address.kind.word(), quoted(change.address.name())));
        self.members_into(change, out);
        out.push('\n');
    }

    /// What will be done, and where it is: on one line, or on two where that is too long.
    fn header(&self, change: &Change) -> Vec<Row> {
        let sentence = match (change.action, change.moved()) {
            (Action::Move, Some(from)) => note::moved(from, &change.address).plain(),
            _ => format!("{} {}", change.address, change.action.header()),
        };
        let sentence = Row::new(Label::Bold, format!("  # {sentence}"));
        let Some(place) = place(change) else { return vec![sentence] };
        let whole = sentence.clone().and(Label::Hidden, format!("  {place}"));
        if self.width.is_none_or(|width| whole.width() <= width) {
            return vec![whole];
        }
        vec![sentence, Row::new(Label::Hidden, format!("  # {place}"))]
    }

    /// What a reader must know before approving.
    fn remarks(&self, change: &Change) -> Vec<Row> {
        let marks: Vec<&str> = change.marks().filter(|mark| *mark != Mark::Blocked).map(note::mark).collect();
        let label = if change.reaches_customer { Label::Danger } else { Label::Hidden };
        let mut rows = Vec::new();
        if !marks.is_empty() {
            // What can't be undone is said first here.
            rows.extend(self.comment(label, &marks.into_iter().rev().collect::<Vec<_>>().join(", ")));
        }
        // The header of a change that only moves says so already.
        let is_news =
            |note: &ChangeNote<'_>| change.action != Action::Move || !matches!(note, ChangeNote::Moved { .. });
        for (note, sentence) in note::change_notes(change).filter(|(note, _)| is_news(note)) {
            let label = if matches!(note, ChangeNote::Blocked(_)) { Label::Danger } else { Label::Hidden };
            rows.extend(self.comment(label, &sentence.plain()));
        }
        rows
    }

    fn comment(&self, label: Label, text: &str) -> Vec<Row> {
        let room = self.width.map(|width| width.saturating_sub(6));
        let lines = wrap(text, room);
        let starts = std::iter::once("  # ").chain(std::iter::repeat("  #   "));
        starts.zip(lines).map(|(start, line)| Row::new(label, format!("{start}{line}"))).collect()
    }
}

/// Which conversation a change is about, and where its manifest is: `(#1042, manifests/orders.yaml:3)`.
pub(super) fn place(change: &Change) -> Option<String> {
    let id = change.id.map(|id| format!("{id:#}"));
    let file = change.source.as_ref().map(|source| format!("{}:{}", escape(&source.file), source.place.line));
    let parts: Vec<String> = id.into_iter().chain(file).collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join(", ")))
}
