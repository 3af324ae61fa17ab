//! One change: its calls, each in the journal before it is sent and after it was answered.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join;
use serde_json::{Map, Value};

use crate::api::contract::{AttributeReading, CallError, EndUserReading, Permit, Write};
use crate::api::retry::{self, Decision};
use crate::apply::adopt::{self, refusal};
use crate::apply::answered;
use crate::apply::books::{self, Books, Writing, after};
use crate::apply::event::ApplyEvent;
use crate::apply::halt::{Ended, Halt, halted};
use crate::apply::job::{Clock, Run};
use crate::apply::outcome::Outcome;
use crate::apply::stop::StopSignal;
use crate::call::Call;
use crate::conversation::{Attributes, ConversationId, Id, Kind};
use crate::end_user::{self, Lookup};
use crate::handling::{PutOn, Setting};
use crate::journal::{Append, CallKind, Entry, Heard, Replay};
use crate::plan::{Action, Change, Described, Handled, Step, compare, waits_for};

pub(super) struct CarryOut<'r, 'a, A, J, C> {
    pub(super) run: &'r Run<'a, A, J, C>,
    pub(super) books: Books<'r, 'a, J, C>,
    pub(super) stop: StopSignal,
    listen: &'r dyn Fn(ApplyEvent),
    /// Changes in flight that wait for a permit; new ones let them pass.
    waiting: Cell<usize>,
    /// The run has ended for another reason than the wish to stop: nothing new may be made.
    ended: Cell<bool>,
}

impl<'r, 'a, A: Write, J: Append, C: Clock> CarryOut<'r, 'a, A, J, C> {
    pub(super) fn new(
        run: &'r Run<'a, A, J, C>,
        replay: &'r RefCell<Replay>,
        stop: StopSignal,
        listen: &'r dyn Fn(ApplyEvent),
    ) -> Self {
        let books = Books::new(run, replay);
        CarryOut { run, books, stop, listen, waiting: Cell::new(0), ended: Cell::new(false) }
    }

    /// Lets what is in flight make nothing new.
    pub(super) fn end(&self) {
        self.ended.set(true);
    }

    /// How many changes in flight wait for a permit.
    pub(super) fn waiting(&self) -> &Cell<usize> {
        &self.waiting
    }

    /// A permit that was waited for, or the next one.
    pub(super) async fn permit_or_next(&self, permit: Option<Permit>) -> Permit {
        if let Some(permit) = permit {
            return permit;
        }
        self.waiting.set(self.waiting.get() + 1);
        let permit = self.run.api.permit().await;
        self.waiting.set(self.waiting.get() - 1);
        permit
    }

    /// Carries out one change; gives back its index, since several are in flight, and what was done: an end user that
    /// was to be created may have been adopted.
    pub(super) async fn change(&self, index: usize, change: &Change, permit: Option<Permit>) -> (usize, Action, Ended) {
        if !matches!(change.action, Action::Move | Action::Forget) {
            self.tell(ApplyEvent::Began { address: change.address.clone(), action: change.action });
        }
        let mut progress = Progress::default();
        let known = self.books.with_end_users(change);
        let change = known.as_ref();
        let end = match self.steps(change, permit, &mut progress).await {
            Ok(()) => {
                let (id, partial_errors) = (progress.id, std::mem::take(&mut progress.partial_errors));
                let warnings = std::mem::take(&mut progress.warnings);
                let found = change.action.makes() && !change.steps.iter().any(|step| matches!(step, Step::Make(_)));
                Ended::Change(Outcome::Done { id, found, partial_errors, warnings })
            }
            Err(halt) => halted(halt, progress.id),
        };
        let action = if progress.is_adopted { Action::Adopt } else { change.action };
        (index, action, end)
    }

    async fn steps(
        &self,
        change: &Change,
        mut permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        if change.action == Action::Forget {
            return self.books.write(Entry::Forgot { address: change.address.clone() }).await;
        }
        // Those of end users are known by now, or not to be had.
        if let Some(address) = waits_for(change).next() {
            return Err(Halt::Needs(address.clone()));
        }
        // What is made or adopted gets its id on the way.
        if !change.steps.iter().any(|step| matches!(step, Step::Make(_) | Step::Read(_))) {
            progress.id = change.id;
        }
        self.drop_what_left(change).await?;
        for step in &*change.steps {
            match step {
                Step::Find(lookup) => self.find(lookup, progress).await?,
                Step::Make(Kind::EndUser) if !progress.found.is_empty() => self.take_over(change, progress).await?,
                Step::Make(kind) => self.make(change, *kind, permit.take(), progress).await?,
                Step::Change(members) => {
                    self.patch(change, Patch::Members(members), permit.take(), progress).await?;
                }
                Step::Patch(attributes) => {
                    self.patch(change, Patch::Attributes(attributes), permit.take(), progress).await?;
                }
                // What was adopted has them already.
                Step::PatchAll if progress.is_adopted => {}
                Step::PatchAll => {
                    let attributes = after(change).only_attributes().conversation().attributes;
                    self.patch(change, Patch::Attributes(&attributes), permit.take(), progress).await?;
                }
                Step::Read(Id::Conversation(id)) => self.adopt(change, *id, progress).await?,
                Step::Read(Id::EndUser(id)) => self.adopt_end_user(change, *id, progress).await?,
                // Reading has found out which of them differ, and written those.
                Step::ChangeDifferent | Step::PatchDifferent(_) => {}
                Step::LookAt => self.look_at(progress).await?,
                Step::LookAtTags => self.look_at_tags(progress).await?,
                Step::Set(setting) => self.set(change, setting, permit.take(), progress).await?,
                Step::ListBefore(requester) => {
                    let requester = requester.as_deref().expect("names are known before the first step");
                    progress.known_before = self.list_before(requester).await?;
                }
                Step::ReadBack => {
                    self.synced(change, progress).await?;
                    self.read_back(change, progress).await?;
                }
                Step::ReadTagsBack => self.read_tags_back(change, progress).await?,
            }
        }
        self.synced(change, progress).await
    }

    async fn make(
        &self,
        change: &Change,
        kind: Kind,
        mut permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        let call = Call::Make(kind);
        let conversation = after(change).conversation();
        let began = tokio::time::Instant::now();
        let marker = self.books.marker(change, &conversation);
        let marked = marker.as_ref().filter(|_| change.marked).map(|marker| conversation.marked_content(kind, marker));
        let body = marked.as_ref().unwrap_or(&conversation.content);
        for attempt in 1.. {
            let waited = self.permit_or_next(permit.take()).await;
            // What has begun by reading may get its turn after the run was to end; a conversation is new, and not made.
            if self.stop.is_draining() || self.ended.get() {
                return Err(Halt::Draining(call));
            }
            if self.books.is_in_doubt(&change.address) {
                return Err(Halt::Contradiction(format!(
                    "{} is in doubt, and is never sent again before that is settled",
                    change.address
                )));
            }
            let seq = self.books.seq();
            let intent =
                Box::new(self.books.intent_to_make(change, &conversation, marker.clone(), &progress.known_before));
            let entry = Entry::Began { seq, address: change.address.clone(), call: call_kind(kind), intent };
            self.books.write(entry).await?;
            let error = match self.run.api.make(waited, kind, body).await {
                Ok(created) if self.books.owner_of(created.id, change).is_some() => {
                    let owner = self.books.owner_of(created.id, change).unwrap_or_default();
                    let message = format!(
                        "Dixa answered with {} {:#}, which is {owner} already; nothing was recorded",
                        created.id.noun(),
                        created.id
                    );
                    self.books
                        .write(Entry::Failed { seq, certain: true, message: message.clone(), at: self.books.now() })
                        .await?;
                    return Err(Halt::OtherConversation(call, message));
                }
                Ok(created) => {
                    progress.id = Some(created.id);
                    progress.made = Some(tokio::time::Instant::now());
                    progress.partial_errors.clone_from(&created.partial_errors);
                    let partial_errors = created.partial_errors;
                    let (answered, at) = (Attributes::new(), self.books.now());
                    let entry = Entry::Succeeded { seq, id: created.id, partial_errors, answered, at };
                    // What comes next for this conversation is written behind it, and both are synced in one go.
                    progress.unsynced = Some(self.books.begin_writing(entry)?);
                    return Ok(());
                }
                Err(error) => error,
            };
            let decision = retry::decide(retry::CallKind::Make, &error, attempt, began.elapsed(), self.jitter());
            if decision == Decision::InDoubt {
                let (heard, message) = (heard(&error), error.message().to_owned());
                self.books.write(Entry::InDoubt { seq, heard, message, at: self.books.now() }).await?;
                return Err(Halt::InDoubt(call, error));
            }
            let message = error.message().to_owned();
            self.books.write(Entry::Failed { seq, certain: true, message, at: self.books.now() }).await?;
            self.wait_or_give_up(change, &call, decision, refusal(kind, error)).await?;
        }
        unreachable!("attempts are bounded by the decision about each")
    }

    pub(super) async fn patch(
        &self,
        change: &Change,
        patch: Patch<'_>,
        mut permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        let id = progress.id.expect("it is made or known before it is patched");
        let call = patch.call(id);
        let began = tokio::time::Instant::now();
        let seq = self.books.seq();
        let mut perhaps = false;
        for attempt in 1.. {
            let waited = if attempt == 1 {
                let made = self.synced(change, progress);
                let began = async {
                    let waited = self.permit_or_next(permit.take()).await;
                    let (call, intent) = match patch {
                        Patch::Attributes(_) => (CallKind::Patch, self.books.intent_to_patch(change)),
                        Patch::Members(_) => (CallKind::Change, self.books.intent_to_change(change)),
                        Patch::Handling(setting, tag) => {
                            (books::call_kind(setting), self.books.intent_to_handle(change, setting, tag))
                        }
                    };
                    let (address, intent) = (change.address.clone(), Box::new(intent));
                    self.books.write(Entry::Began { seq, address, call, intent }).await?;
                    Ok(waited)
                };
                // The conversation that was made is written down whether or not its attributes get their turn.
                try_join(made, began).await?.1
            } else {
                self.permit_or_next(None).await
            };
            let error = match self.send(waited, id, patch, perhaps, &progress.handled).await {
                Ok(answer) => {
                    let written = patch.attributes();
                    let answered = self.books.answered(change, seq, (written, &answered::made(written, &answer)));
                    let (partial_errors, at) = (Vec::new(), self.books.now());
                    self.books.write(Entry::Succeeded { seq, id, partial_errors, answered, at }).await?;
                    self.books.share(change);
                    progress.warnings.extend(answered::otherwise(written, &answer));
                    return Ok(());
                }
                Err(error) => error,
            };
            // What an earlier attempt may have written stays possible, whatever the last one says.
            perhaps |= !error.surely_not_done() || matches!(error.status(), Some(303 | 408 | 499));
            let decision = match self.wait_for_lag(&error, progress, attempt) {
                Some(wait) => Decision::RetryAfter(wait),
                None => retry::decide(retry::CallKind::Patch, &error, attempt, began.elapsed(), self.jitter()),
            };
            if !matches!(decision, Decision::RetryAfter(_)) || self.stop.is_draining() {
                let (certain, message) = (!perhaps, error.message().to_owned());
                self.books.write(Entry::Failed { seq, certain, message, at: self.books.now() }).await?;
            }
            self.wait_or_give_up(change, &call, decision, error).await?;
        }
        unreachable!("attempts are bounded by the decision about each")
    }

    /// One attempt of a PATCH; gives back the attributes in its answer.
    async fn send(
        &self,
        permit: Permit,
        id: Id,
        patch: Patch<'_>,
        perhaps: bool,
        known: &Handled,
    ) -> Result<Vec<AttributeReading>, CallError> {
        match (patch, id) {
            (Patch::Attributes(attributes), id) => self.run.api.patch_attributes(permit, id, attributes).await,
            (Patch::Members(members), Id::EndUser(id)) => {
                self.run.api.change_end_user(permit, id, members).await?;
                Ok(Vec::new())
            }
            (Patch::Handling(setting, tag), Id::Conversation(id)) => {
                self.order(permit, id, (setting, tag), perhaps, known).await?;
                Ok(Vec::new())
            }
            (Patch::Members(_), Id::Conversation(_)) => unreachable!("only an end user has members that can be set"),
            (Patch::Handling(..), Id::EndUser(_)) => unreachable!("an end user is not handled"),
        }
    }

    /// How long to wait after a 404 to a call on what was made just now: it can only be that Dixa does not show it yet.
    fn wait_for_lag(&self, error: &CallError, progress: &Progress<'_>, attempt: u32) -> Option<Duration> {
        let CallError::Rejected { status: 404, .. } = error else { return None };
        let left = self.run.patience.settle.checked_sub(progress.made?.elapsed()).filter(|left| !left.is_zero())?;
        Some(left.min(LAG_PAUSE.saturating_mul(attempt)))
    }

    /// Waits for the next attempt, or says why there is none.
    pub(super) async fn wait_or_give_up(
        &self,
        change: &Change,
        call: &Call,
        decision: Decision,
        error: CallError,
    ) -> Result<(), Halt> {
        let call = call.clone();
        let wait = match decision {
            Decision::RetryAfter(wait) => wait,
            Decision::StopAll => return Err(Halt::Unauthorized(call, error)),
            Decision::GiveUp | Decision::InDoubt => return Err(Halt::Failed(call, error)),
        };
        if self.stop.is_draining() {
            return Err(Halt::Draining(call));
        }
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.tell(ApplyEvent::Waiting { address: change.address.clone(), why: error.to_string(), wait_ms });
        self.sleep(wait, call).await
    }

    /// Waits before a call, unless nothing new is to be sent by then.
    pub(super) async fn sleep(&self, wait: Duration, call: Call) -> Result<(), Halt> {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = stop.draining() => Err(Halt::Draining(call)),
        }
    }

    /// Records an existing conversation, and writes the attributes that differ.
    async fn adopt(&self, change: &Change, id: ConversationId, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let call = Call::One(Id::from(id).into());
        let wanted = after(change).conversation();
        let reading = match self.run.api.conversation(id).await {
            Ok(reading) => reading,
            Err(error) => return Err(Halt::of_read(call, error)),
        };
        let described = Described::content(change.address.kind, wanted.content);
        let comparison = compare(&described, &reading, None);
        if let Some(message) = adopt::cannot_adopt(&reading, &comparison) {
            return Err(Halt::OtherConversation(call, message));
        }
        // A plan that has read the conversation has said it before.
        if change.found.is_none() {
            progress.warnings.extend(adopt::otherwise(&comparison));
        }
        progress.handled = Handled::of(&reading);
        let different = adopt::different(&wanted.attributes, reading.attributes.as_ref());
        let record = Box::new(self.books.adopted(change, id.into(), different.is_empty()));
        self.books.write(Entry::Adopted { address: change.address.clone(), record }).await?;
        progress.id = Some(id.into());
        if different.is_empty() {
            return Ok(());
        }
        self.patch(change, Patch::Attributes(&different), None, progress).await
    }

    /// The conversations of a requester before one is made that can't be marked. If they can't be had, it is not made:
    /// what was there before could be taken for it if the answer is lost.
    async fn list_before(&self, requester: &str) -> Result<Vec<Id>, Halt> {
        match self.run.api.conversations_of(requester).await {
            Ok(readings) => Ok(readings.into_iter().map(|reading| reading.id.into()).collect()),
            Err(error) => Err(Halt::of_read(Call::ConversationsOf(requester.to_owned()), error)),
        }
    }

    /// Compares what was written with what is there. Dixa may answer from a copy that lags, so it looks a few times.
    async fn read_back(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let Some(id) = progress.id else { return Ok(()) };
        let wanted = after(change).conversation();
        let call = Call::One(id.into());
        let mut different = Vec::new();
        for pause in READ_BACK_PAUSES {
            let (attributes, members, handled) = match self.reading(id).await {
                Ok(reading) => reading,
                Err(error @ CallError::Unauthorized { .. }) => return Err(Halt::Unauthorized(call, error)),
                Err(error) => {
                    progress.warnings.push(format!("could not be read back: {error}"));
                    return Ok(());
                }
            };
            let live = |id: &String| attributes.as_ref()?.get(id).map(|reading| &reading.value);
            let is_answered = |id: &String| live(id).is_some_and(|live| self.books.is_answered(change, id, live));
            let attributes = adopt::different(&wanted.attributes, attributes.as_ref()).into_keys();
            let attributes = attributes.filter(|id| !is_answered(id));
            let members = members.map(|members| end_user::different(&wanted.content, &members)).unwrap_or_default();
            let members = members.into_iter().map(|(name, _)| name).filter(|name| end_user::is_comparable(name));
            let attributes = attributes.map(|id| format!("the attribute {id}"));
            let handling = adopt::otherwise_handled(&wanted.handling, &handled).map(str::to_owned);
            different = attributes.chain(members.chain(handling).map(|name| format!("`{name}`"))).collect();
            match pause {
                Some(pause) if !different.is_empty() => self.sleep(pause, call.clone()).await?,
                _ => break,
            }
        }
        for what in different {
            progress.warnings.push(format!("{what} reads back with another value than was written"));
        }
        Ok(())
    }

    /// The attributes, those members of an end user that can be read back, and how a conversation is handled.
    async fn reading(&self, id: Id) -> Result<(Option<Readings>, Option<Map<String, Value>>, Handled), CallError> {
        match id {
            Id::Conversation(id) => {
                let reading = self.run.api.conversation(id).await?;
                let handled = Handled::of(&reading);
                Ok((reading.attributes, None, handled))
            }
            Id::EndUser(id) => {
                let EndUserReading { attributes, members, .. } = self.run.api.end_user(id).await?;
                Ok((attributes, Some(members), Handled::default()))
            }
        }
    }

    /// Waits until the conversation that was just made is written down, and tells of it.
    pub(super) async fn synced(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let Some(writing) = progress.unsynced.take() else { return Ok(()) };
        writing.await.map_err(Halt::Storage)?;
        if let Some(id) = progress.id {
            self.tell(ApplyEvent::Made { address: change.address.clone(), id });
        }
        Ok(())
    }

    fn tell(&self, event: ApplyEvent) {
        (self.listen)(event);
    }

    /// From 0 to 1.
    pub(super) fn jitter(&self) -> f64 {
        let [byte, ..] = self.run.clock.random();
        f64::from(byte) / 255.0
    }
}

/// The pause after the first 404 to a call on what was made just now; each further one is longer by as much.
/// How long to wait after each look at what was written, where that is otherwise: none after the last one.
pub(super) const READ_BACK_PAUSES: [Option<Duration>; 4] =
    [Some(Duration::from_millis(250)), Some(Duration::from_millis(500)), Some(Duration::from_millis(750)), None];
const LAG_PAUSE: Duration = Duration::from_millis(500);

/// What Dixa said to a POST that is in doubt.
fn heard(error: &CallError) -> Heard {
    match error {
        CallError::Unreadable { .. } => Heard::Made,
        CallError::ServerError { .. } => Heard::Error,
        error if error.is_about_external_id() => Heard::Duplicate,
        _ => Heard::Nothing,
    }
}

/// The attributes that something has, by the id of their definition.
type Readings = BTreeMap<String, AttributeReading>;

/// What is set of something that exists.
#[derive(Clone, Copy)]
pub(super) enum Patch<'p> {
    Attributes(&'p Attributes),
    Members(&'p Map<String, Value>),
    /// With the tag, where it is about one.
    Handling(&'p Setting, Option<&'p PutOn>),
}

impl<'p> Patch<'p> {
    /// Those that it sets.
    fn attributes(self) -> &'p Attributes {
        static NONE: Attributes = Attributes::new();
        match self {
            Patch::Attributes(attributes) => attributes,
            Patch::Members(_) | Patch::Handling(..) => &NONE,
        }
    }

    fn call(self, id: Id) -> Call {
        match self {
            Patch::Attributes(_) => Call::SetAttributes(id.into()),
            Patch::Members(_) => Call::Change(id.into()),
            Patch::Handling(setting, _) => Step::Set(setting.clone()).call(id.into()),
        }
    }
}

/// What a change has reached so far.
#[derive(Default)]
pub(super) struct Progress<'j> {
    pub(super) id: Option<Id>,
    /// End users that were found in the place of the one that was to be made, each with what it was found by.
    pub(super) found: Vec<(Lookup, EndUserReading)>,
    /// It was found, and adopted in the place of making one.
    pub(super) is_adopted: bool,
    /// How it is handled, as far as that was read.
    pub(super) handled: Handled,
    /// When its POST was answered.
    made: Option<tokio::time::Instant>,
    /// The entry about the conversation that was made, as long as it is perhaps not written down.
    unsynced: Option<Writing<'j>>,
    /// The requester's conversations before this one was made, where it can't be marked.
    known_before: Vec<Id>,
    partial_errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

fn call_kind(kind: Kind) -> CallKind {
    match kind {
        Kind::EndUser | Kind::Conversation => CallKind::Create,
        Kind::Import => CallKind::Import,
    }
}
