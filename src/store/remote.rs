//! [`Objects`] spoken to a store of a cloud, or to one in memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, PutResult, UpdateVersion,
};

use crate::store::objects::{Answer, Fault, FaultKind, Listed, Object, Objects, Put, Version, When};
use crate::store::{aws_cli, az_cli};

/// The largest object that is read, in bytes: as much as a state file may have.
const BYTES_MAX: u64 = 1 << 30;

/// A request with little to carry takes no longer than this, and no longer than a third of a lease, so that several can
/// be tried before it ends.
const REQUEST: Duration = Duration::from_secs(10);
/// More than this many bytes a second are to be expected.
const BYTES_PER_SECOND: u64 = 256 << 10;

/// A store, below a prefix.
#[derive(Debug)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    request: Duration,
}

impl Remote {
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str, lease: Duration) -> Self {
        Remote { store, prefix: prefix.to_owned(), request: REQUEST.min(lease / 3) }
    }

    fn time_for(&self, bytes: u64) -> Duration {
        self.request + Duration::from_secs(bytes / BYTES_PER_SECOND)
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}/{key}", self.prefix))
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, Fault> {
        let asked = async {
            match self.store.get_opts(&self.path(key), GetOptions::default()).await {
                Err(Error::NotFound { source, .. }) if !lacks_bucket(&source.to_string()) => Ok(None),
                found => found.map(Some).map_err(fault),
            }
        };
        let Some(found) = within(self.request, asked).await? else { return Ok(None) };
        if found.meta.size > BYTES_MAX {
            let message = format!("{key} is larger than {BYTES_MAX} bytes");
            return Err(Fault { message, kind: FaultKind::Lasting });
        }
        let version = Version { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        // What the crate has where a store says nothing.
        let modified = Some(SystemTime::from(found.meta.last_modified)).filter(|time| *time != SystemTime::UNIX_EPOCH);
        let size = found.meta.size;
        let body = within(self.time_for(size), async { found.bytes().await.map_err(fault) }).await?;
        Ok(Some(Object { body: body.to_vec(), version, modified }))
    }

    async fn write(&self, key: &str, body: Vec<u8>, when: When) -> Result<Put, Fault> {
        let replaces = matches!(when, When::Unchanged(_));
        let mode = match when {
            When::Always => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            When::Unchanged(Version { e_tag, version }) => PutMode::Update(UpdateVersion { e_tag, version }),
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store.put_opts(&self.path(key), PutPayload::from(body), options).await {
            Ok(PutResult { e_tag, version, .. }) => Ok(Put::Done(Version { e_tag, version })),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Refused),
            // Of a replacement: what was to be replaced is gone.
            Err(Error::NotFound { source, .. }) if replaces && !lacks_bucket(&source.to_string()) => Ok(Put::Refused),
            Err(error) => Err(fault(error)),
        }
    }

    async fn list_some(&self, folder: &str, limit: usize) -> Result<Vec<Listed>, Fault> {
        let start = format!("{}/", self.prefix);
        let path = self.path(folder);
        let found = self.store.list(Some(&path)).take(limit).try_collect::<Vec<_>>().await.map_err(fault)?;
        let listed = found.into_iter().filter_map(|meta| {
            let key = meta.location.as_ref().strip_prefix(&start)?.to_owned();
            Some(Listed { key, bytes: meta.size, modified: SystemTime::from(meta.last_modified) })
        });
        Ok(listed.collect())
    }
}

impl Objects for Remote {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Object>> {
        Box::pin(self.read(key))
    }

    fn put<'a>(&'a self, key: &'a str, body: Vec<u8>, when: When) -> Answer<'a, Put> {
        Box::pin(within(self.time_for(body.len() as u64), self.write(key, body, when)))
    }

    fn list<'a>(&'a self, folder: &'a str, limit: usize) -> Answer<'a, Vec<Listed>> {
        Box::pin(within(self.request * 3, self.list_some(folder, limit)))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        let path = self.path(key);
        Box::pin(within(self.request, async move {
            match self.store.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(fault(error)),
            }
        }))
    }
}

/// Whether a store that says `404` means more than one object. A bucket that is not there is no state that is empty.
fn lacks_bucket(answer: &str) -> bool {
    ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]
        .iter()
        .any(|word| answer.contains(word))
}

async fn within<T>(time: Duration, request: impl Future<Output = Result<T, Fault>> + Send) -> Result<T, Fault> {
    let late = |_| Fault { message: format!("no answer within {time:?}"), kind: FaultKind::Passing };
    tokio::time::timeout(time, request).await.map_err(late)?
}

/// What the crate says, on one line, without what repeats.
fn fault(error: Error) -> Fault {
    let is_of_cli = |path: &str| path == aws_cli::COMMAND || path == az_cli::COMMAND;
    let is_cli = matches!(&error, Error::Unauthenticated { path, .. } if is_of_cli(path));
    let is_lasting = matches!(
        error,
        Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::NotFound { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::InvalidPath { .. }
            | Error::UnknownConfigurationKey { .. }
    );
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(layer) = cause {
        let words = layer.to_string();
        if !message.contains(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        cause = layer.source();
    }
    let kind = match is_lasting {
        true if !is_cli => FaultKind::Lasting,
        _ if is_cli || is_about_credentials(&message) => FaultKind::Credentials,
        _ => FaultKind::Passing,
    };
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    Fault { message: message.chars().take(600).collect(), kind }
}

/// Whether it was not the store that failed, but what gives credentials for it: the crate says so in words only, and
/// by the address at which machines in a cloud find theirs.
fn is_about_credentials(message: &str) -> bool {
    let is_url = |word: &&str| word.contains("://");
    // A bucket or a prefix may have any name.
    let (urls, words): (Vec<&str>, Vec<&str>) = message.split_whitespace().partition(is_url);
    let has = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));
    has(&urls.join(" "), &["//169.254.169.254", "/latest/api/token"])
        || has(&words.join(" "), &["token request", "get-access-token", "redential"])
}
