//! The two formats in which the server writes JSON: compact, and with the spacing of `json.dumps`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Represents minus infinity in the serializer, which would write null otherwise.
const MINUS_INFINITY: f64 = f64::MIN;
const INFINITY: f64 = f64::MAX;
const NAN: f64 = 5e-324;

/// A log probability. If it is not finite, it is `null` in compact JSON and a bare word in spaced JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Logprob(pub(crate) f64);

impl Serialize for Logprob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(match self.0 {
            f if f.is_nan() => NAN,
            f64::INFINITY => INFINITY,
            f64::NEG_INFINITY => MINUS_INFINITY,
            f => f,
        })
    }
}

/// `{"a":1,"b":[]}`: plain responses, load events and error events.
pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    write(value, Compact)
}

/// `{"a": 1, "b": []}`: chunks of a generation.
pub(crate) fn spaced(value: &impl Serialize) -> Vec<u8> {
    write(value, Spaced)
}

fn write(value: &impl Serialize, formatter: impl Formatter) -> Vec<u8> {
    let mut out = Vec::new();
    // The types have string keys, so serialization cannot fail. Writing to a Vec cannot fail, either.
    let done = value.serialize(&mut Serializer::with_formatter(&mut out, formatter));
    debug_assert!(done.is_ok());
    out
}

struct Compact;

impl Formatter for Compact {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match value {
            MINUS_INFINITY | INFINITY | NAN => writer.write_all(b"null"),
            _ => write!(writer, "{value:?}"),
        }
    }
}

struct Spaced;

impl Formatter for Spaced {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match value {
            MINUS_INFINITY => writer.write_all(b"-Infinity"),
            INFINITY => writer.write_all(b"Infinity"),
            NAN => writer.write_all(b"NaN"),
            _ => write!(writer, "{value:?}"),
        }
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn both_ways_of_spacing() {
        let value = Json::parse("{\"a\":[1,2.0],\"b\":{\"c\":\"\u{2028}é\"}}").unwrap();
        let spaced = String::from_utf8(spaced(&value)).unwrap();
        assert_eq!(spaced, "{\"a\": [1, 2.0], \"b\": {\"c\": \"\u{2028}é\"}}");
        let compact = String::from_utf8(compact(&value)).unwrap();
        assert_eq!(compact, "{\"a\":[1,2.0],\"b\":{\"c\":\"\u{2028}é\"}}");
    }

    #[test]
    fn numbers_that_are_not_finite() {
        let values = [f64::NEG_INFINITY, f64::INFINITY, f64::NAN, -1.5].map(Logprob);
        assert_eq!(spaced(&values), b"[-Infinity, Infinity, NaN, -1.5]");
        assert_eq!(compact(&values), b"[null,null,null,-1.5]");
    }
}
