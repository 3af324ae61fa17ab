//! The request log: a JSON line for every request that was answered, for tests and for looking at what a client does.
//!
//! The `Authorization` header is never in it. The file is started over when it has grown large.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::sandbox::data_file::create_or_open;

/// Beyond this size the file is started over.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One line of the log.
#[derive(Debug, Serialize)]
pub struct Entry<'a> {
    /// RFC 3339.
    pub at: String,
    pub method: &'a str,
    /// With its query.
    pub path: &'a str,
    /// Null when the client was to get no answer.
    pub status: Option<u16>,
    /// The request's body, or null when there was none or it is not JSON.
    pub body: Option<&'a Value>,
    /// What went wrong on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

/// The open log.
#[derive(Debug)]
pub struct RequestLog {
    open: Mutex<Open>,
    bytes_max: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
}

impl RequestLog {
    /// Opens or creates the file, with its folder, and goes on at its end.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = create_or_open(path)?;
        let length = file.metadata()?.len();
        Ok(RequestLog { open: Mutex::new(Open { file, length }), bytes_max: BYTES_MAX })
    }

    /// Appends with one write. A log that can't be written is no reason to refuse the request.
    pub fn append(&self, entry: &Entry<'_>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = open.append(entry, self.bytes_max) {
            tracing::warn!(%error, "the sandbox could not write its request log");
        }
    }
}

impl Open {
    fn append(&mut self, entry: &Entry<'_>, bytes_max: u64) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(entry)?;
        bytes.push(b'\n');
        if self.length > bytes_max {
            self.file.set_len(0)?;
            self.length = 0;
        }
        self.file.write_all(&bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test looks at the file")]

    use super::*;

    #[test]
    fn a_log_that_has_grown_large_is_started_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("requests.jsonl");
        let mut log = RequestLog::open(&path).expect("opens");
        log.bytes_max = 200;
        for status in 0..10 {
            let status = Some(status);
            log.append(&Entry {
                at: String::new(),
                method: "GET",
                path: "/v1/organization",
                status,
                body: None,
                fault: None,
            });
        }
        let text = std::fs::read_to_string(&path).expect("reads");
        assert!(text.len() < 400, "{text}");
        assert!(text.starts_with('{') && text.ends_with("\"status\":9,\"body\":null}\n"), "{text}");
    }
}
