//! The server closes a connection some 50 ms after an answer with status 500, and does not announce it. No call may be lost to that:
//! a connection that answered 5xx is not used again, by anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::policy::Retry;
use tabbyapi::{Client, Error, ErrorKind, Options, blocking};
use tabbyapi_emulator::{CannedResponse, Emulator};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Users that share a client with one that provokes 500s, and the calls that each of them makes.
const USERS: usize = 8;
const CALLS: usize = 250;

enum Subject {
    Async(Client, Runtime),
    Blocking(blocking::Client),
}

impl Subject {
    /// On one thread, on several, and without a runtime. No call is tried again.
    fn all(url: &str, key: &str) -> [(&'static str, Subject); 3] {
        let once = Options::new().retry(Retry::NEVER);
        let client = || Client::builder(url).api_key(key).admin_key(key).options(once.clone()).build().unwrap();
        let one = Builder::new_current_thread().enable_all().build().unwrap();
        let pool = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let blocking =
            blocking::Client::builder(url).api_key(key).admin_key(key).options(once.clone()).build().unwrap();
        [
            ("one thread", Subject::Async(client(), one)),
            ("threads", Subject::Async(client(), pool)),
            ("blocking", Subject::Blocking(blocking)),
        ]
    }

    fn create(&self, prompt: &str) -> Result<(), Error> {
        match self {
            Subject::Async(client, runtime) => runtime.block_on(create(client, prompt)),
            Subject::Blocking(client) => client.chat().create(&request(prompt)).map(drop),
        }
    }

    fn stream(&self, prompt: &str) -> Result<(), Error> {
        match self {
            Subject::Async(client, runtime) => runtime.block_on(stream(client, prompt)),
            Subject::Blocking(client) => {
                client.chat().stream(&request(prompt)).finish().map(drop).map_err(|broken| broken.error)
            }
        }
    }

    fn provoke(&self) -> Error {
        match self {
            Subject::Async(client, runtime) => runtime.block_on(provoke(client)),
            Subject::Blocking(client) => client.templates().switch("none of these").unwrap_err(),
        }
    }

    fn permission(&self) -> Result<(), Error> {
        match self {
            Subject::Async(client, runtime) => runtime.block_on(client.auth().permission()).map(drop),
            Subject::Blocking(client) => client.auth().permission().map(drop),
        }
    }
}

fn request(prompt: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(3)
}

async fn create(client: &Client, prompt: &str) -> Result<(), Error> {
    client.chat().create(&request(prompt)).await.map(drop)
}

async fn stream(client: &Client, prompt: &str) -> Result<(), Error> {
    client.chat().stream(&request(prompt)).finish().await.map(drop).map_err(|broken| broken.error)
}

async fn provoke(client: &Client) -> Error {
    client.templates().switch("none of these").await.unwrap_err()
}

fn server() -> Emulator {
    Emulator::builder().token_delay(Duration::from_millis(1)).start().unwrap()
}

/// A client of the server whose one key is good for everything.
fn subjects(server: &Emulator) -> [(&'static str, Subject); 3] {
    Subject::all(&server.url(), server.admin_key())
}

#[test]
fn a_generation_right_after_a_500_succeeds() {
    for index in 0..3 {
        let server = server();
        let (name, subject) = subjects(&server).into_iter().nth(index).unwrap();
        for n in 0..30 {
            let error = subject.provoke();
            assert_eq!(
                (error.status().map(|status| status.as_u16()), error.kind()),
                (Some(500), ErrorKind::Server),
                "{name}: {error}"
            );
            assert!(error.to_string().contains("Internal Server Error"), "{name}: {error}");
            let result = if n % 2 == 0 { subject.create("right after") } else { subject.stream("right after") };
            result.unwrap_or_else(|error| panic!("{name}, generation {n}: {error}"));
        }
        let requests = server.requests();
        let of = |path: &str| requests.iter().filter(|request| request.path == path).count();
        assert_eq!((of("/v1/template/switch"), of("/v1/chat/completions")), (30, 30), "{name}");
    }
}

#[derive(Default)]
struct Counts {
    over: AtomicBool,
    provoked: AtomicUsize,
    lost: AtomicUsize,
}

impl Counts {
    fn judge(&self, prompt: &str, result: Result<(), Error>) {
        if let Err(error) = result {
            println!("{prompt}: {error}");
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.provoked.fetch_add(1, Ordering::Relaxed);
        self.over.load(Ordering::Relaxed)
    }
}

async fn crowd(client: Client, counts: Arc<Counts>) {
    let (bad, counting) = (client.clone(), counts.clone());
    let bad = tokio::spawn(async move {
        while !counting.is_over() {
            provoke(&bad).await;
        }
    });
    let mut users = JoinSet::new();
    for user in 0..USERS {
        let (client, counts) = (client.clone(), counts.clone());
        users.spawn(async move {
            for n in 0..CALLS {
                let prompt = format!("{user}.{n}");
                let result = if n % 2 == 0 { create(&client, &prompt).await } else { stream(&client, &prompt).await };
                counts.judge(&prompt, result);
            }
        });
    }
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    counts.over.store(true, Ordering::Relaxed);
    bad.await.unwrap();
}

fn blocking_crowd(subject: &Subject, counts: &Counts) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !counts.is_over() {
                subject.provoke();
            }
        });
        let user = |user: usize| {
            for n in 0..CALLS {
                let prompt = format!("{user}.{n}");
                let result = if n % 2 == 0 { subject.create(&prompt) } else { subject.stream(&prompt) };
                counts.judge(&prompt, result);
            }
        };
        let users: Vec<_> = (0..USERS).map(|n| scope.spawn(move || user(n))).collect();
        users.into_iter().for_each(|user| user.join().unwrap());
        counts.over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn nobody_loses_a_call_to_the_500s_of_others() {
    for index in 0..3 {
        let server = server();
        let (name, subject) = subjects(&server).into_iter().nth(index).unwrap();
        let counts = Arc::new(Counts::default());
        match &subject {
            Subject::Async(client, runtime) => runtime.block_on(crowd(client.clone(), counts.clone())),
            Subject::Blocking(_) => blocking_crowd(&subject, &counts),
        }
        let (lost, provoked) = (counts.lost.load(Ordering::Relaxed), counts.provoked.load(Ordering::Relaxed));
        println!("{name}: {lost} of {} calls lost beside {provoked} answers with status 500", USERS * CALLS);
        assert_eq!(lost, 0, "{name}");
        assert!(provoked > 100, "{name}: only {provoked} answers with status 500");
        let generations = server.requests().iter().filter(|request| request.path == "/v1/chat/completions").count();
        assert_eq!(generations, USERS * CALLS, "{name}: each was sent once");
    }
}

#[test]
fn a_connection_that_answered_5xx_is_not_used_again_and_any_other_is() {
    let server = Emulator::builder().keep_open_after_500().start().unwrap();
    for (name, subject) in subjects(&server) {
        let (opened, mut ended) = (server.log().connections_opened, 0);
        for status in [200, 204, 400, 401, 404, 418, 422, 429, 499, 500, 501, 502, 503, 504, 507, 599] {
            // Within what is read of the body of an error; the connection of a longer one is closed.
            let long = "x".repeat(20_000);
            for body in ["", "Internal Server Error", r#"{"detail":"no"}"#, &long] {
                if status < 400 && !body.is_empty() {
                    continue;
                }
                let before = server.requests().len();
                subject.permission().unwrap();
                server.answer(CannedResponse::status(status).header("content-type", "text/plain").body(body));
                // What is no answer to this question is an error, too.
                let error = subject.permission().unwrap_err();
                assert!(status < 400 || error.status().map(|seen| seen.as_u16()) == Some(status), "{name}: {error}");
                if body.len() == 21 {
                    assert!(status < 400 || error.to_string().contains(body), "{name}, {status}: {error}");
                }
                subject.permission().unwrap();
                let used: Vec<_> = server.requests()[before..].iter().map(|request| request.connection).collect();
                assert_eq!(used.len(), 3, "{name}, {status}");
                assert_eq!(used[0], used[1], "{name}, {status}: the answer came on the connection in use");
                let again = used[1] == used[2];
                // On several threads the next call may find another one that is open, too.
                let right = again == (status < 500) || name == "threads" && status < 500;
                assert!(right, "{name}, {status}, {} bytes: {used:?}", body.len());
                ended += u64::from(status >= 500);
            }
        }
        let opened = server.log().connections_opened - opened;
        let spare = if name == "threads" { 30 } else { 1 };
        assert!((ended..=ended + spare).contains(&opened), "{name}: {opened} connections, {ended} of them ended");
    }
}
