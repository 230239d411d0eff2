//! By what groups list somebody is remembered before a rename is sent: whoever goes on after a kill knows whom the old name meant.

use super::*;
use crate::model::{EntryNames, ListedBy};

async fn renamed(listed_by: Option<ListedBy>) -> Vec<(String, String, bool)> {
    let world = World::scripted([Script::Refuse(SystemError::Rejected("no".into()))]).await;
    world.fake.put("7", &[("userName", "u1")]);
    let change = change(Action::Update, Account, "hr/7", Some("7"));
    let change = change.with("userName", Some(Value::text("u1")), Some(Value::text("v1")));
    let plan = plan(vec![change.with("container", None, Some(Value::text("ou=Eng"))).with("title", None, Some(Value::text("x")))]);
    let mut connector = world.fake.connector(true);
    connector.capabilities.entry_names = Some(EntryNames { attribute: "userName".into(), own: "uid".into(), ..EntryNames::default() });
    connector.capabilities.listed_by = listed_by;
    let lock = world.store.lock("jane").await.unwrap();
    let targets: BTreeMap<_, _> = [(Arc::from("chat"), Arc::new(connector))].into();
    apply(&world.job(&plan, &targets, &lock)).await.unwrap();
    let departed = world.store.load().await.unwrap().departed;
    departed.into_iter().map(|known| (known.attribute.to_string(), known.value.to_string(), known.left)).collect()
}

#[tokio::test]
async fn what_groups_list_somebody_by_is_remembered_before_it_changes() {
    let owned = |all: &[(&str, &str)]| all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned(), false)).collect::<Vec<_>>();
    assert_eq!(renamed(Some(ListedBy::Name)).await, owned(&[("container", ""), ("userName", "u1")]));
    assert_eq!(renamed(Some(ListedBy::Attribute("userName".into()))).await, owned(&[("userName", "u1")]));
    assert_eq!(renamed(None).await, owned(&[]), "the change was refused, and nobody else's groups follow a name");
}
