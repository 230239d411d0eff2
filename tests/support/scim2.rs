//! The real scim2-server, one process a test: on a free port, with a token, killed on drop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headcount::manifest::connection::{Auth, ScimConnection, SecretRef};

use super::{free_port, tool};

/// It starts within two seconds on an idle machine.
const START: Duration = Duration::from_secs(60);
/// Somebody else may take the free port before the server does.
const STARTS: usize = 3;

/// A running server; its store is empty at first and gone at the end.
pub struct Scim2Server {
    port: u16,
    /// its own, so that another test's server on the same port is not taken for it
    token: String,
    process: Child,
}

impl Scim2Server {
    /// Starts one. None where it is not installed: the caller must skip loudly.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with more arguments (`--service-provider-config FILE`).
    pub fn start_with(more: &[&str]) -> Option<Self> {
        let program = tool("scim2-server")?;
        for _ in 0..STARTS {
            let (port, token) = (free_port(), format!("token-{:016x}", fastrand::u64(..)));
            let process = Command::new(&program)
                .args(["--hostname", "127.0.0.1", "--port", &port.to_string(), "--bearer-token", &token])
                .args(more)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("scim2-server starts");
            let mut server = Self { port, token, process };
            if server.wait() {
                return Some(server);
            }
        }
        panic!("scim2-server did not answer on any of {STARTS} ports");
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The base of its SCIM service.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v2", self.port)
    }

    /// What it takes as a bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// How a manifest would reach it, directly or by the URL of a proxy before it.
    /// The token comes from a command, so that tests of one process don't share an environment.
    pub fn connection(&self, url: String) -> ScimConnection {
        ScimConnection {
            url,
            auth: Some(Auth::Bearer(SecretRef::Exec(vec!["echo".into(), self.token.clone()]))),
            timeout: Some("60s".into()),
            ..ScimConnection::default()
        }
    }

    /// False when it ended by itself, since its port was taken.
    fn wait(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if self.process.try_wait().expect("its state").is_some() {
                return false;
            }
            if answers(self.port, &self.token) {
                return true;
            }
            // A server that starts can only be asked again.
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("scim2-server did not answer within {START:?}");
    }
}

impl Drop for Scim2Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether ServiceProviderConfig is there for this token.
fn answers(port: u16, token: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = format!("GET /v2/ServiceProviderConfig HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok() && &answer[9..] == b"200"
}
