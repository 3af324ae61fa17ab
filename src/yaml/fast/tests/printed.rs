//! Texts in many styles of YAML, most of them right.

use crate::yaml::fast::tests::choices::Choices;

const KEYS: [&str; 16] = [
    "a", "b", "key", "spec", "_type", "x-y", "a b", "1", "true", "é", "日本", "a:b", "a#b", "\"q\"", "'s' ", "\"k #\" ",
];
const SOUND: [&str; 28] = [
    "x",
    "word",
    "two words",
    "a  b",
    "12",
    "-1",
    "0x1F",
    "1.5e3",
    ".5",
    "~",
    "null",
    "true",
    "no",
    "Jeg også",
    "日本 語",
    "😀",
    "https://a.example/b?c=d#e",
    "2021-12-01T11:00:00Z",
    "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
    "+4512345678",
    "a:b",
    "a#b",
    ".inf",
    "99999999999999999999",
    "x@y",
    "it's",
    "say \"x\"",
    "！ａ",
];
const ODD: [&str; 44] = [
    "a #b", "- x", "-x", "--", "-", ": x", ":x", "#x", "@x", "`x", "%x", "!x", "&x", "*x", "---", "--- x", "...",
    "a: b", "a:", "?x", "? x", "\"x", "'x", "|", ">x", "", "<<", "a -", "a, b", "[x", "x]", "{x", "x}", "[a, b]",
    "{a: b}", "x\ty", "\u{a0}x", "\u{2028}", "\u{85}x", ",x", "-,", "a -]", "x\\", "\u{feff}",
];
/// Quoted scalars that are right.
const QUOTED: [&str; 18] = [
    "\"\"",
    "\"x\"",
    "\"two  words \"",
    "\"a: b # c\"",
    "\"\\\"\"",
    "\"\\n\\t\\\\ \"",
    "\"\\u00e6\\x41\\U0001F600\"",
    "\"é\"",
    "\"it's\"",
    "\"[x]\"",
    "\"a\tb\"",
    "''",
    "'x'",
    "'it''s'",
    "' two  words'",
    "'\"'",
    "'a: b # c'",
    "'é\\n'",
];
/// Quoted scalars that are wrong.
const UNQUOTED: [&str; 4] = ["\"\\q\"", "\"\\ud83d\"", "\"x", "'x"];
const COMMENTS: [&str; 8] = ["", "", "", " # why", "  #", " # é: [", "   ", " #x"];
const TOKENS: [&str; 48] = [
    "a", "b: ", "c:", ": ", ":", "- ", "-", "\n", "\n", "\n  ", "\n ", "\n    ", " ", "  ", "[", "]", "{", "}", ",",
    ", ", "\"x\"", "'y'", "\"", "'", "|", ">", "|-\n", ">+\n", "#", " #", " # c", "---", "\n---\n", "...", "?", "? ",
    "&a", "*a", "!", "%", "@", "é", "日", "~", "\\", "\t", "<<", "12",
];

/// Tokens in any order.
pub fn tokens(choices: &mut Choices<'_>) -> String {
    let count = choices.below(23);
    (0..count).map(|_| choices.of(&TOKENS)).collect()
}

/// A whole text.
pub fn text(choices: &mut Choices<'_>) -> String {
    let mut printer = Printer { out: String::new(), choices };
    let documents = 1 + printer.choices.below(3);
    for index in 0..documents {
        printer.between();
        if index > 0 || printer.choices.once_in(2) {
            printer.out.push_str("---");
            printer.line_end();
        }
        let indent = if printer.choices.once_in(8) { 2 } else { 0 };
        match printer.choices.below(8) {
            0..=4 => printer.map(indent, 0, true),
            5 | 6 => printer.list(indent, 0, true),
            _ => {
                printer.flow(indent, 0);
                printer.line_end();
            }
        }
    }
    if printer.choices.once_in(6) {
        let trimmed = printer.out.trim_end_matches('\n').len();
        printer.out.truncate(trimmed);
    }
    printer.out
}

struct Printer<'p, 'c> {
    out: String,
    choices: &'p mut Choices<'c>,
}

impl Printer<'_, '_> {
    fn line_end(&mut self) {
        let comment = self.choices.of(&COMMENTS);
        self.out.push_str(comment);
        self.out.push('\n');
        self.between();
    }

    /// Blank lines and comments, seldom.
    fn between(&mut self) {
        if self.choices.once_in(8) {
            let line = self.choices.of(&["\n", "  \n", "# c\n", "   # é\n", "#\n", "        # deep\n"]);
            self.out.push_str(line);
        }
    }

    fn indent(&mut self, width: usize) {
        self.out.extend(std::iter::repeat_n(' ', width));
    }

    fn deeper(&mut self) -> usize {
        self.choices.of(&[2, 2, 1, 4, 3])
    }

    fn map(&mut self, indent: usize, depth: usize, mut indented: bool) {
        let count = 1 + self.choices.below(4);
        let first = self.choices.below(KEYS.len());
        for index in 0..count {
            if indented {
                self.indent(indent);
            }
            indented = true;
            // Seldom the same key twice.
            let key = if self.choices.once_in(40) { KEYS[first] } else { KEYS[(first + index) % KEYS.len()] };
            self.out.push_str(key);
            self.out.push(':');
            self.value(indent, depth);
        }
    }

    fn value(&mut self, indent: usize, depth: usize) {
        let deeper = self.deeper();
        match self.choices.below(if depth < 5 { 12 } else { 6 }) {
            0..=2 => {
                let gap = self.choices.of(&[" ", " ", " ", "  ", "\n      "]);
                self.out.push_str(gap);
                self.scalar();
                self.line_end();
            }
            3 => self.line_end(),
            4 => {
                self.out.push(' ');
                self.block_scalar(indent + deeper);
            }
            5 => {
                self.out.push(' ');
                self.flow(indent, 0);
                self.line_end();
            }
            6..=8 => {
                self.line_end();
                self.map(indent + deeper, depth + 1, true);
            }
            9 => {
                self.line_end();
                self.list(indent, depth + 1, true);
            }
            _ => {
                self.line_end();
                self.list(indent + deeper, depth + 1, true);
            }
        }
    }

    fn list(&mut self, indent: usize, depth: usize, mut indented: bool) {
        let count = 1 + self.choices.below(3);
        for _ in 0..count {
            if indented {
                self.indent(indent);
            }
            indented = true;
            self.out.push('-');
            let deeper = self.deeper();
            match self.choices.below(if depth < 5 { 9 } else { 4 }) {
                0 | 1 => {
                    self.out.push(' ');
                    self.scalar();
                    self.line_end();
                }
                2 => self.line_end(),
                3 => {
                    self.out.push(' ');
                    self.block_scalar(indent + deeper);
                }
                4 => {
                    self.out.push(' ');
                    self.flow(indent, 0);
                    self.line_end();
                }
                5 | 6 => {
                    self.indent(deeper);
                    self.map(indent + 1 + deeper, depth + 1, false);
                }
                7 => {
                    self.indent(deeper);
                    self.list(indent + 1 + deeper, depth + 1, false);
                }
                _ => {
                    self.line_end();
                    self.map(indent + deeper, depth + 1, true);
                }
            }
        }
    }

    fn scalar(&mut self) {
        let text = match self.choices.below(24) {
            0..=11 => self.choices.of(&SOUND),
            12..=22 => self.choices.of(&QUOTED),
            _ if self.choices.once_in(2) => self.choices.of(&ODD),
            _ => self.choices.of(&UNQUOTED),
        };
        self.out.push_str(text);
    }

    fn block_scalar(&mut self, indent: usize) {
        let odd = self.choices.once_in(16);
        let header = if odd { "|2" } else { self.choices.of(&["|", "|-", "|+", ">", ">-", ">+", "| "]) };
        self.out.push_str(header);
        let odd = self.choices.once_in(24);
        let comment = if odd { "#c" } else { self.choices.of(&["", "", "", " # c"]) };
        self.out.push_str(comment);
        self.out.push('\n');
        let lines = 1 + self.choices.below(5);
        for line in 0..lines {
            if self.choices.once_in(if line == 0 { 24 } else { 4 }) {
                let blank = self.choices.of(&["\n", "  \n", "            \n"]);
                self.out.push_str(blank);
            }
            self.indent(indent);
            let line = self.choices.of(&[
                "text",
                "two words ",
                " deeper",
                "# no comment",
                "é: å",
                "- x",
                "\ttab",
                "---",
                "a: b",
            ]);
            self.out.push_str(line);
            self.out.push('\n');
        }
        let after = self.choices.of(&["", "", "", "", "\n", "\n\n", " \n", "# after\n", " # after\n"]);
        self.out.push_str(after);
    }

    fn flow(&mut self, indent: usize, depth: usize) {
        let is_map = self.choices.once_in(2);
        self.out.push(if is_map { '{' } else { '[' });
        let count = self.choices.below(4);
        for index in 0..count {
            self.flow_white(indent);
            if is_map {
                let key = KEYS[(index * 5 + self.choices.below(4)) % KEYS.len()];
                self.out.push_str(key);
                let odd = self.choices.once_in(12);
                let colon = if odd { self.choices.of(&[":", ":\n   "]) } else { self.choices.of(&[": ", ": ", " : "]) };
                self.out.push_str(colon);
            }
            if depth < 3 && self.choices.once_in(4) {
                self.flow(indent, depth + 1);
            } else {
                self.scalar();
            }
            self.flow_white(indent);
            if index + 1 < count || self.choices.once_in(4) {
                self.out.push(',');
            }
        }
        self.flow_white(indent);
        self.out.push(if is_map { '}' } else { ']' });
    }

    fn flow_white(&mut self, indent: usize) {
        match self.choices.below(12) {
            0..=4 => {}
            5..=8 => self.out.push(' '),
            9 => {
                self.out.push('\n');
                self.indent(indent + 2);
            }
            10 => {
                self.out.push_str(" # c\n");
                self.indent(indent + 1);
            }
            _ => {
                self.out.push('\n');
                self.indent(indent);
            }
        }
    }
}
