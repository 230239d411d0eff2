//! Plans that wait, and who may let them go: with the admission policies that `deploy/kubernetes/admission` ships.

use serde_json::Value;

use super::{GROUP, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::{Answer, eventually};

const POLICIES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/admission/policies.yaml"));
const ROLES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/admission/roles.yaml"));

/// Policies are the whole cluster's, and other tests write here too.
fn admit(stage: &Stage) {
    let only_here = "matchResources: {namespaceSelector: {matchLabels: {approvals: \"yes\"}}}, validationActions:";
    assert_eq!(POLICIES.matches("validationActions:").count(), 2);
    stage.kube.apply("default", &POLICIES.replace("validationActions:", only_here));
    stage.kube.apply("default", ROLES);
    stage.kube.kubectl(&["label", "namespace", &stage.namespace, "approvals=yes"]).expect();
    stage.kubectl(&["create", "rolebinding", "approvers", "--clusterrole=headcount-approve", "--user=mara"]);
    stage.kubectl(&["create", "role", "writes", "--verb=create", "--resource=planapprovals.headcount.dev"]);
    stage.kubectl(&["create", "rolebinding", "writes", "--role=writes", "--user=eve"]);
    eventually("the policies are in force", || !approve(stage, "eve", "eve", "probe", &"0".repeat(64), &["--dry-run=server"]).success);
}

fn approve(stage: &Stage, by: &str, approver: &str, name: &str, plan: &str, more: &[&str]) -> Answer {
    let document = format!(
        "
apiVersion: headcount.dev/v1alpha1
kind: PlanApproval
metadata: {{name: {name}}}
spec: {{plan: \"{plan}\", decision: Approve, approver: {approver}, reason: HR-2291, targets: [intranet]}}
"
    );
    let by = format!("--as={by}");
    let command = [&["create", "--namespace", &stage.namespace, &by, "-f", "-"], more].concat();
    stage.kube.kubectl_with(&command, &document)
}

/// The plan of a hash, as whoever approves reads it.
fn plan(stage: &Stage, hash: &str) -> Value {
    let name = format!("intranet-{}", hash.chars().take(8).collect::<String>());
    eventually("the plan is there", || stage.kube.kubectl(&["--namespace", &stage.namespace, "get", "plan", &name]).success);
    stage.object("plan", &name)
}

#[test]
fn a_plan_waits_for_whoever_may_approve_it_and_for_nobody_else() {
    let Some(stage) = Stage::new("a_plan_waits_for_whoever_may_approve_it_and_for_nobody_else") else { return };
    admit(&stage);
    let _operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, &TARGET.replace("  groups: {}", "  groups: {}\n  approval: {for: [everything]}"), GROUP]);
    stage.wait("target", "intranet", "ApprovalRequired", "True:PlanWaits");
    let first = stage.waits();
    let text = plan(&stage, &first)["spec"]["text"].as_str().unwrap_or_default().to_owned();
    assert!(text.contains("luis") && text.contains("Engineering"), "{text}");
    // Somebody else's name, somebody without the right, and a plan that nobody made.
    let told = approve(&stage, "mara", "luis", "stolen", &first, &[]).refusal();
    assert!(told.contains("approver must be whoever approves: write mara"), "{told}");
    let told = approve(&stage, "eve", "eve", "taken", &first, &[]).refusal();
    assert!(told.contains("eve may not approve for these Targets"), "{told}");
    let forged =
        format!("apiVersion: headcount.dev/v1alpha1\nkind: Plan\nmetadata: {{name: forged}}\nspec: {}\n", plan(&stage, &first)["spec"]);
    let told = stage.kube.kubectl_with(&["create", "--namespace", &stage.namespace, "-f", "-"], &forged).refusal();
    assert!(told.contains("only the operator writes plans"), "{told}");
    // A plan that is none says so, and which one waits.
    approve(&stage, "mara", "mara", "unknown", &"0".repeat(64), &[]).expect();
    stage.wait_for("planapproval", "unknown", "Used", "False:Outdated");
    let told = stage.words("planapproval", "unknown");
    assert!(told.contains(&format!("the one that does is intranet-{}", &first[..8])), "{told}");
    assert_eq!(stage.changes(), 0, "nobody let anything through");
    // While it is read, something else comes up: what was approved goes, and the rest waits.
    stage.apply(&["
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: dora}
spec: {attributes: {userName: dora}}
"]);
    eventually("another plan waits", || !stage.waits().is_empty() && stage.waits() != first);
    approve(&stage, "mara", "mara", "first", &first, &[]).expect();
    eventually("what she saw is so", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait_for("planapproval", "first", "Used", "True:Used");
    eventually("the rest waits", || !["", first.as_str()].contains(&stage.waits().as_str()));
    let rest = stage.waits();
    approve(&stage, "mara", "mara", "rest", &rest, &[]).expect();
    eventually("all of it is so", || stage.people() == names("ada dora luis mina"));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.wait("target", "intranet", "ApprovalRequired", "False:NothingWaits");
    // It counts once.
    let waits = plan(&stage, &first)["status"]["conditions"][0]["status"].clone();
    assert_eq!(waits, "False");
    assert!(stage.events("Target", "intranet").contains(&"ApprovalRequired".to_owned()));
}
