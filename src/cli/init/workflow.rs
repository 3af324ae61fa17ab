//! The workflows of GitHub and GitLab, made from those of examples/ci: for one tenant, and for a project in a folder of
//! its repository. Two projects in one repository share nothing but that: neither runs that wait for each other, nor
//! comments, nor states.

use clap::ValueEnum;

use crate::access::StoreKind;

/// A service that runs jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    Github,
    Gitlab,
}

/// What a workflow is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Of the project, with `/` between its parts; empty for the root of the repository.
    pub folder: String,
    pub tenant: String,
    /// The variable that has the tenant's token.
    pub token: String,
    /// Whose object store the state is in. If it is in none, the workflow commits it.
    pub store: Option<StoreKind>,
}

impl Default for Subject {
    fn default() -> Self {
        Subject { folder: String::new(), tenant: TENANT.to_owned(), token: TOKEN.to_owned(), store: None }
    }
}

/// What the examples have in the place of a tenant and of the variable of its token.
const TENANT: &str = "staging";
const TOKEN: &str = "DIXA_API_KEY";

const GITHUB: [&str; 2] =
    [include_str!("../../../examples/ci/github/committed.yml"), include_str!("../../../examples/ci/github/store.yml")];
const GITLAB: [&str; 2] = [
    include_str!("../../../examples/ci/gitlab/committed.gitlab-ci.yml"),
    include_str!("../../../examples/ci/gitlab/store.gitlab-ci.yml"),
];

/// The file of a workflow, from the root of the repository.
pub fn name(service: Service, folder: &str) -> String {
    match (service, folder) {
        (Service::Github, "") => ".github/workflows/dixaform.yml".to_owned(),
        (Service::Github, folder) => format!(".github/workflows/dixaform-{}.yml", word(folder)),
        (Service::Gitlab, "") => INCLUDING.to_owned(),
        (Service::Gitlab, folder) => format!(".gitlab/dixaform-{}.yml", word(folder)),
    }
}

/// The only file that GitLab reads by itself.
pub const INCLUDING: &str = ".gitlab-ci.yml";

/// What makes GitLab read the workflow of a project in a folder.
pub fn including(folder: &str) -> String {
    format!("include:\n  - local: {}\n", scalar(&name(Service::Gitlab, folder)))
}

/// The workflow.
pub fn text(service: Service, subject: &Subject) -> String {
    let Subject { folder, tenant, token, store } = subject;
    let [committed, stored] = if service == Service::Github { GITHUB } else { GITLAB };
    let text = store.map_or(committed.to_owned(), |kind| with_keys_of(kind, stored));
    let text = text.replace(TENANT, tenant).replace(TOKEN, token);
    match (folder.as_str(), service) {
        ("", _) => text,
        (folder, Service::Github) => github_in(folder, tenant, &text),
        (folder, Service::Gitlab) => gitlab_in(folder, tenant, &text),
    }
}

/// The workflow for a store of this kind. The examples have the variables of Amazon's.
fn with_keys_of(kind: StoreKind, text: &str) -> String {
    let names = match kind {
        StoreKind::S3 => return text.to_owned(),
        StoreKind::Google => [None, Some("GOOGLE_SERVICE_ACCOUNT_KEY"), None],
        StoreKind::Azure => [Some("AZURE_STORAGE_ACCOUNT_NAME"), None, Some("AZURE_STORAGE_ACCOUNT_KEY")],
    };
    let amazons = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let all: Vec<&str> = names.into_iter().flatten().collect();
    let text = text.replace("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION", &all.join(", "));
    let renamed = |line: &str| match amazons.iter().position(|name| line.contains(name)) {
        Some(at) => names[at].map(|name| line.replace(amazons[at], name)),
        None => Some(line.to_owned()),
    };
    text.lines().filter_map(renamed).map(|line| line + "\n").collect()
}

fn github_in(folder: &str, tenant: &str, text: &str) -> String {
    let word = word(folder);
    let paths = format!("[{}, {}]", scalar(&format!("{folder}/**")), scalar(&name(Service::Github, folder)));
    text.replace("\nname: dixaform\n", &format!("\nname: dixaform {word}\n"))
        .replace("  pull_request:\n", &format!("  pull_request:\n    paths: {paths}\n"))
        .replace("    branches: [main]\n", &format!("    branches: [main]\n    paths: {paths}\n"))
        .replace(&format!("group: dixaform-{tenant}-"), &format!("group: dixaform-{word}-{tenant}-"))
        .replace("    shell: bash\n", &format!("    shell: bash\n    working-directory: {}\n", scalar(folder)))
        .replace(
            "          path: plan.html\n",
            &format!("          path: {}\n", scalar(&format!("{folder}/plan.html"))),
        )
        .replace(
            "          path: apply.html\n",
            &format!("          path: {}\n", scalar(&format!("{folder}/apply.html"))),
        )
        .replace(
            "            apply.html\n            dixaform-state\n",
            &format!("            {folder}/apply.html\n            {folder}/dixaform-state\n"),
        )
}

fn gitlab_in(folder: &str, tenant: &str, text: &str) -> String {
    let word = word(folder);
    let enter =
        if scalar(folder) == folder { format!("cd {folder}") } else { scalar(&format!("cd -- {}", quoted(folder))) };
    let changes = format!("      changes: [{}]\n", scalar(&format!("{folder}/**/*")));
    let below = |file: &str| scalar(&format!("{folder}/{file}"));
    let mut text: String = text.lines().map(|line| format!("{}\n", report_in(folder, line))).collect();
    for job in ["plan", "apply", "drift"] {
        text = text.replace(&format!("dixaform-{job}"), &format!("dixaform-{job}-{word}"));
    }
    text.replace("\n.dixaform:\n", &format!("\n.dixaform-{word}:\n"))
        .replace("extends: .dixaform\n", &format!("extends: .dixaform-{word}\n"))
        .replace("  before_script:\n", &format!("  before_script:\n    - {enter}\n"))
        .replace("  after_script:\n", &format!("  after_script:\n    - {enter}\n"))
        .replace("== \"merge_request_event\"\n", &format!("== \"merge_request_event\"\n{changes}"))
        .replace("!= \"schedule\"\n", &format!("!= \"schedule\"\n{changes}"))
        .replace(
            &format!("resource_group: dixaform-{tenant}\n"),
            &format!("resource_group: dixaform-{word}-{tenant}\n"),
        )
        // GitLab may refuse a job if a newer one has deployed to its environment, of whatever project.
        .replace(&format!("environment: {tenant}\n"), &format!("environment: {tenant}/{word}\n"))
        .replace(&format!("    name: {tenant}\n"), &format!("    name: {tenant}/{word}\n"))
        .replace(&format!("environment \"{tenant}\""), &format!("environment \"{tenant}/{word}\""))
        .replace("paths: [plan.html]", &format!("paths: [{}]", below("plan.html")))
        .replace("paths: [apply.html]", &format!("paths: [{}]", below("apply.html")))
        .replace(
            "paths: [apply.html, dixaform-state]",
            &format!("paths: [{}, {}]", below("apply.html"), below("dixaform-state")),
        )
}

/// A line of GitLab's reports, whose paths are from the root of the repository.
fn report_in(folder: &str, line: &str) -> String {
    match line.split_once(": .dixaform/out/") {
        Some((key, file)) => format!("{key}: {}", scalar(&format!("{folder}/.dixaform/out/{file}"))),
        None => line.to_owned(),
    }
}

/// A folder as a part of names: of a file, a job, a group of runs.
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

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(folder: &str, in_store: bool) -> Subject {
        let store = in_store.then_some(StoreKind::S3);
        Subject { folder: folder.to_owned(), store, ..Subject::default() }
    }

    #[test]
    fn a_folder_becomes_a_word_a_text_and_a_file() {
        let names = ["", "teams/nordic", "a b/ø"].map(|folder| name(Service::Github, folder));
        let names: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(".github/workflows/")).collect();
        assert_eq!(names, ["dixaform.yml", "dixaform-teams-nordic.yml", "dixaform-a-b--.yml"]);
        assert_eq!(including("teams/nordic"), "include:\n  - local: .gitlab/dixaform-teams-nordic.yml\n");
        let texts = ["teams/nordic", "42", "a b", "-x", "a: \"b\""].map(scalar);
        assert_eq!(texts, ["teams/nordic", "\"42\"", "\"a b\"", "\"-x\"", "\"a: \\\"b\\\"\""]);
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }

    #[test]
    fn at_the_root_the_workflow_is_that_of_the_examples() {
        for (index, in_store) in [false, true].into_iter().enumerate() {
            assert_eq!(text(Service::Github, &subject("", in_store)), GITHUB[index]);
            assert_eq!(text(Service::Gitlab, &subject("", in_store)), GITLAB[index]);
        }
    }

    /// A replacement that finds nothing would leave two projects with one group of runs, one comment or one state.
    #[test]
    fn nothing_of_the_workflow_for_the_root_is_left_in_a_folder() {
        for in_store in [false, true] {
            let github = text(Service::Github, &subject("teams/nordic", in_store));
            for left in
                ["\nname: dixaform\n", "group: dixaform-staging", "path: plan.html", "\n            dixaform-state\n"]
            {
                assert!(!github.contains(left), "{left:?}\n{github}");
            }
            assert_eq!(
                github
                    .matches("\n    paths: [\"teams/nordic/**\", .github/workflows/dixaform-teams-nordic.yml]\n")
                    .count(),
                2
            );
            assert_eq!(github.matches("working-directory: teams/nordic\n").count(), 1);
            assert_eq!(github.matches("teams/nordic/plan.html").count(), 1);
            assert_eq!(github.matches("teams/nordic/apply.html").count(), 1);
            assert_eq!(github.matches("teams/nordic/dixaform-state").count(), usize::from(!in_store));
            let gitlab = text(Service::Gitlab, &subject("teams/nordic", in_store));
            for left in [
                "\n.dixaform:",
                "extends: .dixaform\n",
                "dixaform-staging",
                ": .dixaform/out",
                "[plan.html",
                "[apply.html",
                "\ndixaform-plan:",
                "environment: staging\n",
                "name: staging\n",
                "environment \"staging\"",
            ] {
                assert!(!gitlab.contains(left), "{left:?}\n{gitlab}");
            }
            assert_eq!(gitlab.matches("    - cd teams/nordic\n").count(), if in_store { 2 } else { 3 });
            assert_eq!(gitlab.matches("      changes: [\"teams/nordic/**/*\"]\n").count(), 3);
            assert_eq!(gitlab.matches("needs: [dixaform-plan-teams-nordic]").count(), 1);
            assert_eq!(gitlab.matches("    name: staging/teams-nordic\n    action: access\n").count(), 1);
            assert_eq!(gitlab.matches("  environment: staging/teams-nordic\n").count(), 1);
        }
    }

    #[test]
    fn a_workflow_is_for_its_tenant_and_its_token() {
        for service in [Service::Github, Service::Gitlab] {
            for in_store in [false, true] {
                let subject =
                    Subject { tenant: "eu.prod".to_owned(), token: "EU_KEY".to_owned(), ..subject("", in_store) };
                let text = text(service, &subject);
                assert!(!text.contains(TENANT) && !text.contains(TOKEN), "{text}");
                assert!(text.contains("--tenant eu.prod ") && text.contains("EU_KEY"), "{text}");
            }
        }
    }
}
