//! Accounts that stand where a directory's lists don't look, and groups of a directory that does not follow renames by itself.

use std::sync::Arc;
use std::time::Duration;

use headcount::connector::limiter::{ALL, Lane};
use headcount::connector::{LookupRequest, Permit, Surroundings, TargetConnector, Write, Written, registry};
use headcount::fence::Fence;
use headcount::model::{Action, Change, Columns, ELSEWHERE, ObjectKind, ObjectRef, Page, Reason, SystemError, Value};
use serde_json::{Value as Json, json};

use crate::support::ldap::{Setup, Slapd, Wire};
use crate::support::skipped;

const TOP: &str = "dc=example,dc=org";

async fn open(server: &Slapd, more: Json) -> TargetConnector {
    registry::open_target(&server.target(&more), &Surroundings::at(std::env::temp_dir())).await.expect("it opens")
}

fn person(name: &str) -> String {
    format!("dn: uid={name},ou=people,{TOP}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\n")
}

async fn lookup(target: &TargetConnector, kind: ObjectKind, columns: &[&str], by: (&str, &str)) -> Result<Page, SystemError> {
    let columns = Columns::new(columns.iter().copied());
    target.reader.lookup(&LookupRequest::new(kind, columns, by.0, by.1)).await
}

fn cells(page: &Page) -> Vec<Vec<String>> {
    let text = |row: headcount::model::Row<'_>| row.cells().map(|cell| cell.as_text().unwrap_or_default().to_owned()).collect();
    page.rows().map(text).collect()
}

/// The id of an account.
async fn id(target: &TargetConnector, name: &str) -> String {
    cells(&lookup(target, ObjectKind::Account, &["id"], ("userName", name)).await.expect("it answers"))[0][0].clone()
}

async fn write(target: &TargetConnector, action: Action, id: &str, attributes: &[(&str, Value)]) -> Result<Written, SystemError> {
    let object = ObjectRef { kind: ObjectKind::Account, key: "hr/1".into(), id: None, name: "one".into() };
    let change = Change::new(&"faults".into(), action, object, Reason::Declared);
    let attributes = attributes.iter().map(|(name, value)| (Arc::from(*name), Some(value.clone()))).collect();
    let write = Write { change: &change, id: Some(id.into()), attributes, members: Vec::new(), key: Default::default() };
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    target.writer.write(&[write], &Permit::grant(turn, &Fence::open())).await.remove(0)
}

fn move_to(name: &str, unit: &str) -> String {
    format!("dn: uid={name},ou=people,{TOP}\nchangetype: modrdn\nnewrdn: uid={name}\ndeleteoldrdn: 1\nnewsuperior: ou={unit},{TOP}\n\n")
}

/// Members of a group, as the directory shows them.
fn members(server: &Slapd, group: &str) -> Vec<String> {
    let shown = server.shows(&format!("cn={group},ou=groups,{TOP}"), &["member"]);
    let mut members: Vec<_> = shown.iter().filter_map(|line| line.strip_prefix("member: ")).map(str::to_owned).collect();
    members.sort();
    members
}

#[tokio::test]
async fn an_account_that_was_moved_or_is_hidden_by_the_filter_is_found_by_its_id_with_its_place() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("strays of ldap", "slapd and ldap-utils") };
    server.changes(&format!(
        "dn: ou=beside,{TOP}\nobjectClass: organizationalUnit\nou: beside\n\n{}{}{}",
        person("a"),
        person("b"),
        person("c")
    ));
    let target = open(&server, json!({})).await;
    let (a, b, c) = (id(&target, "a").await, id(&target, "b").await, id(&target, "c").await);
    server.changes(&format!(
        "{}dn: cn=wheel,ou=groups,{TOP}\nchangetype: add\nobjectClass: groupOfNames\ncn: wheel\nmember: uid=a,ou=beside,{TOP}\n",
        move_to("a", "beside")
    ));
    let columns = ["id", "userName", ELSEWHERE];
    let by_id = async |target: &TargetConnector, id: &str| {
        cells(&lookup(target, ObjectKind::Account, &columns, ("id", id)).await.expect("it answers"))
    };
    assert_eq!(by_id(&target, &a).await, [[a.as_str(), "a", &format!("uid=a,ou=beside,{TOP}")]]);
    assert_eq!(by_id(&target, &b).await, [[b.as_str(), "b", ""]], "what lists show stands nowhere else");
    // The groups that it is in are found, and it can be written where this account may write.
    let groups = lookup(&target, ObjectKind::Membership, &["member"], ("member", &a)).await.expect("it answers");
    assert_eq!(cells(&groups), [[a.as_str()]]);
    // A fresh process knows no names.
    let fresh = open(&server, json!({"users": {"base": format!("ou=people,{TOP}"), "filter": "(!(uid=b))"}})).await;
    assert_eq!(by_id(&fresh, &b).await.len(), 1, "a filter hides it");
    assert!(!by_id(&fresh, &b).await[0][2].is_empty());
    let refused = write(&fresh, Action::Update, &a, &[("title", Value::text("x"))]).await;
    assert!(refused.is_err(), "this account may not write there: {refused:?}");
    server.changes(&format!("dn: uid=c,ou=people,{TOP}\nchangetype: delete\n"));
    assert_eq!(by_id(&fresh, &c).await, Vec::<Vec<String>>::new(), "it is gone");
}

#[tokio::test]
async fn whoever_may_not_look_beside_the_base_does_not_say_that_an_account_is_gone() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("hidden parts of ldap", "slapd and ldap-utils") };
    server.changes(&person("a"));
    let target = open(&server, json!({})).await;
    let a = id(&target, "a").await;
    server.hides_the_top();
    server.changes(&move_to("a", "hidden"));
    let answer = lookup(&target, ObjectKind::Account, &["id", ELSEWHERE], ("id", &a)).await;
    assert!(matches!(&answer, Err(SystemError::Forbidden(words)) if words.contains("deleted, moved or hidden")), "{answer:?}");
}

#[tokio::test]
async fn a_rename_that_is_cut_short_leaves_nobody_out_of_a_group() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("cut renames of ldap", "slapd and ldap-utils") };
    let wire = Wire::to(server.port());
    let target = open(&server, json!({ "urls": [wire.url()] })).await;
    let old = format!("uid=a,ou=people,{TOP}");
    server.changes(&format!(
        "{}dn: cn=wheel,ou=groups,{TOP}\nobjectClass: groupOfNames\ncn: wheel\nmember: {old}\nmember: {TOP}\n",
        person("a")
    ));
    let a = id(&target, "a").await;
    let renamed = [("userName", Value::text("b"))];
    // Cut anywhere: whatever the entry is called then, the group names it.
    for bytes in [0_u64, 20, 40, 60, 80, 120, 160, 200, 260, 320, 400] {
        wire.cut_after(bytes);
        drop(write(&target, Action::Update, &a, &renamed).await);
        let shown = server.shows(&format!("ou=people,{TOP}"), &["uid"]);
        let now = shown.iter().filter_map(|line| line.strip_prefix("dn: uid=")).next().expect("it is there");
        let named = members(&server, "wheel");
        assert!(named.iter().any(|member| *member == format!("uid={now}")), "{bytes}: {now} in {named:?}");
        wire.mend();
    }
    write(&target, Action::Update, &a, &renamed).await.expect("the way is mended");
    assert_eq!(members(&server, "wheel"), [TOP.to_owned(), format!("uid=b,ou=people,{TOP}")], "and the old name is out");
}

#[tokio::test]
async fn a_name_that_somebody_has_is_announced_to_no_group() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("refused renames of ldap", "slapd and ldap-utils") };
    let target = open(&server, json!({})).await;
    server.changes(&format!(
        "{}{}dn: cn=wheel,ou=groups,{TOP}\nobjectClass: groupOfNames\ncn: wheel\nmember: uid=a,ou=people,{TOP}\n",
        person("a"),
        person("b")
    ));
    let a = id(&target, "a").await;
    let refused = write(&target, Action::Update, &a, &[("userName", Value::text("b"))]).await;
    assert!(matches!(refused, Err(SystemError::Conflict(_))), "{refused:?}");
    assert_eq!(members(&server, "wheel"), [format!("uid=a,ou=people,{TOP}")]);
}

#[tokio::test]
async fn two_entries_of_one_name_change_places_by_a_name_for_the_time_being() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("swapped places of ldap", "slapd and ldap-utils") };
    let unit = |name: &str| format!("dn: ou={name},ou=people,{TOP}\nobjectClass: organizationalUnit\nou: {name}\n\n");
    let ann =
        |unit: &str, cn: &str| person("ann").replace("ou=people", &format!("ou={unit},ou=people")).replace("cn: ann", &format!("cn: {cn}"));
    server.changes(&[unit("a"), unit("b"), ann("a", "first"), ann("b", "second")].concat());
    let target = open(&server, json!({})).await;
    let shown = async || {
        let page = lookup(&target, ObjectKind::Account, &["displayName", "container", "rdn", "id"], ("userName", "ann")).await;
        let mut rows = cells(&page.expect("it answers"));
        rows.sort();
        rows
    };
    let before = shown().await;
    assert_eq!(before.iter().map(|row| row[..3].join(" ")).collect::<Vec<_>>(), ["first ou=a uid=ann", "second ou=b uid=ann"]);
    let (first, second) = (before[0][3].clone(), before[1][3].clone());
    let to = |unit: &str| ("container", Value::text(format!("ou={unit}")));
    let taken = write(&target, Action::Update, &first, &[to("b"), ("displayName", Value::text("First"))]).await;
    assert!(matches!(&taken, Err(SystemError::Conflict(words)) if words.contains("everything else of it was written")), "{taken:?}");
    write(&target, Action::Update, &first, &[("rdn", Value::text("uid=moving-ann"))]).await.expect("it steps aside");
    write(&target, Action::Update, &second, &[to("a")]).await.expect("it moves on");
    write(&target, Action::Update, &first, &[to("b"), ("rdn", Value::text("uid=ann"))]).await.expect("it takes its place");
    assert_eq!(shown().await.iter().map(|row| row[..3].join(" ")).collect::<Vec<_>>(), ["First ou=b uid=ann", "second ou=a uid=ann"]);
}

#[tokio::test]
async fn whoever_is_renamed_along_with_their_manager_names_the_manager_by_the_new_name() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("managers of ldap", "slapd and ldap-utils") };
    let all: Vec<String> = (1..=40).map(|at| format!("u{at}")).collect();
    let below = |name: &String| person(name).trim_end().to_owned() + &format!("\nmanager: uid=boss,ou=people,{TOP}\n\n");
    server.changes(&(person("boss") + &all.iter().map(below).collect::<String>()));
    let target = open(&server, json!({})).await;
    let mut ids = vec![id(&target, "boss").await];
    for name in &all {
        ids.push(id(&target, name).await);
    }
    let object = ObjectRef { kind: ObjectKind::Account, key: "hr/1".into(), id: None, name: "one".into() };
    let change = Change::new(&"faults".into(), Action::Update, object, Reason::Declared);
    let write = |(at, id): (usize, &String)| {
        let attributes = vec![(Arc::from("userName"), Some(Value::text(format!("v{at}"))))];
        Write { change: &change, id: Some(id.as_str().into()), attributes, members: Vec::new(), key: Default::default() }
    };
    let writes: Vec<Write<'_>> = ids.iter().enumerate().map(write).collect();
    let turn = target.limiter.enter(ALL, Lane::Free, Duration::ZERO).await.expect("a turn");
    let done = target.writer.write(&writes, &Permit::grant(turn, &Fence::open())).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let shown = server.shows(&format!("ou=people,{TOP}"), &["manager"]);
    let managers: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix("manager: ")).collect();
    assert_eq!(managers, vec![format!("uid=v0,ou=people,{TOP}"); all.len()]);
}
