//! Streams that are resumed, over scripted answers: what is asked for, what the joined stream says, what is refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use serde_json::{Value, json};
use tabbyapi::api::{ChatCompletion, ChatMessage, ChatRequest, CompletionRequest, Tool};
use tabbyapi::policy::{Breaker, Resume, ResumeAction, RetryBudget, Server};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind, Options, Outcome, Response, StreamError, Timeouts};

type Ended = Result<Response<ChatCompletion>, StreamError<ChatCompletion>>;

fn client(script: &Script) -> Client {
    Client::builder("http://one.test").build_with(script.clone()).unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("q")])
}

/// An event with one choice of this delta.
fn delta(delta: Value) -> String {
    choice(json!({"index": 0, "delta": delta}))
}

fn choice(choice: Value) -> String {
    let chunk = json!({"id": "a", "object": "o", "created": 1, "choices": [choice], "model": "m"});
    format!("data: {chunk}\n\n")
}

fn text(text: &str) -> String {
    delta(json!({"content": text}))
}

/// The end of a choice, with usage, and of the stream.
fn end(reason: &str, prompt: u64, completion: u64) -> String {
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    let chunk = json!({"id": "b", "created": 2, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage, "model": "m"});
    format!("data: {chunk}\n\ndata: [DONE]\n\n")
}

fn cut(texts: &[&str]) -> Reply {
    texts.iter().fold(Reply::events(), |reply, part| reply.chunk(text(part))).fail("connection reset")
}

fn rest(part: &str) -> Reply {
    Reply::events().chunk(text(part)).chunk(end("stop", 9, 1))
}

fn run(replies: impl IntoIterator<Item = Reply>, request: &ChatRequest) -> (Ended, Vec<Value>) {
    run_with(replies, request, Resume::new())
}

fn run_with(replies: impl IntoIterator<Item = Reply>, request: &ChatRequest, resume: Resume) -> (Ended, Vec<Value>) {
    let script = Script::new(replies);
    let ended = block_on(client(&script).chat().stream(request).resume(resume).finish());
    (ended, bodies(&script))
}

fn bodies(script: &Script) -> Vec<Value> {
    script.requests().iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect()
}

/// What became of a stream: its text, or its outcome, what had arrived and why it was not resumed.
fn reported(ended: &Ended) -> String {
    match ended {
        Ok(answer) => format!("{} {}", answer.text(), answer.meta().record().resumes),
        Err(broken) => {
            let record = broken.error.record().unwrap();
            let why = record.not_resumed.as_deref().unwrap_or("-");
            format!("{} {} {} {why}", broken.outcome, broken.partial.text(), record.resumes)
        }
    }
}

#[test]
fn the_rest_is_asked_for_with_what_had_arrived_as_prefix() {
    let request = ask().max_tokens(20).min_tokens(3).response_prefix("Sure: ");
    let (ended, bodies) = run([cut(&["Half ", "of it "]), rest("all.")], &request);
    let answer = ended.unwrap();
    assert_eq!(answer.text(), "Half of it all.");
    assert_eq!((&*answer.id, answer.created, &*answer.model), ("a", 1, "m"));
    let usage = answer.usage.as_ref().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (9, 1, 10));
    // Everything else stays as it was; of the tokens those that are known to have come are taken off.
    let mut expected = bodies[0].clone();
    expected["response_prefix"] = json!("Sure: Half of it ");
    expected["max_tokens"] = json!(18);
    expected["min_tokens"] = json!(1);
    assert_eq!(bodies[1], expected);

    let record = answer.meta().record();
    assert_eq!((record.resumes, record.items, record.not_resumed.as_deref()), (1, 4, None));
    let attempts: Vec<_> = record.attempts.iter().map(|a| (a.items, a.resumes, a.cause.as_deref())).collect();
    assert_eq!(attempts, [(2, false, Some("connection_lost")), (2, true, None)]);
    assert!(record.attempts[0].retry_after.is_some_and(|wait| wait < Duration::from_millis(500)));
}

#[test]
fn what_breaks_again_is_resumed_again() {
    let stall = Reply::events().chunk(text("b")).hang();
    let short = Reply::events().chunk(text("c"));
    let event = Reply::events()
        .chunk(text("d"))
        .chunk("data: {\"error\":{\"message\":\"Chat completion aborted. Please check the server console.\",\"trace\":null}}\n\n");
    let busy = Reply::json(503, "{}");
    let replies = [cut(&["a"]), stall, short, event, busy, Reply::refused("no"), rest("e")];
    let (ended, bodies) = run_with(replies, &ask(), Resume::new().attempts(6));
    assert_eq!(reported(&ended), "abcde 6");
    let prefixes: Vec<_> = bodies.iter().map(|body| body["response_prefix"].as_str()).collect();
    assert_eq!(prefixes, [None, Some("a"), Some("ab"), Some("abc"), Some("abcd"), Some("abcd"), Some("abcd")]);
    let causes: Vec<_> = ended
        .unwrap()
        .meta()
        .record()
        .attempts
        .iter()
        .map(|attempt| attempt.cause.as_deref().map(str::to_owned))
        .collect();
    let causes: Vec<_> = causes.iter().map(|cause| cause.as_deref().unwrap_or("-")).collect();
    assert_eq!(
        causes,
        ["connection_lost", "timeout_idle", "truncated", "generation_aborted", "server_error", "connect", "-"]
    );
}

#[test]
fn a_server_that_answers_and_says_nothing_has_stalled() {
    let pings =
        |reply: Reply| (0..40).fold(reply, |reply, _| reply.wait(Duration::from_secs(15)).chunk(": ping\r\n\r\n"));
    let (ended, bodies) = run([pings(Reply::events()).hang(), rest("all")], &ask());
    assert_eq!(reported(&ended), "all 1");
    assert_eq!(bodies[0], bodies[1]);
    // In the middle of a stream, too.
    let (ended, _) = run([pings(Reply::events().chunk(text("a"))).hang(), rest("b")], &ask());
    assert_eq!(reported(&ended), "ab 1");
    // Not even a head.
    let (ended, _) = run([Reply::events().head_after(Duration::from_secs(100_000)), rest("b")], &ask());
    assert_eq!(reported(&ended), "b 1");
}

#[test]
fn roles_are_said_once_and_what_says_nothing_is_left_out() {
    let role = || delta(json!({"role": "assistant", "content": ""}));
    let first = Reply::events().chunk(role()).chunk(text("a")).fail("reset");
    let second = Reply::events()
        .chunk(delta(json!({"role": "assistant"})))
        .chunk(delta(json!({"role": "assistant", "content": "b"})))
        .chunk(end("stop", 1, 1));
    let script = Script::new([first, second]);
    let mut stream = client(&script).chat().stream(&ask()).resume(Resume::new());
    let mut seen = Vec::new();
    block_on(async {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.unwrap();
            assert_eq!((&*chunk.id, &*chunk.object, chunk.created, &*chunk.model), ("a", "o", 1, "m"));
            let choice = &chunk.choices[0];
            seen.push(format!("{}/{}", choice.delta.role.as_ref().map_or("", |role| role.as_str()), chunk.text()));
        }
    });
    assert_eq!(seen, ["assistant/", "/a", "/b", "/"]);
}

#[test]
fn what_had_been_reasoned_goes_along() {
    let thought = delta(json!({"reasoning_content": "Hm."}));
    let first = || Reply::events().chunk(thought.clone()).chunk(text("Half ")).fail("reset");
    let (ended, bodies) = run([first(), rest("all")], &ask().response_prefix("So: "));
    let answer = ended.unwrap();
    assert_eq!((answer.text(), answer.message().unwrap().reasoning_content.as_deref()), ("Half all", Some("Hm.")));
    // Templates trim messages; a prefix stays.
    let messages = json!([{"role": "user", "content": "q"},
        {"role": "assistant", "content": "So: Half", "reasoning_content": "Hm."}]);
    let body = &bodies[1];
    assert_eq!((&body["messages"], &body["response_prefix"]), (&messages, &json!(" ")));
    assert_eq!((&body["continue_final_message"], &body["add_generation_prompt"]), (&json!(true), &json!(false)));

    let (ended, bodies) = run_with([cut(&["Half"]), rest(" all")], &ask(), Resume::new().final_message(true));
    assert_eq!(reported(&ended), "Half all 1");
    assert_eq!(bodies[1]["messages"][1], json!({"role": "assistant", "content": "Half"}));
    assert_eq!(bodies[1]["response_prefix"], Value::Null);

    // A message that is continued already is continued further.
    let mut request = ask().continue_final_message(true).add_generation_prompt(false);
    request.messages.push(ChatMessage::assistant("Well, "));
    let (ended, bodies) = run([cut(&["half"]), rest(" all")], &request);
    assert_eq!(reported(&ended), "half all 1");
    assert_eq!((&bodies[1]["response_prefix"], &bodies[1]["messages"]), (&json!("half"), &bodies[0]["messages"]));
}

#[test]
fn what_would_lie_is_refused_with_its_reason() {
    let thought = || Reply::events().chunk(delta(json!({"reasoning_content": "Hm"}))).fail("reset");
    let call = || {
        let call = json!([{"id": "1", "index": 0, "function": {"name": "f", "arguments": "{"}}]);
        Reply::events().chunk(text("a")).chunk(delta(json!({"tool_calls": call}))).fail("reset")
    };
    let two = || {
        let second = choice(json!({"index": 1, "delta": {"content": "b"}}));
        Reply::events().chunk(text("a")).chunk(second).fail("reset")
    };
    let tool = Tool::new("f", "d", json!({"type": "object"}));
    let cases = [
        (ask(), thought(), "truncated  0 reasoning_unfinished"),
        (ask().tools([tool.clone()]), call(), "truncated a 0 tools_called"),
        (ask().n(2), two(), "truncated a 0 several_choices"),
        (ask().n(2), cut(&["a"]), "truncated a 0 several_choices"),
        (ask().extra("n", 3), cut(&["a"]), "truncated a 0 several_choices"),
        (ask().grammar_string("start: x"), cut(&["a"]), "truncated a 0 constrained"),
        (ask().regex_pattern("a+"), cut(&["a"]), "truncated a 0 constrained"),
        (ask().json_schema(json!({"type": "object"})), cut(&["a"]), "truncated a 0 constrained"),
        (ask().response_format(tabbyapi::api::ResponseFormat::json()), cut(&["a"]), "truncated a 0 constrained"),
        (ask().extra("guided_json", json!({})), cut(&["a"]), "truncated a 0 constrained"),
        (ask().add_generation_prompt(false), cut(&["a"]), "truncated a 0 not_resumable"),
    ];
    for (request, reply, expected) in cases {
        let (ended, bodies) = run([reply], &request);
        assert_eq!((reported(&ended).as_str(), bodies.len()), (expected, 1), "{request:?}");
        let error = ended.unwrap_err().error;
        assert!(error.to_string().contains("(not resumed: "), "{error}");
    }
    // Tools that were not called yet are no reason.
    let (ended, _) = run([cut(&["a"]), rest("b")], &ask().tools([tool]));
    assert_eq!(reported(&ended), "ab 1");
    // As long as nothing has arrived, all is asked for again.
    let nothing = Reply::events().fail("reset");
    let (ended, _) = run([nothing, rest("{}")], &ask().response_format(tabbyapi::api::ResponseFormat::json()));
    assert_eq!(reported(&ended), "{} 1");
}

#[test]
fn a_server_that_refuses_the_rest_is_not_asked_again() {
    let words = "continue_final_message is set but the final message does not appear in the rendered prompt. \
                 The prompt template may rewrite or drop the final message.";
    let cases = [
        (Reply::json(422, json!({"detail": words}).to_string()), "cannot_continue"),
        (Reply::json(400, r#"{"detail":"TemplateError: no"}"#), "cannot_continue"),
        (
            Reply::json(400, r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#),
            "context_length_exceeded",
        ),
        (Reply::json(401, r#"{"detail":"Invalid API key"}"#), "invalid_key"),
    ];
    for (reply, code) in cases {
        let (ended, _) = run([cut(&["a"]), reply, rest("b")], &ask());
        assert_eq!(reported(&ended), format!("truncated a 1 {code}"));
        let broken = ended.unwrap_err();
        // The error is why it broke; the attempts say the rest.
        assert_eq!(broken.error.code(), "connection_lost");
        let cause = broken.error.record().unwrap().attempts[1].cause.clone().unwrap();
        assert!(cause == code || cause == "template_error", "{cause}");
    }
}

#[test]
fn another_model_does_not_go_on_with_the_answer() {
    let other = || {
        let chunk = json!({"id": "x", "choices": [{"index": 0, "delta": {"content": "?"}}], "model": "other"});
        Reply::events().chunk(format!("data: {chunk}\n\n")).chunk(end("stop", 1, 1))
    };
    let (ended, _) = run([cut(&["a"]), other()], &ask());
    assert_eq!(reported(&ended), "truncated a 1 other_model");
    let (ended, _) = run_with([cut(&["a"]), other()], &ask(), Resume::new().any_model(true));
    assert_eq!(reported(&ended), "a? 1");
    assert_eq!(ended.unwrap().model, "m");
    // Where there is a third server, it is asked.
    let script = Script::new([cut(&["a"]), other(), rest("b")]);
    let pool = |script: &Script| {
        Client::builder("http://one.test")
            .server(Server::new("http://two.test").unwrap())
            .server(Server::new("http://three.test").unwrap())
            .build_with(script.clone())
            .unwrap()
    };
    let ended = block_on(pool(&script).chat().stream(&ask()).resume(Resume::new()).finish());
    assert_eq!(reported(&ended), "ab 2");
    let servers: Vec<_> = script.requests().iter().map(|request| request.uri().host().unwrap().to_owned()).collect();
    assert_eq!(servers, ["one.test", "two.test", "three.test"]);
    assert_eq!(script.dropped(), 2);

    let thinks = Reply::events().chunk(delta(json!({"reasoning_content": "Hm"}))).chunk(text("b"));
    assert_eq!(reported(&run([cut(&["a"]), thinks], &ask()).0), "truncated a 1 reasoning_restarted");
}

#[test]
fn the_server_that_failed_is_avoided_and_there_is_no_wait() {
    let script = Script::new([cut(&["a"]), cut(&["b"]), rest("c")]);
    let client = Client::builder("http://one.test")
        .server(Server::new("http://two.test").unwrap())
        .build_with(script.clone())
        .unwrap();
    let ended = block_on(client.chat().stream(&ask()).resume(Resume::new()).finish());
    assert_eq!(reported(&ended), "abc 2");
    let record = ended.unwrap().meta().record().clone();
    let attempts: Vec<_> =
        record.attempts.iter().map(|a| (a.base.as_str(), a.retry_after.map(|w| w.is_zero()))).collect();
    assert_eq!(
        attempts,
        [("http://one.test", Some(true)), ("http://two.test", Some(false)), ("http://one.test", None)]
    );
}

#[test]
fn budgets_are_kept() {
    let many = || (0..9).map(|_| cut(&["a"]));
    let (ended, bodies) = run_with(many(), &ask(), Resume::new().attempts(2));
    assert_eq!((reported(&ended).as_str(), bodies.len()), ("truncated aaa 2 attempts_used_up", 3));
    let (ended, bodies) = run_with(many(), &ask(), Resume::new().attempts(0));
    assert_eq!((reported(&ended).as_str(), bodies.len()), ("truncated a 0 attempts_used_up", 1));

    let script = Script::new(many());
    let client =
        Client::builder("http://one.test").retry_budget(RetryBudget::new(0.0, 1.0)).build_with(script).unwrap();
    let ended = block_on(client.chat().stream(&ask()).resume(Resume::new()).finish());
    assert_eq!(reported(&ended), "truncated aa 1 retry_budget_used_up");

    // The time for the whole call goes on.
    let slow =
        || Reply::events().wait(Duration::from_secs(6)).chunk(text("a")).wait(Duration::from_secs(3)).fail("reset");
    let script = Script::new([slow(), slow(), slow(), slow()]);
    let timed =
        |total| client_with(&script, Options::new().timeouts(Timeouts::STREAM.total(Duration::from_secs(total))));
    let base = Resume::new().base(Duration::ZERO);
    let ended = block_on(timed(20).chat().stream(&ask()).resume(base.clone()).finish());
    assert_eq!(reported(&ended), "total_timeout aa 2 -");
    assert_eq!(ended.unwrap_err().error.record().unwrap().elapsed(), Some(Duration::from_secs(20)));
    let late = Script::new([slow(), rest("b")]);
    let timed = client_with(&late, Options::new().timeouts(Timeouts::STREAM.total(Duration::from_secs(10))));
    let wait = Resume::new().base(Duration::from_secs(600)).cap(Duration::from_secs(600));
    let ended = block_on(timed.chat().stream(&ask()).resume(wait).finish());
    assert_eq!(reported(&ended), "truncated a 0 timeout_total");

    // A breaker that opens ends it.
    let script = Script::new(many());
    let breaker = Breaker::new().min_attempts(1).open_for(Duration::from_secs(60));
    let client = Client::builder("http://one.test").breaker(breaker).build_with(script).unwrap();
    let ended = block_on(client.chat().stream(&ask()).resume(Resume::new()).finish());
    assert_eq!(reported(&ended), "truncated a 1 circuit_open");
}

fn client_with(script: &Script, options: Options) -> Client {
    Client::builder("http://one.test").options(options).build_with(script.clone()).unwrap()
}

#[test]
fn what_is_whole_but_for_its_announced_end_ends_well() {
    let done = "data: [DONE]\n\n";
    let whole = end("stop", 3, 2);
    let first = Reply::events().chunk(text("all")).chunk(whole.strip_suffix(done).unwrap().to_owned()).fail("reset");
    let (ended, bodies) = run([first], &ask());
    assert_eq!((reported(&ended).as_str(), bodies.len()), ("all 0", 1));
    assert_eq!(ended.unwrap().usage.as_ref().unwrap().total_tokens, 5);
}

#[test]
fn tokens_that_are_used_up_end_it_with_length() {
    let (ended, bodies) = run([cut(&["a", "b"])], &ask().max_tokens(2));
    assert_eq!((reported(&ended).as_str(), bodies.len()), ("ab 0", 1));
    let answer = ended.unwrap();
    assert_eq!(answer.choices[0].finish_reason.as_ref().unwrap(), &"length");
    assert_eq!(answer.meta().record().items, 3);
    // Log probabilities count better than chunks, and the server best.
    let likely = json!({"content": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -1.0}, {"token": "c", "logprob": -1.0}]});
    let three = choice(json!({"index": 0, "delta": {"content": "abc"}, "logprobs": likely}));
    let (_, bodies) = run([Reply::events().chunk(three).fail("reset"), rest("d")], &ask().max_tokens(10).logprobs(1));
    assert_eq!(bodies[1]["max_tokens"], 7);
    let counted = json!({"choices": [{"index": 0, "delta": {"content": "abc"}}], "usage": {"completion_tokens": 4, "prompt_tokens": 2, "total_tokens": 6}});
    let first = Reply::events().chunk(format!("data: {counted}\n\n")).fail("reset");
    let (ended, bodies) = run([first, rest("d")], &ask().extra("max_completion_tokens", 10));
    assert_eq!(bodies[1]["max_tokens"], 6);
    let usage = ended.unwrap().usage.clone().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (11, 5, 16));
}

#[test]
fn errors_that_are_no_breaks_stay_what_they_are() {
    let event = |error: &str| Reply::events().chunk(text("a")).chunk(format!("data: {{\"error\":{error}}}\n\n"));
    let cases = [
        (event(r#"{"message":"no","code":"context_length_exceeded"}"#), ErrorKind::Server, "context_length_exceeded"),
        (event(r#"{"message":"odd"}"#), ErrorKind::Server, "stream_error"),
        (Reply::events().chunk(text("a")).chunk("data: {\n\n"), ErrorKind::Decode, "invalid_json"),
        (Reply::json(422, r#"{"detail":[]}"#), ErrorKind::Server, "validation_failed"),
        (
            Reply::events().chunk("data: {\"error\":{\"message\":\"Chat completion aborted.\"}}\n\n"),
            ErrorKind::Server,
            "generation_aborted",
        ),
    ];
    for (reply, kind, code) in cases {
        let (ended, bodies) = run([reply, rest("b")], &ask());
        let broken = ended.unwrap_err();
        assert_eq!((broken.error.kind(), broken.error.code().as_str(), bodies.len()), (kind, code, 1));
        assert_eq!(broken.error.record().unwrap().not_resumed, None);
    }
    // Retries before anything has come are those of any call.
    let (ended, bodies) = run((0..5).map(|_| Reply::refused("no")), &ask());
    assert_eq!((ended.unwrap_err().error.kind(), bodies.len()), (ErrorKind::Connect, 3));
}

#[test]
fn whoever_asks_is_reported() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let resume = Resume::new().attempts(1).base(Duration::ZERO).on_resume(move |event| {
        log.lock().unwrap().push((event.error.code().to_string(), event.action.clone(), event.items, event.resumes));
    });
    let (ended, _) = run_with([cut(&["a"]), cut(&["b"])], &ask(), resume);
    assert_eq!(reported(&ended), "truncated ab 1 attempts_used_up");
    let lost = "connection_lost".to_owned();
    let expected = [
        (lost.clone(), ResumeAction::Resumed { wait: Duration::ZERO }, 1, 1),
        (lost, ResumeAction::Refused { code: tabbyapi::ErrorCode::AttemptsUsedUp }, 2, 1),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_stream_that_was_polled_cannot_be_changed() {
    let script = Script::new([cut(&["a"])]);
    let client = client(&script);
    let ended = block_on(async {
        let mut stream = client.chat().stream(&ask());
        assert!(stream.next().await.unwrap().is_ok());
        stream.resume(Resume::new()).finish().await
    });
    let broken = ended.unwrap_err();
    assert_eq!((broken.error.kind(), broken.outcome, broken.partial.text()), (ErrorKind::Misuse, Outcome::Failed, "a"));
}

#[test]
fn it_can_be_stopped_and_cancelled_at_each_point() {
    // Before it begins, in a part, between two parts.
    for polls in 0..3 {
        let script = Script::new([cut(&["a"]), rest("b")]);
        let mut stream = client(&script).chat().stream(&ask()).resume(Resume::new());
        block_on(async {
            for _ in 0..polls {
                stream.next().await.unwrap().unwrap();
            }
            stream.stop();
            assert_eq!(stream.next().await.map(|item| item.is_ok()), None);
        });
        let arrived = stream.so_far().text().to_owned();
        assert_eq!((arrived.as_str(), stream.outcome()), (&"ab"[..polls], Some(Outcome::Stopped)));
        assert_eq!(script.requests().len(), polls);
    }
}

#[test]
fn completions_go_on_with_the_prompt_and_the_text() {
    let chunk = |text: &str, offsets: Value, tokens: Value| {
        let likely = json!({"tokens": tokens, "token_logprobs": [-1.0, -1.0], "top_logprobs": [null, null], "text_offset": offsets});
        let chunk = json!({"id": "a", "choices": [{"index": 0, "text": text, "logprobs": likely}], "model_name": "m"});
        format!("data: {chunk}\n\n")
    };
    let last = "data: {\"id\":\"b\",\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}],\"model_name\":\"m\"}\n\ndata: [DONE]\n\n";
    let first = || Reply::events().chunk(chunk("Éa", json!([0, 1]), json!(["É", "a"])));
    let second = || Reply::events().chunk(chunk("bc", json!([0, 1]), json!(["b", "c"]))).chunk(last);
    let request = CompletionRequest::new("Once ").max_tokens(9).logprobs(1);
    let run = |replies: Vec<Reply>, request: &CompletionRequest| {
        let script = Script::new(replies);
        let ended = block_on(client(&script).completions().stream(request).resume(Resume::new()).finish());
        (ended, bodies(&script))
    };
    let (ended, bodies) = run(vec![first().fail("reset"), second()], &request);
    let answer = ended.unwrap();
    assert_eq!((answer.text(), &*answer.id), ("Éabc", "a"));
    assert_eq!(answer.choices[0].logprobs.as_ref().unwrap().text_offset, [0, 1, 2, 3]);
    assert_eq!((&bodies[1]["prompt"], &bodies[1]["max_tokens"]), (&json!("Once Éa"), &json!(7)));

    let why = |replies: Vec<Reply>, request: &CompletionRequest| {
        let error = run(replies, request).0.unwrap_err().error;
        error.record().unwrap().not_resumed.as_deref().map(str::to_owned)
    };
    let absolute = || first().chunk(chunk("bc", json!([2, 3]), json!(["b", "c"]))).fail("reset");
    assert_eq!(why(vec![absolute()], &request).as_deref(), Some("logprobs_apart"));
    let two = CompletionRequest::new(["a", "b"]).max_tokens(9);
    assert_eq!(why(vec![first().fail("reset")], &two).as_deref(), Some("several_choices"));
    // One prompt of a list is one prompt.
    let (ended, bodies) = run(vec![first().fail("reset"), second()], &CompletionRequest::new(["Once "]).max_tokens(9));
    assert_eq!((ended.unwrap().text(), &bodies[1]["prompt"]), ("Éabc", &json!(["Once Éa"])));
}
