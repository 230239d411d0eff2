//! What can be looked at without a network, for `headcount validate`: the files that Sources read, the tables of SQLite files, and whether an address is one.
//!
//! Must never: open a connection, resolve a secret, or write.

use std::io::ErrorKind;

use super::read::read_source_file;
use crate::connector::{Surroundings, registry};
use crate::diagnostic::Diagnostic;
use crate::manifest::connection::{Auth, Database, ScimConnection, SecretRef};
use crate::manifest::kinds::{SourceConnection, TargetConnection};
use crate::manifest::{Loaded, Origin};
use crate::model::{Evidence, ObjectKind, SystemError};
use crate::policy::Policy;

/// Every problem that a run would meet with what lies on this machine.
pub async fn look(loaded: &Loaded, policy: &Policy) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (at, source) in loaded.sources.iter().enumerate() {
        match &source.spec.connection {
            SourceConnection::Scim(scim) => address(loaded, &source.origin, scim, &mut problems),
            SourceConnection::File(file) if absent(loaded, &source.origin, &file.path, &mut problems) => {}
            SourceConnection::File(_) | SourceConnection::Sql(_) => {
                let report = read_source_file(loaded, policy, at).await;
                if let Evidence::Unreadable { reason } | Evidence::Partial { reason } = report.of(ObjectKind::Account) {
                    problems.push(marked(loaded, &source.origin, Diagnostic::error(format!("the Source `{}`: {reason}", source.name))));
                }
            }
        }
    }
    for target in &loaded.targets {
        match &target.spec.connection {
            TargetConnection::Scim(scim) => address(loaded, &target.origin, scim, &mut problems),
            TargetConnection::Sql(sql) => {
                let Database::Sqlite(file) = &sql.database;
                if absent(loaded, &target.origin, &file.path, &mut problems) {
                    continue;
                }
                let surroundings = Surroundings::at(target.origin.base.as_path());
                if let Err(error) = registry::open_target(&target.spec.connection, &surroundings).await {
                    problems.push(marked(
                        loaded,
                        &target.origin,
                        Diagnostic::error(format!("the Target `{}`: {}", target.name, words(error))),
                    ));
                }
            }
        }
    }
    problems
}

/// A file may come later, as an export does. Nothing of it can be looked at then.
fn absent(loaded: &Loaded, origin: &Origin, path: &str, problems: &mut Vec<Diagnostic>) -> bool {
    let gone = std::fs::metadata(origin.base.join(path)).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if gone {
        let problem = Diagnostic::warning(format!("`{path}` is not there, so nothing of it was looked at"));
        let hint = "correct the path, which counts from this manifest; where the file comes later, all is well";
        problems.push(marked(loaded, origin, problem).hint(hint));
    }
    gone
}

/// Without its class, which is for whoever reads many.
fn words(error: SystemError) -> String {
    let mut words = String::new();
    error.map_words(|said| {
        said.clone_into(&mut words);
        String::new()
    });
    words
}

fn address(loaded: &Loaded, origin: &Origin, scim: &ScimConnection, problems: &mut Vec<Diagnostic>) {
    let secret = match &scim.auth {
        Some(Auth::Bearer(secret)) => Some((secret, "/spec/connection/scim/auth/bearer")),
        Some(Auth::Basic(basic)) => Some((&basic.password, "/spec/connection/scim/auth/basic/password")),
        None => None,
    };
    if let Some((SecretRef::SecretKeyRef(_), pointer)) = secret {
        let problem = Diagnostic::warning("`secretKeyRef` names a Secret of Kubernetes, and headcount does not run inside of it here");
        let hint = "write `{env: NAME}` or `{file: PATH}`; in a pod, mount the Secret as either";
        problems.push(loaded.outline(origin).mark(pointer, problem).hint(hint));
    }
}

fn marked(loaded: &Loaded, origin: &Origin, problem: Diagnostic) -> Diagnostic {
    loaded
        .outline(origin)
        .mark(loaded.connection_pointer(origin), problem)
        .hint("to look at the manifests alone: `headcount validate --manifests-only`")
}
