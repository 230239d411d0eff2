//! Manifests as objects of a real Kubernetes API server: what the command line reads it takes, and the other way round.

use crate::support::kube::{self, eventually};

#[test]
fn the_server_is_a_real_one() {
    let Some(kube) = kube::server("the_server_is_a_real_one") else { return };
    let namespace = kube.namespace();
    let operator = |arguments: &[&str]| kube.kubectl(&[&["--context=operator", "--namespace", &namespace], arguments].concat());
    let refusal = operator(&["get", "targets"]).refusal();
    assert!(refusal.contains("User \"operator\" cannot list resource \"targets\""), "{refusal}");
    kube.kubectl(&["create", "role", "reader", "-n", &namespace, "--verb=list", "--resource=targets.headcount.dev"]).expect();
    kube.kubectl(&["create", "rolebinding", "reader", "-n", &namespace, "--role=reader", "--user=operator"]).expect();
    eventually("what was granted works", || operator(&["get", "targets"]).success);
    let asked =
        |event: &serde_json::Value| event["user"]["username"] == "operator" && event["objectRef"]["namespace"] == namespace.as_str();
    eventually("the audit log tells it", || kube.audit().iter().filter(|event| asked(event)).count() >= 2);
    // A namespace goes with what is in it, so the controllers run.
    kube.kubectl(&["delete", "namespace", &namespace, "--timeout=300s"]).expect();
}

#[tokio::test]
async fn one_of_its_own_can_be_frozen_and_started_again() {
    let Some(kube) = kube::Server::alone("one_of_its_own_can_be_frozen_and_started_again", "--min-request-timeout=2") else { return };
    let namespace = kube.namespace();
    kube.freeze("apiserver");
    assert!(!kube.kubectl(&["get", "namespaces", "--request-timeout=1s"]).success, "one that stands still answers nothing");
    kube.thaw("apiserver");
    let client = kube.client("admin").await;
    let known = client.apiserver_version().await.expect("it answers again");
    assert_eq!(known.major, "1");
    kube.stop("apiserver");
    client.apiserver_version().await.expect_err("nobody is there");
    kube.start("apiserver");
    kube.kubectl(&["get", "namespace", &namespace]).expect();
}
