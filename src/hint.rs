//! What to do about an error, beside what is wrong.

use std::borrow::Cow;
use std::error::Error;

/// An error that may know what to do about it.
pub trait Hint: Error {
    /// The next thing to do: a lower-case fragment without a full stop.
    fn hint(&self) -> Option<Cow<'_, str>> {
        None
    }
}
