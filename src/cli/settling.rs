//! Settling what an earlier run left in doubt, before anything else is done.

use crate::api::contract::{CallError, Read as _};
use crate::apply::settle::{self, Verdict};
use crate::call::Call;
use crate::cli::clock::SystemClock;
use crate::cli::connection::Connection;
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::ledger::Ledger;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::state_access::Taken;
use crate::conversation::ConversationId;
use crate::journal::{DecidedBy, Decision, Entry, InDoubt};
use crate::project::Tenant;
use crate::render::number::counted;

/// What was found out about one call in doubt.
struct Settled {
    in_doubt: InDoubt,
    verdict: Verdict,
}

/// Looks for everything that is in doubt, and records what is certain. Returns the state after that. What can't be
/// looked for is reported and left as it is.
///
/// # Errors
/// The tenant can't be reached or refuses the token, or the journal or the state can't be written.
pub async fn by_machine(open: &OpenTenant<'_>, connection: &Connection, taken: Taken) -> Result<Taken, Error> {
    let OpenTenant { session, tenant, .. } = open;
    let known = taken.state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    let organization = connection.organization(known.or_else(|| tenant.organization_id.clone()).as_deref()).await?;
    let count = taken.in_doubt.len();
    session.output.note(&format!("Looking for what became of {} in doubt.\n", counted(count, "call")));
    let reader = connection.client.reader();
    let mut settled: Vec<Settled> = Vec::new();
    let owned = settle::owned(&taken.state);
    let verdicts = settle::settle(&reader, &taken.in_doubt, &taken.in_doubt, owned, tenant.settle).await;
    for (in_doubt, verdict) in taken.in_doubt.iter().zip(verdicts) {
        match verdict {
            Ok(verdict) => settled.push(Settled { in_doubt: in_doubt.clone(), verdict }),
            Err(error @ CallError::Unauthorized { .. }) => return Err(error).during("looking for what is in doubt"),
            // One that can't be looked for stays in doubt, and holds up nothing else.
            Err(error) => {
                let InDoubt { address, since, .. } = in_doubt;
                let text = format!("{address} is in doubt since {since}, and could not be looked for: {error}\n");
                session.output.error(&text);
            }
        }
    }
    let decisions: Vec<(u64, Decision)> = settled
        .iter()
        .filter_map(|Settled { in_doubt, verdict }| match verdict {
            Verdict::Made(id) => Some((in_doubt.seq, Decision::Adopt(*id))),
            Verdict::NotMade => Some((in_doubt.seq, Decision::Create)),
            Verdict::Unclear(_) => None,
        })
        .collect();
    let taken = decide(taken, tenant, organization.as_deref(), decisions, DecidedBy::Machine).await?;
    tell(session, &settled);
    Ok(taken)
}

/// Writes decisions down, as a run of their own.
pub async fn decide(
    taken: Taken,
    tenant: &Tenant,
    organization: Option<&str>,
    decisions: Vec<(u64, Decision)>,
    by: DecidedBy,
) -> Result<Taken, Error> {
    if decisions.is_empty() {
        return Ok(taken);
    }
    let ledger = Ledger::open(taken, tenant, organization, "recover").await?;
    for (seq, decision) in decisions {
        ledger.write(Entry::Decided { seq, decision, by, at: SystemClock::timestamp() }).await?;
    }
    ledger.close().await
}

/// Whether a conversation exists, and whose it is, if Dixa says so: what a person names is checked before it is
/// believed.
pub async fn requester_of(connection: &Connection, id: ConversationId) -> Result<Option<String>, Error> {
    let reading = connection.client.reader().conversation(id).await;
    Ok(reading.during(Call::Conversation(Some(id)))?.requester_id)
}

fn tell(session: &Session, settled: &[Settled]) {
    for Settled { in_doubt, verdict } in settled {
        let address = &in_doubt.address;
        let text = match verdict {
            Verdict::Made(id) => format!("{address} was made: it is #{id}.\n"),
            Verdict::NotMade => format!("{address} was not made; it is planned again.\n"),
            Verdict::Unclear(candidates) => {
                let mut text = format!("{address} is in doubt since {}; it could be any of:\n", in_doubt.since);
                for candidate in candidates {
                    text.push_str(&format!("  {candidate}\n"));
                }
                // Somebody has to act on it, whoever wants to read little.
                session.output.error(&text);
                continue;
            }
        };
        session.output.note(&text);
    }
}

/// How to settle by hand what a machine can't.
pub const HINT: &str = "decide with `dixaform recover --adopt ADDRESS=ID`, `--create ADDRESS` or `--forget ADDRESS`, after looking in Dixa";
