//! What a process does while its clock, or what it remembers, can't be relied on.

use super::*;
use crate::journal::{Event, entry};

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_the_journal_holds_everything_but_revocations() {
    let company = Company::new().await;
    let before = company.accounts();
    let later = Timestamp::now() + SignedDuration::from_hours(40 * 24);
    let event = Event::Resumed { who: "jane".into() };
    company.store.commit(vec![entry(&"elsewhere".into(), later, &event)]).await.unwrap();
    let mut process = Process::start(&company, company.store.clone()).await;
    let stalled = |status: &Status| status.needs.iter().any(|need| need.about == "the clock" && need.words.starts_with("ClockWrong"));
    process.until("held", |status| stalled(status) && status.systems.iter().any(|system| system.pending.sum() > 0)).await;
    assert_eq!(company.accounts(), before, "nothing was written");
    let beside = state::open(&company.path("state.db"), "acme-test").await.unwrap();
    let keeping = Keeping::of(&company.declared().0, None);
    let found = keeping.clock(beside.as_ref(), Timestamp::now()).await.unwrap().unwrap();
    keeping.accept_clock(beside.as_ref(), &found, ("jane", "a test"), Timestamp::now()).await.unwrap();
    process.as_declared("one").await;
    assert_ne!(company.accounts(), before);
    assert!(!stalled(&process.end().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_did_is_not_put_back_because_the_state_could_not_be_read_for_a_moment() {
    let mut company = Company::new().await;
    at_target(&mut company, "drift: warn");
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.app().execute("UPDATE users SET name = 'By Hand' WHERE login = 'ada'", []).unwrap();
    let state = || rusqlite::Connection::open(company.path("state.db")).unwrap();
    state().execute_batch("ALTER TABLE left_behind RENAME TO out_of_reach").unwrap();
    ask(company.store.as_ref(), "1").await;
    timeout(PATIENCE, process.lost.wait_for(|lost| *lost)).await.expect("it is told").unwrap();
    let name = || -> String { company.app().query_row("SELECT name FROM users WHERE login = 'ada'", [], |row| row.get(0)).unwrap() };
    assert_eq!(name(), "By Hand", "nothing was written");
    state().execute_batch("ALTER TABLE out_of_reach RENAME TO left_behind").unwrap();
    process.until("told", |status| status.systems.iter().any(|system| system.drift > 0)).await;
    assert_eq!(name(), "By Hand");
    process.end().await;
}
