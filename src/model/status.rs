//! The one status value: what the command, the API, a page and conditions show of a workspace that runs all the time.
//!
//! Must never: hold a person's key, name or value; counts, systems and reasons alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::{Action, Change};
use super::guardrail::Guardrail;
use super::running::{Brake, Revision};

/// The version of the JSON form.
pub const STATUS_VERSION: u32 = 1;

/// How a system is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum SystemState {
    /// it was not read yet; of a Target also: what is to be done there is not known yet
    Unknown,
    /// nothing has to change; of a Source: it was read completely
    AsDeclared,
    /// changes are under way
    Changing,
    /// somebody has to approve
    WaitsForApproval,
    /// a guardrail, or manifests or a source that shrank, hold changes back
    Held,
    /// no window is open
    WindowClosed,
    /// its manifest says so
    Suspended,
    /// somebody stopped all writing
    Paused,
    /// it asked for patience, or could not be reached; it is tried again
    Behind,
    /// somebody has to do something: credentials, a connection, an ambiguous object
    Stalled,
    /// its last read failed
    Unreadable,
}

/// Why nothing goes on at a system until somebody does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StallCause {
    /// it does not let headcount sign in any more
    Unauthorized,
    /// it refused most of what it was asked
    ManyRefused,
}

/// Which of the two a system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SystemRole {
    /// it is read
    Source,
    /// it is read and changed
    Target,
}

/// How harmful it is to let something be, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NeedKind {
    /// somebody who was cut off is not, everywhere
    RevocationOpen,
    /// nothing goes on at a system until somebody does something
    Stalled,
    /// changes are held back by a guardrail, or because manifests or a source shrank
    Held,
    /// something could not be decided, and stays as it is
    Undecided,
    /// changes wait for an approval
    Waits,
    /// the newest manifests are not used
    RevisionRefused,
    /// a system can't be read
    Unreadable,
    /// somebody else, or the system itself, keeps changing what is declared
    Contested,
    /// somebody else gave access that no manifest declares: a new member of a group, a new account
    Undeclared,
    /// a receiver of notifications can't be told
    Untold,
    /// a system can't be asked to send webhooks
    Unsubscribed,
}

/// What a need is about that is of no Source and no Target alone.
pub const THE_WORKSPACE: &str = "the workspace";

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// what it is
    pub kind: NeedKind,
    /// the system, the revision or the plan that it is about
    pub about: String,
    /// one sentence
    pub words: String,
    /// a command that goes on from here
    pub next: String,
    /// since when
    pub since: Timestamp,
}

/// How much is to be done at a Target and is not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// what is made or given
    pub give: u64,
    /// what is changed
    pub change: u64,
    /// what is taken
    pub take: u64,
}

impl Pending {
    /// How much some changes are: objects, or people for memberships.
    pub fn of<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Self {
        use Action::{AddEntitlement, AddMembers, Adopt, Create, Reactivate, Update, UpdateEntitlement};
        let mut pending = Self::default();
        for change in changes {
            let sort = match change.action {
                Create | Adopt | Reactivate | AddMembers | AddEntitlement => &mut pending.give,
                Update | UpdateEntitlement => &mut pending.change,
                Action::Deactivate | Action::Delete | Action::RemoveMembers | Action::RemoveEntitlement | Action::EndSessions => {
                    &mut pending.take
                }
            };
            *sort += change.weight();
        }
        pending
    }

    /// All of it.
    pub fn sum(self) -> u64 {
        self.give + self.change + self.take
    }
}

/// A limit that is breached at a Target: nothing of what it counts goes, or only leavers whom a source reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreachedLimit {
    /// which limit
    pub guardrail: Guardrail,
    /// how much the plan would do, withheld or not
    pub planned: u64,
    /// how much earlier runs did within the window; none: nobody knows, since there is no state
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// how much the window may hold
    pub allowed: u64,
    /// how many changes it withholds
    pub withheld: u64,
}

impl BreachedLimit {
    /// `deactivate: 12 and 3 before of at most 4`
    pub fn words(&self) -> String {
        let before = self.done.filter(|done| *done > 0).map(|done| format!(" and {done} before")).unwrap_or_default();
        format!("{}: {}{before} of at most {}", self.guardrail.word(), self.planned, self.allowed)
    }
}

/// One Source or Target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemStatus {
    /// its name
    pub name: Arc<str>,
    /// which of the two
    pub role: SystemRole,
    /// in one word
    pub state: SystemState,
    /// since when
    pub since: Timestamp,
    /// why, where the word does not say it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// of one that is stalled: what kind of thing has to be done
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<StallCause>,
    /// when a read of it last ended
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
    /// when a read of it last was complete
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<Timestamp>,
    /// when it last was as declared
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Timestamp>,
    /// of a Source whose system pushes: when that was heard of last, to the minute
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Timestamp>,
    /// how complete the last read was, in a word: `complete`, `delta`, `partial`, `unreadable`
    pub evidence: String,
    /// how many rows came
    pub rows: u64,
    /// what is to be done
    #[serde(default)]
    pub pending: Pending,
    /// of a run under way: how many changes are done, of how many
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<(u64, u64)>,
    /// the hash of what waits for an approval
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Arc<str>>,
    /// when it is read or tried next
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// seconds between two whole reads
    pub interval: u64,
    /// changes withheld, by guardrail, else by the word of the finding that withholds them
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, u64>,
    /// the limits that withhold them
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breached: Vec<BreachedLimit>,
    /// what others changed
    #[serde(default)]
    pub drift: u64,
}

/// Manifests that are not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRevision {
    /// which
    pub revision: Revision,
    /// since when
    pub since: Timestamp,
    /// what kind of reason that is
    pub because: RefusedBecause,
    /// why, a line each, as many as are shown
    pub why: Vec<String>,
}

/// Why manifests are not used, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RefusedBecause {
    /// they have errors
    Invalid,
    /// they lack what was in force before
    Shrank,
    /// nobody can read them for now, or there are none
    Unreadable,
}

/// Who runs, where several could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseStatus {
    /// who holds it
    pub holder: String,
    /// which tenure it is
    pub epoch: u64,
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// version of this form
    pub format_version: u32,
    /// the Workspace's id
    pub workspace: Arc<str>,
    /// when this was so
    pub at: Timestamp,
    /// the manifests that are in force
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// newer ones that are not
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedRevision>,
    /// who runs it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseStatus>,
    /// nothing is written
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Brake>,
    /// what needs somebody, the worst first
    pub needs: Vec<Need>,
    /// Sources and Targets, in the order of the manifests
    pub systems: Vec<SystemStatus>,
    /// the number of the journal's last line, and the first digits of its hash
    pub journal: (u64, String),
    /// how many people there are
    pub identities: u64,
    /// how many are cut off, with something open
    pub revocations_open: u64,
}
