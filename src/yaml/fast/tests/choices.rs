//! Numbers that a text is made from, so that a failure shrinks to the plainest text that fails.

use proptest::prelude::*;

/// Numbers that are taken one by one; zeros when there are no more.
pub struct Choices<'c> {
    numbers: std::slice::Iter<'c, u16>,
}

impl<'c> Choices<'c> {
    pub fn new(numbers: &'c [u16]) -> Self {
        Choices { numbers: numbers.iter() }
    }

    pub fn any(most: usize) -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec(any::<u16>(), 0..most)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.numbers.next().copied().unwrap_or(0)) % end.max(1)
    }

    /// Once in so many times; never when the numbers have run out.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
