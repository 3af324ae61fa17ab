//! The state file line by line: outlines of all records by several threads, and whole records where they are asked for.
//!
//! The file is opened once and never written in place, so all that is read of it belongs together, whoever replaces it
//! meanwhile.
#![expect(clippy::disallowed_methods, reason = "the state is a file")]

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use rayon::iter::{IntoParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};

use crate::conversation::{Address, ConversationId};
use crate::state::outline::{self, Head, LAST_LINE, Stretch, WholeRecordError};
use crate::state::{Record, RecordOutline};
use crate::workspace::stamp::Stamp;

/// What a thread reads at a time. A record has one or two kilobytes.
const SEGMENT: u64 = 1 << 20;

/// The first line holds no text of a user's that could be longer than this.
const HEAD_MAX: usize = 64 << 10;

/// A line longer than this is no record: a manifest is at most 16 MiB, and escaping can make that six times as much.
const LINE_MAX: u64 = 128 << 20;

/// An open state file whose first line reads.
#[derive(Debug)]
pub struct StateLines {
    file: File,
    length: u64,
    pub stamp: Option<Stamp>,
    pub head: Head,
    /// Where the second line begins.
    records_at: u64,
}

/// Why a record can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("it is not text in UTF-8 any longer")]
    NotText,
    #[error(transparent)]
    Unusable(#[from] WholeRecordError),
}

impl StateLines {
    /// None for a file that is not as [`crate::state::file_v1::write`] leaves it, as far as its first line tells.
    ///
    /// # Errors
    /// Those of the operating system; `NotFound` for a state that was never saved.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let found = file.metadata()?;
        let length = found.len();
        let mut first = vec![0; HEAD_MAX.min(usize::try_from(length).unwrap_or(HEAD_MAX))];
        read_exact_at(&file, &mut first, 0)?;
        let Some(end) = first.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let Some(head) = str::from_utf8(&first[..end]).ok().and_then(outline::head) else { return Ok(None) };
        Ok(Some(StateLines { file, length, stamp: Stamp::of(&found), head, records_at: end as u64 + 1 }))
    }

    /// The outlines of all records, in ascending order of address; none when any line is not as this version writes it,
    /// or when the state is one that has to be refused.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn outlines(&self) -> io::Result<Option<Vec<RecordOutline>>> {
        let starts: Vec<u64> = (self.records_at..self.length).step_by(SEGMENT as usize).collect();
        let segments: io::Result<Vec<_>> = starts.par_iter().map(|start| self.segment(*start)).collect();
        let Some(segments) = segments?.into_iter().collect::<Option<Vec<Segment>>>() else { return Ok(None) };
        let ends = segments.iter().filter(|segment| segment.ends).count();
        let count: usize = segments.iter().map(|segment| segment.records.len()).sum();
        // Of all records the last one alone has none after it: a comma that is missing or too many is not JSON.
        let unfollowed: usize = segments.iter().map(|segment| segment.unfollowed).sum();
        let last = segments.iter().rfind(|segment| !segment.records.is_empty());
        let is_list = unfollowed == count.min(1) && last.is_none_or(|segment| segment.ends_unfollowed);
        let (mut outlines, mut ids) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for Segment { records, .. } in segments {
            for (outline, id) in records {
                outlines.push(outline);
                ids.push(id);
            }
        }
        ids.sort_unstable();
        let is_sound = ends == 1
            && is_list
            && ids.is_sorted_by(|one, next| one < next)
            && outlines.is_sorted_by(|one, next| one.address < next.address);
        Ok(is_sound.then_some(outlines))
    }

    /// The whole records of some stretches, in their order.
    ///
    /// # Errors
    /// One of them can't be read or used.
    pub fn records(&self, stretches: &[Stretch]) -> Result<Vec<(Address, Record)>, RecordError> {
        stretches.into_par_iter().map(|stretch| self.record(*stretch)).collect()
    }

    fn record(&self, Stretch { offset, length }: Stretch) -> Result<(Address, Record), RecordError> {
        let mut bytes = vec![0; length as usize];
        read_exact_at(&self.file, &mut bytes, offset)?;
        let text = str::from_utf8(&bytes).map_err(|_| RecordError::NotText)?;
        Ok(outline::record(text)?)
    }

    /// The records of the lines that begin in one segment; none when one of them is odd.
    fn segment(&self, start: u64) -> io::Result<Option<Segment>> {
        let Some((bytes, first)) = self.lines_from(start)? else { return Ok(None) };
        let Ok(text) = str::from_utf8(&bytes) else { return Ok(None) };
        let (mut segment, mut offset) = (Segment::default(), first);
        for line in text.split_terminator('\n') {
            if segment.ends {
                return Ok(None);
            }
            let is_last = offset + line.len() as u64 + 1 == self.length;
            if is_last && line == LAST_LINE {
                segment.ends = true;
            } else {
                match outline::outline(line, offset) {
                    Some(record) => segment.records.push(record),
                    None => return Ok(None),
                }
                segment.ends_unfollowed = !outline::is_followed(line);
                segment.unfollowed += usize::from(segment.ends_unfollowed);
            }
            offset += line.len() as u64 + 1;
        }
        Ok(Some(segment))
    }

    /// The bytes of all whole lines that begin in the segment at `start`, and where the first of them begins; none when
    /// one is too long, or the last one of the file is not ended.
    fn lines_from(&self, start: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        // A line begins after a line break, which may be the last byte of the segment before.
        let from = start - 1;
        let end = self.length.min(start + SEGMENT);
        let mut bytes = self.read(from, end)?;
        let Some(begin) = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1) else {
            return Ok((self.length - start < LINE_MAX).then(|| (Vec::new(), start)));
        };
        bytes.drain(..begin);
        let first = from + begin as u64;
        if first >= end {
            return Ok(Some((Vec::new(), first)));
        }
        let mut reach = end;
        while bytes.last() != Some(&b'\n') {
            if reach == self.length || bytes.len() as u64 > LINE_MAX {
                return Ok(None);
            }
            let more = self.read(reach, self.length.min(reach + 4096))?;
            let ended = more.iter().position(|byte| *byte == b'\n').map_or(more.len(), |at| at + 1);
            bytes.extend_from_slice(&more[..ended]);
            reach += more.len() as u64;
        }
        Ok(Some((bytes, first)))
    }

    fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(to - from).map_err(|_| ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        read_exact_at(&self.file, &mut bytes, from)?;
        Ok(bytes)
    }
}

/// What one thread has read.
#[derive(Debug, Default)]
struct Segment {
    records: Vec<(RecordOutline, ConversationId)>,
    /// How many of them say that no record follows.
    unfollowed: usize,
    /// The last of them does.
    ends_unfollowed: bool,
    /// It has the last line of the file.
    ends: bool,
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::conversation::{Conversation, Kind};
    use crate::digest::Digest;
    use crate::json;
    use crate::spec::{Spec, conversation_of};
    use crate::state::{Applied, Lineage, State, file_v1};

    /// A state with this many records of very different lengths.
    fn state(records: usize) -> State {
        let mut state = State::new(Lineage(uuid::Uuid::nil()));
        for index in 0..records {
            let text = "x".repeat(index * 7919 % 30_000);
            let value = json::parse(&format!("{{\"subject\":\"{text}\"}}")).expect("valid");
            let conversation: Conversation = conversation_of(value).expect("a spec");
            let record = Record {
                id: ConversationId(index as i64 + 1),
                content_digest: conversation.digests().content,
                attributes_digest: (index % 3 > 0).then(|| Digest::of_bytes(b"")),
                applied: Applied::Full(Spec::of(&conversation)),
                source: None,
                applied_at: "2026-01-01T00:00:00Z".into(),
                partial_errors: Vec::new(),
                replaced: Vec::new(),
            };
            state.records.insert(Address::new(Kind::Conversation, &format!("r{index:05}")).expect("a name"), record);
        }
        state
    }

    #[test]
    fn several_threads_find_every_record_and_each_can_be_read_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.json");
        for count in [0, 1, 2, 400] {
            let state = state(count);
            fs::write(&path, file_v1::write(&state)).expect("written");
            let lines = StateLines::open(&path).expect("there").expect("as written");
            let outlines = lines.outlines().expect("readable").expect("as written");
            assert_eq!((lines.head.lineage, lines.head.serial), (state.lineage, state.serial));
            assert!(outlines.iter().map(|outline| &outline.address).eq(state.records.keys()), "{count}");
            let stretches: Vec<Stretch> = outlines.iter().map(|outline| outline.stretch).collect();
            let records = lines.records(&stretches).expect("whole");
            assert!(records.into_iter().eq(state.records), "{count}");
        }
    }

    #[test]
    fn a_comma_that_is_missing_or_too_many_is_left_to_the_slow_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.json");
        let outlines = |text: &str| {
            fs::write(&path, text).expect("written");
            StateLines::open(&path).expect("there").expect("its first line reads").outlines().expect("readable")
        };
        // Records that stand in one segment, and records of several.
        for count in [1, 2, 300] {
            let text = file_v1::write(&state(count));
            assert_eq!(outlines(&text).map(|found| found.len()), Some(count));
            let trailing = text.replacen("}\n]}\n", "},\n]}\n", 1);
            assert_eq!(outlines(&trailing), None, "{count}");
            let lines: Vec<&str> = text.lines().collect();
            for lost in (1..count).filter(|line| line % 37 == 1 || line + 1 == count) {
                let mut lines = lines.clone();
                lines[lost] = lines[lost].strip_suffix(',').expect("another record follows");
                assert_eq!(outlines(&(lines.join("\n") + "\n")), None, "line {lost} of {count}");
                // One that moved is as bad.
                let moved = lines.join("\n") + "\n";
                assert_eq!(outlines(&moved.replacen("}\n]}\n", "},\n]}\n", 1)), None, "line {lost} of {count}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_as_it_was_written_is_left_to_the_slow_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.json");
        let text = file_v1::write(&state(300));
        let cut = &text[..text.len() - 1];
        let twice = text.replacen("r00002\"", "r00001\"", 1);
        let shared = text.replacen("\"id\":2,", "\"id\":1,", 1);
        let spaced = text.replacen("\n{", "\n\n{", 1);
        let more = format!("{text}]}}\n");
        for other in [cut, &twice, &shared, &spaced, &more, "", "{}\n", &text[..text.len() / 2]] {
            fs::write(&path, other).expect("written");
            let lines = StateLines::open(&path).expect("there");
            let outlines = lines.and_then(|lines| lines.outlines().expect("readable"));
            assert_eq!(outlines, None, "{}", other.len());
        }
    }
}
