//! What is set of how a conversation is handled: tags, queue, assignee, open or closed. Each call sets a state, so it
//! may be sent again; what is so already is not sent, and is recorded all the same.

use std::collections::BTreeMap;

use crate::api::contract::{CallError, Order, Permit, Write};
use crate::api::retry;
use crate::apply::carry_out::{CarryOut, Patch, Progress, READ_BACK_PAUSES};
use crate::apply::halt::Halt;
use crate::apply::job::Clock;
use crate::call::Call;
use crate::conversation::{ConversationId, Id};
use crate::handling::{PutOn, Setting};
use crate::journal::Append;
use crate::plan::{Change, Handled, Step};

impl<'a, A: Write, J: Append, C: Clock> CarryOut<'_, 'a, A, J, C> {
    /// Reads how it is handled, before something of that is set.
    pub(super) async fn look_at(&self, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let id = conversation(progress);
        match self.run.api.conversation(id).await {
            Ok(reading) if reading.anonymized => {
                let message = format!("conversation {id:#} is anonymized: its content is gone for good");
                Err(Halt::OtherConversation(Call::One(Id::from(id).into()), message))
            }
            Ok(reading) => {
                progress.handled = Handled { tags: progress.handled.tags.take(), ..Handled::of(&reading) };
                Ok(())
            }
            Err(error) => Err(Halt::of_read(Call::One(Id::from(id).into()), error)),
        }
    }

    /// Reads its tags, before one is put on.
    pub(super) async fn look_at_tags(&self, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let id = conversation(progress);
        match self.run.api.tags_of(id).await {
            Ok(tags) => {
                progress.handled.tags = Some(tags.into_iter().map(|tag| (tag.id, tag.name)).collect());
                Ok(())
            }
            Err(error) => Err(Halt::of_read(Call::TagsOf(Id::from(id).into()), error)),
        }
    }

    /// Reads its tags after they were set, and warns of those that are not as they were set. Right after a call they
    /// may lag, so they are read up to four times.
    pub(super) async fn read_tags_back(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
        self.synced(change, progress).await?;
        let id = conversation(progress);
        let call = Call::TagsOf(Id::from(id).into());
        for pause in READ_BACK_PAUSES {
            let tags = match self.run.api.tags_of(id).await {
                Ok(tags) => tags.into_iter().map(|tag| (tag.id, tag.name)).collect::<BTreeMap<_, _>>(),
                Err(error @ CallError::Unauthorized { .. }) => return Err(Halt::Unauthorized(call, error)),
                Err(error) => {
                    progress.warnings.push(format!("the tags could not be read back: {error}"));
                    return Ok(());
                }
            };
            let different = change.steps.iter().filter_map(|step| tag_otherwise(step, &tags)).collect::<Vec<_>>();
            match pause {
                Some(pause) if !different.is_empty() => self.sleep(pause, call.clone()).await?,
                _ => {
                    progress.warnings.extend(different);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sets one thing, unless it is known to be so.
    pub(super) async fn set(
        &self,
        change: &Change,
        setting: &Setting,
        permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        let is_so = match setting {
            Setting::PutTag(name) => progress.handled.has_tag(name) == Some(true),
            Setting::TakeTag(_) => false,
            other => progress.handled.member(other.member()).is_some_and(|found| found == other.value()),
        };
        if is_so {
            self.synced(change, progress).await?;
            return self.books.write_as_handled(change, setting).await;
        }
        let tag = match setting {
            Setting::PutTag(name) => Some(PutOn::new(&self.tag_id(change, name).await?, name)),
            Setting::TakeTag(tag) => Some(tag.clone()),
            Setting::Queue(_) | Setting::Assignee(_) | Setting::State(_) => None,
        };
        self.patch(change, Patch::Handling(setting, tag.as_ref()), permit, progress).await?;
        if matches!(setting, Setting::Queue(_)) {
            // Whoever had it has it no more.
            progress.handled.assignee = None;
        }
        Ok(())
    }

    /// One attempt. After one of which it is not known whether it was done, what is there decides whether another is
    /// needed: nobody says what closing a closed conversation does.
    pub(super) async fn order(
        &self,
        permit: Permit,
        id: ConversationId,
        (setting, tag): (&Setting, Option<&PutOn>),
        perhaps: bool,
        known: &Handled,
    ) -> Result<(), CallError> {
        let named = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (queue, agent);
        let order = match (setting, tag) {
            (Setting::PutTag(_), Some(tag)) => Order::PutTag(&tag.id),
            (Setting::TakeTag(tag), _) => Order::TakeTag(&tag.id),
            (Setting::Queue(value), _) => {
                queue = named(value);
                Order::Transfer(&queue)
            }
            (Setting::Assignee(value), _) => {
                agent = named(value);
                Order::Claim(&agent)
            }
            (Setting::State(state), _) => {
                if perhaps && Handled::of(&self.run.api.conversation(id).await?).state == Some(*state) {
                    return Ok(());
                }
                Order::State(*state)
            }
            (Setting::PutTag(_), None) => unreachable!("a tag is known before it is put on"),
        };
        let ended = self.run.api.handle(permit, id, order).await;
        if let (Setting::TakeTag(tag), Err(CallError::Rejected { status: 404, .. })) = (setting, &ended)
            && self.is_off(id, &tag.id, known.tags.as_ref()).await?
        {
            return Ok(());
        }
        ended
    }

    /// Whether a tag is not on the conversation, after Dixa did not find what was to be taken off: both answers can be
    /// wrong, so a list without any tag counts only if a second one has none either, and none but this one is `known`
    /// to have been on it just before.
    async fn is_off(
        &self,
        id: ConversationId,
        tag: &str,
        known: Option<&BTreeMap<String, String>>,
    ) -> Result<bool, CallError> {
        for _ in 0..2 {
            let tags = self.run.api.tags_of(id).await?;
            if !tags.is_empty() {
                return Ok(tags.iter().all(|other| other.id != tag));
            }
        }
        Ok(known.is_none_or(|known| known.keys().all(|other| other == tag)))
    }

    /// The id of a tag, which is made if it is not there. If it may have been made, it is looked for before it is made
    /// again.
    async fn tag_id(&self, change: &Change, name: &str) -> Result<String, Halt> {
        if let Some(id) = self.run.tags.id_of(name) {
            return Ok(id);
        }
        let _turn = self.run.tags.turn().await;
        let call = Call::MakeTag(name.to_owned());
        let began = tokio::time::Instant::now();
        for attempt in 1.. {
            if let Some(id) = self.run.tags.id_of(name) {
                return Ok(id);
            }
            let permit = self.permit_or_next(None).await;
            if self.stop.is_draining() {
                return Err(Halt::Draining(call));
            }
            let error = match self.run.api.make_tag(permit, name).await {
                Ok(tag) => {
                    self.run.tags.learn(name, &tag.id);
                    return Ok(tag.id);
                }
                Err(error) => error,
            };
            if !error.surely_not_done() {
                let tags = self.run.api.tags().await.map_err(|error| Halt::of_read(Call::Tags, error))?;
                tags.into_iter().for_each(|tag| self.run.tags.learn(&tag.name, &tag.id));
                if self.run.tags.id_of(name).is_some() {
                    continue;
                }
            }
            let decision = retry::decide(retry::CallKind::Patch, &error, attempt, began.elapsed(), self.jitter());
            self.wait_or_give_up(change, &call, decision, error).await?;
        }
        unreachable!("attempts are bounded by the decision about each")
    }
}

/// What is otherwise about the tag of a step, where these tags are there, by their ids.
fn tag_otherwise(step: &Step, tags: &BTreeMap<String, String>) -> Option<String> {
    match step {
        Step::Set(Setting::PutTag(name)) if !tags.values().any(|tag| tag == name) => {
            Some(format!("the tag `{name}` was put on, and does not read back"))
        }
        Step::Set(Setting::TakeTag(tag)) => {
            let name = tags.get(&tag.id)?;
            Some(format!("the tag `{name}` was taken off, and reads back all the same"))
        }
        _ => None,
    }
}

fn conversation(progress: &Progress<'_>) -> ConversationId {
    let id = progress.id.and_then(Id::as_conversation);
    id.expect("a conversation is made or known before it is looked at")
}
