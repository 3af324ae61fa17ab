//! What differs in how a conversation is handled: tags, queue, assignee, and whether it is open.
//!
//! A tag that leaves the manifest is taken off only if dixaform has put it on. What else leaves the manifest is left as
//! it is in Dixa.

use crate::desired::Manifest;
use crate::handling::{self, Handling, PutOn, Setting, TagName};
use crate::plan::change::Step;
use crate::plan::observation::Handled;
use crate::state::{Before, Record};

/// What is set right after it was made: all that making it does not bring.
pub(super) fn when_made(manifest: &Manifest) -> Vec<Step> {
    if manifest.digests.handling.is_none() {
        return Vec::new();
    }
    let conversation = manifest.spec.conversation();
    settings(&conversation.handling, &conversation.handled_when_made()).map(Step::Set).collect()
}

/// What is set when it is adopted, unless it is found to be so. All but its tags was read just before.
pub(super) fn when_adopted(manifest: &Manifest) -> Vec<Step> {
    let wanted = manifest.spec.handling();
    let looks = (!wanted.tags.is_empty()).then_some(Step::LookAtTags);
    let settings = settings(&wanted, &Handling::default()).map(Step::Set);
    looks.into_iter().chain(settings).collect()
}

/// What is set in one that has a record, with the looks that come before; `live` is what was read of the tenant.
pub(super) fn different(manifest: &Manifest, record: &Record, live: Option<&Handled>) -> Vec<Step> {
    let is_same = record.handling_digest == manifest.digests.handling && record.put_on.is_empty();
    if is_same && (live.is_none() || manifest.digests.handling.is_none()) {
        return Vec::new();
    }
    let wanted = manifest.spec.handling();
    let known = known(&wanted, record, live).0;
    let left = left(&wanted, record, live).cloned().map(Setting::TakeTag);
    let settings: Vec<Setting> = left.chain(settings(&wanted, &known)).collect();
    let puts = settings.iter().any(|setting| matches!(setting, Setting::PutTag(_)));
    let moves = settings.iter().any(|setting| setting.member() != handling::TAGS);
    let looks = [(puts, Step::LookAtTags), (moves, Step::LookAt)];
    let looks = looks.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, look)| look);
    looks.chain(settings.into_iter().map(Step::Set)).collect()
}

/// Adds how it was handled before: what the record knows, or the tenant where that was read.
pub(super) fn add_before(before: &mut Before, manifest: &Manifest, record: &Record, live: Option<&Handled>) {
    if record.handling_digest.is_none() && record.put_on.is_empty() && manifest.digests.handling.is_none() {
        return;
    }
    let wanted = manifest.spec.handling();
    let (mut known, more) = known(&wanted, record, live);
    known.tags.retain(|name| wanted.tags.contains(name));
    let mut nameless = 0;
    for tag in left(&wanted, record, live) {
        match &tag.name {
            TagName::Kept(name) => drop(known.tags.insert(name.clone())),
            TagName::Digest(_) => nameless += 1,
        }
    }
    before.set_handling(&known, nameless, &more);
}

/// The tags that dixaform has put on, that have left the manifest, and that are there as far as is known.
fn left<'r>(wanted: &'r Handling, record: &'r Record, live: Option<&'r Handled>) -> impl Iterator<Item = &'r PutOn> {
    let seen = live.and_then(|live| live.tags.as_ref());
    record.tags_left(wanted).filter(move |tag| seen.is_none_or(|tags| tags.contains_key(&tag.id)))
}

/// How it is handled as far as that is known, and the members in which there is something else that was not kept. What
/// neither the manifest nor the record says is left out, although it was read.
fn known(wanted: &Handling, record: &Record, live: Option<&Handled>) -> (Handling, Vec<&'static str>) {
    let (mut known, mut more) = record.applied.handled(wanted);
    let Some(live) = live else { return (known, more) };
    if live.tags.is_some() {
        known.tags = wanted.tags.iter().filter(|name| live.has_tag(name) == Some(true)).cloned().collect();
    }
    let [queue, assignee, state] = [handling::QUEUE, handling::ASSIGNEE, handling::STATE]
        .map(|name| wanted.member(name).is_some() || known.member(name).is_some() || more.contains(&name));
    known.queue = live.member(handling::QUEUE).filter(|_| queue).or(known.queue);
    known.assignee = live.member(handling::ASSIGNEE).filter(|_| assignee).or(known.assignee);
    known.state = live.state.filter(|_| state).or(known.state);
    more.retain(|name| known.member(name).is_none());
    (known, more)
}

/// The settings that make what is wanted of what is known, in the order in which they are made.
fn settings(wanted: &Handling, known: &Handling) -> impl Iterator<Item = Setting> + use<> {
    let missing: Vec<Setting> = wanted.tags.difference(&known.tags).cloned().map(Setting::PutTag).collect();
    let queue = wanted.queue.clone().filter(|_| wanted.queue != known.queue);
    // A queue takes a conversation from its agent, who then has to claim it again.
    let assignee = wanted.assignee.clone().filter(|_| queue.is_some() || wanted.assignee != known.assignee);
    let state = wanted.state.filter(|_| wanted.state != known.state);
    let rest = [queue.map(Setting::Queue), assignee.map(Setting::Assignee), state.map(Setting::State)];
    missing.into_iter().chain(rest.into_iter().flatten())
}
