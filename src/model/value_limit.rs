//! What a system takes as the value of one attribute, as far as its connector or its schema tells: what it would refuse is told while it is planned.
//!
//! Must never: hold a value, or refuse what the system may take.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::dn;
use super::value::Value;

const TAKEN: &str = "is the name of something else there, which the Target does not have as such: choose another one, or rename that";
const KEPT: &str = "is a name that the system keeps for itself";

/// What an attribute can't hold there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueLimit {
    /// most letters
    pub letters: Option<usize>,
    /// most bytes of UTF-8
    pub bytes: Option<usize>,
    /// what it must look like
    pub form: ValueForm,
    /// signs that are never taken
    pub refused: &'static str,
    /// no sign beyond U+FFFF
    pub basic: bool,
    /// no blank at the end, which would be cut off
    pub unblank: bool,
    /// no dot at the end
    pub undotted: bool,
    /// names that the system keeps for itself; a `*` at the end stands for any more letters
    pub kept: Vec<Arc<str>>,
    /// the same in whatever case
    pub kept_caseless: Vec<Arc<str>>,
    /// names that something else there has by now, which is no such object
    pub taken: BTreeSet<Arc<str>>,
    /// never empty
    pub filled: bool,
    /// one value, and no list of several
    pub single: bool,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueForm {
    /// any text
    #[default]
    Text,
    /// a whole number of so many bytes
    Whole(u8),
    /// a number, written without a digit too much
    Number,
    /// the same, or what is no number at all
    Loose,
    /// yes or no
    Truth,
    /// a UUID as RFC 9562 writes it
    Uuid,
    /// the name of an entry below a base (RFC 4514), written as a directory shows it; or nothing
    Container,
}

impl ValueLimit {
    /// Why a value is not taken, in words that follow what it is called: "is longer than the 3 letters that there is room for".
    pub fn refusal(&self, value: Option<&Value>) -> Option<String> {
        match value {
            // It is another object's id by the time that it is written.
            Some(Value::Reference(_)) => None,
            Some(Value::List(items)) if !items.is_empty() => match items.as_ref() {
                [_, _, ..] if self.single => Some("has several values, and there is room for one".into()),
                items => items.iter().find_map(|item| self.refusal(Some(item))),
            },
            Some(Value::Map(fields)) => self.refusal(fields.get("value")),
            Some(Value::Text(text)) => self.text(text),
            Some(Value::Bool(yes)) => self.text(if *yes { "true" } else { "false" }),
            Some(Value::Int(number)) => self.text(&number.to_string()),
            Some(Value::List(_)) | None => self.text(""),
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        if text.is_empty() {
            return self.filled.then(|| "can't be empty there".into());
        }
        self.length(text).or_else(|| self.signs(text)).or_else(|| self.name(text)).or_else(|| self.form.refusal(text).map(str::to_owned))
    }

    fn length(&self, text: &str) -> Option<String> {
        let too_long = |most: Option<usize>, has: usize, what: &str| {
            let most = most.filter(|most| has > *most)?;
            Some(format!("is longer than the {most} {what} that there is room for"))
        };
        too_long(self.letters, text.chars().count(), "letters").or_else(|| too_long(self.bytes, text.len(), "bytes"))
    }

    fn signs(&self, text: &str) -> Option<String> {
        if self.basic && text.chars().any(|sign| u32::from(sign) > 0xffff) {
            return Some("has a sign beyond U+FFFF (an emoji, say), which can't be kept there".into());
        }
        if self.unblank && text.ends_with(' ') {
            return Some("ends with a blank, which would be cut off there".into());
        }
        if self.undotted && text.ends_with('.') {
            return Some("ends with a dot, which is not allowed there".into());
        }
        let sign = text.chars().find(|sign| self.refused.contains(*sign))?;
        Some(format!("has the sign `{sign}`, which is not allowed there"))
    }

    fn name(&self, text: &str) -> Option<String> {
        if self.kept_caseless.iter().any(|kept| kept.to_lowercase() == text.to_lowercase()) {
            return Some(KEPT.into());
        }
        if self.taken.contains(text) {
            return Some(TAKEN.into());
        }
        self.kept.iter().find_map(|kept| match kept.strip_suffix('*') {
            Some(beginning) if text.starts_with(beginning) => {
                Some(format!("begins with `{beginning}`, which the system keeps for its own"))
            }
            None if text == kept.as_ref() => Some(KEPT.into()),
            _ => None,
        })
    }
}

impl ValueForm {
    fn refusal(self, text: &str) -> Option<&'static str> {
        let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        match self {
            Self::Text => None,
            Self::Whole(bytes) => match number {
                None => Some("is no whole number, or one with zeros before it, and is kept as a number there"),
                Some(number) if !fits(number, bytes) => Some("is a larger number than there is room for"),
                Some(_) => None,
            },
            Self::Number | Self::Loose => {
                let read = text.trim().parse::<f64>().ok();
                let exact = number.is_some() || read.is_some_and(|number| number.is_finite() && number.to_string() == text);
                let loose = self == Self::Loose && read.is_none();
                (!exact && !loose).then_some("is no number, or one whose digits would change, and is kept as a number there")
            }
            Self::Truth => (!matches!(text, "true" | "false" | "1" | "0")).then_some("is neither true nor false"),
            Self::Uuid => (!is_uuid(text)).then_some("is no UUID, such as 00000000-0000-0000-0000-000000000000"),
            Self::Container => (dn::plain(text).as_deref() != Some(text)).then_some(
                "is no name of a container as the directory shows it: OU=Sales,OU=Berlin, and rdn(\"OU\", …) around a value that may have a comma in it",
            ),
        }
    }
}

fn fits(number: i64, bytes: u8) -> bool {
    let room = (bytes < 8).then(|| 1_i64 << (8 * u32::from(bytes).max(1) - 1));
    room.is_none_or(|room| (-room..room).contains(&number))
}

/// Whether it is written as RFC 9562 does.
pub(crate) fn is_uuid(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(at, sign)| if hyphens.contains(&at) { sign == b'-' } else { sign.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(limit: &ValueLimit, text: &str) -> String {
        limit.refusal(Some(&Value::text(text))).unwrap_or_default()
    }

    #[test]
    fn what_is_too_long_is_counted_as_the_system_counts() {
        let letters = ValueLimit { letters: Some(3), ..Default::default() };
        let bytes = ValueLimit { bytes: Some(3), ..Default::default() };
        assert_eq!((told(&letters, "dée"), told(&bytes, "dee")), (String::new(), String::new()));
        assert!(told(&letters, "dées").contains("3 letters") && told(&bytes, "dée").contains("3 bytes"));
    }

    #[test]
    fn names_and_signs_that_are_not_taken_are_told() {
        let limit = ValueLimit {
            basic: true,
            unblank: true,
            undotted: true,
            kept: vec!["pg_*".into()],
            kept_caseless: vec!["Public".into()],
            refused: "/",
            ..Default::default()
        };
        for taken in ["ada", "pgada", "PG_ada", "publican", "dée"] {
            assert_eq!(told(&limit, taken), "", "{taken}");
        }
        assert!(told(&limit, "pg_ada").contains("begins with `pg_`") && told(&limit, "PUBLIC").contains("keeps for itself"));
        assert!(told(&limit, "ada😀").contains("U+FFFF") && told(&limit, "ada ").contains("blank") && told(&limit, "a/b").contains("`/`"));
    }

    #[test]
    fn forms_are_those_that_a_column_can_hold() {
        let form = |form| ValueLimit { form, filled: true, ..Default::default() };
        assert_eq!((told(&form(ValueForm::Whole(2)), "-32768"), told(&form(ValueForm::Number), "1.5")), (String::new(), String::new()));
        assert!(told(&form(ValueForm::Whole(2)), "32768").contains("larger") && told(&form(ValueForm::Whole(8)), "007").contains("zeros"));
        assert!(told(&form(ValueForm::Number), "1.50").contains("digits") && told(&form(ValueForm::Truth), "yes").contains("neither"));
        assert_eq!((told(&form(ValueForm::Loose), "A17"), told(&form(ValueForm::Loose), "007").is_empty()), (String::new(), false));
        assert!(told(&form(ValueForm::Text), "").contains("empty") && form(ValueForm::Text).refusal(None).is_some());
        let several = Value::List(vec![Value::text("1"), Value::text("b")].into());
        let single = ValueLimit { single: true, ..Default::default() };
        assert!(single.refusal(Some(&several)).is_some_and(|words| words.contains("several")));
        assert!(form(ValueForm::Whole(4)).refusal(Some(&several)).is_some() && form(ValueForm::Text).refusal(Some(&several)).is_none());
        assert_eq!(form(ValueForm::Whole(4)).refusal(Some(&Value::Reference("hr/1".into()))), None);
    }

    #[test]
    fn a_container_is_a_name_as_a_directory_shows_it() {
        let limit = ValueLimit { form: ValueForm::Container, ..Default::default() };
        for name in ["", "OU=Sales", "OU=Sales\\, EMEA,OU=Berlin"] {
            assert_eq!(told(&limit, name), "", "{name}");
        }
        for name in ["Sales", "OU=Sales, EMEA", "OU=", "OU=Sales, OU=Berlin"] {
            assert!(told(&limit, name).contains("rdn("), "{name}");
        }
    }
}
