//! One system read by itself, for whoever keeps a world and reads each system when it is due.
//!
//! Must never: make a world of what it reads; whoever keeps one takes it in.

use jiff::Timestamp;
use tracing::Instrument;

use super::read::{Next, Reading, Snapshot, SourceRead, TargetRead, add, budget, confirm, read_source, read_target, span, unreadable};
use crate::connector::{self, Gone, PageSink, ReadRequest, ReadScope, RecordKey, Surroundings, registry};
use crate::manifest::Loaded;
use crate::model::{Evidence, ObjectKind, Page, ReadReport, Watermark};
use crate::planning::Moment;
use crate::policy::Policy;
use crate::world::{Delta, World};

/// What a source says has changed.
pub enum SourceNews {
    /// since the watermark
    Changes(Box<Delta>, ReadReport),
    /// it can't tell, or not since then: all of it
    All(Box<SourceRead>),
}

/// Reads all of the Source at this position of the policy. Somebody whom its list may have missed is looked for again.
pub async fn source(loaded: &Loaded, snapshot: &Snapshot, at: usize, now: Timestamp, reading: &Reading<'_>) -> SourceRead {
    let Snapshot { policy, world, .. } = snapshot;
    let World { targets, memory, .. } = &**world;
    let moment = Moment::at(policy, now);
    let first = read_source(loaded, policy, (at, Next::Changes), moment, &budget(loaded), reading).await;
    confirm(loaded, policy, at, moment, first, (targets, memory), reading).await
}

/// Reads what changed at the Source since a watermark.
pub async fn source_changes(
    loaded: &Loaded,
    snapshot: &Snapshot,
    at: usize,
    (since, now): (&Watermark, Timestamp),
    reading: &Reading<'_>,
) -> SourceNews {
    let Snapshot { policy, world, .. } = snapshot;
    let document = &loaded.sources[at];
    let surroundings = Surroundings::at(document.origin.base.as_path()).with(&loaded.files).of(&document.name);
    let surroundings = surroundings.within(&budget(loaded)).over(&reading.connections);
    let mut changes = Changes(Delta::new(world.sources[at].columns()));
    let read = async {
        let reader = registry::open_source(&document.spec.connection, &surroundings).await?;
        let scope = ReadScope::Changed([(ObjectKind::Account, since.clone())].into());
        let columns = world.sources[at].columns_with(reader.own_id().as_deref());
        changes = Changes(Delta::new(columns.clone()));
        let key = Some(RecordKey::new(policy.sources[at].key.reads(), world.sources[at].keys()));
        let reads = Some(world.sources[at].columns());
        let request =
            ReadRequest { scope, key, reads, ..ReadRequest::of_source(&document.spec, columns, policy.sources[at].completeness.max_age) };
        Ok(connector::read_source(&*reader, &request, &mut changes).await)
    };
    let read = reading.until_stopped(read).instrument(span(&document.name)).await;
    let report = read.flatten().unwrap_or_else(|error| unreadable(&[ObjectKind::Account], &error));
    match report.of(ObjectKind::Account) {
        Evidence::Delta if !world.sources[at].confuses(&changes.0) => SourceNews::Changes(Box::new(changes.0), report),
        // What came was not asked as a whole read is asked, or may be of other records than it says: nothing of it counts.
        _ => SourceNews::All(Box::new(source(loaded, snapshot, at, now, reading).await)),
    }
}

/// Reads all of the Target at this position of the policy.
pub async fn target(loaded: &Loaded, policy: &Policy, at: usize, reading: &Reading<'_>) -> TargetRead {
    read_target(policy, at, (&loaded.targets[at], &loaded.files), &budget(loaded), reading).await
}

struct Changes(Delta);

impl PageSink for Changes {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        page.rows().for_each(|row| self.0.changed.row(|out| row.cells().for_each(|cell| out.cell(cell))));
    }

    fn restart(&mut self, _: ObjectKind) {
        self.0 = Delta::new(self.0.changed.columns().clone());
    }

    fn gone(&mut self, _: ObjectKind, gone: Gone<'_>) {
        add(&mut self.0, gone);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::connector::registry::Facts;
    use crate::connector::testing::answers::serve;
    use crate::manifest::{ManifestInput, load};
    use crate::model::Memory;
    use crate::pipeline::news::HearNothing;
    use crate::pipeline::read::moment;
    use crate::policy::compile;
    use crate::world::SourceSide;

    const MANIFESTS: &str = r"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {name: own}
spec:
  title: Own
  hosts: [HOST]
  base: http://HOST
  auth: {own: {bearer: '{secret.token}'}}
  accounts:
    id: record.id
    list: {get: /users, records: body.users, pages: {one: {}}}
    get: {get: '/users/{id}'}
    changes:
      token: {start: {get: /now, records: body.users, pages: {one: {}}}, fromNow: true, save: body.next, to: query.since}
    attributes: {userName: {path: login}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec: {connection: {connector: {name: own, auth: {own: {token: {exec: [echo, t0ken]}}}}}, key: record.id, mapping: {rules: [{attribute: userName, value: record.login}]}}
";

    #[tokio::test]
    async fn whoever_keeps_a_world_asks_a_connector_what_changed() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let base = serve({
            let asked = asked.clone();
            move |line| {
                asked.lock().unwrap().push(line.to_owned());
                let body = match line {
                    "GET /users" => r#"{"users": [{"id": "1", "login": "ada"}, {"id": "2", "login": "luis"}]}"#,
                    "GET /now" => r#"{"users": [], "next": "t1"}"#,
                    "GET /now?since=t1" => r#"{"users": [{"id": "2"}], "next": "t2"}"#,
                    _ => r#"{"id": "2", "login": "luisa"}"#,
                };
                (200, String::new(), body.to_owned())
            }
        });
        let manifests = MANIFESTS.replace("HOST", base.trim_start_matches("http://"));
        let (loaded, problems) = load(&[ManifestInput::stdin(manifests.into_bytes())]);
        assert!(problems.is_empty(), "{problems:?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        let (policy, moment) = (Arc::new(policy), moment(&compile(&loaded, &Facts).unwrap().0, None));
        let side = SourceSide::new(&policy, 0, moment.today);
        let world = World::assemble(&policy, vec![side], Vec::new(), Memory::default());
        let snapshot = Snapshot { policy, world: Arc::new(world), moment, connectors: Default::default() };

        let whole = source(&loaded, &snapshot, 0, moment.now, &Reading::once(&HearNothing)).await;
        assert_eq!(whole.report.of(ObjectKind::Account), Evidence::Complete);
        let mark = whole.report.next.get(&ObjectKind::Account).expect("what changes next can be asked for").clone();
        let world = World::assemble(&snapshot.policy, vec![whole.side], Vec::new(), Memory::default());
        let snapshot = Snapshot { world: Arc::new(world), ..snapshot };
        let news = source_changes(&loaded, &snapshot, 0, (&mark, moment.now), &Reading::once(&HearNothing)).await;
        let SourceNews::Changes(delta, _) = news else { panic!("all was read again: {:?}", asked.lock().unwrap()) };
        assert_eq!(delta.changed.rows().count(), 1);
        assert_eq!(*asked.lock().unwrap(), ["GET /now", "GET /users", "GET /now?since=t1", "GET /users/2"]);
    }
}
