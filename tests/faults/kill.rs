//! `kill -9` at forty points of apply (`HEADCOUNT_KILLS` names another number for each test, or `number,seed`): before or after the server has done the n-th write, with the state kept and with it lost.

use std::time::Instant;

use crate::support::proxy::Moment;
use crate::support::skipped;

use super::asked;
use super::company::{Company, Pace};
use super::stage::{APPLY, Stage};

const PEOPLE: u32 = 200;
const DEPARTMENTS: usize = 10;
const KILLS: u64 = 20;
const PACE: Pace = Pace { concurrency: 2, page: 200 };

/// Every run but the last of a round is killed; when a round is done the company changes, and the next begins.
fn killed_again_and_again(name: &str, seed: u64, between: impl Fn(&Stage)) {
    let (kills, seed) = asked(KILLS, seed);
    let Some(mut stage) = Stage::set(Company::new(PEOPLE, DEPARTMENTS, seed), PACE) else { return skipped(name, "scim2-server") };
    let began = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    while killed < kills {
        let moment = if random.bool() { Moment::Before } else { Moment::After };
        let run = stage.killed_at(APPLY, random.u64(1..12), moment);
        between(&stage);
        match run.code {
            None => killed += 1,
            Some(_) => next_round(&mut stage),
        }
    }
    next_round(&mut stage);
    assert_eq!(stage.run(&["history", "--verify"]).code, Some(0), "the journal's chain is whole");
    eprintln!("{name}, seed {seed}: {killed} kills, {} people, {:.1} s", stage.company.people.len(), began.elapsed().as_secs_f64());
}

/// What was to be done is done and no more; then there is new work.
fn next_round(stage: &mut Stage) {
    stage.converge();
    stage.assert_nothing_taken_without_reason();
    stage.assert_done();
    // Over many rounds more come than one day's limit allows.
    stage.allow_many_to_come();
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
    // Nothing says then that those who are missing were never there: somebody has looked.
    let between = |stage: &Stage| {
        stage.lose_state();
        stage.allow_many_to_come();
    };
    killed_again_and_again("killed_with_the_state_lost", 12, between);
}

#[test]
fn a_half_applied_plan_can_be_run_again() {
    let Some(stage) = Stage::set(Company::new(60, 5, 13), PACE) else { return skipped("a_half_applied_plan", "scim2-server") };
    assert_eq!(stage.run(&["plan", "--out", "plan.json"]).code, Some(0));
    // Several changes go with one request.
    for nth in [2, 3, 3] {
        assert_eq!(stage.killed_at(&["apply", "plan.json"], nth, Moment::After).code, None);
    }
    let run = stage.run(&["apply", "plan.json"]);
    assert_eq!(run.code, Some(0), "what is left was all reviewed: {}", run.words);
    stage.converge();
    stage.assert_done();
}
