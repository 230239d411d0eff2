//! Which kind a document is, from its `apiVersion` and `kind` alone.

use super::read::is_null;
use super::schema::API_VERSION;
use super::tree::{Content, Mark, Style, Tree};
use crate::diagnostic::{did_you_mean, nearest};

/// The kinds this version reads.
pub(super) const KINDS: [&str; 12] = [
    "Workspace",
    "Source",
    "Target",
    "AttributeMapping",
    "User",
    "Group",
    "Entitlement",
    "Revocation",
    "PlanApproval",
    "Connector",
    "ConnectorTest",
    "Persona",
];
/// What headcount writes and never reads.
const WRITTEN: &str = "Plan";

/// What a document says of itself.
pub(super) enum Header {
    /// nothing at all, or nothing that is read
    Empty,
    /// what `kubectl get -o yaml` prints of several objects: each of its items is a document
    List,
    /// one of ours; everything else in it is for the shape to judge
    Kind(&'static str),
    /// none of ours
    Foreign {
        mark: Mark,
        message: String,
        hint: String,
        /// it names another tool's version, or neither kind nor version, so it may be no manifest at all
        stranger: bool,
    },
}

/// Reads the header of a document.
pub(super) fn read(tree: &Tree<'_>) -> Header {
    match tree.resolve(0).map(|node| &node.content) {
        Some(Content::Scalar(text, Style::Plain)) if is_null(text) => return Header::Empty,
        Some(Content::Map(_)) => {}
        _ => return foreign(tree.mark(0), "a manifest is a mapping with `apiVersion`, `kind`, `metadata` and `spec`", None, true),
    }
    let version = tree.get(0, "apiVersion").and_then(|(_, at)| tree.text(at).map(|text| (at, text)));
    let kind = tree.get(0, "kind").and_then(|(_, at)| tree.text(at).map(|text| (at, text)));
    match (version, kind) {
        (Some((_, "v1")), Some((_, "List"))) => Header::List,
        (Some((at, version)), _) if !version.contains("headcount") => {
            if is_ours(version, kind.map(|(_, word)| word)) {
                let hint = format!("write `apiVersion: {API_VERSION}`");
                return foreign(tree.mark(at), &format!("headcount does not know the version `{}`", short(version)), Some(hint), false);
            }
            let kind = kind.map_or(String::new(), |(_, kind)| format!(" `{}`", short(kind)));
            foreign(tree.mark(at), &format!("headcount does not read `{}`{kind}", short(version)), None, true)
        }
        (_, Some((at, word))) => match KINDS.iter().find(|known| **known == word) {
            Some(known) => Header::Kind(known),
            None if word == WRITTEN => Header::Empty,
            None => {
                let hint = did_you_mean(word, KINDS).unwrap_or_else(|| format!("known kinds: {}", KINDS.join(", ")));
                foreign(tree.mark(at), &format!("the kind `{}` is not known", short(word)), Some(hint), false)
            }
        },
        (version, None) => {
            foreign(tree.mark(0), "the document lacks `kind`", Some(format!("known kinds: {}", KINDS.join(", "))), version.is_none())
        }
    }
}

/// Whether a version that is not ours was meant to be: it is near ours, or the kind is one of ours and nobody's name stands before it.
fn is_ours(version: &str, kind: Option<&str>) -> bool {
    let group = version.split('/').next().unwrap_or_default().to_lowercase();
    nearest(&group, ["headcount.dev", "headcount"]).is_some() || (!group.contains('.') && kind.is_some_and(|kind| KINDS.contains(&kind)))
}

fn foreign(mark: Mark, message: &str, hint: Option<String>, stranger: bool) -> Header {
    let hint =
        hint.unwrap_or_else(|| format!("headcount reads `{API_VERSION}`; keep other tools' files in another folder, or in a hidden one"));
    Header::Foreign { mark, message: message.to_owned(), hint, stranger }
}

fn short(word: &str) -> String {
    word.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
