//! The value of one attribute, and the four states an attribute can be in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One value, of an attribute or of a field in a source's record.
///
/// Dates are `Text` in ISO form (`2026-11-22`), so they sort and compare as text. Numbers with a fraction are `Text` as they were written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// true or false
    Bool(bool),
    /// a whole number
    Int(i64),
    /// text
    Text(Arc<str>),
    /// another identity, by its key (`hr/10023`): a manager, an owner. Resolved to the target's own id when it is written.
    Reference(Arc<str>),
    /// several values (SCIM multi-valued); order carries no meaning
    List(Arc<[Value]>),
    /// one complex value, such as `{value, type, primary}`
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

/// What is known about an attribute that somebody could want (design 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueState {
    /// it should be this
    Set(Value),
    /// it should be empty (an explicit null)
    Clear,
    /// nobody says anything about it
    #[default]
    Unmanaged,
    /// it could not be worked out; whatever is observed stays
    Unknown,
}

impl Value {
    /// Text from anything that is a string.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// The text of a `Text`, else nothing.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Of several values the primary one alone, else the first; any other value as it is.
    pub fn primary(&self) -> Self {
        let Self::List(items) = self else { return self.clone() };
        let is_primary = |item: &&Self| matches!(item, Self::Map(fields) if fields.get("primary").and_then(Self::as_bool) == Some(true));
        let one = items.iter().find(is_primary).or(items.first());
        Self::List(one.cloned().into_iter().collect())
    }

    /// The value of a `Bool`, else nothing.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether this says nothing: an empty text or an empty list.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            _ => false,
        }
    }

    /// From JSON. `null` gives nothing; fractions stay text as they were written.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        use serde_json::Value as Json;
        Some(match json {
            Json::Null => return None,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(|| Self::text(number.to_string()), Self::Int),
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(items.iter().filter_map(Self::from_json).collect()),
            Json::Object(fields) => Self::Map(Arc::new(
                fields.iter().filter_map(|(name, value)| Some((Arc::from(name.as_str()), Self::from_json(value)?))).collect(),
            )),
        })
    }

    /// As JSON. A reference is `{"$ref": key}`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Text(text) => Json::from(text.as_ref()),
            Self::Reference(key) => serde_json::json!({ "$ref": key.as_ref() }),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(fields) => Json::Object(fields.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()),
        }
    }
}

/// As a person reads it: text bare, lists with commas, maps as `name: value`.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Text(text) => out.write_str(text),
            Self::Reference(key) => write!(out, "→ {key}"),
            Self::List(items) => {
                out.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                out.write_str("]")
            }
            Self::Map(fields) => {
                out.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(out, "{}{name}: {value}", if at == 0 { "" } else { ", " })?;
                }
                out.write_str("}")
            }
        }
    }
}

/// Any JSON but null.
impl schemars::JsonSchema for Value {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A value. A reference to another identity is {\"$ref\": key}.",
            "type": ["boolean", "integer", "string", "array", "object"],
        })
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        written(&json).ok_or_else(|| serde::de::Error::custom("null is no value here"))
    }
}

/// What [`Value::to_json`] wrote: references, in lists too. Where something stands beside `$ref` it is a link of SCIM's (RFC 7643, 2.4), and a map like any other.
fn written(json: &serde_json::Value) -> Option<Value> {
    let alone = json.as_object().filter(|fields| fields.len() == 1);
    if let Some(key) = alone.and_then(|fields| fields.get("$ref")).and_then(serde_json::Value::as_str) {
        return Some(Value::Reference(Arc::from(key)));
    }
    match json.as_array() {
        Some(items) => Some(Value::List(items.iter().filter_map(written).collect())),
        None => Value::from_json(json),
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn what_stands_beside_a_link_is_no_reference() {
        let group: Value = serde_json::from_str(r#"[{"value": "7", "$ref": "https://x.example/Groups/7", "display": "Admins"}]"#).unwrap();
        let Value::List(items) = &group else { panic!("{group:?}") };
        assert!(matches!(&items[..], [Value::Map(fields)] if fields["display"] == Value::text("Admins")), "{group:?}");
    }

    #[test]
    fn references_in_lists_come_back_as_they_were_written() {
        let value = Value::List(vec![Value::Reference("hr/1".into()), Value::text("x")].into());
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
