//! Wanted values as systems are told them: by the type of the attribute, whatever a mapping rule wrote for it.
//!
//! Must never: change what a value says.

use serde_json::{Value as Json, json};

use crate::model::{AttributeType, Value};

/// A value as its attribute's type has it: of several values a list of entries (RFC 7643 2.4), a number in a text attribute as text.
pub(super) fn typed(kind: AttributeType, value: &Value) -> Json {
    match (kind, value) {
        (AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones, Value::List(items)) => {
            items.iter().map(entry).collect()
        }
        (AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones, one) => json!([entry(one)]),
        (AttributeType::Text | AttributeType::CaselessText | AttributeType::Date, Value::Bool(_) | Value::Int(_)) => {
            json!(value.to_string())
        }
        (AttributeType::Bool, Value::Text(text)) if text.eq_ignore_ascii_case("true") => json!(true),
        (AttributeType::Bool, Value::Text(text)) if text.eq_ignore_ascii_case("false") => json!(false),
        _ => plain(value),
    }
}

/// One of several values: a bare one is its `value`.
fn entry(value: &Value) -> Json {
    match value {
        Value::Map(_) => plain(value),
        bare => json!({ "value": plain(bare) }),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Reference(id) => json!(id.as_ref()),
        other => other.to_json(),
    }
}
