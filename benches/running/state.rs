//! What the state takes for each change: lines of the journal that are sealed beside the same in the clear, and in PostgreSQL what changes teach beside as many statements.

#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../tests/support/postgres.rs"]
mod postgres;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use headcount::journal::{Event, entry};
use headcount::manifest::kinds::{PostgresState, StateLocation};
use headcount::model::{
    Action, AttributeChange, Change, ChangeId, Guardrail, Link, LinkOrigin, ObjectKind, ObjectRef, Outcome, Reason, Repeat, Unheard, Value,
};
use headcount::state::{self, Fact, StatePlace, Store};
use jiff::Timestamp;

/// Changes of one commit.
const TOGETHER: usize = 64;
const ROUNDS: usize = 5;

pub fn measure(changes: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    println!("the state, {changes} changes, {TOGETHER} in a commit, the median of {ROUNDS}");
    let sealed = runtime.block_on(journal(changes, lines));
    let clear = runtime.block_on(journal(changes, |number| lines(number).map(in_the_clear)));
    row("SQLite, lines in the clear", clear, clear);
    row("SQLite, lines sealed", sealed, clear);
    let Some(server) = postgres::server("what many changes teach") else { return };
    let place = |workspace: &str| {
        let state = PostgresState { url: server.socket(), password: None, schema: None, ca_file: None, allow_plaintext: false };
        StatePlace::at(&StateLocation::Postgres(state), Path::new(""), workspace)
    };
    let apart = runtime.block_on(taught(changes, &place("apart"), |_| 0));
    let together = runtime.block_on(taught(changes, &place("together"), |number| number));
    row("PostgreSQL, a statement each", apart, apart);
    row("PostgreSQL, statements of many", together, apart);
}

fn row(name: &str, took: f64, beside: f64) {
    println!("{name:<34} {took:>8.1} µs a change   ÷ the first {:>6.2}", took / beside);
}

/// Intent and outcome of one change.
fn lines(number: usize) -> [Fact; 2] {
    let key = format!("hr/{number}");
    let object = ObjectRef { kind: ObjectKind::Account, key: key.as_str().into(), id: None, name: key.as_str().into() };
    let attribute = |name: &str| AttributeChange {
        attribute: name.into(),
        before: None,
        after: Some(Value::text(&key)),
        sensitive: false,
        privileged: false,
    };
    let attributes = ["displayName", "externalId", "name.familyName", "name.givenName", "title", "userName"].map(attribute).into();
    let change = Change { attributes, ..Change::new(&"chat".into(), Action::Create, object, Reason::Joiner) };
    let (run, at, id) = (Arc::from("20261130T000000Z-00000000"), Timestamp::now(), ChangeId(u32::try_from(number).unwrap_or(u32::MAX)));
    let outcome = Event::outcome(id, &change, &Outcome::Done { id: None }, Some(&key.as_str().into()));
    [entry(&run, at, &Event::intent(id, &change, 1)), entry(&run, at, &outcome)]
}

fn in_the_clear(fact: Fact) -> Fact {
    let Fact::Line(mut draft) = fact else { return fact };
    let said: Vec<String> = std::mem::take(&mut draft.personal).into_iter().map(|(_, text)| text).collect();
    draft.rest = format!("{},\"said\":[{}]}}", draft.rest.strip_suffix('}').unwrap_or(&draft.rest), said.join(","));
    Fact::Line(draft)
}

/// Microseconds a change.
async fn journal(changes: usize, lines: impl Fn(usize) -> [Fact; 2]) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let store = state::open(&folder.path().join("state.db"), "bench").await.expect("a state");
        rounds.push(committed(store.as_ref(), changes, |number| lines(number).into()).await);
    }
    median(rounds)
}

async fn taught(changes: usize, place: &StatePlace, who: impl Fn(usize) -> usize) -> f64 {
    let store = state::open(place, "bench").await.expect("a state");
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(committed(store.as_ref(), changes, |number| made(who(number)).into()).await);
    }
    median(rounds)
}

/// What one account teaches that was made. Where it is always the same one, no two of them fit into one statement.
fn made(number: usize) -> [Fact; 3] {
    let (target, at): (Arc<str>, _) = ("chat".into(), Timestamp::UNIX_EPOCH);
    let (key, id): (Arc<str>, Arc<str>) = (format!("hr/{number}").into(), number.to_string().into());
    let (kind, origin) = (ObjectKind::Account, LinkOrigin::Created);
    let link = Link { target: target.clone(), kind, key: key.clone(), id: id.clone(), origin, system: 7, name: None, at };
    let value = Repeat { target: target.clone(), kind, id, attribute: "title".into(), wrote: 1, found: 2, at };
    [Fact::Linked(link), Fact::Heard(Unheard { target, guardrail: Guardrail::Create, key, at }), Fact::Written(vec![(1, value)])]
}

async fn committed(store: &dyn Store, changes: usize, facts: impl Fn(usize) -> Vec<Fact>) -> f64 {
    let begin = Instant::now();
    for first in (0..changes).step_by(TOGETHER) {
        store.commit((first..(first + TOGETHER).min(changes)).flat_map(&facts).collect()).await.expect("a commit");
    }
    begin.elapsed().as_secs_f64() * 1e6 / changes as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
