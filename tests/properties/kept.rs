//! A world that is kept and told what changes plans as one that is read anew, byte for byte: records come, change and go, accounts, groups and memberships are
//! edited outside, plans are applied, days pass, manifests change. So does a plan of those alone whom the changes bear on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use headcount::model::{Columns, Left, LeftWhat, Link, Memory, ObjectKind, Page, Plan, Recollection, Row, TouchedMemory};
use headcount::planning::{self, Replanned, Scope, Unleft};
use headcount::policy::Policy;
use headcount::world::{Delta, Dirty, World};
use jiff::SignedDuration;
use jiff::civil::Date;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

use super::lab::{Lab, Run};
use super::laws::cases;
use super::story::{Lens, Story, companies, offices, stories};

const STREAMS: [ObjectKind; 3] = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership];

/// What a world that is kept is told of. What is remembered changes with one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Records,
    Stream(ObjectKind),
}

/// A world, and the rows that it was told of.
struct LastPlan {
    /// of these changes the plan is not told: a shortcut that is wrong
    untold: Option<Told>,
    manifests: String,
    policy: Rc<Policy>,
    world: World,
    plans: planning::LastPlan,
    /// when it was last planned
    planned_on: Option<Date>,
    /// what changed since the last plan
    dirty: Dirty,
    /// what every plan so far left at targets
    left: BTreeSet<Left>,
    sources: Vec<Rows>,
    streams: Vec<Option<Rows>>,
}

/// The rows of a stream by what they are known by.
struct Rows {
    columns: Arc<Columns>,
    by_key: BTreeMap<Vec<String>, Page>,
}

/// How much was planned, of changes of one day under the same manifests.
#[derive(Default)]
struct Counts(BTreeMap<&'static str, u64>);

const CLOSURE: &str = "only those whom it bears on";

impl Counts {
    fn note(&mut self, how: Replanned) {
        let what = match how {
            Replanned::Closure { .. } => CLOSURE,
            Replanned::Whole { why } => why,
        };
        *self.0.entry(what).or_default() += 1;
    }

    /// A law that always falls back proves nothing.
    fn are_often_narrow(&self) {
        let (narrow, all) = (self.0.get(CLOSURE).copied().unwrap_or_default(), self.0.values().sum::<u64>());
        println!("{narrow} of {all} small changes planned only those whom they bear on: {:#?}", self.0);
        assert!(narrow * 3 > all, "{:#?}", self.0);
    }
}

fn in_every_story(stories: impl Strategy<Value = Story>, live: impl Fn(Story, &RefCell<Counts>) -> Result<(), TestCaseError>) {
    let counts = RefCell::new(Counts::default());
    let lived = TestRunner::new(cases()).run(&stories, |story| live(story, &counts));
    lived.unwrap_or_else(|failure| panic!("{failure}"));
    counts.into_inner().are_often_narrow();
}

#[test]
fn a_kept_world_plans_as_one_that_is_read_anew() {
    in_every_story(stories(), |story, counts| {
        let mut lab = Lab::new(story);
        let mut kept = LastPlan::read(&lab, &lab.policy());
        for act in lab.story.acts.clone() {
            for event in &act.events {
                lab.happens(event);
                kept.plans_the_same(&lab, counts)?;
            }
            let policy = lab.policy();
            let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
            lab.apply(
                &policy,
                &plan,
                &Run { lens: &Lens::CLEAR, fails: act.fails, interrupted: act.interrupted.as_ref() },
                &mut |_, _, _| {},
            );
            kept.plans_the_same(&lab, counts)?;
            lab.days_pass(act.days);
            kept.plans_the_same(&lab, counts)?;
        }
        Ok(())
    });
}

#[test]
fn in_a_larger_company_so_does_a_plan_of_those_alone_whom_each_change_bears_on() {
    in_every_story(companies(), |story, counts| company_lives(story, counts, None));
}

/// The law is worth something: where the plan is not told of one kind of changes, and so leaves out whom they bear on, some company shows it.
#[test]
fn a_plan_that_is_not_told_of_everything_is_found_out() {
    for untold in [Told::Records, Told::Stream(ObjectKind::Account), Told::Stream(ObjectKind::Membership)] {
        let mut runner = TestRunner::new(ProptestConfig { max_shrink_iters: 0, ..cases() });
        let lived = runner.run(&companies(), |story| company_lives(story, &RefCell::default(), Some(untold)));
        assert!(matches!(lived, Err(TestError::Fail(..))), "{untold:?}: {lived:?}");
    }
}

fn company_lives(story: Story, counts: &RefCell<Counts>, untold: Option<Told>) -> Result<(), TestCaseError> {
    let mut lab = Lab::new(story);
    let mut kept = LastPlan { untold, ..LastPlan::read(&lab, &lab.policy()) };
    for act in lab.story.acts.clone() {
        for event in &act.events {
            lab.happens(event);
            kept.plans_the_same(&lab, counts)?;
            // An hour later a name may be free, or an account is there at last.
            lab.now += SignedDuration::from_mins(61);
            kept.plans_the_same(&lab, counts)?;
        }
        let policy = lab.policy();
        let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        lab.apply(&policy, &plan, &Run { lens: &Lens::CLEAR, fails: act.fails, interrupted: None }, &mut |_, _, _| {});
        kept.plans_the_same(&lab, counts)?;
    }
    Ok(())
}

#[test]
fn where_manifests_change_so_does_a_plan_of_those_alone_whom_that_concerns() {
    in_every_story(offices(), |story, counts| {
        let mut lab = Lab::new(story);
        let mut kept = LastPlan::read(&lab, &lab.policy());
        for act in lab.story.acts.clone() {
            for event in &act.events {
                lab.happens(event);
                kept.plans_the_same(&lab, counts)?;
            }
            let policy = lab.policy();
            let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
            lab.apply(&policy, &plan, &Run { lens: &Lens::CLEAR, fails: act.fails, interrupted: None }, &mut |_, _, _| {});
            // Nothing is pending by now, so that nobody is planned for that.
            kept.plans_the_same(&lab, counts)?;
            for event in act.events.iter().rev() {
                lab.happens(event);
            }
            kept.plans_the_same(&lab, counts)?;
        }
        Ok(())
    });
}

impl LastPlan {
    fn read(lab: &Lab, policy: &Rc<Policy>) -> Self {
        Self {
            untold: None,
            left: BTreeSet::new(),
            manifests: lab.story.manifests(),
            policy: policy.clone(),
            world: lab.world(policy, &Lens::CLEAR, false),
            plans: planning::LastPlan::new(),
            planned_on: None,
            dirty: Dirty::default(),
            sources: (0..policy.sources.len()).map(|at| Rows::of_source(lab, policy, at)).collect(),
            streams: STREAMS.into_iter().map(|kind| Rows::of_target(lab, policy, kind)).collect(),
        }
    }

    /// Takes in what changed, and holds the plan against that of a world that is read anew.
    fn plans_the_same(&mut self, lab: &Lab, counts: &RefCell<Counts>) -> Result<(), TestCaseError> {
        let policy: Rc<Policy> = lab.policy();
        let mut small = self.planned_on == Some(lab.moment().today);
        if self.manifests != lab.story.manifests() {
            let concerns = Dirty::of_manifests(&self.policy, &policy);
            if concerns.of_everybody().is_some() || !self.world.fits(&policy) {
                *self = Self { untold: self.untold, ..Self::read(lab, &policy) };
                small = false;
            }
            self.dirty.add(concerns);
            (self.manifests, self.policy) = (lab.story.manifests(), policy.clone());
        }
        self.planned_on = Some(lab.moment().today);
        let (mut sources, mut streams) = (std::mem::take(&mut self.sources), std::mem::take(&mut self.streams));
        for (at, rows) in sources.iter_mut().enumerate() {
            let now = Rows::of_source(lab, &policy, at);
            let delta = rows.until(&now, ObjectKind::Account);
            let changed = self.world.change_source(&policy, at, &delta);
            self.hear(Told::Records, changed);
            *rows = now;
        }
        for (kind, rows) in STREAMS.into_iter().zip(&mut streams) {
            let now = Rows::of_target(lab, &policy, kind);
            if let (Some(rows), Some(now)) = (&*rows, &now) {
                let changed = self.world.change_target(&policy, 0, kind, &rows.until(now, kind));
                self.hear(Told::Stream(kind), changed);
            }
            *rows = now;
        }
        (self.sources, self.streams) = (sources, streams);
        let since = since(&self.world.whole_memory(), &lab.memory);
        self.dirty.add(self.world.recollect(&policy, since));
        self.world.turn(&policy, lab.moment().today);
        let told = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap();
        let planned = |world: &World| told(&lab.plan_in(&policy, world, &Lens::CLEAR, Scope::All, false));
        let afresh = planned(&lab.world(&policy, &Lens::CLEAR, false));
        prop_assert_eq!(&planned(&self.world), &afresh, "{}", &self.manifests);
        let (plan, how) = self.replan(lab, &policy);
        if small {
            counts.borrow_mut().note(how);
        }
        prop_assert_eq!(told(&plan), afresh, "{:?}\n{}", how, &self.manifests);
        self.leaves_the_same(lab, &policy, how)
    }

    fn hear(&mut self, of: Told, changed: Dirty) {
        if self.untold != Some(of) {
            self.dirty.add(changed);
        }
    }

    /// Of a plan of some what is left of these is replaced; it is what is left of everybody.
    fn leaves_the_same(&mut self, lab: &Lab, policy: &Policy, how: Replanned) -> Result<(), TestCaseError> {
        let world = lab.world(policy, &Lens::CLEAR, false);
        // Since when something is so is not compared.
        let timeless = |left: &Left| match left.what {
            LeftWhat::Run | LeftWhat::Nobodys => Left { print: 0, ..left.clone() },
            _ => left.clone(),
        };
        let afresh: BTreeSet<Left> = planning::left_behind(policy, &world, lab.moment()).all.iter().map(timeless).collect();
        match self.plans.unleft() {
            Unleft::Everybody => self.left.clone_from(&afresh),
            Unleft::Some(parts) => {
                for (target, part) in parts {
                    self.left.retain(|known| known.target != *target || !part.replaces(known));
                    self.left.extend(part.all.iter().map(timeless));
                }
            }
        }
        self.plans.has_left();
        prop_assert_eq!(&self.left, &afresh, "{:?}\n{}", how, &self.manifests);
        Ok(())
    }

    /// The plan of those whom the changes bear on.
    fn replan(&mut self, lab: &Lab, policy: &Policy) -> (Plan, Replanned) {
        let dirty = std::mem::take(&mut self.dirty);
        let mut answers = Vec::new();
        loop {
            let replan = self.plans.replan(policy, &self.world, &dirty, &answers, lab.moment());
            if replan.survey.lookups.is_empty() {
                return (replan.plan, replan.how);
            }
            answers.extend(lab.answers(policy, &replan.survey.lookups, &Lens::CLEAR));
        }
    }
}

/// What is remembered otherwise than before, as a state tells it.
fn since(before: &Memory, now: &Memory) -> Recollection {
    fn differ<'m, T: PartialEq>(before: &'m [T], now: &'m [T]) -> impl Iterator<Item = &'m T> {
        let gone = before.iter().filter(|one| !now.contains(one));
        gone.chain(now.iter().filter(|one| !before.contains(one)))
    }
    let mut touched = TouchedMemory::default();
    for link in differ(&before.links, &now.links) {
        touched.names.insert((link.target.clone(), link.kind, link.key.clone()));
        touched.objects.insert((link.target.clone(), link.kind, link.id.clone()));
    }
    touched.objects.extend(differ(&before.formers, &now.formers).map(|one| (one.target.clone(), one.kind, one.id.clone())));
    touched.objects.extend(differ(&before.deactivations, &now.deactivations).map(|one| (one.target.clone(), one.kind, one.id.clone())));
    touched.objects.extend(differ(&before.written, &now.written).map(|one| (one.target.clone(), one.kind, one.id.clone())));
    touched.objects.extend(differ(&before.repeats, &now.repeats).map(|one| (one.target.clone(), one.kind, one.id.clone())));
    touched.records.extend(differ(&before.records, &now.records).map(|one| (one.source.clone(), one.record.clone())));
    let names = differ(&before.departed, &now.departed);
    touched.departed.extend(names.map(|one| (one.target.clone(), one.attribute.clone(), one.value.clone(), one.key.clone())));
    let mut memory = now.clone();
    let object = |target: &Arc<str>, kind, id: &Arc<str>| touched.objects.contains(&(target.clone(), kind, id.clone()));
    let name = |link: &Link| touched.names.contains(&(link.target.clone(), link.kind, link.key.clone()));
    memory.links.retain(|link| object(&link.target, link.kind, &link.id) || name(link));
    memory.formers.retain(|one| object(&one.target, one.kind, &one.id));
    memory.deactivations.retain(|one| object(&one.target, one.kind, &one.id));
    memory.written.retain(|one| object(&one.target, one.kind, &one.id));
    memory.repeats.retain(|one| object(&one.target, one.kind, &one.id));
    memory.records.retain(|one| touched.records.contains(&(one.source.clone(), one.record.clone())));
    memory
        .departed
        .retain(|one| touched.departed.contains(&(one.target.clone(), one.attribute.clone(), one.value.clone(), one.key.clone())));
    Recollection { generation: 0, memory, of: Some(touched) }
}

impl Rows {
    fn of_source(lab: &Lab, policy: &Policy, at: usize) -> Self {
        let columns = headcount::world::SourceSide::columns_of(policy, at);
        Self::of(columns, &lab.rows_of_source(policy, at), &["id"])
    }

    fn of_target(lab: &Lab, policy: &Policy, kind: ObjectKind) -> Option<Self> {
        let (columns, pages) = lab.rows_of_target(policy, kind)?;
        let known_by: &[&str] = if kind == ObjectKind::Membership { &["group", "member", "kind"] } else { &["id"] };
        Some(Self::of(columns, &pages, known_by))
    }

    fn of(columns: Arc<Columns>, pages: &[Page], known_by: &[&str]) -> Self {
        let positions: Vec<usize> = known_by.iter().filter_map(|name| columns.position(name)).collect();
        let key = |row: &Row<'_>| positions.iter().map(|at| format!("{:?}", row.cell(*at))).collect();
        let one = |row: Row<'_>| {
            let mut page = Page::new(columns.clone());
            page.row(|out| row.cells().for_each(|cell| out.cell(cell)));
            page
        };
        let by_key = pages.iter().flat_map(Page::rows).map(|row| (key(&row), one(row))).collect();
        Self { columns, by_key }
    }

    /// What changed until now.
    fn until(&self, now: &Self, kind: ObjectKind) -> Delta {
        let mut delta = Delta::new(self.columns.clone());
        let put = |into: &mut Page, page: &Page| page.rows().for_each(|row| into.row(|out| row.cells().for_each(|cell| out.cell(cell))));
        let rows = |page: &Page| page.rows().map(|row| row.cells().map(|cell| format!("{cell:?}")).collect()).collect::<Vec<Vec<String>>>();
        for (key, page) in &now.by_key {
            if self.by_key.get(key).is_none_or(|before| rows(before) != rows(page)) {
                put(&mut delta.changed, page);
            }
        }
        for page in self.by_key.iter().filter(|(key, _)| !now.by_key.contains_key(*key)).map(|(_, page)| page) {
            if kind == ObjectKind::Membership {
                put(&mut delta.ended, page);
                continue;
            }
            let at = self.columns.position("id").unwrap_or_default();
            delta.gone.extend(page.rows().filter_map(|row| row.cell(at).as_text().map(Arc::from)));
        }
        delta
    }
}
