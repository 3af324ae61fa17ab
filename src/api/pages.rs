//! From page to page of a list: where the next page is, and when there is none.
//!
//! Dixa's `meta.next` is a URL or a path, of which one sample is known, with a slash and a colon that nobody expects.
//! It is followed as it is, but never to another origin, where the token would leak.
//! <https://docs.dixa.io/docs/api-standards-rules>

use std::collections::BTreeSet;

use reqwest::Url;

use crate::access::BaseUrl;

/// More pages than this are not read: at the largest page size known, 50, they are half a million entries.
pub const PAGES_MAX: usize = 10_000;

/// The pages of one list that were visited already.
#[derive(Debug)]
pub(crate) struct Trail {
    base: BaseUrl,
    current: Url,
    visited: BTreeSet<String>,
}

/// Why the next page can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    #[error("the link to the next page is not a URL: {reason}")]
    NotAUrl { reason: String },
    #[error("the link to the next page leads to `{origin}`, and the token is for `{base}` only; it was not followed")]
    Foreign { origin: String, base: BaseUrl },
    #[error("the list has more than {PAGES_MAX} pages")]
    TooMany,
    #[error("a page of the list is empty but has a next page, so the list may be incomplete")]
    Empty,
    #[error("a page of the list leads back to an earlier page, so the list may be incomplete")]
    Circle,
}

impl Trail {
    pub(crate) fn new(base: BaseUrl, first: Url) -> Self {
        let visited = BTreeSet::from([first.to_string()]);
        Trail { base, current: first, visited }
    }

    /// The page that is to be read.
    pub(crate) fn current(&self) -> &Url {
        &self.current
    }

    /// Goes on to the page that `next` names. False at the end of the list, where there is no link.
    pub(crate) fn advance(&mut self, next: Option<&str>, page_is_empty: bool) -> Result<bool, PageError> {
        let Some(next) = next else { return Ok(false) };
        if page_is_empty {
            return Err(PageError::Empty);
        }
        let url = self.resolve(next)?;
        if self.visited.contains(url.as_str()) {
            return Err(PageError::Circle);
        }
        if self.visited.len() >= PAGES_MAX {
            return Err(PageError::TooMany);
        }
        self.visited.insert(url.to_string());
        self.current = url;
        Ok(true)
    }

    fn resolve(&self, next: &str) -> Result<Url, PageError> {
        let not_a_url = |reason: String| PageError::NotAUrl { reason };
        let mut url = match Url::parse(next) {
            Ok(url) => url,
            // A path is meant from the root, with or without its slash.
            Err(_) if next.starts_with(['/', '?']) => {
                self.current.join(next).map_err(|error| not_a_url(error.to_string()))?
            }
            Err(_) => self.current.join(&format!("/{next}")).map_err(|error| not_a_url(error.to_string()))?,
        };
        if !self.base.is_origin_of(&url) {
            return Err(PageError::Foreign { origin: origin(&url), base: self.base.clone() });
        }
        let path = self.complete(url.path());
        if path != url.path() {
            url.set_path(&path);
        }
        Ok(url)
    }

    /// Puts what a path lacks in front of it: the base URL's own path, and `/v1` where the path begins with the
    /// resource.
    fn complete(&self, path: &str) -> String {
        let prefix = self.base.prefix();
        let tail = path.strip_prefix(prefix).filter(|tail| tail.starts_with('/')).unwrap_or(path);
        let resource = self.current.path().strip_prefix(prefix).and_then(|path| path.strip_prefix("/v1/"));
        let resource = resource.and_then(|path| path.split('/').next());
        let begins_with_resource = resource.is_some() && tail.trim_start_matches('/').split('/').next() == resource;
        format!("{prefix}{}{tail}", if begins_with_resource { "/v1" } else { "" })
    }
}

fn origin(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Call;

    fn trail(base: &str) -> Trail {
        let base = BaseUrl::parse(base).expect("a base URL");
        let first = base.of(&Call::ConversationsOf("u-1".to_owned()));
        Trail::new(base, first)
    }

    fn followed(base: &str, next: &str) -> String {
        let mut trail = trail(base);
        assert_eq!(trail.advance(Some(next), false), Ok(true), "{next}");
        trail.current().to_string()
    }

    #[test]
    fn a_link_is_followed_as_it_is_with_or_without_version_and_origin() {
        let page = "/endusers/u-1/conversations/?pageKey=cGFnZQ%3D%3D:";
        for next in [
            format!("/v1{page}"),
            page.to_owned(),
            page.trim_start_matches('/').to_owned(),
            format!("https://dev.dixa.io/v1{page}"),
            format!("https://dev.dixa.io:443{page}"),
            format!("//dev.dixa.io/v1{page}"),
        ] {
            assert_eq!(followed("https://dev.dixa.io", &next), format!("https://dev.dixa.io/v1{page}"), "{next}");
            assert_eq!(followed("https://dev.dixa.io/v1/", &next), format!("https://dev.dixa.io/v1{page}"), "{next}");
        }
        assert_eq!(followed("https://dev.dixa.io", "/beta/x?a"), "https://dev.dixa.io/beta/x?a");
        assert_eq!(
            followed("https://dev.dixa.io", "?pageKey=2"),
            "https://dev.dixa.io/v1/endusers/u-1/conversations?pageKey=2"
        );
    }

    #[test]
    fn a_path_before_the_version_is_put_in_front_where_the_link_lacks_it() {
        for next in ["/dixa/v1/endusers/u-1?p", "/v1/endusers/u-1?p", "/endusers/u-1?p", "/dixa/endusers/u-1?p"] {
            assert_eq!(
                followed("https://gateway.example/dixa", next),
                "https://gateway.example/dixa/v1/endusers/u-1?p"
            );
        }
    }

    #[test]
    fn a_link_to_another_origin_is_refused() {
        for next in [
            "https://evil.example/v1/endusers/u-1/conversations?pageKey=2",
            "http://dev.dixa.io/v1/endusers/u-1/conversations?pageKey=2",
            "https://dev.dixa.io:8443/v1/x",
            "https://dev.dixa.io@evil.example/",
            "https://user:pass@dev.dixa.io/v1/x",
            "//evil.example/x",
            "/\\evil.example/x",
            "\\\\evil.example/x",
            "ftp://dev.dixa.io/x",
            "javascript:alert(1)",
        ] {
            let refused = trail("https://dev.dixa.io").advance(Some(next), false);
            assert!(matches!(refused, Err(PageError::Foreign { .. })), "{next}: {refused:?}");
        }
    }

    #[test]
    fn a_list_ends_without_a_link_and_neither_an_empty_page_nor_a_circle_is_taken_for_its_end() {
        let mut trail = trail("https://dev.dixa.io");
        assert_eq!(trail.advance(None, false), Ok(false));
        assert_eq!(trail.advance(None, true), Ok(false));
        assert_eq!(trail.advance(Some("?pageKey=2"), true), Err(PageError::Empty));
        assert_eq!(trail.advance(Some("?pageKey=2"), false), Ok(true));
        assert_eq!(trail.advance(Some("?pageKey=3"), false), Ok(true));
        assert_eq!(trail.advance(Some("?pageKey=2"), false), Err(PageError::Circle));
        assert_eq!(trail.advance(Some("/v1/endusers/u-1/conversations"), false), Err(PageError::Circle));
    }

    #[test]
    fn an_endless_list_is_an_error_and_no_part_of_it_is_taken_for_the_whole() {
        let mut trail = trail("https://dev.dixa.io");
        for page in 2..=PAGES_MAX {
            assert_eq!(trail.advance(Some(&format!("?pageKey={page}")), false), Ok(true));
        }
        assert_eq!(trail.advance(Some("?pageKey=0"), false), Err(PageError::TooMany));
    }
}
