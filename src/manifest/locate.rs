//! Finding the place in a manifest that a message of the API is about.
//!
//! Dixa's errors are one sentence each, and where they name something it is not said how. So what is named is looked
//! for: the id of a custom attribute, the path of a member, the name of a member, a value. If it is at exactly one
//! place, that is the place; if it is at several, none is taken, because a wrong place is worse than the whole
//! manifest.

use std::sync::Arc;

use crate::conversation::{Address, CUSTOM_ATTRIBUTES};
use crate::finding::Excerpt;
use crate::reporter::Reporter;
use crate::source::{Place, Source};
use crate::yaml::{self, Content, Entry, Format, Node, Span};

/// The shortest value, in bytes, that is looked for in a message. Shorter ones are words of the language.
const VALUE_MIN: usize = 8;

/// A message about one manifest of a file.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    pub address: &'q Address,
    /// The first character of its document.
    pub place: Place,
    /// What the API said.
    pub said: &'q str,
    /// The member of the spec that the call set, if it set nothing else.
    pub member: Option<&'static str>,
}

/// Where each message points, with the line; none where the manifest is not there any more.
pub fn locate(file: &Arc<str>, bytes: &[u8], questions: &[Question<'_>]) -> Vec<Option<(Source, Option<Excerpt>)>> {
    let Ok(text) = yaml::decode(file, bytes) else { return vec![None; questions.len()] };
    let mut reporter = Reporter::new(file, text);
    let documents = yaml::read(text, Format::of(file, text), &mut reporter);
    let lines: Vec<&str> = text.lines().collect();
    let answer = |question: &Question<'_>| {
        let document = documents.iter().find(|document| is_manifest(document, question))?;
        let (start, end) = meant(document, question).unwrap_or_else(|| document.opening());
        let line = lines.get((start.line as usize).checked_sub(1)?)?;
        Some((Source::new(file, start), Excerpt::of(line, start, end)))
    };
    questions.iter().map(answer).collect()
}

/// The file may have been edited since it was read.
fn is_manifest(document: &Node<'_>, question: &Question<'_>) -> bool {
    let member =
        |path: &[&str]| path.iter().try_fold(document, |node, name| Some(&node.get(name)?.value)).and_then(text);
    document.start == question.place
        && member(&["metadata", "name"]) == Some(question.address.name())
        && member(&["kind"]) == Some(question.address.kind.manifest_word())
}

fn text<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.content {
        Content::Text(text) => Some(text),
        _ => None,
    }
}

/// What a message names; none if it names nothing, or something that is at several places.
fn meant(document: &Node<'_>, Question { said, member, .. }: &Question<'_>) -> Option<Span> {
    let spec = &document.get("spec")?.value;
    let own = member.and_then(|member| spec.get(member));
    if let Some(Content::List(items)) = own.map(|entry| &entry.value.content)
        && let Some(item) = items.iter().find(|item| text(item) == Some(*said))
    {
        return Some(item.span());
    }
    let attributes = spec.get(CUSTOM_ATTRIBUTES);
    let entries = attributes.and_then(|entry| entry.value.entries()).unwrap_or_default();
    let lower = said.to_lowercase();
    let named = only(entries.iter().filter(|entry| lower.contains(&entry.key.to_lowercase())).map(Entry::key_span));
    let written = || match (own?.key.as_ref(), entries) {
        (CUSTOM_ATTRIBUTES, [one]) => Some(one.key_span()),
        _ => own.map(Entry::key_span),
    };
    named
        .or_else(|| at_path(spec, said))
        .or_else(|| by_name(spec, said))
        .or_else(|| by_value(spec, said))
        .or_else(|| by_thing(spec, said))
        .or_else(written)
}

/// The one and only.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The member that a path leads to: `message.content`, `messages[0].createdAt`, `/messages/0/createdAt`.
fn at_path(spec: &Node<'_>, said: &str) -> Option<Span> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.[]/$-".contains(letter);
    let paths = said.split(|letter| !is_part(letter)).filter(|word| word.contains(['.', '/', '[']));
    let spans = paths.filter_map(|path| {
        let mut steps = path.split(['.', '/', '[', ']']).filter(|step| !step.is_empty()).peekable();
        steps.next_if(|step| ["$", "body", "spec"].contains(step));
        steps.peek()?;
        follow(spec, steps)
    });
    only(spans)
}

fn follow<'s>(spec: &Node<'_>, steps: impl Iterator<Item = &'s str>) -> Option<Span> {
    let mut node = spec;
    let mut span = None;
    for step in steps {
        match &node.content {
            Content::Map(_) => {
                let entry = node.get(step)?;
                (node, span) = (&entry.value, Some(entry.key_span()));
            }
            Content::List(items) => {
                node = items.get(step.parse::<usize>().ok()?)?;
                span = Some(node.opening());
            }
            _ => return None,
        }
    }
    span
}

/// The member whose name is a word of the message, where that word is no word of the language: `requesterId`, `_type`,
/// or any in quotes.
fn by_name(spec: &Node<'_>, said: &str) -> Option<Span> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = said.split(|letter| !is_part(letter)).filter(|word| {
        let inner = word.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
        let begins = word.starts_with(|letter: char| letter.is_ascii_lowercase());
        let quoted = ["\"", "'", "`"].iter().any(|quote| said.contains(&format!("{quote}{word}{quote}")));
        word.starts_with('_') || begins && (inner || quoted)
    });
    let mut found = Vec::new();
    for name in names {
        walk(spec, &mut |entry| {
            if entry.key == name && !found.contains(&entry.key_span()) {
                found.push(entry.key_span());
            }
        });
    }
    only(found.into_iter())
}

/// The longest value that occurs in the message.
fn by_value(spec: &Node<'_>, said: &str) -> Option<Span> {
    let mut found: Vec<(usize, Span)> = Vec::new();
    values(spec, &mut |node, text| {
        if text.len() >= VALUE_MIN && said.contains(text) && !found.contains(&(text.len(), node.span())) {
            found.push((text.len(), node.span()));
        }
    });
    let longest = found.iter().map(|(length, _)| *length).max()?;
    only(found.into_iter().filter(|(length, _)| *length == longest)).map(|(_, span)| span)
}

/// The member that has what a message speaks of: `Requester does not exist`, `AddMessageError.EndUserNotFound`. Several
/// members that say the same have the same fault, and the first is as good as any.
fn by_thing(spec: &Node<'_>, said: &str) -> Option<Span> {
    const THINGS: [(&[&str], &[&str]); 4] = [
        (&["requester", "enduser"], &["requesterId"]),
        (&["agent"], &["agentId", "closedBy", "assignee"]),
        (&["queue"], &["queueId", "queue"]),
        (&["attachment"], &["attachments"]),
    ];
    let said: String = said.to_lowercase().split_whitespace().collect();
    let mut named = THINGS.iter().filter(|(words, _)| words.iter().any(|word| said.contains(word)));
    let (Some((_, members)), None) = (named.next(), named.next()) else { return None };
    let mut found: Vec<&Entry<'_>> = Vec::new();
    walk(spec, &mut |entry| {
        let is_empty = matches!(&entry.value.content, Content::List(items) if items.is_empty());
        if members.contains(&&*entry.key) && !is_empty {
            found.push(entry);
        }
    });
    let first = *found.first()?;
    let same = |other: &&Entry<'_>| text(&other.value).is_some() && text(&other.value) == text(&first.value);
    (found.len() == 1 || found.iter().all(same)).then(|| first.key_span())
}

/// Every member below a node.
fn walk<'n, 't>(node: &'n Node<'t>, see: &mut impl FnMut(&'n Entry<'t>)) {
    match &node.content {
        Content::Map(entries) => {
            for entry in entries {
                see(entry);
                walk(&entry.value, see);
            }
        }
        Content::List(items) => items.iter().for_each(|item| walk(item, see)),
        _ => {}
    }
}

/// Every text below a node.
fn values<'n>(node: &'n Node<'_>, see: &mut impl FnMut(&'n Node<'_>, &'n str)) {
    match &node.content {
        Content::Map(entries) => entries.iter().for_each(|entry| values(&entry.value, see)),
        Content::List(items) => items.iter().for_each(|item| values(item, see)),
        Content::Text(text) => see(node, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: dixaform/v1
kind: Conversation
metadata: {name: first}
spec: {requesterId: other}
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: order}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  subject: order
  messages:
    - createdAt: '2021-12-01T13:00:00.003Z'
      externalId: ours-0001
    - createdAt: '2021-12-01T14:00:00.003Z'
      content: {_type: Text, value: hello}
  customAttributes:
    2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: one
    e14708a6-eed9-495c-9d88-c72331e9e247: [two]
";

    fn asked(text: &str, name: &str, said: &str, is_patch: bool) -> Option<(Place, String)> {
        let address = Address::new(crate::conversation::Kind::Conversation, name).expect("a name");
        let member = is_patch.then_some(CUSTOM_ATTRIBUTES);
        let question = Question { address: &address, place: Place { line: 6, column: 1 }, said, member };
        let (source, excerpt) = locate(&Arc::from("a.yaml"), text.as_bytes(), &[question]).pop().flatten()?;
        let Excerpt { text, skipped, length } = excerpt?;
        let from = (source.place.column - 1 - skipped) as usize;
        Some((source.place, text.chars().skip(from).take(length as usize).collect()))
    }

    #[test]
    fn a_message_points_at_what_it_names() {
        let cases = [
            ("No definition with id 2F5515B6-7e98-4f4d-9010-bfd2a27d4f35", "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35"),
            ("Duplicate externalId: x", "externalId"),
            ("Invalid value at messages[1].content.value", "value"),
            ("error at '/messages/0/createdAt'", "createdAt"),
            ("Got null at .body.subject, expected a string", "subject"),
            ("the `subject` is too long", "subject"),
            ("End user 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b does not exist", "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b"),
        ];
        for (said, marked) in cases {
            assert_eq!(asked(FILE, "order", said, false).map(|(_, text)| text).as_deref(), Some(marked), "{said}");
        }
        let second = asked(FILE, "order", "Invalid value at messages[1].content.value", false);
        assert_eq!(second.map(|(place, _)| place.line), Some(17));
    }

    #[test]
    fn a_refusal_points_at_the_member_that_has_what_it_speaks_of() {
        let import = FILE.replace(
            "      externalId: ours-0001\n",
            "      agentId: a-1\n      attachments: []\n    - {agentId: a-1, attachments: [{url: x}]}\n",
        );
        for (said, line, marked) in [
            ("Requester does not exist", 11, "requesterId"),
            ("AddMessageError.EndUserNotFound", 11, "requesterId"),
            ("The end user could not be found", 11, "requesterId"),
            ("Agent does not exist", 15, "agentId"),
            ("AgentNotFound", 15, "agentId"),
            ("Could not download attachment", 17, "attachments"),
        ] {
            let found = asked(&import, "order", said, false).map(|(place, text)| (place.line, text));
            assert_eq!(found, Some((line, marked.to_owned())), "{said}");
        }
        let two = import.replace("{agentId: a-1,", "{agentId: a-2,");
        for (text, said) in [
            (&two, "Agent does not exist"),
            (&import, "The queue does not exist"),
            (&import, "Agent or requester does not exist"),
            (&import, "The requested resource could not be found"),
        ] {
            let (place, marked) = asked(text, "order", said, false).expect("the manifest is there");
            assert_eq!((place.line, marked.as_str()), (6, "apiVersion"), "{said}");
        }
    }

    #[test]
    fn what_is_named_at_several_places_or_not_at_all_points_at_the_manifest() {
        let messages = [
            "Decoding failure in request",
            "Invalid createdAt",
            "Invalid _type",
            "The subject is wrong, and so is the message",
            "no such thing: messages[7].content, https://example.com/a.b",
            "",
        ];
        for said in messages {
            let place = Place { line: 6, column: 1 };
            assert_eq!(asked(FILE, "order", said, false), Some((place, "apiVersion".to_owned())), "{said}");
        }
    }

    #[test]
    fn a_call_that_writes_attributes_points_at_them() {
        let said = "Invalid input for patching";
        assert_eq!(asked(FILE, "order", said, true).map(|(_, text)| text).as_deref(), Some("customAttributes"));
        let one = FILE.replace("    e14708a6-eed9-495c-9d88-c72331e9e247: [two]\n", "");
        assert_eq!(asked(&one, "order", said, true).map(|(place, _)| place.line), Some(19));
    }

    #[test]
    fn a_manifest_that_is_no_longer_there_is_not_pointed_at() {
        assert_eq!(asked(FILE, "other", "", false), None);
        assert_eq!(asked("\u{0}", "order", "", false), None);
        assert_eq!(asked(&format!("# moved\n{FILE}"), "order", "externalId", false), None);
    }
}
