//! Directories, tables and SCIM services beside what anybody would write, in one run: adds at OpenLDAP beside `ldapadd`, a read of it beside paged `ldapsearch`, rows at
//! PostgreSQL beside COPY and one upsert, a SCIM list beside a plain client of the same pages, and Bulk beside single writes.
//!
//! `cargo bench --bench directories [-- WHAT] [ROUNDS] [scale=N]`, where WHAT is `add`, `search`, `rows`, `list`, `bulk` or nothing for all; `scale=100` does a hundredth of
//! each. The servers are real ones, started as the tests start them (slapd, PostgreSQL; the SCIM service is a trivial one, on threads of this process). Rounds go in turn, and the medians of
//! the ratios within each round count. What is not installed is left out, and said so.

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/support/ldap.rs"]
mod ldap;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/support/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/support/tls.rs"]
mod tls;

#[path = "directories/applied.rs"]
mod applied;
#[path = "directories/of_ldap.rs"]
mod of_ldap;
#[path = "directories/of_scim.rs"]
mod of_scim;
#[path = "directories/of_tables.rs"]
mod of_tables;
#[path = "directories/service.rs"]
mod service;

use std::net::TcpListener;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
type Part = (&'static str, fn(&Size));

const PARTS: [Part; 5] =
    [("add", of_ldap::adds), ("search", of_ldap::searches), ("rows", of_tables::rows), ("list", of_scim::lists), ("bulk", of_scim::bulk)];

/// How much is done.
struct Size {
    scale: usize,
    rounds: usize,
}

impl Size {
    /// So many, or a part of them.
    fn of(&self, whole: usize) -> usize {
        (whole / self.scale).max(1)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |text: &str| text.parse::<usize>().ok();
    let scale = arguments.iter().find_map(|argument| number(argument.strip_prefix("scale=")?)).unwrap_or(1);
    let rounds = arguments.iter().find_map(|argument| number(argument)).unwrap_or(ROUNDS);
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !PARTS.iter().any(|(name, _)| named(name));
    for (name, part) in PARTS.iter().filter(|(name, _)| all || named(name)) {
        println!("\n{name}");
        part(&Size { scale: scale.max(1), rounds: rounds.max(1) });
    }
}

/// What one way took: seconds on the clock, and of this thread on a processor.
#[derive(Clone, Copy)]
struct Took {
    seconds: f64,
    cpu: f64,
}

fn measure(work: impl FnOnce()) -> Took {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    work();
    Took { seconds: began.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
}

/// Each way beside the first: how much a second, and by how much longer or shorter, on the clock and on the processor where that is fair.
fn told(things: usize, rows: &[(&str, Vec<Took>)], by_cpu: bool) {
    println!("{:<34} {:>9} {:>10} {:>14} {:>9} {:>12}", "what", "seconds", "a second", "time ÷ first's", "CPU µs", "CPU ÷ first's");
    let Some((_, first)) = rows.first() else { return };
    for (name, row) in rows {
        let seconds = median(row.iter().map(|took| took.seconds));
        let times = median(row.iter().zip(first).map(|(took, first)| took.seconds / first.seconds));
        let cpu = if by_cpu { format!("{:.2}", median(row.iter().map(|took| took.cpu)) * 1e6 / things as f64) } else { "–".into() };
        let cpus =
            if by_cpu { format!("{:.2}", median(row.iter().zip(first).map(|(took, first)| took.cpu / first.cpu))) } else { "–".into() };
        println!("{name:<34} {seconds:>9.2} {:>10.0} {times:>14.2} {cpu:>9} {cpus:>12}", things as f64 / seconds);
    }
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

/// One thread, as the command has it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A port on 127.0.0.1 that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
