//! What one change costs in a world that is kept, beside a plan of everybody in the same run: 10k, 100k and 1M people who are as they should be.
//!
//! A record, an account, a membership is another than before, somebody comes and somebody goes; after each the same is taken back, which counts too.
//! `cargo bench --bench closure [-- PEOPLE…]`. CPU time is this thread's (`clock_gettime(2)`); taking the change in and planning are told apart.

use std::hint::black_box;
use std::sync::Arc;

use headcount::connector::registry::Facts;
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Capabilities, Columns, Evidence, Memory, ObjectKind, Page, Recollection};
use headcount::planning::{self, LastPlan, Moment, Replanned, Scope};
use headcount::policy::{self, Policy};
use headcount::world::{Delta, SourceSide, TargetSide, World};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many changes of each kind, each of somebody else.
const CHANGES: usize = 200;
const ROWS_A_PAGE: usize = 1000;
const DEPARTMENTS: [&str; 8] = ["Engineering", "Support", "Sales", "Finance", "Legal", "People", "Marketing", "Operations"];

fn main() {
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let sizes: Vec<usize> = arguments.filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let policy = compiled();
    println!(
        "{:>9}  {:<34} {:>12} {:>12} {:>12} {:>12} {:>8}",
        "people", "what", "median µs", "p99 µs", "most µs", "taken in µs", "planned"
    );
    for people in sizes {
        Company::new(&policy, people).measure();
    }
}

/// A company whose accounts are as they should be.
struct Company<'p> {
    policy: &'p Policy,
    people: usize,
    world: World,
    kept: LastPlan,
    moment: Moment,
}

/// One change, and what takes it back.
type Change = (Source, Delta, Delta);

/// What one change took, in microseconds, and what came of it.
struct Taken {
    taking: f64,
    planning: f64,
    /// whom the plan was of
    people: usize,
    changes: usize,
}

#[derive(Clone, Copy)]
enum Source {
    Records,
    Target(ObjectKind),
}

/// What is done to one of the company, what it is called, and how many people are planned for it at least.
type Kind<'p> = (&'static str, fn(&Company<'p>, usize) -> Change, usize);

impl<'p> Company<'p> {
    fn new(policy: &'p Policy, people: usize) -> Self {
        let moment = Moment { today: jiff::civil::date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().expect("a time") };
        let mut source = SourceSide::new(policy, 0, moment.today);
        let columns = source.columns();
        pages(people, &columns, |at, page| record(page, at, department(at)), |page| source.add(page));
        source.finish(Evidence::Complete);
        let mut target = TargetSide::new(policy, 0, capabilities());
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership] {
            let columns = target.columns(kind).expect("it is read");
            let rows = if kind == ObjectKind::Group { DEPARTMENTS.len() } else { people };
            let row = |at: usize, page: &mut Page| match kind {
                ObjectKind::Account => account(page, at, department(at)),
                ObjectKind::Group => group(page, at),
                _ => member(page, at % DEPARTMENTS.len(), at),
            };
            pages(rows, &columns, row, |page| target.add(kind, page));
            target.finish(kind, Evidence::Complete);
        }
        let memory = Memory { known: true, ..Memory::default() };
        let mut world = World::assemble(policy, vec![source], vec![target], memory);
        let baselines = world.baselines(policy, moment.now);
        let memory = Memory { known: true, baselines, ..Memory::default() };
        let _ = world.recollect(policy, Recollection { generation: 0, memory, of: None });
        Self { policy, people, world, kept: LastPlan::new(), moment }
    }

    fn measure(&mut self) {
        let started = cpu_seconds();
        let plan = planning::plan(self.policy, &self.world, &[], self.moment, Scope::All);
        let whole = cpu_seconds() - started;
        assert!(plan.changes.is_empty(), "{:#?}", plan.changes.first());
        let started = cpu_seconds();
        let first = self.kept.replan(self.policy, &self.world, &Default::default(), &[], self.moment);
        let kept = cpu_seconds() - started;
        assert!(matches!(first.how, Replanned::Whole { .. }));
        let people = self.people;
        println!("{people:>9}  {:<34} {:>12.0}", "a plan of everybody", whole * 1e6);
        println!("{people:>9}  {:<34} {:>12.0}", "the first one, with what is kept", kept * 1e6);
        let kinds: [Kind<'p>; 5] = [
            ("a record is another", Self::moves, 1),
            ("an account is another", Self::edited, 1),
            ("a membership is gone", Self::left_group, 1),
            ("somebody comes", Self::joins, 1),
            ("a record is gone", Self::goes, 1),
        ];
        for (what, make, least) in kinds {
            let (mut planned, mut taken, mut people_planned) = (Vec::new(), Vec::new(), 0);
            for at in 0..CHANGES {
                let (source, there, back) = make(self, (at * 7919 + 13) % people);
                for (delta, changes) in [(there, least), (back, 0)] {
                    let one = self.take(source, &delta);
                    let many = one.changes;
                    assert!(many >= changes && (changes > 0 || many == 0), "{what}: {many} changes");
                    planned.push(one.planning);
                    taken.push(one.taking);
                    people_planned += one.people;
                }
            }
            let [median, p99, most] = spread(&mut planned);
            let (taking, mean) = (spread(&mut taken)[0], people_planned as f64 / planned.len() as f64);
            println!("{people:>9}  {what:<34} {median:>12.1} {p99:>12.1} {most:>12.1} {taking:>12.1} {mean:>8.1}");
        }
    }

    /// Takes a change in and plans.
    fn take(&mut self, source: Source, delta: &Delta) -> Taken {
        let started = cpu_seconds();
        let dirty = match source {
            Source::Records => self.world.change_source(self.policy, 0, delta),
            Source::Target(kind) => self.world.change_target(self.policy, 0, kind, delta),
        };
        let taken = cpu_seconds();
        let mut replan = self.kept.replan(self.policy, &self.world, &dirty, &[], self.moment);
        if !replan.survey.lookups.is_empty() {
            panic!("{:?} is asked", replan.survey.lookups.pop());
        }
        let planned = cpu_seconds();
        let Replanned::Closure { people } = replan.how else { panic!("{:?}", replan.how) };
        let planned = Taken { taking: (taken - started) * 1e6, planning: (planned - taken) * 1e6, people, changes: 0 };
        Taken { changes: black_box(replan.plan).changes.len(), ..planned }
    }

    fn delta(&self, source: Source, fill: impl FnOnce(&mut Delta)) -> Delta {
        let columns = match source {
            Source::Records => SourceSide::columns_of(self.policy, 0),
            Source::Target(kind) => TargetSide::new(self.policy, 0, capabilities()).columns(kind).expect("it is read"),
        };
        let mut delta = Delta::new(columns);
        fill(&mut delta);
        delta
    }

    fn moves(&self, at: usize) -> Change {
        let row = |department| self.delta(Source::Records, |delta| record(&mut delta.changed, at, department));
        (Source::Records, row(DEPARTMENTS[(at + 1) % 8]), row(department(at)))
    }

    fn edited(&self, at: usize) -> Change {
        let source = Source::Target(ObjectKind::Account);
        let row = |department| self.delta(source, |delta| account(&mut delta.changed, at, department));
        (source, row("Elsewhere"), row(department(at)))
    }

    fn left_group(&self, at: usize) -> Change {
        let source = Source::Target(ObjectKind::Membership);
        let there = self.delta(source, |delta| member(&mut delta.ended, at % 8, at));
        (source, there, self.delta(source, |delta| member(&mut delta.changed, at % 8, at)))
    }

    fn joins(&self, at: usize) -> Change {
        let new = self.people + at;
        let there = self.delta(Source::Records, |delta| record(&mut delta.changed, new, department(new)));
        (Source::Records, there, self.delta(Source::Records, |delta| delta.gone.push(Arc::from(key(new)))))
    }

    fn goes(&self, at: usize) -> Change {
        let there = self.delta(Source::Records, |delta| delta.gone.push(Arc::from(key(at))));
        (Source::Records, there, self.delta(Source::Records, |delta| record(&mut delta.changed, at, department(at))))
    }
}

/// The median, the 99th of a hundred, and the most.
fn spread(all: &mut [f64]) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    [all[all.len() / 2], all[all.len() * 99 / 100], all[all.len() - 1]]
}

fn department(at: usize) -> &'static str {
    DEPARTMENTS[at % DEPARTMENTS.len()]
}

fn key(at: usize) -> String {
    format!("{at:07}")
}

fn record(page: &mut Page, at: usize, department: &str) {
    let values = Values::of(at, department);
    fill(page, |path| values.get(path));
}

fn account(page: &mut Page, at: usize, department: &str) {
    let values = Values::of(at, department);
    fill(page, |path| match path {
        "id" => Some(format!("id-{at}")),
        "externalId" => Some(format!("hc:bench:hr:{}", key(at))),
        "active" => Some("true".into()),
        "manager" => Some(format!("id-{}", at / 10)).filter(|_| at > 0),
        other => values.get(other),
    });
}

fn group(page: &mut Page, at: usize) {
    fill(page, |path| match path {
        "id" => Some(format!("group-{at}")),
        "externalId" => Some(format!("hc:bench:group:{}", DEPARTMENTS[at].to_lowercase())),
        "displayName" => Some(DEPARTMENTS[at].into()),
        _ => None,
    });
}

fn member(page: &mut Page, group: usize, at: usize) {
    page.row(|row| [format!("group-{group}"), format!("id-{at}"), "account".into()].iter().for_each(|text| row.text(text)));
}

/// What a person is called and where they work.
struct Values {
    at: usize,
    first: String,
    last: String,
    department: String,
}

impl Values {
    fn of(at: usize, department: &str) -> Self {
        let mixed = at.wrapping_mul(2_654_435_761);
        Self { at, first: format!("Given{}", mixed % 9973), last: format!("Family{at}"), department: department.into() }
    }

    fn get(&self, path: &str) -> Option<String> {
        let Self { at, first, last, department } = self;
        match path {
            "id" => Some(key(*at)),
            "login" | "userName" => Some(format!("{first}.{last}")),
            "first" | "name.givenName" => Some(first.clone()),
            "last" | "name.familyName" => Some(last.clone()),
            "department" => Some(department.clone()),
            "manager" => Some(key(at / 10)).filter(|_| *at > 0),
            "status" => Some("active".into()),
            _ => None,
        }
    }
}

fn fill(page: &mut Page, value: impl Fn(&str) -> Option<String>) {
    let columns = page.columns().clone();
    page.row(|row| {
        for path in columns.paths() {
            match value(path) {
                Some(text) => row.text(&text),
                None => row.missing(),
            }
        }
    });
}

fn pages(rows: usize, columns: &Arc<Columns>, row: impl Fn(usize, &mut Page), mut take: impl FnMut(&Page)) {
    let mut page = Page::new(columns.clone());
    for at in 0..rows {
        row(at, &mut page);
        if page.len() == ROWS_A_PAGE {
            take(&page);
            page.clear();
        }
    }
    take(&page);
}

fn capabilities() -> Capabilities {
    Capabilities {
        create_accounts: true,
        update_accounts: true,
        deactivate_accounts: true,
        delete_accounts: true,
        read_groups: true,
        create_groups: true,
        update_groups: true,
        write_memberships: true,
        account_marker: Some("externalId".into()),
        group_marker: Some("externalId".into()),
        ..Capabilities::default()
    }
}

fn compiled() -> Policy {
    let mut manifests = String::from(
        r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: bench}
spec: {id: bench}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: records.ndjson}}
  key: record.id
  lifecycle: {leaver: 'record.status == "left"'}
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: name.givenName, value: record.first}
    - {attribute: name.familyName, value: record.last}
    - {attribute: department, value: record.department}
    - {attribute: manager, value: record.manager}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection: {scim: {url: "http://127.0.0.1:1/v2"}}
  groups: {}
  mapping:
    rules:
    - {attribute: userName, value: identity.userName}
    - {attribute: name.givenName, value: identity.name.givenName}
    - {attribute: name.familyName, value: identity.name.familyName}
    - {attribute: department, value: identity.department}
    - {attribute: manager, value: identity.manager}
"#,
    );
    for name in DEPARTMENTS {
        manifests += &format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: {}}}\nspec: {{displayName: {name}, rule: 'identity.department == \"{name}\"'}}\n",
            name.to_lowercase()
        );
    }
    let (loaded, problems) = load(&[ManifestInput::stdin(manifests.into_bytes())]);
    assert!(problems.is_empty(), "{problems:#?}");
    policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

/// Seconds that this thread ran on a processor.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
