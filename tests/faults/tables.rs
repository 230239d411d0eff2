//! Tables at real servers as applications have them: keys that the table does not count up, rows of others beside ours, words of their own, rows that go along, a
//! table that is made anew while it is read, and values that come back in another form.

use std::sync::Arc;
use std::time::Duration;

use headcount::connector::limiter::{ALL, Lane};
use headcount::connector::{LookupRequest, Permit, ReadRequest, Surroundings, TargetConnector, Write, Written, registry};
use headcount::fence::Fence;
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Action, Change, Columns, Evidence, ObjectKind, ObjectRef, Reason, SystemError, Value};
use serde_json::{Value as Json, json};

use super::sql_servers::{App, Rows, both, make, read, write};
use crate::support::postgres;

/// The same application with another description of its accounts.
async fn open_as(app: &App, accounts: Json) -> Result<TargetConnector, SystemError> {
    let mut described = serde_json::to_value(app.with(&json!({}))).expect("a connection");
    for (name, value) in accounts.as_object().into_iter().flatten() {
        described["sql"]["accounts"][name] = value.clone();
    }
    if accounts.get("table").is_some() {
        described["sql"].as_object_mut().expect("a map").retain(|name, _| name == "database" || name == "accounts");
    }
    let connection: TargetConnection = serde_json::from_value(described).expect("a connection");
    registry::open_target(&connection, &Surroundings::at(std::env::temp_dir())).await
}

fn let_in(app: &App, table: &str) {
    if app.database.get("postgres").is_some() {
        app.sql(&format!("GRANT ALL ON {table} TO app_{}", app.name));
    }
}

#[tokio::test]
async fn one_new_row_has_the_key_that_is_its_own() {
    let Some(app) = App::mariadb("keys that no table counts up") else { return };
    app.sql(
        "CREATE SEQUENCE badges START WITH 100;
         CREATE TABLE staff (id INT AUTO_INCREMENT PRIMARY KEY, badge INT NOT NULL DEFAULT nextval(badges) UNIQUE, uid CHAR(36) DEFAULT uuid() UNIQUE, login VARCHAR(40) UNIQUE);
         INSERT INTO staff (login) VALUES ('old')",
    );
    for (key, name) in [("badge", "ann"), ("uid", "bob"), ("id", "eve")] {
        let target = open_as(&app, json!({ "table": "staff", "key": key, "columns": { "userName": "login" }, "active": null })).await;
        let made: Written = make(&target.expect("it opens"), name).await.expect("it is made");
        assert_eq!(app.sql(&format!("SELECT login FROM staff WHERE {key} = '{}'", made.id)), name, "{key}");
    }
    app.sql("ALTER TABLE staff DROP INDEX login");
    let refused =
        open_as(&app, json!({ "table": "staff", "key": "uid", "columns": { "userName": "login" }, "active": null })).await.map(drop);
    assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("nothing tells which key `uid`")), "{refused:?}");
    let given =
        json!({ "table": "staff", "key": "uid", "columns": { "userName": "login" }, "active": null, "initial": { "uid": "{{uuid}}" } });
    make(&open_as(&app, given).await.expect("it opens"), "kim").await.expect("it is made");
}

#[tokio::test]
async fn a_row_outside_of_only_is_no_ghost_and_a_number_that_is_counted_up_is_nobodys() {
    for app in both("rows of others") {
        app.sql(
            "ALTER TABLE people ADD kind VARCHAR(10) NOT NULL DEFAULT 'human'; ALTER TABLE team_people ADD note VARCHAR(10);
             INSERT INTO people (login, kind) VALUES ('ann', 'human'), ('bot', 'service'); INSERT INTO teams (name) VALUES ('Eng');
             INSERT INTO team_people (team, person) SELECT t.id, p.id FROM teams t, people p",
        );
        let target = open_as(&app, json!({ "only": { "kind": "human" } })).await.expect("it opens");
        assert_eq!(target.capabilities.listed_by, None, "{}", app.name);
        let mut rows = Rows::default();
        let request = ReadRequest::new(vec![(ObjectKind::Membership, Columns::new(["member"]))]);
        assert_eq!(target.reader.read(&request, &mut rows).await.of(ObjectKind::Membership), Evidence::Complete);
        assert_eq!(rows.0, [[Some(Value::text(app.sql("SELECT id FROM people WHERE login = 'ann'")))]], "{}", app.name);
        // Where the two columns are not of one type, as in many an old application.
        let text = if app.database.get("postgres").is_some() { "TYPE VARCHAR(20)" } else { "person VARCHAR(20)" };
        let alter = if app.database.get("postgres").is_some() { "ALTER COLUMN person" } else { "MODIFY" };
        app.sql(&format!("CREATE TABLE loose AS SELECT team, person FROM team_people; ALTER TABLE loose {alter} {text}"));
        let_in(&app, "loose");
        let mut described = serde_json::to_value(app.with(&json!({}))).expect("a connection");
        described["sql"]["accounts"]["only"] = json!({ "kind": "human" });
        described["sql"]["memberships"]["table"] = json!("loose");
        let connection: TargetConnection = serde_json::from_value(described).expect("a connection");
        let target = registry::open_target(&connection, &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
        let mut rows = Rows::default();
        assert_eq!(target.reader.read(&request, &mut rows).await.of(ObjectKind::Membership), Evidence::Complete, "{}", app.name);
        assert_eq!(rows.0.len(), 1, "{}", app.name);
    }
}

#[tokio::test]
async fn only_the_word_for_no_takes_access_and_numbers_are_compared_as_numbers() {
    for app in both("words for access") {
        app.sql(
            "ALTER TABLE people ADD state VARCHAR(10); ALTER TABLE people ADD level DECIMAL(3, 1);
             INSERT INTO people (login, state, level) VALUES ('a', 'active', 1), ('b', 'trial', 2), ('c', NULL, NULL), ('d', 'inactive', 0)",
        );
        let words = json!({ "column": "state", "active": "active", "inactive": "inactive" });
        let numbers = json!({ "column": "level", "active": 1, "inactive": 0 });
        for (values, others) in [(words, "`trial`"), (numbers, "`2.0`")] {
            let target = open_as(&app, json!({ "active": { "values": values } })).await.expect("it opens");
            let told = target.capabilities.unclear_access.as_deref().unwrap_or_default().to_owned();
            assert!(told.contains(others) && told.contains("nothing") && !told.contains("active`"), "{}: {told}", app.name);
            let active = async || {
                let (_, rows) = read(&*target.reader, &["id", "active"]).await;
                rows.iter().filter(|row| row[1] == Some(Value::Bool(true))).count()
            };
            assert_eq!(active().await, 3, "{}", app.name);
            for name in ["a", "b", "c"] {
                let id = app.sql(&format!("SELECT id FROM people WHERE login = '{name}'"));
                let off = write(&target, &[(Action::Deactivate, Some(&id), &[])], &Fence::open()).await.remove(0);
                assert!(matches!(&off, Ok(written) if !written.already_so), "{name}: {off:?}");
            }
            assert_eq!(active().await, 0, "{}", app.name);
        }
    }
    let Some(app) = App::mariadb("words by a collation") else { return };
    app.sql("ALTER TABLE people ADD state VARCHAR(10) COLLATE utf8mb4_general_ci; INSERT INTO people (login, state) VALUES ('a', 'Inactive'), ('b', 'ACTIVE')");
    let values = json!({ "column": "state", "active": "active", "inactive": "inactive" });
    let target = open_as(&app, json!({ "active": { "values": values } })).await.expect("it opens");
    assert_eq!(target.capabilities.unclear_access, None);
    let (_, rows) = read(&*target.reader, &["active"]).await;
    assert_eq!(rows, [[Some(Value::Bool(false))], [Some(Value::Bool(true))]]);
}

/// A table that is emptied and filled anew in one transaction looks empty to whoever began to read before its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_filled_anew_while_it_is_read_is_not_read_as_empty() {
    const TEST: &str = "tables that are filled anew";
    let Some(app) = App::postgres(TEST) else { return };
    app.sql("INSERT INTO people (login) VALUES ('ann'), ('bob')");
    let target = Arc::new(app.open().await);
    let (holder, connection) = tokio_postgres::connect(&postgres::server(TEST).expect("it runs").socket(), tokio_postgres::NoTls)
        .await
        .expect("the test's own connection");
    tokio::spawn(connection);
    let table = format!("{}.people", app.name);
    let again = format!("INSERT INTO {table} (login) VALUES ('ann'), ('bob'), ('eve')");
    let twin = format!(
        "CREATE TABLE {table}_2 (LIKE {table} INCLUDING ALL); INSERT INTO {table}_2 (login, active) VALUES ('ann', true); DROP TABLE {table} CASCADE; ALTER TABLE {table}_2 RENAME TO people; GRANT ALL ON {table} TO app_{}",
        app.name
    );
    let emptied = format!("TRUNCATE {table} CASCADE; {again}");
    // A table that was loaded apart takes the name of the one that everybody reads.
    let swapped = format!(
        "LOCK {table}; DELETE FROM {table}_b; INSERT INTO {table}_b SELECT * FROM {table}; ALTER TABLE {table} RENAME TO people_x; ALTER TABLE {table}_b RENAME TO people; ALTER TABLE {table}_x RENAME TO people_b"
    );
    app.sql(&format!(
        "CREATE TABLE {table}_b (LIKE {table} INCLUDING ALL); INSERT INTO {table}_b (login, active) VALUES ('old', true); GRANT ALL ON ALL TABLES IN SCHEMA {0} TO app_{0}",
        app.name
    ));
    let waits = format!("SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted");
    for (reload, looks_up) in [(&emptied, false), (&emptied, true), (&swapped, false), (&swapped, true), (&twin, false)] {
        holder.batch_execute("BEGIN").await.expect("it begins");
        holder.batch_execute(reload).await.expect("it is filled anew");
        let reader = target.clone();
        let reading = tokio::spawn(async move {
            match looks_up {
                true => {
                    let ask = LookupRequest::new(ObjectKind::Account, Columns::new(["id"]), "userName", "ann");
                    reader.reader.lookup(&ask).await.map(|page| page.len()).map_err(|error| error.to_string())
                }
                false => {
                    let (evidence, rows) = read(&*reader.reader, &["id", "userName"]).await;
                    if evidence == Evidence::Complete { Ok(rows.len()) } else { Err(evidence.reason().unwrap_or_default().to_owned()) }
                }
            }
        });
        while holder.query_one(&waits_of(&waits, reload != &emptied, &app.name), &[]).await.expect("an answer").get::<_, i64>(0) == 0 {
            assert!(!reading.is_finished(), "it did not wait for the table");
            tokio::task::yield_now().await;
        }
        holder.batch_execute("COMMIT").await.expect("it stands");
        let read_then = reading.await.expect("it ends");
        assert!(matches!(&read_then, Err(why) if why.contains("made anew")), "{read_then:?}");
    }
    let (evidence, rows) = read(&*target.reader, &["userName"]).await;
    assert_eq!((evidence, rows.len()), (Evidence::Complete, 1));
}

/// Of a table that is dropped the holder knows no name any more; whoever waits, waits for its number.
fn waits_of(waits: &str, dropped: bool, name: &str) -> String {
    match dropped {
        true => format!(
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.usename = 'app_{name}' WHERE l.locktype = 'relation' AND NOT l.granted"
        ),
        false => waits.to_owned(),
    }
}

/// Where tables take turns at MariaDB, what is read under a name is what stands there before or afterwards; never what the other table held long ago.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_take_turns_keep_their_names_while_they_are_read() {
    let Some(app) = App::mariadb("tables that take turns") else { return };
    app.sql("CREATE TABLE people_b LIKE people; INSERT INTO people (login) VALUES ('ann'), ('bob'); INSERT INTO people_b (login) VALUES ('old')");
    let target = Arc::new(app.open().await);
    let app = Arc::new(app);
    let beside = |sql: &'static str| {
        let app = app.clone();
        std::thread::spawn(move || app.sql(sql))
    };
    let until = |what: &str, many: &str| {
        while app.sql(&format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND {what}")) != many {
            std::thread::yield_now();
        }
    };
    // Whoever has the table is interrupted once the read waits for it, and behind the read a load that has filled the other one.
    let report = beside("LOCK TABLES people WRITE; DO SLEEP(600)");
    until("INFO LIKE 'DO SLEEP%'", "1");
    let reader = target.clone();
    let reading = tokio::spawn(async move { read(&*reader.reader, &["userName"]).await });
    let waiting = "STATE LIKE 'Waiting for table metadata lock%'";
    until(waiting, "1");
    let load = beside(
        "DELETE FROM people_b; INSERT INTO people_b (login) VALUES ('ann'), ('bob'), ('eve'); RENAME TABLE people TO people_x, people_b TO people, people_x TO people_b",
    );
    until(waiting, "2");
    app.sql(&format!(
        "KILL QUERY {}",
        app.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'DO SLEEP%'")
    ));
    report.join().expect("it was interrupted, and has let the table go");
    load.join().expect("the load ends");
    let (evidence, rows) = reading.await.expect("it ends");
    assert!(evidence == Evidence::Complete && [2, 3].contains(&rows.len()), "{evidence:?}: {rows:?}");
}

/// A lock that is scheduled ends nobody's access before its time.
#[tokio::test]
async fn a_time_that_is_still_to_come_is_no_deactivation() {
    for app in both("locks to come") {
        let is_postgres = app.database.get("postgres").is_some();
        let (zoned, never) = if is_postgres { ("TIMESTAMPTZ", "'infinity'") } else { ("DATETIME", "'9999-12-31'") };
        app.sql(&format!("ALTER TABLE people ADD locked {zoned} NULL, ADD since VARCHAR(40), ADD epoch BIGINT"));
        app.sql(&format!(
            "INSERT INTO people (login, locked, since, epoch) VALUES ('a', NULL, '', 0), ('b', '2020-01-01', '2020-01-01T10:00:00Z', 1577836800), \
             ('c', {never}, '2999-01-01', 32472144000), ('d', '2999-01-01', '2999-01-01 10:00:00', 32472144000000)"
        ));
        for column in ["locked", "since", "epoch"] {
            let target = open_as(&app, json!({ "active": { "deactivatedAt": column } })).await.unwrap_or_else(|error| panic!("{error}"));
            let (_, rows) = read(&*target.reader, &["userName", "active"]).await;
            let active: Vec<_> = rows.iter().filter(|row| row[1] == Some(Value::Bool(true))).map(|row| row[0].clone()).collect();
            assert_eq!(active, [Some(Value::text("a")), Some(Value::text("c")), Some(Value::text("d"))], "{} {column}", app.name);
            let id = app.sql("SELECT id FROM people WHERE login = 'c'");
            let off = write(&target, &[(Action::Deactivate, Some(&id), &[])], &Fence::open()).await.remove(0);
            assert!(matches!(&off, Ok(written) if !written.already_so), "{column}: {off:?}");
            let again = write(&target, &[(Action::Deactivate, Some(&id), &[])], &Fence::open()).await.remove(0);
            assert!(matches!(&again, Ok(written) if written.already_so), "{column}: {again:?}");
            let (_, rows) = read(&*target.reader, &["userName", "active"]).await;
            assert_eq!(rows[2], [Some(Value::text("c")), Some(Value::Bool(false))], "{} {column}", app.name);
        }
    }
}

/// What a trigger holds is still there, whatever the database answers.
#[tokio::test]
async fn a_row_that_a_trigger_keeps_is_not_told_as_gone() {
    let Some(app) = App::postgres("kept rows") else { return };
    app.sql(
        "INSERT INTO people (login) VALUES ('ann'); INSERT INTO teams (name) VALUES ('ops'); INSERT INTO team_people SELECT t.id, p.id FROM teams t, people p;
         CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER keeps BEFORE DELETE ON team_people FOR EACH ROW EXECUTE FUNCTION keeps()",
    );
    let target = app.open().await;
    let object = ObjectRef { kind: ObjectKind::Group, key: "ops".into(), id: None, name: "ops".into() };
    let change = Change::new(&"faults".into(), Action::RemoveMembers, object, Reason::Declared);
    let taken = Write {
        change: &change,
        id: Some(app.sql("SELECT id FROM teams").as_str().into()),
        attributes: Vec::new(),
        members: vec![(ObjectKind::Account, app.sql("SELECT id FROM people").as_str().into())],
        key: Default::default(),
    };
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    let taken = target.writer.write(&[taken], &Permit::grant(turn, &Fence::open())).await.remove(0);
    assert!(matches!(&taken, Err(SystemError::Rejected(words)) if words.contains("keeps rows")), "{taken:?}");
}

/// Keys that a collation takes for one are two people.
#[tokio::test]
async fn what_a_collation_takes_for_one_is_told_apart() {
    let Some(app) = App::postgres("collations that fold") else { return };
    app.sql(&format!(
        "CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE folk (id TEXT PRIMARY KEY, login TEXT COLLATE folds, active BOOLEAN NOT NULL DEFAULT true);
         INSERT INTO folk VALUES ('abc', 'ann'), ('ABC', 'root');
         CREATE TABLE visits (person TEXT COLLATE folds); INSERT INTO visits VALUES ('abc'), ('ABC'); GRANT ALL ON ALL TABLES IN SCHEMA {0} TO app_{0}",
        app.name
    ));
    let described = json!({ "sql": {
        "database": app.database,
        "accounts": { "table": "folk", "key": "id", "columns": { "userName": "login" }, "active": { "flag": "active" }, "initial": { "id": "{{uuid}}" } },
        "sessions": { "table": "visits", "account": "person" },
    } });
    let connection: TargetConnection = serde_json::from_value(described).expect("a connection");
    let target = registry::open_target(&connection, &Surroundings::at(std::env::temp_dir())).await;
    let target = target.unwrap_or_else(|error| panic!("{error}"));
    let named = write(&target, &[(Action::Update, Some("abc"), &[("userName", "ANN")])], &Fence::open()).await.remove(0);
    assert!(matches!(&named, Ok(written) if !written.already_so), "{named:?}");
    assert_eq!(app.sql("SELECT login FROM folk WHERE id = 'abc'"), "ANN");
    let ended = write(&target, &[(Action::EndSessions, Some("abc"), &[])], &Fence::open()).await.remove(0);
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(app.sql("SELECT person FROM visits"), "ABC");
}

#[tokio::test]
async fn what_goes_along_with_a_deleted_row_is_told() {
    for app in both("rows that go along") {
        app.sql(
            "CREATE TABLE docs (id INT PRIMARY KEY, owner INT, FOREIGN KEY (owner) REFERENCES people (id) ON DELETE CASCADE);
             CREATE TABLE rooms (id INT PRIMARY KEY, keeper INT, FOREIGN KEY (keeper) REFERENCES people (id) ON DELETE SET NULL)",
        );
        let effects = app.open().await.capabilities.side_effects;
        let told: Vec<&str> = effects.iter().filter(|effect| effect.action == Action::Delete).map(|effect| effect.words.as_ref()).collect();
        assert!(
            matches!(told[..], [words] if words.contains("docs") && words.contains("CASCADE") && words.contains("rooms")),
            "{}: {told:?}",
            app.name
        );
    }
}

/// What is given, as the target keeps it, is what comes back; what would come back as something else is refused ahead, and by the writer where it is a number.
#[tokio::test]
async fn a_value_comes_back_as_it_was_written() {
    for app in both("forms of values") {
        let is_postgres = app.database.get("postgres").is_some();
        app.sql("ALTER TABLE people ADD d DATE; ALTER TABLE people ADD m TIMESTAMP NULL; ALTER TABLE people ADD t TIME; ALTER TABLE people ADD n DECIMAL(5, 1)");
        let mut fits = vec![
            ("d", "2026-12-01T00:00:00Z"),
            ("m", "2026-12-01"),
            ("m", "2026-12-01T10:00:00+02:00"),
            ("t", "9:00"),
            ("n", "2.5"),
            ("n", "-9999.9"),
        ];
        let mut refused = vec![("d", "2026-12-01T10:00:00"), ("n", "2.55"), ("n", "12345")];
        match is_postgres {
            true => {
                app.sql("ALTER TABLE people ADD z TIMESTAMPTZ, ADD j JSONB, ADD f REAL");
                fits.extend([
                    ("z", "2026-12-01T10:00:00+02:00"),
                    ("z", "2026-12-01"),
                    ("j", "{\"bb\": [1,  2], \"a\": \"x\"}"),
                    ("f", "0.1"),
                ]);
                refused.push(("f", "16777217"));
            }
            false => {
                app.sql("ALTER TABLE people ADD e ENUM('eng', 'it''s'), ADD s SET('a', 'b'), ADD l VARCHAR(20) CHARACTER SET latin1, ADD h DATETIME(3)");
                fits.extend([("e", "Eng"), ("e", "it's"), ("s", "b,A"), ("l", "Müller – €"), ("h", "2026-12-01T10:00:00.125Z")]);
                refused.extend([
                    ("e", "ops"),
                    ("s", "a,c"),
                    ("l", "Łódź"),
                    ("m", "2026-12-01T10:00:00.5Z"),
                    ("h", "2026-12-01T10:00:00.1255Z"),
                ]);
            }
        }
        for (at, (column, value, is_fit)) in fits
            .iter()
            .map(|(column, value)| (column, value, true))
            .chain(refused.iter().map(|(column, value)| (column, value, false)))
            .enumerate()
        {
            let attribute = format!("custom.{column}");
            let mut columns = json!({ "userName": "login" });
            columns[&attribute] = json!(column);
            let target = open_as(&app, json!({ "columns": columns })).await.expect("it opens");
            let limit = &target.capabilities.account_limits[attribute.as_str()];
            let told = limit.refusal(Some(&Value::text(value)));
            assert_eq!(told.is_none(), is_fit, "{} {column} {value}: {told:?}", app.name);
            if is_fit {
                let kept = limit.kept(Value::text(value));
                let written = kept.to_string();
                let name = format!("u{at}");
                let made = write(&target, &[(Action::Create, None, &[("userName", &name), (&attribute, &written)])], &Fence::open())
                    .await
                    .remove(0);
                let id = made.unwrap_or_else(|error| panic!("{} {column} {value}: {error}", app.name)).id;
                let (_, rows) = read(&*target.reader, &["id", &attribute]).await;
                let came = rows
                    .into_iter()
                    .find(|row| row[0] == Some(Value::text(&id)) || row[0].as_ref().is_some_and(|it| it.to_string() == *id));
                assert_eq!(
                    came.and_then(|row| row[1].as_ref().map(ToString::to_string)),
                    Some(written.clone()),
                    "{} {column} {value}",
                    app.name
                );
                let again = write(&target, &[(Action::Update, Some(&id), &[(&attribute, &written)])], &Fence::open()).await.remove(0);
                assert!(matches!(&again, Ok(written) if written.already_so), "{} {column} {value}: {again:?}", app.name);
            } else if *column == "n" {
                let made =
                    write(&target, &[(Action::Create, None, &[("userName", "no"), (&attribute, value)])], &Fence::open()).await.remove(0);
                assert!(matches!(made, Err(SystemError::Rejected(_))), "{} {column} {value}: {made:?}", app.name);
            }
        }
    }
}
