//! Memory for texts that are needed for a moment only, and again and again.

use std::cell::Cell;

thread_local! {
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
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
    fn a_huge_text_is_not_kept() {
        text(|huge| huge.push_str(&"x".repeat(10 * KEPT)));
        text(|next| assert!(next.capacity() <= KEPT, "{}", next.capacity()));
    }
}
