//! Whose signature a commit has. Those of SSH keys are checked against a file of allowed signers; of any other there is no check, so they count for nothing.
//!
//! Must never: take a signature that could not be checked for a good one, or a commit without one for one of somebody trusted.

use std::path::PathBuf;

use super::Look;
use super::history::History;
use crate::files;
use crate::git::GitError;
use crate::render::safe;

/// A list of signers is small.
const MAX_SIGNERS: u64 = 1 << 20;
/// Commits of one revision that are checked.
const MOST: &str = "--max-count=1001";
/// Of each commit a line.
const LINES: u64 = 4 << 20;

/// Whose signatures are asked for, and where.
#[derive(Clone, Debug)]
pub struct Verify {
    /// allowed signers, as `ssh-keygen` has them: `mara@acme.example namespaces="git" ssh-ed25519 AAAA…`
    pub signers: PathBuf,
    /// of which commits
    pub which: Which,
}

/// Of which commits signatures are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// the one that the branch stands at, which stands for all before it
    #[default]
    Tip,
    /// each that the branch went through since what was in force last, by first parents
    Range,
}

/// The file, as it was read.
#[derive(Debug)]
pub(super) struct Signers {
    verify: Verify,
    /// of its content: another file may know the signer
    pub number: u64,
}

/// What git says of a commit's signature.
struct Signed<'l> {
    commit: &'l str,
    /// G, B, U, X, Y, R, E or N
    word: &'l str,
    signer: &'l str,
    key: &'l str,
}

impl Signers {
    pub fn read(verify: &Verify) -> Result<Self, GitError> {
        let wrong = |why: String| GitError::Usage {
            what: format!("the file of allowed signers {} can't be used: {why}", verify.signers.display()),
            hint: "it has a line for each: `mara@acme.example namespaces=\"git\" ssh-ed25519 AAAA…` (ssh-keygen(1), ALLOWED SIGNERS)"
                .to_owned(),
        };
        let text = files::read_text(&verify.signers, MAX_SIGNERS).map_err(|error| wrong(error.to_string()))?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Err(wrong("it names nobody".to_owned()));
        }
        let signers = std::path::absolute(&verify.signers).map_err(|error| wrong(error.to_string()))?;
        let number = std::hash::BuildHasher::hash_one(&std::hash::BuildHasherDefault::<siphasher::sip::SipHasher13>::default(), &text);
        Ok(Self { verify: Verify { signers, which: verify.which }, number })
    }
}

impl Look<'_> {
    /// Who signed what is new, the commit's own signer first; or why it is refused, and what to do.
    pub(super) fn verify(
        &self,
        commit: &str,
        history: &History,
        signers: &Signers,
    ) -> Result<Result<Vec<String>, (String, String)>, GitError> {
        let since = match (signers.verify.which, history) {
            (Which::Range, History::Continues(known)) => Some(format!("{known}..{commit}")),
            (Which::Range, History::Rewritten(_)) => {
                let what = "what was in force last does not lead to it, so which commits are new can't be told, and their signatures can't be checked";
                let hint = "push a branch that goes on from there; or, where it was meant, check the newest commit alone once, without `--verify-each`";
                return Ok(Err((what.to_owned(), hint.to_owned())));
            }
            _ => None,
        };
        let setting = format!("gpg.ssh.allowedSignersFile={}", signers.verify.signers.display());
        let format = "--format=%H%x00%G?%x00%GS%x00%GF";
        let (most, which) = since.as_deref().map_or(("--max-count=1", commit), |since| (MOST, since));
        let arguments = ["-c", &setting, "log", most, "--first-parent", format, "--end-of-options", which];
        let answer = self.local().run(&arguments, Vec::new(), LINES)?;
        if !answer.succeeded || answer.said.contains("cannot run ssh-keygen") {
            let hint = "install ssh-keygen (openssh-client), and git 2.34 or newer".to_owned();
            return Err(GitError::Usage { what: format!("signatures can't be checked: {}", answer.words()), hint });
        }
        let text = String::from_utf8_lossy(&answer.output);
        let lines: Vec<Signed<'_>> = text.lines().filter_map(signed).collect();
        if lines.len() > 1000 || lines.first().is_none_or(|newest| newest.commit != commit) {
            return Ok(Err((
                "its history can't be looked through for signatures".to_owned(),
                "check the newest commit alone, without `--verify-each`".to_owned(),
            )));
        }
        if let Some(bad) = lines.iter().rfind(|line| line.word != "G" || line.signer.is_empty()) {
            let pgp = bad.word == "N" && self.is_signed_otherwise(bad.commit)?;
            return Ok(Err(bad.refused(pgp)));
        }
        Ok(Ok(lines.iter().map(|line| safe::line(line.signer).into_owned()).collect()))
    }

    /// By a key of another kind, which nobody checked.
    fn is_signed_otherwise(&self, commit: &str) -> Result<bool, GitError> {
        let bytes = self.local().read(&["cat-file", "commit", commit], Vec::new(), LINES)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().take_while(|line| !line.is_empty()).any(|line| line.starts_with("gpgsig")))
    }
}

impl Signed<'_> {
    fn refused(&self, otherwise: bool) -> (String, String) {
        let commit = self.commit.get(..12).unwrap_or(self.commit);
        let key = safe::line(self.key);
        let again = "sign it with a key of the file of allowed signers and push it again (`git commit --amend -S`)";
        match self.word {
            "N" if otherwise => (
                format!("commit {commit} is signed, but not by an SSH key, and nothing else is checked"),
                format!("use an SSH key: `gpg.format=ssh`; {again}"),
            ),
            "N" => (format!("commit {commit} is not signed"), again.to_owned()),
            "U" | "G" => (
                format!("commit {commit} is signed by {key}, which is nobody's in the file of allowed signers"),
                format!("if it is a colleague's, add it there in a reviewed way; else find out who pushed it; {again}"),
            ),
            "X" | "Y" | "R" => (format!("commit {commit} is signed by {key}, which had ended or was revoked"), again.to_owned()),
            _ => (
                format!("commit {commit} has a signature that is not its own, or one that can't be checked"),
                format!("find out who pushed it, and whether it was changed on the way; {again}"),
            ),
        }
    }
}

fn signed(line: &str) -> Option<Signed<'_>> {
    let mut parts = line.split('\0');
    Some(Signed { commit: parts.next()?, word: parts.next()?, signer: parts.next()?, key: parts.next()? })
}
