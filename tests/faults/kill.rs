//! `kill -9` at two hundred points of apply: before or after the server has done the n-th write, with the state kept and with it lost.

use std::time::Instant;

use crate::support::proxy::Moment;
use crate::support::skipped;

use super::company::Company;
use super::stage::Stage;

const PEOPLE: u32 = 200;
const DEPARTMENTS: usize = 10;
const KILLS: u64 = 100;

/// Every run but the last of a round is killed; when a round is done the company changes, and the next begins.
fn killed_again_and_again(name: &str, seed: u64, between: impl Fn(&Stage)) {
    let Some(mut stage) = Stage::set(Company::new(PEOPLE, DEPARTMENTS, seed), 2) else { return skipped(name, "scim2-server") };
    let began = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    while killed < KILLS {
        let moment = if random.bool() { Moment::Before } else { Moment::After };
        let run = stage.apply_killed_at(random.u64(1..12), moment);
        between(&stage);
        match run.code {
            None => killed += 1,
            Some(_) => next_round(&mut stage),
        }
    }
    next_round(&mut stage);
    eprintln!("{name}: {killed} kills, {} people, {:.1} s", stage.company.people.len(), began.elapsed().as_secs_f64());
}

/// What was to be done is done and no more; then there is new work.
fn next_round(stage: &mut Stage) {
    stage.converge();
    stage.assert_nothing_taken_without_reason();
    stage.assert_done();
    stage.company.reorganise(60);
    stage.company.lose();
    stage.publish();
}

#[test]
fn killed_with_the_state_kept() {
    killed_again_and_again("killed_with_the_state_kept", 11, |_| {});
}

#[test]
fn killed_with_the_state_lost() {
    killed_again_and_again("killed_with_the_state_lost", 12, Stage::lose_state);
}
