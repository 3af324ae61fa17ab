//! The same with a state in a store, whose answers get lost, come late, or are about what was sent twice.
//!
//! A process dies, or is frozen for as long as another one needs, at every place where it can; every call with the
//! tenant goes wrong in every way; and rounds are played as with a file. The lease of whoever died is waited for, or it
//! is forced out. `DIXAFORM_SCENARIOS=20 cargo test --lib storm::round::shared` tries each case with that many seeds.

use std::cell::Cell;

use super::*;
use crate::apply::tests::recovery::{Fenced, Taking};
use crate::apply::tests::storm::weather::{Fate, Setting};
use crate::apply::tests::storm::wishes::{Requester, Sort};
use crate::apply::tests::storm::world::{Accident, read_errors};
use crate::store::tests::process::{Body, Frozen};
use crate::store::tests::weather::{self, Server, Wire};

/// The weather of a case, and all else that chance decides in it.
#[derive(Clone, Copy, Debug)]
struct Odds {
    seed: u64,
    weather: weather::Weather,
    taking: Taking,
}

impl Odds {
    /// A calm store, whose holders are waited for.
    const CALM: Odds = Odds { seed: 0, weather: weather::Weather::FAIR, taking: Taking::AfterLease };

    fn of(seed: u64) -> Self {
        let taking = if seed.is_multiple_of(2) { Taking::AfterLease } else { Taking::ByForce };
        Odds { seed, weather: weather::Weather::GALE, taking }
    }
}

/// Many cases, each with some seeds of its own.
fn seeded<C: Clone>(cases: Vec<C>, usual: u64) -> Vec<(C, Odds)> {
    let seeds = number("DIXAFORM_SCENARIOS", usual);
    let with_seeds = |(at, case): (usize, C)| {
        let first = at as u64 * 1_000;
        (first..first + seeds).map(move |seed| (case.clone(), Odds::of(seed)))
    };
    cases.into_iter().enumerate().flat_map(with_seeds).collect()
}

/// A round with few manifests, one of which was applied before it was changed.
struct Case {
    round: Round,
    server: Arc<Server>,
    taking: Taking,
}

impl Case {
    async fn stage(odds: Odds) -> Self {
        let chance = Arc::new(weather::Chance::new(odds.seed));
        let server = Server::new(weather::Weather::FAIR, &chance);
        let mut round = Round::draw(1, Diary::default());
        round.dixa = Dixa::new(Climate::MILD, Chance::new(odds.seed));
        round.disk = Disk::of_store(Arc::new(Wire(Arc::clone(&server))), odds.taking);
        (round.markers, round.last_applied) = (true, LastApplied::Full);
        let person = Person::plain(0, true);
        let wish = |number: usize, sort: Sort| Wish {
            name: format!("m{number}"),
            sort,
            requester: Requester::known(number),
            version: 0,
            note: None,
            names_note: false,
            own_mark: false,
            care: Care::default(),
        };
        let changed = Wish { note: Some(1), ..wish(0, Sort::Email) };
        (round.people, round.wishes) = (Vec::new(), vec![changed.clone()]);
        let desired = round.desired();
        let (ended, _) = round.machine().command(&desired).await;
        assert!(matches!(&ended, Ended::Applied(report) if report.is_complete()), "{ended:?}");
        let mut care = Care::default();
        (care.tags, care.state) = ([TAGS[0]].into(), Some(Openness::Closed));
        let named = Requester::of(&person, &mut Chance::new(1));
        round.people = vec![person];
        round.wishes = vec![
            Wish { version: 1, note: Some(2), ..changed },
            Wish { note: Some(1), care, ..wish(1, Sort::Chat) },
            wish(2, Sort::Callback),
            Wish { requester: named, ..wish(3, Sort::Import) },
        ];
        server.turn(odds.weather);
        Case { round, server, taking: odds.taking }
    }

    /// A process that is not disturbed ends its work. Everything is there once then, and is recorded.
    async fn ends_well(mut self) -> Result<Life, String> {
        let desired = self.round.desired();
        let (ended, life) = self.round.machine().command(&desired).await;
        match ended {
            Ended::NothingToDo(in_doubt) if in_doubt.is_empty() => {}
            Ended::Applied(report) if report.is_complete() => {}
            ended => return Err(format!("it does not end well: {ended:#?}")),
        }
        self.check_all().await.map(|()| life)
    }

    /// The same, however often it must be tried again; a person is not needed.
    async fn comes_to_rest(mut self) -> Result<(), String> {
        self.round.come_to_rest().await;
        match self.round.tally.answers {
            0 => self.check_all().await,
            answers => Err(format!("a person had to give {answers} answers")),
        }
    }

    async fn check_all(mut self) -> Result<(), String> {
        self.server.turn(weather::Weather::FAIR);
        // What is on its way arrives.
        self.round.pass(120).await;
        self.round.disk.look().await;
        let desired = self.round.desired();
        let left = self.round.machine().plan(&desired);
        if !left.is_empty() {
            return Err(format!("something is left to do: {:#?}", left.changes));
        }
        let forks = self.server.forks().await;
        self.round.check()?;
        if forks.is_empty() { Ok(()) } else { Err(forks.join("\n")) }
    }
}

/// Plays each case in simulated time.
fn play_all<C, T, P>(cases: &[(C, Odds)], play: impl Fn(C, Odds) -> P + Sync) -> Vec<T>
where
    C: Clone + std::fmt::Debug + Sync,
    T: Send,
    P: Future<Output = Result<T, String>>,
{
    let one = |(case, odds): &(C, Odds)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let played = catch_unwind(AssertUnwindSafe(|| {
            runtime.expect("a runtime").block_on(async { play(case.clone(), *odds).await })
        }));
        let failed = |why: &str| format!("{case:?} with {odds:?}: {why}");
        match played {
            Ok(played) => played.map_err(|why| failed(&why)),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                Err(failed(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")))
            }
        }
    };
    let played: Vec<Result<T, String>> = cases.into_par_iter().map(one).collect();
    let failed: Vec<&String> = played.iter().filter_map(|played| played.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {} cases: {}", failed.len(), cases.len(), failed[0]);
    played.into_iter().flatten().collect()
}

/// The events of a process that is not disturbed.
fn undisturbed() -> Life {
    let lives = play_all(&[((), Odds::CALM)], async |(), odds| Case::stage(odds).await.ends_well().await);
    lives.into_iter().next().expect("one")
}

fn every(places: &[Place]) -> Vec<Death> {
    let life = undisturbed();
    let of = |place: &Place| {
        let place = *place;
        (1..=life.count(place.event())).map(move |nth| Death { place, nth })
    };
    places.iter().flat_map(of).collect()
}

#[test]
fn wherever_a_process_dies_and_whatever_becomes_of_what_it_has_sent_to_a_store_everything_exists_once() {
    let deaths = every(&Place::ALL);
    assert!(deaths.len() > 100, "{} are suspiciously few", deaths.len());
    let cases = seeded(deaths, 2);
    let died = play_all(&cases, async |death, odds| {
        let mut case = Case::stage(odds).await;
        let desired = case.round.desired();
        let died = case.round.machine().command_and_die(&desired, death).await.is_none();
        case.ends_well().await.map(|_| usize::from(died))
    });
    assert!(died.iter().sum::<usize>() * 10 > cases.len() * 9, "it mostly survives");
}

/// How a frozen process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thawed {
    /// It had done everything before it was taken over, or nothing was left for it to do.
    Unaware,
    Fenced,
    Died,
}

impl Case {
    /// A process freezes there, and goes on when another one has done its work, or while it does. How it ended, or none
    /// if it died, and how the other one did.
    async fn freeze(&mut self, death: Death, duration: Duration) -> (Option<Ended>, Ended) {
        let desired = self.round.desired();
        let body = Body::new(false);
        let elsewhere = Disk::of_store(Arc::new(Wire(Arc::clone(&self.server))), self.taking);
        let life = Life::that_freezes(&elsewhere, death, &body, duration);
        let machine = Machine { api: self.round.dixa.elsewhere(), disk: &elsewhere, ..self.round.machine() };
        let has_ended = Cell::new(false);
        let other = async {
            // It begins when this one is frozen.
            while !body.is_frozen() && !has_ended.get() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.round.machine().command(&desired).await.0
        };
        let (_handle, stop) = stop_signal();
        let frozen = async {
            let ended = Frozen::new(&body, machine.live(&life, &desired, stop)).await;
            has_ended.set(true);
            ended
        };
        tokio::join!(frozen, other)
    }
}

async fn freeze(death: Death, odds: Odds) -> Result<Thawed, String> {
    let mut case = Case::stage(odds).await;
    let chance = &case.server.chance;
    let duration = Duration::from_secs(chance.below(if chance.percent(50) { 200 } else { 4_000 }));
    let (thawed, other) = case.freeze(death, duration).await;
    if matches!(&other, Ended::Applied(report) if !report.is_complete()) {
        return Err(format!("the other one: {other:#?}"));
    }
    case.ends_well().await.map(|_| match thawed {
        Some(Ended::Fenced(_)) => Thawed::Fenced,
        Some(_) => Thawed::Unaware,
        None => Thawed::Died,
    })
}

#[test]
fn a_process_that_is_frozen_anywhere_and_goes_on_after_another_one_makes_nothing_twice() {
    let places = [Place::BeforeAppend, Place::BeforeWrite, Place::BeforeRead, Place::BeforeSave, Place::BeforeTidy];
    let cases = seeded(every(&places), 2);
    let thawed = play_all(&cases, freeze);
    let count = |how: Thawed| thawed.iter().filter(|one| **one == how).count();
    let (fenced, died) = (count(Thawed::Fenced), count(Thawed::Died));
    assert!(fenced + died > cases.len() / 3, "few were taken over: {fenced} and {died} of {}", cases.len());
}

#[test]
fn whatever_goes_wrong_with_a_call_everything_exists_once_as_its_record_in_a_store_says() {
    let life = undisturbed();
    let (posts, sets, reads) = (5, 6, life.count(Place::BeforeRead.event()));
    let post = (0..posts).flat_map(|nth| Fate::BAD.map(|fate| Accident::Post(nth, fate)));
    let set = (0..sets).flat_map(|nth| Setting::bad().into_iter().map(move |setting| Accident::Set(nth, setting)));
    let read = (0..reads).flat_map(|nth| read_errors().map(|error| Accident::Read(nth, error)));
    let calm = post.clone().map(|accident| (accident, Odds::CALM));
    let cases: Vec<_> = calm.chain(seeded(post.chain(set).chain(read).collect(), 1)).collect();
    let befell = play_all(&cases, async |accident, odds| {
        let mut case = Case::stage(odds).await;
        case.round.dixa.world().accident = Some(accident);
        let desired = case.round.desired();
        let _ = case.round.machine().command(&desired).await;
        let befell = case.round.dixa.world().accident.take().is_none();
        case.comes_to_rest().await.map(|()| usize::from(befell))
    });
    assert!(befell.iter().sum::<usize>() * 10 > cases.len() * 9, "most of it does not happen");
}

#[test]
fn whatever_happens_in_rounds_whose_state_is_in_a_store_everything_exists_once() {
    let seeds: Vec<_> = (1..=number("DIXAFORM_SCENARIOS", 20)).map(|seed| (seed, Odds::of(seed))).collect();
    let tallies = play_all(&seeds, async |seed, odds| {
        let chance = Arc::new(weather::Chance::new(seed));
        let server = Server::new(weather::Weather::STORM, &chance);
        let mut round = Round::draw(seed, Diary::default());
        round.disk = Disk::of_store(Arc::new(Wire(Arc::clone(&server))), odds.taking);
        round.rage().await;
        round.come_to_rest().await;
        let forks = server.forks().await;
        let diary = round.diary.clone();
        assert!(forks.is_empty(), "{forks:?}\n{}", diary.text());
        round.check().map_err(|why| format!("{why}\n{}", diary.text()))
    });
    let total = tallies.into_iter().fold(Tally::default(), Tally::and);
    assert!(total.deaths > 5 && total.made > 30, "{total:?}");
}

/// What a process has let through that was frozen between the check and the call.
pub(crate) struct Slipped {
    pub(crate) address: Address,
    /// What it knows.
    pub(crate) fenced: Fenced,
    /// What the next one knows, without that.
    pub(crate) next: Replay,
    /// What there is, as it was made.
    pub(crate) ids: Vec<Id>,
}

/// A process freezes after each check, for longer than its lease, a call and the time to settle, all together.
pub(crate) fn slipped_through() -> Vec<Slipped> {
    let cases: Vec<_> = every(&[Place::BetweenCheckAndWrite]).into_iter().map(|death| (death, Odds::CALM)).collect();
    play_all(&cases, slip).into_iter().flatten().collect()
}

async fn slip(death: Death, odds: Odds) -> Result<Option<Slipped>, String> {
    let mut case = Case::stage(odds).await;
    let (thawed, _) = case.freeze(death, Duration::from_secs(4 * 60 * 60)).await;
    case.round.come_to_rest().await;
    let Some(Ended::Fenced(fenced)) = thawed else { return Err(format!("it was not fenced: {thawed:?}")) };
    let round = &mut case.round;
    let wishes = round.wishes.iter().map(|wish| (wish.address(), wish.key()));
    let mut all = wishes.chain(round.people.iter().map(|person| (person.address(), person.key())));
    let double = all.find_map(|(address_, key)| {
        let ids = round.dixa.world().of(&key);
        (ids.len() > 1).then(|| (address(&address_), ids))
    });
    // What was only set is set once more.
    let Some((address, ids)) = double else { return case.check_all().await.map(|()| None) };
    let next = Replay::new(round.disk.state());
    let is_marked = round.wishes.iter().all(|wish| wish.address() != address.to_string() || wish.sort.has_message());
    if is_marked {
        // Where nothing is known, what is there is found by what it has of its own.
        let desired = round.desired();
        let blank = Disk::default();
        let machine = Machine { disk: &blank, ..round.machine() };
        let found = machine.state_rebuild(&Life::without_end(&blank), &desired).await;
        found.map_err(|refused| format!("{refused:?}"))?;
        let mut known: Vec<Id> = blank.state().records[&address].ids().collect();
        known.sort_unstable();
        if known != ids {
            return Err(format!("{address} is there as {ids:?}, and {known:?} are found"));
        }
    }
    Ok(Some(Slipped { address, fenced: *fenced, next, ids }))
}
