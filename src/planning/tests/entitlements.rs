//! Stories about entitlements: who gets what, with which parameters, and who loses it.

use insta::assert_snapshot;
use serde_json::json;

use crate::planning::testing::{Scene, entitlement, source, target};

fn scene(rest: &str) -> Scene {
    Scene::new(&[source("hr", ""), target(""), entitlement("card", rest)])
}

fn titled(scene: Scene, key: &str, login: &str, title: &str) -> Scene {
    scene.record("hr", json!({"id": key, "login": login, "title": title}))
}

/// A person of `hr` with an account and that title.
fn here(scene: Scene, key: &str, title: &str) -> Scene {
    titled(scene, key, &format!("p{key}"), title)
        .account(json!({"id": format!("a{key}"), "userName": format!("p{key}"), "title": title, "externalId": format!("hc:acme:hr/{key}")}))
}

/// A card for everybody but guests, its limit by title.
const LIMIT: &str = "  entitlement: travel-card\n  when: identity.title != \"Guest\"\n  parameters: {limit: 'identity.title == \"Engineer\" ? 500 : 2000', region: '\"EU\"'}\n";

#[test]
fn a_rule_gives_changes_and_takes() {
    let scene = here(here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead"), "3", "Guest");
    let scene = titled(scene, "4", "p4", "Engineer");
    let scene =
        scene.entitled("a2", "travel-card", json!({"limit": 500, "region": "EU"})).entitled("a3", "travel-card", json!({"limit": 500}));
    assert_snapshot!(scene.told(), @r#"
    0 RemoveEntitlement hr/3 [Mover] id=a3 "travel-card"
    1 Create hr/4 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr/4; title: nothing > Engineer; userName: nothing > p4;
    2 AddEntitlement hr/1 [Mover] id=a1 "travel-card" limit: nothing > 500; region: nothing > EU;
    3 UpdateEntitlement hr/2 [Mover] id=a2 "travel-card" limit: 500 > 2000;
    4 AddEntitlement hr/4 [Joiner] "travel-card" limit: nothing > 500; region: nothing > EU; needs [1]
    "#);
}

#[test]
fn what_is_right_stays_as_it_is() {
    let scene = here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead");
    let scene = scene.entitled("a1", "travel-card", json!({"limit": "500", "region": "EU"}));
    assert_snapshot!(scene.entitled("a2", "travel-card", json!({"limit": 2000, "region": "EU"})).told(), @"nothing");
}
