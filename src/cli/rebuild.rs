//! What a project has made before and the state does not know: found in the tenant, and recorded.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::apply::doubt::Lists;
use crate::apply::named_before::{Known, NamesError};
pub use crate::apply::rebuild::Wanted;
use crate::apply::rebuild::{Found, Looked, Rebuilding};
use crate::cli::clock::SystemClock;
use crate::cli::connection::{self, Connection};
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::ResultForm;
use crate::cli::load::{self, Tenants};
use crate::cli::lock_args::LockArgs;
use crate::cli::session::{OpenTenant, Session};
use crate::cli::settling::{self, HINT};
use crate::cli::state_access::{self, Older, Taken};
use crate::conversation::{Address, Kind};
use crate::desired::{Desired, Manifest};
use crate::journal::{Entry, Heard, InDoubt, REBUILD};
use crate::plan::{Action, Change, Plan, Target};
use crate::render::escape::escape;
use crate::render::number::{counted, counted_kinds, named};
use crate::render::state::{Changed, How, change_json};
use crate::state::{Record, State};

/// `dixaform state rebuild`; with `journal_lost`, a run has died of which nothing else is left.
pub fn run(
    session: &Session,
    paths: &[PathBuf],
    journal_lost: bool,
    lock: &LockArgs,
    forms: &Formats<ResultForm>,
) -> Result<Exit, Error> {
    let open = session.open()?;
    let (desired, findings) = load::manifests(session, paths, Tenants::new(session, Some(open.tenant), paths)?)?;
    load::check_for(session, &findings, "nothing was looked for")?;
    let mut taken = state_access::take_unchecked(&open, REBUILD, lock.lock_timeout, Older::Tolerated)?;
    taken.held.check_specs(&mut taken.state, |_| true)?;
    tell_if_part(session, !paths.is_empty());
    let known: BTreeSet<Address> = taken.state.records.keys().cloned().collect();
    let serial = taken.state.serial;
    connection::options(&open)?;
    let runtime = connection::runtime()?;
    let taken = runtime.block_on(async {
        let connection = Connection::open(&open, &desired).await?;
        let wanted = wanted(&desired, &open);
        let taken = if journal_lost {
            settle_unknown(&open, &connection, taken, &wanted).await?
        } else {
            record(&open, &connection, taken, &wanted).await?.0
        };
        connection.close().await;
        Ok::<_, Error>(taken)
    })?;
    runtime.shutdown_background();
    let is_new = |(address, _): &(&Address, &Record)| !known.contains(*address);
    let found =
        |(address, record): (&Address, &Record)| Changed { address: address.clone(), id: record.id, how: How::Found };
    let changes: Vec<Changed> = taken.state.records.iter().filter(is_new).map(found).collect();
    let told = match changes.len() {
        0 => "Nothing new was found.\n".to_owned(),
        _ => format!("{} recorded.\n", counted_kinds(changes.iter().map(|change| change.address.kind))),
    };
    let in_doubt: Vec<&Address> = taken.in_doubt.iter().map(|doubt| &doubt.address).collect();
    let path = open.shown_state();
    let whose = open.whose(&path, taken.state.serial);
    forms.write(&session.output, ResultForm::Text, |form, _| match form {
        ResultForm::Text => told.clone(),
        ResultForm::Json => change_json(&whose, taken.state.serial > serial, &changes, &in_doubt),
    })?;
    match taken.in_doubt.len() {
        0 => Ok(Exit::Done),
        count => {
            let message = format!("a person has to decide about {}", counted(count, "manifest"));
            Err(Error::new(Exit::InDoubt, message).hint(HINT).in_result())
        }
    }
}

/// Warns that only some manifests are looked for: a state that then exists is not looked at again.
pub fn tell_if_part(session: &Session, is_part: bool) {
    if is_part {
        session.output.note(
            "warning: only what these manifests describe is looked for; what others have created is created again when \
             they are applied\n hint: without PATH, all manifests of the project are looked for\n",
        );
    }
}

/// Whether an apply has to look for what was made before.
pub fn is_needed(taken: &Taken, plan: &Plan) -> bool {
    is_lost(&plan.tenant, &taken.state, &taken.in_doubt) && plan.changes.iter().any(|change| change.action.makes())
}

/// Whether there is no state here of a tenant that is elsewhere.
pub fn is_lost(tenant: &Target, state: &State, in_doubt: &[InDoubt]) -> bool {
    !tenant.is_embedded() && state.serial == 0 && state.records.is_empty() && in_doubt.is_empty()
}

/// What the manifests describe.
pub fn wanted<'m>(desired: &'m Desired, open: &OpenTenant<'_>) -> Vec<Wanted<'m>> {
    let markers = open.tenant.markers;
    let wanted = |manifest: &'m Manifest| Wanted {
        address: &manifest.address,
        moved_from: manifest.former(),
        spec: &manifest.spec,
        digests: manifest.digests,
        source: Some(&manifest.source),
        marked: manifest.facts.is_marked(markers),
        names: &manifest.names,
        ids: &manifest.ids,
        adopts: manifest.adopt,
    };
    desired.iter().map(wanted).collect()
}

/// What a saved plan makes or adopts.
pub fn wanted_by(plan: &Plan) -> Vec<Wanted<'_>> {
    let is_wanted = |change: &&Change| change.action.makes() || change.action == Action::Adopt;
    plan.changes.iter().filter(is_wanted).filter_map(wanted_for).collect()
}

fn wanted_for(change: &Change) -> Option<Wanted<'_>> {
    let Change { address, action, moved_from, id, after, digests, source, marked, names, ids, .. } = change;
    Some(Wanted {
        address,
        moved_from: moved_from.as_ref(),
        spec: after.as_ref()?,
        digests: (*digests)?,
        source: source.as_ref(),
        marked: *marked,
        names,
        ids,
        adopts: id.filter(|_| *action == Action::Adopt),
    })
}

/// Looks for what was made before, and records it; what only a person can say is in doubt then. What is in doubt
/// already is left alone. Gives back how many conversations were recorded.
///
/// # Errors
/// The tenant is another one, or can't be looked at as a whole: nothing is recorded then. The state can't be written.
pub async fn record(
    open: &OpenTenant<'_>,
    connection: &Connection,
    taken: Taken,
    wanted: &[Wanted<'_>],
) -> Result<(Taken, usize), Error> {
    look(open, connection, taken, wanted, None).await
}

/// The same where a run has died and its journal is lost: it may have begun to make whatever is missing. What is still
/// on its way arrives first, and what is not found then is settled as any call whose end is unknown.
async fn settle_unknown(
    open: &OpenTenant<'_>,
    connection: &Connection,
    taken: Taken,
    wanted: &[Wanted<'_>],
) -> Result<Taken, Error> {
    let at = SystemClock::timestamp();
    let pause = connection.patience.age_to_believe(Heard::Nothing, Lists::Unknown).unwrap_or_default();
    let seconds = pause.as_secs() + 1;
    open.session.output.note(&format!("What the run before has sent may still arrive in the next {seconds} s.\n"));
    tokio::time::sleep(pause).await;
    let (taken, _) = look(open, connection, taken, wanted, Some(&at)).await?;
    if taken.in_doubt.is_empty() {
        return Ok(taken);
    }
    Ok(settling::by_machine(open, connection, taken).await?.taken)
}

/// Looks; what is not found was perhaps begun until the time, if there is one.
async fn look(
    open: &OpenTenant<'_>,
    connection: &Connection,
    taken: Taken,
    wanted: &[Wanted<'_>],
    begun_until: Option<&str>,
) -> Result<(Taken, usize), Error> {
    let OpenTenant { session, tenant, .. } = open;
    let known = taken.state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    let expected = known.or_else(|| tenant.organization_id.clone());
    let organization = connection.organization(expected.as_deref()).await?.map(|found| found.id);
    let is_one_of =
        |address: &Address, wanted: &Wanted<'_>| address == wanted.address || Some(address) == wanted.moved_from;
    let is_in_doubt = |wanted: &Wanted<'_>| taken.in_doubt.iter().any(|doubt| is_one_of(&doubt.address, wanted));
    let is_looked_for = |wanted: &Wanted<'_>| wanted.is_missing_in(&taken.state) && !is_in_doubt(wanted);
    let rebuilding = Rebuilding {
        api: &connection.client.reader(),
        clock: &SystemClock,
        project: session.project.name.as_deref(),
        last_applied: tenant.last_applied,
        state: &taken.state,
    };
    let count = counted(wanted.iter().filter(|wanted| is_looked_for(wanted)).count(), "manifest");
    session.output.note(&format!("Looking in Dixa for what was made before from {count}.\n"));
    let listen = |Looked { at, of }| {
        if at % PROGRESS_EVERY == 0 {
            session.output.note(&format!("[{at}/{of}] requesters\n"));
        }
    };
    let is_end_user = |wanted: &Wanted<'_>| wanted.address.kind == Kind::EndUser;
    let first = wanted.iter().filter(|wanted| is_end_user(wanted) && is_looked_for(wanted));
    let first: Vec<Wanted<'_>> = first.copied().collect();
    let mut found = rebuilding.look(&first, &listen).await.during(LOOKING)?;
    let mut asked = connection.asked.lock().await;
    let known = rebuilding.with_ids(wanted, &found, &mut asked).await.map_err(can_not_look)?;
    drop(asked);
    let others = wanted.iter().zip(&known).filter(|(wanted, _)| !is_end_user(wanted)).filter_map(|(wanted, known)| {
        let Known { spec, digests, ids } = known.as_ref()?;
        Some(Wanted { spec, digests: *digests, ids, ..*wanted })
    });
    let others: Vec<Wanted<'_>> = others.filter(is_looked_for).collect();
    found.extend(rebuilding.look(&others, &listen).await.during(LOOKING)?);
    let made = tell_made(session, &found);
    let seq = taken.calls.last_seq() + 1;
    let mut entries = rebuilding.entries(&found, seq);
    if let Some(at) = begun_until {
        let found: BTreeSet<&Address> = found.iter().map(|(wanted, _)| wanted.address).collect();
        let missing = first.iter().chain(&others).filter(|wanted| !found.contains(wanted.address));
        entries.extend(rebuilding.perhaps_begun(missing, at, seq + found.len() as u64));
    }
    if entries.is_empty() {
        return Ok((newest(taken)?, made));
    }
    for entry in &entries {
        if let Entry::InDoubt { message, .. } = entry {
            session.output.error(&format!("{}\n", escape(message)));
        }
    }
    Ok((settling::write(taken, tenant, organization.as_deref(), REBUILD, entries).await?, made))
}

/// Says what was found to be made; gives back how much that is.
fn tell_made(session: &Session, found: &[(Wanted<'_>, Found)]) -> usize {
    let made: Vec<_> = found.iter().filter(|(_, found)| matches!(found, Found::Made(_))).collect();
    if !made.is_empty() {
        let names = named(made.iter().map(|(wanted, _)| wanted.address), NAMED_MAX);
        let kinds = counted_kinds(made.iter().map(|(wanted, _)| wanted.address.kind));
        session.output.note(&format!("Found {kinds}, which will not be made again: {names}.\n"));
    }
    made.len()
}

/// What goes on while the tenant is read.
const LOOKING: &str = "looking for what was made before";

/// What has a name that stands for nothing may have been made when it stood for something.
fn can_not_look(error: NamesError) -> Error {
    let unknown = match error {
        NamesError::Call(call, error) => return Error::from(error).context(call).context(LOOKING),
        NamesError::Unknown(unknown) => unknown,
    };
    let messages: Vec<String> = unknown.iter().map(|unknown| unknown.message.clone()).collect();
    let message = format!("can't look for what was made before: {}", messages.join("; "));
    unknown.into_iter().take(1).fold(Error::new(Exit::Failed, message), |error, unknown| error.hint(unknown.hint))
}

/// Requesters between two lines of progress.
const PROGRESS_EVERY: usize = 50;

/// Addresses that are named; the rest is counted.
const NAMED_MAX: usize = 10;

/// A state that lacks nothing is the newest one from now on, whatever was seen here before.
fn newest(mut taken: Taken) -> Result<Taken, Error> {
    let lineage = taken.state.lineage;
    let is_other = taken.held.is_other(lineage, taken.state.serial);
    if let Some(newest) = taken.held.newest(lineage).filter(|newest| *newest > taken.state.serial || is_other) {
        taken.state.serial = newest + 1;
        taken.held.save(&taken.state)?;
        taken.held.note_saved(&taken.state);
    }
    Ok(taken)
}
