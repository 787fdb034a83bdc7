//! A server process that is killed and started again while twenty clients use it.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::policy::{Breaker, BreakerState, Retry, RetryBudget};
use tabbyapi::{Client, ErrorKind, Outcome};
use tabbyapi_emulator::{DEFAULT_ADMIN_KEY, DEFAULT_API_KEY};

const PATIENCE: Duration = Duration::from_secs(60);
const LIVES: usize = 4;
const CLIENTS: usize = 20;

/// The emulator's program. It dies with the test.
struct Server {
    port: u16,
    log: PathBuf,
    child: Child,
}

impl Server {
    fn start(log: PathBuf) -> Server {
        // Free now; the program is to come back to the same one.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Server::spawn(port, &log);
        Server { port, log, child }
    }

    fn spawn(port: u16, log: &Path) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emulator-process"));
        command.args(["--port", &port.to_string(), "--token-delay-ms", "5", "--request-log"]).arg(log);
        command.args(["--api-key", DEFAULT_API_KEY, "--admin-key", DEFAULT_ADMIN_KEY]);
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    /// `SIGKILL`, as when memory runs out.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = Server::spawn(self.port, &self.log);
    }

    /// How often each prompt was begun, in all its lives.
    fn begun(&self) -> HashMap<String, usize> {
        let mut begun = HashMap::new();
        for line in std::fs::read_to_string(&self.log).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let body: serde_json::Value = serde_json::from_str(line["body"].as_str().unwrap()).unwrap_or_default();
            if let Some(prompt) = body["messages"][0]["content"].as_str() {
                *begun.entry(prompt.to_owned()).or_default() += 1;
            }
        }
        begun
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

#[derive(Default)]
struct Counts {
    answered: AtomicUsize,
    broken: AtomicUsize,
    partial: AtomicUsize,
    refused: AtomicUsize,
    reads: AtomicUsize,
    recovered: AtomicUsize,
    over: AtomicBool,
}

/// Generates until it is stopped. Each prompt is sent by one call, so whatever is seen twice was sent twice.
async fn generate(client: Client, name: usize, counts: &Counts) {
    let mut n = 0;
    while !counts.over.load(Ordering::Relaxed) {
        n += 1;
        let request = ChatRequest::new([ChatMessage::user(format!("prompt {name}.{n}"))]).max_tokens(20);
        let error = if n % 2 == 0 {
            client.chat().create(&request).await.map(drop).err()
        } else {
            match client.chat().stream(&request).finish().await {
                Ok(_) => None,
                Err(broken) => {
                    if broken.outcome == Outcome::Truncated && !broken.partial.text().is_empty() {
                        counts.partial.fetch_add(1, Ordering::Relaxed);
                    }
                    Some(broken.error)
                }
            }
        };
        match error.map(|error| error.kind()) {
            None => counts.answered.fetch_add(1, Ordering::Relaxed),
            Some(ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Truncated) => {
                counts.broken.fetch_add(1, Ordering::Relaxed)
            }
            Some(ErrorKind::Policy) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                counts.refused.fetch_add(1, Ordering::Relaxed)
            }
            Some(other) => panic!("an error of kind {other:?}"),
        };
    }
}

/// Reads until it is stopped, with enough retries to outlast a restart.
async fn read(client: Client, counts: &Counts) {
    let patient = Retry::GENTLE.base(Duration::from_millis(100)).cap(Duration::from_secs(1)).max_retries(200);
    let client = client.with(tabbyapi::Options::new().retry(patient));
    while !counts.over.load(Ordering::Relaxed) {
        match client.models().current().await {
            Ok(card) => {
                counts.reads.fetch_add(1, Ordering::Relaxed);
                counts.recovered.fetch_add(usize::from(card.meta().record().attempt_count > 1), Ordering::Relaxed);
            }
            Err(error) => panic!("a read was not recovered: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_twice_while_the_server_dies_and_comes_back() {
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("restart-{}.jsonl", std::process::id()));
    let mut server = Server::start(log);
    let url = format!("http://127.0.0.1:{}", server.port);
    let client = || Client::builder(&*url).api_key(DEFAULT_API_KEY).retry_budget(RetryBudget::UNBOUNDED);
    let breaker = Breaker::new().window(Duration::from_secs(2)).min_attempts(4).open_for(Duration::from_millis(300));
    let guarded = client().breaker(breaker).build().unwrap();
    let readers = client().build().unwrap();
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok()).await;

    let counts = &*Box::leak(Box::new(Counts::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for name in 0..CLIENTS {
        match name % 4 {
            3 => tasks.spawn(read(readers.clone(), counts)),
            _ => tasks.spawn(generate(guarded.clone(), name, counts)),
        };
    }
    let state = || guarded.servers()[0].breaker;
    let answered = || counts.answered.load(Ordering::Relaxed);
    for _ in 1..LIVES {
        let before = answered();
        until("generations are answered", || answered() > before + 40).await;
        server.kill();
        until("the breaker opens", || matches!(state(), BreakerState::Open { .. })).await;
        let refused = counts.refused.load(Ordering::Relaxed);
        until("calls are refused", || counts.refused.load(Ordering::Relaxed) > refused).await;
        server.restart();
        until("the breaker closes", || matches!(state(), BreakerState::Closed)).await;
    }
    let (before, reads) = (answered(), counts.reads.load(Ordering::Relaxed));
    until("all is well again", || answered() > before + 40 && counts.reads.load(Ordering::Relaxed) > reads + 20).await;
    counts.over.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }

    let begun = server.begun();
    let twice: Vec<_> = begun.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "begun more than once: {twice:?}");
    assert!(begun.len() >= answered(), "all that was answered was begun");
    assert!(counts.recovered.load(Ordering::Relaxed) > 0, "reads met the restarts");
    assert!(
        counts.broken.load(Ordering::Relaxed) > 0 && counts.partial.load(Ordering::Relaxed) > 0,
        "generations did too"
    );
}
