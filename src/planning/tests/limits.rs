//! What a target itself refuses holds up nothing else, and members whom nobody knows are told.

use serde_json::json;

use super::super::testing::{Scene, group, mark, source, target};
use crate::model::{Action, NeededAttribute, ObjectKind, SideEffect};

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
        .able(|can| can.longest_attributes.extend([("title".into(), 3)]));
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
