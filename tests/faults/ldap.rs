//! A directory that misbehaves, and a way to it that is cut: nothing that was cut short counts as whole, nothing is written by who may not, and once the fault is
//! gone all is as it should be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use headcount::connector::limiter::{ALL, Lane};
use headcount::connector::{
    Gone, LookupRequest, PageSink, Permit, ReadRequest, ReadScope, Reader, Surroundings, TargetConnector, Write, Written, registry,
};
use headcount::fence::{Fence, Tenure};
use headcount::model::{Action, Change, Columns, Evidence, ObjectKind, ObjectRef, Page, Reason, SystemError, Value, Watermark};
use serde_json::{Value as Json, json};

use crate::support::ldap::{PASSWORD, SYNC, Setup, Slapd, Wire};
use crate::support::samba::{Samba, TOP};
use crate::support::skipped;
use crate::support::tls::Authority;

const PEOPLE: &str = "ou=people,dc=example,dc=org";

fn around() -> Surroundings {
    Surroundings::at(std::env::temp_dir())
}

async fn open(server: &Slapd, more: Json) -> Result<TargetConnector, SystemError> {
    registry::open_target(&server.target(&more), &around()).await
}

fn crowd(many: usize) -> String {
    let mut ldif = String::new();
    for at in 0..many {
        writeln!(ldif, "dn: uid=u{at:04},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: u{at:04}\ncn: U {at}\nsn: U\n").expect("room");
    }
    ldif
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

async fn read(reader: &dyn Reader, kind: ObjectKind, columns: &[&str]) -> (Evidence, Vec<Vec<Option<Value>>>) {
    let mut rows = Rows::default();
    let report = reader.read(&ReadRequest::new(vec![(kind, Columns::new(columns.iter().copied()))]), &mut rows).await;
    (report.of(kind), rows.0.remove(&kind).unwrap_or_default())
}

async fn write(
    target: &TargetConnector,
    action: Action,
    (kind, id): (ObjectKind, Option<&str>),
    attributes: &[(&str, Option<&str>)],
    fence: &Fence,
) -> Result<Written, SystemError> {
    let object = ObjectRef { kind, key: "hr/1".into(), id: None, name: "one".into() };
    let change = Change::new(&"faults".into(), action, object, Reason::Declared);
    let attributes = attributes.iter().map(|(name, value)| (Arc::from(*name), value.map(Value::text))).collect();
    let write = Write { change: &change, id: id.map(Arc::from), attributes, members: Vec::new(), key: Default::default() };
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    target.writer.write(&[write], &Permit::grant(turn, fence)).await.remove(0)
}

#[tokio::test]
async fn a_list_that_a_limit_cuts_short_is_no_whole_one() {
    let Some(server) = Slapd::start(Setup { most: Some(700), ..Setup::default() }) else {
        return skipped("limits of ldap", "slapd and ldap-utils");
    };
    server.changes(&crowd(900));
    let target = open(&server, json!({})).await.expect("it opens");
    let (evidence, rows) = read(&*target.reader, ObjectKind::Account, &["id", "userName"]).await;
    let reason = evidence.reason().unwrap_or_default();
    assert!(matches!(evidence, Evidence::Partial { .. }) && reason.contains("limit of entries"), "{evidence:?}");
    assert!(rows.len() < 900, "{}", rows.len());
    // Who is in which group can't be said either, since not all accounts are known.
    let (evidence, _) = read(&*target.reader, ObjectKind::Membership, &["group", "member"]).await;
    assert!(matches!(evidence, Evidence::Partial { .. }), "{evidence:?}");
}

#[tokio::test]
async fn a_list_that_breaks_off_is_no_whole_one_and_is_whole_once_the_way_is_mended() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("cuts of ldap", "slapd and ldap-utils") };
    server.changes(&crowd(1200));
    let wire = Wire::to(server.port());
    let target = open(&server, json!({ "urls": [wire.url()], "timeout": "20s" })).await.expect("it opens");
    for bytes in [1, 200, 20_000, 60_000] {
        wire.cut_after(bytes);
        let (evidence, _) = read(&*target.reader, ObjectKind::Account, &["id", "userName", "title"]).await;
        assert!(matches!(evidence, Evidence::Partial { .. } | Evidence::Unreadable { .. }), "{bytes}: {evidence:?}");
        wire.mend();
        let (evidence, rows) = read(&*target.reader, ObjectKind::Account, &["id", "userName", "title"]).await;
        assert_eq!((evidence, rows.len()), (Evidence::Complete, 1200), "{bytes}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_in_doubt_and_is_found() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("lost answers of ldap", "slapd and ldap-utils") };
    let wire = Wire::to(server.port());
    let target = open(&server, json!({ "urls": [wire.url()] })).await.expect("it opens");
    let create = |name: &'static str| [("userName", Some(name)), ("externalId", Some("hc:acme:1"))];
    let (fence, new) = (Fence::open(), (ObjectKind::Account, None));
    write(&target, Action::Create, new, &create("first"), &fence).await.expect("it is made");
    wire.cut_after(0);
    let lost = write(&target, Action::Create, new, &create("second"), &fence).await;
    assert!(matches!(lost, Err(SystemError::Uncertain(_))), "{lost:?}");
    wire.mend();
    let ask = |value: &str| LookupRequest::new(ObjectKind::Account, Columns::new(["id"]), "userName", value);
    assert_eq!(target.reader.lookup(&ask("SECOND")).await.map(|page| page.len()), Ok(1));
    let again = write(&target, Action::Create, new, &create("second"), &fence).await;
    assert!(matches!(again, Err(SystemError::Conflict(_))), "{again:?}");
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
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("the fence of ldap", "slapd and ldap-utils") };
    let target = open(&server, json!({})).await.expect("it opens");
    let fence = Fence::of(Arc::new(Taken));
    let refused = write(&target, Action::Create, (ObjectKind::Account, None), &[("userName", Some("ann"))], &fence).await;
    assert!(matches!(&refused, Err(SystemError::NotSent(why)) if why.contains("bob")), "{refused:?}");
    assert_eq!(server.shows(PEOPLE, &["1.1"]).len(), 1, "nobody was made");
}

#[tokio::test]
async fn what_is_not_trusted_or_let_in_is_told_with_its_cause() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("sign-in of ldap", "slapd and ldap-utils") };
    let told = async |more: Json| open(&server, more).await.map(drop).expect_err("it must not open");
    let stranger = tempfile::NamedTempFile::new().expect("a file");
    Authority::new().write(stranger.path());
    let untrusted = told(json!({ "urls": [server.tls_url()], "caFile": stranger.path() })).await;
    assert!(matches!(&untrusted, SystemError::Unreachable(words) if words.contains("caFile")), "{untrusted:?}");
    let other_name = told(json!({ "urls": [server.tls_url().replace("localhost", "127.0.0.1")], "caFile": server.ca_file() })).await;
    assert!(
        matches!(&other_name, SystemError::Unreachable(words) if words.contains("by a name that its certificate has")),
        "{other_name:?}"
    );
    let wrong = told(json!({ "bind": { "simple": { "dn": SYNC, "password": { "exec": ["echo", "another"] } } } })).await;
    assert!(matches!(&wrong, SystemError::Auth(words) if !words.contains("another")), "{wrong:?}");
    let openly = told(json!({ "urls": ["ldap://directory.example"] })).await;
    assert!(matches!(&openly, SystemError::Rejected(words) if words.contains("startTls")), "{openly:?}");
    let away = told(json!({ "urls": ["ldap://127.0.0.1:1"] })).await;
    assert!(matches!(&away, SystemError::Unavailable(words) if words.contains("127.0.0.1:1")), "{away:?}");
    assert!(!format!("{untrusted}{wrong}{away}").contains(PASSWORD));
}

#[tokio::test]
async fn tls_begun_on_the_connection_and_a_second_server_both_lead_there() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("fail-over of ldap", "slapd and ldap-utils") };
    let begun = json!({ "urls": [server.url().replace("127.0.0.1", "localhost")], "startTls": true, "caFile": server.ca_file() });
    for more in [begun, json!({ "urls": ["ldap://127.0.0.1:1", server.url()] })] {
        let target = open(&server, more.clone()).await.expect("it opens");
        let (evidence, _) = read(&*target.reader, ObjectKind::Account, &["id"]).await;
        assert_eq!(evidence, Evidence::Complete, "{more}");
    }
}

#[tokio::test]
async fn what_may_not_be_seen_is_not_empty() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("rights of ldap", "slapd and ldap-utils") };
    for base in ["ou=hidden,dc=example,dc=org", "ou=nowhere,dc=example,dc=org"] {
        let target = open(&server, json!({ "users": { "base": base } })).await.expect("it opens");
        let (evidence, _) = read(&*target.reader, ObjectKind::Account, &["id"]).await;
        assert!(matches!(evidence, Evidence::Unreadable { .. }), "{base}: {evidence:?}");
    }
}

#[tokio::test]
async fn an_entry_keeps_its_id_under_another_name_and_whoever_has_its_former_one_is_left_alone() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("names of ldap", "slapd and ldap-utils") };
    let target = open(&server, json!({})).await.expect("it opens");
    let fence = Fence::open();
    let made = write(&target, Action::Create, (ObjectKind::Account, None), &[("userName", Some("ann"))], &fence).await.expect("made");
    // Somebody else renames the entry, and makes another one of its name.
    server.changes(&format!("dn: uid=ann,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=ann.lee\ndeleteoldrdn: 1\n"));
    server.changes(&format!("dn: uid=ann,{PEOPLE}\nobjectClass: inetOrgPerson\nuid: ann\ncn: another\nsn: x\n"));
    let ann = (ObjectKind::Account, Some(&*made.id));
    write(&target, Action::Update, ann, &[("title", Some("Lead"))], &fence).await.expect("it is changed");
    let shown = server.shows(&format!("uid=ann.lee,{PEOPLE}"), &["title"]);
    assert!(shown.contains(&"title: Lead".to_owned()), "{shown:?}");
    write(&target, Action::Delete, ann, &[], &fence).await.expect("it is removed");
    assert_eq!(server.shows(PEOPLE, &["cn"]).iter().filter(|line| line.starts_with("cn: ")).collect::<Vec<_>>(), ["cn: another"]);
    let again = write(&target, Action::Delete, ann, &[], &fence).await.expect("it is gone");
    assert!(again.already_so);
}

#[tokio::test]
async fn an_entry_that_others_named_keeps_what_is_not_ours_and_is_called_otherwise_all_the_same() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("names of others in ldap", "slapd and ldap-utils") };
    let entry = |rdn: &str, uid: &str, more: &str| {
        server.changes(&format!("dn: {rdn},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\nsn: Lee\n{more}"));
    };
    entry("mail=ann@acme.example", "alee", "cn: Ann\nmail: ann@acme.example\n");
    entry("cn=Bob Lee", "blee", "cn: Bob Lee\n");
    entry("cn=Cy+uid=cy", "cy", "cn: Cy\n");
    let target = open(&server, json!({})).await.expect("it opens");
    let (_, rows) = read(&*target.reader, ObjectKind::Account, &["id", "userName"]).await;
    let id = |name: &str| {
        let row = rows.iter().find(|row| row[1] == Some(Value::text(name))).expect("it is there");
        row[0].as_ref().and_then(Value::as_text).expect("an id").to_owned()
    };
    let fence = Fence::open();
    let update = |name: &'static str, attributes: &'static [(&'static str, Option<&'static str>)]| {
        let (target, fence, id) = (&target, &fence, id(name));
        async move { write(target, Action::Update, (ObjectKind::Account, Some(&id)), attributes, fence).await }
    };
    update("alee", &[("userName", Some("ann.lee"))]).await.expect("its uid is another");
    update("blee", &[("userName", Some("bob.lee")), ("displayName", Some("Robert Lee"))]).await.expect("its names are others");
    update("cy", &[("userName", Some("cyan")), ("title", Some("Lead"))])
        .await
        .expect("several make up its name, and one of them is another");
    let shown = server.shows(PEOPLE, &["uid", "mail", "cn"]);
    let has = |line: &str| shown.iter().any(|shown| shown == line);
    assert!(has("uid: ann.lee") && has("mail: ann@acme.example") && !has("uid: alee"), "{shown:#?}");
    assert!(has(&format!("dn: cn=Robert Lee,{PEOPLE}")) && has("uid: bob.lee") && !has("cn: Bob Lee"), "{shown:#?}");
    assert!(has(&format!("dn: cn=Cy+uid=cyan,{PEOPLE}")) && has("uid: cyan") && has("cn: Cy") && !has("uid: cy"), "{shown:#?}");
}

#[tokio::test]
async fn members_whom_nobody_knows_and_the_one_for_nobody_are_told_apart() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("ghosts of ldap", "slapd and ldap-utils") };
    server.changes(&format!("{}dn: cn=all,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: all\nmember: UID=u0000, {PEOPLE}\nmember: uid=ghost,{PEOPLE}\nmember: CN=Nobody,dc=example,dc=org\n", crowd(1)));
    let target = open(&server, json!({})).await.expect("it opens");
    let (_, people) = read(&*target.reader, ObjectKind::Account, &["id"]).await;
    let known = people[0][0].clone();
    let (evidence, rows) = read(&*target.reader, ObjectKind::Membership, &["member"]).await;
    let members: Vec<_> = rows.into_iter().map(|mut row| row.remove(0)).collect();
    assert_eq!(evidence, Evidence::Complete);
    assert!(
        members.len() == 2 && members.contains(&known) && members.contains(&Some(Value::text(format!("uid=ghost,{PEOPLE}")))),
        "{members:?}"
    );
}

#[tokio::test]
async fn a_source_has_the_directorys_own_attributes() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("a source of ldap", "slapd and ldap-utils") };
    server.changes(&format!(
        "dn: uid=ann,{PEOPLE}\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\nsn: Lee\nmail: b@acme.example\nmail: a@acme.example\njpegPhoto:: /9j/\n"
    ));
    let users = json!({ "base": PEOPLE, "attributes": { "surname": "sn" } });
    let reader = registry::open_source(&server.source(&json!({ "users": users })), &around()).await.expect("it opens");
    let columns = ["dn", "uid", "surname", "mail", "jpegPhoto", "nobodyHasIt"];
    let (evidence, rows) = read(&*reader, ObjectKind::Account, &columns).await;
    let text = |text: &str| Some(Value::text(text));
    let mails = Some(Value::List(["a@acme.example", "b@acme.example"].map(Value::text).into()));
    assert_eq!(evidence, Evidence::Complete);
    assert_eq!(rows, [vec![text(&format!("uid=ann,{PEOPLE}")), text("ann"), text("Lee"), mails, text("/9j/"), None]]);
}

/// Somebody who writes only part of it wrong hears it once, and not for each person.
#[tokio::test]
async fn an_attribute_that_the_schema_does_not_have_is_told_before_anything_is_read() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("the schema of ldap", "slapd and ldap-utils") };
    let users = json!({ "base": PEOPLE, "attributes": { "userName": "uid", "name.givenName": "givenNmae" } });
    let refused = open(&server, json!({ "users": users })).await.map(drop).expect_err("it must not open");
    let words = refused.to_string();
    assert!(
        words.contains("users.attributes.name.givenName") && words.contains("`givenNmae`") && words.contains("`givenName`?"),
        "{words}"
    );
}

#[tokio::test]
async fn a_source_tells_what_changed_since_it_was_read() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("changes of ldap", "slapd and ldap-utils") };
    server.changes(&crowd(3));
    let reader =
        registry::open_source(&server.source(&json!({ "groups": null, "users": { "base": PEOPLE } })), &around()).await.expect("it opens");
    let columns = || vec![(ObjectKind::Account, Columns::new(["uid", "title"]))];
    let all = reader.read(&ReadRequest::new(columns()), &mut Rows::default()).await;
    let mark = all.next.get(&ObjectKind::Account).cloned().expect("a mark");
    let since = |mark: &str| ReadRequest {
        scope: ReadScope::Changed([(ObjectKind::Account, Watermark(mark.into()))].into()),
        ..ReadRequest::new(columns())
    };
    server.changes(&format!("dn: uid=u0001,{PEOPLE}\nchangetype: modify\nreplace: title\ntitle: Lead\n"));
    let mut rows = Rows::default();
    let report = reader.read(&since(&mark.0), &mut rows).await;
    let lead = vec![Some(Value::text("u0001")), Some(Value::text("Lead"))];
    assert_eq!(report.of(ObjectKind::Account), Evidence::Delta);
    assert!(rows.0[&ObjectKind::Account].contains(&lead) && report.next.contains_key(&ObjectKind::Account));
    // Nothing changed since a time that has not come yet, and nobody is told gone for it.
    let year = mark.0.find("\"at\":\"").expect("a time") + 6;
    let later = format!("{}2999{}", &mark.0[..year], &mark.0[year + 4..]);
    let mut rows = Rows::default();
    let report = reader.read(&since(&later), &mut rows).await;
    assert_eq!((report.of(ObjectKind::Account), rows.0.len()), (Evidence::Delta, 0));
    // Who is in what changes without a change of the person: all are read again.
    let derived = ReadRequest { streams: vec![(ObjectKind::Account, Columns::new(["uid", "memberOf"]))], ..since(&mark.0) };
    let report = reader.read(&derived, &mut Rows::default()).await;
    assert_eq!((report.of(ObjectKind::Account), report.next.is_empty()), (Evidence::Complete, true));
}

#[tokio::test]
async fn active_directory_counts_its_changes_and_lets_nobody_sign_in_openly() {
    let Some(server) = Samba::start("changes of Active Directory") else { return };
    let base = format!("OU=People,{TOP}");
    let person = |name: &str| format!("dn: CN={name},{base}\nobjectClass: user\nsAMAccountName: {name}\n\n");
    server.changes(&["ann", "bob", "cy"].map(person).concat());
    let connection = server.source(&json!({ "users": { "base": base }, "groups": null }));
    let reader = registry::open_source(&connection, &around()).await.expect("it opens");
    let columns = || vec![(ObjectKind::Account, Columns::new(["sAMAccountName", "title", "objectGUID"]))];
    let mut rows = Rows::default();
    let all = reader.read(&ReadRequest::new(columns()), &mut rows).await;
    let mark = all.next.get(&ObjectKind::Account).cloned().expect("a mark");
    assert_eq!((all.of(ObjectKind::Account), rows.0[&ObjectKind::Account].len()), (Evidence::Complete, 3));
    server.changes(&format!("dn: CN=bob,{base}\nchangetype: modify\nreplace: title\ntitle: Lead\n"));
    let mut rows = Rows::default();
    let scope = ReadScope::Changed([(ObjectKind::Account, mark)].into());
    let report = reader.read(&ReadRequest { scope, ..ReadRequest::new(columns()) }, &mut rows).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Delta);
    let changed: Vec<_> = rows.0[&ObjectKind::Account].iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(changed, [vec![Some(Value::text("bob")), Some(Value::text("Lead"))]]);
    // Another server's numbers are its own.
    let foreign = ReadScope::Changed([(ObjectKind::Account, Watermark("{\"server\": \"CN=another\", \"at\": \"1\"}".into()))].into());
    let report = reader.read(&ReadRequest { scope: foreign, ..ReadRequest::new(columns()) }, &mut Rows::default()).await;
    assert_eq!(report.of(ObjectKind::Account), Evidence::Complete);

    let openly = json!({ "urls": [server.url().replace("ldaps://", "ldap://")], "allowPlain": true });
    let refused = registry::open_target(&server.target(&openly), &around()).await.map(drop).expect_err("it must not open");
    assert!(refused.to_string().contains("asks for TLS"), "{refused}");
    let wrong = json!({ "bind": { "simple": { "dn": "headcount@ad.test", "password": { "exec": ["echo", "another"] } } } });
    let refused = registry::open_target(&server.target(&wrong), &around()).await.map(drop).expect_err("it must not open");
    assert!(matches!(&refused, SystemError::Auth(words) if words.contains("name or password is wrong")), "{refused}");
}

const GROUPS: &str = "ou=groups,dc=example,dc=org";

fn posix() -> Json {
    json!({
        "users": {
            "base": PEOPLE,
            "objectClasses": ["inetOrgPerson", "posixAccount"],
            "rdn": "cn",
            "attributes": { "userName": "uid", "displayName": "cn", "custom.home": "homeDirectory", "custom.number": "description" },
            "required": { "sn": "-", "gidNumber": "100", "homeDirectory": "/" },
            "numbers": { "uidNumber": { "from": 20000, "to": 20039 } },
        },
        "groups": { "base": GROUPS, "objectClass": "posixGroup", "numbers": { "gidNumber": { "from": 20000, "to": 20001 } } },
    })
}

#[tokio::test]
async fn numbers_are_given_out_once_and_from_their_range() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("numbers of ldap", "slapd and ldap-utils") };
    // Somebody has numbers already, one of them where headcount does not look for people.
    let taken = |base: &str, uid: &str, number: u32| {
        format!(
            "dn: uid={uid},{base}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: {uid}\ncn: x\nsn: x\nuidNumber: {number}\ngidNumber: 1\nhomeDirectory: /\n\n"
        )
    };
    server.changes(&(taken(PEOPLE, "first", 20000) + &taken("dc=example,dc=org", "other", 20002)));
    let target = open(&server, posix()).await.expect("it opens");
    assert!(target.capabilities.create_groups && !target.capabilities.nested_groups);
    let fence = Fence::open();
    let changes: Vec<Change> = (0..36)
        .map(|at| {
            let object = ObjectRef { kind: ObjectKind::Account, key: format!("hr/{at}").into(), id: None, name: "one".into() };
            Change::new(&"faults".into(), Action::Create, object, Reason::Declared)
        })
        .collect();
    let named = |at: usize| {
        vec![(Arc::from("userName"), Some(Value::text(format!("n{at}")))), (Arc::from("displayName"), Some(Value::text(format!("N {at}"))))]
    };
    let one = |(at, change)| Write { change, id: None, attributes: named(at), members: Vec::new(), key: Default::default() };
    let batch: Vec<Write<'_>> = changes.iter().enumerate().map(one).collect();
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    for made in target.writer.write(&batch, &Permit::grant(turn, &fence)).await {
        made.expect("it is made");
    }
    let mut numbers: Vec<u32> = server
        .shows("dc=example,dc=org", &["uidNumber"])
        .iter()
        .filter_map(|line| line.strip_prefix("uidNumber: ")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (20000..20038).collect::<Vec<_>>());
    for (name, fits) in [("one", true), ("two", true), ("three", false)] {
        let made = write(&target, Action::Create, (ObjectKind::Group, None), &[("displayName", Some(name))], &fence).await;
        assert_eq!(made.is_ok(), fits, "{made:?}");
    }
}

#[tokio::test]
async fn a_posix_group_follows_a_login_that_changes_or_goes_however_entries_are_called() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("logins of ldap", "slapd and ldap-utils") };
    let fence = Fence::open();
    for (rdn, more) in [("cn", posix()), ("uid", json!({ "users": { "rdn": "uid" } }))] {
        let mut connection = posix();
        connection["users"]["rdn"] = more["users"]["rdn"].clone();
        let target = open(&server, connection).await.expect("it opens");
        let (login, later, group) = (format!("ann-{rdn}"), format!("lee-{rdn}"), format!("all-{rdn}"));
        let made = write(
            &target,
            Action::Create,
            (ObjectKind::Account, None),
            &[("userName", Some(&login)), ("displayName", Some(&login))],
            &fence,
        )
        .await;
        let ann = made.expect("made").id;
        server.changes(&format!(
            "dn: cn={group},{GROUPS}\nobjectClass: posixGroup\ncn: {group}\ngidNumber: 7\nmemberUid: {login}\nmemberUid: stranger\n"
        ));
        let members = || {
            let shown = server.shows(&format!("cn={group},{GROUPS}"), &["memberUid"]);
            let mut members: Vec<_> = shown.iter().filter_map(|line| line.strip_prefix("memberUid: ").map(str::to_owned)).collect();
            members.sort();
            members
        };
        write(&target, Action::Update, (ObjectKind::Account, Some(&ann)), &[("userName", Some(&later))], &fence)
            .await
            .expect("it is called otherwise");
        assert_eq!(members(), [later.clone(), "stranger".to_owned()]);
        write(&target, Action::Delete, (ObjectKind::Account, Some(&ann)), &[], &fence).await.expect("it goes");
        assert_eq!(members(), ["stranger"]);
    }
}

#[tokio::test]
async fn an_entry_moves_below_another_with_its_groups_and_managers_and_keeps_its_id() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("moves of ldap", "slapd and ldap-utils") };
    server.changes(
        &["sales", "leavers"].map(|unit| format!("dn: ou={unit},{PEOPLE}\nobjectClass: organizationalUnit\nou: {unit}\n\n")).concat(),
    );
    let target = open(&server, json!({})).await.expect("it opens");
    let fence = Fence::open();
    let placed = |name: &'static str, place: &'static str| [("userName", Some(name)), ("container", Some(place))];
    let ann = write(&target, Action::Create, (ObjectKind::Account, None), &placed("ann", "ou=sales"), &fence).await.expect("made").id;
    let bob = [("userName", Some("bob")), ("manager", Some(&*ann))];
    write(&target, Action::Create, (ObjectKind::Account, None), &bob, &fence).await.expect("made");
    server.changes(&format!("dn: cn=all,{GROUPS}\nobjectClass: groupOfNames\ncn: all\nmember: uid=ann,ou=sales,{PEOPLE}\n"));
    let known = (ObjectKind::Account, Some(&*ann));
    write(&target, Action::Deactivate, known, &[("container", Some("ou=leavers")), ("userName", Some("ann.lee"))], &fence)
        .await
        .expect("it moves");
    let (_, rows) = read(&*target.reader, ObjectKind::Account, &["id", "userName", "container", "active"]).await;
    let row = rows.iter().find(|row| row[0] == Some(Value::text(&*ann))).expect("it is there");
    assert_eq!(row[1..], [Some(Value::text("ann.lee")), Some(Value::text("ou=leavers")), Some(Value::Bool(false))]);
    let name = format!("uid=ann.lee,ou=leavers,{PEOPLE}");
    assert!(server.shows(GROUPS, &["member"]).contains(&format!("member: {name}")));
    assert!(server.shows(PEOPLE, &["manager"]).contains(&format!("manager: {name}")));
    for (place, words) in
        [("ou=nowhere", "there is no entry ou=nowhere"), ("sales", "is no container"), ("ou=sales, ou=x", "\"ou=sales,ou=x\"")]
    {
        let refused = write(&target, Action::Update, known, &[("container", Some(place))], &fence).await.expect_err("it can't");
        assert!(refused.to_string().contains(words), "{place}: {refused}");
    }
    write(&target, Action::Update, known, &[("container", None)], &fence).await.expect("to the top");
    assert!(server.shows(PEOPLE, &["1.1"]).contains(&format!("dn: uid=ann.lee,{PEOPLE}")));
}

/// Who signs in is said by the certificate, or by the socket, and what is wrong with either by its cause.
#[tokio::test]
async fn a_certificate_or_a_socket_says_who_signs_in() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("SASL EXTERNAL of ldap", "slapd and ldap-utils") };
    let start_tls = server.url().replace("127.0.0.1", "localhost");
    let external = json!({ "external": {} });
    let by = |url: &str, tls: Json| {
        let mut more = json!({ "urls": [url], "caFile": server.ca_file(), "bind": external });
        if !tls.is_null() {
            more["tls"] = tls;
        }
        more
    };
    let mut begun = by(&start_tls, server.shown("known"));
    begun["startTls"] = true.into();
    let mut beside = by(&server.tls_url(), server.shown("known"));
    beside["bind"] = json!({ "simple": { "dn": SYNC, "password": { "exec": ["echo", PASSWORD] } } });
    for (at, more) in
        [by(&server.tls_url(), server.shown("known")), begun, by(&server.socket_url(), Json::Null), beside].into_iter().enumerate()
    {
        let target = open(&server, more.clone()).await.unwrap_or_else(|error| panic!("{more}: {error}"));
        let name = format!("made{at}");
        let made = write(&target, Action::Create, (ObjectKind::Account, None), &[("userName", Some(&name))], &Fence::open()).await;
        assert!(made.is_ok(), "only the account may write: {more}: {made:?}");
    }
    let mut mixed = server.shown("known");
    mixed["key"] = server.shown("strange")["key"].clone();
    let mut odd = server.shown("known");
    odd["certificate"] = json!({ "exec": ["echo", "planted-secret"] });
    for (tls, words) in
        [(server.shown("strange"), "`tls`"), (Json::Null, "this way to sign in is not supported"), (mixed, "key"), (odd, "no PEM")]
    {
        let refused = open(&server, by(&server.tls_url(), tls)).await.map(|_| ()).expect_err("it is refused").to_string();
        assert!(refused.contains(words) && !refused.contains("planted-secret"), "{words}: {refused}");
    }
}
