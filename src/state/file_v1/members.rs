//! Writes the members of one JSON object, in the order in which they are given.
//!
//! The formats of the state and of the journal fix the order of their members, so that diffs read well and golden files
//! hold; writing them one by one keeps that order in plain sight.

use std::fmt::{Display, Write as _};

use serde_json::Value;

/// An object that is being written. It is closed by [`Members::end`].
#[must_use = "an object that is never ended is not JSON"]
pub struct Members<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Members<'a> {
    /// Opens an object at the end of `out`.
    pub fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Members { out, first: true }
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }

    /// A string.
    pub fn text(&mut self, name: &str, text: &str) {
        let out = self.name(name);
        quote_into(text, out);
    }

    /// A string, left out when there is none.
    pub fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A number, a boolean or null: what is its own JSON when printed.
    pub fn plain(&mut self, name: &str, value: impl Display) {
        let out = self.name(name);
        write!(out, "{value}").expect("a string takes all text");
    }

    /// An object inside this one.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Members<'_>)) {
        let mut inner = Members::begin(self.name(name));
        fill(&mut inner);
        inner.end();
    }

    /// A list of strings, left out when it is empty.
    pub fn texts_if(&mut self, name: &str, texts: &[String]) {
        self.list_if(name, texts, |text, out| quote_into(text, out));
    }

    /// A list of what prints as a number, left out when it is empty.
    pub fn numbers_if(&mut self, name: &str, numbers: &[impl Display]) {
        self.list_if(name, numbers, |number, out| write!(out, "{number}").expect("a string takes all text"));
    }

    fn list_if<T>(&mut self, name: &str, items: &[T], write: impl Fn(&T, &mut String)) {
        if items.is_empty() {
            return;
        }
        let out = self.name(name);
        for (index, item) in items.iter().enumerate() {
            out.push(if index == 0 { '[' } else { ',' });
            write(item, out);
        }
        out.push(']');
    }

    /// The name of a member; the caller appends its value.
    pub fn name(&mut self, name: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote_into(name, self.out);
        self.out.push(':');
        self.out
    }
}

fn quote_into(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}
