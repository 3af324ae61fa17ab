//! What a run has made and could not write into the journal of the store: noting it, and bringing it home.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::conversation::{Address, Id};
use crate::journal::{self, DecidedBy, Decision, Entry, Replay};
use crate::state::{Record, State};
use crate::store::Late;
use crate::workspace::manifests::read_bounded;
use crate::workspace::{StateFiles, atomic_file};

/// More than any run notes.
const BYTES_MAX: u64 = 64 << 20;

/// What these lines say was made, each with its line for [`Late`]: its record, as the run knows it.
pub fn made(lost: &[u8], replay: &Replay) -> Vec<(Address, Id, String)> {
    // What was on its way is whole lines.
    let entries = journal::read(lost).map(|read| read.entries).unwrap_or_default();
    let made = entries.iter().filter_map(|entry| {
        let Entry::Succeeded { id, .. } = entry else {
            return None;
        };
        let address = replay.owner_of(*id)?.clone();
        let record = replay.state().records.get(&address).filter(|record| record.id == *id)?.clone();
        let line = journal::write_line(&Entry::Adopted { address: address.clone(), record: Box::new(record) });
        Some((address, *id, line.trim_end().to_owned()))
    });
    let mut made: Vec<_> = made.collect();
    made.dedup_by(|one, other| one.0 == other.0);
    made
}

/// The records that were noted.
///
/// # Errors
/// Something was noted that can't be read.
pub fn records(all: &[Late], name: &str) -> Result<Vec<(Address, Box<Record>)>, Error> {
    let mut found = Vec::new();
    for late in all {
        let text: String = late.lines.iter().map(|line| format!("{line}\n")).collect();
        let what = || format!("what was noted late in {name} can't be used");
        let read = journal::read(text.as_bytes()).with_context(what)?;
        if read.entries.len() < late.lines.len() {
            // Nobody writes half a line here, as a journal that was cut off may end.
            return Err(anyhow::anyhow!("a line of it is damaged").context(what()).into());
        }
        for entry in read.entries {
            if let Entry::Adopted { address, record } = entry {
                found.push((address, record));
            }
        }
    }
    Ok(found)
}

/// Writes down what was noted, in a run of its own: what the last one has made is saved by now, and it counts no more.
/// Says whether there was anything new.
///
/// # Errors
/// The journal has no place for it.
pub fn bring_home(
    records: &[(Address, Box<Record>)],
    replay: &mut Replay,
    opened: impl Fn(&State) -> Entry,
) -> Result<bool, Error> {
    if !records.iter().any(|(address, record)| brought_home(address, record, replay).is_some()) {
        return Ok(false);
    }
    replay.add(&opened(replay.state()))?;
    for (address, record) in records {
        // One after the other: the same may have been noted twice, or another for the same address.
        if let Some(entry) = brought_home(address, record, replay) {
            replay.add(&entry)?;
        }
    }
    replay.settle();
    Ok(true)
}

/// What is to be written down of a record that was noted; none where it is known.
fn brought_home(address: &Address, record: &Record, replay: &Replay) -> Option<Entry> {
    let id = record.id;
    let is_known = replay.owner_of(id).is_some()
        || replay
            .state()
            .records
            .values()
            .any(|known| known.ids().any(|one| one == id) || known.replaced.contains(&id));
    if is_known {
        return None;
    }
    let pending = replay.in_doubt().into_iter().find(|doubt| doubt.address == *address);
    if let Some(pending) = pending {
        let (decision, by) = (Decision::Adopt(id), DecidedBy::Machine);
        return Some(Entry::Decided { seq: pending.seq, decision, by, at: SystemClock::timestamp() });
    }
    let address = address.clone();
    Some(match replay.state().records.get(&address) {
        Some(_) => Entry::Doubled { address, id },
        None => Entry::Adopted { address, record: Box::new(record.clone()) },
    })
}

/// Says on standard error what was noted and is not in the state yet.
///
/// # Errors
/// Something was noted that can't be read.
pub fn tell(output: &Output, late: &[Late], replay: &Replay, name: &str) -> Result<(), Error> {
    let records = records(late, name)?;
    for entry in records.iter().filter_map(|(address, record)| brought_home(address, record, replay)) {
        let (address, id) = match entry {
            Entry::Adopted { address, record } => (address, record.id),
            Entry::Doubled { address, id } => (address, id),
            Entry::Decided { seq, decision: Decision::Adopt(id), .. } => {
                let doubt = replay.in_doubt().into_iter().find(|doubt| doubt.seq == seq);
                let Some(doubt) = doubt else { continue };
                (doubt.address, id)
            }
            _ => continue,
        };
        output.note(&format!(
            "warning: {address} was made as {id:#} by a run that had lost the state; the next apply records it\n"
        ));
    }
    Ok(())
}

/// What is noted here for one store, which could not be written: the file may have word for others, too, that a tenant
/// had before.
pub struct UnsentFile {
    path: PathBuf,
    to: String,
}

#[derive(Serialize, Deserialize)]
struct Unsent {
    /// The URL of the store; none if that is not said, which is whatever store the tenant has.
    to: Option<String>,
    #[serde(flatten)]
    late: Late,
}

impl UnsentFile {
    pub fn of(files: &StateFiles, to: String) -> Self {
        UnsentFile { path: files.late.clone(), to }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn all(&self) -> Result<Vec<Unsent>, Error> {
        let path = &self.path;
        if !path.exists() {
            return Ok(Vec::new());
        }
        let bytes = read_bounded(path, BYTES_MAX).with_context(|| format!("can't read {}", path.display()))?;
        let parsed = serde_json::from_slice(&bytes);
        Ok(parsed.with_context(|| format!("{} does not say what an earlier run has made", path.display()))?)
    }

    fn is_for_this(&self, unsent: &Unsent) -> bool {
        unsent.to.as_ref().is_none_or(|to| *to == self.to)
    }

    /// What was noted here for this store; nothing where there is no file.
    ///
    /// # Errors
    /// There is something else in it.
    pub fn read(&self) -> Result<Vec<Late>, Error> {
        Ok(self.all()?.into_iter().filter(|unsent| self.is_for_this(unsent)).map(|unsent| unsent.late).collect())
    }

    /// Notes it here.
    pub fn keep(&self, late: Late) -> Result<(), Error> {
        let mut all = self.all()?;
        all.push(Unsent { to: Some(self.to.clone()), late });
        self.replace(&all)
    }

    /// Removes what is noted for this store.
    pub fn remove(&self) -> Result<(), Error> {
        let mut all = self.all()?;
        all.retain(|unsent| !self.is_for_this(unsent));
        if all.is_empty() { Ok(atomic_file::remove(&self.path)?) } else { self.replace(&all) }
    }

    fn replace(&self, all: &[Unsent]) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(all).context("texts can be written down")?;
        atomic_file::create_folder_of(&self.path)?;
        Ok(atomic_file::replace(&self.path, &text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::tests::storm::round::shared::{Slipped, slipped_through};
    use crate::journal::Entry;
    use crate::state::{Lineage, TenantIdentity};

    /// An entry of the journal whose text is kept for all versions.
    fn adopted() -> (Address, Box<Record>) {
        let golden = journal::read(include_bytes!("../../journal/golden.journal")).expect("readable");
        let adopted = golden.entries.into_iter().find_map(|entry| match entry {
            Entry::Adopted { address, record } => Some((address, record)),
            _ => None,
        });
        adopted.expect("one is adopted")
    }

    fn opened(state: &State) -> Entry {
        Entry::Opened {
            run: uuid::Uuid::nil(),
            lineage: state.lineage,
            base_serial: state.serial,
            tenant: TenantIdentity { base_url: "https://dev.dixa.io".into(), organization_id: None },
            command: "apply".into(),
            at: "2026-01-01T00:00:00Z".into(),
            pid: 1,
        }
    }

    #[test]
    fn what_was_noted_twice_is_written_down_once_and_another_for_its_address_is_reported() {
        let (address, record) = adopted();
        let other = Box::new(Record { id: Id::conversation(999), ..(*record).clone() });
        let noted = [(address.clone(), record.clone()), (address.clone(), record.clone()), (address.clone(), other)];
        let mut replay = Replay::new(State::new(Lineage(uuid::Uuid::nil())));
        assert!(bring_home(&noted, &mut replay, opened).expect("there is a place for it"));
        assert_eq!(replay.state().records[&address].id, record.id);
        let doubled: Vec<_> = replay.state().doubled().map(|(address, _)| address.clone()).collect();
        assert_eq!(doubled, [address]);
        replay.grow();
        assert!(!bring_home(&noted, &mut replay, opened).expect("nothing is new"));
    }

    #[test]
    fn what_is_noted_for_one_store_is_handed_in_to_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StateFiles::beside(folder.path().join("state/staging.json"));
        let of = |to: &str| UnsentFile::of(&files, to.to_owned());
        let (one, other) = (of("s3://state/one"), of("gs://state/other"));
        let word = |who: &str| Late::new(who.into(), "2026-01-01T00:00:00Z".into(), vec!["a line".into()]);
        let read = |file: &UnsentFile| file.read().expect("readable");
        assert_eq!((read(&one), read(&other)), (Vec::new(), Vec::new()));
        one.keep(word("ann")).expect("noted");
        other.keep(word("bob")).expect("noted");
        one.keep(word("cid")).expect("noted");
        assert_eq!((read(&one), read(&other)), (vec![word("ann"), word("cid")], vec![word("bob")]));
        one.remove().expect("removed");
        assert_eq!((read(&one), read(&other)), (Vec::new(), vec![word("bob")]));
        other.remove().expect("removed");
        assert!(!one.path().exists());
        // Where it is not said for which one.
        let text = format!("[{}]", String::from_utf8(word("ann").text()).expect("text"));
        atomic_file::replace(one.path(), text.as_bytes()).expect("written");
        assert_eq!(read(&other), [word("ann")]);
    }

    #[test]
    fn a_line_that_is_damaged_is_an_error_and_is_not_passed_over() {
        let (address, record) = adopted();
        let line = journal::write_line(&Entry::Adopted { address, record }).trim_end().to_owned();
        let noted = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            records(&[Late::new("ann".into(), "2026-01-01T00:00:00Z".into(), lines)], "s3://state")
        };
        assert_eq!(noted(&[&line, &line]).expect("sound").len(), 2);
        let damaged = [line.replace("conversation", "conversatiom"), line[..line.len() - 9].to_owned()];
        for damaged in &damaged {
            noted(&[damaged]).expect_err("damaged");
            noted(&[&line, damaged]).expect_err("damaged");
            noted(&[damaged, &line]).expect_err("damaged");
        }
    }

    #[test]
    fn what_slips_through_after_a_state_was_lost_is_named_and_becomes_a_double() {
        let all = slipped_through();
        assert!(all.len() >= 4, "{} were made twice", all.len());
        for Slipped { address, fenced, mut next, ids } in all {
            let lines = made(&fenced.lost, &fenced.kept).into_iter().map(|(.., line)| line).collect();
            let word = Late::new("ann".into(), "2026-01-01T00:00:00Z".into(), lines);
            let read = Late::parse(&word.text()).expect("as it was written");
            let records = records(&[read], "s3://state").expect("readable");
            // What it had made before is known by now.
            let news = |replay: &Replay| -> Vec<Entry> {
                records.iter().filter_map(|(address, record)| brought_home(address, record, replay)).collect()
            };
            let extra = *ids.last().expect("two");
            let double = Entry::Doubled { address: address.clone(), id: extra };
            assert_eq!(news(&next), [double], "{address} {ids:?}: {:#?}", fenced.report);
            assert!(bring_home(&records, &mut next, opened).expect("there is a place for it"));
            let doubles: Vec<Id> = next.state().records[&address].doubles.clone();
            assert_eq!((news(&next), doubles), (Vec::new(), vec![extra]), "{address}");
        }
    }
}
