//! Everything goes wrong, at moments that a seed chooses, while a company goes on changing: the controller is killed, frozen, has its clock put ahead and back and its
//! disk filled; sources and targets fail, lose answers and are locked; the database restarts; history is rewritten by a forced push. After each round, once it is
//! quiet: nobody has an account twice, no change was lost, the journal's chain is whole, and the next plan is empty.
//!
//! `HEADCOUNT_CHAOS=rounds` or `rounds,seed` plays more.

mod replica;
mod town;

use std::time::{Duration, Instant};

use town::{State, Town};

use crate::support::machine::Machine;
use crate::support::proxy::{Fault, Weather};
use crate::support::{postgres, skipped};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// `kill -9` of whoever writes
    Kill,
    /// of everybody
    KillAll,
    /// whoever writes stands still, past its lease
    Freeze,
    /// the database restarts; of a state in a file: the target's database is locked
    Database,
    /// the HR file is gone, without its columns, or half of it
    Source,
    /// the service is away
    Away,
    /// it loses answers, cuts them and says other things instead
    Weather,
    /// the last commit is gone and another one stands in its place
    ForcedPush,
    /// nothing can be written to files
    FullDisk,
    /// days ahead, and back at the end
    ClockAhead,
    /// behind, and right again at the end
    ClockBehind,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::Kill,
    Trouble::KillAll,
    Trouble::Freeze,
    Trouble::Database,
    Trouble::Source,
    Trouble::Away,
    Trouble::Weather,
    Trouble::ForcedPush,
    Trouble::FullDisk,
    Trouble::ClockAhead,
    Trouble::ClockBehind,
];
/// So many come together in a round.
const TOGETHER: usize = 3;
const DAY: i64 = 86_400;

/// How many rounds are asked for, and with which seed. Without a word: each trouble once.
fn asked(seed: u64) -> (usize, u64) {
    let asked = std::env::var("HEADCOUNT_CHAOS").unwrap_or_default();
    let mut numbers = asked.split(',').map(|number| number.trim().parse().ok());
    let rounds = numbers.next().flatten().map_or(TROUBLES.len().div_ceil(TOGETHER), |rounds: u64| rounds as usize);
    (rounds, numbers.next().flatten().map_or(seed, |other: u64| seed + 1000 * other))
}

#[test]
fn with_its_state_in_a_file() {
    play("chaos with a file", 21, || Some(State::File));
}

#[test]
fn with_its_state_in_postgresql() {
    play("chaos with PostgreSQL", 22, || postgres::own_server("chaos with PostgreSQL").map(State::Postgres));
}

fn play(name: &str, seed: u64, state: impl FnOnce() -> Option<State>) {
    let (rounds, seed) = asked(seed);
    let Some(state) = state() else { return };
    let Some(mut town) = Town::set(seed, state) else { return skipped(name, "scim2-server") };
    if !town.has_machine() && cfg!(target_os = "linux") {
        skipped(&format!("a part of {name} (clocks that are put, disks that are full)"), "a C compiler (cc)");
    }
    let (began, mut random, mut deck) = (Instant::now(), fastrand::Rng::with_seed(seed), Vec::new());
    town.becomes_quiet("the first round");
    println!("{name} begins after {:.1} s", began.elapsed().as_secs_f64());
    for round in 1..=rounds {
        let at = Instant::now();
        let troubles: Vec<Trouble> = std::iter::from_fn(|| draw(&mut deck, &mut random)).take(TOGETHER).collect();
        for trouble in &troubles {
            town.changes(&mut random);
            pause(&mut random, 900);
            trouble.comes(&mut town, &mut random);
            town.changes(&mut random);
            pause(&mut random, 1500);
        }
        town.heals();
        let healed = at.elapsed();
        let words = format!("round {round} of seed {seed}: {troubles:?}");
        town.becomes_quiet(&words);
        let quiet = at.elapsed() - healed;
        town.is_as_it_should_be(&words);
        println!("{words}, {:.1} s, quiet after {:.1} s", at.elapsed().as_secs_f64(), quiet.as_secs_f64());
    }
    town.ends();
    eprintln!("{name}, seed {seed}: {rounds} rounds, {}, {:.1} s", town.figures(), began.elapsed().as_secs_f64());
}

/// Each comes once before any comes again.
fn draw(deck: &mut Vec<Trouble>, random: &mut fastrand::Rng) -> Option<Trouble> {
    if deck.is_empty() {
        deck.extend(TROUBLES);
        random.shuffle(deck);
    }
    deck.pop()
}

/// A moment that nobody chose. It is no proof of anything.
fn pause(random: &mut fastrand::Rng, most: u64) {
    std::thread::sleep(Duration::from_millis(random.u64(..most)));
}

impl Trouble {
    fn comes(self, town: &mut Town, random: &mut fastrand::Rng) {
        match self {
            Self::Kill => town.kills_one(),
            Self::KillAll => town.kills_all(),
            Self::Freeze => town.freezes(random),
            Self::Database => town.database_fails(random),
            Self::Source => town.hr_fails(random),
            Self::Away => town.service.weather(Weather { seed: random.u64(..), share: 1.0, kinds: vec![Fault::Unavailable] }),
            Self::Weather => {
                let kinds = vec![Fault::LostAnswer, Fault::Truncated, Fault::Html, Fault::HtmlAfterwards, Fault::Throttled, Fault::Slow];
                town.service.weather(Weather { seed: random.u64(..), share: 0.3, kinds });
            }
            Self::ForcedPush => town.history_is_rewritten(random),
            Self::FullDisk => town.on_machine(|machine| machine.fill_disk(true)),
            Self::ClockAhead => {
                let seconds = random.i64(60..3 * DAY);
                town.on_machine(|machine| machine.put_clock(seconds));
            }
            Self::ClockBehind => {
                let seconds = -random.i64(60..3 * DAY);
                town.on_machine(|machine| machine.put_clock(seconds));
            }
        }
    }
}

/// The machine as it was.
fn as_it_was(machine: &Machine) {
    machine.fill_disk(false);
    machine.put_clock(0);
}
