//! `--server`: what commands find themselves and what the API of a controller tells them is shown the same way, and what they ask for there is done.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Folder;
use super::world::{HR, applied, database};

/// Ends with the test, whatever comes of it.
struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A proxy whose key is in a file; here nobody comes through it, but programs with tokens come.
const SIGN_IN: &str = r#"
publicUrl: https://headcount.acme.example
proxy: {header: x-assertion, issuer: 'https://proxy.acme.example', audience: headcount, keys: {file: keys.json}}
roles: {admin: {people: [mara@acme.example]}}
actions: [sync, approve, revoke, pause]
"#;
/// The elliptic key of RFC 7517, appendix A.1.
const KEYS: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "use": "sig", "kid": "1"}]}"#;

/// A controller with its API, and who asks it.
struct House {
    folder: Folder,
    token: String,
    server: String,
    _controller: Controller,
}

impl House {
    fn new() -> Self {
        let folder = applied();
        let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
        folder.write("acme.yaml", &manifests.replace("  groups: {}\n", "  groups: {}\n  approval: {for: [everything], count: 1}\n"));
        folder.write("hr.csv", &HR.replace("Noor Haddad,Support", "Noor Haddad,Engineering"));
        folder.write("sign-in.yaml", SIGN_IN);
        folder.write("keys.json", KEYS);
        let mut command = Command::new(snapbox::cargo_bin!("headcount"));
        command.args(["controller", "--listen", "none", "--pages", "127.0.0.1:0", "--sign-in", "sign-in.yaml"]).current_dir(folder.path());
        let child = command.env_remove("HEADCOUNT_LOG").stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut controller = Controller(child.expect("it starts"));
        let mut lines = BufReader::new(controller.0.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let told = lines.find(|line| line.contains("pages and API")).expect("it says where");
        std::thread::spawn(move || lines.for_each(drop));
        let address = told.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let server = format!("http://{address}");
        let scopes = ["status", "people", "sync", "approve", "revoke", "pause"].into_iter().flat_map(|scope| ["--scope", scope]);
        let made = folder.run(["token", "create", "ci"].into_iter().chain(scopes)).output().expect("it runs");
        let token = String::from_utf8(made.stdout).expect("text").trim().to_owned();
        assert!(token.starts_with("hct_"), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder, token, server, _controller: controller }
    }

    /// What a command says, asked of the server.
    fn there(&self, arguments: &[&str]) -> (i32, String, String) {
        let arguments = arguments.iter().copied().chain(["--server", self.server.as_str()]);
        said(self.folder.run(arguments).env("HEADCOUNT_TOKEN", &self.token))
    }

    /// The same, found where the manifests are.
    fn here(&self, arguments: &[&str]) -> (i32, String, String) {
        said(self.folder.run(arguments.iter().copied()))
    }

    /// Until something is so.
    fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(120);
        while !so(self) {
            assert!(Instant::now() < end, "{what} never came: {:?}", self.there(&["status"]));
        }
    }
}

fn said(command: snapbox::cmd::Command) -> (i32, String, String) {
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn what_a_server_tells_is_shown_as_what_is_found_and_what_is_asked_there_is_done() {
    let house = House::new();
    house.until("the plan waits", |house| house.there(&["approve"]).1.contains("TARGET"));
    house.until("people are known", |house| house.there(&["get", "people"]).0 == 0);
    // What is shown.
    for arguments in [["get", "people"], ["get", "accounts"], ["get", "groups"], ["get", "targets"]] {
        for form in ["text", "wide", "name"] {
            let arguments = [&arguments[..], &["-o", form]].concat();
            // What is read on the way is told beside it, where it is read.
            let ((there, shown, _), (here, found, _)) = (house.there(&arguments), house.here(&arguments));
            assert_eq!((there, shown), (here, found), "{arguments:?}");
        }
    }
    let (code, out, _) = house.there(&["get", "people", "ad*", "-o", "json"]);
    let listed: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, listed["people"][0]["key"].as_str(), listed["people"].as_array().map(Vec::len)), (0, Some("hr/1"), Some(1)), "{out}");
    let list = |(code, out, _): (i32, String, String)| {
        // How long ago it was is another number a second later.
        let told = |line: &str| line.split(" (").next().unwrap_or_default().to_owned();
        (code, out.lines().filter(|line| !line.starts_with("Next")).map(told).collect::<Vec<_>>())
    };
    assert_eq!(list(house.there(&["approve"])), list(house.here(&["approve"])));
    let states = |(code, out, _): (i32, String, String)| {
        let status: Value = serde_json::from_str(&out).expect("JSON");
        (
            code,
            status["systems"]
                .as_array()
                .expect("systems")
                .iter()
                .map(|one| (one["name"].clone(), one["state"].clone()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(states(house.there(&["status", "-o", "json"])), states(house.here(&["status", "-o", "json"])));
    let (code, out, _) = house.there(&["status"]);
    assert!(code == 0 && out.contains(&format!("--server {}", house.server)) && out.to_lowercase().contains("waits for"), "{out}");
    // What is asked for.
    let row = |sql: &str| -> i64 { database(&house.folder).query_row(sql, [], |row| row.get(0)).expect("a row") };
    let moved = "SELECT count(*) FROM users WHERE login = 'noor' AND department = 'Engineering'";
    assert_eq!(row(moved), 0);
    let plans = house.there(&["approve"]).1;
    let hash = plans.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("a plan").to_owned();
    let (code, out, words) = house.there(&["approve", &hash, "--reason", "HR-2291", "--yes"]);
    assert!(code == 0 && out.contains(&format!("Plan {hash} is approved by token ci. It runs once")), "{out}{words}");
    house.until("the run", |_| row(moved) == 1);
    let (code, out, words) = house.there(&["sync", "--target", "app", "--wait"]);
    assert_eq!(code, 0, "{out}{words}");
    let (code, out, words) = house.there(&["pause", "--reason", "an incident"]);
    assert!(code == 0 && out.contains("To go on: headcount resume --server"), "{out}{words}");
    assert!(house.there(&["pause"]).1.contains("is stopped already, by token ci since"));
    assert!(house.there(&["resume"]).1.starts_with("Writing goes on. It was stopped by token ci since"));
    let (code, out, words) = house.there(&["revoke", "hr/1", "--reason", "lost phone", "--auto-approve"]);
    assert!(code == 0 && out.starts_with("hr/1\n  app  done\nCut off.\n"), "{out}{words}");
    assert_eq!(row("SELECT is_active FROM users WHERE login = 'ada'"), 0);
    // What is refused, in the server's words.
    for (arguments, code, words) in [
        (vec!["sync", "--target", "nowhere"], 2, "there is no target \"nowhere\""),
        (vec!["approve", &hash, "--yes"], 5, "waits for an approval"),
        (vec!["revoke", "ada", "--reason", "x", "--auto-approve"], 1, "is nobody's key"),
        (vec!["revoke", "hr/2", "--lift"], 2, "--server"),
        (vec!["get", "people", "nobody"], 1, "no person is called"),
    ] {
        let told = house.there(&arguments);
        assert!(told.0 == code && told.2.contains(words), "{arguments:?}: {told:?}");
    }
    let wrong = said(house.folder.run(["status", "--server", &house.server]).env("HEADCOUNT_TOKEN", "hct_another"));
    assert!(
        wrong.0 == 1 && wrong.2.contains("401") && wrong.2.contains("HEADCOUNT_TOKEN") && !wrong.2.contains("hct_another"),
        "{wrong:?}"
    );
}
