//! Servers that do what real ones do seldom: lists in parts, referrals, limits of time, pages without an end, answers that are none.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ber::{Decoder, ENUMERATED, Encoder, INTEGER, OCTETS, SEQUENCE, SET};
use super::line::whole;
use super::open_target;
use crate::connector::{Gone, PageSink, ReadRequest, Surroundings, TargetConnector};
use crate::manifest::connection::LdapConnection;
use crate::model::{Columns, Evidence, ObjectKind, Page};

const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
const SEARCH: u8 = 0x63;
const USERS: &str = "ou=people,dc=x";
const GROUPS: &str = "ou=groups,dc=x";

/// What is searched for: the base, and the attributes that are asked for.
struct Asked {
    base: String,
    attributes: Vec<String>,
}

/// Answers, each as it stands in its message: tag and content.
type Answers = Vec<(u8, Vec<u8>)>;

fn entry(name: &str, attributes: &[(&str, &[&str])]) -> (u8, Vec<u8>) {
    let mut out = Encoder::default();
    out.bytes(OCTETS, name.as_bytes()).within(SEQUENCE, |out| {
        for (attribute, values) in attributes {
            out.within(SEQUENCE, |out| {
                out.bytes(OCTETS, attribute.as_bytes()).within(SET, |out| {
                    values.iter().for_each(|value| {
                        out.bytes(OCTETS, value.as_bytes());
                    });
                });
            });
        }
    });
    (ENTRY, out.take())
}

fn done(code: u32) -> (u8, Vec<u8>) {
    let mut out = Encoder::default();
    out.number(ENUMERATED, code).bytes(OCTETS, b"").bytes(OCTETS, b"so it is");
    (DONE, out.take())
}

fn person(at: u32) -> (u8, Vec<u8>) {
    entry(&format!("uid=u{at},{USERS}"), &[("entryUUID", &[&format!("{at:08x}-0000")]), ("uid", &[&format!("u{at}")])])
}

/// Starts a server that answers searches, and opens it as a Target.
async fn target(more: Json, answers: impl Fn(&Asked) -> Answers + Send + Sync + 'static) -> TargetConnector {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let answers = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answers = answers.clone();
            tokio::spawn(async move {
                let mut buffer = BytesMut::new();
                loop {
                    while let Ok(Some(message)) = whole(&mut buffer, 1 << 20) {
                        if socket.write_all(&answered(message, &*answers)).await.is_err() {
                            return;
                        }
                    }
                    if !matches!(socket.read_buf(&mut buffer).await, Ok(1..)) {
                        return;
                    }
                }
            });
        }
    });
    let mut connection =
        json!({ "urls": [format!("ldap://127.0.0.1:{port}")], "users": { "base": USERS }, "groups": { "base": GROUPS }, "timeout": "20s" });
    more.as_object().into_iter().flatten().for_each(|(name, value)| connection[name] = value.clone());
    let connection: LdapConnection = serde_json::from_value(connection).expect("a connection");
    open_target(&connection, &Surroundings::at(".")).await.expect("it opens")
}

fn answered(message: Bytes, answers: &dyn Fn(&Asked) -> Answers) -> Vec<u8> {
    let mut parts = Decoder::new(message).within(SEQUENCE).expect("a message");
    let number = parts.number(INTEGER).expect("its number");
    let (tag, content) = parts.any().expect("a request");
    if tag != SEARCH {
        return Vec::new();
    }
    let mut search = Decoder::new(content);
    let base = search.text().expect("a base");
    for _ in 0..6 {
        search.any().expect("a part");
    }
    let mut list = search.within(SEQUENCE).expect("attributes");
    let mut attributes = Vec::new();
    while !list.is_empty() {
        attributes.push(list.text().expect("a name"));
    }
    let said = if base.is_empty() { vec![entry("", &[]), done(0)] } else { answers(&Asked { base, attributes }) };
    let mut out = Vec::new();
    for (tag, content) in said {
        let mut one = Encoder::default();
        one.within(SEQUENCE, |out| {
            out.number(INTEGER, number).bytes(tag, &content);
        });
        out.extend(one.take());
    }
    out
}

#[derive(Default)]
struct Rows(Vec<(ObjectKind, Vec<String>)>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let text = |cell: crate::model::Cell<'_>| cell.to_value().map(|value| value.to_string()).unwrap_or_default();
        self.0.extend(page.rows().map(|row| (kind, row.cells().map(text).collect())));
    }

    fn restart(&mut self, kind: ObjectKind) {
        self.0.retain(|(known, _)| *known != kind);
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn read(target: &TargetConnector, kind: ObjectKind, columns: &[&str]) -> (Evidence, Vec<Vec<String>>) {
    let mut rows = Rows::default();
    let report = target.reader.read(&ReadRequest::new(vec![(kind, Columns::new(columns))]), &mut rows).await;
    (report.of(kind), rows.0.into_iter().map(|(_, row)| row).collect())
}

#[tokio::test]
async fn a_list_of_members_that_comes_in_parts_is_read_to_its_end() {
    let member = |at: u32| format!("uid=u{at},{USERS}");
    let target = target(json!({}), move |asked| match asked.base.as_str() {
        USERS => vec![person(1), person(2), person(3), done(0)],
        GROUPS => {
            let part = [member(1)];
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            vec![entry(&format!("cn=all,{GROUPS}"), &[("entryUUID", &["a"]), ("cn", &["all"]), ("member;range=0-0", &part)]), done(0)]
        }
        _ if asked.attributes == ["member;range=1-*"] => vec![entry("cn=all", &[("member;range=1-1", &[&member(2)])]), done(0)],
        _ => vec![entry("cn=all", &[("member;range=2-*", &[&member(3)])]), done(0)],
    })
    .await;
    let (evidence, rows) = read(&target, ObjectKind::Membership, &["group", "member"]).await;
    assert_eq!(evidence, Evidence::Complete);
    let wanted: Vec<Vec<String>> = (1..=3).map(|at| vec!["a".to_owned(), format!("{at:08x}-0000")]).collect();
    assert_eq!(rows, wanted);
}

#[tokio::test]
async fn parts_that_go_in_circles_and_one_that_is_missing_are_no_whole_list() {
    for next in ["member;range=0-0", "cn"] {
        let target = target(json!({}), move |asked| match asked.base.as_str() {
            USERS => vec![person(1), done(0)],
            GROUPS => vec![entry(&format!("cn=all,{GROUPS}"), &[("entryUUID", &["a"]), ("member;range=0-0", &["uid=u1"])]), done(0)],
            _ => vec![entry("cn=all", &[(next, &["uid=u1"])]), done(0)],
        })
        .await;
        let (evidence, _) = read(&target, ObjectKind::Membership, &["member"]).await;
        assert!(matches!(evidence, Evidence::Partial { .. }), "{next}: {evidence:?}");
    }
}

#[tokio::test]
async fn limits_and_referrals_make_a_list_partial_with_their_cause() {
    for (code, words) in [(3, "limit of time"), (4, "limit of entries"), (11, "administrative limit")] {
        let target = target(json!({}), move |_| vec![person(1), done(code)]).await;
        let (evidence, rows) = read(&target, ObjectKind::Account, &["id"]).await;
        assert!(matches!(&evidence, Evidence::Partial { reason } if reason.contains(words)), "{evidence:?}");
        assert_eq!(rows.len(), 1, "what came stays");
    }
    let mut url = Encoder::default();
    url.bytes(OCTETS, b"ldap://elsewhere/ou=people");
    let reference = url.take();
    let target = target(json!({}), move |_| vec![person(1), (REFERENCE, reference.clone()), done(0)]).await;
    let (evidence, _) = read(&target, ObjectKind::Account, &["id"]).await;
    assert!(matches!(&evidence, Evidence::Partial { reason } if reason.contains("ldap://elsewhere")), "{evidence:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_none_ends_the_connection_and_not_the_process() {
    let long = "x".repeat(5000);
    let too_long =
        target(json!({ "maxBody": "4Ki" }), move |_| vec![entry(&format!("uid=u,{USERS}"), &[("uid", &[&long])]), done(0)]).await;
    let (evidence, _) = read(&too_long, ObjectKind::Account, &["id"]).await;
    assert!(matches!(&evidence, Evidence::Unreadable { reason } if reason.contains("maxBody")), "{evidence:?}");
    for odd in [vec![], vec![0x30, 0x84, 0xFF], vec![4, 1], vec![0x0A, 1, 0], vec![4, 0, 4, 0]] {
        let told = odd.clone();
        let target = target(json!({}), move |_| vec![(ENTRY, odd.clone()), (DONE, odd.clone())]).await;
        let (evidence, rows) = read(&target, ObjectKind::Account, &["id"]).await;
        assert!(matches!(evidence, Evidence::Unreadable { .. }) && rows.is_empty(), "{told:?}: {evidence:?}");
    }
}

#[tokio::test]
async fn an_entry_without_its_id_makes_the_list_unreadable_and_says_what_to_allow() {
    let target = target(json!({}), |_| vec![entry(&format!("uid=u,{USERS}"), &[("uid", &["u"])]), done(0)]).await;
    let (evidence, _) = read(&target, ObjectKind::Account, &["id"]).await;
    assert!(
        matches!(&evidence, Evidence::Unreadable { reason } if reason.contains("allow this account to read `entryUUID`")),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn whoever_refers_to_somebody_who_comes_later_has_their_id() {
    let target = target(json!({}), |_| {
        let ann = entry(&format!("uid=ann,{USERS}"), &[("entryUUID", &["a1"]), ("manager", &[&format!("UID=Bob, {USERS}")])]);
        let bob = entry(&format!("uid=bob,{USERS}"), &[("entryUUID", &["b2"]), ("manager", &["uid=gone,dc=y"]), ("sn", &["-"])]);
        vec![ann, bob, done(0)]
    })
    .await;
    let (_, mut rows) = read(&target, ObjectKind::Account, &["id", "manager", "name.familyName", "active"]).await;
    rows.sort();
    assert_eq!(rows, [["a1", "b2", "", "true"], ["b2", "uid=gone,dc=y", "", "true"]]);
}
