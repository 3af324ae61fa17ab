//! Escapes of surrogate pairs in YAML: `"\ud83c\udf89"`, as programs write them that think of JSON.
//!
//! The parser knows no such escape. So before it looks, each half is disguised as a character of the private use area,
//! which keeps every place as it is: `\ud83c` becomes `\ue83c`. What it read is put together afterwards.

use std::borrow::Cow;

use crate::yaml::tree::{Content, Entry, Node};

/// The private characters that stand for halves: U+E800 to U+EFFF for U+D800 to U+DFFF.
const DISGUISED: std::ops::RangeInclusive<char> = '\u{e800}'..='\u{efff}';

/// Half of a pair without the other one.
pub(super) struct Half;

/// The text with each half in disguise; none if there is no half, or if the text has such private characters already.
pub(super) fn disguise(text: &str) -> Option<String> {
    escapes(text, b'd').next()?;
    let is_private = |letter: char| DISGUISED.contains(&letter);
    if escapes(text, b'e').next().is_some() || text.contains("\\U0000") || text.chars().any(is_private) {
        return None;
    }
    Some(replaced(text, b'd', 'e'))
}

/// A node as it was meant, with nothing borrowed from the disguised text.
pub(super) fn reveal<'t>(node: Node<'_>) -> Result<Node<'t>, (Node<'static>, Half)> {
    let Node { start, end, content } = node;
    let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    let fail = |half| (Node { start, end, content: Content::Null }, half);
    let content = match content {
        Content::Null => Content::Null,
        Content::Bool(value, text) => Content::Bool(value, owned(text)),
        Content::Number(number, text) => Content::Number(number, owned(text)),
        Content::OddNumber(text) => Content::OddNumber(owned(text)),
        Content::Text(text) => Content::Text(revealed(&text).map_err(fail)?.into()),
        Content::List(items) => Content::List(items.into_iter().map(reveal).collect::<Result<_, _>>()?),
        Content::Map(entries) => {
            let entry = |Entry { key, key_start, key_end, value }: Entry<'_>| {
                let at_key = |half| (Node { start: key_start, end: key_end, content: Content::Null }, half);
                let key = revealed(&key).map_err(at_key)?.into();
                Ok(Entry { key, key_start, key_end, value: reveal(value)? })
            };
            Content::Map(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
    };
    Ok(Node { start, end, content })
}

/// In single quotes, or without quotes, there are no escapes: such a text gets its letters back.
fn revealed(text: &str) -> Result<String, Half> {
    let text = replaced(text, b'e', 'd');
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if !DISGUISED.contains(&letter) {
            out.push(letter);
            continue;
        }
        let half = |letter: char| u32::from(letter) - 0x1000;
        let (high, low) = (half(letter), letters.next_if(|next| DISGUISED.contains(next)).map_or(0, half));
        let pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
        let code = pair.then(|| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        out.push(code.and_then(char::from_u32).ok_or(Half)?);
    }
    Ok(out)
}

/// Where the digits begin of what looks like an escape of a half: `\uXXXX` with `first` and then 8 to f.
fn escapes(text: &str, first: u8) -> impl Iterator<Item = usize> {
    let is_half = move |digits: &[u8]| {
        digits[0].eq_ignore_ascii_case(&first)
            && matches!(digits[1], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
            && digits.iter().all(u8::is_ascii_hexdigit)
    };
    let digits = text.match_indices("\\u").map(|(index, _)| index + 2);
    digits.filter(move |index| text.as_bytes().get(*index..index + 4).is_some_and(is_half))
}

fn replaced(text: &str, first: u8, with: char) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for index in escapes(text, first) {
        out.push_str(&text[from..index]);
        out.push(with);
        from = index + 1;
    }
    out.push_str(&text[from..]);
    out
}
