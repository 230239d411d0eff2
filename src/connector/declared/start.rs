//! The Source or Target to start from, for a Connector document: what must be said of an installation, with its examples, and where its secrets are.
//!
//! Must never: hold a secret, or write what `validate` refuses for another reason than an example that is missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::definition::{Active, Definition};
use super::secrets::asked;
use crate::manifest::kinds::connector::{ConfigValue, ConnectorSpec};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// people come from there
    Source,
    /// accounts are written there
    Target,
}

/// What a document can serve as: what people are read from, and what is written.
pub fn roles(spec: &ConnectorSpec) -> Vec<Role> {
    if spec.scim.is_some() {
        return vec![Role::Target, Role::Source];
    }
    let accounts = spec.accounts.as_ref();
    let writes = accounts.is_some_and(|accounts| accounts.create.is_some() || !accounts.update.is_empty())
        || spec
            .groups
            .values()
            .any(|objects| objects.members.as_ref().is_some_and(|members| members.add.is_some() || members.set.is_some()));
    let reads = accounts.is_some_and(|accounts| accounts.list.is_some());
    [(Role::Target, writes), (Role::Source, reads)].into_iter().filter(|(_, can)| *can).map(|(role, _)| role).collect()
}

/// The manifest to start from.
pub fn start(name: &str, spec: &ConnectorSpec, role: Role) -> String {
    let mut text = String::new();
    let kind = if role == Role::Source { "Source" } else { "Target" };
    let _ = writeln!(text, "# {}: what it reads and writes says `headcount connector show {name}`.", spec.title);
    for right in &spec.rights {
        let _ = writeln!(text, "# Right to grant: {right}");
    }
    let _ = write!(
        text,
        "apiVersion: headcount.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  connection:\n    connector:\n      name: {name}\n"
    );
    config(spec, &mut text);
    auth(name, spec, &mut text);
    match role {
        Role::Source => source(name, spec, &mut text),
        Role::Target => target(spec, &mut text),
    }
    text
}

fn config(spec: &ConnectorSpec, text: &mut String) {
    let needed = |rules: &ConfigValue| rules.default.is_none() && !rules.optional;
    if spec.config.values().any(needed) {
        text.push_str("      config:\n");
    } else if !spec.config.is_empty() {
        text.push_str("      # config:\n");
    }
    for (name, rules) in &spec.config {
        let value = rules.example.as_ref().or(rules.default.as_ref()).map_or("…", String::as_str);
        let off = if needed(rules) { "" } else { "# " };
        let help = rules.help.as_ref().map(|help| format!("   # {help}")).unwrap_or_default();
        let _ = writeln!(text, "        {off}{name}: {}{help}", scalar(value));
    }
}

/// The first way to sign in, and the others as comments.
fn auth(name: &str, spec: &ConnectorSpec, text: &mut String) {
    if !spec.auth.is_empty() {
        text.push_str(if spec.auth.len() > 1 { "      auth:   # one of these\n" } else { "      auth:\n" });
    }
    for (at, (way, scheme)) in spec.auth.iter().enumerate() {
        let off = if at == 0 { "" } else { "# " };
        let secrets = asked(scheme).needed.into_iter().map(|secret| format!("{secret}: {{env: {}}}", variable(name, &secret)));
        let _ = writeln!(text, "        {off}{way}: {{{}}}", secrets.collect::<Vec<_>>().join(", "));
    }
}

/// `OKTA_CLIENT_ID` for `clientId`.
fn variable(connector: &str, secret: &str) -> String {
    let mut name = String::new();
    for letter in format!("{connector}-{secret}").chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
    }
    name
}

/// What every SCIM service has (RFC 7643 section 4.1).
const OF_SCIM: &str = "  key: record.id   # the system's own id, which stays with a person
  lifecycle: {leaver: record.active == false}
  mapping:
    rules:
    - {attribute: userName, value: record.userName}
    - {attribute: name.givenName, value: record.name.givenName}
    - {attribute: name.familyName, value: record.name.familyName}
    - {attribute: emails, value: record.emails}
";

fn source(name: &str, spec: &ConnectorSpec, text: &mut String) {
    if spec.scim.is_some() {
        return text.push_str(OF_SCIM);
    }
    let Some(accounts) = compiled(name, spec).and_then(|definition| definition.accounts) else { return };
    let by_config = |text: &str| text.contains("config.");
    let _ = writeln!(text, "  key: {}   # the system's own id, which stays with a person", scalar(accounts.id.text()));
    text.push_str("  # establishes: true   # where there are several Sources: whether a record here makes somebody exist\n");
    if let Some(active) = accounts.active.as_ref().filter(|active| !by_config(active.read.text())) {
        let _ = writeln!(text, "  lifecycle: {{leaver: {}}}", scalar(&gone(active)));
    }
    text.push_str("  mapping:\n    rules:\n");
    for (attribute, rules) in accounts.attributes.iter().filter(|(attribute, _)| attribute.as_ref() != "externalId") {
        let Some(read) = rules.read.as_ref().filter(|read| !by_config(read.text())) else { continue };
        let path = spec.accounts.as_ref().and_then(|accounts| accounts.attributes.get(attribute.as_ref())?.path.as_deref());
        let plain = path.filter(|path| path.chars().all(|letter| letter.is_ascii_alphanumeric() || "._".contains(letter)));
        let value = plain.map_or_else(|| read.text().to_owned(), |path| format!("record.{path}"));
        let _ = writeln!(text, "    - {{attribute: {attribute}, value: {}}}", scalar(&value));
    }
}

fn target(spec: &ConnectorSpec, text: &mut String) {
    text.push_str("  # select: identity.department == \"Engineering\"   # who gets an account; absent: everybody\n");
    if !spec.groups.is_empty() || spec.scim.is_some() {
        text.push_str("  # groups: {}   # its groups and who is in them too\n");
    }
    if spec.scim.is_some() {
        return text.push_str(
            "  # mapping: {rules: [{attribute: …, value: …}]}   # beside the default mapping of `headcount connector show scim`\n",
        );
    }
    let accounts = spec.accounts.as_ref();
    let written = accounts.into_iter().flat_map(|accounts| &accounts.attributes);
    let written = written.filter(|(_, rules)| rules.path.is_some() || !rules.write.is_empty()).map(|(name, _)| name.as_str());
    let _ = writeln!(text, "  # mapping: {{rules: [{{attribute: …, value: …}}]}}   # it writes {}", written.collect::<Vec<_>>().join(", "));
}

/// What is known to mean that somebody has no access: a word that is not known, and none, say nothing of that.
fn gone(active: &Active) -> String {
    let read = active.read.text();
    let Some(words) = &active.words else {
        return if active.read.bare_path().is_some() { format!("{read} == false") } else { negated(read) };
    };
    let quoted: Vec<String> = words.inactive.iter().map(|word| Json::from(word.as_str()).to_string()).collect();
    match quoted.as_slice() {
        [only] => format!("{read} == {only}"),
        several => format!("{read} in [{}]", several.join(", ")),
    }
}

/// The opposite of a condition, without two negations in a row.
fn negated(text: &str) -> String {
    let inner = text.strip_prefix("!(").and_then(|rest| rest.strip_suffix(')'));
    // The bracket that opens there closes at the end.
    let whole = |inner: &&str| {
        let mut depth = 0i32;
        inner.chars().all(|sign| {
            depth += i32::from(sign == '(') - i32::from(sign == ')');
            depth >= 0
        })
    };
    let path = text.strip_prefix('!').filter(|rest| rest.chars().all(|letter| letter.is_ascii_alphanumeric() || "._".contains(letter)));
    inner.filter(whole).or(path).map_or_else(|| format!("!({text})"), str::to_owned)
}

/// For an installation that says what the document gives as examples.
fn compiled(name: &str, spec: &ConnectorSpec) -> Option<Definition> {
    let said = |(name, rules): (&String, &ConfigValue)| Some((name.clone(), rules.example.clone().or(rules.default.clone())?));
    let config: BTreeMap<String, String> = spec.config.iter().filter(|(_, rules)| !rules.optional).filter_map(said).collect();
    Definition::compile(name, spec, &config).ok()
}

/// A text as YAML has it: bare where that is beyond doubt.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-@/".contains(letter))
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Expression, Input, Root};
    use crate::manifest::catalog::catalog;
    use crate::model::{Cell, Tables};

    #[test]
    fn whose_status_is_not_there_has_not_left_by_any_line_of_the_catalog() {
        let mut lines = 0;
        for (name, spec) in catalog() {
            let text = start(name, spec, Role::Source);
            let Some(line) = text.lines().find_map(|line| line.trim().strip_prefix("lifecycle: {leaver: ")?.strip_suffix('}')) else {
                continue;
            };
            lines += 1;
            let condition =
                line.strip_prefix('\'').and_then(|line| line.strip_suffix('\'')).map_or(line.to_owned(), |line| line.replace("''", "'"));
            let compiled = Expression::compile(&condition, Root::Record, &Tables::default()).expect("it compiles");
            for nothing in [Cell::Missing, Cell::Null] {
                let inputs: Vec<_> = compiled.reads().iter().map(|_| Input::Cell(nothing)).collect();
                assert_eq!(compiled.holds(&inputs), Ok(false), "{name}: {condition}");
            }
        }
        assert!(lines > 20, "{lines}");
    }
}
