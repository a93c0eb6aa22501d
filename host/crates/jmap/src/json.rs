//! JSON as it may be here: I-JSON (RFC 7493), no deeper and of no more values than a request can need.
//!
//! serde_json keeps the last of two members of one name; what another program took from the first would then be something else than what
//! is done here. So values are built by a visitor of our own.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Arrays and objects in one another; fewer than serde_json's own limit.
const MAX_DEPTH: usize = 64;
/// Values of all kinds. An object of one member takes some hundred octets of memory, and four of a request.
const MAX_VALUES: usize = 50_000;

/// Why octets are no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// Not JSON, or not I-JSON.
    #[error("{0}")]
    Syntax(String),
    /// More than is taken.
    #[error("more than {MAX_VALUES} values, or nested more than {MAX_DEPTH} deep")]
    TooMuch,
}

/// The value that the octets are.
pub(crate) fn parse(octets: &[u8]) -> Result<Value, JsonError> {
    let left = Left {
        values: Cell::new(MAX_VALUES),
        exceeded: Cell::new(false),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(octets);
    let parsed = Seed {
        left: &left,
        depth: MAX_DEPTH,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| {
        if left.exceeded.get() {
            JsonError::TooMuch
        } else {
            JsonError::Syntax(error.to_string())
        }
    })
}

/// What may still come.
struct Left {
    values: Cell<usize>,
    exceeded: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Seed<'l> {
    left: &'l Left,
    depth: usize,
}

impl Seed<'_> {
    /// For what is inside an array or an object.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.exceeded()),
        }
    }

    fn exceeded<E: serde::de::Error>(self) -> E {
        self.left.exceeded.set(true);
        E::custom("too much")
    }

    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        match self.left.values.get().checked_sub(1) {
            Some(values) => {
                self.left.values.set(values);
                Ok(())
            }
            None => Err(self.exceeded()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

/// RFC 7493 §2.1: no noncharacters. Surrogates are no UTF-8 and refused before.
fn text<E: serde::de::Error>(text: &str) -> Result<String, E> {
    let bad = |c: char| {
        let code = u32::from(c);
        (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
    };
    if !text.is_ascii() && text.chars().any(bad) {
        return Err(E::custom("a string has a code point that is no character"));
    }
    Ok(text.to_owned())
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = text(&name)?;
            let value = members.next_value_seed(inside)?;
            // RFC 7493 §2.3: no two members of one name.
            if object.contains_key(&name) {
                return Err(A::Error::custom("an object has two members of one name"));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// About how many octets a value takes beside its text.
const EACH: usize = 16;

/// About how many octets a value takes, to bound what is copied.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => EACH,
        Value::String(text) => EACH + text.len(),
        Value::Array(items) => EACH + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => weight_of_members(members),
    }
}

/// The same of an object.
pub(crate) fn weight_of_members(members: &Map<String, Value>) -> usize {
    let each = members
        .iter()
        .map(|(name, value)| name.len() + weight(value));
    EACH + each.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn is_syntax(text: &str) -> bool {
        matches!(parse(text.as_bytes()), Err(JsonError::Syntax(_)))
    }

    #[test]
    fn values_of_all_kinds() {
        let text = r#" {"a":[null,true,-1,18446744073709551615,1.5,"\u00e4\n"],"":{}} "#;
        let value = json!({"a": [null, true, -1, u64::MAX, 1.5, "ä\n"], "": {}});
        assert_eq!(parse(text.as_bytes()), Ok(value));
    }

    #[test]
    fn what_is_not_i_json() {
        for text in [
            "",
            "{",
            "[1,]",
            "{}{}",
            "nul",
            "'a'",
            "{\"a\":1,\"a\":2}",
            "[{\"a\":1,\"\\u0061\":1}]",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\\uffff\"",
            "\"\u{fdd0}\"",
            "{\"\\ufffe\":1}",
            "1e999",
            "\u{feff}{}",
        ] {
            assert!(is_syntax(text), "{text}");
        }
        assert!(matches!(parse(b"\"\xff\""), Err(JsonError::Syntax(_))));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            parse(nested(MAX_DEPTH + 1).as_bytes()),
            Err(JsonError::TooMuch)
        );
        assert_eq!(parse(nested(1_000_000).as_bytes()), Err(JsonError::TooMuch));
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(parse(many(MAX_VALUES - 1).as_bytes()).is_ok());
        assert_eq!(parse(many(MAX_VALUES).as_bytes()), Err(JsonError::TooMuch));
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&octets);
        }

        #[test]
        fn what_was_read_is_read_again(text in "[\\[\\]{}:,\"a0-9 .truefalsn\\\\-]{0,40}") {
            if let Ok(value) = parse(text.as_bytes()) {
                let again = serde_json::to_vec(&value).unwrap();
                prop_assert_eq!(parse(&again), Ok(value));
            }
        }
    }
}
