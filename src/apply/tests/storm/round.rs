//! One round: what is wanted, what happens, and whether it is well in the end.

use std::collections::BTreeMap;

use super::*;
use crate::apply::tests::recovery::{Death, Disk, Ended, Files, Life, Machine, Place};
use crate::apply::tests::storm::chance::Chance;
use crate::apply::tests::storm::dixa::Dixa;
use crate::apply::tests::storm::weather::{self, Climate, Weather};
use crate::apply::tests::storm::wishes::{Key, Wish};
use crate::digest::Digest;
use crate::journal::{Decision, ReplayError};

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
    pub(super) made: u64,
    pub(super) bad_posts: u64,
    pub(super) deaths: u64,
    pub(super) accidents: u64,
    pub(super) answers: u64,
}

impl Tally {
    pub(super) fn and(self, other: Tally) -> Self {
        Tally {
            made: self.made + other.made,
            bad_posts: self.bad_posts + other.bad_posts,
            deaths: self.deaths + other.deaths,
            accidents: self.accidents + other.accidents,
            answers: self.answers + other.answers,
        }
    }
}

pub(super) struct Round {
    chance: Chance,
    diary: Diary,
    began: tokio::time::Instant,
    wishes: Vec<Wish>,
    /// Whose content it is that a digest is of.
    keys: BTreeMap<(Address, Digest), Key>,
    dixa: Dixa,
    clock: TestClock,
    disk: Disk,
    markers: bool,
    last_applied: LastApplied,
    /// States that were saved, one of which may be put back.
    copies: Vec<String>,
    /// A state was lost, and with it what only the state knew: contents that no manifest describes any more.
    has_lost_state: bool,
    tally: Tally,
}

impl Round {
    pub(super) fn draw(seed: u64, diary: Diary) -> Self {
        let mut chance = Chance::new(seed);
        let climate = Climate::draw(&mut chance);
        let wishes: Vec<Wish> = (0..chance.of(3..9)).map(|number| Wish::draw(number, &mut chance)).collect();
        let markers = chance.percent(85);
        let last_applied = if chance.percent(20) { LastApplied::Digest } else { LastApplied::Full };
        diary.note(format!("{climate:?}, markers: {markers}, {last_applied:?}"));
        diary.note(format!("{wishes:#?}"));
        Round {
            dixa: Dixa::new(climate, chance.fork()),
            chance,
            diary,
            began: tokio::time::Instant::now(),
            wishes,
            keys: BTreeMap::new(),
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
        let desired = desired(&self.wishes.iter().map(Wish::yaml).collect::<String>());
        for wish in &self.wishes {
            let manifest = desired.get(&address(&wish.address())).expect("it is described");
            self.keys.insert((manifest.address.clone(), manifest.digests.content), wish.key());
        }
        desired
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
        }
    }

    /// Everything that happens.
    pub(super) async fn rage(&mut self) {
        for _ in 0..self.chance.of(2..7) {
            self.want_something_else();
            self.meet_strangers().await;
            let weather = Weather::draw(&mut self.chance);
            self.dixa.world().weather = weather;
            self.note(&format!("{weather:?}"));
            self.apply_somehow().await;
            self.keep_a_copy();
            self.dixa.world().weather = Weather::CALM;
            let pause = self.chance.pick(&[0, 1, 20, 130, 400]);
            self.pass(pause).await;
            if self.chance.percent(15) {
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
        match self.chance.of(0..8) {
            0 => self.wishes[one].version += 1,
            1 => self.wishes[one].note = self.wishes[one].note.map(|note| note + 1),
            2 => {
                let wish = Wish::draw(self.wishes.len(), &mut self.chance);
                self.note(&format!("wanted, too: {wish:?}"));
                self.wishes.push(wish);
            }
            _ => return,
        }
        let Wish { name, version, note, .. } = &self.wishes[one];
        self.note(&format!("wanted: {name} v{version} {note:?}"));
    }

    /// Other people's conversations, for the same requesters. One that is equal to one of ours without a mark is made
    /// only when that is not on its way, and is in the lists before it is sent.
    async fn meet_strangers(&mut self) {
        for _ in 0..self.chance.pick(&[0, 0, 1, 3]) {
            let one = self.chance.of(0..self.wishes.len());
            let wish = self.wishes[one].clone();
            let desired = self.desired();
            let content = desired.get(&address(&wish.address())).expect("it is described").spec.content();
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
        self.pass(2).await;
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
                let death = Death { place: self.chance.pick(&Place::ALL), nth: self.chance.of(1..16) };
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
        if self.chance.percent(30) {
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
        let Ok(in_doubt) = self.machine().in_doubt() else { return };
        let known = self.disk.state().known_ids();
        let mut decisions = Vec::new();
        for doubt in in_doubt {
            let key = self.keys[&(doubt.address.clone(), doubt.intent.digests.content)].clone();
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

    /// In calm weather, applies until nothing is left to do.
    pub(super) async fn come_to_rest(&mut self) {
        self.note("calm");
        let desired = self.desired();
        for _ in 0..12 {
            self.wait_for_quiet().await;
            let (ended, _) = self.machine().command(&desired).await;
            self.note_end(&ended);
            match ended {
                Ended::NothingToDo(in_doubt) if in_doubt.is_empty() => return,
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

    /// Whether everything is as it should be; what is not.
    pub(super) fn check(self) -> Result<Tally, String> {
        let mut wrong = Vec::new();
        let state = self.disk.state();
        let world = self.dixa.world();
        for wish in &self.wishes {
            let record = state.records.get(&address(&wish.address()));
            let made = world.of(&wish.key());
            if made.len() != 1 || record.is_none_or(|record| made != [record.id]) {
                wrong.push(format!("{} was made as {made:?}, and its record is {record:#?}", wish.name));
                continue;
            }
            let there = world.made(made[0]).and_then(|made| made.values.get(TEXT)?.as_str());
            let wanted = wish.note.map(|note| format!("note-{note}"));
            if there != wanted.as_deref() {
                wrong.push(format!("{}: its attribute is {there:?}, not {wanted:?}", wish.name));
            }
            for version in 0..wish.version {
                let before = world.of(&Key { version, ..wish.key() });
                // What was refused in words that were not true, and is not wanted any more, nobody looks for again.
                let is_denied =
                    world.posted.iter().any(|post| post.is_denied() && post.key == Key { version, ..wish.key() });
                let known = record.map_or(&[][..], |record| &record.replaced);
                if before.len() > 1 || !self.has_lost_state && !is_denied && !before.iter().all(|id| known.contains(id))
                {
                    wrong.push(format!("{} v{version} was made as {before:?}, and {known:?} are known", wish.name));
                }
            }
            let sent: Vec<_> = world.posted.iter().filter(|post| post.counts && post.key == wish.key()).collect();
            if wish.sort.reaches_customer() && sent.len() > 1 {
                wrong.push(format!("{} was sent more than once: {sent:?}", wish.name));
            }
        }
        let is_ours = |id: &Id| world.made(*id).is_some_and(|made| made.key.is_some());
        let touched = world.patched.iter().copied().chain(state.known_ids());
        wrong.extend(touched.filter(|id| !is_ours(id)).map(|id| format!("{id:#} is somebody else's")));
        wrong.extend(state.doubled().map(|(address, record)| format!("{address} is there twice: {record:?}")));
        if self.disk.has_journal() {
            wrong.push("a journal is left".to_owned());
        }
        if !wrong.is_empty() {
            let posts: Vec<String> = world.posted.iter().map(|post| format!("{post:?}")).collect();
            return Err(format!("{}\n{}", wrong.join("\n"), posts.join("\n")));
        }
        let count = |count: usize| u64::try_from(count).expect("not that many");
        let bad = world.posted.iter().filter(|post| post.fate != weather::Fate::Fine).count();
        Ok(Tally { made: count(world.made.len()), bad_posts: count(bad), ..self.tally })
    }
}
