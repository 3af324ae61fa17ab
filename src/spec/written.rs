//! Reads a JSON text that is one that [`Spec::json`](crate::spec::Spec::json) writes, in one pass and where it stands:
//! only texts with escapes are copied.
//!
//! States and journals hold specs in just that form. None is always a right answer: then the text is read as a value,
//! which also finds out what is wrong with it. So what is rare is not looked into here: very long texts, very deep
//! values, and maps with very many members.

use crate::conversation::{CUSTOM_ATTRIBUTES, Described};
use crate::json;
use crate::scratch::{Arena, ArenaString, ArenaVec};
use crate::value::Number;
use crate::view::{Members, View};

/// Readers of JSON refuse what is deeper than 128, and a spec stands some levels deep in its file.
const DEPTH_MAX: usize = 100;

/// The longest text, in bytes: what it says takes many times its room while it is looked at.
const LENGTH_MAX: usize = 1 << 20;

/// The most members of one map: each name is compared with all before it.
const MEMBERS_MAX: usize = 64;

/// So many digits always fit into an `i64`.
const DIGITS_MAX: usize = 18;

/// Room for the members of most maps, and for the elements of most lists.
const MEMBERS: usize = 8;
const ELEMENTS: usize = 4;

/// What a text says that [`Spec::json`](crate::spec::Spec::json) writes for just that; none for any other text.
pub(super) fn read<'t>(text: &'t str, arena: &'t Arena) -> Option<Described<'t>> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let mut reader = Reader { text, arena, at: 0 };
    let described = reader.spec()?;
    (reader.at == text.len()).then_some(described)
}

/// Each step is none as soon as the text is not what would be written.
struct Reader<'t> {
    text: &'t str,
    arena: &'t Arena,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    fn literal(&mut self, literal: &str, view: View<'t>) -> Option<View<'t>> {
        let found = self.text.as_bytes()[self.at..].starts_with(literal.as_bytes());
        self.at += literal.len();
        found.then_some(view)
    }

    fn spec(&mut self) -> Option<Described<'t>> {
        let mut attributes: Members<'t> = &[];
        let content = self.members(|reader, name, known| {
            if name != CUSTOM_ATTRIBUTES {
                return if is_new(name, known) { reader.value(1).map(Some) } else { None };
            }
            attributes = reader.attributes()?;
            // They are written last, and only where there are some.
            (reader.peek()? == b'}' && !attributes.is_empty()).then_some(None)
        })?;
        Some(Described { content, attributes })
    }

    /// Attributes by their ids in ascending order.
    fn attributes(&mut self) -> Option<Members<'t>> {
        self.members(|reader, id, known| {
            let ascends = known.last().is_none_or(|(before, _)| *before < id);
            let value = reader.value(2)?;
            let fits = match value {
                View::Null | View::Text(_) => true,
                View::List(options) => options.iter().all(|option| option.as_text().is_some()),
                _ => false,
            };
            (ascends && fits).then_some(Some(value))
        })
    }

    fn value(&mut self, depth: usize) -> Option<View<'t>> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'"' => self.string().map(View::Text),
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'n' => self.literal("null", View::Null),
            b't' => self.literal("true", View::Bool(true)),
            b'f' => self.literal("false", View::Bool(false)),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<View<'t>> {
        let mut elements = ArenaVec::new_in(self.arena);
        self.each(*b"[]", |reader| {
            if elements.is_empty() {
                elements.reserve_exact(ELEMENTS);
            }
            elements.push(reader.value(depth + 1)?);
            Some(())
        })?;
        elements.shrink_to_fit();
        Some(View::List(elements.into_bump_slice()))
    }

    fn map(&mut self, depth: usize) -> Option<View<'t>> {
        let members = self.members(
            |reader, name, known| {
                if is_new(name, known) { reader.value(depth + 1).map(Some) } else { None }
            },
        );
        members.map(View::Map)
    }

    /// The members of a map. `value` reads the value after a name, and is given the members before it; a member without
    /// one is left out.
    fn members(
        &mut self,
        mut value: impl FnMut(&mut Self, &'t str, Members<'_>) -> Option<Option<View<'t>>>,
    ) -> Option<Members<'t>> {
        let mut members = ArenaVec::new_in(self.arena);
        self.each(*b"{}", |reader| {
            if members.is_empty() {
                members.reserve_exact(MEMBERS);
            }
            let name = reader.string()?;
            reader.take(b':')?;
            if let Some(value) = value(reader, name, &members)? {
                members.push((name, value));
            }
            Some(())
        })?;
        members.shrink_to_fit();
        Some(members.into_bump_slice())
    }

    /// What stands between two brackets, with commas in between.
    fn each(&mut self, [open, close]: [u8; 2], mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        if self.takes(close) {
            return Some(());
        }
        loop {
            read(self)?;
            if !self.takes(b',') {
                return self.take(close);
            }
        }
    }

    fn number(&mut self) -> Option<View<'t>> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(rest.len());
        self.at += length;
        let printed = &rest[..length];
        let digits = printed.strip_prefix('-').unwrap_or(printed).as_bytes();
        let plain = match digits {
            [b'0'] => digits.len() == printed.len(),
            [b'1'..=b'9', rest @ ..] => rest.len() < DIGITS_MAX && rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let number = Number::of_printed(printed)?;
        (plain || number.to_string() == printed).then_some(View::Number(number))
    }

    /// A string as [`json::quote_into`] writes it.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let plain = self.plain()?;
        if self.takes(b'"') {
            return Some(plain);
        }
        let mut text = ArenaString::with_capacity_in(2 * plain.len() + 64, self.arena);
        text.push_str(plain);
        while !self.takes(b'"') {
            self.take(b'\\')?;
            text.push(self.escaped()?);
            text.push_str(self.plain()?);
        }
        Some(text.into_bump_str())
    }

    /// What stands before the next quote or escape.
    fn plain(&mut self) -> Option<&'t str> {
        let rest = &self.text[self.at..];
        let plain = &rest[..json::first_to_escape(rest.as_bytes())?];
        self.at += plain.len();
        Some(plain)
    }

    /// What is meant by what follows a backslash.
    fn escaped(&mut self) -> Option<char> {
        let rest = &self.text.as_bytes()[self.at..];
        let (meant, length) = match *rest {
            [letter @ (b'"' | b'\\'), ..] => (letter, 1),
            [b'n', ..] => (b'\n', 1),
            [b'r', ..] => (b'\r', 1),
            [b't', ..] => (b'\t', 1),
            [b'b', ..] => (0x08, 1),
            [b'f', ..] => (0x0c, 1),
            // The control characters that have no shorter form.
            [b'u', b'0', b'0', b'0', digit @ (b'0'..=b'7' | b'b' | b'e' | b'f'), ..] => (hexadecimal(digit), 5),
            [b'u', b'0', b'0', b'1', digit @ (b'0'..=b'9' | b'a'..=b'f'), ..] => (0x10 + hexadecimal(digit), 5),
            _ => return None,
        };
        self.at += length;
        Some(char::from(meant))
    }
}

/// Whether no member has this name, of those that are not too many to look through.
fn is_new(name: &str, members: Members<'_>) -> bool {
    members.len() < MEMBERS_MAX && members.iter().all(|(known, _)| *known != name)
}

/// The value of a digit in lower case.
fn hexadecimal(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}
