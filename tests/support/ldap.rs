//! A real OpenLDAP server, one process a test: on free ports, with TLS, an account with limits, and a directory that is gone at the end.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headcount::manifest::kinds::{SourceConnection, TargetConnection};
use serde_json::{Value as Json, json};

use super::free_port;
use super::tls::Authority;

/// It starts within a second on an idle machine.
const START: Duration = Duration::from_secs(30);
/// Somebody else may take the free ports before the server does.
const STARTS: usize = 3;
/// The account that headcount signs in with.
pub const SYNC: &str = "cn=sync,dc=example,dc=org";
/// Its password.
pub const PASSWORD: &str = "planted-secret";
/// Who may do everything.
const ADMIN: &str = "cn=admin,dc=example,dc=org";
/// Who sets the server itself up.
const CONFIG: &str = "cn=config";
const ADMIN_PASSWORD: &str = "planted-admin";

/// How the server is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// it changes by itself what names entries that are renamed or go, and tells each entry's groups
    pub follows: bool,
    /// most entries of one list, however it is asked for
    pub most: Option<u32>,
    /// it tells what changed (the overlay syncprov), to lists of any length; remembering so many of those who went
    pub tells: Option<u32>,
}

/// A running server.
pub struct Slapd {
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
    process: Child,
}

impl Slapd {
    /// Starts one. None where it is not installed: the caller must skip loudly.
    pub fn start(setup: Setup) -> Option<Self> {
        let (slapd, slapadd) = (program("slapd")?, program("slapadd")?);
        for _ in 0..STARTS {
            let folder = tempfile::tempdir().expect("a folder");
            let (port, tls_port) = (free_port(), free_port());
            prepare(folder.path(), &slapadd, setup);
            let socket = socket(folder.path());
            let urls = format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/ {socket}");
            let process = Command::new(&slapd)
                .args(["-d", "0", "-h", &urls, "-F"])
                .arg(folder.path().join("conf"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("slapd starts");
            let mut server = Self { folder, port, tls_port, process };
            if server.wait() {
                return Some(server);
            }
        }
        panic!("slapd did not answer on any of {STARTS} ports");
    }

    fn wait(&mut self) -> bool {
        let until = Instant::now() + START;
        while Instant::now() < until {
            if self.process.try_wait().expect("its state").is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Where it listens without TLS.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Where it listens with TLS, by the name that its certificate has.
    pub fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls_port)
    }

    /// Where it listens on this machine alone; the user of this process is the account that headcount signs in with.
    pub fn socket_url(&self) -> String {
        socket(self.folder.path())
    }

    /// The file of the authority behind its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of the account that headcount signs in with: `known` to the server, or `strange` to it.
    pub fn shown(&self, name: &str) -> Json {
        let file = |ending: &str| json!({ "file": self.folder.path().join(format!("{name}.{ending}")) });
        json!({ "certificate": file("pem"), "key": file("key") })
    }

    /// How a manifest would reach it; `more` stands beside or in the place of what it has anyway.
    pub fn connection(&self, more: &Json) -> Json {
        let mut connection = json!({
            "urls": [self.url()],
            "dialect": "openldap",
            "bind": { "simple": { "dn": SYNC, "password": { "exec": ["echo", PASSWORD] } } },
            "users": {
                "base": "ou=people,dc=example,dc=org",
                "attributes": attributes(),
            },
            "groups": {
                "base": "ou=groups,dc=example,dc=org",
                "attributes": { "displayName": "cn", "externalId": "description" },
                "emptyMember": "cn=nobody,dc=example,dc=org",
            },
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
        changes(&self.url(), (ADMIN, ADMIN_PASSWORD), ldif);
    }

    /// The account that headcount signs in with sees its own places and nothing above them.
    pub fn hides_the_top(&self) {
        let config = "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n";
        let rule = format!("olcAccess: {{3}}to dn.base=\"dc=example,dc=org\" by dn.exact=\"{SYNC}\" none by * read\n");
        changes(&self.url(), (CONFIG, ADMIN_PASSWORD), &format!("{config}{rule}"));
    }

    /// What it has, line by line, without what changes from run to run.
    pub fn shows(&self, base: &str, attributes: &[&str]) -> Vec<String> {
        let mut search = Command::new("ldapsearch");
        search.args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", &self.url(), "-D", ADMIN, "-w", ADMIN_PASSWORD, "-b", base]);
        let shown = search.arg("(objectClass=*)").args(attributes).output().expect("ldapsearch runs");
        String::from_utf8_lossy(&shown.stdout).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Has a server take changes, in LDIF.
pub fn changes(url: &str, (name, password): (&str, &str), ldif: &str) {
    let mut modify = Command::new("ldapmodify");
    modify.args(["-a", "-x", "-H", url, "-D", name, "-w", password]);
    let mut running = modify.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("ldapmodify runs");
    running.stdin.take().expect("its input").write_all(ldif.as_bytes()).expect("it reads");
    let ended = running.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Of people, with a place for marks.
pub fn attributes() -> Json {
    json!({
        "userName": "uid", "name.givenName": "givenName", "name.familyName": "sn", "displayName": "cn", "emails": "mail",
        "phoneNumbers": "telephoneNumber", "title": "title", "employeeNumber": "employeeNumber", "userType": "employeeType",
        "department": "departmentNumber", "organization": "o", "preferredLanguage": "preferredLanguage", "manager": "manager",
        "externalId": "description",
    })
}

fn socket(folder: &Path) -> String {
    format!("ldapi://{}", folder.join("ldapi").display().to_string().replace('/', "%2F"))
}

/// Debian has it where only root looks.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/usr/libexec"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.exists())
}

fn prepare(folder: &Path, slapadd: &Path, setup: Setup) {
    let authority = Authority::new();
    authority.write(&folder.join("ca.pem"));
    let (certificate, key) = authority.server(&["localhost"]);
    let (known, its_key) = authority.client_called("sync");
    let (strange, strange_key) = Authority::new().client_called("sync");
    let shown = [("known.pem", known), ("known.key", its_key), ("strange.pem", strange), ("strange.key", strange_key)];
    let own = [("server.pem", certificate), ("server.key", key), ("data.ldif", data()), ("config.ldif", config(folder, setup))];
    for (name, text) in own.into_iter().chain(shown) {
        std::fs::write(folder.join(name), text).expect("written");
    }
    ["conf", "db"].iter().for_each(|name| std::fs::create_dir(folder.join(name)).expect("a folder"));
    for (database, file) in [("0", "config.ldif"), ("1", "data.ldif")] {
        let mut add = Command::new(slapadd);
        let added = add.args(["-q", "-n", database, "-F"]).arg(folder.join("conf")).arg("-l").arg(folder.join(file)).output();
        let added = added.expect("slapadd runs");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
}

fn config(folder: &Path, setup: Setup) -> String {
    let folder = folder.display();
    let most = setup.most.map_or_else(|| "size.prtotal=unlimited".to_owned(), |most| format!("size.prtotal={most}"));
    // Of the account's limits and the overlay what docs/ldap.md says.
    let unpaged = if setup.tells.is_some() { "size.soft=unlimited" } else { "size.soft=500 size.hard=500" };
    let modules = ["back_mdb", "memberof", "refint", "ppolicy", "syncprov"].map(|module| format!("olcModuleLoad: {module}\n")).concat();
    let schemas =
        ["core", "cosine", "nis", "inetorgperson"].map(|name| format!("include: file:///etc/ldap/schema/{name}.ldif\n\n")).concat();
    // What docs/ldap.md grants, and nothing else.
    let ours = ["people", "groups"]
        .map(|unit| format!("olcAccess: to dn.subtree=\"ou={unit},dc=example,dc=org\" by dn.exact=\"{SYNC}\" write by * break\n"))
        .concat();
    let mut text = format!(
        "dn: cn=config\nobjectClass: olcGlobal\ncn: config\nolcTLSCertificateFile: {folder}/server.pem\nolcTLSCertificateKeyFile: {folder}/server.key\n\
         olcTLSCACertificateFile: {folder}/ca.pem\nolcTLSVerifyClient: try\n\
         olcAuthzRegexp: {{0}}\"^cn=sync$\" {SYNC}\n\
         olcAuthzRegexp: {{1}}\"^gidNumber=[0-9]+\\+uidNumber=[0-9]+,cn=peercred,cn=external,cn=auth$\" {SYNC}\n\
         olcSizeLimit: 500\n\n\
         dn: cn=module{{0}},cn=config\nobjectClass: olcModuleList\ncn: module{{0}}\nolcModulePath: /usr/lib/ldap\n{modules}\n\
         dn: cn=schema,cn=config\nobjectClass: olcSchemaConfig\ncn: schema\n\n{schemas}\
         dn: olcDatabase={{-1}}frontend,cn=config\nobjectClass: olcDatabaseConfig\nolcDatabase: {{-1}}frontend\nolcAccess: to * by * read\n\n\
         dn: olcDatabase={{0}}config,cn=config\nobjectClass: olcDatabaseConfig\nolcDatabase: {{0}}config\nolcRootDN: {CONFIG}\nolcRootPW: {ADMIN_PASSWORD}\n\n\
         dn: olcDatabase={{1}}mdb,cn=config\nobjectClass: olcDatabaseConfig\nobjectClass: olcMdbConfig\nolcDatabase: {{1}}mdb\n\
         olcDbDirectory: {folder}/db\nolcDbMaxSize: 1073741824\nolcDbNoSync: TRUE\nolcSuffix: dc=example,dc=org\n\
         olcRootDN: {ADMIN}\nolcRootPW: {ADMIN_PASSWORD}\nolcDbIndex: objectClass,uid,cn,member,entryUUID eq\n\
         olcLimits: dn.exact=\"{SYNC}\" {unpaged} {most}\n\
         olcAccess: to dn.subtree=\"ou=hidden,dc=example,dc=org\" by * none\n\
         {ours}\
         olcAccess: to attrs=userPassword by self write by anonymous auth by * none\n\
         olcAccess: to * by users read by * none\n\n\
         dn: olcOverlay=ppolicy,olcDatabase={{1}}mdb,cn=config\nobjectClass: olcOverlayConfig\nobjectClass: olcPPolicyConfig\nolcOverlay: ppolicy\n\n"
    );
    if setup.follows {
        text.push_str(
            "dn: olcOverlay=memberof,olcDatabase={1}mdb,cn=config\nobjectClass: olcOverlayConfig\nobjectClass: olcMemberOfConfig\nolcOverlay: memberof\n\
             olcMemberOfRefInt: TRUE\n\n\
             dn: olcOverlay=refint,olcDatabase={1}mdb,cn=config\nobjectClass: olcOverlayConfig\nobjectClass: olcRefintConfig\nolcOverlay: refint\n\
             olcRefintAttribute: member\nolcRefintAttribute: manager\nolcRefintNothing: cn=nobody,dc=example,dc=org\n\n",
        );
    }
    if let Some(remembered) = setup.tells {
        text.push_str(&format!(
            "dn: olcOverlay=syncprov,olcDatabase={{1}}mdb,cn=config\nobjectClass: olcOverlayConfig\nobjectClass: olcSyncProvConfig\nolcOverlay: syncprov\n\
             olcSpSessionlog: {remembered}\n\n"
        ));
    }
    text
}

fn data() -> String {
    let unit = |name: &str| format!("dn: ou={name},dc=example,dc=org\nobjectClass: organizationalUnit\nou: {name}\n\n");
    let mut text = "dn: dc=example,dc=org\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n\n".to_owned();
    ["people", "groups", "hidden"].iter().for_each(|name| text.push_str(&unit(name)));
    text.push_str(&format!(
        "dn: {SYNC}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: sync\nuserPassword: {PASSWORD}\n"
    ));
    text
}

/// A way to a server that a test can cut.
pub struct Wire {
    port: u16,
    /// bytes from the server that are let through yet
    left: Arc<AtomicU64>,
}

impl Wire {
    /// To this port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let here = listener.local_addr().expect("its address").port();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let bytes = left.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                carry(&client, &server, &bytes);
            }
        });
        Self { port: here, left }
    }

    /// The port where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it begins.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// The server is heard for so many bytes more, over all connections; then each is cut.
    pub fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Nothing is cut any more.
    pub fn mend(&self) {
        self.left.store(u64::MAX, Ordering::SeqCst);
    }
}

impl Slapd {
    /// Its port without TLS.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn carry(client: &TcpStream, server: &TcpStream, left: &Arc<AtomicU64>) {
    let (mut from, mut to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Both));
    });
    let (mut from, mut to, left) = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"), left.clone());
    std::thread::spawn(move || {
        use std::io::Read;
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let allowed = left.load(Ordering::SeqCst);
            let through = usize::try_from(allowed).unwrap_or(usize::MAX).min(count);
            if allowed != u64::MAX {
                left.store(allowed - through as u64, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..through]).is_err() || through < count {
                break;
            }
        }
        drop(to.shutdown(std::net::Shutdown::Both));
        drop(from.shutdown(std::net::Shutdown::Both));
    });
}
