//! The table on a database server's own roles: PostgreSQL's and MariaDB's, with an account that has just the rights that docs/database-roles.md names.

use std::path::Path;
use std::process::Command;

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};

use super::direct::Subject;
use super::{pipeline, values};
use crate::support::{mariadb, postgres};

/// The roles of a PostgreSQL server, as somebody who may make roles and nothing else.
fn postgres_roles(server: &postgres::Server, more: &Json) -> TargetConnection {
    server.sql("CREATE ROLE syncer LOGIN CREATEROLE; GRANT pg_signal_backend TO syncer");
    connection(json!({ "url": server.socket().replace("headcount@", "syncer@") }), more)
}

/// The roles of a MariaDB server, likewise. The one who may do everything there would be shown, and left as it is.
fn mariadb_roles(server: &mariadb::Server, more: &Json) -> TargetConnection {
    server.sql(&format!(
        "CREATE USER syncer@'%' IDENTIFIED BY '{0}'; GRANT CREATE USER, CONNECTION ADMIN, PROCESS ON *.* TO syncer@'%'; GRANT SELECT ON mysql.* TO syncer@'%'; DROP USER headcount@'%'",
        mariadb::PASSWORD
    ));
    let url = server.url().replace("headcount@", "syncer@");
    connection(json!({ "url": url, "password": { "exec": ["echo", mariadb::PASSWORD] }, "caFile": server.ca_file() }), more)
}

fn connection(mut roles: Json, more: &Json) -> TargetConnection {
    for (name, value) in more.as_object().into_iter().flatten() {
        roles[name] = value.clone();
    }
    serde_json::from_value(json!({ "databaseRoles": roles })).expect("a connection")
}

async fn the_connector_takes_every_step(connection: &TargetConnection) {
    let target = registry::open_target(connection, &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
    Subject::new(target, false).take_all_steps().await;
}

#[tokio::test]
async fn the_connector_takes_every_step_on_postgres() {
    let Some(server) = postgres::own_server("conformance of PostgreSQL's roles") else { return };
    the_connector_takes_every_step(&postgres_roles(&server, &json!({}))).await;
}

#[tokio::test]
async fn the_connector_takes_every_step_on_mariadb() {
    let Some(server) = mariadb::own_server("conformance of MariaDB's roles") else { return };
    the_connector_takes_every_step(&mariadb_roles(&server, &json!({}))).await;
}

#[tokio::test]
async fn apply_takes_every_step_on_postgres_and_leaves_nothing_to_plan() {
    let Some(server) = postgres::own_server("conformance of apply on PostgreSQL's roles") else { return };
    pipeline::take_all_steps(&postgres_roles(&server, &json!({})), false).await;
}

#[tokio::test]
async fn apply_takes_every_step_on_mariadb_and_leaves_nothing_to_plan() {
    let Some(server) = mariadb::own_server("conformance of apply on MariaDB's roles") else { return };
    pipeline::take_all_steps(&mariadb_roles(&server, &json!({})), false).await;
}

#[tokio::test]
async fn a_group_for_each_value_follows_its_value() {
    let Some(server) = postgres::own_server("groups of values as PostgreSQL's roles") else { return };
    values::live_through(&postgres_roles(&server, &json!({}))).await;
}

/// What the page of the example tells, from its beginning to its end.
#[tokio::test]
async fn the_page_of_the_example_does_what_it_says() {
    let Some(server) = postgres::own_server("the example of PostgreSQL's roles") else { return };
    let (example, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/postgres-roles"), tempfile::tempdir().expect("a folder"));
    for entry in std::fs::read_dir(&example).expect("the example").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        let text = text.replace("@localhost/", &format!("@localhost:{}/", server.port()));
        crate::support::write_settled(&folder.path().join(entry.file_name()), text);
    }
    let page = std::fs::read_to_string(example.join("README.md")).expect("its page");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Whoever reads a file that was just written waits until it is whole.
    let script: String = blocks
        .flat_map(str::lines)
        .map(|line| match line.starts_with("sed ") {
            true => format!("{line}\ntouch -d '1 minute ago' people.csv\n"),
            false => format!("{line}\n"),
        })
        .collect();
    assert!(script.lines().count() > 10, "{script}");
    let binary = Path::new(env!("CARGO_BIN_EXE_headcount")).parent().expect("its folder").display().to_string();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(folder.path()).env("NO_COLOR", "1").envs(server.environment());
    let path = server.environment()[3].1.clone();
    let output = bash.env("PATH", format!("{binary}:{path}")).env("PSQLRC", "/dev/null").output().expect("bash runs");
    let told = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success(), "{told}");
    let shown: String = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("pg_has_role ------------- t (1 row)"), "{told}");
    assert!(shown.contains("ada.lovelace | f (1 row)"), "{told}");
    let of_ada = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'ada.lovelace'";
    assert_eq!(server.sql(of_ada), "0");
    assert_eq!(
        server.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname LIKE 'sean.%'"),
        "Seán O'Neil [headcount account: hc:acme:hr:1003]"
    );
}
