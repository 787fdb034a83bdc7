//! Texts that some servers send in another form: content in parts, arguments as values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::null_is_nothing;
use super::scalars::NUMBER;
use crate::base::Text;

/// Text, or parts whose texts are joined.
pub(crate) struct DeltaText<'a>(pub(crate) &'a mut Option<Text>);

impl<'de> DeserializeSeed<'de> for DeltaText<'_> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        super::in_place(deserializer, self)
    }
}

impl<'de> Visitor<'de> for DeltaText<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    #[inline]
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.0 = Some(value.into());
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut text = None;
        while list.next_element_seed(Part(&mut text))?.is_some() {}
        *self.0 = text.map(Text::from);
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut text = None;
        Part(&mut text).visit_map(map)?;
        *self.0 = text.map(Text::from);
        Ok(())
    }
    null_is_nothing!();
}

/// A part of a content, whose text is appended, if any.
struct Part<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        super::in_place(deserializer, self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a content")
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.get_or_insert_default().push_str(value);
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut text, mut number): (Option<String>, Option<String>) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "text" => map.next_value_seed(super::Place(&mut text))?,
                NUMBER => map.next_value_seed(super::Place(&mut number))?,
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        if let Some(text) = text.or(number) {
            self.0.get_or_insert_default().push_str(&text);
        }
        Ok(())
    }
    null_is_nothing!();
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    super::lists_are_nothing!();
}

/// JSON text, or a value that is kept as JSON text with its order of fields.
pub(crate) struct JsonText<'a>(pub(crate) &'a mut Option<Text>);

impl<'de> DeserializeSeed<'de> for JsonText<'_> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        super::in_place(deserializer, self)
    }
}

/// The same for a field of a derived type.
pub(crate) fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = None;
    JsonText(&mut text).deserialize(deserializer)?;
    Ok(text.map(String::from).unwrap_or_default())
}

impl JsonText<'_> {
    fn write<E>(self, value: impl FnOnce(Write<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut text = String::new();
        value(Write(&mut text))?;
        *self.0 = Some(text.into());
        Ok(())
    }
}

impl<'de> Visitor<'de> for JsonText<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON text")
    }
    #[inline]
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.0 = Some(value.into());
        Ok(())
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(|json| json.visit_bool(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(|json| json.visit_u64(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(|json| json.visit_i64(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(|json| json.visit_f64(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.write(|json| json.visit_seq(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.write(|json| json.visit_map(map))
    }
    null_is_nothing!();
}

/// Writes a value as JSON text.
struct Write<'a>(&'a mut String);

impl Write<'_> {
    fn string(self, text: &str) {
        // Writing a string cannot fail.
        self.0.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

impl<'de> DeserializeSeed<'de> for Write<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Write<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.push_str(&serde_json::Value::from(value).to_string());
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.string(value);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.push('[');
        let empty = self.0.len();
        loop {
            let before = self.0.len();
            self.0.push_str(if before > empty { "," } else { "" });
            if list.next_element_seed(Write(self.0))?.is_none() {
                self.0.truncate(before);
                self.0.push(']');
                return Ok(());
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let start = self.0.len();
        self.0.push('{');
        while let Some(key) = map.next_key::<String>()? {
            if key == NUMBER {
                self.0.truncate(start);
                self.0.push_str(&map.next_value::<String>()?);
                return Ok(());
            }
            self.0.push_str(if self.0.len() > start + 1 { "," } else { "" });
            Write(self.0).string(&key);
            self.0.push(':');
            map.next_value_seed(Write(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Option<Text> {
        let mut text = None;
        DeltaText(&mut text).deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap();
        text
    }

    #[test]
    fn texts_of_parts_are_joined() {
        for (json, text) in [
            (r#""a""#, Some("a")),
            ("5", Some("5")),
            ("null", None),
            ("[]", None),
            (
                r#"["a", {"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "x"}}, null, 1, [2]]"#,
                Some("ab"),
            ),
            (r#"{"type": "text", "text": "a"}"#, Some("a")),
            ("{}", None),
        ] {
            assert_eq!(said(json).as_deref(), text, "{json}");
        }
    }

    #[test]
    fn values_are_written_as_they_came() {
        for json in [r#"{"b":1,"a":[true,null,-2,0.5,"\"\n é"],"c":{},"d":[]}"#, "[[[]]]", "{}", "12", "false"] {
            assert_eq!(json_text(&mut serde_json::Deserializer::from_str(json)).unwrap(), json);
        }
        assert_eq!(json_text(&mut serde_json::Deserializer::from_str(r#""{\"a\": 1}""#)).unwrap(), r#"{"a": 1}"#);
        assert_eq!(json_text(&mut serde_json::Deserializer::from_str("null")).unwrap(), "");
    }
}
