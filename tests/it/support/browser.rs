//! Chromium without a window, by the W3C WebDriver protocol. <https://www.w3.org/TR/webdriver2/>

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Keys as WebDriver writes them.
pub const ESCAPE: &str = "\u{e00c}";
pub const ENTER: &str = "\u{e007}";
pub const DOWN: &str = "\u{e015}";

/// A browser with a profile of its own; it ends with the test, whatever becomes of that.
pub struct Browser {
    driver: Child,
    /// Kept open, so that the driver's writes never fail.
    _stdout: BufReader<ChildStdout>,
    /// `127.0.0.1:PORT`
    address: String,
    /// `/session/ID`; empty before there is one.
    session: String,
    profile: tempfile::TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub scripts: bool,
}

pub const DESKTOP: Look = Look { width: 1280, height: 900, scripts: true };
pub const PHONE: Look = Look { width: 390, height: 844, scripts: true };
pub const WITHOUT_SCRIPTS: Look = Look { scripts: false, ..DESKTOP };

impl Browser {
    /// None where this machine has no `chromedriver`; that is said past the capture of the test's output, and with
    /// `DIXAFORM_BROWSER=required` it fails the test.
    pub fn start(look: Look) -> Option<Self> {
        let Some(program) = on_path(&["chromedriver"]) else {
            let required = std::env::var("DIXAFORM_BROWSER").is_ok_and(|value| value == "required");
            assert!(!required, "DIXAFORM_BROWSER=required, and there is no chromedriver");
            let line = "\n!! NOT CHECKED: pages in a browser: there is no chromedriver on this machine\n";
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
            return None;
        };
        let (driver, stdout, port) = driver(&program);
        let address = format!("127.0.0.1:{port}");
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Browser { driver, _stdout: stdout, address, session: String::new(), profile };
        let capabilities = browser.capabilities(look);
        let session = browser.call("POST", "/session", &capabilities);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        if look.width < 500 {
            // A window can't be that narrow; what it shows can.
            let metrics = json!({"width": look.width, "height": look.height, "deviceScaleFactor": 2, "mobile": true});
            let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
            let _ = browser.post("/goog/cdp/execute", &command);
        }
        Some(browser)
    }

    fn capabilities(&self, look: Look) -> Value {
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let mut arguments: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", self.profile.path().display()));
        arguments.push(format!("--window-size={},{}", look.width, look.height));
        let mut options = json!({"args": arguments});
        if let Some(binary) = on_path(&["google-chrome", "chromium", "chromium-browser", "chrome"]) {
            options["binary"] = json!(binary);
        }
        if !look.scripts {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let wanted = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        json!({"capabilities": {"alwaysMatch": wanted}})
    }

    /// Opens a file.
    pub fn open(&self, path: &Path) {
        self.open_at(path, "");
    }

    /// Opens a file with this behind its name: `#…`.
    pub fn open_at(&self, path: &Path, hash: &str) {
        let url = url::Url::from_file_path(path).unwrap();
        let _ = self.post("/url", &json!({"url": format!("{url}{hash}")}));
    }

    /// Makes it a browser whose user prefers `light` or `dark`.
    pub fn prefers(&self, scheme: &str) {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": feature}});
        let _ = self.post("/goog/cdp/execute", &command);
        self.settle();
    }

    /// The value that a piece of script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Presses keys wherever the focus is, and waits for two frames, after which the page has done what it does.
    pub fn press(&self, keys: &str) {
        let steps: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})])
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": steps});
        let _ = self.post("/actions", &json!({"actions": [keyboard]}));
        self.settle();
    }

    /// Clicks on the first element that a CSS selector finds, as a person would, and waits for two frames.
    pub fn click(&self, selector: &str) {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        let _ = self.post(&format!("/element/{id}/click"), &json!({}));
        self.settle();
    }

    /// Waits for two frames.
    pub fn settle(&self) {
        let script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(0)))";
        let _ = self.post("/execute/async", &json!({"script": script, "args": []}));
    }

    /// What the console of the page says.
    pub fn console(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Whether a dialog is open that a script asked for.
    pub fn has_dialog(&self) -> bool {
        let (status, _) = self.exchange("GET", &format!("{}/alert/text", self.session), "");
        status == 200
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    /// One command; its value.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.exchange(method, path, &body.to_string());
        assert_eq!(status, 200, "{method} {path} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            let _ = stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if line.starts_with("http/") {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            let _ = self.exchange("DELETE", &self.session, "");
        }
        // It may have ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        // What the driver started and left behind is known by its profile, which nobody else has.
        for process in processes_of(self.profile.path()) {
            let _ = Command::new("kill").args(["-KILL", &process]).stderr(Stdio::null()).status();
        }
    }
}

/// The ids of the processes whose command line names a path.
fn processes_of(path: &Path) -> Vec<String> {
    let path = path.display().to_string();
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let names = all.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_it = |id: &String| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        id.bytes().all(|digit| digit.is_ascii_digit()) && String::from_utf8_lossy(&line).contains(&path)
    };
    names.filter(of_it).collect()
}

/// A driver that listens, with its output and its port. The port that it chooses can be taken by another process before
/// it listens there; then it ends, and another one chooses again.
fn driver(program: &Path) -> (Child, BufReader<ChildStdout>, u16) {
    const TRIES: usize = 10;
    let mut said = String::new();
    for _ in 0..TRIES {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(driver.stdout.take().unwrap());
        match port(&mut stdout) {
            Ok(port) => return (driver, stdout, port),
            Err(all) => said = all,
        }
        let _ = driver.wait();
    }
    panic!("chromedriver ended {TRIES} times: {said}")
}

/// The port that the driver says it listens on; all that it said when it ended without.
fn port(stdout: &mut impl std::io::BufRead) -> Result<u16, String> {
    let mut all = String::new();
    loop {
        let start = all.len();
        if stdout.read_line(&mut all).unwrap() == 0 {
            return Err(all);
        }
        let found = all[start..].split("started successfully on port ").nth(1);
        if let Some(port) = found {
            return Ok(port.trim().trim_end_matches('.').parse().unwrap());
        }
    }
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}
