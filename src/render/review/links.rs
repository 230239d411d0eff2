//! Where a place is seen in a host's browser: at the full commit, since a short one may become ambiguous and a branch moves on.
//!
//! Must never: link a place that is not in the repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::diagnostic::Place;
use crate::render::markup::{code, path};

/// Whose Markdown it is, and how its addresses read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// `/blob/SHA/file#L30`, alerts in capitals
    #[default]
    GitHub,
    /// `/-/blob/SHA/file#L30`
    GitLab,
}

/// Where the repository is seen, and what else belongs to the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeLinks {
    /// which host
    pub flavour: Flavour,
    /// it knows no alerts: the sentence stands bold instead
    pub plain_alerts: bool,
    /// `https://github.com/acme/identity`; none: places stay plain
    pub repository: Option<String>,
    /// the full head commit, of a plan that has no branch
    pub commit: Option<String>,
    /// where the run is seen
    pub run: Option<String>,
    /// where the HTML report is seen
    pub report: Option<String>,
    /// where the saved plan is kept
    pub plan: Option<String>,
}

/// Reference links of one page, written once at its end.
pub struct References<'f> {
    forge: &'f ForgeLinks,
    head: Option<String>,
    /// bytes that links to places may still take
    room: usize,
    /// by label
    targets: BTreeMap<String, String>,
    /// by file and line
    labels: BTreeMap<(String, u32), String>,
}

impl<'f> References<'f> {
    /// None yet; places are of this commit, and links to them take so many bytes at most.
    pub fn new(forge: &'f ForgeLinks, head: Option<&str>, room: usize) -> Self {
        let head = head.or(forge.commit.as_deref()).filter(|commit| is_commit(commit)).map(str::to_owned);
        Self { forge, head, room, targets: BTreeMap::new(), labels: BTreeMap::new() }
    }

    /// `[groups.yaml:30][g30]`, or without an address `groups.yaml:30` as code.
    pub fn place(&mut self, place: &Place) -> String {
        let words = code(&format!("{}:{}", short(&place.file), place.line));
        let Some(address) = self.address(place) else { return words };
        let known = (place.file.to_string(), place.line);
        let label = match self.labels.get(&known) {
            Some(label) => label.clone(),
            None => {
                let label = self.free(place);
                let cost = label.len() + address.len() + LINE;
                let Some(left) = self.room.checked_sub(cost) else { return words };
                self.room = left;
                self.labels.insert(known, label.clone());
                self.targets.insert(label.clone(), address);
                label
            }
        };
        format!("[{words}][{label}]")
    }

    /// A link to anything else of the run, where its address is known.
    pub fn named(&mut self, label: &str, words: &str, address: Option<&str>) -> Option<String> {
        let address = address.filter(|address| is_address(address))?;
        self.targets.insert(label.to_owned(), address.to_owned());
        Some(format!("[{words}][{label}]"))
    }

    /// A commit, by its first seven digits.
    pub fn commit(&mut self, label: &str, commit: &str) -> String {
        let words: String = commit.chars().take(7).collect();
        let address = self.commit_address(commit);
        self.named(label, &words, address.as_deref()).unwrap_or_else(|| code(&words))
    }

    /// Where a commit is seen.
    pub fn commit_address(&self, commit: &str) -> Option<String> {
        let at = self.forge.repository.as_deref().filter(|at| is_address(at) && is_commit(commit))?;
        Some(format!("{at}{}commit/{commit}", self.between()))
    }

    /// Where the run is seen.
    pub fn run(&self) -> Option<&str> {
        self.forge.run.as_deref().filter(|address| is_address(address))
    }

    /// Bytes that all of them can come to.
    pub fn most(&self) -> usize {
        self.block().len() + if self.forge.repository.is_some() { self.room } else { 0 }
    }

    /// All of them, a line each.
    pub fn block(&self) -> String {
        let mut block = String::new();
        for (label, address) in &self.targets {
            let _ = writeln!(block, "[{label}]: {address}");
        }
        block
    }

    /// Where a place is seen.
    pub fn address(&self, place: &Place) -> Option<String> {
        let (at, commit) = (self.forge.repository.as_deref().filter(|at| is_address(at))?, self.head.as_deref()?);
        let inside = !place.file.is_empty() && !is_absolute(&place.file) && !place.file.split('/').any(|part| part == "..");
        let file = place.file.trim_start_matches("./");
        (inside && file != "-").then(|| format!("{at}{}blob/{commit}/{}#L{}", self.between(), path(file), place.line))
    }

    fn between(&self) -> &'static str {
        match self.forge.flavour {
            Flavour::GitHub => "/",
            Flavour::GitLab => "/-/",
        }
    }

    /// The first letter of the file with the line; another sign behind it where two files begin alike.
    fn free(&self, place: &Place) -> String {
        let name = place.file.rsplit('/').next().unwrap_or_default();
        let letter = name.chars().find(char::is_ascii_alphabetic).unwrap_or('x').to_ascii_lowercase();
        let label = format!("{letter}{}", place.line);
        let others = (2..).map(|number| format!("{label}-{number}"));
        std::iter::once(label.clone()).chain(others).find(|label| !self.targets.contains_key(label)).unwrap_or(label)
    }
}

/// Signs of a link's line around its label and its address.
const LINE: usize = 5;

/// A file from outside of the folder, such as `/etc/x` or `C:\x`.
fn is_absolute(file: &str) -> bool {
    file.starts_with('/') || file.contains(['\\', ':'])
}

/// The last two parts of a long path.
fn short(file: &str) -> String {
    const LONG: usize = 40;
    let mut parts: Vec<&str> = file.rsplitn(3, '/').collect();
    if file.len() <= LONG || parts.len() < 3 {
        return file.to_owned();
    }
    parts.truncate(2);
    parts.reverse();
    format!("…/{}", parts.join("/"))
}

/// Whole and in hex: nothing else gets into an address.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"`\\".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_linked_at_the_full_commit_and_only_inside_of_the_repository() {
        let commit = "0fdea5d5f4a45549c485fc60ca205822fe37262d";
        let place = |file: &str, line| Place { file: file.into(), line, column: 1 };
        let mut forge = ForgeLinks { repository: Some("https://git.example/acme/identity".into()), ..Default::default() };
        let mut links = References::new(&forge, Some(commit), 1_000);
        assert_eq!(links.place(&place("identity/groups.yaml", 30)), "[`identity/groups.yaml:30`][g30]");
        assert_eq!(links.place(&place("identity/groups.yaml", 30)), "[`identity/groups.yaml:30`][g30]");
        assert_eq!(links.place(&place("identity/grades.yaml", 30)), "[`identity/grades.yaml:30`][g30-2]");
        for outside in ["/etc/passwd", "../x.yaml", "a/../../x.yaml", "-", "C:\\x", ""] {
            assert!(!links.place(&place(outside, 3)).contains("]["), "{outside}");
        }
        assert_eq!(links.commit("head", commit), "[0fdea5d][head]");
        let base = "https://git.example/acme/identity";
        assert_eq!(
            links.block(),
            format!(
                "[g30]: {base}/blob/{commit}/identity/groups.yaml#L30\n[g30-2]: {base}/blob/{commit}/identity/grades.yaml#L30\n[head]: {base}/commit/{commit}\n"
            )
        );
        forge.flavour = Flavour::GitLab;
        let mut links = References::new(&forge, Some(commit), 1_000);
        links.place(&place("a [b].yaml", 1));
        assert_eq!(links.block(), format!("[a1]: {base}/-/blob/{commit}/a%20%5Bb%5D.yaml#L1\n"));
        for commit in ["0fdea5d", "main", &format!("{}<", &commit[1..])] {
            assert!(!References::new(&forge, Some(commit), 1_000).place(&place("groups.yaml", 1)).contains("]["), "{commit}");
        }
    }
}
