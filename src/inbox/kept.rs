//! Inboxes as they are kept: what is pushed is a commit, then an answer.
//!
//! Must never: answer before the commit has returned and the lock was still held after it, go on with what is at hand once a commit came to nothing, or leave a push
//! half done because its client went away.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard};
use tokio::time::timeout;

use super::memory::{Entry, Inbox};
use super::push::{Match, Push, Pushed};
use crate::connector::{InboxRecords, InboxSight};
use crate::fence::Fence;
use crate::model::{SystemError, TokenUse};
use crate::scim::{PatchStep, ScimRefusal, ServedKind};
use crate::state::{Fact, Shelf, StateError, Store};

/// Hears which Source has something new in its inbox.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// The inboxes of a workspace.
pub struct Inboxes {
    store: Arc<dyn Store>,
    tell: Tell,
    tenure: Mutex<Option<Fence>>,
    /// whoever does something elsewhere that is noted here
    errands: Arc<tokio::sync::RwLock<()>>,
    open: tokio::sync::Mutex<BTreeMap<Arc<str>, Arc<Open>>>,
    heard: Mutex<BTreeMap<Arc<str>, Timestamp>>,
}

impl fmt::Debug for Inboxes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Inboxes")
    }
}

/// One inbox at hand.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// whoever changes something does so alone
    writes: Arc<tokio::sync::Mutex<()>>,
    pub inbox: RwLock<Inbox>,
}

/// Why something that was pushed was not kept.
#[derive(Debug)]
pub enum PushRefusal {
    /// the client's own fault
    Refused(ScimRefusal),
    /// another version is there
    Stale,
    /// this process may not write, or the state does not answer: later, or elsewhere
    Away(String),
}

impl From<ScimRefusal> for PushRefusal {
    fn from(refusal: ScimRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How much an inbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxSize {
    /// users that its client knows
    pub users: usize,
    /// groups that its client knows
    pub groups: usize,
}

impl Inboxes {
    /// Of a state. `tell` hears of each Source with something new.
    pub fn new(store: Arc<dyn Store>, tell: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        let (tenure, open, heard) = (Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        Arc::new(Self { store, tell: Box::new(tell), tenure, errands: Arc::default(), open, heard })
    }

    /// Of a state, to read alone.
    pub fn to_read(store: Arc<dyn Store>) -> Arc<Self> {
        Self::new(store, |_| {})
    }

    /// From here on this process has the lock, and is the only one that changes them.
    pub async fn begin(&self, fence: Fence) {
        // Another process may have changed them meanwhile.
        self.open.lock().await.clear();
        *self.tenure.lock().unwrap_or_else(PoisonError::into_inner) = Some(fence);
    }

    /// The lock is to be let go: errands that are under way come to their end first, for so long, and none begins any more.
    pub async fn close(&self, patience: Duration) {
        let _over = timeout(patience, self.errands.write()).await;
        self.end();
    }

    /// The lock was lost.
    pub fn end(&self) {
        *self.tenure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Leave to do something at a system and to note it in the state: the lock is not let go while somebody has it. Nothing without the lock.
    pub async fn errand(&self) -> Option<OwnedRwLockReadGuard<()>> {
        let errand = self.errands.clone().read_owned().await;
        self.writes().then_some(errand)
    }

    fn tenure(&self) -> Option<Fence> {
        let tenure = self.tenure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tenure.filter(|fence| fence.lost().is_none())
    }

    /// Whether this process changes them: it has the lock.
    pub fn writes(&self) -> bool {
        self.tenure().is_some()
    }

    /// When the system of a Source was heard of last, as far as this process knows.
    pub fn heard_here(&self, source: &str) -> Option<Timestamp> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(source).copied()
    }

    /// One, to look at.
    pub async fn look<T>(&self, source: &str, look: impl FnOnce(&Inbox) -> T) -> Result<T, PushRefusal> {
        self.tenure().ok_or_else(away)?;
        let open = self.opened(source).await.map_err(|error| PushRefusal::Away(error.to_string()))?;
        let inbox = open.inbox.read().unwrap_or_else(PoisonError::into_inner);
        Ok(look(&inbox))
    }

    /// A new resource.
    pub async fn create(self: &Arc<Self>, source: &str, kind: ServedKind, body: &Json) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, &Push::Create(body), None).await
    }

    /// A resource in the place of one.
    pub async fn replace(
        self: &Arc<Self>,
        source: &str,
        kind: ServedKind,
        id: &str,
        body: &Json,
        fits: Option<&Match>,
    ) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, &Push::Replace(id, body), fits).await
    }

    /// Changes of one.
    pub async fn patch(
        self: &Arc<Self>,
        source: &str,
        kind: ServedKind,
        id: &str,
        steps: &[PatchStep],
        fits: Option<&Match>,
    ) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, &Push::Patch(id, steps), fits).await
    }

    /// One is no more.
    pub async fn delete(self: &Arc<Self>, source: &str, kind: ServedKind, id: &str, fits: Option<&Match>) -> Result<Pushed, PushRefusal> {
        self.push(source, kind, &Push::Delete(id), fits).await
    }

    /// A token of a Source was used: its system was heard of. What of it is kept is to the minute.
    pub async fn used(&self, source: &str, token: &str, now: Timestamp) -> Result<(), StateError> {
        let first = self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(source.into(), now).is_none();
        let kept = self.store.commit(vec![Shelf::TokenUses.put(format!("{source}/{token}"), &TokenUse { at: now })]).await;
        // That a system is there at all is news, whatever it said.
        if first {
            (self.tell)(source);
        }
        kept
    }

    async fn push(self: &Arc<Self>, source: &str, kind: ServedKind, push: &Push<'_>, fits: Option<&Match>) -> Result<Pushed, PushRefusal> {
        let fence = self.tenure().ok_or_else(away)?;
        let (open, alone) = self.alone(source).await.map_err(|error| PushRefusal::Away(error.to_string()))?;
        let (pushed, entries) = {
            let inbox = open.inbox.read().unwrap_or_else(PoisonError::into_inner);
            inbox.entries(kind, push, fits, Timestamp::now())?
        };
        if entries.is_empty() {
            return Ok(pushed);
        }
        // Whoever pushes may go away at any moment, and this is not asked again: what was begun is done to its end.
        let kept = tokio::spawn(self.clone().keep(source.into(), open, alone, entries, fence));
        let why = match kept.await {
            Ok(Ok(())) => return Ok(pushed),
            Ok(Err(why)) => why,
            Err(_) => "this process ends".to_owned(),
        };
        Err(PushRefusal::Away(why))
    }

    /// In the state, then at hand, then told.
    async fn keep(
        self: Arc<Self>,
        source: Arc<str>,
        open: Arc<Open>,
        _alone: OwnedMutexGuard<()>,
        entries: Vec<Entry>,
        fence: Fence,
    ) -> Result<(), String> {
        let facts: Vec<Fact> = entries.iter().map(|entry| entry.fact(&source)).collect();
        let kept = self.store.commit(facts).await;
        // What was read anew meanwhile may have been so before this was kept.
        let same = self.open.lock().await.get(&source).is_some_and(|now| Arc::ptr_eq(now, &open));
        let held = same && self.tenure().is_some_and(|now| now.is_same(&fence));
        let why = kept.err().map(|error| error.to_string()).or_else(|| (!held).then(|| "the lock was lost".to_owned()));
        match why {
            None => {
                let mut inbox = open.inbox.write().unwrap_or_else(PoisonError::into_inner);
                entries.into_iter().for_each(|entry| inbox.take(entry));
            }
            // Whether it is kept, nobody knows: what is at hand is read anew, by whoever waits to change it too.
            Some(_) => drop(self.open.lock().await.remove(&source)),
        }
        (self.tell)(&source);
        why.map_or(Ok(()), Err)
    }

    /// One that is at hand, and leave to change it, which nobody else has.
    async fn alone(&self, source: &str) -> Result<(Arc<Open>, OwnedMutexGuard<()>), StateError> {
        loop {
            let open = self.opened(source).await?;
            let alone = open.writes.clone().lock_owned().await;
            // Whoever was before may have found that it is none to go on with.
            if self.open.lock().await.get(source).is_some_and(|now| Arc::ptr_eq(now, &open)) {
                return Ok((open, alone));
            }
        }
    }

    async fn opened(&self, source: &str) -> Result<Arc<Open>, StateError> {
        let mut all = self.open.lock().await;
        if let Some(open) = all.get(source) {
            return Ok(open.clone());
        }
        let inbox = self.load(source).await?;
        let open = Arc::new(Open { inbox: RwLock::new(inbox), ..Open::default() });
        all.insert(source.into(), open.clone());
        Ok(open)
    }

    /// As it is on the shelves. What was deleted long ago is forgotten, once somebody may.
    async fn load(&self, source: &str) -> Result<Inbox, StateError> {
        let of = format!("{source}/");
        let mut resources = self.store.shelf(Shelf::Inbox).await?;
        resources.retain(|thing| thing.name.starts_with(&of));
        let mut members = self.store.shelf(Shelf::InboxMembers).await?;
        members.retain(|thing| thing.name.starts_with(&of));
        let mut inbox = Inbox::of(source, resources, members);
        let old = inbox.forgettable(Timestamp::now());
        if !old.is_empty() && self.tenure().is_some() {
            self.store.commit(old.iter().map(|entry| entry.fact(source)).collect()).await?;
        }
        old.into_iter().for_each(|entry| inbox.take(entry));
        Ok(inbox)
    }

    /// When the system of a Source was heard of last.
    async fn heard(&self, source: &str) -> Result<Option<Timestamp>, StateError> {
        let of = format!("{source}/");
        let uses: Vec<(Arc<str>, TokenUse)> = Shelf::TokenUses.all(self.store.as_ref()).await?;
        let kept = uses.into_iter().filter(|(name, _)| name.starts_with(&of)).map(|(_, used)| used.at).max();
        let mut all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = kept.max(all.get(source).copied());
        all.extend(heard.map(|at| (source.into(), at)));
        Ok(heard)
    }

    async fn sight(&self, source: &str) -> Result<InboxSight, StateError> {
        let heard = self.heard(source).await?;
        // What is at hand is as new as the shelves only while this process alone changes them.
        let records: Arc<dyn InboxRecords> = match self.tenure() {
            Some(_) => self.opened(source).await?,
            None => Arc::new(Open { inbox: RwLock::new(self.load(source).await?), ..Open::default() }),
        };
        Ok(InboxSight { records, heard })
    }
}

fn away() -> PushRefusal {
    PushRefusal::Away("another process runs this workspace, or none does yet".into())
}

impl crate::connector::InboxPlace for Inboxes {
    fn sight<'a>(&'a self, source: &'a str) -> BoxFuture<'a, Result<InboxSight, SystemError>> {
        async move { Self::sight(self, source).await.map_err(|error| SystemError::Unavailable(error.to_string())) }.boxed()
    }
}
