//! Where a tenant's API is: an origin and perhaps a path before `/v1`.
//!
//! The base URL of an origin is written with or without `/v1` and with or without a slash at its end; all of these are
//! the same. A longer path is kept as it is, a `/v1` at its end too: the documentation's own stand-in has one there,
//! before that of its calls. Plain http is for loopback only, since the token would be readable on the way.

use std::fmt;

use url::Url;

use crate::access::store::is_loopback;
use crate::call::Call;

/// A checked base URL in its one spelling: no `/v1` that is the whole path, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is not a base URL. A user name or password in it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    #[error("the base URL is not an https URL: {reason}")]
    NotAUrl { reason: String },
    #[error("the base URL is not an https URL: it begins with `{scheme}:`")]
    Scheme { scheme: String },
    #[error("the base URL has a user or password in it; the token is the only credential")]
    UserInfo,
    #[error("the base URL has a `?` or `#` part")]
    QueryOrFragment,
    #[error("plain http to `{host}` would send the token in the clear; it is for this machine only")]
    PlainHttp { host: String },
}

impl BaseUrl {
    /// # Errors
    /// See [`BaseUrlError`].
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let mut url = Url::parse(text.trim()).map_err(|error| BaseUrlError::NotAUrl { reason: error.to_string() })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme { scheme: url.scheme().to_owned() });
        }
        if has_user_info(&url) {
            return Err(BaseUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::QueryOrFragment);
        }
        let path = url.path().trim_end_matches('/');
        let path = if path == "/v1" { String::new() } else { path.to_owned() };
        url.set_path(&path);
        let base = BaseUrl(url);
        if base.is_plain() && !base.is_loopback() {
            let host = base.0.host_str().unwrap_or_default().to_owned();
            return Err(BaseUrlError::PlainHttp { host });
        }
        Ok(base)
    }

    /// Whether it is plain http, which is spoken to this machine only: no certificate is ever looked at.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether it leads to this machine: 127.0.0.0/8, ::1 or `localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The URL of a call; the parts of its path are percent-encoded.
    pub(crate) fn of(&self, call: &Call) -> Url {
        let mut url = self.0.clone();
        url.set_path(self.prefix());
        url.path_segments_mut().expect("http and https URLs have a path").extend(call.segments());
        if let Some((name, value)) = call.query() {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    /// The path before the `/v1` of a call: empty, or beginning with a slash and not ending with one.
    pub(crate) fn prefix(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Whether `url` goes to the same scheme, host and port and carries no credentials of its own: only there the token
    /// may be sent.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        url.scheme() == self.0.scheme()
            && url.host_str() == self.0.host_str()
            && url.port_or_known_default() == self.0.port_or_known_default()
            && !has_user_info(url)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_version_and_slash_are_the_same() {
        for text in
            ["https://dev.dixa.io", "https://dev.dixa.io/", "https://dev.dixa.io/v1", "HTTPS://DEV.dixa.io:443/v1/"]
        {
            let base = BaseUrl::parse(text).expect(text);
            assert_eq!(base.to_string(), "https://dev.dixa.io", "{text}");
            assert_eq!(base.of(&Call::Organization).as_str(), "https://dev.dixa.io/v1/organization", "{text}");
        }
    }

    #[test]
    fn a_longer_path_is_kept_with_its_version() {
        for (text, kept) in [
            ("https://gateway.example/dixa/", "https://gateway.example/dixa"),
            ("https://gateway.example/dixa/v1/", "https://gateway.example/dixa/v1"),
            ("https://docs.dixa.io/_mock/openapi/dixa-api/v1", "https://docs.dixa.io/_mock/openapi/dixa-api/v1"),
        ] {
            let base = BaseUrl::parse(text).expect("a base URL");
            assert_eq!(base.to_string(), kept);
            assert_eq!(
                base.of(&Call::ConversationsOf("a/b?c".to_owned())).as_str(),
                format!("{kept}/v1/endusers/a%2Fb%3Fc/conversations")
            );
        }
    }

    #[test]
    fn plain_http_reaches_this_machine_only() {
        for text in ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:1/v1", "http://localhost:3000/"] {
            assert!(BaseUrl::parse(text).expect(text).is_loopback(), "{text}");
        }
        for text in
            ["http://dev.dixa.io", "http://127.0.0.1.example.org", "http://localhost.example.org", "http://10.0.0.1"]
        {
            assert!(matches!(BaseUrl::parse(text), Err(BaseUrlError::PlainHttp { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_told_apart_and_no_password_is_repeated() {
        let error = BaseUrl::parse("https://someone:hunter2@dev.dixa.io").unwrap_err();
        assert_eq!(error, BaseUrlError::UserInfo);
        assert!(!format!("{error:?} {error}").contains("hunter2"));
        assert!(matches!(BaseUrl::parse("dev.dixa.io"), Err(BaseUrlError::NotAUrl { .. })));
        assert!(matches!(BaseUrl::parse("ftp://dev.dixa.io"), Err(BaseUrlError::Scheme { .. })));
        assert_eq!(BaseUrl::parse("https://dev.dixa.io/?a=b"), Err(BaseUrlError::QueryOrFragment));
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        let base = BaseUrl::parse("https://dev.dixa.io").expect("a base URL");
        for (text, same) in [
            ("https://dev.dixa.io:443/v1/x", true),
            ("http://dev.dixa.io/v1/x", false),
            ("https://dev.dixa.io:444/", false),
            ("https://dev.dixa.io.example.org/", false),
            ("https://dev.dixa.io@example.org/", false),
            ("https://a:b@dev.dixa.io/", false),
        ] {
            assert_eq!(base.is_origin_of(&Url::parse(text).expect(text)), same, "{text}");
        }
    }
}
