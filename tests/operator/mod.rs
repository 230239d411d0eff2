//! `headcount operator` against a real Kubernetes API server: objects in, targets as declared, conditions out; and what must never follow from what vanishes.
//!
//! The operator is the program itself, as the service account of `deploy/kubernetes`, which may do only what is granted there.

mod approval;
mod begin;
mod cluster;
mod objects;
mod replicas;
mod role;
mod secrets;
mod service;
mod stops;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

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

/// The account of the operator's pod, what it may do, and that it may.
const ACCOUNT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/base/account.yaml"));
const ROLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/base/role.yaml"));
const NAME: &str = "headcount-operator";

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

    /// As kustomize does it: the account, the Role and its binding in the namespace; and a kubeconfig of that account.
    fn grant(&self) {
        let subject = format!("- {{kind: ServiceAccount, name: {NAME}}}");
        assert!(ROLE.contains(&subject), "the Role is bound to the account");
        let bound = ROLE.replace(&subject, &format!("- {{kind: ServiceAccount, name: {NAME}, namespace: {}}}", self.namespace));
        self.kube.apply(&self.namespace, ACCOUNT);
        self.kube.apply(&self.namespace, &bound);
        let token = self.kubectl(&["create", "token", NAME, "--duration=24h"]);
        let admin = self.kube.kubectl(&["config", "view", "--raw", "-o", "json"]).expect();
        let mut config: Value = serde_json::from_str(&admin).expect("JSON");
        config["users"] = json!([{"name": NAME, "user": {"token": token.trim()}}]);
        let cluster = config["clusters"][0]["name"].clone();
        config["contexts"] = json!([{"name": NAME, "context": {"cluster": cluster, "user": NAME, "namespace": self.namespace}}]);
        config["current-context"] = json!(NAME);
        std::fs::write(self.kubeconfig(), config.to_string()).expect("written");
    }

    fn kubeconfig(&self) -> PathBuf {
        self.data.path().join("kubeconfig")
    }

    /// What the API server calls the account.
    fn account(&self) -> String {
        format!("system:serviceaccount:{}:{NAME}", self.namespace)
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

    /// What the conditions of an object say in words.
    fn words(&self, kind: &str, name: &str) -> String {
        self.object(kind, name)["status"]["conditions"].to_string()
    }

    /// The hash of the plan that waits at the target; empty where none does.
    fn waits(&self) -> String {
        self.object("target", "intranet")["status"]["plan"].as_str().unwrap_or_default().to_owned()
    }

    /// Asks for a turn, as people do.
    fn ask(&self, kind: &str, name: &str) {
        let now = format!("headcount.dev/requestedAt={}", jiff::Timestamp::now());
        self.kubectl(&["annotate", "--overwrite", kind, name, &now]);
    }

    /// The reasons of the events about an object, each as often as it was told.
    fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let all: Value = serde_json::from_str(&self.kubectl(&["get", "events.events.k8s.io", "-o", "json"])).expect("JSON");
        let about = |event: &&Value| event["regarding"]["kind"] == kind && event["regarding"]["name"] == name;
        let events = all["items"].as_array().expect("events").iter().filter(about);
        events.map(|event| event["reason"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn wait(&self, kind: &str, name: &str, condition: &str, is: &str) {
        let expected = (is.to_owned(), true);
        eventually(&format!("{kind} {name} has {condition} {is}"), || self.condition(kind, name, condition) == expected);
    }

    /// The same of what says nothing about a version.
    fn wait_for(&self, kind: &str, name: &str, condition: &str, is: &str) {
        eventually(&format!("{kind} {name} has {condition} {is}"), || self.condition(kind, name, condition).0 == is);
    }

    fn start(&self) -> Operator {
        self.start_in(self.data.path())
    }

    fn start_in(&self, data: &Path) -> Operator {
        self.start_with(data, "hc-0")
    }

    fn start_with(&self, data: &Path, pod: &str) -> Operator {
        let log = data.join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let mut command = Command::new(snapbox::cargo_bin!("headcount"));
        command.args(["operator", "--namespace", &self.namespace, "--listen", "none", "--data"]).arg(data);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HEADCOUNT_LOG", "warn,run=info,workspace=info,operator=debug")
            .env("POD_NAME", pod);
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

fn names(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}
