//! How the journal is kept: how long, where what is older goes, and where it is noted how far it was.
//!
//! Must never: go on from a state that was restored before somebody said that this is meant.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::apply::run_name;
use crate::journal::{Anchor, AnchorFile, Anchored, Event, Journal, JournalError, Pruned, entry, prune};
use crate::manifest::Loaded;
use crate::manifest::kinds::{StateLocation, StateSpec};
use crate::manifest::quantity;
use crate::model::Key;
use crate::state::{Fact, StateError, Store};

/// How long entries are kept, unless the Workspace says otherwise.
const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Clocks of machines that take turns differ by less than this.
const DIFFERENCE: SignedDuration = SignedDuration::from_mins(10);
/// The folder beside a state that is a file.
const ARCHIVE: &str = "archive";

/// What the Workspace says of it.
#[derive(Clone, Debug)]
pub struct Keeping {
    workspace: String,
    /// how long entries are kept
    pub retention: SignedDuration,
    /// where older ones go
    pub archive: Option<PathBuf>,
    /// where it is noted how far the journal was
    pub anchor: Option<AnchorFile>,
}

impl Keeping {
    /// As manifests say it. `state`: the state's file, where it is one.
    pub fn of(loaded: &Loaded, state: Option<&std::path::Path>) -> Self {
        let named = loaded.workspace.as_ref().map(|workspace| (workspace.origin.base.clone(), &workspace.spec));
        let none = StateSpec::default();
        let spec = named.as_ref().and_then(|(_, spec)| spec.state.as_ref()).unwrap_or(&none);
        let base = named.as_ref().map(|(base, _)| base.clone()).unwrap_or_default();
        let is_file = matches!(spec.location(), None | Some(StateLocation::Path(_)));
        let beside = state.filter(|_| is_file).and_then(|state| state.parent()).map(|folder| folder.join(ARCHIVE));
        Self {
            workspace: named.as_ref().map(|(_, spec)| spec.id.clone()).unwrap_or_default(),
            retention: spec.retention.as_ref().and_then(|text| quantity::duration(text).ok()).unwrap_or(RETENTION),
            archive: spec.archive.as_ref().map(|path| base.join(path)).or(beside),
            anchor: spec.anchor.as_ref().map(|path| AnchorFile::new(base.join(path))),
        }
    }

    /// What is older than this may go.
    pub fn before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.retention).unwrap_or(Timestamp::MIN)
    }

    /// Cuts off what is older, and wraps keys that are not as the Workspace says now. Only for whoever holds the lock.
    pub async fn prune(&self, store: &dyn Store, now: Timestamp) -> Result<Option<Pruned>, JournalError> {
        store.wrap_keys(None).await?;
        match &self.archive {
            Some(archive) => prune(store, self.before(now), archive, &run_name(now, true)).await,
            None => Ok(None),
        }
    }

    /// Why the state is certain to have been restored; nothing where it is not.
    pub async fn restored(&self, store: &dyn Store) -> Result<Option<String>, JournalError> {
        let Some(anchor) = &self.anchor else { return Ok(None) };
        Ok(match anchor.look(store).await? {
            Anchored::Fits => None,
            Anchored::Restored(why) => Some(why),
        })
    }

    /// Why the clock of this machine is certain to be wrong; nothing where it is not. A day that is not that of the clock is no concern of it.
    pub async fn clock(&self, store: &dyn Store, now: Timestamp) -> Result<Option<String>, JournalError> {
        let latest = Journal::new(store).latest().await?;
        let ahead = latest.filter(|latest| latest.duration_since(now) > DIFFERENCE);
        // It is told as long as it is so: in words that stay the same.
        let words = |latest| format!("the journal has an entry of {latest:.0}, and this machine's clock is before that");
        Ok(ahead.map(words))
    }

    /// Somebody says that the clock is right, and was ahead before. Only for whoever holds the lock.
    pub async fn accept_clock(
        &self,
        store: &dyn Store,
        found: &str,
        (who, reason): (&str, &str),
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let event = Event::ClockAccepted { who: who.to_owned(), reason: reason.to_owned(), found: found.to_owned() };
        store.commit(vec![entry(&run_name(now, true), now, &event)]).await?;
        self.note(store, now).await
    }

    /// Notes how far the journal is, where it fits what was noted before.
    pub async fn note(&self, store: &dyn Store, now: Timestamp) -> Result<(), JournalError> {
        let (Some(anchor), Some(head)) = (&self.anchor, store.heads().await?.written) else { return Ok(()) };
        if anchor.read().await?.is_some_and(|noted| noted.hash == head.hash) {
            return Ok(());
        }
        anchor.note(&Anchor { workspace: self.workspace.clone(), seq: head.seq, hash: head.hash, at: now }).await
    }

    /// Somebody says that the state was restored on purpose: whoever was erased is erased again, it is written down, and the anchor moves. Only for whoever holds the
    /// lock. Gives how many were erased again.
    pub async fn accept(&self, store: &dyn Store, found: &str, (who, reason): (&str, &str), now: Timestamp) -> Result<u64, JournalError> {
        let erased = match &self.anchor {
            Some(anchor) => anchor.erased().await?,
            None => Vec::new(),
        };
        // What is broken besides is no restored state.
        Journal::new(store).verify_chain().await?;
        let back = store.whose(erased).await?;
        let keys: Vec<Arc<str>> = back.iter().map(|(_, key)| key.clone()).filter(|key| Key::of_identity(key).is_some()).collect();
        let subjects: Vec<Arc<str>> = back.into_iter().map(|(subject, _)| subject).collect();
        let run = run_name(now, true);
        let mut facts = Vec::new();
        let again = keys.len() as u64;
        if !subjects.is_empty() {
            let event = Event::Erased {
                subjects: subjects.clone(),
                who: who.to_owned(),
                reason: "erased before the state was restored".to_owned(),
            };
            facts.extend([Fact::Erased(keys), Fact::SubjectsGone(subjects), entry(&run, now, &event)]);
        }
        let event = Event::Restored { who: who.to_owned(), reason: reason.to_owned(), found: found.to_owned() };
        facts.push(entry(&run, now, &event));
        store.commit(facts).await?;
        self.note(store, now).await?;
        Ok(again)
    }

    /// Notes who was erased, for whoever restores an older state.
    pub async fn note_erased(&self, subjects: &[Arc<str>]) -> Result<(), StateError> {
        let Some(anchor) = self.anchor.as_ref().filter(|_| !subjects.is_empty()) else { return Ok(()) };
        match anchor.note_erased(subjects).await {
            Err(JournalError::State(error)) => Err(error),
            Err(error) => Err(StateError::Copy { path: anchor.path().to_path_buf(), source: std::io::Error::other(error) }),
            Ok(()) => Ok(()),
        }
    }
}
