//! A request body against the tables of [`crate::shape`]: every difference becomes a finding, and what fits a value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::end_user::{Key, Lookup};
use crate::finding::{closest, code};
use crate::instant::{self, Instant};
use crate::manifest::forms;
use crate::name::Name;
use crate::reporter::Reporter;
use crate::shape::{self, Form, Member, Shape, Tag, Thing, Union};
use crate::source::Place;
use crate::yaml::{Content, Entry, Node};

/// Checks the entries of a map against a union. `extra` names members that someone else checks.
///
/// Returns what was written, in its order, without the extra members; none when anything was wrong.
pub(super) fn check_union(
    union: &Union,
    node: &Node<'_>,
    extra: &[&str],
    reporter: &mut Reporter<'_>,
) -> Option<Map<String, Value>> {
    if node.entries().is_none() {
        wrong_type(node, &format!("{} is a map", union.what), reporter);
        return None;
    }
    let named = node.get("_type");
    let variant = match named {
        _ if union.tag == Tag::None => return check_members(&union.variants[0], None, node, extra, reporter),
        None if union.tag == Tag::Optional => &union.variants[0],
        None => {
            reporter
                .error(code::MISSING_TYPE, node.opening(), format!("{} needs a `_type`", union.what))
                .hint(format!("one of {}", words(union.variants.iter().map(|variant| variant.name))));
            return None;
        }
        Some(entry) => variant_named(union, entry, reporter)?,
    };
    let mut members = check_members(variant, Some(union), node, extra, reporter)?;
    if named.is_none() {
        // Every sample of the documentation carries it: https://docs.dixa.io/openapi/dixa-api/v1/conversations
        members.insert("_type".to_owned(), variant.name.into());
    }
    Some(members)
}

fn variant_named(union: &Union, entry: &Entry<'_>, reporter: &mut Reporter<'_>) -> Option<&'static Shape> {
    let Content::Text(name) = &entry.value.content else {
        wrong_type(&entry.value, "`_type` is a string", reporter);
        return None;
    };
    let names = || union.variants.iter().map(|variant| variant.name);
    let found = union.variant(name);
    if found.is_none() {
        let message = format!("`{name}` is not a `_type` of {}", union.what);
        let hint = match closest(name, names()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("one of {}", words(names())),
        };
        reporter.error(code::UNKNOWN_TYPE, entry.value.span(), message).hint(hint);
    }
    found
}

/// Checks all members, and goes on after a finding so that every one is reported.
fn check_members(
    shape: &Shape,
    union: Option<&Union>,
    node: &Node<'_>,
    extra: &[&str],
    reporter: &mut Reporter<'_>,
) -> Option<Map<String, Value>> {
    let entries = node.entries()?;
    let mut members = Map::with_capacity(entries.len() + 1);
    let mut complete = true;
    // By position in the shape.
    let mut written = 0_u64;
    let mut next = 0;
    for entry in entries {
        let key = &*entry.key;
        if extra.contains(&key) {
            continue;
        }
        if let Some((position, member)) = shape.position(key, next) {
            next = position + 1;
            written |= 1 << position;
            match check(&member.form, &entry.value, key, reporter) {
                Some(value) => drop(members.insert(member.name.to_owned(), value)),
                None => complete = false,
            }
        } else if union.is_some() && key == "_type" {
            members.insert("_type".to_owned(), shape.name.into());
        } else {
            unknown_member(shape, union, entry, extra, reporter);
            complete = false;
        }
    }
    let missing = |(position, member): &(usize, &Member)| member.required && written & 1 << position == 0;
    for (_, member) in shape.members.iter().enumerate().filter(missing) {
        missing_member(shape, union, member, node, reporter);
        complete = false;
    }
    complete.then_some(members)
}

fn missing_member(shape: &Shape, union: Option<&Union>, member: &Member, node: &Node<'_>, reporter: &mut Reporter<'_>) {
    reporter
        .error(code::MISSING_MEMBER, node.opening(), format!("{} needs `{}`", described(shape, union), member.name))
        .hint(format!("add `{}`: {}", member.name, lower_first(member.about)));
}

fn unknown_member(
    shape: &Shape,
    union: Option<&Union>,
    entry: &Entry<'_>,
    extra: &[&str],
    reporter: &mut Reporter<'_>,
) {
    if reporter.skips_one() {
        return;
    }
    let key = &*entry.key;
    let others: Vec<_> = union
        .iter()
        .flat_map(|union| union.variants)
        .filter(|other| other.member(key).is_some())
        .map(|other| other.name)
        .collect();
    if !others.is_empty() {
        let message = format!("`{key}` belongs to {}, not to {}", words(others), shape.name);
        reporter.error(code::MEMBER_OF_OTHER_TYPE, entry.key_span(), message).hint("remove it, or change `_type`");
        return;
    }
    let known = || {
        let own = shape.members.iter().map(|member| member.name);
        own.chain(union.map(|_| "_type")).chain(extra.iter().copied())
    };
    let hint = match closest(key, known()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known members: {}", words(known())),
    };
    let message = format!("unknown member `{key}` of {}", described(shape, union));
    reporter.error(code::UNKNOWN_MEMBER, entry.key_span(), message).hint(hint);
}

/// "an Email conversation", "an Outbound message", "a browserInfo".
fn described(shape: &Shape, union: Option<&Union>) -> String {
    let article = if shape.name.starts_with(['A', 'E', 'I', 'O', 'U', 'a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    match union.map(|union| union.what) {
        None if shape.name == "EndUser" => "an end user".to_owned(),
        Some("a conversation") => format!("{article} {} conversation", shape.name),
        Some(_) if shape.name == "GenericConversationImport" => "an import".to_owned(),
        Some(what) if what.contains("message") => format!("{article} {} message", shape.name),
        _ => format!("{article} {}", shape.name),
    }
}

/// Checks one value; none when it, or anything in it, is wrong.
pub(super) fn check(form: &Form, node: &Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> Option<Value> {
    match form {
        Form::Union(union) => check_union(union, node, &[], reporter).map(Value::Object),
        Form::Map(shape) => {
            if node.entries().is_none() {
                wrong_type(node, &format!("`{name}` is a map"), reporter);
                return None;
            }
            check_members(shape, None, node, &[], reporter).map(Value::Object)
        }
        Form::List(form) => {
            let Content::List(items) = &node.content else {
                no_list(node, &format!("`{name}` is a list"), reporter);
                return None;
            };
            every(items, |item| check(form, item, name, reporter))
        }
        Form::Set(form) => {
            let list = check(&Form::List(form), node, name, reporter)?;
            is_set(node, name, reporter).then_some(list)
        }
        Form::Free => {
            if node.entries().is_none() {
                wrong_type(node, &format!("`{name}` is a map"), reporter);
                return None;
            }
            free(node, reporter)
        }
        Form::Timestamp if matches!(&node.content, Content::Number(_, text) if Instant::of_count(text).is_some()) => {
            let Content::Number(_, text) = &node.content else { return None };
            let message = format!("`{name}` is a timestamp, and `{text}` is a number");
            reporter.error(code::BAD_TIMESTAMP, node.span(), message).hint(timestamp_hint(text));
            None
        }
        Form::Reference(thing) if node.entries().is_some() => check_name(*thing, node, name, reporter),
        _ => {
            let text = text(node, name, reporter)?;
            check_text(form, text, node, name, reporter).then(|| text.into())
        }
    }
}

/// Whether nothing occurs twice in a list of texts.
fn is_set(node: &Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> bool {
    let Content::List(items) = &node.content else { return true };
    let mut seen: HashMap<&str, Place> = HashMap::with_capacity(items.len());
    let mut is_set = true;
    for item in items {
        let Content::Text(text) = &item.content else { continue };
        if let Some(first) = seen.get(&**text).copied() {
            let first = reporter.source(first);
            reporter
                .error(code::DUPLICATE_ITEM, item.span(), format!("`{text}` occurs twice in `{name}`"))
                .hint("keep one of the two")
                .related(first, "first used here");
            is_set = false;
        } else {
            seen.insert(text, item.start);
        }
    }
    is_set
}

/// The list of what all items are, which are checked to the last, so that every finding is reported.
pub(super) fn every(items: &[Node<'_>], mut check: impl FnMut(&Node<'_>) -> Option<Value>) -> Option<Value> {
    let values: Vec<Value> = items.iter().filter_map(&mut check).collect();
    (values.len() == items.len()).then_some(Value::Array(values))
}

/// A string, or a finding that says why it is not one.
pub(super) fn text<'n>(node: &'n Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> Option<&'n str> {
    match &node.content {
        Content::Text(text) => {
            if let Some(rest) = reporter.cut_off(node.end) {
                let message = format!("`{name}` ends before `{rest}`, which YAML takes for a comment");
                reporter
                    .warning(code::CUT_BY_COMMENT, node.span(), message)
                    .hint(format!("quote it: \"{text} {rest}\"; a comment begins with a number sign and a blank"));
            }
            return Some(text);
        }
        Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) => {
            let message = format!("`{name}` is a string, and `{text}` is {}", node.what());
            reporter.error(code::QUOTE_IT, node.span(), message).hint(format!("quote it: \"{text}\""));
        }
        // Of nothing, the place is that of the colon before it.
        Content::Null => match reporter.cut_off(Place { column: node.end.column + 1, ..node.end }) {
            Some(rest) => {
                let message = format!("`{name}` is a string, and YAML takes `{rest}` for a comment");
                reporter.error(code::WRONG_TYPE, node.span(), message).hint(format!("quote it: \"{rest}\""));
            }
            None => wrong_type(node, &format!("`{name}` is a string"), reporter),
        },
        Content::List(_) | Content::Map(_) => wrong_type(node, &format!("`{name}` is a string"), reporter),
    }
    None
}

fn check_text(form: &Form, text: &str, node: &Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> bool {
    let fits = match form {
        Form::Text | Form::Language | Form::EmailAddress => !text.is_empty(),
        Form::Uuid | Form::Reference(_) => forms::is_uuid(text),
        Form::Timestamp => Instant::parse(text).is_some(),
        Form::Url => forms::is_url(text),
        Form::PhoneNumber => forms::is_phone_number(text),
        Form::Word(known) => known.contains(&text),
        Form::AnyText | Form::Map(_) | Form::Union(_) | Form::List(_) | Form::Set(_) | Form::Free => true,
    };
    if !fits {
        let (code, message, hint) = misfit(form, text, name);
        reporter.error(code, node.span(), message).hint(hint);
    } else if let Some((code, message, hint)) = undocumented(form, text, name) {
        reporter.warning(code, node.span(), message).hint(hint);
    }
    fits
}

/// The same for a string that Dixa may take, and does not document.
fn undocumented(form: &Form, text: &str, name: &str) -> Option<(&'static str, String, String)> {
    match form {
        Form::Timestamp if !instant::is_as_documented(text) => {
            let message = "Dixa documents timestamps in UTC, with `Z` and at most milliseconds".to_owned();
            let utc = Instant::parse(text)?.to_milliseconds();
            Some((code::OTHER_TIMESTAMP, message, format!("write {utc}")))
        }
        Form::Language if !forms::is_language(text) => {
            let message = format!("`{name}` is not a two-letter language; Dixa decides whether it takes `{text}`");
            let hint = "two lower-case letters as in ISO 639-1, for example en".to_owned();
            Some((code::BAD_LANGUAGE, message, hint))
        }
        Form::EmailAddress if !forms::is_email_address(text) => {
            let message = format!("`{text}` is not an e-mail address");
            let hint = format!("`{name}` holds addresses, for example jane@example.com, not ids");
            Some((code::NOT_AN_ADDRESS, message, hint))
        }
        Form::Word(known) if *known == shape::CONTENT_TYPES && text == "Markdown" => {
            let message = "Dixa documents Markdown for replies in WhatsApp only".to_owned();
            Some((code::MARKDOWN, message, "write it as Text or Html".to_owned()))
        }
        _ => None,
    }
}

/// Code, message and hint for a string that does not fit its form.
fn misfit(form: &Form, text: &str, name: &str) -> (&'static str, String, String) {
    let (code, what, hint) = match form {
        Form::Word(known) => {
            let hint = match closest(text, known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("one of {}", words(known.iter().copied())),
            };
            return (code::UNKNOWN_WORD, format!("`{text}` is not a value of `{name}`"), hint);
        }
        Form::Reference(thing) => (code::BAD_UUID, "not a uuid", name_hint(*thing)),
        Form::Uuid => {
            (code::BAD_UUID, "not a uuid", "32 hexadecimal digits in groups of 8-4-4-4-12, as Dixa shows them")
        }
        Form::Timestamp => {
            let message = format!("`{name}` is not a timestamp");
            return (code::BAD_TIMESTAMP, message, timestamp_hint(text));
        }
        Form::Url => {
            (code::BAD_URL, "not an absolute URL", "it begins with https:// or http:// and a host, without blanks")
        }
        Form::PhoneNumber => (
            code::BAD_PHONE_NUMBER,
            "not a phone number in E.164",
            "a plus sign, the country and the number, for example \"+4512345678\"",
        ),
        Form::Text
        | Form::Language
        | Form::EmailAddress
        | Form::AnyText
        | Form::Map(_)
        | Form::Union(_)
        | Form::List(_)
        | Form::Set(_)
        | Form::Free => (code::EMPTY_VALUE, "empty", "give it a value, or remove it"),
    };
    (code, format!("`{name}` is {what}"), hint.to_owned())
}

/// The timestamp that a text stands for, if it is one in another form.
fn timestamp_hint(text: &str) -> String {
    let text = text.trim();
    let without_zone_id = text.split('[').next().unwrap_or(text);
    let with_t = without_zone_id.replacen(' ', "T", 1).replacen("T+", "+", 1);
    let compact_zone = |text: &str| {
        let (front, digits) = text.split_at_checked(text.len().checked_sub(2)?)?;
        Some(format!("{front}:{digits}"))
    };
    let forms = [Some(with_t.clone()), compact_zone(&with_t), Some(format!("{with_t}:00"))];
    let meant = Instant::of_count(text).or_else(|| forms.iter().flatten().find_map(|form| Instant::parse(form)));
    let in_utc =
        || [format!("{with_t}Z"), format!("{with_t}T00:00:00Z")].into_iter().find_map(|it| Instant::parse(&it));
    match (meant, in_utc()) {
        (Some(meant), _) => format!("write the timestamp that it stands for: {}", meant.to_milliseconds()),
        (None, Some(utc)) => format!("it needs a time and a zone; if it is UTC, write {}", utc.to_milliseconds()),
        (None, None) => "RFC 3339 with a zone, for example 2021-12-01T13:00:00.003Z".to_owned(),
    }
}

/// What to write in a member where something else is.
fn name_hint(thing: Thing) -> &'static str {
    match thing {
        Thing::EndUser => {
            "write the end user's id, or a name: `{endUser: NAME}`, `{email: …}`, `{phone: …}` or `{externalId: …}`"
        }
        Thing::Agent => "write the agent's id, or the address: `{email: mia@example.com}`",
        Thing::Queue => "write the queue's id, or its name: `{name: Support}`",
    }
}

/// Checks a map in the place of an id: it has one member, with a text that can be such a name.
fn check_name(thing: Thing, node: &Node<'_>, member: &str, reporter: &mut Reporter<'_>) -> Option<Value> {
    let [entry] = node.entries()? else {
        let message = format!("a name in `{member}` must be a map with one member");
        reporter.error(code::BAD_REFERENCE, node.opening(), message).hint(name_hint(thing));
        return None;
    };
    let known = || thing.keys().iter().map(|(key, _)| *key);
    if !known().any(|key| key == entry.key) {
        match closest(&entry.key, known()) {
            Some(key) => {
                let message = format!("unknown member `{}`: {} is named by {}", entry.key, thing.one(), words(known()));
                reporter.error(code::UNKNOWN_MEMBER, entry.key_span(), message).hint(format!("did you mean `{key}`?"));
            }
            None => {
                let message = format!("`{member}` must be an id or a name, but this is {}", node.what());
                reporter.error(code::WRONG_TYPE, node.span(), message).hint(name_hint(thing));
            }
        }
        return None;
    }
    let text = text(&entry.value, &entry.key, reporter)?;
    let problem = match thing.named(&entry.key, text) {
        _ if text.is_empty() => Some(format!("`{}` is empty", entry.key)),
        None => Some(format!("`{text}` can't be the name of a manifest")),
        Some(Name::EndUser(Lookup { key: Key::Phone, .. })) if !forms::is_phone_number(text) => {
            Some(format!("`{text}` is not a phone number in E.164"))
        }
        Some(Name::EndUser(Lookup { key: Key::Email, .. }) | Name::Agent(_)) if !forms::is_email_address(text) => {
            Some(format!("`{text}` is not an e-mail address"))
        }
        Some(_) => None,
    };
    if let Some(message) = problem {
        reporter.error(code::BAD_REFERENCE, entry.value.span(), message).hint(name_hint(thing));
        return None;
    }
    Some(Value::Object([(entry.key.to_string(), Value::from(text))].into_iter().collect()))
}

/// Anything that JSON can carry.
fn free(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Value> {
    match &node.content {
        Content::Null => Some(Value::Null),
        Content::Bool(value, _) => Some((*value).into()),
        Content::Number(number, _) => Some(Value::Number(number.clone())),
        Content::OddNumber(text) => {
            reporter
                .error(code::BAD_NUMBER, node.span(), format!("JSON can't carry the number `{text}`"))
                .hint(format!("quote it: \"{text}\""));
            None
        }
        Content::Text(text) => Some((**text).into()),
        Content::List(items) => every(items, |item| free(item, reporter)),
        Content::Map(entries) => {
            let value = |entry: &Entry<'_>| Some((entry.key.to_string(), free(&entry.value, reporter)?));
            let members: Map<String, Value> = entries.iter().filter_map(value).collect();
            (members.len() == entries.len()).then_some(Value::Object(members))
        }
    }
}

/// Reports that `wanted` ("`cc` is a list") and what is there instead.
pub(super) fn wrong_type(node: &Node<'_>, wanted: &str, reporter: &mut Reporter<'_>) {
    let hint = match &node.content {
        Content::Null => "give it a value, or remove it",
        _ => "see the documentation of the member for its form",
    };
    reporter.error(code::WRONG_TYPE, node.span(), format!("{wanted}, but this is {}", node.what())).hint(hint);
}

/// [`wrong_type`] where a list is wanted: what is there is perhaps the only item of it.
fn no_list(node: &Node<'_>, wanted: &str, reporter: &mut Reporter<'_>) {
    let hint = match &node.content {
        Content::Text(text) if is_plain(text) => format!("write [{text}]"),
        Content::Text(text) => format!("write [{}]", Value::from(&**text)),
        Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) => format!("write [\"{text}\"]"),
        Content::Map(_) => "write it as an item of a list: put `- ` before its first member".to_owned(),
        Content::Null | Content::List(_) => return wrong_type(node, wanted, reporter),
    };
    reporter.error(code::WRONG_TYPE, node.span(), format!("{wanted}, but this is {}", node.what())).hint(hint);
}

/// Whether a text is itself without quotes between brackets. Commas stay: they separate what was meant as several.
fn is_plain(text: &str) -> bool {
    text.starts_with(char::is_alphabetic) && text.chars().all(|sign| sign.is_alphanumeric() || "-_.@/, ".contains(sign))
}

/// "`a`, `b` or `c`".
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}

pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}
