//! A process dies at every place where it can, and the next one finishes its work: nothing twice, nothing lost.
//!
//! With `DIXAFORM_THOROUGH=1` it does so with each kind of Dixa, and more often a second time.

use std::sync::atomic::AtomicUsize;

use futures_util::stream::{self, StreamExt as _};

use super::*;
use crate::apply::tests::recovery::{
    Death, Disk, Ended, Life, Machine, Place, SETTLE, Script, Tenant, patience, sandbox_with,
};
use crate::sandbox::{FaultPlan, SandboxOptions};

/// How many rehearsals go on at once; they mostly wait.
const AT_ONCE: usize = 32;

/// How late a call can be beside what a plan of faults says.
const BUSY: Duration = Duration::from_millis(400);

/// No call of these rehearsals takes longer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A tenant for many rehearsals.
struct Theatre {
    tenant: Tenant,
    patience: Patience,
    /// How late it can be.
    latest: Duration,
    rehearsals: AtomicUsize,
    /// State and journal are in an object store.
    in_store: bool,
}

impl Theatre {
    async fn open() -> Self {
        Theatre::open_with(FaultPlan::none()).await
    }

    async fn open_with(faults: FaultPlan) -> Self {
        let latest = faults.latest();
        let options = SandboxOptions { faults: Some(faults), ..SandboxOptions::default() };
        // A busy machine is late itself.
        let over = if latest.is_zero() { latest } else { latest + BUSY };
        let patience = Patience { request_timeout: over, alone: over + SETTLE, ..patience(SETTLE) };
        Theatre {
            tenant: sandbox_with(options, TIMEOUT).await,
            patience,
            latest,
            rehearsals: AtomicUsize::new(0),
            in_store: false,
        }
    }

    fn machine<'a>(&self, disk: &'a Disk) -> Machine<'a> {
        Machine { patience: self.patience, ..Machine::new(&self.tenant, disk) }
    }

    /// Whether the tenant has what was rehearsed, and nothing else.
    async fn close(self) {
        self.tenant.holds_nothing_else(self.rehearsals.into_inner()).await;
        self.tenant.sandbox.shutdown().await;
    }

    /// What comes before: something was applied, and it went well.
    async fn stage(&self) -> (Script, Disk) {
        let script = Script::new(self.rehearsals.fetch_add(1, Ordering::Relaxed));
        let disk = if self.in_store { Disk::in_store() } else { Disk::default() };
        let (ended, _) = self.machine(&disk).command(&script.before).await;
        let Ended::Applied(report) = ended else { panic!("{ended:?}") };
        assert_eq!(report.counts.created, 2, "{report:#?}");
        (script, disk)
    }

    /// One rehearsal: a process dies each time at a chosen point, then one lives. Returns how many did die, and
    /// what the last one did.
    async fn rehearse(&self, deaths: &[Death], last_applied: LastApplied) -> (usize, Life) {
        let case = format!("{deaths:?}");
        let (script, disk) = self.stage().await;
        let machine = Machine { last_applied, ..self.machine(&disk) };
        let mut died = 0;
        for death in deaths {
            match machine.command_and_die(&script.all, *death).await {
                None => died += 1,
                Some(ended) => completes(&ended, &case),
            }
        }
        let (ended, life) = machine.command(&script.all).await;
        completes(&ended, &case);
        disk.look().await;
        assert!(machine.plan(&script.all).is_empty(), "{case}: something is left to do");
        tokio::time::sleep(self.latest).await;
        self.tenant.holds_each_once(&script, &disk, &case).await;
        (died, life)
    }

    /// Every place in every event of a process that is not disturbed, and one event more.
    async fn every_death(&self) -> Vec<Death> {
        // The first one makes a tag that all others find.
        self.rehearse(&[], LastApplied::Full).await;
        let (_, life) = self.rehearse(&[], LastApplied::Full).await;
        let of = |place: Place| (1..=life.count(place.event()) + 1).map(move |nth| Death { place, nth });
        let deaths: Vec<_> = Place::ALL.into_iter().flat_map(of).collect();
        assert!(deaths.len() > 120, "{} are suspiciously few", deaths.len());
        deaths
    }

    /// Many rehearsals; how many processes died in each.
    async fn rehearse_all(&self, cases: &[Vec<Death>], last_applied: LastApplied) -> Vec<usize> {
        let rehearsals = cases.iter().map(|deaths| async { self.rehearse(deaths, last_applied).await.0 });
        stream::iter(rehearsals).buffered(AT_ONCE).collect().await
    }
}

#[track_caller]
fn completes(ended: &Ended, case: &str) {
    match ended {
        Ended::NothingToDo(in_doubt) => assert!(in_doubt.is_empty(), "{case}: in doubt: {in_doubt:#?}"),
        Ended::Applied(report) => assert!(report.is_complete(), "{case}: {report:#?}"),
        refused => panic!("{case}: {refused:?}"),
    }
}

/// A Dixa that is quick, one that is slow to carry out what it is sent, and one that is slow to list it too.
const PACES: [&str; 3] = ["commit-delay=0ms", "commit-delay=60ms", "commit-delay=0ms..60ms,list-lag=60ms"];

#[tokio::test]
async fn wherever_a_process_dies_the_next_one_makes_everything_exist_once_however_slow_dixa_is() {
    for (nth, faults) in PACES.into_iter().enumerate() {
        let theatre = Theatre::open_with(faults.parse().expect("a plan of faults")).await;
        let deaths = theatre.every_death().await;
        let tried = deaths.iter().enumerate().filter(|(case, _)| is_tried(*case, nth, PACES.len()));
        let cases: Vec<_> = tried.map(|(_, death)| vec![*death]).collect();
        let died = theatre.rehearse_all(&cases, LastApplied::Full).await;
        for (case, died) in cases.iter().flatten().zip(died) {
            let is_behind_all = deaths.iter().all(|other| other.place != case.place || other.nth <= case.nth);
            assert_eq!(died == 0, is_behind_all, "{faults}: {case:?}: only the event after the last one is survived");
        }
        theatre.close().await;
    }
}

/// Some deaths with real requests; the storm has all of them with its own Dixa.
#[tokio::test]
async fn wherever_a_process_dies_whose_state_is_in_a_store_the_next_one_makes_everything_exist_once() {
    let theatre = Theatre { in_store: true, ..Theatre::open().await };
    let deaths = theatre.every_death().await;
    let cases: Vec<_> = deaths.iter().step_by(4).map(|death| vec![*death]).collect();
    let died = theatre.rehearse_all(&cases, LastApplied::Full).await;
    assert!(died.iter().sum::<usize>() >= cases.len() - Place::ALL.len(), "{died:?}");
    theatre.close().await;
}

#[tokio::test]
async fn a_state_that_keeps_digests_only_is_as_safe() {
    let theatre = Theatre::open().await;
    let deaths = theatre.every_death().await;
    let some = deaths.iter().filter(|death| matches!(death.place, Place::AfterAppend | Place::AfterWrite));
    let some = some.enumerate().filter(|(case, _)| is_tried(*case, 0, 2));
    let cases: Vec<_> = some.map(|(_, death)| vec![*death]).collect();
    let died = theatre.rehearse_all(&cases, LastApplied::Digest).await;
    assert!(died.iter().sum::<usize>() + 2 >= cases.len(), "two places, each survived at most once: {died:?}");
    theatre.close().await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_cleans_up_after_another_loses_nothing_either() {
    let theatre = Theatre::open().await;
    let deaths = theatre.every_death().await;
    // Those that leave most behind, each with some deaths of the process that comes after.
    let firsts = [
        (Place::AfterWrite, 1),
        (Place::AfterWrite, 4),
        (Place::AfterAppend, 6),
        (Place::WithinAppend, 12),
        (Place::AfterAppend, 16),
        (Place::AfterSave, 1),
    ];
    let one_in = if is_thorough() { firsts.len() } else { 3 * firsts.len() };
    let cases: Vec<Vec<Death>> = firsts
        .iter()
        .enumerate()
        .flat_map(|(skip, (place, nth))| {
            let first = Death { place: *place, nth: *nth };
            deaths.iter().skip(skip * one_in / firsts.len()).step_by(one_in).map(move |second| vec![first, *second])
        })
        .collect();
    let died = theatre.rehearse_all(&cases, LastApplied::Full).await;
    assert!(died.iter().filter(|died| **died == 2).count() > 40, "{died:?}");
    theatre.close().await;
}

#[tokio::test]
async fn what_is_looked_for_is_given_the_time_to_show_itself() {
    let theatre = Theatre::open().await;
    let (script, disk) = theatre.stage().await;
    let machine = theatre.machine(&disk);
    let death = Death { place: Place::BeforeWrite, nth: 1 };
    assert!(machine.command_and_die(&script.all, death).await.is_none());
    let began = tokio::time::Instant::now();
    completes(&machine.command(&script.all).await.0, "after one death");
    assert!(began.elapsed() >= SETTLE, "{:?}", began.elapsed());
    theatre.tenant.holds_each_once(&script, &disk, "after one death").await;
}
