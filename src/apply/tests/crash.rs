//! A process dies at every place where it can, and the next one finishes its work: nothing twice, nothing lost.

use futures_util::stream::{self, StreamExt as _};

use super::recovery::{Death, Disk, Ended, Life, Machine, Place, SETTLE, Tenant, before, manifests, sandbox_with};
use super::*;
use crate::sandbox::SandboxOptions;

/// How many rehearsals go on at once; they mostly wait.
const AT_ONCE: usize = 16;

/// No call of these rehearsals takes longer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A tenant and a disk in the middle of their lives.
async fn stage() -> (Tenant, Disk) {
    let tenant = sandbox_with(SandboxOptions::in_memory(), TIMEOUT).await;
    let disk = Disk::default();
    let (ended, _) = Machine::new(&tenant, &disk).command(&before()).await;
    let Ended::Applied(report) = ended else { panic!("{ended:?}") };
    assert_eq!(report.counts.created, 2, "{report:#?}");
    (tenant, disk)
}

/// One rehearsal: a process dies each time it is told to, then one lives. Gives back how many of them did die, and what
/// the last one did.
async fn rehearse(deaths: &[Death], last_applied: LastApplied) -> (usize, Life) {
    let case = format!("{deaths:?}");
    let (tenant, disk) = stage().await;
    let machine = Machine { last_applied, ..Machine::new(&tenant, &disk) };
    let mut died = 0;
    for death in deaths {
        match machine.command_and_die(&manifests(), *death).await {
            None => died += 1,
            Some(ended) => completes(&ended, &case),
        }
    }
    let (ended, life) = machine.command(&manifests()).await;
    completes(&ended, &case);
    assert!(machine.plan(&manifests()).is_empty(), "{case}: something is left to do");
    tenant.holds_each_once(&disk, &case).await;
    tenant.sandbox.shutdown().await;
    (died, life)
}

#[track_caller]
fn completes(ended: &Ended, case: &str) {
    match ended {
        Ended::NothingToDo(in_doubt) => assert!(in_doubt.is_empty(), "{case}: in doubt: {in_doubt:#?}"),
        Ended::Applied(report) => assert!(report.is_complete(), "{case}: {report:#?}"),
        Ended::Refused(error) => panic!("{case}: {error}"),
    }
}

/// Every place in every event of a process that is not disturbed, and one event more.
async fn every_death() -> Vec<Death> {
    let (_, life) = rehearse(&[], LastApplied::Full).await;
    let of = |place: Place| (1..=life.count(place.event()) + 1).map(move |nth| Death { place, nth });
    let deaths: Vec<_> = Place::ALL.into_iter().flat_map(of).collect();
    assert!(deaths.len() > 120, "{} are suspiciously few", deaths.len());
    deaths
}

#[tokio::test]
async fn wherever_a_process_dies_the_next_one_makes_everything_exist_once() {
    let deaths = every_death().await;
    let rehearsals = deaths.iter().map(|death| async move {
        let deaths = [*death];
        let (died, _) = rehearse(&deaths, LastApplied::Full).await;
        (death.place, died)
    });
    let died: Vec<(Place, usize)> = stream::iter(rehearsals).buffer_unordered(AT_ONCE).collect().await;
    for place in Place::ALL {
        let survived = died.iter().filter(|(other, died)| *other == place && *died == 0).count();
        assert_eq!(survived, 1, "{place:?}: only the event after the last one is survived");
    }
}

#[tokio::test]
async fn a_state_that_keeps_digests_only_is_as_safe() {
    let deaths = every_death().await;
    let some = deaths.iter().filter(|death| matches!(death.place, Place::AfterAppend | Place::AfterWrite));
    let rehearsals = some.map(|death| async move { rehearse(&[*death], LastApplied::Digest).await.0 });
    let died: usize = stream::iter(rehearsals).buffer_unordered(AT_ONCE).fold(0, |sum, died| async move { sum + died }).await;
    assert!(died > 30, "{died}");
}

#[tokio::test]
async fn a_process_that_dies_while_it_cleans_up_after_another_loses_nothing_either() {
    let deaths = every_death().await;
    // Those that leave most behind, each with every third death of the one that comes after it.
    let firsts = [
        Death { place: Place::AfterWrite, nth: 1 },
        Death { place: Place::AfterWrite, nth: 4 },
        Death { place: Place::AfterAppend, nth: 6 },
        Death { place: Place::WithinAppend, nth: 12 },
        Death { place: Place::AfterAppend, nth: 16 },
        Death { place: Place::AfterSave, nth: 1 },
    ];
    let pairs = firsts.iter().enumerate().flat_map(|(skip, first)| {
        deaths.iter().skip(skip % 3).step_by(3).map(move |second| [*first, *second])
    });
    let rehearsals = pairs.map(|pair| async move { rehearse(&pair, LastApplied::Full).await.0 });
    let died: Vec<usize> = stream::iter(rehearsals).buffer_unordered(AT_ONCE).collect().await;
    assert!(died.iter().filter(|died| **died == 2).count() > 100, "{died:?}");
}

#[tokio::test]
async fn what_is_looked_for_is_given_the_time_to_show_itself() {
    let (tenant, disk) = stage().await;
    let machine = Machine::new(&tenant, &disk);
    let death = Death { place: Place::BeforeWrite, nth: 1 };
    assert!(machine.command_and_die(&manifests(), death).await.is_none());
    let began = tokio::time::Instant::now();
    completes(&machine.command(&manifests()).await.0, "after one death");
    assert!(began.elapsed() >= SETTLE, "{:?}", began.elapsed());
    tenant.holds_each_once(&disk, "after one death").await;
}
