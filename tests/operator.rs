//! `headcount operator` against a real Kubernetes API server: objects in, targets as declared, conditions out; and what must never follow from what vanishes.
//!
//! The operator is the program itself, as a user who may do only what `deploy/kubernetes` grants.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::kube::{self, Server, eventually};

const APP: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, mail TEXT, ref TEXT UNIQUE, ended TEXT);
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, ref TEXT UNIQUE);
CREATE TABLE members (team INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (team, user));
CREATE TABLE writes (at TEXT);";

const WORKSPACE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
";

const SOURCE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  lifecycle: {leaver: record.status == \"left\"}
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: emails, value: record.login + \"@acme.example\"}
    - {attribute: department, value: record.team}
  fullInterval: 1h
";

const TARGET: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: intranet}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, emails: mail, externalId: ref}
        active: {deactivatedAt: ended}
      groups:
        table: teams
        key: id
        columns: {displayName: name, externalId: ref}
      memberships: {table: members, group: team, account: user}
  groups: {}
";

const GROUP: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: engineering}
spec: {displayName: Engineering, rule: identity.department == \"Engineering\"}
";

const HR: &str = "id,login,team,status\n1,ada,Engineering,active\n2,luis,Sales,active\n3,mina,Engineering,active\n";

/// What the shipped Role grants, bound to the user that the operator is here.
const ROLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/base/role.yaml"));

/// A namespace with its operator's folder.
struct Stage {
    kube: &'static Server,
    namespace: String,
    data: tempfile::TempDir,
}

/// A running operator; it is killed with its value.
struct Operator {
    process: Child,
    log: PathBuf,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        Some(Self::on(kube::server(test)?))
    }

    fn on(kube: &'static Server) -> Self {
        let namespace = kube.namespace();
        let stage = Self { kube, namespace, data: tempfile::tempdir().expect("a folder") };
        stage.grant();
        std::fs::create_dir_all(stage.folder()).expect("a folder");
        stage.hr(HR);
        stage.app().execute_batch(APP).expect("an application");
        for table in ["users", "teams", "members"] {
            for verb in ["INSERT", "UPDATE", "DELETE"] {
                let noted =
                    format!("CREATE TRIGGER {table}_{verb} AFTER {verb} ON {table} BEGIN INSERT INTO writes VALUES (datetime()); END");
                stage.app().execute_batch(&noted).expect("a note of each write");
            }
        }
        stage
    }

    fn grant(&self) {
        // What stands behind it binds the role to the account of the pod.
        self.kube.apply(&self.namespace, ROLE.split("\n---\n").next().unwrap_or_default());
        self.kubectl(&["create", "rolebinding", "headcount-operator", "--role=headcount-operator", "--user=operator"]);
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join(&self.namespace)
    }

    fn hr(&self, records: &str) {
        crate::support::write_settled(&self.folder().join("hr.csv"), records);
    }

    fn app(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder().join("app.db")).expect("the application")
    }

    /// Who can sign in.
    fn people(&self) -> Vec<String> {
        rows(&self.app(), "SELECT login FROM users WHERE ended IS NULL ORDER BY login")
    }

    fn members(&self) -> Vec<String> {
        rows(&self.app(), "SELECT login FROM users JOIN members ON user = users.id ORDER BY login")
    }

    fn apply(&self, documents: &[&str]) {
        let all = documents.join("\n---\n");
        self.kube.kubectl_with(&["apply", "--server-side", "--namespace", &self.namespace, "-f", "-"], &all).expect();
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.kube.kubectl(&[&["--namespace", self.namespace.as_str()], arguments].concat()).expect()
    }

    fn object(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-o", "json"])).expect("JSON")
    }

    /// `True:AsDeclared`, and whether it is about the newest spec.
    fn condition(&self, kind: &str, name: &str, condition: &str) -> (String, bool) {
        let object = self.object(kind, name);
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|one| one["type"] == condition).cloned().unwrap_or_default();
        let word = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        (format!("{}:{}", word("status"), word("reason")), found["observedGeneration"] == object["metadata"]["generation"])
    }

    fn wait(&self, kind: &str, name: &str, condition: &str, is: &str) {
        let expected = (is.to_owned(), true);
        eventually(&format!("{kind} {name} has {condition} {is}"), || self.condition(kind, name, condition) == expected);
    }

    fn start(&self) -> Operator {
        self.start_in(self.data.path())
    }

    fn start_in(&self, data: &Path) -> Operator {
        let log = data.join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let mut command = Command::new(snapbox::cargo_bin!("headcount"));
        command.args(["operator", "--namespace", &self.namespace, "--context", "operator", "--listen", "none", "--data"]).arg(data);
        command.env("KUBECONFIG", self.kube.kubeconfig()).env_remove("HEADCOUNT_LOG").env("POD_NAME", "hc-0");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("it starts");
        Operator { process, log }
    }

    /// How often the application was written to.
    fn changes(&self) -> i64 {
        self.app().query_row("SELECT COUNT(*) FROM writes", [], |row| row.get(0)).expect("a number")
    }
}

impl Operator {
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.process.id().cast_signed()).expect("a process");
        rustix::process::kill_process(pid, signal).expect("a process of ours");
    }

    /// Asks it to stop, and waits until it has.
    fn stop(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let ended = self.process.wait().expect("it ends");
        let log = self.log();
        assert!(ended.success(), "{log}");
        log
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rows(app: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = app.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn what_is_applied_is_so_at_the_target_and_says_so() {
    let Some(stage) = Stage::new("what_is_applied_is_so_at_the_target_and_says_so") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.wait("source", "hr", "Complete", "True:Complete");
    stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    // One object changes, and what follows from it.
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    eventually("the members are more", || stage.members() == names("ada luis mina"));
    let log = operator.stop();
    assert!(!log.contains("luis") && !log.contains("mina"), "{log}");
}

#[test]
fn what_vanishes_changes_nothing_at_a_target() {
    let Some(stage) = Stage::new("what_vanishes_changes_nothing_at_a_target") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let (people, changes) = (stage.people(), stage.changes());
    // The Source, and the Target: held, since nobody said so in the Workspace.
    for (kind, name, document) in [("source", "hr", SOURCE), ("target", "intranet", TARGET)] {
        stage.kubectl(&["delete", kind, name]);
        stage.wait("workspace", "acme", "Stalled", "True:ManifestsShrank");
        assert_eq!((stage.people(), stage.changes()), (people.clone(), changes));
        stage.apply(&[document]);
        stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    }
    // The namespace, with everything in it.
    stage.kube.kubectl(&["delete", "namespace", &stage.namespace, "--timeout=300s"]).expect();
    eventually("the operator noticed", || operator.log().contains("nothing follows from what is not there"));
    assert_eq!((stage.people(), stage.changes()), (people, changes));
}

#[test]
fn a_process_that_begins_with_bad_objects_says_so_and_begins_once_they_are_mended() {
    let Some(stage) = Stage::new("a_process_that_begins_with_bad_objects_says_so") else { return };
    stage.apply(&[WORKSPACE, SOURCE, &TARGET.replace("table: users", "table: userz")]);
    // A secret that is not the cluster's is refused, whatever else is right.
    let stolen = "
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec: {connection: {scim: {url: \"http://127.0.0.1:9/v2\", auth: {bearer: {env: PATH}}}}}
";
    let refused = stage.kube.kubectl_with(&["apply", "--namespace", &stage.namespace, "-f", "-"], stolen);
    let _operator = stage.start();
    if refused.success {
        stage.wait("target", "chat", "Stalled", "True:InvalidManifest");
        let told = stage.object("target", "chat")["status"]["conditions"].to_string();
        assert!(told.contains("comes from secretKeyRef"), "{told}");
        stage.wait("workspace", "acme", "Stalled", "True:InvalidManifest");
        stage.kubectl(&["delete", "target", "chat"]);
    } else {
        assert!(refused.stderr.contains("secretKeyRef"), "{}", refused.stderr);
    }
    stage.apply(&[TARGET]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
}

#[test]
fn the_shipped_role_is_enough() {
    let Some(stage) = Stage::new("the_shipped_role_is_enough") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, &TARGET.replace("  groups: {}", "  groups: {}\n  approval: {for: [everything]}"), GROUP]);
    stage.wait("target", "intranet", "ApprovalRequired", "True:PlanWaits");
    eventually("the plan is there", || !stage.kubectl(&["get", "plans", "-o", "name"]).is_empty());
    operator.stop();
    let asked = |event: &Value| event["user"]["username"] == "operator" && event["objectRef"]["namespace"] == stage.namespace.as_str();
    let audit = stage.kube.audit();
    let refused: Vec<&Value> = audit.iter().filter(|event| asked(event) && event["responseStatus"]["code"] == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_thousand_objects_at_once_are_a_few_revisions() {
    let Some(stage) = Stage::new("a_thousand_objects_at_once_are_a_few_revisions") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let user = |number: usize| {
        format!(
            "
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {{name: u{number}}}
spec: {{attributes: {{userName: u{number}}}}}
"
        )
    };
    let users: Vec<String> = (0..1000).map(user).collect();
    stage.apply(&users.iter().map(String::as_str).collect::<Vec<_>>());
    eventually("all of them are there", || stage.people().len() == 1003);
    let revisions = operator.log().matches("other manifests are in force").count();
    assert!((1..100).contains(&revisions), "{revisions}");
}

#[test]
fn a_replica_takes_over_when_the_other_ends_and_not_before() {
    let Some(stage) = Stage::new("a_replica_takes_over_when_the_other_ends_and_not_before") else { return };
    let first = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let holder = || stage.object("lease", "headcount")["spec"].clone();
    let (before, epoch) = (holder(), holder()["leaseTransitions"].clone());
    // Its own volume, with the same files in it.
    let other = tempfile::tempdir().expect("a folder");
    let folder = other.path().join(&stage.namespace);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(stage.folder().join("hr.csv"), folder.join("hr.csv")).expect("a copy");
    std::fs::hard_link(stage.folder().join("app.db"), folder.join("app.db")).expect("one application");
    let second = stage.start_in(other.path());
    eventually("it waits", || second.log().contains("this one waits for it"));
    assert_eq!(holder()["holderIdentity"], before["holderIdentity"]);
    first.stop();
    eventually("it takes over", || holder()["leaseTransitions"].as_i64() > epoch.as_i64() && holder()["holderIdentity"] != "");
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    eventually("it works", || stage.members() == names("ada luis mina"));
    second.stop();
    assert_eq!(holder()["holderIdentity"], "", "it was given back");
}

fn names(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}
