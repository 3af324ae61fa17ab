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
    let _ = mistaken.run("apply --yes").exit(1).warns("the certificate of localhost is one of another host");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_proxy_that_refuses_is_asked_once() {
    let (port, connections) = listen(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    });
    let workspace = workspace("https://dixa.example").variable("HTTPS_PROXY", &format!("http://127.0.0.1:{port}"));
    let _ = workspace.run("apply --yes").exit(1).warns("proxy").warns("HTTPS_PROXY");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
