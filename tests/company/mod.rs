//! A made company over 400 days, reconciled day by day: joiners, movers, leavers, rehires, renames, leaves, managers, and whatever goes wrong.
//!
//! `people` is the truth, `workspace` what the company's systems tell of it, `model` what the target must hold; none of them shares code with headcount.
//! A failure names its seed and day; `HEADCOUNT_COMPANY=seed,size,days` lives that very company again.

mod app;
mod life;
mod model;
mod names;
mod office;
mod people;
mod service;
mod trouble;
mod workspace;

use crate::support::skipped;
use life::Life;
use service::Service;

/// Lives a company, or the one that the environment names.
fn live(seed: u64, size: usize, days: i32) {
    let named = std::env::var("HEADCOUNT_COMPANY").ok();
    let numbers: Vec<u64> = named.iter().flat_map(|text| text.split(',')).filter_map(|number| number.trim().parse().ok()).collect();
    let (seed, size, days) = match numbers.as_slice() {
        [seed, size, days] => (*seed, *size as usize, *days as i32),
        _ => (seed, size, days),
    };
    let mut life = Life::at_tables(seed, size);
    for day in 0..days {
        if day > 0 {
            life.pass(1);
        }
        life.live();
    }
    let (kept, anew) = life.kept_days();
    assert!(kept > 10 * anew || days < 20, "the world was kept {kept} times and read anew {anew} times");
    println!("seed {seed}, {size} people: {:?}; planned again in a kept world {kept} times", life.figures);
}

/// `just company` lives one of 10,000 instead, in release mode.
#[test]
fn a_year_and_a_month_of_a_company() {
    live(1, 150, 400);
}

#[test]
fn sampled_days_of_a_company_with_a_service() {
    let Some(service) = Service::start() else { return skipped("the company's service", "scim2-server") };
    let mut life = Life::at_service(7, 60, service);
    for sample in 0..=10 {
        life.pass(if sample == 0 { 0 } else { 40 });
        life.live();
    }
    println!("{:?}", life.figures);
}
