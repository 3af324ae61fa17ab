//! What is refused before anything is sent, from the plan alone.

use std::borrow::Cow;
use std::fmt;

use crate::conversation::Address;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::source::Source;

/// Why a plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Some changes are blocked; the message says for each what is in the way.
    Blocked(Vec<(Address, Option<Source>, String)>),
    /// Outbound messages reach real people, and nobody allowed them.
    Outbound(Vec<(Address, Option<Source>)>),
}

impl Hint for Refusal {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Refusal::Blocked(changes) => {
                let left_out = match changes.as_slice() {
                    [(address, ..)] => format!("--exclude {address}"),
                    _ => "--exclude ADDRESS for each of them".to_owned(),
                };
                format!("nothing was sent; the rest of the plan can be applied with {left_out}").into()
            }
            Refusal::Outbound(_) => {
                "nothing was sent; allow it with --allow-outbound, or with allowOutbound: true in the project file"
                    .into()
            }
        })
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Blocked(changes) => {
                let (one, many) = ("change of the plan is blocked", "changes of the plan are blocked");
                write!(out, "{}", counted(changes.len(), one, many))?;
                for (address, source, why) in changes.iter().take(SHOWN) {
                    write!(out, "\n  {address}{}: {why}", placed(source.as_ref()))?;
                }
                more(out, changes.len())
            }
            Refusal::Outbound(changes) => {
                let counted = counted(changes.len(), "change would send", "changes would send");
                write!(out, "{counted} a message to a customer")?;
                for (address, source) in changes.iter().take(SHOWN) {
                    write!(out, "\n  {address}{}", placed(source.as_ref()))?;
                }
                more(out, changes.len())
            }
        }
    }
}

/// Looks at the whole plan: one refusal refuses all of it.
pub fn refusals(plan: &Plan, allow_outbound: bool) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let blocked: Vec<_> = plan
        .changes
        .iter()
        .filter_map(|change| {
            // Backticks mark names for forms that can style them; a message is plain text.
            let why = change.block.as_ref()?.to_string().replace('`', "");
            Some((change.address.clone(), change.source.clone(), why))
        })
        .collect();
    if !blocked.is_empty() {
        refusals.push(Refusal::Blocked(blocked));
    }
    let outbound: Vec<_> = plan
        .changes
        .iter()
        .filter(|change| change.reaches_customer)
        .map(|change| (change.address.clone(), change.source.clone()))
        .collect();
    if !outbound.is_empty() && !allow_outbound {
        refusals.push(Refusal::Outbound(outbound));
    }
    refusals
}

/// How many are named; the rest is counted.
const SHOWN: usize = 10;

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn placed(source: Option<&Source>) -> String {
    source.map(|source| format!(" ({source})")).unwrap_or_default()
}

fn more(out: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    if count > SHOWN { write!(out, "\n  and {} more", count - SHOWN) } else { Ok(()) }
}
