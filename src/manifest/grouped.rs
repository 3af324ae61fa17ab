//! Findings about the rows of one table: a mistake that many rows make is reported once, with its first places.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::source::{Place, Source};

/// How many further rows are named.
const NAMED: usize = 3;

/// Findings, each with how many rows it is about.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    groups: Vec<Group>,
    index: HashMap<(&'static str, Place), usize>,
}

#[derive(Debug)]
struct Group {
    finding: Finding,
    /// The first of the other rows.
    others: Vec<Source>,
    rows: usize,
    /// Where it is if each row has it.
    of_all: Option<Box<Finding>>,
}

impl Grouped {
    /// Adds what is wrong with a row. `about` is the place that rows with the same mistake share. The finding is made
    /// only for the first of them.
    pub fn add(
        &mut self,
        (code, about): (&'static str, Place),
        row: Source,
        finding: impl FnOnce() -> (Finding, Option<Box<Finding>>),
    ) {
        let next = self.groups.len();
        let index = *self.index.entry((code, about)).or_insert(next);
        match self.groups.get_mut(index) {
            Some(group) => {
                group.rows += 1;
                if group.others.len() < NAMED {
                    group.others.push(row);
                }
            }
            None => {
                let (finding, of_all) = finding();
                self.groups.push(Group { finding, others: Vec::new(), rows: 1, of_all });
            }
        }
    }

    /// The findings about a table with this number of rows.
    pub fn finish(self, rows: usize) -> Vec<Finding> {
        let told = |Group { mut finding, others, rows: found, of_all }| {
            if let (Some(mut of_all), true) = (of_all, found == rows) {
                of_all.related.push((finding.source, if rows == 1 { "the row" } else { "in every row" }.to_owned()));
                return *of_all;
            }
            if found > 1 {
                finding.message = format!("{} (in {found} rows)", finding.message);
                finding.related.extend(others.into_iter().map(|row| (row, "the same".to_owned())));
            }
            finding
        };
        let mut findings: Vec<Finding> = Vec::with_capacity(self.groups.len());
        let mut index: HashMap<(&'static str, Source, String), usize> = HashMap::new();
        for finding in self.groups.into_iter().map(told) {
            let next = findings.len();
            let key = (finding.code, finding.source.clone(), finding.message.clone());
            match findings.get_mut(*index.entry(key).or_insert(next)) {
                // The template uses the cell at several places, and the cell is wrong once.
                Some(first) => {
                    let new: Vec<_> = finding.related.into_iter().filter(|one| !first.related.contains(one)).collect();
                    first.related.extend(new);
                }
                None => findings.push(finding),
            }
        }
        findings
    }
}
