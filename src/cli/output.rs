//! The two streams: results go to standard output, everything else to standard error.
//!
//! All that is written passes through here, and nothing that is meant for people leaves as more than text: see
//! [`lines`]. Nor does a token: see [`hidden`].

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use crate::cli::args::{Color, Globals};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::reader::Reader;
use crate::cli::secrets::hidden;
use crate::render::escape::{escape, lines};
use crate::render::palette::Palette;
use crate::render::pieces::Pieces;

/// How to write to both streams.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// For standard output.
    pub palette: Palette,
    /// For standard error.
    pub error_palette: Palette,
    /// The width of the terminal that standard output is, in columns.
    pub width: Option<usize>,
    quiet: bool,
    /// Whether every finding is shown, however many are alike.
    pub all: bool,
}

impl Output {
    pub fn new(globals: &Globals) -> Self {
        let stdout = anstream::AutoStream::choice(&io::stdout());
        let stderr = anstream::AutoStream::choice(&io::stderr());
        let palette = |auto: anstream::ColorChoice| match globals.color {
            Color::Always => Palette::colour(),
            Color::Never => Palette::plain(),
            Color::Auto if auto == anstream::ColorChoice::Never => Palette::plain(),
            Color::Auto => Palette::colour(),
        };
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        Output { palette: palette(stdout), error_palette: palette(stderr), width, quiet: globals.quiet, all: false }
    }

    /// The same, with every finding or with one of many that are alike.
    pub fn showing(self, all: bool) -> Self {
        Output { all, ..self }
    }

    /// How to write before it is known what is wanted.
    pub fn plain() -> Self {
        Output { palette: Palette::plain(), error_palette: Palette::plain(), width: None, quiet: false, all: false }
    }

    /// Writes a result to standard output: words without colour, in which others may have a say.
    ///
    /// # Errors
    /// The stream can't be written. A reader that has seen enough (`| head`) changes nothing about what a command does,
    /// nor about its exit code.
    pub fn result(&self, text: &str) -> Result<(), Error> {
        self.write(std::iter::once(lines(text, &Palette::plain())))
    }

    /// Writes a result to standard output, piece by piece. Nothing more is made once nobody reads it. The pieces of
    /// what a person reads are whole lines.
    ///
    /// # Errors
    /// As for [`Output::result`].
    pub fn pieces(&self, pieces: Pieces<'_>, reader: Reader) -> Result<(), Error> {
        self.write(pieces.map(|piece| reader.takes(piece, &self.palette)))
    }

    fn write(&self, pieces: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        let mut pieces = pieces.into_iter();
        let written = pieces.try_for_each(|piece| stdout.write_all(hidden(piece.as_ref()).as_bytes()));
        match written.and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Error::new(Exit::Failed, format!("can't write to standard output: {error}"))),
        }
    }

    /// Tells something on standard error, unless only results and errors are wanted.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// [`Output::note`] for what was painted with [`Output::error_palette`].
    pub fn note_painted(&self, text: &str) {
        if !self.quiet {
            self.error_painted(text);
        }
    }

    /// Tells something on standard error.
    pub fn error(&self, text: &str) {
        to_stderr(&lines(text, &Palette::plain()));
    }

    /// [`Output::error`] for what was painted with [`Output::error_palette`].
    pub fn error_painted(&self, text: &str) {
        to_stderr(&lines(text, &self.error_palette));
    }

    /// Writes a form of a result to standard error.
    pub fn pieces_to_stderr(&self, pieces: Pieces<'_>, reader: Reader) {
        pieces.for_each(|piece| to_stderr(&reader.takes(piece, &self.error_palette)));
    }

    /// Whether a person sees standard error as it is written.
    pub fn error_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether progress is wanted at all.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }
}

/// A path within a line.
pub fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

/// If that can't be written there is nobody left to tell.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(hidden(text).as_bytes());
}
