//! The run that writes down what was found in a tenant whose state was lost.

use crate::journal::entry::Entry;

/// The command of such a run.
pub const REBUILD: &str = "state rebuild";

/// The entries without those of a run of [`REBUILD`] that was cut off: it is not closed, and the state, which has this
/// serial, was not saved since it began.
pub fn without_cut_off_rebuild(entries: Vec<Entry>, serial: u64) -> Vec<Entry> {
    let is_cut_off = |run: &&[Entry]| {
        let is_rebuild = matches!(run.first(), Some(Entry::Opened { command, base_serial, .. })
            if command == REBUILD && *base_serial == serial);
        is_rebuild && !run.iter().any(|entry| matches!(entry, Entry::Closed { .. }))
    };
    let runs = || entries.chunk_by(|_, next| !matches!(next, Entry::Opened { .. }));
    if !runs().any(|run| is_cut_off(&run)) {
        return entries;
    }
    runs().filter(|run| !is_cut_off(run)).flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Address, Kind};
    use crate::state::{Lineage, TenantIdentity};

    fn opened(command: &str, base_serial: u64) -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: Lineage(uuid::Uuid::nil()),
            base_serial,
            tenant: TenantIdentity { base_url: "sandbox".into(), organization_id: None },
            command: command.into(),
            at: String::new(),
            pid: 1,
        }
    }

    #[test]
    fn only_a_rebuild_that_was_neither_closed_nor_saved_is_left_out() {
        let forgot = Entry::Forgot { address: Address::new(Kind::Conversation, "a").expect("a name") };
        let closed = Entry::Closed { serial: 4, at: String::new() };
        let apply = [opened("apply", 3), forgot.clone()];
        let rebuild = [opened(REBUILD, 3), forgot];
        let whole = [&rebuild[..], &[closed]].concat();
        for (entries, serial, kept) in [
            (apply.to_vec(), 3, apply.to_vec()),
            (rebuild.to_vec(), 3, Vec::new()),
            (rebuild.to_vec(), 4, rebuild.to_vec()),
            (whole.clone(), 3, whole),
            ([&apply[..], &rebuild[..]].concat(), 3, apply.to_vec()),
            ([&rebuild[..], &apply[..]].concat(), 3, apply.to_vec()),
        ] {
            assert_eq!(without_cut_off_rebuild(entries.clone(), serial), kept, "{serial} {entries:?}");
        }
    }
}
