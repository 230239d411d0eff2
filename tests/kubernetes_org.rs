//! A real organisation on a real server: the Kubernetes project's people and teams, applied to scim2-server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::scim2::Scim2Server;
use crate::support::skipped;

#[allow(dead_code, reason = "its `main` is for `cargo run --example`")]
#[path = "../examples/kubernetes-org/main.rs"]
pub mod converter;

#[test]
fn the_kubernetes_organisation_is_applied_and_one_removed_member_is_one_change() {
    let Some(config) = config() else { return skipped("kubernetes_org", "the files of github.com/kubernetes/org") };
    let Some(server) = Scim2Server::start() else { return };
    let out = tempfile::tempdir().expect("a temporary folder");
    converter::convert(&config, out.path(), &server.url()).expect("the organisation's files convert");
    let world = World { folder: out.path(), token: server.token() };

    let first = world.plan();
    let people = count(&first, "create", "account");
    let teams = count(&first, "create", "group");
    assert!(people > 1400 && teams > 800, "{people} people and {teams} groups");

    let applied = world.run(&["apply", "--auto-approve"]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    assert_eq!(changes(&world.plan()).len(), 0, "the next plan is empty");

    let (removed, list) = remove_one_member(&out.path().join("groups.yaml"));
    let after = world.plan();
    let [change] = changes(&after) else { panic!("exactly one change: {after:#}") };
    assert_eq!(change["action"], "removeMembers");
    assert_eq!(change["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(change["members"][0]["member"]["key"], format!("user/{removed}"));
    let shown = world.run(&["plan"]);
    let shown = String::from_utf8_lossy(&shown.stdout);
    let behind = format!("- {removed} at {}:{list}\n", out.path().join("groups.yaml").display());
    assert!(shown.contains(&behind), "{behind} in {shown}");

    the_same_organisation_is_imported(&config, &server);
}

/// Somebody begins with the people alone, and takes over the teams as they stand at the server, where nothing says any more who made them.
fn the_same_organisation_is_imported(config: &Path, server: &Scim2Server) {
    let out = tempfile::tempdir().expect("a temporary folder");
    converter::convert(config, out.path(), &server.url()).expect("the organisation's files convert");
    let groups = out.path().join("groups.yaml");
    let teams = fs::read_to_string(&groups).expect("the groups").matches("kind: Group").count();
    fs::remove_file(&groups).expect("the groups can be removed");
    take_marks_off(server);
    let world = World { folder: out.path(), token: server.token() };

    let imported = world.run(&["import", "github", "--guess", "none"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    assert_eq!(documents(out.path()), teams, "{}", String::from_utf8_lossy(&imported.stdout));
    let plan = world.plan();
    let others: Vec<_> = changes(&plan).iter().filter(|change| change["action"] != "adopt").collect();
    assert!(others.is_empty(), "nothing but that they are headcount's from now on: {others:#?}");
    assert!(world.run(&["apply", "--auto-approve"]).status.success());
    remove_one_member(&groups);
    assert_eq!(changes(&world.plan()).len(), 1, "one line, one change");
}

/// How many Groups stand in the folder's files.
fn documents(folder: &Path) -> usize {
    let files = fs::read_dir(folder).expect("the folder").filter_map(Result::ok);
    files.filter_map(|file| fs::read_to_string(file.path()).ok()).map(|text| text.matches("kind: Group").count()).sum()
}

/// The groups at the server are nobody's.
fn take_marks_off(server: &Scim2Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let (mut ids, mut from) = (Vec::new(), 1);
        loop {
            let url = format!("{}/Groups?attributes=id&count=100&startIndex={from}", server.url());
            let page = client.get(url).bearer_auth(server.token()).send().await.expect("it answers");
            let page: Value = page.json().await.expect("JSON");
            let found = page["Resources"].as_array().cloned().unwrap_or_default();
            if found.is_empty() {
                break;
            }
            from += found.len();
            ids.extend(found.iter().filter_map(|group| group["id"].as_str().map(str::to_owned)));
        }
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": "externalId"}],
        });
        for id in ids {
            let url = format!("{}/Groups/{id}", server.url());
            let sent = client.patch(url).bearer_auth(server.token()).json(&body).send().await.expect("it answers");
            assert!(sent.status().is_success(), "{}", sent.status());
        }
    });
}

struct World<'a> {
    folder: &'a Path,
    token: &'a str,
}

impl World<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args(arguments)
            .arg("-f")
            .arg(self.folder)
            .env("SCIM_TOKEN", self.token)
            .output()
            .expect("headcount runs")
    }

    fn plan(&self) -> Value {
        let output = self.run(&["plan", "-o", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a plan in JSON")
    }
}

fn changes(plan: &Value) -> &[Value] {
    plan["changes"].as_array().map_or(&[], Vec::as_slice)
}

fn count(plan: &Value, action: &str, kind: &str) -> usize {
    changes(plan).iter().filter(|change| change["action"] == action && change["object"]["kind"] == kind).count()
}

/// The files beside this repository, or below `target/` where `tests/setup.sh` puts them.
fn config() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [root.join("../shared/data/kubernetes-org"), root.join("target/test-data/kubernetes-org/config")];
    places.into_iter().find(|place| place.join("kubernetes/org.yaml").exists())
}

/// Takes the first member of the first group with several members out of the file and says who it was, and on which line the list begins.
fn remove_one_member(file: &Path) -> (String, usize) {
    let text = fs::read_to_string(file).expect("the groups");
    let mut lines: Vec<&str> = text.lines().collect();
    // As the converter writes it, and as `headcount import` does.
    let is_member = |line: &str| ["- user: ", "- {user: "].iter().any(|begin| line.trim_start().starts_with(begin));
    let at = (1..lines.len()).find(|at| is_member(lines[at - 1]) && is_member(lines[*at])).expect("a group with two members");
    let removed = lines.remove(at).trim_start().trim_start_matches("- user: ").to_owned();
    let list = lines.iter().take(at).rposition(|line| line.trim() == "members:").expect("the list");
    fs::write(file, lines.join("\n")).expect("the groups can be written");
    (removed, list + 1)
}
