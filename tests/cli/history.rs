//! `headcount history` by person, target and time: what became of somebody, why, and who ran it.

use serde_json::Value;
use snapbox::str;

use super::Folder;
use super::world::{HR, applied};

/// Applied twice: noor left, mina moved, and the second run was GitHub's.
fn lived() -> Folder {
    let folder = applied();
    let later = HR
        .replace("4,noor,Noor Haddad,Support,", "4,noor,Noor Haddad,Support,2020-01-01")
        .replace("3,mina,Mina Park,Engineering", "3,mina,Mina Park,Support");
    folder.write("hr.csv", &later);
    let run = folder
        .run(["apply", "--auto-approve"])
        .env("GITHUB_ACTOR", "octocat")
        .env("GITHUB_SHA", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d");
    run.assert().code(0);
    folder
}

fn json(folder: &Folder, arguments: &[&'static str]) -> Value {
    let output = folder.run(["history", "-o", "json"].into_iter().chain(arguments.iter().copied())).output().expect("it runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_narrow_terminal_has_lines_in_the_place_of_a_table() {
    let folder = lived();
    for arguments in [&["history", "hr/3"][..], &["history"]] {
        let output = folder.run(arguments.iter().copied()).env("COLUMNS", "70").output().expect("it runs");
        let words = String::from_utf8(output.stdout).expect("text");
        assert!(words.lines().all(|line| line.chars().count() <= 70 || !line.contains(' ')), "{words}");
    }
    let output = folder.run(["history", "hr/3"]).env("COLUMNS", "70").output().expect("it runs");
    let words = String::from_utf8(output.stdout).expect("text");
    assert!(words.contains("mina is updated: department at app (differs from"), "{words}");
}

#[test]
fn each_change_of_one_person_with_its_reason() {
    let folder = lived();
    folder.run(["history", "hr/3"]).assert().code(0).stdout_eq(str![[r#"
WHEN                  TARGET  CHANGE                        REASON                   RESULT  WHO                           RUN
[TIME]  app     mina gets an account                                   done    tester                        [RUN]
[TIME]  app     group Engineering gets hr/3                            done    tester                        [RUN]
[TIME]  app     group Engineering loses hr/3                           done    octocat, commit [SHORT]  [RUN]
[TIME]  app     mina is updated: department   differs from the record  done    octocat, commit [SHORT]  [RUN]

"#]]);
    let named = folder.run(["history", "--who", "Mina"]).output().expect("it runs").stdout;
    assert_eq!(named, folder.run(["history", "hr/3"]).output().expect("it runs").stdout, "by the name of the account too");
    let by_record = folder.run(["history", "--who", "3"]).output().expect("it runs").stdout;
    assert_eq!(by_record, named, "by the record's key too");
    folder.run(["history", "hr/4"]).assert().code(0).stdout_eq(str![[r#"
WHEN                  TARGET  CHANGE                REASON    RESULT  WHO                           RUN
[TIME]  app     noor gets an account            done    tester                        [RUN]
[TIME]  app     noor loses sign-in    has left  done    octocat, commit [SHORT]  [RUN]

"#]]);
    let told = json(&folder, &["hr/3"]);
    let last = told["changes"].as_array().and_then(|all| all.last()).expect("a change");
    assert_eq!((&last["reason"], &last["result"], &last["target"]), (&"mover".into(), &"done".into(), &"app".into()));
    assert_eq!(last["who"], "octocat, commit 1a2b3c4d5e6f");
    folder.run(["history", "hr/9"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: the journal has nothing about "hr/9"
 |
 = help: name a key (hr/10023, user/jane, group/NAME) or a user name; `headcount explain` finds it

"#]]);
}

#[test]
fn a_target_and_a_time_narrow_it() {
    let folder = lived();
    let count = |arguments: &[&'static str]| json(&folder, arguments)["changes"].as_array().map(Vec::len);
    let all = count(&["--target", "app"]).expect("changes");
    assert!(all > 6, "{all}");
    assert_eq!(count(&["--target", "shop"]), Some(0));
    assert_eq!((count(&["hr/1", "--since", "1h"]), count(&["hr/1", "--until", "2020-01-01"])), (count(&["hr/1"]), Some(0)));
    let runs = |arguments: &[&'static str]| json(&folder, arguments)["runs"].as_array().map(Vec::len);
    assert_eq!((runs(&[]), runs(&["--since", "1h"]), runs(&["--until", "2020-01-01"])), (Some(2), Some(2), Some(0)));
    folder.run(["history", "--until", "2020-01-01"]).assert().code(0).stdout_eq("No runs in that time.\n");
    folder.run(["history", "--since", "soon"]).assert().code(2);
    folder.run(["history", "2", "--target", "app"]).assert().code(2);
}

#[test]
fn what_a_killed_run_sent_is_told_as_unanswered() {
    let folder = applied();
    let state = rusqlite::Connection::open(folder.file(".headcount/state.db")).expect("the state");
    state.execute_batch("DELETE FROM journal WHERE event IN ('outcome', 'finished')").expect("the journal has such rows");
    drop(state);
    let told = String::from_utf8(folder.run(["history", "hr/1"]).output().expect("it runs").stdout).expect("text");
    assert!(told.contains("unanswered") && told.contains("the run was killed before it heard, or still runs"), "{told}");
    let runs = String::from_utf8(folder.run(["history"]).output().expect("it runs").stdout).expect("text");
    assert!(runs.contains("never ended: it was killed, or still runs"), "{runs}");
}

#[test]
fn looking_back_writes_nothing() {
    let folder = lived();
    let read = |folder: &Folder, name: &str| std::fs::read(folder.file(name)).expect("it is there");
    let state = |folder: &Folder| (read(folder, ".headcount/state.db"), read(folder, ".headcount/state.db.head"));
    let before = state(&folder);
    for arguments in [vec!["history"], vec!["history", "hr/1"], vec!["history", "--target", "app"], vec!["history", "--verify"]] {
        folder.run(arguments).assert().code(0);
    }
    assert!(state(&folder) == before);
}

#[test]
fn without_a_name_it_is_the_uid() {
    let folder = super::world::acme();
    let run = folder.run(["apply", "--auto-approve"]).env_remove("USER").env_remove("LOGNAME").env_remove("CI").output().expect("it runs");
    assert!(run.status.success());
    let who = json(&folder, &[])["runs"][0]["who"].as_str().map(str::to_owned).expect("a name");
    assert!(who.strip_prefix("uid ").is_some_and(|uid| uid.parse::<u32>().is_ok()), "{who}");
}
