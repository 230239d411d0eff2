//! The address of a service is one, and two Groups don't fight for one name.

use std::collections::HashMap;

use super::{Context, Diagnostic, Origin};
use crate::manifest::connection::Address;
use crate::manifest::kinds::fold;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for (origin, connection) in context.loaded.connections() {
        if let Some(Address { pointer, url, hint, .. }) = connection.address() {
            address(context, origin, (&connection.pointer(pointer), url, hint), problems);
        }
    }
    same_name(context, problems);
}

fn address(context: &Context<'_>, origin: &Origin, (pointer, url, hint): (&str, &str, &'static str), problems: &mut Vec<Diagnostic>) {
    let wrong = match url::Url::parse(url) {
        Err(_) if !url.contains("://") => "the url has no scheme",
        Err(_) => "this is no url",
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") && !url.contains("://") => "the url has no scheme",
        Ok(url) if !matches!(url.scheme(), "http" | "https") => "the url must begin with https://",
        Ok(url) if url.host_str().is_none() => "the url names no host",
        Ok(url) if url.fragment().is_some() => "the url must end with its path, without #",
        Ok(_) => return,
    };
    problems.push(context.at(origin, pointer, Diagnostic::error(wrong).hint(hint)));
}

/// Groups of one name would be one group at every target that both stand at. Which those are, only the Targets' `groups` say, so it is a warning where they choose.
fn same_name(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let everywhere = context.loaded.targets.iter().any(|target| target.spec.groups.as_ref().is_some_and(|groups| groups.select.is_none()));
    let mut seen = HashMap::new();
    for group in context.loaded.groups.iter().filter(|group| group.spec.for_each.is_none() && context.is_sound(&group.origin)) {
        let Some(first) = seen.insert(fold(&group.spec.display_name), group) else { continue };
        if first.name == group.name {
            continue;
        }
        let message = format!("the Groups `{}` and `{}` have one name at the targets", first.name, group.name);
        let problem = if everywhere { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        let place = context.place(&first.origin, "/spec/displayName");
        let hint = "give one of them another displayName, or make one Group of them";
        problems.push(context.at(&group.origin, "/spec/displayName", problem).related(place, "the first one").hint(hint));
    }
}
