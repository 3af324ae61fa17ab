//! The integration tests, in one binary. Each file beside this one is a module of it, or the test below fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "clippy's exceptions for tests know #[test] functions only, and all of this binary is tests"
)]

mod answered;
mod apply;
mod approved;
mod architecture;
mod barred;
mod bounds;
mod catalog;
mod completions;
mod disk;
mod end_users;
mod faults;
mod folding;
mod forms;
mod handling;
mod hostile;
mod hunt;
mod in_ci;
mod init;
mod json;
mod killed;
mod known;
mod man;
mod members;
mod moved;
mod names;
mod never_twice;
mod older;
mod organization;
mod packages;
mod page;
mod plan;
mod project_file;
mod properties;
mod prose;
mod readme;
mod recover;
mod refresh;
mod report;
mod sandbox;
mod saved_plan;
mod scenarios;
mod schema;
mod secrets;
mod sets;
mod state;
mod state_file;
mod store;
mod support;
mod two_processes;
mod validate;
mod values;
mod webshop;
mod workflows;

#[test]
fn every_file_here_is_part_of_the_binary() {
    let source = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || source.contains(&format!("\nmod {module};")), "{name} is not listed in main.rs");
    }
}
