//! In what two policies of one workspace differ: whom it concerns, where that can be said person by person.
//!
//! Must never: leave anybody out. What is not known to concern nameable people concerns everybody.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{EntitlementPolicy, GroupPolicy, MemberPolicy, Policy, UserPolicy};
use crate::model::Key;

/// Whom it concerns that other manifests are in force.
#[derive(Clone, Debug, Default)]
pub struct ConcernedPeople {
    /// keys of identities of whom something else is said, or nothing any more
    pub keys: BTreeSet<Arc<str>>,
    /// those that are named now
    pub named: BTreeSet<Arc<str>>,
    /// Users that are others now, or gone, as they were
    pub users_before: Vec<UserPolicy>,
}

/// Whom it concerns that one policy comes in the place of another one; else why it may concern everybody. Where something stands is no difference: a plan that tells
/// of it is made anew of whoever it tells of.
pub fn difference(before: &Policy, now: &Policy) -> Result<ConcernedPeople, &'static str> {
    // Whoever adds a field says here what becomes of it. An approval opens a gate, and the attributes that Users give are those of the Users.
    let Policy {
        workspace,
        time_zone,
        sources,
        targets,
        users: _,
        groups,
        entitlements,
        revocations,
        approvals: _,
        sensitive,
        declared: _,
        tables,
        nesting,
    } = before;
    if (workspace, time_zone, tables) != (&now.workspace, &now.time_zone, &now.tables) {
        return Err("the Workspace is another");
    }
    if *sources != now.sources {
        return Err("Sources are others");
    }
    if *targets != now.targets {
        return Err("Targets are others");
    }
    if *revocations != now.revocations {
        return Err("Revocations are others");
    }
    if *sensitive != now.sensitive {
        return Err("other attributes are secret");
    }
    let mut concerned = ConcernedPeople::default();
    of_groups(groups, &now.groups, &mut concerned)?;
    if *nesting != now.nesting {
        return Err("other groups are in groups");
    }
    of_entitlements(entitlements, &now.entitlements, &mut concerned)?;
    of_users(before, now, &mut concerned);
    Ok(concerned)
}

/// Both lists are sorted by name.
fn of_users(before: &Policy, now: &Policy, concerned: &mut ConcernedPeople) {
    let (mut former, mut present) = (before.users.iter().peekable(), now.users.iter().peekable());
    loop {
        let order = match (former.peek(), present.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => was.name.cmp(&is.name),
        };
        let was = if order.is_le() { former.next() } else { None };
        let is = if order.is_ge() { present.next() } else { None };
        if was.zip(is).is_some_and(|(was, is)| says_the_same(was, is)) {
            continue;
        }
        if let Some(was) = was {
            concerned.keys.extend(keys_of(before, was));
            concerned.users_before.push(was.clone());
        }
        if let Some(is) = is {
            concerned.keys.extend(keys_of(now, is));
            concerned.named.insert(is.key.clone());
        }
    }
}

fn says_the_same(was: &UserPolicy, is: &UserPolicy) -> bool {
    let UserPolicy { name, key, standalone, exclude, attributes, records, former_keys, not_former_keys, former_names, place: _ } = was;
    let named = |user: &UserPolicy| user.records.iter().map(|record| (record.source, record.key.clone())).collect::<Vec<_>>();
    (name, key, standalone, exclude, attributes) == (&is.name, &is.key, &is.standalone, &is.exclude, &is.attributes)
        && (former_keys, not_former_keys, former_names) == (&is.former_keys, &is.not_former_keys, &is.former_names)
        && records.len() == is.records.len()
        && named(was) == named(is)
}

/// All by which a User names somebody.
fn keys_of(policy: &Policy, user: &UserPolicy) -> Vec<Arc<str>> {
    let records = user.records.iter();
    let records = records.filter_map(|record| Some(Key::record(&policy.sources.get(record.source)?.name, &record.key).text()));
    let others = user.former_keys.iter().chain(&user.not_former_keys).cloned();
    std::iter::once(user.key.clone()).chain(records).chain(others).collect()
}

fn of_groups(before: &[GroupPolicy], now: &[GroupPolicy], concerned: &mut ConcernedPeople) -> Result<(), &'static str> {
    if before.len() != now.len() {
        return Err("Groups came or went");
    }
    for (was, is) in before.iter().zip(now) {
        let GroupPolicy {
            key,
            labels,
            display_name,
            description,
            members,
            rule,
            for_each,
            lifecycles,
            exclude,
            owners,
            previous_names,
            allow_empty,
            privileged,
            not_formerly,
            rule_place: _,
            members_place,
            place: _,
        } = was;
        let same = (key, labels, display_name, description) == (&is.key, &is.labels, &is.display_name, &is.description)
            && (rule, for_each, lifecycles) == (&is.rule, &is.for_each, &is.lifecycles)
            && (previous_names, not_formerly) == (&is.previous_names, &is.not_formerly)
            && (allow_empty, privileged) == (&is.allow_empty, &is.privileged)
            && members_place.is_some() == is.members_place.is_some();
        if !same {
            return Err("Groups are others");
        }
        for (was, is) in [(members, &is.members), (exclude, &is.exclude), (owners, &is.owners)] {
            of_lines(was, is, concerned)?;
        }
    }
    Ok(())
}

fn of_entitlements(before: &[EntitlementPolicy], now: &[EntitlementPolicy], concerned: &mut ConcernedPeople) -> Result<(), &'static str> {
    let bare =
        |all: &[EntitlementPolicy]| all.iter().map(|one| EntitlementPolicy { members: Vec::new(), ..one.clone() }).collect::<Vec<_>>();
    if bare(before) != bare(now) {
        return Err("Entitlements are others");
    }
    before.iter().zip(now).try_for_each(|(was, is)| of_lines(&was.members, &is.members, concerned))
}

/// People by name. A group that comes or goes brings or takes its people.
fn of_lines(before: &[MemberPolicy], now: &[MemberPolicy], concerned: &mut ConcernedPeople) -> Result<(), &'static str> {
    let lines = |all: &[MemberPolicy]| all.iter().map(|line| (line.key.clone(), line.until)).collect::<BTreeSet<_>>();
    if before == now {
        return Ok(());
    }
    let (was, is) = (lines(before), lines(now));
    for (key, _) in was.symmetric_difference(&is) {
        if Key::is_group(key) {
            return Err("other groups are in groups");
        }
        concerned.keys.insert(key.clone());
    }
    concerned.named.extend(is.difference(&was).map(|(key, _)| key.clone()));
    Ok(())
}
