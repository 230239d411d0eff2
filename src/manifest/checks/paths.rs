//! Files that manifests name lie in the workspace, or where it allows them.

use super::{Context, Diagnostic, Origin};
use crate::manifest::kinds::LookupTable;
use crate::manifest::paths::leads_outside;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let loaded = context.loaded;
    for (origin, connection) in loaded.connections() {
        for file in connection.files() {
            path(context, origin, &connection.pointer(file.pointer), file.value, problems);
        }
    }
    if let Some(workspace) = &loaded.workspace {
        for (name, table) in &workspace.spec.tables {
            if let LookupTable::File(file) = table {
                let pointer = format!("/spec/tables/{}/file/path", name.replace('~', "~0").replace('/', "~1"));
                path(context, &workspace.origin, &pointer, &file.path, problems);
            }
        }
    }
}

fn path(context: &Context<'_>, origin: &Origin, pointer: &str, path: &str, problems: &mut Vec<Diagnostic>) {
    if leads_outside(context.loaded, &origin.base, path) {
        let problem = Diagnostic::error(format!("`{path}` leads out of the workspace"));
        let hint =
            "put the file into the folder that `-f` names, or list its directory in the Workspace: `allowedDirectories: [../exports]`";
        problems.push(context.at(origin, pointer, problem).hint(hint));
    }
}
