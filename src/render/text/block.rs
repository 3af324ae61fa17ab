//! The block of one change: comments that say what and why, then the members that differ.

use crate::plan::{Action, Change};
use crate::render::escape::{escape, quoted};
use crate::render::palette::Label;
use crate::render::text::row::{Row, wrap};
use crate::render::text::value::Canvas;

impl Canvas {
    pub(super) fn block(&self, change: &Change) -> Vec<Row> {
        let mut rows = self.above(change);
        let start = rows.pop().unwrap_or_default();
        let members = change.members();
        if members.shown.is_empty() && members.unchanged == 0 {
            rows.push(start);
            return rows;
        }
        rows.push(start.and(Label::Plain, " {"));
        rows.extend(self.members(&members, 4));
        rows.push(Row::plain("    }"));
        rows
    }

    /// The rows above the members: what and why, and last the line that names the conversation, without its brace.
    pub(super) fn above(&self, change: &Change) -> Vec<Row> {
        let mut rows = self.header(change);
        rows.extend(self.remarks(change));
        let symbol = format!("{:>3}", change.action.symbol());
        let name = format!(" {} {}", change.address.kind.word(), quoted(change.address.name()));
        rows.push(Row::new(Label::of_action(change.action), symbol).and(Label::Plain, name));
        rows
    }

    /// What will be done, and where it is: on one line, or on two where that is too long.
    fn header(&self, change: &Change) -> Vec<Row> {
        let sentence = Row::new(Label::Bold, format!("  # {} {}", change.address, change.action.header()));
        let id = change.id.map(|id| format!("#{id}"));
        let file = change.source.as_ref().map(|source| format!("{}:{}", escape(&source.file), source.place.line));
        let parts: Vec<String> = id.into_iter().chain(file).collect();
        if parts.is_empty() {
            return vec![sentence];
        }
        let place = format!("({})", parts.join(", "));
        let whole = sentence.clone().and(Label::Hidden, format!("  {place}"));
        if self.width.is_none_or(|width| whole.width() <= width) {
            return vec![whole];
        }
        vec![sentence, Row::new(Label::Hidden, format!("  # {place}"))]
    }

    /// What a reader must know before approving.
    fn remarks(&self, change: &Change) -> Vec<Row> {
        let mut rows = Vec::new();
        let labels = [(change.irreversible, "irreversible"), (change.reaches_customer, "reaches a customer")];
        let labels: Vec<&str> = labels.into_iter().filter(|(holds, _)| *holds).map(|(_, label)| label).collect();
        if !labels.is_empty() {
            let label = if change.reaches_customer { Label::Danger } else { Label::Hidden };
            rows.extend(self.comment(label, &labels.join(", ")));
        }
        match (change.action, change.id) {
            (Action::Replace, Some(id)) => {
                rows.extend(self.comment(Label::Hidden, &format!("the old conversation #{id} stays in Dixa")));
            }
            (Action::Forget, Some(id)) => {
                rows.extend(self.comment(Label::Hidden, &format!("the conversation #{id} stays in Dixa")));
            }
            (Action::Adopt, _) if change.members().shown.len() > 1 => {
                let text = "an attribute is written only where Dixa has another value";
                rows.extend(self.comment(Label::Hidden, text));
            }
            (
                Action::Create | Action::Import | Action::Update | Action::Replace | Action::Adopt | Action::Forget,
                _,
            ) => {}
        }
        if let Some(block) = &change.block {
            rows.extend(self.comment(Label::Danger, &format!("blocked: {block}")));
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
