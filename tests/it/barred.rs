//! What lets no call through: a certificate that is not trusted, a proxy that refuses. It is said once, with what to do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::support::Workspace;
use crate::support::manifests::email;

/// What a file of PEM holds.
fn der(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).unwrap()
}

/// Answers each connection; gives back the port and how many there were.
fn listen(mut answer: impl FnMut(TcpStream) + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            answer(stream);
        }
    });
    (port, count)
}

/// A server whose certificate nobody has signed but itself.
fn server(certificate: &str) -> (u16, Arc<AtomicUsize>) {
    let certificates = vec![CertificateDer::from(der(&format!("{certificate}.cert")))];
    let key = PrivatePkcs8KeyDer::from(der(&format!("{certificate}.key"))).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(certificates, key).unwrap());
    listen(move |mut stream| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
    })
}

fn workspace(base_url: &str) -> Workspace {
    Workspace::new().file("manifests/a.yaml", &email("a")).with_tenant(base_url)
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_said_once_with_what_to_do() {
    let (port, connections) = server("localhost");
    let workspace = workspace(&format!("https://localhost:{port}"));
    let outcome =
        workspace.run("apply --yes").exit(1).warns("the certificate of localhost is signed by an unknown issuer");
    let _ = outcome.warns("SSL_CERT_FILE").warns("nothing was changed");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_certificate_that_is_named_is_trusted_for_its_own_host_only() {
    let file = |name: &str| format!("{}/tests/fixtures/tls/{name}.cert.pem", env!("CARGO_MANIFEST_DIR"));
    // The connection comes about, and then nobody answers.
    let (port, _) = server("localhost");
    let trusting = workspace(&format!("https://localhost:{port}")).variable("SSL_CERT_FILE", &file("localhost"));
    let told = trusting.run("plan --refresh apply").stderr;
    assert!(!told.contains("certificate"), "{told}");
    let (port, connections) = server("other");
    let mistaken = workspace(&format!("https://localhost:{port}")).variable("SSL_CERT_FILE", &file("other"));
    let _ = mistaken.run("apply --yes").exit(1).warns("the certificate of localhost belongs to another host");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_proxy_that_refuses_is_asked_once() {
    for (status, said) in [
        ("407 Proxy Authentication Required", "the proxy wants a user and a password for dixa.example"),
        ("403 Forbidden", "the proxy refuses to connect to dixa.example"),
    ] {
        let (port, connections) = listen(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        });
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let proxy = format!("http://me:pass-word@127.0.0.1:{port}");
            let workspace = workspace("https://dixa.example").variable(variable, &proxy);
            let before = connections.load(Ordering::SeqCst);
            let outcome =
                workspace.run("apply --yes").exit(1).warns(said).warns("HTTPS_PROXY").warns("nothing was changed");
            let _ = outcome.never_says("pass-word");
            assert_eq!(connections.load(Ordering::SeqCst), before + 1);
        }
    }
}

#[test]
fn a_variable_that_names_no_proxy_is_said_and_not_passed_over() {
    for variable in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        for value in
            ["http://me:pass-word@host:port", "http://me:pass-word@pro xy:1", "socks5://me:pass-word@127.0.0.1:1"]
        {
            let workspace = workspace("https://dixa.example").variable(variable, value);
            for command in ["apply --yes", "catalog pull -vv"] {
                let outcome =
                    workspace.run(command).exit(1).warns(&format!("variable {variable} does not name a proxy"));
                let _ = outcome.warns("http://host:port").never_says("pass-word");
            }
            // What needs no network needs no proxy.
            let _ = workspace.run("plan").exit(0);
            let _ = workspace.run("apply --yes --tenant sandbox").exit(0);
        }
    }
}
