//! Secrets never stand in a manifest: what looks like one is an error, and its line is not shown.

use super::{Context, Diagnostic, Origin};
use crate::manifest::connection::{Address, ConnectionPart, Described, SecretRef};

/// How well-known tokens and keys begin.
const MARKS: [&str; 16] = [
    "-----BEGIN",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "AKIA",
    "AIza",
    "eyJhbGci",
    "ATATT3x",
    "shpat_",
];

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let loaded = context.loaded;
    for (origin, described) in loaded.connections() {
        connection(context, origin, described, problems);
    }
    for user in &loaded.users {
        for (name, value) in &user.spec.attributes {
            if value.as_str().is_some_and(looks_like_a_secret) {
                let pointer = format!("/spec/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
                pasted(context, &user.origin, &pointer, problems);
            }
        }
    }
}

fn connection(context: &Context<'_>, origin: &Origin, connection: &dyn Described, problems: &mut Vec<Diagnostic>) {
    if let Some(address) = connection.address() {
        open(context, origin, &connection.pointer(address.pointer), &address, problems);
    }
    for ConnectionPart { pointer, value } in connection.secrets() {
        reference(context, origin, &connection.pointer(pointer), value, problems);
    }
}

/// What an address gives away.
fn open(context: &Context<'_>, origin: &Origin, pointer: &str, address: &Address<'_>, problems: &mut Vec<Diagnostic>) {
    let authority = address.url.split_once("://").map_or(address.url, |(_, rest)| rest).split(['/', '?', '#']).next();
    let in_query = address.url.split_once('?').is_some_and(|(_, query)| {
        let query = query.to_ascii_lowercase();
        ["token=", "key=", "secret=", "password="].iter().any(|word| query.contains(word))
    });
    if authority.is_some_and(|authority| authority.contains('@')) || in_query {
        let problem = Diagnostic::error("the URL holds a secret").conceal();
        let hint = "take it out, change it, and sign in with `auth: {basic: {username: …, password: {env: NAME}}}` or `bearer`";
        problems.push(context.at(origin, pointer, problem).hint(hint));
    }
    if address.signs_in_openly {
        let problem = Diagnostic::error("credentials would go over plain http, where anybody on the way reads them");
        let hint = "use https; where the way is safe, say `allowPlainHttp: true`";
        problems.push(context.at(origin, pointer, problem).hint(hint));
    }
}

/// A reference that holds the secret itself.
pub(super) fn reference(context: &Context<'_>, origin: &Origin, pointer: &str, secret: &SecretRef, problems: &mut Vec<Diagnostic>) {
    match secret {
        SecretRef::Env(name) if !is_variable(name) => pasted(context, origin, &format!("{pointer}/env"), problems),
        SecretRef::File(path) if looks_like_a_secret(path) || path.contains('\n') => {
            pasted(context, origin, &format!("{pointer}/file"), problems)
        }
        SecretRef::Exec(arguments) if arguments.is_empty() => {
            let problem = Diagnostic::error("`exec` names no command").hint("write the command and its arguments as a list");
            problems.push(context.at(origin, &format!("{pointer}/exec"), problem));
        }
        SecretRef::Exec(arguments) => {
            for (at, _) in arguments.iter().enumerate().filter(|(_, argument)| looks_like_a_secret(argument)) {
                pasted(context, origin, &format!("{pointer}/exec/{at}"), problems);
            }
        }
        _ => {}
    }
}

fn pasted(context: &Context<'_>, origin: &Origin, pointer: &str, problems: &mut Vec<Diagnostic>) {
    let problem = Diagnostic::error("this looks like a secret, and not like the name of one").conceal();
    let hint = "secrets never stand in a manifest; take it out, change it, and write `{env: NAME}` or `{file: PATH}`";
    problems.push(context.at(origin, pointer, problem).hint(hint));
}

/// What a shell takes for the name of a variable, and nobody for a token.
fn is_variable(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters
        && name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && !looks_like_a_secret(name)
}

fn looks_like_a_secret(text: &str) -> bool {
    MARKS.iter().any(|mark| text.strip_prefix(mark).is_some_and(|rest| rest.len() >= 10))
}
