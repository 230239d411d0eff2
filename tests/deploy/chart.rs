//! The Helm chart beside the kustomizations, and both at a real API server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{ROOT, documents, text};
use crate::support::kube::{self, Answer, Server, eventually};

/// Helm, with a home of its own: what it keeps of a server it keeps by the server's address.
pub struct Helm {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Helm {
    pub fn new(test: &str) -> Option<Self> {
        Some(Self { program: kube::program(test, "helm")?, home: tempfile::tempdir().expect("a folder") })
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(&self.program);
        let output = command.args(arguments).env("HOME", self.home.path()).env_remove("KUBECONFIG").output().expect("helm runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The chart with values, as objects of this namespace.
    pub fn render(&self, namespace: &str, values: &[&str]) -> Answer {
        self.run(&[&["template", "headcount", &chart(), "--kube-version", "1.30", "--namespace", namespace], values].concat())
    }
}

fn chart() -> String {
    format!("{ROOT}/deploy/helm/headcount")
}

/// A kustomization, as kubectl renders it.
fn kustomized(kube: &Server, folder: &str) -> String {
    kube.kubectl(&["kustomize", &format!("{ROOT}/deploy/kubernetes/{folder}")]).expect()
}

/// Objects by kind and name, without what each tool says of itself: that what a ConfigMap holds is another, kustomize says in its name, and the chart at the pod.
fn objects(yaml: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let hashed = regex::Regex::new("headcount-sign-in-[a-z0-9]{10}").expect("an expression");
    for mut object in documents(&hashed.replace_all(yaml, "headcount-sign-in")) {
        if let Some(said) = object.pointer_mut("/spec/template/metadata/annotations").and_then(Value::as_object_mut) {
            said.remove("headcount.dev/sign-in");
        }
        if let Some(text) = object.pointer_mut("/data/sign-in.yaml") {
            *text = documents(text.as_str().expect("a text")).remove(0);
        }
        let name = format!("{} {}", object["kind"].as_str().expect("a kind"), object["metadata"]["name"].as_str().expect("a name"));
        let own = |key: &str| key.starts_with("app.kubernetes.io/") || key.starts_with("helm.sh/");
        for field in ["labels", "annotations"] {
            let Some(Value::Object(said)) = object["metadata"].get_mut(field) else { continue };
            said.retain(|key, _| !own(key));
            if said.is_empty() {
                object["metadata"].as_object_mut().expect("an object").remove(field);
            }
        }
        // Helm makes none, but with --create-namespace.
        if object["kind"] != "Namespace" {
            assert!(found.insert(name.clone(), object).is_none(), "{name} twice");
        }
    }
    found
}

#[test]
fn the_chart_and_the_kustomizations_are_the_same_objects() {
    let test = "the_chart_and_the_kustomizations_are_the_same_objects";
    let (Some(kube), Some(helm)) = (kube::server(test), Helm::new(test)) else { return };
    let monitoring = ["--set", "monitoring.serviceMonitor=true,monitoring.prometheusRule=true"];
    let people = people();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["base"], &[]),
        (&["cluster"], &["--set", "clusterWide=true"]),
        (&["replicas"], &["--set", "replicas=2,state=postgres"]),
        (&["base", "admission"], &["--set", "admission.enabled=true"]),
        (&["base", "monitoring"], &monitoring),
        (&["people"], &["--set-json", &people]),
    ];
    for (folders, values) in cases {
        let kustomized: BTreeMap<_, _> = folders.iter().flat_map(|folder| objects(&kustomized(kube, folder))).collect();
        let charted = objects(&helm.render("headcount", values).expect());
        let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kustomized), names(&charted), "{folders:?}");
        for (name, object) in &kustomized {
            assert_eq!(object, &charted[name], "{folders:?}: {name}: on the left what kustomize makes of it");
        }
    }
}

/// Values for pages and a place where systems push, with the kustomization's own sign-in.
fn people() -> String {
    let sign_in = documents(&text("deploy/kubernetes/pages/sign-in.yaml")).remove(0);
    let from = r#"[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"ingress-nginx"}}}]"#;
    format!(
        r#"pages={{"enabled":true,"clientSecret":{{"name":"headcount-oidc"}},"from":{from},"signIn":{sign_in}}},inbound={{"enabled":true,"from":{from}}}"#
    )
}

#[test]
fn nobody_reaches_what_is_listened_at_unless_the_policy_names_them() {
    let Some(helm) = Helm::new("nobody_reaches_what_is_listened_at_unless_the_policy_names_them") else { return };
    let open = |values: &str| -> Vec<(u64, bool)> {
        let policies = objects(&helm.render("headcount", &["--set-json", values]).expect());
        let policies: Vec<&Value> = policies.values().filter(|object| object["kind"] == "NetworkPolicy").collect();
        assert_eq!(policies.len(), 1, "a second one would let in what the first keeps out");
        let rules = policies[0]["spec"]["ingress"].as_array().expect("rules");
        rules.iter().map(|rule| (rule["ports"][0]["port"].as_u64().expect("a port"), rule["from"].is_array())).collect()
    };
    let from = r#"[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"ingress-nginx"}}}]"#;
    let nobody = people().replace(from, "[]");
    assert_eq!(open(&nobody), [], "what is listened at is open to nobody by itself");
    assert_eq!(open(&people()), [(8080, true), (8081, true)]);
    let scraped = format!(r#"networkPolicy={{"from":{from}}}"#);
    assert_eq!(open(&scraped), [(7412, true)]);
    assert_eq!(open(&format!("{nobody},{scraped}")), [(7412, true)]);
    assert_eq!(open(&format!("{},{scraped}", people())), [(7412, true), (8080, true), (8081, true)]);
}

#[test]
fn the_chart_has_copies_of_what_stands_elsewhere() {
    for (copy, original) in [
        ("role.yaml", "kubernetes/base/role.yaml"),
        ("policies.yaml", "kubernetes/admission/policies.yaml"),
        ("roles.yaml", "kubernetes/admission/roles.yaml"),
        ("alerts.yaml", "alerts.yaml"),
        ("dashboard.json", "dashboard.json"),
    ] {
        let same = text(&format!("deploy/helm/headcount/files/{copy}")) == text(&format!("deploy/{original}"));
        assert!(same, "{copy} is not deploy/{original}: run deploy/helm/copy");
    }
    let version = env!("CARGO_PKG_VERSION");
    let chart = documents(&text("deploy/helm/headcount/Chart.yaml")).remove(0);
    assert_eq!((chart["version"].as_str(), chart["appVersion"].as_str()), (Some(version), Some(version)));
    assert!(text("deploy/kubernetes/base/deployment.yaml").contains(&format!("image: ghcr.io/headcount-dev/headcount:{version}\n")));
}

/// Pages for whoever signs in at a provider, reached through an ingress controller.
const PAGES: &str = r#"pages={"enabled":true,"clientSecret":{"name":"headcount-oidc"},"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"ingress"}}}],
    "signIn":{"publicUrl":"https://headcount.acme.example","oidc":{"issuer":"https://login.acme.example","clientId":"headcount",
    "clientSecret":{"env":"HEADCOUNT_OIDC_SECRET"}},"roles":{"admin":{"groups":["identity"]}},"actions":["sync","approve"]}}"#;

/// Values of each part, all of which a cluster takes.
const VARIANTS: [&[&str]; 10] = [
    &[],
    &["--set", "clusterWide=true"],
    &["--set", "replicas=3,state=postgres"],
    &["--set", "state=bucket,persistence.size=2Gi"],
    &["--set", "admission.enabled=true"],
    &[
        "--set",
        "monitoring.serviceMonitor=true,monitoring.prometheusRule=true,monitoring.dashboard=true,monitoring.labels.release=prometheus",
    ],
    &["--set-json", PAGES],
    &["--set", "inbound.enabled=true"],
    &["--set", "files[0].path=hr,files[0].configMap=hr-export,files[1].path=badges/today,files[1].secret=badges"],
    &[
        "--set-json",
        r#"image={"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","pullSecrets":[{"name":"registry"}],"pullPolicy":"Always"}"#,
        "--set-json",
        r#"networkPolicy={"from":[{"namespaceSelector":{}}],"egress":[{"ports":[{"protocol":"TCP","port":636}]}]}"#,
        "--set-json",
        r#"env=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]"#,
        "--set-json",
        r#"extraVolumes=[{"name":"share","persistentVolumeClaim":{"claimName":"share"}}]"#,
        "--set-json",
        r#"extraVolumeMounts=[{"name":"share","mountPath":"/var/lib/headcount/acme/hr","readOnly":true}]"#,
        "--set",
        "rbac.secretNames={chat,payroll},persistence.existingClaim=ours,serviceAccount.annotations.a=b,extraArgs={--log=json}",
        "--set",
        "podLabels.team=identity,podAnnotations.a=b,nodeSelector.disk=ssd,priorityClassName=system-cluster-critical",
    ],
];

#[test]
fn a_cluster_takes_the_chart_with_whatever_values_it_may_have() {
    let test = "a_cluster_takes_the_chart_with_whatever_values_it_may_have";
    let (Some(kube), Some(helm)) = (kube::server(test), Helm::new(test)) else { return };
    monitored(kube);
    let (namespace, other) = (restricted(kube), restricted(kube));
    let several = format!("namespaces={{{namespace},{other}}}");
    let several: &[&str] = &["--set", &several];
    for values in VARIANTS.into_iter().chain([several]) {
        let rendered = helm.render(&namespace, values).expect();
        let taken = kube.kubectl_with(&["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"], &rendered);
        assert!(taken.success && !taken.stderr.contains("Warning"), "{values:?}: {}{}", taken.stdout, taken.stderr);
    }
    let folders = ["monitoring", "admission"]
        .map(|folder| kustomized(kube, folder).replace("namespace: headcount\n", &format!("namespace: {namespace}\n")));
    for objects in folders {
        let taken = kube.kubectl_with(&["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"], &objects);
        assert!(taken.success && !taken.stderr.contains("Warning"), "{}{}", taken.stdout, taken.stderr);
    }
}

/// A namespace that warns of whatever the strictest level of pod security would refuse.
fn restricted(kube: &Server) -> String {
    let namespace = kube.namespace();
    kube.kubectl(&["label", "namespace", &namespace, "pod-security.kubernetes.io/warn=restricted"]).expect();
    namespace
}

/// The Prometheus operator's kinds.
fn monitored(kube: &Server) {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let folder = format!("{ROOT}/tests/kube/monitoring");
        kube.kubectl(&["apply", "--server-side", "-f", &folder]).expect();
        kube.kubectl(&["wait", "--for=condition=Established", "--timeout=300s", "-f", &folder]).expect();
        eventually("they are served", || {
            let served = kube.kubectl(&["api-resources", "--api-group=monitoring.coreos.com", "--no-headers"]);
            served.success && served.stdout.lines().count() == 2
        });
    });
}

#[test]
fn a_release_is_upgraded_and_ends_and_kinds_manifests_and_state_stay() {
    let test = "a_release_is_upgraded_and_ends_and_kinds_manifests_and_state_stay";
    let (Some(kube), Some(helm)) = (kube::server(test), Helm::new(test)) else { return };
    let namespace = kube.namespace();
    let kubeconfig = kube.kubeconfig().display().to_string();
    let helm = |verb: &str, more: &[&str]| {
        let release = [verb, "headcount", "--namespace", &namespace, "--kubeconfig", &kubeconfig];
        helm.run(&[&release, more].concat()).expect()
    };
    let told = helm("install", &[&chart(), "--set", "rbac.secretNames={chat}"]);
    assert!(told.contains(&format!("keeps {namespace}.")) && !told.contains("are not in this cluster"), "{told}");
    let account = format!("--as=system:serviceaccount:{namespace}:headcount-operator");
    let may = |verb: &str, what: &str| kube.kubectl(&["auth", "can-i", verb, what, "-n", &namespace, &account]).success;
    eventually("its rights", || may("watch", "targets.headcount.dev"));
    assert!(may("get", "secrets/chat") && !may("get", "secrets/payroll") && !may("list", "secrets"));

    kube.apply(&namespace, "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n");
    let kinds = || kube.kubectl(&["get", "crd", "-o", "jsonpath={range .items[*]}{.metadata.uid}{end}"]).expect();
    let before = kinds();
    helm("upgrade", &[&chart(), "--set", "resources.limits.memory=2Gi"]);
    let memory = "jsonpath={.spec.template.spec.containers[0].resources.limits.memory}";
    assert_eq!(kube.kubectl(&["get", "deployment", "headcount-operator", "-n", &namespace, "-o", memory]).expect(), "2Gi");
    eventually("every Secret by name again", || may("get", "secrets/payroll"));

    helm("uninstall", &[]);
    eventually("it is gone", || !kube.kubectl(&["get", "deployment", "headcount-operator", "-n", &namespace]).success);
    kube.kubectl(&["get", "workspace/acme", "pvc/headcount", "-n", &namespace]).expect();
    assert_eq!(before, kinds());
    // And what stayed is taken over by the next one.
    helm("install", &[&chart()]);
    helm("uninstall", &[]);
}

#[test]
fn values_that_can_not_be_are_refused_by_name() {
    let Some(helm) = Helm::new("values_that_can_not_be_are_refused_by_name") else { return };
    for (values, words) in [
        ("replicas=2", "replicas"),
        ("clusterWide=true,namespaces={acme}", "namespaces"),
        ("pages.enabled=true", "signIn"),
        (
            "pages.enabled=true,clusterWide=true,pages.signIn.publicUrl=https://h.example,pages.signIn.oidc.clientId=h,pages.signIn.roles.a=b",
            "clusterWide",
        ),
        ("replica=1", "replica"),
        ("state=oracle", "state"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("image.digest=latest", "digest"),
        ("files[0].path=../acme,files[0].configMap=a", "path"),
        ("files[0].path=hr", "files"),
        ("files[0].path=hr,files[0].configMap=a,files[0].secret=b", "files"),
        ("namespaces={Acme}", "namespaces"),
        ("monitoring.interval=often", "interval"),
    ] {
        let refusal = helm.render("acme", &["--set", values]).refusal();
        assert!(refusal.contains("values don't meet the specifications of the schema") && refusal.contains(words), "{values}: {refusal}");
    }
    let linted = helm.run(&["lint", "--strict", &chart()]);
    assert!(linted.success, "{}{}", linted.stdout, linted.stderr);
}
