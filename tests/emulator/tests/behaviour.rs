//! What a client of the emulator can rely on, over raw sockets. Order is asserted through gates and
//! the log, not through durations.

mod support;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use support::{Client, PATIENCE, chat, content, exchange, get, post};
use tabbyapi_emulator::{
    CannedResponse, DEFAULT_ADMIN_KEY as ADMIN, DEFAULT_API_KEY as API, Emulator, ModelSpec, Script,
};

fn start() -> Emulator {
    Emulator::builder().start().expect("the emulator should start")
}

fn open_stream(emulator: &Emulator, directive: &str) -> Client {
    let mut client = Client::connect(emulator.addr());
    client.send(&chat(directive, true));
    let head = client.head().expect("a head");
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    client
}

#[test]
fn the_header_rules_of_keys() {
    let emulator = start();
    let (key, permission) = ("Please provide an API key", "/v1/auth/permission");
    let cases = [
        (permission, "", 401, key),
        (permission, "X-API-Key: {api}", 200, "api"),
        (permission, "X-API-Key: {admin}", 200, "admin"),
        (permission, "X-API-Key: wrong", 401, "Invalid API key"),
        (permission, "Authorization: Bearer {api}", 200, "api"),
        (permission, "authorization: bEARER {admin}", 200, "admin"),
        (permission, "Authorization: {api}", 401, "Invalid API key"),
        (permission, "Authorization: Basic {api}", 401, "Invalid API key"),
        (permission, "X-Admin-Key: {admin}", 401, key),
        (permission, "X-Admin-Key: {admin}\r\nX-API-Key: {api}", 200, "admin"),
        (permission, "X-API-Key: wrong\r\nAuthorization: Bearer {api}", 401, "Invalid API key"),
        (permission, "X-API-Key:\r\nAuthorization: Bearer {api}", 400, "is invalid"),
        (permission, "X-API-Key: {api}\r\nX-Admin-Key: wrong", 400, "is invalid"),
        ("/v1/models", "X-API-Key:\r\nAuthorization: Bearer {api}", 500, "Internal Server Error"),
        ("/v1/models", "X-API-Key: {api}\r\nX-Admin-Key: wrong", 500, "Internal Server Error"),
        ("POST /v1/model/unload", "", 401, "Please provide an admin key"),
        ("POST /v1/model/unload", "X-API-Key: {admin}", 401, "Please provide an admin key"),
        ("POST /v1/model/unload", "X-Admin-Key: {api}", 401, "Invalid admin key"),
        ("POST /v1/model/unload", "Authorization: Bearer {api}", 401, "Invalid admin key"),
        ("POST /v1/model/unload", "Authorization: Bearer {admin}", 200, "null"),
    ];
    for (target, headers, status, text) in cases {
        let target = if target.starts_with('/') { format!("GET {target}") } else { target.into() };
        let headers = headers.replace("{api}", API).replace("{admin}", ADMIN);
        let headers = if headers.is_empty() { headers } else { headers + "\r\n" };
        let reply = exchange(&emulator, format!("{target} HTTP/1.1\r\nHost: emulator\r\n{headers}\r\n").as_bytes());
        assert_eq!(reply.status, status, "{target} {headers}");
        assert!(reply.text().contains(text), "{target} {headers} {}", reply.text());
    }
}

#[test]
fn without_auth_all_are_admins() {
    let emulator = Emulator::builder().no_auth().start().unwrap();
    let reply = exchange(&emulator, b"GET /v1/auth/permission HTTP/1.1\r\nHost: e\r\n\r\n");
    assert_eq!(reply.text(), "{\"permission\":\"admin\"}");
}

#[test]
fn idle_connections_are_closed_and_busy_ones_are_not() {
    let emulator = Emulator::builder().keep_alive(Duration::from_millis(300)).start().unwrap();
    let mut client = Client::connect(emulator.addr());
    let mut busy = open_stream(&emulator, "{\"tokens\":[\"a\",\"b\"],\"gate\":true}");
    for _ in 0..2 {
        client.send(&get("/health"));
        assert_eq!(client.reply(true).unwrap().status, 200);
    }
    let idle = Instant::now();
    assert!(client.is_closed());
    assert!(idle.elapsed() >= Duration::from_millis(200));
    emulator.release(3);
    assert_eq!(content(&busy.event().unwrap().unwrap()), "a");
    assert_eq!(emulator.log().connections_opened, 2);
}

#[test]
fn pings_come_without_progress() {
    let ping = Duration::from_millis(20);
    let emulator = Emulator::builder().ping_interval(ping).start().unwrap();
    let mut client = open_stream(&emulator, "{\"reply\":\"a\",\"gate\":true}");
    for _ in 0..3 {
        let chunk = String::from_utf8(client.chunk().unwrap().unwrap()).unwrap();
        assert!(chunk.starts_with(": ping - ") && chunk.ends_with("+00:00\r\n\r\n"), "{chunk}");
    }
    emulator.release(2);
    assert_eq!(content(&client.event().unwrap().unwrap()), "a");
}

#[test]
fn gated_tokens_come_one_by_one() {
    let emulator = start();
    let mut client = open_stream(&emulator, "{\"tokens\":[\"a\",\"b\"],\"gate\":true}");
    assert_eq!(emulator.log().events_sent, 0);
    emulator.release(1);
    assert_eq!(content(&client.event().unwrap().unwrap()), "a");
    assert_eq!(emulator.log().events_sent, 1);
    emulator.release(2);
    assert_eq!(content(&client.event().unwrap().unwrap()), "b");
    assert!(client.event().unwrap().unwrap().contains("\"finish_reason\": \"stop\""));
    assert_eq!(client.event().unwrap().unwrap(), "[DONE]");
    assert_eq!(client.event().unwrap(), None);
}

#[test]
fn a_client_that_goes_away_is_noticed() {
    let emulator = start();
    let mut client = open_stream(&emulator, "{\"reply\":\"a b\",\"gate\":true}");
    emulator.release(1);
    client.event().unwrap();
    drop(client);
    assert!(emulator.wait_for_disconnect(PATIENCE));
    let gone = &emulator.disconnects()[0];
    assert_eq!((gone.path.as_str(), gone.events_sent), ("/v1/chat/completions", 1));

    emulator.clear_log();
    let mut plain = Client::connect(emulator.addr());
    plain.send(&chat("{\"reply\":\"a\",\"gate\":true}", false));
    assert!(emulator.wait_for(|log| log.requests.len() == 1, PATIENCE));
    drop(plain);
    assert!(emulator.wait_for_disconnect(PATIENCE));
}

#[test]
fn a_complete_answer_is_no_disconnect() {
    let emulator = start();
    for stream in [false, true] {
        assert_eq!(exchange(&emulator, &chat("{\"reply\":\"a\"}", stream)).status, 200);
    }
    assert!(emulator.wait_for(|log| log.connections_closed == 2, PATIENCE));
    assert!(emulator.disconnects().is_empty());
}

#[test]
fn kill_resets_and_restart_serves_again() {
    let emulator = start();
    assert_eq!(exchange(&emulator, &chat("{\"reply\":\"a b\",\"fail_at\":1}", false)).status, 503);
    let mut stream = open_stream(&emulator, "{\"tokens\":[\"a\",\"b\"],\"gate\":true}");
    emulator.release(1);
    assert_eq!(content(&stream.event().unwrap().unwrap()), "a");
    emulator.kill();
    assert_eq!(stream.broken(), ErrorKind::ConnectionReset);
    assert!(std::net::TcpStream::connect(emulator.addr()).is_err());
    assert!(emulator.disconnects().is_empty());
    emulator.restart().unwrap();
    assert_eq!(exchange(&emulator, &get("/health")).status, 200);
}

#[test]
fn shutdown_cuts_streams_and_finishes_plain_requests() {
    let emulator = start();
    let mut stream = open_stream(&emulator, "{\"tokens\":[\"a\",\"b\"],\"gate\":true}");
    let mut plain = Client::connect(emulator.addr());
    plain.send(&chat("{\"tokens\":[\"x\"],\"gate\":true}", false));
    assert!(emulator.wait_for(|log| log.requests.len() == 2, PATIENCE));
    emulator.shutdown();
    assert_eq!(stream.broken(), ErrorKind::UnexpectedEof);
    // More than enough: the stream may take some while it is being cut.
    emulator.release(9);
    let reply = plain.reply(true).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(plain.is_closed());
}

#[test]
fn scripted_ends_of_streams() {
    let emulator = start();
    let mut cut = open_stream(&emulator, "{\"reply\":\"a b c\",\"cut_after\":2}");
    assert_eq!(content(&cut.event().unwrap().unwrap()), "a");
    assert_eq!(content(&cut.event().unwrap().unwrap()), " b");
    assert_eq!(cut.broken(), ErrorKind::UnexpectedEof);

    let mut reset = open_stream(&emulator, "{\"reply\":\"a\",\"cut_after\":0,\"reset\":true}");
    assert_eq!(reset.broken(), ErrorKind::ConnectionReset);

    let mut open = open_stream(&emulator, "{\"reply\":\"a\",\"no_done\":true}");
    assert_eq!(content(&open.event().unwrap().unwrap()), "a");
    assert!(open.event().unwrap().unwrap().contains("stop_token"));
    assert_eq!(open.event().unwrap(), None);

    let mut failed = open_stream(&emulator, "{\"reply\":\"a b\",\"fail_at\":1}");
    assert_eq!(content(&failed.event().unwrap().unwrap()), "a");
    let error = failed.event().unwrap().unwrap();
    assert!(error.starts_with("{\"error\":{\"message\":\"Chat completion aborted."), "{error}");
    assert_eq!(failed.event().unwrap(), None);

    let reply = exchange(&emulator, &chat("{\"raw\":\"data: 1\\n\\n\"}", true));
    assert_eq!(reply.text(), "data: 1\n\n");
}

#[test]
fn a_stalled_stream_only_pings() {
    let ping = Duration::from_millis(20);
    let emulator = Emulator::builder().ping_interval(ping).start().unwrap();
    let mut client = open_stream(&emulator, "{\"reply\":\"a b\",\"stall_after\":1}");
    assert_eq!(content(&client.event().unwrap().unwrap()), "a");
    for _ in 0..3 {
        assert!(client.chunk().unwrap().unwrap().starts_with(b": ping"));
    }
}

#[test]
fn split_events_come_in_small_chunks() {
    let emulator = start();
    let mut client = open_stream(&emulator, "{\"reply\":\"é\",\"split\":1}");
    assert_eq!(client.chunk().unwrap().unwrap(), b"d");
    assert_eq!(client.chunk().unwrap().unwrap(), b"a");
}

#[test]
fn scripted_answers_by_directive() {
    let emulator = start();
    let directive = "{\"status\":429,\"headers\":{\"retry-after\":\"3\"},\"body\":\"slow down\"}";
    let reply = exchange(&emulator, &chat(directive, true));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("3")));
    assert_eq!(reply.text(), "slow down");
    let reply = exchange(&emulator, &chat("{\"nonsense\":1}", false));
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("bad key or value: nonsense"), "{}", reply.text());
    let reply = exchange(&emulator, &chat("{\"fail\":\"before\"}", true));
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("aborted. Maybe the model was unloaded?"));
}

#[test]
fn queued_answers_come_before_the_servers() {
    let emulator = start();
    emulator.answer(CannedResponse::status(307).header("location", "/elsewhere").on("/v1/models"));
    emulator.answer(CannedResponse::status(502).body("<html>").times(2).on("/health"));
    emulator.answer(CannedResponse::reset().on("/props"));
    emulator.answer(CannedResponse::close().on("/props"));
    let reply = exchange(&emulator, &get("/v1/models?x=1"));
    assert_eq!((reply.status, reply.header("location")), (307, Some("/elsewhere")));
    assert_eq!(exchange(&emulator, &get("/v1/models")).status, 200);
    for status in [502, 502, 200] {
        assert_eq!(exchange(&emulator, &get("/health")).status, status);
    }
    for kind in [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof] {
        let mut client = Client::connect(emulator.addr());
        client.send(&get("/props"));
        assert_eq!(client.reply(true).unwrap_err().kind(), kind);
    }
    assert_eq!(emulator.requests()[0].path, "/v1/models?x=1");
}

#[test]
fn a_connection_may_die_behind_an_answer() {
    let emulator = start();
    emulator.answer(CannedResponse::served().close_after());
    let mut client = Client::connect(emulator.addr());
    client.send(&get("/health"));
    let reply = client.reply(true).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, None));
    assert!(client.is_closed());
}

#[test]
fn queued_scripts_are_used_in_order() {
    let emulator = Emulator::builder().script(Script::new().reply("one")).start().unwrap();
    emulator.script(Script::new().tokens(["t", "wo"]).finish_reason("odd"));
    let ask = post("/v1/chat/completions", "{\"messages\":[{\"content\":\"hi\"}]}");
    for (content, reason) in [("one", "stop"), ("two", "odd"), ("Echo: hi", "stop")] {
        let choice = &exchange(&emulator, &ask).json()["choices"][0];
        assert_eq!(choice["message"]["content"], content);
        assert_eq!(choice["finish_reason"], reason);
    }
}

#[test]
fn health_stays_bad_after_a_failed_generation() {
    let emulator = start();
    let failing = chat("{\"reply\":\"a b\",\"fail_at\":1,\"fail_message\":\"boom\"}", false);
    assert_eq!(exchange(&emulator, &failing).status, 503);
    assert_eq!(exchange(&emulator, &chat("{\"reply\":\"a\"}", false)).status, 200);
    let health = exchange(&emulator, &get("/health"));
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["status"], "unhealthy");
    assert_eq!(health.json()["issues"][0]["description"], "boom");
}

#[test]
fn a_load_waits_for_generations_and_for_other_loads() {
    let emulator = Emulator::builder()
        .model(ModelSpec::new("a"))
        .model(ModelSpec::new("b").modules(2))
        .gate_loads()
        .start()
        .unwrap();
    let mut stream = open_stream(&emulator, "{\"tokens\":[\"x\"],\"gate\":true}");
    let load = post("/v1/model/load", "{\"model_name\":\"b\"}");
    let (mut first, mut second) = (Client::connect(emulator.addr()), Client::connect(emulator.addr()));
    first.send(&load);
    assert_eq!(first.head().unwrap().status, 200);
    second.send(&load);
    assert_eq!(second.head().unwrap().status, 200);
    assert_eq!(emulator.loaded_model().as_deref(), Some("a"));
    // The first two releases are the stream's, for the load has not come to its gate.
    emulator.release(2);
    assert_eq!(content(&stream.event().unwrap().unwrap()), "x");
    emulator.release(2);
    for (module, status) in [(1, "processing"), (2, "processing"), (2, "finished")] {
        let event = first.event().unwrap().unwrap();
        let wanted = format!("{{\"model_type\":\"model\",\"module\":{module},\"modules\":2,\"status\":\"{status}\"}}");
        assert_eq!(event, wanted);
    }
    assert_eq!(first.event().unwrap(), None);
    assert_eq!(emulator.loaded_model().as_deref(), Some("b"));
    assert!(second.event().unwrap().unwrap().contains("\"module\":1,\"modules\":1"));
    assert!(second.event().unwrap().unwrap().contains("finished"));
    assert_eq!(second.event().unwrap(), None);
}

#[test]
fn a_load_goes_on_without_its_client_and_a_failed_one_leaves_nothing() {
    let emulator = Emulator::builder()
        .model(ModelSpec::new("a"))
        .model(ModelSpec::new("b"))
        .model(ModelSpec::new("bad").fails_after(1, "no room"))
        .gate_loads()
        .start()
        .unwrap();
    let mut client = Client::connect(emulator.addr());
    client.send(&post("/v1/model/load", "{\"model_name\":\"b\"}"));
    assert_eq!(client.head().unwrap().status, 200);
    drop(client);
    assert!(emulator.wait_for_disconnect(PATIENCE));
    emulator.release(6);
    assert!(emulator.wait_for(|_| emulator.loaded_model().as_deref() == Some("b"), PATIENCE));

    emulator.release(1);
    let reply = exchange(&emulator, &post("/v1/model/load", "{\"model_name\":\"bad\"}"));
    assert!(reply.text().ends_with("data: {\"error\":{\"message\":\"no room\",\"trace\":null}}\r\n\r\n"));
    assert_eq!(emulator.loaded_model(), None);
    assert_eq!(exchange(&emulator, &get("/v1/model")).status, 503);
}

#[test]
fn an_unload_cuts_plain_answers_and_hangs_streams() {
    let ping = Duration::from_millis(20);
    let emulator = Emulator::builder().ping_interval(ping).start().unwrap();
    let mut stream = open_stream(&emulator, "{\"tokens\":[\"x\",\"y\"],\"gate\":true}");
    emulator.release(1);
    assert_eq!(content(&stream.event().unwrap().unwrap()), "x");
    assert_eq!(exchange(&emulator, &post("/v1/model/unload", "")).text(), "null");
    emulator.release(9);
    for _ in 0..3 {
        assert!(stream.chunk().unwrap().unwrap().starts_with(b": ping"));
    }

    emulator.kill();
    emulator.restart().unwrap();
    emulator.clear_log();
    let mut plain = Client::connect(emulator.addr());
    let body = r#"{"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"[[fake:{\"delay\":3600}]]"}]}"#;
    plain.send(&post("/v1/chat/completions", body));
    assert!(emulator.wait_for(|log| log.requests.len() == 1, PATIENCE));
    assert_eq!(exchange(&emulator, &post("/v1/model/unload", "")).text(), "null");
    let reply = plain.reply(true).unwrap().json();
    // Though it was asked for.
    assert_eq!(reply["usage"], serde_json::Value::Null);
    let choice = &reply["choices"][0];
    assert_eq!(choice["message"]["content"], serde_json::Value::Null);
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["eos_reason"], serde_json::Value::Null);
}

#[test]
fn events_carry_several_tokens() {
    let emulator = Emulator::builder().tokens_per_chunk(3).start().unwrap();
    let contents = |directive: &str| {
        let mut stream = open_stream(&emulator, directive);
        let events = std::iter::from_fn(|| stream.event().unwrap()).take_while(|event| event != "[DONE]");
        events.map(|event| content(&event)).collect::<Vec<_>>()
    };
    let tokens = |directive: &str| format!("{{\"tokens\":[\"a\",\"b\",\"c\",\"d\",\"e\"]{directive}}}");
    assert_eq!(contents(&tokens("")), ["abc", "de", ""]);
    assert_eq!(contents(&tokens(",\"per_chunk\":9")), ["abcde", ""]);
    assert_eq!(contents(&tokens(",\"per_chunk\":1")), ["a", "b", "c", "d", "e", ""]);
    // What came before a failure is shown.
    let mut stream = open_stream(&emulator, &tokens(",\"fail_at\":2"));
    assert_eq!(content(&stream.event().unwrap().unwrap()), "ab");
    assert!(stream.event().unwrap().unwrap().contains("aborted"));
}

#[test]
fn inline_loading_wants_the_admin_key_for_every_other_name() {
    let emulator = Emulator::builder().inline_model_loading(true).start().unwrap();
    let ask = |key: &str, model: &str| {
        let body = format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"x\"}}]}}");
        let length = body.len();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: e\r\nContent-Type: application/json";
        let request = format!("{head}\r\nContent-Length: {length}\r\nAuthorization: Bearer {key}\r\n\r\n{body}");
        let reply = exchange(&emulator, request.as_bytes());
        (reply.status, reply.json())
    };
    for name in ["beta-3B-exl3", "unheard-of"] {
        let (status, body) = ask(API, name);
        assert_eq!(status, 401);
        let text = format!("Unable to switch model to {name} because an admin key isn't provided");
        assert_eq!(body["detail"], text);
    }
    assert_eq!(ask(API, "alpha-7B-exl3").0, 200);
    assert_eq!(ask(ADMIN, "unheard-of").1["model"], "alpha-7B-exl3");
    assert_eq!(ask(ADMIN, "beta-3B-exl3").1["model"], "beta-3B-exl3");
    assert_eq!(emulator.loaded_model().as_deref(), Some("beta-3B-exl3"));
}

#[test]
fn what_is_proposed_for_the_server() {
    let emulator = Emulator::builder().upcoming(true).model(ModelSpec::new("org/alpha")).start().unwrap();
    let body = r#"{"stream":true,"stream_options":{"include_usage":true},
        "tools":[{"type":"function","function":{"name":"weather","description":"d","parameters":{}}}],
        "messages":[{"role":"user","content":"[[fake:{\"reply\":\"<tool_call><function=weather><parameter=city>Unterwasser</parameter></function></tool_call>\"}]]"}]}"#;
    let mut client = Client::connect(emulator.addr());
    client.send(&post("/v1/chat/completions", body));
    assert_eq!(client.head().unwrap().status, 200);
    let mut events = Vec::new();
    while let Some(event) = client.event().unwrap().filter(|event| event != "[DONE]") {
        events.push(serde_json::from_str::<serde_json::Value>(&event).unwrap());
    }
    assert_eq!(events[0]["model"], "org/alpha");
    let delta = |at: usize| &events[at]["choices"][0]["delta"];
    assert_eq!(delta(0)["role"], "assistant");
    assert_eq!(delta(0)["tool_calls"][0]["function"], serde_json::json!({"name": "weather", "arguments": ""}));
    assert!(events.len() > 4, "{events:?}");
    let pieces = (0..events.len()).filter_map(|at| delta(at)["tool_calls"][0]["function"]["arguments"].as_str());
    assert_eq!(pieces.collect::<String>().replace(' ', ""), r#"{"city":"Unterwasser"}"#);
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    assert!(last["timings"]["predicted_n"].is_u64());
    assert!(last["usage"]["prompt_tokens_details"]["cached_tokens"].is_u64());

    let regex = r#"{"prompt":"x","max_tokens":4,"regex_pattern":"(a"}"#;
    let reply = exchange(&emulator, &post("/v1/completions", regex));
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (400, r#"{"detail":"Failed to compile the regular expression."}"#)
    );
}

#[test]
fn streaming_may_be_disabled() {
    let emulator = Emulator::builder().disable_request_streaming(true).start().unwrap();
    let reply = exchange(&emulator, &chat("{\"reply\":\"a\"}", true));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json()["object"], "chat.completion");
}

#[test]
fn log_probabilities_may_be_infinite() {
    let emulator = start();
    let body = |stream| {
        let prompt = "[[fake:{\\\"reply\\\":\\\"a b\\\",\\\"non_finite\\\":\\\"-inf\\\"}]]";
        format!("{{\"prompt\":\"{prompt}\",\"max_tokens\":9,\"logprobs\":1,\"stream\":{stream}}}")
    };
    let plain = exchange(&emulator, &post("/v1/completions", &body(false)));
    assert!(plain.text().contains("\"token_logprobs\":[null,-0."), "{}", plain.text());
    let stream = exchange(&emulator, &post("/v1/completions", &body(true)));
    assert!(stream.text().contains("\"token_logprobs\": [-Infinity]"), "{}", stream.text());
}

#[test]
fn choices_of_a_stream_interleave_by_index() {
    let emulator = start();
    let prompts = "[\"[[fake:{\\\"reply\\\":[\\\"p0a\\\",\\\"p0b\\\"]}]]\",\"[[fake:{\\\"reply\\\":[\\\"p1a\\\",\\\"p1b\\\"]}]]\"]";
    let body = format!("{{\"prompt\":{prompts},\"n\":2,\"max_tokens\":9,\"stream\":true}}");
    let reply = exchange(&emulator, &post("/v1/completions", &body));
    let mut texts = [const { String::new() }; 4];
    let mut order = Vec::new();
    for event in reply.text().split("\r\n\r\n").filter_map(|event| event.strip_prefix("data: {")) {
        let chunk: serde_json::Value = serde_json::from_str(&format!("{{{event}")).unwrap();
        let choice = &chunk["choices"][0];
        let index = choice["index"].as_u64().unwrap() as usize;
        texts[index].push_str(choice["text"].as_str().unwrap());
        order.push(index);
    }
    assert_eq!(texts, ["p0a", "p0b", "p1a", "p1b"]);
    assert_eq!(order[..8], [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn a_tool_named_in_the_prompt_is_called() {
    let emulator = start();
    let tool = "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"\",\
        \"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}}}";
    let body = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"use get_weather\"}}],\"tools\":[{tool}]}}");
    let reply = exchange(&emulator, &post("/v1/chat/completions", &body)).json();
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let function = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(function["arguments"], "{\"city\": \"text\"}");
}

#[test]
fn bodies_that_are_no_requests_are_answered() {
    let emulator = start();
    let deep = format!("{{\"prompt\":{}", "[".repeat(50_000));
    for (body, status) in [
        ("5", 422),
        ("null", 422),
        ("[]", 422),
        ("\"x\"", 422),
        (deep.as_str(), 422),
        ("{\"prompt\":NaN}", 500),
        ("{\"prompt\":\"x\",\"max_tokens\":\"5\",\"n\":1.0,\"stream\":\"no\"}", 200),
        ("{\"prompt\":\"x\",\"max_tokens\":5.5}", 422),
        ("{\"prompt\":\"x\",\"temperature\":null}", 503),
        ("{\"prompt\":\"x\",\"response_format\":null}", 500),
        ("{\"prompt\":\"x\",\"n\":999999999999}", 500),
        ("{\"prompt\":\"\\ud800\",\"max_tokens\":99999999999999999999999}", 400),
    ] {
        let reply = exchange(&emulator, &post("/v1/completions", body));
        let shown: String = body.chars().take(60).collect();
        assert_eq!(reply.status, status, "{shown}: {:.300}", reply.text());
    }
    assert_eq!(exchange(&emulator, &get("/health")).status, 200);
}

#[test]
fn a_taken_port_is_one_sentence() {
    let emulator = start();
    let port = emulator.addr().port();
    let error = Emulator::builder().port(port).start().unwrap_err();
    let wanted = format!("port {port} of 127.0.0.1 is taken: stop what listens there, or choose another port");
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn waiting_works_as_a_future_on_any_executor() {
    let emulator = start();
    let future = emulator.until(|log| log.requests.len() == 1, PATIENCE);
    let mut future = std::pin::pin!(future);
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(exchange(&emulator, &get("/health")).status, 200);
    assert_eq!(future.as_mut().poll(&mut context), std::task::Poll::Ready(true));
}
