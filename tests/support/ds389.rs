//! A real 389 Directory Server, one a test: `tests/ldap/ds389` makes, starts and stops it. It takes half a minute.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};

use super::{free_port, skipped};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ldap/ds389");
/// Who may do everything.
const MANAGER: &str = "cn=Directory Manager";
const PASSWORD: &str = "planted-admin";

/// A running server.
pub struct Ds389 {
    folder: tempfile::TempDir,
    port: u16,
}

impl Ds389 {
    /// Starts one for a test. None where it can't be, which was said then: only root may run it.
    pub fn start(test: &str) -> Option<Self> {
        if !std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            eprintln!("SKIPPED {test}: only root may start a 389 Directory Server.");
            return None;
        }
        if !Path::new("/usr/sbin/dscreate").exists() {
            skipped(test, "389-ds-base");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let (port, tls_port) = (free_port(), free_port());
        let mut start = Command::new(SCRIPT);
        start.arg("start").arg(folder.path()).args([port.to_string(), tls_port.to_string()]);
        let started = start.stdin(Stdio::null()).output().expect("the script runs");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(Self { folder, port })
    }

    /// With people and groups below two new entries of this name.
    pub fn target(&self, name: &str) -> TargetConnection {
        serde_json::from_value(self.connection(name).1).expect("a connection")
    }

    /// The same as it is written, and the first of these entries.
    pub fn connection(&self, name: &str) -> (String, Json) {
        let top = format!("ou={name},dc=example,dc=org");
        let mut ldif = String::new();
        for (unit, name) in [(top.clone(), name), (format!("ou=people,{top}"), "people"), (format!("ou=groups,{top}"), "groups")] {
            ldif.push_str(&format!("dn: {unit}\nobjectClass: organizationalUnit\nou: {name}\n\n"));
        }
        self.changes(&ldif);
        let connection = json!({ "ldap": {
            "urls": [format!("ldap://127.0.0.1:{}", self.port)],
            "dialect": "389ds",
            "bind": { "simple": { "dn": MANAGER, "password": { "exec": ["echo", PASSWORD] } } },
            "users": { "base": format!("ou=people,{top}"), "attributes": super::ldap::attributes() },
            "groups": { "base": format!("ou=groups,{top}"), "attributes": { "displayName": "cn", "externalId": "description" } },
            "timeout": "60s",
        }});
        (top, connection)
    }

    /// Has it take changes from somebody else, in LDIF.
    pub fn changes(&self, ldif: &str) {
        super::ldap::changes(&format!("ldap://127.0.0.1:{}", self.port), (MANAGER, PASSWORD), ldif);
    }
}

impl Drop for Ds389 {
    fn drop(&mut self) {
        drop(Command::new(SCRIPT).arg("stop").arg(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status());
    }
}
