//! The proxies that the environment names. The HTTP library looks for them by itself, and goes without one that it
//! can't read: around a proxy that is there for a reason.
#![expect(clippy::disallowed_methods, reason = "proxies are named by the environment")]

use url::Url;

/// The variables that count, each in its two spellings; of two that are set, the first counts.
const VARIABLES: [[&str; 2]; 3] =
    [["HTTPS_PROXY", "https_proxy"], ["HTTP_PROXY", "http_proxy"], ["ALL_PROXY", "all_proxy"]];

/// Why a variable names no proxy. What is in it is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} does not name a proxy that can be used: {why}")]
pub struct ProxyError {
    variable: &'static str,
    why: &'static str,
}

/// Checks all of them, so that none is passed over.
///
/// # Errors
/// The first that names no proxy.
pub(super) fn check() -> Result<(), ProxyError> {
    for names in VARIABLES {
        let set = names.into_iter().find_map(|name| Some((name, std::env::var_os(name)?)));
        let Some((variable, value)) = set else { continue };
        let problem = value.to_str().map_or(Some("it is not UTF-8"), problem);
        if let Some(why) = problem {
            return Err(ProxyError { variable, why });
        }
    }
    Ok(())
}

/// What is wrong with the URL of a proxy; nothing is wrong with none at all.
fn problem(text: &str) -> Option<&'static str> {
    const NO_URL: &str = "it is not a URL like http://host:port";
    if text.is_empty() {
        return None;
    }
    let has_scheme = text.contains("://");
    let with_scheme = if has_scheme { text.to_owned() } else { format!("http://{text}") };
    // Whoever reads it next is less lenient than this parser.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#?".contains(&byte));
    let Some(url) = Url::parse(&with_scheme).ok().filter(|_| is_plain && text.matches('@').count() <= 1) else {
        return Some(NO_URL);
    };
    match url.scheme() {
        "http" | "https" if has_scheme || url.path() == "/" => None,
        "http" | "https" => Some(NO_URL),
        _ => Some("only http and https proxies are used"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_with_or_without_its_scheme() {
        for text in [
            "",
            "http://proxy:3128",
            "https://proxy.example/",
            "proxy:3128",
            "proxy",
            "http://u:p%40s@10.0.0.1:80",
            "u:p@proxy:1",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
        for text in [
            "http://",
            "http:/proxy:3128",
            "http://proxy:port",
            "http://pro xy",
            "http://u:p@ss@proxy:1",
            " ",
            "http://u:p#s@proxy:1",
            "http://proxy\u{e9}:1",
            "socks5://proxy:1",
            "ftp://proxy",
            "://proxy",
            "http://proxy:99999",
        ] {
            assert!(problem(text).is_some(), "{text}");
        }
    }
}
