//! `-v`, `-vv`, `--log`, `HEADCOUNT_LOG` and `-q`: what is logged, in which form, and what never is.

use serde_json::{Value, json};
use snapbox::str;

use super::Folder;
use super::world::{acme, applied};
use crate::support::answers::{self, Answer};

const SERVICE: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: jane}
spec: {attributes: {userName: jane.doe}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "@URL@/chat", auth: {bearer: {env: CHAT_TOKEN}}}}
  mapping: {defaults: none, rules: [{attribute: userName, value: identity.userName}]}
"#;

const TOKEN: &str = "t0ken-of-chat-4711";

fn answer(line: &str) -> Answer {
    match line {
        line if line.starts_with("GET ") && line.contains("Users?") => {
            (200, String::new(), json!({ "totalResults": 0, "Resources": [] }).to_string())
        }
        line if line.starts_with("POST ") => (400, String::new(), json!({ "detail": format!("no {TOKEN}") }).to_string()),
        _ => (404, String::new(), "{}".into()),
    }
}

/// The lines of a log as JSON.
fn lines(stderr: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stderr);
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn each_request_is_a_line_without_what_it_said() {
    let folder = Folder::with(&[("headcount.yaml", &SERVICE.replace("@URL@", &answers::serve(answer)))]);
    let run = |arguments: &[&'static str]| {
        let all = ["apply", "--auto-approve", "-q"].into_iter().chain(arguments.iter().copied());
        folder.run(all).env("CHAT_TOKEN", TOKEN).output().expect("it runs")
    };
    let output = run(&["-v", "--log", "json"]);
    let all = lines(&output.stderr);
    assert_eq!(all.len(), String::from_utf8_lossy(&output.stderr).lines().count(), "nothing but the log");
    let find = |method: &str, path: &str| {
        let found = all.iter().find(|line| line["method"] == method && line["path"] == path);
        found.unwrap_or_else(|| panic!("{method} {path}: {all:#?}")).clone()
    };
    let list = find("GET", "/chat/Users");
    assert_eq!(
        (&list["part"], &list["system"], &list["status"], &list["level"]),
        (&json!("http"), &json!("chat"), &json!(200), &json!("info"))
    );
    assert!(list["query"].as_str().is_some_and(|keys| keys.contains("startIndex")) && list["ms"].is_u64() && list["at"].is_string());
    assert_eq!(find("POST", "/chat/Users")["status"], 400);
    assert!(all.iter().all(|line| line["part"] == "http"), "-v is requests: {all:#?}");
    for arguments in [&["-vv"][..], &["-vv", "--log", "json"]] {
        let words = String::from_utf8_lossy(&run(arguments).stderr).into_owned();
        assert!(words.contains("environment variable CHAT_TOKEN"), "{words}");
        // Neither the token, though the service gave it back, nor who was asked for.
        assert!(!words.contains("4711") && !words.contains("jane.doe") && !words.contains("Bearer"), "{words}");
    }
}

#[test]
fn statements_and_files_are_told_by_kind() {
    let folder = acme();
    let output = folder.run(["apply", "--auto-approve", "-qvv", "--log", "json"]).output().expect("it runs");
    let all = lines(&output.stderr);
    let find = |what: &[(&str, Value)]| all.iter().any(|line| what.iter().all(|(name, value)| line[*name] == *value));
    assert!(find(&[("part", json!("file")), ("system", json!("hr")), ("path", json!("hr.csv")), ("complete", json!(true))]), "{all:#?}");
    assert!(
        find(&[("part", json!("sql")), ("system", json!("app")), ("statement", json!("SELECT")), ("table", json!("users"))]),
        "{all:#?}"
    );
    assert!(
        find(&[("part", json!("sql")), ("system", json!("app")), ("statement", json!("INSERT")), ("table", json!("users"))]),
        "{all:#?}"
    );
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!words.contains("Okafor") && !words.contains("Support"), "{words}");
}

#[test]
fn what_is_logged_is_said_by_flag_or_environment_and_is_nothing_by_itself() {
    let folder = applied();
    let logged = |arguments: &[&'static str], variable: &str| {
        let output = folder.run(["plan", "-q"].into_iter().chain(arguments.iter().copied())).env("HEADCOUNT_LOG", variable).output();
        String::from_utf8(output.expect("it runs").stderr).expect("text")
    };
    assert_eq!(logged(&[], ""), "");
    assert_eq!(logged(&["-v"], ""), "", "no requests, retries or pauses");
    assert!(logged(&["-vv"], "").contains(" debug sql: statement system=app"));
    let parts = logged(&[], "file=debug");
    assert!(parts.contains(" debug file: file read system=hr") && !parts.contains(" sql: "), "{parts}");
    assert!(logged(&["-vv"], "off").contains(" debug sql: "), "a flag is nearer than the environment");
    folder.run(["plan"]).env("HEADCOUNT_LOG", "h2=trace").assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: HEADCOUNT_LOG: "h2=trace" is no level of the log
 |
 = help: say off, error, warn, info or debug, or levels of parts: http=debug,sql=info; the parts are http, sql, file, secret, apply, run, notify, workspace, operator

"#]]);
}

#[test]
fn quiet_is_errors_and_the_result() {
    let folder = acme();
    let run = folder.run(["plan", "-q"]).assert().code(0).stderr_eq(str![]);
    assert!(String::from_utf8_lossy(&run.get_output().stdout).contains("Plan: 3 to create"));
    folder.run(["apply", "--quiet", "--auto-approve", "-o", "json"]).assert().code(0).stderr_eq(str![]);
    folder.run(["history", "nope", "-q"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: the journal has no run "nope"
 |
 = help: `headcount history` lists the runs

"#]]);
}

/// What a collector of traces is told, as the bytes of its messages read.
#[cfg(feature = "otel")]
#[test]
fn a_trace_has_what_was_read_planned_changed_and_asked_for_and_nobody_in_it() {
    use std::sync::{Arc, Mutex};

    let told: Arc<Mutex<String>> = Arc::default();
    let parents: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = told.clone();
    let collector = answers::serve_all(move |asked| {
        assert_eq!(asked.line, "POST /v1/traces");
        heard.lock().expect("nobody panicked").push_str(&asked.body);
        (200, String::new(), String::new())
    });
    let seen = parents.clone();
    let service = answers::serve_all(move |asked| {
        seen.lock().expect("nobody panicked").extend(asked.header("traceparent").map(str::to_owned));
        answer(&asked.line)
    });
    let folder = Folder::with(&[("headcount.yaml", &SERVICE.replace("@URL@", &service))]);
    let run =
        || folder.run(["apply", "--auto-approve", "-q"]).env("CHAT_TOKEN", TOKEN).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector).output();
    run().expect("it runs");
    let told = told.lock().expect("nobody panicked").clone();
    for word in ["headcount", "read", "plan", "run", "change", "request", "chat", "POST"] {
        assert!(told.contains(word), "{word} in {told:?}");
    }
    for word in ["jane", TOKEN, "startIndex"] {
        assert!(!told.contains(word), "{word} in {told:?}");
    }
    let parents = parents.lock().expect("nobody panicked").clone();
    assert!(
        !parents.is_empty() && parents.iter().all(|parent| parent.len() == 55 && parent.starts_with("00-") && parent.ends_with("-01")),
        "{parents:?}"
    );
    let whole: std::collections::BTreeSet<&str> = parents.iter().filter_map(|parent| parent.split('-').nth(2)).collect();
    assert_eq!(whole.len(), parents.len(), "each request has a span of its own");
}
