//! Who there is: Users, several sources, scopes, and planning for some only.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, source, target};
use crate::model::ObjectKind;

fn user(name: &str, spec: &str) -> String {
    format!("kind: User\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

#[test]
fn users_stand_alone_override_and_exclude() {
    let documents = [
        source("hr", ""),
        target(""),
        user("bot", "{attributes: {userName: bot, manager: hr/1}}"),
        user("temp", "{attributes: {userName: temp, endDate: 2026-11-21}}"),
        user("ada", "{overrides: {source: hr, key: '1'}, attributes: {title: Chief}}"),
        user("bob", "{overrides: {source: hr, key: '2'}, exclude: true}"),
        user("ghost", "{overrides: {source: hr, key: '404'}, attributes: {title: Chief}}"),
    ];
    let scene = Scene::new(&documents)
        .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
        .person("2", "bob")
        .marked("u1", "hr/1", "ada")
        .marked("u2", "hr/2", "bob")
        .marked("u3", "user/temp", "temp");
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/2 [Deselected] id=u2 active: true > false; risks [SignIn]
    1 Deactivate user/temp [Leaver] id=u3 active: true > false; risks [SignIn]
    2 Create user/bot [Joiner] active: nothing > true; externalId: nothing > hc:acme:user:bot; manager: nothing > → hr/1; userName: nothing > bot;
    3 Update hr/1 [Mover] id=u1 title: nothing > Chief;
    (Warning Deselection) hr/2: no longer covered by a select, a scope or a lifecycle, so the account goes
    (Warning UnknownMember) hr/404 is overridden, but no source has it
    "###);
}

#[test]
fn a_second_source_adds_what_it_knows_and_makes_nobody_exist() {
    let hr = source("hr", "  establishes: true\n  precedence: 10\n");
    let documents = [hr, source("ldap", "  establishes: false\n  precedence: 5\n  correlate: [userName]\n"), target("")];
    let scene = Scene::new(&documents)
        .person("1", "ada")
        .record("hr", json!({"id": "2", "login": "bob", "title": null}))
        .person("3", "cy")
        .record("ldap", json!({"id": "a", "login": "ADA", "title": "From the directory"}))
        .record("ldap", json!({"id": "b", "login": "bob", "title": "From the directory"}))
        .record("ldap", json!({"id": "c", "login": "nobody", "title": "From the directory"}))
        .record("ldap", json!({"id": "d", "login": "cy", "title": "One"}))
        .record("ldap", json!({"id": "e", "login": "cy", "title": "Two"}));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; title: nothing > From the directory; userName: nothing > ada;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    (Error AmbiguousCorrelation) hr/3: ldap/d and ldap/e have the same userName, so which is theirs can't be told
    (Error ExpressionFailed) hr/3: its startDate is not known, so nothing is changed for it
    "###);
}

#[test]
fn what_a_source_that_was_cut_off_may_know_is_unknown() {
    let hr = source("hr", "  establishes: true\n  precedence: 5\n");
    let documents = [hr, source("ldap", "  establishes: false\n  precedence: 10\n  correlate: [userName]\n"), target("")];
    let scene = Scene::new(&documents)
        .record("hr", json!({"id": "1", "login": "ada", "title": "From HR"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "From HR"}))
        .record("ldap", json!({"id": "b", "login": "bob", "title": "From the directory"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Kept", "externalId": "hc:acme:hr:1"}))
        .account(json!({"id": "u2", "userName": "bob", "title": "Kept", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.clone().told(), @r###"
    0 Update hr/1 [Mover] id=u1 title: Kept > From HR;
    1 Update hr/2 [Mover] id=u2 title: Kept > From the directory;
    "###);
    assert_snapshot!(scene.partial("ldap").told(), @r###"
    0 Update hr/2 [Mover] id=u2 title: Kept > From the directory;
    (Incomplete IncompleteRead) ldap: the connection was cut; what it may say is not known
    (Error ExpressionFailed) hr/1: its startDate is not known, so nothing is changed for it
    "###);
}

#[test]
fn a_scope_or_a_select_that_no_longer_covers_somebody_is_told_apart() {
    let hr = source("hr", "  scope: {filter: 'record.id != \"2\"'}\n");
    let scene = Scene::new(&[hr, target("  select: 'identity.title == \"Boss\"'\n")])
        .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "Boss"}))
        .record("hr", json!({"id": "3", "login": "cy", "title": "Clerk"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Boss", "externalId": "hc:acme:hr:1"}))
        .marked("u2", "hr/2", "bob")
        .marked("u3", "hr/3", "cy");
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/2 [Deselected] id=u2 active: true > false; risks [SignIn]
    1 Deactivate hr/3 [Deselected] id=u3 active: true > false; risks [SignIn]
    (Warning Deselection) hr/2, hr/3: no longer covered by a select, a scope or a lifecycle, so the account goes
    "###);
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let scene = Scene::simple().person("1", "ada").person("2", "bob").marked("u9", "hr/9", "zoe");
    let bytes = |scene: &Scene| serde_json::to_string(&scene.plan()).unwrap();
    assert_eq!(bytes(&scene), bytes(&scene));
    assert_eq!(bytes(&scene), bytes(&scene.clone().reversed()));
}

#[test]
fn an_account_that_was_merely_found_is_nobodys_manager() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "boss": "2"}))
        .record("hr", json!({"id": "2", "login": "bob", "start": "2099-01-01"}))
        .account(json!({"id": "u2", "userName": "bob"}));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    (Warning UnresolvedReference) hr/1: manager is hr/2, who has no account here; it is left out
    "###);
}

#[test]
fn an_account_goes_back_with_a_rename_of_its_user_but_to_nobody_else_while_the_other_is_there() {
    let user = |name: &str| format!("kind: User\nmetadata: {{name: {name}}}\nspec: {{attributes: {{userName: {name}}}}}\n");
    let carried = |documents: &[String]| {
        let mut scene = Scene::new(documents)
            .able(|can| can.account_marker = None)
            .link(ObjectKind::Account, "user/joan", "u1")
            .but(|link| link.name = Some("svc".into()));
        let at = scene.moment.now;
        scene.memory.formers.push(crate::model::FormerLink {
            target: "chat".into(),
            kind: ObjectKind::Account,
            key: "user/jane".into(),
            id: "u1".into(),
            at,
        });
        scene.account(json!({"id": "u1", "userName": "svc"}))
    };
    let back = carried(&[source("hr", ""), target(""), user("jane")]);
    assert_snapshot!(back.told(), @"0 Update user/jane [Mover] id=u1 userName: svc > jane; risks [SignIn]");
    let keys: Vec<_> = crate::planning::carried_links(&back.policy, &back.world(), back.moment).into_iter().map(|link| link.key).collect();
    assert_eq!(keys, ["user/jane".into()]);
    assert_snapshot!(carried(&[source("hr", ""), target(""), user("jane"), user("joan")]).told(), @r"
    0 Create user/jane [Joiner] active: nothing > true; userName: nothing > jane;
    1 Update user/joan [Mover] id=u1 userName: svc > joan; risks [SignIn]
    ");
}
