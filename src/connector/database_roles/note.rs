//! What stands in the comment of a role: a text for people, and behind it whose the role is: `Ada Lovelace [headcount account: hc:acme:hr:10023]`.
//!
//! Must never: take away what somebody else wrote there.

use crate::model::ObjectKind;

const OPENS: &str = "[headcount ";

/// A comment, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// for people
    pub(super) text: Option<String>,
    /// what the role is, where we said so: an account that may not sign in looks like a group otherwise
    pub(super) kind: Option<ObjectKind>,
    /// the mark
    pub(super) mark: Option<String>,
}

impl Note {
    /// Of a comment.
    pub(super) fn parse(comment: &str) -> Self {
        let found = comment.strip_suffix(']').and_then(|comment| comment.rsplit_once(OPENS));
        let Some((text, tag)) = found else { return Self { text: filled(comment), ..Self::default() } };
        let (word, mark) = tag.split_once(": ").map_or((tag, None), |(word, mark)| (word, Some(mark)));
        let kind = match word {
            "account" => ObjectKind::Account,
            "group" => ObjectKind::Group,
            _ => return Self { text: filled(comment), ..Self::default() },
        };
        let text = filled(text.strip_suffix(' ').unwrap_or(text));
        Self { text, kind: Some(kind), mark: mark.map(plain).filter(|mark| !mark.is_empty()) }
    }

    /// As a comment; none where there is nothing to say.
    pub(super) fn comment(&self) -> Option<String> {
        let tag = self.kind.map(|kind| match &self.mark {
            Some(mark) => format!("{OPENS}{}: {}]", kind.word(), escaped(mark)),
            None => format!("{OPENS}{}]", kind.word()),
        });
        match (&self.text, tag) {
            (Some(text), Some(tag)) => Some(format!("{text} {tag}")),
            (text, tag) => text.clone().or(tag),
        }
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Without what opens a tag.
fn escaped(mark: &str) -> String {
    mark.replace('%', "%25").replace('[', "%5B")
}

fn plain(mark: &str) -> String {
    mark.replace("%5B", "[").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(text in proptest::option::of("[a-z\\[\\]: %]{1,30}"), mark in proptest::option::of("[a-z\\[\\]: %]{1,30}"), account in any::<bool>()) {
            let kind = Some(if account { ObjectKind::Account } else { ObjectKind::Group });
            let note = Note { text, kind, mark };
            prop_assert_eq!(Note::parse(&note.comment().unwrap_or_default()), note);
        }

        #[test]
        fn what_others_wrote_is_text(text in "[a-z\\[\\]: ]{0,30}") {
            let note = Note::parse(&text);
            prop_assert_eq!(note.comment().unwrap_or_default(), text);
        }
    }

    #[test]
    fn a_mark_stands_behind_the_text() {
        let note = Note::parse("Ada [headcount account: hc:acme:hr:1]");
        assert_eq!((note.text.as_deref(), note.kind, note.mark.as_deref()), (Some("Ada"), Some(ObjectKind::Account), Some("hc:acme:hr:1")));
        assert_eq!(Note::parse("do not touch [ask Bob]").text.as_deref(), Some("do not touch [ask Bob]"));
    }
}
