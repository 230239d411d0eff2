//! A workspace of a few documents, taken step by step the way people do: `headcount apply` runs, and the plan right after it must be empty.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value as Json, json};

/// A folder with manifests.
pub struct Workspace(tempfile::TempDir);

impl Workspace {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// These documents, and the Workspace's own.
    pub fn manifests(&self, documents: &[Json]) {
        let own = document("Workspace", "acme", json!({ "id": "acme", "allowedDirectories": [std::env::temp_dir()] }));
        let texts: Vec<String> = std::iter::once(&own).chain(documents).map(Json::to_string).collect();
        self.file("workspace.yaml", &texts.join("\n---\n"));
    }

    /// A file of it.
    pub fn file(&self, name: &str, text: &str) {
        crate::support::write_settled(&self.0.path().join(name), text);
    }

    /// One apply does it all.
    pub fn applies_and_has_nothing_left(&self, step: &str) {
        expect(0, &headcount(self.0.path(), &["apply", "--auto-approve"]), step);
        expect(0, &headcount(self.0.path(), &["plan", "--detailed-exitcode"]), step);
    }
}

/// A document of a workspace.
pub fn document(kind: &str, name: &str, spec: Json) -> Json {
    json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// Runs headcount in a folder.
pub fn headcount(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    command.args(arguments).arg("-f").arg(folder).env("NO_COLOR", "1").output().expect("headcount runs")
}

/// Fails with what was told.
pub fn expect(code: i32, output: &Output, step: &str) {
    let told = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert_eq!(output.status.code(), Some(code), "{step}:\n{told}");
}
