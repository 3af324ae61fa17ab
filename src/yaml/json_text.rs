//! JSON text to trees: RFC 8259, strictly. Several values after one another are several documents.

use std::borrow::Cow;

use crate::finding::code;
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::scalar;
use crate::yaml::tree::{Content, Entry, Node};
use crate::yaml::{Each, VALUES_LIMIT, too_many_values};

/// All documents up to the first error of syntax.
pub(super) fn read<'t>(text: &'t str, reporter: &mut Reporter<'_>, each: Each<'_, 't>) {
    let mut reader = Reader { text, at: 0, place: Place::START, depth: 0, values: 0, reporter };
    reader.skip_space();
    while reader.at < text.len() {
        reader.values = 0;
        let Ok(node) = reader.value() else { return };
        if !matches!(node.content, Content::Null) {
            each(node, reader.reporter);
        }
        reader.skip_space();
    }
}

/// The finding is reported; nothing after it can be read.
struct Stop;

struct Reader<'r, 'f, 't> {
    text: &'t str,
    /// In bytes; always between two characters.
    at: usize,
    place: Place,
    depth: usize,
    /// How many values and keys this document has so far.
    values: usize,
    reporter: &'r mut Reporter<'f>,
}

impl<'t> Reader<'_, '_, 't> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.bump();
        }
    }

    fn fail<T>(&mut self, message: impl Into<String>, hint: &str) -> Result<T, Stop> {
        let end = Place { line: self.place.line, column: self.place.column + 1 };
        self.reporter.error(code::JSON_SYNTAX, (self.place, end), message).hint(hint);
        Err(Stop)
    }

    fn unexpected<T>(&mut self, wanted: &str) -> Result<T, Stop> {
        let found = self.peek().map_or_else(|| "the end of the text".to_owned(), |found| format!("`{found}`"));
        let hint = match self.peek() {
            Some('\'') => "JSON strings need double quotes",
            Some('}' | ']') => "JSON allows no comma after the last element",
            None => "something is still open: a quote, a bracket or a brace",
            Some(_) => "check commas, quotes and brackets here and before",
        };
        self.fail(format!("expected {wanted}, found {found}"), hint)
    }

    fn value(&mut self) -> Result<Node<'t>, Stop> {
        let start = self.place;
        self.values += 1;
        if self.values > VALUES_LIMIT {
            too_many_values((start, start), self.reporter);
            return Err(Stop);
        }
        let content = match self.peek() {
            Some('{') => self.nested(Reader::map)?,
            Some('[') => self.nested(Reader::list)?,
            Some('"') => Content::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('a'..='z') => self.word()?,
            _ => return self.unexpected("a value"),
        };
        Ok(Node { start, end: self.place, content })
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Content<'t>, Stop>) -> Result<Content<'t>, Stop> {
        if self.depth >= crate::yaml::DEPTH_LIMIT {
            let message = format!("more than {} levels inside each other", crate::yaml::DEPTH_LIMIT);
            let end = Place { line: self.place.line, column: self.place.column + 1 };
            self.reporter.error(code::TOO_DEEP, (self.place, end), message).hint("no manifest needs that; flatten it");
            return Err(Stop);
        }
        self.depth += 1;
        self.bump();
        self.skip_space();
        let content = read(self);
        self.depth -= 1;
        content
    }

    fn list(&mut self) -> Result<Content<'t>, Stop> {
        let mut items = Vec::new();
        if self.peek() == Some(']') {
            self.bump();
            return Ok(Content::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some(']') => {
                    self.bump();
                    return Ok(Content::List(items));
                }
                _ => return self.unexpected("`,` or `]`"),
            };
            self.skip_space();
        }
    }

    fn map(&mut self) -> Result<Content<'t>, Stop> {
        let mut entries: Vec<Entry<'t>> = Vec::new();
        let mut known = std::collections::HashMap::new();
        if self.peek() == Some('}') {
            self.bump();
            return Ok(Content::Map(entries));
        }
        loop {
            let key_start = self.place;
            if self.peek() != Some('"') {
                return self.unexpected("a key in double quotes");
            }
            let key = self.string()?;
            self.values += 1;
            let key_end = self.place;
            self.skip_space();
            if self.peek() != Some(':') {
                return self.unexpected("`:`");
            }
            self.bump();
            self.skip_space();
            let value = self.value()?;
            if let Some(first) = known.insert(key.clone(), key_start) {
                let before = self.reporter.source(first);
                self.reporter
                    .error(
                        code::DUPLICATE_KEY,
                        (key_start, key_end),
                        format!("the key `{key}` occurs twice in one map"),
                    )
                    .hint("keep one of the two")
                    .related(before, "first used here");
            } else {
                entries.push(Entry { key, key_start, key_end, value });
            }
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some('}') => {
                    self.bump();
                    return Ok(Content::Map(entries));
                }
                _ => return self.unexpected("`,` or `}`"),
            };
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Stop> {
        self.bump();
        let begin = self.at;
        let mut owned: Option<String> = None;
        loop {
            let from = self.at;
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return Ok(owned.map_or(Cow::Borrowed(&self.text[begin..from]), Cow::Owned));
                }
                Some('\\') => {
                    let mut text = owned.unwrap_or_else(|| self.text[begin..from].to_owned());
                    self.bump();
                    text.push(self.escape()?);
                    owned = Some(text);
                }
                Some(next) if next >= ' ' => {
                    self.bump();
                    if let Some(text) = &mut owned {
                        text.push(next);
                    }
                }
                _ => {
                    return self
                        .fail("this string does not end on its line", "close the quote; write a line break as \\n");
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let escaped = match self.peek() {
            Some(plain @ ('"' | '\\' | '/')) => plain,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(),
            _ => return self.fail("unknown escape", "JSON allows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"),
        };
        self.bump();
        Ok(escaped)
    }

    /// `\uXXXX`, or a surrogate pair of two of them. The `u` is next.
    fn unicode_escape(&mut self) -> Result<char, Stop> {
        let first = self.hex_unit()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.bump();
                let second = self.hex_unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.fail("half of a surrogate pair", "write both halves, or the character itself");
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            unit => unit,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.fail("half of a surrogate pair", "write both halves, or the character itself"),
        }
    }

    fn hex_unit(&mut self) -> Result<u32, Stop> {
        let digits = self.rest().get(1..5).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.fail("\\u needs four hexadecimal digits", "write for example \\u00e6");
        };
        for _ in 0..5 {
            self.bump();
        }
        Ok(unit)
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`
    fn number(&mut self) -> Result<Content<'t>, Stop> {
        let rest = self.rest();
        let length =
            rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let text = &rest[..length];
        // serde_json knows what a JSON number is.
        if serde_json::from_str::<&serde_json::value::RawValue>(text).is_err() {
            return self
                .fail(format!("`{text}` is not a JSON number"), "write it as JSON does, or as a string in quotes");
        }
        for _ in 0..length {
            self.bump();
        }
        let number = if text.contains(['.', 'e', 'E']) {
            scalar::decimal(text)
        } else {
            scalar::integer(text.trim_start_matches('-'), 10, text.starts_with('-'))
        };
        Ok(match number {
            Ok(number) => Content::Number(number, text.into()),
            Err(_) => Content::OddNumber(text.into()),
        })
    }

    fn word(&mut self) -> Result<Content<'t>, Stop> {
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let text = &rest[..length];
        let content = match text {
            "null" => Content::Null,
            "true" => Content::Bool(true, text.into()),
            "false" => Content::Bool(false, text.into()),
            _ => return self.fail(format!("`{text}` is not JSON"), "strings need double quotes"),
        };
        for _ in 0..length {
            self.bump();
        }
        Ok(content)
    }
}
