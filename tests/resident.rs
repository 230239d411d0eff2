//! What a kept world takes while nothing happens, in bytes a person: everybody with an account at five Targets, a link for each in the state, and what the last plan
//! left for the next one. Bytes are counted as they are asked for, so the figures are the same on every machine; there is no time in them.
//!
//! `cargo test --test resident -- --nocapture` prints them by part. A program's resident memory is in `benches/running.rs`.

use std::alloc::System;
use std::sync::Arc;

use cap::Cap;
use headcount::connector::registry::Facts;
use headcount::manifest::{ManifestInput, load};
use headcount::model::{
    Capabilities, Columns, Evidence, LastWrite, Link, LinkOrigin, Memory, ObjectKind, Page, Recollection, UNKNOWN_SYSTEM,
};
use headcount::planning::{LastPlan, Moment};
use headcount::policy::{self, Policy};
use headcount::world::{SourceSide, TargetSide, World};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const PEOPLE: usize = 20_000;
const TARGETS: usize = 5;
const ROWS_A_PAGE: usize = 1000;
/// Four attributes of each account were written by headcount.
const WRITTEN: u32 = 4;

/// Everybody was found with the accounts that they have.
#[test]
fn a_person_at_rest_takes_few_bytes() {
    // The counter is one for the whole process, so one company is measured after the other.
    measure("adopted", false, 280.0, 145.0);
    measure("made by headcount, with managers", true, 400.0, 230.0);
}

/// The aim is 100 bytes and 40. Whoever makes them fewer lowers the bounds; whoever has to raise them says why.
fn measure(company: &str, made: bool, at_one: f64, at_each: f64) {
    let (one, five) = (Resting::of(PEOPLE, 1, made), Resting::of(PEOPLE, TARGETS, made));
    println!("{company}");
    println!("{:<28} {:>10} {:>10} {:>12}", "bytes a person", "1 Target", "5 Targets", "each further");
    for ((what, one), (_, five)) in one.parts.iter().zip(&five.parts) {
        let further = (five - one) / (TARGETS - 1) as f64;
        println!("{what:<28} {one:>10.1} {five:>10.1} {further:>12.1}");
    }
    let (one, five) = (one.all(), five.all());
    let further = (five - one) / (TARGETS - 1) as f64;
    println!("{:<28} {one:>10.1} {five:>10.1} {further:>12.1}", "all");
    assert!(one < at_one, "{company}: {one:.1} bytes a person with one Target");
    assert!(further < at_each, "{company}: {further:.1} bytes a person for each further Target");
}

/// What is held, part by part.
struct Resting {
    people: usize,
    parts: Vec<(&'static str, f64)>,
    held: usize,
}

impl Resting {
    fn of(people: usize, targets: usize, made: bool) -> Self {
        let policy = compiled(targets, made);
        let moment = Moment { today: jiff::civil::date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().expect("a time") };
        let mut resting = Self { people, parts: Vec::new(), held: ALLOCATOR.allocated() };
        let mut source = SourceSide::new(&policy, 0, moment.today);
        let columns = source.columns();
        pages(people, &columns, record, |page| source.add(page));
        source.finish(Evidence::Complete);
        resting.note("records");
        let targets: Vec<TargetSide> = (0..targets).map(|target| accounts(&policy, target, people)).collect();
        resting.note("accounts");
        let memory = remembered(&policy, people, made);
        let mut world = World::assemble(&policy, vec![source], targets, memory.clone());
        let baselines = world.baselines(&policy, moment.now);
        let memory = Memory { baselines, ..memory };
        let _ = world.recollect(&policy, Recollection { generation: 0, memory, of: None });
        resting.note("links and writes");
        let mut last = LastPlan::new();
        let plan = last.replan(&policy, &world, &Default::default(), &[], moment).plan;
        assert!(plan.changes.is_empty(), "{:#?}", plan.changes.first());
        drop(plan);
        resting.note("what the last plan left");
        drop((world, last));
        resting
    }

    fn note(&mut self, what: &'static str) {
        let now = ALLOCATOR.allocated();
        self.parts.push((what, (now as f64 - self.held as f64) / self.people as f64));
        self.held = now;
    }

    fn all(&self) -> f64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// Links as a state gives them: the key and the name of a person once, however many accounts they have.
fn remembered(policy: &Policy, people: usize, made: bool) -> Memory {
    let keys: Vec<Arc<str>> = (0..people).map(|at| Arc::from(format!("hr/{at}"))).collect();
    let names: Vec<Arc<str>> = (0..people).map(|at| Arc::from(login(at))).collect();
    let mut memory = Memory { known: true, ..Memory::default() };
    for target in &policy.targets {
        memory.links.extend((0..people).map(|at| Link {
            target: target.name.clone(),
            kind: ObjectKind::Account,
            key: keys[at].clone(),
            id: Arc::from((at + 1).to_string()),
            origin: LinkOrigin::Adopted,
            system: UNKNOWN_SYSTEM,
            name: Some(names[at].clone()),
            at: "2026-11-21T12:00:00Z".parse().expect("a time"),
        }));
        let prints = |at: usize| (0..WRITTEN).map(|name| (name * 77_777_777, (at as u32 + name).wrapping_mul(2_654_435_761))).collect();
        memory.written.extend((0..if made { people } else { 0 }).map(|at| LastWrite {
            target: target.name.clone(),
            kind: ObjectKind::Account,
            id: Arc::from((at + 1).to_string()),
            prints: prints(at),
        }));
    }
    memory
}

fn accounts(policy: &Policy, target: usize, people: usize) -> TargetSide {
    let mut side = TargetSide::new(policy, target, capabilities());
    let columns = side.columns(ObjectKind::Account).expect("it is read");
    pages(people, &columns, account, |page| side.add(ObjectKind::Account, page));
    side.finish(ObjectKind::Account, Evidence::Complete);
    side
}

fn record(at: usize, path: &str) -> Option<String> {
    match path {
        "id" => Some(at.to_string()),
        "user" => Some(login(at)),
        "name" => Some(name(at)),
        "title" => Some("Engineer".into()),
        "manager" => (at > 0).then(|| (at / 10).to_string()),
        _ => None,
    }
}

fn account(at: usize, path: &str) -> Option<String> {
    match path {
        "id" => Some((at + 1).to_string()),
        "externalId" => Some(format!("hc:bench:hr:{at}")),
        "active" => Some("true".into()),
        "userName" => Some(login(at)),
        "displayName" => Some(name(at)),
        "title" => Some("Engineer".into()),
        "manager" => (at > 0).then(|| (at / 10 + 1).to_string()),
        _ => None,
    }
}

fn login(person: usize) -> String {
    format!("given.family{person}")
}

fn name(person: usize) -> String {
    format!("Given Family{person}")
}

fn pages(rows: usize, columns: &Arc<Columns>, value: fn(usize, &str) -> Option<String>, mut take: impl FnMut(&Page)) {
    let mut page = Page::new(columns.clone());
    for at in 0..rows {
        page.row(|row| {
            for path in columns.paths() {
                match value(at, path) {
                    Some(text) => row.text(&text),
                    None => row.missing(),
                }
            }
        });
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
        account_marker: Some("externalId".into()),
        ..Capabilities::default()
    }
}

fn compiled(targets: usize, managers: bool) -> Policy {
    let mut manifests = String::from(
        "apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: bench}
spec: {id: bench}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: displayName, value: record.name}
    - {attribute: title, value: record.title}
",
    );
    if managers {
        manifests += "    - {attribute: manager, value: record.manager}\n";
    }
    for target in 0..targets {
        manifests += &format!(
            "---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app{target}}}
spec: {{connection: {{scim: {{url: 'http://127.0.0.1:1/v{target}'}}}}}}
"
        );
    }
    let (loaded, problems) = load(&[ManifestInput::stdin(manifests.into_bytes())]);
    assert!(problems.is_empty(), "{problems:#?}");
    policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}
