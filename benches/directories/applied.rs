//! headcount: new accounts as a plan, applied with order, gate, journal and state; and a list read.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use headcount::apply::{self, Job, RunSettings, Silent};
use headcount::connector::{Gone, PageSink, ReadRequest, Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Action, AttributeChange, Change, Columns, Evidence, ObjectKind, ObjectRef, Page, Plan, Reason, Value};
use headcount::state;

use crate::{Took, measure, runtime};

pub const ATTRIBUTES: [&str; 6] = ["displayName", "externalId", "name.familyName", "name.givenName", "title", "userName"];

/// The values of one of them, in the order of the attributes.
pub fn values(at: usize) -> [String; 6] {
    [
        format!("Given Family{at}"),
        format!("hc:bench:hr:{at:07}"),
        format!("Family{at}"),
        "Given".to_owned(),
        "Engineer".to_owned(),
        format!("given.family{at}"),
    ]
}

pub fn plan(accounts: usize) -> Plan {
    Plan {
        format_version: 1,
        workspace: Arc::from("bench"),
        as_of: jiff::civil::date(2026, 11, 30),
        filter: Default::default(),
        changes: (0..accounts).map(create).collect(),
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
    Change { attributes, ..Change::new(&"target".into(), Action::Create, object, Reason::Joiner) }
}

/// The whole of it, with a new state where temporary files lie.
pub fn applied(connection: &TargetConnection, plan: &Plan) -> Took {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let store = runtime.block_on(state::open(&folder.path().join("state.db"), "bench")).expect("a state");
    let lock = runtime.block_on(store.lock("bench")).expect("nobody else");
    let settings = RunSettings::default();
    let mut report = None;
    let took = measure(|| {
        report = Some(runtime.block_on(async {
            let connector = registry::open_target(connection, &Surroundings::at(folder.path())).await.expect("it opens");
            let targets = BTreeMap::from([(Arc::from("target"), Arc::new(connector))]);
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
            apply::apply(&job).await.expect("a state that can be written")
        }));
    });
    let report = report.expect("a report");
    assert!(report.complete(), "{:?} {:?}", report.results(), report.stopped);
    took
}

/// Reads all accounts of a target with these attributes.
pub fn read(connection: &TargetConnection, attributes: &[&str], people: usize) {
    let mut sink = Counted(0);
    let evidence = runtime().block_on(async {
        let connector = registry::open_target(connection, &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
        let columns = Columns::new(["id", "active"].iter().chain(attributes).copied());
        connector.reader.read(&ReadRequest::new(vec![(ObjectKind::Account, columns)]), &mut sink).await.of(ObjectKind::Account)
    });
    assert_eq!((evidence, sink.0), (Evidence::Complete, people));
}

/// What comes is counted.
struct Counted(usize);

impl PageSink for Counted {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        self.0 += page.len();
        black_box(page);
    }

    fn restart(&mut self, _: ObjectKind) {
        self.0 = 0;
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}
