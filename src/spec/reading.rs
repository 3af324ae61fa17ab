//! What the text of a spec says, read where it stands: only texts with escapes are copied.

use crate::json;
use crate::scratch::{Arena, ArenaString, ArenaVec};
use crate::value::Number;
use crate::view::{Members, View};

/// Room for the members of most maps, and for the elements of most lists.
const MEMBERS: usize = 8;
const ELEMENTS: usize = 4;

/// The members of a spec, from the text that [`Spec::of`](crate::spec::Spec::of) writes. Of another text it says
/// nothing: what comes out may be none, or anything.
pub(super) fn read<'t>(text: &'t str, arena: &'t Arena) -> Option<Members<'t>> {
    let mut reader = Reader { text, arena, at: 0 };
    match reader.value()? {
        View::Map(members) if reader.at == text.len() => Some(members),
        _ => None,
    }
}

/// Each step is none as soon as the text is not what would be written.
struct Reader<'t> {
    text: &'t str,
    arena: &'t Arena,
    at: usize,
}

impl<'t> Reader<'t> {
    fn takes(&mut self, byte: u8) -> bool {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
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

    fn value(&mut self) -> Option<View<'t>> {
        match self.text.as_bytes().get(self.at)? {
            b'"' => self.string().map(View::Text),
            b'{' => self.map(),
            b'[' => self.list(),
            b'n' => self.literal("null", View::Null),
            b't' => self.literal("true", View::Bool(true)),
            b'f' => self.literal("false", View::Bool(false)),
            _ => self.number(),
        }
    }

    fn list(&mut self) -> Option<View<'t>> {
        let mut elements = ArenaVec::new_in(self.arena);
        self.each(*b"[]", |reader| {
            if elements.is_empty() {
                elements.reserve_exact(ELEMENTS);
            }
            elements.push(reader.value()?);
            Some(())
        })?;
        elements.shrink_to_fit();
        Some(View::List(elements.into_bump_slice()))
    }

    fn map(&mut self) -> Option<View<'t>> {
        let mut members = ArenaVec::new_in(self.arena);
        self.each(*b"{}", |reader| {
            if members.is_empty() {
                members.reserve_exact(MEMBERS);
            }
            let name = reader.string()?;
            reader.take(b':')?;
            members.push((name, reader.value()?));
            Some(())
        })?;
        members.shrink_to_fit();
        Some(View::Map(members.into_bump_slice()))
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
        Number::of_printed(&rest[..length]).map(View::Number)
    }

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
        let letter = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' => char::from(letter),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            _ => return None,
        })
    }
}
