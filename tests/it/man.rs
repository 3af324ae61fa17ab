//! `dixaform man`: a page for each command, with everything that its help says.

use crate::support::Workspace;

/// The text of a page, as far as a reader of its source needs it: escaped hyphens and font changes undone.
fn plain(page: &str) -> String {
    page.replace("\\fB", "").replace("\\fR", "").replace("\\fI", "").replace("\\-", "-").replace("\\*(Aq", "'")
}

#[test]
fn every_command_has_a_page_with_its_flags_and_examples() {
    let workspace = Workspace::new();
    let told = workspace.run("man --out share/man1").exit(0).stdout;
    let commands = ["", "init", "validate", "plan", "apply", "show", "recover", "state", "state list", "state mv"]
        .into_iter()
        .chain(["state show", "state forget", "state path", "state unlock", "sandbox", "schema", "completions", "man"]);
    for command in commands {
        let name = format!("dixaform {command}").trim().replace(' ', "-");
        assert!(told.contains(&format!("wrote share/man1/{name}.1\n")), "{told}");
        let page = plain(&workspace.read(&format!("share/man1/{name}.1")));
        assert!(page.contains(&format!("\n.SH NAME\n{name} - ")), "{page}");
        let help = workspace.run(&format!("{command} --help")).exit(0).stdout;
        for line in help.lines().skip_while(|line| *line != "Options:") {
            for flag in line.split([' ', ',']).filter(|word| word.starts_with("--") && line.starts_with("  ")) {
                let flag = flag.trim_end_matches(|end: char| !end.is_ascii_alphanumeric());
                assert!(page.contains(flag), "{name} does not have {flag}");
            }
        }
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
        for example in examples {
            // The help wraps what the page has in one line.
            assert!(page.contains(example.trim()), "{name} does not have {example}");
        }
    }
    assert_eq!(told.lines().count(), std::fs::read_dir(workspace.path("share/man1")).unwrap().count());
}

#[test]
fn the_main_page_goes_to_standard_output() {
    let workspace = Workspace::new();
    let page = workspace.run("man").exit(0).says("\n.SH \"EXIT STATUS\"\n").stdout;
    let _ = workspace.run("man --out pages").exit(0);
    assert_eq!(workspace.read("pages/dixaform.1"), page);
    assert!(plain(&page).contains("dixaform-apply(1)"), "{page}");
}

/// Where groff is installed it finds nothing to complain about.
#[test]
fn the_pages_are_valid() {
    let workspace = Workspace::new();
    let told = workspace.run("man --out pages").exit(0).stdout;
    for page in told.lines().map(|line| line.strip_prefix("wrote ").unwrap()) {
        let mut groff = std::process::Command::new("groff");
        let Ok(output) = groff.args(["-man", "-Tutf8", "-ww", page]).current_dir(workspace.path("")).output() else {
            return;
        };
        assert!(output.stderr.is_empty(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_file_in_the_place_of_the_folder_is_reported() {
    let _ = Workspace::new().file("pages", "mine").run("man --out pages").exit(1).warns("pages");
}
