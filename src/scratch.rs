//! Memory that is needed for a moment only, and again and again.

use std::cell::Cell;

/// Memory for many small things that go together: taking some of it is next to nothing, and giving all back is one step.
pub use bumpalo::Bump as Arena;

thread_local! {
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
    static ARENA: Cell<Option<Arena>> = const { Cell::new(None) };
}

/// So much memory is kept, in bytes.
const KEPT: usize = 64 << 10;

/// What `use_it` makes of a text that is empty at first. The memory of the text is kept for the next one of this
/// thread; one within another has memory of its own.
pub fn text<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    TEXT.with(|kept| {
        let mut text = kept.take();
        let made = use_it(&mut text);
        text.clear();
        text.shrink_to(KEPT);
        kept.set(text);
        made
    })
}

/// What `use_it` makes with an arena that is empty at first. Its memory is kept as that of [`text`] is.
pub fn arena<T>(use_it: impl FnOnce(&Arena) -> T) -> T {
    ARENA.with(|kept| {
        let mut arena = kept.take().unwrap_or_default();
        let made = use_it(&arena);
        arena.reset();
        kept.set((arena.allocated_bytes() <= KEPT).then_some(arena));
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
    fn a_huge_text_is_not_kept() {
        text(|huge| huge.push_str(&"x".repeat(10 * KEPT)));
        text(|next| assert!(next.capacity() <= KEPT, "{}", next.capacity()));
    }
}
