//! A company in which as much is about to change as a page ever has to show: an export, an application whose tables lack what is new in it, and a plan of all of that,
//! which waits for somebody. The bench measures the pages of it, and a test of the pages holds how long they are (`src/server/tests/large.rs`).

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

/// Half of the changes are joiners, three of ten movers, and two of ten leavers.
pub struct Large {
    pub people: usize,
    pub changes: usize,
}

impl Large {
    /// Writes the export and the tables into a folder, and says the manifests.
    pub fn write(&self, folder: &Path) -> String {
        let mut rows = "id,user,name,title,department,left\n".to_owned();
        for at in 0..self.people {
            let title = if self.is_mover(at) { "Lead" } else { "Engineer" };
            let left = if self.is_leaver(at) { "yes" } else { "no" };
            let _ = writeln!(rows, "{at},{},{},{title},{},{left}", login(at), name(at), department(at));
        }
        let export = folder.join("hr.csv");
        std::fs::write(&export, rows).expect("a file");
        // Nobody is writing it any more.
        let file = std::fs::File::options().write(true).open(&export).expect("the file");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
        self.fill(&folder.join("app.db"));
        MANIFESTS.to_owned()
    }

    fn fill(&self, file: &Path) {
        let mut database = Connection::open(file).expect("a database");
        database.execute_batch(TABLES).expect("tables");
        let rows = database.transaction().expect("a transaction");
        {
            let mut user = rows.prepare("INSERT INTO users VALUES (?1, ?2, ?3, 'Engineer', ?4, ?5, 1)").expect("a statement");
            let mut member = rows.prepare("INSERT INTO members VALUES (?1, ?2)").expect("a statement");
            for at in (0..self.people).filter(|at| !self.is_joiner(*at)) {
                user.execute((number(at), login(at), name(at), department(at), format!("hc:acme-test:hr:{at}"))).expect("a row");
                member.execute((1, number(at))).expect("a row");
            }
            rows.execute("INSERT INTO teams VALUES (1, 'Everybody', 'hc:acme-test:group:all')", ()).expect("a row");
        }
        rows.commit().expect("a commit");
    }

    fn is_joiner(&self, at: usize) -> bool {
        at < self.changes / 2
    }

    fn is_mover(&self, at: usize) -> bool {
        (self.changes / 2..self.changes * 8 / 10).contains(&at)
    }

    fn is_leaver(&self, at: usize) -> bool {
        (self.changes * 8 / 10..self.changes).contains(&at)
    }

    /// The key of somebody of whom nothing changes.
    pub fn somebody(&self) -> String {
        format!("hr/{}", self.people - 1)
    }
}

fn number(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn login(at: usize) -> String {
    format!("given.family{at}")
}

fn name(at: usize) -> String {
    format!("Given{} Family{at}", at % 997)
}

fn department(at: usize) -> &'static str {
    ["Engineering", "Support", "Sales", "Finance", "Legal"][at % 5]
}

const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, title TEXT, department TEXT, external_id TEXT, is_active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, external_id TEXT);
CREATE TABLE members (team INTEGER NOT NULL, person INTEGER NOT NULL, PRIMARY KEY (team, person));";

const MANIFESTS: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-test}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv}
  key: record.id
  lifecycle: {leaver: 'record.left == "yes"'}
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: displayName, value: record.name}
    - {attribute: title, value: record.title}
    - {attribute: department, value: record.department}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, displayName: name, title: title, department: department, externalId: external_id}
        active: {flag: is_active}
      groups: {table: teams, key: id, columns: {displayName: name, externalId: external_id}}
      memberships: {table: members, group: team, account: person}
  groups: {}
  approval: {for: [everything]}
  guardrails:
    create: {count: 1000000}
    adopt: {count: 1000000}
    update: {count: 1000000}
    names: {count: 1000000}
    deactivate: {count: 1000000}
    leavers: {count: 1000000}
    addMembers: {count: 1000000}
    removeMembers: {count: 1000000}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: all}
spec: {displayName: Everybody, rule: 'identity.userName != ""'}
"#;
