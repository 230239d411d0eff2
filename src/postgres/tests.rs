//! Connections to a real server: the fence, TLS, and what becomes of errors.

use super::*;
use crate::fence::by_hand::HandTenure;
use crate::model::SystemError;

#[path = "../../tests/support/postgres.rs"]
pub(crate) mod postgres_server;

/// By the socket, over the network as it is, and with TLS: whichever way, the fence is asked as bytes go out.
#[tokio::test]
async fn nothing_goes_out_once_leave_was_lost() {
    let Some(server) = postgres_server::server_with_tls("a lost lock") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("right"), postgres_server::PASSWORD).unwrap();
    let by = |url: String, tls: bool| PostgresServer {
        url,
        password: Some(SecretRef::File("right".into())),
        base: folder.path().to_path_buf(),
        ca_file: Some(server.ca_file()),
        identity: None,
        tls,
    };
    for (at, way) in [by(server.socket(), false), by(server.network(), false), by(server.network(), true)].iter().enumerate() {
        let tenure = HandTenure::stands();
        let session = way.connect(&Fence::of(tenure.clone())).await.unwrap();
        session.client.batch_execute(&format!("CREATE TABLE fenced_{at} (id int)")).await.unwrap();
        let before = session.gate.sent();
        tenure.ends_after(0);
        assert!(session.client.batch_execute(&format!("INSERT INTO fenced_{at} VALUES (1)")).await.is_err());
        assert_eq!((session.gate.refused(), session.gate.sent()), (Some("it was taken by bob"), before), "row {at}");
        assert_eq!(server.sql(&format!("SELECT count(*) FROM fenced_{at}")), "0");
        let error = way.connect(&Fence::of(tenure)).await.unwrap_err();
        assert!(matches!(SystemError::from(error), SystemError::NotSent(_)), "row {at}");
    }
}

/// It knows its user by the certificate, or asks for one besides the password; what is wrong with what is shown is told by its cause.
#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let Some(server) = postgres_server::server_with_tls("client certificates") else { return };
    server.sql(&format!("CREATE ROLE certified LOGIN; CREATE ROLE asked LOGIN PASSWORD '{}'", postgres_server::PASSWORD));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("right"), postgres_server::PASSWORD).unwrap();
    std::fs::write(folder.path().join("odd"), "planted").unwrap();
    let file = |path: &std::path::Path| SecretRef::File(path.display().to_string());
    let shown = |name: &str| {
        let [certificate, key] = server.shown(name);
        Some(ClientTls { certificate: file(&certificate), key: file(&key) })
    };
    let by = |user: &str, identity: Option<ClientTls>| PostgresServer {
        url: server.network().replace("headcount@", &format!("{user}@")),
        password: (user == "asked").then(|| SecretRef::File("right".into())),
        base: folder.path().to_path_buf(),
        ca_file: Some(server.ca_file()),
        identity,
        tls: true,
    };
    for user in ["certified", "asked"] {
        let session = by(user, shown("known")).connect(&Fence::open()).await.unwrap();
        let who = session.client.query_one("SELECT current_user::text, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
        let who = who.unwrap();
        assert_eq!((who.get::<_, &str>(0), who.get::<_, &str>(1)), (user, "/CN=certified"));
    }
    server.sql("CREATE ROLE another LOGIN");
    let odd = Some(ClientTls { certificate: SecretRef::File("odd".into()), key: SecretRef::File("odd".into()) });
    let mixed = shown("known").zip(shown("strange")).map(|(one, other)| ClientTls { key: other.key, ..one });
    for (way, words) in [
        (by("certified", None), "name in `tls` a certificate"),
        (by("asked", None), "name in `tls` a certificate"),
        (by("certified", shown("strange")), "a certificate of an authority that it knows"),
        (by("certified", odd), "no PEM"),
        (by("certified", mixed), "key"),
    ] {
        let error = SystemError::from(way.connect(&Fence::open()).await.unwrap_err());
        let told = error.to_string();
        assert!(told.contains(words) && !told.contains("planted"), "{words}: {told}");
        assert!(matches!(error, SystemError::Auth(_) | SystemError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_a_server_says_has_its_class() {
    let Some(server) = postgres_server::server("classes of errors") else { return };
    let way = PostgresServer { url: server.socket(), password: None, base: PathBuf::new(), ca_file: None, identity: None, tls: false };
    let session = way.connect(&Fence::open()).await.unwrap();
    server.sql("CREATE ROLE reader_of_nothing");
    let said = async |sql: &str| {
        let error = session.client.batch_execute(sql).await.unwrap_err();
        let class = SystemError::from(PostgresError::from(error));
        session.client.batch_execute("ROLLBACK; RESET ROLE").await.unwrap();
        class
    };
    assert!(matches!(said("BEGIN READ ONLY; CREATE ROLE a").await, SystemError::Forbidden(words) if words.contains("only reads")));
    assert!(matches!(said("BEGIN; SET ROLE reader_of_nothing; CREATE ROLE a").await, SystemError::Forbidden(_)));
    assert!(matches!(said("CREATE ROLE reader_of_nothing").await, SystemError::Conflict(_)));
    assert!(matches!(said("DROP ROLE nobody_at_all").await, SystemError::NotFound(_)));
    assert!(matches!(said("BEGIN; SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)").await, SystemError::Unavailable(_)));
    assert!(matches!(said("SELEC 1").await, SystemError::Protocol(_)));
    let gone = PostgresServer { url: "postgres://nobody@localhost:1/postgres".into(), ..way };
    assert!(matches!(SystemError::from(gone.connect(&Fence::open()).await.unwrap_err()), SystemError::Unavailable(_)));
}
