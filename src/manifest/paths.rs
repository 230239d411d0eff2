//! Where files that manifests name may lie: inside of the workspace, or in a directory that the Workspace allows. Who may write a manifest may so not make
//! headcount read, show or write whatever else the machine holds.
//!
//! Must never: be led outside by `..`, by a link, or by a path that begins at the root.

use std::path::{Path, PathBuf};

use super::{Loaded, ManifestInput};
use crate::files::{plain, real};

/// The folders that the inputs make a workspace of: those that are named, and those of files that are named.
pub(super) fn roots(inputs: &[ManifestInput]) -> Vec<PathBuf> {
    let root = |input: &ManifestInput| match input {
        ManifestInput::Path(path) if path.is_dir() => path.clone(),
        ManifestInput::Path(path) => path.parent().unwrap_or(Path::new("")).to_owned(),
        ManifestInput::Text { base, .. } => base.clone(),
    };
    inputs.iter().map(root).collect()
}

/// Whether a path, as a manifest in `base` names it, leads out of the workspace and of all that it allows.
///
/// A file of a revision lies where its name says, whatever stands there on this machine.
pub(super) fn leads_outside(loaded: &Loaded, base: &Path, path: &str) -> bool {
    let whole = base.join(path);
    let real = if loaded.files.has(&whole) { plain } else { real };
    let path = real(&whole);
    !folders(loaded).any(|folder| path.starts_with(real(&folder)))
}

/// The folders in which files lie that manifests name.
pub(super) fn folders(loaded: &Loaded) -> impl Iterator<Item = PathBuf> {
    let allowed = loaded.workspace.iter().flat_map(|workspace| {
        let base = workspace.origin.base.as_path();
        workspace.spec.allowed_directories.iter().map(move |folder| base.join(folder))
    });
    loaded.roots.iter().cloned().chain(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn told(folder: &Path, workspace: &str, path: &str) -> Vec<String> {
        let manifest = format!(
            "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: acme}}\nspec: {{id: acme{workspace}}}\n---\n\
             apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: hr}}\nspec:\n  connection: {{file: {{path: {path:?}}}}}\n  \
             key: record.id\n  mapping: {{rules: [{{attribute: userName, value: record.id}}]}}\n"
        );
        std::fs::write(folder.join("ws/deep/headcount.yaml"), manifest).expect("written");
        let (_, problems) = load(&[ManifestInput::Path(folder.join("ws"))]);
        problems.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn files_lie_in_the_workspace_or_where_it_allows_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for name in ["ws/deep", "ws/data", "out"] {
            std::fs::create_dir_all(folder.join(name)).expect("a folder");
        }
        std::fs::write(folder.join("out/hr.csv"), "id\n").expect("written");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../../out", folder.join("ws/deep/link")).expect("a link");
            std::os::unix::fs::symlink("../../out/hr.csv", folder.join("ws/deep/hr.csv")).expect("a link");
        }
        let outside = folder.join("out/hr.csv").display().to_string();
        let inside = folder.join("ws/data/hr.csv").display().to_string();
        for path in ["new.csv", "../data/hr.csv", "./x/../../data/gone/hr.csv", &inside] {
            assert_eq!(told(folder, "", path), [""; 0], "{path}");
        }
        for path in ["../../out/hr.csv", "link/hr.csv", "link/../out/gone.csv", "hr.csv", "/etc/passwd", &outside] {
            let words = [format!("`{path}` leads out of the workspace")];
            assert_eq!(told(folder, "", path), words, "{path}");
            let allowed = told(folder, ", allowedDirectories: [../../out]", path);
            assert_eq!(allowed.is_empty(), path != "/etc/passwd", "{path}: {allowed:?}");
        }
    }
}
