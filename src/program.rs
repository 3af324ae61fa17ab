//! Other programs: what one prints, within a limit of time and size, without anybody to answer its questions.
#![expect(clippy::disallowed_methods, reason = "a program is given up after some time")]

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// As much as is repeated of what a program says about its failure, in characters.
const SAID_MAX: usize = 300;
/// As much as is read of that, in bytes.
const SAID_BYTES_MAX: u64 = 64 << 10;
/// How long a program that has failed may go on to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How long a program may take, and how much it may print.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub time: Duration,
    pub bytes: u64,
}

/// Why a program printed nothing that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("can't be started: {0}")]
    Start(io::Error),
    #[error("gave no answer within {0:?}")]
    Silent(Duration),
    #[error("prints more than {0} bytes")]
    Long(u64),
    /// It ended with this code, or by a signal.
    #[error("says: {said}")]
    Failed { code: Option<i32>, said: String },
}

/// What a program prints. It gets `input`, and is ended when its time is over.
///
/// # Errors
/// It can't be started, does not end, fails, or prints too much.
pub fn run(command: &mut Command, input: &[u8], limits: Limits) -> Result<Vec<u8>, ProgramError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(ProgramError::Start)?;
    let output = Reading::start(child.stdout.take(), limits.bytes.saturating_add(1));
    let errors = Reading::start(child.stderr.take(), SAID_BYTES_MAX);
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read all of it says by its code whether that is a failure.
        std::thread::spawn(move || stdin.write_all(&input));
    }
    let start = Instant::now();
    let status = ended(&mut child, start, limits.time)?;
    let left = limits.time.saturating_sub(start.elapsed()).max(LOOK);
    if !status.success() {
        let (said, _) = errors.within(left.min(LAST_WORDS));
        let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(ProgramError::Failed { code: status.code(), said: said.chars().take(SAID_MAX).collect() });
    }
    let (output, is_all) = output.within(left);
    if !is_all {
        return Err(ProgramError::Silent(limits.time));
    }
    if output.len() as u64 > limits.bytes { Err(ProgramError::Long(limits.bytes)) } else { Ok(output) }
}

/// What a program prints, while it does.
struct Reading {
    bytes: Arc<Mutex<Vec<u8>>>,
    is_over: Receiver<()>,
}

impl Reading {
    /// Reads to the end, and keeps no more than this.
    fn start(stream: Option<impl Read + Send + 'static>, limit: u64) -> Self {
        let (over, is_over) = sync_channel(1);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let mut stream = stream;
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // What was read until an error is all that there is.
            while let Some(count) =
                stream.as_mut().and_then(|stream| stream.read(&mut piece).ok()).filter(|count| *count > 0)
            {
                let mut kept = kept.lock().expect("nobody panics while it is held");
                let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(kept.len());
                kept.extend_from_slice(&piece[..count.min(room)]);
            }
            // Whoever asked may have given up.
            let _ = over.send(());
        });
        Reading { bytes, is_over }
    }

    /// What was printed by then, and whether that is all: a program that it has started may keep its output open.
    fn within(self, time: Duration) -> (Vec<u8>, bool) {
        let is_all = self.is_over.recv_timeout(time).is_ok();
        (std::mem::take(&mut *self.bytes.lock().expect("nobody panics while it is held")), is_all)
    }
}

fn ended(child: &mut Child, start: Instant, time: Duration) -> Result<ExitStatus, ProgramError> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < time => std::thread::sleep(LOOK),
            _ => {
                // It may have ended by itself meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(ProgramError::Silent(time));
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 1000 };

    fn shell(script: &str, input: &[u8], limits: Limits) -> Result<Vec<u8>, ProgramError> {
        run(Command::new("sh").args(["-c", script]), input, limits)
    }

    #[test]
    fn a_program_reads_its_input_and_its_output_is_what_it_prints() {
        let input = vec![b'x'; 900];
        assert_eq!(shell("cat", &input, LIMITS).expect("it works"), input);
        assert_eq!(shell("exit 0", &input, LIMITS).expect("it need not read"), b"");
    }

    #[test]
    fn what_fails_is_reported_with_its_code_and_its_own_words() {
        let error = shell("echo first >&2; echo ' second' >&2; exit 3", b"", LIMITS).expect_err("3");
        assert!(matches!(error, ProgramError::Failed { code: Some(3), .. }), "{error:?}");
        assert_eq!(error.to_string(), "says: first second");
        let missing = run(&mut Command::new("/no/such/program"), b"", LIMITS).expect_err("missing");
        assert!(missing.to_string().starts_with("can't be started: "), "{missing}");
    }

    #[test]
    fn neither_time_nor_output_is_without_a_limit() {
        let long = shell("yes | head -c 2000", b"", LIMITS).expect_err("long");
        assert_eq!(long.to_string(), "prints more than 1000 bytes");
        let limits = Limits { time: Duration::from_millis(50), ..LIMITS };
        let silent = shell("exec sleep 100", b"", limits).expect_err("silent");
        assert_eq!(silent.to_string(), "gave no answer within 50ms");
        let kept_open = shell("sleep 100 & echo here", b"", limits).expect_err("its output never ends");
        assert_eq!(kept_open.to_string(), "gave no answer within 50ms");
        let failed = shell("sleep 100 & echo why >&2; exit 3", b"", LIMITS).expect_err("3");
        assert_eq!(failed.to_string(), "says: why");
    }
}
