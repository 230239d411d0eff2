//! The journal, while a workspace runs: its chain is looked at, it is noted elsewhere how far it is, and what is older than it has to be kept is cut off.
//!
//! Must never: let anything but a revocation be written to a state that was restored, or behind a chain that is broken.

use jiff::{SignedDuration, Timestamp};

use super::{Actor, WorkspaceError};
use crate::journal::{Journal, JournalError};
use crate::model::{Brake, Need, NeedKind};
use crate::pipeline::Keeping;
use crate::state::Head;

/// How often what came to the chain is looked at.
const LOOK: SignedDuration = SignedDuration::from_secs(60);
/// How often it is noted elsewhere how far it is.
const NOTE: SignedDuration = SignedDuration::from_hours(1);
/// How often what is older is cut off.
const PRUNE: SignedDuration = SignedDuration::from_hours(24);

/// What is known of the journal.
#[derive(Default)]
pub(super) struct JournalWatch {
    /// it was whole up to here
    verified: Option<Head>,
    looked: Option<Timestamp>,
    noted: Option<Timestamp>,
    pruned: Option<Timestamp>,
    /// what is wrong with it, and the command that goes on
    wrong: Option<Wrong>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrong {
    about: &'static str,
    words: String,
    next: &'static str,
    brake: Brake,
}

impl JournalWatch {
    /// Another tenure: whoever took the lock looked at all of it.
    pub(super) fn anew(&mut self, head: Option<Head>) {
        *self = Self { verified: head, ..Self::default() };
    }

    /// What holds everything but revocations.
    pub(super) fn brake(&self) -> Option<&Brake> {
        self.wrong.as_ref().map(|wrong| &wrong.brake)
    }

    /// What needs somebody.
    pub(super) fn need(&self, now: Timestamp) -> Option<Need> {
        let Wrong { about, words, next, .. } = self.wrong.as_ref()?;
        Some(Need { kind: NeedKind::Stalled, about: (*about).to_owned(), words: words.clone(), next: (*next).to_owned(), since: now })
    }
}

/// What was found; what can't be looked at is in the way as well, unless the state is away altogether.
fn said(found: Result<Option<String>, JournalError>) -> Result<Option<String>, WorkspaceError> {
    match found {
        Ok(words) => Ok(words),
        Err(JournalError::State(error)) => Err(error.into()),
        Err(error) => Ok(Some(error.to_string())),
    }
}

impl Wrong {
    fn new(about: &'static str, words: String, next: &'static str, now: Timestamp) -> Self {
        let brake = Brake { who: "headcount".into(), at: now, reason: Some(words.clone()), everything: false };
        Self { about, words, next, brake }
    }
}

impl Actor {
    /// Looks at the journal, when it is time. Only while this process has the lock.
    pub(super) async fn watch_journal(&mut self, now: Timestamp) -> Result<(), WorkspaceError> {
        let due = |at: Option<Timestamp>, every| at.is_none_or(|at| now < at || now.duration_since(at) >= every);
        // Somebody may be mending it.
        if self.journal.wrong.is_none() && !due(self.journal.looked, LOOK) {
            return Ok(());
        }
        self.journal.looked = Some(now);
        let keeping = Keeping::of(&self.kept.manifests.loaded, Some(self.workspace.store.place()));
        let wrong = self.wrong(&keeping, now).await?;
        let known = self.journal.wrong.as_ref().map(|wrong| &wrong.words);
        if known != wrong.as_ref().map(|wrong| &wrong.words) {
            if let (Some(wrong), Some(run)) = (&wrong, &self.run) {
                tracing::error!(target: "headcount::workspace", why = wrong.words.as_str(), "nothing is written but revocations");
                run.stop.cancel();
            }
            // The same plan meets another gate.
            (self.planned, self.journal.wrong) = (None, wrong);
        }
        if self.journal.wrong.is_some() {
            return Ok(());
        }
        if due(self.journal.noted, NOTE) {
            self.journal.noted = Some(now);
            self.note_journal(&keeping, now).await?;
        }
        if due(self.journal.pruned, PRUNE) {
            self.journal.pruned = Some(now);
            self.prune_journal(keeping, now);
        }
        Ok(())
    }

    async fn wrong(&mut self, keeping: &Keeping, now: Timestamp) -> Result<Option<Wrong>, WorkspaceError> {
        let store = self.workspace.store.clone();
        let journal = Journal::new(store.as_ref());
        let looked = match &self.journal.verified {
            Some(known) => journal.verify_behind(known).await,
            None => journal.verify_chain().await,
        };
        let broken = match looked {
            Ok(verified) => {
                self.journal.verified = (verified.entries > 0).then_some(Head { seq: verified.entries, hash: verified.head });
                None
            }
            Err(JournalError::State(error)) => return Err(error.into()),
            Err(error) => Some(Wrong::new("the journal", error.to_string(), "headcount history --verify", now)),
        };
        self.workspace.observer.verified(broken.is_none());
        if broken.is_some() {
            return Ok(broken);
        }
        let next = "headcount state accept-restore --reason …";
        let restored = keeping
            .restored(store.as_ref())
            .await
            .map(|why| why.map(|why| format!("StateRestored: the state was restored ({why}), and what was done since is not known to it")));
        if let Some(words) = said(restored)? {
            return Ok(Some(Wrong::new("the state", words, next, now)));
        }
        let clock = keeping.clock(store.as_ref(), now).await;
        let clock = clock.map(|why| why.map(|why| format!("ClockWrong: {why}, so who is here today can't be told")));
        let next = "set the clock right, or say that it is: headcount state accept-clock --reason …";
        Ok(said(clock)?.map(|words| Wrong::new("the clock", words, next, now)))
    }

    /// In the log, and where the Workspace says.
    async fn note_journal(&self, keeping: &Keeping, now: Timestamp) -> Result<(), WorkspaceError> {
        if let Some(Head { seq, hash }) = &self.journal.verified {
            tracing::info!(target: "headcount::workspace", seq, hash = hash.as_str(), "the journal is whole up to here");
        }
        if let Err(error) = keeping.note(self.workspace.store.as_ref(), now).await {
            tracing::warn!(target: "headcount::workspace", error = error.to_string(), "it could not be noted how far the journal is");
        }
        Ok(())
    }

    /// At the end of a tenure.
    pub(super) async fn note_last(&mut self, now: Timestamp) -> Result<(), WorkspaceError> {
        if self.journal.wrong.is_some() || self.journal.looked.is_none() {
            return Ok(());
        }
        let keeping = Keeping::of(&self.kept.manifests.loaded, Some(self.workspace.store.place()));
        // What was written since the last look is looked at, too: the line names the last entry.
        if self.wrong(&keeping, now).await?.is_some() {
            return Ok(());
        }
        self.note_journal(&keeping, now).await
    }

    /// A task of its own: nothing waits for it.
    fn prune_journal(&self, keeping: Keeping, now: Timestamp) {
        let store = self.workspace.store.clone();
        tokio::spawn(async move {
            match keeping.prune(store.as_ref(), now).await {
                Ok(Some(pruned)) => {
                    let file = pruned.file.display().to_string();
                    tracing::info!(target: "headcount::workspace", entries = pruned.entries, file, "old entries of the journal were written out");
                }
                Ok(None) if keeping.archive.is_none() => {
                    if crate::journal::prunable(store.as_ref(), keeping.before(now)).await.is_ok_and(|entries| entries > 0) {
                        tracing::warn!(
                            target: "headcount::workspace",
                            "the journal has entries that are older than `state.retention`; name `state.archive`, where they go"
                        );
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(target: "headcount::workspace", error = error.to_string(), "old entries of the journal stay for now");
                }
            }
        });
    }
}
