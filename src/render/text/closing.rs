//! What is below the blocks: the summary, the price, and what else a reader should know.

use serde_json::Value;

use crate::plan::{Action, Deviation, Note, Plan, Summary};
use crate::render::escape::{cut, escape};
use crate::render::note::{self, Gravity, Part, Said, Sentence};
use crate::render::number::grouped;
use crate::render::palette::Label;
use crate::render::price::price;
use crate::render::text::painter::Canvas;
use crate::render::text::row::{Row, wrap};

/// Addresses that a note names.
const NAMED_MAX: usize = 3;

/// Items of one note that are listed; the rest is counted.
const LISTED_MAX: usize = 10;

impl Canvas {
    /// The notes of an empty plan, and the sentence that says so.
    pub(super) fn no_changes(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = self.notes(plan);
        if !rows.is_empty() {
            rows.push(Row::default());
        }
        rows.push(Row::new(Label::Good, "No changes.").and(Label::Plain, format!(" {}", note::no_changes(plan))));
        rows
    }

    /// The summary of a plan that has changes, its price, its notes, its fingerprint.
    pub(super) fn closing(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = vec![
            Row::new(Label::Bold, "Plan:").and(Label::Plain, format!(" {}", summary(&plan.summary))),
            Row::plain(price(&plan.price, plan.tenant.rate_limit)),
        ];
        let notes = self.notes(plan);
        if !notes.is_empty() {
            rows.push(Row::default());
            rows.extend(notes);
        }
        rows.push(Row::default());
        rows.push(Row::plain(format!("Fingerprint: {}", plan.fingerprint)));
        rows
    }

    /// All notes except those on drift, which is shown above the changes with its values.
    fn notes(&self, plan: &Plan) -> Vec<Row> {
        let all = note::notes(plan).into_iter().filter(|said| !matches!(said.note, Note::Drifted(_)));
        all.flat_map(|said| self.note(&said)).collect()
    }

    fn note(&self, said: &Said<'_>) -> Vec<Row> {
        let label = if said.gravity == Gravity::Danger { Label::Danger } else { Label::Plain };
        let (lead, end) = (said.lead.plain(), said.end.plain());
        let most = if matches!(said.note, Note::InDoubt(_)) { LISTED_MAX } else { NAMED_MAX };
        let text = match (said.is_list, said.about.is_empty()) {
            (true, _) => format!("{lead}:"),
            (false, true) => format!("{lead}.{end}"),
            (false, false) => format!("{lead}: {}.{end}", said.names(most, Sentence::plain)),
        };
        let mut rows: Vec<Row> = wrap(&text, self.width).into_iter().map(|line| Row::new(label, line)).collect();
        if said.is_list {
            let listed = said.about.iter().take(LISTED_MAX);
            rows.extend(listed.map(|about| Row::plain(format!("  {}", about.plain()))));
            rows.extend(more(said.count, ""));
        }
        rows
    }

    /// What was changed outside of dixaform, apart from what the manifests ask for.
    pub(super) fn drift(&self, plan: &Plan) -> Vec<Row> {
        let said = note::notes(plan).into_iter().find(|said| matches!(said.note, Note::Drifted(_)));
        let Some(said) = said else { return Vec::new() };
        let paint = |row: Row, part: &Part| match part {
            Part::Strong(text) => row.and(Label::Bold, text),
            Part::Words(text) | Part::Code(text) => row.and(Label::Plain, text),
        };
        let lead = said.lead.0.iter().fold(Row::default(), paint);
        let mut rows = vec![lead.and(Label::Plain, "."), Row::default()];
        for (about, drift) in said.about.iter().zip(&plan.drift).take(LISTED_MAX) {
            rows.push(Row::new(Label::Bold, format!("  # {}", about.plain())));
            for (id, recorded, live) in &drift.attributes {
                let (recorded, live) = (shown(recorded.as_ref()), shown(Some(live)));
                rows.push(Row::plain(format!("      \"{}\" = {recorded} -> {live}", escape(id))));
            }
            for (name, recorded, live) in &drift.members {
                let (recorded, live) = (shown(recorded.as_ref()), shown(Some(live)));
                rows.push(Row::plain(format!("      {} = {recorded} -> {live}", escape(name))));
            }
            for Deviation { thing, described, found } in &drift.content {
                let (described, found) = (shown(described.as_ref()), shown(Some(found)));
                rows.push(Row::plain(format!("      {} = {described} -> {found}", escape(thing))));
            }
        }
        rows.extend(more(said.count, " conversations"));
        rows.push(Row::default());
        rows
    }
}

/// How many are not listed, if any.
fn more(count: usize, nouns: &str) -> Option<Row> {
    let rest = count.checked_sub(LISTED_MAX).filter(|rest| *rest > 0)?;
    Some(Row::new(Label::Hidden, format!("  and {} more{nouns}", grouped(rest as u64))))
}

/// A value of an attribute on one line, cut to a bearable length.
fn shown(value: Option<&Value>) -> String {
    const SHOWN_MAX: usize = 200;
    let text = value.map_or("(previous value not kept)".into(), |value| escape(&value.to_string()).into_owned());
    cut(&text, SHOWN_MAX).into_owned()
}

/// `2 to create, 1 to import, 1 to update, 0 to replace. 4 unchanged.`
fn summary(summary: &Summary) -> String {
    let always = [Action::Create, Action::Import, Action::Update, Action::Replace];
    let actions = Action::ALL.into_iter().filter(|action| always.contains(action) || summary.in_words(*action) > 0);
    let parts: Vec<String> =
        actions.map(|action| format!("{} to {}", summary.in_words(action), action.word())).collect();
    format!("{}. {} unchanged.", parts.join(", "), summary.unchanged)
}
