//! What is never written to either stream, whoever repeats it: the tokens of the project's tenants, and what was typed
//! that is one, or looks like one.
#![expect(clippy::disallowed_methods, reason = "the edge where the environment is read")]

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::sync::{PoisonError, RwLock};

use crate::access::looks_like_key;
use crate::api::Token;
use crate::project::{KeySource, Project};

/// Of this process, as its environment and its arguments are.
static KNOWN: RwLock<Vec<Token>> = RwLock::new(Vec::new());

/// What the names of variables that hold secrets contain.
const NAMES: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

/// Keeps a token to itself from now on.
pub fn keep(token: Token) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).push(token);
}

/// Keeps what was typed to itself where it looks like a key, or where a variable of the environment that is for secrets
/// has it. Before the arguments are understood: what is wrong with them is said with them.
pub fn keep_typed(arguments: &[OsString]) {
    let named = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        NAMES.iter().any(|part| name.contains(part))
    });
    let secrets: Vec<OsString> = named.map(|(_, value)| value).collect();
    let is_secret = |text: &str| looks_like_key(text) || secrets.iter().any(|secret| secret == OsStr::new(text));
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let whole = [argument.trim(), argument.trim_start_matches('-')];
        let behind_sign = argument.split_once('=').map(|(_, value)| value);
        let parts = argument.split(['=', '/', '\\', ',', '.', ' ']);
        // What is longer is taken out first.
        for text in whole.into_iter().chain(behind_sign).chain(parts).filter(|text| is_secret(text)) {
            keep_text(text);
        }
    }
}

/// Keeps to itself what the environment has for the tenants of a project.
pub fn keep_tokens_of(project: &Project) {
    for tenant in project.tenants.values() {
        if let KeySource::Environment(name) = &tenant.key
            && let Ok(value) = std::env::var(name)
        {
            keep_text(&value);
        }
    }
}

/// A text as it may be written.
pub fn hidden(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known
        .iter()
        .filter(|token| token.is_in(text))
        .fold(Cow::Borrowed(text), |text, token| Cow::Owned(token.redact(text.into_owned())))
}

/// What can't be sent is no token.
fn keep_text(text: &str) {
    if let Ok(token) = Token::new(text) {
        keep(token);
    }
}
