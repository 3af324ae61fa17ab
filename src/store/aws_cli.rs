//! Credentials of AWS profiles and single sign-on, from the AWS command line.
//!
//! The library of the store knows neither; the command line does, for every way that there is to log in.
#![expect(clippy::disallowed_methods, reason = "credentials come from another program, and last for a time")]

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error};
use serde::Deserialize;

use crate::program::{self, Limits};

/// Longer than it takes to ask another service; nobody is there to answer a question.
const TIME_MAX: Duration = Duration::from_secs(30);
/// This long before they end, new ones are asked for.
const BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// Where it isn't said how long they last.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// More than it has to say.
const OUTPUT_MAX: u64 = 64 << 10;

/// Credentials, and until when to use them.
type Known = (Arc<AwsCredential>, Instant);

/// What errors name in place of an object.
pub const COMMAND: &str = "aws configure export-credentials";

/// Asks `aws configure export-credentials`.
#[derive(Debug)]
pub struct AwsCli {
    profile: Option<String>,
    known: Arc<Mutex<Known>>,
}

impl AwsCli {
    /// Asks for the first credentials at once: a request to the store has less time than the command line may take.
    ///
    /// # Errors
    /// It gives none, or is not there.
    pub fn ask(profile: Option<String>) -> Result<Self, String> {
        let known = Arc::new(Mutex::new(known(profile.as_deref())?));
        Ok(AwsCli { profile, known })
    }
}

#[async_trait::async_trait]
impl CredentialProvider for AwsCli {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let (profile, held) = (self.profile.clone(), Arc::clone(&self.known));
        tokio::task::spawn_blocking(move || {
            let mut held = held.lock().expect("nobody panics while it is held");
            if Instant::now() >= held.1 {
                *held = known(profile.as_deref())
                    .map_err(|why| Error::Unauthenticated { path: COMMAND.to_owned(), source: why.into() })?;
            }
            Ok(Arc::clone(&held.0))
        })
        .await?
    }
}

fn known(profile: Option<&str>) -> Result<Known, String> {
    let (credential, lasts) = exported(profile)?;
    Ok((Arc::new(credential), Instant::now() + lasts))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// The credentials, and how long to use them.
fn exported(profile: Option<&str>) -> Result<(AwsCredential, Duration), String> {
    let text = aws(&["configure", "export-credentials", "--format", "process"], profile)?;
    // What could not be read may hold a key, and is not repeated.
    let exported: Exported = serde_json::from_str(&text).map_err(|_| "its answer can't be read".to_owned())?;
    let Exported { access_key_id: key_id, secret_access_key: secret_key, session_token: token, expiration } = exported;
    let end = expiration.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let left = end.map(|end| Duration::try_from(end.duration_since(jiff::Timestamp::now())).unwrap_or_default());
    let lasts = left.map_or(KEPT, |left| left.saturating_sub(BEFORE_END));
    Ok((AwsCredential { key_id, secret_key, token }, lasts))
}

/// The region of a profile, if it has one.
pub fn region_of(profile: Option<&str>) -> Option<String> {
    let text = aws(&["configure", "get", "region"], profile).ok()?;
    Some(text.trim().to_owned()).filter(|region| !region.is_empty())
}

/// What the command line prints.
fn aws(words: &[&str], profile: Option<&str>) -> Result<String, String> {
    let mut command = Command::new("aws");
    command.args(words);
    if let Some(profile) = profile {
        command.args(["--profile", profile]);
    }
    let output = program::run(&mut command, b"", Limits { time: TIME_MAX, bytes: OUTPUT_MAX });
    let output = output.map_err(|error| format!("the AWS command line {error}"))?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
