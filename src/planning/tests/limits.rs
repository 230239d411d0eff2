//! What a target itself refuses holds up nothing else, and members whom nobody knows are told.

use serde_json::json;

use super::super::testing::{Scene, group, mark, source, target};
use crate::model::{Action, NeededAttribute, ObjectKind, SideEffect, ValueForm, ValueLimit};

fn clerk() -> Scene {
    Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada.l", "title": "Boss"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Clerk", "externalId": mark("hr/1")}))
}

#[test]
fn an_attribute_that_never_changes_is_left_and_the_others_go() {
    let scene = clerk().able(|can| can.immutable_attributes.extend(["title".into()]));
    insta::assert_snapshot!(scene.told(), @r"
    0 Update hr/1 [Mover] id=u1 userName: ada > ada.l; risks [SignIn]
    (Warning VendorLimit) hr/1: title can't be changed here once an account is made, so the old value stays
    ");
}

#[test]
fn what_the_system_alone_writes_is_told_for_a_new_account_too_and_the_others_go() {
    let scene = clerk()
        .record("hr", json!({"id": "2", "login": "bob", "title": "Boss"}))
        .able(|can| can.read_only_attributes.extend(["title".into()]));
    insta::assert_snapshot!(scene.told(), @r"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 Update hr/1 [Mover] id=u1 userName: ada > ada.l; risks [SignIn]
    (Warning VendorLimit) hr/1: title is only read here and never written, so it stays as it is there
    (Warning VendorLimit) hr/2: title is only read here and never written, so the account is made without it
    ");
}

#[test]
fn what_is_too_long_is_told_before_it_is_sent_and_the_others_go() {
    let scene = clerk()
        .record("hr", json!({"id": "2", "login": "bob", "title": "Boss"}))
        .record("hr", json!({"id": "3", "login": "cid", "title": "Bos"}))
        .able(|can| can.account_limits.extend([("title".into(), ValueLimit { letters: Some(3), ..Default::default() })]));
    insta::assert_snapshot!(scene.told(), @r"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; title: nothing > Bos; userName: nothing > cid;
    2 Update hr/1 [Mover] id=u1 userName: ada > ada.l; risks [SignIn]
    (Warning VendorLimit) hr/1: title is longer than the 3 letters that there is room for, so it stays as it is there
    (Warning VendorLimit) hr/2: title is longer than the 3 letters that there is room for, so the account is made without it
    ");
}

#[test]
fn what_the_target_asks_of_every_account_is_not_cleared_and_told_where_it_is_missing() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada.l", "title": null}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Clerk", "externalId": mark("hr/1")}))
        .record("hr", json!({"id": "2", "login": "bob", "title": ""}))
        .able(|can| can.required_attributes.extend(["title".into()]));
    insta::assert_snapshot!(scene.told(), @r"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 Update hr/1 [Mover] id=u1 userName: ada > ada.l; risks [SignIn]
    (Error RequiredAttributeMissing) hr/1: title is required and would be cleared; it stays as it is
    (Warning RequiredAttributeMissing) hr/2: title has no value, and the target's schema asks for one: it may refuse the account
    ");
}

#[test]
fn nobody_is_made_without_what_a_column_needs() {
    let needed = || NeededAttribute { place: "column `badge` of table `people`".into(), line: Some("`initial: {badge: …}`".into()) };
    let scene = |attribute: &'static str| {
        Scene::simple()
            .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
            .record("hr", json!({"id": "2", "login": "bob", "title": ""}))
            .record("hr", json!({"id": "3", "login": "cid", "title": ""}))
            .able(|can| drop(can.needed_attributes.insert(attribute.into(), needed())))
    };
    insta::assert_snapshot!(scene("title").told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; title: nothing > Boss; userName: nothing > ada;
    (Error RequiredAttributeMissing) hr/2, hr/3: title has no value, and column `badge` of table `people` takes no row without one, so no account is made
    ");
    insta::assert_snapshot!(scene("employeeNumber").told(), @"(Error RequiredAttributeMissing) hr/1, hr/2, hr/3: employeeNumber has no value, and column `badge` of table `people` takes no row without one, so no account is made");
    let hints: Vec<_> = scene("employeeNumber").plan().findings.iter().filter_map(|finding| finding.hint.clone()).collect();
    insta::assert_snapshot!(hints.join("\n"), @"No rule gives it: add `{attribute: employeeNumber, value: identity.employeeNumber}` to spec.mapping.rules of the Target chat. Or let each new row start with the same value: `initial: {badge: …}`.");
}

#[test]
fn that_a_target_keeps_no_mark_is_said_once() {
    let scene = clerk().person("2", "bob").able(|can| {
        can.account_marker = None;
        can.refuses_marker = true;
    });
    insta::assert_snapshot!(scene.told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; title: nothing > Boss; userName: nothing > ada.l;
    1 Create hr/2 [Joiner] active: nothing > true; userName: nothing > bob;
    (Note UnsupportedCapability) chat: its accounts can't keep a mark, so the state alone proves which of them are headcount's
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
}

#[test]
fn members_of_a_declared_group_that_are_nobody_are_told_and_left() {
    let scene = Scene::new(&[source("hr", ""), target("  groups: {}"), group("ops", "  rule: 'true'")])
        .person("1", "ada")
        .marked("u1", "hr/1", "ada")
        .object(ObjectKind::Group, json!({"id": "g1", "displayName": "ops", "externalId": mark("group/ops")}))
        .object(ObjectKind::Membership, json!({"group": "g1", "member": "u1", "kind": "account"}))
        .object(ObjectKind::Membership, json!({"group": "g1", "member": "gone", "kind": "account"}));
    insta::assert_snapshot!(scene.told(), @r"(Warning GhostMember) group/ops: it has a member that is no account or group there; headcount leaves it so");
}

#[test]
fn what_a_target_does_along_with_a_change_is_told_and_counted() {
    let mails =
        SideEffect { kind: ObjectKind::Account, action: Action::Create, attributes: Vec::new(), words: "mails an invitation".into() };
    let scene = Scene::simple().person("1", "ada").person("2", "bob").able(|can| can.side_effects.push(mails));
    let told = scene.told();
    assert!(told.contains("(Note SideEffect) chat mails an invitation: 2 accounts that are made"), "{told}");
    let settled = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada");
    let mails =
        SideEffect { kind: ObjectKind::Account, action: Action::Create, attributes: Vec::new(), words: "mails an invitation".into() };
    assert_eq!(settled.able(|can| can.side_effects.push(mails)).told(), "nothing");
    let of = |name: &str| SideEffect {
        kind: ObjectKind::Account,
        action: Action::Update,
        attributes: vec![name.into()],
        words: "asks twice".into(),
    };
    let renamed = || Scene::simple().person("1", "ada").marked("u1", "hr/1", "eda");
    assert!(renamed().able(|can| can.side_effects.push(of("userName"))).told().contains("chat asks twice: 1 account that is changed"));
    assert!(!renamed().able(|can| can.side_effects.push(of("title"))).told().contains("asks twice"));
}

#[test]
fn a_rule_that_is_widened_puts_nobody_into_a_group_and_whoever_is_new_comes_in() {
    let staff = (0..12).fold(Scene::new(&[source("hr", ""), target("  groups: {}"), group("ops", "  rule: 'true'")]), |scene, at| {
        let (record, id, key, name) = (format!("{at}"), format!("u{at}"), format!("hr/{at}"), format!("p{at}"));
        scene.person(&record, &name).marked(&id, &key, &name)
    });
    let scene = staff
        .object(ObjectKind::Group, json!({"id": "g1", "displayName": "ops", "externalId": mark("group/ops")}))
        .object(ObjectKind::Membership, json!({"group": "g1", "member": "u0", "kind": "account"}))
        .person("90", "new")
        .guarded();
    insta::assert_snapshot!(scene.told(), @r"
    0 Create hr/90 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:90; userName: nothing > new;
    1 AddMembers group/ops [Mover] id=g1 hr/90 needs [0]
    2 AddMembers group/ops [Mover] id=g1 hr/1 hr/10 hr/11 hr/2 hr/3 hr/4 hr/5 hr/6 hr/7 hr/8 hr/9 needs [0] WITHHELD
    (Refused GuardrailExceeded) chat: people who get a membership: 11 planned and 0 done in the last 24h, but the default limit allows 4 (count 20, 10 % of 12 people with an active account; never more than a third of them); none of them goes
    ");
}

/// Of names that a database server takes.
fn short(scene: Scene) -> Scene {
    let limit = || ValueLimit { bytes: Some(5), kept: vec!["pg_*".into()], ..Default::default() };
    scene.able(|can| {
        can.account_limits.insert("userName".into(), limit());
        can.group_limits.insert("displayName".into(), limit());
    })
}

#[test]
fn whose_name_the_target_does_not_take_gets_no_account_and_the_others_do() {
    let told = short(Scene::simple().person("1", "ada").person("2", "grace.hopper").person("3", "pg_x").person("4", "ädaa")).told();
    assert_eq!(told.matches("Create hr/").count(), 2, "{told}");
    assert!(
        told.contains("(Error VendorLimit) hr/2: userName is longer than the 5 bytes that there is room for, so no account is made"),
        "{told}"
    );
    assert!(told.contains("(Error VendorLimit) hr/3: userName begins with `pg_`"), "{told}");
    let renamed = short(Scene::simple().person("1", "grace.hopper").marked("u1", "hr/1", "grace")).told();
    assert_eq!(renamed.matches("Update").count(), 0, "{renamed}");
    assert!(
        renamed.contains("(Warning VendorLimit) hr/1: userName is longer") && renamed.contains("so it stays as it is there"),
        "{renamed}"
    );
}

#[test]
fn a_group_whose_name_the_target_does_not_take_is_left_and_the_others_go() {
    let called = |name: &str, other: &str| {
        group(name, "  rule: 'true'").replace(&format!("displayName: {name}\n"), &format!("displayName: {other}\n"))
    };
    let documents = [source("hr", ""), target("  groups: {}"), called("ops", "pg_o"), called("devs", "devs"), called("leads", "directors")];
    let scene = Scene::new(&documents);
    let scene = scene.person("1", "ada").marked("u1", "hr/1", "ada").marked_group("g1", "group/leads", "leads").member("g1", "u1");
    let told = short(scene).told();
    assert!(told.contains("Create group/devs") && told.contains("AddMembers group/devs"), "{told}");
    assert!(!told.contains("Create group/ops") && !told.contains("AddMembers group/ops"), "{told}");
    assert!(told.contains("(Error VendorLimit) group/ops: its name pg_o begins with `pg_`"), "{told}");
    assert!(told.contains("group/leads: its name directors is longer") && told.contains("so it keeps the name that it has"), "{told}");
    assert!(!told.contains("RemoveMembers") && !told.contains("Update group/leads"), "{told}");
}

#[test]
fn what_a_column_cannot_hold_is_told_before_it_is_sent() {
    let whole = |scene: Scene| {
        scene.able(|can| drop(can.account_limits.insert("title".into(), ValueLimit { form: ValueForm::Whole(2), ..Default::default() })))
    };
    let told = whole(clerk()).told();
    assert!(told.contains("userName: ada > ada.l") && !told.contains("title: Clerk > Boss"), "{told}");
    assert!(told.contains("(Warning VendorLimit) hr/1: title is no whole number"), "{told}");
}

#[test]
fn an_account_stands_nowhere_rather_than_in_the_wrong_place() {
    let container = || ValueLimit { form: ValueForm::Container, ..Default::default() };
    let place = "  mapping:\n    rules:\n    - {attribute: container, value: '\"OU=\" + identity.title'}\n";
    let scene = Scene::new(&[source("hr", ""), target(place)])
        .record("hr", json!({"id": "1", "login": "ada", "title": "Sales, EMEA"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "Sales"}))
        .able(|can| drop(can.account_limits.insert("container".into(), container())));
    let told = scene.told();
    assert!(!told.contains("Create hr/1") && told.contains("Create hr/2") && told.contains("rdn(\"OU\", …)"), "{told}");
    let escaped = place.replace("\"OU=\" + identity.title", "rdn(\"OU\", identity.title)");
    let scene = Scene::new(&[source("hr", ""), target(&escaped)])
        .record("hr", json!({"id": "1", "login": "ada", "title": "Sales, EMEA"}))
        .able(|can| drop(can.account_limits.insert("container".into(), container())));
    assert!(scene.told().contains("container: nothing > OU=Sales\\, EMEA"), "{}", scene.told());
}

#[test]
fn what_a_deactivation_sets_is_held_to_what_the_target_takes() {
    let scene = |limit: ValueLimit, unique: &[&str]| {
        let leaves = json!({"id": "1", "login": "ada", "left": true, "title": "Boss"});
        Scene::new(&[source("hr", ""), target("  leaver: {action: deactivate, set: {title: Former}}\n")])
            .record("hr", leaves)
            .account(json!({"id": "u1", "userName": "ada", "title": "Boss", "externalId": mark("hr/1")}))
            .able(|can| {
                can.account_limits.insert("title".into(), limit);
                can.unique_account_attributes = Some(unique.iter().map(|name| (*name).into()).collect());
            })
            .told()
    };
    assert!(scene(ValueLimit::default(), &[]).contains("title: Boss > Former"));
    for (limit, unique, words) in [
        (ValueLimit { letters: Some(3), ..Default::default() }, &[][..], "is longer than the 3 letters"),
        (ValueLimit { form: ValueForm::Number, ..Default::default() }, &[][..], "is no number"),
        (ValueLimit::default(), &["title"][..], "can't be one for several accounts"),
    ] {
        let told = scene(limit, unique);
        assert!(told.contains("Deactivate hr/1") && !told.contains("title: Boss"), "{told}");
        assert!(told.contains(&format!("(Warning VendorLimit) hr/1: the title of `set` {words}")), "{told}");
    }
}

#[test]
fn names_that_are_one_to_a_database_are_given_once() {
    let scene = |accentless: bool| {
        let scene = Scene::simple().person("1", "dee").person("2", "ada").person("3", "adá").person("4", "zoe");
        scene.marked("u9", "hr/9", "dée").able(|can| can.accentless_names = accentless).told()
    };
    let apart = scene(false);
    assert_eq!(apart.matches("Create").count(), 4, "{apart}");
    let one = scene(true);
    assert_eq!(one.matches("Create").count(), 2, "{one}");
    assert!(one.contains("Create hr/2") && one.contains("Create hr/4") && one.matches("NameTaken").count() == 2, "{one}");
    assert_eq!(
        Scene::simple()
            .person("1", "dee")
            .marked("u1", "hr/1", "dée")
            .able(|can| can.accentless_names = true)
            .told()
            .matches("NameTaken")
            .count(),
        0
    );
}
