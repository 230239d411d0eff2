//! A company whose people have all that they are to have: a file of records, and applications' tables.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

/// A folder with manifests, records and tables.
pub struct Company {
    folder: tempfile::TempDir,
}

impl Company {
    /// Nobody, and nowhere.
    pub fn empty() -> Self {
        let company = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::write(company.path().join("acme.yaml"), WORKSPACE).expect("a file");
        company
    }

    /// So many people with an account at each of so many targets.
    pub fn of(people: usize, targets: usize) -> Self {
        let company = Self::empty();
        let mut manifests = format!("{WORKSPACE}{SOURCE}");
        for at in 0..targets {
            manifests.push_str(&target(at));
            company.fill(at, people);
        }
        std::fs::write(company.path().join("acme.yaml"), manifests).expect("a file");
        company.hires(people);
        company
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self, at: usize) -> PathBuf {
        self.path().join(format!("app{at}.db"))
    }

    fn hires(&self, people: usize) {
        let mut rows = "id,user,name,title\n".to_owned();
        for person in 0..people {
            let _ = writeln!(rows, "{person},{},{},Engineer", login(person), name(person));
        }
        let path = self.path().join("hr.csv");
        std::fs::write(&path, rows).expect("a file");
        // Nobody is writing it any more.
        let file = std::fs::File::options().write(true).open(&path).expect("the file");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
    }

    fn fill(&self, at: usize, people: usize) {
        let mut database = Connection::open(self.database(at)).expect("a database");
        database.execute_batch(TABLES).expect("tables");
        let rows = database.transaction().expect("a transaction");
        for person in 0..people {
            let of = (login(person), name(person), "Engineer", format!("hc:bench:hr:{person}"));
            rows.execute("INSERT INTO users (login, name, title, external_id) VALUES (?1, ?2, ?3, ?4)", of).expect("a row");
        }
        rows.commit().expect("a commit");
    }
}

/// A User of its own, called so.
pub fn user(at: usize, name: &str) -> String {
    format!(
        "---\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: robot{at}}}\n\
         spec: {{attributes: {{userName: robot{at}, displayName: '{name}'}}}}\n"
    )
}

fn login(person: usize) -> String {
    format!("given.family{person}")
}

fn name(person: usize) -> String {
    format!("Given Family{person}")
}

fn target(at: usize) -> String {
    format!(
        "---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app{at}}}
spec:
  guardrails: {{adopt: {{count: 1000000}}, create: {{count: 1000000}}, update: {{count: 1000000}}, names: {{count: 1000000}}}}
  connection:
    sql:
      database: {{sqlite: {{path: app{at}.db}}}}
      accounts:
        table: users
        key: id
        columns: {{userName: login, displayName: name, title: title, externalId: external_id}}
        active: {{flag: is_active}}
"
    )
}

const WORKSPACE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: bench}
spec: {id: bench}
";

const SOURCE: &str = "---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: displayName, value: record.name}
    - {attribute: title, value: record.title}
";

const TABLES: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, title TEXT, external_id TEXT, \
    is_active INTEGER NOT NULL DEFAULT 1)";
