//! Each fault by itself, then all of them, on a few hundred people: applied until it is done.

use std::time::Instant;

use crate::support::proxy::{FAULTS, Fault, Weather};
use crate::support::skipped;

use super::company::{Company, Pace};
use super::stage::Stage;

const PEOPLE: u32 = 300;
const DEPARTMENTS: usize = 20;
/// Runs in bad weather before the sun comes out.
const BAD_RUNS: u64 = 3;

/// Nobody has left: whatever is lost or told wrongly, nothing may be taken from anybody.
fn nobody_loses_anything(name: &str, kinds: &[Fault], share: f64, seed: u64) {
    let Some(mut stage) = Stage::set(Company::new(PEOPLE, DEPARTMENTS, seed), Pace { concurrency: 4, page: 50 }) else {
        return skipped(name, "scim2-server");
    };
    let began = Instant::now();
    for run in 0..BAD_RUNS {
        stage.proxy.weather(Weather { seed: seed * 100 + run, share, kinds: kinds.to_vec() });
        let run = stage.apply();
        assert!(matches!(run.code, Some(0 | 1 | 3 | 4 | 5)), "it crashed: {}", run.words);
        stage.holdings();
    }
    assert!(stage.proxy.met().len() > kinds.len() / 2, "too little happened: {:?}", stage.proxy.met());
    stage.converge();
    stage.assert_nothing_taken_without_reason();
    stage.assert_done();

    // Now two leave, and the export says so: these two, and nobody else, lose what they have.
    stage.company.lose();
    stage.company.lose();
    stage.publish();
    stage.proxy.weather(Weather { seed: seed * 100 + BAD_RUNS, share, kinds: kinds.to_vec() });
    stage.apply();
    stage.converge();
    stage.assert_nothing_taken_without_reason();
    stage.assert_done();
    eprintln!("{name}: {:?}, {:.1} s", stage.proxy.met(), began.elapsed().as_secs_f64());
}

macro_rules! each {
    ($($test:ident: $fault:ident, $share:expr;)*) => {
        $(
            #[test]
            fn $test() {
                nobody_loses_anything(stringify!($test), &[Fault::$fault], $share, Fault::$fault as u64 + 1);
            }
        )*

        #[test]
        fn every_fault_has_its_test() {
            assert_eq!(FAULTS, [$(Fault::$fault),*]);
        }
    };
}

each! {
    lost_answers: LostAnswer, 0.1;
    cut_bodies: Truncated, 0.1;
    repeated_pages: RepeatedPage, 0.15;
    shifted_pages: ShiftedPage, 0.15;
    totals_too_large: TotalTooLarge, 0.15;
    totals_too_small: TotalTooSmall, 0.15;
    totals_that_move: TotalMoves, 0.15;
    empty_answers: Empty, 0.1;
    html_answers: Html, 0.1;
    html_after_the_fact: HtmlAfterwards, 0.1;
    throttling: Throttled, 0.1;
    unavailability: Unavailable, 0.1;
    slowness: Slow, 0.1;
}

#[test]
fn all_faults_together() {
    nobody_loses_anything("all_faults_together", FAULTS, 0.15, 77);
}
