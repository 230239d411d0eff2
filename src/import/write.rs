//! The documents as text, in the house style: what was worked out has a comment that says so, and a key has the name beside it.
//!
//! Must never: let a name from outside end a comment's line or a value.

use std::sync::Arc;

use super::Members;
use super::guess::{Each, Rule, path};
use crate::manifest::{API_VERSION, scalar};
use crate::model::Key;
use crate::planning::ExistingAccount;

/// Parts of names of what gives power over a system.
const PRIVILEGED: [&str; 6] = ["admin", "root", "owner", "sudo", "superuser", "privileged"];
/// Names that are listed before the rest is counted.
const NAMED: usize = 6;

/// Whether a name says that whoever is in it may do much: its people are named one by one, always.
pub fn sounds_privileged(name: &str) -> bool {
    let name = name.to_lowercase();
    PRIVILEGED.iter().any(|word| name.contains(word))
}

fn head(kind: &str, name: &str, comment: &str) -> String {
    let beside = if comment.is_empty() { String::new() } else { format!("   # {}", line(comment)) };
    format!("apiVersion: {API_VERSION}\nkind: {kind}\nmetadata: {{name: {}}}{beside}\nspec:\n", scalar(name))
}

/// An account that nobody claims, as somebody who stands alone.
pub(super) fn user(name: &str, target: &str, account: &ExistingAccount) -> String {
    let mut text = head("User", name, &format!("who owns it? An account at {target} that nobody claims"));
    text.push_str("  attributes:\n");
    let mut attributes = account.attributes.clone();
    attributes.entry("userName".into()).or_insert_with(|| account.name.clone());
    for (name, value) in attributes {
        text.push_str(&format!("    {}: {}\n", scalar(&name), scalar(&value)));
    }
    text
}

/// One group for each value.
pub(super) fn each(name: &str, each: &Each) -> String {
    let mut text = head("Group", name, "");
    let comment = format!("   # guess: exactly today's members of {} groups", each.groups.len());
    text.push_str(&format!("  forEach: {}{comment}\n  displayName: '{}'\n", path(&each.attribute), each.display_name.replace('\'', "''")));
    if !each.except.is_empty() {
        let values: Vec<String> = each.except.iter().map(|value| scalar(value)).collect();
        text.push_str(&format!("  except: [{}]   # no group has this name\n", values.join(", ")));
    }
    if let Some(condition) = &each.condition {
        text.push_str(&format!("  rule: {}\n", expression(condition)));
    }
    text.push_str(lifecycles(each.on_leave));
    text
}

/// A group by a rule.
pub(super) fn ruled(name: &str, called: &str, rule: &Rule, members: usize) -> String {
    let text = head("Group", name, "") + &format!("  displayName: {}\n", scalar(called));
    format!("{text}  rule: {}   # guess: covers exactly today's {members} members\n{}", expression(&rule.text), lifecycles(rule.on_leave))
}

/// A group by its members' names.
pub(super) fn listing(name: &str, called: &str, members: &[(String, String)], of: &Members, nested: bool) -> String {
    let comment = if sounds_privileged(called) { "its name sounds privileged: who approved these?" } else { "" };
    let mut text = head("Group", name, comment) + &format!("  displayName: {}\n", scalar(called));
    if sounds_privileged(called) {
        text.push_str("  privileged: true\n");
    }
    if nested {
        text.push_str("  members:   # guess: exactly today's members of these groups together\n");
    } else if members.is_empty() {
        let who = if of.left == 0 { "it has no members" } else { "nobody whom a Source or a User knows is in it" };
        text.push_str(&format!("  members: []\n  allowEmpty: true   # {who}\n"));
    } else {
        text.push_str("  members:\n");
    }
    text + &lines(members) + &left(of)
}

/// An entitlement by a rule or by names.
pub(super) fn entitlement(
    name: &str,
    called: &str,
    target: &str,
    rule: Option<&Rule>,
    members: &[(String, String)],
    of: &Members,
) -> String {
    let mut text = head("Entitlement", name, "") + &format!("  target: {}\n", scalar(target));
    if name != called {
        text.push_str(&format!("  entitlement: {}\n", scalar(called)));
    }
    match rule {
        Some(rule) => {
            text.push_str(&format!("  when: {}   # guess: covers exactly today's {}\n", expression(&rule.text), of.people.len()));
            text.push_str(lifecycles(rule.on_leave));
        }
        None => text.push_str(&format!("  members:\n{}", lines(members))),
    }
    text + &left(of)
}

fn left(of: &Members) -> String {
    match of.left {
        0 => String::new(),
        1 => "  # left out: 1 member that is nobody's, or somebody's who has left\n".to_owned(),
        more => format!("  # left out: {more} members that are nobody's, or somebody's who has left\n"),
    }
}

fn lifecycles(on_leave: bool) -> &'static str {
    if on_leave { "  lifecycles: [active, suspended]\n" } else { "" }
}

/// The names stand in one column.
fn lines(members: &[(String, String)]) -> String {
    let width = members.iter().map(|(member, _)| member.chars().count()).max().unwrap_or(0);
    let one = |(member, name): &(String, String)| {
        let comment = if name.is_empty() { String::new() } else { format!("   # {}", line(name)) };
        format!("{}\n", format!("  - {member:width$}{comment}").trim_end())
    };
    members.iter().map(one).collect()
}

/// `{identity: {source: people, key: "1012"}}`, or `{user: build-bot}`.
pub(super) fn member(key: &str) -> String {
    match Key::of(key) {
        Some(Key::Record { source, key }) => format!("{{identity: {{source: {}, key: {}}}}}", scalar(source), scalar(key)),
        Some(Key::User { name }) => user_member(name),
        _ => user_member(key),
    }
}

pub(super) fn user_member(name: &str) -> String {
    format!("{{user: {}}}", scalar(name))
}

pub(super) fn group_member(name: &str) -> String {
    format!("{{group: {}}}", scalar(name))
}

/// Bare where YAML takes it so, else in single quotes, since expressions have double ones.
fn expression(text: &str) -> String {
    let bare = text.starts_with("identity") && !text.contains(": ") && !text.contains(" #") && !text.chars().any(char::is_control);
    if bare { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Names, and how many more there are.
pub(super) fn listed(names: &[Arc<str>]) -> String {
    let mut words: Vec<String> = names.iter().take(NAMED).map(|name| line(name)).collect();
    if names.len() > NAMED {
        words.push(format!("{} more", names.len() - NAMED));
    }
    words.join(", ")
}

/// On one line.
fn line(words: &str) -> String {
    words.chars().map(|letter| if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') { ' ' } else { letter }).collect()
}

/// A name as documents have them: lower case letters, digits, `-` and `.`.
pub fn slug(name: &str) -> String {
    let plain = crate::expr::plain(name).to_lowercase();
    let mut slug = String::new();
    for letter in plain.chars() {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            '.' | '-' | '_' | ' ' | '@' | '/' if !slug.is_empty() && !slug.ends_with(['-', '.']) => {
                slug.push(if letter == '.' { '.' } else { '-' })
            }
            _ => {}
        }
    }
    let slug: String = slug.chars().take(60).collect();
    let slug = slug.trim_end_matches(['-', '.']);
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}
