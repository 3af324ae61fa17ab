//! The whole way over HTTP: the real client against the embedded sandbox.

use crate::apply::names::Asked;
use std::time::Duration;

use super::*;
use crate::access::AuthScheme;
use crate::api::{HttpClient, HttpOptions, Read as _, Token};
use crate::apply::preflight::{self, Lacking, PreflightError};
use crate::sandbox::{Entity, KnownAttribute, KnownInput, Sandbox, SandboxOptions};
use serde_json::Value;

const IMPORT: &str = r"
---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: legacy}
spec:
  genericChannelName: genericapimessaging
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  messages:
    - {_type: InboundImport, createdAt: 2021-12-01T11:00:00Z, content: {_type: Text, value: Hi}}
";

const CALLBACK: &str = r"
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: call-me}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Outbound
  contactEndpointId: '+4512345678'
  queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97
";

/// A sandbox that knows the ids and the attributes of the tests and a telephone, and nothing else.
async fn sandbox() -> (Sandbox, HttpClient) {
    let attribute = |id: &str, input| KnownAttribute { id: id.to_owned(), entity: Entity::Conversation, input };
    let paths = vec![vec!["payment".to_owned(), "card".to_owned()]];
    let known = vec![attribute(TEXT, KnownInput::Text), attribute(SELECT, KnownInput::Select(paths))];
    let seed = Some(serde_json::json!({
        "endUsers": [{ "id": "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b" }],
        "agents": [{ "id": "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b" }],
        "queues": [{ "id": "cd87b232-64c8-4ad5-b81a-6f9233352d97" }],
        "emailIntegrations": ["my-integration@email.dixa.io"],
        "contactEndpoints": ["+4512345678"],
    }));
    let options = SandboxOptions { strict: true, seed, known_attributes: known, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.expect("a free port");
    let options = HttpOptions {
        base_url: sandbox.base_url(),
        token: Token::new("sandbox").expect("a token"),
        auth_scheme: AuthScheme::Bare,
        timeout: Duration::from_secs(10),
        rate: RateLimit { requests_per_second: 1_000.0, burst: 100 },
        user_agent: "dixaform-tests".into(),
    };
    (sandbox, HttpClient::new(options).expect("a client"))
}

/// Checks and applies, with a journal in memory, and keeps the state in the stage.
async fn apply_to(stage: &mut Stage, client: &HttpClient, manifests: &str) -> ApplyReport {
    let plan = stage.plan(manifests);
    preflight::check(&client.reader(), &plan, &mut Asked::default()).await.expect("the tenant is as the plan needs it");
    let (tags, _) = preflight::tags(&client.reader(), &plan).await.expect("the tenant is as the plan needs it");
    let opened = stage.opened();
    let mut kept = Replay::new(stage.state.clone());
    kept.add(&opened).expect("a run can begin");
    stage.journal.append(opened).await.expect("there is room");
    let kept = RefCell::new(kept);
    let job = job::Run {
        plan: &plan,
        api: &client.writer(),
        journal: &stage.journal,
        clock: &stage.clock,
        last_applied: stage.last_applied,
        project: None,
        patience: PATIENCE,
        sent_again: &BTreeSet::new(),
        tags: &tags,
    };
    let (_handle, mut stop) = stop_signal();
    let report = run(&job, &kept, &mut stop, &|_| {}).await;
    stage.state = kept.into_inner().finish().state;
    stage.state.serial += 1;
    report
}

fn number_of(stage: &Stage, name: &str) -> ConversationId {
    stage.record(name).id.as_conversation().expect("it is a conversation")
}

#[tokio::test]
async fn what_was_applied_is_in_the_tenant_and_planning_again_is_empty() {
    let (sandbox, client) = sandbox().await;
    let mut stage = Stage::new();
    let noted = format!("{}  customAttributes: {{{TEXT}: '1', {SELECT}: [payment, card]}}\n", email("a"));
    let manifests = noted + IMPORT + CALLBACK;
    let report = apply_to(&mut stage, &client, &manifests).await;
    assert!(report.is_complete(), "{report:#?}");
    assert_eq!((report.counts.created, report.counts.imported), (2, 1));
    assert!(stage.plan(&manifests).is_empty());

    let id = number_of(&stage, "conversation.a");
    let reading = client.reader().conversation(id).await.expect("it exists");
    assert_eq!(reading.requester_id.as_deref(), Some(REQUESTER));
    let attributes = reading.attributes.expect("a conversation lists them");
    assert_eq!(attributes[TEXT].value, Value::from("1"));
    assert_eq!(attributes[SELECT].value, Value::Array(vec![Value::from("payment"), Value::from("card")]));
    let messages = client.reader().messages(id).await.expect("it has messages");
    assert_eq!(messages[0].external_id.as_deref(), Some("mark-a"));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_attribute_that_left_the_manifest_is_gone_from_the_tenant() {
    let (sandbox, client) = sandbox().await;
    let mut stage = Stage::new();
    apply_to(&mut stage, &client, &noted("a", "'1'")).await;
    let report = apply_to(&mut stage, &client, &email("a")).await;
    assert_eq!((report.counts.updated, report.is_complete()), (1, true));
    let reading = client.reader().conversation(number_of(&stage, "conversation.a")).await.expect("it exists");
    assert!(reading.attributes.is_none_or(|attributes| !attributes.contains_key(TEXT)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_unknown_requester_is_found_before_the_first_write() {
    let (sandbox, client) = sandbox().await;
    let stage = Stage::new();
    let stranger = email("b").replace(REQUESTER, "00000000-1111-4222-8333-444444444444");
    let plan = stage.plan(&(email("a") + &stranger));
    let checked = preflight::check(&client.reader(), &plan, &mut Asked::default()).await;
    let Err(PreflightError::Lacking(Lacking { missing, .. })) = checked else { panic!("{checked:?}") };
    let needs: Vec<String> = missing.iter().map(|missing| missing.need.label()).collect();
    assert_eq!(needs, ["00000000-1111-4222-8333-444444444444"]);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_conversation_of_the_tenant_can_be_adopted() {
    let (sandbox, client) = sandbox().await;
    let mut stage = Stage::new();
    apply_to(&mut stage, &client, &noted("a", "'1'")).await;
    let id = number_of(&stage, "conversation.a");
    let mut other = Stage::new();
    let annotation = format!("annotations: {{dixaform/adopt: '{id}'}}");
    let manifests = noted("mine", "'1'").replace("annotations: {}", &annotation);
    let report = apply_to(&mut other, &client, &manifests).await;
    assert_eq!((report.counts.adopted, report.is_complete()), (1, true));
    assert!(other.plan(&manifests).is_empty());
    sandbox.shutdown().await;
}
