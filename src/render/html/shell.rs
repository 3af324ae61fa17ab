//! What all pages share: the document, its policy, its style and script, and the parts of a page that repeat.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::render::escape::escape;
use crate::render::note::{Part, Sentence};
use crate::source::Source;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// One fact of the head of a page: what it is, and its value.
pub(super) type Fact = (&'static str, Markup);

/// A document with this title, and this between the tags of its body; ends with a newline.
pub(super) fn document(title: &str, body: &Markup) -> String {
    // A browser hashes what it has read, in which every line break is one character.
    let (style, script) = (STYLE.replace('\r', ""), SCRIPT.replace('\r', ""));
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        source_hash(&style),
        source_hash(&script)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("dixaform ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                (body)
                footer { p { "Written by dixaform " (env!("CARGO_PKG_VERSION")) ". This page loads nothing from any server." } }
                script { (PreEscaped(script)) }
            }
        }
    };
    let mut page = page.into_string();
    page.push('\n');
    page
}

/// How a policy names an embedded style or script.
/// <https://www.w3.org/TR/CSP3/#grammardef-hash-source>
fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// Base64 as in RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * index)) as usize & 63];
            out.push(if index <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// The head of a page: a heading, a line below it, and some facts.
pub(super) fn head(heading: &Markup, intro: &Markup, facts: &[Fact]) -> Markup {
    html! {
        header.page {
            h1 { (heading) }
            p.intro { (intro) }
            @if !facts.is_empty() {
                dl.facts {
                    @for (name, value) in facts {
                        div { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
    }
}

/// Foreign text, safe to show on one line. If it may contain letters that run from right to left, it is isolated from
/// the text beside it.
pub(super) fn text(text: &str) -> Markup {
    isolated(&escape(text))
}

/// [`text`] that is escaped already.
pub(super) fn isolated(shown: &str) -> Markup {
    html! { @if shown.is_ascii() { (shown) } @else { bdi { (shown) } } }
}

/// A message in which names are between backticks: [`text`], with those as code.
pub(super) fn prose(message: &str) -> Markup {
    let parts: Vec<&str> = message.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return text(message);
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 { code { (text(part)) } } @else { (text(part)) }
        }
    }
}

/// A sentence of ours with its names and what matters most marked.
pub(super) fn sentence(sentence: &Sentence) -> Markup {
    html! {
        @for part in &sentence.0 {
            @match part {
                Part::Words(words) => (words),
                Part::Strong(words) => strong { (words) },
                Part::Code(name) => code { (text(name)) },
            }
        }
    }
}

/// The file and line of something.
pub(super) fn place(source: &Source) -> Markup {
    html! { (text(&source.file)) ":" (source.place.line) }
}

/// So many items in groups; those of a long list a browser lays out only when they come into view.
pub(super) fn list(items: impl Iterator<Item = Markup>, count: usize) -> Markup {
    const GROUP: usize = 50;
    let mut items = items.peekable();
    html! {
        div #list.long[count > 2 * GROUP] {
            @while items.peek().is_some() {
                div.group { @for item in items.by_ref().take(GROUP) { (item) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (text, shown) in pairs {
            assert_eq!(base64(text.as_bytes()), shown);
        }
    }

    #[test]
    fn style_and_script_end_nowhere_but_at_their_end() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
