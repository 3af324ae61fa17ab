//! A tenant that says yes to everything, and the real apply loop in front of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use dixaform::api::{
    AttributeReading, CallError, ConversationReading, Created, Definition, EndUserReading, MessageReading, Order,
    Organization, Permit, Read, Write,
};
use dixaform::apply::{Clock, Patience, Run, Tags, run, stop_signal};
use dixaform::catalog::Tag;
use dixaform::conversation::{Attributes, ConversationId, EndUserId, Id, Kind};
use dixaform::end_user::Lookup;
use dixaform::journal::{Append, Entry, JournalError, Replay};
use dixaform::plan::Plan;
use dixaform::settings::LastApplied;
use dixaform::state::{State, TenantIdentity};

/// The state after this plan was applied, without a failure, and saved.
pub fn apply(plan: &Plan, state: State, last_applied: LastApplied) -> State {
    let tenant = TenantIdentity { base_url: plan.tenant.base_url.clone(), organization_id: None };
    let mut replay = Replay::new(state.clone());
    let opened = Entry::Opened {
        run: uuid::Uuid::nil(),
        lineage: state.lineage,
        base_serial: state.serial,
        tenant,
        command: "apply".into(),
        at: StillClock.now(),
        pid: 1,
    };
    replay.add(&opened).expect("a run can begin");
    let replay = RefCell::new(replay);
    let highest = state.records.values().filter_map(|record| record.id.as_conversation()).max().map_or(1000, |id| id.0);
    let api = Willing { next_id: AtomicI64::new(highest + 1) };
    let (zero, sent_again) = (std::time::Duration::ZERO, BTreeSet::new());
    let patience = Patience { settle: zero, request_timeout: zero, alone: zero };
    let (journal, clock, sent_again, tags) = (&Nowhere, &StillClock, &sent_again, &Tags::default());
    let job = Run { plan, api: &api, journal, clock, last_applied, project: None, patience, sent_again, tags };
    let (_handle, mut stop) = stop_signal();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(run(&job, &replay, &mut stop, &|_| {}));
    assert!(report.is_complete(), "{report:#?}");
    let mut state = replay.into_inner().finish().state;
    state.serial += 1;
    state
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> String {
        "2026-01-01T00:00:00Z".into()
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// A journal that nobody reads: the run keeps its state itself.
struct Nowhere;

impl Append for Nowhere {
    async fn append(&self, _entry: Entry) -> Result<(), JournalError> {
        Ok(())
    }
}

struct Willing {
    next_id: AtomicI64,
}

fn nothing_here<T>() -> Result<T, CallError> {
    Err(CallError::Rejected { status: 404, message: "The requested resource could not be found".into() })
}

impl Read for Willing {
    async fn organization(&self) -> Result<Organization, CallError> {
        nothing_here()
    }

    async fn definitions(&self) -> Result<Vec<Definition>, CallError> {
        nothing_here()
    }

    async fn conversation(&self, _id: ConversationId) -> Result<ConversationReading, CallError> {
        nothing_here()
    }

    async fn tags(&self) -> Result<Vec<Tag>, CallError> {
        Ok(Vec::new())
    }

    async fn tags_of(&self, _id: ConversationId) -> Result<Vec<Tag>, CallError> {
        Ok(Vec::new())
    }

    async fn messages(&self, _id: ConversationId) -> Result<Vec<MessageReading>, CallError> {
        nothing_here()
    }

    async fn end_user(&self, _id: EndUserId) -> Result<EndUserReading, CallError> {
        Err(CallError::Rejected { status: 404, message: "The requested resource could not be found".into() })
    }

    async fn end_users_by(&self, _lookup: &Lookup) -> Result<Vec<EndUserReading>, CallError> {
        Ok(Vec::new())
    }

    async fn conversations_of(&self, _requester: &str) -> Result<Vec<ConversationReading>, CallError> {
        Ok(Vec::new())
    }
}

impl Write for Willing {
    async fn permit(&self) -> Permit {
        Permit::granted()
    }

    async fn make(
        &self,
        _permit: Permit,
        _kind: Kind,
        _body: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Created, CallError> {
        let id = Id::conversation(self.next_id.fetch_add(1, Ordering::Relaxed));
        Ok(Created { id, partial_errors: Vec::new() })
    }

    async fn make_tag(&self, _permit: Permit, name: &str) -> Result<Tag, CallError> {
        Ok(Tag { name: name.to_owned(), id: format!("id of {name}"), active: true })
    }

    async fn handle(&self, _permit: Permit, _id: ConversationId, _order: Order<'_>) -> Result<(), CallError> {
        Ok(())
    }

    async fn change_end_user(
        &self,
        _permit: Permit,
        _id: EndUserId,
        _members: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), CallError> {
        Ok(())
    }

    async fn patch_attributes(
        &self,
        _permit: Permit,
        _id: Id,
        _attributes: &Attributes,
    ) -> Result<Vec<AttributeReading>, CallError> {
        Ok(Vec::new())
    }
}
