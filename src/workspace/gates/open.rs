//! The part of a plan that may run now, closed over what changes need, and the rest with what holds it.
//!
//! Must never: lose a part of the plan, or let a change run whose need is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::approval::{Approving, WaitingPlan, kept, standing, used};
use super::others::{self, Reverted};
use super::{AtTarget, GateKind, Gates, Keeper, Verdict, hold};
use crate::apply::narrow;
use crate::drift::Drift;
use crate::model::{Action, Change, ChangeId, Mandate, MemberChange, Pending, Plan};
use crate::pipeline::RunExtent;
use crate::state::Fact;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// what may run, with all findings of the whole plan; what planning withholds stands in it as it was, and does not run
    pub run: Plan,
    /// the rest
    pub held: Vec<HeldPart>,
    /// plans that wait for an approval, also those for which no window is open yet
    pub waiting: Vec<Approving>,
    /// what of `run` puts back what others did: `reverted` keeps it once it is done
    pub reverts: Vec<Reverted>,
    /// to be committed together with the run's beginning (`Execution::with`): approvals that it uses
    pub begin: Vec<Fact>,
    /// to be committed in any case: the plans that wait
    pub keep: Vec<Fact>,
}

/// What one gate holds at one Target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPart {
    /// the Target's name
    pub target: Arc<str>,
    /// which gate
    pub by: GateKind,
    /// until when, where that is known
    pub until: Option<Timestamp>,
    /// why, without any person in it
    pub words: Arc<str>,
    /// how much it is
    pub pending: Pending,
    /// the hash of the plan that waits for an approval, where some of it does
    pub plan: Option<Arc<str>>,
    /// the changes, in the plan's order; they need nothing by number any more
    pub changes: Vec<Change>,
}

impl Opened {
    /// How much of what is needed `run` is, of a plan that is whole itself. What others changed and may keep is not needed: once the rest is done, the Target is as
    /// it is to be left.
    pub fn extent(&self) -> RunExtent {
        let cuts = |part: &HeldPart| part.changes.iter().any(|change| change.runs() && change.mandate.is_revocation());
        let theirs = |part: &HeldPart| matches!(part.by, GateKind::Drift | GateKind::Contested);
        RunExtent { whole: !self.held.iter().any(cuts), partial: !self.held.iter().all(theirs) }
    }
}

/// Parts a plan into what may run now and what is held.
pub fn open(plan: &Plan, gates: &Gates<'_>, now: Timestamp) -> Opened {
    let keeper = Keeper::new(gates, now);
    let mut parts = Parts::new(plan, &keeper);
    parts.keep_possessions(plan);
    let mut narrowed = narrow(plan, |at, _| (parts.run.remove(&at), None));
    parts.inherit(plan, std::mem::take(&mut narrowed.rest));
    let waiting = parts.approving(plan, gates, now);
    let held = parts.held(plan, &waiting);
    let reverts = reverts(gates.drifts, &narrowed.places, &narrowed.plan);
    let begin = used(&hashes(&narrowed.plan, &keeper), gates.approvals, now);
    let keep = kept(&waiting, gates, now);
    Opened { run: narrowed.plan, held, waiting, reverts, begin, keep }
}

/// The approved plans of which something runs.
fn hashes(run: &Plan, keeper: &Keeper<'_, '_>) -> BTreeSet<Arc<str>> {
    let mut hashes = BTreeSet::new();
    for change in run.changes.iter().filter(|change| change.runs()) {
        let target = keeper.targets.get(&change.target).filter(|target| keeper.must_be_approved(change, target));
        hashes.extend(target.into_iter().flat_map(|target| target.approved.uses(change)).cloned());
    }
    hashes
}

/// What of the part that runs puts back what others did. Of what is read and not changed nothing does.
fn reverts(drifts: &[Drift], places: &BTreeMap<usize, ChangeId>, run: &Plan) -> Vec<Reverted> {
    let still = |drift: &Drift, change: &Change| match &drift.attribute {
        Some(name) => change.attributes.iter().any(|attribute| attribute.attribute == *name),
        None => change.members.is_empty() || change.members.iter().any(|member| member.member.key == drift.key),
    };
    let revert = |drift: &Drift| {
        let id = *places.get(&drift.change?)?;
        let change = run.changes.get(id.0 as usize).filter(|change| change.runs() && still(drift, change))?;
        change.runs().then(|| Reverted { change: id, drift: drift.clone() })
    };
    drifts.iter().filter_map(revert).collect()
}

/// A part of a change that a gate holds.
struct Piece {
    change: Change,
    verdict: Verdict,
    /// it has to be approved, and is not
    unapproved: bool,
}

/// Every change, parted.
struct Parts {
    /// what may run, by position
    run: BTreeMap<usize, Change>,
    held: BTreeMap<usize, Vec<Piece>>,
}

impl Parts {
    fn new(plan: &Plan, keeper: &Keeper<'_, '_>) -> Self {
        let mut drifts: BTreeMap<usize, Vec<(&Drift, Verdict)>> = BTreeMap::new();
        for drift in keeper.gates.drifts {
            if let Some(at) = drift.change {
                drifts.entry(at).or_default().push((drift, others::left(drift, keeper.gates, keeper.now)));
            }
        }
        let mut parts = Self { run: BTreeMap::new(), held: BTreeMap::new() };
        for (at, change) in plan.changes.iter().enumerate() {
            match keeper.targets.get(&change.target) {
                Some(target) => parts.change(at, change, target, keeper, drifts.get(&at).map_or(&[], Vec::as_slice)),
                None => parts.goes(at, change.clone()),
            }
        }
        parts
    }

    fn goes(&mut self, at: usize, change: Change) {
        self.run.insert(at, change);
    }

    fn holds(&mut self, at: usize, change: Change, verdict: Verdict, unapproved: bool) {
        self.held.entry(at).or_default().push(Piece { change, verdict, unapproved });
    }

    fn change(&mut self, at: usize, change: &Change, target: &AtTarget<'_>, keeper: &Keeper<'_, '_>, drifts: &[(&Drift, Verdict)]) {
        // What planning withholds is in the plan as it was: the executor leaves it, and views show it.
        if !change.runs() {
            self.goes(at, change.clone());
        }
        let ahead = keeper.ahead(change, target);
        let whole = if ahead == Verdict::Go { keeper.withheld(change) } else { ahead };
        let waits_for_window = matches!(whole, Verdict::Hold { by: GateKind::Window, .. }) && change.runs();
        if whole != Verdict::Go && !waits_for_window {
            return self.holds(at, change.clone(), whole, false);
        }
        let (rest, left) = match change.mandate.is_revocation() {
            true => (Some(change.clone()), Vec::new()),
            false => others::split(change, drifts),
        };
        left.into_iter().for_each(|(part, verdict)| self.holds(at, part, verdict, false));
        let Some(rest) = rest else { return };
        let (go, wants) = if keeper.must_be_approved(&rest, target) { target.approved.split(&rest) } else { (Some(rest), None) };
        if let Some(wants) = wants {
            // What has to be approved can be reviewed before its window opens.
            let verdict = if waits_for_window { whole.clone() } else { target.approved.lack() };
            self.holds(at, wants, verdict, true);
        }
        let Some(go) = go else { return };
        match if waits_for_window { whole } else { keeper.rest(change) } {
            Verdict::Go => self.goes(at, go),
            held => self.holds(at, go, held, false),
        }
    }

    /// Whoever keeps an access that was to be taken away keeps what would have gone with it; whoever does not get theirs back gets nothing with it.
    fn keep_possessions(&mut self, plan: &Plan) {
        use Action::{AddEntitlement, AddMembers, Deactivate, Delete, Reactivate, RemoveEntitlement, RemoveMembers};
        let stays = |change: &Change| matches!(change.action, Deactivate | Delete) && change.mandate != Mandate::Grace;
        for (members, entitlement, held) in [
            (RemoveMembers, RemoveEntitlement, self.of_accounts(stays)),
            (AddMembers, AddEntitlement, self.of_accounts(|change| change.action == Reactivate)),
        ] {
            if held.is_empty() {
                continue;
            }
            for (at, whole) in plan.changes.iter().enumerate().filter(|(_, change)| !change.mandate.is_revocation()) {
                if whole.action == entitlement || whole.action == members {
                    self.keep_with(at, &held);
                }
            }
        }
    }

    /// What holds changes of accounts, by Target and key.
    fn of_accounts(&self, which: impl Fn(&Change) -> bool) -> BTreeMap<(Arc<str>, Arc<str>), Verdict> {
        let pieces = self.held.values().flatten().filter(|piece| piece.change.runs() && which(&piece.change));
        pieces.map(|piece| ((piece.change.target.clone(), piece.change.object.key.clone()), piece.verdict.clone())).collect()
    }

    fn keep_with(&mut self, at: usize, held: &BTreeMap<(Arc<str>, Arc<str>), Verdict>) {
        let Some(change) = self.run.remove(&at) else { return };
        let why = |key: &Arc<str>| held.get(&(change.target.clone(), key.clone())).filter(|_| change.runs());
        if change.members.is_empty() {
            return match why(&change.object.key).cloned() {
                Some(verdict) if change.entitlement.is_some() => self.holds(at, change, verdict, false),
                _ => self.goes(at, change),
            };
        }
        let (kept, rest): (Vec<MemberChange>, Vec<_>) =
            change.members.iter().cloned().partition(|member| why(&member.member.key).is_some());
        for member in kept {
            if let Some(verdict) = why(&member.member.key).cloned() {
                self.holds(at, Change { members: vec![member], ..change.clone() }, verdict, false);
            }
        }
        if !rest.is_empty() {
            self.goes(at, Change { members: rest, ..change });
        }
    }

    /// What needs something that is held is held by the same gate.
    fn inherit(&mut self, plan: &Plan, rest: BTreeMap<usize, Change>) {
        for (at, change) in rest {
            let needs = plan.changes.get(at).map(|whole| whole.needs.as_slice()).unwrap_or_default();
            let held = needs.iter().filter_map(|need| self.held.get(&(need.0 as usize))?.first());
            let by = held.map(|piece| piece.verdict.clone()).next();
            let withheld = || hold(GateKind::Guardrail, None, "what it needs is withheld");
            self.holds(at, change, by.unwrap_or_else(withheld), false);
        }
    }

    /// The plan of each Target that has to be approved.
    fn approving(&self, plan: &Plan, gates: &Gates<'_>, now: Timestamp) -> Vec<Approving> {
        let mut by_target: BTreeMap<&Arc<str>, Vec<Change>> = BTreeMap::new();
        for piece in self.held.values().flatten().filter(|piece| piece.unapproved) {
            by_target.entry(&piece.change.target).or_default().push(piece.change.clone());
        }
        let approving = |(target, changes): (&Arc<str>, Vec<Change>)| {
            let rule = gates.policy.targets.iter().find(|known| known.name == *target)?.gates.approval.as_ref()?;
            let plan = WaitingPlan::of(plan, target, changes, gates, now);
            let standing = standing(&plan, rule, gates.approvals, now);
            Some(Approving { plan, standing })
        };
        by_target.into_iter().filter_map(approving).collect()
    }

    /// One part for each gate and reason, in the order of the plan's Targets.
    fn held(self, plan: &Plan, waiting: &[Approving]) -> Vec<HeldPart> {
        let mut parts: Vec<HeldPart> = Vec::new();
        for piece in self.held.into_values().flatten() {
            let Verdict::Hold { by, until, mut words } = piece.verdict else { continue };
            let target = piece.change.target.clone();
            let plan = waiting.iter().find(|one| one.plan.target == target);
            if let (GateKind::Approval, Some(one)) = (by, plan) {
                words = one.standing.words().into();
            }
            let same = |part: &&mut HeldPart| part.target == target && part.by == by && part.until == until && part.words == words;
            let hash = plan.filter(|_| piece.unapproved).map(|one| one.plan.hash.clone());
            let change = Change { needs: Vec::new(), ..piece.change };
            match parts.iter_mut().find(same) {
                Some(part) => {
                    part.plan = part.plan.take().or(hash);
                    part.changes.push(change);
                }
                None => parts.push(HeldPart { target, by, until, words, pending: Pending::default(), plan: hash, changes: vec![change] }),
            }
        }
        parts.iter_mut().for_each(|part| part.pending = Pending::of(&part.changes));
        let place = |target: &Arc<str>| plan.changes.iter().position(|change| change.target == *target);
        parts.sort_by_cached_key(|part| (place(&part.target), part.by));
        parts
    }
}
