//! What can be looked at without a network, for `headcount validate`: the files that Sources read, the tables of SQLite files, and whether an address is one.
//!
//! Must never: open a connection, resolve a secret, or write.

use std::io::ErrorKind;

use super::read::read_source_file;
use crate::connector::{Surroundings, registry};
use crate::diagnostic::Diagnostic;
use crate::manifest::connection::{Described, SecretRef};
use crate::manifest::{Loaded, Origin};
use crate::model::{Evidence, ObjectKind, SystemError};
use crate::policy::Policy;

/// Every problem that a run would meet with what lies on this machine.
pub async fn look(loaded: &Loaded, policy: &Policy) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (at, source) in loaded.sources.iter().enumerate() {
        if !lies_here(loaded, &source.origin, source.spec.connection.described(), &mut problems) {
            continue;
        }
        let report = read_source_file(loaded, policy, at).await;
        if let Evidence::Unreadable { reason } | Evidence::Partial { reason } = report.of(ObjectKind::Account) {
            problems.push(marked(loaded, &source.origin, Diagnostic::error(format!("the Source `{}`: {reason}", source.name))));
        }
    }
    for target in &loaded.targets {
        if !lies_here(loaded, &target.origin, target.spec.connection.described(), &mut problems) {
            continue;
        }
        let surroundings = Surroundings::at(target.origin.base.as_path());
        if let Err(error) = registry::open_target(&target.spec.connection, &surroundings).await {
            let problem = Diagnostic::error(format!("the Target `{}`: {}", target.name, words(error)));
            problems.push(marked(loaded, &target.origin, problem));
        }
    }
    problems
}

/// Whether there is something to look at on this machine; where not, what can be said without.
fn lies_here(loaded: &Loaded, origin: &Origin, connection: &dyn Described, problems: &mut Vec<Diagnostic>) -> bool {
    for secret in connection.secrets() {
        if matches!(secret.value, SecretRef::SecretKeyRef(_)) {
            let problem = Diagnostic::warning("`secretKeyRef` names a Secret of Kubernetes, and headcount does not run inside of it here");
            let hint = "write `{env: NAME}` or `{file: PATH}`; in a pod, mount the Secret as either";
            problems.push(loaded.outline(origin).mark(&connection.pointer(secret.pointer), problem).hint(hint));
        }
    }
    registry::is_local(connection) && !connection.files().iter().any(|file| absent(loaded, origin, file.value, problems))
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

fn marked(loaded: &Loaded, origin: &Origin, problem: Diagnostic) -> Diagnostic {
    loaded
        .outline(origin)
        .mark(&loaded.connection_pointer(origin), problem)
        .hint("to look at the manifests alone: `headcount validate --manifests-only`")
}
