//! A small world for tests: manifests, records, accounts, groups and what is remembered, and the plan as a few lines of text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::prepare;
use super::{LastPlan, Look, Replanned, Unleft, left_behind};
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{ManifestInput, load};
use crate::model::{
    Baseline, Capabilities, Change, Columns, Deactivation, EntryNames, Evidence, Guardrail, Key, Left, Link, LinkOrigin, Mandate, Marks,
    Memory, ObjectKind, Page, Plan, Reason, Value,
};
use crate::planning::question::Answer;
use crate::planning::question::Lookup;
use crate::planning::question::LookupBy;
use crate::planning::question::Moment;
use crate::planning::question::Scope;
use crate::policy::{ConnectorFacts, LimitPolicy, MemberPolicy, Policy, TargetFacts, UserPolicy, compile};
use crate::world::{Dirty, SourceSide, TargetSide, World};

/// Everything a plan is made of.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) capabilities: Capabilities,
    pub(crate) memory: Memory,
    pub(crate) moment: Moment,
    records: BTreeMap<String, Vec<Json>>,
    objects: BTreeMap<(String, ObjectKind), Vec<Json>>,
    evidence: BTreeMap<(String, ObjectKind), Evidence>,
    hidden: Vec<(String, ObjectKind, Json)>,
    /// why nothing that is asked for by its id is answered
    silent: Option<String>,
    /// as the manifests have them
    limits: Vec<BTreeMap<Guardrail, LimitPolicy>>,
}

/// So many rows of a sort come last, one after the other; more where the laws see more.
fn most() -> usize {
    if std::env::var_os("HEADCOUNT_PROPTEST_CASES").is_some() { 12 } else { 2 }
}

struct Facts;

impl ConnectorFacts for Facts {
    fn of_target(&self, _: &TargetSpec) -> TargetFacts {
        let default_mapping = ["userName", "title", "manager"].map(|name| (name.to_owned(), format!("identity.{name}"))).into();
        TargetFacts { connector: "test".into(), default_mapping, needs: vec!["userName"], ..Default::default() }
    }
}

/// A source with the usual rules. `rest` is more of its spec.
pub(crate) fn source(name: &str, rest: &str) -> String {
    format!(
        "kind: Source\nmetadata: {{name: {name}}}\nspec:\n  connection: {{file: {{path: {name}.csv}}}}\n  key: record.id\n  lifecycle: {{leaver: 'record.left == true', suspended: 'record.leave == true'}}\n{rest}  mapping:\n    rules:\n    - {{attribute: userName, value: record.login}}\n    - {{attribute: title, value: record.title}}\n    - {{attribute: manager, value: record.boss}}\n    - {{attribute: startDate, value: record.start}}\n    - {{attribute: endDate, value: record.end}}\n"
    )
}

/// A target that is a chat. `rest` is more of its spec.
pub(crate) fn target(rest: &str) -> String {
    format!("kind: Target\nmetadata: {{name: chat}}\nspec:\n  connection: {{scim: {{url: \"https://chat.example\"}}}}\n{rest}\n")
}

/// An entitlement of the chat. `rest` is more of its spec.
pub(crate) fn entitlement(name: &str, rest: &str) -> String {
    format!("kind: Entitlement\nmetadata: {{name: {name}}}\nspec:\n  target: chat\n{rest}\n")
}

/// A group. `rest` is more of its spec.
pub(crate) fn group(name: &str, rest: &str) -> String {
    format!("kind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {name}\n{rest}\n")
}

impl Scene {
    /// The workspace acme (unless the documents bring their own) on 22 November 2026, with a state and a complete read of 10 records behind every source.
    pub(crate) fn new(documents: &[String]) -> Self {
        let workspace = "kind: Workspace\nmetadata: {name: acme}\nspec: {id: acme, timeZone: UTC}\n".to_owned();
        let own = documents.iter().any(|document| document.starts_with("kind: Workspace"));
        let all =
            [&workspace].into_iter().filter(|_| !own).chain(documents).map(|text| format!("apiVersion: headcount.dev/v1alpha1\n{text}"));
        let text = all.collect::<Vec<_>>().join("---\n");
        let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }]);
        assert!(problems.is_empty(), "{problems:#?}");
        let (mut policy, _) = compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let limits = policy.targets.iter().map(|target| target.guardrails.limits.clone()).collect();
        // A story has few people in it: a third of them would be nobody.
        let defaults = policy.targets.iter_mut().flat_map(|target| target.guardrails.limits.values_mut());
        defaults.filter(|limit| limit.place.is_none() && limit.count > 0).for_each(|limit| limit.percent = None);
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let baseline = |source: &crate::policy::SourcePolicy| Baseline {
            system: source.name.clone(),
            kind: ObjectKind::Account,
            scope: source.scope_hash,
            count: 1,
            values: BTreeMap::new(),
            statuses: Default::default(),
            at: now,
        };
        let memory = Memory { known: true, baselines: policy.sources.iter().map(baseline).collect(), ..Memory::default() };
        Self {
            policy,
            capabilities: everything(),
            memory,
            moment: Moment { today: "2026-11-22".parse().unwrap(), now },
            records: BTreeMap::new(),
            objects: BTreeMap::new(),
            evidence: BTreeMap::new(),
            hidden: Vec::new(),
            silent: None,
            limits,
        }
    }

    /// With the shares of the default guardrails, as a company has them.
    pub(crate) fn guarded(mut self) -> Self {
        for (target, limits) in self.policy.targets.iter_mut().zip(&self.limits) {
            target.guardrails.limits.clone_from(limits);
        }
        self
    }

    /// One source `hr` and one target `chat`.
    pub(crate) fn simple() -> Self {
        Self::new(&[source("hr", ""), target("")])
    }

    /// A record of a source.
    pub(crate) fn record(mut self, source: &str, record: Json) -> Self {
        self.records.entry(source.into()).or_default().push(record);
        self
    }

    /// A record of `hr`: key and login.
    pub(crate) fn person(self, key: &str, login: &str) -> Self {
        self.record("hr", json!({"id": key, "login": login}))
    }

    /// Another value in a record of `hr`; null: none.
    pub(crate) fn amended(mut self, key: &str, column: &str, value: Json) -> Self {
        let records = self.records.get_mut("hr").into_iter().flatten().filter(|record| record["id"] == key);
        records.for_each(|record| record[column] = value.clone());
        self
    }

    /// An account has another value.
    pub(crate) fn with(mut self, id: &str, attribute: &str, value: Json) -> Self {
        let accounts = self.objects.get_mut(&("chat".to_owned(), ObjectKind::Account)).unwrap();
        accounts.iter_mut().find(|account| account["id"] == id).unwrap()[attribute] = value;
        self
    }

    /// Forgets the records of a source.
    pub(crate) fn without_records(mut self, source: &str) -> Self {
        self.records.remove(source);
        self
    }

    /// The records, objects and memory of another scene, under these manifests.
    pub(crate) fn take_records(&mut self, other: &Self) {
        self.records = other.records.clone();
        self.objects = other.objects.clone();
        self.memory.links = other.memory.links.clone();
        self.memory.records = other.memory.records.clone();
        self.memory.deactivations = other.memory.deactivations.clone();
    }

    /// An object of `chat`.
    pub(crate) fn object(mut self, kind: ObjectKind, object: Json) -> Self {
        self.objects.entry(("chat".into(), kind)).or_default().push(object);
        self
    }

    /// An account of `chat`.
    pub(crate) fn account(self, account: Json) -> Self {
        self.object(ObjectKind::Account, account)
    }

    /// An account of `chat` with our mark.
    pub(crate) fn marked(self, id: &str, key: &str, login: &str) -> Self {
        self.account(json!({"id": id, "userName": login, "externalId": mark(key)}))
    }

    /// A group of `chat`.
    pub(crate) fn group(self, id: &str, name: &str) -> Self {
        self.object(ObjectKind::Group, json!({"id": id, "displayName": name}))
    }

    /// A group of `chat` with our mark.
    pub(crate) fn marked_group(self, id: &str, key: &str, name: &str) -> Self {
        self.object(ObjectKind::Group, json!({"id": id, "displayName": name, "externalId": mark(key)}))
    }

    /// A membership at `chat`.
    pub(crate) fn member(self, group: &str, member: &str) -> Self {
        self.object(ObjectKind::Membership, json!({"group": group, "member": member}))
    }

    /// An entitlement of an account at `chat`; `parameters` are more of its columns.
    pub(crate) fn entitled(self, account: &str, entitlement: &str, mut parameters: Json) -> Self {
        parameters["account"] = account.into();
        parameters["entitlement"] = entitlement.into();
        self.object(ObjectKind::Entitlement, parameters)
    }

    /// An object of `chat` that only a lookup finds.
    pub(crate) fn hidden(mut self, kind: ObjectKind, object: Json) -> Self {
        self.hidden.push(("chat".into(), kind, object));
        self
    }

    /// Nothing that is asked for by its id is answered.
    pub(crate) fn unanswerable(mut self, why: &str) -> Self {
        self.silent = Some(why.into());
        self
    }

    /// A link of `chat`.
    pub(crate) fn link(mut self, kind: ObjectKind, key: &str, id: &str) -> Self {
        let chat = self.policy.targets.iter().find(|target| target.name.as_ref() == "chat");
        self.memory.links.push(Link {
            target: "chat".into(),
            kind,
            key: key.into(),
            id: id.into(),
            origin: LinkOrigin::Created,
            system: chat.map(|target| target.system.id).unwrap_or_default(),
            name: None,
            at: self.moment.now - jiff::SignedDuration::from_hours(24 * 30),
        });
        self
    }

    /// Changes the link that was made last.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Link)) -> Self {
        if let Some(link) = self.memory.links.last_mut() {
            change(link);
        }
        self
    }

    /// Our own deactivation, some days ago.
    pub(crate) fn deactivated(mut self, id: &str, days: i64) -> Self {
        let at = self.moment.now - jiff::SignedDuration::from_hours(24 * days);
        self.memory.deactivations.push(Deactivation { target: "chat".into(), kind: ObjectKind::Account, id: id.into(), at });
        self
    }

    /// The state is lost.
    pub(crate) fn forgetful(mut self) -> Self {
        self.memory = Memory::default();
        self
    }

    /// How a stream was read.
    pub(crate) fn read(mut self, system: &str, kind: ObjectKind, evidence: Evidence) -> Self {
        self.evidence.insert((system.into(), kind), evidence);
        self
    }

    /// Accounts of `chat` were not read to the end.
    pub(crate) fn partial(self, system: &str) -> Self {
        self.read(system, ObjectKind::Account, Evidence::Partial { reason: "the connection was cut".into() })
    }

    /// Other capabilities.
    pub(crate) fn able(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// The rows the other way round.
    pub(crate) fn reversed(mut self) -> Self {
        self.records.values_mut().for_each(|rows| rows.reverse());
        self.objects.values_mut().for_each(|rows| rows.reverse());
        self
    }

    /// The world.
    pub(crate) fn world(&self) -> World {
        let sources = self.policy.sources.iter().enumerate().map(|(at, rules)| {
            let mut side = SourceSide::new(&self.policy, at, self.moment.today);
            side.add(&page(&side.columns(), self.records.get(rules.name.as_ref()).map_or(&[], Vec::as_slice)));
            side.finish(self.evidence(&rules.name, ObjectKind::Account));
            side
        });
        let targets = self.policy.targets.iter().enumerate().map(|(at, rules)| {
            let mut side = TargetSide::new(&self.policy, at, self.capabilities.clone());
            for kind in [ObjectKind::Entitlement, ObjectKind::Membership, ObjectKind::Group, ObjectKind::Account] {
                let Some(columns) = side.columns(kind) else { continue };
                side.add(kind, &page(&columns, self.objects.get(&(rules.name.to_string(), kind)).map_or(&[], Vec::as_slice)));
                side.finish(kind, self.evidence(&rules.name, kind));
            }
            side
        });
        World::assemble(&self.policy, sources.collect(), targets.collect(), self.memory.clone())
    }

    fn evidence(&self, system: &str, kind: ObjectKind) -> Evidence {
        self.evidence.get(&(system.to_owned(), kind)).cloned().unwrap_or(Evidence::Complete)
    }

    /// Answers what the survey asks, from the objects that are hidden.
    pub(crate) fn answers(&self, world: &World, scope: Scope) -> Vec<(Lookup, Answer)> {
        let mut answers: Vec<(Lookup, Answer)> = Vec::new();
        loop {
            let mut lookups = prepare(&self.policy, world, &answers, self.moment, scope).survey().lookups;
            lookups.retain(|lookup| answers.iter().all(|(known, _)| known != lookup));
            if lookups.is_empty() {
                return answers;
            }
            answers.extend(lookups.iter().map(|lookup| (lookup.clone(), self.answer(world, lookup))));
        }
    }

    fn answer(&self, world: &World, lookup: &Lookup) -> Answer {
        if let (Some(why), LookupBy::Id(_)) = (&self.silent, &lookup.by) {
            return Answer::Unknown(why.clone());
        }
        let name = &self.policy.targets[lookup.target].name;
        let (attribute, value) = match &lookup.by {
            LookupBy::Id(id) => ("id", id),
            LookupBy::Attribute(attribute, value) => (attribute.as_ref(), value),
        };
        let mine = self.hidden.iter().filter(|(target, kind, _)| target == name.as_ref() && *kind == lookup.kind);
        let rows: Vec<Json> = mine.map(|(_, _, row)| row.clone()).filter(|row| row[attribute].as_str() == Some(value)).collect();
        let columns = world.lookup_columns(lookup.target, lookup.kind).unwrap();
        Answer::Objects(page(&columns, &rows))
    }

    /// The plan of those whom a change bears on, by which this scene's world came about from one that is kept; and how much was planned.
    pub(crate) fn replan(&self, kept: &mut LastPlan, world: &mut World) -> (Plan, Replanned) {
        self.replan_after(&self.policy, kept, world)
    }

    /// The same where other manifests were in force.
    pub(crate) fn replan_after(&self, former: &Policy, kept: &mut LastPlan, world: &mut World) -> (Plan, Replanned) {
        assert!(world.fits(&self.policy), "what is read is the same");
        let mut dirty = Dirty::of_manifests(former, &self.policy);
        dirty.add(world.follow(&self.policy, self.world()));
        let mut answers: Vec<(Lookup, Answer)> = Vec::new();
        loop {
            let replan = kept.replan(&self.policy, world, &dirty, &answers, self.moment);
            if replan.survey.lookups.is_empty() {
                return (replan.plan, replan.how);
            }
            answers.extend(replan.survey.lookups.iter().map(|lookup| (lookup.clone(), self.answer(world, lookup))));
        }
    }

    /// Scenes from which this one is one change away: a row, or something that is remembered, was not there yet.
    fn one_before(&self) -> Vec<(String, Self)> {
        let (mut all, most) = (Vec::new(), most());
        let mut put = |what: String, change: &dyn Fn(&mut Self)| {
            let mut before = self.clone();
            change(&mut before);
            all.push((what, before));
        };
        for (source, rows) in &self.records {
            for (at, row) in rows.iter().enumerate().take(most) {
                put(format!("a record of {source}: {row}"), &|scene| drop(scene.records.get_mut(source).unwrap().remove(at)));
            }
        }
        for (of, rows) in &self.objects {
            for (at, row) in rows.iter().enumerate().take(most) {
                put(format!("an object: {row}"), &|scene| drop(scene.objects.get_mut(of).unwrap().remove(at)));
            }
        }
        for at in 0..self.memory.links.len().min(most) {
            put(format!("{:?}", self.memory.links[at]), &|scene| drop(scene.memory.links.remove(at)));
        }
        for at in 0..self.memory.deactivations.len().min(most) {
            put(format!("{:?}", self.memory.deactivations[at]), &|scene| drop(scene.memory.deactivations.remove(at)));
        }
        all.extend(self.one_manifest_before());
        all
    }

    /// The same of what manifests say of people by name: a User was not there, or was another, or there was one more, the very image of it; a line was not there,
    /// or there was one more.
    fn one_manifest_before(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        let mut put = |what: String, change: &dyn Fn(&mut Policy)| {
            let mut before = self.clone();
            change(&mut before.policy);
            all.push((what, before));
        };
        for (at, user) in self.policy.users.iter().enumerate().take(most()) {
            put(format!("the User {}", user.name), &|policy| drop(policy.users.remove(at)));
            put(format!("what the User {} says", user.name), &|policy| {
                let UserPolicy { attributes, exclude, .. } = &mut policy.users[at];
                attributes.clear();
                *exclude = false;
            });
            put(format!("that a User like {} is gone", user.name), &|policy| {
                let image = UserPolicy { name: "zzz".into(), key: "user/zzz".into(), standalone: true, exclude: false, ..user.clone() };
                policy.users.push(UserPolicy { records: vec![], former_keys: vec![], ..image });
            });
        }
        for (at, group) in self.policy.groups.iter().enumerate().take(most()) {
            for line in 0..group.members.len().min(most()) {
                put(format!("a member of {}", group.key), &|policy| drop(policy.groups[at].members.remove(line)));
            }
            for line in 0..group.exclude.len().min(most()) {
                put(format!("an exclusion of {}", group.key), &|policy| drop(policy.groups[at].exclude.remove(line)));
            }
            let somebody =
                self.policy.users.first().map(|user| user.key.clone()).or(self.memory.links.first().map(|link| link.key.clone()));
            let Some(key) = somebody.filter(|key| !Key::is_group(key)) else { continue };
            put(format!("that {key} is named in {} no more", group.key), &|policy| {
                policy.groups[at].members.push(MemberPolicy { key: key.clone(), until: None, place: group.place.clone() });
            });
        }
        all
    }

    /// Whatever came last, a plan of those whom it bears on is the plan of everybody.
    fn holds_one_by_one(&self, plan: &Plan) {
        let told = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap();
        for (what, before) in self.one_before() {
            let (mut kept, mut world) = (LastPlan::new(), before.world());
            before.replan(&mut kept, &mut world);
            let left = left_behind(&before.policy, &world, before.moment).all;
            kept.has_left();
            let (again, how) = self.replan_after(&before.policy, &mut kept, &mut world);
            assert_eq!(told(&again), told(plan), "what came last is {what} ({how:?})");
            self.leaves_the_same(left.into_iter().collect(), kept.unleft(), &format!("what came last is {what} ({how:?})"));
        }
    }

    /// What is left of those who are planned, beside what was left of all others, is what is left of everybody.
    fn leaves_the_same(&self, mut left: BTreeSet<Left>, unleft: &Unleft, what: &str) {
        let Unleft::Some(parts) = unleft else { return };
        for (target, part) in parts {
            left.retain(|known| known.target != *target || !part.replaces(known));
            left.extend(part.all.iter().cloned());
        }
        let afresh: BTreeSet<Left> = left_behind(&self.policy, &self.world(), self.moment).all.into_iter().collect();
        assert_eq!(left, afresh, "{what}");
    }

    /// The plan, with the survey's questions answered.
    pub(crate) fn plan(&self) -> Plan {
        let world = self.world();
        let answers = self.answers(&world, Scope::All);
        let plan = prepare(&self.policy, &world, &answers, self.moment, Scope::All).decide(Look::Quick, &world.memory, None);
        let closely = prepare(&self.policy, &world, &answers, self.moment, Scope::All).decide(Look::Close, &world.memory, None);
        assert_eq!(tell(&plan), tell(&closely), "the quick look hides something");
        self.holds_one_by_one(&plan);
        plan
    }

    /// The plan without any answer.
    pub(crate) fn plan_unanswered(&self) -> Plan {
        let world = self.world();
        prepare(&self.policy, &world, &[], self.moment, Scope::All).decide(Look::Quick, &world.memory, None)
    }

    /// What cuts somebody off at `chat`, which is not read as a whole.
    pub(crate) fn plan_revoked(&self) -> Plan {
        let world = self.world();
        let answers = self.answers(&world, Scope::Revoked(0));
        prepare(&self.policy, &world, &answers, self.moment, Scope::Revoked(0)).decide(Look::Quick, &world.memory, None)
    }

    /// What is asked of `chat` for those who are cut off.
    pub(crate) fn survey_of_revoked(&self) -> Vec<LookupBy> {
        let lookups = prepare(&self.policy, &self.world(), &[], self.moment, Scope::Revoked(0)).survey().lookups;
        lookups.into_iter().map(|lookup| lookup.by).collect()
    }

    /// The plan as text. The order of rows must not matter.
    pub(crate) fn told(&self) -> String {
        let told = tell(&self.plan());
        assert_eq!(told, tell(&self.clone().reversed().plan()), "the order of rows matters");
        told
    }
}

/// A target that can do everything and marks by externalId.
pub(crate) fn everything() -> Capabilities {
    Capabilities {
        nested_groups: true,
        account_marker: Some("externalId".into()),
        group_marker: Some("externalId".into()),
        end_sessions: false,
        ..Capabilities::everything()
    }
}

/// Rows of JSON objects.
pub(crate) fn page(columns: &Arc<Columns>, rows: &[Json]) -> Page {
    let mut page = Page::new(columns.clone());
    for row in rows {
        page.row(|writer| {
            for path in columns.paths() {
                match row.get(path.as_ref()) {
                    None => writer.missing(),
                    Some(Json::Null) => writer.null(),
                    Some(value) if value.get("unreadable").is_some() => writer.unreadable("it is held back"),
                    Some(value) => writer.value(&Value::from_json(value).unwrap()),
                }
            }
        });
    }
    page
}

/// A plan in a few lines.
pub(crate) fn tell(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.changes.iter().enumerate().map(|(at, change)| tell_change(at, change)).collect();
    lines.extend(plan.findings.iter().map(|finding| format!("({:?} {:?}) {}", finding.severity, finding.code, finding.message)));
    if lines.is_empty() { "nothing".into() } else { lines.join("\n") }
}

fn tell_change(at: usize, change: &Change) -> String {
    assert_eq!(change.mandate, told_by(change.reason), "{change:?}");
    let mut line = format!("{at} {:?} {} [{:?}]", change.action, change.object.key, change.reason);
    if let Some(id) = &change.object.id {
        line += &format!(" id={id}");
    }
    if let Some(former) = &change.former_key {
        line += &format!(" was={former}");
    }
    if let Some(entitlement) = &change.entitlement {
        line += &format!(" {entitlement:?}");
    }
    let show = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    for attribute in &change.attributes {
        line += &format!(" {}: {} > {};", attribute.attribute, show(&attribute.before), show(&attribute.after));
    }
    for member in &change.members {
        line += &format!(" {}", member.member.key);
        if member.people != 1 {
            line += &format!("*{}", member.people);
        }
    }
    if !change.needs.is_empty() {
        line += &format!(" needs {:?}", change.needs.iter().map(|need| need.0).collect::<Vec<_>>());
    }
    if !change.risks.is_empty() {
        line += &format!(" risks {:?}", change.risks);
    }
    if change.withheld.is_some() {
        line += " WITHHELD";
    }
    line
}

/// The mandate that a reason is told of, in every story.
fn told_by(reason: Reason) -> Mandate {
    match reason {
        Reason::Joiner | Reason::Mover | Reason::Suspended | Reason::Returned | Reason::Declared => Mandate::Normal,
        Reason::Leaver => Mandate::Leaver,
        Reason::Absent => Mandate::Absence,
        Reason::Deselected => Mandate::Deselection,
        Reason::Due => Mandate::Grace,
        Reason::Revoked => Mandate::Revocation,
        Reason::Pruned => Mandate::Pruning,
    }
}

/// How entries of a directory are called: by which attribute, what that is there, and which others change what entries are called.
pub(crate) fn names(attribute: &str, own: &str, mapped: &[(&str, &str)]) -> EntryNames {
    let attributes = mapped.iter().map(|(own, name)| ((*own).to_owned(), Arc::from(*name))).collect();
    EntryNames { attribute: attribute.into(), own: own.into(), base: "ou=people,dc=x".into(), attributes }
}

/// The marker of a key in the workspace of stories.
pub(crate) fn mark(key: &str) -> String {
    Marks::of("acme").mark(key)
}
