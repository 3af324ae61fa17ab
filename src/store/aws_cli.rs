//! Credentials of AWS profiles and single sign-on, from the AWS command line.
//!
//! The library of the store knows neither; the command line does, for every way that there is to log in.
#![expect(clippy::disallowed_methods, reason = "credentials come from another program, and last for a time")]

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error};
use serde::Deserialize;

use crate::program::{self, Limits};

/// Longer than it takes to ask another service; nobody is there to answer a question.
const TIME_MAX: Duration = Duration::from_secs(30);
/// This long before they end, new ones are asked for.
const BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// When they could not be had, they are not asked for again for this long, as long as there are others.
const PAUSE: Duration = Duration::from_secs(30);
/// Where it isn't said how long they last.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// More than it has to say.
const OUTPUT_MAX: u64 = 64 << 10;

/// Credentials as they were given.
#[derive(Clone, Debug)]
struct Known {
    credential: Arc<AwsCredential>,
    /// From then on new ones are asked for.
    renew: Instant,
    /// Until then these can be used.
    end: Instant,
}

/// What errors name in place of an object.
pub const COMMAND: &str = "aws configure export-credentials";

/// Asks `aws configure export-credentials`.
#[derive(Debug)]
pub struct AwsCli {
    profile: Option<String>,
    known: Mutex<Known>,
    /// Held by whoever asks for new ones, which may take long: others use those that there are.
    asking: Mutex<()>,
}

impl AwsCli {
    /// Asks for the first credentials at once: a request to the store has less time than the command line may take.
    ///
    /// # Errors
    /// It gives none, or is not there.
    pub fn ask(profile: Option<String>) -> Result<Self, String> {
        let known = Mutex::new(exported(profile.as_deref())?);
        Ok(AwsCli { profile, known, asking: Mutex::default() })
    }

    fn known(&self) -> Known {
        self.known.lock().expect("nobody panics while it is held").clone()
    }

    /// Credentials that can be used now.
    fn current(&self) -> Result<Arc<AwsCredential>, String> {
        let known = self.known();
        if Instant::now() < known.renew {
            return Ok(known.credential);
        }
        let is_good = || Instant::now() < known.end;
        let asking = match self.asking.try_lock() {
            Ok(asking) => asking,
            // Somebody has panicked who asked; the next one may.
            Err(TryLockError::Poisoned(asking)) => asking.into_inner(),
            Err(TryLockError::WouldBlock) if is_good() => return Ok(known.credential),
            Err(TryLockError::WouldBlock) => self.asking.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // Somebody else may have asked meanwhile.
        let now = self.known();
        if Instant::now() < now.renew {
            return Ok(now.credential);
        }
        match exported(self.profile.as_deref()) {
            Ok(renewed) => {
                let credential = Arc::clone(&renewed.credential);
                *self.known.lock().expect("nobody panics while it is held") = renewed;
                drop(asking);
                Ok(credential)
            }
            Err(_) if is_good() => {
                self.known.lock().expect("nobody panics while it is held").renew = Instant::now() + PAUSE;
                Ok(known.credential)
            }
            Err(why) => Err(why),
        }
    }
}

/// The same for all requests.
#[derive(Debug)]
pub struct SharedAwsCli(pub Arc<AwsCli>);

#[async_trait::async_trait]
impl CredentialProvider for SharedAwsCli {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let cli = Arc::clone(&self.0);
        let current = tokio::task::spawn_blocking(move || cli.current()).await?;
        current.map_err(|why| Error::Unauthenticated { path: COMMAND.to_owned(), source: why.into() })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

fn exported(profile: Option<&str>) -> Result<Known, String> {
    let text = aws(&["configure", "export-credentials", "--format", "process"], profile)?;
    // What could not be read may hold a key, and is not repeated.
    let exported: Exported = serde_json::from_str(&text).map_err(|_| "its answer can't be read".to_owned())?;
    let Exported { access_key_id: key_id, secret_access_key: secret_key, session_token: token, expiration } = exported;
    let end = expiration.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let left = end.map(|end| Duration::try_from(end.duration_since(jiff::Timestamp::now())).unwrap_or_default());
    let (left, now) = (left.unwrap_or(KEPT + BEFORE_END), Instant::now());
    let credential = Arc::new(AwsCredential { key_id, secret_key, token });
    Ok(Known { credential, renew: now + left.saturating_sub(BEFORE_END), end: now + left })
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
