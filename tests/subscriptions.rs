//! Subscriptions of a controller that runs, by the catalog's own documents, at two systems held to what is published of Microsoft Graph and of Google's Directory API:
//! made, tried out, renewed before they end, lost and made again, ended; and what proves nothing is refused.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::machine::Machine;
use crate::support::subscribing::{self, Open, Subscribing};
use crate::support::{free_port, program, write_settled};

const PATIENCE: Duration = Duration::from_secs(180);
const SECRET: &str = "only-the-two-of-us-know-this-2026";
const PUBLIC: &str = "https://hooks.acme.example";
const HOUR: i64 = 3600;
const EVENTS: [&str; 5] = ["add", "delete", "makeAdmin", "undelete", "update"];

const WORKSPACE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-subscribed}
";

/// Both Sources, with and without webhooks.
fn sources(webhooks: bool) -> String {
    let webhook = if webhooks { ", webhook: {file: hook}" } else { "" };
    let source = |name: &str, precedence: u32, connector: &str, more: &str| {
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec:\n  establishes: true\n  precedence: {precedence}\n  connection:\n    connector: {{name: {connector}, {more}{webhook}}}\n  key: record.id\n  mapping: {{rules: [{{attribute: userName, value: record.id}}]}}\n"
        )
    };
    let entra = "config: {tenant: acme.example}, auth: {secret: {clientId: {file: id}, clientSecret: {file: id}}}";
    let google = "config: {admin: headcount@acme.example}, auth: {serviceAccount: {key: {file: google.json}}}";
    format!("{WORKSPACE}{}{}", source("entra", 20, "entra", entra), source("google", 10, "google-workspace", google))
}

/// The catalog's document, but for its hosts: a Connector of a workspace takes the place of the catalog's of that name.
fn connector(name: &str, host: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/catalog/{name}.yaml", env!("CARGO_MANIFEST_DIR"))).expect("the catalog");
    let hosts = |line: &str| if line.starts_with("  hosts: ") { format!("  hosts: ['{host}']") } else { line.to_owned() };
    let text: Vec<String> = text.lines().map(hosts).collect();
    let mut text = text.join("\n");
    for (from, to) in [
        ("https://{config.graph}/v1.0", "/graph/v1.0"),
        ("https://{config.login}", "/login"),
        ("https://admin.googleapis.com", "/google"),
        ("https://oauth2.googleapis.com", "/google-login"),
    ] {
        text = text.replace(from, &format!("http://{host}{to}"));
    }
    text
}

struct House {
    folder: tempfile::TempDir,
    machine: Machine,
    service: Arc<Subscribing>,
    listen: String,
    controller: Child,
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.controller.kill());
        drop(self.controller.wait());
    }
}

fn start(folder: &Path, machine: &Machine, listen: &str) -> Child {
    let mut command = Command::new(snapbox::cargo_bin!("headcount"));
    command.current_dir(folder).args(["controller", "-f", ".", "--listen", "none", "--listen-inbound", listen, "--inbound-url", PUBLIC]);
    machine.runs(&mut command);
    let log = std::fs::File::options().create(true).append(true).open(folder.join("controller.log")).expect("a log");
    command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts")
}

impl House {
    fn new(test: &str) -> Option<Self> {
        let openssl = program(test, &["openssl"])?;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let listen = format!("127.0.0.1:{}", free_port());
        let (service, host) = subscribing::start(&listen, PUBLIC);
        let made =
            Command::new(openssl).args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).output().expect("openssl");
        let key = String::from_utf8(made.stdout).expect("a key");
        let account = serde_json::json!({"type": "service_account", "client_email": "headcount@acme.example", "private_key": key});
        std::fs::write(at("google.json"), account.to_string()).expect("written");
        std::fs::write(at("id"), "headcount").expect("written");
        std::fs::write(at("hook"), SECRET).expect("written");
        for name in ["entra", "google-workspace"] {
            write_settled(&at(&format!("connector-{name}.yaml")), connector(name, &host));
        }
        write_settled(&at("acme.yaml"), sources(true));
        let machine = Machine::new(folder.path())?;
        let controller = start(folder.path(), &machine, &listen);
        Some(Self { folder, machine, service, listen, controller })
    }

    fn until(&self, what: &str, so: impl Fn(&Subscribing) -> bool) {
        let began = Instant::now();
        while !so(&self.service) {
            let log = || std::fs::read_to_string(self.folder.path().join("controller.log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{what} never came: {:?}\n{}", self.service.asked(), log());
            std::thread::yield_now();
        }
    }

    fn put_clock(&self, seconds: i64) {
        self.service.put_clock(seconds);
        self.machine.put_clock(seconds);
    }

    /// What there is of one thing.
    fn one(&self, about: &str) -> Open {
        let open = self.service.open();
        let mut found = open.iter().filter(|open| open.about == about);
        let one = found.next().unwrap_or_else(|| panic!("nothing of {about}: {open:?}")).clone();
        assert!(found.next().is_none(), "two of {about}: {open:?}");
        one
    }
}

#[test]
fn subscriptions_are_made_tried_out_renewed_lost_and_ended_as_graph_and_google_publish_it() {
    let Some(mut house) = House::new("subscriptions_are_made_tried_out_renewed_lost_and_ended_as_graph_and_google_publish_it") else {
        return;
    };
    house.until("one of each", |service| service.open().len() == 2 + EVENTS.len());
    let refused: Vec<(String, u16)> = house.service.asked().into_iter().filter(|(_, status)| *status >= 300).collect();
    assert_eq!(refused, [], "whoever asks keeps to what is published");
    let syncs: Vec<u16> = house.service.asked().into_iter().filter(|(said, _)| said == "sync").map(|(_, status)| status).collect();
    assert_eq!(syncs, [200; EVENTS.len()], "that a channel is there changes nothing");
    let (users, groups, update) = (house.one("users"), house.one("groups"), house.one("update"));
    for (open, source) in [(&users, "entra"), (&groups, "entra"), (&update, "google")] {
        assert_eq!((open.address.as_str(), open.secret.as_str()), (format!("{PUBLIC}/hooks/sources/{source}").as_str(), SECRET));
    }

    // What proves nothing, and what does; twice the same is two changes of one person.
    let service = &house.service;
    assert_eq!(service.notify_graph(&users, "somebody else's", None), 401);
    assert_eq!([service.notify_graph(&users, SECRET, None), service.notify_graph(&users, SECRET, None)], [202, 202]);
    assert_eq!(service.notify_google(&update, "somebody else's", "update", 2), 401);
    assert_eq!([service.notify_google(&update, SECRET, "update", 3), service.notify_google(&update, SECRET, "update", 7)], [202, 202]);

    // Graph wants to be asked again before it ends: that is done at once, and not when it is due.
    let renewals = |service: &Subscribing, id: &str| {
        service.asked().iter().filter(|(said, status)| *said == format!("renew {id}") && *status == 200).count()
    };
    assert_eq!(service.notify_graph(&users, "somebody else's", Some("reauthorizationRequired")), 401);
    assert_eq!(service.notify_graph(&users, SECRET, Some("reauthorizationRequired")), 202);
    house.until("a renewal that was asked for", |service| renewals(service, &users.id) == 1);

    // Five hours on, channels of six hours have others in their place and are stopped; subscriptions of weeks are as they were.
    house.put_clock(5 * HOUR);
    house.until("other channels", |service| {
        service.open().iter().filter(|open| EVENTS.contains(&open.about.as_str()) && open.until > users_day(service)).count()
            == EVENTS.len()
    });
    house.until("the old ones stopped", |service| service.open().len() == 2 + EVENTS.len());
    assert_ne!(house.one("update").id, update.id);
    assert_eq!(house.one("users").id, users.id);

    // Weeks on, and one of them is lost at Graph: the other is renewed, this one made again.
    house.service.lose(&groups.id);
    house.put_clock(20 * 24 * HOUR);
    house.until("a renewal before its end", |service| renewals(service, &users.id) == 2);
    house.until("another one for what was lost", |service| service.open().iter().any(|open| open.about == "groups"));
    assert_ne!(house.one("groups").id, groups.id);
    house.until("channels that ended while nobody looked", |service| service.open().len() == 2 + EVENTS.len());

    // A process that ends leaves them to the next one, which makes no second ones: what it made is known to it by its state.
    house.until("what was made is in the state", |service| {
        let rows = shelved(house.folder.path());
        service.open().iter().all(|open| rows.contains(&open.id))
    });
    let made = |service: &Subscribing| service.asked().iter().filter(|(said, _)| said == "subscribe" || said == "watch").count();
    let (before, ids) = (made(&house.service), house.service.open().iter().map(|open| open.id.clone()).collect::<Vec<_>>());
    let killed = Command::new("kill").args(["-TERM", &house.controller.id().to_string()]).status().expect("kill");
    assert!(killed.success() && house.controller.wait().expect("it ends").success());
    assert_eq!(house.service.open().iter().map(|open| open.id.clone()).collect::<Vec<_>>(), ids);
    house.controller = start(house.folder.path(), &house.machine, &house.listen);

    // Nobody wants them any more.
    let users = house.one("users");
    house.until("it listens again", |service| service.notify_graph(&users, SECRET, None) == 202);
    write_settled(&house.folder.path().join("acme.yaml"), sources(false));
    house.until("all of them ended", |service| service.open().is_empty());
    assert_eq!(made(&house.service), before, "the next process made no second ones");
    let log = std::fs::read_to_string(house.folder.path().join("controller.log")).expect("a log");
    assert!(!log.contains(SECRET), "{log}");
}

/// What the state has of them.
fn shelved(folder: &Path) -> String {
    let state = rusqlite::Connection::open_with_flags(folder.join(".headcount/state.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let rows = "SELECT coalesce(group_concat(body, ' '), '') FROM shelves WHERE shelf = 'subscriptions'";
    state.and_then(|state| state.query_row(rows, [], |row| row.get(0))).unwrap_or_default()
}

/// What ends later than this was made since the clock was moved.
fn users_day(service: &Subscribing) -> jiff::Timestamp {
    service.now() + jiff::SignedDuration::from_hours(4)
}
