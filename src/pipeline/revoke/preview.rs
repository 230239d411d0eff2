//! What would be cut off, for whoever is asked first: by links and marks, as far as targets answer at once.
//!
//! Must never: write anything, or wait for a target that hangs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::beside::{beside, block_on};
use super::ground::{Ground, TargetCut};
use super::target::TargetSession;

/// How long somebody who waits to be asked is kept waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at every target at once.
pub(super) async fn preview(ground: &Arc<Ground>) -> Vec<(Arc<str>, Result<TargetCut, String>)> {
    let (report, mut reports) = mpsc::unbounded_channel();
    for at in ground.targets.clone() {
        let (ground, report) = (ground.clone(), report.clone());
        beside(move || {
            let look = block_on(async {
                let mut desk = TargetSession::new(&ground, at).await.map_err(|error| error.to_string())?;
                desk.look().await
            });
            drop(report.send((at, look)));
        });
    }
    drop(report);
    let mut looks = BTreeMap::new();
    let until = Instant::now() + PATIENCE;
    while let Ok(Some((at, look))) = timeout_at(until, reports.recv()).await {
        looks.insert(at, look);
    }
    let slow = || Err(format!("it did not answer within {} s", PATIENCE.as_secs()));
    let all = ground.targets.iter().map(|at| (ground.policy.targets[*at].name.clone(), looks.remove(at).unwrap_or_else(slow)));
    all.collect()
}
