//! One record as JSON, and its parts that the journal writes in the same form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::conversation::{Address, ConversationId};
use crate::digest::Digest;
use crate::source::{Place, Source};
use crate::spec::{NotASpec, Spec};
use crate::state::file_v1::members::Members;
use crate::state::file_v1::without_place;
use crate::state::record::{Applied, Record, TenantIdentity};

/// What is wrong with one record although it has the right members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    #[error("its address is none: {0}")]
    Address(#[from] crate::conversation::NotAnAddress),
    #[error("its id {0} is not a positive number")]
    Id(i64),
    #[error("`{member}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Digest { member: &'static str },
    #[error("it needs either `spec`, or `salt` and `fields`")]
    Applied,
    #[error("`spec` is not a map")]
    Spec,
    #[error("`spec.customAttributes` holds what no attribute can be, at `{0}`")]
    Attribute(String),
    #[error("the digest of field `{0}` is not 16 lower-case hexadecimal digits")]
    Field(String),
}

/// A record with its address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordV1<'a> {
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    id: i64,
    #[serde(borrow)]
    digest: DigestsV1<'a>,
    spec: Option<SpecV1>,
    salt: Option<String>,
    fields: Option<Fields>,
    source: Option<SourceV1>,
    applied_at: String,
    #[serde(default)]
    partial_errors: Vec<String>,
    #[serde(default)]
    replaced: Vec<i64>,
}

impl RecordV1<'_> {
    /// # Errors
    /// An address, id, digest or spec that can't be one.
    pub fn resolve(self) -> Result<(Address, Record), RecordProblem> {
        let address = self.address.parse()?;
        let record = Record {
            id: conversation_id(self.id)?,
            content_digest: digest(&self.digest.content, "digest.content")?,
            attributes_digest: match &self.digest.attributes {
                Some(text) => Some(digest(text, "digest.attributes")?),
                None => None,
            },
            applied: applied(self.spec, self.salt, self.fields)?,
            source: self.source.map(Source::from),
            applied_at: self.applied_at,
            partial_errors: self.partial_errors,
            replaced: self.replaced.into_iter().map(conversation_id).collect::<Result<_, _>>()?,
        };
        Ok((address, record))
    }
}

/// A spec; what is wrong with it is a [`RecordProblem`].
pub struct SpecV1(Result<Spec, RecordProblem>);

impl<'de> Deserialize<'de> for SpecV1 {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text: Arc<str> = Arc::from(<&RawValue>::deserialize(source)?.get());
        match Spec::within(&text, 0..text.len()) {
            Err(NotASpec::NotJson(error)) => Err(D::Error::custom(without_place(&error))),
            Err(NotASpec::NotAMap) => Ok(SpecV1(Err(RecordProblem::Spec))),
            Err(NotASpec::Attribute(at)) => Ok(SpecV1(Err(RecordProblem::Attribute(at)))),
            Ok(spec) => Ok(SpecV1(Ok(spec))),
        }
    }
}

/// The digests of a record or of an intent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestsV1<'a> {
    #[serde(borrow)]
    pub content: Cow<'a, str>,
    /// Null when the attributes were never written.
    #[serde(borrow)]
    pub attributes: Option<Cow<'a, str>>,
}

/// Where a manifest stood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceV1 {
    file: String,
    line: u32,
    column: u32,
}

impl From<SourceV1> for Source {
    fn from(SourceV1 { file, line, column }: SourceV1) -> Self {
        Source { file: Arc::from(file), place: Place { line, column } }
    }
}

/// A tenant's identity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantV1 {
    base_url: String,
    organization_id: Option<String>,
}

impl From<TenantV1> for TenantIdentity {
    fn from(TenantV1 { base_url, organization_id }: TenantV1) -> Self {
        TenantIdentity { base_url, organization_id }
    }
}

/// Salted digests by JSON pointer. Unlike serde's own maps, it refuses a pointer that stands there twice.
pub struct Fields(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a map from JSON pointers to digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((pointer, digest)) = source.next_entry::<String, String>()? {
                    if fields.contains_key(&pointer) {
                        return Err(A::Error::custom(format!("duplicate member `{pointer}`")));
                    }
                    fields.insert(pointer, digest);
                }
                Ok(Fields(fields))
            }
        }
        source.deserialize_map(FieldsVisitor)
    }
}

/// # Errors
/// The id is not positive.
pub fn conversation_id(id: i64) -> Result<ConversationId, RecordProblem> {
    if id > 0 { Ok(ConversationId(id)) } else { Err(RecordProblem::Id(id)) }
}

/// # Errors
/// The text is not a digest; `member` names where it stands.
pub fn digest(text: &str, member: &'static str) -> Result<Digest, RecordProblem> {
    text.parse().map_err(|_| RecordProblem::Digest { member })
}

/// The spec last applied, from the members that can hold it.
///
/// # Errors
/// Neither or both forms are there, or the one that is there can't be one.
pub fn applied(spec: Option<SpecV1>, salt: Option<String>, fields: Option<Fields>) -> Result<Applied, RecordProblem> {
    match (spec, salt, fields) {
        (Some(SpecV1(spec)), None, None) => spec.map(Applied::Full),
        (None, Some(salt), Some(Fields(fields))) => {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let odd = fields.iter().find(|(_, digest)| digest.len() != 16 || !digest.bytes().all(is_digit));
            match odd {
                Some((pointer, _)) => Err(RecordProblem::Field(pointer.clone())),
                None => Ok(Applied::Digests { salt, fields }),
            }
        }
        _ => Err(RecordProblem::Applied),
    }
}

/// Appends a record with its address, as one JSON object.
pub fn write_record(address: &Address, record: &Record, out: &mut String) {
    let Record { id, content_digest, attributes_digest, applied, source, applied_at, partial_errors, replaced } =
        record;
    let mut members = Members::begin(out);
    members.text("address", &address.to_string());
    members.plain("id", id);
    write_digests(*content_digest, *attributes_digest, &mut members);
    write_applied(applied, &mut members);
    write_source(source.as_ref(), &mut members);
    members.text("appliedAt", applied_at);
    members.texts_if("partialErrors", partial_errors);
    members.numbers_if("replaced", replaced);
    members.end();
}

/// The member `digest`.
pub fn write_digests(content: Digest, attributes: Option<Digest>, members: &mut Members<'_>) {
    members.object("digest", |digests| {
        digests.text("content", &content.to_string());
        match attributes {
            Some(attributes) => digests.text("attributes", &attributes.to_string()),
            None => digests.plain("attributes", "null"),
        }
    });
}

/// The member `spec`, or the members `salt` and `fields`.
pub fn write_applied(applied: &Applied, members: &mut Members<'_>) {
    match applied {
        Applied::Full(spec) => members.name("spec").push_str(spec.json()),
        Applied::Digests { salt, fields } => {
            members.text("salt", salt);
            members.object("fields", |members| {
                for (pointer, digest) in fields {
                    members.text(pointer, digest);
                }
            });
        }
    }
}

/// The member `source`, left out when there is none.
pub fn write_source(source: Option<&Source>, members: &mut Members<'_>) {
    if let Some(Source { file, place }) = source {
        members.object("source", |members| {
            members.text("file", file);
            members.plain("line", place.line);
            members.plain("column", place.column);
        });
    }
}

/// The member `tenant`.
pub fn write_tenant(tenant: &TenantIdentity, members: &mut Members<'_>) {
    let TenantIdentity { base_url, organization_id } = tenant;
    members.object("tenant", |members| {
        members.text("baseUrl", base_url);
        members.text_if("organizationId", organization_id.as_deref());
    });
}
