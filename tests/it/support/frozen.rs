//! Processes that are stopped where they are, and go on.

use std::process::{Child, Command};

/// Stops a process where it is, as a laptop that is closed.
pub fn freeze(child: &Child) {
    signal(child, "-STOP");
}

pub fn thaw(child: &Child) {
    signal(child, "-CONT");
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
