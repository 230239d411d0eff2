//! What Flux and Argo CD make of headcount's statuses, by their own libraries, while a real operator says them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{ROOT, block, documents, text};
use crate::support::kube::{self, Server, eventually};

/// What stands on the page of Flux for each kind.
fn expressions(kind: &str) -> String {
    let kustomization = documents(&block("docs/flux.md", "healthCheckExprs:")).remove(0);
    let all = kustomization["spec"]["healthCheckExprs"].as_array().cloned().expect("a list");
    all.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{kind} is not on the page")).to_string()
}

/// The quickstart in a namespace, with an operator beside it.
struct Stage {
    kube: &'static Server,
    health: PathBuf,
    namespace: String,
    data: tempfile::TempDir,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        let (kube, health) = (kube::server(test)?, kube::program(test, "health")?);
        let stage = Self { kube, health, namespace: kube.namespace(), data: tempfile::tempdir().expect("a folder") };
        let folder = stage.data.path().join(&stage.namespace);
        std::fs::create_dir_all(&folder).expect("a folder");
        crate::support::write_settled(&folder.join("hr.csv"), text("examples/quickstart/hr.csv"));
        let app = rusqlite::Connection::open(folder.join("app.db")).expect("the application");
        app.execute_batch(&text("examples/quickstart/app.sql")).expect("its tables");
        let role = text("deploy/kubernetes/base/role.yaml");
        kube.apply(&stage.namespace, role.split("\n---\n").next().unwrap_or_default());
        stage.kubectl(&["create", "rolebinding", "headcount-operator", "--role=headcount-operator", "--user=operator"]);
        let example = format!("{ROOT}/examples/quickstart");
        stage.kubectl(&["apply", "--server-side", "-f", &example]);
        Some(stage)
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.kube.kubectl(&[&["--namespace", self.namespace.as_str()], arguments].concat()).expect()
    }

    fn patch(&self, object: &str, patch: &Value) {
        self.kubectl(&["patch", object, "--type=merge", "-p", &patch.to_string()]);
    }

    fn operator(&self) -> Operator {
        let mut command = Command::new(snapbox::cargo_bin!("headcount"));
        command.args(["operator", "--namespace", &self.namespace, "--context", "operator", "--listen", "none", "--data"]);
        command.arg(self.data.path()).env("KUBECONFIG", self.kube.kubeconfig()).env_remove("HEADCOUNT_LOG");
        Operator(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
    }

    /// What kstatus, Flux with the page's expressions and Argo CD say of an object.
    fn judged(&self, kind: &str, name: &str) -> [String; 3] {
        let object = self.kubectl(&["get", &format!("{kind}.headcount.dev"), name, "-o", "json"]);
        let kind = serde_json::from_str::<Value>(&object).expect("JSON")["kind"].as_str().unwrap_or_default().to_owned();
        let script = format!("{ROOT}/deploy/argocd/health.lua");
        let flux = expressions(&kind);
        [vec!["kstatus"], vec!["flux", &flux], vec!["argocd", &script]].map(|arguments| {
            let mut command = Command::new(&self.health);
            let mut child =
                command.args(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
            child.stdin.take().expect("its input").write_all(object.as_bytes()).expect("it reads");
            let output = child.wait_with_output().expect("it ends");
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
            }
            // An expression over what is not there yet: Flux asks again.
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(error.contains("no such attribute") || error.contains("no such key"), "{arguments:?}: {error}");
            "Unknown".to_owned()
        })
    }

    fn is(&self, what: (&str, &str), kstatus: &str, flux: &str, argocd: &str) {
        let expected = [kstatus, flux, argocd];
        let mut last = Default::default();
        eventually(&format!("{what:?} is {expected:?}"), || {
            let judged = self.judged(what.0, what.1);
            if judged != last {
                eprintln!("{what:?} is {judged:?}");
            }
            last = judged;
            last == expected
        });
    }
}

struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const TARGET: (&str, &str) = ("target", "intranet");
const WORKSPACE: (&str, &str) = ("workspace", "fernweh");

#[test]
fn flux_and_argo_cd_see_what_a_status_means() {
    let Some(stage) = Stage::new("flux_and_argo_cd_see_what_a_status_means") else { return };
    // Nothing is said yet. What only knows kstatus takes that for well, which is why the page has expressions.
    for what in [TARGET, ("source", "hr"), WORKSPACE] {
        stage.is(what, "Current", "Unknown", "Progressing");
    }
    let _operator = stage.operator();
    for what in [TARGET, ("source", "hr"), WORKSPACE] {
        stage.is(what, "Current", "Current", "Healthy");
    }
    // A plan waits for somebody: no failure.
    stage.patch("target/intranet", &json!({"spec": {"approval": {"for": ["everything"]}}}));
    stage.patch("group.headcount.dev/design", &json!({"spec": {"displayName": "Design and Research", "previousNames": ["Design"]}}));
    stage.is(TARGET, "Failed", "InProgress", "Suspended");
    // Somebody said that nothing is to be changed.
    let today = jiff::Zoned::now().date();
    let until = today.checked_add(jiff::Span::new().days(7)).expect("a day").to_string();
    stage.patch("target/intranet", &json!({"spec": {"suspend": {"reason": "a migration", "until": until}}}));
    stage.is(TARGET, "InProgress", "Current", "Suspended");
    stage.patch("target/intranet", &json!({"spec": {"suspend": null, "approval": null}}));
    stage.is(TARGET, "Current", "Current", "Healthy");
    // A guardrail holds what nobody said that it may do.
    stage.kubectl(&["delete", "group.headcount.dev", "sales"]);
    stage.is(TARGET, "Failed", "Failed", "Degraded");
    stage.kubectl(&["apply", "--server-side", "-f", &format!("{ROOT}/examples/quickstart/groups.yaml"), "--force-conflicts"]);
    stage.is(TARGET, "Current", "Current", "Healthy");
    // And a Target that vanished is a thing of the Workspace.
    stage.kubectl(&["delete", "target", "intranet"]);
    stage.is(WORKSPACE, "Failed", "Failed", "Degraded");
}

#[test]
fn argo_cd_takes_kinds_of_which_nothing_is_said_for_well() {
    let test = "argo_cd_takes_kinds_of_which_nothing_is_said_for_well";
    let Some(health) = kube::program(test, "health") else { return };
    for (kind, status) in [("Group", "Healthy"), ("Persona", "Healthy"), ("PlanApproval", "Healthy"), ("Target", "Progressing")] {
        let object = json!({"apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": {"name": "a", "generation": 1}});
        let mut child = Command::new(&health)
            .args(["argocd", &format!("{ROOT}/deploy/argocd/health.lua")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        child.stdin.take().expect("its input").write_all(object.to_string().as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{kind}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().next(), Some(status), "{kind}");
    }
}
