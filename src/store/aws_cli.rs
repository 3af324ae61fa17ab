//! Credentials of AWS profiles and single sign-on, from the AWS command line.
//!
//! The library of the store knows neither; the command line does, for every way that there is to log in.
#![expect(clippy::disallowed_methods, reason = "credentials come from another program, and last for a time")]

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error};
use serde::Deserialize;

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

/// Asks `aws configure export-credentials`.
#[derive(Debug)]
pub struct AwsCli {
    profile: Option<String>,
    known: Arc<Mutex<Option<Known>>>,
}

impl AwsCli {
    pub fn new(profile: Option<String>) -> Self {
        AwsCli { profile, known: Arc::default() }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for AwsCli {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let (profile, known) = (self.profile.clone(), Arc::clone(&self.known));
        tokio::task::spawn_blocking(move || {
            let mut known = known.lock().expect("nobody panics while it is held");
            if let Some((credential, until)) = &*known
                && Instant::now() < *until
            {
                return Ok(Arc::clone(credential));
            }
            let (credential, lasts) = exported(profile.as_deref()).map_err(|why| Error::Unauthenticated {
                path: "aws configure export-credentials".to_owned(),
                source: why.into(),
            })?;
            let credential = Arc::new(credential);
            *known = Some((Arc::clone(&credential), Instant::now() + lasts));
            Ok(credential)
        })
        .await?
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
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("the AWS command line can't be started: {error}"))?;
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.map(|stream| stream.take(OUTPUT_MAX).read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let output = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let errors = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < TIME_MAX => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the AWS command line gave no answer within {TIME_MAX:?}"));
            }
        }
    };
    if status.success() {
        return output.join().map_err(|_| "its answer can't be read".to_owned());
    }
    let said = errors.join().unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(format!("the AWS command line says: {}", said.chars().take(300).collect::<String>()))
}
