//! A system is what is spoken to.

use super::*;

fn scim(url: &str, more: serde_json::Value) -> String {
    let mut json = more;
    json["url"] = url.into();
    serde_json::from_value::<ScimConnection>(json).unwrap().system()
}

fn sqlite(path: &str, table: &str) -> String {
    let json =
        serde_json::json!({"database": {"sqlite": {"path": path}}, "accounts": {"table": table, "key": "id", "only": {"tenant": 7}}});
    serde_json::from_value::<SqlConnection>(json).unwrap().system()
}

#[test]
fn a_system_is_what_is_spoken_to_and_not_how() {
    let tuned = serde_json::json!({"pageSize": 7, "timeout": "9s", "auth": {"bearer": {"env": "OTHER"}}});
    assert_eq!(scim("HTTPS://Chat.example:443/Scim/v2/", tuned), "scim https://chat.example/Scim/v2");
    assert_ne!(scim("https://chat.example/v2", serde_json::json!({})), scim("https://chat.example/v3", serde_json::json!({})));
    assert_eq!(sqlite("./data//x/../app.db", "users"), "sqlite data/app.db users.id tenant=7");
    assert_ne!(sqlite("a.db", "users"), sqlite("a.db", "people"));
    let tuned = serde_json::json!({"url": "postgres://hc@DB.example/crm", "timeout": "9s", "password": {"env": "X"}});
    assert_eq!(sql("postgres", tuned).system(), "postgres db.example:5432/crm public users.id");
    assert_eq!(sql("mysql", serde_json::json!({"url": "mariadb://hc@db.example:33/crm"})).system(), "mysql db.example:33/crm users.id");
}

fn sql(kind: &str, server: serde_json::Value) -> SqlConnection {
    serde_json::from_value(serde_json::json!({"database": {kind: server}, "accounts": {"table": "users", "key": "id"}})).unwrap()
}

#[test]
fn an_address_of_a_database_names_server_user_and_database_and_no_password() {
    let wrong = |url: &str| sql("postgres", serde_json::json!({ "url": url })).unreadable().first().map(|odd| odd.what);
    assert_eq!(wrong("postgres://hc@db.example/crm"), None);
    assert_eq!(wrong("postgresql://hc@%2Frun%2Fpostgresql:5433/crm"), None);
    for (url, what) in [
        ("mysql://hc@db.example/crm", "address of such a server"),
        ("db.example/crm", "address of such a server"),
        ("postgres://hc:secret@db.example/crm", "address without a password"),
        ("postgres://hc@db.example/crm?sslmode=disable", "bare address: settings behind it are not read"),
        ("postgres://db.example/crm", "address with a user"),
        ("postgres://hc@db.example", "address with a database"),
    ] {
        assert_eq!(wrong(url), Some(what), "{url}");
    }
    let tls = |more: serde_json::Value| {
        let mut server = serde_json::json!({ "url": "postgres://hc@localhost/crm" });
        more.as_object().unwrap().iter().for_each(|(name, value)| server[name] = value.clone());
        sql("postgres", server).database.server().unwrap().has_tls()
    };
    let away = serde_json::json!({"url": "postgres://hc@db.example/crm"});
    assert!(!tls(serde_json::json!({})) && tls(serde_json::json!({"caFile": "ca.pem"})) && tls(away));
    assert!(!tls(serde_json::json!({"url": "postgres://hc@db.example/crm", "allowPlaintext": true})));
}

#[test]
fn roles_belong_to_a_server_whichever_database_and_user_reaches_it() {
    let roles = |more: serde_json::Value| serde_json::from_value::<DatabaseRolesConnection>(more).unwrap();
    let system = |url: &str| roles(serde_json::json!({ "url": url })).system();
    assert_eq!(system("postgres://headcount@DB.acme.example/postgres"), "databaseRoles postgres db.acme.example:5432");
    assert_eq!(system("postgresql://other@db.acme.example:5432/hr"), "databaseRoles postgres db.acme.example:5432");
    assert_eq!(system("mysql://headcount@db.acme.example"), "databaseRoles mariadb db.acme.example:3306 %");
    assert_ne!(system("mariadb://headcount@db.acme.example:3307"), system("mariadb://headcount@db.acme.example"));
    // What can't be read is told where it stands.
    let wrong = |more: serde_json::Value| roles(more).unreadable().iter().map(|odd| odd.pointer).collect::<Vec<_>>();
    for url in [
        "https://db.acme.example",
        "postgres://db.acme.example/postgres",
        "postgres://a:secret@db/postgres",
        "postgres://a@db",
        "postgres://a@db/b?sslmode=disable",
    ] {
        assert_eq!(wrong(serde_json::json!({ "url": url })), ["url"], "{url}");
    }
    let both =
        serde_json::json!({ "url": "postgres://a@db/b", "caFile": "ca.pem", "allowPlaintext": true, "host": "%", "timeout": "soon" });
    assert_eq!(wrong(both), ["timeout", "allowPlaintext", "host"]);
    assert_eq!(wrong(serde_json::json!({ "url": "mariadb://a@db", "host": "10.%" })), Vec::<&str>::new());
    // Without TLS only to this machine.
    let tls = |url: &str| roles(serde_json::json!({ "url": url })).has_tls();
    assert!(
        tls("postgres://a@db/b")
            && !tls("postgres://a@localhost/b")
            && !tls("postgres://a@%2Frun%2Fpostgresql/b")
            && !tls("mysql://a@[::1]:3307")
    );
}
