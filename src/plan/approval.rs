//! What differs between a plan that somebody approved and the one that is made now.

use std::collections::BTreeMap;
use std::fmt;

use crate::conversation::Address;
use crate::plan::{Action, Change, Plan};

/// One change of which the two plans do not say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is planned now, and was not approved.
    New { address: Address, now: Action },
    /// It was approved, and is no longer planned.
    Gone { address: Address, then: Action },
    /// It was approved, and something else would be done now.
    Different { address: Address, then: Action, now: Action },
}

/// Every difference, in ascending order of address; none where both would do the same to the same tenant.
pub fn differences(approved: &Plan, now: &Plan) -> Vec<Difference> {
    let mut both: BTreeMap<&Address, (Option<&Change>, Option<&Change>)> = BTreeMap::new();
    for change in &approved.changes {
        both.entry(&change.address).or_default().0 = Some(change);
    }
    for change in &now.changes {
        both.entry(&change.address).or_default().1 = Some(change);
    }
    let difference = |(address, pair): (&Address, (Option<&Change>, Option<&Change>))| {
        let address = address.clone();
        match pair {
            (Some(then), Some(now)) if then.fingerprint() == now.fingerprint() => None,
            (Some(then), Some(now)) => Some(Difference::Different { address, then: then.action, now: now.action }),
            (Some(then), None) => Some(Difference::Gone { address, then: then.action }),
            (None, now) => now.map(|now| Difference::New { address, now: now.action }),
        }
    };
    both.into_iter().filter_map(difference).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::New { address, now } => write!(out, "new: {address}, {}", now.word()),
            Difference::Gone { address, then } => write!(out, "gone: {address}, {} when it was approved", then.word()),
            Difference::Different { address, then, now } if then == now => {
                write!(out, "different: {address}, {}, and not as it was approved", now.word())
            }
            Difference::Different { address, then, now } => {
                write!(out, "different: {address}, {} then and {} now", then.word(), now.word())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{create, email, plan_of, replace, update};

    fn told(approved: &Plan, now: &Plan) -> Vec<String> {
        differences(approved, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_new_gone_or_different_is_reported_with_the_actions_then_and_now() {
        let spec = email("s", "t");
        let approved = plan_of(vec![
            create("conversation.a", &spec),
            create("conversation.b", &spec),
            create("conversation.c", &spec),
            update("conversation.d"),
        ]);
        let now = plan_of(vec![
            create("conversation.a", &spec),
            create("conversation.b", &email("s", "u")),
            replace("conversation.d", &spec, &spec),
            create("conversation.e", &spec),
        ]);
        assert_eq!(
            told(&approved, &now),
            [
                "different: conversation.b, create, and not as it was approved",
                "gone: conversation.c, create when it was approved",
                "different: conversation.d, update then and replace now",
                "new: conversation.e, create",
            ]
        );
        assert_eq!(told(&now, &now), [""; 0]);
    }
}
