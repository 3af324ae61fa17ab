//! `--refresh`: reads the tenant, one GET per record in scope, and two for a conversation that is to be adopted: its
//! messages are compared, too, before it is taken. Tags are read only where there are some to know of.

use futures_util::stream::{self, StreamExt as _};

use crate::api::contract::{CallError, Read};
use crate::call::Call;
use crate::cli::connection::{self, Connection};
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::session::OpenTenant;
use crate::conversation::{Address, EndUserId, Id};
use crate::desired::{Desired, Manifest};
use crate::plan::{Described, Observation, Observations, PlanOptions, Price, moves};
use crate::render::escape::escape;
use crate::render::number::{counted, counted_kinds, duration};
use crate::state::{Record, State};

/// Reads in flight at once; the rate limit decides how fast they go.
const IN_FLIGHT_MAX: usize = 32;

/// Conversations that can't be read before it is the tenant that can't.
const UNREAD_MAX: usize = 20;

/// One conversation that is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    id: Id,
    manifest: &'a Manifest,
    /// None for one that is to be adopted.
    record: Option<&'a Record>,
}

/// Every conversation that a plan of this scope looks at.
pub fn wanted<'a>(desired: &'a Desired, state: &'a State, options: &PlanOptions) -> Vec<Wanted<'a>> {
    let wanted = |manifest: &'a Manifest| {
        let record = moves::record_of(manifest, state).map(|(_, record)| record);
        let id = record.map(|record| record.id).or(manifest.adopt)?;
        Some(Wanted { id, manifest, record })
    };
    let in_scope =
        |manifest: &&Manifest| options.scope.covers_named(moves::names(manifest, state), Some(&manifest.labels));
    desired.iter().filter(in_scope).filter_map(wanted).collect()
}

/// The calls that reading makes.
pub fn calls(wanted: &[Wanted<'_>]) -> usize {
    let has_messages = |one: &&Wanted<'_>| one.record.is_none() && matches!(one.id, Id::Conversation(_));
    let adopted = wanted.iter().filter(has_messages).count();
    let tagged = wanted.iter().filter(|one| one.has_tags()).count();
    if wanted.is_empty() { 0 } else { wanted.len() + adopted + tagged + 1 }
}

impl Wanted<'_> {
    /// Whether there is anything to know of its tags: the manifest has some, or dixaform has put some on.
    fn has_tags(&self) -> bool {
        let Some(record) = self.record else { return false };
        let is_handled = record.handling_digest.is_some() || self.manifest.digests.handling.is_some();
        !record.put_on.is_empty() || is_handled && !self.manifest.spec.handling().tags.is_empty()
    }
}

/// [`observe`] over a connection of its own.
///
/// # Errors
/// As [`observe`]; also no token.
pub fn observe_alone(
    open: &OpenTenant<'_>,
    desired: &Desired,
    state: &State,
    wanted: &[Wanted<'_>],
) -> Result<Observations, Error> {
    if wanted.is_empty() {
        return Ok(Observations::new());
    }
    connection::options(open)?;
    connection::runtime()?.block_on(async {
        let connection = Connection::open(open, desired).await?;
        let observations = observe(&connection, open, state, wanted).await;
        connection.close().await;
        observations
    })
}

/// Reads all of these, after saying what that costs. One that can't be read is warned about, and holds up no other.
///
/// # Errors
/// The tenant is another one, refuses the token, or can't be read.
pub async fn observe(
    connection: &Connection,
    open: &OpenTenant<'_>,
    state: &State,
    wanted: &[Wanted<'_>],
) -> Result<Observations, Error> {
    let OpenTenant { session, tenant, .. } = open;
    let price = Price::new(calls(wanted) as u64, tenant.rate_limit);
    session.output.note(&format!(
        "Reading {}: {}, about {}.\n",
        counted_kinds(wanted.iter().map(|one| one.manifest.address.kind)),
        counted(calls(wanted), "call"),
        duration(price.seconds)
    ));
    let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.as_deref());
    connection.organization(known.or(tenant.organization_id.as_deref())).await?;
    let (observations, unread) = read_all(&connection.client.reader(), wanted).await?;
    for (address, id, error) in unread {
        session.output.note(&format!(
            "warning: {address} ({id:#}) could not be read, and is planned as the state has it: {}\n",
            escape(&error.to_string())
        ));
    }
    Ok(observations)
}

type Unread = Vec<(Address, Id, CallError)>;

async fn read_all<A: Read>(api: &A, wanted: &[Wanted<'_>]) -> Result<(Observations, Unread), Error> {
    let reads = wanted.iter().map(|wanted| async move { (wanted, look(api, wanted).await) });
    let mut reads = stream::iter(reads).buffer_unordered(IN_FLIGHT_MAX);
    let (mut observations, mut unread) = (Observations::new(), Unread::new());
    while let Some((Wanted { id, manifest, .. }, seen)) = reads.next().await {
        let address = manifest.address.clone();
        match seen {
            Ok(observation) => drop(observations.insert(address, observation)),
            Err((_, error @ (CallError::ServerError { .. } | CallError::Lost { .. }))) if unread.len() < UNREAD_MAX => {
                unread.push((address, *id, error));
            }
            Err((call, error)) => return Err(error).during(call),
        }
    }
    Ok((observations, unread))
}

/// Reads one, and compares it with what its record keeps, or with the manifest that is to adopt it.
async fn look<A: Read>(api: &A, wanted: &Wanted<'_>) -> Result<Observation, (Call, CallError)> {
    let Wanted { id, manifest, record } = *wanted;
    let id = match id {
        Id::Conversation(id) => id,
        Id::EndUser(end_user) => return look_at_end_user(api, end_user).await,
    };
    let reading = match api.conversation(id).await {
        Ok(reading) => reading,
        Err(CallError::Rejected { status: 404, .. }) => return Ok(Observation::NotFound),
        Err(error) => return Err((Call::One(Id::from(id).into()), error)),
    };
    let kind = manifest.address.kind;
    let Some(record) = record else {
        let messages = match api.messages(id).await {
            Ok(messages) => Some(messages),
            Err(CallError::Rejected { status: 404, .. }) => None,
            Err(error) => return Err((Call::Messages(id), error)),
        };
        let described = Described::content(kind, manifest.spec.content());
        return Ok(Observation::of(reading, messages.as_deref(), &described));
    };
    let observation = Observation::of(reading, None, &Described::applied(kind, &record.applied));
    let Observation::Present(mut seen) = observation else { return Ok(observation) };
    if wanted.has_tags() {
        seen.handled.tags = match api.tags_of(id).await {
            Ok(tags) => Some(tags.into_iter().map(|tag| (tag.id, tag.name)).collect()),
            Err(CallError::Rejected { status: 404, .. }) => None,
            Err(error) => return Err((Call::TagsOf(Id::from(id).into()), error)),
        };
    }
    Ok(Observation::Present(seen))
}

async fn look_at_end_user<A: Read>(api: &A, id: EndUserId) -> Result<Observation, (Call, CallError)> {
    match api.end_user(id).await {
        Ok(reading) => Ok(reading.into()),
        Err(CallError::Rejected { status: 404, .. }) => Ok(Observation::NotFound),
        Err(error) => Err((Call::One(Id::from(id).into()), error)),
    }
}
