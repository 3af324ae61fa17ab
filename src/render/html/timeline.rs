//! What an apply costs over time: a bar for each kind of calls, from the first of them to the last.

use maud::{Markup, html};

use crate::plan::Plan;
use crate::plan::timeline::{Phase, Stage, timeline};
use crate::render::number::{counted, duration};

/// The width of the whole time, in units of its own.
const WIDTH: f64 = 1_000.0;

/// The least width of a bar: what is there is seen, however short.
const LEAST: f64 = 6.0;

/// The phases of an apply; nothing where it makes no call.
pub(super) fn section(plan: &Plan) -> Markup {
    let phases = timeline(plan);
    let whole = plan.price.seconds;
    html! {
        @if !phases.is_empty() {
            section.timeline aria-labelledby="timeline" {
                h2 #timeline { "Over time" }
                ol {
                    @for phase in &phases {
                        li.{ "is-" (word(phase.stage)) } {
                            span.name { (name(phase.stage)) }
                            span.cost { (counted(phase.calls as usize, "call")) small { " " (when(phase)) } }
                            (bar(phase, whole))
                        }
                    }
                }
                p { (explained(plan, &phases)) }
            }
        }
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Reads => "reads",
        Stage::EndUsers => "end-users",
        Stage::Conversations => "conversations",
        Stage::Settings => "settings",
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Reads => "Reads before the first write",
        Stage::EndUsers => "End users",
        Stage::Conversations => "Conversations",
        Stage::Settings => "Settings of conversations",
    }
}

fn when(phase: &Phase) -> String {
    match (phase.begins < 1.0, phase.ends < 1.0) {
        (_, true) => "in the first second".to_owned(),
        (true, false) => format!("from the start to {}", duration(phase.ends)),
        (false, false) => format!("from {} to {}", duration(phase.begins), duration(phase.ends)),
    }
}

/// Where a phase lies in the whole time. An apply that takes no time at all fills its bars.
fn bar(phase: &Phase, whole: f64) -> Markup {
    let at = |seconds: f64| if whole > 0.0 { seconds / whole * WIDTH } else { 0.0 };
    let width = if whole > 0.0 { (at(phase.ends) - at(phase.begins)).max(LEAST) } else { WIDTH };
    let begins = at(phase.begins).min(WIDTH - width);
    html! {
        svg.bar viewBox={ "0 0 " (WIDTH) " 10" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect x=(format!("{begins:.1}")) y="0" width=(format!("{width:.1}")) height="10" {}
        }
    }
}

/// What the bars rest on.
fn explained(plan: &Plan, phases: &[Phase]) -> Markup {
    let rate = plan.tenant.rate_limit;
    let shares = |stage| phases.iter().any(|phase| phase.stage == stage);
    html! {
        "The rate limit allows " (rate.requests_per_second) " requests a second"
        @if rate.burst > 1 { ", " (rate.burst) " at once to begin with" }
        "; retries are not counted."
        @if shares(Stage::Conversations) && shares(Stage::Settings) {
            " Settings are sent right after each conversation, so the two overlap."
        }
    }
}
