//! What services for code review want of a finding: a name by which they know it again in the next run, and a path
//! within the repository.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::finding::{Finding, Findings};

/// Where the working folder is in the repository that a service shows. Without one, paths are those of the working
/// folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    /// The root of the repository: absolute, with `/`, without one at its end.
    pub root: Option<String>,
    /// The working folder, from the root.
    pub folder: String,
}

impl Checkout {
    /// A file as services that look at a repository want it: from the root, without `.` and `..`. A file outside of the
    /// repository keeps its name.
    pub fn path(&self, file: &str) -> String {
        // Standard input has no place in a repository.
        if file == "<stdin>" {
            return file.to_owned();
        }
        let below = match (file.strip_prefix('/'), &self.root) {
            (None, _) => format!("{}/{file}", self.folder),
            (Some(_), Some(root)) => match file.strip_prefix(root.as_str()) {
                Some(rest) if rest.starts_with('/') => rest.to_owned(),
                _ => return file.to_owned(),
            },
            (Some(_), None) => return file.to_owned(),
        };
        let mut parts = Vec::new();
        for part in below.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.pop().is_none() => return file.to_owned(),
                ".." => {}
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// One for each finding, in their order: 32 hexadecimal digits over code, file and message. Lines do not count, so
    /// that text above a finding does not make it a new one; of findings that are alike the first, the second and so on
    /// do.
    pub fn fingerprints(&self, findings: &Findings) -> Vec<String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let fingerprint = |Finding { code, source, message, .. }: &Finding| {
            let text = format!("{code}\n{}\n{message}", self.path(&source.file));
            let before = seen.entry(text.clone()).and_modify(|count| *count += 1).or_insert(0);
            Digest::of_bytes(format!("{text}\n{before}").as_bytes()).short(32)
        };
        findings.iter().map(fingerprint).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_from_the_root_of_the_repository() {
        let inside = Checkout { root: Some("/r".to_owned()), folder: "teams/nordic".to_owned() };
        let at_root = Checkout { root: Some("/r".to_owned()), folder: String::new() };
        for (file, from_inside, from_root) in [
            ("manifests/a.yaml", "teams/nordic/manifests/a.yaml", "manifests/a.yaml"),
            ("./m/.//a.yaml", "teams/nordic/m/a.yaml", "m/a.yaml"),
            ("../../common/a.yaml", "common/a.yaml", "../../common/a.yaml"),
            ("../south/../a.yaml", "teams/a.yaml", "../south/../a.yaml"),
            ("../../../a.yaml", "../../../a.yaml", "../../../a.yaml"),
            ("/r/m/a.yaml", "m/a.yaml", "m/a.yaml"),
            ("/rest/a.yaml", "/rest/a.yaml", "/rest/a.yaml"),
            ("<stdin>", "<stdin>", "<stdin>"),
        ] {
            assert_eq!((inside.path(file).as_str(), at_root.path(file).as_str()), (from_inside, from_root), "{file}");
            if !file.starts_with(['.', '<']) {
                assert_eq!(Checkout::default().path(file), file);
            }
        }
        assert_eq!(Checkout::default().path("./a.yaml"), "a.yaml");
        assert_eq!(Checkout { root: Some(String::new()), folder: "r".to_owned() }.path("/r/a.yaml"), "r/a.yaml");
    }
}
