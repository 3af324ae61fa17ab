//! How a round wants its conversations to be handled: tags, queue, assignee, open or closed.

use std::collections::BTreeSet;

use crate::apply::tests::storm::chance::Chance;
use crate::handling::Openness;

/// Tags that manifests want, and other people put on as well.
pub(super) const TAGS: [&str; 3] = ["red", "green", "blue"];

/// A tag that only other people put on.
pub(super) const THEIR_TAG: &str = "theirs";

pub(super) const QUEUES: [&str; 2] = ["cd87b232-64c8-4ad5-b81a-6f9233352d97", "00000000-0000-4000-a000-000000000002"];

pub(super) const AGENTS: [&str; 2] = ["cd4ceb58-bb3a-443c-9cd8-4f088feafe5b", "00000000-0000-4000-b000-000000000002"];

/// The name of a queue.
pub(super) fn queue_name(number: usize) -> String {
    format!("Queue {number}")
}

/// The e-mail address of an agent.
pub(super) fn agent_email(number: usize) -> String {
    format!("agent-{number}@example.com")
}

/// What one manifest says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Care {
    pub(super) tags: BTreeSet<&'static str>,
    pub(super) queue: Option<usize>,
    pub(super) assignee: Option<usize>,
    pub(super) state: Option<Openness>,
    /// Queue and agent are named, and not given by their ids.
    by_name: bool,
}

impl Care {
    pub(super) fn draw(chance: &mut Chance) -> Self {
        if chance.percent(40) {
            return Care::default();
        }
        Care {
            tags: TAGS.into_iter().filter(|_| chance.percent(35)).collect(),
            queue: chance.percent(40).then(|| chance.of(0..QUEUES.len())),
            assignee: chance.percent(40).then(|| chance.of(0..AGENTS.len())),
            state: chance.percent(50).then(|| chance.pick(&[Openness::Open, Openness::Closed])),
            by_name: chance.percent(40),
        }
    }

    /// One thing is wanted otherwise.
    pub(super) fn change(&mut self, chance: &mut Chance) {
        let other = Care::draw(chance);
        match chance.of(0..4) {
            0 => self.queue = other.queue,
            1 => self.assignee = other.assignee,
            2 => self.state = other.state,
            _ => {
                let tag = chance.pick(&TAGS);
                if !self.tags.remove(tag) {
                    self.tags.insert(tag);
                }
            }
        }
    }

    /// Members of a spec, each after a line break.
    pub(super) fn yaml(&self) -> String {
        let Care { tags, queue, assignee, state, by_name } = self;
        let tags: Vec<&str> = tags.iter().copied().collect();
        let queue = queue.map(|number| match by_name {
            true => format!("{{name: {}}}", queue_name(number)),
            false => QUEUES[number].to_owned(),
        });
        let assignee = assignee.map(|number| match by_name {
            true => format!("{{email: {}}}", agent_email(number)),
            false => AGENTS[number].to_owned(),
        });
        let members = [
            ("tags", (!tags.is_empty()).then(|| format!("[{}]", tags.join(", ")))),
            ("queue", queue),
            ("assignee", assignee),
            ("state", state.map(|state| state.word().to_owned())),
        ];
        let line = |(name, value): (&str, Option<String>)| Some(format!("\n  {name}: {}", value?));
        members.into_iter().filter_map(line).collect()
    }
}
