//! Whoever goes loses their access first; what else is set of them follows.

use super::*;
use crate::model::Change;

fn leaver() -> Change {
    let leaver = change(Action::Deactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(false)));
    leaver.with("title", None, Some(Value::text("Left")))
}

fn refused() -> Script {
    Script::Refuse(SystemError::Rejected("too long".into()))
}

#[tokio::test]
async fn a_value_that_is_refused_keeps_nobody_s_access() {
    let world = World::scripted([Script::Revoke("hr/8", 0), refused()]).await;
    world.fake.put("7", &[("title", "Lead")]);
    let report = world.apply(&plan(vec![leaver()])).await;
    let outcome = &report.outcomes[&ChangeId(0)];
    assert!(matches!(outcome, Outcome::Partly { missing } if missing.contains("too long")), "{outcome:?}");
    assert_eq!(world.fake.log(), ["Deactivate hr/7", "Deactivate hr/7"]);
    let object = world.fake.object("7");
    assert_eq!((object.get("active"), object.get("title")), (Some(&Value::Bool(false)), Some(&Value::text("Lead"))));
}

#[tokio::test]
async fn where_the_access_does_not_end_nothing_else_is_set() {
    let world = World::scripted([refused()]).await;
    world.fake.put("7", &[("title", "Lead")]);
    assert_eq!(world.words(&plan(vec![leaver()])).await, [ResultWord::Failed]);
    assert_eq!(world.fake.log(), ["Deactivate hr/7"]);
}

#[tokio::test]
async fn what_is_set_of_whoever_goes_is_known_as_written_when_they_come_back() {
    let world = World::new().await;
    world.fake.put("7", &[("title", "Lead")]);
    world.apply(&plan(vec![leaver()])).await;
    let written = world.store.load().await.unwrap().written;
    assert!(matches!(&written[..], [one] if one.id.as_ref() == "7" && one.prints.len() == 1), "{written:?}");
}
