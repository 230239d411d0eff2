//! What the last commits of this process touched of what is remembered: whoever knows an earlier memory asks for that alone.
//!
//! Must never: pass over a commit, of this process or another one. Where one is not known, everything is asked for.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Fact;
use crate::model::{Link, ObjectKind, TouchedMemory};

/// So much is kept of what commits touched; whoever asks for more gets all.
const MOST: usize = 20_000;

/// The last commits, each by the number of the write. Nothing is noted before somebody asks for the first time.
#[derive(Debug, Default)]
pub(super) struct CommitLog(Mutex<Option<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    commits: VecDeque<(u64, TouchedMemory)>,
    size: usize,
}

impl CommitLog {
    /// What a commit is about to touch. Nothing where nobody ever asked.
    pub(super) fn touches(&self, facts: &[Fact]) -> Option<Touch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?;
        let mut touched = TouchedMemory::default();
        let known = facts.iter().all(|fact| touch(fact, &mut touched));
        Some(Touch(known.then_some(touched)))
    }

    /// It is durable, and was this write of the state.
    pub(super) fn note(&self, generation: u64, touch: Touch) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(noted) = noted.as_mut() else { return };
        match touch.0 {
            None => *noted = Noted::default(),
            Some(touched) => {
                noted.size += 1 + touched.len();
                noted.commits.push_back((generation, touched));
            }
        }
        while noted.size > MOST
            && let Some((_, touched)) = noted.commits.pop_front()
        {
            noted.size -= 1 + touched.len();
        }
    }

    /// What was touched after one write and up to another one, where every write between was noted.
    pub(super) fn since(&self, known: Option<u64>, now: u64) -> Option<TouchedMemory> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = noted.get_or_insert_default();
        let known = known.filter(|known| *known <= now)?;
        let mut all = TouchedMemory::default();
        let mut next = known;
        for (generation, touched) in noted.commits.iter().filter(|(generation, _)| *generation > known && *generation <= now) {
            if *generation != next + 1 {
                return None;
            }
            next = *generation;
            all.add(touched);
        }
        (next == now).then_some(all)
    }
}

/// What a commit touches; nothing known of it: everything may be otherwise.
#[derive(Debug)]
pub(super) struct Touch(Option<TouchedMemory>);

/// What a fact may make, change or take away, of what there is for each object and person. Says whether that can be said.
fn touch(fact: &Fact, all: &mut TouchedMemory) -> bool {
    let object = |all: &mut TouchedMemory, of: &Link| {
        all.objects.insert((of.target.clone(), of.kind, of.id.clone()));
    };
    let name = |all: &mut TouchedMemory, of: &Link| {
        all.names.insert((of.target.clone(), of.kind, of.key.clone()));
    };
    match fact {
        Fact::Linked(link) => {
            name(all, link);
            if link.kind != ObjectKind::Entitlement {
                object(all, link);
            }
        }
        Fact::Placed(link) | Fact::Renamed(link) => name(all, link),
        Fact::Moved { link, .. } => {
            name(all, link);
            object(all, link);
        }
        Fact::Moving(of) | Fact::NotMoved(of) => {
            all.objects.insert((of.target.clone(), of.kind, of.id.clone()));
        }
        Fact::Unlinked(link) => {
            name(all, link);
            object(all, link);
            if link.kind == ObjectKind::Account {
                all.granted.insert((link.target.clone(), link.key.clone()));
            }
        }
        Fact::Record(link) => {
            all.records.insert((link.source.clone(), link.record.clone()));
            all.identities.insert((link.source.clone(), link.identity.clone()));
        }
        Fact::Inactive(of) | Fact::NotInactive(of) | Fact::Active(of) => {
            all.objects.insert((of.target.clone(), of.kind, of.id.clone()));
        }
        Fact::Written(values) => {
            all.objects.extend(values.iter().map(|(_, of)| (of.target.clone(), of.kind, of.id.clone())));
        }
        Fact::Kept(of) => {
            all.objects.insert((of.target.clone(), of.kind, of.id.clone()));
        }
        Fact::Departed(name) => {
            all.departed.insert((name.target.clone(), name.attribute.clone(), name.value.clone(), name.key.clone()));
        }
        Fact::Returned(name) => {
            all.returned.insert((name.target.clone(), name.key.clone()));
        }
        // What is given goes with the account, and other keys than these may be in the way.
        Fact::Carried(_) | Fact::SourceRenamed { .. } | Fact::Erased(_) => return false,
        // These are not about one object or person, or there are few of them: they are always told anew.
        Fact::Resting(_) | Fact::NotMade(_) | Fact::Sent(_) | Fact::Heard(_) | Fact::CutOff(_) | Fact::Counted(_) | Fact::Pruned(_) => {}
        Fact::Baseline(_) | Fact::Told(_) | Fact::Known(_) => {}
        Fact::Revoked(_) | Fact::OtherKeys { .. } | Fact::Receipt { .. } | Fact::Lifted(_) => {}
        // Nothing that planning reads.
        Fact::Left { .. } | Fact::LeftOf { .. } | Fact::Shelved(_) | Fact::Unshelved { .. } => {}
        Fact::Subject(_) | Fact::SubjectsGone(_) | Fact::Cut(_) | Fact::Line(_) => {}
    }
    true
}
