//! What a journal is cut down to once its effects are in the saved state: the calls in doubt.

use std::collections::BTreeSet;

use crate::journal::entry::Entry;

/// The entries about these calls that say nothing of how they ended, with the runs that they belong to. Empty: the
/// journal can go.
///
/// A run that was cut off ends with `closed`: what else it had is in the state of that serial and nowhere else, so that
/// what is left fits no older state, and not one that was never saved.
///
/// Which calls are in doubt is for a [`Replay`](crate::journal::Replay) to say, and not for the entries: a run knows
/// more than its journal when that could not be written.
pub fn cut_down(entries: &[Entry], in_doubt: &BTreeSet<u64>, closed: &Entry) -> Vec<Entry> {
    let speaks_of_doubt = |entry: &&Entry| match entry {
        Entry::Began { seq, .. } | Entry::Failed { seq, certain: false, .. } | Entry::InDoubt { seq, .. } => {
            in_doubt.contains(seq)
        }
        _ => false,
    };
    let mut kept = Vec::new();
    for run in entries.chunk_by(|_, next| !matches!(next, Entry::Opened { .. })) {
        let of_run: Vec<&Entry> = run.iter().filter(speaks_of_doubt).collect();
        if !of_run.is_empty() {
            let opened = run.iter().filter(|entry| matches!(entry, Entry::Opened { .. }));
            let end = run.iter().find(|entry| matches!(entry, Entry::Closed { .. })).unwrap_or(closed);
            kept.extend(opened.chain(of_run).chain([end]).cloned());
        }
    }
    kept
}
