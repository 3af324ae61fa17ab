//! One collapsed part of the page: a line to click on, what to know first, and a diff, within a limit of bytes.

use crate::plan::{Change, Mark, Plan};
use crate::render::markdown::diff;
use crate::render::markdown::inline::{code, fence, html_code, path};
use crate::render::note;
use crate::render::number::counted;

/// A part of the page that is opened by a click.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Details {
    /// HTML, on one line.
    summary: String,
    /// Markdown, a paragraph each.
    body: Vec<String>,
    /// The lines of the diff; none for no diff.
    diff: Vec<String>,
}

impl Details {
    pub(super) fn of_change(change: &Change) -> Self {
        let symbol = change.action.symbol();
        let mut summary = if symbol.is_empty() { String::new() } else { format!("{} ", html_code(symbol)) };
        summary.push_str(&format!("{} {}", html_code(&change.address.to_string()), change.action.header()));
        for mark in change.marks() {
            let strong = mark != Mark::Irreversible;
            let (open, close) = if strong { ("<b>", "</b>") } else { ("", "") };
            summary.push_str(&format!(", {open}{}{close}", note::mark(mark)));
        }
        Details { summary, body: body(change), diff: diff::of_change(change) }
    }

    /// What was changed outside of dixaform; none when nothing was.
    pub(super) fn of_drift(plan: &Plan) -> Option<Self> {
        let diff: Vec<String> = plan.drift.iter().flat_map(diff::of_drift).collect();
        let summary = "What was changed outside of dixaform".to_owned();
        (!diff.is_empty()).then(|| Details { summary, body: Vec::new(), diff })
    }

    /// The whole of it.
    pub(super) fn whole(&self) -> String {
        self.with_lines(self.diff.len())
    }

    /// As much of it as fits within a limit of bytes: the last lines of the diff go first, and are counted. None where
    /// even the rest does not fit.
    pub(super) fn within(&self, bytes: usize) -> Option<String> {
        let whole = self.whole();
        if whole.len() <= bytes {
            return Some(whole);
        }
        // Lines that could fit at all; counting down from there finds the most that do.
        let mut taken = 0;
        let upper = self.diff.iter().take_while(|line| {
            taken += line.len() + 1;
            taken <= bytes
        });
        let upper = upper.count().min(self.diff.len().saturating_sub(1));
        (0..=upper).rev().map(|lines| self.with_lines(lines)).find(|text| text.len() <= bytes)
    }

    fn with_lines(&self, lines: usize) -> String {
        let mut out = format!("<details>\n<summary>{}</summary>\n", self.summary);
        for paragraph in &self.body {
            out.push('\n');
            out.push_str(paragraph);
            out.push('\n');
        }
        if !self.diff.is_empty() {
            let shown = &self.diff[..lines];
            let fence = fence(shown);
            out.push_str(&format!("\n{fence}diff\n"));
            for line in shown {
                out.push_str(line);
                out.push('\n');
            }
            if lines < self.diff.len() {
                out.push_str(&format!("  # ({} left out)\n", counted(self.diff.len() - lines, "more line")));
            }
            out.push_str(&fence);
            out.push('\n');
        }
        out.push_str("\n</details>\n");
        out
    }
}

/// Where it is and why, and what a reader must know before approving.
fn body(change: &Change) -> Vec<String> {
    let place = change.source.as_ref().map(|source| path(&source.file, source.place.line));
    let id = change.id.map(|id| code(&format!("{id:#}")));
    let parts: Vec<String> = place.into_iter().chain(id).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    // A paragraph never begins with code, which could be taken for a fence.
    let mut body = vec![format!("Because {}{parts}.", change.reason.because())];
    body.extend(note::change_notes(change).map(|(_, sentence)| format!("{}.", sentence.capital().markdown())));
    body
}
