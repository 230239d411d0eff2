//! Why somebody is in a group, or not: each way in, and whether it is open.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::line::first;
use super::{Because, MembershipWhy, Why};
use crate::diagnostic::Place;
use crate::manifest::kinds::Lifecycle;
use crate::model::{Change, Key, MemberChange};
use crate::planning::basis::Basis;
use crate::planning::declared::groups::Group;
use crate::planning::people::person::Person;
use crate::planning::people::standing;
use crate::planning::people::standing::{Standing, lifecycles};
use crate::policy::{ForEachPolicy, GroupPolicy, MemberPolicy};
use crate::world::Truth;

/// Where a change of a group comes from.
pub(super) fn why(basis: &Basis<'_>, change: &Change) -> Why {
    let at = basis.groups.find(&change.object.key);
    let because = match at.and_then(|at| basis.groups.all.get(at)) {
        Some(group) if change.attributes.iter().any(|attribute| attribute.attribute.as_ref() == "owners") => {
            let owners = group.policy.owners.iter();
            owners.map(|owner| Because::words(format!("{} owns it", owner.key)).at(Some(&owner.place))).collect()
        }
        Some(group) => vec![stands(group)],
        None => vec![Because::words(format!("no Group manifest declares `{}`", change.object.key))],
    };
    let members = at.map(|at| change.members.iter().map(|member| member_why(basis, at, member)).collect()).unwrap_or_default();
    let (target, key) = (change.target.clone(), change.object.key.clone());
    Why { target, key, reason: change.reason, behind: Vec::new(), because, attributes: Vec::new(), members }
}

/// Why there is a group.
pub(super) fn stands(group: &Group<'_>) -> Because {
    match (&group.value, &group.policy.for_each) {
        (Some(value), Some(each)) if group.empty => {
            Because::words(format!("nobody has the value `{value}` any more")).at(Some(&each.place))
        }
        (Some(value), Some(each)) => Because::words(format!("made for the value `{value}`")).at(Some(&each.place)),
        _ => Because::words("declared").at(Some(&group.policy.place)),
    }
}

fn member_why(basis: &Basis<'_>, at: usize, change: &MemberChange) -> MembershipWhy {
    let group = &basis.groups.all[at];
    let key = &change.member.key;
    if let Some(number) = basis.people.find(key) {
        let mut person = Person::default();
        basis.people.assemble(&basis.layout, number, &mut person);
        return membership(basis, at, &person);
    }
    let line = group.policy.members.iter().find(|member| names(basis, member, key));
    let because = match line {
        Some(line) => Because::words("named as a member").at(Some(&line.place)),
        None if Key::is_group(key) => Because::words("not named as a member (any more)").at(Some(&group.policy.place)),
        None => super::account::nobody(basis, key),
    };
    MembershipWhy { group: group.key.clone(), member: key.clone(), belongs: Some(line.is_some()), because: vec![because] }
}

/// The line by which somebody comes in; of whoever goes the one that keeps them out: what excludes them, a rule that no longer covers them, else the list of
/// members that no longer names them.
pub(super) fn line(basis: &Basis<'_>, change: &Change, member: &MemberChange, comes: bool) -> Option<Place> {
    let at = basis.groups.find(&change.object.key)?;
    let policy = basis.groups.all.get(at)?.policy;
    let because = member_why(basis, at, member).because;
    if comes {
        return first(because, |because| because.holds == Some(true) || because.holds.is_none());
    }
    let excludes = first(because.clone(), |because| because.holds.is_none());
    let closed = || first(because, |because| because.holds == Some(false));
    excludes.or_else(closed).or_else(|| policy.members_place.clone()).or_else(|| Some(policy.place.clone()))
}

/// Whether a line names a group: by its key, or all that a `forEach` makes.
fn names(basis: &Basis<'_>, member: &MemberPolicy, key: &str) -> bool {
    let of = || basis.groups.find(key).and_then(|at| basis.groups.all.get(at)).is_some_and(|group| group.policy.key == member.key);
    member.key.as_ref() == key || of()
}

/// Every group that an identity is in or might be. Of the groups that a `forEach` makes just those, or a word that there is none.
pub(super) fn of(basis: &Basis<'_>, person: &Person) -> Vec<MembershipWhy> {
    let concerns = |at: &usize| {
        let group = &basis.groups.all[*at];
        group.value.is_none() || has_value(basis, group, person) != Some(false)
    };
    let mut all: Vec<_> = (0..basis.groups.all.len()).filter(concerns).map(|at| membership(basis, at, person)).collect();
    all.retain(|membership| !membership.because.is_empty());
    all.extend(basis.policy.groups.iter().enumerate().filter_map(|(manifest, group)| no_group(basis, manifest, group, person)));
    all.sort_by(|one, other| one.group.cmp(&other.group));
    all
}

/// That a `forEach` has no group for somebody.
fn no_group(basis: &Basis<'_>, manifest: usize, policy: &GroupPolicy, person: &Person) -> Option<MembershipWhy> {
    let each = policy.for_each.as_ref()?;
    let made = basis.groups.made(&policy.key)?;
    let none = |at: &usize| has_value(basis, &basis.groups.all[*at], person) == Some(false);
    if !made.groups.iter().all(none) {
        return None;
    }
    let mut ways = Reasons::told();
    let belongs = match made.unclear.binary_search(&person.number) {
        Ok(_) => None,
        Err(_) => Some(false),
    };
    if covers(basis, manifest, policy, person, &mut ways) == Some(true) {
        ways.add(|| value(basis, manifest, each, person, format!("no group of {} is for its value", policy.key)));
    }
    Some(MembershipWhy { group: policy.key.clone(), member: Arc::from(person.key.as_str()), belongs, because: ways.all() })
}

pub(super) fn membership(basis: &Basis<'_>, at: usize, person: &Person) -> MembershipWhy {
    let mut ways = Reasons::told();
    let belongs = Ways { basis, person, groups_exclude: true }.group(at, &mut BTreeSet::new(), &mut ways);
    MembershipWhy { group: basis.groups.all[at].key.clone(), member: Arc::from(person.key.as_str()), belongs, because: ways.all() }
}

/// Whether somebody is in a group, without why.
pub(super) fn belongs(basis: &Basis<'_>, at: usize, person: &Person) -> Option<bool> {
    Ways { basis, person, groups_exclude: true }.group(at, &mut BTreeSet::new(), &mut Reasons::Untold)
}

/// Whether a line of a group keeps somebody out.
pub(super) fn is_excluded(basis: &Basis<'_>, at: usize, person: &Person) -> bool {
    let ways = Ways { basis, person, groups_exclude: true };
    ways.excluded(&basis.groups.all[at], &mut Reasons::Untold) == Some(true)
}

/// Reasons, where somebody asks for them: each costs more than what it is the reason of.
enum Reasons {
    Told(Vec<Because>),
    Untold,
}

impl Reasons {
    fn told() -> Self {
        Self::Told(Vec::new())
    }

    fn add(&mut self, because: impl FnOnce() -> Because) {
        if let Self::Told(all) = self {
            all.push(because());
        }
    }

    fn all(self) -> Vec<Because> {
        match self {
            Self::Told(all) => all,
            Self::Untold => Vec::new(),
        }
    }
}

/// The ways that one person has into groups.
struct Ways<'s, 'b, 'w> {
    basis: &'s Basis<'b>,
    person: &'s Person<'w>,
    /// whether excluded groups count; of those themselves just the people whom they exclude by name
    groups_exclude: bool,
}

impl Ways<'_, '_, '_> {
    /// All ways into a group: by rule, by name, through the groups in it; and whatever excludes.
    fn group(&self, at: usize, seen: &mut BTreeSet<usize>, ways: &mut Reasons) -> Option<bool> {
        let Some(group) = self.basis.groups.all.get(at).filter(|_| seen.insert(at)) else { return Some(false) };
        let mut belongs = self.by_rule(group, ways);
        for member in &group.policy.members {
            let open = if member.key.as_ref() == self.person.key {
                self.by_name(group, member, ways)
            } else if current(self.basis, member) {
                any(self.inside(member).into_iter().map(|inner| self.group(inner, seen, ways)))
            } else {
                Some(false)
            };
            belongs = either(belongs, open);
        }
        match self.excluded(group, ways) {
            Some(true) => Some(false),
            None if belongs == Some(true) => None,
            _ => belongs,
        }
    }

    /// The groups that a line names: of those that a `forEach` makes, the ones that may concern the person.
    fn inside(&self, member: &MemberPolicy) -> Vec<usize> {
        let groups = &self.basis.groups;
        if let Some(at) = groups.find(&member.key) {
            return vec![at];
        }
        let all = groups.made(&member.key).filter(|_| self.basis.policy.groups.iter().any(|group| group.key == member.key));
        let concerns = |at: &usize| has_value(self.basis, &groups.all[*at], self.person) != Some(false);
        all.map(|made| made.groups.iter().copied().filter(concerns).collect()).unwrap_or_default()
    }

    fn by_rule(&self, group: &Group<'_>, ways: &mut Reasons) -> Option<bool> {
        let (basis, person) = (self.basis, self.person);
        let rule = basis.layout.groups.get(group.manifest).and_then(Option::as_ref);
        match (&group.policy.for_each, &group.value) {
            (Some(each), Some(value)) => match covers(basis, group.manifest, group.policy, person, ways) {
                Some(true) => {
                    let has = has_value(basis, group, person);
                    ways.add(|| {
                        let words = match has {
                            Some(true) => format!("{} is for the value `{value}`, and it has that", group.key),
                            Some(false) => format!("{} is for the value `{value}`, and it does not have that", group.key),
                            None => format!("whether it has the value of {} could not be worked out", group.key),
                        };
                        self::value(basis, group.manifest, each, person, words).holding(has)
                    });
                    has
                }
                other => other,
            },
            _ if rule.is_some() => covers(basis, group.manifest, group.policy, person, ways),
            _ => Some(false),
        }
    }

    fn by_name(&self, group: &Group<'_>, member: &MemberPolicy, ways: &mut Reasons) -> Option<bool> {
        let stays = matches!(self.person.standing.lifecycle(), Some(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended));
        let over = !current(self.basis, member);
        let known = self.person.standing.lifecycle().is_some() || is_left_out(self.person);
        let belongs = (over || known).then_some(stays && !over);
        ways.add(|| {
            let words = match member.until {
                Some(until) if over => format!("named in {}, until {until}, which is over", group.key),
                _ if !known => format!("named in {}, and it is not known whether it is there still", group.key),
                _ if !stays => format!("named in {}, but has left or is left out", group.key),
                Some(until) => format!("named in {}, until {until}", group.key),
                None => format!("named in {}", group.key),
            };
            Because::words(words).at(Some(&member.place)).holding(belongs)
        });
        belongs
    }

    fn excluded(&self, group: &Group<'_>, ways: &mut Reasons) -> Option<bool> {
        let mut excluded = Some(false);
        for line in group.policy.exclude.iter().filter(|line| current(self.basis, line)) {
            let by_name = line.key.as_ref() == self.person.key;
            let hit = if by_name {
                Some(true)
            } else if self.groups_exclude && Key::is_group(&line.key) {
                self.is_in(line)
            } else {
                Some(false)
            };
            if hit != Some(false) {
                ways.add(|| {
                    let by = if by_name { "by name".to_owned() } else { format!("by {}", line.key) };
                    let until = line.until.map(|until| format!(", until {until}")).unwrap_or_default();
                    let words = match hit {
                        Some(_) => format!("excluded from {}, {by}{until}", group.key),
                        None => format!("whether {} excludes it, {by}, could not be worked out", group.key),
                    };
                    Because::words(words).at(Some(&line.place))
                });
            }
            excluded = either(excluded, hit);
        }
        excluded
    }

    fn is_in(&self, line: &MemberPolicy) -> Option<bool> {
        let plainly = Ways { groups_exclude: false, ..*self };
        any(self.inside(line).into_iter().map(|at| plainly.group(at, &mut BTreeSet::new(), &mut Reasons::Untold)))
    }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, _) | (_, None) => None,
        _ => Some(false),
    }
}

/// Whether any of them is so; all are looked at.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(false);
    for one in all {
        found = either(found, one);
    }
    found
}

/// Whether the lifecycle and the rule of a manifest cover somebody.
fn covers(basis: &Basis<'_>, manifest: usize, group: &GroupPolicy, person: &Person, ways: &mut Reasons) -> Option<bool> {
    let rule = basis.layout.groups.get(manifest).and_then(Option::as_ref);
    let place = || rule.and_then(|rule| rule.expression().place()).or(group.for_each.as_ref().map(|each| &each.place));
    let Some(stands) = person.standing.lifecycle() else {
        ways.add(|| Because::words(format!("the rule of {} sees only people whose lifecycle is known", group.key)).at(place()));
        // Of whom nobody knows how they stand everything stays.
        return is_left_out(person).then_some(false);
    };
    if !lifecycles(&group.lifecycles).contains(&stands) {
        ways.add(|| {
            let words = format!("the rule of {} does not cover the lifecycle {}", group.key, standing::word(stands));
            Because::words(words).at(place()).holding(Some(false))
        });
        return Some(false);
    }
    let Some(rule) = rule else { return Some(true) };
    let holds = person.holds(rule);
    let belongs = match &holds {
        Truth::Yes => Some(true),
        Truth::No => Some(false),
        Truth::Unknown(_) => None,
    };
    ways.add(|| {
        let words = match &holds {
            Truth::Yes => format!("the rule of {} covers it", group.key),
            Truth::No => format!("the rule of {} does not cover it", group.key),
            Truth::Unknown(words) => format!("whether the rule of {} covers it could not be worked out: {words}", group.key),
        };
        Because::condition(words, rule, person)
    });
    belongs
}

/// Whether somebody is known to be none of ours.
fn is_left_out(person: &Person) -> bool {
    matches!(person.standing, Standing::Deselected)
}

/// What a `forEach` came to for somebody.
fn value(basis: &Basis<'_>, manifest: usize, each: &ForEachPolicy, person: &Person, words: String) -> Because {
    match basis.layout.each.get(manifest).and_then(Option::as_ref) {
        Some(bound) => Because::expression(words, bound, person),
        None => Because::words(words).at(Some(&each.place)),
    }
}

/// Whether somebody has the value that a group is for.
fn has_value(basis: &Basis<'_>, group: &Group<'_>, person: &Person) -> Option<bool> {
    if group.people.binary_search(&person.number).is_ok() {
        return Some(true);
    }
    let unclear = basis.groups.made(&group.key).is_some_and(|made| made.unclear.binary_search(&person.number).is_ok());
    if unclear { None } else { Some(false) }
}

pub(super) fn current(basis: &Basis<'_>, member: &MemberPolicy) -> bool {
    member.until.is_none_or(|until| until >= basis.moment.today)
}
