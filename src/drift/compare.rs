//! What of a plan, and of what nobody declares, is drift.
//!
//! Must never: take what a source or a manifest wants differently since the last run for something that others did.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Drift, DriftKind, Drifted};
use crate::model::{Action, Change, FindingCode, Key, Left, LeftWhat, ObjectKind, Plan};
use crate::planning::{LeftBehind, LeftName};
use crate::policy::Policy;
use crate::world::World;

/// Compares what is needed now with what the last complete run left.
pub fn compare(policy: &Policy, world: &World, plan: &Plan, was: &[Left], now: &LeftBehind) -> Drifted {
    let mut compared = Drifted::default();
    for target in &policy.targets {
        match was.iter().find(|left| left.what == LeftWhat::Run && left.target == target.name) {
            Some(run) => compared.since.push((target.name.clone(), time(run.print))),
            None => compared.unknown.push(target.name.clone()),
        }
    }
    let was: BTreeSet<&Left> = was.iter().collect();
    let same: BTreeSet<&Left> = now.all.iter().filter(|left| was.contains(left)).collect();
    let known: BTreeSet<&Arc<str>> = compared.since.iter().map(|(target, _)| target).collect();
    let look = Look { policy, world, plan, now, was: &was, same };
    let mut drifts = Vec::new();
    for (at, change) in plan.changes.iter().enumerate().filter(|(_, change)| known.contains(&change.target)) {
        drifts.extend(look.change(at, change));
    }
    drifts.extend(look.lost_sign_in().filter(|drift| known.contains(&drift.target)));
    drifts.extend(look.moved().filter(|drift| known.contains(&drift.target)));
    drifts.extend(look.undeclared().into_iter().filter(|drift| known.contains(&drift.target)));
    drifts.sort_by(|one, next| one.target.cmp(&next.target));
    compared.drifts = drifts;
    compared
}

fn time(second: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(second).unwrap_or_default()).unwrap_or_default()
}

struct Look<'a> {
    policy: &'a Policy,
    world: &'a World,
    plan: &'a Plan,
    now: &'a LeftBehind,
    was: &'a BTreeSet<&'a Left>,
    /// what is wanted just as it was
    same: BTreeSet<&'a Left>,
}

impl Look<'_> {
    /// Whether what is wanted of somebody is what the last run left.
    fn unchanged(&self, target: &Arc<str>, what: LeftWhat, key: &str) -> bool {
        let of = self.now.of(key);
        let from = Left { target: target.clone(), what, of, print: 0 };
        self.same.range::<&Left, _>(&from..).next().is_some_and(|left| left.target == *target && left.what == what && left.of == of)
    }

    /// Whether the last run left somebody anything at a target: they had an account there.
    fn was_left(&self, target: &Arc<str>, key: &str) -> bool {
        let (what, of) = (LeftWhat::Values, self.now.of(key));
        let from = Left { target: target.clone(), what, of, print: 0 };
        self.was.range::<&Left, _>(&from..).next().is_some_and(|left| left.target == *target && left.what == what && left.of == of)
    }

    fn linked(&self, change: &Change) -> bool {
        let object = &change.object;
        self.world.link_of(&change.target, object.kind, &object.key).is_some()
    }

    fn change(&self, at: usize, change: &Change) -> Vec<Drift> {
        let (target, key) = (&change.target, &change.object.key);
        let object = change.object.id.clone().map(|id| (change.object.kind, id));
        let put_away = self.was_deactivated(change) && self.is_set(change);
        let drift = |what| Drift { change: Some(at), object: object.clone(), put_away, ..named(what, target, key, &change.object.name) };
        let access = || self.unchanged(target, LeftWhat::Access, key);
        let grant = |what| {
            let of = change.entitlement.clone();
            let privileged = of.as_deref().is_some_and(|name| self.policy.is_privileged_entitlement(target, name));
            vec![Drift { of: of.clone(), of_name: of, check: privileged && what == DriftKind::Granted, ..drift(what) }]
        };
        match (change.object.kind, change.action) {
            (ObjectKind::Account, Action::Update) if self.unchanged(target, LeftWhat::Values, key) => {
                self.values(change, &drift(DriftKind::Value))
            }
            (ObjectKind::Account, Action::UpdateEntitlement) if access() => {
                let one = &grant(DriftKind::Parameter)[0];
                self.values(change, one)
            }
            (ObjectKind::Account, Action::AddEntitlement) if access() => grant(DriftKind::Withdrawn),
            (ObjectKind::Account, Action::RemoveEntitlement) if access() => grant(DriftKind::Granted),
            (ObjectKind::Account, Action::Create) if self.linked(change) => vec![drift(DriftKind::AccountDeleted)],
            (ObjectKind::Account, Action::Deactivate) if self.was_deactivated(change) => {
                vec![Drift { check: true, ..drift(DriftKind::GotSignIn) }]
            }
            (ObjectKind::Group, Action::AddMembers) if self.linked(change) => self.members(change, at, DriftKind::Left),
            (ObjectKind::Group, Action::RemoveMembers) if self.linked(change) => self.members(change, at, DriftKind::Joined),
            (ObjectKind::Group, Action::Create) if self.linked(change) => vec![drift(DriftKind::GroupDeleted)],
            (ObjectKind::Group, Action::Update) if self.linked(change) => self.values(change, &drift(DriftKind::GroupRenamed)),
            _ => Vec::new(),
        }
    }

    fn values(&self, change: &Change, of: &Drift) -> Vec<Drift> {
        let not_kept = |attribute: &Arc<str>| {
            let about = |finding: &crate::model::Finding| {
                finding.subject.key.as_ref() == Some(&change.object.key) && finding.subject.attribute.as_ref() == Some(attribute)
            };
            self.plan.findings.iter().any(|finding| finding.code == FindingCode::NotKept && about(finding))
        };
        // Of whom nothing was left there had no account that anything could have led to.
        let led_nowhere = |attribute: &crate::model::AttributeChange| match &attribute.after {
            Some(crate::model::Value::Reference(key)) => !self.was_left(&change.target, key),
            _ => false,
        };
        let shown = |attribute: &&crate::model::AttributeChange| !not_kept(&attribute.attribute) && !led_nowhere(attribute);
        let one = |attribute: &crate::model::AttributeChange| {
            let secret = attribute.is_secret();
            let value = |value: &Option<crate::model::Value>| value.clone().filter(|_| !secret);
            Drift {
                attribute: Some(attribute.attribute.clone()),
                ours: value(&attribute.after),
                theirs: value(&attribute.before),
                ..of.clone()
            }
        };
        change.attributes.iter().filter(shown).map(one).collect()
    }

    /// Of members those whose groups and entitlements are wanted as they were, and who are nobody's.
    fn members(&self, change: &Change, at: usize, what: DriftKind) -> Vec<Drift> {
        let privileged = self.policy.is_privileged_group(&change.target, &change.object);
        let is_drift =
            |key: &Arc<str>| matches!(Key::of(key), Some(Key::Unclaimed { .. })) || self.unchanged(&change.target, LeftWhat::Access, key);
        let members = change.members.iter().map(|member| &member.member).filter(|member| is_drift(&member.key));
        members
            .map(|member| Drift {
                of: Some(change.object.key.clone()),
                of_name: Some(change.object.name.clone()),
                check: privileged && what == DriftKind::Joined,
                change: Some(at),
                object: change.object.id.clone().map(|id| (ObjectKind::Group, id)),
                ..named(what, &change.target, &member.key, &member.name)
            })
            .collect()
    }

    /// Whether a change writes what the Target gives accounts that it deactivates.
    fn is_set(&self, change: &Change) -> bool {
        let Some(rules) = self.policy.targets.iter().find(|target| target.name == change.target) else { return false };
        let says = [&rules.leaver, &rules.suspended, &rules.deselected, &rules.absent];
        change.attributes.iter().any(|attribute| says.iter().any(|policy| policy.set.contains_key(&attribute.attribute)))
    }

    fn was_deactivated(&self, change: &Change) -> bool {
        let same = |made: &&crate::model::Deactivation| made.target == change.target && Some(&made.id) == change.object.id.as_ref();
        self.world.memory().deactivations.iter().any(|made| same(&made))
    }

    /// Everybody of whom the plan has something to say, and their link at the target.
    fn told(&self, code: FindingCode) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, Option<crate::model::Link>)> + '_ {
        let findings = self.plan.findings.iter().filter(move |finding| finding.code == code);
        let about = findings.filter_map(|finding| Some((finding.subject.system.as_ref()?, &finding.about)));
        about
            .flat_map(move |(target, keys)| keys.iter().map(move |key| (target, key, self.world.link_of(target, ObjectKind::Account, key))))
    }

    fn lost_sign_in(&self) -> impl Iterator<Item = Drift> + '_ {
        self.told(FindingCode::DeactivatedElsewhere).filter_map(|(target, key, link)| {
            // Where headcount took it, the other way round is what happened.
            let taken = |link: &crate::model::Link| {
                self.world.memory().deactivations.iter().any(|made| made.target == link.target && made.id == link.id)
            };
            let lost = !link.as_ref().is_some_and(taken);
            lost.then(|| checked(DriftKind::LostSignIn, target, key, link))
        })
    }

    /// Accounts that stand where their targets do not look: somebody moved them, or a filter was changed.
    fn moved(&self) -> impl Iterator<Item = Drift> + '_ {
        self.told(FindingCode::StandsElsewhere).map(|(target, key, link)| checked(DriftKind::AccountMoved, target, key, link))
    }

    /// New members of groups that no manifest declares, and new accounts that are nobody's.
    fn undeclared(&self) -> Vec<Drift> {
        let found = undeclared(self.world, self.was, self.now);
        found
            .map(|(left, LeftName { name, group, id })| {
                let object = |kind| id.clone().map(|id| (kind, id));
                if left.what == LeftWhat::Nobodys {
                    let object = object(ObjectKind::Account);
                    return Drift { check: true, object, ..named(DriftKind::NewAccount, &left.target, name, name) };
                }
                let target = self.policy.targets.iter().find(|target| target.name == left.target);
                Drift {
                    of: Some(group.clone()),
                    of_name: Some(group.clone()),
                    check: target.is_some_and(|target| target.privileged.names_group(group)) || sounds_privileged(group),
                    object: object(ObjectKind::Group),
                    ..named(DriftKind::JoinedUndeclared, &left.target, name, name)
                }
            })
            .collect()
    }
}

/// What is there now that no manifest declares, and was not when something was left there last. Who is in a group that manifests declared until now came there by
/// them.
pub(super) fn undeclared<'n>(
    world: &'n World,
    was: &'n BTreeSet<&'n Left>,
    now: &'n LeftBehind,
) -> impl Iterator<Item = (&'n Left, &'n LeftName)> {
    let of = |left: &Left| (left.target.clone(), left.of);
    let nobodys: BTreeSet<_> = was.iter().filter(|left| left.what == LeftWhat::Nobodys).map(|left| of(left)).collect();
    let groups: BTreeSet<_> = was.iter().filter(|left| left.what == LeftWhat::Member).map(|left| of(left)).collect();
    let ours = |target: &str, id: &str| world.recall.key_of(target, ObjectKind::Group, id).is_some();
    now.names.iter().filter(move |(left, name)| match left.what {
        LeftWhat::Member => {
            let declared = || !groups.contains(&of(left)) && name.id.as_ref().is_some_and(|id| ours(&left.target, id));
            !was.contains(left) && !declared()
        }
        LeftWhat::Nobodys => !nobodys.contains(&of(left)),
        LeftWhat::Run | LeftWhat::Values | LeftWhat::Access => false,
    })
}

fn sounds_privileged(name: &str) -> bool {
    crate::import::sounds_privileged(name)
}

/// Of an account that somebody should look at before anything follows.
fn checked(what: DriftKind, target: &Arc<str>, key: &Arc<str>, link: Option<crate::model::Link>) -> Drift {
    let name = link.as_ref().and_then(|link| link.name.clone()).unwrap_or_else(|| key.clone());
    let object = link.map(|link| (ObjectKind::Account, link.id));
    Drift { check: true, object, ..named(what, target, key, &name) }
}

fn named(what: DriftKind, target: &Arc<str>, key: &Arc<str>, name: &Arc<str>) -> Drift {
    Drift {
        target: target.clone(),
        what,
        key: key.clone(),
        name: name.clone(),
        of: None,
        of_name: None,
        attribute: None,
        ours: None,
        theirs: None,
        check: false,
        last_change: None,
        object: None,
        put_away: false,
        change: None,
    }
}
