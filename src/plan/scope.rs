//! Which addresses a plan looks at: `--target`, `--exclude` and `--selector`.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

use crate::conversation::{Address, Kind, Labels};
use crate::finding::{nearest, nearest_by};

/// A filter on addresses and labels. The default covers everything.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    targets: Vec<GlobMatcher>,
    excludes: Vec<GlobMatcher>,
    selectors: Vec<(String, String)>,
}

/// A filter that can't be understood.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    #[error("`{pattern}` is not a pattern of addresses: {why}")]
    Pattern { pattern: String, why: String },
    #[error("`{0}` is not a selector: write key=value, and separate several by commas")]
    Selector(String),
}

impl Scope {
    /// Patterns are globs over whole addresses: `conversation.*`, `import.legacy-4?`. Selectors are `key=value`,
    /// several of them separated by commas; all must hold.
    ///
    /// # Errors
    /// A pattern or selector that can't be understood.
    pub fn new(targets: &[String], excludes: &[String], selectors: &[String]) -> Result<Self, ScopeError> {
        let globs = |patterns: &[String]| patterns.iter().map(|pattern| glob(pattern)).collect::<Result<Vec<_>, _>>();
        let selectors = selectors
            .iter()
            .flat_map(|text| text.split(','))
            .map(|text| match text.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() && !key.ends_with('!') => {
                    let value = value.strip_prefix('=').unwrap_or(value);
                    Ok((key.trim().to_owned(), value.trim().to_owned()))
                }
                _ => Err(ScopeError::Selector(text.to_owned())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Scope { targets: globs(targets)?, excludes: globs(excludes)?, selectors })
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty() && self.selectors.is_empty()
    }

    /// The flags that leave something out.
    pub fn flags(&self) -> Vec<&'static str> {
        let all = [
            ("--target", self.targets.is_empty()),
            ("--exclude", self.excludes.is_empty()),
            ("--selector", self.selectors.is_empty()),
        ];
        all.into_iter().filter(|(_, is_unused)| !is_unused).map(|(flag, _)| flag).collect()
    }

    /// Whether labels have a say in what is left out.
    pub fn asks_for_labels(&self) -> bool {
        !self.selectors.is_empty()
    }

    /// The first target or selector that fits none of what is known.
    pub fn unfit(&self, known: &[(&Address, Option<&Labels>)]) -> Option<Unfit> {
        let mut names = Vec::new();
        for target in &self.targets {
            if names.is_empty() {
                names = known.iter().map(|(address, _)| address.to_string()).collect();
            }
            if !names.iter().any(|name| target.is_match(name)) {
                let pattern = target.glob().glob();
                let message = format!("--target {pattern} matches no address");
                let near = nearest_by(name_in(pattern), names.iter().map(String::as_str), name_in);
                let hint = match names.as_slice() {
                    [] => "there are no addresses at all".to_owned(),
                    _ if near.is_empty() => HOW_TO_LIST.to_owned(),
                    _ => format!("did you mean {}?", either(&near)),
                };
                return Some(Unfit { message, hint });
            }
        }
        let labels = || known.iter().filter_map(|(_, labels)| *labels).flat_map(Labels::iter);
        for (key, value) in &self.selectors {
            if labels().any(|label| label == (key.as_str(), value.as_str())) {
                continue;
            }
            let message = format!("--selector {key}={value} matches no manifest");
            let values: Vec<&str> = labels().filter(|(name, _)| name == key).map(|(_, value)| value).collect();
            return Some(match values.as_slice() {
                [] => Unfit::of_labels(message, key, "labels", labels().map(|(name, _)| name).collect()),
                _ => Unfit::of_labels(message, value, &format!("values of `{key}`"), values),
            });
        }
        None
    }

    /// Whether an address is left out by its name.
    pub fn excludes(&self, address: &Address) -> bool {
        let name = address.to_string();
        self.excludes.iter().any(|glob| glob.is_match(&name))
    }

    /// Whether an address with these labels is looked at. A record without a manifest has no labels, so a selector
    /// never covers it.
    pub fn covers(&self, address: &Address, labels: Option<&Labels>) -> bool {
        self.covers_named([address], labels)
    }

    /// [`Scope::covers`] for what goes by several addresses: a filter can name any of them.
    pub fn covers_named<'a>(&self, addresses: impl IntoIterator<Item = &'a Address>, labels: Option<&Labels>) -> bool {
        if self.is_everything() {
            return true;
        }
        let names: Vec<String> = addresses.into_iter().map(Address::to_string).collect();
        let fits = |globs: &[GlobMatcher]| globs.iter().any(|glob| names.iter().any(|name| glob.is_match(name)));
        let targeted = self.targets.is_empty() || fits(&self.targets);
        let excluded = fits(&self.excludes);
        let selected =
            self.selectors.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value.as_str()));
        targeted && !excluded && selected
    }
}

/// A part of a filter that fits nothing: a slip, as a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    pub message: String,
    pub hint: String,
}

impl Unfit {
    /// A label, or the value of one, that no manifest has.
    fn of_labels(message: String, written: &str, what: &str, known: Vec<&str>) -> Self {
        let near = nearest(written, known.iter().copied());
        let hint = match known.is_empty() {
            true => format!("there are no {what} at all"),
            false if near.is_empty() => {
                let known: BTreeSet<&str> = known.into_iter().collect();
                let more = if known.len() > LISTED_MAX { ", …" } else { "" };
                let listed: Vec<&str> = known.into_iter().take(LISTED_MAX).collect();
                format!("there are these {what}: {}{more}", listed.join(", "))
            }
            false => format!("did you mean {}?", either(&near)),
        };
        Unfit { message, hint }
    }
}

/// Labels that are listed if none is near.
const LISTED_MAX: usize = 8;

/// What to do if no address is near.
const HOW_TO_LIST: &str = "a plan without --target shows the addresses that change, and `dixaform state list` those in \
                           the state";

/// The name in an address, or in a pattern of addresses.
fn name_in(address: &str) -> &str {
    let kind = |kind: &str| Kind::ALL.iter().any(|known| known.word() == kind);
    address.split_once('.').filter(|(before, _)| kind(before)).map_or(address, |(_, name)| name)
}

/// `a`, `a or b`, `a, b or c`.
fn either(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, ScopeError> {
    Glob::new(pattern)
        .map(|glob| glob.compile_matcher())
        .map_err(|error| ScopeError::Pattern { pattern: pattern.to_owned(), why: error.kind().to_string() })
}
