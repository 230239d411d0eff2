//! Whom a change bears on: from those who are another than before, over everything by which one person bears on another, to all who must be planned with them.
//!
//! Must never: leave out anybody whom one of them may meet. One too many costs a little time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Cell, Key, Marks, ObjectKind};
use crate::planning::basis::Basis;
use crate::planning::ledger::{Ledger, Touched};
use crate::planning::people::identity::Identities;
use crate::planning::people::person::Person;
use crate::planning::question::Moment;
use crate::planning::schema::layout::{Layout, USER_NAME};
use crate::planning::schema::variant::variant;
use crate::planning::trace_index::Node;
use crate::planning::traces::{Sought, Trace, Tracer};
use crate::policy::Policy;
use crate::world::{Carries, Dirty, Keyed, Picks, World, canonical, kind_of};

/// Variants of a name that are looked at behind the first one that is free.
const SPARE: usize = 2;
/// So many are tried for a name.
const TRIES: u32 = 1000;

/// Whom a plan of a part takes in, while it is worked out.
pub(super) struct Reach<'r> {
    policy: &'r Policy,
    world: &'r World,
    ledger: &'r Ledger,
    tracer: Tracer<'r>,
    alone: Identities<'r>,
    marks: Marks,
    pub(super) picks: Picks,
    met: BTreeMap<Met, Near>,
    open: Vec<(Met, Near)>,
    /// keys that those refer to who are there to be referred to
    left_out: BTreeSet<Arc<str>>,
}

/// Why one is planned: the later, the more is planned because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    /// somebody refers to them. Whom they refer to themselves is not needed: nothing changes there, else they were met from there
    Referred,
    /// they may meet somebody who is another than before, or something is to be done or said
    Beside,
    /// they may have other accounts than before, so that whoever refers to them is planned too
    Core,
}

/// One that was met.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    Key(Arc<str>),
    Record(usize, u32),
    Account(usize, u32),
}

impl<'r> Reach<'r> {
    /// Nobody yet.
    pub(super) fn new(policy: &'r Policy, world: &'r World, ledger: &'r Ledger, layout: &'r Layout<'r>, moment: Moment) -> Self {
        let picks = Picks {
            records: vec![BTreeSet::new(); policy.sources.len()],
            accounts: vec![BTreeSet::new(); policy.targets.len()],
            ..Picks::default()
        };
        Self {
            policy,
            world,
            ledger,
            tracer: Tracer { policy, layout, keyed: Keyed::of(&policy.workspace) },
            alone: Identities::of_nobody(policy, world, moment),
            marks: Marks::of(&policy.workspace),
            picks,
            met: BTreeMap::new(),
            open: Vec::new(),
            left_out: BTreeSet::new(),
        }
    }

    /// Those who are another than before.
    pub(super) fn changed(&mut self, dirty: &Dirty) {
        for (source, key) in &dirty.records {
            if let Some(rules) = self.policy.sources.get(*source) {
                self.meet_key(&Key::record(&rules.name, key).text(), Near::Core);
            }
        }
        dirty.keys.iter().for_each(|key| self.meet_key(key, Near::Core));
        dirty.accounts.iter().for_each(|(target, id)| self.meet_id(*target, id, Near::Core));
        for (source, page) in &dirty.records_before {
            for row in page.rows() {
                let cells: Vec<Cell<'_>> = row.cells().collect();
                let mut person = Person::default();
                self.alone.of_cells(self.tracer.layout, *source, &cells, &mut person);
                let sought = self.tracer.sought(&person);
                self.follow(&self.tracer.of_person(&person, &sought), Near::Core);
                self.follow(&self.tracer.of_keys(&person), Near::Core);
                // What was found by these values may be nobody's now.
                for one in &sought {
                    self.seek(one, Near::Core);
                }
            }
        }
        for user in &dirty.users_before {
            let mut person = Person::default();
            self.alone.of_user(self.tracer.layout, user, &mut person);
            let sought = self.tracer.sought(&person);
            self.follow(&self.tracer.of_person(&person, &sought), Near::Core);
            self.follow(&self.tracer.of_keys(&person), Near::Core);
            for one in &sought {
                self.seek(one, Near::Core);
            }
        }
        for (target, page) in &dirty.accounts_before {
            let Some(side) = self.world.targets.get(*target) else { continue };
            let columns = side.accounts.columns().clone();
            for row in page.rows() {
                let cell = |name: &str| columns.position(name).map_or(Cell::Missing, |at| row.cell(at));
                let mark = self.tracer.layout.targets[*target].marker.as_ref().map(|marker| canonical::text(cell(marker)).into_owned());
                let marked = mark.and_then(|mark| self.marks.key(&mark).map(|key| Arc::<str>::from(key.as_ref())));
                self.follow(&self.tracer.of_account(*target, marked.as_deref(), cell), Near::Core);
                marked.iter().for_each(|key| self.meet_key(key, Near::Core));
            }
        }
    }

    /// Those who are looked at in any case: whom the last plan changed or told of, of whom manifests say more than what they are, who is cut off or protected.
    /// Of Users that say what somebody is, and of members, the policy has an excerpt as the world has.
    pub(super) fn standing(&mut self) {
        let attention = &self.ledger.attention;
        attention.keys.iter().for_each(|key| self.meet_key(key, Near::Beside));
        attention.accounts.iter().for_each(|(target, id)| self.meet_id(*target, id, Near::Beside));
        let policy = self.policy;
        for user in policy.users.iter().filter(|user| !user.is_plain()) {
            self.meet_key(&user.key, Near::Beside);
            user.former_keys.iter().for_each(|key| self.meet_key(key, Near::Beside));
            for record in &user.records {
                self.meet_key(&Key::record(&policy.sources[record.source].name, &record.key).text(), Near::Beside);
            }
        }
        for group in &policy.groups {
            self.picks.groups.insert(group.key.clone());
            let named = group.exclude.iter().chain(&group.owners);
            named.for_each(|member| self.meet_key(&member.key, Near::Beside));
        }
        policy.entitlements.iter().flat_map(|one| &one.members).for_each(|member| self.meet_key(&member.key, Near::Beside));
        policy.revocations.iter().flat_map(|one| &one.identities).for_each(|member| self.meet_key(&member.key, Near::Beside));
        for standing in &self.world.memory.revocations {
            standing.keys().for_each(|key| self.meet_key(key, Near::Beside));
        }
        for target in 0..policy.targets.len() {
            self.at_target(target);
        }
    }

    fn at_target(&mut self, target: usize) {
        let (rules, side) = (&self.policy.targets[target], &self.world.targets[target]);
        for name in &rules.protect.accounts {
            let rows = side.accounts.find_by("userName", name.to_lowercase().as_bytes());
            rows.into_iter().for_each(|row| self.meet(Met::Account(target, row), Near::Beside));
        }
        for (name, _) in &rules.protect.keep {
            let (mut open, mut seen) = (side.groups.find_by("displayName", name.as_bytes()), BTreeSet::new());
            while let Some(group) = open.pop().filter(|group| seen.insert(*group)) {
                for member in side.members(group) {
                    match member {
                        crate::world::MemberRow::Account(row) => self.meet(Met::Account(target, row), Near::Beside),
                        crate::world::MemberRow::Group(row) => open.push(row),
                    }
                }
            }
        }
        if self.policy.groups.iter().any(|group| !group.owners.is_empty()) {
            let owners = (0..side.groups.len()).filter_map(|row| side.groups.cell_of(row, "owners").to_value());
            let ids: Vec<Arc<str>> = owners.flat_map(|value| crate::planning::question::texts(&value)).collect();
            ids.into_iter().for_each(|id| self.meet_id(target, &id, Near::Beside));
        }
    }

    /// Whether one of these is gone whom manifests or revocations name, or is named and was never there: who has the key in another form may be anybody then.
    pub(super) fn lacks_named(&self, dirty: &Dirty) -> bool {
        let policy = self.policy;
        let source = |name: &str| policy.sources.iter().position(|rules| rules.name.as_ref() == name);
        let is_there = |name: &str, key: &str| source(name).is_some_and(|at| self.world.sources[at].find(key).is_some());
        if dirty.named.iter().any(|key| Key::of_record(key).is_some_and(|(source, key)| !is_there(source, key))) {
            return true;
        }
        let gone =
            dirty.records.iter().filter(|(source, key)| self.world.sources.get(*source).is_some_and(|side| side.find(key).is_none()));
        let gone: BTreeSet<Arc<str>> =
            gone.filter_map(|(source, key)| Some(Key::record(&policy.sources.get(*source)?.name, key).text())).collect();
        let users = policy.users.iter().flat_map(|user| user.former_keys.iter().chain([&user.key]));
        let excluded = policy.groups.iter().flat_map(|group| &group.exclude).map(|member| &member.key);
        let revoked = policy.revocations.iter().flat_map(|one| &one.identities).map(|member| &member.key);
        let standing = self.world.memory.revocations.iter().flat_map(|one| one.keys());
        !gone.is_empty() && users.chain(excluded).chain(revoked).chain(standing).any(|key| gone.contains(key))
    }

    /// Whether somebody is another by both what a source and what a User says: whose double they were by both together is not known any more.
    pub(super) fn changed_twice(&self, dirty: &Dirty) -> bool {
        let spoken_of = |source: usize, key: &str| {
            let key = self.policy.sources.get(source).map(|rules| Key::record(&rules.name, key).text());
            key.is_some_and(|key| dirty.users_before.iter().any(|user| user.key == key))
        };
        !dirty.users_before.is_empty() && dirty.records.iter().any(|(source, key)| spoken_of(*source, key))
    }

    /// Goes on until nobody is met any more.
    pub(super) fn spread(&mut self) {
        while let Some((met, near)) = self.open.pop() {
            match met {
                Met::Key(key) => self.of_key(&key, near),
                Met::Record(source, row) => self.of_record(source, row, near),
                Met::Account(target, row) => self.of_account(target, row, near),
            }
        }
    }

    fn meet(&mut self, met: Met, near: Near) {
        if self.met.get(&met).is_none_or(|known| *known < near) {
            self.met.insert(met.clone(), near);
            self.open.push((met, near));
        }
    }

    fn meet_key(&mut self, key: &Arc<str>, near: Near) {
        match Key::of(key) {
            Some(Key::Group { .. }) | None => {}
            Some(Key::Unclaimed { id }) => {
                let there = |side: &crate::world::TargetSide| side.accounts.find_id(id).is_some();
                let targets: Vec<usize> = (0..self.world.targets.len()).filter(|at| there(&self.world.targets[*at])).collect();
                targets.into_iter().for_each(|at| self.meet_id(at, id, near));
            }
            Some(Key::Account { target, id }) => {
                let at = self.policy.targets.iter().position(|rules| rules.name.as_ref() == target);
                at.into_iter().for_each(|at| self.meet_id(at, id, near));
            }
            Some(Key::Record { .. } | Key::User { .. }) => {
                // A key as manifests and references may write it is looked for as the plan does.
                let now = self.policy.key_now(key);
                now.into_iter().for_each(|now| self.meet(Met::Key(Arc::from(now.as_ref())), near));
                self.meet(Met::Key(key.clone()), near);
            }
        }
    }

    fn meet_id(&mut self, target: usize, id: &str, near: Near) {
        let Some((rules, side)) = self.policy.targets.get(target).zip(self.world.targets.get(target)) else { return };
        self.picks.ids.insert((target, Arc::from(id)));
        let (world, memory) = (self.world, &self.world.memory);
        if let Some(key) = world.recall.key_of(&rules.name, ObjectKind::Account, id) {
            self.meet_key(&Arc::from(key), near);
        }
        for former in memory.formers.iter().filter(|former| former.id.as_ref() == id && former.target == rules.name) {
            self.meet_key(&former.key.clone(), near);
        }
        for cut in memory.cut_off.iter().filter(|cut| cut.id.as_ref() == id && cut.target == rules.name) {
            self.meet_key(&cut.key.clone(), near);
        }
        if near == Near::Core {
            self.follow(&[self.tracer.to_id(target, id)], Near::Beside);
        }
        side.accounts.find_id(id).into_iter().for_each(|row| self.meet(Met::Account(target, row), near));
    }

    fn follow(&mut self, traces: &[Trace], near: Near) {
        for node in traces.iter().flat_map(|trace| self.ledger.led(*trace)).collect::<BTreeSet<_>>() {
            match node {
                Node::User(key) => self.meet_key(&key, near),
                Node::Record(source, hash) => {
                    let rows: Vec<u32> = self.world.sources[source].find_hash(hash).collect();
                    rows.into_iter().for_each(|row| self.meet_record(source, row, near));
                }
                Node::Account(target, hash) => {
                    let rows: Vec<u32> = self.world.targets[target].accounts.find_id_hashes(hash).collect();
                    rows.into_iter().for_each(|row| self.meet(Met::Account(target, row), near));
                }
            }
        }
    }

    fn meet_record(&mut self, source: usize, row: u32, near: Near) {
        let key = Key::record(&self.policy.sources[source].name, self.world.sources[source].key(row)).text();
        self.meet_key(&key, near);
    }

    /// What links, marks and what is remembered lead to from a key, and whoever refers to it.
    fn of_key(&mut self, key: &Arc<str>, near: Near) {
        self.picks.keys.insert(key.clone());
        if let Some(Key::Record { source, key }) = Key::of(key)
            && let Some(at) = self.policy.sources.iter().position(|rules| rules.name.as_ref() == source)
            && let Some(row) = self.world.sources[at].find(key)
        {
            self.meet(Met::Record(at, row), near);
        }
        let former = self.policy.former_forms(key);
        former.iter().for_each(|former| self.meet(Met::Key(former.clone()), near));
        let (world, memory) = (self.world, &self.world.memory);
        for (target, rules) in self.policy.targets.iter().enumerate() {
            let ids = world.recall.ids_of(&rules.name, ObjectKind::Account, key);
            let formerly = world.recall.formerly(memory, &rules.name, ObjectKind::Account, key);
            ids.into_iter().chain(formerly).for_each(|id| self.meet_id(target, id, near));
            if let Some(marker) = &self.tracer.layout.targets[target].marker {
                let rows = world.targets[target].accounts.find_by(marker, self.marks.mark(key).as_bytes());
                rows.into_iter().for_each(|row| self.meet(Met::Account(target, row), near));
            }
        }
        for (_, link) in world.recall.records_of(memory, key) {
            self.meet_key(&link.identity.clone(), near);
            self.meet_key(&Key::record(&link.source, &link.record).text(), near);
        }
        for cut in memory.cut_off.iter().filter(|cut| cut.key == *key) {
            let at = self.policy.targets.iter().position(|rules| rules.name == cut.target);
            at.into_iter().for_each(|at| self.meet_id(at, &cut.id, near));
        }
        if near == Near::Core {
            self.follow(&[self.tracer.to_key(key)], Near::Beside);
        }
        // A key that nobody has yet may be another form of one that somebody had.
        let person = Person { key: key.to_string(), ..Person::default() };
        self.follow(&self.tracer.of_person(&person, &[]), near);
    }

    fn of_record(&mut self, source: usize, row: u32, near: Near) {
        self.picks.records[source].insert(row);
        let slots: Vec<usize> = (0..self.tracer.layout.slots.len()).collect();
        let mut person = Person::default();
        self.alone.key_of_record(self.tracer.layout, source, row, &slots, &mut person);
        person.key = Key::record(&self.policy.sources[source].name, self.world.sources[source].key(row)).to_string();
        self.of_person(&person, near);
    }

    /// What somebody's values lead to.
    fn of_person(&mut self, person: &Person<'_>, near: Near) {
        let sought = self.tracer.sought(person);
        self.follow(&self.tracer.of_person(person, &sought), near);
        self.follow(&self.tracer.of_keys(person), near);
        self.refers(person, near);
        for one in &sought {
            self.seek(one, near);
        }
        self.variants(person, near);
    }

    /// To whom somebody refers.
    fn refers(&mut self, person: &Person<'_>, near: Near) {
        let keys = self.tracer.references(person);
        if near == Near::Referred {
            self.left_out.extend(keys);
        } else {
            keys.iter().for_each(|key| self.meet_key(key, Near::Referred));
        }
    }

    /// Keys to which somebody refers as before who is only there to be referred to.
    pub(super) fn left_out(&self) -> BTreeSet<Arc<str>> {
        self.left_out.iter().filter(|key| !self.met.contains_key(&Met::Key((*key).clone()))).cloned().collect()
    }

    /// Whether somebody is only there to be referred to: what is left of them is what was.
    pub(super) fn is_referred(&self, key: &Arc<str>) -> bool {
        self.met.get(&Met::Key(key.clone())) == Some(&Near::Referred)
    }

    /// The accounts that have a value, and people who left with it. Says whether there are any.
    fn seek(&mut self, sought: &Sought, near: Near) -> bool {
        let Sought { target, attribute, value } = sought;
        let rules = &self.policy.targets[*target];
        let accounts = &self.world.targets[*target].accounts;
        let mut rows = accounts.find_by(attribute, value);
        if attribute.as_ref() == USER_NAME {
            rows.extend(accounts.called_alike(&String::from_utf8_lossy(value)));
        }
        let departed: Vec<u32> = self.world.recall.departed_at(&rules.name, attribute, value).collect();
        let any = !rows.is_empty() || !departed.is_empty();
        rows.into_iter().for_each(|row| self.meet(Met::Account(*target, row), near));
        for at in departed {
            if let Some(known) = self.world.memory.departed.get(at as usize).filter(|_| self.picks.departed.insert(at)) {
                self.meet_key(&known.key.clone(), near.min(Near::Beside));
            }
        }
        any
    }

    /// Names are given out one after the other: those of a base up to some that nobody has.
    fn variants(&mut self, person: &Person<'_>, near: Near) {
        let layout = self.tracer.layout;
        for target in 0..self.policy.targets.len() {
            for attribute in &layout.targets[target].attributes {
                let by_rule = attribute.rule.as_ref().is_some_and(|rule| rule.unique);
                let by_slot = attribute.bare.is_some_and(|slot| person.unique.contains(&slot));
                if !by_rule && !by_slot {
                    continue;
                }
                let value = crate::planning::targets::search::value_of(layout, target, person, &attribute.name);
                let crate::model::ValueState::Set(crate::model::Value::Text(base)) = value else { continue };
                let most =
                    attribute.rule.as_ref().and_then(|rule| rule.most).or_else(|| attribute.bare.and_then(|slot| layout.slots[slot].most));
                let mut free = 0;
                for name in (1..=TRIES).map_while(|number| variant(&base, number, most)) {
                    if free > SPARE {
                        break;
                    }
                    free += usize::from(!self.seek_text(target, &attribute.name, &name, near));
                }
            }
        }
    }

    fn seek_text(&mut self, target: usize, attribute: &Arc<str>, text: &str, near: Near) -> bool {
        let value = crate::model::Value::text(text);
        let keys = canonical::keys(kind_of(attribute), crate::expr::Input::Value(&value));
        let mut any = false;
        for value in keys {
            any |= self.seek(&Sought { target, attribute: attribute.clone(), value }, near);
        }
        any
    }

    fn of_account(&mut self, target: usize, row: u32, near: Near) {
        self.picks.accounts[target].insert(row);
        let accounts = &self.world.targets[target].accounts;
        let id = accounts.id(row);
        self.meet_id(target, &id, near);
        let marked = accounts.marked_key(row).filter(|_| accounts.carries(row) == Carries::Ours).map(|key| Arc::<str>::from(key.as_ref()));
        marked.iter().for_each(|key| self.meet_key(key, near));
        let linked = self.world.recall.key_of(&self.policy.targets[target].name, ObjectKind::Account, &id).map(Arc::from);
        let former = marked.or(linked);
        let traces = self.tracer.of_account(target, former.as_deref(), |name| accounts.cell_of(row, name));
        self.follow(&traces, near);
        if near > Near::Referred {
            for id in self.tracer.referred(target, |column| accounts.cell(row, column)) {
                self.meet_id(target, &id, Near::Referred);
            }
        }
    }

    /// Those whom the part itself brings up, once it is put together. Says whether there are any.
    pub(super) fn beside(&mut self, basis: &Basis<'_>) -> bool {
        let before = self.reached();
        let mut person = Person::default();
        for identity in 0..basis.people.len() {
            basis.people.values(&basis.layout, identity, &mut person);
            let key: Arc<str> = Arc::from(person.key.as_str());
            let near = self.met.get(&Met::Key(key.clone())).copied().unwrap_or(Near::Beside);
            self.meet_key(&key, near);
            self.of_person(&person, near);
        }
        self.spread();
        self.reached() != before
    }

    /// Those who may have what a plan of the part gives, or refer to what it takes. Says whether there are any.
    pub(super) fn touched(&mut self, touched: &Touched) -> bool {
        let before = self.reached();
        for (target, attribute, value) in &touched.given {
            for value in canonical::keys(kind_of(attribute), crate::expr::Input::Value(value)) {
                self.seek(&Sought { target: *target, attribute: attribute.clone(), value }, Near::Beside);
            }
        }
        for (target, id) in &touched.deleted {
            self.follow(&[self.tracer.to_id(*target, id)], Near::Beside);
        }
        self.spread();
        self.reached() != before
    }

    fn reached(&self) -> (usize, usize, usize) {
        (self.met.len(), self.picks.ids.len(), self.picks.departed.len())
    }

    /// How many records and accounts are taken.
    pub(super) fn size(&self) -> usize {
        self.picks.records.iter().chain(&self.picks.accounts).map(BTreeSet::len).sum()
    }
}
