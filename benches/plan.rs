//! The plan core beside its yardstick, in one run: 10k, 100k and 1M users from NDJSON on both sides.
//!
//! The yardstick parses both sides with serde_json into 64-bit key and content fingerprints and joins them by hash partition, no more.
//! `cargo bench --bench plan [-- USERS…]`. CPU time is this thread's (`clock_gettime(2)`), so a busy machine disturbs little; memory is the
//! process's resident peak above what it was before (`/proc/self/status`), per user; the inputs are streamed and not in it. Memory
//! that an earlier run freed is used again: only the first row of a size, and of the process, says what is needed. Yardstick and variants take turns; of several
//! rounds the least counts.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::hash::Hasher;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use headcount::connector::pack::Packer;
use headcount::connector::registry::Facts;
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Action, Capabilities, Columns, Evidence, Memory, ObjectKind, Page, Plan};
use headcount::planning::{self, Moment, Scope};
use headcount::policy::{self, Policy};
use headcount::world::{SourceSide, TargetSide, World};
use siphasher::sip::SipHasher13;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS_A_PAGE: usize = 1000;
const ROUNDS: usize = 3;

fn main() {
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let sizes: Vec<usize> = arguments.filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("{:>9}  {:<10} {:>8} {:>7} {:>9} {:>9}  where the time goes", "users", "what", "CPU s", "ratio", "µs/user", "B/user");
    for users in sizes {
        let inputs = Inputs::write(folder.path(), users);
        let variants = [("plain", plain()), ("4 rules", rules()), ("4 of source", source_rules()), ("300 groups", values())];
        let policies: Vec<_> = variants.iter().map(|(name, manifests)| (*name, compiled(manifests))).collect();
        let mut floor = Measured::NONE;
        let mut all = [const { Measured::NONE }; 4];
        let mut plans = Vec::new();
        for round in 0..ROUNDS {
            floor.keep_least(measure(|| (yardstick(&inputs), Laps::new()), |seen| assert_eq!(*seen, Seen::of(users))).0);
            for ((_, policy), least) in policies.iter().zip(&mut all) {
                let (measured, by_action) = measure(|| product(policy, &inputs), actions);
                least.keep_least(measured);
                plans.extend((round == 0).then_some(by_action));
            }
        }
        floor.print(users, "yardstick", &floor);
        for (((name, _), least), plan) in policies.iter().zip(&all).zip(plans) {
            least.print(users, name, &floor);
            println!("{users:>9}  {name:<11} plans {plan:?}");
        }
        let [plain, rules, of_source, groups] = all.map(|least| least.cpu * 1e6 / users as f64);
        let native = native(users);
        println!(
            "{users:>9}  least of {ROUNDS}: 4 rules cost {:.2} µs/user more ({:.2} a rule), 4 of the source {:.2} ({:.2} a rule); the same 4 rules in Rust {native:.2} ({:.3} a rule)",
            rules - plain,
            (rules - plain) / 4.0,
            of_source - plain,
            (of_source - plain) / 4.0,
            native / 4.0
        );
        println!("{users:>9}  a group for each of 300 values costs {:.2} µs/user more, in survey and plan", groups - plain);
    }
}

/// Both sides as NDJSON: 1 % of the accounts differ, 0.1 % of the people have none, 0.1 % have left.
struct Inputs {
    records: PathBuf,
    accounts: PathBuf,
}

impl Inputs {
    fn write(folder: &Path, users: usize) -> Self {
        let inputs = Self { records: folder.join("records.ndjson"), accounts: folder.join("accounts.ndjson") };
        let mut records = BufWriter::new(File::create(&inputs.records).expect("a new file"));
        let mut accounts = BufWriter::new(File::create(&inputs.accounts).expect("a new file"));
        for at in 0..users {
            let person = Person::number(at);
            writeln!(records, "{}", person.record(at)).expect("room on the disk");
            if at % 1000 != 1 {
                writeln!(accounts, "{}", person.account(at)).expect("room on the disk");
            }
        }
        drop((records, accounts));
        inputs
    }
}

struct Person {
    first: String,
    last: String,
    department: &'static str,
    title: &'static str,
    level: usize,
}

impl Person {
    fn number(at: usize) -> Self {
        let departments = ["Engineering", "Support", "Sales", "Finance", "Legal", "People", "Marketing", "Operations"];
        let titles = ["Engineer", "Specialist", "Account Executive", "Analyst", "Counsel", "Partner", "Manager", "Director"];
        // Spread so that neighbours differ and both files are in different orders of everything but the number.
        let mixed = at.wrapping_mul(2_654_435_761);
        Self {
            first: format!("Given{}", mixed % 9973),
            last: format!("Family{at}"),
            department: departments[mixed % 8],
            title: titles[(mixed / 8) % 8],
            level: mixed % 7,
        }
    }

    fn record(&self, at: usize) -> String {
        let Self { first, last, department, title, level } = self;
        let end = if at % 1000 == 2 { "\"2026-01-31\"" } else { "null" };
        format!(
            r#"{{"employee_id":"{at:07}","first":"{first}","last":"{last}","login":"{first}.{last}","display":"{first} {last}","emails":[{{"value":"{first}.{last}@acme.example","type":"work","primary":true}}],"dept":"{department}","title":"{title}","level":{level},"office":"Building {}","country":"DE","manager_id":"{:07}","start":"2019-04-01","end":{end},"phone":"+49 30 {at:07}","cost_center":"CC-{}"}}"#,
            at % 40,
            at / 10,
            at % 300
        )
    }

    fn account(&self, at: usize) -> String {
        let Self { first, last, department, title, .. } = self;
        let title = if at % 100 == 3 { "Intern" } else { title };
        format!(
            r#"{{"id":"id-{at}","externalId":"hc:bench:hr:{at:07}","userName":"{first}.{last}","name":{{"givenName":"{first}","familyName":"{last}"}},"displayName":"{first} {last}","emails":[{{"value":"{first}.{last}@acme.example","type":"work","primary":true}}],"department":"{department}","title":"{title}","active":true,"meta":{{"resourceType":"User","created":"2020-01-01T00:00:00Z","lastModified":"2025-06-01T00:00:00Z","version":"W/\"{at}\""}}}}"#
        )
    }
}

/// The same four rules written in Rust, over people that are at hand, each compared with its account: µs a user.
fn native(users: usize) -> f64 {
    const CHUNK: usize = 10_000;
    let departments = ["Engineering", "Support", "Sales", "Finance", "Legal", "People", "Marketing", "Operations"];
    let (mut seconds, mut same) = (0.0, 0usize);
    for start in (0..users).step_by(CHUNK) {
        let people: Vec<(Person, String, String)> = (start..(start + CHUNK).min(users))
            .map(Person::number)
            .map(|person| (format!("{} {}", person.first, person.last), format!("{}.{}", person.first, person.last), person))
            .map(|(display, login, person)| (person, display, login))
            .collect();
        let started = cpu_seconds();
        for (person, display, login) in black_box(&people) {
            let served = departments.contains(&person.department) && person.level < 9;
            let name = person.first.clone() + " " + &person.last;
            let title = if person.title.is_empty() { "Employee" } else { person.title };
            let department = (!login.starts_with("test-")).then_some(person.department);
            let held = (black_box(display), black_box(person.title), black_box(person.department));
            same += usize::from(served && name == *held.0 && title == held.1 && department == Some(held.2));
        }
        seconds += cpu_seconds() - started;
    }
    assert_eq!(same, users);
    seconds * 1e6 / users as f64
}

/// The plain floor: what any comparison of two files must do.
fn yardstick(inputs: &Inputs) -> Seen {
    const PARTITIONS: usize = 256;
    let mut sides = [vec![Vec::new(); PARTITIONS], vec![Vec::new(); PARTITIONS]];
    each_line(&inputs.records, |line| {
        let record: Record = serde_json::from_str(line).expect("valid JSON");
        let key = hash(&[record.employee_id]);
        let content = hash(&[record.first, record.last, record.emails.first().map_or("", |mail| mail.value), record.dept, record.title]);
        sides[0][key as usize % PARTITIONS].push((key, content));
    });
    each_line(&inputs.accounts, |line| {
        let account: Account = serde_json::from_str(line).expect("valid JSON");
        let key = hash(&[account.external_id.rsplit(':').next().unwrap_or_default()]);
        let mail = account.emails.first().map_or("", |mail| mail.value);
        let content = hash(&[account.name.given_name, account.name.family_name, mail, account.department, account.title]);
        sides[1][key as usize % PARTITIONS].push((key, content));
    });
    let mut seen = Seen::default();
    let [records, accounts] = sides;
    for (records, accounts) in records.into_iter().zip(accounts) {
        let known: HashMap<u64, u64> = accounts.into_iter().collect();
        for (key, content) in records {
            match known.get(&key) {
                Some(found) if *found == content => seen.same += 1,
                Some(_) => seen.different += 1,
                None => seen.missing += 1,
            }
        }
    }
    seen
}

/// What a comparison comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    same: usize,
    different: usize,
    missing: usize,
}

impl Seen {
    /// What the inputs hold, so that a yardstick which finds nobody is found out.
    fn of(users: usize) -> Self {
        let every = |many: usize, first: usize| (0..users).filter(|at| at % many == first).count();
        let (different, missing) = (every(100, 3), every(1000, 1));
        Self { same: users - different - missing, different, missing }
    }
}

/// How many changes of each kind.
fn actions(plan: &Plan) -> BTreeMap<Action, usize> {
    plan.changes.iter().fold(BTreeMap::new(), |mut by_action, change| {
        *by_action.entry(change.action).or_default() += 1;
        by_action
    })
}

#[derive(serde::Deserialize)]
struct Record<'a> {
    employee_id: &'a str,
    first: &'a str,
    last: &'a str,
    #[serde(borrow)]
    emails: Vec<Mail<'a>>,
    dept: &'a str,
    title: &'a str,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    external_id: &'a str,
    #[serde(borrow)]
    name: Name<'a>,
    emails: Vec<Mail<'a>>,
    department: &'a str,
    title: &'a str,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name<'a> {
    given_name: &'a str,
    family_name: &'a str,
}

#[derive(serde::Deserialize)]
struct Mail<'a> {
    value: &'a str,
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(1, 2);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

fn each_line(path: &Path, mut visit: impl FnMut(&str)) {
    let mut lines = BufReader::with_capacity(1 << 16, File::open(path).expect("just written"));
    let mut line = String::new();
    while lines.read_line(&mut line).expect("readable") > 0 {
        visit(line.trim_end());
        line.clear();
    }
}

type Laps = Vec<(&'static str, f64)>;

/// The plan core: both sides packed, the world put together, the plan made.
fn product(policy: &Policy, inputs: &Inputs) -> (Plan, Laps) {
    let mut clock = cpu_seconds();
    let mut laps = Vec::new();
    let mut lap = |name| {
        let now = cpu_seconds();
        laps.push((name, now - clock));
        clock = now;
    };
    let moment = Moment { today: jiff::civil::date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().expect("a time") };
    let mut source = SourceSide::new(policy, 0, moment.today);
    pack(&inputs.records, source.columns(), |page| source.add(page));
    source.finish(Evidence::Complete);
    lap("records");
    let capabilities = Capabilities {
        create_accounts: true,
        update_accounts: true,
        deactivate_accounts: true,
        delete_accounts: true,
        account_marker: Some("externalId".into()),
        ..Capabilities::default()
    };
    let mut target = TargetSide::new(policy, 0, capabilities);
    let columns = target.columns(ObjectKind::Account).expect("accounts are read");
    pack(&inputs.accounts, columns, |page| target.add(ObjectKind::Account, page));
    target.finish(ObjectKind::Account, Evidence::Complete);
    lap("accounts");
    let memory = Memory { known: true, ..Memory::default() };
    let world = World::assemble(policy, vec![source], vec![target], memory);
    lap("assemble");
    let prepared = planning::prepare(policy, &world, &[], moment, Scope::All);
    lap("prepare");
    assert!(prepared.survey().lookups.is_empty(), "a complete read leaves nothing to look up");
    lap("survey");
    let plan = prepared.plan();
    lap("plan");
    black_box(&world);
    (plan, laps)
}

fn pack(path: &Path, columns: std::sync::Arc<Columns>, mut take: impl FnMut(&Page)) {
    let mut packer = Packer::new(&columns);
    let mut page = Page::new(columns);
    each_line(path, |line| {
        packer.json(line, &mut page).expect("valid JSON");
        if page.len() == ROWS_A_PAGE {
            take(&page);
            page.clear();
        }
    });
    take(&page);
}

fn plain() -> String {
    manifests("")
}

/// The same with four rules of CEL: a selection, two values and a condition.
fn rules() -> String {
    manifests(
        r#"  select: identity.department in ["Engineering", "Support", "Sales", "Finance", "Legal", "People", "Marketing", "Operations"] && identity.custom.level < 9
"#,
    )
    .replace("value: identity.displayName", "value: 'identity.name.givenName + \" \" + identity.name.familyName'")
    .replace("value: identity.title", "value: 'identity.title == \"\" ? \"Employee\" : identity.title'")
    .replace("value: identity.department", "value: identity.department\n      when: '!identity.userName.startsWith(\"test-\")'")
}

/// Four rules from the record to the identity: a text put together, a table, a date, a value for nothing.
fn source_rules() -> String {
    let departments = ["Engineering", "Support", "Sales", "Finance", "Legal", "People", "Marketing", "Operations"];
    let table: Vec<String> = departments.iter().map(|name| format!("{name}: {name}")).collect();
    manifests("")
        .replace("spec: {id: bench}", &format!("spec: {{id: bench, tables: {{departments: {{values: {{{}}}}}}}}}", table.join(", ")))
        .replace("value: record.display}", "value: 'record.first + \" \" + record.last'}")
        .replace("value: record.dept}", "value: 'lookup(\"departments\", record.dept)'}")
        .replace("value: record.end}", "value: date(record.end)}")
        .replace("value: record.title}", "value: 'default(trim(record.title), \"Employee\")'}")
}

/// The plain one with a group for each of 300 cost centres: who is in which, without any change of it.
fn values() -> String {
    let group = "---\napiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: centre}\nspec: {forEach: identity.custom.centre, displayName: 'Centre {value}'}\n";
    manifests("  groups: {}\n")
        .replace("    - {attribute: endDate", "    - {attribute: custom.centre, value: record.cost_center}\n    - {attribute: endDate")
        + group
}

fn manifests(select: &str) -> String {
    format!(
        r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {{name: bench}}
spec: {{id: bench}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {{name: hr}}
spec:
  connection: {{file: {{path: records.ndjson}}}}
  key: record.employee_id
  mapping:
    rules:
    - {{attribute: userName, value: record.login}}
    - {{attribute: name.givenName, value: record.first}}
    - {{attribute: name.familyName, value: record.last}}
    - {{attribute: displayName, value: record.display}}
    - {{attribute: emails, value: record.emails}}
    - {{attribute: department, value: record.dept}}
    - {{attribute: title, value: record.title}}
    - {{attribute: custom.level, value: record.level}}
    - {{attribute: endDate, value: record.end}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection: {{scim: {{url: "http://127.0.0.1:1/v2"}}}}
{select}  guardrails:
    deactivate: {{count: 100000}}
    leavers: {{count: 100000}}
  mapping:
    rules:
    - attribute: userName
      value: identity.userName
    - attribute: name.givenName
      value: identity.name.givenName
    - attribute: name.familyName
      value: identity.name.familyName
    - attribute: displayName
      value: identity.displayName
    - attribute: emails
      value: identity.emails
    - attribute: department
      value: identity.department
    - attribute: title
      value: identity.title
"#
    )
}

fn compiled(manifests: &str) -> Policy {
    let (loaded, problems) = load(&[ManifestInput::stdin(manifests.as_bytes().to_vec())]);
    assert!(problems.is_empty(), "{problems:#?}");
    policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

/// What one run took.
struct Measured {
    cpu: f64,
    peak: u64,
    laps: Laps,
}

impl Measured {
    const NONE: Self = Self { cpu: f64::INFINITY, peak: 0, laps: Laps::new() };

    /// Of several rounds the one that took least time; and the most memory, since later rounds use again what earlier ones freed.
    fn keep_least(&mut self, other: Self) {
        let peak = self.peak.max(other.peak);
        if other.cpu < self.cpu {
            *self = other;
        }
        self.peak = peak;
    }

    fn print(&self, users: usize, what: &str, yardstick: &Self) {
        let count = users as f64;
        let laps: Vec<String> = self.laps.iter().map(|(name, seconds)| format!("{name} {seconds:.2}")).collect();
        println!(
            "{users:>9}  {what:<10} {:>8.3} {:>7.2} {:>9.2} {:>9.0}  {}",
            self.cpu,
            self.cpu / yardstick.cpu,
            self.cpu * 1e6 / count,
            self.peak as f64 / count,
            laps.join(", "),
        );
    }
}

/// What one run took, and what `look` sees in what came of it.
fn measure<T, R>(run: impl FnOnce() -> (T, Laps), look: impl FnOnce(&T) -> R) -> (Measured, R) {
    let before = resident();
    // Writing 5 sets the peak back to what is resident now (proc(5)).
    let _ = fs::write("/proc/self/clear_refs", "5");
    let started = cpu_seconds();
    let (result, laps) = black_box(run());
    let cpu = cpu_seconds() - started;
    let peak = status("VmHWM:").saturating_sub(before);
    (Measured { cpu, peak, laps }, look(&result))
}

/// Seconds that this thread ran on a processor.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the line");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") * 1024
}
