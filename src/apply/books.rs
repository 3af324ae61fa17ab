//! What carrying out writes down: entries in the journal, each of which the state gets to know of at once.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::pin::Pin;

use serde_json::Value;

use crate::apply::halt::Halt;
use crate::apply::job::{Clock, Run};
use crate::apply::marker::marker;
use crate::conversation::{Address, Attributes, Conversation, Digests, Id};
use crate::desired::Named;
use crate::end_user;
use crate::handling::{Handling, PutOn, Setting};
use crate::journal::{
    self, Append, CallKind, Entry, Intent, JournalError, Replay, attributes_kept, content_kept, handling_kept,
};
use crate::name::Ids;
use crate::plan::Change;
use crate::reading::EndUserReading;
use crate::settings::LastApplied;
use crate::spec::Spec;
use crate::state::{Applied, Record, record};

/// An entry on its way to the disk.
pub(super) type Writing<'j> = Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send + 'j>>;

/// The journal of a run and the state beside it.
pub(super) struct Books<'r, 'a, J, C> {
    journal: &'a J,
    clock: &'a C,
    last_applied: LastApplied,
    project: Option<&'a str>,
    replay: &'r RefCell<Replay>,
    next_seq: Cell<u64>,
}

impl<'r, 'a, J: Append, C: Clock> Books<'r, 'a, J, C> {
    pub(super) fn new<A>(run: &Run<'a, A, J, C>, replay: &'r RefCell<Replay>) -> Self {
        let Run { journal, clock, last_applied, project, .. } = *run;
        let next_seq = Cell::new(replay.borrow().last_seq() + 1);
        Books { journal, clock, last_applied, project, replay, next_seq }
    }

    /// Lets the state know of an entry, and writes it so that it lasts.
    pub(super) async fn write(&self, entry: Entry) -> Result<(), Halt> {
        self.begin_writing(entry)?.await.map_err(Halt::Storage)
    }

    /// [`Books::write`] without waiting; the entry lasts when what is given back has ended well.
    pub(super) fn begin_writing(&self, entry: Entry) -> Result<Writing<'a>, Halt> {
        // What has happened has happened: an id must reach the state even when the journal is full.
        if let Err(error) = self.replay.borrow_mut().add(&entry) {
            return Err(Halt::Contradiction(error.to_string()));
        }
        Ok(Box::pin(self.journal.append(entry)))
    }

    /// Whose conversation it is, if it is that of another address.
    pub(super) fn owner_of(&self, id: Id, change: &Change) -> Option<String> {
        let replay = self.replay.borrow();
        replay.owner_of(id).filter(|owner| **owner != change.address).map(ToString::to_string)
    }

    /// A change with the ids of end users that were made before it.
    pub(super) fn with_end_users<'c>(&self, change: &'c Change) -> Cow<'c, Change> {
        if change.names.is_empty() {
            return Cow::Borrowed(change);
        }
        let replay = self.replay.borrow();
        let id = |named: &Named| Some(replay.state().records.get(named.manifest.as_ref()?)?.id.to_string());
        let ids: Ids = change.names.iter().filter_map(|(name, named)| Some((name.clone(), id(named)?))).collect();
        let mut known = change.clone();
        known.put_ids(&ids);
        Cow::Owned(known)
    }

    pub(super) fn is_in_doubt(&self, address: &Address) -> bool {
        self.replay.borrow().is_in_doubt(address)
    }

    /// What the record is to keep of answers after this PATCH: what it wrote, and what Dixa has made of that.
    pub(super) fn answered(
        &self,
        change: &Change,
        seq: u64,
        written_and_made: (&Attributes, &Attributes),
    ) -> Attributes {
        let replay = self.replay.borrow();
        let record = replay.state().records.get(&change.address);
        let (Some(record), Some(intent)) = (record, replay.intent(seq)) else { return Attributes::new() };
        journal::answered(record, &intent.applied, &after(change).attributes(), written_and_made)
    }

    /// Whether a value is what Dixa has made of the one that was written.
    pub(super) fn is_answered(&self, change: &Change, id: &str, live: &Value) -> bool {
        let replay = self.replay.borrow();
        replay.state().records.get(&change.address).is_some_and(|record| record.is_answered(id, live))
    }

    /// Lets the state share the spec that the plan has as well: one of the two is enough.
    pub(super) fn share(&self, change: &Change) {
        self.replay.borrow_mut().share(&change.address, after(change));
    }

    /// The `externalId` of the first message or the end user: that of the manifest, or, where the plan marks it,
    /// dixaform's [own](marker()). None where there is nothing to mark.
    pub(super) fn marker(&self, change: &Change, conversation: &Conversation) -> Option<String> {
        if !change.marked {
            return conversation.external_id(change.address.kind).map(str::to_owned);
        }
        let number = self.replay.borrow().state().next_number(&change.address);
        Some(marker(self.project, &change.address, change.digests?.content, number))
    }

    pub(super) fn intent_to_make(
        &self,
        change: &Change,
        conversation: &Conversation,
        marker: Option<String>,
        known_before: &[Id],
    ) -> Intent {
        let made = conversation.handled_when_made();
        let digests = change.digests.expect("only forgetting records nothing");
        let applied = self.kept(&after(change).with_handling(made.clone()));
        Intent {
            digests: Digests { handling: made.digest(), ..digests },
            names: applied.names_kept(&change.ids),
            applied,
            tag: None,
            source: change.source.clone(),
            requester: conversation.requester_id().map(str::to_owned),
            marker,
            known_before: known_before.to_vec(),
            replaced: change.id,
            at: self.now(),
        }
    }

    pub(super) fn intent_to_patch(&self, change: &Change) -> Intent {
        self.intent_to_set(change, attributes_kept)
    }

    pub(super) fn intent_to_change(&self, change: &Change) -> Intent {
        self.intent_to_set(change, content_kept)
    }

    fn intent_to_set(&self, change: &Change, kept: fn(&Applied, &Spec, Option<&str>) -> Applied) -> Intent {
        self.intent(change, |record, salt| {
            let digests = change.digests.expect("only forgetting records nothing");
            (Digests { handling: record.handling_digest, ..digests }, kept(&record.applied, after(change), salt))
        })
    }

    /// Of what the record has, what is still described stays in it. A tag keeps its name only where the record may hold
    /// it.
    pub(super) fn intent_to_handle(&self, change: &Change, setting: &Setting, tag: Option<&PutOn>) -> Intent {
        let wanted = after(change).handling();
        let intent = self.intent(change, |record, salt| {
            let handled = record.applied.handled(&wanted).0.as_far_as(&wanted).after(setting);
            let digests = change.digests.expect("only forgetting records nothing");
            (Digests { handling: handled.digest(), ..digests }, handling_kept(&record.applied, handled, salt))
        });
        let named = matches!(intent.applied, Applied::Full(_));
        let tag = tag.cloned().map(|tag| if named { tag } else { tag.without_name() });
        Intent { tag, ..intent }
    }

    /// The intent of a call that sets something of what has a record; `part` gives its digests, and what it sets.
    fn intent(&self, change: &Change, part: impl FnOnce(&Record, Option<&str>) -> (Digests, Applied)) -> Intent {
        let salt = (self.last_applied == LastApplied::Digest).then(|| self.salt());
        let replay = self.replay.borrow();
        let record = replay.state().records.get(&change.address).expect("what is set has a record before");
        let (digests, applied) = part(record, salt.as_deref());
        Intent {
            digests,
            names: applied.names_kept(&change.ids),
            applied,
            tag: None,
            source: change.source.clone(),
            requester: None,
            marker: None,
            known_before: Vec::new(),
            replaced: None,
            at: self.now(),
        }
    }

    /// Notes in the record that something is as it is to be, without a call.
    pub(super) async fn write_as_handled(&self, change: &Change, setting: &Setting) -> Result<(), Halt> {
        let intent = self.intent_to_handle(change, setting, None);
        let record = self.replay.borrow().state().records.get(&change.address).cloned();
        let record = record.expect("what is set has a record before");
        let record = Box::new(journal::handled(&record, &intent, call_kind(setting), &self.now()));
        self.write(Entry::Adopted { address: change.address.clone(), record }).await
    }

    /// The record of a conversation that is adopted; `is_complete` says that it has all attributes already.
    pub(super) fn adopted(&self, change: &Change, id: Id, is_complete: bool) -> Record {
        let digests = change.digests.expect("what adopts is recorded");
        let wanted = after(change).conversation();
        let attributes = if is_complete { wanted.attributes.clone() } else { Attributes::new() };
        let applied = self.kept(&Spec::of(&Conversation { attributes, handling: Handling::default(), ..wanted }));
        Record {
            id,
            content_digest: digests.content,
            attributes_digest: is_complete.then_some(digests.attributes),
            handling_digest: None,
            put_on: Vec::new(),
            names: applied.names_kept(&change.ids),
            applied,
            source: change.source.clone(),
            made_of: None,
            marker: None,
            number: self.replay.borrow().state().next_number(&change.address),
            made_at: None,
            applied_at: self.now(),
            partial_errors: Vec::new(),
            answered: Attributes::new(),
            replaced: Vec::new(),
            doubles: Vec::new(),
        }
    }

    /// The record of an end user that is adopted, with its members as they are in Dixa; `is_complete` says that it has
    /// all attributes already.
    pub(super) fn adopted_end_user(&self, change: &Change, reading: &EndUserReading, is_complete: bool) -> Record {
        let wanted = after(change).conversation();
        let content = end_user::as_found(&wanted.content, &reading.members);
        let attributes = if is_complete { wanted.attributes.clone() } else { Attributes::new() };
        let spec = Conversation { content, attributes, ..wanted };
        let applied = self.kept(&Spec::of(&spec));
        Record {
            content_digest: spec.digests().content,
            names: applied.names_kept(&change.ids),
            applied,
            ..self.adopted(change, reading.id.into(), is_complete)
        }
    }

    /// The record of an end user whose members in Dixa stay as they are, although some have left the manifest; none
    /// where nothing has.
    pub(super) fn without_what_left(&self, change: &Change) -> Option<Record> {
        let record = self.replay.borrow().state().records.get(&change.address).cloned()?;
        let has_left = change.digests.is_some_and(|wanted| wanted.content != record.content_digest);
        has_left.then(|| journal::changed(&record, &self.intent_to_change(change), &self.now()))
    }

    fn kept(&self, spec: &Spec) -> Applied {
        kept(self.last_applied, self.clock, spec)
    }

    pub(super) fn now(&self) -> String {
        self.clock.now()
    }

    fn salt(&self) -> String {
        record::salt_from(self.clock.random())
    }

    /// The number of the next call.
    pub(super) fn seq(&self) -> u64 {
        self.next_seq.replace(self.next_seq.get() + 1)
    }
}

/// What the state keeps of a conversation.
pub fn kept(last_applied: LastApplied, clock: &impl Clock, spec: &Spec) -> Applied {
    match last_applied {
        LastApplied::Full => Applied::Full(spec.clone()),
        LastApplied::Digest => Applied::to_digests(&spec.conversation(), &record::salt_from(clock.random())),
    }
}

/// What the manifest of a change describes. Apply asks for it only where it writes.
pub(super) fn after(change: &Change) -> &Spec {
    change.after.as_ref().expect("what writes has a manifest")
}

/// What a call that sets something is in the journal.
pub(super) fn call_kind(setting: &Setting) -> CallKind {
    match setting {
        Setting::PutTag(_) => CallKind::PutTag,
        Setting::TakeTag(_) => CallKind::TakeTag,
        Setting::Queue(_) => CallKind::Transfer,
        Setting::Assignee(_) => CallKind::Claim,
        Setting::State(_) => CallKind::State,
    }
}
