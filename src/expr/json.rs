//! A cell's JSON as a value of an expression, in one pass: texts are borrowed from the cell wherever nothing in them is escaped.
//!
//! Gives what [`crate::model::Cell::to_value`] gives. Must never: read what that does not, or nest deeper than it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::datum::Datum;
use crate::model::PackedJson;

/// The same of a cell that may be in parts.
pub(super) fn read_packed(json: PackedJson<'_>) -> Datum<'_> {
    match json.text() {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => read(&text).owned(),
    }
}

/// Null where it can't be read, and where it is null.
pub(super) fn read(text: &str) -> Datum<'_> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Seed { references: true }.deserialize(&mut deserializer);
    match (read, deserializer.end()) {
        (Ok(read), Ok(())) => read.value,
        _ => Datum::Null,
    }
}

/// A value, and whether it stood in quotes: a number that is no whole one is a text, too.
struct Read<'a> {
    value: Datum<'a>,
    quoted: bool,
}

/// `{"$ref": "key"}` is a reference by itself and in lists, not as a field of a map. Beside other fields it is SCIM's link.
#[derive(Clone, Copy)]
struct Seed {
    references: bool,
}

fn bare(value: Datum<'_>) -> Read<'_> {
    Read { value, quoted: false }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Read<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Read<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Read<'de>, E> {
        Ok(bare(Datum::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Read<'de>, E> {
        Ok(bare(Datum::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Read<'de>, E> {
        Ok(bare(Datum::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Read<'de>, E> {
        Ok(bare(i64::try_from(value).map_or_else(|_| Datum::Text(value.to_string().into()), Datum::Int)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Read<'de>, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(bare(number.map_or(Datum::Null, |number| Datum::Text(number.to_string().into()))))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Read<'de>, E> {
        Ok(Read { value: Datum::Text(Cow::Borrowed(value)), quoted: true })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Read<'de>, E> {
        Ok(Read { value: Datum::Text(Cow::Owned(value.to_owned())), quoted: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            if !matches!(item.value, Datum::Null) {
                list.push(item.value);
            }
        }
        Ok(bare(Datum::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Read<'de>, A::Error> {
        // Sorted by name, and of two equal names the last counts.
        let mut map: BTreeMap<Cow<'de, str>, Read<'de>> = BTreeMap::new();
        while let Some(name) = fields.next_key_seed(Name)? {
            map.insert(name, fields.next_value_seed(Self { references: false })?);
        }
        if self.references
            && map.len() == 1
            && let Some(Read { value: Datum::Text(key), quoted: true }) = map.get("$ref")
        {
            return Ok(bare(Datum::Reference(key.clone())));
        }
        let there = map.into_iter().filter(|(_, field)| !matches!(field.value, Datum::Null));
        Ok(bare(Datum::Map(there.map(|(name, field)| (name, field.value)).collect())))
    }
}

/// A field's name, borrowed where it can be.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::expr::Input;
    use crate::model::Cell;

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "null",
            "true",
            "7",
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "1.0",
            "-0.25",
            "1e30",
            "\"a\"",
            "\"\\u00e9\\n\"",
            "\"\"",
            "{\"$ref\": \"hr/1\"}",
            "{\"$ref\": 1.5}",
            "{\"$ref\": null, \"a\": 1}",
            "{\"a\": 1, \"a\": null}",
            "{\"b\": 1, \"a\": 2}",
            "[",
            "{\"a\"}",
            "1e999",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(3, 16, 4, |inner| {
            let name = prop::sample::select(vec!["a", "b", "$ref", "x\\ty", "value"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::vec((name, inner), 0..4).prop_map(|fields| {
                    format!("{{{}}}", fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn one_pass_gives_what_the_cell_gives(text in json()) {
            let given = Cell::json(&text).to_value();
            let value = Datum::from_input(Input::Cell(Cell::json(&text))).and_then(Datum::into_value);
            prop_assert_eq!(value, given);
        }
    }

    #[test]
    fn as_deep_as_a_cell_is_read() {
        for depth in [100, 126, 127, 128, 129, 5000] {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(read(&text).into_value(), Cell::json(&text).to_value(), "{depth}");
        }
    }
}
