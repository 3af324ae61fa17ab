//! A storm: whatever happens, in any order, everything exists once in the end, is as it is described, its record says
//! so, and nobody else's conversation or end user was touched.
//!
//! A round draws manifests of all kinds and a sequence of applies, in which processes are killed at any call and any
//! instant, the power fails, somebody presses Ctrl-C, calls are carried out long after their answers were lost, lists
//! lag, answers lie, states are replaced by older ones or removed, and other people make conversations for the same
//! requesters, end users with the same addresses, and put tags of their own on conversations, move, claim, close and
//! open them. A person who knows the truth answers the questions. All of it takes simulated time, so that two minutes
//! of waiting cost nothing.
//!
//! # What is assumed of Dixa, and of people
//!
//! 1. A POST is carried out at most `requestTimeout` (30 s) after its intent was written down, or never.
//! 2. What was carried out is in the lists, and can be read, at most 90 s later. Lists have an order: one that shows
//!    something shows whatever was carried out before it, whoever's it is. What is read of a conversation or an end
//!    user by its id is as it is at that moment.
//! 3. A 4xx says that nothing was done, except that a 400 about an external id, or about an address or number of an end
//!    user, may speak of what this very call has made, and says so only if a second one is always refused. 303, 408 and
//!    499 say nothing.
//! 4. A state is replaced or removed, or its journal given up, only when nothing is on its way any more and the lists
//!    have caught up; and this machine has seen the newest state. There is something by which each end user can be
//!    found.
//! 5. Nobody else makes a conversation that is equal in everything that can be read to one of ours without a mark, from
//!    the moment at which a list may lack it that is read before ours is sent, until ours is settled. The same holds
//!    for an end user with an address or number of ours, whom nobody else makes once ours is there.
//! 6. A call that sets something is carried out when it is answered, or at most 30 s later in rounds in which the last
//!    apply reads the tenant; a tag may then be left on that was put on late. That nobody has a conversation is not
//!    seen by reading it.
//! 7. Who has a conversation in a queue has it no more when it is put into another one, or into the same one again.
//!    An opened conversation without a queue is in the default one.
//!
//! `DIXAFORM_STORM_ROUNDS=2000 cargo test --lib apply::tests::storm` plays more rounds than the usual few, and
//! `DIXAFORM_STORM_SEED=N` begins with another one. A round that fails names its seed and everything that happened.

mod care;
mod chance;
mod check;
mod dixa;
mod lost;
mod people;
pub(crate) mod round;
mod weather;
mod wishes;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::*;
use round::{Diary, Round, Tally};

/// Rounds, unless the environment says otherwise.
const ROUNDS: u64 = 60;

/// Plays one round in simulated time.
fn play(seed: u64) -> Result<Tally, String> {
    let diary = Diary::default();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut round = Round::draw(seed, diary.clone());
            round.rage().await;
            round.come_to_rest().await;
            round.check()
        })
    }));
    let failed = |why: &str| format!("seed {seed}: {why}\n{}", diary.text());
    match played {
        Ok(Ok(tally)) => Ok(tally),
        Ok(Err(why)) => Err(failed(&why)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(failed(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")))
        }
    }
}

#[test]
fn whatever_happens_everything_exists_once_and_nobody_elses_is_touched() {
    let (first, rounds) = (number("DIXAFORM_STORM_SEED", 1), number("DIXAFORM_STORM_ROUNDS", ROUNDS));
    let played: Vec<_> = (first..first + rounds).into_par_iter().map(play).collect();
    let failed: Vec<&String> = played.iter().filter_map(|played| played.as_ref().err()).collect();
    if let Some(one) = failed.first() {
        let heads: Vec<&str> = failed.iter().filter_map(|one| one.lines().next()).collect();
        panic!("{} of {rounds} rounds failed:\n{}\nthe first one:\n{one}", failed.len(), heads.join("\n"));
    }
    let total = played.into_iter().flatten().fold(Tally::default(), Tally::and);
    // A storm in which little happens says little.
    assert!(total.bad_posts > rounds, "{total:?}");
    assert!(total.deaths > rounds / 2, "{total:?}");
    assert!(total.made > 3 * rounds, "{total:?}");
    assert!(total.people > rounds, "{total:?}");
    assert!(total.adopted > rounds / 10, "{total:?}");
    assert!(total.set > 3 * rounds, "{total:?}");
}
