//! A workspace that runs all the time, each figure beside its yardstick in the same run: what it costs at rest, how long a change takes from the revision that says it
//! to the row at the target, and what the state takes for each change.
//!
//! `cargo bench --bench running [-- PEOPLE CHANGES]`, else 10,000 people and 500 changes; `-- rest`, `-- change` or `-- state` in front of the numbers is that alone.
//! Memory and CPU time are those of the program itself as a process, beside the same program with an empty workspace; the state lies where temporary files lie.

#[path = "running/change.rs"]
mod change;
#[path = "running/company.rs"]
mod company;
#[path = "running/rest.rs"]
mod rest;
#[path = "running/state.rs"]
mod state;

use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PEOPLE: usize = 10_000;
const CHANGES: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let people = numbers.first().copied().unwrap_or(PEOPLE);
    let changes = numbers.get(1).copied().unwrap_or(CHANGES);
    let part = arguments.iter().map(String::as_str).find(|argument| ["rest", "change", "state"].contains(argument));
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    if wanted("rest") {
        rest::measure(people);
    }
    if wanted("change") {
        change::measure(people, changes);
    }
    if wanted("state") {
        state::measure(changes.max(CHANGES) * 4);
    }
}

/// The half and the last hundredth of some times.
fn quantiles(times: &mut [Duration]) -> String {
    times.sort();
    let at =
        |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
    format!("p50 {:>8.1} ms   p99 {:>8.1} ms", at(0.5).as_secs_f64() * 1e3, at(0.99).as_secs_f64() * 1e3)
}
