//! The tests of the catalog pass, and a case that is not as its document says fails for that.

use crate::connector::registry;
use crate::manifest::catalog::{catalog, named, tests};
use crate::manifest::{Loaded, ManifestInput, load};

async fn problems(loaded: &Loaded) -> Vec<String> {
    let mut all = Vec::new();
    for test in &loaded.connector_tests {
        let document = named(loaded, &test.name).expect("a document");
        let played = registry::played(&test.name, &document, &test.spec).await;
        let told = test.spec.cases.iter().zip(played).filter(|(_, problems)| !problems.is_empty());
        all.extend(told.map(|(case, problems)| format!("{}, {}: {}", test.name, case.name, problems.join("; "))));
    }
    all
}

#[tokio::test]
async fn every_connector_of_the_catalog_has_a_test_that_passes() {
    let (loaded, wrong) = load(&tests().map(|(_, input)| input).collect::<Vec<_>>());
    assert!(wrong.is_empty(), "{wrong:#?}");
    let tested: Vec<&str> = loaded.connector_tests.iter().map(|test| test.name.as_ref()).collect();
    let without: Vec<_> = catalog().keys().filter(|name| !tested.contains(&name.as_ref())).collect();
    assert!(without.is_empty(), "write catalog/NAME.test.yaml for {without:?}");
    let problems = problems(&loaded).await;
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn what_the_page_shows_passes() {
    let page = include_str!("../../../../docs/writing-a-connector.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Others are parts of a document.
    let blocks = blocks.filter(|block| block.starts_with("apiVersion:"));
    let (loaded, wrong) = load(&blocks.map(|block| ManifestInput::stdin(block.as_bytes().to_vec())).collect::<Vec<_>>());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(loaded.connector_tests.iter().map(|test| test.spec.cases.len()).collect::<Vec<_>>(), [3]);
    assert!(problems(&loaded).await.is_empty(), "{:#?}", problems(&loaded).await);
}

#[tokio::test]
async fn a_case_fails_for_whatever_differs() {
    let text = "
apiVersion: headcount.dev/v1alpha1
kind: ConnectorTest
metadata: {name: okta}
spec:
  cases:
  - {name: evidence, read: groups, exchanges: [{get: '/groups?limit=200', answer: {body: []}}], expect: {evidence: complete}}
  - {name: rows, find: {by: id, value: u1}, exchanges: [{get: /users/u1, answer: {body: {id: u1}}}], expect: {outcome: applied, rows: [{id: u1, title: X, x: 1}, {}]}}
  - {name: outcome, find: {by: id, value: u1}, exchanges: [{get: /users/u1, answer: {status: 429, headers: {retry-after: 7}}}, &no {get: /users/u1, answer: {status: 401}}], expect: {outcome: throttled, says: budget, waits: 1h}}
  - {name: method, find: {by: id, value: u1}, exchanges: [{post: /users/u1}], expect: {outcome: applied}}
  - {name: host, find: {by: id, value: u1}, exchanges: [{get: 'https://other.okta.com/api/v1/users/u1'}], expect: {outcome: applied}}
  - {name: query, find: {by: emails, value: a}, exchanges: [{get: '/users?limit=1'}], expect: {outcome: applied}}
  - {name: headers, find: {by: id, value: u1}, exchanges: [{get: /users/u1, headers: {authorization: SSWS x, accept: null, x: null}}], expect: {outcome: applied}}
  - {name: body, create: {attributes: {userName: a, title: T}}, exchanges: [{post: '/users?activate=true', body: {profile: {login: b, x: null}}}], expect: {outcome: applied}}
  - {name: no body, create: {attributes: {userName: a}}, exchanges: [{post: '/users?activate=true'}], expect: {outcome: applied}}
  - {name: no request, find: {by: title, value: a}, exchanges: [*no], expect: {outcome: rejected}}
  - {name: one too many, find: {by: id, value: u1}, expect: {outcome: applied}}
  - {name: id, create: {attributes: {userName: a}}, exchanges: [{post: '/users?activate=true', body: {profile: {login: a}}, answer: {body: {id: u1}}}], expect: {outcome: alreadySo, id: u2}}
";
    let (loaded, wrong) = load(&[ManifestInput::stdin(text.as_bytes().to_vec())]);
    assert!(wrong.is_empty(), "{wrong:#?}");
    insta::assert_snapshot!(problems(&loaded).await.join("\n"), @r#"
    okta, evidence: evidence: expected complete, got unreadable (group: unexpected answer: its page has no link to itself, so that there is no next one proves nothing)
    okta, rows: rows: expected 2, got 1 ("u1"); rows[0].title: expected "X", got null; rows[0].x: nobody asked for it; the columns are active, costCenter, department, displayName, division, emails, employeeNumber, id, manager, name.familyName, name.givenName, title, userName, userType
    okta, outcome: outcome: expected throttled, got auth (can't sign in: acme.okta.com:443 does not accept the credentials (HTTP 401)); says: expected words with "budget", and what is said is: can't sign in: acme.okta.com:443 does not accept the credentials (HTTP 401); waits: expected 3600s, got 7s
    okta, method: exchange 1: GET https://acme.okta.com/api/v1/users/u1 was asked: it has POST https://acme.okta.com/api/v1/users/u1
    okta, host: exchange 1: GET https://acme.okta.com/api/v1/users/u1 was asked: it has GET https://other.okta.com/api/v1/users/u1
    okta, query: exchange 1: GET https://acme.okta.com/api/v1/users?filter=profile.email+eq+%22a%22 was asked: query.limit is not there; query.filter is "profile.email eq \"a\"", and the case has none
    okta, headers: exchange 1: GET https://acme.okta.com/api/v1/users/u1 was asked: headers.authorization is "SSWS made-up-token" and not "SSWS x"; headers.x is not there
    okta, body: exchange 1: POST https://acme.okta.com/api/v1/users?activate=true was asked: body.profile.login is "a" and not "b"; body.profile.x is not there; body.profile.title is "T", and the case has none
    okta, no body: exchange 1: POST https://acme.okta.com/api/v1/users?activate=true was asked: its content is {"profile":{"login":"a"}}, and the case has no `body`
    okta, no request: exchange 1: nobody asked for GET /users/u1
    okta, one too many: exchange 1: GET https://acme.okta.com/api/v1/users/u1 was asked, and the case has no exchange
    okta, id: id: expected u2, got u1; outcome: expected alreadySo, got applied
    "#);
}

#[test]
fn a_case_of_an_entitlement_is_one_that_a_plan_could_have() {
    let text = "
apiVersion: headcount.dev/v1alpha1
kind: ConnectorTest
metadata: {name: ramp}
spec:
  cases:
  - {name: a, grant: {account: u1, entitlement: limit/p1, parameters: {amount: null}}, expect: {outcome: applied}}
  - {name: b, change: {account: u1, entitlement: limit/p1}, expect: {outcome: applied}}
  - {name: c, withdraw: {account: u1, entitlement: limit/p1, parameters: {amount: 1}}, expect: {outcome: applied}}
  - {name: d, grant: &it {account: u1, entitlement: limit/p1}, withdraw: *it, expect: {outcome: applied}}
";
    let (_, wrong) = load(&[ManifestInput::stdin(text.as_bytes().to_vec())]);
    let told = wrong.iter().map(|wrong| format!("{} ({})", wrong.message, wrong.hint.as_deref().unwrap_or_default()));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    what is given has nothing to clear yet (take out the parameters that are null)
    it changes nothing (write `parameters: {NAME: VALUE}`)
    what is taken goes with its parameters (take them out)
    it does several things: grant, withdraw (write one of read, find, create, update, deactivate, reactivate, delete, endSessions, add, remove, grant, change, withdraw)
    ");
}
