//! Everybody whom sources know: to answer what a name or a slip may mean. The long way, for whoever named nobody.
//!
//! Must never: be waited for by whoever can be cut off.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::manifest::Loaded;
use crate::model::{Capabilities, Evidence, Memory};
use crate::pipeline::{Silent, budget, read_source};
use crate::planning::Moment;
use crate::planning::explain::Provenance;
use crate::policy::Policy;
use crate::world::{SourceSide, TargetSide, World};

/// How long sources may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody at one moment.
pub struct Everybody<'a> {
    policy: &'a Policy,
    world: World,
    moment: Moment,
}

impl<'a> Everybody<'a> {
    /// Reads the sources; one that does not answer in time is unreadable.
    pub async fn read(loaded: &Loaded, policy: &'a Policy, memory: Memory, moment: Moment) -> Self {
        let sources = (0..policy.sources.len()).map(|at| async move {
            timeout(PATIENCE, read_source(loaded, policy, at, moment, &budget(loaded), &Silent)).await.map(|(side, _)| side).unwrap_or_else(
                |_| {
                    let mut side = SourceSide::new(policy, at, moment.today);
                    side.finish(Evidence::Unreadable { reason: format!("it did not answer within {} s", PATIENCE.as_secs()) });
                    side
                },
            )
        });
        let sources = join_all(sources).await;
        let targets = (0..policy.targets.len()).map(|at| TargetSide::new(policy, at, Capabilities::default())).collect();
        Self { policy, world: World::assemble(policy, sources, targets, memory), moment }
    }

    /// The keys that a text may mean.
    pub fn meant(&self, text: &str) -> Vec<Arc<str>> {
        Provenance::new(self.policy, &self.world, self.moment).find(text)
    }

    /// The key that comes nearest to one that nobody has.
    pub fn nearest(&self, key: &str) -> Option<Arc<str>> {
        Provenance::new(self.policy, &self.world, self.moment).nearest(key)
    }
}
