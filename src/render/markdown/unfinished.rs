//! A command that ended before it had a result, as a page of Markdown: it takes the place of an older page, which would
//! look as if it were about the newer commit.

use crate::finding::{Finding, Findings};
use crate::render::escape::{cut, escape};
use crate::render::markdown::inline::{code, fence};
use crate::render::markdown::sheet::Sheet;
use crate::render::markdown::{BYTES_MIN, findings, marker};
use crate::render::number::counted;

/// A command that ended early.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished<'u> {
    /// `plan` or `apply`
    pub command: &'u str,
    /// Where it is known.
    pub tenant: Option<&'u str>,
    pub exit: u8,
    pub message: &'u str,
    pub hints: &'u [String],
    /// What was found in manifests and the project file.
    pub findings: &'u Findings,
}

/// Characters that are shown of one line of what ended it.
const LINE_MAX: usize = 300;

/// The page; ends with a newline. Its first line is that of the page of a whole result. A budget of less than
/// [`BYTES_MIN`] bytes is taken as that.
pub fn unfinished(end: &Unfinished<'_>, max_bytes: usize) -> String {
    let mut sorted: Vec<&Finding> = end.findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    let page = |reserved: usize| {
        let mut sheet = Sheet::new(max_bytes.max(BYTES_MIN) - reserved);
        head(end, &mut sheet);
        let shown = sheet.add_entries(sorted.iter().map(|finding| findings::entry(finding)).collect());
        (sheet, shown)
    };
    let (sheet, shown) = page(0);
    if shown == sorted.len() {
        return sheet.text();
    }
    let (mut sheet, shown) = page(left_out(sorted.len()).len() + 1);
    sheet.close(left_out(sorted.len() - shown));
    sheet.text()
}

/// What ended the command, and what to do about it.
fn head(end: &Unfinished<'_>, sheet: &mut Sheet) {
    let Unfinished { command, tenant, exit, message, hints, findings: _ } = end;
    let mark = marker(command, tenant.unwrap_or_default());
    sheet.add(format!("{mark}## dixaform {command}: it ended with exit code {exit}\n"));
    let said = [(*message).to_owned()].into_iter().chain(hints.iter().map(|hint| format!("hint: {hint}")));
    let shown = |line: &str| cut(&escape(line), LINE_MAX).into_owned();
    let lines: Vec<String> = said.flat_map(|text| text.lines().map(shown).collect::<Vec<_>>()).collect();
    let fence = fence(&lines);
    let told = format!("{fence}text\n{}\n{fence}\n", lines.join("\n"));
    if !sheet.add_if_small(told) {
        sheet.add_if_small(format!("{}\n", code(message)));
    }
}

fn left_out(count: usize) -> String {
    format!("{} left out here; the log of the job has all of them\n", counted(count, "finding"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::render::tests::source;

    fn findings(count: usize) -> Findings {
        let mut findings = Findings::default();
        let finding = |line: usize| Finding {
            code: "unknown-member",
            severity: if line.is_multiple_of(2) { Severity::Error } else { Severity::Warning },
            source: source("manifests/orders.yaml", line as u32 + 1),
            message: "unknown member `requestrId`".to_owned(),
            hint: Some("did you mean `requesterId`?".to_owned()),
            excerpt: None,
            related: Vec::new(),
        };
        findings.extend((0..count).map(finding));
        findings
    }

    fn page(message: &str, findings: &Findings, max_bytes: usize) -> String {
        let hints = ["fix them".to_owned()];
        let end = Unfinished { command: "plan", tenant: Some("staging"), exit: 1, message, hints: &hints, findings };
        unfinished(&end, max_bytes)
    }

    #[test]
    fn it_says_why_and_lists_what_was_found_with_errors_first() {
        let text = page("the manifests have errors; nothing was planned", &findings(2), 10_000);
        insta::assert_snapshot!(text, @"
<!-- dixaform:plan tenant=staging -->
## dixaform plan: it ended with exit code 1

```text
the manifests have errors; nothing was planned
hint: fix them
```

**error** `unknown-member` at `manifests/orders.yaml:1`

```text
error[unknown-member]: unknown member `requestrId`
--> manifests/orders.yaml:1:1
 = help: did you mean `requesterId`?
```

**warning** `unknown-member` at `manifests/orders.yaml:2`

```text
warning[unknown-member]: unknown member `requestrId`
--> manifests/orders.yaml:2:1
 = help: did you mean `requesterId`?
```
");
    }

    #[test]
    fn foreign_text_is_only_within_fences_and_the_budget_holds() {
        let message = "can't read a```b\n::error::x\n<img src=x>\u{202e} @everyone";
        for bytes in [0, 1_000, 1_500, 4_000, 64_000] {
            let text = page(message, &findings(100), bytes);
            assert!(text.len() <= bytes.max(BYTES_MIN), "{bytes}: {}", text.len());
            assert!(text.starts_with("<!-- dixaform:plan tenant=staging -->\n## "), "{text}");
            assert!(text.contains("left out here") || bytes == 64_000, "{text}");
            let fence = text.lines().position(|line| line.starts_with("````text")).expect("a fence");
            let at = text.lines().position(|line| line.contains("<img")).expect("the message");
            assert!(fence < at && !text.contains('\u{202e}'), "{text}");
        }
    }
}
