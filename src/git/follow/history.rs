//! From what was in force to what the branch stands at: whether one led to the other, and who wrote what is new.
//!
//! Must never: take history that was not looked for far enough for a rewritten one without having deepened it, or look without an end.

use jiff::Timestamp;

use super::Look;
use crate::git::GitError;
use crate::render::safe;

/// Commits that are brought first.
pub(super) const FIRST_DEPTH: u32 = 50;
/// Where what was in force is not among them: so many, then so many.
const DEEPER: [u32; 2] = [250, 1000];
/// Commits of the copy that are looked through: side branches count too.
const LOOKED_AT: &str = "--max-count=20000";
/// Commits whose authors are asked for.
const MOST: &str = "--max-count=1000";
/// Of each commit some names and a few helpers.
const STORY: u64 = 8 << 20;
/// Names that are kept.
const AUTHORS: usize = 500;

/// How what was in force and what is there now hang together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// nothing was in force
    First,
    /// it is the same commit
    Same,
    /// it led there
    Continues(String),
    /// it did not, or not within the last thousand commits
    Rewritten(String),
}

impl Look<'_> {
    /// `reference` is what is deepened where the copy does not go back far enough.
    pub(super) fn history(&self, commit: &str, known: Option<&str>, reference: &str) -> Result<History, GitError> {
        let Some(known) = known.filter(|known| super::is_object(known)) else { return Ok(History::First) };
        if known == commit {
            return Ok(History::Same);
        }
        for depth in DEEPER.map(Some).into_iter().chain([None]) {
            if self.led_to(known, commit)? {
                return Ok(History::Continues(known.to_owned()));
            }
            match depth {
                Some(depth) if self.is_shallow()? => self.fetch(reference, depth)?,
                _ => break,
            }
        }
        Ok(History::Rewritten(known.to_owned()))
    }

    fn led_to(&self, known: &str, commit: &str) -> Result<bool, GitError> {
        // Asked for by the commits that are here: of one that is not git would ask the remote.
        let answer = self.local().run(&["rev-list", LOOKED_AT, commit], Vec::new(), 1 << 20)?;
        Ok(String::from_utf8_lossy(&answer.output).lines().any(|line| line == known))
    }

    /// Whether a commit is in the copy still.
    fn has(&self, commit: &str) -> bool {
        self.local().ask(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok()
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.local().ask(&["rev-parse", "--is-shallow-repository"])? == "true")
    }

    /// When the commit was made, and everybody who wrote what is new in it. Where nothing led to it that was in force, any commit that is here may be new.
    pub(super) fn story(&self, commit: &str, history: &History) -> Result<(Timestamp, Vec<String>), GitError> {
        let format = "--format=%cI%x00%an%x00%ae%x00%cn%x00%ce%x00%(trailers:key=Co-authored-by,valueonly,separator=%x00)%x01";
        let since = match history {
            History::Continues(known) => format!("{known}..{commit}"),
            History::Rewritten(known) if self.has(known) => format!("{known}..{commit}"),
            History::First | History::Same | History::Rewritten(_) => commit.to_owned(),
        };
        let most = if matches!(history, History::Same) { "--max-count=1" } else { MOST };
        let output = self.local().read(&["log", most, format, "--end-of-options", &since], Vec::new(), STORY)?;
        let text = String::from_utf8_lossy(&output);
        let mut at = None;
        let mut authors: Vec<String> = Vec::new();
        for entry in text.split('\u{1}').map(str::trim).filter(|entry| !entry.is_empty()) {
            let mut parts = entry.split('\0');
            let time = parts.next().and_then(|time| time.parse::<Timestamp>().ok());
            // Newest first.
            at = at.or(time);
            for name in parts.flat_map(names) {
                if authors.len() < AUTHORS && !authors.contains(&name) {
                    authors.push(name);
                }
            }
        }
        Ok((at.unwrap_or(Timestamp::UNIX_EPOCH), authors))
    }
}

/// A name, an address, or both as a trailer has them.
fn names(text: &str) -> Vec<String> {
    let (name, address) = text.split_once('<').map_or((text, ""), |(name, rest)| (name, rest.trim_end_matches('>')));
    [name, address].into_iter().map(|part| safe::line(part.trim()).into_owned()).filter(|part| !part.is_empty()).collect()
}
