//! Whether two connections have rows of one table, however each is spelled.
//!
//! Must never: reach a server, or make a file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Host;

use super::{Database, DatabaseServer, PostgresDatabase, SqlConnection, server_address};
use crate::files;

/// Whether rows of the one are rows of the other, as far as both say it.
pub(super) fn same_rows((one, base): (&SqlConnection, &Path), (other, other_base): (&SqlConnection, &Path)) -> bool {
    let exact = match (&one.database, &other.database) {
        (Database::Sqlite(a), Database::Sqlite(b)) if files::same(&base.join(&a.path), &other_base.join(&b.path)) => false,
        (Database::Postgres(a), Database::Postgres(b)) if same_schema(a, b) && place(&one.database) == place(&other.database) => true,
        (Database::Mysql(_), Database::Mysql(_)) if place(&one.database) == place(&other.database) => false,
        _ => return false,
    };
    let (rows, others) = (&one.accounts, &other.accounts);
    let table = match (&rows.table, &others.table) {
        (Some(table), Some(other)) => same_name(table, other, exact),
        (None, None) => rows.query == others.query,
        _ => false,
    };
    let apart = |(column, value): (&String, &Value)| {
        others.only.iter().any(|(name, other)| same_name(column, name, exact) && text(value) != text(other))
    };
    table && !rows.only.iter().any(apart)
}

fn same_schema(one: &PostgresDatabase, other: &PostgresDatabase) -> bool {
    one.schema() == other.schema()
}

/// PostgreSQL tells names by their letters where they are quoted, as they are here. SQLite never looks at capitals, and MySQL does so on some machines only.
fn same_name(one: &str, other: &str, exact: bool) -> bool {
    one == other || (!exact && one.to_lowercase() == other.to_lowercase())
}

/// As a column holds it: `1` and `"1"` are one there.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Host, port and database of a server.
fn place(database: &Database) -> Option<(String, u16, String)> {
    let server = database.server()?;
    let DatabaseServer { schemes, port, .. } = server;
    let url = server_address(server.url, schemes)?;
    let name = decoded(url.path().trim_matches('/'));
    let name = if matches!(database, Database::Mysql(_)) { name.to_lowercase() } else { name };
    Some((host(&decoded(url.host_str()?)), url.port().unwrap_or(port), name))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The names that a machine has for itself are one, and so are the ways to write an address.
fn host(host: &str) -> String {
    if host.starts_with('/') {
        return files::real(Path::new(host)).to_string_lossy().into_owned();
    }
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address_words(IpAddr::V4(address)),
        Ok(Host::Ipv6(address)) => address_words(IpAddr::V6(address).to_canonical()),
        Ok(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Err(_) => host.to_lowercase(),
    }
}

fn address_words(address: IpAddr) -> String {
    let here = address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST);
    if here { "localhost".to_owned() } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn connection(database: Value, accounts: &Value) -> SqlConnection {
        let mut all = json!({"key": "id", "columns": {"userName": "login"}});
        all.as_object_mut().unwrap().extend(accounts.as_object().unwrap().clone());
        serde_json::from_value(json!({"database": database, "accounts": all})).unwrap()
    }

    #[test]
    fn a_file_is_one_by_every_name_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        std::fs::create_dir_all(base.join("d")).unwrap();
        std::fs::write(base.join("app.db"), "").unwrap();
        std::fs::hard_link(base.join("app.db"), base.join("hard.db")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("app.db", base.join("link.db")).unwrap();
        let of = |path: &str, accounts: &Value| connection(json!({"sqlite": {"path": path}}), accounts);
        let users = json!({"table": "users"});
        let same = |path: &str, accounts: &Value| same_rows((&of("app.db", &users), base), (&of(path, accounts), base));
        for path in ["app.db", "./app.db", "d/../app.db", "hard.db", base.join("app.db").to_str().unwrap()] {
            assert!(same(path, &users), "{path}");
        }
        assert!(!cfg!(unix) || same("link.db", &users));
        assert!(same("app.db", &json!({"table": "USERS", "key": "login"})) && same("app.db", &json!({"table": "users", "only": {"a": 1}})));
        assert!(!same("d/app.db", &users) && !same("app.db", &json!({"table": "people"})) && !base.join("d/app.db").exists());
        let part = |value: Value| of("app.db", &json!({"table": "users", "only": value}));
        let parts = |one: Value, other: Value| same_rows((&part(one), base), (&part(other), base));
        assert!(!parts(json!({"org": "a"}), json!({"ORG": "b", "x": 1})) && parts(json!({"org": 1}), json!({"org": "1"})));
        let elsewhere = base.join("d");
        assert!(same_rows((&of("app.db", &users), base), (&of("../app.db", &users), &elsewhere)), "each path counts from its manifest");
    }

    #[test]
    fn a_server_is_one_by_every_way_to_write_it() {
        let base = Path::new("");
        let users = json!({"table": "users"});
        let postgres = |url: &str, schema: Option<&str>, accounts: &Value| {
            connection(json!({"postgres": {"url": format!("postgres://u@{url}"), "schema": schema}}), accounts)
        };
        let same = |url: &str| same_rows((&postgres("127.0.0.1/two", None, &users), base), (&postgres(url, Some("public"), &users), base));
        for url in ["localhost/two", "LOCALHOST.:5432/two", "[::1]/two", "[::ffff:127.0.0.1]/two", "127.1/two", "127.0.0.1/t%77o"] {
            assert!(same(url), "{url}");
        }
        for url in ["127.0.0.1:5433/two", "127.0.0.1/TWO", "db.acme.example/two", "127.0.0.1/three"] {
            assert!(!same(url), "{url}");
        }
        let upper = json!({"table": "Users"});
        assert!(!same_rows((&postgres("a/b", None, &users), base), (&postgres("a/b", None, &upper), base)), "two tables");
        assert!(!same_rows((&postgres("a/b", None, &users), base), (&postgres("a/b", Some("crm"), &users), base)), "two schemas");
        let mysql = |url: &str, accounts: &Value| connection(json!({"mysql": {"url": format!("mysql://u@{url}")}}), accounts);
        assert!(same_rows((&mysql("a/crm", &users), base), (&mysql("A:3306/CRM", &upper), base)));
        assert!(!same_rows((&mysql("localhost/two", &users), base), (&postgres("localhost:3306/two", None, &users), base)));
    }
}
