//! One round: what is wanted, what happens, and whether it is well in the end.

pub(crate) mod shared;

use super::*;
use crate::apply::tests::recovery::{Death, Disk, Ended, Files, Life, Machine, Place};
use crate::apply::tests::storm::care::{AGENTS, Care, QUEUES, TAGS, THEIR_TAG};
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::dixa::Dixa;
use crate::apply::tests::storm::people::Person;
use crate::apply::tests::storm::weather::{Climate, Weather};
use crate::apply::tests::storm::wishes::{Key, Who, Wish, requester};
use crate::apply::tests::storm::world::{By, Made, What, tag_id};
use crate::conversation::{EndUserId, Kind};
use crate::desired::Manifest;
use crate::handling::Openness;
use crate::journal::{Decision, ReplayError};
use crate::name::{self, Name};

/// What happened so far, to find out how it came to this.
#[derive(Clone, Default)]
pub(super) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: String) {
        self.0.lock().expect("no panic while it is held").push(line);
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().expect("no panic while it is held").join("\n")
    }
}

/// What there was in rounds that went well.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Conversations.
    pub(super) made: u64,
    /// End users that manifests describe, and how many of them were others'.
    pub(super) people: u64,
    pub(super) adopted: u64,
    /// Of how many something was set.
    pub(super) set: u64,
    pub(super) bad_posts: u64,
    pub(super) deaths: u64,
    pub(super) accidents: u64,
    pub(super) answers: u64,
}

impl Tally {
    pub(super) fn and(self, other: Tally) -> Self {
        Tally {
            made: self.made + other.made,
            people: self.people + other.people,
            adopted: self.adopted + other.adopted,
            set: self.set + other.set,
            bad_posts: self.bad_posts + other.bad_posts,
            deaths: self.deaths + other.deaths,
            accidents: self.accidents + other.accidents,
            answers: self.answers + other.answers,
        }
    }
}

/// What a round is most about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    /// Nothing.
    All,
    /// How few conversations are handled, again and again.
    Care,
    /// End users and those who have their addresses, and lost states.
    People,
}

pub(super) struct Round {
    focus: Focus,
    chance: Chance,
    diary: Diary,
    began: tokio::time::Instant,
    pub(super) wishes: Vec<Wish>,
    pub(super) people: Vec<Person>,
    /// The manifests that there were, and whose content each of them has.
    described: Vec<(Key, Manifest)>,
    pub(super) dixa: Dixa,
    clock: TestClock,
    pub(super) disk: Disk,
    markers: bool,
    last_applied: LastApplied,
    /// States that were saved, one of which may be put back.
    copies: Vec<String>,
    /// A state was lost, and with it what only the state knew: contents that no manifest describes any more.
    pub(super) has_lost_state: bool,
    pub(super) tally: Tally,
}

impl Round {
    pub(super) fn draw(seed: u64, diary: Diary) -> Self {
        let mut chance = Chance::new(seed);
        let climate = Climate::draw(&mut chance);
        let focus = chance.pick(&[Focus::All, Focus::All, Focus::Care, Focus::People]);
        let (people, wishes) = match focus {
            Focus::All => (chance.of(0..4), chance.of(3..9)),
            Focus::Care => (chance.of(0..2), chance.of(1..4)),
            Focus::People => (chance.of(1..4), chance.of(1..5)),
        };
        let people: Vec<Person> = (0..people).map(|number| Person::draw(number, &mut chance)).collect();
        let wishes: Vec<Wish> = (0..wishes).map(|number| Wish::draw(number, &people, &mut chance)).collect();
        let markers = chance.percent(85);
        let last_applied = if chance.percent(20) { LastApplied::Digest } else { LastApplied::Full };
        diary.note(format!("{focus:?}, {climate:?}, markers: {markers}, {last_applied:?}"));
        diary.note(format!("{people:#?}\n{wishes:#?}"));
        Round {
            focus,
            dixa: Dixa::new(climate, chance.fork()),
            chance,
            diary,
            began: tokio::time::Instant::now(),
            wishes,
            people,
            described: Vec::new(),
            clock: TestClock::new(),
            disk: Disk::default(),
            markers,
            last_applied,
            copies: Vec::new(),
            has_lost_state: false,
            tally: Tally::default(),
        }
    }

    fn note(&self, line: &str) {
        self.diary.note(format!("{:>9.3} s  {line}", self.began.elapsed().as_secs_f64()));
    }

    fn desired(&mut self) -> Desired {
        let people = self.people.iter().map(Person::yaml);
        let desired = desired(&people.chain(self.wishes.iter().map(Wish::yaml)).collect::<String>());
        let people = self.people.iter().map(|person| (person.address(), person.key()));
        for (address_, key) in people.chain(self.wishes.iter().map(|wish| (wish.address(), wish.key()))) {
            if self.described.iter().all(|(known, _)| *known != key) {
                let manifest = desired.get(&address(&address_)).expect("it is described");
                self.described.push((key, manifest.clone()));
            }
        }
        desired
    }

    /// The end users that the manifest of this name can stand for.
    pub(super) fn end_users(&self, name: &str) -> Vec<Id> {
        let person = self.people.iter().find(|person| person.name == name).expect("it is described");
        let world = self.dixa.world();
        world.of(&person.key()).into_iter().chain(world.namesake(&person.members())).collect()
    }

    /// Those who can be the requester of a conversation: one, if all is well, or none yet.
    pub(super) fn requesters(&self, wish: &Wish) -> Vec<Id> {
        match &wish.requester.who {
            Who::Known(number) => vec![EndUserId(requester(*number).parse().expect("a uuid")).into()],
            Who::Person(name) => self.end_users(name),
        }
    }

    /// Whose content a call in doubt has.
    fn key_of(&self, doubt: &InDoubt) -> Key {
        let is_it = |(key, manifest): &&(Key, Manifest)| {
            if manifest.address != doubt.address {
                return false;
            }
            let is_named = |name: &&Name| matches!(name, Name::Manifest(_) | Name::EndUser(_));
            let Some(wish) = self.wishes.iter().find(|wish| wish.name == key.name) else { return true };
            let Some(name) = manifest.names.keys().find(is_named) else {
                return manifest.digests.content == doubt.intent.digests.content;
            };
            self.requesters(wish).into_iter().any(|id| {
                let mut conversation = manifest.spec.conversation();
                let ids = [(name.clone(), id.to_string())].into();
                name::put_ids(&mut conversation, manifest.address.kind, &ids);
                conversation.digests().content == doubt.intent.digests.content
            })
        };
        self.described.iter().find(is_it).expect("it was described").0.clone()
    }

    fn machine(&self) -> Machine<'_, Dixa, TestClock> {
        Machine {
            api: self.dixa.clone(),
            clock: self.clock.clone(),
            disk: &self.disk,
            last_applied: self.last_applied,
            verify: false,
            markers: self.markers,
            patience: PATIENCE,
            refresh: false,
        }
    }

    /// Everything that happens.
    pub(super) async fn rage(&mut self) {
        let applies = if self.focus == Focus::All { 2..7 } else { 3..12 };
        for _ in 0..self.chance.of(applies) {
            for _ in 0..self.chance.pick(&[0, 1, 1, 2, 4]) {
                self.want_something_else();
            }
            self.meet_strangers().await;
            self.meet_strange_people().await;
            self.suffer_others();
            self.pass(2).await;
            let weather = match self.focus {
                Focus::Care => Weather { posts: 0, reads: 0, ..Weather::draw(&mut self.chance) },
                Focus::All | Focus::People => Weather::draw(&mut self.chance),
            };
            self.dixa.world().weather = weather;
            self.note(&format!("{weather:?}"));
            self.apply_somehow().await;
            self.keep_a_copy();
            self.dixa.world().weather = Weather::CALM;
            let pause = self.chance.pick(&[0, 1, 20, 130, 400]);
            self.pass(pause).await;
            let accidents = match self.focus {
                Focus::All => 15,
                Focus::Care => 0,
                Focus::People => 30,
            };
            if !self.disk.is_in_store() && self.chance.percent(accidents) && self.all_can_be_found() {
                self.have_an_accident().await;
            }
            if self.chance.percent(20) {
                self.wait_for_quiet().await;
                self.answer().await;
            }
        }
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    async fn wait_for_quiet(&self) {
        while !self.dixa.world().is_quiet() {
            self.pass(10).await;
        }
    }

    fn want_something_else(&mut self) {
        let one = self.chance.of(0..self.wishes.len());
        let people = self.people.len();
        let somebody = if people == 0 { 0 } else { self.chance.of(0..people) };
        let what = match self.focus {
            Focus::All => self.chance.of(0..12),
            Focus::Care => self.chance.pick(&[0, 3, 4, 4, 4, 4, 4, 4]),
            Focus::People => self.chance.pick(&[0, 2, 5, 6, 7, 7, 7, 8, 9]),
        };
        match (what, self.people.get_mut(somebody)) {
            (0, _) => self.wishes[one].version += 1,
            (1, _) => self.wishes[one].note = self.wishes[one].note.map(|note| note + 1),
            (2, _) => {
                let wish = Wish::draw(self.wishes.len(), &self.people, &mut self.chance);
                self.note(&format!("wanted, too: {wish:?}"));
                self.wishes.push(wish);
            }
            (3, _) => self.wishes[one].care = Care::draw(&mut self.chance),
            (4, _) => self.wishes[one].care.change(&mut self.chance),
            (5, Some(person)) => person.version += 1,
            (6, Some(person)) => person.note = person.note.map(|note| note + 1),
            (7, _) if people > 0 => self.adopt(somebody),
            (8, _) => self.wishes[one].requester.rename(&self.people, &mut self.chance),
            (9, _) if people < 5 => {
                self.people.push(Person::draw(people, &mut self.chance));
            }
            _ => return,
        }
        let Wish { name, version, note, care, requester, .. } = &self.wishes[one];
        self.note(&format!("wanted: {name} v{version} {note:?} of {requester:?} {care:?}; {:?}", self.people));
    }

    /// Somebody names an end user who has the address of one of ours, and is there already.
    fn adopt(&mut self, somebody: usize) {
        let world = self.dixa.world();
        let person = &mut self.people[somebody];
        if let Some(id) = world.namesake(&person.members()) {
            person.adopts = Some(id);
        }
    }

    /// Whether a state can be lost: there is a mark, or an address, or a number of everybody.
    fn all_can_be_found(&self) -> bool {
        self.markers || self.people.iter().all(Person::can_be_found)
    }

    /// Other people's conversations, for the same requesters. One that is equal to one of ours without a mark is made
    /// only when that is not on its way, and is in the lists before it is sent.
    async fn meet_strangers(&mut self) {
        for _ in 0..self.chance.pick(&[0, 0, 1, 3]) {
            let one = self.chance.of(0..self.wishes.len());
            let wish = self.wishes[one].clone();
            let desired = self.desired();
            let mut content = desired.get(&address(&wish.address())).expect("it is described").spec.content();
            let Some(requester) = self.requesters(&wish).first().copied() else { continue };
            content.insert("requesterId".to_owned(), requester.to_string().into());
            let is_marked = wish.sort.has_message() && (self.markers || wish.own_mark);
            let is_equal = is_marked || self.is_settled();
            self.note(&format!(
                "a stranger like {}, {}",
                wish.name,
                if is_equal { "equal" } else { "of another kind" }
            ));
            self.dixa.meets_a_stranger(wish.sort.kind(), &content, !is_equal || self.chance.percent(50));
            if is_equal && !is_marked {
                self.wait_for_quiet().await;
            }
        }
    }

    /// Other people's end users. One who has an address or a number of ours is made only when nobody has it and
    /// nothing is on its way, and is in the lists before ours is sent for: that one is taken then, or named by a person
    /// where it is one address of several.
    async fn meet_strange_people(&mut self) {
        let often = if self.focus == Focus::People { [1, 2, 2, 3] } else { [0, 0, 1, 2] };
        for _ in 0..self.chance.pick(&often) {
            if self.people.is_empty() {
                return;
            }
            let person = self.people[self.chance.of(0..self.people.len())].clone();
            let mut members = person.members();
            let is_namesake = person.has_address() && self.chance.percent(50);
            if is_namesake && (!self.is_settled() || !self.end_users(&person.name).is_empty()) {
                continue;
            }
            members.remove("externalId");
            let email = members.remove("email");
            match (is_namesake, email) {
                (true, Some(email)) if self.chance.percent(30) => {
                    members.insert("additionalEmails".to_owned(), vec![email].into());
                    members.remove("phoneNumber");
                }
                (true, Some(email)) => drop(members.insert("email".to_owned(), email)),
                (true, None) => {}
                (false, _) => drop(members.remove("phoneNumber")),
            }
            self.note(&format!("a stranger like {}, who has its address: {is_namesake}", person.name));
            self.dixa.world().put(Kind::EndUser, &members, None);
            if is_namesake {
                self.wait_for_quiet().await;
            }
        }
    }

    /// Other people put tags on our conversations, and handle them. A tag that manifests want, too, is put on only
    /// where it surely is not ours.
    fn suffer_others(&mut self) {
        for _ in 0..self.chance.pick(&[0, 0, 1, 3]) {
            let wish = self.wishes[self.chance.of(0..self.wishes.len())].clone();
            let state = self.disk.state();
            let Some(record) = state.records.get(&address(&wish.address())) else { continue };
            let tag = self.chance.pick(&[THEIR_TAG, THEIR_TAG, TAGS[0], TAGS[1], TAGS[2]]);
            let what = match self.chance.of(0..6) {
                0..=2 if tag != THEIR_TAG => {
                    let is_ours = record.put_on.iter().any(|put| put.is_called(tag));
                    let world = self.dixa.world();
                    let is_on =
                        world.made(record.id).and_then(Made::conversation).is_some_and(|it| it.tags.contains(tag));
                    drop(world);
                    if is_ours || is_on || !self.is_settled() {
                        continue;
                    }
                    What::PutTag(tag_id(tag))
                }
                0..=2 => What::PutTag(tag_id(tag)),
                3 => What::Transfer(self.chance.pick(&QUEUES).to_owned()),
                4 => What::Claim(self.chance.pick(&AGENTS).to_owned()),
                _ => What::State(self.chance.pick(&[Openness::Open, Openness::Closed])),
            };
            let mut world = self.dixa.world();
            if let What::PutTag(_) = what {
                world.tags.entry(tag.to_owned()).or_insert_with(tokio::time::Instant::now);
            }
            let done = world.set(record.id, &what, By::Others);
            if let (What::PutTag(_), Ok(())) = (&what, &done) {
                world.theirs.insert((record.id, tag.to_owned()));
            }
            drop(world);
            self.note(&format!("others: {} {what:?}: {done:?}", wish.name));
        }
    }

    /// Whether nothing is in doubt.
    fn is_settled(&self) -> bool {
        self.dixa.world().is_quiet() && !self.disk.has_journal()
    }

    /// An apply that lives, or dies, or is asked to stop.
    async fn apply_somehow(&mut self) {
        let desired = self.desired();
        let sync = self.chance.time(1, 20);
        let how = self.chance.of(0..10);
        let (life, kill) = match how {
            0..=2 => {
                // What is handled alone has few events.
                let events = if self.focus == Focus::Care { 1..8 } else { 1..16 };
                let death = Death { place: self.chance.pick(&Place::ALL), nth: self.chance.of(events) };
                self.note(&format!("apply, and die: {death:?}"));
                (Life::that_ends(&self.disk, death), None)
            }
            3..=5 => {
                let most = self.chance.pick(&[500, 3_000, 40_000, 200_000]);
                let after = self.chance.time(0, most);
                self.note(&format!("apply, and be killed after {after:?}"));
                (Life::without_end(&self.disk), Some(after))
            }
            _ => (Life::without_end(&self.disk), None),
        };
        let life = life.with_sync(sync);
        let (handle, stop) = stop_signal();
        let stops = (how == 6 || how == 7).then(|| (self.chance.time(0, 5_000), self.chance.time(0, 9_000)));
        let asks_twice = self.chance.percent(50);
        let interrupt = async {
            if let Some((first, second)) = stops {
                self.note(&format!("apply, and interrupt after {first:?}, again {second:?} later: {asks_twice}"));
                tokio::time::sleep(first).await;
                handle.request();
                tokio::time::sleep(second).await;
                if asks_twice {
                    handle.request();
                }
            }
            std::future::pending::<()>().await;
        };
        let killed = async {
            match kill {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let machine = self.machine();
        let ended = tokio::select! {
            biased;
            ended = machine.live(&life, &desired, stop) => ended,
            () = killed => None,
            () = interrupt => None,
        };
        life.die();
        drop(machine);
        match ended {
            Some(ended) => self.note_end(&ended),
            None => self.die(),
        }
    }

    /// What a process that was killed leaves: sometimes the power failed, and what was not synced is gone.
    fn die(&mut self) {
        self.tally.deaths += 1;
        self.note("dead");
        if !self.disk.is_in_store() && self.chance.percent(30) {
            let mut files = self.disk.files();
            let Files { journal, synced, .. } = &mut *files;
            let kept = self.chance.of(*synced..journal.len() + 1);
            journal.truncate(kept);
            drop(files);
            self.note("the power has failed");
        }
    }

    fn note_end(&self, ended: &Ended) {
        match ended {
            Ended::Applied(report) => {
                let outcomes = report.outcomes.iter().map(|ended| format!("{} {:?}", ended.address, ended.outcome));
                let outcomes: Vec<String> = outcomes.collect();
                self.note(&format!("applied, {:?}:\n      {}", report.stop, outcomes.join("\n      ")));
            }
            other => self.note(&format!("{other:?}")),
        }
    }

    fn keep_a_copy(&mut self) {
        let state = self.disk.files().state.clone();
        self.copies.extend(state.filter(|state| self.copies.last() != Some(state)));
    }

    /// The state is replaced by an older one, or gone, and perhaps its journal, too.
    async fn have_an_accident(&mut self) {
        self.wait_for_quiet().await;
        self.tally.accidents += 1;
        self.has_lost_state = true;
        // An older state may believe that it has put on what somebody else did.
        self.dixa.world().theirs.retain(|(_, tag)| tag == THEIR_TAG);
        let older = self.chance.of(0..self.copies.len() + 1);
        let copy = self.copies.get(older).filter(|_| self.chance.percent(50)).cloned();
        self.disk.files().state.clone_from(&copy);
        let is_older = self.disk.is_older(&self.disk.state());
        let gives_up_journal = self.chance.percent(50) && (copy.is_none() || is_older);
        self.note(&format!("the state is there: {}, older: {is_older}", copy.is_some()));
        if copy.is_none() {
            // What comes next is of another lineage.
            self.copies.clear();
        }
        if gives_up_journal {
            self.note("its journal is gone");
            self.give_up_journal();
        }
    }

    /// The journal is moved away. What it has in doubt and was not made is planned again: that was decided with it.
    fn give_up_journal(&mut self) {
        let mut files = self.disk.files();
        (files.journal, files.synced) = (Vec::new(), 0);
        drop(files);
        // The states that it belonged to would lack it.
        self.copies.clear();
        let mut world = self.dixa.world();
        let made: Vec<Key> = world.made.iter().filter_map(|made| made.key.clone()).collect();
        for post in &mut world.posted {
            post.counts &= made.contains(&post.key);
        }
    }

    /// A person who knows the truth decides about everything that is in doubt.
    async fn answer(&mut self) {
        self.disk.look().await;
        let Ok(in_doubt) = self.machine().in_doubt() else { return };
        let known = self.disk.state().known_ids();
        let mut decisions = Vec::new();
        for doubt in in_doubt {
            let key = self.key_of(&doubt);
            let mut world = self.dixa.world();
            let decision = match world.of(&key).into_iter().find(|id| !known.contains(id)) {
                Some(id) => Decision::Adopt(id),
                None => {
                    // It is sure that it was not made, and somebody has decided to send it again.
                    world.posted.iter_mut().filter(|post| post.key == key).for_each(|post| post.counts = false);
                    Decision::Create
                }
            };
            drop(world);
            self.note(&format!("answered: {} is {decision:?}", doubt.address));
            decisions.push((doubt.seq, decision));
        }
        self.tally.answers += u64::try_from(decisions.len()).expect("not that many");
        if !decisions.is_empty()
            && let Err(refused) = self.machine().recover(decisions).await
        {
            self.note(&format!("recover: {refused:?}"));
        }
    }

    /// In calm weather, applies until nothing is left to do. What was set late is found by reading the tenant.
    pub(super) async fn come_to_rest(&mut self) {
        self.note("calm");
        self.disk.look().await;
        // Nobody is taken by one address of several before a person has said so.
        for somebody in 0..self.people.len() {
            let record = self.disk.state().records.contains_key(&address(&self.people[somebody].address()));
            if !record {
                self.adopt(somebody);
            }
        }
        let desired = self.desired();
        let (mut refresh, sets_late) = (false, self.dixa.world().climate.sets_late);
        for _ in 0..16 {
            self.wait_for_quiet().await;
            let machine = Machine { refresh, ..self.machine() };
            let (ended, _) = machine.command(&desired).await;
            self.note_end(&ended);
            match ended {
                Ended::NothingToDo(in_doubt) if in_doubt.is_empty() && refresh == sets_late => return,
                Ended::NothingToDo(in_doubt) if in_doubt.is_empty() => refresh = true,
                Ended::NothingToDo(_) | Ended::Applied(_) => {
                    self.wait_for_quiet().await;
                    self.answer().await;
                }
                Ended::Older => {
                    self.wait_for_quiet().await;
                    let life = Life::without_end(&self.disk);
                    self.machine().state_rebuild(&life, &desired).await.expect("the weather is calm");
                }
                Ended::NoFit(ReplayError::StateTooOld { .. }) => self.give_up_journal(),
                refused => panic!("{refused:?}"),
            }
        }
        panic!("it does not come to rest");
    }
}
