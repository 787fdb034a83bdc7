//! Answers of servers and proxies that are not TabbyAPI, or not as it is today: `tests/odd/streams.json`, at every border of chunks.
//! The npm package is tested against the same cases.
//!
//! A case names an operation, the answer to it (`body` or `chunks`, cut off by a reset if `end` says so), `n` if more than one choice
//! is asked for, and what is expected: `ok`; of the first choice `text`, `reasoning`, `tool_calls`, `finish_reason`, `logprob_tokens`
//! and fields of its `message`; `usage` as far as it is given; the number of `choices`; the `model`. If it fails, `error` tells what
//! of the error is certain, and `partial_text` what is kept.

use bytes::Bytes;
use futures::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_str, from_value, json, to_string, to_value};
use tabbyapi::api::{
    ChatCompletion, ChatMessage, ChatRequest, Completion, CompletionRequest, KoboldRequest, LoadRequest,
};
use tabbyapi::call::Retry;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, ResponseStream};

#[derive(Clone, serde::Deserialize)]
struct Case {
    name: String,
    operation: String,
    status: u16,
    headers: serde_json::Map<String, Value>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    chunks: Vec<String>,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    n: Option<u32>,
    expect: Value,
    #[serde(default)]
    todo: bool,
}

fn cases() -> Vec<Case> {
    from_str(include_str!("odd/streams.json")).expect("a list of cases")
}

impl Case {
    fn body(&self) -> Bytes {
        if self.chunks.is_empty() { self.body.clone().into() } else { self.chunks.concat().into() }
    }

    fn head(&self) -> Reply {
        let mut reply = Reply::status(self.status);
        for (name, value) in &self.headers {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                reply = reply.header(name, value.as_str().expect("a header"));
            }
        }
        reply
    }

    fn reply(&self, cuts: &[usize]) -> Reply {
        let reply = self.head().chunk(self.body()).cut_at(cuts);
        if self.end.as_deref() == Some("reset") { reply.fail("reset") } else { reply }
    }

    fn play(&self, reply: Reply) -> Seen {
        let script = Script::new([reply]);
        let client = Client::builder("http://tabby.test").retry(Retry::NEVER).build_with(script).expect("a client");
        let mut chat = ChatRequest::new([ChatMessage::user("hi")]);
        let mut completion = CompletionRequest::new("hi").max_tokens(9);
        if let Some(n) = self.n {
            (chat, completion) = (chat.n(n), completion.n(n));
        }
        match self.operation.as_str() {
            "chat.stream" => streamed::<_, _, ChatCompletion>(client.chat().stream(&chat)),
            "completions.stream" => streamed::<_, _, Completion>(client.completions().stream(&completion)),
            "kobold.stream" => streamed::<_, _, Value>(client.kobold().stream(&KoboldRequest::new("hi"))),
            "models.load" => streamed::<_, _, Value>(client.models().load(&LoadRequest::new("m"))),
            "chat.create" => whole(client.chat().create(&chat).now_or_never()),
            "completions.create" => whole(client.completions().create(&completion).now_or_never()),
            other => panic!("{other} is no operation of these cases"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    total: Value,
    error: Option<Value>,
    partial_text: Option<String>,
}

fn reported(error: &Error) -> Value {
    json!({"kind": error.kind().as_str(), "code": error.code(), "message": error.message(),
        "status": error.status().map(|status| status.as_u16()), "retryable": error.is_retryable()})
}

/// What a stream comes to. Its sum reads back as what a whole answer is, `T`.
#[track_caller]
fn streamed<I, O, T>(stream: ResponseStream<I, O>) -> Seen
where
    O: serde::Serialize,
    T: DeserializeOwned + serde::Serialize,
{
    let (total, error) = match stream.finish().now_or_never().expect("it ends") {
        Ok(answer) => (to_value(&*answer), None),
        Err(broken) => (to_value(&broken.partial), Some(reported(&broken.error))),
    };
    let total = total.expect("it can be written");
    let text = to_string(&total).expect("it can be written");
    let back: T = from_str(&text).unwrap_or_else(|error| panic!("{text} does not read back: {error}"));
    assert_eq!(to_value(back).expect("it can be written"), total);
    Seen { total, error, partial_text: None }
}

fn whole<T: serde::Serialize>(answer: Option<Result<tabbyapi::Response<T>, Error>>) -> Seen {
    match answer.expect("it ends") {
        Ok(answer) => Seen { total: to_value(&*answer).expect("JSON"), error: None, partial_text: None },
        Err(error) => Seen {
            total: Value::Null,
            error: Some(reported(&error)),
            partial_text: Some(error.partial_text().unwrap_or_default().to_owned()),
        },
    }
}

impl Seen {
    fn choice(&self) -> &Value {
        &self.total["choices"][0]
    }

    fn text(&self) -> String {
        let choice = self.choice();
        let texts = [&choice["text"], &choice["message"]["content"], &self.total["results"][0]["text"]];
        texts.iter().find_map(|text| text.as_str()).unwrap_or_default().to_owned()
    }

    fn check(&self, expect: &Value) -> Result<(), String> {
        let differ = |what: &str, got: Value, expected: &Value| match &got == expected {
            true => Ok(()),
            false => Err(format!("{what}: {got}, not {expected}")),
        };
        differ("ok", self.error.is_none().into(), &expect["ok"]).map_err(|text| format!("{text}: {:?}", self.error))?;
        let choice = self.choice();
        for (what, expected) in expect.as_object().expect("an object") {
            let got = match what.as_str() {
                "ok" => continue,
                "text" => self.text().into(),
                "partial_text" => self.partial_text.clone().unwrap_or_else(|| self.text()).into(),
                "reasoning" => choice["message"]["reasoning_content"].clone(),
                "finish_reason" => choice["finish_reason"].clone(),
                "choices" => self.total["choices"].as_array().map_or(0, Vec::len).into(),
                "model" => self.total["model"].clone(),
                "tool_calls" => {
                    let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
                    let call = |call: &Value| {
                        json!({"id": call.get("id").unwrap_or(&"".into()), "name": call["function"]["name"],
                            "arguments": call["function"]["arguments"]})
                    };
                    calls.iter().map(call).collect()
                }
                "logprob_tokens" => {
                    let tokens = choice["logprobs"]["content"].as_array().cloned().unwrap_or_default();
                    tokens.iter().map(|token| token["token"].clone()).collect()
                }
                "message" | "usage" | "error" => {
                    let from = match what.as_str() {
                        "message" => &choice["message"],
                        "usage" => &self.total["usage"],
                        _ => self.error.as_ref().unwrap_or(&Value::Null),
                    };
                    let fields = expected.as_object().expect("an object").keys();
                    fields.map(|field| (field.clone(), from[field].clone())).collect()
                }
                other => panic!("{other} is nothing to expect"),
            };
            differ(what, got, expected)?;
        }
        Ok(())
    }
}

#[test]
fn every_case_is_right_at_every_border() {
    let mut wrong = Vec::new();
    for (at, case) in cases().into_iter().enumerate() {
        let body = case.body();
        let whole = case.play(case.reply(&[]));
        match (whole.check(&case.expect), case.todo) {
            (Ok(()), false) => {}
            (Ok(()), true) => wrong.push(format!("{}: is done", case.name)),
            (Err(_), true) => continue,
            (Err(text), false) => {
                wrong.push(format!("{}: {text}", case.name));
                continue;
            }
        }
        let bytes: Vec<usize> = (0..body.len()).collect();
        assert_eq!(case.play(case.reply(&bytes)), whole, "{}: byte by byte", case.name);
        // Long ones take too long at each place, and so do all where the program is not optimized: `tests/run wasm-suite` cuts at the
        // others, too. Samples of cases begin at different places, as cases are alike.
        let step = if cfg!(debug_assertions) { 4 } else { 1 } + body.len() / 400;
        for cut in (1 + at % step..body.len()).step_by(step) {
            assert_eq!(case.play(case.reply(&[cut])), whole, "{}: cut at {cut}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = cases().into_iter().map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn events_come_as_they_arrive_whatever_the_type() {
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    let types =
        ["text/plain", "application/json", "application/octet-stream", "application/x-ndjson", "text/event-stream"];
    for kind in types.map(Some).into_iter().chain([None]) {
        for cut in 0..event.len() {
            let mut reply = Reply::status(200);
            if let Some(kind) = kind {
                reply = reply.header("content-type", kind);
            }
            let script = Script::new([reply.chunk(event).cut_at(&[cut]).hang()]);
            let client = Client::builder("http://tabby.test").build_with(script).expect("a client");
            let mut stream = client.chat().stream(&ChatRequest::new([ChatMessage::user("hi")]));
            let chunk = stream.next().now_or_never().expect("it is there").expect("it is one").expect("it is right");
            assert_eq!(chunk.text(), "Hel", "{kind:?}");
        }
    }
}

/// White space, byte order marks and parts of names before the first event mean the same however they arrive.
#[test]
fn beginnings_mean_the_same_at_every_border() {
    let event = "data: {\"token\":\"Hel\"}\n\n";
    let document = "{\"error\":{\"message\":\"no\"}}";
    let parts =
        ["", " ", "\t", "\u{c}", "\n", "\r\n", " \n", "\u{feff}", "P\0\0\0", "dat", "retr", "id", ": c", "a:1\n"];
    let pairs = parts.iter().flat_map(|one| parts.iter().map(move |two| format!("{one}{two}")));
    let mut texts = std::collections::BTreeMap::<bool, usize>::new();
    for (start, rest) in pairs.flat_map(|start| ["", event, document].map(|rest| (start.clone(), rest))) {
        for kind in ["text/event-stream", "application/json"] {
            let body = format!("{start}{rest}");
            let case: Case = from_value(json!({"name": "", "operation": "kobold.stream", "status": 200,
                "headers": {"content-type": kind}, "body": body, "expect": {}}))
            .expect("a case");
            let whole = case.play(case.reply(&[]));
            *texts.entry(whole.total.to_string().contains("Hel")).or_default() += 1;
            for cut in 1..start.len() + 2 {
                assert_eq!(case.play(case.reply(&[cut])), whole, "{body:?} as {kind}, cut at {cut}");
            }
            let bytes: Vec<usize> = (0..body.len()).collect();
            assert_eq!(case.play(case.reply(&bytes)), whole, "{body:?} as {kind}, byte by byte");
        }
    }
    assert_eq!(texts, [(false, 1_078), (true, 98)].into(), "some have the event");
}

#[test]
fn sums_of_odd_streams_read_back() {
    // Fields under names that the whole answer has, or has for something else.
    let odd = [
        json!({"message": 1}),
        json!({"message": {"content": "x", "message": 2}}),
        json!({"text": "x", "delta": {"tool_call_id": "t", "tool_calls": [{"function": {"x": 1}, "y": 2}], "name": "n"}}),
        json!({"delta": {"tool_call_id": 5, "reasoning": {"a": 1}, "refusal": 1, "function_call": "f"}}),
        json!({"delta": {"refusal": "a", "function_call": {"arguments": {"b": 1, "a": 2}}, "reasoning_details": [1]}}),
        json!({"logprobs": {"content": [{"token": 1}], "refusal": null}, "stop_str": 5, "eos_reason": {}}),
    ];
    for pair in odd.iter().flat_map(|a| odd.iter().map(move |b| [a, b])) {
        let body: String = pair.iter().map(|choice| format!("data: {}\n\n", json!({"choices": [choice]}))).collect();
        let case: Case = from_value(json!({"name": "", "operation": "chat.stream", "status": 200,
            "headers": {"content-type": "text/event-stream"}, "body": body + "data: [DONE]\n\n", "expect": {}}))
        .expect("a case");
        let seen = case.play(case.reply(&[]));
        assert_eq!(seen.error, None);
        let case = Case { operation: "completions.stream".into(), ..case };
        assert_eq!(case.play(case.reply(&[])).error, None);
    }
}
