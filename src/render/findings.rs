//! Findings as text, in the manner of cargo and rustc: the message, the place, the line with the text in question
//! underlined, what to do about it, and other places that matter.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::render::alike::{Alike, folded};
use crate::render::escape::{escape, without_commands};
use crate::render::number::counted;
use crate::render::palette::{Label, Palette};
use crate::render::remark::{Matter, Remark};
use crate::source::Source;

/// Wider than any excerpt, even when all of it is escaped: excerpts are windows already, and are not cut again.
const WIDTH: usize = 16 * Excerpt::WIDTH;

/// Findings with a blank line after each, then one line with their numbers; empty when there is none. Many that are
/// alike are one, unless `all` are wanted.
pub fn findings(findings: &Findings, all: bool, palette: &Palette) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    if all {
        for one in findings.iter() {
            out.push_str(&finding(one, palette));
            out.push('\n');
        }
    } else {
        for Alike { finding, others } in folded(findings) {
            out.push_str(&block(finding, others_named(&others), palette));
            out.push('\n');
        }
    }
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let counts = [(errors, "error", Label::Error), (warnings, "warning", Label::Warning)];
    let counts = counts.into_iter().filter(|(count, _, _)| *count > 0);
    let words: Vec<String> = counts.map(|(count, noun, label)| palette.paint(label, &counted(count, noun))).collect();
    out.push_str(&words.join(", "));
    out.push('\n');
    without_commands(out)
}

/// What the findings mean for the manifests, in a few words; `valid` says how the command ends.
pub fn verdict(findings: &Findings, valid: bool) -> &'static str {
    match (valid, findings.is_empty()) {
        (true, true) => "valid",
        (true, false) => "valid, with warnings",
        (false, _) => "not valid",
    }
}

/// How many findings say the same, with the places of the first two.
fn others_named(others: &[&Source]) -> Option<String> {
    let [first, rest @ ..] = others else { return None };
    let second = rest.first().map_or_else(String::new, |place| format!(" and {}", escape_place(place)));
    let more = if others.len() > 2 { "for example at" } else { "at" };
    let count = counted(others.len(), "more finding");
    Some(format!("{count} like this one, {more} {}{second}; --all shows every one", escape_place(first)))
}

/// One finding; ends with a newline.
pub fn finding(finding: &Finding, palette: &Palette) -> String {
    block(finding, None, palette)
}

/// One finding with a further note.
fn block(finding: &Finding, note: Option<String>, palette: &Palette) -> String {
    let Finding { code, severity, source, message, hint, excerpt, related } = finding;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let notes = related.iter().map(|(place, why)| format!("{}: {}", escape_place(place), escape(why)));
    let notes = notes.chain(note).collect();
    let hint = hint.as_ref().map(|hint| escape(hint).into_owned());
    Block {
        level,
        code: Some(code),
        title: escape(message).into_owned(),
        source,
        excerpt: excerpt.as_ref(),
        notes,
        hint,
    }
    .text(palette)
}

/// A remark on how a change ended, in the manner of a finding; ends with a newline.
pub fn remark(remark: &Remark<'_>, palette: &Palette) -> String {
    let level = match remark.matter {
        Matter::Failed => Level::ERROR,
        Matter::InDoubt => Level::ERROR.with_name("in doubt"),
        Matter::Blocked => Level::ERROR.with_name("not attempted"),
        Matter::Odd => Level::WARNING,
    };
    let notes: Vec<String> = remark.details.iter().map(|detail| escape(detail).into_owned()).collect();
    let (title, hint) = (escape(&remark.title).into_owned(), remark.hint.map(str::to_owned));
    match remark.source {
        Some(source) => Block { level, code: None, title, source, excerpt: remark.excerpt, notes, hint }.text(palette),
        None => {
            let below = notes.into_iter().map(|note| Level::NOTE.message(note));
            let below = below.chain(hint.map(|hint| Level::HELP.message(hint)));
            format!("{}\n", renderer(palette).render(&[level.primary_title(title).elements(below)]))
        }
    }
}

/// What findings and remarks look like; all texts are escaped.
struct Block<'b> {
    level: Level<'b>,
    code: Option<&'b str>,
    title: String,
    source: &'b Source,
    excerpt: Option<&'b Excerpt>,
    notes: Vec<String>,
    hint: Option<String>,
}

impl Block<'_> {
    fn text(self, palette: &Palette) -> String {
        let Block { level, code, title, source, excerpt, notes, hint } = self;
        let (line, column) = (source.place.line as usize, source.place.column as usize);
        let file = escape(&source.file);
        let mut title = level.primary_title(title);
        if let Some(code) = code {
            title = title.id(code);
        }
        let mut shown_column = column;
        let group: Group<'_> = match excerpt {
            None => title.element(Origin::path(file.as_ref()).line(line).char_column(column)),
            Some(excerpt) => {
                let (text, span) = underlined(excerpt, column);
                shown_column = text[..span.start].chars().count() + 1;
                let annotation = AnnotationKind::Primary.span(span);
                title.element(Snippet::source(text).path(file.as_ref()).line_start(line).annotation(annotation))
            }
        };
        let below = notes.into_iter().map(|note| Level::NOTE.message(note));
        let group = group.elements(below.chain(hint.map(|hint| Level::HELP.message(hint))));
        let text = renderer(palette).render(&[group]);
        // The renderer counts columns in what is shown of a line; a person needs those of the file.
        let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let rest = rest.replacen(&format!("{file}:{line}:{shown_column}"), &format!("{file}:{line}:{column}"), 1);
        format!("{title}\n{rest}\n")
    }
}

/// In the styles of the palette alone: any other sequence would be shown as text.
fn renderer(palette: &Palette) -> Renderer {
    let style = |label| palette.style(label);
    Renderer::styled()
        .hyperlink(false)
        .error(style(Label::Error))
        .warning(style(Label::Warning))
        .note(style(Label::Bold))
        .help(style(Label::Bold))
        .emphasis(style(Label::Bold))
        .line_num(style(Label::Hidden))
        .context(style(Label::Hidden))
        .term_width(WIDTH)
}

fn escape_place(place: &Source) -> String {
    format!("{}:{}:{}", escape(&place.file), place.place.line, place.place.column)
}

/// The excerpt made safe to show, and what to underline of it, in bytes.
fn underlined(excerpt: &Excerpt, column: usize) -> (String, Range<usize>) {
    let Excerpt { text, skipped, length } = excerpt;
    let from = column.saturating_sub(1).saturating_sub(*skipped as usize);
    let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = (byte(from), byte(from + *length as usize));
    let cut = if *skipped > 0 { "…" } else { "" };
    let before = format!("{cut}{}", escape(&text[..start]));
    let (marked, after) = (escape(&text[start..end]), escape(&text[end..]));
    // A place behind the last character is underlined there.
    let pad = if marked.is_empty() { " " } else { "" };
    let span = before.len()..before.len() + marked.len() + pad.len();
    (format!("{before}{marked}{pad}{after}"), span)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::source::Place;

    fn at(file: &str, line: u32, column: u32) -> Source {
        Source::new(&Arc::from(file), Place { line, column })
    }

    fn unknown_member() -> Finding {
        let text = "  requestrId: 9c2a2cce\n";
        let (place, end) = (Place { line: 3, column: 3 }, Place { line: 3, column: 13 });
        Finding {
            code: "unknown-member",
            severity: Severity::Error,
            source: at("manifests/orders.yaml", 3, 3),
            message: "unknown member `requestrId`".to_owned(),
            hint: Some("did you mean `requesterId`?".to_owned()),
            excerpt: Excerpt::of(text, place, end),
            related: Vec::new(),
        }
    }

    fn duplicate() -> Finding {
        Finding {
            code: "duplicate-address",
            severity: Severity::Warning,
            source: at("manifests/b.yaml", 12, 1),
            message: "a second conversation.late-order".to_owned(),
            hint: None,
            excerpt: None,
            related: vec![(at("manifests/a.yaml", 4, 9), "first here".to_owned())],
        }
    }

    #[test]
    fn many_that_are_alike_are_one_with_a_count_and_three_places_unless_all_are_wanted() {
        let mut many = Findings::default();
        let of_file = |number| Finding { source: at(&format!("m/{number:03}.yaml"), 3, 3), ..unknown_member() };
        many.extend((0..200).map(of_file));
        insta::assert_snapshot!(findings(&many, false, &Palette::plain()), @r"
        error[unknown-member]: unknown member `requestrId`
         --> m/000.yaml:3:3
          |
        3 |   requestrId: 9c2a2cce
          |   ^^^^^^^^^^
          |
          = note: 199 more findings like this one, for example at m/001.yaml:3:3 and m/002.yaml:3:3; --all shows every one
          = help: did you mean `requesterId`?

        200 errors
        ");
        assert_eq!(findings(&many, true, &Palette::plain()).matches("unknown member").count(), 200);
    }

    #[test]
    fn in_colour_they_are_the_same_text_with_sequences_of_the_palette() {
        let mut all = Findings::default();
        all.extend([unknown_member(), duplicate()]);
        let (plain, colour) = (Palette::plain(), Palette::colour());
        let painted = findings(&all, false, &colour);
        assert!(painted.contains(&colour.style(Label::Error).to_string()), "{painted:?}");
        assert_eq!(colour.unpainted(&painted), findings(&all, false, &plain), "{painted:?}");
    }

    #[test]
    fn findings_read_like_those_of_cargo() {
        let mut all = Findings::default();
        all.extend([unknown_member(), duplicate()]);
        insta::assert_snapshot!(findings(&all, false, &Palette::plain()), @r"
        error[unknown-member]: unknown member `requestrId`
         --> manifests/orders.yaml:3:3
          |
        3 |   requestrId: 9c2a2cce
          |   ^^^^^^^^^^
          |
          = help: did you mean `requesterId`?

        warning[duplicate-address]: a second conversation.late-order
        --> manifests/b.yaml:12:1
         = note: manifests/a.yaml:4:9: first here

        1 error, 1 warning
        ");
    }

    #[test]
    fn nothing_found_is_nothing_said() {
        assert_eq!(findings(&Findings::default(), false, &Palette::plain()), "");
    }

    #[test]
    fn the_place_is_that_of_the_file_even_in_a_window_of_a_long_and_hostile_line() {
        let line = format!("{}\u{202e}\x1b[31mHERE\u{7}{}", "a".repeat(1000), "b".repeat(1000));
        let (place, end) = (Place { line: 1, column: 1007 }, Place { line: 1, column: 1011 });
        let excerpt = Excerpt::of(&line, place, end);
        let shown = finding(&Finding { source: at("x.yaml", 1, 1007), excerpt, ..unknown_member() }, &Palette::plain());
        assert!(shown.contains("x.yaml:1:1007"), "{shown}");
        assert!(shown.contains("\\u{202e}\\u{1b}[31mHERE\\u{7}bbb"), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let marks = lines.iter().position(|line| line.contains("^^^^")).expect("a line of marks");
        let column = |text: &str, what: &str| text.find(what).map(|byte| text[..byte].chars().count());
        assert_eq!(column(lines[marks], "^^^^"), column(lines[marks - 1], "HERE"));
        assert!(!lines[marks].contains("^^^^^"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_and_any_place_in_it_can_be_shown(line in "\\PC{0,20}.{0,200}", column in 1u32..260, length in 0u32..50) {
            let place = Place { line: 1, column };
            let excerpt = Excerpt::of(&line, place, Place { line: 1, column: column + length });
            let finding_shown =
                finding(&Finding { source: at(&line, 1, column), message: line.clone(), excerpt, ..unknown_member() }, &Palette::plain());
            prop_assert!(finding_shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{finding_shown:?}");
        }
    }
}
