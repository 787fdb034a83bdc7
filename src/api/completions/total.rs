//! Accumulates the chunks of a streamed completion.

use super::{Completion, CompletionChoice, CompletionChunk, CompletionChunkChoice, CompletionLogprobs, LikelyTokens};
use crate::api::budget::{Budget, insert};
use crate::base::{Limits, Result};
use crate::protocol::Accumulate;

/// Accumulates [`CompletionChunk`]s into the [`Completion`] that the request would have returned without streaming.
#[derive(Clone, Debug)]
pub struct CompletionTotal {
    /// `choices` are sorted by index, each index once.
    answer: Completion,
    budget: Budget,
}

impl CompletionTotal {
    /// Creates an empty accumulator.
    pub fn new(limits: &Limits) -> Self {
        let answer = Completion { object: "text_completion".into(), ..Completion::default() };
        CompletionTotal { answer, budget: Budget::new(limits) }
    }

    fn push_choice(&mut self, piece: &CompletionChunkChoice) -> Result<()> {
        let at = match self.answer.choices.binary_search_by_key(&piece.index, |choice| choice.index) {
            Ok(at) => at,
            Err(at) => {
                self.budget.one_more(self.answer.choices.len(), "choices")?;
                self.budget.take(size_of::<CompletionChoice>())?;
                let choice = CompletionChoice { index: piece.index, ..CompletionChoice::default() };
                insert(&mut self.answer.choices, at, choice);
                at
            }
        };
        let (choice, budget) = (&mut self.answer.choices[at], &mut self.budget);
        budget.append(&mut choice.text, &piece.text)?;
        if let Some(logprobs) = &piece.logprobs {
            push_logprobs(choice.logprobs.get_or_insert_default(), logprobs, budget)?;
        }
        // Some servers send "" before the end.
        if let Some(reason) = piece.finish_reason.as_ref().filter(|reason| !reason.as_str().is_empty()) {
            choice.finish_reason = Some(reason.clone());
        }
        if let Some(reason) = piece.eos_reason.as_ref().filter(|reason| !reason.as_str().is_empty()) {
            choice.eos_reason = Some(reason.clone());
        }
        budget.merge(&mut choice.extra, &piece.extra, &[])
    }
}

impl Accumulate for CompletionTotal {
    type Item = CompletionChunk;
    type Output = Completion;

    fn push(&mut self, chunk: &CompletionChunk) -> Result<()> {
        let answer = &mut self.answer;
        if answer.id.is_empty() {
            answer.id = chunk.id.clone();
        }
        if answer.model.is_empty() {
            answer.model = chunk.model.clone();
        }
        if answer.created == 0 {
            answer.created = chunk.created;
        }
        if let Some(usage) = &chunk.usage {
            answer.usage = Some((**usage).clone());
        }
        self.budget.merge(&mut answer.extra, &chunk.extra, &[])?;
        chunk.choices.iter().try_for_each(|piece| self.push_choice(piece))
    }

    fn so_far(&self) -> &Completion {
        &self.answer
    }

    fn into_output(self) -> Completion {
        self.answer
    }
}

fn push_logprobs(to: &mut CompletionLogprobs, from: &CompletionLogprobs, budget: &mut Budget) -> Result<()> {
    let lists = size_of_val(&*from.tokens) + size_of_val(&*from.token_logprobs) + size_of_val(&*from.top_logprobs);
    let tokens: usize = from.tokens.iter().map(|token| token.len()).sum();
    let tops: usize = from.top_logprobs.iter().flatten().map(LikelyTokens::weight).sum();
    // Lists double as they grow.
    budget.take(2 * (lists + size_of_val(&*from.text_offset)) + tokens + tops)?;

    // This server counts from 0 in each chunk. Other offsets are kept unchanged.
    let restarts = from.text_offset.first() == Some(&0);
    let base = match (restarts, to.text_offset.last(), to.tokens.last()) {
        (true, Some(offset), Some(token)) => offset.saturating_add(token.chars().count() as u64),
        _ => 0,
    };
    to.text_offset.extend(from.text_offset.iter().map(|offset| offset.saturating_add(base)));
    to.tokens.extend_from_slice(&from.tokens);
    to.token_logprobs.extend_from_slice(&from.token_logprobs);
    to.top_logprobs.extend_from_slice(&from.top_logprobs);
    budget.merge(&mut to.extra, &from.extra, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use serde_json::{Value, from_value, json};

    fn add(limits: &Limits, choices: &[Value]) -> Result<Completion> {
        let mut total = CompletionTotal::new(limits);
        for choice in choices {
            total
                .push(&from_value(json!({"id": "a", "model_name": "m", "created": 1, "choices": [choice]})).unwrap())?;
        }
        Ok(total.into_output())
    }

    #[test]
    fn choices_interleave() {
        let answer = add(
            &Limits::default(),
            &[
                json!({"index": 3, "text": "d"}),
                json!({"index": 0, "text": "a"}),
                json!({"index": 3, "text": "d", "finish_reason": "stop"}),
                json!({"index": 0, "text": "", "finish_reason": "length", "eos_reason": "max_new_tokens"}),
            ],
        )
        .unwrap();
        let texts: Vec<_> = answer.choices.iter().map(|c| (c.index, c.text.as_str())).collect();
        assert_eq!(texts, [(0, "a"), (3, "dd")]);
        assert_eq!(answer.choices[0].finish_reason.as_ref().unwrap(), &"length");
        assert_eq!((&*answer.model, &*answer.object), ("m", "text_completion"));
    }

    #[test]
    fn offsets_count_from_the_beginning_of_the_text() {
        let piece = |tokens: &[&str], offsets: &[u64]| {
            json!({"text": tokens.concat(), "logprobs": {"tokens": tokens, "token_logprobs": vec![-1.0; tokens.len()],
                "top_logprobs": vec![Value::Null; tokens.len()], "text_offset": offsets}})
        };
        let answer =
            add(&Limits::default(), &[piece(&["É"], &[0]), piece(&["ch", "o"], &[0, 2]), piece(&["!"], &[0])]).unwrap();
        let logprobs = answer.choices[0].logprobs.as_ref().unwrap();
        assert_eq!(logprobs.text_offset, [0, 1, 3, 4]);
        assert_eq!(logprobs.tokens, ["É", "ch", "o", "!"]);
        let absolute = add(&Limits::default(), &[piece(&["É"], &[0]), piece(&["ch"], &[1])]).unwrap();
        assert_eq!(absolute.choices[0].logprobs.as_ref().unwrap().text_offset, [0, 1]);
    }

    #[test]
    fn caps_are_errors() {
        let limits = Limits { indices: 2, accumulated: 4096, ..Limits::default() };
        let many: Vec<_> = (0..3).map(|index| json!({"index": index * 1_000_000_000u32, "text": ""})).collect();
        assert_eq!(add(&limits, &many).unwrap_err().code().as_str(), "too_many_indices");
        let long = json!({"text": "x".repeat(3000)});
        assert_eq!(add(&limits, &[long.clone(), long]).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
