//! Systems that push, at a controller that runs: other people's checks of SCIM, and a controller that is killed in the middle.

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
    assert!(words.contains("'SUCCESS': "), "{words}");
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
