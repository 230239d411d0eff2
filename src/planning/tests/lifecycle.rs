//! Joiners, leave, leavers and their returns, day by day.

use insta::assert_snapshot;
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::{Value as Json, json};

use super::super::testing::{Scene, group, mark, source, target, tell};

/// A record with a first and a last day.
fn days(key: &str, start: &str, end: Option<&str>) -> Json {
    json!({"id": key, "login": format!("p{key}"), "start": start, "end": end})
}

/// An account of ours without access.
fn resting(scene: Scene, id: &str, key: &str) -> Scene {
    scene.account(json!({"id": id, "userName": key.replace("hr/", "p"), "externalId": mark(key), "active": false}))
}

fn ahead(rest: &str) -> Scene {
    Scene::new(&[source("hr", ""), target(&format!("  preHire: {rest}\n"))])
}

#[test]
fn an_account_is_made_so_many_days_ahead_and_without_access() {
    let scene = ahead("{before: 2w}")
        .record("hr", days("1", "2026-12-06", None))
        .record("hr", days("2", "2026-12-07", None))
        .record("hr", days("3", "2026-11-22", None));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/1 [Joiner] active: nothing > false; externalId: nothing > hc:acme:hr:1; userName: nothing > p1;
    1 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > p3;
    "###);
}

#[test]
fn with_nothing_said_about_days_it_is_made_as_soon_as_the_start_is_known_and_may_be_active() {
    assert_snapshot!(ahead("{active: true}").record("hr", days("1", "2029-01-01", None)).told(), @"0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > p1;");
}

#[test]
fn on_the_start_day_the_account_that_waited_becomes_active() {
    let waiting = |today: &str| {
        let mut scene = resting(ahead("{before: 14d}").record("hr", days("1", "2026-11-30", None)), "u1", "hr/1").deactivated("u1", 3);
        scene.moment.today = today.parse().unwrap();
        scene.told()
    };
    assert_snapshot!(waiting("2026-11-29"), @"nothing");
    assert_snapshot!(waiting("2026-11-30"), @"0 Reactivate hr/1 [Joiner] id=u1 active: false > true;");
    // A run was missed on the day itself.
    assert_snapshot!(waiting("2026-12-03"), @"0 Reactivate hr/1 [Joiner] id=u1 active: false > true;");
}

#[test]
fn an_account_that_somebody_else_deactivated_is_not_given_back_on_the_start_day() {
    let scene = resting(ahead("{before: 14d}").record("hr", days("1", "2026-11-22", None)), "u1", "hr/1");
    assert_snapshot!(scene.told(), @"(Warning DeactivatedElsewhere) hr/1: deactivated, and not by headcount as far as it remembers; stays so");
}

#[test]
fn a_manifest_may_give_somebody_access_before_the_start_by_name() {
    let user = "kind: User\nmetadata: {name: ada}\nspec: {overrides: {source: hr, key: '1'}, attributes: {active: true}}\n".to_owned();
    let scene = Scene::new(&[source("hr", ""), target("  preHire: {before: 14d}\n"), user]);
    assert_snapshot!(resting(scene.record("hr", days("1", "2026-11-30", None)), "u1", "hr/1").told(), @"0 Reactivate hr/1 [Declared] id=u1 active: false > true; risks [Reactivation]");
}

#[test]
fn a_start_that_is_put_off_takes_the_access_and_keeps_the_account() {
    let scene = ahead("{before: 14d, active: true}").record("hr", days("1", "2027-03-01", None)).marked("u1", "hr/1", "p1");
    assert_snapshot!(scene.told(), @"0 Deactivate hr/1 [Mover] id=u1 active: true > false; risks [SignIn]");
    let scene = resting(ahead("{before: 14d}").record("hr", days("1", "2027-03-01", None)), "u1", "hr/1").deactivated("u1", 300);
    assert_snapshot!(scene.told(), @"nothing");
}

#[test]
fn whoever_is_to_return_keeps_the_account_past_its_grace_period() {
    let documents = [source("hr", ""), target("  leaver: {deleteAfter: 30d}\n  preHire: {before: 7d}\n")];
    let scene = resting(Scene::new(&documents).record("hr", days("1", "2027-03-01", None)), "u1", "hr/1").deactivated("u1", 300);
    assert_snapshot!(scene.told(), @"nothing");
}

#[test]
fn a_hire_that_is_cancelled_goes_as_the_absent_do() {
    let documents = [source("hr", ""), target("  preHire: {before: 14d, active: true}\n  absent: {deleteAfter: 30d}\n")];
    let scene = Scene::new(&documents).person("9", "eve").marked("u9", "hr/9", "eve");
    assert_snapshot!(scene.clone().marked("u1", "hr/1", "p1").told(), @"0 Deactivate hr/1 [Absent] id=u1 active: true > false; risks [SignIn]");
    assert_snapshot!(resting(scene.clone(), "u1", "hr/1").deactivated("u1", 5).told(), @"nothing");
    assert_snapshot!(resting(scene, "u1", "hr/1").deactivated("u1", 31).told(), @r###"
    0 Delete hr/1 [Due] id=u1 risks [SignIn, Irreversible] WITHHELD
    (Refused GuardrailExceeded) chat: account deletions: 1 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 1 active accounts); none of them goes
    "###);
}

#[test]
fn groups_of_joiners_are_those_that_say_so() {
    let documents = [
        source("hr", ""),
        target("  preHire: {before: 14d}\n  groups: {}\n"),
        group("everybody", "  rule: 'true'\n"),
        group("welcome", "  rule: 'true'\n  lifecycles: [pre-hire, active]\n"),
    ];
    let scene = Scene::new(&documents).record("hr", days("1", "2026-11-30", None));
    let scene = scene.marked_group("g1", "group/everybody", "everybody").marked_group("g2", "group/welcome", "welcome");
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/1 [Joiner] active: nothing > false; externalId: nothing > hc:acme:hr:1; userName: nothing > p1;
    1 AddMembers group/welcome [Mover] id=g2 hr/1 needs [0]
    "###);
    // Those that come later come to the account that waits, too.
    assert_snapshot!(resting(scene, "u1", "hr/1").deactivated("u1", 1).told(), @"0 AddMembers group/welcome [Mover] id=g2 hr/1");
}

#[test]
fn a_target_that_knows_no_inactive_account_makes_none_ahead() {
    let scene = ahead("{before: 14d}").able(|can| can.deactivate_accounts = false).record("hr", days("1", "2026-11-30", None));
    assert_snapshot!(scene.told(), @"(Warning UnsupportedCapability) hr/1: accounts can't be made without access here, so none is made before the start date");
}

#[test]
fn an_account_that_exists_waits_too() {
    let scene = ahead("{before: 14d}")
        .record("hr", days("1", "2026-11-30", None))
        .record("hr", days("2", "2026-11-30", None))
        .account(json!({"id": "u1", "userName": "p1"}))
        .marked("u2", "hr/2", "p2");
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/2 [Mover] id=u2 active: true > false; risks [SignIn]
    1 Adopt hr/1 [Joiner] id=u1 externalId: nothing > hc:acme:hr:1; risks [Adoption]
    2 Deactivate hr/1 [Mover] id=u1 active: true > false; needs [1] risks [SignIn]
    "###);
}

#[test]
fn adoption_gives_access_back_where_a_manifest_says_so_by_name() {
    let user = "kind: User\nmetadata: {name: ada}\nspec: {overrides: {source: hr, key: '1'}, attributes: {active: true}}\n".to_owned();
    let number = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: employeeNumber, value: identity.title}\n";
    let documents = [source("hr", ""), target(&format!("  correlate: [employeeNumber]\n{number}")), user];
    let inactive =
        |key: &str| json!({"id": format!("u{key}"), "userName": format!("p{key}"), "employeeNumber": format!("T{key}"), "active": false});
    let person = |key: &str| json!({"id": key, "login": format!("p{key}"), "title": format!("T{key}")});
    let scene = ["1", "2", "3"].iter().fold(Scene::new(&documents), |scene, key| scene.record("hr", person(key)).account(inactive(key)));
    // The third was deactivated by headcount, and has lost its mark.
    assert_snapshot!(scene.deactivated("u3", 2).told(), @r###"
    0 Adopt hr/1 [Joiner] id=u1 active: false > true; externalId: nothing > hc:acme:hr:1; risks [Reactivation, Adoption]
    1 Adopt hr/2 [Joiner] id=u2 externalId: nothing > hc:acme:hr:2; risks [Adoption]
    2 Adopt hr/3 [Joiner] id=u3 active: false > true; externalId: nothing > hc:acme:hr:3; risks [Reactivation, Adoption]
    (Warning DeactivatedElsewhere) hr/2: deactivated, and not by headcount as far as it remembers; stays so
    "###);
}

const LEAVE: [(&str, &str); 3] = [("keep", "{action: keep}"), ("deactivate", "{action: deactivate}"), ("delete", "{action: delete}")];

#[test]
fn leave_keeps_everything_or_takes_the_access_as_the_target_says() {
    let told = LEAVE.map(|(name, suspended)| {
        let documents =
            [source("hr", ""), target(&format!("  suspended: {suspended}\n  groups: {{}}\n")), group("all", "  rule: 'true'\n")];
        let scene = Scene::new(&documents)
            .record("hr", json!({"id": "1", "login": "ada", "leave": true}))
            .person("2", "bob")
            .marked("u1", "hr/1", "ada")
            .marked("u2", "hr/2", "bob")
            .marked_group("g1", "group/all", "all")
            .member("g1", "u1")
            .member("g1", "u2");
        format!("{name}: {}", scene.told())
    });
    assert_snapshot!(told.join("\n"), @"
    keep: nothing
    deactivate: 0 Deactivate hr/1 [Suspended] id=u1 active: true > false; risks [SignIn]
    1 RemoveMembers group/all [Mover] id=g1 hr/1
    delete: 0 Deactivate hr/1 [Suspended] id=u1 active: true > false; risks [SignIn]
    1 RemoveMembers group/all [Mover] id=g1 hr/1 WITHHELD
    2 Delete hr/1 [Suspended] id=u1 risks [SignIn, Irreversible] WITHHELD
    (Refused GuardrailExceeded) chat: account deletions: 1 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 2 active accounts); none of them goes
    ");
}

#[test]
fn whoever_returns_from_leave_gets_what_todays_rules_give() {
    let documents = [
        source("hr", ""),
        target("  groups: {}\n"),
        group("before", "  rule: identity.title == \"Dev\"\n"),
        group("now", "  rule: identity.title == \"Boss\"\n"),
    ];
    let scene = Scene::new(&documents).record("hr", json!({"id": "1", "login": "p1", "title": "Boss"}));
    let scene = scene.marked_group("g1", "group/before", "before").marked_group("g2", "group/now", "now");
    assert_snapshot!(resting(scene, "u1", "hr/1").deactivated("u1", 90).told(), @r###"
    0 Reactivate hr/1 [Returned] id=u1 active: false > true; title: nothing > Boss; risks [Reactivation]
    1 AddMembers group/now [Mover] id=g2 hr/1
    "###);
}

#[test]
fn a_leavers_account_is_deleted_only_while_it_is_deactivated_by_us() {
    let documents = [source("hr", ""), target("  leaver: {deleteAfter: 30d}\n  guardrails: {delete: {count: 5}}\n")];
    let left = |key: &str| json!({"id": key, "login": format!("p{key}"), "left": true});
    let scene = Scene::new(&documents).record("hr", left("1")).record("hr", left("2")).record("hr", left("3")).record("hr", left("4"));
    // The first is due, the second not yet; the third was activated by hand, the fourth by hand and deactivated by hand again.
    let scene = resting(resting(scene, "u1", "hr/1"), "u2", "hr/2").marked("u3", "hr/3", "p3");
    let scene = resting(scene, "u4", "hr/4").deactivated("u1", 30).deactivated("u2", 29).deactivated("u3", 40);
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/3 [Leaver] id=u3 active: true > false; risks [SignIn]
    1 Delete hr/1 [Due] id=u1 risks [SignIn, Irreversible]
    (Warning DeactivatedElsewhere) hr/3: headcount had deactivated it, and it is active again; its access is taken away, and the grace period begins anew
    "###);
}

#[test]
fn an_end_that_is_put_off_gives_the_access_back() {
    let scene = Scene::simple().record("hr", days("1", "2020-01-01", Some("2026-11-21")));
    assert_snapshot!(scene.clone().marked("u1", "hr/1", "p1").told(), @"0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]");
    let later = Scene::simple().record("hr", days("1", "2020-01-01", Some("2026-12-31")));
    assert_snapshot!(resting(later, "u1", "hr/1").deactivated("u1", 1).told(), @"0 Reactivate hr/1 [Returned] id=u1 active: false > true; risks [Reactivation]");
}

#[test]
fn first_and_last_day_are_days_of_work() {
    let told = ["2026-11-21", "2026-11-22", "2026-11-23"].map(|today| {
        let mut scene = Scene::simple().record("hr", days("1", "2026-11-22", Some("2026-11-22"))).marked("u1", "hr/1", "p1");
        scene.moment.today = today.parse().unwrap();
        format!("{today}: {}", scene.told())
    });
    assert_snapshot!(told.join("\n"), @r###"
    2026-11-21: 0 Deactivate hr/1 [Mover] id=u1 active: true > false; risks [SignIn]
    2026-11-22: nothing
    2026-11-23: 0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    "###);
}

#[test]
fn an_end_before_the_start_is_told() {
    let scene = Scene::simple()
        .record("hr", days("1", "2026-12-01", Some("2026-05-01")))
        .record("hr", days("2", "2026-06-01", Some("2026-05-01")))
        .record("hr", days("3", "2026-06-01", Some("2026-06-01")));
    assert_snapshot!(scene.told(), @"(Error ContradictoryDates) hr/1, hr/2: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is");
}

/// Whether somebody whose last day is the 22nd still works at an instant.
fn works(zone: &str, instant: &str) -> bool {
    let workspace = format!("kind: Workspace\nmetadata: {{name: acme}}\nspec: {{id: acme, timeZone: {zone}}}\n");
    let mut scene = Scene::new(&[workspace, source("hr", ""), target("")]);
    scene.moment = crate::planning::question::Moment::at(&scene.policy, instant.parse::<Timestamp>().unwrap());
    let scene = scene.record("hr", days("1", "2020-01-01", Some("2026-11-22"))).marked("u1", "hr/1", "p1");
    scene.plan().changes.is_empty()
}

#[test]
fn days_begin_and_end_in_the_workspaces_zone() {
    // In Auckland the 23rd begins at 11:00 UTC on the 22nd, in Los Angeles at 08:00 UTC on the 23rd.
    let expected = [
        ("Pacific/Auckland", "2026-11-22T10:59:59Z", true),
        ("Pacific/Auckland", "2026-11-22T11:00:00Z", false),
        ("UTC", "2026-11-22T23:59:59Z", true),
        ("UTC", "2026-11-23T00:00:00Z", false),
        ("America/Los_Angeles", "2026-11-23T07:59:59Z", true),
        ("America/Los_Angeles", "2026-11-23T08:00:00Z", false),
    ];
    for (zone, instant, still) in expected {
        assert_eq!(works(zone, instant), still, "{zone} {instant}");
    }
}

#[test]
fn leavers_whom_a_source_reports_go_without_a_state_within_their_limit() {
    let leavers = |count: usize| {
        let documents = [source("hr", ""), target("  leaver: {action: deactivate}\n  guardrails: {leavers: {count: 2}}\n")];
        let scene = (0..count).fold(Scene::new(&documents), |scene, at| {
            let key = at.to_string();
            scene.record("hr", json!({"id": key, "login": format!("p{at}"), "left": true})).marked(
                &format!("u{at}"),
                &format!("hr/{at}"),
                &format!("p{at}"),
            )
        });
        scene.forgetful().told()
    };
    assert_snapshot!(leavers(2), @r###"
    0 Deactivate hr/0 [Leaver] id=u0 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    (Warning StateLost) chat: 2 of its accounts carry headcount's mark, but there is no state: it was lost
    "###);
    assert_snapshot!(leavers(3), @r###"
    0 Deactivate hr/0 [Leaver] id=u0 active: true > false; risks [SignIn] WITHHELD
    1 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn] WITHHELD
    2 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn] WITHHELD
    (Warning StateLost) chat: 3 of its accounts carry headcount's mark, but there is no state: it was lost
    (Refused GuardrailExceeded) chat: leavers to cut off: 3 planned and an unknown number (there is no state) done in the last 24h, but the limit at a.yaml:27:16 allows 2 (count 2); none of them goes, since that would be half of everybody or more
    "###);
}

#[test]
fn without_a_state_nobody_is_deleted() {
    let documents = [source("hr", ""), target("  leaver: {action: delete}\n  guardrails: {delete: {count: 9}}\n")];
    let scene = Scene::new(&documents).record("hr", json!({"id": "1", "login": "ada", "left": true})).marked("u1", "hr/1", "ada");
    assert_snapshot!(scene.forgetful().told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Delete hr/1 [Leaver] id=u1 risks [SignIn, Irreversible] WITHHELD
    (Warning StateLost) chat: 1 of its accounts carry headcount's mark, but there is no state: it was lost
    (Refused GuardrailExceeded) chat: account deletions: 1 planned and an unknown number (there is no state) done in the last 24h, but the limit at a.yaml:27:16 allows 9 (count 9); none of them goes
    ");
}

#[test]
fn a_plan_tells_what_falls_due() {
    let documents = [
        source("hr", ""),
        target("  preHire: {before: 14d}\n  leaver: {deleteAfter: 30d}\n  groups: {}\n"),
        group("admins", "  members:\n  - {identity: {source: hr, key: '4'}, until: 2026-11-22}\n  - {group: night, until: 2027-01-31}\n"),
        group("night", "  members: [{identity: {source: hr, key: '4'}, until: 2026-11-21}]\n"),
        "kind: User\nmetadata: {name: temp}\nspec: {attributes: {userName: temp, endDate: 2026-12-24}}\n".to_owned(),
        "kind: Revocation\nmetadata: {name: lost}\nspec: {identities: [{identity: {source: hr, key: '9'}}], reason: a lost laptop, until: 2026-12-01}\n".to_owned(),
    ];
    let scene = Scene::new(&documents)
        .record("hr", days("1", "2026-12-01", None))
        .record("hr", days("2", "2026-12-31", None))
        .record("hr", days("3", "2020-01-01", Some("2026-11-22")))
        .record("hr", days("4", "2020-01-01", Some("2030-01-01")))
        .record("hr", json!({"id": "5", "login": "p5", "left": true}));
    let scene = resting(scene, "u5", "hr/5").deactivated("u5", 10);
    let plan = scene.plan();
    let lines: Vec<String> = plan
        .upcoming
        .dues
        .iter()
        .map(|due| {
            let rest = [&due.target, &due.of].map(|name| name.as_deref().unwrap_or("-").to_owned());
            format!("{} {:?} {} {} {}", due.day, due.what, due.key, due.name, rest.join(" "))
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r###"
    2026-11-22 LastDay hr/3 p3 - -
    2026-11-22 MembershipEnds hr/4 p4 - admins
    2026-12-01 Starts hr/1 p1 - -
    2026-12-01 RevocationEnds revocation/lost a lost laptop - -
    2026-12-12 AccountDeleted hr/5 p5 chat -
    2026-12-17 AccountMade hr/2 p2 chat -
    2026-12-24 LastDay user/temp temp - -
    2026-12-31 Starts hr/2 p2 - -
    2027-01-31 MembershipEnds group/night night - admins
    "###);
    assert_eq!(plan.upcoming, scene.reversed().plan().upcoming);
}

#[test]
fn of_very_many_the_earliest_are_named_and_the_others_counted_by_day() {
    let scene = (0..700).fold(Scene::simple(), |scene, at| {
        scene.record("hr", days(&at.to_string(), "2020-01-01", Some(if at < 450 { "2026-11-30" } else { "2026-12-01" })))
    });
    let upcoming = scene.plan().upcoming;
    assert_eq!((upcoming.dues.len(), upcoming.more), (500, [(date(2026, 12, 1), 200)].into()));
    assert_eq!(tell(&scene.plan()), tell(&scene.reversed().plan()));
}

#[test]
fn an_account_whose_making_was_cut_short_becomes_active_on_the_start_day() {
    let cut = |scene: Scene| {
        let mut scene = scene;
        let at = scene.moment.now - jiff::SignedDuration::from_hours(72);
        scene.memory.resting.push(crate::model::Resting { target: "chat".into(), key: "hr/1".into(), at });
        scene
    };
    let starts = || ahead("{before: 14d}").record("hr", days("1", "2026-11-22", None));
    assert_snapshot!(cut(resting(starts(), "u1", "hr/1")).told(), @"0 Reactivate hr/1 [Joiner] id=u1 active: false > true;");
    // Where it can hold no mark, its name is all there is.
    let unmarked = starts().able(|can| can.account_marker = None).account(json!({"id": "u1", "userName": "p1", "active": false}));
    assert_snapshot!(cut(unmarked).told(), @"0 Adopt hr/1 [Joiner] id=u1 active: false > true; risks [Reactivation, Adoption]");
}
