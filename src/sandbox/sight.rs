//! What a read can see. It sees everything unless a plan of faults makes it short-sighted.

use jiff::Timestamp;

/// See the top of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// What was committed after this moment is not seen; none is seeing everything.
    pub horizon: Option<Timestamp>,
    pub dark: Option<Dark>,
}

/// A time of which nothing is seen for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dark {
    pub from: Timestamp,
    pub to: Timestamp,
    /// What was committed until this moment is old enough to be seen all the same.
    pub until_before: Timestamp,
}

impl Sight {
    /// Whether it sees what was committed at this moment.
    pub fn sees(self, committed_at: Timestamp) -> bool {
        let near = self.horizon.is_none_or(|horizon| committed_at <= horizon);
        let hidden = self
            .dark
            .is_some_and(|dark| (dark.from..=dark.to).contains(&committed_at) && committed_at > dark.until_before);
        near && !hidden
    }
}
