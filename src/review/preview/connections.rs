//! Which systems a preview opens: those that the base describes, by the base's own connection.
//!
//! Must never: take a connection for the same that leads elsewhere, also where its words stayed and its folder changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::{DocumentName, NotUsed, NotUsedKind};
use super::{Opening, Preview};
use crate::files::plain;
use crate::manifest::connection::{Described, SecretRef};
use crate::manifest::{Document, Loaded, Origin};

/// One side of a system.
struct System<'a> {
    origin: &'a Origin,
    connection: &'a dyn Described,
    written: Json,
    /// the Connector document that it means
    document: Json,
}

pub(super) fn openings(base: &Loaded, head: &Loaded) -> Preview {
    let mut preview = Preview::default();
    let mut of = |kind: &str, before: &BTreeMap<Arc<str>, System<'_>>, after: &BTreeMap<Arc<str>, System<'_>>| {
        let names: BTreeSet<&Arc<str>> = before.keys().chain(after.keys()).collect();
        let openings = names.into_iter().map(|name| {
            let (opening, place) = opening((kind, name), before.get(name), after.get(name), (base, head));
            if let Opening::Shut { words, .. } = &opening {
                let document = DocumentName { kind: kind.into(), name: name.clone() };
                let words = format!("the {kind} `{name}` is not previewed: {words}");
                let kind = if before.contains_key(name) { NotUsedKind::ChangedSystem } else { NotUsedKind::NewSystem };
                preview.not_used.push(NotUsed { document, words, kind, place });
            }
            (name.clone(), opening)
        });
        openings.collect::<BTreeMap<_, _>>()
    };
    let sources = of("Source", &sources(base), &sources(head));
    let targets = of("Target", &targets(base), &targets(head));
    Preview { sources, targets, ..preview }
}

fn sources(loaded: &Loaded) -> BTreeMap<Arc<str>, System<'_>> {
    let system =
        |source| system(source, loaded, |spec: &crate::manifest::kinds::SourceSpec| (spec.connection.described(), json(&spec.connection)));
    loaded.sources.iter().map(system).collect()
}

fn targets(loaded: &Loaded) -> BTreeMap<Arc<str>, System<'_>> {
    let system =
        |target| system(target, loaded, |spec: &crate::manifest::kinds::TargetSpec| (spec.connection.described(), json(&spec.connection)));
    loaded.targets.iter().map(system).collect()
}

fn system<'a, T>(document: &'a Document<T>, loaded: &Loaded, of: impl Fn(&'a T) -> (&'a dyn Described, Json)) -> (Arc<str>, System<'a>) {
    let (connection, written) = of(&document.spec);
    let meant = connection.document().and_then(|name| crate::manifest::catalog::named(loaded, name));
    let meant = meant.map(|meant| json(meant.as_ref())).unwrap_or_default();
    (document.name.clone(), System { origin: &document.origin, connection, written, document: meant })
}

fn json(value: &impl serde::Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn opening(
    (kind, name): (&str, &Arc<str>),
    before: Option<&System<'_>>,
    after: Option<&System<'_>>,
    (base, head): (&Loaded, &Loaded),
) -> (Opening, Option<crate::diagnostic::Place>) {
    let place = after.map(|after| head.connection(after.origin));
    let by_branch = |words: String| (Opening::Shut { words, by_branch: true }, place.clone());
    let runs = |side: &System<'_>| side.connection.secrets().iter().any(|secret| matches!(secret.value, SecretRef::Exec(_)));
    match (before, after) {
        (_, Some(after)) if after.connection.is_data() => {
            own_file(before, after, (base, head)).map_or_else(by_branch, |opening| (opening, None))
        }
        (Some(before), _) if runs(before) => {
            let words =
                "it signs in with a command (`exec`), and no preview runs one; let the preview sign in with `env` or `file`".to_owned();
            (Opening::Shut { words, by_branch: false }, place)
        }
        (Some(_), None) => (Opening::AsBase, None),
        (None, None) => (Opening::AsBase, None),
        (None, Some(_)) => by_branch(format!(
            "the branch brings it, and a preview opens no system but those that the base describes; `headcount plan` reads it once the {kind} is merged"
        )),
        (Some(before), Some(after)) if before.document != after.document => {
            let document = after.connection.document().unwrap_or_default();
            let own = head.connectors.iter().find(|known| known.name.as_ref() == document);
            let words = format!("the branch changes the Connector `{document}`, and a preview uses the base's documents alone");
            (Opening::Shut { words, by_branch: true }, own.map(|own| head.place(&own.origin, "")).or(place))
        }
        (Some(before), Some(after)) if before.written != after.written || paths(before) != paths(after) => {
            let command = if runs(after) { ", and would run a command (`exec`), which no preview does" } else { "" };
            by_branch(format!("the branch changes the connection of `{name}`{command}; a preview opens only what the base describes"))
        }
        (Some(_), Some(_)) => (Opening::AsBase, None),
    }
}

/// Of records in a file: the branch's own where it has them, for data in the repository is part of what is reviewed.
fn own_file(before: Option<&System<'_>>, after: &System<'_>, (base, head): (&Loaded, &Loaded)) -> Result<Opening, String> {
    let here = paths(after);
    if here.iter().all(|path| head.files.has(path)) {
        return Ok(Opening::OwnFile);
    }
    if here.iter().any(|path| base.files.has(path)) {
        return Err("the branch takes its file away, and after the merge it could not be read; keep the file, or take the Source out of the manifests".to_owned());
    }
    match before {
        Some(before) if before.written == after.written && paths(before) == here => Ok(Opening::AsBase),
        _ => Err("the branch has no such file, and for a branch no other file of this machine is opened; commit the file, or leave the path as the base has it".to_owned()),
    }
}

/// Where the files are that a connection names.
fn paths(side: &System<'_>) -> BTreeSet<PathBuf> {
    let secrets = side.connection.secrets();
    let secrets = secrets.iter().filter_map(|secret| if let SecretRef::File(path) = secret.value { Some(path.as_str()) } else { None });
    let files = side.connection.files();
    let authority = authorities(&side.written);
    let all = files.iter().map(|file| file.value).chain(secrets).chain(authority);
    all.map(|path| plain(&side.origin.base.join(path))).collect()
}

/// Certificate files, wherever a connection has one.
fn authorities(written: &Json) -> Vec<&str> {
    let mut open = vec![written];
    let mut found = Vec::new();
    while let Some(value) = open.pop() {
        if let Json::Object(fields) = value {
            found.extend(fields.get("caFile").and_then(Json::as_str));
            open.extend(fields.values());
        }
    }
    found
}
