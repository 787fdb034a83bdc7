//! Whether a body is a response of its kind, or something else with a success status.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::base::text::contains;
use crate::base::{Error, ErrorCode, ErrorKind, Result};
use crate::decode::charge::Bounds;
use crate::decode::failure;
use crate::decode::failure::DeserializeInPlace;
use crate::decode::text::{from_json_within, read_once};

/// The fields of a kind of response, at least one of which must be present. `None` if they are not known. Empty if the response
/// has no content, so that anything but an error is accepted.
pub(crate) type Fields = Option<&'static [&'static str]>;

/// Whether a decoded response shows that its text is neither another document nor an error.
pub(crate) type Sure<T> = Option<fn(&T) -> bool>;

/// Decodes a response of this kind. Without `sure` as [`answer`] does.
pub(crate) fn answer_or_sure<T: DeserializeOwned>(
    text: &str,
    fields: Fields,
    sure: Sure<T>,
    bounds: &Bounds,
) -> Result<T> {
    if let Some(is_sure) = sure
        && let Some(value) = read_once(text, bounds)
        && is_sure(&value)
    {
        return Ok(value);
    }
    answer(text, fields, bounds)
}

/// Decodes a response of this kind.
pub(crate) fn answer<T: DeserializeOwned>(text: &str, fields: Fields, bounds: &Bounds) -> Result<T> {
    if let Some(error) = refusal(text, fields) {
        return Err(error);
    }
    // Bodies of unknown types may be errors in any form, too.
    from_json_within(text, bounds).map_err(|error| {
        let said = fields.is_none() && error.kind() != ErrorKind::TooLarge;
        said.then(|| failure::from_answer(text)).flatten().unwrap_or(error)
    })
}

/// Returns the error that was sent instead of a whole response, or inside it, despite a success status. For custom decoders. At least one of
/// `fields` must be present. If `fields` is empty, anything except an error is accepted.
pub fn answer_error(body: &str, fields: &'static [&'static str]) -> Option<Error> {
    refusal(body, Some(fields))
}

/// Returns the error that was sent instead of a response, or inside it.
fn refusal(text: &str, fields: Fields) -> Option<Error> {
    let names = fields.unwrap_or_default();
    let object = text.trim_ascii_start().starts_with('{');
    let outline = if object { Outline::of(text, names) } else { Outline::default() };
    if let Some(error) = outline.error.as_ref().and_then(failure::answer_error_field) {
        // The outer object may have the code or the status.
        return failure::from_answer(text).filter(|whole| whole.message() == error.message()).or(Some(error));
    }
    let another = outline.is_error || fields.is_some() && !(object && names.is_empty()) && !outline.known;
    match fields {
        Some([]) if object || text.trim_ascii_start().starts_with('[') => failure::from_answer(text),
        Some([]) => None,
        _ if !another || outline.broken => None,
        _ => failure::from_answer(text).or_else(|| fields.map(|names| nothing_of(names, object))),
    }
}

fn nothing_of(names: &[&str], object: bool) -> Error {
    let what = match (object, names) {
        (false, _) => "is not an object".to_owned(),
        (true, [name]) => format!("has no `{name}`"),
        (true, names) => format!("has none of the fields `{}`", names.join("`, `")),
    };
    Error::new(ErrorKind::Decode, ErrorCode::UnexpectedJson, format!("the answer could not be read: it {what}"))
}

/// The relevant outermost fields of an object.
#[derive(Default)]
struct Outline {
    /// Whether a field of the kind is present.
    known: bool,
    /// The value of the `error` field.
    error: Option<Value>,
    /// Whether the object is marked as an error.
    is_error: bool,
    /// Whether the JSON is invalid.
    broken: bool,
}

impl Outline {
    fn of(text: &str, names: &'static [&'static str]) -> Outline {
        let mut outline = Outline::default();
        // Most responses do not contain the word, and do not have to be read to their end.
        let to_the_end = contains(text, "\"error\"");
        let look = Scanner { outline: &mut outline, names, to_the_end };
        let read = serde_json::Deserializer::from_str(text).deserialize_map(look);
        outline.broken = read.is_err() && (to_the_end || !outline.known);
        outline
    }
}

struct Scanner<'a> {
    outline: &'a mut Outline,
    names: &'static [&'static str],
    to_the_end: bool,
}

impl<'de> Visitor<'de> for Scanner<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let outline = self.outline;
        while let Some(name) = fields.next_key::<Name<'de>>()? {
            let known = self.names.iter().any(|known| name.0 == known.as_bytes());
            outline.known |= known;
            if outline.known && !self.to_the_end {
                return Ok(());
            }
            let mut value = Value::Null;
            match &*name.0 {
                b"error" if !known => {
                    let read =
                        fields.next_value_seed(DeserializeInPlace::new(&mut value, &mut DeserializeInPlace::budget()));
                    outline.error = Some(value);
                    read?;
                }
                b"object" if !known => {
                    fields.next_value_seed(DeserializeInPlace::new(&mut value, &mut DeserializeInPlace::budget()))?;
                    outline.is_error = value == "error";
                }
                _ => _ = fields.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

/// A name as bytes, since it may contain unpaired surrogates.
struct Name<'a>(Cow<'a, [u8]>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_bytes<E>(self, name: &'de [u8]) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_bytes<E>(self, name: &[u8]) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
