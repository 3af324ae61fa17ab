//! `head.json`: the one object that changes, and what each step makes of it. Pure: effects are elsewhere.
//!
//! It is only ever replaced under the condition that it is still what was read, so that whatever is in it changes
//! together: the state, where its journal begins, and who holds both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::Lineage;

/// What this program writes and reads.
pub const FORMAT: &str = "dixaform-head/1";

/// The head of a state in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    pub format: String,
    /// None before the first save.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub serial: u64,
    /// The object of the state; none before the first save.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateObject>,
    pub log: Log,
    /// Grows by one whenever somebody takes the state. Segments of an older one can't be added any more once the newer
    /// one has written its first.
    pub epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Who was forced out and may not know it yet; none once its lease is over for sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_out: Option<Holder>,
    /// Grows with each sign of life of a holder.
    pub beat: u64,
    /// When a race has shown that the store honours conditions, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// A new one each time: the content of a head never occurs twice, even where a version is a hash of the content.
    pub nonce: String,
}

/// Where the state is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateObject {
    pub key: String,
    /// `sha256:<hex>` of its bytes.
    pub sha256: String,
    pub bytes: u64,
}

/// Which segments of the journal count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The first segment that is not in the state, whether it exists yet or not.
    pub first: u64,
    /// The one after the last, as of the last release; a holder is ahead of it. With no holder and both equal, there is
    /// no journal.
    pub next: u64,
}

impl Log {
    /// Of [`Log::next`], where nobody knows what a holder has written.
    pub const UNKNOWN: u64 = u64::MAX;
}

/// Who holds the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// A number of this run alone.
    pub run: String,
    pub who: String,
    pub host: String,
    pub pid: u32,
    pub command: String,
    /// RFC 3339 in UTC, by the clock of the holder: for people.
    pub since: String,
    /// After this long without a sign of life it may be taken over.
    pub ttl_ms: u64,
    /// How long a call that it has sent may be on its way.
    pub call_timeout_ms: u64,
}

impl Head {
    /// The head that is created by the first holder.
    pub fn first(holder: Holder, nonce: String) -> Self {
        Head {
            format: FORMAT.to_owned(),
            lineage: None,
            serial: 0,
            state: None,
            log: Log { first: 1, next: 1 },
            epoch: 1,
            holder: Some(holder),
            forced_out: None,
            beat: 0,
            probe: None,
            nonce,
        }
    }

    /// Somebody takes the state, which is free or whose holder is dead.
    pub fn taken(&self, holder: Holder, nonce: String) -> Self {
        // A holder was watched for its lease; one that was forced out before it may have a longer one.
        let was_watched = |ms: u64| self.holder.as_ref().is_some_and(|holder| holder.ttl_ms >= ms);
        let forced_out = self.forced_out.clone().filter(|forced| !was_watched(forced.ttl_ms));
        Head { epoch: self.epoch + 1, holder: Some(holder), forced_out, nonce, ..self.clone() }
    }

    /// The holder gives a sign of life.
    pub fn beaten(&self, nonce: String) -> Self {
        Head { beat: self.beat + 1, nonce, ..self.clone() }
    }

    /// The race was passed.
    pub fn probed(&self, at: String, nonce: String) -> Self {
        Head { probe: Some(at), nonce, ..self.clone() }
    }

    /// Another state takes the place of this one, and its journal begins at `first`.
    pub fn saved(&self, state: StateObject, lineage: Lineage, serial: u64, first: u64, nonce: String) -> Self {
        let log = Log { first, ..self.log };
        Head { lineage: Some(lineage.to_string()), serial, state: Some(state), log, nonce, ..self.clone() }
    }

    /// The journal begins at `first`, and the state is as it was.
    pub fn cut(&self, first: u64, nonce: String) -> Self {
        Head { log: Log { first, ..self.log }, nonce, ..self.clone() }
    }

    /// The holder lets go after this long; the next segment would be `next`.
    pub fn released(&self, next: u64, held_for: Duration, nonce: String) -> Self {
        let forced_out = self.forced_out.clone().filter(|forced| held_for < Duration::from_millis(forced.ttl_ms));
        Head { holder: None, forced_out, log: Log { next, ..self.log }, nonce, ..self.clone() }
    }

    /// Somebody lets go for a holder who does not: that one can't give signs of life any more.
    pub fn forced(&self, nonce: String) -> Self {
        let log = Log { next: Log::UNKNOWN, ..self.log };
        // Somebody may have been forced out before, and not know it either.
        let forced_out = self.holder.clone().map(|holder| Holder {
            ttl_ms: self.forced_out.as_ref().map_or(0, |before| before.ttl_ms).max(holder.ttl_ms),
            call_timeout_ms: self
                .forced_out
                .as_ref()
                .map_or(0, |before| before.call_timeout_ms)
                .max(holder.call_timeout_ms),
            ..holder
        });
        Head { epoch: self.epoch + 1, holder: None, forced_out, log, nonce, ..self.clone() }
    }

    /// For how long calls of the one before may still be sent and be on their way, from the moment at which somebody
    /// else has written a fence. One that was forced out may go on until its lease ends.
    pub fn calls_before(&self) -> Option<Duration> {
        let calls = |holder: &Holder| Duration::from_millis(holder.call_timeout_ms);
        let forced = |holder: &Holder| calls(holder) + Duration::from_millis(holder.ttl_ms);
        self.holder.as_ref().map(calls).max(self.forced_out.as_ref().map(forced))
    }

    /// For how long the one before may have sent calls behind its last sign of life, or behind being forced out.
    pub fn lease_before(&self) -> Duration {
        let all = self.holder.iter().chain(&self.forced_out);
        all.map(|holder| Duration::from_millis(holder.ttl_ms)).max().unwrap_or_default()
    }

    /// Whether there may be segments that are not in the state.
    pub fn may_have_journal(&self) -> bool {
        self.holder.is_some() || self.log.first != self.log.next
    }

    /// Whether this is the head of that run.
    pub fn is_of(&self, epoch: u64, run: &str) -> bool {
        self.epoch == epoch && self.holder.as_ref().is_some_and(|holder| holder.run == run)
    }

    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("it has names, texts and numbers") + "\n"
    }

    /// # Errors
    /// It is no head, or one of a newer version.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAHead> {
        #[derive(Deserialize)]
        struct Named {
            format: String,
        }
        let Named { format } = serde_json::from_slice(bytes).map_err(|error| NotAHead::Text(error.to_string()))?;
        match format.strip_prefix("dixaform-head/") {
            Some("1") => serde_json::from_slice(bytes).map_err(|error| NotAHead::Text(error.to_string())),
            Some(version) if version.parse::<u32>().is_ok() => Err(NotAHead::Newer(format)),
            _ => Err(NotAHead::Text(format!("its format is `{format}`"))),
        }
    }
}

/// Why an object is no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHead {
    #[error("head.json was not written by dixaform: {0}")]
    Text(String),
    #[error("head.json has the format {0}, which a newer dixaform has written")]
    Newer(String),
}

#[cfg(test)]
impl Holder {
    /// One for tests.
    pub(crate) fn of_run(run: &str) -> Self {
        Holder {
            run: run.into(),
            who: "ann".into(),
            host: "ci-7".into(),
            pid: 4711,
            command: "apply".into(),
            since: "2026-09-14T08:30:00Z".into(),
            ttl_ms: 30_000,
            call_timeout_ms: 30_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> StateObject {
        StateObject { key: "state/1-a.json".into(), sha256: "sha256:00".into(), bytes: 2 }
    }

    #[test]
    fn each_taking_and_each_forcing_begins_an_epoch_and_nothing_else_does() {
        let first = Head::first(Holder::of_run("a"), "1".into());
        assert!(first.is_of(1, "a") && first.may_have_journal());
        let saved = first.beaten("2".into()).saved(object(), Lineage(uuid::Uuid::nil()), 1, 4, "3".into());
        assert_eq!((saved.epoch, saved.beat, saved.serial, saved.log), (1, 1, 1, Log { first: 4, next: 1 }));
        let released = saved.released(4, Duration::ZERO, "4".into());
        assert!(!released.is_of(1, "a") && !released.may_have_journal());
        let taken = released.taken(Holder::of_run("b"), "5".into());
        assert!(taken.is_of(2, "b") && !taken.is_of(2, "a"));
        let forced = taken.forced("6".into());
        assert_eq!((forced.epoch, &forced.holder), (3, &None));
        assert!(forced.may_have_journal(), "nobody knows what that holder has written");
        let seconds = |head: &Head| head.calls_before().map(|time| time.as_secs());
        assert_eq!((seconds(&released), seconds(&taken), seconds(&forced)), (None, Some(30), Some(60)));
        let lease = |head: &Head| head.lease_before().as_secs();
        assert_eq!((lease(&released), lease(&taken), lease(&forced)), (0, 30, 30));
        // Whoever comes after it in a hurry does not hide that it may go on.
        let after = forced.taken(Holder { ttl_ms: 5_000, ..Holder::of_run("c") }, "8".into());
        let hurried = after.released(9, Duration::from_secs(29), "9".into());
        for head in [&after, &hurried, &hurried.taken(Holder::of_run("d"), "10".into()), &after.forced("11".into())] {
            assert_eq!((lease(head), seconds(head)), (30, Some(60)), "{head:?}");
        }
        let late = after.released(9, Duration::from_secs(30), "9".into());
        assert_eq!((lease(&late), seconds(&late)), (0, None));
        let next = |head: &Head| head.taken(Holder::of_run("d"), "12".into()).forced_out;
        assert!(next(&after).is_some(), "the one behind it was watched for 5 s only");
        let long = forced.taken(Holder::of_run("c"), "13".into());
        assert_eq!(next(&long), None, "the one behind it was watched for as long as its own lease");
        assert_eq!(forced.cut(9, "7".into()).log.first, 9);
    }

    #[test]
    fn a_head_is_read_as_it_was_written_and_a_newer_one_is_refused() {
        let head = Head::first(Holder::of_run("a"), "1".into()).probed("2026-09-14T08:30:00Z".into(), "2".into());
        assert_eq!(Head::read(head.to_text().as_bytes()), Ok(head.clone()));
        let newer = head.to_text().replace(FORMAT, "dixaform-head/2");
        assert_eq!(Head::read(newer.as_bytes()), Err(NotAHead::Newer("dixaform-head/2".into())));
        for text in ["", "{}", "{\"format\":\"dixaform-head/1\"}", "{\"format\":\"x\"}", "<html>"] {
            assert!(matches!(Head::read(text.as_bytes()), Err(NotAHead::Text(_))), "{text}");
        }
    }
}
