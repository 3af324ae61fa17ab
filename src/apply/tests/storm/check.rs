//! Whether everything is well in the end.

use super::*;
use crate::apply::tests::storm::care::{AGENTS, QUEUES};
use crate::apply::tests::storm::people::{Person, SEGMENT};
use crate::apply::tests::storm::round::{Round, Tally};
use crate::apply::tests::storm::weather;
use crate::apply::tests::storm::wishes::{Key, Wish};
use crate::apply::tests::storm::world::By;
use crate::handling::{self, Openness};

impl Round {
    /// Whether everything is as it should be; what is not.
    pub(super) fn check(self) -> Result<Tally, String> {
        let state = self.disk.state();
        let people = self.people.iter().flat_map(|person| self.wrong_of_person(person, &state));
        let wishes = self.wishes.iter().flat_map(|wish| self.wrong_of(wish, &state));
        let mut wrong: Vec<String> = people.chain(wishes).collect();
        wrong.extend(self.wrong_elsewhere(&state));
        wrong.extend(state.doubled().map(|(address, record)| format!("{address} is there twice: {record:?}")));
        if self.disk.has_journal() {
            wrong.push("a journal is left".to_owned());
        }
        let world = self.dixa.world();
        if !wrong.is_empty() {
            let posts: Vec<String> = world.posted.iter().map(|post| format!("{post:?}")).collect();
            return Err(format!("{}\n{}", wrong.join("\n"), posts.join("\n")));
        }
        let count = |count: usize| u64::try_from(count).expect("not that many");
        let bad = world.posted.iter().filter(|post| post.fate != weather::Fate::Fine).count();
        let made = world.conversations().count();
        let adopted = self.people.iter().filter(|person| world.namesake(&person.members()).is_some()).count();
        let people = world.end_users().filter(|(made, _)| made.key.is_some()).count() + adopted;
        let (made, people, adopted) = (count(made), count(people), count(adopted));
        Ok(Tally { made, people, adopted, bad_posts: count(bad), set: count(world.touched.len()), ..self.tally })
    }

    /// An end user is there once, whoever has made it, and is as it is described.
    fn wrong_of_person(&self, person: &Person, state: &State) -> Vec<String> {
        let record = state.records.get(&address(&person.address()));
        let there = self.end_users(&person.name);
        if there.len() != 1 || record.is_none_or(|record| there != [record.id]) {
            return vec![format!("{} is there as {there:?}, and its record is {record:#?}", person.name)];
        }
        let world = self.dixa.world();
        let made = world.made(there[0]).expect("it is there");
        let mut wrong = Vec::new();
        let lacks = person.lacks(made.members().expect("an end user"));
        if !lacks.is_empty() {
            wrong.push(format!("{}: {lacks:?} of {:?}", person.name, made.members()));
        }
        let (is, wanted) = (made.values.get(SEGMENT).and_then(|value| value.as_str()), noted(person.note));
        if is != wanted.as_deref() {
            wrong.push(format!("{}: its attribute is {is:?}, not {wanted:?}", person.name));
        }
        wrong
    }

    /// A conversation is there once, and is as it is described; and so were those whose place it has taken.
    fn wrong_of(&self, wish: &Wish, state: &State) -> Vec<String> {
        let record = state.records.get(&address(&wish.address()));
        let made = self.dixa.world().of(&wish.key());
        if made.len() != 1 || record.is_none_or(|record| made != [record.id]) {
            return vec![format!("{} was made as {made:?}, and its record is {record:#?}", wish.name)];
        }
        let mut wrong = self.wrong_of_care(wish, made[0]);
        let requesters = self.requesters(wish);
        let world = self.dixa.world();
        let there = world.made(made[0]).expect("it is there");
        let (is, wanted) = (there.values.get(TEXT).and_then(|value| value.as_str()), noted(wish.note));
        if is != wanted.as_deref() {
            wrong.push(format!("{}: its attribute is {is:?}, not {wanted:?}", wish.name));
        }
        let requester = there.conversation().and_then(|conversation| conversation.reading.requester_id.clone());
        let wanted: Vec<String> = requesters.iter().map(ToString::to_string).collect();
        if wanted != requester.iter().map(String::as_str).collect::<Vec<_>>() {
            wrong.push(format!("{}: its requester is {requester:?}, not {wanted:?}", wish.name));
        }
        for version in 0..wish.version {
            let key = Key { version, ..wish.key() };
            let before = world.of(&key);
            // What was refused in words that were not true, and is not wanted any more, nobody looks for again.
            let is_denied = world.posted.iter().any(|post| post.is_denied() && post.key == key);
            let known = record.map_or(&[][..], |record| &record.replaced);
            if before.len() > 1 || !self.has_lost_state && !is_denied && !before.iter().all(|id| known.contains(id)) {
                wrong.push(format!("{} v{version} was made as {before:?}, and {known:?} are known", wish.name));
            }
        }
        let sent: Vec<_> = world.posted.iter().filter(|post| post.counts && post.key == wish.key()).collect();
        if wish.sort.reaches_customer() && sent.len() > 1 {
            wrong.push(format!("{} was sent more than once: {sent:?}", wish.name));
        }
        wrong
    }

    /// A conversation is handled as it is described, unless somebody else has set something since; a tag is on it if it is
    /// wanted, or if others have put it on.
    fn wrong_of_care(&self, wish: &Wish, id: Id) -> Vec<String> {
        let world = self.dixa.world();
        let there = world.made(id).and_then(|made| made.conversation()).expect("a conversation");
        let (care, reading) = (&wish.care, &there.reading);
        let mut wrong = Vec::new();
        let theirs = world.theirs.iter().filter(|(on, _)| *on == id).map(|(_, tag)| tag.as_str());
        let wanted: BTreeSet<&str> = care.tags.iter().copied().chain(theirs).collect();
        let tags: BTreeSet<&str> = there.tags.iter().map(String::as_str).collect();
        // Only a state that is lost knew what it had put on; and one that is put on late is anybody's.
        let may_have_more = self.has_lost_state || world.climate.sets_late;
        if !tags.is_superset(&wanted) || !may_have_more && tags != wanted {
            wrong.push(format!("{}: its tags are {tags:?}, not {wanted:?}", wish.name));
        }
        let members = [
            (handling::QUEUE, care.queue.map(|number| QUEUES[number]), &reading.queue_id),
            (handling::ASSIGNEE, care.assignee.map(|number| AGENTS[number]), &reading.agent_id),
            (handling::STATE, care.state.map(Openness::word), &reading.state),
        ];
        for (member, wanted, is) in members {
            let is_ours = match world.set_by.get(&(id, member)) {
                Some(By::Others) => false,
                // A reading does not say that nobody has it.
                Some(By::UsLate) => member != handling::ASSIGNEE || is.is_some(),
                Some(By::Us) | None => true,
            };
            if wanted.is_some() && wanted != is.as_deref() && is_ours {
                wrong.push(format!("{}: its {member} is {is:?}, not {wanted:?}", wish.name));
            }
        }
        wrong
    }

    /// Nothing of anybody else's is in a record or was touched, but end users who were taken; and their tags are on.
    fn wrong_elsewhere(&self, state: &State) -> Vec<String> {
        let world = self.dixa.world();
        let taken: Vec<Id> = self.people.iter().filter_map(|person| world.namesake(&person.members())).collect();
        let is_ours = |id: &Id| taken.contains(id) || world.made(*id).is_some_and(|made| made.key.is_some());
        let touched = world.touched.iter().copied().chain(state.known_ids());
        let mut wrong: Vec<String> =
            touched.filter(|id| !is_ours(id)).map(|id| format!("{id:#} is somebody else's")).collect();
        for (id, tag) in &world.theirs {
            let there = world.made(*id).and_then(|made| made.conversation());
            if there.is_none_or(|there| !there.tags.contains(tag)) {
                wrong.push(format!("the tag {tag}, which somebody else has put on, was taken off {id:#}"));
            }
        }
        wrong
    }
}

fn noted(note: Option<u32>) -> Option<String> {
    note.map(|note| format!("note-{note}"))
}
