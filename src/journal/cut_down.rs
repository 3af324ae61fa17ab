//! What a journal is cut down to once its effects are in the saved state: the calls in doubt.

use std::collections::BTreeSet;

use crate::journal::entry::Entry;

/// What is left of a journal whose last run is closed: the calls in doubt, with the runs that they belong to. Empty: the
/// journal can go. None: the last run is still open, and all of the journal is needed.
pub fn carry_over(entries: &[Entry]) -> Option<Vec<Entry>> {
    if !matches!(entries.last(), None | Some(Entry::Closed { .. })) {
        return None;
    }
    let mut in_doubt = BTreeSet::new();
    for entry in entries {
        match entry {
            Entry::Began { seq, address: _, call, intent: _ } if call.makes() => {
                in_doubt.insert(*seq);
            }
            Entry::Succeeded { seq, .. } | Entry::Failed { seq, certain: true, .. } | Entry::Decided { seq, .. } => {
                in_doubt.remove(seq);
            }
            Entry::Opened { .. }
            | Entry::Began { .. }
            | Entry::Failed { .. }
            | Entry::InDoubt { .. }
            | Entry::Adopted { .. }
            | Entry::Forgot { .. }
            | Entry::Closed { .. } => {}
        }
    }
    Some(cut_down(entries, &in_doubt))
}

/// The entries about these calls that say nothing of how they ended, with the runs that they belong to.
pub fn cut_down(entries: &[Entry], in_doubt: &BTreeSet<u64>) -> Vec<Entry> {
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
            let closed = run.iter().filter(|entry| matches!(entry, Entry::Closed { .. }));
            kept.extend(opened.chain(of_run).chain(closed).cloned());
        }
    }
    kept
}
