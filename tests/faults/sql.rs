//! `kill -9` of the binary while it writes an application's SQLite tables, none of whose columns is unique; and two machines with a state each at those tables.
//! Where it is killed follows from a seed: when so many entries stand in the journal, or when the application's file is in the middle of its so-manieth change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::asked;
use super::company::{Company, Pace, allow_many_to_come};

const TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY, login TEXT NOT NULL, first TEXT, last TEXT, shown TEXT, title TEXT, dept TEXT,
        boss INTEGER REFERENCES users (id), ref TEXT, active INTEGER NOT NULL DEFAULT 1
    );
    CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, ref TEXT);
    CREATE TABLE team_users (team INTEGER NOT NULL REFERENCES teams (id), user INTEGER NOT NULL REFERENCES users (id), PRIMARY KEY (team, user));
    INSERT INTO users (login, ref) VALUES ('stranger', NULL);
";
const CONNECTION: &str = "    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, name.givenName: first, name.familyName: last, displayName: shown, title: title, department: dept, manager: boss, externalId: ref}
        active: {flag: active}
      groups: {table: teams, key: id, columns: {displayName: name, externalId: ref}}
      memberships: {table: team_users, group: team, account: user}
";
/// Kills in the tests that everybody runs; `HEADCOUNT_KILLS` names another number, or `number,seed`.
const KILLS: u64 = 10;

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// so many entries were added to the journal
    Journalled(i64),
    /// the application's file is being changed for the so-manieth time
    Writing(u32),
}

struct Office {
    company: Company,
    folder: TempDir,
    left: i64,
}

impl Office {
    fn open(people: u32, seed: u64) -> Self {
        let office = Self { company: Company::new(people, 4, seed), folder: tempfile::tempdir().expect("a folder"), left: 0 };
        Connection::open(office.path("app.db")).and_then(|app| app.execute_batch(TABLES)).expect("an application");
        office.company.write_people(office.folder.path());
        office.company.write_manifests(office.folder.path(), "", Pace { concurrency: 2, page: 1 });
        let text = std::fs::read_to_string(office.path("headcount.yaml")).expect("the manifests");
        let (from, to) = (text.find("    scim:\n").expect("a connection"), text.find("  groups: {}\n").expect("groups"));
        let text = format!("{}{CONNECTION}{}", &text[..from], &text[to..])
            .replace("count: 50}", "count: 100000}")
            .replace("count: 1000}", "count: 100000}");
        // A machine is a state of its own.
        for machine in ["a", "b"] {
            let state = format!("spec: {{id: faults-7c1d, state: {{path: {machine}/state.db}}}}");
            std::fs::write(office.path(&format!("{machine}.yaml")), text.replace("spec: {id: faults-7c1d}", &state))
                .expect("the manifests");
        }
        std::fs::remove_file(office.path("headcount.yaml")).expect("two machines");
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&mut self) {
        self.company.reorganise(12);
        self.company.lose();
        self.left = self.company.people.iter().filter(|person| person.left).count() as i64;
        self.company.write_people(self.folder.path());
        self.allow_many_to_come();
    }

    /// Whoever comes after the first run is more, over many rounds, than one day's limit allows.
    fn allow_many_to_come(&self) {
        for machine in ["a.yaml", "b.yaml"] {
            allow_many_to_come(&self.path(machine));
        }
    }

    fn start(&self, machine: &str, arguments: &[&str]) -> Child {
        let said = || std::fs::File::options().create(true).append(true).open(self.path(&format!("{machine}.said"))).expect("a file");
        Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args(arguments)
            .args(["-f", &format!("{machine}.yaml")])
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(said())
            .stderr(said())
            .spawn()
            .expect("the binary starts")
    }

    fn run(&self, machine: &str, arguments: &[&str]) -> Option<i32> {
        self.start(machine, arguments).wait().expect("the binary ends").code()
    }

    /// Whether a run was killed; else it came to its end before.
    fn killed(&self, moment: Moment) -> bool {
        let mut run = self.start("a", &["apply", "--auto-approve"]);
        let before = entries(&self.path("a/state.db"));
        let (mut writings, mut writing) = (0, false);
        while run.try_wait().expect("the run").is_none() {
            let is_writing = std::fs::metadata(self.path("app.db-journal")).is_ok_and(|journal| journal.len() > 0);
            writings += u32::from(is_writing && !writing);
            writing = is_writing;
            let now = match moment {
                Moment::Journalled(entries_more) => entries(&self.path("a/state.db")) >= before + entries_more,
                Moment::Writing(nth) => writing && writings >= nth,
            };
            if now {
                run.kill().expect("it is killed");
                return run.wait().expect("it is over").code().is_none();
            }
            std::thread::yield_now();
        }
        false
    }

    /// Applies until the next plan is empty: twice at most.
    fn converge(&self, machine: &str) {
        for _ in 0..3 {
            if self.run(machine, &["plan", "--detailed-exitcode"]) == Some(0) {
                return;
            }
            self.run(machine, &["apply", "--auto-approve"]);
        }
        panic!("{machine}: the plan does not become empty: {}", self.said(machine));
    }

    fn said(&self, machine: &str) -> String {
        let said = std::fs::read_to_string(self.path(&format!("{machine}.said"))).unwrap_or_default();
        said.chars().skip(said.chars().count().saturating_sub(3000)).collect()
    }

    /// Everybody has one account as the export says, whoever left has none that is active, and strangers were left alone.
    fn assert_done(&self) {
        let app = Connection::open(self.path("app.db")).expect("the application");
        let mut found: BTreeMap<String, (bool, String, String)> = BTreeMap::new();
        let mut statement = app
            .prepare(
                "SELECT u.login, u.active, coalesce(u.title, ''), coalesce(b.login, '') FROM users u LEFT JOIN users b ON b.id = u.boss",
            )
            .expect("a query");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let login: String = row.get(0).expect("a login");
            let account = (row.get(1).expect("active"), row.get(2).expect("a title"), row.get(3).expect("a manager"));
            assert!(found.insert(login.clone(), account).is_none(), "{login} is there twice");
        }
        let doubles: i64 = app.query_row("SELECT count(ref) - count(DISTINCT ref) FROM users", [], |row| row.get(0)).expect("a number");
        assert_eq!(doubles, 0, "a mark is there twice");
        assert_eq!(found.remove("stranger"), Some((true, String::new(), String::new())), "strangers are left alone");
        for person in &self.company.people {
            let account = found.remove(&person.user_name());
            if person.left {
                assert!(account.is_none_or(|(active, ..)| !active), "{} is left in", person.user_name());
                continue;
            }
            let manager = person.manager.map(|id| self.company.people[id as usize - 1].user_name()).unwrap_or_default();
            assert_eq!(account, Some((true, format!("Title {}", person.title), manager)), "{}", person.user_name());
        }
        assert!(found.is_empty(), "accounts of nobody: {found:?}");
        self.assert_groups(&app);
    }

    fn assert_groups(&self, app: &Connection) {
        let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut statement = app
            .prepare("SELECT t.name, coalesce(u.login, '') FROM teams t LEFT JOIN team_users l ON l.team = t.id LEFT JOIN users u ON u.id = l.user")
            .expect("a query");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let member: String = row.get(1).expect("a member");
            groups.entry(row.get(0).expect("a name")).or_default().extend((!member.is_empty()).then_some(member));
        }
        assert_eq!(groups, self.company.groups());
        let teams: i64 = app.query_row("SELECT count(*) FROM teams", [], |row| row.get(0)).expect("a number");
        assert_eq!(teams, groups.len() as i64, "a group is there twice");
    }

    /// Nobody who left or came is counted twice, nor both as heard of and as not.
    fn assert_counted_once(&self) {
        let state = Connection::open(self.path("a/state.db")).expect("the state");
        let number = |query: &str| state.query_row(query, [], |row| row.get::<_, i64>(0)).expect("the windows");
        let counted = |guardrail: &str| number(&format!("SELECT coalesce(sum(weight), 0) FROM windows WHERE guardrail = '{guardrail}'"));
        assert!(counted("deactivate") <= self.left, "{} deactivations are counted, and {} people left", counted("deactivate"), self.left);
        let came = counted("create") + number("SELECT count(*) FROM unheard");
        assert!(came <= self.company.people.len() as i64, "{came} creations are counted, of {} people", self.company.people.len());
    }
}

/// How many entries the journal has; none while it can't be read.
fn entries(state: &Path) -> i64 {
    let open = Connection::open_with_flags(state, OpenFlags::SQLITE_OPEN_READ_ONLY);
    open.and_then(|state| state.query_row("SELECT coalesce(max(seq), 0) FROM journal", [], |row| row.get(0))).unwrap_or_default()
}

#[test]
fn killed_and_resumed_at_an_application_s_tables() {
    let (kills, seed) = asked(KILLS, 21);
    let began = Instant::now();
    let mut office = Office::open(40, seed);
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut killed, mut hot) = (0, 0);
    while killed < kills {
        let moment = if random.bool() { Moment::Journalled(random.i64(1..40)) } else { Moment::Writing(random.u32(1..5)) };
        if office.killed(moment) {
            killed += 1;
            hot += u64::from(std::fs::metadata(office.path("app.db-journal")).is_ok_and(|journal| journal.len() > 0));
        }
        office.converge("a");
        office.assert_done();
        office.assert_counted_once();
        assert_eq!(office.run("a", &["history", "--verify"]), Some(0), "the chain is whole: {}", office.said("a"));
        office.publish();
    }
    let (people, time) = (office.company.people.len(), began.elapsed().as_secs_f64());
    eprintln!("seed {seed}: {killed} kills, {hot} of them left a journal behind, {people} people, {time:.1} s");
}

#[test]
fn killed_between_an_entry_and_its_copy_beside_the_state() {
    let mut office = Office::open(12, 23);
    office.converge("a");
    let head = office.path("a/state.db.head");
    let (before, entries_before) = (std::fs::read(&head).expect("a head"), entries(&office.path("a/state.db")));
    office.publish();
    office.converge("a");
    assert!(entries(&office.path("a/state.db")) > entries_before, "something was written since");
    // What such a kill leaves: entries that are durable, the copy of an earlier one, and half of the next copy. And what a first one leaves: none at all.
    for kept in [Some(before), None] {
        match kept {
            Some(before) => std::fs::write(&head, before).expect("the earlier one"),
            None => std::fs::remove_file(&head).expect("none"),
        }
        std::fs::write(office.path("a/state.db.head.4711"), "99").expect("half of one");
        assert_eq!(office.run("a", &["history", "--verify"]), Some(0), "it is no lost end: {}", office.said("a"));
        office.publish();
        assert_eq!(office.run("a", &["apply", "--auto-approve"]), Some(0), "and a run goes on: {}", office.said("a"));
        office.converge("a");
        office.assert_done();
        assert_eq!(office.run("a", &["history", "--verify"]), Some(0), "{}", office.said("a"));
    }
}

#[test]
fn two_machines_whose_runs_overlap_make_nobody_twice() {
    let mut office = Office::open(30, 22);
    for _ in 0..3 {
        // Both have read and planned, and neither may write yet.
        let app = Connection::open(office.path("app.db")).expect("the application");
        app.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let mut runs = ["a", "b"].map(|machine| office.start(machine, &["apply", "--auto-approve"]));
        let intends = |machine: &str| {
            let state = Connection::open_with_flags(office.path(&format!("{machine}/state.db")), OpenFlags::SQLITE_OPEN_READ_ONLY);
            state
                .and_then(|state| state.query_row("SELECT event FROM journal ORDER BY seq DESC LIMIT 1", [], |row| row.get::<_, String>(0)))
        };
        while !["a", "b"].into_iter().all(|machine| intends(machine).is_ok_and(|last| last == "intent")) {
            for run in &mut runs {
                assert!(run.try_wait().expect("a run").is_none(), "it ended early: {} {}", office.said("a"), office.said("b"));
            }
            std::thread::yield_now();
        }
        drop(app);
        for mut run in runs {
            run.wait().expect("the run ends");
        }
        for machine in ["a", "b", "a"] {
            office.converge(machine);
        }
        office.assert_done();
        office.publish();
    }
}
