//! What a system takes as the value of one attribute, as far as its connector or its schema tells: what it would refuse is told while it is planned.
//!
//! Must never: hold a value, or refuse what the system may take.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::dn;
use super::value::Value;
use super::value_form::{self as forms, Charset};

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
    /// no sign beyond these
    pub charset: Charset,
    /// of which words it is one, or several, where it has such a form
    pub words: Vec<Arc<str>>,
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
    /// the same, with so many digits before its point and behind it
    Decimal {
        /// before it
        whole: u16,
        /// behind it
        fraction: u16,
    },
    /// the same, in four bytes
    Single,
    /// the same, or what is no number at all
    Loose,
    /// a day
    Day,
    /// a time of day, to so many digits of a second
    Time(u8),
    /// a day and a time, to so many digits of a second
    Moment {
        /// so many digits
        digits: u8,
        /// it is kept as a moment of UTC, and comes back as that
        zoned: bool,
    },
    /// one of some words
    Word,
    /// some of some words, with commas between
    Words,
    /// a document of JSON, whose blanks and order are not kept
    Document,
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

    /// A value as the system keeps it, so that what comes back is what was given. What has no such form stays as it is.
    pub fn kept(&self, value: Value) -> Value {
        match &value {
            Value::Text(text) => self.form_of(text).map(|kept| Value::text(&kept)).unwrap_or(value),
            _ => value,
        }
    }

    fn form_of(&self, text: &str) -> Option<String> {
        match self.form {
            ValueForm::Day => forms::day(text),
            ValueForm::Time(_) => forms::time(text),
            ValueForm::Moment { zoned, .. } => forms::moment(text, zoned),
            ValueForm::Word => forms::word(text, &self.words).map(ToString::to_string),
            ValueForm::Words => forms::several_words(text, &self.words),
            ValueForm::Document => forms::json_document(text),
            ValueForm::Uuid => Some(text.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        if text.is_empty() {
            return self.filled.then(|| "can't be empty there".into());
        }
        let form = || self.form.refusal(text).map(str::to_owned).or_else(|| self.unknown_word(text)).or_else(|| self.cut(text));
        self.length(text).or_else(|| self.signs(text)).or_else(|| self.name(text)).or_else(form)
    }

    fn unknown_word(&self, text: &str) -> Option<String> {
        let is_one = matches!(self.form, ValueForm::Word | ValueForm::Words);
        let words = || self.words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        (is_one && self.form_of(text).is_none()).then(|| format!("is none of the words that are kept there: {}", words()))
    }

    /// What would lose something by its form.
    fn cut(&self, text: &str) -> Option<String> {
        let (ValueForm::Time(digits) | ValueForm::Moment { digits, .. }) = self.form else { return None };
        let kept = self.form_of(text)?;
        (forms::digits_of_second(&kept) > usize::from(digits)).then(|| "has more digits of a second than there is room for".to_owned())
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
        if let Some(sign) = self.charset.lacks(text) {
            return Some(format!("has the sign `{sign}`, which the character set there does not have"));
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
            Self::Text | Self::Time(_) | Self::Moment { .. } | Self::Word | Self::Words | Self::Document => None,
            Self::Day => (forms::moment(text, false).is_some() && forms::day(text).is_none())
                .then_some("has a time of day, and there is room for a day alone"),
            Self::Decimal { whole, fraction } => {
                Self::Number.refusal(text).or_else(|| forms::too_many_digits(text, whole, fraction))
            }
            Self::Single => Self::Number.refusal(text).or_else(|| {
                let same = text.parse::<f32>().is_ok_and(|number| number.to_string() == text);
                (!same).then_some("has more digits than are kept there")
            }),
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

    #[test]
    fn what_would_be_rounded_or_cut_is_refused() {
        let decimal = ValueLimit { form: ValueForm::Decimal { whole: 4, fraction: 1 }, ..Default::default() };
        for taken in ["2.5", "-9999.9", "0.5", "12"] {
            assert_eq!(told(&decimal, taken), "", "{taken}");
        }
        assert!(told(&decimal, "2.55").contains("rounded") && told(&decimal, "12345").contains("larger"));
        let single = ValueLimit { form: ValueForm::Single, ..Default::default() };
        assert!(told(&single, "0.1").is_empty() && told(&single, "16777217").contains("digits"));
        let moment = |digits| ValueLimit { form: ValueForm::Moment { digits, zoned: false }, ..Default::default() };
        assert!(told(&moment(0), "2026-12-01T10:00:00.5Z").contains("second") && told(&moment(6), "2026-12-01T10:00:00.5Z").is_empty());
        let day = ValueLimit { form: ValueForm::Day, ..Default::default() };
        assert!(told(&day, "2026-12-01T10:00:00").contains("time of day") && told(&day, "infinity").is_empty());
        let latin = ValueLimit { charset: Charset::Latin, ..Default::default() };
        assert!(told(&latin, "Łódź").contains("`Ł`") && told(&latin, "Müller – €").is_empty());
        let words = ValueLimit { form: ValueForm::Words, words: vec!["a".into(), "b".into()], ..Default::default() };
        assert!(told(&words, "b,c").contains("`a`, `b`") && told(&words, "B,a").is_empty());
    }

    #[test]
    fn a_value_is_written_as_it_comes_back() {
        let kept = |form, words: &[&str], text: &str| {
            let words = words.iter().map(|word| Arc::from(*word)).collect();
            match (ValueLimit { form, words, ..Default::default() }).kept(Value::text(text)) {
                Value::Text(text) => text.to_string(),
                _ => String::new(),
            }
        };
        let moment = |text| kept(ValueForm::Moment { digits: 6, zoned: false }, &[], text);
        assert_eq!(moment("2026-12-01"), "2026-12-01 00:00:00");
        assert_eq!(moment("2026-12-01T10:00:00.50+02:00"), "2026-12-01 08:00:00.5");
        assert_eq!(moment("2026-12-01 10:00:00"), "2026-12-01 10:00:00");
        assert_eq!(moment("infinity"), "infinity");
        let zoned = |text| kept(ValueForm::Moment { digits: 6, zoned: true }, &[], text);
        assert_eq!(
            (zoned("2026-12-01T10:00:00+02:00"), zoned("2026-12-01 08:00:00+00")),
            ("2026-12-01 08:00:00+00".into(), "2026-12-01 08:00:00+00".into())
        );
        assert_eq!(kept(ValueForm::Day, &[], "2026-12-01T00:00:00Z"), "2026-12-01");
        assert_eq!(kept(ValueForm::Day, &[], "2026-12-01"), "2026-12-01");
        assert_eq!(
            (kept(ValueForm::Time(0), &[], "9:00"), kept(ValueForm::Time(0), &[], "09:00:30")),
            ("09:00:00".into(), "09:00:30".into())
        );
        assert_eq!(kept(ValueForm::Word, &["eng", "sales"], "Eng"), "eng");
        assert_eq!(kept(ValueForm::Words, &["a", "b"], "b,a"), "a,b");
        assert_eq!(kept(ValueForm::Document, &[], "{\"bb\": [1, 1.5], \"a\": null}"), "{\"a\":null,\"bb\":[1,1.5]}");
        assert_eq!(kept(ValueForm::Document, &[], "{\"a\": 1.10}"), "{\"a\": 1.10}");
    }
}
