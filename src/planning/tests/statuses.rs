//! Values of a status that took the place of others: nobody is let in or cut off by a word that the rules may not know.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, source, target, tell};
use crate::model::FindingCode;

/// Five who work and five who left, with the words for both as the last read had them and as they are now. `rest` is more of the Source's lifecycle.
fn company(lifecycle: &str, before: [&str; 2], now: [&str; 2]) -> Scene {
    let hr = source("hr", "").replace(
        "{leaver: 'record.left == true', suspended: 'record.leave == true'}",
        &format!("{{leaver: 'record.status == \"Terminated\"'{lifecycle}}}"),
    );
    let mut scene = (0..10).fold(Scene::new(&[hr, target("")]), |scene, at| {
        let (id, key, works) = (format!("u{at}"), at.to_string(), at % 2 == 0);
        let account = json!({"id": id, "userName": format!("p{at}"), "active": works, "externalId": format!("hc:acme:hr:{at}")});
        let record = json!({"id": key, "login": format!("p{at}"), "status": now[usize::from(!works)]});
        let scene = scene.record("hr", record).account(account);
        if works { scene } else { scene.deactivated(&id, 3) }
    });
    scene.memory.baselines[0].statuses = [("status".into(), before.map(|word| (word.into(), 5)).into())].into();
    scene
}

const WORDS: [&str; 2] = ["Active", "Terminated"];

#[test]
fn a_status_that_was_never_seen_while_another_vanished_lets_nobody_in() {
    let scene = company("", WORDS, ["ACT", "TERM"]);
    assert_snapshot!(scene.told(), @r###"(Error StatusReplaced) hr: nobody has "Active" (5), "Terminated" (5) in the column `status` any more, while others have "ACT" (5), "TERM" (5), which nobody had before; where these stand is not known, so they keep what they have"###);
    let hint = scene.plan().findings[0].hint.clone().unwrap_or_default();
    assert_snapshot!(hint, @r###"Correct the source, or the conditions that read the column. Once they fit, write `lifecycle: {knownValues: ["ACT", "TERM"]}` into the Source."###);
    // What the hint says works.
    let known = company(", knownValues: [\"ACT\", \"TERM\"]", WORDS, ["ACT", "TERM"]).plan();
    assert_eq!(known.changes.len(), 5, "{}", tell(&known));
    // A word that a condition names is known.
    let named = company(", suspended: 'record.status == \"TERM\"'", WORDS, ["Active", "TERM"]).plan();
    assert!(named.findings.iter().all(|finding| finding.code != FindingCode::StatusReplaced), "{}", tell(&named));
}

#[test]
fn a_status_that_was_never_seen_cuts_nobody_off() {
    // The leavers' word is now that of those who work.
    let scene = company(", suspended: 'record.status != \"Active\" && record.status != \"Terminated\"'", WORDS, ["ACT", "Terminated"]);
    let plan = scene.plan();
    assert!(plan.changes.is_empty() && plan.findings[0].code == FindingCode::StatusReplaced, "{}", tell(&plan));
}

#[test]
fn values_that_come_beside_the_others_are_taken_at_their_word() {
    let mut scene = company("", WORDS, ["Active", "TERM"]);
    scene.memory.baselines[0].statuses = [("status".into(), [("Active".into(), 5), ("Away".into(), 4)].into())].into();
    let plan = scene.plan();
    assert_eq!(plan.changes.len(), 5, "{}", tell(&plan));
    // What was there once is known for good.
    let mut scene = company("", WORDS, ["Active", "TERM"]);
    scene.memory.baselines[0].statuses =
        [("status".into(), [("Active".into(), 5), ("Terminated".into(), 5), ("TERM".into(), 0)].into())].into();
    assert_eq!(scene.plan().changes.len(), 5);
}

#[test]
fn what_was_there_is_remembered_until_somebody_answers() {
    let now = company("", WORDS, WORDS).moment.now;
    let remembered = |scene: &Scene| scene.world().baselines(&scene.policy, now)[0].statuses["status"].clone();
    let words = |scene: &Scene| remembered(scene).into_iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>();
    assert_eq!(words(&company("", WORDS, ["ACT", "TERM"])), ["Active 5", "Terminated 5"]);
    assert_eq!(words(&company(", knownValues: [ACT, TERM]", WORDS, ["ACT", "TERM"])), ["ACT 5", "Active 0", "TERM 5", "Terminated 0"]);
    // Days and numbers are no words.
    assert!(company("", WORDS, ["2026-11-01", "TERM"]).world().baselines(&company("", WORDS, WORDS).policy, now)[0].statuses.is_empty());
}

/// Seven who work and three who left, who never had an account. The leavers' cells are now as `now` says.
fn few(now: &str, before: [(&str, u64); 2]) -> Scene {
    let hr = source("hr", "").replace("'record.left == true'", "'record.status == \"left\"'");
    let mut scene = (0..10).fold(Scene::new(&[hr, target("")]), |scene, at| {
        let key = at.to_string();
        let record = json!({"id": key, "login": format!("p{at}"), "status": if at < 3 { now } else { "active" }});
        let scene = scene.record("hr", record);
        if at < 3 { scene } else { scene.marked(&format!("u{at}"), &format!("hr/{key}"), &format!("p{at}")) }
    });
    scene.memory.baselines[0].values = [("status".into(), 10)].into();
    scene.memory.baselines[0].statuses = [("status".into(), before.map(|(word, count)| (word.into(), count)).into())].into();
    scene
}

#[test]
fn three_leavers_of_ten_are_not_let_in_by_another_word_or_by_none() {
    let before = [("active", 7), ("left", 3)];
    let code = |scene: &Scene| scene.plan().findings.first().map(|finding| finding.code);
    assert_eq!((few("gone", before).plan().changes.len(), code(&few("gone", before))), (0, Some(FindingCode::StatusReplaced)));
    assert_eq!((few("", before).plan().changes.len(), code(&few("", before))), (0, Some(FindingCode::ColumnEmptied)));
    // It is so on the next day.
    let now = few("", before).moment.now;
    assert_eq!(few("", before).world().baselines(&few("", before).policy, now)[0].statuses["status"]["left"], 3);
    // Whoever comes back alone has an empty cell, too, and words that no condition asks for come and go.
    assert_eq!(few("", [("active", 9), ("left", 1)]).plan().changes.len(), 3);
    assert_eq!(few("gone", [("active", 7), ("away", 3)]).plan().changes.len(), 3);
}

#[test]
fn a_status_that_is_not_there_makes_nobody_a_leaver() {
    let with = |condition: &str| {
        let hr = source("hr", "").replace("leaver: 'record.left == true'", &format!("leaver: '{condition}'"));
        let scene = Scene::new(&[hr, target("")]).marked("u1", "hr/1", "p1").marked("u2", "hr/2", "p2").marked("u3", "hr/3", "p3");
        let person = |id: &str| json!({"id": id, "login": format!("p{id}")});
        let (mut active, mut null) = (person("1"), person("2"));
        (active["status"], null["status"]) = (json!("Active"), json!(null));
        scene.record("hr", active).record("hr", null).record("hr", person("3"))
    };
    for unknown in ["record.status != \"Active\"", "!(lower(record.status) in [\"active\"])"] {
        let plan = with(unknown).plan();
        assert!(plan.changes.is_empty() && tell(&plan).contains("nothing stands in record.status"), "{unknown}: {}", tell(&plan));
    }
    assert_eq!(with("record.status == \"Terminated\"").told(), "nothing");
    // Who asks for it means it.
    assert_eq!(with("default(record.status, \"\") != \"Active\"").plan().changes.len(), 2);
}

#[test]
fn a_word_for_access_that_is_not_known_is_no_proof_that_a_leaver_has_none() {
    let leaver = |key: &str| json!({"id": key, "login": format!("p{key}"), "left": true});
    let account = |key: &str, access: serde_json::Value| json!({"id": format!("u{key}"), "userName": format!("p{key}"), "active": access, "externalId": format!("hc:acme:hr:{key}")});
    let scene = Scene::new(&[source("hr", ""), target("")]).record("hr", leaver("1")).record("hr", leaver("2")).record("hr", leaver("3"));
    let scene = scene.account(account("1", json!("ON_HOLD"))).account(account("2", json!(null))).account(account("3", json!(false)));
    let plan = scene.plan();
    let told = tell(&plan);
    assert!(told.contains("Deactivate hr/1") && told.contains("Deactivate hr/2") && !told.contains("hr/3"), "{told}");
    let found: Vec<_> = plan.findings.iter().filter(|finding| finding.code == FindingCode::UnclearAccess).collect();
    let [unclear] = found.as_slice() else { panic!("{told}") };
    assert_snapshot!(unclear.message, @"chat: the access of 2 accounts reads nothing, ON_HOLD, which says neither that there is access nor that there is none; such accounts count as active");
}
