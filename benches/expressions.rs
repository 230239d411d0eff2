//! Expressions under fire: made ones by the million, with the slowest, the largest value and the memory.
//!
//! `cargo bench --bench expressions -- fuzz CASES [FIRST]`. Everything runs on a thread with a stack of 1 MiB.

use std::fs;
use std::time::{Duration, Instant};

#[path = "../tests/properties/grammar.rs"]
mod grammar;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STACK: usize = 1 << 20;
const NAMED: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let cases = match (arguments.next().as_deref(), arguments.next()) {
        (Some("fuzz"), Some(cases)) => cases.parse().expect("a number of cases"),
        _ => 20_000,
    };
    let first: u64 = arguments.next().map_or(0, |first| first.parse().expect("the first case"));
    let work = std::thread::Builder::new().stack_size(STACK).spawn(move || fuzz(first, cases));
    work.expect("a thread").join().expect("no case panics");
}

fn fuzz(first: u64, cases: u64) {
    let before = status("VmHWM:");
    let started = Instant::now();
    let mut slowest: Vec<(Duration, u64, String)> = Vec::new();
    let (mut compiled, mut valued, mut failed, mut largest) = (0u64, 0u64, 0u64, 0);
    for seed in first..first + cases {
        let begun = Instant::now();
        let (text, outcome) = grammar::case(seed);
        let took = begun.elapsed();
        compiled += u64::from(outcome.compiled);
        valued += u64::from(outcome.valued);
        failed += u64::from(outcome.failed);
        largest = largest.max(outcome.size);
        if slowest.len() < NAMED || slowest.last().is_some_and(|(least, ..)| took > *least) {
            slowest.push((took, seed, text));
            slowest.sort_by_key(|(taken, ..)| std::cmp::Reverse(*taken));
            slowest.truncate(NAMED);
        }
    }
    println!("{cases} cases in {:.0?}: {compiled} compiled, {valued} gave a value, {failed} failed on the data", started.elapsed());
    println!("largest value {largest} bytes; memory at its highest {} KiB above the start", (status("VmHWM:") - before) / 1024);
    for (took, seed, text) in slowest {
        println!("{took:.1?} case {seed}: {}", text.chars().take(160).collect::<String>());
    }
}

fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the line");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") * 1024
}
