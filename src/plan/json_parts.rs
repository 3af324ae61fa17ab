//! Parts that JSON formats are built of: what is a text there, what must be there though it can be null, and numbers as
//! they always were.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::conversation::Address;
use crate::digest::Digest;
use crate::state::Seal;
pub use crate::state::id_v1::IdV1;

/// Something that JSON has as a text: what it prints, and parses.
macro_rules! text {
    ($name:ident, $of:ty, $definition:literal, $pattern:literal) => {
        #[derive(Clone, Debug)]
        pub struct $name(pub $of);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
                target.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                String::deserialize(source)?.parse().map($name).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $definition.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

text!(AddressV1, Address, "address", r"^(enduser|conversation|import)\.[a-z0-9]([a-z0-9._-]*[a-z0-9])?$");
text!(DigestV1, Digest, "digest", "^sha256:[0-9a-f]{64}$");
text!(SealV1, Seal, "seal", "^crc32:[0-9a-f]{8}$");
text!(
    LineageV1,
    uuid::Uuid,
    "lineage",
    "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
);

/// For members that can be null and must be there.
pub(crate) fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(source)
}

/// A float with the digits that it always had in these formats: `2.5e-5`, not `0.000025`.
pub(crate) fn exact<S: Serializer>(number: &f64, target: S) -> Result<S::Ok, S::Error> {
    let digits = RawValue::from_string(format!("{number:?}")).map_err(serde::ser::Error::custom)?;
    digits.serialize(target)
}

impl From<&Address> for AddressV1 {
    fn from(address: &Address) -> Self {
        AddressV1(address.clone())
    }
}
