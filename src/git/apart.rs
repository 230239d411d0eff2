//! What a repository of ours is asked with: an environment of its own, in which nothing of the caller's and nothing of the machine's settings counts, and where
//! what signs in is said.
//!
//! Must never: put a secret on a command line or show it, offer one to another host than its own, or let git start a program that is not named here.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::GitError;
use super::address::{RemoteUrl, Scheme};
use crate::secret::SecretString;

/// Of the caller's variables these alone are handed on: where programs are, which way leads out, whose certificates count.
const HANDED_ON: &[&str] = &[
    "PATH",
    "TMPDIR",
    "TZ",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Settings of every command, over whatever a file says.
const SETTINGS: &[(&str, &str)] = &[
    ("transfer.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    // Whatever is sent lies in packs, where its size is seen.
    ("fetch.unpackLimit", "1"),
    ("fetch.uriProtocols", ""),
    ("transfer.bundleURI", "false"),
    ("protocol.version", "2"),
    ("protocol.ext.allow", "never"),
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    ("ssh.variant", "ssh"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.attributesFile", "/dev/null"),
    // What is signed by these is not checked, and they are not started.
    ("gpg.program", "false"),
    ("gpg.openpgp.program", "false"),
    ("gpg.x509.program", "false"),
];

/// How SSH signs in. What is not said is as ssh has it, but for its settings: those are read by nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshAccess {
    /// a private key without a passphrase
    pub key: Option<std::path::PathBuf>,
    /// keys of hosts; any other host is refused
    pub known_hosts: Option<std::path::PathBuf>,
}

/// Who a host is told that asks.
#[derive(Clone, Copy, Debug)]
pub struct Token<'t> {
    /// the user's name; most hosts take any beside a token
    pub user: &'t str,
    /// the token
    pub token: &'t SecretString,
}

/// An environment.
#[derive(Debug)]
pub(super) struct Apart {
    variables: Vec<(&'static str, OsString)>,
    settings: Vec<(String, SecretString)>,
    /// what must stand in no message
    secrets: Vec<SecretString>,
}

impl Apart {
    /// For one remote. `home` is a folder of ours, in which there is nothing.
    pub fn new(url: &RemoteUrl, ssh: &SshAccess, token: Option<Token<'_>>, home: &Path) -> Result<Self, GitError> {
        let mut apart = Self {
            variables: vec![
                ("HOME", home.into()),
                ("XDG_CONFIG_HOME", home.into()),
                ("GIT_CONFIG_NOSYSTEM", "1".into()),
                ("GIT_CONFIG_SYSTEM", "/dev/null".into()),
                ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
                ("GIT_ATTR_NOSYSTEM", "1".into()),
                ("GIT_NO_REPLACE_OBJECTS", "1".into()),
                ("GIT_ALLOW_PROTOCOL", url.scheme().word().into()),
            ],
            settings: SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
            secrets: Vec::new(),
        };
        if url.scheme() == Scheme::Ssh {
            apart.variables.push(("GIT_SSH_COMMAND", ssh_command(ssh)?.into()));
            if let (None, Some(agent)) = (&ssh.key, std::env::var_os("SSH_AUTH_SOCK")) {
                apart.variables.push(("SSH_AUTH_SOCK", agent));
            }
        }
        if let Some(token) = token {
            apart.sign_in(url, token)?;
        }
        Ok(apart)
    }

    /// As one more setting: git sends it to this host alone.
    fn sign_in(&mut self, url: &RemoteUrl, Token { user, token }: Token<'_>) -> Result<(), GitError> {
        let Some(host) = url.http_host() else { return Ok(()) };
        let wrong = |what: &str, hint: &str| GitError::Usage { what: what.to_owned(), hint: hint.to_owned() };
        if url.goes_openly() {
            return Err(wrong("a token would go over plain http, where anybody on the way reads it", "use the repository's https address"));
        }
        let secret = token.expose_secret();
        if secret.contains(|sign: char| sign.is_control() || sign == ' ') || user.contains(|sign: char| sign.is_control() || sign == ':') {
            return Err(wrong(
                "the token for git holds a sign that no token has",
                "is it the token alone, without a line's end or a name before it?",
            ));
        }
        let pair = STANDARD.encode(format!("{user}:{secret}"));
        let header = format!("Authorization: Basic {pair}");
        self.settings.push((format!("http.{host}.extraHeader"), header.into()));
        self.secrets.extend([token.clone(), pair.into()]);
        Ok(())
    }

    /// Puts a command into this environment.
    pub fn surround(&self, command: &mut Command) {
        command.env_clear();
        for name in HANDED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (at, (name, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), name).env(format!("GIT_CONFIG_VALUE_{at}"), value.expose_secret());
        }
    }

    /// Words without a secret in them.
    pub fn hide(&self, words: &str) -> String {
        self.secrets.iter().fold(words.to_owned(), |words, secret| words.replace(secret.expose_secret(), "[secret]"))
    }
}

/// The ssh program with everything that it may ask or read said; git hands it to a shell.
fn ssh_command(ssh: &SshAccess) -> Result<String, GitError> {
    let mut words = vec!["ssh".to_owned()];
    let options = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ConnectTimeout=15",
        "PermitLocalCommand=no",
        "ProxyCommand=none",
        "ForwardAgent=no",
    ];
    // Settings of the machine and of the user are not read.
    words.extend(["-F", "/dev/null"].map(str::to_owned));
    words.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
    if let Some(known) = &ssh.known_hosts {
        let known = plain(known)?;
        words.extend(["-o".to_owned(), quoted(&format!("UserKnownHostsFile=\"{known}\"")), "-o".to_owned()]);
        words.push("GlobalKnownHostsFile=/dev/null".to_owned());
    }
    if let Some(key) = &ssh.key {
        let key = plain(key)?;
        words.extend(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o"].map(str::to_owned));
        words.push(quoted(&format!("IdentityFile=\"{key}\"")));
    }
    Ok(words.join(" "))
}

/// A path in which ssh sees nothing but a path.
fn plain(path: &Path) -> Result<String, GitError> {
    let wrong = || GitError::Usage {
        what: format!("ssh can't be told of the file {}", path.display()),
        hint: "give it a name without quotes, `%`, `$`, `~` and line breaks".to_owned(),
    };
    let whole = std::path::absolute(path).map_err(|_| wrong())?;
    let text = whole.to_str().ok_or_else(wrong)?;
    let odd = |sign: char| sign.is_control() || ['"', '%', '$', '~', '\\'].contains(&sign);
    if text.contains(odd) { Err(wrong()) } else { Ok(text.to_owned()) }
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(url: &str, token: Option<&str>) -> Result<Apart, GitError> {
        let token: Option<SecretString> = token.map(Into::into);
        let token = token.as_ref().map(|token| Token { user: "x-access-token", token });
        Apart::new(&RemoteUrl::parse(url).unwrap(), &SshAccess::default(), token, Path::new("/nowhere"))
    }

    #[test]
    fn a_token_stands_in_one_setting_that_is_bound_to_its_host_and_nowhere_else() {
        let apart = apart("https://git.acme.example:8443/acme/identity.git", Some("s3cret-t0ken")).unwrap();
        let mut command = Command::new("git");
        apart.surround(&mut command);
        let variables: Vec<(String, String)> = command
            .get_envs()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.unwrap_or_default().to_string_lossy().into_owned()))
            .collect();
        let pair = STANDARD.encode("x-access-token:s3cret-t0ken");
        let with: Vec<&(String, String)> =
            variables.iter().filter(|(_, value)| value.contains(&pair) || value.contains("s3cret")).collect();
        assert_eq!(with.len(), 1, "{with:?}");
        let key = with[0].0.replace("VALUE", "KEY");
        let bound = variables.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        assert_eq!(bound, Some("http.https://git.acme.example:8443/.extraHeader"));
        assert!(command.get_args().next().is_none());
        assert!(variables.contains(&("GIT_ALLOW_PROTOCOL".into(), "https".into())), "{variables:?}");
        assert_eq!(apart.hide(&format!("a s3cret-t0ken b {pair}")), "a [secret] b [secret]");
        assert!(!format!("{apart:?}").contains("s3cret"));
    }

    #[test]
    fn a_token_goes_over_no_open_way_and_holds_no_line() {
        for (url, token) in [("http://git.acme.example/x.git", "t0ken"), ("https://git.acme.example/x.git", "t0ken\nX: y")] {
            let told = apart(url, Some(token)).map(drop).unwrap_err().to_string();
            assert!(!told.contains("t0ken") && (told.contains("plain http") || told.contains("no token has")), "{told}");
        }
        assert!(apart("http://127.0.0.1:8080/x.git", Some("t0ken")).is_ok(), "nobody is on the way");
    }

    #[cfg(unix)]
    #[test]
    fn ssh_is_told_all_that_it_may_read_and_each_word_arrives_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ssh");
        std::fs::write(&program, "#!/bin/sh\nfor word in \"$@\"; do echo \"$word\"; done\n").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let ssh = SshAccess { key: Some("/keys/it's mine".into()), known_hosts: Some("/keys/known hosts".into()) };
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let line = format!("{} git@host upload", ssh_command(&ssh).unwrap());
        let output = Command::new("sh").env("PATH", path).args(["-c", &line]).output().unwrap();
        insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
        -F
        /dev/null
        -o
        BatchMode=yes
        -o
        StrictHostKeyChecking=yes
        -o
        ConnectTimeout=15
        -o
        PermitLocalCommand=no
        -o
        ProxyCommand=none
        -o
        ForwardAgent=no
        -o
        UserKnownHostsFile="/keys/known hosts"
        -o
        GlobalKnownHostsFile=/dev/null
        -o
        IdentitiesOnly=yes
        -o
        IdentityAgent=none
        -o
        IdentityFile="/keys/it's mine"
        git@host
        upload
        "#);
        let odd = SshAccess { key: Some("/keys/%h".into()), known_hosts: None };
        assert!(ssh_command(&odd).unwrap_err().to_string().contains("ssh can't be told of the file /keys/%h"));
    }
}
