//! Every link leads somewhere, every page can be found, and README.md can be read at once.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use regex::Regex;

use crate::readme::{SUMMARY, markdown_in, pages_of_docs, read, repository};

const README_LINES_MAX: usize = 250;

/// Where the files of the repository are for readers of the site, which has the pages of docs/ only.
const ON_GITHUB: &str = "https://github.com/dixaform/dixaform/";

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES_MAX, "README.md has {lines} lines; what is about one subject has a page in docs/");
}

#[test]
fn every_page_is_in_the_summary_and_in_the_index() {
    for list in [SUMMARY, "docs/README.md"] {
        let listed: Vec<String> = links(&read(list)).into_iter().filter(|link| link.ends_with(".md")).collect();
        let once: BTreeSet<&String> = listed.iter().collect();
        assert!(list != SUMMARY || once.len() == listed.len(), "{list} names a page twice: {listed:?}");
        for page in pages_of_docs().iter().filter(|page| *page != list) {
            let name = page.trim_start_matches("docs/");
            assert!(once.iter().any(|link| *link == name), "{page} is not in {list}");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = ["", "docs/", "state/"].map(markdown_in).concat();
    let mut followed = 0;
    let mut broken = Vec::new();
    for document in &documents {
        for link in links(&read(document)) {
            followed += 1;
            if let Err(why) = follow(document, &link) {
                broken.push(format!("{document}: {link} {why}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(followed > 100, "{followed}");
}

/// What is wrong with a link of a document, if something is. Other sites are not asked.
fn follow(document: &str, link: &str) -> Result<(), &'static str> {
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if let Some(path) = target.strip_prefix(ON_GITHUB) {
        match path.strip_prefix("blob/main/").or(path.strip_prefix("tree/main/")) {
            Some(path) => PathBuf::from(path),
            None => return Ok(()),
        }
    } else if target.contains(':') {
        return Ok(());
    } else if target.is_empty() {
        PathBuf::from(document)
    } else {
        let path = without_dots(&Path::new(document).parent().unwrap().join(target));
        if document.starts_with("docs/") && !path.starts_with("docs") {
            return Err("is not on the site: link to the file on GitHub");
        }
        path
    };
    let file = repository(path.to_str().unwrap());
    if !file.exists() {
        return Err("leads nowhere");
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let is_there = anchors(&std::fs::read_to_string(&file).unwrap()).iter().any(|known| known == anchor);
    if is_there { Ok(()) } else { Err("has no such heading") }
}

/// The path without `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leaves the repository", path.display()),
            part => plain.push(part),
        }
    }
    plain
}

/// The text of a document without its blocks of code.
fn prose(document: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The targets of all links and pictures.
fn links(document: &str) -> Vec<String> {
    let text = Regex::new("`[^`]*`").unwrap().replace_all(&prose(document), "code").into_owned();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    link.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// The anchors that GitHub and mdBook give to the headings of a document.
fn anchors(document: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for heading in prose(document).lines().filter(|line| line.starts_with('#')) {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let same = anchors.iter().filter(|known| **known == anchor).count();
        anchors.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
    }
    anchors
}

#[test]
fn a_link_to_nothing_is_found() {
    assert_eq!(follow("docs/plan.md", "apply.md"), Ok(()));
    assert_eq!(follow("README.md", "docs/plan.md#drift"), Ok(()));
    assert!(follow("docs/plan.md", "nothing").is_err());
    assert!(follow("docs/plan.md", "apply.md#nothing").is_err());
    assert!(follow("docs/plan.md", "../src/lib.rs").is_err());
    assert!(follow("docs/plan.md", &format!("{ON_GITHUB}blob/main/nothing")).is_err());
    assert_eq!(links("a [b](c#d) ![e](f.svg)\n```\n[g](h)\n```\n`[i](j)` [`k`](l)"), ["c#d", "f.svg", "l"]);
    assert_eq!(anchors("# A `b/1`: c, d\n## Same\n## Same"), ["a-b1-c-d", "same", "same-1"]);
}
