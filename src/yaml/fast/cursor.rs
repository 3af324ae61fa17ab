//! A position in the text that knows its line and column.

use crate::scratch::Arena;
use crate::source::Place;

/// Where reading has come to.
pub(super) struct Cursor<'t> {
    pub text: &'t str,
    /// Where nodes and texts stand that are not in `text` as they are.
    pub arena: &'t Arena,
    bytes: &'t [u8],
    /// The byte that is looked at.
    pub at: usize,
    line: u32,
    line_start: usize,
    /// Columns, from 0, of the content that [`Cursor::next_content`] stopped at; -1 where no block goes on.
    column: i32,
    /// Up to here the bytes of this line that begin no character were counted, and so many there are.
    counted: usize,
    inner_bytes: usize,
    /// The first byte from `counted` on that is not ASCII, unless it is before this line: then it is not known.
    beyond_ascii: usize,
    /// The flow collection that is read has had a plain scalar: see [`crate::yaml::fast::flow`].
    pub plain_in_flow: bool,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str, arena: &'t Arena) -> Self {
        Cursor {
            text,
            arena,
            bytes: text.as_bytes(),
            at: 0,
            line: 1,
            line_start: 0,
            column: 0,
            counted: 0,
            inner_bytes: 0,
            beyond_ascii: first_beyond_ascii(text.as_bytes(), 0),
            plain_in_flow: false,
        }
    }

    /// The byte at an index, and 0 after the end.
    #[inline]
    pub fn byte(&self, index: usize) -> u8 {
        self.bytes.get(index).copied().unwrap_or(0)
    }

    /// The byte that is looked at, and 0 at the end.
    #[inline]
    pub fn here(&self) -> u8 {
        self.byte(self.at)
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The column of the content that was found, counted from 0; -1 at the end of a document.
    pub fn column(&self) -> i32 {
        self.column
    }

    /// Takes the column of `at` for that of content: what follows a dash on its line.
    pub fn content_here(&mut self) {
        self.column = (self.at - self.line_start) as i32;
    }

    /// Whether a dash stands here that begins an item.
    pub fn at_dash(&self) -> bool {
        self.here() == b'-' && ends_token(self.byte(self.at + 1))
    }

    /// The place of a byte on this line. Places are asked for in the order of the text.
    #[inline]
    pub fn place(&mut self, index: usize) -> Place {
        debug_assert!(index >= self.counted, "places are asked for in order");
        if index > self.beyond_ascii {
            self.count_to(index);
        }
        Place { line: self.line, column: (index - self.line_start - self.inner_bytes) as u32 + 1 }
    }

    fn count_to(&mut self, index: usize) {
        if self.beyond_ascii < self.counted {
            self.beyond_ascii = first_beyond_ascii(self.bytes, self.counted);
        }
        if index > self.beyond_ascii {
            let bytes = &self.bytes[self.beyond_ascii..index];
            self.inner_bytes += bytes.iter().filter(|byte| (**byte as i8) < -0x40).count();
            self.counted = index;
            self.beyond_ascii = first_beyond_ascii(self.bytes, index);
        }
    }

    /// Where a block collection ends: at the next content. The end of the text counts as the start of a line.
    #[inline]
    pub fn block_end(&mut self) -> Place {
        if self.at_end() && self.at > self.line_start {
            return Place { line: self.line + 1, column: 1 };
        }
        self.place(self.at)
    }

    /// Goes over blanks. A tab is content.
    #[inline]
    pub fn skip_spaces(&mut self) {
        while self.here() == b' ' {
            self.at += 1;
        }
    }

    /// The first byte from an index on that is wanted, or the end.
    #[inline]
    pub fn find(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = &self.bytes[from..];
        from + rest.iter().position(|byte| wanted(*byte)).unwrap_or(rest.len())
    }

    /// The first line break from an index on, or the end.
    #[inline]
    pub fn line_end(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |length| from + length)
    }

    /// The next byte is in a new line, the first one of it.
    #[inline]
    pub fn new_line(&mut self, start: usize) {
        self.line += 1;
        self.line_start = start;
        self.counted = start;
        self.inner_bytes = 0;
        self.at = start;
    }

    /// Goes over blanks and a comment up to the end of the line; none when there is anything else.
    #[inline]
    pub fn rest_of_line(&mut self) -> Option<()> {
        self.skip_spaces();
        match self.here() {
            b'\n' | 0 => Some(()),
            b'#' => self.comment(),
            _ => None,
        }
    }

    /// Goes over the comment whose `#` is looked at; none when there is no blank before it, which makes it no comment.
    #[inline]
    pub fn comment(&mut self) -> Option<()> {
        let separated = self.at > 0 && self.byte(self.at - 1) == b' ';
        self.at = self.line_end(self.at);
        separated.then_some(())
    }

    /// From the end of a value to the next content; none when the line has more.
    #[inline]
    pub fn end_line(&mut self) -> Option<()> {
        self.rest_of_line()?;
        self.next_content()
    }

    /// Goes over blank lines and comments to the next content, and takes its column. At a `---`, a `...` and the end of
    /// the text that is -1. None where the parser has rules of its own.
    pub fn next_content(&mut self) -> Option<()> {
        loop {
            self.skip_spaces();
            match self.here() {
                b'\n' => self.new_line(self.at + 1),
                b'#' => self.at = self.line_end(self.at),
                b'\t' => return None,
                0 => {
                    self.column = -1;
                    // A last line with a comment or blanks only, and no line break, ends some blocks one line early.
                    let last = self.text[self.line_start..].trim_start_matches(' ');
                    let has_content = !last.is_empty() && !last.starts_with('#');
                    return (self.at == self.line_start || has_content).then_some(());
                }
                _ => break,
            }
        }
        self.content_here();
        if self.column == 0 {
            match self.here() {
                b'%' => return None,
                b'-' | b'.' if self.at_document_marker() => self.column = -1,
                _ => {}
            }
        }
        Some(())
    }

    fn at_document_marker(&self) -> bool {
        let marker = [self.here(), self.byte(self.at + 1), self.byte(self.at + 2)];
        (marker == *b"---" || marker == *b"...") && ends_token(self.byte(self.at + 3))
    }

    /// Goes over a `---` with nothing else in its line.
    pub fn document_start(&mut self) -> Option<()> {
        if self.here() != b'-' {
            return None;
        }
        self.at += 3;
        self.end_line()
    }
}

/// The first byte from an index on that is not ASCII, or the end.
fn first_beyond_ascii(bytes: &[u8], from: usize) -> usize {
    let (chunks, _) = bytes[from..].as_chunks::<32>();
    let clean = chunks.iter().take_while(|chunk| chunk.is_ascii()).count() * 32;
    let rest = &bytes[from + clean..];
    from + clean + rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len())
}

/// A blank, a line break or the end: what must follow a `-`, and mostly a `:`.
#[inline]
pub(super) fn ends_token(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | 0)
}
