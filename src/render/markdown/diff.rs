//! The lines of a difference for a ```` ```diff ```` block.
//!
//! Colours go by the first character of a line, so that one is always ours: `+` is written, `-` goes, `!` is known
//! later, and two blanks are neither. A line of somebody's text comes behind `| `, wherever it is: a list item in a
//! message can look like nothing else.

use crate::plan::member_diff::drifted;
use crate::plan::{Change, Drift};
use crate::render::lines::{self, Content, Line, Options, Sign, Text};
use crate::render::naming;

const OPTIONS: Options = Options { width: None, characters: 500, mark_short: false };

/// The members that differ.
pub(super) fn of_change(change: &Change) -> Vec<String> {
    let members = change.members();
    let mut lines = lines::of(&members, OPTIONS);
    naming::put_beside(&mut lines, &change.called);
    lines.iter().filter(|line| !matches!(line.content, Content::CloseText(_))).map(|one| line(one, 0)).collect()
}

/// What was changed outside of dixaform in one conversation: what the record has, and what is there.
pub(super) fn of_drift(drift: &Drift) -> Vec<String> {
    let members = drifted(drift);
    let lines = lines::of(&members, OPTIONS);
    let shown = lines.iter().filter(|line| !matches!(line.content, Content::CloseText(_)));
    let head = format!("  {} ({:#})", drift.address, drift.id);
    std::iter::once(head).chain(shown.map(|one| line(one, 1))).collect()
}

fn line(line: &Line<'_>, deeper: usize) -> String {
    let mut out = String::from(match line.sign {
        Sign::Added => "+ ",
        Sign::Removed => "- ",
        Sign::Unknown => "! ",
        Sign::Changed | Sign::Same => "  ",
    });
    out.push_str(&"  ".repeat(line.depth + deeper));
    if let Some(key) = &line.key {
        out.push_str(&key.name);
        out.push_str(" = ");
    }
    content_into(&line.content, &mut out);
    if let Some(remark) = &line.remark {
        out.push_str(&format!("  {remark}"));
    }
    if line.forces_replacement {
        let space = if out.ends_with(' ') { "" } else { " " };
        out.push_str(&format!("{space}# forces replacement"));
    }
    // The first two characters are ours.
    let kept = out.trim_end().len().max(2);
    out.truncate(kept);
    out
}

fn content_into(content: &Content<'_>, out: &mut String) {
    match content {
        Content::Bare(text) => out.push_str(text),
        Content::Hint(text) => out.push_str(text),
        Content::Remark(text) | Content::Neighbour(text) => out.push_str(text),
        Content::Quoted(text) => text_into("\"", text, "\"", out),
        Content::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                content_into(item, out);
            }
            out.push(']');
        }
        Content::Unknown(before) => {
            let before = before.map_or_else(String::new, |before| format!("{before} -> "));
            out.push_str(&format!("{before}(known after apply)"));
        }
        Content::Open(bracket) | Content::Close(bracket) => out.push(*bracket),
        Content::TextLine(text) | Content::DiffLine(text) => text_into("| ", text, "", out),
        Content::OpenText(_) | Content::CloseText(_) => {}
    }
}

fn text_into(start: &str, text: &Text<'_>, end: &str, out: &mut String) {
    out.push_str(start);
    text.pieces().for_each(|(_, piece)| out.push_str(piece));
    out.push_str(end);
    out.push_str(&text.more);
}
