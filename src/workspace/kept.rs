//! What the actor keeps: the manifests in force, what is known of each system, and how each was read.
//!
//! Must never: put what an older read says over what was written since.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::messages::CompiledRevision;
use super::schedule::{self, Waiting};
use super::stirred::{StirredBy, StirredSource};
use crate::model::{Evidence, ObjectKind, ReadReport, Recollection, SystemMemory, SystemRole, SystemState, Watermark};
use crate::pipeline::system::SourceNews;
use crate::pipeline::{Snapshot, TargetRead, TargetWritten};
use crate::planning::{self, Moment, Unleft};
use crate::policy::SchedulePolicy;
use crate::world::{Delta, Dirty, World};

/// A Source or Target.
pub(super) struct System {
    pub role: SystemRole,
    pub name: Arc<str>,
    /// its position in the policy
    pub at: usize,
    pub memory: SystemMemory,
    pub timing: SchedulePolicy,
    /// from where it tells what changed
    pub mark: Option<Watermark>,
    /// systems push to it
    at_hand: bool,
    /// it is being read: the number of that read, and when it began
    pub reading: Option<(u64, Timestamp)>,
    /// it was read since this process has the lock, or it was tried
    pub known: bool,
    /// it is to be read as soon as it may be
    pub wanted: bool,
    /// it is read before its time: somebody asked for it, or it may be mended
    pub asked: bool,
    /// what its system says of itself
    stirred: StirredSource,
    /// when it was read as a whole by this process, without trouble
    whole: Option<Timestamp>,
    /// how complete the last read was
    pub evidence: &'static str,
    /// rows of the last whole read
    pub rows: u64,
    /// what was written while it is being read
    written: Vec<(Timestamp, ObjectKind, Delta)>,
}

/// All of it.
pub(super) struct Kept {
    pub manifests: CompiledRevision,
    pub snapshot: Arc<Snapshot>,
    /// Sources, then Targets, in the policy's order
    pub systems: Vec<System>,
    /// grows with whatever changes in the world or the manifests
    pub version: u64,
    /// a plan of an earlier version says nothing of how a Target stands now: other manifests are in force, or it is read again first
    pub doubtful: u64,
    /// what changed since the last plan
    pub dirty: Dirty,
    /// what the last plan left for the next one; none while one is being made
    pub last: Option<planning::LastPlan>,
    /// grows with the manifests, and whenever everything has to be read again: a plan of an earlier one is not run
    pub era: u64,
    /// grows with whatever is no change that is known person by person: what a plan of an earlier one left is of no use to the next
    pub lineage: u64,
    /// a target's objects are otherwise than the last plan saw them, by others
    pub outside: bool,
    reads: u64,
    recollected: Option<u64>,
}

impl Kept {
    /// Nothing is known yet.
    pub fn new(manifests: CompiledRevision, now: Timestamp) -> Self {
        let policy = manifests.policy.clone();
        let moment = Moment::at(&policy, now);
        let snapshot = Snapshot { world: Arc::new(World::unread(&policy, moment.today)), policy, moment, connectors: Default::default() };
        let (dirty, last) = (Dirty::default(), Some(planning::LastPlan::new()));
        let snapshot = Arc::new(snapshot);
        let mut kept = Self {
            manifests,
            snapshot,
            systems: Vec::new(),
            version: 0,
            doubtful: 0,
            dirty,
            last,
            era: 0,
            lineage: 0,
            outside: false,
            reads: 0,
            recollected: None,
        };
        kept.systems = kept.listed(now, &mut Vec::new());
        kept
    }

    /// Other manifests: what they would have read alike stays, and so does the last plan where it is known whom they concern.
    pub fn adopt(&mut self, manifests: CompiledRevision, now: Timestamp) {
        let before = std::mem::replace(&mut self.manifests, manifests);
        self.era += 1;
        self.doubt();
        let policy = self.manifests.policy.clone();
        let concerned = Dirty::of_manifests(&before.policy, &policy);
        let other = |system: &System| is_other(&before, &self.manifests, system) || moved(&before, &self.manifests, &system.name);
        let of_everybody = concerned.of_everybody().is_some() || self.systems.iter().any(other) || !self.snapshot.world.fits(&policy);
        match of_everybody {
            true => self.adopt_anew(&before, now),
            false => {
                Arc::make_mut(&mut self.snapshot).policy = policy;
                self.dirty.add(concerned);
            }
        }
    }

    fn adopt_anew(&mut self, before: &CompiledRevision, now: Timestamp) {
        let policy = self.manifests.policy.clone();
        let moment = Moment::at(&policy, now);
        let world = World::clone(&self.snapshot.world);
        let (world, unread) = world.under(&before.policy, &policy, moment.today, |name| moved(before, &self.manifests, name));
        let connectors = self.snapshot.connectors.iter().filter(|(name, _)| !unread.contains(&(SystemRole::Target, (*name).clone())));
        let connectors = connectors.map(|(name, connector)| (name.clone(), connector.clone())).collect();
        self.snapshot = Arc::new(Snapshot { policy, world: Arc::new(world), moment, connectors });
        let mut known = std::mem::take(&mut self.systems);
        self.systems = self.listed(now, &mut known);
        for system in &mut self.systems {
            let again = unread.contains(&(system.role, system.name.clone())) || is_other(before, &self.manifests, system);
            if again {
                (system.known, system.wanted, system.mark, system.reading) = (false, true, None, None);
                // Why it could not be read may be mended by that.
                (system.memory.until, system.asked) = (None, true);
            }
        }
        (self.dirty, self.last) = (Dirty::default(), self.last.as_ref().map(|_| planning::LastPlan::new()));
        self.lineage += 1;
    }

    /// What a plan left, once it is there. Of one that began before everybody had to be planned again, it is nothing.
    pub fn plan_left(&mut self, lineage: u64, last: planning::LastPlan) {
        self.last = Some(if lineage == self.lineage { last } else { planning::LastPlan::new() });
    }

    /// What is to be left at targets, once everything that the last plan says is done.
    pub fn unleft(&self) -> Unleft {
        self.last.as_ref().map_or(Unleft::Everybody, |last| last.unleft().clone())
    }

    /// A run of a plan of this lineage has left it there. What is of another one counts nothing: others may have left something since.
    pub fn has_left(&mut self, lineage: u64) {
        self.last.iter_mut().filter(|_| lineage == self.lineage).for_each(planning::LastPlan::has_left);
    }

    /// Only a plan that is still to come says how a Target stands.
    pub fn doubt(&mut self) {
        self.version += 1;
        self.doubtful = self.version;
    }

    /// What was kept of systems by another process. A file is looked at all the same: leaving it alone spares nobody, and it may have been mended meanwhile.
    pub fn recall(&mut self, memories: Vec<(Arc<str>, SystemMemory)>) {
        for (name, memory) in memories {
            if let Some(system) = self.systems.iter_mut().find(|system| shelf_name(system.role, &system.name) == name.as_ref()) {
                system.memory = memory;
                if is_file(&self.manifests, system) {
                    (system.memory.until, system.asked) = (None, true);
                }
            }
        }
    }

    /// Everything has to be read again: somebody else may have written.
    pub fn forget(&mut self) {
        for system in &mut self.systems {
            (system.known, system.wanted, system.mark, system.reading) = (false, true, None, None);
        }
        // Whoever had the lock meanwhile left something at targets, too, and the state may be another one.
        self.recollected = None;
        self.last.iter_mut().for_each(planning::LastPlan::leaves_everybody);
        self.era += 1;
        self.lineage += 1;
        self.doubt();
    }

    /// Whether every system was read, or is to be left alone for now.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.systems.iter().all(|system| system.known || schedule::rests(&system.memory, now).is_some())
    }

    /// How each system stands, for the schedule.
    pub fn waiting(&self) -> Vec<Waiting<'_>> {
        self.systems.iter().map(System::waiting).collect()
    }

    /// A read begins; its number.
    pub fn begin_read(&mut self, at: usize, now: Timestamp) -> u64 {
        self.reads += 1;
        if let Some(system) = self.systems.get_mut(at) {
            system.reading = Some((self.reads, now));
            system.wanted = false;
            system.stirred.begins(now);
        }
        self.reads
    }

    /// What a source's read brought. Nothing where it was asked for under other manifests.
    pub fn take_source(&mut self, name: &str, asked: u64, news: SourceNews, now: Timestamp) {
        let Some(system) = self.systems.iter_mut().find(|system| system.is(SystemRole::Source, name, asked)) else { return };
        let snapshot = Arc::make_mut(&mut self.snapshot);
        let (policy, world) = (&snapshot.policy, Arc::make_mut(&mut snapshot.world));
        let (report, whole) = match &news {
            SourceNews::Changes(_, report) => (report.clone(), false),
            SourceNews::All(read) => (read.report.clone(), true),
        };
        let before = world.evidence.clone();
        let dirty = match news {
            SourceNews::Changes(delta, _) => world.change_source(policy, system.at, &delta),
            SourceNews::All(read) => world.follow_source(policy, system.at, read.side),
        };
        let changed = !dirty.is_empty() || before != world.evidence;
        self.dirty.add(dirty);
        system.read(&report, now, world.evidence.iter().find(|row| row.system == system.name).map_or(0, |row| row.count));
        system.mark = report.next.get(&ObjectKind::Account).cloned();
        if whole && system.memory.misses == 0 {
            system.whole = Some(now);
        }
        self.version += u64::from(changed || system.memory.misses == 1);
    }

    /// What a target's read brought.
    pub fn take_target(&mut self, name: &str, asked: u64, read: TargetRead, now: Timestamp) {
        let Some(system) = self.systems.iter_mut().find(|system| system.is(SystemRole::Target, name, asked)) else { return };
        let began = system.reading.map_or(now, |(_, began)| began);
        let snapshot = Arc::make_mut(&mut self.snapshot);
        let (policy, world) = (&snapshot.policy, Arc::make_mut(&mut snapshot.world));
        let before = world.evidence.clone();
        let mut dirty = world.follow_target(policy, system.at, read.side);
        // The read may have passed what was written since it began.
        system.written.retain(|(at, ..)| *at >= began);
        for (_, kind, delta) in system.written.drain(..) {
            dirty.add(world.change_target(policy, system.at, kind, &delta));
        }
        let changed = !dirty.is_empty() || before != world.evidence;
        self.dirty.add(dirty);
        if let Some(connector) = read.connector {
            snapshot.connectors.insert(system.name.clone(), connector);
        }
        system.read(&read.report, now, world.evidence.iter().find(|row| row.system == system.name).map_or(0, |row| row.count));
        self.outside |= changed;
        self.version += u64::from(changed || system.memory.misses == 1);
    }

    /// A source's system says that something changed there.
    pub fn stirred(&mut self, source: &str, by: StirredBy, now: Timestamp) {
        let found = self.systems.iter_mut().find(|system| system.role == SystemRole::Source && system.name.as_ref() == source);
        found.into_iter().for_each(|system| system.stirred.hear(by, now));
    }

    /// Sources that said so are read once it is time. A read that is under way is waited for: it began before, and what it comes to would take back that the source
    /// is to be read now.
    pub fn wake(&mut self, now: Timestamp) {
        for system in self.systems.iter_mut().filter(|system| system.reading.is_none()) {
            if system.stirred.wakes(now) {
                (system.asked, system.memory.until) = (true, None);
            }
        }
    }

    /// A read came to nothing.
    pub fn lose_read(&mut self, role: SystemRole, name: &str) {
        if let Some(system) = self.systems.iter_mut().find(|system| system.role == role && system.name.as_ref() == name) {
            (system.reading, system.wanted) = (None, true);
        }
    }

    /// What a run did.
    pub fn take_written(&mut self, all: Vec<TargetWritten>, now: Timestamp) {
        let snapshot = Arc::make_mut(&mut self.snapshot);
        for written in all {
            let found = self.systems.iter_mut().find(|system| system.role == SystemRole::Target && system.name == written.target);
            let Some(system) = found else { continue };
            for (kind, delta) in written.deltas {
                let world = Arc::make_mut(&mut snapshot.world);
                self.dirty.add(world.change_target(&snapshot.policy, system.at, kind, &delta));
                // Only a read under way could say otherwise.
                if system.reading.is_some() {
                    system.written.push((now, kind, delta));
                }
            }
            system.wanted |= written.unclear;
        }
        self.version += 1;
    }

    /// As of which write of the state what is remembered is known: what was written since is all that is otherwise. None where that can't be told apart from
    /// the rest.
    pub fn recollected(&self) -> Option<u64> {
        // What is kept under a Source's former name is otherwise here than there.
        let renamed = self.snapshot.policy.sources.iter().any(|source| !source.previous_names.is_empty());
        self.recollected.filter(|_| !renamed)
    }

    /// What is remembered now, unless something newer is known already. It is another version of the world where a plan may be another one by it.
    pub fn recollect(&mut self, recollection: Recollection) {
        if self.recollected.is_some_and(|known| known > recollection.generation) {
            return;
        }
        self.recollected = Some(recollection.generation);
        let snapshot = Arc::make_mut(&mut self.snapshot);
        let world = Arc::make_mut(&mut snapshot.world);
        let trust = world.trust.clone();
        let dirty = world.recollect(&snapshot.policy, recollection);
        self.version += u64::from(!dirty.is_empty() || trust != world.trust);
        self.dirty.add(dirty);
    }

    /// Time goes on. A day that passed changes what counts.
    pub fn turn(&mut self, now: Timestamp) {
        let moment = Moment::at(&self.snapshot.policy, now);
        let day = moment.today != self.snapshot.moment.today;
        // A minute more or less changes nothing that is planned often enough.
        if !day && now.duration_since(self.snapshot.moment.now).abs() < SignedDuration::from_secs(1) {
            return;
        }
        let snapshot = Arc::make_mut(&mut self.snapshot);
        snapshot.moment = moment;
        if day {
            Arc::make_mut(&mut snapshot.world).turn(&snapshot.policy, moment.today);
            self.dirty.add(Dirty::everybody("another day began"));
            self.version += 1;
        }
    }

    fn listed(&self, now: Timestamp, known: &mut Vec<System>) -> Vec<System> {
        let policy = &self.manifests.policy;
        let sources = policy.sources.iter().enumerate().map(|(at, rules)| (SystemRole::Source, rules.name.clone(), at));
        let targets = policy.targets.iter().enumerate().map(|(at, rules)| (SystemRole::Target, rules.name.clone(), at));
        let listed = sources.chain(targets).map(|(role, name, at)| {
            let timing = self.manifests.timing(role, at);
            let before = known.iter().position(|system| system.role == role && system.name == name).map(|at| known.swap_remove(at));
            let documents = self.manifests.loaded.sources.iter().filter(|_| role == SystemRole::Source);
            let at_hand = documents.filter(|one| one.name == name).any(|one| one.spec.connection.described().is_pushed());
            let system = before.unwrap_or_else(|| System::new(role, name, at, timing, now));
            System { at, timing, at_hand, ..system }
        });
        listed.collect()
    }
}

impl System {
    fn new(role: SystemRole, name: Arc<str>, at: usize, timing: SchedulePolicy, now: Timestamp) -> Self {
        let memory = SystemMemory {
            state: SystemState::Unknown,
            since: now,
            read: None,
            complete: None,
            declared: None,
            until: None,
            misses: 0,
            why: None,
        };
        let (evidence, written) = ("unread", Vec::new());
        let (mark, reading, known, wanted, asked) = (None, None, false, true, false);
        let (stirred, whole, at_hand) = (StirredSource::default(), None, false);
        Self { role, name, at, memory, timing, mark, at_hand, reading, known, wanted, asked, stirred, whole, evidence, rows: 0, written }
    }

    /// What it is called on its shelf.
    pub fn shelf_name(&self) -> String {
        shelf_name(self.role, &self.name)
    }

    /// For the schedule.
    pub fn waiting(&self) -> Waiting<'_> {
        Waiting {
            role: self.role,
            name: &self.name,
            memory: &self.memory,
            timing: self.timing,
            tells_changes: self.mark.is_some(),
            at_hand: self.at_hand,
            whole: self.whole,
            wanted: self.wanted,
            stirred: self.stirred.is_awake(),
            reading: self.reading.is_some(),
        }
    }

    fn is(&self, role: SystemRole, name: &str, asked: u64) -> bool {
        self.role == role && self.name.as_ref() == name && self.reading.is_some_and(|(number, _)| number == asked)
    }

    fn read(&mut self, report: &ReadReport, now: Timestamp, rows: u64) {
        let weakest = report.kinds.iter().map(|(_, evidence)| evidence.clone()).fold(Evidence::Complete, Evidence::and);
        let trouble = match &weakest {
            // What is not read to its end is asked for less and less often, too.
            Evidence::Unreadable { reason } | Evidence::Partial { reason } => Some(reason.clone()),
            Evidence::Complete | Evidence::Delta => None,
        };
        self.evidence = match weakest {
            Evidence::Complete => "complete",
            Evidence::Delta => "delta",
            Evidence::Partial { .. } => "partial",
            Evidence::Unreadable { .. } => "unreadable",
        };
        self.memory = schedule::after(&self.memory, now, weakest == Evidence::Complete, trouble, std::mem::take(&mut self.asked));
        (self.reading, self.known, self.rows) = (None, true, rows);
    }
}

fn shelf_name(role: SystemRole, name: &str) -> String {
    match role {
        SystemRole::Source => format!("source/{name}"),
        SystemRole::Target => format!("target/{name}"),
    }
}

/// Whether a system of this name is spoken to in another way.
fn moved(before: &CompiledRevision, now: &CompiledRevision, name: &str) -> bool {
    let source = |of: &CompiledRevision| {
        of.loaded.sources.iter().find(|document| document.name.as_ref() == name).map(|it| it.spec.connection.clone())
    };
    let target = |of: &CompiledRevision| {
        of.loaded.targets.iter().find(|document| document.name.as_ref() == name).map(|it| it.spec.connection.clone())
    };
    source(before) != source(now) || target(before) != target(now)
}

/// Whether a source is a file.
fn is_file(manifests: &CompiledRevision, system: &System) -> bool {
    let mut sources = manifests.loaded.sources.iter();
    let of = sources.find(|document| system.role == SystemRole::Source && document.name == system.name);
    of.is_some_and(|document| document.spec.connection.described().is_data())
}

/// Whether a source's file holds something else than it did.
fn is_other(before: &CompiledRevision, now: &CompiledRevision, system: &System) -> bool {
    system.role == SystemRole::Source && before.data.get(&system.name) != now.data.get(&system.name)
}
