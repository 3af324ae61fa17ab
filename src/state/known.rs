//! Which manifests need not be parsed: those of files whose bytes are the ones that their records were made of.
//!
//! A record says so only of a file that had no findings, and in which each manifest was as its record has it. So such a
//! file has nothing new to say: neither a change nor a warning.

use std::collections::HashMap;

use crate::conversation::Address;
use crate::desired::{Desired, Manifest};
use crate::digest::Digest;
use crate::source::MadeOf;
use crate::state::record::{Record, State};

/// The files that the records of a state know.
#[derive(Debug, Default)]
pub struct Known<'s> {
    /// By name and digest: how many manifests there are in the file, and the addresses of those that have a record.
    files: HashMap<(&'s str, Digest), (u32, Vec<&'s Address>)>,
}

impl<'s> Known<'s> {
    pub fn of(state: &'s State) -> Self {
        let mut known = Known::default();
        for (address, record) in &state.records {
            // Attributes that were never written are to be written, whatever the file is.
            if let Record { attributes_digest: Some(_), source: Some(source), made_of: Some(made_of), .. } = record {
                let MadeOf { digest, manifests } = *made_of;
                let file = known.files.entry((&source.file, digest)).or_insert((manifests, Vec::new()));
                file.1.push(address);
            }
        }
        known
    }

    /// The addresses of all manifests in a file with these bytes; none if records don't know all of them.
    pub fn addresses<'f>(&'f self, file: &'f str, digest: Digest) -> Option<&'f [&'f Address]> {
        let (manifests, addresses) = self.files.get(&(file, digest))?;
        (addresses.len() == *manifests as usize).then_some(addresses)
    }
}

/// Notes in the records what their manifests were made of, for the next [`Known`].
pub fn remember(state: &mut State, desired: &Desired) {
    let mut same: HashMap<&str, u32> = HashMap::new();
    for manifest in desired.iter().filter(|manifest| is_as_recorded(manifest, state)) {
        *same.entry(&manifest.source.file).or_default() += 1;
    }
    for manifest in desired.iter() {
        let file = &*manifest.source.file;
        let made_of = desired.made_of(file).filter(|made_of| same.get(file) == Some(&made_of.manifests));
        if let (Some(made_of), Some(record)) = (made_of, state.records.get_mut(&manifest.address)) {
            record.made_of = Some(made_of);
            record.source = Some(manifest.source.clone());
        }
    }
}

/// Whether there is nothing to do about a manifest, nor to ask about it.
fn is_as_recorded(manifest: &Manifest, state: &State) -> bool {
    let same = |record: &Record| {
        record.content_digest == manifest.digests.content
            && record.attributes_digest == Some(manifest.digests.attributes)
            && record.handling_digest == manifest.digests.handling
            && (record.put_on.is_empty() || record.tags_left(&manifest.spec.handling()).next().is_none())
    };
    let asks_the_state = manifest.adopt.is_some() || manifest.moved_from.is_some();
    !asks_the_state && state.records.get(&manifest.address).is_some_and(same)
}
