//! What is not headcount's, or is not known: rows that `only` hides, words that nobody explained, and rows of tables that nobody described.

use super::*;
use crate::model::ListedBy;

/// The application with a row of another tenant in a group, and a number in it that no row has.
fn shared() -> App {
    App::new(&format!("{APP} PRAGMA foreign_keys = OFF; INSERT INTO team_people (team_id, person_id) VALUES (7, 3), (7, 9);"))
}

#[tokio::test]
async fn a_row_outside_of_only_is_in_no_group_and_never_taken_out_of_one() {
    let mut app = shared();
    app.connection["entitlements"] = json!({ "table": "cards", "account": "person", "entitlement": "kind" });
    Connection::open(app.folder.path().join("app.db"))
        .and_then(|app| {
            app.execute_batch(
                "CREATE TABLE cards (person INTEGER NOT NULL, kind TEXT NOT NULL); INSERT INTO cards VALUES (2, 'a'), (3, 'b'), (9, 'c');",
            )
        })
        .expect("cards");
    let target = app.target().await;
    let (rows, _) = read_all(target.reader.as_ref()).await;
    let members: Vec<&str> = rows.lines().filter(|row| row.starts_with("Membership")).collect();
    assert_eq!(members, ["Membership: 7 | 2 | account", "Membership: 7 | 9 | account"]);
    let mut cards = Collected(Vec::new());
    let columns = Columns::new(["account", "entitlement"]);
    target.reader.read(&ReadRequest::new(vec![(ObjectKind::Entitlement, columns)]), &mut cards).await;
    assert_eq!(cards.0, ["Entitlement: 2 | a", "Entitlement: 9 | c"]);
    let of = async |member: &str| {
        let request = LookupRequest::new(ObjectKind::Membership, Columns::new(["group"]), "member", member);
        target.reader.lookup(&request).await.map(|page| page.len())
    };
    assert_eq!((of("3").await, of("9").await), (Ok(0), Ok(1)));
    assert_eq!(app.write(vec![group(Action::RemoveMembers, Some("7"), None, &["3", "9"])]).await, ["7"]);
    assert_eq!(app.sql("SELECT person_id FROM team_people ORDER BY 1"), "2\n3");
}

#[tokio::test]
async fn the_next_number_is_behind_those_of_rows_that_are_not_seen_and_one_that_is_counted_up_is_nobodys() {
    let mut app = shared();
    assert_eq!(app.target().await.capabilities.listed_by, Some(ListedBy::NextNumber { hidden: 3 }));
    app.connection["accounts"]["only"] = json!({});
    assert_eq!(app.target().await.capabilities.listed_by, Some(ListedBy::NextNumber { hidden: 0 }));
    let counted = APP.replacen("id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT", 1);
    assert_eq!(App::new(&counted).target().await.capabilities.listed_by, None);
}

#[tokio::test]
async fn whoever_has_another_word_than_the_one_for_no_may_have_access_and_is_cut_off_by_it() {
    for (column, words, others) in [
        ("a TEXT COLLATE NOCASE", json!({ "active": "on", "inactive": "off" }), vec!["'ON'", "'trial'", "NULL"]),
        ("a NUMERIC", json!({ "active": 1, "inactive": 0 }), vec!["1.0", "2", "NULL"]),
    ] {
        let rows = others.iter().map(|word| format!("('x{}', {word})", word.trim_matches('\''))).collect::<Vec<_>>().join(", ");
        let mut app = App::new(&format!("CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT, {column}); INSERT INTO u (n, a) VALUES {rows};"));
        let mut values = words.clone();
        values["column"] = json!("a");
        app.connection = json!({
            "database": {"sqlite": {"path": "app.db"}},
            "accounts": {"table": "u", "key": "id", "columns": {"userName": "n"}, "active": {"values": values}},
        });
        let target = app.target().await;
        let told = target.capabilities.unclear_access.as_deref().unwrap_or_default().to_owned();
        assert!(told.contains("nothing") && !told.contains("`1`") && !told.contains("`ON`"), "{told}");
        let (rows, _) = read_all(target.reader.as_ref()).await;
        assert_eq!(rows.matches("| true |").count(), 3, "{rows}");
        for id in ["1", "2", "3"] {
            assert_eq!(app.write(vec![account(Action::Deactivate, Some(id), json!({"active": false}))]).await, [id]);
        }
        assert_eq!(app.sql("SELECT DISTINCT a FROM u"), words["inactive"].to_string().trim_matches('"'));
        let (rows, _) = read_all(app.target().await.reader.as_ref()).await;
        assert_eq!(rows.matches("| false |").count(), 3, "{rows}");
        assert_eq!(app.target().await.capabilities.unclear_access, None);
    }
}

#[tokio::test]
async fn a_time_that_is_none_bars_nobody_and_is_written_over() {
    let mut app = App::new(
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT, a TEXT); INSERT INTO u (n, a) VALUES ('x', ''), ('y', '0000-00-00 00:00:00');",
    );
    app.connection = json!({
        "database": {"sqlite": {"path": "app.db"}},
        "accounts": {"table": "u", "key": "id", "columns": {"userName": "n"}, "active": {"deactivatedAt": "a"}},
    });
    let (rows, _) = read_all(app.target().await.reader.as_ref()).await;
    assert_eq!(rows.matches("| true |").count(), 2, "{rows}");
    let off = |id| account(Action::Deactivate, Some(id), json!({"active": false}));
    assert_eq!(app.write(vec![off("1"), off("2")]).await, ["1", "2"]);
    assert_eq!(app.write(vec![off("1"), off("2")]).await, ["1 (already so)", "2 (already so)"]);
    assert_eq!(app.sql("SELECT count(*) FROM u WHERE a > '2020'"), "2");
}

#[tokio::test]
async fn what_goes_along_with_a_row_that_is_deleted_is_told() {
    let app = App::new(&format!(
        "{APP} CREATE TABLE docs (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES People(id) ON DELETE CASCADE);
         CREATE TABLE comments (id INTEGER PRIMARY KEY, doc INTEGER REFERENCES docs(id) ON DELETE CASCADE);
         CREATE TABLE rooms (id INTEGER PRIMARY KEY, keeper INTEGER REFERENCES people(id) ON DELETE SET NULL);"
    ));
    let effects = app.target().await.capabilities.side_effects;
    let told: Vec<String> = effects.iter().map(|effect| format!("{:?} {:?} {}", effect.action, effect.kind, effect.words)).collect();
    assert_eq!(
        told,
        [
            "Delete Account along with a row of `people` removes rows of `comments`, `docs` that refer to it (ON DELETE CASCADE) and changes rows of `rooms` that refer to it \
          (ON DELETE SET NULL)"
        ]
    );
    assert!(App::new(APP).target().await.capabilities.side_effects.is_empty());
}
