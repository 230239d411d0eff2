//! A record names another by an attribute, such as its manager by the address: just where one alone has it.

use serde_json::json;

use super::super::testing::{Scene, mark, source, target};

/// Managers by the address.
fn hr() -> String {
    source("hr", "").replace("value: record.boss", "value: record.boss, by: emails")
        + "    - {attribute: emails, value: lower(record.mail)}\n"
}

fn scene() -> Scene {
    let person = |id: &str, mail: &str, boss: &str| json!({"id": id, "login": format!("p{id}"), "mail": mail, "boss": boss});
    Scene::new(&[hr(), target("  mapping: {rules: [{attribute: manager, value: identity.manager}]}")])
        .record("hr", person("1", "Ada@acme.example", ""))
        .record("hr", person("2", "bob@acme.example", "ada@acme.example"))
        .record("hr", person("3", "bob@acme.example", "nobody@acme.example"))
        .record("hr", person("4", "dan@acme.example", "bob@acme.example"))
        .marked("u1", "hr/1", "p1")
        .marked("u2", "hr/2", "p2")
        .marked("u3", "hr/3", "p3")
        .marked("u4", "hr/4", "p4")
}

#[test]
fn one_record_with_the_address_is_the_manager_and_none_or_several_are_nobody() {
    insta::assert_snapshot!(scene().told(), @"
    0 Update hr/2 [Mover] id=u2 manager: nothing > → hr/1;
    (Warning UnresolvedReference) hr/3: manager is not known: no record of hr has the emails that it names; what is there stays
    (Warning UnresolvedReference) hr/4: manager is not known: several records of hr have the emails that it names; what is there stays
    ");
}

#[test]
fn while_the_source_was_not_read_to_its_end_nobody_is_named() {
    insta::assert_snapshot!(scene().partial("hr").told(), @"(Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone");
}

#[test]
fn what_is_there_stays_where_nobody_is_named() {
    let scene = scene().account(json!({"id": "u5", "userName": "p5", "manager": "u1", "externalId": mark("hr/5")}));
    let scene = scene.record("hr", json!({"id": "5", "login": "p5", "mail": "eve@acme.example", "boss": "gone@acme.example"}));
    assert!(!scene.told().contains("manager: hr/1 >"), "{}", scene.told());
}
