//! The rules of planning, each as a small story.

use insta::assert_snapshot;
use serde_json::json;

use super::testing::{Scene, group, source, target};
use crate::model::{Evidence, ObjectKind};

#[test]
fn a_joiner_gets_an_account_and_nothing_is_left_afterwards() {
    let scene = Scene::simple().record("hr", json!({"id": "1", "login": "ada", "title": "Engineer"}));
    assert_snapshot!(scene.told(), @"");
    let after = scene.account(json!({"id": "u1", "userName": "ADA", "title": "Engineer", "externalId": "hc:acme:hr/1"}));
    assert_snapshot!(after.told(), @"");
}

#[test]
fn a_mover_changes_and_clears_and_leaves_what_nobody_manages() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "title": null}))
        .record("hr", json!({"id": "2", "login": "bob"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Boss", "externalId": "hc:acme:hr/1"}))
        .account(json!({"id": "u2", "userName": "robert", "title": "Kept", "externalId": "hc:acme:hr/2"}));
    assert_snapshot!(scene.told(), @"");
}

#[test]
fn leavers_suspended_and_absent_lose_their_accounts_and_strangers_do_not() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .record("hr", json!({"id": "2", "login": "bob", "leave": true}))
        .record("hr", json!({"id": "3", "login": "cy", "end": "2026-11-21"}))
        .record("hr", json!({"id": "4", "login": "di", "end": "2026-11-22"}))
        .record("hr", json!({"id": "5", "login": "ed", "start": "2026-11-23"}))
        .marked("u1", "hr/1", "ada")
        .marked("u2", "hr/2", "bob")
        .marked("u3", "hr/3", "cy")
        .marked("u4", "hr/4", "di")
        .marked("u6", "hr/6", "fay")
        .account(json!({"id": "u7", "userName": "stranger"}));
    assert_snapshot!(scene.told(), @"");
}
