//! What `init` wrote, as JSON (`dixaform-init/1`, which docs/json.md explains).

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::file_v1::TOOL;
use crate::render::escape::escape_json;
use crate::render::validate_json_v1::on_lines;

/// The value of `format`.
pub const FORMAT: &str = "dixaform-init/1";

/// The whole document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "init")]
pub struct InitV1 {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    files: Vec<FileV1>,
}

/// One file of the project.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "projectFile")]
pub struct FileV1 {
    /// As it would be typed in the working folder
    pub path: String,
    /// Whether it was written; one that was there is left as it is
    pub written: bool,
    /// Lines that a file which was there does not have and should have
    pub lacks: Vec<String>,
}

/// The files as one JSON document, each on a line.
pub fn json(files: &[FileV1]) -> String {
    let document = InitV1 { format: FORMAT, tool: TOOL, files: Vec::new() };
    escape_json(&format!("{}\n", on_lines(&document, "files", files.iter(), "\n"))).into_owned()
}
