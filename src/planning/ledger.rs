//! What a plan leaves behind for the next one: who needs attention, what each counts as in whatever is counted over all, and by what people bear on each other.
//!
//! Must never: decide anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;

use crate::model::{Action, AttributeType, Due, Key, ObjectKind, RDN, Upcoming, Value};
use crate::planning::accounts::Accounts;
use crate::planning::accounts::presence::Presence;
use crate::planning::basis::Basis;
use crate::planning::beyond::{Beyond, Others, Totals, Traits};
use crate::planning::by_hash::ByHash;
use crate::planning::diary::upcoming;
use crate::planning::draft::Draft;
use crate::planning::entitlements::cover::EntitlementCover;
use crate::planning::findings::StepReport;
use crate::planning::groups::cover::GroupCover;
use crate::planning::people::identity::IdentityOrigin;
use crate::planning::people::matched_records::{MatchedRecords, Record};
use crate::planning::people::person::Person;
use crate::planning::targets::claims::{Claim, Matched};
use crate::planning::targets::entry_names;
use crate::planning::trace_index::{Node, TraceIndex};
use crate::planning::traces::{Trace, Tracer};
use crate::world::Keyed;

/// What a plan leaves behind.
pub(in crate::planning) struct Ledger {
    keyed: Keyed,
    /// what each identity counts as, by the hash of the key
    people: ByHash<u32>,
    kinds: Vec<Counted>,
    numbers: HashMap<Counted, u32>,
    /// what each account counts as, by target and the hash of the id
    accounts: Vec<ByHash<Traits>>,
    traces: TraceIndex,
    dues: BTreeMap<Due, u32>,
    by_day: BTreeMap<Date, u64>,
    due: HashMap<Arc<str>, Vec<Due>>,
    pub(in crate::planning) attention: Attention,
    pub(in crate::planning) touched: Touched,
    /// by target: whether accounts that nobody claims are nobody's
    strangers_go: Vec<bool>,
    sums: Sums,
    /// why a part of the people can't be planned by itself
    pub(in crate::planning) rests_on_all: Option<&'static str>,
}

/// Whom a plan changes or says something about: they are looked at again in every plan.
#[derive(Clone, Debug, Default)]
pub(in crate::planning) struct Attention {
    pub(in crate::planning) keys: BTreeSet<Arc<str>>,
    /// by target and id
    pub(in crate::planning) accounts: BTreeSet<(usize, Arc<str>)>,
}

/// What a plan gives and takes that others may have or refer to.
#[derive(Clone, Debug, Default)]
pub(in crate::planning) struct Touched {
    /// target, attribute and value
    pub(in crate::planning) given: Vec<(usize, Arc<str>, Value)>,
    /// accounts that are deleted, by target and id
    pub(in crate::planning) deleted: Vec<(usize, Arc<str>)>,
}

/// What one identity counts as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Counted {
    /// targets at which the account stays or is made
    staying: Vec<u32>,
    /// groups and entitlements whose rules cover them
    covered: Vec<u32>,
    entitled: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    staying: Vec<u64>,
    covered: Vec<u64>,
    entitled: Vec<u64>,
    accounts: Vec<Totals>,
}

impl Ledger {
    /// With nothing in it.
    pub(in crate::planning) fn new(basis: &Basis<'_>) -> Self {
        let targets = basis.policy.targets.len();
        Self {
            keyed: Keyed::of(&basis.policy.workspace),
            people: ByHash::default(),
            kinds: Vec::new(),
            numbers: HashMap::new(),
            accounts: vec![ByHash::default(); targets],
            traces: TraceIndex::default(),
            dues: BTreeMap::new(),
            by_day: BTreeMap::new(),
            due: HashMap::new(),
            attention: Attention::default(),
            touched: Touched::default(),
            strangers_go: Vec::new(),
            sums: Sums {
                staying: vec![0; targets],
                covered: vec![0; basis.policy.groups.len()],
                entitled: vec![0; basis.policy.entitlements.len()],
                accounts: vec![Totals::default(); targets],
            },
            rests_on_all: None,
        }
    }

    /// Notes by what everybody bears on others, and what makes a plan of a part impossible.
    pub(in crate::planning) fn trace_all(&mut self, basis: &Basis<'_>, matched: &Matched) {
        let tracer = Tracer { policy: basis.policy, layout: &basis.layout, keyed: self.keyed };
        let mut person = Person::default();
        let correlates = basis.layout.sources.iter().any(|source| !source.keys.is_empty());
        let refers = tracer.has_references();
        for identity in 0..basis.people.len() {
            let open = matched.claims.iter().any(|claims| !matches!(claims.of(identity), Claim::Owned(_)));
            if !open && !correlates && !refers {
                continue;
            }
            basis.people.values(&basis.layout, identity, &mut person);
            let mut traces: Vec<Trace> = tracer.references(&person).iter().map(|key| tracer.to_key(key)).collect();
            if open {
                let sought = tracer.sought(&person);
                traces.extend(tracer.of_person(&person, &sought));
            }
            if correlates {
                traces.extend(tracer.of_keys(&person));
            }
            let node = self.node(basis, identity);
            self.traces.leave(traces, node);
        }
        if correlates {
            self.trace_records(basis, tracer);
        }
        for target in 0..basis.policy.targets.len() {
            self.trace_accounts(basis, matched, target, tracer);
        }
        self.traces.settle();
    }

    /// Records that may be somebody's: by the keys that they are held against identities by.
    fn trace_records(&mut self, basis: &Basis<'_>, tracer: Tracer<'_>) {
        let mut person = Person::default();
        let slots: Vec<usize> = (0..basis.layout.slots.len()).collect();
        for (source, side) in basis.world.sources.iter().enumerate().filter(|(at, _)| !basis.layout.sources[*at].keys.is_empty()) {
            for record in 0..side.len() {
                basis.people.key_of_record(&basis.layout, source, record, &slots, &mut person);
                let node = Node::Record(source, self.keyed.text(side.key(record)));
                self.traces.leave(tracer.of_keys(&person), node);
            }
        }
    }

    fn trace_accounts(&mut self, basis: &Basis<'_>, matched: &Matched, target: usize, tracer: Tracer<'_>) {
        let accounts = basis.observed[target].accounts();
        let refers = tracer.layout.targets[target].attributes.iter().any(|one| one.kind == AttributeType::Reference);
        for row in 0..accounts.len() {
            let mut traces: Vec<Trace> = Vec::new();
            if refers {
                let ids = tracer.referred(target, |column| accounts.cell(row, column));
                traces.extend(ids.iter().map(|id| tracer.to_id(target, id)));
            }
            // Of somebody who is gone: whoever comes may be them.
            let former = || basis.former_key(target, row).filter(|key| basis.people.find(key).is_none());
            if matched.claims[target].holder(row).is_none()
                && let Some(key) = former()
            {
                traces.extend(tracer.of_account(target, Some(&key), |name| accounts.cell_of(row, name)));
            }
            if !traces.is_empty() {
                self.traces.leave(traces, Node::Account(target, self.keyed.text(&accounts.id(row))));
            }
        }
    }

    fn node(&self, basis: &Basis<'_>, identity: u32) -> Node {
        match basis.people.origin(identity) {
            IdentityOrigin::Record(source, record) => Node::Record(source, self.keyed.text(basis.world.sources[source].key(record))),
            IdentityOrigin::User(user) => Node::User(basis.policy.users[user].key.clone()),
        }
    }

    /// Where a trace leads.
    pub(in crate::planning) fn led(&self, trace: Trace) -> impl Iterator<Item = Node> + '_ {
        self.traces.led(trace)
    }

    /// Notes what everybody counts as.
    pub(in crate::planning) fn count_people(&mut self, basis: &Basis<'_>, covers: Covers, accounts: &Accounts) {
        self.strangers_go.clone_from(&accounts.strangers_go);
        let Covers { mut covered, mut entitled } = covers;
        for identity in 0..basis.people.len() {
            let stays = |of: &Vec<Presence>| matches!(of.get(identity as usize), Some(Presence::Stays | Presence::Made));
            let staying = accounts.presence.iter().enumerate().filter(|(_, of)| stays(of)).map(|(target, _)| target as u32).collect();
            let counted = Counted {
                staying,
                covered: covered.remove(&identity).unwrap_or_default(),
                entitled: entitled.remove(&identity).unwrap_or_default(),
            };
            self.put(self.keyed.text(&basis.people.key(identity)), counted);
        }
        self.people.tidy();
    }

    fn put(&mut self, person: u64, counted: Counted) {
        self.sum(&counted, 1);
        let next = self.kinds.len() as u32;
        let number = *self.numbers.entry(counted).or_insert_with_key(|counted| {
            self.kinds.push(counted.clone());
            next
        });
        if let Some(before) = self.people.insert(person, number) {
            self.drop_kind(before);
        }
    }

    fn drop_kind(&mut self, number: u32) {
        if let Some(counted) = self.kinds.get(number as usize).cloned() {
            self.sum(&counted, -1);
        }
    }

    fn sum(&mut self, counted: &Counted, by: i64) {
        let Sums { staying, covered, entitled, .. } = &mut self.sums;
        for (sums, of) in [(staying, &counted.staying), (covered, &counted.covered), (entitled, &counted.entitled)] {
            of.iter()
                .filter_map(|at| Some((*at as usize, sums.get(*at as usize)?.saturating_add_signed(by))))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|(at, sum)| sums[at] = sum);
        }
    }

    /// Notes what every account counts as.
    pub(in crate::planning) fn count_accounts(&mut self, basis: &Basis<'_>, traits: &[Vec<Traits>]) {
        for (target, traits) in traits.iter().enumerate() {
            let accounts = basis.observed[target].accounts();
            // What was looked up is not of the list.
            let listed = basis.observed[target].side.accounts.len();
            for (row, account) in traits.iter().enumerate().take(listed as usize) {
                self.put_account(target, self.keyed.text(&accounts.id(row as u32)), *account);
            }
            self.accounts[target].tidy();
        }
    }

    fn put_account(&mut self, target: usize, id: u64, account: Traits) {
        if let Some(before) = self.accounts[target].insert(id, account) {
            self.sums.accounts[target].count(before, -1);
        }
        self.sums.accounts[target].count(account, 1);
    }

    /// Notes what is said and done, of whom, and what falls due.
    pub(in crate::planning) fn note(&mut self, basis: &Basis<'_>, drafts: &[Draft], report: &StepReport) {
        for draft in drafts {
            let change = &draft.change;
            let members = change.members.iter().chain(&change.losers).map(|member| &member.member);
            for object in std::iter::once(&change.object).chain(members).filter(|object| object.kind != ObjectKind::Group) {
                self.attention.keys.insert(object.key.clone());
                self.attention.accounts.extend(object.id.clone().map(|id| (draft.target, id)));
            }
            if change.object.kind == ObjectKind::Account && change.entitlement.is_none() {
                let given = change.attributes.iter().filter_map(|one| Some((draft.target, one.attribute.clone(), one.after.clone()?)));
                self.touched.given.extend(given);
                let named = entry_names::going(basis, draft).map(|going| (draft.target, Arc::from(RDN), Value::text(going.after.rdn)));
                self.touched.given.extend(named);
                let deleted = change.object.id.clone().filter(|_| change.action == Action::Delete);
                self.touched.deleted.extend(deleted.map(|id| (draft.target, id)));
            }
            if counts_others(draft) {
                self.rests_on_all = self.rests_on_all.or(Some("a group goes, comes, or is put into another, with all its people"));
            }
        }
        self.attention.keys.extend(report.findings.keys().filter(|key| !Key::is_group(key)).cloned());
        self.rests_on_all = self.rests_on_all.or(report.findings.rests_on_all());
        report.diary.noted().iter().for_each(|due| self.put_due(due.clone()));
    }

    fn put_due(&mut self, due: Due) {
        *self.dues.entry(due.clone()).or_default() += 1;
        *self.by_day.entry(due.day).or_default() += 1;
        self.due.entry(due.key.clone()).or_default().push(due);
    }

    /// What fell due for an account that nobody claims is not said any more. Another target may have an account with the same id.
    pub(in crate::planning) fn drop_unclaimed(&mut self, target: &str, id: &str) {
        self.drop_dues(&Key::unclaimed(id).text(), Some(target));
    }

    /// Of a key, everywhere or at one target.
    fn drop_dues(&mut self, key: &str, at: Option<&str>) {
        let all = self.due.remove(key).unwrap_or_default();
        let (gone, stays): (Vec<Due>, Vec<Due>) = all.into_iter().partition(|due| at.is_none() || due.target.as_deref() == at);
        if !stays.is_empty() {
            self.due.insert(Arc::from(key), stays);
        }
        for due in gone {
            if let Some(count) = self.dues.get_mut(&due) {
                *count -= 1;
                if *count == 0 {
                    self.dues.remove(&due);
                }
                self.by_day.entry(due.day).and_modify(|many| *many = many.saturating_sub(1));
            }
        }
    }

    /// What falls due, of all.
    pub(in crate::planning) fn upcoming(&self) -> Upcoming {
        let sorted = self.dues.iter().flat_map(|(due, count)| std::iter::repeat_n(due, *count as usize));
        upcoming(sorted, &self.by_day)
    }

    /// What stands beyond these identities and accounts.
    pub(in crate::planning) fn beyond(&self, keys: &BTreeSet<Arc<str>>, accounts: &BTreeSet<(usize, Arc<str>)>) -> Beyond {
        let mut sums = self.sums.clone();
        for number in keys.iter().filter_map(|key| self.people.get(self.keyed.text(key))) {
            let Some(counted) = self.kinds.get(number as usize) else { continue };
            let of =
                [(&mut sums.staying, &counted.staying), (&mut sums.covered, &counted.covered), (&mut sums.entitled, &counted.entitled)];
            for (sums, of) in of {
                of.iter().for_each(|at| sums.get_mut(*at as usize).into_iter().for_each(|sum| *sum = sum.saturating_sub(1)));
            }
        }
        for (target, id) in accounts {
            if let Some(account) = self.accounts.get(*target).and_then(|known| known.get(self.keyed.text(id))) {
                sums.accounts[*target].count(account, -1);
            }
        }
        let targets = sums.staying.iter().zip(&sums.accounts);
        let targets = targets.map(|(staying, accounts)| Others { staying: *staying, accounts: *accounts, ..Default::default() });
        Beyond { targets: targets.collect(), covered: sums.covered, entitled: sums.entitled, ..Beyond::default() }
    }

    /// Whether what a part says of accounts that nobody claims is so for all of them.
    pub(in crate::planning) fn agrees_on_strangers(&self, part: &Self) -> bool {
        self.strangers_go == part.strangers_go
    }

    /// Takes in what a plan of these identities and accounts left. Whoever of them is not in it any more is gone.
    pub(in crate::planning) fn absorb(&mut self, part: Self, keys: &BTreeSet<Arc<str>>, accounts: &BTreeSet<(usize, Arc<str>)>) {
        for key in keys {
            if let Some(number) = self.people.remove(self.keyed.text(key)) {
                self.drop_kind(number);
            }
            self.drop_dues(key, None);
        }
        for (target, id) in accounts {
            if let Some(before) = self.accounts[*target].remove(self.keyed.text(id)) {
                self.sums.accounts[*target].count(before, -1);
            }
        }
        let Self { people, kinds, accounts, traces, due, attention, touched, rests_on_all, .. } = part;
        for (person, number) in people.pairs() {
            self.put(person, kinds.get(number as usize).cloned().unwrap_or_default());
        }
        for (target, accounts) in accounts.into_iter().enumerate() {
            accounts.pairs().for_each(|(id, account)| self.put_account(target, id, account));
        }
        self.traces.absorb(&traces);
        for (key, dues) in due {
            if !Key::is_unclaimed(&key) {
                self.drop_dues(&key, None);
            }
            dues.into_iter().for_each(|due| self.put_due(due));
        }
        self.people.tidy();
        self.accounts.iter_mut().for_each(ByHash::tidy);
        (self.attention, self.touched, self.rests_on_all) = (attention, touched, rests_on_all);
    }
}

/// Whether a change says how many people come or go with a group.
fn counts_others(draft: &Draft) -> bool {
    let change = &draft.change;
    let nested = change.members.iter().chain(&change.losers).any(|member| member.member.kind == ObjectKind::Group);
    nested || (change.object.kind == ObjectKind::Group && change.action == Action::Delete)
}

/// Whom rules cover, by identity: the groups' and the entitlements' positions.
pub(in crate::planning) struct Covers {
    covered: HashMap<u32, Vec<u32>>,
    entitled: HashMap<u32, Vec<u32>>,
}

impl Covers {
    /// As everybody was looked at.
    pub(in crate::planning) fn of(groups: &GroupCover, entitlements: &[EntitlementCover]) -> Self {
        let mut covers = Self { covered: HashMap::new(), entitled: HashMap::new() };
        for (at, people) in groups.covered.iter().enumerate() {
            people.iter().for_each(|identity| covers.covered.entry(*identity).or_default().push(at as u32));
        }
        for (at, cover) in entitlements.iter().enumerate() {
            cover.stands.iter().chain(&cover.open).for_each(|identity| covers.entitled.entry(*identity).or_default().push(at as u32));
        }
        covers
    }
}

/// Whether a record could not be told apart from others: then whose it is rests on all of them.
pub(in crate::planning) fn doubtful_records(basis: &Basis<'_>) -> bool {
    let people = &basis.people;
    let told = |identity: u32, source: &MatchedRecords| source.record(identity) == Record::Unknown;
    people.matchings.iter().any(|matching| {
        !matching.doubts.is_empty()
            || !matching.missing.is_empty()
            || !matching.broken.is_empty()
            || (0..people.len()).any(|identity| told(identity, matching))
    }) || (0..people.len()).any(|identity| people.blocked(identity).is_some())
        || !people.former_troubles.is_empty()
}
