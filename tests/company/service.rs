//! The company's SCIM service: a real scim2-server, read by its own protocol without headcount's client.

use std::collections::{BTreeMap, BTreeSet};

use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::app::{Holdings, Row};
use crate::support::scim2::Scim2Server;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The service.
pub struct Service {
    server: Scim2Server,
    runtime: Runtime,
}

impl Service {
    /// None where there is no such server.
    pub fn start() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Some(Self { server: Scim2Server::start()?, runtime })
    }

    /// How a manifest reaches it.
    pub fn connection(&self) -> Json {
        json!(TargetConnection::Scim(self.server.connection(self.server.url())))
    }

    pub fn holdings(&self) -> Holdings {
        let (users, groups) = (self.list("Users"), self.list("Groups"));
        let known: BTreeSet<String> = users.iter().filter_map(|user| text(&user["id"])).collect();
        let accounts = users.iter().map(|user| row(user, &known)).collect();
        let members: BTreeMap<String, BTreeSet<String>> =
            groups.iter().map(|group| (text(&group["id"]).expect("an id"), members(group))).collect();
        let name = |group: &Json| text(&group["displayName"]).expect("a name");
        let teams = groups.iter().map(|group| (name(group), below(&members, &text(&group["id"]).expect("an id"))));
        Holdings { accounts, teams: teams.collect() }
    }

    fn list(&self, what: &str) -> Vec<Json> {
        let mut all: Vec<Json> = Vec::new();
        loop {
            let url = format!("{}/{what}?startIndex={}&count=200", self.server.url(), all.len() + 1);
            let page: Json = self.runtime.block_on(async {
                let answer = reqwest::Client::new().get(url).bearer_auth(self.server.token()).send().await.expect("an answer");
                answer.json().await.expect("JSON")
            });
            let rows = page["Resources"].as_array().cloned().unwrap_or_default();
            let last = rows.is_empty();
            all.extend(rows);
            if last || all.len() as u64 >= page["totalResults"].as_u64().unwrap_or_default() {
                return all;
            }
        }
    }
}

fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn row(user: &Json, known: &BTreeSet<String>) -> Row {
    let more = &user[ENTERPRISE];
    Row {
        id: text(&user["id"]).expect("an id"),
        login: text(&user["userName"]).expect("a name"),
        given: text(&user["name"]["givenName"]),
        family: text(&user["name"]["familyName"]),
        title: text(&user["title"]),
        department: text(&more["department"]),
        division: text(&more["division"]),
        mail: text(&user["emails"][0]["value"]),
        phone: text(&user["phoneNumbers"][0]["value"]),
        number: text(&more["employeeNumber"]),
        // The server keeps a reference to somebody whom it holds no more.
        boss: text(&more["manager"]["value"]).filter(|boss| known.contains(boss)),
        mark: text(&user["externalId"]),
        active: user["active"].as_bool().unwrap_or(true),
    }
}

fn members(group: &Json) -> BTreeSet<String> {
    group["members"].as_array().into_iter().flatten().filter_map(|member| text(&member["value"])).collect()
}

/// The accounts in a group and in the groups below it.
fn below(groups: &BTreeMap<String, BTreeSet<String>>, id: &str) -> BTreeSet<String> {
    let members = groups.get(id).into_iter().flatten();
    members.flat_map(|member| if groups.contains_key(member) { below(groups, member) } else { BTreeSet::from([member.clone()]) }).collect()
}
