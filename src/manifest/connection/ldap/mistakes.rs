//! What of a directory's connection can't be right, told without reaching it.
//!
//! Must never: refuse what some server takes.

use std::collections::{BTreeMap, BTreeSet};

use super::{LdapBind, LdapChanges, LdapConnection, LdapDialect, LdapFilter, LdapUsers, NumberRange};
use crate::diagnostic::did_you_mean;
use crate::manifest::connection::Mistake;
use crate::model::{SystemRole, attributes, is_known_attribute};

/// What no server has as an attribute of headcount's.
const OURS: [&str; 4] = ["active", "container", "id", "password"];

pub(super) fn of(connection: &LdapConnection, role: SystemRole) -> Vec<Mistake> {
    let mut mistakes = Mistakes(Vec::new());
    mistakes.urls(connection);
    mistakes.bind(connection);
    mistakes.users(&connection.users, role, connection.dialect);
    mistakes.groups(connection, role);
    mistakes.changes(connection, role);
    if connection.page_size == Some(0) {
        mistakes.that("pageSize", "a page of no entries has no next one", "write how many entries a page has, such as 500");
    }
    mistakes.0
}

struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn that(&mut self, pointer: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Mistake { pointer: pointer.into(), message: message.into(), hint: hint.into() });
    }

    fn urls(&mut self, connection: &LdapConnection) {
        // One that is none may hold a password: nothing of it is repeated, and none of the others is looked at.
        let odd: Vec<usize> = (0..).zip(&connection.urls).filter(|(_, url)| !super::is_ldap(url)).map(|(at, _)| at).collect();
        for at in &odd {
            let hint = "write the server alone: ldaps://dc1.example, or ldap://dc1.example with `startTls: true`";
            self.that(format!("urls/{at}"), format!("`urls[{at}]` is no LDAP url"), hint);
        }
        if !odd.is_empty() {
            return;
        }
        if connection.signs_in_openly() {
            let hint = "use ldaps://, say `startTls: true`, or say `allowPlain: true`";
            self.that("urls", "a password would go without TLS, where anybody on the way reads it", hint);
        }
        for (at, url) in connection.urls.iter().enumerate() {
            let pointer = format!("urls/{at}");
            if connection.start_tls && url.starts_with("ldaps://") {
                let hint = "write `ldap://` where TLS is to begin on the connection, or leave `startTls` out";
                self.that(&pointer, format!("{url} has TLS from its beginning, and `startTls` would begin it again"), hint);
            }
            if !url.starts_with("ldapi://")
                && port(url).is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port == 0) || port.parse::<u16>().is_err())
            {
                self.that(&pointer, format!("{url} has no port that there could be"), "write 1 to 65535, or none: 389, and 636 of ldaps");
            }
            let (odd, word) = if url.starts_with("ldap://") { ("636", "ldaps") } else { ("389", "ldap") };
            if !url.starts_with("ldapi://") && port(url) == Some(odd) {
                self.that(
                    &pointer,
                    format!("port {odd} is that of {word}"),
                    format!("write `{word}://`, or the port that the server has for the other"),
                );
            }
        }
    }

    fn bind(&mut self, connection: &LdapConnection) {
        match &connection.bind {
            Some(LdapBind::Simple(simple)) => {
                let by_name = connection.dialect == LdapDialect::ActiveDirectory && simple.dn.contains(['@', '\\']);
                if !by_name {
                    self.name("bind/simple/dn", &simple.dn);
                }
            }
            Some(LdapBind::External(_)) if connection.tls.is_none() && connection.urls.iter().any(|url| !url.starts_with("ldapi://")) => {
                let hint = "name it in `tls: {certificate, key}`; without one only a socket (`ldapi://`) says who the process is";
                self.that("bind/external", "there is no certificate that could say who signs in", hint);
            }
            _ => {}
        }
        let has_tls = |url: &String| url.starts_with("ldaps://") || (url.starts_with("ldap://") && connection.start_tls);
        if connection.tls.is_some() && !connection.urls.iter().any(has_tls) {
            let hint = "use ldaps://, or say `startTls: true`, or leave it out";
            self.that("tls", "the certificate would be shown to nobody: none of the servers is spoken to over TLS", hint);
        }
    }

    fn users(&mut self, users: &LdapUsers, role: SystemRole, dialect: LdapDialect) {
        self.name("users/base", &users.base);
        self.filter("users/filter", users.filter.as_deref());
        let target = role == SystemRole::Target;
        self.attributes("users/attributes", &users.attributes, target.then_some("userName"));
        for (at, class) in users.object_classes.iter().enumerate() {
            self.attribute(format!("users/objectClasses/{at}"), class, "object class");
        }
        if let Some(rdn) = &users.rdn {
            self.attribute("users/rdn", rdn, "attribute");
        }
        for name in users.required.iter().flatten().map(|(name, _)| name) {
            self.attribute(format!("users/required/{name}"), name, "attribute");
        }
        if let Some(active) = &users.active {
            self.attribute("users/active/attribute", &active.attribute, "attribute");
            if active.active.as_deref() == Some(active.inactive.as_str()) {
                self.that("users/active/active", "an account with access looks like one without", "give the two values that differ");
            }
        }
        self.numbers("users/numbers", &users.numbers, &users.attributes);
        if users.initial_password.is_some() && users.generate_password {
            let hint = "leave out `initialPassword` where each account is to have its own, or `generatePassword`";
            self.that("users/generatePassword", "a new account can't have one password and another one of its own", hint);
        }
        if !target && (users.initial_password.is_some() || users.generate_password) {
            let field = if users.generate_password { "users/generatePassword" } else { "users/initialPassword" };
            self.that(field, "a Source makes no accounts", "leave it out");
        }
        if target && dialect == LdapDialect::ActiveDirectory && users.attributes.values().any(|own| own.eq_ignore_ascii_case("memberOf")) {
            self.that("users/attributes", "Active Directory lets nobody write `memberOf`", "describe `groups`, whose members are kept");
        }
    }

    fn changes(&mut self, connection: &LdapConnection, role: SystemRole) {
        let active_directory = connection.dialect == LdapDialect::ActiveDirectory;
        let (message, hint) = match connection.changes {
            None => return,
            Some(_) if role == SystemRole::Target => ("a Target is read as a whole", "leave it out"),
            Some(LdapChanges::DirSync) if !active_directory => {
                ("only Active Directory has DirSync", "write `contentSync`, or leave it out")
            }
            Some(LdapChanges::ContentSync) if active_directory => {
                ("Active Directory has no content synchronization", "write `dirSync`, or leave it out")
            }
            Some(_) => return,
        };
        self.that("changes", message, hint);
    }

    fn groups(&mut self, connection: &LdapConnection, role: SystemRole) {
        let Some(groups) = &connection.groups else { return };
        if role == SystemRole::Source {
            self.that("groups", "a Source reads people alone", "leave `groups` out; `record.memberOf` says who is in what");
            return;
        }
        self.name("groups/base", &groups.base);
        self.filter("groups/filter", groups.filter.as_deref());
        self.attributes("groups/attributes", &groups.attributes, Some("displayName"));
        self.numbers("groups/numbers", &groups.numbers, &groups.attributes);
        if let Some(member) = &groups.member {
            self.attribute("groups/member", member, "attribute");
        }
        if let Some(nobody) = &groups.empty_member {
            self.name("groups/emptyMember", nobody);
        }
    }

    /// `named` must be among them; nothing: a Source's own names.
    fn attributes(&mut self, pointer: &str, attributes: &BTreeMap<String, String>, named: Option<&str>) {
        let mut seen = BTreeSet::new();
        for (name, own) in attributes {
            let place = format!("{pointer}/{name}");
            self.attribute(place.clone(), own, "attribute");
            if named.is_none() {
                continue;
            }
            if OURS.contains(&name.as_str()) {
                self.that(place, format!("`{name}` is no attribute of an entry"), "leave it out: the dialect, or another field, says it");
            } else if !is_known_attribute(name) {
                let near = did_you_mean(name, self::attributes().iter().map(|known| known.name));
                self.that(
                    place,
                    format!("there is no attribute `{name}`"),
                    near.unwrap_or_else(|| "own ones stand below `custom.`".into()),
                );
            } else if !seen.insert(own.to_lowercase()) {
                self.that(place, format!("two attributes are `{own}`"), "each has one of its own");
            }
        }
        if let Some(named) = named.filter(|named| !attributes.is_empty() && !attributes.contains_key(*named)) {
            self.that(pointer, format!("it must say which attribute is `{named}`"), "what stands here is all that is read and written");
        }
    }

    fn numbers(&mut self, pointer: &str, numbers: &BTreeMap<String, NumberRange>, attributes: &BTreeMap<String, String>) {
        for (own, range) in numbers {
            let place = format!("{pointer}/{own}");
            self.attribute(place.clone(), own, "attribute");
            if range.from > range.to {
                self.that(format!("{place}/to"), "the range ends before it begins", "`from` is the first number, `to` the last");
            }
            if attributes.values().any(|known| known.eq_ignore_ascii_case(own)) {
                self.that(
                    place,
                    format!("`{own}` is mapped as well, and can't be given out"),
                    "leave it out of `attributes`, or out of `numbers`",
                );
            }
        }
    }

    fn attribute(&mut self, pointer: impl Into<String>, name: &str, what: &str) {
        if !is_attribute(name) {
            self.that(
                pointer,
                format!("{name:?} can be no {what}"),
                "write its name in the directory: letters, digits and `-`, such as givenName",
            );
        }
    }

    fn name(&mut self, pointer: &str, name: &str) {
        if !is_name(name) {
            self.that(pointer, format!("{name:?} is no DN"), "write it as the directory shows it: ou=people,dc=acme,dc=example");
        }
    }

    fn filter(&mut self, pointer: &str, text: Option<&str>) {
        if let Some(Err(why)) = text.map(LdapFilter::parse) {
            self.that(
                pointer,
                format!("this is no filter: {why}"),
                "write it as RFC 4515 has it: (&(objectClass=person)(!(employeeType=robot)))",
            );
        }
    }
}

/// The port of a url, as it is written.
fn port(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    let behind = rest.rsplit_once(']').map_or(rest, |(_, behind)| behind);
    behind.rsplit_once(':').map(|(_, port)| port)
}

/// A name or a number with dots, and options (RFC 4512, 2.5).
fn is_attribute(name: &str) -> bool {
    let mut parts = name.split(';');
    let first = parts.next().unwrap_or_default();
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let number = first.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let name = first.starts_with(|first: char| first.is_ascii_alphabetic()) && letters(&first.replace('_', "-"));
    (name || number) && parts.all(letters)
}

/// Whether each part has an attribute and a value.
fn is_name(name: &str) -> bool {
    let mut escaped = false;
    let mut parts = vec![String::new()];
    for letter in name.chars() {
        match (escaped, letter) {
            (false, ',' | '+') => parts.push(String::new()),
            (_, letter) => parts.last_mut().into_iter().for_each(|part| part.push(letter)),
        }
        escaped = !escaped && letter == '\\';
    }
    parts
        .iter()
        .all(|part| part.split_once('=').is_some_and(|(attribute, value)| is_attribute(attribute.trim()) && !value.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn told(role: SystemRole, edit: impl FnOnce(&mut Json)) -> Vec<String> {
        let mut connection = json!({
            "urls": ["ldaps://dc1.acme.example"],
            "users": { "base": "ou=people,dc=acme,dc=example", "attributes": { "userName": "uid", "emails": "mail" } },
        });
        edit(&mut connection);
        let connection: LdapConnection = serde_json::from_value(connection).expect("a connection");
        of(&connection, role).into_iter().map(|mistake| format!("{}: {}", mistake.pointer, mistake.message)).collect()
    }

    fn one(role: SystemRole, pointer: &str, words: &str, edit: impl FnOnce(&mut Json)) {
        let told = told(role, edit);
        assert!(matches!(told.as_slice(), [one] if one.starts_with(&format!("{pointer}: ")) && one.contains(words)), "{pointer}: {told:?}");
    }

    #[test]
    fn what_can_be_right_is_let_be() {
        assert!(told(SystemRole::Target, |_| {}).is_empty());
        let more = told(SystemRole::Target, |connection| {
            connection["urls"] = json!(["ldap://[::1]:1389", "ldapi://%2Frun%2Fslapd%2Fldapi", "ldap://dc"]);
            connection["startTls"] = json!(true);
            connection["dialect"] = json!("activeDirectory");
            connection["bind"] = json!({ "simple": { "dn": "ACME\\headcount", "password": { "env": "P" } } });
            connection["users"]["filter"] = json!("(&(objectClass=user)(!(cn=a\\2a*)))");
            connection["users"]["attributes"]["custom.key"] = json!("1.2.840.113556.1.4.656;binary");
            connection["groups"] = json!({ "base": "OU=R\\, D,DC=acme", "emptyMember": "cn=nobody" });
        });
        assert_eq!(more, Vec::<String>::new());
        let external = told(SystemRole::Target, |connection| {
            connection["bind"] = json!({ "external": {} });
            connection["tls"] = json!({ "certificate": { "file": "c.pem" }, "key": { "file": "k.pem" } });
        });
        assert_eq!(external, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_right_is_told_where_it_stands() {
        use SystemRole::{Source, Target};
        one(Target, "urls/0", "no port", |it| it["urls"] = json!(["ldaps://dc1:99999"]));
        one(Target, "urls/0", "that of ldap", |it| it["urls"] = json!(["ldaps://dc1:389"]));
        one(Target, "urls/0", "would begin it again", |it| it["startTls"] = json!(true));
        one(Target, "bind/simple/dn", "no DN", |it| it["bind"] = json!({ "simple": { "dn": "headcount", "password": { "env": "P" } } }));
        one(Target, "urls", "without TLS", |it| {
            it["urls"] = json!(["ldap://dc1"]);
            it["bind"] = json!({ "simple": { "dn": "cn=x", "password": { "env": "P" } } });
        });
        one(Target, "bind/external", "no certificate", |it| it["bind"] = json!({ "external": {} }));
        one(Target, "tls", "shown to nobody", |it| {
            it["urls"] = json!(["ldapi://%2Frun%2Fslapd%2Fldapi"]);
            it["tls"] = json!({ "certificate": { "file": "c.pem" }, "key": { "file": "k.pem" } });
        });
        one(Target, "users/filter", "stands in brackets", |it| it["users"]["filter"] = json!("employeeType=staff"));
        one(Target, "users/base", "no DN", |it| it["users"]["base"] = json!("people"));
        one(Target, "users/filter", "a `)` is missing", |it| it["users"]["filter"] = json!("(uid=a"));
        one(Target, "users/rdn", "can be no attribute", |it| it["users"]["rdn"] = json!("user id"));
        one(Target, "users/attributes/emails", "can be no attribute", |it| it["users"]["attributes"]["emails"] = json!("e mail"));
        one(Target, "users/attributes/userName", "two attributes", |it| it["users"]["attributes"]["emails"] = json!("UID"));
        one(Target, "users/attributes/tilte", "there is no attribute", |it| it["users"]["attributes"]["tilte"] = json!("title"));
        one(Target, "users/attributes/active", "no attribute of an entry", |it| it["users"]["attributes"]["active"] = json!("x"));
        one(Target, "users/attributes", "`userName`", |it| it["users"]["attributes"] = json!({ "emails": "mail" }));
        one(Target, "users/numbers/uidNumber/to", "ends before", |it| {
            it["users"]["numbers"] = json!({ "uidNumber": { "from": 9, "to": 1 } })
        });
        one(Target, "groups/filter", "no filter", |it| it["groups"] = json!({ "base": "ou=g", "filter": "(&)" }));
        one(Source, "groups", "reads people", |it| it["groups"] = json!({ "base": "ou=groups" }));
        one(Target, "changes", "as a whole", |it| it["changes"] = json!("stamps"));
        one(Source, "changes", "only Active Directory", |it| it["changes"] = json!("dirSync"));
        one(Source, "changes", "no content synchronization", |it| {
            it["changes"] = json!("contentSync");
            it["dialect"] = json!("activeDirectory");
        });
        one(Target, "pageSize", "no entries", |it| it["pageSize"] = json!(0));
    }
}
