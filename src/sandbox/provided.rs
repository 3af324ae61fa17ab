//! What a sandbox made up because somebody named it, which a real tenant must have.

use std::collections::BTreeSet;
use std::fmt;

/// Names of one kind that are shown.
const NAMED_MAX: usize = 5;

/// A kind of thing, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    EndUser,
    Agent,
    Queue,
    Widget,
    EmailIntegration,
    ContactEndpoint,
    Attribute,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::EndUser,
        Kind::Agent,
        Kind::Queue,
        Kind::Widget,
        Kind::EmailIntegration,
        Kind::ContactEndpoint,
        Kind::Attribute,
    ];

    fn noun(self) -> &'static str {
        match self {
            Kind::EndUser => "end user",
            Kind::Agent => "agent",
            Kind::Queue => "queue",
            Kind::Widget => "widget",
            Kind::EmailIntegration => "e-mail integration",
            Kind::ContactEndpoint => "phone number",
            Kind::Attribute => "custom attribute",
        }
    }
}

/// What was made up; shown as `2 agents, 1 queue (agents: a, b; queue: c)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provided(BTreeSet<(Kind, String)>);

impl Provided {
    /// By kind, and by what a manifest calls it.
    pub fn of(things: impl Iterator<Item = (Kind, String)>) -> Self {
        Provided(things.collect())
    }

    /// What is new since an earlier moment; none if nothing is.
    pub fn since(&self, before: &Self) -> Option<Self> {
        let new: BTreeSet<_> = self.0.difference(&before.0).cloned().collect();
        (!new.is_empty()).then_some(Provided(new))
    }

    fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &str> {
        let names: Vec<&str> =
            self.0.iter().filter(|(known, _)| *known == kind).map(|(_, name)| name.as_str()).collect();
        names.into_iter()
    }
}

impl fmt::Display for Provided {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = || Kind::ALL.into_iter().filter(|kind| self.names(*kind).len() > 0);
        let noun = |kind: Kind| format!("{}{}", kind.noun(), if self.names(kind).len() == 1 { "" } else { "s" });
        let counts: Vec<String> = kinds().map(|kind| format!("{} {}", self.names(kind).len(), noun(kind))).collect();
        let of_kind = |kind: Kind| {
            let names: Vec<&str> = self.names(kind).take(NAMED_MAX).collect();
            let more = if self.names(kind).len() > NAMED_MAX { ", …" } else { "" };
            format!("{}: {}{more}", noun(kind), names.join(", "))
        };
        let names: Vec<String> = kinds().map(of_kind).collect();
        write!(out, "{} ({})", counts.join(", "), names.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provided(things: &[(Kind, &str)]) -> Provided {
        Provided::of(things.iter().map(|(kind, name)| (*kind, (*name).to_owned())))
    }

    #[test]
    fn what_was_provided_is_counted_by_kind_and_named() {
        let all = provided(&[(Kind::Queue, "Support"), (Kind::EndUser, "b"), (Kind::EndUser, "c")]);
        assert_eq!(all.to_string(), "2 end users, 1 queue (end users: b, c; queue: Support)");
    }

    #[test]
    fn of_many_the_first_are_named() {
        let many = Provided::of((1..=9).map(|number| (Kind::Agent, number.to_string())));
        assert_eq!(many.to_string(), "9 agents (agents: 1, 2, 3, 4, 5, …)");
    }

    #[test]
    fn only_what_is_new_is_shown() {
        let before = provided(&[(Kind::Queue, "Suport")]);
        assert_eq!(before.since(&before), None);
        let after = provided(&[(Kind::Queue, "Suport"), (Kind::Queue, "Support")]);
        assert_eq!(after.since(&before), Some(provided(&[(Kind::Queue, "Support")])));
    }
}
