//! Ten thousand people and two hundred groups, once, with faults.

use std::time::Instant;

use crate::support::proxy::{FAULTS, Weather};
use crate::support::skipped;

use super::company::{Company, Pace};
use super::stage::Stage;

#[test]
fn ten_thousand_people_arrive_through_bad_weather() {
    let company = Company::new(10_000, 200, 4711);
    let Some(stage) = Stage::set(company, Pace { concurrency: 4, page: 500 }) else {
        return skipped("ten_thousand_people", "scim2-server");
    };
    let began = Instant::now();
    stage.proxy.weather(Weather { seed: 1, share: 0.01, kinds: FAULTS.to_vec() });
    stage.apply();
    eprintln!("everybody arrived: {:.0} s, {:?}", began.elapsed().as_secs_f64(), stage.proxy.met());
    // Now there are many pages to be lost, repeated or lied about.
    stage.proxy.weather(Weather { seed: 2, share: 0.1, kinds: FAULTS.to_vec() });
    stage.apply();
    eprintln!("looked at again: {:.0} s, {:?}", began.elapsed().as_secs_f64(), stage.proxy.met());
    stage.converge();
    stage.assert_nothing_taken_without_reason();
    stage.assert_done();
    eprintln!("ten thousand people: {:.0} s", began.elapsed().as_secs_f64());
}
