//! The schema of the project file, as [`crate::project`] checks it.

use serde_json::{Map, Value};

use crate::schema::Subject;
use crate::schema::keyword::{
    NAME, NAME_MAX, VALUE_NAME, about, closed, defined, document, filled, integer, list_of, map, map_of, of_type,
    or_null, pattern, texts, with, word,
};

/// https anywhere, plain http on this machine only; no user, query or fragment.
const BASE_URL: &str =
    r"^([hH][tT][tT][pP][sS]://[^/?#@\s]+|[hH][tT][tT][pP]://(localhost|127\.[0-9.]+|\[[0:]*1\])(:[0-9]+)?)(/[^?#]*)?$";
/// At most 64 characters, none of them a control character, no blanks around them.
const PROJECT_NAME: &str = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?$";
/// A path, or the URL of a store with a prefix.
const STATE: &str = r"^((s3|gs|az)://[A-Za-z0-9_$-][A-Za-z0-9._$-]{0,254}(/[A-Za-z0-9._=+-]+)+/*|(?!.*://).+)$";
const DURATION: &str = "^([0-9]+(ms|s|m|h))+$";

pub fn schema() -> Value {
    let version = map([("const", integer(1))]);
    let schema = closed(
        &["version"],
        [
            ("$schema", about(of_type("string"), "Where editors find this schema")),
            ("version", about(version, "The version of this form")),
            (
                "project",
                about(pattern(PROJECT_NAME), "A name that tells this project apart from others on the same tenant"),
            ),
            ("manifests", about(list_of(filled()), "Files and folders of manifests, used when no PATH is given")),
            ("defaultTenant", about(filled(), "The tenant that is used when there is no --tenant")),
            ("tenants", tenants()),
        ],
    );
    let text = "dixaform.yaml: where manifests are, and which tenants there are";
    let definitions = Map::from_iter([("tenant".to_owned(), tenant(true)), ("sandbox".to_owned(), tenant(false))]);
    document(Subject::Project, "dixaform project file", text, schema, definitions)
}

fn tenants() -> Value {
    let names = map([("pattern", Value::from(NAME)), ("maxLength", integer(NAME_MAX))]);
    let schema = with(map_of(defined("tenant")), "properties", map([("sandbox", defined("sandbox"))]));
    about(with(schema, "propertyNames", names), "Dixa organizations by a name of your own; `sandbox` always exists")
}

/// A tenant. The sandbox has no base URL: it is embedded.
fn tenant(with_base_url: bool) -> Value {
    let Value::Object(mut settings) = settings() else { return Value::Null };
    if !with_base_url {
        settings.remove("baseUrl");
    }
    // Of an object only: anything else has all members that are required.
    let both = map([("type", Value::from("object")), ("required", texts(["apiKeyEnv", "apiKeyFile"]))]);
    let schema = map([
        ("type", Value::from("object")),
        ("properties", Value::Object(settings)),
        ("additionalProperties", Value::Bool(false)),
        ("not", both),
    ]);
    or_null(schema)
}

fn values() -> Value {
    let names = map([("pattern", Value::from(VALUE_NAME))]);
    or_null(with(map_of(filled()), "propertyNames", names))
}

fn settings() -> Value {
    let flag = || of_type("boolean");
    map([
        ("baseUrl", about(pattern(BASE_URL), "Dixa's API, with or without /v1. Default https://dev.dixa.io")),
        (
            "apiKeyEnv",
            about(
                pattern("^[A-Za-z_][A-Za-z0-9_]{0,99}$"),
                "The environment variable that holds the token; never the token itself. Default DIXA_API_KEY",
            ),
        ),
        ("apiKeyFile", about(filled(), "A file that holds the token and nothing else")),
        ("authScheme", about(word(["bare", "bearer"]), "How the token is sent. Default bare")),
        ("organizationId", about(filled(), "The organization that the token must belong to; any other is refused")),
        (
            "state",
            about(
                pattern(STATE),
                "The state file, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix. Default \
                 state/<tenant>.json",
            ),
        ),
        ("stateStore", state_store()),
        ("rateLimit", rate_limit()),
        ("allowOutbound", about(flag(), "Whether messages may be sent to customers. Default false")),
        ("lastApplied", about(word(["full", "digest"]), "What the state keeps of a spec. Default full")),
        ("markers", about(flag(), "Whether first messages get an externalId to find them by. Default true")),
        (
            "removedAttributes",
            about(
                word(["clear", "keep"]),
                "What happens to an attribute that was removed from its manifest. Default clear",
            ),
        ),
        ("catalog", about(filled(), "The catalog file, relative to this file. Default state/<tenant>.catalog.json")),
        ("values", about(values(), "Texts of this tenant that manifests use by name: `{value: NAME}`")),
        ("requestTimeout", about(lasting(), "How long one request may take. Default 30s")),
        ("settle", about(pattern(DURATION), "How long a lost call is looked for. Default 5s")),
    ])
}

/// A duration that is not zero.
fn lasting() -> Value {
    with(pattern(DURATION), "not", map([("pattern", Value::from("^(0+(ms|s|m|h))+$"))]))
}

fn state_store() -> Value {
    let members = map([
        ("endpoint", about(pattern(BASE_URL), "The address of a store that is not the cloud's own")),
        ("region", about(filled(), "The region, of S3 only")),
        ("profile", about(filled(), "A profile of the AWS command line, of S3 only")),
        (
            "lease",
            about(at_least_5s(), "How long a run may hold the state without a sign of life. At least 5s; default 30s"),
        ),
    ]);
    let schema =
        map([("type", Value::from("object")), ("properties", members), ("additionalProperties", Value::Bool(false))]);
    about(schema, "How a state in an object store is reached; what is not set comes from the cloud's own environment")
}

/// A duration that is not shorter than five seconds, as far as a pattern can tell: the smallest are refused.
fn at_least_5s() -> Value {
    with(pattern(DURATION), "not", map([("pattern", Value::from("^0*([0-4]s|[0-4]?[0-9]{0,3}ms)$"))]))
}

fn rate_limit() -> Value {
    let million = integer(1_000_000);
    let rate = with(of_type("number"), "minimum", Value::from(0.001));
    let burst = with(of_type("integer"), "minimum", integer(1));
    let members = map([
        ("requestsPerSecond", with(rate, "maximum", million.clone())),
        ("burst", with(burst, "maximum", million)),
    ]);
    let schema =
        map([("type", Value::from("object")), ("properties", members), ("additionalProperties", Value::Bool(false))]);
    about(schema, "Dixa's published limit per token is 10 a second in bursts of 4")
}
