//! What a plan would ask of its targets, before it runs: each request, and how long all of them take.
//!
//! Must never: send a write.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::Snapshot;
use crate::apply;
use crate::model::{ChangeId, Forecast, ObjectKind, Plan, RehearsedChange};

/// The requests of these changes, in their order. What they depend on is read for it. A target that is not spoken to in requests has none.
pub async fn requests(snapshot: &Snapshot, plan: &Plan, changes: &[ChangeId]) -> Vec<RehearsedChange> {
    let Snapshot { policy, world, connectors, .. } = snapshot;
    let known_ids = |target: &str, kind: ObjectKind, key: &str| world.object_id(policy, target, kind, key);
    apply::rehearse(plan, changes, connectors, &known_ids).await
}

/// About how many requests a plan leads to at each target, and how long they take under its limits.
pub fn forecast(snapshot: &Snapshot, plan: &Plan) -> Vec<Forecast> {
    let mut requests: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.runs()) {
        let connector = snapshot.connectors.get(&change.target);
        if let Some(count) = connector.and_then(|connector| connector.writer.requests(change)) {
            *requests.entry(change.target.clone()).or_default() += count;
        }
    }
    let forecast = |(target, requests): (Arc<str>, u64)| {
        let rate = snapshot.connectors.get(&target).and_then(|connector| connector.limiter.allowed());
        let waits = |per_second: f64, burst: u32| (requests.saturating_sub(u64::from(burst.max(1))) as f64 / per_second).ceil() as u64;
        Forecast {
            seconds: rate.map(|rate| waits(rate.per_second, rate.burst)),
            per_minute: rate.map(|rate| (rate.per_second * 60.0).round() as u64),
            target,
            requests,
        }
    };
    requests.into_iter().map(forecast).collect()
}
