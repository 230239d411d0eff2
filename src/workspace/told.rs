//! What the actor tells: the one status value, and what happens on the way to whoever observes it.
//!
//! Must never: name a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::gates::{self, GateKind, Gates, HeldPart, Opened};
use super::kept::{Kept, System};
use super::messages::CompiledRevision;
use super::schedule;
use crate::drift::Noticed;
use crate::inbox::Inboxes;
use crate::model::{
    Brake, BreachedLimit, Finding, FindingCode, Guardrail, Key, LeaseStatus, LeftWhat, LimitUse, Memory, Need, NeedKind, Pending, Plan,
    RefusedRevision, STATUS_VERSION, Severity, StallCause, Status, SystemRole, SystemState, SystemStatus, THE_WORKSPACE,
};
use crate::pipeline::Hear;

/// Observes a workspace. Called from the work itself: must not block.
pub trait Observer: Hear {
    /// It stands so now.
    fn status(&self, _: &Status) {}
    /// The actor took a turn: it is alive.
    fn turned(&self, _: Timestamp) {}
    /// The actor has the lock, or has it no longer.
    fn lease(&self, _held: bool) {}
    /// A plan is there, after so long.
    fn planned(&self, _: &Plan, _took: std::time::Duration) {}
    /// Other manifests are in force from here on.
    fn in_force(&self, _: &CompiledRevision) {}
    /// The state can't be used for now.
    fn state_lost(&self, _why: &str) {}
    /// The journal's chain was looked at.
    fn verified(&self, _whole: bool) {}
    /// What needs somebody of which the actor does not know: receivers that can't be told.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
}

/// Why a Target's last run stopped being tried.
pub(super) struct TargetTrouble {
    pub why: String,
    /// what somebody has to do; nothing where it passes by itself
    pub stall: Option<StallCause>,
}

impl TargetTrouble {
    /// In one word.
    pub fn state(&self) -> SystemState {
        if self.stall.is_some() { SystemState::Stalled } else { SystemState::Behind }
    }
}

/// All that a status is made of.
pub(super) struct Told<'a> {
    pub kept: &'a Kept,
    pub gates: &'a Gates<'a>,
    pub plan: Option<&'a Plan>,
    pub opened: Option<&'a Opened>,
    /// the version of the world that `opened` is of
    pub version: Option<u64>,
    /// of a run under way: by Target how many changes it has, and how many are done
    pub running: &'a BTreeMap<Arc<str>, (u64, u64)>,
    pub refused: Option<&'a RefusedRevision>,
    pub brake: Option<&'a Brake>,
    /// what was found that no manifest declares
    pub noticed: &'a [Noticed],
    pub lease: Option<LeaseStatus>,
    pub journal: (u64, String),
    /// what systems push
    pub inboxes: &'a Inboxes,
    /// since when each need is one
    pub since: &'a mut BTreeMap<(NeedKind, String), Timestamp>,
    /// why a target's last run stopped being tried
    pub trouble: &'a BTreeMap<Arc<str>, TargetTrouble>,
    /// what others say that needs somebody
    pub besides: Vec<Need>,
}

impl Told<'_> {
    /// The status now.
    pub fn status(mut self, now: Timestamp) -> Status {
        let systems: Vec<_> = self.kept.systems.iter().map(|system| self.system(system, now)).collect();
        let memory = self.kept.snapshot.world.memory();
        let needs = self.needs(&systems, memory, now);
        Status {
            format_version: STATUS_VERSION,
            workspace: self.kept.snapshot.policy.workspace.clone(),
            at: now,
            revision: Some(self.kept.manifests.revision.clone()),
            refused: self.refused.cloned(),
            lease: self.lease.take(),
            brake: self.brake.cloned(),
            needs,
            systems,
            journal: std::mem::take(&mut self.journal),
            identities: self.kept.snapshot.world.people(&self.kept.snapshot.policy),
            revocations_open: open_revocations(memory),
        }
    }

    fn system(&self, system: &System, now: Timestamp) -> SystemStatus {
        let held: Vec<&HeldPart> = self.opened.iter().flat_map(|opened| &opened.held).filter(|part| of(system, &part.target)).collect();
        let (state, why) = self.state(system, &held);
        let memory = &system.memory;
        let waits = self.opened.and_then(|opened| opened.waiting.iter().find(|waiting| of(system, &waiting.plan.target)));
        let progress = self.running.get(&system.name).copied().filter(|_| system.role == SystemRole::Target);
        let next = schedule::next(now, &system.waiting()).max(now);
        SystemStatus {
            name: system.name.clone(),
            role: system.role,
            state,
            since: if state == memory.state { memory.since } else { now },
            stall: self.trouble_of(system).and_then(|trouble| trouble.stall).filter(|_| state == SystemState::Stalled),
            why,
            read: memory.read,
            complete: memory.complete,
            declared: memory.declared,
            heard: self.inboxes.heard_here(&system.name).filter(|_| system.role == SystemRole::Source),
            evidence: system.evidence.into(),
            rows: system.rows,
            pending: self.pending(system),
            progress: progress.map(|(total, done)| (done, total)),
            waits: waits.map(|waiting| waiting.plan.hash.clone()),
            next: Some(held.iter().filter_map(|part| part.until).fold(next, Ord::min)),
            interval: system.timing.full.as_secs().unsigned_abs(),
            withheld: self.withheld(system),
            breached: self.breached(system),
            drift: held
                .iter()
                .filter(|part| matches!(part.by, GateKind::Drift | GateKind::Contested))
                .map(|part| part.changes.len() as u64)
                .sum(),
        }
    }

    fn trouble_of(&self, system: &System) -> Option<&TargetTrouble> {
        self.trouble.get(&system.name).filter(|_| system.role == SystemRole::Target)
    }

    fn state(&self, system: &System, held: &[&HeldPart]) -> (SystemState, Option<String>) {
        let memory = &system.memory;
        if !system.known && memory.misses == 0 {
            return (SystemState::Unknown, None);
        }
        if let Some(trouble) = self.trouble_of(system) {
            return (trouble.state(), Some(trouble.why.clone()));
        }
        // Also where nobody has tried again since the process began.
        if memory.misses > 0 {
            return (SystemState::Unreadable, memory.why.clone());
        }
        if let Some((_, words)) = self.doubts(Some(system)).next() {
            return (SystemState::Held, Some(words));
        }
        if system.role == SystemRole::Source {
            return (SystemState::AsDeclared, None);
        }
        if self.running.contains_key(&system.name) {
            return (SystemState::Changing, None);
        }
        let worst = held.iter().filter_map(|part| Some((state_of(part.by)?, part.words.to_string()))).min_by_key(|(state, _)| rank(*state));
        match worst {
            Some((SystemState::Held, words)) => (SystemState::Held, Some(limits(&self.breached(system)).unwrap_or(words))),
            Some((state, words)) => (state, Some(words)),
            None if self.version.is_none_or(|version| version < self.kept.doubtful) => {
                (SystemState::Unknown, Some("it was read; what is to be done there is still worked out".into()))
            }
            // A run was begun for it: what became of that, the next plan says.
            None if self.goes(system) => (SystemState::Changing, None),
            None => (SystemState::AsDeclared, None),
        }
    }

    /// Whether the gates let something through at a system.
    fn goes(&self, system: &System) -> bool {
        self.opened.iter().flat_map(|opened| &opened.run.changes).any(|change| change.runs() && of(system, &change.target))
    }

    /// The limits of which something is withheld at a system.
    fn breached(&self, system: &System) -> Vec<BreachedLimit> {
        let mut withheld: BTreeMap<Guardrail, u64> = BTreeMap::new();
        for guardrail in self.withholding(system).filter_map(|finding| finding.guardrail) {
            *withheld.entry(guardrail).or_default() += 1;
        }
        let limits = self.plan.iter().flat_map(|plan| &plan.limits).filter(|limit| of(system, &limit.target));
        let breached = limits.filter_map(|limit| {
            let LimitUse { guardrail, planned, done, allowed, .. } = *limit;
            Some(BreachedLimit { guardrail, planned, done, allowed, withheld: *withheld.get(&guardrail)? })
        });
        breached.collect()
    }

    /// For each change that is withheld at a system, why.
    fn withholding(&self, system: &System) -> impl Iterator<Item = &Finding> {
        self.plan.iter().flat_map(move |plan| {
            let here = plan.changes.iter().filter(move |change| of(system, &change.target));
            here.filter_map(move |change| plan.findings.get(change.withheld.as_ref()?.finding as usize))
        })
    }

    /// What of a system's read, or at it, leaves something undecided, in the stable words of findings: nothing follows from it until somebody looks. Without a
    /// system: what is of none of them.
    fn doubts(&self, system: Option<&System>) -> impl Iterator<Item = (NeedKind, String)> {
        let mut counts: BTreeMap<(NeedKind, String), u64> = BTreeMap::new();
        for finding in self.plan.iter().flat_map(|plan| undecided(plan)) {
            if self.system_of(finding) == system.map(|system| &system.name) {
                *counts.entry((doubt(finding.severity), finding.code.word())).or_default() += 1;
            }
        }
        counts.into_iter().map(|((kind, code), many)| match many {
            1 => (kind, format!("{code}: `headcount plan` says more")),
            many => (kind, format!("{many} times {code}: `headcount plan` says more")),
        })
    }

    /// The system that a finding names; where it is about keys, the Source that gave them.
    fn system_of<'f>(&'f self, finding: &'f Finding) -> Option<&'f Arc<str>> {
        let known = |name: &str| self.kept.systems.iter().find(|system| *system.name == *name).map(|system| &system.name);
        if let Some(name) = &finding.subject.system {
            return known(name);
        }
        let of_keys = matches!(
            finding.code,
            FindingCode::KeyChanged | FindingCode::KeyHandedOn | FindingCode::DuplicateKey | FindingCode::ContradictoryDates
        );
        let keys = finding.subject.key.iter().chain(&finding.about).filter(|_| of_keys);
        keys.filter_map(|key| Key::of(key)).find_map(|key| match key {
            Key::Record { source, .. } => known(source),
            _ => None,
        })
    }

    fn pending(&self, system: &System) -> Pending {
        match self.plan {
            Some(plan) => Pending::of(plan.changes.iter().filter(|change| of(system, &change.target))),
            // Between a run and the next plan nothing is known but what the gates held.
            None => {
                let held = self.opened.iter().flat_map(|opened| &opened.held).filter(|part| of(system, &part.target));
                Pending::of(held.flat_map(|part| &part.changes))
            }
        }
    }

    fn withheld(&self, system: &System) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for finding in self.withholding(system) {
            *all.entry(finding.guardrail.map_or_else(|| finding.code.word(), |guardrail| guardrail.word().to_owned())).or_default() += 1;
        }
        all
    }

    fn needs(&mut self, systems: &[SystemStatus], memory: &Memory, now: Timestamp) -> Vec<Need> {
        let mut needs = Vec::new();
        let need = |kind, about: &str, words: String, next: String| Need { kind, about: about.to_owned(), words, next, since: now };
        let open = open_revocations(memory);
        if open > 0 {
            let words = format!("{open} cut off, and not everywhere yet");
            needs.push(need(NeedKind::RevocationOpen, "revocations", words, "headcount history".into()));
        }
        for system in systems {
            let why = || system.why.clone().unwrap_or_default();
            let role = match system.role {
                SystemRole::Source => "Source",
                SystemRole::Target => "Target",
            };
            match system.state {
                SystemState::Stalled => {
                    needs.push(need(NeedKind::Stalled, &system.name, why(), format!("headcount sync --target {}", system.name)))
                }
                SystemState::Unreadable => {
                    let how = if system.evidence == "partial" { "is read in part" } else { "can't be read" };
                    let words = format!("the {role} {how}: {}", why());
                    needs.push(need(NeedKind::Unreadable, &system.name, words, "headcount plan".into()));
                }
                _ => {}
            }
        }
        for system in self.kept.systems.iter().filter(|system| system.memory.misses == 0) {
            let next = || "headcount plan".to_owned();
            needs.extend(self.doubts(Some(system)).map(|(kind, words)| need(kind, &system.name, words, next())));
        }
        needs.extend(self.doubts(None).map(|(kind, words)| need(kind, THE_WORKSPACE, words, "headcount plan".to_owned())));
        if let Some(refused) = self.refused {
            let words = refused.why.first().cloned().unwrap_or_else(|| "it can't be used".into());
            needs.push(need(NeedKind::RevisionRefused, &refused.revision.name, words, "headcount validate".into()));
        }
        if let Some(opened) = self.opened {
            needs.extend(opened.waiting.iter().filter(|one| one.standing != gates::ApprovalStanding::Approved).map(gates::waits));
            for part in &opened.held {
                let system = self.kept.systems.iter().find(|system| part.by == GateKind::Guardrail && of(system, &part.target));
                let breached =
                    system.and_then(|system| limits(&self.breached(system))).map(|limits| format!(" ({limits})")).unwrap_or_default();
                needs.extend(gates::need(part, self.gates, now).map(|need| Need { words: need.words + &breached, ..need }));
            }
        }
        for system in self.kept.systems.iter().filter(|system| system.role == SystemRole::Target) {
            let words = undeclared(self.noticed.iter().filter(|one| of(system, one.target())));
            needs.extend(words.map(|words| need(NeedKind::Undeclared, &system.name, words, "headcount drift".to_owned())));
        }
        needs.append(&mut self.besides);
        needs.retain(|need| !follows(need, systems));
        for need in &mut needs {
            need.since = *self.since.entry((need.kind, need.about.clone())).or_insert(need.since);
        }
        self.since.retain(|(kind, about), _| needs.iter().any(|need| need.kind == *kind && need.about == *about));
        needs.sort_by(|one, other| (one.kind, &one.about, &one.words).cmp(&(other.kind, &other.about, &other.words)));
        // Of two subscriptions of one Source that fail alike, one is to be seen to.
        needs.dedup_by(|one, other| (one.kind, &one.about, &one.words) == (other.kind, &other.about, &other.words));
        needs
    }
}

/// Whether a need only follows from another one: whoever can't reach a system to read it can't ask it for webhooks either.
fn follows(need: &Need, systems: &[SystemStatus]) -> bool {
    let is_cause = |system: &&SystemStatus| *system.name == need.about && system.state == SystemState::Unreadable;
    let why = systems.iter().find(is_cause).and_then(|system| system.why.as_deref());
    need.kind == NeedKind::Unsubscribed && why.is_some_and(|why| !why.is_empty() && need.words.ends_with(why))
}

/// How much of what was found at a target no manifest declares.
fn undeclared<'n>(noticed: impl Iterator<Item = &'n Noticed>) -> Option<String> {
    let (accounts, members): (Vec<_>, Vec<_>) = noticed.partition(|one| one.left.what == LeftWhat::Nobodys);
    let accounts = match accounts.len() {
        0 => None,
        1 => Some("a new account is nobody's".to_owned()),
        many => Some(format!("{many} new accounts are nobody's")),
    };
    let members = match members.len() {
        0 => None,
        1 => Some("somebody joined a group that no manifest declares".to_owned()),
        many => Some(format!("{many} times somebody joined a group that no manifest declares")),
    };
    let words: Vec<String> = members.into_iter().chain(accounts).collect();
    (!words.is_empty()).then(|| words.join(", and "))
}

/// Findings for which a plan does not end well and of which no change tells: something is not planned, or not as declared.
fn undecided(plan: &Plan) -> impl Iterator<Item = &Finding> {
    let withheld: BTreeSet<usize> = plan.changes.iter().filter_map(|change| Some(change.withheld.as_ref()?.finding as usize)).collect();
    let counts = move |(at, finding): &(usize, &Finding)| match finding.severity {
        Severity::Error | Severity::Incomplete => true,
        Severity::Refused => !withheld.contains(at),
        Severity::Warning | Severity::Note => finding.code == FindingCode::NotKept,
    };
    plan.findings.iter().enumerate().filter(counts).map(|(_, finding)| finding)
}

/// What kind of need a finding is, so that a command which waits for a status ends as one that plans.
fn doubt(severity: Severity) -> NeedKind {
    match severity {
        Severity::Refused => NeedKind::Held,
        Severity::Error | Severity::Incomplete => NeedKind::Undecided,
        Severity::Warning | Severity::Note => NeedKind::Contested,
    }
}

/// Limits that are breached, with how much that is: `deactivate: 12 of at most 4`.
fn limits(breached: &[BreachedLimit]) -> Option<String> {
    let words: Vec<String> = breached.iter().map(BreachedLimit::words).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn of(system: &System, target: &Arc<str>) -> bool {
    system.role == SystemRole::Target && system.name == *target
}

fn open_revocations(memory: &Memory) -> u64 {
    let open = |standing: &&crate::model::StandingRevocation| standing.receipts.iter().any(|receipt| !receipt.outcome.holds());
    memory.revocations.iter().filter(open).count() as u64
}

fn state_of(gate: GateKind) -> Option<SystemState> {
    match gate {
        GateKind::Brake => Some(SystemState::Paused),
        GateKind::Suspend => Some(SystemState::Suspended),
        GateKind::Window => Some(SystemState::WindowClosed),
        GateKind::Guardrail => Some(SystemState::Held),
        GateKind::Approval => Some(SystemState::WaitsForApproval),
        GateKind::Breaker | GateKind::Pace => Some(SystemState::Behind),
        GateKind::Lease | GateKind::Drift | GateKind::Contested => None,
    }
}

/// What a person should hear of first.
fn rank(state: SystemState) -> u8 {
    match state {
        SystemState::Held => 0,
        SystemState::WaitsForApproval => 1,
        SystemState::Paused => 2,
        SystemState::Suspended => 3,
        SystemState::WindowClosed => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_follows_from_a_source_that_can_not_be_reached_is_not_told_beside_it() {
        let system = |state: SystemState| -> SystemStatus {
            serde_json::from_value(serde_json::json!({
                "name": "entra", "role": SystemRole::Source, "state": state, "since": "2026-11-29T10:00:00Z", "why": "there is no host",
                "evidence": "unreadable", "rows": 0, "interval": 3600,
            }))
            .unwrap()
        };
        let need = |kind, why: &str| Need {
            kind,
            about: "entra".into(),
            words: format!("its system could not be asked to send webhooks: {why}"),
            next: String::new(),
            since: Timestamp::UNIX_EPOCH,
        };
        let unsubscribed = need(NeedKind::Unsubscribed, "there is no host");
        assert!(follows(&unsubscribed, &[system(SystemState::Unreadable)]));
        assert!(!follows(&unsubscribed, &[system(SystemState::AsDeclared)]) && !follows(&unsubscribed, &[]));
        assert!(!follows(&need(NeedKind::Unsubscribed, "HTTP 403"), &[system(SystemState::Unreadable)]));
        assert!(!follows(&need(NeedKind::Unreadable, "there is no host"), &[system(SystemState::Unreadable)]));
    }
}
