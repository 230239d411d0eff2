//! What no manifest declares is told by whoever runs all the time, too: it leaves what it finds at once, and nothing later would tell that it is new.

use super::*;
use crate::workspace::acts;

const TEAMS: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE team_users (team_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (team_id, user_id));
    INSERT INTO teams VALUES (1, 'Admins');
    INSERT INTO users (login, name) VALUES ('backup', 'Backup');";

const GROUPS: &str = "active: {flag: is_active}
      groups: {table: teams, key: id, columns: {displayName: name}}
      memberships: {table: team_users, group: team_id, account: user_id}
  groups: {}
";

const BY_HAND: &str = "INSERT INTO team_users SELECT 1, id FROM users WHERE login = 'luis';
    INSERT INTO users (login, name) VALUES ('eve', 'Eve');";

fn undeclared(status: &Status) -> Option<&str> {
    status.needs.iter().find(|need| need.kind == NeedKind::Undeclared).map(|need| need.words.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joined_a_group_that_no_manifest_declares_and_whose_account_is_nobodys_is_told_until_somebody_looked() {
    let mut company = Company::new().await;
    company.app().execute_batch(TEAMS).unwrap();
    company.manifests = company.manifests.replace("active: {flag: is_active}\n", GROUPS);
    let mut process = Process::start(&company, company.store.clone()).await;
    let status = process.as_declared("one").await;
    assert_eq!(undeclared(&status), None, "what was there at first is not new");

    company.app().execute_batch(BY_HAND).unwrap();
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    let words = "somebody joined a group that no manifest declares, and a new account is nobody's";
    process.until("a need", |status| undeclared(status) == Some(words)).await;
    process.end().await;
    assert_eq!(company.drifts().await, ["joined-undeclared luis", "new-account eve"]);

    // It outlives the process, and what is gone again is told no more.
    let mut process = Process::start(&company, company.store.clone()).await;
    process.until("the same need", |status| undeclared(status) == Some(words)).await;
    company.app().execute("DELETE FROM users WHERE login = 'eve'", []).unwrap();
    ask(company.store.as_ref(), "2").await;
    process.until("a smaller need", |status| undeclared(status) == Some("somebody joined a group that no manifest declares")).await;
    assert_eq!(acts::seen(company.store.as_ref(), |target| target == "app").await.unwrap(), 1);
    process.until("no need", |status| undeclared(status).is_none()).await;
    process.end().await;
    assert_eq!(company.drifts().await, <[&str; 0]>::default());
}

/// Whoever was in a group that manifests declare no longer came there by them.
#[tokio::test(flavor = "multi_thread")]
async fn the_members_of_a_group_that_is_declared_no_longer_did_not_join_it() {
    const HIGH: &str = "---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: high}
spec: {displayName: High, rule: 'true'}
";
    let mut company = Company::new().await;
    company.app().execute_batch(TEAMS).unwrap();
    company.manifests = company.manifests.replace("active: {flag: is_active}\n", GROUPS);
    let without = company.manifests.clone();
    company.manifests += HIGH;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    process.end().await;
    company.manifests = without;
    assert_eq!(company.drifts().await, <[&str; 0]>::default());
}
