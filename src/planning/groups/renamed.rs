//! Possible renames: groups that are to be made while groups that look like them are to go. Neither happens until somebody says what is meant.
//!
//! Must never: let the order of rows decide who is paired with whom, or compare everything with everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::manifest::kinds::fold;
use crate::model::{Action, Finding, FindingCode, Key, ObjectKind, ObjectRef, Severity, Subject};
use crate::planning::groups::Step;
use crate::planning::groups::members::{Roster, flatten};
use crate::planning::groups::near::spec_of;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::world::MemberRow;

/// Holds every group that is to go and looks like one that is to be made, and every one that is to be made and looks like one that goes.
pub(super) fn refuse(step: &mut Step<'_, '_>, target: usize, groups: &mut ResolvedGroups, rosters: &[Roster]) {
    let made: Vec<usize> = (0..groups.states.len()).filter(|at| groups.states[*at] == GroupState::Made).collect();
    if made.is_empty() || groups.vanished.is_empty() {
        return;
    }
    step.report.findings.rest_on_all("groups are made while others go");
    let pairs = Index::new(step, made, rosters).pairs(step, target, groups);
    if pairs.is_empty() {
        return;
    }
    hold(step, target, groups, &pairs);
    tell(step, target, &pairs);
}

/// One that goes and one that comes, and how much they are alike.
struct Pair {
    old: ObjectRef,
    row: u32,
    /// position of the group that is to be made
    made: usize,
    same_name: bool,
    common: u64,
    /// people in the larger of both
    larger: u64,
}

/// Groups that are to be made, by what one that goes could be known by.
struct Index {
    made: Vec<usize>,
    names: HashMap<String, Vec<usize>>,
    people: HashMap<u32, Vec<usize>>,
    sizes: Vec<u64>,
}

impl Index {
    fn new(step: &Step<'_, '_>, made: Vec<usize>, rosters: &[Roster]) -> Self {
        let (mut names, mut people, mut sizes): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>, _) = (HashMap::new(), HashMap::new(), Vec::new());
        for (place, at) in made.iter().enumerate() {
            names.entry(plain(&step.basis.groups.all[*at].display_name)).or_default().push(place);
            let wanted = flatten(rosters, *at, |_| false).0.people;
            sizes.push(wanted.len() as u64);
            wanted.into_iter().for_each(|identity| people.entry(identity).or_default().push(place));
        }
        Self { made, names, people, sizes }
    }

    /// All pairs that look alike, best first. Ties go by keys and ids, which no order of rows moves.
    fn pairs(&self, step: &Step<'_, '_>, target: usize, groups: &ResolvedGroups) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = groups.vanished.iter().flat_map(|row| self.like(step, target, *row)).collect();
        let all = &step.basis.groups.all;
        let key = |pair: &Pair| (all[pair.made].key.clone(), pair.old.key.clone(), pair.old.id.clone());
        pairs.sort_by(|one, other| {
            let share = (other.common * one.larger.max(1)).cmp(&(one.common * other.larger.max(1)));
            let better = other.same_name.cmp(&one.same_name).then(share).then(other.common.cmp(&one.common));
            better.then_with(|| key(one).cmp(&key(other)))
        });
        pairs
    }

    /// Nearly the same name, or at least two people and half of the larger one in common.
    fn like(&self, step: &Step<'_, '_>, target: usize, row: u32) -> Vec<Pair> {
        let observed = &step.basis.observed[target];
        let name = observed.groups().cell_of(row, "displayName").as_text().map(plain).filter(|name| !name.is_empty());
        let named: BTreeSet<usize> = name.and_then(|name| self.names.get(&name)).into_iter().flatten().copied().collect();
        let members = observed.members(row);
        let mut common: BTreeMap<usize, u64> = named.iter().map(|place| (*place, 0)).collect();
        for member in &members {
            let MemberRow::Account(account) = member else { continue };
            let Some(identity) = step.matched.claims[target].holder(*account) else { continue };
            self.people.get(&identity).into_iter().flatten().for_each(|place| *common.entry(*place).or_default() += 1);
        }
        let old = step.basis.group(target, row, &step.basis.group_key(target, row));
        let pair = |(place, common): (usize, u64)| {
            let larger = self.sizes[place].max(members.len() as u64);
            let same_name = named.contains(&place);
            let alike = same_name || (common >= 2 && common * 2 >= larger);
            let made = self.made[place];
            let answered = step.basis.groups.all[made].policy.not_formerly.iter().any(|name| fold(name) == fold(&old.name));
            (alike && !answered).then(|| Pair { old: old.clone(), row, made, same_name, common, larger })
        };
        common.into_iter().filter_map(pair).collect()
    }
}

/// Letters and digits alone, in small letters.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn hold(step: &mut Step<'_, '_>, target: usize, groups: &mut ResolvedGroups, pairs: &[Pair]) {
    let all = &step.basis.groups.all;
    let made: BTreeSet<&Arc<str>> = pairs.iter().map(|pair| &all[pair.made].key).collect();
    let gone: BTreeSet<&Arc<str>> = pairs.iter().filter_map(|pair| pair.old.id.as_ref()).collect();
    for pair in pairs {
        for at in groups.holder(pair.row).into_iter().chain([pair.made]) {
            groups.states[at] = GroupState::Unclear;
        }
    }
    step.drafts.retain(|draft| {
        let object = &draft.change.object;
        let this = draft.target == target && object.kind == ObjectKind::Group;
        let goes = draft.change.action == Action::Delete && object.id.as_ref().is_some_and(|id| gone.contains(id));
        !(this && (goes || made.contains(&object.key)))
    });
}

/// One finding for each group that is held. No former name is proposed twice, so that all the answers can be followed.
fn tell(step: &mut Step<'_, '_>, target: usize, pairs: &[Pair]) {
    let mut partner: BTreeMap<usize, &Pair> = BTreeMap::new();
    let mut paired: BTreeSet<u32> = BTreeSet::new();
    for pair in pairs {
        if !partner.contains_key(&pair.made) && paired.insert(pair.row) {
            partner.insert(pair.made, pair);
        }
    }
    let mut made: BTreeMap<&Arc<str>, Vec<&Pair>> = BTreeMap::new();
    let mut alone: BTreeMap<_, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        made.entry(&step.basis.groups.all[pair.made].key).or_default().push(pair);
        if !paired.contains(&pair.row) {
            alone.entry((&pair.old.key, &pair.old.id)).or_default().push(pair);
        }
    }
    let mut findings: Vec<Finding> = Vec::new();
    for like in made.values() {
        findings.extend(like.first().map(|first| to_make(step, target, first.made, partner.get(&first.made).copied(), like)));
    }
    findings.extend(alone.values().filter_map(|like| to_go(step, target, like)));
    findings.into_iter().for_each(|finding| step.report.findings.push(finding));
}

fn to_make(step: &Step<'_, '_>, target: usize, made: usize, partner: Option<&Pair>, like: &[&Pair]) -> Finding {
    let basis = step.basis;
    let group = &basis.groups.all[made];
    let (name, key) = (&basis.policy.targets[target].name, &group.key);
    let names: Vec<String> = like.iter().map(|pair| format!("{:?}", pair.old.name)).collect();
    let other = format!("write `notFormerly: [{}]` into {}", names.join(", "), spec_of(&group.policy.key));
    let (message, hint) = match partner {
        Some(Pair { old, .. }) => {
            let id = old.id.as_deref().unwrap_or_default();
            let message = format!(
                "{name}: {key} would be made while {} (id {id}), which looks like it, would be deleted; neither is done, since its id and its grants would be lost",
                old.name
            );
            let former = Key::made_by(&old.key, &group.policy.key);
            let same = match (&group.value, former) {
                (Some(value), Some(former)) => format!("`previousValues: {{{value:?}: [{former:?}]}}` into {}", spec_of(&group.policy.key)),
                _ => format!("`previousNames: [{:?}]` into {}", old.name, spec_of(&group.policy.key)),
            };
            (message, format!("If it is the same group, write {same}; if it is another group, {other}."))
        }
        None => {
            let message = format!(
                "{name}: {key} would be made while {}, which other new groups look like even more, would be deleted; none of that is done",
                names.join(" and ")
            );
            (message, format!("It is made once the others are answered; if it is another group in any case, {other}."))
        }
    };
    finding(name, key, message).hint(hint).at(Some(group.policy.place.clone()))
}

fn to_go(step: &Step<'_, '_>, target: usize, like: &[&Pair]) -> Option<Finding> {
    let basis = step.basis;
    let name = &basis.policy.targets[target].name;
    let old = &like.first()?.old;
    let makes: BTreeSet<&str> = like.iter().map(|pair| basis.groups.all[pair.made].key.as_ref()).collect();
    let owners: BTreeSet<String> = like.iter().map(|pair| spec_of(&basis.groups.all[pair.made].policy.key)).collect();
    let (makes, owners) = (makes.into_iter().collect::<Vec<_>>().join(", "), owners.into_iter().collect::<Vec<_>>().join(" and into "));
    let id = old.id.as_deref().unwrap_or_default();
    let message = format!(
        "{name}: {} (id {id}) would be deleted while {makes} would be made, which looks like it and like others even more; it stays",
        old.name
    );
    let hint = format!(
        "If one of them is this group, write its name into spec.previousNames of that Group in the place of the other; if none is, write `notFormerly: [{:?}]` into {owners}.",
        old.name
    );
    Some(finding(name, &old.key, message).hint(hint))
}

fn finding(system: &Arc<str>, key: &Arc<str>, message: String) -> Finding {
    Finding::new(Severity::Refused, FindingCode::PossibleRename, Subject::object(system, key), message)
}
