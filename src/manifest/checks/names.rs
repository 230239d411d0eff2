//! Names and labels are what Kubernetes takes: the same document must work there.

use super::{Context, Diagnostic, Origin};
use crate::manifest::Document;
use crate::model::RESERVED;

/// Kubernetes' limit for a resource's name.
const MAX_NAME: usize = 253;
/// Kubernetes' limit for a label's value and for a key's last part.
const MAX_LABEL: usize = 63;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for one in context.declared {
        if !is_name(&one.name) {
            let message = format!("`{}` is no name for a {}", shown(&one.name), one.kind);
            let problem = context.at(&one.origin, "/metadata/name", Diagnostic::error(message));
            problems.push(problem.hint(hint(&one.name)));
        } else if one.kind == "Source" && RESERVED.contains(&one.name.as_ref()) {
            problems.push(context.at(&one.origin, "/metadata/name", reserved(&one.name)).hint("name it by its system, such as `hr`"));
        }
    }
    for source in &context.loaded.sources {
        for (at, name) in source.spec.previous_names.iter().enumerate().filter(|(_, name)| RESERVED.contains(&name.as_str())) {
            problems.push(
                context.at(&source.origin, &format!("/spec/previousNames/{at}"), reserved(name)).hint("take it out: no Source had it"),
            );
        }
    }
    let loaded = context.loaded;
    loaded.workspace.iter().for_each(|one| labels(context, one, problems));
    loaded.sources.iter().for_each(|one| labels(context, one, problems));
    loaded.targets.iter().for_each(|one| labels(context, one, problems));
    loaded.mappings.iter().for_each(|one| labels(context, one, problems));
    loaded.users.iter().for_each(|one| labels(context, one, problems));
    loaded.groups.iter().for_each(|one| labels(context, one, problems));
    loaded.entitlements.iter().for_each(|one| labels(context, one, problems));
    loaded.revocations.iter().for_each(|one| labels(context, one, problems));
    loaded.approvals.iter().for_each(|one| labels(context, one, problems));
    loaded.personas.iter().for_each(|one| labels(context, one, problems));
}

fn reserved(name: &str) -> Diagnostic {
    let message = format!("a Source can't be called `{name}`: keys that begin with `{name}` are no records");
    Diagnostic::error(message)
}

fn labels<T>(context: &Context<'_>, document: &Document<T>, problems: &mut Vec<Diagnostic>) {
    for (key, value) in &document.labels {
        let name = key.rsplit_once('/').map_or(key.as_ref(), |(_, name)| name);
        let prefix = key.rsplit_once('/').map(|(prefix, _)| prefix);
        if !is_word(name) || prefix.is_some_and(|prefix| !is_name(prefix)) {
            label(context, &document.origin, key, format!("`{}` is no key for a label", shown(key)), problems);
        } else if !value.is_empty() && !is_word(value) {
            label(context, &document.origin, key, format!("the label `{key}` has a value that Kubernetes does not take"), problems);
        }
    }
}

fn label(context: &Context<'_>, origin: &Origin, key: &str, message: String, problems: &mut Vec<Diagnostic>) {
    let pointer = format!("/metadata/labels/{}", key.replace('~', "~0").replace('/', "~1"));
    let hint = "letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends; anything else fits an annotation";
    problems.push(context.at(origin, &pointer, Diagnostic::error(message)).hint(hint));
}

/// RFC 1123, as Kubernetes reads it: parts of `a-z`, `0-9` and `-`, joined by dots, none starting or ending with `-`.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let inner = part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
    };
    name.len() <= MAX_NAME && name.split('.').all(part)
}

fn is_word(word: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let inner = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    inner && word.len() <= MAX_LABEL && ends(word.chars().next()) && ends(word.chars().last())
}

fn hint(name: &str) -> String {
    let lower = name.to_lowercase().replace(['_', ' ', '@', '/'], "-");
    let near = lower.trim_matches(['-', '.']);
    if is_name(near) {
        format!("write `{near}`; lower case letters, digits, `-` and `.`, as Kubernetes wants it")
    } else {
        "lower case letters, digits, `-` and `.`, with a letter or digit at both ends, as Kubernetes wants it".to_owned()
    }
}

fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
