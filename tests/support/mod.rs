//! What the integration tests share: temporary places, free ports, real servers.

pub mod answers;
pub mod ds389;
pub mod emulators;
pub mod forge;
pub mod git;
pub mod kube;
pub mod ldap;
pub mod machine;
pub mod mariadb;
pub mod postgres;
pub mod proxy;
pub mod ramp;
pub mod s3;
pub mod samba;
pub mod scim2;
pub mod subscribing;
pub mod tls;
pub mod unruly;
pub mod vendors;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A program of the test environment that `tests/setup.sh` makes (`python`, `scim2-server`).
/// None where it is not installed: the caller must skip loudly through [`skipped`].
pub fn tool(name: &str) -> Option<PathBuf> {
    let venv = std::env::var_os("HEADCOUNT_TEST_VENV")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-venv"), PathBuf::from);
    Some(venv.join("bin").join(name)).filter(|path| path.exists())
}

/// Says loudly that a test did not run and how to get what it needs. Where servers are required (`tests/run`, CI) it fails instead.
pub fn skipped(test: &str, what: &str) {
    assert!(std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(), "{test} needs {what}: run tests/setup.sh");
    eprintln!("SKIPPED {test}: it needs {what}. Run tests/setup.sh and try again.");
}

/// A port on 127.0.0.1 that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port on loopback").port()
}

/// Writes a file that nobody has touched for a while: whoever reads one that was just written waits until it is whole.
pub fn write_settled(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::write(path, text).expect("a file can be written");
    settle(path);
}

/// The file was written a while ago, and at no second at which another one was: git takes a file of the same size and second for one that it knows.
pub fn settle(path: &Path) {
    static BEGAN: OnceLock<SystemTime> = OnceLock::new();
    static SETTLED: AtomicU64 = AtomicU64::new(10);
    let ago = Duration::from_secs(SETTLED.fetch_add(1, Ordering::Relaxed));
    let file = std::fs::File::options().write(true).open(path).expect("it is there");
    file.set_modified(*BEGAN.get_or_init(SystemTime::now) - ago).expect("its time can be set");
}

/// A program on the PATH; none: the test says loudly that it did not run. It comes with no package manager of ours, so that nobody is made to have it.
pub fn program(test: &str, names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED {test}: it needs {} on the PATH", names.join(" or "));
    }
    found
}
