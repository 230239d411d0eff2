//! What whoever looks at the branch sees of it at its host: a status of the commit that is in force, and one of a newer one that is refused.
//!
//! Must never: name a person, hold anything up, or say the same again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::forge::{CommitHost, CommitState, CommitStatus, ForgeError};
use crate::model::{Need, NeedKind, Pending, Status, SystemState};

/// Commits whose status is remembered: older ones are told no more.
const REMEMBERED: usize = 16;

/// Tells a host.
pub struct CommitTeller {
    host: CommitHost,
    /// where the status page is
    url: Option<String>,
    told: BTreeMap<Arc<str>, CommitStatus>,
}

impl CommitTeller {
    /// Tells this host, with an address of more.
    pub fn new(host: CommitHost, url: Option<String>) -> Self {
        Self { host, url, told: BTreeMap::new() }
    }

    /// Tells what is new. An error is for the log: the next status tries again.
    pub async fn tell(&mut self, status: &Status) -> Result<(), ForgeError> {
        for (commit, mut now) in commit_statuses(status) {
            now.url.clone_from(&self.url);
            if self.told.get(&commit) == Some(&now) {
                continue;
            }
            self.host.set(&commit, &now).await?;
            while self.told.len() >= REMEMBERED {
                self.told.pop_first();
            }
            self.told.insert(commit, now);
        }
        Ok(())
    }
}

/// What stands beside which commit: a commit's id, and its status.
pub fn commit_statuses(status: &Status) -> Vec<(Arc<str>, CommitStatus)> {
    let name = format!("headcount/{}", status.workspace);
    let made = |id: &Arc<str>, (state, sentence)| (id.clone(), CommitStatus { name: name.clone(), state, sentence, url: None });
    let refused = status.refused.as_ref().filter(|refused| !refused.revision.id.is_empty()).map(|refused| {
        let why = refused.why.first().map_or("", String::as_str);
        let more = refused.why.len().saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        made(&refused.revision.id, (CommitState::Failure, format!("not used: {why}{more}")))
    });
    let in_force = status.revision.as_ref().map(|revision| made(&revision.id, in_force(status)));
    in_force.into_iter().chain(refused).collect()
}

/// Of what is in force: what needs somebody fails, what is under way or waits is pending.
fn in_force(status: &Status) -> (CommitState, String) {
    let count = |kind: NeedKind| status.needs.iter().filter(|need: &&Need| need.kind == kind).count();
    let pending = |states: &[SystemState]| -> u64 {
        let systems = status.systems.iter().filter(|system| states.contains(&system.state));
        systems
            .map(|system| {
                let Pending { give, change, take } = system.pending;
                give + change + take
            })
            .sum()
    };
    let withheld: u64 = status.systems.iter().flat_map(|system| system.withheld.values()).sum();
    let is = |states: &[SystemState]| status.systems.iter().filter(|system| states.contains(&system.state)).count();
    let (held, waiting) = (is(&[SystemState::Held]), pending(&[SystemState::WaitsForApproval]));
    let words = |parts: Vec<(u64, &str)>| -> String {
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
        parts.join(", ")
    };
    let stalled = (is(&[SystemState::Stalled]) + is(&[SystemState::Unreadable])) as u64;
    let trouble = words(vec![
        (withheld.max(held as u64), "held"),
        (waiting, "wait for approval"),
        (stalled, if stalled == 1 { "system needs somebody" } else { "systems need somebody" }),
        (count(NeedKind::RevocationOpen) as u64, "revocations open"),
    ]);
    if held > 0 || stalled > 0 || count(NeedKind::RevocationOpen) > 0 {
        return (CommitState::Failure, trouble);
    }
    if status.brake.is_some() {
        return (CommitState::Pending, "all writing is stopped".to_owned());
    }
    let open = pending(&[
        SystemState::Changing,
        SystemState::Unknown,
        SystemState::WindowClosed,
        SystemState::Suspended,
        SystemState::Paused,
        SystemState::Behind,
    ]);
    let under_way = words(vec![(waiting, "wait for approval"), (open, "changes to go")]);
    if !under_way.is_empty() {
        return (CommitState::Pending, under_way);
    }
    match status.systems.iter().all(|system| system.state == SystemState::AsDeclared) {
        true => (CommitState::Success, "as declared".to_owned()),
        false => (CommitState::Pending, "under way".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Brake, RefusedBecause, RefusedRevision, Revision, STATUS_VERSION, SystemRole, SystemStatus};

    fn system(state: SystemState, pending: u64, withheld: u64) -> SystemStatus {
        SystemStatus {
            name: "chat".into(),
            role: SystemRole::Target,
            state,
            since: "2026-11-29T10:00:00Z".parse().unwrap(),
            stall: None,
            why: None,
            read: None,
            complete: None,
            declared: None,
            heard: None,
            evidence: "complete".to_owned(),
            rows: 0,
            pending: Pending { give: pending, change: 0, take: 0 },
            progress: None,
            waits: None,
            next: None,
            interval: 3600,
            withheld: (withheld > 0).then(|| ("deactivate".to_owned(), withheld)).into_iter().collect(),
            drift: 0,
            breached: Vec::new(),
        }
    }

    fn revision(id: &str) -> Revision {
        Revision { id: id.into(), name: String::new(), at: "2026-11-29T10:00:00Z".parse().unwrap(), authors: Vec::new(), signer: None }
    }

    fn status(systems: Vec<SystemStatus>) -> Status {
        Status {
            format_version: STATUS_VERSION,
            workspace: "acme".into(),
            at: "2026-11-29T10:00:00Z".parse().unwrap(),
            revision: Some(revision("c0ffee")),
            refused: None,
            lease: None,
            brake: None,
            needs: Vec::new(),
            systems,
            journal: (0, String::new()),
            identities: 0,
            revocations_open: 0,
        }
    }

    #[test]
    fn a_commit_shows_in_few_words_how_its_revision_stands() {
        use SystemState::*;
        let good = || system(AsDeclared, 0, 0);
        let table = [
            (vec![good()], (CommitState::Success, "as declared")),
            (vec![good(), system(Unknown, 0, 0)], (CommitState::Pending, "under way")),
            (vec![good(), system(Changing, 7, 0)], (CommitState::Pending, "7 changes to go")),
            (
                vec![system(WaitsForApproval, 12, 0), system(WindowClosed, 2, 0)],
                (CommitState::Pending, "12 wait for approval, 2 changes to go"),
            ),
            (vec![system(Held, 3, 3), system(WaitsForApproval, 12, 0)], (CommitState::Failure, "3 held, 12 wait for approval")),
            (vec![system(Stalled, 3, 0), good()], (CommitState::Failure, "1 system needs somebody")),
            (vec![system(Stalled, 3, 0), system(Unreadable, 0, 0)], (CommitState::Failure, "2 systems need somebody")),
        ];
        for (systems, (state, words)) in table {
            let all = commit_statuses(&status(systems));
            let [(id, told)] = all.as_slice() else { panic!("{all:?}") };
            assert_eq!((&**id, told.name.as_str(), told.state, told.sentence.as_str()), ("c0ffee", "headcount/acme", state, words));
        }
    }

    #[test]
    fn a_refused_revision_fails_by_its_first_reason_beside_the_one_in_force() {
        let at = "2026-11-29T10:00:00Z".parse().unwrap();
        let refused = RefusedRevision {
            revision: revision("bad"),
            since: at,
            because: RefusedBecause::Invalid,
            why: vec!["people/a.yaml:3: no such field".into(), "more".into()],
        };
        let brake = Brake { who: "mara".into(), at, reason: None, everything: false };
        let status = Status { refused: Some(refused), brake: Some(brake), ..status(vec![system(SystemState::AsDeclared, 0, 0)]) };
        let told: Vec<_> =
            commit_statuses(&status).into_iter().map(|(id, told)| format!("{id} {:?} {}", told.state, told.sentence)).collect();
        assert_eq!(told, ["c0ffee Pending all writing is stopped", "bad Failure not used: people/a.yaml:3: no such field (and 1 more)"]);
    }
}
