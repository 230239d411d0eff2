//! The objects of one workspace in a bucket: read whole and bounded, and written only where nobody else has written meanwhile.
//!
//! The service's own client retries; where a write was answered by nobody, what stands there is read back. Must never: overwrite what it has not read, believe a
//! service that ignores conditions, or let what stands behind a `?` of an address into a message.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as ObjectPath;
use object_store::{
    BackoffConfig, ClientOptions, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
    UpdateVersion,
};

use crate::manifest::kinds::{AzureState, GcsState, S3State, StateLocation};
use crate::state::StateError;

/// A state is a few kilobytes a person; ten million of them are no larger.
const MAX_OBJECT: u64 = 4 << 30;
/// More objects than this that no state holds yet are nobody's doing.
const MAX_LISTED: usize = 200_000;
/// One request, and all of its repeats.
const REQUEST: Duration = Duration::from_secs(60);
const RETRIES: Duration = Duration::from_secs(20);

/// The objects of one workspace.
#[derive(Debug)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    shown: PathBuf,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) bytes: Bytes,
    pub(super) version: UpdateVersion,
    /// by the service's own clock, in seconds
    pub(super) written: i64,
}

/// What came of a write that had a condition.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Done(UpdateVersion),
    /// somebody else was first; nothing was written
    Taken,
}

/// An object's name below the prefix, and when it was written by the service's own clock.
pub(super) type Listed = (String, i64);

impl Bucket {
    /// The bucket that a Workspace names, with the credentials of the environment.
    pub fn of(location: &StateLocation, workspace: &str) -> Result<Self, StateError> {
        let shown = shown(location, workspace);
        let store: Result<Arc<dyn ObjectStore>, Error> = match location {
            StateLocation::S3(s3) => s3_store(s3),
            StateLocation::Gcs(gcs) => gcs_store(gcs),
            StateLocation::Azure(azure) => azure_store(azure),
            StateLocation::Path(_) | StateLocation::Postgres(_) => return Err(StateError::Foreign { path: shown }),
        };
        let store = store.map_err(|error| told(&shown, &error))?;
        let prefix = ObjectPath::parse(prefix(location, workspace)).map_err(|error| told(&shown, &error.into()))?;
        Ok(Self { store, prefix, shown })
    }

    /// Objects of whatever service.
    #[cfg(test)]
    pub(in crate::state) fn within(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: ObjectPath::from(prefix), shown: PathBuf::from(format!("memory://{prefix}")) }
    }

    /// What messages call it.
    pub(in crate::state) fn shown(&self) -> PathBuf {
        self.shown.clone()
    }

    /// What messages call one of its objects.
    pub(super) fn object(&self, name: &str) -> String {
        format!("{}/{name}", self.shown.display())
    }

    /// An object; nothing where there is none.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Read>, StateError> {
        let found = match self.store.get_opts(&self.at(name), GetOptions::default()).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other.map_err(|error| self.told(&error))?,
        };
        if found.meta.size > MAX_OBJECT {
            let why = format!("it has {} bytes, and a state has no more than {MAX_OBJECT}", found.meta.size);
            return Err(StateError::Damaged { object: self.object(name), why });
        }
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let written = found.meta.last_modified.timestamp();
        let bytes = found.bytes().await.map_err(|error| self.told(&error))?;
        Ok(Some(Read { bytes, version, written }))
    }

    /// Which version of an object stands there.
    pub(super) async fn version(&self, name: &str) -> Result<Option<UpdateVersion>, StateError> {
        match self.store.get_opts(&self.at(name), GetOptions { head: true, ..GetOptions::default() }).await {
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.told(&error)),
            Ok(found) => Ok(Some(UpdateVersion { e_tag: found.meta.e_tag, version: found.meta.version })),
        }
    }

    /// Makes an object, unless there is one.
    pub(super) async fn create(&self, name: &str, bytes: Bytes) -> Result<Written, StateError> {
        self.put(name, bytes, PutMode::Create).await
    }

    /// Writes an object in the place of one that was read.
    pub(super) async fn replace(&self, name: &str, bytes: Bytes, version: UpdateVersion) -> Result<Written, StateError> {
        self.put(name, bytes, PutMode::Update(version)).await
    }

    /// Objects below a folder whose names come after one, in their order.
    pub(super) async fn list(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StateError> {
        let own = |location: &ObjectPath| {
            let parts = location.prefix_match(&self.prefix)?;
            Some(parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
        };
        let mut all = self.store.list_with_offset(Some(&self.at(folder)), &self.at(after));
        let mut listed = Vec::new();
        while let Some(meta) = all.try_next().await.map_err(|error| self.told(&error))? {
            listed.extend(own(&meta.location).map(|name| (name, meta.last_modified.timestamp())));
            if listed.len() > MAX_LISTED {
                return Err(StateError::Damaged {
                    object: self.object(folder),
                    why: format!("there are more than {MAX_LISTED} objects that no state holds"),
                });
            }
        }
        listed.sort();
        Ok(listed)
    }

    /// Takes objects away. One that is not there any more is no trouble.
    pub(super) async fn remove(&self, names: &[String]) -> Result<(), StateError> {
        for name in names {
            match self.store.delete(&self.at(name)).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(self.told(&error)),
            }
        }
        Ok(())
    }

    /// Whether the service keeps conditions: what stands there already is made again, and written in the place of a version that never was.
    pub(super) async fn keeps_conditions(&self, name: &str, bytes: &Bytes) -> Result<(), StateError> {
        let never = UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".to_owned()), version: Some("1".to_owned()) };
        for mode in [PutMode::Create, PutMode::Update(never)] {
            // The same bytes: where it does not refuse them, nothing is lost by asking.
            if self.store.put_opts(&self.at(name), PutPayload::from(bytes.clone()), PutOptions::from(mode)).await.is_ok() {
                return Err(StateError::NoConditions { path: self.shown() });
            }
        }
        Ok(())
    }

    async fn put(&self, name: &str, bytes: Bytes, mode: PutMode) -> Result<Written, StateError> {
        let put = self.store.put_opts(&self.at(name), PutPayload::from(bytes.clone()), PutOptions::from(mode)).await;
        match put {
            Ok(put) => Ok(Written::Done(UpdateVersion { e_tag: put.e_tag, version: put.version })),
            // An answer that got lost: the write that was sent again finds the one before.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. }) => match self.get(name).await? {
                Some(read) if read.bytes == bytes => Ok(Written::Done(read.version)),
                _ => Ok(Written::Taken),
            },
            Err(error) => match self.get(name).await {
                Ok(Some(read)) if read.bytes == bytes => Ok(Written::Done(read.version)),
                _ => Err(self.told(&error)),
            },
        }
    }

    fn at(&self, name: &str) -> ObjectPath {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn told(&self, error: &Error) -> StateError {
        told(&self.shown, error)
    }
}

/// What messages call the place that a Workspace names.
pub(in crate::state) fn shown(location: &StateLocation, workspace: &str) -> PathBuf {
    let bucket = match location {
        StateLocation::S3(s3) => format!("s3://{}", s3.bucket),
        StateLocation::Gcs(gcs) => format!("gs://{}", gcs.bucket),
        StateLocation::Azure(azure) => format!("az://{}/{}", azure.account, azure.container),
        StateLocation::Path(path) => path.clone(),
        StateLocation::Postgres(postgres) => postgres.url.clone(),
    };
    let prefix = prefix(location, workspace);
    PathBuf::from(if prefix.is_empty() { bucket } else { format!("{bucket}/{prefix}") })
}

fn prefix<'a>(location: &'a StateLocation, workspace: &'a str) -> &'a str {
    location.prefix().unwrap_or(workspace).trim_matches('/')
}

fn client(plain: bool) -> ClientOptions {
    ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(Duration::from_secs(10)).with_allow_http(plain)
}

fn retry() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 5, retry_timeout: RETRIES }
}

fn s3_store(s3: &S3State) -> Result<Arc<dyn ObjectStore>, Error> {
    let plain = s3.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) && !s3.goes_openly();
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&s3.bucket).with_client_options(client(plain)).with_retry(retry());
    builder = builder.with_conditional_put(S3ConditionalPut::ETagMatch).with_allow_http(plain);
    // Not every service that speaks S3 knows how many are taken away at once.
    builder = builder.with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
    if let Some(region) = &s3.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    Ok(Arc::new(builder.build()?))
}

fn gcs_store(gcs: &GcsState) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&gcs.bucket);
    Ok(Arc::new(builder.with_client_options(client(false)).with_retry(retry()).build()?))
}

fn azure_store(azure: &AzureState) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = MicrosoftAzureBuilder::from_env().with_account(&azure.account).with_container_name(&azure.container);
    Ok(Arc::new(builder.with_client_options(client(false)).with_retry(retry()).build()?))
}

/// What the service said, in words that name no secret: a signed address has them behind its `?`.
fn told(shown: &std::path::Path, error: &Error) -> StateError {
    const WORDS: usize = 400;
    let mut words = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.contains(&text) {
            words = if words.is_empty() { text } else { format!("{words}: {text}") };
        }
        next = error.source();
    }
    let hint = match error {
        Error::PermissionDenied { .. } => "the credentials may not do this: docs/ci.md lists what they need",
        Error::Unauthenticated { .. } => "the credentials are missing or wrong: docs/ci.md says where they are looked for",
        _ if words.contains("NoSuchBucket") => "make the bucket, or correct its name in the Workspace's `state`",
        _ => "check the bucket's name, the region, the credentials and the network",
    };
    // What the service itself says stands in XML behind all the rest.
    let part = |name: &str| Some(words.split_once(&format!("<{name}>"))?.1.split_once('<')?.0.to_owned());
    if let (Some(code), Some(message)) = (part("Code"), part("Message")) {
        let before = words.split('<').next().unwrap_or_default().trim_end_matches([' ', ':']);
        words = format!("{before}: {code}: {message}");
    }
    let plain = words.split_whitespace().map(|word| word.split_once('?').map_or(word, |(before, _)| before)).collect::<Vec<_>>().join(" ");
    let why = plain.chars().take(WORDS).collect();
    StateError::Unreachable { path: shown.to_path_buf(), why, hint }
}
