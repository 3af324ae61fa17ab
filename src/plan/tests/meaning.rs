//! What is written otherwise and means the same: nothing is to be done about it, also where the state was written by
//! the rules of before.

use super::*;
use crate::digest::Digest;

/// Every variant with every member that is a uuid or a timestamp.
const ALL: &str = "
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: sms}
spec:
  _type: Sms
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  contactEndpointId: '+4512345678'
  message:
    _type: Outbound
    agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b
    cc: [5f02ea45-f002-4279-83e0-3e4ea425e4c6, 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b]
    bcc: [ab02ea45-f002-4279-83e0-3e4ea425e4c6]
    content: {_type: Text, value: x}
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: chat}
spec:
  _type: Chat
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  widgetId: de02ea45-f002-4279-83e0-3e4ea425e4c6
  message: {_type: Inbound, content: {_type: Text, value: x}}
---
apiVersion: dixaform/v1
kind: Conversation
metadata: {name: callback}
spec:
  _type: Callback
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Outbound
  contactEndpointId: '+4512345678'
  queueId: cd87b232-64c8-4ad5-b81a-6f9233352d97
---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: mail}
spec:
  genericChannelName: email
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  assignment: {agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b, assignedAt: 2021-12-01T12:00:00Z}
  closing: {closedAt: 2021-12-01T15:00:00Z, closedBy: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b}
  attributes: {emailIntegrationId: a@email.dixa.io, subject: s}
  messages:
    - _type: InboundImport
      createdAt: 2021-12-01T13:00:00Z
      content: {_type: Text, value: x}
      attributes: {emailIntegrationId: a@email.dixa.io, requesterId: 5f02ea45-f002-4279-83e0-3e4ea425e4c6}
    - _type: OutboundImport
      agentId: cd4ceb58-bb3a-443c-9cd8-4f088feafe5b
      createdAt: 2021-12-01T14:00:00.500Z
      content: {_type: Text, value: x}
      attributes: {emailIntegrationId: a@email.dixa.io}
---
apiVersion: dixaform/v1
kind: ConversationImport
metadata: {name: widget}
spec:
  genericChannelName: widgetchat
  requesterId: 9c2a2cce-699f-4a72-89d9-fda5bc8dec8b
  direction: Inbound
  createdAt: 2021-12-01T11:00:00Z
  attributes: {widgetId: de02ea45-f002-4279-83e0-3e4ea425e4c6}
";

/// The same with every uuid in upper case, and every timestamp in another form.
fn otherwise() -> String {
    let word = |word: &str| {
        let is_uuid = word.len() == 36 && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if is_uuid {
            return word.to_ascii_uppercase();
        }
        match word.strip_prefix("2021-12-01T").and_then(|time| time.strip_suffix('Z')) {
            Some("11:00:00") => "2021-12-01T11:00:00.000Z".to_owned(),
            Some("14:00:00.500") => "2021-12-01T14:00:00.5Z".to_owned(),
            Some(time) => format!("2021-12-01t{}:00+00:00", &time[..5]),
            None => word.to_owned(),
        }
    };
    let is_end = |letter: char| " ,[]{}\n".contains(letter);
    ALL.split_inclusive(is_end)
        .map(|part| format!("{}{}", word(part.trim_end_matches(is_end)), &part[part.trim_end_matches(is_end).len()..]))
        .collect()
}

/// The state with the content digests of version 1.
fn as_version_1(manifests: &str, keep: Keep) -> State {
    let mut state = applied_keeping(manifests, keep);
    for manifest in desired(manifests).iter() {
        if let Some(record) = state.records.get_mut(&manifest.address) {
            record.content_digest = Digest::version_1_of_map(&manifest.spec.content());
        }
    }
    state
}

#[test]
fn ids_in_upper_case_and_the_same_instants_are_no_change() {
    let (one, other) = (ALL.to_owned(), otherwise());
    assert_ne!(
        desired(&one).iter().next().map(|it| it.spec.json().to_owned()),
        desired(&other).iter().next().map(|it| it.spec.json().to_owned())
    );
    for keep in [Keep::Full, Keep::Digests] {
        for (then, now) in [(&one, &other), (&other, &one), (&other, &other)] {
            assert!(plan_of(now, &applied_keeping(then, keep)).changes.is_empty());
        }
    }
}

#[test]
fn a_state_of_the_rules_of_before_has_no_change_either() {
    let (one, other) = (ALL.to_owned(), otherwise());
    assert_ne!(as_version_1(&other, Keep::Full), applied(&other), "the digests differ");
    for (then, now) in [(&one, &one), (&other, &other), (&one, &other), (&other, &one)] {
        assert!(plan_of(now, &as_version_1(then, Keep::Full)).changes.is_empty());
    }
    // Of digests alone it can only be known what was not touched, or is written in the usual form.
    for (then, now) in [(&one, &one), (&other, &other), (&one, &other)] {
        assert!(plan_of(now, &as_version_1(then, Keep::Digests)).changes.is_empty());
    }
}

#[test]
fn a_real_change_is_one_all_the_same_and_is_the_only_one_that_is_shown() {
    let (one, other) = (email("a"), email("a").replace("9c2a2cce", "9C2A2CCE").replace("Late", "late"));
    for keep in [Keep::Full, Keep::Digests] {
        for state in [applied_keeping(&one, keep), as_version_1(&one, keep)] {
            let text = plan_text(&other, &state);
            assert!(text.contains("~ subject") && !text.contains("requesterId"), "{text}");
        }
    }
    // What is text is compared as it is.
    let text = email("a").replace("Late", "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b");
    let upper = text.replace("subject: 9c2a2cce", "subject: 9C2A2CCE");
    assert_eq!(plan_of(&upper, &applied(&text)).changes.len(), 1);
    let copies = ALL.replace("cc: [5f02ea45-f002-4279-83e0-3e4ea425e4c6, ", "cc: [");
    assert_eq!(plan_of(&copies, &applied(&otherwise())).changes.len(), 1);
}
