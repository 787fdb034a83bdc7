//! How the parts of a streamed conversation are joined, and the request for the rest.

use bytes::Bytes;

use super::{ChatChunk, ChatMessage, ChatRequest, ChunkChoice};
use crate::api::choices::asked_for;
use crate::api::common::FinishReason;
use crate::api::resume::{JoinedHead, ask, read, spend};
use crate::base::{ErrorCode, Extra, InlineVec};
use crate::protocol::resume::joint::{Ask, Join, Piece, Way};

/// Joins the parts of one streamed conversation.
#[derive(Default)]
pub(crate) struct ChatJoin {
    head: JoinedHead,
    text: String,
    reasoning: String,
    /// Whether the role was sent.
    named: bool,
}

impl ChatJoin {
    pub(crate) fn boxed() -> Box<dyn Join<ChatChunk>> {
        Box::new(ChatJoin::default())
    }
}

impl Join<ChatChunk> for ChatJoin {
    fn piece(&self, chunk: &ChatChunk) -> Piece {
        let usage = chunk.usage.as_deref();
        let mut piece = Piece {
            model: chunk.model.clone(),
            counted: usage.map(|usage| usage.completion_tokens),
            several: chunk.choices.len() > 1,
            ..Piece::default()
        };
        for choice in chunk.choices.iter() {
            let delta = &choice.delta;
            let [text, reasoning] =
                [&delta.content, &delta.reasoning_content].map(|text| text.as_deref().unwrap_or_default());
            piece.text |= !text.is_empty();
            piece.reasoning |= !reasoning.is_empty();
            piece.calls |= !delta.tool_calls.is_empty() || delta.extra.contains_key("function_call");
            piece.ended |= choice.finish_reason.as_ref().is_some_and(|reason| !reason.as_str().is_empty());
            piece.several |= choice.index > 0;
            piece.logprobs += choice.logprobs.as_ref().map_or(0, |logprobs| logprobs.content.len() as u64);
        }
        piece
    }

    fn taken(&mut self, chunk: &ChatChunk) {
        self.head.see(&chunk.id, &chunk.object, &chunk.model, chunk.created, chunk.usage.as_deref());
        for choice in chunk.choices.iter() {
            self.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            self.reasoning.push_str(choice.delta.reasoning_content.as_deref().unwrap_or_default());
            self.named |= choice.delta.role.is_some();
        }
    }

    fn join(&mut self, chunk: &mut ChatChunk) -> bool {
        let named = self.named;
        self.taken(chunk);
        self.head.write(
            &mut chunk.id,
            &mut chunk.object,
            &mut chunk.model,
            &mut chunk.created,
            chunk.usage.as_deref_mut(),
        );
        for choice in chunk.choices.iter_mut().filter(|_| named) {
            choice.delta.role = None;
        }
        let says = |choice: &ChunkChoice| {
            choice.delta != Default::default() || choice.finish_reason.is_some() || choice.logprobs.is_some()
        };
        chunk.usage.is_some() || !chunk.extra.is_empty() || chunk.choices.iter().any(says)
    }

    fn next_part(&mut self) {
        self.head.next_part();
    }

    fn ask(&self, body: &Bytes) -> Result<Ask, ErrorCode> {
        let request: ChatRequest = read(body)?;
        let choices = asked_for(request.n, [&request.extra, &Extra::new()]);
        let asked = ask(choices, request.response_format.as_ref(), &request.sampling, &request.extra);
        let continues = request.continue_final_message == Some(true);
        Ok(Ask { opens: request.add_generation_prompt != Some(false), continues, ..asked })
    }

    fn rest(&mut self, body: &Bytes, tokens: u64, way: Way) -> Result<Bytes, ErrorCode> {
        let mut request: ChatRequest = read(body)?;
        spend(&mut request.sampling, &request.extra, tokens);
        let said = request.response_prefix.take().unwrap_or_default() + &self.text;
        match way {
            Way::Prefix => request.response_prefix = Some(said),
            Way::Message => {
                // Templates and the server trim messages. A prefix is not trimmed.
                let text = said.trim_end();
                let blank = &said[text.len()..];
                request.response_prefix = (!blank.is_empty()).then(|| blank.to_owned());
                let thought = (!self.reasoning.is_empty()).then(|| self.reasoning.clone());
                request.messages.push(ChatMessage { reasoning_content: thought, ..ChatMessage::assistant(text) });
                request.continue_final_message = Some(true);
                request.add_generation_prompt = Some(false);
            }
        }
        request.write(Some(true)).ok().flatten().ok_or(ErrorCode::NotResumable)
    }

    fn ending(&mut self) -> ChatChunk {
        let choice = ChunkChoice { finish_reason: Some(FinishReason::Length), ..ChunkChoice::default() };
        let mut chunk = ChatChunk { choices: InlineVec::one(choice), ..ChatChunk::default() };
        self.head.write(&mut chunk.id, &mut chunk.object, &mut chunk.model, &mut chunk.created, None);
        chunk
    }
}
