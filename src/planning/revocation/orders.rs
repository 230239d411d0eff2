//! The kill switch: who is cut off, and which accounts are theirs, whatever sources, ownership and lifecycles say.
//!
//! An account is theirs when a link, a mark, an earlier revocation or a correlation key leads to it; what was not read is looked up.
//! Must never: cut off an account that is proved, or just as likely, to be somebody else's; that is said, and a person decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::model::{Evidence, FindingCode, Memory, ObjectKind, Severity, StandingRevocation, ValueState};
use crate::planning::LookupBy;
use crate::planning::Scope;
use crate::planning::accounts::diff::texts;
use crate::planning::people::identity::{Identities, Person};
use crate::planning::report::findings::Shared;
use crate::planning::targets::correlate;
use crate::planning::targets::correlate::Claim;
use crate::planning::targets::ownership;
use crate::planning::work::{Presence, Work};
use crate::policy::{MemberPolicy, Policy, RevocationPolicy};
use crate::world::Carries;

/// Who is cut off.
#[derive(Default)]
pub(in crate::planning) struct Revoked<'a> {
    orders: BTreeMap<Arc<str>, Order<'a>>,
    numbers: BTreeSet<u32>,
}

/// Why one identity is cut off.
#[derive(Default)]
pub(in crate::planning) struct Order<'a> {
    /// the documents that name it, and where
    pub(in crate::planning) documents: Vec<(&'a RevocationPolicy, &'a MemberPolicy)>,
    /// a command that did
    pub(in crate::planning) standing: Option<&'a StandingRevocation>,
}

impl<'a> Revoked<'a> {
    /// Everybody whom a document or a remembered command names.
    pub(in crate::planning) fn new(policy: &'a Policy, memory: &'a Memory, people: &Identities<'_>) -> Self {
        let mut revoked = Self::default();
        for document in &policy.revocations {
            for member in document.identities.iter().filter(|member| !member.key.starts_with("group/")) {
                revoked.order(people, &member.key).documents.push((document, member));
            }
        }
        for standing in &memory.revocations {
            revoked.order(people, &standing.key).standing = Some(standing);
        }
        revoked
    }

    fn order(&mut self, people: &Identities<'_>, key: &Arc<str>) -> &mut Order<'a> {
        let number = people.meant_by(key);
        self.numbers.extend(number);
        // By whatever key of theirs, it is the same identity.
        let key = number.map_or_else(|| key.clone(), |number| people.key(number));
        self.orders.entry(key).or_default()
    }

    /// Whether an identity is cut off.
    pub(in crate::planning) fn has(&self, number: u32) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&number)
    }

    /// Why a key's identity is cut off.
    pub(in crate::planning) fn of(&self, key: &str) -> Option<&Order<'a>> {
        self.orders.get(key)
    }

    /// By key.
    pub(in crate::planning) fn orders(&self) -> impl Iterator<Item = (&Arc<str>, &Order<'a>)> {
        self.orders.iter()
    }
}

impl Order<'_> {
    /// The last day of all that is said, if there is one.
    pub(in crate::planning) fn until(&self) -> Option<Date> {
        let of_documents = self.documents.iter().map(|(document, member)| document.until.into_iter().chain(member.until).min());
        let days = of_documents.chain(self.standing.iter().map(|standing| standing.until));
        days.collect::<Option<Vec<_>>>().and_then(|days| days.into_iter().max())
    }

    /// Every key by which it is named or was known when it was cut off.
    pub(in crate::planning) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.documents.iter().map(|(_, member)| &member.key).chain(self.also())
    }

    /// Keys by which it was known when it was cut off.
    pub(in crate::planning) fn also(&self) -> impl Iterator<Item = &Arc<str>> {
        self.standing.iter().flat_map(|standing| standing.keys())
    }

    /// Whether a command still waits for its receipt from a target.
    pub(in crate::planning) fn is_open_at(&self, target: &str) -> bool {
        self.standing.is_some_and(|standing| {
            let receipt = standing.receipts.iter().find(|receipt| receipt.target.as_ref() == target);
            receipt.is_none_or(|receipt| !receipt.outcome.holds())
        })
    }
}

/// Which targets a scope cuts off at.
pub(in crate::planning) fn targets(policy: &Policy, scope: Scope<'_>) -> std::ops::Range<usize> {
    match scope {
        Scope::Revoked(target) => target..target + 1,
        Scope::All | Scope::Only(_) => 0..policy.targets.len(),
    }
}

/// Takes every account of those who are cut off at a target, and asks for what was not read.
pub(in crate::planning) fn claim(work: &mut Work<'_, '_>, target: usize) {
    let basis = work.basis;
    for (key, _) in basis.revoked.orders() {
        let number = basis.people.find(key);
        let mut rows = proved(work, target, key, number);
        if let Some(number) = number {
            correlated(work, target, key, number, &mut rows);
        }
        for row in &rows {
            work.claims[target].give(*row, number);
            work.cut[target].insert(*row, key.clone());
        }
        ask_memberships(work, target, key, &rows);
        ask_entitlements(work, target, key, &rows);
        if let Some(number) = number {
            work.presence[target][number as usize] = if rows.is_empty() { Presence::Absent } else { Presence::Leaves };
        }
    }
}

/// By links, marks and earlier revocations.
fn proved(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, number: Option<u32>) -> BTreeSet<u32> {
    let basis = work.basis;
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
        let linked = basis.world.recall.ids_of(&basis.world.memory, name, ObjectKind::Account, key);
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
        if !accounts.evidence().proves_absence() {
            open.push(LookupBy::Attribute(marker.clone(), Arc::from(mark)));
        }
    }
    // A link that is out of date touches nobody else's account.
    rows.retain(|row| accounts.marked_key(*row).is_none_or(|marked| keys.iter().any(|key| key.as_ref() == marked)));
    ask(work, target, key, open);
    let strange: Vec<u32> = rows.iter().copied().filter(|row| is_strange(work, target, *row, number)).collect();
    for row in strange {
        rows.remove(&row);
        unclear(work, target, key, row, "has neither the mark nor a name or key of theirs any more");
    }
    rows
}

/// Whether a link alone leads to an account, and nothing else of it fits.
fn is_strange(work: &Work<'_, '_>, target: usize, row: u32, number: Option<u32>) -> bool {
    let basis = work.basis;
    if !ownership::is_strange(work, target, row) {
        return false;
    }
    number.is_none_or(|number| !ownership::fits(basis, target, number, row, &[]))
}

/// By the correlation keys, even if nothing may be planned for the identity otherwise.
fn correlated(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, number: u32, rows: &mut BTreeSet<u32>) {
    let basis = work.basis;
    let accounts = basis.observed[target].accounts();
    let mut person = Person::default();
    basis.people.values(&basis.layout, number, &mut person);
    if !accounts.evidence().proves_absence() {
        let values = correlate::values(basis, target, &person);
        let asked = values.iter().flat_map(|(name, state)| match state {
            ValueState::Set(value) => texts(value).into_iter().map(|text| LookupBy::Attribute((*name).clone(), text)).collect(),
            _ => Vec::new(),
        });
        let asked = asked.collect();
        ask(work, target, key, asked);
    }
    for row in correlate::hits(basis, target, &correlate::keys(basis, target, &person)) {
        if rows.contains(&row) {
            continue;
        }
        match whose(work, target, key, row, &person) {
            Whose::Theirs => {
                rows.insert(row);
            }
            Whose::Others => {}
            Whose::Unclear(why) => unclear(work, target, key, row, &why),
        }
    }
}

/// Whose an account is that a correlation key leads to.
enum Whose {
    Theirs,
    Others,
    Unclear(String),
}

fn whose(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, row: u32, person: &Person) -> Whose {
    let basis = work.basis;
    let accounts = basis.observed[target].accounts();
    if accounts.carries(row) == Carries::OtherWorkspace {
        return Whose::Unclear("carries another workspace's mark".to_owned());
    }
    if work.former_key(target, row).is_some_and(|former| former != *key) {
        return Whose::Others;
    }
    if correlate::has_other_external_id(basis, target, row, person) {
        return Whose::Unclear("has another externalId".to_owned());
    }
    match work.claims[target].holder(row) {
        None if work.claims[target].contested(row) => Whose::Unclear("may be several people's".to_owned()),
        None => Whose::Theirs,
        Some(holder) if work.claims[target].of(holder) == Claim::Owned(row) => Whose::Others,
        Some(holder) => {
            work.claims[target].dispute(row, holder);
            Whose::Unclear(format!("may be {}'s too", basis.people.key(holder)))
        }
    }
}

fn unclear(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, row: u32, why: &str) {
    let basis = work.basis;
    let id = basis.observed[target].accounts().id(row);
    let sentence = format!("{{who}}: an account that looks like theirs (id {id}) {why}, so the revocation leaves it alone");
    let shared = Shared::new(Severity::Error, FindingCode::AmbiguousCorrelation, Some(&basis.policy.targets[target].name), sentence);
    work.findings.share(shared.hint("Look at it now; if it is theirs, deactivate it at the target."), key);
}

/// Asks what was not answered yet. Where nobody answers, what they have may go on.
fn ask(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, questions: Vec<LookupBy>) {
    let accounts = work.basis.observed[target].accounts();
    let open: Vec<_> = questions.into_iter().filter(|question| !accounts.answered(question)).collect();
    if open.is_empty() {
        return;
    }
    for question in open {
        work.ask(target, ObjectKind::Account, question);
    }
    unreached(work, target, key, "whether they have an account there could not be found out");
}

/// The groups of accounts whose memberships were not read.
fn ask_memberships(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, rows: &BTreeSet<u32>) {
    let observed = &work.basis.observed[target];
    if !observed.side.capabilities.read_groups || *observed.memberships_evidence() == Evidence::Complete {
        return;
    }
    let mut silent = false;
    for row in rows {
        let id: Arc<str> = Arc::from(observed.accounts().id(*row).as_ref());
        let question = LookupBy::Attribute(Arc::from("member"), id);
        if !observed.answered(ObjectKind::Membership, &question) {
            work.ask(target, ObjectKind::Membership, question);
            silent = true;
        }
    }
    for group in observed.groups_named() {
        let question = LookupBy::Id(group.clone());
        if observed.groups().find_id(group).is_none() && !observed.answered(ObjectKind::Group, &question) {
            work.ask(target, ObjectKind::Group, question);
            silent = true;
        }
    }
    if silent {
        unreached(work, target, key, "the groups they are in could not be found out");
    }
}

/// What accounts hold whose entitlements were not read.
fn ask_entitlements(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, rows: &BTreeSet<u32>) {
    let observed = &work.basis.observed[target];
    if !observed.side.capabilities.entitlements || observed.side.entitlements.evidence == Evidence::Complete {
        return;
    }
    let mut silent = false;
    for row in rows {
        let id: Arc<str> = Arc::from(observed.accounts().id(*row).as_ref());
        let question = LookupBy::Attribute(Arc::from("account"), id);
        if !observed.answered(ObjectKind::Entitlement, &question) {
            work.ask(target, ObjectKind::Entitlement, question);
            silent = true;
        }
    }
    if silent {
        unreached(work, target, key, "the entitlements they have could not be found out");
    }
}

fn unreached(work: &mut Work<'_, '_>, target: usize, key: &Arc<str>, what: &str) {
    let sentence = format!("{{who}}: revoked, but {what}; the next plan asks again");
    let name = &work.basis.policy.targets[target].name;
    let shared = Shared::new(Severity::Incomplete, FindingCode::Revocation, Some(name), sentence);
    work.findings.share(shared, key);
}
