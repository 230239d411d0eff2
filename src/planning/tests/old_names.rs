//! Groups that list somebody by the name which a run that was cut short took from them.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, mark, names, source, target};
use crate::model::{DepartedName, LastWrite, ListedBy, ObjectKind};

/// A directory with a declared group and one that is nobody's, and somebody who is called v1 since a run that was cut short.
fn directory(target_more: &str) -> Scene {
    let adm = "  members: [{identity: {source: hr, key: \"1\"}}]\n";
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: container, value: identity.title}\n";
    let scene = Scene::new(&[source("hr", ""), target(&format!("  groups: {{}}\n{rules}{target_more}")), group("eng", adm)]);
    let scene = scene.able(|able| {
        able.listed_by = Some(ListedBy::Name);
        able.entry_names = Some(names("userName", "uid", &[("uid", "userName")]));
    });
    let scene = scene.record("hr", json!({"id": "1", "login": "v1", "title": "ou=Eng"})).marked_group("g1", "group/eng", "eng");
    let account = json!({"id": "u1", "userName": "v1", "externalId": mark("hr/1"), "container": "ou=Eng", "rdn": "uid=v1"});
    scene.group("g2", "Wheel").account(account).link(ObjectKind::Account, "hr/1", "u1")
}

fn had(mut scene: Scene, attribute: &str, value: &str) -> Scene {
    let (target, attribute, value, key) = ("chat".into(), attribute.into(), value.into(), "hr/1".into());
    scene.memory.departed.push(DepartedName { target, attribute, value, key, left: false, at: scene.moment.now });
    scene
}

fn lists(scene: Scene, group: &str, name: &str) -> Scene {
    scene.object(ObjectKind::Membership, json!({"group": group, "member": name, "kind": "nobody"}))
}

#[test]
fn a_group_that_lists_the_old_name_follows_it_to_the_new_one() {
    let cut = |scene: Scene| {
        lists(lists(had(scene, "userName", "u1"), "g1", "uid=u1,ou=Eng,ou=people,dc=x"), "g2", "uid=u1,ou=Eng,ou=people,dc=x")
    };
    assert_snapshot!(cut(directory("")).told(), @"
    0 RemoveMembers group/eng [Mover] id=g1 id:uid=u1,ou=Eng,ou=people,dc=x
    1 AddMembers group/eng [Mover] id=g1 hr/1
    2 AddMembers id:g2 [Mover] id=g2 hr/1
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Note GhostMember) hr/1: group Wheel lists the account as uid=u1,ou=Eng,ou=people,dc=x, as it was called before headcount renamed or moved it and was cut short; that is put right
    (Note GhostMember) hr/1: group eng lists the account as uid=u1,ou=Eng,ou=people,dc=x, as it was called before headcount renamed or moved it and was cut short; that is put right
    ");
    assert_snapshot!(cut(directory("").member("g1", "u1").member("g2", "u1")).told(), @"
    0 RemoveMembers group/eng [Mover] id=g1 id:uid=u1,ou=Eng,ou=people,dc=x
    1 RemoveMembers id:g2 [Mover] id=g2 id:uid=u1,ou=Eng,ou=people,dc=x
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Note GhostMember) hr/1: group Wheel lists the account as uid=u1,ou=Eng,ou=people,dc=x, as it was called before headcount renamed or moved it and was cut short; that is put right
    (Note GhostMember) hr/1: group eng lists the account as uid=u1,ou=Eng,ou=people,dc=x, as it was called before headcount renamed or moved it and was cut short; that is put right
    ");
}

#[test]
fn whoever_was_moved_is_found_by_the_place_and_by_both() {
    let scene = |name: &str| lists(had(directory("").member("g1", "u1"), "container", "ou=Sales"), "g2", name);
    assert_snapshot!(scene("uid=v1,ou=Sales,ou=people,dc=x").told(), @"
    0 AddMembers id:g2 [Mover] id=g2 hr/1
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Note GhostMember) hr/1: group Wheel lists the account as uid=v1,ou=Sales,ou=people,dc=x, as it was called before headcount renamed or moved it and was cut short; that is put right
    ");
    let both = had(scene("uid=u1,ou=Sales,ou=people,dc=x"), "userName", "u1");
    assert!(both.told().contains("0 AddMembers"), "{}", both.told());
    let other = scene("uid=u1,ou=Sales,ou=people,dc=x").told();
    assert!(!other.contains("AddMembers"), "nobody was called so: {other}");
}

#[test]
fn what_was_written_to_the_end_is_not_followed_again() {
    let scene = lists(had(directory("").member("g1", "u1"), "userName", "u1"), "g2", "uid=u1,ou=Eng,ou=people,dc=x");
    let change = crate::model::AttributeChange {
        attribute: "userName".into(),
        before: None,
        after: Some(crate::model::Value::text("v1")),
        sensitive: false,
        privileged: false,
    };
    let print = crate::world::prints::print(&scene.policy.workspace, &change).unwrap();
    let mut done = scene.clone();
    done.memory.written.push(LastWrite {
        target: "chat".into(),
        kind: ObjectKind::Account,
        id: "u1".into(),
        prints: Box::new([(print.name, print.wrote as u32)]),
    });
    assert!(scene.told().contains("AddMembers") && !done.told().contains("AddMembers"), "{}", done.told());
}

#[test]
fn a_name_that_two_may_have_had_is_nobodys() {
    let scene = lists(had(directory("").member("g1", "u1"), "userName", "u1"), "g2", "uid=u1,ou=Eng,ou=people,dc=x");
    let account = json!({"id": "u2", "userName": "w", "externalId": mark("hr/2"), "container": "ou=Eng", "rdn": "uid=w"});
    let scene =
        scene.record("hr", json!({"id": "2", "login": "w", "title": "ou=Eng"})).account(account).link(ObjectKind::Account, "hr/2", "u2");
    let mut scene = had(scene, "userName", "u1");
    scene.memory.departed.last_mut().into_iter().for_each(|known| known.key = "hr/2".into());
    assert!(!scene.told().contains("AddMembers"), "{}", scene.told());
}

#[test]
fn lists_of_logins_follow_too() {
    let scene = directory("").able(|able| able.listed_by = Some(ListedBy::Attribute("userName".into()))).member("g1", "u1");
    assert_snapshot!(lists(had(scene, "userName", "old1"), "g2", "old1").told(), @"
    0 AddMembers id:g2 [Mover] id=g2 hr/1
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Note GhostMember) hr/1: group Wheel lists the account as old1, as it was called before headcount renamed or moved it and was cut short; that is put right
    ");
}
