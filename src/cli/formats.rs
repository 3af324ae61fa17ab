//! `--format`: several forms of one result, at most one of them on standard output.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::forms::{FormatArg, Read};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::sink::{self, Sink};
use crate::render::pieces::Pieces;

/// Where one form goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    ToStdout,
    ToFile,
}

/// The forms that were asked for and where each goes, checked and opened before anything is done.
#[derive(Debug)]
pub struct Formats<F> {
    forms: Vec<F>,
    /// One for each form; after them that of `--out`, if there is one.
    sinks: Vec<Sink>,
}

impl<F: Copy + Read> Formats<F> {
    /// Refuses what can't be written together, what surely can't be written, and what must not be overwritten: the
    /// project's own files, and the manifests at `paths`. `saved` is the file of `--out`.
    ///
    /// # Errors
    /// The first of them; nothing was written or sent.
    pub fn open(
        session: &Session,
        formats: &[FormatArg<F>],
        saved: Option<&Path>,
        paths: &[PathBuf],
    ) -> Result<Self, Error> {
        Formats::open_beside(formats, saved, || sink::files_read(session, paths))
    }

    /// [`Formats::open`] of a command that has no session; `ours` are the files that must not be overwritten, and what
    /// each is.
    ///
    /// # Errors
    /// As for [`Formats::open`].
    pub fn open_beside(
        formats: &[FormatArg<F>],
        saved: Option<&Path>,
        ours: impl FnOnce() -> Vec<(PathBuf, &'static str)>,
    ) -> Result<Self, Error> {
        let files = formats.iter().map(|format| format.file.as_deref()).chain(saved.map(Some));
        let sinks: Vec<Sink> = files.map(|file| file.map_or(Sink::Stdout, Sink::named)).collect();
        if sinks.iter().filter(|sink| sink.is_stdout()).count() > 1 {
            let what = if saved.is_some() { "only one --format or --out" } else { "only one --format" };
            return Err(Error::new(Exit::Usage, format!("{what} can go to standard output"))
                .hint("give the others a file: --format json=plan.json"));
        }
        let mut files: BTreeSet<&Path> = BTreeSet::new();
        for file in sinks.iter().filter_map(Sink::path) {
            if !files.insert(file) {
                return Err(Error::new(Exit::Usage, format!("two outputs can't go to one file, {}", file.display())));
            }
        }
        sink::check_overwritten(&sinks, ours)?;
        let sinks = sinks.into_iter().map(Sink::open).collect::<Result<_, _>>()?;
        Ok(Formats { forms: formats.iter().map(|format| format.form).collect(), sinks })
    }

    /// The form on standard output: `default` where nothing else goes there, and none if a saved plan does.
    pub fn on_stdout(&self, default: F) -> Option<F> {
        match self.sinks.iter().position(Sink::is_stdout) {
            Some(index) => self.forms.get(index).copied(),
            None => Some(default),
        }
    }

    /// The forms that don't go to standard output.
    pub fn files(&self) -> impl Iterator<Item = (F, &Sink)> {
        self.forms.iter().copied().zip(&self.sinks).filter(|(_, sink)| !sink.is_stdout())
    }

    /// Whether a form was asked for.
    pub fn has(&self, form: F) -> bool
    where
        F: PartialEq,
    {
        self.forms.contains(&form)
    }

    /// Where the saved plan goes.
    pub fn saved(&self) -> Option<&Sink> {
        self.sinks.get(self.forms.len())
    }

    /// Writes every form that was asked for, files before standard output, and readable by their owner only. Where none
    /// is for standard output, `default` goes there.
    ///
    /// # Errors
    /// A file or the stream can't be written.
    pub fn write<'p, P: Into<Pieces<'p>>>(
        &self,
        output: &Output,
        default: F,
        render: impl Fn(F, Goes) -> P,
    ) -> Result<(), Error> {
        for (form, sink) in self.files() {
            sink.write(output, render(form, Goes::ToFile).into(), form.reader())?;
        }
        match self.on_stdout(default) {
            Some(form) => output.pieces(render(form, Goes::ToStdout).into(), form.reader()),
            None => Ok(()),
        }
    }
}
