//! What others changed: left to them where the Target says so, or where they change it again and again.
//!
//! Must never: hold what a source or a manifest wants differently, or keep a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{GateKind, Gates, Verdict, after, hold};
use crate::drift::{Drift, DriftKind};
use crate::manifest::kinds::DriftMode;
use crate::model::{Change, ChangeId, system_id};
use crate::state::{Fact, Shelf};

/// So often within a day, and it is left.
const TIMES: usize = 3;

/// A day: within it so many times, and for so long it is left then.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Something that was put back, and when. On `Shelf::Contested`; it names the object and what of it, and no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contested {
    /// the Target's name
    pub target: Arc<str>,
    /// whose account or which group
    pub key: Arc<str>,
    /// what happened to it, in a word
    pub what: Arc<str>,
    /// of a membership the group, of a grant the entitlement
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Arc<str>>,
    /// of a value its attribute
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Arc<str>>,
    /// when it was put back, the last times
    pub reverted: Vec<Timestamp>,
}

/// A change of the part that runs which puts back what others did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// the change
    pub change: ChangeId,
    /// what it puts back
    pub drift: Drift,
}

impl Contested {
    fn of(drift: &Drift) -> Self {
        let Drift { target, key, of, attribute, .. } = drift;
        let (of, attribute) = (of.clone(), attribute.clone());
        Self { target: target.clone(), key: key.clone(), what: drift.what.word().into(), of, attribute, reverted: Vec::new() }
    }

    /// Whether both are about the same.
    fn same(&self, other: &Self) -> bool {
        self.name() == other.name()
    }

    /// What it is called on its shelf.
    fn name(&self) -> String {
        let Self { target, key, what, of, attribute, .. } = self;
        let text = format!("{what}\n{key}\n{}\n{}", of.as_deref().unwrap_or_default(), attribute.as_deref().unwrap_or_default());
        format!("{target}/{:016x}", system_id(&text))
    }

    /// Until when it is left.
    fn left_until(&self, now: Timestamp) -> Option<Timestamp> {
        let first = self.reverted.len().checked_sub(TIMES).and_then(|at| self.reverted.get(at))?;
        let last = self.reverted.last()?;
        let until = after(*last, DAY);
        (after(*first, DAY) > *last && until > now).then_some(until)
    }
}

/// Why what others did is left; nothing where it is put back.
pub(super) fn left(drift: &Drift, gates: &Gates<'_>, now: Timestamp) -> Verdict {
    let target = gates.policy.targets.iter().find(|target| target.name == drift.target);
    match target.map(|target| target.gates.drift).unwrap_or_default() {
        DriftMode::Observe => hold(GateKind::Drift, None, "others changed it, and `drift: observe` leaves it to them"),
        DriftMode::Warn => hold(GateKind::Drift, None, "others changed it, and `drift: warn` leaves it to somebody"),
        DriftMode::Enforce => {
            let wanted = Contested::of(drift);
            let known = gates.contested.iter().find(|known| known.same(&wanted) && !gives(drift.what));
            let until = known.and_then(|known| known.left_until(now));
            until.map_or(Verdict::Go, |until| hold(GateKind::Contested, Some(until), "others change it again each time it is put back"))
        }
    }
}

/// Whether others gave somebody something by it: that is taken back however often they do, since access that nobody declared is never left.
fn gives(what: DriftKind) -> bool {
    matches!(what, DriftKind::GotSignIn | DriftKind::Joined | DriftKind::JoinedUndeclared | DriftKind::Granted)
}

/// What of a change is left to others: by the gate that holds it, and what remains.
pub(super) fn split(change: &Change, drifts: &[(&Drift, Verdict)]) -> (Option<Change>, Vec<(Change, Verdict)>) {
    let held: Vec<&(&Drift, Verdict)> = drifts.iter().filter(|(_, verdict)| *verdict != Verdict::Go).collect();
    let Some((_, whole)) = held.iter().find(|(drift, _)| is_whole(change, drift)) else { return split_parts(change, &held) };
    (None, vec![(change.clone(), whole.clone())])
}

/// Whether it is the object as a whole that others made, deleted or let in again.
fn is_whole(change: &Change, drift: &Drift) -> bool {
    drift.attribute.is_none() && !change.members.iter().any(|member| member.member.key == drift.key)
}

fn split_parts(change: &Change, held: &[&(&Drift, Verdict)]) -> (Option<Change>, Vec<(Change, Verdict)>) {
    let mut left: Vec<(Change, Verdict)> = Vec::new();
    let mut rest = change.clone();
    rest.attributes.clear();
    rest.members.clear();
    for attribute in &change.attributes {
        match held.iter().find(|(drift, _)| drift.attribute.as_ref() == Some(&attribute.attribute)) {
            Some((_, verdict)) => part(&mut left, change, verdict).attributes.push(attribute.clone()),
            None => rest.attributes.push(attribute.clone()),
        }
    }
    for member in &change.members {
        match held.iter().find(|(drift, _)| drift.attribute.is_none() && drift.key == member.member.key) {
            Some((_, verdict)) => part(&mut left, change, verdict).members.push(member.clone()),
            None => rest.members.push(member.clone()),
        }
    }
    let nothing = !left.is_empty() && rest.attributes.is_empty() && rest.members.is_empty() && rest.former_key.is_none();
    ((!nothing).then_some(rest), left)
}

/// The part of a change that one gate holds.
fn part<'p>(left: &'p mut Vec<(Change, Verdict)>, change: &Change, verdict: &Verdict) -> &'p mut Change {
    let at = left.iter().position(|(_, known)| known == verdict).unwrap_or_else(|| {
        left.push((Change { attributes: Vec::new(), members: Vec::new(), ..change.clone() }, verdict.clone()));
        left.len() - 1
    });
    &mut left[at].0
}

/// What is kept after a run: when each thing that others did was put back, for as long as that matters.
pub fn reverted(all: &[Reverted], done: impl Fn(ChangeId) -> bool, known: &[Contested], now: Timestamp) -> Vec<Fact> {
    let mut found: BTreeMap<String, Contested> = BTreeMap::new();
    for one in all.iter().filter(|one| done(one.change)) {
        let wanted = Contested::of(&one.drift);
        let before = known.iter().find(|known| known.same(&wanted)).map(|known| known.reverted.as_slice()).unwrap_or_default();
        let last = before.len().saturating_sub(TIMES - 1);
        let reverted = before.get(last..).unwrap_or_default().iter().copied().chain([now]).collect();
        found.insert(wanted.name(), Contested { reverted, ..wanted });
    }
    let old = |known: &&Contested| {
        !found.contains_key(&known.name()) && known.reverted.last().is_none_or(|last| after(after(*last, DAY), DAY) <= now)
    };
    let over = known.iter().filter(old).map(|known| Shelf::Contested.take(known.name()));
    over.chain(found.iter().map(|(name, one)| Shelf::Contested.put(name.as_str(), one))).collect()
}
