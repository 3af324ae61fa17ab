//! One change: its calls, each in the journal before it is sent and after it was answered.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::try_join;
use serde_json::Value;

use crate::api::contract::{AttributeReading, CallError, Permit, Write};
use crate::api::retry::{self, Decision};
use crate::apply::adopt;
use crate::apply::event::ApplyEvent;
use crate::apply::halt::{Ended, Halt, halted};
use crate::apply::outcome::Outcome;
use crate::apply::run::{Clock, Run};
use crate::apply::stop::StopSignal;
use crate::conversation::{Address, AttributeValue, Attributes, Conversation, ConversationId, Kind};
use crate::digest::Digest;
use crate::journal::{Append, CallKind, Entry, Intent, JournalError, Replay, attributes_kept};
use crate::plan::{Action, Change, Step};
use crate::settings::LastApplied;
use crate::spec::Spec;
use crate::state::{Applied, record};

pub(super) struct CarryOut<'r, 'a, A, J, C> {
    pub(super) run: &'r Run<'a, A, J, C>,
    replay: &'r RefCell<Replay>,
    stop: StopSignal,
    listen: &'r dyn Fn(ApplyEvent),
    next_seq: Cell<u64>,
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
        let next_seq = Cell::new(replay.borrow().last_seq() + 1);
        CarryOut { run, replay, stop, listen, next_seq, waiting: Cell::new(0), ended: Cell::new(false) }
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
    async fn permit_or_next(&self, permit: Option<Permit>) -> Permit {
        if let Some(permit) = permit {
            return permit;
        }
        self.waiting.set(self.waiting.get() + 1);
        let permit = self.run.api.permit().await;
        self.waiting.set(self.waiting.get() - 1);
        permit
    }

    /// Carries out one change; gives back its index, since several are in flight.
    pub(super) async fn change(&self, index: usize, change: &Change, permit: Option<Permit>) -> (usize, Ended) {
        if change.action != Action::Forget {
            self.tell(ApplyEvent::Began { address: change.address.clone(), action: change.action });
        }
        let mut progress = Progress::default();
        let end = match self.steps(change, permit, &mut progress).await {
            Ok(()) => {
                let Progress { id, unsynced: _, partial_errors, warnings, known_before: _ } = progress;
                Ended::Change(Outcome::Done { id, partial_errors, warnings })
            }
            Err(halt) => halted(halt, progress.id),
        };
        (index, end)
    }

    async fn steps(
        &self,
        change: &Change,
        mut permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        if change.action == Action::Forget {
            return self.write(Entry::Forgot { address: change.address.clone() }).await;
        }
        // What is made or adopted gets its id on the way.
        if !change.steps.iter().any(|step| matches!(step, Step::Make(_) | Step::Read(_))) {
            progress.id = change.id;
        }
        for step in &*change.steps {
            match step {
                Step::Make(kind) => self.make(change, *kind, permit.take(), progress).await?,
                Step::Patch(attributes) => {
                    let id = progress.id.expect("a conversation is made or known before its attributes are written");
                    self.patch(change, id, attributes, permit.take(), progress).await?;
                }
                Step::PatchAll => {
                    let id = progress.id.expect("a conversation is made before its attributes are written");
                    let attributes = after(change).only_attributes().conversation().attributes;
                    self.patch(change, id, &attributes, permit.take(), progress).await?;
                }
                Step::Read(id) => {
                    let attributes = adopt::adopt(self, change, *id).await?;
                    progress.id = Some(*id);
                    if !attributes.is_empty() {
                        self.patch(change, *id, &attributes, None, progress).await?;
                    }
                }
                // Reading has found out which of them differ, and written those.
                Step::PatchDifferent(_) => {}
                Step::ListBefore(requester) => progress.known_before = self.list_before(requester).await?,
                Step::ReadBack => {
                    self.synced(change, progress).await?;
                    self.read_back(change, progress).await?;
                }
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
        let call = format!("POST {}", kind.path());
        let conversation = after(change).conversation();
        let began = tokio::time::Instant::now();
        let marker = self.marker(change, &conversation);
        let marked = marker.as_ref().filter(|_| change.marked).map(|marker| conversation.marked_content(marker));
        let body = marked.as_ref().unwrap_or(&conversation.content);
        for attempt in 1.. {
            let waited = self.permit_or_next(permit.take()).await;
            // What has begun by reading may get its turn after the run was to end; a conversation is new, and not made.
            if self.stop.is_draining() || self.ended.get() {
                return Err(Halt::Draining);
            }
            if self.is_in_doubt(&change.address) {
                return Err(Halt::Contradiction(format!(
                    "{} is in doubt, and is never sent again before that is settled",
                    change.address
                )));
            }
            let seq = self.seq();
            let intent = Box::new(self.intent_to_make(change, &conversation, marker.clone(), &progress.known_before));
            let entry = Entry::Began { seq, address: change.address.clone(), call: call_kind(kind), intent };
            self.write(entry).await?;
            let error = match self.run.api.make(waited, kind, body).await {
                Ok(created) if self.owner_of(created.id, change).is_some() => {
                    let owner = self.owner_of(created.id, change).unwrap_or_default();
                    let message = format!(
                        "Dixa answered with conversation #{}, which is {owner} already; nothing was recorded",
                        created.id
                    );
                    self.write(Entry::Failed { seq, certain: true, message: message.clone(), at: self.now() }).await?;
                    return Err(Halt::NotAdopted { call, message });
                }
                Ok(created) => {
                    progress.id = Some(created.id);
                    progress.partial_errors.clone_from(&created.partial_errors);
                    let partial_errors = created.partial_errors;
                    let entry = Entry::Succeeded { seq, id: created.id, partial_errors, at: self.now() };
                    // What comes next for this conversation is written behind it, and both are synced in one go.
                    progress.unsynced = Some(self.begin_writing(entry)?);
                    return Ok(());
                }
                Err(error) => error,
            };
            let decision = retry::decide(retry::CallKind::Make, &error, attempt, began.elapsed(), self.jitter());
            if decision == Decision::InDoubt {
                self.write(Entry::InDoubt { seq, message: error.message().to_owned(), at: self.now() }).await?;
                return Err(Halt::InDoubt { call, error });
            }
            let message = error.message().to_owned();
            self.write(Entry::Failed { seq, certain: true, message, at: self.now() }).await?;
            self.wait_or_give_up(change, &call, decision, error).await?;
        }
        unreachable!("attempts are bounded by the decision about each")
    }

    pub(super) async fn patch(
        &self,
        change: &Change,
        id: ConversationId,
        attributes: &Attributes,
        mut permit: Option<Permit>,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        let call = format!("PATCH /v1/conversations/{id}/custom-attributes");
        let began = tokio::time::Instant::now();
        let seq = self.seq();
        let mut perhaps = false;
        for attempt in 1.. {
            let waited = if attempt == 1 {
                let made = self.synced(change, progress);
                let began = async {
                    let waited = self.permit_or_next(permit.take()).await;
                    let intent = Box::new(self.intent_to_patch(change));
                    let address = change.address.clone();
                    self.write(Entry::Began { seq, address, call: CallKind::Patch, intent }).await?;
                    Ok(waited)
                };
                // The conversation that was made is written down whether or not its attributes get their turn.
                try_join(made, began).await?.1
            } else {
                self.permit_or_next(None).await
            };
            let error = match self.run.api.patch_attributes(waited, id, attributes).await {
                Ok(answer) => {
                    self.write(Entry::Succeeded { seq, id, partial_errors: Vec::new(), at: self.now() }).await?;
                    // The plan has the same spec as a rule, and one of the two is enough.
                    self.replay.borrow_mut().share(&change.address, after(change));
                    progress.warnings.extend(not_cleared(attributes, &answer));
                    return Ok(());
                }
                Err(error) => error,
            };
            // What an earlier attempt may have written stays possible, whatever the last one says.
            perhaps |= !error.surely_not_done() || matches!(error.status(), Some(303 | 408 | 499));
            let decision = retry::decide(retry::CallKind::Patch, &error, attempt, began.elapsed(), self.jitter());
            if !matches!(decision, Decision::RetryAfter(_)) || self.stop.is_draining() {
                let (certain, message) = (!perhaps, error.message().to_owned());
                self.write(Entry::Failed { seq, certain, message, at: self.now() }).await?;
            }
            self.wait_or_give_up(change, &call, decision, error).await?;
        }
        unreachable!("attempts are bounded by the decision about each")
    }

    /// Waits for the next attempt, or says why there is none.
    async fn wait_or_give_up(
        &self,
        change: &Change,
        call: &str,
        decision: Decision,
        error: CallError,
    ) -> Result<(), Halt> {
        let call = call.to_owned();
        let wait = match decision {
            Decision::RetryAfter(wait) => wait,
            Decision::StopAll => return Err(Halt::Unauthorized { call, error }),
            Decision::GiveUp | Decision::InDoubt => return Err(Halt::Failed { call, error }),
        };
        if self.stop.is_draining() {
            return Err(Halt::Draining);
        }
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.tell(ApplyEvent::Waiting { address: change.address.clone(), why: error.to_string(), wait_ms });
        self.sleep(wait).await
    }

    async fn sleep(&self, wait: Duration) -> Result<(), Halt> {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = stop.draining() => Err(Halt::Draining),
        }
    }

    /// The conversations of a requester before one is made that can't be marked.
    async fn list_before(&self, requester: &str) -> Result<Vec<ConversationId>, Halt> {
        let call = format!("GET /v1/endusers/{requester}/conversations");
        match self.run.api.conversations_of(requester).await {
            Ok(readings) => Ok(readings.into_iter().map(|reading| reading.id).collect()),
            // Nobody there yet: making the conversation will tell, if that is wrong.
            Err(CallError::Rejected { status: 404, .. }) => Ok(Vec::new()),
            Err(error @ CallError::Unauthorized { .. }) => Err(Halt::Unauthorized { call, error }),
            Err(error) => Err(Halt::Failed { call, error }),
        }
    }

    /// Compares what was written with what is there. Dixa may answer from a copy that lags, so it looks a few times.
    async fn read_back(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
        const LOOKS: u32 = 4;
        let Some(id) = progress.id else { return Ok(()) };
        let wanted = after(change).only_attributes().conversation().attributes;
        let call = format!("GET /v1/conversations/{id}");
        let mut different = Vec::new();
        for look in 1..=LOOKS {
            let reading = match self.run.api.conversation(id).await {
                Ok(reading) => reading,
                Err(error @ CallError::Unauthorized { .. }) => return Err(Halt::Unauthorized { call, error }),
                Err(error) => {
                    progress.warnings.push(format!("could not be read back: {error}"));
                    return Ok(());
                }
            };
            different = adopt::different(&wanted, reading.attributes.as_ref()).into_keys().collect();
            if different.is_empty() || look == LOOKS {
                break;
            }
            self.sleep(Duration::from_millis(250 * u64::from(look))).await?;
        }
        for id in different {
            progress.warnings.push(format!("the attribute {id} reads back with another value than was written"));
        }
        Ok(())
    }

    /// The `externalId` of the first message: that of the manifest, or, where the plan marks it, one that only this
    /// state, this address, this content and this generation of it have. None where there is no message to mark.
    fn marker(&self, change: &Change, conversation: &Conversation) -> Option<String> {
        if !change.marked {
            return conversation.first_external_id().map(str::to_owned);
        }
        let replay = self.replay.borrow();
        let state = replay.state();
        let generation = state.records.get(&change.address).map_or(0, |record| record.replaced.len() + 1);
        let content = change.digests?.content;
        let text = format!("{}\n{}\n{content}\n{generation}", state.lineage, change.address);
        Some(format!("df-{}", Digest::of_bytes(text.as_bytes()).short(20)))
    }

    fn intent_to_make(
        &self,
        change: &Change,
        conversation: &Conversation,
        marker: Option<String>,
        known_before: &[ConversationId],
    ) -> Intent {
        let applied = match self.run.last_applied {
            LastApplied::Full => Applied::Full(after(change).clone()),
            LastApplied::Digest => Applied::to_digests(conversation, &self.salt()),
        };
        Intent {
            digests: change.digests.expect("only forgetting records nothing"),
            applied,
            source: change.source.clone(),
            requester: conversation.requester_id().map(str::to_owned),
            marker,
            known_before: known_before.to_vec(),
            replaced: change.id,
            at: self.now(),
        }
    }

    fn intent_to_patch(&self, change: &Change) -> Intent {
        let salt = (self.run.last_applied == LastApplied::Digest).then(|| self.salt());
        let replay = self.replay.borrow();
        let record =
            replay.state().records.get(&change.address).expect("a conversation has a record before it is patched");
        Intent {
            digests: change.digests.expect("only forgetting records nothing"),
            applied: attributes_kept(&record.applied, after(change), salt.as_deref()),
            source: change.source.clone(),
            requester: None,
            marker: None,
            known_before: Vec::new(),
            replaced: None,
            at: self.now(),
        }
    }

    /// Whose conversation it is, if it is that of another address.
    fn owner_of(&self, id: ConversationId, change: &Change) -> Option<String> {
        let replay = self.replay.borrow();
        replay.owner_of(id).filter(|owner| **owner != change.address).map(ToString::to_string)
    }

    fn is_in_doubt(&self, address: &Address) -> bool {
        self.replay.borrow().is_in_doubt(address)
    }

    /// Lets the state know of an entry, and writes it so that it lasts.
    pub(super) async fn write(&self, entry: Entry) -> Result<(), Halt> {
        self.begin_writing(entry)?.await.map_err(Halt::Storage)
    }

    /// [`CarryOut::write`] without waiting; the entry lasts when what is given back has ended well.
    fn begin_writing(&self, entry: Entry) -> Result<Writing<'a>, Halt> {
        // What has happened has happened: an id must reach the state even when the journal is full.
        if let Err(error) = self.replay.borrow_mut().add(&entry) {
            return Err(Halt::Contradiction(error.to_string()));
        }
        Ok(Box::pin(self.run.journal.append(entry)))
    }

    /// Waits until the conversation that was just made is written down, and tells of it.
    async fn synced(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
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

    pub(super) fn now(&self) -> String {
        self.run.clock.now()
    }

    pub(super) fn salt(&self) -> String {
        record::salt_from(self.run.clock.random())
    }

    /// From 0 to 1.
    fn jitter(&self) -> f64 {
        let [byte, ..] = self.run.clock.random();
        f64::from(byte) / 255.0
    }

    fn seq(&self) -> u64 {
        self.next_seq.replace(self.next_seq.get() + 1)
    }
}

/// An entry on its way to the disk.
type Writing<'j> = Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send + 'j>>;

/// What a change has reached so far.
#[derive(Default)]
pub(super) struct Progress<'j> {
    id: Option<ConversationId>,
    /// The entry about the conversation that was made, as long as it is perhaps not written down.
    unsynced: Option<Writing<'j>>,
    /// The requester's conversations before this one was made, where it can't be marked.
    known_before: Vec<ConversationId>,
    partial_errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What the manifest of a change describes. Apply asks for it only where it writes.
fn after(change: &Change) -> &Spec {
    change.after.as_ref().expect("what writes has a manifest")
}

fn call_kind(kind: Kind) -> CallKind {
    match kind {
        Kind::Conversation => CallKind::Create,
        Kind::Import => CallKind::Import,
    }
}

/// Attributes that were cleared and that the answer lists with a value all the same.
fn not_cleared(sent: &Attributes, answer: &[AttributeReading]) -> Vec<String> {
    let still_there = |id: &str| answer.iter().any(|reading| reading.id == id && reading.value != Value::Null);
    sent.iter()
        .filter(|(id, value)| **value == AttributeValue::Clear && still_there(id))
        .map(|(id, _)| format!("the attribute {id} was cleared, and Dixa's answer still lists a value"))
        .collect()
}
