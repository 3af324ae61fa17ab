//! What a call that succeeded makes of a record.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::conversation::{Attributes, CUSTOM_ATTRIBUTES, Conversation, Id};
use crate::digest::Digest;
use crate::handling::{self, Handling, PutOn};
use crate::journal::entry::{CallKind, Intent};
use crate::spec::Spec;
use crate::state::record::member_of;
use crate::state::{Applied, Record};

/// The record of a conversation that was made. Its attributes are still to be written, unless there are none, and so is
/// what else is set afterwards.
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
        handling_digest: intent.digests.handling,
        put_on: Vec::new(),
        applied: without_attributes(&intent.applied),
        source: intent.source.clone(),
        made_of: None,
        marker: intent.marker.clone(),
        number,
        made_at: Some(intent.at.clone()),
        applied_at: at.to_owned(),
        partial_errors: partial_errors.to_vec(),
        names: intent.names.clone(),
        answered: Attributes::new(),
        replaced,
        doubles: Vec::new(),
    }
}

/// The record after a call that makes nothing; `answered` is that of its [`Entry::Succeeded`](super::Entry::Succeeded).
pub fn of(record: &Record, intent: &Intent, call: CallKind, answered: &Attributes, at: &str) -> Record {
    match call {
        CallKind::Change => changed(record, intent, at),
        call if call.handles().is_some() => handled(record, intent, call, at),
        _ => patched(record, intent, answered, at),
    }
}

/// The record after a call that makes nothing, and whose end is not known.
pub fn perhaps(record: &Record, intent: &Intent, call: CallKind) -> Record {
    match call {
        CallKind::Change => perhaps_changed(record, intent),
        call if call.handles().is_some() => perhaps_handled(record, intent, call),
        _ => perhaps_patched(record, intent),
    }
}

/// What was applied, without how the conversation is handled.
pub fn not_handled(applied: &Applied) -> Applied {
    with_part(applied, &handling_kept(applied, Handling::default(), None), Part::Handling)
}

/// The record after its attributes were written. Its content is what it was: a PATCH does not touch that.
fn patched(record: &Record, intent: &Intent, answered: &Attributes, at: &str) -> Record {
    let applied = with_part(&record.applied, &intent.applied, Part::Attributes);
    Record {
        attributes_digest: Some(intent.digests.attributes),
        put_on: named_as(&applied, record.put_on.clone()),
        names: intent.names.clone(),
        answered: answers_kept(answered, &intent.applied, &applied),
        source: intent.source.clone(),
        applied_at: at.to_owned(),
        ..with_applied(record, applied)
    }
}

/// What a record keeps of answers after attributes were written: of what was written now, what Dixa has `made` of it,
/// and of the others what it had, as long as they are wanted as they were written. In the form that `applied` has.
pub fn answered(
    record: &Record,
    applied: &Applied,
    wanted: &Attributes,
    (written, made): (&Attributes, &Attributes),
) -> Attributes {
    let known = record.applied.attribute_values(wanted);
    let stays = |id: &String| {
        let same = wanted.get(id).is_some_and(|value| known.get(id) == Some(&Some(value.to_value())));
        same && !written.contains_key(id)
    };
    let mut answered = answers_kept(&record.answered, &record.applied, applied);
    answered.retain(|id, _| stays(id));
    answered.extend(made.iter().map(|(id, value)| (id.clone(), applied.answer_kept(id, value))));
    answered
}

/// Answers in the form of one spec that was applied, in that of another one.
fn answers_kept(answered: &Attributes, from: &Applied, to: &Applied) -> Attributes {
    match (from, to) {
        (Applied::Full(_), to) => answered.iter().map(|(id, value)| (id.clone(), to.answer_kept(id, value))).collect(),
        (Applied::Digests { salt: old, .. }, Applied::Digests { salt, .. }) if old == salt => answered.clone(),
        // Digests can't be salted again.
        (Applied::Digests { .. }, _) => Attributes::new(),
    }
}

/// A record of which something else was applied. Nobody knows any more what its manifest was made of.
fn with_applied(record: &Record, applied: Applied) -> Record {
    let answered = answers_kept(&record.answered, &record.applied, &applied);
    Record { answered, applied, made_of: None, ..record.clone() }
}

/// The record after something was set of how the conversation is handled.
pub fn handled(record: &Record, intent: &Intent, call: CallKind, at: &str) -> Record {
    let mut put_on = record.put_on.clone();
    if let Some(tag) = &intent.tag {
        put_on.retain(|other| other.id != tag.id);
        put_on.extend((call == CallKind::PutTag).then(|| tag.clone()));
    }
    let applied = with_part(&record.applied, &intent.applied, Part::Handling);
    Record {
        handling_digest: intent.digests.handling,
        put_on: named_as(&applied, put_on),
        names: intent.names.clone(),
        source: intent.source.clone(),
        applied_at: at.to_owned(),
        ..with_applied(record, applied)
    }
}

/// The record after a call of which it is not known whether it has set something of how the conversation is handled.
/// What it is about counts as not set, so that the next plan sets it; a tag that is perhaps on it counts as put on.
fn perhaps_handled(record: &Record, intent: &Intent, call: CallKind) -> Record {
    let mut put_on = record.put_on.clone();
    let tag = intent.tag.as_ref().filter(|tag| call == CallKind::PutTag && put_on.iter().all(|on| on.id != tag.id));
    put_on.extend(tag.cloned());
    let Some(member) = call.handles().filter(|_| call != CallKind::TakeTag) else { return record.clone() };
    let moves = member == handling::QUEUE;
    let is_unknown = |name: &str| name == member || moves && name == handling::ASSIGNEE;
    let (handling_digest, applied) = match &record.applied {
        Applied::Full(spec) => {
            let unknown = handling::MEMBERS.into_iter().filter(|name| is_unknown(name));
            let known = unknown.fold(spec.handling(), Handling::without);
            (known.digest(), Applied::Full(spec.with_handling(known)))
        }
        Applied::Digests { salt, fields } => {
            let known = fields.iter().filter(|(pointer, _)| !is_unknown(member_of(pointer)));
            let fields = known.map(|(pointer, digest)| (pointer.clone(), digest.clone())).collect();
            // That of nothing that can be described.
            (Some(Digest::of_bytes(b"unknown")), Applied::Digests { salt: salt.clone(), fields })
        }
    };
    Record { handling_digest, put_on: named_as(&applied, put_on), ..with_applied(record, applied) }
}

/// Tags in their order; without their names where nothing else is kept but digests.
fn named_as(applied: &Applied, mut put_on: Vec<PutOn>) -> Vec<PutOn> {
    put_on.sort_by(|one, other| one.id.cmp(&other.id));
    match applied {
        Applied::Full(_) => put_on,
        Applied::Digests { .. } => put_on.into_iter().map(PutOn::without_name).collect(),
    }
}

/// How a conversation is handled as [`Intent::applied`] of a call that sets a part of it holds it; see
/// [`attributes_kept`].
pub fn handling_kept(before: &Applied, handling: Handling, new_salt: Option<&str>) -> Applied {
    let only = Spec::only_handling(handling);
    match (before, new_salt) {
        (Applied::Digests { salt, .. }, _) => Applied::to_digests(&only.conversation(), salt),
        (Applied::Full(_), Some(salt)) => Applied::to_digests(&only.conversation(), salt),
        (Applied::Full(_), None) => Applied::Full(only),
    }
}

/// The record after members of an end user were set. Its attributes are what they were.
pub fn changed(record: &Record, intent: &Intent, at: &str) -> Record {
    Record {
        content_digest: intent.digests.content,
        names: intent.names.clone(),
        source: intent.source.clone(),
        applied_at: at.to_owned(),
        ..with_applied(record, with_part(&intent.applied, &record.applied, Part::Attributes))
    }
}

/// The record after a change of members whose end is not known. What may be either is not in it, so that the next plan
/// sets it.
fn perhaps_changed(record: &Record, intent: &Intent) -> Record {
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
    Record { content_digest, names: intent.names.clone(), ..with_applied(record, applied) }
}

/// The content of `wanted` as [`Intent::applied`] of a change of members holds it; see [`attributes_kept`].
pub fn content_kept(before: &Applied, wanted: &Spec, new_salt: Option<&str>) -> Applied {
    let content = wanted.only_content();
    match (before, new_salt) {
        (Applied::Digests { salt, .. }, _) => Applied::to_digests(&content.conversation(), salt),
        (Applied::Full(_), Some(salt)) => Applied::to_digests(&content.conversation(), salt),
        (Applied::Full(_), None) => Applied::Full(content),
    }
}

/// The record after a PATCH whose end is not known. Its attributes count as not written, so that the next plan writes
/// all of them; those that the PATCH may have set are among them, so that they are cleared when they leave the
/// manifest.
fn perhaps_patched(record: &Record, intent: &Intent) -> Record {
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
        (old, new) => with_part(old, new, Part::Attributes),
    };
    let (answered, names) = (Attributes::new(), intent.names.clone());
    Record { attributes_digest: None, answered, names, ..with_applied(record, applied) }
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

/// A part of a spec that is set by calls of its own.
#[derive(Clone, Copy)]
enum Part {
    Attributes,
    Handling,
}

impl Part {
    /// Whether a JSON pointer leads into it.
    fn has(self, pointer: &str) -> bool {
        match self {
            Part::Attributes => is_attribute(pointer),
            Part::Handling => handling::MEMBERS.contains(&member_of(pointer)),
        }
    }
}

/// What was applied before, with a part as it was written now.
fn with_part(before: &Applied, written: &Applied, part: Part) -> Applied {
    match (before, written) {
        (Applied::Full(old), Applied::Full(new)) => Applied::Full(match part {
            Part::Attributes => old.with_attributes_of(new),
            Part::Handling => old.with_handling(new.handling()),
        }),
        (Applied::Full(old), Applied::Digests { salt, fields }) => {
            joined(salt, &fields_of(&old.conversation(), salt), fields, part)
        }
        (Applied::Digests { salt, fields }, Applied::Full(new)) => {
            joined(salt, fields, &fields_of(&new.conversation(), salt), part)
        }
        (Applied::Digests { salt: old_salt, fields: old }, Applied::Digests { salt, fields }) => {
            // Digests with two salts can't be mixed. The part is the newer knowledge; without the rest, a plan only has
            // less to show of what was there before.
            let none = BTreeMap::new();
            joined(salt, if old_salt == salt { old } else { &none }, fields, part)
        }
    }
}

fn joined(salt: &str, rest: &BTreeMap<String, String>, written: &BTreeMap<String, String>, part: Part) -> Applied {
    let rest = rest.iter().filter(|(pointer, _)| !part.has(pointer));
    let written = written.iter().filter(|(pointer, _)| part.has(pointer));
    let fields = rest.chain(written).map(|(pointer, digest)| (pointer.clone(), digest.clone())).collect();
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
    use crate::conversation::AttributeValue;
    use crate::handling::{Openness, Setting, TagName};
    use crate::name::{Ids, Name};

    fn conversation() -> Conversation {
        Conversation {
            content: Map::from_iter([("subject".to_owned(), "s".into())]),
            attributes: Attributes::from([("one".to_owned(), AttributeValue::Text("1".into()))]),
            handling: Handling::default(),
        }
    }

    fn intent(applied: Applied) -> Intent {
        Intent {
            digests: conversation().digests(),
            applied,
            tag: None,
            source: None,
            requester: None,
            marker: None,
            known_before: Vec::new(),
            names: BTreeMap::new(),
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
            let record = patched(&record, &intent(kept), &Attributes::new(), "");
            assert_eq!(record.applied, whole);
            assert_eq!(record.attributes_digest, Some(conversation().digests().attributes));
        }
    }

    #[test]
    fn a_record_with_values_loses_them_when_its_attributes_are_written_as_digests() {
        let record = made(&intent(Applied::Full(Spec::of(&conversation()))), Id::conversation(1), &[], "", (None, 0));
        let kept = attributes_kept(&record.applied, &Spec::of(&conversation()), Some("salt"));
        assert_eq!(
            patched(&record, &intent(kept), &Attributes::new(), "").applied,
            Applied::to_digests(&conversation(), "salt")
        );
    }

    #[test]
    fn an_answer_stays_as_long_as_what_was_written_does() {
        let text = |text: &str| AttributeValue::Text(text.into());
        let attributes = |one: &str| Attributes::from([("one".to_owned(), text(one)), ("two".to_owned(), text("b"))]);
        let wanted = |one: &str| Conversation { attributes: attributes(one), ..conversation() };
        let (none, made) = (Attributes::new(), |one: &str| Attributes::from([("one".to_owned(), text(one))]));
        for (whole, new_salt) in [
            (Applied::Full(Spec::of(&wanted("a"))), None),
            (Applied::to_digests(&wanted("a"), "salt"), Some("another, which does not count")),
        ] {
            let patch = |record: &Record, one: &str, written: &Attributes, made: &Attributes| {
                let intent = intent(attributes_kept(&record.applied, &Spec::of(&wanted(one)), new_salt));
                let answered = answered(record, &intent.applied, &attributes(one), (written, made));
                of(record, &intent, CallKind::Patch, &answered, "")
            };
            let first = made_of(whole);
            let first = patch(&first, "a", &attributes("a"), &made("A"));
            assert!(first.is_answered("one", &"A".into()) && first.answered.len() == 1);
            assert!(!first.is_answered("one", &"a".into()) && !first.is_answered("two", &"A".into()));
            assert_eq!(first.answered == made("A"), new_salt.is_none(), "a text is kept where texts are");

            // Another attribute is written, or nothing but how it is handled.
            let two = Attributes::from([("two".to_owned(), text("b"))]);
            assert_eq!(patch(&first, "a", &two, &none).answered, first.answered);
            let (call, closing) = handling_intent(&first, &Setting::State(Openness::Closed));
            assert_eq!(of(&first, &closing, call, &none, "").answered, first.answered);
            assert_eq!(perhaps(&first, &closing, call).answered, first.answered);

            // It is written again, is another one now, or was perhaps written.
            assert_eq!(patch(&first, "a", &made("a"), &none).answered, none);
            assert_eq!(patch(&first, "c", &two, &none).answered, none);
            assert!(patch(&first, "c", &made("c"), &made("C")).is_answered("one", &"C".into()));
            let intent = intent(attributes_kept(&first.applied, &Spec::of(&wanted("c")), new_salt));
            assert_eq!(perhaps(&first, &intent, CallKind::Patch).answered, none);
        }
    }

    #[test]
    fn an_answer_is_no_text_any_more_when_a_record_with_values_gets_digests() {
        let made = Attributes::from([("one".to_owned(), AttributeValue::Path(vec!["A".into()]))]);
        let record = Record { answered: made, ..made_of(Applied::Full(Spec::of(&conversation()))) };
        let closed = Handling { state: Some(Openness::Closed), ..Handling::default() };
        let intent = intent(handling_kept(&record.applied, closed, Some("salt")));
        let after = of(&record, &intent, CallKind::State, &Attributes::new(), "");
        assert!(after.is_answered("one", &vec!["A"].into()) && after.answered != record.answered);
    }

    #[test]
    fn what_names_stood_for_is_known_in_the_form_that_the_record_has_after_a_call_whose_end_is_not() {
        let name: Name = "agent:mia@example.com".parse().expect("a name");
        let ids = Ids::from([(name.clone(), "a-mia".to_owned())]);
        let whole = Applied::Full(Spec::of(&conversation()));
        let record = Record { names: whole.names_kept(&ids), ..made_of(whole) };
        for (call, kept) in [
            (CallKind::Patch, attributes_kept as fn(&Applied, &Spec, Option<&str>) -> Applied),
            (CallKind::Change, content_kept),
        ] {
            let mut intent = intent(kept(&record.applied, &Spec::of(&conversation()), Some("salt")));
            intent.names = intent.applied.names_kept(&ids);
            let after = perhaps(&record, &intent, call);
            assert!(matches!(after.applied, Applied::Digests { .. }));
            assert_eq!(after.id_of(&name), Some("a-mia"), "{call:?}");
            assert!(!after.names.contains_key("agent:mia@example.com"), "a person is in no state of digests");
        }
    }

    fn made_of(whole: Applied) -> Record {
        made(&intent(whole), Id::conversation(1), &[], "", (None, 0))
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

    /// The intent of a call of a conversation that is to have a tag and be closed, of which this is so afterwards.
    fn handling_intent(record: &Record, setting: &Setting) -> (CallKind, Intent) {
        let tags = ["vip".to_owned()].into();
        let wanted = Handling { tags, state: Some(Openness::Closed), ..Handling::default() };
        let after = record.applied.handled(&wanted).0.after(setting);
        let (call, tag) = match setting {
            Setting::PutTag(name) => (CallKind::PutTag, Some(PutOn::new("id-vip", name))),
            Setting::TakeTag(tag) => (CallKind::TakeTag, Some(tag.clone())),
            _ => (CallKind::State, None),
        };
        let mut intent = intent(handling_kept(&record.applied, after.clone(), None));
        (intent.tag, intent.digests.handling) = (tag, after.digest());
        (call, intent)
    }

    #[test]
    fn what_was_set_is_in_the_record_one_thing_after_the_other() {
        let (put, close) = (Setting::PutTag("vip".into()), Setting::State(Openness::Closed));
        for applied in [Applied::Full(Spec::of(&conversation())), Applied::to_digests(&conversation(), "salt")] {
            let is_full = matches!(applied, Applied::Full(_));
            let mut record = made(&intent(applied), Id::conversation(1), &[], "", (None, 0));
            assert_eq!(record.handling_digest, None);
            for setting in [&put, &close] {
                let (call, intent) = handling_intent(&record, setting);
                record = of(&record, &intent, call, &Attributes::new(), "");
            }
            let wanted = Handling::default().after(&put).after(&close);
            assert_eq!(record.handling_digest, wanted.digest());
            assert_eq!(record.applied.handled(&wanted), (wanted, Vec::new()));
            assert_eq!(record.put_on.iter().all(|tag| matches!(tag.name, TagName::Kept(_))), is_full);
            let (call, intent) = handling_intent(&record, &Setting::TakeTag(record.put_on[0].clone()));
            assert!(of(&record, &intent, call, &Attributes::new(), "").put_on.is_empty());
            assert_eq!(perhaps(&record, &intent, call), record, "what was perhaps taken off is taken off again");
        }
    }

    #[test]
    fn what_was_perhaps_set_counts_as_not_set_and_its_tag_as_put_on() {
        let wanted = Handling::default().after(&Setting::PutTag("vip".into()));
        for applied in [Applied::Full(Spec::of(&conversation())), Applied::to_digests(&conversation(), "salt")] {
            let record = made(&intent(applied), Id::conversation(1), &[], "", (None, 0));
            let (call, intent) = handling_intent(&record, &Setting::PutTag("vip".into()));
            let after = perhaps(&record, &intent, call);
            assert_ne!(after.handling_digest, wanted.digest());
            assert!(after.applied.handled(&wanted).0.is_empty());
            assert!(after.put_on[0].is_called("vip") && after.put_on.len() == 1);
            let again = perhaps(&after, &intent, call);
            assert_eq!(again.put_on, after.put_on, "a tag is there once");
        }
    }

    #[test]
    fn attributes_and_how_it_is_handled_do_not_touch_each_other() {
        for (whole, new_salt) in [
            (Applied::Full(Spec::of(&conversation())), None),
            (Applied::to_digests(&conversation(), "salt"), Some("x")),
        ] {
            let record = made(&intent(whole), Id::conversation(1), &[], "", (None, 0));
            let (call, closing) = handling_intent(&record, &Setting::State(Openness::Closed));
            let patch = intent(attributes_kept(&record.applied, &Spec::of(&conversation()), new_salt));
            let one = patched(&of(&record, &closing, call, &Attributes::new(), ""), &patch, &Attributes::new(), "");
            let other = of(&patched(&record, &patch, &Attributes::new(), ""), &closing, call, &Attributes::new(), "");
            assert_eq!(one, other);
            assert_eq!(one.attributes_digest, Some(conversation().digests().attributes));
        }
    }
}
