//! The table on an application's own SQLite tables.

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;
use serde_json::json;

use super::direct::Subject;
use super::{entitlements, pipeline, values};

const APP: &str = "
    CREATE TABLE staff (
        no INTEGER PRIMARY KEY,
        login TEXT NOT NULL UNIQUE,
        given TEXT, family TEXT NOT NULL, shown VARCHAR(200), mail TEXT, phone TEXT, job TEXT, boss INTEGER REFERENCES staff (no),
        number TEXT, department TEXT, division TEXT, organization TEXT, cost TEXT, locale TEXT, zone TEXT, tongue TEXT, sort TEXT,
        mark TEXT UNIQUE, locked_at DATETIME, made_at DATETIME NOT NULL
    );
    CREATE TABLE circle (no INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, mark TEXT UNIQUE);
    CREATE TABLE circle_staff (circle INTEGER NOT NULL REFERENCES circle (no), staff INTEGER NOT NULL REFERENCES staff (no), UNIQUE (circle, staff));
    CREATE TABLE circle_lead (circle INTEGER NOT NULL REFERENCES circle (no), staff INTEGER NOT NULL REFERENCES staff (no), UNIQUE (circle, staff));
    CREATE TABLE card (staff INTEGER NOT NULL REFERENCES staff (no), kind TEXT NOT NULL, monthly INTEGER, area TEXT, chief INTEGER REFERENCES staff (no), PRIMARY KEY (staff, kind));
";

/// An application whose tables are empty. The folder must be kept.
fn application() -> (tempfile::TempDir, TargetConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    rusqlite::Connection::open(&path).and_then(|app| app.execute_batch(APP)).expect("an application");
    let connection = json!({ "sql": {
        "database": { "sqlite": { "path": path } },
        "accounts": {
            "table": "staff",
            "key": "no",
            "columns": {
                "userName": "login", "name.givenName": "given", "name.familyName": "family", "displayName": "shown", "emails": "mail",
                "phoneNumbers": "phone", "title": "job", "manager": "boss", "employeeNumber": "number", "department": "department",
                "division": "division", "organization": "organization", "costCenter": "cost", "locale": "locale", "timezone": "zone",
                "preferredLanguage": "tongue", "userType": "sort", "externalId": "mark",
            },
            "active": { "deactivatedAt": "locked_at" },
            "initial": { "made_at": "{{now}}" },
        },
        "groups": { "table": "circle", "key": "no", "columns": { "displayName": "title", "externalId": "mark" } },
        "memberships": { "table": "circle_staff", "group": "circle", "account": "staff" },
        "owners": { "table": "circle_lead", "group": "circle", "account": "staff" },
        "entitlements": {
            "table": "card", "account": "staff", "entitlement": "kind",
            "parameters": { "limit": "monthly", "region": "area", "approver": "chief" },
        },
    }});
    (folder, serde_json::from_value(connection).expect("a connection"))
}

#[tokio::test]
async fn the_connector_takes_every_step() {
    let (folder, connection) = application();
    let target = registry::open_target(&connection, &Surroundings::at(folder.path())).await.expect("it opens");
    Subject::new(target, false).take_all_steps().await;
}

#[tokio::test]
async fn apply_takes_every_step_and_leaves_nothing_to_plan() {
    let (_folder, connection) = application();
    pipeline::take_all_steps(&connection, false).await;
}

#[tokio::test]
async fn a_group_for_each_value_follows_its_value() {
    let (_folder, connection) = application();
    values::live_through(&connection).await;
}

#[tokio::test]
async fn a_card_follows_its_rule() {
    let (_folder, connection) = application();
    entitlements::live_through(&connection).await;
}
