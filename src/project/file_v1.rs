//! The text of a project file, version 1, checked as strictly as manifests are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{
    AuthScheme, BaseUrl, Endpoint, RateLimit, StatePlace, StoreKind, StoreSettings, looks_like_key_for_name,
    without_keys,
};
use crate::conversation::{Address, Kind};
use crate::duration;
use crate::finding::{Findings, closest, code};
use crate::project::{KeySource, Project, SANDBOX, Tenant};
use crate::reporter::Reporter;
use crate::settings::{LastApplied, RemovedAttributes};
use crate::source::Place;
use crate::values::Text;
use crate::yaml::{self, Content, Entry, Format, Node};

/// Reads a project file. With an error among the findings there is no project.
pub fn read(file: &Arc<str>, bytes: &[u8]) -> (Option<Project>, Findings) {
    let text = match yaml::decode(file, bytes) {
        Ok(text) => text,
        Err(findings) => return (None, findings),
    };
    let mut reader = Reader { reporter: Reporter::new(file, text) };
    let documents = yaml::read(text, Format::of(file, text), &mut reader.reporter);
    let project = match documents.as_slice() {
        [document] => reader.project(document),
        [] => {
            let start = (Place::START, Place::START);
            reader.wrong(code::MISSING_MEMBER, start, "the project file is empty", "write at least `version: 1`");
            None
        }
        [_, second, ..] => {
            let hint = "remove everything from the second `---` on";
            reader.wrong(code::BAD_SETTING, second.span(), "a project file is one document", hint);
            None
        }
    };
    let mut findings = reader.reporter.finish();
    hide_keys(&mut findings);
    (project.filter(|_| !findings.has_errors()), findings)
}

/// Takes away each line that may hold a key, and each word that looks like one: people write one where its name
/// belongs, or under a name that they made up.
fn hide_keys(findings: &mut Findings) {
    const WORDS: [&str; 4] = ["key", "token", "secret", "password"];
    for finding in findings.iter_mut() {
        finding.excerpt.take_if(|excerpt| {
            let line = excerpt.text.to_ascii_lowercase();
            // A part of a long line says nothing of the rest.
            let may_hold_key = WORDS.iter().any(|word| line.contains(word));
            excerpt.skipped > 0 || may_hold_key || matches!(without_keys(&excerpt.text), Cow::Owned(_))
        });
        finding.message = without_keys(&finding.message).into_owned();
        finding.hint = finding.hint.take().map(|hint| without_keys(&hint).into_owned());
    }
}

struct Reader<'t> {
    reporter: Reporter<'t>,
}

/// The longest name of a project, in characters.
const NAME_MAX: usize = 64;

const PROJECT_MEMBERS: [&str; 6] = ["$schema", "version", "project", "manifests", "defaultTenant", "tenants"];
const TENANT_MEMBERS: [&str; 16] = [
    "baseUrl",
    "apiKeyEnv",
    "apiKeyFile",
    "authScheme",
    "organizationId",
    "state",
    "stateStore",
    "catalog",
    "values",
    "rateLimit",
    "allowOutbound",
    "lastApplied",
    "markers",
    "removedAttributes",
    "requestTimeout",
    "settle",
];

impl Reader<'_> {
    fn project(&mut self, node: &Node<'_>) -> Option<Project> {
        let entries = self.map(node, "a project file")?;
        self.known(entries, &PROJECT_MEMBERS, "a project file");
        match node.get("version").map(|entry| &entry.value) {
            Some(Node { content: Content::Number(number, _), .. }) if number.as_i64() == Some(1) => {}
            Some(other) => {
                let hint = "this dixaform reads version 1; you may need a newer one";
                self.wrong(code::BAD_SETTING, other.span(), "`version` must be the number 1", hint);
            }
            None => {
                let message = "a project file needs `version`";
                self.wrong(code::MISSING_MEMBER, node.opening(), message, "add `version: 1`");
            }
        }
        let mut project = Project::without_file();
        let _ = node.get("$schema").and_then(|entry| self.text(entry));
        project.name = node.get("project").and_then(|entry| self.name(entry));
        if let Some(entry) = node.get("manifests") {
            project.manifests = self.paths(&entry.value);
        }
        if let Some(entry) = node.get("tenants") {
            project.tenants = self.tenants(&entry.value);
            project.default_tenant = None;
        }
        project.tenants.entry(SANDBOX.to_owned()).or_insert_with(|| Tenant::new(SANDBOX));
        note_elsewhere(&mut project.tenants);
        if let Some(entry) = node.get("defaultTenant") {
            let name = self.text(entry)?;
            if !project.tenants.contains_key(&name) {
                let hint = match closest(&name, project.tenants.keys().map(String::as_str)) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "describe it under `tenants`".to_owned(),
                };
                let message = format!("there is no tenant `{name}`");
                self.wrong(code::BAD_SETTING, entry.value.span(), message, hint);
            }
            project.default_tenant = Some(name);
        }
        Some(project)
    }

    fn name(&mut self, entry: &Entry<'_>) -> Option<String> {
        let name = self.text(entry)?;
        if name.chars().count() > NAME_MAX || name.trim() != name || name.contains(char::is_control) {
            let message = "`project` is a name of at most 64 characters, without line breaks or blanks around it";
            self.wrong(code::BAD_SETTING, entry.value.span(), message, "write for example `project: webshop`");
        }
        Some(name)
    }

    fn paths(&mut self, node: &Node<'_>) -> Vec<String> {
        let Content::List(items) = &node.content else {
            let message = format!("`manifests` is a list of paths, but this is {}", node.what());
            self.wrong(code::WRONG_TYPE, node.span(), message, "write for example `manifests: [manifests]`");
            return Vec::new();
        };
        let mut paths = Vec::new();
        for item in items {
            match &item.content {
                Content::Text(path) if !path.is_empty() => paths.push(path.to_string()),
                _ => {
                    let message = format!("a path is a string, but this is {}", item.what());
                    self.wrong(code::WRONG_TYPE, item.span(), message, "quote it");
                }
            }
        }
        paths
    }

    fn tenants(&mut self, node: &Node<'_>) -> BTreeMap<String, Tenant> {
        let mut tenants = BTreeMap::new();
        for entry in self.map(node, "`tenants`").unwrap_or_default() {
            // The name becomes part of the name of the state file; the rule for manifests fits.
            if Address::new(Kind::Conversation, &entry.key).is_err() {
                let message = format!("`{}` can't be the name of a tenant", entry.key);
                let hint = "a-z, 0-9, `.`, `_` and `-`, with a letter or digit first and last";
                self.wrong(code::BAD_NAME, entry.key_span(), message, hint);
            }
            let tenant = self.tenant(&entry.key, &entry.value);
            tenants.insert(entry.key.to_string(), tenant);
        }
        tenants
    }

    fn tenant(&mut self, name: &str, node: &Node<'_>) -> Tenant {
        let mut tenant = Tenant::new(name);
        if matches!(node.content, Content::Null) {
            return tenant;
        }
        let what = format!("the tenant `{name}`");
        let Some(entries) = self.map(node, &what) else { return tenant };
        self.known(entries, &TENANT_MEMBERS, &what);
        if let (Some(_), Some(file)) = (node.get("apiKeyEnv"), node.get("apiKeyFile")) {
            let message = "`apiKeyEnv` and `apiKeyFile` exclude each other";
            self.wrong(code::BAD_SETTING, file.key_span(), message, "keep one of the two");
        }
        for entry in entries {
            self.setting(&mut tenant, entry);
        }
        self.fits_store(&tenant, node);
        tenant
    }

    fn setting(&mut self, tenant: &mut Tenant, entry: &Entry<'_>) {
        match &*entry.key {
            "baseUrl" => self.base_url(tenant, entry),
            "apiKeyEnv" => self.key_variable(tenant, entry),
            "apiKeyFile" => self.key_file(tenant, entry),
            "authScheme" => {
                self.word(entry, &mut tenant.auth_scheme, [("bare", AuthScheme::Bare), ("bearer", AuthScheme::Bearer)]);
            }
            "organizationId" => tenant.organization_id = self.text(entry),
            "state" => self.state(tenant, entry),
            "stateStore" => tenant.state_store = self.state_store(&entry.value),
            "catalog" => tenant.catalog = self.text(entry),
            "values" => self.values(tenant, &entry.value),
            "rateLimit" => self.rate_limit(tenant, &entry.value),
            "allowOutbound" => tenant.allow_outbound = self.flag(entry).unwrap_or(false),
            "lastApplied" => {
                let words = [("full", LastApplied::Full), ("digest", LastApplied::Digest)];
                self.word(entry, &mut tenant.last_applied, words);
            }
            "markers" => tenant.markers = self.flag(entry).unwrap_or(true),
            "removedAttributes" => {
                let words = [("clear", RemovedAttributes::Clear), ("keep", RemovedAttributes::Keep)];
                self.word(entry, &mut tenant.removed_attributes, words);
            }
            "requestTimeout" => self.duration(entry, &mut tenant.request_timeout, Duration::from_millis(1)),
            "settle" => self.duration(entry, &mut tenant.settle, Duration::ZERO),
            // Reported as unknown already.
            _ => {}
        }
    }

    fn state(&mut self, tenant: &mut Tenant, entry: &Entry<'_>) {
        let Some(text) = self.text(entry) else { return };
        match StatePlace::parse(&text) {
            Ok(place) => tenant.state = Some(place),
            Err(problem) => {
                let hint = "a path, or s3://bucket/prefix, gs://bucket/prefix or az://container/prefix";
                self.wrong(code::BAD_URL, entry.value.span(), problem.to_string(), hint);
            }
        }
    }

    fn state_store(&mut self, node: &Node<'_>) -> StoreSettings {
        let mut settings = StoreSettings::default();
        let Some(entries) = self.map(node, "`stateStore`") else { return settings };
        self.known(entries, &["endpoint", "region", "profile", "lease"], "`stateStore`");
        for entry in entries {
            match &*entry.key {
                "endpoint" => settings.endpoint = self.endpoint(entry),
                "region" => settings.region = self.text(entry),
                "profile" => settings.profile = self.text(entry),
                "lease" => self.duration(entry, &mut settings.lease, StoreSettings::LEASE_MIN),
                _ => {}
            }
        }
        settings
    }

    fn endpoint(&mut self, entry: &Entry<'_>) -> Option<Endpoint> {
        let text = self.text(entry)?;
        let parsed = Endpoint::parse(&text);
        if let Err(problem) = &parsed {
            let hint = "write for example https://minio.example; plain http is for this machine only";
            // It may hold a password.
            self.reporter.error(code::BAD_URL, entry.value.span(), problem.to_string()).hint(hint).without_excerpt();
        }
        parsed.ok()
    }

    /// What only S3 knows is of no meaning for another store, and so was meant otherwise.
    fn fits_store(&mut self, tenant: &Tenant, node: &Node<'_>) {
        let Some(StatePlace::Store(url)) = &tenant.state else { return };
        let Some(settings) = node.get("stateStore").filter(|_| url.kind != StoreKind::S3) else { return };
        for entry in ["region", "profile"].into_iter().filter_map(|name| settings.value.get(name)) {
            let message = format!("`{}` is of S3, and the state is in {}://", entry.key, url.kind.scheme());
            self.wrong(code::BAD_SETTING, entry.key_span(), message, "remove it");
        }
    }

    fn base_url(&mut self, tenant: &mut Tenant, entry: &Entry<'_>) {
        let Some(text) = self.text(entry) else { return };
        if tenant.is_sandbox() {
            let hint = "give a tenant that talks to another server another name";
            self.wrong(code::BAD_SETTING, entry.key_span(), "the sandbox has no base URL: it is embedded", hint);
            return;
        }
        if let Err(problem) = BaseUrl::parse(&text) {
            let hint = "write for example https://dev.dixa.io; plain http is for this machine only";
            self.wrong(code::BAD_URL, entry.value.span(), problem.to_string(), hint);
        }
        tenant.base_url = text;
    }

    fn key_variable(&mut self, tenant: &mut Tenant, entry: &Entry<'_>) {
        let text = match &entry.value.content {
            Content::Text(text) => &**text,
            _ => "",
        };
        let fits = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.len() <= 100
            && !looks_like_key_for_name(text);
        if !fits {
            let hint = "never the key itself: write for example apiKeyEnv: DIXA_API_KEY";
            self.no_key(entry, "`apiKeyEnv` is the name of an environment variable", hint);
            return;
        }
        tenant.key = KeySource::Environment(text.to_owned());
    }

    fn key_file(&mut self, tenant: &mut Tenant, entry: &Entry<'_>) {
        if matches!(&entry.value.content, Content::Text(text) if looks_like_key_for_name(text)) {
            let hint = "never the key itself: write for example apiKeyFile: secrets/dixa-key";
            self.no_key(entry, "`apiKeyFile` is the path of a file that holds the key", hint);
        } else if let Some(path) = self.text(entry) {
            tenant.key = KeySource::File(path);
        }
    }

    /// The value may be the key itself: the excerpt would show it, so it points at the member's name instead.
    fn no_key(&mut self, entry: &Entry<'_>, message: &str, hint: &str) {
        self.reporter.error(code::BAD_SETTING, entry.key_span(), message).hint(hint).without_excerpt();
    }

    fn values(&mut self, tenant: &mut Tenant, node: &Node<'_>) {
        if matches!(node.content, Content::Null) {
            return;
        }
        for entry in self.map(node, "`values`").unwrap_or_default() {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if entry.key.is_empty() || entry.key.len() > NAME_MAX || !entry.key.bytes().all(is_part) {
                let message = format!("`{}` can't be the name of a value", entry.key);
                let hint = "at most 64 letters, digits, `.`, `_` and `-`, for example supportMailbox";
                self.wrong(code::BAD_NAME, entry.key_span(), message, hint);
            }
            let Some(text) = self.text(entry) else { continue };
            let source = self.reporter.source(entry.key_start);
            tenant.values.texts.insert(entry.key.to_string(), Text { text, source });
        }
    }

    fn rate_limit(&mut self, tenant: &mut Tenant, node: &Node<'_>) {
        let Some(entries) = self.map(node, "`rateLimit`") else { return };
        self.known(entries, &["requestsPerSecond", "burst"], "`rateLimit`");
        let mut limit = RateLimit::DIXA;
        for entry in entries {
            let number = match &entry.value.content {
                Content::Number(number, _) => number.as_f64().unwrap_or_default(),
                _ => 0.0,
            };
            let fits = match &*entry.key {
                "requestsPerSecond" => (0.001..=1e6).contains(&number),
                "burst" => (1.0..=1e6).contains(&number) && number.fract() == 0.0,
                _ => continue,
            };
            if !fits {
                let message = format!("`{}` must be a positive number", entry.key);
                let hint = "Dixa allows 10 requests per second in bursts of 4; `burst` is a whole number";
                self.wrong(code::BAD_SETTING, entry.value.span(), message, hint);
            } else if entry.key == "burst" {
                limit.burst = number as u32;
            } else {
                limit.requests_per_second = number;
            }
        }
        tenant.rate_limit = limit;
    }

    fn wrong(&mut self, code: &'static str, span: (Place, Place), message: impl Into<String>, hint: impl Into<String>) {
        self.reporter.error(code, span, message).hint(hint);
    }

    fn map<'n, 't>(&mut self, node: &'n Node<'t>, what: &str) -> Option<&'n [Entry<'t>]> {
        let entries = node.entries();
        if entries.is_none() {
            let message = format!("{what} is a map, but this is {}", node.what());
            self.wrong(code::WRONG_TYPE, node.span(), message, "write its members as `name: value`");
        }
        entries
    }

    fn known(&mut self, entries: &[Entry<'_>], known: &[&str], what: &str) {
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
            let hint = match closest(&entry.key, known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("known members: {}", known.join(", ")),
            };
            let message = format!("unknown member `{}` of {what}", entry.key);
            self.wrong(code::UNKNOWN_MEMBER, entry.key_span(), message, hint);
        }
    }

    fn text(&mut self, entry: &Entry<'_>) -> Option<String> {
        match &entry.value.content {
            Content::Text(text) if !text.is_empty() => Some(text.to_string()),
            _ => {
                let message = format!("`{}` is a string, but this is {}", entry.key, empty_or(&entry.value));
                self.wrong(code::WRONG_TYPE, entry.value.span(), message, "give it a value in quotes");
                None
            }
        }
    }

    fn flag(&mut self, entry: &Entry<'_>) -> Option<bool> {
        match &entry.value.content {
            Content::Bool(flag, _) => Some(*flag),
            _ => {
                let message = format!("`{}` is true or false, but this is {}", entry.key, entry.value.what());
                self.wrong(code::WRONG_TYPE, entry.value.span(), message, "write true or false, without quotes");
                None
            }
        }
    }

    fn word<T>(&mut self, entry: &Entry<'_>, setting: &mut T, words: [(&str, T); 2]) {
        let Some(text) = self.text(entry) else { return };
        let hint = format!("one of {}", words.each_ref().map(|(word, _)| *word).join(", "));
        match words.into_iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *setting = value,
            None => {
                let message = format!("`{text}` is not a value of `{}`", entry.key);
                self.wrong(code::UNKNOWN_WORD, entry.value.span(), message, hint);
            }
        }
    }

    fn duration(&mut self, entry: &Entry<'_>, setting: &mut Duration, least: Duration) {
        let parsed = match &entry.value.content {
            Content::Text(text) => duration::parse(text).ok(),
            _ => None,
        };
        match parsed.filter(|duration| *duration >= least) {
            Some(duration) => *setting = duration,
            None => {
                let hint = "a number and a unit (ms, s, m, h), for example 30s";
                let least =
                    if least < Duration::from_secs(1) { String::new() } else { format!(" of at least {least:?}") };
                let message = format!("`{}` is a duration{least}", entry.key);
                self.wrong(code::BAD_SETTING, entry.value.span(), message, hint);
            }
        }
    }
}

fn empty_or(node: &Node<'_>) -> &'static str {
    match &node.content {
        Content::Text(_) => "an empty one",
        _ => node.what(),
    }
}

/// Lets each tenant know which values the others have.
fn note_elsewhere(tenants: &mut BTreeMap<String, Tenant>) {
    let all: Vec<(String, String)> = tenants
        .values()
        .flat_map(|tenant| tenant.values.names().map(|name| (name.to_owned(), tenant.name.clone())))
        .collect();
    for tenant in tenants.values_mut() {
        let others = all.iter().filter(|(name, of)| *of != tenant.name && !tenant.values.texts.contains_key(name));
        tenant.values.elsewhere = others.cloned().collect();
    }
}
