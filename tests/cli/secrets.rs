//! Secrets are planted wherever one can be, servers give them back in every encoding, and then everything that headcount wrote is searched for them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Folder;
use crate::support::answers::{self, Answer};

const TOKEN: &str = r#"t0ken/of+chat="77"&more"#;
const PASSWORD: &str = "p4ss word/of+mail%41";
/// Of people: at the source, and as it was at the target.
const VALUES: [&str; 4] = ["pw-of-ann-4711", "pin-of-ann-0815", "pw-of-bob-4712", "old-pin-of-bob-0816"];

const MANIFEST: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.name}
    - {attribute: password, value: record.pw}
    - {attribute: custom.pin, value: record.pin, sensitive: true, when: 'record.pin != ""'}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "@URL@/chat", extension: "urn:acme:User", auth: {bearer: {env: CHAT_TOKEN}}}}
  select: identity.custom.pin != "none"
  mapping:
    defaults: none
    rules:
    - {attribute: userName, value: identity.userName}
    - {attribute: password, value: identity.password}
    - {attribute: custom.pin, value: identity.custom.pin}
    - {attribute: custom.copy, value: 'identity.custom.pin + "!"'}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: mail}
spec:
  connection: {scim: {url: "@URL@/mail", auth: {basic: {username: robot, password: {file: ../password}}}}}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: pinned}
spec: {displayName: Pinned, rule: 'identity.custom.pin.startsWith("x") || identity.password == "y"'}
"#;

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or_default()));
        (0..=three.len()).for_each(|at| text.push(char::from(SIGNS[(bits >> (18 - 6 * at)) as usize & 63])));
    }
    text
}

fn escaped(secret: &str, sign: impl Fn(char) -> String) -> String {
    secret.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_string() } else { sign(letter) }).collect()
}

/// A secret in every form that a server could give it back in.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("text");
    vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('/', "\\/"),
        escaped(secret, |letter| format!("\\u{:04x}", letter as u32)),
        escaped(secret, |letter| format!("%{:02X}", letter as u32)),
        escaped(secret, |letter| format!("%{:02x}", letter as u32)).replace("%20", "+"),
        escaped(secret, |letter| format!("&#{};", letter as u32)),
        base64(secret.as_bytes()),
        base64(secret.as_bytes()).replace('+', "-").replace('/', "_"),
        base64(format!("robot:{secret}").as_bytes()),
    ]
}

/// An error that gives the secret back in all forms, in every place that an error has.
fn echo(status: u16, secret: &str) -> Answer {
    let all = forms(secret).join(" ");
    let body = json!({ "scimType": forms(secret)[0], "detail": format!("no: {all}") }).to_string();
    // Where a form is an escape of JSON itself, it stands there as it is.
    let body = body.replace("no: ", &format!("no: {} ", forms(secret)[3]));
    let mut headers = String::new();
    let _ = write!(headers, "location: https://{}.example/{}\r\n", base64(secret.as_bytes()).to_lowercase(), forms(secret)[4]);
    (status, headers, body)
}

fn answer(line: &str) -> Answer {
    let empty = (200, String::new(), json!({ "totalResults": 0, "Resources": [] }).to_string());
    if line.contains("/mail/") {
        return echo(401, PASSWORD);
    }
    match line.split_once("/chat/") {
        Some(("GET ", path)) if path.starts_with("Users?") && path.contains("startIndex=1&") => {
            let bob = json!({ "id": "b", "userName": "bob", "externalId": "hc:acme:hr:2", "urn:acme:User": { "pin": VALUES[3], "copy": VALUES[3] },
                "nickName": TOKEN });
            (200, String::new(), json!({ "totalResults": 1, "Resources": [bob] }).to_string())
        }
        Some(("GET ", path)) if path.starts_with("Users?") => {
            (200, String::new(), json!({ "totalResults": 1, "Resources": [] }).to_string())
        }
        Some(("GET ", path)) if path.starts_with("Groups?") => empty,
        Some(("GET ", _)) => (404, String::new(), "{}".into()),
        Some(("POST ", _)) => echo(400, TOKEN),
        _ => echo(409, TOKEN),
    }
}

/// All files below a folder but those that the test wrote.
fn written(folder: &Path, ours: &[&str], found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            written(&path, ours, found);
        } else if !ours.iter().any(|name| path.ends_with(name)) {
            found.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
        }
    }
}

#[test]
fn no_planted_secret_is_found_in_any_output_or_file() {
    let url = answers::serve(answer);
    let hr = format!("id,name,pw,pin\n1,ann,{},{}\n2,bob,{},new-{}\n", VALUES[0], VALUES[1], VALUES[2], VALUES[3]);
    let folder = Folder::with(&[("w/headcount.yaml", &MANIFEST.replace("@URL@", &url)), ("w/hr.csv", &hr), ("password", PASSWORD)]);
    let commands: &[&[&str]] = &[
        &["validate"],
        &["plan", "-o", "text", "-o", "json=plan.json", "-o", "ndjson=plan.ndjson", "-o", "markdown=plan.md", "--out", "plan.file"],
        &["plan", "-o", "html=plan.html", "-o", "review=review.json"],
        &["plan", "-o", "ndjson", "-vv", "--log", "json"],
        &["diff"],
        &["explain", "ann"],
        &["explain", "ann", "--trace"],
        &["explain", "bob", "-o", "json"],
        &["apply", "--auto-approve"],
        &["apply", "--auto-approve", "-o", "json"],
        &["history"],
        &["history", "-o", "json"],
        &["revoke", "hr/1", "hr/2", "--auto-approve", "--reason", "test", "--timeout", "1s"],
        &["plan"],
    ];
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for command in commands {
        let run = folder.run(command.iter().copied().chain(["-f", "w"])).env("CHAT_TOKEN", TOKEN).env("HEADCOUNT_LOG", "debug");
        let output = run.output().expect("it runs");
        assert_ne!(output.status.code(), Some(2), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        found.push((format!("{command:?}, stdout"), output.stdout));
        found.push((format!("{command:?}, stderr"), output.stderr));
    }
    written(folder.path(), &["w/headcount.yaml", "w/hr.csv", "password"], &mut found);
    let text = |(name, bytes): &(String, Vec<u8>)| (name.clone(), String::from_utf8_lossy(bytes).into_owned());
    let all: Vec<(String, String)> = found.iter().map(text).collect();
    // The servers did give them back, and what a sensitive attribute changes to is shown as a change.
    assert!(all.iter().any(|(_, text)| text.contains("[secret]")) && all.iter().any(|(_, text)| text.contains("(secret)")));
    let mut leaks = Vec::new();
    for secret in [TOKEN, PASSWORD].into_iter().chain(VALUES) {
        for (name, text) in &all {
            // Text that is broken at a width is put together again.
            let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for form in forms(secret).iter().filter(|form| text.contains(form.as_str()) || whole.contains(form.as_str())) {
                leaks.push(format!("{name}: {form}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn what_stands_in_the_place_of_a_reference_is_not_shown() {
    let manifest = MANIFEST.replace("@URL@", "https://chat.example");
    for auth in [
        "{bearer: {token: s3cr3t-4711}}",
        "{bearer: {env: CHAT, token: s3cr3t-4711}}",
        "{bearer: [s3cr3t-4711]}",
        "{bearer: s3cr3t-4711}",
        "{token: s3cr3t-4711}",
        "{bearer:\n      {exec: s3cr3t-4711}}",
        "{basic: {username: robot, passwrd: s3cr3t-4711, password: {env: X}}}",
        "{basic: {username: robot, password: {env: s3cr3t-4711}}}",
        "{bearer: {token: \"s3cr3t-4711}}",
        "{bearer: {env: X}}, apiToken: s3cr3t-4711, x: {",
    ] {
        let folder = Folder::with(&[("headcount.yaml", &manifest.replace("{bearer: {env: CHAT_TOKEN}}", auth)), ("hr.csv", "id\n")]);
        for form in ["text", "json", "github"] {
            let output = folder.run(["validate", "-o", form]).output().expect("it runs");
            let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{auth}\n{words}");
            assert!(!words.contains("s3cr3t"), "{auth}, {form}\n{words}");
        }
    }
}

#[test]
fn what_stands_in_the_address_of_a_directory_is_not_shown() {
    for urls in ["['ldaps://robot:s3cr3t-4711@dc1.acme.example']", "\n    - ldap://robot:s3cr3t-4711@dc1.acme.example:99999"] {
        let ldap = format!("ldap:\n    urls: {urls}\n    users: {{base: 'ou=p,dc=acme', attributes: {{userName: uid}}}}");
        let connection = "scim: {url: \"@URL@/chat\", extension: \"urn:acme:User\", auth: {bearer: {env: CHAT_TOKEN}}}";
        let manifest = MANIFEST.replace(&format!("connection: {{{connection}}}"), &format!("connection:\n   {ldap}"));
        assert!(manifest.contains("s3cr3t"), "{manifest}");
        let folder = Folder::with(&[("headcount.yaml", &manifest), ("hr.csv", "id\n")]);
        for form in ["text", "json", "github"] {
            let output = folder.run(["validate", "-o", form]).output().expect("it runs");
            let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{words}");
            assert!(words.contains("urls") && !words.contains("s3cr3t"), "{form}\n{words}");
        }
    }
}

#[test]
fn credentials_go_over_plain_http_only_where_somebody_says_so() {
    let told = |url: &str, more: &str| {
        let manifest = MANIFEST.replace("\"@URL@/mail\"", &format!("{url:?}{more}")).replace("@URL@", "https://chat.example");
        let folder = Folder::with(&[("headcount.yaml", &manifest), ("hr.csv", "id\n")]);
        let output = folder.run(["validate", "-o", "json"]).output().expect("it runs");
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        document["diagnostics"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["message"].as_str().is_some_and(|words| words.contains("plain http"))))
    };
    assert!(told("http://mail.example/scim", "") && told("http://127.0.0.1.example", "") && told("http://localhost.evil.example", ""));
    assert!(!told("https://mail.example/scim", "") && !told("http://mail.example", ", allowPlainHttp: true"));
    assert!(!told("http://localhost:80/scim", "") && !told("http://127.0.0.9", "") && !told("http://[::1]:8080", ""));
}

#[test]
fn a_source_is_not_called_as_other_keys_begin() {
    for (name, right) in [("user", false), ("group", false), ("id", false), ("users", true)] {
        let manifest =
            MANIFEST.replace("@URL@", "https://chat.example").replace("metadata: {name: hr}", &format!("metadata: {{name: {name}}}"));
        let folder = Folder::with(&[("headcount.yaml", &manifest)]);
        assert_eq!(folder.run(["validate"]).output().expect("it runs").status.success(), right, "{name}");
    }
}
