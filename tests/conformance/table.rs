//! The steps. Each begins where the one before ended.

use serde_json::json;

use super::declared::Declared;

/// One step: what it is about, and how the declaration changes.
pub type Step = (&'static str, fn(&mut Declared));

/// How many people the crowd has: more than one write of members holds.
pub const CROWD: usize = 250;

/// The table.
pub const STEPS: &[Step] = &[
    ("an account with a name only", |all| {
        all.join("boss", "boss");
    }),
    ("an account with every kind of attribute", |all| {
        let ann = all.join("ann", "ann.lee");
        ann.set("name.givenName", "Ann").set("name.familyName", "Lee").set("displayName", "Ann Lee").set("title", "Engineer");
        ann.set("emails", json!([{ "value": "ann@acme.example", "type": "work", "primary": true }]));
        ann.set("phoneNumbers", json!([{ "value": "+49 30 1234", "type": "work" }, { "value": "+49 170 99", "type": "mobile" }]));
        ann.set("employeeNumber", "10023").set("department", "R&D").set("costCenter", "4711").set("organization", "Acme");
        ann.set("division", "East")
            .set("locale", "en-GB")
            .set("timezone", "Europe/Berlin")
            .set("preferredLanguage", "en")
            .set("userType", "Employee");
    }),
    ("a manager", |all| {
        all.person("ann").set("manager", "boss");
    }),
    ("an account that is created with its manager", |all| {
        all.join("carl", "carl").set("manager", "ann");
    }),
    ("managers in a circle", |all| {
        all.person("boss").set("manager", "carl");
    }),
    ("single values change", |all| {
        all.person("ann").set("title", "Lead").set("department", "Platform").set("name.familyName", "Lee-Roy");
    }),
    ("one of several values changes", |all| {
        let emails =
            json!([{ "value": "ann@acme.example", "type": "work" }, { "value": "ann@home.example", "type": "home", "primary": true }]);
        all.person("ann").set("emails", emails);
    }),
    ("a user name changes", |all| {
        all.person("ann").set("userName", "ann.lee-roy");
    }),
    ("single values are cleared", |all| {
        all.person("ann").clear("title").clear("department").clear("name.givenName");
    }),
    ("all of several values are cleared", |all| {
        all.person("ann").clear("phoneNumbers");
    }),
    ("a manager is cleared", |all| {
        all.person("boss").clear("manager");
    }),
    ("letters of all sorts", |all| {
        let zoe = all.join("zoe", "zoë.ångström");
        zoe.set("name.givenName", "Zoë ☃ 𝄞").set("name.familyName", "Ångstro\u{1e3f}").set("displayName", "张伟").set("title", "مهندس");
    }),
    ("quotes, backslashes and whatever else breaks quoting", |all| {
        let odd = all.join("odd", "o'brien\"\\; drop table users--");
        odd.set("name.familyName", "O'Brien \"Bobby\" \\ %_?{}[]$1").set("displayName", "a\tb").set("title", "<b>&amp;</b>");
    }),
    ("long values", |all| {
        all.join("long", "long").set("displayName", "x".repeat(2_000)).set("title", "ü".repeat(1_000));
    }),
    ("an empty group", |all| {
        all.found("sre", "SRE");
    }),
    ("a group with members", |all| {
        all.found("eng", "Engineering").add(["ann", "carl", "zoe"]);
    }),
    ("members are added", |all| {
        all.team("sre").add(["ann", "odd"]);
    }),
    ("members are removed, others added", |all| {
        all.team("eng").remove(["carl"]).add(["boss", "odd"]);
    }),
    ("a group is renamed", |all| all.team("eng").name = "Engineering \"Ümläut\" & Co".into()),
    ("a group in a group", |all| {
        all.team("eng").teams.insert("sre".into());
    }),
    ("a group is taken out of a group", |all| {
        all.team("eng").teams.clear();
    }),
    ("somebody leaves", |all| all.leave("zoe")),
    ("somebody comes back", |all| all.person("zoe").left = false),
    ("somebody who came back is a member again", |all| {
        all.team("sre").add(["zoe"]);
    }),
    ("somebody leaves while others change", |all| {
        all.leave("carl");
        all.person("boss").set("title", "CTO");
    }),
    ("a record goes", |all| all.forget("carl")),
    ("the last member is removed", |all| {
        all.team("sre").remove(["ann", "odd", "zoe"]);
    }),
    ("a group is deleted", |all| all.dissolve("sre")),
    ("a crowd, in one group", |all| {
        let keys: Vec<String> = (0..CROWD).map(|at| format!("crowd{at:03}")).collect();
        for key in &keys {
            all.join(key, key);
        }
        all.found("crowd", "Crowd").add(keys.iter().map(String::as_str));
    }),
    ("most of the crowd leaves its group", |all| {
        let keys: Vec<String> = (20..CROWD).map(|at| format!("crowd{at:03}")).collect();
        all.team("crowd").remove(keys.iter().map(String::as_str));
    }),
];
