//! Names and numbers that groups list though nobody has them: whoever is to get one waits until it is out.

use std::sync::Arc;

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, mark, names, source, target};
use crate::model::{ListedBy, ObjectKind};

/// A directory: groups list names below `ou=people`.
fn directory(more: &str) -> Scene {
    let adm = "  privileged: true\n  members: [{identity: {source: hr, key: \"1\"}}]\n";
    let scene = Scene::new(&[source("hr", ""), target(&format!("  groups: {{}}\n{more}")), group("adm", adm)]);
    scene
        .able(|able| {
            able.listed_by = Some(ListedBy::Name);
            able.entry_names = Some(names("userName", "uid", &[("uid", "userName")]));
        })
        .person("1", "ada")
        .marked("u1", "hr/1", "ada")
        .marked_group("g1", "group/adm", "adm")
        .group("g2", "Wheel")
        .member("g1", "u1")
}

fn ghost(scene: Scene, group: &str, name: &str) -> Scene {
    scene.object(ObjectKind::Membership, json!({"group": group, "member": name, "kind": "nobody"}))
}

#[test]
fn a_new_account_whose_name_a_group_lists_waits_and_a_declared_group_lets_the_name_go() {
    let scene = ghost(directory("").person("7", "u7"), "g1", "uid=U7,ou=people,dc=x");
    assert_snapshot!(scene.told(), @"
    0 RemoveMembers group/adm [Mover] id=g1 id:uid=U7,ou=people,dc=x risks [Stranger]
    (Error GhostMember) hr/7: would be uid=u7,ou=people,dc=x, which nobody is and group adm lists still, and come into that with it; so no account is made before it is out
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn what_nobodys_group_lists_holds_the_account_until_somebody_takes_it_out() {
    let scene = ghost(directory("").person("7", "u7"), "g2", "uid=u7, ou=people, dc=x");
    assert_snapshot!(scene.told(), @"
    (Error GhostMember) hr/7: would be uid=u7,ou=people,dc=x, which nobody is and group Wheel lists still, and come into that with it; so no account is made before it is out
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn a_rename_into_such_a_name_waits_and_the_other_values_are_written() {
    let scene = directory("").record("hr", json!({"id": "2", "login": "bob.s", "title": "Lead"}));
    let scene = ghost(scene.account(json!({"id": "u2", "userName": "bob", "externalId": mark("hr/2")})), "g2", "uid=bob.s,ou=people,dc=x");
    assert_snapshot!(scene.told(), @"
    0 Update hr/2 [Mover] id=u2 title: nothing > Lead;
    (Error GhostMember) hr/2: would be uid=bob.s,ou=people,dc=x, which nobody is and group Wheel lists still, and come into that with it; so the account is not renamed or moved before it is out
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn whoever_is_in_the_group_by_the_present_name_gains_nothing_by_the_new_one() {
    let scene = directory("").person("2", "bob.s").account(json!({"id": "u2", "userName": "bob", "externalId": mark("hr/2")}));
    assert_snapshot!(ghost(scene.member("g2", "u2"), "g2", "uid=bob.s,ou=people,dc=x").told(), @"
    0 Update hr/2 [Mover] id=u2 userName: bob > bob.s; risks [SignIn]
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn names_that_nobody_waits_for_are_told_and_left() {
    assert_snapshot!(ghost(directory(""), "g1", "uid=u7,ou=people,dc=x").told(), @"
    (Warning GhostMember) group/adm: it has a member that is no account or group there (uid=u7,ou=people,dc=x); headcount leaves it so
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn a_number_that_a_database_gives_again_holds_whoever_would_get_it() {
    let scene = |ghost: &str| {
        let scene =
            Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("adm", "  members: [{identity: {source: hr, key: \"1\"}}]\n")]);
        let scene = scene.able(|able| able.listed_by = Some(ListedBy::NextNumber { hidden: 0 })).person("1", "ada").person("5", "eve");
        let scene = scene.marked("3", "hr/1", "ada").marked_group("9", "group/adm", "adm").group("99", "Wheel").member("9", "3");
        scene.member("9", ghost).member("99", ghost)
    };
    assert_snapshot!(scene("4").told(), @"
    0 RemoveMembers group/adm [Mover] id=9 id:4 risks [Stranger]
    (Error GhostMember) hr/5: would be 4, which nobody is and group Wheel, group adm lists still, and come into that with it; so no account is made before it is out
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
    assert_snapshot!(scene("2").told(), @"
    0 Create hr/5 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:5; userName: nothing > eve;
    (Warning GhostMember) group/adm: it has a member that is no account or group there; headcount leaves it so
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn a_login_that_a_group_lists_holds_whoever_would_get_it() {
    let scene = directory("").able(|able| able.listed_by = Some(ListedBy::Attribute(Arc::from("userName")))).person("7", "u7");
    assert_snapshot!(ghost(scene, "g2", "u7").told(), @"
    (Error GhostMember) hr/7: would be u7, which nobody is and group Wheel lists still, and come into that with it; so no account is made before it is out
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn a_number_behind_those_that_are_not_seen_is_the_next_one() {
    let scene = |ghost: &str| {
        let scene =
            Scene::new(&[source("hr", ""), target("  groups: {}\n"), group("adm", "  members: [{identity: {source: hr, key: \"1\"}}]\n")]);
        let scene = scene.able(|able| able.listed_by = Some(ListedBy::NextNumber { hidden: 12 })).person("1", "ada").person("5", "eve");
        scene
            .marked("3", "hr/1", "ada")
            .marked_group("9", "group/adm", "adm")
            .group("99", "Wheel")
            .member("9", "3")
            .member("99", ghost)
            .told()
    };
    assert!(scene("4").contains("Create hr/5") && !scene("4").contains("GhostMember"), "{}", scene("4"));
    assert!(!scene("13").contains("Create hr/5") && scene("13").contains("would be 13"), "{}", scene("13"));
}

#[test]
fn whoever_is_taken_out_for_somebody_else_counts_as_any_loser() {
    let limit = "  guardrails: {removeMembers: {count: 0}}\n";
    let scene = ghost(directory(limit).person("7", "u7"), "g1", "uid=u7,ou=people,dc=x");
    let told = scene.told();
    assert!(told.contains("RemoveMembers group/adm") && told.contains("risks [Stranger] WITHHELD"), "{told}");
    assert!(told.contains("GuardrailExceeded"), "{told}");
}
