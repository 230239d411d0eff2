//! A Connector document as a person reads it: what it reads and writes, what must be granted, what it can't do and what happens besides.
//!
//! Must never: say more than the document does.

use std::fmt::Write as _;

use super::dialect;
use crate::manifest::connection::ScimWithout;
use crate::manifest::kinds::connector::{AuthScheme, ConnectorSpec, ObjectsSpec, RequestSpec};
use crate::model::Action;

/// The page of a document.
pub fn page(name: &str, spec: &ConnectorSpec) -> String {
    let mut text = format!("{name}: {}\n\n", spec.title);
    let (reads, writes) = (reads(spec), writes(spec));
    let _ = writeln!(text, "Reads   {}", listed(&reads));
    let _ = writeln!(text, "Writes  {}", listed(&writes));
    let config = spec.config.iter().map(|(name, rules)| {
        let said = rules
            .default
            .as_ref()
            .map(|default| format!("default {default}"))
            .or(rules.example.as_ref().map(|example| format!("such as {example}")));
        let must = if rules.default.is_none() && !rules.optional { " (required)" } else { "" };
        let words: Vec<String> = rules.help.iter().cloned().chain(said).collect();
        (format!("{name}{must}"), words.join("; "))
    });
    rows(&mut text, "Config", config.collect());
    rows(&mut text, "Signing in", spec.auth.iter().map(|(name, scheme)| (name.clone(), secrets(scheme))).collect());
    rows(&mut text, "Rights to grant", spec.rights.iter().map(|right| (right.clone(), String::new())).collect());
    let attributes = spec.accounts.iter().flat_map(|accounts| &accounts.attributes).map(|(name, attribute)| {
        let writes = attribute.path.is_some() || !attribute.write.is_empty();
        (name.clone(), if writes { "read and written".into() } else { "read".to_owned() })
    });
    rows(&mut text, "Attributes of accounts", attributes.collect());
    let entitlements = spec.entitlements.iter().map(|(kind, rules)| {
        let name = if rules.name.is_some() { format!("{kind}/NAME") } else { kind.clone() };
        let parameters: Vec<&str> = rules.parameters.keys().map(String::as_str).collect();
        (name, if parameters.is_empty() { String::new() } else { format!("with {}", listed(&parameters)) })
    });
    rows(&mut text, "Entitlements", entitlements.collect());
    rows(&mut text, "What happens besides", told(spec));
    rows(&mut text, "Can't", spec.cannot.iter().map(|words| (words.clone(), String::new())).collect());
    text
}

fn rows(text: &mut String, title: &str, rows: Vec<(String, String)>) {
    if rows.is_empty() {
        return;
    }
    let wide = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    let _ = writeln!(text, "\n{title}:");
    for (left, right) in rows {
        let _ = writeln!(text, "  {}", format!("{left:<wide$}  {right}").trim_end());
    }
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn reads(spec: &ConnectorSpec) -> Vec<&'static str> {
    let lists = |objects: &ObjectsSpec| objects.list.is_some();
    let mut reads = Vec::new();
    if let Some(service) = &spec.scim {
        let groups = !service.dialect.without.contains(&ScimWithout::Groups);
        return if groups { vec!["accounts", "groups", "memberships"] } else { vec!["accounts"] };
    }
    reads.extend(spec.accounts.as_ref().filter(|accounts| lists(accounts)).map(|_| "accounts"));
    reads.extend(spec.groups.values().any(lists).then_some("groups"));
    reads.extend(spec.groups.values().any(|objects| objects.members.is_some()).then_some("memberships"));
    reads.extend((!spec.entitlements.is_empty()).then_some("entitlements"));
    reads
}

fn writes(spec: &ConnectorSpec) -> Vec<&'static str> {
    let changes = |objects: &ObjectsSpec| objects.create.is_some() || !objects.update.is_empty();
    let joins = |objects: &ObjectsSpec| objects.members.as_ref().is_some_and(|members| members.add.is_some() || members.set.is_some());
    let mut writes = Vec::new();
    if spec.scim.is_some() {
        return reads(spec);
    }
    writes.extend(spec.accounts.as_ref().filter(|accounts| changes(accounts)).map(|_| "accounts"));
    writes.extend(spec.groups.values().any(changes).then_some("groups"));
    writes.extend(spec.groups.values().any(joins).then_some("memberships"));
    writes.extend((!spec.entitlements.is_empty()).then_some("entitlements"));
    writes
}

fn secrets(scheme: &AuthScheme) -> String {
    let words = match scheme {
        AuthScheme::Bearer(_) => "a bearer token".into(),
        AuthScheme::Basic(_) => "HTTP Basic".into(),
        AuthScheme::Header(header) => format!("the header {}", header.name),
        AuthScheme::Oauth1(_) => "OAuth 1.0a: requests signed with HMAC-SHA256".into(),
        AuthScheme::Oauth2(scheme) => format!("OAuth 2.0; scopes: {}", scheme.scopes.join(" ")),
        AuthScheme::Tls(_) => return "a client certificate (mutual TLS)".into(),
    };
    if scheme.shows_certificate() { format!("{words}; and a client certificate (mutual TLS)") } else { words }
}

/// Side effects, by what leads to them.
fn told(spec: &ConnectorSpec) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for (action, words) in spec.scim.iter().flat_map(dialect::told) {
        let verb = match action {
            Action::Create => "create",
            Action::Deactivate => "deactivate",
            Action::Reactivate => "activate",
            _ => "delete",
        };
        told.push((format!("{verb} account"), words.to_owned()));
    }
    for (kind, objects) in
        spec.accounts.iter().map(|accounts| ("account", accounts)).chain(spec.groups.values().map(|groups| ("group", groups)))
    {
        let mut add = |what: &str, requests: Vec<&RequestSpec>| {
            for words in requests.into_iter().filter_map(|request| request.tells.as_deref()) {
                told.push((format!("{what} {kind}"), words.to_owned()));
            }
        };
        add("create", objects.create.iter().collect());
        add("update", objects.update.iter().collect());
        add("deactivate", objects.active.iter().flat_map(|active| &active.deactivate).collect());
        add("activate", objects.active.iter().flat_map(|active| &active.activate).collect());
        add("delete", objects.delete.iter().collect());
    }
    for (kind, rules) in &spec.entitlements {
        let mut add = |what: &str, requests: &[RequestSpec]| {
            told.extend(requests.iter().filter_map(|request| request.tells.clone()).map(|words| (format!("{what} {kind}"), words)));
        };
        add("give", std::slice::from_ref(&rules.grant));
        add("change", &rules.change);
        add("take", &rules.withdraw);
    }
    told
}
