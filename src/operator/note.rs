//! What is in force, as it stands in the namespace's folder: a cluster keeps no earlier objects, so a process that begins while the newest ones are bad has it from here.
//!
//! Must never: hand on a note that is not whole, or let anybody but its owner read it: it says who people are.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kinds::MANIFESTS;
use super::objects::{ManifestObject, ObjectName};
use crate::files;
use crate::model::Revision;

/// Where it is, below the namespace's folder.
const FILE: &str = ".headcount/in-force.json";
/// Far more than a cluster's store holds of one namespace.
const MOST: u64 = 1 << 30;

/// A revision that was in force.
#[derive(Serialize, Deserialize)]
pub(super) struct InForceNote {
    pub revision: Revision,
    objects: Vec<NotedObject>,
}

#[derive(Serialize, Deserialize)]
struct NotedObject {
    kind: String,
    name: Arc<str>,
    generation: i64,
    uid: Arc<str>,
    text: Arc<str>,
}

impl InForceNote {
    pub fn new(revision: Revision, objects: &BTreeMap<ObjectName, ManifestObject>) -> Self {
        let noted = |((kind, name), object): (&ObjectName, &ManifestObject)| NotedObject {
            kind: (*kind).to_owned(),
            name: name.clone(),
            generation: object.generation,
            uid: object.uid.clone(),
            text: object.text.clone(),
        };
        Self { revision, objects: objects.iter().map(noted).collect() }
    }

    /// The documents; what was said of them, and asked, is not kept.
    pub fn objects(self) -> (Revision, BTreeMap<ObjectName, ManifestObject>) {
        let object = |noted: NotedObject| {
            let kind = MANIFESTS.iter().map(|(kind, _)| *kind).find(|kind| *kind == noted.kind)?;
            let NotedObject { name, generation, uid, text, .. } = noted;
            Some(((kind, name), ManifestObject { text, generation, uid, status: Arc::default(), requested: None }))
        };
        (self.revision, self.objects.into_iter().filter_map(object).collect())
    }

    /// What stands in a namespace's folder; nothing where none does, or what does is no note.
    pub fn read(base: &Path) -> Option<Self> {
        serde_json::from_slice(&files::read(&base.join(FILE), MOST).ok()?).ok()
    }

    /// Puts it there, whole, in the place of the one before.
    pub fn write(&self, base: &Path) -> io::Result<()> {
        let path = base.join(FILE);
        std::fs::create_dir_all(path.parent().unwrap_or(base))?;
        let new: PathBuf = path.with_extension("new");
        let mut file = files::open_private(&new)?;
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_was_in_force_is_read_again_as_it_was_and_half_a_note_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(InForceNote::read(folder.path()).is_none());
        let revision =
            Revision { id: "ab12".into(), name: "objects@ab12".into(), at: jiff::Timestamp::UNIX_EPOCH, authors: vec![], signer: None };
        let object = |text: &str, status: Value| ManifestObject {
            text: text.into(),
            generation: 3,
            uid: "u1".into(),
            status: status.into(),
            requested: None,
        };
        let told = BTreeMap::from([(("User", Arc::from("ada")), object("{}", serde_json::json!({"conditions": []})))]);
        for _ in 0..2 {
            InForceNote::new(revision.clone(), &told).write(folder.path()).unwrap();
        }
        let (found, objects) = InForceNote::read(folder.path()).unwrap().objects();
        assert_eq!((found, objects), (revision, BTreeMap::from([(("User", Arc::from("ada")), object("{}", Value::Null))])));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode() & 0o077, 0);
        }
        let whole = std::fs::read(folder.path().join(FILE)).unwrap();
        std::fs::write(folder.path().join(FILE), &whole[..whole.len() / 2]).unwrap();
        assert!(InForceNote::read(folder.path()).is_none());
    }
}
