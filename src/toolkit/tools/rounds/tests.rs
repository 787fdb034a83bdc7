//! Drives the loop by hand.

use super::*;
use crate::base::ErrorKind;
use serde_json::{Value, json};

fn rounds(limits: ToolLimits) -> ToolLoop {
    let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) }).limits(limits);
    ToolLoop::new(&ChatRequest::new([ChatMessage::user("go")]), &tools).unwrap()
}

fn answer(finish: &str, message: Value) -> ChatCompletion {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "total_time": 0.5});
    let choice = json!({"finish_reason": finish, "message": message});
    serde_json::from_value(json!({"choices": [choice], "usage": usage})).unwrap()
}

fn calls(ids: &[&str]) -> ChatCompletion {
    let calls: Vec<_> = ids.iter().map(|id| json!({"id": id, "function": {"name": "f", "arguments": "{}"}})).collect();
    answer("tool_calls", json!({"role": "assistant", "reasoning_content": "hm", "tool_calls": calls}))
}

fn started(rounds: &mut ToolLoop) -> Vec<usize> {
    let mut started = Vec::new();
    while let ToolStep::Call { index, .. } = rounds.step() {
        started.push(index);
    }
    started
}

fn sent(rounds: &ToolLoop) -> Vec<(String, String)> {
    let tool = |message: &&ChatMessage| message.role == "tool";
    let pair = |message: &ChatMessage| {
        (message.tool_call_id.as_deref().unwrap().to_owned(), message.text().unwrap().to_owned())
    };
    rounds.messages().iter().filter(tool).map(pair).collect()
}

#[test]
fn results_stand_in_the_order_of_the_calls_however_they_come() {
    let mut rounds = rounds(ToolLimits::new().parallel(2));
    rounds.answer(calls(&["a", "b", "c"])).unwrap();
    assert_eq!(started(&mut rounds), [0, 1]);
    rounds.result(1, Ok("two".into())).unwrap();
    assert_eq!(started(&mut rounds), [2]);
    assert_eq!(rounds.messages().len(), 1, "half a round does not stand in the conversation");
    rounds.result(2, Ok("three".into())).unwrap();
    rounds.result(0, Ok("one".into())).unwrap();
    let expected = [("a", "one"), ("b", "two"), ("c", "three")];
    assert_eq!(sent(&rounds), expected.map(|(id, text)| (id.to_owned(), text.to_owned())));
    assert_eq!(rounds.messages()[1].reasoning_content.as_deref(), Some("hm"));
    rounds.answer(answer("stop", json!({"content": "done"}))).unwrap();
    let output = rounds.into_output();
    assert_eq!((output.end, output.rounds, output.calls, output.failures), (ToolEnd::Answered, 2, 3, 0));
    assert_eq!(output.messages.last().unwrap().role, "assistant");
    let usage = output.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (20, 4, 24));
    assert_eq!((usage.total_time, usage.prompt_time), (Some(1.0), None));
}

#[test]
fn calls_get_ids_of_their_own() {
    let mut rounds = rounds(ToolLimits::new());
    rounds.answer(calls(&["", "x", "x"])).unwrap();
    for index in started(&mut rounds) {
        rounds.result(index, Ok(index.to_string())).unwrap();
    }
    let ids: Vec<_> = sent(&rounds).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["call_1_0", "x", "call_1_2"]);
    assert_eq!(rounds.messages()[1].tool_calls[2].id, "call_1_2");
}

#[test]
fn too_many_calls_and_too_many_rounds_are_reported() {
    let mut rounds = rounds(ToolLimits::new().calls(1).rounds(2));
    rounds.answer(calls(&["a", "b"])).unwrap();
    assert_eq!(started(&mut rounds), [0]);
    rounds.result(0, Ok("1".into())).unwrap();
    assert_eq!(
        sent(&rounds)[1].1,
        r#"{"error":"too_many_calls","message":"only the first 1 calls of an answer are run"}"#
    );
    rounds.answer(calls(&["c"])).unwrap();
    assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::RoundLimit)));
    assert!(sent(&rounds)[2].1.starts_with(r#"{"error":"not_run""#));
    assert_eq!(rounds.into_output().failures, 2);
}

#[test]
fn a_failure_ends_the_run_only_if_asked_to() {
    let failure = || Err(ToolFailure::new(ToolFailureKind::Failed, "no"));
    for stop in [false, true] {
        let mut rounds = rounds(ToolLimits::new().stop_on_failure(stop));
        rounds.answer(calls(&["a", "b"])).unwrap();
        assert_eq!(started(&mut rounds), [0, 1]);
        rounds.result(0, failure()).unwrap();
        assert_eq!(matches!(rounds.step(), ToolStep::Done(ToolEnd::ToolFailed)), stop);
        assert_eq!(sent(&rounds).len(), if stop { 2 } else { 0 });
    }
}

#[test]
fn results_are_capped() {
    let mut rounds = rounds(ToolLimits::new().result_bytes(8));
    rounds.answer(calls(&["a", "b", "c"])).unwrap();
    assert_eq!(started(&mut rounds), [0, 1, 2]);
    rounds.result(0, Ok("12345678".into())).unwrap();
    rounds.result(1, Ok("123456789".into())).unwrap();
    let long = "é".repeat(300);
    rounds.result(2, Err(ToolFailure::new(ToolFailureKind::Failed, format!("x{long}")))).unwrap();
    let sent = sent(&rounds);
    assert_eq!(sent[0].1, "12345678");
    assert_eq!(
        sent[1].1,
        r#"{"error":"too_large","message":"the result has 9 bytes, more than the cap of 8; ask for less"}"#
    );
    assert_eq!(sent[2].1, format!(r#"{{"error":"failed","message":"x{}"}}"#, "é".repeat(255)));
}

#[test]
fn unreadable_calls_are_an_end_of_their_own() {
    for (message, kept) in [(json!({"content": "before"}), 2), (json!({"content": null}), 1)] {
        let mut rounds = rounds(ToolLimits::new());
        rounds.answer(answer("tool_calls", message)).unwrap();
        assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::Unreadable)));
        assert_eq!(rounds.messages().len(), kept);
    }
}

#[test]
fn only_the_first_round_has_to_call() {
    let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
    let request = ChatRequest::new([]).tool_choice(ToolChoice::Required);
    let mut rounds = ToolLoop::new(&request, &tools).unwrap();
    rounds.answer(calls(&["a"])).unwrap();
    assert_eq!(started(&mut rounds), [0]);
    rounds.result(0, Ok(String::new())).unwrap();
    let ToolStep::Ask(request) = rounds.step() else { panic!("{rounds:?}") };
    assert_eq!(request.tool_choice, Some(ToolChoice::Auto));
}

#[test]
fn a_form_is_for_the_answer_after_the_calls() {
    let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
    let schema = json!({"type": "object"});
    let request = ChatRequest::new([ChatMessage::user("go")])
        .response_format(ResponseFormat::json_schema(schema.clone()))
        .grammar_string("g");
    let mut rounds = ToolLoop::new(&request, &tools).unwrap();
    let free = |rounds: &mut ToolLoop| match rounds.step() {
        ToolStep::Ask(request) => request.response_format.is_none() && request.sampling.grammar_string.is_none(),
        other => panic!("{other:?}"),
    };
    assert!(free(&mut rounds));
    rounds.answer(calls(&["a"])).unwrap();
    assert_eq!(started(&mut rounds), [0]);
    rounds.result(0, Ok("1".into())).unwrap();
    assert!(free(&mut rounds));
    rounds.answer(answer("stop", json!({"content": "It is one."}))).unwrap();
    let ToolStep::Ask(asked) = rounds.step() else { panic!("{rounds:?}") };
    assert_eq!((&asked.response_format, &asked.tool_choice), (&request.response_format, &Some(ToolChoice::None)));
    assert_eq!((asked.sampling.grammar_string.as_deref(), asked.messages.len()), (Some("g"), 3));
    rounds.answer(answer("stop", json!({"content": "{}"}))).unwrap();
    assert!(matches!(rounds.step(), ToolStep::Done(ToolEnd::Answered)));
    let output = rounds.into_output();
    assert_eq!((output.text(), output.rounds, output.messages.len()), ("{}", 3, 4));
    // Without tools the constraint applies from the start.
    let mut plain = ToolLoop::new(&request, &Tools::new()).unwrap();
    assert!(!free(&mut plain));
}

#[test]
fn rounds_ask_with_what_fits_and_keep_the_rest() {
    let tools = Tools::new().add("f", "", json!({}), |_: Value| async { Ok::<_, String>(1) });
    let long = "It rained on and off. ".repeat(40);
    let old = [ChatMessage::user(long.as_str()), ChatMessage::assistant("I see.")];
    let messages = old.into_iter().chain([ChatMessage::user("go")]);
    let request = ChatRequest::new(messages.collect::<Vec<_>>()).max_tokens(10);
    let model: ModelParameters =
        serde_json::from_value(json!({"max_seq_len": 100_000, "cache_size": 2816, "chunk_size": 2048})).unwrap();
    let mut rounds = ToolLoop::new(&request, &tools).unwrap().fit_into(&model, &Estimator::new());
    let asked = |rounds: &mut ToolLoop| match rounds.step() {
        ToolStep::Ask(request) => request.messages.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&mut rounds), 3);
    rounds.answer(calls(&["a"])).unwrap();
    assert_eq!(started(&mut rounds), [0]);
    rounds.result(0, Ok("and on ".repeat(60))).unwrap();
    assert_eq!(asked(&mut rounds), 3, "the question, the call and its result");
    rounds.answer(answer("stop", json!({"content": "done"}))).unwrap();
    assert_eq!(rounds.into_output().messages.len(), 6);
}

#[test]
fn misuse_is_an_error() {
    let mut rounds = rounds(ToolLimits::new());
    assert_eq!(rounds.result(0, Ok(String::new())).unwrap_err().kind(), ErrorKind::Misuse);
    rounds.answer(calls(&["a"])).unwrap();
    assert!(rounds.answer(calls(&["a"])).is_err());
    assert!(rounds.result(0, Ok(String::new())).is_err(), "it was not given out yet");
    assert!(rounds.result(7, Ok(String::new())).is_err());
    let error = ToolLoop::new(&ChatRequest::new([]).n(2), &Tools::new()).unwrap_err();
    assert_eq!(error.to_string(), "a run with tools requires a single choice; leave `n` unset");
}

#[test]
fn usage_is_summed_with_its_details() {
    let usage = |cached: u64| -> Usage {
        serde_json::from_value(json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"accepted_prediction_tokens": 1, "rejected_prediction_tokens": 2}}))
        .unwrap()
    };
    let mut total = Usage::default();
    add_usage(&mut total, &usage(3));
    add_usage(&mut total, &Usage::default());
    add_usage(&mut total, &usage(4));
    assert_eq!((total.total_tokens, total.prompt_tokens_details.unwrap().cached_tokens), (24, Some(7)));
    let details = total.completion_tokens_details.unwrap();
    assert_eq!((details.accepted_prediction_tokens, details.rejected_prediction_tokens), (Some(2), Some(4)));
}
