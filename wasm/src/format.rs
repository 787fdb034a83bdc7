//! Interprets the events and bodies of each kind of response without typed models: the package's types are TypeScript's.

use tabbyapi::decode::{EventFormat, Step, answer_error, error_event, event_error};
use tabbyapi::internal::Piece;
use tabbyapi::{Error, ErrorKind, Result, Text};

use crate::document::Document;
use crate::records;
use crate::resume;
use crate::template::{Match, Templates};

/// The kind of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One JSON body with at least one of these fields. If there are none, everything except an error is accepted.
    Body(&'static [&'static str]),
    /// Chunks of a generation, up to `[DONE]`. `unbounded` if it is a completion without `max_tokens`.
    Chunks { unbounded: bool },
    /// The progress of a load.
    Load,
    /// Parts of the text of the KoboldAI API.
    Kobold,
    /// Chunks of a conversation with TabbyML/tabby, up to the end of the body.
    #[cfg(feature = "tabbyml")]
    Assistant,
    /// A response of GraphQL.
    #[cfg(feature = "tabbyml")]
    GraphQl,
    /// Events of a route without an operation in the library, up to `[DONE]` or the end of the body.
    Events,
}

impl Kind {
    /// Whether the response is one body.
    pub(crate) fn is_whole(self) -> bool {
        #[cfg(feature = "tabbyml")]
        if self == Kind::GraphQl {
            return true;
        }
        matches!(self, Kind::Body(_))
    }
}

/// Reads events and writes records of them.
pub(crate) struct Format {
    kind: Kind,
    templates: Templates,
    /// The model itself was finished, after which a load can end.
    loaded: bool,
    ends: Ends,
    #[cfg(feature = "tabbyml")]
    beginnings: tabbyapi::internal::Beginnings,
    /// The error of a whole response that has the expected fields.
    fault: Option<Error>,
    /// Whether the text in `text` of the last recognized event is escaped.
    found: Option<bool>,
    text: String,
    /// The stream may be resumed, so the properties of its events are needed.
    resumes: bool,
}

impl Format {
    pub(crate) fn new(kind: Kind, ends: Ends, resumes: bool) -> Self {
        let (templates, text) = (Templates::new(), String::new());
        Format {
            kind,
            templates,
            loaded: false,
            ends,
            #[cfg(feature = "tabbyml")]
            beginnings: Default::default(),
            fault: None,
            found: None,
            text,
            resumes,
        }
    }

    /// Records the properties of an event whose record is written next.
    fn see(&self, document: &Document<'_>, choices: &[Document<'_>]) -> Piece {
        if !self.resumes {
            return Piece::default();
        }
        let piece = resume::piece(document, choices, self.ends.expected == Some(1));
        resume::see(piece.clone());
        piece
    }

    fn chunk(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        if data.trim_ascii() == "[DONE]" {
            return Ok(Step::Done);
        }
        let document = match read(kind, data, &["choices", "usage"])? {
            Some(document) => document,
            None => return Ok(Step::Skip),
        };
        let choices = objects(document.get("choices"));
        let no_chunk = (choices.is_empty() && document.get("usage").is_none_or(|usage| usage == "null"))
            || document.get("object") == Some("\"error\"");
        let failed = beside(&document)
            .or_else(|| choices.iter().find_map(failed_choice))
            .or_else(|| if no_chunk { event_error(data) } else { None });
        self.ends.see(&choices);
        #[cfg(feature = "tabbyml")]
        if self.kind == Kind::Assistant && failed.is_none() {
            crate::tabbyml::see(&mut self.beginnings, &document, &choices)?;
        }
        match failed {
            Some(error) if !choices.iter().any(says_something) => return Err(error),
            Some(error) => {
                self.see(&document, &choices);
                records::json(document.mended(data).as_deref().unwrap_or(data));
                return Ok(Step::Last((), error));
            }
            None => {}
        }
        let piece = self.see(&document, &choices);
        let mended = document.mended(data);
        // If an event has both text and reasoning, or neither, it is not clear which of them the text of the next event is.
        let is_plain = mended.is_none() && kind == "message" && matches!(self.kind, Kind::Chunks { .. });
        if is_plain && (!self.resumes || piece.text != piece.reasoning) {
            self.templates.learn(data, &piece);
        }
        records::json(mended.as_deref().unwrap_or(data));
        Ok(Step::Item(()))
    }

    /// Reads the progress of a load. It is complete only if the connection ends cleanly after the model itself was finished.
    fn progress(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        let document = match read(kind, data, &["model_type", "status"])? {
            Some(document) => document,
            None => return Ok(Step::Skip),
        };
        if let Some(error) = beside(&document) {
            return Err(error);
        }
        if document.get("model_type") == Some("\"model\"") {
            self.loaded = document.get("status") == Some("\"finished\"");
        }
        records::json(document.mended(data).as_deref().unwrap_or(data));
        Ok(Step::Item(()))
    }

    fn piece(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        let document = match read(kind, data, &["token"])? {
            Some(document) => document,
            None => return Ok(Step::Skip),
        };
        let failed = beside(&document);
        let silent = document.string("token").is_none_or(|token| token.is_empty());
        if let Some(error) = failed {
            if silent {
                return Err(error);
            }
            records::json(document.mended(data).as_deref().unwrap_or(data));
            return Ok(Step::Last((), error));
        }
        records::json(document.mended(data).as_deref().unwrap_or(data));
        Ok(Step::Item(()))
    }

    fn map_error(&self, error: Error) -> Error {
        if self.kind == (Kind::Chunks { unbounded: true }) && error.code() == "generation_aborted" {
            return error.with_hint("set `max_tokens`: the server fails on streamed completions without it");
        }
        error
    }
}

impl EventFormat for Format {
    type Item = ();

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        match self.kind {
            Kind::Chunks { .. } => self.chunk(kind, data).map_err(|error| self.map_error(error)),
            Kind::Load => self.progress(kind, data),
            Kind::Kobold => self.piece(kind, data),
            Kind::Events => any_event(kind, data),
            #[cfg(feature = "tabbyml")]
            Kind::Assistant => self.chunk(kind, data),
            #[cfg(feature = "tabbyml")]
            Kind::GraphQl => Err(whole_expected()),
            Kind::Body(_) => Err(whole_expected()),
        }
    }

    #[inline]
    fn known(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        let Match { text, escaped, length } = self.templates.known(bytes)?;
        self.found = Some(escaped);
        self.text.clear();
        self.text.push_str(text);
        // The text is kept here, so that its memory is used again.
        Some((length, Text::default()))
    }

    #[inline]
    fn known_item(&mut self, _: Text, place: &mut Option<()>) {
        if self.resumes {
            resume::see(self.templates.piece(&self.text));
        }
        *place = self.found.take().map(|escaped| self.templates.write(&self.text, escaped));
    }

    fn whole(&mut self, body: &str) -> Result<Vec<()>> {
        let (fields, write): (&'static [&'static str], fn(&str)) = match self.kind {
            Kind::Body(fields) => (fields, records::json),
            Kind::Chunks { .. } => (&["choices"], records::whole),
            Kind::Kobold => (&["results"], records::whole),
            #[cfg(feature = "tabbyml")]
            Kind::Assistant => (&["choices"], records::whole),
            #[cfg(feature = "tabbyml")]
            Kind::GraphQl => (&["data", "errors"], records::json),
            Kind::Events => (&[], records::json),
            Kind::Load => {
                self.event("message", body)?;
                return self.end().map(|()| vec![()]);
            }
        };
        let document = whole(body, fields)?;
        #[cfg(feature = "tabbyml")]
        if self.kind == Kind::GraphQl
            && let Some(error) = tabbyapi::internal::graphql_refusal(body)
        {
            return Err(error);
        }
        let choices = objects(document.get("choices"));
        self.fault = choices.iter().find_map(failed_whole);
        if self.fault.is_none() && self.ends.wants_usage {
            self.fault = cut_by_unload(&document, &choices);
        }
        self.see(&document, &choices);
        write(document.mended(body).as_deref().unwrap_or(body));
        Ok(vec![()])
    }

    fn whole_end(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn end(&mut self) -> Result<()> {
        match self.kind {
            Kind::Load if self.loaded => Ok(()),
            // The server just closes the stream.
            Kind::Kobold | Kind::Events => Ok(()),
            #[cfg(feature = "tabbyml")]
            Kind::Assistant => {
                self.beginnings.end()?;
                if self.ends.are_all() { Ok(()) } else { Err(Error::truncated()) }
            }
            // Old servers do not announce the end.
            Kind::Chunks { .. } if self.ends.are_all() => Ok(()),
            _ => Err(Error::truncated()),
        }
    }

    fn reset(&mut self) {
        *self = Format::new(self.kind, Ends::new(self.ends.expected, self.ends.wants_usage), self.resumes);
    }
}

/// The choices of a stream that have ended.
pub(crate) struct Ends {
    /// The requested number of choices, if known.
    pub(crate) expected: Option<u64>,
    /// Usage was requested, so a response without it was cut.
    pub(crate) wants_usage: bool,
    /// By index.
    known: Vec<(u64, bool)>,
    /// An event had more than one choice.
    several: bool,
}

/// Further choices are not tracked; the end must then be announced.
const MOST_CHOICES: usize = 1024;

impl Ends {
    pub(crate) fn new(expected: Option<u64>, wants_usage: bool) -> Self {
        Ends { expected, wants_usage, known: Vec::new(), several: false }
    }

    fn see(&mut self, choices: &[Document<'_>]) {
        self.several |= choices.len() > 1;
        for choice in choices {
            // If only one choice was requested, its index is ignored.
            let index = choice.get("index").and_then(|index| index.trim_matches('"').parse().ok());
            let index = if self.expected == Some(1) && !self.several { 0 } else { index.unwrap_or_default() };
            let ended = choice.string("finish_reason").is_some_and(|reason| !reason.is_empty());
            match self.known.iter().position(|(known, _)| *known == index) {
                Some(at) => self.known[at].1 |= ended,
                None if self.known.len() <= MOST_CHOICES => self.known.push((index, ended)),
                None => {}
            }
        }
    }

    fn are_all(&self) -> bool {
        let count = self.known.len();
        count > 0
            && count as u64 >= self.expected.unwrap_or(1)
            && count <= MOST_CHOICES
            && self.known.iter().all(|(_, ended)| *ended)
    }
}

/// Reads an event of any kind except an error as JSON.
fn any_event(kind: &str, data: &str) -> Result<Step<()>> {
    match data.trim_ascii() {
        "" => return Ok(Step::Skip),
        "[DONE]" => return Ok(Step::Done),
        _ => {}
    }
    if kind == "error" {
        return Err(error_event(data));
    }
    let document = Document::read(data).map_err(|_| event_error(data).unwrap_or_else(no_json))?;
    if document.get("error").is_some_and(|error| error != "null") {
        return Err(error_event(data));
    }
    records::json(document.mended(data).as_deref().unwrap_or(data));
    Ok(Step::Item(()))
}

/// Reads an event that should have one of these fields. Errors with the error that it has instead. None if it has no content.
fn read<'a>(kind: &str, data: &'a str, fields: &[&str]) -> Result<Option<Document<'a>>> {
    if is_noise(kind, data) {
        return Ok(None);
    }
    if kind == "error" {
        return Err(error_event(data));
    }
    let Ok(document) = Document::read(data) else {
        return Err(event_error(data).unwrap_or_else(no_json));
    };
    if fields.iter().any(|field| document.get(field).is_some()) {
        return Ok(Some(document));
    }
    match event_error(data) {
        Some(error) => Err(error),
        None if data.trim_ascii_start().starts_with('{') => Ok(Some(document)),
        None => Err(unexpected("unexpected_json", &["the answer could not be read: an event is not an object"])),
    }
}

/// Whether an event has no content: no data, or a name other than that of a message or an error, such as a ping. Servers and
/// proxies send them to keep the connection alive.
fn is_noise(kind: &str, data: &str) -> bool {
    if kind != "message" {
        return kind != "error";
    }
    let data = data.trim_ascii();
    let is_ping = |document: &Document<'_>| {
        document.values().len() == 1 && PINGS.contains(&document.string("type").unwrap_or_default().as_str())
    };
    // Events with content are longer.
    matches!(data, "" | "null" | "{}")
        || data.len() <= 64 && data.starts_with('{') && Document::read(data).is_ok_and(|document| is_ping(&document))
}

const PINGS: [&str; 5] = ["ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"];

/// The error in a document that also has other fields, if there is one.
fn beside(document: &Document<'_>) -> Option<Error> {
    let error = document.get("error")?;
    let is_none = |value: Document<'_>| value.values().is_empty();
    let nothing = matches!(error, "null" | "false" | "\"\"")
        || error.starts_with(['{', '[']) && Document::read(error).is_ok_and(is_none);
    if nothing { None } else { event_error(&["{\"error\":", error, "}"].concat()) }
}

/// The error of a choice, also if it only has an error as its finish reason.
fn failed_choice(choice: &Document<'_>) -> Option<Error> {
    let inside = || objects(choice.get("delta")).iter().find_map(beside);
    beside(choice).or_else(inside).or_else(|| ended_by_error(choice, "stream_error"))
}

/// The objects of a list, or a single object instead of a list.
pub(crate) fn objects(json: Option<&str>) -> Vec<Document<'_>> {
    let object = |json: &str| json.starts_with('{');
    match json {
        Some(one) if object(one) => Document::read(one).into_iter().collect(),
        Some(list) if list.starts_with('[') => {
            let Ok(list) = Document::read(list) else { return Vec::new() };
            let some = list.values().iter().take(MOST_CHOICES + 1);
            some.filter(|(_, entry)| object(entry)).filter_map(|(_, entry)| Document::read(entry).ok()).collect()
        }
        _ => Vec::new(),
    }
}

/// Reads a whole response that must have one of these fields, if there are any. Errors with the error that it has instead.
fn whole<'a>(body: &'a str, fields: &'static [&'static str]) -> Result<Document<'a>> {
    // An empty body counts as null if no fields are expected.
    let body = if fields.is_empty() && body.trim_ascii().is_empty() { "null" } else { body };
    if let Some(error) = answer_error(body, fields) {
        return Err(error);
    }
    Document::read(body).map_err(|_| no_json())
}

/// The error of a whole response that was cut because the model was unloaded. It looks complete except for a null `eos_reason`,
/// and null usage although it was requested.
fn cut_by_unload(document: &Document<'_>, choices: &[Document<'_>]) -> Option<Error> {
    let stopped = |choice: &Document<'_>| {
        choice.get("finish_reason") == Some("\"stop\"") && choice.get("eos_reason") == Some("null")
    };
    let cut = document.get("usage") == Some("null") && choices.iter().any(stopped);
    let reason = "the model was unloaded before the generation was complete";
    let hint = "`error.partial` has the text so far; load the model and repeat the request";
    cut.then(|| Error::custom(ErrorKind::Truncated, "generation_cut", reason).with_hint(hint))
}

/// Whether this choice of a chunk has content.
fn says_something(choice: &Document<'_>) -> bool {
    let is_said = |of: &Document<'_>, name: &str| {
        let says = |value: &str| !matches!(value, "null" | "\"\"" | "[]" | "{}");
        of.get(name).is_some_and(says)
    };
    let inside = |name: &str| {
        let said = |of: &Document<'_>| {
            ["content", "reasoning_content", "reasoning", "tool_calls"].iter().any(|name| is_said(of, name))
        };
        objects(choice.get(name)).iter().any(said)
    };
    is_said(choice, "text") || inside("delta") || inside("message")
}

/// The error of a choice of a whole response.
fn failed_whole(choice: &Document<'_>) -> Option<Error> {
    let inside = choice.get("error").and_then(|error| answer_error(&["{\"error\":", error, "}"].concat(), &[]));
    inside.or_else(|| ended_by_error(choice, "server_error"))
}

/// The error of a choice that only has an error as its finish reason.
fn ended_by_error(choice: &Document<'_>, code: &str) -> Option<Error> {
    let failed = choice.string("finish_reason").as_deref() == Some("error");
    failed.then(|| Error::custom(ErrorKind::Server, code, "the generation failed, and the server does not say why"))
}

fn whole_expected() -> Error {
    unexpected("unexpected_json", &["the server answered with events where one answer was expected"])
}

fn no_json() -> Error {
    unexpected("invalid_json", &["the answer could not be read: it is not valid JSON"])
}

fn unexpected(code: &str, message: &[&str]) -> Error {
    Error::custom(ErrorKind::Decode, code, message.concat())
}
