//! The request of an attempt, for hooks.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Serializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::base::ordered::InOrderOf;
use crate::base::secrets::is_secret;
use crate::base::{Error, ErrorCode, ErrorKind, OrderedJson, Result};

/// The request of one attempt before it is sent.
///
/// Keys and other sensitive headers are not included. They are added afterwards and replace headers of the same name.
/// Method and URL cannot be changed, because the key is meant for that server.
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The URL.
    pub uri: &'a Uri,
    /// The headers, without sensitive ones.
    pub headers: &'a mut HeaderMap,
    /// The body. Empty if there is none. It can contain the prompt.
    pub body: &'a mut Bytes,
}

impl Outgoing<'_> {
    /// Sets a header.
    ///
    /// # Errors
    ///
    /// Errors with code `bad_header` if the name or the value is not valid.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let bad = |what: &str| {
            let name = name.escape_debug();
            Error::new(ErrorKind::Encode, ErrorCode::BadHeader, format!("a hook set the header `{name}`, but {what}"))
        };
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
            return Err(bad("its name or value has characters that are not valid in a header"));
        };
        self.headers.insert(name, value);
        Ok(())
    }

    /// Sets a field of the JSON body and replaces an existing one. The rest of the body is not changed. Does nothing without a body.
    ///
    /// # Errors
    ///
    /// Errors with code `encode` if the body is not a JSON object.
    pub fn set_field(&mut self, name: &str, value: impl Into<OrderedJson>) -> Result<()> {
        let value = value.into();
        self.rewrite(|fields| {
            let value = serde_json::value::to_raw_value(&value)?;
            match fields.iter_mut().find(|(other, _)| other == name) {
                Some((_, place)) => *place = Cow::Owned(value),
                None => fields.push((name.to_owned(), Cow::Owned(value))),
            }
            Ok(())
        })
    }

    /// Edits the JSON body. Fields keep their order, and unchanged fields keep their text. Does nothing without a body.
    ///
    /// # Errors
    ///
    /// Errors with code `encode` if the body is not a JSON object.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<()> {
        self.rewrite(|fields| {
            let read = |(name, raw): &(String, Cow<'_, RawValue>)| Ok((name.clone(), serde_json::from_str(raw.get())?));
            let mut map = fields.iter().map(read).collect::<serde_json::Result<Map<String, Value>>>()?;
            change(&mut map);
            for (name, mut raw) in std::mem::take(fields) {
                let Some(value) = map.remove(&name) else { continue };
                if serde_json::from_str::<Value>(raw.get())? != value {
                    let order: OrderedJson = serde_json::from_str(raw.get())?;
                    let value = InOrderOf { value: &value, order: Some(&order) };
                    raw = Cow::Owned(serde_json::value::to_raw_value(&value)?);
                }
                fields.push((name, raw));
            }
            for (name, value) in map {
                fields.push((name, Cow::Owned(serde_json::value::to_raw_value(&value)?)));
            }
            Ok(())
        })
    }

    /// Splits the body into its fields as text, and joins them again.
    fn rewrite<F>(&mut self, change: F) -> Result<()>
    where
        F: for<'b> FnOnce(&mut Vec<(String, Cow<'b, RawValue>)>) -> serde_json::Result<()>,
    {
        if self.body.is_empty() {
            return Ok(());
        }
        let rewritten = || -> serde_json::Result<Vec<u8>> {
            let Fields(mut fields) = serde_json::from_slice(self.body)?;
            change(&mut fields)?;
            let mut body = Vec::with_capacity(self.body.len());
            let mut writer = serde_json::Serializer::new(&mut body);
            writer.collect_map(fields.iter().map(|(name, raw)| (name, &**raw)))?;
            Ok(body)
        };
        let body = rewritten().map_err(|error| {
            Error::new(ErrorKind::Encode, ErrorCode::Encode, format!("a hook could not change the body: {error}"))
        })?;
        *self.body = body.into();
        Ok(())
    }
}

/// The fields of an object, each as text.
struct Fields<'a>(Vec<(String, Cow<'a, RawValue>)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields<'de>, A::Error> {
                let mut fields: Vec<(String, Cow<'de, RawValue>)> = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    match fields.iter_mut().find(|(other, _)| *other == name) {
                        Some((_, place)) => *place = Cow::Borrowed(raw),
                        None => fields.push((name, Cow::Borrowed(raw))),
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", self.method)
            .field("uri", self.uri)
            .field("headers", self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// Removes the headers that carry secrets, and returns them.
pub(crate) fn take_secrets(headers: &mut HeaderMap) -> HeaderMap {
    let mut secrets = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, value)| is_secret(name, value)) {
        secrets.append(name, value.clone());
    }
    for name in secrets.keys() {
        headers.remove(name);
    }
    secrets
}

/// Adds them back, and replaces headers of the same name.
pub(crate) fn put_back(headers: &mut HeaderMap, secrets: HeaderMap) {
    for name in secrets.keys() {
        headers.remove(name);
    }
    headers.extend(secrets);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_come_back_over_what_a_hook_set() {
        let mut headers = HeaderMap::new();
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        headers.append("x-gateway", secret.clone());
        headers.append("x-gateway", secret);
        headers.insert("x-api-key", HeaderValue::from_static("key"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let secrets = take_secrets(&mut headers);
        assert_eq!(headers.len(), 1);
        headers.insert("x-api-key", HeaderValue::from_static("forged"));
        put_back(&mut headers, secrets);
        assert_eq!(headers.get_all("x-gateway").iter().count(), 2);
        assert_eq!(headers["x-api-key"], "key");
    }

    #[test]
    fn bodies_that_are_no_objects_are_reported() {
        let (method, uri, mut headers) = (Method::POST, Uri::from_static("http://t.test/"), HeaderMap::new());
        let mut edit = |body: &'static str| {
            let mut body = Bytes::from_static(body.as_bytes());
            let mut outgoing = Outgoing { method: &method, uri: &uri, headers: &mut headers, body: &mut body };
            let done = outgoing.set_field("user", "u").map_err(|error| error.kind());
            (done, body)
        };
        assert_eq!(edit(""), (Ok(()), Bytes::new()));
        assert_eq!(edit(r#"{"user":1,"b":2}"#), (Ok(()), Bytes::from_static(br#"{"user":"u","b":2}"#)));
        assert_eq!(edit("[1]").0, Err(ErrorKind::Encode));
    }
}
