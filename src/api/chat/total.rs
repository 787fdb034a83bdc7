//! Accumulates the chunks of a streamed conversation.

use serde::de::IgnoredAny;

use super::extras::push_extra;
use super::{
    ChatChoice, ChatChunk, ChatCompletion, ChatLogprobs, ChatMessage, ChunkChoice, Content, Role, ToolCall,
    ToolCallDelta,
};
use crate::api::budget::{Budget, extra_weight, insert};
use crate::base::{Limits, Result};
use crate::protocol::Accumulate;

/// Accumulates [`ChatChunk`]s into the [`ChatCompletion`] that the request would have returned without streaming.
///
/// Choices are kept by index. Parts of tool calls are assigned by id, then by index, then to the latest call. A call can grow
/// until the stream ends, even if its arguments are already valid JSON. A part with a name starts another call, unless it
/// continues a call: ids may change between parts, and names may arrive in parts before the arguments.
#[derive(Clone, Debug)]
pub struct ChatTotal {
    /// `choices` are sorted by index, each index once.
    answer: ChatCompletion,
    /// `latest[i]` belongs to `answer.choices[i]`: the position of the tool call that was extended last.
    latest: Vec<usize>,
    /// How many bytes of arguments may still be inspected to separate calls.
    looks: usize,
    budget: Budget,
}

/// The maximum number of bytes of arguments inspected in a stream. A server that repeats names with each part could otherwise cause
/// quadratic work.
const LOOKS: usize = 1 << 20;

impl ChatTotal {
    /// Creates an empty accumulator.
    pub fn new(limits: &Limits) -> Self {
        let answer = ChatCompletion { object: "chat.completion".into(), ..ChatCompletion::default() };
        ChatTotal { answer, latest: Vec::new(), looks: LOOKS, budget: Budget::new(limits) }
    }

    fn push_choice(&mut self, piece: &ChunkChoice) -> Result<()> {
        let at = match self.answer.choices.binary_search_by_key(&piece.index, |choice| choice.index) {
            Ok(at) => at,
            Err(at) => {
                self.budget.one_more(self.answer.choices.len(), "choices")?;
                self.budget.take(size_of::<ChatChoice>())?;
                let message = ChatMessage { role: Role::Assistant, ..ChatMessage::default() };
                let choice = ChatChoice { index: piece.index, message, ..ChatChoice::default() };
                insert(&mut self.answer.choices, at, choice);
                insert(&mut self.latest, at, 0);
                at
            }
        };
        let (choice, budget) = (&mut self.answer.choices[at], &mut self.budget);
        let (message, delta) = (&mut choice.message, &piece.delta);
        if let Some(role) = delta.role.as_ref().filter(|role| !role.as_str().is_empty()) {
            message.role = role.clone();
        }
        if let Some(text) = &delta.content {
            // Only text is ever stored here.
            if let Content::Text(content) = message.content.get_or_insert_with(|| Content::Text(String::new())) {
                budget.append(content, text)?;
            }
        }
        if let Some(text) = &delta.reasoning_content {
            budget.append(message.reasoning_content.get_or_insert_default(), text)?;
        }
        if !delta.tool_calls.is_empty() {
            push_calls(&mut message.tool_calls, &mut self.latest[at], &delta.tool_calls, &mut self.looks, budget)?;
        }
        push_extra(message, &delta.extra, budget)?;
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
        if let Some(stop) = &piece.stop_str {
            choice.stop_str = Some(stop.clone());
        }
        budget.merge(&mut choice.extra, &piece.extra, &["message"])
    }
}

impl Accumulate for ChatTotal {
    type Item = ChatChunk;
    type Output = ChatCompletion;

    fn push(&mut self, chunk: &ChatChunk) -> Result<()> {
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

    fn so_far(&self) -> &ChatCompletion {
        &self.answer
    }

    fn into_output(self) -> ChatCompletion {
        self.answer
    }
}

fn push_logprobs(to: &mut ChatLogprobs, from: &ChatLogprobs, budget: &mut Budget) -> Result<()> {
    for token in &from.content {
        let top: usize =
            token.top_logprobs.iter().map(|top| size_of_val(top) + top.token.len() + extra_weight(&top.extra)).sum();
        budget.take(2 * size_of_val(token) + token.token.len() + extra_weight(&token.extra) + top)?;
        to.content.push(token.clone());
    }
    budget.merge(&mut to.extra, &from.extra, &[])
}

fn push_calls(
    calls: &mut Vec<ToolCall>,
    latest: &mut usize,
    pieces: &[ToolCallDelta],
    looks: &mut usize,
    budget: &mut Budget,
) -> Result<()> {
    // One chunk never has two named parts of one call. What looks like that are two calls with a repeated index.
    let mut touched: Vec<usize> = Vec::new();
    for piece in pieces {
        let at = match route(calls, *latest, piece, &touched, looks) {
            Some(at) => at,
            None => {
                budget.one_more(calls.len(), "tool calls in a choice")?;
                budget.take(size_of::<ToolCall>())?;
                let at = match piece.index {
                    // After those with the same index, so that they keep their order.
                    Some(index) => {
                        calls.iter().rposition(|c| c.index.is_none_or(|other| other <= index)).map_or(0, |at| at + 1)
                    }
                    None => calls.len(),
                };
                calls.insert(at, ToolCall { index: piece.index, ..ToolCall::default() });
                for position in &mut touched {
                    *position += usize::from(*position >= at);
                }
                at
            }
        };
        *latest = at;
        touched.push(at);
        push_call(&mut calls[at], piece, budget)?;
    }
    Ok(())
}

/// The call that a part belongs to, or `None` if it starts a new one.
fn route(
    calls: &[ToolCall],
    latest: usize,
    piece: &ToolCallDelta,
    touched: &[usize],
    looks: &mut usize,
) -> Option<usize> {
    let id = piece.id.as_deref().unwrap_or_default();
    let name = piece.function.name.as_deref().unwrap_or_default();
    if !id.is_empty() {
        // The latest first, since it is almost always that one.
        if calls.get(latest).is_some_and(|call| call.id == *id) {
            return Some(latest);
        }
        if let Some(at) = calls.iter().position(|call| call.id == *id) {
            return Some(at);
        }
    }
    let at = match piece.index {
        Some(index) if calls.get(latest).is_some_and(|call| call.index == Some(index)) => latest,
        // Of several calls under one index, the last one is open.
        Some(index) => calls.iter().rposition(|call| call.index == Some(index))?,
        None => calls.len().checked_sub(1).map(|last| latest.min(last))?,
    };
    let (call, touched) = (&calls[at], touched.contains(&at));
    let same = if name.is_empty() {
        // Without a name it cannot be a call of its own, whatever its id.
        true
    } else if call.function.name.is_empty() {
        // The name arrives late, possibly with the id.
        id.is_empty() || !touched
    } else if touched {
        false
    } else {
        let nothing_more = piece.function.arguments.as_ref().is_none_or(|more| more.trim_ascii().is_empty());
        let (repeated, begun) = (call.function.name == *name, !call.function.arguments.trim_ascii().is_empty());
        match (piece.index.is_some(), id.is_empty()) {
            // A name in parts, or repeated with each part of the arguments.
            (true, true) => !begun || repeated && (nothing_more || !is_whole(call, looks)),
            (false, true) => !begun && !call.id.is_empty(),
            // Another id with each part.
            (true, false) if begun => repeated && !is_whole(call, looks),
            (true, false) => repeated && !call.id.is_empty(),
            (false, false) => repeated && begun && !call.id.is_empty() && !is_whole(call, looks),
        }
    };
    same.then_some(at)
}

/// Whether the arguments are complete, so that the next part is probably another call.
fn is_whole(call: &ToolCall, looks: &mut usize) -> bool {
    let arguments = &call.function.arguments;
    match looks.checked_sub(arguments.len()) {
        Some(left) => {
            *looks = left;
            serde_json::from_str::<IgnoredAny>(arguments).is_ok()
        }
        None => false,
    }
}

fn push_call(call: &mut ToolCall, piece: &ToolCallDelta, budget: &mut Budget) -> Result<()> {
    if let Some(id) = piece.id.as_ref().filter(|id| !id.is_empty() && call.id.is_empty()) {
        budget.take(id.len())?;
        call.id = id.clone();
    }
    if call.index.is_none() {
        call.index = piece.index;
    }
    if let Some(kind) = piece.kind.as_ref().filter(|kind| !kind.as_str().is_empty()) {
        call.kind = kind.clone();
    }
    // Names arrive whole, possibly late or repeated with every part, or in parts before the arguments.
    if let Some(name) = piece.function.name.as_ref().filter(|name| !name.is_empty() && **name != call.function.name) {
        budget.take(name.len())?;
        let known = &mut call.function.name;
        let in_pieces = call.function.arguments.trim_ascii().is_empty() && !name.starts_with(known.as_str());
        *known = if in_pieces { [known.as_str(), name].concat().into() } else { name.clone() };
    }
    if let Some(arguments) = &piece.function.arguments {
        // An empty object was the default before there were any arguments.
        if call.function.arguments == "{}" && arguments.trim_ascii_start().starts_with('{') {
            call.function.arguments.clear();
        }
        budget.append(&mut call.function.arguments, arguments)?;
    }
    budget.merge(&mut call.function.extra, &piece.function.extra, &[])?;
    budget.merge(&mut call.extra, &piece.extra, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{FinishReason, Usage};
    use crate::base::ErrorKind;
    use serde_json::{Value, from_value, json};

    fn add(deltas: &[Value]) -> Result<ChatCompletion> {
        add_within(&Limits::default(), deltas)
    }

    fn add_within(limits: &Limits, choices: &[Value]) -> Result<ChatCompletion> {
        let mut total = ChatTotal::new(limits);
        for choice in choices {
            total.push(&from_value(json!({"id": "a", "model": "m", "created": 1, "choices": [choice]})).unwrap())?;
        }
        Ok(total.into_output())
    }

    /// Calls as (id, name, arguments).
    #[track_caller]
    fn calls(chunks: &[Value]) -> Vec<(String, String, String)> {
        let chunks: Vec<Value> = chunks.iter().map(|calls| json!({"delta": {"tool_calls": calls}})).collect();
        let answer = add(&chunks).unwrap();
        answer
            .tool_calls()
            .iter()
            .map(|call| (call.id.to_string(), call.function.name.to_string(), call.function.arguments.clone()))
            .collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.into(), name.into(), arguments.into())
    }

    #[test]
    fn content_reasoning_and_reasons_add_up() {
        let answer = add(&[
            json!({"delta": {"reasoning_content": "h"}}),
            json!({"delta": {"reasoning_content": "m"}, "finish_reason": ""}),
            json!({"delta": {"content": "O"}}),
            json!({"delta": {"content": "k"}, "logprobs": {"content": [{"token": "k", "logprob": null}]}}),
            json!({"delta": {}, "finish_reason": "stop", "eos_reason": "stop_token"}),
            json!({"delta": {}, "finish_reason": null}),
        ])
        .unwrap();
        let choice = &answer.choices[0];
        assert_eq!((answer.text(), choice.message.reasoning_content.as_deref()), ("Ok", Some("hm")));
        assert_eq!(choice.message.role, Role::Assistant);
        assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
        assert_eq!(choice.eos_reason.as_ref().unwrap(), &"stop_token");
        assert_eq!(choice.logprobs.as_ref().unwrap().content.len(), 1);
        assert_eq!((&*answer.id, &*answer.model, answer.created), ("a", "m", 1));
    }

    #[test]
    fn choices_interleave_and_are_sorted() {
        let answer = add(&[
            json!({"index": 4294967295u32, "delta": {"content": "z"}}),
            json!({"index": 1, "delta": {"content": "b"}}),
            json!({"index": 0, "delta": {"content": "a"}}),
            json!({"index": 1, "delta": {"content": "b"}}),
        ])
        .unwrap();
        let texts: Vec<_> = answer.choices.iter().map(|c| (c.index, c.message.text().unwrap())).collect();
        assert_eq!(texts, [(0, "a"), (1, "bb"), (u32::MAX, "z")]);
    }

    #[test]
    fn whole_calls_in_one_chunk() {
        let both = json!([
            {"id": "a", "function": {"name": "f", "arguments": "{}"}, "type": "function", "index": 0},
            {"id": "b", "function": {"name": "f", "arguments": "{}"}, "type": "function", "index": 1}
        ]);
        assert_eq!(calls(&[both]), [call("a", "f", "{}"), call("b", "f", "{}")]);
    }

    #[test]
    fn pieces_by_index() {
        let pieces = [
            json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]),
            json!([{"index": 0, "function": {"arguments": "{}"}}]),
            json!([{"index": 1, "id": "b", "function": {"name": "g", "arguments": "[1"}}]),
            json!([{"index": 0, "function": {"arguments": " "}}, {"index": 1, "function": {"arguments": "]"}}]),
        ];
        assert_eq!(calls(&pieces), [call("a", "f", "{} "), call("b", "g", "[1]")]);
    }

    #[test]
    fn an_index_may_be_missing() {
        let pieces = [
            json!([{"id": "a", "function": {"name": "f", "arguments": "1"}}]),
            json!([{"function": {"arguments": "2"}}]),
            json!([{"id": "b", "function": {"name": "f", "arguments": "3"}}]),
            json!([{"id": "a", "function": {"arguments": "4"}}]),
            json!([{"function": {"arguments": "5"}}]),
        ];
        assert_eq!(calls(&pieces), [call("a", "f", "1245"), call("b", "f", "3")]);
    }

    #[test]
    fn calls_without_id_and_index_begin_with_a_name() {
        let pieces = [
            json!([{"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "f", "arguments": "{}"}}]),
            json!([{"function": {"name": "g", "arguments": "{"}}]),
            json!([{"function": {"arguments": "}"}}]),
        ];
        assert_eq!(calls(&pieces), [call("", "f", "{}"), call("", "f", "{}"), call("", "g", "{}")]);
    }

    #[test]
    fn an_index_may_be_reused_for_new_ids() {
        let pieces = [
            json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}}]),
            json!([{"index": 0, "id": "b", "function": {"name": "f", "arguments": "2"}}]),
            json!([{"index": 0, "function": {"arguments": "3"}}]),
            json!([{"index": 0, "id": "a", "function": {"arguments": "4"}}]),
        ];
        assert_eq!(calls(&pieces), [call("a", "f", "14"), call("b", "f", "23")]);
    }

    #[test]
    fn an_index_may_be_repeated_for_whole_calls_without_ids() {
        let pieces = [
            json!([{"index": 0, "function": {"name": "f", "arguments": "1"}}, {"index": 0, "function": {"name": "f", "arguments": "2"}}]),
            json!([{"index": 0, "function": {"name": "g", "arguments": "3"}}]),
        ];
        assert_eq!(calls(&pieces), [call("", "f", "1"), call("", "f", "2"), call("", "g", "3")]);
    }

    #[test]
    fn names_and_ids_may_be_late_or_repeated() {
        let pieces = [
            json!([{"index": 0, "function": {"arguments": "{"}}]),
            json!([{"index": 0, "id": "a", "function": {"arguments": "}"}}]),
            json!([{"index": 0, "id": "a", "function": {"name": "f"}}]),
            json!([{"index": 0, "id": "", "type": "function", "function": {"name": "f", "arguments": " "}}]),
        ];
        assert_eq!(calls(&pieces), [call("a", "f", "{} ")]);
    }

    #[test]
    fn calls_are_sorted_by_index() {
        let pieces = [
            json!([{"index": 2, "id": "c", "function": {"name": "h", "arguments": "1"}}]),
            json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "2"}}]),
            json!([{"function": {"arguments": "3"}}]),
        ];
        assert_eq!(calls(&pieces), [call("a", "f", "23"), call("c", "h", "1")]);
    }

    #[test]
    fn any_order_of_pieces_is_taken() {
        // A small generator of unusual streams: mixtures of ids, indices and names, in chunks of one to three.
        let mut state = 1u32;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        let limits = Limits { indices: 8, ..Limits::default() };
        for _ in 0..2000 {
            let mut total = ChatTotal::new(&limits);
            let mut sent = 0;
            for _ in 0..next(12) {
                let pieces: Vec<Value> = (0..=next(3))
                    .map(|_| {
                        let mut piece = json!({"function": {"arguments": "x"}});
                        if next(2) == 0 {
                            piece["id"] = ["a", "b", "c", ""][next(4) as usize].into();
                        }
                        if next(2) == 0 {
                            piece["index"] = [0, 1, u32::MAX][next(3) as usize].into();
                        }
                        if next(3) == 0 {
                            piece["function"]["name"] = ["f", "g"][next(2) as usize].into();
                        }
                        piece
                    })
                    .collect();
                let count = pieces.len();
                let chunk = json!({"choices": [{"delta": {"tool_calls": pieces}}]});
                match total.push(&from_value(chunk).unwrap()) {
                    Ok(()) => sent += count,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::TooLarge);
                        sent = usize::MAX;
                        break;
                    }
                }
            }
            let calls = total.so_far().tool_calls();
            assert!(calls.len() <= limits.indices);
            // Nothing is lost, and ids are unique.
            let kept: usize = calls.iter().map(|call| call.function.arguments.len()).sum();
            assert!(sent == usize::MAX || kept == sent);
            let mut ids: Vec<_> = calls.iter().map(|call| call.id.as_str()).filter(|id| !id.is_empty()).collect();
            ids.sort_unstable();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        }
    }

    #[test]
    fn usage_and_unknown_fields_are_taken_over() {
        let mut total = ChatTotal::new(&Limits::default());
        let chunk = json!({"choices": [], "usage": {"total_tokens": 3}, "note": 1});
        total.push(&from_value(chunk).unwrap()).unwrap();
        assert_eq!(total.so_far().usage, Some(Usage { total_tokens: 3, ..Usage::default() }));
        assert_eq!(total.so_far().extra["note"], 1);
    }

    #[test]
    fn caps_are_errors() {
        let limits = Limits { indices: 2, accumulated: 4096, ..Limits::default() };
        let choices: Vec<_> = (0..3).map(|index| json!({"index": index * 1_000_000_000u32, "delta": {}})).collect();
        assert_eq!(add_within(&limits, &choices).unwrap_err().kind(), ErrorKind::TooLarge);
        let calls: Vec<_> = (0..3).map(|i| json!({"index": i * 1_000_000_000u32, "id": i.to_string()})).collect();
        let error = add_within(&limits, &[json!({"delta": {"tool_calls": calls}})]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stream has more than 2 tool calls in a choice; raise `Limits::indices` if so many are expected"
        );
        for delta in [
            json!({"content": "x".repeat(3000)}),
            json!({"reasoning_content": "x".repeat(3000)}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "x".repeat(3000)}}]}),
        ] {
            let piece = json!({"delta": delta});
            assert!(add_within(&limits, std::slice::from_ref(&piece)).is_ok());
            assert_eq!(add_within(&limits, &[piece.clone(), piece]).unwrap_err().code().as_str(), "stream_too_large");
        }
        let names: Vec<_> = (0..100).map(|i| json!({"delta": {format!("field{i}"): "x".repeat(100)}})).collect();
        assert_eq!(add_within(&limits, &names).unwrap_err().kind(), ErrorKind::TooLarge);
        let tokens = json!({"delta": {}, "logprobs": {"content": vec![json!({"token": "x", "logprob": 0.0}); 100]}});
        assert_eq!(add_within(&limits, &[tokens]).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
