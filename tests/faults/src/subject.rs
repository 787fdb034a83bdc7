//! `Subject`: either client under test, asked to do the same things.

use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest, LoadRequest};
use tabbyapi::policy::Retry;
use tabbyapi::{Client, Error, ErrorKind, Options, Outcome, Phase, Result, TimeoutPolicy, Timeouts, blocking};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A read.
    Read,
    /// A generation, answered whole.
    Generate,
    /// A generation, streamed.
    Stream,
    /// A model load.
    Load,
    /// A read that needs no model: the next call, to see that the client still works.
    Next,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The kind of error, if there was one.
    pub error: Option<ErrorKind>,
    /// Its phase.
    pub phase: Option<Phase>,
    /// How a stream ended.
    pub outcome: Option<Outcome>,
    /// What had arrived: the text, the name of the model, the modules that were loaded.
    pub arrived: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// The error as people see it.
    pub text: String,
}

/// A client under test.
#[derive(Debug)]
pub enum Subject {
    /// On reqwest, with a runtime to run it.
    Async(Client, tokio::runtime::Runtime),
    /// On ureq.
    Blocking(blocking::Client),
}

/// A deadline that a test waits for.
pub const SHORT: Duration = Duration::from_millis(600);
/// One that nothing reaches on the slowest machine.
pub const LONG: Duration = Duration::from_secs(300);

impl Op {
    /// Those that faults are tried on.
    pub const ALL: [Op; 4] = [Op::Read, Op::Generate, Op::Stream, Op::Load];

    /// The path of its requests.
    pub fn path(self) -> &'static str {
        match self {
            Op::Read => "/v1/model",
            Op::Generate | Op::Stream => "/v1/chat/completions",
            Op::Load => "/v1/model/load",
            Op::Next => "/v1/auth/permission",
        }
    }
}

impl Subject {
    /// One of each, for the server at this address with the emulator's keys, with such deadlines for heads and silences, and
    /// short waits between attempts.
    pub fn both(url: &str, limit: Duration) -> std::result::Result<[Subject; 2], Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (api, admin) = (tabbyapi_emulator::DEFAULT_API_KEY, tabbyapi_emulator::DEFAULT_ADMIN_KEY);
        let asynchronous = Client::builder(url).api_key(api).admin_key(admin).options(options(limit)).build()?;
        let blocking = blocking::Client::builder(url).api_key(api).admin_key(admin).options(options(limit)).build()?;
        Ok([Subject::Async(asynchronous, runtime), Subject::Blocking(blocking)])
    }

    /// Does it, and tells what came of it.
    pub fn run(&self, op: Op) -> Seen {
        let (chat, load) = (request(), LoadRequest::new("beta-3B-exl3"));
        match (self, op) {
            (Subject::Async(client, runtime), Op::Read) => read(runtime.block_on(client.models().current())),
            (Subject::Blocking(client), Op::Read) => read(client.models().current()),
            (Subject::Async(client, runtime), Op::Generate) => generated(runtime.block_on(client.chat().create(&chat))),
            (Subject::Blocking(client), Op::Generate) => generated(client.chat().create(&chat)),
            (Subject::Async(client, runtime), Op::Stream) => {
                streamed(runtime.block_on(client.chat().stream(&chat).finish()))
            }
            (Subject::Blocking(client), Op::Stream) => streamed(client.chat().stream(&chat).finish()),
            (Subject::Async(client, runtime), Op::Load) => {
                loaded(runtime.block_on(client.models().load(&load).finish()))
            }
            (Subject::Blocking(client), Op::Load) => loaded(client.models().load(&load).finish()),
            (Subject::Async(client, runtime), Op::Next) => permitted(runtime.block_on(client.auth().permission())),
            (Subject::Blocking(client), Op::Next) => permitted(client.auth().permission()),
        }
    }
}

fn options(limit: Duration) -> Options {
    let short = |timeouts: Timeouts| timeouts.head(limit).idle(limit).total(None).first_item(None);
    let timeout_policy = TimeoutPolicy::DEFAULT
        .read(short(Timeouts::READ))
        .generate(short(Timeouts::GENERATE))
        .stream(short(Timeouts::STREAM))
        .load(short(Timeouts::LOAD));
    Options::new().timeout_policy(timeout_policy).retry(Retry::GENTLE.base(Duration::from_millis(1)))
}

fn request() -> ChatRequest {
    let reply = r#"[[fake:{"tokens":["One"," two"," three"]}]]"#;
    ChatRequest::new([ChatMessage::user(reply)]).max_tokens(50)
}

type Total<T> = std::result::Result<tabbyapi::Response<T>, tabbyapi::StreamError<T>>;

fn read(result: Result<tabbyapi::Response<tabbyapi::api::ModelCard>>) -> Seen {
    match result {
        Ok(card) => Seen::fine(None, &card.id, card.meta().record().attempt_count),
        Err(error) => Seen::broken(None, String::new(), &error),
    }
}

fn permitted(result: Result<tabbyapi::Response<tabbyapi::api::PermissionResponse>>) -> Seen {
    match result {
        Ok(answer) => Seen::fine(None, answer.permission.as_str(), answer.meta().record().attempt_count),
        Err(error) => Seen::broken(None, String::new(), &error),
    }
}

fn generated(result: Result<tabbyapi::Response<tabbyapi::api::ChatCompletion>>) -> Seen {
    match result {
        Ok(answer) => Seen::fine(None, answer.text(), answer.meta().record().attempt_count),
        Err(error) => Seen::broken(None, String::new(), &error),
    }
}

fn streamed(result: Total<tabbyapi::api::ChatCompletion>) -> Seen {
    match result {
        Ok(answer) => Seen::fine(Some(Outcome::Complete), answer.text(), answer.meta().record().attempt_count),
        Err(broken) => Seen::broken(Some(broken.outcome), broken.partial.text().to_owned(), &broken.error),
    }
}

fn loaded(result: Total<tabbyapi::api::LoadReport>) -> Seen {
    let modules = |report: &tabbyapi::api::LoadReport| {
        report.parts.iter().map(|part| part.module.to_string()).collect::<Vec<_>>().join(",")
    };
    match result {
        Ok(report) => Seen::fine(Some(Outcome::Complete), &modules(&report), report.meta().record().attempt_count),
        Err(broken) => Seen::broken(Some(broken.outcome), modules(&broken.partial), &broken.error),
    }
}

impl Seen {
    fn fine(outcome: Option<Outcome>, arrived: &str, attempts: u32) -> Seen {
        Seen { error: None, phase: None, outcome, arrived: arrived.to_owned(), attempts, text: String::new() }
    }

    fn broken(outcome: Option<Outcome>, arrived: String, error: &Error) -> Seen {
        let attempts = error.record().map_or(0, |record| record.attempt_count);
        Seen { error: Some(error.kind()), phase: error.phase(), outcome, arrived, attempts, text: error.to_string() }
    }
}
