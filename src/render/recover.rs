//! What `recover` has settled and what is left, as JSON (`dixaform-recover/1`, which docs/json.md explains).

use schemars::JsonSchema;
use serde::Serialize;

use crate::conversation::{Address, Id};
use crate::plan::file_v1::TOOL;
use crate::plan::json_parts::{AddressV1, IdV1};
use crate::render::escape::escape_json;
use crate::render::validate_json_v1::json as to_json;

/// The value of `format`.
pub const FORMAT: &str = "dixaform-recover/1";

/// The whole document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "recover")]
pub struct RecoverV1 {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The program that wrote it, and its version
    #[schemars(length(min = 1))]
    tool: &'static str,
    /// The tenant's name in the project file
    tenant: String,
    /// What was settled by this command
    settled: Vec<SettledV1>,
    /// Calls whose end is still unknown
    in_doubt: Vec<InDoubtV1>,
    /// What an earlier apply made or adopted and the state does not know: a person has to decide about all of them
    unrecorded: Vec<MadeV1>,
    /// What was made more than once: a person has to say which one to keep
    doubled: Vec<DoubledV1>,
    /// The exit code of the command
    exit_code: u8,
    /// Why the command did not end with 0; else null
    message: Option<String>,
    hints: Vec<String>,
}

/// What was settled about one address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "settled")]
struct SettledV1 {
    address: AddressV1,
    #[schemars(extend("enum" = ["adopt", "create", "forget", "keep"]))]
    decision: &'static str,
    #[schemars(extend("enum" = ["person", "machine"]))]
    by: &'static str,
    /// What it is in Dixa; null if nothing was made, or if that is not known
    id: Option<IdV1>,
}

/// A call whose end is unknown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "callInDoubt")]
struct InDoubtV1 {
    address: AddressV1,
    /// The word of the journal for it: `create` or `import`
    call: &'static str,
    #[schemars(extend("format" = "date-time"))]
    since: String,
    /// Why its end is unknown
    message: String,
}

/// What was made for an address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "made")]
struct MadeV1 {
    address: AddressV1,
    id: IdV1,
}

/// What was made more than once for an address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "doubled")]
struct DoubledV1 {
    address: AddressV1,
    /// The one in the record
    id: IdV1,
    /// The others that have its marker
    others: Vec<IdV1>,
}

impl RecoverV1 {
    /// Nothing was settled yet.
    pub fn new(tenant: &str) -> Self {
        RecoverV1 {
            format: FORMAT,
            tool: TOOL,
            tenant: tenant.to_owned(),
            settled: Vec::new(),
            in_doubt: Vec::new(),
            unrecorded: Vec::new(),
            doubled: Vec::new(),
            exit_code: 0,
            message: None,
            hints: Vec::new(),
        }
    }

    /// Adds what was settled.
    pub fn settled(&mut self, address: &Address, decision: &'static str, by: &'static str, id: Option<Id>) {
        self.settled.push(SettledV1 { address: address.into(), decision, by, id: id.map(Into::into) });
    }

    /// Adds a call whose end is still unknown.
    pub fn in_doubt(&mut self, address: &Address, call: &'static str, since: &str, message: &str) {
        let (since, message) = (since.to_owned(), message.to_owned());
        self.in_doubt.push(InDoubtV1 { address: address.into(), call, since, message });
    }

    /// Adds what the state does not know.
    pub fn unrecorded(&mut self, address: &Address, id: Id) {
        self.unrecorded.push(MadeV1 { address: address.into(), id: id.into() });
    }

    /// Adds what was made more than once.
    pub fn doubled(&mut self, address: &Address, id: Id, others: &[Id]) {
        let others = others.iter().copied().map(Into::into).collect();
        self.doubled.push(DoubledV1 { address: address.into(), id: id.into(), others });
    }

    /// How the command ends, if not with 0.
    pub fn ends(&mut self, exit_code: u8, message: String, hints: Vec<String>) {
        self.exit_code = exit_code;
        self.message = Some(message);
        self.hints = hints;
    }

    /// Whether there is nothing to say but how the command ends.
    pub fn is_empty(&self) -> bool {
        let RecoverV1 { settled, in_doubt, unrecorded, doubled, .. } = self;
        settled.is_empty() && in_doubt.is_empty() && unrecorded.is_empty() && doubled.is_empty()
    }

    /// As one JSON document, on one line.
    pub fn json(&self) -> String {
        format!("{}\n", escape_json(&to_json(self)))
    }
}
