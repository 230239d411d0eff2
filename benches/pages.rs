//! How long pages take, and how long they are, where there are very many people and a plan changes very much: each beside a plain floor, the same bytes served from
//! memory by the same listener.
//!
//! `cargo bench --bench pages [-- PEOPLE CHANGES]`, else 100,000 people and 10,000 changes. The first look at each page is told by itself, and then those that follow; at
//! the end the first look at some when nobody looked for a while, so that nothing is at hand. The journal has a run of as many changes, and 20,000 entries at least.

#[path = "pages/world.rs"]
mod world;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use headcount::connector::registry::Facts;
use headcount::journal::{Event, entry};
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Action, Change, ChangeId, ObjectKind, ObjectRef, Outcome, Reason, Revision};
use headcount::pipeline::{Hear, News};
use headcount::policy::compile;
use headcount::serve::{Bounds, listen};
use headcount::server::{Desk, Site, routes};
use headcount::state::{self, StatePlace, Store};
use headcount::workspace::{CompiledRevision, Observer, Workspace};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use world::Large;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Looks at each page.
const LOOKS: usize = 21;
/// Longer than anything is kept for whoever looks.
const WHILE: Duration = Duration::from_secs(40);
/// Entries that a page of the journal looks through.
const ENTRIES: usize = 20_000;
const RUN: &str = "20261130T000000Z-00000000";

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let large = Large { people: numbers.first().copied().unwrap_or(100_000), changes: numbers.get(1).copied().unwrap_or(10_000) };
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads").block_on(measure(&large));
}

struct Deaf;

impl Hear for Deaf {
    fn hear(&self, _: News<'_>) {}
}

impl Observer for Deaf {}

async fn measure(large: &Large) {
    let folder = tempfile::tempdir().expect("a folder");
    let manifests = compiled(&large.write(folder.path()), folder.path());
    let place = folder.path().join("state.db");
    let store = state::open(&place, "acme-test").await.expect("a state");
    journal(store.as_ref(), large.changes.max(ENTRIES / 2)).await;
    let stop = CancellationToken::new();
    let site = Site::new("127.0.0.1:0".parse().expect("an address"), None, stop.clone()).expect("a site");
    let workspace = Workspace { store: store.clone(), who: "a bench".into(), observer: Arc::new(Deaf), once: false, stop: stop.clone() };
    let (shown, place) = (site.clone(), StatePlace::from(place.as_path()));
    tokio::spawn(workspace.run(manifests, move |mail| shown.serve(Desk { store, place, mail })));
    let listening = listen("127.0.0.1:0".parse().expect("an address"), routes(&site), Bounds::default(), stop.clone()).await;
    let address = listening.expect("a listener").address;
    let hash = tokio::task::spawn_blocking(move || waits(address)).await.expect("a plan");
    println!("{} people, a plan of {} changes; the median and the longest of {LOOKS} looks", large.people, large.changes);
    println!("{:<44} {:>9} {:>10} {:>9} {:>9} {:>9} {:>7}", "page", "bytes", "first ms", "median", "longest", "floor", "ratio");
    let somebody = large.somebody();
    let (far, late) = (large.people - 100, large.changes - 100);
    for page in [
        "/".to_owned(),
        "/plans".into(),
        format!("/plan?hash={hash}"),
        format!("/plan?hash={hash}&from={late}"),
        "/pending".into(),
        format!("/pending?target=app&from={late}"),
        "/people".into(),
        "/people?q=family77".into(),
        "/people?q=nobody-is-called-so".into(),
        format!("/people?from={far}"),
        format!("/person?key={somebody}"),
        "/person?key=hr/1".into(),
        "/group?key=group/all".into(),
        format!("/group?key=group/all&from={far}"),
        "/sources".into(),
        "/guardrails".into(),
        "/history".into(),
        "/history?target=app".into(),
        "/history?who=hr/77".into(),
        format!("/history?run={RUN}"),
        format!("/history?run={RUN}&from={late}"),
        "/run".into(),
    ] {
        row(address, &page, &stop).await;
    }
    // Whoever comes from nowhere, when nobody looked for a while: nothing is at hand.
    println!("{:<44} {:>9} {:>10}", "straight to it, after a while", "bytes", "first ms");
    for page in ["/people".to_owned(), format!("/person?key={somebody}"), "/group?key=group/all".into(), format!("/plan?hash={hash}")] {
        tokio::time::sleep(WHILE).await;
        let asked = page.clone();
        let (body, took) = tokio::task::spawn_blocking(move || look(address, &asked)).await.expect("a look");
        let shown: String = page.chars().take(44).collect();
        println!("{shown:<44} {:>9} {:>10.1}", body.len(), took.as_secs_f64() * 1e3);
    }
    stop.cancel();
}

async fn row(address: SocketAddr, page: &str, stop: &CancellationToken) {
    let asked = page.to_owned();
    let (body, first, mut times) = tokio::task::spawn_blocking(move || {
        let (body, first) = look(address, &asked);
        (body, first, (0..LOOKS).map(|_| look(address, &asked).1).collect::<Vec<_>>())
    })
    .await
    .expect("looks");
    let length = body.len();
    let floor = Router::new().route("/", get(move || std::future::ready(body.clone())));
    let plain =
        listen("127.0.0.1:0".parse().expect("an address"), floor, Bounds::default(), stop.clone()).await.expect("a listener").address;
    let mut least = tokio::task::spawn_blocking(move || (0..LOOKS).map(|_| look(plain, "/").1).collect::<Vec<_>>()).await.expect("looks");
    let (median, longest, floor) = (median(&mut times), times.last().copied().unwrap_or_default(), median(&mut least));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let shown: String = page.chars().take(44).collect();
    println!(
        "{shown:<44} {length:>9} {:>10.1} {:>9.1} {:>9.1} {:>9.2} {:>7.0}",
        ms(first),
        ms(median),
        ms(longest),
        ms(floor),
        ms(median) / ms(floor)
    );
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Until a plan waits: its hash.
fn waits(address: SocketAddr) -> String {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1800) {
        let (page, _) = look(address, "/plans");
        if let Some((_, rest)) = page.split_once("/plan?hash=") {
            return rest.chars().take_while(char::is_ascii_hexdigit).collect();
        }
        std::thread::yield_now();
    }
    panic!("no plan came to wait");
}

/// What is answered, and how long that took from the first byte that was sent to the last that came.
fn look(address: SocketAddr, page: &str) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let took = begun.elapsed();
    let text = String::from_utf8(answer).expect("a text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    // Before the workspace has begun it is not there yet.
    assert!(head.starts_with("HTTP/1.1 200") || page == "/plans", "{page}: {head}");
    (body.to_owned(), took)
}

fn compiled(manifests: &str, folder: &std::path::Path) -> CompiledRevision {
    let bytes = manifests.as_bytes().to_vec();
    let (loaded, problems) = load(&[ManifestInput::Text { name: "acme.yaml".into(), base: folder.to_path_buf(), bytes }]);
    assert!(problems.is_empty(), "{problems:?}");
    let (policy, _) = compile(&loaded, &Facts).expect("a policy");
    let revision = Revision { id: "one".into(), name: "main@one".into(), at: Timestamp::now(), authors: Vec::new(), signer: None };
    CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: [("hr".into(), "".into())].into() }
}

/// A run of many changes, as the journal has it.
async fn journal(store: &dyn Store, changes: usize) {
    let (run, at): (Arc<str>, _) = (RUN.into(), Timestamp::now());
    let line = |number: usize| {
        let key: Arc<str> = format!("hr/{number}").into();
        let object = ObjectRef { kind: ObjectKind::Account, key: key.clone(), id: None, name: format!("given.family{number}").into() };
        let change = Change::new(&"app".into(), Action::Create, object, Reason::Joiner);
        let id = ChangeId(u32::try_from(number).unwrap_or(u32::MAX));
        let outcome = Event::outcome(id, &change, &Outcome::Done { id: None }, Some(&key));
        [entry(&run, at, &Event::intent(id, &change, 1)), entry(&run, at, &outcome)]
    };
    for first in (0..changes).step_by(64) {
        store.commit((first..(first + 64).min(changes)).flat_map(line).collect()).await.expect("a commit");
    }
}
