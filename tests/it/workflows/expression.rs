//! The expressions of GitHub's workflows, as far as the examples need them: names, texts, `!`, `==`, `!=`, `&&`, `||`,
//! and the functions of a job's status.

use std::collections::BTreeMap;

/// What names stand for, and how the job fares.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) names: BTreeMap<String, String>,
    pub(super) failed: bool,
    pub(super) cancelled: bool,
}

impl Context {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.names.insert(name.to_owned(), value.into());
    }

    /// A text with its `${{ }}` replaced.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").expect("an end of the expression");
            out.push_str(before);
            out.push_str(&self.value(expression));
            rest = after;
        }
        out + rest
    }

    /// Whether a step or job with this `if` runs. Without a function of its own it runs only while all is well.
    pub(super) fn runs(&self, condition: Option<&str>) -> bool {
        let well = !self.failed && !self.cancelled;
        let Some(condition) = condition else { return well };
        let expression = condition.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(condition);
        let own = ["always()", "cancelled()", "failure()"].iter().any(|function| expression.contains(function));
        (own || well) && truthy(&self.value(expression))
    }

    fn value(&self, expression: &str) -> String {
        let expression = expression.trim();
        if let Some((left, right)) = expression.split_once(" || ") {
            let left = self.value(left);
            return if truthy(&left) { left } else { self.value(right) };
        }
        if let Some((left, right)) = expression.split_once(" && ") {
            let left = self.value(left);
            return if truthy(&left) { self.value(right) } else { left };
        }
        if let Some((left, right)) = expression.split_once(" == ") {
            return (self.value(left) == self.value(right)).to_string();
        }
        if let Some((left, right)) = expression.split_once(" != ") {
            return (self.value(left) != self.value(right)).to_string();
        }
        if let Some(rest) = expression.strip_prefix('!') {
            return (!truthy(&self.value(rest))).to_string();
        }
        match expression {
            "always()" => "true".to_owned(),
            "cancelled()" => self.cancelled.to_string(),
            "failure()" => self.failed.to_string(),
            text if text.starts_with('\'') => text.trim_matches('\'').to_owned(),
            name => self.names.get(name).unwrap_or_else(|| panic!("nobody knows {name}")).clone(),
        }
    }
}

fn truthy(value: &str) -> bool {
    !value.is_empty() && value != "false"
}

#[test]
fn expressions_mean_what_github_says() {
    let mut context = Context::default();
    context.set("github.event_name", "push");
    context.set("number", "");
    assert_eq!(context.text("a-${{ number || 'apply' }}-b"), "a-apply-b");
    assert!(context.runs(Some("${{ github.event_name != 'pull_request' && github.event_name == 'push' }}")));
    assert!(context.runs(None) && context.runs(Some("${{ !cancelled() }}")));
    context.failed = true;
    assert!(!context.runs(None) && !context.runs(Some("${{ github.event_name == 'push' }}")));
    assert!(context.runs(Some("${{ !cancelled() }}")));
    context.cancelled = true;
    assert!(!context.runs(Some("${{ !cancelled() }}")) && context.runs(Some("${{ always() }}")));
}
