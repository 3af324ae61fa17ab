//! Each page is followed by a reader who begins with it.

use std::collections::BTreeSet;

use crate::readme::script::{CARGO_RUN, OF_CARGO, Reader, blocks};
use crate::readme::{pages_of_docs, read, repository};

/// Written by programs: the first is compared as a whole, the second says how long its commands took.
const GENERATED: [&str; 2] = ["docs/commands.md", "docs/performance.md"];

/// A test for each page, so that they run beside each other.
macro_rules! pages {
    ($($name:ident: $page:literal, $least:literal;)*) => {
        const PAGES: &[&str] = &[$($page),*];

        $(
            #[test]
            fn $name() {
                follow($page, $least);
            }
        )*
    };
}

// The least number of commands keeps a page from losing them by a change of its fences.
pages! {
    the_readme_is_true: "README.md", 12;
    apply_is_true: "docs/apply.md", 8;
    ci_is_true: "docs/ci.md", 0;
    findings_is_true: "docs/findings.md", 1;
    the_index_is_true: "docs/README.md", 0;
    install_is_true: "docs/install.md", 0;
    json_is_true: "docs/json.md", 0;
    manifests_is_true: "docs/manifests.md", 0;
    members_is_true: "docs/members.md", 0;
    names_is_true: "docs/names.md", 1;
    output_is_true: "docs/output.md", 3;
    plan_is_true: "docs/plan.md", 4;
    recovery_is_true: "docs/recovery.md", 10;
    sandbox_is_true: "docs/sandbox.md", 3;
    security_is_true: "docs/security.md", 0;
    sets_is_true: "docs/sets.md", 1;
    state_is_true: "docs/state.md", 4;
    tenants_is_true: "docs/tenants.md", 6;
}

fn follow(page: &str, least: usize) {
    let text = read(page);
    let mut reader = Reader::new(page);
    for block in &blocks(&text) {
        reader.follow(block);
    }
    assert!(reader.commands >= least, "{page}: only {} commands were run", reader.commands);
}

#[test]
fn every_page_is_followed() {
    let followed: BTreeSet<String> = PAGES.iter().chain(&GENERATED).map(|page| (*page).to_owned()).collect();
    let there: BTreeSet<String> = pages_of_docs().into_iter().chain(["README.md".into()]).collect();
    let forgotten: Vec<_> = there.difference(&followed).collect();
    assert!(forgotten.is_empty(), "add these to `pages!` in tests/it/readme/pages.rs: {forgotten:?}");
    assert_eq!(followed, there);
}

#[test]
fn the_commands_of_cargo_fit_the_package() {
    let readme = read("README.md");
    let text: String = blocks(&readme).into_iter().filter(|block| block.language == "sh").map(|b| b.text).collect();
    for line in OF_CARGO {
        assert!(text.contains(line), "README.md has no `{line}` any more");
    }
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("\nname = \"dixaform\"\n") && manifest.contains("\ndefault-run = \"dixaform\"\n"));
    assert!(text.starts_with(CARGO_RUN), "the first command runs the program");
    assert!(repository("src/main.rs").is_file() && repository("Cargo.lock").is_file());
}
