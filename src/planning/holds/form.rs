//! The forms of a key: zeros before it, a point behind it, capitals, a Source with another name.
//!
//! Must never: take keys for forms of one another that differ in more than what a spreadsheet or an export does to a number.

use crate::model::Key;
use crate::planning::people::identity::Identities;
use crate::policy::SourcePolicy;

/// How a key became another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum KeyChange {
    /// the same record of a Source with another name
    Source { old: String, new: String },
    /// the same source; its key, made what it was by this
    Key { source: String, rule: KeyRule },
    /// anything else
    Other,
}

/// What makes a key what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) enum KeyRule {
    /// so many digits, with zeros before
    Zeros(usize),
    /// digits, without the zeros before
    NoZeros,
    /// what stands before the point
    BeforePoint,
    /// this behind it: a point and zeros
    Behind(String),
    Upper,
    Lower,
}

impl KeyChange {
    /// How one key became the other.
    pub(in crate::planning) fn of(people: &Identities<'_>, old: &str, new: &str) -> Self {
        let of_user = Key::is_user(old);
        let Some(((old, old_key), (new, new_key))) = Key::of_identity(old).zip(Key::of_identity(new)) else { return Self::Other };
        let declared = |name: &str| people.policy.sources.iter().any(|source| source.name.as_ref() == name);
        if old != new && old_key == new_key && declared(new) && !declared(old) && !of_user {
            return Self::Source { old: old.to_owned(), new: new.to_owned() };
        }
        match KeyRule::of(old_key, new_key).filter(|_| old == new && declared(new)) {
            Some(rule) => Self::Key { source: new.to_owned(), rule },
            None => Self::Other,
        }
    }

    /// The source whose keys one rule makes what they were, and the rule.
    pub(in crate::planning) fn rule(&self) -> Option<(&str, &KeyRule)> {
        match self {
            Self::Key { source, rule } => Some((source, rule)),
            Self::Source { .. } | Self::Other => None,
        }
    }
}

impl KeyRule {
    /// A key, made what it was.
    pub(in crate::planning) fn restored(&self, key: &str) -> String {
        match self {
            Self::Zeros(width) if key.bytes().all(|byte| byte.is_ascii_digit()) => format!("{key:0>width$}"),
            Self::Zeros(_) => key.to_owned(),
            Self::NoZeros if key.bytes().all(|byte| byte.is_ascii_digit()) => key.trim_start_matches('0').to_owned(),
            Self::NoZeros => key.to_owned(),
            Self::BeforePoint => key.split('.').next().unwrap_or_default().to_owned(),
            Self::Behind(rest) if key.bytes().all(|byte| byte.is_ascii_digit()) => format!("{key}{rest}"),
            Self::Behind(_) => key.to_owned(),
            Self::Upper => key.to_uppercase(),
            Self::Lower => key.to_lowercase(),
        }
    }

    fn of(old: &str, new: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if digits(old) && digits(new) && bare(old) == bare(new) {
            let zeros = old.len() > new.len();
            return (zeros || old == bare(old))
                .then_some(if zeros { Self::Zeros(old.len()) } else { Self::NoZeros })
                .filter(|_| old != new);
        }
        let zeros = |rest: &str| rest.len() > 1 && rest.starts_with('.') && rest[1..].bytes().all(|byte| byte == b'0');
        if new.strip_prefix(old).is_some_and(zeros) {
            return Some(Self::BeforePoint);
        }
        if let Some(rest) = old.strip_prefix(new).filter(|rest| zeros(rest) && digits(new)) {
            return Some(Self::Behind(rest.to_owned()));
        }
        match () {
            () if new.to_uppercase() == old => Some(Self::Upper),
            () if new.to_lowercase() == old => Some(Self::Lower),
            () => None,
        }
    }

    /// The key's expression, made what it was.
    pub(in crate::planning) fn over(&self, source: &SourcePolicy) -> String {
        let key = source.key.text();
        match self {
            Self::Zeros(width) => format!("padLeft({key}, {width}, \"0\")"),
            Self::NoZeros => format!("int({key})"),
            Self::BeforePoint => format!("split({key}, \".\")[0]"),
            Self::Behind(rest) => format!("{key} + \"{rest}\""),
            Self::Upper => format!("upper({key})"),
            Self::Lower => format!("lower({key})"),
        }
    }
}

/// Whether one key is the other one in another form: of one source, or of a Source with another name.
pub(in crate::planning) fn is_another(people: &Identities<'_>, old: &str, new: &str) -> bool {
    let of = |key| Key::of_identity(key).map(|(space, _)| space);
    old != new && bare(old) == bare(new) && (of(old) == of(new) || KeyChange::of(people, old, new) != KeyChange::Other)
}

/// What a key has in all of its forms.
pub(in crate::planning) fn bare(key: &str) -> String {
    let record = Key::of_identity(key).map_or(key, |(_, record)| record);
    let whole = record.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0')).map_or(record, |(whole, _)| whole);
    whole.trim_start_matches('0').to_lowercase()
}
