//! Goes through a plan as a run would, for what each change would ask of its target. Nothing is sent, and nothing is remembered.
//!
//! Must never: hand a writer a permit, or a secret value.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::KnownIds;
use super::fence::RevokedKeys;
use super::ids::Ids;
use super::prepare::prepare;
use crate::connector::TargetConnector;
use crate::model::{Change, ChangeId, Plan, Rehearsed, RehearsedChange, Value};

/// Changes of one target that are gone through at once.
const AT_ONCE: usize = 8;
/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// What each of these changes would ask, in their order; nothing of a target that can't be asked, or is not spoken to in requests.
pub async fn rehearse(
    plan: &Plan,
    changes: &[ChangeId],
    targets: &BTreeMap<Arc<str>, Arc<TargetConnector>>,
    known_ids: &KnownIds<'_>,
) -> Vec<RehearsedChange> {
    let ids = Ids::of_plan(plan, known_ids);
    let wanted = changes.iter().filter_map(|id| Some((*id, plan.changes.get(id.0 as usize)?)));
    let all = wanted.map(|(id, change)| {
        let ids = &ids;
        async move { Some(RehearsedChange { change: id, rehearsed: one(id, change, ids, targets.get(&change.target)?).await? }) }
    });
    stream::iter(all).buffered(AT_ONCE).filter_map(|one| async move { one }).collect().await
}

async fn one(id: ChangeId, change: &Change, ids: &Ids<'_>, connector: &TargetConnector) -> Option<Rehearsed> {
    let mut change = change.clone();
    for attribute in change.attributes.iter_mut().filter(|attribute| attribute.sensitive) {
        attribute.after = attribute.after.as_ref().map(|_| Value::text(HIDDEN));
    }
    let stopped = |stops: String| Some(Rehearsed { requests: Vec::new(), stops: Some(stops) });
    let prepared = match prepare(id, &change, ids, connector) {
        Ok(prepared) => prepared,
        Err(why) => return stopped(why),
    };
    // Nothing of it stands in the journal.
    let (mut all, run) = (Rehearsed::default(), Arc::from("rehearsal"));
    for part in &prepared.parts {
        let rehearsed = connector.writer.rehearse(&prepared.write(part, &RevokedKeys::new(), &run)).await?;
        all.requests.extend(rehearsed.requests);
        all.stops = all.stops.or(rehearsed.stops);
    }
    Some(all)
}
