//! What contradicts itself is unknown: nobody is ended or admitted by it, and it is told.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::super::testing::{Scene, source, target};

fn days(key: &str, start: Option<&str>, end: Option<&str>) -> Json {
    json!({"id": key, "login": format!("p{key}"), "start": start, "end": end})
}

/// Somebody with an active account of ours.
fn employed(scene: Scene, key: &str, start: Option<&str>, end: Option<&str>) -> Scene {
    scene.record("hr", days(key, start, end)).marked(&format!("u{key}"), &format!("hr/{key}"), &format!("p{key}"))
}

#[test]
fn an_account_that_looks_like_theirs_is_not_nobody_s() {
    let scene = Scene::new(&[source("hr", ""), target("  ownership: authoritative\n  correlate: [userName]\n")]);
    let scene = scene.record("hr", days("1", Some("2026-11-02"), Some("2024-03-31")));
    let strangers = [
        json!({"id": "a1", "userName": "p1", "externalId": "other-1", "active": true}),
        json!({"id": "a2", "userName": "x", "active": true}),
    ];
    let scene = strangers.into_iter().fold(scene, Scene::account);
    assert_snapshot!(scene.told(), @r"
    0 Deactivate id:a2 [Pruned] id=a2 active: true > false; risks [SignIn]
    (Error ContradictoryDates) hr/1: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is
    (Error ForeignOwner) hr/1: the account found by userName carries a foreign mark, which is never overwritten
    ");
}

#[test]
fn an_end_before_the_start_ends_nobody() {
    // Hired again in November, with the end of the first employment still there.
    let scene = employed(Scene::simple(), "1", Some("2026-11-02"), Some("2024-03-31"));
    assert_snapshot!(scene.told(), @"(Error ContradictoryDates) hr/1: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is");
}

#[test]
fn a_status_that_says_so_ends_somebody_whatever_the_dates_say() {
    let scene = Scene::simple().record("hr", json!({"id": "1", "login": "p1", "start": "2026-11-02", "end": "2024-03-31", "left": true}));
    assert_snapshot!(scene.marked("u1", "hr/1", "p1").told(), @"0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]");
}

#[test]
fn a_day_that_systems_write_where_there_is_none_is_no_last_day() {
    let ends = ["0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01", "1970-01-01"];
    let scene = ends.iter().enumerate().fold(Scene::simple(), |scene, (at, end)| employed(scene, &at.to_string(), None, Some(end)));
    let plan = scene.plan();
    assert_eq!(plan.changes.len(), 0, "{:#?}", plan.changes);
    assert_eq!(plan.findings.len(), ends.len(), "{:#?}", plan.findings);
    assert_snapshot!(plan.findings[3].message, @"hr/3: its last day is 1900-01-01: a day that systems write where there is none, so nobody leaves by it; everything stays as it is");
    // The first day may well be so long ago, and a last day so far ahead is none.
    let scene = employed(Scene::simple(), "1", Some("1968-04-01"), Some("9999-12-31"));
    assert_snapshot!(scene.told(), @"nothing");
}

#[test]
fn a_first_day_that_never_comes_takes_nobodys_access() {
    let scene = employed(Scene::simple(), "1", Some("9999-12-31"), None);
    assert_snapshot!(scene.told(), @"(Error ContradictoryDates) hr/1: its first day is 9999-12-31: a day that systems write where there is none, so when it begins is not known; everything stays as it is");
}

/// Ten people; so many of them have the same last day.
fn ten(lifecycle: &str, same: usize) -> Scene {
    let text = source("hr", "").replace("lifecycle: {", &format!("lifecycle: {{{lifecycle}"));
    let day = |at: usize| if at < same { Some("2026-10-31") } else { None };
    (0..10).fold(Scene::new(&[text, target("")]), |scene, at| employed(scene, &at.to_string(), Some("2020-01-01"), day(at)))
}

#[test]
fn one_last_day_that_nearly_everybody_has_ends_nobody() {
    assert_snapshot!(ten("", 8).told(), @"(Error ContradictoryDates) hr/0, hr/1, hr/2 and 5 more: nearly everybody in its source has the last day 2026-10-31, so nobody is taken for a leaver by it; everything stays as it is");
    let plan = ten("", 8).plan();
    assert_snapshot!(plan.findings[0].hint.as_deref().unwrap_or_default(), @"Correct the dates in the source. If they have all left, write `lifecycle: {sharedEnd: 2026-10-31}` into the spec of the Source.");
    // Some who leave together are no contradiction, and what the hint says works.
    assert_eq!(ten("", 3).plan().changes.len(), 3);
    assert_eq!(ten("sharedEnd: 2026-10-31, ", 8).plan().changes.len(), 8);
    assert_eq!(ten("sharedEnd: 2026-09-30, ", 8).plan().changes.len(), 0);
}
