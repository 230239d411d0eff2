//! What can be said of Connector documents, and of connections that name one, without a network.
//!
//! Must never: say twice what one line is wrong about.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::escaped;
use super::definition::{Definition, Wrong};
use super::secrets::asked;
use crate::connector::describe::own;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expr::Problem;
use crate::hooks::HookReceiver;
use crate::manifest::catalog::catalog;
use crate::manifest::connection::{DeclaredConnection, Described};
use crate::manifest::kinds::connector::{ConnectorSpec, EntitlementsSpec};
use crate::manifest::kinds::{EntitlementSpec, SourceSpec};
use crate::manifest::{Document, Loaded, Origin};
use crate::model::SystemRole;

/// Every problem of the workspace's Connectors, and of what its connections say of an installation.
pub fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for document in &loaded.connectors {
        let outline = loaded.outline(&document.origin);
        for wrong in of_document(&document.name, &document.spec) {
            let pointer = format!("/spec{}", wrong.pointer);
            let mut problem = Diagnostic::error(wrong.problem.message);
            problem.hint = wrong.problem.hint;
            problems.push(match wrong.problem.length {
                0 => outline.mark(&pointer, problem),
                length => {
                    let (place, length) = outline.place_in_scalar(&pointer, wrong.problem.offset, length);
                    problem.at(place, length)
                }
            });
        }
    }
    for (origin, described) in loaded.connections() {
        if let Ok(connection) = own::<DeclaredConnection>(described) {
            of_connection(loaded, (origin, described), connection, &mut problems);
        }
    }
    for (role, origin, described) in loaded.connections_by_role() {
        of_webhook(loaded, role, (origin, described), &mut problems);
    }
    for source in &loaded.sources {
        of_scope(loaded, source, &mut problems);
    }
    for entitlement in &loaded.entitlements {
        of_entitlement(loaded, entitlement, &mut problems);
    }
    problems
}

/// Whether a system can be asked for the accounts that a scope names.
fn of_scope(loaded: &Loaded, source: &Document<SourceSpec>, problems: &mut Vec<Diagnostic>) {
    let Some(scope) = source.spec.scope.as_ref().filter(|scope| !scope.groups.is_empty() || !scope.accounts.is_empty()) else { return };
    let outline = loaded.outline(&source.origin);
    let mut say = |pointer: &str, message: String, hint: String| {
        problems.push(outline.mark(&format!("/spec/scope/{pointer}"), Diagnostic::error(message).hint(hint)));
    };
    let Ok(connection) = own::<DeclaredConnection>(source.spec.connection.described()) else {
        let field = if scope.groups.is_empty() { "accounts" } else { "groups" };
        let hint = "say with `scope.filter` which records count";
        return say(field, format!("only a system that a Connector describes can be asked for {field} alone"), hint.into());
    };
    let Some(document) = &connection.document else { return };
    for kind in scope.groups.keys().filter(|kind| document.groups.get(*kind).is_none_or(|groups| groups.members.is_none())) {
        let known: Vec<&str> = document.groups.iter().filter(|(_, groups)| groups.members.is_some()).map(|(kind, _)| &**kind).collect();
        let hint = if known.is_empty() {
            "it has no groups that tell who is in them".to_owned()
        } else {
            format!("known are {}", known.join(", "))
        };
        say(&format!("groups/{kind}"), format!("{} has no groups of the kind `{kind}`", connection.name), hint);
    }
    let looked_up = |name: &str| {
        let accounts = document.accounts.as_ref();
        accounts.is_some_and(|accounts| accounts.find.contains_key(name) || (name == "id" && accounts.get.is_some()))
    };
    for name in scope.accounts.keys().filter(|name| !looked_up(name)) {
        let known =
            document.accounts.iter().flat_map(|accounts| accounts.get.iter().map(|_| "id").chain(accounts.find.keys().map(String::as_str)));
        let hint = format!("known are {}", known.collect::<Vec<_>>().join(", "));
        say(&format!("accounts/{name}"), format!("{} can't be asked for an account by `{name}`", connection.name), hint);
    }
}

/// An Entitlement is of a kind that its target's document has, with parameters of that kind.
fn of_entitlement(loaded: &Loaded, entitlement: &Document<EntitlementSpec>, problems: &mut Vec<Diagnostic>) {
    let spec = &entitlement.spec;
    let target = loaded.targets.iter().find(|target| target.name.as_ref() == spec.target);
    let connection = target.and_then(|target| own::<DeclaredConnection>(target.spec.connection.described()).ok());
    let Some((connection, document)) = connection.and_then(|connection| Some((connection, connection.document.as_ref()?))) else { return };
    let outline = loaded.outline(&entitlement.origin);
    let (pointer, name) = match &spec.entitlement {
        Some(name) => ("/spec/entitlement", name.as_str()),
        None => ("/metadata/name", entitlement.name.as_ref()),
    };
    let (kind, below) = name.split_once('/').map_or((name, None), |(kind, below)| (kind, Some(below)));
    let form = |(kind, rules): (&String, &EntitlementsSpec)| if rules.name.is_some() { format!("{kind}/NAME") } else { kind.clone() };
    let Some(rules) = document.entitlements.get(kind).filter(|rules| rules.name.is_some() == below.is_some()) else {
        let forms = document.entitlements.iter().map(form).collect::<Vec<_>>().join(", ");
        let hint = if forms.is_empty() { "its accounts have none".into() } else { format!("write `entitlement: {forms}`") };
        let problem = Diagnostic::error(format!("{} has no entitlement `{name}`", connection.name)).hint(hint);
        return problems.push(outline.mark(pointer, problem));
    };
    for parameter in spec.parameters.keys().filter(|parameter| !rules.parameters.contains_key(*parameter)) {
        let known = rules.parameters.keys().map(String::as_str);
        let names = known.clone().collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(parameter, known).unwrap_or_else(|| format!("known are {names}"));
        let problem = Diagnostic::error(format!("{kind} of {} has no parameter `{parameter}`", connection.name)).hint(hint);
        problems.push(outline.mark(&format!("/spec/parameters/{}", escaped(parameter)), problem));
    }
}

/// What is wrong with a document by itself: for an installation that says what the document gives as examples.
fn of_document(name: &str, spec: &ConnectorSpec) -> Vec<Wrong> {
    let mut spec = spec.clone();
    for rules in spec.config.values_mut() {
        let known = rules.default.is_some() || rules.example.is_some() || rules.optional;
        rules.default = rules.default.take().or(rules.example.take()).or(if known { None } else { Some("example".into()) });
        rules.pattern = rules.pattern.take().filter(|_| known);
    }
    let mut wrong = Definition::compile(name, &spec, &BTreeMap::new()).err().unwrap_or_default();
    if let Some(Err((pointer, message))) = spec.webhook.as_ref().map(HookReceiver::compile) {
        wrong.push(Wrong { pointer: format!("/webhook/{pointer}"), problem: Problem { offset: 0, length: 0, message, hint: None } });
    }
    wrong
}

/// A secret of webhooks is of a Source, whose Connector says how they come.
fn of_webhook(loaded: &Loaded, role: SystemRole, (origin, described): At<'_>, problems: &mut Vec<Diagnostic>) {
    let Ok(connection) = own::<DeclaredConnection>(described) else { return };
    let (Some(_), Some(document)) = (&connection.webhook_secret, &connection.document) else { return };
    let (message, hint) = match (role, &document.webhook) {
        (SystemRole::Source, Some(_)) => return,
        (SystemRole::Source, None) => {
            (format!("{} does not say how its webhooks come", connection.name), "leave `webhook` out, or add it to the Connector")
        }
        (SystemRole::Target, _) => ("webhooks have a Source read, and this is a Target".to_owned(), "leave `webhook` out"),
    };
    problems.push(loaded.outline(origin).mark(&described.pointer("webhook"), Diagnostic::error(message).hint(hint)));
}

/// The field of a connection that is to blame for something; nothing where the document itself is.
fn field_of(connection: &DeclaredConnection, pointer: &str) -> Option<String> {
    if pointer.starts_with("/config") {
        return Some(pointer.trim_start_matches('/').to_owned());
    }
    let extend = connection.extend.as_ref()?;
    let below = pointer.strip_prefix("/accounts/")?;
    let attribute = below.strip_prefix("attributes/").map(|rest| rest.split('/').next().unwrap_or_default());
    let ours = attribute.is_some_and(|name| extend.attributes.keys().any(|known| escaped(known) == name));
    (ours || (below == "skip" && extend.skip.is_some())).then(|| format!("extend/{below}"))
}

/// What an installation leaves out is something that the Connector has.
fn of_extension(loaded: &Loaded, (origin, described): At<'_>, connection: &DeclaredConnection, problems: &mut Vec<Diagnostic>) {
    let Some(extend) = &connection.extend else { return };
    let own = loaded.connectors.iter().find(|document| document.name.as_ref() == connection.name).map(|document| &document.spec);
    let Some(accounts) = own.or(catalog().get(connection.name.as_str()).map(AsRef::as_ref)).and_then(|document| document.accounts.as_ref())
    else {
        return;
    };
    for (at, name) in extend.without.iter().enumerate().filter(|(_, name)| !accounts.attributes.contains_key(*name)) {
        let known = accounts.attributes.keys().map(String::as_str);
        let hint = did_you_mean(name, known).unwrap_or_else(|| format!("`headcount connector show {}` has them all", connection.name));
        let problem = Diagnostic::error(format!("{} has no attribute `{name}`", connection.name)).hint(hint);
        problems.push(loaded.outline(origin).mark(&described.pointer(&format!("extend/without/{at}")), problem));
    }
}

type At<'a> = (&'a Origin, &'a dyn Described);

fn of_connection(loaded: &Loaded, (origin, described): At<'_>, connection: &DeclaredConnection, problems: &mut Vec<Diagnostic>) {
    let Some(document) = &connection.document else { return };
    let outline = loaded.outline(origin);
    let wrong = Definition::compile(&connection.name, document, &connection.config).err().unwrap_or_default();
    let mut told = BTreeSet::new();
    of_extension(loaded, (origin, described), connection, problems);
    for (wrong, field) in wrong.into_iter().filter_map(|wrong| field_of(connection, &wrong.pointer).map(|field| (wrong, field))) {
        let named = described.pointer(&field);
        let pointer = if outline.span(&named).is_some() { named } else { described.pointer("name") };
        if told.insert((pointer.clone(), wrong.problem.message.clone())) {
            let mut problem = Diagnostic::error(wrong.problem.message);
            problem.hint = wrong.problem.hint;
            problems.push(outline.mark(&pointer, problem));
        }
    }
    for (at, kind) in connection.group_kinds.iter().enumerate().filter(|(_, kind)| !document.groups.contains_key(*kind)) {
        let known = document.groups.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "it has no groups".to_owned() } else { format!("known are {known}") };
        let problem = Diagnostic::error(format!("{} has no groups of the kind `{kind}`", connection.name)).hint(hint);
        problems.push(outline.mark(&described.pointer(&format!("groupKinds/{at}")), problem));
    }
    for name in connection.auth.keys().filter(|name| !document.auth.contains_key(*name)) {
        let known = document.auth.keys().map(String::as_str);
        let names = known.clone().collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(name, known).unwrap_or_else(|| format!("known are {names}"));
        let problem = Diagnostic::error(format!("{} can't be signed in to by `{name}`", connection.name)).hint(hint);
        problems.push(outline.mark(&described.pointer(&format!("auth/{name}")), problem));
    }
    for (name, given) in &connection.auth {
        let Some(scheme) = document.auth.get(name) else { continue };
        let asked = asked(scheme);
        let pointer = described.pointer(&format!("auth/{name}"));
        for lacking in asked.needed.iter().filter(|needed| !given.contains_key(*needed)) {
            let hint = format!("`{lacking}: {{env: …}}`, or `file` or `exec`");
            problems
                .push(outline.mark(&pointer, Diagnostic::error(format!("signing in by `{name}` needs the secret `{lacking}`")).hint(hint)));
        }
        for odd in given.keys().filter(|given| !asked.needed.contains(*given) && !asked.taken.contains(*given)) {
            let known = || asked.needed.iter().chain(&asked.taken).map(String::as_str);
            let hint = did_you_mean(odd, known()).unwrap_or_else(|| format!("known are {}", known().collect::<Vec<_>>().join(", ")));
            let problem = Diagnostic::error(format!("signing in by `{name}` takes no secret `{odd}`")).hint(hint);
            problems.push(outline.mark(&described.pointer(&format!("auth/{name}/{odd}")), problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ManifestInput, catalog, load};

    #[test]
    fn every_document_of_the_catalog_is_sound() {
        for (name, text) in catalog::texts() {
            let (loaded, problems) = load(&[ManifestInput::stdin(text.as_bytes().to_vec())]);
            assert!(problems.is_empty(), "{name}: {problems:#?}");
            assert_eq!(loaded.connectors.iter().map(|document| document.name.as_ref()).collect::<Vec<_>>(), [name]);
            assert!(check(&loaded).is_empty(), "{name}: {:#?}", check(&loaded));
        }
        assert!(catalog::catalog().contains_key("okta"));
    }

    #[test]
    fn what_an_installation_adds_is_checked_where_it_stands() {
        let source = |extend: &str| {
            format!(
                "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: hr}}\nspec:\n  connection:\n    connector:\n      name: okta\n      \
                 config: {{org: acme.okta.com}}\n      auth: {{token: {{token: {{env: T}}}}}}\n      extend: {extend}\n  key: record.id\n  mapping: {{}}\n"
            )
        };
        let told = |extend: &str| {
            let (loaded, problems) = load(&[ManifestInput::stdin(source(extend).into_bytes())]);
            assert!(problems.is_empty(), "{problems:#?}");
            let line =
                |problem: &Diagnostic| format!("{} {}", problem.place.as_ref().map_or(0, |(place, _)| place.column), problem.message);
            (check(&loaded).iter().map(line).collect::<Vec<_>>(), loaded)
        };
        let (problems, loaded) =
            told("{attributes: {custom.badge: {path: profile.badge}}, without: [costCenter], skip: record.profile.userType == 'robot'}");
        assert!(problems.is_empty(), "{problems:?}");
        let connection: &DeclaredConnection = own(loaded.sources[0].spec.connection.described()).expect("a connection");
        let accounts = connection.document.as_ref().and_then(|document| document.accounts.as_ref()).expect("accounts");
        assert!(accounts.attributes.contains_key("custom.badge") && !accounts.attributes.contains_key("costCenter"));
        assert_eq!(accounts.skip.as_deref(), Some("record.profile.userType == 'robot'"));
        let (problems, _) = told("{attributes: {custom.badge: {read: recrd.badge}}, without: [costCentre], skip: recod.x}");
        insta::assert_snapshot!(problems.join("\n"), @r"
        75 okta has no attribute `costCentre`
        50 nothing is called `recrd` here
        94 nothing is called `recod` here
        ");
    }

    #[test]
    fn what_is_wrong_stands_where_it_is() {
        let text = "apiVersion: headcount.dev/v1alpha1\nkind: Connector\nmetadata: {name: own}\nspec:\n  title: Own\n  hosts: [a.example]\n  \
            base: https://b.example\n  auth: {a: {bearer: '{secrt.a}'}}\n  accounts:\n    id: recod.id\n    list: {get: '/users/{i}', shape: has(body.users)}\n    attributes: {}\n---\n\
            apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {name: hr}\nspec:\n  connection: {connector: {name: okta, config: {orgg: x}, auth: {tokn: {}}}}\n  \
            key: record.id\n  mapping: {}\n---\n\
            apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {name: it}\nspec:\n  connection: {connector: {name: okta, config: {org: a.okta.com}, auth: {token: {tokn: {env: T}}}}}\n  \
            key: record.id\n  mapping: {}\n";
        let (loaded, problems) = load(&[ManifestInput::stdin(text.as_bytes().to_vec())]);
        assert!(problems.iter().all(|problem| !problem.message.contains("onnector")), "{problems:#?}");
        let told: Vec<String> = check(&loaded)
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref().map_or((0, 0), |(place, _)| (place.line, place.column));
                format!("{place:?} {} ({})", problem.message, problem.hint.as_deref().unwrap_or_default())
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        (6, 3) b.example is not among the hosts (name every host that is asked)
        (8, 24) nothing is called `secrt` here (did you mean secret? "secrt" is the text)
        (10, 9) nothing is called `recod` here (did you mean record? "recod" is the text)
        (11, 5) how pages follow each other must be said (`pages: {one: {}}` where one answer holds all)
        (11, 26) nothing is called `i` here (known here are config, base, id, value, ids, fields, group, member, members, account, name, object, changes, record, key, since, body, generate, each, mapped, receiver, until, new, kept; "i" is the text)
        (18, 34) config.org must be said (such as acme.okta.com)
        (18, 40) there is no config.orgg here (did you mean `org`?)
        (18, 66) okta can't be signed in to by `tokn` (did you mean `token`?)
        (26, 74) signing in by `token` needs the secret `token` (`token: {env: …}`, or `file` or `exec`)
        (26, 82) signing in by `token` takes no secret `tokn` (did you mean `token`?)
        "#);
    }

    #[test]
    fn a_scope_names_what_the_system_can_be_asked_for() {
        let source = |name: &str, connection: &str, scope: &str| {
            format!(
                "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec:\n  connection: {connection}\n  scope: {scope}\n  key: record.id\n  mapping: {{}}\n---\n"
            )
        };
        let okta = "{connector: {name: okta, config: {org: a.okta.com}, auth: {token: {token: {env: T}}}}}";
        let text = [
            source("good", okta, "{groups: {group: [Eng]}, accounts: {id: [u1], emails: [a@x]}}"),
            source("odd", okta, "{groups: {team: [Eng]}, accounts: {title: [Boss]}}"),
            source("hr", "{file: {path: hr.csv}}", "{groups: {group: [Eng]}}"),
        ];
        let (loaded, problems) = load(&[ManifestInput::stdin(text.concat().into_bytes())]);
        assert!(problems.iter().all(|problem| !problem.message.contains("scope")), "{problems:#?}");
        let told: Vec<String> =
            check(&loaded).iter().map(|problem| format!("{} ({})", problem.message, problem.hint.as_deref().unwrap_or(""))).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        only a system that a Connector describes can be asked for groups alone (say with `scope.filter` which records count)
        okta has no groups of the kind `team` (known are group)
        okta can't be asked for an account by `title` (known are id, emails, externalId, userName)
        ");
    }
}
