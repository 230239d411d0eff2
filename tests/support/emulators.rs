//! Other people's emulators of vendors, where they are installed: what we wrote ourselves from a specification agrees with our reading of it.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::free_port;

/// They start within a few seconds on an idle machine.
const START: Duration = Duration::from_secs(60);
/// Node's programs listen everywhere unless they are told otherwise.
const ON_LOOPBACK: &str = "const net = require('net'); const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, '127.0.0.1', ...(typeof host === 'function' ? [host] : []), ...rest);
};";

/// One that runs; it stops with this.
pub struct Emulator {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Emulator {
    /// A service of `emulate` (npm), which begins with this. None where it is not installed; our own stand-in takes the same steps, so that is no failure.
    pub fn of_emulate(service: &str, seed: &str) -> Option<Self> {
        let program = installed("node_modules/emulate/dist/index.js")?;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("loopback.cjs"), ON_LOOPBACK).expect("written");
        std::fs::write(folder.path().join("seed.yaml"), seed).expect("written");
        let port = free_port();
        let mut command = Command::new("node");
        command.current_dir(folder.path()).args(["-r", "./loopback.cjs"]).arg(program);
        command.args(["--service", service, "--seed", "seed.yaml", "--port", &port.to_string()]);
        Self::start(command, port, folder)
    }

    /// `backlot` (PyPI) with what comes with it; it plays Slack and reads only. None where it is not installed.
    pub fn of_backlot() -> Option<Self> {
        let program = installed("venv/bin/backlot")?;
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.current_dir(folder.path()).args(arguments).args(["--data-dir", "data"]).stdin(Stdio::null()).stdout(Stdio::null());
            command.env("BACKLOT_TELEMETRY", "0").env("DO_NOT_TRACK", "1");
            command
        };
        let made = command(&["import", "--bundled"]).status().expect("it runs");
        assert!(made.success(), "backlot imports what comes with it");
        let served = command(&["serve", "--disable-telemetry", "--log-level", "error", "--port", &port.to_string()]);
        Self::start(served, port, folder)
    }

    /// A file that it wrote.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Option<Self> {
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let emulator = Self { process, port, folder };
        let until = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "an emulator did not listen within {START:?}");
            std::thread::yield_now();
        }
        Some(emulator)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn installed(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HEADCOUNT_TEST_EMULATORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-emulators"), PathBuf::from);
    let found = Some(folder.join(path)).filter(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {path} is not installed; tests/setup.sh installs it where npm and pip reach their registries.");
    }
    found
}
