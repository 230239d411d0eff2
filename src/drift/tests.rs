//! What of a plan's findings is drift.

use insta::assert_snapshot;
use serde_json::json;

use super::compare;
use crate::model::ObjectKind::Account;
use crate::planning::left_behind;
use crate::planning::testing::{Scene, mark};

#[test]
fn whoever_was_moved_or_locked_out_is_named_however_many_there_are() {
    let mut scene = Scene::simple().able(|able| able.finds_elsewhere = true);
    for (key, login) in [("1", "ada"), ("2", "bob")] {
        let id = format!("u{key}");
        scene = scene.person(key, login).link(Account, &format!("hr/{key}"), &id).but(|link| link.name = Some(login.into()));
        scene =
            scene.hidden(Account, json!({"id": id, "userName": login, "active": true, "$elsewhere": format!("uid={login},ou=out,dc=x")}));
    }
    for (key, login) in [("3", "cy"), ("4", "di"), ("5", "ed")] {
        let (id, whose) = (format!("u{key}"), format!("hr/{key}"));
        let account = json!({"id": id, "userName": login, "externalId": mark(&whose), "active": key == "5"});
        scene = scene.person(key, login).account(account).link(Account, &whose, &id);
    }
    let world = scene.world();
    let left = left_behind(&scene.policy, &world, scene.moment);
    let drifted = compare(&scene.policy, &world, &scene.plan(), &left.all, &left);
    let told: Vec<String> = drifted.drifts.iter().map(|drift| format!("{} {} {}", drift.what.word(), drift.key, drift.name)).collect();
    assert_snapshot!(told.join("\n"), @"
    lost-sign-in hr/3 hr/3
    lost-sign-in hr/4 hr/4
    account-moved hr/1 ada
    account-moved hr/2 bob
    ");
}
