//! The JSON form of an error that ends a command, `dixaform-error/1`; docs/json.md explains it. A minor addition is a
//! new member; anything else is a new number.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{Finding, Findings};
use crate::render::escape::escape_json;
use crate::render::validate_json_v1::{FindingV1, json};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-error/1";

/// The whole document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "error")]
pub struct ErrorV1<'e> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The exit code of the command
    #[schemars(range(min = 1))]
    exit_code: u8,
    /// What is wrong
    message: &'e str,
    /// What to do next
    hints: &'e [String],
    /// What is wrong in manifests or in the project file, where that is what ended the command
    findings: Vec<FindingV1<'e>>,
}

/// An error as one JSON document, on one line.
pub fn error(exit_code: u8, message: &str, hints: &[String], findings: &Findings) -> String {
    let findings = findings.iter().map(|finding: &Finding| finding.into()).collect();
    let document = ErrorV1 { format: FORMAT, exit_code, message, hints, findings };
    format!("{}\n", escape_json(&json(&document)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_text_is_escaped_and_the_document_is_one_line() {
        let text = error(64, "no \u{202e}such\nflag", &["try \u{1b}[31m".into()], &Findings::default());
        assert_eq!(
            text,
            "{\"format\":\"dixaform-error/1\",\"exitCode\":64,\"message\":\"no \\u202esuch\\nflag\",\"hints\":[\"try \
             \\u001b[31m\"],\"findings\":[]}\n"
        );
    }
}
