//! Joiners, movers, leavers; values; references.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, mark, source, target};
use crate::model::ObjectKind;

#[test]
fn a_joiner_gets_an_account_and_nothing_is_left_afterwards() {
    let scene = Scene::simple().record("hr", json!({"id": "1", "login": "ada", "title": "Engineer"}));
    assert_snapshot!(scene.told(), @"0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; title: nothing > Engineer; userName: nothing > ada;");
    let after = scene.account(json!({"id": "u1", "userName": "ADA", "title": "Engineer", "externalId": "hc:acme:hr:1"}));
    assert_snapshot!(after.told(), @"nothing");
}

#[test]
fn a_mover_changes_and_clears_and_leaves_what_nobody_manages() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "title": null}))
        .record("hr", json!({"id": "2", "login": "bob"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "Boss", "externalId": "hc:acme:hr:1"}))
        .account(json!({"id": "u2", "userName": "robert", "title": "Kept", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @r###"
    0 Update hr/1 [Mover] id=u1 title: Boss > nothing;
    1 Update hr/2 [Mover] id=u2 userName: robert > bob; risks [SignIn]
    "###);
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
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Suspended] id=u2 active: true > false; risks [SignIn]
    2 Deactivate hr/3 [Leaver] id=u3 active: true > false; risks [SignIn]
    3 Deactivate hr/6 [Absent] id=u6 active: true > false; risks [SignIn]
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
}

#[test]
fn a_date_that_is_none_leaves_the_person_as_they_are() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "end": "soon"}))
        .record("hr", json!({"id": "2", "login": "bob", "end": "soon"}))
        .marked("u1", "hr/1", "somebody");
    assert_snapshot!(scene.told(), @"(Error ExpressionFailed) hr/1, hr/2: its endDate is no ISO date, so nothing is changed for it");
}

#[test]
fn departures_follow_the_target() {
    let rest = "  leaver: {action: keep}\n  absent: {action: delete}\n  suspended: {action: deactivate, deleteAfter: 30d}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .record("hr", json!({"id": "2", "login": "bob", "leave": true}))
        .record("hr", json!({"id": "3", "login": "cy", "leave": true}))
        .record("hr", json!({"id": "4", "login": "di", "leave": true}))
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "bob", "externalId": "hc:acme:hr:2", "active": false}))
        .account(json!({"id": "u3", "userName": "cy", "externalId": "hc:acme:hr:3", "active": false}))
        .account(json!({"id": "u4", "userName": "di", "externalId": "hc:acme:hr:4", "active": false}))
        .marked("u5", "hr/5", "ed")
        .deactivated("u2", 30)
        .deactivated("u3", 29);
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/5 [Absent] id=u5 active: true > false; risks [SignIn]
    1 Delete hr/2 [Due] id=u2 risks [SignIn, Irreversible] WITHHELD
    2 Delete hr/5 [Absent] id=u5 risks [SignIn, Irreversible] WITHHELD
    (Refused GuardrailExceeded) chat: account deletions: 2 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 2 active accounts); none of them goes
    ");
}

#[test]
fn a_deactivated_account_has_what_its_target_says_until_its_owner_comes_back() {
    let account = |id: &str, key: &str, login: &str, active: bool, title: &str| json!({"id": id, "userName": login, "externalId": mark(key), "active": active, "title": title});
    let scene = Scene::new(&[source("hr", ""), target("  leaver: {action: deactivate, set: {title: Former}}\n")])
        .record("hr", json!({"id": "1", "login": "ada", "left": true, "title": "Boss"}))
        .record("hr", json!({"id": "2", "login": "bob", "leave": true, "title": "Lead"}))
        .record("hr", json!({"id": "3", "login": "cy", "title": "Lead"}))
        .record("hr", json!({"id": "4", "login": "di", "left": true, "title": "Lead"}))
        .account(account("u1", "hr/1", "ada", true, "Boss"))
        .account(account("u2", "hr/2", "bob", true, "Lead"))
        .account(account("u3", "hr/3", "cy", false, "Former"))
        .account(account("u4", "hr/4", "di", true, "Former"))
        .deactivated("u3", 4);
    let told = scene.told();
    let of = |key: &str| told.lines().find(|line| line.contains(key)).unwrap_or_default().to_owned();
    assert!(of("hr/1").contains("title: Boss > Former") && of("hr/1").contains("Deactivate"), "{told}");
    assert!(of("hr/2").contains("Deactivate") && !of("hr/2").contains("title"), "somebody on leave is no leaver: {told}");
    assert!(of("hr/3").contains("Reactivate") && of("hr/3").contains("title: Former > Lead"), "{told}");
    assert!(of("hr/4").contains("Deactivate") && !of("hr/4").contains("title"), "it has that already: {told}");
}

#[test]
fn what_a_deactivated_account_has_is_put_right_until_its_deletion_is_due() {
    let account = |at: u32, title: &str| json!({"id": format!("u{at}"), "userName": format!("p{at}"), "externalId": mark(&format!("hr/{at}")), "active": false, "title": title});
    let left = |at: u32| json!({"id": at.to_string(), "login": format!("p{at}"), "left": true, "title": "Lead"});
    let scene = Scene::new(&[source("hr", ""), target("  leaver: {action: deactivate, deleteAfter: 30d, set: {title: Former}}\n")])
        .record("hr", left(1))
        .record("hr", left(2))
        .record("hr", left(3))
        .record("hr", left(4))
        .account(account(1, "Lead"))
        .account(account(2, "Former"))
        .account(account(3, "Lead"))
        .account(account(4, "Lead"))
        .account(account(5, "Lead"))
        .deactivated("u1", 4)
        .deactivated("u2", 4)
        .deactivated("u4", 40)
        .deactivated("u5", 4);
    // u2 has it, u3 was deactivated by others, u4 is to be deleted, and the owner of u5 is gone from the source.
    assert_snapshot!(scene.told(), @r"
    0 Update hr/1 [Leaver] id=u1 title: Lead > Former;
    1 Update hr/5 [Absent] id=u5 title: Lead > Former;
    2 Delete hr/4 [Due] id=u4 risks [SignIn, Irreversible] WITHHELD
    (Refused GuardrailExceeded) chat: account deletions: 1 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 0 active accounts); none of them goes
    ");
}

#[test]
fn a_returning_leaver_is_reactivated_only_if_we_took_the_access_away() {
    let inactive = |id: &str, key: &str, login: &str| json!({"id": id, "userName": login, "externalId": mark(key), "active": false});
    let user = "kind: User\nmetadata: {name: cy}\nspec: {overrides: {source: hr, key: '3'}, attributes: {active: true}}\n".to_owned();
    let scene = Scene::new(&[source("hr", ""), target(""), user])
        .person("1", "ada")
        .person("2", "bob")
        .person("3", "cy")
        .account(inactive("u1", "hr/1", "ada"))
        .account(inactive("u2", "hr/2", "bob"))
        .account(inactive("u3", "hr/3", "cy"))
        .deactivated("u1", 400);
    assert_snapshot!(scene.told(), @r###"
    0 Reactivate hr/1 [Returned] id=u1 active: false > true; risks [Reactivation]
    1 Reactivate hr/3 [Declared] id=u3 active: false > true; risks [Reactivation]
    (Warning DeactivatedElsewhere) hr/2: deactivated, and not by headcount as far as it remembers; stays so
    "###);
    assert_snapshot!(scene.forgetful().told(), @r###"
    0 Reactivate hr/3 [Declared] id=u3 active: false > true; risks [Reactivation]
    (Warning StateLost) chat: 3 of its accounts carry headcount's mark, but there is no state: it was lost
    (Warning DeactivatedElsewhere) hr/1, hr/2: deactivated, and not by headcount as far as it remembers; stays so
    "###);
}

#[test]
fn rules_enforce_begin_and_have_conditions() {
    let rest = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName, required: true}\n    - {attribute: nickName, value: identity.userName, mode: initial}\n    - {attribute: title, value: identity.title, when: 'identity.userName != \"bob\"'}\n    - {attribute: locale, value: '\"de\"', mode: ignore}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .record("hr", json!({"id": "1", "login": "ada", "title": "Boss"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "Boss"}))
        .record("hr", json!({"id": "3", "login": "cy", "title": "Boss"}))
        .record("hr", json!({"id": "4", "title": "Boss"}))
        .account(json!({"id": "u1", "userName": "ada", "nickName": "adi", "title": "x", "externalId": "hc:acme:hr:1"}))
        .account(json!({"id": "u2", "userName": "bob", "title": "x", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; nickName: nothing > cy; title: nothing > Boss; userName: nothing > cy;
    1 Update hr/1 [Mover] id=u1 title: x > Boss;
    2 Update hr/2 [Mover] id=u2 nickName: nothing > bob;
    (Error RequiredAttributeMissing) hr/4: userName is required and has no value, so no account is made
    "###);
}

#[test]
fn a_rule_that_fails_changes_nothing_it_would_have_said() {
    let rest = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: title, value: 'date(identity.title)'}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .record("hr", json!({"id": "1", "login": "ada", "title": "2026-01-02T00:00:00Z"}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "plain"}))
        .account(json!({"id": "u1", "userName": "ada", "title": "x", "externalId": "hc:acme:hr:1"}))
        .account(json!({"id": "u2", "userName": "bob", "title": "x", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @r#"
    0 Update hr/1 [Mover] id=u1 title: x > 2026-01-02;
    (Error ExpressionFailed) hr/2: the rule for title failed, so the value stays as it is: `date(identity.title)` gets a text that is no date it knows; give its format, such as "dd/MM/yyyy"
    "#);
}

#[test]
fn what_a_target_cannot_do_is_said() {
    let scene = Scene::new(&[source("hr", ""), target("  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: title, value: identity.title}\n")])
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .record("hr", json!({"id": "2", "login": "bob", "title": "Boss"}))
        .person("3", "cy")
        .marked("u1", "hr/1", "ada")
        .marked("u3", "hr/3", "cyrus")
        .able(|able| {
            able.create_accounts = false;
            able.update_accounts = false;
            able.deactivate_accounts = false;
            able.account_attributes = Some(["userName".into(), "externalId".into()].into());
        });
    assert_snapshot!(scene.told(), @r###"
    (Error UnsupportedCapability) hr/1: accounts can't be deactivated here
    (Error UnsupportedCapability) hr/2: accounts can't be created here
    (Error UnsupportedCapability) hr/3: accounts can't be changed here
    (Warning UnsupportedAttribute) chat: title can't be held by its accounts, so the rule does nothing
    "###);
}

#[test]
fn managers_come_before_their_reports_and_circles_are_closed_afterwards() {
    let boss = |id: &str, boss: &str| json!({"id": id, "login": format!("p{id}"), "boss": boss});
    let scene = Scene::simple()
        .record("hr", boss("1", "3"))
        .record("hr", boss("2", "1"))
        .record("hr", boss("3", "9"))
        .record("hr", boss("5", "6"))
        .record("hr", boss("6", "7"))
        .record("hr", boss("7", "5"))
        .record("hr", boss("8", "5"))
        .record("hr", boss("9", "404"));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/5 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:5; userName: nothing > p5;
    1 Create hr/9 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:9; userName: nothing > p9;
    2 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; manager: nothing > → hr/9; userName: nothing > p3; needs [1]
    3 Create hr/7 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:7; manager: nothing > → hr/5; userName: nothing > p7; needs [0]
    4 Create hr/8 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:8; manager: nothing > → hr/5; userName: nothing > p8; needs [0]
    5 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; manager: nothing > → hr/3; userName: nothing > p1; needs [2]
    6 Create hr/6 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:6; manager: nothing > → hr/7; userName: nothing > p6; needs [3]
    7 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; manager: nothing > → hr/1; userName: nothing > p2; needs [5]
    8 Update hr/5 [Joiner] manager: nothing > → hr/6; needs [0, 6]
    (Warning UnresolvedReference) hr/9: manager is hr/404, who has no account here; it is left out
    "###);
}

#[test]
fn a_manager_is_the_same_by_the_account_it_leads_to() {
    let scene = Scene::simple()
        .record("hr", json!({"id": "1", "login": "ada", "boss": "2"}))
        .record("hr", json!({"id": "2", "login": "bob", "boss": "hr/1"}))
        .record("hr", json!({"id": "3", "login": "cy", "boss": "1"}))
        .account(json!({"id": "u1", "userName": "ada", "manager": "u2", "externalId": "hc:acme:hr:1"}))
        .account(json!({"id": "u2", "userName": "bob", "manager": "u3", "externalId": "hc:acme:hr:2"}))
        .account(json!({"id": "u3", "userName": "cy", "manager": "u99", "externalId": "hc:acme:hr:3"}));
    assert_snapshot!(scene.told(), @r###"
    0 Update hr/2 [Mover] id=u2 manager: → hr/3 > → hr/1;
    1 Update hr/3 [Mover] id=u3 manager: u99 > → hr/1;
    "###);
}

#[test]
fn unique_names_take_the_first_free_one_and_are_kept() {
    let hr = source("hr", "").replace("value: record.login}", "value: record.login, unique: true}");
    let scene = Scene::new(&[hr, target("")])
        .person("1", "jo")
        .person("2", "jo")
        .person("3", "jo")
        .person("4", "jo")
        .account(json!({"id": "u3", "userName": "jo3", "externalId": "hc:acme:hr:3"}))
        .account(json!({"id": "u9", "userName": "JO2", "active": false}))
        .account(json!({"id": "u8", "userName": "jo", "active": false}));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > jo4;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > jo5;
    2 Create hr/4 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:4; userName: nothing > jo6;
    (Note OwnershipUnproven) chat: 2 accounts belong to nobody that headcount knows, left alone
    "###);
}

#[test]
fn a_unique_name_has_room_for_its_number_and_any_other_must_fit() {
    let bound = |rule: &str| source("hr", "").replace("value: record.login}", &format!("value: record.login, maxLength: 6{rule}}}"));
    let told = |rule| Scene::new(&[bound(rule), target("")]).person("1", "johannes").person("2", "johanna").person("3", "jo").told();
    assert_snapshot!(told(", unique: true"), @r###"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > johann;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > johan2;
    2 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > jo;
    "###);
    let without = told("");
    assert!(without.contains("0 Create hr/3") && !without.contains("Create hr/1") && !without.contains("Create hr/2"), "{without}");
    assert!(
        without.contains("hr/1: the rule for userName failed, so the value is not known: it has 8 letters, and `maxLength` allows 6"),
        "{without}"
    );
    let kept = Scene::new(&[bound(", unique: true"), target("")]).person("1", "johannes").person("2", "johanna");
    let kept = kept.marked("u1", "hr/1", "johan2").marked("u2", "hr/2", "johann");
    assert_eq!(kept.told(), "nothing");
}

#[test]
fn a_targets_own_rule_knows_a_length_too() {
    let rule = |rest: &str| {
        format!("  mapping:\n    defaults: none\n    rules:\n    - {{attribute: userName, value: identity.userName, maxLength: 6{rest}}}\n")
    };
    let told = |rest| Scene::new(&[source("hr", ""), target(&rule(rest))]).person("1", "johannes").person("2", "johanna").told();
    assert_snapshot!(told(", unique: true"), @r###"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > johann;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > johan2;
    "###);
    let without = told("");
    assert!(!without.contains("Create"), "{without}");
    assert!(
        without.contains("hr/2: the rule for userName failed, so the value stays as it is: it has 7 letters, and `maxLength` allows 6"),
        "{without}"
    );
}

#[test]
fn a_unique_name_may_be_the_targets_own() {
    let rest = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: 'identity.userName + \"@acme.example\"', unique: true}\n";
    let scene = Scene::new(&[source("hr", ""), target(rest)])
        .person("1", "jo")
        .person("2", "jo")
        .account(json!({"id": "u2", "userName": "jo2@acme.example", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @"0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > jo@acme.example;");
}

#[test]
fn a_name_that_somebody_else_has_is_not_taken() {
    let scene = Scene::simple()
        .person("1", "ada")
        .person("2", "bob")
        .person("3", "cy")
        .person("4", "CY")
        .marked("u2", "hr/2", "robert")
        .account(json!({"id": "u8", "userName": "ada", "active": false}))
        .account(json!({"id": "u9", "userName": "bob", "active": false}));
    assert_snapshot!(scene.told(), @r###"
    0 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    (Error NameTaken) hr/1: an account of somebody else has the userName ada, so none is made
    (Error NameTaken) hr/2: an account of somebody else has the userName bob, so the old one stays
    (Error NameTaken) hr/4: hr/3 gets the userName CY, so none is made
    (Note OwnershipUnproven) chat: 2 accounts belong to nobody that headcount knows, left alone
    "###);
}

#[test]
fn a_deactivation_of_ours_that_somebody_undid_is_named_so_that_it_can_be_forgotten() {
    let scene = Scene::simple()
        .account(json!({"id": "u1", "userName": "ada", "active": true}))
        .account(json!({"id": "u2", "userName": "bob", "active": false}))
        .deactivated("u1", 3)
        .deactivated("u2", 3)
        .deactivated("gone", 3);
    let undone: Vec<_> = scene.world().undone_deactivations(&scene.policy).into_iter().map(|undone| undone.id.to_string()).collect();
    assert_eq!(undone, ["u1"]);
}

#[test]
fn a_reference_finds_the_account_with_the_mark_and_no_other() {
    let scene = Scene::simple().account(json!({"id": "u0", "userName": "eve"})).marked("u1", "hr/1", "ada");
    let id = |key: &str| scene.world().object_id(&scene.policy, &scene.policy.targets[0].name, ObjectKind::Account, key);
    assert_eq!(id("hr/1").as_deref(), Some("u1"));
    assert_eq!(id("hr/2"), None);
}

#[test]
fn a_value_is_looked_up_in_a_table_and_a_key_that_is_not_there_is_missing() {
    let workspace = "kind: Workspace\nmetadata: {name: acme}\nspec:\n  id: acme\n  tables:\n    costCenters: {values: {\"100\": Engineering, \"200\": ~}}\n";
    let hr = source("hr", "") + "    - {attribute: department, value: 'lookup(\"costCenters\", record.cc)'}\n";
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: department, value: identity.department, required: true}\n";
    let scene = Scene::new(&[workspace.to_owned(), hr, target(rules)])
        .record("hr", json!({"id": "1", "login": "ada", "cc": "100"}))
        .record("hr", json!({"id": "2", "login": "bob", "cc": 100}))
        .record("hr", json!({"id": "3", "login": "cy", "cc": "900"}))
        .record("hr", json!({"id": "4", "login": "di", "cc": "200"}))
        .record("hr", json!({"id": "5", "login": "ed"}))
        .account(json!({"id": "u5", "userName": "ed", "department": "Kept", "externalId": "hc:acme:hr:5"}));
    assert_snapshot!(scene.told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; department: nothing > Engineering; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    1 Create hr/2 [Joiner] active: nothing > true; department: nothing > Engineering; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    (Error RequiredAttributeMissing) hr/3, hr/4: department is required and has no value, so no account is made
    ");
}

#[test]
fn whoever_lacks_what_an_account_needs_is_held_with_the_rule_and_nobody_else_is() {
    let scene = (1..=7).fold(Scene::simple(), |scene, number| {
        let login = if number == 4 { json!("ada") } else { json!(null) };
        scene.record("hr", json!({"id": number.to_string(), "login": login}))
    });
    let plan = scene.plan();
    assert_eq!(plan.changes.iter().map(|change| change.object.key.as_ref()).collect::<Vec<_>>(), ["hr/4"]);
    let [finding] = &plan.findings[..] else { panic!("{:#?}", plan.findings) };
    assert_eq!(finding.message, "hr/1, hr/2, hr/3 and 3 more: userName is required and has no value, so no account is made");
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(hint.starts_with("The rule is `identity.userName`, the default of the connector test."), "{hint}");
}

#[test]
fn a_rule_uses_what_another_came_to_with_its_number_and_the_next_plan_is_empty() {
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName, unique: true}\n    - {attribute: emails, value: 'account.displayName'}\n    - {attribute: displayName, value: 'account.userName + \"@acme.example\"'}\n";
    let scene = Scene::new(&[source("hr", ""), target(rules)]).person("1", "ada").person("2", "ada");
    assert_snapshot!(scene.told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; displayName: nothing > ada@acme.example; emails: nothing > ada@acme.example; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    1 Create hr/2 [Joiner] active: nothing > true; displayName: nothing > ada2@acme.example; emails: nothing > ada2@acme.example; externalId: nothing > hc:acme:hr:2; userName: nothing > ada2;
    ");
    let account = |id: &str, key: &str, name: &str| {
        let mail = format!("{name}@acme.example");
        json!({"id": id, "userName": name, "displayName": mail, "emails": mail, "externalId": mark(key)})
    };
    let made = scene.clone().account(account("u1", "hr/1", "ada")).account(account("u2", "hr/2", "ada2"));
    assert_snapshot!(made.told(), @"nothing");
}

#[test]
fn what_is_given_only_at_the_beginning_is_used_as_the_account_has_it() {
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName, mode: initial}\n    - {attribute: displayName, value: 'account.userName + \"@acme.example\"'}\n";
    let scene = Scene::new(&[source("hr", ""), target(rules)])
        .person("1", "ada.new")
        .account(json!({"id": "u1", "userName": "ada.old", "displayName": "x", "externalId": mark("hr/1")}));
    assert_snapshot!(scene.told(), @"0 Update hr/1 [Mover] id=u1 displayName: x > ada.old@acme.example;");
}

#[test]
fn a_name_with_a_number_is_the_same_everywhere() {
    let unique = source("hr", "").replace("value: record.login}", "value: record.login, unique: true}");
    let mail = target("").replace("name: chat", "name: mail").replace("chat.example", "mail.example");
    let scene = Scene::new(&[unique, target(""), mail]).person("1", "ada").marked("u1", "hr/1", "ada2");
    assert_snapshot!(scene.told(), @"0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada2;");
}

#[test]
fn rules_read_a_unique_name_as_it_was_cut() {
    let bound = source("hr", "").replace("value: record.login}", "value: record.login, maxLength: 6, unique: true}");
    let cut = group("cut", "  rule: 'identity.userName == \"johann\"'\n");
    let scene = Scene::new(&[bound, target("  groups: {}\n"), cut]).person("1", "johannes").marked("u1", "hr/1", "johann");
    assert_snapshot!(scene.marked_group("g1", "group/cut", "cut").told(), @"0 AddMembers group/cut [Mover] id=g1 hr/1");
}
