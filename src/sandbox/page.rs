//! Pages: the key of the next one, opaque to clients, in base64 as Dixa's is.
//!
//! <https://docs.dixa.io/docs/api-standards-rules>. The key holds a place and not a page number, so that conversations
//! which are created while a client reads page after page are neither skipped nor repeated.

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::refusal::Refusal;

/// The size of a page unless the request says otherwise, and the largest: that of the search, the only one known.
pub const PAGE_SIZE: usize = 50;

/// Which part of a list, newest first, a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The most items to return, 1 to [`PAGE_SIZE`].
    pub size: usize,
    /// Only what has a lower number.
    pub before: Option<i64>,
}

impl Page {
    /// From the values of `pageLimit` and `pageKey`; `None` when one of them does not fit. A size within a key wins.
    pub fn of_query(limit: Option<&str>, key: Option<&str>) -> Option<Self> {
        let size = match limit {
            None => PAGE_SIZE,
            Some(text) => size_of(text)?,
        };
        match key {
            None => Some(Page { size, before: None }),
            Some(key) => Page::of_key(key),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(key).ok()?).ok()?;
        let (size, before) = text.strip_prefix("pageLimit=")?.split_once("&before=")?;
        Some(Page { size: size_of(size)?, before: Some(before.parse().ok()?) })
    }

    /// This page of a list whose items are numbered, ascending; the API shows it from the end, on purpose: no order is
    /// documented, so no client may rely on one.
    pub fn answer<T: Serialize>(self, path: &str, all: &[(T, i64)]) -> Result<Answer, Refusal> {
        let end = self.before.map_or(all.len(), |before| all.partition_point(|(_, number)| *number < before));
        let start = end.saturating_sub(self.size);
        let data: Vec<&T> = all[start..end].iter().rev().map(|(item, _)| item).collect();
        let next = (start > 0).then(|| format!("{path}?pageKey={}", self.key_after(all[start].1)));
        let list = List { data, meta: next.map(|next| json!({ "next": next })) };
        serde_json::to_string(&list).map(Answer::text).map_err(|_| Refusal::Internal)
    }

    /// The key of the page that goes on after the number `last`, percent-encoded for a query.
    pub fn key_after(self, last: i64) -> String {
        let key = STANDARD.encode(format!("pageLimit={}&before={last}", self.size));
        key.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    }
}

#[derive(Serialize)]
struct List<'a, T> {
    data: Vec<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
}

/// The parameters of a query.
#[derive(Debug)]
pub struct Parameters(pub Vec<(String, String)>);

impl Parameters {
    /// The first value of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The page that they ask for.
    pub fn page(&self) -> Result<Page, Refusal> {
        Page::of_query(self.value("pageLimit"), self.value("pageKey")).ok_or(Refusal::InvalidValue)
    }
}

/// The path of the first page of a list, by a key.
pub fn first_page_of(list: &Uri) -> String {
    let others =
        list.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page"));
    let key = Page { size: PAGE_SIZE, before: None }.key_after(i64::MAX);
    let query: Vec<String> = others.map(str::to_owned).chain([format!("pageKey={key}")]).collect();
    format!("{}?{}", list.path(), query.join("&"))
}

fn size_of(text: &str) -> Option<usize> {
    let size = usize::try_from(text.parse::<i32>().ok()?).ok()?;
    (size > 0).then_some(size.min(PAGE_SIZE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_the_page_that_it_was_made_for() {
        let page = Page::of_query(Some("20"), None).expect("valid");
        let key = page.key_after(1042).replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
        assert_eq!(Page::of_query(None, Some(&key)), Some(Page { size: 20, before: Some(1042) }));
    }

    #[test]
    fn a_page_limit_is_a_positive_int32_and_a_large_one_is_cut() {
        assert_eq!(Page::of_query(Some("1000"), None).map(|page| page.size), Some(PAGE_SIZE));
        for wrong in ["0", "-1", "x", "", "3000000000"] {
            assert_eq!(Page::of_query(Some(wrong), None), None, "{wrong}");
        }
        for wrong in ["nonsense", "", "Z", "Zg=", "Z===", "====", "Z*==", "Zg==Zg==", "cGFnZUxpbWl0PTUwJnBhZ2U9MQ=="] {
            assert_eq!(Page::of_query(None, Some(wrong)), None, "{wrong}");
        }
    }
}
