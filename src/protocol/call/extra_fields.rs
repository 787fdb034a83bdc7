//! Extra fields: options add them to a body that does not have them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::base::{Error, ErrorCode, ErrorKind, Extra, Result};

/// The body with the missing fields added.
pub(super) fn with_extra(body: Option<Bytes>, extra: &Extra) -> Result<Option<Bytes>> {
    match body {
        Some(body) if !extra.is_empty() => appended(body, extra).map(Some),
        body => Ok(body),
    }
}

/// Appends the missing fields to the body. Existing text is not changed.
fn appended(body: Bytes, extra: &Extra) -> Result<Bytes> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Ok(body);
    }
    let unreadable =
        |error| Error::new(ErrorKind::Encode, ErrorCode::Encode, format!("extra fields could not be added: {error}"));
    let Names(names) = serde_json::from_slice(&body).map_err(unreadable)?;
    let mut more = Vec::new();
    extra.write(|name| !names.contains(name), &mut serde_json::Serializer::new(&mut more)).map_err(unreadable)?;
    let more = more.strip_prefix(b"{").unwrap_or(&more);
    let Some(kept) = body.trim_ascii_end().strip_suffix(b"}").filter(|_| more != b"}") else { return Ok(body) };
    let comma: &[u8] = if names.is_empty() { b"" } else { b"," };
    Ok([kept, comma, more].concat().into())
}

/// The names of an object's fields. Values are skipped.
struct Names<'a>(HashSet<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Names<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Names<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Names<'de>, A::Error> {
                let mut names = HashSet::new();
                while let Some(Name(name)) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    names.insert(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

/// A name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OrderedJson;

    #[track_caller]
    fn assert_added(body: &str, expected: &str) {
        let mut extra = Extra::new();
        extra.set("z", OrderedJson::parse(r#"{"y":1,"b":2}"#).unwrap());
        extra.set("a", 1);
        let added = appended(Bytes::copy_from_slice(body.as_bytes()), &extra).unwrap();
        assert_eq!(String::from_utf8_lossy(&added), expected);
    }

    #[test]
    fn extra_fields_are_appended_and_the_rest_stays_as_it_is_written() {
        assert_added("{}", r#"{"z":{"y":1,"b":2},"a":1}"#);
        assert_added(" { } \n", r#" { "z":{"y":1,"b":2},"a":1}"#);
        assert_added(
            r#"{"y": 1.50, "b": {"d": 1, "c": 2}, "a": 0}"#,
            r#"{"y": 1.50, "b": {"d": 1, "c": 2}, "a": 0,"z":{"y":1,"b":2}}"#,
        );
        assert_added(r#"{"\u0061": 0, "x": {"z": 1}}"#, r#"{"\u0061": 0, "x": {"z": 1},"z":{"y":1,"b":2}}"#);
        assert_added(r#"{"z": "}", "a": null}"#, r#"{"z": "}", "a": null}"#);
        assert_added("[1]", "[1]");
        assert!(appended(Bytes::from_static(b"{\"a\": }"), &Extra::from_iter([("b".into(), 1.into())])).is_err());
    }
}
