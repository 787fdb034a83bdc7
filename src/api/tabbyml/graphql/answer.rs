//! Decodes `{"data", "errors"}`.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::response::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Error, ErrorKind, Extra, Limits, MaybeSend, Result};
use crate::decode::in_place::{filled, in_place_objects, listed};
use crate::decode::{Decode, Json, Whole, from_json};

/// Decodes the `data` of a response, or a field of it, as `T`. Errors in the response are errors of the call.
pub struct GraphQlAnswer<T> {
    json: Json<Envelope>,
    field: Option<&'static str>,
    data: PhantomData<fn() -> T>,
}

impl<T> GraphQlAnswer<T> {
    pub(super) fn whole() -> Self {
        GraphQlAnswer { json: Json::new().with_fields(FIELDS).checked(refuse_errors), field: None, data: PhantomData }
    }

    pub(super) fn field(name: &'static str) -> Self {
        GraphQlAnswer { field: Some(name), ..GraphQlAnswer::whole() }
    }
}

const FIELDS: &[&str] = &["data", "errors"];

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Value,
    #[serde(default, deserialize_with = "listed")]
    errors: Vec<GraphQlError>,
}

/// An error in a response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GraphQlError {
    /// The message.
    #[serde(default, deserialize_with = "filled")]
    pub message: String,
    /// Further details from the server, such as its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Extra>,
    /// Fields that this library does not define, such as `locations` and `path`.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(GraphQlError);

fn refuse_errors(answer: &mut Envelope) -> Result<()> {
    let Some(first) = answer.errors.first() else { return Ok(()) };
    let code = first
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("code"))
        .and_then(Value::as_str)
        .filter(|code| is_word(code));
    let code = code.map_or_else(|| "graphql_error".to_owned(), str::to_ascii_lowercase);
    let messages: Vec<&str> = answer.errors.iter().take(8).map(|error| error.message.as_str()).collect();
    let message: String = messages.join("; ").chars().take(2048).collect();
    Err(Error::new(ErrorKind::Server, code, message))
}

/// The error that an answer reports, if it does.
pub(crate) fn refusal(body: &str) -> Option<Error> {
    let mut answer: Envelope = serde_json::from_str(body).ok()?;
    refuse_errors(&mut answer).err()
}

fn is_word(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= 64
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

impl<T: DeserializeOwned> GraphQlAnswer<T> {
    fn read(&self, envelope: Envelope) -> Result<T> {
        let mut data = envelope.data;
        if let Some(field) = self.field {
            data = match data.get_mut(field) {
                Some(value) => value.take(),
                None => Value::Null,
            };
        }
        // Decoded from text, so that errors include the path.
        from_json(&data.to_string())
    }
}

impl<T> fmt::Debug for GraphQlAnswer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQlAnswer").field("field", &self.field).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned + MaybeSend + 'static> Decode for GraphQlAnswer<T> {
    type Item = T;

    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        self.json.start(head, limits)
    }

    fn feed(&mut self, chunk: Bytes) {
        self.json.feed(chunk);
    }

    fn next(&mut self) -> Result<Option<T>> {
        self.json.next()?.map(|envelope| self.read(envelope)).transpose()
    }

    fn finish(&mut self) -> Result<Option<T>> {
        self.json.finish()?.map(|envelope| self.read(envelope)).transpose()
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn progress(&self) -> u64 {
        self.json.progress()
    }
}

impl<T: DeserializeOwned + MaybeSend + 'static> Whole for GraphQlAnswer<T> {}
