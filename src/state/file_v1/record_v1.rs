//! One record as JSON, and its parts that the journal has in the same form. Serde reads and writes these structs;
//! members are in the order of their declaration.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, json_schema};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::conversation::{Address, AttributeValue, Attributes, Id};
use crate::digest::Digest;
use crate::handling::{Openness, PutOn, TagName};
use crate::source::{MadeOf, Place, Source};
use crate::spec::{NotASpec, Spec};
use crate::state::file_v1::without_place;
use crate::state::id_v1::IdV1;
use crate::state::record::{Applied, Forgotten, Record, TenantIdentity};

/// What is wrong with one record although it has the right members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    #[error("invalid address: {0}")]
    Address(#[from] crate::conversation::NotAnAddress),
    #[error("`{0}` is not the id of a {1}")]
    Id(Id, &'static str),
    #[error("`{member}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Digest { member: &'static str },
    #[error("it needs either `spec`, or `salt` and `fields`")]
    Applied,
    #[error("`spec` is not a map")]
    Spec,
    #[error("`spec` has a {0}")]
    SpecJson(String),
    #[error("`spec.customAttributes` holds a value that an attribute can't have, at `{0}`")]
    Attribute(String),
    #[error("`spec.{0}` has an invalid value")]
    Handling(&'static str),
    #[error("a tag needs either `name` or `digest`")]
    Tag,
    #[error("the digest of field `{0}` is not 16 lower-case hexadecimal digits")]
    Field(String),
}

const DIGEST: &str = "^sha256:[0-9a-f]{64}$";

/// A record with its address.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "record", extend("oneOf" = [{ "required": ["spec"] }, { "required": ["salt", "fields"] }]))]
pub struct RecordV1<'a> {
    /// The stable name in the manifests
    #[serde(borrow)]
    #[schemars(extend("pattern" = r"^(enduser|conversation|import)\.[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"))]
    pub address: Cow<'a, str>,
    /// Dixa's id of the conversation
    id: IdV1,
    #[serde(borrow)]
    digest: DigestsV1<'a>,
    /// The spec last applied (lastApplied: full)
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "spec_schema")]
    spec: Option<&'a RawValue>,
    /// For the digests of fields (lastApplied: digest)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    salt: Option<Cow<'a, str>>,
    /// Salted digests by JSON pointer (lastApplied: digest)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fields_schema")]
    fields: Option<Fields<'a>>,
    /// The tags that dixaform has put on, or perhaps has; no others are ever taken off
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    put_on: Vec<PutOnV1<'a>>,
    /// Where the manifest was when it was last applied
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceV1<'a>>,
    /// The bytes of that file, so that it need not be parsed again
    #[serde(skip_serializing_if = "Option::is_none")]
    made_of: Option<MadeOfV1>,
    /// The externalId of its first message
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    marker: Option<Cow<'a, str>>,
    /// How many of this address came before it, if `replaced` does not name them all
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    number: Option<u32>,
    /// When dixaform made the conversation, if that is known
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    made_at: Option<Cow<'a, str>>,
    /// When dixaform made or last changed the conversation
    #[serde(borrow)]
    #[schemars(extend("format" = "date-time"))]
    applied_at: Cow<'a, str>,
    /// What Dixa could not do while making it
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Vec<String>")]
    partial_errors: Cow<'a, [String]>,
    /// The ids that names in its manifest stood for, by name (lastApplied: full) or by its salted digest
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, String>,
    /// What Dixa has made of attributes where that is another value than was written, by attribute: the value
    /// (lastApplied: full) or a salted digest of it
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    answered: AnsweredV1,
    /// Those that it took the place of, oldest first
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<IdV1>,
    /// Those that have its marker too
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doubles: Vec<IdV1>,
}

/// What a record that was dropped leaves behind.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "forgotten")]
pub struct ForgottenV1<'a> {
    #[serde(borrow)]
    #[schemars(extend("pattern" = r"^(enduser|conversation|import)\.[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"))]
    pub address: Cow<'a, str>,
    /// The conversations that stay in Dixa
    ids: Vec<IdV1>,
    /// How many of this address came before the last of them
    number: u32,
}

impl<'a> ForgottenV1<'a> {
    pub fn of(address: &Address, forgotten: &Forgotten) -> Self {
        let Forgotten { ids, number } = forgotten;
        ForgottenV1 { address: address.to_string().into(), ids: written(ids), number: *number }
    }

    /// # Errors
    /// An address or id that can't be one.
    pub fn resolve(self) -> Result<(Address, Forgotten), RecordProblem> {
        let address = self.address.parse()?;
        let ids = ids_of(&address, self.ids)?;
        Ok((address, Forgotten { ids, number: self.number }))
    }
}

fn written(ids: &[Id]) -> Vec<IdV1> {
    ids.iter().copied().map(IdV1).collect()
}

/// A number as large as a list is long.
fn count(ids: &[Id]) -> u32 {
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}

fn spec_schema(_: &mut schemars::SchemaGenerator) -> Schema {
    let value = json!({ "type": ["string", "null", "array"], "items": { "type": "string" } });
    let attributes = json!({ "type": "object", "additionalProperties": value });
    let tags = json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
    let state = json!({ "enum": Openness::WORDS });
    json_schema!({
        "type": "object",
        "properties": { "customAttributes": attributes, "tags": tags, "state": state },
    })
}

fn fields_schema(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": "string", "pattern": "^[0-9a-f]{16}$" } })
}

impl<'a> RecordV1<'a> {
    pub fn of(address: &Address, record: &'a Record) -> Self {
        let Record {
            id,
            content_digest,
            attributes_digest,
            handling_digest,
            put_on,
            applied,
            source,
            made_of,
            marker,
            number,
            made_at,
            applied_at,
            partial_errors,
            names,
            answered,
            replaced,
            doubles,
        } = record;
        let AppliedV1 { spec, salt, fields } = AppliedV1::of(applied);
        RecordV1 {
            address: address.to_string().into(),
            id: IdV1(*id),
            digest: DigestsV1::of(*content_digest, *attributes_digest, *handling_digest),
            spec,
            salt,
            fields,
            put_on: put_on.iter().map(PutOnV1::of).collect(),
            source: source.as_ref().map(SourceV1::of),
            made_of: made_of.map(MadeOfV1::of),
            marker: marker.as_ref().map(Cow::from),
            number: Some(*number).filter(|number| *number != count(replaced)),
            made_at: made_at.as_ref().map(Cow::from),
            applied_at: applied_at.into(),
            partial_errors: partial_errors.into(),
            names: names.clone(),
            answered: answers_written(answered),
            replaced: written(replaced),
            doubles: written(doubles),
        }
    }

    /// The record. Its spec is not [checked](check), and shares the memory of `text` if that is the text that the
    /// record was read from.
    ///
    /// # Errors
    /// An address, id, digest or spec that can't be one.
    pub fn resolve(self, text: &Arc<String>) -> Result<(Address, Record), RecordProblem> {
        let address = self.address.parse()?;
        let applied = AppliedV1 { spec: self.spec, salt: self.salt, fields: self.fields };
        let replaced = ids_of(&address, self.replaced)?;
        let record = Record {
            id: id_of(&address, self.id)?,
            content_digest: digest(&self.digest.content, "digest.content")?,
            attributes_digest: match &self.digest.attributes {
                Some(text) => Some(digest(text, "digest.attributes")?),
                None => None,
            },
            handling_digest: self.digest.handling()?,
            put_on: self.put_on.into_iter().map(PutOnV1::resolve).collect::<Result<_, _>>()?,
            applied: applied.resolve(text)?,
            source: self.source.map(Source::from),
            made_of: match self.made_of {
                Some(made_of) => made_of.resolve()?,
                None => None,
            },
            marker: self.marker.map(Cow::into_owned),
            number: self.number.unwrap_or(count(&replaced)),
            made_at: self.made_at.map(Cow::into_owned),
            applied_at: self.applied_at.into_owned(),
            partial_errors: self.partial_errors.into_owned(),
            names: self.names,
            answered: answers_read(self.answered),
            replaced,
            doubles: ids_of(&address, self.doubles)?,
        };
        Ok((address, record))
    }
}

/// What Dixa has made of attributes, by their ids.
pub type AnsweredV1 = BTreeMap<String, AnswerV1>;

/// The value of a Text, the path of a Select, or the digest of either.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(rename = "answer")]
pub enum AnswerV1 {
    Text(String),
    Path(Vec<String>),
}

pub fn answers_written(answered: &Attributes) -> AnsweredV1 {
    let written = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => Some(AnswerV1::Text(text.clone())),
        AttributeValue::Path(path) => Some(AnswerV1::Path(path.clone())),
        AttributeValue::Clear => None,
    };
    answered.iter().filter_map(|(id, value)| Some((id.clone(), written(value)?))).collect()
}

pub fn answers_read(answered: AnsweredV1) -> Attributes {
    let read = |answer| match answer {
        AnswerV1::Text(text) => AttributeValue::Text(text),
        AnswerV1::Path(path) => AttributeValue::Path(path),
    };
    answered.into_iter().map(|(id, answer)| (id, read(answer))).collect()
}

/// The members that hold the spec last applied: `spec`, or `salt` and `fields`.
pub struct AppliedV1<'a> {
    pub spec: Option<&'a RawValue>,
    pub salt: Option<Cow<'a, str>>,
    pub fields: Option<Fields<'a>>,
}

impl<'a> AppliedV1<'a> {
    pub fn of(applied: &'a Applied) -> Self {
        match applied {
            Applied::Full(spec) => {
                let spec = serde_json::from_str(spec.json()).expect("a spec is JSON");
                AppliedV1 { spec: Some(spec), salt: None, fields: None }
            }
            Applied::Digests { salt, fields } => {
                AppliedV1 { spec: None, salt: Some(salt.into()), fields: Some(Fields(Cow::Borrowed(fields))) }
            }
        }
    }

    /// See [`RecordV1::resolve`].
    ///
    /// # Errors
    /// Neither or both forms are there, or the one that is there can't be one.
    pub fn resolve(self, text: &Arc<String>) -> Result<Applied, RecordProblem> {
        match (self.spec, self.salt, self.fields) {
            (Some(spec), None, None) => Ok(Applied::Full(resolve_spec(spec, text))),
            (None, Some(salt), Some(Fields(fields))) => {
                let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let odd = fields.iter().find(|(_, digest)| digest.len() != 16 || !digest.bytes().all(is_digit));
                match odd {
                    Some((pointer, _)) => Err(RecordProblem::Field(pointer.clone())),
                    None => Ok(Applied::Digests { salt: salt.into_owned(), fields: fields.into_owned() }),
                }
            }
            _ => Err(RecordProblem::Applied),
        }
    }
}

fn resolve_spec(spec: &RawValue, text: &Arc<String>) -> Spec {
    let json = spec.get();
    let start = (json.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    match text.get(start..start.wrapping_add(json.len())) {
        // Many lines in one record would be many in the file.
        Some(part) if part == json && !json.contains('\n') => Spec::unchecked(text, start..start + json.len()),
        _ => Spec::unchecked(&Arc::new(json.to_owned()), 0..json.len()),
    }
}

/// Makes sure that a spec is one.
///
/// # Errors
/// It is not.
pub fn check(applied: &mut Applied) -> Result<(), RecordProblem> {
    if let Applied::Full(spec) = applied {
        *spec = spec.checked().map_err(|problem| match problem {
            NotASpec::NotJson(error) => RecordProblem::SpecJson(without_place(&error)),
            NotASpec::NotAMap => RecordProblem::Spec,
            NotASpec::Attribute(at) => RecordProblem::Attribute(at),
            NotASpec::Handling(member) => RecordProblem::Handling(member),
        })?;
    }
    Ok(())
}

/// The digests of a record or of an intent.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "digests")]
pub struct DigestsV1<'a> {
    /// Of the spec without custom attributes, as the conversation was made
    #[serde(borrow)]
    #[schemars(extend("pattern" = DIGEST))]
    pub content: Cow<'a, str>,
    /// Of the custom attributes; null if they were never written
    #[serde(borrow)]
    #[schemars(extend("pattern" = DIGEST))]
    pub attributes: Option<Cow<'a, str>>,
    /// Of tags, queue, assignee and state, as far as they were set; left out where none was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("pattern" = DIGEST))]
    handling: Option<Cow<'a, str>>,
}

impl DigestsV1<'_> {
    pub fn of(content: Digest, attributes: Option<Digest>, handling: Option<Digest>) -> Self {
        let written = |digest: Digest| Cow::from(digest.to_string());
        DigestsV1 { content: written(content), attributes: attributes.map(written), handling: handling.map(written) }
    }

    /// # Errors
    /// It is no digest.
    pub fn handling(&self) -> Result<Option<Digest>, RecordProblem> {
        self.handling.as_deref().map(|text| digest(text, "digest.handling")).transpose()
    }
}

/// A tag that dixaform has put on
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "putOn", extend("oneOf" = [{ "required": ["name"] }, { "required": ["digest"] }]))]
pub struct PutOnV1<'a> {
    /// Dixa's id of the tag
    #[schemars(length(min = 1))]
    id: Cow<'a, str>,
    /// Its name (lastApplied: full)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    name: Option<Cow<'a, str>>,
    /// A digest of its name, salted with its id (lastApplied: digest)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("pattern" = "^[0-9a-f]{16}$"))]
    digest: Option<Cow<'a, str>>,
}

impl<'a> PutOnV1<'a> {
    pub fn of(PutOn { id, name }: &'a PutOn) -> Self {
        let (name, digest) = match name {
            TagName::Kept(name) => (Some(name.into()), None),
            TagName::Digest(digest) => (None, Some(digest.into())),
        };
        PutOnV1 { id: id.into(), name, digest }
    }

    /// # Errors
    /// It has neither a name nor a digest, or both.
    pub fn resolve(self) -> Result<PutOn, RecordProblem> {
        let name = match (self.name, self.digest) {
            (Some(name), None) => TagName::Kept(name.into_owned()),
            (None, Some(digest)) => TagName::Digest(digest.into_owned()),
            _ => return Err(RecordProblem::Tag),
        };
        Ok(PutOn { id: self.id.into_owned(), name })
    }
}

/// Where a manifest was.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "source")]
pub struct SourceV1<'a> {
    file: Cow<'a, str>,
    #[schemars(range(min = 1))]
    line: u32,
    #[schemars(range(min = 1))]
    column: u32,
}

impl<'a> SourceV1<'a> {
    pub fn of(Source { file, place }: &'a Source) -> Self {
        SourceV1 { file: Cow::Borrowed(file), line: place.line, column: place.column }
    }
}

impl From<SourceV1<'_>> for Source {
    fn from(SourceV1 { file, line, column }: SourceV1<'_>) -> Self {
        Source { file: Arc::from(file), place: Place { line, column } }
    }
}

/// The bytes that a manifest was made of.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "madeOf")]
struct MadeOfV1 {
    /// Of the file's bytes
    #[schemars(extend("pattern" = DIGEST))]
    digest: String,
    /// How many manifests the file has
    #[schemars(range(min = 0))]
    manifests: u32,
    /// The version that read it: another one may find something in the same bytes
    dixaform: String,
}

/// This version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl MadeOfV1 {
    fn of(MadeOf { digest, manifests }: MadeOf) -> Self {
        MadeOfV1 { digest: digest.to_string(), manifests, dixaform: VERSION.to_owned() }
    }

    fn resolve(self) -> Result<Option<MadeOf>, RecordProblem> {
        let MadeOfV1 { digest, manifests, dixaform } = self;
        let made_of = MadeOf { digest: self::digest(&digest, "madeOf.digest")?, manifests };
        Ok(Some(made_of).filter(|_| dixaform == VERSION))
    }
}

/// A tenant's identity.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "tenant")]
pub struct TenantV1<'a> {
    #[schemars(length(min = 1))]
    base_url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Cow<'a, str>>,
}

impl<'a> TenantV1<'a> {
    pub fn of(TenantIdentity { base_url, organization_id }: &'a TenantIdentity) -> Self {
        TenantV1 { base_url: base_url.into(), organization_id: organization_id.as_ref().map(Cow::from) }
    }
}

impl From<TenantV1<'_>> for TenantIdentity {
    fn from(TenantV1 { base_url, organization_id }: TenantV1<'_>) -> Self {
        TenantIdentity { base_url: base_url.into_owned(), organization_id: organization_id.map(Cow::into_owned) }
    }
}

/// Salted digests by JSON pointer. Unlike serde's own maps, it refuses a pointer that is there twice.
#[derive(Serialize)]
pub struct Fields<'a>(Cow<'a, BTreeMap<String, String>>);

impl<'de> Deserialize<'de> for Fields<'_> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = BTreeMap<String, String>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a map from JSON pointers to digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((pointer, digest)) = source.next_entry::<String, String>()? {
                    if fields.contains_key(&pointer) {
                        return Err(A::Error::custom(format!("duplicate member `{pointer}`")));
                    }
                    fields.insert(pointer, digest);
                }
                Ok(fields)
            }
        }

        source.deserialize_map(FieldsVisitor).map(|fields| Fields(Cow::Owned(fields)))
    }
}

/// The id of what an address describes.
///
/// # Errors
/// It is that of something else.
fn id_of(address: &Address, IdV1(id): IdV1) -> Result<Id, RecordProblem> {
    if id.is_of(address.kind) { Ok(id) } else { Err(RecordProblem::Id(id, address.kind.noun())) }
}

/// The ids of what an address describes, and has described.
///
/// # Errors
/// One of them is of something else than what the address describes.
fn ids_of(address: &Address, ids: Vec<IdV1>) -> Result<Vec<Id>, RecordProblem> {
    ids.into_iter().map(|id| id_of(address, id)).collect()
}

/// # Errors
/// The text is not a digest; `member` names where it is.
pub fn digest(text: &str, member: &'static str) -> Result<Digest, RecordProblem> {
    text.parse().map_err(|_| RecordProblem::Digest { member })
}
