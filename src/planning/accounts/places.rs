//! Names of entries that are taken where an account goes: a directory has no two entries of one name in one place, and would refuse it in every run.
//!
//! Must never: keep back more of somebody than what they are called and where they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{Action, CONTAINER, FindingCode, Key, Mandate, ObjectKind, RDN, Risk, Severity, Value};
use crate::planning::accounts::Step;
use crate::planning::accounts::presence::Presence;
use crate::planning::draft::Stage;
use crate::planning::findings::Shared;
use crate::planning::targets::entry_names::{self, EntryPlace};
use crate::world::{canonical, kind_of};

const NEXT_STEP: &str = "Rename one of the two entries in the directory. So that it does not come up again, let `users.rdn` name entries by what no two people \
                         have, or write `unique: true` into the rule of what they are called by.";

/// Somebody who is to get a name, or another one.
struct Wish {
    /// the draft
    at: usize,
    row: Option<u32>,
    key: Arc<str>,
    after: EntryPlace,
    /// in the form in which names are compared
    name: String,
    /// whose it is now
    holders: Vec<u32>,
    or_else: Option<EntryPlace>,
    /// it goes ahead of whatever frees a name
    first: bool,
    leaves: bool,
}

/// Why a name is not to be had.
#[derive(Clone)]
enum Taken {
    /// an entry that stays has it
    By(u32),
    /// an entry has it that this plan takes away or moves, later
    Soon(u32),
    /// another one gets it
    Given(Arc<str>),
}

/// Holds the names and moves of those who can't have them.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) {
    if step.basis.observed[target].side.capabilities.entry_names.is_none() {
        return;
    }
    let mut wishes = wishes(step, target);
    let taken = taken(step, target, &mut wishes);
    let mut over = BTreeSet::new();
    for (wish, why) in taken.into_iter().filter_map(|(at, why)| Some((wishes.get(at)?, why))) {
        tell(step, target, wish, &why);
        let change = &step.drafts[wish.at].change;
        if change.action == Action::Create {
            if let Some(identity) = step.basis.people.find(&change.object.key) {
                step.presence[target][identity as usize] = Presence::Absent;
            }
            over.insert(wish.at);
            continue;
        }
        stay(step, target, wish.at);
        if step.drafts[wish.at].change.says_nothing() {
            over.insert(wish.at);
        }
    }
    drop_all(step, &over);
}

/// Takes out of a change what an entry is called and where it stands.
pub(super) fn stay(step: &mut Step<'_, '_>, target: usize, at: usize) {
    let basis = step.basis;
    let capabilities = &basis.observed[target].side.capabilities;
    let names = capabilities.entry_names.as_ref();
    let now = entry_names::going(basis, &step.drafts[at]).and_then(|going| going.now);
    let named: BTreeSet<&Arc<str>> =
        names.zip(now.as_ref()).map(|(names, now)| entry_names::named_by(names, now)).into_iter().flatten().collect();
    let sign_in = &basis.policy.targets[target].sign_in;
    let change = &mut step.drafts[at].change;
    change.attributes.retain(|one| !named.contains(&one.attribute) && one.attribute.as_ref() != CONTAINER);
    if !change.attributes.iter().any(|one| sign_in.contains(&one.attribute) || one.attribute.as_ref() == "active") {
        change.risks.retain(|risk| *risk != Risk::SignIn);
    }
}

/// Without these drafts.
pub(super) fn drop_all(step: &mut Step<'_, '_>, over: &BTreeSet<usize>) {
    let mut at = 0..;
    step.drafts.retain(|_| at.next().is_none_or(|at| !over.contains(&at)));
}

/// In the order of keys, whatever the order of drafts is.
fn wishes(step: &Step<'_, '_>, target: usize) -> Vec<Wish> {
    let accounts = step.basis.observed[target].accounts();
    let drafts = step.drafts.iter().enumerate().filter(|(_, draft)| draft.target == target);
    let wish = |(at, draft): (usize, &crate::planning::draft::Draft)| {
        let going = entry_names::going(step.basis, draft)?;
        let (object, first) = (&draft.change.object, draft.stage == Stage::Deactivate);
        let row = object.id.as_ref().and_then(|id| accounts.find_id(id));
        let (name, holders) = (going.after.normal(), holders(step, target, &going.after, row));
        Some(Wish { at, row, key: object.key.clone(), after: going.after, name, holders, or_else: going.or_else, first, leaves: true })
    };
    let mut wishes: Vec<Wish> = drafts.filter_map(wish).collect();
    wishes.sort_by(|one, other| (&one.key, one.at).cmp(&(&other.key, other.at)));
    wishes
}

/// Who can't have what they are to get. Whoever has to stay keeps a name from others: so it is looked again until nobody more has to; who of several gets one is
/// settled once it is known that they can.
fn taken(step: &Step<'_, '_>, target: usize, wishes: &mut [Wish]) -> BTreeMap<usize, Taken> {
    let mut taken = BTreeMap::new();
    loop {
        let moving: BTreeSet<u32> = wishes.iter().filter(|wish| wish.leaves).filter_map(|wish| wish.row).collect();
        let of_others = |wish: &Wish| {
            let stays = wish.holders.iter().copied().find(|row| !moving.contains(row)).map(Taken::By);
            stays.or_else(|| wish.holders.iter().copied().find(|_| wish.first).map(Taken::Soon))
        };
        let open = || wishes.iter().enumerate().filter(|(_, wish)| wish.leaves);
        let mut found: Vec<(usize, Taken)> = open().filter_map(|(at, wish)| Some((at, of_others(wish)?))).collect();
        if found.is_empty() {
            let mut given: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
            for (at, wish) in open() {
                match given.get(wish.name.as_str()) {
                    Some(other) if **other != wish.key => found.push((at, Taken::Given((*other).clone()))),
                    _ => _ = given.insert(&wish.name, &wish.key),
                }
            }
        }
        if found.is_empty() {
            return taken;
        }
        for (at, why) in found {
            match wishes[at].or_else.take() {
                // It goes on being called so, which is nothing to wait for.
                Some(place) => wishes[at].settle_for(step, target, place),
                None => {
                    wishes[at].leaves = false;
                    taken.insert(at, why);
                }
            }
        }
    }
}

impl Wish {
    /// It is to go there instead.
    fn settle_for(&mut self, step: &Step<'_, '_>, target: usize, place: EntryPlace) {
        let now = self.row.and_then(|row| entry_names::now(step.basis, target, row));
        self.name = place.normal();
        self.leaves = now.is_none_or(|now| now.normal() != self.name);
        self.holders = holders(step, target, &place, self.row);
        self.after = place;
    }
}

/// The entries of others that have a name.
fn holders(step: &Step<'_, '_>, target: usize, place: &EntryPlace, own: Option<u32>) -> Vec<u32> {
    let accounts = step.basis.observed[target].accounts();
    let keys = canonical::keys(kind_of(RDN), Input::Value(&Value::text(place.rdn.as_str())));
    let rows: BTreeSet<u32> = keys.iter().flat_map(|key| accounts.find_by(RDN, key)).filter(|row| Some(*row) != own).collect();
    let is_there = |row: &u32| entry_names::now(step.basis, target, *row).is_some_and(|there| there.normal() == place.normal());
    rows.into_iter().filter(is_there).collect()
}

fn tell(step: &mut Step<'_, '_>, target: usize, wish: &Wish, why: &Taken) {
    let rules = &step.basis.policy.targets[target];
    let change = &step.drafts[wish.at].change;
    let (whose, passes) = whose(step, target, why);
    let place = &wish.after;
    let there = if place.container.is_empty() { "right below the base".to_owned() } else { format!("in {}", place.container) };
    let then = if change.action == Action::Create { "no account is made" } else { "the account keeps its name and place" };
    let sentence = format!("{{who}}: {whose} called {} {there}, so {then}", place.rdn);
    // Of whoever goes nothing is open that anybody needs.
    let severity = if passes || change.mandate != Mandate::Normal { Severity::Warning } else { Severity::Error };
    let shared = Shared::new(severity, FindingCode::NameTaken, Some(&rules.name), sentence);
    let shared = shared.hint(if passes { "The next plan goes on with it." } else { NEXT_STEP });
    step.report.findings.share(shared, &wish.key);
}

/// Who has a name, as the beginning of a sentence; and whether it is free once this plan has run.
fn whose(step: &Step<'_, '_>, target: usize, why: &Taken) -> (String, bool) {
    let account = |row: &u32| {
        let key = step.matched.account_key(step.basis, target, *row);
        let name = step.basis.account(target, *row, &key).name;
        if Key::is_unclaimed(&key) { format!("an account that belongs to nobody ({name})") } else { format!("the account of {key}") }
    };
    let is_deleted = |row: &u32| {
        let id = step.basis.observed[target].accounts().id(*row);
        let mut deleted = step.drafts.iter().filter(|draft| draft.target == target && draft.change.action == Action::Delete);
        deleted.any(|draft| draft.change.object.kind == ObjectKind::Account && draft.change.object.id.as_deref() == Some(id.as_ref()))
    };
    match why {
        Taken::By(row) if is_deleted(row) => (format!("{}, which goes in this plan, is", account(row)), true),
        Taken::By(row) => (format!("{} is", account(row)), false),
        Taken::Soon(row) => (format!("{}, which this plan moves later, is", account(row)), true),
        Taken::Given(key) => (format!("{key} gets to be"), false),
    }
}
