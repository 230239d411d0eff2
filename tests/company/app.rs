//! The company's application: SQLite tables of its own, and what others do in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use super::model::card_up_to;

const TABLES: &str = "
    CREATE TABLE staff (
        id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE, given TEXT, family TEXT, title TEXT, department TEXT,
        division TEXT, mail TEXT, phone TEXT, number TEXT, boss INTEGER REFERENCES staff (id) ON DELETE SET NULL, mark TEXT UNIQUE,
        active BOOLEAN NOT NULL DEFAULT TRUE
    );
    CREATE INDEX staff_boss ON staff (boss);
    CREATE TABLE team (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, mark TEXT UNIQUE);
    CREATE TABLE team_staff (
        team INTEGER NOT NULL REFERENCES team (id), staff INTEGER NOT NULL REFERENCES staff (id), PRIMARY KEY (team, staff)
    ) WITHOUT ROWID;
    CREATE INDEX team_staff_staff ON team_staff (staff);
    CREATE TABLE staff_card (staff INTEGER NOT NULL REFERENCES staff (id), kind TEXT NOT NULL, monthly INTEGER, PRIMARY KEY (staff, kind)) WITHOUT ROWID;
";

/// The company's, and another one that somebody names in its place.
pub const OURS: &str = "app.db";
pub const ANOTHER: &str = "another.db";

/// One account as a target holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub login: String,
    pub given: Option<String>,
    pub family: Option<String>,
    pub title: Option<String>,
    pub department: Option<String>,
    pub division: Option<String>,
    pub mail: Option<String>,
    pub phone: Option<String>,
    pub number: Option<String>,
    pub boss: Option<String>,
    pub mark: Option<String>,
    pub active: bool,
}

/// Everything that a target holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    pub accounts: Vec<Row>,
    /// by name: the ids of the accounts in it
    pub teams: BTreeMap<String, BTreeSet<String>>,
}

/// The application.
pub struct App {
    path: PathBuf,
}

impl App {
    /// A new one, in a file of this name.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        let app = Self { path };
        app.open().execute_batch(TABLES).expect("tables");
        app
    }

    fn open(&self) -> Connection {
        let connection = Connection::open(&self.path).expect("the application");
        connection.execute_batch("PRAGMA foreign_keys = on; PRAGMA synchronous = off;").expect("a pragma");
        connection
    }

    /// How a manifest reaches the one in a file.
    pub fn connection(name: &str) -> Json {
        json!({ "sql": {
            "database": { "sqlite": { "path": name } },
            "accounts": {
                "table": "staff",
                "key": "id",
                "columns": {
                    "userName": "login", "name.givenName": "given", "name.familyName": "family", "title": "title", "department": "department",
                    "division": "division", "emails": "mail", "phoneNumbers": "phone", "employeeNumber": "number", "manager": "boss",
                    "externalId": "mark",
                },
                "active": { "flag": "active" },
            },
            "groups": { "table": "team", "key": "id", "columns": { "displayName": "name", "externalId": "mark" } },
            "memberships": { "table": "team_staff", "group": "team", "account": "staff" },
            "entitlements": { "table": "staff_card", "account": "staff", "entitlement": "kind", "parameters": { "limit": "monthly" } },
        }})
    }

    pub fn holdings(&self) -> Holdings {
        let app = self.open();
        let columns =
            "CAST(id AS TEXT), login, given, family, title, department, division, mail, phone, number, CAST(boss AS TEXT), mark, active";
        let mut statement = app.prepare(&format!("SELECT {columns} FROM staff ORDER BY id")).expect("a query");
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Row {
                id: row.get(0)?,
                login: row.get(1)?,
                given: row.get(2)?,
                family: row.get(3)?,
                title: row.get(4)?,
                department: row.get(5)?,
                division: row.get(6)?,
                mail: row.get(7)?,
                phone: row.get(8)?,
                number: row.get(9)?,
                boss: row.get(10)?,
                mark: row.get(11)?,
                active: row.get(12)?,
            })
        };
        let accounts = statement.query_map([], row).expect("rows").collect::<Result<_, _>>().expect("rows");
        let mut teams: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let query = "SELECT name, CAST(staff AS TEXT) FROM team LEFT JOIN team_staff ON team.id = team";
        let mut statement = app.prepare(query).expect("a query");
        let pairs = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))).expect("rows");
        for (team, staff) in pairs.map(|pair| pair.expect("a row")) {
            teams.entry(team).or_default().extend(staff);
        }
        let mut statement = app.prepare("SELECT CAST(monthly AS TEXT), CAST(staff AS TEXT) FROM staff_card").expect("a query");
        let pairs = statement.query_map([], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?))).expect("rows");
        for (limit, staff) in pairs.map(|pair| pair.expect("a row")) {
            teams.entry(card_up_to(&limit.unwrap_or_default())).or_default().insert(staff);
        }
        Holdings { accounts, teams }
    }

    /// Somebody else makes an account; gives its id.
    pub fn others_make(&self, login: &str, number: Option<&str>) -> String {
        let app = self.open();
        app.execute("INSERT INTO staff (login, number) VALUES (?1, ?2)", params![login, number]).expect("a new row");
        app.last_insert_rowid().to_string()
    }

    pub fn others_activate(&self, id: &str, active: bool) {
        self.change("UPDATE staff SET active = ?2 WHERE id = ?1", params![id, active]);
    }

    pub fn others_rename(&self, id: &str, login: &str) {
        self.change("UPDATE staff SET login = ?2 WHERE id = ?1", params![id, login]);
    }

    pub fn others_unmark(&self, id: &str) {
        self.change("UPDATE staff SET mark = NULL WHERE id = ?1", params![id]);
    }

    pub fn others_delete(&self, id: &str) {
        self.open().execute("DELETE FROM team_staff WHERE staff = ?1", params![id]).expect("memberships go");
        self.open().execute("DELETE FROM staff_card WHERE staff = ?1", params![id]).expect("a card goes");
        self.change("DELETE FROM staff WHERE id = ?1", params![id]);
    }

    /// Somebody else puts an account into a group; it may be there already.
    pub fn others_put(&self, team: &str, id: &str) {
        let put = "INSERT OR IGNORE INTO team_staff (team, staff) SELECT id, ?2 FROM team WHERE name = ?1";
        self.open().execute(put, params![team, id]).expect("a membership");
    }

    pub fn others_take(&self, team: &str, id: &str) {
        let take = "DELETE FROM team_staff WHERE staff = ?2 AND team = (SELECT id FROM team WHERE name = ?1)";
        self.open().execute(take, params![team, id]).expect("no membership");
    }

    pub fn others_take_card(&self, id: &str) {
        self.change("DELETE FROM staff_card WHERE staff = ?1", params![id]);
    }

    pub fn others_raise_card(&self, id: &str, limit: &str) {
        self.change("UPDATE staff_card SET monthly = ?2 WHERE staff = ?1", params![id, limit]);
    }

    fn change(&self, statement: &str, values: impl rusqlite::Params) {
        assert_eq!(self.open().execute(statement, values).expect("a statement"), 1, "{statement}");
    }
}
