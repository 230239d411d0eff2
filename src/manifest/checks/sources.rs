//! Several sources must say who makes people exist and whose value wins.

use std::collections::BTreeMap;

use super::{Context, Diagnostic};
use crate::manifest::Document;
use crate::manifest::kinds::SourceSpec;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    // What is missing may stand in a document that could not be read.
    if context.has_broken("Source") || context.has_broken("AttributeMapping") {
        return;
    }
    let sources = &context.loaded.sources;
    if let [only] = sources.as_slice() {
        if only.spec.establishes == Some(false) && !context.loaded.users.iter().any(|user| user.spec.overrides.is_none()) {
            let problem = Diagnostic::error(format!("the only Source `{}` does not establish identities, so nobody exists", only.name));
            problems.push(context.at(&only.origin, "/spec/establishes", problem).hint("write `establishes: true`"));
        }
    } else {
        establishing(context, sources, problems);
    }
    for source in sources.iter().filter(|source| source.spec.establishes == Some(false) && source.spec.correlate.is_empty()) {
        let message = format!("the Source `{}` does not establish identities and does not say how its records find theirs", source.name);
        let hint = "add `correlate:` with attributes in order, such as `[employeeNumber]`";
        problems.push(context.at(&source.origin, "/spec", Diagnostic::error(message)).hint(hint));
    }
    previous_names(context, sources, problems);
    ranks(context, sources, problems);
    precedence(context, sources, problems);
}

/// A name is one Source's, now or before: of two nobody could say whose keys its keys are.
fn previous_names(context: &Context<'_>, sources: &[Document<SourceSpec>], problems: &mut Vec<Diagnostic>) {
    let mut claimed: BTreeMap<&str, (&Document<SourceSpec>, String)> = BTreeMap::new();
    for source in sources {
        claimed.insert(source.name.as_ref(), (source, "/metadata/name".into()));
    }
    for source in sources {
        if source.spec.connection.described().is_pushed() && !source.spec.previous_names.is_empty() {
            let problem =
                Diagnostic::error("what a system pushed, and its tokens, stay under the Source's name: a Source with an inbox keeps it");
            problems
                .push(context.at(&source.origin, "/spec/previousNames", problem).hint("give it the name back that the system pushes to"));
        }
        for (at, name) in source.spec.previous_names.iter().enumerate() {
            let pointer = format!("/spec/previousNames/{at}");
            if let Some((other, place)) = claimed.get(name.as_str()) {
                let message = format!("`{name}` is a name of the Source `{}` too", other.name);
                let problem = Diagnostic::error(message).related(context.place(&other.origin, place), "the other one");
                problems.push(context.at(&source.origin, &pointer, problem).hint("take it out of one of them: its keys are one Source's"));
                continue;
            }
            claimed.insert(name, (source, pointer));
        }
    }
}

/// A Source that establishes and correlates finds people of a higher precedence: of two with the same one nobody could say which is found in which.
fn ranks(context: &Context<'_>, sources: &[Document<SourceSpec>], problems: &mut Vec<Diagnostic>) {
    let establishing: Vec<_> = sources.iter().filter(|source| source.spec.establishes != Some(false)).collect();
    let rank = |source: &Document<SourceSpec>| source.spec.precedence.unwrap_or(0);
    for (at, source) in establishing.iter().enumerate().filter(|(_, source)| !source.spec.correlate.is_empty()) {
        let others = || establishing.iter().enumerate().filter(|(other, _)| *other != at);
        // Of two that both correlate, one is told.
        let same = others().find(|(other, known)| rank(known) == rank(source) && (*other < at || known.spec.correlate.is_empty()));
        if let Some((_, other)) = same {
            let message = format!(
                "the Sources `{}` and `{}` establish identities with equal precedence, so neither can find those of the other",
                other.name, source.name
            );
            let place = context.place(&other.origin, "/metadata/name");
            let problem = context.at(&source.origin, "/spec/correlate", Diagnostic::error(message)).related(place, "the other one");
            problems.push(problem.hint("give the one whose keys identities shall have the higher `precedence`"));
        } else if others().count() > 0 && others().all(|(_, known)| rank(known) < rank(source)) {
            let message = format!("`{}` has the highest precedence of those that establish identities, so it finds none", source.name);
            let problem = Diagnostic::warning(message);
            problems.push(context.at(&source.origin, "/spec/correlate", problem).hint("put `correlate` into the others"));
        }
    }
}

/// With several sources every one must say it: a default would let a directory keep leavers alive.
fn establishing(context: &Context<'_>, sources: &[Document<SourceSpec>], problems: &mut Vec<Diagnostic>) {
    for source in sources.iter().filter(|source| source.spec.establishes.is_none()) {
        let message = format!("with several Sources, `{}` must say whether it establishes identities", source.name);
        let hint = "`establishes: true` if a record there makes somebody exist, `false` if it only adds attributes";
        problems.push(context.at(&source.origin, "/spec", Diagnostic::error(message)).hint(hint));
    }
    let none = !sources.is_empty() && sources.iter().all(|source| source.spec.establishes == Some(false));
    let standalone = context.loaded.users.iter().any(|user| user.spec.overrides.is_none());
    if none && !standalone {
        let message = "no Source establishes identities, so nobody exists";
        if let Some(first) = sources.first() {
            let problem = context.at(&first.origin, "/spec/establishes", Diagnostic::error(message));
            problems.push(problem.hint("write `establishes: true` in the Source whose records are people"));
        }
    }
}

/// Where a source's value for an attribute comes from, and how strongly.
struct Claim<'a> {
    source: &'a Document<SourceSpec>,
    pointer: String,
}

fn precedence(context: &Context<'_>, sources: &[Document<SourceSpec>], problems: &mut Vec<Diagnostic>) {
    let mut claims: BTreeMap<(&str, i32), Vec<Claim<'_>>> = BTreeMap::new();
    for source in sources {
        for (attribute, (precedence, pointer)) in claimed(context, source) {
            claims.entry((attribute, precedence)).or_default().push(Claim { source, pointer });
        }
    }
    // Two sources usually share many attributes: one problem for the pair.
    let mut pairs: BTreeMap<(&str, &str), (Vec<&str>, &Claim<'_>, &Claim<'_>)> = BTreeMap::new();
    for ((attribute, _), claims) in &claims {
        for pair in claims.windows(2) {
            let [first, other] = pair else { continue };
            let names = (first.source.name.as_ref(), other.source.name.as_ref());
            pairs.entry(names).or_insert((Vec::new(), first, other)).0.push(attribute);
        }
    }
    for ((one, two), (attributes, first, other)) in pairs {
        let names = attributes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("the Sources `{one}` and `{two}` give {names} with equal precedence: nobody can say whose value wins");
        let place = context.place(&first.source.origin, &first.pointer);
        let problem = context.at(&other.source.origin, &other.pointer, Diagnostic::error(message)).related(place, "the other one");
        problems.push(problem.hint("give one of the Sources, or the rule, another `precedence`; higher wins"));
    }
}

/// A source's attributes with their precedence; a rule in place wins over one of an AttributeMapping.
fn claimed<'a>(context: &'a Context<'_>, source: &'a Document<SourceSpec>) -> BTreeMap<&'a str, (i32, String)> {
    let spec = &source.spec;
    let own = spec.precedence.unwrap_or(0);
    let mut claims = BTreeMap::new();
    for (at, name) in spec.mapping.from.iter().enumerate() {
        let mapping = context.loaded.mappings.iter().find(|mapping| mapping.name.as_ref() == name);
        for rule in mapping.map_or(&[][..], |mapping| &mapping.spec.rules) {
            let precedence = rule.precedence.unwrap_or(own);
            claims.insert(rule.attribute.as_str(), (precedence, format!("/spec/mapping/from/{at}")));
        }
    }
    for (at, rule) in spec.mapping.rules.iter().enumerate() {
        let precedence = rule.precedence.unwrap_or(own);
        claims.insert(rule.attribute.as_str(), (precedence, format!("/spec/mapping/rules/{at}/attribute")));
    }
    claims
}
