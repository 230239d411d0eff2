//! What is no file is not read as one, and a list that moves loses nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Folder;
use crate::support::answers::{self, Answer};

const HEAD: &str = "apiVersion: headcount.dev/v1alpha1\n";

fn workspace(connection: &str) -> String {
    format!(
        "{HEAD}kind: Workspace\nmetadata: {{name: acme}}\nspec: {{id: acme}}\n---\n{HEAD}kind: Source\nmetadata: {{name: hr}}\nspec:\n  \
         connection: {connection}\n  key: record.id\n  mapping: {{rules: [{{attribute: userName, value: record.userName}}]}}\n"
    )
}

fn target(url: &str) -> String {
    format!(
        "---\n{HEAD}kind: Target\nmetadata: {{name: chat}}\nspec:\n  connection: {{scim: {{url: \"{url}/chat\"}}}}\n  \
         guardrails: {{deactivate: {{count: 100}}}}\n  mapping: {{defaults: none, rules: [{{attribute: userName, value: identity.userName}}]}}\n"
    )
}

/// The words of a command that must end by itself, and its exit code.
fn ends(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let output = folder.run(arguments.iter().copied()).timeout(Duration::from_secs(60)).output().expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.code(), words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_the_place_of_a_file_is_told_and_not_waited_for() {
    let what = "it is no regular file but a pipe, a device or a socket";
    let folder = Folder::with(&[("w/headcount.yaml", &workspace("{file: {path: hr.csv}}")), ("other/token", "x")]);
    for place in ["w/hr.csv", "w/state.db", "pipe.yaml", "ca.pem"] {
        assert!(std::process::Command::new("mkfifo").arg(folder.file(place)).status().expect("mkfifo").success());
    }
    // As a Source, as what is named with -f, as a plan.
    for arguments in [
        ["plan", "-f", "w"].as_slice(),
        &["plan", "-f", "pipe.yaml"],
        &["apply", "pipe.yaml", "-f", "w"],
        &["apply", "/dev/zero", "-f", "w"],
    ] {
        let (code, words) = ends(&folder, arguments);
        assert!(code.is_some_and(|code| code != 0) && words.contains(what), "{arguments:?}: {code:?}\n{words}");
    }
    let with = |change: &str| {
        folder.write(
            "w/headcount.yaml",
            &(workspace("{file: {path: ok.csv}}").replace("{id: acme}", change) + &target("https://localhost:1")),
        );
        folder.write("w/ok.csv", "id,userName\n1,ann\n");
    };
    // As a table, as the state, as a certificate, as a secret.
    with("{id: acme, tables: {t: {file: {path: hr.csv, key: a, value: b}}}}");
    assert!(ends(&folder, &["validate", "-f", "w"]).1.contains(what));
    with("{id: acme, state: {path: state.db}}");
    let (code, words) = ends(&folder, &["apply", "-f", "w", "--auto-approve"]);
    assert!(code == Some(1) && words.contains("state.db is no headcount state"), "{code:?}\n{words}");
    for more in ["caFile: ../ca.pem", "caFile: /dev/zero", "auth: {bearer: {file: ../ca.pem}}", "auth: {bearer: {file: /dev/zero}}"] {
        with("{id: acme}");
        let text = std::fs::read_to_string(folder.file("w/headcount.yaml")).expect("it is there");
        folder.write("w/headcount.yaml", &text.replace("/chat\"", &format!("/chat\", {more}")));
        let (code, words) = ends(&folder, &["plan", "-f", "w"]);
        assert!(code == Some(5) && words.contains("no regular file"), "{more}: {code:?}\n{words}");
    }
    // A manifest that is a link to a device is passed over in a folder, as everything is that is no file.
    with("{id: acme}");
    std::os::unix::fs::symlink("/dev/zero", folder.file("w/zero.yaml")).expect("a link");
    assert_eq!(ends(&folder, &["validate", "-f", "w"]).0, Some(0));
}

fn list(people: &[&str], start: usize, count: usize) -> Answer {
    let page: Vec<Value> = people.iter().skip(start - 1).take(count).map(|id| json!({ "id": id, "userName": id })).collect();
    (200, String::new(), json!({ "totalResults": people.len(), "Resources": page }).to_string())
}

/// While the second page is fetched, ann goes and a new one comes at the end: six are announced, six distinct ones come, and dee is none of them.
#[test]
fn a_list_that_moves_between_two_pages_loses_nobody() {
    let reads = Arc::new(AtomicUsize::new(0));
    let seen = reads.clone();
    let url = answers::serve(move |line: &str| {
        let number = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}="))?;
            rest.split('&').next()?.parse::<usize>().ok()
        };
        let (start, count) = (number("startIndex").unwrap_or(1), number("count").unwrap_or(100));
        if line.starts_with("GET /hr/Users") {
            if start == 1 {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            let before = ["ann", "bob", "cyd", "dee", "eva", "fay"];
            let after = ["bob", "cyd", "dee", "eva", "fay", "gus"];
            return match (seen.load(Ordering::SeqCst), start) {
                (1, _) | (2, 1) => list(&before, start, count),
                _ => list(&after, start, count),
            };
        }
        if line.starts_with("GET /chat/Users?") {
            let people = ["ann", "bob", "cyd", "dee", "eva", "fay"];
            let page: Vec<Value> = people
                .iter()
                .skip(start - 1)
                .take(count)
                .map(|id| json!({ "id": id, "userName": id, "externalId": format!("hc:acme:hr:{id}") }))
                .collect();
            return (200, String::new(), json!({ "totalResults": 6, "Resources": page }).to_string());
        }
        if line.starts_with("GET /chat/Groups") {
            return list(&[], start, count);
        }
        (404, String::new(), "{}".into())
    });
    let manifest = workspace(&format!("{{scim: {{url: \"{url}/hr\", pageSize: 3}}}}")) + &target(&url);
    let folder = Folder::with(&[("headcount.yaml", &manifest)]);
    // The first read is whole, and remembered.
    let (code, words) = ends(&folder, &["apply", "--auto-approve"]);
    assert_eq!((code, reads.load(Ordering::SeqCst)), (Some(0), 1), "{words}");
    let plan = || {
        let output = folder.run(["plan", "-o", "json"]).output().expect("it runs");
        let plan: Value = serde_json::from_slice(&output.stdout).expect("a plan");
        let word = |text: &Value| text.as_str().unwrap_or_default().to_owned();
        let changes = plan["changes"].as_array().expect("changes").iter();
        changes.map(|change| word(&change["action"]) + " " + &word(&change["object"]["key"])).collect::<Vec<_>>()
    };
    // The second one lacks dee. It is read again, and since the two don't agree nobody goes.
    assert_eq!((plan(), reads.load(Ordering::SeqCst)), (vec!["create hr/gus".to_owned()], 3));
    // The third one lacks ann, and so does the look after it: she is gone.
    assert_eq!((plan(), reads.load(Ordering::SeqCst)), (vec!["deactivate hr/ann".to_owned(), "create hr/gus".to_owned()], 5));
}

/// A chat's channel as a source, of which the people are employed. It may be renamed: then nobody is in it, and nobody has left.
#[test]
fn a_channel_that_is_not_found_is_not_one_that_nobody_is_in() {
    let stage = Arc::new(AtomicUsize::new(0));
    let now = stage.clone();
    let url = answers::serve(move |line: &str| {
        let at = now.load(Ordering::SeqCst);
        let answer = |body: Value| (200, String::new(), body.to_string());
        match line.trim_start_matches("GET ") {
            "/desk/channels" => answer(json!([{ "id": "C1", "name": if at == 1 { "everybody" } else { "general" } }])),
            "/desk/channels/C1/members" => answer(json!(if at == 2 { ["ann", "cyd"] } else { ["ann", "bob"] })),
            path if path.starts_with("/desk/users/") => {
                let id = path.trim_start_matches("/desk/users/");
                let hidden = if at == 3 { json!(["userName"]) } else { json!([]) };
                answer(json!({ "id": id, "userName": if at == 3 { Value::Null } else { json!(id) }, "hidden": hidden }))
            }
            path if path.starts_with("/chat/Users?") => {
                let page: Vec<Value> =
                    ["ann", "bob"].iter().map(|id| json!({ "id": id, "userName": id, "externalId": format!("hc:acme:hr:{id}") })).collect();
                answer(json!({ "totalResults": 2, "Resources": page }))
            }
            path if path.starts_with("/chat/Groups") => answer(json!({ "totalResults": 0, "Resources": [] })),
            _ => (404, String::new(), "{}".into()),
        }
    });
    let host = url.trim_start_matches("http://");
    let connector = format!(
        "---\n{HEAD}kind: Connector\nmetadata: {{name: desk}}\nspec:\n  title: Desk\n  hosts: ['{host}']\n  base: '{url}/desk'\n  auth: {{}}\n  \
         accounts: {{id: record.id, redacted: record.hidden, get: {{get: '/users/{{id}}'}}, list: {{get: /users, pages: {{one: {{}}}}}}, attributes: {{}}}}\n  \
         groups:\n    channel:\n      id: record.id\n      list: {{get: /channels, pages: {{one: {{}}}}}}\n      attributes: {{displayName: {{path: name}}}}\n      \
         members: {{list: {{get: '/channels/{{group.id}}/members', pages: {{one: {{}}}}}}, id: record}}\n"
    );
    let source = workspace("{connector: {name: desk}}").replace("  key:", "  scope: {groups: {channel: [general]}}\n  key:");
    let folder = Folder::with(&[("headcount.yaml", &(source + &target(&url) + &connector))]);
    let (code, words) = ends(&folder, &["apply", "--auto-approve"]);
    assert_eq!(code, Some(0), "{words}");
    let changes = |at: usize| {
        stage.store(at, Ordering::SeqCst);
        let output = folder.run(["plan", "-o", "json"]).output().expect("it runs");
        let plan: Value = serde_json::from_slice(&output.stdout).expect("a plan");
        let changes = plan["changes"].as_array().expect("changes").iter();
        let told: Vec<String> =
            changes.map(|change| format!("{} {}", change["action"], change["object"]["key"]).replace('"', "")).collect();
        (told, plan["findings"].to_string())
    };
    let (told, findings) = changes(1);
    assert!(told.is_empty() && findings.contains("channel general: it is not there, or may not be seen"), "{told:?} {findings}");
    assert_eq!(changes(2).0, ["deactivate hr/bob", "create hr/cyd"]);
    let (told, findings) = changes(3);
    assert!(told.is_empty() && findings.contains("hidden for want of a right"), "{told:?} {findings}");
}
