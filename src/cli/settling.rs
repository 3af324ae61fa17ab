//! Settling what an earlier run left in doubt, before anything else is done.

use std::collections::BTreeSet;

use crate::api::contract::{CallError, Read as _};
use crate::apply::look::Known;
use crate::apply::settle::{self, Settling, Verdict};
use crate::call::Call;
use crate::cli::clock::SystemClock;
use crate::cli::connection::Connection;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::ledger::Ledger;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access::Taken;
use crate::conversation::{Address, ConversationId, Id};
use crate::journal::{DecidedBy, Decision, Entry, InDoubt};
use crate::project::Tenant;
use crate::render::escape::escape;
use crate::render::number::counted;
use crate::render::report::looking_again;
use crate::state::{Record, State};

/// What is left after settling by machine.
pub struct Settled {
    pub taken: Taken,
    /// The addresses whose call made nothing; the plan makes them again.
    pub not_made: BTreeSet<Address>,
    /// What was found out.
    pub decided: Vec<(Address, Decision)>,
}

/// Looks for everything that is in doubt, and records what is certain. What can't be looked for is reported and left as
/// it is.
///
/// # Errors
/// The tenant can't be reached or refuses the token, or the journal or the state can't be written.
pub async fn by_machine(open: &OpenTenant<'_>, connection: &Connection, taken: Taken) -> Result<Settled, Error> {
    let OpenTenant { session, tenant, .. } = open;
    let known = taken.state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    let expected = known.or_else(|| tenant.organization_id.clone());
    let organization = connection.organization(expected.as_deref()).await?.map(|found| found.id);
    let sent = taken.held.sent_before()?;
    let on_their_way = taken.held.calls_on_their_way(sent);
    if !on_their_way.is_zero() {
        let seconds = on_their_way.as_secs() + 1;
        session
            .output
            .note(&format!("A run was taken over. What it has sent may still arrive in the next {seconds} s.\n"));
        tokio::time::sleep(on_their_way).await;
    }
    let count = taken.in_doubt.len();
    session.output.note(&format!("Looking for what became of {} in doubt.\n", counted(count, "call")));
    let settling = Settling {
        api: &connection.client.reader(),
        clock: &SystemClock,
        sent,
        patience: connection.patience,
        known: Known::of(&taken.state),
        sent_again: &BTreeSet::new(),
    };
    let listen = |pause| session.output.note(&format!("{}.\n", looking_again(&pause)));
    let settle::Settled { verdicts, doubles } = settling.settle(&taken.in_doubt, &taken.in_doubt, &listen).await;
    let mut entries: Vec<Entry> = doubles.into_iter().map(|(address, id)| Entry::Doubled { address, id }).collect();
    let (mut not_made, mut told, mut known) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (doubt, verdict) in taken.in_doubt.iter().zip(verdicts) {
        let InDoubt { seq, address, since, .. } = doubt;
        let (decision, text) = match verdict {
            Ok(Verdict::Made(id)) => (Some(Decision::Adopt(id)), format!("{address} was found: it is {id:#}.")),
            Ok(Verdict::NotMade) => {
                not_made.insert(address.clone());
                (Some(Decision::Create), format!("{address} was not made; it is planned again."))
            }
            Ok(Verdict::Question(question)) => (None, format!("{address} has been in doubt since {since}: {question}")),
            Ok(Verdict::Open(why)) => (None, format!("{address} has been in doubt since {since}: {why}")),
            Err(error @ CallError::Unauthorized { .. }) => return Err(error).during("looking for what is in doubt"),
            // One that can't be looked for stays in doubt, and holds up nothing else.
            Err(error) => {
                (None, format!("{address} has been in doubt since {since}, and could not be looked for: {error}"))
            }
        };
        let by = DecidedBy::Machine;
        known.extend(decision.map(|decision| (address.clone(), decision)));
        let decided = decision.map(|decision| Entry::Decided { seq: *seq, decision, by, at: SystemClock::timestamp() });
        told.push((decided.is_some(), text));
        entries.extend(decided);
    }
    let taken = write(taken, tenant, organization.as_deref(), COMMAND, entries).await?;
    for (is_decided, text) in told {
        let text = format!("{}\n", escape(&text));
        // Somebody has to act on what is not decided, whoever wants to read little.
        if is_decided { session.output.note(&text) } else { session.output.error(&text) }
    }
    Ok(Settled { taken, not_made, decided: known })
}

/// Says of which records there is a second conversation, on standard error; gives back their addresses.
pub fn tell_doubled(session: &Session, state: &State) -> Vec<Address> {
    for (address, Record { id, doubles, .. }) in state.doubled() {
        let others: Vec<String> = doubles.iter().map(|double| format!("{double:#}")).collect();
        session.output.error(&format!(
            "{address} was made more than once: it is {id:#}, and {} has its marker too\n hint: look in Dixa, close the \
             one that is not wanted, and say which one to keep: `dixaform recover --adopt {address}=ID`\n",
            others.join(", ")
        ));
    }
    state.doubled().map(|(address, _)| address.clone()).collect()
}

/// Writes decisions of a person down, as a run of their own.
pub async fn decide(
    taken: Taken,
    tenant: &Tenant,
    organization: Option<&str>,
    decisions: Vec<(u64, Decision)>,
) -> Result<Taken, Error> {
    let by = DecidedBy::Person;
    let decided = |(seq, decision)| Entry::Decided { seq, decision, by, at: SystemClock::timestamp() };
    write(taken, tenant, organization, COMMAND, decisions.into_iter().map(decided).collect()).await
}

/// What the journal calls a run that settles.
pub const COMMAND: &str = "recover";

/// Writes what was found out, as a run of its own.
pub async fn write(
    taken: Taken,
    tenant: &Tenant,
    organization: Option<&str>,
    command: &str,
    entries: Vec<Entry>,
) -> Result<Taken, Error> {
    if entries.is_empty() {
        return Ok(taken);
    }
    let ledger = Ledger::open(taken, tenant, organization, command).await?;
    for entry in entries {
        ledger.write(entry).await?;
    }
    ledger.close().await
}

/// Whether a conversation exists, and whose it is, if Dixa says so: what a person names is checked before it is
/// believed.
pub async fn requester_of(connection: &Connection, id: ConversationId) -> Result<Option<String>, Error> {
    let reading = connection.client.reader().conversation(id).await;
    Ok(reading.during(Call::One(Id::from(id).into()))?.requester_id)
}

/// Makes sure that what a person names is there.
///
/// # Errors
/// It is not, or could not be read.
pub async fn exists(connection: &Connection, id: Id) -> Result<(), Error> {
    let reader = connection.client.reader();
    let read = match id {
        Id::Conversation(id) => reader.conversation(id).await.map(drop),
        Id::EndUser(id) => reader.end_user(id).await.map(drop),
    };
    read.during(Call::One(id.into()))
}

/// How to settle by hand what a machine can't.
pub const HINT: &str = "decide with `dixaform recover --adopt ADDRESS=ID`, `--create ADDRESS` or `--forget ADDRESS`, after looking in Dixa";
