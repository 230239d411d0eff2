//! Servers that do what real ones do seldom: lists in parts, referrals, limits of time, pages without an end, answers that are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ber::{BOOLEAN, Decoder, ENUMERATED, Encoder, INTEGER, OCTETS, SEQUENCE, SET};
use super::line::whole;
use super::{open_source, open_target};
use crate::connector::{Gone, PageSink, ReadRequest, ReadScope, RecordKey, Surroundings, TargetConnector};
use crate::manifest::connection::LdapConnection;
use crate::model::{Columns, Evidence, ObjectKind, Page};

const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
const SEARCH: u8 = 0x63;
const USERS: &str = "ou=people,dc=x";
const GROUPS: &str = "ou=groups,dc=x";

/// What is searched for: the base, the attributes that are asked for, and what goes along.
struct Asked {
    base: String,
    attributes: Vec<String>,
    /// the value of the first control
    control: Option<Vec<u8>>,
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
    open_target(&connection(more, answers).await, &Surroundings::at(".")).await.expect("it opens")
}

/// Starts a server that answers searches.
async fn connection(more: Json, answers: impl Fn(&Asked) -> Answers + Send + Sync + 'static) -> LdapConnection {
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
    serde_json::from_value(connection).expect("a connection")
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
    let mut control = None;
    if !parts.is_empty() {
        let mut first = parts.within(0xA0).and_then(|mut list| list.within(SEQUENCE)).expect("a control");
        while !first.is_empty() {
            control = first.any().ok().map(|(_, value)| value.to_vec());
        }
    }
    let said = if base.is_empty() { vec![entry("", &[]), done(0)] } else { answers(&Asked { base, attributes, control }) };
    let mut out = Vec::new();
    for (tag, content) in said {
        let mut one = Encoder::default();
        one.within(SEQUENCE, |out| {
            // What has no tag is the rest of a message as it is.
            match tag {
                0 => out.number(INTEGER, number).raw(&content),
                tag => out.number(INTEGER, number).bytes(tag, &content),
            };
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

    fn gone(&mut self, kind: ObjectKind, gone: Gone<'_>) {
        if let Gone::Ids(keys) = gone {
            self.0.extend(keys.iter().map(|key| (kind, vec![format!("gone {key}")])));
        }
    }
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

/// The end of a synchronization: its cookie, and whether whoever is gone was told.
fn synced(cookie: &[u8], told_who_is_gone: bool) -> (u8, Vec<u8>) {
    let (mut value, mut out) = (Encoder::default(), Encoder::default());
    value.within(SEQUENCE, |out| {
        out.bytes(OCTETS, cookie);
        if told_who_is_gone {
            out.truth(BOOLEAN, true);
        }
    });
    out.bytes(DONE, &done(0).1).within(0xA0, |out| {
        out.within(SEQUENCE, |out| {
            out.bytes(OCTETS, b"1.3.6.1.4.1.4203.1.9.1.3").bytes(OCTETS, &value.take());
        });
    });
    (0, out.take())
}

/// Follows a server that answers a question about changes so, and has just these by then; what came, with who is gone, and whether it can be asked again.
async fn followed(there: &'static [u32], answer: impl Fn() -> Answers + Send + Sync + 'static) -> (Evidence, Vec<Vec<String>>, bool) {
    let one = |number: u32| {
        entry(
            &format!("uid=u{number},{USERS}"),
            &[("entryUUID", &[&format!("00000000-0000-0000-0000-{number:012x}")]), ("uid", &[&format!("u{number}")])],
        )
    };
    let read = AtomicBool::new(false);
    let answers = move |asked: &Asked| match (&asked.control, asked.attributes.as_slice()) {
        (_, [only]) if only == "entryUUID" => vec![done(0)],
        (Some(value), [only]) if only == "1.1" && value.ends_with(b"\x04\x01c") => answer(),
        (_, [only]) if only == "1.1" => vec![synced(b"c", true)],
        _ if read.swap(true, Ordering::SeqCst) => there.iter().map(|number| one(*number)).chain([done(0)]).collect(),
        _ => vec![one(1), one(2), done(0)],
    };
    let connection = connection(json!({ "groups": null, "changes": "contentSync" }), answers).await;
    let reader = open_source(&connection, &Surroundings::at(".")).await.expect("it opens");
    let key = RecordKey::new(&["uid".into()], |page| page.rows().map(|row| row.cell(0).as_text().map(Arc::from)).collect());
    let request = ReadRequest { key: Some(key), ..ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["uid"]))]) };
    let first = reader.read(&request, &mut Rows::default()).await;
    assert_eq!((first.of(ObjectKind::Account), first.next.len()), (Evidence::Complete, 1));
    let mut rows = Rows::default();
    let report = reader.read(&ReadRequest { scope: ReadScope::Changed(first.next), ..request }, &mut rows).await;
    let rows = rows.0.into_iter().map(|(_, row)| row).collect();
    (report.of(ObjectKind::Account), rows, !report.next.is_empty())
}

fn rows(texts: &[&str]) -> Vec<Vec<String>> {
    texts.iter().map(|text| vec![(*text).to_owned()]).collect()
}

#[tokio::test]
async fn a_cookie_that_is_refused_is_followed_by_a_whole_read() {
    for code in [4096, 53, 12, 2] {
        assert_eq!(followed(&[2, 3], move || vec![done(code)]).await, (Evidence::Complete, rows(&["u2", "u3"]), true), "{code}");
    }
}

#[tokio::test]
async fn whom_a_directory_does_not_mention_is_asked_for_and_only_who_does_not_come_is_gone() {
    let nobody = || vec![synced(b"d", false)];
    assert_eq!(followed(&[1, 2], nobody).await, (Evidence::Delta, rows(&["u1", "u2"]), true));
    assert_eq!(followed(&[2], nobody).await, (Evidence::Delta, rows(&["u2", "gone 00000000-0000-0000-0000-000000000001"]), true));
    // It says that it told who is gone.
    assert_eq!(followed(&[2], || vec![synced(b"d", true)]).await, (Evidence::Delta, Vec::new(), true));
    // An end without a word of synchronization ends no synchronization.
    let (evidence, came, marked) = followed(&[2], || vec![done(0)]).await;
    assert!(matches!(evidence, Evidence::Unreadable { .. }) && came.is_empty() && !marked, "{evidence:?}");
}
