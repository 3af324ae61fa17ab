//! A server that answers as a test tells it to: for what a sandbox never does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers every request alike, and keeps what it was sent.
pub struct Stub {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers with a status line's end (`401 Unauthorized`), more headers and a body.
    pub fn answering(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        let answer = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        Self::start(Some(answer))
    }

    /// Takes requests and never says a word.
    pub fn silent() -> Self {
        Self::start(None)
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far, line breaks and all.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn start(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = head_of(&stream);
                seen.lock().unwrap().push(head);
                match &answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => open.push(stream),
                }
            }
        });
        Stub { address, requests }
    }
}

fn head_of(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    // A body that is cut off is the test's affair.
    let _ = reader.read_exact(&mut body);
    head
}
