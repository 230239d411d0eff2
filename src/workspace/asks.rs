//! What people ask of a workspace, as it stands on the shelves of its state.
//!
//! Must never: take a shelf that can't be read for an empty one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::gates::{Contested, WaitingPlan};
use crate::drift::Noticed;
use crate::model::{Approval, Brake, SyncRequest};
use crate::state::{Shelf, StateError, Store, Watch};

/// All that is asked now.
#[derive(Clone, Debug, Default)]
pub(super) struct Asks {
    /// by name, so that what is done can be taken away
    pub requests: Vec<(Arc<str>, SyncRequest)>,
    /// nothing is written
    pub brake: Option<Brake>,
    /// what was said about plans that wait
    pub approvals: Vec<Approval>,
    /// plans that wait
    pub waiting: Vec<WaitingPlan>,
    /// what others keep changing
    pub contested: Vec<Contested>,
    /// what was found that no manifest declares
    pub noticed: Vec<Noticed>,
    /// who is cut off by command
    pub revoked: Arc<BTreeSet<Arc<str>>>,
}

/// Looks at the shelves.
pub(super) async fn look(store: &dyn Store, watch: &dyn Watch) -> Result<Asks, StateError> {
    let values = |things: Vec<(Arc<str>, Approval)>| things.into_iter().map(|(_, approval)| approval).collect();
    Ok(Asks {
        requests: Shelf::Requests.all(store).await?,
        brake: Shelf::brake(store).await?,
        approvals: values(Shelf::Approvals.all(store).await?),
        waiting: Shelf::Plans.all(store).await?.into_iter().map(|(_, plan)| plan).collect(),
        contested: Shelf::Contested.all(store).await?.into_iter().map(|(_, one)| one).collect(),
        noticed: Shelf::Noticed.all(store).await?.into_iter().map(|(_, one)| one).collect(),
        revoked: watch.revoked().await?,
    })
}

impl Asks {
    /// Whether another run may follow from what changed: a request, a word about a plan, the brake, a revocation.
    pub fn differs(&self, before: &Self) -> bool {
        let names = |asks: &Self| asks.requests.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
        !names(self).is_subset(&names(before))
            || self.brake != before.brake
            || self.approvals != before.approvals
            || self.revoked != before.revoked
    }

    /// Whether somebody asked for this Target now.
    pub fn wants(&self, target: &str) -> bool {
        self.requests.iter().any(|(_, request)| request.targets.is_empty() || request.targets.iter().any(|name| name.as_ref() == target))
    }
}
