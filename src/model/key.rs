//! What a key says: whose or what it is. Keys are kept as text, since a million of them stand in memory; they are put together and taken apart here
//! and nowhere else.
//!
//! Must never: read two keys out of one text, or write two texts for one key.

use std::fmt;
use std::sync::Arc;

const USER: &str = "user";
const GROUP: &str = "group";
const ACCOUNT: &str = "account";
const UNCLAIMED: &str = "id";

/// Names that no Source may have, since keys that begin with them are no records.
pub const RESERVED: [&str; 4] = [USER, GROUP, ACCOUNT, UNCLAIMED];

/// A key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'k> {
    /// an identity's record: `hr/10023`
    Record {
        /// the Source's name
        source: &'k str,
        /// the record's own key
        key: &'k str,
    },
    /// a standalone User: `user/jane`
    User {
        /// its name
        name: &'k str,
    },
    /// a Group, or one of those that its `forEach` makes: `group/all`, `group/all/sales`
    Group {
        /// the Group's name
        name: &'k str,
        /// the value it is made for
        value: Option<&'k str>,
    },
    /// an account by itself, whoever has it: `account/chat/7`
    Account {
        /// the Target's name
        target: &'k str,
        /// its id there
        id: &'k str,
    },
    /// an object of a target that nobody claims: `id:7`
    Unclaimed {
        /// its id there
        id: &'k str,
    },
}

impl<'k> Key<'k> {
    /// What a text says; nothing where it is no key.
    pub fn of(text: &'k str) -> Option<Self> {
        // A Source's name has no colon.
        if let Some(id) = text.strip_prefix(UNCLAIMED).and_then(|rest| rest.strip_prefix(':')) {
            return Some(Self::Unclaimed { id });
        }
        let (space, rest) = text.split_once('/').filter(|(space, rest)| !space.is_empty() && !rest.is_empty())?;
        Some(match space {
            USER => Self::User { name: rest },
            GROUP => match rest.split_once('/') {
                Some((name, value)) => Self::Group { name, value: Some(value) },
                None => Self::Group { name: rest, value: None },
            },
            ACCOUNT => rest.split_once('/').map(|(target, id)| Self::Account { target, id })?,
            UNCLAIMED => return None,
            source => Self::Record { source, key: rest },
        })
    }

    /// Of a record.
    pub fn record(source: &'k str, key: &'k str) -> Self {
        Self::Record { source, key }
    }

    /// Of a standalone User.
    pub fn user(name: &'k str) -> Self {
        Self::User { name }
    }

    /// Of a Group.
    pub fn group(name: &'k str) -> Self {
        Self::Group { name, value: None }
    }

    /// Of an account by itself.
    pub fn account(target: &'k str, id: &'k str) -> Self {
        Self::Account { target, id }
    }

    /// Of what nobody claims.
    pub fn unclaimed(id: &'k str) -> Self {
        Self::Unclaimed { id }
    }

    /// The Source and the record's own key; nothing where it is no record.
    pub fn of_record(text: &'k str) -> Option<(&'k str, &'k str)> {
        match Self::of(text)? {
            Self::Record { source, key } => Some((source, key)),
            _ => None,
        }
    }

    /// The record's own key, where it is one of this Source.
    pub fn within(text: &'k str, source: &str) -> Option<&'k str> {
        Self::of_record(text).filter(|(of, _)| *of == source).map(|(_, key)| key)
    }

    /// The Target and the account's id; nothing where it is no account by itself.
    pub fn of_account(text: &'k str) -> Option<(&'k str, &'k str)> {
        match Self::of(text)? {
            Self::Account { target, id } => Some((target, id)),
            _ => None,
        }
    }

    /// Where an identity's key is unique, its Source or the Users, and what it is there; nothing where it is no identity's.
    pub fn of_identity(text: &'k str) -> Option<(&'k str, &'k str)> {
        match Self::of(text)? {
            Self::Record { source, key } => Some((source, key)),
            Self::User { name } => Some((USER, name)),
            _ => None,
        }
    }

    /// Whether it is a standalone User's.
    pub fn is_user(text: &str) -> bool {
        matches!(Key::of(text), Some(Key::User { .. }))
    }

    /// Whether it is a group's.
    pub fn is_group(text: &str) -> bool {
        matches!(Key::of(text), Some(Key::Group { .. }))
    }

    /// Whether nobody claims what it names.
    pub fn is_unclaimed(text: &str) -> bool {
        matches!(Key::of(text), Some(Key::Unclaimed { .. }))
    }

    /// The Group's name in a group's key; the text itself where it is none.
    pub fn group_name(text: &'k str) -> &'k str {
        match Self::of(text) {
            Some(Self::Group { name, .. }) => name,
            _ => text,
        }
    }

    /// The value for which a Group's `forEach` makes a group, by both their keys; nothing where it makes no such.
    pub fn made_by(text: &'k str, group: &str) -> Option<&'k str> {
        match (Self::of(text)?, Key::of(group)?) {
            (Self::Group { name, value }, Key::Group { name: maker, value: None }) if name == maker => value,
            _ => None,
        }
    }

    /// As it is kept and shown.
    pub fn text(self) -> Arc<str> {
        let mut text = String::new();
        self.write(&mut text);
        Arc::from(text)
    }

    /// Adds it to a buffer that is used again.
    pub fn write(self, out: &mut String) {
        let (space, sign, name, rest) = match self {
            Self::Record { source, key } => (source, '/', key, None),
            Self::User { name } => (USER, '/', name, None),
            Self::Group { name, value } => (GROUP, '/', name, value),
            Self::Account { target, id } => (ACCOUNT, '/', target, Some(id)),
            Self::Unclaimed { id } => (UNCLAIMED, ':', id, None),
        };
        out.reserve(space.len() + 2 + name.len() + rest.map_or(0, str::len));
        out.push_str(space);
        out.push(sign);
        out.push_str(name);
        if let Some(rest) = rest {
            out.push('/');
            out.push_str(rest);
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        out.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_is_known_by_how_it_begins() {
        let read = |text| Key::of(text);
        assert_eq!(read("hr/1/2"), Some(Key::Record { source: "hr", key: "1/2" }));
        assert_eq!(read("identity/1"), Some(Key::Record { source: "identity", key: "1" }));
        assert_eq!(read("user/jane"), Some(Key::User { name: "jane" }));
        assert_eq!(read("group/all"), Some(Key::Group { name: "all", value: None }));
        assert_eq!(read("group/all/r&d/x"), Some(Key::Group { name: "all", value: Some("r&d/x") }));
        assert_eq!(read("account/chat/a/b"), Some(Key::Account { target: "chat", id: "a/b" }));
        assert_eq!(read("id:7"), Some(Key::Unclaimed { id: "7" }));
        assert_eq!(read("id:a/b"), Some(Key::Unclaimed { id: "a/b" }));
        for text in ["", "/", "hr", "hr/", "/1", "user/", "group/", "account/chat"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn no_key_that_begins_with_a_reserved_name_is_a_record() {
        RESERVED.iter().for_each(|name| assert_eq!(Key::of_record(&format!("{name}/1")), None, "{name}"));
    }

    /// A name as manifests take it.
    fn name() -> impl Strategy<Value = String> {
        "[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?"
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(name in name(), other in name(), rest in "\\PC{1,12}", form in 0..6usize) {
            prop_assume!(!RESERVED.contains(&name.as_str()));
            let key = match form {
                0 => Key::record(&name, &rest),
                1 => Key::user(&name),
                2 => Key::group(&name),
                3 => Key::Group { name: &name, value: Some(&rest) },
                4 => Key::account(&other, &rest),
                _ => Key::unclaimed(&rest),
            };
            let text = key.to_string();
            prop_assert_eq!(Key::of(&text), Some(key));
            prop_assert_eq!(&*key.text(), text.as_str());
        }

        #[test]
        fn what_is_read_is_written_as_it_was(text in "(user|group|account|id|hr|[a-z]{0,3})[:/]?\\PC{0,12}") {
            if let Some(key) = Key::of(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
