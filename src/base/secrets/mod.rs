//! The secret texts that a client holds, and their removal from what it reports or keeps.

mod escape;
mod search;
mod value;
mod writings;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE};
use serde_json::{Map, Value};

use self::search::{Automaton, Search, merged};
use self::writings::Writings;
pub(crate) use value::secret_value;

/// The header of an API key.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header of the admin key.
pub(crate) const X_ADMIN_KEY: HeaderName = HeaderName::from_static("x-admin-key");

/// The replacement of a removed secret.
pub(crate) const REMOVED: &str = "[removed]";

/// The minimum number of bytes of a secret's start that are removed before an ellipsis. The text may have been truncated inside
/// the secret.
const HEAD: usize = 3;

/// Whether a header carries a secret, which must not be in recordings and logs.
pub(crate) fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || is_secret_name(name)
}

/// Whether headers of this name carry secrets, regardless of the value.
fn is_secret_name(name: &HeaderName) -> bool {
    static NAMES: [HeaderName; 6] = [AUTHORIZATION, PROXY_AUTHORIZATION, X_API_KEY, X_ADMIN_KEY, COOKIE, SET_COOKIE];
    NAMES.contains(name)
}

/// Marks values as sensitive by the names of their headers, so that `Debug` does not print them.
pub(crate) fn mark(headers: &mut HeaderMap) {
    headers.iter_mut().filter(|(name, _)| is_secret_name(name)).for_each(|(_, value)| value.set_sensitive(true));
}

/// Secret texts, which are removed in [any encoding](super::search) that a server may use.
///
/// Texts shorter than six bytes are not removed, since that would damage ordinary words. Cheap to clone. The memory is wiped when the
/// last clone is dropped. A call puts this into the extensions of its request and of the head of its response, so that transports that
/// record something, and decoders, can remove the secrets.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Arc<Automaton>>);

impl Secrets {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the secrets of headers, without duplicates.
    pub(crate) fn add_headers(&mut self, headers: &HeaderMap) {
        let new = headers.iter().filter(|(name, value)| is_secret(name, value) && !self.cover(value.as_bytes()));
        self.join(&Secrets::of_values(new));
    }

    /// The secrets of these headers, all of which are secret.
    pub(crate) fn of_values<'a>(headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Self {
        let mut writings = Writings::default();
        headers.for_each(|(name, value)| writings.header(name, value.as_bytes()));
        Secrets::made(&writings)
    }

    /// Adds a secret.
    pub(crate) fn add(&mut self, text: &str) {
        let mut writings = Writings::default();
        writings.secret(text.as_bytes());
        self.join(&Secrets::made(&writings));
    }

    /// Adds the secrets of another set.
    pub(crate) fn join(&mut self, others: &Secrets) {
        for other in &others.0 {
            if !self.0.iter().any(|one| Arc::ptr_eq(one, other)) {
                self.0.push(other.clone());
            }
        }
    }

    fn made(writings: &Writings) -> Self {
        match writings.is_empty() {
            true => Secrets::default(),
            false => Secrets(vec![Arc::new(Automaton::new(writings.iter()))]),
        }
    }

    /// Finds the secrets in a text that comes in pieces. If the text was cut, also finds the start of a secret at its end.
    pub(crate) fn find<'a>(&self, pieces: impl Iterator<Item = &'a [u8]> + Clone, cut: bool) -> Vec<Range<usize>> {
        self.search(pieces, cut, Search::new)
    }

    /// Finds the secrets in a text, and their starts before an ellipsis.
    fn find_in(&self, text: &[u8], cut: bool) -> Vec<Range<usize>> {
        self.search(std::iter::once(text), cut, |automaton| Search::new(automaton).before_ellipsis(HEAD))
    }

    fn search<'a, 's>(
        &'s self,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        cut: bool,
        new: impl Fn(&'s Automaton) -> Search<'s>,
    ) -> Vec<Range<usize>> {
        let search = |automaton: &'s Arc<Automaton>| {
            let mut search = new(automaton);
            pieces.clone().for_each(|piece| search.feed(piece));
            search.finish(cut.then_some(1))
        };
        match self.0.as_slice() {
            [] => Vec::new(),
            [only] => search(only),
            several => merged(several.iter().flat_map(search).collect()),
        }
    }

    /// The maximum length of a secret in bytes when it is escaped twice. This much is searched beyond the place of a cut.
    pub(crate) fn reach(&self) -> usize {
        self.0.iter().map(|automaton| automaton.longest()).max().unwrap_or_default() * 12
    }

    /// Whether a text is one of the secrets, apart from a prefix such as a scheme.
    pub(crate) fn cover(&self, text: &[u8]) -> bool {
        self.find_in(text, false).last().is_some_and(|range| range.end == text.trim_ascii_end().len())
    }

    /// Whether a text contains one of the secrets.
    pub(crate) fn are_in(&self, text: &[u8]) -> bool {
        !self.find_in(text, false).is_empty()
    }

    pub(crate) fn remove(&self, text: &str) -> String {
        self.removed(text).into_owned()
    }

    pub(crate) fn remove_from(&self, text: &mut String) {
        if let Cow::Owned(without) = self.removed(text) {
            *text = without;
        }
    }

    fn removed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = self.find_in(text.as_bytes(), false);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        // A secret that is not UTF-8 may begin or end within a character.
        for range in &mut found {
            while !text.is_char_boundary(range.start) {
                range.start -= 1;
            }
            while !text.is_char_boundary(range.end) {
                range.end += 1;
            }
        }
        let mut without = String::with_capacity(text.len());
        let mut kept = 0;
        for range in merged(found) {
            without.push_str(&text[kept..range.start]);
            without.push_str(REMOVED);
            kept = range.end;
        }
        without.push_str(&text[kept..]);
        Cow::Owned(without)
    }

    /// Removes the secrets from the values. Returns whether the name of a field contains one; the caller then removes all fields.
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
            Value::Number(number) => self.are_in(number.to_string().as_bytes()),
            _ => false,
        };
        if whole {
            *value = Value::String(REMOVED.to_owned());
        }
    }

    /// Replaces whole values that contain a secret.
    pub(crate) fn remove_from_headers(&self, headers: &mut HeaderMap) {
        if self.is_empty() {
            return;
        }
        // Matches are rare, so all values are searched in one pass.
        let lines: Vec<&[u8]> = headers.values().flat_map(|value| [value.as_bytes(), b"\n"]).collect();
        let new = |automaton| Search::new(automaton).before_ellipsis(HEAD);
        if self.search(lines.iter().copied(), false, new).is_empty() {
            return;
        }
        for value in headers.values_mut().filter(|value| self.are_in(value.as_bytes())) {
            *value = HeaderValue::from_static(REMOVED);
        }
    }

    /// Removes the secrets from a body. If it was cut, also removes the start of a secret at its end.
    pub(crate) fn remove_from_body(&self, body: &Bytes, cut: bool) -> Bytes {
        match self.without(body, cut) {
            Some(without) => without.into(),
            None => body.clone(),
        }
    }

    /// Removes the secrets from the first `most` bytes of a text. None if there are none.
    pub(crate) fn without_in_beginning(&self, bytes: &[u8], most: usize) -> Option<Vec<u8>> {
        // A secret that begins before the cut ends before this.
        let end = bytes.len().min(most.saturating_add(self.reach()));
        let mut without = self.without(&bytes[..end], false)?;
        without.extend_from_slice(&bytes[end..]);
        Some(without)
    }

    /// Removes the secrets from a byte sequence. None if there are none.
    pub(crate) fn without(&self, bytes: &[u8], cut: bool) -> Option<Vec<u8>> {
        let found = self.find_in(bytes, cut);
        (!found.is_empty()).then(|| {
            let mut without = Vec::with_capacity(bytes.len());
            let mut kept = 0;
            for range in found {
                without.extend_from_slice(&bytes[kept..range.start]);
                without.extend_from_slice(REMOVED.as_bytes());
                kept = range.end;
            }
            without.extend_from_slice(&bytes[kept..]);
            without
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        texts.iter().for_each(|text| secrets.add(text));
        secrets
    }

    fn of_header(name: &'static str, value: &str) -> Secrets {
        let mut secrets = Secrets::default();
        let mut value = HeaderValue::from_str(value).unwrap();
        value.set_sensitive(true);
        secrets.add_headers(&HeaderMap::from_iter([(HeaderName::from_static(name), value)]));
        secrets
    }

    #[test]
    fn a_secret_that_contains_another_one_goes_whole() {
        let secrets = secrets(&["secret", "secret-and-more", " "]);
        assert_eq!(secrets.remove("a secret-and-more b secret c"), "a [removed] b [removed] c");
    }

    #[test]
    fn schemes_and_short_keys_stay() {
        let mut secrets = of_header("authorization", "Bearer sesame-open");
        secrets.join(&of_header("x-api-key", "api"));
        secrets.join(&of_header("authorization", "Bearer k"));
        assert_eq!(secrets.remove("Bearer sesame-open is no api key"), "Bearer [removed] is no api key");
    }

    #[test]
    fn any_writing_is_known() {
        let secrets = secrets(&["sk-\"\u{e9}t\u{e9}\"/a+b c%41", "plain-key"]);
        for text in [
            "sk-\"\u{e9}t\u{e9}\"/a+b c%41",
            // JSON, with more or less of it escaped, once and twice.
            r#"sk-\"ét\u00e9\"\/a+b c%41"#,
            r#"sk-\"\u00e9t\u00E9\"/a+b c%41"#,
            r#"\u0073k-\"\u00e9t\u00E9\"/a+b\u0020c%41"#,
            r#"sk-\\\"\\u00e9t\\u00e9\\\"\\\/a+b c%41"#,
            // UTF-8 read as Latin-1, and escaped.
            "sk-\"\u{c3}\u{a9}t\u{c3}\u{a9}\"/a+b c%41",
            r#"sk-\"\u00c3\u00a9t\u00c3\u00a9\"/a+b c%41"#,
            // URLs and forms, also inside JSON.
            "sk-%22%c3%a9t%C3%A9%22%2Fa%2bb%20c%2541",
            "sk-%22%c3%a9t%C3%A9%22%2Fa%2Bb+c%2541",
            r"sk-%22%c3%a9t\u0025C3%A9%22%2Fa%2bb%20c%2541",
            // HTML, Python.
            "sk-&quot;&#233;t&#xe9;&quot;/a+b c%41",
            r#"sk-\"\xc3\xa9t\xc3\xa9\"/a+b c%41"#,
            r#"sk-\"\xe9t\xe9\"/a+b c%41"#,
            // With replaced characters.
            "sk-\"?t?\"/a+b c%41",
            "sk-\"\u{fffd}t\u{fffd}\"/a+b c%41",
        ] {
            assert_eq!(secrets.remove(&format!("<{text}>")), "<[removed]>", "{text}");
            assert_eq!(secrets.remove(&format!("%{text}\u{e9}\\")), "%[removed]\u{e9}\\", "{text}");
        }
        let latin = b"(sk-\"\xe9t\xe9\"/a+b c%41)";
        assert_eq!(secrets.without(latin, false).unwrap(), b"([removed])");
        for before in 0..3 {
            for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE] {
                use base64::Engine as _;
                let text = engine.encode(format!("{}plain-key and more", "x".repeat(before)));
                assert!(secrets.remove(&text).contains("[removed]"), "{text}");
            }
        }
        assert_eq!(secrets.remove("plain, key, sk-\", \u{e9}t"), "plain, key, sk-\", \u{e9}t");
    }

    #[test]
    fn parts_of_values_are_secrets() {
        for (name, value, texts) in [
            (
                "authorization",
                "Basic dXNlcm5hbWU6b3Blbi1zZXNhbWU=",
                &["username", "open-sesame", "dXNlcm5hbWU6b3Blbi1zZXNhbWU"][..],
            ),
            ("cookie", "session=abcdef123; csrf=\"quoted-value\"", &["abcdef123", "quoted-value"]),
            (
                "authorization",
                "Digest username=\"mufasa\", realm=\"testrealm\", nonce=\"dcd98b7102\", uri=\"/v1/model\", response=\"6629fae49393a\"",
                &["mufasa", "dcd98b7102", "6629fae49393a"],
            ),
            ("authorization", "Bearer eyJhbGciOiJI.eyJzdWIiOi.SflKxwRJSM", &["eyJzdWIiOi", "SflKxwRJSM"]),
            ("x-api-key", "a key with blanks", &["a key with blanks", "a+key+with+blanks", "a%20key%20with%20blanks"]),
            ("x-gate", "Token gate-token", &["gate-token"]),
        ] {
            let secrets = of_header(name, value);
            for text in texts {
                assert_eq!(secrets.remove(&format!("<{text}>")), "<[removed]>", "{value}");
            }
            let others = "testrealm /v1/model Digest Basic nonce";
            assert_eq!(secrets.remove(others), others);
        }
    }

    #[test]
    fn heads_of_secrets_go_where_a_text_was_cut() {
        let secrets = secrets(&["planted-key"]);
        for text in ["it was plan…", "it was planted-ke… or so", "it was pla…"] {
            assert!(secrets.remove(text).starts_with("it was [removed]…"), "{text}");
        }
        assert_eq!(secrets.remove("it was pl… and plan"), "it was pl… and plan");
        for end in ["p", "plan", r"pl\u0061", r"pl\u006", r"pl\", "pl%61n%7"] {
            let text = format!("it was {end}");
            assert_eq!(secrets.without(text.as_bytes(), true).unwrap(), b"it was [removed]", "{end}");
            assert_eq!(secrets.without(text.as_bytes(), false), None);
        }
    }

    /// Compares with a search that tries each position with each secret.
    #[test]
    fn as_a_plain_search_has_it() {
        use super::escape::undone_at;
        use super::search::LAYERS;
        let mut state = 7u64;
        let mut below = |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        let mut seen = 0;
        for round in 0..2000 {
            let mut text = |most: u64, letters: &[u8]| -> Vec<u8> {
                (0..below(most)).map(|_| letters[below(letters.len() as u64) as usize]).collect()
            };
            let keys: Vec<Vec<u8>> = (0..3).map(|_| text(12, b"aab")).filter(|key| key.len() >= 6).collect();
            let letters: &[u8] = if round % 2 == 0 { b"aab" } else { b"aaaaaab\\\\\\u0061%6&;" };
            let text = text(120, letters);
            let mut secrets = Secrets::default();
            keys.iter().for_each(|key| secrets.add(std::str::from_utf8(key).unwrap()));
            let mut expected = Vec::new();
            let whole = text.iter().zip(0..).map(|(byte, at)| (*byte, at..at + 1));
            let mut layer: Vec<(u8, Range<usize>)> = whole.collect();
            for _ in 0..LAYERS {
                for key in &keys {
                    for window in layer.windows(key.len()) {
                        if window.iter().map(|(byte, _)| byte).eq(key) {
                            expected.push(window[0].1.start..window[key.len() - 1].1.end);
                        }
                    }
                }
                let bytes: Vec<u8> = layer.iter().map(|(byte, _)| *byte).collect();
                let undone = undone_at(&bytes).into_iter();
                layer = undone.map(|(byte, at)| (byte, layer[at.start].1.start..layer[at.end - 1].1.end)).collect();
            }
            let expected = merged(expected);
            seen += expected.len();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(secrets.find(text.as_bytes().chunks(7), false), expected, "{keys:?} in {text}");
        }
        assert!(seen > 500, "{seen}");
    }

    #[test]
    fn the_work_is_linear_whatever_stands_there() {
        let secrets = secrets(&[&"a".repeat(4000), &"\\u0061".repeat(500), "plain-key"]);
        for text in ["a", "\\", "\\u0061", "%2561", "&amp;amp;amp;", "a\\n", "plain-ke", "…"] {
            let text = text.repeat((1 << 17) / text.len());
            let found = secrets.find_in(text.as_bytes(), true);
            assert!(found.len() <= 1 << 15);
        }
    }
}
