//! Cutting off without a command around it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::pipeline::tests::{Company, Person};
use crate::pipeline::{HearNothing, moment};
use crate::policy::Policy;

/// On the ground of a company, with a state of its own or none.
async fn ground(company: &Company, state: State, keys: &[&str]) -> Arc<Ground> {
    let (loaded, policy) = company.declared();
    let moment = moment(&policy, None);
    let cause = OrderTerms { reason: "a lost laptop".into(), until: None, at: moment.now };
    let (state, orders) = orders(&policy, state, keys, 10, &cause, &HearNothing).await.unwrap();
    Arc::new(Ground {
        loaded,
        targets: (0..policy.targets.len()).collect(),
        policy: Policy { revocations: Vec::new(), ..policy },
        state,
        orders,
        moment,
        deadline: Instant::now() + Duration::from_secs(60),
        who: "a test".into(),
        stop: CancellationToken::new(),
        unused: Vec::new(),
        hear: Box::new(HearNothing),
    })
}

async fn kept(company: &Company) -> State {
    State::open(company.store.place(), &"acme-test".into(), &HearNothing).await.unwrap()
}

fn words(done: &Done) -> Vec<(String, ReceiptWord)> {
    done.told.iter().map(|told| (format!("{} at {}", told.key, told.receipt.target), told.receipt.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_named_is_cut_off_and_it_is_remembered() {
    let company = Company::running().await;
    let done = revoke(&ground(&company, kept(&company).await, &["hr/1"]).await, None).await.unwrap().unwrap();
    assert_eq!(words(&done), [("hr/1 at app".to_owned(), ReceiptWord::Done)]);
    assert_eq!(company.accounts(), ["luis"]);
    assert_eq!(company.receipts().await, [("hr/1 at app".to_owned(), ReceiptWord::Done)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_no_run_that_holds_the_lock() {
    let company = Company::running().await;
    let _run = company.store.lock("jane").await.unwrap();
    let done = revoke(&ground(&company, kept(&company).await, &["hr/1"]).await, None).await.unwrap().unwrap();
    assert_eq!(words(&done), [("hr/1 at app".to_owned(), ReceiptWord::Done)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_sees_the_steps_and_a_no_leaves_everything_as_it_was() {
    let company = Company::running().await;
    let entries = company.journal().await.len();
    let ask = |looks: &Looks| {
        let [(target, Ok(look))] = looks else { panic!("one target, and it answers") };
        assert_eq!((target.as_ref(), look.accounts.len(), look.plan.changes.len()), ("app", 1, 1));
        Decision::Leave
    };
    assert!(revoke(&ground(&company, kept(&company).await, &["hr/1"]).await, Some(&ask)).await.unwrap().is_none());
    assert_eq!(company.accounts(), ["ada", "luis"]);
    assert!(company.memory().await.revocations.is_empty());
    assert_eq!(company.journal().await.len(), entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_has_is_a_slip_and_forgotten_again() {
    let company = Company::running().await;
    let done = revoke(&ground(&company, kept(&company).await, &["hr/99", "hr/1"]).await, None).await.unwrap().unwrap();
    assert_eq!(done.slips, ["hr/99".into()]);
    assert_eq!(words(&done), [("hr/1 at app".to_owned(), ReceiptWord::Done)]);
    let standing: Vec<_> = company.memory().await.revocations.into_iter().map(|standing| standing.key).collect();
    assert_eq!(standing, ["hr/1".into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_none_is_told_and_holds_nobody_up() {
    let company = Company::running().await;
    let broken = company.path("broken.db");
    std::fs::write(&broken, "no state at all, but long enough to be read as one").unwrap();
    let person = Person::says(Decision::Run);
    let state = State::open(&broken, &"acme-test".into(), &person).await.unwrap();
    assert!(state.lost().is_some() && !state.store().is_kept());
    assert!(person.heard()[0].starts_with("StateLost"));
    let done = revoke(&ground(&company, state, &["hr/1"]).await, None).await.unwrap().unwrap();
    assert_eq!(words(&done), [("hr/1 at app".to_owned(), ReceiptWord::Done)], "marks lead to the account");
    assert_eq!(company.accounts(), ["luis"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_people_than_are_allowed_are_not_cut_off() {
    let company = Company::running().await;
    let (_, policy) = company.declared();
    let cause = OrderTerms { reason: "a lost laptop".into(), until: None, at: moment(&policy, None).now };
    let refused = orders(&policy, kept(&company).await, &["hr/1", "hr/2"], 1, &cause, &HearNothing).await.err().unwrap();
    assert!(matches!(refused, OrdersError::TooMany { found: 2, most: 1 }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_told_from_names_by_their_form_and_by_what_is_remembered() {
    let company = Company::running().await;
    let (_, policy) = company.declared();
    let told = async |broken| {
        let names = ["hr/1", "user/jane", "jane", "crm/7", "old/1", "hr/"].into();
        let NamesGiven { keys, others } = NamesGiven::told_apart(&policy, company.store.as_ref(), names, broken).await;
        (keys, others)
    };
    assert_eq!(told(false).await, (vec!["hr/1", "user/jane"], vec!["crm/7", "hr/", "jane", "old/1"]));
    let link = company.memory().await.links[0].clone();
    company.store.commit(vec![Fact::Linked(crate::model::Link { key: "old/1".into(), id: "77".into(), ..link })]).await.unwrap();
    assert_eq!(told(false).await.0, ["hr/1", "old/1", "user/jane"], "a source that is gone");
    assert_eq!(told(true).await.1, ["hr/", "jane"], "a source may be missing");
}
