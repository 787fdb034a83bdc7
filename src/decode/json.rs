//! A whole JSON body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::error::Answered;
use crate::base::text::{cut, decimal, replaced};
use crate::base::{Advice, Error, ErrorKind, Limits, MaybeSend, Remedy, Result, Secrets};
use crate::decode::charge::{Bounds, SMALL};
use crate::decode::content_type::{content_length, content_type, is_json};
use crate::decode::decoder::{Decode, Whole, floor};
use crate::decode::kind::{Fields, Sure};
use crate::decode::mend::{LARGE, mended};
use crate::decode::{failure, kind};
use crate::sse::append;

/// Decodes a JSON body as `T`, and every form of server error.
pub struct Json<T> {
    /// A status that carries a normal response although it is not a success, such as 503 on `/health`.
    also: Option<StatusCode>,
    fields: Fields,
    sure: Sure<T>,
    check: Option<Check<T>>,
    text_check: Option<fn(&T, &str) -> Result<()>>,
    body: Option<Box<Body>>,
    ended: bool,
    item: PhantomData<fn() -> T>,
}

type Check<T> = Box<dyn Fn(&mut T) -> Result<()> + Send + Sync>;

impl<T> Json<T> {
    /// Creates a decoder for the body of a 2xx response.
    pub const fn new() -> Self {
        Json {
            also: None,
            fields: None,
            sure: None,
            check: None,
            text_check: None,
            body: None,
            ended: false,
            item: PhantomData,
        }
    }

    /// Accepts the body of this status, too.
    pub const fn also(mut self, status: StatusCode) -> Self {
        self.also = Some(status);
        self
    }

    /// Sets the known fields of the response. A body without any of them is an error, whatever its status. So is one with an `error`
    /// that is neither null nor empty, unless `error` is one of the fields. With an empty list, any body that is not an error is accepted.
    pub const fn with_fields(mut self, names: &'static [&'static str]) -> Self {
        self.fields = Some(names);
        self
    }

    /// Sets a check of the decoded response. It may modify the response, or reject it with an error. The raw body is added to the error.
    pub fn checked(mut self, check: impl Fn(&mut T) -> Result<()> + Send + Sync + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }
}

impl<T> Json<T> {
    /// Sets a check of frequent responses. If it returns true, the response has one of the fields of its kind, and neither an `error`
    /// nor the mark of one, so that the text is not searched for them.
    pub(crate) const fn sure(mut self, check: Sure<T>) -> Self {
        self.sure = check;
        self
    }

    /// Sets a check of the response and its text, which distinguishes null from absent.
    pub(crate) const fn text_checked(mut self, check: Option<fn(&T, &str) -> Result<()>>) -> Self {
        self.text_check = check;
        self
    }
}

impl<T> Default for Json<T> {
    fn default() -> Self {
        Json::new()
    }
}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").field("received", &self.body.as_ref().map(|body| body.len())).finish()
    }
}

impl<T: DeserializeOwned + MaybeSend + 'static> Whole for Json<T> {}

impl<T: DeserializeOwned + MaybeSend + 'static> Decode for Json<T> {
    type Item = T;

    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        self.ended = false;
        self.body = Some(Box::new(Body::new(head, limits, self.also)));
        Ok(())
    }

    fn feed(&mut self, chunk: Bytes) {
        if let Some(body) = &mut self.body {
            body.feed(chunk);
        }
    }

    fn next(&mut self) -> Result<Option<T>> {
        match &mut self.body {
            Some(body) => body.check().map(|()| None),
            None => Ok(None),
        }
    }

    fn finish(&mut self) -> Result<Option<T>> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(None);
        }
        let (check, text_check) = (self.check.as_ref(), self.text_check);
        let (fields, sure) = (self.fields, self.sure);
        // Put into its place from within, since a response is large to move.
        let mut place = None;
        let parse = |text: &str, bounds: &Bounds| {
            let answer = place.insert(kind::answer_or_sure::<T>(text, fields, sure, bounds)?);
            text_check.map_or(Ok(()), |check| check(answer, text))?;
            check.map_or(Ok(()), |check| check(answer))
        };
        match &mut self.body {
            Some(body) => {
                body.parse_with(parse)?;
                body.replace(Vec::new());
                Ok(place)
            }
            None => Err(Error::misuse("the body ended before the head of the answer was there")),
        }
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn progress(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| floor(body.received))
    }
}

/// A response without content: `null`, nothing, or anything else, which is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty;

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Empty {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Empty".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["null", "object"] })
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Empty)
    }
}

/// Announced lengths up to this one, in bytes, are reserved at once. Every response may take much more
/// ([`Limits::DOCUMENT_FLOOR`]), whatever its length.
const TRUSTED: usize = 1 << 20;

/// A body that is collected whole: a response, or the text of an error.
#[derive(Debug)]
pub(super) struct Body {
    status: StatusCode,
    headers: HeaderMap,
    /// Whether the body is a response. Otherwise it is the text of an error.
    answer: bool,
    /// `buffer.len() <= cap`
    buffer: Vec<u8>,
    /// The only chunk so far, if it is the announced body. It is not copied into the buffer.
    whole: Option<Bytes>,
    cap: usize,
    /// The length that the head announces, `<= cap`; 0 if it is not known.
    announced: usize,
    excerpt: usize,
    bounds: Bounds,
    over: bool,
    pub(super) received: u64,
    /// The secrets to remove.
    secrets: Secrets,
}

impl Body {
    pub(super) fn new(head: &Parts, limits: &Limits, also: Option<StatusCode>) -> Self {
        let answer = head.status.is_success() || also == Some(head.status);
        let secrets = head.extensions.get::<Secrets>().cloned().unwrap_or_default();
        // What is reported, plus the length of a secret that begins there.
        let looked_at = limits.error_excerpt.max(failure::LOOK).saturating_add(secrets.reach());
        let cap = if answer { limits.body } else { limits.body.min(looked_at) };
        Body {
            status: head.status,
            headers: head.headers.clone(),
            answer,
            buffer: Vec::new(),
            whole: None,
            cap,
            announced: content_length(&head.headers).filter(|length| *length <= cap).unwrap_or_default(),
            excerpt: limits.error_excerpt,
            bounds: Bounds::of(limits),
            over: false,
            received: 0,
            secrets,
        }
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        self.received += chunk.len() as u64;
        if self.len() == 0 && chunk.len() == self.announced {
            self.whole = Some(chunk);
            return;
        }
        if let Some(chunk) = self.whole.take() {
            self.buffer = chunk.into();
        }
        let room = self.cap - self.buffer.len();
        self.over |= chunk.len() > room;
        let len = self.buffer.len() + chunk.len().min(room);
        // Growing takes two buffers, and leaves unused memory at the end. A large announced length is trusted once a quarter of it
        // has arrived.
        let trusted = self.announced <= TRUSTED || self.announced / 4 <= len;
        if trusted && len > self.buffer.capacity() && len <= self.announced {
            self.buffer.reserve_exact(self.announced - self.buffer.len());
        }
        append(&mut self.buffer, &chunk[..chunk.len().min(room)], self.cap);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        self.whole.as_deref().unwrap_or(&self.buffer)
    }

    fn replace(&mut self, bytes: Vec<u8>) {
        self.buffer = bytes;
        self.whole = None;
    }

    /// The maximum size.
    pub(super) fn cap(&self) -> u64 {
        self.cap as u64
    }

    /// Marks that the body is too large, without the bytes.
    pub(super) fn overflow(&mut self) {
        self.over = true;
    }

    /// Errors as soon as the cap is exceeded.
    pub(super) fn check(&mut self) -> Result<()> {
        match (self.over, self.answer) {
            (false, _) => Ok(()),
            (true, false) => Err(self.failure()),
            (true, true) => Err(Error::new(
                ErrorKind::TooLarge,
                "body_too_large",
                ["the answer is larger than the cap of ", &decimal(self.cap as u64), " bytes"].concat(),
            )
            .with_advice(Advice::new(Remedy::Raise, "raise {setting:limits.body} if such answers are expected"))
            .answered(self.answered())),
        }
    }

    /// Decodes the whole text with `parse`. The raw body is added to errors.
    pub(super) fn parse_with<T>(&mut self, mut parse: impl FnMut(&str, &Bounds) -> Result<T>) -> Result<T> {
        self.check()?;
        if !self.answer {
            return Err(self.failure());
        }
        self.buffer.shrink_to_fit();
        let mut result = self.parse(&mut parse);
        if let Err(error) = &result
            && error.kind() != ErrorKind::TooLarge
            && let Cow::Owned(cleaned) = self.cleaned()
        {
            // Secrets are removed before the text is cut, so before the error is made.
            self.replace(cleaned);
            result = self.parse(&mut parse).and(result);
        }
        result.map_err(|error| {
            let error = match self.content_type() {
                // A body with another content type is from another program, such as a proxy.
                Some(other) if !is_json(other) && error.kind() == ErrorKind::Decode => Error::new(
                    ErrorKind::Decode,
                    "unexpected_content_type",
                    format!(
                        "the server answered {} with `{}` where JSON was expected",
                        self.status.as_u16(),
                        cut(other, 256)
                    ),
                )
                .with_advice(Advice::new(
                    Remedy::Check,
                    "check that {url} is that of a TabbyAPI server and that no proxy answers in its place",
                )),
                _ => error,
            };
            error.answered(self.answered())
        })
    }

    fn failure(&self) -> Error {
        let said = self.cleaned();
        failure::from_response(self.status, &self.headers, &said).answered(self.answered())
    }

    /// Decodes the body. The part that errors quote has its secrets removed.
    fn parse<T>(&mut self, parse: &mut impl FnMut(&str, &Bounds) -> Result<T>) -> Result<T> {
        let mut document = |text: &str| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            parse(if text.trim_ascii().is_empty() { "null" } else { text }, &self.bounds)
        };
        let len = self.len();
        // A body is checked only once, because that inspects each byte.
        let text = match std::str::from_utf8(self.bytes()) {
            Ok(text) => match if len > LARGE { mended(text) } else { None } {
                Some(mended) => mended,
                None => return document(text),
            },
            Err(_) if len <= SMALL => return document(&String::from_utf8_lossy(self.bytes())),
            Err(_) => replaced(self.bytes()),
        };
        // Two versions of a large body would take too much memory.
        self.bounds = self.bounds.grown(self.bounds.growth() + text.len().saturating_sub(len));
        self.replace(text.into_bytes());
        self.parse(parse)
    }

    fn cleaned(&self) -> Cow<'_, [u8]> {
        let cleaned = self.secrets.without_in_beginning(self.bytes(), self.excerpt.max(failure::LOOK));
        cleaned.map_or(Cow::Borrowed(self.bytes()), Cow::Owned)
    }

    pub(super) fn answered(&self) -> Answered {
        let said = self.cleaned();
        let cut = &said[..said.len().min(self.excerpt)];
        Answered { status: self.status, headers: self.headers.clone(), body: Bytes::copy_from_slice(cut) }
    }

    fn content_type(&self) -> Option<&str> {
        content_type(&self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 16 << 10;

    /// Feeds so many bytes after a head with this `content-length`, and returns the largest capacity.
    #[track_caller]
    fn capacity(announced: Option<usize>, sent: usize) -> usize {
        let head = http::Response::builder();
        let head = announced.into_iter().fold(head, |head, length| head.header("content-length", length));
        let limits = Limits::default();
        let mut body = Body::new(&head.body(()).unwrap().into_parts().0, &limits, None);
        let (mut largest, sent) = (0, vec![b'1'; sent]);
        for piece in sent.chunks(PIECE) {
            body.feed(Bytes::copy_from_slice(piece));
            largest = largest.max(body.buffer.capacity());
        }
        assert!(body.check().is_ok() && body.bytes() == sent);
        largest
    }

    #[test]
    fn the_announced_length_is_reserved_at_once() {
        for length in [0, PIECE + 1, 500_000, TRUSTED, TRUSTED + 1, 8 << 20] {
            assert_eq!(capacity(Some(length), length), length);
        }
        assert_eq!(capacity(Some(500_000), 1), 500_000);
    }

    #[test]
    fn a_body_in_one_chunk_is_not_copied() {
        for length in [1, PIECE] {
            assert_eq!(capacity(Some(length), length), 0);
        }
    }

    #[test]
    fn a_body_reads_the_same_in_any_number_of_chunks() {
        let read = |announced: usize, chunks: &[&[u8]]| {
            let head = http::Response::builder().header("content-length", announced).body(()).unwrap().into_parts().0;
            let mut json = Json::<Vec<String>>::new();
            json.start(&head, &Limits { body: 16, ..Limits::default() }).unwrap();
            chunks.iter().for_each(|chunk| json.feed(Bytes::copy_from_slice(chunk)));
            json.next().and_then(|_| json.finish()).map_err(|error| (error.code().clone(), error.body().cloned()))
        };
        let body = b"\xef\xbb\xbf[\"a\xff\"]".as_slice();
        let expected = Ok(Some(vec!["a\u{fffd}".to_owned()]));
        for at in 0..=body.len() {
            let (one, other) = body.split_at(at);
            assert_eq!(read(body.len(), &[one, other]), expected);
            assert_eq!(read(at, &[one, other]), expected);
        }
        // The first chunk is the announced body, but it is not the last one.
        let (code, quoted) = read(2, &[b"[]", b"123456789012345"]).unwrap_err();
        assert_eq!((code.as_str(), quoted.as_deref()), ("body_too_large", Some(&b"[]12345678901234"[..])));
    }

    #[test]
    fn an_announced_length_that_is_wrong_is_only_a_hint() {
        // More was announced than is sent, or than is allowed.
        assert!(capacity(Some(TRUSTED), 1) <= TRUSTED);
        assert!(capacity(Some(TRUSTED + 1), 1) <= PIECE);
        assert!(capacity(Some(64 << 20), 2 << 20) <= 4 << 20);
        assert!(capacity(Some(usize::MAX), 2 << 20) <= 4 << 20);
        // Less was announced, or nothing.
        for announced in [None, Some(0), Some(1), Some(PIECE), Some(100_000)] {
            for sent in [1, PIECE, 500_000, 3 << 20] {
                assert!(capacity(announced, sent) <= (2 * sent).max(announced.unwrap_or_default()).max(256));
            }
        }
    }
}
