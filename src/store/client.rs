//! Opens the store of a URL, with credentials from where each cloud's own tools find them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::access::{Endpoint, StoreKind, StoreSettings, StoreUrl};
use crate::store::aws_cli::region_of;
use crate::store::error::StoreError;
use crate::store::remote::Remote;
use crate::store::renewed::Shared;
use crate::store::{aws_cli, az_cli};

/// A host that can't be reached in this time is not going to be.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Variables of the environment, by name.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A store that was opened, and where its credentials come from.
pub struct Opened {
    pub remote: Remote,
    pub credentials: String,
}

/// Opens a store. Sends nothing to it yet.
///
/// # Errors
/// There are no credentials that can be used, or a setting of the environment can't be.
pub fn open(url: &StoreUrl, settings: &StoreSettings, environment: Environment<'_>) -> Result<Opened, StoreError> {
    // An error says that there is a provider already, which is as good.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let (store, credentials): (Arc<dyn ObjectStore>, String) = match url.kind {
        StoreKind::S3 => s3(url, settings, environment)?,
        StoreKind::Google => google(url, settings, environment)?,
        StoreKind::Azure => azure(url, settings, environment)?,
    };
    Ok(Opened { remote: Remote::new(store, &url.prefix, settings.lease), credentials })
}

/// The crate's own repetitions are off: what a "no" to a repeated write means must be found out each time.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

/// Each request has a limit of its own, by its size.
fn client(endpoint: Option<&Endpoint>) -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(endpoint.is_some_and(Endpoint::is_plain))
}

/// The endpoint of the settings, or one of these variables.
fn endpoint(
    settings: &StoreSettings,
    environment: Environment<'_>,
    names: &[&str],
) -> Result<Option<Endpoint>, StoreError> {
    if settings.endpoint.is_some() {
        return Ok(settings.endpoint.clone());
    }
    let named = names.iter().find_map(|name| Some((name, environment(name)?)));
    let Some((name, text)) = named else {
        return Ok(None);
    };
    let unusable = |error| StoreError::Setting { name: (*name).to_owned(), why: format!("{error}") };
    Endpoint::parse(&text).map(Some).map_err(unusable)
}

/// Why a store can't be opened, with where its credentials were looked for.
fn cannot(tried: &str) -> impl FnOnce(object_store::Error) -> StoreError {
    let tried = tried.to_owned();
    move |error| {
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(layer) = cause {
            if !why.contains(&layer.to_string()) {
                why.push_str(&format!(": {layer}"));
            }
            cause = layer.source();
        }
        StoreError::NoCredentials { why: why.chars().take(400).collect(), tried }
    }
}

const AWS_ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

fn s3(
    url: &StoreUrl,
    settings: &StoreSettings,
    environment: Environment<'_>,
) -> Result<(Arc<dyn ObjectStore>, String), StoreError> {
    let endpoint = endpoint(settings, environment, &AWS_ENDPOINTS)?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&url.bucket)
        .with_client_options(client(endpoint.as_ref()))
        .with_allow_http(endpoint.as_ref().is_some_and(Endpoint::is_plain))
        .with_retry(once());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint.to_string());
    }
    let source = AwsSource::choose(settings, environment);
    let region =
        settings.region.clone().or_else(|| environment("AWS_REGION")).or_else(|| environment("AWS_DEFAULT_REGION"));
    if let AwsSource::Cli { profile } = &source {
        let cli = aws_cli::ask(profile.clone());
        let cli = cli.map_err(|why| StoreError::NoCredentials { why, tried: source.told() })?;
        builder = builder.with_credentials(Arc::new(Shared::new(cli)));
    }
    let region = match (&region, &source) {
        (None, AwsSource::Cli { profile }) => region_of(profile.as_deref()),
        _ => region,
    };
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let tried = source.told();
    Ok((Arc::new(builder.build().map_err(cannot(&tried))?), tried))
}

/// Where credentials of AWS come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum AwsSource {
    Keys,
    WebIdentity,
    Container,
    /// The AWS command line, which knows profiles and single sign-on.
    Cli {
        profile: Option<String>,
    },
    Instance,
}

impl AwsSource {
    fn choose(settings: &StoreSettings, environment: Environment<'_>) -> Self {
        let is_set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
        if let Some(profile) = &settings.profile {
            return AwsSource::Cli { profile: Some(profile.clone()) };
        }
        if is_set("AWS_ACCESS_KEY_ID") || is_set("AWS_SECRET_ACCESS_KEY") {
            return AwsSource::Keys;
        }
        if let Some(profile) = environment("AWS_PROFILE").filter(|profile| !profile.is_empty()) {
            return AwsSource::Cli { profile: Some(profile) };
        }
        if is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && is_set("AWS_ROLE_ARN") {
            return AwsSource::WebIdentity;
        }
        if is_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || is_set("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return AwsSource::Container;
        }
        let home = environment("HOME").or_else(|| environment("USERPROFILE")).map(PathBuf::from);
        let in_home = ["config", "credentials"].map(|name| home.as_ref().map(|home| home.join(".aws").join(name)));
        let named = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| environment(name).map(PathBuf::from));
        if in_home.into_iter().chain(named).flatten().any(|path| path.exists()) {
            return AwsSource::Cli { profile: None };
        }
        AwsSource::Instance
    }

    /// What was taken, and what was looked at before it.
    fn told(&self) -> String {
        const NOT_SET: [&str; 4] = [
            "AWS_ACCESS_KEY_ID (not set)",
            "AWS_PROFILE (not set)",
            "AWS_WEB_IDENTITY_TOKEN_FILE (not set)",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (not set)",
        ];
        let (before, taken) = match self {
            AwsSource::Keys => (0, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned()),
            AwsSource::Cli { profile: Some(profile) } => {
                (0, format!("`aws configure export-credentials --profile {profile}`"))
            }
            AwsSource::WebIdentity => (2, "AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN".to_owned()),
            AwsSource::Container => (3, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI".to_owned()),
            AwsSource::Cli { profile: None } => (4, "`aws configure export-credentials`".to_owned()),
            AwsSource::Instance => (4, "~/.aws (not there), the metadata of this machine".to_owned()),
        };
        NOT_SET.into_iter().take(before).map(str::to_owned).chain([taken]).collect::<Vec<_>>().join(", ")
    }
}

const GOOGLE_TOKENS: [&str; 2] = ["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"];

fn google(
    url: &StoreUrl,
    settings: &StoreSettings,
    environment: Environment<'_>,
) -> Result<(Arc<dyn ObjectStore>, String), StoreError> {
    let endpoint = endpoint(settings, environment, &[])?;
    let is_plain = endpoint.as_ref().is_some_and(Endpoint::is_plain);
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&url.bucket)
        .with_client_options(client(endpoint.as_ref()))
        .with_retry(once());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(&endpoint.to_string());
    }
    let token =
        GOOGLE_TOKENS.into_iter().find_map(|name| Some((name, environment(name).filter(|token| !token.is_empty())?)));
    let source = if let Some((name, token)) = token {
        builder = builder.with_bearer_token(token);
        name.to_owned()
    } else if is_plain {
        builder = builder.with_bearer_token("");
        "none: a store on this machine needs none".to_owned()
    } else {
        "GOOGLE_OAUTH_ACCESS_TOKEN (not set), GOOGLE_SERVICE_ACCOUNT_KEY, GOOGLE_SERVICE_ACCOUNT, \
         GOOGLE_APPLICATION_CREDENTIALS, the file of \
         `gcloud auth application-default login`, the metadata of this machine; a file of workload identity \
         federation can't be read: pass its access token in GOOGLE_OAUTH_ACCESS_TOKEN"
            .to_owned()
    };
    Ok((Arc::new(builder.build().map_err(cannot(&source))?), source))
}

/// What says where credentials for Azure come from; where none of them is set, there may be a login, or an identity of
/// the machine.
const AZURE_NAMED: [&str; 11] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_MSI_ENDPOINT",
    "AZURE_IDENTITY_ENDPOINT",
    "IDENTITY_ENDPOINT",
];

fn azure(
    url: &StoreUrl,
    settings: &StoreSettings,
    environment: Environment<'_>,
) -> Result<(Arc<dyn ObjectStore>, String), StoreError> {
    let is_set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let emulator = environment("AZURE_STORAGE_USE_EMULATOR")
        .is_some_and(|value| !["", "0", "false", "off", "no", "n"].contains(&&*value.trim().to_ascii_lowercase()));
    if emulator {
        // It may be anywhere as far as the crate cares.
        endpoint(&StoreSettings::default(), environment, &["AZURITE_BLOB_STORAGE_URL"])?;
    }
    let endpoint = endpoint(settings, environment, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"])?;
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&url.bucket)
        .with_client_options(client(endpoint.as_ref()))
        .with_allow_http(emulator || endpoint.as_ref().is_some_and(Endpoint::is_plain))
        // What the crate does with it may never end.
        .with_use_azure_cli(false)
        .with_retry(once());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint.to_string());
    }
    let account = ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_ACCOUNT_NAME"];
    let source = match AZURE_NAMED.into_iter().find(|name| is_set(name)) {
        Some(name) => name.to_owned(),
        None if emulator => "the well-known key of the emulator".to_owned(),
        None => {
            let not_set: Vec<String> = AZURE_NAMED.iter().map(|name| format!("{name} (not set)")).collect();
            let tried = format!("{}, `{}`", not_set.join(", "), az_cli::COMMAND);
            match az_cli::ask() {
                Ok(cli) => {
                    builder = builder.with_credentials(Arc::new(Shared::new(cli)));
                    tried
                }
                // The crate asks for it where nothing else is given.
                Err(why) => format!("{tried} ({why}), the managed identity of this machine"),
            }
        }
    };
    let source = match account.into_iter().any(is_set) || emulator {
        true => source,
        false => format!("AZURE_STORAGE_ACCOUNT_NAME (not set), {source}"),
    };
    Ok((Arc::new(builder.build().map_err(cannot(&source))?), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(profile: Option<&str>, set: &[&str]) -> String {
        let settings = StoreSettings { profile: profile.map(str::to_owned), ..StoreSettings::default() };
        let environment = |name: &str| set.contains(&name).then(|| "x".to_owned());
        AwsSource::choose(&settings, &environment).told()
    }

    #[test]
    fn a_profile_that_is_named_goes_first_and_every_source_that_was_looked_at_is_named() {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        assert_eq!(chosen(Some("work"), &keys), "`aws configure export-credentials --profile work`");
        assert_eq!(chosen(None, &keys), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        assert_eq!(chosen(None, &["AWS_PROFILE"]), "`aws configure export-credentials --profile x`");
        let web = chosen(None, &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]);
        assert_eq!(
            web,
            "AWS_ACCESS_KEY_ID (not set), AWS_PROFILE (not set), AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN"
        );
        let nothing = chosen(None, &[]);
        assert!(nothing.ends_with("~/.aws (not there), the metadata of this machine"), "{nothing}");
        assert!(nothing.contains("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (not set)"), "{nothing}");
    }

    #[test]
    fn an_endpoint_of_the_environment_is_held_to_the_same_rule_as_one_of_the_project_file() {
        let url = StoreUrl::parse("s3://acme/a").expect("a URL");
        let environment = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://minio.example".to_owned());
        let error = open(&url, &StoreSettings::default(), &environment).err().expect("in the clear");
        assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
        let url = StoreUrl::parse("az://acme/a").expect("a URL");
        let environment = |name: &str| match name {
            "AZURE_STORAGE_USE_EMULATOR" => Some("true".to_owned()),
            "AZURITE_BLOB_STORAGE_URL" => Some("http://azurite.example:10000".to_owned()),
            _ => None,
        };
        open(&url, &StoreSettings::default(), &environment).err().expect("in the clear");
    }
}
