//! A failed read never looks like an empty answer.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target, tell};
use crate::model::{Evidence, ObjectKind};

fn unreadable() -> Evidence {
    Evidence::Unreadable { reason: "401".into() }
}

#[test]
fn nobody_is_absent_from_a_source_that_was_not_read_to_its_end() {
    let scene = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob");
    assert_snapshot!(scene.clone().partial("hr").told(), @r###"
    (Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone
    (Note IncompleteRead) hr/2: not among the records of hr, which could not be read to its end; left as it is
    "###);
    assert_snapshot!(scene.without_records("hr").read("hr", ObjectKind::Account, unreadable()).told(), @r###"
    (Incomplete IncompleteRead) hr: 401; nobody counts as gone
    (Note IncompleteRead) hr/1, hr/2: not among the records of hr, which could not be read to its end; left as it is
    "###);
}

#[test]
fn who_is_not_among_what_changed_is_not_gone() {
    let changed = |system, kind| {
        let scene = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob");
        scene.read(system, kind, Evidence::Delta).told()
    };
    assert_snapshot!(changed("hr", ObjectKind::Account), @"(Note IncompleteRead) hr/2: not among the records of hr, which could not be read to its end; left as it is");
    let unseen = Scene::simple()
        .person("1", "ada")
        .hidden(ObjectKind::Account, json!({"id": "u1", "userName": "ada", "externalId": "hc:acme:hr:1"}));
    let told = unseen.read("chat", ObjectKind::Account, Evidence::Delta).told();
    assert!(!told.contains("Create"), "whoever is not among what changed is looked for: {told}");
}

#[test]
fn a_source_that_shrank_proves_nothing() {
    let mut scene = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob");
    scene.memory.baselines[0].count = 40;
    assert_snapshot!(scene.told(), @r###"
    (Incomplete SourceShrank) hr: it has 1 records and had 40; 39 fewer is more than the 4 that may vanish at once; nobody counts as gone
    (Note IncompleteRead) hr/2: not among the records of hr, which could not be read to its end; left as it is
    "###);
    scene.memory.baselines[0].scope ^= 1;
    assert_snapshot!(scene.told(), @"(Warning IncompleteRead) hr/2: not among the records of hr, and no earlier complete read says that it was; left as it is");
}

#[test]
fn without_a_state_nothing_follows_from_silence_and_leavers_are_withheld() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .marked("u1", "hr/1", "ada")
        .marked("u2", "hr/2", "bob")
        .forgetful();
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    (Warning IncompleteRead) hr/2: not among the records of hr, and no earlier complete read says that it was; left as it is
    (Warning StateLost) chat: 2 of its accounts carry headcount's mark, but there is no state: it was lost
    "###);
}

#[test]
fn records_without_a_key_and_with_the_same_key_are_nobody_for_certain() {
    let scene = Scene::simple()
        .record("hr", json!({"login": "nobody"}))
        .person("1", "ada")
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .person("2", "bob")
        .person("2", "bob")
        .marked("u1", "hr/1", "ada")
        .marked("u2", "hr/2", "bob")
        .marked("u3", "hr/3", "cy");
    assert_snapshot!(scene.told(), @r###"
    (Incomplete IncompleteRead) hr: 1 of its records have no key, so nobody can be said to be missing from it; nobody counts as gone
    (Error DuplicateKey) hr/1: two different records have this key, so nothing is changed for it
    (Error ExpressionFailed) hr: 1 record has no key: it is empty
    (Note IncompleteRead) hr/3: not among the records of hr, which could not be read to its end; left as it is
    "###);
}

#[test]
fn a_source_of_a_removed_manifest_is_no_absence_but_a_removed_user_is() {
    let scene = Scene::simple().marked("u1", "old/1", "ada").marked("u2", "user/bob", "bob");
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate user/bob [Absent] id=u2 active: true > false; risks [SignIn]
    (Warning Orphan) old/1: of a source that is not declared any more; left as it is
    "###);
}

#[test]
fn an_unreadable_target_gets_no_plan() {
    let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("all", "  rule: 'true'\n")]).person("1", "ada");
    let all = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership];
    let scene = all.into_iter().fold(scene, |scene, kind| scene.read("chat", kind, unreadable()));
    assert_snapshot!(scene.told(), @"(Incomplete IncompleteRead) chat: 401; nothing is planned for its accounts, groups and memberships");
}

#[test]
fn accounts_that_may_exist_unseen_are_looked_up_before_one_is_made() {
    let scene = Scene::simple()
        .person("1", "ada")
        .person("2", "bob")
        .hidden(ObjectKind::Account, json!({"id": "u2", "userName": "bob", "externalId": "hc:acme:hr:2", "title": "Boss"}))
        .partial("chat");
    assert_snapshot!(scene.told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    (Incomplete IncompleteRead) chat: the connection was cut; its accounts were not read to the end, and nothing follows from what is missing
    ");
    assert_snapshot!(tell(&scene.plan_unanswered()), @"
    (Incomplete IncompleteRead) chat: the connection was cut; its accounts were not read to the end, and nothing follows from what is missing
    (Incomplete IncompleteRead) hr/1, hr/2: not all accounts could be read, and whether it has one already was not answered, so none is made
    ");
}

#[test]
fn an_account_that_vanished_is_looked_up_before_it_is_made_again() {
    let scene = Scene::simple().person("1", "ada").person("2", "bob").link(ObjectKind::Account, "hr/1", "u1").link(
        ObjectKind::Account,
        "hr/2",
        "u2",
    );
    let scene = scene.hidden(ObjectKind::Account, json!({"id": "u2", "userName": "bob", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    (Incomplete IncompleteRead) chat: its list lacks one of its accounts, there by id (u2); nothing follows from what else is missing
    (Warning ChangedElsewhere) hr/1: the account that headcount had for it was deleted, and not by headcount; a new one is made
    ");
    assert_snapshot!(tell(&scene.plan_unanswered()), @"(Incomplete IncompleteRead) hr/1, hr/2: the account was not among those read, and asking for it by its id gave no answer");
}

#[test]
fn groups_that_may_exist_unseen_are_looked_up() {
    let scene =
        Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("all", "  rule: 'true'\n"), group("ops", "  rule: 'true'\n")])
            .person("1", "ada")
            .marked("u1", "hr/1", "ada")
            .hidden(ObjectKind::Group, json!({"id": "g1", "displayName": "all"}))
            .member("g1", "u1")
            .read("chat", ObjectKind::Group, Evidence::Partial { reason: "cut".into() });
    assert_snapshot!(scene.told(), @"
    0 Adopt group/all [Declared] id=g1 externalId: nothing > hc:acme:group:all; risks [Adoption]
    1 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    2 AddMembers group/ops [Mover] hr/1 needs [1]
    (Incomplete IncompleteRead) chat: cut; its groups were not read to the end, and nothing follows from what is missing
    ");
    assert_snapshot!(tell(&scene.plan_unanswered()), @"
    (Incomplete IncompleteRead) chat: cut; its groups were not read to the end, and nothing follows from what is missing
    (Incomplete IncompleteRead) group/all, group/ops: the group was not among those read, and asking for it gave no answer, so none is made
    ");
}

#[test]
fn memberships_that_could_not_be_read_stay() {
    let scene =
        Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("all", "  rule: 'true'\n"), group("ops", "  rule: 'true'\n")])
            .person("1", "ada")
            .marked("u1", "hr/1", "ada")
            .marked_group("g1", "group/all", "all")
            .read("chat", ObjectKind::Membership, unreadable());
    assert_snapshot!(scene.told(), @"
    0 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    1 AddMembers group/ops [Mover] hr/1 needs [0]
    (Incomplete IncompleteRead) chat: 401; nothing is planned for its memberships
    ");
}

#[test]
fn memberships_that_may_exist_unseen_are_not_added() {
    let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("all", "  rule: 'true'\n")])
        .person("1", "ada")
        .person("2", "bob")
        .marked("u1", "hr/1", "ada")
        .marked_group("g1", "group/all", "all")
        .read("chat", ObjectKind::Membership, Evidence::Partial { reason: "cut".into() });
    assert_snapshot!(scene.told(), @"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 AddMembers group/all [Mover] id=g1 hr/2 needs [0]
    (Incomplete IncompleteRead) chat: cut; its memberships were not read to the end, and nothing follows from what is missing
    ");
}

#[test]
fn nobody_is_adopted_while_somebody_unseen_may_claim_the_account_too() {
    let scene = Scene::simple().person("1", "ada").account(json!({"id": "u1", "userName": "ada"})).partial("hr");
    assert_snapshot!(scene.told(), @r###"
    (Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone
    (Incomplete IncompleteRead) hr/1: it could take over an account, but not all sources could be read, and somebody unseen may claim it too; this waits for a complete read
    "###);
}

#[test]
fn the_people_of_a_group_that_may_be_there_or_not_are_no_members_of_the_one_above() {
    let documents =
        [source("hr", ""), target("  groups: {}\n"), group("all", "  members: [{group: ops}]\n"), group("ops", "  rule: 'true'\n")];
    let scene = Scene::new(&documents).person("1", "ada").marked("u1", "hr/1", "ada").marked_group("g1", "group/all", "all");
    let scene =
        scene.link(ObjectKind::Group, "group/all", "g1").link(ObjectKind::Group, "group/ops", "g2").able(|able| able.nested_groups = true);
    assert_eq!(tell(&scene.plan_unanswered()).matches("AddMembers").count(), 0, "{}", tell(&scene.plan_unanswered()));
    // Nor is anybody taken out who may belong there.
    let scene = scene.member("g1", "u1");
    assert_eq!(scene.plan_unanswered().changes.len(), 0, "{}", tell(&scene.plan_unanswered()));
}
