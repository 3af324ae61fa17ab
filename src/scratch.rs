//! Memory that is needed for a moment only, and again and again.

use std::cell::Cell;
use std::hint;
use std::thread::LocalKey;

/// Memory for many small things that go together: taking some of it is next to nothing, and giving all back one step.
pub use bumpalo::Bump as Arena;
/// A text and a list that grow in an [`Arena`].
pub use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
    static ARENA: Cell<Option<Arena>> = const { Cell::new(None) };
}

/// So much memory of each kind is kept by a thread, in bytes: enough for a file with dozens of manifests.
const KEPT: usize = 1 << 20;

/// What `use_it` makes with bytes, of which there are none at first. Their memory is kept for the next ones of this
/// thread; those within others have memory of their own.
pub fn bytes<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    with(&BYTES, use_it, |bytes| {
        bytes.clear();
        bytes.shrink_to(KEPT);
    })
}

/// [`bytes`] for a text.
pub fn text<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    with(&TEXT, use_it, |text| {
        text.clear();
        text.shrink_to(KEPT);
    })
}

/// [`bytes`] for an arena.
pub fn arena<T>(use_it: impl FnOnce(&Arena) -> T) -> T {
    with(
        &ARENA,
        |arena| use_it(arena.get_or_insert_default()),
        |arena| {
            arena.as_mut().map(Arena::reset);
            arena.take_if(|arena| arena.allocated_bytes() > KEPT);
        },
    )
}

/// Takes memory and gives it back at once. An allocator that asks the system for one page after the other when a thread
/// needs memory that stays, and holds up the other threads each time, then has so many bytes at hand.
pub fn foresee(bytes: usize) {
    drop(hint::black_box(Vec::<u8>::with_capacity(bytes)));
}

fn with<M: Default, T>(
    kept: &'static LocalKey<Cell<M>>,
    use_it: impl FnOnce(&mut M) -> T,
    empty: impl Fn(&mut M),
) -> T {
    kept.with(|kept| {
        let mut memory = kept.take();
        let made = use_it(&mut memory);
        empty(&mut memory);
        kept.set(memory);
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_empty_at_first_also_within_another() {
        let together = text(|outer| {
            outer.push_str("outer");
            let inner = text(|inner| {
                assert_eq!(inner, "");
                inner.push_str("inner");
                inner.clone()
            });
            format!("{outer} {inner}")
        });
        assert_eq!(together, "outer inner");
        text(|next| assert_eq!(next, ""));
    }

    #[test]
    fn every_arena_is_empty_at_first_also_within_another_and_a_huge_one_is_not_kept() {
        let empty = Arena::new().allocated_bytes();
        arena(|outer| {
            let text = outer.alloc_str("outer");
            arena(|inner| assert_eq!(inner.alloc_str("inner"), "inner"));
            assert_eq!(text, "outer");
        });
        arena(|next| assert!(next.allocated_bytes() <= KEPT));
        arena(|huge| assert_eq!(huge.alloc_slice_fill_copy(10 * KEPT, b'x').len(), 10 * KEPT));
        arena(|next| assert_eq!(next.allocated_bytes(), empty));
    }

    #[test]
    fn what_is_huge_is_not_kept() {
        text(|huge| huge.push_str(&"x".repeat(10 * KEPT)));
        text(|next| assert!(next.capacity() <= KEPT, "{}", next.capacity()));
        bytes(|huge| huge.resize(10 * KEPT, b'x'));
        bytes(|next| assert!(next.is_empty() && next.capacity() <= KEPT, "{}", next.capacity()));
    }
}
