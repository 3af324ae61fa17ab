//! What becomes different inside one conversation, as a tree that renderers draw without counting or deciding.

use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::value::Value;

/// The members of a map that differ, in the order in which they are shown, and how many do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    pub shown: Vec<Member>,
    /// Members that are the same before and after, hidden.
    pub unchanged: usize,
    /// What the hidden ones are called.
    pub noun: Noun,
}

/// What the parts of a map or list are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noun {
    #[default]
    Member,
    Attribute,
    Element,
}

impl Noun {
    /// "member" for one, "members" for any other number.
    pub fn counted(self, count: usize) -> &'static str {
        match (self, count) {
            (Noun::Member, 1) => "member",
            (Noun::Member, _) => "members",
            (Noun::Attribute, 1) => "attribute",
            (Noun::Attribute, _) => "attributes",
            (Noun::Element, 1) => "element",
            (Noun::Element, _) => "elements",
        }
    }
}

/// One member that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub name: String,
    /// The name is data (the id of an attribute, a key of a free map), and is shown in quotes.
    pub quoted: bool,
    pub diff: Diff,
    /// This difference is why the conversation must be replaced.
    pub forces_replacement: bool,
}

/// How one value differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Diff {
    Added(Value),
    Removed(Value),
    /// Known only when it is applied: the id of a conversation. What it was before, if there was one.
    Unknown {
        before: Option<Value>,
    },
    /// A short text, another scalar, or two values of different kinds.
    Changed {
        before: Value,
        after: Value,
    },
    /// A text that is worth a line diff; see [`crate::plan::text_diff`].
    Text {
        before: String,
        after: String,
    },
    Map(Members),
    List(Vec<Element>),
}

/// One entry of a list of which something differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// This many unchanged neighbours are not shown.
    Hidden(usize),
    /// An unchanged neighbour of a difference, shown so that the reader finds the place.
    Unchanged(Value),
    Differs(Diff),
}

/// The difference that a change makes.
pub fn of_change(change: &Change) -> Members {
    let _ = (change, Action::Create);
    Members::default()
}
