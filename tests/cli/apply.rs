//! `headcount apply`, with a saved plan and without, and `history` after it.

use snapbox::str;

use super::world::{HR, acme, active, applied, database};

#[test]
fn plans_shows_and_runs() {
    let folder = acme();
    folder
        .run(["apply", "--auto-approve"])
        .assert()
        .code(0)
        .stdout_eq(str![[r#"
Target app

  & hr/2 takes over the existing account luis [not made by headcount]
      displayName  Luis F. → Luís Ferreira at acme.yaml:17
      externalId   (none) → headcount's mark of hr/2
  + ada gets an account (hr/1)
      active: true · department: Engineering · displayName: Ada Okafor
      externalId: headcount's mark of hr/1 · userName: ada
  + mina gets an account (hr/3)
      active: true · department: Engineering · displayName: Mina Park
      externalId: headcount's mark of hr/3 · userName: mina
  + noor gets an account (hr/4)
      active: true · department: Support · displayName: Noor Haddad
      externalId: headcount's mark of hr/4 · userName: noor
  + group Engineering is created (group/engineering, declared) at acme.yaml:40
      displayName: Engineering
      members at acme.yaml:45:  + ada  + mina

Look at these twice

  not made by headcount:  luis (app), given to hr/2

Plan: 3 to create, 1 to take over, 1 group to create, 2 memberships to add.
app: 6 done
Applied.
Run [RUN]: `headcount history` has it.

"#]])
        .stderr_eq(str![[r#"
reading 2 systems
read app: 1 account
read hr: 4 records
applying: 1 of 6 changes
applying: 2 of 6 changes
applying: 3 of 6 changes
applying: 4 of 6 changes
applying: 5 of 6 changes
applying: 6 of 6 changes

"#]]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
    folder.run(["apply", "--auto-approve"]).assert().code(0).stdout_eq(str![[r#"
No changes. Everything is as declared.
Nothing to apply.

"#]]);
}

#[test]
fn a_saved_plan_runs_what_was_reviewed() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.run(["apply", "plan.json"]).assert().code(0).stdout_eq(str![[r#"
app: 6 done
Applied.
Run [RUN]: `headcount history` has it.

"#]]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
    // Again: everything is there, nothing is needed any more.
    folder.run(["apply", "plan.json"]).assert().code(0).stdout_eq(str![[r#"
Nothing to apply.

"#]]);
}

#[test]
fn another_plan_than_the_approved_one_does_not_run() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.file("plan.json")).expect("a plan")).expect("JSON");
    let hash = saved["hash"].as_str().expect("a hash").to_owned();
    folder.write("hr.csv", &format!("{HR}5,omar,Omar Bell,Support,\n"));
    folder.run(["plan", "--out", "other.json"]).assert().code(0);
    let refused = folder.run(["apply", "other.json", "--expect", &hash[..16]]).assert().code(5).get_output().stderr.clone();
    let refused = String::from_utf8_lossy(&refused).into_owned();
    assert!(refused.contains(&format!("{} was approved: nothing was run", &hash[..16])), "{refused}");
    folder.run(["apply", "plan.json", "--expect", &hash[..8]]).assert().code(2);
    assert_eq!(active(&folder), ["luis"]);
    folder.run(["apply", "plan.json", "--expect", &hash[..16]]).assert().code(5);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
}

#[test]
fn what_is_new_since_the_review_is_listed_and_does_not_run() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.write("hr.csv", &format!("{HR}5,omar,Omar Bell,Support,\n"));
    folder.run(["apply", "plan.json", "--exact"]).assert().code(5).stdout_eq(str![]).stderr_eq(str![[r#"
reading 2 systems
read app: 1 account
read hr: 5 records
error: the plan is stale: changes needed now and not in it: 1; steps in it and no longer needed: 0
 |
 = help: plan again and review it, or leave out --exact to run what both hold

"#]]);
    assert_eq!(active(&folder), ["luis"]);
    folder
        .run(["apply", "plan.json"])
        .assert()
        .code(5)
        .stdout_eq(str![[r#"
app: 6 done
Applied. 1 not in the reviewed plan and not run.
Run [RUN]: `headcount history` has it.

"#]])
        .stderr_eq(str![[r#"
reading 2 systems
read app: 1 account
read hr: 5 records
Not in the reviewed plan, and not run (1):
  omar gets an account at app
applying: 1 of 6 changes
applying: 2 of 6 changes
applying: 3 of 6 changes
applying: 4 of 6 changes
applying: 5 of 6 changes
applying: 6 of 6 changes

"#]]);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
}

#[test]
fn a_saved_part_is_applied_as_that_part() {
    let folder = acme();
    folder.run(["plan", "--select", "noor", "--target", "app", "--out", "plan.json"]).assert().code(0);
    folder.run(["apply", "plan.json", "--select", "ada"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: the plan was saved with --target app --select noor, and this run was given --select ada
 |
 = help: leave --target and --select out: the plan file knows which part it is; for another part make another plan

"#]]);
    assert!(!folder.file(".headcount").exists(), "no state was made");
    folder.run(["apply", "plan.json"]).assert().code(0).stdout_eq(str![[r#"
app: 1 done
Applied.
Run [RUN]: `headcount history` has it.

"#]]);
    assert_eq!(active(&folder), ["luis", "noor"], "nobody else is new to it");
    // The same part again, said or not, and exactly.
    folder.run(["plan", "--select", "ada", "--select", "mina", "-o", "json=part.json"]).assert().code(0);
    folder.run(["apply", "part.json", "--exact", "--select", "mina", "--select", "ada"]).assert().code(0);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
}

#[test]
fn of_a_whole_saved_plan_a_part_can_be_applied() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.run(["apply", "plan.json", "--select", "noor"]).assert().code(0);
    assert_eq!(active(&folder), ["luis", "noor"]);
}

#[test]
fn the_part_that_a_plan_is_of_is_under_its_hash() {
    let folder = acme();
    folder.run(["plan", "--target", "app", "--out", "plan.json"]).assert().code(0);
    let text = std::fs::read_to_string(folder.file("plan.json")).expect("a plan");
    assert!(text.contains("\"filter\""), "{text}");
    folder.write("edited.json", &text.replacen("\"app\"", "\"shop\"", 1));
    let told = folder.run(["apply", "edited.json"]).assert().code(1);
    assert!(String::from_utf8_lossy(&told.get_output().stderr).contains("was changed after it was written"));
}

#[test]
fn a_plan_of_another_workspace_or_an_edited_one_is_refused() {
    let folder = acme();
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    let text = std::fs::read_to_string(folder.file("plan.json")).expect("a plan");
    folder.write("edited.json", &text.replace("Ada Okafor", "Ada O."));
    folder.run(["apply", "edited.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't use the plan edited.json: the plan file was changed after it was written (its hash is [HASH], and it says [HASH]): make the plan again

"#]]);
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replace("acme-test", "other-test"));
    folder.run(["apply", "plan.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: the plan is of workspace "acme-test", and the manifests are of "other-test"
 |
 = help: name the manifests that it was made from with -f

"#]]);
    assert_eq!(active(&folder), ["luis"]);
    assert!(!folder.file(".headcount").exists(), "no state was made");
}

#[test]
fn equal_refusals_are_one_line_with_a_count() {
    let folder = acme();
    let trigger = "CREATE TRIGGER nobody BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no room'); END;";
    database(&folder).execute_batch(trigger).expect("a trigger can be made");
    let run = folder.run(["apply", "--auto-approve"]).assert().code(4);
    let told = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(told.contains("\n  ada gets an account at app, and 2 more alike: rejected: app.db: no room\n"), "{told}");
    assert_eq!(told.matches("no room").count(), 1, "{told}");
}

#[test]
fn a_change_that_the_system_refuses_is_told_and_the_others_go_on() {
    let folder = acme();
    let trigger =
        "CREATE TRIGGER no_ada BEFORE INSERT ON users WHEN NEW.login = 'ada' BEGIN SELECT RAISE(ABORT, 'ada is not welcome'); END;";
    database(&folder).execute_batch(trigger).expect("a trigger can be made");
    folder.run(["apply", "--auto-approve"]).assert().code(4).stdout_eq(str![[r#"
Target app

  & hr/2 takes over the existing account luis [not made by headcount]
      displayName  Luis F. → Luís Ferreira at acme.yaml:17
      externalId   (none) → headcount's mark of hr/2
  + ada gets an account (hr/1)
      active: true · department: Engineering · displayName: Ada Okafor
      externalId: headcount's mark of hr/1 · userName: ada
  + mina gets an account (hr/3)
      active: true · department: Engineering · displayName: Mina Park
      externalId: headcount's mark of hr/3 · userName: mina
  + noor gets an account (hr/4)
      active: true · department: Support · displayName: Noor Haddad
      externalId: headcount's mark of hr/4 · userName: noor
  + group Engineering is created (group/engineering, declared) at acme.yaml:40
      displayName: Engineering
      members at acme.yaml:45:  + ada  + mina

Look at these twice

  not made by headcount:  luis (app), given to hr/2

Plan: 3 to create, 1 to take over, 1 group to create, 2 memberships to add.
app: 4 done, 1 done in part, 1 failed

Not done:
  ada gets an account at app: rejected: app.db: ada is not welcome
  group Engineering gets 2 members at app: done in part, missing: ada has no account here

Not everything was applied.
Next: `headcount plan` shows what is left; `headcount apply` goes on with it.
Run [RUN]: `headcount history` has it.

"#]]);
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
    folder.run(["history"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no state at ./.headcount/state.db yet: the first `headcount apply` makes it

"#]]);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    folder.run(["history"]).assert().code(0).stdout_eq(str![[r#"
RUN                         STARTED               WHO     PLAN          OUTCOME
[RUN]   [TIME]  tester  [SHORT]  6 done

"#]]);
    folder.run(["history", "--verify"]).assert().code(0).stdout_eq(str![[r#"
The journal is whole: 15 entries, head [HASH].

"#]]);
    folder.run(["history", "2"]).assert().code(0).stdout_eq(str![[r#"
Run [RUN] by tester, plan [HASH]
[TIME]  started, headcount 0.1.0, for [DAY]
[TIME]  create Engineering (group/engineering) at app: declared
[TIME]    group/engineering at app: done
[TIME]  create ada (hr/1) at app
[TIME]  create mina (hr/3) at app
[TIME]  create noor (hr/4) at app
[TIME]    hr/1 at app: done
[TIME]    hr/3 at app: done
[TIME]    hr/4 at app: done
[TIME]  take over luis (hr/2) at app
[TIME]    hr/2 at app: done
[TIME]  add members of Engineering (group/engineering) at app
[TIME]    group/engineering at app: done
[TIME]  ended
6 done

"#]]);
    folder.run(["history", "nope"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: the journal has no run "nope"
 |
 = help: `headcount history` lists the runs

"#]]);
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
    folder.run(["history", "--verify"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: the journal is broken at entry 1: its hash does not fit its text and the entry before it; everything from there on proves nothing
 |
 = help: compare with an exported copy (`headcount history -o ndjson` writes one), and find out who changed it. If an older copy of the state was put back on purpose, remove ./.headcount/state.db.head; else put a copy back, or move the state away and begin anew

"#]]);
    let refused = folder.run(["apply", "--auto-approve"]).assert().code(1);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("the journal is broken at entry 1"), "nothing is added to it");
}

#[test]
fn an_end_of_the_journal_that_was_cut_off_is_missed_and_the_way_on_works() {
    let folder = applied();
    let state = rusqlite::Connection::open(folder.file(".headcount/state.db")).expect("the state");
    let cut = "DELETE FROM journal WHERE seq > 3; DELETE FROM meta WHERE name = 'journal_head'";
    state.execute_batch(cut).expect("the journal has such rows");
    drop(state);
    for command in [vec!["history", "--verify"], vec!["apply", "--auto-approve"]] {
        let found = folder.run(command).assert().code(1);
        let words = String::from_utf8_lossy(&found.get_output().stderr).into_owned();
        assert!(words.contains("the journal is broken at entry 4: it is missing"), "{words}");
    }
    std::fs::remove_file(folder.file(".headcount/state.db.head")).expect("the file that the message names");
    folder.run(["history", "--verify"]).assert().code(0);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
}

#[test]
fn two_runs_at_once_are_refused() {
    let folder = applied();
    let lock = std::fs::OpenOptions::new().write(true).open(folder.file(".headcount/state.db.lock")).expect("the lock's file");
    lock.try_lock().expect("nobody else holds it");
    let output = folder.run(["apply", "--auto-approve"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The manifests with more said of their Target.
fn with_gates(gates: &str) -> super::Folder {
    let folder = acme();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("the manifests");
    folder.write("acme.yaml", &manifests.replace("  groups: {}\n", &format!("  groups: {{}}\n{gates}\n")));
    folder
}

#[test]
fn what_a_suspension_a_window_or_an_approval_holds_is_told_and_does_not_run() {
    let soon = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_add(jiff::ToSpan::days(3));
    let suspended = format!("  suspend: {{reason: a move, until: \"{soon}\"}}");
    let (closed, approval) = ("  windows: [{deny: {}}]", "  approval: {for: [everything]}");
    for (gates, told, passes) in [
        (suspended.as_str(), format!("  app: 7 changes, suspended until {soon}: a move (take `suspend` out of the Target)"), false),
        (closed, "  app: 7 changes, a window keeps changes off (--ignore-window passes it)".to_owned(), true),
        (approval, "  app: 7 changes, it waits for an approval (review a plan and apply it: `headcount plan --out plan.json`, `headcount apply plan.json`)".to_owned(), false),
    ] {
        let folder = with_gates(gates);
        let run = folder.run(["apply", "--auto-approve"]).assert().code(3);
        let stdout = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        assert!(stdout.starts_with("Nothing to apply. 7 held and not run.\n"), "{stdout}");
        let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(stderr.contains(&format!("Held, and not run:\n{told}\n")), "{stderr}");
        assert_eq!(active(&folder), ["luis"]);
        let run = folder.run(["apply", "--auto-approve", "-q", "-o", "json"]).assert().code(3);
        let told: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
        assert_eq!(told["held"][0]["changes"].as_array().map(Vec::len), Some(6), "{told:#}");
        let run = folder.run(["plan"]).assert().code(0);
        let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        let warns = stderr.contains("`headcount apply` does not run all of it now:");
        assert_eq!(warns, gates != approval, "whoever applies the plan that they see approves it: {stderr}");
        let code = if passes { 0 } else { 3 };
        folder.run(["apply", "--auto-approve", "--ignore-window"]).assert().code(code);
    }
    // Whoever applies a plan that was reviewed approves it.
    let folder = with_gates(approval);
    folder.run(["plan", "--out", "plan.json"]).assert().code(0);
    folder.run(["apply", "plan.json"]).assert().code(0);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"]);
}

#[test]
fn what_others_changed_is_left_by_apply_where_the_target_says_so_and_taken_back_by_a_plan_that_was_reviewed() {
    let folder = with_gates("  drift: observe");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    database(&folder).execute_batch("UPDATE users SET name = 'Ada O.' WHERE login = 'ada'").expect("it can be done");
    folder.write("hr.csv", &HR.replace("Noor Haddad,Support", "Noor Haddad,Engineering"));
    let name =
        || database(&folder).query_row("SELECT name FROM users WHERE login = 'ada'", [], |row| row.get::<_, String>(0)).expect("a name");
    let run = folder.run(["apply", "--auto-approve"]).assert().code(0);
    let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(
        stderr.contains("app: 1 change, others changed it, and `drift: observe` leaves it to them (`headcount drift` shows it)"),
        "{stderr}"
    );
    assert_eq!(name(), "Ada O.");
    folder.run(["drift", "-q", "--revert", "revert.json"]).assert().code(1);
    folder.run(["apply", "revert.json"]).assert().code(0);
    assert_eq!(name(), "Ada Okafor", "what was left is still known for what it was");
}

#[test]
fn a_suspension_of_more_than_a_quarter_is_an_error() {
    let late = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_add(jiff::ToSpan::days(92));
    let folder = with_gates(&format!("  suspend: {{reason: a move, until: \"{late}\"}}"));
    let run = folder.run(["validate"]).assert().code(1);
    let told = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(told.contains("a Target is suspended for at most 90 days"), "{told}");
}

/// An application that knows its accounts by their names: the key is another one after a rename.
#[test]
fn a_renamed_account_whose_key_is_its_name_stays_the_same_account() {
    let folder = super::world::acme();
    let rewrite = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.file(name)).expect("a file");
        assert!(text.contains(from), "{text}");
        folder.write(name, &text.replace(from, to));
    };
    rewrite(
        "acme.yaml",
        "        key: id\n        columns: {userName: login, displayName: name, externalId: external_id,",
        "        key: login\n        columns: {userName: login, displayName: name,",
    );
    let tables = "DROP TABLE team_users; CREATE TABLE team_users (team_id INTEGER, user_id TEXT REFERENCES users (login) ON UPDATE CASCADE, PRIMARY KEY (team_id, user_id))";
    super::world::database(&folder).execute_batch(tables).expect("tables can be made");
    folder.run(["apply", "--auto-approve"]).assert().success();
    rewrite("hr.csv", "3,mina,", "3,mona,");
    folder.run(["apply", "--auto-approve"]).assert().success();
    folder.run(["plan", "--detailed-exitcode"]).assert().code(0);
    // A run that was killed: the account was renamed, and its answer never came.
    rewrite("hr.csv", "3,mona,", "3,moni,");
    let state = rusqlite::Connection::open(folder.file(".headcount/state.db")).expect("the state");
    state
        .execute("INSERT INTO formers (target, kind, key, id, at) VALUES ('app', 'account', 'hr/3', 'moni', '2026-01-01T00:00:00Z')", [])
        .expect("what is remembered before a rename is sent");
    drop(state);
    let renamed = "PRAGMA foreign_keys = ON; UPDATE users SET login = 'moni' WHERE login = 'mona'";
    super::world::database(&folder).execute_batch(renamed).expect("it is renamed");
    folder.run(["plan", "--detailed-exitcode"]).assert().code(0);
    rewrite("hr.csv", "Mina Park,Engineering,", "Mina Park,Engineering,2026-01-01");
    folder.run(["apply", "--auto-approve"]).assert().success();
    assert_eq!(super::world::active(&folder), ["ada", "luis", "noor"]);
}
