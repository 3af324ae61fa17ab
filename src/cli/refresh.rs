//! `plan --refresh`: reads the tenant, one GET per record in scope.

use futures_util::stream::{self, StreamExt as _};

use crate::api::contract::{CallError, ConversationReading, Read};
use crate::call::Call;
use crate::cli::connection::{self, Connection};
use crate::cli::error::{Error, ResultExt as _};
use crate::cli::session::OpenTenant;
use crate::conversation::{Address, ConversationId};
use crate::desired::Desired;
use crate::plan::{Observation, Observations, PlanOptions, Price};
use crate::render::number::{counted, duration};
use crate::state::State;

/// Reads in flight at once; the rate limit decides how fast they go.
const IN_FLIGHT_MAX: usize = 32;

/// Reads every conversation that a plan of this scope looks at.
///
/// # Errors
/// A read failed for another reason than that the conversation is gone.
pub fn observe(
    open: &OpenTenant<'_>,
    desired: &Desired,
    state: &State,
    options: &PlanOptions,
) -> Result<Observations, Error> {
    let wanted: Vec<(Address, ConversationId)> = desired
        .iter()
        .filter(|manifest| options.scope.covers(&manifest.address, Some(&manifest.labels)))
        .filter_map(|manifest| Some((manifest.address.clone(), state.records.get(&manifest.address)?.id)))
        .collect();
    if wanted.is_empty() {
        return Ok(Observations::new());
    }
    connection::options(open)?;
    let OpenTenant { session, tenant, .. } = open;
    let price = Price::new(wanted.len() as u64 + 1, tenant.rate_limit);
    session.output.note(&format!(
        "Reading {}: {}, about {}.\n",
        counted(wanted.len(), "conversation"),
        counted(wanted.len() + 1, "call"),
        duration(price.seconds)
    ));
    connection::runtime()?.block_on(async {
        let connection = Connection::open(open, desired).await?;
        let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.as_deref());
        connection.organization(known.or(tenant.organization_id.as_deref())).await?;
        let observations = read_all(&connection.client.reader(), wanted).await;
        connection.close().await;
        observations
    })
}

async fn read_all<A: Read>(api: &A, wanted: Vec<(Address, ConversationId)>) -> Result<Observations, Error> {
    let reads = wanted.into_iter().map(|(address, id)| async move { (address, id, api.conversation(id).await) });
    let mut reads = stream::iter(reads).buffer_unordered(IN_FLIGHT_MAX);
    let mut observations = Observations::new();
    while let Some((address, id, reading)) = reads.next().await {
        let observation = match reading {
            Ok(ConversationReading { anonymized: true, .. }) => Observation::Anonymized,
            Ok(ConversationReading { attributes, .. }) => {
                let attributes = attributes.unwrap_or_default();
                Observation::Present(attributes.into_iter().map(|(id, reading)| (id, reading.value)).collect())
            }
            Err(CallError::Rejected { status: 404, .. }) => Observation::NotFound,
            Err(error) => return Err(error).during(Call::Conversation(Some(id))),
        };
        observations.insert(address, observation);
    }
    Ok(observations)
}
