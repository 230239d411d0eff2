//! Everybody of a paged system through a Connector document, beside a plain client that fetches the same pages and parses them, in one run.
//!
//! `cargo bench --bench source [-- PEOPLE ROUNDS]` (`-- alone [PEOPLE]` reads once, for a profiler). The plain client is reqwest and serde_json, and keeps
//! nothing. Both run on one thread and ask one page after the other; CPU time is that thread's (`clock_gettime(2)`). The server is a thread of its
//! own that holds its pages ready. Rounds go in turn, and the medians of the ratios within each round count.

#[path = "source/server.rs"]
mod server;

use std::hint::black_box;

use headcount::connector::registry::{self, Facts};
use headcount::connector::{Gone, PageSink, ReadRequest, Surroundings};
use headcount::manifest::{Loaded, ManifestInput, load};
use headcount::model::{Evidence, ObjectKind, Page};
use headcount::policy::{self, Policy};
use headcount::world::SourceSide;
use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PEOPLE: usize = 100_000;
const ROUNDS: usize = 5;
const A_PAGE: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let people = numbers.first().copied().unwrap_or(PEOPLE);
    let server = Server::start(people, A_PAGE);
    let product = Product::new(&server, people);
    if arguments.first().is_some_and(|word| word == "alone") {
        println!("{:.2} µs of CPU a person", measure(|| product.read()) * 1e6 / people as f64);
        return;
    }
    println!("{people} people in pages of {A_PAGE}, {} bytes each", server.bytes() / people);
    let ways: [(&str, &dyn Fn()); 3] = [
        ("plain client", &|| plain(&server, people)),
        ("the reader alone", &|| product.read()),
        ("into the world", &|| product.read_into_the_world()),
    ];
    let mut rows = ways.map(|_| Vec::new());
    for _ in 0..numbers.get(1).copied().unwrap_or(ROUNDS) {
        rows.iter_mut().zip(&ways).for_each(|(row, (_, way))| row.push(measure(way)));
    }
    println!("{:<18} {:>8} {:>10} {:>7}", "what", "CPU s", "µs/person", "ratio");
    for ((name, _), row) in ways.iter().zip(&rows) {
        let seconds = median(row.iter().copied());
        let ratio = median(row.iter().zip(&rows[0]).map(|(own, plain)| own / plain));
        println!("{name:<18} {seconds:>8.3} {:>10.2} {ratio:>7.2}", seconds * 1e6 / people as f64);
    }
}

/// What anybody would write who needs the list once.
fn plain(server: &Server, people: usize) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let came = runtime().block_on(async {
        let (mut came, mut cursor) = (0, String::new());
        loop {
            let url = format!("{}/people?limit={A_PAGE}&cursor={cursor}", server.base());
            let bytes = client.get(url).bearer_auth("made-up-token").send().await.expect("an answer").bytes().await.expect("all of it");
            let page: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            came += black_box(page["people"].as_array().expect("a list")).len();
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return came,
            }
        }
    });
    assert_eq!(came, people);
}

/// headcount, with the document of such a system.
struct Product {
    loaded: Loaded,
    policy: Policy,
    people: usize,
}

impl Product {
    fn new(server: &Server, people: usize) -> Self {
        let manifests = MANIFESTS.replace("BASE", server.base()).replace("HOST", server.host());
        let (loaded, problems) = load(&[ManifestInput::stdin(manifests.into_bytes())]);
        assert!(problems.is_empty(), "{:#?}", problems.first());
        let (policy, _) = policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{:#?}", problems.first()));
        Self { loaded, policy, people }
    }

    fn read(&self) {
        let side = SourceSide::new(&self.policy, 0, jiff::civil::date(2026, 11, 22));
        let mut sink = Counted { people: 0, side: None };
        self.come(&side, &mut sink);
        assert_eq!(sink.people, self.people);
    }

    fn read_into_the_world(&self) {
        let side = SourceSide::new(&self.policy, 0, jiff::civil::date(2026, 11, 22));
        let columns = SourceSide::new(&self.policy, 0, jiff::civil::date(2026, 11, 22));
        let mut sink = Counted { people: 0, side: Some(side) };
        self.come(&columns, &mut sink);
        let mut side = sink.side.expect("it was put there");
        side.finish(Evidence::Complete);
        black_box(side);
        assert_eq!(sink.people, self.people);
    }

    fn come(&self, side: &SourceSide, sink: &mut Counted) {
        let document = &self.loaded.sources[0];
        let evidence = runtime().block_on(async {
            let reader = registry::open_source(&document.spec.connection, &Surroundings::at(".")).await.expect("a sound connection");
            let request = ReadRequest::of_source(&document.spec, side.columns(), None);
            reader.read(&request, sink).await.of(ObjectKind::Account)
        });
        assert_eq!(evidence, Evidence::Complete);
    }
}

/// What comes is counted, and put into the world where there is one.
struct Counted {
    people: usize,
    side: Option<SourceSide>,
}

impl PageSink for Counted {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        self.people += page.len();
        self.side.iter_mut().for_each(|side| side.add(page));
        black_box(page);
    }

    fn restart(&mut self, _: ObjectKind) {}

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

const MANIFESTS: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: bench}
spec: {id: bench}
---
apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {name: people}
spec:
  title: People
  hosts: ['HOST']
  base: BASE
  auth: {token: {bearer: '{secret.token}'}}
  accounts:
    id: record.id
    list:
      get: /people
      query: {limit: 200}
      records: body.people
      shape: has(body.people) && has(body.next)
      pages: {cursor: {from: body.next, to: query.cursor}}
      require: [record.email, record.internal.status, record.work.startDate]
    attributes:
      userName: {read: record.email}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {connector: {name: people, auth: {token: {token: {exec: [echo, made-up-token]}}}}}
  key: record.id
  lifecycle: {leaver: 'lower(record.internal.status) != "active"'}
  mapping:
    rules:
    - {attribute: userName, value: record.email}
    - {attribute: emails, value: record.email}
    - {attribute: name.givenName, value: record.firstName}
    - {attribute: name.familyName, value: record.surname}
    - {attribute: displayName, value: record.displayName}
    - {attribute: employeeNumber, value: string(record.work.employeeIdInCompany)}
    - {attribute: title, value: record.work.title}
    - {attribute: department, value: record.work.department}
    - {attribute: manager, value: record.work.reportsTo.id}
"#;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn measure(work: impl FnOnce()) -> f64 {
    let started = cpu_seconds();
    work();
    cpu_seconds() - started
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds that this thread ran on a processor.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
