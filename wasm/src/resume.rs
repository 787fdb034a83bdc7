//! Streams that are resumed: the properties of events, and reports to JavaScript. JavaScript has the request and the text, so it
//! writes the request for the rest and joins the items.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tabbyapi::internal::{Ask, Join, Piece, Way};
use tabbyapi::policy::Resume;
use tabbyapi::{ErrorCode, Text};

use crate::document::Document;
use crate::format::objects;
use crate::{encode, records};

thread_local! {
    /// The properties of the event that was read last.
    static PIECE: RefCell<Piece> = RefCell::new(Piece::default());
}

/// Reports to JavaScript about one call.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The next request is for the rest: the number of tokens that have arrived, and how it is requested.
    rest: Option<(u64, Way)>,
    /// The actions after breaks, in JSON.
    events: Vec<String>,
}

impl Reports {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how the rest is requested, if the next request is for the rest.
    pub(crate) fn take_rest(&self) -> Option<(u64, Way)> {
        self.with(|inner| inner.rest.take())
    }

    /// Returns the actions since the last call.
    pub(crate) fn take_events(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.events))
    }
}

/// How a call is resumed.
pub(crate) struct Resuming {
    pub(crate) resume: Resume,
    pub(crate) ask: Ask,
}

impl Resuming {
    /// Returns the policy, which reports its actions, and the join of the parts of a stream of chunks.
    pub(crate) fn parts(self, reports: &Reports, chunks: bool, chat: bool) -> (Resume, Option<Box<dyn Join<()>>>) {
        let noted = reports.clone();
        let resume = self.resume.on_resume(move |event| {
            let event = encode::resume(event);
            noted.with(|inner| inner.events.push(event));
        });
        let join: Box<dyn Join<()>> = Box::new(WireJoin { ask: self.ask, chat, reports: reports.clone() });
        (resume, chunks.then_some(join))
    }
}

struct WireJoin {
    ask: Ask,
    chat: bool,
    reports: Reports,
}

impl Join<()> for WireJoin {
    fn piece(&self, (): &()) -> Piece {
        PIECE.with_borrow(Piece::clone)
    }

    fn taken(&mut self, (): &()) {}

    fn join(&mut self, (): &mut ()) -> bool {
        true
    }

    fn next_part(&mut self) {
        records::part();
    }

    fn ask(&self, _: &Bytes) -> Result<Ask, ErrorCode> {
        Ok(self.ask)
    }

    fn rest(&mut self, body: &Bytes, tokens: u64, way: Way) -> Result<Bytes, ErrorCode> {
        self.reports.with(|inner| inner.rest = Some((tokens, way)));
        Ok(body.clone())
    }

    fn ending(&mut self) {
        records::json(match self.chat {
            true => r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            false => r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#,
        });
    }

    fn dropped(&mut self) {
        records::drop_marked();
    }
}

/// Sets the properties of an event whose record follows.
pub(crate) fn see(piece: Piece) {
    records::mark();
    PIECE.set(piece);
}

/// Returns the properties of a chunk or a whole response. If only one choice was requested, its index is ignored.
pub(crate) fn piece(document: &Document<'_>, choices: &[Document<'_>], is_one: bool) -> Piece {
    let model = document.string("model").or_else(|| document.string("model_name")).unwrap_or_default();
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let usage = objects(document.get("usage"));
    let mut piece = Piece {
        model: Text::from(model),
        counted: usage.first().and_then(|usage| number(usage.get("completion_tokens"))),
        several: choices.len() > 1,
        ..Piece::default()
    };
    for choice in choices {
        piece.several |= !is_one && number(choice.get("index")).is_some_and(|index| index > 0);
        piece.ended |= is_said(choice, "finish_reason");
        piece.text |= is_said(choice, "text");
        for message in ["delta", "message"].iter().flat_map(|name| objects(choice.get(name))) {
            piece.text |= is_said(&message, "content");
            piece.reasoning |= is_said(&message, "reasoning_content") || is_said(&message, "reasoning");
            piece.calls |= is_said(&message, "tool_calls") || is_said(&message, "function_call");
        }
        for likely in objects(choice.get("logprobs")) {
            let list = |name: &str| {
                likely.get(name).filter(|list| list.starts_with('[')).and_then(|list| Document::read(list).ok())
            };
            let count = |name: &str| list(name).map_or(0, |list| list.values().len() as u64);
            piece.logprobs += count("content") + count("tokens");
            let offset = list("text_offset").and_then(|list| number(list.values().first().map(|(_, first)| *first)));
            piece.apart |= offset.is_some_and(|first| first > 0);
        }
    }
    piece
}

fn is_said(of: &Document<'_>, name: &str) -> bool {
    of.get(name).is_some_and(|value| !matches!(value, "null" | "\"\"" | "[]" | "{}"))
}
