//! The workflow for a project in a folder of its repository. GitHub reads workflows at the root only, and two projects
//! in one repository must share nothing but that: neither runs that wait for each other, nor the branch of the state.

/// The workflow of a project at the root of its repository.
pub const AT_ROOT: &str = include_str!("../../../examples/ci/github/plan-and-apply.yml");

/// The name of the workflow's file for a project in `folder`, whose parts have `/` between them; empty for the root.
pub fn name(folder: &str) -> String {
    if folder.is_empty() { "dixaform.yml".to_owned() } else { format!("dixaform-{}.yml", word(folder)) }
}

/// The workflow for a project in `folder`.
pub fn text(folder: &str) -> String {
    if folder.is_empty() {
        return AT_ROOT.to_owned();
    }
    let word = word(folder);
    let branch = format!("dixaform-state-{word}");
    let place = scalar(folder);
    let create = "DIXAFORM_TENANT=staging bash .dixaform/ci/state.sh create";
    AT_ROOT
        .replace("\nname: dixaform\n", &format!("\nname: dixaform {word}\n"))
        .replace(create, &format!("in its folder,\n#        DIXAFORM_STATE_BRANCH={branch} {create}"))
        .replace("group: dixaform-staging-", &format!("group: dixaform-{word}-staging-"))
        .replace("    shell: bash\n", &format!("    shell: bash\n    working-directory: {place}\n"))
        .replace(
            "  DIXAFORM_TENANT: staging\n",
            &format!("  DIXAFORM_TENANT: staging\n  DIXAFORM_STATE_BRANCH: {branch}\n"),
        )
        .replace("            dixaform-out/", &format!("            {folder}/dixaform-out/"))
        .replace(
            "path: dixaform-out/apply.html",
            &format!("path: {}", scalar(&format!("{folder}/dixaform-out/apply.html"))),
        )
        .replace("path: dixaform-out/state", &format!("path: {}", scalar(&format!("{folder}/dixaform-out/state"))))
        .replace("sarif_file: dixaform-out/", &format!("sarif_file: {folder}/dixaform-out/"))
        .replace("category: dixaform}", &format!("category: dixaform-{word}}}"))
}

/// A folder as a part of names: of a file, a branch, a group of runs.
fn word(folder: &str) -> String {
    folder.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect()
}

/// A text of YAML, in quotes if it could mean anything else.
fn scalar(text: &str) -> String {
    let starts_plain = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '.');
    if starts_plain && text.chars().all(|letter| is_plain(letter) || letter == '/') {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_a_word_and_a_text() {
        assert_eq!((name("").as_str(), name("teams/nordic").as_str()), ("dixaform.yml", "dixaform-teams-nordic.yml"));
        assert_eq!(name("a b/ø"), "dixaform-a-b--.yml");
        let texts = ["teams/nordic", "42", "a b", "-x", "a: \"b\""].map(scalar);
        assert_eq!(texts, ["teams/nordic", "\"42\"", "\"a b\"", "\"-x\"", "\"a: \\\"b\\\"\""]);
    }

    /// A replacement that finds nothing would leave two projects with one state.
    #[test]
    fn nothing_of_the_workflow_for_the_root_is_left() {
        let made = text("teams/nordic");
        for left in ["\nname: dixaform\n", " dixaform-out/", "group: dixaform-staging", "run:\n    shell: bash\n\n"] {
            assert!(AT_ROOT.contains(left) && !made.contains(left), "{left:?}\n{made}");
        }
        assert_eq!(made.matches("dixaform-state-teams-nordic").count(), 2, "{made}");
        assert_eq!(made.matches("teams/nordic/dixaform-out/").count(), AT_ROOT.matches("dixaform-out/").count());
        assert_eq!(made.matches("working-directory: teams/nordic\n").count(), 1);
        assert_eq!(text(""), AT_ROOT);
    }
}
