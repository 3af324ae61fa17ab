//! Foreign text, made safe to show: nothing that is invisible, moves the cursor or turns the direction of writing
//! stays as it is.
//!
//! Escaped are control characters (C0, DEL, C1), everything that overrides or isolates a direction, zero-width and
//! other invisible characters, line and paragraph separators, and the tags block. Left alone are the joiners and
//! variation selectors where they do their work, between emoji and within the scripts that need them: what customers
//! write must stay readable. Pure formatting that can be seen (accents, emoji, no-break spaces) is left alone, too.
//!
//! The result is for people. It can't be read back: a text can hold `\n` as two characters itself.

use std::borrow::Cow;

use crate::render::palette::Palette;

/// The text in one line: a newline is shown as `\n`, a tab as `\t`, U+202E as `\u{202e}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_also(text, |_| false)
}

/// [`escape`] for what is between double quotes: a quote is shown as `\"`, a backslash as `\\`.
pub fn escape_quoted(text: &str) -> Cow<'_, str> {
    escape_also(text, |character| matches!(character, '"' | '\\'))
}

/// The text in double quotes, on one line.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escape_quoted(text))
}

/// The first characters of a text, and a sign if there are more.
pub fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Lines that can be written to a terminal or to the log of a CI job, whoever they came from: the last thing that
/// happens to a text. Line breaks stay, and what the palette makes; whatever else [`escape`] would show is shown, and
/// no line is a command of a CI service. Text that went through here before, or was made of [`escape`]d texts, stays as
/// it is.
pub fn lines<'t>(text: &'t str, palette: &Palette) -> Cow<'t, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    let shown = if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        Cow::Borrowed(text)
    } else {
        let mut out = String::with_capacity(text.len() + 16);
        for line in text.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            let mut rest = line;
            while let Some((before, sequence, after)) = palette.next_sequence(rest) {
                out.extend([&*escape(before), sequence]);
                rest = after;
            }
            out.extend([&*escape(rest), end]);
        }
        Cow::Owned(out)
    };
    if has_commands(&shown) { Cow::Owned(without_commands(shown.into_owned())) } else { shown }
}

/// Whether there may be something to do for [`without_commands`].
fn has_commands(lines: &str) -> bool {
    lines.contains("::") || lines.contains("##")
}

/// Lines that a CI service can't take for a command. Runners read commands from what a job prints: GitHub's a line
/// that begins, after white space, with `::`, and one with `##[` anywhere; those of Azure and `TeamCity` one with
/// `##vso[` or `##teamcity[`. A character of these is spelled out, always, so that a plan is the same wherever it is
/// made.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
pub fn without_commands(lines: String) -> String {
    if !has_commands(&lines) {
        return lines;
    }
    let mut out = String::with_capacity(lines.len() + 16);
    for line in lines.split_inclusive('\n') {
        let mut rest = line.trim_start();
        out.push_str(&line[..line.len() - rest.len()]);
        if let Some(after) = rest.strip_prefix("::") {
            out.push_str("\\u{3a}:");
            rest = after;
        }
        out.push_str(&without_brackets(rest));
    }
    out
}

/// Text without the brackets of commands that a CI service would find within a line.
pub fn without_brackets(text: &str) -> Cow<'_, str> {
    if next_command(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = next_command(rest) {
        out.extend([before, "\\u{5b}"]);
        rest = after;
    }
    Cow::Owned(out + rest)
}

/// What is before and after the first bracket that begins a command, wherever that is: two hashes and perhaps a word
/// are before it.
fn next_command(text: &str) -> Option<(&str, &str)> {
    let brackets = text.match_indices('[').map(|(index, _)| index);
    let is_command =
        |index: &usize| text[..*index].trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).ends_with("##");
    brackets.into_iter().find(is_command).map(|index| (&text[..index], &text[index + 1..]))
}

fn escape_also(text: &str, also: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Most text needs nothing. Without a way out in the middle, a compiler looks at many bytes at once.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & !also(char::from(byte));
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Cow::Borrowed(text);
    }
    if text.chars().all(|character| !may_be_hidden(character) && !also(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut previous = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if also(character) {
            out.push('\\');
            out.push(character);
        } else if may_be_hidden(character) && !has_effect(previous, character, characters.peek().copied()) {
            match character {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ => out.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            }
        } else {
            out.push(character);
        }
        previous = Some(character);
    }
    Cow::Owned(out)
}

/// A text that is safe to show, with every character outside of ASCII spelled out: for two texts that look the same.
pub fn spelled(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let spell = |letter: char| match letter {
        ' '..='~' => letter.to_string(),
        _ => format!("\\u{{{:x}}}", u32::from(letter)),
    };
    Cow::Owned(text.chars().map(spell).collect())
}

/// JSON safe to show, and the same JSON to any program: what [`escape`] looks for is written as `\\uXXXX`, joiners
/// that do their work included, and so are the brackets of commands that a CI service would find within a line. All
/// that occurs only in strings; line breaks between values stay.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    escape_hidden(json, |character, out| {
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// [`escape_json`] for JSON that is read as YAML, which takes no surrogate pairs and has `\\UXXXXXXXX` in their place.
pub fn escape_yaml(json: &str) -> Cow<'_, str> {
    escape_hidden(json, |character, out| {
        let escaped = match u32::from(character) {
            code @ ..=0xffff => format!("\\u{code:04x}"),
            code => format!("\\U{code:08x}"),
        };
        out.push_str(&escaped);
    })
}

fn escape_hidden(json: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let hidden = |character: char| character >= '\u{7f}' && may_be_hidden(character);
    let shown = if json.chars().any(hidden) {
        let mut out = String::with_capacity(json.len() + 64);
        for character in json.chars() {
            if hidden(character) {
                write(character, &mut out);
            } else {
                out.push(character);
            }
        }
        Cow::Owned(out)
    } else {
        Cow::Borrowed(json)
    };
    if !shown.contains("##") {
        return shown;
    }
    let mut out = String::with_capacity(shown.len() + 64);
    let mut rest = &*shown;
    while let Some((before, after)) = next_command(rest) {
        out.push_str(before);
        write('[', &mut out);
        rest = after;
    }
    Cow::Owned(out + rest)
}

/// Whether a character shows nothing of itself, or changes how others are shown.
fn may_be_hidden(character: char) -> bool {
    // Most text is of these.
    if matches!(character, ' '..='~') {
        return false;
    }
    matches!(
        character,
        // C0, DEL and C1.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, grapheme joiner, letter mark, fillers, Khmer inherent vowels, Mongolian selectors.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero width, directional marks, separators, embeddings and overrides, invisible operators, isolates.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // Fillers, variation selectors, byte order mark, annotations, musical controls, tags and more selectors.
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a joiner or a variation selector is in a place where it has an effect.
fn has_effect(previous: Option<char>, character: char, next: Option<char>) -> bool {
    let Some(previous) = previous else { return false };
    match character {
        // Non-joiner and joiner: letters of Arabic and of the scripts of India; the joiner also makes one emoji of two.
        '\u{200c}' | '\u{200d}' => next.is_some_and(|next| {
            let script = |letter: char| matches!(letter, '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{dff}');
            let emoji = |part: char| matches!(part, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
            script(previous) && script(next) || character == '\u{200d}' && emoji(previous) && emoji(next)
        }),
        // As text, as emoji: after a symbol or a key cap's digit.
        '\u{fe0e}' | '\u{fe0f}' => {
            let symbol = matches!(previous, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}');
            symbol || matches!(previous, '0'..='9' | '#' | '*')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::palette::Label;

    #[test]
    fn what_moves_hides_or_turns_is_shown() {
        let cases = [
            ("plain, æøå, 😀, עברית", "plain, æøå, 😀, עברית"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("safe\u{202e}txt.exe", "safe\\u{202e}txt.exe"),
            ("\u{2066}a\u{2069}\u{200f}\u{61c}", "\\u{2066}a\\u{2069}\\u{200f}\\u{61c}"),
            ("a\u{200b}b\u{feff}c\u{2028}d", "a\\u{200b}b\\u{feff}c\\u{2028}d"),
            ("\u{e0041}\u{e0100}", "\\u{e0041}\\u{e0100}"),
            ("say \"hi\" \\o/", "say \"hi\" \\o/"),
        ];
        for (text, shown) in cases {
            assert_eq!(escape(text), shown);
        }
        assert_eq!(quoted("say \"hi\" \\o/\n"), r#""say \"hi\" \\o/\n""#);
    }

    #[test]
    fn joiners_that_do_their_work_stay_and_others_are_shown() {
        for text in ["👩\u{200d}🚀", "❤\u{fe0f}", "1\u{fe0f}", "می\u{200c}خواهم", "🏳\u{fe0f}\u{200d}🌈"]
        {
            assert_eq!(escape(text), text);
        }
        assert_eq!(escape("pay\u{200d}pal\u{fe0f}"), "pay\\u{200d}pal\\u{fe0f}");
        assert_eq!(escape("\u{200d}"), "\\u{200d}");
    }

    #[test]
    fn no_line_is_a_command_of_a_ci_service() {
        let cases = [
            ("::error::x\n", "\\u{3a}:error::x\n"),
            ("a\n \t::set-output name=a::b", "a\n \t\\u{3a}:set-output name=a::b"),
            ("std::mem, a ::b, C# ## x\n", "std::mem, a ::b, C# ## x\n"),
            ("a ##[error]b\n##vso[task.complete]", "a ##\\u{5b}error]b\n##vso\\u{5b}task.complete]"),
            ("::##[a]##teamcity[b][c]", "\\u{3a}:##\\u{5b}a]##teamcity\\u{5b}b][c]"),
            ("#[a] ## [b]", "#[a] ## [b]"),
        ];
        for (lines, shown) in cases {
            assert_eq!(without_commands(lines.to_owned()), shown);
        }
    }

    #[test]
    fn lines_keep_their_breaks_and_the_colours_of_their_palette_and_nothing_else() {
        let (plain, colour) = (Palette::plain(), Palette::colour());
        let painted = colour.paint(Label::RemovedWord, "red");
        let foreign = "\u{1b}[8mhidden\u{1b}]0;title\u{7}\u{1b}[2J";
        let shown = "\\u{1b}[8mhidden\\u{1b}]0;title\\u{7}\\u{1b}[2J";
        assert_eq!(lines(&format!("a\n{painted}{foreign}\n"), &colour), format!("a\n{painted}{shown}\n"));
        assert_eq!(lines("\u{1b}[1ma", &plain), "\\u{1b}[1ma");
        assert_eq!(lines("a\r::error::x\n\u{a0}::error::x", &plain), "a\\r::error::x\n\u{a0}\\u{3a}:error::x");
        assert_eq!(lines("tab\t\u{202e}\u{9b}2J, 👩\u{200d}🚀\n", &plain), "tab\\t\\u{202e}\\u{9b}2J, 👩\u{200d}🚀\n");
        for text in ["a\nb", "👩\u{200d}🚀 می\u{200c}خواهم\n", "\\u{1b}", &format!("{painted} {shown}")] {
            assert_eq!(lines(text, &colour), text);
        }
    }

    #[test]
    fn json_reads_the_same_and_hides_nothing() {
        let json = "{\"a\u{202e}\":\n\"\u{7f}\u{e0041} \\u202e 👩\u{200d}🚀 æ ##[a] [b]\"}\n";
        let shown = escape_json(json);
        assert_eq!(shown, "{\"a\\u202e\":\n\"\\u007f\\udb40\\udc41 \\u202e 👩\\u200d🚀 æ ##\\u005ba] [b]\"}\n");
        let read = |text: &str| crate::json::parse(text).expect("JSON");
        assert_eq!(read(&shown), read(json));
    }

    #[test]
    fn json_that_is_read_as_yaml_gets_no_surrogate_pairs() {
        let json = "{\"a\": \"\u{202e}\u{e0100}\u{1f600}\"}";
        let escaped = escape_yaml(json);
        assert_eq!(escaped, "{\"a\": \"\\u202e\\U000e0100\u{1f600}\"}");
        let read: serde_json::Value = serde_yaml::from_str(&escaped).expect("it is YAML");
        assert_eq!(read["a"], "\u{202e}\u{e0100}\u{1f600}");
    }

    #[test]
    fn what_looks_the_same_can_be_spelled_out() {
        assert_eq!(spelled("a\u{a0}b, cafe\u{301}"), "a\\u{a0}b, cafe\\u{301}");
        assert!(matches!(spelled("\\u{a0}"), Cow::Borrowed(_)));
    }

    #[test]
    fn text_that_needs_nothing_is_not_copied() {
        assert!(matches!(escape("order #123"), Cow::Borrowed(_)));
    }
}
