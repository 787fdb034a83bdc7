//! How the parts of a streamed completion are joined, and the request for the rest.

use bytes::Bytes;

use super::{CompletionChunk, CompletionChunkChoice, CompletionRequest, Prompt};
use crate::api::choices::asked_for;
use crate::api::common::FinishReason;
use crate::api::resume::{JoinedHead, ask, read, spend};
use crate::base::{ErrorCode, Extra, InlineVec};
use crate::protocol::resume::joint::{Ask, Join, Piece, Way};

/// Joins the parts of one streamed completion.
#[derive(Default)]
pub(crate) struct CompletionJoin {
    head: JoinedHead,
    text: String,
    /// The number of characters with log probabilities: before this part, and so far.
    before: u64,
    characters: u64,
}

impl CompletionJoin {
    pub(crate) fn boxed() -> Box<dyn Join<CompletionChunk>> {
        Box::new(CompletionJoin::default())
    }
}

impl Join<CompletionChunk> for CompletionJoin {
    fn piece(&self, chunk: &CompletionChunk) -> Piece {
        let usage = chunk.usage.as_deref();
        let mut piece = Piece {
            model: chunk.model.clone(),
            counted: usage.map(|usage| usage.completion_tokens),
            several: chunk.choices.len() > 1,
            ..Piece::default()
        };
        for choice in chunk.choices.iter() {
            piece.text |= !choice.text.is_empty();
            piece.ended |= choice.finish_reason.as_ref().is_some_and(|reason| !reason.as_str().is_empty());
            piece.several |= choice.index > 0;
            if let Some(logprobs) = &choice.logprobs {
                piece.logprobs += logprobs.tokens.len() as u64;
                // This server counts from 0 in each chunk. Other servers count the prompt, or all earlier text.
                piece.apart |= logprobs.text_offset.first().is_some_and(|first| *first > 0);
            }
        }
        piece
    }

    fn taken(&mut self, chunk: &CompletionChunk) {
        self.head.see(&chunk.id, &chunk.object, &chunk.model, chunk.created, chunk.usage.as_deref());
        for choice in chunk.choices.iter() {
            self.text.push_str(&choice.text);
            let tokens = choice.logprobs.iter().flat_map(|logprobs| &logprobs.tokens);
            self.characters += tokens.map(|token| token.chars().count() as u64).sum::<u64>();
        }
    }

    fn join(&mut self, chunk: &mut CompletionChunk) -> bool {
        self.taken(chunk);
        self.head.write(
            &mut chunk.id,
            &mut chunk.object,
            &mut chunk.model,
            &mut chunk.created,
            chunk.usage.as_deref_mut(),
        );
        for logprobs in chunk.choices.iter_mut().filter_map(|choice| choice.logprobs.as_deref_mut()) {
            if logprobs.text_offset.first().is_some_and(|first| *first > 0) {
                logprobs.text_offset.iter_mut().for_each(|offset| *offset = offset.saturating_add(self.before));
            }
        }
        let says = |choice: &CompletionChunkChoice| {
            !choice.text.is_empty() || choice.finish_reason.is_some() || choice.logprobs.is_some()
        };
        chunk.usage.is_some() || !chunk.extra.is_empty() || chunk.choices.iter().any(says)
    }

    fn next_part(&mut self) {
        self.head.next_part();
        self.before = self.characters;
    }

    fn ask(&self, body: &Bytes) -> Result<Ask, ErrorCode> {
        let request: CompletionRequest = read(body)?;
        let choices = match &request.prompt {
            Prompt::Many(prompts) if prompts.len() != 1 => None,
            _ => asked_for(request.n, [&request.extra, &Extra::new()]),
        };
        Ok(ask(choices, request.response_format.as_ref(), &request.sampling, &request.extra))
    }

    fn rest(&mut self, body: &Bytes, tokens: u64, _: Way) -> Result<Bytes, ErrorCode> {
        let mut request: CompletionRequest = read(body)?;
        spend(&mut request.sampling, &request.extra, tokens);
        match &mut request.prompt {
            Prompt::One(prompt) => prompt.push_str(&self.text),
            Prompt::Many(prompts) => match &mut prompts[..] {
                [prompt] => prompt.push_str(&self.text),
                _ => return Err(ErrorCode::SeveralChoices),
            },
        }
        request.write(Some(true)).ok().flatten().ok_or(ErrorCode::NotResumable)
    }

    fn ending(&mut self) -> CompletionChunk {
        let choice =
            CompletionChunkChoice { finish_reason: Some(FinishReason::Length), ..CompletionChunkChoice::default() };
        let mut chunk = CompletionChunk { choices: InlineVec::one(choice), ..CompletionChunk::default() };
        self.head.write(&mut chunk.id, &mut chunk.object, &mut chunk.model, &mut chunk.created, None);
        chunk
    }
}
