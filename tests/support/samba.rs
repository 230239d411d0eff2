//! A real domain controller of Samba, which speaks as Active Directory does; one a test: `tests/ldap/samba` makes, starts and stops it. headcount signs in with an
//! account that has the rights of docs/ldap.md, and no others.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use headcount::manifest::kinds::{SourceConnection, TargetConnection};
use serde_json::{Value as Json, json};

use super::skipped;
use super::tls::Authority;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ldap/samba");
/// Who may do everything.
const ADMIN: &str = "Administrator@ad.test";
const ADMIN_PASSWORD: &str = "planted-Adm1n";
/// The account that headcount signs in with.
const SYNC: &str = "headcount@ad.test";
/// One with the same password that is told what is replicated.
pub const FOLLOWING: &str = "following@ad.test";
/// Its password.
pub const PASSWORD: &str = "planted-Secret1";
/// Below it headcount may write.
pub const TOP: &str = "OU=Acme,DC=ad,DC=test";

/// A running server.
pub struct Samba {
    folder: tempfile::TempDir,
    address: String,
}

impl Samba {
    /// Starts one for a test. None where it can't be, which was said then: only root may have its ports.
    pub fn start(test: &str) -> Option<Self> {
        static STARTED: AtomicU8 = AtomicU8::new(1);
        if !std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            eprintln!("SKIPPED {test}: only root may start a domain controller.");
            return None;
        }
        if !Path::new("/usr/sbin/samba").exists() {
            skipped(test, "samba, samba-ad-provision, samba-dsdb-modules");
            return None;
        }
        // Its ports are the same everywhere: each has an address of its own.
        let [high, low] = (std::process::id() % 60_000).to_be_bytes().last_chunk::<2>().copied().expect("two bytes");
        let address = format!("127.{}.{high}.{}", 100 + STARTED.fetch_add(1, Ordering::SeqCst), low.max(1));
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        authority.write(&folder.path().join("ca.pem"));
        let (certificate, key) = authority.server(&[&address]);
        std::fs::write(folder.path().join("server.pem"), certificate).expect("written");
        std::fs::write(folder.path().join("server.key"), key).expect("written");
        let mut start = Command::new(SCRIPT);
        // What goes on running must hold no pipe that somebody reads to its end.
        let log = std::fs::File::create(folder.path().join("start.log")).expect("a file");
        start.arg("start").arg(folder.path()).arg(&address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = start.status().expect("the script runs");
        let told = ["start.log", "provision.log"].map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default());
        assert!(started.success(), "{}", told.concat());
        Some(Self { folder, address })
    }

    /// The file of the authority behind its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where it listens with TLS.
    pub fn url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// How a manifest would reach it; `more` stands beside or in the place of what it has anyway.
    pub fn connection(&self, more: &Json) -> Json {
        let mut connection = json!({
            "urls": [self.url()],
            "dialect": "activeDirectory",
            "caFile": self.ca_file(),
            "bind": { "simple": { "dn": SYNC, "password": { "exec": ["echo", PASSWORD] } } },
            "users": { "base": format!("OU=People,{TOP}"), "generatePassword": true },
            "groups": { "base": format!("OU=Groups,{TOP}") },
            "timeout": "60s",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            connection[name] = value.clone();
        }
        json!({ "ldap": connection })
    }

    /// The same as a Target has it.
    pub fn target(&self, more: &Json) -> TargetConnection {
        serde_json::from_value(self.connection(more)).expect("a connection")
    }

    /// The same as a Source has it.
    pub fn source(&self, more: &Json) -> SourceConnection {
        serde_json::from_value(self.connection(more)).expect("a connection")
    }

    /// Has it take changes from somebody else, in LDIF.
    pub fn changes(&self, ldif: &str) {
        self.as_admin("ldapmodify", &["-a"], Some(ldif));
    }

    /// Has it lose an entry and all below it.
    pub fn removes(&self, name: &str) {
        self.as_admin("ldapdelete", &["-r", name], None);
    }

    /// What it has, line by line.
    pub fn shows(&self, base: &str, filter: &str, attributes: &[&str]) -> Vec<String> {
        let arguments = [&["-LLL", "-o", "ldif-wrap=no", "-b", base, filter], attributes].concat();
        self.as_admin("ldapsearch", &arguments, None).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// What a client says to it.
    fn as_admin(&self, program: &str, arguments: &[&str], input: Option<&str>) -> String {
        let mut command = Command::new(program);
        command.env("LDAPTLS_CACERT", self.ca_file());
        command.args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", ADMIN_PASSWORD]).args(arguments);
        if let Some(text) = input {
            let path = self.folder.path().join("input.ldif");
            std::fs::write(&path, text).expect("written");
            command.arg("-f").arg(path);
        }
        let ended = command.stdin(Stdio::null()).output().expect("it runs");
        assert!(ended.status.success(), "{program}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        drop(Command::new(SCRIPT).arg("stop").arg(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status());
    }
}
