//! Lines of a journal: checksums, and what a dying process leaves behind.

use crate::digest::Digest;
use crate::journal::entry::Entry;
use crate::journal::entry_v1;
use crate::journal::line_error::LineError;

/// How many hexadecimal digits of the SHA-256 are in front: this finds torn and flipped bytes, not forgers.
const CHECKSUM_DIGITS: usize = 16;

/// A journal that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    pub entries: Vec<Entry>,
    /// The length of its sound lines. Less than the whole when the last line is torn; what is appended goes here, after
    /// the end of the last line where only that is missing.
    pub sound_bytes: u64,
}

/// An entry as a line, `\n` included.
pub fn write_line(entry: &Entry) -> String {
    let json = entry_v1::write(entry);
    format!("{} {json}\n", checksum(&json))
}

/// Reads a journal. A torn last line is left out: it has no end, because whoever wrote it died. A batch is written in
/// order, so there is nothing behind it.
///
/// # Errors
/// A damaged line, or one that is no entry although its checksum fits.
pub fn read(bytes: &[u8]) -> Result<Lines, LineError> {
    let (texts, sound_bytes) = sound_lines(bytes)?;
    let entries = texts.iter().zip(1..).map(|(json, line)| entry_v1::read(json, line)).collect::<Result<_, _>>()?;
    Ok(Lines { entries, sound_bytes })
}

/// The length of the sound lines of a journal, without reading what they say.
///
/// # Errors
/// A damaged line.
pub fn sound_bytes(bytes: &[u8]) -> Result<u64, LineError> {
    sound_lines(bytes).map(|(_, length)| length)
}

fn sound_lines(bytes: &[u8]) -> Result<(Vec<&str>, u64), LineError> {
    let mut texts = Vec::new();
    let lines = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut length = bytes.len() - lines.len();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        match sound_json(line.strip_suffix(b"\n").unwrap_or(line)) {
            Some(json) => texts.push(json),
            None if is_torn(line) => break,
            None => return Err(LineError::Damaged { line: texts.len() + 1 }),
        }
        length += line.len();
    }
    Ok((texts, length as u64))
}

/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a line that is not sound has no end. If only its last byte is wrong, that was its end.
fn is_torn(line: &[u8]) -> bool {
    line.split_last().is_some_and(|(end, line)| *end != b'\n' && sound_json(line).is_none())
}

/// The JSON of a line without its end: even if that was not written, all that the line says was.
fn sound_json(line: &[u8]) -> Option<&str> {
    let line = str::from_utf8(line).ok()?;
    let (sum, rest) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let json = rest.strip_prefix(' ')?;
    (checksum(json) == sum).then_some(json)
}

fn checksum(json: &str) -> String {
    Digest::of_bytes(json.as_bytes()).short(CHECKSUM_DIGITS)
}
