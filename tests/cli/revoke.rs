//! `headcount revoke`: cut off at once, a receipt for each target, and back again when it is lifted.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value as Json;
use snapbox::str;

use super::Folder;
use super::world::{HR, acme, applied, database};
use crate::support::scim2::Scim2Server;
use crate::support::{free_port, skipped};

fn groups_of(folder: &Folder, login: &str) -> i64 {
    let query = "SELECT count(*) FROM team_users JOIN users ON users.id = user_id WHERE login = ?1";
    database(folder).query_row(query, [login], |row| row.get(0)).expect("a count")
}

fn is_active(folder: &Folder, login: &str) -> bool {
    database(folder).query_row("SELECT is_active FROM users WHERE login = ?1", [login], |row| row.get(0)).expect("an account")
}

fn revoke(folder: &Folder, more: &[&str]) -> snapbox::cmd::Command {
    folder.run(["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve"].iter().chain(more).copied())
}

#[test]
fn cuts_off_at_once_and_prints_the_manifest() {
    let folder = applied();
    revoke(&folder, &[]).assert().code(0).stdout_eq(str![[r#"
hr/1
  app  done
Cut off.

Commit this; removing it gives back what the rules of that day give:

apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: hr-1-[DAY]}
spec:
  identities:
  - {identity: {source: "hr", key: "1"}}
  reason: "stolen laptop"

"#]]);
    assert!(!is_active(&folder, "ada") && is_active(&folder, "mina"));
    assert_eq!((groups_of(&folder, "ada"), groups_of(&folder, "mina")), (0, 1));
    // In force until a manifest or a person says otherwise, whatever the source says.
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
    revoke(&folder, &[]).assert().code(0).stdout_eq(str![[r#"
hr/1
  app  already so
...
"#]]);
    folder.run(["history", "--verify"]).assert().code(0);
}

#[test]
fn lifting_it_gives_everything_back() {
    let folder = applied();
    revoke(&folder, &[]).assert().code(0);
    folder.run(["revoke", "--lift", "hr/1"]).assert().code(0);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(is_active(&folder, "ada"));
    assert_eq!(groups_of(&folder, "ada"), 1);
    folder.run(["revoke", "--lift", "hr/1"]).assert().code(1);
}

#[test]
fn the_printed_manifest_takes_over_and_taking_it_out_lifts_it() {
    let folder = applied();
    let output = revoke(&folder, &["-o", "json"]).output().expect("it runs");
    let told: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["complete"], &told["receipts"][0]["outcome"]), (&Json::from(true), &Json::from("done")));
    folder.write("stop.yaml", told["manifest"].as_str().expect("a manifest"));
    folder.run(["validate"]).assert().code(0);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
    folder.run(["explain", "hr/1"]).assert().code(0).stdout_eq(str![[r#"
...
[..]cut off by revocation/hr-1-[..] (stolen laptop)[..]stop.yaml:[..]
...
"#]]);
    std::fs::remove_file(folder.file("stop.yaml")).expect("it can be removed");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(is_active(&folder, "ada"));
}

#[test]
fn an_unreadable_source_holds_nothing_up() {
    let folder = applied();
    std::fs::remove_file(folder.file("hr.csv")).expect("it can be removed");
    revoke(&folder, &[]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
    folder.write("hr.csv", HR);
}

#[test]
fn names_are_answered_and_not_acted_on() {
    let folder = applied();
    let names = ["revoke", "ada", "--reason", "stolen laptop", "--auto-approve"];
    folder.run(names).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: "ada" is no identity's key; it may mean hr/1
 |
 = help: name immutable keys: the source's name and the record's key (hr/10023), or user/NAME; nothing was changed

"#]]);
    let slip = ["revoke", "hr/11", "--reason", "stolen laptop", "--auto-approve"];
    folder.run(slip).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: nobody has the key hr/11, neither in a source nor at a target; nothing was changed
 |
 = help: did you mean hr/1?

"#]]);
    assert!(is_active(&folder, "ada"));
}

#[test]
fn the_last_line_about_a_name_says_what_became_of_the_keys_beside_it() {
    let folder = applied();
    let both = ["revoke", "hr/1", "grace hopper", "--reason", "stolen laptop", "--auto-approve"];
    let output = folder.run(both).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(!told.contains("nothing was changed"), "{told}");
    assert!(told.contains("nobody was cut off by grace hopper; hr/1 was cut off"), "{told}");
    assert!(!is_active(&folder, "ada"));
}

#[test]
fn protection_refuses_and_without_it_the_next_apply_does_it() {
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replace("  groups: {}\n", "  groups: {}\n  protect: {accounts: [ada]}\n"));
    revoke(&folder, &[]).assert().code(3).stdout_eq(str![[r#"
hr/1
  app  failed: it is protected
Not cut off everywhere: protection refuses the rest. It stays in force: without the protection, `headcount apply` does it.
...
"#]]);
    assert!(is_active(&folder, "ada"));
    folder.write("acme.yaml", &manifests);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
}

/// A payroll that joins its records with those of the HR export.
const PAYROLL: &str = "
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: payroll}
spec:
  connection: {file: {path: payroll.csv}}
  key: record.number
  establishes: false
  precedence: 5
  correlate: [userName]
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: costCenter, value: record.center}
";

/// The same people in two sources, and everything applied.
fn applied_with_payroll() -> Folder {
    let folder = acme();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    let two = manifests.replace("  key: record.id\n", "  key: record.id\n  establishes: true\n  precedence: 10\n");
    folder.write("acme.yaml", &(two + PAYROLL));
    folder.write("payroll.csv", "number,login,center\n77,ada,100\n78,mina,200\n");
    folder.run(["apply", "--auto-approve"]).assert().success();
    folder
}

fn revoke_as(folder: &Folder, key: &str, more: &[&str]) -> snapbox::cmd::Command {
    folder.run(["revoke", key, "--reason", "stolen laptop", "--auto-approve"].iter().chain(more).copied())
}

#[test]
fn any_key_of_a_person_means_them() {
    let folder = applied_with_payroll();
    revoke_as(&folder, "payroll/77", &[]).assert().code(0).stdout_eq(str![[r#"
hr/1 (also payroll/77)
  app  done
Cut off.
...
"#]]);
    assert!(!is_active(&folder, "ada") && is_active(&folder, "mina"));
    // Whatever comes after agrees.
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
    folder.run(["explain", "payroll/77"]).assert().code(0).stdout_eq(str![[r#"
...
[..]cut off by `headcount revoke` (stolen laptop)[..]
...
"#]]);
    folder.run(["revoke", "--lift", "payroll/77"]).assert().code(0);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(is_active(&folder, "ada"));
}

#[test]
fn a_key_that_only_sources_can_join_is_joined_by_them() {
    let folder = applied_with_payroll();
    let state = Connection::open(folder.file(".headcount/state.db")).expect("the state");
    state.execute("DELETE FROM records", []).expect("it is forgotten whose record is whose");
    revoke_as(&folder, "payroll/77", &[]).assert().code(0).stdout_eq(str![[r#"
payroll/77 (also hr/1)
  app  done
Cut off.
...
"#]]);
    assert!(!is_active(&folder, "ada"));
    let keys: i64 = state.query_row("SELECT count(*) FROM revoked_as WHERE key = 'hr/1'", [], |row| row.get(0)).expect("a count");
    assert_eq!(keys, 1, "a run under way is fenced for every key");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
}

#[test]
fn what_a_target_refuses_is_never_called_cut_off() {
    let folder = applied_with_payroll();
    let refuse = "CREATE TRIGGER stays BEFORE UPDATE OF is_active ON users BEGIN SELECT RAISE(ABORT, 'nobody leaves'); END";
    database(&folder).execute_batch(refuse).expect("a trigger");
    let output = revoke_as(&folder, "payroll/77", &["--timeout", "1s"]).assert().code(4).get_output().stdout.clone();
    let told = String::from_utf8(output).expect("text");
    assert!(told.contains("app  failed: ") && told.contains("Not cut off everywhere."), "{told}");
    assert!(is_active(&folder, "ada"));
}

#[test]
fn a_target_that_hangs_delays_nobody_else_and_the_revocation_is_remembered_first() {
    let folder = applied();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = silent.local_addr().expect("an address").port();
    folder.write("chat.yaml", &chat(&format!("http://127.0.0.1:{port}/v2"), "token"));
    let mut child = Command::new(snapbox::cargo_bin!("headcount"))
        .args(["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve", "--timeout", "1m"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // It takes the question and never answers. As long as this question is open nothing else may wait for it.
    let (mut open, _) = silent.accept().expect("a question");
    open.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let began = Instant::now();
    while is_active(&folder, "ada") {
        let mut bytes = [0; 1024];
        let still = std::io::Read::read(&mut open, &mut bytes);
        let given_up = matches!(still, Ok(0));
        assert!(!given_up && began.elapsed() < PATIENCE, "it waited for the target that hangs");
    }
    let state = Connection::open(folder.file(".headcount/state.db")).expect("the state");
    let standing: i64 = state.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0)).expect("a count");
    assert_eq!(standing, 1);
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
}

#[test]
fn what_is_wrong_elsewhere_holds_nobody_up() {
    let group = "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: odd}\nspec:\n  displayName: Odd\n  rule: identity.departmnt == 'x'\n";
    let unknown = "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {name: more}\nspec: {conection: 1}\n";
    for (name, text) in [("odd.yaml", group), ("more.yaml", unknown)] {
        let folder = applied();
        folder.write(name, text);
        folder.run(["validate"]).assert().code(1);
        let code = revoke(&folder, &[]).assert().get_output().status.code();
        assert!(!is_active(&folder, "ada"), "{name}");
        // What can't be read at all may be a Target.
        assert_eq!(code, Some(if name == "odd.yaml" { 0 } else { 4 }), "{name}");
    }
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    let table = "spec:\n  id: acme-test\n  tables:\n    centers: {file: {path: nowhere.csv, key: a, value: b}}\n";
    let missing = manifests.replace("spec: {id: acme-test}\n", table);
    assert_ne!(missing, manifests);
    folder.write("acme.yaml", &missing);
    folder.run(["validate"]).assert().code(1);
    revoke(&folder, &[]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
}

#[test]
fn a_target_is_used_whatever_else_is_wrong_with_it_but_not_without_its_protection() {
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replace("  groups: {}\n", "  groups: {}\n  protect: {acounts: [ada]}\n"));
    revoke(&folder, &["--timeout", "1s"]).assert().code(4).stdout_eq(str![[r#"
hr/1
  app  failed: its `protect` has an error, so nobody is cut off there before it is mended
Not cut off everywhere. It stays in force: every `headcount apply` tries again.
...
"#]]);
    assert!(is_active(&folder, "ada"));
    folder.write("acme.yaml", &manifests.replace("  groups: {}\n", "  groups: {}\n  select: identity.departmnt == 'x'\n"));
    revoke(&folder, &[]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
}

#[test]
fn nobody_is_said_to_have_no_account_where_nobody_could_look() {
    let folder = applied();
    folder.write("hr.csv", &(HR.to_owned() + "9,zoe,Zoe Quist,Support,\n"));
    std::fs::rename(folder.file("hr.csv"), folder.file("away.csv")).expect("it can be moved");
    revoke_as(&folder, "hr/9", &["--timeout", "1s"]).assert().code(4).stdout_eq(str![[r#"
hr/9
  app  unreachable: no account by link or mark, and others could not be looked for: hr could not be read
Not cut off everywhere. It stays in force: every `headcount apply` tries again.
...
"#]]);
}

/// What may be wrong with a state.
fn spoil(folder: &Folder, how: &str) {
    let path = folder.file(".headcount/state.db");
    match how {
        "damaged" => {
            for side in ["state.db-wal", "state.db-shm"] {
                drop(std::fs::remove_file(folder.file(&format!(".headcount/{side}"))));
            }
            std::fs::write(&path, "this is no database at all, and long enough to be looked at as one".repeat(99)).expect("a file");
        }
        "newer" => Connection::open(&path).expect("the state").pragma_update(None, "user_version", 99).expect("a version"),
        "full" => Connection::open(&path)
            .expect("the state")
            .execute_batch("CREATE TRIGGER full BEFORE INSERT ON revocations BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
            .expect("a trigger"),
        "a row" => Connection::open(&path)
            .expect("the state")
            .execute_batch("UPDATE baselines SET filled = 'spoilt'; INSERT INTO links VALUES ('app', 'group', 'group/x', 'x', 'created', 0, NULL, 'no time')")
            .expect("a row that can't be read"),
        "full later" => Connection::open(&path)
            .expect("the state")
            .execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal WHEN NEW.event = 'intent' BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
            .expect("a trigger"),
        _ => {
            std::fs::remove_dir_all(folder.file(".headcount")).expect("it can be removed");
            std::fs::create_dir_all(&path).expect("a folder in its place");
        }
    }
}

#[test]
fn a_state_that_can_t_be_used_holds_nobody_up() {
    for how in ["damaged", "newer", "full", "full later", "a row", "a folder"] {
        let folder = applied();
        spoil(&folder, how);
        let output = revoke(&folder, &["--timeout", "5s", "-o", "json"]).output().expect("it runs");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!is_active(&folder, "ada") && groups_of(&folder, "ada") == 0, "{how}: {words}");
        let told: Json = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&told["remembered"], &told["complete"]), (&Json::from(false), &Json::from(true)), "{how}: {told}");
        assert_eq!(output.status.code(), Some(4), "{how}: it is not remembered, and that is not done");
        assert!(words.contains("nothing is remembered"), "{how}: {words}");
    }
}

#[test]
fn without_a_state_links_and_marks_lead_to_accounts_all_the_same() {
    let folder = applied();
    revoke(&folder, &["--no-state"]).assert().code(0).stdout_eq(str![[r#"
hr/1
  app  done
Cut off, and not remembered: commit this before the next `headcount apply`, or it undoes it.
...
"#]]);
    assert!(!is_active(&folder, "ada"));
    let state = Connection::open(folder.file(".headcount/state.db")).expect("the state");
    let standing: i64 = state.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0)).expect("a count");
    assert_eq!(standing, 0);
}

#[test]
fn one_misspelt_key_keeps_no_other_waiting() {
    let folder = applied();
    let two = ["revoke", "hr/1", "hr/11", "--reason", "stolen laptop", "--auto-approve"];
    folder.run(two).assert().code(1).stdout_eq(str![[r#"
hr/1
  app  done
Cut off.
...
"#]]);
    assert!(!is_active(&folder, "ada"));
    let state = Connection::open(folder.file(".headcount/state.db")).expect("the state");
    let standing: i64 = state.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0)).expect("a count");
    assert_eq!(standing, 1, "a key that nobody has is not remembered");
    let name = ["revoke", "hr/3", "luis", "--reason", "stolen laptop", "--auto-approve"];
    folder.run(name).assert().code(2);
    assert!(!is_active(&folder, "mina") && is_active(&folder, "luis"));
}

#[test]
fn a_day_that_is_past_is_refused() {
    let folder = applied();
    revoke(&folder, &["--until", "2020-01-31"]).assert().code(2).stderr_eq(str![[r#"
error: --until [DAY] is past: the revocation would be over before it began
 |
 = help: name the last day on which they stay out, or leave --until out

"#]]);
    assert!(is_active(&folder, "ada"));
}

#[test]
fn an_account_that_a_namesake_may_have_is_left_to_a_person() {
    let folder = acme();
    // Nobody's account is marked or linked: Luis's is there already, and somebody else is called the same.
    folder.write("hr.csv", &(HR.to_owned() + "12,Luis,Luis Other,Support,\n"));
    let output = revoke_as(&folder, "hr/2", &["--timeout", "1s"]).assert().code(4).get_output().stdout.clone();
    let told = String::from_utf8(output).expect("text");
    assert!(told.contains("may be hr/12's too"), "{told}");
    assert!(is_active(&folder, "luis"));
    folder.write("hr.csv", HR);
    revoke_as(&folder, "hr/2", &[]).assert().code(0);
    assert!(!is_active(&folder, "luis"));
}

/// A second target, on a SCIM service.
fn chat(url: &str, token: &str) -> String {
    format!(
        "apiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: chat}}\nspec:\n  connection:\n    scim:\n      url: {url}\n      \
         auth: {{bearer: {{exec: [echo, {token}]}}}}\n      timeout: 5s\n  groups: {{}}\n  mapping:\n    defaults: none\n    rules:\n    \
         - {{attribute: userName, value: identity.userName}}\n"
    )
}

#[test]
fn a_target_that_is_down_holds_nobody_up_and_the_next_apply_goes_on() {
    let Some(server) = Scim2Server::start() else { return skipped("revoke on scim", "scim2-server") };
    let folder = applied();
    folder.write("chat.yaml", &chat(&server.url(), server.token()));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    // As if the service were down: nothing listens there.
    folder.write("chat.yaml", &chat(&format!("http://127.0.0.1:{}/v2", free_port()), server.token()));
    revoke(&folder, &["--timeout", "1s"]).assert().code(4).stdout_eq(str![[r#"
hr/1
  app   done
  chat  unreachable: [..]
Not cut off everywhere. It stays in force: every `headcount apply` tries again.
...
"#]]);
    assert!(!is_active(&folder, "ada"));
    folder.write("chat.yaml", &chat(&server.url(), server.token()));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let output = revoke(&folder, &["-o", "json"]).assert().code(0).get_output().stdout.clone();
    let told: Json = serde_json::from_slice(&output).expect("JSON");
    let outcomes: Vec<_> = told["receipts"].as_array().expect("receipts").iter().map(|receipt| receipt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["alreadySo", "alreadySo"]);
}

#[test]
fn a_service_is_asked_for_one_account_only() {
    let Some(server) = Scim2Server::start() else { return skipped("revoke on scim", "scim2-server") };
    let folder = applied();
    folder.write("chat.yaml", &chat(&server.url(), server.token()));
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    revoke(&folder, &["--target", "chat"]).assert().code(0).stdout_eq(str![[r#"
hr/1
  chat  done
Cut off.
...
"#]]);
    assert!(is_active(&folder, "ada"), "only at the target that was named");
    folder.run(["plan"]).assert().code(0).stdout_eq(str![[r#"
Target app

...
"#]]);
}

#[test]
fn a_run_under_way_is_not_waited_for_and_undoes_nothing() {
    let folder = applied();
    // Whoever holds this lock is a run.
    let lock = std::fs::OpenOptions::new().create(true).append(true).open(folder.file(".headcount/state.db.lock")).expect("a lock");
    lock.lock().expect("it is free");
    revoke(&folder, &[]).assert().code(0);
    assert!(!is_active(&folder, "ada"));
    drop(lock);
    let state = Connection::open(folder.file(".headcount/state.db")).expect("the state");
    let standing: i64 = state.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0)).expect("a count");
    assert_eq!(standing, 1);
}

/// Joiners of the large apply, 100 of them in a request.
const JOINERS: u32 = 2500;
/// Requests a second: the joiners alone take six seconds, of which the revocation needs one.
const PACE: u32 = 4;
/// Far more than it takes; a test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace in which thousands join, and Luis is to move to Engineering.
fn much_to_do() -> Folder {
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    let slow = manifests.replace("  groups: {}\n", &format!("  groups: {{}}\n  limits: {{perSecond: {PACE}}}\n"));
    assert_ne!(slow, manifests);
    folder.write("acme.yaml", &slow);
    let joiners = (1..=JOINERS).map(|number| format!("{},joiner{number},Joiner {number},Engineering,\n", 10_000 + number));
    let moved = HR.replace("2,luis,Luís Ferreira,Support,", "2,luis,Luís Ferreira,Engineering,");
    assert_ne!(moved, HR);
    folder.write("hr.csv", &(moved + &joiners.collect::<String>()));
    folder
}

/// An apply under way, whose outcome will be in a file.
fn begin_apply(folder: &Folder) -> Child {
    let to = |name: &str| Stdio::from(File::create(folder.file(name)).expect("a file"));
    let mut child = Command::new(snapbox::cargo_bin!("headcount"))
        .args(["apply", "--auto-approve", "-o", "json"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(to("outcome.json"))
        .stderr(to("progress.log"))
        .spawn()
        .expect("the binary starts");
    let began = Instant::now();
    // Its first rows show that it is in the midst of its work.
    while count(folder, "SELECT count(*) FROM users") <= 4 {
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none() && began.elapsed() < PATIENCE, "{ended:?}: {}", text(folder, "progress.log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn count(folder: &Folder, query: &str) -> i64 {
    database(folder).query_row(query, [], |row| row.get(0)).expect("a count")
}

fn text(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.file(name)).expect("a text")
}

#[test]
fn a_large_apply_under_way_gives_nothing_more_to_whoever_is_revoked() {
    let folder = much_to_do();
    let last = format!("hr/{}", 10_000 + JOINERS);
    let mut apply = begin_apply(&folder);
    let whom = ["revoke", "hr/2", &last, "--reason", "stolen laptop", "--auto-approve", "-o", "json"];
    let output = folder.run(whom).assert().code(0).get_output().stdout.clone();
    assert_eq!(apply.try_wait().expect("a child"), None, "the revocation waits for no run");
    let told: Json = serde_json::from_slice(&output).expect("JSON");
    let outcomes: Vec<_> = told["receipts"].as_array().expect("receipts").iter().map(|receipt| &receipt["outcome"]).collect();
    assert_eq!(outcomes, ["noAccount", "done"], "{told}");
    assert!(!is_active(&folder, "luis"), "at once");

    let ended = apply.wait().expect("it ends");
    let outcome: Json = serde_json::from_str(&text(&folder, "outcome.json")).expect("JSON");
    assert_eq!(ended.code(), Some(4), "{}", text(&folder, "progress.log"));
    let outcomes = outcome["outcomes"].as_array().expect("outcomes");
    let short = |outcome: &Json| {
        [&outcome["action"], &outcome["object"]["key"], &outcome["message"]].map(|word| word.as_str().unwrap_or_default()).join(" ")
    };
    let left: Vec<_> = outcomes.iter().filter(|outcome| outcome["result"] != "done").map(short).collect();
    assert_eq!(
        left,
        [
            &format!("create {last} not tried: revoked"),
            "update hr/2 not tried: revoked",
            "addMembers group/engineering done in part, missing: joiner2500 has no account here; hr/2 is revoked",
        ]
    );
    assert!(!is_active(&folder, "luis"));
    assert_eq!(groups_of(&folder, "luis"), 0);
    assert_eq!(count(&folder, "SELECT count(*) FROM users WHERE is_active"), i64::from(JOINERS) - 1 + 3);
    assert_eq!(count(&folder, "SELECT count(*) FROM team_users"), i64::from(JOINERS) - 1 + 2);
    folder.run(["plan", "--detailed-exitcode"]).assert().code(0).stdout_eq(str![[r#"
Findings

  1. warning: hr/12500: cut off by `headcount revoke` since [TIME] (stolen laptop); in
     force, not yet in a manifest [revocation]
     next: Commit the Revocation that the command printed, or end it:
     `headcount revoke --lift hr/12500`

  2. warning: hr/2: cut off by `headcount revoke` since [TIME] (stolen laptop); in
     force, not yet in a manifest [revocation]
     next: Commit the Revocation that the command printed, or end it: `headcount revoke --lift hr/2`

No changes. Everything is as declared.

"#]]);
}

/// An account that nobody has, in a group; one that is protected; one of another program.
fn with_strangers() -> Folder {
    let folder = applied();
    let rows = "INSERT INTO users (login, external_id) VALUES ('svc-old', NULL), ('root', NULL), ('robot', 'okta-7'); \
                INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE login = 'svc-old'";
    database(&folder).execute_batch(rows).expect("rows");
    let manifest = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    folder.write("acme.yaml", &manifest.replace("  groups: {}\n", "  groups: {}\n  protect: {accounts: [root]}\n"));
    folder
}

fn by_itself(folder: &Folder, account: &str, more: &[&str]) -> snapbox::cmd::Command {
    folder.run(["revoke", "--account", account, "--reason", "nobody has it", "--auto-approve"].iter().chain(more).copied())
}

#[test]
fn an_account_of_nobodys_is_cut_off_by_itself_and_stays_so() {
    let folder = with_strangers();
    by_itself(&folder, "app/svc-old", &[]).assert().code(0).stdout_eq(str![[r#"
account/app/5
  app  done
Cut off.

Commit this; removing it gives back what the rules of that day give:

apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: account-app-5-[DAY]}
spec:
  accounts:
  - {target: "app", id: "5"}
  reason: "nobody has it"

"#]]);
    assert!(!is_active(&folder, "svc-old") && is_active(&folder, "ada"));
    assert_eq!(groups_of(&folder, "svc-old"), 0);
    folder.run(["history", "--verify"]).assert().code(0);
    let told = stdout(&folder, &["explain", "account/app/svc-old", "-q"]);
    assert!(told.contains("a revocation cuts it off") && told.contains("`headcount revoke` (nobody has it)"), "{told}");
    assert!(told.contains("headcount revoke --lift account/app/5"), "{told}");
    assert!(!stdout(&folder, &["plan", "--unclaimed", "-q"]).contains("svc-old"), "it is told as revoked, not as nobody's");

    // Somebody who gives it back at the target gets no further than the next run.
    database(&folder).execute_batch("UPDATE users SET is_active = 1 WHERE login = 'svc-old'").expect("an update");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "svc-old"));
    // Nor does somebody of its name take it over: that is said, with the answer, and the answer works.
    folder.write("hr.csv", &format!("{HR}5,svc-old,Service Old,Support,\n"));
    let plan = stdout(&folder, &["plan", "-q"]);
    assert!(plan.contains("(id 5) is revoked by itself") && plan.contains("headcount revoke --lift account/app/5"), "{plan}");
    folder.run(["apply", "--auto-approve"]).assert().code(5);
    assert!(!is_active(&folder, "svc-old"));
    folder.run(["revoke", "--lift", "account/app/5"]).assert().code(0);
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert_eq!(count(&folder, "SELECT count(*) FROM users WHERE login = 'svc-old' AND external_id LIKE '%hr:5'"), 1, "now it is theirs");
}

#[test]
fn the_manifest_of_an_account_keeps_it_out_without_a_state() {
    let folder = with_strangers();
    let output = by_itself(&folder, "app/5", &["--no-state"]).output().expect("it runs");
    let told = String::from_utf8(output.stdout).expect("text");
    let manifest = &told[told.find("apiVersion").expect("a manifest")..];
    folder.write("revocation.yaml", manifest);
    database(&folder).execute_batch("UPDATE users SET is_active = 1 WHERE login = 'svc-old'").expect("an update");
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    assert!(!is_active(&folder, "svc-old"));
    folder.run(["plan", "--detailed-exitcode"]).assert().code(0);
    folder.write("revocation.yaml", &manifest.replace("id: \"5\"", "id: \"55\""));
    let told = stdout(&folder, &["plan", "-q"]);
    assert!(told.contains("no account at app has the id 55"), "{told}");
    folder.write("revocation.yaml", &manifest.replace("target: \"app\"", "target: \"ap\""));
    folder.run(["validate"]).assert().code(1);
}

#[test]
fn what_somebody_has_or_protection_covers_is_not_cut_off_by_itself() {
    let folder = with_strangers();
    let refused = |account: &str, code: i32, words: &str, answer: &str| {
        let output = by_itself(&folder, account, &["-q"]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words) && told.contains(answer), "{told}");
    };
    refused("app/ada", 2, "app/ada (id 2) is the account of hr/1; nothing was changed", "headcount revoke hr/1 --reason WHY");
    refused("app/root", 3, "app/root (id 6) is protected", "take it out of `protect`");
    refused("app/nobody", 1, "no account at app has the id or the name \"nobody\"", "name its id");
    refused("chat/ada", 2, "there is no target \"chat\"", "app");
    refused("ada", 2, "\"ada\" names no account", "chat/jdoe");
    assert_eq!(count(&folder, "SELECT count(*) FROM users WHERE is_active"), 7, "nothing was changed");
    // Where protection is taken away, it goes; so does what another program marked.
    let manifest = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    folder.write("acme.yaml", &manifest.replace("accounts: [root]", "accounts: []"));
    by_itself(&folder, "app/root", &[]).assert().code(0);
    by_itself(&folder, "app/robot", &[]).assert().code(0);
    assert!(!is_active(&folder, "root") && !is_active(&folder, "robot"));
}

#[test]
fn a_number_that_is_one_accounts_id_and_anothers_name_cuts_nobody_off() {
    let folder = with_strangers();
    database(&folder).execute_batch("INSERT INTO users (login) VALUES ('5')").expect("a row");
    let refused = |account: &str| {
        let output = by_itself(&folder, account, &["-q"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = refused("app/5");
    assert!(told.contains("app/5 is the id of svc-old, and the name of another account; nothing was changed"), "{told}");
    assert!(told.contains("name app/svc-old, or the other one by its id: app/8"), "{told}");
    assert!(is_active(&folder, "svc-old") && is_active(&folder, "5"));
    assert!(stdout(&folder, &["explain", "account/app/5", "-q"]).contains("another account has this id as its name (id 8)"));
    by_itself(&folder, "app/8", &[]).assert().code(0);
    by_itself(&folder, "app/svc-old", &[]).assert().code(0);
    assert!(!is_active(&folder, "svc-old") && !is_active(&folder, "5"));
}

#[test]
fn an_account_that_is_named_like_a_person_is_answered_with_what_revokes_it_and_what_ends_that() {
    let folder = with_strangers();
    for named in ["account/app/svc-old", "app/svc-old"] {
        let output = folder.run(["revoke", named, "--reason", "x", "--auto-approve"]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains("headcount revoke --account app/svc-old --reason WHY"), "{told}");
    }
    by_itself(&folder, "app/svc-old", &[]).assert().code(0);
    let output = folder.run(["revoke", "--lift", "--account", "app/svc-old"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("in force; those that are: account/app/5"), "{told}");
    folder.run(["revoke", "--lift", "account/app/5"]).assert().code(0);
}

#[test]
fn an_account_that_is_called_otherwise_by_now_is_cut_off_by_itself_where_a_revocation_leaves_it_alone() {
    let folder = applied();
    let renamed = "UPDATE users SET login = 'zed', name = 'Zed Zoe', external_id = NULL WHERE login = 'ada'";
    database(&folder).execute_batch(renamed).expect("an update");
    folder.run(["revoke", "hr/1", "--reason", "x", "--auto-approve", "--timeout", "0s"]).assert().code(4);
    assert!(is_active(&folder, "zed"), "its id may have been used again");
    let told = stdout(&folder, &["plan", "-q"]);
    assert!(told.contains("headcount revoke"), "{told}");
    by_itself(&folder, "app/zed", &[]).assert().code(0);
    assert!(!is_active(&folder, "zed"));
    assert!(!stdout(&folder, &["plan", "-q"]).contains("so the revocation leaves it alone"));
}

#[test]
fn an_account_that_two_people_would_have_can_be_cut_off_though_a_source_is_down() {
    let folder = with_strangers();
    folder.write("hr.csv", &format!("{HR}5,svc-old,Service A,Support,\n6,svc-old,Service B,Support,\n"));
    let output = by_itself(&folder, "app/svc-old", &[]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("may be that of hr/5 or hr/6"), "{told}");
    std::fs::remove_file(folder.file("hr.csv")).expect("it was there");
    let output = by_itself(&folder, "app/robot", &[]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("whether the account is somebody's whom only it knows is not known"), "{told}");
    assert!(!is_active(&folder, "svc-old") && !is_active(&folder, "robot"));
}

fn stdout(folder: &Folder, arguments: &[&str]) -> String {
    let output = folder.run(arguments.iter().copied()).output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}
