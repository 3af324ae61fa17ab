//! Everything that can go wrong with a call, at each kind of call that an apply makes: it ends as documented, and an
//! apply after it leaves everything existing once.
//!
//! `DIXAFORM_FAULT_SEEDS=2000 cargo test --lib apply::tests::matrix` tries more mixtures by chance than the usual few,
//! and `DIXAFORM_FAULT_SEED=N` begins with another one. A mixture that fails names its seed. With `DIXAFORM_THOROUGH=1`
//! everything goes wrong at more calls, and with each kind of slow Dixa.

use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt as _};

use super::*;
use crate::api::CallError;
use crate::apply::tests::recovery::{Disk, Ended, Machine, Script, Tenant, patience, sandbox_with};
use crate::sandbox::{Call, Fault, FaultPlan, LogTo, SandboxOptions};

/// How many rehearsals go on at once; they mostly wait.
const AT_ONCE: usize = 100;

/// How long a call may take where one is never answered: longer than any other does on a busy machine, since another
/// call that is given up leads to other calls than those that the rehearsal is about.
const SHORT: Duration = Duration::from_secs(4);

/// How long a call may take where many are never answered, and it does not matter which are given up.
const SHORTEST: Duration = Duration::from_millis(700);

/// How long a call may take elsewhere: longer than any does, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

/// How old a call must be before it is believed that it made nothing: longer than any lag of these rehearsals.
const SETTLE: Duration = Duration::from_millis(90);

/// What was applied before, as a file to begin from.
struct Theatre {
    folder: tempfile::TempDir,
    script: Script,
    disk: Disk,
}

/// What is tried everywhere: at the first, a middle or the last call.
const MENU: [Fault; 13] = [
    Fault::TooManyRequests,
    Fault::Unauthorized,
    Fault::Redirect,
    Fault::ServerErrorBefore,
    Fault::ServerErrorAfter,
    Fault::DropBefore,
    Fault::DropAfter,
    Fault::Hang,
    Fault::HangAfter,
    Fault::SlowBody,
    Fault::Rubbish,
    Fault::Huge,
    Fault::Partial,
];

/// What is tried at the first call alone: it differs from something else in the answer only.
const VARIANTS: [Fault; 14] = [
    Fault::Forbidden,
    Fault::BadRequest,
    Fault::NotFound,
    Fault::DuplicateBefore,
    Fault::DuplicateAfter,
    Fault::ServerErrorEarly,
    Fault::DropEarly,
    Fault::Garbled,
    Fault::Empty200,
    Fault::Empty204,
    Fault::Text202,
    Fault::NoId201,
    Fault::EmptyPage,
    Fault::Circle,
];

/// A Dixa that is slow to carry out, to list, or to show what it has.
const SLOW: [&str; 4] = ["commit-delay=60ms", "commit-delay=0ms..120ms", "list-lag=150ms", "read-lag=60ms"];

/// How an apply ends that something goes wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As if nothing had gone wrong (exit 0).
    Complete,
    /// Everything was done, and one conversation is said to lack something (exit 0).
    Partial,
    /// Everything was done except one change (exit 4).
    OneFailed,
    /// Something stays in doubt, and the rest was done (exit 6).
    InDoubt,
    /// The token is refused, and the run stops (exit 3).
    Token,
    /// Nothing was sent (exit 1).
    NothingSent,
}

impl Theatre {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (script, disk) = (Script::new(0), Disk::default());
        let theatre = Theatre { folder, script, disk };
        let tenant = theatre.tenant(&theatre.path("before"), None).await;
        let (ended, _) = Machine::new(&tenant, &theatre.disk).command(&theatre.script.before).await;
        assert!(matches!(&ended, Ended::Applied(report) if report.is_complete()), "{ended:?}");
        tenant.sandbox.shutdown().await;
        theatre
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn tenant(&self, data: &Path, faults: Option<(&str, &Log)>) -> Tenant {
        let log_to = faults.map(|(_, log)| {
            let log = log.clone();
            LogTo::new(move |line: &str| log.lock().expect("not poisoned").push(line.to_owned()))
        });
        let timeout = faults.map_or(LONG, |(text, _)| timeout_for(text));
        let faults = faults.map(|(text, _)| text.parse::<FaultPlan>().expect("a plan of faults"));
        let options = SandboxOptions { data: Some(data.to_owned()), faults, log_to, ..SandboxOptions::default() };
        sandbox_with(options, timeout).await
    }

    /// Applies while these things go wrong, one mixture after the other, then once while nothing does. Gives back how
    /// each of those ended, and what the tenant saw of them.
    async fn rehearse(&self, name: &str, faults: &[String], verify: bool) -> (Vec<Ended>, Vec<String>) {
        let case = format!("{name}: {faults:?}");
        let data = self.path(name);
        std::fs::copy(self.path("before"), &data).expect("copied");
        let disk = self.disk.copy();
        let log = Log::default();
        let mut ends = Vec::new();
        for faults in faults {
            let tenant = self.tenant(&data, Some((faults, &log))).await;
            let latest = faults.parse::<FaultPlan>().expect("a plan of faults").latest();
            let patience = Patience { request_timeout: latest, alone: latest + SETTLE, ..patience(SETTLE) };
            let machine = Machine { verify, patience, ..Machine::new(&tenant, &disk) };
            ends.push(machine.command(&self.script.all).await.0);
            tenant.sandbox.shutdown().await;
        }
        let tenant = self.tenant(&data, None).await;
        let machine = Machine::new(&tenant, &disk);
        match machine.command(&self.script.all).await.0 {
            Ended::NothingToDo(in_doubt) => assert!(in_doubt.is_empty(), "{case}: in doubt: {in_doubt:#?}"),
            Ended::Applied(report) => assert!(report.is_complete(), "{case}: {report:#?}\nafter {ends:#?}"),
            refused => panic!("{case}: {refused:?}"),
        }
        assert!(machine.plan(&self.script.all).is_empty(), "{case}: something is left to do");
        tenant.holds_each_once(&self.script, &disk, &case).await;
        tenant.holds_nothing_else(1).await;
        tenant.sandbox.shutdown().await;
        let log = std::mem::take(&mut *log.lock().expect("not poisoned"));
        (ends, log)
    }

    /// One fault, and how the apply ends that has it. `circumstances` are faults that make the call happen at all.
    async fn one(&self, circumstances: &str, fault: Fault, call: &str, nth: u32, end: End) {
        let name = format!("{circumstances}-{fault}-{call}-{nth}");
        let slow = "slow=120ms";
        let faults = match circumstances {
            "" => format!("{fault}@{call}#{nth},{slow}"),
            more => format!("{more},{fault}@{call}#{nth},{slow}"),
        };
        let (ends, log) = self.rehearse(&name, std::slice::from_ref(&faults), true).await;
        let suffered = log.iter().any(|line| line.ends_with(&format!(" fault {fault}")));
        assert!(suffered, "{faults}: there was no such call: {log:#?}");
        assert_eq!(end_of(&ends[0]), end, "{faults}: {:#?}", ends[0]);
    }

    async fn all(&self, cases: Vec<(&str, Fault, &str, u32, End)>) {
        let count = cases.len();
        let rehearsals =
            cases.into_iter().map(|(around, fault, call, nth, end)| self.one(around, fault, call, nth, end));
        let done = stream::iter(rehearsals).buffer_unordered(AT_ONCE).count().await;
        assert_eq!(done, count);
    }
}

/// How long a call may take while these things go wrong.
fn timeout_for(faults: &str) -> Duration {
    match (faults.contains("hang"), faults.contains("seed=")) {
        (false, _) => LONG,
        (true, false) => SHORT,
        (true, true) => SHORTEST,
    }
}

/// Lines of a sandbox's log.
type Log = Arc<std::sync::Mutex<Vec<String>>>;

fn end_of(ended: &Ended) -> End {
    match ended {
        Ended::Refused(CallError::Unauthorized { .. }) => End::Token,
        Ended::Refused(_) | Ended::NoFit(_) | Ended::Older | Ended::Fenced(_) => End::NothingSent,
        Ended::NothingToDo(in_doubt) if in_doubt.is_empty() => End::Complete,
        Ended::NothingToDo(_) => End::InDoubt,
        Ended::Applied(ApplyReport { stop: Some(Stop::Unauthorized(_)), .. }) => End::Token,
        Ended::Applied(report) if report.counts.in_doubt > 0 => End::InDoubt,
        Ended::Applied(report) if report.counts.failed == 1 && report.counts.not_attempted == 0 => End::OneFailed,
        Ended::Applied(report) => {
            assert!(report.is_complete(), "{report:#?}");
            if report.counts.partial == 1 { End::Partial } else { End::Complete }
        }
    }
}

/// Every fault, at the first, a middle or the last call in turn.
fn everywhere<'c>(
    around: &'c str,
    call: &'c str,
    places: [u32; 3],
    end: impl Fn(Fault) -> End,
) -> Vec<(&'c str, Fault, &'c str, u32, End)> {
    let mut places = places.to_vec();
    places.dedup();
    let places = places.as_slice();
    let class = Call::ALL.into_iter().find(|class| class.as_str() == call).expect("a class of calls");
    let suits = |(fault, _): &(Fault, u32)| fault.suits(class);
    let at_places = |(case, fault)| {
        let tried = places.iter().enumerate().filter(move |(place, _)| is_tried(case, *place, places.len()));
        tried.map(move |(_, nth)| (fault, *nth))
    };
    let everywhere = MENU.into_iter().enumerate().flat_map(at_places);
    let first = VARIANTS.into_iter().map(|fault| (fault, places[0]));
    let cases = everywhere.chain(first).filter(suits);
    cases.map(|(fault, nth)| (around, fault, call, nth, end(fault))).collect()
}

#[tokio::test]
async fn what_goes_wrong_before_the_first_write_is_tried_again_or_nothing_is_sent() {
    let theatre = Theatre::open().await;
    let end = |fault| match fault {
        Fault::Unauthorized => End::Token,
        Fault::Redirect | Fault::BadRequest => End::NothingSent,
        _ => End::Complete,
    };
    // A token whose user may not read whose tenant it is may do the rest.
    let mut cases = everywhere("", "organization", [1, 1, 1], end);
    cases.extend(everywhere("", "definitions", [1, 1, 1], |fault| match fault {
        Fault::Forbidden => End::Token,
        Fault::NotFound => End::NothingSent,
        other => end(other),
    }));
    theatre.all(cases).await;
}

/// How an apply ends in which one write goes wrong.
fn with_a_bad_write(fault: Fault) -> End {
    match fault {
        Fault::Unauthorized | Fault::Forbidden => End::Token,
        Fault::Redirect | Fault::BadRequest | Fault::NotFound | Fault::DuplicateBefore => End::OneFailed,
        Fault::Partial => End::Partial,
        _ => End::Complete,
    }
}

/// How an apply ends in which a call that is sent a second time goes wrong: it is not sent a third time by this run.
fn with_a_bad_second_write(fault: Fault) -> End {
    match fault {
        Fault::ServerErrorBefore | Fault::DropBefore | Fault::Hang => End::InDoubt,
        other => with_a_bad_write(other),
    }
}

#[tokio::test]
async fn what_goes_wrong_while_a_conversation_is_created_creates_nothing_twice_and_loses_nothing() {
    Theatre::open().await.all(everywhere("", "create", [1, 3, 6], with_a_bad_write)).await;
}

#[tokio::test]
async fn what_goes_wrong_while_a_conversation_is_imported_creates_nothing_twice_and_loses_nothing() {
    Theatre::open().await.all(everywhere("", "import", [1, 2, 2], with_a_bad_write)).await;
}

#[tokio::test]
async fn what_goes_wrong_while_dixa_is_slow_creates_nothing_twice_and_loses_nothing() {
    let calls = |(nth, around)| {
        let call = |call| everywhere(around, call, [1; 3], with_a_bad_write);
        let cases = call("create").into_iter().chain(call("import")).enumerate();
        cases.filter(move |(case, _)| is_tried(*case, nth, SLOW.len())).map(|(_, case)| case)
    };
    Theatre::open().await.all(SLOW.into_iter().enumerate().flat_map(calls).collect()).await;
}

#[tokio::test]
async fn what_is_refused_for_its_external_id_is_found_in_whatever_words_that_is_said() {
    let wordings = ["wording=external_id already in use", "wording=CreateConversationError.ExternalIdTaken"];
    let cases = wordings
        .into_iter()
        .flat_map(|wording| ["create", "import"].map(|call| (wording, Fault::DuplicateAfter, call, 1, End::Complete)));
    Theatre::open().await.all(cases.collect()).await;
}

#[tokio::test]
async fn what_goes_wrong_while_attributes_are_written_loses_none() {
    // The first is that of the end user, who was made just before: what looks like lag there is waited for.
    Theatre::open().await.all(everywhere("", "PATCH", [2, 4, 6], with_a_bad_write)).await;
}

#[tokio::test]
async fn what_goes_wrong_while_a_conversation_is_handled_loses_nothing_and_makes_no_tag_twice() {
    let theatre = Theatre::open().await;
    let mut cases = everywhere("", "make-tag", [1, 2, 2], with_a_bad_write);
    for (call, places) in [("put-tag", [1, 2, 2]), ("transfer", [1; 3]), ("claim", [1; 3]), ("close", [1, 2, 2])] {
        // That what was made just now is not there can only be that it does not show yet, for as long as that may take.
        let ends = everywhere("", call, places, with_a_bad_write);
        cases.extend(ends.into_iter().filter(|(_, fault, ..)| *fault != Fault::NotFound));
    }
    cases.extend(everywhere("", "take-tag", [1; 3], with_a_bad_write));
    // The tags of the tenant are read before the first write, those of a conversation before one is put on.
    cases.extend(everywhere("", "conversation-tags", [1; 3], with_a_bad_write));
    cases.extend(everywhere("", "tags", [1; 3], |fault| match fault {
        Fault::Unauthorized | Fault::Forbidden => End::Token,
        Fault::Redirect | Fault::BadRequest | Fault::NotFound => End::NothingSent,
        _ => End::Complete,
    }));
    theatre.all(cases).await;
}

#[tokio::test]
async fn what_goes_wrong_while_reading_costs_a_change_at_most() {
    let theatre = Theatre::open().await;
    // The list before what can't be marked, and reading back what was written. Of a list that is not surely whole nobody
    // knows what was there before.
    let mut cases = everywhere("", "conversations", [1, 2, 3], |fault| match fault {
        Fault::EmptyPage | Fault::Circle => End::OneFailed,
        other => with_a_bad_write(other),
    });
    cases.extend(everywhere("", "conversation", [1, 3, 7], |fault| match fault {
        Fault::Unauthorized | Fault::Forbidden => End::Token,
        _ => End::Complete,
    }));
    theatre.all(cases).await;
}

/// How an apply ends in which looking for one of several lost answers goes wrong: it is looked for again after the
/// others.
fn with_a_bad_look(fault: Fault) -> End {
    match fault {
        Fault::Unauthorized | Fault::Forbidden => End::Token,
        _ => End::Complete,
    }
}

#[tokio::test]
async fn what_goes_wrong_while_looking_for_what_was_made_leaves_it_in_doubt_at_most() {
    let theatre = Theatre::open().await;
    // More lost answers in a row would be an incident. All four are marked; three lists are made before anything is
    // sent, and one shows whether lists are current.
    let mut cases = everywhere("drop-after@create#1-4", "messages", [1, 2, 4], with_a_bad_look);
    cases.extend(everywhere("drop-after@create#1-4", "conversations", [4, 8, 8], with_a_bad_look));
    // One alone that can't be looked for at first.
    cases.push(("drop-after@import#2", Fault::Redirect, "conversations", 4, End::Complete));
    theatre.all(cases).await;
}

#[tokio::test]
async fn what_goes_wrong_while_looking_for_what_was_not_made_leaves_it_in_doubt_at_most() {
    let theatre = Theatre::open().await;
    // Each of four is looked for twice, and then sent again.
    let mut cases = everywhere("500-before@create#1-4", "conversations", [4, 12, 12], with_a_bad_look);
    cases.extend(everywhere("500-before@create#1-4", "create", [7, 10, 10], with_a_bad_second_write));
    theatre.all(cases).await;
}

#[tokio::test]
async fn whatever_goes_wrong_by_chance_everything_exists_once_in_the_end() {
    let (first, seeds) = (number("DIXAFORM_FAULT_SEED", 1), number("DIXAFORM_FAULT_SEEDS", 30));
    let theatre = Theatre::open().await;
    let rehearsals = (first..first + seeds).map(|seed| {
        let kinds = "429+500-before+500-after+500-early+drop-before+drop-after+drop-early+hang+hang-after+slow-body\
                     +rubbish+garbled+200-empty+202-text+201-no-id+204-empty+partial+redirect+400+404+empty-page+circle";
        let share = 5 + seed * 7 % 30;
        let (more, how) = match seed % 4 {
            0 => ("", "commit-delay=0ms..60ms"),
            1 => ("", "list-lag=100ms"),
            2 => ("", "read-lag=60ms"),
            // Only a Dixa that compares external ids speaks of them.
            _ => ("+duplicate-before+duplicate-after", "duplicates=refuse,wording=vary"),
        };
        let run = |run: u64| {
            let seed = seed * 10 + run;
            format!("seed={seed},rate=0.{share:02},kinds={kinds}{more},{how},latency=0ms..15ms,lag=40ms,slow=100ms")
        };
        let (theatre, runs) = (&theatre, [run(0), run(1), run(2)]);
        async move { theatre.rehearse(&format!("seed {seed}"), &runs, false).await.1 }
    });
    let logs: Vec<Vec<String>> = stream::iter(rehearsals).buffer_unordered(AT_ONCE).collect().await;
    let faults = logs.iter().flatten().filter(|line| line.contains(" fault ")).count();
    assert!(faults as u64 > seeds * 3, "{faults} faults are suspiciously few");
}
