//! Applying beside its yardstick, in one run: creates sent to a trivial SCIM server in a process of its own.
//!
//! The yardstick sends the same bodies with hyper and as many connections, reads the answers and remembers nothing. `cargo bench --bench apply
//! [-- CHANGES ROUNDS]`, and at its end a service that allows 180 requests a minute with a burst of 20 (`-- throttle [CHANGES]` that alone; `-- alone [CHANGES]` applies once, for a profiler). CPU time is this process's, all threads
//! (`/proc/self/stat`); the state lies where temporary files lie (`TMPDIR`). Rounds go in turn, and the medians of the ratios within each round count.

#[path = "apply/client.rs"]
mod client;
#[path = "apply/product.rs"]
mod product;
#[path = "apply/server.rs"]
mod server;

use std::time::{Duration, Instant};

use server::{Kind, Server};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHANGES: usize = 20_000;
const ROUNDS: usize = 5;
/// Creates at the service that throttles: of fewer the first few that run into the end of the burst are a large share by themselves.
const THROTTLED: usize = 600;
/// Delay of an answer, and requests under way at once.
const CASES: [(u64, usize); 2] = [(0, 16), (20, 64)];
/// Of the service that throttles.
const A_MINUTE: u32 = 180;
const BURST: u32 = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => server::serve(&arguments[1..]),
        Some("alone") => alone(numbers.first().copied().unwrap_or(CHANGES)),
        Some("throttle") => throttled(numbers.first().copied().unwrap_or(THROTTLED)),
        _ => {
            compared(numbers.first().copied().unwrap_or(CHANGES), numbers.get(1).copied().unwrap_or(ROUNDS));
            throttled(THROTTLED);
        }
    }
}

/// Nothing but what is measured, for a profiler.
fn alone(changes: usize) {
    let server = Server::start(&Kind::Slow(Duration::ZERO));
    let plan = product::plan(changes);
    let took = product::applied(&server, &plan, 16, None);
    println!("{:.1} µs of CPU a request", took.cpu * 1e6 / changes as f64);
}

/// What one way of sending took.
#[derive(Clone, Copy)]
struct Took {
    seconds: f64,
    cpu: f64,
}

fn measure(work: impl FnOnce()) -> Took {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    work();
    Took { seconds: started.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
}

fn compared(changes: usize, rounds: usize) {
    println!("{:<28} {:>12} {:>14} {:>12} {:>12}", "what", "requests/s", "rate ÷ raw's", "CPU µs", "CPU ÷ raw's");
    for (delay, at_once) in CASES {
        let server = Server::start(&Kind::Slow(Duration::from_millis(delay)));
        let plan = product::plan(changes);
        let mut rows: [Vec<Took>; 4] = Default::default();
        for _ in 0..rounds {
            rows[0].push(measure(|| client::raw(&server, changes, at_once)));
            rows[1].push(measure(|| product::writer_alone(&server, &plan, at_once)));
            let memory = std::path::Path::new("/dev/shm");
            rows[2].push(product::applied(&server, &plan, at_once, Some(memory).filter(|path| path.is_dir())));
            rows[3].push(product::applied(&server, &plan, at_once, None));
        }
        for (name, row) in ["raw hyper", "the connector alone", "apply, state in memory", "apply, state on disk"].iter().zip(&rows) {
            print(&format!("{name}, {delay} ms, {at_once}"), row, &rows[0], changes);
        }
        let journal = median(rows[3].iter().zip(&rows[1]).map(|(with, without)| 1.0 - without.seconds / with.seconds));
        println!("order, gate, journal and state take {:.0} % of the rate that the connector has alone", journal * 100.0);
    }
}

fn print(name: &str, row: &[Took], raw: &[Took], changes: usize) {
    let rate = median(row.iter().map(|took| changes as f64 / took.seconds));
    let cpu = median(row.iter().map(|took| took.cpu * 1e6 / changes as f64));
    let rates = median(row.iter().zip(raw).map(|(took, raw)| raw.seconds / took.seconds));
    let cpus = median(row.iter().zip(raw).map(|(took, raw)| took.cpu / raw.cpu));
    println!("{name:<28} {rate:>12.0} {rates:>14.2} {cpu:>12.1} {cpus:>12.2}");
}

/// With pace and without: how near to what the service allows, how many answers said "later", and whether a change failed.
fn throttled(changes: usize) {
    println!("{:<32} {:>9} {:>9} {:>8} {:>8}", "a service with a token bucket", "of its rate", "seconds", "429s", "failed");
    let ways = [
        ("4 at once, rate unknown", 4, None),
        ("16 at once, rate unknown", 16, None),
        ("16 at once, rate known", 16, Some(f64::from(A_MINUTE) / 60.0)),
    ];
    // They wait most of the time, so they can do so at once.
    let started: Vec<_> =
        ways.into_iter().map(|(name, at_once, rate)| std::thread::spawn(move || throttled_once(name, at_once, rate, changes))).collect();
    started.into_iter().for_each(|thread| println!("{}", thread.join().expect("a row")));
}

fn throttled_once(name: &str, at_once: usize, per_second: Option<f64>, changes: usize) -> String {
    let server = Server::start(&Kind::Bucket { a_minute: A_MINUTE, burst: BURST });
    let plan = product::plan(changes);
    let (took, report) = product::applied_at(&server, &plan, at_once, per_second, None);
    let best = (changes as f64 - f64::from(BURST)) * 60.0 / f64::from(A_MINUTE);
    let later = server.refused();
    let share = later as f64 * 100.0 / (changes as f64 + later as f64);
    let failed = report.outcomes.values().filter(|outcome| !outcome.holds()).count();
    format!("{name:<32} {:>8.1} % {:>9.1} {share:>6.1} % {failed:>8}", best * 100.0 / took.seconds, took.seconds)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Of all threads of this process, those that are over included.
fn cpu_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> = text.rsplit(')').next().unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // After the state, which is a letter: field 14 and 15 of the page proc(5) are the 11th and 12th numbers.
    (fields[10] + fields[11]) / TICKS
}
