//! `dixaform init`: a project that works at once, and nothing that was there is lost.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::Workspace;

const FILES: [&str; 8] = [
    ".dixaform/manifest.schema.json",
    ".dixaform/project.schema.json",
    ".github/workflows/dixaform.yml",
    ".gitignore",
    "dixaform.yaml",
    "manifests/conversation.yaml",
    "manifests/end-user.yaml",
    "manifests/import.yaml",
];

/// Every file below a folder, by its path.
fn files(workspace: &Workspace) -> BTreeMap<String, Vec<u8>> {
    let root = workspace.path("");
    let mut found = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

fn names(workspace: &Workspace) -> Vec<String> {
    files(workspace).into_keys().collect()
}

#[test]
fn an_empty_folder_becomes_a_project_that_works_on_the_sandbox_at_once() {
    let workspace = Workspace::new();
    let outcome = workspace.run("init").exit(0).warns("  dixaform plan\n  dixaform apply\n");
    assert_eq!(names(&workspace), FILES);
    for file in FILES {
        assert!(outcome.stdout.contains(&format!("wrote {file}\n")), "{file}: {}", outcome.stdout);
    }
    let validated = workspace.run("validate --warnings-as-errors").exit(0);
    assert_eq!(validated.stdout, "3 manifests: valid.\n");
    let _ = workspace.run("plan").exit(0).says("Plan: 2 to create, 1 to import, 0 to update");
    let _ = workspace.run("plan --tenant staging").exit(0).says("Plan: 2 to create, 1 to import, 0 to update");
    let applied = workspace.run("apply --yes").exit(0);
    for kind in ["conversation.", "enduser.", "import."] {
        let listed = workspace.run(&format!("state list {kind}*")).exit(0).stdout;
        assert_eq!(listed.lines().count(), 1, "{kind}: {listed}");
    }
    assert_eq!(applied.last_line(), "Apply complete! 2 created, 1 imported, 0 updated.");
    let _ = workspace.run("plan --detailed-exitcode").exit(0).says("No changes.");
}

#[test]
fn in_an_empty_folder_commands_name_init() {
    let workspace = Workspace::new();
    for command in ["plan", "validate", "apply --yes --tenant sandbox"] {
        let outcome = workspace.run(command).exit(1).warns("`manifests` does not exist");
        let _ = outcome.warns("`dixaform init` writes a starter project");
    }
    // In a project, and with a path, that is not what is missing.
    let _ = workspace.run("plan none.yaml").exit(1).warns("`none.yaml` does not exist").never_says("dixaform init");
    workspace.write("dixaform.yaml", "version: 1\n");
    let _ = workspace.run("plan").exit(1).warns("or set `manifests` in dixaform.yaml").never_says("dixaform init");
}

#[test]
fn a_starter_project_sends_nothing_to_anyone() {
    let workspace = Workspace::new();
    let _ = workspace.run("init").exit(0);
    for change in workspace.plan_json("")["changes"].as_array().unwrap() {
        assert_eq!(change["reachesCustomer"], false, "{change}");
    }
}

#[test]
fn a_second_time_changes_nothing() {
    let workspace = Workspace::new();
    let _ = workspace.run("init").exit(0);
    let before = files(&workspace);
    let again = workspace.run("init").exit(0).warns("dixaform plan");
    assert_eq!(files(&workspace), before);
    for file in FILES {
        assert!(again.stdout.contains(&format!("left as it is: {file}\n")), "{file}: {}", again.stdout);
    }
}

#[test]
fn what_is_there_is_left_byte_for_byte() {
    for kept in FILES {
        let workspace = Workspace::new();
        workspace.write(kept, b"mine\xff\r\n");
        let outcome = workspace.run("init").exit(0).says(&format!("left as it is: {kept}"));
        assert_eq!(outcome.stdout.matches("wrote ").count(), FILES.len() - 1);
        let after = files(&workspace);
        assert_eq!(after[kept], b"mine\xff\r\n");
        assert_eq!(after.len(), FILES.len());
    }
}

#[test]
fn an_older_gitignore_is_reported_what_it_lacks() {
    let workspace = Workspace::new().file(".gitignore", "target\n/state/*.journal\n/state/*.lock\n");
    let outcome = workspace.run("init").exit(0).says("left as it is: .gitignore; it lacks /state/*.backup");
    assert!(!outcome.stdout.contains("*.journal"), "{}", outcome.stdout);
}

#[test]
fn another_folder_is_made_and_named_in_the_next_commands() {
    let workspace = Workspace::new();
    let _ = workspace.run("init seeds/staging").exit(0).warns("  dixaform plan --chdir seeds/staging\n");
    assert!(names(&workspace).iter().all(|name| name.starts_with("seeds/staging/")));
    let _ = workspace.run("plan --chdir seeds/staging").exit(0);
    let _ = workspace.run("init other --chdir seeds").exit(0).says("wrote other/dixaform.yaml");
    assert!(workspace.exists("seeds/other/dixaform.yaml"));
}

#[test]
fn a_file_in_the_place_of_a_folder_is_reported() {
    let workspace = Workspace::new().file("manifests", "not a folder");
    let _ = workspace.run("init").exit(1).warns("manifests");
    assert_eq!(workspace.read("manifests"), "not a folder");
}

/// Of what an apply leaves beside the state, git takes the states of real tenants and the journals that belong to them.
#[test]
fn git_ignores_what_is_of_this_machine() {
    let workspace = Workspace::new();
    let _ = workspace.run("init").exit(0);
    let _ = workspace.run("apply --yes").exit(0);
    let git = |words: &[&str]| {
        let output = std::process::Command::new("git").current_dir(workspace.path("")).args(words).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // A machine without git has nothing to ask.
    if git(&["init", "--quiet"]).is_err() {
        return;
    }
    let listed = git(&["status", "--porcelain", "--untracked-files=all"]).unwrap();
    assert!(listed.contains("dixaform.yaml"), "{listed}");
    assert!(!listed.contains("state/"), "{listed}");
    for file in ["staging.journal", "staging.lock", "staging.json", "staging.json.backup", "sandbox.journal"] {
        workspace.write(&format!("state/{file}"), "");
    }
    let listed = git(&["status", "--porcelain", "--untracked-files=all"]).unwrap();
    let mut listed: Vec<&str> = listed.lines().filter(|line| line.contains("state/")).collect();
    listed.sort_unstable();
    assert_eq!(listed, ["?? state/staging.journal", "?? state/staging.json"]);
}

/// A file of examples/ci.
fn example(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(name)).unwrap()
}

/// What the workflows do is tested in `workflows`, on the files that `init` writes.
#[test]
fn the_workflow_is_that_of_the_examples() {
    let workspace = Workspace::new();
    let _ = workspace.run("init").exit(0);
    assert_eq!(workspace.read(".github/workflows/dixaform.yml"), example("github/committed.yml"));
    let workspace = Workspace::new();
    let _ = workspace.run("init --ci gitlab").exit(0).says("wrote .gitlab-ci.yml\n").says("wrote dixaform.yaml\n");
    assert_eq!(workspace.read(".gitlab-ci.yml"), example("gitlab/committed.gitlab-ci.yml"));
    assert!(!workspace.exists(".github"));
}

/// A sample beside manifests that people have would be applied.
#[test]
fn in_a_project_that_is_there_a_service_gets_its_workflow_and_nothing_else_is_written() {
    let project = "version: 1\ntenants:\n  eu: {apiKeyEnv: EU_KEY, state: \"s3://bucket/eu\"}\n  us: {}\n";
    for name in ["dixaform.yaml", "dixaform.yml"] {
        let workspace = Workspace::new().file(name, project);
        for (service, file) in [("github", ".github/workflows/dixaform.yml"), ("gitlab", ".gitlab-ci.yml")] {
            let outcome = workspace.run(&format!("init --ci {service}")).exit(0);
            assert_eq!(outcome.stdout, format!("wrote {file}\n"));
            let text = workspace.read(file);
            assert!(
                text.contains("--tenant eu ") && text.contains("EU_KEY") && text.contains("--lock-timeout 2m"),
                "{text}"
            );
            workspace.write(file, "mine");
            let again = workspace.run(&format!("init --ci {service}")).exit(0);
            assert_eq!(again.stdout, format!("left as it is: {file}\n"));
            assert_eq!(workspace.read(file), "mine");
        }
        assert_eq!(names(&workspace), [".github/workflows/dixaform.yml", ".gitlab-ci.yml", name]);
    }
    for (url, has) in [
        ("s3://bucket/eu", &["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"][..]),
        ("gs://bucket/eu", &["GOOGLE_SERVICE_ACCOUNT_KEY"]),
        ("az://container/eu", &["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"]),
    ] {
        let workspace = Workspace::new().file("dixaform.yaml", &project.replace("s3://bucket/eu", url));
        for (service, file) in [("github", ".github/workflows/dixaform.yml"), ("gitlab", ".gitlab-ci.yml")] {
            let _ = workspace.run(&format!("init --ci {service}")).exit(0);
            let text = workspace.read(file);
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let is_key = |word: &&str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|cloud| word.starts_with(cloud));
            let named: std::collections::BTreeSet<&str> = words.filter(is_key).collect();
            assert_eq!(named, has.iter().copied().collect(), "{url} {service}");
            serde_yaml::from_str::<serde_yaml::Value>(&text).unwrap();
        }
    }
    // The default tenant counts, unless it is the sandbox; a project file that can't be used is for others to judge.
    for (project, tenant) in [
        ("version: 1\ndefaultTenant: us\ntenants: {eu: {}, us: {}}\n", "us"),
        ("version: 1\ndefaultTenant: sandbox\ntenants: {eu: {}}\n", "eu"),
        ("version: 1\n", "default"),
        ("version: 2\n", "staging"),
    ] {
        let workspace = Workspace::new().file("dixaform.yaml", project);
        let _ = workspace.run("init --ci github").exit(0);
        let text = workspace.read(".github/workflows/dixaform.yml");
        assert!(text.contains(&format!("--tenant {tenant} ")), "{project}: {text}");
    }
}

#[test]
fn gitlab_reads_one_file_and_is_led_from_it_to_a_project_in_a_folder() {
    let workspace = Workspace::new().file(".git/HEAD", "ref: refs/heads/main\n");
    let outcome = workspace.run("init teams/nordic --ci gitlab").exit(0);
    let _ =
        outcome.says("wrote .gitlab/dixaform-teams-nordic.yml, at the root").says("wrote .gitlab-ci.yml, at the root");
    assert_eq!(workspace.read(".gitlab-ci.yml"), "include:\n  - local: .gitlab/dixaform-teams-nordic.yml\n");
    let _ = workspace.run("init teams/nordic --ci gitlab").exit(0).never_says("add to it");
    let other = workspace.run("init teams/other --ci gitlab").exit(0);
    let _ = other.says("left as it is: .gitlab-ci.yml, at the root of the repository; add to it:\ninclude:\n  - local: .gitlab/dixaform-teams-other.yml\n");
    let json = workspace.run("init teams/third --ci gitlab --format json").exit(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let files = json["files"].as_array().unwrap();
    let including = files.iter().find(|file| file["path"] == ".gitlab-ci.yml").unwrap();
    assert_eq!(including["lacks"][1], "  - local: .gitlab/dixaform-teams-third.yml");
}

#[test]
fn in_a_folder_of_a_repository_the_workflow_goes_to_its_root() {
    for marker in [".git/HEAD", ".git"] {
        // In a second working tree, and in a submodule, `.git` is a file.
        let workspace = Workspace::new().file(marker, "gitdir: elsewhere\n");
        let outcome = workspace.run("init teams/nordic").exit(0);
        let _ = outcome.says("wrote .github/workflows/dixaform-teams-nordic.yml, at the root of the repository");
        let text = workspace.read(".github/workflows/dixaform-teams-nordic.yml");
        assert!(text.contains("working-directory: teams/nordic\n"), "{text}");
        assert!(!workspace.exists("teams/nordic/.github") && workspace.exists("teams/nordic/dixaform.yaml"));
        // A second project has a workflow of its own, and one that is there is left alone.
        let _ = workspace.run("init teams/other").exit(0).says("dixaform-teams-other.yml");
        workspace.write(".github/workflows/dixaform-teams-nordic.yml", "mine");
        let _ = workspace.run("init --chdir teams/nordic").exit(0).says("left as it is: ../../.github/workflows/");
        assert_eq!(workspace.read(".github/workflows/dixaform-teams-nordic.yml"), "mine");
    }
}

/// Runs `init` with these words in `folder`; what it says of the workflow.
fn told_of_workflow(workspace: &Workspace, folder: &str, words: &str) -> String {
    let mut command = workspace.command();
    let output =
        command.arg("init").args(words.split_whitespace()).current_dir(workspace.path(folder)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find(|line| line.contains(".github/workflows")).expect("a workflow").to_owned()
}

#[test]
fn a_folder_with_a_repository_of_its_own_is_the_root() {
    // A second working tree and a submodule have a file there.
    for is_file in [true, false] {
        let workspace = Workspace::new();
        std::fs::create_dir_all(workspace.path("sub")).unwrap();
        std::fs::create_dir(workspace.path(".git")).unwrap();
        if is_file {
            workspace.write("sub/.git", "gitdir: ../.git/modules/sub\n");
        } else {
            std::fs::create_dir(workspace.path("sub/.git")).unwrap();
        }
        assert_eq!(told_of_workflow(&workspace, "", "sub"), "wrote sub/.github/workflows/dixaform.yml");
        assert!(!workspace.exists(".github"));
    }
}
