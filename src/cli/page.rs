//! `--open`: a plan as a page in a browser, by way of a private temporary file and the opener of the system.
#![expect(clippy::disallowed_methods, reason = "it waits for a program by the clock")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::{Output, shown};
use crate::plan::Plan;
use crate::render::html;

/// How long an opener may take to fail. One that still runs is the browser itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Writes the page and opens it. The file stays for the browser, readable by its owner only.
///
/// # Errors
/// It can't be written, or nothing on this machine opens it: the message has its path then.
pub fn open(output: &Output, plan: &Plan) -> Result<(), Error> {
    let file = tempfile::Builder::new().prefix("dixaform-plan-").suffix(".html").tempfile();
    let mut file = file.context("can't make a temporary file for the page")?;
    std::io::Write::write_all(&mut file, html::plan(plan).as_bytes()).context("can't write the page")?;
    let (_, path) = file.keep().context("can't keep the page")?;
    if open::commands(&path).into_iter().any(opens) {
        output.note(&format!("The plan is open in a browser: {}\n", shown(&path)));
        return Ok(());
    }
    let message = format!("nothing on this machine can open the page {}", shown(&path));
    Err(Error::new(Exit::Failed, message).hint("open that file in a browser; `--format html=FILE` writes it elsewhere"))
}

/// Starts an opener; whether it has opened the page, as far as it says so.
fn opens(mut opener: Command) -> bool {
    opener.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut started) = opener.spawn() else { return false };
    let end = Instant::now() + PATIENCE;
    loop {
        match started.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(PAUSE),
            _ => return true,
        }
    }
}
