//! The JSON form of a plan, `dixaform-plan/1`, in pieces: a change a line, and at the end the seal.

use std::borrow::Cow;

use crate::digest::Digester;
use crate::plan::Plan;
use crate::plan::file_v1::{self, SEAL};
use crate::render::escape::escape_json;
use crate::render::pieces::{Pieces, of_changes};

/// A plan as one JSON document with a newline at the end. Characters that hide or turn text are written as `\uXXXX`.
pub fn plan(plan: &Plan) -> String {
    pieces(plan).whole()
}

/// The document in pieces.
pub fn pieces(plan: &Plan) -> Pieces<'_> {
    let changes = of_changes(&plan.changes, |index, each, out| {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&file_v1::change(each));
    });
    let (above, below) = file_v1::frame(plan);
    let below = if plan.is_empty() { below } else { format!("\n{below}") };
    let parts = std::iter::once(above).chain(changes).chain(std::iter::once(below));
    let mut parts = parts.map(|part| match escape_json(&part) {
        Cow::Borrowed(_) => part,
        Cow::Owned(escaped) => escaped,
    });
    let mut sealing = Some(Digester::default());
    Pieces::new(std::iter::from_fn(move || match parts.next() {
        Some(part) => {
            sealing.as_mut()?.update(part.as_bytes());
            Some(part)
        }
        // Over all of the text before it: a saved plan that was edited anywhere is refused.
        None => sealing.take().map(|sealing| format!("{SEAL}\"{}\"}}\n", sealing.finish())),
    }))
}
