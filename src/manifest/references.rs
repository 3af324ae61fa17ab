//! What a spec refers to in the tenant, checked against the tenant's catalog: agents, queues, mailboxes and numbers.
//! Attributes are checked with their values.

use crate::catalog::{Agent, Catalog, ContactEndpoint, Queue};
use crate::finding::{closest, code};
use crate::manifest::forms;
use crate::reporter::Reporter;
use crate::shape;
use crate::yaml::{Content, Node, Span};

/// Reports what the catalog does not have. Returns whether there was no error.
pub(super) fn check(spec: &Node<'_>, catalog: &Catalog, reporter: &mut Reporter<'_>) -> bool {
    let is_free = match spec.get("genericChannelName").map(|entry| &entry.value.content) {
        Some(Content::Text(name)) => shape::channel(name).is_none(),
        _ => false,
    };
    let mut references = References { catalog, is_free, reporter, fine: true };
    references.below(spec);
    references.fine
}

struct References<'r, 't> {
    catalog: &'r Catalog,
    /// What `attributes` hold is not known.
    is_free: bool,
    reporter: &'r mut Reporter<'t>,
    fine: bool,
}

impl References<'_, '_> {
    fn below(&mut self, node: &Node<'_>) {
        match &node.content {
            Content::List(items) => items.iter().for_each(|item| self.below(item)),
            Content::Map(entries) => {
                for entry in entries {
                    match (&*entry.key, &entry.value.content) {
                        ("agentId" | "closedBy", Content::Text(id)) => self.agent(id, entry.value.span()),
                        ("queueId", Content::Text(id)) => self.queue(id, entry.value.span()),
                        ("emailIntegrationId" | "integrationEmail", Content::Text(address)) => {
                            self.mailbox(address, entry.value.span());
                        }
                        ("contactEndpointId", Content::Text(id)) => self.endpoint(id, entry.value.span()),
                        ("content", _) => {}
                        ("attributes", _) if self.is_free => {}
                        _ => self.below(&entry.value),
                    }
                }
            }
            _ => {}
        }
    }

    fn agent(&mut self, id: &str, span: Span) {
        let is_known = |agent: &Agent| agent.id.eq_ignore_ascii_case(id);
        if forms::is_uuid(id) && !self.catalog.agents.iter().any(is_known) {
            // A bot may write, too, and perhaps is not listed.
            self.reporter
                .warning(code::UNKNOWN_AGENT, span, format!("the catalog has no agent `{id}`"))
                .hint("`dixaform catalog pull` brings it up to date; Dixa decides");
        }
    }

    fn queue(&mut self, id: &str, span: Span) {
        let is_known = |queue: &Queue| queue.id.eq_ignore_ascii_case(id);
        if forms::is_uuid(id) && !self.catalog.queues.iter().any(is_known) {
            self.reporter
                .error(code::UNKNOWN_QUEUE, span, format!("the catalog has no queue `{id}`"))
                .hint("if it is new, bring the catalog up to date: `dixaform catalog pull`");
            self.fine = false;
        }
    }

    /// What Dixa calls `emailIntegrationId` is the address of a mailbox, as far as is known.
    fn mailbox(&mut self, address: &str, span: Span) {
        let mailboxes = self.catalog.contact_endpoints.iter().filter_map(|endpoint| match endpoint {
            ContactEndpoint::Email { address, .. } => Some(address.as_str()),
            ContactEndpoint::Telephony { .. } => None,
        });
        let known: Vec<&str> = mailboxes.collect();
        if known.iter().all(|known| !known.eq_ignore_ascii_case(address)) {
            self.unknown_endpoint("mailbox", address, &known, span);
        }
    }

    fn endpoint(&mut self, id: &str, span: Span) {
        let known: Vec<&str> = self.catalog.contact_endpoints.iter().map(ContactEndpoint::id).collect();
        if known.iter().all(|known| !known.eq_ignore_ascii_case(id)) {
            self.unknown_endpoint("contact endpoint", id, &known, span);
        }
    }

    fn unknown_endpoint(&mut self, what: &str, id: &str, known: &[&str], span: Span) {
        let hint = match closest(id, known.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`dixaform catalog pull` brings the catalog up to date; Dixa decides".to_owned(),
        };
        let message = format!("the catalog has no {what} `{id}`");
        self.reporter.warning(code::UNKNOWN_CONTACT_ENDPOINT, span, message).hint(hint);
    }
}
