//! Taking an existing conversation under management: read it, record it, and say which attributes it lacks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::contract::{AttributeReading, CallError, ConversationReading, Write};
use crate::apply::carry_out::CarryOut;
use crate::apply::halt::Halt;
use crate::apply::run::Clock;
use crate::conversation::{AttributeValue, Attributes, Conversation, ConversationId};
use crate::journal::{Append, Entry};
use crate::plan::Change;
use crate::settings::LastApplied;
use crate::spec::Spec;
use crate::state::{Applied, Record};

/// Records the conversation and returns the attributes that have to be written.
pub(super) async fn adopt<A: Write, J: Append, C: Clock>(
    carry_out: &CarryOut<'_, '_, A, J, C>,
    change: &Change,
    id: ConversationId,
) -> Result<Attributes, Halt> {
    let call = format!("GET /v1/conversations/{id}");
    let wanted = &change.after.as_ref().expect("what adopts has a manifest").conversation();
    let reading = match carry_out.run.api.conversation(id).await {
        Ok(reading) => reading,
        Err(error @ CallError::Unauthorized { .. }) => return Err(Halt::Unauthorized { call, error }),
        Err(error) => return Err(Halt::Failed { call, error }),
    };
    if let Some(message) = cannot_adopt(&reading, wanted) {
        return Err(Halt::NotAdopted { call, message });
    }
    let different = different(&wanted.attributes, reading.attributes.as_ref());
    let digests = change.digests.expect("what adopts is recorded");
    let known = Conversation {
        content: wanted.content.clone(),
        attributes: if different.is_empty() { wanted.attributes.clone() } else { Attributes::new() },
    };
    let record = Record {
        id,
        content_digest: digests.content,
        attributes_digest: different.is_empty().then_some(digests.attributes),
        applied: match carry_out.run.last_applied {
            LastApplied::Full => Applied::Full(Spec::of(&known)),
            LastApplied::Digest => Applied::to_digests(&known, &carry_out.salt()),
        },
        source: change.source.clone(),
        applied_at: carry_out.now(),
        partial_errors: Vec::new(),
        replaced: Vec::new(),
    };
    carry_out.write(Entry::Adopted { address: change.address.clone(), record: Box::new(record) }).await?;
    Ok(different)
}

/// Why this is not the conversation that the manifest describes, as far as both sides can tell.
fn cannot_adopt(reading: &ConversationReading, wanted: &Conversation) -> Option<String> {
    if reading.anonymized {
        return Some(format!("conversation #{} is anonymized: its content is gone for good", reading.id));
    }
    let requester = wanted.requester_id()?;
    (!reading.requester_id.eq_ignore_ascii_case(requester)).then(|| {
        format!(
            "conversation #{} belongs to requester {}, and the manifest says {requester}",
            reading.id, reading.requester_id
        )
    })
}

/// Those attributes that the conversation has not already. One that is to be cleared and has no value is fine.
pub(super) fn different(wanted: &Attributes, present: Option<&BTreeMap<String, AttributeReading>>) -> Attributes {
    let has = |id: &str, value: &AttributeValue| {
        let present = present.and_then(|present| present.get(id)).map_or(&Value::Null, |reading| &reading.value);
        *present == value.to_value()
    };
    wanted.iter().filter(|(id, value)| !has(id, value)).map(|(id, value)| (id.clone(), value.clone())).collect()
}
