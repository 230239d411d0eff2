//! Rules that name nobody take nothing from the people whom they named, until somebody says that nobody is meant.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, entitlement, group, source, target, tell};
use crate::model::{Evidence, FindingCode, ObjectKind};

/// Three people in engineering with accounts. `department` is what their records say now.
fn three(documents: &[String], department: &str) -> Scene {
    (1..=3).fold(Scene::new(documents), |scene, at| {
        let login = format!("p{at}");
        let account = json!({"id": format!("u{at}"), "userName": login, "title": department, "externalId": format!("hc:acme:hr:{at}")});
        scene.record("hr", json!({"id": at.to_string(), "login": login, "title": department})).account(account)
    })
}

fn in_group(rest: &str, targets: &str, department: &str) -> Scene {
    let scene = three(&[source("hr", ""), target(targets), group("eng", rest)], department);
    (1..=3).fold(scene.marked_group("g1", "group/eng", "eng"), |scene, at| scene.member("g1", &format!("u{at}")))
}

const RULE: &str = "  rule: identity.title == \"Engineer\"";
const GROUPS: &str = "  groups: {}\n";

#[test]
fn a_group_keeps_its_people_where_its_rule_names_nobody() {
    let scene = in_group(RULE, GROUPS, "engineer (new)");
    assert_snapshot!(scene.told(), @"(Refused NamesNobody) chat: the rule of group/eng names nobody, and 3 people would lose the group by that (hr/1, hr/2, hr/3); they keep what they have");
    let plan = scene.plan();
    let hint = plan.findings.iter().find(|finding| finding.code == FindingCode::NamesNobody).unwrap().hint.clone().unwrap();
    assert_snapshot!(hint, @"Correct the rule, or what it reads. If nobody is meant, write `allowEmpty: true` into the spec of group/eng.");
    // What the hint says works, and the document that goes is no rule.
    assert_snapshot!(in_group(&format!("{RULE}\n  allowEmpty: true"), GROUPS, "x").told(), @"0 RemoveMembers group/eng [Mover] id=g1 hr/1 hr/2 hr/3 risks [LastGroup]");
}

#[test]
fn whoever_leaves_goes_from_a_group_whose_rule_names_nobody() {
    let scene = in_group(RULE, GROUPS, "x").amended("1", "left", json!(true));
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 RemoveMembers group/eng [Leaver] id=g1 hr/1
    (Refused NamesNobody) chat: the rule of group/eng names nobody, and 2 people would lose the group by that (hr/2, hr/3); they keep what they have
    ");
    // Of one who moved, where no other is left, nobody says that the rule is wrong.
    assert_snapshot!(scene.amended("2", "left", json!(true)).told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn]
    2 RemoveMembers group/eng [Mover] id=g1 hr/3 risks [LastGroup]
    3 RemoveMembers group/eng [Leaver] id=g1 hr/1 hr/2
    ");
}

#[test]
fn a_line_that_is_over_or_excludes_takes_out_whatever_the_rule_names() {
    let line = |key, until| format!("{{identity: {{source: hr, key: '{key}'}}, until: {until}}}");
    let lines = [line(1, "2026-11-20"), line(2, "2026-11-20")].join(", ");
    assert_snapshot!(in_group(&format!("{RULE}\n  members: [{lines}]"), GROUPS, "x").told(), @"0 RemoveMembers group/eng [Mover] id=g1 hr/1 hr/2 hr/3 risks [LastGroup]");
    let excluded = format!("{RULE}\n  exclude: [{}, {}]", line(1, "2027-01-01"), line(2, "2027-01-01"));
    assert_snapshot!(in_group(&excluded, GROUPS, "x").told(), @"0 RemoveMembers group/eng [Mover] id=g1 hr/1 hr/2 hr/3 risks [LastGroup]");
}

#[test]
fn a_rule_that_makes_groups_and_finds_no_value_takes_nobody_out_of_any() {
    let rules = "  displayName: \"Team {value}\"\n  forEach: identity.title";
    let documents = |rest: &str| {
        let team = group("team", &format!("{rules}{rest}")).replace("  displayName: team\n", "");
        [source("hr", ""), target("  groups: {}\n  guardrails: {deleteGroups: {count: 9}}\n"), team]
    };
    let build = |rest: &str| {
        (1..=3).fold(three(&documents(rest), "x"), |scene, at| {
            scene
                .amended(&at.to_string(), "title", json!(null))
                .marked_group(&format!("g{at}"), &format!("group/team/t{at}"), &format!("Team t{at}"))
                .member(&format!("g{at}"), &format!("u{at}"))
        })
    };
    assert_snapshot!(build("").told(), @"
    0 Update hr/1 [Mover] id=u1 title: x > nothing;
    1 Update hr/2 [Mover] id=u2 title: x > nothing;
    2 Update hr/3 [Mover] id=u3 title: x > nothing;
    (Refused NamesNobody) chat: the rule of group/team names nobody, and 3 people would lose the group by that (hr/1, hr/2, hr/3); they keep what they have
    ");
    assert_snapshot!(build("\n  allowEmpty: true").told(), @"
    0 RemoveMembers group/team/t1 [Mover] id=g1 hr/1 risks [LastGroup]
    1 RemoveMembers group/team/t2 [Mover] id=g2 hr/2 risks [LastGroup]
    2 RemoveMembers group/team/t3 [Mover] id=g3 hr/3 risks [LastGroup]
    3 Update hr/1 [Mover] id=u1 title: x > nothing;
    4 Update hr/2 [Mover] id=u2 title: x > nothing;
    5 Update hr/3 [Mover] id=u3 title: x > nothing;
    6 Delete group/team/t1 [Pruned] id=g1 risks [Irreversible]
    7 Delete group/team/t2 [Pruned] id=g2 risks [Irreversible]
    8 Delete group/team/t3 [Pruned] id=g3 risks [Irreversible]
    ");
}

#[test]
fn a_group_that_lists_the_people_of_another_is_held_with_it() {
    let documents =
        [source("hr", ""), target("  groups: {nested: false}\n"), group("eng", RULE), group("all", "  members: [{group: eng}]\n")];
    let scene = three(&documents, "x").marked_group("g1", "group/all", "all").member("g1", "u1").member("g1", "u2");
    assert_snapshot!(scene.marked_group("g2", "group/eng", "eng").told(), @"(Refused NamesNobody) chat: the rule of group/eng names nobody, and 2 people would lose the group by that (hr/1, hr/2); they keep what they have");
}

#[test]
fn accounts_stay_where_the_select_of_their_target_names_nobody() {
    let build = |rest: &str| three(&[source("hr", ""), target(&format!("  select: identity.title == \"Engineer\"\n{rest}"))], "x");
    assert_snapshot!(build("").told(), @"(Refused NamesNobody) chat: `select` of Target chat names nobody, and 3 people would lose access by that (hr/1, hr/2, hr/3); they keep what they have");
    assert_snapshot!(build("  allowEmpty: true\n").told(), @"
    0 Deactivate hr/1 [Deselected] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Deselected] id=u2 active: true > false; risks [SignIn]
    2 Deactivate hr/3 [Deselected] id=u3 active: true > false; risks [SignIn]
    (Warning Deselection) hr/1, hr/2, hr/3: no longer covered by a select, a scope or a lifecycle, so the account goes
    ");
    // Where it is for somebody, whoever it is not for goes.
    assert_snapshot!(build("").amended("1", "title", json!("Engineer")).told(), @"
    0 Deactivate hr/2 [Deselected] id=u2 active: true > false; risks [SignIn]
    1 Deactivate hr/3 [Deselected] id=u3 active: true > false; risks [SignIn]
    2 Update hr/1 [Mover] id=u1 title: x > Engineer;
    (Warning Deselection) hr/2, hr/3: no longer covered by a select, a scope or a lifecycle, so the account goes
    ");
    // Leavers go in any case.
    assert_snapshot!(build("").amended("1", "left", json!(true)).told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    (Refused NamesNobody) chat: `select` of Target chat names nobody, and 2 people would lose access by that (hr/2, hr/3); they keep what they have
    ");
}

#[test]
fn an_entitlement_stays_where_it_is_for_nobody() {
    let build = |rest: &str| {
        let when = entitlement("card", &format!("  when: identity.title == \"Engineer\"\n{rest}"));
        let scene = three(&[source("hr", ""), target(""), when], "x");
        (1..=3).fold(scene, |scene, at| scene.entitled(&format!("u{at}"), "card", json!({})))
    };
    assert_snapshot!(build("").told(), @"(Refused NamesNobody) chat: `when` of entitlement/card names nobody, and 3 people would lose the entitlement by that (hr/1, hr/2, hr/3); they keep what they have");
    assert_snapshot!(build("  allowEmpty: true\n").told(), @r###"
    0 RemoveEntitlement hr/1 [Mover] id=u1 "card"
    1 RemoveEntitlement hr/2 [Mover] id=u2 "card"
    2 RemoveEntitlement hr/3 [Mover] id=u3 "card"
    "###);
    // One who is named by a line keeps it, and does not make the rule name somebody.
    assert_snapshot!(build("  members: [{identity: {source: hr, key: '1'}}]\n").told(), @"(Refused NamesNobody) chat: `when` of entitlement/card names nobody, and 2 people would lose the entitlement by that (hr/2, hr/3); they keep what they have");
}

#[test]
fn people_stay_where_the_scope_of_their_source_leaves_everybody_out() {
    let build = |rest: &str| {
        let hr = source("hr", "").replace("  key:", &format!("  scope: {{filter: 'record.title == \"Engineer\"'}}\n{rest}  key:"));
        three(&[hr, target("  groups: {}\n"), group("eng", RULE)], "x").marked_group("g1", "group/eng", "eng").member("g1", "u1")
    };
    assert_snapshot!(build("").told(), @"(Refused NamesNobody) hr: `scope` of Source hr names nobody, and 3 people would lose access by that (hr/1, hr/2, hr/3); they keep what they have");
    assert_snapshot!(build("  allowEmpty: true\n").told(), @"
    0 Deactivate hr/1 [Deselected] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Deselected] id=u2 active: true > false; risks [SignIn]
    2 Deactivate hr/3 [Deselected] id=u3 active: true > false; risks [SignIn]
    3 RemoveMembers group/eng [Mover] id=g1 hr/1
    (Warning Deselection) hr/1, hr/2, hr/3: no longer covered by a select, a scope or a lifecycle, so the account goes
    ");
    let plan = build("").partial("hr").plan();
    assert_eq!(plan.changes.len(), 0, "{}", tell(&plan));
}

/// Of the three only the first is read, and what says so was not read to its end.
fn one_is_read(scene: Scene) -> [Scene; 2] {
    let only = scene.clone().without_records("hr").record("hr", json!({"id": "1", "login": "p1", "title": "x"}));
    let doubtful = ["2", "3"]
        .into_iter()
        .fold(scene, |scene, key| scene.amended(key, "start", json!("2026-11-02")).amended(key, "end", json!("2024-01-01")));
    [only.partial("hr"), doubtful]
}

#[test]
fn where_others_are_not_seen_or_not_known_one_who_loses_something_is_enough() {
    let when = entitlement("card", "  when: identity.title == \"Engineer\"\n");
    let entitled =
        (1..=3).fold(three(&[source("hr", ""), target(""), when], "x"), |scene, at| scene.entitled(&format!("u{at}"), "card", json!({})));
    let selected = three(&[source("hr", ""), target("  select: identity.title == \"Engineer\"\n")], "x");
    for scene in [in_group(RULE, GROUPS, "x"), selected, entitled].into_iter().flat_map(one_is_read) {
        let plan = scene.plan();
        assert_eq!(plan.changes.len(), 0, "{}", tell(&plan));
        let told = "by that (hr/1); they keep what they have";
        assert!(
            plan.findings.iter().any(|finding| finding.code == FindingCode::NamesNobody && finding.message.ends_with(told)),
            "{}",
            tell(&plan)
        );
    }
}

#[test]
fn of_one_alone_who_loses_something_a_list_that_was_cut_says_nothing() {
    let one = |documents: &[String]| {
        let account = json!({"id": "u1", "userName": "p1", "title": "x", "externalId": "hc:acme:hr:1"});
        Scene::new(documents).record("hr", json!({"id": "1", "login": "p1", "title": "x"})).account(account)
    };
    let group = one(&[source("hr", ""), target(GROUPS), group("eng", RULE)]).marked_group("g1", "group/eng", "eng").member("g1", "u1");
    let selected = one(&[source("hr", ""), target("  select: identity.title == \"Engineer\"\n")]);
    let scoped = one(&[source("hr", "").replace("  key:", "  scope: {filter: 'record.title == \"Engineer\"'}\n  key:"), target("")]);
    for (scene, kind) in [
        (group.clone(), ObjectKind::Membership),
        (group, ObjectKind::Account),
        (selected, ObjectKind::Account),
        (scoped, ObjectKind::Account),
    ] {
        assert_eq!(scene.plan().changes.len(), 1, "{}", scene.told());
        let cut = scene.read("chat", kind, Evidence::Partial { reason: "cut".into() });
        assert_eq!(cut.plan().changes.len(), 0, "{}", cut.told());
    }
}
