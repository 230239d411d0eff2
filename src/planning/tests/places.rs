//! Names of entries in a directory that are taken where somebody goes.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, mark, names, source, target};

/// A directory in which people stand below what their title says. Nobody of ours names entries: new ones are called by the login, and others keep their name.
fn company(more: &str) -> Scene {
    let rules = "    - {attribute: userName, value: identity.userName}\n    - {attribute: container, value: identity.title}\n";
    Scene::new(&[source("hr", ""), target(&format!("  mapping:\n    defaults: none\n    rules:\n{rules}{more}"))])
        .able(|able| able.entry_names = Some(names("userName", "cn", &[("samaccountname", "userName")])))
}

fn stands(scene: Scene, key: &str, login: &str, (container, rdn): (&str, &str)) -> Scene {
    let id = format!("u{key}");
    scene.account(json!({"id": id, "userName": login, "externalId": mark(&format!("hr/{key}")), "container": container, "rdn": rdn}))
}

fn works(scene: Scene, key: &str, login: &str, container: &str) -> Scene {
    scene.record("hr", json!({"id": key, "login": login, "title": container}))
}

#[test]
fn whoever_would_go_where_the_name_is_taken_stays_and_everything_else_is_written() {
    let scene = works(works(company(""), "1", "ann", "OU=Sales"), "2", "ann.lee", "OU=Sales");
    let scene = stands(stands(scene, "1", "ann", ("OU=Sales", "CN=Ann Lee")), "2", "ann2", ("OU=Eng", "cn=ann lee"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/2 [Mover] id=u2 userName: ann2 > ann.lee; risks [SignIn]
    (Error NameTaken) hr/2: the account of hr/1 is called cn=ann lee in OU=Sales, so the account keeps its name and place
    ");
}

#[test]
fn leavers_of_one_name_are_no_error_of_every_day() {
    let leaves = "  leaver: {action: deactivate, set: {container: OU=Leavers}}\n";
    let left = |scene: Scene, key: &str, login: &str| scene.record("hr", json!({"id": key, "login": login, "left": true}));
    let scene = left(left(company(leaves), "1", "ann"), "2", "ann2");
    let scene = stands(stands(scene, "1", "ann", ("OU=Sales", "CN=Ann Lee")), "2", "ann2", ("OU=Eng", "CN=Ann Lee"));
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; container: OU=Sales > OU=Leavers; risks [SignIn]
    1 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn]
    (Warning NameTaken) hr/2: hr/1 gets to be called CN=Ann Lee in OU=Leavers, so the account keeps its name and place
    ");
}

#[test]
fn two_who_change_places_go_through_a_name_for_the_time_being() {
    let scene = works(works(company(""), "1", "ann", "OU=Eng"), "2", "ann2", "OU=Sales");
    let scene = stands(stands(scene, "1", "ann", ("OU=Sales", "CN=Ann Lee")), "2", "ann2", ("OU=Eng", "CN=Ann Lee"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/1 [Mover] id=u1 rdn: CN=Ann Lee > CN=moving-Ann Lee;
    1 Update hr/2 [Mover] id=u2 container: OU=Eng > OU=Sales; needs [0]
    2 Update hr/1 [Mover] id=u1 container: OU=Sales > OU=Eng; rdn: CN=moving-Ann Lee > CN=Ann Lee; needs [1]
    (Note HandedOn) hr/1: its entry's name is handed on and another comes in a circle, so it is set aside for a moment
    ");
}

#[test]
fn whoever_comes_in_waits_for_whoever_goes_out() {
    let scene = works(works(company(""), "1", "ann", "OU=Sales"), "2", "ann2", "OU=Legal");
    let scene = stands(stands(scene, "1", "ann", ("OU=Eng", "CN=Ann Lee")), "2", "ann2", ("OU=Sales", "CN=Ann Lee"));
    assert_snapshot!(scene.told(), @"
    0 Update hr/2 [Mover] id=u2 container: OU=Sales > OU=Legal;
    1 Update hr/1 [Mover] id=u1 container: OU=Eng > OU=Sales; needs [0]
    ");
}

#[test]
fn a_new_account_waits_for_a_name_that_somebody_is_called_there() {
    let scene = works(company(""), "1", "ann", "OU=Sales");
    let scene = scene.account(json!({"id": "x", "userName": "other", "container": "OU=Sales", "rdn": "CN=Ann"}));
    assert_snapshot!(works(scene.clone(), "2", "bob", "OU=Sales").told(), @"
    0 Create hr/2 [Joiner] active: nothing > true; container: nothing > OU=Sales; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    (Error NameTaken) hr/1: an account that belongs to nobody (other) is called cn=ann in OU=Sales, so no account is made
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
    let scene =
        works(company(""), "1", "ann", "OU=Eng").account(json!({"id": "x", "userName": "o", "container": "OU=Sales", "rdn": "CN=Ann"}));
    assert!(!scene.told().contains("NameTaken"), "it is taken elsewhere alone");
}

#[test]
fn of_two_who_are_to_be_called_alike_one_is() {
    let maps = "  mapping:\n    rules:\n    - {attribute: displayName, value: identity.title}\n";
    let scene = Scene::new(&[source("hr", ""), target(maps)]);
    let scene = scene.able(|able| able.entry_names = Some(names("displayName", "cn", &[("cn", "displayName")])));
    let scene = works(works(scene, "1", "ann", "Ann Lee"), "2", "ann2", "Ann Lee");
    let scene = scene.account(json!({"id": "u2", "userName": "ann2", "externalId": mark("hr/2"), "displayName": "Old", "rdn": "cn=Old"}));
    assert_snapshot!(scene.told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; displayName: nothing > Ann Lee; externalId: nothing > hc:acme:hr:1; title: nothing > Ann Lee; userName: nothing > ann;
    1 Update hr/2 [Mover] id=u2 title: nothing > Ann Lee;
    (Error NameTaken) hr/2: hr/1 gets to be called cn=Ann Lee right below the base, so the account keeps its name and place
    ");
}

#[test]
fn a_name_that_follows_the_login_stays_where_another_has_it() {
    let scene = works(works(company(""), "1", "ann", "OU=Sales"), "2", "bea", "OU=Sales");
    let scene = stands(stands(scene, "1", "anna", ("OU=Sales", "CN=anna")), "2", "bea", ("OU=Sales", "CN=ann"));
    assert_snapshot!(scene.told(), @"0 Update hr/1 [Mover] id=u1 userName: anna > ann; risks [SignIn]");
}
