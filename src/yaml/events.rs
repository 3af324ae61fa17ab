//! Parser events to trees.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span as EventSpan, StrInput, Tag};

use crate::finding::code;
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::scalar;
use crate::yaml::tree::{Content, Entry, Node, Span};

/// Room for the members of most maps.
const LIKELY_MEMBERS: usize = 8;

/// How much all aliases of a file together may expand to, in units of [`Node::weight`].
const ALIAS_BUDGET: usize = 100_000;

/// All documents that are not empty, up to the first error of syntax.
pub(super) fn read<'t>(text: &'t str, reporter: &mut Reporter<'t>) -> Vec<Node<'t>> {
    let mut parser: Parser<'t, StrInput<'t>> = Parser::new_from_str(text);
    let mut builder =
        Builder { reporter, text, frames: Vec::new(), anchors: HashMap::new(), budget: ALIAS_BUDGET, root: None };
    let mut documents = Vec::new();
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                builder.syntax_error(&error);
                return documents;
            }
        };
        if matches!(event, Event::DocumentStart(_)) {
            builder.anchors.clear();
        }
        if matches!(event, Event::DocumentEnd) {
            documents.extend(builder.root.take().filter(|root| !matches!(root.content, Content::Null)));
        } else if builder.take(event, places(span)).is_err() {
            return documents;
        }
    }
    documents
}

/// The file can't be read any further; the finding is reported.
struct Stop;

/// A list or map whose end has not come yet.
struct Frame<'t> {
    start: Place,
    anchor: usize,
    open: Open<'t>,
}

enum Open<'t> {
    List(Vec<Node<'t>>),
    Map { entries: Vec<Entry<'t>>, key: Option<Key<'t>>, merges: Vec<Node<'t>> },
}

struct Key<'t> {
    text: Cow<'t, str>,
    span: Span,
    merge: bool,
}

struct Builder<'r, 't> {
    reporter: &'r mut Reporter<'t>,
    text: &'t str,
    frames: Vec<Frame<'t>>,
    /// Finished nodes by the number of their anchor; an anchor that is not here yet is still open.
    anchors: HashMap<usize, Node<'t>>,
    budget: usize,
    root: Option<Node<'t>>,
}

impl<'t> Builder<'_, 't> {
    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if self.expects_key() {
                    self.check_key_tag(tag.as_deref(), span);
                    let merge = plain && tag.is_none() && text == "<<";
                    if anchor > 0 {
                        let content = Content::Text(text.clone());
                        self.anchors.insert(anchor, Node { start: span.0, end: span.1, content });
                    }
                    self.set_key(Key { text, span, merge });
                } else {
                    let content = self.scalar(text, plain, tag.as_deref(), span);
                    self.attach(Node { start: span.0, end: span.1, content }, anchor);
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span);
                self.open(Frame { start: span.0, anchor, open: Open::List(Vec::new()) }, span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span);
                let open = Open::Map { entries: Vec::with_capacity(LIKELY_MEMBERS), key: None, merges: Vec::new() };
                self.open(Frame { start: span.0, anchor, open }, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.1),
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { open: Open::Map { key: None, .. }, .. }))
    }

    fn set_key(&mut self, new: Key<'t>) {
        if let Some(Frame { open: Open::Map { key, .. }, .. }) = self.frames.last_mut() {
            *key = Some(new);
        }
    }

    fn open(&mut self, frame: Frame<'t>, span: Span) -> Result<(), Stop> {
        if self.frames.len() >= crate::yaml::DEPTH_LIMIT {
            self.too_deep(span);
            return Err(Stop);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("more than {} levels inside each other", crate::yaml::DEPTH_LIMIT);
        self.reporter.error(code::TOO_DEEP, span, message).hint("no manifest needs that; flatten it");
    }

    fn close(&mut self, end: Place) {
        let Some(Frame { start, anchor, open }) = self.frames.pop() else { return };
        let content = match open {
            Open::List(items) => Content::List(items),
            Open::Map { mut entries, key: _, merges } => {
                self.drop_duplicates(&mut entries);
                self.merge(&mut entries, merges);
                Content::Map(entries)
            }
        };
        self.attach(Node { start, end, content }, anchor);
    }

    /// Puts a finished node where it belongs.
    fn attach(&mut self, node: Node<'t>, anchor: usize) {
        // 0 means "no anchor".
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map { entries, key, merges }) => match key.take() {
                Some(Key { merge: true, .. }) => merges.push(node),
                Some(Key { text, span, merge: false }) => {
                    entries.push(Entry { key: text, key_start: span.0, key_end: span.1, value: node });
                }
                None => {
                    let (span, what) = (node.span(), node.what());
                    let text = match node.content {
                        Content::Text(text) => text,
                        Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) => text,
                        Content::Null => "".into(),
                        Content::List(_) | Content::Map(_) => {
                            let message = format!("a key must be a string, not {what}");
                            self.reporter.error(code::COMPLEX_KEY, span, message).hint("write the key as a plain word");
                            "".into()
                        }
                    };
                    self.set_key(Key { text, span, merge: false });
                }
            },
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some(target) = self.anchors.get(&anchor) else {
            self.reporter
                .error(code::RECURSIVE_ALIAS, span, "this alias is inside its own anchor")
                .hint("write the value out");
            return Err(Stop);
        };
        let weight = target.weight();
        if weight > self.budget {
            self.reporter
                .error(code::ALIAS_BUDGET, span, "the aliases of this file expand to more than 100 000 values")
                .hint("write fewer aliases of aliases");
            return Err(Stop);
        }
        if self.frames.len() + target.depth() > crate::yaml::DEPTH_LIMIT {
            self.too_deep(span);
            return Err(Stop);
        }
        self.budget -= weight;
        // The copy is at the place of the alias; what is inside keeps the place where it was written.
        let node = Node { start: span.0, end: span.1, content: target.content.clone() };
        self.attach(node, 0);
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'t, str>, plain: bool, tag: Option<&Tag>, span: Span) -> Content<'t> {
        let Some(tag) = tag else {
            return if plain { scalar::resolve(text) } else { Content::Text(text) };
        };
        if !tag.is_yaml_core_schema() {
            // `!` alone says "not a plain scalar", hence a string.
            if format!("{}{}", tag.handle, tag.suffix) != "!" {
                self.unsupported_tag(tag, span);
            }
            return Content::Text(text);
        }
        let resolved = if tag.suffix == "str" { Content::Text(text) } else { scalar::resolve(text) };
        let fits = match (&resolved, tag.suffix.as_str()) {
            (_, "str") | (Content::Null, "null") | (Content::Bool(..), "bool") => true,
            (Content::Number(..) | Content::OddNumber(_), "float") => true,
            (Content::Number(number, _), "int") => !number.is_f64(),
            _ => false,
        };
        if !fits {
            self.unsupported_tag(tag, span);
        }
        resolved
    }

    /// A key is a string, whatever it looks like.
    fn check_key_tag(&mut self, tag: Option<&Tag>, span: Span) {
        let Some(tag) = tag else { return };
        let is_string = tag.is_yaml_core_schema() && tag.suffix == "str";
        if !is_string && format!("{}{}", tag.handle, tag.suffix) != "!" {
            self.unsupported_tag(tag, span);
        }
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, own: &str, span: Span) {
        let Some(tag) = tag else { return };
        let fits = tag.is_yaml_core_schema() && tag.suffix == own || format!("{}{}", tag.handle, tag.suffix) == "!";
        if !fits {
            self.unsupported_tag(tag, span);
        }
    }

    fn unsupported_tag(&mut self, tag: &Tag, span: Span) {
        let name = if tag.is_yaml_core_schema() {
            format!("!!{}", tag.suffix)
        } else {
            format!("{}{}", tag.handle, tag.suffix)
        };
        self.reporter
            .error(code::UNSUPPORTED_TAG, span, format!("the tag `{name}` does not fit here"))
            .hint("remove the tag; manifests hold strings, lists and maps");
    }

    /// Keeps the first of several entries with one key, and reports the others.
    fn drop_duplicates(&mut self, entries: &mut Vec<Entry<'t>>) {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|a, b| entries[*a].key.cmp(&entries[*b].key));
        let mut extra: Vec<usize> = Vec::new();
        let mut first = 0;
        for index in 1..order.len() {
            if entries[order[index]].key != entries[order[first]].key {
                first = index;
                continue;
            }
            let (old, new) = (&entries[order[first]], &entries[order[index]]);
            let before = self.reporter.source(old.key_start);
            self.reporter
                .error(code::DUPLICATE_KEY, new.key_span(), format!("the key `{}` occurs twice in one map", new.key))
                .hint("keep one of the two")
                .related(before, "it was here first");
            extra.push(order[index]);
        }
        if extra.is_empty() {
            return;
        }
        extra.sort_unstable();
        let mut index = 0;
        let mut extra = extra.into_iter().peekable();
        entries.retain(|_| {
            let drop = extra.next_if_eq(&index).is_some();
            index += 1;
            !drop
        });
    }

    /// `<<`: members of other maps, unless they are written out. An earlier map wins over a later one.
    /// <https://yaml.org/type/merge.html>
    fn merge(&mut self, entries: &mut Vec<Entry<'t>>, merges: Vec<Node<'t>>) {
        let mut maps = Vec::new();
        for node in merges {
            let span = node.span();
            let several = match node.content {
                Content::List(items) => items,
                _ => vec![node],
            };
            for node in several {
                if let Content::Map(entries) = node.content {
                    maps.push(entries);
                } else {
                    self.reporter
                        .error(code::BAD_MERGE, span, "`<<` merges a map, or a list of maps")
                        .hint("refer to a map: `<<: *anchor`");
                }
            }
        }
        if maps.is_empty() {
            return;
        }
        let mut known: HashSet<Cow<'t, str>> = entries.iter().map(|entry| entry.key.clone()).collect();
        let merged = maps.into_iter().flatten();
        entries.extend(merged.filter(|entry| known.insert(entry.key.clone())));
    }

    fn syntax_error(&mut self, error: &saphyr_parser::ScanError) {
        let place = place(error.marker());
        let end = Place { line: place.line, column: place.column + 1 };
        if error.info().contains("recursion limit") {
            // The parser's own limit for flow collections; it looks ahead, and so comes before ours.
            self.too_deep((place, end));
            return;
        }
        let line = self.text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let hint = if indent.contains('\t') {
            "YAML is indented with spaces; this line begins with a tab"
        } else {
            "check quotes, colons and indentation here and in the lines before"
        };
        self.reporter.error(code::YAML_SYNTAX, (place, end), error.info()).hint(hint);
    }
}

fn place(marker: &saphyr_parser::Marker) -> Place {
    Place { line: marker.line() as u32, column: marker.col() as u32 + 1 }
}

fn places(span: EventSpan) -> Span {
    (place(&span.start), place(&span.end))
}
