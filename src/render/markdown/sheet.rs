//! A page of entries. It shows as many of them as fit within a limit of bytes.

use crate::render::markdown::inline::fence;

/// The least budget that the frame of a page fits in.
pub const BYTES_MIN: usize = 1_000;

/// If not all entries fit, one of them takes this part of the budget at most, so that it does not hide all others.
pub(super) const SHARE: usize = 4;

/// The parts of a page, and the bytes that are left for more.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Each ends with a newline; a blank line comes between them.
    parts: Vec<String>,
    /// What is below everything else.
    closing: Vec<String>,
    room: usize,
}

/// Something to read, as a whole and in short.
#[derive(Debug)]
pub(super) struct Entry {
    pub whole: String,
    pub short: String,
}

impl Entry {
    /// A paragraph, and lines in a fence; in short, the paragraph and another one.
    pub(super) fn new(lead: &str, lines: &[String], short: &str) -> Self {
        let fence = fence(lines);
        let whole = format!("{lead}\n\n{fence}text\n{}\n{fence}\n", lines.join("\n"));
        Entry { whole, short: format!("{lead}\n\n{short}\n") }
    }
}

impl Sheet {
    pub(super) fn new(bytes: usize) -> Self {
        Sheet { parts: Vec::new(), closing: Vec::new(), room: bytes }
    }

    /// Bytes that are left.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Adds a part that must be there.
    pub(super) fn add(&mut self, part: String) {
        self.room = self.room.saturating_sub(part.len() + 1);
        self.parts.push(part);
    }

    /// Adds a part that can be missed, if it leaves most of the room to others.
    pub(super) fn add_if_small(&mut self, part: String) -> bool {
        let small = part.len() < self.room / 2;
        if small {
            self.add(part);
        }
        small
    }

    /// Puts a part above those that close the page already.
    pub(super) fn close(&mut self, part: String) {
        self.room = self.room.saturating_sub(part.len() + 1);
        self.closing.insert(0, part);
    }

    /// Adds the first entries that fit, and says how many. Where not all fit as a whole, none takes more than its
    /// share.
    pub(super) fn add_entries(&mut self, entries: Vec<Entry>) -> usize {
        let all: usize = entries.iter().map(|entry| entry.whole.len() + 1).sum();
        let share = if all <= self.room { self.room } else { (self.room / SHARE).max(BYTES_MIN) };
        let mut shown = 0;
        for Entry { whole, short } in entries {
            let bytes = share.min(self.room.saturating_sub(1));
            let Some(text) = [whole, short].into_iter().find(|text| text.len() <= bytes) else { break };
            self.add(text);
            shown += 1;
        }
        shown
    }

    /// Adds a folded list of the first items that fit, and says how many.
    pub(super) fn add_list(&mut self, what: &str, items: &[String]) -> usize {
        let open = |shown: usize| {
            let count = if shown == items.len() { shown.to_string() } else { format!("{shown} of {}", items.len()) };
            format!("<details>\n<summary>{count} {what}</summary>\n\n")
        };
        const CLOSE: &str = "\n</details>\n";
        let longest = open(items.len()).len().max(open(items.len().saturating_sub(1)).len());
        let mut room = self.room.saturating_sub(longest + CLOSE.len() + 1);
        let mut shown = 0;
        for item in items {
            let Some(rest) = room.checked_sub(item.len()) else { break };
            room = rest;
            shown += 1;
        }
        if shown > 0 {
            self.add(format!("{}{}{CLOSE}", open(shown), items[..shown].concat()));
        }
        shown
    }

    pub(super) fn text(self) -> String {
        let parts: Vec<String> = self.parts.into_iter().chain(self.closing).collect();
        parts.join("\n")
    }
}
