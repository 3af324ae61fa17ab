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

pub use findings::findings;
pub use report::report;

use std::cmp::Reverse;

use crate::plan::{Action, Change, Plan, Summary};
use crate::render::markdown::details::Details;
use crate::render::markdown::inline::code;
use crate::render::note::{self, Sentence};
use crate::render::number::{counted, grouped};
use crate::render::price::price;

/// The most that GitHub takes as a comment.
pub const BYTES_DEFAULT: usize = 65_536;

/// The least budget that the frame of a page fits in.
pub const BYTES_MIN: usize = 1_000;

/// Below this budget changes that are left out are counted, and not by action.
const BYTES_SMALL: usize = 4_000;

/// Names in one note.
const NAMED_MAX: usize = 3;

/// Where not all changes fit, one of them takes this part of the budget at most, so that it does not hide all others.
const SHARE: usize = 4;

/// The page; ends with a newline.
///
/// Its first line is a comment that no reader sees, `<!-- dixaform:plan tenant=NAME -->`, by which a bot finds the
/// comment that it wrote before. A budget of less than [`BYTES_MIN`] bytes is taken as that.
pub fn plan(plan: &Plan, max_bytes: usize) -> String {
    let max_bytes = max_bytes.max(BYTES_MIN);
    let mut page = Page::new(plan, max_bytes);
    page.add_changes(plan);
    page.text()
}

/// The parts of a page, and the bytes that are left for more.
struct Page {
    /// Each ends with a newline; a blank line comes between them.
    parts: Vec<String>,
    /// What is below the changes.
    closing: Vec<String>,
    /// Without those that saying what was left out may take.
    room: usize,
    /// Changes that are left out are counted, and not by action.
    small: bool,
}

impl Page {
    /// All but the changes. What is needed comes first, and the rest as far as it fits.
    fn new(plan: &Plan, max_bytes: usize) -> Self {
        let mut page = Page { parts: Vec::new(), closing: Vec::new(), room: max_bytes, small: max_bytes < BYTES_SMALL };
        page.room -= page.bytes_to_leave_out(plan);
        page.add(format!("{}{}", marker("plan", &plan.tenant.name), title(plan)));
        let status = status(plan);
        page.room -= status.len() + 1;
        if !plan.is_empty() {
            page.close(format!("Fingerprint: {}\n", code(&plan.fingerprint)));
            let price = format!("{}\n", price(&plan.price, plan.tenant.rate_limit));
            if page.fits(&price) {
                page.close(price);
            }
        }
        let intro = intro(plan);
        if page.fits(&intro) {
            page.add(intro);
        }
        page.room += status.len() + 1;
        page.add_notes(plan, status);
        page
    }

    /// The most bytes needed to say how many changes were left out: fewer of them never take more.
    fn bytes_to_leave_out(&self, plan: &Plan) -> usize {
        left_out(&plan.changes.iter().collect::<Vec<_>>(), self.small).len() + 1
    }

    fn fits(&self, part: &str) -> bool {
        part.len() < self.room
    }

    fn add(&mut self, part: String) {
        self.room -= part.len() + 1;
        self.parts.push(part);
    }

    /// Puts a part above those that close the page already.
    fn close(&mut self, part: String) {
        self.room -= part.len() + 1;
        self.closing.insert(0, part);
    }

    /// What a reader must know: in sentences with names where they leave half of the room to the changes, else in
    /// numbers.
    fn add_notes(&mut self, plan: &Plan, status: String) {
        let notes = notes(plan);
        if notes.is_empty() {
            return;
        }
        self.add(if notes.len() < self.room / 2 { notes } else { status });
        let drift = Details::of_drift(plan).and_then(|drift| drift.within(self.room / SHARE));
        if let Some(drift) = drift {
            self.add(drift);
        }
    }

    /// All changes, or else the first ones and how many more there are.
    fn add_changes(&mut self, plan: &Plan) {
        let mut changes: Vec<&Change> = plan.changes.iter().collect();
        changes.sort_by_key(|change| importance(change));
        let reserved = self.bytes_to_leave_out(plan);
        if let Some(all) = whole_within(&changes, self.room + reserved) {
            self.parts.extend(all);
            return;
        }
        let share = (self.room / SHARE).max(BYTES_MIN);
        let mut shown = 0;
        for change in &changes {
            let bytes = share.min(self.room.saturating_sub(1));
            let Some(text) = Details::of_change(change).within(bytes) else { break };
            self.add(text);
            shown += 1;
        }
        self.closing.insert(0, left_out(&changes[shown..], self.small));
    }

    fn text(self) -> String {
        let parts: Vec<String> = self.parts.into_iter().chain(self.closing).collect();
        parts.join("\n")
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
        Action::Forget => 4,
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
    format!("## dixaform: {}\n", by_action(|action| plan.summary.of(action)))
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
        out.push_str(&format!("{}\n", note::no_changes(plan)));
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
