//! Stores on this machine, each on a free port, ending with their test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::frozen::{freeze, thaw};

/// Whose interface a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    S3,
    Google,
    Azure,
}

/// What a store that asks for keys accepts.
pub const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")];

/// A running store with a bucket `state`.
pub struct Store {
    pub kind: Kind,
    port: u16,
    child: Child,
    /// Where it keeps its objects, if not in memory.
    folder: Option<tempfile::TempDir>,
}

/// How long a store may take until it listens.
const START_MAX: Duration = Duration::from_secs(60);

/// Whether the tests may go without a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Not with `DIXAFORM_STORES=required`.
    Gate,
    Never,
}

impl Store {
    /// Starts a program that listens on a port of this machine; none, and a word about it, where there is no such
    /// program.
    fn start(kind: Kind, need: Need, program: &str, words: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(words(port)).envs(KEYS).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            lacks(kind, need, program);
            return None;
        };
        let mut store = Store { kind, port, child, folder: None };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = store.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < START_MAX, "{program} does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(30));
        }
        Some(store)
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Nothing is answered any more.
    pub fn pause(&mut self) {
        freeze(&self.child);
    }

    pub fn go_on(&mut self) {
        thaw(&self.child);
    }

    /// An object of the bucket, as a person would copy it. Of the stand-ins, which ask for no signature.
    pub fn get(&self, key: &str) -> String {
        let answer = self.exchange("GET", &format!("/state/{key}"), "");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub fn put(&self, key: &str, text: &str) {
        let answer = self.exchange("PUT", &format!("/state/{key}"), text);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// What goes wrong from now on: `expired` credentials, a `full` bucket, one that is full for states (`stateless`),
    /// or nothing (`fine`). Of Google's stand-in.
    pub fn goes(&self, wrong: &str) {
        let answer = self.exchange("PUT", &format!("/control/{wrong}"), "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// How many answers were lost so far. Of [`Store::losing_answers`].
    pub fn losses(&self) -> usize {
        let answer = self.exchange("GET", "/losses", "");
        answer.split_once("\r\n\r\n").unwrap().1.parse().unwrap()
    }

    /// The same store, behind something that loses the answer to each of this many requests.
    pub fn losing_answers(&self, every: usize) -> Self {
        let words =
            |port: u16| vec![script("faultproxy.py"), port.to_string(), self.port.to_string(), every.to_string()];
        Store::start(self.kind, Need::Gate, "python3", words).expect("the store itself is there")
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let authorization =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says aloud what is not checked, or fails if it has to be.
fn lacks(kind: Kind, need: Need, program: &str) {
    let may_lack = need == Need::Never || std::env::var("DIXAFORM_STORES").is_err();
    assert!(may_lack, "{program} is required and not there");
    // Past the capture of the test's output.
    let line = format!("\n!! NOT CHECKED: {kind:?}, since there is no {program}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn script(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name);
    path.to_str().unwrap().to_owned()
}

/// moto, which speaks S3. By itself it is no store for a state: see `tests/stores/moto_in_turn.py`.
pub fn moto() -> Option<Store> {
    let found = Command::new("python3").args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        lacks(Kind::S3, Need::Gate, "moto");
        return None;
    }
    let words = |port: u16| vec![script("moto_in_turn.py"), port.to_string()];
    let store = Store::start(Kind::S3, Need::Gate, "python3", words)?;
    let answer = store.exchange("PUT", "/state", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Some(store)
}

/// A store that speaks S3, and does not do what it says about conditions.
pub fn odd(how: &str) -> Option<Store> {
    let words = |port: u16| vec![script("odd_s3.py"), port.to_string(), how.to_owned()];
    Store::start(Kind::S3, Need::Gate, "python3", words)
}

/// The stand-in for Google's XML API.
pub fn google() -> Option<Store> {
    Store::start(Kind::Google, Need::Gate, "python3", |port| vec![script("gcs_xml.py"), port.to_string()])
}

pub fn azurite() -> Option<Store> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let words = |port: u16| {
        let port = port.to_string();
        let words = ["--blobHost", "127.0.0.1", "--blobPort", &port, "-l", &place, "--skipApiVersionCheck"];
        words.into_iter().chain(["--disableTelemetry", "--silent"]).map(str::to_owned).collect()
    };
    let mut store = Store::start(Kind::Azure, Need::Gate, "azurite-blob", words)?;
    let port = store.port.to_string();
    let made = Command::new("python3").args([script("azure_container.py"), port, "state".to_owned()]).status();
    assert!(made.unwrap().success());
    store.folder = Some(folder);
    Some(store)
}

/// SeaweedFS, which speaks S3 and keeps objects in files. It opens some fixed ports besides, so there is one at a time.
pub fn seaweed() -> Option<Store> {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("-dir={}", folder.path().display());
    let words = |port: u16| {
        let port = format!("-s3.port={port}");
        let words = ["mini", &place, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", &port, "-bucket=state"];
        let quiet = ["-master.telemetry=false", "-webdav=false", "-admin.ui=false"];
        words.into_iter().chain(quiet).map(str::to_owned).collect()
    };
    let mut store = Store::start(Kind::S3, Need::Never, "weed", words)?;
    store.folder = Some(folder);
    Some(store)
}

/// A folder that rclone serves as S3. It forgets conditions.
pub fn rclone() -> Option<Store> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let keys = KEYS.map(|(_, key)| key).join(",");
    let words = |port: u16| {
        let address = format!("127.0.0.1:{port}");
        let words = ["serve", "s3", "--addr", &address, "--auth-key", &keys, "--vfs-cache-mode", "full", &place];
        words.map(str::to_owned).to_vec()
    };
    let mut store = Store::start(Kind::S3, Need::Never, "rclone", words)?;
    store.folder = Some(folder);
    Some(store)
}
