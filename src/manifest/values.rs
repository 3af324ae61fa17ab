//! `{value: NAME}` in a spec, which is replaced by the tenant's text of that name before anything else is checked.

use std::collections::BTreeSet;

use crate::finding::{Finding, Severity, closest, code};
use crate::manifest::channels;
use crate::reporter::Reporter;
use crate::values::{Text, Values};
use crate::yaml::{Content, Node};

/// The only member of a map that names a value.
const VALUE: &str = "value";

/// Puts the tenant's texts in the place of their names, and notes which names there are.
pub(super) fn put_in(spec: &mut Node<'_>, values: &Values, used: &mut BTreeSet<String>, reporter: &mut Reporter<'_>) {
    Putting { values, is_free: channels::is_free(spec), used, reporter }.below(spec);
}

struct Putting<'p, 't> {
    values: &'p Values,
    /// What `attributes` hold is sent as it is written.
    is_free: bool,
    used: &'p mut BTreeSet<String>,
    reporter: &'p mut Reporter<'t>,
}

impl Putting<'_, '_> {
    fn below(&mut self, node: &mut Node<'_>) {
        if let Some(name) = named(node).map(str::to_owned) {
            self.put(node, name);
            return;
        }
        match &mut node.content {
            Content::List(items) => items.iter_mut().for_each(|item| self.below(item)),
            Content::Map(entries) => {
                for entry in entries {
                    match (&*entry.key, &mut entry.value.content) {
                        // What a message says has a `value` of its own.
                        ("content", Content::Map(members)) => {
                            members.iter_mut().for_each(|member| self.below(&mut member.value));
                        }
                        ("attributes", _) if self.is_free => {}
                        _ => self.below(&mut entry.value),
                    }
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, node: &mut Node<'_>, name: String) {
        let Values { tenant, texts, elsewhere } = self.values;
        match texts.get(&name) {
            Some(Text { text, source }) => {
                let what = format!("the value `{name}` of the tenant `{tenant}`");
                self.reporter.comes_from(node.start, source.clone(), what);
                node.content = Content::Text(text.clone().into());
            }
            None => {
                let near = || closest(&name, elsewhere.keys().map(String::as_str)).filter(|near| *near != name);
                let hint = match (
                    closest(&name, self.values.names()),
                    near().and_then(|near| elsewhere.get_key_value(near)),
                ) {
                    (Some(known), _) => format!("did you mean `{known}`?"),
                    (None, Some((near, other))) => format!(
                        "did you mean `{near}`, a value of the tenant `{other}`? add it to `values` of `{tenant}`, too"
                    ),
                    (None, None) => format!("add `{name}` to `values` of the tenant `{tenant}` in the project file"),
                };
                let message = format!("the tenant `{tenant}` has no value `{name}`");
                self.reporter.error(code::UNKNOWN_VALUE, node.span(), message).hint(hint);
                self.reporter.enough_of(node.start);
            }
        }
        self.used.insert(name);
    }
}

/// The name in `{value: NAME}`.
fn named<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match node.entries() {
        Some([entry]) if entry.key == VALUE => match &entry.value.content {
            Content::Text(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// What there is to say of a tenant's values once all manifests of the project are read, which use these names: values
/// that none of them uses, and values that some of the `others` lack.
pub fn review(used: &BTreeSet<String>, values: &Values, others: &[&Values]) -> Vec<Finding> {
    let about = |(name, text): (&String, &Text)| {
        if !used.contains(name) {
            let message = format!("no manifest uses the value `{name}`");
            return Some(warning(code::UNUSED_VALUE, text, message, "remove it, or use it as `{value: …}`"));
        }
        let lack = others.iter().filter(|other| other.tenant != values.tenant && !other.texts.contains_key(name));
        let lack: Vec<String> = lack.map(|other| format!("`{}`", other.tenant)).collect();
        let message = match lack.as_slice() {
            [] => return None,
            [tenant] => format!("the tenant {tenant} has no value `{name}`"),
            tenants => format!("the tenants {} have no value `{name}`", tenants.join(", ")),
        };
        Some(warning(code::VALUE_OF_SOME, text, message, "manifests that use it can't be planned for them"))
    };
    values.texts.iter().filter_map(about).collect()
}

fn warning(code: &'static str, text: &Text, message: String, hint: &str) -> Finding {
    Finding {
        code,
        severity: Severity::Warning,
        source: text.source.clone(),
        message,
        hint: Some(hint.to_owned()),
        excerpt: None,
        related: Vec::new(),
    }
}
