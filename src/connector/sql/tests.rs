//! Tables as applications make them, read and written as a Target describes them.

mod unseen;

use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::connector::Gone;
use crate::connector::testing::{permit, permit_under};
use crate::fence::Fence;
use crate::fence::by_hand::HandTenure;
use crate::model::{Action, AttributeChange, Change, Columns, ObjectRef, Reason, Value};

const APP: &str = "
    CREATE TABLE people (
        id INTEGER PRIMARY KEY,
        login VARCHAR(50) NOT NULL UNIQUE,
        mail TEXT NOT NULL,
        title TEXT,
        boss INTEGER REFERENCES people(id),
        badge INTEGER,
        is_active BOOLEAN NOT NULL,
        secret TEXT NOT NULL,
        joined DATETIME NOT NULL,
        tenant TEXT NOT NULL DEFAULT 'acme'
    );
    CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, CHECK (name <> 'root'));
    CREATE TABLE team_people (
        id INTEGER PRIMARY KEY,
        team_id INTEGER NOT NULL REFERENCES team(id) DEFERRABLE INITIALLY DEFERRED,
        person_id INTEGER NOT NULL REFERENCES people(id) DEFERRABLE INITIALLY DEFERRED,
        UNIQUE (team_id, person_id)
    );
    CREATE TABLE notes (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE role (code TEXT PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE person_role (person INTEGER NOT NULL, role TEXT NOT NULL);
    INSERT INTO role VALUES ('A', 'Administrator'), ('R', 'Reader');
    INSERT INTO people VALUES
        (1, 'root', 'root@acme.example', NULL, NULL, NULL, 1, 'x', '2020-01-01', 'acme'),
        (2, 'Åsa', 'asa@acme.example', 'Engineer', 1, 42, 0, 'x', '2020-01-01', 'acme'),
        (3, 'other', 'o@else.example', NULL, NULL, NULL, 1, 'x', '2020-01-01', 'else');
    INSERT INTO team VALUES (7, 'Engineering');
    INSERT INTO team_people VALUES (1, 7, 2);
    INSERT INTO person_role VALUES (1, 'R'), (1, 'A');
";

/// A folder with an application's database, and a Target on it.
struct App {
    folder: tempfile::TempDir,
    connection: serde_json::Value,
}

struct Collected(Vec<String>);

impl PageSink for Collected {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        for row in page.rows() {
            let cells: Vec<String> =
                row.cells().map(|cell| cell.to_value().map_or_else(|| "-".into(), |value| value.to_string())).collect();
            self.0.push(format!("{kind:?}: {}", cells.join(" | ")));
        }
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.0.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

impl App {
    fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Connection::open(folder.path().join("app.db")).and_then(|app| app.execute_batch(sql)).expect("an application");
        let connection = json!({
            "database": {"sqlite": {"path": "app.db"}},
            "accounts": {
                "table": "people", "key": "id",
                "columns": {"userName": "login", "emails": "mail", "title": "title", "manager": "boss", "employeeNumber": "badge"},
                "active": {"flag": "is_active"},
                "initial": {"secret": "!", "joined": "{{now}}"},
                "only": {"tenant": "acme"},
            },
            "groups": {"table": "team", "key": "id", "columns": {"displayName": "name"}},
            "memberships": {"table": "team_people", "group": "team_id", "account": "person_id"},
            "roles": {"table": "person_role", "account": "person", "role": "role", "names": {"table": "role", "key": "code", "name": "name"}},
        });
        Self { folder, connection }
    }

    fn at(&self) -> Surroundings {
        Surroundings::at(self.folder.path())
    }

    fn described(&self) -> SqlConnection {
        serde_json::from_value(self.connection.clone()).expect("a description")
    }

    async fn open(&self) -> Result<TargetConnector, SystemError> {
        open_target(&self.described(), &self.at()).await
    }

    async fn target(&self) -> TargetConnector {
        self.open().await.unwrap_or_else(|error| panic!("{error}"))
    }

    fn sql(&self, query: &str) -> String {
        let app = Connection::open(self.folder.path().join("app.db")).expect("the application");
        let mut statement = app.prepare(query).expect("a query");
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let text = |value: rusqlite::types::Value| match value {
                rusqlite::types::Value::Null => String::new(),
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Real(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Blob(_) => panic!("text"),
            };
            let cells = (0..width).map(|at| Ok(text(row.get(at)?)));
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        };
        statement.query_map([], row).expect("rows").collect::<rusqlite::Result<Vec<_>>>().expect("rows").join("\n")
    }

    async fn write(&self, changes: Vec<Made>) -> Vec<String> {
        self.write_by(changes, &permit().await).await
    }

    async fn write_by(&self, changes: Vec<Made>, permit: &Permit) -> Vec<String> {
        let changed: Vec<(Change, Made)> = changes.into_iter().map(|made| (made.change(), made)).collect();
        let batch: Vec<Write<'_>> = changed
            .iter()
            .map(|(change, made)| Write {
                change,
                id: made.id.map(Into::into),
                attributes: made.attributes.clone(),
                members: made.members.iter().map(|id| (ObjectKind::Account, Arc::from(*id))).collect(),
                key: Default::default(),
            })
            .collect();
        let answers = self.target().await.writer.write(&batch, permit).await;
        let words = |answer: Result<Written, SystemError>| match answer {
            Ok(written) => format!("{}{}", written.id, if written.already_so { " (already so)" } else { "" }),
            Err(error) => error.to_string(),
        };
        answers.into_iter().map(words).collect()
    }
}

#[derive(Clone)]
struct Made {
    action: Action,
    kind: ObjectKind,
    id: Option<&'static str>,
    attributes: Vec<(Arc<str>, Option<Value>)>,
    members: Vec<&'static str>,
    entitlement: Option<&'static str>,
}

impl Made {
    fn change(&self) -> Change {
        let object = ObjectRef { kind: self.kind, key: "hr/1".into(), id: self.id.map(Into::into), name: "somebody".into() };
        Change { entitlement: self.entitlement.map(Into::into), ..Change::new(&"app".into(), self.action, object, Reason::Joiner) }
    }
}

fn account(action: Action, id: Option<&'static str>, attributes: serde_json::Value) -> Made {
    let attributes = attributes.as_object().expect("attributes").iter();
    let attributes = attributes.map(|(name, value)| (Arc::from(name.as_str()), Value::from_json(value))).collect();
    Made { action, kind: ObjectKind::Account, id, attributes, members: Vec::new(), entitlement: None }
}

fn group(action: Action, id: Option<&'static str>, name: Option<&str>, members: &[&'static str]) -> Made {
    let attributes = name.iter().map(|name| (Arc::from("displayName"), Some(Value::text(name)))).collect();
    Made { action, kind: ObjectKind::Group, id, attributes, members: members.to_vec(), entitlement: None }
}

fn card(action: Action, account_id: &'static str, parameters: serde_json::Value) -> Made {
    Made { entitlement: Some("card"), ..account(action, Some(account_id), parameters) }
}

/// The application with cards: 1 has one, 2 has one twice, 3 is of another tenant.
fn with_cards() -> App {
    let mut app = App::new(&format!(
        "{APP} CREATE TABLE cards (
            id INTEGER PRIMARY KEY, person INTEGER NOT NULL, kind TEXT NOT NULL, monthly INTEGER, region TEXT, rate REAL, online BOOLEAN,
            made TEXT NOT NULL, note TEXT NOT NULL DEFAULT 'x'
        );
        INSERT INTO cards (person, kind, monthly, region, made) VALUES
            (1, 'card', 500, 'EU', 'then'), (1, 'Card', 1, NULL, 'then'), (2, 'card', 1, NULL, 'then'), (2, 'card', 2, NULL, 'then'), (3, 'card', 9, NULL, 'then');"
    ));
    app.connection["entitlements"] = json!({
        "table": "cards", "account": "person", "entitlement": "kind",
        "parameters": {"limit": "monthly", "region": "region", "rate": "rate", "online": "online"}, "initial": {"made": "{{now}}"},
    });
    app
}

async fn read_all(reader: &dyn Reader) -> (String, ReadReport) {
    let accounts = ["id", "active", "userName", "emails", "title", "manager", "employeeNumber", "roles", "nickName"];
    let request = ReadRequest::new(vec![
        (ObjectKind::Account, Columns::new(accounts)),
        (ObjectKind::Group, Columns::new(["id", "displayName"])),
        (ObjectKind::Membership, Columns::new(["group", "member", "kind"])),
    ]);
    let mut rows = Collected(Vec::new());
    let report = reader.read(&request, &mut rows).await;
    (rows.0.join("\n"), report)
}

#[tokio::test]
async fn every_stream_is_read_whole_and_rows_outside_of_only_are_not_seen() {
    let app = App::new(APP);
    let target = app.target().await;
    let (rows, report) = read_all(target.reader.as_ref()).await;
    insta::assert_snapshot!(rows, @"
    Account: 1 | true | root | root@acme.example | - | - | - | [Administrator, Reader] | -
    Account: 2 | false | Åsa | asa@acme.example | Engineer | 1 | 42 | - | -
    Group: 7 | Engineering
    Membership: 7 | 2 | account
    ");
    assert!(report.kinds.iter().all(|(_, evidence)| *evidence == Evidence::Complete), "{report:?}");
    let can = target.capabilities;
    assert!(can.deactivate_accounts && can.write_memberships && !can.nested_groups && can.account_marker.is_none());
    assert!(can.holds("roles") && can.holds("manager") && !can.holds("department"));
}

#[tokio::test]
async fn lookups_fold_case_where_the_attribute_does() {
    let app = App::new(APP);
    let target = app.target().await;
    let ask = async |attribute: &str, value: &str| {
        let columns = Columns::new(["id"]);
        let request = LookupRequest::new(ObjectKind::Account, columns, attribute, value);
        let page = target.reader.lookup(&request).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(page.rows().map(|row| row.cell(0).as_text().unwrap_or_default().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(ask("userName", "ROOT").await.unwrap(), ["1"]);
    assert_eq!(ask("userName", "åSA").await.unwrap(), ["2"]);
    assert_eq!(ask("title", "engineer").await.unwrap(), [""; 0]);
    assert_eq!(ask("employeeNumber", "42").await.unwrap(), ["2"]);
    assert_eq!(ask("id", "3").await.unwrap(), [""; 0]);
    assert_eq!(ask("nickName", "x").await.unwrap_err(), "rejected: no column of table `people` holds `nickName`");
}

#[tokio::test]
async fn a_new_row_has_its_values_its_initial_ones_and_those_of_only() {
    let app = App::new(APP);
    let new = json!({"userName": "ng", "emails": [{"value": "ng@acme.example", "primary": true}], "manager": "1", "roles": ["Reader"]});
    let again = json!({"userName": "NG2"});
    let answers = app.write(vec![account(Action::Create, None, new), account(Action::Create, None, again)]).await;
    assert_eq!(answers, ["4", "5"]);
    assert_eq!(
        app.sql("SELECT id, login, mail, title, boss, is_active, secret, tenant, length(joined) FROM people WHERE id > 3"),
        "4|ng|ng@acme.example||1|1|!|acme|19\n5|NG2|||| 1|!|acme|19".replace(' ', "")
    );
    assert_eq!(app.sql("SELECT * FROM person_role WHERE person = 4"), "4|R");
}

#[tokio::test]
async fn one_change_that_fails_leaves_the_others_of_its_batch() {
    let app = App::new(APP);
    let answers = app
        .write(vec![
            account(Action::Update, Some("2"), json!({"title": "Lead", "employeeNumber": null})),
            account(Action::Create, None, json!({"userName": "root"})),
            account(Action::Update, Some("3"), json!({"title": "not ours"})),
            account(Action::Update, Some("2"), json!({"employeeNumber": "0042"})),
            account(Action::Update, Some("2"), json!({"emails": ["a@b", "c@d"]})),
            account(Action::Update, Some("2"), json!({"title": "Lead"})),
            account(Action::Update, Some("2"), json!({"title": "lead"})),
            group(Action::Create, None, Some("root"), &[]),
            group(Action::Create, None, Some("Sales"), &[]),
        ])
        .await;
    insta::assert_snapshot!(answers.join("\n"), @"
    2
    conflict: app.db: UNIQUE constraint failed: people.login
    not found: table `people` has no row with the key 3
    rejected: column `badge` holds numbers and would change this one's digits (leading zeros, a fraction)
    rejected: column `mail` holds one value, and there are 2; map the one that belongs there
    2 (already so)
    2
    rejected: app.db: CHECK constraint failed: name <> 'root'
    8
    ");
    assert_eq!(app.sql("SELECT title, badge FROM people WHERE id = 2"), "lead|");
    assert_eq!(app.sql("SELECT count(*) FROM people"), "3");
}

#[tokio::test]
async fn accounts_are_deactivated_as_the_application_does_it() {
    for (sql, active, off, on) in [
        ("a INTEGER NOT NULL DEFAULT 1", json!({"flag": "a"}), "0", "1"),
        ("a BOOLEAN", json!({"disabledFlag": "a"}), "1", "0"),
        ("a TEXT DEFAULT 'on' NOT NULL", json!({"values": {"column": "a", "active": "on", "inactive": "off"}}), "off", "on"),
        ("a INTEGER", json!({"deactivatedAt": "a"}), "time", ""),
    ] {
        let mut app = App::new(&format!("CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT, {sql}); INSERT INTO u (n) VALUES ('x');"));
        app.connection = json!({
            "database": {"sqlite": {"path": "app.db"}},
            "accounts": {"table": "u", "key": "id", "columns": {"userName": "n"}, "active": active},
        });
        let state = |app: &App| app.sql("SELECT CASE WHEN a > 1000000 AND typeof(a) = 'integer' THEN 'time' ELSE a END FROM u");
        let is_active = async |app: &App| {
            let (rows, _) = read_all(app.target().await.reader.as_ref()).await;
            rows.contains("Account: 1 | true")
        };
        assert!(is_active(&app).await, "{sql}");
        assert_eq!(app.write(vec![account(Action::Deactivate, Some("1"), json!({"active": false}))]).await, ["1"]);
        assert_eq!(state(&app), off);
        assert!(!is_active(&app).await, "{sql}");
        assert_eq!(app.write(vec![account(Action::Deactivate, Some("1"), json!({}))]).await, ["1 (already so)"]);
        assert_eq!(app.write(vec![account(Action::Reactivate, Some("1"), json!({}))]).await, ["1"]);
        assert_eq!(state(&app), on);
        assert_eq!(app.write(vec![account(Action::Create, None, json!({"userName": "y"}))]).await, ["2"]);
        assert_eq!(app.sql("SELECT coalesce(a, '') FROM u WHERE id = 2"), on, "{sql}");
    }
}

#[tokio::test]
async fn memberships_are_added_once_and_never_for_nobody() {
    let app = App::new(APP);
    let answers = app
        .write(vec![
            group(Action::AddMembers, Some("7"), None, &["1", "2"]),
            group(Action::AddMembers, Some("7"), None, &["1"]),
            group(Action::AddMembers, Some("7"), None, &["99"]),
            group(Action::AddMembers, Some("7"), None, &["3"]),
            group(Action::AddMembers, Some("8"), None, &["1"]),
            group(Action::RemoveMembers, Some("7"), None, &["2"]),
            group(Action::RemoveMembers, Some("7"), None, &["2"]),
        ])
        .await;
    insta::assert_snapshot!(answers.join("\n"), @"
    7
    7 (already so)
    not found: table `people` has no row with the key 99
    not found: table `people` has no row with the key 3
    not found: table `team` has no row with the key 8
    7
    7 (already so)
    ");
    assert_eq!(app.sql("SELECT team_id, person_id FROM team_people"), "7|1");
}

#[tokio::test]
async fn a_row_that_others_refer_to_is_not_deleted_and_the_rest_of_the_batch_is() {
    let app = App::new(&format!(
        "{APP} INSERT INTO notes VALUES (1, 2); INSERT INTO people VALUES (4, 'd', '', NULL, NULL, NULL, 0, '', '', 'acme');"
    ));
    let delete = |id| account(Action::Delete, Some(id), json!({}));
    let answers = app.write(vec![delete("2"), delete("4"), delete("4"), delete("3"), group(Action::Delete, Some("7"), None, &[])]).await;
    insta::assert_snapshot!(answers.join("\n"), @"
    rejected: app.db: FOREIGN KEY constraint failed: a row of another table still refers to it, or what it refers to is not there; the account is left deactivated
    4
    4 (already so)
    3 (already so)
    7
    ");
    assert_eq!(app.sql("SELECT id FROM people ORDER BY id"), "1\n2\n3");
    assert_eq!(app.sql("SELECT count(*) FROM team_people"), "0");
}

#[tokio::test]
async fn ending_sessions_deletes_the_rows_of_that_account_only() {
    let sessions = "CREATE TABLE signed_in (token TEXT PRIMARY KEY, person INTEGER REFERENCES people);
        INSERT INTO signed_in VALUES ('a', 1), ('b', 2), ('c', 1), ('d', 3), ('e', NULL);";
    let mut app = App::new(&format!("{APP}{sessions}"));
    assert!(!app.target().await.capabilities.end_sessions);
    let end = |id| account(Action::EndSessions, Some(id), json!({}));
    assert_eq!(app.write(vec![end("1")]).await, ["rejected: the connection describes no table of `sessions`"]);
    app.connection["sessions"] = json!({"table": "signed_in", "account": "person"});
    assert!(app.target().await.capabilities.end_sessions);
    let answers = app.write(vec![end("1"), end("1"), end("99"), end("3")]).await;
    let [nobody, another_tenant] = ["99", "3"].map(|id| format!("not found: table `people` has no row with the key {id}"));
    assert_eq!(answers, ["1", "1 (already so)", &nobody, &another_tenant]);
    assert_eq!(app.sql("SELECT token FROM signed_in ORDER BY token"), "b\nd\ne");
}

#[tokio::test]
async fn roles_are_set_as_a_set() {
    let app = App::new(APP);
    let roles = |names: serde_json::Value| account(Action::Update, Some("1"), json!({ "roles": names }));
    let answers =
        app.write(vec![roles(json!(["Reader", "Administrator"])), roles(json!([{"value": "Reader"}])), roles(json!(["Owner"]))]).await;
    assert_eq!(answers, ["1 (already so)", "1", "rejected: there is no role `Owner` in table `role`; headcount makes none"]);
    assert_eq!(app.sql("SELECT * FROM person_role"), "1|R");
}

#[tokio::test]
async fn everything_wrong_in_a_description_is_named_at_once() {
    let mut app = App::new(&format!("{APP} CREATE VIEW everybody AS SELECT * FROM people;"));
    let accounts = &mut app.connection["accounts"];
    accounts["columns"]["displayNam"] = json!("tilte");
    accounts["key"] = json!("mail");
    accounts["active"] = json!({"deactivatedAt": "joined"});
    accounts["initial"] = json!({"joined": "{{tomorrow}}"});
    app.connection["groups"]["table"] = json!("teams");
    app.connection["memberships"]["initial"] = json!({"team_id": [1]});
    let SystemError::Rejected(words) = app.open().await.err().expect("an error") else { panic!("rejected") };
    insta::assert_snapshot!(words.replace("; ", "\n"), @"
    app.db: column `joined` of table `people` can't be null, so it can't be `deactivatedAt`
    column `mail` of table `people` is not unique, so it can't be the key
    there is no attribute `displayNam` (did you mean `displayName`?)
    table `people` has no column `tilte` (did you mean `title`?)
    `{{tomorrow}}` for column `joined` is not known
    there are {{now}} and {{uuid}}
    a new row of table `people` needs the columns `is_active`, `secret`
    say in `initial` what they start with
    there is no table `teams` (did you mean `team`?)
    the value for column `team_id` must be a plain one
    ");
    app.connection["accounts"]["table"] = json!("everybody");
    let words = app.open().await.err().expect("an error").to_string();
    assert!(words.contains("`everybody` is a view; a Target needs the table behind it"), "{words}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_never_made() {
    let mut app = App::new(APP);
    app.connection["database"]["sqlite"]["path"] = json!("none.db");
    assert_eq!(app.open().await.err().map(|error| error.to_string()).as_deref(), Some("not found: there is no database none.db"));
    assert!(!app.folder.path().join("none.db").exists());
    std::fs::write(app.folder.path().join("none.db"), "this is text, and long enough to be taken for a header").unwrap();
    let words = app.open().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(words.contains("it is no SQLite database"), "{words}");
}

#[tokio::test]
async fn names_with_quotes_are_names_and_text_keys_can_be_made() {
    let mut app = App::new(r#"CREATE TABLE "us""er; --" ("i d" TEXT PRIMARY KEY, "na""me" TEXT) WITHOUT ROWID;"#);
    app.connection = json!({
        "database": {"sqlite": {"path": "app.db"}},
        "accounts": {"table": "us\"er; --", "key": "i d", "columns": {"userName": "na\"me"}, "initial": {"i d": "{{uuid}}"}},
    });
    let answers = app.write(vec![account(Action::Create, None, json!({"userName": "'; DROP TABLE x; --"}))]).await;
    assert_eq!(answers[0].len(), 36, "{answers:?}");
    assert_eq!(answers[0].as_bytes()[14], b'4');
    let (rows, _) = read_all(app.target().await.reader.as_ref()).await;
    assert!(rows.contains(" | true | '; DROP TABLE x; --"), "{rows}");
}

#[tokio::test]
async fn a_key_that_is_written_is_the_id_from_then_on() {
    let mut app = App::new("CREATE TABLE box (login TEXT PRIMARY KEY, name TEXT); INSERT INTO box VALUES ('ada', 'Ada');");
    app.connection = json!({
        "database": {"sqlite": {"path": "app.db"}},
        "accounts": {"table": "box", "key": "login", "columns": {"userName": "login", "displayName": "name"}},
    });
    let named = |name: &str| Change {
        attributes: vec![AttributeChange {
            attribute: name.into(),
            before: None,
            after: Some(Value::text("eve")),
            sensitive: false,
            privileged: false,
        }],
        ..account(Action::Update, Some("ada"), json!({})).change()
    };
    let writer = app.target().await.writer;
    assert_eq!(writer.id_after(&named("userName")).as_deref(), Some("eve"));
    assert_eq!(writer.id_after(&named("displayName")), None);
    assert_eq!(app.write(vec![account(Action::Update, Some("ada"), json!({"userName": "eve", "displayName": "Eve"}))]).await, ["eve"]);
    assert_eq!(app.write(vec![account(Action::Update, Some("eve"), json!({"displayName": "Eva"}))]).await, ["eve"]);
    assert_eq!(app.write(vec![account(Action::Update, Some("eve"), json!({"userName": "eve"}))]).await, ["eve (already so)"]);
    assert_eq!(app.sql("SELECT login, name FROM box"), "eve|Eva");
}

#[tokio::test]
async fn a_source_reads_columns_by_their_own_names() {
    let app = App::new(APP);
    let reader = open_source(&app.described(), &app.at()).await.unwrap();
    let read = async |columns: &[&str]| {
        let mut rows = Collected(Vec::new());
        let report = reader.read(&ReadRequest::new(vec![(ObjectKind::Account, Columns::new(columns))]), &mut rows).await;
        (rows.0.join("\n"), report.of(ObjectKind::Account))
    };
    let (rows, evidence) = read(&["id", "login", "userName", "is_active", "badge"]).await;
    insta::assert_snapshot!(rows, @"
    Account: 1 | root | root | true | -
    Account: 2 | Åsa | Åsa | false | 42
    ");
    assert_eq!(evidence, Evidence::Complete);
    let (_, evidence) = read(&["logn"]).await;
    let words = "rejected: app.db: table `people` has no column `logn` (did you mean `login`?)";
    assert_eq!(evidence, Evidence::Unreadable { reason: words.into() });
}

#[tokio::test]
async fn a_database_that_another_program_has_locked_is_unavailable_and_nothing_is_done() {
    let app = App::new(APP);
    let other = Connection::open(app.folder.path().join("app.db")).expect("the application");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let answers = app.write(vec![account(Action::Update, Some("2"), json!({"title": "Lead"}))]).await;
    assert_eq!(answers, ["app.db: another program has it locked"]);
    other.execute_batch("ROLLBACK").expect("the lock's end");
    assert_eq!(app.sql("SELECT title FROM people WHERE id = 2"), "Engineer");
}

#[test]
fn the_default_mapping_is_the_columns_own_attributes() {
    let app = App::new(APP);
    let mut described = app.described();
    let expected = ["emails", "employeeNumber", "manager", "title", "userName", "roles"];
    assert_eq!(default_mapping(&described), expected.map(|name| (name.to_owned(), format!("identity.{name}"))));
    described.accounts.columns.insert("custom.badge-no".into(), "badge".into());
    assert!(default_mapping(&described).contains(&("custom.badge-no".into(), r#"identity.custom["badge-no"]"#.into())));
}

#[tokio::test]
async fn entitlements_are_rows_of_the_accounts_that_are_seen() {
    let app = with_cards();
    let target = app.target().await;
    let can = &target.capabilities;
    assert!(can.entitlements && can.holds_parameter("limit") && !can.holds_parameter("monthly"));
    let columns = Columns::new(["account", "entitlement", "limit", "region"]);
    let mut rows = Collected(Vec::new());
    let report = target.reader.read(&ReadRequest::new(vec![(ObjectKind::Entitlement, columns)]), &mut rows).await;
    assert_eq!(report.of(ObjectKind::Entitlement), Evidence::Complete);
    insta::assert_snapshot!(rows.0.join("\n"), @r"
    Entitlement: 1 | Card | 1 | -
    Entitlement: 1 | card | 500 | EU
    Entitlement: 2 | card | 1 | -
    Entitlement: 2 | card | 2 | -
    ");
}

#[tokio::test]
async fn one_row_is_one_entitlement_and_a_second_try_does_nothing() {
    let app = with_cards();
    let add =
        |account, limit: i64| card(Action::AddEntitlement, account, json!({"limit": limit, "region": "US", "rate": "1.5", "online": true}));
    let answers = app
        .write(vec![
            account(Action::Create, None, json!({"userName": "ng"})),
            add("4", 7),
            add("4", 7),
            add("4", 8),
            card(Action::UpdateEntitlement, "4", json!({"limit": 2000, "region": null})),
            card(Action::UpdateEntitlement, "4", json!({"limit": 2000})),
            card(Action::UpdateEntitlement, "4", json!({"limit": "0042"})),
            card(Action::UpdateEntitlement, "4", json!({"colour": "red"})),
            card(Action::RemoveEntitlement, "1", json!({})),
            card(Action::RemoveEntitlement, "1", json!({})),
            card(Action::UpdateEntitlement, "1", json!({"limit": 1})),
            card(Action::RemoveEntitlement, "2", json!({})),
            card(Action::RemoveEntitlement, "3", json!({})),
            card(Action::AddEntitlement, "99", json!({})),
        ])
        .await;
    insta::assert_snapshot!(answers.join("\n"), @r"
    4
    4
    4 (already so)
    conflict: table `cards`: `card` of that account is there already, with other parameters: the next plan shows them
    4
    4 (already so)
    rejected: column `monthly` holds numbers and would change this one's digits (leading zeros, a fraction)
    rejected: no column of table `cards` holds the parameter `colour`
    1
    1 (already so)
    not found: table `cards` has no `card` of that account (any more)
    conflict: table `cards`: `card` of that account is there more than once: remove all but one
    not found: table `people` has no row with the key 3
    not found: table `people` has no row with the key 99
    ");
    assert_eq!(
        app.sql("SELECT person, kind, monthly, region, rate, online, length(made), note FROM cards ORDER BY id"),
        "1|Card|1||||4|x\n2|card|1||||4|x\n2|card|2||||4|x\n3|card|9||||4|x\n4|card|2000||1.5|1|19|x"
    );
    let answers = app.write(vec![account(Action::Delete, Some("4"), json!({}))]).await;
    assert_eq!((answers.as_slice(), app.sql("SELECT count(*) FROM cards WHERE person = 4").as_str()), (["4".to_owned()].as_slice(), "0"));
}

#[tokio::test]
async fn a_description_of_entitlements_that_does_not_fit_is_told_whole() {
    let mut app = with_cards();
    app.connection["entitlements"] = json!({
        "table": "cards", "account": "persn", "entitlement": "kind",
        "parameters": {"limit": "kind", "region": "regon", "rate": "monthly", "other": "monthly"},
    });
    let error = app.open().await.err().map(|error| error.to_string()).unwrap_or_default();
    insta::assert_snapshot!(error, @"rejected: app.db: table `cards` has no column `persn` (did you mean `person`?); column `kind` of table `cards` is described twice; column `monthly` of table `cards` is described twice; table `cards` has no column `regon` (did you mean `region`?)");
}

/// What a program leaves that is killed in the middle of a change: the file half written, and the journal that undoes it.
fn cut_off(app: &App) {
    let (file, journal) = (app.folder.path().join("app.db"), app.folder.path().join("app.db-journal"));
    let kept = |path: &std::path::Path| path.with_file_name(format!("kept-{}", path.file_name().expect("a name").to_string_lossy()));
    let program = Connection::open(&file).expect("the application");
    program
        .execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE people SET title = 'half', secret = hex(randomblob(90000));")
        .expect("a change");
    for path in [&file, &journal] {
        std::fs::copy(path, kept(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    drop(program);
    for path in [&file, &journal] {
        std::fs::rename(kept(path), path).expect("put back");
    }
}

#[tokio::test]
async fn many_questions_have_an_answer_each_and_one_that_can_t_be_asked_spoils_none() {
    let app = App::new(APP);
    let target = app.target().await;
    let ask = |attribute: &str, value: &str| LookupRequest::new(ObjectKind::Account, Columns::new(["id"]), attribute, value);
    let answers = target.reader.lookup_many(&[ask("id", "2"), ask("nickName", "x"), ask("id", "99"), ask("userName", "root")]).await;
    let ids: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(texts).ok()).collect();
    assert_eq!(ids, [Some(vec!["2".to_owned()]), None, Some(Vec::new()), Some(vec!["1".to_owned()])]);
}

fn texts(page: &Page) -> Vec<String> {
    page.rows().map(|row| row.cell(0).as_text().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_a_killed_program_had_begun_is_undone_before_a_target_is_read() {
    let app = App::new(APP);
    cut_off(&app);
    let target = app.target().await;
    let (rows, report) = read_all(target.reader.as_ref()).await;
    assert!(report.kinds.iter().all(|(_, evidence)| *evidence == Evidence::Complete), "{report:?}");
    assert!(rows.contains("asa@acme.example | Engineer") && !rows.contains("half"), "{rows}");
    // While it is open, too: a connection that was good a moment ago finds the next journal.
    cut_off(&app);
    let request = LookupRequest::new(ObjectKind::Account, Columns::new(["title"]), "id", "2");
    assert_eq!(target.reader.lookup(&request).await.map(|page| page.rows().count()), Ok(1));
}

#[tokio::test]
async fn what_a_killed_program_had_begun_is_undone_before_a_source_is_read() {
    let app = App::new(APP);
    cut_off(&app);
    let source = open_source(&app.described(), &app.at()).await.unwrap();
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["login", "title"]))]);
    let mut rows = Collected(Vec::new());
    let report = source.read(&request, &mut rows).await;
    assert!(report.kinds.iter().all(|(_, evidence)| *evidence == Evidence::Complete), "{report:?}");
    assert!(!rows.0.join("\n").contains("half"), "{:?}", rows.0);
}

#[tokio::test]
async fn what_is_in_a_write_ahead_log_counts_and_a_program_that_is_still_writing_is_not_disturbed() {
    let app = App::new(APP);
    let file = app.folder.path().join("app.db");
    let program = Connection::open(&file).expect("the application");
    program
        .execute_batch(
            "PRAGMA journal_mode = WAL; UPDATE people SET title = 'Boss' WHERE id = 1; BEGIN IMMEDIATE; UPDATE people SET title = 'half';",
        )
        .expect("a change");
    let (rows, report) = read_all(app.target().await.reader.as_ref()).await;
    assert!(report.kinds.iter().all(|(_, evidence)| *evidence == Evidence::Complete), "{report:?}");
    assert!(rows.contains("Boss") && !rows.contains("half"), "{rows}");
    program.execute_batch("COMMIT").expect("it goes on");
}

#[tokio::test]
async fn nothing_is_made_a_second_time_where_no_column_is_unique() {
    let people =
        APP.replace("login VARCHAR(50) NOT NULL UNIQUE", "login VARCHAR(50) NOT NULL").replace("tenant TEXT", "ref TEXT, tenant TEXT");
    let people = people.replace(
        "INSERT INTO people VALUES",
        "INSERT INTO people (id, login, mail, title, boss, badge, is_active, secret, joined, tenant) VALUES",
    );
    let mut app = App::new(&people.replace("name TEXT NOT NULL UNIQUE, CHECK", "name TEXT NOT NULL, CHECK"));
    app.connection["accounts"]["columns"]["externalId"] = json!("ref");
    let ada = json!({"userName": "ada", "emails": "a@acme.example", "externalId": "hc:acme:hr:1"});
    let create = |attributes: serde_json::Value| account(Action::Create, None, attributes);
    assert_eq!(app.write(vec![create(ada.clone())]).await, ["4"]);
    // Another machine that planned before: the same person, or somebody else of that name.
    insta::assert_snapshot!(app.write(vec![
        create(ada.clone()),
        create(json!({"userName": "ADA", "emails": "x@acme.example", "externalId": "hc:acme:hr:2"})),
        create(json!({"userName": "bea", "emails": "b@acme.example", "externalId": "hc:acme:hr:3"})),
        create(json!({"userName": "bea", "emails": "c@acme.example", "externalId": "hc:acme:hr:4"})),
        // Not seen by this Target, so it is nobody's business.
        create(json!({"userName": "other", "emails": "o@acme.example"})),
        group(Action::Create, None, Some("Engineering"), &[]),
    ]).await.join("\n"), @"
    conflict: table `people` has a row with this externalId by now (its key is 4), so no second one is made
    conflict: table `people` has a row with this userName by now (its key is 4), so no second one is made
    5
    conflict: table `people` has a row with this userName by now (its key is 5), so no second one is made
    6
    conflict: table `team` has a row with this displayName by now (its key is 7), so no second one is made
    ");
    assert_eq!(app.sql("SELECT count(*) FROM people WHERE login IN ('ada', 'bea')"), "2");
}

#[tokio::test]
async fn a_transaction_whose_leave_was_lost_before_its_commit_has_done_nothing() {
    let app = App::new(APP);
    let tenure = HandTenure::stands();
    tenure.ends_after(0);
    let permit = permit_under(&Fence::of(tenure)).await;
    let made = |name: &str| account(Action::Create, None, json!({"userName": name, "emails": "p@acme.example"}));
    let before = app.sql("SELECT count(*) FROM people");
    let told = app.write_by(vec![made("p1"), made("p2")], &permit).await;
    assert_eq!(told, ["not sent: it was taken by bob"; 2]);
    assert_eq!(app.sql("SELECT count(*) FROM people"), before);
}

#[tokio::test]
async fn a_deactivation_that_the_database_undoes_is_not_done() {
    let app = App::new(&format!(
        "{APP} CREATE TRIGGER always AFTER UPDATE OF is_active ON people WHEN new.login = 'root' BEGIN UPDATE people SET is_active = 1 WHERE id = new.id; END;
        CREATE TRIGGER never AFTER UPDATE OF is_active ON people WHEN new.login = 'Åsa' BEGIN UPDATE people SET is_active = 0 WHERE id = new.id; END;"
    ));
    let active = |id, action, active: bool| account(action, Some(id), json!({ "active": active }));
    insta::assert_snapshot!(app.write(vec![active("1", Action::Deactivate, false), active("2", Action::Reactivate, true)]).await.join("\n"), @"
    rejected: the database did not keep it: column `is_active` of table `people` was written and the account is still active; a trigger of the application decides there, so do it in the application
    rejected: the database did not keep it: column `is_active` of table `people` was written and the account is still inactive; a trigger of the application decides there, so do it in the application
    ");
}

#[tokio::test]
async fn a_deletion_that_is_refused_says_how_the_account_is_left() {
    let app = App::new(&format!(
        "{APP} INSERT INTO notes VALUES (1, 2); CREATE TABLE logs (person INTEGER NOT NULL REFERENCES people(id)); INSERT INTO logs VALUES (2);"
    ));
    let delete = |id| account(Action::Delete, Some(id), json!({}));
    let refused = app.write(vec![delete("2")]).await;
    assert!(refused[0].ends_with("; the account is left deactivated"), "{refused:?}");
    app.sql("DELETE FROM logs");
    let deferred = app.write(vec![delete("2")]).await;
    assert!(deferred[0].ends_with("; the account is left deactivated"), "{deferred:?}");
}

#[tokio::test]
async fn writers_of_one_database_wait_for_each_other() {
    let app = App::new(APP);
    let target = app.target().await;
    let changes: Vec<(Change, Made)> = (0..40)
        .map(|at| account(Action::Create, None, json!({"userName": format!("p{at}"), "emails": "p@acme.example"})))
        .map(|made| (made.change(), made))
        .collect();
    let batches = changes.iter().map(|(change, made)| {
        let write = Write { change, id: None, attributes: made.attributes.clone(), members: Vec::new(), key: Default::default() };
        let target = &target;
        async move { target.writer.write(&[write], &permit().await).await.remove(0) }
    });
    // Nobody waits for a lock in this build, so a second writer at once would be told that it is locked.
    let answers = futures_util::future::join_all(batches).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test]
async fn what_a_row_needs_and_nothing_fills_is_told_before_any_is_made() {
    let people = APP.replace("badge INTEGER", "badge INTEGER NOT NULL").replace("boss INTEGER", "boss INTEGER NOT NULL DEFAULT 1");
    let people = people.replace("mail TEXT NOT NULL", "mail TEXT NOT NULL UNIQUE").replace("title TEXT", "title TEXT NOT NULL");
    let people = people.replace("NULL, NULL, NULL, 1, 'x'", "'', 1, 0, 1, 'x'");
    let mut app = App::new(&people);
    let needed = async |app: &App| {
        let needed = app.target().await.capabilities.needed_attributes;
        needed
            .into_iter()
            .map(|(name, needed)| format!("{name}: {}; {}", needed.place, needed.line.as_deref().unwrap_or("-")))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(needed(&app).await, @"
    emails: column `mail` of table `people`; -
    employeeNumber: column `badge` of table `people`; `initial: {badge: …}` in spec.connection.sql.accounts
    userName: column `login` of table `people`; -
    ");
    // What new rows start with is given.
    app.connection["accounts"]["initial"]["badge"] = json!(0);
    assert!(!needed(&app).await.contains("badge"));
}

#[tokio::test]
async fn a_query_is_a_source_of_its_rows_and_can_t_write() {
    let mut app = App::new(APP);
    app.connection["accounts"] = json!({
        "query": "SELECT id, upper(login) AS name, 'it''s ?1' AS odd FROM people -- don't\n WHERE id < 3 -- the end\n;",
        "key": "id", "only": {"id": 2}, "columns": {"called": "name"},
    });
    let source = open_source(&app.described(), &app.at()).await.expect("it opens");
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id", "called", "odd"]))]);
    let mut rows = Collected(Vec::new());
    assert_eq!(source.read(&request, &mut rows).await.of(ObjectKind::Account), Evidence::Complete);
    assert_eq!(rows.0, ["Account: 2 | ÅSA | it's ?1"]);
    for (query, words) in [("DELETE FROM people", "syntax error"), ("SELECT nothing FROM people", "nothing")] {
        app.connection["accounts"]["query"] = json!(query);
        let source = open_source(&app.described(), &app.at()).await.expect("it opens");
        let evidence = source.read(&request, &mut rows).await.of(ObjectKind::Account);
        assert!(matches!(&evidence, Evidence::Unreadable { reason } if reason.contains(words)), "{evidence:?}");
    }
    let told = app.open().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("`accounts.query` is for a Source"), "{told}");
    assert_eq!(app.sql("SELECT count(*) FROM people"), "3");
}
