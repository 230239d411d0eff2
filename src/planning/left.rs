//! What a run leaves at targets, as fingerprints: so that a later look tells what others changed from what sources and manifests want differently since.
//!
//! Must never: keep a value, or say anything of a target that was not read to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::{Left, LeftPart, LeftWhat};
use crate::planning::accounts::desired::{Desired, work_out};
use crate::planning::basis::Basis;
use crate::planning::everybody;
use crate::planning::groups;
use crate::planning::groups::members::{Roster, current, flatten, rosters};
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::planning::people::person::Person;
use crate::planning::question::{Moment, Scope};
use crate::planning::report::unclaimed::is_nobodys;
use crate::planning::targets::claims::{Claim, Matched};
use crate::planning::targets::eligibility::{Serve, serve};
use crate::planning::targets::matched::match_accounts;
use crate::policy::Policy;
use crate::world::{Keyed, MemberRow, World};

/// What is left at all targets, each with what people call it.
#[derive(Clone, Debug, Default)]
pub struct LeftBehind {
    /// fingerprints
    pub all: Vec<Left>,
    /// of members and of accounts that are nobody's: what they are called
    pub names: BTreeMap<Left, LeftName>,
    keyed: Option<Keyed>,
}

/// What somebody or something is called that no manifest names.
#[derive(Clone, Debug, Default)]
pub struct LeftName {
    /// of the account or group
    pub name: Arc<str>,
    /// of a member the group that it is in
    pub group: Arc<str>,
    /// the target's id of the account that is nobody's, or of the group
    pub id: Option<Arc<str>>,
}

impl LeftBehind {
    /// The fingerprint of whoever has a key.
    pub fn of(&self, key: &str) -> u64 {
        self.keyed.map_or(0, |keyed| keyed.text(key))
    }
}

/// What plans that followed one another leave at targets, while no run has left it there yet.
#[derive(Clone, Debug)]
pub enum Unleft {
    /// of everybody
    Everybody,
    /// of these alone, by the Target's name: what was left of anybody else is what would be left now
    Some(BTreeMap<Arc<str>, LeftPart>),
}

/// So many people and accounts of a target are kept by themselves; with more, everybody is left.
const MANY: usize = 10_000;

impl Unleft {
    /// With whom the next plan is of.
    pub(in crate::planning) fn add(&mut self, later: BTreeMap<Arc<str>, LeftPart>) {
        let Self::Some(all) = self else { return };
        for (target, part) in later {
            all.entry(target).or_default().add(part);
        }
        if all.values().any(|part| part.people.len() + part.accounts.len() > MANY) {
            *self = Self::Everybody;
        }
    }
}

/// What the targets that were read to their end are left as, once everything that is needed now is done.
pub fn left_behind(policy: &Policy, world: &World, moment: Moment) -> LeftBehind {
    let basis = Basis::new(policy, world, &[], moment);
    let (matched, _) = match_accounts(&basis, Scope::All);
    left_in(&basis, &matched)
}

/// The same of a part, to be put in the place of what was left of these people and accounts.
pub(in crate::planning) fn left_of(
    basis: &Basis<'_>,
    matched: &Matched,
    keys: &BTreeSet<Arc<str>>,
    accounts: &BTreeSet<(usize, Arc<str>)>,
) -> BTreeMap<Arc<str>, LeftPart> {
    let keyed = Keyed::of(&basis.policy.workspace);
    let people: BTreeSet<u64> = keys.iter().map(|key| keyed.text(key)).collect();
    let mut parts: BTreeMap<Arc<str>, LeftPart> = BTreeMap::new();
    for left in left_in(basis, matched).all {
        let at = |name: &Arc<str>| basis.policy.targets.iter().position(|rules| rules.name == *name);
        let part = parts.entry(left.target.clone()).or_insert_with_key(|name| {
            let here = accounts.iter().filter(|(target, _)| Some(*target) == at(name));
            LeftPart { people: people.clone(), accounts: here.map(|(_, id)| keyed.text(id)).collect(), all: BTreeSet::new() }
        });
        // Of groups that are there whoever is planned nothing else is left than before.
        if part.replaces(&left) {
            part.all.insert(left);
        }
    }
    parts
}

fn left_in(basis: &Basis<'_>, matched: &Matched) -> LeftBehind {
    let Basis { policy, moment, .. } = *basis;
    let keyed = Keyed::of(&policy.workspace);
    let mut left = LeftBehind { keyed: Some(keyed), ..LeftBehind::default() };
    let (seen, _) = everybody::look(basis, matched, false);
    let entitled: Vec<Vec<u32>> = (0..policy.entitlements.len()).map(|at| has(basis, at, &seen.entitlements)).collect();
    let (rosters, _) = rosters(basis, seen.groups, &seen.standing);
    let (resolved, _) = groups::resolve(basis, matched);
    for target in 0..policy.targets.len() {
        let side = basis.observed[target].side;
        let read = side.accounts.evidence.proves_absence() && (!side.wants_groups() || side.memberships.evidence.proves_absence());
        if !read {
            continue;
        }
        let name = &policy.targets[target].name;
        let second = u64::try_from(moment.now.as_second()).unwrap_or_default();
        left.all.push(Left { target: name.clone(), what: LeftWhat::Run, of: 0, print: second });
        let mut step = AtTarget { basis, matched, target, name, keyed, left: &mut left };
        if let Some(settled) = resolved.get(target) {
            step.people(&rosters, settled, &entitled);
            step.members(settled);
        }
        step.nobodys(second);
    }
    left
}

/// Who has an entitlement, by rule or by name.
fn has(basis: &Basis<'_>, at: usize, covers: &[crate::planning::entitlements::cover::EntitlementCover]) -> Vec<u32> {
    let cover = covers.get(at);
    let ruled = cover.into_iter().flat_map(|cover| cover.stands.iter().chain(&cover.open)).copied();
    let named = basis.policy.entitlements.get(at).map_or(&[][..], |rules| &rules.members);
    let mut all: Vec<u32> = ruled.chain(current(basis, named).filter_map(|member| basis.people.find(&member.key))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

struct AtTarget<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    target: usize,
    name: &'s Arc<str>,
    keyed: Keyed,
    left: &'s mut LeftBehind,
}

impl AtTarget<'_, '_> {
    fn push(&mut self, what: LeftWhat, of: u64, print: u64) -> Left {
        let left = Left { target: self.name.clone(), what, of, print };
        self.left.all.push(left.clone());
        left
    }

    /// The account that everybody should have, and what it should be in.
    fn people(&mut self, rosters: &[Roster], settled: &ResolvedGroups, entitled: &[Vec<u32>]) {
        let basis = self.basis;
        let mut access: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for (at, group) in basis.groups.all.iter().enumerate() {
            if matches!(settled.states.get(at), Some(GroupState::Here(_) | GroupState::Made)) {
                let print = self.keyed.text(&group.key);
                for person in flatten(rosters, at, |_| false).0.people {
                    access.entry(person).or_default().insert(print);
                }
            }
        }
        for (rules, people) in basis.policy.entitlements.iter().zip(entitled).filter(|(rules, _)| rules.target == self.target) {
            let print = self.keyed.text(&rules.key);
            for person in people {
                access.entry(*person).or_default().insert(print);
            }
        }
        let (mut person, mut desired, mut words) = (Person::default(), Desired::default(), String::new());
        for identity in 0..basis.people.len() {
            basis.people.assemble(&basis.layout, identity, &mut person);
            let serves = serve(basis, self.target, &person);
            // Whoever has no account and gets none was left nothing that others could have changed, whether or not somebody asked for one that vanished.
            let has_none = matches!(self.matched.claims[self.target].of(identity), Claim::None | Claim::Vanished);
            if matches!(serves, Serve::No(_)) && has_none {
                continue;
            }
            work_out(basis, self.target, &person, &mut desired);
            words.clear();
            let _ = write!(words, "{:?}", desired.states);
            if let Serve::No(gone) = serves {
                let _ = write!(words, " {gone:?} {:?}", gone.deprovision(&basis.policy.targets[self.target]).set);
            }
            let (of, values) = (self.keyed.text(&person.key), self.keyed.text(&words));
            words.clear();
            // Whoever is cut off is left in nothing: what they get once that is lifted is nobody else's doing.
            let holds = access.get(&identity).filter(|_| !basis.revoked.has(identity));
            let _ = write!(words, "{holds:?}");
            let print = self.keyed.text(&words);
            self.push(LeftWhat::Values, of, values);
            self.push(LeftWhat::Access, of, print);
        }
    }

    /// Who is in groups that no manifest declares. The group itself counts as one of its members, so that an empty one is known.
    fn members(&mut self, settled: &ResolvedGroups) {
        let (basis, target) = (self.basis, self.target);
        let observed = &basis.observed[target];
        for row in 0..observed.groups().len() {
            if settled.holder(row).is_some() || settled.is_contested(row) {
                continue;
            }
            let there = basis.group(target, row, &Arc::from(""));
            let of = self.keyed.text(&there.id.clone().unwrap_or_default());
            self.push(LeftWhat::Member, of, 0);
            for member in observed.members(row) {
                let member = match member {
                    MemberRow::Account(row) => basis.account(target, row, &Arc::from("")),
                    MemberRow::Group(row) => basis.group(target, row, &Arc::from("")),
                };
                let print = self.keyed.text(&member.id.unwrap_or_default());
                let left = self.push(LeftWhat::Member, of, print);
                let name = LeftName { name: member.name, group: there.name.clone(), id: there.id.clone() };
                self.left.names.insert(left, name);
            }
        }
    }

    fn nobodys(&mut self, second: u64) {
        let (basis, target) = (self.basis, self.target);
        for row in (0..basis.observed[target].accounts().len()).filter(|row| is_nobodys(basis, self.matched, target, *row)) {
            let there = basis.account(target, row, &Arc::from(""));
            let of = self.keyed.text(&there.id.clone().unwrap_or_default());
            let left = self.push(LeftWhat::Nobodys, of, second);
            self.left.names.insert(left, LeftName { name: there.name, id: there.id, ..LeftName::default() });
        }
    }
}
