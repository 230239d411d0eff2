//! Systems that push, at a controller that runs: other people's checks of SCIM, a controller that is killed in the middle, and many who go at once.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{free_port, skipped, tool};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inbound.py");
const PATIENCE: Duration = Duration::from_secs(120);

const MANIFESTS: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-inbound}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: entra}
spec:
  connection: {inbox: {}}
  key: record.externalId
  mapping:
    rules:
    - {attribute: userName, value: record.userName}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, displayName: name, externalId: external_id}
        active: {flag: is_active}
";

struct House {
    folder: tempfile::TempDir,
    python: PathBuf,
    port: u16,
    token: String,
    controller: Child,
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.controller.kill());
        drop(self.controller.wait());
    }
}

fn headcount(folder: &Path) -> Command {
    let mut command = Command::new(snapbox::cargo_bin!("headcount"));
    command.current_dir(folder);
    command
}

fn start(folder: &Path, port: u16) -> Child {
    let listen = format!("127.0.0.1:{port}");
    let mut command = headcount(folder);
    command.args(["controller", "-f", ".", "--listen", "none", "--listen-inbound", &listen]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

impl House {
    /// None where the test environment is not there.
    fn new() -> Option<Self> {
        let python = tool("python").filter(|_| tool("scim2-server").is_some())?;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("acme.yaml"), MANIFESTS).expect("written");
        assert!(Command::new(&python).args([SCRIPT, "make"]).arg(folder.path()).status().expect("python").success());
        let port = free_port();
        let controller = start(folder.path(), port);
        let mut house = Self { folder, python, port, token: String::new(), controller };
        // The state is there once the controller has begun.
        house.token = house.until("a token", |house| {
            let made =
                headcount(house.folder.path()).args(["token", "create", "pusher", "--push", "entra", "-f", "."]).output().expect("it runs");
            made.status.success().then(|| String::from_utf8_lossy(&made.stdout).trim().to_owned())
        });
        house.until("an answer", |house| house.python("names").output().expect("python").status.success().then_some(()));
        Some(house)
    }

    fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what} never came");
            thread::yield_now();
        }
    }

    fn python(&self, what: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(SCRIPT).arg(what).arg(format!("http://127.0.0.1:{}/scim/v2/entra", self.port)).env("HEADCOUNT_TOKEN", &self.token);
        command
    }
}

#[test]
fn scim2_tester_finds_nothing() {
    let Some(house) = House::new() else { return skipped("scim2-tester", "scim2-tester") };
    let checked = house.python("conformance").output().expect("python");
    let words = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{words}{}", String::from_utf8_lossy(&checked.stderr));
    // Nothing is passed over: of all checks each succeeds.
    let counts = words.lines().last().and_then(|line| line.strip_prefix("{'SUCCESS': ")?.strip_suffix('}')?.parse::<u32>().ok());
    assert!(counts.is_some_and(|checks| checks >= 133), "{words}");
}

#[test]
fn a_controller_that_is_killed_in_the_middle_has_lost_nothing_that_was_answered() {
    let Some(mut house) = House::new() else { return skipped("a kill during a push", "scim2-tester") };
    let mut answered = BTreeSet::new();
    for round in 0..3 {
        let first = (round * 1000).to_string();
        let mut push = house.python("push").args([&first, "1000"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python");
        let lines = BufReader::new(push.stdout.take().expect("its words")).lines();
        for line in lines.map_while(Result::ok) {
            answered.insert(line);
            if answered.len() == (round + 1) * 40 {
                house.controller.kill().expect("killed");
            }
        }
        drop((push.wait(), house.controller.wait()));
        house.controller = start(house.folder.path(), house.port);
        house.until("an answer", |house| house.python("names").output().expect("python").status.success().then_some(()));
        let kept = house.python("names").output().expect("python").stdout;
        let kept: BTreeSet<String> = String::from_utf8_lossy(&kept).lines().map(str::to_owned).collect();
        assert!(answered.len() >= (round + 1) * 40 && answered.is_subset(&kept), "{:?}", answered.difference(&kept));
    }
}

impl House {
    fn told(&self, command: &mut Command) -> String {
        let said = command.output().expect("it runs");
        assert!(said.status.success(), "{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    fn accounts(&self) -> BTreeSet<String> {
        let told = self.told(Command::new(&self.python).args([SCRIPT, "accounts"]).arg(self.folder.path()));
        told.lines().map(str::to_owned).collect()
    }

    /// How a system stands.
    fn system(&self, name: &str) -> Option<serde_json::Value> {
        let status = self.told(headcount(self.folder.path()).args(["status", "-f", ".", "-o", "json"]));
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        status["systems"].as_array()?.iter().find(|system| system["name"] == name).cloned()
    }
}

fn users(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| format!("user{number}")).collect()
}

/// Deactivated and deleted by mistake: nobody loses anything, whoever comes is let in, and the Source says what to do.
#[test]
fn many_who_go_at_once_are_held_until_a_manifest_lets_them_go() {
    let Some(house) = House::new() else { return skipped("many who go at once", "scim2-tester") };
    house.told(house.python("push").args(["0", "20"]));
    house.until("their accounts", |house| (house.accounts() == users(0..20)).then_some(()));
    house.told(house.python("go").args(["0", "1"]));
    house.until("the leaver", |house| (house.accounts() == users(1..20)).then_some(()));
    house.told(house.python("go").args(["1", "15"]));
    let words = "16 of 20 people were deactivated or deleted there within 24 hours";
    let is_held = |it: &serde_json::Value| it["evidence"] == "partial" && it["why"].as_str().is_some_and(|why| why.contains(words));
    house.until("a Source that is held", |house| house.system("entra").filter(is_held));
    // As long as they were three in all they may have gone.
    let kept = house.accounts();
    assert!(kept.is_superset(&users(3..20)), "{kept:?}");
    house.told(house.python("push").args(["100", "1"]));
    let all: BTreeSet<String> = kept.union(&users([100])).cloned().collect();
    house.until("whoever comes", |house| (house.accounts() == all).then_some(()));
    let manifests = MANIFESTS.replace("key: record.externalId", "completeness: {maxShrink: '20'}\n  key: record.externalId");
    std::fs::write(house.folder.path().join("acme.yaml"), manifests).expect("written");
    // Somebody says that they have really left: it is believed, and what follows meets the guardrails.
    house.until("what is believed", |house| house.system("entra").filter(|it| it["evidence"] == "delta").map(drop));
    let app = house.until("what follows", |house| house.system("app").filter(|it| it["state"] == "Held"));
    assert!(app["withheld"].as_object().is_some_and(|withheld| !withheld.is_empty()), "{app}");
    assert_eq!(house.accounts(), all);
}

/// What Okta does with whoever gets another name: one is deactivated, another made with the same `externalId`. They are one person, to a revocation too.
#[test]
fn whoever_is_made_anew_stays_one_person_and_a_revocation_reads_what_was_pushed() {
    let Some(house) = House::new() else { return skipped("somebody made anew", "scim2-tester") };
    house.told(house.python("push").args(["0", "10"]));
    house.until("their accounts", |house| (house.accounts() == users(0..10)).then_some(()));
    house.told(house.python("anew").arg("3"));
    let with_new = |names: BTreeSet<String>| names.into_iter().chain(["anew3".to_owned()]).collect::<BTreeSet<_>>();
    house.until("the other name", |house| (house.accounts() == with_new(users((0..10).filter(|at| *at != 3)))).then_some(()));
    house.told(house.python("off").arg("3"));
    house.until("the leaver", |house| (house.accounts() == users((0..10).filter(|at| *at != 3))).then_some(()));
    let cut = |key: &str| {
        let revoke = ["revoke", key, "--reason", "a lost laptop", "--auto-approve", "--timeout", "20s", "-f", "."];
        let said = headcount(house.folder.path()).args(revoke).output().expect("it runs");
        (said.status.code(), String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr))
    };
    // Somebody who has left, and somebody who is here: the inbox is read for both.
    let (code, words) = cut("entra/x3");
    assert!(code == Some(0) && !words.contains("could not read entra"), "{code:?}: {words}");
    let (code, words) = cut("entra/x5");
    assert_eq!(code, Some(0), "{words}");
    assert!(!words.contains("could not read entra"), "{words}");
    house.until("the one who is cut off", |house| (house.accounts() == users((0..10).filter(|at| *at != 3 && *at != 5))).then_some(()));
}
