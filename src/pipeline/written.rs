//! What a run did, as what changed in the world: whoever keeps one knows at once what it wrote itself, as the systems show it.
//!
//! Must never: take what was sent for what is there. Each object is looked up; where nobody can tell, the target is to be read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use super::read::Snapshot;
use crate::apply::Report;
use crate::connector::{LookupRequest, TargetConnector};
use crate::model::{Action, Change, ChangeId, ObjectKind, Outcome, Page, Plan};
use crate::world::Delta;

/// What changed at a target.
pub struct TargetWritten {
    /// the Target's name
    pub target: Arc<str>,
    /// in its streams, in this order
    pub deltas: Vec<(ObjectKind, Delta)>,
    /// not all of it could be seen: it is to be read again
    pub unclear: bool,
}

/// Looks up what a run touched.
pub async fn written(snapshot: &Snapshot, plan: &Plan, report: &Report) -> Vec<TargetWritten> {
    let mut touched: BTreeMap<Arc<str>, Touched> = BTreeMap::new();
    for (id, outcome) in &report.outcomes {
        let Some(change) = plan.changes.get(id.0 as usize) else { continue };
        touched.entry(change.target.clone()).or_default().note(change, outcome, plan, report);
    }
    let looks = touched.into_iter().filter_map(|(target, touched)| {
        let at = snapshot.policy.targets.iter().position(|known| known.name == target)?;
        Some(look(snapshot, at, target, touched))
    });
    join_all(looks).await
}

#[derive(Default)]
struct Touched {
    objects: BTreeMap<ObjectKind, BTreeSet<Arc<str>>>,
    joined: BTreeSet<Pair>,
    left: BTreeSet<Pair>,
    unclear: bool,
}

/// Group, member, and what the member is.
type Pair = (Arc<str>, Arc<str>, ObjectKind);

impl Touched {
    fn note(&mut self, change: &Change, outcome: &Outcome, plan: &Plan, report: &Report) {
        let done = match outcome {
            Outcome::Done { id } | Outcome::AlreadySo { id } => id.clone().or_else(|| change.object.id.clone()),
            Outcome::Skipped(_) => return,
            Outcome::Partly { .. } | Outcome::Failed(_) | Outcome::Uncertain(_) => None,
        };
        let Some(id) = done else {
            self.unclear = true;
            return;
        };
        match change.action {
            Action::AddMembers | Action::RemoveMembers => {
                let gives = change.action == Action::AddMembers;
                for member in &change.members {
                    let made = || made_by(plan, report, change, &member.member.key);
                    match member.member.id.clone().or_else(made) {
                        Some(of) if gives => drop(self.joined.insert((id.clone(), of, member.member.kind))),
                        Some(of) => drop(self.left.insert((id.clone(), of, member.member.kind))),
                        None => self.unclear = true,
                    }
                }
            }
            // An account's entitlements can't be looked up one by one.
            Action::AddEntitlement | Action::UpdateEntitlement | Action::RemoveEntitlement => self.unclear = true,
            Action::EndSessions => {}
            _ => drop(self.objects.entry(change.object.kind).or_default().insert(id)),
        }
    }
}

/// The id of an object that the same run made.
fn made_by(plan: &Plan, report: &Report, of: &Change, key: &str) -> Option<Arc<str>> {
    let made = |need: &&ChangeId| plan.changes.get(need.0 as usize).is_some_and(|needed| needed.object.key.as_ref() == key);
    match report.outcomes.get(of.needs.iter().find(made)?)? {
        Outcome::Done { id } | Outcome::AlreadySo { id } => id.clone(),
        _ => None,
    }
}

async fn look(snapshot: &Snapshot, at: usize, target: Arc<str>, touched: Touched) -> TargetWritten {
    let connector = snapshot.connectors.get(&target);
    let (mut deltas, mut unclear) = (Vec::new(), touched.unclear || connector.is_none());
    for (kind, ids) in touched.objects {
        match seen(snapshot, at, connector, kind, ids).await {
            Some(delta) => deltas.push((kind, delta)),
            None => unclear = true,
        }
    }
    if let Some(columns) = snapshot.world.stream_columns(at, ObjectKind::Membership) {
        let mut delta = Delta::new(columns);
        write(&touched.joined, &mut delta.changed);
        write(&touched.left, &mut delta.ended);
        deltas.extend((!delta.is_empty()).then_some((ObjectKind::Membership, delta)));
    }
    TargetWritten { target, deltas, unclear }
}

/// What is there of some objects now; nothing where a question got no answer.
async fn seen(
    snapshot: &Snapshot,
    at: usize,
    connector: Option<&Arc<TargetConnector>>,
    kind: ObjectKind,
    ids: BTreeSet<Arc<str>>,
) -> Option<Delta> {
    let columns = snapshot.world.stream_columns(at, kind)?;
    let ask = |id: &Arc<str>| LookupRequest::new(kind, columns.clone(), "id", id.clone());
    let requests: Vec<_> = ids.iter().map(ask).collect();
    let answers = connector?.reader.lookup_many(&requests).await;
    let mut delta = Delta::new(columns);
    for (id, answer) in ids.into_iter().zip(answers) {
        let page = answer.ok()?;
        if page.is_empty() {
            delta.gone.push(id);
        }
        page.rows().for_each(|row| delta.changed.row(|out| row.cells().for_each(|cell| out.cell(cell))));
    }
    Some(delta)
}

fn write(pairs: &BTreeSet<Pair>, page: &mut Page) {
    for (group, member, kind) in pairs {
        page.row(|row| [group.as_ref(), member.as_ref(), kind.word()].into_iter().for_each(|text| row.text(text)));
    }
}
