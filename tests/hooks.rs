//! Hooks: their order, what they see and may change, vetoes, retries and calls that are dropped, at virtual time.

mod common;

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::ops::{Generate, Read};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use tabbyapi::api::{ChatChunk, ChatCompletion, ChatMessage, ChatRequest};
use tabbyapi::auth::Credential;
use tabbyapi::call::{Attempt, Retry};
use tabbyapi::hooks::{self, Hook, Outgoing, View};
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ClientBuilder, Error, ErrorKind, Options, Outcome, Result, Timeouts};

type Log = Arc<Mutex<Vec<String>>>;

/// Notes each point that it is called at.
#[derive(Clone)]
struct Notes {
    name: &'static str,
    log: Log,
}

impl Notes {
    fn note(&self, call: &View<'_>, what: impl std::fmt::Display) -> Result<()> {
        let line = format!("{} {what} at {}", self.name, call.now.since_epoch().as_millis());
        self.log.lock().unwrap().push(line);
        Ok(())
    }
}

impl Hook for Notes {
    fn start(&mut self, call: &View<'_>) -> Result<()> {
        self.note(call, format!("start {} {}", call.method, call.path))
    }

    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        self.note(call, format!("request {}", request.uri))
    }

    fn response(&mut self, call: &View<'_>, head: &mut http::response::Parts) -> Result<()> {
        self.note(call, format!("response {}", head.status.as_u16()))
    }

    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        self.note(call, format!("item {:?}", item.downcast_ref::<String>()))
    }

    fn attempt(&mut self, call: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
        assert!(attempt.ended.is_some());
        self.note(call, format!("attempt {:?} {:?}", attempt.cause, error.map(Error::code)))
    }

    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        assert!(call.record.ended.is_some());
        self.note(call, format!("outcome {:?}", error.map(|error| error.code().to_string())))
    }
}

fn builder() -> ClientBuilder {
    Client::builder("http://tabby.test").api_key("the-key").sensitive_header("x-gateway", "the-secret")
}

fn words(pieces: &[&str]) -> Reply {
    pieces.iter().fold(Reply::events(), |reply, word| reply.chunk(format!("data: {word}\n\n")))
}

fn lines(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// A client whose hook vetoes at one point.
fn vetoed(script: &Script, veto: impl Hook + Clone + Sync, log: &Log) -> Client {
    let notes = Notes { name: "n", log: log.clone() };
    builder().hook(notes).hook(veto).build_with(script.clone()).unwrap()
}

fn veto() -> Error {
    Error::custom(ErrorKind::Policy, "vetoed", "the hook did not want it")
}

#[test]
fn the_way_out_is_in_order_and_the_way_back_reversed() {
    let script = Script::new([Reply::json(503, "{}"), words(&["a", "[DONE]"]).head_after(Duration::from_millis(20))]);
    let log = Log::default();
    let client = builder()
        .hook(Notes { name: "client", log: log.clone() })
        .retry(Retry::GENTLE.retry_generations(true).base(Duration::ZERO))
        .build_with(script)
        .unwrap()
        .with(Options::new().hook(Notes { name: "call", log: log.clone() }));
    let answer = block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap();
    assert_eq!(answer.into_inner(), "a");
    assert_eq!(
        lines(&log),
        [
            "client start POST /v1/generate at 0",
            "call start POST /v1/generate at 0",
            "client request http://tabby.test/v1/generate at 0",
            "call request http://tabby.test/v1/generate at 0",
            "call response 503 at 0",
            "client response 503 at 0",
            "call attempt Some(\"server_error\") Some(\"server_error\") at 0",
            "client attempt Some(\"server_error\") Some(\"server_error\") at 0",
            "client request http://tabby.test/v1/generate at 0",
            "call request http://tabby.test/v1/generate at 0",
            "call response 200 at 20",
            "client response 200 at 20",
            "call item Some(\"a\") at 20",
            "client item Some(\"a\") at 20",
            "call attempt None None at 20",
            "client attempt None None at 20",
            "call outcome None at 20",
            "client outcome None at 20",
        ]
    );
}

#[test]
fn requests_are_changed_anew_for_each_attempt_and_keys_stay_out_of_sight() {
    let script = Script::new([Reply::refused("no"), words(&["[DONE]"])]);
    let hook = hooks::on_request(|call, request| {
        assert!(!format!("{request:?} {call:?} {:?}", request.headers).contains("the-"), "{request:?}");
        assert!(!request.headers.contains_key("x-api-key") && !request.headers.contains_key("x-gateway"));
        assert_eq!(request.body, &br#"{"prompt":"p"}"#[..], "as it was");
        request.set_header("x-try", &call.record.attempt_count.to_string())?;
        request.set_header("x-api-key", "forged")?;
        request.set_header("X-Gateway", "forged")?;
        request.set_field("prompt", "q")
    });
    let client = builder().hook(hook).build_with(script.clone()).unwrap();
    block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap();
    let requests = script.requests();
    assert_eq!(requests.len(), 2);
    for (index, request) in requests.iter().enumerate() {
        assert_eq!(request.headers()["x-try"], index.to_string().as_str());
        assert_eq!(request.headers()["x-api-key"], "the-key");
        assert_eq!(request.headers()["x-gateway"], "the-secret");
        assert_eq!(request.headers().get_all("x-gateway").iter().count(), 1);
        assert_eq!(request.body(), &br#"{"prompt":"q"}"#[..]);
    }
}

#[test]
fn a_veto_before_sending_sends_nothing() {
    let (script, log) = (Script::new([Reply::json(200, "1")]), Log::default());
    let client = vetoed(&script, hooks::on_request(|_, _| Err(veto())), &log);
    let error = block_on(client.call(&Read)).unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Policy, "vetoed"));
    assert_eq!(error.to_string(), "GET http://tabby.test/v1/read: the hook did not want it");
    assert_eq!(error.record().unwrap().attempt_count, 0);
    assert_eq!(script.requests().len(), 0);
    assert_eq!(client.servers()[0].in_flight, 0);
    let lines = lines(&log);
    assert_eq!(lines[lines.len() - 1], "n outcome Some(\"vetoed\") at 0");
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn a_veto_at_the_start_asks_for_no_key() {
    #[derive(Clone)]
    struct Never;
    impl Hook for Never {
        fn start(&mut self, _: &View<'_>) -> Result<()> {
            Err(veto())
        }
    }
    let script = Script::new([]);
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    let client = builder()
        .hook(Never)
        .key_source(move |_, _| {
            *count.lock().unwrap() += 1;
            async { Ok(Some(Credential::api_key("k")?)) }
        })
        .build_with(script.clone())
        .unwrap();
    assert_eq!(block_on(client.call(&Read)).unwrap_err().code(), "vetoed");
    assert_eq!((*asked.lock().unwrap(), script.requests().len()), (0, 0));
}

#[test]
fn responses_can_be_rewritten_and_refused() {
    let script = Script::new([Reply::json(500, "7"), Reply::json(200, "7")]);
    let rewrite = hooks::on_response(|_, head| {
        head.status = http::StatusCode::OK;
        head.headers.insert("x-seen", http::HeaderValue::from_static("yes"));
        Ok(())
    });
    let client = builder().build_with(script.clone()).unwrap();
    let answer = block_on(client.with(Options::new().hook(rewrite)).call(&Read)).unwrap();
    assert_eq!(
        (answer.meta().status().as_u16(), &answer.meta().headers()["x-seen"]),
        (200, &http::HeaderValue::from_static("yes"))
    );
    assert_eq!(
        answer.meta().record().attempts[0].status.unwrap().as_u16(),
        500,
        "the record tells what the server said"
    );

    let refuse = hooks::on_response(|_, _| Err(veto()));
    let error = block_on(client.with(Options::new().hook(refuse)).call(&Read)).unwrap_err();
    assert_eq!((error.code().as_str(), error.status().unwrap().as_u16()), ("vetoed", 200));
    assert_eq!(script.dropped(), 1, "cancelled on the wire");
}

#[test]
fn items_are_rewritten_before_they_are_added_up() {
    let event =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let body = event("Call 555-0199") + &event(" now") + "data: [DONE]\n\n";
    let whole = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Call 555-0199"}}]}"#;
    let script = Script::new([Reply::events().chunk(body), Reply::json(200, whole)]);
    let chunks = hooks::on_item(|_, chunk: &mut ChatChunk| {
        for choice in chunk.choices.iter_mut() {
            choice.delta.content = choice.delta.content.take().map(|text| text.replace("555-0199", "[number]").into());
        }
        Ok(())
    });
    let answers = hooks::on_item(|_, answer: &mut ChatCompletion| {
        answer.choices.truncate(0);
        Ok(())
    });
    let client = builder().hook(chunks).hook(answers).build_with(script).unwrap();
    let request = ChatRequest::new([ChatMessage::user("Whom?")]);
    let answer = block_on(client.chat().stream(&request).finish()).unwrap();
    assert_eq!(answer.text(), "Call [number] now");
    assert_eq!(block_on(client.chat().create(&request)).unwrap().text(), "", "whole answers are items too");
}

#[test]
fn a_veto_on_an_item_ends_the_stream_with_what_had_arrived() {
    let (script, log) = (Script::new([words(&["one ", "two ", "three "]).hang()]), Log::default());
    let hook = hooks::on_item(|call, word: &mut String| match word.trim() {
        "three" => {
            assert_eq!(call.record.items, 2);
            Err(veto())
        }
        _ => Ok(()),
    });
    let client = vetoed(&script, hook, &log);
    let broken = block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
    assert_eq!((broken.partial.as_str(), broken.outcome), ("one two ", Outcome::Failed));
    assert_eq!((broken.error.code().as_str(), broken.error.record().unwrap().items), ("vetoed", 2));
    assert_eq!((script.requests().len(), script.dropped()), (1, 1));
    assert_eq!(lines(&log).last().unwrap(), "n outcome Some(\"vetoed\") at 0");
}

#[test]
fn a_veto_on_an_attempt_stands_in_for_another_one() {
    #[derive(Clone)]
    struct Once;
    impl Hook for Once {
        fn attempt(&mut self, _: &View<'_>, attempt: &Attempt, error: Option<&Error>) -> Result<()> {
            assert_eq!(error.unwrap().code(), "connect");
            assert!(attempt.retry_after.is_some(), "there was to be another one");
            Err(veto())
        }
    }
    let (script, log) = (Script::new([Reply::refused("no"), Reply::json(200, "1")]), Log::default());
    let error = block_on(vetoed(&script, Once, &log).call(&Read)).unwrap_err();
    assert_eq!((error.code().as_str(), script.requests().len()), ("vetoed", 1));
    assert_eq!(lines(&log).last().unwrap(), "n outcome Some(\"vetoed\") at 0");
}

#[test]
fn outcomes_can_be_rewritten_but_not_hidden() {
    let script = Script::new([Reply::json(404, "{}"), Reply::json(200, "1")]);
    let rename = hooks::on_outcome(|_, error| match error {
        Some(error) => {
            *error = Error::custom(error.kind(), "renamed", "something else");
            Ok(())
        }
        None => Err(veto()),
    });
    let client = builder().hook(rename).build_with(script).unwrap();
    let error = block_on(client.call(&Read)).unwrap_err();
    assert_eq!(error.to_string(), "GET http://tabby.test/v1/read: the server answered 404: something else");
    assert_eq!((error.code().as_str(), error.record().unwrap().attempt_count), ("renamed", 1));
    assert_eq!(block_on(client.call(&Read)).unwrap_err().code().as_str(), "vetoed");
}

#[test]
fn dropped_calls_have_an_outcome_and_unbegun_ones_none() {
    let (log, script) =
        (Log::default(), Script::new([words(&["a"]).hang(), Reply::status(200).head_after(Duration::MAX)]));
    let client = builder().hook(Notes { name: "n", log: log.clone() }).build_with(script.clone()).unwrap();
    drop(client.stream(&Generate::new(Timeouts::STREAM)));
    drop(client.call(&Read));
    assert_eq!(lines(&log), [""; 0]);

    let mut stream = client.stream(&Generate::new(Timeouts::STREAM));
    assert_eq!(block_on(stream.next()).unwrap().unwrap(), "a");
    lines(&log);
    drop(stream);
    let cancelled = ["n attempt Some(\"cancelled\") Some(\"cancelled\") at 0", "n outcome Some(\"cancelled\") at 0"];
    assert_eq!(lines(&log), cancelled);

    let mut call = client.call(&Read);
    assert!((&mut call).now_or_never().is_none());
    lines(&log);
    drop(call);
    assert_eq!(lines(&log), cancelled);
    assert_eq!(client.servers()[0].in_flight, 0);
}

#[test]
fn a_call_has_one_outcome_however_it_is_driven_after_its_end() {
    let (log, script) = (Log::default(), Script::new([words(&["a", "[DONE]"])]));
    let client = builder().hook(Notes { name: "n", log: log.clone() }).build_with(script).unwrap();
    let mut stream = client.stream(&Generate::new(Timeouts::STREAM));
    block_on(async {
        while stream.next().await.is_some() {}
        assert!(StreamExt::next(&mut stream).await.is_none());
    });
    drop(stream);
    assert_eq!(lines(&log).iter().filter(|line| line.contains("outcome")).count(), 1);
}

#[test]
fn each_call_has_fields_of_its_own() {
    /// Allows two items for each call.
    #[derive(Clone, Default)]
    struct Two(u32);
    impl Hook for Two {
        fn item(&mut self, _: &View<'_>, _: &mut dyn Any) -> Result<()> {
            self.0 += 1;
            if self.0 > 2 { Err(veto()) } else { Ok(()) }
        }
    }
    let script = Script::new([words(&["a", "b", "c"]), words(&["d", "e", "f"])]);
    let client = builder().hook(Two::default()).build_with(script.clone()).unwrap();
    for partial in ["ab", "de"] {
        let broken = block_on(client.stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err();
        assert_eq!(broken.partial, partial);
    }
    assert_eq!(script.now().since_epoch(), Duration::ZERO);
}

// Where a panic ends everything, there is no later call.
#[cfg(panic = "unwind")]
#[test]
fn a_hook_that_panics_is_not_called_again() {
    let calls = Arc::new(Mutex::new(0));
    let count = calls.clone();
    let script = Script::new([Reply::json(200, "1")]);
    let hook = hooks::on_response(|_, _| panic!("the user's own"));
    let outcome = hooks::on_outcome(move |_, _| {
        *count.lock().unwrap() += 1;
        Ok(())
    });
    let client = builder().hook(hook).hook(outcome).build_with(script).unwrap();
    let call = client.call(&Read);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(call))).is_err());
    assert_eq!(*calls.lock().unwrap(), 0);
    assert_eq!(client.servers()[0].in_flight, 0, "the place was given back");
}

#[cfg(feature = "blocking")]
#[test]
fn blocking_clients_have_the_same_hooks() {
    let server = tabbyapi_emulator::Emulator::builder().start().unwrap();
    let log = Log::default();
    let client = tabbyapi::blocking::Client::builder(server.url())
        .api_key(server.api_key())
        .hook(Notes { name: "n", log: log.clone() })
        .build()
        .unwrap();
    let request = ChatRequest::new([ChatMessage::user("hello")]).max_tokens(20);
    let text = client.chat().stream(&request).finish().unwrap().text().len();
    assert!(text > 0);
    let names: Vec<_> = lines(&log).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(names[..3], ["start", "request", "response"]);
    assert_eq!(names[names.len() - 2..], ["attempt", "outcome"]);

    let mut stream = client.chat().stream(&request);
    stream.next().unwrap().unwrap();
    drop(stream);
    assert!(lines(&log).last().unwrap().starts_with("n outcome Some(\"cancelled\")"));
}
