//! What an object may not say, though a file may: whoever may write an object in a namespace could have the operator run a command, or read what only it may read.
//!
//! Must never: let a reference through that is resolved on the operator's machine.

use std::path::{Component, Path};

use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::{MailAuth, NotificationWay, StateLocation, StateSpec};
use crate::manifest::{Loaded, Origin};

/// Everything that is refused.
pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut secret = |origin: &Origin, secret: &SecretRef, whose: &str| {
        if !matches!(secret, SecretRef::SecretKeyRef(_)) {
            let problem = Diagnostic::error(format!(
                "in a cluster {whose} comes from secretKeyRef: what env, file and exec would give is the operator's own"
            ));
            problems.push(at(origin, problem).hint("put it into a Secret of this namespace, and write `secretKeyRef: {name: …, key: …}`"));
        }
    };
    for (origin, connection) in loaded.connections() {
        connection.secrets().iter().for_each(|part| {
            secret(origin, part.value, &format!("`{}`", connection.pointer(part.pointer).trim_start_matches('/').replace('/', ".")))
        });
    }
    let Some(workspace) = &loaded.workspace else { return problems };
    for receiver in &workspace.spec.notifications {
        let whose = format!("a secret of the receiver `{}`", receiver.name);
        match &receiver.to {
            NotificationWay::Webhook(to) => {
                std::iter::once(&to.secret).chain(&to.former_secret).for_each(|one| secret(&workspace.origin, one, &whose))
            }
            NotificationWay::Slack(to) => secret(&workspace.origin, &to.url, &whose),
            NotificationWay::Email(to) => to.auth.iter().for_each(|MailAuth { password, .. }| secret(&workspace.origin, password, &whose)),
        }
    }
    if let Some(encryption) = workspace.spec.state.as_ref().and_then(|state| state.encryption.as_ref()) {
        secret(&workspace.origin, &encryption.secret, "what wraps the keys of the state");
    }
    let location = workspace.spec.state.as_ref().and_then(StateSpec::location);
    if let Some(StateLocation::Postgres(postgres)) = &location {
        postgres.password.iter().for_each(|password| secret(&workspace.origin, password, "the password of the state"));
    }
    if let Some(StateLocation::Path(path)) = &location
        && leads_out(Path::new(path))
    {
        let problem = Diagnostic::error(format!("`spec.state.path` leads out of the namespace's own folder: {path}"));
        problems.push(at(&workspace.origin, problem).hint("write a path below it, such as `state.db`, or leave it out"));
    }
    if !workspace.spec.allowed_directories.is_empty() {
        let problem = Diagnostic::error("`spec.allowedDirectories` is for files of a machine, and not for objects of a cluster");
        problems.push(
            at(&workspace.origin, problem).hint("mount files below the namespace's own folder in the operator's volume, and take it out"),
        );
    }
    problems
}

fn leads_out(path: &Path) -> bool {
    path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
}

fn at(origin: &Origin, problem: Diagnostic) -> Diagnostic {
    problem.at(Place { file: origin.file.clone(), line: origin.line, column: 1 }, 1)
}
