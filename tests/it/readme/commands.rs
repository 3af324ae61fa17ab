//! docs/commands.md ends with what the program says of itself.

use crate::readme::{COMMANDS, compare_or_write, read};
use crate::support::Workspace;

const PAGE: &str = "docs/commands.md";

/// The line of the page behind which nothing is written by hand.
pub const GENERATED: &str = "<!-- From here on, a test writes this page from the program's help. -->\n";

#[test]
fn the_page_of_commands_is_the_help_of_the_program() {
    let page = read(PAGE);
    let (by_hand, _) = page.split_once(GENERATED).expect("the line that ends what is written by hand");
    compare_or_write(PAGE, &format!("{by_hand}{GENERATED}\n{}", generated()));
}

/// A table of all commands, then the help of each.
fn generated() -> String {
    let workspace = Workspace::new();
    let helps = COMMANDS.map(|command| (command, workspace.run(&format!("{command} --help")).exit(0).stdout));
    let mut table = String::from("## All commands\n\n| command | does |\n| --- | --- |\n");
    let mut sections = String::new();
    for (command, help) in &helps {
        let name = format!("dixaform {command}").trim_end().to_owned();
        let does = help.lines().next().expect("a line of help").replace('|', "\\|");
        table.push_str(&format!("| [`{name}`](#{}) | {does} |\n", name.replace(' ', "-")));
        let help = if command.is_empty() { help.clone() } else { without_globals(help) };
        let help: String = help.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect();
        sections.push_str(&format!("\n## {name}\n\n```text\n{help}```\n"));
    }
    table + &sections
}

/// The help of one command without the flags of every command, which the first section has.
fn without_globals(help: &str) -> String {
    let (own, globals) = help.split_once("\nGlobal options:\n").expect("global options");
    let after = globals.find("\nExamples:\n").expect("examples");
    format!("{own}{}", &globals[after..])
}
