//! A webhook against an application that a test plays.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::WebhookConnector;
use super::ledger::{Entry, Ledger};
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Scripted, Wanted, answer, wanted};
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Surroundings, TargetConnector};
use crate::manifest::connection::{SecretRef, WebhookConnection};
use crate::model::{Action, Columns, ObjectKind, Page, SystemError};

async fn target(service: &Scripted, folder: &Path) -> Result<TargetConnector, SystemError> {
    let connection = WebhookConnection {
        url: format!("{}/hook", service.base),
        secret: SecretRef::Exec(vec!["echo".into(), "a secret that nobody guesses, ever".into()]),
        former_secret: None,
        ledger: "told.ndjson".into(),
        ca_file: None,
        timeout: None,
    };
    WebhookConnector.open_target(&connection, &Surroundings::at(folder)).await
}

/// An empty ledger in a folder.
fn begun() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("told.ndjson"), "").expect("written");
    folder
}

#[derive(Default)]
struct Rows(Vec<String>);

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let cell = |cell: crate::model::Cell<'_>| cell.to_value().map_or("-".into(), |value| value.to_string());
        self.0.extend(page.rows().map(|row| format!("{kind:?} {}", row.cells().map(cell).collect::<Vec<_>>().join(" "))));
    }

    fn restart(&mut self, _: ObjectKind) {}

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

async fn shown(target: &TargetConnector) -> String {
    let streams = vec![
        (ObjectKind::Account, Columns::new(["id", "active", "userName", "name.givenName"])),
        (ObjectKind::Group, Columns::new(["id", "displayName"])),
        (ObjectKind::Membership, Columns::new(["group", "member", "kind"])),
    ];
    let mut rows = Rows::default();
    let report = target.reader.read(&ReadRequest::new(streams), &mut rows).await;
    assert!(report.kinds.iter().all(|(_, evidence)| evidence.proves_absence()), "{report:?}");
    rows.0.join("\n")
}

fn ada(action: Action) -> Wanted {
    wanted(ObjectKind::Account, action).about("hr:1")
}

#[tokio::test]
async fn each_change_is_told_once_and_counts_when_it_was_heard() {
    let service = Scripted::with_discovery(|_| Some(answer(204, ""))).await;
    let folder = begun();
    let open = target(&service, folder.path()).await.expect("a target");
    let made = ada(Action::Create).with("userName", Some(json!("ada"))).with("name.givenName", Some(json!("Ada")));
    assert_eq!(made.send(&*open.writer).await.map(|made| (made.id.to_string(), made.already_so)), Ok(("hr:1".into(), false)));
    assert_eq!(made.send(&*open.writer).await.map(|made| made.already_so), Ok(true), "nothing is told twice");
    let team = |action| wanted(ObjectKind::Group, action).about("hr:1");
    assert!(team(Action::Create).with("displayName", Some(json!("Eng"))).send(&*open.writer).await.is_ok());
    assert!(team(Action::AddMembers).member(ObjectKind::Account, "hr:1").send(&*open.writer).await.is_ok());
    assert!(ada(Action::Update).with("name.givenName", None).send(&*open.writer).await.is_ok());
    assert_eq!(ada(Action::Deactivate).send(&*open.writer).await.map(|done| done.already_so), Ok(false));
    assert_eq!(ada(Action::Deactivate).send(&*open.writer).await.map(|done| done.already_so), Ok(true));
    drop(open);
    let again = target(&service, folder.path()).await.expect("a target");
    insta::assert_snapshot!(shown(&again).await, @r"
    Account hr:1 false ada -
    Group hr:1 Eng
    Membership hr:1 hr:1 account
    ");
    assert!(ada(Action::Delete).send(&*again.writer).await.is_ok());
    assert_eq!(shown(&again).await, "Group hr:1 Eng", "a member that is gone is none");
    let unknown = wanted(ObjectKind::Account, Action::Update).about("hr:9").with("title", Some(json!("X"))).send(&*again.writer).await;
    assert!(matches!(unknown, Err(SystemError::NotFound(_))), "{unknown:?}");
    let told =
        service.asked().into_iter().map(|asked| format!("{} {}", asked.body["type"].as_str().unwrap_or_default(), asked.body["data"]));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
    user.created {"sequence":1,"user":{"id":"hr:1","active":true,"userName":"ada","name":{"givenName":"Ada"}}}
    group.created {"sequence":1,"group":{"id":"hr:1","displayName":"Eng"}}
    group.members.added {"sequence":2,"group":{"id":"hr:1","displayName":"Eng"},"members":[{"type":"user","id":"hr:1"}]}
    user.updated {"sequence":2,"user":{"id":"hr:1","active":true,"userName":"ada"},"changed":["name.givenName"]}
    user.deactivated {"sequence":3,"user":{"id":"hr:1","active":false,"userName":"ada"}}
    user.deleted {"sequence":4,"user":{"id":"hr:1","active":false,"userName":"ada"}}
    "#);
}

#[tokio::test]
async fn a_rehearsal_says_what_would_be_told_and_tells_nothing() {
    let (folder, service) = (begun(), Scripted::with_discovery(|_| Some(answer(500, json!({})))).await);
    let open = target(&service, folder.path()).await.expect("it opens");
    let made = ada(Action::Create).with("userName", Some(json!("ada")));
    let rehearsed = open.writer.rehearse(&made.write(None)).await.expect("it says");
    let told: Vec<String> = rehearsed
        .requests
        .iter()
        .map(|request| {
            let url = request.url.replace(service.base.as_str(), "");
            format!("{} {url} {}", request.method, request.body.as_ref().map(ToString::to_string).unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"POST /hook {"type":"user.created","data":{"sequence":1,"user":{"id":"hr:1","active":true,"userName":"ada"}}}"#);
    assert_eq!((rehearsed.stops, shown(&open).await), (None, String::new()));
    let later = open.writer.rehearse(&ada(Action::Deactivate).write(Some("id-of-ann".into()))).await.expect("it says");
    assert_eq!((later.requests.len(), later.stops.is_some()), (0, true));
}

#[tokio::test]
async fn what_was_not_heard_is_told_again_by_the_same_key() {
    let heard = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = heard.clone();
    let service = Scripted::with_discovery(move |_| {
        let heard = now.swap(true, std::sync::atomic::Ordering::Relaxed);
        Some(answer(if heard { 200 } else { 500 }, "{}"))
    });
    let service = service.await;
    let folder = begun();
    let open = target(&service, folder.path()).await.expect("a target");
    let made = ada(Action::Create).with("userName", Some(json!("ada")));
    assert!(matches!(made.send(&*open.writer).await, Err(SystemError::Unavailable(_))));
    assert_eq!(shown(&open).await, "", "what was not heard is not known");
    assert!(made.send(&*open.writer).await.is_ok());
    let keys: Vec<Option<String>> = service.asked().into_iter().map(|asked| asked.webhook_id).collect();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn a_ledger_is_there_and_whole_or_nothing_is_told() {
    let service = Scripted::with_discovery(|_| Some(answer(204, ""))).await;
    let nowhere = tempfile::tempdir().expect("a folder");
    let lost = target(&service, nowhere.path()).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(lost.contains("is not there") && lost.contains("begin with an empty file"), "{lost}");

    let folder = begun();
    let path = folder.path().join("told.ndjson");
    let open = target(&service, folder.path()).await.expect("a target");
    assert!(ada(Action::Create).with("userName", Some(json!("ada"))).send(&*open.writer).await.is_ok());
    drop(open);
    let whole = std::fs::read_to_string(&path).expect("a ledger");
    std::fs::write(&path, format!("{whole}{{\"kind\":\"acc")).expect("written");
    let open = target(&service, folder.path()).await.expect("what was cut off was never done");
    assert!(ada(Action::Deactivate).send(&*open.writer).await.is_ok());
    drop(open);
    let found = target(&service, folder.path()).await.expect("a target");
    let request = LookupRequest::new(ObjectKind::Account, Columns::new(["id", "active"]), "userName", "ADA");
    assert_eq!(found.reader.lookup(&request).await.map(|page| page.len()), Ok(1));
    std::fs::write(&path, format!("nonsense\n{whole}")).expect("written");
    let broken = target(&service, folder.path()).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(broken.contains("line 1"), "{broken}");
}

#[test]
fn a_look_changes_nothing_and_two_who_note_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("told.ndjson");
    let torn = r#"{"kind":"account","id":"torn""#;
    std::fs::write(&path, torn).expect("written");
    let (run, revocation) = (Ledger::at(&path).expect("whole"), Ledger::at(&path).expect("whole"));
    assert_eq!(run.told().expect("read").all(ObjectKind::Account).count(), 0);
    assert_eq!(std::fs::read_to_string(&path).expect("a ledger"), torn, "somebody may be writing it");
    let entry = |id: &str| Entry {
        kind: ObjectKind::Account,
        id: id.into(),
        sequence: 1,
        attributes: Some(serde_json::Map::new()),
        active: true,
        members: std::collections::BTreeSet::new(),
    };
    for (ledger, id) in [(&run, "a"), (&revocation, "b"), (&run, "c"), (&revocation, "d")] {
        ledger.note(entry(id)).expect("noted");
    }
    let ids = |ledger: &Ledger| ledger.told().expect("read").all(ObjectKind::Account).map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&run), ["a", "b", "c", "d"]);
    assert!(run.find(ObjectKind::Account, "b").expect("read").is_some());
}
