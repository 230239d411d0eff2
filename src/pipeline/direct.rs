//! Cutting somebody off without reading whole systems: sources as far as they answer in time, and of each target just the accounts in question.
//!
//! Must never: let one target wait for another, or take a source that did not answer for one that knows nobody.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::RwLock;
use tokio::time::timeout;

use super::{ReadProgress, ask, read_source, read_target};
use crate::connector::{Surroundings, TargetConnector, registry};
use crate::manifest::Loaded;
use crate::model::{Capabilities, Evidence, Memory, ObjectKind, ObjectRef, Plan, SystemError};
use crate::planning::why::Provenance;
use crate::planning::{self, Moment, Scope};
use crate::policy::Policy;
use crate::world::{SourceSide, TargetSide, World};

/// What is known at one moment, without any target's lists.
pub struct Direct<'a> {
    loaded: &'a Loaded,
    policy: &'a Policy,
    world: RwLock<World>,
    moment: Moment,
}

/// What was found at one target, and the steps that cut it off.
pub struct Look {
    /// the accounts of those who are revoked
    pub accounts: Vec<ObjectRef>,
    /// nothing but their steps
    pub plan: Plan,
}

impl<'a> Direct<'a> {
    /// Reads the sources; one that does not answer in time is unreadable.
    pub async fn read(
        loaded: &'a Loaded,
        policy: &'a Policy,
        memory: Memory,
        moment: Moment,
        patience: Duration,
        progress: &dyn ReadProgress,
    ) -> Self {
        let sources = (0..policy.sources.len()).map(|at| async move {
            timeout(patience, read_source(loaded, policy, at, progress)).await.unwrap_or_else(|_| {
                let mut side = SourceSide::new(policy, at);
                side.finish(Evidence::Unreadable { reason: format!("it did not answer within {} s", patience.as_secs()) });
                side
            })
        });
        let sources = join_all(sources).await;
        let targets = (0..policy.targets.len()).map(|at| TargetSide::new(policy, at, Capabilities::default())).collect();
        Self { loaded, policy, world: RwLock::new(World::assemble(policy, sources, targets, memory)), moment }
    }

    /// The moment it is for.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Sources that could not be read, with the reason.
    pub async fn unread_sources(&self) -> Vec<(Arc<str>, String)> {
        let world = self.world.read().await;
        let sources = self.policy.sources.iter().zip(&world.trust);
        sources.filter_map(|(rules, trust)| Some((rules.name.clone(), trust.evidence.reason()?.to_owned()))).collect()
    }

    /// The keys that a text may mean.
    pub async fn meant(&self, text: &str) -> Vec<Arc<str>> {
        let world = self.world.read().await;
        Provenance::new(self.policy, &world, self.moment).find(text)
    }

    /// The key that comes nearest to one that nobody has.
    pub async fn nearest(&self, key: &str) -> Option<Arc<str>> {
        let world = self.world.read().await;
        Provenance::new(self.policy, &world, self.moment).nearest(key)
    }

    /// Opens a target. Only one that must keep some members in a group is read as a whole: how many there are must be known.
    pub async fn open(&self, target: usize, progress: &dyn ReadProgress) -> Result<TargetConnector, SystemError> {
        let document = &self.loaded.targets[target];
        if !self.policy.targets[target].protect.keep.is_empty() {
            let (side, connector) = read_target(self.loaded, self.policy, target, progress).await;
            self.world.write().await.renew(target, side);
            return connector.ok_or_else(|| SystemError::Unavailable("it could not be opened".into()));
        }
        let surroundings = Surroundings { base: document.origin.base.to_path_buf() };
        let connector = registry::open_target(&document.spec.connection, &surroundings).await?;
        let mut side = TargetSide::new(self.policy, target, connector.capabilities.clone());
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
            side.finish(kind, Evidence::Partial { reason: "only single accounts are asked for".into() });
        }
        self.world.write().await.renew(target, side);
        Ok(connector)
    }

    /// Looks at what those who are revoked have at a target now.
    pub async fn look(&self, target: usize, connector: &TargetConnector) -> Look {
        let world = self.world.read().await;
        let here = |at: usize| (at == target).then_some(connector);
        let scope = Scope::Revoked(target);
        let answers = ask(self.policy, &world, &here, self.moment, scope).await;
        let accounts = planning::revoked_accounts(self.policy, &world, &answers, self.moment, target);
        Look { accounts, plan: planning::plan(self.policy, &world, &answers, self.moment, scope) }
    }
}
