//! Connectors: how systems are read and written. A protocol is one folder; framing is its own, order and retries are not.
//!
//! Must never: decide what changes, send a write twice, or report a cut-off read as a complete one.

pub mod budget;
pub mod describe;
pub mod file;
pub mod pack;
pub mod pages;
pub mod registry;
pub mod sample;
pub mod scim;
pub mod sql;

use std::path::PathBuf;
use std::sync::Arc;

use budget::Budget;
use futures_util::future::BoxFuture;

use crate::model::{Capabilities, Change, Columns, ObjectKind, Page, ReadReport, SystemError, Value};

/// What a reader is asked for.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// the streams, each with its columns. Of a source: `Account` only, with the record paths as columns.
    pub streams: Vec<(ObjectKind, Arc<Columns>)>,
    /// how old a file may be to count as complete; other systems answer afresh
    pub max_age: Option<jiff::SignedDuration>,
}

impl ReadRequest {
    /// These streams, of any age.
    pub fn new(streams: Vec<(ObjectKind, Arc<Columns>)>) -> Self {
        Self { streams, max_age: None }
    }
}

/// Takes pages as they come.
pub trait PageSink: Send {
    /// One page of a stream. The sink keeps what it needs; the reader may use the page again.
    fn page(&mut self, kind: ObjectKind, page: &Page);
}

/// One question to a system.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// account or group
    pub kind: ObjectKind,
    /// what is wanted of it
    pub columns: Arc<Columns>,
    /// `id` or an attribute
    pub attribute: Arc<str>,
    /// the value it must have
    pub value: Arc<str>,
}

/// Reads a system.
pub trait Reader: Send + Sync {
    /// Reads the streams to their end and says how complete that was. Trouble is part of the report, not an error of the call: what came before it is in the sink.
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport>;

    /// Whether a read that counts as complete may yet lack somebody: a list whose pages are asked for one by one moves between them. Then whoever is missed is
    /// looked for again. A file that did not change, and a database's snapshot, prove themselves.
    fn may_miss(&self) -> bool {
        false
    }

    /// Looks objects up; an empty page means that the system said there is none. Every row that comes back was checked against the question.
    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>>;
}

/// One change, ready to be sent: every reference resolved to the target's ids.
#[derive(Clone, Debug)]
pub struct Write<'a> {
    /// what and why
    pub change: &'a Change,
    /// the object's id; none for a create
    pub id: Option<Arc<str>>,
    /// attributes to set (`None` clears), references as the target's ids
    pub attributes: Vec<(Arc<str>, Option<Value>)>,
    /// members to add or remove, by the target's ids
    pub members: Vec<(ObjectKind, Arc<str>)>,
}

/// What a system confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// the object's id
    pub id: Arc<str>,
    /// it was so already
    pub already_so: bool,
}

/// Leave to send writes. Only the executor grants it, after the lease, rate and cancellation checks.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// For the executor alone; `tests/tidy.rs` looks that nobody else calls it.
    pub fn grant() -> Self {
        Self(())
    }
}

/// Writes a system.
pub trait Writer: Send + Sync {
    /// How many changes one call of [`Self::write`] may hold.
    fn batch_size(&self) -> usize {
        1
    }

    /// How many members one AddMembers or RemoveMembers may hold; the executor cuts longer ones.
    fn members_per_write(&self) -> usize {
        100
    }

    /// Sends a batch, all of it or as far as it gets; one answer for each change, in order. Never retries.
    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>>;
}

/// A Target's two ways and what it can do.
pub struct TargetConnector {
    /// reads it
    pub reader: Box<dyn Reader>,
    /// writes it
    pub writer: Box<dyn Writer>,
    /// declared, and narrowed by what the system says
    pub capabilities: Capabilities,
    /// which system it is: [`crate::model::system_id`] of what the connection says
    pub system: u64,
}

/// What connectors need from around them.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// relative paths in the manifest count from here
    pub base: PathBuf,
    /// what the rows of all systems may take together
    pub budget: Budget,
    /// the Source's or Target's name, for the log
    pub system: Arc<str>,
}

impl Surroundings {
    /// Here, with a budget of their own.
    pub fn at(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), budget: Budget::default(), system: Arc::from("") }
    }

    /// For this Source or Target.
    pub fn of(self, system: &str) -> Self {
        Self { system: Arc::from(system), ..self }
    }

    /// Within the budget of a run.
    pub fn within(self, budget: &Budget) -> Self {
        Self { budget: budget.clone(), ..self }
    }
}
