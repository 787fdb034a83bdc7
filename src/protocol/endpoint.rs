//! `Endpoint`: one HTTP operation as data. Every request type is one, and yours can be.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use http::Method;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::base::{Error, ErrorKind, Extra, Limits, Pace, Paces, Result};
use crate::decode::Decode;

/// One operation of the server: verb, path, body, who may call it, and how its answer is read.
///
/// The library's request types implement it, so `client.call(&request)` and a hand-driven
/// [`Call`](crate::call::Call) take the same values. Implement it for a route of your own:
///
/// ```
/// use std::borrow::Cow;
/// use tabbyapi::decode::Json;
/// use tabbyapi::{Endpoint, Method, Replay, Scope};
///
/// #[derive(serde::Deserialize)]
/// struct Version {
///     result: String,
/// }
///
/// struct GetVersion;
///
/// impl Endpoint for GetVersion {
///     type Decoder = Json<Version>;
///     const METHOD: Method = Method::GET;
///     const SCOPE: Scope = Scope::Public;
///     const REPLAY: Replay = Replay::Safe;
///     fn path(&self) -> Cow<'_, str> {
///         "/api/v1/info/version".into()
///     }
///     fn decoder(&self) -> Json<Version> {
///         Json::new()
///     }
/// }
/// # assert_eq!(GetVersion.path(), "/api/v1/info/version");
/// ```
pub trait Endpoint {
    /// Reads the answer.
    type Decoder: Decode;
    /// The verb.
    const METHOD: Method;
    /// Which key the operation needs.
    const SCOPE: Scope;
    /// Whether it may be sent again.
    const REPLAY: Replay;

    /// The path under the base URL, with its leading slash.
    fn path(&self) -> Cow<'_, str>;

    /// The JSON body, if there is one; see [`json_body`].
    fn body(&self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// The body with the [extra fields](crate::Options::extra) that it does not have itself.
    fn body_with(&self, extra: &Extra) -> Result<Option<Bytes>> {
        match self.body()? {
            Some(body) if !extra.is_empty() => with_extra(body, extra).map(Some),
            body => Ok(body),
        }
    }

    /// How long each part may take: the client's pace for this kind of work.
    fn pace(&self, paces: &Paces) -> Pace {
        paces.read
    }

    /// A fresh decoder for one call.
    fn decoder(&self) -> Self::Decoder;

    /// The same for a request that is sent with these [extra fields](crate::Options::extra).
    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        _ = extra;
        self.decoder()
    }

    /// The model that the request asks for: a client with several servers prefers one that has it loaded.
    fn model(&self) -> Option<&str> {
        None
    }

    /// About how many tokens the request takes, prompt and answer, for a [`RateLimit`](crate::policy::RateLimit) on tokens.
    /// Asked only where there is one.
    fn tokens(&self) -> u64 {
        0
    }

    /// Says more of an error than its status and text tell, where this operation knows more: a 500 of one route is an
    /// unknown name, a 404 of another a part of the server that is switched off. It gets the error that ends the call.
    fn explain(error: Error) -> Error {
        error
    }
}

impl<E: Endpoint + ?Sized> Endpoint for &E {
    type Decoder = E::Decoder;
    const METHOD: Method = E::METHOD;
    const SCOPE: Scope = E::SCOPE;
    const REPLAY: Replay = E::REPLAY;

    fn path(&self) -> Cow<'_, str> {
        (**self).path()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        (**self).body()
    }

    fn body_with(&self, extra: &Extra) -> Result<Option<Bytes>> {
        (**self).body_with(extra)
    }

    fn pace(&self, paces: &Paces) -> Pace {
        (**self).pace(paces)
    }

    fn decoder(&self) -> Self::Decoder {
        (**self).decoder()
    }

    fn decoder_with(&self, extra: &Extra) -> Self::Decoder {
        (**self).decoder_with(extra)
    }

    fn model(&self) -> Option<&str> {
        (**self).model()
    }

    fn tokens(&self) -> u64 {
        (**self).tokens()
    }

    fn explain(error: Error) -> Error {
        E::explain(error)
    }
}

/// A request whose answer can also be streamed: it has a second face for that.
pub trait StreamEndpoint {
    /// Reads the stream.
    type Decoder: Decode;
    /// The streaming operation.
    type Face<'a>: Endpoint<Decoder = Self::Decoder>
    where
        Self: 'a;
    /// Adds up the items to the whole answer.
    type Total: Accumulate<Item = <Self::Decoder as Decode>::Item>;

    /// The streaming face of this request.
    fn streamed(&self) -> Self::Face<'_>;

    /// An empty accumulator for one stream, bounded by `limits`.
    fn total(&self, limits: &Limits) -> Self::Total;
}

/// Adds up the items of a stream.
pub trait Accumulate {
    /// What the stream yields.
    type Item;
    /// What it adds up to.
    type Output;

    /// Takes in one item; an error if a cap of [`Limits`] is reached.
    fn push(&mut self, item: &Self::Item) -> Result<()>;

    /// What has arrived so far.
    fn so_far(&self) -> &Self::Output;

    /// What has arrived, at the end.
    fn into_output(self) -> Self::Output;
}

/// Which key an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// No key.
    Public,
    /// An API key, or the admin key in its place.
    Api,
    /// Like `Api`, but the admin key is preferred, because it is shown more.
    List,
    /// The admin key.
    Admin,
}

/// Whether an operation may be sent again after it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replay {
    /// Sending it twice does no harm.
    Safe,
    /// Only if the server cannot have begun.
    IfUnsent,
    /// Not by itself.
    Never,
}

/// Writes a request as JSON for [`Endpoint::body`].
pub fn json_body<T: serde::Serialize + ?Sized>(request: &T) -> Result<Option<Bytes>> {
    serde_json::to_vec(request).map(|body| Some(body.into())).map_err(|error| {
        Error::new(ErrorKind::Encode, "encode", format!("the request could not be written as JSON: {error}"))
    })
}

/// The body with fields appended that it does not have. What is there stays as it is written.
fn with_extra(body: Bytes, extra: &Extra) -> Result<Bytes> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Ok(body);
    }
    let unreadable =
        |error| Error::new(ErrorKind::Encode, "encode", format!("extra fields could not be added: {error}"));
    let Names(names) = serde_json::from_slice(&body).map_err(unreadable)?;
    let mut more = Vec::new();
    extra.write(|name| !names.contains(name), &mut serde_json::Serializer::new(&mut more)).map_err(unreadable)?;
    let more = more.strip_prefix(b"{").unwrap_or(&more);
    let Some(kept) = body.trim_ascii_end().strip_suffix(b"}").filter(|_| more != b"}") else { return Ok(body) };
    let comma: &[u8] = if names.is_empty() { b"" } else { b"," };
    Ok([kept, comma, more].concat().into())
}

/// The names of an object's fields; their values are passed over.
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
        let added = with_extra(Bytes::copy_from_slice(body.as_bytes()), &extra).unwrap();
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
        assert!(with_extra(Bytes::from_static(b"{\"a\": }"), &Extra::from_iter([("b".into(), 1.into())])).is_err());
    }
}
