//! What a CI job is handed of a plan or an apply: the text of a comment, and values for the steps and jobs after it.

use crate::apply::outcome::{ApplyReport, Counts};
use crate::plan::Plan;
use crate::render::markdown::inline::code;

/// How the comment of a commit begins, and how a plan's own page does.
const MARK: &str = "<!-- dixaform:";
const MARK_END: &str = " -->";

/// Digits of a commit that are shown.
const COMMIT_DIGITS: usize = 12;

/// A run of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The page that shows its log.
    pub url: Option<String>,
    /// The commit that people know: of a pull request the one that was pushed, and not its merge with the target.
    pub commit: Option<String>,
}

/// Names and values, in the order in which they are handed on. Neither holds text from elsewhere.
pub type Values = Vec<(&'static str, String)>;

/// What a plan hands on. `in_doubt` says that an earlier apply left something to settle, which an apply does even if
/// there are no changes.
pub fn of_plan(plan: &Plan, in_doubt: bool) -> Values {
    let has_changes = !plan.is_empty();
    vec![
        ("fingerprint", plan.fingerprint.clone()),
        ("has-changes", has_changes.to_string()),
        ("changes", plan.changes.len().to_string()),
        ("apply", (has_changes || in_doubt).to_string()),
    ]
}

/// What an apply hands on.
pub fn of_apply(plan: &Plan, report: &ApplyReport) -> Values {
    let Counts { failed, in_doubt, not_attempted, .. } = report.counts;
    vec![
        ("fingerprint", plan.fingerprint.clone()),
        ("done", report.counts.all_done().to_string()),
        ("failed", failed.to_string()),
        ("in-doubt", in_doubt.to_string()),
        ("not-attempted", not_attempted.to_string()),
    ]
}

/// Values as GitHub reads them: `name=value`.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-output-parameter>
pub fn for_github(values: &Values) -> String {
    values.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// Values as GitLab reads them: variables, of which there may be 20.
/// <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>
pub fn for_gitlab(values: &Values) -> String {
    let name = |name: &str| name.replace('-', "_").to_ascii_uppercase();
    values.iter().map(|(of, value)| format!("DIXAFORM_{}={value}\n", name(of))).collect()
}

/// The most bytes that [`signed`] adds to a page.
pub const SIGNATURE_MAX: usize = 2_000;

/// A page with the folder of the project in its first line, so that each project of a repository has a comment of its
/// own, and with the run and the commit below it.
pub fn signed(page: &str, folder: &str, run: &Run) -> String {
    let (mark, rest) = page.split_once('\n').unwrap_or((page, ""));
    let mut out = match mark.strip_suffix(MARK_END).filter(|mark| mark.starts_with(MARK) && !folder.is_empty()) {
        Some(mark) => format!("{mark} folder={}{MARK_END}\n{rest}", word(folder)),
        None => page.to_owned(),
    };
    let url = run.url.as_deref().filter(|url| is_plain_url(url));
    let commit = run.commit.as_deref().filter(|commit| is_commit(commit));
    let commit = commit.map(|commit| code(commit.get(..COMMIT_DIGITS).unwrap_or(commit)));
    match (url, commit) {
        (Some(url), Some(commit)) => out.push_str(&format!("\n[Run]({url}) of commit {commit}\n")),
        (Some(url), None) => out.push_str(&format!("\n[Run]({url})\n")),
        (None, Some(commit)) => out.push_str(&format!("\nCommit {commit}\n")),
        (None, None) => {}
    }
    out
}

/// A folder as a word of a mark, which nothing ends.
fn word(folder: &str) -> String {
    const FOLDER_MAX: usize = 500;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._/".contains(letter);
    folder.chars().take(FOLDER_MAX).map(|letter| if is_plain(letter) { letter } else { '_' }).collect()
}

/// Whether a text is a hash of git.
pub fn is_commit(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether Markdown takes a text as the target of a link, as a whole and as nothing else.
fn is_plain_url(text: &str) -> bool {
    const URL_MAX: usize = 1_000;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/?#@!$&+,;=%".contains(letter);
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.len() <= URL_MAX && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "7d0b5e1fa1c5a9ab3a1a3e0dcf1e1b5f6b0a8c39";

    #[test]
    fn a_page_is_signed_with_folder_run_and_commit() {
        let page = "<!-- dixaform:plan tenant=staging -->\n## dixaform: No changes\n";
        let run = Run { url: Some("https://g.example/o/r/runs/1".to_owned()), commit: Some(COMMIT.to_owned()) };
        let end = "\n[Run](https://g.example/o/r/runs/1) of commit `7d0b5e1fa1c5`\n";
        assert_eq!(signed(page, "", &run), format!("{page}{end}"));
        let marked = page.replace(" -->", " folder=teams/north -->");
        assert_eq!(signed(page, "teams/north", &run), format!("{marked}{end}"));
        assert_eq!(signed(page, "", &Run::default()), page);
        assert!(
            signed(page, "a --> <b>", &run).starts_with("<!-- dixaform:plan tenant=staging folder=a______b_ -->\n")
        );
    }

    #[test]
    fn what_is_no_url_and_no_commit_is_left_out() {
        let page = "<!-- dixaform:plan tenant=staging -->\n";
        for url in ["javascript:x", "https://x)\n[y](z", "https://x (y)", "https://x\u{202e}"] {
            let run = Run { url: Some(url.to_owned()), commit: Some("HEAD\n".to_owned()) };
            assert_eq!(signed(page, "", &run), page, "{url}");
        }
    }

    #[test]
    fn a_signature_has_its_limit() {
        let run = Run { url: Some(format!("https://{}", "x".repeat(980))), commit: Some(COMMIT.to_owned()) };
        let page = "<!-- dixaform:plan tenant=a -->\n";
        assert!(signed(page, &"ø".repeat(5_000), &run).len() <= page.len() + SIGNATURE_MAX);
    }

    #[test]
    fn values_are_lines_for_both_services() {
        let values = vec![("fingerprint", "0123456789abcdef".to_owned()), ("has-changes", "true".to_owned())];
        assert_eq!(for_github(&values), "fingerprint=0123456789abcdef\nhas-changes=true\n");
        assert_eq!(for_gitlab(&values), "DIXAFORM_FINGERPRINT=0123456789abcdef\nDIXAFORM_HAS_CHANGES=true\n");
    }
}
