//! The trials on the async and on the blocking client, within bounds of time and memory.
//! `cargo test -p tabbyapi-hostile --test trials -- --nocapture` prints the table.

use std::sync::Arc;
use std::time::Instant;

use tabbyapi::api::{
    ChatCompletion, ChatMessage, ChatRequest, KoboldRequest, KoboldResults, LoadReport, LoadRequest, ModelList,
};
use tabbyapi::policy::Retry;
use tabbyapi::{Client, Error, Limits, Options, Response, StreamError, TimeoutPolicy, Timeouts, blocking};
use tabbyapi_hostile::memory::peak;
use tabbyapi_hostile::server::Server;
use tabbyapi_hostile::trials::{BODY, Call, EVENT, QUIET, SPARE, Stack, TOTAL, cuts, trials};

/// What a call may take: the floor of documents, and what connections need.
const MEMORY: usize = 24 << 20;

fn options() -> Options {
    let short = |timeouts: Timeouts| timeouts.head(QUIET).idle(QUIET).first_item(None);
    let timeout_policy =
        TimeoutPolicy::DEFAULT.read(short(Timeouts::READ).total(TOTAL)).stream(short(Timeouts::STREAM));
    let timeout_policy = timeout_policy.load(short(Timeouts::LOAD));
    let limits = Limits::default().body(BODY).event(EVENT);
    Options::new().timeout_policy(timeout_policy).limits(limits).retry(Retry::NEVER)
}

struct Clients {
    runtime: tokio::runtime::Runtime,
}

impl Clients {
    fn asynchronous(&self, url: &str) -> Client {
        let _guard = self.runtime.enter();
        Client::builder(url).options(options()).build().unwrap()
    }

    fn blocking(&self, url: &str) -> blocking::Client {
        blocking::Client::builder(url).options(options()).build().unwrap()
    }

    /// Makes a call on this stack, and tells how it ended.
    fn call(&self, call: Call, stack: Stack, url: &str) -> String {
        match stack {
            Stack::Blocking => {
                let client = self.blocking(url);
                match call {
                    Call::Read => read(client.models().list()),
                    Call::Stream => chat(client.chat().stream(&question()).finish()),
                    Call::Kobold => kobold(client.kobold().stream(&KoboldRequest::new("hello")).finish()),
                    Call::Load => load(client.models().load(&LoadRequest::new("alpha")).finish()),
                }
            }
            _ => self.runtime.block_on(async {
                let client = self.asynchronous(url);
                match call {
                    Call::Read => read(client.models().list().await),
                    Call::Stream => chat(client.chat().stream(&question()).finish().await),
                    Call::Kobold => kobold(client.kobold().stream(&KoboldRequest::new("hello")).finish().await),
                    Call::Load => load(client.models().load(&LoadRequest::new("alpha")).finish().await),
                }
            }),
        }
    }
}

fn question() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("hello")])
}

fn read(result: Result<Response<ModelList>, Error>) -> String {
    result.map_or_else(|error| failed(&error, ""), |list| format!("ok {}", list.data.len()))
}

fn chat(result: Result<Response<ChatCompletion>, StreamError<ChatCompletion>>) -> String {
    match result {
        Ok(answer) => format!("ok {}", answer.text()),
        Err(broken) => failed(&broken.error, broken.partial.text()),
    }
}

fn kobold(result: Result<Response<KoboldResults>, StreamError<KoboldResults>>) -> String {
    match result {
        Ok(answer) => format!("ok {}", answer.text()),
        Err(broken) => failed(&broken.error, broken.partial.text()),
    }
}

fn load(result: Result<Response<LoadReport>, StreamError<LoadReport>>) -> String {
    let parts = |report: &LoadReport| report.parts.len();
    match result {
        Ok(report) => format!("ok {}", parts(&report)),
        Err(broken) if parts(&broken.partial) == 0 => failed(&broken.error, ""),
        Err(broken) => failed(&broken.error, &parts(&broken.partial).to_string()),
    }
}

/// Kind and code of an error, and the beginning of what had come.
fn failed(error: &Error, partial: &str) -> String {
    let text: String = partial.chars().take(8).collect();
    format!("{}/{} {text}", error.kind().as_str(), error.code()).trim_end().to_owned()
}

#[test]
fn hostile_servers_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clients = Clients { runtime };
    let mut bad = Vec::new();
    println!("{:<38} {:<7} {:<9} {:>7} {:>9}  outcome", "trial", "call", "client", "ms", "KiB");
    for trial in trials() {
        for (call, ends) in &trial.calls {
            for stack in [Stack::Native, Stack::Blocking] {
                let name = if stack == Stack::Native { "native" } else { "blocking" };
                let (expected, _why) = ends.on(stack);
                let server = Server::start(Arc::clone(&trial.script)).unwrap();
                let begin = Instant::now();
                let (memory, end) = peak(|| clients.call(*call, stack, &server.url()));
                let took = begin.elapsed();
                println!(
                    "{:<38} {:<7} {name:<9} {:>7} {:>9}  {end}",
                    trial.name,
                    call.as_str(),
                    took.as_millis(),
                    memory >> 10,
                );
                // Text that was added up is what the stream was for.
                let most = if end.contains("stream_too_large") { 3 * Limits::default().accumulated } else { MEMORY };
                if end != expected || took > TOTAL + SPARE || memory > most || server.requests() > 1 {
                    bad.push(format!(
                        "{}, {}, {name}: {end} after {took:?}, {memory} bytes, not {expected}",
                        trial.name,
                        call.as_str()
                    ));
                }
            }
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}

/// An answer that is cut at any byte is never taken for whole, and what had come is kept.
#[test]
fn cuts_at_every_byte_are_seen() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clients = Clients { runtime };
    let mut bad = Vec::new();
    for cut in cuts() {
        for at in cut.places() {
            let server = Server::start(cut.script(at)).unwrap();
            for stack in [Stack::Native, Stack::Blocking] {
                let end = clients.call(cut.call, stack, &server.url());
                let kind = end.split(['/', ' ']).next().unwrap_or_default();
                if !cut.kinds(at).contains(&kind) {
                    bad.push(format!(
                        "{}, cut at {at} of {:?}, reset: {}, {stack:?}: {end}",
                        cut.call.as_str(),
                        cut.text,
                        cut.reset
                    ));
                }
            }
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}
