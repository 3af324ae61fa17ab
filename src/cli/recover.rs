//! `dixaform recover`: what is in doubt, settled by machine as far as possible, and by a person where not.

use crate::cli::args::RecoverArgs;
use crate::cli::connection::{self, Connection};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::settling::{self, COMMAND, HINT};
use crate::cli::state::parsed;
use crate::cli::state_access::{self, Older, Taken};
use crate::conversation::{Address, EndUserId, Id, Kind};
use crate::desired::Desired;
use crate::journal::{DecidedBy, Decision, Entry, InDoubt, Replay};
use crate::render::escape::escape;
use crate::render::number::counted;
use crate::render::recover::RecoverV1;

pub fn run(session: &Session, args: &RecoverArgs) -> Result<Exit, Error> {
    let forms = Formats::open(session, &args.forms.format, None, &[])?;
    let open = session.open()?;
    let mut done = Done { text: String::new(), document: RecoverV1::new(&open.tenant.name) };
    let ended = recover(&open, args, &mut done);
    if let Err(error) = &ended {
        done.document.ends(error.exit.code(), error.message(), error.hints.clone());
        if done.document.is_empty() && done.text.is_empty() {
            return ended;
        }
    }
    let written = forms.write(&session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => done.text.clone(),
        ResultForm::Json => done.document.json(),
    });
    let ended = ended.map_err(|error| if written.is_ok() { error.in_result() } else { error })?;
    written.map(|()| ended)
}

/// What was settled so far and what is left, to be said at the end.
struct Done {
    text: String,
    document: RecoverV1,
}

impl Done {
    fn says(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn settled(&mut self, address: &Address, decision: Decision, by: DecidedBy, id: Option<Id>) {
        let (decision, id) = match decision {
            Decision::Adopt(adopted) => ("adopt", Some(adopted)),
            Decision::Create => ("create", id),
            Decision::Forget => ("forget", id),
        };
        let by = match by {
            DecidedBy::Person => "person",
            DecidedBy::Machine => "machine",
        };
        self.document.settled(address, decision, by, id);
    }
}

fn recover(open: &OpenTenant<'_>, args: &RecoverArgs, done: &mut Done) -> Result<Exit, Error> {
    let mut asked = asked(args)?;
    // Held once: whoever takes a state a second time can't tell any more who had it before.
    let mut held = state_access::hold(open, COMMAND, args.lock.lock_timeout)?;
    let decided =
        state_access::settle_unrecorded(open, &mut held, |replay| settle_unrecorded(done, &mut asked, replay))?;
    for Decided { address, decision, id, told } in decided.unwrap_or_default() {
        done.says(&told);
        done.settled(&address, decision, DecidedBy::Person, Some(id));
    }
    let mut taken = state_access::take_held(open, held, COMMAND, Older::Refused)?;
    taken.held.check_specs(&mut taken.state, |_| true)?;
    let (taken, has_kept) = keep(open, taken, &mut asked, done)?;
    settling::tell_doubled(open.session, &taken.state);
    for (address, record) in taken.state.doubled() {
        done.document.doubled(address, record.id, &record.doubles);
    }
    if taken.state.doubled().next().is_some() {
        return Err(Error::new(Exit::InDoubt, "something was made more than once"));
    }
    if taken.in_doubt.is_empty() && has_kept && asked.is_empty() {
        return Ok(Exit::Done);
    }
    if taken.in_doubt.is_empty() {
        done.says("Nothing is in doubt.\n");
        return if asked.is_empty() { Ok(Exit::Done) } else { Err(not_in_doubt(&asked[0].0)) };
    }
    let decisions = matched(&asked, &taken.in_doubt)?;
    connection::options(open)?;
    let runtime = connection::runtime()?;
    let taken = runtime.block_on(settle(open, taken, decisions, done))?;
    let left = taken.in_doubt.len();
    if left == 0 {
        done.says("Nothing is in doubt any more. The next plan shows what is left to do.\n");
        return Ok(Exit::Done);
    }
    done.says(&format!("{} still in doubt:\n", counted(left, "call")));
    for InDoubt { address, call, since, message, .. } in &taken.in_doubt {
        let why = message.as_deref().unwrap_or("the run ended before the answer came");
        done.says(&format!("  {address}: {} begun at {}; {}\n", call.word(), escape(since), escape(why)));
        done.document.in_doubt(address, call.word(), since, why);
    }
    Err(Error::new(Exit::InDoubt, "something is in doubt").hint(HINT))
}

/// Takes decisions about conversations with the same marker out of what was asked, and writes them down; whether there
/// were any.
fn keep(
    open: &OpenTenant<'_>,
    taken: Taken,
    asked: &mut Vec<(Address, Decision)>,
    done: &mut Done,
) -> Result<(Taken, bool), Error> {
    let mut entries = Vec::new();
    for (address, record) in taken.state.doubled() {
        let Some((_, decision)) = asked.iter().find(|(other, _)| other == address) else { continue };
        let id = match decision {
            Decision::Adopt(id) if record.id == *id || record.doubles.contains(id) => *id,
            Decision::Adopt(_) | Decision::Create => {
                let message = format!("{address} is {:#} or one that has its marker too, and no other", record.id);
                return Err(Error::new(Exit::Refused, message).hint("nothing was decided"));
            }
            Decision::Forget => record.id,
        };
        entries.push(Entry::Kept { address: address.clone(), id });
    }
    asked.retain(|(address, _)| {
        !entries.iter().any(|entry| matches!(entry, Entry::Kept { address: kept, .. } if kept == address))
    });
    let kept: Vec<(Address, Id)> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Kept { address, id } => Some((address.clone(), *id)),
            _ => None,
        })
        .collect();
    let taken = connection::runtime()?.block_on(settling::write(taken, open.tenant, None, COMMAND, entries))?;
    for (address, id) in &kept {
        done.says(&format!("{address} is {id:#}; the others are left alone in Dixa.\n"));
        done.document.settled(address, "keep", "person", Some(*id));
    }
    Ok((taken, !kept.is_empty()))
}

/// What a person has decided about one address.
struct Decided {
    address: Address,
    decision: Decision,
    id: Id,
    told: String,
}

/// Decides about conversations that the journal has and the state does not know, which all need an answer. Those are
/// taken out of what was asked. Gives back what to say once it is saved.
fn settle_unrecorded(
    done: &mut Done,
    asked: &mut Vec<(Address, Decision)>,
    replay: &mut Replay,
) -> Result<Vec<Decided>, Error> {
    let unrecorded: Vec<(Address, Id)> =
        replay.unrecorded().into_iter().map(|(address, record)| (address.clone(), record.id)).collect();
    let decision_about = |address: &Address| asked.iter().find(|(other, _)| other == address).map(|(_, one)| *one);
    let is_undecided = |(address, _): &&(Address, Id)| decision_about(address).is_none();
    if unrecorded.iter().any(|one| is_undecided(&one)) {
        done.says("In the journal, but not in the state:\n");
        for (address, id) in unrecorded.iter().filter(is_undecided) {
            done.says(&format!("  {address} is {id:#}\n"));
            done.document.unrecorded(address, *id);
        }
        let message = "an earlier apply made or adopted conversations that the state does not know";
        let hint = "look in Dixa, and decide about all of them at once: `dixaform recover --adopt ADDRESS=ID` records \
                    one, `--forget ADDRESS` leaves it alone";
        return Err(Error::new(Exit::InDoubt, message).hint(hint));
    }
    let mut decided = Vec::new();
    for (address, id) in &unrecorded {
        match decision_about(address) {
            Some(decision @ Decision::Adopt(adopted)) if adopted == *id => {
                replay.record(address).map_err(|other| is_another(address, *id, other))?;
                let told = format!("{address} is {id:#}, and it is in the state now.\n");
                decided.push(Decided { address: address.clone(), decision, id: *id, told });
            }
            Some(decision @ Decision::Forget) => {
                let told = format!("{address}: {id:#} is left alone in Dixa.\n");
                decided.push(Decided { address: address.clone(), decision, id: *id, told });
            }
            Some(Decision::Adopt(_) | Decision::Create) | None => {
                let message = format!("{address} was made or adopted: it is {id:#}");
                let hint = format!(
                    "nothing was decided: say `--adopt {address}={id}`, or `--forget {address}` to leave it alone"
                );
                return Err(Error::new(Exit::Refused, message).hint(hint));
            }
        }
    }
    asked.retain(|(address, _)| !unrecorded.iter().any(|(other, _)| other == address));
    Ok(decided)
}

fn is_another(address: &Address, id: Id, other: Id) -> Error {
    let message = format!("{address} is {other:#} in the state, and {id:#} did not take its place");
    let hint = format!("nothing was decided: `--forget {address}` leaves {id:#} alone in Dixa, and {other:#} as it is");
    Error::new(Exit::Refused, message).hint(hint)
}

async fn settle(
    open: &OpenTenant<'_>,
    taken: Taken,
    decisions: Vec<(InDoubt, Decision)>,
    done: &mut Done,
) -> Result<Taken, Error> {
    let connection = Connection::open(open, &Desired::default()).await?;
    let known = taken.state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    let organization = connection.organization(known.as_deref()).await?.map(|found| found.id);
    for (in_doubt, decision) in &decisions {
        if let Decision::Adopt(id) = decision {
            check(&connection, &taken, in_doubt, *id).await?;
        }
    }
    let by_person = decisions.iter().map(|(in_doubt, decision)| (in_doubt.seq, *decision)).collect();
    let mut taken = settling::decide(taken, open.tenant, organization.as_deref(), by_person).await?;
    for (in_doubt, decision) in &decisions {
        done.settled(&in_doubt.address, *decision, DecidedBy::Person, None);
    }
    if !taken.in_doubt.is_empty() {
        let settled = settling::by_machine(open, &connection, taken).await?;
        taken = settled.taken;
        for (address, decision) in &settled.decided {
            done.settled(address, *decision, DecidedBy::Machine, None);
        }
    }
    connection.close().await;
    Ok(taken)
}

/// A conversation that a person names must exist, be free, and belong to the requester of the manifest.
async fn check(connection: &Connection, taken: &Taken, in_doubt: &InDoubt, id: Id) -> Result<(), Error> {
    let refused = |message: String| Err(Error::new(Exit::Refused, message).hint("nothing was decided"));
    if let Some(owner) = taken.state.owner_of(id) {
        return refused(format!("{} {id:#} is managed as {owner} already", id.noun()));
    }
    // It was made by an earlier call than the one in doubt.
    let older = taken.state.records.iter().find(|(_, record)| record.replaced.contains(&id));
    if let Some((owner, record)) = older {
        return refused(format!("conversation {id:#} was made for {owner}, and replaced by {:#}", record.id));
    }
    let Id::Conversation(conversation) = id else {
        return settling::exists(connection, id).await;
    };
    let requester = settling::requester_of(connection, conversation).await?;
    match (&in_doubt.intent.requester, requester) {
        (Some(wanted), Some(requester)) if !wanted.eq_ignore_ascii_case(&requester) => refused(format!(
            "conversation {id:#} belongs to requester {requester}, and {} to {wanted}",
            in_doubt.address
        )),
        _ => Ok(()),
    }
}

/// The decisions as they were typed, of which none contradicts another.
fn asked(args: &RecoverArgs) -> Result<Vec<(Address, Decision)>, Error> {
    let mut asked = Vec::new();
    for text in &args.adopt {
        let usage = || {
            Error::new(Exit::Usage, format!("`{text}` is not ADDRESS=ID"))
                .hint("for example --adopt conversation.a=1234")
        };
        let (name, id) = text.split_once('=').ok_or_else(usage)?;
        let address: Address = parsed(name)?;
        let id = match address.kind {
            Kind::EndUser => uuid::Uuid::try_parse(id).ok().map(|id| EndUserId(id).into()),
            Kind::Conversation | Kind::Import => {
                id.trim_start_matches('#').parse::<i64>().ok().filter(|id| *id > 0).map(Id::conversation)
            }
        };
        asked.push((address, Decision::Adopt(id.ok_or_else(usage)?)));
    }
    for text in &args.create {
        asked.push((parsed(text)?, Decision::Create));
    }
    for text in &args.forget {
        asked.push((parsed(text)?, Decision::Forget));
    }
    match contradiction(&asked) {
        Some(message) => Err(Error::new(Exit::Usage, message).hint("nothing was decided")),
        None => Ok(asked),
    }
}

/// What can't all be so: two decisions about one address, or one conversation for two.
fn contradiction(asked: &[(Address, Decision)]) -> Option<String> {
    asked.iter().enumerate().find_map(|(index, (address, decision))| {
        let mut others = asked[..index].iter();
        if others.clone().any(|(other, _)| other == address) {
            return Some(format!("there is more than one decision about {address}"));
        }
        let Decision::Adopt(id) = decision else { return None };
        let (other, _) = others.find(|(_, other)| other == decision)?;
        Some(format!("{} {id:#} can't be both {other} and {address}", id.noun()))
    })
}

fn matched(asked: &[(Address, Decision)], in_doubt: &[InDoubt]) -> Result<Vec<(InDoubt, Decision)>, Error> {
    asked
        .iter()
        .map(|(address, decision)| {
            let found = in_doubt.iter().find(|in_doubt| in_doubt.address == *address);
            found.map(|found| (found.clone(), *decision)).ok_or_else(|| not_in_doubt(address))
        })
        .collect()
}

fn not_in_doubt(address: &Address) -> Error {
    Error::new(Exit::Failed, format!("{address} is not in doubt")).hint("`dixaform recover` lists what is")
}
