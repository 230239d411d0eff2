//! Names and numbers that groups and entitlements go on listing though nobody has them any more. Whoever gets one would have all of that at once, and nothing of it
//! would stand in the plan: so nobody gets one before it is out.
//!
//! Must never: give anybody what the plan does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, FindingCode, ListedBy, ObjectKind, Severity, dn};
use crate::planning::accounts::Step;
use crate::planning::accounts::places;
use crate::planning::accounts::presence::Presence;
use crate::planning::basis::Basis;
use crate::planning::draft::Draft;
use crate::planning::findings::Shared;
use crate::planning::targets::entry_names;
use crate::world::{MemberRow, canonical};

/// Groups in one sentence.
const NAMED: usize = 3;

/// What lists somebody whom nobody knows: by a hash of how it lists them, and by a name in the form in which names are compared.
#[derive(Default)]
struct Lists {
    by_hash: BTreeMap<u64, BTreeMap<Option<u32>, String>>,
    by_name: BTreeMap<String, u64>,
}

impl Lists {
    fn of(basis: &Basis<'_>, target: usize) -> Self {
        let observed = &basis.observed[target];
        let groups = observed.groups();
        let mut lists = Self::default();
        for stranger in observed.strangers() {
            let name = Some(canonical::text(groups.cell_of(stranger.group, "displayName"))).filter(|name| !name.is_empty());
            let words = format!("group {}", name.unwrap_or_else(|| groups.id(stranger.group)));
            if let Some(name) = &stranger.name {
                lists.by_name.insert(dn::normal(name), stranger.hash);
            }
            lists.by_hash.entry(stranger.hash).or_default().insert(Some(stranger.group), words);
        }
        for (hash, name) in observed.grants_of_strangers() {
            lists.by_hash.entry(hash).or_default().insert(None, format!("entitlement {name}"));
        }
        lists
    }

    /// What lists it of what an account does not have by its present name, and the hash by which it does.
    fn find(&self, hash: u64, name: &str, has: impl Fn(u32) -> bool) -> Option<(u64, Vec<&str>)> {
        let hash = if self.by_hash.contains_key(&hash) { hash } else { *self.by_name.get(&dn::normal(name))? };
        let lists = self.by_hash.get(&hash)?.iter().filter(|(group, _)| !group.is_some_and(&has));
        // In an order that no read decides.
        let lists: BTreeSet<&str> = lists.map(|(_, words)| words.as_str()).collect();
        (!lists.is_empty()).then(|| (hash, lists.into_iter().take(NAMED).collect()))
    }
}

/// Holds whoever would come by one. What they are listed by is noted, so that declared groups let it go.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) {
    let basis = step.basis;
    let Some(listed_by) = &basis.observed[target].side.capabilities.listed_by else { return };
    let lists = Lists::of(basis, target);
    if lists.by_hash.is_empty() {
        return;
    }
    let mut held = Vec::new();
    let side = basis.observed[target].side;
    let find = |name: String, has: &dyn Fn(u32) -> bool| {
        let (hash, lists) = lists.find(side.hash(&name), &name, has)?;
        Some((hash, name, lists.join(", ")))
    };
    let numbered = matches!(listed_by, ListedBy::NextNumber { .. });
    // Which of them gets which number nobody knows.
    let number = numbers(step, target, listed_by).into_iter().find_map(|number| find(number, &|_| false));
    for (at, draft) in step.drafts.iter().enumerate().filter(|(_, draft)| draft.target == target) {
        let row = draft.change.object.id.as_ref().and_then(|id| basis.observed[target].accounts().find_id(id));
        let has = |group: u32| row.is_some_and(|row| basis.observed[target].members(group).contains(&MemberRow::Account(row)));
        let found = match draft.change.action {
            Action::Create if draft.change.object.kind == ObjectKind::Account && numbered => number.clone(),
            _ => name_of(step, listed_by, draft).and_then(|name| find(name, &has)),
        };
        held.extend(found.map(|(hash, name, lists)| (at, hash, name, lists)));
    }
    if numbered && step.drafts.iter().any(|draft| draft.change.action == Action::Create) {
        step.report.findings.rest_on_all("which number is given next rests on all accounts");
    }
    let mut over = BTreeSet::new();
    for (at, hash, name, lists) in held {
        step.ghosts[target].insert(hash, Arc::from(name.as_str()));
        hold(step, target, at, (&name, &lists));
        let draft = &step.drafts[at];
        if draft.change.action == Action::Create || draft.change.says_nothing() {
            over.insert(at);
        }
    }
    places::drop_all(step, &over);
}

/// Tells of it, and takes what is not to be written out of the change; a new account goes as a whole.
fn hold(step: &mut Step<'_, '_>, target: usize, at: usize, (name, lists): (&str, &str)) {
    let rules = &step.basis.policy.targets[target];
    let made = step.drafts[at].change.action == Action::Create;
    let what = if made { "so no account is made" } else { "so the account is not renamed or moved" };
    let key = step.drafts[at].change.object.key.clone();
    let sentence =
        format!("{{who}}: would be {name}, which nobody is and {lists} lists still, and come into that with it; {what} before it is out");
    let hint = "A declared group of headcount's lets it go in this plan, and the next one goes on. Take it out of every other one at the target, or choose another name.";
    let shared = Shared::new(Severity::Error, FindingCode::GhostMember, Some(&rules.name), sentence).hint(hint);
    step.report.findings.share(shared, &key);
    if made {
        if let Some(number) = step.basis.people.find(&key) {
            step.presence[target][number as usize] = Presence::Unclear;
        }
        return;
    }
    if let Some(ListedBy::Attribute(listed_by)) = &step.basis.observed[target].side.capabilities.listed_by {
        step.drafts[at].change.attributes.retain(|one| one.attribute != *listed_by);
    }
    places::stay(step, target, at);
}

/// The numbers that new accounts of this plan may get.
fn numbers(step: &Step<'_, '_>, target: usize, listed_by: &ListedBy) -> Vec<String> {
    let ListedBy::NextNumber { hidden } = listed_by else { return Vec::new() };
    let accounts = step.basis.observed[target].accounts();
    let highest = (0..accounts.len()).filter_map(|row| accounts.id(row).parse::<u64>().ok()).max().unwrap_or(0).max(*hidden);
    let made = step.drafts.iter().filter(|draft| draft.target == target && draft.change.action == Action::Create).count() as u64;
    (1..=made).filter_map(|next| Some(highest.checked_add(next)?.to_string())).collect()
}

/// By what an account is listed once it is made or changed; nothing where that stays what it is.
fn name_of(step: &Step<'_, '_>, listed_by: &ListedBy, draft: &Draft) -> Option<String> {
    match listed_by {
        ListedBy::NextNumber { .. } => None,
        ListedBy::Attribute(attribute) => {
            let mut changed = draft.change.attributes.iter().filter(|one| one.attribute == *attribute);
            Some(changed.find(|_| draft.change.object.kind == ObjectKind::Account)?.after.as_ref()?.as_text()?.to_owned())
        }
        ListedBy::Name => {
            let names = step.basis.observed[draft.target].side.capabilities.entry_names.as_ref()?;
            Some(entry_names::going(step.basis, draft)?.after.name(&names.base))
        }
    }
}
