//! A real MariaDB server, thrown away with the test's process: in a temporary folder, at a free port of 127.0.0.1 and a socket, with TLS, and with nothing kept safe
//! from a power cut. It does not run as root.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// Whom programs run as that must not be root: nobody.
const NOBODY: u32 = 65534;
/// The password of whoever comes over the network.
pub const PASSWORD: &str = "planted-secret";

/// A running one.
pub struct Server {
    folder: PathBuf,
    client: PathBuf,
    port: u16,
    /// ends it by its own end
    _keeper: Child,
}

/// The server of this process; none where none is installed, which was said then.
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub fn server(test: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| own_server(test)).as_ref()
}

/// A server of a test's own; none where none is installed, which was said then.
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub fn own_server(test: &str) -> Option<Server> {
    let programs = program("mariadbd").zip(program("mariadb-install-db")).zip(program("mariadb"));
    if programs.is_none() {
        assert!(std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(), "{test} needs a MariaDB server: run tests/setup.sh");
        eprintln!("SKIPPED {test}: it needs a MariaDB server. Run tests/setup.sh and try again.");
    }
    programs.map(|((server, install), client)| Server::start(&server, &install, client))
}

impl Server {
    fn start(server: &Path, install: &Path, client: PathBuf) -> Self {
        let folder = tempfile::Builder::new().prefix("headcount-maria-").tempdir().expect("a folder").keep();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        certificates(&folder);
        let first = format!(
            "CREATE USER headcount@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO headcount@'%' WITH GRANT OPTION;\nCREATE DATABASE hr;\n"
        );
        std::fs::write(folder.join("first.sql"), first).expect("written");
        for name in ["", "first.sql", "server.pem", "server.key", "ca.pem"] {
            own(&folder.join(name));
        }
        let made = unprivileged(install)
            .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", folder.join("data").display()))
            .arg(format!("--tmpdir={}", folder.display()))
            .output()
            .expect("mariadb-install-db runs");
        assert!(made.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&made.stderr));
        let mut keeper = Self::keeper(server, &folder, port);
        let mut words = BufReader::new(keeper.stderr.take().expect("its words"));
        let mut all = String::new();
        while !all.contains("ready for connections") {
            assert!(words.read_line(&mut all).expect("its words") > 0, "the server did not start: {all}");
        }
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
        Self { folder, client, port, _keeper: keeper }
    }

    /// A shell that ends the server, and takes its folder away, when our end of the pipe to it is gone, however this process ended.
    fn keeper(server: &Path, folder: &Path, port: u16) -> Child {
        let script = format!(
            "{0} --no-defaults --datadir={1}/data --tmpdir={1} --socket={1}/s --port={port} --bind-address=127.0.0.1 --pid-file={1}/pid \
             --init-file={1}/first.sql --skip-name-resolve --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 --innodb-buffer-pool-size=32M \
             --innodb-log-file-size=8M --character-set-server=utf8mb4 --plugin-load-add=auth_socket \
             --ssl-ca={1}/ca.pem --ssl-cert={1}/server.pem --ssl-key={1}/server.key </dev/null & \
             server=$!; cat >/dev/null; kill -KILL $server; wait $server; rm -rf {1}",
            server.display(),
            folder.display()
        );
        let mut shell = unprivileged(Path::new("sh"));
        shell.arg("-c").arg(script).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // What is typed at the terminal ends the test, and the test ends this.
        shell.process_group(0).spawn().expect("a shell")
    }

    /// Its address, with the user who may do everything.
    pub fn url(&self) -> String {
        format!("mysql://headcount@localhost:{}", self.port)
    }

    /// Where it listens.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Files with a certificate and its key: `known` to the server, or `strange` to it.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn shown(&self, name: &str) -> [PathBuf; 2] {
        ["pem", "key"].map(|ending| self.folder.join(format!("{name}.{ending}")))
    }

    /// The file of the authority behind its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Has the server do something, as its administrator; gives what it answers, one row a line.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn sql(&self, sql: &str) -> String {
        let output = Command::new(&self.client)
            .args(["--no-defaults", "--batch", "--skip-column-names", "--raw", "--user=root", "--default-character-set=utf8mb4"])
            .arg(format!("--socket={}", self.folder.join("s").display()))
            .args(["--execute", sql])
            .output()
            .expect("mariadb runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    folders.map(|folder| folder.join(name)).find(|found| found.exists())
}

/// A program as somebody who is not root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("another owner");
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn certificates(folder: &Path) {
    let authority = authority();
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).expect("a name").signed_by(&key, &authority).expect("a certificate");
    std::fs::write(folder.join("ca.pem"), authority.pem()).expect("written");
    std::fs::write(folder.join("server.pem"), certificate.pem()).expect("written");
    std::fs::write(folder.join("server.key"), key.serialize_pem()).expect("written");
    client(folder, "known", &authority);
    client(folder, "strange", &self::authority());
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("a certificate")
}

fn client(folder: &Path, name: &str, authority: &CertifiedIssuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(Vec::new()).expect("a name");
    // Of the authority's own name it would look as if it had signed itself.
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "certified");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = parameters.signed_by(&key, authority).expect("a certificate");
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("written");
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}
