use super::*;

use std::time::Duration;

use crate::access::{AuthScheme, RateLimit};
use crate::api::contract::{CallError, Read as _, Write as _};
use crate::api::{HttpClient, HttpOptions, Token};
use crate::conversation::{Id, Kind};
use crate::json;
use crate::sandbox::{Call, Fault};

const REQUESTER: &str = "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b";

fn client(sandbox: &Sandbox, timeout: Duration) -> HttpClient {
    let options = HttpOptions {
        base_url: sandbox.base_url(),
        token: Token::new("any").expect("a token"),
        auth_scheme: AuthScheme::Bare,
        timeout,
        rate: RateLimit { requests_per_second: 1000.0, burst: 100 },
        user_agent: "dixaform/test".to_owned(),
    };
    HttpClient::new(options).expect("a client")
}

/// Every second creation meets a fault. The connection has been used before and is used again where it lives on, so
/// that nothing below the client may try a call a second time.
#[tokio::test]
async fn after_a_fault_the_client_says_surely_not_done_only_where_nothing_was_done() {
    let faults = Fault::ALL.into_iter().filter(|fault| fault.suits(Call::Create)).collect::<Vec<_>>();
    let items = faults.iter().enumerate().map(|(index, fault)| format!("{fault}@create#{}", 2 * index + 2));
    let plan = format!("{},retry-after=1,slow=100ms", items.collect::<Vec<_>>().join(",")).parse().expect("a plan");
    let options = SandboxOptions { faults: Some(plan), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.expect("it starts");
    let writer = client(&sandbox, Duration::from_millis(600)).writer();
    let text = format!(
        r#"{{"_type":"Chat","requesterId":"{REQUESTER}","widgetId":"{REQUESTER}",
            "message":{{"_type":"Inbound","content":{{"_type":"Text","value":"Hello"}}}}}}"#
    );
    let body = json::parse(&text).expect("valid");
    let body = body.as_object().expect("a map");
    for fault in faults {
        let plain = writer.make(writer.permit().await, Kind::Conversation, body).await.expect("made");
        let result = writer.make(writer.permit().await, Kind::Conversation, body).await;
        let newest = writer.conversations_of(REQUESTER).await.expect("read").pop().expect("one").id;
        let committed = Id::from(newest) != plain.id;
        let said = match &result {
            Ok(made) if made.partial_errors.is_empty() => "made",
            Ok(_) => "made in part",
            Err(CallError::RateLimited { retry_after: Some(pause), .. }) if pause.as_secs() == 1 => "rate limited",
            Err(CallError::Unauthorized { status: 401, .. }) => "unauthorized",
            Err(CallError::Rejected { status: 302, .. }) => "redirected",
            Err(CallError::ServerError { status: 500, .. }) => "server error",
            Err(CallError::Lost { .. }) => "lost",
            Err(CallError::Rejected { .. }) => "rejected",
            Err(CallError::Unreadable { status: 200..300, .. }) => "unreadable",
            Err(_) => "something else",
        };
        let expected = match fault {
            Fault::TooManyRequests => ("rate limited", false),
            Fault::Unauthorized | Fault::Forbidden => ("unauthorized", false),
            Fault::Redirect => ("redirected", false),
            Fault::ServerErrorBefore => ("server error", false),
            Fault::BadRequest | Fault::NotFound | Fault::DuplicateBefore => ("rejected", false),
            // The one exception: what says that an external id is taken is for whoever looks for it.
            Fault::DuplicateAfter => ("rejected", true),
            Fault::ServerErrorAfter | Fault::ServerErrorEarly => ("server error", true),
            Fault::DropBefore | Fault::Hang => ("lost", false),
            Fault::DropAfter | Fault::DropEarly | Fault::HangAfter => ("lost", true),
            Fault::SlowBody => ("made", true),
            Fault::Partial => ("made in part", true),
            _ => ("unreadable", true),
        };
        assert_eq!((said, committed), expected, "{fault}: {result:?}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_read_gets_through_the_faults_that_pass() {
    let faults = "drop-before@organization#1,500-before@organization#2".parse().expect("a plan");
    let options = SandboxOptions { faults: Some(faults), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.expect("it starts");
    let reader = client(&sandbox, Duration::from_secs(5)).reader();
    assert!(reader.organization().await.is_ok());
    sandbox.shutdown().await;
}

#[test]
fn only_the_tenant_sandbox_has_faults() {
    let plan: FaultPlan = "429@any".parse().expect("a plan");
    let (sandbox, other) = (Tenant::new("sandbox"), Tenant::new("production"));
    assert!(faults(&other, None).is_ok_and(|faults| faults.is_none()));
    assert!(faults(&sandbox, Some(&plan)).is_ok_and(|faults| faults == Some(plan.clone())));
    let refused = faults(&other, Some(&plan)).expect_err("it is refused");
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.message().contains("production"), "{refused}");
}
