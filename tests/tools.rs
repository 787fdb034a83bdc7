//! Runs with tools: over scripted answers, and over real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::pending;
use serde::Deserialize;
use serde_json::{Value, json};
use tabbyapi::api::{ChatMessage, ChatRequest, Tool, ToolChoice};
use tabbyapi::tools::{ToolEnd, ToolEvent, ToolFailureKind, ToolLimits, ToolRun, Tools};
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ErrorKind, Outcome};

#[derive(Deserialize)]
struct Place {
    city: String,
}

fn weather() -> Tools {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    Tools::new().add("get_weather", "Tells the weather in a city.", parameters, |place: Place| async move {
        match place.city.as_str() {
            "Atlantis" => Err("there is no station there"),
            city => Ok(format!("rain in {city}")),
        }
    })
}

fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test").build_with(script.clone()).unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("What is the weather?")]).max_tokens(100)
}

fn event(delta: Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    format!("data: {}\r\n\r\n", json!({"id": "x", "model": "m", "choices": [choice]}))
}

/// A streamed answer of this text.
fn says(text: &str) -> Reply {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}});
    Reply::events()
        .chunk(event(json!({"content": text}), None))
        .chunk(event(json!({}), Some("stop")))
        .chunk(format!("data: {usage}\r\n\r\ndata: [DONE]\r\n\r\n"))
}

/// A streamed answer that calls tools, by name and arguments, after a thought.
fn calls(calls: &[(&str, &str)]) -> Reply {
    let numbered = calls.iter().enumerate();
    let calls: Vec<_> = numbered
        .map(|(n, (name, arguments))| {
            json!({"id": format!("call_{n}"), "index": n, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}});
    Reply::events()
        .chunk(event(json!({"reasoning_content": "I must look."}), None))
        .chunk(event(json!({"tool_calls": calls}), Some("tool_calls")))
        .chunk(format!("data: {usage}\r\n\r\ndata: [DONE]\r\n\r\n"))
}

fn sent(script: &Script, request: usize) -> Value {
    serde_json::from_slice(script.requests()[request].body()).unwrap()
}

/// The results of its calls that the model received in the last request.
fn reported(script: &Script) -> Vec<String> {
    let body = sent(script, script.requests().len() - 1);
    let messages = body["messages"].as_array().unwrap().iter();
    messages.filter(|m| m["role"] == "tool").map(|m| m["content"].as_str().unwrap().to_owned()).collect()
}

/// The run's events, one word each.
async fn words(run: &mut ToolRun) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(event) = run.next().await {
        words.push(match event.unwrap() {
            ToolEvent::Chunk(_) => "chunk".to_owned(),
            ToolEvent::Answered { round, .. } => format!("answered {round}"),
            ToolEvent::Started { call } => format!("started {}", call.id),
            ToolEvent::Finished { call, result, .. } => {
                format!("{} {}", if result.is_ok() { "finished" } else { "failed" }, call.id)
            }
            other => panic!("{other:?}"),
        });
    }
    words
}

#[test]
fn the_round_trip() {
    let script = Script::new([
        calls(&[("get_weather", r#"{"city": "Oslo"}"#), ("get_weather", r#"{"city": "Bergen"}"#)]),
        says("Rain in both."),
    ]);
    let request = ask().tool_choice(ToolChoice::Required).tools([Tool::new("other", "", json!({}))]);
    let output = block_on(async {
        let mut run = client(&script).chat().run(&request, &weather());
        let expected = [
            "chunk",
            "chunk",
            "chunk",
            "answered 1",
            "started call_0",
            "started call_1",
            "finished call_0",
            "finished call_1",
            "chunk",
            "chunk",
            "chunk",
            "answered 2",
        ];
        assert_eq!(words(&mut run).await, expected);
        assert_eq!(run.rounds().unwrap().rounds(), 2);
        run.finish().await.unwrap()
    });
    assert_eq!((output.end, output.text(), output.reasoning()), (ToolEnd::Answered, "Rain in both.", ""));
    assert_eq!((output.rounds, output.calls, output.failures), (2, 2, 0));
    assert_eq!(output.usage.unwrap().total_tokens, 24);
    let roles: Vec<_> = output.messages.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "assistant"]);
    assert_eq!(output.messages[1].reasoning_content.as_deref(), Some("I must look."));
    assert_eq!(output.messages[1].text(), None, "reasoning is kept apart");

    assert_eq!(reported(&script), ["rain in Oslo", "rain in Bergen"]);
    let (first, second) = (sent(&script, 0), sent(&script, 1));
    assert_eq!((&first["stream"], &first["tool_choice"]), (&json!(true), &json!("required")));
    assert_eq!(second["tool_choice"], "auto");
    assert_eq!(second["tools"][0]["function"]["name"], "other");
    assert_eq!(second["tools"][1]["function"]["name"], "get_weather");
    assert_eq!(second["messages"][2]["tool_call_id"], "call_0");
    assert_eq!(second["messages"][1]["tool_calls"][0]["function"]["arguments"], r#"{"city": "Oslo"}"#);
}

#[test]
fn nothing_happens_unless_it_is_polled() {
    let script = Script::new([]);
    let run = client(&script).chat().run(&ask(), &weather());
    assert!(script.requests().is_empty());
    assert_eq!(run.cancel().end, ToolEnd::Unfinished);
}

#[test]
fn failures_are_reported_to_the_model_which_may_do_better() {
    let script = Script::new([
        calls(&[
            ("get_wether", "{}"),
            ("get_weather", r#"{"town": "Oslo"}"#),
            ("get_weather", "{"),
            ("get_weather", r#"{"city": "Atlantis"}"#),
        ]),
        says("Sorry."),
    ]);
    let output = block_on(client(&script).chat().run(&ask(), &weather()).finish()).unwrap();
    assert_eq!((output.end, output.calls, output.failures), (ToolEnd::Answered, 4, 4));
    assert_eq!(
        reported(&script),
        [
            r#"{"error":"unknown_tool","message":"there is no tool `get_wether`; the tools are: get_weather"}"#,
            r#"{"error":"bad_arguments","message":"missing field `city` at line 1 column 16"}"#,
            r#"{"error":"bad_arguments","message":"EOF while parsing an object at line 1 column 1"}"#,
            r#"{"error":"failed","message":"there is no station there"}"#,
        ]
    );
}

#[test]
fn a_call_that_hangs_is_given_up_and_the_others_are_kept() {
    let tools = weather()
        .add("hang", "", json!({}), |_: Value| async {
            pending::<()>().await;
            Ok::<_, String>(())
        })
        .limits(ToolLimits::new().timeout(Duration::from_secs(5)));
    let script = Script::new([calls(&[("hang", "{}"), ("get_weather", r#"{"city": "Oslo"}"#)]), says("Well.")]);
    let output = block_on(async {
        let mut run = client(&script).chat().run(&ask(), &tools);
        while let Some(event) = run.next().await {
            if let ToolEvent::Finished { call, result, elapsed } = event.unwrap() {
                let hung = call.function.name == "hang";
                assert_eq!(result.is_err_and(|failure| failure.kind == ToolFailureKind::TimedOut), hung);
                assert_eq!(elapsed.as_secs(), if hung { 5 } else { 0 });
            }
        }
        run.finish().await.unwrap()
    });
    assert_eq!(output.failures, 1);
    assert_eq!(
        reported(&script),
        [r#"{"error":"timed_out","message":"the call took longer than 5 seconds and was given up"}"#, "rain in Oslo"]
    );
    assert_eq!(script.now().since_epoch().as_secs(), 5);
}

#[test]
fn only_so_many_calls_run_at_a_time() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (now.clone(), most.clone());
    let tools = Tools::new()
        .add("work", "", json!({}), move |_: Value| {
            let (now, most) = counts.clone();
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                for _ in 0..3 {
                    let mut yielded = false;
                    std::future::poll_fn(|cx| {
                        cx.waker().wake_by_ref();
                        if std::mem::replace(&mut yielded, true) {
                            std::task::Poll::Ready(())
                        } else {
                            std::task::Poll::Pending
                        }
                    })
                    .await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, String>("done")
            }
        })
        .limits(ToolLimits::new().parallel(3).calls(8).timeout(None));
    let script = Script::new([calls(&[("work", "{}"); 10]), says("ok")]);
    let output = block_on(client(&script).chat().run(&ask(), &tools).finish()).unwrap();
    assert_eq!((most.load(Ordering::Relaxed), now.load(Ordering::Relaxed)), (3, 0));
    assert_eq!((output.calls, output.failures), (10, 2));
    assert_eq!(reported(&script).iter().filter(|text| text.contains("too_many_calls")).count(), 2);
}

#[test]
fn rounds_are_limited_and_the_conversation_can_be_gone_on_with() {
    let again = || calls(&[("get_weather", r#"{"city": "Oslo"}"#)]);
    let script = Script::new([again(), again(), again()]);
    let tools = weather().limits(ToolLimits::new().rounds(2));
    let output = block_on(client(&script).chat().run(&ask(), &tools).finish()).unwrap();
    assert_eq!((output.end, output.rounds, output.calls, output.failures), (ToolEnd::RoundLimit, 2, 2, 1));
    assert_eq!(script.remaining(), 1);
    let last = output.messages.last().unwrap();
    assert_eq!((last.role.as_str(), last.tool_call_id.as_deref()), ("tool", Some("call_0")));
}

#[test]
fn a_failure_can_end_the_run() {
    let script = Script::new([calls(&[("get_weather", r#"{"city": "Atlantis"}"#)])]);
    let tools = weather().limits(ToolLimits::new().stop_on_failure(true));
    let output = block_on(client(&script).chat().run(&ask(), &tools).finish()).unwrap();
    assert_eq!((output.end, output.failures), (ToolEnd::ToolFailed, 1));
    assert_eq!(script.requests().len(), 1);
}

#[test]
fn dropping_a_run_drops_its_calls_and_its_exchange() {
    let dropped = Arc::new(Mutex::new(0));
    struct Count(Arc<Mutex<i32>>);
    impl Drop for Count {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let counter = dropped.clone();
    let tools = Tools::new().add("hang", "", json!({}), move |_: Value| {
        let count = Count(counter.clone());
        async move {
            let _count = count;
            pending::<Result<(), String>>().await
        }
    });
    let script = Script::new([calls(&[("hang", "{}"); 2]), Reply::events().hang()]);
    block_on(async {
        let mut run = client(&script).chat().run(&ask(), &tools);
        while !matches!(run.next().await, Some(Ok(ToolEvent::Started { .. }))) {}
        assert_eq!(*dropped.lock().unwrap(), 0);
        drop(run);
        assert_eq!(*dropped.lock().unwrap(), 1);
        let before = script.dropped();
        let mut run = client(&script).chat().run(&ask(), &tools);
        assert!(futures::poll!(std::pin::pin!(run.next())).is_pending());
        drop(run);
        assert_eq!(script.dropped(), before + 1);
    });
}

#[test]
fn a_stream_that_breaks_keeps_the_whole_rounds_and_runs_no_half_call() {
    let half = Reply::events()
        .chunk(event(json!({"content": "So"}), None))
        .chunk(event(
            json!({"tool_calls": [{"id": "c", "index": 0, "function": {"name": "get_weather", "arguments": "{}"}}]}),
            None,
        ))
        .fail("reset");
    let script = Script::new([calls(&[("get_weather", r#"{"city": "Oslo"}"#)]), half]);
    let broken = block_on(client(&script).chat().run(&ask(), &weather()).finish()).unwrap_err();
    assert_eq!((broken.outcome, broken.error.kind()), (Outcome::Truncated, ErrorKind::Truncated));
    let partial = broken.partial;
    assert_eq!((partial.end, partial.rounds, partial.calls), (ToolEnd::Unfinished, 1, 1));
    assert_eq!((partial.messages.len(), partial.text()), (3, "So"));

    let script = Script::new([Reply::json(503, r#"{"detail":"No models are currently loaded."}"#)]);
    block_on(async {
        let mut run = client(&script).chat().run(&ask(), &weather());
        assert_eq!(run.next().await.unwrap().unwrap_err().code().as_str(), "no_model_loaded");
        assert!(run.next().await.is_none());
        let broken = run.finish().await.unwrap_err();
        assert_eq!((broken.outcome, broken.error.code().as_str()), (Outcome::ServerError, "no_model_loaded"));
        assert_eq!(broken.partial.messages.len(), 1);
    });
}

#[test]
fn several_choices_are_refused() {
    let script = Script::new([]);
    let broken = block_on(client(&script).chat().run(&ask().n(2), &weather()).finish()).unwrap_err();
    assert_eq!((broken.error.kind(), broken.outcome), (ErrorKind::Misuse, Outcome::Failed));
    assert!(script.requests().is_empty());
}

// Where there are no threads, they may hold what is not `Send`.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn runs_move_between_threads() {
    fn sent<T: Send + Unpin + 'static>() {}
    sent::<ToolRun>();
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Tools>();
}

#[cfg(feature = "reqwest")]
mod sockets {
    use super::*;
    use tabbyapi_emulator::{Emulator, Script};

    fn client(server: &Emulator) -> Client {
        Client::builder(server.url()).api_key(server.api_key()).build().unwrap()
    }

    fn call(city: &str) -> String {
        format!("<tool_call><function=get_weather><parameter=city>{city}</parameter></function></tool_call>")
    }

    #[tokio::test]
    async fn a_run_against_a_server() {
        let server = Emulator::builder().start().unwrap();
        server.script(Script::new().reply(format!("<think>I must look.</think>{}{}", call("Oslo"), call("Atlantis"))));
        server.script(Script::new().reply(call("Bergen")));
        server.script(Script::new().reply("It rains everywhere."));
        let output = client(&server).chat().run(&ask().max_tokens(500), &weather()).finish().await.unwrap();
        assert_eq!((output.end, output.text()), (ToolEnd::Answered, "It rains everywhere."));
        assert_eq!((output.rounds, output.calls, output.failures), (3, 3, 1));
        assert_eq!(output.messages[1].reasoning_content.as_deref(), Some("I must look."));
        let results: Vec<_> =
            output.messages.iter().filter(|m| m.role == "tool").map(|m| m.text().unwrap().to_owned()).collect();
        let failed = r#"{"error":"failed","message":"there is no station there"}"#;
        assert_eq!(results, ["rain in Oslo", failed, "rain in Bergen"]);
        let usage = output.usage.unwrap();
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
        assert!(usage.completion_tokens > 10);
    }

    #[tokio::test]
    async fn calls_that_the_server_cannot_read_are_an_end_of_their_own() {
        let server = Emulator::builder().start().unwrap();
        server.script(Script::new().reply("before<tool_call>garbage</tool_call>after"));
        let output = client(&server).chat().run(&ask(), &weather()).finish().await.unwrap();
        assert_eq!((output.end, output.text(), output.calls), (ToolEnd::Unreadable, "beforeafter", 0));

        server.script(Script::new().reply(call("Oslo")));
        let output = client(&server).chat().run(&ask().max_tokens(10), &weather()).finish().await.unwrap();
        assert_eq!((output.end, output.messages.len()), (ToolEnd::Unreadable, 1), "cut off");
    }
}
