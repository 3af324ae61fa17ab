//! The form in which specs wait: a text that is quick to write, and that is looked at where it stands.
//!
//! Nothing in it has to be searched for and nothing is escaped, as it would have to be in JSON: whatever can be long
//! says first how long it is. It never leaves the process.
//!
//! | value | packed |
//! | --- | --- |
//! | null, true, false | `n`, `t`, `f` |
//! | a number | `i`, `u` or `d` for [`Number`]'s three kinds, and its 64 bits as an integer |
//! | a text | `"`, its length in bytes, and the text |
//! | a list | `[`, its length, and its elements |
//! | a map | `{`, its length, and of each member the length of the name, the name, and the value |
//!
//! An integer is written in digits of six bits, the lowest first. All digits but the last have [`MORE`] added.

use crate::scratch::Arena;
use crate::value::Number;
use crate::view::{Members, View};

/// The bits of a digit.
const BITS: u32 = 6;

/// What a digit has added that is not the last. So every digit is one byte of a text.
const MORE: u8 = 1 << BITS;

/// Appends a map.
pub(super) fn write(members: Members<'_>, out: &mut String) {
    out.push('{');
    write_length(members.len(), out);
    for (name, value) in members {
        write_text(name, out);
        write_value(*value, out);
    }
}

fn write_value(value: View<'_>, out: &mut String) {
    match value {
        View::Null | View::SetByDixaform => out.push('n'),
        View::Bool(true) => out.push('t'),
        View::Bool(false) => out.push('f'),
        View::Number(Number::Integer(number)) => write_integer('i', number.cast_unsigned(), out),
        View::Number(Number::Unsigned(number)) => write_integer('u', number, out),
        View::Number(Number::Float(number)) => write_integer('d', number.to_bits(), out),
        View::Text(text) => {
            out.push('"');
            write_text(text, out);
        }
        View::List(elements) => {
            out.push('[');
            write_length(elements.len(), out);
            elements.iter().for_each(|element| write_value(*element, out));
        }
        View::Map(members) => write(members, out),
    }
}

fn write_text(text: &str, out: &mut String) {
    write_length(text.len(), out);
    out.push_str(text);
}

fn write_integer(kind: char, integer: u64, out: &mut String) {
    out.push(kind);
    write_digits(integer, out);
}

fn write_length(length: usize, out: &mut String) {
    write_digits(length as u64, out);
}

fn write_digits(mut integer: u64, out: &mut String) {
    while integer >= u64::from(MORE) {
        out.push(char::from(MORE | low(integer)));
        integer >>= BITS;
    }
    out.push(char::from(low(integer)));
}

/// The lowest digit.
fn low(integer: u64) -> u8 {
    (integer % u64::from(MORE)) as u8
}

/// Whether a packed map has no members.
pub(super) fn is_empty(map: &str) -> bool {
    map == "{\0"
}

/// The members of a map.
///
/// # Panics
/// When [`write`] did not write it.
pub(super) fn read<'t>(text: &'t str, arena: &'t Arena) -> Members<'t> {
    match (Reader { text, arena }).value() {
        View::Map(members) => members,
        _ => unreachable!("only maps are written"),
    }
}

struct Reader<'t> {
    /// What was not read so far.
    text: &'t str,
    arena: &'t Arena,
}

impl<'t> Reader<'t> {
    fn value(&mut self) -> View<'t> {
        match self.byte() {
            b'n' => View::Null,
            b't' => View::Bool(true),
            b'f' => View::Bool(false),
            b'i' => View::Number(Number::Integer(self.digits().cast_signed())),
            b'u' => View::Number(Number::Unsigned(self.digits())),
            b'd' => View::Number(Number::Float(f64::from_bits(self.digits()))),
            b'"' => View::Text(self.text()),
            b'[' => {
                let length = self.length();
                View::List(self.arena.alloc_slice_fill_with(length, |_| self.value()))
            }
            b'{' => {
                let length = self.length();
                View::Map(self.arena.alloc_slice_fill_with(length, |_| (self.text(), self.value())))
            }
            _ => unreachable!("nothing else is written"),
        }
    }

    fn text(&mut self) -> &'t str {
        let length = self.length();
        let (text, rest) = self.text.split_at(length);
        self.text = rest;
        text
    }

    fn length(&mut self) -> usize {
        self.digits() as usize
    }

    fn digits(&mut self) -> u64 {
        let (mut integer, mut shift) = (0, 0);
        loop {
            let digit = self.byte();
            integer |= u64::from(digit % MORE) << shift;
            if digit < MORE {
                return integer;
            }
            shift += BITS;
        }
    }

    fn byte(&mut self) -> u8 {
        let byte = self.text.as_bytes()[0];
        self.text = &self.text[1..];
        byte
    }
}
