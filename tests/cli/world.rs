//! Workspaces for the tests of the commands.

use rusqlite::Connection;

use super::Folder;

/// Two slips in one Target.
pub const BROKEN: &str = "\
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection:
    scim: {url: https://chat.example.com/scim/v2}
  selcet: identity.department == \"Engineering\"
  leaver: {action: fire}
";

/// An HR export and an application's database, with the manifests between them.
const MANIFESTS: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-test}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv, mayBeEmpty: [end]}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: displayName, value: record.name}
    - {attribute: department, value: record.department}
    - {attribute: endDate, value: date(record.end)}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, displayName: name, externalId: external_id, department: department}
        active: {flag: is_active}
      groups: {table: teams, key: id, columns: {displayName: name}}
      memberships: {table: team_users, group: team_id, account: user_id}
  groups: {}
  guardrails:
    deactivate: {count: 1, percent: 0}
    leavers: {count: 1, percent: 0}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: engineering}
spec:
  displayName: Engineering
  rule: identity.department == "Engineering"
"#;

/// The export, as it is at the beginning.
pub const HR: &str = "\
id,user,name,department,end
1,ada,Ada Okafor,Engineering,
2,luis,Luís Ferreira,Support,
3,mina,Mina Park,Engineering,
4,noor,Noor Haddad,Support,
";

const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, external_id TEXT, department TEXT, is_active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE team_users (team_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (team_id, user_id));
INSERT INTO users (login, name, department) VALUES ('luis', 'Luis F.', 'Support');
";

/// A workspace with an empty state: three people are new, one account is there already.
pub fn acme() -> Folder {
    let folder = Folder::with(&[("acme.yaml", MANIFESTS), ("hr.csv", HR)]);
    database(&folder).execute_batch(TABLES).expect("tables can be made");
    folder
}

/// The same, applied: nothing is left to do.
pub fn applied() -> Folder {
    let folder = acme();
    folder.run(["apply", "--auto-approve"]).assert().success();
    folder
}

/// The application's database.
pub fn database(folder: &Folder) -> Connection {
    Connection::open(folder.file("app.db")).expect("a database can be opened")
}

/// Active accounts by user name.
pub fn active(folder: &Folder) -> Vec<String> {
    let database = database(folder);
    let mut query = database.prepare("SELECT login FROM users WHERE is_active ORDER BY login").expect("a query");
    let names = query.query_map([], |row| row.get(0)).expect("rows");
    names.collect::<Result<_, _>>().expect("names")
}
