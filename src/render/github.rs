//! Plans, findings and reports as annotations of GitHub: workflow commands on standard output.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
//!
//! GitHub shows ten annotations of a kind per step and drops the others without a word, so the tenth says how many more
//! there are. A command is one line, whatever is in it.

use crate::finding::{Finding, Findings, Severity};
use crate::plan::{Change, Plan};
use crate::render::escape::{escape, without_brackets};
use crate::render::markdown::by_action;
use crate::render::note;
use crate::render::number::grouped;
use crate::render::price::price;
use crate::render::remark::{Remark, remarks, stopped};
use crate::render::report::{Finished, tally};
use crate::render::review::Checkout;
use crate::source::Source;

/// Annotations of one kind that GitHub shows of one step.
const SHOWN_MAX: usize = 10;

/// One annotation.
struct Annotation {
    source: Option<Source>,
    title: String,
    /// May have several lines.
    message: String,
}

/// Blocked changes as errors, changes that reach a customer as warnings, and the summary as a notice.
pub fn plan(plan: &Plan, checkout: &Checkout) -> String {
    plan_with(plan, &Findings::default(), checkout)
}

/// [`plan()`], with what was found about the manifests.
pub fn plan_with(plan: &Plan, found: &Findings, checkout: &Checkout) -> String {
    let blocked = plan.changes.iter().filter_map(|change| {
        let block = change.block.as_ref()?;
        Some(annotation(
            change,
            "is blocked",
            format!("apply refuses the whole plan: {}", note::blocked(block).plain()),
        ))
    });
    let reaching = plan.changes.iter().filter(|change| change.reaches_customer);
    let reaching = reaching.map(|change| {
        let message = format!("{} {}, and sends a message to a customer", change.address, change.action.header());
        annotation(change, "reaches a customer", message)
    });
    let suspicious: Vec<Annotation> = found.iter().map(|finding| of_finding(finding, checkout)).collect();
    let nouns = if suspicious.is_empty() { "changes that reach customers" } else { "warnings" };
    let mut out = commands("error", &blocked.collect::<Vec<_>>(), "blocked changes", checkout);
    out.push_str(&commands("warning", &suspicious.into_iter().chain(reaching).collect::<Vec<_>>(), nouns, checkout));
    out.push_str(&command("notice", &summary(plan), checkout));
    out
}

/// The end of a command that has no result: why, and what was found.
pub fn unfinished(command: &str, message: &str, found: &Findings, checkout: &Checkout) -> String {
    let title = format!("dixaform {command} ended early");
    let why = Annotation { source: None, title, message: escape(message).into_owned() };
    // Errors in manifests say it better, each at its place.
    let why = if found.has_errors() { String::new() } else { self::command("error", &why, checkout) };
    why + &findings(found, checkout)
}

/// Findings as errors and warnings.
pub fn findings(findings: &Findings, checkout: &Checkout) -> String {
    let of = |severity: Severity| {
        let wanted = findings.iter().filter(|finding| finding.severity == severity);
        wanted.map(|finding| of_finding(finding, checkout)).collect::<Vec<_>>()
    };
    let mut out = commands("error", &of(Severity::Error), "errors", checkout);
    out.push_str(&commands("warning", &of(Severity::Warning), "warnings", checkout));
    out
}

/// What failed and what is in doubt as errors, what was done in part as warnings, and the counts as a notice.
pub fn report(finished: &Finished<'_>, checkout: &Checkout) -> String {
    let Finished { plan, report, pointers, findings: found, exit: _ } = finished;
    let all: Vec<Remark<'_>> = remarks(report, pointers).collect();
    let of = |severity: Severity| {
        let remarks = all.iter().filter(move |remark| remark.severity() == severity).map(of_remark);
        let found = found.iter().filter(move |finding| finding.severity == severity);
        let found = found.map(|finding| of_finding(finding, checkout));
        remarks.chain(found)
    };
    // Why a run ended comes first: it may be why the rest was not attempted.
    let stop = report.stop.as_ref().map(|stop| {
        let (why, said) = stopped(stop);
        let message = said.map_or_else(|| why.to_owned(), |said| format!("{why}: {}", escape(&said)));
        Annotation { source: None, title: "the apply was stopped".to_owned(), message }
    });
    let errors: Vec<Annotation> = stop.into_iter().chain(of(Severity::Error)).collect();
    let mut out = commands("error", &errors, "errors", checkout);
    out.push_str(&commands("warning", &of(Severity::Warning).collect::<Vec<_>>(), "warnings", checkout));
    let tenant = escape(&plan.tenant.name);
    let fingerprint = escape(&plan.fingerprint);
    let message = format!("{}.\nFingerprint: {fingerprint}", tally(&report.counts));
    out.push_str(&command(
        "notice",
        &Annotation { source: None, title: format!("dixaform apply for {tenant}"), message },
        checkout,
    ));
    out
}

fn of_remark(remark: &Remark<'_>) -> Annotation {
    let mut message: Vec<String> = remark.details.iter().map(|detail| escape(detail).into_owned()).collect();
    message.extend(remark.hint.map(str::to_owned));
    Annotation { source: remark.source.cloned(), title: remark.title.clone(), message: message.join("\n") }
}

fn annotation(change: &Change, what: &str, message: String) -> Annotation {
    Annotation { source: change.source.clone(), title: format!("{} {what}", change.address), message }
}

fn summary(plan: &Plan) -> Annotation {
    let actions = by_action(|action| plan.summary.in_words(action));
    let message = if plan.is_empty() {
        "No changes.".to_owned()
    } else {
        let price = price(&plan.price, plan.tenant.rate_limit);
        format!("{actions}, {} unchanged.\n{price}\nFingerprint: {}", plan.summary.unchanged, escape(&plan.fingerprint))
    };
    Annotation { source: None, title: format!("dixaform plan for {}", escape(&plan.tenant.name)), message }
}

fn of_finding(finding: &Finding, checkout: &Checkout) -> Annotation {
    let Finding { code, severity: _, source, message, hint, excerpt: _, related } = finding;
    let mut text = escape(message).into_owned();
    for (place, why) in related {
        let Source { file, place } = place;
        let at = format!("{}:{}:{}", checkout.path(file), place.line, place.column);
        text.push_str(&format!("\n{}: {}", escape(&at), escape(why)));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("\n{}", escape(hint)));
    }
    Annotation { source: Some(source.clone()), title: (*code).to_owned(), message: text }
}

/// As many commands as GitHub shows; the last one counts what they leave out, with the noun for several of it. Where
/// something is left out there are two at least.
fn commands(kind: &str, all: &[Annotation], nouns: &str, checkout: &Checkout) -> String {
    let shown = if all.len() > SHOWN_MAX { SHOWN_MAX - 1 } else { all.len() };
    let mut out: String = all[..shown].iter().map(|one| command(kind, one, checkout)).collect();
    if shown < all.len() {
        let more = format!("{} more {nouns}", grouped((all.len() - shown) as u64));
        let message = format!("{more}; GitHub shows {SHOWN_MAX} annotations of a kind, the job's log has all of them");
        out.push_str(&command(kind, &Annotation { source: None, title: more, message }, checkout));
    }
    out
}

fn command(kind: &str, Annotation { source, title, message }: &Annotation, checkout: &Checkout) -> String {
    // Standard input has no place that GitHub could show.
    let source = source.as_ref().filter(|source| &*source.file != "<stdin>");
    let place = source.map(|Source { file, place }| {
        format!("file={},line={},col={},", property(&escape(&checkout.path(file))), place.line, place.column)
    });
    format!("::{kind} {}title={}::{}\n", place.unwrap_or_default(), property(title), data(message))
}

/// Foreign text has no line breaks of its own here, and may hold what is a command to GitHub anywhere in a line.
fn data(text: &str) -> String {
    without_brackets(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests;
