//! What lets no call through and will not change by asking again: a certificate that is not trusted, a proxy that
//! refuses.

use std::error::Error;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// Why nothing gets through, and what to do about it; none if it may be otherwise the next time.
pub(super) fn why(error: &(dyn Error + 'static), host: &str) -> Option<(String, String)> {
    let mut layer = Some(error);
    while let Some(current) = layer {
        if let Some(found) = tls_error(current) {
            return Some(about(found, host));
        }
        let text = current.to_string();
        if text.contains("proxy authorization required") || text.contains("proxy authentication required") {
            let hint = "write user and password into HTTPS_PROXY (http://user:password@host:port), or name the host in NO_PROXY";
            return Some((format!("the proxy wants a user and a password for {host}"), hint.to_owned()));
        }
        // Any answer but that it is connected, or that it wants to know who asks.
        if text.contains("tunnel error: unsuccessful") {
            let hint = "the proxy is the one in HTTPS_PROXY or ALL_PROXY: ask for the host to be allowed there, or name it in \
                        NO_PROXY if it can be reached without a proxy";
            return Some((format!("the proxy refuses to connect to {host}"), hint.to_owned()));
        }
        layer = current.source();
    }
    None
}

/// The error of TLS that an error is, or holds: an I/O error keeps what it is about to itself.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TlsError> {
    if let Some(found) = error.downcast_ref::<TlsError>() {
        return Some(found);
    }
    let inner: &'e (dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    tls_error(inner)
}

fn about(error: &TlsError, host: &str) -> (String, String) {
    use CertificateError as Of;
    let certificate = format!("the certificate of {host}");
    let (message, hint) = match error {
        TlsError::InvalidCertificate(Of::UnknownIssuer) => (
            format!("{certificate} is signed by an unknown issuer"),
            "if your company's proxy inspects TLS traffic, name the file with its CA in SSL_CERT_FILE",
        ),
        TlsError::InvalidCertificate(Of::Expired | Of::ExpiredContext { .. }) => (
            format!("{certificate} has expired"),
            "check the clock of this machine; if it is right, tell the people who run that host",
        ),
        TlsError::InvalidCertificate(Of::NotValidYet | Of::NotValidYetContext { .. }) => {
            (format!("{certificate} is not valid yet"), "check the clock of this machine")
        }
        TlsError::InvalidCertificate(Of::NotValidForName | Of::NotValidForNameContext { .. }) => (
            format!("{certificate} belongs to another host"),
            "check the base URL, and whether a proxy answers in its place",
        ),
        TlsError::InvalidCertificate(other) => (
            format!("{certificate} is not trusted: {other}"),
            "if your company's proxy inspects TLS traffic, name the file with its CA in SSL_CERT_FILE",
        ),
        other => (
            format!("no TLS connection to {host}: {other}"),
            "check the base URL, and whether a proxy answers in its place; HTTPS_PROXY and NO_PROXY control that",
        ),
    };
    (message, hint.to_owned())
}
