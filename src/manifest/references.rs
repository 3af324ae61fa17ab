//! What a spec refers to in the tenant: end users, agents, queues, mailboxes, numbers and attributes. With the tenant's
//! catalog, names become ids before anything else is checked, and what the tenant does not have is reported. Names that
//! no catalog can know stay as they are written, and are noted. Whether the value of an attribute fits is checked with
//! the value.

use std::collections::BTreeMap;

use crate::catalog::{Agent, Catalog, ContactEndpoint, Queue};
use crate::conversation::{Address, CUSTOM_ATTRIBUTES, Kind};
use crate::definition::{Definition, Entity};
use crate::finding::{closest, code};
use crate::handling;
use crate::manifest::{channels, forms};
use crate::name::Name;
use crate::reporter::Reporter;
use crate::shape::Thing;
use crate::source::Place;
use crate::yaml::{Content, Entry, Node, Span};

/// What a spec refers to.
#[derive(Default)]
pub(super) struct Referred {
    /// What people call the things whose ids are there, by these.
    pub called: BTreeMap<String, String>,
    /// The names that stay, and where each was written first.
    pub names: BTreeMap<Name, Place>,
}

/// Puts ids in the place of names that the catalog has, and reports what the tenant does not have. Returns whether
/// there was no error, and what is referred to.
pub(super) fn resolve(
    spec: &mut Node<'_>,
    kind: Kind,
    catalog: Option<&Catalog>,
    reporter: &mut Reporter<'_>,
) -> (bool, Referred) {
    let is_free = channels::is_free(spec);
    let mut references = References { catalog, kind, is_free, reporter, fine: true, referred: Referred::default() };
    references.below(spec);
    (references.fine, references.referred)
}

/// The end users of manifests that a spec names, and where, without a look at anything else. It reports nothing.
pub(super) fn end_users(spec: &mut Node<'_>, reporter: &mut Reporter<'_>) -> Vec<(Address, Place)> {
    let (_, Referred { names, .. }) = resolve(spec, Kind::Conversation, None, reporter);
    let end_user = |(name, place)| match name {
        Name::Manifest(address) => Some((address, place)),
        Name::EndUser(_) | Name::Agent(_) | Name::Queue(_) | Name::Attribute { .. } => None,
    };
    names.into_iter().filter_map(end_user).collect()
}

struct References<'r, 't> {
    catalog: Option<&'r Catalog>,
    kind: Kind,
    /// What `attributes` hold is not known.
    is_free: bool,
    reporter: &'r mut Reporter<'t>,
    fine: bool,
    referred: Referred,
}

impl References<'_, '_> {
    fn below(&mut self, node: &mut Node<'_>) {
        match &mut node.content {
            Content::List(items) => items.iter_mut().for_each(|item| self.below(item)),
            Content::Map(entries) => {
                for Entry { key, value, .. } in entries {
                    if let Some(thing) = Thing::of_member(key) {
                        self.each(thing, value);
                        continue;
                    }
                    match &**key {
                        handling::TAGS => self.tags(value),
                        "emailIntegrationId" | "integrationEmail" => self.mailbox(value),
                        "contactEndpointId" => self.endpoint(value),
                        "content" => {}
                        "attributes" if self.is_free => {}
                        CUSTOM_ATTRIBUTES => self.attributes(value),
                        _ => self.below(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// What a member holds, or each item of its list.
    fn each(&mut self, thing: Thing, node: &mut Node<'_>) {
        match (&mut node.content, thing) {
            (Content::List(items), _) => items.iter_mut().for_each(|item| self.each(thing, item)),
            (_, Thing::EndUser) => self.note(thing, node),
            (_, Thing::Agent) => self.agent(node),
            (_, Thing::Queue) => self.queue(node),
        }
    }

    /// A name that stays as it is written.
    fn note(&mut self, thing: Thing, node: &Node<'_>) {
        let Some([entry]) = node.entries() else { return };
        let Content::Text(text) = &entry.value.content else { return };
        if let Some(name) = thing.named(&entry.key, text) {
            self.referred.names.entry(name).or_insert(node.start);
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: String, hint: String) {
        self.reporter.error(code, span, message).hint(hint);
        self.reporter.enough_of(span.0);
        self.fine = false;
    }

    /// What has this name; otherwise that is reported.
    fn only<'c, T>(&mut self, what: &str, name: &str, span: Span, found: &[&'c T], known: &[&str]) -> Option<&'c T> {
        let hint = || match closest(name, known.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "if it is new, update the catalog: `dixaform catalog pull`".to_owned(),
        };
        match found {
            [only] => Some(only),
            [] => {
                self.error(code::UNKNOWN_NAME, span, format!("the catalog has no {what} `{name}`"), hint());
                None
            }
            several => {
                let message = format!("the {what} `{name}` exists {} times in the catalog", several.len());
                self.error(code::UNKNOWN_NAME, span, message, format!("write the id of the {what} that you mean"));
                None
            }
        }
    }

    fn agent(&mut self, node: &mut Node<'_>) {
        let span = node.span();
        let Some(catalog) = self.catalog else { return self.note(Thing::Agent, node) };
        if let Some(email) = named(node, "email") {
            let agents = &catalog.agents;
            let found: Vec<&Agent> = agents.iter().filter(|agent| agent.email.eq_ignore_ascii_case(&email)).collect();
            let known: Vec<&str> = agents.iter().map(|agent| agent.email.as_str()).collect();
            if let Some(agent) = self.only("agent", &email, span, &found, &known) {
                node.content = Content::Text(agent.id.clone().into());
            }
        }
        let Content::Text(id) = &node.content else { return };
        match catalog.agents.iter().find(|agent| agent.id.eq_ignore_ascii_case(id)) {
            Some(agent) => self.call(&agent.id, &agent.email),
            None if forms::is_uuid(id) => {
                // A bot may write, too, and perhaps is not listed.
                self.reporter
                    .warning(code::UNKNOWN_AGENT, span, format!("the catalog has no agent `{id}`"))
                    .hint("`dixaform catalog pull` updates the catalog; Dixa decides");
            }
            None => {}
        }
    }

    fn queue(&mut self, node: &mut Node<'_>) {
        let span = node.span();
        let Some(catalog) = self.catalog else { return self.note(Thing::Queue, node) };
        if let Some(name) = named(node, "name") {
            let queues = &catalog.queues;
            let found: Vec<&Queue> = queues.iter().filter(|queue| queue.name == name).collect();
            let known: Vec<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
            if let Some(queue) = self.only("queue", &name, span, &found, &known) {
                node.content = Content::Text(queue.id.clone().into());
            }
        }
        let Content::Text(id) = &node.content else { return };
        match catalog.queues.iter().find(|queue| queue.id.eq_ignore_ascii_case(id)) {
            Some(queue) => self.call(&queue.id, &queue.name),
            None if forms::is_uuid(id) => {
                let hint = "if it is new, update the catalog: `dixaform catalog pull`".to_owned();
                self.error(code::UNKNOWN_QUEUE, span, format!("the catalog has no queue `{id}`"), hint);
            }
            None => {}
        }
    }

    /// A tag that is not there is made; one that is inactive can't be put on.
    fn tags(&mut self, node: &Node<'_>) {
        let (Content::List(items), Some(catalog)) = (&node.content, self.catalog) else { return };
        for item in items {
            let Content::Text(name) = &item.content else { continue };
            if catalog.tags.iter().any(|tag| tag.name == **name && !tag.active) {
                let hint = "activate it in Dixa and run `dixaform catalog pull`, or leave it out".to_owned();
                self.error(code::INACTIVE_TAG, item.span(), format!("the tag `{name}` is inactive"), hint);
            }
        }
    }

    /// A key that is no uuid is the identifier of a definition.
    fn attributes(&mut self, node: &mut Node<'_>) {
        let Content::Map(entries) = &mut node.content else { return };
        for entry in entries {
            let Some(catalog) = self.catalog else {
                if let Some(name) = Name::of_attribute(self.kind, &entry.key) {
                    self.referred.names.entry(name).or_insert(entry.key_span().0);
                }
                continue;
            };
            if !forms::is_uuid(&entry.key) {
                let entity = if self.kind == Kind::EndUser { Entity::Contact } else { Entity::Conversation };
                let of_kind = || catalog.attributes.iter().filter(|one| one.entity == entity);
                let found: Vec<&Definition> = of_kind().filter(|one| one.identifier == entry.key).collect();
                let known: Vec<&str> = of_kind().map(|one| one.identifier.as_str()).collect();
                let name = entry.key.to_string();
                let Some(definition) = self.only("custom attribute", &name, entry.key_span(), &found, &known) else {
                    continue;
                };
                entry.key = definition.id.clone().into();
            }
            let definition = catalog.attributes.iter().find(|one| one.id.eq_ignore_ascii_case(&entry.key));
            if let Some(Definition { id, label, .. }) = definition {
                self.call(id, label);
            }
        }
    }

    /// What Dixa calls `emailIntegrationId` is the address of a mailbox, as far as is known.
    fn mailbox(&mut self, node: &Node<'_>) {
        let endpoints = self.catalog.map_or(&[][..], |catalog| &catalog.contact_endpoints);
        let is_mailbox = |endpoint: &&ContactEndpoint| matches!(endpoint, ContactEndpoint::Email { .. });
        let known: Vec<&str> = endpoints.iter().filter(is_mailbox).map(ContactEndpoint::id).collect();
        self.listed("mailbox", node, &known);
    }

    fn endpoint(&mut self, node: &Node<'_>) {
        let endpoints = self.catalog.map_or(&[][..], |catalog| &catalog.contact_endpoints);
        let known: Vec<&str> = endpoints.iter().map(ContactEndpoint::id).collect();
        self.listed("contact endpoint", node, &known);
    }

    fn listed(&mut self, what: &str, node: &Node<'_>, known: &[&str]) {
        let (Content::Text(id), Some(_)) = (&node.content, self.catalog) else { return };
        if known.iter().any(|known| known.eq_ignore_ascii_case(id)) {
            return;
        }
        let hint = match closest(id, known.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`dixaform catalog pull` updates the catalog; Dixa decides".to_owned(),
        };
        let message = format!("the catalog has no {what} `{id}`");
        self.reporter.warning(code::UNKNOWN_CONTACT_ENDPOINT, node.span(), message).hint(hint);
    }

    fn call(&mut self, id: &str, name: &str) {
        self.referred.called.insert(id.to_owned(), name.to_owned());
    }
}

/// The name in a map with this one member.
fn named(node: &Node<'_>, key: &str) -> Option<String> {
    match node.entries() {
        Some([entry]) if entry.key == key => match &entry.value.content {
            Content::Text(name) => Some(name.to_string()),
            _ => None,
        },
        _ => None,
    }
}
