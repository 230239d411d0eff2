//! Values as a directory has them.
//!
//! Must never: put a value into an error, or give an attribute one value twice.

use crate::model::{AttributeType, Value, attribute};

/// The values that an attribute is to have; none clears it.
pub(super) fn values(name: &str, value: Option<&Value>) -> Result<Vec<String>, String> {
    let kind = attribute(name).map_or(AttributeType::Text, |known| known.kind);
    let items: Vec<&Value> = match value {
        None => Vec::new(),
        Some(Value::List(items)) => items.iter().collect(),
        Some(one) => vec![one],
    };
    if items.len() > 1 && !kind.is_many() {
        return Err(format!("`{name}` has one value there, and there are {}; map the one that belongs there", items.len()));
    }
    // The first is the one that programs show which take one.
    let (first, others): (Vec<&Value>, Vec<&Value>) = items.into_iter().partition(|item| is_primary(item));
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for item in first.into_iter().chain(others) {
        let Some(text) = text(item) else { return Err(format!("`{name}` has a value without a `value`, which a directory can't hold")) };
        let alike = alike(kind, &text);
        if !text.is_empty() && !seen.contains(&alike) {
            seen.push(alike);
            found.push(text);
        }
    }
    Ok(found)
}

fn is_primary(item: &Value) -> bool {
    matches!(item, Value::Map(fields) if fields.get("primary").is_some_and(|primary| primary.as_bool() == Some(true)))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Reference(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        // RFC 4517, 3.3.3
        Value::Bool(value) => Some(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        Value::Map(fields) => fields.get("value").and_then(text),
        Value::List(_) => None,
    }
}

/// What a directory takes for the same value.
fn alike(kind: AttributeType, text: &str) -> String {
    match kind {
        AttributeType::ManyPhones => text.chars().filter(|sign| !matches!(sign, ' ' | '-')).collect(),
        _ => text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn several_values_are_each_there_once_and_the_primary_first() {
        let several = |name: &str, json| values(name, Value::from_json(&json).as_ref());
        let emails = json!([{"value": "a@x"}, {"value": "b@x", "primary": true}, "A@x", ""]);
        assert_eq!(several("emails", emails), Ok(vec!["b@x".to_owned(), "a@x".to_owned()]));
        assert_eq!(several("phoneNumbers", json!(["+49 30-1", "+49301"])).map(|all| all.len()), Ok(1));
        assert!(several("title", json!(["a", "b"])).is_err() && several("emails", json!([{"type": "work"}])).is_err());
        assert_eq!((several("title", json!("")), several("title", json!(null))), (Ok(Vec::new()), Ok(Vec::new())));
    }
}
