//! Pooled connections that the server closes for idleness: before the next request, and at the very moment when it goes out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::transport::{Reqwest, Ureq};
use tabbyapi::{Client, ErrorKind, Result, TimeoutPolicy, Timeouts, blocking};
use tabbyapi_emulator::Emulator;
use tokio::runtime::{Builder, Runtime, RuntimeFlavor};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a call waits for its answer to begin.
const HEAD: Duration = Duration::from_secs(5);

/// A client and what runs it.
enum Subject {
    Async(Client, Runtime),
    Blocking(blocking::Client),
}

impl Subject {
    /// With one thread, with a pool of threads, and without a runtime. Connections are kept for `idle` at most.
    fn all(server: &Emulator, idle: Duration) -> [Subject; 3] {
        let (url, key) = (server.url(), server.api_key());
        let reqwest = || Reqwest::with_idle_timeout(reqwest::Client::builder(), idle).unwrap();
        let timeout_policy =
            TimeoutPolicy::DEFAULT.read(Timeouts::READ.head(HEAD)).generate(Timeouts::GENERATE.head(HEAD));
        let client = |transport| {
            Client::builder(&*url).api_key(key).timeout_policy(timeout_policy).build_with(transport).unwrap()
        };
        let one = Builder::new_current_thread().enable_all().build().unwrap();
        let pool = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let ureq = Ureq::with_idle_timeout(ureq::Agent::config_builder(), idle).unwrap();
        let blocking =
            blocking::Client::builder(&*url).api_key(key).timeout_policy(timeout_policy).build_with(ureq).unwrap();
        [Subject::Async(client(reqwest()), one), Subject::Async(client(reqwest()), pool), Subject::Blocking(blocking)]
    }

    /// Generates; gives how many attempts it took.
    fn generate(&self, prompt: &str) -> Result<u32> {
        let request = ChatRequest::new([ChatMessage::user(prompt)]).max_tokens(3);
        let answer = match self {
            Subject::Async(client, runtime) => runtime.block_on(client.chat().create(&request)),
            Subject::Blocking(client) => client.chat().create(&request),
        };
        answer.map(|answer| answer.meta().record().attempt_count)
    }

    /// Lets the other threads of a pool hear of what has happened at their sockets, which takes them a turn of their driver. A runtime
    /// of one thread hears of nothing between two calls, and has none.
    fn settle(&self) {
        if let Subject::Async(_, runtime) = self
            && runtime.handle().runtime_flavor() == RuntimeFlavor::MultiThread
        {
            // Timers are made inside of a runtime.
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        }
    }

    fn read(&self) -> Result<u32> {
        let answer = match self {
            Subject::Async(client, runtime) => runtime.block_on(client.models().current()),
            Subject::Blocking(client) => client.models().current(),
        };
        answer.map(|answer| answer.meta().record().attempt_count)
    }
}

/// How often each prompt was begun.
fn begun(server: &Emulator) -> HashMap<String, usize> {
    let mut begun = HashMap::new();
    for request in server.requests().iter().filter(|request| request.path.ends_with("completions")) {
        let prompt = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        *begun.entry(prompt).or_default() += 1;
    }
    begun
}

/// Waits without giving the clock away: sleeping alone is not exact enough to hit a moment.
fn pause(time: Duration) {
    let end = Instant::now() + time;
    std::thread::sleep(time.saturating_sub(Duration::from_millis(2)));
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

#[test]
fn a_connection_closed_while_nobody_looked_is_no_error() {
    let server = Emulator::builder().keep_alive(Duration::from_millis(3)).start().unwrap();
    let mut closed = 0;
    for subject in Subject::all(&server, PATIENCE) {
        for n in 0..60 {
            // Between two calls nothing polls the runtime of a single thread: it learns of the end with the next call.
            assert_eq!(subject.generate("again").unwrap(), 1, "call {n}");
            closed += 1;
            assert!(server.wait_for(|log| log.connections_closed >= closed, PATIENCE));
            subject.settle();
        }
    }
    assert_eq!(begun(&server)["again"], 180);
}

#[test]
fn at_the_very_moment_nothing_is_sent_twice_and_reads_do_not_fail() {
    const KEEP_ALIVE: Duration = Duration::from_millis(12);
    for (name, index) in [("one thread", 0), ("threads", 1), ("blocking", 2)] {
        let server = Emulator::builder().keep_alive(KEEP_ALIVE).start().unwrap();
        let subject = &Subject::all(&server, PATIENCE)[index];
        let (mut lost, mut forgotten) = (Vec::new(), 0);
        for n in 0..300u64 {
            // From before the moment to after it, by steps of some microseconds.
            pause(KEEP_ALIVE - Duration::from_millis(1) + Duration::from_micros(n * 37 % 2500));
            match n % 3 {
                0 => drop(subject.read().unwrap_or_else(|error| panic!("{name}, call {n}: {error}"))),
                _ => match subject.generate(&format!("prompt {n}")) {
                    Ok(attempts) => assert_eq!(attempts, 1, "{name}, prompt {n}"),
                    Err(error) => {
                        // Whether it was started is unknown, so the error is returned, and the request is not repeated.
                        match error.kind() {
                            ErrorKind::Transport => {}
                            // Put into hyper's queue just when another thread drops its other end, it stays there for ever.
                            ErrorKind::Timeout if name == "threads" => forgotten += 1,
                            _ => panic!("{name}, prompt {n}: {error}"),
                        }
                        lost.push(format!("prompt {n}"));
                    }
                },
            }
        }
        let begun = begun(&server);
        for n in (0..300).filter(|n| n % 3 != 0).map(|n| format!("prompt {n}")) {
            let times = begun.get(&n).copied().unwrap_or_default();
            assert!(times == 1 || times == 0 && lost.contains(&n), "{name}: {n} was begun {times} times");
        }
        let closed = server.log().connections_closed;
        assert!(closed >= 30, "{name}: the moment was never hit, only {closed} connections were closed");
        assert!(forgotten <= 3, "{name}: {forgotten} calls had to wait for their deadlines");
        println!("{name}: {} of 200 generations lost at {closed} closings, {forgotten} by their deadlines", lost.len());
    }
}

#[test]
fn a_pool_that_lets_go_sooner_than_the_server_never_meets_the_moment() {
    const KEEP_ALIVE: Duration = Duration::from_millis(1000);
    let server = Emulator::builder().keep_alive(KEEP_ALIVE).start().unwrap();
    std::thread::scope(|scope| {
        for subject in Subject::all(&server, KEEP_ALIVE / 4) {
            let server = &server;
            scope.spawn(move || {
                for n in 0..40u64 {
                    // Around the pool's moment, and around the server's.
                    let moment = if n % 4 == 3 { KEEP_ALIVE } else { KEEP_ALIVE / 4 };
                    assert_eq!(subject.generate("again").unwrap(), 1, "call {n}");
                    std::thread::sleep(moment - Duration::from_millis(5) + Duration::from_micros(n * 370 % 10_000));
                }
                assert!(server.log().connections_opened > 20, "connections were let go");
            });
        }
    });
    assert_eq!(begun(&server)["again"], 120);
}
