//! Where a state is, and the ways to open it: the same for all that stand behind [`Store`].
//!
//! Must never: choose a place by itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{Holder, LeaseTerms};
use super::objects::{self, Bucket, shown};
use super::postgres::{self, PostgresPlace};
use super::{StateError, Store, hex, sqlite};
use crate::manifest::kinds::StateLocation;
use crate::model::Memory;

/// Where a state is.
#[derive(Clone, Debug)]
pub enum StatePlace {
    /// a file of this machine
    File(PathBuf),
    /// objects of a bucket, by the workspace's id
    Objects(StateLocation, Arc<str>),
    /// rows of a database, by the workspace's id
    Postgres(PostgresPlace),
}

impl StatePlace {
    /// The place that a Workspace names. `base`: what a path counts from.
    pub fn of(location: &StateLocation, base: &Path, workspace: &str) -> Self {
        match location {
            StateLocation::Path(path) => Self::File(base.join(path)),
            StateLocation::Postgres(postgres) => Self::Postgres(PostgresPlace::new(postgres.clone(), base.to_path_buf(), workspace.into())),
            bucket => Self::Objects(bucket.clone(), workspace.into()),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Objects(..) | Self::Postgres(_) => None,
        }
    }

    /// The terms of a lock there that has to be kept alive.
    pub fn terms(&self) -> LeaseTerms {
        if let Self::Postgres(_) = self { LeaseTerms::QUICK } else { LeaseTerms::default() }
    }

    /// What messages call it.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Objects(location, workspace) => shown(location, workspace),
            Self::Postgres(postgres) => postgres.shown(),
        }
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(out)
    }
}

impl From<&Path> for StatePlace {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

impl From<&PathBuf> for StatePlace {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
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
    match place.into() {
        StatePlace::File(path) => sqlite::open(&path, workspace).await,
        StatePlace::Objects(bucket, id) => objects::open(Bucket::of(&bucket, &id)?.into(), workspace, terms).await,
        StatePlace::Postgres(postgres) => postgres::open(postgres, terms).await,
    }
}

/// Opens a state of whatever workspace to look at it, and writes nothing, not even beside it; nothing where there is none. One of an older version is looked at
/// as it would be.
pub async fn look(place: impl Into<StatePlace>) -> Result<Option<Arc<dyn Store>>, StateError> {
    match place.into() {
        StatePlace::File(path) => sqlite::look(&path).await,
        StatePlace::Objects(bucket, id) => objects::look(Bucket::of(&bucket, &id)?.into(), None).await,
        StatePlace::Postgres(postgres) => postgres::look(postgres).await,
    }
}

/// The same of a workspace's own state.
pub async fn look_at(place: impl Into<StatePlace>, workspace: &str) -> Result<Option<Arc<dyn Store>>, StateError> {
    match place.into() {
        StatePlace::File(path) => sqlite::look_at(&path, workspace).await,
        StatePlace::Objects(bucket, id) => objects::look(Bucket::of(&bucket, &id)?.into(), Some(workspace)).await,
        StatePlace::Postgres(postgres) => postgres::look(postgres).await,
    }
}

/// A state that is gone with the process, in the place of one that can't be written. `look`: with what that one still tells, read without writing.
pub async fn passing(place: impl Into<StatePlace>, workspace: &str, look: bool) -> Result<Arc<dyn Store>, StateError> {
    match place.into() {
        StatePlace::File(path) => sqlite::passing(&path, workspace, look).await,
        place @ (StatePlace::Objects(..) | StatePlace::Postgres(_)) => {
            let path = place.path();
            let told = if look { look_at(place, workspace).await.ok().flatten() } else { None };
            let memory = match &told {
                Some(told) => told.load().await.unwrap_or_default(),
                None => Memory::default(),
            };
            sqlite::passing_with(&path, workspace, memory).await
        }
    }
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
    match place {
        StatePlace::File(path) => sqlite::put(path, replacement).await,
        StatePlace::Objects(bucket, id) => objects::put(Bucket::of(bucket, id)?.into(), replacement).await,
        StatePlace::Postgres(place) => postgres::put(place.clone(), replacement).await,
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
    match place {
        StatePlace::File(_) => Ok(None),
        StatePlace::Objects(bucket, id) => objects::holder(&Bucket::of(bucket, id)?).await,
        StatePlace::Postgres(place) => postgres::holder(place.clone()).await,
    }
}

/// Takes the lock away from the run that is named; says who held it.
pub async fn unlock(place: &StatePlace, run: &str) -> Result<Holder, StateError> {
    match place {
        StatePlace::File(path) => {
            let holder = "a file's lock goes with the process that holds it, so there is nothing to take away".to_owned();
            Err(StateError::NotLockedBy { path: path.clone(), run: run.to_owned(), holder })
        }
        StatePlace::Objects(bucket, id) => objects::unlock(&Bucket::of(bucket, id)?, run).await,
        StatePlace::Postgres(place) => postgres::unlock(place.clone(), run).await,
    }
}
