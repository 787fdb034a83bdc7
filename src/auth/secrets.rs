//! The secret texts of a request, and their removal from what is told or kept of it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE};
use serde_json::{Map, Value};

use super::{X_ADMIN_KEY, X_API_KEY};
use crate::decode::Document;
use crate::text::find;

/// What stands where a secret stood.
pub(crate) const REMOVED: &str = "[removed]";

/// Shorter texts are left alone in errors: a key of three letters would take words apart, and guards nothing.
const SHORTEST: usize = 6;

/// Whether a header carries a secret: what must not show in recordings and logs.
pub(crate) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || is_secret_name(name)
}

/// Whether headers of this name carry secrets, whoever sets them.
fn is_secret_name(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 6] = [AUTHORIZATION, PROXY_AUTHORIZATION, X_API_KEY, X_ADMIN_KEY, COOKIE, SET_COOKIE];
    NAMES.contains(name)
}

/// Marks the values that are secret by the names of their headers, so that `Debug` does not show them.
pub(crate) fn mark(headers: &mut HeaderMap) {
    headers.iter_mut().filter(|(name, _)| is_secret_name(name)).for_each(|(_, value)| value.set_sensitive(true));
}

/// The secret texts of a request, to be removed wherever they stand.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of its headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut secrets = Secrets::default();
        for (_, value) in headers.iter().filter(|(name, value)| is_secret(name, value)) {
            secrets.add_header(value);
        }
        secrets
    }

    /// Adds the secret of a header's value. The scheme of an `Authorization` is none.
    pub(crate) fn add_header(&mut self, value: &HeaderValue) {
        let text = value.to_str().unwrap_or_default();
        self.add(find(text.as_bytes(), b" ").map_or(text, |at| &text[at + 1..]));
    }

    /// Adds a secret.
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim_ascii();
        if !text.is_empty() && !self.0.iter().any(|other| other == text) {
            // The longest first, so that a secret that contains another one is removed whole.
            let at = self.0.iter().position(|other| other.len() < text.len()).unwrap_or(self.0.len());
            self.0.insert(at, text.to_owned());
        }
    }

    /// Adds the token for the hub that a download loads from, if the body of a request has one.
    pub(crate) fn add_token(&mut self, path: &str, body: &[u8]) {
        let body = std::str::from_utf8(body).ok().filter(|_| path.ends_with("/download"));
        if let Some(token) = body.and_then(|body| Document::read(body).ok()?.string("token")) {
            self.add(&token);
        }
    }

    /// Those that are long enough to be removed from sentences.
    pub(crate) fn long(mut self) -> Self {
        self.0.retain(|text| text.len() >= SHORTEST);
        self
    }

    /// Whether one of them stands in a text.
    pub(crate) fn are_in(&self, text: &[u8]) -> bool {
        self.0.iter().any(|secret| find(text, secret.as_bytes()).is_some())
    }

    pub(crate) fn remove(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| replaced(&text, secret))
    }

    pub(crate) fn remove_from(&self, text: &mut String) {
        if self.are_in(text.as_bytes()) {
            *text = self.remove(text);
        }
    }

    /// Removes them from the values. Whether one of them stands in the name of a field: then all of them are to go.
    pub(crate) fn remove_from_fields(&self, fields: &mut Map<String, Value>) -> bool {
        fields.values_mut().for_each(|value| self.remove_from_value(value));
        fields.keys().any(|name| self.are_in(name.as_bytes()))
    }

    fn remove_from_value(&self, value: &mut Value) {
        let whole = match value {
            Value::String(text) => {
                self.remove_from(text);
                false
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.remove_from_value(value));
                false
            }
            Value::Object(fields) => self.remove_from_fields(fields),
            _ => false,
        };
        if whole {
            *value = Value::String(REMOVED.to_owned());
        }
    }

    /// Values that hold one are removed whole.
    pub(crate) fn remove_from_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut().filter(|value| self.are_in(value.as_bytes())) {
            *value = HeaderValue::from_static(REMOVED);
        }
    }

    pub(crate) fn remove_from_body(&self, body: &Bytes) -> Bytes {
        match self.are_in(body) {
            true => self.remove(&String::from_utf8_lossy(body)).into(),
            false => body.clone(),
        }
    }
}

/// A download's body without the token of the hub it loads from.
pub(crate) fn without_token(path: &str, body: &Bytes) -> Bytes {
    let removed = || {
        let mut value = download(path, body)?;
        *value.get_mut("token")? = REMOVED.into();
        serde_json::to_vec(&value).ok()
    };
    removed().map_or_else(|| body.clone(), Bytes::from)
}

fn download(path: &str, body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok().filter(|_| path.ends_with("/download"))?;
    serde_json::from_str(text).ok()
}

fn replaced(text: &str, secret: &str) -> String {
    let mut rest = text;
    let mut without = String::with_capacity(text.len());
    while let Some(at) = find(rest.as_bytes(), secret.as_bytes()) {
        without.push_str(&rest[..at]);
        without.push_str(REMOVED);
        rest = &rest[at + secret.len()..];
    }
    without + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_contains_another_one_goes_whole() {
        let mut secrets = Secrets::default();
        ["secret", "secret-and-more", " "].into_iter().for_each(|text| secrets.add(text));
        assert_eq!(secrets.remove("a secret-and-more b secret c"), "a [removed] b [removed] c");
    }

    #[test]
    fn schemes_and_short_keys_stay_in_sentences() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer sesame-open"));
        headers.insert("x-api-key", HeaderValue::from_static("api"));
        let secrets = Secrets::of(&headers).long();
        assert_eq!(secrets.remove("Bearer sesame-open is no api key"), "Bearer [removed] is no api key");
    }

    #[test]
    fn a_token_is_that_of_a_download_alone() {
        let body = Bytes::from_static(br#"{"repo_id":"a/b","token":"hf_planted"}"#);
        assert!(!String::from_utf8_lossy(&without_token("/v1/download", &body)).contains("planted"));
        assert_eq!(without_token("/v1/token/encode", &body), body);
        let mut secrets = Secrets::default();
        secrets.add_token("/v1/download", &body);
        assert!(secrets.are_in(b"hf_planted"));
    }
}
