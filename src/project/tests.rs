//! Project files in, settings or findings out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::access::{AuthScheme, Endpoint, RateLimit, StatePlace, StoreSettings, StoreUrl};
use crate::finding::{Finding, code};
use crate::settings::{LastApplied, RemovedAttributes};
use crate::source::{Place, Source};
use crate::values::{Text, Values};

/// What a file says, and what is wrong with it as `line:column code`.
fn read_text(text: &str) -> (Option<Project>, Vec<Finding>) {
    let (project, findings) = read(&Arc::from("dixaform.yaml"), text.as_bytes());
    (project, findings.iter().cloned().collect())
}

fn project(text: &str) -> Project {
    let (project, findings) = read_text(text);
    project.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn tenant(settings: &str) -> Tenant {
    let project = project(&format!("version: 1\ntenants:\n  staging:\n    {}\n", settings.replace('\n', "\n    ")));
    project.tenant(Some("staging")).expect("it is described").clone()
}

/// Every finding as `line:column code`; each has a hint, and a known code.
fn places(text: &str) -> Vec<String> {
    let (project, findings) = read_text(text);
    assert_eq!(project, None, "a file with an error is no project");
    let place = |finding: &Finding| {
        assert!(finding.hint.is_some(), "{finding:?}");
        assert!(code::ALL.iter().any(|known| known.name == finding.code), "{finding:?}");
        format!("{}:{} {}", finding.source.place.line, finding.source.place.column, finding.code)
    };
    findings.iter().map(place).collect()
}

/// [`places`] for settings of a tenant, which begin at 4:5.
fn setting_places(settings: &str) -> Vec<String> {
    places(&format!("version: 1\ntenants:\n  staging:\n    {settings}\n"))
}

#[test]
fn without_a_file_there_are_two_tenants() {
    let project = Project::without_file();
    assert_eq!(project.tenants.keys().collect::<Vec<_>>(), ["default", "sandbox"]);
    assert_eq!(project.manifests, ["manifests"]);
    let tenant = project.tenant(None).expect("the default one");
    assert_eq!(tenant.base_url, "https://dev.dixa.io");
    assert_eq!(tenant.key, KeySource::Environment("DIXA_API_KEY".into()));
}

#[test]
fn the_smallest_file_is_as_none() {
    assert_eq!(project("version: 1\n"), Project::without_file());
    assert_eq!(project(r#"{"$schema": "x.json", "version": 1}"#), Project::without_file());
}

#[test]
fn a_tenant_without_settings_has_every_default() {
    let tenant = project("version: 1\ntenants: {staging: }\n").tenant(None).expect("there is one").clone();
    let expected = Tenant {
        name: "staging".into(),
        base_url: "https://dev.dixa.io".into(),
        key: KeySource::Environment("DIXA_API_KEY".into()),
        auth_scheme: AuthScheme::Bare,
        organization_id: None,
        state: None,
        state_store: StoreSettings { endpoint: None, region: None, profile: None, lease: Duration::from_secs(30) },
        catalog: None,
        values: Values::none("staging"),
        rate_limit: RateLimit { requests_per_second: 10.0, burst: 4 },
        allow_outbound: false,
        last_applied: LastApplied::Full,
        markers: true,
        removed_attributes: RemovedAttributes::Clear,
        request_timeout: Duration::from_secs(30),
        settle: Duration::from_secs(5),
    };
    assert_eq!(tenant, expected);
}

#[test]
fn every_setting_is_understood() {
    let written = "baseUrl: https://dixa.example/v1\napiKeyEnv: MY_KEY\nauthScheme: bearer\norganizationId: org-1\n\
        state: other/s.json\nrateLimit: {requestsPerSecond: 2.5, burst: 1}\nallowOutbound: true\nlastApplied: digest\n\
        markers: false\nremovedAttributes: keep\nvalues: {box: a@email.dixa.io}\ncatalog: c.json\nrequestTimeout: 1m30s\nsettle: 0s";
    let source = Source::new(&Arc::from("dixaform.yaml"), Place { line: 14, column: 14 });
    let value = Text { text: "a@email.dixa.io".into(), source };
    let expected = Tenant {
        name: "staging".into(),
        base_url: "https://dixa.example/v1".into(),
        key: KeySource::Environment("MY_KEY".into()),
        auth_scheme: AuthScheme::Bearer,
        organization_id: Some("org-1".into()),
        state: Some(StatePlace::File("other/s.json".into())),
        state_store: StoreSettings::default(),
        catalog: Some("c.json".into()),
        values: Values { tenant: "staging".into(), texts: [("box".into(), value)].into(), elsewhere: [].into() },
        rate_limit: RateLimit { requests_per_second: 2.5, burst: 1 },
        allow_outbound: true,
        last_applied: LastApplied::Digest,
        markers: false,
        removed_attributes: RemovedAttributes::Keep,
        request_timeout: Duration::from_secs(90),
        settle: Duration::ZERO,
    };
    assert_eq!(tenant(written), expected);
    assert_eq!(tenant("apiKeyFile: secrets/key").key, KeySource::File("secrets/key".into()));
}

#[test]
fn a_state_in_a_store_is_understood_with_how_it_is_reached() {
    let written = "state: s3://acme/dixa/staging\nstateStore: {endpoint: 'http://127.0.0.1:9000', region: eu-north-1, \
        profile: work, lease: 10s}";
    let Tenant { state, state_store, .. } = tenant(written);
    assert_eq!(state, Some(StatePlace::Store(StoreUrl::parse("s3://acme/dixa/staging").expect("a URL"))));
    let expected = StoreSettings {
        endpoint: Some(Endpoint::parse("http://127.0.0.1:9000").expect("one")),
        region: Some("eu-north-1".into()),
        profile: Some("work".into()),
        lease: Duration::from_secs(10),
    };
    assert_eq!(state_store, expected);
}

#[test]
fn the_members_of_a_project_are_understood() {
    let project = project(
        "version: 1\nproject: web shop\nmanifests: [a, b/c.yaml]\ndefaultTenant: two\ntenants: {one: {}, two: {}}\n",
    );
    assert_eq!(project.name.as_deref(), Some("web shop"));
    assert_eq!(project.manifests, ["a", "b/c.yaml"]);
    assert_eq!(project.tenant(None).expect("the default one").name, "two");
    assert_eq!(project.tenants.keys().collect::<Vec<_>>(), ["one", "sandbox", "two"]);
}

#[test]
fn the_sandbox_always_exists_and_can_be_set_up() {
    let plain = project("version: 1\ntenants: {staging: {}}\n");
    assert!(plain.tenant(Some("sandbox")).expect("always").is_sandbox());
    let set_up = project("version: 1\ntenants: {sandbox: {state: x.json}}\n");
    assert_eq!(set_up.tenants["sandbox"].state, Some(StatePlace::File("x.json".into())));
}

#[test]
fn one_tenant_is_chosen_by_itself_and_of_several_one_must_be_named() {
    assert_eq!(project("version: 1\ntenants: {staging: {}}\n").tenant(None).expect("only one").name, "staging");
    let several = project("version: 1\ntenants: {one: {}, two: {}}\n");
    let message = several.tenant(None).expect_err("which?").to_string();
    assert!(message.contains("--tenant") && message.contains("one, sandbox, two"), "{message}");
    let message = several.tenant(Some("three")).expect_err("unknown").to_string();
    assert_eq!(message, "there is no tenant `three`; the project has one, sandbox, two");
    let hint = |name| several.tenant(Some(name)).expect_err("unknown").hint().map(Cow::into_owned);
    assert_eq!((hint("three"), hint("sandbx").as_deref()), (None, Some("did you mean `sandbox`?")));
}

#[test]
fn the_identity_of_a_tenant_is_its_host_whatever_the_spelling() {
    for url in ["https://dixa.example", "https://dixa.example/", "https://dixa.example/v1", "https://dixa.example/v1/"]
    {
        assert_eq!(tenant(&format!("baseUrl: {url}")).identity(), "https://dixa.example", "{url}");
    }
    assert_eq!(Tenant::new("sandbox").identity(), "sandbox");
}

#[test]
fn plain_http_is_for_loopback_only() {
    for url in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "http://127.9.9.9"] {
        assert_eq!(tenant(&format!("baseUrl: '{url}'")).base_url, url);
    }
    for url in ["http://dixa.example", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"] {
        assert_eq!(setting_places(&format!("baseUrl: '{url}'")), ["4:14 bad-url"], "{url}");
    }
}

#[test]
fn every_wrong_project_member_is_reported_with_its_place() {
    for (text, expected) in [
        ("", &["1:1 missing-member"][..]),
        ("manifests: [a]\n", &["1:1 missing-member"]),
        ("version: 2\n", &["1:10 bad-setting"]),
        ("version: '1'\n", &["1:10 bad-setting"]),
        ("version: 1\nversion: 1\n", &["2:1 duplicate-key"]),
        ("version: 1\n---\nversion: 1\n", &["3:1 bad-setting"]),
        ("- version\n", &["1:1 wrong-type"]),
        ("version: 1\nmanifest: [a]\n", &["2:1 unknown-member"]),
        ("$schema: 1\nversion: 1\n", &["1:10 wrong-type"]),
        ("version: 1\nproject: ''\n", &["2:10 wrong-type"]),
        ("version: 1\nproject: 7\n", &["2:10 wrong-type"]),
        ("version: 1\nproject: ' a'\n", &["2:10 bad-setting"]),
        ("version: 1\nproject: \"a\\nb\"\n", &["2:10 bad-setting"]),
        (&format!("version: 1\nproject: {}\n", "é".repeat(65)), &["2:10 bad-setting"]),
        ("version: 1\nmanifests: a\n", &["2:12 wrong-type"]),
        ("version: 1\nmanifests: [a, 2, '']\n", &["2:16 wrong-type", "2:19 wrong-type"]),
        ("version: 1\ndefaultTenant: [x]\n", &["2:16 wrong-type"]),
        ("version: 1\ndefaultTenant: stagin\ntenants: {staging: {}}\n", &["2:16 bad-setting"]),
        ("version: 1\ntenants: [staging]\n", &["2:10 wrong-type"]),
        ("version: 1\ntenants: {Staging: {}}\n", &["2:11 bad-name"]),
        ("version: 1\ntenants: {../x: {}}\n", &["2:11 bad-name"]),
        ("version: 1\ntenants: {staging: 1}\n", &["2:20 wrong-type"]),
        ("version: 1\ntenants: {sandbox: {baseUrl: 'https://dixa.example'}}\n", &["2:21 bad-setting"]),
    ] {
        assert_eq!(places(text), expected, "{text}");
    }
}

#[test]
fn every_wrong_setting_is_reported_with_its_place() {
    for (settings, expected) in [
        ("baseUrl: 1", &["4:14 wrong-type"][..]),
        ("baseUrl: ''", &["4:14 wrong-type"]),
        ("baseUrl: dev.dixa.io", &["4:14 bad-url"]),
        ("baseUrl: 'ftp://dixa.example'", &["4:14 bad-url"]),
        ("baseUrl: 'https://user@dixa.example'", &["4:14 bad-url"]),
        ("baseUrl: 'https://dixa.example?x=1'", &["4:14 bad-url"]),
        ("baseUrl: 'https://dixa.example#x'", &["4:14 bad-url"]),
        ("apiKeyEnv: 1", &["4:5 bad-setting"]),
        ("apiKeyEnv: ''", &["4:5 bad-setting"]),
        ("apiKeyEnv: 1KEY", &["4:5 bad-setting"]),
        ("apiKeyEnv: MY-KEY", &["4:5 bad-setting"]),
        ("apiKeyFile: ''", &["4:17 wrong-type"]),
        ("{apiKeyEnv: A, apiKeyFile: b}", &["4:20 bad-setting"]),
        ("authScheme: Bearer", &["4:17 unknown-word"]),
        ("organizationId: 12", &["4:21 wrong-type"]),
        ("state: null", &["4:12 wrong-type"]),
        ("rateLimit: 10", &["4:16 wrong-type"]),
        ("rateLimit: {perSecond: 1}", &["4:17 unknown-member"]),
        ("rateLimit: {requestsPerSecond: 0}", &["4:36 bad-setting"]),
        ("rateLimit: {requestsPerSecond: -1}", &["4:36 bad-setting"]),
        ("rateLimit: {requestsPerSecond: '10'}", &["4:36 bad-setting"]),
        ("rateLimit: {burst: 0}", &["4:24 bad-setting"]),
        ("rateLimit: {burst: 1.5}", &["4:24 bad-setting"]),
        ("rateLimit: {burst: 99999999}", &["4:24 bad-setting"]),
        ("allowOutbound: 'true'", &["4:20 wrong-type"]),
        ("allowOutbound: yes", &["4:20 wrong-type"]),
        ("lastApplied: none", &["4:18 unknown-word"]),
        ("markers: 1", &["4:14 wrong-type"]),
        ("removedAttributes: drop", &["4:24 unknown-word"]),
        ("requestTimeout: 30", &["4:21 bad-setting"]),
        ("requestTimeout: 0s", &["4:21 bad-setting"]),
        ("requestTimeout: 3 days", &["4:21 bad-setting"]),
        ("settle: soon", &["4:13 bad-setting"]),
        ("state: https://example.org/state.json", &["4:12 bad-url"]),
        ("state: s3://acme", &["4:12 bad-url"]),
        ("stateStore: x", &["4:17 wrong-type"]),
        ("stateStore: {bucket: x}", &["4:18 unknown-member"]),
        ("stateStore: {endpoint: 'http://minio.example'}", &["4:28 bad-url"]),
        ("stateStore: {region: 1}", &["4:26 wrong-type"]),
        ("stateStore: {lease: 4s}", &["4:25 bad-setting"]),
        ("state: gs://acme/a\n    stateStore: {region: x, profile: y}", &["5:18 bad-setting", "5:29 bad-setting"]),
        ("baseURL: 'https://dixa.example'", &["4:5 unknown-member"]),
    ] {
        assert_eq!(setting_places(settings), expected, "{settings}");
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "version: 3\nmanifests: 1\ntenants:\n  staging: {settle: x, markers: x}\n";
    assert_eq!(places(text), ["1:10 bad-setting", "2:12 wrong-type", "4:21 bad-setting", "4:33 wrong-type"]);
}

#[test]
fn a_misspelt_setting_is_suggested() {
    let (_, findings) = read_text("version: 1\ntenants: {staging: {apikeyEnv: X}}\n");
    assert_eq!(findings[0].hint.as_deref(), Some("did you mean `apiKeyEnv`?"));
}

#[test]
fn a_key_written_in_the_place_of_its_name_is_never_shown() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
    let long = "A".repeat(101);
    for key in [jwt, "Bearer abc123secret", "0123456789abcdef", "sk-live/secret+key==", &long] {
        for settings in [
            format!("apiKeyEnv: '{key}'"),
            format!("apiKeyEnv:\n      '{key}'"),
            format!("{{apiKeyEnv: '{key}', apiKeyFile: x}}"),
            format!("apiKeyEnv:\n      ['{key}']"),
            format!("apiKeyEnv: A\n    apiKeyEnv: '{key}'"),
            format!("apiKeyEnv: '{key}' x"),
            format!("apiKeyFile: ['{key}']"),
        ] {
            let (project, findings) = read_text(&format!("version: 1\ntenants:\n  staging:\n    {settings}\n"));
            assert_eq!(project, None, "{settings}");
            assert!(!findings.is_empty());
            let shown = format!("{findings:?}");
            assert!(!shown.contains(key), "{shown}");
        }
    }
}

#[test]
fn what_looks_like_a_key_is_shown_nowhere_and_is_neither_a_variable_nor_a_file() {
    for key in [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "hR7kQ2pXv9LmT4wZs8NcB3yFdG6jA1eU",
        "hR7kQ2pXv9LmT4wZs8NcB3yFdG6jA1eU_",
    ] {
        for text in [
            format!("version: 1\ntenants: {{a: {{apiKeyEnv: {key}}}}}\n"),
            format!("version: 1\ntenants: {{a: {{apiKeyFile: {key}}}}}\n"),
            format!("version: 1\ntenants: {{a: {{apiKeyEnv: A, apiKeyFile: {key}}}}}\n"),
            format!("version: 1\ntenants: {{a: {{baseUrl: {key}}}}}\n"),
            format!("version: 1\ntenants: {{a: {{authScheme: {key}}}}}\n"),
            format!("version: 1\ntenants:\n  a: {{{key}: 1}}\n"),
            format!("version: 1\n{key}: 1\n"),
            format!("version: 1\ndefaultTenant: {key}\n"),
        ] {
            let (project, findings) = read_text(&text);
            assert_eq!(project, None, "{text}");
            assert!(!format!("{findings:?}").contains(key), "{findings:#?}");
        }
    }
    let (_, findings) = read_text("version: 1\ntenants: {a: {apiKeyEnv: c0ffee00c0ffee00c0ffee00c0ffee00}}\n");
    assert!(!findings.is_empty() && !format!("{findings:?}").contains("c0ffee"), "{findings:#?}");
}

#[test]
fn a_misspelt_member_with_a_key_does_not_show_it() {
    for member in ["apikeyEnv", "apiKey", "token", "api_key", "password"] {
        let (_, findings) = read_text(&format!("version: 1\ntenants:\n  staging:\n    {member}: very-secret.key\n"));
        assert!(!format!("{findings:?}").contains("very-secret.key"), "{findings:#?}");
    }
}

#[test]
fn what_is_no_yaml_is_a_finding_and_no_panic() {
    for text in ["version: [", "\u{0}", "version: 1\n\ttenants: {}", "*alias", "!!binary aGk="] {
        assert!(!places(text).is_empty(), "{text}");
    }
    let (project, findings) = read(&Arc::from("dixaform.yaml"), b"\xff\xfe\xff");
    assert!(project.is_none() && findings.has_errors());
}
