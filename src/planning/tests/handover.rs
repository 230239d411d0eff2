//! What is handed on from one to another within a plan.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target};

fn mails() -> Scene {
    let maps = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: emails, value: identity.emails}\n    - {attribute: manager, value: identity.manager}\n";
    let source =
        source("hr", "").replace("    - {attribute: title", "    - {attribute: emails, value: record.mail}\n    - {attribute: title");
    Scene::new(&[source, target(maps)])
}

fn row(id: &str, key: &str, login: &str, mail: &str) -> serde_json::Value {
    json!({"id": id, "userName": login, "emails": [{"value": mail}], "externalId": format!("hc:acme:{}", key.replace('/', ":"))})
}

#[test]
fn whoever_gives_a_value_up_comes_before_whoever_takes_it() {
    // 3 takes the address of 2, who takes that of 1; a new one takes the name that 4 gives up.
    let scene = mails()
        .record("hr", json!({"id": "1", "login": "ada", "mail": "new@a"}))
        .record("hr", json!({"id": "2", "login": "bob", "mail": "one@a"}))
        .record("hr", json!({"id": "3", "login": "cy", "mail": "two@a"}))
        .record("hr", json!({"id": "4", "login": "di.zander", "mail": "four@a", "boss": "5"}))
        .record("hr", json!({"id": "5", "login": "di", "mail": "five@a"}))
        .account(row("u1", "hr/1", "ada", "one@a"))
        .account(row("u2", "hr/2", "bob", "two@a"))
        .account(row("u3", "hr/3", "cy", "three@a"))
        .account(row("u4", "hr/4", "di", "four@a"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/1 [Mover] id=u1 emails: [{value: one@a}] > new@a;
    1 Update hr/4 [Mover] id=u4 userName: di > di.zander; risks [SignIn]
    2 Update hr/2 [Mover] id=u2 emails: [{value: two@a}] > one@a; needs [0]
    3 Create hr/5 [Joiner] active: nothing > true; emails: nothing > five@a; externalId: nothing > hc:acme:hr:5; userName: nothing > di; needs [1]
    4 Update hr/3 [Mover] id=u3 emails: [{value: three@a}] > two@a; needs [2]
    5 Update hr/4 [Mover] id=u4 manager: nothing > → hr/5; needs [3]
    ");
}

#[test]
fn in_a_circle_one_steps_aside() {
    let scene = mails()
        .record("hr", json!({"id": "1", "login": "ada", "mail": "two@a"}))
        .record("hr", json!({"id": "2", "login": "bob", "mail": "one@a"}))
        .record("hr", json!({"id": "3", "login": "di", "mail": "three@a"}))
        .record("hr", json!({"id": "4", "login": "cy", "mail": "four@a"}))
        .account(row("u1", "hr/1", "ada", "one@a"))
        .account(row("u2", "hr/2", "bob", "two@a"))
        .account(row("u3", "hr/3", "cy", "three@a"))
        .account(row("u4", "hr/4", "di", "four@a"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/1 [Mover] id=u1 emails: [{value: one@a}] > nothing;
    1 Update hr/2 [Mover] id=u2 emails: [{value: two@a}] > one@a; needs [0]
    2 Update hr/1 [Mover] id=u1 emails: nothing > two@a; needs [1]
    3 Update hr/3 [Mover] id=u3 userName: cy > moving-cy; risks [SignIn]
    4 Update hr/4 [Mover] id=u4 userName: di > cy; needs [3] risks [SignIn]
    5 Update hr/3 [Mover] id=u3 userName: moving-cy > di; needs [4] risks [SignIn]
    (Note HandedOn) hr/1: its emails is handed on and another comes in a circle, so it is set aside for a moment
    (Note HandedOn) hr/3: its userName is handed on and another comes in a circle, so it is set aside for a moment
    ");
}

#[test]
fn what_a_target_does_not_want_unique_is_changed_as_it_comes() {
    let scene = mails()
        .able(|can| can.unique_account_attributes = Some(["userName".into()].into()))
        .record("hr", json!({"id": "1", "login": "ada", "mail": "two@a"}))
        .record("hr", json!({"id": "2", "login": "bob", "mail": "one@a"}))
        .account(row("u1", "hr/1", "ada", "one@a"))
        .account(row("u2", "hr/2", "bob", "two@a"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/1 [Mover] id=u1 emails: [{value: one@a}] > two@a;
    1 Update hr/2 [Mover] id=u2 emails: [{value: two@a}] > one@a;
    ");
}

#[test]
fn a_name_whose_holder_keeps_it_is_taken() {
    let scene = mails()
        .record("hr", json!({"id": "1", "login": "bob", "mail": "one@a"}))
        .record("hr", json!({"id": "2", "login": "bob", "mail": "two@a"}))
        .record("hr", json!({"id": "3", "login": "cy", "mail": "three@a"}))
        .record("hr", json!({"id": "4", "login": "cy", "mail": "four@a"}))
        .account(row("u1", "hr/1", "ada", "one@a"))
        .account(row("u2", "hr/2", "bob", "two@a"))
        .account(row("u3", "hr/3", "di", "three@a"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/3 [Mover] id=u3 userName: di > cy; risks [SignIn]
    (Error NameTaken) hr/1: the account of hr/2 has the userName bob, so the old one stays
    (Error NameTaken) hr/4: hr/3 gets the userName cy, so none is made
    ");
}

#[test]
fn a_chain_of_names_runs_from_its_end() {
    // Their addresses stay, so they are who they were.
    let mut scene = mails();
    for at in 1..=9 {
        let (id, key, mail) = (format!("u{at}"), format!("hr/{at}"), format!("p{at}@a"));
        let record = json!({"id": at.to_string(), "login": format!("n{}", at + 1), "mail": mail});
        scene = scene.record("hr", record).account(row(&id, &key, &format!("n{at}"), &mail));
    }
    let plan = scene.plan();
    let renamed: Vec<_> = plan.changes.iter().map(|change| change.object.key.as_ref()).collect();
    assert_eq!(renamed, ["hr/9", "hr/8", "hr/7", "hr/6", "hr/5", "hr/4", "hr/3", "hr/2", "hr/1"]);
    assert!(plan.changes[1..].iter().enumerate().all(|(at, change)| change.needs == [crate::model::ChangeId(at as u32)]));
}

#[test]
fn groups_hand_their_names_on_too() {
    let named = |name: &str, shown: &str| group(name, "").replace(&format!("displayName: {name}"), &format!("displayName: {shown}"));
    let scene =
        Scene::new(&[target("  groups: {}\n"), named("one", "Two"), named("two", "One"), named("three", "Four"), named("four", "New")])
            .marked_group("g1", "group/one", "One")
            .marked_group("g2", "group/two", "Two")
            .marked_group("g3", "group/three", "Three")
            .marked_group("g4", "group/four", "Four");
    assert_snapshot!(scene.told(), @"
    0 Update group/four [Declared] id=g4 displayName: Four > New;
    1 Update group/three [Declared] id=g3 displayName: Three > Four; needs [0]
    2 Update group/one [Declared] id=g1 displayName: One > moving-One;
    3 Update group/two [Declared] id=g2 displayName: Two > One; needs [2]
    4 Update group/one [Declared] id=g1 displayName: moving-One > Two; needs [3]
    (Note HandedOn) group/one: its displayName is handed on and another comes in a circle, so it is set aside for a moment
    ");
}

#[test]
fn an_account_is_deactivated_before_it_is_deleted_and_let_go_of_by_ours() {
    let rest = "  leaver: {action: delete}\n  guardrails: {delete: {count: 9}, leavers: {count: 9}}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .record("hr", json!({"id": "2", "login": "bob", "boss": "1"}))
        .record("hr", json!({"id": "3", "login": "cy", "boss": "2"}))
        .record("hr", json!({"id": "4", "login": "di", "boss": "1", "title": "Boss"}))
        .record("hr", json!({"id": "5", "login": "ed", "boss": "1"}))
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "bob", "manager": "u1", "externalId": "hc:acme:hr:2"}))
        .account(json!({"id": "u3", "userName": "cy", "manager": "u1", "externalId": "hc:acme:hr:3"}))
        .account(json!({"id": "u4", "userName": "di", "manager": "u1", "externalId": "hc:acme:hr:4"}));
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Create hr/5 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:5; userName: nothing > ed;
    2 Update hr/2 [Mover] id=u2 manager: → hr/1 > nothing;
    3 Update hr/3 [Mover] id=u3 manager: → hr/1 > → hr/2;
    4 Update hr/4 [Mover] id=u4 manager: → hr/1 > nothing; title: nothing > Boss;
    5 Delete hr/1 [Leaver] id=u1 risks [SignIn, Irreversible]
    (Warning UnresolvedReference) hr/5: manager is hr/1, who has no account here; it is left out
    ");
}
