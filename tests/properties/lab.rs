//! Runs a story: compiles its manifests, reads through a lens, plans, carries plans out one change at a time, and remembers what a run remembers.
//!
//! Must never: plan, or repair what a plan did.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use headcount::manifest::kinds::TargetSpec;
use headcount::model::{
    Action, Baseline, Change, Columns, Deactivation, Evidence, FormerLink, Link, LinkOrigin, Memory, ObjectKind, Page, Plan, Value,
    WindowEntry,
};
use headcount::planning::guardrails::counted;
use headcount::planning::{self, Answer, Lookup, LookupBy, Moment, Scope};
use headcount::policy::{ConnectorFacts, Policy, TargetFacts};
use headcount::world::{SourceSide, TargetSide, World};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::story::{DEPARTMENTS, Event, Found, GROUPS, Lens, NAMES, Record, Sight, Standing, Story};
use super::system::{Member, System, text};
use super::wrong::Wrong;

/// A story under way.
#[derive(Clone, Debug)]
pub struct Lab {
    pub story: Story,
    pub system: System,
    pub memory: Memory,
    pub now: Timestamp,
    /// accounts that somebody else has deactivated, by id
    pub shut_by_others: BTreeSet<String>,
    /// what is wrong with the exports today
    pub wrong: Option<Wrong>,
}

/// How a plan is carried out.
pub struct Run<'a> {
    pub lens: &'a Lens,
    pub fails: u16,
    pub interrupted: Option<&'a (u8, Event)>,
}

impl Run<'_> {
    /// Seen clearly, and nothing goes wrong.
    pub const CALM: Run<'static> = Run { lens: &Lens::CLEAR, fails: 0, interrupted: None };
}

pub struct Defaults;

impl ConnectorFacts for Defaults {
    fn of_target(&self, _target: &TargetSpec) -> TargetFacts {
        let same = ["userName", "name.givenName", "name.familyName", "title", "department", "manager"];
        let default_mapping = same.iter().map(|name| (name.to_string(), format!("identity.{name}"))).collect();
        TargetFacts { connector: "lab".into(), default_mapping, ..Default::default() }
    }
}

impl Lab {
    pub fn new(story: Story) -> Self {
        let mut lab = Self {
            system: System::new(story.setup.manners),
            story,
            memory: Memory { known: true, ..Memory::default() },
            now: "2026-11-22T09:00:00Z".parse().unwrap(),
            shut_by_others: BTreeSet::new(),
            wrong: None,
        };
        lab.furnish();
        lab
    }

    fn furnish(&mut self) {
        for found in self.story.found.clone() {
            self.others_make(&found);
        }
    }

    fn others_make(&mut self, found: &Found) {
        let (first, last) = NAMES[usize::from(found.name) % NAMES.len()];
        let plain = |text: &str| text.to_lowercase().replace('é', "e");
        let name = match found.name {
            6 => "E1".to_string(),
            _ => format!("{}.{}", plain(first), plain(last)),
        };
        let external = match found.external {
            0 => "other-1".to_string(),
            1 => "hc:other:hr:10".to_string(),
            _ => String::new(),
        };
        let department = DEPARTMENTS[usize::from(found.dept) % 3];
        let attributes = [("userName", name.as_str()), ("department", department), ("externalId", external.as_str())];
        let made = self.system.others_create(&attributes, found.active);
        self.shut_by_others.extend(made.clone().filter(|_| !found.active));
        if let (Some(id), Some(group)) = (made, found.group) {
            let name = GROUPS[usize::from(group) % GROUPS.len()];
            let known = |system: &System| {
                system
                    .groups
                    .iter()
                    .find(|(_, held)| text(&held.attributes, "displayName").as_deref() == Some(name))
                    .map(|(id, _)| id.clone())
            };
            let group = known(&self.system).or_else(|| self.system.others_create_group(name));
            if let Some(group) = group.and_then(|group| self.system.groups.get_mut(&group)) {
                group.members.insert(Member::Account(id));
            }
        }
    }

    pub fn policy(&self) -> Rc<Policy> {
        let yaml = self.story.manifests();
        super::compile(&yaml, &Defaults).unwrap_or_else(|problems| panic!("the story's manifests are wrong:\n{yaml}\n{problems}"))
    }

    pub fn moment(&self) -> Moment {
        Moment { today: self.now.to_zoned(TimeZone::UTC).date(), now: self.now }
    }

    fn records(&self, source: &str) -> Vec<Record> {
        let records = self.story.records(source);
        match self.wrong {
            Some(wrong) if source != "badge" => wrong.spoil(records),
            _ => records,
        }
    }

    pub fn world(&self, policy: &Policy, lens: &Lens, backwards: bool) -> World {
        let sources = policy.sources.iter().enumerate().map(|(at, source)| {
            let mut side = SourceSide::new(policy, at, self.moment().today);
            let sight = lens.sources[at];
            for page in record_pages(&self.records(&source.name), &side.columns(), sight, backwards) {
                side.add(&page);
            }
            side.finish(evidence(sight));
            side
        });
        let sources = sources.collect();
        let mut target = TargetSide::new(policy, 0, self.system.capabilities());
        let streams = [(ObjectKind::Account, lens.accounts), (ObjectKind::Group, lens.groups), (ObjectKind::Membership, lens.memberships)];
        for (kind, sight) in streams {
            let Some(columns) = target.columns(kind) else { continue };
            for page in self.system.pages(kind, &columns, backwards, &|position| sight.keeps(position)) {
                target.add(kind, &page);
            }
            target.finish(kind, evidence(sight));
        }
        World::assemble(policy, sources, vec![target], self.memory.clone())
    }

    pub fn answers(&self, policy: &Policy, lookups: &[Lookup], lens: &Lens) -> Vec<(Lookup, Answer)> {
        let side = TargetSide::new(policy, 0, self.system.capabilities());
        let answer = |lookup: &Lookup| {
            let Some(columns) = side.columns(lookup.kind).filter(|_| lens.answers) else { return Answer::Unknown("nobody answers".into()) };
            Answer::Objects(match &lookup.by {
                LookupBy::Id(id) => self.system.find(lookup.kind, &columns, "id", id),
                LookupBy::Attribute(attribute, value) => self.system.find(lookup.kind, &columns, attribute, value),
            })
        };
        lookups.iter().map(|lookup| (lookup.clone(), answer(lookup))).collect()
    }

    pub fn plan(&self, policy: &Policy, lens: &Lens, scope: Scope) -> Plan {
        self.plan_from(policy, lens, scope, false)
    }

    pub fn plan_from(&self, policy: &Policy, lens: &Lens, scope: Scope, backwards: bool) -> Plan {
        self.plan_in(policy, &self.world(policy, lens, backwards), lens, scope, backwards)
    }

    /// The plan of a world, however it came about.
    pub fn plan_in(&self, policy: &Policy, world: &World, lens: &Lens, scope: Scope, backwards: bool) -> Plan {
        let mut answers: Vec<(Lookup, Answer)> = Vec::new();
        loop {
            // An answer may bring up another question.
            let survey = planning::prepare(policy, world, &answers, self.moment(), scope).survey();
            let known = |lookup: &Lookup| answers.iter().any(|(asked, _)| asked == lookup);
            let open: Vec<Lookup> = survey.lookups.into_iter().filter(|lookup| !known(lookup)).collect();
            if open.is_empty() {
                break;
            }
            answers.extend(self.answers(policy, &open, lens));
        }
        if backwards {
            answers.reverse();
        }
        planning::plan(policy, world, &answers, self.moment(), scope)
    }

    /// All rows of a source, in the columns that are wanted of it.
    pub fn rows_of_source(&self, policy: &Policy, at: usize) -> Vec<Page> {
        record_pages(&self.records(&policy.sources[at].name), &SourceSide::columns_of(policy, at), Sight::Complete, false)
    }

    /// All rows of a stream of the target; none where it is not wanted.
    pub fn rows_of_target(&self, policy: &Policy, kind: ObjectKind) -> Option<(Arc<Columns>, Vec<Page>)> {
        let columns = TargetSide::new(policy, 0, self.system.capabilities()).columns(kind)?;
        let pages = self.system.pages(kind, &columns, false, &|_| true);
        Some((columns, pages))
    }

    /// Carries out a plan that was made through a lens, in order. `fails` are positions (modulo 16) of changes that the system refuses; `interrupted` happens
    /// after so many changes; `audit` sees each change before it is made.
    pub fn apply(&mut self, policy: &Policy, plan: &Plan, run: &Run<'_>, audit: &mut dyn FnMut(&System, &Change, Option<&str>)) -> usize {
        let world = self.world(policy, run.lens, false);
        for link in planning::carried_links(policy, &world, self.moment()) {
            carry(&mut self.memory, link);
        }
        self.remember_reads(policy, plan);
        let mut ids: BTreeMap<Arc<str>, String> = BTreeMap::new();
        let attributes = plan.changes.iter().flat_map(|change| &change.attributes);
        for key in attributes.filter_map(|part| referred(part.after.as_ref())) {
            if let Some(id) = world.object_id(policy, "chat", ObjectKind::Account, key) {
                ids.insert(key.clone(), id.to_string());
            }
        }
        for change in &plan.changes {
            for object in std::iter::once(&change.object).chain(change.members.iter().map(|member| &member.member)) {
                if let Some(id) = &object.id {
                    ids.insert(object.key.clone(), id.to_string());
                }
            }
        }
        let mut done = vec![false; plan.changes.len()];
        for (at, change) in plan.changes.iter().enumerate() {
            if let Some((_, event)) = run.interrupted.filter(|(after, _)| usize::from(*after) == at) {
                self.others_do(event);
            }
            let refused = run.fails >> (at % 16) & 1 == 1;
            if !change.runs() || refused || !ready(plan, change, &done) {
                continue;
            }
            done[at] = self.carry_out(policy, change, &mut ids, audit).is_ok();
        }
        done.iter().filter(|done| **done).count()
    }

    fn carry_out(
        &mut self,
        policy: &Policy,
        change: &Change,
        ids: &mut BTreeMap<Arc<str>, String>,
        audit: &mut dyn FnMut(&System, &Change, Option<&str>),
    ) -> Result<(), String> {
        let id = change
            .object
            .id
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| ids.get(&change.object.key).cloned())
            .filter(|_| change.action != Action::Create);
        audit(&self.system, change, id.as_deref());
        let attributes: Vec<_> =
            change.attributes.iter().filter_map(|part| Some((part.attribute.clone(), resolve(part.after.as_ref(), ids)?))).collect();
        let members: Vec<Member> = change
            .members
            .iter()
            .filter_map(|member| {
                let id = member.member.id.as_ref().map(ToString::to_string).or_else(|| ids.get(&member.member.key).cloned())?;
                Some(if member.member.kind == ObjectKind::Group { Member::Group(id) } else { Member::Account(id) })
            })
            .collect();
        let id = self.system.write(change, id.as_deref(), &attributes, &members)?;
        ids.insert(change.object.key.clone(), id.clone());
        self.remember(policy, change, &id);
        Ok(())
    }

    /// What the state keeps of a change that was done.
    fn remember(&mut self, policy: &Policy, change: &Change, id: &str) {
        let target = &policy.targets[0].name;
        let link = |origin| Link {
            target: target.clone(),
            kind: change.object.kind,
            key: change.object.key.clone(),
            id: id.into(),
            origin,
            system: policy.targets[0].system.id,
            name: None,
            at: self.now,
        };
        match change.action {
            Action::Create | Action::Delete => {
                forget_object(&mut self.memory, &link(LinkOrigin::Created));
                self.memory.links.extend((change.action == Action::Create).then(|| link(LinkOrigin::Created)));
            }
            Action::Adopt => carry(&mut self.memory, link(LinkOrigin::Adopted)),
            Action::Update | Action::Reactivate if change.former_key.is_some() || change.renews_mark() => {
                carry(&mut self.memory, link(LinkOrigin::Created));
            }
            _ => {}
        }
        let Memory { deactivations, windows, .. } = &mut self.memory;
        if matches!(change.action, Action::Deactivate | Action::Delete | Action::Reactivate) {
            deactivations.retain(|known| known.kind != change.object.kind || known.id.as_ref() != id);
        }
        if change.action == Action::Deactivate {
            deactivations.push(Deactivation { target: target.clone(), kind: change.object.kind, id: id.into(), at: self.now });
            self.shut_by_others.remove(id);
        }
        if change.action == Action::Reactivate {
            self.shut_by_others.remove(id);
        }
        let entry = |(guardrail, weight)| WindowEntry { target: target.clone(), guardrail, weight, at: self.now };
        windows.extend(counted(change, change.weight()).into_iter().map(entry));
    }

    /// What the state keeps of complete reads; from then on there is a state.
    pub fn remember_reads(&mut self, policy: &Policy, plan: &Plan) {
        self.memory.known = true;
        for source in &policy.sources {
            let read = plan.evidence.iter().find(|read| read.system == source.name);
            if let Some(read) = read.filter(|read| read.evidence.proves_absence()) {
                self.memory.baselines.retain(|known| known.system != source.name);
                let (system, scope, count) = (source.name.clone(), source.scope_hash, read.count);
                self.memory.baselines.push(Baseline {
                    system,
                    kind: ObjectKind::Account,
                    scope,
                    count,
                    values: BTreeMap::new(),
                    statuses: BTreeMap::new(),
                    at: self.now,
                });
            }
        }
    }

    /// Whether every source has been read to its end before.
    pub fn has_baselines(&self, policy: &Policy) -> bool {
        self.memory.known && policy.sources.iter().all(|source| self.memory.baselines.iter().any(|known| known.system == source.name))
    }

    pub fn days_pass(&mut self, days: u8) {
        self.now += SignedDuration::from_hours(24 * i64::from(days));
    }

    /// Something happens: to people, in manifests, or at the target.
    pub fn happens(&mut self, event: &Event) {
        let (who, what) = (usize::from(event.who), usize::from(event.what));
        let person = self.story.people.get_mut(who);
        match event.kind {
            0 => person.into_iter().for_each(|person| person.standing = Standing::Left),
            1 => person.into_iter().for_each(|person| person.standing = Standing::Gone),
            2 => person.into_iter().for_each(|person| person.standing = Standing::Active),
            3 => person.into_iter().for_each(|person| person.dept = event.what),
            4 => person.into_iter().for_each(|person| person.name = event.what % 6),
            5 => person.into_iter().for_each(|person| person.boss = Some(event.what)),
            6 => person.into_iter().for_each(|person| person.standing = Standing::OnLeave),
            7 => person.into_iter().for_each(|person| person.title = event.what),
            8 => self.story.groups.get_mut(who).into_iter().for_each(|group| group.declared = !group.declared),
            9 => self.story.groups.get_mut(who).into_iter().for_each(|group| group.rule = event.what % 5),
            10 => self.story.groups.get_mut(who).into_iter().for_each(|group| group.renamed = !group.renamed),
            11 => self.story.groups.get_mut(who).into_iter().for_each(|group| group.people = vec![event.what]),
            12 => self.story.users.get_mut(who % 3).into_iter().for_each(|user| user.exclude = !user.exclude && user.overrides.is_some()),
            13 => self.story.setup.select = event.what % 3,
            14 => self.memory = Memory::default(),
            15 if who < 2 => self.story.setup.mapping = event.what % 4,
            32..=38 => self.user_changes(event),
            39 | 40 => {
                let groups = self.story.groups.len().max(1);
                if let Some(group) = self.story.groups.get_mut(who % groups) {
                    let lines = if event.kind == 39 { &mut group.users } else { &mut group.people };
                    match lines.iter().position(|line| *line == event.what) {
                        Some(at) => drop(lines.remove(at)),
                        None => lines.push(event.what),
                    }
                }
            }
            _ => self.others_do(&Event { what: what as u8, ..event.clone() }),
        }
    }

    /// A User says something else, comes or goes.
    fn user_changes(&mut self, event: &Event) {
        let users = self.story.users.len().max(1);
        let Some(user) = self.story.users.get_mut(usize::from(event.who) % users) else { return };
        match event.kind {
            32 => user.declared = !user.declared,
            33 => user.name = event.what % 6,
            34 => user.dept = event.what,
            35 => user.login = (event.what % 9).saturating_sub(2),
            36 => user.exclude = !user.exclude && user.overrides.is_some(),
            37 => user.boss = Some(event.what).filter(|boss| *boss < 20),
            _ => user.more = event.what % 5,
        }
    }

    /// Somebody else changes something at the target.
    pub fn others_do(&mut self, event: &Event) {
        let (who, what) = (usize::from(event.who), usize::from(event.what));
        let account = self.system.accounts.keys().nth(who % self.system.accounts.len().max(1)).cloned();
        let group = self.system.groups.keys().nth(what % self.system.groups.len().max(1)).cloned();
        let (Some(account), group) = (account, group) else { return };
        match event.kind % 8 {
            0 => {
                let held = self.system.accounts.get_mut(&account).unwrap();
                if held.active {
                    held.active = false;
                    self.shut_by_others.insert(account);
                }
            }
            1 => {
                self.system.accounts.remove(&account);
                self.system.groups.values_mut().for_each(|group| drop(group.members.remove(&Member::Account(account.clone()))));
            }
            2 => {
                let department = Value::text(DEPARTMENTS[what % 3]);
                self.system.accounts.get_mut(&account).unwrap().attributes.insert("department".into(), department);
            }
            3 | 4 => {
                if let Some(group) = group.and_then(|id| self.system.groups.get_mut(&id)) {
                    let member = Member::Account(account);
                    if !group.members.remove(&member) {
                        group.members.insert(member);
                    }
                }
            }
            5 => {
                let found = Found {
                    name: event.what % 7,
                    dept: event.who,
                    active: !event.who.is_multiple_of(3),
                    external: event.who % 6,
                    group: Some(event.what % 5),
                };
                self.others_make(&found);
            }
            6 => {
                self.system.accounts.get_mut(&account).unwrap().attributes.insert("externalId".into(), Value::text("other-2"));
            }
            _ => {
                if let Some(id) = group {
                    self.system.groups.remove(&id);
                    self.system.groups.values_mut().for_each(|group| drop(group.members.remove(&Member::Group(id.clone()))));
                }
            }
        }
    }
}

/// The object is gone, or another one has its id: its key is nobody's, and nothing that was kept of it counts.
fn forget_object(memory: &mut Memory, gone: &Link) {
    memory.links.retain(|link| link.kind != gone.kind || (link.id != gone.id && link.key != gone.key));
    memory.formers.retain(|former| former.kind != gone.kind || former.id != gone.id);
}

/// An object has this key from now on, and the one that it had is kept.
fn carry(memory: &mut Memory, to: Link) {
    let at = to.at;
    let had = memory.links.iter().filter(|link| link.kind == to.kind && link.id == to.id && link.key != to.key);
    let had: Vec<_> = had.map(|link| (link.target.clone(), link.kind, link.key.clone(), link.id.clone())).collect();
    memory.links.retain(|link| link.kind != to.kind || (link.id != to.id && link.key != to.key));
    memory.formers.extend(had.into_iter().map(|(target, kind, key, id)| FormerLink { target, kind, key, id, at }));
    memory.formers.retain(|former| former.kind != to.kind || former.id != to.id || former.key != to.key);
    memory.links.push(to);
}

/// Whether what a change needs is done. A member or a reference that failed is left out; an object that failed is not.
fn ready(plan: &Plan, change: &Change, done: &[bool]) -> bool {
    change.needs.iter().all(|need| {
        let needed = &plan.changes[need.0 as usize];
        let key = &needed.object.key;
        let optional = *key != change.object.key
            && (change.members.iter().any(|member| member.member.key == *key)
                || change.attributes.iter().any(|part| refers(part.after.as_ref(), key)));
        done[need.0 as usize] || optional
    })
}

fn refers(value: Option<&Value>, key: &str) -> bool {
    referred(value).is_some_and(|to| to.as_ref() == key)
}

fn referred(value: Option<&Value>) -> Option<&Arc<str>> {
    match value {
        Some(Value::Reference(key)) => Some(key),
        _ => None,
    }
}

/// A value with ids for references; nothing where nobody knows the id.
fn resolve(value: Option<&Value>, ids: &BTreeMap<Arc<str>, String>) -> Option<Option<Value>> {
    match value {
        Some(Value::Reference(key)) => ids.get(key).map(|id| Some(Value::text(id))),
        other => Some(other.cloned()),
    }
}

fn evidence(sight: Sight) -> Evidence {
    match sight {
        Sight::Complete => Evidence::Complete,
        Sight::Partial(_) => Evidence::Partial { reason: "a page was lost".into() },
        Sight::Delta(_) => Evidence::Delta,
        Sight::Unreadable => Evidence::Unreadable { reason: "it did not answer".into() },
    }
}

fn record_pages(records: &[Record], columns: &Arc<Columns>, sight: Sight, backwards: bool) -> Vec<Page> {
    let mut kept: Vec<&Record> = records.iter().enumerate().filter(|(at, _)| sight.keeps(*at)).map(|(_, record)| record).collect();
    if backwards {
        kept.reverse();
    }
    let pages = kept.chunks(if backwards { 3 } else { 2 }).map(|chunk| {
        let mut page = Page::new(columns.clone());
        for record in chunk {
            page.row(|row| {
                for path in columns.paths() {
                    match record.iter().find(|(name, _)| *name == path.as_ref()) {
                        Some((_, Some(text))) => row.text(text),
                        Some((_, None)) => row.null(),
                        None => row.missing(),
                    }
                }
            });
        }
        page
    });
    pages.collect()
}
