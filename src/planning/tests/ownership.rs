//! Correlation, marks, adoption, and what each ownership allows.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, source, target, tell};
use crate::model::ObjectKind;

#[test]
fn an_account_found_by_a_name_is_adopted_with_everything_that_changes() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
        .record("hr", json!({"id": "2", "login": "bob", "left": true}))
        .account(json!({"id": "u1", "userName": "Ada", "title": "Chief"}))
        .account(json!({"id": "u2", "userName": "bob"}));
    assert_snapshot!(scene.told(), @r"
    0 Adopt hr/1 [Joiner] id=u1 externalId: nothing > hc:acme:hr:1; title: Chief > Boss; risks [Adoption]
    (Error OwnershipUnproven) hr/2: has left, and an active account looks like theirs (id u2), but nothing proves that it is headcount's; left as it is
    ");
}

#[test]
fn a_link_alone_proves_ownership_and_the_mark_is_set_again() {
    let scene = Scene::simple()
        .person("1", "ada")
        .person("2", "bob")
        .account(json!({"id": "u1", "userName": "ada"}))
        .account(json!({"id": "u2", "userName": "bob"}))
        .link(ObjectKind::Account, "hr/1", "u1")
        .able(|able| able.account_marker = None);
    assert_snapshot!(scene.told(), @"0 Adopt hr/2 [Joiner] id=u2 risks [Adoption]");
    assert_snapshot!(scene.able(|able| able.account_marker = Some("externalId".into())).told(), @r###"
    0 Update hr/1 [Mover] id=u1 externalId: nothing > hc:acme:hr:1;
    1 Adopt hr/2 [Joiner] id=u2 externalId: nothing > hc:acme:hr:2; risks [Adoption]
    (Warning ChangedElsewhere) hr/1: its account, ours by the state, has no mark of headcount; if somebody removed it, they should know that it is set again
    "###);
}

#[test]
fn two_hits_and_two_claimants_block_those_and_no_others() {
    let scene = Scene::new(&[source("hr", ""), target("  correlate: [title, userName]\n")])
        .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "Chief"}))
        .record("hr", json!({"id": "3", "login": "cy", "title": "Head"}))
        .record("hr", json!({"id": "4", "login": "cy", "title": "Other"}))
        .record("hr", json!({"id": "5", "login": "di", "title": "None"}))
        .account(json!({"id": "u1", "userName": "ada"}))
        .account(json!({"id": "u2", "userName": "ada2", "title": "Boss"}))
        .account(json!({"id": "u3", "userName": "bob2", "title": "Chief"}))
        .account(json!({"id": "u4", "userName": "bob3", "title": "Chief"}))
        .account(json!({"id": "u5", "userName": "cy"}))
        .account(json!({"id": "u6", "userName": "di"}));
    assert_snapshot!(scene.told(), @r###"
    0 Adopt hr/5 [Joiner] id=u6 externalId: nothing > hc:acme:hr:5; title: nothing > None; risks [Adoption]
    (Error AmbiguousCorrelation) hr/1: its attributes lead to different accounts (u1, u2)
    (Error AmbiguousCorrelation) hr/2: several accounts have its title (u3, u4)
    (Error DuplicateKey) hr/3, hr/4 claim one account, so none of them gets it (u5)
    "###);
}

#[test]
fn links_and_marks_that_disagree_block() {
    let scene = Scene::simple()
        .person("1", "ada")
        .person("2", "bob")
        .person("3", "cy")
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "ada2"}))
        .marked("u3", "hr/2", "bob")
        .marked("u4", "hr/2", "bob2")
        .link(ObjectKind::Account, "hr/1", "u2")
        .link(ObjectKind::Account, "hr/3", "u1");
    assert_snapshot!(scene.told(), @r###"
    (Error AmbiguousCorrelation) hr/1: its link and its marker lead to several accounts (u1, u2)
    (Error AmbiguousCorrelation) hr/2: its link and its marker lead to several accounts (u3, u4)
    (Error AmbiguousCorrelation) hr/3: its link leads to an account with somebody else's marker (u1)
    "###);
}

#[test]
fn an_account_to_which_somebodys_link_leads_does_not_go_with_the_owner_of_its_mark() {
    let scene = |rest: &str| {
        let absent = Scene::new(&[source("hr", ""), target(rest)]).person("2", "bob").marked("u2", "hr/2", "bob");
        absent.marked("u1", "hr/1", "ada")
    };
    for rest in ["", "  ownership: authoritative\n"] {
        assert!(scene(rest).told().contains("Deactivate hr/1"), "{}", scene(rest).told());
        // Whoever was carried over to another key, and back again before the mark was renewed.
        let linked = scene(rest).link(ObjectKind::Account, "hr/2", "u2");
        let carried = linked.person("6", "ada").link(ObjectKind::Account, "hr/6", "u1");
        assert_eq!(carried.plan().changes.len(), 0, "{}", carried.told());
        assert!(
            carried.told().contains("(Error AmbiguousCorrelation) hr/6: its link leads to an account with somebody else's marker (u1)")
        );
        let called = carried.but(|link| link.name = Some("ada".into()));
        assert!(!called.told().contains("Deactivate"), "{}", called.told());
        assert!(called.told().contains("Update hr/6 [Mover] id=u1 externalId: hc:acme:hr:1 > hc:acme:hr:6"), "{}", called.told());
    }
}

/// Whoever may write the mark's attribute of their own account writes somebody else's mark: the state says whose it is, and so does who made it.
#[test]
fn a_mark_that_somebody_wrote_by_hand_gives_nobody_an_account() {
    let forged =
        |id: &str, login: &str, key: &str| json!({"id": id, "userName": login, "externalId": format!("hc:acme:hr:{key}"), "active": true});
    let scene = |rest: &str| {
        let scene = Scene::new(&[source("hr", ""), target(rest)]).person("1", "ada").person("2", "bob");
        let named = |name: &'static str| move |link: &mut crate::model::Link| link.name = Some(name.into());
        let scene = scene.marked("u1", "hr/1", "ada").link(ObjectKind::Account, "hr/1", "u1").but(named("ada"));
        scene.link(ObjectKind::Account, "hr/2", "u2").but(named("bob"))
    };
    // That of somebody who has an account, and of somebody who has none yet: bob keeps his own, and the mark is put right.
    for key in ["1", "9"] {
        let scene = scene("").person("9", "new").account(forged("u2", "bob", key));
        let plan = scene.told();
        assert!(plan.contains("Update hr/2 [Mover] id=u2 externalId"), "{plan}");
        assert!(!plan.contains("hr/1 [") && !plan.contains("id=u2 userName"), "{plan}");
        assert_eq!(plan.contains("(Error AmbiguousCorrelation) hr/9"), key == "9", "{plan}");
    }
    // An account that is nobody's is taken over, and nothing less.
    let stranger = scene("").person("9", "new").marked("u2", "hr/2", "bob").account(forged("u7", "mallory", "9"));
    assert!(stranger.told().contains("Adopt hr/9"), "{}", stranger.told());
    // Without a state a mark is all there is.
    let lost = scene("").person("9", "new").marked("u2", "hr/2", "bob").account(forged("u7", "mallory", "9")).forgetful();
    assert!(lost.told().contains("Update hr/9"), "{}", lost.told());
}

/// Whoever gives another account the mark of somebody who has one holds nobody, and gets nothing.
#[test]
fn a_second_account_with_somebodys_mark_holds_nobody() {
    let named = |name: &'static str| move |link: &mut crate::model::Link| link.name = Some(name.into());
    let scene = |left: bool| {
        let scene = Scene::simple().record("hr", json!({"id": "1", "login": "ada", "title": "Boss", "left": left})).person("2", "bob");
        scene.marked("u1", "hr/1", "ada").link(ObjectKind::Account, "hr/1", "u1").but(named("ada")).marked("u7", "hr/1", "mallory")
    };
    assert_snapshot!(scene(false).told(), @r"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    1 Update hr/1 [Mover] id=u1 title: nothing > Boss;
    (Warning AmbiguousCorrelation) hr/1: another account carries their mark, though headcount has theirs by another id; nothing is given to it (u7)
    ");
    assert_snapshot!(scene(true).told(), @r"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Leaver] id=u7 active: true > false; risks [SignIn]
    2 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    (Warning AmbiguousCorrelation) hr/1: another account carries their mark, though headcount has theirs by another id; nothing is given to it (u7)
    ");
    // Nobody knows which of two is right after a run that was cut off.
    let mut cut = scene(false);
    cut.memory.unheard.push(crate::model::Unheard {
        target: "chat".into(),
        guardrail: crate::model::Guardrail::Create,
        key: "hr/1".into(),
        at: cut.memory.links[0].at,
    });
    assert!(cut.told().contains("lead to several accounts (u1, u7)"), "{}", cut.told());
}

#[test]
fn foreign_marks_are_never_overwritten() {
    let scene = Scene::simple()
        .person("1", "ada")
        .person("2", "bob")
        .person("3", "cy")
        .account(json!({"id": "u1", "userName": "ada", "externalId": "okta-7"}))
        .account(json!({"id": "u2", "userName": "bob", "externalId": "hc:other:hr:2"}))
        .account(json!({"id": "u3", "userName": "cy", "externalId": "okta-8"}))
        .link(ObjectKind::Account, "hr/3", "u3");
    assert_snapshot!(scene.told(), @r###"
    (Error ForeignOwner) hr/1, hr/2: the account found by userName carries a foreign mark, which is never overwritten
    (Error ForeignOwner) hr/3: its account carries a foreign mark, which is never overwritten (u3)
    "###);
}

#[test]
fn an_external_id_that_a_rule_maps_proves_by_value() {
    let rest = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: externalId, value: identity.title}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .record("hr", json!({"id": "1", "login": "ada", "title": "E1"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "E2"}))
        .record("hr", json!({"id": "3", "login": "cy", "title": "E3"}))
        .account(json!({"id": "u1", "userName": "ada.old", "externalId": "E1", "active": false}))
        .account(json!({"id": "u2", "userName": "bob", "externalId": "E99"}))
        .account(json!({"id": "u3", "userName": "cy"}));
    assert_snapshot!(scene.told(), @r###"
    0 Adopt hr/1 [Joiner] id=u1 userName: ada.old > ada; risks [SignIn, Adoption]
    1 Adopt hr/3 [Joiner] id=u3 externalId: nothing > E3; risks [Adoption]
    (Error ForeignOwner) hr/2: the account found by userName carries a foreign mark, which is never overwritten
    (Warning DeactivatedElsewhere) hr/1: deactivated, and not by headcount as far as it remembers; stays so
    "###);
}

#[test]
fn a_former_holders_account_is_not_handed_to_a_namesake() {
    let scene = Scene::simple().person("2", "jo").account(json!({"id": "u1", "userName": "jo", "active": false}));
    assert_snapshot!(scene.told(), @r###"
    (Error NameTaken) hr/2: an account of somebody else has the userName jo, so none is made
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
}

#[test]
fn observe_changes_nothing_and_counts() {
    let scene = Scene::new(&[source("hr", ""), target("  ownership: observe\n")])
        .person("1", "ada")
        .record("hr", json!({"id": "2", "login": "bob", "left": true}))
        .marked("u2", "hr/2", "bob");
    assert_snapshot!(scene.told(), @"(Note OwnershipUnproven) chat: 2 accounts differ from what is declared; they are only observed");
}

#[test]
fn additive_never_removes() {
    let scene = Scene::new(&[source("hr", ""), target("  ownership: additive\n")])
        .person("1", "ada")
        .record("hr", json!({"id": "2", "login": "bob", "left": true}))
        .marked("u2", "hr/2", "bob")
        .marked("u3", "hr/3", "cy");
    assert_snapshot!(scene.told(), @"0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;");
}

#[test]
fn a_first_run_shows_and_does_what_the_second_would() {
    let documents = [source("hr", ""), target("  ownership: authoritative\n")];
    let scene = Scene::new(&documents).person("1", "ada").account(json!({"id": "a9", "userName": "stranger", "active": true})).forgetful();
    assert_snapshot!(scene.told(), @r"
    0 Deactivate id:a9 [Pruned] id=a9 active: true > false; risks [SignIn]
    1 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    ");
    // A mark without a state is a state that was lost: nobody goes.
    let lost = scene.marked("a2", "hr/2", "ben").plan();
    assert!(!lost.changes.iter().any(|change| change.runs() && change.action.removes()), "{}", tell(&lost));
}

#[test]
fn whoever_was_found_and_has_lost_access_is_not_deleted_as_nobody() {
    let documents =
        [source("hr", ""), target("  ownership: authoritative\n  absent: {action: delete}\n  guardrails: {delete: {count: 9}}\n")];
    let scene = Scene::new(&documents).person("1", "ada").account(json!({"id": "a1", "userName": "ada", "active": false}));
    assert_eq!(scene.clone().deactivated("a1", 0).told().matches("Delete").count(), 0);
    assert_eq!(scene.told().matches("Delete").count(), 1, "whom somebody else shut out is nobody's as far as headcount knows");
}

#[test]
fn authoritative_removes_what_nobody_declares_but_not_on_weak_evidence() {
    let scene = Scene::new(&[source("hr", ""), target("  ownership: authoritative\n  guardrails: {deactivate: {count: 9}}\n")])
        .person("1", "ada")
        .record("hr", json!({"id": "2", "login": "bob", "left": true}))
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "bob"}))
        .account(json!({"id": "u3", "userName": "stranger"}))
        .account(json!({"id": "u4", "userName": "other", "externalId": "hc:other:hr:4"}));
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn]
    1 Deactivate id:u3 [Pruned] id=u3 active: true > false; risks [SignIn]
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
    assert_snapshot!(scene.partial("hr").told(), @r###"
    0 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn]
    (Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone
    (Note OwnershipUnproven) chat: 2 accounts belong to nobody that headcount knows, left alone
    "###);
}

#[test]
fn an_account_that_may_be_somebodys_is_not_taken_for_one_that_nobody_declares() {
    let documents = [source("hr", ""), target("  ownership: authoritative\n")];
    let scene = Scene::new(&documents)
        .person("1", "ada")
        .account(json!({"id": "u1", "userName": "ada", "externalId": "okta-77"}))
        .account(json!({"id": "u2", "userName": "eve", "externalId": "okta-78"}));
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate id:u2 [Pruned] id=u2 active: true > false; risks [SignIn]
    (Error ForeignOwner) hr/1: the account found by userName carries a foreign mark, which is never overwritten
    "###);
}

/// An account that is as it should be is taken over where none can be changed.
#[test]
fn where_accounts_can_t_be_changed_only_what_fits_is_adopted() {
    let scene = Scene::simple()
        .person("1", "ada")
        .record("hr", json!({"id": "2", "login": "bob", "title": "Lead"}))
        .account(json!({"id": "u1", "userName": "ada"}))
        .account(json!({"id": "u2", "userName": "bob", "title": "Clerk"}))
        .able(|able| (able.account_marker, able.update_accounts) = (None, false));
    assert_snapshot!(scene.told(), @"
    0 Adopt hr/1 [Joiner] id=u1 risks [Adoption]
    (Error UnsupportedCapability) hr/2: accounts can't be changed here
    ");
}
