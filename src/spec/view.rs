//! What the text of a spec says, read where it stands: only texts with escapes are copied.

use std::borrow::Cow;

use crate::json;

/// A value of a spec. Members of a map are in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum View<'t> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'t str),
    Text(Cow<'t, str>),
    List(Vec<View<'t>>),
    Map(Members<'t>),
    /// See [`crate::value::Value::SetByDixaform`].
    SetByDixaform,
}

/// The members of a map. Names are unique.
pub type Members<'t> = Vec<(Cow<'t, str>, View<'t>)>;

/// The members of a spec; none of a text that is not what [`Spec::of`](crate::spec::Spec::of) writes.
pub(super) fn read(text: &str) -> Option<Members<'_>> {
    let mut reader = Reader { text, at: 0, elements: Vec::new(), members: Vec::new() };
    match reader.value()? {
        View::Map(members) if reader.at == text.len() => Some(members),
        _ => None,
    }
}

/// Sets the `externalId` of the first message, as [`crate::conversation::mark`] does.
pub fn mark<'t>(content: &mut Members<'t>, external_id: View<'t>) {
    let at = |name: &str| content.iter().position(|(known, _)| known == name);
    let message = match at("message").or_else(|| at("messages")).map(|at| &mut content[at].1) {
        Some(View::Map(message)) => message,
        Some(View::List(messages)) => match messages.first_mut() {
            Some(View::Map(message)) => message,
            _ => return,
        },
        _ => return,
    };
    match message.iter_mut().find(|(name, _)| name == "externalId") {
        Some((_, slot)) => *slot = external_id,
        None => message.push((Cow::Borrowed("externalId"), external_id)),
    }
}

/// Each step is none as soon as the text is not what would be written.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// What the lists and maps around the cursor have so far: each takes its own from the end when it is complete, and
    /// so just the room that it needs.
    elements: Vec<View<'t>>,
    members: Members<'t>,
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
        let first = self.elements.len();
        self.each(*b"[]", |reader| {
            let element = reader.value()?;
            reader.elements.push(element);
            Some(())
        })?;
        Some(View::List(self.elements.drain(first..).collect()))
    }

    fn map(&mut self) -> Option<View<'t>> {
        let first = self.members.len();
        self.each(*b"{}", |reader| {
            let name = reader.string()?;
            reader.take(b':')?;
            let member = reader.value()?;
            reader.members.push((name, member));
            Some(())
        })?;
        Some(View::Map(self.members.drain(first..).collect()))
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
        (length > 0).then(|| View::Number(&rest[..length]))
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        self.take(b'"')?;
        let plain = self.plain()?;
        if self.takes(b'"') {
            return Some(Cow::Borrowed(plain));
        }
        let mut text = String::with_capacity(2 * plain.len() + 64);
        text.push_str(plain);
        while !self.takes(b'"') {
            self.take(b'\\')?;
            text.push(self.escaped()?);
            text.push_str(self.plain()?);
        }
        Some(Cow::Owned(text))
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
