//! What others changed: left, told, or put back until that is in vain.

use super::*;
use crate::drift::DriftKind;
use crate::model::NeedKind;
use crate::state::{Fact, Shelf};

fn drift(what: DriftKind, key: &str, change: usize) -> Drift {
    Drift {
        target: "chat".into(),
        what,
        key: key.into(),
        name: key.into(),
        of: None,
        of_name: None,
        attribute: None,
        ours: Some(Value::text("ours")),
        theirs: Some(Value::text("theirs")),
        check: false,
        last_change: None,
        object: None,
        put_away: false,
        change: Some(change),
    }
}

fn value(key: &str, attribute: &str, change: usize) -> Drift {
    Drift { attribute: Some(attribute.into()), ..drift(DriftKind::Value, key, change) }
}

fn two_titles() -> Change {
    let mut change = title("hr/1", "Chief");
    let department = AttributeChange {
        attribute: "department".into(),
        before: None,
        after: Some(Value::text("Ops")),
        sensitive: false,
        privileged: false,
    };
    change.attributes.insert(0, department);
    change
}

/// A value of somebody, a member and an account that others changed, each beside what a source wants differently.
fn changed() -> (Plan, Vec<Drift>) {
    let plan = plan(vec![two_titles(), members(Action::RemoveMembers, "group/all", &["hr/2", "hr/3"]), account(Action::Create, "hr/4")]);
    let joined = Drift { of: Some("group/all".into()), ..drift(DriftKind::Joined, "hr/3", 1) };
    (plan, vec![value("hr/1", "title", 0), joined, drift(DriftKind::AccountDeleted, "hr/4", 2)])
}

fn parts(changes: &[Change]) -> Vec<String> {
    let part = |change: &Change| {
        let names = change.attributes.iter().map(|attribute| attribute.attribute.to_string());
        let members = change.members.iter().map(|member| member.member.key.to_string());
        format!("{} {}", change.object.key, names.chain(members).collect::<Vec<_>>().join(" "))
    };
    changes.iter().map(part).collect()
}

#[test]
fn what_others_changed_is_left_where_the_target_says_so_and_nothing_else_is() {
    let (plan, drifts) = changed();
    for (mode, kind) in [("observe", None), ("warn", Some(NeedKind::Contested))] {
        let policy = policy(&format!("  drift: {mode}"));
        let gates = Gates { drifts: &drifts, ..Gates::of(&policy) };
        let opened = open(&plan, &gates, noon());
        assert_eq!(parts(&opened.run.changes), ["hr/1 department", "group/all hr/2"]);
        assert_eq!(parts(&opened.held[0].changes), ["hr/1 title", "group/all hr/3", "hr/4 "]);
        assert_eq!((opened.held.len(), opened.held[0].by, opened.extent().partial), (1, GateKind::Drift, false));
        assert_eq!(need(&opened.held[0], &gates, noon()).map(|need| need.kind), kind, "{mode}");
        assert_eq!(opened.reverts, []);
    }
}

#[test]
fn what_needs_an_object_that_is_left_waits_and_who_is_revoked_is_cut_off() {
    let policy = policy("  drift: observe");
    let changes = vec![
        account(Action::Create, "hr/4"),
        needing(members(Action::AddMembers, "group/all", &["hr/4", "hr/5"]), &[0]),
        revoked(account(Action::Deactivate, "hr/6")),
    ];
    let drifts = [drift(DriftKind::AccountDeleted, "hr/4", 0), drift(DriftKind::GotSignIn, "hr/6", 2)];
    let opened = open(&plan(changes), &Gates { drifts: &drifts, ..Gates::of(&policy) }, noon());
    assert_eq!(parts(&opened.run.changes), ["group/all hr/5", "hr/6 "]);
    assert_eq!(parts(&opened.held[0].changes), ["hr/4 ", "group/all hr/4"]);
}

/// What the state keeps of it.
fn commit(contested: &mut Vec<Contested>, facts: Vec<Fact>) {
    for fact in facts {
        match fact {
            Fact::Shelved(thing) if thing.shelf == Shelf::Contested => {
                let one: Contested = serde_json::from_str(&thing.body).expect("one");
                assert!(!thing.body.contains("theirs") && !thing.body.contains("ours"), "a value: {}", thing.body);
                contested.retain(|known| (&known.key, &known.attribute) != (&one.key, &one.attribute));
                contested.push(one);
            }
            Fact::Unshelved { .. } => contested.clear(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_was_put_back_three_times_in_a_day_is_left_for_one_and_told() {
    let policy = policy("");
    let (plan, drifts) = (plan(vec![two_titles()]), vec![value("hr/1", "title", 0)]);
    let mut contested = Vec::new();
    let mut turn = |now: &str| {
        let gates = Gates { drifts: &drifts, contested: &contested, ..Gates::of(&policy) };
        let opened = open(&plan, &gates, at(now));
        let need = opened.held.first().and_then(|part| need(part, &gates, at(now)));
        let facts = reverted(&opened.reverts, |_| true, &contested, at(now));
        commit(&mut contested, facts);
        (parts(&opened.run.changes).join(", "), need.map(|need| need.words))
    };
    let all = ("hr/1 department title".to_owned(), None);
    for now in ["2026-11-22T08:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T12:00:00Z"] {
        assert_eq!(turn(now), all);
    }
    let told = Some("1 change is changed again by others each time".to_owned());
    assert_eq!(turn("2026-11-22T14:00:00Z"), ("hr/1 department".to_owned(), told.clone()));
    assert_eq!(turn("2026-11-23T11:59:59Z"), ("hr/1 department".to_owned(), told));
    assert_eq!(turn("2026-11-23T12:00:00Z"), all, "a day after the last time it is tried again");
}

#[test]
fn access_that_others_gave_is_taken_back_however_often_they_give_it() {
    let policy = policy("");
    let joined = |key: &str| Drift { of: Some("group/all".into()), ..drift(DriftKind::Joined, key, 0) };
    let granted = Drift { of: Some("entitlement/card".into()), ..drift(DriftKind::Granted, "hr/1", 0) };
    for (change, drifts) in [
        (account(Action::Deactivate, "hr/1"), vec![drift(DriftKind::GotSignIn, "hr/1", 0)]),
        (members(Action::RemoveMembers, "group/all", &["hr/2", "hr/3"]), vec![joined("hr/2"), joined("hr/3")]),
        (account(Action::RemoveEntitlement, "hr/1"), vec![granted]),
    ] {
        let (whole, mut contested) = (plan(vec![change]), Vec::new());
        for minute in 0..6 {
            let now = format!("2026-11-22T08:0{minute}:00Z");
            let opened = open(&whole, &Gates { drifts: &drifts, contested: &contested, ..Gates::of(&policy) }, at(&now));
            assert_eq!((parts(&opened.run.changes), opened.held.len()), (parts(&whole.changes), 0), "{now}");
            let facts = reverted(&opened.reverts, |_| true, &contested, at(&now));
            commit(&mut contested, facts);
        }
        assert!(!contested.is_empty(), "that it was put back is kept");
    }
}

#[test]
fn what_was_not_done_or_happens_seldom_is_not_contested() {
    let policy = policy("");
    let (plan, drifts) = (plan(vec![title("hr/1", "Chief")]), vec![value("hr/1", "title", 0)]);
    let opened = open(&plan, &Gates { drifts: &drifts, ..Gates::of(&policy) }, noon());
    assert_eq!(reverted(&opened.reverts, |_| false, &[], noon()), []);
    let mut contested = Vec::new();
    for now in ["2026-11-20T12:00:00Z", "2026-11-21T11:00:00Z", "2026-11-21T13:00:00Z"] {
        let facts = reverted(&opened.reverts, |_| true, &contested, at(now));
        commit(&mut contested, facts);
    }
    let gates = Gates { drifts: &drifts, contested: &contested, ..Gates::of(&policy) };
    assert_eq!(open(&plan, &gates, at("2026-11-21T14:00:00Z")).run.changes.len(), 1, "the first of the three was more than a day before");
    let facts = reverted(&[], |_| true, &contested, at("2026-11-23T13:00:00Z"));
    commit(&mut contested, facts);
    assert_eq!(contested, [], "what is over is not kept");
}
