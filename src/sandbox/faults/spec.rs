//! Reads a fault plan from its text.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::sandbox::faults::{Call, Duplicates, Fault, FaultPlan, Incident, Rule, Seeded, Times, Wording};

/// More than anybody writes by hand.
const RULES_MAX: usize = 1000;

/// Longer than anybody waits.
const TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// Longer than anything that a server says in a line.
const WORDING_BYTES_MAX: usize = 200;

const SETTINGS: [&str; 14] = [
    "seed",
    "rate",
    "kinds",
    "latency",
    "commit-delay",
    "lag",
    "list-lag",
    "read-lag",
    "incident",
    "incident-lag",
    "duplicates",
    "wording",
    "retry-after",
    "slow",
];

/// What is wrong with the text of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultPlanError {
    #[error("an item is empty; write KIND@CALL#N, for example drop-after@create#2, or seed=42,rate=0.2")]
    Empty,
    #[error("`{0}` is not a fault; the faults are {faults}", faults = listed(&Fault::ALL))]
    UnknownFault(String),
    #[error("`{0}` is not a call; the calls are {calls}", calls = listed(&Call::ALL))]
    UnknownCall(String),
    #[error("`{0}` is not a setting; the settings are {settings}", settings = listed(&SETTINGS))]
    UnknownSetting(String),
    #[error(
        "`{0}` names no call; write {0}@CALL#N, where CALL is one of {calls}",
        calls = listed(&Call::ALL)
    )]
    NoCall(Fault),
    #[error("`#{0}` picks no call; write #N, #N-M or #*, counted from 1")]
    Which(String),
    #[error("`{0}` is a fault of {only}, not of {1}", only = listed(.0.only_of()))]
    NotOf(Fault, Call),
    #[error("`{setting}={value}` is not {expected}")]
    Value { setting: &'static str, value: String, expected: &'static str },
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    #[error("`{0}` needs `{1}`")]
    Without(&'static str, &'static str),
    #[error("there are more than {RULES_MAX} faults on request")]
    TooMany,
}

impl FromStr for FaultPlan {
    type Err = FaultPlanError;

    fn from_str(text: &str) -> Result<Self, FaultPlanError> {
        let mut rules = Vec::new();
        let mut settings = Settings::default();
        for item in text.split(',').map(str::trim) {
            if item.is_empty() {
                return Err(FaultPlanError::Empty);
            }
            if let Some((kind, call)) = item.split_once('@') {
                if rules.len() == RULES_MAX {
                    return Err(FaultPlanError::TooMany);
                }
                rules.push(rule(kind, call)?);
            } else if let Some((name, value)) = item.split_once('=') {
                settings.add(name.trim(), value.trim())?;
            } else {
                return Err(FaultPlanError::NoCall(fault(item)?));
            }
        }
        settings.plan(rules)
    }
}

/// The settings so far, by their names.
#[derive(Debug, Default)]
struct Settings<'t>(BTreeMap<&'static str, &'t str>);

impl<'t> Settings<'t> {
    fn add(&mut self, name: &str, value: &'t str) -> Result<(), FaultPlanError> {
        let known = SETTINGS.into_iter().find(|setting| *setting == name);
        let known = known.ok_or_else(|| FaultPlanError::UnknownSetting(name.to_owned()))?;
        match self.0.insert(known, value) {
            None => Ok(()),
            Some(_) => Err(FaultPlanError::Twice(known)),
        }
    }

    fn plan(&self, rules: Vec<Rule>) -> Result<FaultPlan, FaultPlanError> {
        const TIME: &str = "a time; write a number and ms, s or m, at most an hour";
        const TIMES: &str = "a time or MIN..MAX, for example 5ms..20ms";
        const INCIDENT: &str = "N-M, or FROM..TO in times since the start, for example 3-8 or 2s..40s";
        const WORDING: &str = "a text of at most 200 bytes, or vary";
        let share = |text: &str| text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
        let kinds = self.0.get("kinds").map(|kinds| kinds.split('+').map(|kind| fault(kind.trim())).collect());
        let kinds: Option<Vec<Fault>> = kinds.transpose()?;
        let seed = self.read("seed", "a whole number", whole)?;
        let rate = self.read("rate", "a number from 0 to 1", share)?;
        let seeded = match (seed, rate) {
            (Some(seed), Some(rate)) => {
                Some(Seeded { seed, rate, kinds: kinds.unwrap_or_else(|| Fault::PASSING.to_vec()) })
            }
            (Some(_), None) => return Err(FaultPlanError::Without("seed", "rate")),
            (None, Some(_)) => return Err(FaultPlanError::Without("rate", "seed")),
            (None, None) if kinds.is_some() => return Err(FaultPlanError::Without("kinds", "seed")),
            (None, None) => None,
        };
        let none = FaultPlan::none();
        Ok(FaultPlan {
            rules,
            seeded,
            latency: self.read("latency", TIMES, times)?,
            commit_delay: self.read("commit-delay", TIMES, times)?,
            lag: self.read("lag", TIME, time)?.unwrap_or(none.lag),
            list_lag: self.read("list-lag", TIME, time)?.unwrap_or(none.list_lag),
            read_lag: self.read("read-lag", TIME, time)?.unwrap_or(none.read_lag),
            incident: self.read("incident", INCIDENT, incident)?,
            incident_lag: self.read("incident-lag", TIME, time)?.unwrap_or(none.incident_lag),
            duplicates: self.read("duplicates", "refuse or accept", duplicates)?,
            wording: self.read("wording", WORDING, wording)?.unwrap_or(none.wording),
            retry_after_seconds: self.read("retry-after", "a whole number of seconds", whole)?,
            slow: self.read("slow", TIME, time)?.unwrap_or(none.slow),
        })
    }

    /// The value of a setting, if it is given.
    fn read<T>(
        &self,
        setting: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FaultPlanError> {
        let Some(value) = self.0.get(setting) else { return Ok(None) };
        let wrong = || FaultPlanError::Value { setting, value: (*value).to_owned(), expected };
        read(value).ok_or_else(wrong).map(Some)
    }
}

/// `KIND` and `CALL#WHICH`.
fn rule(kind: &str, call: &str) -> Result<Rule, FaultPlanError> {
    let fault = fault(kind.trim())?;
    let (word, which) = call.split_once('#').unwrap_or((call, "*"));
    let (word, which) = (word.trim(), which.trim());
    let call = Call::ALL.into_iter().find(|call| call.as_str() == word);
    let call = call.ok_or_else(|| FaultPlanError::UnknownCall(word.to_owned()))?;
    if !fault.suits(call) {
        return Err(FaultPlanError::NotOf(fault, call));
    }
    let which = picked(which).ok_or_else(|| FaultPlanError::Which(which.to_owned()))?;
    Ok(Rule { fault, call, which })
}

fn fault(word: &str) -> Result<Fault, FaultPlanError> {
    let fault = Fault::ALL.into_iter().find(|fault| fault.as_str() == word);
    fault.ok_or_else(|| FaultPlanError::UnknownFault(word.to_owned()))
}

fn picked(which: &str) -> Option<RangeInclusive<u64>> {
    if which == "*" {
        return Some(1..=u64::MAX);
    }
    let (first, last) = which.split_once('-').unwrap_or((which, which));
    let (first, last) = (whole(first)?, whole(last)?);
    (1 <= first && first <= last).then_some(first..=last)
}

fn incident(text: &str) -> Option<Incident> {
    if text.contains("..") { times(text).map(Incident::Times) } else { picked(text).map(Incident::Posts) }
}

fn duplicates(text: &str) -> Option<Duplicates> {
    match text {
        "refuse" => Some(Duplicates::Refuse),
        "accept" => Some(Duplicates::Accept),
        _ => None,
    }
}

fn wording(text: &str) -> Option<Wording> {
    match text {
        "vary" => Some(Wording::Vary),
        _ => (1..=WORDING_BYTES_MAX).contains(&text.len()).then(|| Wording::Text(text.to_owned())),
    }
}

/// `MIN..MAX`, or one time that is both.
fn times(text: &str) -> Option<Times> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    time(least).zip(time(most)).filter(|(least, most)| least <= most)
}

/// Digits and nothing else: no sign.
fn whole(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return None,
    };
    let time = Duration::from_millis(whole(number)?.checked_mul(milliseconds)?);
    (time <= TIME_MAX).then_some(time)
}

fn listed(words: &[impl Display]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
