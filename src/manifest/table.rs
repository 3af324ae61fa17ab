//! Tables: columns with names, and rows of cells, which are texts. From CSV, from JSON lines, or from a list of maps.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};

use crate::finding::{Excerpt, Finding, Findings, Severity, code};
use crate::manifest::grouped::Grouped;
use crate::reporter::Reporter;
use crate::source::{Place, Source};
use crate::yaml::{self, Content, Format, Node};

/// The largest table that is read, in bytes.
pub const SIZE_LIMIT: u64 = 64 << 20;
/// The most rows of one table.
const ROWS_LIMIT: usize = 500_000;
/// No table may hold it, so as a line of its own it shows whether all quotes before it are closed.
const LAST_LINE: &[u8] = b"\n\0\n";

/// The bytes of a file that a set names.
#[derive(Clone, Debug)]
pub struct File {
    /// As findings show it.
    pub name: Arc<str>,
    pub bytes: Vec<u8>,
}

/// Why there are none.
#[derive(Clone, Debug)]
pub struct NoFile {
    /// A lower-case fragment without a full stop.
    pub message: String,
    pub hint: String,
}

/// Gives the bytes of the file that a set names, at most one more than [`SIZE_LIMIT`].
pub type Tables<'t> = &'t dyn Fn(&str) -> Result<File, NoFile>;

/// For manifests without sets: there is no file.
///
/// # Errors
/// Always.
pub fn no_tables(name: &str) -> Result<File, NoFile> {
    Err(NoFile { message: format!("{name} does not exist"), hint: "check the path".to_owned() })
}

/// How a file holds a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// With this byte between cells.
    Csv(u8),
    Jsonl,
}

#[derive(Debug)]
pub(super) struct Table {
    file: Arc<str>,
    columns: HashMap<String, usize>,
    names: Vec<String>,
    pub rows: Vec<Row>,
    is_csv: bool,
}

#[derive(Debug)]
pub(super) struct Row {
    /// Where it begins.
    pub place: Place,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Csv(StringRecord),
    /// By the number of the column; where it was written.
    Members(Vec<(usize, Box<str>, Place)>),
}

impl Row {
    /// The text of a cell; empty if the row has none.
    pub fn text(&self, column: usize) -> &str {
        match &self.cells {
            Cells::Csv(record) => record.get(column).unwrap_or_default(),
            Cells::Members(members) => {
                members.iter().find(|(known, ..)| *known == column).map_or("", |(_, text, _)| text)
            }
        }
    }

    /// Where a cell is. In a CSV file, the column of a place is the number of the table's column.
    pub fn place_of(&self, column: usize) -> Place {
        match &self.cells {
            Cells::Csv(_) => Place { line: self.place.line, column: column as u32 + 1 },
            Cells::Members(members) => {
                members.iter().find(|(known, ..)| *known == column).map_or(self.place, |(.., place)| *place)
            }
        }
    }
}

impl Table {
    fn new(file: &Arc<str>, is_csv: bool) -> Self {
        Table { file: Arc::clone(file), columns: HashMap::new(), names: Vec::new(), rows: Vec::new(), is_csv }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.file
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub fn source(&self, place: Place) -> Source {
        Source::new(&self.file, place)
    }

    /// The separator that a CSV file with only one column perhaps has.
    pub fn other_separator(&self) -> Option<&'static str> {
        match &*self.names {
            [only] if self.is_csv => {
                [(";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")].into_iter().find(|(sign, _)| only.contains(sign))
            }
            _ => None,
        }
        .map(|(_, shown)| shown)
    }

    /// What is shown of a cell. A place in a CSV file counts columns, not characters: so nothing before the cell is
    /// shown; of other tables the line itself is.
    pub fn excerpt(&self, row: &Row, column: usize) -> Option<Excerpt> {
        self.is_csv.then(|| excerpt(row.text(column), column))
    }

    fn add_column(&mut self, name: &str) -> usize {
        let next = self.names.len();
        if let Some(known) = self.columns.get(name) {
            return *known;
        }
        self.columns.insert(name.to_owned(), next);
        self.names.push(name.to_owned());
        next
    }

    /// Adds a row that is a map of scalars; whether it is one.
    fn add_map(&mut self, node: &Node<'_>, grouped: &mut Grouped, reporter: &Reporter<'_>) -> bool {
        let Some(entries) = node.entries() else {
            let message = format!("a row is a map of columns, not {}", node.what());
            bad_row(node.opening(), message, "write it as `{column: text}`", grouped, reporter);
            return false;
        };
        let (mut fine, mut members) = (true, Vec::with_capacity(entries.len()));
        for entry in entries {
            let text = match &entry.value.content {
                Content::Null => Cow::Borrowed(""),
                Content::Bool(_, text) | Content::Number(_, text) | Content::OddNumber(text) | Content::Text(text) => {
                    Cow::Borrowed(&**text)
                }
                Content::List(_) | Content::Map(_) => {
                    let message = format!("a cell is a text, not {}", entry.value.what());
                    let hint = "give each text a column of its own";
                    bad_row(entry.value.opening(), message, hint, grouped, reporter);
                    fine = false;
                    continue;
                }
            };
            members.push((self.add_column(&entry.key), Box::from(&*text), entry.value.start));
        }
        self.rows.push(Row { place: node.start, cells: Cells::Members(members) });
        fine
    }
}

fn bad_row(span: (Place, Place), message: String, hint: &str, grouped: &mut Grouped, reporter: &Reporter<'_>) {
    let source = reporter.source(span.0);
    let finding = || {
        let line = reporter.line(span.0.line);
        let excerpt = line.and_then(|line| Excerpt::of(line, span.0, span.1));
        (Finding { excerpt, ..error(code::BAD_ROW, source.clone(), message, hint) }, None)
    };
    grouped.add((code::BAD_ROW, Place::START), source.clone(), finding);
}

/// What is shown of a cell of a CSV file: itself, as what remains of its line.
fn excerpt(text: &str, column: usize) -> Excerpt {
    let first = text.lines().next().unwrap_or_default();
    let text: String = first.chars().take(Excerpt::WIDTH).collect();
    Excerpt { length: text.chars().count().max(1) as u32, text, skipped: column as u32 }
}

/// What is shown of a cell of a table of which nothing is known but its lines: the whole row for its first one,
/// otherwise as `Table::excerpt` has it; none if it is no CSV file. The separator is the one that the first line has
/// most often.
pub fn cell(lines: &[String], place: Place) -> Option<Excerpt> {
    let header = lines.first().filter(|line| !line.starts_with('{'))?;
    let often = |sign: &u8| header.bytes().filter(|byte| byte == sign).count();
    let separator = *b",;\t|".iter().rev().max_by_key(|sign| often(sign))?;
    let row: Vec<&str> = lines.iter().skip(place.line as usize - 1).take(ROW_LINES).map(String::as_str).collect();
    let row = row.join("\n");
    let mut reader = ReaderBuilder::new();
    let mut reader = reader.has_headers(false).flexible(true).delimiter(separator).from_reader(row.as_bytes());
    let record = reader.records().next()?.ok()?;
    let column = place.column as usize - 1;
    let text = record.get(column)?;
    // A place in the first column is that of the row.
    let end = Place { column: place.column + text.chars().count() as u32, ..place };
    if column == 0 { Excerpt::of(lines.get(place.line as usize - 1)?, place, end) } else { Some(excerpt(text, column)) }
}

/// Lines that one row of a table may have to be shown.
const ROW_LINES: usize = 100;

fn error(code: &'static str, source: Source, message: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding {
        code,
        severity: Severity::Error,
        source,
        message: message.into(),
        hint: Some(hint.into()),
        excerpt: None,
        related: Vec::new(),
    }
}

/// The table that a list of maps is; none if anything is wrong with it, which is reported.
pub(super) fn of_list(items: &[Node<'_>], reporter: &mut Reporter<'_>) -> Option<Table> {
    let mut table = Table::new(&reporter.source(Place::START).file, false);
    let mut grouped = Grouped::default();
    let mut fine = true;
    for item in items {
        fine &= table.add_map(item, &mut grouped, reporter);
    }
    grouped.finish(items.len()).into_iter().for_each(|finding| reporter.take(finding));
    fine.then_some(table)
}

/// The table that a file holds; none if anything is wrong with it, except that a CSV file can have bad rows, which it
/// is then without.
pub(super) fn read(file: &File, form: Form) -> (Option<Table>, Findings) {
    let mut findings = Findings::default();
    let text = match decode(file, form) {
        Ok(text) => text,
        Err(finding) => {
            findings.push(*finding);
            return (None, findings);
        }
    };
    let table = match form {
        Form::Csv(delimiter) => {
            let (table, found) = read_csv(&file.name, text, delimiter);
            findings.extend(found);
            // Rows that are bad are not among its rows, and the others may have mistakes, too.
            let is_rest = findings.iter().all(|finding| finding.code == code::BAD_ROW);
            let table = table.filter(|table| is_rest && !(table.rows.is_empty() && findings.has_errors()));
            return (table, findings);
        }
        Form::Jsonl => {
            let (table, found) = read_jsonl(&file.name, text);
            findings.extend(found);
            table
        }
    };
    (table.filter(|_| !findings.has_errors()), findings)
}

/// The text of a table without a byte order mark.
fn decode(file: &File, form: Form) -> Result<&str, Box<Finding>> {
    let File { name, bytes } = file;
    let fail =
        |code, place, message: String, hint: &str| Err(Box::new(error(code, Source::new(name, place), message, hint)));
    if bytes.len() as u64 > SIZE_LIMIT {
        let message = format!("the table is larger than {} MiB", SIZE_LIMIT >> 20);
        return fail(code::TOO_LARGE, Place::START, message, "split it, and give each part a set of its own");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return fail(code::NOT_UTF8, Place::START, "the table is UTF-16, not UTF-8".into(), "save it as UTF-8");
    }
    let place = |end: usize| place_after(&String::from_utf8_lossy(&bytes[..end]), form);
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let end = error.valid_up_to();
            let message = format!("the byte 0x{:02x} is not part of UTF-8 text", bytes[end]);
            return fail(code::NOT_UTF8, place(end), message, "save the table as UTF-8");
        }
    };
    match text.find('\0') {
        Some(index) => {
            let message = "the character U+0000 is not allowed in a table".into();
            fail(code::BAD_CHARACTER, place(index), message, "remove it; if the file is not text, save it as text")
        }
        None => Ok(text),
    }
}

/// The place of what would follow a part of a table.
fn place_after(text: &str, form: Form) -> Place {
    if let Form::Csv(delimiter) = form {
        let (mut place, mut line) = (Place::START, Lines::default());
        // What follows is part of the last cell.
        let whole = format!("{text}x");
        let mut reader = reader(delimiter).from_reader(whole.as_bytes());
        let mut record = StringRecord::new();
        while matches!(reader.read_record(&mut record), Ok(true)) {
            place = Place { line: line.of(&whole, &record), column: record.len().max(1) as u32 };
        }
        return place;
    }
    let line = text.rsplit('\n').next().unwrap_or_default();
    Place { line: 1 + text.matches('\n').count() as u32, column: 1 + line.chars().count() as u32 }
}

fn reader(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

/// Counts lines up to the beginning of each record, in their order.
struct Lines {
    line: u32,
    at: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { line: 1, at: 0 }
    }
}

impl Lines {
    fn of(&mut self, text: &str, record: &StringRecord) -> u32 {
        let begin = record.position().map_or(0, |position| position.byte() as usize).min(text.len());
        // The position is behind the line before it, of whose end, and of empty lines, a part may be left.
        let bytes = text.as_bytes();
        let blank = bytes[begin..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = begin + blank;
        self.line += bytes[self.at.min(begin)..begin].iter().filter(|byte| **byte == b'\n').count() as u32;
        self.at = begin;
        self.line
    }
}

fn read_csv(file: &Arc<str>, text: &str, delimiter: u8) -> (Option<Table>, Vec<Finding>) {
    let mut table = Table::new(file, true);
    let (mut lines, mut grouped, mut header) = (Lines::default(), Grouped::default(), None);
    let mut reader = reader(delimiter).from_reader(std::io::Read::chain(text.as_bytes(), LAST_LINE));
    let mut found = 0;
    loop {
        let mut record = StringRecord::new();
        if !matches!(reader.read_record(&mut record), Ok(true)) {
            break;
        }
        let place = Place { line: lines.of(text, &record), column: 1 };
        if record.iter().any(|cell| cell.contains('\0')) {
            if record.len() > 1 || record.get(0) != Some("\0") {
                let column = record.len() as u32;
                let source = Source::new(file, Place { column, ..place });
                let hint = "close the quote; a quote inside of quotes is written twice";
                return (None, vec![error(code::BAD_TABLE, source, "a quote that is never closed", hint)]);
            }
            break;
        }
        let Some(columns) = header else {
            let problems = read_header(&mut table, &record, place);
            if !problems.is_empty() {
                return (None, problems);
            }
            header = Some(record.len());
            continue;
        };
        found += 1;
        if found > ROWS_LIMIT {
            let message = format!("the table has more than {ROWS_LIMIT} rows");
            let hint = "split it, and give each part a set of its own";
            return (None, vec![error(code::TOO_LARGE, Source::new(file, place), message, hint)]);
        }
        if record.len() != columns {
            let source = Source::new(file, place);
            let message = format!("the row has {} cells, but the header has {columns}", record.len());
            let hint = "write an empty cell where there is nothing, and quote a text that holds the separator";
            let finding = || {
                let excerpt = Some(excerpt(record.get(0).unwrap_or_default(), 0));
                (Finding { excerpt, ..error(code::BAD_ROW, source.clone(), message, hint) }, None)
            };
            grouped.add((code::BAD_ROW, Place::START), source.clone(), finding);
            continue;
        }
        table.rows.push(Row { place, cells: Cells::Csv(record) });
    }
    let mut findings = grouped.finish(found);
    if header.is_none() {
        let hint = "its first line gives the names of the columns";
        findings.push(error(code::BAD_TABLE, Source::new(file, Place::START), "the table has no header", hint));
    }
    (Some(table), findings)
}

/// Takes the names of columns; what is wrong with them.
fn read_header(table: &mut Table, record: &StringRecord, place: Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (column, name) in record.iter().enumerate() {
        let here = table.source(Place { line: place.line, column: column as u32 + 1 });
        if let Some(first) = table.column(name) {
            let message = format!("the column `{name}` appears twice");
            let first = table.source(Place { line: place.line, column: first as u32 + 1 });
            findings.push(Finding {
                related: vec![(first, "the first one".to_owned())],
                excerpt: Some(excerpt(name, column)),
                ..error(code::BAD_TABLE, here, message, "give each column a name of its own")
            });
        } else if name.is_empty() {
            let hint = "give it a name; a separator at the end of each line makes a column, too";
            let excerpt = Some(excerpt(name, column));
            findings.push(Finding { excerpt, ..error(code::BAD_TABLE, here, "a column without a name", hint) });
            // Others keep their numbers.
            table.names.push(String::new());
            continue;
        }
        table.columns.entry(name.to_owned()).or_insert(column);
        table.names.push(name.to_owned());
    }
    findings
}

fn read_jsonl(file: &Arc<str>, text: &str) -> (Option<Table>, Findings) {
    let mut table = Table::new(file, false);
    let mut reporter = Reporter::new(file, text);
    let mut grouped = Grouped::default();
    let mut found = 0;
    yaml::each(text, Format::Json, &mut reporter, &mut |document, reporter| {
        found += 1;
        if found <= ROWS_LIMIT {
            table.add_map(&document, &mut grouped, reporter);
        } else if found == ROWS_LIMIT + 1 {
            reporter
                .error(code::TOO_LARGE, document.opening(), format!("the table has more than {ROWS_LIMIT} rows"))
                .hint("split it, and give each part a set of its own");
        }
    });
    grouped.finish(found).into_iter().for_each(|finding| reporter.take(finding));
    (Some(table), reporter.finish())
}
