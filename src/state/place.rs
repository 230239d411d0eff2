//! Where a state is, and the ways to open it: the same for all that stand behind [`Store`].
//!
//! Must never: choose a place by itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{Holder, LeaseTerms};
use super::objects::{self, Bucket, shown};
use super::postgres::{self, PostgresPlace};
use super::record::LeaseRecord;
use super::seal::Wrapping;
use super::sealed::sealed;
use super::{StateError, Store, hex, sqlite};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::{StateLocation, StateSpec};
use crate::model::Memory;
use crate::secret;

/// Where a state is, and what wraps the keys in it.
#[derive(Clone, Debug)]
pub struct StatePlace {
    /// where
    pub at: PlaceKind,
    /// the secret, and what its path counts from
    encryption: Option<(SecretRef, PathBuf)>,
    /// who decides who writes, where it is a file that processes of several machines may want
    record: Option<Arc<dyn LeaseRecord>>,
}

/// Where it is.
#[derive(Clone, Debug)]
pub enum PlaceKind {
    /// a file of this machine
    File(PathBuf),
    /// objects of a bucket, by the workspace's id
    Objects(StateLocation, Arc<str>),
    /// rows of a database, by the workspace's id
    Postgres(PostgresPlace),
}

impl StatePlace {
    /// The place that a Workspace names. `base`: what a path counts from; `file`: where it is unless it is named.
    pub fn of(state: &StateSpec, base: &Path, workspace: &str, file: &str) -> Self {
        let location = state.location().unwrap_or_else(|| StateLocation::Path(file.to_owned()));
        let encryption = state.encryption.as_ref().map(|encryption| (encryption.secret.clone(), base.to_path_buf()));
        Self { encryption, ..Self::at(&location, base, workspace) }
    }

    /// A place by itself.
    pub fn at(location: &StateLocation, base: &Path, workspace: &str) -> Self {
        let at = match location {
            StateLocation::Path(path) => PlaceKind::File(base.join(path)),
            StateLocation::Postgres(postgres) => {
                PlaceKind::Postgres(PostgresPlace::new(postgres.clone(), base.to_path_buf(), workspace.into()))
            }
            bucket => PlaceKind::Objects(bucket.clone(), workspace.into()),
        };
        at.into()
    }

    /// The same with what wraps the keys of another.
    pub fn wrapped_as(self, other: &Self) -> Self {
        Self { encryption: other.encryption.clone(), ..self }
    }

    /// The same where processes of several machines may want it: who writes is decided by the record where the state is a file, and by the state itself anywhere else.
    pub fn beside(self, record: Arc<dyn LeaseRecord>) -> Self {
        Self { record: Some(record), ..self }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.at {
            PlaceKind::File(path) => Some(path),
            PlaceKind::Objects(..) | PlaceKind::Postgres(_) => None,
        }
    }

    /// The terms of a lock there that has to be kept alive.
    pub fn terms(&self) -> LeaseTerms {
        if let PlaceKind::Postgres(_) = self.at { LeaseTerms::QUICK } else { LeaseTerms::default() }
    }

    /// What messages call it.
    pub fn path(&self) -> PathBuf {
        match &self.at {
            PlaceKind::File(path) => path.clone(),
            PlaceKind::Objects(location, workspace) => shown(location, workspace),
            PlaceKind::Postgres(postgres) => postgres.shown(),
        }
    }

    async fn wrapping(&self) -> Result<Option<Wrapping>, StateError> {
        let Some((reference, base)) = &self.encryption else { return Ok(None) };
        let resolved = secret::resolve(reference, base).await.map_err(|source| StateError::Encryption { path: self.path(), source })?;
        Wrapping::of(&resolved).map(Some).ok_or_else(|| StateError::Unsealed { path: self.path() })
    }
}

impl From<PlaceKind> for StatePlace {
    fn from(at: PlaceKind) -> Self {
        Self { at, encryption: None, record: None }
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(out)
    }
}

impl From<&Path> for StatePlace {
    fn from(path: &Path) -> Self {
        PlaceKind::File(path.to_path_buf()).into()
    }
}

impl From<&PathBuf> for StatePlace {
    fn from(path: &PathBuf) -> Self {
        PlaceKind::File(path.clone()).into()
    }
}

impl From<&Self> for StatePlace {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

/// Opens the state of a workspace, or makes it. One of an older version becomes one of ours.
pub async fn open(place: impl Into<StatePlace>, workspace: &str) -> Result<Arc<dyn Store>, StateError> {
    let place = place.into();
    let terms = place.terms();
    open_on(place, workspace, terms).await
}

/// The same with a lock on other terms, where it has to be kept alive.
pub async fn open_on(place: impl Into<StatePlace>, workspace: &str, terms: LeaseTerms) -> Result<Arc<dyn Store>, StateError> {
    let place = place.into();
    let wrapping = place.wrapping().await?;
    let store = match place.at {
        PlaceKind::File(path) => match place.record {
            Some(record) => sqlite::open_beside(&path, workspace, record).await,
            None => sqlite::open(&path, workspace).await,
        },
        PlaceKind::Objects(bucket, id) => objects::open(Bucket::of(&bucket, &id)?.into(), workspace, terms).await,
        PlaceKind::Postgres(postgres) => postgres::open(postgres, terms).await,
    };
    Ok(sealed(store?, wrapping))
}

/// Opens a state of whatever workspace to look at it, and writes nothing, not even beside it; nothing where there is none. One of an older version is looked at
/// as it would be. What is wrapped by a secret that can't be had stays sealed.
pub async fn look(place: impl Into<StatePlace>) -> Result<Option<Arc<dyn Store>>, StateError> {
    let place = place.into();
    let wrapping = place.wrapping().await.unwrap_or_default();
    let store = match place.at {
        PlaceKind::File(path) => sqlite::look(&path).await,
        PlaceKind::Objects(bucket, id) => objects::look(Bucket::of(&bucket, &id)?.into(), None).await,
        PlaceKind::Postgres(postgres) => postgres::look(postgres).await,
    };
    Ok(store?.map(|store| sealed(store, wrapping)))
}

/// The same of a workspace's own state.
pub async fn look_at(place: impl Into<StatePlace>, workspace: &str) -> Result<Option<Arc<dyn Store>>, StateError> {
    let place = place.into();
    let wrapping = place.wrapping().await.unwrap_or_default();
    let store = match place.at {
        PlaceKind::File(path) => sqlite::look_at(&path, workspace).await,
        PlaceKind::Objects(bucket, id) => objects::look(Bucket::of(&bucket, &id)?.into(), Some(workspace)).await,
        PlaceKind::Postgres(postgres) => postgres::look(postgres).await,
    };
    Ok(store?.map(|store| sealed(store, wrapping)))
}

/// A state that is gone with the process, in the place of one that can't be written. `look`: with what that one still tells, read without writing.
pub async fn passing(place: impl Into<StatePlace>, workspace: &str, look: bool) -> Result<Arc<dyn Store>, StateError> {
    let place = place.into();
    let store = match &place.at {
        PlaceKind::File(path) => sqlite::passing(path, workspace, look).await,
        PlaceKind::Objects(..) | PlaceKind::Postgres(_) => {
            let path = place.path();
            let told = if look { look_at(place, workspace).await.ok().flatten() } else { None };
            let memory = match &told {
                Some(told) => told.load().await.unwrap_or_default(),
                None => Memory::default(),
            };
            sqlite::passing_with(&path, workspace, memory).await
        }
    };
    Ok(sealed(store?, None))
}

/// A file that is to take the place of a state.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// the file
    pub file: &'a Path,
    /// whose state it is
    pub workspace: &'a str,
    /// who wants it
    pub who: &'a str,
    /// even where what stands there is newer
    pub force: bool,
}

/// Puts a file in the place of the state. A run must not be under way there, and what stands there must not be newer.
pub async fn put(place: &StatePlace, replacement: Replacement<'_>) -> Result<(), StateError> {
    match &place.at {
        PlaceKind::File(path) => sqlite::put(path, replacement).await,
        PlaceKind::Objects(bucket, id) => objects::put(Bucket::of(bucket, id)?.into(), replacement).await,
        PlaceKind::Postgres(place) => postgres::put(place.clone(), replacement).await,
    }
}

impl Replacement<'_> {
    /// Whether the file goes on where the state ends: it was written to as often at least, and its journal holds all of the other one.
    pub(super) async fn check(&self, stands: &dyn Store, place: &Path) -> Result<(), StateError> {
        let ours = sqlite::look_at(self.file, self.workspace).await?;
        let ours = ours.ok_or_else(|| StateError::Missing { path: self.file.to_path_buf() })?;
        let (theirs, file) = (Extent::of(stands).await?, Extent::of(ours.as_ref()).await?);
        let shared = match theirs.entries {
            0 => true,
            last => ours.lines(last - 1, None).await?.first().map(|line| hex(&line.hash)) == theirs.hash,
        };
        if self.force || (shared && theirs.generation <= file.generation) {
            return Ok(());
        }
        let apart = if shared { "" } else { ", which does not follow on it" };
        Err(StateError::Newer { path: place.to_path_buf(), theirs: theirs.to_string(), ours: format!("{file}{apart}") })
    }
}

/// How much a state holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// how often it was written to
    pub generation: u64,
    /// entries of the journal
    pub entries: u64,
    /// the hash of the last one
    pub hash: Option<String>,
}

impl Extent {
    /// Of a state that is open.
    pub async fn of(store: &dyn Store) -> Result<Self, StateError> {
        let head = store.heads().await?.written;
        let (entries, hash) = head.map_or((0, None), |head| (head.seq, Some(head.hash)));
        Ok(Self { generation: store.generation().await?, entries, hash })
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.entries == 1 { "entry" } else { "entries" };
        write!(out, "generation {} with {} journal {entries}", self.generation, self.entries)
    }
}

/// Who holds the lock, where it does not go with a process.
pub async fn holder(place: &StatePlace) -> Result<Option<Holder>, StateError> {
    match &place.at {
        PlaceKind::File(_) => Ok(None),
        PlaceKind::Objects(bucket, id) => objects::holder(&Bucket::of(bucket, id)?).await,
        PlaceKind::Postgres(place) => postgres::holder(place.clone()).await,
    }
}

/// Takes the lock away from the run that is named; says who held it.
pub async fn unlock(place: &StatePlace, run: &str) -> Result<Holder, StateError> {
    match &place.at {
        PlaceKind::File(path) => {
            let holder = "a file's lock goes with the process that holds it, so there is nothing to take away".to_owned();
            Err(StateError::NotLockedBy { path: path.clone(), run: run.to_owned(), holder })
        }
        PlaceKind::Objects(bucket, id) => objects::unlock(&Bucket::of(bucket, id)?, run).await,
        PlaceKind::Postgres(place) => postgres::unlock(place.clone(), run).await,
    }
}
