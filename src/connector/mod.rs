//! Connectors: how systems are read and written. A protocol is one folder; framing is its own, order and retries are not.
//!
//! Must never: decide what changes, send a write twice, or report a cut-off read as a complete one.

pub mod budget;
pub mod clock;
pub mod connection;
pub mod connections;
pub mod credentials;
pub mod database_roles;
pub mod declared;
pub mod describe;
pub mod file;
mod inbox;
pub mod ldap;
pub mod limiter;
mod oauth;
pub mod pack;
pub mod pages;
mod record_key;
pub mod registry;
pub mod rehearsal;
pub mod sample;
pub mod scim;
pub mod sql;
pub mod subscription;
#[cfg(test)]
pub(crate) mod testing;
pub mod webhook;
mod wire;

pub use inbox::{InboxPlace, InboxRecord, InboxRecords, InboxSight, InboxStanding};
pub use record_key::RecordKey;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use budget::Budget;
use connections::Connections;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use limiter::{Lane, Limiter, Limits, Slot};

use crate::fence::Fence;
use crate::files::NamedFiles;
use crate::http::{Detour, Recording};
use crate::manifest::kinds::SourceSpec;
use crate::manifest::quantity::{self, Amount};
use crate::model::{
    Capabilities, Change, ChangeId, Columns, Evidence, ObjectKind, Page, ReadReport, Rehearsed, SystemError, Value, Watermark,
};

/// What a reader is asked for.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// the streams, each with its columns. Of a source: `Account` only, with the record paths as columns.
    pub streams: Vec<(ObjectKind, Arc<Columns>)>,
    /// how old a file may be to count as complete; other systems answer afresh
    pub max_age: Option<jiff::SignedDuration>,
    /// how much of each stream is wanted
    pub scope: ReadScope,
    /// of a source: whose records alone are wanted, where the reader can be asked that
    pub within: Option<Within>,
    /// of a source that is told who is gone: how many of its records may be so at once
    pub may_shrink: Option<Amount>,
    /// of a source of which what changed is wanted, now or next time: what its records are known by
    pub key: Option<RecordKey>,
    /// of a source: what its own expressions read; the system's own id may stand behind that in `streams`. Where nothing is said it is what stands there
    pub reads: Option<Arc<Columns>>,
}

/// Some accounts of a system: those in any of these groups, and those that have any of these values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// by the kind of group: ids or names
    pub groups: BTreeMap<String, Vec<String>>,
    /// by attribute
    pub accounts: BTreeMap<String, Vec<String>>,
}

/// How much of a stream is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReadScope {
    /// all of it
    #[default]
    All,
    /// what changed since it was read up to here, where the system tells; a stream without a watermark is wanted as a whole. A reader that can't tell what
    /// changed, or whose watermark the system does not know any more, reads all: its evidence says which of the two it did
    Changed(BTreeMap<ObjectKind, Watermark>),
}

impl ReadRequest {
    /// All of these streams, of any age.
    pub fn new(streams: Vec<(ObjectKind, Arc<Columns>)>) -> Self {
        Self { streams, max_age: None, scope: ReadScope::All, within: None, may_shrink: None, key: None, reads: None }
    }

    /// The records of a source that its scope asks for.
    pub fn of_source(spec: &SourceSpec, columns: Arc<Columns>, max_age: Option<jiff::SignedDuration>) -> Self {
        let within = spec.scope.as_ref().map(|scope| Within { groups: scope.groups.clone(), accounts: scope.accounts.clone() });
        let within = within.filter(|within| *within != Within::default());
        let may_shrink = spec.completeness.as_ref().and_then(|it| it.max_shrink.as_deref()).and_then(|text| quantity::amount(text).ok());
        Self { max_age, within, may_shrink, ..Self::new(vec![(ObjectKind::Account, columns)]) }
    }
}

/// Reads a source. A reader that can't be asked for some accounts alone reads none for it: all of them would be others.
pub async fn read_source(reader: &dyn Reader, request: &ReadRequest, sink: &mut dyn PageSink) -> ReadReport {
    if request.within.is_none() || reader.reads_within() {
        return reader.read(request, sink).await;
    }
    let reason = "it can't be asked for some groups or accounts alone; say with `scope.filter` which records count".to_owned();
    ReadReport::all(&[ObjectKind::Account], &Evidence::Unreadable { reason })
}

/// Takes pages as they come.
pub trait PageSink: Send {
    /// One page of a stream. The sink keeps what it needs; the reader may use the page again.
    fn page(&mut self, kind: ObjectKind, page: &Page);

    /// What came of a stream so far counts for nothing: it is read again from its beginning.
    fn restart(&mut self, kind: ObjectKind);

    /// The system says, as its last word in this read, that these are gone: whatever came of them counts for nothing.
    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>);
}

/// What a system says is gone.
#[derive(Clone, Copy, Debug)]
pub enum Gone<'a> {
    /// accounts, groups, and a source's records, by the system's own id
    Ids(&'a [Arc<str>]),
    /// memberships and entitlements: their rows, in the columns of the stream
    Rows(&'a Page),
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
    /// what it waits for
    pub lane: Lane,
}

impl LookupRequest {
    /// Which objects of a kind have this value.
    pub fn new(kind: ObjectKind, columns: Arc<Columns>, attribute: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self { kind, columns, attribute: attribute.into(), value: value.into(), lane: Lane::Normal }
    }

    /// In this lane.
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }
}

/// Lookups under way at once at one system that takes one question a request.
const LOOKUPS_AT_ONCE: usize = 8;

/// Reads a system.
pub trait Reader: Send + Sync {
    /// Reads the streams to their end and says how complete that was. Trouble is part of the report, not an error of the call: what came before it is in the sink.
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport>;

    /// Whether a read that counts as complete may yet lack somebody: a list whose pages are asked for one by one moves between them. Then whoever is missed is
    /// looked for again. A file that did not change, and a database's snapshot, prove themselves.
    fn may_miss(&self) -> bool {
        false
    }

    /// Of a source that tells what changed: the path at which a record has the system's own id. Two records may have one key; by it they are told apart.
    fn own_id(&self) -> Option<Arc<str>> {
        None
    }

    /// What the system does otherwise than others of its kind, as far as it told or showed, in words.
    fn manners(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it can be asked for some accounts alone.
    fn reads_within(&self) -> bool {
        false
    }

    /// Looks objects up; an empty page means that the system said there is none. Every row that comes back was checked against the question.
    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>>;

    /// Looks many up; one answer for each question, in order. A system that takes many questions in one request answers so; else some go at once.
    fn lookup_many<'a>(&'a self, requests: &'a [LookupRequest]) -> BoxFuture<'a, Vec<Result<Page, SystemError>>> {
        stream::iter(requests).map(|request| self.lookup(request)).buffered(LOOKUPS_AT_ONCE).collect().boxed()
    }
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
    /// what it is called
    pub key: IdempotencyKey,
}

/// What a write is called, for systems that do once what comes twice under one name: the same for each try of it, and another one for whatever is done later,
/// since its intent stands in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// the run's name in the journal
    pub run: Arc<str>,
    /// which change of its plan
    pub change: ChangeId,
    /// which part of the change
    pub part: u32,
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}-{}", self.run, self.change.0, self.part)
    }
}

/// What a system confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// the object's id
    pub id: Arc<str>,
    /// it was so already
    pub already_so: bool,
}

/// Leave to send writes. Only the executor grants it, after the lease, rate and cancellation checks; the lease is asked again as each byte goes out.
#[derive(Debug)]
pub struct Permit {
    turn: Mutex<Slot>,
    fence: Fence,
}

impl Permit {
    /// For the executor alone, which waited for the turn; `tests/tidy.rs` looks that nobody else calls it.
    pub fn grant(turn: Slot, fence: &Fence) -> Self {
        Self { turn: Mutex::new(turn), fence: fence.clone() }
    }

    /// For writers that send several requests for one change: each of them counts by itself, so the turn that was waited for does not.
    pub fn count_each(&self) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).give_back();
    }

    /// What is asked as bytes go out.
    pub fn fence(&self) -> &Fence {
        &self.fence
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

    /// About how many requests a change is; nothing where it is not spoken to in requests.
    fn requests(&self, _: &Change) -> Option<u64> {
        None
    }

    /// The id that the object of a change may have once it is done, where ids follow from what is written. Here: where its id is its name.
    fn id_after(&self, change: &Change) -> Option<Arc<str>> {
        let (name, id) = change.naming().zip(change.object.id.as_deref())?;
        let is_id = name.before.as_ref().and_then(Value::as_text) == Some(id);
        name.after.as_ref().filter(|_| is_id)?.as_text().map(Arc::from)
    }

    /// What a change would ask, without sending it; nothing where it is not spoken to in requests. What it depends on is read.
    fn rehearse<'a>(&'a self, _: &'a Write<'a>) -> BoxFuture<'a, Option<Rehearsed>> {
        std::future::ready(None).boxed()
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
    /// how fast it may be asked; a Source of the same system shares it
    pub limiter: Arc<Limiter>,
}

/// What connectors need from around them.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// relative paths in the manifest count from here
    pub base: PathBuf,
    /// where the files are that it names
    pub files: NamedFiles,
    /// what the rows of all systems may take together
    pub budget: Budget,
    /// the Source's or Target's name, for the log
    pub system: Arc<str>,
    /// what is open already
    pub connections: Connections,
    /// how fast its manifest lets it be used
    pub limits: Limits,
    /// what its reads wait for
    pub lane: Lane,
    /// whoever plays the systems
    pub detour: Option<Detour>,
    /// takes what is asked and answered
    pub recording: Option<Recording>,
}

impl Surroundings {
    /// Here, with a budget of their own.
    pub fn at(base: impl Into<PathBuf>) -> Self {
        let (budget, system, connections) = (Budget::default(), Arc::from(""), Connections::default());
        Self {
            base: base.into(),
            files: NamedFiles::default(),
            budget,
            system,
            connections,
            limits: Limits::default(),
            lane: Lane::Normal,
            detour: None,
            recording: None,
        }
    }

    /// Where a file that the manifest names can be opened.
    pub fn place(&self, path: &str) -> Result<PathBuf, SystemError> {
        self.files.place(self.base.join(path)).map_err(|error| SystemError::Rejected(format!("{path} can't be opened: {error}")))
    }

    /// The same for a file of records, or a database: it lies in the workspace, or where that allows it, also now.
    pub fn place_inside(&self, path: &str) -> Result<PathBuf, SystemError> {
        self.files.place_inside(self.base.join(path)).map_err(|error| SystemError::Rejected(format!("{path} can't be opened: {error}")))
    }

    /// With the files of a revision.
    pub fn with(self, files: &NamedFiles) -> Self {
        Self { files: files.clone(), ..self }
    }

    /// For this Source or Target.
    pub fn of(self, system: &str) -> Self {
        Self { system: Arc::from(system), ..self }
    }

    /// Within the budget of a run.
    pub fn within(self, budget: &Budget) -> Self {
        Self { budget: budget.clone(), ..self }
    }

    /// With what is open already.
    pub fn over(self, connections: &Connections) -> Self {
        Self { connections: connections.clone(), ..self }
    }

    /// No faster than this.
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// To whoever plays the systems.
    pub fn played(self, detour: Detour) -> Self {
        Self { detour: Some(detour), ..self }
    }

    /// For what cuts somebody off: its reads wait for nothing.
    pub fn urgent(self) -> Self {
        Self { lane: Lane::Free, ..self }
    }
}
