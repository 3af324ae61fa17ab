//! Plans, findings and reports as GitLab wants them: the counts that its widget for merge requests shows, and Code
//! Quality.
//! <https://docs.gitlab.com/user/infrastructure/iac/mr_integration/>
//! <https://docs.gitlab.com/ci/testing/code_quality/>

use serde_json::json;

use crate::finding::{Finding, Findings, Severity};
use crate::plan::{Plan, Summary};
use crate::render::escape::escape_json;
use crate::render::remark::as_findings;
use crate::render::report::Finished;
use crate::render::review::Checkout;

/// Makes one conversation: create, import, replace. Writes to one that exists: update, adopt. Nothing is ever deleted.
pub fn plan(plan: &Plan) -> String {
    let Summary { create, import, update, replace, adopt, .. } = plan.summary;
    format!("{}\n", json!({ "create": create + import + replace, "update": update + adopt, "delete": 0 }))
}

/// What failed, is in doubt or was done in part as a Code Quality report, each at its manifest, and what stopped the
/// apply before its first write. An entry can't be without a file: what has none is in the other forms only.
pub fn report(finished: &Finished<'_>, checkout: &Checkout) -> String {
    let mut all = as_findings(finished.report, finished.pointers);
    all.extend(finished.findings.iter().cloned());
    findings(&all, checkout)
}

/// Findings as a Code Quality report, one per line.
pub fn findings(findings: &Findings, checkout: &Checkout) -> String {
    let entries = findings.iter().zip(checkout.fingerprints(findings)).map(|(finding, fingerprint)| {
        let Finding { code, severity, source, message, hint, excerpt: _, related: _ } = finding;
        let description = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
        let severity = match severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
        };
        json!({
            "description": description,
            "check_name": code,
            "fingerprint": fingerprint,
            "severity": severity,
            "location": { "path": checkout.path(&source.file), "lines": { "begin": source.place.line } },
        })
        .to_string()
    });
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return "[]\n".to_owned();
    }
    escape_json(&format!("[\n{}\n]\n", entries.join(",\n"))).into_owned()
}
