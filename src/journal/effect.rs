//! What a call that succeeded makes of a record.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::conversation::{CUSTOM_ATTRIBUTES, Conversation, Id};
use crate::digest::Digest;
use crate::journal::entry::Intent;
use crate::spec::Spec;
use crate::state::{Applied, Record};

/// The record of a conversation that was made. Its attributes are still to be written, unless there are none.
///
/// `before` is the record that the address had until now: its conversations go on in `replaced`, so that no id is lost.
/// `number` is how many came before it.
pub fn made(
    intent: &Intent,
    id: Id,
    partial_errors: &[String],
    at: &str,
    (before, number): (Option<&Record>, u32),
) -> Record {
    let no_attributes = Digest::of_map(&Map::new());
    let mut replaced: Vec<Id> = Vec::new();
    for old in before.into_iter().flat_map(Record::ids).chain(intent.replaced) {
        if old != id && !replaced.contains(&old) {
            replaced.push(old);
        }
    }
    Record {
        id,
        content_digest: intent.digests.content,
        attributes_digest: (intent.digests.attributes == no_attributes).then_some(no_attributes),
        applied: without_attributes(&intent.applied),
        source: intent.source.clone(),
        made_of: None,
        marker: intent.marker.clone(),
        number,
        made_at: Some(intent.at.clone()),
        applied_at: at.to_owned(),
        partial_errors: partial_errors.to_vec(),
        replaced,
        doubles: Vec::new(),
    }
}

/// The record after its attributes were written. Its content is what it was: a PATCH does not touch that.
pub fn patched(record: &Record, intent: &Intent, at: &str) -> Record {
    Record {
        attributes_digest: Some(intent.digests.attributes),
        applied: with_attributes(&record.applied, &intent.applied),
        source: intent.source.clone(),
        made_of: None,
        applied_at: at.to_owned(),
        ..record.clone()
    }
}

/// The record after members of an end user were set. Its attributes are what they were.
pub fn changed(record: &Record, intent: &Intent, at: &str) -> Record {
    Record {
        content_digest: intent.digests.content,
        applied: with_attributes(&intent.applied, &record.applied),
        source: intent.source.clone(),
        made_of: None,
        applied_at: at.to_owned(),
        ..record.clone()
    }
}

/// The record after a change of members whose end is not known. What may be either is not in it, so that the next plan
/// sets it.
pub fn perhaps_changed(record: &Record, intent: &Intent) -> Record {
    let (content_digest, applied) = match (&record.applied, &intent.applied) {
        (Applied::Full(old), Applied::Full(new)) => {
            let mut both = old.conversation();
            let new = new.content();
            both.content.retain(|name, value| new.get(name) == Some(value));
            (both.digests().content, Applied::Full(Spec::of(&both)))
        }
        (old, new) => {
            let fields = |applied: &Applied, salt: &str| match applied {
                Applied::Full(spec) => fields_of(&spec.conversation(), salt),
                Applied::Digests { fields, .. } => fields.clone(),
            };
            let salt = match (old, new) {
                (Applied::Digests { salt, .. }, _) | (_, Applied::Digests { salt, .. }) => salt.clone(),
                _ => String::new(),
            };
            let new = fields(new, &salt);
            let mut both = fields(old, &salt);
            both.retain(|pointer, digest| is_attribute(pointer) || new.get(pointer) == Some(digest));
            // That of no content at all, and so of no manifest whose members are known.
            (Digest::of_bytes(b"unknown"), Applied::Digests { salt, fields: both })
        }
    };
    Record { content_digest, applied, made_of: None, ..record.clone() }
}

/// The content of `wanted` as [`Intent::applied`] of a change of members holds it; see [`attributes_kept`].
pub fn content_kept(before: &Applied, wanted: &Spec, new_salt: Option<&str>) -> Applied {
    let content = wanted.without_attributes();
    match (before, new_salt) {
        (Applied::Digests { salt, .. }, _) => Applied::to_digests(&content.conversation(), salt),
        (Applied::Full(_), Some(salt)) => Applied::to_digests(&content.conversation(), salt),
        (Applied::Full(_), None) => Applied::Full(content),
    }
}

/// The record after a PATCH whose end is not known. Its attributes count as not written, so that the next plan writes
/// all of them; those that the PATCH may have set are among them, so that they are cleared when they leave the
/// manifest.
pub fn perhaps_patched(record: &Record, intent: &Intent) -> Record {
    let applied = match (&record.applied, &intent.applied) {
        (Applied::Full(old), Applied::Full(new)) => {
            let mut both = old.conversation();
            both.attributes.extend(new.conversation().attributes);
            Applied::Full(Spec::of(&both))
        }
        (Applied::Digests { salt, fields }, Applied::Digests { salt: other, fields: new }) if salt == other => {
            let mut fields = fields.clone();
            fields.extend(new.clone());
            Applied::Digests { salt: salt.clone(), fields }
        }
        (Applied::Full(old), Applied::Digests { salt, fields: new }) => {
            let mut fields = fields_of(&old.conversation(), salt);
            fields.extend(new.clone());
            Applied::Digests { salt: salt.clone(), fields }
        }
        (old, new) => with_attributes(old, new),
    };
    Record { attributes_digest: None, applied, made_of: None, ..record.clone() }
}

/// All attributes of `wanted` as [`Intent::applied`] of a PATCH holds them: as values or as digests, whichever the
/// record has. `new_salt` is given under `lastApplied: digest` and turns values into digests; digests keep the salt
/// they have, since those of the content can't be salted again.
pub fn attributes_kept(before: &Applied, wanted: &Spec, new_salt: Option<&str>) -> Applied {
    let only = wanted.only_attributes();
    match (before, new_salt) {
        (Applied::Digests { salt, fields: _ }, _) => digests_of(&only.conversation(), salt),
        (Applied::Full(_), Some(salt)) => digests_of(&only.conversation(), salt),
        (Applied::Full(_), None) => Applied::Full(only),
    }
}

fn digests_of(only_attributes: &Conversation, salt: &str) -> Applied {
    let fields = fields_of(only_attributes, salt).into_iter().filter(|(pointer, _)| is_attribute(pointer)).collect();
    Applied::Digests { salt: salt.to_owned(), fields }
}

fn without_attributes(applied: &Applied) -> Applied {
    match applied {
        Applied::Full(spec) => Applied::Full(spec.without_attributes()),
        Applied::Digests { salt, fields } => Applied::Digests { salt: salt.clone(), fields: content_fields(fields) },
    }
}

fn with_attributes(before: &Applied, written: &Applied) -> Applied {
    match (before, written) {
        (Applied::Full(old), Applied::Full(new)) => Applied::Full(old.with_attributes_of(new)),
        (Applied::Full(old), Applied::Digests { salt, fields }) => {
            joined(salt, &fields_of(&old.without_attributes().conversation(), salt), fields)
        }
        (Applied::Digests { salt, fields }, Applied::Full(new)) => {
            joined(salt, fields, &fields_of(&new.conversation(), salt))
        }
        (Applied::Digests { salt: old_salt, fields: old }, Applied::Digests { salt, fields }) => {
            // Digests with two salts can't be mixed. The attributes are the newer knowledge; without the rest, a plan
            // only has less to show of what the content was.
            let none = BTreeMap::new();
            joined(salt, if old_salt == salt { old } else { &none }, fields)
        }
    }
}

fn joined(salt: &str, content: &BTreeMap<String, String>, attributes: &BTreeMap<String, String>) -> Applied {
    let mut fields = content_fields(content);
    let attributes = attributes.iter().filter(|(pointer, _)| is_attribute(pointer));
    fields.extend(attributes.map(|(pointer, digest)| (pointer.clone(), digest.clone())));
    Applied::Digests { salt: salt.to_owned(), fields }
}

fn fields_of(conversation: &Conversation, salt: &str) -> BTreeMap<String, String> {
    match Applied::to_digests(conversation, salt) {
        Applied::Digests { salt: _, fields } => fields,
        Applied::Full(_) => BTreeMap::new(),
    }
}

fn content_fields(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let content = fields.iter().filter(|(pointer, _)| !is_attribute(pointer));
    content.map(|(pointer, digest)| (pointer.clone(), digest.clone())).collect()
}

/// Whether a JSON pointer leads into the attributes.
fn is_attribute(pointer: &str) -> bool {
    let below = pointer.strip_prefix('/').and_then(|rest| rest.strip_prefix(CUSTOM_ATTRIBUTES));
    below.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{AttributeValue, Attributes};

    fn conversation() -> Conversation {
        Conversation {
            content: Map::from_iter([("subject".to_owned(), "s".into())]),
            attributes: Attributes::from([("one".to_owned(), AttributeValue::Text("1".into()))]),
        }
    }

    fn intent(applied: Applied) -> Intent {
        Intent {
            digests: conversation().digests(),
            applied,
            source: None,
            requester: None,
            marker: None,
            known_before: Vec::new(),
            replaced: None,
            at: String::new(),
        }
    }

    #[test]
    fn made_and_patched_is_recorded_as_the_whole_was_wanted_with_values_and_with_digests() {
        for (whole, new_salt) in [
            (Applied::Full(Spec::of(&conversation())), None),
            (Applied::to_digests(&conversation(), "salt"), Some("another, which does not count")),
        ] {
            let record = made(&intent(whole.clone()), Id::conversation(1), &[], "", (None, 0));
            assert_eq!(record.attributes_digest, None);
            assert!(record.applied.attribute_values(&conversation().attributes).is_empty());
            let kept = attributes_kept(&record.applied, &Spec::of(&conversation()), new_salt);
            let record = patched(&record, &intent(kept), "");
            assert_eq!(record.applied, whole);
            assert_eq!(record.attributes_digest, Some(conversation().digests().attributes));
        }
    }

    #[test]
    fn a_record_with_values_loses_them_when_its_attributes_are_written_as_digests() {
        let record = made(&intent(Applied::Full(Spec::of(&conversation()))), Id::conversation(1), &[], "", (None, 0));
        let kept = attributes_kept(&record.applied, &Spec::of(&conversation()), Some("salt"));
        assert_eq!(patched(&record, &intent(kept), "").applied, Applied::to_digests(&conversation(), "salt"));
    }

    #[test]
    fn a_record_without_attributes_has_nothing_left_to_write() {
        let mut intent = intent(Applied::Full(Spec::of(&conversation())));
        intent.digests.attributes = Digest::of_map(&Map::new());
        let record = made(&intent, Id::conversation(1), &[], "", (None, 0));
        assert_eq!(record.attributes_digest, Some(intent.digests.attributes));
    }

    #[test]
    fn no_conversation_of_an_address_is_forgotten_when_another_is_made() {
        let mut older =
            made(&intent(Applied::Full(Spec::of(&conversation()))), Id::conversation(2), &[], "", (None, 0));
        older.replaced = vec![Id::conversation(1)];
        let mut intent = intent(Applied::Full(Spec::of(&conversation())));
        intent.replaced = Some(Id::conversation(2));
        let newer = made(&intent, Id::conversation(3), &[], "", (Some(&older), 1));
        assert_eq!(newer.replaced, [Id::conversation(1), Id::conversation(2)]);
        assert_eq!(made(&intent, Id::conversation(3), &[], "", (Some(&newer), 1)).replaced, newer.replaced);
    }
}
