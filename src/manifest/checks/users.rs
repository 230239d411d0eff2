//! What Users say about records and keys: each record is one identity's, each key one identity's former one.
//!
//! Must never: let the last of two that say something else win.

use std::collections::BTreeMap;

use super::{Context, Diagnostic, Origin};
use crate::manifest::Document;
use crate::manifest::kinds::UserSpec;
use crate::model::Key;

/// Where something was said, and in which User.
type Said<'a> = (&'a Document<UserSpec>, String);

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let users = &context.loaded.users;
    let mut overridden: BTreeMap<String, Said<'_>> = BTreeMap::new();
    let mut records: BTreeMap<String, Said<'_>> = BTreeMap::new();
    let mut former: BTreeMap<String, Said<'_>> = BTreeMap::new();
    for user in users {
        if let Some(identity) = &user.spec.overrides {
            let key = Key::record(&identity.source, &identity.key).to_string();
            let problem = |other: &str| format!("the Users `{other}` and `{}` override the same identity `{key}`", user.name);
            once(context, &mut overridden, &key, (user, "/spec/overrides".into()), problem, "put everything into one of them", problems);
        }
        for (at, record) in user.spec.records.iter().enumerate() {
            let key = Key::record(&record.source, &record.key).to_string();
            let problem = |other: &str| format!("the record `{key}` is named by the Users `{other}` and `{}`", user.name);
            let hint = "a record is one identity's: take it out of one of them";
            once(context, &mut records, &key, (user, format!("/spec/records/{at}")), problem, hint, problems);
        }
        for (at, key) in user.spec.former_keys.iter().enumerate() {
            let pointer = format!("/spec/formerKeys/{at}");
            is_key(context, &user.origin, &pointer, key, problems);
            let problem = |other: &str| format!("`{key}` is a former key of the Users `{other}` and `{}`", user.name);
            let hint = "a key was one identity's: take it out of one of them";
            once(context, &mut former, key, (user, pointer), problem, hint, problems);
        }
        one_each(context, user, problems);
    }
}

/// The first that says something is named with every other.
fn once<'a>(
    context: &Context<'_>,
    said: &mut BTreeMap<String, Said<'a>>,
    what: &str,
    (user, pointer): Said<'a>,
    problem: impl Fn(&str) -> String,
    hint: &str,
    problems: &mut Vec<Diagnostic>,
) {
    let Some((first, place)) = said.get(what) else {
        said.insert(what.to_owned(), (user, pointer));
        return;
    };
    let related = context.place(&first.origin, place);
    let diagnostic = Diagnostic::error(problem(&first.name)).related(related, "the other one");
    problems.push(context.at(&user.origin, &pointer, diagnostic).hint(hint));
}

fn is_key(context: &Context<'_>, origin: &Origin, pointer: &str, key: &str, problems: &mut Vec<Diagnostic>) {
    if Key::of_identity(key).is_none_or(|(_, key)| key.trim().is_empty()) {
        let hint = "write the source and the key (`old-hr/10023`), or `user/<name>` for a User";
        problems.push(context.at(origin, pointer, Diagnostic::error("this is no identity's key")).hint(hint));
    }
}

/// An identity has one record in a source.
fn one_each(context: &Context<'_>, user: &Document<UserSpec>, problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, record) in user.spec.records.iter().enumerate() {
        let Some(first) = seen.insert(record.source.as_str(), at) else { continue };
        let related = context.place(&user.origin, &format!("/spec/records/{first}"));
        let message = format!("the User `{}` names two records of the Source `{}`", user.name, record.source);
        let diagnostic = Diagnostic::error(message).related(related, "the other one");
        problems.push(context.at(&user.origin, &format!("/spec/records/{at}"), diagnostic).hint("an identity has one record in a source"));
    }
}
