//! What tells, without reading a file, that it is the one that was read before.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Size, times and inode of a file. Two different contents can have the same stamp only when the second was written
/// within the same tick of the file system's clock (see [`Stamp::is_old_enough`]), or through a memory mapping to a
/// page that was written before and is not on the disk yet: only the first such write changes the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    /// When the inode changed, in nanoseconds since 1970: a program that sets `modified` back changes this.
    pub changed: i64,
    pub device: u64,
    pub inode: u64,
}

/// The clocks of most file systems tick at least this often.
const TICK: Duration = Duration::from_millis(50);

/// Some keep only whole seconds, and FAT every other one.
const COARSE_TICK: Duration = Duration::from_millis(2_100);

impl Stamp {
    /// The stamp of a regular file; none of anything else, and none where the system has no inodes.
    #[cfg(unix)]
    pub fn of(found: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let nanoseconds = |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
        Some(Stamp {
            size: Some(found.size()).filter(|_| found.is_file())?,
            modified: nanoseconds(found.mtime(), found.mtime_nsec())?,
            changed: nanoseconds(found.ctime(), found.ctime_nsec())?,
            device: found.dev(),
            inode: found.ino(),
        })
    }

    #[cfg(not(unix))]
    pub fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// Whether the file was left alone for so long before `moment`, when it had not been read yet, that a later write
    /// shows in its stamp. Git calls a file that was not "racily clean".
    pub fn is_old_enough(&self, moment: SystemTime) -> bool {
        let is_coarse = |time: i64| time % 1_000_000_000 == 0;
        let tick = if is_coarse(self.modified) || is_coarse(self.changed) { COARSE_TICK } else { TICK };
        let Some(latest) = moment.checked_sub(tick) else { return false };
        let latest = latest.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        u128::try_from(self.modified.max(self.changed)).is_ok_and(|time| time < latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_written_is_not_old_enough() {
        let stamp = Stamp { size: 1, modified: 5_000_000_001, changed: 6_000_000_001, device: 1, inode: 1 };
        let at = |milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds);
        for (moment, old_enough) in [(0, false), (5_500, false), (6_050, false), (6_051, true), (9_000, true)] {
            assert_eq!(stamp.is_old_enough(at(moment)), old_enough, "{moment}");
        }
        let coarse = Stamp { changed: 6_000_000_000, ..stamp };
        assert!(!coarse.is_old_enough(at(8_000)));
        assert!(coarse.is_old_enough(at(8_200)));
    }
}
