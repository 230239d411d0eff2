//! What must not be quadratic: many renamed groups, groups in groups in groups, a long chain of managers, one group with everybody.
//!
//! `cargo bench --bench scale`. Each case is planned at three sizes; its slope is that of the logarithms of its time and its size, from one size to the next:
//! 1 is linear, 2 quadratic. CPU time is this thread's (`clock_gettime(2)`). What is made and read beforehand does not count.

use std::fmt::Write as _;
use std::hint::black_box;

use headcount::connector::pack::Packer;
use headcount::connector::registry::Facts;
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Capabilities, Columns, Evidence, Memory, ObjectKind, Page, Plan};
use headcount::planning::{self, Moment, Scope};
use headcount::policy::{self, Policy};
use headcount::world::{SourceSide, TargetSide, World};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured: its name, the sizes, the case of a size, and how many changes its plan has.
type Measured = (&'static str, [usize; 3], fn(usize) -> Case, fn(usize) -> usize);

fn main() {
    let cases: [Measured; 6] = [
        ("renamed groups, each to the name of the next", [1000, 3000, 10_000], renamed, |size| size),
        ("renamed groups, two and two exchange names", [1000, 3000, 10_000], exchanged, |size| size + size / 2),
        ("nested groups to be made, each in the one before", [1000, 3000, 10_000], |size| nested(size, false), |size| 2 * size),
        ("nested groups that are there", [1000, 3000, 10_000], |size| nested(size, true), |_| 0),
        ("a chain of managers who all start", [1000, 3000, 10_000], managers, |size| size),
        ("members of one group, half of them new in it", [10_000, 30_000, 100_000], members, |_| 1),
    ];
    println!("{:<52} {:>8} {:>9} {:>9} {:>7}", "case", "size", "CPU s", "µs each", "slope");
    for (name, sizes, make, changes) in cases {
        let mut before: Option<(usize, f64)> = None;
        for size in sizes {
            let case = make(size);
            let (plan, seconds) = case.plan();
            assert_eq!(plan.changes.len(), changes(size), "{name}: {:#?}", plan.findings.first());
            let slope = before.map(|(smaller, less)| (seconds / less).ln() / (size as f64 / smaller as f64).ln());
            let slope = slope.map_or_else(String::new, |slope| format!("{slope:.2}"));
            println!("{name:<52} {size:>8} {seconds:>9.3} {:>9.2} {slope:>7}", seconds * 1e6 / size as f64);
            before = Some((size, seconds));
        }
    }
}

/// Manifests, and what is there, as lines of JSON.
#[derive(Default)]
struct Case {
    manifests: String,
    records: Vec<String>,
    accounts: Vec<String>,
    groups: Vec<String>,
    members: Vec<String>,
}

impl Case {
    fn new(groups: &str) -> Self {
        let manifests = format!(
            r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {{name: scale}}
spec: {{id: scale}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {{name: hr}}
spec:
  connection: {{file: {{path: records.ndjson}}}}
  key: record.id
  mapping:
    rules:
    - {{attribute: userName, value: record.login}}
    - {{attribute: manager, value: record.manager}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection: {{scim: {{url: "http://127.0.0.1:1/v2"}}}}
  groups: {groups}
  mapping:
    rules:
    - {{attribute: userName, value: identity.userName}}
    - {{attribute: manager, value: identity.manager}}
"#
        );
        Self { manifests, ..Self::default() }
    }

    fn group(&mut self, at: usize, spec: &str) {
        let head = "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\n";
        writeln!(self.manifests, "{head}metadata: {{name: g-{at:06}}}\nspec: {spec}").expect("room in memory");
    }

    fn group_there(&mut self, at: usize, name: &str) {
        self.groups.push(format!(r#"{{"id":"g{at}","externalId":"hc:scale:group:g-{at:06}","displayName":"{name}"}}"#));
    }

    fn record(&mut self, at: usize, manager: Option<usize>) {
        let manager = manager.map_or_else(|| "null".into(), |manager| format!("\"{manager:06}\""));
        self.records.push(format!(r#"{{"id":"{at:06}","login":"user{at}","manager":{manager}}}"#));
    }

    fn account(&mut self, at: usize) {
        self.accounts.push(format!(r#"{{"id":"a{at}","externalId":"hc:scale:hr:{at:06}","userName":"user{at}","active":true}}"#));
    }

    /// The plan, and the seconds that it took.
    fn plan(&self) -> (Plan, f64) {
        let policy = self.policy();
        let moment = Moment { today: jiff::civil::date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().expect("a time") };
        let mut source = SourceSide::new(&policy, 0, moment.today);
        source.add(&page(source.columns(), &self.records));
        source.finish(Evidence::Complete);
        let mut target = TargetSide::new(&policy, 0, capabilities());
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership] {
            let lines = match kind {
                ObjectKind::Account => &self.accounts,
                ObjectKind::Group => &self.groups,
                _ => &self.members,
            };
            let columns = target.columns(kind).expect("groups are read");
            target.add(kind, &page(columns, lines));
            target.finish(kind, Evidence::Complete);
        }
        let memory = Memory { known: true, ..Memory::default() };
        let world = World::assemble(&policy, vec![source], vec![target], memory);
        let started = cpu_seconds();
        let prepared = planning::prepare(&policy, &world, &[], moment, Scope::All);
        assert!(prepared.survey().lookups.is_empty(), "a complete read leaves nothing to look up");
        let plan = prepared.plan();
        let seconds = cpu_seconds() - started;
        (black_box(plan), seconds)
    }

    fn policy(&self) -> Policy {
        let (loaded, problems) = load(&[ManifestInput::stdin(self.manifests.clone().into_bytes())]);
        assert!(problems.is_empty(), "{:#?}", problems.first());
        policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{:#?}", problems.first())).0
    }
}

/// Each takes the name that the next one gives up: the last must go first.
fn renamed(size: usize) -> Case {
    let mut case = Case::new("{}");
    for at in 0..size {
        case.group(at, &format!("{{displayName: Team {}}}", at + 1));
        case.group_there(at, &format!("Team {at}"));
    }
    case
}

/// Each two exchange their names: one of them has to step aside.
fn exchanged(size: usize) -> Case {
    let mut case = Case::new("{}");
    for at in 0..size {
        case.group(at, &format!("{{displayName: Team {}}}", at ^ 1));
        case.group_there(at, &format!("Team {at}"));
    }
    case
}

/// Each has one person and the next group in it.
fn nested(size: usize, there: bool) -> Case {
    let mut case = Case::new("{nested: true}");
    for at in 0..size {
        let next = if at + 1 < size { format!(", {{group: g-{:06}}}", at + 1) } else { String::new() };
        case.group(at, &format!("{{displayName: Team {at}, members: [{{identity: {{source: hr, key: \"{at:06}\"}}}}{next}]}}"));
        case.record(at, None);
        case.account(at);
        if there {
            case.group_there(at, &format!("Team {at}"));
            case.members.push(format!(r#"{{"group":"g{at}","member":"a{at}","kind":"account"}}"#));
            if at + 1 < size {
                case.members.push(format!(r#"{{"group":"g{at}","member":"g{}","kind":"group"}}"#, at + 1));
            }
        }
    }
    case
}

/// Each reports to the one before, and nobody has an account yet.
fn managers(size: usize) -> Case {
    let mut case = Case::new("{}");
    (0..size).for_each(|at| case.record(at, at.checked_sub(1)));
    case
}

/// One group by name, with everybody.
fn members(size: usize) -> Case {
    let mut case = Case::new("{}");
    let mut lines = String::new();
    for at in 0..size {
        write!(lines, "{{identity: {{source: hr, key: \"{at:06}\"}}}}, ").expect("room in memory");
        case.record(at, None);
        case.account(at);
        if at % 2 == 0 {
            case.members.push(format!(r#"{{"group":"g0","member":"a{at}","kind":"account"}}"#));
        }
    }
    case.group(0, &format!("{{displayName: All, members: [{lines}]}}"));
    case.group_there(0, "All");
    case
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
        delete_groups: true,
        write_memberships: true,
        nested_groups: true,
        account_marker: Some("externalId".into()),
        group_marker: Some("externalId".into()),
        ..Capabilities::default()
    }
}

fn page(columns: std::sync::Arc<Columns>, lines: &[String]) -> Page {
    let mut packer = Packer::new(&columns);
    let mut page = Page::new(columns);
    lines.iter().for_each(|line| packer.json(line, &mut page).expect("valid JSON"));
    page
}

/// Seconds that this thread ran on a processor.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
