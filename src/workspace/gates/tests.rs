//! Stories of gates: each alone, their order, what passes them, and what goes along with what is held.

mod approval;
mod others;
mod partition;
mod windows;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::connector::registry::Facts;
use crate::manifest::{ManifestInput, load};
use crate::model::{Action, AttributeChange, ChangeId, Mandate, MemberChange, ObjectKind, ObjectRef, Plan, Reason, Risk, Value, Withheld};
use crate::policy::compile;

const HEAD: &str = "apiVersion: headcount.dev/v1alpha1\n";

/// A workspace in Berlin with the Targets `chat`, of which more is said, and `mail`.
fn policy(chat: &str) -> Policy {
    with_documents(chat, &[])
}

fn with_documents(chat: &str, more: &[&str]) -> Policy {
    let workspace = "kind: Workspace\nmetadata: {name: acme}\nspec: {id: acme, timeZone: Europe/Berlin}\n".to_owned();
    let target = |name: &str, rest: &str| {
        format!("kind: Target\nmetadata: {{name: {name}}}\nspec:\n  connection: {{scim: {{url: \"https://{name}.example\"}}}}\n{rest}\n")
    };
    let hr = "kind: Source\nmetadata: {name: hr}\nspec:\n  connection: {file: {path: hr.csv}}\n  key: record.id\n  mapping: {rules: [{attribute: userName, value: record.login}]}\n";
    let documents =
        [workspace, hr.to_owned(), target("chat", chat), target("mail", "")].into_iter().chain(more.iter().map(|text| (*text).to_owned()));
    let text = documents.map(|document| format!("{HEAD}{document}")).collect::<Vec<_>>().join("---\n");
    let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }]);
    assert_eq!(problems, []);
    compile(&loaded, &Facts).expect("a policy").0
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A Sunday, one in the afternoon in Berlin.
fn noon() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

fn object(kind: ObjectKind, key: &str) -> ObjectRef {
    ObjectRef { kind, key: key.into(), id: Some(format!("id-{key}").into()), name: key.into() }
}

fn account(action: Action, key: &str) -> Change {
    Change::new(&"chat".into(), action, object(ObjectKind::Account, key), Reason::Mover)
}

fn title(key: &str, after: &str) -> Change {
    let attribute =
        AttributeChange { attribute: "title".into(), before: None, after: Some(Value::text(after)), sensitive: false, privileged: false };
    Change { attributes: vec![attribute], ..account(Action::Update, key) }
}

fn members(action: Action, group: &str, members: &[&str]) -> Change {
    let member = |key: &&str| MemberChange { member: object(ObjectKind::Account, key), people: 1 };
    let members = members.iter().map(member).collect();
    Change { members, ..Change::new(&"chat".into(), action, object(ObjectKind::Group, group), Reason::Mover) }
}

fn needing(change: Change, needs: &[u32]) -> Change {
    Change { needs: needs.iter().map(|need| ChangeId(*need)).collect(), ..change }
}

fn revoked(change: Change) -> Change {
    Change { mandate: Mandate::Revocation, ..change }
}

fn plan(changes: Vec<Change>) -> Plan {
    Plan { changes, ..Plan::of_nothing("acme".into(), jiff::civil::date(2026, 11, 22)) }
}

fn keys(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.object.key.as_ref()).collect()
}

fn told(opened: &Opened) -> Vec<String> {
    let line = |part: &HeldPart| format!("{} {:?} {}: {}", part.target, part.by, part.words, keys(&part.changes).join(" "));
    opened.held.iter().map(line).collect()
}

fn brake(everything: bool) -> Brake {
    Brake { who: "mara".into(), at: noon(), reason: Some("an outage".into()), everything }
}

fn rests(by: GateKind) -> BTreeMap<Arc<str>, Rest> {
    BTreeMap::from([("chat".into(), Rest { by, until: at("2026-11-22T12:05:00Z"), words: "401 since 02:14".into() })])
}

fn held_by(verdict: &Verdict) -> Option<GateKind> {
    match verdict {
        Verdict::Go => None,
        Verdict::Hold { by, .. } => Some(*by),
    }
}

#[test]
fn where_nothing_is_said_everything_goes() {
    let policy = policy("");
    for change in [title("hr/1", "Chief"), account(Action::Delete, "hr/1"), members(Action::RemoveMembers, "group/all", &["hr/1"])] {
        assert_eq!(gate(&change, &Gates::of(&policy), noon()), Verdict::Go);
    }
}

#[test]
fn each_gate_holds_alone_and_another_target_goes_on() {
    let (open, suspended) = (policy(""), policy("  suspend: {reason: a move, until: \"2026-12-10\"}"));
    let (closed, approval) = (policy("  windows: [{deny: {days: [sun]}}]"), policy("  approval: {for: [everything]}"));
    let brake = brake(false);
    let cases: [(Gates<'_>, GateKind, &str); 7] = [
        (Gates { lease: false, ..Gates::of(&open) }, GateKind::Lease, "another process has the lease"),
        (Gates { brake: Some(&brake), ..Gates::of(&open) }, GateKind::Brake, "all writing is stopped: an outage"),
        (Gates::of(&suspended), GateKind::Suspend, "suspended until 2026-12-10: a move"),
        (Gates::of(&closed), GateKind::Window, "a window keeps changes off until Mon 00:00"),
        (Gates::of(&approval), GateKind::Approval, "it waits for an approval"),
        (Gates { rests: rests(GateKind::Breaker), ..Gates::of(&open) }, GateKind::Breaker, "401 since 02:14"),
        (Gates { rests: rests(GateKind::Pace), ..Gates::of(&open) }, GateKind::Pace, "401 since 02:14"),
    ];
    for (gates, by, why) in cases {
        let Verdict::Hold { by: held, words, .. } = gate(&title("hr/1", "Chief"), &gates, noon()) else { panic!("{by:?} holds nothing") };
        assert_eq!((held, words.as_ref()), (by, why));
        let elsewhere = Change { target: "mail".into(), ..title("hr/1", "Chief") };
        let everywhere = matches!(by, GateKind::Lease | GateKind::Brake);
        assert_eq!(held_by(&gate(&elsewhere, &gates, noon())), everywhere.then_some(by));
    }
    let withheld = Change { withheld: Some(Withheld { finding: 0 }), ..title("hr/1", "Chief") };
    assert_eq!(held_by(&gate(&withheld, &Gates::of(&open), noon())), Some(GateKind::Guardrail));
}

#[test]
fn the_first_gate_in_order_is_the_one_that_is_told() {
    let all =
        policy("  suspend: {reason: a move, until: \"2026-11-22\"}\n  windows: [{deny: {days: [sun]}}]\n  approval: {for: [everything]}");
    let unsuspended = policy("  windows: [{deny: {days: [sun]}}]\n  approval: {for: [everything]}");
    let approval = policy("  approval: {for: [everything]}");
    let brake = brake(false);
    let mut gates = Gates { lease: false, brake: Some(&brake), rests: rests(GateKind::Breaker), ..Gates::of(&all) };
    let mut change = Change { withheld: Some(Withheld { finding: 0 }), ..title("hr/1", "Chief") };
    let mut order = Vec::new();
    for step in 0..7 {
        order.extend(held_by(&gate(&change, &gates, noon())));
        match step {
            0 => gates.lease = true,
            1 => gates.brake = None,
            2 => gates.policy = &unsuspended,
            3 => gates.policy = &approval,
            4 => change.withheld = None,
            5 => gates.reviewed = true,
            _ => {}
        }
    }
    use GateKind::{Approval, Brake, Breaker, Guardrail, Lease, Suspend, Window};
    assert_eq!(order, [Lease, Brake, Suspend, Window, Guardrail, Approval, Breaker]);
}

#[test]
fn a_revocation_passes_every_gate_but_a_brake_on_everything_and_protection() {
    let all = policy(
        "  suspend: {reason: a move, until: \"2026-12-10\"}\n  windows: [{deny: {days: [sun]}}]\n  approval: {for: [everything]}\n  drift: observe",
    );
    let (normal, everything) = (brake(false), brake(true));
    let cut = revoked(account(Action::Deactivate, "hr/1"));
    let gates = Gates { lease: false, brake: Some(&normal), rests: rests(GateKind::Breaker), ..Gates::of(&all) };
    assert_eq!(gate(&cut, &gates, noon()), Verdict::Go);
    let opened = open(&plan(vec![cut.clone(), title("hr/2", "Chief")]), &gates, noon());
    assert_eq!(keys(&opened.run.changes), ["hr/1"]);
    assert_eq!(held_by(&gate(&cut, &Gates { brake: Some(&everything), ..gates.clone() }, noon())), Some(GateKind::Brake));
    let protected = Change { withheld: Some(Withheld { finding: 0 }), ..cut };
    assert_eq!(held_by(&gate(&protected, &gates, noon())), Some(GateKind::Guardrail));
}

#[test]
fn a_suspension_ends_with_its_last_day_in_the_workspace_s_time_zone() {
    let policy = policy("  suspend: {reason: a move, until: \"2026-11-22\"}");
    let verdict = |now: &str| gate(&title("hr/1", "Chief"), &Gates::of(&policy), at(now));
    let Verdict::Hold { until, .. } = verdict("2026-11-22T22:59:59Z") else { panic!("it is the last day") };
    assert_eq!(until, Some(at("2026-11-22T23:00:00Z")));
    assert_eq!(verdict("2026-11-22T23:00:00Z"), Verdict::Go);
}

#[test]
fn what_needs_a_held_change_is_held_with_it_and_the_rest_is_numbered_anew() {
    let policy = policy("  approval: {for: [deactivate]}");
    let changes = vec![
        account(Action::Deactivate, "hr/1"),
        needing(title("hr/2", "takes the name of 1"), &[0]),
        account(Action::Create, "hr/3"),
        needing(title("hr/4", "after 2"), &[1]),
        needing(members(Action::AddMembers, "group/all", &["hr/3", "hr/9"]), &[2]),
    ];
    let opened = open(&plan(changes), &Gates::of(&policy), noon());
    assert_eq!(keys(&opened.run.changes), ["hr/3", "group/all"]);
    assert_eq!(opened.run.changes[1].needs, [ChangeId(0)]);
    assert_eq!(told(&opened), ["chat Approval it waits for an approval: hr/1 hr/2 hr/4"]);
    let waiting = &opened.waiting[0].plan;
    assert_eq!(keys(&waiting.plan.changes), ["hr/1"], "what only waits along is no part of what is approved");
    assert_eq!(opened.held[0].plan, Some(waiting.hash.clone()));
}

#[test]
fn of_an_addition_just_the_members_that_can_t_come_wait() {
    let policy = policy("  approval: {for: [privileged]}");
    let create = Change { risks: vec![Risk::Privilege], ..account(Action::Create, "hr/1") };
    let add = needing(members(Action::AddMembers, "group/all", &["hr/1", "hr/2"]), &[0]);
    let opened = open(&plan(vec![create, add]), &Gates::of(&policy), noon());
    assert_eq!(opened.run.changes.len(), 1);
    assert_eq!(opened.run.changes[0].members[0].member.key.as_ref(), "hr/2");
    assert_eq!(opened.held[0].changes[1].members[0].member.key.as_ref(), "hr/1");
}

#[test]
fn whoever_keeps_their_access_for_now_keeps_what_would_have_gone_with_it() {
    let policy = policy("  approval: {for: [deactivate]}");
    let entitlement = Change { entitlement: Some("card".into()), ..account(Action::RemoveEntitlement, "hr/1") };
    let remove = members(Action::RemoveMembers, "group/all", &["hr/1", "hr/2"]);
    let opened = open(&plan(vec![account(Action::Deactivate, "hr/1"), remove, entitlement]), &Gates::of(&policy), noon());
    let left = &opened.run.changes[0].members;
    assert_eq!((opened.run.changes.len(), left.len(), left[0].member.key.as_ref()), (1, 1, "hr/2"));
    assert_eq!(told(&opened), ["chat Approval it waits for an approval: hr/1 group/all hr/1"]);
}

#[test]
fn what_planning_withholds_stays_in_the_plan_and_is_told_once() {
    let policy = policy("");
    let withheld = Change { withheld: Some(Withheld { finding: 0 }), ..account(Action::Deactivate, "hr/1") };
    let opened = open(&plan(vec![withheld, title("hr/2", "Chief")]), &Gates::of(&policy), noon());
    assert_eq!(keys(&opened.run.changes), ["hr/1", "hr/2"]);
    assert_eq!(told(&opened), ["chat Guardrail a guardrail or protection withholds it: hr/1"]);
    let need = need(&opened.held[0], &Gates::of(&policy), noon()).expect("somebody has to look");
    assert_eq!(
        (need.words.as_str(), need.next.as_str()),
        ("1 change is withheld by guardrails or protection", "headcount plan --target chat")
    );
}
