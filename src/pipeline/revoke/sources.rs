//! What sources tell of a few people: read as streams, with only those records kept that are of concern to them.
//!
//! Must never: keep everybody's records for longer than it takes to sift them, or take a source that did not answer for one that knows nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::ground::Ground;
use crate::connector::connections::Connections;
use crate::connector::{Gone, PageSink, ReadRequest, Surroundings, read_source, registry};
use crate::inbox::Inboxes;
use crate::model::{Capabilities, Evidence, Key, Memory, ObjectKind, Page};
use crate::pipeline::news::News;
use crate::planning::{Concern, KnownAs, known_as};
use crate::world::{SourceSide, TargetSide, World};

/// How long sources may take. Whatever they would say, links and marks lead to accounts without them.
const PATIENCE: Duration = Duration::from_secs(20);

/// What sources told.
pub(super) struct Found {
    /// in the policy's order, with the records of concern
    pub(super) sides: Vec<SourceSide>,
    /// in the order of the orders: everybody, with every key of theirs
    pub(super) people: Vec<KnownAs>,
    /// keys of the orders that mean somebody
    pub(super) known: BTreeSet<Arc<str>>,
    /// sources that could not be read, and why
    pub(super) unread: Vec<(Arc<str>, String)>,
    /// sources that were read, and not to the end
    pub(super) partial: Vec<Arc<str>>,
}

/// One source as it came.
struct Heap {
    pages: Vec<Page>,
    evidence: Evidence,
}

impl PageSink for Heap {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        self.pages.push(page.clone());
    }

    fn restart(&mut self, _: ObjectKind) {
        self.pages.clear();
    }

    // Who is gone has no record to tell who they were; their rows stay, so that a revocation finds more and not less.
    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

/// Reads all of them at once. Of single accounts they have nothing to tell.
pub(super) async fn read(ground: &Ground) -> Found {
    if ground.orders.iter().all(|order| Key::of_account(&order.key).is_some()) {
        return unasked(ground);
    }
    let heaps = join_all((0..ground.policy.sources.len()).map(|at| read_one(ground, at))).await;
    let mut people = ground.people();
    let memory = ground.memory(&people).await.unwrap_or_default();
    let mut concern = Concern::of(people.iter().flat_map(|person| std::iter::once(&person.key).chain(&person.also)).cloned());
    let bare = world(ground, (0..heaps.len()).map(|at| SourceSide::new(&ground.policy, at, ground.moment.today)).collect(), &memory);
    let mut sides = sift(ground, &bare, &concern, &heaps);
    // What is joined with what is joined: as often as there are sources, and once for whoever else may claim an account.
    for _ in 0..=heaps.len() {
        if !concern.learn(&ground.policy, &world(ground, sides.clone(), &memory), ground.moment) {
            break;
        }
        sides = sift(ground, &bare, &concern, &heaps);
    }
    let evidence: Vec<Evidence> = heaps.into_iter().map(|heap| heap.evidence).collect();
    let whole = world(ground, sides.clone(), &memory);
    let mut known = BTreeSet::new();
    for (order, person) in ground.orders.iter().zip(&mut people) {
        let keys: Vec<Arc<str>> = order.keys().cloned().collect();
        let Some(found) = keys.iter().find_map(|key| known_as(&ground.policy, &whole, ground.moment, key)) else { continue };
        known.insert(order.key.clone());
        let mut also: BTreeSet<Arc<str>> = found.also.into_iter().chain(keys).collect();
        also.remove(&found.key);
        *person = KnownAs { key: found.key, also: also.into_iter().collect() };
    }
    let rules = ground.policy.sources.iter();
    let (mut unread, mut partial) = (Vec::new(), Vec::new());
    for (rules, heap) in rules.zip(&evidence) {
        let Some(why) = heap.reason() else { continue };
        ground.hear.hear(News::Unread { source: &rules.name, why });
        match heap {
            Evidence::Partial { .. } => partial.push(rules.name.clone()),
            _ => unread.push((rules.name.clone(), why.to_owned())),
        }
    }
    // Where it can't be remembered, it is at least known here.
    drop(ground.remember_keys(&people).await);
    Found { sides, people, known, unread, partial }
}

fn unasked(ground: &Ground) -> Found {
    let side = |at| {
        let mut side = SourceSide::new(&ground.policy, at, ground.moment.today);
        side.finish(Evidence::Unreadable { reason: "it was not asked".into() });
        side
    };
    let known = ground.orders.iter().map(|order| order.key.clone()).collect();
    let sides = (0..ground.policy.sources.len()).map(side).collect();
    Found { sides, people: ground.people(), known, unread: Vec::new(), partial: Vec::new() }
}

async fn read_one(ground: &Ground, at: usize) -> Heap {
    let mut heap = Heap { pages: Vec::new(), evidence: Evidence::Complete };
    let read = timeout(PATIENCE, stream(ground, at, &mut heap)).await;
    heap.evidence = read.unwrap_or_else(|_| Evidence::Unreadable { reason: format!("it did not answer within {} s", PATIENCE.as_secs()) });
    heap
}

async fn stream(ground: &Ground, at: usize, heap: &mut Heap) -> Evidence {
    let Some(document) = ground.loaded.sources.get(at) else {
        return Evidence::Unreadable { reason: "it is not declared".into() };
    };
    // What is pushed is kept in the same state.
    let connections = Connections::default().with_inboxes(Inboxes::to_read(ground.state.store()));
    let surroundings = Surroundings::at(document.origin.base.as_path()).of(&document.name).over(&connections).urgent();
    let reader = match registry::open_source(&document.spec.connection, &surroundings).await {
        Ok(reader) => reader,
        Err(error) => return Evidence::Unreadable { reason: error.to_string() },
    };
    let columns = SourceSide::columns_of(&ground.policy, at);
    let max_age = ground.policy.sources[at].completeness.max_age;
    let request = ReadRequest::of_source(&document.spec, columns, max_age);
    read_source(&*reader, &request, heap).await.of(ObjectKind::Account)
}

fn sift(ground: &Ground, bare: &World, concern: &Concern, heaps: &[Heap]) -> Vec<SourceSide> {
    let sides = heaps.iter().enumerate().map(|(at, heap)| {
        let mut side = SourceSide::new(&ground.policy, at, ground.moment.today);
        concern.sift(&ground.policy, bare, ground.moment, at, &heap.pages, &mut side);
        side.finish(heap.evidence.clone());
        side
    });
    sides.collect()
}

/// Sources with nothing behind them.
fn world(ground: &Ground, sides: Vec<SourceSide>, memory: &Memory) -> World {
    let all = (0..ground.policy.targets.len()).map(|at| TargetSide::new(&ground.policy, at, Capabilities::everything()));
    World::assemble(&ground.policy, sides, all.collect(), memory.clone())
}
