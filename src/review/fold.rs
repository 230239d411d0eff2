//! Equal things told once: what goes along with an account is told with it, the same at several targets is one thing, and people with the same are one group.
//!
//! Must never: leave an atom out of the counts, or let the order of rows or pages show.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::atom::{Atom, AtomSlot, AtomValue};
use super::held::HeldBy;
use super::{Divergence, EffectAtom, ReviewSide, Shown, Watch, Who};
use crate::diagnostic::Place;
use crate::model::{Action, ObjectKind, ObjectRef, Reason};

/// What happens to people or groups, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EffectKind {
    /// an account is deactivated
    LosesSignIn,
    /// an account is deleted
    Deleted,
    /// a group is deleted
    GroupDeleted,
    /// all open sessions end
    SignedOut,
    /// another user name
    ChangesSignIn,
    /// a privileged group or entitlement is given
    GetsPrivilege,
    /// an account is activated again
    RegainsSignIn,
    /// an account that is there already comes under headcount
    TakesOver,
    /// a group that is there already comes under headcount
    GroupTakenOver,
    /// a membership goes
    Leaves,
    /// an entitlement goes
    LosesGrant,
    /// an account is made
    GetsAccount,
    /// a group is made
    GroupMade,
    /// a group gets another name, or other data
    GroupChanges,
    /// a membership comes
    Joins,
    /// an entitlement comes
    GetsGrant,
    /// an entitlement gets another parameter
    ChangesGrant,
    /// any other value
    Changes,
}

/// Equal atoms, told in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AtomGroup {
    /// it is the effect; else it is pending whatever becomes of the branch
    pub of_effect: bool,
    /// of an effect: whether it adds, alters or cancels
    pub how: Divergence,
    /// position in the intent of the document behind it; none: a record, or it can't be told
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<usize>,
    /// why, for a person
    pub reason: Reason,
    /// what happens
    pub effect: EffectKind,
    /// where, sorted
    pub targets: Vec<Arc<str>>,
    /// the group, the entitlement, the attribute; none where the account says all
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<Arc<str>>,
    /// of a parameter: which of the entitlement `what`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Arc<str>>,
    /// the value that goes; only where everybody may see it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Shown,
    /// the value that comes; only where everybody may see it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Shown,
    /// the value that was pending in its place; only where everybody may see it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Shown,
    /// the values are not for everybody
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// it stands in the plan and will not run
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// what main's own manifests hold it by; of the effect: and the branch's do not
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldBy>,
    /// who, by name; of group effects: the groups
    pub who: Vec<PersonLine>,
    /// how many people: more than `who` where groups are nested
    pub people: u64,
    /// how many atoms it stands for, with what goes along
    pub atoms: u64,
    /// the lines behind it, at most three
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// One of a group, and what goes along.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonLine {
    /// whom
    #[serde(flatten)]
    pub who: Who,
    /// memberships and grants that come or go with the account at the same targets, sorted
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub along: Vec<Along>,
}

/// What comes or goes with an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Along {
    /// joins, leaves, gets or loses
    pub effect: EffectKind,
    /// the group or the entitlement
    pub what: Arc<str>,
}

/// First the effect by cause, the worst first; then what is pending.
pub(super) fn fold(
    head: ReviewSide<'_>,
    base: Option<ReviewSide<'_>>,
    effect: &[EffectAtom],
    pending: &[Atom],
    watch: Watch<'_>,
) -> Vec<AtomGroup> {
    let lines = effect.iter().enumerate().map(|(number, one)| Line {
        number,
        atom: &one.atom,
        of_effect: true,
        how: one.how,
        cause: one.causes.first().copied(),
        instead: one.instead.as_ref(),
        side: if one.how == Divergence::Cancels { base.unwrap_or(head) } else { head },
    });
    let mut groups = fold_lines(lines.collect(), watch);
    groups.sort_by_cached_key(rank);
    let lines = pending.iter().enumerate().map(|(number, atom)| Line {
        number,
        atom,
        of_effect: false,
        how: Divergence::Adds,
        cause: None,
        instead: None,
        side: base.unwrap_or(head),
    });
    let mut waiting = fold_lines(lines.collect(), watch);
    waiting.sort_by_cached_key(rank);
    groups.extend(waiting);
    groups
}

/// By what happens, then by size, then by name: the same whatever the order of rows was.
fn rank(group: &AtomGroup) -> impl Ord + use<> {
    let values = serde_json::to_string(&(&group.before, &group.after)).unwrap_or_default();
    let first = group.who.first().map(|line| line.who.clone());
    (group.effect, std::cmp::Reverse(group.people), group.what.clone(), group.parameter.clone(), group.targets.clone(), values, first)
}

/// One atom, and what is known around it.
struct Line<'a> {
    number: usize,
    atom: &'a Atom,
    of_effect: bool,
    how: Divergence,
    cause: Option<usize>,
    instead: Option<&'a Atom>,
    side: ReviewSide<'a>,
}

/// What has to be the same for two atoms to be one thing, but for the target.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    of_effect: bool,
    how: Divergence,
    cause: Option<usize>,
    reason: Reason,
    effect: EffectKind,
    what: Option<Arc<str>>,
    parameter: Option<Arc<str>>,
    values: String,
    withheld: bool,
    held: Vec<HeldBy>,
}

/// Whom it happens to, and the same at each target.
type Happening<'s, 'a> = (Who, Vec<&'s Line<'a>>);

/// Whose account at which target, and how that stands to what was pending.
type Whose<'a> = (&'a Arc<str>, &'a Arc<str>, Divergence);

fn fold_lines(lines: Vec<Line<'_>>, watch: Watch<'_>) -> Vec<AtomGroup> {
    let (leaders, along) = companions(&lines, watch);
    let mut things: HashMap<(Same, Who), Vec<&Line<'_>>> = HashMap::new();
    for (line, leads) in lines.iter().zip(&leaders) {
        if *leads {
            things.entry((same(line, watch), who(line.atom))).or_default().push(line);
        }
    }
    let mut groups: HashMap<(Same, Vec<Arc<str>>), Vec<Happening<'_, '_>>> = HashMap::new();
    for ((same, who), lines) in things {
        let targets: BTreeSet<Arc<str>> = lines.iter().map(|line| line.atom.target.clone()).collect();
        groups.entry((same, targets.into_iter().collect())).or_default().push((who, lines));
    }
    groups.into_iter().map(|((same, targets), people)| group(same, targets, people, &along)).collect()
}

/// What happens to an account as a whole, so that memberships and grants go along with it.
const LEADERS: [EffectKind; 4] = [EffectKind::LosesSignIn, EffectKind::Deleted, EffectKind::GetsAccount, EffectKind::RegainsSignIn];

/// By the number of the line that is told: what goes along with it, and in how many atoms. Two groups may have one name.
type Companions = HashMap<usize, BTreeMap<Along, u64>>;

/// Which atoms stand by themselves; and what the others go along with.
fn companions(lines: &[Line<'_>], watch: Watch<'_>) -> (Vec<bool>, Companions) {
    let mut leads: HashMap<Whose<'_>, (EffectKind, usize)> = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        let effect = effect(line.atom, watch);
        if !line.atom.withheld && LEADERS.contains(&effect) {
            // Somebody may have two accounts at a target, or one that goes in two steps: the gravest has the rest along.
            let lead = leads.entry((&line.atom.target, &line.atom.object.key, line.how)).or_insert((effect, number));
            *lead = (*lead).min((effect, number));
        }
    }
    let goes_along = |line: &Line<'_>| -> Option<(usize, Along)> {
        let effect = effect(line.atom, watch);
        let person = line.atom.person().filter(|_| !line.atom.withheld)?;
        let (lead, number) = leads.get(&(&line.atom.target, &person.key, line.how))?;
        let goes = match lead {
            EffectKind::LosesSignIn | EffectKind::Deleted => {
                matches!(effect, EffectKind::Leaves | EffectKind::LosesGrant | EffectKind::SignedOut)
            }
            _ => matches!(effect, EffectKind::Joins | EffectKind::GetsGrant),
        };
        let what = what(line.atom, effect).unwrap_or_else(|| Arc::from(""));
        goes.then_some((*number, Along { effect, what }))
    };
    let mut along = Companions::new();
    let leaders = lines.iter().map(|line| match goes_along(line) {
        Some((number, what)) => {
            *along.entry(number).or_default().entry(what).or_default() += 1;
            false
        }
        None => true,
    });
    (leaders.collect(), along)
}

fn group(same: Same, targets: Vec<Arc<str>>, mut people: Vec<Happening<'_, '_>>, along: &Companions) -> AtomGroup {
    people.sort_by(|(one, _), (other, _)| (&one.name, &one.key).cmp(&(&other.name, &other.key)));
    let lines = || people.iter().flat_map(|(_, lines)| lines);
    let first = lines().next();
    let value = first.and_then(|line| value(line.atom));
    let instead = first.and_then(|line| line.instead).and_then(self::value).and_then(|value| value.after.clone());
    let mut going = 0;
    let who: Vec<PersonLine> = people
        .iter()
        .map(|(who, lines)| {
            let with = || lines.iter().filter_map(|line| along.get(&line.number)).flatten();
            going += with().map(|(_, atoms)| atoms).sum::<u64>();
            // What does not happen takes nothing along.
            let with: BTreeSet<Along> = with().filter(|_| same.how != Divergence::Cancels).map(|(along, _)| along.clone()).collect();
            PersonLine { who: who.clone(), along: with.into_iter().collect() }
        })
        .collect();
    let weight = |lines: &[&Line<'_>]| lines.iter().map(|line| line.atom.weight()).max().unwrap_or_default();
    AtomGroup {
        of_effect: same.of_effect,
        how: same.how,
        cause: same.cause,
        reason: same.reason,
        effect: same.effect,
        what: same.what,
        parameter: same.parameter,
        before: value.and_then(|value| value.before.clone()),
        after: value.and_then(|value| value.after.clone()),
        instead,
        hidden: value.is_some_and(|value| !value.public),
        withheld: same.withheld,
        held: same.held,
        people: people.iter().map(|(_, lines)| weight(lines)).sum(),
        atoms: lines().count() as u64 + going,
        places: places(lines().copied()),
        targets,
        who,
    }
}

/// The lines behind the first of a group: the others have the same, or they would not be in it.
fn places<'a>(mut lines: impl Iterator<Item = &'a Line<'a>>) -> Vec<Place> {
    let Some(line) = lines.next() else { return Vec::new() };
    let Some(change) = line.plan_change() else { return Vec::new() };
    let origins = line.side.explain.origins(change);
    let of_slot = match &line.atom.slot {
        AtomSlot::Attribute(value) | AtomSlot::Parameter { value, .. } => origins.attributes.get(&value.name),
        AtomSlot::Member { member, .. } => origins.members.get(&member.key),
        _ => return origins.line.into_iter().collect(),
    };
    of_slot.into_iter().flatten().take(3).cloned().collect()
}

impl Line<'_> {
    fn plan_change(&self) -> Option<&crate::model::Change> {
        self.side.plan.changes.get(self.atom.change as usize)
    }
}

fn same(line: &Line<'_>, watch: Watch<'_>) -> Same {
    let effect = effect(line.atom, watch);
    let values = value(line.atom).map(|value| {
        let instead = line.instead.and_then(self::value).and_then(|value| value.after.as_ref());
        serde_json::to_string(&(&value.before, &value.after, instead)).unwrap_or_default()
    });
    Same {
        of_effect: line.of_effect,
        how: line.how,
        cause: line.cause,
        reason: line.atom.reason,
        effect,
        what: what(line.atom, effect),
        parameter: match &line.atom.slot {
            AtomSlot::Parameter { value, .. } => Some(value.name.clone()),
            _ => None,
        },
        values: values.unwrap_or_default(),
        withheld: line.atom.withheld,
        held: line.atom.held.clone(),
    }
}

/// Whom it happens to: the person, or the group.
fn who(atom: &Atom) -> Who {
    let ObjectRef { key, name, .. } = match &atom.slot {
        AtomSlot::Member { member, .. } | AtomSlot::Loser { member, .. } => member,
        _ => &atom.object,
    };
    Who { key: key.clone(), name: name.clone() }
}

fn value(atom: &Atom) -> Option<&AtomValue> {
    match &atom.slot {
        AtomSlot::Attribute(value) | AtomSlot::Parameter { value, .. } => Some(value),
        _ => None,
    }
}

fn what(atom: &Atom, effect: EffectKind) -> Option<Arc<str>> {
    match &atom.slot {
        AtomSlot::Object { .. } if effect == EffectKind::GroupChanges => Some(Arc::from("displayName")),
        AtomSlot::Object { .. } => None,
        AtomSlot::Attribute(value) => Some(value.name.clone()),
        AtomSlot::Member { .. } | AtomSlot::Loser { .. } => Some(atom.object.name.clone()),
        AtomSlot::Entitlement { entitlement, .. } | AtomSlot::Parameter { entitlement, .. } => Some(entitlement.clone()),
    }
}

/// What happens, in a reviewer's terms.
pub(super) fn effect(atom: &Atom, watch: Watch<'_>) -> EffectKind {
    let group = atom.object.kind == ObjectKind::Group;
    match &atom.slot {
        AtomSlot::Object { action, .. } if group => of_group(*action),
        AtomSlot::Object { action, .. } => of_account(*action),
        AtomSlot::Attribute(value) if watch.value(&atom.target, &atom.object, value) => EffectKind::GetsPrivilege,
        AtomSlot::Attribute(_) if group => EffectKind::GroupChanges,
        AtomSlot::Attribute(value) if watch.sign_in(&atom.target, &value.name) => EffectKind::ChangesSignIn,
        AtomSlot::Attribute(_) => EffectKind::Changes,
        AtomSlot::Member { added: true, .. } if watch.group(&atom.target, &atom.object) => EffectKind::GetsPrivilege,
        AtomSlot::Member { added: true, .. } => EffectKind::Joins,
        AtomSlot::Member { .. } | AtomSlot::Loser { .. } => EffectKind::Leaves,
        AtomSlot::Entitlement { entitlement, given: true, .. } if watch.entitlement(&atom.target, entitlement) => EffectKind::GetsPrivilege,
        AtomSlot::Entitlement { given: true, .. } => EffectKind::GetsGrant,
        AtomSlot::Entitlement { .. } => EffectKind::LosesGrant,
        AtomSlot::Parameter { .. } => EffectKind::ChangesGrant,
    }
}

fn of_account(action: Action) -> EffectKind {
    match action {
        Action::Create => EffectKind::GetsAccount,
        Action::Adopt => EffectKind::TakesOver,
        Action::Reactivate => EffectKind::RegainsSignIn,
        Action::Deactivate => EffectKind::LosesSignIn,
        Action::Delete => EffectKind::Deleted,
        Action::EndSessions => EffectKind::SignedOut,
        _ => EffectKind::Changes,
    }
}

fn of_group(action: Action) -> EffectKind {
    match action {
        Action::Create => EffectKind::GroupMade,
        Action::Adopt => EffectKind::GroupTakenOver,
        Action::Delete => EffectKind::GroupDeleted,
        _ => EffectKind::GroupChanges,
    }
}

impl EffectKind {
    /// Whether it happens to people; else to groups.
    pub fn is_of_people(self) -> bool {
        !matches!(self, Self::GroupDeleted | Self::GroupTakenOver | Self::GroupMade | Self::GroupChanges)
    }
}
