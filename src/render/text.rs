//! A plan as text, in the style of `terraform plan`.
//!
//! Foreign text is escaped and cut to a readable length, so no manifest can draw on the terminal or drown the plan.
//! The plan can be written block by block: nothing of one block depends on another.

mod block;
mod closing;
pub mod index;
mod painter;
mod row;

use crate::plan::{Action, Change, Plan};
use crate::render::escape::{escape, quoted, without_commands};
use crate::render::number::counted;
use crate::render::palette::{Label, Palette};
use crate::render::pieces::{Pieces, of_changes};
use crate::render::text::painter::Canvas;
use crate::render::text::row::{Row, wrap};

/// How a plan is drawn.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    pub palette: Palette,
    /// Columns of a line; none never wraps. Below 40 it is taken as 40. Texts with lines of their own are never
    /// wrapped.
    pub width: Option<usize>,
    /// Requests that were sent to make the plan: 0 without `--refresh`. None where calls in doubt were looked for
    /// first, which takes requests that nobody counts.
    pub requests_sent: Option<usize>,
}

/// Below this, wrapping makes nothing more legible.
const WIDTH_MIN: usize = 40;

impl TextOptions {
    fn canvas(&self) -> Canvas {
        Canvas { palette: self.palette, width: self.width.map(|width| width.max(WIDTH_MIN)) }
    }
}

/// The whole plan; ends with a newline.
pub fn plan(plan: &Plan, options: &TextOptions) -> String {
    pieces(plan, options).whole()
}

/// The plan in pieces: what is above the blocks, some blocks at a time, what is below.
pub fn pieces<'p>(plan: &'p Plan, options: &TextOptions) -> Pieces<'p> {
    let (canvas, options) = (options.canvas(), *options);
    let mut start = painted(&canvas, &canvas.drift(plan));
    if plan.is_empty() {
        start.push_str(&painted(&canvas, &canvas.no_changes(plan)));
        return start.into();
    }
    start.push_str(&painted(&canvas, &canvas.legend(plan, options.requests_sent)));
    let blocks = of_changes(&plan.changes, move |_, change, out| {
        out.push('\n');
        canvas.block_into(change, out);
    });
    let blocks = blocks.map(without_commands);
    let end = move || format!("\n{}", painted(&canvas, &canvas.closing(plan)));
    Pieces::new(std::iter::once(start).chain(blocks).chain(std::iter::once_with(end)))
}

/// The block of one change; ends with a newline.
pub fn block(change: &Change, options: &TextOptions) -> String {
    let mut out = String::new();
    options.canvas().block_into(change, &mut out);
    out
}

fn painted(canvas: &Canvas, rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        row.paint_into(canvas.palette, &mut out);
    }
    without_commands(out)
}

impl Canvas {
    /// What was compared, and the symbols in use.
    fn legend(&self, plan: &Plan, requests_sent: Option<usize>) -> Vec<Row> {
        let sent = match requests_sent {
            None => "Read requests were sent to Dixa.".to_owned(),
            Some(0) => "No request was sent to Dixa.".to_owned(),
            Some(1) => "1 read request was sent.".to_owned(),
            Some(more) => format!("{} were sent.", counted(more, "read request")),
        };
        let tenant = format!("{} ({})", quoted(&plan.tenant.name), escape(plan.tenant.whereabouts()));
        let intro = format!("dixaform compared the manifests with the state of tenant {tenant}. {sent}");
        let mut rows: Vec<Row> = wrap(&intro, self.width).into_iter().map(Row::plain).collect();
        let mut last = "";
        for action in Action::ALL.into_iter().filter(|action| plan.summary.of(*action) > 0) {
            if action.symbol().is_empty() {
                continue;
            }
            if last.is_empty() {
                rows.push(Row::plain("Changes are marked with these symbols:"));
            }
            if action.symbol() != last {
                let symbol = Row::new(Label::of_action(action), format!("{:>3}", action.symbol()));
                rows.push(symbol.and(Label::Plain, format!(" {}", action.legend())));
            }
            last = action.symbol();
        }
        rows
    }
}

#[cfg(test)]
mod tests;
