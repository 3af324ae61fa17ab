//! The JSON form of findings, `dixaform-validate/1`; docs/json.md explains it. A minor addition is a new member;
//! anything else is a new number.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::plan::file_v1::{SourceV1, TOOL};
use crate::render::escape::escape_json;

/// The value of `format`.
pub const FORMAT: &str = "dixaform-validate/1";

/// The whole document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingsV1<'f> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// Whether the command ends with 0
    valid: bool,
    error_count: usize,
    warning_count: usize,
    /// In ascending order of file and place
    findings: Vec<FindingV1<'f>>,
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "finding")]
pub struct FindingV1<'f> {
    /// Stable; docs/findings.md lists them all
    #[schemars(regex(pattern = "^[a-z0-9-]+$"))]
    code: &'f str,
    #[schemars(extend("enum" = ["error", "warning"]))]
    severity: &'static str,
    /// `<stdin>` for standard input; columns are in Unicode characters
    #[serde(flatten)]
    place: SourceV1,
    message: &'f str,
    /// What to do about it
    hint: Option<&'f str>,
    excerpt: Option<ExcerptV1<'f>>,
    /// Other places that matter, each with why
    related: Vec<RelatedV1<'f>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "excerpt")]
struct ExcerptV1<'f> {
    /// The line, or part of it
    text: &'f str,
    /// Characters of the line before that part
    skipped: u32,
    /// Characters that are meant, from the place on
    #[schemars(range(min = 1))]
    length: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "related")]
struct RelatedV1<'f> {
    #[serde(flatten)]
    place: SourceV1,
    message: &'f str,
}

impl<'f> From<&'f Finding> for FindingV1<'f> {
    fn from(finding: &'f Finding) -> Self {
        let Finding { code, severity, source, message, hint, excerpt, related } = finding;
        let excerpt = excerpt.as_ref();
        let related = related.iter().map(|(place, why)| RelatedV1 { place: place.into(), message: why });
        FindingV1 {
            code,
            severity: severity.word(),
            place: source.into(),
            message,
            hint: hint.as_deref(),
            excerpt: excerpt.map(|Excerpt { text, skipped, length }| ExcerptV1 {
                text,
                skipped: *skipped,
                length: *length,
            }),
            related: related.collect(),
        }
    }
}

/// Findings as one JSON document, a finding a line, with a newline at the end. `valid` says how the command ends.
pub fn findings(findings: &Findings, valid: bool) -> String {
    let document = FindingsV1 {
        format: FORMAT,
        tool: TOOL,
        valid,
        error_count: findings.count(Severity::Error),
        warning_count: findings.count(Severity::Warning),
        findings: Vec::new(),
    };
    let text = on_lines(&document, "findings", findings.iter().map(FindingV1::from), "\n");
    escape_json(&format!("{text}\n")).into_owned()
}

/// JSON of a document with these items in its list `name`, which is still empty. `between` is before each of them and
/// before the end of the list.
pub(super) fn on_lines<T: Serialize>(
    document: &impl Serialize,
    name: &str,
    items: impl Iterator<Item = T>,
    between: &str,
) -> String {
    let items: Vec<String> = items.map(|item| format!("{between}{}", json(&item))).collect();
    let end = if items.is_empty() { "" } else { between };
    let empty = format!("\"{name}\":[]");
    // In a string these quotes would be escaped.
    json(document).replacen(&empty, &format!("\"{name}\":[{}{end}]", items.join(",")), 1)
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are texts, and nothing else can fail")
}
