//! Taking the state of a store, from nobody or from a holder who is dead, and forcing a holder out.
//!
//! Whether a holder lives is seen by its signs of life alone, on the monotonic clock of the one who waits. No clock of
//! another machine is ever compared.

use std::time::Duration;

use crate::store::depot::{Depot, HEAD, Read};
use crate::store::error::StoreError;
use crate::store::head::{Head, Holder};
use crate::store::hold::{Before, Hold, nonce};
use crate::store::moment::Moment;
use crate::store::objects::{Settled, When, put_settled};
use crate::store::probe;

/// How long a write of the head is tried.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is seen of a holder while somebody waits for it.
#[derive(Clone, Debug)]
struct Watched {
    nonce: String,
    since: Moment,
}

/// What to do about a head that was read. Pure.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Take,
    Wait(Duration),
    GiveUp,
}

/// `quiet` is how long the holder was watched without a sign of life, `left` how long to go on waiting.
fn next(holder: Option<&Holder>, quiet: Duration, left: Duration) -> Next {
    let Some(holder) = holder else { return Next::Take };
    let ttl = Duration::from_millis(holder.ttl_ms);
    match ttl.checked_sub(quiet).filter(|rest| !rest.is_zero()) {
        None => Next::Take,
        Some(_) if left.is_zero() => Next::GiveUp,
        Some(rest) => Next::Wait(rest.min(ttl / 6).min(left)),
    }
}

/// Takes the state, waiting up to `timeout`; zero refuses at once where somebody holds it. Before the store was ever
/// used, a race shows whether it honours conditions; `now` is the time for people.
///
/// # Errors
/// Somebody holds it, the store doesn't honour conditions, or can't be read or written.
pub async fn take(depot: &Depot, holder: &Holder, timeout: Duration, now: &str) -> Result<Hold, StoreError> {
    let start = depot.clock.now();
    let mut watched: Option<Watched> = None;
    loop {
        let read = depot.head().await?;
        let at = depot.clock.now();
        if let Some(Read { head: Head { holder: Some(other), nonce, .. }, .. }) = &read {
            let since = watched.take().filter(|watched| watched.nonce == *nonce).map_or(at, |watched| watched.since);
            watched = Some(Watched { nonce: nonce.clone(), since });
            let quiet = at.monotonic.saturating_duration_since(since.monotonic);
            let waited = at.monotonic.saturating_duration_since(start.monotonic);
            match next(Some(other), quiet, timeout.saturating_sub(waited)) {
                Next::Take => {}
                Next::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Next::GiveUp => {
                    let quiet = (!timeout.is_zero()).then_some(quiet);
                    return Err(StoreError::Held { holder: Box::new(other.clone()), quiet });
                }
            }
        }
        if let Some(hold) = claim(depot, read, holder, now).await? {
            return Ok(hold);
        }
    }
}

/// One try to put oneself into the head; none where somebody else has changed it.
async fn claim(depot: &Depot, read: Option<Read>, holder: &Holder, now: &str) -> Result<Option<Hold>, StoreError> {
    let is_probed = read.as_ref().is_some_and(|read| read.head.probe.is_some());
    if !is_probed {
        probe::race(depot).await?;
    }
    let before = read.as_ref().map(Before::of).unwrap_or_default();
    let (head, when) = match read {
        None => (Head::first(holder.clone(), nonce()), When::Absent),
        Some(Read { head, version, .. }) => (head.taken(holder.clone(), nonce()), When::Unchanged(version)),
    };
    let head = if is_probed { head } else { head.probed(now.to_owned(), nonce()) };
    let sent = depot.clock.now();
    let left = || PATIENCE.saturating_sub(depot.clock.now().monotonic.saturating_duration_since(sent.monotonic));
    let settled = put_settled(&*depot.objects, HEAD, head.to_text().as_bytes(), &when, false, &left).await;
    match settled.map_err(StoreError::request("write head.json"))? {
        Settled::Ours(version) => Ok(Some(Hold::taken(depot.clone(), (head, version), before, sent))),
        Settled::Theirs(_) => Ok(None),
    }
}

/// Ends whatever holds the state: it can't write any more. Gives back who that was; none where nobody held it.
///
/// # Errors
/// The store can't be read or written, or somebody else has changed it again and again.
pub async fn force(depot: &Depot) -> Result<Option<Holder>, StoreError> {
    let start = depot.clock.now();
    let left = || PATIENCE.saturating_sub(depot.clock.now().monotonic.saturating_duration_since(start.monotonic));
    loop {
        let Some(Read { head, version, .. }) = depot.head().await? else { return Ok(None) };
        let Some(holder) = head.holder.clone() else { return Ok(None) };
        let text = head.forced(nonce()).to_text();
        let when = When::Unchanged(version);
        let settled = put_settled(&*depot.objects, HEAD, text.as_bytes(), &when, false, &left).await;
        if let Settled::Ours(_) = settled.map_err(StoreError::request("write head.json"))? {
            return Ok(Some(holder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_holder_is_waited_for_until_it_was_quiet_for_its_lease() {
        let holder = Holder::of_run("r");
        let next = |quiet, left| next(Some(&holder), quiet * SECOND, left * SECOND);
        assert_eq!(super::next(None, Duration::ZERO, Duration::ZERO), Next::Take);
        assert_eq!(next(0, 0), Next::GiveUp);
        assert_eq!(next(29, 0), Next::GiveUp);
        assert_eq!(next(30, 0), Next::Take);
        assert_eq!(next(0, 120), Next::Wait(5 * SECOND));
        assert_eq!(next(28, 120), Next::Wait(2 * SECOND));
        assert_eq!(next(0, 1), Next::Wait(SECOND));
    }
}
