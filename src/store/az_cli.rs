//! The login of `az login`, from the Azure command line.
//!
//! The library of the store asks it, too, but in a way that stops everything else meanwhile, and without an end.

use std::process::Command;

use object_store::azure::AzureCredential;
use serde::Deserialize;
use serde_json::Value;

use crate::program;
use crate::store::renewed::{Known, LIMITS, Renewed};

/// What errors name in place of an object.
pub const COMMAND: &str = "az account get-access-token";

const SCOPE: &str = "https://storage.azure.com/.default";

/// # Errors
/// It is not there, nobody is logged in, or it does not answer in time.
pub fn ask() -> Result<Renewed<AzureCredential>, String> {
    ask_program("az")
}

fn ask_program(az: &str) -> Result<Renewed<AzureCredential>, String> {
    let az = az.to_owned();
    Renewed::ask(COMMAND, move || token(&az))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "accessToken")]
    token: String,
    /// In seconds; older versions say only when it is at this place.
    expires_on: Option<Value>,
    #[serde(rename = "expiresOn")]
    expires_here: Option<String>,
}

impl Answer {
    fn end(&self) -> Option<jiff::Timestamp> {
        let seconds = match &self.expires_on {
            Some(Value::String(text)) => text.parse().ok(),
            Some(other) => other.as_i64(),
            None => None,
        };
        if let Some(seconds) = seconds {
            return jiff::Timestamp::from_second(seconds).ok();
        }
        let here: jiff::civil::DateTime = self.expires_here.as_ref()?.parse().ok()?;
        Some(here.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp())
    }
}

fn token(az: &str) -> Result<Known<AzureCredential>, String> {
    // There it is a script.
    let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new(az) };
    if cfg!(windows) {
        command.args(["/C", az]);
    }
    command.args(COMMAND.split(' ').skip(1)).args(["--output", "json", "--scope", SCOPE]);
    let output = program::run(&mut command, b"", LIMITS).map_err(|error| format!("the Azure command line {error}"))?;
    // What could not be read may hold a token, and is not repeated.
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| "its answer can't be read".to_owned())?;
    let end = answer.end();
    Ok(Known::until(AzureCredential::BearerToken(answer.token), end))
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test measures how long it waits")]

    use std::time::{Duration, Instant};

    use object_store::CredentialProvider as _;

    use super::*;
    use crate::store::renewed::Shared;

    /// A program in place of `az`.
    fn script(folder: &tempfile::TempDir, body: &str) -> String {
        let path = folder.path().join("az");
        // By another process: a program that is open here to be written could not be started.
        let mut writing = Command::new("sh");
        writing.args(["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(&path);
        program::run(&mut writing, format!("#!/bin/sh\n{body}\n").as_bytes(), LIMITS).expect("written");
        path.display().to_string()
    }

    #[test]
    fn a_token_lasts_as_long_as_every_version_of_the_command_line_says() {
        let end = |text: &str| serde_json::from_str::<Answer>(text).expect("an answer").end();
        let then = jiff::Timestamp::from_second(4_102_444_800).ok();
        assert_eq!(
            end(r#"{"accessToken":"x","expires_on":4102444800,"expiresOn":"2000-01-01 00:00:00.000000"}"#),
            then
        );
        assert_eq!(end(r#"{"accessToken":"x","expires_on":"4102444800"}"#), then);
        assert!(end(r#"{"accessToken":"x","expiresOn":"2099-12-31 10:00:00.000000"}"#).is_some());
        assert_eq!(end(r#"{"accessToken":"x"}"#), None);
    }

    #[test]
    fn a_command_line_that_hangs_when_it_is_asked_again_holds_up_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        // What it gives first has ended by then.
        let body = r#"[ -e "$0.asked" ] && exec sleep 20
touch "$0.asked"
echo '{"accessToken":"first","expires_on":1000000000}'"#;
        let cli = Shared::new(ask_program(&script(&folder, body)).expect("it answers"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let start = Instant::now();
        let limit = Duration::from_millis(200);
        runtime.block_on(async { tokio::time::timeout(limit, cli.get_credential()).await }).expect_err("it hangs");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        runtime.shutdown_background();
    }

    #[test]
    fn why_there_is_no_token_is_said_and_none_is_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let why = |body: &str| ask_program(&script(&folder, body)).expect_err("no token");
        assert_eq!(why("echo 'Please run az login' >&2; exit 1"), "the Azure command line says: Please run az login");
        assert_eq!(why("echo '{\"accessToken\":\"hunter2\"'"), "its answer can't be read");
        let missing = ask_program("/no/such/az").expect_err("it is not there");
        assert!(missing.starts_with("the Azure command line can't be started"), "{missing}");
    }
}
