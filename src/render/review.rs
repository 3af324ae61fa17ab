//! What services for code review want of a finding: a name by which they know it again in the next run, and a path
//! within the repository.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::finding::{Finding, Findings};

/// One for each finding, in their order: 32 hexadecimal digits over code, file and message. Lines do not count, so that
/// text above a finding does not make it a new one; of findings that are alike the first, the second and so on do.
pub fn fingerprints(findings: &Findings) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let fingerprint = |Finding { code, source, message, .. }: &Finding| {
        let text = format!("{code}\n{}\n{message}", source.file);
        let before = seen.entry(text.clone()).and_modify(|count| *count += 1).or_insert(0);
        Digest::of_bytes(format!("{text}\n{before}").as_bytes()).short(32)
    };
    findings.iter().map(fingerprint).collect()
}

/// A path as services that look at a repository want it: without a leading `./`.
pub fn path(file: &str) -> &str {
    let mut path = file;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path
}
