//! How many letters a value may have (`maxLength`): a unique one is cut, so that there is room for its number; any other is not known.
//!
//! Must never: cut what nobody looks at for doubles.

use std::sync::Arc;

use crate::model::{Cell, Value, ValueState};
use crate::planning::schema::layout::RuleLayout;
use crate::planning::schema::values::Held;
use crate::planning::schema::variant::variant;

/// A value as it fits, or why it does not.
pub(in crate::planning) fn fitting<'w>(rule: &RuleLayout, unique_most: Option<usize>, held: Held<'w>) -> Result<Held<'w>, Arc<str>> {
    let Some(most) = (if rule.unique { unique_most } else { rule.most }) else { return Ok(held) };
    match &held {
        Held::Cell(Cell::Text(text)) if text.chars().count() <= most => Ok(held),
        _ => match held.state() {
            ValueState::Set(value) => {
                let is_cut = longest(&value) > most;
                fit(rule, most, &value).map(|value| if is_cut { Held::State(ValueState::Set(value)) } else { held })
            }
            _ => Ok(held),
        },
    }
}

/// What a rule of a target came to, as it fits, or why it does not.
pub(in crate::planning) fn fitting_state(rule: &RuleLayout, state: ValueState) -> Result<ValueState, Arc<str>> {
    match (rule.most, state) {
        (Some(most), ValueState::Set(value)) => fit(rule, most, &value).map(ValueState::Set),
        (_, state) => Ok(state),
    }
}

fn fit(rule: &RuleLayout, most: usize, value: &Value) -> Result<Value, Arc<str>> {
    let length = longest(value);
    if length <= most {
        return Ok(value.clone());
    }
    match value {
        Value::Text(text) if rule.unique => {
            variant(text, 1, Some(most)).map(Value::text).ok_or_else(|| format!("nothing of it fits into {most} letters").into())
        }
        _ => Err(format!("it has {length} letters, and `maxLength` allows {most}").into()),
    }
}

/// The letters of the longest text of a value.
fn longest(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.iter().map(longest).max().unwrap_or_default(),
        Value::Map(fields) => fields.get("value").map(longest).unwrap_or_default(),
        Value::Int(number) => number.to_string().len(),
        Value::Bool(_) | Value::Reference(_) => 0,
    }
}
