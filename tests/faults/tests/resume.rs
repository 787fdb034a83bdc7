//! Streams that are resumed, over sockets that are cut: at every byte of an answer, and at random ones. The emulator always says the same, so
//! the joined stream is the one that nobody cut, item by item.

use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest};
use tabbyapi::call::Record;
use tabbyapi::policy::{Resume, RetryBudget, Server};
use tabbyapi::{Client, Error, Options, TimeoutPolicy, Timeouts, blocking};
use tabbyapi_emulator::{DEFAULT_API_KEY, Emulator};
use tabbyapi_faults::{At, Fault, LONG, Proxy, Then};

/// What is asked for.
#[derive(Clone, Debug)]
enum Ask {
    Chat(Box<ChatRequest>),
    Completion(Box<CompletionRequest>),
}

/// What came of it.
#[derive(Debug)]
struct Seen {
    /// Text and reasoning of each item.
    items: Vec<(String, String)>,
    /// Text and finish reason of the sum.
    sum: (String, Option<String>),
    error: Option<Error>,
    record: Record,
}

enum Subject {
    Async(Client, tokio::runtime::Runtime),
    Blocking(blocking::Client),
}

impl Subject {
    /// One of each. Each request has a connection of its own, so that it meets the fault that is meant for it.
    fn both(urls: &[String], idle: Duration) -> [Subject; 2] {
        let stream = Timeouts::STREAM.idle(idle).first_item(idle).head(idle);
        let options = Options::new().timeout_policy(TimeoutPolicy::DEFAULT.stream(stream));
        let options = options.header("connection", "close").unwrap();
        let builder = || {
            let builder = Client::builder(urls[0].as_str()).api_key(DEFAULT_API_KEY).options(options.clone());
            let builder = builder.retry_budget(RetryBudget::UNBOUNDED);
            let add = |builder: tabbyapi::ClientBuilder, url: &String| {
                builder.server(Server::new(url.as_str()).unwrap().api_key(DEFAULT_API_KEY).unwrap())
            };
            urls[1..].iter().fold(builder, add)
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let blocking = blocking::ClientBuilder::from(builder()).build().unwrap();
        [Subject::Async(builder().build().unwrap(), runtime), Subject::Blocking(blocking)]
    }

    fn run(&self, ask: &Ask) -> Seen {
        let resume = Resume::new().base(Duration::ZERO);
        let mut items = Vec::new();
        macro_rules! read {
            ($stream:expr, $item:ident, $next:expr, $texts:expr, $sum:expr) => {{
                let mut stream = $stream;
                let mut error = None;
                while let Some(next) = $next(&mut stream) {
                    match next {
                        Ok($item) => items.push($texts),
                        Err(failed) => error = Some(failed),
                    }
                }
                let record = stream.record().unwrap().clone();
                let sum = $sum(stream.so_far());
                Seen { items, sum, error, record }
            }};
        }
        macro_rules! chat {
            ($client:expr, $request:expr, $next:expr) => {
                read!(
                    $client.chat().stream($request).resume(resume),
                    chunk,
                    $next,
                    (chunk.text().to_owned(), chunk.reasoning().to_owned()),
                    |sum: &tabbyapi::api::ChatCompletion| {
                        let reason = sum.choices.first().and_then(|choice| choice.finish_reason.as_ref());
                        (sum.text().to_owned(), reason.map(|reason| reason.to_string()))
                    }
                )
            };
        }
        macro_rules! complete {
            ($client:expr, $request:expr, $next:expr) => {
                read!(
                    $client.completions().stream($request).resume(resume),
                    chunk,
                    $next,
                    (chunk.text().to_owned(), String::new()),
                    |sum: &tabbyapi::api::Completion| {
                        let reason = sum.choices.first().and_then(|choice| choice.finish_reason.as_ref());
                        (sum.text().to_owned(), reason.map(|reason| reason.to_string()))
                    }
                )
            };
        }
        match (self, ask) {
            (Subject::Async(client, runtime), Ask::Chat(request)) => {
                chat!(client, request, |stream: &mut tabbyapi::services::ChatStream| runtime.block_on(stream.next()))
            }
            (Subject::Async(client, runtime), Ask::Completion(request)) => {
                complete!(client, request, |stream: &mut tabbyapi::services::CompletionStream| {
                    runtime.block_on(stream.next())
                })
            }
            (Subject::Blocking(client), Ask::Chat(request)) => {
                chat!(client, request, |stream: &mut blocking::ChatStream| stream.next())
            }
            (Subject::Blocking(client), Ask::Completion(request)) => {
                complete!(client, request, |stream: &mut blocking::CompletionStream| stream.next())
            }
        }
    }
}

const TOKENS: &str = r#"[[fake:{"tokens":["One"," 🦀\n\n","thrée "]}]]"#;

fn chat() -> Ask {
    Ask::Chat(Box::new(ChatRequest::new([ChatMessage::user(TOKENS)]).max_tokens(50)))
}

fn thinking() -> Ask {
    let reply = r#"[[fake:{"tokens":["<think>","Hm",".","</think>","\n\n","One"," 🦀"," three "]}]]"#;
    Ask::Chat(Box::new(ChatRequest::new([ChatMessage::user(reply)]).max_tokens(50)))
}

fn completion() -> Ask {
    Ask::Completion(Box::new(CompletionRequest::new("🦀 x").max_tokens(50)))
}

fn at(byte: usize, then: Then) -> Fault {
    Fault::in_answer(At::Byte(byte), then)
}

fn assert_healed(whole: &Seen, seen: &Seen, what: &str) {
    assert!(seen.error.is_none(), "{what}: {:?}", seen.error);
    let texts = |seen: &Seen| {
        seen.items.iter().filter(|item| !item.0.is_empty() || !item.1.is_empty()).cloned().collect::<Vec<_>>()
    };
    assert_eq!(texts(seen), texts(whole), "{what}");
    assert_eq!(seen.sum, whole.sum, "{what}");
    assert_eq!(seen.record.not_resumed, None, "{what}");
    assert!(seen.record.items as usize == seen.items.len(), "{what}");
}

#[test]
fn a_stream_that_is_cut_at_any_byte_is_the_one_that_nobody_cut() {
    let emulator = Emulator::builder().start().unwrap();
    let proxy = Proxy::start(emulator.addr()).unwrap();
    let subjects = Subject::both(&[proxy.url()], LONG);
    let (close, reset) = (Then::Close, Then::Reset);
    for (ask, step) in [(chat(), 1), (completion(), if cfg!(debug_assertions) { 3 } else { 1 })] {
        let wholes = subjects.each_ref().map(|subject| subject.run(&ask));
        for whole in &wholes {
            assert!(whole.error.is_none() && whole.sum.0.len() > 10 && whole.items.len() >= 4, "{whole:?}");
        }
        // Optimized, either client meets either cut at every byte; else every byte of a conversation meets one of them.
        let (mut byte, mut unharmed) = (0, 0);
        while unharmed < 20 {
            let all = [(0, close), (1, reset), (1, close), (0, reset)];
            let some = if cfg!(debug_assertions) { &all[byte % 4..=byte % 4] } else { &all[..] };
            for (client, then) in some {
                proxy.next(at(byte, *then));
                let seen = subjects[*client].run(&ask);
                assert_healed(&wholes[*client], &seen, &format!("client {client}, {then:?} at byte {byte}"));
                unharmed = if seen.record.attempt_count == 1 { unharmed + 1 } else { 0 };
            }
            byte += step;
            assert!(byte < 20_000, "the answer has no end");
        }
        assert!(byte > 1000, "{byte}");
    }
}

#[test]
fn reasoning_that_is_cut_is_refused_and_what_follows_it_is_resumed() {
    let emulator = Emulator::builder().start().unwrap();
    let proxy = Proxy::start(emulator.addr()).unwrap();
    let [subject, _] = Subject::both(&[proxy.url()], LONG);
    let whole = subject.run(&thinking());
    assert_eq!(whole.sum.0, "\n\nOne 🦀 three ");
    let (mut refused, mut resumed) = (0, 0);
    // Past the end nothing is cut any more.
    let (step, end) = if cfg!(debug_assertions) { (7, 3500) } else { (1, 3500) };
    for byte in (0..end).step_by(step) {
        proxy.next(at(byte, Then::Close));
        let seen = subject.run(&thinking());
        match &seen.error {
            Some(error) => {
                assert_eq!(seen.record.not_resumed.as_deref(), Some("reasoning_unfinished"), "byte {byte}: {error}");
                assert_eq!(seen.items[..], whole.items[..seen.items.len()]);
                refused += 1;
            }
            None => {
                assert_healed(&whole, &seen, &format!("cut at byte {byte}"));
                resumed += seen.record.resumes as usize;
            }
        }
    }
    assert!(refused * step > 200 && resumed * step > 500, "{refused} {resumed}");
}

#[test]
fn random_cuts_resets_and_stalls_in_a_row_are_mended() {
    let emulator = Emulator::builder().start().unwrap();
    let stall = Duration::from_millis(150);
    let mut state = 7_u64;
    let mut chance = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (client, ask) in [(0, chat()), (0, completion()), (1, chat()), (1, completion())] {
        let proxies = [0, 1].map(|_| Proxy::start(emulator.addr()).unwrap());
        let urls: Vec<String> = proxies.iter().map(Proxy::url).collect();
        let subject = &Subject::both(&urls, stall)[client];
        let whole = subject.run(&ask);
        for run in 0..25 {
            let queued: Vec<Fault> = (0..1 + chance(3))
                .map(|_| at(chance(1500), [Then::Close, Then::Reset, Then::Hold][chance(3)]))
                .collect();
            // Whichever server it goes to, it meets all of them, one after the other.
            for (number, fault) in queued.iter().enumerate() {
                proxies[number % 2].next(fault.clone());
                proxies[(number + 1) % 2].next(fault.clone());
            }
            // What is left of them is met by the next runs.
            let seen = subject.run(&ask);
            let what = format!("run {run} of {ask:?} with {queued:?}");
            if seen.record.not_resumed.as_deref() == Some("attempts_used_up") {
                assert!(seen.record.resumes == 3 && whole.sum.0.starts_with(&seen.sum.0), "{what}: {seen:?}");
            } else {
                assert_healed(&whole, &seen, &what);
            }
            // The server that failed is avoided.
            let bases: Vec<_> = seen.record.attempts.iter().map(|attempt| attempt.base.as_str()).collect();
            assert!(bases.windows(2).all(|pair| pair[0] != pair[1]), "{what}: {bases:?}");
        }
    }
}
