//! A body that a client sent, as JSON.
//!
//! Must never: take one of two values of one name for the one that is meant.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use super::ScimRefusal;

/// What was sent. A name that stands twice in one object is refused.
pub fn body(bytes: &[u8]) -> Result<Json, ScimRefusal> {
    let refused = |error: serde_json::Error| match error.to_string() {
        words if error.is_data() && words.starts_with(TWICE) => "the body is no JSON that can be read: a name stands twice in one object",
        _ => "the body is no JSON",
    };
    serde_json::from_slice(bytes).map(|ClientJson(json)| json).map_err(|error| ScimRefusal::syntax(refused(error)))
}

const TWICE: &str = "a name stands there twice";

/// JSON without doubled names.
struct ClientJson(Json);

impl<'de> Deserialize<'de> for ClientJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClientJsonVisitor).map(Self)
    }
}

struct ClientJsonVisitor;

impl<'de> Visitor<'de> for ClientJsonVisitor {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(ClientJson(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut fields = Map::new();
        while let Some((name, ClientJson(value))) = access.next_entry::<String, ClientJson>()? {
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_what_was_sent_and_a_name_that_stands_twice_is_refused() {
        let text = r#"{"a": [1, -2, 0.5, null, true, "x\u0000"], "b": {"a": {}}}"#;
        assert_eq!(body(text.as_bytes()).unwrap(), json!({"a": [1, -2, 0.5, null, true, "x\0"], "b": {"a": {}}}));
        for text in
            [r#"{"userName": "a1", "userName": "a2"}"#, r#"{"name": {"givenName": "a", "givenName": "b"}}"#, r#"[{"a": 1, "a": 1}]"#]
        {
            let refused = body(text.as_bytes()).unwrap_err();
            assert_eq!((refused.status, refused.detail.contains("stands twice")), (400, true), "{text}");
        }
        for text in ["", "{", "{\"a\": 1} x"] {
            assert_eq!(body(text.as_bytes()).unwrap_err().detail, "the body is no JSON", "{text}");
        }
        assert_eq!(body(&b"[".repeat(200_000)).unwrap_err().detail, "the body is no JSON", "nesting has a bound");
    }
}
