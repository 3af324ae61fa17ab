//! What the commands below `state` say, as text and as JSON: `dixaform-state-list/1`, `dixaform-state-change/1`,
//! `dixaform-state-path/1` and `dixaform-state-lock/1`, which docs/json.md explains.

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::conversation::{Address, Id};
use crate::plan::file_v1::{SourceV1, TOOL};
use crate::plan::json_parts::{AddressV1, IdV1};
use crate::render::escape::{escape, escape_json};
use crate::render::validate_json_v1::{json as to_json, on_lines};
use crate::source::Source;

/// The values of `format`.
pub const LIST_FORMAT: &str = "dixaform-state-list/1";
pub const CHANGE_FORMAT: &str = "dixaform-state-change/1";
pub const PATH_FORMAT: &str = "dixaform-state-path/1";
pub const LOCK_FORMAT: &str = "dixaform-state-lock/1";

/// Whose state it is.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'s> {
    /// The tenant's name in the project file.
    pub tenant: &'s str,
    /// The path of the state.
    pub path: &'s str,
    pub serial: u64,
}

/// One record of a list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'s> {
    pub address: &'s Address,
    pub id: Id,
    pub applied_at: &'s str,
    pub source: Option<&'s Source>,
    /// The attributes were written, or there are none.
    pub has_attributes: bool,
}

/// A list as JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "stateList")]
pub struct ListV1<'s> {
    #[schemars(extend("const" = LIST_FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: &'s str,
    /// The path of the state
    state: &'s str,
    /// 0 if there is no state yet
    serial: u64,
    /// In ascending order of address
    records: Vec<ListedV1<'s>>,
}

/// One record.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "listed")]
struct ListedV1<'s> {
    address: AddressV1,
    id: IdV1,
    #[schemars(extend("format" = "date-time"))]
    applied_at: &'s str,
    /// The manifest; null if it is not known
    source: Option<SourceV1>,
    /// False if the attributes were not written yet
    attributes_written: bool,
}

/// The records as one JSON document, each on a line.
pub fn list_json(whose: &Whose<'_>, records: &[Listed<'_>]) -> String {
    let Whose { tenant, path, serial } = *whose;
    let document = ListV1 { format: LIST_FORMAT, tool: TOOL, tenant, state: path, serial, records: Vec::new() };
    let records = records.iter().map(|listed| ListedV1 {
        address: listed.address.into(),
        id: listed.id.into(),
        applied_at: listed.applied_at,
        source: listed.source.map(Into::into),
        attributes_written: listed.has_attributes,
    });
    escape_json(&format!("{}\n", on_lines(&document, "records", records, "\n"))).into_owned()
}

/// How far lines are indented that go on with a record.
const INDENT: usize = 4;

/// Address, id, when, and where from, in columns. Where a record is wider than `width` columns of a terminal, records
/// go on in further lines, and nothing is cut off.
pub fn list(records: &[Listed<'_>], width: Option<usize>) -> String {
    let rows: Vec<[String; 4]> = records.iter().map(row).collect();
    let widths = [0, 1, 2].map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0));
    let line = |[address, id, at, source]: &[String; 4]| {
        let [a, b, c] = widths;
        format!("{address:a$}  {id:>b$}  {at:c$}  {source}").trim_end().to_owned()
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    let fits = |line: &String| width.is_none_or(|width| line.width() <= width);
    if let Some(width) = width.filter(|_| !lines.iter().all(fits)) {
        return rows.iter().map(|row| wrapped(row, width)).collect();
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn row(listed: &Listed<'_>) -> [String; 4] {
    let Listed { address, id, applied_at, source, has_attributes } = *listed;
    let mut place = source.map(|source| format!("{}:{}", escape(&source.file), source.place.line)).unwrap_or_default();
    if !has_attributes {
        place.push_str("  (attributes not written)");
    }
    [address.to_string(), format!("{id:#}"), escape(applied_at).into_owned(), place]
}

/// One record in as many lines as it takes.
fn wrapped(row: &[String; 4], width: usize) -> String {
    let indent = if width > 4 * INDENT { INDENT } else { 0 };
    let (mut text, mut column) = (String::new(), 0);
    for cell in row.iter().filter(|cell| !cell.is_empty()) {
        if column > 0 && column + 2 + cell.width() <= width {
            text.push_str("  ");
            column += 2;
        } else if column > 0 {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        }
        for character in cell.chars() {
            let takes = character.width().unwrap_or(0);
            if column + takes > width && column > indent {
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
                text.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            }
            text.push(character);
            column += takes;
        }
    }
    text.push('\n');
    text
}

/// What became of one record.
#[derive(Clone, Debug)]
pub struct Changed {
    pub address: Address,
    pub id: Id,
    pub how: How,
}

/// How a record was changed.
#[derive(Clone, Debug)]
pub enum How {
    /// It had this address before.
    MovedFrom(Address),
    /// It was dropped.
    Forgotten,
    /// It was found in Dixa, and recorded.
    Found,
}

/// A change as JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "stateChange")]
pub struct ChangeV1<'s> {
    #[schemars(extend("const" = CHANGE_FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: &'s str,
    /// The path of the state
    state: &'s str,
    /// Of the state as it is now
    serial: u64,
    /// Whether the state was saved
    saved: bool,
    changes: Vec<ChangedV1>,
    /// What a person has to decide about, with `recover`
    in_doubt: Vec<AddressV1>,
}

/// What became of one record.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "changed")]
struct ChangedV1 {
    #[schemars(extend("enum" = ["moved", "forgotten", "found"]))]
    how: &'static str,
    address: AddressV1,
    /// In Dixa, where nothing was changed
    id: IdV1,
    /// The address that it had before, if it has moved
    from: Option<AddressV1>,
}

/// What was changed, as one JSON document, each record on a line.
pub fn change_json(whose: &Whose<'_>, saved: bool, changes: &[Changed], in_doubt: &[&Address]) -> String {
    let Whose { tenant, path, serial } = *whose;
    let in_doubt = in_doubt.iter().copied().map(Into::into).collect();
    let document =
        ChangeV1 { format: CHANGE_FORMAT, tool: TOOL, tenant, state: path, serial, saved, changes: vec![], in_doubt };
    let changes = changes.iter().map(|Changed { address, id, how }| {
        let (how, from) = match how {
            How::MovedFrom(from) => ("moved", Some(from.into())),
            How::Forgotten => ("forgotten", None),
            How::Found => ("found", None),
        };
        ChangedV1 { how, address: address.into(), id: (*id).into(), from }
    });
    escape_json(&format!("{}\n", on_lines(&document, "changes", changes, "\n"))).into_owned()
}

/// What was changed, a line for each record.
pub fn change(changes: &[Changed]) -> String {
    let line = |Changed { address, id, how }: &Changed| match how {
        How::MovedFrom(from) => format!("{from} is {address} now ({id:#}).\n"),
        How::Forgotten => format!("{address} is forgotten; the {} {id:#} stays in Dixa.\n", id.noun()),
        How::Found => format!("{address} was found: it is {id:#}.\n"),
    };
    changes.iter().map(line).collect()
}

/// Where a state is, as JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "statePath")]
pub struct PathV1<'s> {
    #[schemars(extend("const" = PATH_FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: &'s str,
    path: &'s str,
    /// Whether there is a state yet
    exists: bool,
}

/// Where a state is, as one JSON document.
pub fn path_json(tenant: &str, path: &str, exists: bool) -> String {
    let document = PathV1 { format: PATH_FORMAT, tool: TOOL, tenant, path, exists };
    format!("{}\n", escape_json(&to_json(&document)))
}

/// A state that nobody holds, as JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "stateLock")]
pub struct LockV1<'s> {
    #[schemars(extend("const" = LOCK_FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: &'s str,
    /// The path of the state
    state: &'s str,
    /// The run that --force has ended; null if there was none
    ended: Option<EndedV1<'s>>,
}

/// A run that was ended; it stops within its lease.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ended")]
pub struct EndedV1<'s> {
    pub who: &'s str,
    pub host: &'s str,
    /// The number of its process
    pub pid: u32,
    pub command: &'s str,
    /// By the clock of its host
    pub since: &'s str,
}

/// A state that nobody holds, as one JSON document.
pub fn lock_json(tenant: &str, state: &str, ended: Option<EndedV1<'_>>) -> String {
    let document = LockV1 { format: LOCK_FORMAT, tool: TOOL, tenant, state, ended };
    format!("{}\n", escape_json(&to_json(&document)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::Place;

    fn text(file: &str, width: Option<usize>) -> String {
        let (one, other): (Address, Address) =
            ("conversation.order".parse().expect("one"), "import.a".parse().expect("one"));
        let source = Source::new(&Arc::from(file), Place { line: 7, column: 1 });
        let at = "2026-01-02T03:04:05Z";
        let listed = |address, source, has_attributes| Listed {
            address,
            id: Id::conversation(1001),
            applied_at: at,
            source,
            has_attributes,
        };
        list(&[listed(&one, Some(&source), false), listed(&other, None, true)], width)
    }

    #[test]
    fn a_list_is_in_columns_where_it_fits_and_whole_where_nobody_knows_the_width() {
        let columns = "conversation.order  #1001  2026-01-02T03:04:05Z  a.yaml:7  (attributes not written)\nimport.a   \
                       \u{20}        #1001  2026-01-02T03:04:05Z\n";
        assert_eq!(text("a.yaml", None), columns);
        assert_eq!(text("a.yaml", Some(83)), columns);
    }

    #[test]
    fn a_list_that_does_not_fit_goes_on_below_and_loses_nothing() {
        for file in ["a.yaml", "kunden/日本語のファイル名.yaml", "e\u{301}\u{1b}.yaml"] {
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            for width in 2..83 {
                let shown = text(file, Some(width));
                assert!(shown.lines().all(|line| line.width() <= width), "{width}:\n{shown}");
                assert_eq!(letters(&shown), letters(&text(file, None)), "{width}");
            }
        }
        let narrow = "conversation.order  #1001\n    2026-01-02T03:04:05Z\n    a.yaml:7  (attributes\n    not \
                      written)\nimport.a  #1001\n    2026-01-02T03:04:05Z\n";
        assert_eq!(text("a.yaml", Some(26)), narrow);
    }
}
