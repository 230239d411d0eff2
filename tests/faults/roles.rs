//! A database server that is cut off, only reads, or holds a lock, and an account without rights: nothing is taken for empty, nothing is done twice, nothing is written
//! by who may not, and each cause is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount::connector::limiter::{ALL, Lane};
use headcount::connector::{
    Gone, LookupRequest, PageSink, Permit, ReadRequest, Reader, Surroundings, TargetConnector, Write, Written, registry,
};
use headcount::fence::{Fence, Tenure};
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Action, Change, Columns, Evidence, ObjectKind, ObjectRef, Page, Reason, SystemError, Value, WRITABLE};
use serde_json::{Value as Json, json};

use crate::support::ldap::Wire;
use crate::support::{mariadb, postgres};

const ACCOUNT: ObjectKind = ObjectKind::Account;
const GROUP: ObjectKind = ObjectKind::Group;

async fn open(roles: Json) -> Result<TargetConnector, SystemError> {
    let connection: TargetConnection = serde_json::from_value(json!({ "databaseRoles": roles })).expect("a connection");
    registry::open_target(&connection, &Surroundings::at(std::env::temp_dir())).await
}

async fn lacks(roles: Json) -> Vec<String> {
    let connection: TargetConnection = serde_json::from_value(json!({ "databaseRoles": roles })).expect("a connection");
    registry::lacks(connection.described(), &Surroundings::at(std::env::temp_dir())).await.expect("it answers")
}

/// What came of a read.
#[derive(Default)]
struct Rows(BTreeMap<ObjectKind, Vec<Vec<Option<Value>>>>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        self.0.entry(kind).or_default().extend(page.rows().map(|row| row.cells().map(|cell| cell.to_value()).collect()));
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.0.remove(&kind);
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn read(reader: &dyn Reader, kind: ObjectKind, columns: &[&str]) -> (Evidence, Vec<String>) {
    let mut rows = Rows::default();
    let report = reader.read(&ReadRequest::new(vec![(kind, Columns::new(columns.iter().copied()))]), &mut rows).await;
    let line = |cells: Vec<Option<Value>>| {
        cells.iter().map(|cell| cell.as_ref().map_or("-".into(), ToString::to_string)).collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<_> = rows.0.remove(&kind).unwrap_or_default().into_iter().map(line).collect();
    lines.sort();
    (report.of(kind), lines)
}

/// What is written: attributes, and who is in it or no longer.
type Parts<'p> = (&'p [(&'p str, Option<&'p str>)], &'p [(ObjectKind, &'p str)]);

async fn write(
    target: &TargetConnector,
    action: Action,
    (kind, id): (ObjectKind, Option<&str>),
    (attributes, members): Parts<'_>,
    fence: &Fence,
) -> Result<Written, SystemError> {
    let object = ObjectRef { kind, key: "hr/1".into(), id: None, name: "one".into() };
    let change = Change::new(&"faults".into(), action, object, Reason::Declared);
    let attributes = attributes.iter().map(|(name, value)| (Arc::from(*name), value.map(Value::text))).collect();
    let members = members.iter().map(|(kind, id)| (*kind, Arc::from(*id))).collect();
    let write = Write { change: &change, id: id.map(Arc::from), attributes, members, key: Default::default() };
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    target.writer.write(&[write], &Permit::grant(turn, fence)).await.remove(0)
}

async fn create(target: &TargetConnector, kind: ObjectKind, attributes: &[(&str, Option<&str>)]) -> Result<String, SystemError> {
    write(target, Action::Create, (kind, None), (attributes, &[]), &Fence::open()).await.map(|written| written.id.to_string())
}

/// Somebody at a PostgreSQL server who may make roles, over a way that a test can cut.
fn over(server: &postgres::Server, wire: &Wire) -> Json {
    server.sql(&format!("CREATE ROLE syncer LOGIN CREATEROLE PASSWORD '{}'", postgres::PASSWORD));
    json!({
        "url": format!("postgres://syncer@127.0.0.1:{}/postgres", wire.port()),
        "password": { "exec": ["echo", postgres::PASSWORD] },
        "timeout": "5s",
    })
}

fn by_socket(server: &postgres::Server, user: &str) -> Json {
    json!({ "url": server.socket().replace("headcount@", &format!("{user}@")) })
}

#[tokio::test]
async fn a_read_that_is_cut_off_is_no_empty_one() {
    let Some(server) = postgres::own_server("cuts of PostgreSQL's roles") else { return };
    let wire = Wire::to(server.port());
    let target = open(over(&server, &wire)).await.expect("it opens");
    server.sql("DO $$ BEGIN FOR at IN 1..300 LOOP EXECUTE format('CREATE ROLE %I LOGIN', 'u' || at); END LOOP; END $$");
    for bytes in [0, 1, 200, 9_000] {
        wire.cut_after(bytes);
        let (evidence, _) = read(&*target.reader, ACCOUNT, &["id", "userName"]).await;
        assert!(matches!(evidence, Evidence::Unreadable { .. }), "{bytes}: {evidence:?}");
        wire.mend();
        let (evidence, rows) = read(&*target.reader, ACCOUNT, &["id", "userName"]).await;
        assert_eq!((evidence, rows.len()), (Evidence::Complete, 300), "{bytes}");
    }
}

#[tokio::test]
async fn a_statement_whose_answer_is_lost_is_in_doubt_and_is_found() {
    let Some(server) = postgres::own_server("lost answers of PostgreSQL's roles") else { return };
    let wire = Wire::to(server.port());
    let target = open(over(&server, &wire)).await.expect("it opens");
    create(&target, ACCOUNT, &[("userName", Some("first"))]).await.expect("it is made");
    wire.cut_after(0);
    let lost = create(&target, ACCOUNT, &[("userName", Some("second")), ("externalId", Some("hc:acme:2"))]).await;
    assert!(matches!(lost, Err(SystemError::Uncertain(_))), "{lost:?}");
    wire.mend();
    let ask = |name: &str, value: &str| LookupRequest::new(ACCOUNT, Columns::new(["id"]), name, value);
    for (name, value) in [("userName", "SECOND"), ("externalId", "hc:acme:2")] {
        assert_eq!(target.reader.lookup(&ask(name, value)).await.map(|page| page.len()), Ok(1), "{name}");
    }
    let again = create(&target, ACCOUNT, &[("userName", Some("second"))]).await;
    assert!(matches!(&again, Err(SystemError::Conflict(words)) if words.contains("already")), "{again:?}");
}

/// A lock that somebody else took.
#[derive(Debug)]
struct Taken;

impl Tenure for Taken {
    fn lost(&self) -> Option<String> {
        Some("it was taken by bob".to_owned())
    }
}

#[tokio::test]
async fn a_lost_lock_sends_nothing() {
    let fence = Fence::of(Arc::new(Taken));
    if let Some(server) = postgres::own_server("the fence of PostgreSQL's roles") {
        server.sql("CREATE ROLE syncer LOGIN CREATEROLE");
        let target = open(by_socket(&server, "syncer")).await.expect("it opens");
        let refused = write(&target, Action::Create, (ACCOUNT, None), (&[("userName", Some("ada"))], &[]), &fence).await;
        assert!(matches!(refused, Err(SystemError::NotSent(_))), "{refused:?}");
        assert_eq!(server.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'ada'"), "0");
    }
    if let Some(server) = mariadb::own_server("the fence of MariaDB's roles") {
        let target = open(by_network(&server, "headcount")).await.expect("it opens");
        let refused = write(&target, Action::Create, (ACCOUNT, None), (&[("userName", Some("ada"))], &[]), &fence).await;
        assert!(matches!(refused, Err(SystemError::NotSent(_))), "{refused:?}");
        assert_eq!(server.sql("SELECT count(*) FROM mysql.user WHERE User = 'ada'"), "0");
    }
}

fn by_network(server: &mariadb::Server, user: &str) -> Json {
    json!({
        "url": server.url().replace("headcount@", &format!("{user}@")),
        "password": { "exec": ["echo", mariadb::PASSWORD] },
        "caFile": server.ca_file(),
    })
}

#[tokio::test]
async fn a_server_that_only_reads_says_so() {
    let Some(server) = postgres::own_server("PostgreSQL's roles that are only read") else { return };
    server.sql("CREATE ROLE syncer LOGIN CREATEROLE; ALTER ROLE syncer SET default_transaction_read_only = on");
    let target = open(by_socket(&server, "syncer")).await.expect("it opens");
    let refused = create(&target, ACCOUNT, &[("userName", Some("ada"))]).await;
    assert!(matches!(&refused, Err(SystemError::Forbidden(words)) if words.contains("only reads")), "{refused:?}");
    let (evidence, _) = read(&*target.reader, ACCOUNT, &["id"]).await;
    assert_eq!(evidence, Evidence::Complete, "reads go on");
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_not_waited_for_without_an_end() {
    let Some(server) = postgres::own_server("locks on PostgreSQL's roles") else { return };
    server.sql("CREATE ROLE syncer LOGIN CREATEROLE");
    let mut roles = by_socket(&server, "syncer");
    roles["timeout"] = json!("1s");
    let target = open(roles).await.expect("it opens");
    let ada = create(&target, ACCOUNT, &[("userName", Some("ada"))]).await.expect("it is made");
    let holder = server.holds("BEGIN; ALTER ROLE ada CONNECTION LIMIT 5");
    let refused = write(&target, Action::Deactivate, (ACCOUNT, Some(&ada)), (&[], &[]), &Fence::open()).await;
    assert!(matches!(&refused, Err(SystemError::Unavailable(_))), "{refused:?}");
    drop(holder);
    write(&target, Action::Deactivate, (ACCOUNT, Some(&ada)), (&[], &[]), &Fence::open()).await.expect("it is done");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_with_what_gives_it() {
    if let Some(server) = postgres::own_server("rights at PostgreSQL") {
        server.sql("CREATE ROLE looker LOGIN; CREATE ROLE ada LOGIN");
        let target = open(by_socket(&server, "looker")).await.expect("it opens");
        assert!(!target.capabilities.create_accounts && !target.capabilities.write_memberships && !target.capabilities.end_sessions);
        assert_eq!(read(&*target.reader, ACCOUNT, &["userName"]).await, (Evidence::Complete, vec!["ada".to_owned()]));
        let missing = lacks(by_socket(&server, "looker")).await.join("\n");
        assert!(
            missing.contains("ALTER ROLE \"looker\" CREATEROLE") && missing.contains("GRANT pg_signal_backend TO \"looker\""),
            "{missing}"
        );
        let refused = create(&target, ACCOUNT, &[("userName", Some("bob"))]).await;
        assert!(matches!(refused, Err(SystemError::Forbidden(_))), "{refused:?}");
        server.sql("ALTER ROLE looker CREATEROLE; GRANT pg_signal_backend TO looker");
        let by_admin_option = server.sql("SHOW server_version_num").parse::<u32>().expect("a number") >= 160_000;
        let missing = lacks(by_socket(&server, "looker")).await.join("\n");
        assert_eq!(missing.contains("GRANT \"ada\" TO \"looker\" WITH ADMIN OPTION"), by_admin_option, "{missing}");
        let seen =
            async || read(&*open(by_socket(&server, "looker")).await.expect("it opens").reader, ACCOUNT, &["userName", WRITABLE]).await.1;
        assert_eq!(seen().await, [format!("ada {}", !by_admin_option)]);
        if by_admin_option {
            server.sql("GRANT ada TO looker WITH ADMIN OPTION");
        }
        assert_eq!((lacks(by_socket(&server, "looker")).await, seen().await), (Vec::new(), vec!["ada true".to_owned()]));
    }
    if let Some(server) = mariadb::own_server("rights at MariaDB") {
        server.sql(&format!("CREATE USER looker@'%' IDENTIFIED BY '{}'; CREATE ROLE theirs", mariadb::PASSWORD));
        let target = open(by_network(&server, "looker")).await.expect("it opens");
        assert!(!target.capabilities.create_accounts && !target.capabilities.end_sessions);
        let (evidence, _) = read(&*target.reader, ACCOUNT, &["userName"]).await;
        assert!(matches!(evidence, Evidence::Unreadable { .. }), "{evidence:?}");
        let missing = lacks(by_network(&server, "looker")).await.join("\n");
        for grant in [
            "GRANT CREATE USER ON *.* TO `looker`@`%`",
            "GRANT CONNECTION ADMIN, PROCESS ON *.* TO `looker`@`%`",
            "GRANT SELECT ON mysql.* TO `looker`@`%`",
        ] {
            assert!(missing.contains(grant), "{grant}: {missing}");
        }
        server.sql("GRANT CREATE USER, CONNECTION ADMIN, PROCESS ON *.* TO looker@'%'; GRANT SELECT ON mysql.* TO looker@'%'");
        let missing = lacks(by_network(&server, "looker")).await.join("\n");
        assert!(missing.contains("GRANT `theirs` TO `looker`@`%` WITH ADMIN OPTION"), "{missing}");
        let target = open(by_network(&server, "looker")).await.expect("it opens");
        let ada = create(&target, ACCOUNT, &[("userName", Some("ada"))]).await.expect("it is made");
        let refused = write(&target, Action::AddMembers, (GROUP, Some("theirs")), (&[], &[(ACCOUNT, &ada)]), &Fence::open()).await;
        assert!(matches!(&refused, Err(SystemError::Forbidden(words)) if words.contains("WITH ADMIN OPTION")), "{refused:?}");
        server.sql("GRANT theirs TO looker@'%' WITH ADMIN OPTION");
        write(&target, Action::AddMembers, (GROUP, Some("theirs")), (&[], &[(ACCOUNT, &ada)]), &Fence::open()).await.expect("it is given");
        assert_eq!(lacks(by_network(&server, "looker")).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn nobody_who_may_do_everything_is_touched() {
    let Some(server) = postgres::own_server("protected roles of PostgreSQL") else { return };
    server.sql("CREATE ROLE syncer LOGIN SUPERUSER; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE copier LOGIN REPLICATION; CREATE ROLE app LOGIN; CREATE ROLE ada LOGIN");
    let mut roles = by_socket(&server, "syncer");
    roles["protected"] = json!(["app"]);
    let target = open(roles).await.expect("it opens");
    let (evidence, rows) = read(&*target.reader, ACCOUNT, &["userName", WRITABLE]).await;
    assert_eq!(evidence, Evidence::Complete);
    assert_eq!(rows, ["ada true", "app false", "boss false", "copier false"], "the server's own and ours are nobody's");
    for name in ["app", "boss", "copier"] {
        let id = server.sql(&format!("SELECT oid FROM pg_roles WHERE rolname = '{name}'"));
        for action in [Action::Deactivate, Action::Delete, Action::EndSessions] {
            let refused = write(&target, action, (ACCOUNT, Some(&id)), (&[], &[]), &Fence::open()).await;
            assert!(matches!(refused, Err(SystemError::Forbidden(_))), "{name} {action:?}: {refused:?}");
        }
        let group = server.sql("SELECT oid FROM pg_roles WHERE rolname = 'pg_monitor'");
        let refused = write(&target, Action::AddMembers, (GROUP, Some(&group)), (&[], &[(ACCOUNT, &id)]), &Fence::open()).await;
        assert!(matches!(refused, Err(SystemError::Forbidden(_))), "{refused:?}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'boss', 'copier') AND rolcanlogin"), "3");
}

#[tokio::test]
async fn whoever_owns_something_is_not_dropped() {
    if let Some(server) = postgres::own_server("owners at PostgreSQL") {
        server.sql("CREATE ROLE syncer LOGIN SUPERUSER; CREATE ROLE ada LOGIN; CREATE TABLE hers (id int); ALTER TABLE hers OWNER TO ada");
        let target = open(by_socket(&server, "syncer")).await.expect("it opens");
        let id = server.sql("SELECT oid FROM pg_roles WHERE rolname = 'ada'");
        let refused = write(&target, Action::Delete, (ACCOUNT, Some(&id)), (&[], &[]), &Fence::open()).await;
        assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("REASSIGN OWNED")), "{refused:?}");
        server.sql("DROP TABLE hers");
        write(&target, Action::Delete, (ACCOUNT, Some(&id)), (&[], &[]), &Fence::open()).await.expect("it is dropped");
        let again = write(&target, Action::Delete, (ACCOUNT, Some(&id)), (&[], &[]), &Fence::open()).await.expect("it is so");
        assert!(again.already_so);
    }
    if let Some(server) = mariadb::own_server("definers at MariaDB") {
        server.sql("CREATE USER ada@'%' IDENTIFIED BY 'planted-secret'; CREATE DEFINER = ada@'%' VIEW hr.hers AS SELECT 1 AS one");
        let target = open(by_network(&server, "headcount")).await.expect("it opens");
        let refused = write(&target, Action::Delete, (ACCOUNT, Some("ada@%")), (&[], &[]), &Fence::open()).await;
        assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("hr.hers")), "{refused:?}");
        let renamed = (&[("userName", Some("eda"))][..], &[][..]);
        let refused = write(&target, Action::Update, (ACCOUNT, Some("ada@%")), renamed, &Fence::open()).await;
        assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("hr.hers")), "{refused:?}");
        server.sql("DROP VIEW hr.hers");
        write(&target, Action::Delete, (ACCOUNT, Some("ada@%")), (&[], &[]), &Fence::open()).await.expect("it is dropped");
    }
}

/// Several accounts may be called alike, each from its own hosts.
#[tokio::test]
async fn the_open_sessions_of_an_account_are_ended_and_those_of_a_namesake_go_on() {
    let Some(server) = mariadb::own_server("sessions at MariaDB") else { return };
    for host in ["127.0.0.%", "%"] {
        server.sql(&format!("CREATE USER ada@'{host}' IDENTIFIED BY '{}'", mariadb::PASSWORD));
    }
    let signed_in = async || {
        let ada = mysql_async::OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(server.port()).user(Some("ada"));
        mysql_async::Conn::new(ada.pass(Some(mariadb::PASSWORD)).prefer_socket(false)).await.expect("ada signs in")
    };
    let of = |host: &str| {
        let mut roles = by_network(&server, "headcount");
        roles["host"] = json!(host);
        roles
    };
    let mut ada = signed_in().await;
    assert_eq!(server.sql("SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'ada'"), "1");
    let other = open(of("%")).await.expect("it opens");
    let ended = write(&other, Action::EndSessions, (ACCOUNT, Some("ada@%")), (&[], &[]), &Fence::open()).await.expect("there is none");
    assert!(ended.already_so);
    mysql_async::prelude::Queryable::query_drop(&mut ada, "SELECT 1").await.expect("the namesake's session goes on");
    let hers = open(of("127.0.0.%")).await.expect("it opens");
    let ended = write(&hers, Action::EndSessions, (ACCOUNT, Some("ada@127.0.0.%")), (&[], &[]), &Fence::open()).await.expect("it is ended");
    assert!(!ended.already_so);
    mysql_async::prelude::Queryable::query_drop(&mut ada, "SELECT 1").await.expect_err("it is ended");
}

#[tokio::test]
async fn a_role_keeps_what_others_wrote_and_its_password_is_not_sent_as_it_is() {
    let Some(server) = postgres::own_server("comments and passwords of PostgreSQL's roles") else { return };
    server.sql("CREATE ROLE syncer LOGIN SUPERUSER; CREATE ROLE bob LOGIN; COMMENT ON ROLE bob IS 'on call [ask Eve]'");
    let mut roles = by_socket(&server, "syncer");
    roles["initialPassword"] = json!({ "exec": ["echo", "planted-first"] });
    let target = open(roles).await.expect("it opens");
    let bob = server.sql("SELECT oid FROM pg_roles WHERE rolname = 'bob'");
    let of = |name: &str| server.sql(&format!("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{name}'"));
    write(&target, Action::Adopt, (ACCOUNT, Some(&bob)), (&[("externalId", Some("hc:acme:hr:1"))], &[]), &Fence::open())
        .await
        .expect("it is ours");
    assert_eq!(of("bob"), "on call [ask Eve] [headcount account: hc:acme:hr:1]");
    // Without the right to sign in it is an account still.
    write(&target, Action::Deactivate, (ACCOUNT, Some(&bob)), (&[], &[]), &Fence::open()).await.expect("it is off");
    assert_eq!(read(&*target.reader, ACCOUNT, &["userName", "active"]).await.1, ["bob false"]);
    let made = [("userName", Some("ada")), ("endDate", Some("2031-12-31")), ("displayName", Some("Ada O'Neil"))];
    let ada = create(&target, ACCOUNT, &made).await.expect("it is made");
    let verifier = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'ada'");
    assert!(verifier.starts_with("SCRAM-SHA-256$"), "{verifier}");
    assert_eq!(server.sql("SELECT rolvaliduntil AT TIME ZONE 'UTC' FROM pg_roles WHERE rolname = 'ada'"), "2032-01-01 00:00:00");
    let seen = async || read(&*target.reader, ACCOUNT, &["userName", "endDate", "displayName"]).await.1;
    assert_eq!(seen().await, ["ada 2031-12-31 Ada O'Neil", "bob - on call [ask Eve]"]);
    write(&target, Action::Update, (ACCOUNT, Some(&ada)), (&[("endDate", None), ("displayName", None)], &[]), &Fence::open())
        .await
        .expect("it is so");
    assert_eq!(seen().await, ["ada - -", "bob - on call [ask Eve]"]);
    assert_eq!(of("ada"), "[headcount account]");
    // A longer name would be cut by the server.
    let refused = create(&target, ACCOUNT, &[("userName", Some(&*"n".repeat(64)))]).await;
    assert!(matches!(&refused, Err(SystemError::Rejected(words)) if words.contains("63 bytes")), "{refused:?}");
}

#[tokio::test]
async fn nobody_signs_in_to_a_new_account_of_mariadb_without_a_password() {
    let Some(server) = mariadb::own_server("passwords at MariaDB") else { return };
    let target = open(by_network(&server, "headcount")).await.expect("it opens");
    create(&target, ACCOUNT, &[("userName", Some("ada"))]).await.expect("it is made");
    let mut ada = by_network(&server, "ada");
    for password in ["", "invalid", mariadb::PASSWORD] {
        ada["password"] = if password.is_empty() { Json::Null } else { json!({ "exec": ["echo", password] }) };
        let refused = open(ada.clone()).await.map(|_| ());
        assert!(matches!(refused, Err(SystemError::Auth(_))), "{password:?}: {refused:?}");
    }
    let mut roles = by_network(&server, "headcount");
    roles["initialPassword"] = json!({ "exec": ["echo", "planted-first"] });
    let target = open(roles).await.expect("it opens");
    create(&target, ACCOUNT, &[("userName", Some("bob"))]).await.expect("it is made");
    let mut bob = by_network(&server, "bob");
    bob["password"] = json!({ "exec": ["echo", "planted-first"] });
    assert!(open(bob.clone()).await.is_ok(), "the password fits");
    write(&target, Action::Deactivate, (ACCOUNT, Some("bob@%")), (&[], &[]), &Fence::open()).await.expect("it is off");
    assert!(matches!(open(bob).await.map(|_| ()), Err(SystemError::Auth(_))), "locked");
}

/// Names that would end a statement, or what they are quoted in, if they were not quoted as they must be.
const HOSTILE: [&str; 14] = [
    "o'brien",
    "a\"b",
    "a`b",
    "a\\b",
    "a\\'; DROP ROLE ada; --",
    "\"; DROP ROLE ada; --",
    "`; DROP USER ada; --",
    "x'); SELECT pg_sleep(10); --",
    "$$; DROP ROLE ada; $$",
    "a\nb\tc",
    "/* */ name # x",
    "100% _name_",
    "Zoë Ångström",
    "张伟",
];

#[tokio::test]
async fn whatever_somebody_is_called_is_a_name_and_nothing_else() {
    let (postgres, mariadb) = (postgres::own_server("hostile names at PostgreSQL"), mariadb::own_server("hostile names at MariaDB"));
    let mut targets = Vec::new();
    if let Some(server) = &postgres {
        server.sql("CREATE ROLE syncer LOGIN CREATEROLE");
        targets.push(open(by_socket(server, "syncer")).await.expect("it opens"));
    }
    if let Some(server) = &mariadb {
        targets.push(open(by_network(server, "headcount")).await.expect("it opens"));
    }
    for target in targets {
        let fence = Fence::open();
        let mut made = vec![create(&target, ACCOUNT, &[("userName", Some("ada"))]).await.expect("it is made")];
        let marked = target.capabilities.account_marker.is_some();
        let group = create(&target, GROUP, &[("displayName", Some("it's \"`\\ a group"))]).await.expect("it is made");
        for name in HOSTILE {
            let attributes = [("userName", Some(name)), ("externalId", Some(name))];
            let id = create(&target, ACCOUNT, if marked { &attributes } else { &attributes[..1] })
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            write(&target, Action::AddMembers, (GROUP, Some(&group)), (&[], &[(ACCOUNT, &id)]), &fence)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            made.push(id);
        }
        let mut wanted: Vec<String> =
            HOSTILE.iter().map(|name| if marked { format!("{name} {name}") } else { format!("{name} -") }).collect();
        wanted.push("ada -".to_owned());
        wanted.sort();
        assert_eq!(read(&*target.reader, ACCOUNT, &["userName", "externalId"]).await.1, wanted);
        assert_eq!(read(&*target.reader, ObjectKind::Membership, &["group", "member"]).await.1.len(), HOSTILE.len());
        for id in made {
            write(&target, Action::Delete, (ACCOUNT, Some(&id)), (&[], &[]), &fence).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        assert_eq!(read(&*target.reader, ACCOUNT, &["userName"]).await.1, Vec::<String>::new());
    }
}

/// What is told ahead of a name is what the server does with it: else it would be planned, and refused, in each run.
#[tokio::test]
async fn a_name_that_the_server_does_not_take_is_known_ahead_and_no_other() {
    let long = |sign: &str, many: usize| sign.repeat(many);
    let names = [
        long("n", 63),
        long("n", 64),
        long("é", 31),
        long("é", 32),
        long("é", 128),
        long("n", 129),
        "pg_ada".into(),
        "PG_ada".into(),
        "public".into(),
        "Public".into(),
        "none".into(),
        "current_role".into(),
        "emoji 😀".into(),
        "blank ".into(),
        "ada".into(),
    ];
    let (postgres, mariadb) = (postgres::own_server("names at PostgreSQL"), mariadb::own_server("names at MariaDB"));
    let mut targets = Vec::new();
    if let Some(server) = &postgres {
        server.sql("CREATE ROLE syncer LOGIN CREATEROLE");
        targets.push(open(by_socket(server, "syncer")).await.expect("it opens"));
    }
    if let Some(server) = &mariadb {
        targets.push(open(by_network(server, "headcount")).await.expect("it opens"));
    }
    for target in &targets {
        let limits = [
            (ACCOUNT, "userName", target.capabilities.account_limits.get("userName").expect("a limit")),
            (GROUP, "displayName", target.capabilities.group_limits.get("displayName").expect("a limit")),
        ];
        for name in &names {
            for (kind, attribute, limit) in limits {
                let told = limit.refusal(Some(&Value::text(name.as_str())));
                let made = create(target, kind, &[(attribute, Some(name))]).await;
                let found = read(&*target.reader, kind, &[attribute]).await.1.contains(name);
                assert_eq!(told.is_none(), made.is_ok() && found, "{attribute} {name:?}: {told:?}, {made:?}");
                if let Ok(id) = made {
                    write(target, Action::Delete, (kind, Some(&id)), (&[], &[]), &Fence::open()).await.expect("it is gone");
                }
            }
        }
    }
}

/// A role is one, whatever it is for: who is to be called as another that is no account would be refused in each run.
#[tokio::test]
async fn the_name_of_a_role_that_is_no_account_is_known_ahead() {
    let Some(server) = postgres::own_server("names of other roles at PostgreSQL") else { return };
    server.sql("CREATE ROLE syncer LOGIN CREATEROLE; CREATE ROLE dept_finance; CREATE ROLE robot LOGIN");
    let target = open(by_socket(&server, "syncer")).await.expect("it opens");
    let superuser = "headcount";
    let told = |kind: ObjectKind, name: &str| {
        let (limits, attribute) = match kind {
            ACCOUNT => (&target.capabilities.account_limits, "userName"),
            _ => (&target.capabilities.group_limits, "displayName"),
        };
        limits[attribute].refusal(Some(&Value::text(name)))
    };
    for (kind, attribute, name) in
        [(ACCOUNT, "userName", "dept_finance"), (ACCOUNT, "userName", superuser), (GROUP, "displayName", "robot")]
    {
        assert!(told(kind, name).is_some_and(|words| words.contains("something else there")), "{name}");
        assert!(matches!(create(&target, kind, &[(attribute, Some(name))]).await, Err(SystemError::Conflict(_))), "{name}");
    }
    assert_eq!((told(ACCOUNT, "robot"), told(GROUP, "dept_finance"), told(ACCOUNT, "DEPT_FINANCE")), (None, None, None));
}
