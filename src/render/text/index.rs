//! A long plan folded to one line for each change, for a terminal, where hundreds of blocks would scroll away unread.
//!
//! What is above and below the blocks stays: the legend, the summary, the price, the notes, the fingerprint. What a
//! reader must know before approving is next to the address, so that a narrow terminal cuts it last. An index that
//! is still too long is cut, and says how much of it is missing.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::plan::{Change, Mark, Plan};
use crate::render::note;
use crate::render::number::{counted, grouped};
use crate::render::palette::Label;
use crate::render::text::block::place;
use crate::render::text::painter::Canvas;
use crate::render::text::row::{Row, wrap};
use crate::render::text::{TextOptions, painted};

/// A plan with more changes than this is long.
pub const BLOCKS_MAX: usize = 50;

/// Lines of an index.
const LINES_MAX: usize = 1_000;

/// The width of the column of addresses is at most this; the line of a longer address is out of step with the others.
const ADDRESS_COLUMN_MAX: usize = 48;

/// What is left of an address, however narrow the terminal is.
const ADDRESS_MIN: usize = 16;

/// Columns that say that a line was cut.
const CUT_WIDTH: usize = 3;

/// Whether there are too many blocks to read on a terminal.
pub fn is_long(plan: &Plan) -> bool {
    plan.changes.len() > BLOCKS_MAX
}

/// The plan with one line for each change, whatever its length; ends with a newline. A plan without changes is as
/// [`crate::render::text::plan`] has it.
pub fn folded(plan: &Plan, options: &TextOptions) -> String {
    let canvas = options.canvas();
    let mut rows = canvas.drift(plan);
    if plan.is_empty() {
        rows.extend(canvas.no_changes(plan));
        return painted(&canvas, &rows);
    }
    rows.extend(canvas.legend(plan, options.requests_sent));
    rows.push(Row::default());
    rows.extend(canvas.index(&plan.changes));
    rows.push(Row::default());
    rows.extend(canvas.closing(plan));
    let how = format!("{} shown as one line each; --full shows every block.", counted(plan.changes.len(), "change"));
    rows.push(Row::default());
    rows.extend(wrap(&how, canvas.width).into_iter().map(|line| Row::new(Label::Hidden, line)));
    painted(&canvas, &rows)
}

impl Canvas {
    fn index(&self, changes: &[Change]) -> Vec<Row> {
        let listed = &changes[..changes.len().min(LINES_MAX)];
        let longest = listed.iter().map(|change| change.address.to_string().width()).max().unwrap_or(0);
        let half = self.width.map_or(usize::MAX, |width| width / 2);
        let column = longest.min(ADDRESS_COLUMN_MAX).min(half);
        let mut rows: Vec<Row> = listed.iter().map(|change| self.line(change, column)).collect();
        if changes.len() > LINES_MAX {
            let more = grouped((changes.len() - LINES_MAX) as u64);
            rows.push(Row::new(Label::Hidden, format!("    and {more} more")));
        }
        rows
    }

    /// Symbol, address, marks, reason and place, cut to the width of the terminal.
    fn line(&self, change: &Change, column: usize) -> Row {
        let symbol = format!("{:>3} ", change.action.symbol());
        let marks = marks(change);
        let marks_width = marks.iter().map(|(_, mark)| mark.width() + 2).sum::<usize>();
        let address = change.address.to_string();
        let room =
            self.width.map_or(usize::MAX, |width| width.saturating_sub(symbol.width() + marks_width + CUT_WIDTH));
        let address = cut_middle(&address, room.max(ADDRESS_MIN));
        let padding = " ".repeat(column.min(room).saturating_sub(address.width()));
        let mut pieces = vec![(Label::of_action(change.action), symbol), (Label::Plain, address + &padding)];
        pieces.extend(marks.into_iter().map(|(label, mark)| (label, format!("  {mark}"))));
        pieces.push((Label::Plain, format!("  {}", change.reason.word())));
        pieces.extend(change.moved().map(|from| (Label::Plain, format!("  moved from {from}"))));
        pieces.extend(place(change).map(|place| (Label::Hidden, format!("  {place}"))));
        cut_end(pieces, self.width)
    }
}

/// What a reader must know before approving, the gravest first.
fn marks(change: &Change) -> Vec<(Label, &'static str)> {
    let label = |mark| if mark == Mark::Irreversible { Label::Hidden } else { Label::Danger };
    change.marks().map(|mark| (label(mark), note::mark(mark))).collect()
}

/// The beginning and the end of a name: names in a row often differ at the end only.
fn cut_middle(name: &str, room: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= room {
        return name.to_owned();
    }
    let end = room.saturating_sub(1) / 2;
    let start = room.saturating_sub(1) - end;
    letters[..start].iter().chain(&['…']).chain(&letters[letters.len() - end..]).collect()
}

/// A line cut to a number of columns, whose last one says that something is missing.
fn cut_end(pieces: Vec<(Label, String)>, width: Option<usize>) -> Row {
    let whole: usize = pieces.iter().map(|(_, text)| text.width()).sum();
    let mut room = match width {
        Some(width) if whole > width => width.saturating_sub(1),
        _ => usize::MAX,
    };
    let mut row = Row::default();
    for (label, text) in pieces {
        let mut shown = String::new();
        for letter in text.chars() {
            let columns = letter.width().unwrap_or(0);
            if columns > room {
                return row.and(label, shown).and(Label::Hidden, "…");
            }
            room -= columns;
            shown.push(letter);
        }
        row = row.and(label, shown);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::palette::Palette;
    use crate::render::tests::{create, email, plan_of, replace, sms, source, update};

    const PLAIN: TextOptions = TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(0) };

    /// Every action's line, in the order of addresses.
    fn few() -> Plan {
        plan_of(vec![
            create("conversation.a", &email("s", "t")),
            update("conversation.late-order"),
            replace("conversation.pickup", &sms("one"), &sms("two")),
            create("import.legacy-42-of-a-customer-with-a-very-long-name-indeed", &email("s", "t")),
        ])
    }

    fn many(count: usize) -> Plan {
        let changes = (0..count).map(|number| create(&format!("conversation.c{number:05}"), &email("s", "t")));
        plan_of(changes.collect())
    }

    /// The lines of changes alone.
    fn lines(text: &str) -> Vec<&str> {
        let blocks = text.lines().skip_while(|line| !line.is_empty()).skip(1);
        blocks.take_while(|line| !line.is_empty()).collect()
    }

    #[test]
    fn a_folded_plan_has_a_line_for_each_change_and_the_usual_closing() {
        insta::assert_snapshot!(folded(&few(), &PLAIN), @r#"
        dixaform compared the manifests with the state of tenant "staging" (https://dev.dixa.io). No request was sent to Dixa.
        Changes are marked with these symbols:
          + create or import
          ~ update in-place
        -/+ replace (the old conversation stays in Dixa)

          + conversation.a                                    irreversible  not-in-state  (manifests/orders.yaml:3)
          ~ conversation.late-order                           attributes-differ  (#1043, manifests/legacy.yaml:31)
        -/+ conversation.pickup                               blocked  reaches a customer  irreversible  content-differs  (#1042, manifests/orders.yaml:3)
          + import.legacy-42-of-a-customer-with-a-very-long-name-indeed  irreversible  not-in-state  (manifests/orders.yaml:3)

        Plan: 2 to create, 0 to import, 1 to update, 1 to replace. 4 unchanged.
        4 calls, about 1 s at 10 requests/s.

        3 changes are irreversible (Dixa can't delete a conversation): conversation.a, conversation.pickup and import.legacy-42-of-a-customer-with-a-very-long-name-indeed.
        1 change sends a message to a customer: conversation.pickup.
        1 change is blocked, and apply refuses the whole plan: conversation.pickup. --allow-replace allows replacements.

        Fingerprint: 4721fc26465c9c1f

        4 changes shown as one line each; --full shows every block.
        "#);
    }

    #[test]
    fn what_a_reader_must_know_is_cut_last() {
        let options = TextOptions { width: Some(60), ..PLAIN };
        insta::assert_snapshot!(lines(&folded(&few(), &options)).join("\n"), @r#"
          + conversation.a                  irreversible  not-in-st…
          ~ conversation.late-order         attributes-differ  (#10…
        -/+ conversa….pickup  blocked  reaches a customer  irrevers…
          + import.legacy-42-of…ry-long-name-indeed  irreversible  …
        "#);
    }

    #[test]
    fn no_line_passes_the_width_however_narrow_it_is() {
        for width in 1..120 {
            let folded = folded(&few(), &TextOptions { width: Some(width), ..PLAIN });
            for line in lines(&folded) {
                assert!(line.width() <= width.max(40), "{width}: {line}");
            }
        }
    }

    #[test]
    fn foreign_text_is_escaped_and_measured_as_it_is_shown() {
        let mut change = create("conversation.a", &email("s", "t"));
        change.source = Some(source("manifests/\u{1b}[2J\u{202e}\u{4f60}\u{597d}.yaml", 3));
        let options = TextOptions { width: Some(70), ..PLAIN };
        insta::assert_snapshot!(lines(&folded(&plan_of(vec![change]), &options)).join("\n"), @r#"  + conversation.a  irreversible  not-in-state  (manifests/\u{1b}[2J\…"#);
    }

    #[test]
    fn an_index_that_is_too_long_is_cut_with_an_exact_count() {
        let text = folded(&many(2_345), &PLAIN);
        let lines = lines(&text);
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert_eq!(lines[LINES_MAX], "    and 1,345 more");
        assert!(!folded(&many(LINES_MAX), &PLAIN).contains(" more\n"));
    }

    #[test]
    fn the_summary_the_price_and_the_fingerprint_are_those_of_the_whole_plan() {
        let plan = many(60);
        let (folded, whole) = (folded(&plan, &PLAIN), crate::render::text::plan(&plan, &PLAIN));
        let closing = &whole[whole.find("\nPlan: ").expect("a summary")..];
        assert!(folded.contains(closing), "{folded}");
        assert!(folded.ends_with("60 changes shown as one line each; --full shows every block.\n"));
        assert!(is_long(&plan) && !is_long(&many(BLOCKS_MAX)));
    }

    #[test]
    fn a_plan_without_changes_has_nothing_to_fold() {
        let plan = plan_of(Vec::new());
        assert_eq!(folded(&plan, &PLAIN), crate::render::text::plan(&plan, &PLAIN));
    }
}
