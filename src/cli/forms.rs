//! The values of `--format`: the forms of a result, and where each goes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::cli::reader::Reader;
use crate::render::number::named;

/// One `--format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatArg<F> {
    pub form: F,
    /// None is standard output.
    pub file: Option<PathBuf>,
}

/// The form of a plan, or of how its apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Text,
    Json,
    Markdown,
    Html,
    Github,
    Gitlab,
}

/// The form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindingsForm {
    Text,
    Json,
    Markdown,
    Html,
    Github,
    Gitlab,
    Sarif,
}

/// The form of a result that has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultForm {
    Text,
    Json,
}

/// What a result is written as that has no other forms.
#[derive(Debug, Args)]
pub struct ResultFormsArgs {
    /// text or json; =FILE writes it to a file; may be repeated
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<ResultForm>>,
}

/// The form of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordForm {
    Text,
    Json,
    Yaml,
}

/// Whether a command line asks for JSON on standard output, also one that is wrong otherwise.
pub fn wants_json(words: &[OsString]) -> bool {
    let words: Vec<&str> =
        words.iter().take_while(|word| *word != "--").map(|word| word.to_str().unwrap_or("")).collect();
    let is_json = |form: &str| ["json", "json=-"].contains(&form);
    let is_flag = |word: &&str| word.strip_prefix("--format=").is_some_and(is_json);
    words.iter().any(is_flag) || words.array_windows().any(|[flag, form]| *flag == "--format" && is_json(form))
}

/// Forms of which each has its readers.
pub trait Read {
    fn reader(self) -> Reader;
}

impl Read for Form {
    fn reader(self) -> Reader {
        match self {
            Form::Text | Form::Markdown | Form::Html => Reader::Person,
            Form::Json | Form::Github | Form::Gitlab => Reader::Program,
        }
    }
}

impl Read for FindingsForm {
    fn reader(self) -> Reader {
        match self {
            FindingsForm::Text | FindingsForm::Markdown | FindingsForm::Html => Reader::Person,
            FindingsForm::Json | FindingsForm::Github | FindingsForm::Gitlab | FindingsForm::Sarif => Reader::Program,
        }
    }
}

impl Read for ResultForm {
    fn reader(self) -> Reader {
        match self {
            ResultForm::Text => Reader::Person,
            ResultForm::Json => Reader::Program,
        }
    }
}

impl Read for RecordForm {
    /// Its text is JSON, too.
    fn reader(self) -> Reader {
        match self {
            RecordForm::Text | RecordForm::Json | RecordForm::Yaml => Reader::Program,
        }
    }
}

impl<F: ValueEnum> FromStr for FormatArg<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name belongs after the `=`".into()),
            Some((word, file)) => (word, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let known = F::value_variants();
        match F::from_str(word, false) {
            Ok(form) => Ok(FormatArg { form, file }),
            Err(_) => {
                let words = known.iter().filter_map(F::to_possible_value).map(|word| word.get_name().to_owned());
                Err(format!("`{word}` is not a form; {} are", named(words, known.len())))
            }
        }
    }
}
