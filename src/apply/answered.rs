//! What the answer to writing attributes says of them.

use serde_json::Value;

use crate::conversation::{AttributeValue, Attributes};
use crate::reading::AttributeReading;

/// How much of a text a warning repeats, in characters.
const TEXT_MAX: usize = 80;

/// What Dixa has made of the values that were written, where that is another value. What the answer leaves out is not
/// known.
pub(super) fn made(written: &Attributes, answer: &[AttributeReading]) -> Attributes {
    let another = |(id, value): (&String, &AttributeValue)| {
        let there = AttributeValue::from_value(there(id, answer)?)?;
        let differs = there != *value && ![value, &there].contains(&&AttributeValue::Clear);
        differs.then(|| (id.clone(), there))
    };
    written.iter().filter_map(another).collect()
}

/// What to say of the answer: a value that was cleared and is listed all the same, and one that Dixa has made
/// another one of.
pub(super) fn otherwise(written: &Attributes, answer: &[AttributeReading]) -> Vec<String> {
    let made = made(written, answer);
    let odd = |(id, value): (&String, &AttributeValue)| {
        if *value == AttributeValue::Clear {
            let is_there = there(id, answer).is_some_and(|there| !there.is_null());
            return is_there.then(|| format!("the attribute {id} was cleared, and Dixa's answer still lists a value"));
        }
        Some(format!(
            "Dixa has made {} of {}, which was written to the attribute {id}: from now on a refresh takes the one for \
             the other",
            shown(made.get(id)?),
            shown(value)
        ))
    };
    written.iter().filter_map(odd).collect()
}

/// The value that the answer lists.
fn there<'a>(id: &str, answer: &'a [AttributeReading]) -> Option<&'a Value> {
    answer.iter().find(|reading| reading.id == *id).map(|reading| &reading.value)
}

/// A value within a sentence.
fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => shortened(text),
        AttributeValue::Path(path) => {
            let steps: Vec<String> = path.iter().map(|step| shortened(step)).collect();
            format!("[{}]", steps.join(", "))
        }
        AttributeValue::Clear => "nothing".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(TEXT_MAX).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{}{more}", Value::from(start))
}
