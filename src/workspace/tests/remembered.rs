//! What a run notes counts at once in the process that made it, whether or not the run changed anything.

use super::*;

/// A run that changed nothing forgot that luis's access was ours to give back, and so has the process that made it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_noted_that_changed_nothing_counts_at_once() {
    let mut company = Company::new().await;
    at_target(&mut company, "drift: enforce");
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    let by_hand = |active: u8| {
        company.app().execute("UPDATE users SET is_active = ?1 WHERE login = 'luis'", [active]).unwrap();
    };
    let both = ["1,ada,Ada Okafor", "2,luis,Luis Ferreira"];
    company.hires(&both[..1]);
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    assert_eq!(company.accounts(), ["ada"]);
    company.hires(&both);
    by_hand(1);
    ask(company.store.as_ref(), "2").await;
    served(company.store.as_ref()).await;
    by_hand(0);
    ask(company.store.as_ref(), "3").await;
    served(company.store.as_ref()).await;
    assert_eq!(company.accounts(), ["ada"], "whoever somebody else deactivated stays so");
    process.end().await;
}

/// Whose record it is was noted by a run that changed nothing: the process that made it gives nobody else a title, once the address is another person's.
#[tokio::test(flavor = "multi_thread")]
async fn whose_record_it_is_outlives_an_address_that_changes_hands() {
    const DIRECTORY: &str = "
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: directory}
spec:
  establishes: false
  precedence: 20
  connection: {file: {path: directory.csv, mayBeEmpty: [title]}}
  key: record.id
  correlate: [emails]
  mapping:
    rules:
    - {attribute: emails, value: record.email}
    - {attribute: title, value: record.title}
";
    let mut company = Company::new().await;
    company.app().execute_batch("ALTER TABLE users ADD COLUMN title TEXT").unwrap();
    at_target(&mut company, "correlate: [externalId]");
    let columns =
        company.manifests.replace("attribute: displayName", "attribute: emails").replace("displayName: name", "emails: name, title: title");
    let first = "spec:\n  establishes: true\n  precedence: 30\n  connection:\n    file: {path: hr.csv}";
    company.manifests = columns.replace("spec:\n  connection:\n    file: {path: hr.csv}", first) + DIRECTORY;
    let listed = |records: &[&str]| {
        company.exports("directory.csv", &format!("id,email,title\nd3,mina@acme.example,Engineer\n{}\n", records.join("\n")));
    };
    let titles = || {
        let app = company.app();
        let mut rows = app.prepare("SELECT login, coalesce(title, '') FROM users ORDER BY login").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
        rows.map(Result::unwrap).filter(|(_, title)| !title.is_empty()).collect::<Vec<_>>()
    };
    let mina = "3,mina,mina@acme.example";
    company.hires(&["1,ada,ada@acme.example", "2,luis,luis@acme.example", mina]);
    listed(&[]);
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    listed(&["d1,ada@acme.example,"]);
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    company.hires(&["1,ada,okafor@acme.example", "2,luis,ada@acme.example", mina]);
    listed(&["d1,ada@acme.example,CEO"]);
    ask(company.store.as_ref(), "2").await;
    served(company.store.as_ref()).await;
    let is = |login: &str, title: &str| (login.to_owned(), title.to_owned());
    assert_eq!(titles(), [is("ada", "CEO"), is("mina", "Engineer")]);
    process.end().await;
}

/// A run that changed nothing counted the source: what comes after is held against that, in the process that made it, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_held_against_what_its_last_read_counted() {
    let mut company = Company::new().await;
    at_target(&mut company, "select: identity.displayName == 'A'");
    let people = |names: &[(&str, usize)]| {
        let rows = names.iter().flat_map(|(name, many)| (1..=*many).map(move |at| format!("{name}{at},{name}{at},{name}")));
        rows.collect::<Vec<_>>()
    };
    let hires = |company: &Company, names: &[(&str, usize)]| company.hires(&people(names).iter().map(String::as_str).collect::<Vec<_>>());
    hires(&company, &[("A", 30)]);
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    hires(&company, &[("A", 30), ("B", 270)]);
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    hires(&company, &[("A", 28)]);
    ask(company.store.as_ref(), "2").await;
    served(company.store.as_ref()).await;
    assert_eq!(company.accounts().len(), 30, "a source that lacks nine of ten says nothing of anybody");
    process.end().await;
}

/// At a target without marks the link is all that says whose an account is: it follows a new key as soon as the manifests say so, though nothing is to be changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_manifests_alone_settle_is_remembered_at_once() {
    let mut company = Company::new().await;
    company.manifests = company.manifests.replace(", externalId: external_id", "");
    let plain = company.manifests.clone();
    let user = |name: &str, more: &str| {
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: {name}}}\nspec: {{{more}attributes: {{userName: svc, displayName: A Service}}}}\n"
        )
    };
    company.manifests = plain.clone() + &user("one", "");
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.manifests = plain + &user("other", "formerKeys: [user/one], ");
    process.mail.manifests(manifests(&company, "two"));
    let linked = async || company.store.load().await.unwrap().links.iter().any(|link| link.key.as_ref() == "user/other");
    let follows = async {
        while !linked().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, follows).await.expect("the link follows");
    process.as_declared("two").await;
    process.end().await;
}
