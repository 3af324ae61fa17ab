//! What a sandbox made up because somebody named it, which a real tenant must have.

use std::collections::BTreeSet;
use std::fmt;

use crate::sandbox::data_v1::Thing;

/// The names of one and of several, and how many there are.
type Count = ((&'static str, &'static str), usize);

/// How much of what; shown as `3 end users, 1 queue`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provided(Vec<Count>);

impl Provided {
    /// Counts what was provided.
    pub fn of(things: &BTreeSet<Thing>, definitions: usize) -> Self {
        let mut counts: Vec<Count> = Vec::new();
        for thing in things {
            let name = match thing {
                Thing::EndUser(_) => ("end user", "end users"),
                Thing::Agent(_) => ("agent", "agents"),
                Thing::Queue(_) => ("queue", "queues"),
                Thing::Widget(_) => ("widget", "widgets"),
                Thing::EmailIntegration(_) => ("e-mail integration", "e-mail integrations"),
                Thing::ContactEndpoint(_) => ("phone number", "phone numbers"),
            };
            match counts.last_mut() {
                Some((last, count)) if *last == name => *count += 1,
                _ => counts.push((name, 1)),
            }
        }
        counts.extend((definitions > 0).then_some((("custom attribute", "custom attributes"), definitions)));
        Provided(counts)
    }

    /// Whether nothing was provided.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Provided {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ((one, several), count)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}{count} {}", if *count == 1 { one } else { several })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_provided_is_counted_by_kind() {
        let things = BTreeSet::from([
            Thing::Queue("a".to_owned()),
            Thing::EndUser("b".to_owned()),
            Thing::EndUser("c".to_owned()),
        ]);
        assert_eq!(Provided::of(&things, 0).to_string(), "2 end users, 1 queue");
        assert_eq!(Provided::of(&BTreeSet::new(), 1).to_string(), "1 custom attribute");
        assert!(Provided::of(&BTreeSet::new(), 0).is_empty());
    }
}
