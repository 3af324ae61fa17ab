//! Plans, findings and reports as Markdown, for a comment on a pull or merge request and for the summary of a job.
//!
//! A page never has more bytes than its budget, and its markup is whole at any budget from [`BYTES_MIN`] on. What
//! matters most comes first: what is blocked, what reaches a customer, then by action. What does not fit is counted.
//! Foreign text is only in code and fences, where it can't be markup, a mention or a reference.

mod details;
mod diff;
mod findings;
pub(super) mod inline;
mod report;
mod sheet;
mod unfinished;

pub use findings::findings;
pub use report::report;
pub use sheet::BYTES_MIN;
pub use unfinished::{Unfinished, unfinished};

use std::cmp::Reverse;

use crate::plan::{Action, Change, Plan, Summary};
use crate::render::markdown::details::Details;
use crate::render::markdown::inline::code;
use crate::render::markdown::sheet::{SHARE, Sheet};
use crate::render::note::{self, Sentence};
use crate::render::number::{counted, grouped};
use crate::render::price::price;

/// The most that GitHub takes as a comment.
pub const BYTES_DEFAULT: usize = 65_536;

/// Below this budget changes that are left out are counted, and not by action.
const BYTES_SMALL: usize = 4_000;

/// Names in one note.
const NAMED_MAX: usize = 3;

/// The page; ends with a newline.
///
/// Its first line is a comment that no reader sees, `<!-- dixaform:plan tenant=NAME -->`, by which a bot finds the
/// comment that it wrote before. A budget of less than [`BYTES_MIN`] bytes is taken as that.
pub fn plan(plan: &Plan, max_bytes: usize) -> String {
    let max_bytes = max_bytes.max(BYTES_MIN);
    let mut changes: Vec<&Change> = plan.changes.iter().collect();
    changes.sort_by_key(|change| importance(change));
    let small = max_bytes < BYTES_SMALL;
    // The most bytes needed to say how many changes were left out: fewer of them never take more.
    let reserved = left_out(&changes, small).len() + 1;
    let mut sheet = Sheet::new(max_bytes - reserved);
    add_frame(plan, &mut sheet);
    if let Some(all) = whole_within(&changes, sheet.room() + reserved) {
        all.into_iter().for_each(|text| sheet.add(text));
        return sheet.text();
    }
    let share = (sheet.room() / SHARE).max(BYTES_MIN);
    let mut shown = 0;
    for change in &changes {
        let bytes = share.min(sheet.room().saturating_sub(1));
        let Some(text) = Details::of_change(change).within(bytes) else { break };
        sheet.add(text);
        shown += 1;
    }
    sheet.close(left_out(&changes[shown..], small));
    sheet.text()
}

/// All but the changes. What is needed comes first, and the rest as far as it fits.
fn add_frame(plan: &Plan, sheet: &mut Sheet) {
    sheet.add(format!("{}{}", marker("plan", &plan.tenant.name), title(plan)));
    let status = status(plan);
    // The notes take at least as many bytes as their numbers do.
    let fits = |part: &str, sheet: &Sheet| part.len() + status.len() + 1 < sheet.room();
    if !plan.is_empty() {
        sheet.close(format!("Fingerprint: {}\n", code(&plan.fingerprint)));
        let price = format!("{}\n", price(&plan.price, plan.tenant.rate_limit));
        if fits(&price, sheet) {
            sheet.close(price);
        }
    }
    let intro = intro(plan);
    if fits(&intro, sheet) {
        sheet.add(intro);
    }
    // In sentences with names if they leave half of the room to the changes, else in numbers.
    let notes = notes(plan);
    if !notes.is_empty() {
        let shown = if notes.len() < sheet.room() / 2 { notes } else { status };
        sheet.add(shown);
        let drift = Details::of_drift(plan).and_then(|drift| drift.within(sheet.room() / SHARE));
        drift.into_iter().for_each(|drift| sheet.add(drift));
    }
}

/// Every change as a whole, if they fit in this many bytes.
fn whole_within(changes: &[&Change], bytes: usize) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut room = bytes;
    for change in changes {
        let text = Details::of_change(change).whole();
        room = room.checked_sub(text.len() + 1)?;
        all.push(text);
    }
    Some(all)
}

/// The order of the page. Changes of one rank stay in the order of their addresses.
fn importance(change: &Change) -> (Reverse<bool>, Reverse<bool>, u8) {
    let rank = match change.action {
        Action::Replace => 0,
        Action::Update => 1,
        Action::Adopt => 2,
        Action::Create | Action::Import => 3,
        Action::Move | Action::Forget => 4,
    };
    (Reverse(change.block.is_some()), Reverse(change.reaches_customer), rank)
}

/// By this line a bot finds the comment that it wrote before. Names of tenants hold no other letters; a file that was
/// edited may.
fn marker(what: &str, tenant: &str) -> String {
    const NAME_MAX: usize = 253;
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    let name: String = tenant.chars().filter(allowed).take(NAME_MAX).collect();
    format!("<!-- dixaform:{what} tenant={name} -->\n")
}

fn title(plan: &Plan) -> String {
    if plan.is_empty() {
        return "## dixaform: No changes\n".to_owned();
    }
    format!("## dixaform: {}\n", by_action(|action| plan.summary.in_words(action)))
}

/// `2 to create, 1 to update`
pub(crate) fn by_action(count: impl Fn(Action) -> usize) -> String {
    let actions = Action::ALL.into_iter().filter(|action| count(*action) > 0);
    let parts: Vec<String> =
        actions.map(|action| format!("{} to {}", grouped(count(action) as u64), action.word())).collect();
    parts.join(", ")
}

fn intro(plan: &Plan) -> String {
    let mut out = format!("Tenant {} ({})", code(&plan.tenant.name), code(plan.tenant.whereabouts()));
    out.push_str(&format!(", {} unchanged", grouped(plan.summary.unchanged as u64)));
    out.push_str(".\n");
    if plan.is_empty() {
        out.push_str(format!("{} {}", note::no_changes(plan), note::compared(plan)).trim_end());
        out.push('\n');
    }
    out
}

/// The notes in numbers, on one line.
fn status(plan: &Plan) -> String {
    let Summary { blocked, reach_customer, irreversible, in_doubt, gone, not_in_manifests, left_out, .. } =
        plan.summary;
    let counts = [
        (blocked, "blocked"),
        (reach_customer, "to customers"),
        (irreversible, "irreversible"),
        (in_doubt, "in doubt"),
        (gone, "gone"),
        (plan.drift.len(), "drifted"),
        (not_in_manifests, "not in the manifests"),
        (left_out, "left out by a filter"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = counts.map(|(count, what)| format!("{} {what}", grouped(count as u64))).collect();
    if parts.is_empty() { String::new() } else { format!("**{}**\n", parts.join(", ")) }
}

/// What a reader must know before opening anything, as a list; empty where there is nothing.
fn notes(plan: &Plan) -> String {
    let item = |said: note::Said<'_>| {
        let names = if said.about.is_empty() {
            String::new()
        } else {
            format!(": {}", said.names(NAMED_MAX, Sentence::markdown))
        };
        format!("- {}{names}.{}\n", said.lead.markdown(), said.end.markdown())
    };
    note::notes(plan).into_iter().map(item).collect()
}

/// How many changes are not on the page, and where they are.
fn left_out(changes: &[&Change], small: bool) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let verb = if changes.len() == 1 { "is" } else { "are" };
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let actions = if small { String::new() } else { format!(" ({})", by_action(count)) };
    let what = counted(changes.len(), "more change");
    format!("{what} {verb} left out here{actions}; the whole plan: `dixaform show PLANFILE` or the job's log\n")
}

#[cfg(test)]
mod tests;
