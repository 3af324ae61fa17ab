//! What a person or a log sees while an apply runs.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::apply::{ApplyEvent, Outcome};
use crate::cli::output::Output;
use crate::cli::secrets::hidden;
use crate::plan::Plan;
use crate::render::escape::lines;
use crate::render::palette::Palette;
use crate::render::report::progress_line;

/// A bar on a terminal, lines elsewhere, nothing when only results are wanted.
pub struct Progress {
    output: Output,
    total: usize,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(output: Output, plan: &Plan) -> Self {
        let total = plan.changes.len();
        let bar = (output.error_is_terminal() && !output.is_quiet()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let template = "  {bar:30} {pos}/{len}  {rate}  {eta} left";
            // The template is ours, so it is well-formed; a plain bar would do as well.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸ ").with_key("rate", rate));
            }
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Progress { output, total, bar }
    }

    /// Shows one event; `done` counts the changes that have ended. One in doubt has not: it is looked for, and ends
    /// then.
    pub fn show(&self, event: &ApplyEvent, done: &Cell<usize>) {
        if matches!(event, ApplyEvent::Ended(ended) if !matches!(ended.outcome, Outcome::InDoubt { .. })) {
            done.set(done.get() + 1);
        }
        let line = progress_line(event, done.get(), self.total);
        match &self.bar {
            Some(bar) => {
                bar.set_position(done.get() as u64);
                if let Some(line) = line {
                    bar.println(hidden(&lines(line.trim_end(), &Palette::plain())));
                }
            }
            None => {
                if let Some(line) = line {
                    self.output.note(&format!("{}\n", line.trim_end()));
                }
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Changes a second, with one decimal: the bar's own word for it has four.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A bar that can't be drawn is no reason to stop.
    let _ = write!(out, "{:.1}/s", state.per_sec());
}
