//! Any serde value as JSON text, for cells that are lists or maps.
//!
//! Must never: round a number, accept a doubled key, or follow nesting without a bound.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Lists and maps in a wanted cell nest no deeper.
const MAX_DEPTH: usize = 64;
/// Whole numbers beyond this are not exact in a float.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;
/// Up to so many keys, comparing beats hashing.
const FEW_KEYS: usize = 16;

/// A number with a fraction, as text; one that a float can't hold exactly is refused, since it may be half of an id.
pub(super) fn exact_number<E: Error>(value: f64) -> Result<String, E> {
    if !value.is_finite() || value.abs() >= EXACT_FLOAT {
        return Err(E::custom("a number is too large to be read exactly; write it as text, in quotes"));
    }
    serde_json::Number::from_f64(value).map(|number| number.to_string()).ok_or_else(|| E::custom("not a number"))
}

/// Writes whatever comes as JSON text.
pub(super) struct JsonText<'p> {
    out: &'p mut String,
    depth: usize,
}

impl<'p> JsonText<'p> {
    pub(super) fn new(out: &'p mut String) -> Self {
        Self { out, depth: 0 }
    }

    fn below<E: Error>(&mut self) -> Result<JsonText<'_>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("lists and maps are nested deeper than {MAX_DEPTH}")));
        }
        Ok(JsonText { out: self.out, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for JsonText<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonText<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.out.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.out.push_str(&value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.out.push_str(&exact_number(value)?);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        push_quoted(self.out, text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.push_str("null");
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.out.push('[');
        let start = self.out.len();
        loop {
            let comma = self.out.len();
            if comma > start {
                self.out.push(',');
            }
            if items.next_element_seed(self.below()?)?.is_none() {
                self.out.truncate(comma);
                break;
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        let mut known = Keys::default();
        self.out.push('{');
        loop {
            let end = self.out.len();
            if known.count > 0 {
                self.out.push(',');
            }
            let start = self.out.len();
            if fields.next_key_seed(Key { out: self.out })?.is_none() {
                self.out.truncate(end);
                break;
            }
            let key = start..self.out.len();
            if !known.insert(self.out, key.clone()) {
                return Err(A::Error::custom(format_args!("the key {} stands twice in one map", &self.out[key])));
            }
            self.out.push(':');
            fields.next_value_seed(self.below()?)?;
        }
        self.out.push('}');
        Ok(())
    }
}

/// A key, written as JSON text.
struct Key<'p> {
    out: &'p mut String,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        push_quoted(self.out, key);
        Ok(())
    }
}

/// The keys of one map so far: the first ones by their places in the text.
#[derive(Default)]
struct Keys {
    count: usize,
    few: Vec<Range<usize>>,
    many: HashSet<String>,
}

impl Keys {
    /// Whether it is new.
    fn insert(&mut self, text: &str, key: Range<usize>) -> bool {
        self.count += 1;
        if self.few.iter().any(|known| text[known.clone()] == text[key.clone()]) {
            return false;
        }
        if self.few.len() < FEW_KEYS {
            self.few.push(key);
            return true;
        }
        self.many.insert(text[key].to_owned())
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..at]);
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        start = at + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}
