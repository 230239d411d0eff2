//! References between accounts: those that can't be resolved are told, those that come too early become a step of their own.
//!
//! Must never: hold an account back because its manager has none.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::manifest::kinds::MappingMode;
use crate::model::{Action, AttributeChange, AttributeType, Cause, FindingCode, ObjectRef, Reason, Severity, Value};
use crate::planning::assembly::Step;
use crate::planning::draft::{Draft, Grounds, Stage, attribute, with};
use crate::planning::findings::Shared;
use crate::planning::targets::claims::Claim;
use crate::world::canonical;

/// Resolves the references of all drafts.
pub(super) fn resolve(step: &mut Step<'_, '_>) {
    let doomed = doomed(step);
    drop_unresolved(step, &doomed);
    release(step, &doomed);
    for target in 0..step.basis.policy.targets.len() {
        put_off(step, target);
    }
}

/// The key that a change's attribute refers to.
pub(in crate::planning) fn key_of(attribute: &AttributeChange) -> Option<&Arc<str>> {
    match &attribute.after {
        Some(Value::Reference(key)) => Some(key),
        _ => None,
    }
}

/// All keys that a change's attribute refers to.
pub(in crate::planning) fn keys_of(attribute: &AttributeChange) -> impl Iterator<Item = &Arc<str>> {
    let values = match &attribute.after {
        Some(Value::List(items)) => items,
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    values.iter().filter_map(|value| match value {
        Value::Reference(key) => Some(key),
        _ => None,
    })
}

/// By target: the accounts that this plan deletes.
type Doomed = BTreeMap<usize, OfTarget>;

/// The accounts that this plan deletes at one target.
#[derive(Default)]
struct OfTarget {
    /// whose each is, by id
    by_id: BTreeMap<Arc<str>, Arc<str>>,
    /// whose they are
    keys: BTreeSet<Arc<str>>,
}

fn doomed(step: &Step<'_, '_>) -> Doomed {
    let mut doomed = Doomed::new();
    for draft in step.drafts.iter().filter(|draft| draft.stage == Stage::DeleteAccounts) {
        let ObjectRef { id, key, .. } = &draft.change.object;
        if let Some(id) = id {
            let of_target = doomed.entry(draft.target).or_default();
            of_target.by_id.insert(id.clone(), key.clone());
            of_target.keys.insert(key.clone());
        }
    }
    doomed
}

/// Whoever of ours refers to an account that goes for good lets it go first: the target may refuse to delete what somebody refers to.
fn release(step: &mut Step<'_, '_>, doomed: &Doomed) {
    let mut updates = Updates::new();
    for (at, draft) in step.drafts.iter().enumerate().filter(|(_, draft)| draft.stage == Stage::UpdateAccounts && !doomed.is_empty()) {
        updates.entry((draft.target, draft.change.object.clone())).or_insert(at);
    }
    for (target, doomed) in doomed {
        if !step.basis.observed[*target].side.capabilities.update_accounts {
            continue;
        }
        let ours: BTreeMap<u32, u32> = (0..step.basis.people.len())
            .filter_map(|identity| match step.matched.claims[*target].of(identity) {
                Claim::Owned(row) => Some((row, identity)),
                _ => None,
            })
            .collect();
        let attributes = step.basis.layout.targets[*target].attributes.iter();
        let references: Vec<_> = attributes.filter(|one| one.kind == AttributeType::Reference && one.mode != MappingMode::Ignore).collect();
        for (row, identity) in ours {
            for layout in &references {
                let observed = canonical::text(step.basis.observed[*target].accounts().cell(row, layout.column)).into_owned();
                let Some(gone) = doomed.by_id.get(observed.as_str()).cloned() else { continue };
                let key = step.basis.people.key(identity);
                if !doomed.keys.contains(&key) {
                    let change = attribute(&layout.name, Some(Value::Reference(gone)), None);
                    let object = step.basis.account(*target, row, &key);
                    let_go(step, &mut updates, (*target, object), change, Cause::Identity(identity));
                }
            }
        }
    }
}

/// By target and account: the draft that changes it.
type Updates = HashMap<(usize, ObjectRef), usize>;

/// In the step that changes the account anyway, or in one of its own.
fn let_go(step: &mut Step<'_, '_>, updates: &mut Updates, account: (usize, ObjectRef), change: AttributeChange, cause: Cause) {
    match updates.get(&account).and_then(|at| step.drafts.get_mut(*at)) {
        Some(draft) if draft.change.attributes.iter().any(|known| known.attribute == change.attribute) => {}
        Some(draft) => draft.change.attributes.push(change),
        None => {
            let (target, object) = account;
            updates.insert((target, object.clone()), step.drafts.len());
            let update = step.basis.change(target, Action::Update, object, Grounds::normal(Reason::Mover), cause);
            step.draft(target, Stage::UpdateAccounts, with(update, vec![change], &[]));
        }
    }
}

fn drop_unresolved(step: &mut Step<'_, '_>, doomed: &Doomed) {
    let goes = |target: usize, key: &Arc<str>| doomed.get(&target).is_some_and(|doomed| doomed.keys.contains(key));
    let adopted = step.drafts.iter().filter(|draft| draft.change.action == Action::Adopt);
    let adopted: BTreeSet<(usize, Arc<str>)> = adopted.map(|draft| (draft.target, draft.change.object.key.clone())).collect();
    let mut drafts = std::mem::take(&mut step.drafts);
    for draft in &mut drafts {
        let target = draft.target;
        let owner = draft.change.object.key.clone();
        let mut lost = Vec::new();
        draft.change.attributes.retain(|attribute| match key_of(attribute) {
            Some(key)
                if (goes(target, key) || !step.accounts.resolves(step.basis, step.matched, target, key))
                    && !adopted.contains(&(target, key.clone())) =>
            {
                lost.push((attribute.attribute.clone(), key.clone()));
                false
            }
            _ => true,
        });
        for (attribute, key) in lost {
            let name = &step.basis.policy.targets[target].name;
            let sentence = format!("{{who}}: {attribute} is {key}, who has no account here; it is left out");
            step.report.findings.share(
                Shared::new(Severity::Warning, FindingCode::UnresolvedReference, Some(name), sentence).attribute(&attribute),
                &owner,
            );
        }
    }
    drafts.retain(|draft| !draft.change.says_nothing());
    step.drafts = drafts;
}

/// New accounts come after those they refer to. What a circle makes impossible is set afterwards.
fn put_off(step: &mut Step<'_, '_>, target: usize) {
    let mut waits: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    let made = |draft: &&Draft| draft.target == target && draft.stage == Stage::CreateAccounts;
    for draft in step.drafts.iter().filter(made) {
        waits.insert(draft.change.object.key.clone(), draft.change.attributes.iter().filter_map(key_of).cloned().collect());
    }
    let known: BTreeSet<Arc<str>> = waits.keys().cloned().collect();
    for keys in waits.values_mut() {
        keys.retain(|key| known.contains(key));
    }
    let late = late(waits);
    let mut after = Vec::new();
    for draft in step.drafts.iter_mut().filter(|draft| draft.target == target && draft.stage == Stage::CreateAccounts) {
        let Some(keys) = late.get(&draft.change.object.key) else { continue };
        let (put_off, now) = std::mem::take(&mut draft.change.attributes)
            .into_iter()
            .partition(|attribute| key_of(attribute).is_some_and(|key| keys.contains(key)));
        draft.change.attributes = now;
        after.push((draft.change.object.clone(), draft.change.cause, put_off));
    }
    for (object, cause, attributes) in after {
        put_after(step, target, object, cause, attributes);
    }
}

fn put_after(step: &mut Step<'_, '_>, target: usize, object: ObjectRef, cause: Cause, attributes: Vec<AttributeChange>) {
    let change = step.basis.change(target, Action::Update, object, Grounds::normal(Reason::Joiner), cause);
    step.draft(target, Stage::References, with(change, attributes, &[]));
}

/// For each new account the references that can't be set when it is made: those of the smallest key of each circle.
fn late(mut waits: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>) -> BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
    let mut late = BTreeMap::new();
    let mut waited_for: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    for (key, keys) in &waits {
        for other in keys {
            waited_for.entry(other.clone()).or_default().push(key.clone());
        }
    }
    let mut ready: Vec<Arc<str>> = waits.iter().filter(|(_, keys)| keys.is_empty()).map(|(key, _)| key.clone()).collect();
    loop {
        while let Some(key) = ready.pop() {
            waits.remove(&key);
            for other in waited_for.remove(&key).unwrap_or_default() {
                if let Some(keys) = waits.get_mut(&other) {
                    keys.remove(&key);
                    if keys.is_empty() {
                        ready.push(other);
                    }
                }
            }
        }
        let Some(key) = in_circle(&waits) else { return late };
        if let Some(keys) = waits.get_mut(&key) {
            late.insert(key.clone(), std::mem::take(keys));
        }
        ready.push(key);
    }
}

/// The smallest key of the circle that the first one still waiting leads into.
fn in_circle(waits: &BTreeMap<Arc<str>, BTreeSet<Arc<str>>>) -> Option<Arc<str>> {
    let mut at = waits.keys().next()?.clone();
    let mut seen = BTreeSet::new();
    while seen.insert(at.clone()) {
        at = waits.get(&at)?.first()?.clone();
    }
    let start = at.clone();
    let mut smallest = at.clone();
    loop {
        at = waits.get(&at)?.first()?.clone();
        if at == start {
            return Some(smallest);
        }
        smallest = smallest.min(at.clone());
    }
}

/// How many new accounts stand above each new one; those in a circle count from where it was cut.
pub(in crate::planning) fn depths(drafts: &[Draft]) -> BTreeMap<(usize, Arc<str>), usize> {
    let mut above: BTreeMap<(usize, Arc<str>), Vec<Arc<str>>> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| draft.stage == Stage::CreateAccounts) {
        above.insert((draft.target, draft.change.object.key.clone()), draft.change.attributes.iter().filter_map(key_of).cloned().collect());
    }
    let mut depths: BTreeMap<(usize, Arc<str>), usize> = BTreeMap::new();
    for start in above.keys() {
        // A path of its own instead of recursion: chains of managers may be long.
        let (mut path, mut on_path) = (vec![start.clone()], BTreeSet::from([start.clone()]));
        while let Some(at) = path.last().cloned() {
            let next = above.get(&at).into_iter().flatten().map(|key| (at.0, key.clone())).filter(|next| above.contains_key(next));
            let next: Vec<_> = next.collect();
            if let Some(open) = next.iter().find(|next| !depths.contains_key(*next) && !on_path.contains(*next)) {
                on_path.insert(open.clone());
                path.push(open.clone());
                continue;
            }
            let depth = next.iter().filter_map(|next| depths.get(next)).map(|depth| depth + 1).max().unwrap_or(0);
            on_path.remove(&at);
            depths.insert(at, depth);
            path.pop();
        }
    }
    depths
}
