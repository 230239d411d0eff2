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
        let request =
            ReadRequest { scope, key, ..ReadRequest::of_source(&document.spec, columns, policy.sources[at].completeness.max_age) };
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
