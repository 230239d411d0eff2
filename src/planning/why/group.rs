//! Why somebody is in a group, or not: each way in, and whether it is open.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Because, MembershipWhy, Why};
use crate::manifest::kinds::Lifecycle;
use crate::model::{Change, MemberChange};
use crate::planning::identity::Person;
use crate::planning::lifecycle;
use crate::planning::screen::lifecycles;
use crate::planning::work::Basis;
use crate::policy::{GroupPolicy, MemberPolicy};
use crate::world::Truth;

/// Where a change of a group comes from.
pub(super) fn why(basis: &Basis<'_>, change: &Change) -> Why {
    let at = basis.policy.groups.iter().position(|group| group.key == change.object.key);
    let because = match at {
        Some(at) => vec![Because::words("declared").at(Some(&basis.policy.groups[at].place))],
        None => vec![Because::words(format!("no Group manifest declares `{}`", change.object.key))],
    };
    let members = at.map(|at| change.members.iter().map(|member| member_why(basis, at, member)).collect()).unwrap_or_default();
    let (target, key) = (change.target.clone(), change.object.key.clone());
    Why { target, key, reason: change.reason, behind: Vec::new(), because, attributes: Vec::new(), members }
}

fn member_why(basis: &Basis<'_>, at: usize, change: &MemberChange) -> MembershipWhy {
    let group = &basis.policy.groups[at];
    let key = &change.member.key;
    if let Some(number) = basis.people.find(key) {
        let mut person = Person::default();
        basis.people.assemble(&basis.layout, number, &mut person);
        return membership(basis, at, &person);
    }
    let line = group.members.iter().find(|member| member.key == *key);
    let because = match line {
        Some(line) => Because::words("named as a member").at(Some(&line.place)),
        None if key.starts_with("group/") => Because::words("not named as a member (any more)").at(Some(&group.place)),
        None => super::account::nobody(basis, key),
    };
    MembershipWhy { group: group.key.clone(), member: key.clone(), belongs: Some(line.is_some()), because: vec![because] }
}

/// Every group that an identity is in or might be.
pub(super) fn of(basis: &Basis<'_>, person: &Person) -> Vec<MembershipWhy> {
    let all = (0..basis.policy.groups.len()).map(|at| membership(basis, at, person));
    let mut all: Vec<_> = all.filter(|membership| !membership.because.is_empty()).collect();
    all.sort_by(|one, other| one.group.cmp(&other.group));
    all
}

fn membership(basis: &Basis<'_>, at: usize, person: &Person) -> MembershipWhy {
    let mut ways = Vec::new();
    let belongs = ways_in(basis, at, person, &mut BTreeSet::new(), &mut ways);
    MembershipWhy { group: basis.policy.groups[at].key.clone(), member: Arc::from(person.key.as_str()), belongs, because: ways }
}

/// All ways into a group: by rule, by name, through the groups in it.
fn ways_in(basis: &Basis<'_>, at: usize, person: &Person, seen: &mut BTreeSet<usize>, ways: &mut Vec<Because>) -> Option<bool> {
    let Some(group) = basis.policy.groups.get(at).filter(|_| seen.insert(at)) else { return Some(false) };
    let mut belongs = by_rule(basis, at, group, person, ways);
    for member in group.members.iter() {
        let open = if member.key.as_ref() == person.key {
            by_name(basis, group, member, person, ways)
        } else if let (true, Some(inner)) = (member.key.starts_with("group/") && current(basis, member), position(basis, &member.key)) {
            ways_in(basis, inner, person, seen, ways)
        } else {
            Some(false)
        };
        belongs = either(belongs, open);
    }
    belongs
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, _) | (_, None) => None,
        _ => Some(false),
    }
}

fn by_rule(basis: &Basis<'_>, at: usize, group: &GroupPolicy, person: &Person, ways: &mut Vec<Because>) -> Option<bool> {
    let Some(rule) = basis.layout.groups.get(at).and_then(Option::as_ref) else { return Some(false) };
    let Some(stands) = person.standing.lifecycle() else {
        ways.push(
            Because::words(format!("the rule of {} sees only people whose lifecycle is known", group.key)).at(rule.expression().place()),
        );
        return Some(false);
    };
    if !lifecycles(&group.lifecycles).contains(&stands) {
        let words = format!("the rule of {} does not cover the lifecycle {}", group.key, lifecycle::word(stands));
        ways.push(Because::words(words).at(rule.expression().place()));
        return Some(false);
    }
    let (belongs, words) = match person.holds(rule) {
        Truth::Yes => (Some(true), format!("the rule of {} covers it", group.key)),
        Truth::No => (Some(false), format!("the rule of {} does not cover it", group.key)),
        Truth::Unknown(words) => (None, format!("whether the rule of {} covers it could not be worked out: {words}", group.key)),
    };
    ways.push(Because::expression(words, rule, person));
    belongs
}

fn by_name(basis: &Basis<'_>, group: &GroupPolicy, member: &MemberPolicy, person: &Person, ways: &mut Vec<Because>) -> Option<bool> {
    let stays = matches!(person.standing.lifecycle(), Some(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended));
    let (belongs, words) = match member.until {
        Some(until) if !current(basis, member) => (false, format!("named in {}, until {until}, which is over", group.key)),
        _ if !stays => (false, format!("named in {}, but has left or is left out", group.key)),
        Some(until) => (true, format!("named in {}, until {until}", group.key)),
        None => (true, format!("named in {}", group.key)),
    };
    ways.push(Because::words(words).at(Some(&member.place)));
    Some(belongs)
}

fn current(basis: &Basis<'_>, member: &MemberPolicy) -> bool {
    member.until.is_none_or(|until| until >= basis.moment.today)
}

fn position(basis: &Basis<'_>, key: &str) -> Option<usize> {
    basis.policy.groups.iter().position(|group| group.key.as_ref() == key)
}
