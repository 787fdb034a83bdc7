//! What the events and bodies of each kind of answer mean, without typed models: the package's types are TypeScript's.

use tabbyapi::decode::{Document, EventFormat, Step, plain_event_error};
use tabbyapi::{Error, ErrorKind, Result};

use crate::records;
use crate::template::{Match, Templates};

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One JSON body, with this field in it; empty if anything will do.
    Body(&'static str),
    /// Chunks of a generation, up to `[DONE]`; `unbounded` if it is a completion without `max_tokens`.
    Chunks { unbounded: bool },
    /// The progress of a load.
    Load,
    /// Pieces of text of the KoboldAI API.
    Kobold,
}

/// Reads events, and writes records of them.
pub(crate) struct Format {
    kind: Kind,
    templates: Templates,
    /// The model itself was finished, after which a load may end.
    loaded: bool,
    /// Whether the text of what was recognized last is escaped; the text lies in `text`.
    found: Option<bool>,
    text: String,
}

impl Format {
    pub(crate) fn new(kind: Kind) -> Self {
        Format { kind, templates: Templates::new(), loaded: false, found: None, text: String::new() }
    }

    fn chunk(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        if data.trim_ascii() == "[DONE]" {
            return Ok(Step::Done);
        }
        let document = read(kind, data, &["choices"])?;
        // A chunk without content may be an error whose key does not stand first.
        let empty = |value: &str| value.starts_with('[') && value[1..].trim_ascii_start() == "]";
        if document.get("choices").is_some_and(empty)
            && document.get("usage").is_none_or(|usage| usage == "null")
            && let Some(error) = plain_event_error(data)
        {
            return Err(error);
        }
        let mended = document.mended(data);
        if mended.is_none() && kind == "message" {
            self.templates.learn(data);
        }
        records::json(mended.as_deref().unwrap_or(data));
        Ok(Step::Item(()))
    }

    /// The progress of a load: complete only if the connection ends cleanly after the model itself was finished.
    fn progress(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        let document = read(kind, data, &["model_type", "status"])?;
        if document.get("model_type") == Some("\"model\"") {
            self.loaded = document.get("status") == Some("\"finished\"");
        }
        records::json(document.mended(data).as_deref().unwrap_or(data));
        Ok(Step::Item(()))
    }

    fn explain(&self, error: Error) -> Error {
        if self.kind == (Kind::Chunks { unbounded: true }) && error.code() == "generation_aborted" {
            return error.with_hint("set `max_tokens`: the server fails on streamed completions without it");
        }
        error
    }
}

impl EventFormat for Format {
    type Item = ();
    const KEEPS_EXTRA: bool = false;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<()>> {
        match self.kind {
            Kind::Chunks { .. } => self.chunk(kind, data).map_err(|error| self.explain(error)),
            Kind::Load => self.progress(kind, data),
            Kind::Kobold => {
                let document = read(kind, data, &["token"])?;
                records::json(document.mended(data).as_deref().unwrap_or(data));
                Ok(Step::Item(()))
            }
            Kind::Body(_) => {
                Err(unexpected("unexpected_json", &["the server answered with events where one answer was expected"]))
            }
        }
    }

    #[inline]
    fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        let Match { start, end, escaped, length } = self.templates.known(bytes)?;
        self.found = Some(escaped);
        self.text.clear();
        self.text.push_str(std::str::from_utf8(bytes.get(start..end)?).ok()?);
        Some(length)
    }

    #[inline]
    fn known_item(&mut self) -> Option<()> {
        self.templates.write(&self.text, self.found.take()?);
        Some(())
    }

    fn whole(&mut self, body: &str) -> Result<Vec<()>> {
        let (field, write): (&str, fn(&str)) = match self.kind {
            Kind::Body(field) => (field, records::json),
            Kind::Chunks { .. } => ("choices", records::whole),
            Kind::Kobold => ("results", records::whole),
            Kind::Load => {
                self.event("message", body)?;
                return self.end().map(|()| vec![()]);
            }
        };
        let document = read("message", body, if field.is_empty() { &[] } else { std::slice::from_ref(&field) })?;
        write(document.mended(body).as_deref().unwrap_or(body));
        Ok(vec![()])
    }

    fn end(&mut self) -> Result<()> {
        match self.kind {
            Kind::Load if self.loaded => Ok(()),
            // The stream just closes.
            Kind::Kobold => Ok(()),
            _ => Err(Error::truncated()),
        }
    }

    fn reset(&mut self) {
        *self = Format::new(self.kind);
    }
}

/// Reads an event or a body that must have these fields; the error that it carries in their place.
fn read<'a>(kind: &str, data: &'a str, fields: &[&str]) -> Result<Document<'a>> {
    let body = data.trim_ascii_start().strip_prefix('{');
    let marked = kind == "error" || body.is_some_and(|rest| rest.trim_ascii_start().starts_with("\"error\""));
    if let Some(error) = marked.then(|| plain_event_error(data)).flatten() {
        return Err(error);
    }
    match Document::read(data) {
        Ok(document) => match fields.iter().find(|field| document.get(field).is_none()) {
            Some(missing) => Err(plain_event_error(data).unwrap_or_else(|| {
                unexpected("unexpected_json", &["the answer could not be read: it has no `", missing, "`"])
            })),
            None => Ok(document),
        },
        Err(_) => Err(unexpected("invalid_json", &["the answer could not be read: it is no valid JSON"])),
    }
}

fn unexpected(code: &str, message: &[&str]) -> Error {
    Error::custom(ErrorKind::Decode, code, message.concat())
}
