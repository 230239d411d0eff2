//! What the program takes while nothing has to be done, above the same program that has nothing.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::company::Company;

const TARGETS: usize = 5;
/// After everything is as declared, so long for what was put off.
const SETTLES: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(60);
/// Nobody waits longer for everything to be as declared.
const PATIENCE: Duration = Duration::from_secs(1800);

pub fn measure(people: usize) {
    let empty = Resting::of(&Company::empty());
    let full = Resting::of(&Company::of(people, TARGETS));
    println!("at rest, {people} people, {TARGETS} targets, for {} s", WATCHED.as_secs());
    println!("{:<28} {:>10.1} MiB {:>8.2} % of a core", "an empty workspace", empty.memory, empty.busy);
    println!("{:<28} {:>10.1} MiB {:>8.2} % of a core", "all of them", full.memory, full.busy);
    println!("{:<28} {:>10.1} MiB {:>8.2} % of a core", "above the empty one", full.memory - empty.memory, full.busy - empty.busy);
}

struct Resting {
    /// MiB that are resident
    memory: f64,
    /// hundredths of a core
    busy: f64,
}

/// Ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Resting {
    fn of(company: &Company) -> Self {
        let mut run = Command::new(env!("CARGO_BIN_EXE_headcount"));
        run.args(["controller", "--listen", "none", "-f"]).arg(company.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running(run.spawn().expect("the program"));
        let begin = Instant::now();
        while !is_as_declared(company) {
            assert!(begin.elapsed() < PATIENCE, "it is never as declared");
            std::thread::sleep(Duration::from_millis(500));
        }
        println!("as declared after {:.1} s", begin.elapsed().as_secs_f64());
        std::thread::sleep(SETTLES);
        let before = ticks(running.0.id());
        std::thread::sleep(WATCHED);
        let busy = (ticks(running.0.id()) - before) / WATCHED.as_secs_f64();
        Self { memory: resident(running.0.id()), busy }
    }
}

fn is_as_declared(company: &Company) -> bool {
    let told = Command::new(env!("CARGO_BIN_EXE_headcount")).args(["status", "-o", "json", "-f"]).arg(company.path()).output();
    let told = told.expect("the program");
    let Ok(status) = serde_json::from_slice::<Value>(&told.stdout) else { return false };
    let Some(systems) = status["systems"].as_array() else { return false };
    systems.iter().all(|system| system["state"] == "AsDeclared")
}

fn resident(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// Hundredths of a second that it ran, in all threads.
fn ticks(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let fields: Vec<f64> = text.rsplit(')').next().unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // After the state, which is a letter: field 14 and 15 of the page proc(5) are the 11th and 12th numbers.
    fields[10] + fields[11]
}
