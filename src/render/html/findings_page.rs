//! The page of findings.

use maud::{Markup, html};

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::render;
use crate::render::escape::escape;
use crate::render::html::controls::{Controls, Toggle, keys};
use crate::render::html::shell::{document, head, list, prose, text};
use crate::render::number::{counted, grouped};
use crate::source::Source;

/// The page of what was found in the manifests; `valid` says how the command ends. The same findings give the same
/// bytes. It ends with a newline.
pub fn findings(findings: &Findings, manifests: usize, valid: bool) -> String {
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let verdict = render::findings::verdict(findings, valid);
    let of = |severity: Severity, count| Toggle { word: severity.word(), label: severity.word(), count };
    let kinds = [of(Severity::Error, errors), of(Severity::Warning, warnings)];
    let controls = Controls {
        noun: "finding",
        total: findings.len(),
        searched: "messages, codes and files",
        kinds: kinds.into_iter().filter(|toggle| toggle.count > 0).collect(),
        labels: Vec::new(),
        folders: Vec::new(),
    };
    let intro = html! {
        // Of how many it is said is known only where all could be read.
        @if valid { strong.good { (counted(manifests, "manifest")) ": " (verdict) "." } }
        @else { strong.bad { "The manifests are " (verdict) "." } }
    };
    let facts = [("Errors", html! { (grouped(errors as u64)) }), ("Warnings", html! { (grouped(warnings as u64)) })];
    let body = html! {
        (head(&html! { "Findings" }, &intro, if findings.is_empty() { &[] } else { &facts }))
        main {
            @if !findings.is_empty() {
                section aria-label="Findings" {
                    (controls.markup())
                    (list(findings.iter().map(item), findings.len()))
                }
            }
        }
        (keys())
    };
    document(&format!("dixaform validate: {verdict}"), &body)
}

/// One finding with its line.
pub(super) fn item(finding: &Finding) -> Markup {
    let Finding { code, severity, source, message, hint, excerpt, related } = finding;
    html! {
        details.item.{ "is-" (severity.word()) } data-kind=(severity.word()) open {
            summary {
                span.tag.(severity.word()) { (severity.word()) }
                span.message { (prose(message)) }
                span.tags { code { (code) } }
                span.place { (whole_place(source)) }
            }
            div.body {
                @if let Some(excerpt) = excerpt { (line(excerpt, source)) }
                @if let Some(hint) = hint { p { strong { "help: " } (prose(hint)) } }
                @if !related.is_empty() {
                    ul { @for (place, why) in related { li { code { (whole_place(place)) } ": " (text(why)) } } }
                }
            }
        }
    }
}

pub(super) fn whole_place(source: &Source) -> Markup {
    html! { (text(&source.file)) ":" (source.place.line) ":" (source.place.column) }
}

/// The line in question, with what is meant marked.
pub(super) fn line(excerpt: &Excerpt, source: &Source) -> Markup {
    let Excerpt { text, skipped, length } = excerpt;
    let from = (source.place.column.saturating_sub(1)).saturating_sub(*skipped) as usize;
    let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = (byte(from), byte(from + *length as usize));
    // A place behind the last character is marked there.
    let marked = if start == end { " ".into() } else { escape(&text[start..end]) };
    html! {
        pre.excerpt {
            span.number { (source.place.line) }
            bdi { @if *skipped > 0 { "…" } (escape(&text[..start])) mark { (marked) } (escape(&text[end..])) }
        }
    }
}
