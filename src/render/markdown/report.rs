//! How an apply ended, as a page of Markdown: what needs a person first, what was done last and folded.

use crate::apply::outcome::{ChangeOutcome, Outcome};
use crate::conversation::Id;
use crate::plan::{Action, Plan};
use crate::render::findings as terminal;
use crate::render::markdown::findings;
use crate::render::markdown::inline::{code, path};
use crate::render::markdown::sheet::{Entry, Sheet};
use crate::render::markdown::{BYTES_MIN, BYTES_SMALL, NAMED_MAX, marker};
use crate::render::number::{counted, grouped, named};
use crate::render::palette::Palette;
use crate::render::remark::{Matter, Remark, remarks, stopped};
use crate::render::report::{Finished, headline};

/// The page; ends with a newline.
///
/// Its first line is a comment that no reader sees, `<!-- dixaform:apply tenant=NAME -->`, by which a bot finds the
/// comment that it wrote before. A budget of less than [`BYTES_MIN`] bytes is taken as that.
pub fn report(finished: &Finished<'_>, max_bytes: usize) -> String {
    let max_bytes = max_bytes.max(BYTES_MIN);
    let parts = Parts::of(finished);
    let (sheet, left) = page(finished, &parts, max_bytes);
    if left.is_nothing() {
        return sheet.text();
    }
    // Fewer that are left out never take more bytes to say so.
    let small = max_bytes < BYTES_SMALL;
    let reserved = parts.all().text(small).len() + 1;
    let (mut sheet, left) = page(finished, &parts, max_bytes - reserved);
    sheet.close(left.text(small));
    sheet.text()
}

/// What is on the page, in its order; each outcome once.
struct Parts<'f> {
    remarks: Vec<Remark<'f>>,
    not_attempted: Vec<String>,
    done: Vec<String>,
    findings: usize,
}

impl<'f> Parts<'f> {
    fn of(finished: &Finished<'f>) -> Self {
        let Finished { plan, report, pointers, findings, exit: _ } = *finished;
        let mut all: Vec<Remark<'f>> = remarks(report, pointers).collect();
        all.sort_by_key(|remark| remark.matter);
        let mut parts = Parts { remarks: all, not_attempted: Vec::new(), done: Vec::new(), findings: findings.len() };
        for ended in &report.outcomes {
            let ChangeOutcome { address, action, moved: _, source: _, outcome } = ended;
            match outcome {
                Outcome::NotAttempted { needs: None } => {
                    parts.not_attempted.push(format!("- {}\n", code(&address.to_string())))
                }
                Outcome::Done { id, partial_errors, warnings, .. }
                    if partial_errors.is_empty() && warnings.is_empty() =>
                {
                    parts.done.push(done(ended, *action, *id, plan));
                }
                // There is a remark about these.
                Outcome::NotAttempted { needs: Some(_) } | Outcome::Done { .. } => {}
                Outcome::Failed { .. } | Outcome::InDoubt { .. } => {}
            }
        }
        parts
    }

    fn of_matter(&self, matter: Matter) -> usize {
        self.remarks.iter().filter(|remark| remark.matter == matter).count()
    }

    fn all(&self) -> Left {
        Left {
            findings: self.findings,
            failed: self.of_matter(Matter::Failed),
            in_doubt: self.of_matter(Matter::InDoubt),
            odd: self.of_matter(Matter::Odd),
            not_attempted: self.not_attempted.len() + self.of_matter(Matter::Blocked),
            done: self.done.len(),
        }
    }
}

/// ``- `conversation.a` created `#1003` ``
fn done(ended: &ChangeOutcome, action: Action, id: Option<Id>, plan: &Plan) -> String {
    let mut line = format!("- {} {}", code(&ended.address.to_string()), action.done());
    if let Some(id) = id {
        line.push_str(&format!(" {}", code(&format!("{id:#}"))));
    }
    if let Some(from) = &ended.moved {
        line.push_str(&format!(", moved from {}", code(&from.to_string())));
    }
    let before = plan.changes.binary_search_by(|change| change.address.cmp(&ended.address)).ok();
    if let (Action::Replace, Some(old)) = (action, before.and_then(|index| plan.changes[index].id)) {
        line.push_str(&format!(", in the place of {}", code(&format!("{old:#}"))));
    }
    line.push('\n');
    line
}

/// As much as fits, and what does not.
fn page(finished: &Finished<'_>, parts: &Parts<'_>, bytes: usize) -> (Sheet, Left) {
    let mut sheet = Sheet::new(bytes);
    head(finished, &mut sheet);
    let mut left = parts.all();
    // Once something is left out, nothing that matters less takes its place.
    let found: Vec<Entry> = finished.findings.iter().map(findings::entry).collect();
    left.findings -= sheet.add_entries(found);
    if left.findings > 0 {
        return (sheet, left);
    }
    let shown = sheet.add_entries(parts.remarks.iter().map(entry).collect());
    for remark in &parts.remarks[..shown] {
        match remark.matter {
            Matter::Failed => left.failed -= 1,
            Matter::InDoubt => left.in_doubt -= 1,
            Matter::Blocked => left.not_attempted -= 1,
            Matter::Odd => left.odd -= 1,
        }
    }
    if shown < parts.remarks.len() {
        return (sheet, left);
    }
    left.not_attempted -= sheet.add_list("not attempted", &parts.not_attempted);
    if left.not_attempted == 0 {
        left.done -= sheet.add_list("done", &parts.done);
    }
    (sheet, left)
}

/// Title, tenant, why it ended early, and the fingerprint.
fn head(finished: &Finished<'_>, sheet: &mut Sheet) {
    let Finished { plan, report, .. } = finished;
    let title = format!("## dixaform {}\n", headline(report));
    sheet.add(format!("{}{title}", marker("apply", &plan.tenant.name)));
    if !plan.is_empty() {
        sheet.close(format!("Fingerprint: {}\n", code(&plan.fingerprint)));
    }
    if let Some(stop) = &report.stop {
        let (why, said) = stopped(stop);
        let told = said.map(|said| format!("**Stopped:** {why}: {}\n", code(&said)));
        if !told.is_some_and(|told| sheet.add_if_small(told)) {
            sheet.add(format!("**Stopped:** {why}.\n"));
        }
    }
    sheet.add_if_small(format!("Tenant {} ({}).\n", code(&plan.tenant.name), code(plan.tenant.whereabouts())));
    if !plan.in_doubt.is_empty() {
        let names = named(plan.in_doubt.iter().map(|address| code(&address.to_string())), NAMED_MAX);
        let what = counted(plan.in_doubt.len(), "call");
        let then = "decide with `dixaform recover`";
        sheet.add_if_small(format!("**In doubt since an earlier apply, and left alone: {what}** ({names}); {then}.\n"));
    }
}

fn entry(remark: &Remark<'_>) -> Entry {
    let word = match remark.matter {
        Matter::Failed => "Failed",
        Matter::InDoubt => "In doubt",
        Matter::Blocked => "Not attempted",
        Matter::Odd => "Warning",
    };
    let place =
        remark.source.map_or_else(String::new, |source| format!(" ({})", path(&source.file, source.place.line)));
    let lead = format!("**{word}:** {}{place}", code(&remark.title));
    let text = terminal::remark(remark, &Palette::plain());
    // Its first line is the title.
    let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    let mut short = format!("It says {}.", code(&remark.details.join("; ")));
    if let Some(hint) = remark.hint {
        short.push_str(&format!(" {hint}."));
    }
    Entry::new(&lead, &lines, &short)
}

/// How many of each are not on the page.
#[derive(Clone, Copy, Debug)]
struct Left {
    findings: usize,
    failed: usize,
    in_doubt: usize,
    odd: usize,
    not_attempted: usize,
    done: usize,
}

impl Left {
    fn counts(&self) -> [(usize, &'static str); 6] {
        let Left { findings, failed, in_doubt, odd, not_attempted, done } = *self;
        [
            (findings, "found in manifests"),
            (failed, "failed"),
            (in_doubt, "in doubt"),
            (odd, "done with warnings"),
            (not_attempted, "not attempted"),
            (done, "done"),
        ]
    }

    fn total(&self) -> usize {
        self.counts().into_iter().map(|(count, _)| count).sum()
    }

    fn is_nothing(&self) -> bool {
        self.total() == 0
    }

    fn text(&self, small: bool) -> String {
        let counts = self.counts().into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = counts.map(|(count, what)| format!("{} {what}", grouped(count as u64))).collect();
        let words = if small { String::new() } else { format!(" ({})", words.join(", ")) };
        let (total, verb) = (self.total(), if self.total() == 1 { "is" } else { "are" });
        let total = grouped(total as u64);
        format!("{total} more {verb} left out here{words}; the job's log and the JSON form have them all\n")
    }
}

#[cfg(test)]
mod tests;
