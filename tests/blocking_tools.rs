//! Tools, fitting and typed answers on the blocking client, over real sockets.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::blocking::Client;
use tabbyapi::estimate::Estimator;
use tabbyapi::tools::{ToolEnd, ToolEvent, ToolLimits, Tools};
use tabbyapi::{ErrorKind, Outcome};
use tabbyapi_emulator::{Emulator, Script};

const PATIENCE: Duration = Duration::from_secs(30);

fn client(server: &Emulator) -> Client {
    Client::builder(server.url()).api_key(server.api_key()).admin_key(server.admin_key()).build().unwrap()
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(100)
}

/// What a model may call here.
fn tools() -> Tools {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    Tools::new().add("get_weather", "Tells the weather in a city.", parameters, |place: Value| async move {
        match place["city"].as_str() {
            Some("Nowhere") => std::future::pending().await,
            Some(city) => Ok(format!("rain in {city}")),
            None => Err("which city?"),
        }
    })
}

/// A call as the emulated model writes it.
fn call(city: &str) -> String {
    format!("<tool_call><function=get_weather><parameter=city>{city}</parameter></function></tool_call>")
}

#[test]
fn tools_are_run_on_the_calling_thread() {
    let server = Emulator::builder().start().unwrap();
    server.script(Script::new().reply(format!("{}{}", call("Oslo"), call("Bergen"))));
    server.script(Script::new().reply("Rain in both."));
    let mut run = client(&server).chat().run(&ask("What is the weather?"), &tools());
    let (mut started, mut finished, mut answered) = (0, 0, 0);
    for event in &mut run {
        match event.unwrap() {
            ToolEvent::Started { .. } => started += 1,
            ToolEvent::Finished { result, .. } => finished += usize::from(result.unwrap().starts_with("rain in ")),
            ToolEvent::Answered { .. } => answered += 1,
            _ => {}
        }
    }
    assert_eq!((started, finished, answered), (2, 2, 2));
    assert!(run.next().is_none());
    let output = run.finish().unwrap();
    assert_eq!((output.end, output.text(), output.calls), (ToolEnd::Answered, "Rain in both.", 2));
}

#[test]
fn tools_that_take_too_long_are_given_up() {
    let server = Emulator::builder().start().unwrap();
    server.script(Script::new().reply(call("Nowhere")));
    server.script(Script::new().reply("I cannot tell."));
    let mut limits = ToolLimits::default();
    limits.timeout = Some(Duration::from_millis(20));
    let output = client(&server).chat().run(&ask("x"), &tools().limits(limits)).finish().unwrap();
    assert_eq!((output.failures, output.text()), (1, "I cannot tell."));
    assert!(output.messages[2].text().unwrap().contains("took longer than 0.02 seconds"), "{:?}", output.messages);
}

#[test]
fn runs_with_tools_are_cancelled_from_another_thread() {
    let server = Emulator::builder().start().unwrap();
    server.script(Script::new().reply(call("Nowhere")));
    let mut limits = ToolLimits::default();
    limits.timeout = None;
    let mut run = client(&server).chat().run(&ask("x"), &tools().limits(limits));
    let stop = run.cancel_handle();
    for event in &mut run {
        if matches!(event.unwrap(), ToolEvent::Started { .. }) {
            break;
        }
    }
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        stop.cancel();
    });
    let broken = run.finish().unwrap_err();
    stopper.join().unwrap();
    assert_eq!((broken.outcome, broken.error.kind()), (Outcome::Cancelled, ErrorKind::Cancelled));
    assert_eq!(broken.partial.rounds, 1);

    // What the model writes is cut off, too, and what had come is kept.
    server.script(Script::new().tokens(["one", " two"]).gate());
    let mut run = client(&server).chat().run(&ask("x"), &tools());
    server.release(1);
    assert!(matches!(run.next(), Some(Ok(ToolEvent::Chunk(_)))));
    let partial = run.cancel();
    assert_eq!(partial.end, ToolEnd::Unfinished);
    assert!(server.wait_for_disconnect(PATIENCE));
}

#[test]
fn conversations_are_fitted_and_answers_are_typed() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let estimator = client.tokens().calibrate(&Estimator::new(), ["one two three four", "five six"]).unwrap();
    let fitted = client.chat().fit(&ask("short"), &estimator).unwrap();
    assert_eq!((fitted.messages.len(), fitted.dropped), (1, 0));

    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    server.script(Script::new().reply(r#"{"n": 7}"#));
    let value = client.chat().response_as_with_schema::<Value>(&ask("A number?"), schema).unwrap().value;
    assert_eq!(value["n"], 7);
}
