//! The lines of a difference as markup: `ins` is written, `del` goes, all else is neither.
//!
//! A line of somebody's text has a class of its own and is between rules, so that nothing written in it can look
//! like one of ours.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use crate::plan::Drift;
use crate::plan::member_diff::{Members, drifted};
use crate::render::html::shell::isolated;
use crate::render::lines::{self, Content, Line, Options, Sign, Text, Tone};
use crate::render::naming;
use crate::render::number::counted;

/// Lines of one change that are shown; what is more is counted.
const LINES_MAX: usize = 1_000;

/// Deeper lines are indented no more.
const DEPTH_MAX: usize = 12;

const OPTIONS: Options = Options { width: None, characters: 2_000, mark_short: true };

/// The members that differ. `names` are what people call things, by their ids.
pub(super) fn members(members: &Members<'_>, names: &BTreeMap<String, String>) -> Markup {
    let mut lines = lines::of(members, OPTIONS);
    naming::put_beside(&mut lines, names);
    let mut shown = lines.iter().filter(|line| !matches!(line.content, Content::CloseText(_)));
    html! {
        div.diff {
            @for one in shown.by_ref().take(LINES_MAX) { (line(one)) }
            @let left_out = shown.count();
            @if left_out > 0 { div.d0 { small { "# (" (counted(left_out, "more line")) ")" } } }
        }
    }
}

/// What was changed outside of dixaform in one conversation: what the record has, and what is there.
pub(super) fn drift(drift: &Drift) -> Markup {
    members(&drifted(drift), &BTreeMap::new())
}

fn line(line: &Line<'_>) -> Markup {
    let text = if matches!(line.content, Content::TextLine(_) | Content::DiffLine(_)) { " t" } else { "" };
    let class = format!("d{}{text}", line.depth.min(DEPTH_MAX));
    let content = html! {
        @if let Some(key) = &line.key { b { (isolated(&key.name)) } " = " }
        (content(&line.content))
        @if let Some(remark) = &line.remark { " " small { (isolated(remark)) } }
        @if line.forces_replacement {
            @if !matches!(line.content, Content::OpenText(_)) { " " }
            small { "# forces replacement" }
        }
    };
    match line.sign {
        Sign::Added => html! { ins class=(class) { (content) } },
        Sign::Removed => html! { del class=(class) { (content) } },
        Sign::Unknown => html! { div class={ (class) " u" } { (content) } },
        Sign::Changed | Sign::Same => html! { div class=(class) { (content) } },
    }
}

fn content(content: &Content<'_>) -> Markup {
    match content {
        Content::Bare(text) => html! { (text) },
        Content::Hint(text) => html! { small { (text) } },
        Content::Remark(text) => html! { small { (text) } },
        Content::Neighbour(text) => html! { small { (isolated(text)) } },
        Content::Quoted(text) => html! { "\"" (pieces(text)) "\"" (more(text)) },
        Content::List(items) => html! {
            "[" @for (index, item) in items.iter().enumerate() { @if index > 0 { ", " } (self::content(item)) } "]"
        },
        Content::Unknown(before) => html! {
            @if let Some(before) = before { (before.to_string()) " → " }
            small { "(known after apply)" }
        },
        Content::Open(bracket) | Content::Close(bracket) => html! { (bracket) },
        Content::TextLine(text) | Content::DiffLine(text) => html! { (pieces(text)) (more(text)) },
        Content::OpenText(_) | Content::CloseText(_) => PreEscaped(String::new()),
    }
}

/// Letters that run from right to left turn nothing beside them.
fn pieces(text: &Text<'_>) -> Markup {
    let pieces = html! {
        @for (tone, piece) in text.pieces() {
            @match tone {
                Tone::Same => (piece),
                Tone::Changed => mark { (piece) },
                Tone::Hidden => small { (piece) },
            }
        }
    };
    if text.pieces().all(|(_, piece)| piece.is_ascii()) {
        pieces
    } else {
        html! { bdi { (pieces) } }
    }
}

fn more(text: &Text<'_>) -> Markup {
    html! { @if !text.more.is_empty() { small { (text.more) } } }
}
