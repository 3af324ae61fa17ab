//! A way to Dixa that writes down who sends what, and when: runs that share one Dixa each have a token of their own.

use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A request that has left a run: all of it has come here.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The token.
    pub by: String,
    /// Method and path.
    pub call: String,
    pub at: Instant,
}

impl Sent {
    /// Whether it changes something in Dixa.
    pub fn writes(&self) -> bool {
        !self.call.starts_with("GET ")
    }
}

/// Carries requests on to a server, whole ones only: what a run that is killed has sent half never arrives.
pub struct Witness {
    port: u16,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Witness {
    /// In front of the server at this base URL; it goes on until the tests end.
    pub fn before(base_url: &str) -> Self {
        let dixa = base_url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, sent) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (dixa, noted) = (dixa.clone(), Arc::clone(&noted));
                // Whoever is cut off on the way sees that for himself.
                std::thread::spawn(move || carry(client, &dixa, &noted));
            }
        });
        Witness { port, sent }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All that was sent so far, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// How many calls that write somebody has sent.
    pub fn writes_by(&self, token: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|sent| sent.by == token && sent.writes()).count()
    }
}

/// One connection, until either side ends it.
fn carry(client: TcpStream, dixa: &str, noted: &Mutex<Vec<Sent>>) -> Result<()> {
    let mut onward = TcpStream::connect(dixa)?;
    let (mut answers, mut back) = (onward.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut client = BufReader::new(client);
    while let Some((sent, bytes)) = request(&mut client, dixa)? {
        noted.lock().unwrap().push(sent);
        onward.write_all(&bytes)?;
    }
    onward.shutdown(Shutdown::Both)
}

/// The next request, under the name that the server answers to; none at the end.
fn request(client: &mut BufReader<TcpStream>, dixa: &str) -> Result<Option<(Sent, Vec<u8>)>> {
    let (mut lines, mut length, mut by) = (Vec::new(), 0, String::new());
    loop {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return if lines.is_empty() { Ok(None) } else { Err(Error::other("half a head")) };
        }
        let (name, value) = line.split_once(':').unwrap_or((line.trim_end(), ""));
        match name.to_ascii_lowercase().as_str() {
            "" => break,
            "host" => line = format!("Host: {dixa}\r\n"),
            "content-length" => length = value.trim().parse().map_err(Error::other)?,
            "transfer-encoding" => return Err(Error::other("a body without a length")),
            "authorization" => by = value.split_whitespace().last().unwrap_or_default().to_owned(),
            _ => {}
        }
        lines.push(line);
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let call: Vec<&str> = lines[0].split(' ').take(2).collect();
    let sent = Sent { by, call: call.join(" "), at: Instant::now() };
    Ok(Some((sent, [lines.concat().as_bytes(), b"\r\n", &body].concat())))
}
