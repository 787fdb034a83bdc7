//! Many calls at a time, for `SOAK_SECONDS` (30 by default): reads, streams, cancelled ones, cut ones, keys that change. None may
//! hang, and afterwards no memory may be left over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::auth::Credential;
use tabbyapi::blocking::{self, CancelHandle};
use tabbyapi::{Client, ErrorKind, Scope};
use tabbyapi_hostile::memory::live;
use tabbyapi_hostile::server::{Server, Wire};

/// What nothing takes that goes on, on the slowest machine.
const HUNG: Duration = Duration::from_secs(60);
/// What may be left: connections that are being closed, buffers of threads.
const LEFT: usize = 512 << 10;
const ASYNC: usize = 32;
const BLOCKING: usize = 4;

/// Keys are good for so many requests.
const KEY_LASTS: usize = 200;

static ISSUED: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);

/// An honest server, for the most part.
fn answer(wire: &mut Wire) -> io::Result<()> {
    let current = format!("key-{:08}", ISSUED.load(Relaxed));
    let used = USED.fetch_add(1, Relaxed);
    if used % KEY_LASTS == KEY_LASTS - 1 {
        ISSUED.fetch_add(1, Relaxed);
    }
    if !wire.head().contains(&current) {
        wire.keep();
        return wire.send("HTTP/1.1 401 No\r\nContent-Length: 28\r\n\r\n{\"detail\":\"Invalid API key\"}");
    }
    if wire.head().starts_with("GET") {
        wire.keep();
        let body = r#"{"data":[{"id":"alpha","x":{"y":[1,2,3]}}]}"#;
        return wire.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let chunk =
        "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello world, this is text\"}}]}\n\n";
    for piece in 0..20 {
        wire.send(format!("{:x}\r\n{chunk}\r\n", chunk.len()))?;
        match used % 16 {
            3 if piece == 10 => return Ok(()),
            4 if piece == 10 => return wire.reset(Duration::ZERO),
            5..8 => sleep(Duration::from_millis(2)),
            _ => {}
        }
    }
    wire.keep();
    wire.send("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
}

/// Numbers that are alike in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn request() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("hello")]).max_tokens(50)
}

/// Whether an error is one that this server gives cause for.
fn is_due(error: &tabbyapi::Error) -> bool {
    matches!(error.kind(), ErrorKind::Transport | ErrorKind::Truncated | ErrorKind::Cancelled | ErrorKind::Connect)
        || error.status().is_some_and(|status| status == 401)
}

async fn async_calls(url: String, seed: u64, until: Instant, done: &AtomicU64) {
    let mut dice = Dice(seed);
    let mut client = connect(&url);
    while Instant::now() < until {
        let one = async {
            match dice.roll(8) {
                0 | 1 => client.models().list().await.map(drop),
                2 | 3 => client.chat().stream(&request()).finish().await.map(drop).map_err(|broken| broken.error),
                4 => {
                    // Dropped in the middle.
                    let mut stream = client.chat().stream(&request());
                    for _ in 0..dice.roll(20) {
                        if stream.next().await.is_none() {
                            break;
                        }
                    }
                    Ok(())
                }
                5 => {
                    let mut stream = client.chat().stream(&request());
                    _ = stream.next().await;
                    stream.cancel();
                    Ok(())
                }
                6 => {
                    // Dropped at any point of its life.
                    let wait = Duration::from_micros(dice.roll(3000));
                    _ = tokio::time::timeout(wait, client.chat().stream(&request()).finish()).await;
                    Ok(())
                }
                _ => {
                    client = connect(&url);
                    Ok(())
                }
            }
        };
        match tokio::time::timeout(HUNG, one).await {
            Err(_) => panic!("a call hangs"),
            Ok(Err(error)) if !is_due(&error) => panic!("{error}"),
            Ok(_) => done.fetch_add(1, Relaxed),
        };
    }
}

fn connect(url: &str) -> Client {
    let keys = |_: Scope, _: bool| {
        let key = format!("key-{:08}", ISSUED.load(Relaxed));
        async move { Credential::api_key(&key).map(Some) }
    };
    Client::builder(url).key_source(keys).build().unwrap()
}

fn blocking_calls(url: &str, seed: u64, until: Instant, done: &AtomicU64) {
    let mut dice = Dice(seed);
    while Instant::now() < until {
        let key = |_: Scope, _: bool| Credential::api_key(&format!("key-{:08}", ISSUED.load(Relaxed))).map(Some);
        let client = blocking::Client::builder(url).key_source(key).build().unwrap();
        for _ in 0..20 {
            let begin = Instant::now();
            let result = match dice.roll(4) {
                0 => client.models().list().map(drop),
                1 => client.chat().stream(&request()).finish().map(drop).map_err(|broken| broken.error),
                2 => {
                    let take = dice.roll(20) as usize;
                    client.chat().stream(&request()).take(take).for_each(drop);
                    Ok(())
                }
                _ => {
                    let stop = CancelHandle::new();
                    let client = client.cancelled_by(&stop);
                    let wait = Duration::from_micros(dice.roll(3000));
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            sleep(wait);
                            stop.cancel();
                        });
                        client.chat().stream(&request()).finish().map(drop).map_err(|broken| broken.error)
                    })
                }
            };
            assert!(begin.elapsed() < HUNG, "a call hangs");
            if let Err(error) = result {
                assert!(is_due(&error), "{error}");
            }
            done.fetch_add(1, Relaxed);
        }
    }
}

fn run(runtime: &tokio::runtime::Runtime, url: &str, time: Duration) -> u64 {
    let done = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + time;
    thread::scope(|scope| {
        for seed in 0..BLOCKING {
            let done = &done;
            scope.spawn(move || blocking_calls(url, seed as u64, until, done));
        }
        runtime.block_on(async {
            let tasks = (0..ASYNC).map(|seed| {
                let (url, done) = (url.to_owned(), Arc::clone(&done));
                tokio::spawn(async move { async_calls(url, 1000 + seed as u64, until, &done).await })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        });
    });
    done.load(Relaxed)
}

/// Memory in use once connections are closed.
fn settled() -> usize {
    let mut least = live();
    for _ in 0..40 {
        sleep(Duration::from_millis(100));
        least = least.min(live());
    }
    least
}

#[test]
fn nothing_hangs_and_nothing_is_left() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(30);
    let server = Server::start(Arc::new(answer)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // What is made once is made here.
    run(&runtime, &server.url(), Duration::from_secs(4));
    let floor = settled();
    let calls = run(&runtime, &server.url(), Duration::from_secs(seconds));
    let left = settled();
    println!(
        "{calls} operations in {seconds} s, {} requests; {floor} bytes in use before, {left} after",
        server.requests()
    );
    assert!(calls > 10 * seconds, "{calls} operations are few for {seconds} s");
    assert!(left <= floor + LEFT, "{left} bytes in use, {floor} before");
}
