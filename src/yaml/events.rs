//! Parser events to trees.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use crate::finding::code;
use crate::look_alike;
use crate::reporter::Reporter;
use crate::source::Place;
use crate::yaml::scalar;
use crate::yaml::tree::{Content, Entry, Node, Span};
use crate::yaml::{Each, VALUES_LIMIT, surrogates, too_many_values};

/// Room for the members of most maps.
const LIKELY_MEMBERS: usize = 8;

/// How much all aliases of a file together may expand to, in units of [`Node::weight`].
const ALIAS_BUDGET: usize = 100_000;

/// All documents that are not empty. After an error it goes on where the next document begins.
pub(super) fn read<'t>(text: &'t str, reporter: &mut Reporter<'_>, each: Each<'_, 't>) {
    if other_version(text, reporter) || is_crowded(text, reporter) {
        return;
    }
    let Some(disguised) = surrogates::disguise(text) else { return parts(text, reporter, each) };
    parts(&disguised, reporter, &mut |document, reporter| match surrogates::reveal(document) {
        Ok(document) => each(document, reporter),
        Err((node, surrogates::Half)) => half_of_a_pair(node.span(), reporter),
    });
}

fn half_of_a_pair(span: Span, reporter: &mut Reporter<'_>) {
    reporter.error(code::YAML_SYNTAX, span, "half of a surrogate pair").hint(WRITE_BOTH_HALVES);
}

const WRITE_BOTH_HALVES: &str = "write both halves, \\uXXXX\\uXXXX, or the character itself";

/// Reports the first document with more commas than its values can need. The parser keeps all of a flow collection
/// until it ends, which takes more memory than anybody has for a file of commas.
fn is_crowded(text: &str, reporter: &mut Reporter<'_>) -> bool {
    let commas = |text: &str| text.bytes().filter(|byte| *byte == b',').count();
    if commas(text) <= VALUES_LIMIT / 2 {
        return false;
    }
    let mut line = 1;
    for document in text.split_inclusive("\n---") {
        if commas(document) > VALUES_LIMIT / 2 {
            let place = |column| Place { line, column };
            too_many_values((place(1), place(2)), reporter);
            return true;
        }
        line += document.bytes().filter(|byte| *byte == b'\n').count() as u32;
    }
    false
}

/// A text is read in one part, unless there are errors of syntax in it.
fn parts<'t>(text: &'t str, reporter: &mut Reporter<'_>, each: Each<'_, 't>) {
    let mut budget = ALIAS_BUDGET;
    let (mut begin, mut lines_before) = (0, 0);
    loop {
        let part = &text[begin..];
        let mut parser: Parser<'t, StrInput<'t>> = Parser::new_from_str(part);
        let mut builder = Builder {
            reporter: &mut *reporter,
            lines_before,
            frames: Vec::new(),
            anchors: HashMap::new(),
            budget,
            values: 0,
            root: None,
        };
        let stopped = builder.documents(&mut parser, each);
        budget = builder.budget;
        let next = stopped.and_then(|Stop { line }| next_document(part, line.saturating_sub(lines_before)));
        let Some((index, lines)) = next else { return };
        (begin, lines_before) = (begin + index, lines_before + lines);
    }
}

/// Where the next document begins in a text, on a line or after it, and how many lines are before it.
fn next_document(text: &str, line: u32) -> Option<(usize, u32)> {
    let (mut lines, mut counted) = (0, 0);
    for (index, _) in text.match_indices("\n---") {
        let index = index + 1;
        lines += text[counted..index].bytes().filter(|byte| *byte == b'\n').count() as u32;
        counted = index;
        if lines + 1 >= line && text[index + 3..].chars().next().is_none_or(char::is_whitespace) {
            return Some((index, lines));
        }
    }
    None
}

/// Reports the first `%YAML` of a version that is not 1. <https://yaml.org/spec/1.2.2/#681-yaml-directives>
fn other_version(text: &str, reporter: &mut Reporter<'_>) -> bool {
    if !text.starts_with('%') && !text.contains("\n%") {
        return false;
    }
    let version = |line: &'_ str| Some(line.strip_prefix("%YAML")?.split_whitespace().next()?.to_owned());
    for (number, line) in (1..).zip(text.lines()) {
        let Some(version) = version(line).filter(|version| !version.starts_with("1.")) else { continue };
        let span = (Place { line: number, column: 1 }, Place { line: number, column: 1 + line.chars().count() as u32 });
        reporter
            .error(code::YAML_SYNTAX, span, format!("the file says that it is YAML {version}"))
            .hint("dixaform reads YAML 1.2: remove this line, or write %YAML 1.2");
        return true;
    }
    false
}

/// The document can't be read any further; the finding is reported.
struct Stop {
    /// Where it can't.
    line: u32,
}

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

struct Builder<'r, 'f, 't> {
    reporter: &'r mut Reporter<'f>,
    /// Lines of the file before the text that is read.
    lines_before: u32,
    frames: Vec<Frame<'t>>,
    /// Finished nodes by the number of their anchor; an anchor that is not here yet is still open.
    anchors: HashMap<usize, Node<'t>>,
    budget: usize,
    /// How many values and keys this document has so far.
    values: usize,
    root: Option<Node<'t>>,
}

impl<'t> Builder<'_, '_, 't> {
    /// Reads to the end, or to an error.
    fn documents(&mut self, parser: &mut Parser<'t, StrInput<'t>>, each: Each<'_, 't>) -> Option<Stop> {
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => return Some(self.syntax_error(&error)),
            };
            if matches!(event, Event::DocumentStart(_)) {
                self.anchors.clear();
                self.values = 0;
            }
            if matches!(event, Event::DocumentEnd) {
                if let Some(root) = self.root.take().filter(|root| !matches!(root.content, Content::Null)) {
                    each(root, self.reporter);
                }
            } else if let Err(stop) = self.take(event, (self.place(&span.start), self.place(&span.end))) {
                return Some(stop);
            }
        }
        None
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Stop> {
        self.values += usize::from(!matches!(event, Event::SequenceEnd | Event::MappingEnd));
        if self.values > VALUES_LIMIT {
            too_many_values(span, self.reporter);
            return Err(Stop { line: span.0.line });
        }
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
            return Err(self.too_deep(span));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn too_deep(&mut self, span: Span) -> Stop {
        let message = format!("more than {} levels inside each other", crate::yaml::DEPTH_LIMIT);
        self.reporter.error(code::TOO_DEEP, span, message).hint("no manifest needs that; flatten it");
        Stop { line: span.0.line }
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
            return Err(Stop { line: span.0.line });
        };
        let weight = target.weight();
        if weight > self.budget {
            self.reporter
                .error(code::ALIAS_BUDGET, span, "the aliases of this file expand to more than 100 000 values")
                .hint("write fewer aliases of aliases");
            return Err(Stop { line: span.0.line });
        }
        if self.frames.len() + target.depth() > crate::yaml::DEPTH_LIMIT {
            return Err(self.too_deep(span));
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
        let whole = whole(tag);
        let Some(core) = whole.strip_prefix(CORE) else {
            // `!` alone says "not a plain scalar", hence a string.
            if whole != "!" {
                self.unsupported_tag(tag, span);
            }
            return Content::Text(text);
        };
        let resolved = if core == "str" { Content::Text(text) } else { scalar::resolve(text) };
        let fits = match (&resolved, core) {
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
        self.check_collection_tag(tag, "str", span);
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, own: &str, span: Span) {
        let Some(tag) = tag else { return };
        let whole = whole(tag);
        if whole != "!" && whole.strip_prefix(CORE) != Some(own) {
            self.unsupported_tag(tag, span);
        }
    }

    fn unsupported_tag(&mut self, tag: &Tag, span: Span) {
        let whole = whole(tag);
        let name = whole.strip_prefix(CORE).map_or_else(|| whole.clone(), |core| format!("!!{core}"));
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
            extra.push(order[index]);
            if self.reporter.skips_one() {
                continue;
            }
            let (old, new) = (&entries[order[first]], &entries[order[index]]);
            let before = self.reporter.source(old.key_start);
            self.reporter
                .error(code::DUPLICATE_KEY, new.key_span(), format!("the key `{}` occurs twice in one map", new.key))
                .hint("keep one of the two")
                .related(before, "first used here");
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

    fn syntax_error(&mut self, error: &saphyr_parser::ScanError) -> Stop {
        let found = self.place(error.marker());
        let stop = Stop { line: found.line };
        let span = |place: Place| (place, Place { line: place.line, column: place.column + 1 });
        if error.info().contains("recursion limit") {
            // The parser's own limit for flow collections; it looks ahead, and so comes before ours.
            return self.too_deep(span(found));
        }
        let place = self.culprit(error.info(), found).unwrap_or(found);
        let hint = if error.info().contains("Unicode character escape") {
            WRITE_BOTH_HALVES
        } else if self.tab_indents(place.line).is_some() {
            "YAML is indented with spaces; this line begins with a tab"
        } else if error.info().contains("mapping values are not allowed") {
            "put a text that contains a colon and a space in quotes; if there is none, check the indentation"
        } else if error.info().contains("unexpected character") {
            "put a text that begins with this character in quotes"
        } else {
            "check quotes, colons and indentation here and in the lines before"
        };
        self.reporter.error(code::YAML_SYNTAX, span(place), error.info()).hint(hint);
        stop
    }

    /// The parser may notice only later, or in the line before, what is wrong.
    fn culprit(&self, info: &str, found: Place) -> Option<Place> {
        const LINES: u32 = 200;
        if info.contains("tab") && self.tab_indents(found.line).is_none() {
            let column = |line| Some(Place { line, column: self.tab_indents(line)? });
            return (found.line + 1..found.line + LINES).find_map(column);
        }
        let in_line = |line| {
            let index = look_alike::in_structure(self.reporter.line(line)?)?;
            Some(Place { line, column: index as u32 + 1 })
        };
        let first = found.line.saturating_sub(LINES).max(self.lines_before + 1);
        (first..=found.line).rev().find_map(in_line)
    }

    /// The column after the white space that a line begins with, if there is a tab in it.
    fn tab_indents(&self, line: u32) -> Option<u32> {
        let line = self.reporter.line(line)?;
        let text = line.trim_start_matches([' ', '\t']);
        let indent = &line[..line.len() - text.len()];
        (indent.contains('\t') && !text.is_empty()).then_some(indent.len() as u32 + 1)
    }

    fn place(&self, marker: &saphyr_parser::Marker) -> Place {
        Place { line: marker.line() as u32 + self.lines_before, column: marker.col() as u32 + 1 }
    }
}

/// What `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// A tag written out, whichever way it was written.
fn whole(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}
