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
mod trouble;
mod workspace;

use life::Life;

/// Lives a company, or the one that the environment names.
fn live(seed: u64, size: usize, days: i32) {
    let named = std::env::var("HEADCOUNT_COMPANY").ok();
    let numbers: Vec<u64> = named.iter().flat_map(|text| text.split(',')).filter_map(|number| number.trim().parse().ok()).collect();
    let (seed, size, days) = match numbers.as_slice() {
        [seed, size, days] => (*seed, *size as usize, *days as i32),
        _ => (seed, size, days),
    };
    let mut life = Life::new(seed, size);
    for _ in 0..days {
        life.live();
    }
    println!("seed {seed}, {size} people: {:?}", life.figures);
}

#[test]
fn a_year_and_a_month_of_a_small_company() {
    live(1, 300, 400);
}
