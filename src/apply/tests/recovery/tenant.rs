//! The tenant of a rehearsal, the manifests that it gets, and what must be true of it in the end.

use std::collections::BTreeMap;

use super::*;
use crate::access::AuthScheme;
use crate::api::{CallError, HttpClient, HttpOptions, Read as _, Token};
use crate::end_user::{Key, Lookup};
use crate::sandbox::{Sandbox, SandboxOptions};
use serde_json::Value;

/// A sandbox and the client that speaks to it.
pub(in crate::apply::tests) struct Tenant {
    pub(in crate::apply::tests) sandbox: Sandbox,
    pub(in crate::apply::tests) client: HttpClient,
}

/// A tenant without a rate limit to speak of.
pub(in crate::apply::tests) async fn sandbox_with(options: SandboxOptions, timeout: Duration) -> Tenant {
    let sandbox = Sandbox::start(options).await.expect("a free port");
    let options = HttpOptions {
        base_url: sandbox.base_url(),
        token: Token::new("sandbox").expect("a token"),
        auth_scheme: AuthScheme::Bare,
        timeout,
        rate: RateLimit { requests_per_second: 100_000.0, burst: 10_000 },
        user_agent: "dixaform-tests".into(),
    };
    Tenant { client: HttpClient::new(options).expect("a client"), sandbox }
}

/// A requester that only one manifest of one rehearsal has, so that each conversation in the tenant is of one manifest.
fn requester(rehearsal: usize, number: usize) -> String {
    format!("00000000-0000-4000-8000-{rehearsal:06}{number:06}")
}

/// One manifest of the rehearsal, and what the tenant must have of it in the end: the TEXT of each conversation, in the
/// order in which they are made.
struct Part {
    address: &'static str,
    body: String,
    texts: &'static [Option<&'static str>],
    /// How the last of them is handled: its tags, with `%` for the number of the rehearsal, whether it is
    /// in the queue and assigned to the agent, and whether it is closed.
    handled: Option<(&'static [&'static str], bool, bool)>,
}

const QUEUE: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const AGENT: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";

const EMAIL_MEMBERS: &str = "emailIntegrationId: my-integration@email.dixa.io";
const MESSAGE: &str = "{_type: Inbound, content: {_type: Text, value: Hello}}";

fn parts() -> [Part; 10] {
    let import = "genericChannelName: genericapimessaging\n  direction: Inbound\n  createdAt: 2021-12-01T11:00:00Z";
    let imported = "{_type: InboundImport, createdAt: 2021-12-01T11:00:00Z, content: {_type: Text, value: Hi}}";
    let both = format!("{{{TEXT}: both, {SELECT}: [payment, card]}}");
    let widget = "widgetId: 9f73bff1-8fd4-49e6-b7ca-cf725eb74f65\n  browserInfo: {name: Safari}";
    let phone =
        "direction: Inbound\n  contactEndpointId: '+4512345678'\n  queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97";
    let part = |address, body, texts| Part { address, body, texts, handled: None };
    let all_four = format!("tags: [one-%]\n  queue: {QUEUE}\n  assignee: {AGENT}\n  state: Closed");
    [
        part(
            "conversation.email",
            format!("_type: Email\n  subject: a\n  {EMAIL_MEMBERS}\n  message: {MESSAGE}\n  customAttributes: {both}"),
            &[Some("both")],
        ),
        part(
            "conversation.form",
            format!("_type: ContactForm\n  subject: b\n  {EMAIL_MEMBERS}\n  message: {MESSAGE}"),
            &[None],
        ),
        Part {
            handled: Some((&["one-%"], true, true)),
            ..part("conversation.chat", format!("_type: Chat\n  {widget}\n  message: {MESSAGE}\n  {all_four}"), &[None])
        },
        part("conversation.callback", format!("_type: Callback\n  {phone}"), &[None]),
        part(
            "conversation.callback-noted",
            format!("_type: Callback\n  {phone}\n  customAttributes: {{{TEXT}: call}}"),
            &[Some("call")],
        ),
        part(
            "import.full",
            format!("{import}\n  messages: [{imported}]\n  customAttributes: {{{TEXT}: old}}"),
            &[Some("old")],
        ),
        part("import.empty", import.to_owned(), &[None]),
        part(
            NAMED,
            format!("{import}\n  messages: [{imported}]\n  customAttributes: {{{TEXT}: named}}"),
            &[Some("named")],
        ),
        Part {
            handled: Some((&["after", "kept"], false, true)),
            ..part(
                "conversation.changed",
                format!(
                    "_type: Email\n  subject: c\n  {EMAIL_MEMBERS}\n  message: {MESSAGE}\n  \
                     customAttributes: {{{TEXT}: after}}\n  tags: [after, kept]\n  state: Closed"
                ),
                &[Some("after")],
            )
        },
        part(
            "conversation.renewed",
            format!(
                "_type: Email\n  subject: new\n  {EMAIL_MEMBERS}\n  message: {MESSAGE}\n  customAttributes: {{{TEXT}: new}}"
            ),
            &[Some("old"), Some("new")],
        ),
    ]
}

/// How many conversations a rehearsal makes.
const CONVERSATIONS: i64 = 11;

/// The one whose requester is made in the same apply.
const NAMED: &str = "import.named";

/// An address that only the end user of one rehearsal has.
fn email(rehearsal: usize) -> String {
    format!("jane-{rehearsal}@example.com")
}

fn jane(rehearsal: usize) -> String {
    let spec = format!("{{displayName: Jane, email: {}, customAttributes: {{location: [denmark]}}}}", email(rehearsal));
    format!("---\napiVersion: dixaform/v1\nkind: EndUser\nmetadata: {{name: jane-{rehearsal}}}\nspec: {spec}\n")
}

fn manifest_of(rehearsal: usize, number: usize, part: &Part) -> String {
    let (kind, name) = part.address.split_once('.').expect("an address");
    let kind = if kind == "import" { "ConversationImport" } else { "Conversation" };
    let requester = match part.address {
        NAMED => format!("{{email: {}}}", email(rehearsal).to_uppercase()),
        _ => requester(rehearsal, number),
    };
    format!(
        "---\napiVersion: dixaform/v1\nkind: {kind}\nmetadata: {{name: {name}, annotations: {{dixaform/on-change: replace}}}}\n\
         spec:\n  requesterId: {requester}\n  {}\n",
        part.body.replace('%', &rehearsal.to_string())
    )
}

/// What one rehearsal applies.
pub(in crate::apply::tests) struct Script {
    rehearsal: usize,
    /// What was applied before it.
    pub(in crate::apply::tests) before: Desired,
    /// All manifests: a conversation of each kind and imports, one of which all is set that can be set afterwards, one
    /// whose attributes, tags and state differ from those before, and one whose content does.
    pub(in crate::apply::tests) all: Desired,
}

impl Script {
    /// Of a rehearsal with a number of its own in its tenant.
    pub(in crate::apply::tests) fn new(rehearsal: usize) -> Self {
        let manifest = |(number, part): (usize, &Part)| manifest_of(rehearsal, number, part);
        let conversations: String = parts().iter().enumerate().map(manifest).collect();
        let all = conversations + &jane(rehearsal);
        let mut parts = parts();
        for part in &mut parts {
            let body = part.body.replace("after", "before").replace("state: Closed", "state: Open");
            let body = body.replace("subject: new", "subject: old");
            part.body = body.replace(": new", ": old");
        }
        let was_there = |part: &Part| matches!(part.address, "conversation.changed" | "conversation.renewed");
        let before: String = parts.iter().enumerate().filter(|(_, part)| was_there(part)).map(manifest).collect();
        Script { rehearsal, before: desired(&before), all: desired(&all) }
    }
}

impl Tenant {
    /// Every manifest is there exactly once, with its attributes and no others; what was replaced is there beside what
    /// replaced it; the state knows all of them; and no journal is left.
    pub(in crate::apply::tests) async fn holds_each_once(&self, script: &Script, disk: &Disk, case: &str) {
        let reader = self.client.reader();
        let state = disk.state();
        assert!(!disk.has_journal(), "{case}: a journal is left");
        let mut marks = BTreeMap::new();
        let lookup = Lookup { key: Key::Email, value: email(script.rehearsal) };
        let janes = reader.end_users_by(&lookup).await.expect("it can be read");
        let [jane] = janes.as_slice() else { panic!("{case}: {} end users, lost or doubled", janes.len()) };
        let attributes = reader.end_user(jane.id).await.expect("it is there").attributes.expect("a map");
        let at: Vec<_> = attributes.values().map(|one| (one.identifier.as_str(), &one.value)).collect();
        assert_eq!(at, [("location", &Value::from(vec!["denmark"]))], "{case}: the attribute of the end user");
        assert_eq!(
            state.records[&address(&format!("enduser.jane-{}", script.rehearsal))].id,
            Id::from(jane.id),
            "{case}: the record of the end user"
        );
        for (number, part) in parts().iter().enumerate() {
            let case = format!("{case}: {}", part.address);
            let requester = match part.address {
                NAMED => jane.id.to_string(),
                _ => requester(script.rehearsal, number),
            };
            let there = reader.conversations_of(&requester).await.expect("it can be read");
            let ids: Vec<_> = there.iter().map(|reading| reading.id).collect();
            assert_eq!(ids.len(), part.texts.len(), "{case}: {} conversations, lost or doubled: {ids:?}", ids.len());
            for (id, text) in ids.iter().zip(part.texts) {
                let attributes = reader.conversation(*id).await.expect("it is there").attributes.expect("a map");
                let mut wanted = BTreeMap::new();
                wanted.extend(text.map(|text| (TEXT, Value::from(text))));
                if *text == Some("both") {
                    wanted.insert(SELECT, Value::Array(vec![Value::from("payment"), Value::from("card")]));
                }
                let found: BTreeMap<&str, Value> =
                    attributes.iter().map(|(id, reading)| (id.as_str(), reading.value.clone())).collect();
                assert_eq!(found, wanted, "{case}: the attributes of {id:#}");
                for message in reader.messages(*id).await.expect("it is there") {
                    let mark = message.external_id.expect("every first message is marked");
                    assert_eq!(marks.insert(mark, *id), None, "{case}: a mark is used twice");
                }
            }
            let record = state.records.get(&address(part.address)).unwrap_or_else(|| panic!("{case}: no record"));
            let (last, older) = ids.split_last().expect("at least one");
            if let Some(handled) = part.handled {
                self.is_handled(*last, handled, script.rehearsal, &case).await;
            }
            let older: Vec<Id> = older.iter().copied().map(Id::from).collect();
            assert_eq!((record.id, &record.replaced), (Id::from(*last), &older), "{case}: the record");
        }
        assert_eq!(state.records.len(), parts().len() + 1, "{case}: {:?}", state.records.keys());
    }

    /// It has these tags and no others, and is in the queue, assigned and closed as it is to be.
    async fn is_handled(
        &self,
        id: ConversationId,
        (tags, is_steered, is_closed): (&[&str], bool, bool),
        rehearsal: usize,
        case: &str,
    ) {
        let reader = self.client.reader();
        let there = reader.conversation(id).await.expect("it is there");
        let mut names: Vec<String> =
            reader.tags_of(id).await.expect("it is there").into_iter().map(|tag| tag.name).collect();
        names.sort();
        let wanted: Vec<String> = tags.iter().map(|name| name.replace('%', &rehearsal.to_string())).collect();
        assert_eq!(names, wanted, "{case}: the tags of {id:#}");
        let steered = is_steered.then_some((QUEUE, AGENT)).unzip();
        assert_eq!((there.queue_id.as_deref(), there.agent_id.as_deref()), steered, "{case}: {id:#}");
        assert_eq!(there.state.as_deref() == Some("Closed"), is_closed, "{case}: {id:#} is {:?}", there.state);
    }

    /// The number of conversations is the one that this number of rehearsals creates, for any requester.
    pub(in crate::apply::tests) async fn holds_nothing_else(&self, rehearsals: usize) {
        let made = CONVERSATIONS * i64::try_from(rehearsals).expect("not that many");
        let reader = self.client.reader();
        reader
            .conversation(ConversationId(1000 + made))
            .await
            .expect("ids are given one after the other, from 1001 on");
        let mut tags: Vec<String> =
            reader.tags().await.expect("it can be read").into_iter().map(|tag| tag.name).collect();
        tags.sort();
        assert!(tags.is_sorted_by(|one, next| one < next), "a tag is there twice: {tags:?}");
        let beyond = reader.conversation(ConversationId(1001 + made)).await;
        assert!(matches!(beyond, Err(CallError::Rejected { status: 404, .. })), "one too many: {beyond:?}");
    }
}
