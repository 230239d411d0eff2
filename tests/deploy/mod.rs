//! What `deploy/` puts into a cluster: chart and kustomizations are the same objects, a real API server takes them, and what others make of a status is what it means.

mod chart;
mod files;
mod health;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::tool;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// YAML documents as JSON, by Python's reader.
fn documents(yaml: &str) -> Vec<Value> {
    let python = tool("python").expect("tests/setup.sh makes it");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, yaml).expect("written");
    let script =
        "import json, sys, yaml; print(json.dumps([one for one in yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')) if one]))";
    let output = Command::new(python).args(["-c", script]).arg(&file).stdin(Stdio::null()).output().expect("Python runs");
    assert!(output.status.success(), "{}\n{yaml}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The one block of YAML of a page that holds these words.
fn block(page: &str, words: &str) -> String {
    let text = text(page);
    let found: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).filter(|block| block.contains(words)).collect();
    let [block] = found.as_slice() else { panic!("{page}: {} blocks with {words}", found.len()) };
    (*block).to_owned()
}
