//! The manifests and the project file that most tests begin with.

/// A custom attribute that every sandbox knows: a Text.
pub const TEXT: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
/// Another one: a Select with the paths str1/str2 and payment/card.
pub const SELECT: &str = "e14708a6-eed9-495c-9d88-c72331e9e247";

/// A project whose default tenant is a sandbox that slows nobody down: for tests that are not about pacing.
pub const FAST: &str = "version: 1
defaultTenant: sandbox
tenants:
  sandbox:
    rateLimit: {requestsPerSecond: 10000, burst: 1000}
";

/// `conversation.order`, with a Text and a Select.
pub const ORDER: &str = r#"apiVersion: dixaform/v1
kind: Conversation
metadata:
  name: order
  labels: {wave: "1"}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: "order #123"
  language: en
  message:
    _type: Inbound
    content: {_type: Text, value: Where is it?}
  customAttributes:
    2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: "012345"
    e14708a6-eed9-495c-9d88-c72331e9e247: [str1, str2]
"#;

/// `import.legacy`, without attributes.
pub const LEGACY: &str = r#"apiVersion: dixaform/v1
kind: ConversationImport
metadata:
  name: legacy
  labels: {wave: "2"}
  annotations: {dixaform/ignore: stays-with-the-bot}
spec:
  genericChannelName: genericapimessaging
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00.001Z
  messages:
    - _type: InboundImport
      createdAt: 2021-12-01T13:00:00.003Z
      content: {_type: Text, value: Is anybody there?}
"#;

/// `conversation.pickup`, a text message that would reach a customer.
pub const SMS: &str = r#"apiVersion: dixaform/v1
kind: Conversation
metadata:
  name: pickup
spec:
  _type: Sms
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  contactEndpointId: "+4551000000"
  message:
    _type: Outbound
    agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b
    content: {_type: Text, value: Your tent is here}
"#;

/// `conversation.<name>`, without attributes.
pub fn email(name: &str) -> String {
    format!(
        "apiVersion: dixaform/v1
kind: Conversation
metadata:
  name: {name}
spec:
  _type: Email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  emailIntegrationId: my-integration@email.dixa.io
  subject: about {name}
  message:
    _type: Inbound
    content: {{_type: Text, value: Hello}}
"
    )
}

/// `conversation.<name>`, a callback: it has no message that could carry a marker. The requester is always the same.
pub fn callback(name: &str) -> String {
    format!(
        "apiVersion: dixaform/v1
kind: Conversation
metadata:
  name: {name}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  contactEndpointId: \"+4551000000\"
  queueId: f0a0a1a8-1a34-4a8a-8d0c-3d7a3f6f1b11
"
    )
}
