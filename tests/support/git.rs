//! Git servers on this machine: smart HTTP by `git http-backend`, git's own daemon, and one that never answers. What was asked is counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, mpsc};

use base64::Engine;

/// A repository that people push to.
pub struct Pushed {
    folder: tempfile::TempDir,
}

impl Pushed {
    /// One without commits, which servers of this module hand out.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Self { folder };
        std::fs::create_dir(made.work()).expect("a folder");
        made.git(&["init", "-q", "-b", "main"]);
        made.git(&["config", "uploadpack.allowFilter", "true"]);
        made
    }

    /// Its working tree.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("identity")
    }

    /// What servers hand out.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git in it.
    pub fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=Mara", "-c", "user.email=mara@acme.example", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(self.work()).args(who).args(arguments).output().expect("git");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Writes a file, and commits everything.
    pub fn push(&self, name: &str, text: &str) -> String {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "words"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Smart HTTP.
pub struct GitHttp {
    /// of the repository
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl GitHttp {
    /// Hands out a repository; to whoever says `name:token`, where that is given.
    pub fn start(pushed: &Pushed, auth: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/identity/.git", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (root, own) = (pushed.root().to_owned(), asked.clone());
        let auth = auth.map(|pair| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, asked, auth) = (root.clone(), own.clone(), auth.clone());
                std::thread::spawn(move || while talk(&stream, &root, &asked, auth.as_deref()).is_some() {});
            }
        });
        Self { url, asked }
    }

    /// What was asked since the last time: `refs`, `ls-refs`, `fetch`, each with ` refused` where nobody signed in.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("the list"))
    }
}

/// One request as it came.
struct HttpAsked {
    verb: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpAsked {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let line = |reader: &mut BufReader<&TcpStream>| {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
        };
        let first = line(&mut reader)?;
        let mut words = first.split(' ');
        let (verb, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        while let Some((name, value)) = line(&mut reader)?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut asked = Self { verb, target, headers, body: Vec::new() };
        if asked.header("transfer-encoding") == "chunked" {
            loop {
                let size = usize::from_str_radix(&line(&mut reader)?, 16).ok()?;
                let mut part = vec![0; size];
                reader.read_exact(&mut part).ok()?;
                line(&mut reader)?;
                if size == 0 {
                    break;
                }
                asked.body.extend(part);
            }
        } else {
            let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
            reader.read_exact(&mut body).ok()?;
            asked.body = body;
        }
        Some(asked)
    }

    fn what(&self) -> &'static str {
        let body = String::from_utf8_lossy(&self.body);
        match self.verb.as_str() {
            "GET" => "refs",
            _ if body.contains("command=ls-refs") => "ls-refs",
            _ => "fetch",
        }
    }
}

fn talk(mut stream: &TcpStream, root: &Path, list: &Mutex<Vec<String>>, auth: Option<&str>) -> Option<()> {
    let asked = HttpAsked::read(stream)?;
    let let_in = auth.is_none_or(|auth| asked.header("authorization") == auth);
    list.lock().ok()?.push(format!("{}{}", asked.what(), if let_in { "" } else { " refused" }));
    if !let_in {
        let head = "HTTP/1.1 401 X\r\nwww-authenticate: Basic realm=\"git\"\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(head.as_bytes()).ok();
    }
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let mut backend = Command::new("git")
        .arg("http-backend")
        .envs([("GIT_PROJECT_ROOT", root.as_os_str())])
        .envs([("GIT_HTTP_EXPORT_ALL", "1"), ("PATH_INFO", path), ("QUERY_STRING", query), ("REQUEST_METHOD", &asked.verb)])
        .envs([("CONTENT_TYPE", asked.header("content-type")), ("CONTENT_LENGTH", &asked.body.len().to_string())])
        .envs([("HTTP_CONTENT_ENCODING", asked.header("content-encoding")), ("GIT_PROTOCOL", asked.header("git-protocol"))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    backend.stdin.take()?.write_all(&asked.body).ok()?;
    let output = backend.wait_with_output().ok()?.stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let body = &output[end + 4..];
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("Status: ")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{}\r\ncontent-length: {}\r\n\r\n", lines.join("\r\n"), body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok()
}

/// Git's own daemon. It ends with this value.
pub struct GitDaemon {
    /// of the repository
    pub url: String,
    child: Child,
}

impl GitDaemon {
    /// Hands out a repository.
    pub fn start(pushed: &Pushed) -> Self {
        let port = super::free_port();
        let child = Command::new("git")
            .args(["daemon", "--reuseaddr", "--listen=127.0.0.1", "--export-all"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", pushed.root().display()))
            .arg(pushed.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("git daemon");
        let daemon = Self { url: format!("git://127.0.0.1:{port}/identity"), child };
        let up = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        let since = std::time::Instant::now();
        while !up() {
            assert!(since.elapsed().as_secs() < 30, "git daemon does not come up");
            std::thread::yield_now();
        }
        daemon
    }
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        // `git` only waits for the program that listens, and that one has a program for each who comes.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A server that takes what is said and never answers: its address, and word of each who came.
pub fn silent() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/identity.git", listener.local_addr().expect("an address"));
    let (told, came) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 1];
            if stream.read_exact(&mut some).is_ok() && told.send(()).is_err() {
                break;
            }
            kept.push(stream);
        }
    });
    (url, came)
}
