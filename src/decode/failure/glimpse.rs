//! Reads the JSON at the beginning of a text, up to where it is cut or invalid.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::decode::mend;

/// How much of an error's text is read, in bytes. The message is at its beginning.
pub(in crate::decode) const LOOK: usize = 64 << 10;
/// The maximum number of values in it.
const VALUES: usize = 4096;

/// The beginning of the text, without a byte order mark and white space.
pub(super) fn beginning(bytes: &[u8]) -> Cow<'_, str> {
    let cut = &bytes[..bytes.len().min(LOOK)];
    let cut = cut.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cut);
    let text = String::from_utf8_lossy(cut.trim_ascii());
    match text {
        // The cut may be inside a character.
        Cow::Owned(text) if bytes.len() > LOOK => Cow::Owned(text.trim_end_matches('\u{fffd}').to_owned()),
        text => text,
    }
}

/// The JSON at the beginning of a text, or `None` if it is not JSON.
pub(super) fn glimpse(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[', '"']) {
        return None;
    }
    let closed = mend::closed(text);
    let mut json = serde_json::Deserializer::from_str(&closed);
    let mut value = Value::Null;
    let whole = DeserializeInPlace::new(&mut value, &mut DeserializeInPlace::budget()).deserialize(&mut json);
    match &value {
        // A quoted string followed by other words is not JSON.
        Value::String(_) => (whole.is_ok() && json.end().is_ok()).then_some(value),
        Value::Null => None,
        Value::Object(fields) if fields.is_empty() && whole.is_err() => None,
        Value::Array(items) if items.is_empty() && whole.is_err() => None,
        _ => Some(value),
    }
}

/// Fills a value in place, so that what was read before an error is kept.
pub(in crate::decode) struct DeserializeInPlace<'a> {
    value: &'a mut Value,
    left: &'a mut usize,
}

impl<'a> DeserializeInPlace<'a> {
    pub(in crate::decode) fn new(value: &'a mut Value, left: &'a mut usize) -> Self {
        DeserializeInPlace { value, left }
    }

    /// The number of values that may be created.
    pub(in crate::decode) const fn budget() -> usize {
        VALUES
    }
}

impl<'de> DeserializeSeed<'de> for DeserializeInPlace<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if *self.left == 0 {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        *self.left -= 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DeserializeInPlace<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        *self.value = Value::Null;
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        *self.value = Value::Array(Vec::new());
        let Value::Array(list) = self.value else { return Ok(()) };
        loop {
            if *self.left == 0 {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            let mut item = Value::Null;
            let read = items.next_element_seed(DeserializeInPlace { value: &mut item, left: self.left });
            if !matches!(read, Ok(None)) {
                // Not after an error instead of the item.
                if read.is_ok() || !item.is_null() {
                    list.push(item);
                }
            }
            if read?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        *self.value = Value::Object(Map::new());
        let Value::Object(map) = &mut *self.value else { return Ok(()) };
        while *self.left > 0
            && let Some(name) = fields.next_key::<String>()?
        {
            let mut value = Value::Null;
            let read = fields.next_value_seed(DeserializeInPlace { value: &mut value, left: self.left });
            if read.is_ok() || !value.is_null() {
                map.insert(name, value);
            }
            read?;
        }
        while *self.left == 0 && fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        // The form of numbers if a crate of the program enables `arbitrary_precision` of serde_json.
        if let (1, Some(Value::String(number))) = (map.len(), map.get("$serde_json::private::Number")) {
            *self.value = number.parse().map_or(Value::Null, Value::Number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_before_a_fault_is_kept() {
        for (text, expected) in [
            (r#"{"a":1,"b":[1,{"c":"d"#, json!({"a": 1, "b": [1, {"c": "d"}]})),
            (r#"{"a":1,"b""#, json!({"a": 1})),
            (r#"{"a":"x" oops"#, json!({"a": "x"})),
            (r#"[{"a":"#, json!([{}])),
            (r#"{"a":NaN,"b":"\ud83d"}"#, json!({"a": null, "b": "\u{fffd}"})),
        ] {
            assert_eq!(glimpse(text), Some(expected), "{text}");
        }
        for none in ["", "12 monkeys", "{oops}", "[error] x", "\"a\" b", "null", "{"] {
            assert_eq!(glimpse(none), None, "{none}");
        }
    }

    #[test]
    fn little_is_made_of_much() {
        let count = |value: &Value| value.as_array().map_or(0, Vec::len);
        let many = format!("[{}0]", "{},".repeat(20_000));
        assert!(count(&glimpse(&many).unwrap()) <= 20_001);
        let deep = format!(r#"{{"msg":"m","input":{}"#, "[".repeat(60_000));
        assert_eq!(glimpse(&deep).unwrap()["msg"], "m");
    }
}
