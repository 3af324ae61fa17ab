//! Bytes to text: what encoding, which characters, YAML or JSON.

use std::sync::Arc;

use crate::finding::{Findings, code};
use crate::reporter::Reporter;
use crate::source::Place;

/// How a text is read. JSON is YAML, except surrogate pairs in escapes and tabs between tokens: it has a reader of its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Json,
}

impl Format {
    /// By the ending of a file's name; what has none, standard input, by its first character.
    pub fn of(file: &str, text: &str) -> Self {
        let standard_input = file.starts_with('<');
        let looks_like_json = || {
            let first = text.trim_start().chars().next();
            // A YAML flow map may begin so too; then it is no JSON, and YAML it is.
            first == Some('{')
                && serde_json::Deserializer::from_str(text)
                    .into_iter::<serde::de::IgnoredAny>()
                    .all(|value| value.is_ok())
        };
        if file.ends_with(".json") || standard_input && looks_like_json() { Format::Json } else { Format::Yaml }
    }
}

/// The text of a file without a byte order mark.
///
/// # Errors
/// Too large, not UTF-8, or a control character below U+0020 other than tab, line feed and carriage return. YAML
/// parsers take U+0000 for the end of the text, which would lose what comes after it without a word.
pub fn decode<'b>(file: &Arc<str>, bytes: &'b [u8]) -> Result<&'b str, Findings> {
    let fail = |text: &str, code, place: Place, message: String, hint: &str| {
        let mut reporter = Reporter::new(file, text);
        reporter.error(code, (place, Place { line: place.line, column: place.column + 1 }), message).hint(hint);
        Err(reporter.finish())
    };
    if bytes.len() as u64 > crate::yaml::SIZE_LIMIT {
        return fail(
            "",
            code::TOO_LARGE,
            Place::START,
            "the file is larger than 16 MiB".into(),
            "split it into several files",
        );
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return fail("", code::NOT_UTF8, Place::START, "the file is UTF-16, not UTF-8".into(), "save it as UTF-8");
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let message = format!("the byte 0x{:02x} is not part of UTF-8 text", bytes[error.valid_up_to()]);
            return fail(good, code::NOT_UTF8, place_after(good), message, "save the file as UTF-8");
        }
    };
    if let Some(index) = control_character(bytes) {
        let message = format!("the control character U+{:04X} is not allowed in YAML or JSON text", bytes[index]);
        let hint = "remove it, or write it as an escape inside double quotes";
        return fail(text, code::BAD_CHARACTER, place_after(&text[..index]), message, hint);
    }
    Ok(text)
}

/// The index of the first character that is refused. Looks at many bytes at once, since there is hardly ever one.
fn control_character(bytes: &[u8]) -> Option<usize> {
    let is_refused = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let may_be = |byte: u8| (byte < 0x20) & (byte != b'\n');
    let may_have_one = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | may_be(*byte));
    let chunks = bytes.chunks(256).enumerate().filter(|(_, chunk)| may_have_one(chunk));
    let mut found = chunks.filter_map(|(number, chunk)| {
        chunk.iter().position(|byte| is_refused(*byte)).map(|index| number * 256 + index)
    });
    found.next()
}

/// The place of the character that would follow `text`.
fn place_after(text: &str) -> Place {
    let line_start = text.rfind('\n').map_or(0, |index| index + 1);
    Place {
        line: 1 + text.bytes().filter(|byte| *byte == b'\n').count() as u32,
        column: 1 + text[line_start..].chars().count() as u32,
    }
}
