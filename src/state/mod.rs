//! What headcount keeps between runs: links, deactivations, baselines, windows, revocations, and the journal's lines. All of it stands behind one trait, [`Store`];
//! SQLite, one file a workspace, is what stands behind it unless somebody says otherwise; objects of a bucket where runners keep nothing; a database where there
//! are replicas.
//!
//! Must never: hold a secret, invent what it has lost, or block a thread that others' work waits for: every verb is asynchronous, and there is no other way in.

mod chain;
mod clock;
mod error;
mod fact;
mod lease;
mod lock;
mod objects;
mod place;
mod postgres;
mod record;
mod running;
mod seal;
mod sealed;
mod shared;
mod shelf;
mod sqlite;
mod touched;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::{Left, Link, Memory, ObjectKind, Recollection};

pub use chain::{BEGINNING, ChainLine, EntryDraft, Hash, Head, hex, link};
pub use error::StateError;
pub use fact::Fact;
pub use lock::{Holder, LeaseTerms, RunLock, TakenOver};
pub use place::{Extent, PlaceKind, Replacement, StatePlace, holder, look, look_at, open, open_on, passing, put, unlock};
pub use postgres::PostgresPlace;
pub use record::{LeaseNote, LeaseRecord};
pub use seal::{KeptKey, SealedPart, Subjects, Unsealed, Wrapped, Wrapping};
pub use shelf::{Shelf, Shelved};
pub use sqlite::SCHEMA_VERSION;

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod recollection_tests;
#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;

/// What a verb of a store comes to.
pub type StoreAnswer<'a, T> = BoxFuture<'a, Result<T, StateError>>;

/// Where a workspace's memory is kept. Each verb is one transaction, asked for in the order in which the verbs are called, whether or not anybody waits for it.
pub trait Store: Debug + Send + Sync {
    /// What messages call it.
    fn place(&self) -> &Path;
    /// Where the journal's last entry is kept apart, for messages.
    fn head_place(&self) -> String;
    /// Whether it outlives the process.
    fn is_kept(&self) -> bool;

    /// Everything remembered.
    fn load(&self) -> StoreAnswer<'_, Memory>;
    /// Everything remembered; or, for whoever knows what it was at an earlier write of the state, what of it may be otherwise since, where every write between was
    /// one of this process.
    fn recollect(&self, known: Option<u64>) -> StoreAnswer<'_, Recollection>;
    /// What is remembered of a few people, by any of their keys, and whatever is not about people.
    fn load_about(&self, about: About) -> StoreAnswer<'_, Memory>;
    /// Whose accounts these are, by the target's ids.
    fn links_by_id(&self, target: Arc<str>, ids: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Link>>;
    /// The ids of objects of ours, in the order of the question.
    fn link_ids(&self, wanted: Vec<LinkName>) -> StoreAnswer<'_, Vec<Option<Arc<str>>>>;
    /// What the last complete run left at targets: as much as there are accounts, so apart from the rest.
    fn left(&self) -> StoreAnswer<'_, Vec<Left>>;
    /// All that stands on a shelf, by name.
    fn shelf(&self, shelf: Shelf) -> StoreAnswer<'_, Vec<Shelved>>;
    /// Keys that seal, as they are kept.
    fn subjects(&self, which: Subjects) -> StoreAnswer<'_, Vec<KeptKey>>;
    /// What was sealed, in the order of the question. Behind what seals there is nothing that could.
    fn unseal(&self, parts: Vec<SealedPart>) -> StoreAnswer<'_, Vec<Unsealed>> {
        Box::pin(std::future::ready(Ok(vec![Unsealed::Locked; parts.len()])))
    }
    /// Which keys seal what is said of whoever has one of these.
    fn subjects_of(&self, _keys: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<Arc<str>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Whose keys these are, as far as they are there.
    fn whose(&self, _subjects: Vec<Arc<str>>) -> StoreAnswer<'_, Vec<(Arc<str>, Arc<str>)>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Wraps keys that are kept as they are, or that a former secret wraps, where there is a secret for it now. Only for whoever holds the lock.
    fn wrap_keys(&self, _former: Option<Wrapping>) -> StoreAnswer<'_, Wrapped> {
        Box::pin(std::future::ready(Ok(Wrapped::default())))
    }
    /// Begins to watch who is cut off by a command.
    fn watch(&self) -> StoreAnswer<'_, Box<dyn Watch>>;

    /// Remembers all of it or nothing, in order. Durable when it answers.
    fn commit(&self, facts: Vec<Fact>) -> StoreAnswer<'_, ()>;

    /// The journal's lines after one, of one run or of all, as many as come at once; none where that was the last.
    fn lines(&self, after: u64, run: Option<Arc<str>>) -> StoreAnswer<'_, Vec<ChainLine>>;
    /// Runs that began and never ended, with their intents that have no outcome, in order.
    fn open_runs(&self) -> StoreAnswer<'_, Vec<OpenRun>>;
    /// What is known of the journal's last line.
    fn heads(&self) -> StoreAnswer<'_, Heads>;
    /// How often it was written to: of two copies of one state the higher number is the newer one.
    fn generation(&self) -> StoreAnswer<'_, u64>;
    /// Makes a SQLite file of it, which is a state of its own. Nothing may stand there.
    fn copy_to(&self, file: PathBuf) -> StoreAnswer<'_, ()>;

    /// Keeps others from running on this state until the lock is let go; says who holds it otherwise.
    fn lock(&self, who: &str) -> StoreAnswer<'_, RunLock>;
    /// The end of a run: what it remembered is where the next one finds it, and the lock is free.
    fn release(&self, lock: RunLock) -> StoreAnswer<'_, ()>;
    /// For a revocation, which waits for no run and holds none up.
    fn lock_beside(&self) -> StoreAnswer<'_, RunLock>;
    /// What is under way, in this process or in another.
    fn under_way(&self) -> StoreAnswer<'_, UnderWay>;
}

/// Who is cut off by a command at this very moment. Asked right before each request: it must cost next to nothing, wait for nobody else's work, and know of every
/// commit that has returned, of other processes, too.
pub trait Watch: Send + Sync {
    /// By every key of theirs that is known.
    fn revoked(&self) -> StoreAnswer<'_, Arc<BTreeSet<Arc<str>>>>;
}

/// A few people, and where they may be known.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// names of Sources
    pub sources: Vec<Arc<str>>,
    /// names of Targets
    pub targets: Vec<Arc<str>>,
    /// any of their keys
    pub keys: Vec<Arc<str>>,
}

/// An object of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName {
    /// the Target's name
    pub target: Arc<str>,
    /// what it is
    pub kind: ObjectKind,
    /// our key
    pub key: Arc<str>,
}

/// A run that began and never ended.
#[derive(Clone, Debug)]
pub struct OpenRun {
    /// its name
    pub run: Arc<str>,
    /// its intents that have no outcome, each attempt
    pub intents: Vec<ChainLine>,
}

/// What is known of the journal's last line.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// as it is kept apart
    pub apart: Option<Head>,
    /// as the state itself says
    pub written: Option<Head>,
    /// the last one that was cut off: the chain begins behind it
    pub checkpoint: Option<Head>,
}

/// Work on a state. What can't be looked at counts as under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// a run
    pub run: bool,
    /// a revocation
    pub revocation: bool,
}
