//! Sets: one manifest that describes many, from the rows of a table.
//!
//! A row makes a spec of the template, and from there on it is a manifest like any other. What is wrong with it is
//! reported at the row and at the place in the template; the same mistake of many rows is reported once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::conversation::{Address, Kind};
use crate::desired::Manifest;
use crate::finding::{Finding, Findings, Severity, code};
use crate::manifest::annotations::{ADOPT, MOVED_FROM, Settings};
use crate::manifest::body::{self, wrong_type};
use crate::manifest::envelope::{self, Metadata, Origin, Tenant};
use crate::manifest::grouped::Grouped;
use crate::manifest::table::{self, File, Form, Row, Table, Tables};
use crate::manifest::template::{Template, unknown_column};
use crate::reporter::Reporter;
use crate::source::{Place, Source};
use crate::yaml::{Content, Node};

/// What every set has.
const MEMBERS: [&str; 6] = ["apiVersion", "kind", "metadata", "rows", "key", "template"];

/// What the specs of all rows may take, in bytes.
const SPECS_LIMIT: usize = 1 << 30;

/// What a set describes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub manifests: Vec<Manifest>,
    /// The addresses of rows with errors, and where their keys are written.
    pub faulty: Vec<(Address, Source)>,
    /// The name of the file that holds the table.
    pub table: Option<Arc<str>>,
}

/// What a set describes many of, if a document is a set.
pub(super) fn kind(document: &Node<'_>) -> Option<Kind> {
    match &document.get("kind")?.value.content {
        Content::Text(word) => Kind::ALL.into_iter().find(|kind| kind.set_word() == *word),
        _ => None,
    }
}

/// A document that is a set.
pub(super) struct Set<'s, 't> {
    pub kind: Kind,
    pub document: &'s Node<'t>,
    /// The whole file.
    pub text: &'t str,
    pub tenant: Tenant<'s>,
}

impl Set<'_, '_> {
    /// The manifests of its rows.
    pub fn read(&self, tables: Tables<'_>, used: &mut BTreeSet<String>, reporter: &mut Reporter<'_>) -> Rows {
        let Set { kind, document, .. } = self;
        let hint = |name: &str| match name {
            "rows" => "add `rows: {csv: FILE}`, `rows: {jsonl: FILE}`, or a list of maps",
            "key" => "add `key`: the column that names a row",
            _ => "add `template:` with the body of the request; `${column}` in its texts stands for a cell",
        };
        let what = format!("a set ({})", kind.set_word());
        let complete = envelope::members(document, &what, &MEMBERS, hint, reporter);
        reporter.begin_document();
        let metadata = document.get("metadata").and_then(|entry| {
            self.metadata(&entry.value, envelope::metadata(&entry.value, Some(*kind), reporter)?, reporter)
        });
        let mut rows = Rows::default();
        let table = document.get("rows").and_then(|entry| table_of(&entry.value, tables, &mut rows.table, reporter));
        let key = document.get("key").and_then(|entry| body::text(&entry.value, "key", reporter));
        let (Some(Given { mut table, distinct }), Some(template)) = (table, document.get("template")) else {
            return rows;
        };
        if table.rows.is_empty() {
            // The hint is not needed for a list, which shows that there is nothing in it.
            let span = document.get("rows").map_or(document.span(), |entry| entry.key_span());
            reporter.warning(code::EMPTY_TABLE, span, "the table has no rows").hint("add a row, or remove the set");
            return rows;
        }
        let key = key.and_then(|key| self.column("key", key, &table, reporter));
        let template = Template::new(&template.value, &table, reporter);
        let mut grouped = Grouped::default();
        if let Some((name, span)) = distinct {
            match table.column(&name) {
                Some(column) => {
                    // Which row is taken must not decide about the address.
                    let used: Vec<usize> = key.into_iter().chain(template.used.iter().copied()).collect();
                    take_once(&mut table, column, &used, &mut grouped);
                }
                None => unknown_column(&name, span, &table, reporter),
            }
        }
        let (Some(key), Some(metadata), true, true) = (key, metadata, template.fine, complete) else {
            grouped.finish(table.rows.len()).into_iter().for_each(|finding| reporter.take(finding));
            return rows;
        };
        let file = reporter.source(Place::START).file;
        let (table, template) = (&table, &template);
        let mut making = Making { set: self, file, table, template, key, metadata, grouped, rows };
        making.all(used);
        let Making { grouped, rows, .. } = making;
        grouped.finish(table.rows.len()).into_iter().for_each(|finding| reporter.take(finding));
        rows
    }

    /// The metadata of the rows, unless it says what only one manifest can say.
    fn metadata(&self, node: &Node<'_>, metadata: Metadata, reporter: &mut Reporter<'_>) -> Option<Metadata> {
        let annotations = node.get("annotations").map(|entry| &entry.value);
        let one = |name: &str| annotations.and_then(|map| map.get(name));
        let mut fine = true;
        for entry in [ADOPT, MOVED_FROM].into_iter().filter_map(one) {
            let message = format!("a set can't have `{}`: it is about one conversation", entry.key);
            reporter
                .error(code::BAD_ANNOTATION, entry.key_span(), message)
                .hint("`dixaform state mv` moves records, and a manifest of its own can adopt");
            fine = false;
        }
        fine.then_some(metadata)
    }

    fn column(&self, member: &str, name: &str, table: &Table, reporter: &mut Reporter<'_>) -> Option<usize> {
        let found = table.column(name);
        if let (None, Some(entry)) = (found, self.document.get(member)) {
            unknown_column(name, entry.value.span(), table, reporter);
        }
        found
    }
}

/// A table, and the column whose values are taken once, with its place.
struct Given {
    table: Table,
    distinct: Option<(String, (Place, Place))>,
}

/// The table that `rows` gives.
fn table_of(
    node: &Node<'_>,
    tables: Tables<'_>,
    file: &mut Option<Arc<str>>,
    reporter: &mut Reporter<'_>,
) -> Option<Given> {
    const KNOWN: [&str; 4] = ["csv", "jsonl", "delimiter", "distinct"];
    let entries = match &node.content {
        Content::List(items) => {
            return table::of_list(items, reporter).map(|table| Given { table, distinct: None });
        }
        Content::Map(entries) => entries,
        _ => {
            wrong_type(node, "`rows` is a map with `csv` or `jsonl`, or a list of maps", reporter);
            return None;
        }
    };
    let mut fine = envelope::no_unknown(entries, &KNOWN, "`rows`", reporter);
    let distinct = match node.get("distinct") {
        Some(entry) => {
            let text = body::text(&entry.value, "distinct", reporter);
            fine &= text.is_some();
            text.map(|text| (text.to_owned(), entry.value.span()))
        }
        None => None,
    };
    let separator = separator(node, reporter);
    let (entry, form) = match (node.get("csv"), node.get("jsonl")) {
        (Some(entry), None) => (entry, Form::Csv(separator?)),
        (None, Some(entry)) => (entry, Form::Jsonl),
        _ => {
            reporter
                .error(code::MISSING_MEMBER, node.opening(), "`rows` needs either `csv` or `jsonl`")
                .hint("`rows: {csv: FILE}`, `rows: {jsonl: FILE}`, or a list of maps");
            return None;
        }
    };
    let path = body::text(&entry.value, &entry.key, reporter)?;
    let read = match tables(path) {
        Ok(read) => read,
        Err(none) => {
            *file = Some(Arc::from(path));
            reporter.error(code::NO_TABLE, entry.value.span(), none.message).hint(none.hint);
            return None;
        }
    };
    *file = Some(Arc::clone(&read.name));
    let table = read_file(&read, form, reporter.source(entry.value.start), reporter);
    table.filter(|_| fine).map(|table| Given { table, distinct })
}

/// Each finding about the table names the set as well.
fn read_file(file: &File, form: Form, set: Source, reporter: &mut Reporter<'_>) -> Option<Table> {
    let (table, findings): (_, Findings) = table::read(file, form);
    for mut finding in findings {
        finding.related.push((set.clone(), "the set that reads it".to_owned()));
        reporter.take(finding);
    }
    table
}

/// The byte between the cells of a CSV file.
fn separator(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<u8> {
    let Some(entry) = node.get("delimiter") else { return Some(b',') };
    let text = body::text(&entry.value, "delimiter", reporter)?;
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) && node.get("csv").is_some() => {
            Some(*byte)
        }
        _ => {
            let message = "`delimiter` is one character between the cells of a `csv` file";
            let hint = "for example `delimiter: \";\"` or `delimiter: \"\\t\"`";
            reporter.error(code::BAD_TABLE, entry.value.span(), message).hint(hint);
            None
        }
    }
}

/// Keeps the first row of each value of a column. Others must not differ from it in what the template uses.
fn take_once(table: &mut Table, column: usize, used: &[usize], grouped: &mut Grouped) {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut kept = Vec::new();
    for (index, row) in table.rows.iter().enumerate() {
        let name = |column: usize| table.columns().nth(column).unwrap_or_default();
        if row.text(column).is_empty() {
            let source = table.source(row.place_of(column));
            let message = format!("the cell of `{}` is empty, but `distinct` needs it", name(column));
            let finding = Finding {
                code: code::EMPTY_VALUE,
                severity: Severity::Error,
                source: source.clone(),
                message,
                hint: Some("fill the cell, or remove the row".to_owned()),
                excerpt: table.excerpt(row, column),
                related: Vec::new(),
            };
            grouped.add((code::EMPTY_VALUE, Place::START), source, || (finding, None));
            kept.push(index);
            continue;
        }
        let known = match first.entry(row.text(column).to_owned()) {
            Entry::Vacant(free) => {
                free.insert(index);
                kept.push(index);
                continue;
            }
            Entry::Occupied(known) => &table.rows[*known.get()],
        };
        let Some(differs) = used.iter().find(|used| row.text(**used) != known.text(**used)) else { continue };
        let source = table.source(row.place_of(*differs));
        let finding = || {
            let value = row.text(column);
            let message = format!("rows of one `{}` differ in `{}`: `{value}`", name(column), name(*differs));
            let finding = Finding {
                code: code::DIFFERENT_ROWS,
                severity: Severity::Error,
                source: source.clone(),
                message,
                hint: Some("`distinct` takes only one of them: make them equal".to_owned()),
                excerpt: table.excerpt(row, *differs),
                related: vec![(table.source(known.place_of(*differs)), "the first row".to_owned())],
            };
            (finding, None)
        };
        grouped.add((code::DIFFERENT_ROWS, row.place), source.clone(), finding);
    }
    let mut index = 0;
    let mut kept = kept.into_iter().peekable();
    table.rows.retain(|_| {
        let keep = kept.next_if_eq(&index).is_some();
        index += 1;
        keep
    });
}

/// The name of a row: its key in lower case, in which what a name can't have becomes `-`.
fn name_of(set: &str, key: &str) -> String {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-".contains(letter);
    let key: String =
        key.chars().map(|letter| letter.to_ascii_lowercase()).map(|it| if fits(it) { it } else { '-' }).collect();
    format!("{set}.{key}")
}

/// Rows that become manifests.
struct Making<'m, 's, 't> {
    set: &'m Set<'s, 't>,
    /// The file of the set.
    file: Arc<str>,
    table: &'m Table,
    template: &'m Template<'m, 't>,
    key: usize,
    metadata: Metadata,
    grouped: Grouped,
    rows: Rows,
}

impl Making<'_, '_, '_> {
    fn all(&mut self, used: &mut BTreeSet<String>) {
        let mut of_rows = Reporter::new(&self.file, self.set.text);
        of_rows.ignore(&self.metadata.2.ignore);
        let mut keys: HashMap<String, &Row> = HashMap::new();
        let mut size = 0;
        for row in &self.table.rows {
            let Some(address) = self.address(row) else { continue };
            if let Some(first) = keys.get(address.name()) {
                self.repeated(row, first, &address);
                continue;
            }
            keys.insert(address.name().to_owned(), row);
            self.row(row, address, &mut size, used, &mut of_rows);
            if size > SPECS_LIMIT {
                let message = "with this template, the rows of the table make specs that are too large";
                let hint = "split the table, and give each part a set of its own";
                let finding = self.at(row, self.key, code::TOO_LARGE, message.to_owned(), hint.to_owned());
                self.grouped.add((code::TOO_LARGE, Place::START), finding.source.clone(), || (finding, None));
                return;
            }
        }
    }

    /// An error about a cell.
    fn at(&self, row: &Row, column: usize, code: &'static str, message: String, hint: String) -> Finding {
        Finding {
            code,
            severity: Severity::Error,
            source: self.table.source(row.place_of(column)),
            message,
            hint: Some(hint),
            excerpt: self.table.excerpt(row, column),
            related: Vec::new(),
        }
    }

    /// The address of a row; none if its key is not fit for one, which is reported.
    fn address(&mut self, row: &Row) -> Option<Address> {
        let key = row.text(self.key);
        let made = name_of(self.metadata.0.name(), key);
        let address = Address::new(self.set.kind, &made).ok().filter(|_| !key.is_empty());
        if address.is_none() {
            let message = if key.is_empty() {
                "the key of the row is empty".to_owned()
            } else {
                format!("the key `{key}` makes `{made}`, which is not a valid name")
            };
            let hint =
                "at most 253 characters from a-z, 0-9, `.`, `_` and `-` are allowed, with a letter or digit last";
            let finding = self.at(row, self.key, code::BAD_KEY, message, hint.to_owned());
            let finding = self.with_place(finding, self.set.document.get("key").map(|entry| entry.value.start));
            self.grouped.add((code::BAD_KEY, row.place), finding.source.clone(), || (finding, None));
        }
        address
    }

    fn with_place(&self, mut finding: Finding, place: Option<Place>) -> Finding {
        finding.related.extend(place.map(|place| (Source::new(&self.file, place), "in the template".to_owned())));
        finding
    }

    /// The key of a row makes the address of an earlier one.
    fn repeated(&mut self, row: &Row, first: &Row, address: &Address) {
        let (key, before) = (row.text(self.key), first.text(self.key));
        let message = match key == before {
            true => format!("the key `{key}` appears twice"),
            false => format!("the keys `{before}` and `{key}` both make {address}"),
        };
        let hint = "a key must name only one row; `distinct` takes one row of those with the same value";
        let mut finding = self.at(row, self.key, code::DUPLICATE_ADDRESS, message, hint.to_owned());
        finding.related.push((self.table.source(first.place_of(self.key)), "the first row".to_owned()));
        self.grouped.add((code::DUPLICATE_ADDRESS, row.place), finding.source.clone(), || (finding, None));
    }

    fn row(
        &mut self,
        row: &Row,
        address: Address,
        size: &mut usize,
        used: &mut BTreeSet<String>,
        reporter: &mut Reporter<'_>,
    ) {
        let mut filled = self.template.fill(row, self.table);
        *size += filled.size;
        for span in &filled.empty_names {
            reporter
                .error(code::EMPTY_VALUE, *span, "the name is empty in this row")
                .hint("fill the cell, or remove the row");
            reporter.enough_of(span.0);
        }
        // The map around it has lost its only member, and is not what is wrong.
        let is_named = filled.empty_names.is_empty();
        let checked = match is_named {
            true => envelope::content(&mut filled.spec, self.set.kind, self.set.tenant, used, reporter),
            false => None,
        };
        let findings = reporter.drain();
        for finding in findings {
            self.tell(row, finding);
        }
        let key_place = row.place_of(self.key);
        let Some(mut checked) = checked else {
            self.rows.faulty.push((address, self.table.source(key_place)));
            return;
        };
        for place in &mut checked.attribute_places {
            *place = self.template.column_at(*place).map_or(row.place, |column| row.place_of(column));
        }
        for place in checked.referred.names.values_mut() {
            *place = self.template.column_at(*place).map_or(row.place, |column| row.place_of(column));
        }
        let (_, labels, Settings { on_change, ignore, .. }) = &self.metadata;
        let settings = Settings { on_change: *on_change, ignore: ignore.clone(), ..Settings::default() };
        let origin = Origin { source: self.table.source(row.place), name_place: key_place };
        self.rows.manifests.push(envelope::manifest((address, labels.clone(), settings), checked, origin));
    }

    /// Tells what is wrong with the spec of a row, which was found at a place in the template: of the cell that gave
    /// that place its text, or of the row as a whole. What is the same in every row is about the template.
    fn tell(&mut self, row: &Row, finding: Finding) {
        // What is missing or too much is not what a cell says.
        let is_of_map = [code::MISSING_MEMBER, code::MISSING_TYPE, code::UNKNOWN_MEMBER, code::MEMBER_OF_OTHER_TYPE];
        let about = finding.source.place;
        let cell = self.template.column_at(about).filter(|_| !is_of_map.contains(&finding.code));
        let source = self.table.source(cell.map_or(row.place, |column| row.place_of(column)));
        let of_template = (finding.source.clone(), "in the template".to_owned());
        let (table, code, here) = (self.table, finding.code, source.clone());
        let make = || {
            let of_all = cell.is_none().then(|| Box::new(finding.clone()));
            let mut of_row = finding;
            of_row.related.insert(0, of_template);
            of_row.excerpt = table.excerpt(row, cell.unwrap_or(0));
            of_row.source = here;
            (of_row, of_all)
        };
        self.grouped.add((code, about), source, make);
    }
}

#[cfg(test)]
mod tests;
