//! What the events of a streamed completion mean.

use super::chunk::chunks;
use super::{Completion, CompletionChunk};
use crate::api::chat::events::{Shared, said_otherwise};
use crate::api::kinds::{Kind, whole_choices};
use crate::decode::{Bounds, EventFormat, Slot, Step, Templates, answer, from_event};
use crate::{Advice, Error, Limits, Remedy, Result, Text};

/// Reads the events of `POST /v1/completions`: chunks, an error in place of one, `[DONE]`.
#[derive(Debug)]
pub struct CompletionEvents {
    seen: Shared,
    templates: Templates<CompletionChunk>,
    bounded: bool,
    bounds: Bounds,
}

impl CompletionEvents {
    /// For one stream; `bounded` tells whether the request set `max_tokens`, without which the current server fails.
    pub fn new(bounded: bool) -> Self {
        CompletionEvents {
            seen: Shared::default(),
            templates: Templates::default(),
            bounded,
            bounds: Bounds::default(),
        }
    }

    fn explain(&self, error: Error) -> Error {
        if self.bounded || error.code() != "generation_aborted" {
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
        if kind == "message"
            && let Some(chunk) = self.templates.known_whole(data)
        {
            return Ok(Step::Item(chunk));
        }
        let mut chunk = plain(kind, data, &self.bounds).map_err(|error| self.explain(error))?;
        self.seen.share(&mut chunk.id, &mut chunk.object, &mut chunk.model);
        if kind == "message" {
            let bounds = &self.bounds;
            self.templates.learn(data, &chunk, |data| plain(kind, data, bounds).ok());
        }
        Ok(Step::Item(chunk))
    }

    fn known(&mut self, bytes: &[u8]) -> Option<usize> {
        self.templates.known(bytes)
    }

    fn known_item(&mut self) -> Option<CompletionChunk> {
        self.templates.item()
    }

    fn whole(&mut self, body: &str) -> Result<Vec<CompletionChunk>> {
        let whole = answer::<Completion>(body, Some(Completion::FIELDS), &self.bounds)?;
        whole_choices(whole.choices.iter().map(|choice| (&choice.extra, &choice.finish_reason)))?;
        Ok(chunks(whole))
    }

    fn end(&mut self) -> Result<()> {
        Err(Error::truncated())
    }

    fn reset(&mut self) {
        *self = CompletionEvents::new(self.bounded);
    }

    fn limits(&mut self, limits: &Limits) {
        self.bounds = Bounds::of(limits);
    }
}

fn plain(kind: &str, data: &str, bounds: &Bounds) -> Result<CompletionChunk> {
    let chunk: CompletionChunk = from_event(kind, data, bounds)?;
    if chunk.choices.is_empty() && chunk.usage.is_none() {
        said_otherwise(data)?;
    }
    Ok(chunk)
}

impl Slot for CompletionChunk {
    fn slot(&mut self) -> Option<&mut Text> {
        match &mut self.choices[..] {
            // Log probabilities differ from chunk to chunk.
            [choice] if choice.logprobs.is_none() => Some(&mut choice.text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accumulate, ErrorKind};

    const ABORTED: &str =
        r#"{"error":{"message":"Completion aborted. Please check the server console.","trace":null}}"#;

    #[test]
    fn a_missing_max_tokens_is_hinted_at() {
        let error = CompletionEvents::new(false).event("message", ABORTED).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Server, "generation_aborted"));
        assert!(error.hint().unwrap().contains("max_tokens"));
        let error = CompletionEvents::new(true).event("message", ABORTED).unwrap_err();
        assert!(!error.hint().unwrap_or_default().contains("max_tokens"));
    }

    #[test]
    fn a_whole_answer_accumulates_to_itself() {
        let body = r#"{"id":"cmpl-1","choices":[{"index":0,"finish_reason":"length","eos_reason":"max_new_tokens","logprobs":{"tokens":["E","ch"],"token_logprobs":[-0.1,null],"top_logprobs":[{"E":-0.1},null],"text_offset":[0,1]},"text":"Ech"},{"index":1,"finish_reason":"stop","text":""}],"created":1,"model":"m","object":"text_completion","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        let mut total = super::super::CompletionTotal::new(&Limits::default());
        for chunk in CompletionEvents::new(true).whole(body).unwrap() {
            total.push(&chunk).unwrap();
        }
        assert_eq!(total.into_output(), crate::decode::from_json::<Completion>(body).unwrap());
    }
}
