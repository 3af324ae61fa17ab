//! Collects the findings of one file, each with the line that it is about.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::look_alike;
use crate::source::{Place, Source};

/// A file may have millions of lines, and few of them are shown.
const STRIDE: usize = 256;

/// Findings of one file. At most [`Reporter::LIMIT`] are kept; the others are counted.
#[derive(Debug)]
pub struct Reporter<'t> {
    file: Arc<str>,
    text: &'t str,
    /// Where in `text` every [`STRIDE`]th line begins.
    marks: OnceCell<Vec<usize>>,
    /// Lines with a number sign after a blank and before something else, in ascending order.
    signs: OnceCell<Vec<u32>>,
    findings: Vec<Finding>,
    dropped: usize,
    ignored: Vec<&'static str>,
    /// Places of which enough is said.
    told: Vec<Place>,
    /// What was put in at a place, to be named with all that is said of it.
    put_in: Vec<(Place, Source, String)>,
}

impl<'t> Reporter<'t> {
    /// How many findings of one file are kept.
    pub const LIMIT: usize = 500;

    pub fn new(file: &Arc<str>, text: &'t str) -> Self {
        Reporter {
            file: Arc::clone(file),
            text,
            marks: OnceCell::new(),
            signs: OnceCell::new(),
            findings: Vec::new(),
            dropped: 0,
            ignored: Vec::new(),
            told: Vec::new(),
            put_in: Vec::new(),
        }
    }

    pub fn source(&self, place: Place) -> Source {
        Source::new(&self.file, place)
    }

    /// Begins another document, of which nothing is ignored. Its places are not those of the one before.
    pub fn begin_document(&mut self) {
        self.ignored.clear();
        self.told.clear();
        self.put_in.clear();
    }

    /// From now on, and until this is called again, warnings with these codes are not reported.
    pub fn ignore(&mut self, codes: &[&'static str]) {
        self.ignored = codes.to_vec();
    }

    /// Enough is said of this place: nothing else that begins there is reported.
    pub fn enough_of(&mut self, place: Place) {
        self.told.push(place);
    }

    /// Says of each finding that begins at this place where what is wrong with it comes from.
    pub fn comes_from(&mut self, place: Place, source: Source, what: String) {
        self.put_in.push((place, source, what));
    }

    /// Reports an error from `start` to `end`.
    pub fn error(&mut self, code: &'static str, span: (Place, Place), message: impl Into<String>) -> Report<'_> {
        self.report(code, Severity::Error, span, message.into())
    }

    /// Reports something suspicious but legal, unless it is ignored.
    pub fn warning(&mut self, code: &'static str, span: (Place, Place), message: impl Into<String>) -> Report<'_> {
        if self.ignored.contains(&code) {
            return Report { finding: None };
        }
        self.report(code, Severity::Warning, span, message.into())
    }

    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Whether no more findings are kept. Then one more is counted, so that nobody takes the time to describe it.
    pub fn skips_one(&mut self) -> bool {
        let full = self.findings.len() >= Reporter::LIMIT;
        self.dropped += usize::from(full);
        full
    }

    /// The line with this number, which counts from 1.
    pub fn line(&self, number: u32) -> Option<&'t str> {
        let begins = || {
            let breaks = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(breaks).step_by(STRIDE).collect()
        };
        let index = (number as usize).checked_sub(1)?;
        let begin = *self.marks.get_or_init(begins).get(index / STRIDE)?;
        self.text[begin..].lines().nth(index % STRIDE)
    }

    /// The text behind a place, if it begins with a number sign and reads as if it belonged to what is before it:
    /// `order #123`.
    pub fn cut_off(&self, end: Place) -> Option<&'t str> {
        let signs = || {
            // To know that there is none takes less time than to look at each line.
            if !self.text.contains(" #") {
                return Vec::new();
            }
            let lines = (1..).zip(self.text.lines());
            lines.filter(|(_, line)| line.contains(" #")).map(|(number, _)| number).collect()
        };
        // Few lines have one, and to look at each that a text ends on would take its time.
        self.signs.get_or_init(signs).binary_search(&end.line).ok()?;
        let line = self.line(end.line)?;
        let (index, before) = line.char_indices().nth((end.column as usize).checked_sub(2)?)?;
        let behind = line[index + before.len_utf8()..].strip_prefix(' ')?.trim_start();
        let is_text = behind.strip_prefix('#')?.starts_with(|next: char| next.is_alphanumeric());
        (is_text && !" \t'\"".contains(before)).then(|| behind.trim_end())
    }

    /// Takes a finding that was made elsewhere.
    pub fn take(&mut self, finding: Finding) {
        if !self.skips_one() {
            self.findings.push(finding);
        }
    }

    /// The findings since the last time, so that the same text can be looked at again for something else.
    pub fn drain(&mut self) -> Vec<Finding> {
        self.told.clear();
        self.put_in.clear();
        std::mem::take(&mut self.findings)
    }

    /// The findings. If some were only counted, one more finding says how many.
    pub fn finish(mut self) -> Findings {
        if self.dropped > 0 {
            let message = format!("{} more problems in this file are not shown", self.dropped);
            self.findings.push(Finding {
                code: crate::finding::code::TOO_MANY,
                severity: Severity::Error,
                source: Source::new(&self.file, Place { line: u32::MAX, column: 1 }),
                message,
                hint: Some("fix the problems above first".into()),
                excerpt: None,
                related: Vec::new(),
            });
            // It sorts last by its line, and shows the last line of the file.
            let last = self.text.lines().count().max(1) as u32;
            if let Some(finding) = self.findings.last_mut() {
                finding.source.place = Place { line: last, column: 1 };
            }
        }
        let mut findings = Findings::default();
        self.findings.iter_mut().for_each(look_alike::name);
        findings.extend(self.findings);
        findings
    }

    fn report(
        &mut self,
        code: &'static str,
        severity: Severity,
        (start, end): (Place, Place),
        message: String,
    ) -> Report<'_> {
        if self.told.contains(&start) || self.skips_one() {
            return Report { finding: None };
        }
        let line = self.line(start.line);
        let origin = self.put_in.iter().find(|(place, ..)| *place == start);
        let related = origin.map(|(_, source, what)| (source.clone(), what.clone())).into_iter().collect();
        self.findings.push(Finding {
            code,
            severity,
            source: Source::new(&self.file, start),
            message,
            hint: None,
            excerpt: line.and_then(|line| Excerpt::of(line, start, end)),
            related,
        });
        Report { finding: self.findings.last_mut() }
    }
}

/// A finding that was just reported, to which more can be added.
#[derive(Debug)]
pub struct Report<'r> {
    finding: Option<&'r mut Finding>,
}

impl Report<'_> {
    pub fn hint(self, hint: impl Into<String>) -> Self {
        if let Some(finding) = self.finding {
            finding.hint = Some(hint.into());
            return Report { finding: Some(finding) };
        }
        self
    }

    /// Shows no line of the file, because it may contain a secret.
    pub fn without_excerpt(self) -> Self {
        if let Some(finding) = self.finding {
            finding.excerpt = None;
            return Report { finding: Some(finding) };
        }
        self
    }

    pub fn related(self, source: Source, why: impl Into<String>) -> Self {
        if let Some(finding) = self.finding {
            finding.related.push((source, why.into()));
            return Report { finding: Some(finding) };
        }
        self
    }
}
