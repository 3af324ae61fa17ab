//! Where the state of a tenant is: a file, or a prefix of a bucket in an object store.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

/// Where a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatePlace {
    /// A path, as it was written.
    File(String),
    Store(StoreUrl),
}

impl StatePlace {
    /// What has `://` in it is the URL of a store; everything else is a path.
    ///
    /// # Errors
    /// See [`StoreUrlError`].
    pub fn parse(text: &str) -> Result<Self, StoreUrlError> {
        if text.contains("://") { StoreUrl::parse(text).map(Self::Store) } else { Ok(Self::File(text.to_owned())) }
    }
}

/// Whose interface a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Amazon S3, and whatever has its API.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl StoreKind {
    pub fn scheme(self) -> &'static str {
        match self {
            StoreKind::S3 => "s3",
            StoreKind::Google => "gs",
            StoreKind::Azure => "az",
        }
    }

    /// What a bucket is called there.
    fn bucket(self) -> &'static str {
        match self {
            StoreKind::S3 | StoreKind::Google => "bucket",
            StoreKind::Azure => "container",
        }
    }
}

/// A prefix of a bucket, or of a container: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl {
    pub kind: StoreKind,
    pub bucket: String,
    /// One or more names with `/` between them, without one at the beginning or the end.
    pub prefix: String,
}

/// Why a text is not the URL of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    #[error("`{scheme}://` is not a store that a state can be in")]
    Scheme { scheme: String },
    #[error("`{0}://` names no {noun}: write {0}://{upper}/PREFIX", .kind.scheme(), noun = .kind.bucket(), upper = .kind.bucket().to_uppercase())]
    NoBucket { kind: StoreKind },
    #[error("`{bucket}` can't be the name of a bucket")]
    Bucket { bucket: String },
    #[error("`{scheme}://{bucket}` has no prefix: write {scheme}://{bucket}/PREFIX, another one for each tenant")]
    NoPrefix { scheme: &'static str, bucket: String },
    #[error("the prefix `{prefix}` has a part that can't be in a URL of a store")]
    Prefix { prefix: String },
}

/// The longest prefix, in bytes: a name of an object may have 1024 with it.
const PREFIX_MAX: usize = 512;

impl StoreUrl {
    /// # Errors
    /// See [`StoreUrlError`].
    pub fn parse(text: &str) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = text.trim().split_once("://").unwrap_or_default();
        let kind =
            [StoreKind::S3, StoreKind::Google, StoreKind::Azure].into_iter().find(|kind| kind.scheme() == scheme);
        let kind = kind.ok_or_else(|| StoreUrlError::Scheme { scheme: scheme.to_owned() })?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(StoreUrlError::NoBucket { kind });
        }
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-$".contains(&byte);
        if bucket.len() > 255 || !bucket.bytes().all(fits) || !bucket.starts_with(|c: char| c != '.') {
            return Err(StoreUrlError::Bucket { bucket: bucket.to_owned() });
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Err(StoreUrlError::NoPrefix { scheme: kind.scheme(), bucket: bucket.to_owned() });
        }
        // What every store takes as it is, and no client encodes in a way of its own.
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=+".contains(&byte);
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_part);
        if prefix.len() > PREFIX_MAX || !prefix.split('/').all(is_name) {
            return Err(StoreUrlError::Prefix { prefix: prefix.to_owned() });
        }
        Ok(StoreUrl { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}/{}", self.kind.scheme(), self.bucket, self.prefix)
    }
}

/// How a store is reached. What is not set comes from the environment, as for the tools of each cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The store's own address, for one that is not the cloud's.
    pub endpoint: Option<Endpoint>,
    /// Of S3.
    pub region: Option<String>,
    /// A profile of the AWS command line.
    pub profile: Option<String>,
    /// How long a holder of the state may be without a sign of life. At least [`StoreSettings::LEASE_MIN`].
    pub lease: Duration,
}

impl StoreSettings {
    /// A beat in three must get through, and each may take seconds.
    pub const LEASE_MIN: Duration = Duration::from_secs(5);
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { endpoint: None, region: None, profile: None, lease: Duration::from_secs(30) }
    }
}

/// The address of a store, https, or http to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is not an address of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("the endpoint is not an https URL")]
    NotAUrl,
    #[error("the endpoint has a user, a password, a `?` or a `#` in it")]
    More,
    #[error("plain http to `{host}` would send the state in the clear; it is for this machine only")]
    PlainHttp { host: String },
}

impl Endpoint {
    /// # Errors
    /// See [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::NotAUrl);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::More);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(EndpointError::PlainHttp { host: url.host_str().unwrap_or_default().to_owned() });
        }
        Ok(Endpoint(url))
    }

    /// Whether it is plain http, which is spoken to this machine only.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Whether a URL leads to this machine: 127.0.0.0/8, ::1 or `localhost`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_a_store_is_read_and_written_in_one_spelling() {
        for (text, kind, bucket, prefix) in [
            ("s3://acme-state/dixa/staging", StoreKind::S3, "acme-state", "dixa/staging"),
            ("gs://acme.example/a/", StoreKind::Google, "acme.example", "a"),
            ("az://$root/a=1/b+2", StoreKind::Azure, "$root", "a=1/b+2"),
        ] {
            let url = StoreUrl::parse(text).expect(text);
            assert_eq!((url.kind, &*url.bucket, &*url.prefix), (kind, bucket, prefix));
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
            assert_eq!(StatePlace::parse(text), Ok(StatePlace::Store(url)));
        }
        for path in ["state/staging.json", "C:\\state.json", "s3:bucket"] {
            assert_eq!(StatePlace::parse(path), Ok(StatePlace::File(path.to_owned())));
        }
    }

    #[test]
    fn what_is_no_url_of_a_store_is_refused_with_what_is_wrong() {
        for (text, said) in [
            ("http://127.0.0.1/bucket/a", "`http://` is not a store"),
            ("S3://bucket/a", "`S3://` is not a store"),
            ("s3://", "`s3://` names no bucket: write s3://BUCKET/PREFIX"),
            ("az:///a", "`az://` names no container: write az://CONTAINER/PREFIX"),
            ("s3://user@bucket/a", "`user@bucket` can't be"),
            ("s3://bucket", "`s3://bucket` has no prefix: write s3://bucket/PREFIX"),
            ("gs://bucket/", "`gs://bucket` has no prefix: write gs://bucket/PREFIX"),
            ("s3://bucket/a/../b", "the prefix `a/../b`"),
            ("s3://bucket/a//b", "the prefix `a//b`"),
            ("s3://bucket/a?b=c", "the prefix `a?b=c`"),
            ("s3://bucket/ü", "the prefix `ü`"),
        ] {
            let error = StatePlace::parse(text).expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(StoreUrl::parse(&format!("s3://bucket/{}", "a".repeat(513))).is_err());
    }

    #[test]
    fn plain_http_is_for_a_store_on_this_machine() {
        for text in ["https://minio.example/", "http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:9000"] {
            assert_eq!(Endpoint::parse(text).expect(text).to_string(), text.trim_end_matches('/'));
        }
        assert!(matches!(Endpoint::parse("http://minio.example"), Err(EndpointError::PlainHttp { .. })));
        assert_eq!(Endpoint::parse("minio:9000"), Err(EndpointError::NotAUrl));
        assert_eq!(Endpoint::parse("https://key:secret@minio.example"), Err(EndpointError::More));
    }
}
