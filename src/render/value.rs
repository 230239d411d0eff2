//! Values in words, the same in every view for people.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Lines, safe};
use crate::model::{AttributeChange, HIDDEN, Marks, Plan, Value};
use crate::review::Review;

/// What stands for a value that is not there.
pub const NONE: &str = "(none)";

/// What people call the objects of a plan, to show a manager by name and a mark by whose it is.
#[derive(Default)]
pub struct DisplayNames<'a> {
    people: HashMap<&'a str, &'a str>,
    marks: Option<Marks>,
    /// who knows everybody else
    lines: Option<&'a dyn Lines>,
    /// a name is told without the key
    bare: bool,
    /// people are called what they are displayed as, where somebody knows that
    displayed: bool,
}

impl<'a> DisplayNames<'a> {
    /// Everybody in the plan, and whomever somebody else knows.
    pub fn of(plan: &'a Plan, lines: Option<&'a dyn Lines>) -> Self {
        let members = plan.changes.iter().flat_map(|change| change.members.iter().map(|member| &member.member));
        let objects = plan.changes.iter().map(|change| &change.object).chain(members);
        let people = objects.map(|object| (object.key.as_ref(), object.name.as_ref())).collect();
        Self { people, marks: Some(Marks::of(&plan.workspace)), lines, ..Self::default() }
    }

    /// Everybody in a review, without their keys.
    pub fn of_review(review: &'a Review) -> Self {
        let lines = review.groups.iter().flat_map(|group| &group.who).map(|line| (line.who.key.as_ref(), line.who.name.as_ref()));
        let cards = review.people.iter().map(|(key, card)| (key.as_ref(), card.name.as_ref()));
        Self { people: lines.chain(cards).collect(), marks: Some(Marks::of(&review.workspace)), bare: true, ..Self::default() }
    }

    /// Whomever somebody knows.
    pub fn known(lines: &'a dyn Lines) -> Self {
        Self { lines: Some(lines), ..Self::default() }
    }

    /// The same, but people are called what they are displayed as.
    pub fn displayed(self) -> Self {
        Self { displayed: true, ..self }
    }

    /// What a person is displayed as; nothing where nobody knows, or it is not asked for.
    pub fn person(&self, key: &str) -> Option<String> {
        self.lines.filter(|_| self.displayed)?.displayed(key)
    }

    /// The key in a mark of this workspace.
    fn marked<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        self.marks.as_ref().and_then(|marks| marks.key(text))
    }

    /// The name with the key behind it.
    pub fn name(&self, key: &str) -> String {
        let known = self.person(key).map(Cow::Owned).or_else(|| self.people.get(key).map(|name| Cow::Borrowed(*name)));
        let name = known.or_else(|| self.lines.and_then(|lines| lines.name(key)).map(Cow::Owned));
        match name {
            Some(name) if self.bare => safe::line(&name).into_owned(),
            Some(name) if name != key => format!("{} ({})", safe::line(&name), safe::line(key)),
            _ => safe::line(key).into_owned(),
        }
    }
}

/// Both sides of a change in words. A secret is never among them.
pub fn sides(change: &AttributeChange, names: &DisplayNames<'_>) -> (String, String) {
    if change.is_secret() {
        let hidden = |value: &Option<Value>| if value.is_some() { HIDDEN } else { NONE }.to_owned();
        return (hidden(&change.before), hidden(&change.after));
    }
    both(&change.before, &change.after, names)
}

/// Two values that differ, in words that differ.
pub fn both(before: &Option<Value>, after: &Option<Value>, names: &DisplayNames<'_>) -> (String, String) {
    let words = |value: &Option<Value>| value.as_ref().map_or_else(|| NONE.to_owned(), |value| words(value, names));
    let (one, other) = (words(before), words(after));
    // A number and its text, or one space more, must not look alike.
    if one == other { (exact(before), exact(after)) } else { (one, other) }
}

/// A value on one line.
pub fn words(value: &Value, names: &DisplayNames<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => match names.marked(text) {
            Some(key) => format!("headcount's mark of {}", safe::line(&key)),
            None if needs_quotes(text) => format!("\"{}\"", safe::line(text)),
            None => safe::line(text).into_owned(),
        },
        Value::Reference(key) => names.name(key),
        Value::List(items) => format!("[{}]", items.iter().map(|item| words(item, names)).collect::<Vec<_>>().join(", ")),
        Value::Map(fields) => map_words(fields, names),
    }
}

/// SCIM's complex values read best as the value with its type: `jane@acme.example (work, primary)`.
fn map_words(fields: &BTreeMap<Arc<str>, Value>, names: &DisplayNames<'_>) -> String {
    let Some(value) = fields.get("value") else {
        let fields = fields.iter().map(|(name, value)| format!("{}: {}", safe::line(name), words(value, names)));
        return format!("{{{}}}", fields.collect::<Vec<_>>().join(", "));
    };
    let rest = fields.iter().filter(|(name, _)| name.as_ref() != "value").map(|(name, value)| match (name.as_ref(), value) {
        ("type", Value::Text(text)) => safe::line(text).into_owned(),
        ("primary", Value::Bool(true)) => "primary".to_owned(),
        (name, value) => format!("{}: {}", safe::line(name), words(value, names)),
    });
    let rest: Vec<_> = rest.collect();
    let value = words(value, names);
    if rest.is_empty() { value } else { format!("{value} ({})", rest.join(", ")) }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.trim() != text || text.starts_with(['"', '(', '[', '{'])
}

fn exact(value: &Option<Value>) -> String {
    value.as_ref().map_or_else(|| NONE.to_owned(), |value| safe::line(&value.to_json().to_string()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, change_of};

    #[test]
    fn two_values_that_differ_never_look_alike() {
        let plan = testing::sample();
        let names = DisplayNames::of(&plan, None);
        let sides = |attribute: &str, before: Value, after: Value| sides(&change_of(attribute, Some(before), Some(after)), &names);
        assert_eq!(sides("title", Value::text("5"), Value::Int(5)), ("\"5\"".to_owned(), "5".to_owned()));
        assert_eq!(sides("title", Value::text(" Lead"), Value::text("Lead")), ("\" Lead\"".to_owned(), "Lead".to_owned()));
        assert_eq!(
            sides("manager", Value::Reference("hr/1".into()), Value::Reference("hr/999".into())),
            ("jane.doe (hr/1)".to_owned(), "hr/999".to_owned())
        );
        assert_eq!(sides("password", Value::text("hunter2"), Value::text("hunter3")), (HIDDEN.to_owned(), HIDDEN.to_owned()));
    }

    #[test]
    fn complex_values_read_as_value_and_type() {
        let plan = testing::sample();
        let json = serde_json::json!([{"value": "a@x.example", "type": "work", "primary": true}, {"street": "Main"}]);
        let value = Value::from_json(&json).expect("a value");
        assert_eq!(words(&value, &DisplayNames::of(&plan, None)), "[a@x.example (primary, work), {street: Main}]");
    }
}
