//! What happens in a turn, for whoever shows it, and the one question that a turn asks.
//!
//! Must never: keep the work waiting for whoever hears of it.

use std::path::Path;
use std::time::Duration;

use super::propose::Proposal;
use super::read::Snapshot;
use super::reconcile::RunExtent;
use crate::model::{Brake, Change, Left, ObjectKind, Outcome, Plan, ReadReport, Receipt, SystemRole};
use crate::state::{Holder, StateError};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// The lock is not free; nobody knows yet whether its holder lives.
    Waiting {
        /// the state
        state: &'a Path,
    },
    /// The lock was taken over from somebody who may have sent something last: that is waited for, before anything is read.
    Settling {
        /// who held it
        from: &'a Holder,
        /// how long
        wait: Duration,
    },
    /// A run ended without a word: so many of its writes may have arrived, or not. The plan that follows shows what became of them.
    Killed {
        /// the run's name in the journal
        run: &'a str,
        /// writes without an answer
        open: usize,
    },
    /// Reading begins.
    Reading {
        /// how many Sources and Targets
        systems: usize,
    },
    /// So many rows of a system came since it was last told.
    Rows {
        /// the Source's or Target's name
        system: &'a str,
        /// which of the two it is
        role: SystemRole,
        /// which stream
        kind: ObjectKind,
        /// how many
        count: usize,
    },
    /// What came of a stream counts for nothing: it is read again.
    Restarted {
        /// the Source's or Target's name
        system: &'a str,
        /// which stream
        kind: ObjectKind,
    },
    /// The read of a system is over.
    Read {
        /// the Source's or Target's name
        system: &'a str,
        /// how it went
        report: &'a ReadReport,
    },
    /// Everything is read: planning begins.
    Planning,
    /// The plan is there.
    Planned,
    /// A revocation by command ends as one, since a manifest says the same from now on.
    Covered {
        /// the identity's key
        key: &'a str,
        /// the document
        by: &'a str,
    },
    /// The run begins.
    Running {
        /// what is run
        plan: &'a Plan,
    },
    /// What became of a change.
    Finished {
        /// which
        change: &'a Change,
        /// what became of it
        outcome: &'a Outcome,
    },
    /// A target is left alone for a while.
    Paused {
        /// the Target's name
        target: &'a str,
        /// how long
        pause: Duration,
        /// why
        reason: &'a str,
    },
    /// The run is over.
    Ran,
    /// A revocation stands in the state, and begins: from here on every run knows of it.
    Revoking,
    /// What cuts somebody off is about to be sent to a target.
    Cutting {
        /// the steps
        plan: &'a Plan,
    },
    /// Something is left of somebody who is cut off, and is tried again.
    Again {
        /// the Target's name
        target: &'a str,
        /// what came of the last try
        receipt: &'a Receipt,
    },
    /// A source could not be read while somebody is cut off: links and marks lead to accounts all the same.
    Unread {
        /// the Source's name
        source: &'a str,
        /// why
        why: &'a str,
    },
    /// The state could not be used while somebody is cut off: from here on nothing is remembered.
    StateLost(&'a StateError),
}

/// Hears how it goes. Called from the work itself: must not block.
pub trait Hear: Send + Sync {
    /// Something happened.
    fn hear(&self, news: News<'_>);
}

/// Hears, and answers the question of a turn: a person at a terminal, or a policy.
pub trait Caller: Hear {
    /// What of the part that was asked for may run now, right before `decide`; what is held is theirs to tell. Nothing said: all of it.
    fn open(&self, _snapshot: &Snapshot, _kept: &GateMemory, _plan: &Plan) -> Option<LetThrough> {
        None
    }

    /// Whether what is proposed may run. Asked once a turn, after everything was read and before anything is written, also where nothing is left to run.
    fn decide(&self, snapshot: &Snapshot, proposal: &Proposal) -> Decision;
}

/// What the state keeps that says whether anything may run now.
#[derive(Debug, Default)]
pub struct GateMemory {
    /// somebody stopped all writing
    pub brake: Option<Brake>,
    /// what the last complete run left; nothing where no Target leaves anything to others
    pub left: Vec<Left>,
}

/// What gates let through.
#[derive(Debug)]
pub struct LetThrough {
    /// what may run
    pub plan: Plan,
    /// how much of what is needed that is
    pub extent: RunExtent,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// it runs
    Run,
    /// nothing is changed, and nothing remembered
    Leave,
}

/// Hears, and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct HearNothing;

impl Hear for HearNothing {
    fn hear(&self, _: News<'_>) {}
}
