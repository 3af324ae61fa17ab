//! Stores on this machine, each on a free port, ending with their test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whose interface a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    S3,
    Google,
    Azure,
}

/// A running store with a bucket `state`.
pub struct Store {
    pub kind: Kind,
    port: u16,
    child: Child,
}

/// How long a store may take until it listens.
const START_MAX: Duration = Duration::from_secs(60);

impl Store {
    /// Starts a program that listens on a port of this machine; none, and a word about it, where there is no such
    /// program.
    fn start(kind: Kind, program: &str, words: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(words(port)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            assert!(std::env::var("DIXAFORM_STORES").is_err(), "{program} is required and not there");
            #[expect(clippy::print_stderr, reason = "what is not checked is said aloud")]
            {
                eprintln!("NOT CHECKED: {kind:?}, since there is no {program}");
            }
            return None;
        };
        let mut store = Store { kind, port, child };
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
        self.signal("-STOP");
    }

    pub fn go_on(&mut self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
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

    /// What goes wrong from now on: `expired` credentials, a `full` bucket, or nothing (`fine`). Of Google's stand-in.
    pub fn goes(&self, wrong: &str) {
        let answer = self.exchange("PUT", &format!("/control/{wrong}"), "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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

fn script(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name);
    path.to_str().unwrap().to_owned()
}

/// moto, which speaks S3.
pub fn moto() -> Option<Store> {
    let words = |port: u16| vec!["-H".to_owned(), "127.0.0.1".to_owned(), "-p".to_owned(), port.to_string()];
    let store = Store::start(Kind::S3, "moto_server", words)?;
    let answer = store.exchange("PUT", "/state", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Some(store)
}

/// A store that speaks S3, and does not do what it says about conditions.
pub fn odd(how: &str) -> Option<Store> {
    Store::start(Kind::S3, "python3", |port| vec![script("odd_s3.py"), port.to_string(), how.to_owned()])
}

/// The stand-in for Google's XML API.
pub fn google() -> Option<Store> {
    Store::start(Kind::Google, "python3", |port| vec![script("gcs_xml.py"), port.to_string()])
}

/// Azurite, with the folder that it keeps its objects in.
pub struct Azurite {
    pub store: Store,
    _folder: tempfile::TempDir,
}

pub fn azurite() -> Option<Azurite> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let words = |port: u16| {
        let port = port.to_string();
        let words = ["--blobHost", "127.0.0.1", "--blobPort", &port, "-l", &place, "--skipApiVersionCheck"];
        words.into_iter().chain(["--disableTelemetry", "--silent"]).map(str::to_owned).collect()
    };
    let store = Store::start(Kind::Azure, "azurite-blob", words)?;
    let port = store.port.to_string();
    let made = Command::new("python3").args([script("azure_container.py"), port, "state".to_owned()]).status();
    assert!(made.unwrap().success());
    Some(Azurite { store, _folder: folder })
}
