//! A system that can't be reached, each way that happens, with every word that is told: the cause first, then host and port, the next step, and the line.

use super::Folder;
use crate::support::answers;
use crate::support::tls::{self, Authority};

/// A workspace whose one Target is a SCIM service at this url.
fn at(url: &str, rest: &str) -> Folder {
    let target = format!(
        "apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection:
    scim:
      url: {url}
      allowPlainHttp: true
      auth: {{bearer: {{file: token}}}}
{rest}  groups: {{}}
  mapping:
    rules:
    - {{attribute: userName, value: identity.userName}}
"
    );
    Folder::with(&[
        ("headcount.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n"),
        ("app.yaml", &target),
        ("token", "t0ken"),
    ])
}

/// What `plan` finds, with this set in its environment. Ports stand as words.
fn told_with(folder: &Folder, environment: &[(&str, &str)]) -> String {
    let mut command = folder.run(["plan", "-o", "json"]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command = command.env_remove(name);
    }
    let output = environment.iter().fold(command, |command, (name, value)| command.env(name, value)).output().expect("it runs");
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings: Vec<String> = plan["findings"].as_array().expect("findings").iter().map(told).collect();
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
    port.replace_all(&findings.join("\n"), "127.0.0.1:[PORT]").into_owned()
}

fn told(finding: &serde_json::Value) -> String {
    let place = &finding["place"];
    format!("{} at {}:{}", finding["message"].as_str().expect("words"), place["file"].as_str().unwrap_or_default(), place["line"])
}

fn told_of(url: &str) -> String {
    told_with(&at(url, ""), &[])
}

/// A server with such a certificate, whose authority is trusted.
fn certified(names: &[&str], until: i32) -> String {
    let authority = Authority::new();
    let folder = at(&authority.serve(names, until), "      caFile: ca.pem\n");
    authority.write(&folder.file("ca.pem"));
    told_with(&folder, &[])
}

#[test]
fn a_certificate_of_an_authority_that_nobody_knows() {
    insta::assert_snapshot!(told_of(&Authority::new().serve(&["127.0.0.1"], 2100)), @"app: the certificate of 127.0.0.1:[PORT] is not trusted: nobody that this machine trusts has issued it; name the authority's PEM file in `caFile` of the connection; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn an_authority_that_is_named_is_trusted() {
    let authority = Authority::new();
    let folder = at(&authority.serve(&["127.0.0.1"], 2100), "      caFile: ca.pem\n");
    authority.write(&folder.file("ca.pem"));
    folder.run(["plan"]).assert().success();
}

#[test]
fn a_certificate_that_has_expired() {
    insta::assert_snapshot!(certified(&["127.0.0.1"], 2020), @"app: the certificate of 127.0.0.1:[PORT] is not trusted: it has expired; whoever runs the service must renew it; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_certificate_for_another_name() {
    insta::assert_snapshot!(certified(&["chat.example", "www.chat.example"], 2100), @"app: the certificate of 127.0.0.1:[PORT] is not trusted: it is for chat.example, www.chat.example; write the url with such a name; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn tls_to_a_server_without() {
    insta::assert_snapshot!(told_of(&answers::serve(|_| (200, String::new(), "{}".into())).replace("http:", "https:")), @"app: 127.0.0.1:[PORT] ends every attempt at TLS: is the port right, or should the url begin with http://? Nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn no_tls_to_a_server_with() {
    insta::assert_snapshot!(told_of(&Authority::new().serve(&["127.0.0.1"], 2100).replace("https:", "http:")), @"app: 127.0.0.1:[PORT] answers, and not in HTTP: is the port right, or should the url begin with https://? Nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn nobody_listens() {
    insta::assert_snapshot!(told_of(&format!("http://127.0.0.1:{}/scim", crate::support::free_port())), @"app: nothing listens at 127.0.0.1:[PORT]: is the port right, and does the service run? Nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_server_that_never_answers() {
    let url = format!("http://{}", tls::silent());
    insta::assert_snapshot!(told_with(&at(&url, "      timeout: 1s\n"), &[]), @"app: no answer from 127.0.0.1:[PORT] within 1s: does the service hang? `timeout` of the connection gives it longer; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_connection_that_never_comes_about() {
    let url = format!("https://{}", tls::silent());
    insta::assert_snapshot!(told_with(&at(&url, "      timeout: 1s\n"), &[]), @"app: no connection to 127.0.0.1:[PORT] within 900ms: is the host right, or is a firewall on the way? Nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_proxy_that_nobody_runs() {
    let proxy = format!("http://user:s3cret@127.0.0.1:{}", crate::support::free_port());
    insta::assert_snapshot!(told_with(&at("https://chat.example/scim", ""), &[("HTTPS_PROXY", &proxy)]), @"app: nothing listens at 127.0.0.1:[PORT], the proxy that HTTPS_PROXY names: correct HTTPS_PROXY, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
    insta::assert_snapshot!(told_with(&at("http://chat.example/scim", ""), &[("HTTP_PROXY", &proxy)]), @"app: nothing listens at 127.0.0.1:[PORT], the proxy that HTTP_PROXY names: correct HTTP_PROXY, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_proxy_whose_name_is_wrong() {
    insta::assert_snapshot!(told_with(&at("https://chat.example/scim", ""), &[("https_proxy", "http://proxy.invalid:3128")]), @"app: there is no host proxy.invalid, the proxy that https_proxy names: correct https_proxy, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_proxy_that_asks_for_a_sign_in() {
    let proxy = format!("http://{}", tls::proxy_that_says("407 Proxy Authentication Required"));
    insta::assert_snapshot!(told_with(&at("https://chat.example/scim", ""), &[("HTTPS_PROXY", &proxy)]), @"app: 127.0.0.1:[PORT], the proxy that HTTPS_PROXY names, asks for a sign-in (HTTP 407): write http://user:password@host:port into HTTPS_PROXY, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
    insta::assert_snapshot!(told_with(&at("http://chat.example/scim", ""), &[("ALL_PROXY", &proxy)]), @"app: 127.0.0.1:[PORT], the proxy that ALL_PROXY names, asks for a sign-in (HTTP 407): write http://user:password@host:port into ALL_PROXY, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_proxy_that_lets_nothing_through() {
    let proxy = format!("http://{}", tls::proxy_that_says("403 Forbidden"));
    insta::assert_snapshot!(told_with(&at("https://chat.example/scim", ""), &[("HTTPS_PROXY", &proxy)]), @"app: 127.0.0.1:[PORT], the proxy that HTTPS_PROXY names, does not let through to chat.example:443: have it allowed there, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_proxy_that_is_none() {
    let proxy = format!("http://{}", tls::silent());
    insta::assert_snapshot!(told_with(&at("https://chat.example/scim", "      timeout: 1s\n"), &[("HTTPS_PROXY", &proxy)]), @"app: no connection to chat.example:443 through 127.0.0.1:[PORT], the proxy that HTTPS_PROXY names, within 900ms: correct HTTPS_PROXY, or name chat.example in NO_PROXY; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_secret_that_is_not_accepted() {
    insta::assert_snapshot!(told_of(&answers::serve(|_| (401, String::new(), "{}".into()))), @"app: can't sign in: 127.0.0.1:[PORT] does not accept the secret that `auth` names (HTTP 401): is it the right one, and does it still hold? Nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_service_that_asks_who_it_is() {
    let folder = at(&answers::serve(|_| (401, String::new(), "{}".into())), "");
    let text = std::fs::read_to_string(folder.file("app.yaml")).expect("it is there");
    folder.write("app.yaml", &text.replace("      auth: {bearer: {file: token}}\n", ""));
    insta::assert_snapshot!(told_with(&folder, &[]), @"app: can't sign in: 127.0.0.1:[PORT] asks for a sign-in (HTTP 401), and the connection has none; give it `auth`; nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_right_that_is_missing() {
    let some = |asked: &str| match asked {
        _ if asked.contains("/Users") => (200, String::new(), r#"{"totalResults": 0, "Resources": []}"#.into()),
        _ => (403, String::new(), r#"{"detail": "scope groups:read is missing"}"#.into()),
    };
    insta::assert_snapshot!(told_of(&answers::serve(some)), @"app: not allowed: 127.0.0.1:[PORT] refuses (HTTP 403: scope groups:read is missing); give the account behind `auth` the right to read groups; nothing is planned for its groups and memberships at app.yaml:7");
    insta::assert_snapshot!(told_of(&answers::serve(|_| (403, String::new(), "{}".into()))), @"
    app: not allowed: 127.0.0.1:[PORT] refuses (HTTP 403); give the account behind `auth` the right to read groups; nothing is planned for its groups and memberships at app.yaml:7
    app: not allowed: 127.0.0.1:[PORT] refuses (HTTP 403); give the account behind `auth` the right to read users; nothing is planned for its accounts at app.yaml:7
    ");
}

#[test]
fn a_web_page_in_the_place_of_a_service() {
    insta::assert_snapshot!(told_of(&answers::serve(|_| (200, String::new(), "<html>".into()))), @"app: unexpected answer: HTTP 200 from 127.0.0.1:[PORT] with a web page in place of JSON; is the url the base of a SCIM service? (of its ServiceProviderConfig); nothing is planned for its accounts at app.yaml:7");
    insta::assert_snapshot!(told_of(&answers::serve(|_| (302, "location: https://login.example/?user=ann\r\n".into(), String::new()))), @"app: unexpected answer: 127.0.0.1:[PORT] redirects to login.example (HTTP 302), which is never followed; correct the url (of its ServiceProviderConfig); nothing is planned for its accounts at app.yaml:7");
}

#[test]
fn a_service_that_fails() {
    insta::assert_snapshot!(told_of(&answers::serve(|_| (503, String::new(), "{}".into()))), @"app: 127.0.0.1:[PORT] fails (HTTP 503): the fault is there; try again later; nothing is planned for its accounts at app.yaml:7");
}

/// A workspace whose one Target is a declared system at this url, signed in to so.
fn declared_at(url: &str, scheme: &str, auth: &str) -> Folder {
    let (host, base) = (url.trim_start_matches("https://"), url);
    let connector = format!(
        "apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {{name: desk}}
spec:
  title: Desk
  hosts: ['{host}']
  base: {base}
  auth: {{way: {scheme}}}
  accounts:
    id: record.id
    list: {{get: /people, records: body.Resources, pages: {{one: {{}}}}}}
    attributes: {{userName: {{path: login}}}}
    update: [{{patch: '/people/{{id}}', body: changes}}]
"
    );
    let target = format!(
        "apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection: {{connector: {{name: desk, caFile: ca.pem, auth: {{way: {auth}}}}}}}
"
    );
    Folder::with(&[
        ("headcount.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n"),
        ("desk.yaml", &connector),
        ("app.yaml", &target),
        ("token", "t0ken"),
    ])
}

#[test]
fn a_client_certificate_is_shown_to_whoever_asks_for_one() {
    const BOTH: &str = "{tlsCertificate: {file: client.pem}, tlsKey: {file: client.key}}";
    let (service, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let url = service.serve_known(&["127.0.0.1"], &clients);
    let folder = |scheme: &str, auth: &str, of: &Authority| {
        let (folder, (certificate, key)) = (declared_at(&url, scheme, auth), of.client());
        service.write(&folder.file("ca.pem"));
        std::fs::write(folder.file("client.pem"), certificate).expect("written");
        std::fs::write(folder.file("client.key"), key).expect("written");
        folder
    };
    folder("{tls: {}}", BOTH, &clients).run(["plan"]).assert().success();
    let besides = "{header: {name: X-Key, value: '{secret.token}', clientCertificate: true}}";
    let auth = BOTH.replacen('{', "{token: {file: token}, ", 1);
    folder(besides, &auth, &clients).run(["plan"]).assert().success();
    let without = told_with(&folder("{bearer: '{secret.token}'}", "{token: {file: token}}", &clients), &[]);
    let of_others = told_with(&folder("{tls: {}}", BOTH, &others), &[]);
    let swapped = BOTH.replace("client.key", "token");
    let no_key = told_with(&folder("{tls: {}}", &swapped, &clients), &[]);
    insta::assert_snapshot!([without, of_others, no_key].join("\n"), @r"
    app: 127.0.0.1:[PORT] asks for a client certificate (mutual TLS), and none was shown: is there a way to sign in with one? Nothing is planned for its accounts at app.yaml:5
    app: 127.0.0.1:[PORT] does not take the client certificate: is it the one that was registered there, and still valid? Nothing is planned for its accounts at app.yaml:5
    app: can't sign in: the client certificate and its key are no PEM (-----BEGIN CERTIFICATE-----, -----BEGIN PRIVATE KEY-----); nothing is planned for its accounts at app.yaml:5
    ");
    folder("{tls: {}}", "{tlsCertificate: {file: client.pem}}", &clients).run(["validate"]).assert().failure();
}
