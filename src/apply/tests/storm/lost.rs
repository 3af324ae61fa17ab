//! A lost state, in fair weather: what was made is found again, whole or not at all.

use std::collections::BTreeSet;

use super::*;
use crate::apply::tests::recovery::{Death, Disk, Ended, Files, Life, Machine, Place};
use crate::apply::tests::storm::care::Care;
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::dixa::Dixa;
use crate::apply::tests::storm::people::Person;
use crate::apply::tests::storm::weather::Climate;
use crate::apply::tests::storm::wishes::{Requester, Sort, Who, Wish};
use crate::journal::{Decision, Heard};

fn wish(number: usize, sort: Sort, requester: usize) -> Wish {
    let note = number.is_multiple_of(2).then_some(1);
    let requester = match requester % 4 {
        3 => Requester::of(&person(requester), &mut Chance::new(number as u64)),
        _ => Requester::known(requester),
    };
    let name = format!("m{number}");
    Wish { name, sort, requester, version: 0, note, names_note: false, own_mark: false, care: Care::default() }
}

/// Every fourth requester is described by a manifest, and has an e-mail address or nothing but a mark.
fn person(number: usize) -> Person {
    Person::plain(number, number % 8 == 7)
}

/// Those whom these conversations need.
fn people(wishes: &[Wish]) -> Vec<Person> {
    let name = |wish: &Wish| match &wish.requester.who {
        Who::Known(_) => None,
        Who::Person(name) => Some(name.clone()),
    };
    let names: BTreeSet<String> = wishes.iter().filter_map(name).collect();
    (0..20).map(person).filter(|person| names.contains(&person.name)).collect()
}

fn manifests(wishes: &[Wish]) -> Desired {
    let people = people(wishes);
    desired(&people.iter().map(Person::yaml).chain(wishes.iter().map(Wish::yaml)).collect::<String>())
}

/// A tenant, and what was applied to it.
struct Scene {
    dixa: Dixa,
    clock: TestClock,
    disk: Disk,
}

impl Scene {
    fn new() -> Self {
        Scene { dixa: Dixa::new(Climate::MILD, Chance::new(1)), clock: TestClock::new(), disk: Disk::default() }
    }

    fn machine(&self) -> Machine<'_, Dixa, TestClock> {
        Machine {
            api: self.dixa.clone(),
            clock: self.clock.clone(),
            disk: &self.disk,
            last_applied: LastApplied::Full,
            verify: false,
            markers: true,
            patience: PATIENCE,
            refresh: false,
        }
    }

    async fn apply(&self, wishes: &[Wish]) -> Ended {
        self.machine().command(&manifests(wishes)).await.0
    }

    fn posts(&self) -> usize {
        self.dixa.world().posted.len()
    }

    /// Whether a manifest without a mark is what is in doubt, each of them.
    fn asks_about(&self, wishes: &[Wish]) -> bool {
        let in_doubt = self.machine().in_doubt().expect("the journal fits");
        let asked: BTreeSet<String> = in_doubt.iter().map(|doubt| doubt.address.to_string()).collect();
        let unmarked = wishes.iter().filter(|wish| !wish.sort.has_message()).map(Wish::address);
        asked == unmarked.collect() && in_doubt.iter().all(|doubt| doubt.heard == Heard::Before)
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_are_found_again_without_a_post_and_the_unmarked_ones_are_asked_about() {
    let sorts = Sort::ALL.into_iter().filter(|sort| sort.has_message()).cycle().take(200);
    let unmarked = Sort::ALL.into_iter().filter(|sort| !sort.has_message()).cycle().take(30);
    let wishes: Vec<Wish> =
        sorts.chain(unmarked).enumerate().map(|(number, sort)| wish(number, sort, number % 17)).collect();
    let scene = Scene::new();
    let Ended::Applied(report) = scene.apply(&wishes).await else { panic!("nothing was applied") };
    assert!(report.is_complete(), "{report:#?}");
    let (before, posts) = (scene.disk.state().records, scene.posts());
    assert_eq!((people(&wishes).len(), before.len(), posts), (4, 234, 234));

    *scene.disk.files() = Files::default();
    let _ = scene.apply(&wishes).await;
    let ids = |records: &std::collections::BTreeMap<Address, Record>| {
        records.iter().map(|(address, record)| (address.clone(), record.id)).collect::<Vec<_>>()
    };
    let marked: Vec<_> = ids(&before)
        .into_iter()
        .filter(|(address, _)| {
            !wishes.iter().any(|wish| !wish.sort.has_message() && wish.address() == address.to_string())
        })
        .collect();
    assert_eq!((ids(&scene.disk.state().records), marked.len()), (marked, 204));
    assert!(scene.asks_about(&wishes));

    let answers = scene.machine().in_doubt().expect("the journal fits");
    let answers = answers.into_iter().map(|doubt| (doubt.seq, Decision::Adopt(before[&doubt.address].id)));
    scene.machine().recover(answers.collect()).await.expect("they fit");
    let _ = scene.apply(&wishes).await;
    assert_eq!((ids(&scene.disk.state().records), scene.posts()), (ids(&before), posts));
    assert!(matches!(scene.apply(&wishes).await, Ended::NothingToDo(in_doubt) if in_doubt.is_empty()));
}

/// Some of each sort, of few requesters, two of whom have manifests.
fn some() -> Vec<Wish> {
    [Sort::Email, Sort::Callback, Sort::Sms, Sort::Import, Sort::EmptyImport, Sort::OutboundEmail]
        .into_iter()
        .enumerate()
        .map(|(number, sort)| wish(number, sort, [0, 3, 7][number % 3]))
        .collect()
}

/// Every place in every event of a command, and one event more.
fn deaths(life: &Life) -> Vec<Death> {
    let of = |place: Place| (1..=life.count(place.event()) + 1).map(move |nth| Death { place, nth });
    Place::ALL.into_iter().flat_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn wherever_a_process_dies_that_looks_for_what_was_made_the_next_one_makes_nothing_again() {
    let wishes = some();
    let lost = async || {
        let scene = Scene::new();
        let _ = scene.apply(&wishes).await;
        *scene.disk.files() = Files::default();
        scene
    };
    let (_, life) = lost().await.machine().command(&manifests(&wishes)).await;
    let deaths = deaths(&life);
    assert!(deaths.len() > 60, "{} are suspiciously few", deaths.len());
    for death in deaths {
        let scene = lost().await;
        let _ = scene.machine().command_and_die(&manifests(&wishes), death).await;
        let _ = scene.apply(&wishes).await;
        assert_eq!(scene.posts(), wishes.len() + 2, "{death:?}");
        assert_eq!(scene.disk.state().records.len(), 4 + 2, "{death:?}");
        assert!(scene.asks_about(&wishes), "{death:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_state_stays_refused_until_all_of_what_it_lacks_was_looked_for() {
    let wishes = some();
    let older = async || {
        let scene = Scene::new();
        let _ = scene.apply(&wishes[..2]).await;
        let first = scene.disk.files().state.clone();
        let _ = scene.apply(&wishes).await;
        scene.disk.files().state = first;
        scene
    };
    let scene = older().await;
    assert!(matches!(scene.apply(&wishes).await, Ended::Older));
    let life = Life::without_end(&scene.disk);
    scene.machine().state_rebuild(&life, &manifests(&wishes)).await.expect("it is looked for");
    for death in deaths(&life) {
        let scene = older().await;
        let life = Life::that_ends(&scene.disk, death);
        let machine = scene.machine();
        let wanted = manifests(&wishes);
        tokio::select! {
            biased;
            ended = machine.state_rebuild(&life, &wanted) => ended.expect("it is looked for"),
            () = life.ended() => {}
        }
        if let Ended::Older = scene.apply(&wishes).await {
            let life = Life::without_end(&scene.disk);
            machine.state_rebuild(&life, &wanted).await.expect("it is looked for");
            let _ = scene.apply(&wishes).await;
        }
        assert_eq!(scene.posts(), wishes.len() + 2, "{death:?}");
        let in_doubt = machine.in_doubt().expect("the journal fits");
        assert_eq!((scene.disk.state().records.len(), in_doubt.len()), (5 + 2, 1), "{death:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_without_the_mark_that_its_manifest_gives_is_another_one_however_equal_it_is() {
    let scene = Scene::new();
    let email = wish(0, Sort::Email, 0);
    let content = manifests(std::slice::from_ref(&email)).iter().next().expect("one").spec.content();
    scene.dixa.meets_a_stranger(email.sort.kind(), &content, false);
    let own = Wish { own_mark: true, ..email };
    let _ = scene.apply(&[own]).await;
    let world = scene.dixa.world();
    let made: Vec<Id> = world.conversations().map(|(made, _)| made.id).collect();
    assert_eq!((world.posted.len(), made.len()), (1, 2));
    let known: Vec<_> = scene.disk.state().known_ids().into_iter().collect();
    assert_eq!(known, [made[1]]);
}
