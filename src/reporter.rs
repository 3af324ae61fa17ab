//! Collects the findings of one file, each with the line that it is about.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::finding::{Excerpt, Finding, Findings, Severity};
use crate::source::{Place, Source};

/// Findings of one file. At most [`Reporter::LIMIT`] are kept; the others are counted.
#[derive(Debug)]
pub struct Reporter<'t> {
    file: Arc<str>,
    text: &'t str,
    lines: OnceCell<Vec<&'t str>>,
    findings: Vec<Finding>,
    dropped: usize,
    ignored: Vec<&'static str>,
}

impl<'t> Reporter<'t> {
    /// How many findings of one file are kept.
    pub const LIMIT: usize = 500;

    pub fn new(file: &Arc<str>, text: &'t str) -> Self {
        Reporter {
            file: Arc::clone(file),
            text,
            lines: OnceCell::new(),
            findings: Vec::new(),
            dropped: 0,
            ignored: Vec::new(),
        }
    }

    pub fn source(&self, place: Place) -> Source {
        Source::new(&self.file, place)
    }

    /// From now on, and until this is called again, warnings with these codes are not reported.
    pub fn ignore(&mut self, codes: &[&'static str]) {
        self.ignored = codes.to_vec();
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
        if self.findings.len() >= Reporter::LIMIT {
            self.dropped += 1;
            return Report { finding: None };
        }
        let text = self.text;
        let lines = self.lines.get_or_init(|| text.lines().collect());
        let line = (start.line as usize).checked_sub(1).and_then(|index| lines.get(index));
        self.findings.push(Finding {
            code,
            severity,
            source: Source::new(&self.file, start),
            message,
            hint: None,
            excerpt: line.and_then(|line| Excerpt::of(line, start, end)),
            related: Vec::new(),
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
