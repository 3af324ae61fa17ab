//! What stands below the blocks: the summary, the price, and what a reader should know besides.

use crate::json;
use crate::plan::{Action, Block, Change, Plan, Summary};
use crate::render::escape::escape;
use crate::render::number::{counted, grouped, named};
use crate::render::palette::Label;
use crate::render::price::price;
use crate::render::text::row::{Row, wrap};
use crate::render::text::value::Canvas;
use crate::value::Value;

/// Addresses that a note names.
const NAMED_MAX: usize = 3;

/// Records without a manifest that are listed; the rest is counted.
const LISTED_MAX: usize = 10;

impl Canvas {
    /// The notes of an empty plan, and the sentence that says so.
    pub(super) fn no_changes(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = self.notes(plan);
        if !rows.is_empty() {
            rows.push(Row::default());
        }
        let whole = plan.gone.is_empty() && plan.in_doubt.is_empty();
        let verdict = if whole { " The tenant matches the manifests." } else { " The rest matches the manifests." };
        rows.push(Row::new(Label::Good, "No changes.").and(Label::Plain, verdict));
        rows
    }

    /// The summary of a plan that has changes, its price, its notes, its fingerprint.
    pub(super) fn closing(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = vec![
            Row::new(Label::Bold, "Plan:").and(Label::Plain, format!(" {}", summary(&plan.summary))),
            Row::plain(price(&plan.price, plan.tenant.rate_limit)),
        ];
        let notes = self.warnings(plan).into_iter().chain(self.notes(plan));
        let notes: Vec<Row> = notes.collect();
        if !notes.is_empty() {
            rows.push(Row::default());
            rows.extend(notes);
        }
        rows.push(Row::default());
        rows.push(Row::plain(format!("Fingerprint: {}", plan.fingerprint)));
        rows
    }

    fn warnings(&self, plan: &Plan) -> Vec<Row> {
        let Summary { blocked, irreversible, reach_customer, .. } = plan.summary;
        let names = |wanted: fn(&Change) -> bool| {
            named(plan.changes.iter().filter(|change| wanted(change)).map(|change| &change.address), NAMED_MAX)
        };
        let mut rows = Vec::new();
        if irreversible > 0 {
            let verb = if irreversible == 1 { "is" } else { "are" };
            let count = counted(irreversible, "change");
            let text = format!(
                "{count} {verb} irreversible (Dixa can't delete a conversation): {}.",
                names(|change| change.irreversible)
            );
            rows.extend(self.note(Label::Plain, &text));
        }
        if reach_customer > 0 {
            let verb = if reach_customer == 1 { "sends a message" } else { "send messages" };
            let whom = if reach_customer == 1 { "a customer" } else { "customers" };
            let count = counted(reach_customer, "change");
            let text = format!("{count} {verb} to {whom}: {}.", names(|change| change.reaches_customer));
            rows.extend(self.note(Label::Danger, &text));
        }
        if blocked > 0 {
            let verb = if blocked == 1 { "is" } else { "are" };
            let replace = plan.blocked().any(|change| change.block == Some(Block::ReplaceNotAllowed));
            let how = if replace { " --allow-replace allows replacements." } else { "" };
            let count = counted(blocked, "change");
            let text = format!(
                "{count} {verb} blocked, and apply refuses the whole plan: {}.{how}",
                names(|change| change.block.is_some())
            );
            rows.extend(self.note(Label::Danger, &text));
        }
        rows
    }

    fn notes(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = self.in_doubt(plan);
        rows.extend(self.gone(plan));
        let orphans = plan.summary.not_in_manifests;
        if orphans > 0 {
            let (verb, stay) = if orphans == 1 { ("is", "stays as it is") } else { ("are", "stay as they are") };
            let text = format!(
                "{} {verb} not in the manifests and {stay}; --prune forgets {}:",
                counted(orphans, "record"),
                if orphans == 1 { "it" } else { "them" }
            );
            rows.extend(self.note(Label::Plain, &text));
            for orphan in plan.not_in_manifests.iter().take(LISTED_MAX) {
                let source = orphan.source.as_ref();
                let place = source.map(|source| format!(", last in {}:{}", escape(&source.file), source.place.line));
                let text = format!("  {} (#{}{})", orphan.address, orphan.id, place.unwrap_or_default());
                rows.push(Row::plain(text));
            }
            if orphans > LISTED_MAX {
                rows.push(Row::new(Label::Hidden, format!("  and {} more", grouped((orphans - LISTED_MAX) as u64))));
            }
        }
        if plan.summary.left_out > 0 {
            let count = grouped(plan.summary.left_out as u64);
            rows.extend(self.note(Label::Plain, &format!("{count} left out by --target, --exclude or --selector.")));
        }
        rows
    }

    fn in_doubt(&self, plan: &Plan) -> Vec<Row> {
        let count = plan.summary.in_doubt;
        if count == 0 {
            return Vec::new();
        }
        let verb = if count == 1 { "is" } else { "are" };
        let text = format!(
            "{} {verb} in doubt, since an apply ended before the answer came: {}. The next apply looks for what became of it; nothing is planned before that.",
            counted(count, "change"),
            named(&plan.in_doubt, LISTED_MAX)
        );
        self.note(Label::Danger, &text)
    }

    fn gone(&self, plan: &Plan) -> Vec<Row> {
        let count = plan.summary.gone;
        if count == 0 {
            return Vec::new();
        }
        let verb = if count == 1 { "is" } else { "are" };
        let text = format!(
            "{} {verb} gone from the tenant, and never made again by itself; `dixaform state forget` drops the record, and then it is planned anew:",
            counted(count, "conversation")
        );
        let mut rows = self.note(Label::Danger, &text);
        for gone in plan.gone.iter().take(LISTED_MAX) {
            let how = if gone.anonymized { "anonymized" } else { "not found" };
            rows.push(Row::plain(format!("  {} (#{}, {how})", gone.address, gone.id)));
        }
        if count > LISTED_MAX {
            rows.push(Row::new(Label::Hidden, format!("  and {} more", grouped((count - LISTED_MAX) as u64))));
        }
        rows
    }

    /// What was changed outside of dixaform, apart from what the manifests ask for.
    pub(super) fn drift(&self, plan: &Plan) -> Vec<Row> {
        if plan.drift.is_empty() {
            return Vec::new();
        }
        let mut rows = vec![
            Row::new(Label::Bold, "Note:").and(Label::Plain, " attributes were changed outside of dixaform."),
            Row::default(),
        ];
        for drift in plan.drift.iter().take(LISTED_MAX) {
            rows.push(Row::new(Label::Bold, format!("  # {} (#{})", drift.address, drift.id)));
            for (id, recorded, live) in &drift.attributes {
                let (recorded, live) = (shown(recorded), shown(live));
                rows.push(Row::plain(format!("      \"{}\" = {recorded} -> {live}", escape(id))));
            }
        }
        if plan.drift.len() > LISTED_MAX {
            let more = grouped((plan.drift.len() - LISTED_MAX) as u64);
            rows.push(Row::new(Label::Hidden, format!("  and {more} more conversations")));
        }
        rows.push(Row::default());
        rows
    }

    fn note(&self, label: Label, text: &str) -> Vec<Row> {
        wrap(text, self.width).into_iter().map(|line| Row::new(label, line)).collect()
    }
}

/// A value of an attribute on one line, cut to a bearable length.
fn shown(value: &Value) -> String {
    const SHOWN_MAX: usize = 200;
    let text = match value {
        Value::Withheld => "(previous value not kept)".to_owned(),
        value => escape(&json::write(value)).into_owned(),
    };
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `2 to create, 1 to import, 1 to update, 0 to replace. 4 unchanged.`
fn summary(summary: &Summary) -> String {
    let always = [Action::Create, Action::Import, Action::Update, Action::Replace];
    let actions = Action::ALL.into_iter().filter(|action| always.contains(action) || summary.of(*action) > 0);
    let parts: Vec<String> = actions.map(|action| format!("{} to {}", summary.of(action), action.word())).collect();
    format!("{}. {} unchanged.", parts.join(", "), summary.unchanged)
}
