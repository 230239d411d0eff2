//! The town: a company with its HR file and a repository, a SCIM service behind a proxy and an application's tables, two processes that keep it so, and the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headcount::manifest::kinds::PostgresState;
use headcount::model::{Status, SystemState};
use headcount::state::{PlaceKind, PostgresPlace, Shelf, look};
use hyper::Method;
use serde_json::Value;

use super::as_it_was;
use super::replica::{Replica, TERMS};
use crate::faults::company::Company;
use crate::support::git::Pushed;
use crate::support::machine::Machine;
use crate::support::postgres::{self, Server};
use crate::support::proxy::Proxy;
use crate::support::scim2::Scim2Server;

/// Its id.
pub const WORKSPACE: &str = "chaos";
const PEOPLE: u32 = 100;
const DEPARTMENTS: usize = 6;
/// Contractors at first: so many that one who goes is no cut-short set of manifests.
const CONTRACTORS: usize = 8;
const REPLICAS: usize = 2;
/// Far more than anything here takes; whoever waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where the state is.
pub enum State {
    File,
    Postgres(Server),
}

pub struct Town {
    pub service: Proxy,
    company: Company,
    /// those in the manifests; the last one came with the last commit
    contractors: Vec<usize>,
    next_contractor: usize,
    desk: tempfile::TempDir,
    repository: Pushed,
    server: Scim2Server,
    state: State,
    database: Option<PostgresState>,
    machine: Option<Machine>,
    replicas: Vec<Replica>,
    started: usize,
    killed: usize,
}

/// Somebody who should have an account, or who has one: title.
type Titles = BTreeMap<String, Option<String>>;

impl Town {
    /// None where scim2-server is not installed.
    pub fn set(seed: u64, state: State) -> Option<Self> {
        let server = Scim2Server::start()?;
        let service = Proxy::start(&format!("127.0.0.1:{}", server.port()));
        let desk = tempfile::tempdir().expect("a folder");
        let database = match &state {
            State::File => None,
            State::Postgres(server) => Some(PostgresState {
                url: server.socket(),
                password: None,
                schema: Some(postgres::fresh_schema()),
                ca_file: None,
                allow_plaintext: false,
            }),
        };
        let app = rusqlite::Connection::open(desk.path().join("app.db")).expect("a database");
        app.execute_batch(TABLES).expect("tables");
        let machine = Machine::new(desk.path());
        let company = Company::new(PEOPLE, DEPARTMENTS, seed);
        let mut town = Self {
            service,
            company,
            contractors: (0..CONTRACTORS).collect(),
            next_contractor: CONTRACTORS,
            desk,
            repository: Pushed::new(),
            server,
            state,
            database,
            machine,
            replicas: Vec::new(),
            started: 0,
            killed: 0,
        };
        town.company.write_people(town.desk.path());
        std::fs::write(town.repository.work().join("headcount.yaml"), town.manifests()).expect("written");
        town.pushes();
        for _ in 0..REPLICAS {
            town.starts_one();
        }
        Some(town)
    }

    /// People come, leave and change; a contractor comes.
    pub fn changes(&mut self, random: &mut fastrand::Rng) {
        self.company.reorganise(random.usize(1..20));
        self.company.lose();
        self.company.write_people(self.desk.path());
        self.contractors.push(self.next_contractor);
        self.next_contractor += 1;
        self.pushes();
    }

    /// The last commit is none any more, nor is the contractor that it brought.
    pub fn history_is_rewritten(&mut self, random: &mut fastrand::Rng) {
        self.contractors.pop();
        self.repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
        if random.bool() {
            self.contractors.push(self.next_contractor);
            self.next_contractor += 1;
        }
        self.pushes();
    }

    pub fn kills_one(&mut self) {
        let writer = self.writer();
        self.replicas[writer].kill();
        self.killed += 1;
        self.stand_again();
    }

    pub fn kills_all(&mut self) {
        self.replicas.iter_mut().for_each(Replica::kill);
        self.killed += self.replicas.len();
        self.stand_again();
    }

    /// Whoever writes stands still: past its lease, where it has one that ends by itself.
    pub fn freezes(&mut self, random: &mut fastrand::Rng) {
        let writer = self.writer();
        self.replicas[writer].signal("STOP");
        let most = if self.database.is_some() { 3 * TERMS.term / 2 } else { TERMS.term / 5 };
        std::thread::sleep(Duration::from_millis(random.u64(..u64::try_from(most.as_millis()).expect("short"))));
        self.replicas[writer].signal("CONT");
    }

    pub fn database_fails(&mut self, random: &mut fastrand::Rng) {
        match &self.state {
            State::Postgres(server) => server.restart(random.bool()),
            State::File => {
                let app = self.app();
                if app.execute_batch("BEGIN EXCLUSIVE").is_ok() {
                    std::thread::sleep(Duration::from_millis(random.u64(200..1500)));
                }
            }
        }
    }

    pub fn hr_fails(&mut self, random: &mut fastrand::Rng) {
        let (file, aside) = (self.desk.path().join("people.csv"), self.desk.path().join("aside.csv"));
        let text = std::fs::read_to_string(&file).expect("the file");
        let spoilt = match random.u8(..3) {
            0 => return std::fs::rename(&file, &aside).expect("renamed"),
            1 => text.replacen("first,last", "one,two", 1),
            _ => text[..text.len() / 2].to_owned(),
        };
        std::fs::write(&aside, spoilt).and_then(|()| std::fs::rename(&aside, &file)).expect("written");
    }

    pub fn on_machine(&self, what: impl FnMut(&Machine)) {
        self.machine.iter().for_each(what);
    }

    pub fn has_machine(&self) -> bool {
        self.machine.is_some()
    }

    /// All is well again, but for what came of it.
    pub fn heals(&mut self) {
        self.on_machine(as_it_was);
        self.service.calm();
        self.company.write_people(self.desk.path());
        self.stand_again();
    }

    /// Somebody asks for a sync, and nothing is left to be done in the end.
    pub fn becomes_quiet(&mut self, words: &str) {
        let (began, mut asked) = (Instant::now(), false);
        let commit = self.repository.git(&["rev-parse", "HEAD"]);
        loop {
            self.stand_again();
            let last = if asked {
                match self.stands() {
                    Ok((0, status)) if is_calm(&status, &commit) => return,
                    Ok((requests, status)) => {
                        // Its clock was ahead: of entries that are of a later time than now somebody has to say that now is right.
                        if status.needs.iter().any(|need| need.about == "the clock") {
                            self.says(&["state", "accept-clock", "--reason", "the clock was put ahead and back"]);
                        }
                        format!("{requests} requests stand; {commit} is to be in force; {status:#?}")
                    }
                    Err(why) => why,
                }
            } else {
                let (code, said) = self.says(&["sync"]);
                asked = code == Some(0);
                said
            };
            assert!(began.elapsed() < PATIENCE, "{words}: it does not become quiet: {last}\n{}", self.words());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The oracle: nobody twice, nothing lost, the chain whole, nothing left to be done.
    pub fn is_as_it_should_be(&self, words: &str) {
        let wanted = self.wanted();
        let users = self.list("Users");
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let user = |user: &Value| (text(user, "userName").unwrap_or_default(), text(user, "externalId"));
        assert_unique(words, users.iter().map(user));
        let active = users.iter().filter(|user| user["active"].as_bool().unwrap_or(true));
        let active: Titles = active.map(|user| (text(user, "userName").unwrap_or_default(), text(user, "title"))).collect();
        assert_eq!(active, wanted, "{words}: accounts of the service");
        let names: BTreeMap<_, _> = users.iter().map(|user| (text(user, "id"), text(user, "userName").unwrap_or_default())).collect();
        let mut groups = BTreeMap::new();
        for group in self.list("Groups") {
            let members = group["members"].as_array().cloned().unwrap_or_default();
            let found: BTreeSet<_> = members.iter().filter_map(|member| names.get(&text(member, "value")).cloned()).collect();
            assert_eq!(found.len(), members.len(), "{words}: a member twice, or nobody, in {group}");
            let twice = groups.insert(text(&group, "displayName").unwrap_or_default(), found);
            assert_eq!(twice, None, "{words}: a group twice: {group}");
        }
        assert_eq!(groups, self.company.groups(), "{words}: groups of the service");
        let rows = self.rows();
        assert_unique(words, rows.iter().map(|(login, mark, ..)| (login.clone(), mark.clone())));
        let active: Titles = rows.into_iter().filter(|row| row.2).map(|(login, _, _, title)| (login, title)).collect();
        assert_eq!(active, wanted, "{words}: accounts of the tables");
        for arguments in [&["history", "--verify"][..], &["plan", "--detailed-exitcode"]] {
            let (code, said) = self.says(arguments);
            assert_eq!(code, Some(0), "{words}: {arguments:?}: {said}\n{}", self.words());
        }
    }

    pub fn ends(&mut self) {
        self.replicas.iter_mut().for_each(Replica::ends);
    }

    pub fn figures(&self) -> String {
        let lines = self.journal().unwrap_or_default();
        format!(
            "{} people, {} processes, {} of them killed, {lines} entries of the journal, {:?}",
            self.company.people.len(),
            self.started,
            self.killed,
            self.service.met()
        )
    }

    fn wanted(&self) -> Titles {
        let people = self.company.people.iter().filter(|person| !person.left);
        let people = people.map(|person| (person.user_name(), Some(format!("Title {}", person.title))));
        people.chain(self.contractors.iter().map(|number| (contractor(*number), None))).collect()
    }

    /// Whoever has gone is started again, as a supervisor would.
    fn stand_again(&mut self) {
        self.replicas.retain_mut(|replica| !replica.is_over());
        while self.replicas.len() < REPLICAS {
            self.starts_one();
        }
    }

    fn starts_one(&mut self) {
        let dress = |command: &mut Command| {
            command.env("FAULTS_TOKEN", self.server.token());
            self.on_machine(|machine| machine.runs(command));
        };
        let replica = Replica::start(self.started, self.desk.path(), &self.repository.work(), self.database.as_ref(), dress);
        self.replicas.push(replica);
        self.started += 1;
    }

    /// Whose process has the lock; any, where nobody knows.
    fn writer(&mut self) -> usize {
        self.stand_again();
        let holder = run(headcount::state::holder(&self.place().into())).ok().flatten();
        let found = holder.and_then(|holder| self.replicas.iter().position(|replica| replica.id() == holder.pid));
        found.unwrap_or_default()
    }

    fn place(&self) -> PlaceKind {
        match &self.database {
            None => PlaceKind::File(self.desk.path().join("state.db")),
            Some(database) => PlaceKind::Postgres(PostgresPlace::new(database.clone(), PathBuf::from("."), WORKSPACE.into())),
        }
    }

    /// How many requests stand, and what is told.
    fn stands(&self) -> Result<(usize, Status), String> {
        run(async {
            let store = look(self.place()).await.map_err(|error| error.to_string())?.ok_or("there is no state")?;
            let requests = store.shelf(Shelf::Requests).await.map_err(|error| error.to_string())?.len();
            let told: Vec<(Arc<str>, Status)> = Shelf::Status.all(store.as_ref()).await.map_err(|error| error.to_string())?;
            let (_, status) = told.into_iter().next().ok_or("nothing is told yet")?;
            Ok((requests, status))
        })
    }

    fn journal(&self) -> Option<u64> {
        let store = run(look(self.place())).ok()??;
        run(store.heads()).ok()?.written.map(|head| head.seq)
    }

    /// A command of somebody at a desk of their own, whose clock is right.
    fn says(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
        command.args(arguments).arg("-f").arg(self.repository.work()).current_dir(self.desk.path());
        let output = command.env("FAULTS_TOKEN", self.server.token()).env("NO_COLOR", "1").output().expect("it runs");
        let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), words)
    }

    fn words(&self) -> String {
        self.replicas.iter().map(|replica| format!("--- process {}\n{}\n", replica.id(), replica.words())).collect()
    }

    fn pushes(&self) {
        let mut text = String::new();
        for number in &self.contractors {
            let name = contractor(*number);
            writeln!(text, "---\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: {name}}}\nspec: {{attributes: {{userName: {name}}}}}")
                .expect("memory");
        }
        self.repository.push("contractors.yaml", &text);
    }

    fn manifests(&self) -> String {
        let state = match &self.database {
            None => format!("{{path: {:?}}}", self.desk.path().join("state.db")),
            Some(database) => format!("{{postgres: {}}}", serde_json::to_string(database).expect("JSON")),
        };
        let mut text = MANIFESTS
            .replace("{state}", &state)
            .replace("{desk}", &self.desk.path().display().to_string())
            .replace("{scim}", &format!("{}/v2", self.service.url()));
        for group in self.company.groups().keys() {
            writeln!(
                text,
                "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: {group}}}\nspec:\n  displayName: {group}\n  rule: identity.department == \"{group}\""
            )
            .expect("memory");
        }
        text
    }

    fn app(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.desk.path().join("app.db")).expect("a database")
    }

    /// Login, mark, whether they may sign in, title.
    fn rows(&self) -> Vec<(String, Option<String>, bool, Option<String>)> {
        let app = self.app();
        let mut rows = app.prepare("SELECT login, mark, active, title FROM users").expect("a table");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    fn list(&self, what: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let path = format!("/v2/{what}?startIndex={}&count=500", all.len() + 1);
            let (status, page) = self.service.direct(Method::GET, &path, self.server.token(), None);
            assert!(status.is_success(), "{status} {page}");
            let rows = page["Resources"].as_array().cloned().unwrap_or_default();
            let (total, over) = (page["totalResults"].as_u64().unwrap_or_default(), rows.is_empty());
            all.extend(rows);
            if over || all.len() as u64 >= total {
                return all;
            }
        }
    }
}

fn is_calm(status: &Status, commit: &str) -> bool {
    let here = status.revision.as_ref().is_some_and(|revision| *revision.id == *commit);
    here && status.needs.is_empty()
        && status.systems.iter().all(|system| system.state == SystemState::AsDeclared && system.pending.sum() == 0)
}

fn contractor(number: usize) -> String {
    format!("contractor-{number}")
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Neither a name nor a mark is there twice.
fn assert_unique(words: &str, accounts: impl Iterator<Item = (String, Option<String>)>) {
    let (mut names, mut marks) = (BTreeSet::new(), BTreeSet::new());
    for (name, mark) in accounts {
        assert!(mark.is_none_or(|mark| marks.insert(mark)), "{words}: the mark of {name} is there twice");
        assert!(names.insert(name.to_lowercase()), "{words}: {name} is there twice");
    }
}

const TABLES: &str = "PRAGMA journal_mode = WAL;
CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL, title TEXT, mark TEXT, active INTEGER NOT NULL DEFAULT 1);";

const MANIFESTS: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: chaos}
spec: {id: chaos, state: {state}, allowedDirectories: ['{desk}']}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: '{desk}/people.csv'}}
  interval: 1s
  fullInterval: 1s
  key: record.id
  lifecycle: {leaver: 'record.status == "left"'}
  mapping:
    rules:
    - {attribute: userName, value: 'lower(record.first) + "." + lower(record.last)'}
    - {attribute: name.givenName, value: record.first}
    - {attribute: name.familyName, value: record.last}
    - {attribute: title, value: record.title}
    - {attribute: department, value: record.dept}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: service}
spec:
  connection: {scim: {url: '{scim}', auth: {bearer: {env: FAULTS_TOKEN}}, timeout: 2s}}
  interval: 5s
  fullInterval: 5s
  groups: {}
  guardrails:
    create: {count: 100000}
    deactivate: {percent: 50, count: 100000}
    leavers: {percent: 50, count: 100000}
    removeMembers: {percent: 90, count: 100000}
    addMembers: {count: 100000}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: tables}
spec:
  connection:
    sql:
      database: {sqlite: {path: '{desk}/app.db'}}
      accounts:
        table: users
        key: id
        columns: {userName: login, title: title, externalId: mark}
        active: {flag: active}
  interval: 5s
  fullInterval: 5s
  guardrails:
    create: {count: 100000}
    deactivate: {percent: 50, count: 100000}
    leavers: {percent: 50, count: 100000}
"#;
