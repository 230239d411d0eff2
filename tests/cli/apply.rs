//! `headcount apply`, with a saved plan and without, and `history` after it.

use snapbox::str;

use super::world::{HR, acme, active, applied, database};

#[test]
fn plans_shows_and_runs() {
    let folder = acme();
    folder.run(["apply", "--auto-approve"]).assert().code(0).stdout_eq(str![]).stderr_eq(str![]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
    folder.run(["apply", "--auto-approve"]).assert().code(0).stdout_eq(str![]);
}

#[test]
fn a_saved_plan_runs_what_was_reviewed() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.run(["apply", "plan.json"]).assert().code(0).stdout_eq(str![]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
    // Again: everything is there, nothing is needed any more.
    folder.run(["apply", "plan.json"]).assert().code(0).stdout_eq(str![]);
}

#[test]
fn what_is_new_since_the_review_is_listed_and_does_not_run() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.write("hr.csv", &format!("{HR}5,omar,Omar Bell,Support,\n"));
    folder.run(["apply", "plan.json", "--exact"]).assert().code(5).stdout_eq(str![]).stderr_eq(str![]);
    assert_eq!(active(&folder), ["luis"]);
    folder.run(["apply", "plan.json"]).assert().code(5).stdout_eq(str![]).stderr_eq(str![]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
}

#[test]
fn a_plan_of_another_workspace_or_an_edited_one_is_refused() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    let text = std::fs::read_to_string(folder.file("plan.json")).expect("a plan");
    folder.write("edited.json", &text.replace("Ada Okafor", "Ada O."));
    folder.run(["apply", "edited.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![]);
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replace("acme-test", "other-test"));
    folder.run(["apply", "plan.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![]);
    assert_eq!(active(&folder), ["luis"]);
    assert!(!folder.file(".headcount").exists(), "no state was made");
}

#[test]
fn a_change_that_the_system_refuses_is_told_and_the_others_go_on() {
    let folder = acme();
    let trigger = "CREATE TRIGGER no_ada BEFORE INSERT ON users WHEN NEW.login = 'ada' BEGIN SELECT RAISE(ABORT, 'ada is not welcome'); END;";
    database(&folder).execute_batch(trigger).expect("a trigger can be made");
    folder.run(["apply", "--auto-approve"]).assert().code(4).stdout_eq(str![]).stderr_eq(str![]);
    assert_eq!(active(&folder), ["luis", "mina", "noor"]);
    database(&folder).execute_batch("DROP TRIGGER no_ada").expect("a trigger can be dropped");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["plan"]).assert().code(0).stdout_eq("No changes. Everything is as declared.\n");
}

#[test]
fn a_part_of_it() {
    let folder = acme();
    folder.run(["apply", "--auto-approve", "--select", "noor"]).assert().code(0);
    assert_eq!(active(&folder), ["luis", "noor"]);
}

#[test]
fn the_outcome_for_machines() {
    let folder = acme();
    let output = folder.run(["apply", "--auto-approve", "-o", "json"]).output().expect("it runs");
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON on stdout");
    assert_eq!(outcome["complete"], true);
    assert_eq!(outcome["results"].as_object().expect("counts").keys().collect::<Vec<_>>(), ["done"]);
}

#[test]
fn history_tells_every_run_and_proves_it() {
    let folder = acme();
    folder.run(["history"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![]);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["history"]).assert().code(0).stdout_eq(str![]);
    folder.run(["history", "--verify"]).assert().code(0).stdout_eq(str![]);
    folder.run(["history", "2"]).assert().code(0).stdout_eq(str![]);
    folder.run(["history", "nope"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![]);
    let output = folder.run(["history", "-o", "json"]).output().expect("it runs");
    let history: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(history["runs"][0]["who"], "tester");
}

#[test]
fn a_journal_that_was_touched_is_found_out() {
    let folder = applied();
    let state = rusqlite::Connection::open(folder.file(".headcount/state.db")).expect("the state");
    state.execute_batch("UPDATE journal SET body = replace(body, 'tester', 'nobody') WHERE seq = 1").expect("the journal has such a row");
    drop(state);
    folder.run(["history", "--verify"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![]);
}

#[test]
fn two_runs_at_once_are_refused() {
    let folder = applied();
    let lock = std::fs::OpenOptions::new().write(true).open(folder.file(".headcount/state.db.lock")).expect("the lock's file");
    lock.try_lock().expect("nobody else holds it");
    let output = folder.run(["apply", "--auto-approve"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
