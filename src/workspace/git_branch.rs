//! A branch of a git repository whose files are read and replaced without touching the checkout.
//!
//! Git itself does all of it, with the credentials that it finds. A push is never forced: it arrives only if the branch
//! is still what was read.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::hint::Hint;
use crate::program::{self, Limits, ProgramError};

/// Longer than it takes to reach a repository; nobody is there to answer a question.
const TIME_MAX: Duration = Duration::from_secs(120);
/// As much as a state may have.
const BYTES_MAX: u64 = 1 << 30;
/// What `git ls-remote --exit-code` ends with where there is no such branch.
const ABSENT: i32 = 2;

/// Why a branch can't be read or replaced.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing}: git {why}")]
pub struct GitError {
    doing: String,
    why: ProgramError,
}

impl Hint for GitError {
    fn hint(&self) -> Option<Cow<'_, str>> {
        Some(
            "git must reach the remote without asking: check the remote's name, and that `git ls-remote` works here"
                .into(),
        )
    }
}

impl GitError {
    fn new(doing: impl AsRef<str>, why: ProgramError) -> Self {
        let why = match why {
            // Git may repeat the URL that it was given.
            ProgramError::Failed { code, said } => ProgramError::Failed { code, said: without_user_info(&said) },
            other => other,
        };
        GitError { doing: without_user_info(doing.as_ref()), why }
    }
}

/// A text for people, whose URLs are without the names and tokens that may be in them.
pub fn without_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '?' | '#' | '\'' | '"');
        let end = part.find(is_end).unwrap_or(part.len());
        let host = part[..end].rfind('@').map_or(0, |at| at + 1);
        shown.push_str("://");
        shown.push_str(&part[host..]);
    }
    shown
}

/// A branch as it was fetched.
#[derive(Clone, Debug)]
pub struct GitBranch {
    /// A folder of a checkout of the repository.
    folder: PathBuf,
    remote: String,
    name: String,
    commit: String,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Done,
    /// Somebody else has pushed in between; nothing was changed.
    Overtaken,
}

fn git(folder: &Path, words: &[&str], input: &[u8]) -> Result<Vec<u8>, ProgramError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    // Neither a hook nor a question has a say, and messages are read by people of all languages.
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"]).args(words);
    command.env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "dixaform").env(format!("GIT_{role}_EMAIL"), "dixaform@localhost");
    }
    program::run(&mut command, input, Limits { time: TIME_MAX, bytes: BYTES_MAX })
}

fn elsewhere() -> ProgramError {
    let said = "it was pushed to another place than it is fetched from".to_owned();
    ProgramError::Failed { code: None, said }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

impl GitBranch {
    /// The newest commit of a branch; none where there is no such branch. `folder` is in a checkout of the repository.
    ///
    /// # Errors
    /// There is no git here, this is no repository, or the remote can't be read.
    pub fn fetch(folder: &Path, remote: &str, name: &str) -> Result<Option<Self>, GitError> {
        let reference = format!("refs/heads/{name}");
        let failed = |why| GitError::new(format!("fetch the branch {name} of {remote}"), why);
        let commit = match git(folder, &["ls-remote", "--exit-code", "--", remote, &reference], b"") {
            Err(ProgramError::Failed { code: Some(ABSENT), .. }) => return Ok(None),
            found => text(found.map_err(failed)?).split_whitespace().next().unwrap_or_default().to_owned(),
        };
        git(folder, &["fetch", "--quiet", "--no-tags", "--", remote, &reference], b"").map_err(failed)?;
        Ok(Some(GitBranch { folder: folder.to_owned(), remote: remote.to_owned(), name: name.to_owned(), commit }))
    }

    /// A file at the top of the branch, byte for byte; none where there is none.
    ///
    /// # Errors
    /// Git can't read it.
    pub fn read(&self, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        let failed = |why| GitError::new(format!("read {file} of the branch {}", self.name), why);
        let listed = self
            .git(&["ls-tree", "--full-tree", "--name-only", "-z", &self.commit, "--", file], b"")
            .map_err(failed)?;
        if listed.is_empty() {
            return Ok(None);
        }
        self.git(&["cat-file", "blob", &format!("{}:{file}", self.commit)], b"").map(Some).map_err(failed)
    }

    /// Replaces files at the top of the branch, or removes those without content, by one commit behind what was
    /// fetched.
    ///
    /// # Errors
    /// Git can't write it, or the remote does not take it.
    pub fn push(&self, files: &[(String, Option<Vec<u8>>)], message: &str) -> Result<Pushed, GitError> {
        let failed = |why| GitError::new(format!("push to the branch {} of {}", self.name, self.remote), why);
        let commit = self.commit_with(files, message).map_err(failed)?;
        let pushed =
            self.git(&["push", "--quiet", "--", &self.remote, &format!("{commit}:refs/heads/{}", self.name)], b"");
        // An answer may have been lost, a refusal does not say why in words that a program can rely on, and git may
        // push to another place than it fetches from.
        let Some(now) = GitBranch::fetch(&self.folder, &self.remote, &self.name)? else {
            return Err(failed(pushed.err().unwrap_or_else(elsewhere)));
        };
        if now.has(&commit).map_err(failed)? {
            return Ok(Pushed::Done);
        }
        let is_as_it_was = now.commit == self.commit;
        if is_as_it_was { Err(failed(pushed.err().unwrap_or_else(elsewhere))) } else { Ok(Pushed::Overtaken) }
    }

    /// Whether a commit is on the branch, whatever came after it.
    fn has(&self, commit: &str) -> Result<bool, ProgramError> {
        match self.git(&["merge-base", "--is-ancestor", commit, &self.commit], b"") {
            Ok(_) => Ok(true),
            Err(ProgramError::Failed { code: Some(1), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn git(&self, words: &[&str], input: &[u8]) -> Result<Vec<u8>, ProgramError> {
        git(&self.folder, words, input)
    }

    fn commit_with(&self, files: &[(String, Option<Vec<u8>>)], message: &str) -> Result<String, ProgramError> {
        let listed = self.git(&["ls-tree", "--full-tree", "-z", &self.commit], b"")?;
        let is_kept = |entry: &&[u8]| {
            let name = entry.iter().position(|byte| *byte == b'\t').map(|tab| &entry[tab + 1..]);
            !entry.is_empty() && !files.iter().any(|(file, _)| name == Some(file.as_bytes()))
        };
        let mut tree: Vec<u8> = Vec::new();
        for entry in listed.split(|byte| *byte == 0).filter(is_kept) {
            tree.extend_from_slice(entry);
            tree.push(0);
        }
        for (file, content) in files {
            if let Some(content) = content {
                let blob = text(self.git(&["hash-object", "-w", "--stdin"], content)?);
                tree.extend_from_slice(format!("100644 blob {blob}\t{file}\0").as_bytes());
            }
        }
        let tree = text(self.git(&["mktree", "-z"], &tree)?);
        Ok(text(self.git(&["commit-tree", &tree, "-p", &self.commit, "-m", message], b"")?))
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "a test writes a hook")]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> (String, Option<Vec<u8>>) {
        (name.to_owned(), Some(content.as_bytes().to_vec()))
    }

    /// A repository, and a remote in it with a branch of states.
    fn remote() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("remote.git");
        let at = |folder: &Path, words: &[&str], input: &[u8]| text(git(folder, words, input).expect("git works"));
        at(folder.path(), &["init", "--quiet"], b"");
        at(folder.path(), &["init", "--quiet", "--bare", "remote.git"], b"");
        let in_it = |words: &[&str], input: &[u8]| at(&path, words, input);
        let blob = in_it(&["hash-object", "-w", "--stdin"], b"{}\r\n");
        let tree = in_it(&["mktree"], format!("100644 blob {blob}\tstaging.json\n").as_bytes());
        let commit = in_it(&["commit-tree", &tree, "-m", "Create"], b"");
        in_it(&["update-ref", "refs/heads/states", &commit], b"");
        (folder, path.display().to_string())
    }

    #[test]
    fn a_branch_is_read_and_replaced_and_a_push_behind_somebody_elses_is_refused() {
        let (folder, remote) = remote();
        let fetch = |name: &str| GitBranch::fetch(folder.path(), &remote, name).expect("reachable");
        assert!(fetch("others").is_none());
        let first = fetch("states").expect("there");
        assert_eq!(first.read("staging.json").expect("readable").as_deref(), Some(&b"{}\r\n"[..]));
        assert_eq!(first.read("staging.journal").expect("readable"), None);
        let taken = first.push(&[file("staging.taken", "me\n")], "Take").expect("reachable");
        assert_eq!(taken, Pushed::Done);
        let late = first.push(&[file("staging.taken", "another\n")], "Take").expect("reachable");
        assert_eq!(late, Pushed::Overtaken);
        let second = fetch("states").expect("there");
        assert_eq!(second.read("staging.taken").expect("readable").as_deref(), Some(&b"me\n"[..]));
        let both = [file("staging.json", "{}"), ("staging.taken".to_owned(), None)];
        assert_eq!(second.push(&both, "Move").expect("reachable"), Pushed::Done);
        let third = fetch("states").expect("there");
        assert_eq!(third.read("staging.taken").expect("readable"), None);
        assert_eq!(third.read("staging.json").expect("readable").as_deref(), Some(&b"{}"[..]));
    }

    #[test]
    fn a_push_that_goes_elsewhere_is_not_believed_and_a_folder_within_sees_the_same_branch() {
        let (folder, remote) = remote();
        let within = folder.path().join("within");
        std::fs::create_dir(&within).expect("a folder");
        let branch = GitBranch::fetch(&within, &remote, "states").expect("reachable").expect("there");
        assert!(branch.read("staging.json").expect("readable").is_some());
        assert_eq!(branch.push(&[file("other.json", "{}")], "Add").expect("reachable"), Pushed::Done);
        let branch = GitBranch::fetch(&within, &remote, "states").expect("reachable").expect("there");
        assert!(branch.read("staging.json").expect("readable").is_some(), "it was kept");
        let (_other, elsewhere) = self::remote();
        let config = |words: &[&str]| git(folder.path(), words, b"").expect("git works");
        config(&["remote", "add", "origin", &remote]);
        config(&["remote", "set-url", "--push", "origin", &elsewhere]);
        let branch = GitBranch::fetch(folder.path(), "origin", "states").expect("reachable").expect("there");
        let error = branch.push(&[file("staging.taken", "me\n")], "Take").expect_err("elsewhere");
        assert!(error.to_string().contains("push to the branch states of origin"), "{error}");
    }

    #[test]
    fn a_push_has_arrived_although_another_came_on_top_of_it() {
        let (folder, remote) = remote();
        let hook = Path::new(&remote).join("hooks/post-receive");
        let script = "#!/bin/sh\ngit update-ref refs/heads/states \
                      \"$(git -c user.name=a -c user.email=a@b commit-tree -p states -m On states^{tree})\"\n";
        std::fs::write(&hook, script).expect("written");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&hook, executable).expect("set");
        let first = GitBranch::fetch(folder.path(), &remote, "states").expect("reachable").expect("there");
        assert_eq!(first.push(&[file("staging.taken", "me\n")], "Take").expect("reachable"), Pushed::Done);
        let now = GitBranch::fetch(folder.path(), &remote, "states").expect("reachable").expect("there");
        assert_eq!(text(now.git(&["log", "-1", "--format=%s", &now.commit], b"").expect("git works")), "On");
    }

    #[test]
    fn a_token_in_the_url_of_a_remote_is_repeated_by_nobody() {
        let (folder, _) = remote();
        let remote = "https://oauth2:hunter2@127.0.0.1:9/states.git";
        let error = GitBranch::fetch(folder.path(), remote, "states").expect_err("nobody listens").to_string();
        assert!(error.contains("states of https://127.0.0.1:9/states.git: git says:"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let texts = [
            ("origin", "origin"),
            ("git@host.example:a/b.git", "git@host.example:a/b.git"),
            ("'https://hunter2@h.example' or ssh://a:b@c@h.example/x@y", "'https://h.example' or ssh://h.example/x@y"),
            ("https://h.example?a@b://", "https://h.example?a@b://"),
        ];
        for (text, shown) in texts {
            assert_eq!(without_user_info(text), shown);
        }
    }

    #[test]
    fn a_remote_that_is_not_there_is_reported_in_gits_words() {
        let (folder, _) = remote();
        let error = GitBranch::fetch(folder.path(), "/no/such/repository", "states").expect_err("not there");
        assert!(
            error.to_string().starts_with("can't fetch the branch states of /no/such/repository: git says:"),
            "{error}"
        );
    }
}
