//! Records that move to another address: `dixaform/moved-from`.
//!
//! A manifest takes over the record of its old address as long as it has none of its own; after that, and where the old
//! address has none either, the annotation means nothing. Until the record has moved, manifest and record are one thing
//! with two addresses: a filter can name either, and a call in doubt of either holds it up.

use crate::conversation::Address;
use crate::desired::{Desired, Manifest};
use crate::finding::{Finding, Severity, code};
use crate::plan::change::Plan;
use crate::state::{CannotMove, Record, State};

/// The address that a manifest had before, as long as it has no record of its own.
pub fn former<'m>(manifest: &'m Manifest, state: &State) -> Option<&'m Address> {
    manifest.former().filter(|_| !state.records.contains_key(&manifest.address))
}

/// The record of a manifest, which may be that of its old address, and the address that it has.
pub fn record_of<'s>(manifest: &Manifest, state: &'s State) -> Option<(&'s Address, &'s Record)> {
    let recorded = |address| state.records.get_key_value(address);
    recorded(&manifest.address).or_else(|| recorded(manifest.former()?))
}

/// The addresses that a manifest goes by: its own, and the one whose record it takes over.
pub fn names<'m>(manifest: &'m Manifest, state: &State) -> impl Iterator<Item = &'m Address> + use<'m> {
    std::iter::once(&manifest.address).chain(former(manifest, state))
}

/// Gives records of the state that a plan was made for their new addresses; how many there were.
///
/// # Errors
/// The plan was made for another state.
pub fn carry_out(plan: &Plan, state: &mut State) -> Result<usize, CannotMove> {
    let mut moved = 0;
    for change in &plan.changes {
        let Some(from) = change.moved() else { continue };
        state.move_record(from, &change.address)?;
        if let Some(record) = state.records.get_mut(&change.address) {
            record.source.clone_from(&change.source);
        }
        moved += 1;
    }
    Ok(moved)
}

/// One finding for each manifest that has a record beside that of its old address: which of the two conversations it is
/// about, only a person can say.
pub fn both_recorded<'a>(desired: &'a Desired, state: &'a State) -> impl Iterator<Item = Finding> + 'a {
    desired.iter().filter_map(|manifest| {
        let (from, to) = (manifest.former()?, &manifest.address);
        let (old, new) = (state.records.get(from)?, state.records.get(to)?);
        Some(Finding {
            code: code::OLD_ADDRESS_RECORDED,
            severity: Severity::Error,
            source: manifest.moved_from_source(),
            message: format!("{from} ({:#}) can't move to {to}, which has a record already ({:#})", old.id, new.id),
            hint: Some(format!(
                "remove the annotation if both are to stay; else drop the record of one of the two conversations: \
                 `dixaform state forget {from}` or `dixaform state forget {to}`"
            )),
            excerpt: None,
            related: Vec::new(),
        })
    })
}
