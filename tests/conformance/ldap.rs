//! The table on OpenLDAP, one that changes by itself whoever names an entry that is renamed or goes, and one that does not; on 389 Directory Server; and on
//! Samba's domain controller, as Active Directory.

use headcount::connector::{Surroundings, registry};
use serde_json::json;

use super::direct::Subject;
use super::{pipeline, values};
use crate::support::ds389::Ds389;
use crate::support::ldap::{Setup, Slapd};
use crate::support::samba::{Samba, TOP};
use crate::support::skipped;

const FOLLOWS: Setup = Setup { follows: true, most: None, tells: None };

async fn the_connector_takes_every_step(setup: Setup) {
    let Some(server) = Slapd::start(setup) else { return skipped("conformance of ldap", "slapd and ldap-utils") };
    let target = registry::open_target(&server.target(&json!({})), &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
    Subject::new(target, false).take_all_steps().await;
}

#[tokio::test]
async fn the_connector_takes_every_step_on_a_server_that_follows_names() {
    the_connector_takes_every_step(FOLLOWS).await;
}

#[tokio::test]
async fn the_connector_takes_every_step_on_a_plain_server() {
    the_connector_takes_every_step(Setup::default()).await;
}

#[tokio::test]
async fn apply_takes_every_step_and_leaves_nothing_to_plan() {
    let Some(server) = Slapd::start(FOLLOWS) else { return skipped("conformance of apply on ldap", "slapd and ldap-utils") };
    pipeline::take_all_steps(&server.target(&json!({})), false).await;
}

/// Without a place for marks the state alone proves whose an entry is.
#[tokio::test]
async fn apply_takes_every_step_without_marks_and_over_tls() {
    let Some(server) = Slapd::start(Setup::default()) else {
        return skipped("conformance of apply on ldap with TLS", "slapd and ldap-utils");
    };
    let more = json!({
        "urls": [server.tls_url()],
        "caFile": server.ca_file(),
        "users": { "base": "ou=people,dc=example,dc=org" },
        "groups": { "base": "ou=groups,dc=example,dc=org", "objectClass": "groupOfUniqueNames" },
    });
    pipeline::take_all_steps(&server.target(&more), false).await;
}

#[tokio::test]
async fn a_group_for_each_value_follows_its_value() {
    let Some(server) = Slapd::start(FOLLOWS) else { return skipped("groups of values on ldap", "slapd and ldap-utils") };
    values::live_through(&server.target(&json!({}))).await;
}

/// It takes half a minute to make one, so both ways share it.
#[tokio::test]
async fn the_connector_and_apply_take_every_step_on_389_directory_server() {
    let Some(server) = Ds389::start("conformance of ldap on 389 Directory Server") else { return };
    let target = registry::open_target(&server.target("direct"), &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
    Subject::new(target, false).take_all_steps().await;
    pipeline::take_all_steps(&server.target("apply"), false).await;
}

/// Its schema bounds most texts at less than the table's longest, and a login's letters at fewer than the table's: what has no such bounds holds them.
#[tokio::test]
async fn the_connector_and_apply_take_every_step_on_active_directory() {
    let Some(server) = Samba::start("conformance of ldap on Active Directory") else { return };
    let target = |name: &str| {
        let top = format!("OU={name},{TOP}");
        server.changes(&["People", "Groups"].iter().fold(unit(&top, name), |ldif, part| ldif + &unit(&format!("OU={part},{top}"), part)));
        server.target(&json!({
            "users": { "base": format!("OU=People,{top}"), "generatePassword": true, "attributes": {
                "userName": "userPrincipalName", "displayName": "comment", "title": "info", "name.givenName": "givenName", "name.familyName": "sn",
                "emails": "mail", "phoneNumbers": "telephoneNumber", "employeeNumber": "employeeID", "userType": "employeeType",
                "department": "department", "division": "division", "organization": "company", "preferredLanguage": "preferredLanguage",
                "manager": "manager", "externalId": "description",
            } },
            "groups": { "base": format!("OU=Groups,{top}"), "attributes": { "displayName": "cn", "externalId": "description" } },
        }))
    };
    let direct = registry::open_target(&target("direct"), &Surroundings::at(std::env::temp_dir())).await.expect("it opens");
    Subject::new(direct, false).take_all_steps().await;
    // No two of a domain have one userPrincipalName.
    server.removes(&format!("OU=direct,{TOP}"));
    pipeline::take_all_steps(&target("apply"), false).await;
}

fn unit(name: &str, called: &str) -> String {
    format!("dn: {name}\nobjectClass: organizationalUnit\nou: {called}\n\n")
}
