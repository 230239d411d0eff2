//! Plans that follow one another in a world that is kept: after a change, those are planned whom it bears on, together with all of whom the last plan had
//! something to do or to say. Everybody else stays as they are, and counts in whatever is counted over all.
//!
//! What comes of it is the plan of everybody, byte for byte. Must never: trust that a part can be planned by itself where anything speaks against it; then
//! everybody is.

mod fit;
mod reach;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{Evidence, Key, ObjectKind, Plan};
use crate::planning::basis::Basis;
use crate::planning::beyond::Beyond;
use crate::planning::ledger::{Ledger, doubtful_records};
use crate::planning::left::{Unleft, left_of};
use crate::planning::question::{Answer, Lookup, Moment, Scope, Survey};
use crate::planning::schema::layout::Layout;
use crate::planning::{Look, Prepared};
use crate::policy::Policy;
use crate::world::{Dirty, World};

use fit::{SharedEnds, Trust, trust};
use reach::Reach;

/// What the last plan left, for the next one in the same world. Where another policy is in force, what changed holds whom that concerns.
pub struct LastPlan {
    last: Option<Last>,
    unleft: Unleft,
}

impl Default for LastPlan {
    fn default() -> Self {
        Self { last: None, unleft: Unleft::Everybody }
    }
}

/// A plan, what must still be looked up for it, and how much was planned.
#[derive(Debug)]
pub struct Replan {
    /// the plan of everybody
    pub plan: Plan,
    /// what was not answered, and counts as unknown in the plan: once it is answered, the same is planned again
    pub survey: Survey,
    /// how much was planned
    pub how: Replanned,
}

/// How much was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replanned {
    /// those whom the changes bear on, and those of whom the last plan had something to do or to say
    Closure {
        /// how many
        people: usize,
    },
    /// everybody
    Whole {
        /// why
        why: &'static str,
    },
}

struct Last {
    ledger: Ledger,
    today: Date,
    now: Timestamp,
    trust: Trust,
    shared_ends: SharedEnds,
    /// when something falls due for an account that headcount took the access of: target and id
    due: BTreeMap<Timestamp, BTreeSet<(usize, Arc<str>)>>,
    /// why the next plan is one of everybody
    rests_on_all: Option<&'static str>,
}

/// The part is put together anew so often, since it brought somebody up whom it lacked; then everybody is planned.
const ROUNDS: usize = 24;
/// Of so many records and accounts
const FEW: usize = 1000;
/// it takes no longer to plan all where this part of them is taken, one of so many.
const PART: usize = 3;

impl LastPlan {
    /// Before the first plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be left at targets, once everything that the last plan says is done.
    pub fn unleft(&self) -> &Unleft {
        &self.unleft
    }

    /// A run has left it there.
    pub fn has_left(&mut self) {
        self.unleft = Unleft::Some(BTreeMap::new());
    }

    /// Nobody knows what is left there now.
    pub fn leaves_everybody(&mut self) {
        self.unleft = Unleft::Everybody;
    }

    /// The plan after these changes. `answers`: what was looked up for this very plan.
    pub fn replan(&mut self, policy: &Policy, world: &World, dirty: &Dirty, answers: &[(Lookup, Answer)], moment: Moment) -> Replan {
        match self.part(policy, world, dirty, answers, moment) {
            Ok(replan) => replan,
            Err(why) => self.whole(policy, world, answers, moment, why),
        }
    }

    fn whole(&mut self, policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, why: &'static str) -> Replan {
        let basis = Basis::new(policy, world, answers, moment);
        let shared_ends = SharedEnds::of(policy, world, &basis.layout, moment);
        let mut ledger = Ledger::new(&basis);
        let doubtful = doubtful_records(&basis);
        let prepared = Prepared::of(basis, Scope::All);
        let survey = prepared.survey();
        let plan = prepared.decide(Look::Quick, &world.memory, Some(&mut ledger));
        let found = answers.iter().any(|(_, answer)| !answer.is_nothing());
        let rests_on_all = ledger.rests_on_all.or(doubtful.then_some("whose records are whose is in doubt"));
        let rests_on_all = rests_on_all.or(found.then_some("something is there that was not listed"));
        let due = fit::due(policy, &world.memory, moment.now);
        let (today, now, trust) = (moment.today, moment.now, trust(world));
        self.last = Some(Last { ledger, today, now, trust, shared_ends, due, rests_on_all });
        self.unleft = Unleft::Everybody;
        Replan { plan, survey: open(survey, answers), how: Replanned::Whole { why } }
    }

    fn part(
        &mut self,
        policy: &Policy,
        world: &World,
        dirty: &Dirty,
        answers: &[(Lookup, Answer)],
        moment: Moment,
    ) -> Result<Replan, &'static str> {
        let last = self.last.as_mut().ok_or("it is the first plan")?;
        let is_kept = matches!(self.unleft, Unleft::Some(_));
        last.fits(policy, world, dirty, answers, moment)?;
        let layout = Arc::new(Layout::new(policy, world));
        last.shared_ends.after(dirty.records.len(), policy, world, &layout, moment)?;
        let shared = last.shared_ends.days.clone();
        let mut dirty = dirty.clone();
        dirty.accounts.extend(last.fallen_due(moment.now));
        let mut reach = Reach::new(policy, world, &last.ledger, &layout, moment);
        if reach.lacks_named(&dirty) {
            return Err("somebody is gone whom manifests or revocations name");
        }
        if reach.changed_twice(&dirty) {
            return Err("a record changed, and what a User says of it");
        }
        reach.changed(&dirty);
        reach.standing();
        reach.spread();
        let all: usize = world.sources.iter().map(|side| side.len() as usize).sum::<usize>()
            + world.targets.iter().map(|side| side.accounts.len() as usize).sum::<usize>();
        for _ in 0..ROUNDS {
            if all > FEW && reach.size() * PART > all {
                return Err("so many are concerned that planning all takes no longer");
            }
            let part = world.excerpt(policy, &reach.picks);
            let of_part = policy.excerpt(&reach.picks.keys);
            let beyond = Beyond { shared_ends: Some(shared.clone()), ..Beyond::default() };
            let basis = Basis::of((&of_part, layout.clone()), &part, answers, moment, beyond);
            if reach.beside(&basis) {
                continue;
            }
            if doubtful_records(&basis) {
                return Err("whose records are whose is in doubt");
            }
            let keys = concerned(policy, &basis, &dirty, &reach);
            let mut ledger = Ledger::new(&basis);
            let mut beyond = last.ledger.beyond(&keys, &reach.picks.ids);
            beyond.shared_ends = Some(shared.clone());
            beyond.referred = reach.left_out();
            fit::links(policy, world, &part, &mut beyond);
            let people = basis.people.len() as usize;
            let prepared = Prepared::of(Basis { beyond, ..basis }, Scope::All);
            let survey = prepared.survey();
            let left = is_kept.then(|| {
                let others: BTreeSet<Arc<str>> = keys.iter().filter(|key| !reach.is_referred(key)).cloned().collect();
                left_of(&prepared.basis, &prepared.matched, &others, &reach.picks.ids)
            });
            let mut plan = prepared.decide(Look::Quick, &world.memory, Some(&mut ledger));
            if let Some(why) = ledger.rests_on_all {
                return Err(why);
            }
            if !last.ledger.agrees_on_strangers(&ledger) {
                return Err("accounts that nobody claims are nobody's, or no longer");
            }
            if reach.touched(&ledger.touched) {
                continue;
            }
            let accounts = reach.picks.ids;
            for (target, id) in &accounts {
                policy.targets.get(*target).into_iter().for_each(|rules| last.ledger.drop_unclaimed(&rules.name, id));
            }
            last.ledger.absorb(ledger, &keys, &accounts);
            last.take_due(policy, world, &accounts, moment);
            plan.upcoming = last.ledger.upcoming();
            self.unleft.add(left.unwrap_or_default());
            return Ok(Replan { plan, survey: open(survey, answers), how: Replanned::Closure { people } });
        }
        Err("one leads to another without an end")
    }
}

/// What was not answered.
fn open(survey: Survey, answers: &[(Lookup, Answer)]) -> Survey {
    let answered: BTreeSet<&Lookup> = answers.iter().map(|(lookup, _)| lookup).collect();
    Survey { lookups: survey.lookups.into_iter().filter(|lookup| !answered.contains(lookup)).collect() }
}

/// All keys of identities that are in the part, or were.
fn concerned(policy: &Policy, basis: &Basis<'_>, dirty: &Dirty, reach: &Reach<'_>) -> BTreeSet<Arc<str>> {
    let mut keys: BTreeSet<Arc<str>> = (0..basis.people.len()).map(|identity| basis.people.key(identity)).collect();
    keys.extend(reach.picks.keys.iter().cloned());
    keys.extend(dirty.keys.iter().cloned());
    let records = dirty.records.iter().filter_map(|(source, key)| Some(Key::record(&policy.sources.get(*source)?.name, key).text()));
    keys.extend(records);
    keys
}

impl Last {
    /// Whether a part may be planned by itself.
    fn fits(
        &self,
        policy: &Policy,
        world: &World,
        dirty: &Dirty,
        answers: &[(Lookup, Answer)],
        moment: Moment,
    ) -> Result<(), &'static str> {
        let why = [
            dirty.everybody,
            self.rests_on_all,
            (self.today != moment.today).then_some("another day has begun"),
            (self.now > moment.now).then_some("the time goes backwards"),
            (self.trust != trust(world)).then_some("a system is read otherwise than before"),
            answers.iter().any(|(_, answer)| !answer.is_nothing()).then_some("something was looked up and is there"),
            fit::unfit(policy, world),
        ];
        why.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    fn fallen_due(&self, now: Timestamp) -> Vec<(usize, Arc<str>)> {
        self.due.range(..=now).flat_map(|(_, accounts)| accounts.iter().cloned()).collect()
    }

    /// What falls due from now on for these accounts.
    fn take_due(&mut self, policy: &Policy, world: &World, accounts: &BTreeSet<(usize, Arc<str>)>, moment: Moment) {
        self.now = moment.now;
        self.due = self.due.split_off(&moment.now);
        self.due.remove(&moment.now);
        for (target, id) in accounts {
            let Some(rules) = policy.targets.get(*target) else { continue };
            if let Some(at) = world.recall.deactivated(&world.memory, &rules.name, id) {
                for due in fit::due_of(rules, at).filter(|due| *due > moment.now) {
                    self.due.entry(due).or_default().insert((*target, id.clone()));
                }
            }
        }
    }
}

/// Whether everything that follows from a stream follows.
fn is_complete(evidence: &Evidence) -> bool {
    *evidence == Evidence::Complete
}

/// Whether a stream of the world was read to its end.
fn is_read(world: &World, target: usize, kind: ObjectKind) -> bool {
    world.targets.get(target).is_some_and(|side| match kind {
        ObjectKind::Account => is_complete(&side.accounts.evidence),
        ObjectKind::Group => !side.wants_groups() || is_complete(&side.groups.evidence),
        ObjectKind::Membership => !side.wants_groups() || is_complete(&side.memberships.evidence),
        ObjectKind::Entitlement => !side.wants_entitlements() || is_complete(&side.entitlements.evidence),
    })
}
