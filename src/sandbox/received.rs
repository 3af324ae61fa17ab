//! What was read of a request before its route was chosen, and under which circumstances it is carried out.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::sandbox::faults::{Duplicates, Sights};
use crate::sandbox::refusal::Refusal;

/// See the top of this file.
#[derive(Debug)]
pub struct Received {
    /// None when there was no body or it is not JSON.
    pub body: Arc<Option<Value>>,
    /// When it is carried out.
    pub now: Timestamp,
    /// Whether what does not exist is refused.
    pub strict: bool,
    pub sights: Sights,
    pub duplicates: Option<Duplicates>,
    /// What a 400 about an external id says; `{id}` stands for the id.
    pub wording: String,
}

impl Received {
    /// The body, for whoever needs one.
    pub fn body(&self) -> Result<&Value, Refusal> {
        self.body.as_ref().as_ref().ok_or(Refusal::Undecodable)
    }

    /// The refusal of an external id that is taken.
    pub fn duplicate(&self, external_id: &str) -> Refusal {
        Refusal::DuplicateExternalId(worded(&self.wording, external_id))
    }
}

/// What a 400 about this external id says.
pub fn worded(wording: &str, external_id: &str) -> String {
    wording.replace("{id}", external_id)
}
