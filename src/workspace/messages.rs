//! What the actor is told.
//!
//! Must never: hold a borrowed thing; whoever sends one may be gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::stirred::StirredBy;
use crate::drift::{Drift, Noticed};
use crate::manifest::Loaded;
use crate::model::{Plan, Recollection, RefusedRevision, Revision, SystemMemory, SystemRole};
use crate::pipeline::system::SourceNews;
use crate::pipeline::{ReconcileError, Snapshot, TargetRead, TargetWritten};
use crate::planning::{self, Replanned};
use crate::policy::{Policy, SchedulePolicy};
use crate::state::{RunLock, StateError};

/// Manifests of one revision, compiled.
#[derive(Clone)]
pub struct CompiledRevision {
    /// which
    pub revision: Revision,
    /// as they were loaded
    pub loaded: Arc<Loaded>,
    /// compiled
    pub policy: Arc<Policy>,
    /// of Sources that read files which come with them: numbers of what the files hold
    pub data: BTreeMap<Arc<str>, Arc<str>>,
}

/// What is known now, for whoever shows it.
#[derive(Clone)]
pub struct WorkspaceView {
    /// what was read, under the manifests in force
    pub snapshot: Arc<Snapshot>,
    /// the manifests, as they were loaded
    pub loaded: Arc<Loaded>,
    /// what is needed, whatever holds it; none: it was not worked out yet, or a run has just changed it
    pub plan: Option<Arc<Plan>>,
    /// every system was read, or tried, by this process
    pub is_known: bool,
}

/// One message.
pub(super) enum Message {
    /// this process has the lock
    Took(Box<Took>),
    /// it has not
    NotTaken(ReconcileError),
    /// newer manifests
    Manifests(Box<CompiledRevision>),
    /// newer manifests that can't be used; nothing where those in force are the newest again
    Refused(Option<Box<RefusedRevision>>),
    /// a source was read
    Source { name: Arc<str>, asked: u64, news: Box<SourceNews> },
    /// a target was read
    Target { name: Arc<str>, asked: u64, read: Box<TargetRead> },
    /// a read was given up, or its task died
    Lost { role: SystemRole, name: Arc<str> },
    /// a source's system says that something changed there
    Stirred { source: Arc<str>, by: StirredBy },
    /// what is needed, for the world as it was at this version
    Planned(Box<Planned>),
    /// a plan could not be made, as its task died
    Unplanned { why: String },
    /// a plan was made, and what the last run left could not be read beside it
    Forgotten(StateError),
    /// a run is over
    Ran(Box<Ran>),
    /// somebody wants to see what is known
    Look(oneshot::Sender<WorkspaceView>),
}

/// What is needed.
pub(super) struct Planned {
    /// of the world
    pub version: u64,
    /// in which the world was so
    pub era: u64,
    /// to whose next plan it may leave something
    pub lineage: u64,
    /// what is needed
    pub plan: Plan,
    /// how much was planned for it
    pub how: Replanned,
    /// what of it others did
    pub drifts: Vec<Drift>,
    /// what of what is there no manifest declares, where that was looked at
    pub noticed: Option<Vec<Noticed>>,
    /// for the next plan
    pub last: planning::LastPlan,
}

/// The lock, and what is remembered.
pub(super) struct Took {
    /// kept until it is let go or lost
    pub lock: RunLock,
    /// what is remembered
    pub memory: Recollection,
    /// what was kept of systems
    pub systems: Vec<(Arc<str>, SystemMemory)>,
}

/// How a run ended.
pub(super) struct Ran {
    /// what was run
    pub plan: Plan,
    /// what became of it
    pub report: Result<crate::apply::Report, StateError>,
    /// the state says what it left at targets
    pub left: bool,
    /// what is otherwise in the world
    pub written: Vec<TargetWritten>,
    /// what is remembered now
    pub memory: Result<Recollection, StateError>,
}

impl Message {
    /// The system that a read was of.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Source { name, .. } | Self::Target { name, .. } | Self::Lost { name, .. } => name.clone(),
            _ => Arc::from(""),
        }
    }
}

impl CompiledRevision {
    /// How often a system is read.
    pub(super) fn timing(&self, role: SystemRole, at: usize) -> SchedulePolicy {
        let schedule = match role {
            SystemRole::Source => self.policy.sources.get(at).map(|source| source.schedule),
            SystemRole::Target => self.policy.targets.get(at).map(|target| target.schedule),
        };
        schedule.unwrap_or_default()
    }
}
