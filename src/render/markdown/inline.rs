//! Foreign text inside our own: as code in Markdown, escaped in HTML.
//!
//! Nothing in code is a link, a mention, a reference to an issue or an element, on GitHub and on GitLab alike.

use crate::render::escape::{cut, escape};

/// Characters that are shown of a text within a sentence.
const SHOWN_MAX: usize = 200;

/// A text as code, on one line and not endless.
pub(in crate::render) fn code(text: &str) -> String {
    let text = escape(text);
    let text = cut(&text, SHOWN_MAX);
    let fence = "`".repeat(longest_run(&text) + 1);
    // A backtick at an end would belong to the fence; blanks alone are taken as they are.
    let blank = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// The end of a path that is too long says more than its beginning.
pub(super) fn path(file: &str, line: u32) -> String {
    let length = file.chars().count();
    let skipped = (length + 20).saturating_sub(SHOWN_MAX);
    let cut = if skipped > 0 { "…" } else { "" };
    let shown: String = file.chars().skip(skipped).collect();
    code(&format!("{cut}{shown}:{line}"))
}

/// A text as code within HTML that no Markdown is read in.
pub(super) fn html_code(text: &str) -> String {
    let mut out = String::from("<code>");
    for character in escape(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out.push_str("</code>");
    out
}

/// A fence that none of these lines can close.
pub(super) fn fence<'l>(lines: impl IntoIterator<Item = &'l String>) -> String {
    let longest = lines.into_iter().map(|line| longest_run(line)).max().unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_code_closes_it() {
        let cases = [
            ("a.yaml", "`a.yaml`"),
            ("@all #1 <b> | *", "`@all #1 <b> | *`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``` x", "```` ``` x ````"),
            ("", "`  `"),
            ("a\n\nb\u{202e}", "`a\\n\\nb\\u{202e}`"),
        ];
        for (text, shown) in cases {
            assert_eq!(code(text), shown);
        }
    }

    #[test]
    fn the_end_of_a_long_path_is_kept_with_its_line() {
        let shown = path(&format!("{}/orders.yaml", "folder/".repeat(100)), 31);
        assert!(shown.starts_with("`…") && shown.ends_with("/orders.yaml:31`"), "{shown}");
        assert!(shown.chars().count() <= 203);
    }
}
