//! Names that change for many at once: swapped columns, a constant in the place of a column.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, source, target, tell};
use crate::model::FindingCode;

/// A source that knows first and last names.
fn named(rest: &str) -> String {
    let names = "    - {attribute: name.givenName, value: record.first}\n    - {attribute: name.familyName, value: record.last}\n";
    source("hr", "").replace("    - {attribute: title", &format!("{names}    - {{attribute: title")).replace("record.login", rest)
}

const MAPPED: &str = "  mapping:\n    rules:\n    - {attribute: name.givenName, value: identity.name.givenName}\n    - {attribute: name.familyName, value: identity.name.familyName}\n";

/// Twelve people with accounts. `first` and `last` are the columns of their names.
fn company(documents: &[String], first: &str, last: &str) -> Scene {
    (0..12).fold(Scene::new(documents), |scene, at| {
        let account = json!({
            "id": format!("u{at}"), "userName": format!("p{at}"), "name.givenName": format!("Ada{at}"), "name.familyName": format!("Adler{at}"),
            "externalId": format!("hc:acme:hr:{at}"),
        });
        let record = json!({"id": at.to_string(), "login": format!("p{at}"), first: format!("Ada{at}"), last: format!("Adler{at}")});
        scene.record("hr", record).account(account)
    })
}

#[test]
fn first_and_last_names_that_were_swapped_change_nobody_s_name() {
    let documents = [named("record.login"), target(MAPPED)];
    assert_eq!(company(&documents, "first", "last").guarded().plan().changes.len(), 0);
    let plan = company(&documents, "last", "first").guarded().plan();
    assert!(plan.changes.len() == 12 && plan.changes.iter().all(|change| !change.runs()), "{}", tell(&plan));
    assert_snapshot!(plan.findings[0].message, @"chat: people whose name or address changes: 12 planned and 0 done in the last 24h, but the default limit allows 4 (count 5, 2 % of 12 active and adopted accounts; never more than a third of them); none of them goes");
    assert!(plan.findings[0].hint.as_deref().unwrap_or_default().contains("guardrail: names"));
    // Names that an account did not have are filled in.
    let blank = (0..12).fold(company(&documents, "first", "last"), |scene, at| scene.person(&format!("1{at}0"), &format!("q{at}")));
    let blank = (0..12).fold(blank, |scene, at| {
        let key = format!("1{at}0");
        scene.amended(&key, "first", json!("Bo")).marked(&format!("v{at}"), &format!("hr/{key}"), &format!("q{at}"))
    });
    let plan = blank.guarded().plan();
    assert!(plan.changes.len() == 12 && plan.changes.iter().all(crate::model::Change::runs), "{}", tell(&plan));
}

#[test]
fn a_constant_user_name_renames_nobody() {
    let plan = company(&[named("'\"staff\"'"), target(MAPPED)], "first", "last").plan();
    assert_snapshot!(tell(&plan), @"(Error NameTaken) chat: 12 people are to have the userName staff (hr/0, hr/1, hr/10 and 9 more), so none of them gets it");
    let told = plan.findings.iter().find(|finding| finding.code == FindingCode::NameTaken).unwrap();
    assert!(told.place.is_some(), "{told:?}");
    assert_snapshot!(told.hint.as_deref().unwrap_or_default(), @"Correct the rule, or what it reads. If so many are really to be called the same, say `unique: true` in the rule: then each gets a number.");
    // Nor is anybody made with it, whatever else changes.
    let many =
        (20..23).fold(company(&[named("'\"staff\"'"), target(MAPPED)], "first", "last"), |scene, at| scene.person(&at.to_string(), "x"));
    assert_snapshot!(tell(&many.amended("0", "last", json!("Baker")).plan()), @"
    0 Update hr/0 [Mover] id=u0 name.familyName: Adler0 > Baker;
    (Error NameTaken) chat: 15 people are to have the userName staff (hr/0, hr/1, hr/10 and 12 more), so none of them gets it
    ");
}

#[test]
fn of_two_namesakes_one_gets_the_name() {
    let scene = Scene::simple().person("1", "ada").person("2", "ada");
    assert_snapshot!(scene.told(), @"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    (Error NameTaken) hr/2: hr/1 gets the userName ada, so none is made
    ");
}
