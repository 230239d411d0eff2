//! PATCH once more, written otherwise: a resource as a list of leaves, each with the way to it. After each of 10,000 random changes both are to say the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

use super::{House, USER};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A plain value by the way to it: `["emails", "work", "value"]`. Of e-mail addresses there is one of each type.
type Leaves = BTreeMap<Vec<String>, Json>;

/// One random operation: how it is written, and what it does to the leaves.
#[derive(Clone, Debug)]
enum Act {
    Plain(&'static str, String),
    Name(&'static str, Option<String>),
    Flag(bool, bool),
    Enterprise(&'static str, Option<String>),
    Manager(Option<String>),
    Email(&'static str, Option<String>),
    Emails(Vec<(&'static str, String)>),
    NoEmails,
    Many(String, String),
}

/// How it is written: the case of the operation, with a path or as a map.
type Style = (usize, bool);

fn act() -> impl Strategy<Value = Act> {
    let word = || "[a-z]{1,6}";
    prop_oneof![
        (select(&["title", "nickName", "displayName", "userName"][..]), word()).prop_map(|(name, value)| Act::Plain(name, value)),
        (select(&["givenName", "familyName"][..]), prop::option::of(word())).prop_map(|(name, value)| Act::Name(name, value)),
        (any::<bool>(), any::<bool>()).prop_map(|(flag, text)| Act::Flag(flag, text)),
        (select(&["department", "employeeNumber"][..]), prop::option::of(word())).prop_map(|(name, value)| Act::Enterprise(name, value)),
        prop::option::of(word()).prop_map(Act::Manager),
        (select(&["work", "home"][..]), prop::option::of(word())).prop_map(|(kind, value)| Act::Email(kind, value)),
        (word(), word()).prop_map(|(one, other)| Act::Emails(vec![("work", one), ("home", other)])),
        Just(Act::NoEmails),
        (word(), word()).prop_map(|(one, other)| Act::Many(one, other)),
    ]
}

fn written(act: &Act, (case, by_path): Style) -> Json {
    let word = |word: &str| match case % 3 {
        0 => word.to_owned(),
        1 => word.to_uppercase(),
        _ => format!("{}{}", word[..1].to_uppercase(), &word[1..]),
    };
    let set = |path: String, value: Json| match by_path {
        true => json!({"op": word("replace"), "path": path, "value": value}),
        false => json!({"op": word(if case % 2 == 0 { "replace" } else { "add" }), "value": {path: value}}),
    };
    let remove = |path: String| json!({"op": word("remove"), "path": path});
    let either = |path: String, value: &Option<String>| match value {
        Some(value) => set(path, json!(value)),
        None => remove(path),
    };
    match act {
        Act::Plain(name, value) => set((*name).to_owned(), json!(value)),
        Act::Name(name, value) => either(format!("name.{name}"), value),
        Act::Flag(flag, true) => set("active".into(), json!(if *flag { "True" } else { "False" })),
        Act::Flag(flag, false) => set("active".into(), json!(flag)),
        Act::Enterprise(name, value) => either(format!("{ENTERPRISE}:{name}"), value),
        Act::Manager(value) => either(format!("{ENTERPRISE}:manager"), value),
        Act::Email(kind, Some(value)) => set(format!("emails[type eq \"{kind}\"].value"), json!(value)),
        Act::Email(kind, None) => remove(format!("emails[type eq \"{kind}\"]")),
        Act::Emails(all) => {
            let all: Vec<Json> = all.iter().map(|(kind, value)| json!({"type": kind, "value": value})).collect();
            json!({"op": word("replace"), "path": "emails", "value": all})
        }
        Act::NoEmails => remove("emails".into()),
        Act::Many(given, department) => {
            json!({"op": word("replace"), "value": {"name": {"givenName": given}, ENTERPRISE: {"department": department}}})
        }
    }
}

fn put(leaves: &mut Leaves, way: &[&str], value: Option<Json>) {
    let way: Vec<String> = way.iter().map(|part| (*part).to_owned()).collect();
    match value {
        Some(value) => drop(leaves.insert(way, value)),
        None => leaves.retain(|known, _| !known.starts_with(&way)),
    }
}

fn done(leaves: &mut Leaves, act: &Act) {
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    match act {
        Act::Plain(name, value) => put(leaves, &[name], Some(json!(value))),
        Act::Name(name, value) => put(leaves, &["name", name], text(value)),
        Act::Flag(flag, _) => put(leaves, &["active"], Some(json!(flag))),
        Act::Enterprise(name, value) => put(leaves, &[ENTERPRISE, name], text(value)),
        Act::Manager(Some(value)) => put(leaves, &[ENTERPRISE, "manager", "value"], Some(json!(value))),
        Act::Manager(None) => put(leaves, &[ENTERPRISE, "manager"], None),
        Act::Email(kind, Some(value)) => put(leaves, &["emails", kind, "value"], Some(json!(value))),
        Act::Email(kind, None) => put(leaves, &["emails", kind], None),
        Act::NoEmails => put(leaves, &["emails"], None),
        Act::Emails(all) => {
            put(leaves, &["emails"], None);
            all.iter().for_each(|(kind, value)| put(leaves, &["emails", kind, "value"], Some(json!(value))));
        }
        Act::Many(given, department) => {
            put(leaves, &["name", "givenName"], Some(json!(given)));
            put(leaves, &[ENTERPRISE, "department"], Some(json!(department)));
        }
    }
}

/// The leaves of a resource.
fn leaves_of(resource: &Map<String, Json>) -> Leaves {
    fn walk(way: &mut Vec<String>, value: &Json, into: &mut Leaves) {
        match value {
            Json::Object(fields) => {
                for (name, value) in fields {
                    way.push(name.clone());
                    walk(way, value, into);
                    way.pop();
                }
            }
            Json::Array(items) => {
                for item in items {
                    way.push(item["type"].as_str().unwrap_or("?").to_owned());
                    let mut item = item.clone();
                    item.as_object_mut().map(|fields| fields.remove("type"));
                    walk(way, &item, into);
                    way.pop();
                }
            }
            plain => drop(into.insert(way.clone(), plain.clone())),
        }
    }
    let mut leaves = Leaves::new();
    walk(&mut Vec::new(), &Json::Object(resource.clone()), &mut leaves);
    leaves
}

/// Users, and what is sent to each, one PATCH after the other: 10,000 in all.
const USERS: u32 = 500;
const PATCHES: usize = 20;

/// Patches a user as a client does, and gets it after each.
async fn lives(bodies: &[Vec<(Act, Style)>]) -> Result<(), TestCaseError> {
    let house = House::passing().await;
    let id = house.post(USER, json!({"userName": "ada", "active": true})).await.unwrap();
    let got = async || {
        let mut user = house.get(USER, &id).await.unwrap().as_object().unwrap().clone();
        ["id", "schemas", "groups"].iter().for_each(|told| drop(user.remove(*told)));
        leaves_of(&user)
    };
    let mut model = got().await;
    for body in bodies {
        let operations: Vec<Json> = body.iter().map(|(act, style)| written(act, *style)).collect();
        house.patch(USER, &id, Json::Array(operations)).await.unwrap();
        body.iter().for_each(|(act, _)| done(&mut model, act));
        prop_assert_eq!(got().await, model.clone(), "{:?}", body);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: USERS, ..ProptestConfig::default() })]

    #[test]
    fn after_each_of_ten_thousand_patches_get_says_what_a_second_implementation_says(
        bodies in prop::collection::vec(prop::collection::vec((act(), (0..6usize, any::<bool>())), 1..4), PATCHES)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(lives(&bodies))?;
    }
}
