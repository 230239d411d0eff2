//! Files of Sources that come from a ConfigMap or a Secret: how they are mounted, and that headcount reads what a kubelet makes of them.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use super::chart::Helm;
use super::{block, documents};
use crate::cli::headcount;
use crate::support::settle;

#[test]
fn what_the_page_says_mounts_a_config_map_where_its_source_looks() {
    let Some(helm) = Helm::new("what_the_page_says_mounts_a_config_map_where_its_source_looks") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, block("docs/kubernetes.md", "configMap: hr-export")).expect("written");
    let rendered =
        helm.render("acme", &["--values", values.to_str().expect("a path"), "--show-only", "templates/deployment.yaml"]).expect();
    let pod = documents(&rendered).remove(0)["spec"]["template"]["spec"].clone();
    assert_eq!(
        pod["containers"][0]["volumeMounts"],
        json!([
            {"name": "data", "mountPath": "/var/lib/headcount"},
            {"name": "tmp", "mountPath": "/tmp"},
            // The folder beside which the state is written is the volume's own, and no mount's.
            {"name": "data", "mountPath": "/var/lib/headcount/acme", "subPath": "acme"},
            {"name": "files-0", "mountPath": "/var/lib/headcount/acme/hr", "readOnly": true},
        ])
    );
    assert_eq!(pod["volumes"][2], json!({"name": "files-0", "configMap": {"name": "hr-export"}}));
}

/// A volume of a ConfigMap: names that lead through one link to the folder of this version.
fn publish(volume: &Path, version: &str, text: &str) {
    let folder = volume.join(version);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("people.csv"), text).expect("written");
    settle(&folder.join("people.csv"));
    symlink(version, volume.join("..data_tmp")).expect("a link");
    std::fs::rename(volume.join("..data_tmp"), volume.join("..data")).expect("the link is swapped");
    if !volume.join("people.csv").exists() {
        symlink("..data/people.csv", volume.join("people.csv")).expect("a link");
    }
}

#[test]
fn a_file_of_a_mounted_config_map_is_read_and_so_is_its_next_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifests = "apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr/people.csv}}
  key: record.id
  mapping: {rules: [{attribute: userName, value: record.login}]}
";
    std::fs::write(folder.path().join("headcount.yaml"), manifests).expect("written");
    let people = || {
        let output = headcount(["get", "people", "-q", "-o", "json"]).current_dir(folder.path()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    publish(&folder.path().join("hr"), "..2026_11_30", "id,login\n1,ada\n");
    let before = people();
    assert!(before.contains("ada") && !before.contains("luis"), "{before}");
    publish(&folder.path().join("hr"), "..2026_12_01", "id,login\n1,ada\n2,luis\n");
    let after = people();
    assert!(after.contains("ada") && after.contains("luis"), "{after}");
}
