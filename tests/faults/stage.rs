//! The stage of these tests: a company's workspace, scim2-server, the proxy before it, and the binary; and the oracle that asks the server itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use crate::support::proxy::{Moment, Proxy};
use crate::support::scim2::Scim2Server;

use super::company::{Company, Pace, Person, allow_many_to_come};

/// The command of most of these tests.
pub const APPLY: &[&str] = &["apply", "--auto-approve"];
/// Far more than any run here takes; a test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// Accounts that somebody else made, and their group.
const STRANGERS: [&str; 3] = ["stranger.one", "stranger.two", "stranger.three"];
const STRANGE_GROUP: &str = "not-ours";

/// Everything a test plays with.
pub struct Stage {
    pub company: Company,
    pub proxy: Proxy,
    folder: TempDir,
    server: Scim2Server,
}

/// How one run of the binary ended.
#[derive(Debug)]
pub struct Run {
    /// none: it was killed
    pub code: Option<i32>,
    pub words: String,
}

/// What the server holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Holdings {
    /// user name to what is said of it
    pub users: BTreeMap<String, Account>,
    /// display name to the user names of the members
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    pub active: bool,
    pub title: Option<String>,
    pub manager: Option<String>,
}

impl Stage {
    /// None where scim2-server is not installed.
    pub fn set(company: Company, pace: Pace) -> Option<Self> {
        let server = Scim2Server::start()?;
        let proxy = Proxy::start(&format!("127.0.0.1:{}", server.port()));
        let folder = tempfile::tempdir().expect("a folder");
        company.write_people(folder.path());
        company.write_manifests(folder.path(), &format!("{}/v2", proxy.url()), pace);
        let stage = Self { company, proxy, folder, server };
        stage.let_strangers_in();
        Some(stage)
    }

    /// Writes the company's export anew.
    pub fn publish(&self) {
        self.company.write_people(self.folder.path());
    }

    /// Lets more people come than the limits allow by themselves.
    pub fn allow_many_to_come(&self) {
        allow_many_to_come(&self.folder.path().join("headcount.yaml"));
    }

    /// Forgets everything that headcount remembers.
    pub fn lose_state(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join(".headcount"));
    }

    /// One `headcount apply`.
    pub fn apply(&self) -> Run {
        self.run(APPLY)
    }

    /// One run that is killed when it sends its `nth` write, before or after the server has done it.
    pub fn killed_at(&self, arguments: &[&str], nth: u64, moment: Moment) -> Run {
        let (happened, hear) = channel();
        let (reached, ended) = (happened.clone(), happened);
        self.proxy.hold_at(nth, moment, move || drop(reached.send(Happened::Held)));
        let (pid, output) = self.start(arguments, ended);
        let mut end = hear.recv_timeout(PATIENCE);
        if matches!(end, Ok(Happened::Held)) {
            // Whoever waits for a held answer has not ended, so its id is still its own.
            let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.is_ok_and(|status| status.success()), "kill -9 {pid}");
            end = hear.recv_timeout(PATIENCE);
        }
        self.proxy.release();
        ended_run(end, &output)
    }

    /// Applies in fair weather until the next plan is empty.
    pub fn converge(&self) {
        self.proxy.calm();
        let mut last = None;
        for _ in 0..3 {
            if self.run(&["plan", "--detailed-exitcode"]).code == Some(0) {
                return;
            }
            last = Some(self.apply());
        }
        panic!("the plan does not become empty; the last run said: {last:?}");
    }

    /// What the server holds, asked past the proxy. No marker, user name or group name may be there twice.
    pub fn holdings(&self) -> Holdings {
        let (users, groups) = (self.list("Users"), self.list("Groups"));
        assert_unique(&users, "externalId");
        assert_unique(&users, "userName");
        assert_unique(&groups, "displayName");
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let names: BTreeMap<_, _> = users.iter().map(|user| (text(user, "id"), text(user, "userName").unwrap_or_default())).collect();
        let account = |user: &Value| Account {
            active: user["active"].as_bool().unwrap_or(true),
            title: text(user, "title"),
            manager: names.get(&text(&user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"], "value")).cloned(),
        };
        let members = |group: &Value| {
            let members = group["members"].as_array().cloned().unwrap_or_default();
            let name = |member: &Value| names.get(&text(member, "value")).cloned().unwrap_or_else(|| format!("nobody: {member}"));
            let found: BTreeSet<_> = members.iter().map(name).collect();
            assert_eq!(found.len(), members.len(), "a member twice in {group}");
            found
        };
        Holdings {
            users: users.iter().map(|user| (text(user, "userName").unwrap_or_default(), account(user))).collect(),
            groups: groups.iter().map(|group| (text(group, "displayName").unwrap_or_default(), members(group))).collect(),
        }
    }

    /// Looks that the server holds the company, no more and no less, and that strangers were left alone.
    pub fn assert_done(&self) {
        let holdings = self.holdings();
        for person in &self.company.people {
            let account = holdings.users.get(&person.user_name());
            if person.left {
                assert!(account.is_none_or(|account| !account.active), "{} has left", person.user_name());
                continue;
            }
            let manager = person.manager.map(|id| self.company.people[id as usize - 1].user_name());
            let wanted = Account { active: true, title: Some(format!("Title {}", person.title)), manager };
            assert_eq!(account, Some(&wanted), "{}", person.user_name());
        }
        let mut groups = self.company.groups();
        groups.insert(STRANGE_GROUP.into(), STRANGERS.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(holdings.groups, groups);
        assert!(STRANGERS.iter().all(|name| holdings.users[*name].active), "strangers were left alone");
        assert_eq!(holdings.users.len(), self.company.people.len() + STRANGERS.len() - self.never_hired(&holdings));
    }

    /// Looks that whatever was taken away since this was last asked was taken from people who have left, or who moved to another group.
    pub fn assert_nothing_taken_without_reason(&self) {
        let names: BTreeMap<_, _> = self.company.people.iter().map(|person| (person.user_name(), person)).collect();
        let users = self.list("Users");
        for removal in self.proxy.removals() {
            let member = removal.starts_with("PATCH /v2/Groups/");
            let hit = |user: &&Value| user["id"].as_str().is_some_and(|id| removal.contains(id));
            let hit: Vec<_> = users.iter().filter(hit).map(|user| user["userName"].as_str().and_then(|name| names.get(name))).collect();
            let reason = |person: &Option<&&Person>| person.is_some_and(|person| person.left || (member && person.moved));
            assert!(!hit.is_empty() && hit.iter().all(reason), "taken away without a reason: {removal}");
        }
    }

    /// People who left before they ever had an account.
    fn never_hired(&self, holdings: &Holdings) -> usize {
        self.company.people.iter().filter(|person| person.left && !holdings.users.contains_key(&person.user_name())).count()
    }

    fn let_strangers_in(&self) {
        let member = |name: &&str| {
            let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true});
            let (status, made) = self.direct(Method::POST, "/v2/Users", Some(&user));
            assert!(status.is_success(), "{status} {made}");
            json!({"value": made["id"]})
        };
        let members: Vec<_> = STRANGERS.iter().map(member).collect();
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
        let group = json!({"schemas": schemas, "displayName": STRANGE_GROUP, "members": members});
        let (status, made) = self.direct(Method::POST, "/v2/Groups", Some(&group));
        assert!(status.is_success(), "{status} {made}");
    }

    fn list(&self, what: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let (status, page) = self.direct(Method::GET, &format!("/v2/{what}?startIndex={}&count=500", all.len() + 1), None);
            assert!(status.is_success(), "{status} {page}");
            let rows = page["Resources"].as_array().cloned().unwrap_or_default();
            let total = page["totalResults"].as_u64().unwrap_or_default();
            let over = rows.is_empty();
            all.extend(rows);
            if over || all.len() as u64 >= total {
                return all;
            }
        }
    }

    fn direct(&self, method: Method, path: &str, body: Option<&Value>) -> (hyper::StatusCode, Value) {
        self.proxy.direct(method, path, self.server.token(), body)
    }

    /// One run.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let (ended, hear) = channel();
        let (_, output) = self.start(arguments, ended);
        ended_run(hear.recv_timeout(PATIENCE), &output)
    }

    fn start(&self, arguments: &[&str], ended: Sender<Happened>) -> (u32, NamedTempFile) {
        let output = NamedTempFile::new().expect("a file");
        let append = || File::options().append(true).open(output.path()).expect("the same file");
        let log = || Stdio::from(append());
        let mut child = Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("FAULTS_TOKEN", self.server.token())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .spawn()
            .expect("the binary starts");
        let pid = child.id();
        std::thread::spawn(move || ended.send(Happened::Ended(child.wait().expect("the binary ends"))));
        (pid, output)
    }
}

/// What the test waits for while a run is under way.
enum Happened {
    Held,
    Ended(ExitStatus),
}

fn ended_run(end: Result<Happened, RecvTimeoutError>, output: &NamedTempFile) -> Run {
    let words = std::fs::read_to_string(output.path()).unwrap_or_default();
    match end {
        Ok(Happened::Ended(status)) => {
            // What a failed test needs to be understood: tests keep it back until they fail.
            println!("{status}: {}", tail(&words));
            Run { code: status.code(), words }
        }
        Ok(Happened::Held) | Err(_) => panic!("a run hangs: {words}"),
    }
}

/// The end of what a run said.
fn tail(words: &str) -> &str {
    const KEPT: usize = 600;
    let from = words.char_indices().rev().nth(KEPT).map_or(0, |(at, _)| at);
    &words[from..]
}

fn assert_unique(resources: &[Value], attribute: &str) {
    let mut seen = BTreeSet::new();
    for value in resources.iter().filter_map(|resource| resource[attribute].as_str()) {
        assert!(seen.insert(value.to_lowercase()), "{attribute} {value} is there twice");
    }
}
