//! What is to run: the part of the fresh plan that was asked for, and of a reviewed plan only what was reviewed and is still needed.
//!
//! Must never: propose what a review did not hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::part::part;
use super::reconcile::ReconcileError;
use crate::apply;
use crate::model::{Change, Finding, Plan, PlanFilter, Upcoming};
use crate::policy::Policy;

/// A plan that somebody reviewed, and that may be held against a fresh one of this workspace.
#[derive(Clone, Debug)]
pub struct Reviewed {
    plan: Plan,
    exact: bool,
}

/// Why a plan says nothing about what is needed now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReviewable {
    /// it is of another workspace
    #[error("the plan is of workspace {of:?}, and the manifests are of {ours:?}")]
    OtherWorkspace {
        /// the plan's
        of: Arc<str>,
        /// the manifests'
        ours: Arc<str>,
    },
    /// it was made for a day that has not come
    #[error("the plan was made for {made_for}, and today is {today}: such a plan can't be applied")]
    NotYet {
        /// the plan's day
        made_for: Date,
        /// today
        today: Date,
    },
}

impl Reviewed {
    /// With `exact`, nothing runs where the plan is not just what is needed now.
    pub fn new(plan: Plan, exact: bool, policy: &Policy, today: Date) -> Result<Self, NotReviewable> {
        if plan.workspace != policy.workspace {
            return Err(NotReviewable::OtherWorkspace { of: plan.workspace, ours: policy.workspace.clone() });
        }
        if plan.as_of > today {
            return Err(NotReviewable::NotYet { made_for: plan.as_of, today });
        }
        Ok(Self { plan, exact })
    }
}

/// What is to run, and what is not.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// what is to run
    pub plan: Plan,
    /// it is held against a plan that was reviewed
    pub reviewed: bool,
    /// what is needed now and was not reviewed: it does not run
    pub unreviewed: Vec<Change>,
    /// how many changes stand outside of the part that was asked for
    pub left_out: usize,
    /// standing findings of the whole plan, which are told once
    pub(super) standing: BTreeSet<u64>,
}

/// Cuts the part out of a fresh plan, and compares it with what was reviewed.
pub(super) fn propose(fresh: Plan, filter: &PlanFilter, reviewed: Option<&Reviewed>) -> Result<Proposal, ReconcileError> {
    let standing = fresh.findings.iter().filter_map(Finding::standing).collect();
    let all = fresh.changes.len();
    // What falls due later is no part of a run.
    let fresh = part(Plan { upcoming: Upcoming::default(), ..fresh }, filter);
    let left_out = all - fresh.changes.len();
    let Some(reviewed) = reviewed else {
        return Ok(Proposal { plan: fresh, reviewed: false, unreviewed: Vec::new(), left_out, standing });
    };
    let compared = apply::compare(&reviewed.plan, &fresh);
    if reviewed.exact && !compared.exact() {
        return Err(ReconcileError::Stale { new: compared.new.len(), gone: compared.gone });
    }
    Ok(Proposal { plan: compared.plan, reviewed: true, unreviewed: compared.new, left_out, standing })
}
