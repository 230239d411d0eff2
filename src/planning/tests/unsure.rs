//! Somebody of whom it is not known where they stand, or by what their account is found, may be whose account it is: it is no stranger's, and nobody else's.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::super::testing::{Scene, group, source, target};
use crate::model::{Evidence, ObjectKind};

/// An end before the start.
fn unsure(key: &str, login: &str) -> Json {
    json!({"id": key, "login": login, "start": "2026-11-02", "end": "2024-03-31"})
}

fn scene(rest: &str) -> Scene {
    let groups = [group("staff", "  members: []\n  allowEmpty: true\n")];
    let documents = [source("hr", ""), target(&format!("  correlate: [userName]\n{rest}"))];
    Scene::new(&[&documents[..], &groups].concat()).marked_group("g1", "group/staff", "staff")
}

/// Accounts that nobody proved, in a group of ours.
fn found(scene: Scene, logins: &[&str]) -> Scene {
    logins.iter().fold(scene, |scene, login| {
        scene.account(json!({"id": format!("id-{login}"), "userName": login})).member("g1", &format!("id-{login}"))
    })
}

#[test]
fn of_two_namesakes_of_whom_one_is_not_known_none_gets_an_account() {
    let scene = found(scene("").record("hr", unsure("1", "ada")).person("2", "ada"), &["ada"]);
    assert_snapshot!(scene.told(), @r"
    (Error DuplicateKey) hr/1, hr/2 claim one account, so none of them gets it (id-ada)
    (Error ContradictoryDates) hr/1: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is
    ");
}

#[test]
fn whose_account_it_may_be_stays_in_groups_of_which_nothing_else_is_said() {
    let namesakes = |rest: &str| found(scene(rest).record("hr", unsure("1", "ada")).record("hr", unsure("2", "ada")), &["ada"]);
    assert_snapshot!(namesakes("  ownership: authoritative\n  groups: {}\n").told(), @r"
    (Error DuplicateKey) hr/1, hr/2 claim one account, so none of them gets it (id-ada)
    (Error ContradictoryDates) hr/1, hr/2: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is
    ");
    let alone = |rest: &str| found(scene(rest).record("hr", unsure("1", "ada")), &["ada"]);
    assert_snapshot!(alone("  groups: {ownership: authoritative}\n").told(), @"(Error ContradictoryDates) hr/1: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is");
    // Whoever is nobody at all goes.
    assert_snapshot!(found(alone("  ownership: authoritative\n  groups: {}\n"), &["bob"]).told(), @r"
    0 Deactivate id:id-bob [Pruned] id=id-bob active: true > false; risks [SignIn]
    1 RemoveMembers group/staff [Mover] id=g1 id:id-bob
    (Error ContradictoryDates) hr/1: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is
    ");
}

#[test]
fn whichever_record_of_one_key_is_right_nobody_else_gets_the_account_that_either_leads_to() {
    let story = |first: &str, second: &str| {
        let scene = scene("").person("1", first).person("1", second).person("2", "ada").person("3", "cy");
        let scene = found(scene, &["ada", "cy"]);
        assert_eq!(scene.clone().reversed().told(), scene.told());
        scene.told()
    };
    assert_snapshot!(story("ada", "bob"), @r"
    0 Adopt hr/3 [Joiner] id=id-cy externalId: nothing > hc:acme:hr:3; risks [Adoption]
    (Error DuplicateKey) hr/1: two different records have this key, so nothing is changed for it
    (Error DuplicateKey) hr/1, hr/2 claim one account, so none of them gets it (id-ada)
    ");
    assert_eq!(story("ada", "zoe"), story("ada", "bob"));
}

#[test]
fn whose_account_it_may_be_keeps_its_groups_until_everybody_was_read() {
    // Ada starts next year; of whom the account is that is called like her, an export without keys does not say.
    let later = json!({"id": "1", "login": "ada", "start": "2027-03-01"});
    let scene = found(scene("  groups: {ownership: authoritative}\n").record("hr", later), &["ada"]);
    assert_snapshot!(scene.told(), @"0 RemoveMembers group/staff [Mover] id=g1 hr/1");
    assert_snapshot!(scene.record("hr", json!({"login": "ada"})).told(), @r"
    (Incomplete IncompleteRead) hr: 1 of its records have no key, so nobody can be said to be missing from it; nobody counts as gone
    (Error ExpressionFailed) hr: 1 record has no key: it is empty
    ");
}

#[test]
fn two_records_of_one_key_leave_both_their_accounts() {
    let scene = scene("  ownership: authoritative\n  groups: {}\n").person("1", "ada").person("1", "bob");
    let scene = found(scene, &["ada", "bob"]);
    assert_snapshot!(scene.told(), @r"
    (Error AmbiguousCorrelation) hr/1: several accounts have its userName (id-ada, id-bob)
    (Error DuplicateKey) hr/1: two different records have this key, so nothing is changed for it
    ");
    assert_eq!(scene.clone().reversed().told(), scene.told());
}

/// User names come from a directory that establishes nobody.
fn with_directory(rest: &str) -> Scene {
    let hr = source("hr", "  establishes: true\n")
        .replace("    - {attribute: userName, value: record.login}\n", "    - {attribute: employeeNumber, value: record.id}\n");
    let directory = "kind: Source\nmetadata: {name: ad}\nspec:\n  connection: {file: {path: ad.csv}}\n  key: record.id\n  establishes: false\n  precedence: 50\n  correlate: [employeeNumber]\n  mapping:\n    rules:\n    - {attribute: employeeNumber, value: record.number}\n    - {attribute: userName, value: record.login}\n".to_owned();
    let user = "kind: User\nmetadata: {name: ada}\nspec:\n  attributes: {userName: ada}\n".to_owned();
    let scene = Scene::new(&[hr, directory, user, target(&format!("  correlate: [userName]\n{rest}"))]);
    scene.record("hr", json!({"id": "1"})).record("ad", json!({"id": "a", "number": "1", "login": "ada"}))
}

#[test]
fn while_a_source_of_names_is_not_read_to_its_end_any_account_may_be_somebodys() {
    let unread = |scene: Scene| scene.without_records("ad").read("ad", ObjectKind::Account, Evidence::Unreadable { reason: "401".into() });
    // Both want it, and one of them is not seen to.
    let both = with_directory("").account(json!({"id": "7", "userName": "ada"}));
    assert_eq!(both.plan().changes.len(), 0, "{}", both.told());
    assert_snapshot!(unread(both).told(), @r"
    (Incomplete IncompleteRead) ad: 401; what it may say is not known
    (Incomplete IncompleteRead) user/ada: it could take over an account, but not all sources could be read, and somebody unseen may claim it too; this waits for a complete read
    (Error RequiredAttributeMissing) hr/1: userName is required and has no value, so no account is made
    ");
    let alone = with_directory("  ownership: authoritative\n").account(json!({"id": "8", "userName": "bob"}));
    assert_snapshot!(unread(alone).told(), @r"
    0 Create user/ada [Joiner] active: nothing > true; externalId: nothing > hc:acme:user:ada; userName: nothing > ada;
    (Incomplete IncompleteRead) ad: 401; what it may say is not known
    (Error RequiredAttributeMissing) hr/1: userName is required and has no value, so no account is made
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
}

#[test]
fn whose_name_could_not_be_worked_out_may_have_any_account() {
    let hr = source("hr", "").replace("value: record.login", "value: date(record.login)");
    let scene = Scene::new(&[hr, target("  ownership: authoritative\n  correlate: [userName]\n")]);
    let scene = scene.person("1", "ada").account(json!({"id": "7", "userName": "ada"}));
    assert_snapshot!(scene.told(), @r#"
    (Error ExpressionFailed) hr/1: the rule for userName failed, so the value is not known: `date(record.login)` gets a text that is no date it knows; give its format, such as "dd/MM/yyyy"
    (Error RequiredAttributeMissing) hr/1: userName is required and has no value, so no account is made
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "#);
}

#[test]
fn whoever_is_said_to_have_had_somebody_elses_key_still_has_an_account() {
    let user = "kind: User\nmetadata: {name: bob}\nspec: {overrides: {source: hr, key: '2'}, formerKeys: [hr/1]}\n".to_owned();
    let scene = Scene::new(&[source("hr", ""), user, target("  ownership: authoritative\n  correlate: [userName]\n")]);
    let scene = scene.person("1", "ada").marked("u1", "hr/1", "ada").person("2", "bob").person("3", "bob");
    assert_snapshot!(scene.account(json!({"id": "7", "userName": "bob"})).told(), @r"
    (Error DuplicateKey) hr/2: hr/1 is not its former key, since hr/1 has not left; nothing is changed for it
    (Error DuplicateKey) hr/2, hr/3 claim one account, so none of them gets it (7)
    (Error ExpressionFailed) hr/2: the key that it is said to have had is somebody else's, so nothing is changed for it
    ");
}

#[test]
fn a_name_that_three_are_to_have_goes_to_none_of_them_though_one_is_not_known() {
    let scene = scene("").person("1", "ada").person("2", "ada");
    assert_eq!(scene.plan().changes.len(), 1, "{}", scene.told());
    assert_snapshot!(scene.record("hr", unsure("3", "ada")).told(), @r"
    (Error ContradictoryDates) hr/3: its dates contradict each other: the endDate is before the startDate, so whether it has ended is not known; everything stays as it is
    (Error NameTaken) chat: 3 people are to have the userName ada (hr/1, hr/2, hr/3), so none of them gets it
    ");
}

#[test]
fn while_keys_seem_to_have_changed_hands_strangers_may_be_these_people() {
    let names = "    - {attribute: name.givenName, value: record.first}\n    - {attribute: name.familyName, value: record.last}\n";
    let hr = source("hr", "").replace("    - {attribute: title", &format!("{names}    - {{attribute: title"));
    let mapped = "  mapping:\n    rules:\n    - {attribute: name.givenName, value: identity.name.givenName}\n    - {attribute: name.familyName, value: identity.name.familyName}\n";
    let scene = |first: &str, last: &str| {
        let account =
            json!({"id": "u1", "userName": "ada", "name.givenName": "Ada", "name.familyName": "Adler", "externalId": "hc:acme:hr:1"});
        Scene::new(&[hr.clone(), target(&format!("  ownership: authoritative\n  correlate: [userName]\n{mapped}"))])
            .record("hr", json!({"id": "1", "login": first.to_lowercase(), "first": first, "last": last}))
            .account(account)
            .account(json!({"id": "7", "userName": "ben"}))
    };
    assert_eq!(scene("Ada", "Adler").plan().changes.len(), 1, "{}", scene("Ada", "Adler").told());
    // Ben's record stands under Ada's key.
    assert_snapshot!(scene("Ben", "Brandt").told(), @r"
    (Error KeyHandedOn) hr/1: the key seems to be another person's now: at chat the account of hr/1 is Ada Adler's, and the record is Ben Brandt's; everything stays as it is
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
}

#[test]
fn an_account_that_may_be_somebodys_who_is_not_seen_is_not_taken_for_one_who_gets_none() {
    let scene = scene("  ownership: authoritative\n  groups: {}\n").record("hr", json!({"id": "1", "login": "ada", "start": "2027-01-01"}));
    let scene = found(scene, &["ada"]);
    // Alone it is theirs, and they have not begun.
    assert_eq!(scene.plan().changes.len(), 2, "{}", scene.told());
    assert_eq!(scene.clone().person("2", "ada").plan().changes.len(), 0);
    assert_snapshot!(scene.partial("hr").told(), @r"
    (Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone
    (Incomplete IncompleteRead) hr/1: an account looks like theirs and would go, but not all sources could be read, and it may be somebody's who is unseen; this waits for a complete read
    ");
}

#[test]
fn a_second_account_of_a_leaver_that_others_want_stays() {
    let leaver = json!({"id": "1", "login": "ada", "left": true});
    let scene = scene("  ownership: authoritative\n").record("hr", leaver).marked("u1", "hr/1", "was-ada");
    let scene = found(scene, &["ada"]);
    assert_eq!(scene.plan().changes.len(), 2, "{}", scene.told());
    for more in [&["2"][..], &["2", "3"]] {
        let others = more.iter().fold(scene.clone(), |scene, key| scene.person(key, "ada"));
        let told = others.told();
        assert!(told.contains("id=u1") && !told.contains("Deactivate hr/1 [Leaver] id=id-ada"), "{told}");
    }
}
