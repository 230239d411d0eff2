//! Resolves secret references. A secret that can't be resolved is an error, never an empty string.
//!
//! Must never: log, render or keep a secret outside `SecretString`, or repeat what a secret's command printed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::files;
use crate::manifest::connection::{SecretKeyRef, SecretRef};

/// A key, a token or a certificate is far smaller.
const MAX_BYTES: u64 = 64 << 10;
/// A command that asks a password store may wait for a person's finger, not for ever.
const EXEC_TIMEOUT: Duration = Duration::from_secs(30);

/// A file that takes longer lies where nobody answers.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a secret could not be had. Names the place, never the content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// the environment does not have it
    #[error("environment variable {0} is not set: export it, or correct the name")]
    EnvMissing(String),
    /// not text
    #[error("{0} is not UTF-8 text")]
    NotText(String),
    /// nothing in it
    #[error("{0} is empty; an empty secret is never used")]
    Empty(String),
    /// far too long
    #[error("{0} is longer than {MAX_BYTES} bytes")]
    TooLong(String),
    /// the file can't be read
    #[error("file {path} can't be read")]
    File {
        /// as the manifest names it
        path: String,
        /// why
        source: std::io::Error,
    },
    /// the file's system does not answer
    #[error("file {0} could not be read in time; is its file system there?")]
    FileTimeout(String),
    /// `exec: []`
    #[error("exec names no command")]
    NoCommand,
    /// the command can't be started or read
    #[error("command {command} can't be run")]
    Exec {
        /// its first word
        command: String,
        /// why
        source: std::io::Error,
    },
    /// the command said no
    #[error("command {command} ended with {status}; run it by hand to see what it says")]
    ExecFailed {
        /// its first word
        command: String,
        /// exit code or signal
        status: std::process::ExitStatus,
    },
    /// the command does not end
    #[error("command {0} did not end in time")]
    ExecTimeout(String),
    /// only inside Kubernetes
    #[error("secretKeyRef {name}/{key} can only be resolved by the operator inside Kubernetes; use env, file or exec here")]
    OutsideKubernetes {
        /// the Secret
        name: String,
        /// its key
        key: String,
    },
    /// the cluster does not give it
    #[error("the key `{key}` of the Secret `{name}` can't be had: {why}")]
    Kept {
        /// the Secret
        name: String,
        /// its key
        key: String,
        /// why
        why: String,
    },
    /// what stands in the environment or on the disk of the operator is the operator's own
    #[error("in a cluster a secret comes from secretKeyRef: what env, file and exec would give is the operator's own")]
    NotOfTheCluster,
}

/// Whoever keeps the secrets of documents that come from elsewhere than this machine.
pub trait Vault: Debug + Send + Sync {
    /// The secret as it is now.
    fn get<'a>(&'a self, reference: &'a SecretKeyRef) -> BoxFuture<'a, Result<SecretString, SecretError>>;
    /// Another number whenever one of them was seen to be another than the one that was given.
    fn turn(&self) -> u64;
}

/// By the folder that stands for the documents.
static VAULTS: RwLock<BTreeMap<PathBuf, Arc<dyn Vault>>> = RwLock::new(BTreeMap::new());

/// From here on what documents in this folder refer to is kept by that vault, and by nobody else: the machine's own environment, files and commands are none of
/// their business.
pub fn entrust(folder: PathBuf, vault: Arc<dyn Vault>) {
    VAULTS.write().unwrap_or_else(PoisonError::into_inner).insert(folder, vault);
}

fn vault_of(base: &Path) -> Option<Arc<dyn Vault>> {
    let vaults = VAULTS.read().unwrap_or_else(PoisonError::into_inner);
    base.ancestors().find_map(|folder| vaults.get(folder)).cloned()
}

/// Another number whenever a secret was rotated that documents in this folder refer to, as far as their vault knows: what signs in with one begins anew.
pub fn turn(base: &Path) -> u64 {
    vault_of(base).map_or(0, |vault| vault.turn())
}

/// Resolves a reference. Relative files count from `base`, and commands run there.
pub async fn resolve(secret: &SecretRef, base: &Path) -> Result<SecretString, SecretError> {
    let vault = vault_of(base);
    let (from, found) = match secret {
        SecretRef::SecretKeyRef(reference) => match vault {
            Some(vault) => (format!("key {} of the Secret {}", reference.key, reference.name), vault.get(reference).await),
            None => return Err(SecretError::OutsideKubernetes { name: reference.name.clone(), key: reference.key.clone() }),
        },
        _ if vault.is_some() => return Err(SecretError::NotOfTheCluster),
        SecretRef::Env(name) => (format!("environment variable {name}"), from_env(name)),
        SecretRef::File(path) => (format!("file {path}"), from_file(path, base).await),
        // What follows the first word may be a secret of its own.
        SecretRef::Exec(words) => {
            (format!("command {}", words.first().map_or("", String::as_str)), from_command(words, base, EXEC_TIMEOUT).await)
        }
    };
    tracing::debug!(target: "headcount::secret", from, found = found.is_ok(), "secret");
    found
}

fn from_env(name: &str) -> Result<SecretString, SecretError> {
    let what = format!("environment variable {name}");
    // `var_os` panics on such names.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(SecretError::EnvMissing(name.to_owned()));
    }
    let value = std::env::var_os(name).ok_or_else(|| SecretError::EnvMissing(name.to_owned()))?;
    let text = value.into_string().map_err(|_| SecretError::NotText(what.clone()))?;
    if text.is_empty() { Err(SecretError::Empty(what)) } else { Ok(text.into()) }
}

async fn from_file(path: &str, base: &Path) -> Result<SecretString, SecretError> {
    let wrong = |source| SecretError::File { path: path.to_owned(), source };
    let whole = base.join(path);
    let read = tokio::task::spawn_blocking(move || files::open(&whole).and_then(|(file, _)| read_over(file)));
    // A file on a network may hang in a way that nobody can stop; then its thread is left behind.
    let read = tokio::time::timeout(FILE_TIMEOUT, read).await.map_err(|_| SecretError::FileTimeout(path.to_owned()))?;
    let bytes = read.unwrap_or_else(|broken| Err(std::io::Error::other(broken))).map_err(wrong)?;
    text(bytes, format!("file {path}"))
}

/// One byte more than allowed, as [`read_bounded`] does.
fn read_over(file: std::fs::File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_BYTES + 1), &mut bytes)?;
    Ok(bytes)
}

async fn from_command(words: &[String], base: &Path, timeout: Duration) -> Result<SecretString, SecretError> {
    let Some((command, arguments)) = words.split_first() else { return Err(SecretError::NoCommand) };
    let wrong = |source| SecretError::Exec { command: command.clone(), source };
    let mut child = Command::new(command)
        .args(arguments)
        .current_dir(if base.as_os_str().is_empty() { Path::new(".") } else { base })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(wrong)?;
    let output = child.stdout.take();
    let run = async {
        let bytes = match output {
            Some(output) => read_bounded(output).await?,
            None => Vec::new(),
        };
        Ok((bytes, child.wait().await?))
    };
    let (bytes, status) =
        tokio::time::timeout(timeout, run).await.map_err(|_| SecretError::ExecTimeout(command.clone()))?.map_err(wrong)?;
    if bytes.len() as u64 <= MAX_BYTES && !status.success() {
        return Err(SecretError::ExecFailed { command: command.clone(), status });
    }
    text(bytes, format!("the output of {command}"))
}

/// One byte more than allowed, so that too long can be told from just long enough.
async fn read_bounded(from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// A secret of these bytes, as every place gives it: text, no longer than it may be, without the last line break.
pub fn text(bytes: Vec<u8>, what: String) -> Result<SecretString, SecretError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SecretError::TooLong(what));
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(what.clone()))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() { Err(SecretError::Empty(what)) } else { Ok(text.to_owned().into()) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::manifest::connection::SecretKeyRef;

    fn exec(words: &[&str]) -> SecretRef {
        SecretRef::Exec(words.iter().map(|word| (*word).to_owned()).collect())
    }

    async fn told(secret: &SecretRef, base: &Path) -> Result<String, String> {
        resolve(secret, base).await.map(|secret| secret.expose_secret().to_owned()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_file_gives_its_text_without_the_last_line_break() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SecretRef::File("token".into());
        for (content, secret) in [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("two\nlines\n", "two\nlines")] {
            std::fs::write(folder.path().join("token"), content).expect("written");
            assert_eq!(told(&file, folder.path()).await.as_deref(), Ok(secret));
        }
        std::fs::write(folder.path().join("token"), "\n").expect("written");
        assert_eq!(told(&file, folder.path()).await, Err("file token is empty; an empty secret is never used".into()));
        std::fs::write(folder.path().join("token"), [b'x'; 70_000]).expect("written");
        assert_eq!(told(&file, folder.path()).await, Err("file token is longer than 65536 bytes".into()));
        std::fs::write(folder.path().join("token"), [0xff]).expect("written");
        assert_eq!(told(&file, folder.path()).await, Err("file token is not UTF-8 text".into()));
        assert_eq!(told(&SecretRef::File("none".into()), folder.path()).await, Err("file none can't be read".into()));
    }

    #[tokio::test]
    async fn a_command_is_bounded_and_its_words_stay_out_of_the_error() {
        let here = Path::new(".");
        assert_eq!(told(&exec(&["echo", "s3cret"]), here).await.as_deref(), Ok("s3cret"));
        assert_eq!(told(&exec(&["true"]), here).await, Err("the output of true is empty; an empty secret is never used".into()));
        let failed = told(&exec(&["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"]), here).await.expect_err("it failed");
        assert!(failed.starts_with("command sh ended with exit status: 3") && !failed.contains("s3cret"), "{failed}");
        let endless = told(&exec(&["yes"]), here).await;
        assert_eq!(endless, Err("the output of yes is longer than 65536 bytes".into()));
        assert_eq!(told(&exec(&[]), here).await, Err("exec names no command".into()));
        assert!(told(&exec(&["no-such-command"]), here).await.is_err());
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_stopped() {
        let words = ["sleep".to_owned(), "600".to_owned()];
        let late = from_command(&words, Path::new("."), Duration::from_millis(1)).await;
        assert!(matches!(late, Err(SecretError::ExecTimeout(command)) if command == "sleep"));
    }

    /// Knows one secret.
    #[derive(Debug)]
    struct OneSecret;

    impl Vault for OneSecret {
        fn get<'a>(&'a self, reference: &'a SecretKeyRef) -> BoxFuture<'a, Result<SecretString, SecretError>> {
            let SecretKeyRef { name, key } = reference.clone();
            Box::pin(async move {
                let known = name == "chat";
                if known { Ok("s3cret".to_owned().into()) } else { Err(SecretError::Kept { name, key, why: "there is none".into() }) }
            })
        }

        fn turn(&self) -> u64 {
            7
        }
    }

    #[tokio::test]
    async fn what_comes_from_a_cluster_has_its_secrets_there_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "the operator's").expect("written");
        entrust(folder.path().to_owned(), Arc::new(OneSecret));
        assert_eq!((turn(&folder.path().join("below")), turn(Path::new("elsewhere"))), (7, 0));
        let below = folder.path().join("deep");
        let of = |name: &str| SecretRef::SecretKeyRef(SecretKeyRef { name: name.into(), key: "token".into() });
        assert_eq!(told(&of("chat"), &below).await.as_deref(), Ok("s3cret"));
        assert_eq!(told(&of("other"), &below).await, Err("the key `token` of the Secret `other` can't be had: there is none".into()));
        for other in [SecretRef::File("../token".into()), SecretRef::Env("PATH".into()), exec(&["echo", "x"])] {
            assert!(told(&other, &below).await.expect_err("refused").starts_with("in a cluster a secret comes from secretKeyRef"));
        }
        assert!(told(&SecretRef::Env("PATH".into()), Path::new(".")).await.is_ok(), "what is beside is what it was");
    }

    #[tokio::test]
    async fn what_is_not_there_is_an_error() {
        let here = Path::new(".");
        for name in ["HEADCOUNT_TEST_NO_SUCH_VARIABLE", "", "A=B"] {
            let missing = told(&SecretRef::Env(name.into()), here).await;
            assert_eq!(missing, Err(format!("environment variable {name} is not set: export it, or correct the name")));
        }
        assert!(told(&SecretRef::Env("PATH".into()), here).await.is_ok());
        let outside = SecretRef::SecretKeyRef(SecretKeyRef { name: "chat".into(), key: "token".into() });
        assert!(told(&outside, here).await.expect_err("no cluster here").contains("inside Kubernetes"));
    }
}
