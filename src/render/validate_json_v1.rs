//! The JSON form of findings, `dixaform-validate/1`; docs/json.md explains it. A minor addition is a new member;
//! anything else is a new number.

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::plan::json_value::{self as shown, Value};
use crate::render::escape::escape_json;
use crate::render::json_v1::{count, integer, map, or_null};
use crate::source::Source;

/// The value of `format`.
pub const FORMAT: &str = "dixaform-validate/1";

/// Findings as one JSON document, a finding a line, with a newline at the end. `valid` says how the command ends.
pub fn findings(findings: &Findings, valid: bool) -> String {
    let head = map([
        ("format", Value::text(FORMAT)),
        ("tool", Value::text(concat!("dixaform ", env!("CARGO_PKG_VERSION")))),
        ("valid", Value::Bool(valid)),
        ("errorCount", count(findings.count(Severity::Error))),
        ("warningCount", count(findings.count(Severity::Warning))),
    ]);
    let mut out = shown::write(&head);
    // The head stays open for the list, which has a line per finding.
    out.pop();
    let lines: Vec<String> = findings.iter().map(|one| format!("\n{}", shown::write(&finding(one)))).collect();
    let end = if lines.is_empty() { "" } else { "\n" };
    out.push_str(&format!(",\"findings\":[{}{end}]}}\n", lines.join(",")));
    escape_json(&out).into_owned()
}

pub(crate) fn finding(finding: &Finding) -> Value {
    let Finding { code, severity, source, message, hint, excerpt: line, related } = finding;
    let others = related.iter().map(|(source, why)| {
        let [file, line, column] = place(source);
        map([file, line, column, ("message", Value::text(why))])
    });
    let [file, line_number, column] = place(source);
    map([
        ("code", Value::text(*code)),
        ("severity", Value::text(severity.word())),
        file,
        line_number,
        column,
        ("message", Value::text(message)),
        ("hint", or_null(hint.as_ref(), Value::text)),
        ("excerpt", or_null(line.as_ref(), excerpt)),
        ("related", Value::List(others.collect())),
    ])
}

fn place(Source { file, place }: &Source) -> [(&'static str, Value); 3] {
    [("file", Value::text(&**file)), ("line", integer(place.line.into())), ("column", integer(place.column.into()))]
}

/// The line, or a window of it that begins after `skipped` characters, and how many characters are meant.
fn excerpt(Excerpt { text, skipped, length }: &Excerpt) -> Value {
    map([("text", Value::text(text)), ("skipped", integer((*skipped).into())), ("length", integer((*length).into()))])
}
