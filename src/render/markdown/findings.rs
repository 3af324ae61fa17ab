//! Findings as a page of Markdown.

use crate::finding::{Finding, Findings, Severity};
use crate::render;
use crate::render::markdown::BYTES_MIN;
use crate::render::markdown::inline::{code, path};
use crate::render::markdown::sheet::{Entry, Sheet};
use crate::render::number::{counted, grouped};
use crate::render::palette::Palette;

/// The page, errors first; ends with a newline. Its first line is `<!-- dixaform:validate -->`. `valid` says how the
/// command ends, and `manifests` how many there are. A budget of less than [`BYTES_MIN`] bytes is taken as that.
pub fn findings(findings: &Findings, valid: bool, manifests: usize, max_bytes: usize) -> String {
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let counts = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, noun)| counted(count, noun)).collect();
    let verdict =
        format!("{} {}", counted(manifests, "manifest"), if manifests == 1 { "is valid" } else { "are valid" });
    let title = match (counts.is_empty(), valid) {
        (true, _) => verdict,
        (false, true) => format!("{verdict}, with {}", counts.join(", ")),
        (false, false) => counts.join(", "),
    };
    let head = format!("<!-- dixaform:validate -->\n## dixaform: {title}\n");
    let page = |reserved: usize| {
        let mut sheet = Sheet::new(max_bytes.max(BYTES_MIN) - reserved);
        sheet.add(head.clone());
        let shown = sheet.add_entries(sorted(findings).map(entry).collect());
        (sheet, shown)
    };
    let (sheet, shown) = page(0);
    if shown == findings.len() {
        return sheet.text();
    }
    let (mut sheet, shown) = page(left_out(findings.len()).len() + 1);
    sheet.close(left_out(findings.len() - shown));
    sheet.text()
}

fn sorted(findings: &Findings) -> impl Iterator<Item = &Finding> {
    let of = |severity| findings.iter().filter(move |finding| finding.severity == severity);
    of(Severity::Error).chain(of(Severity::Warning))
}

/// One finding as it looks in a terminal.
pub(super) fn entry(finding: &Finding) -> Entry {
    let text = render::findings::finding(finding, &Palette::plain());
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let place = path(&finding.source.file, finding.source.place.line);
    let lead = format!("**{}** {} at {place}", finding.severity.word(), code(finding.code));
    Entry::new(&lead, &lines, &format!("It says {}.", code(&finding.message)))
}

fn left_out(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    let nouns = if count == 1 { "finding" } else { "findings" };
    format!("{} more {nouns} {verb} left out here; `dixaform validate` shows all\n", grouped(count as u64))
}
