//! `dixaform sandbox` as a server of its own, and plain HTTP to talk to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use crate::support::Workspace;

/// A running `dixaform sandbox` on a free port; it ends with the test.
pub struct Server {
    child: Child,
    /// Kept open, so that the server's writes never fail.
    _stdout: BufReader<ChildStdout>,
    /// `127.0.0.1:PORT`
    address: String,
}

impl Server {
    /// Starts one in the workspace, with more flags separated by blanks.
    pub fn start(workspace: &Workspace, flags: &str) -> Self {
        let mut child = workspace
            .command()
            .arg("sandbox")
            .args(flags.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("Listening on http://")
            .and_then(|rest| rest.strip_suffix(". Stop with Ctrl-C.\n"))
            .unwrap_or_else(|| panic!("the sandbox said {line:?}"))
            .to_owned();
        Server { child, _stdout: stdout, address }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One request with a token; the status and the body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        exchange(&self.address, method, path, &format!("Authorization: token\r\n{BODY_TYPE}"), body)
    }

    /// One request without a token.
    pub fn send_without_token(&self, method: &str, path: &str) -> (u16, serde_json::Value) {
        exchange(&self.address, method, path, BODY_TYPE, "")
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn terminate(&mut self) -> i32 {
        terminate(&mut self.child, Duration::from_secs(10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BODY_TYPE: &str = "Content-Type: application/json\r\n";

/// Sends SIGTERM to a child and waits for its end; the exit code.
#[track_caller]
pub fn terminate(child: &mut Child, at_most: Duration) -> i32 {
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = Instant::now();
    while start.elapsed() < at_most {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().expect("it ended by itself");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it did not end within {at_most:?}");
}

fn exchange(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, serde_json::Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(serde_json::Value::Null))
}
