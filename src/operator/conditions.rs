//! What the status of an object says: the workspace's one status value, in the words that tools of a cluster know.
//!
//! Must never: name a person, or say `Ready: False` for a turn that goes as it should.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::register::Problems;
use crate::model::{NeedKind, RefusedBecause, StallCause, Status, SystemRole, SystemState, SystemStatus, THE_WORKSPACE};

/// Longest message of a condition.
const MESSAGE: usize = 1024;
/// So many things that need somebody are listed.
const NEEDS: usize = 20;

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub kind: &'static str,
    /// nothing: it can't be told
    pub holds: Option<bool>,
    pub reason: &'static str,
    pub message: String,
}

/// An object whose status is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// which version of its spec stands in the cluster
    pub generation: i64,
    /// which one is in force; nothing: none is
    pub in_force: Option<i64>,
    /// what is wrong with the newest one
    pub problem: Option<&'a str>,
    /// newer objects can't be used
    pub refused: bool,
    /// when it was last said to have been read completely
    pub complete: Option<Timestamp>,
    /// the version in force was said to be ready before: a routine turn changes nothing about that
    pub was_ready: bool,
}

/// A Source or Target.
pub(super) fn of_system(system: &SystemStatus, status: &Status, about: About<'_>) -> Map<String, Value> {
    let mut conditions = vec![ready(system, about), reconciling(system, about), stalled(system, about), suspended(system)];
    match system.role {
        SystemRole::Target => conditions.extend([drifted(system, status), approval(system)]),
        SystemRole::Source => conditions.push(complete(system)),
    }
    let mut told = with(conditions, about);
    told.insert("state".into(), json!(word(system, about)));
    told.insert("rows".into(), json!(system.rows));
    if let Some(complete) = system.complete {
        told.insert("lastComplete".into(), json!(seldom(about.complete, complete, system.interval).to_string()));
    }
    if system.role == SystemRole::Target {
        let pending = system.pending;
        told.insert("pending".into(), json!({ "give": pending.give, "change": pending.change, "take": pending.take }));
        told.insert("pendingChanges".into(), json!(pending.sum()));
        told.insert("drift".into(), json!(system.drift));
        if !system.withheld.is_empty() {
            told.insert("withheld".into(), json!(system.withheld));
        }
        if let Some(waits) = &system.waits {
            told.insert("plan".into(), json!(waits));
        }
    }
    if let Some(next) =
        system.next.filter(|_| matches!(system.state, SystemState::Behind | SystemState::Unreadable | SystemState::WindowClosed))
    {
        told.insert("next".into(), json!(rounded(next).to_string()));
    }
    told
}

/// The Workspace.
pub(super) fn of_workspace(status: &Status, problems: &Problems, about: About<'_>) -> Map<String, Value> {
    let mut told = with(workspace_conditions(Some(status), problems, about), about);
    if let Some(revision) = &status.revision {
        told.insert("revision".into(), json!(revision.name));
    }
    if let Some(refused) = &status.refused {
        told.insert("refused".into(), json!(refused.revision.name));
    }
    if let Some(lease) = &status.lease {
        told.insert("writer".into(), json!(lease.holder));
        told.insert("epoch".into(), json!(lease.epoch));
    }
    told.insert("identities".into(), json!(status.identities));
    told.insert("revocationsOpen".into(), json!(status.revocations_open));
    let needs = status.needs.iter().filter(|need| need.kind != NeedKind::RevisionRefused).take(NEEDS);
    let needs: Vec<Value> = needs.map(|need| json!({ "kind": need.kind, "about": need.about, "words": short(&need.words) })).collect();
    told.insert("needs".into(), json!(needs));
    told
}

/// A Workspace for which nothing runs yet.
pub(super) fn of_unused(problems: &Problems, about: About<'_>) -> Map<String, Value> {
    with(workspace_conditions(None, problems, about), about)
}

/// What is said of an object of any other kind: whether it can be used, and nothing where there was nothing to say.
pub(super) fn of_other(about: About<'_>) -> Map<String, Value> {
    let conditions = match about.problem {
        Some(problem) => vec![
            Condition { kind: "Ready", holds: Some(false), reason: "InvalidManifest", message: problem.to_owned() },
            Condition { kind: "Stalled", holds: Some(true), reason: "InvalidManifest", message: problem.to_owned() },
        ],
        None => {
            let ready = about.in_force == Some(about.generation);
            let reason = if ready { "InForce" } else { "NotInForce" };
            vec![
                Condition { kind: "Ready", holds: Some(ready), reason, message: String::new() },
                Condition { kind: "Stalled", holds: Some(false), reason: "Settled", message: String::new() },
            ]
        }
    };
    with(conditions, about)
}

fn ready(system: &SystemStatus, about: About<'_>) -> Condition {
    use SystemState::*;
    if about.in_force.is_none() {
        let message = about.problem.unwrap_or("it is not in force yet").to_owned();
        return Condition { kind: "Ready", holds: Some(false), reason: refusal(about), message };
    }
    let words = || system.why.clone().unwrap_or_default();
    let (holds, reason, message) = match system.state {
        Unknown => {
            (None, "Reading", system.why.clone().unwrap_or_else(|| "it is read for the first time since this process began".to_owned()))
        }
        AsDeclared => (Some(true), if system.drift > 0 { "Observing" } else { "AsDeclared" }, String::new()),
        Changing => (Some(about.was_ready), "Changing", String::new()),
        WaitsForApproval => (Some(false), "ApprovalRequired", words()),
        Held => (Some(false), held(system), words()),
        WindowClosed => (Some(false), "WindowClosed", words()),
        Suspended => (Some(false), "Suspended", words()),
        Paused => (Some(false), "Paused", words()),
        Behind => (Some(false), "Behind", words()),
        Stalled => (Some(false), stall(system), words()),
        Unreadable => (Some(false), "Unreadable", words()),
    };
    Condition { kind: "Ready", holds, reason, message }
}

fn reconciling(system: &SystemStatus, about: About<'_>) -> Condition {
    use SystemState::*;
    let newer = about.in_force.is_none_or(|in_force| in_force < about.generation);
    let (holds, reason) = match system.state {
        _ if newer && about.problem.is_none() => (true, "NewGeneration"),
        Unknown => (true, "Reading"),
        Changing => (true, "Writing"),
        AsDeclared | WaitsForApproval | Held | WindowClosed | Suspended | Paused | Behind | Stalled | Unreadable => (false, "Settled"),
    };
    let message =
        if newer && about.refused { "other objects of the namespace can't be used, so nothing newer is".to_owned() } else { String::new() };
    Condition { kind: "Reconciling", holds: Some(holds), reason, message }
}

fn stalled(system: &SystemStatus, about: About<'_>) -> Condition {
    use SystemState::*;
    let words = || system.why.clone().unwrap_or_default();
    let settled = match about.refused && about.in_force.is_none() {
        true => (true, "ManifestsRefused", "newer objects of the namespace are not used".to_owned()),
        false => (false, "Settled", String::new()),
    };
    let (holds, reason, message) = match (about.problem, system.state) {
        (Some(problem), _) => (true, "InvalidManifest", problem.to_owned()),
        (None, Stalled) => (true, stall(system), words()),
        (None, Held) => (true, held(system), words()),
        (None, WaitsForApproval) => (true, "ApprovalRequired", words()),
        (None, Unknown | AsDeclared | Changing | WindowClosed | Suspended | Paused | Behind | Unreadable) => settled,
    };
    Condition { kind: "Stalled", holds: Some(holds), reason, message }
}

fn suspended(system: &SystemStatus) -> Condition {
    use SystemState::*;
    let (holds, reason) = match system.state {
        Paused => (true, "Paused"),
        Suspended => (true, "Suspended"),
        WindowClosed => (true, "WindowClosed"),
        Unknown | AsDeclared | Changing | WaitsForApproval | Held | Behind | Stalled | Unreadable => (false, "NotSuspended"),
    };
    let message = system.why.clone().filter(|_| holds).unwrap_or_default();
    Condition { kind: "Suspended", holds: Some(holds), reason, message }
}

fn drifted(system: &SystemStatus, status: &Status) -> Condition {
    let contested = status.needs.iter().find(|need| need.kind == NeedKind::Contested && need.about == *system.name);
    let undeclared = status.needs.iter().find(|need| need.kind == NeedKind::Undeclared && need.about == *system.name);
    let (holds, reason, message) = match (contested, system.drift, undeclared) {
        (Some(need), _, _) => (true, "Contested", need.words.clone()),
        (None, 0, None) => (false, "None", String::new()),
        (None, 0, Some(need)) => (true, "Undeclared", need.words.clone()),
        (None, drift, _) => (true, "Observed", format!("{drift} that others changed, and that are left as they are")),
    };
    Condition { kind: "Drifted", holds: Some(holds), reason, message }
}

fn approval(system: &SystemStatus) -> Condition {
    let (holds, reason, message) = match &system.waits {
        Some(hash) => (true, "PlanWaits", format!("plan {} waits for an approval", hash.chars().take(8).collect::<String>())),
        None => (false, "NothingWaits", String::new()),
    };
    Condition { kind: "ApprovalRequired", holds: Some(holds), reason, message }
}

fn complete(system: &SystemStatus) -> Condition {
    let (holds, reason) = match system.evidence.as_str() {
        "complete" => (Some(true), "Complete"),
        "delta" => (Some(true), "Delta"),
        "partial" => (Some(false), "Partial"),
        "unreadable" => (Some(false), "Unreadable"),
        _ => (None, "Unread"),
    };
    let message = system.why.clone().filter(|_| holds == Some(false)).unwrap_or_default();
    Condition { kind: "Complete", holds, reason, message }
}

fn workspace_conditions(status: Option<&Status>, problems: &Problems, about: About<'_>) -> Vec<Condition> {
    let meanwhile = match status.map(|status| status.revision.is_some()) {
        Some(true) => "What ran before runs on",
        Some(false) => "Nothing runs before they are mended",
        None => "Nothing newer is used",
    };
    let invalid = invalid(problems, meanwhile);
    let refused = status.and_then(|status| status.refused.as_ref());
    let (stalled, reason, message) = match (&invalid, refused) {
        (Some(words), _) => (true, "InvalidManifest", words.clone()),
        (None, Some(refused)) => {
            let words = || refused.why.first().cloned().unwrap_or_default();
            match refused.because {
                // Where it is wrong stands in the words, and may be a person's name.
                RefusedBecause::Invalid => (true, "InvalidManifest", "the newest objects can't be used".to_owned()),
                RefusedBecause::Shrank => (true, "ManifestsShrank", words()),
                RefusedBecause::Unreadable => (true, "ManifestsUnreadable", words()),
            }
        }
        (None, None) => (false, "Settled", String::new()),
    };
    let states: Vec<SystemState> = status.iter().flat_map(|status| &status.systems).map(|system| system.state).collect();
    let fine = states.iter().filter(|state| matches!(state, SystemState::AsDeclared | SystemState::Changing)).count();
    let unknown = states.iter().filter(|state| **state == SystemState::Unknown).count();
    let undecided = status.and_then(|status| status.needs.iter().find(|need| need.about == THE_WORKSPACE));
    let ready = match status {
        None => {
            Condition { kind: "Ready", holds: Some(false), reason: if stalled { reason } else { "Starting" }, message: message.clone() }
        }
        Some(_) if stalled => Condition { kind: "Ready", holds: Some(false), reason, message: message.clone() },
        // Every revision is worked out anew: that is no news of what was well.
        Some(_) if unknown > 0 && fine + unknown == states.len() => {
            Condition { kind: "Ready", holds: about.was_ready.then_some(true), reason: "Reading", message: String::new() }
        }
        Some(_) if undecided.is_some() => {
            let message = undecided.map(|need| short(&need.words)).unwrap_or_default();
            Condition { kind: "Ready", holds: Some(false), reason: "Undecided", message }
        }
        Some(_) if fine == states.len() => Condition { kind: "Ready", holds: Some(true), reason: "AsDeclared", message: String::new() },
        Some(_) => {
            let message = format!("{} of {} systems need somebody or wait", states.len() - fine - unknown, states.len());
            Condition { kind: "Ready", holds: Some(false), reason: "SystemsNotReady", message }
        }
    };
    let newer = about.in_force.is_none_or(|in_force| in_force < about.generation);
    let busy = (newer && !stalled) || states.contains(&SystemState::Changing) || unknown > 0;
    let braked = status.and_then(|status| status.brake.as_ref());
    let suspended = braked.and_then(|brake| brake.reason.clone()).unwrap_or_default();
    vec![
        ready,
        Condition { kind: "Reconciling", holds: Some(busy), reason: if busy { "Progressing" } else { "Settled" }, message: String::new() },
        Condition { kind: "Stalled", holds: Some(stalled), reason, message },
        Condition {
            kind: "Suspended",
            holds: Some(braked.is_some()),
            reason: if braked.is_some() { "Paused" } else { "NotSuspended" },
            message: suspended,
        },
    ]
}

/// How many objects can't be used: of which kinds, since names may be people's.
fn invalid(problems: &Problems, meanwhile: &str) -> Option<String> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    problems.objects.keys().for_each(|(kind, _)| *kinds.entry(kind).or_default() += 1);
    let listed: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    match (listed.is_empty(), &problems.besides) {
        (true, None) => None,
        (true, Some(words)) => Some(words.clone()),
        (false, _) => Some(format!("these objects can't be used, and say why in their own status: {}. {meanwhile}", listed.join(", "))),
    }
}

fn refusal(about: About<'_>) -> &'static str {
    if about.problem.is_some() { "InvalidManifest" } else { "NotInForce" }
}

fn held(system: &SystemStatus) -> &'static str {
    if system.withheld.is_empty() { "Undecided" } else { "GuardrailRefused" }
}

fn stall(system: &SystemStatus) -> &'static str {
    match system.stall {
        Some(StallCause::ManyRefused) => "ManyRefused",
        Some(StallCause::Unauthorized) => "Unauthorized",
        None => "Stalled",
    }
}

/// One word for a column.
fn word(system: &SystemStatus, about: About<'_>) -> String {
    match about.problem {
        Some(_) => "Invalid".to_owned(),
        None => serde_json::to_value(system.state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default(),
    }
}

/// A time as it was said before, unless that is an interval ago: a routine read is no news.
fn seldom(said: Option<Timestamp>, at: Timestamp, interval: u64) -> Timestamp {
    let longest = i64::try_from(interval.max(60)).unwrap_or(i64::MAX);
    let recent = said.filter(|said| *said <= at && at.as_second() - said.as_second() < longest);
    recent.unwrap_or_else(|| Timestamp::from_second(at.as_second()).unwrap_or(at))
}

/// A time to the minute.
fn rounded(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

fn with(conditions: Vec<Condition>, about: About<'_>) -> Map<String, Value> {
    let generation = if about.problem.is_some() { about.generation } else { about.in_force.unwrap_or(about.generation) };
    let listed = conditions.into_iter().map(|condition| {
        let status = match condition.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        json!({ "type": condition.kind, "status": status, "reason": condition.reason, "message": short(&condition.message), "observedGeneration": generation })
    });
    let mut told = Map::new();
    told.insert("conditions".into(), listed.collect());
    told.insert("observedGeneration".into(), json!(generation));
    told
}

fn short(words: &str) -> String {
    words.chars().take(MESSAGE / 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(role: &str, state: &str, more: Value) -> SystemStatus {
        let mut whole = json!({
            "name": "chat", "role": role, "state": state, "since": "2026-11-29T10:00:00Z", "complete": "2026-11-29T10:17:31Z", "evidence": "complete",
            "rows": 12, "interval": 3600, "next": "2026-11-29T11:17:31Z",
        });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn status(systems: Vec<SystemStatus>, more: Value) -> Status {
        let mut whole = json!({
            "formatVersion": 1, "workspace": "acme", "at": "2026-11-29T10:30:00Z", "needs": [], "systems": systems, "journal": [7, "8c1e90aa"],
            "identities": 40, "revocationsOpen": 0,
        });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    const NEW: About<'static> = About { generation: 3, in_force: Some(3), problem: None, refused: false, complete: None, was_ready: true };

    /// `Ready=True:AsDeclared`, and of the others what holds.
    fn shown(told: &Map<String, Value>) -> String {
        let all = told["conditions"].as_array().unwrap().iter();
        let word = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let shown = all.filter(|one| word(one, "type") == "Ready" || word(one, "status") == "True");
        shown.map(|one| format!("{}={}:{}", word(one, "type"), word(one, "status"), word(one, "reason"))).collect::<Vec<_>>().join(" ")
    }

    fn of(state: &str, more: Value) -> String {
        let system = system("target", state, more);
        shown(&of_system(&system, &status(vec![system.clone()], json!({})), NEW))
    }

    #[test]
    fn a_target_says_in_conditions_what_its_one_word_means() {
        let table = [
            ("AsDeclared", json!({}), "Ready=True:AsDeclared"),
            ("AsDeclared", json!({"drift": 3}), "Ready=True:Observing Drifted=True:Observed"),
            ("Changing", json!({}), "Ready=True:Changing Reconciling=True:Writing"),
            ("Unknown", json!({}), "Ready=Unknown:Reading Reconciling=True:Reading"),
            ("Held", json!({"withheld": {"deactivate": 214}}), "Ready=False:GuardrailRefused Stalled=True:GuardrailRefused"),
            ("Held", json!({}), "Ready=False:Undecided Stalled=True:Undecided"),
            (
                "WaitsForApproval",
                json!({"waits": "9be41c77"}),
                "Ready=False:ApprovalRequired Stalled=True:ApprovalRequired ApprovalRequired=True:PlanWaits",
            ),
            ("WindowClosed", json!({}), "Ready=False:WindowClosed Suspended=True:WindowClosed"),
            ("Paused", json!({"why": "all writing is stopped"}), "Ready=False:Paused Suspended=True:Paused"),
            ("Suspended", json!({"why": "suspended until 2026-12-10"}), "Ready=False:Suspended Suspended=True:Suspended"),
            ("Behind", json!({}), "Ready=False:Behind"),
            ("Stalled", json!({"why": "401 since 02:14", "stall": "unauthorized"}), "Ready=False:Unauthorized Stalled=True:Unauthorized"),
            (
                "Stalled",
                json!({"why": "it refused most of what it was asked: x", "stall": "manyRefused"}),
                "Ready=False:ManyRefused Stalled=True:ManyRefused",
            ),
            ("Unreadable", json!({}), "Ready=False:Unreadable"),
        ];
        for (state, more, expected) in &table {
            let (state, more, expected) = (*state, more.clone(), *expected);
            assert_eq!(of(state, more.clone()), expected, "{state} {more}");
        }
        // The words of a status are the schema's; each has its row.
        let schema = serde_json::to_value(schemars::schema_for!(SystemState)).unwrap();
        let words: Vec<&str> = schema["oneOf"].as_array().unwrap().iter().map(|one| one["const"].as_str().unwrap()).collect();
        assert!(words.len() > 10 && words.iter().all(|word| table.iter().any(|(state, ..)| state == word)), "{words:?}");
    }

    #[test]
    fn what_is_told_is_about_the_version_that_is_in_force_unless_the_newest_one_is_wrong() {
        let good = system("target", "AsDeclared", json!({}));
        let all = status(vec![good.clone()], json!({}));
        let told = of_system(&good, &all, About { in_force: Some(2), ..NEW });
        assert_eq!(
            (shown(&told).as_str(), &told["observedGeneration"]),
            ("Ready=True:AsDeclared Reconciling=True:NewGeneration", &json!(2))
        );
        let told = of_system(&good, &all, About { in_force: Some(2), problem: Some("no such field"), refused: true, ..NEW });
        let expected = "Ready=True:AsDeclared Stalled=True:InvalidManifest";
        assert_eq!((shown(&told).as_str(), &told["observedGeneration"], &told["state"]), (expected, &json!(3), &json!("Invalid")));
        let first = system("target", "Changing", json!({}));
        let told = of_system(&first, &all, About { was_ready: false, ..NEW });
        assert_eq!(shown(&told), "Ready=False:Changing Reconciling=True:Writing", "whoever waits for it waits for the end");
        let user = About { problem: Some("the e-mail is wrong"), ..NEW };
        assert_eq!(shown(&of_other(user)), "Ready=False:InvalidManifest Stalled=True:InvalidManifest");
        assert_eq!(shown(&of_other(NEW)), "Ready=True:InForce");
    }

    #[test]
    fn a_source_says_what_its_read_proves_and_times_move_once_an_interval() {
        let source = system("source", "Unreadable", json!({"evidence": "unreadable", "why": "no such file"}));
        let told = of_system(&source, &status(vec![source.clone()], json!({})), NEW);
        assert_eq!(shown(&told), "Ready=False:Unreadable");
        let later = |said: &str, complete: &str| {
            let source = system("source", "AsDeclared", json!({ "complete": complete }));
            of_system(&source, &status(vec![source.clone()], json!({})), About { complete: said.parse().ok(), ..NEW })
        };
        let first = later("", "2026-11-29T10:17:31.25Z");
        assert_eq!(
            (shown(&first).as_str(), &first["lastComplete"]),
            ("Ready=True:AsDeclared Complete=True:Complete", &json!("2026-11-29T10:17:31Z"))
        );
        assert_eq!(later("2026-11-29T10:17:31Z", "2026-11-29T11:17:30Z")["lastComplete"], "2026-11-29T10:17:31Z");
        assert_eq!(later("2026-11-29T10:17:31Z", "2026-11-29T11:17:31Z")["lastComplete"], "2026-11-29T11:17:31Z");
    }

    #[test]
    fn the_workspace_counts_what_is_wrong_and_names_nobody() {
        let good = system("target", "AsDeclared", json!({}));
        let bad = system("target", "Held", json!({}));
        let of = |systems: Vec<SystemStatus>, problems: &Problems, more: Value| of_workspace(&status(systems, more), problems, NEW);
        assert_eq!(shown(&of(vec![good.clone()], &Problems::default(), json!({}))), "Ready=True:AsDeclared");
        assert_eq!(shown(&of(vec![good.clone(), bad], &Problems::default(), json!({}))), "Ready=False:SystemsNotReady");
        let unknown = system("target", "Unknown", json!({}));
        let both = || vec![good.clone(), unknown.clone()];
        assert_eq!(shown(&of(both(), &Problems::default(), json!({}))), "Ready=True:Reading Reconciling=True:Progressing");
        let began = of_workspace(&status(both(), json!({})), &Problems::default(), About { was_ready: false, ..NEW });
        assert_eq!(shown(&began), "Ready=Unknown:Reading Reconciling=True:Progressing");
        let mut problems = Problems::default();
        for (kind, name) in [("User", "mara.silva"), ("User", "ada.okafor"), ("Target", "chat")] {
            problems.objects.insert((kind.into(), name.into()), "it is wrong".into());
        }
        let told = of(vec![good.clone()], &problems, json!({}));
        assert_eq!(shown(&told), "Ready=False:InvalidManifest Stalled=True:InvalidManifest");
        let words = serde_json::to_string(&told).unwrap();
        assert!(words.contains("1 Target, 2 User") && !words.contains("mara") && !words.contains("ada"), "{words}");
        assert_eq!(
            shown(&of_unused(&problems, About { in_force: None, ..NEW })),
            "Ready=False:InvalidManifest Stalled=True:InvalidManifest"
        );
        let refused = json!({"refused": {"revision": {"id": "x", "name": "objects@x", "at": "2026-11-29T10:00:00Z"}, "since": "2026-11-29T10:00:00Z",
            "because": "shrank", "why": ["the Target chat vanished from the manifests; say so"]}});
        let told = of(vec![good.clone()], &Problems::default(), refused.clone());
        assert_eq!(shown(&told), "Ready=False:ManifestsShrank Stalled=True:ManifestsShrank");
        for (because, reason) in [("invalid", "InvalidManifest"), ("unreadable", "ManifestsUnreadable")] {
            let mut refused = refused.clone();
            refused["refused"]["because"] = json!(because);
            refused["refused"]["why"] = json!(["User/acme/mara.silva:3:1: it is wrong"]);
            let told = of(vec![good.clone()], &Problems::default(), refused);
            assert_eq!(shown(&told), format!("Ready=False:{reason} Stalled=True:{reason}"));
            assert!(because != "invalid" || !serde_json::to_string(&told).unwrap().contains("mara"));
        }
    }
}
