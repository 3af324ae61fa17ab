//! The two streams: results go to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use crate::cli::args::{Color, Globals};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::render::escape::without_commands;
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
        Output { palette: palette(stdout), error_palette: palette(stderr), width, quiet: globals.quiet }
    }

    /// Writes a result to standard output.
    ///
    /// # Errors
    /// The stream can't be written. A reader that has seen enough (`| head`) changes nothing about what a command does,
    /// nor about its exit code.
    pub fn result(&self, text: &str) -> Result<(), Error> {
        self.write(std::iter::once(text))
    }

    /// [`Output::result`] piece by piece. Nothing more is made once nobody reads it.
    ///
    /// # Errors
    /// As for [`Output::result`].
    pub fn pieces(&self, pieces: Pieces<'_>) -> Result<(), Error> {
        self.write(pieces)
    }

    fn write(&self, pieces: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        let mut pieces = pieces.into_iter();
        let written = pieces.try_for_each(|piece| stdout.write_all(piece.as_ref().as_bytes()));
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

    /// Tells something on standard error. If that can't be written there is nobody left to tell.
    pub fn error(&self, text: &str) {
        self.form_to_stderr(&without_commands(text.to_owned()));
    }

    /// Writes a form of a result, which may be made of commands for a CI service, to standard error.
    pub fn form_to_stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
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
