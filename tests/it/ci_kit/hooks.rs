//! The scripts where the environment tells git what to work on, and how: hooks, second working trees, containers.

use crate::ci_kit::repository::{Repository, Variables};
use crate::ci_kit::state::{before, well};

/// Everything of a working tree that a script could spoil: its branch, commits, index, files, and how many objects the
/// repository has.
fn everything(repository: &Repository, tree: &str) -> String {
    let script = "git symbolic-ref HEAD; git for-each-ref; git status --porcelain; git ls-files --stage; \
        git config --local --list; git count-objects -v | head -n 1; ls -A";
    repository.sh(tree, script)
}

/// Files that a run is meant to leave.
fn ignore_outputs(repository: &Repository) {
    repository.push(".gitignore", "/state/\n/dixaform-out/\n");
}

/// Git exports GIT_DIR to a hook of a second working tree, and there it counts for more than the folder of a command.
#[test]
fn a_hook_of_a_second_working_tree_can_show_the_plan() {
    let repository = Repository::ready(2, "");
    ignore_outputs(&repository);
    let hook = "#!/bin/sh\nset -e\nexport DIXAFORM_TENANT=staging\nbash .dixaform/ci/state.sh restore\ndixaform plan --tenant staging\n";
    for name in ["pre-push", "post-commit"] {
        repository.workspace.write(&format!("seed/.git/hooks/{name}"), hook);
        repository.sh("seed", &format!("chmod +x .git/hooks/{name}"));
    }
    repository.sh("seed", "git worktree add --quiet -b feature ../second");
    well(&repository, "seed", "take", "1");
    repository.workspace.write("seed/state/staging.json", "{}\n");
    well(&repository, "seed", "save", "1");
    repository.workspace.write("second/manifests/mine.yaml", crate::support::manifests::email("mine"));
    let told = repository
        .sh("second", "git add . && git commit --quiet -m mine 2>&1 && git push --quiet origin feature 2>&1 || true");
    assert!(repository.workspace.exists("second/state/staging.json"), "{told}");
    assert_eq!(
        repository.sh("second", "git symbolic-ref --short HEAD; git log -1 --format=%s; git status --porcelain"),
        "feature\nmine\n"
    );
    assert_eq!(repository.sh("seed", "git symbolic-ref --short HEAD; git status --porcelain"), "main\n");
}

#[test]
fn whatever_the_environment_says_of_a_repository_the_checkout_stays_as_it_is() {
    let repository = Repository::ready(0, "");
    ignore_outputs(&repository);
    repository.sh("seed", "git worktree add --quiet -b feature ../second && mkdir -p template/hooks hooks");
    repository.sh("seed", "git remote set-url origin ../origin.git");
    let ruin = "#!/bin/sh\ntouch \"$STUBS/../hook-ran\"\nexit 1\n";
    for name in ["pre-push", "post-checkout", "pre-commit", "post-commit", "reference-transaction"] {
        for folder in ["template/hooks", "hooks"] {
            repository.workspace.write(&format!("seed/{folder}/{name}"), ruin);
        }
    }
    repository.sh("seed", "chmod +x template/hooks/* hooks/* && printf '/template/\\n/hooks/\\n' >>.git/info/exclude");
    let root = repository.workspace.path("seed").display().to_string();
    let git_dir = format!("{root}/.git");
    let second = format!("{git_dir}/worktrees/second");
    let index = format!("{second}/index");
    let (objects, template) = (format!("{git_dir}/objects"), format!("{root}/template"));
    let hooks = format!("'core.hooksPath'='{root}/hooks' 'core.worktree'='{root}'");
    let cases: [(&str, &[(&str, &str)]); 9] = [
        ("seed", &[("GIT_DIR", ".git")]),
        ("seed", &[("GIT_DIR", &git_dir), ("GIT_WORK_TREE", &root)]),
        ("seed", &[("GIT_INDEX_FILE", ".git/index"), ("GIT_PREFIX", "")]),
        ("second", &[("GIT_DIR", &second), ("GIT_INDEX_FILE", &index), ("GIT_PREFIX", "")]),
        ("second", &[("GIT_DIR", &second), ("GIT_COMMON_DIR", &git_dir)]),
        ("seed", &[("GIT_OBJECT_DIRECTORY", &objects), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", &objects)]),
        ("seed", &[("GIT_TEMPLATE_DIR", &template), ("GIT_NAMESPACE", "n")]),
        ("seed", &[("GIT_CONFIG_PARAMETERS", &hooks), ("GIT_ATTR_SOURCE", "HEAD")]),
        ("seed", &[("GIT_DIR", "gone"), ("GIT_CONFIG_COUNT", "0")]),
    ];
    for (number, (tree, pairs)) in cases.into_iter().enumerate() {
        let before = everything(&repository, tree);
        let mut variables = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
        variables.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let step = |command: &str| {
            let ended = repository.run(tree, &format!("bash .dixaform/ci/state.sh {command}"), &variables, None);
            assert_eq!(ended.code, Some(0), "{pairs:?}: {}", ended.log);
        };
        step("restore");
        step("take");
        let state = format!("{{\"lineage\":\"a\",\"serial\":{number}}}\n");
        repository.workspace.write(&format!("{tree}/state/staging.json"), &state);
        step("save");
        assert_eq!(repository.kept("staging.json"), state, "{pairs:?}");
        repository.sh(tree, "rm -rf state dixaform-out");
        assert_eq!(everything(&repository, tree), before, "{pairs:?}");
        assert!(!repository.workspace.exists("hook-ran"), "{pairs:?}");
    }
}

/// A hook that goes to the project's folder has left the top of the working tree, which git exported.
#[test]
fn in_a_hook_a_project_in_a_folder_is_found_where_it_is() {
    let repository = Repository::ready(0, "");
    repository.sh("seed", "mkdir team && git mv .dixaform dixaform.yaml team && git commit --quiet -m moved");
    repository.workspace.write("seed/team/state/staging.json", "{}\n");
    repository.sh("seed", "git add --force team/state && git commit --quiet -m state");
    for git_dir in [".git".to_owned(), repository.workspace.path("seed/.git").display().to_string()] {
        let mut variables = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
        variables.insert("GIT_DIR".to_owned(), git_dir);
        let ended = repository.run("seed", "cd team && bash .dixaform/ci/state.sh restore", &variables, None);
        assert!(ended.code == Some(1) && ended.log.contains("there can be only one"), "{}", ended.log);
    }
}

/// Such as the safe.directory of a container, a proxy, or the issuer of a certificate.
#[test]
fn settings_of_git_in_the_environment_stay_and_the_token_comes_after_them() {
    let repository = Repository::ready(0, "");
    let one = repository.checkout();
    before(&repository, "ls-remote", "env | grep ^GIT_CONFIG_ | grep -v NOSYSTEM | sort >\"$STUBS/seen\"");
    let theirs = [("safe.directory", "*"), ("http.proxy", "http://proxy:8080"), ("http.sslCAInfo", "/ca.pem")];
    for count in [None, Some(0), Some(1), Some(3)] {
        repository.sh("stubs", "touch once");
        let mut variables = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
        variables.insert("DIXAFORM_STATE_TOKEN".to_owned(), "the-token".to_owned());
        if let Some(count) = count {
            variables.insert("GIT_CONFIG_COUNT".to_owned(), count.to_string());
        }
        let mut expected = Vec::new();
        for (number, (key, value)) in theirs.iter().take(count.unwrap_or_default()).enumerate() {
            variables.insert(format!("GIT_CONFIG_KEY_{number}"), (*key).to_owned());
            variables.insert(format!("GIT_CONFIG_VALUE_{number}"), (*value).to_owned());
            expected.extend([format!("GIT_CONFIG_KEY_{number}={key}"), format!("GIT_CONFIG_VALUE_{number}={value}")]);
        }
        let header =
            format!("http.{}/origin.git.extraHeader", repository.workspace.path("").display()).replace("//", "/");
        for (number, value) in ["", "Authorization: Basic eC1hY2Nlc3MtdG9rZW46dGhlLXRva2Vu"].iter().enumerate() {
            let number = number + count.unwrap_or_default();
            expected
                .extend([format!("GIT_CONFIG_KEY_{number}={header}"), format!("GIT_CONFIG_VALUE_{number}={value}")]);
        }
        expected.push(format!("GIT_CONFIG_COUNT={}", count.unwrap_or_default() + 2));
        expected.sort();
        let ended = repository.run(&one, "bash .dixaform/ci/state.sh restore", &variables, None);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let mut seen: Vec<String> = repository.workspace.read("stubs/seen").lines().map(str::to_owned).collect();
        seen.sort();
        assert_eq!(seen, expected);
    }
    let mut variables = Variables::from([("DIXAFORM_TENANT".to_owned(), "staging".to_owned())]);
    variables.insert("DIXAFORM_STATE_TOKEN".to_owned(), "the-token".to_owned());
    variables.insert("GIT_CONFIG_COUNT".to_owned(), "two".to_owned());
    let ended = repository.run(&one, "bash .dixaform/ci/state.sh restore", &variables, None);
    assert!(ended.code != Some(0), "{}", ended.log);
}
