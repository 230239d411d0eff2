//! headcount: the same creates as a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headcount::apply::{self, Job, Report, RunSettings, Silent};
use headcount::connector::limiter::{ALL, Lane, Limits, Rate};
use headcount::connector::{Permit, Surroundings, TargetConnector, Write, registry};
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Action, AttributeChange, Change, ObjectKind, ObjectRef, Plan, Reason, Value};
use headcount::state;
use serde_json::json;

use crate::server::Server;
use crate::{Took, measure};

const ATTRIBUTES: [&str; 6] = ["displayName", "externalId", "name.familyName", "name.givenName", "title", "userName"];

fn values(at: usize) -> [String; 6] {
    [
        format!("Given Family{at}"),
        format!("hc:bench:hr:{at:07}"),
        format!("Family{at}"),
        "Given".to_owned(),
        "Engineer".to_owned(),
        format!("given.family{at}"),
    ]
}

/// What headcount sends for one of them.
pub fn body(at: usize) -> String {
    let [display, external, family, given, title, user] = values(at);
    format!(
        r#"{{"active":true,"displayName":"{display}","externalId":"{external}","name":{{"familyName":"{family}","givenName":"{given}"}},"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"title":"{title}","userName":"{user}"}}"#
    )
}

pub fn plan(changes: usize) -> Plan {
    Plan {
        format_version: 1,
        workspace: Arc::from("bench"),
        as_of: jiff::civil::date(2026, 11, 22),
        filter: Default::default(),
        changes: (0..changes).map(create).collect(),
        findings: Vec::new(),
        evidence: Vec::new(),
        limits: Vec::new(),
        upcoming: Default::default(),
    }
}

fn create(at: usize) -> Change {
    let values = values(at);
    let object = ObjectRef { kind: ObjectKind::Account, key: format!("hr/{at:07}").into(), id: None, name: values[5].as_str().into() };
    let attribute = |(name, value): (&&str, &String)| AttributeChange {
        attribute: Arc::from(*name),
        before: None,
        after: Some(Value::text(value)),
        sensitive: false,
        privileged: false,
    };
    let attributes = ATTRIBUTES.iter().zip(&values).map(attribute).collect();
    Change { attributes, ..Change::new(&"chat".into(), Action::Create, object, Reason::Joiner) }
}

/// The whole of it, with a new state below a folder, or where temporary files lie.
pub fn applied(server: &Server, plan: &Plan, at_once: usize, folder: Option<&Path>) -> Took {
    let (took, report) = applied_at(server, plan, at_once, None, folder);
    assert!(report.complete(), "{:?} {:?}", report.results(), report.stopped);
    took
}

/// The same at a pace.
pub fn applied_at(server: &Server, plan: &Plan, at_once: usize, per_second: Option<f64>, folder: Option<&Path>) -> (Took, Report) {
    let folder = folder.map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a folder");
    let settings = RunSettings { concurrency: BTreeMap::from([(Arc::from("chat"), at_once)]), ..RunSettings::default() };
    let runtime = runtime();
    let store = runtime.block_on(state::open(&folder.path().join("state.db"), "bench")).expect("a state");
    let lock = runtime.block_on(store.lock("bench")).expect("nobody else");
    let connector = runtime.block_on(connector(server));
    let rate = per_second.map(|per_second| Rate::new(per_second, crate::BURST));
    connector.limiter.limit(&Arc::from("chat"), Limits { concurrency: None, rate });
    let targets = BTreeMap::from([(Arc::from("chat"), Arc::new(connector))]);
    let job = Job {
        plan,
        targets: &targets,
        store: &store,
        lock: &lock,
        settings: &settings,
        who: "bench",
        with: Vec::new(),
        known_ids: &|_, _, _| None,
        was_there: &|_, _, _| false,
        cancel: Default::default(),
        progress: &Silent,
    };
    let mut report = None;
    let took = measure(|| report = Some(runtime.block_on(apply::apply(&job)).expect("a state that can be written")));
    (took, report.expect("a report"))
}

/// Only the connector's writer: no order, no gate, no journal.
pub fn writer_alone(server: &Server, plan: &Plan, at_once: usize) {
    let runtime = runtime();
    let next = AtomicUsize::new(0);
    runtime.block_on(async {
        let connector = connector(server).await;
        let lanes = (0..at_once).map(|_| async {
            while let Some(change) = plan.changes.get(next.fetch_add(1, Ordering::Relaxed)) {
                let attributes = change.attributes.iter().map(|change| (change.attribute.clone(), change.after.clone())).collect();
                let write = Write { change, id: None, attributes, members: Vec::new(), key: Default::default() };
                let turn = connector.limiter.enter(ALL, Lane::Free, std::time::Duration::ZERO).await.expect("a turn");
                let answers = connector.writer.write(&[write], &Permit::grant(turn, &headcount::fence::Fence::open())).await;
                assert!(answers.iter().all(Result::is_ok), "{answers:?}");
            }
        });
        futures_util::future::join_all(lanes).await;
    });
}

async fn connector(server: &Server) -> TargetConnector {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "c2VjcmV0IG9mIHRoZSBiZW5jaA").expect("a file");
    let connection = json!({"scim": {"url": server.url(), "auth": {"bearer": {"file": "token"}}}});
    let connection: TargetConnection = serde_json::from_value(connection).expect("a connection");
    registry::open_target(&connection, &Surroundings::at(folder.path())).await.expect("a service")
}

/// One thread, as the command has it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
