//! The schema of findings as JSON, `dixaform-validate/1`. A later version of the same number may add members, so others
//! are allowed everywhere; see [`crate::render::validate_json_v1`].

use crate::finding::Severity;
use crate::plan::json_value::{Map, Value};
use crate::schema::Subject;
use crate::schema::keyword::{
    about, at_least, defined, document, filled, list_of, of_type, only, open, or_null, pattern, word,
};

pub fn schema() -> Value {
    let schema = open(
        &["format", "tool", "valid", "errorCount", "warningCount", "findings"],
        [
            ("format", only("dixaform-validate/1")),
            ("tool", about(filled(), "The program that wrote it, and its version")),
            ("valid", about(of_type("boolean"), "Whether the command ends with 0")),
            ("errorCount", at_least(0)),
            ("warningCount", at_least(0)),
            ("findings", about(list_of(defined("finding")), "In ascending order of file and place")),
        ],
    );
    let definitions = Map::from_iter([("finding".to_owned(), finding())]);
    let text = "What is wrong or suspicious about manifests, as `dixaform validate --format json` prints it";
    document(Subject::Validate, "dixaform validate", text, schema, definitions)
}

pub(super) fn finding() -> Value {
    let excerpt = open(
        &["text", "skipped", "length"],
        [
            ("text", about(of_type("string"), "The line, or a window of it")),
            ("skipped", about(at_least(0), "Characters of the line before that window")),
            ("length", about(at_least(1), "Characters that are meant, from the place on")),
        ],
    );
    let related = open(
        &["file", "line", "column", "message"],
        [("file", of_type("string")), ("line", at_least(1)), ("column", at_least(1)), ("message", of_type("string"))],
    );
    open(
        &["code", "severity", "file", "line", "column", "message", "hint", "excerpt", "related"],
        [
            ("code", about(pattern("^[a-z0-9-]+$"), "Stable; docs/findings.md lists them all")),
            ("severity", word([Severity::Error, Severity::Warning].map(Severity::word))),
            ("file", about(of_type("string"), "`<stdin>` for standard input")),
            ("line", at_least(1)),
            ("column", about(at_least(1), "In Unicode characters")),
            ("message", of_type("string")),
            ("hint", about(or_null(of_type("string")), "What to do about it")),
            ("excerpt", or_null(excerpt)),
            ("related", about(list_of(related), "Other places that matter, each with why")),
        ],
    )
}
