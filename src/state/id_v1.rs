//! An id of Dixa as JSON has it: the number of a conversation, or the uuid of an end user as a text.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::conversation::{ConversationId, EndUserId, Id};

/// See the top of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdV1(pub Id);

impl From<Id> for IdV1 {
    fn from(id: Id) -> Self {
        IdV1(id)
    }
}

impl Serialize for IdV1 {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Id::Conversation(ConversationId(number)) => target.serialize_i64(number),
            Id::EndUser(EndUserId(uuid)) => target.collect_str(&uuid),
        }
    }
}

impl<'de> Deserialize<'de> for IdV1 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = IdV1;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a positive number or a uuid")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<IdV1, E> {
                if number > 0 {
                    Ok(IdV1(Id::conversation(number)))
                } else {
                    Err(E::invalid_value(Unexpected::Signed(number), &self))
                }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<IdV1, E> {
                let number = i64::try_from(number);
                self.visit_i64(number.map_err(|_| E::custom("the id is too large"))?)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IdV1, E> {
                match Uuid::try_parse(text) {
                    Ok(uuid) => Ok(IdV1(EndUserId(uuid).into())),
                    Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }

        source.deserialize_any(IdVisitor)
    }
}

impl JsonSchema for IdV1 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 1, "format": "uuid" })
    }
}
