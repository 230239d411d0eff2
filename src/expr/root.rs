//! What an expression may speak of: its root variable and the names below it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::nearest;
use crate::model;

/// What an expression may speak of; each is one root variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// a source's record: any field
    Record,
    /// the correlated person: attributes, `custom.*`, `lifecycle`, `source`
    Identity,
    /// a Target's mapping: `identity`, and as `account` what other rules of the same mapping come to
    Mapping,
    /// a group: `name`, `displayName`, `description`, `labels.*`; `value` of one that a `forEach` made
    Group,
    /// what was observed at a target: attributes, `custom.*`, `id`
    Account,
    /// an exchange with a system: these variables, each a value by itself or with any field below it (`status`, `body.error.code`)
    Exchange(&'static [&'static str]),
}

/// What a chain of segments below a root comes to.
pub(super) enum Resolved {
    /// the first `used` segments are this path; the others select inside its value
    Path { path: Arc<str>, used: usize },
    /// a prefix of several paths (`identity.name`): last segment and path of each
    Prefix(Vec<(&'static str, &'static str)>),
    /// nothing is called that
    Unknown { hint: String },
}

impl Root {
    /// The variable's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Identity | Self::Mapping => "identity",
            Self::Group => "group",
            Self::Account => "account",
            Self::Exchange(_) => "",
        }
    }

    /// Every name that is known below it; none for records, where everything goes.
    pub fn names(self) -> Vec<&'static str> {
        let attributes = model::attributes().iter().map(|attribute| attribute.name);
        match self {
            Self::Record => Vec::new(),
            Self::Identity | Self::Mapping => attributes.chain(["lifecycle", "source"]).collect(),
            Self::Group => vec!["name", "displayName", "description", "value"],
            Self::Account => attributes.chain(["id"]).collect(),
            Self::Exchange(variables) => variables.to_vec(),
        }
    }

    /// The prefix below which every name goes.
    fn open_prefix(self) -> &'static str {
        match self {
            Self::Record | Self::Exchange(_) => "",
            Self::Identity | Self::Mapping | Self::Account => "custom",
            Self::Group => "labels",
        }
    }

    pub(super) fn resolve(self, segments: &[&str]) -> Resolved {
        let open = self == Self::Record || (segments.len() > 1 && segments.first() == Some(&self.open_prefix()));
        if open {
            return Resolved::Path { path: path_of_segments(segments.iter().copied()).into(), used: segments.len() };
        }
        let names = self.names();
        for used in (1..=segments.len()).rev() {
            let path = path_of_segments(segments[..used].iter().copied());
            if names.contains(&path.as_str()) {
                return Resolved::Path { path: path.into(), used };
            }
        }
        let path = path_of_segments(segments.iter().copied());
        let below: Vec<_> = names.iter().filter_map(|name| Some((name.strip_prefix(path.as_str())?.strip_prefix('.')?, *name))).collect();
        if below.is_empty() { Resolved::Unknown { hint: self.hint(&path, &names) } } else { Resolved::Prefix(below) }
    }

    fn hint(self, path: &str, names: &[&'static str]) -> String {
        let root = self.name();
        if path == self.open_prefix() {
            return format!("name the one that is meant, such as {root}.{path}.badge");
        }
        match nearest(path, names.iter().copied()) {
            Some(name) => format!("did you mean {root}.{name}?"),
            None if self == Self::Group => "known are name, displayName, description, value and labels.*".into(),
            None => format!("attributes have SCIM's names; own ones stand below {root}.custom"),
        }
    }
}

/// Before the paths of what other rules of a mapping come to.
const OUTCOME: &str = "account.";

/// The path of what another rule of the same mapping comes to.
pub(super) fn outcome_path(path: &str) -> Arc<str> {
    format!("{OUTCOME}{path}").into()
}

/// The attribute whose outcome a path of a mapping's expression is; nothing where it is the identity's.
pub fn outcome_of_path(path: &str) -> Option<&str> {
    path.strip_prefix(OUTCOME)
}

/// Segments joined by `.`, a dot or backslash inside one escaped by `\`.
pub fn path_of_segments<'a>(segments: impl Iterator<Item = &'a str>) -> String {
    let mut path = String::new();
    for (at, segment) in segments.enumerate() {
        if at > 0 {
            path.push('.');
        }
        for letter in segment.chars() {
            if matches!(letter, '.' | '\\') {
                path.push('\\');
            }
            path.push(letter);
        }
    }
    path
}

/// The segments of a path, unescaped.
pub fn segments_of_path(path: &str) -> Vec<Cow<'_, str>> {
    if !path.contains('\\') {
        return path.split('.').map(Cow::Borrowed).collect();
    }
    let mut segments = vec![String::new()];
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => segments.push(String::new()),
            '\\' => segments.last_mut().into_iter().for_each(|last| last.extend(letters.next())),
            _ => segments.last_mut().into_iter().for_each(|last| last.push(letter)),
        }
    }
    segments.into_iter().map(Cow::Owned).collect()
}
