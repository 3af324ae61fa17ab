//! Tells whether a JSON text is one that [`Spec::of`](crate::spec::Spec::of) writes, without building anything.
//!
//! States and journals hold specs in just that form, so reading them need not unpack what it would pack again at once.
//! "No" is always a right answer: then the text is read as a value and written anew, which also finds out what is wrong
//! with it. So what is rare is not looked into here: very deep or very wide values, and attribute ids with escapes.

use crate::conversation::CUSTOM_ATTRIBUTES;
use crate::json;

/// Readers of JSON refuse what is deeper than 128, and a spec stands some levels deep in its file.
const DEPTH_MAX: usize = 100;

/// The most members of one map: each name is compared with all before it.
const MEMBERS_MAX: usize = 64;

/// So many digits always fit into an `i64`.
const DIGITS_MAX: usize = 18;

/// Whether [`Spec::of`](crate::spec::Spec::of) writes this text for what it says.
pub(super) fn is_written(text: &str) -> bool {
    let mut cursor = Cursor { text, at: 0, names: Vec::with_capacity(MEMBERS_MAX) };
    cursor.map(0).is_some() && cursor.at == text.len()
}

/// Each step is none as soon as the text is not what would be written.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// The names of all maps around the cursor, the innermost last.
    names: Vec<&'t str>,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()).then(|| self.at += literal.len())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.map(depth),
            b'[' => self.list(|cursor| cursor.value(depth + 1)),
            b'n' => self.literal("null"),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            _ => self.number(),
        }
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.takes(b']') {
            return Some(());
        }
        loop {
            item(self)?;
            if !self.takes(b',') {
                return self.take(b']');
            }
        }
    }

    /// A map; at depth 0, that of the spec itself.
    fn map(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        if self.takes(b'}') {
            return Some(());
        }
        let outer = self.names.len();
        loop {
            let name = self.string()?;
            self.take(b':')?;
            if depth == 0 && name == CUSTOM_ATTRIBUTES {
                self.attributes()?;
                // They are written last.
                return self.take(b'}');
            }
            if self.names.len() - outer == MEMBERS_MAX || self.names[outer..].contains(&name) {
                return None;
            }
            self.names.push(name);
            self.value(depth + 1)?;
            if !self.takes(b',') {
                self.names.truncate(outer);
                return self.take(b'}');
            }
        }
    }

    /// Attributes, of which there are some, by their ids in ascending order.
    fn attributes(&mut self) -> Option<()> {
        self.take(b'{')?;
        let mut before = None;
        loop {
            let id = self.string()?;
            // The order of escapes is not that of what they stand for.
            if id.contains('\\') || before.is_some_and(|before| before >= id) {
                return None;
            }
            before = Some(id);
            self.take(b':')?;
            match self.peek()? {
                b'"' => self.string().map(|_| ())?,
                b'[' => self.list(|cursor| cursor.string().map(|_| ()))?,
                _ => self.literal("null")?,
            }
            if !self.takes(b',') {
                return self.take(b'}');
            }
        }
    }

    /// A string as [`json::quote_into`] writes it; what stands between its quotes.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let bytes = &self.text.as_bytes()[self.at..];
            self.at += json::first_to_escape(bytes)?;
            match self.peek()? {
                b'"' => {
                    let inner = &self.text[start..self.at];
                    self.at += 1;
                    return Some(inner);
                }
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        match self.text.as_bytes()[self.at..] {
            [b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f', ..] => self.at += 1,
            // The control characters that have no shorter form.
            [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
            | [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => self.at += 5,
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let rest = &self.text.as_bytes()[start..];
        self.at += rest.iter().position(|byte| !in_number(byte)).unwrap_or(rest.len());
        let text = &self.text[start..self.at];
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let plain = match digits {
            [b'0'] => digits.len() == text.len(),
            [b'1'..=b'9', rest @ ..] => rest.len() < DIGITS_MAX && rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let as_written = || json::parse(text).is_ok_and(|number| json::write(&number) == text);
        (plain || as_written()).then_some(())
    }
}
