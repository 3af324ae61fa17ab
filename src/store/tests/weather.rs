//! A store in memory that misbehaves as networks do, by a seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use object_store::memory::InMemory;
use tokio::time::Instant;

use crate::store::segment::{self, Segment};
use crate::store::{Answer, Fault, FaultKind, Listed, Object, Objects, Put, Remote, When};

/// Chance that is the same for the same seed.
#[derive(Debug)]
pub struct Chance(Mutex<u64>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().expect("no panic while it is held");
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state >> 11
    }

    /// Less than `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end
    }

    /// In this many of a hundred cases.
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn ms(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}

/// How often each thing goes wrong, in percent.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The request never arrives.
    pub lost: u64,
    /// It is carried out, and its answer never arrives.
    pub unheard: u64,
    /// It is carried out twice, the second time later.
    pub doubled: u64,
    /// It is carried out late, up to [`Weather::late_ms`].
    pub late: u64,
    pub late_ms: u64,
    /// How much later the second time is, at most.
    pub again_ms: u64,
    /// Conditions are forgotten.
    pub forgets: bool,
}

impl Weather {
    pub const FAIR: Weather =
        Weather { lost: 0, unheard: 0, doubled: 0, late: 0, late_ms: 0, again_ms: 0, forgets: false };
    pub const STORM: Weather =
        Weather { lost: 3, unheard: 3, doubled: 2, late: 3, late_ms: 2_500, again_ms: 900, ..Weather::FAIR };
    /// What was sent long ago arrives after whoever sent it has been taken over.
    pub const GALE: Weather =
        Weather { lost: 4, unheard: 4, doubled: 4, late: 5, late_ms: 45_000, again_ms: 45_000, ..Weather::FAIR };
}

/// What outlives every run.
#[derive(Debug)]
pub struct Server {
    inner: Arc<Remote>,
    weather: Mutex<Weather>,
    pub chance: Arc<Chance>,
    /// From now on nothing is answered, as long as this is true.
    pub away: Mutex<bool>,
    /// The object that nobody can write, while there is one.
    pub barred: Mutex<Option<&'static str>>,
    pub writes: Mutex<BTreeMap<String, usize>>,
    /// When each object was written, by the clock of the store, which is simulated too.
    written: Mutex<BTreeMap<String, SystemTime>>,
    began: Instant,
}

impl Server {
    pub fn new(weather: Weather, chance: &Arc<Chance>) -> Arc<Self> {
        let inner = Arc::new(Remote::new(Arc::new(InMemory::new()), "a/b", Duration::from_secs(30)));
        let (weather, chance) = (Mutex::new(weather), Arc::clone(chance));
        let (writes, written, began) = (Mutex::default(), Mutex::default(), Instant::now());
        Arc::new(Server {
            inner,
            weather,
            chance,
            away: Mutex::new(false),
            barred: Mutex::default(),
            writes,
            written,
            began,
        })
    }

    fn note_written(&self, key: String) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1) + self.began.elapsed();
        self.written.lock().expect("no panic while it is held").insert(key, now);
    }

    fn written(&self, key: &str) -> Option<SystemTime> {
        self.written.lock().expect("no panic while it is held").get(key).copied()
    }

    fn weather(&self) -> Weather {
        *self.weather.lock().expect("no panic while it is held")
    }

    /// From now on the weather is another one.
    pub fn turn(&self, weather: Weather) {
        *self.weather.lock().expect("no panic while it is held") = weather;
    }

    /// Without anything that goes wrong.
    pub fn calm(&self) -> &Remote {
        &self.inner
    }

    /// Segments whose epoch is older than that of one before them, and gaps.
    pub async fn forks(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let listed = self.inner.list(segment::FOLDER, usize::MAX).await.expect("calm");
        let mut numbers: Vec<u64> = listed.iter().filter_map(|one| segment::number(&one.key)).collect();
        numbers.sort_unstable();
        if numbers.iter().zip(1..).any(|(number, expected)| *number != expected) {
            violations.push(format!("the log has gaps: {numbers:?}"));
        }
        let mut newest = (0, String::new());
        for n in numbers {
            let object = self.inner.get(&segment::key(n)).await.expect("calm").expect("listed");
            let (Segment { epoch, run, .. }, _) = Segment::read(&object.body).expect("a segment");
            if epoch < newest.0 || (epoch == newest.0 && run != newest.1) {
                violations.push(format!("segment {n} is of epoch {epoch} ({run}), behind {newest:?}"));
            }
            newest = (epoch, run);
        }
        violations
    }
}

/// The way of runs to it. What was sent is carried out even if nobody waits for the answer any more.
#[derive(Clone, Debug)]
pub struct Wire(pub Arc<Server>);

const TIMEOUT: Duration = Duration::from_secs(1);

impl Wire {
    async fn send<T: Send + 'static>(
        &self,
        carry_out: impl Fn(Arc<Remote>) -> Answer<'static, T> + Send + Sync + 'static,
    ) -> Result<T, Fault> {
        let Weather { lost, unheard, doubled, late, late_ms, again_ms, .. } = self.0.weather();
        let fault = |message: &str| Fault { message: message.to_owned(), kind: FaultKind::Passing };
        let chance = &self.0.chance;
        let way = chance.ms(2, 40);
        if *self.0.away.lock().expect("no panic while it is held") || chance.percent(lost) {
            tokio::time::sleep(way).await;
            return Err(fault("no connection"));
        }
        let way = if chance.percent(late) { chance.ms(0, late_ms) } else { way };
        let (unheard, again) = (chance.percent(unheard), chance.percent(doubled).then(|| chance.ms(0, again_ms)));
        let inner = Arc::clone(&self.0.inner);
        let sent = tokio::spawn(async move {
            tokio::time::sleep(way).await;
            let answer = carry_out(Arc::clone(&inner)).await;
            if let Some(later) = again {
                tokio::spawn(async move {
                    tokio::time::sleep(later).await;
                    let _ = carry_out(inner).await;
                });
            }
            answer
        });
        match tokio::time::timeout(TIMEOUT, sent).await {
            Ok(Ok(answer)) if !unheard => answer,
            Ok(_) => Err(fault("cut before the answer came")),
            Err(_) => Err(fault("no answer in time")),
        }
    }
}

impl Objects for Wire {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Object>> {
        let (key, server) = (key.to_owned(), Arc::clone(&self.0));
        Box::pin(self.send(move |inner| {
            let (key, server) = (key.clone(), Arc::clone(&server));
            Box::pin(async move {
                let found = inner.get(&key).await?;
                Ok(found.map(|found| Object { modified: server.written(&key).or(found.modified), ..found }))
            })
        }))
    }

    fn put<'a>(&'a self, key: &'a str, body: Vec<u8>, when: When) -> Answer<'a, Put> {
        let folder = key.split('/').next().unwrap_or_default().to_owned();
        *self.0.writes.lock().expect("no panic while it is held").entry(folder).or_default() += 1;
        if self.0.barred.lock().expect("no panic while it is held").is_some_and(|barred| barred == key) {
            let fault = Fault { message: "slow down".to_owned(), kind: FaultKind::Passing };
            return Box::pin(std::future::ready(Err(fault)));
        }
        let (key, server) = (key.to_owned(), Arc::clone(&self.0));
        let when = if self.0.weather().forgets { When::Always } else { when };
        Box::pin(self.send(move |inner| {
            let (key, body, when, server) = (key.clone(), body.clone(), when.clone(), Arc::clone(&server));
            Box::pin(async move {
                let put = inner.put(&key, body, when).await?;
                if let Put::Done(_) = put {
                    server.note_written(key);
                }
                Ok(put)
            })
        }))
    }

    fn list<'a>(&'a self, folder: &'a str, limit: usize) -> Answer<'a, Vec<Listed>> {
        let folder = folder.to_owned();
        Box::pin(self.send(move |inner| {
            let folder = folder.clone();
            Box::pin(async move { inner.list(&folder, limit).await })
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        let key = key.to_owned();
        Box::pin(self.send(move |inner| {
            let key = key.clone();
            Box::pin(async move { inner.delete(&key).await })
        }))
    }
}
