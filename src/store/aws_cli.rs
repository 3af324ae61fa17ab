//! Credentials of AWS profiles and single sign-on, from the AWS command line.
//!
//! The library of the store knows neither; the command line does, for every way that there is to log in.

use std::process::Command;

use object_store::aws::AwsCredential;
use serde::Deserialize;

use crate::program;
use crate::store::renewed::{Known, LIMITS, Renewed};

/// What errors name in place of an object.
pub const COMMAND: &str = "aws configure export-credentials";

/// # Errors
/// It gives none, or is not there.
pub fn ask(profile: Option<String>) -> Result<Renewed<AwsCredential>, String> {
    Renewed::ask(COMMAND, move || exported(profile.as_deref()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

fn exported(profile: Option<&str>) -> Result<Known<AwsCredential>, String> {
    let text = aws(&["configure", "export-credentials", "--format", "process"], profile)?;
    // What could not be read may hold a key, and is not repeated.
    let exported: Exported = serde_json::from_str(&text).map_err(|_| "its answer can't be read".to_owned())?;
    let Exported { access_key_id: key_id, secret_access_key: secret_key, session_token: token, expiration } = exported;
    let end = expiration.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Ok(Known::until(AwsCredential { key_id, secret_key, token }, end))
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
    let output = program::run(&mut command, b"", LIMITS);
    let output = output.map_err(|error| format!("the AWS command line {error}"))?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
