//! A server on loopback for tests: it gives prepared answers, one after the other, and remembers its requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Close the connection before a byte of the request is read.
    DropUnread,
    /// Read the whole request, then close the connection.
    DropRead,
    /// Say that more is to come than does, then close.
    Truncated,
    /// Read the whole request and stay silent.
    Never,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Answer::Http { status, headers: vec![], body: body.as_bytes().to_vec() }
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Answer::Http { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Answer::Http { status, headers, body }
            }
            other => other,
        }
    }
}

/// A request that was read whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method and target.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Runs until the test's runtime ends.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug)]
struct Script {
    answers: VecDeque<Answer>,
    seen: Vec<Seen>,
    connections: usize,
}

impl Server {
    /// The last answer is given to all further requests.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let script = Script { answers: answers.into_iter().collect(), seen: Vec::new(), connections: 0 };
        let server = Server { address, script: Arc::new(Mutex::new(script)) };
        let running = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                running.script.lock().expect("no panic").connections += 1;
                let serving = running.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().expect("no panic").seen.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.script.lock().expect("no panic").connections
    }

    /// Serves one connection after another request until it is closed.
    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            if matches!(self.upcoming(), Answer::DropUnread) {
                self.take();
                return None;
            }
            let request = request(&mut stream).await?;
            self.script.lock().expect("no panic").seen.push(request);
            match self.take() {
                Answer::Http { status, headers, body } => {
                    let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
                    for (name, value) in headers {
                        head.push_str(&format!("{name}: {value}\r\n"));
                    }
                    stream.write_all(format!("{head}\r\n").as_bytes()).await.ok()?;
                    stream.write_all(&body).await.ok()?;
                }
                Answer::Truncated => {
                    stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"data\":").await.ok()?;
                    return None;
                }
                Answer::DropRead | Answer::DropUnread => return None,
                Answer::Never => std::future::pending().await,
            }
        }
    }

    fn upcoming(&self) -> Answer {
        self.script.lock().expect("no panic").answers.front().cloned().expect("an answer")
    }

    fn take(&self) -> Answer {
        let mut script = self.script.lock().expect("no panic");
        if script.answers.len() > 1 { script.answers.pop_front().expect("checked") } else { script.answers[0].clone() }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ASCII");
    let mut lines = head.lines();
    let line = lines.next().expect("a request line").trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { line, headers, body: String::from_utf8(body).expect("JSON") })
}
