//! Columns that lost many of their values: nothing follows from what is not there any more.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target, tell};
use crate::model::{Action, FindingCode};

/// Twelve people who had a title; so many of them have one now. They are in a group by it.
fn titled(spec: &str, now: usize) -> Scene {
    let hr = source("hr", "").replace("  key:", &format!("{spec}  key:"));
    let scene = Scene::new(&[hr, target("  groups: {}\n"), group("bosses", "  rule: identity.title == \"Boss\"")]);
    let mut scene = (0..12).fold(scene.marked_group("g1", "group/bosses", "bosses"), |scene, at| {
        let title = (at < now).then_some("Boss");
        let account =
            json!({"id": format!("u{at}"), "userName": format!("p{at}"), "title": "Boss", "externalId": format!("hc:acme:hr:{at}")});
        scene
            .record("hr", json!({"id": at.to_string(), "login": format!("p{at}"), "title": title.unwrap_or_default()}))
            .account(account)
            .member("g1", &format!("u{at}"))
    });
    scene.memory.baselines[0].values = [("title".into(), 12)].into();
    scene
}

#[test]
fn a_column_that_lost_many_of_its_values_takes_nobody_out_of_a_group() {
    let plan = titled("", 7).plan();
    assert_eq!(plan.changes.len(), 0, "{}", tell(&plan));
    assert_snapshot!(tell(&plan), @"
    (Error ExpressionFailed) hr/10, hr/11, hr/7 and 2 more: whether group/bosses covers them could not be worked out, so memberships stay: it depends on a value that is not known
    (Error ColumnEmptied) hr: the column `title` has a value in 7 records and had one in 12; whatever depends on it stays as it is where it has none now
    ");
    let told = plan.findings.iter().find(|finding| finding.code == FindingCode::ColumnEmptied).unwrap();
    assert_snapshot!(told.hint.as_deref().unwrap_or_default(), @"Correct the source. If it is right, write `completeness: {mayLose: [title]}` into the spec of the Source hr for one run.");
    // Some who lose theirs are no lost column, and what the hint says works.
    assert!(titled("", 8).plan().changes.iter().any(|change| change.action == Action::RemoveMembers));
    assert!(titled("  completeness: {mayLose: [title]}\n", 7).plan().changes.iter().any(|change| change.action == Action::RemoveMembers));
}

#[test]
fn status_cells_that_went_empty_let_nobody_in_again() {
    let mut scene = (0..8).fold(Scene::simple(), |scene, at| {
        let (id, key) = (format!("u{at}"), at.to_string());
        let account = json!({"id": id, "userName": format!("p{at}"), "active": false, "externalId": format!("hc:acme:hr:{at}")});
        scene.record("hr", json!({"id": key, "login": format!("p{at}")})).account(account).deactivated(&id, 3)
    });
    scene.memory.baselines[0].values = [("left".into(), 8)].into();
    assert_eq!(scene.plan().changes.len(), 0, "{}", scene.told());
}

#[test]
fn what_is_held_is_held_until_the_values_are_back() {
    let scene = titled("", 7);
    let (world, now) = (scene.world(), scene.moment.now);
    assert_eq!(world.baselines(&scene.policy, now)[0].values["title"], 12);
    let right = titled("", 11);
    assert_eq!(right.world().baselines(&right.policy, now)[0].values["title"], 11);
}

#[test]
fn cells_that_can_not_be_read_are_told_with_their_own_cause() {
    let mut scene = (0..8).fold(Scene::simple(), |scene, at| {
        let title = if at < 6 { "#REF!" } else { "Boss" };
        let account =
            json!({"id": format!("u{at}"), "userName": format!("p{at}"), "title": "Boss", "externalId": format!("hc:acme:hr:{at}")});
        scene.record("hr", json!({"id": at.to_string(), "login": format!("p{at}"), "title": title})).account(account)
    });
    scene.memory.baselines[0].values = [("title".into(), 8)].into();
    let plan = scene.plan();
    assert_eq!(plan.changes.len(), 0, "{}", tell(&plan));
    assert!(plan.findings.iter().all(|finding| finding.code == FindingCode::ExpressionFailed), "{}", tell(&plan));
    assert!(tell(&plan).contains("it holds a spreadsheet's error instead of a value"), "{}", tell(&plan));
}

#[test]
fn values_that_stood_there_for_one_day_are_not_missed_afterwards() {
    // Twelve people, two of whom have a last day; then a wrong export gives one to everybody, before the first day.
    let people = |everybody: bool| {
        (0..12).fold(Scene::simple(), |scene, at| {
            let mut record = json!({"id": at.to_string(), "login": format!("p{at}"), "start": "2020-01-01", "end": null});
            if everybody || at < 2 {
                record["end"] = if everybody { "2019-12-01".into() } else { "2027-01-01".into() };
            }
            scene.marked(&format!("u{at}"), &format!("hr/{at}"), &format!("p{at}")).record("hr", record)
        })
    };
    let with = |scene: Scene, count: u64| {
        let mut scene = scene;
        scene.memory.baselines[0].values = [("end".into(), count)].into();
        scene
    };
    let wrong = with(people(true), 2);
    assert!(wrong.told().contains("ContradictoryDates"), "{}", wrong.told());
    let remembered = wrong.world().baselines(&wrong.policy, wrong.moment.now)[0].values["end"];
    assert_eq!(with(people(false), remembered).told(), "nothing");
    // What stays is believed in a few days, and its loss is told again.
    let days =
        (0..4).fold(remembered, |count, _| with(people(true), count).world().baselines(&wrong.policy, wrong.moment.now)[0].values["end"]);
    assert_eq!(days, 12);
    assert!(with(people(false), days).told().contains("ColumnEmptied"));
}
