//! The kill switch: who is cut off, and which accounts are theirs, whatever sources, ownership and lifecycles say.
//!
//! An account is theirs when a link, a mark, an earlier revocation or a correlation key leads to it; what was not read is looked up.
//! Must never: cut off an account that is proved, or just as likely, to be somebody else's; that is said, and a person decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Evidence, FindingCode, Key, ObjectKind, Severity, ValueState};
use crate::planning::basis::Basis;
use crate::planning::findings::{Shared, StepReport};
use crate::planning::people::person::Person;
use crate::planning::people::revoked::Order;
use crate::planning::question::LookupBy;
use crate::planning::question::Scope;
use crate::planning::question::texts;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::ownership;
use crate::planning::targets::search;
use crate::policy::Policy;
use crate::world::Carries;

/// Which targets a scope cuts off at.
pub(in crate::planning) fn targets(policy: &Policy, scope: Scope) -> std::ops::Range<usize> {
    match scope {
        Scope::Revoked(target) => target..target + 1,
        Scope::All => 0..policy.targets.len(),
    }
}

/// Takes every account of those who are cut off at a target, and asks for what was not read.
pub(in crate::planning) fn claim(basis: &Basis<'_>, target: usize, matched: &mut Matched, report: &mut StepReport) {
    let step = &mut Step { basis, matched, report };
    // First those that are named: whoever may have one of them is answered by that.
    for (key, _) in basis.revoked.orders() {
        let named = Key::of_account(key).filter(|(at, _)| *at == basis.policy.targets[target].name.as_ref());
        if let Some((_, id)) = named {
            by_itself(step, target, key, id);
        }
    }
    for (key, _) in basis.revoked.orders().filter(|(key, _)| Key::of_account(key).is_none()) {
        let number = basis.people.find(key);
        let (mut rows, mut is_asked) = proved(step, target, key, number);
        if let Some(number) = number {
            is_asked |= correlated(step, target, key, number, &mut rows);
        }
        if !is_asked {
            unreached(step, target, key, "nothing that is known of them can be asked for there, and the accounts were not read");
        }
        for row in &rows {
            step.matched.claims[target].give(*row, number);
            step.matched.cut[target].insert(*row, key.clone());
        }
        ask_memberships(step, target, key, &rows);
        ask_entitlements(step, target, key, &rows);
    }
}

struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s mut Matched,
    report: &'s mut StepReport,
}

/// An account that is revoked by itself, since nobody has it. Whoever would have it by now gets neither this one nor another one without being told.
fn by_itself(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, id: &str) {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    let Some(row) = accounts.find_id(id) else {
        return ask(step, target, key, vec![LookupBy::Id(Arc::from(id))]);
    };
    if let Some(holder) = step.matched.claims[target].holder(row) {
        step.matched.claims[target].dispute(row, holder);
        let sentence =
            format!("{{who}}: the account that would be theirs (id {id}) is revoked by itself, so nothing is planned for them there");
        let shared = Shared::new(Severity::Error, FindingCode::Revocation, Some(&basis.policy.targets[target].name), sentence);
        let hint = match basis.revoked.of(key).and_then(|order| order.documents.first()) {
            Some((document, _)) => format!("If it shall be theirs, take it out of {}.", document.key),
            None => format!("If it shall be theirs: headcount revoke --lift {key}"),
        };
        step.report.findings.share(shared.hint(hint), &basis.people.key(holder));
    }
    step.matched.cut[target].insert(row, key.clone());
    let rows = BTreeSet::from([row]);
    ask_memberships(step, target, key, &rows);
    ask_entitlements(step, target, key, &rows);
}

/// By links, marks and earlier revocations; and whether the target was asked for them, or was read. A mark that nothing can be looked up by is no question.
fn proved(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, number: Option<u32>) -> (BTreeSet<u32>, bool) {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    let name = &basis.policy.targets[target].name;
    let mut keys = number.map(|number| basis.people.keys_of(number)).unwrap_or_default();
    // Those that only the state has, unless somebody else is known by them now.
    let nobodys = |also: &&Arc<str>| basis.people.meant_by(also).is_none_or(|holder| Some(holder) == number);
    keys.extend(basis.revoked.of(key).into_iter().flat_map(Order::also).filter(nobodys).cloned());
    keys.insert(key.clone());
    let mut rows = BTreeSet::new();
    let mut open = Vec::new();
    for key in &keys {
        let linked = basis.world.recall.ids_of(name, ObjectKind::Account, key);
        let cut_off = basis.world.memory.cut_off.iter().filter(|known| known.target == *name && known.key == *key);
        for id in linked.into_iter().chain(cut_off.map(|known| known.id.as_ref())) {
            match accounts.find_id(id) {
                Some(row) => {
                    rows.insert(row);
                }
                None => open.push(LookupBy::Id(Arc::from(id))),
            }
        }
        let Some(marker) = &basis.layout.targets[target].marker else { continue };
        let mark = basis.marks.mark(key);
        rows.extend(accounts.find_by(marker, mark.as_bytes()));
        if !accounts.evidence().proves_absence() && can_ask(step, target, marker) {
            open.push(LookupBy::Attribute(marker.clone(), Arc::from(mark)));
        }
    }
    let is_asked = accounts.evidence().proves_absence() || !rows.is_empty() || !open.is_empty();
    // A link that is out of date touches nobody else's account; nor does a mark that stands where the state remembers somebody else.
    let is_own = |key: &str| keys.iter().any(|own| own.as_ref() == key);
    let others: Vec<u32> = rows.iter().copied().filter(|row| basis.former_key(target, *row).is_some_and(|known| !is_own(&known))).collect();
    for row in others {
        rows.remove(&row);
        unclear(step, target, key, row, "is somebody else's by its mark or by what headcount remembers");
    }
    ask(step, target, key, open);
    let strange: Vec<u32> = rows.iter().copied().filter(|row| is_strange(step, target, *row, number)).collect();
    for row in strange {
        rows.remove(&row);
        unclear(step, target, key, row, "has neither the mark nor a name or key of theirs any more");
    }
    (rows, is_asked)
}

/// Whether accounts can be asked for by an attribute.
fn can_ask(step: &Step<'_, '_>, target: usize, attribute: &str) -> bool {
    let known = &step.basis.observed[target].side.capabilities.asked_by;
    known.as_ref().is_none_or(|known| known.contains(attribute))
}

/// Whether a link alone leads to an account, and nothing else of it fits.
fn is_strange(step: &Step<'_, '_>, target: usize, row: u32, number: Option<u32>) -> bool {
    let basis = step.basis;
    if !ownership::is_strange(basis, target, row) {
        return false;
    }
    number.is_none_or(|number| !ownership::fits(basis, target, number, row, &[]))
}

/// By the correlation keys, even if nothing may be planned for the identity otherwise; and whether the target was asked for one.
fn correlated(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, number: u32, rows: &mut BTreeSet<u32>) -> bool {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    let mut person = Person::default();
    basis.people.values(&basis.layout, number, &mut person);
    let mut is_asked = false;
    if !accounts.evidence().proves_absence() {
        let values = search::values(basis, target, &person);
        let values = values.iter().filter(|(name, _)| can_ask(step, target, name));
        let asked = values.flat_map(|(name, state)| match state {
            ValueState::Set(value) => texts(value).into_iter().map(|text| LookupBy::Attribute((*name).clone(), text)).collect(),
            _ => Vec::new(),
        });
        let asked: Vec<LookupBy> = asked.collect();
        is_asked = !asked.is_empty();
        ask(step, target, key, asked);
    }
    for row in search::hits(basis, target, &search::keys(basis, target, &person)) {
        if rows.contains(&row) {
            continue;
        }
        match whose(step, target, key, row, &person) {
            Whose::Theirs => {
                rows.insert(row);
            }
            Whose::Others => {}
            Whose::Unclear(why) => unclear(step, target, key, row, &why),
        }
    }
    is_asked
}

/// Whose an account is that a correlation key leads to.
enum Whose {
    Theirs,
    Others,
    Unclear(String),
}

fn whose(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, row: u32, person: &Person) -> Whose {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    if accounts.carries(row) == Carries::OtherWorkspace {
        return Whose::Unclear("carries another workspace's mark".to_owned());
    }
    if step.basis.former_key(target, row).is_some_and(|former| former != *key) {
        return Whose::Others;
    }
    if search::has_other_external_id(basis, target, row, person) {
        return Whose::Unclear("has another externalId".to_owned());
    }
    match step.matched.claims[target].holder(row) {
        None if step.matched.claims[target].contested(row) => Whose::Unclear("may be several people's".to_owned()),
        None => Whose::Theirs,
        Some(holder) if step.matched.claims[target].of(holder) == Claim::Owned(row) => Whose::Others,
        Some(holder) => {
            step.matched.claims[target].dispute(row, holder);
            Whose::Unclear(format!("may be {}'s too", basis.people.key(holder)))
        }
    }
}

/// It is left alone and told, unless it is revoked by itself: then somebody has decided.
fn unclear(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, row: u32, why: &str) {
    let basis = step.basis;
    if step.matched.cut[target].get(&row).is_some_and(|by| Key::of_account(by).is_some()) {
        return;
    }
    let id = basis.observed[target].accounts().id(row);
    let name = &basis.policy.targets[target].name;
    let answer = match basis.observed[target].accounts().carries(row) {
        Carries::OtherWorkspace => "revoke it in that workspace, or deactivate it at the target by hand".to_owned(),
        Carries::Nothing | Carries::Ours | Carries::Foreign => format!("headcount revoke --account {name}/{id} --reason WHY"),
    };
    let hint = format!("Look at it now (headcount explain account/{name}/{id}); if it must go: {answer}");
    let sentence = format!("{{who}}: an account that looks like theirs (id {id}) {why}, so the revocation leaves it alone");
    let shared = Shared::new(Severity::Error, FindingCode::AmbiguousCorrelation, Some(&basis.policy.targets[target].name), sentence);
    step.report.findings.share(shared.hint(hint), key);
}

/// Asks what was not answered yet. Where nobody answers, what they have may go on.
fn ask(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, questions: Vec<LookupBy>) {
    let accounts = step.basis.observed[target].accounts();
    let open: Vec<_> = questions.into_iter().filter(|question| !accounts.answered(question)).collect();
    if open.is_empty() {
        return;
    }
    let why = open.iter().find_map(|question| accounts.refused(question)).map(|why| format!(": {why}")).unwrap_or_default();
    for question in open {
        step.report.ask(target, ObjectKind::Account, question);
    }
    unreached(step, target, key, &format!("whether they have an account there could not be found out{why}"));
}

/// The groups of accounts whose memberships were not read, or that were not read themselves.
fn ask_memberships(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, rows: &BTreeSet<u32>) {
    let observed = &step.basis.observed[target];
    let all = [observed.memberships_evidence(), observed.groups().evidence()].iter().all(|evidence| **evidence == Evidence::Complete);
    if !observed.side.capabilities.read_groups {
        return;
    }
    let mut silent = Silence::default();
    // What stands where lists don't look is a stranger to the list of memberships.
    for row in rows.iter().filter(|row| !all || observed.accounts().is_elsewhere(**row)) {
        let id: Arc<str> = Arc::from(observed.accounts().id(*row).as_ref());
        let question = LookupBy::Attribute(Arc::from("member"), id);
        if !observed.answered(ObjectKind::Membership, &question) {
            silent.of(observed.refused(ObjectKind::Membership, &question));
            step.report.ask(target, ObjectKind::Membership, question);
        }
    }
    for group in observed.groups_named() {
        let question = LookupBy::Id(group.clone());
        if observed.groups().find_id(group).is_none() && !observed.answered(ObjectKind::Group, &question) {
            silent.of(observed.refused(ObjectKind::Group, &question));
            step.report.ask(target, ObjectKind::Group, question);
        }
    }
    silent.tell(step, target, key, "the groups they are in could not be found out");
}

/// What accounts hold whose entitlements were not read.
fn ask_entitlements(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, rows: &BTreeSet<u32>) {
    let observed = &step.basis.observed[target];
    if !observed.side.capabilities.entitlements || observed.side.entitlements.evidence == Evidence::Complete {
        return;
    }
    let mut silent = Silence::default();
    for row in rows {
        let id: Arc<str> = Arc::from(observed.accounts().id(*row).as_ref());
        let question = LookupBy::Attribute(Arc::from("account"), id);
        if !observed.answered(ObjectKind::Entitlement, &question) {
            silent.of(observed.refused(ObjectKind::Entitlement, &question));
            step.report.ask(target, ObjectKind::Entitlement, question);
        }
    }
    silent.tell(step, target, key, "the entitlements they have could not be found out");
}

/// Questions that nobody answered, and why, where the target said so.
#[derive(Default)]
struct Silence {
    is_silent: bool,
    why: Option<String>,
}

impl Silence {
    fn of(&mut self, refused: Option<&str>) {
        self.is_silent = true;
        self.why = self.why.take().or_else(|| refused.map(str::to_owned));
    }

    fn tell(self, step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, what: &str) {
        if self.is_silent {
            let why = self.why.map(|why| format!(": {why}")).unwrap_or_default();
            unreached(step, target, key, &format!("{what}{why}"));
        }
    }
}

fn unreached(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, what: &str) {
    let sentence = format!("{{who}}: revoked, but {what}; the next plan asks again");
    let name = &step.basis.policy.targets[target].name;
    let shared = Shared::new(Severity::Incomplete, FindingCode::Revocation, Some(name), sentence);
    step.report.findings.share(shared, key);
}
