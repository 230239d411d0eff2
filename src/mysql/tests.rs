//! Connections to a real server: the fence, TLS, and what becomes of errors.

use super::*;
use crate::fence::by_hand::HandTenure;
use crate::model::SystemError;
use mariadb::Server;

#[path = "../../tests/support/mariadb.rs"]
mod mariadb;

fn at(server: &Server, folder: &std::path::Path) -> MysqlServer {
    std::fs::write(folder.join("right"), mariadb::PASSWORD).unwrap();
    std::fs::write(folder.join("wrong"), "planted-wrong").unwrap();
    std::fs::write(folder.join("none.pem"), "planted").unwrap();
    MysqlServer {
        url: format!("{}/hr", server.url()),
        password: Some(SecretRef::File("right".into())),
        base: folder.to_path_buf(),
        ca_file: Some(server.ca_file()),
        identity: None,
        tls: true,
    }
}

#[tokio::test]
async fn the_way_is_safe_and_the_password_is_in_no_message() {
    let Some(server) = mariadb::server("TLS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let safe = at(server, folder.path());
    let mut session = safe.connect(&Fence::open()).await.unwrap();
    let rows = session.read("SHOW SESSION STATUS LIKE 'Ssl_version'", ()).await.unwrap();
    assert!(rows[0].get::<String, _>(1).unwrap().starts_with("TLSv1"), "it has TLS");
    // By the address alone it is another name than the certificate has.
    let numbers = safe.url.replace("localhost", "127.0.0.1");
    let secret = |file: &str| Some(SecretRef::File(file.into()));
    for (server, expected) in [
        (MysqlServer { url: numbers, ..safe.clone() }, "certificate"),
        (MysqlServer { ca_file: None, ..safe.clone() }, "certificate"),
        (MysqlServer { ca_file: Some(folder.path().join("none.pem")), ..safe.clone() }, "it holds no PEM certificate"),
        (MysqlServer { password: secret("wrong"), ..safe.clone() }, "can't sign in"),
        (MysqlServer { password: secret("nowhere"), ..safe.clone() }, "file nowhere can't be read"),
        (MysqlServer { url: safe.url.replace("/hr", "/elsewhere"), ..safe.clone() }, "make the database"),
        (MysqlServer { url: "mysql://headcount@localhost:1/hr".into(), ..safe.clone() }, "refused"),
        (MysqlServer { url: "mysql:///hr".into(), ..safe.clone() }, "no address"),
    ] {
        let error = SystemError::from(server.connect(&Fence::open()).await.unwrap_err()).to_string();
        assert!(error.contains(expected) && !error.contains("planted"), "{expected}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let Some(server) = mariadb::server("client certificates") else { return };
    let folder = tempfile::tempdir().unwrap();
    server.sql(&format!(
        "CREATE USER certified@'%' IDENTIFIED BY '{}' REQUIRE X509; GRANT SELECT ON hr.* TO certified@'%'",
        mariadb::PASSWORD
    ));
    let shown = |name: &str| {
        let [certificate, key] = server.shown(name).map(|path| SecretRef::File(path.display().to_string()));
        Some(ClientTls { certificate, key })
    };
    let plain = at(server, folder.path());
    let certified = |identity| MysqlServer { url: plain.url.replace("headcount@", "certified@"), identity, ..plain.clone() };
    let mut session = certified(shown("known")).connect(&Fence::open()).await.unwrap();
    assert_eq!(session.read("SELECT 1", ()).await.unwrap().len(), 1);
    let odd = SecretRef::File("none.pem".into());
    for (way, words) in [
        (certified(None), "the certificate of `tls` (REQUIRE X509)"),
        (certified(shown("strange")), "`tls`"),
        (certified(Some(ClientTls { certificate: odd.clone(), key: odd })), "no PEM"),
    ] {
        let error = SystemError::from(way.connect(&Fence::open()).await.unwrap_err());
        let told = error.to_string();
        assert!(told.contains(words) && !told.contains("planted"), "{words}: {told}");
        assert!(matches!(error, SystemError::Auth(_) | SystemError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_changed_once_leave_was_lost() {
    let Some(server) = mariadb::server("a lost lock") else { return };
    let folder = tempfile::tempdir().unwrap();
    let tenure = HandTenure::stands();
    let mut session = at(server, folder.path()).connect(&Fence::of(tenure.clone())).await.unwrap();
    session.write("CREATE TABLE fenced (id int)", ()).await.unwrap();
    assert_eq!(session.write("INSERT INTO fenced VALUES (?)", (1,)).await.unwrap(), 1);
    tenure.ends_after(0);
    let error = session.write("INSERT INTO fenced VALUES (?)", (2,)).await.unwrap_err();
    assert!(matches!(SystemError::from(error), SystemError::NotSent(_)));
    assert_eq!(session.read("SELECT id FROM fenced", ()).await.unwrap().len(), 1, "reads go on");
    assert!(at(server, folder.path()).connect(&Fence::of(tenure)).await.is_err());
}
