//! Findings as SARIF 2.1.0, for code scanning and editors.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use crate::finding::code::{self, Code};
use crate::finding::{Finding, Findings};
use crate::json;
use crate::plan::json_value::Value;
use crate::render::escape::escape_json;
use crate::render::json_v1::{count, integer, map};
use crate::render::review::{fingerprints, path};
use crate::source::Source;

/// Findings as a log with one run, every code of dixaform as a rule.
pub fn findings(findings: &Findings) -> String {
    let rules = code::ALL.iter().map(rule).collect();
    let driver = map([
        ("name", Value::text("dixaform")),
        ("version", Value::text(env!("CARGO_PKG_VERSION"))),
        ("informationUri", Value::text(env!("CARGO_PKG_REPOSITORY"))),
        ("rules", Value::List(rules)),
    ]);
    let results = findings.iter().zip(fingerprints(findings)).map(|(finding, id)| result(finding, id)).collect();
    let run = map([
        ("tool", map([("driver", driver)])),
        ("columnKind", Value::text("unicodeCodePoints")),
        ("results", Value::List(results)),
    ]);
    let log = map([
        ("$schema", Value::text("https://json.schemastore.org/sarif-2.1.0.json")),
        ("version", Value::text("2.1.0")),
        ("runs", Value::List(vec![run])),
    ]);
    escape_json(&json::pretty(&log.to_json())).into_owned()
}

fn rule(code: &Code) -> Value {
    map([
        ("id", Value::text(code.name)),
        ("shortDescription", text(code.meaning)),
        ("defaultConfiguration", map([("level", Value::text(code.severity.word()))])),
    ])
}

fn result(finding: &Finding, fingerprint: String) -> Value {
    let Finding { code: found, severity, source, message, hint, excerpt, related } = finding;
    let message = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
    let length = excerpt.as_ref().map_or(1, |excerpt| excerpt.length);
    let others = related.iter().map(|(place, why)| with_message(location(place, 1), text(why)));
    let mut members = vec![("ruleId".to_owned(), Value::text(*found))];
    if let Some(index) = code::ALL.iter().position(|code| code.name == *found) {
        members.push(("ruleIndex".to_owned(), count(index)));
    }
    members.extend([
        ("level".to_owned(), Value::text(severity.word())),
        ("message".to_owned(), text(&message)),
        ("locations".to_owned(), Value::List(vec![map(location(source, length))])),
        ("relatedLocations".to_owned(), Value::List(others.collect())),
        ("partialFingerprints".to_owned(), map([("dixaformFinding/v1", Value::text(fingerprint))])),
    ]);
    Value::Map(members.into_iter().collect())
}

fn text(text: &str) -> Value {
    map([("text", Value::text(text))])
}

fn with_message([location]: [(&str, Value); 1], message: Value) -> Value {
    map([location, ("message", message)])
}

fn location(Source { file, place }: &Source, length: u32) -> [(&'static str, Value); 1] {
    let region = map([
        ("startLine", integer(place.line.into())),
        ("startColumn", integer(place.column.into())),
        ("endColumn", integer((place.column + length).into())),
    ]);
    let artifact = map([("uri", Value::text(uri(path(file))))]);
    [("physicalLocation", map([("artifactLocation", artifact), ("region", region)]))]
}

/// A path as a reference: relative ones stay relative, to the root of the repository.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("manifests/a b:æ.yaml"), "manifests/a%20b%3A%C3%A6.yaml");
        assert_eq!(uri("/srv/a.yaml"), "file:///srv/a.yaml");
    }
}
