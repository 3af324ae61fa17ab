//! Why a journal can't be read.

/// Why a text is not a journal that can be used. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("line {line} is damaged: its checksum does not fit")]
    Damaged { line: usize },
    #[error("line {line} is not an entry: {what}")]
    NotAnEntry { line: usize, what: String },
    #[error("line {line} was written by a newer dixaform: its format is `{format}`; refused")]
    Newer { line: usize, format: String },
}
