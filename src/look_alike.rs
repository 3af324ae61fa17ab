//! Characters that people take for others: pasted from a web page or a chat, or typed on another keyboard.

use crate::finding::{Excerpt, Finding, Severity, code};

/// What it is, and what to type in its place; an empty text where nothing belongs there.
type Meant = (&'static str, &'static str);

/// What a character may have been meant to be; none for one that nobody confuses.
fn meant(character: char) -> Option<Meant> {
    Some(match character {
        '\u{a0}' => ("a no-break space", " "),
        '\u{202f}' => ("a narrow no-break space", " "),
        '\u{3000}' => ("an ideographic space", " "),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => ("a space of another width", " "),
        '\u{85}' | '\u{2028}' | '\u{2029}' => ("a line separator", ""),
        '\u{200b}' => ("a zero-width space", ""),
        '\u{200c}'..='\u{200f}' | '\u{2060}' | '\u{ad}' | '\u{61c}' => ("an invisible character", ""),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ("an invisible sign of direction", ""),
        '\u{feff}' => ("a byte order mark", ""),
        '\u{7f}' => ("a delete character", ""),
        '\u{ff1a}' => ("a full-width colon", ":"),
        '\u{fe55}' | '\u{fe13}' | '\u{a789}' | '\u{2236}' => ("a sign like a colon", ":"),
        '\u{ff0c}' => ("a full-width comma", ","),
        '\u{fe50}' | '\u{3001}' | '\u{60c}' => ("a sign like a comma", ","),
        '\u{ff5b}' => ("a full-width brace", "{"),
        '\u{ff5d}' => ("a full-width brace", "}"),
        '\u{ff3b}' => ("a full-width bracket", "["),
        '\u{ff3d}' => ("a full-width bracket", "]"),
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2033}' | '\u{300c}' | '\u{300d}' | '\u{ff02}' => {
            ("a typographic quotation mark", "\"")
        }
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{ff07}' => ("a typographic quotation mark", "'"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => ("a typographic dash", "-"),
        '\u{ff03}' => ("a full-width number sign", "#"),
        '\u{ff0e}' => ("a full-width full stop", "."),
        '\u{ff20}' => ("a full-width at sign", "@"),
        '\u{ff0f}' => ("a full-width slash", "/"),
        '\u{ff3f}' => ("a full-width underscore", "_"),
        _ => return None,
    })
}

/// The character of a line, counted from 0, that YAML reads otherwise than the author did: where a blank, a quotation
/// mark or a sign of YAML belongs. In the midst of a text such characters mean themselves.
pub fn in_structure(line: &str) -> Option<usize> {
    // A key has not ended yet, and nothing but blanks and signs came since the last one began.
    let (mut in_key, mut at_start, mut depth) = (true, true, 0_usize);
    let mut quote = None;
    let mut letters = line.chars().enumerate().peekable();
    while let Some((index, letter)) = letters.next() {
        let next = letters.peek().map_or(' ', |(_, next)| *next);
        match letter {
            _ if quote.is_some() => {
                if letter == '\\' && quote == Some('"') {
                    letters.next();
                } else if quote == Some(letter) {
                    quote = None;
                }
            }
            '"' | '\'' if at_start => (quote, at_start) = (Some(letter), false),
            '#' if at_start => return None,
            ' ' | '\t' => {}
            '-' if at_start && next == ' ' => {}
            '{' | '[' if at_start => (in_key, depth) = (true, depth + 1),
            ']' | '}' if depth > 0 => (at_start, depth) = (false, depth - 1),
            ',' if depth > 0 => (in_key, at_start) = (true, true),
            ':' if next == ' ' => (in_key, at_start) = (false, true),
            // A blank belongs after the colon of a key, and there is something else.
            ':' if in_key && !at_start && meant(next).is_some_and(|(_, instead)| " '\"".contains(instead)) => {
                (in_key, at_start) = (false, true);
            }
            _ => match meant(letter) {
                Some((_, ":")) if in_key && !at_start => return Some(index),
                Some((_, "," | "}" | "]")) if depth > 0 => return Some(index),
                Some(_) if at_start => return Some(index),
                _ if at_start => at_start = false,
                // The rest of a line outside brackets is text, once it has begun behind a colon.
                _ if !in_key && depth == 0 => return None,
                _ => {}
            },
        }
    }
    None
}

/// Lets a finding name the character that it is about, if it is one of these, and say what to type.
pub fn name(finding: &mut Finding) {
    let Some(Excerpt { text, skipped, length }) = &mut finding.excerpt else { return };
    if finding.severity == Severity::Warning {
        return;
    }
    let begin = (finding.source.place.column - 1).saturating_sub(*skipped) as usize;
    let underlined: String = text.chars().skip(begin).take(*length as usize).collect();
    let index = match finding.code {
        // The text itself may be as it was meant.
        code::WRONG_TYPE | code::QUOTE_IT | code::BAD_NUMBER | code::DUPLICATE_KEY => in_structure(&underlined),
        _ => underlined.chars().position(|letter| meant(letter).is_some()),
    };
    let found = index.and_then(|index| Some((index, underlined.chars().nth(index)?)));
    let Some((index, letter, (what, instead))) =
        found.and_then(|(index, letter)| Some((index, letter, meant(letter)?)))
    else {
        return;
    };
    finding.source.place.column += index as u32;
    *length = 1;
    finding.message.push_str(&format!("; here is {what}, U+{:04X}", u32::from(letter)));
    finding.hint = Some(match instead {
        "" => "remove it".to_owned(),
        " " => "type an ordinary space in its place".to_owned(),
        sign => format!("type {sign} in its place"),
    });
}

/// Letters of Cyrillic and Greek beside those of Latin that look the same.
const LETTERS: [(&str, &str); 2] =
    [("АВЕКМНОРСТУХІЈЅаеорсухіјѕ", "ABEKMHOPCTYXIJSaeopcyxijs"), ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧον", "ABEZHIKMNOPTYXov")];

/// What a text looks like: each character that can be seen, as another that looks the same, and whether an accent was
/// put on it.
fn glyphs(text: &str) -> Vec<(char, bool)> {
    let mut glyphs: Vec<(char, bool)> = Vec::new();
    for letter in text.chars() {
        let twin = |(theirs, latin): (&str, &'static str)| {
            let index = theirs.chars().position(|their| their == letter)?;
            latin.chars().nth(index)
        };
        match (letter, meant(letter)) {
            ('\u{300}'..='\u{36f}', _) => glyphs.last_mut().into_iter().for_each(|last| last.1 = true),
            (_, Some((_, ""))) => {}
            (_, Some((_, instead))) => glyphs.extend(instead.chars().map(|seen| (seen, false))),
            _ if letter.is_ascii() => glyphs.push((letter, false)),
            _ => glyphs.push((LETTERS.into_iter().find_map(twin).unwrap_or(letter), false)),
        }
    }
    glyphs
}

/// Whether nobody can see in what two texts differ.
pub fn look_the_same(one: &str, other: &str) -> bool {
    // A letter with its accent in it, and a letter with an accent behind it; which ones is not looked at.
    let is_accented = |(letter, _): (char, bool)| !letter.is_ascii() && letter.is_alphabetic();
    let same = |(a, b): (&(char, bool), &(char, bool))| a == b || a.1 && is_accented(*b) || b.1 && is_accented(*a);
    if one.is_ascii() && other.is_ascii() {
        return false;
    }
    let (one, other) = (glyphs(one), glyphs(other));
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_look_the_same_whose_difference_nobody_sees() {
        for (one, other) in [
            ("a b", "a\u{a0}b"),
            ("a b", "a\u{2009}b"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("a\u{200b}b", "ab"),
            ("co\u{ad}op", "coop"),
            ("paypal", "p\u{430}ypal"),
            ("Order", "\u{39f}rder"),
            ("1-2", "1\u{2011}2"),
        ] {
            assert!(look_the_same(one, other) && look_the_same(other, one), "{one} {other}");
        }
        for (one, other) in
            [("cafe", "caf\u{e9}"), ("e\u{301}", "e"), ("a b", "ab"), ("a", "b"), ("ü", "ue"), ("да", "da")]
        {
            assert!(!look_the_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_character_counts_where_yaml_reads_signs_and_not_within_a_text() {
        for (line, index) in [
            ("  subject:\u{a0}\"x\"", 10),
            ("\u{a0}\u{a0}subject: x", 0),
            ("  subject\u{ff1a} x", 9),
            ("  - \u{3000}name: x", 4),
            ("  subject: \u{201c}a: b\u{201d}", 11),
            ("  subject:\u{200b} x", 10),
            ("metadata: {name: a\u{ff0c}labels: {}}", 18),
            ("metadata: \u{ff5b}name: a}", 10),
            ("metadata: {name: a\u{ff5d}", 18),
            ("a: {b: \"x\u{a0}\", c\u{ff1a} d}", 14),
        ] {
            assert_eq!(in_structure(line), Some(index), "{line}");
        }
        for line in [
            "  subject: Bonjour\u{a0}!",
            "  subject: \"\u{201c}quoted\u{201d}\"",
            "  subject: it\u{2019}s \u{ff1a} late",
            "# \u{201c}a comment\u{201d}",
            "  # \u{a0}",
            "  - he said\u{a0}: no",
            "a: ['\u{ff0c}', \"\\\"\u{ff0c}\"]",
            "  requesterId: x # \u{201c}Jane\u{201d}",
            "",
        ] {
            assert_eq!(in_structure(line), None, "{line}");
        }
    }
}
