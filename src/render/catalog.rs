//! What differs between a catalog and its tenant, as text and as JSON (`dixaform-catalog-diff/1`, which docs/json.md
//! explains).

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Catalog, Difference, How, Member};
use crate::plan::file_v1::TOOL;
use crate::render::escape::{escape, escape_json};
use crate::render::number::counted;
use crate::render::palette::{Label, Palette};

/// The value of `format`.
pub const FORMAT: &str = "dixaform-catalog-diff/1";

/// What is said beside the differences.
#[derive(Clone, Copy, Debug)]
pub struct Told<'t> {
    /// The tenant's name in the project file.
    pub tenant: &'t str,
    /// As the tenant has it now.
    pub catalog: &'t Catalog,
    /// The catalog file.
    pub path: &'t str,
    /// Whether the file was written.
    pub saved: bool,
}

pub fn text(told: &Told<'_>, differences: &[Difference], palette: &Palette) -> String {
    let mut out = String::new();
    for Difference { what, name, id, how } in differences {
        let (label, sign) = match how {
            How::Added => (Label::Create, "+"),
            How::Removed => (Label::Remove, "-"),
            How::Changed(_) => (Label::Update, "~"),
        };
        out.push_str(&format!("  {} {what} \"{}\"  ({})\n", palette.paint(label, sign), escape(name), escape(id)));
        if let How::Changed(members) = how {
            for Member { name, before, after } in members {
                let shown = |value: &Option<Value>| {
                    value.as_ref().map_or("(none)".to_owned(), |value| escape(&value.to_string()).into_owned())
                };
                let arrow = palette.paint(Label::Arrow, "->");
                out.push_str(&format!("      {} = {} {arrow} {}\n", escape(name), shown(before), shown(after)));
            }
        }
    }
    if !differences.is_empty() {
        out.push('\n');
    }
    let Told { catalog, path, saved, .. } = told;
    let whose = format!("\"{}\" ({})", escape(&catalog.organization.name), escape(&catalog.organization.id));
    let path = escape(path);
    out.push_str(&match (differences.len(), saved) {
        (0, true) => format!("{path} is up to date with {whose}.\n"),
        (0, false) => format!("No differences: {path} is up to date with {whose}.\n"),
        (count, true) => {
            let entries = if catalog.len() == 1 { "entry" } else { "entries" };
            format!("Wrote {path}: {} {entries} of {whose}, {}.\n", catalog.len(), counted(count, "change"))
        }
        (count, false) => {
            let them = if count == 1 { "entry differs" } else { "entries differ" };
            format!("{count} {them} between {path} and {whose}. `dixaform catalog pull` brings it up to date.\n")
        }
    });
    out
}

/// The whole document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "catalogDiff")]
pub struct CatalogDiffV1<'d> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: &'d str,
    /// The id of the organization
    organization_id: &'d str,
    /// The catalog file
    catalog: &'d str,
    /// Whether the file was written
    saved: bool,
    /// How many entries the tenant has
    entries: usize,
    differences: Vec<DifferenceV1<'d>>,
}

/// One entry that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "difference")]
struct DifferenceV1<'d> {
    #[schemars(extend("enum" = ["added", "removed", "changed"]))]
    how: &'static str,
    #[schemars(extend("enum" = ["attribute", "agent", "queue", "tag", "contact endpoint"]))]
    what: &'d str,
    /// What people call it
    name: &'d str,
    id: &'d str,
    /// The members that differ, if it was changed
    members: Vec<MemberV1<'d>>,
}

/// One member that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "differingMember")]
struct MemberV1<'d> {
    name: &'d str,
    /// In the catalog file; null if it is not there
    before: Option<&'d Value>,
    /// In the tenant; null if it is not there
    after: Option<&'d Value>,
}

pub fn json(told: &Told<'_>, differences: &[Difference]) -> String {
    let Told { tenant, catalog, path, saved } = *told;
    let document = CatalogDiffV1 {
        format: FORMAT,
        tool: TOOL,
        tenant,
        organization_id: &catalog.organization.id,
        catalog: path,
        saved,
        entries: catalog.len(),
        differences: differences.iter().map(DifferenceV1::of).collect(),
    };
    let text = serde_json::to_string_pretty(&document).expect("differences are JSON");
    format!("{}\n", escape_json(&text))
}

impl<'d> DifferenceV1<'d> {
    fn of(Difference { what, name, id, how }: &'d Difference) -> Self {
        let (word, members): (_, &[Member]) = match how {
            How::Added => ("added", &[]),
            How::Removed => ("removed", &[]),
            How::Changed(members) => ("changed", members),
        };
        let member = |Member { name, before, after }: &'d Member| MemberV1 {
            name,
            before: before.as_ref(),
            after: after.as_ref(),
        };
        DifferenceV1 { how: word, what, name, id, members: members.iter().map(member).collect() }
    }
}
