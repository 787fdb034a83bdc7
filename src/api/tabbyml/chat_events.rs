//! The event format of a streamed conversation of this server: chunks until the body ends, without `[DONE]`.

use std::collections::BTreeMap;

use crate::api::chat::{ChatChunk, ChatEvents as Chunks, ChunkChoice};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Limits, Remedy, Result, Text};
use crate::decode::{EventFormat, Step};

/// Decodes the events of `POST /v1/chat/completions`.
///
/// The end of the body ends the response if each choice has a finish reason; otherwise the stream is truncated. A stream without
/// events is how the server reports that its backend failed. When the server loses its backend during a response, it repeats the request and
/// sends the response from the beginning, without end. This is detected by a second beginning, and ends the stream.
#[derive(Debug, Default)]
pub struct ChatEvents {
    chunks: Chunks,
    choices: Option<u64>,
    beginnings: Beginnings,
}

impl ChatEvents {
    /// Creates a format for one stream.
    pub fn new() -> Self {
        ChatEvents::default()
    }

    /// Creates a format for a stream of this many choices, if known.
    pub(super) fn expecting(choices: Option<u64>) -> Self {
        ChatEvents { chunks: Chunks::expecting(choices, false), choices, ..ChatEvents::default() }
    }

    fn check(&mut self, chunk: &ChatChunk) -> Result<()> {
        let has_role = |choice: &ChunkChoice| choice.delta.role.as_ref().is_some_and(|role| !role.as_str().is_empty());
        self.beginnings.see(&chunk.id, chunk.choices.iter().map(|choice| (choice.index, has_role(choice))))
    }
}

impl EventFormat for ChatEvents {
    type Item = ChatChunk;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<ChatChunk>> {
        let step = self.chunks.event(kind, data)?;
        if let Step::Item(chunk) | Step::Last(chunk, _) = &step {
            self.check(chunk)?;
        }
        Ok(step)
    }

    fn whole(&mut self, body: &str) -> Result<Vec<ChatChunk>> {
        self.chunks.whole(body)
    }

    fn whole_end(&mut self) -> Result<()> {
        self.chunks.whole_end()
    }

    fn held(&mut self) -> Option<ChatChunk> {
        self.chunks.held()
    }

    fn end(&mut self) -> Result<()> {
        self.beginnings.end()?;
        self.chunks.end()
    }

    fn reset(&mut self) {
        let mut chunks = std::mem::take(&mut self.chunks);
        chunks.reset();
        *self = ChatEvents { chunks, choices: self.choices, ..ChatEvents::default() };
    }

    fn limits(&mut self, limits: &Limits) {
        self.chunks.limits(limits);
    }
}

/// Recognizes a stream that begins a second time, and one that never began.
#[derive(Debug, Default)]
pub struct Beginnings {
    /// The id of the last chunk, and whether two chunks in a row had it.
    id: Text,
    stable: bool,
    /// Whether a choice has had a chunk without a role.
    begun: BTreeMap<u32, bool>,
    any: bool,
}

/// More choices than this are not watched for a second beginning.
const MOST_CHOICES: usize = 1 << 10;

impl Beginnings {
    /// Processes a chunk: its id, and for each choice its index and whether it has a role. Errors with `stream_restarted` if the
    /// stream began again.
    pub fn see(&mut self, id: &str, choices: impl Iterator<Item = (u32, bool)>) -> Result<()> {
        self.any = true;
        let changed = !self.id.is_empty() && !id.is_empty() && self.id.as_str() != id;
        // Some backends give each chunk an id of its own.
        let mut again = changed && self.stable;
        self.stable |= !self.id.is_empty() && self.id.as_str() == id;
        if !id.is_empty() {
            self.id = id.into();
        }
        for (index, has_role) in choices {
            let is_full = self.begun.len() >= MOST_CHOICES;
            match self.begun.get_mut(&index) {
                // Some backends repeat the role in each chunk.
                Some(plain) => {
                    again |= has_role && *plain;
                    *plain |= !has_role;
                }
                None if is_full => {}
                None => _ = self.begun.insert(index, !has_role),
            }
        }
        if again { Err(restarted()) } else { Ok(()) }
    }

    /// Processes the end of the stream. Errors with `empty_stream` if there was no chunk.
    pub fn end(&self) -> Result<()> {
        if self.any { Ok(()) } else { Err(empty()) }
    }
}

fn empty() -> Error {
    Error::new(ErrorKind::Truncated, ErrorCode::EmptyStream, "the stream ended without an event").with_advice(
        Advice::new(
            Remedy::Look,
            "the server does this if its model backend refuses the request or fails; its console shows why",
        ),
    )
}

fn restarted() -> Error {
    let message = "the stream restarted from the beginning";
    Error::new(ErrorKind::Truncated, ErrorCode::StreamRestarted, message).with_advice(Advice::new(
        Remedy::Look,
        "the server lost its model backend and repeats the answer endlessly; check that the backend is running",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(id: &str, role: Option<&str>, text: &str) -> String {
        serde_json::json!({"id": id, "choices": [{"index": 0, "delta": {"content": text, "role": role}, "finish_reason": null}]})
            .to_string()
    }

    fn code(chunks: &[(&str, Option<&str>, &str)]) -> Option<String> {
        let mut events = ChatEvents::new();
        let read =
            chunks.iter().try_for_each(|(id, role, text)| events.event("message", &chunk(id, *role, text)).map(drop));
        read.err().map(|error| error.code().to_string())
    }

    #[test]
    fn a_second_beginning_ends_the_stream() {
        let role = Some("assistant");
        assert_eq!(code(&[("a", role, ""), ("a", None, "x"), ("a", role, "")]).as_deref(), Some("stream_restarted"));
        assert_eq!(code(&[("a", None, "x"), ("a", None, "y"), ("b", None, "x")]).as_deref(), Some("stream_restarted"));
        // Backends that repeat the role, or give each chunk an id.
        assert_eq!(code(&[("a", role, "x"), ("a", role, "y"), ("a", role, "z"), ("a", None, "")]), None);
        assert_eq!(code(&[("a", role, "x"), ("b", None, "y"), ("c", None, "z")]), None);
        assert_eq!(code(&[("a", role, "x"), ("", None, "y"), ("a", None, "z")]), None);
    }
}
