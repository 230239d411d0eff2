//! The state in a bucket and in a database, through the real binary and the real client: runners that share nothing but that. And a CI job that keeps nothing.

use headcount::journal::{Event, entry};
use headcount::state;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use snapbox::cmd::Command;
use snapbox::str;

use super::Folder;
use super::world::{HR, acme, active};
use crate::support::postgres;
use crate::support::s3::S3;

/// The workspace of `acme`, on a runner that has nothing but its checkout.
fn runner(s3: &S3) -> Folder {
    let folder = acme();
    says(&folder, &format!("{{s3: {{bucket: state, region: eu-central-1, endpoint: \"{}\"}}}}", s3.url()));
    folder
}

/// Writes where the state is into the Workspace.
fn says(folder: &Folder, state: &str) {
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    let (before, rest) = manifests.split_once("spec: {id: acme-test").expect("a Workspace");
    let (_, after) = rest.split_once("}\n---").expect("its end");
    folder.write("acme.yaml", &format!("{before}spec: {{id: acme-test, state: {state}}}\n---{after}"));
}

fn run<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    folder.run(arguments).env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "planted-secret").env("CI", "true")
}

/// Its exit code, and all that it said.
fn told<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> (i32, String) {
    let output = run(folder, arguments).output().expect("it runs");
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!words.contains("planted-secret"), "{words}");
    (output.status.code().expect("a code"), words)
}

#[test]
fn a_runner_that_keeps_nothing_remembers_by_the_bucket() {
    let s3 = S3::start();
    let folder = runner(&s3);
    run(&folder, ["apply", "--auto-approve"]).assert().code(0);
    assert!(!folder.names().iter().any(|name| name.starts_with(".headcount")), "{:?}", folder.names());
    assert!(["acme-test/head", "acme-test/lock", "acme-test/state.db.gz"].iter().all(|name| s3.names().iter().any(|known| known == name)));
    let before = s3.names();
    run(&folder, ["plan"]).assert().code(0).stdout_eq(str![[r#"
No changes. Everything is as declared.

"#]]);
    assert_eq!(s3.names(), before, "whoever looks writes nothing");
    // Cut off by a command, from another machine: the next run knows.
    assert_eq!(told(&folder, ["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve"]).0, 0);
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    assert_eq!(active(&folder), ["luis", "mina", "noor"]);
    folder.write("hr.csv", &HR.replace("4,noor,Noor Haddad,Support,", "4,noor,Noor Haddad,Support,2020-01-01"));
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    assert_eq!(active(&folder), ["luis", "mina"]);
    let (code, verified) = told(&folder, ["history", "--verify", "-o", "json"]);
    let verified: Value = serde_json::from_str(&verified).expect("JSON");
    assert_eq!((code, &verified["keptApart"]), (0, &Value::Bool(true)));
    run(&folder, ["state", "show"]).assert().code(0).stdout_eq(str![[r#"
State       s3://state/acme-test
Workspace   acme-test
Generation  [..], tables of version [..]
Journal     [..] entries, head [SHORT]
Holds       5 links, 2 deactivations, 1 revocation at 1 target
Lock        free

"#]]);
    assert!(!s3.asked().iter().any(|asked| asked.starts_with("DELETE")), "no right to delete is needed");
}

#[test]
fn a_state_moves_to_a_bucket_and_back_and_older_copies_take_the_place_of_nothing() {
    let s3 = S3::start();
    let folder = acme();
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let to = format!("{{s3: {{bucket: state, region: eu-central-1, endpoint: \"{}\"}}}}", s3.url());
    let (code, words) = told(&folder, ["state", "migrate", "--to", &to]);
    assert!(code == 0 && words.contains("its journal is whole there") && words.contains(&format!("  state: {to}")), "{words}");
    let (code, words) = told(&folder, ["state", "migrate", "--to", &to]);
    assert!(code == 1 && words.contains("there is a state at s3://state/acme-test already: it has generation"), "{words}");
    says(&folder, &to);
    run(&folder, ["plan"]).assert().code(0).stdout_eq(str![[r#"
No changes. Everything is as declared.

"#]]);
    let (code, words) = told(&folder, ["state", "pull", "backup.db"]);
    assert!(code == 0 && words.contains("Copied generation") && words.contains("of s3://state/acme-test to backup.db"), "{words}");
    let (code, words) = told(&folder, ["state", "pull", "backup.db"]);
    assert!(code == 1 && words.contains("backup.db is there already"), "{words}");
    // What is as new goes back; once a run wrote, only by force.
    assert_eq!(told(&folder, ["state", "push", "backup.db"]).0, 0);
    folder.write("hr.csv", &HR.replace("3,mina,Mina Park,Engineering", "3,mina,Mina Park,Support"));
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    let (code, words) = told(&folder, ["state", "push", "backup.db"]);
    assert!(
        code == 1 && words.contains("s3://state/acme-test is newer than the file: it has generation") && words.contains("--force"),
        "{words}"
    );
    let (code, words) = told(&folder, ["state", "push", "backup.db", "--force"]);
    assert!(code == 0 && words.contains("s3://state/acme-test has generation"), "{words}");
    let (_, shown) = told(&folder, ["state", "show", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&shown["workspace"], &shown["lock"]), (&Value::from("acme-test"), &Value::Null));
    assert_eq!(told(&folder, ["state", "migrate", "--to", "{path: moved/state.db}"]).0, 0);
    says(&folder, "{path: moved/state.db}");
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
    let (code, words) = told(&folder, ["state", "unlock", "20261129T000000Z-00000000"]);
    assert!(code == 1 && words.contains("a file's lock goes with the process"), "{words}");
    let (code, words) = told(&folder, ["state", "migrate", "--to", "{ftp: x}"]);
    assert!(code == 2 && words.contains("can't read --to") && words.contains("{s3: {bucket: acme-headcount}}"), "{words}");
}

#[test]
fn a_run_that_was_killed_is_told_by_the_next_one_which_may_take_its_lock_by_name() {
    let s3 = S3::start();
    let folder = runner(&s3);
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    // Its lock, as a run that was killed leaves it.
    let lock = String::from_utf8(s3.object("acme-test/lock").expect("a lock")).expect("text");
    s3.put("acme-test/lock", lock.replace("\"released\":true", "\"released\":false").as_bytes());
    let (_, shown) = told(&folder, ["state", "show"]);
    let run_name = shown.split_once("(run ").and_then(|(_, rest)| rest.split_once(')')).expect("a run").0.to_owned();
    assert!(shown.contains("held by tester, process"), "{shown}");
    let (code, words) = told(&folder, ["state", "unlock", "20261129T000000Z-00000000"]);
    assert!(code == 1 && words.contains(&run_name), "{words}");
    let (code, words) = told(&folder, ["state", "unlock", &run_name]);
    assert!(code == 0 && words.contains("is free; it was held by tester"), "{words}");
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
}

#[test]
fn a_bucket_that_can_not_be_read_is_no_empty_state_and_holds_no_revocation_up() {
    let s3 = S3::start();
    let folder = runner(&s3);
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write("acme.yaml", &manifests.replace("bucket: state", "bucket: elsewhere"));
    for arguments in [&["plan"][..], &["apply", "--auto-approve"], &["history"], &["state", "show"]] {
        let (code, words) = told(&folder, arguments.iter().copied());
        assert!(code == 1 && words.contains("the state s3://elsewhere/acme-test could not be read or written"), "{arguments:?}: {words}");
        assert!(words.contains("NoSuchBucket: NoSuchBucket); make the bucket") && !words.contains('<'), "{arguments:?}: {words}");
    }
    let (code, words) = told(&folder, ["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve"]);
    assert!(code == 4 && words.contains("s3://elsewhere/acme-test"), "{code}: {words}");
    assert_eq!(active(&folder), ["luis", "mina", "noor"], "the mark at the account leads to it");
}

#[test]
fn a_bucket_over_plain_http_or_a_secret_in_its_address_is_refused_by_validate() {
    let folder = acme();
    for (state, expected) in [
        ("{s3: {bucket: b, endpoint: \"http://minio.example:9000\"}}", "over plain http"),
        ("{s3: {bucket: b, endpoint: \"https://id:planted-secret@minio.example\"}}", "the address holds a secret"),
        ("{s3: {bucket: \"s3://b\"}}", "is no name of a bucket"),
        ("{s3: {bucket: b, prefix: ../other}}", "leads out of itself"),
        ("{path: \"s3://b/state.db\"}", "is no file"),
        ("{azure: {account: a, container: \"\"}}", "is no name of a container"),
    ] {
        says(&folder, state);
        let (code, words) = told(&folder, ["validate"]);
        assert!(code == 1 && words.contains(expected), "{state}: {words}");
    }
    says(&folder, "{s3: {bucket: b, endpoint: \"http://minio.example:9000\", allowPlainHttp: true}}");
    assert_eq!(told(&folder, ["validate"]).0, 0);
}

/// What a Workspace says of a schema of its own, over the network with a password and TLS; none where there is no server.
fn database(test: &str) -> Option<(&'static postgres::Server, String)> {
    let server = postgres::server_with_tls(test)?;
    let (url, ca_file, schema) = (server.network(), server.ca_file(), postgres::fresh_schema());
    let state =
        format!("{{postgres: {{url: \"{url}\", password: {{env: STATE_PASSWORD}}, caFile: \"{}\", schema: {schema}}}}}", ca_file.display());
    Some((server, state))
}

fn run_with_password<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> (i32, String) {
    let output = run(folder, arguments).env("STATE_PASSWORD", postgres::PASSWORD).output().expect("it runs");
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!words.contains(postgres::PASSWORD), "{words}");
    (output.status.code().expect("a code"), words)
}

#[test]
fn runners_share_a_database_and_a_state_moves_there_and_back() {
    let Some((server, to)) = database("runners_share_a_database") else { return };
    let folder = acme();
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    let told = |arguments: &[&str]| run_with_password(&folder, arguments.iter().copied());
    let (code, words) = told(&["state", "migrate", "--to", &to]);
    assert!(code == 0 && words.contains("its journal is whole there") && words.contains("/acme-test"), "{words}");
    let (code, words) = told(&["state", "migrate", "--to", &to]);
    assert!(
        code == 1 && words.contains("there is a state at postgres://localhost:") && words.contains("already: it has generation"),
        "{words}"
    );
    says(&folder, &to);
    let (code, words) = told(&["plan"]);
    assert!(code == 0 && words.contains("No changes. Everything is as declared."), "{words}");
    assert_eq!(told(&["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve"]).0, 0);
    assert_eq!(told(&["apply", "--auto-approve"]).0, 0);
    assert_eq!(active(&folder), ["luis", "mina", "noor"]);
    assert_eq!(told(&["state", "pull", "backup.db"]).0, 0);
    assert_eq!(told(&["state", "push", "backup.db"]).0, 0, "what is as new goes back");
    folder.write("hr.csv", &HR.replace("3,mina,Mina Park,Engineering", "3,mina,Mina Park,Support"));
    assert_eq!(told(&["apply", "--auto-approve"]).0, 0);
    let (code, words) = told(&["state", "push", "backup.db"]);
    assert!(code == 1 && words.contains("is newer than the file") && words.contains("--force"), "{words}");
    assert_eq!(told(&["state", "push", "backup.db", "--force"]).0, 0);
    let (code, verified) = told(&["history", "--verify", "-o", "json"]);
    let verified: Value = serde_json::from_str(&verified).expect("JSON");
    assert_eq!((code, &verified["keptApart"]), (0, &Value::Bool(true)));
    let (_, shown) = told(&["state", "show"]);
    assert!(shown.contains("1 revocation at 1 target") && shown.contains("Lock        free"), "{shown}");
    // A run that was killed, as its lock is left.
    let schema = to.split_once("schema: ").and_then(|(_, rest)| rest.split_once('}')).expect("a schema").0;
    server.sql(&format!("UPDATE {schema}.leases SET released = false"));
    let (_, shown) = told(&["state", "show"]);
    let run = shown.split_once("(run ").and_then(|(_, rest)| rest.split_once(')')).expect("a run").0.to_owned();
    let (code, words) = told(&["state", "unlock", &run]);
    assert!(code == 0 && words.contains("is free; it was held by tester"), "{words}");
    assert_eq!(told(&["apply", "--auto-approve"]).0, 0);
    assert_eq!(told(&["state", "migrate", "--to", "{path: moved/state.db}"]).0, 0);
    says(&folder, "{path: moved/state.db}");
    assert_eq!(told(&["history", "--verify"]).0, 0);
}

#[test]
fn a_database_that_can_not_be_reached_is_no_empty_state_and_holds_no_revocation_up() {
    let Some((_, state)) = database("a_database_that_can_not_be_reached") else { return };
    let folder = acme();
    says(&folder, &state);
    assert_eq!(run_with_password(&folder, ["apply", "--auto-approve"]).0, 0);
    for (state, expected) in [
        (state.replace("STATE_PASSWORD", "NO_SUCH_PASSWORD"), "environment variable NO_SUCH_PASSWORD is not set"),
        (state.replace("/postgres\"", "/elsewhere\""), "make the database, or correct its name"),
        ("{postgres: {url: \"postgres://headcount@localhost:1/headcount\"}}".to_owned(), "check the address"),
    ] {
        says(&folder, &state);
        for arguments in [&["plan"][..], &["apply", "--auto-approve"], &["state", "show"]] {
            let (code, words) = run_with_password(&folder, arguments.iter().copied());
            assert!(code == 1 && words.contains("could not be read or written") && words.contains(expected), "{arguments:?}: {words}");
        }
    }
    let (code, words) = run_with_password(&folder, ["revoke", "hr/1", "--reason", "stolen laptop", "--auto-approve"]);
    assert!(code == 4 && words.contains("postgres://localhost:1/headcount/acme-test"), "{code}: {words}");
    assert_eq!(active(&folder), ["luis", "mina", "noor"], "the mark at the account leads to it");
}

#[test]
fn a_database_that_can_not_be_meant_is_refused_by_validate() {
    let folder = acme();
    for (state, expected) in [
        ("{postgres: {url: \"mysql://db.example/headcount\"}}", "this is no address of a PostgreSQL server"),
        ("{postgres: {url: \"postgres://headcount:planted-secret@db.example/headcount\"}}", "the address holds a password"),
        ("{postgres: {url: \"postgres://headcount@db.example/headcount?password=planted-secret\"}}", "the address holds a password"),
        (
            "{postgres: {url: \"postgres://headcount@db.example/headcount?sslmode=disable\"}}",
            "the address has settings, which are not read",
        ),
        ("{postgres: {url: \"postgres://db.example/headcount\"}}", "the address names no user"),
        ("{postgres: {url: \"postgres://headcount@db.example\"}}", "the address names no database"),
        ("{postgres: {url: \"postgres://headcount@db.example/headcount\", schema: \"pg_x\"}}", "is no name of a schema of ours"),
        ("{postgres: {url: \"postgres://headcount@db.example/headcount\", schema: \"a\\\"; drop\"}}", "is no name of a schema of ours"),
        ("{postgres: {url: \"postgres://headcount@db.example/headcount\", caFile: a.pem, allowPlaintext: true}}", "contradict each other"),
        ("{postgres: {url: \"postgres://headcount@db.example/headcount\", password: {exec: []}}}", "`exec` names no command"),
    ] {
        says(&folder, state);
        let (code, words) = told(&folder, ["validate"]);
        assert!(code == 1 && words.contains(expected), "{state}: {words}");
    }
    for state in ["postgres://headcount@db.example/headcount", "postgresql://headcount@%2Frun%2Fpostgresql:5433/headcount"] {
        says(&folder, &format!("{{postgres: {{url: \"{state}\", password: {{env: STATE_PASSWORD}}}}}}"));
        assert_eq!(told(&folder, ["validate"]).0, 0);
    }
}

#[test]
fn a_ci_job_that_keeps_nothing_is_told_so_at_the_top_and_applies_nothing() {
    let folder = acme();
    let output = run(&folder, ["plan"]).output().expect("it runs");
    let words = String::from_utf8(output.stdout).expect("text");
    let at = words.find("this is a CI job").unwrap_or_else(|| panic!("{words}"));
    assert!(output.status.code() == Some(5) && at < words.find("Target app").expect("the plan"), "{words}");
    assert!(words.contains("leavers whom a source reports still lose access") && words.contains("docs/ci.md"), "{words}");
    let (code, words) = told(&folder, ["apply", "--auto-approve"]);
    assert!(code == 5 && words.contains("--first-run"), "{words}");
    assert_eq!(active(&folder), ["luis"]);
    assert_eq!(told(&folder, ["plan", "--first-run"]).0, 0);
    assert_eq!(told(&folder, ["apply", "--first-run", "--auto-approve"]).0, 0);
    assert_eq!(told(&folder, ["plan"]).0, 0, "now there is one");
}

#[test]
fn a_clock_that_is_behind_the_journal_holds_everything_until_it_is_right_or_said_to_be() {
    let folder = acme();
    folder.run(["apply", "--auto-approve"]).assert().code(0);
    // Another machine, whose clock is weeks ahead, noted something: or it is right, and this one's is behind.
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let store = state::open(&folder.file(".headcount/state.db"), "acme-test").await.expect("the state");
        let later = Timestamp::now() + SignedDuration::from_hours(30 * 24);
        let event = Event::Resumed { who: "jane".into() };
        store.commit(vec![entry(&"elsewhere".into(), later, &event)]).await.expect("an entry");
    });
    folder.write("hr.csv", &HR.replace("4,noor,Noor Haddad,Support,", "4,noor,Noor Haddad,Support,2020-01-01"));
    let (code, words) = told(&folder, ["plan"]);
    assert!(
        code == 5 && words.contains("[clock-wrong]") && words.contains("the clock is wrong: the journal has an entry of"),
        "{code}: {words}"
    );
    let (code, words) = told(&folder, ["apply", "--auto-approve"]);
    assert!(code == 5 && words.contains("headcount state accept-clock --reason"), "{code}: {words}");
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"], "nobody lost anything by it");
    assert_eq!(told(&folder, ["revoke", "hr/2", "--reason", "stolen laptop", "--auto-approve"]).0, 0, "whoever is cut off is cut off");
    let (code, words) = told(&folder, ["apply", "--auto-approve"]);
    assert!(code == 5, "an entry of now proves nothing: {words}");
    assert_eq!(told(&folder, ["state", "accept-clock", "--reason", " "]).0, 2);
    let (code, words) = told(&folder, ["state", "accept-clock", "--reason", "the other host was ahead"]);
    assert!(code == 0 && words.contains("The clock counts as right from now on"), "{code}: {words}");
    assert_eq!(told(&folder, ["apply", "--auto-approve"]).0, 0);
    assert_eq!(active(&folder), ["ada", "mina"]);
    assert!(told(&folder, ["history"]).1.contains("said that the clock is right"));
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
}
