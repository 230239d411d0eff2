//! Whatever happens in between, what a system said is read, and soon.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{CompiledRevision, Kept};
use crate::connector::registry::Facts;
use crate::manifest::{ManifestInput, load};
use crate::model::{Evidence, ObjectKind, ReadReport, Revision, SystemRole, Watermark};
use crate::pipeline::system::SourceNews;
use crate::policy::compile;
use crate::workspace::schedule;
use crate::workspace::stirred::StirredBy;
use crate::world::Delta;

const MANIFESTS: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec: {connection: {inbox: {}}, key: record.externalId, mapping: {rules: [{attribute: userName, value: record.userName}]}}
";

#[derive(Clone, Debug)]
enum Step {
    Push,
    Wait(i64),
    /// the read under way ends, with or without trouble
    End(usize),
    /// the read under way is lost
    Lose,
    Adopt,
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        4 => (0i64..40).prop_map(Step::Wait),
        4 => (0usize..3).prop_map(Step::End),
        1 => Just(Step::Lose),
        1 => Just(Step::Adopt),
        1 => Just(Step::Forget),
    ]
}

fn manifests() -> CompiledRevision {
    let (loaded, problems) = load(&[ManifestInput::stdin(MANIFESTS.as_bytes().to_vec())]);
    assert!(problems.is_empty(), "{problems:?}");
    let (policy, _) = compile(&loaded, &Facts).unwrap();
    let revision = Revision { id: "one".into(), name: "one".into(), at: Timestamp::UNIX_EPOCH, authors: Vec::new(), signer: None };
    CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: BTreeMap::new() }
}

struct Desk {
    kept: Kept,
    now: Timestamp,
    /// the read under way: its number, and when it began
    reading: Option<(u64, Timestamp)>,
    /// when the last read began that was not lost
    read: Option<Timestamp>,
}

impl Desk {
    fn later(&mut self, milliseconds: i64) {
        self.now += SignedDuration::from_millis(milliseconds);
        self.kept.wake(self.now);
        for (at, _) in schedule::due(self.now, &self.kept.waiting()) {
            assert!(self.reading.is_none(), "one read at a time");
            self.reading = Some((self.kept.begin_read(at, self.now), self.now));
        }
    }

    fn end(&mut self, how: usize) {
        let Some((asked, began)) = self.reading.take() else { return };
        let evidence = match how {
            0 => Evidence::Delta,
            1 => Evidence::Partial { reason: "nothing was ever pushed to it".into() },
            _ => Evidence::Unreadable { reason: "the state does not answer".into() },
        };
        let mut report = ReadReport::all(&[ObjectKind::Account], &evidence);
        if how == 0 {
            report.next.insert(ObjectKind::Account, Watermark("1".into()));
        }
        let columns = self.kept.snapshot.world.sources[0].columns();
        self.kept.take_source("hr", asked, SourceNews::Changes(Box::new(Delta::new(columns)), report), self.now);
        self.read = Some(began);
    }
}

/// Whatever comes of the reads.
#[test]
fn ten_thousand_hooks_are_a_read_a_minute() {
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    let mut desk = Desk { kept: Kept::new(manifests(), now), now, reading: None, read: None };
    desk.later(0);
    desk.end(0);
    let mut reads = Vec::new();
    for number in 0..10_000 {
        desk.kept.stirred("hr", StirredBy::Hook, desk.now);
        desk.later(20);
        if let Some((_, began)) = desk.reading {
            reads.push(began.duration_since(now).as_secs());
            desk.end(number % 3);
        }
    }
    assert_eq!(reads, [10, 70, 130, 190]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A read that began before the push and ends after it, one that failed and is to rest, one that is lost, other manifests, a lock that was lost: none of them
    /// takes back that the source is to be read.
    #[test]
    fn what_was_pushed_is_read_within_seconds_whatever_a_read_under_way_comes_to(steps in prop::collection::vec(step(), 1..60), last in 0usize..3) {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut desk = Desk { kept: Kept::new(manifests(), now), now, reading: None, read: None };
        for step in steps {
            match step {
                Step::Push => desk.kept.stirred("hr", StirredBy::Push, desk.now),
                Step::Wait(tenths) => desk.later(tenths * 100),
                Step::End(how) => desk.end(how),
                Step::Lose => {
                    if desk.reading.take().is_some() {
                        desk.kept.lose_read(SystemRole::Source, "hr");
                    }
                }
                // What was read meanwhile is of other manifests, and is not taken in.
                Step::Adopt => {
                    desk.kept.adopt(manifests(), desk.now);
                    desk.reading = desk.reading.filter(|_| desk.kept.systems[0].reading.is_some());
                }
                Step::Forget => {
                    desk.kept.forget();
                    desk.reading = None;
                }
            }
        }
        // What is under way ends, as badly as it may.
        desk.end(last);
        let pushed = desk.now;
        desk.kept.stirred("hr", StirredBy::Push, pushed);
        for _ in 0..20 {
            desk.later(1_000);
            desk.end(last);
        }
        prop_assert!(desk.read.is_some_and(|read| read >= pushed && read <= pushed + SignedDuration::from_secs(11)), "{:?} after {pushed}", desk.read);
    }
}
