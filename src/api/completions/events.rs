//! The event format of a streamed completion.

use std::borrow::Cow;

use super::chunk::chunks;
use super::logprobs::logprobs;
use super::{Completion, CompletionChunk, CompletionChunkChoice, CompletionLogprobs};
use crate::api::chat::events::Shared;
use crate::api::choices::{Choices, whole_choices};
use crate::api::common::{cut_by_unload, failed_choice};
use crate::api::kinds::Kind;
use crate::base::{Advice, Error, ErrorCode, Extra, InlineVec, Limits, Remedy, Result, Text};
use crate::decode::{
    Bounds, EventFormat, Exact, Halves, Slot, Step, Templates, answer, error_beside, event_error, from_frequent_event,
    from_json, is_noise,
};

/// Decodes the events of `POST /v1/completions`: chunks, errors, `[DONE]`.
#[derive(Debug)]
pub struct CompletionEvents {
    seen: Shared,
    templates: Templates<CompletionChunk>,
    halves: Halves,
    choices: Choices,
    bounded: bool,
    bounds: Bounds,
    /// Usage was requested, so a response without it was cut.
    wants_usage: bool,
    /// The error of a whole response.
    fault: Option<Error>,
}

impl CompletionEvents {
    /// Creates a format for one stream. `bounded` is whether the request set `max_tokens`, without which the current server fails.
    pub fn new(bounded: bool) -> Self {
        CompletionEvents {
            seen: Shared::default(),
            templates: Templates::default(),
            halves: Halves::default(),
            choices: Choices::default(),
            bounded,
            bounds: Bounds::default(),
            wants_usage: false,
            fault: None,
        }
    }

    /// Sets the number of choices, if known, and whether usage was requested.
    pub(super) fn expecting(self, choices: Option<u64>, wants_usage: bool) -> Self {
        CompletionEvents { choices: Choices::expecting(choices), wants_usage, ..self }
    }

    /// Normalizes a chunk, and returns the error that it carries.
    fn settle(&mut self, chunk: &mut CompletionChunk, data: &str) -> Option<Error> {
        let count = chunk.choices.len();
        let mut error = error_beside(&chunk.extra);
        for choice in chunk.choices.iter_mut() {
            let reason = choice.finish_reason.as_ref();
            error = error.or_else(|| error_beside(&choice.extra)).or_else(|| failed_choice(reason));
            self.choices.see(&mut choice.index, count, reason.is_some_and(|reason| !reason.as_str().is_empty()));
        }
        let empty = count == 0 && chunk.usage.is_none();
        error.or_else(|| if empty || chunk.object == "error" { event_error(data) } else { None })
    }

    fn map_error(&self, error: Error) -> Error {
        if self.bounded || error.code() != &ErrorCode::GenerationAborted {
            return error;
        }
        error.with_advice(Advice::new(
            Remedy::Give,
            "set {field:max_tokens}: the server fails on streamed completions without it",
        ))
    }
}

impl EventFormat for CompletionEvents {
    type Item = CompletionChunk;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<CompletionChunk>> {
        if data.trim_ascii() == "[DONE]" {
            return Ok(Step::Done);
        }
        if is_noise(kind, data) {
            return Ok(Step::Skip);
        }
        if kind == "message"
            && self.halves.is_empty()
            && let Some(chunk) = self.templates.known_whole(data)
        {
            return Ok(Step::Item(chunk));
        }
        let joined = self.halves.join(data, &self.bounds);
        let mut chunk: CompletionChunk = from_frequent_event(kind, &joined, &self.bounds.joined(&joined, data))
            .map_err(|error| self.map_error(error))?;
        let error = self.settle(&mut chunk, &joined).map(|error| self.map_error(error));
        self.seen.share(&mut chunk.id, &mut chunk.object, &mut chunk.model);
        match error {
            Some(error) if chunk.choices.iter().any(|choice| !choice.text.is_empty()) => Ok(Step::Last(chunk, error)),
            Some(error) => Err(error),
            None => {
                if matches!(joined, Cow::Borrowed(_)) {
                    let bounds = &self.bounds;
                    self.templates.learn(data, &chunk, bounds, |data| from_frequent_event(kind, data, bounds).ok());
                }
                Ok(Step::Item(chunk))
            }
        }
    }

    #[inline]
    fn known(&mut self, bytes: &[u8]) -> Option<(usize, Text)> {
        if self.halves.is_empty() { self.templates.known(bytes) } else { None }
    }

    #[inline]
    fn known_item(&mut self, text: Text, place: &mut Option<CompletionChunk>) {
        self.templates.item(text, place);
    }

    fn whole(&mut self, body: &str) -> Result<Vec<CompletionChunk>> {
        let whole = answer::<Completion>(body, Some(Completion::FIELDS), &self.bounds)?;
        let choices = whole.choices.iter().map(|choice| (&choice.extra, &choice.finish_reason));
        self.fault = whole_choices(choices).err();
        if self.fault.is_none() && self.wants_usage {
            self.fault = cut_by_unload(body, whole.text());
        }
        Ok(chunks(whole))
    }

    fn whole_end(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn held(&mut self) -> Option<CompletionChunk> {
        let mut chunk: CompletionChunk = from_json(&self.halves.flush()?.to_string()).ok()?;
        self.seen.share(&mut chunk.id, &mut chunk.object, &mut chunk.model);
        Some(chunk)
    }

    /// Servers may omit `[DONE]`. The end of every choice means the same.
    fn end(&mut self) -> Result<()> {
        if self.choices.all_ended() { Ok(()) } else { Err(Error::truncated()) }
    }

    fn reset(&mut self) {
        let mut choices = std::mem::take(&mut self.choices);
        choices.reset();
        *self = CompletionEvents { choices, wants_usage: self.wants_usage, ..CompletionEvents::new(self.bounded) };
    }

    fn limits(&mut self, limits: &Limits) {
        self.bounds = Bounds::of(limits);
    }
}

/// A chunk that has only text, with the text removed.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    id: Text,
    object: Text,
    created: u64,
    model: Text,
    index: u32,
}

impl Slot for CompletionChunk {
    type Brief = Brief;
    type Details = CompletionLogprobs;

    fn slot(&mut self) -> Option<&mut Text> {
        let [choice] = &mut self.choices[..] else { return None };
        if choice.logprobs.is_none() { Some(&mut choice.text) } else { None }
    }

    fn may_have_slot(&self) -> bool {
        self.choices.len() == 1
    }

    fn details(&mut self) -> Option<&mut Option<Box<CompletionLogprobs>>> {
        let [choice] = &mut self.choices[..] else { return None };
        Some(&mut choice.logprobs)
    }

    fn read_details(exact: &mut Exact<'_>) -> Option<CompletionLogprobs> {
        logprobs(exact)
    }

    fn time(&mut self) -> &mut u64 {
        &mut self.created
    }

    fn brief(&self) -> Option<Brief> {
        let [choice] = &self.choices[..] else { return None };
        Some(Brief {
            id: self.id.clone(),
            object: self.object.clone(),
            created: self.created,
            model: self.model.clone(),
            index: choice.index,
        })
    }

    // Not inlined, so that each field is written into its place, and not moved there.
    #[inline(never)]
    fn expand(brief: &Brief, text: Text, place: &mut Option<CompletionChunk>) {
        let brief = brief.clone();
        *place = Some(CompletionChunk {
            id: brief.id,
            object: brief.object,
            choices: InlineVec::one(CompletionChunkChoice {
                index: brief.index,
                text,
                finish_reason: None,
                eos_reason: None,
                logprobs: None,
                extra: Extra::new(),
            }),
            created: brief.created,
            usage: None,
            model: brief.model,
            extra: Extra::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use crate::protocol::Accumulate;

    const ABORTED: &str =
        r#"{"error":{"message":"Completion aborted. Please check the server console.","trace":null}}"#;

    #[test]
    fn a_missing_max_tokens_is_hinted_at() {
        let error = CompletionEvents::new(false).event("message", ABORTED).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Server, "generation_aborted"));
        assert!(error.hint().unwrap().contains("max_tokens"));
        let error = CompletionEvents::new(true).event("message", ABORTED).unwrap_err();
        assert!(!error.hint().unwrap_or_default().contains("max_tokens"));
    }

    #[test]
    fn a_whole_answer_accumulates_to_itself() {
        let body = r#"{"id":"cmpl-1","choices":[{"index":0,"finish_reason":"length","eos_reason":"max_new_tokens","logprobs":{"tokens":["E","ch"],"token_logprobs":[-0.1,null],"top_logprobs":[{"E":-0.1},null],"text_offset":[0,1]},"text":"Ech"},{"index":1,"finish_reason":"stop","text":""}],"created":1,"model":"m","object":"text_completion","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        let mut total = crate::api::completions::CompletionTotal::new(&Limits::default());
        for chunk in CompletionEvents::new(true).whole(body).unwrap() {
            total.push(&chunk).unwrap();
        }
        assert_eq!(total.into_output(), crate::decode::from_json::<Completion>(body).unwrap());
    }
}
