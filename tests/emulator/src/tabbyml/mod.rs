//! The other server called TabbyAPI: TabbyML/tabby, the coding assistant.

mod chat;
mod completions;
mod graphql;
mod http;
mod requests;
mod routes;
mod server;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::log::SeenRequest;

/// The default token of the user.
pub const DEFAULT_TOKEN: &str = "auth_00000000000000000000000000000000";
/// The default registration token.
pub const DEFAULT_REGISTRATION_TOKEN: &str = "3e6a543b-b20b-4695-abac-c4d7b2327f51";

/// A TabbyML server that runs in this process, until it is dropped.
///
/// It has its own threads. It serves HTTP/1.1, returns the same completion for all code unless texts are
/// [queued](TabbyMl::complete), and has the quirks of the recorded server: a failure of the model's backend is an empty text, or
/// a stream without events. Prompts that contain these words are answered as by the recorded server, whose backend supported
/// them, too:
///
/// | word | completions | chat |
/// |---|---|---|
/// | `MOCK:empty`, `MOCK:500`, `MOCK:429` | an empty text | no event, for the last two |
/// | `MOCK:cut` | a text that is cut | the response restarts repeatedly |
/// | `MOCK:errchunk`, `MOCK:badjson` | the connection ends without a response | the stream is cut after its first event |
/// | `MOCK:stopword`, `MOCK:crlf` | other texts | |
/// | `MOCK:trickle`, `MOCK:slow` | a third longer than a keep-alive | pauses that are longer than the time between keep-alives |
/// | `MOCK:tick` | | half a second between events |
/// | `MOCK:tool` | | a call of the first tool |
/// | `MOCK:timeout` | the server's own time limit passes at once: 408 | |
#[derive(Debug)]
pub struct TabbyMl {
    state: Arc<State>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// The settings of a [`TabbyMl`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TabbyMlBuilder {
    config: Config,
    port: u16,
}

#[derive(Clone, Debug)]
struct Config {
    webserver: bool,
    token: String,
    registration_token: String,
    completion_model: Option<String>,
    chat_model: Option<String>,
    /// The number of requests per minute.
    rate_limit: usize,
    keep_alive: Duration,
    token_delay: Duration,
}

/// The state that connections share.
#[derive(Debug)]
struct State {
    config: Config,
    stop: AtomicBool,
    data: Mutex<Data>,
}

#[derive(Debug, Default)]
struct Data {
    requests: Vec<SeenRequest>,
    connections: u64,
    /// The queued texts of completions and chats.
    completions: VecDeque<String>,
    chats: VecDeque<String>,
    /// When the minute of the rate limit began, and its number of requests.
    minute: Option<(Instant, usize)>,
    ids: u64,
}

impl State {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps. Returns false if the server stops meanwhile.
    fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.is_stopping() {
                return false;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
        true
    }
}

impl TabbyMl {
    /// Creates the default settings of an emulator.
    pub fn builder() -> TabbyMlBuilder {
        let config = Config {
            webserver: true,
            token: DEFAULT_TOKEN.to_owned(),
            registration_token: DEFAULT_REGISTRATION_TOKEN.to_owned(),
            completion_model: Some("mock-completion".to_owned()),
            chat_model: Some("mock-chat".to_owned()),
            rate_limit: 120,
            keep_alive: Duration::from_secs(15),
            token_delay: Duration::ZERO,
        };
        TabbyMlBuilder { config, port: 0 }
    }

    /// Returns the base URL, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the token of the user.
    pub fn token(&self) -> &str {
        &self.state.config.token
    }

    /// Returns the registration token.
    pub fn registration_token(&self) -> &str {
        &self.state.config.registration_token
    }

    /// Queues the text of a completion.
    pub fn complete(&self, text: impl Into<String>) {
        self.state.data().completions.push_back(text.into());
    }

    /// Queues the response of a chat.
    pub fn reply(&self, text: impl Into<String>) {
        self.state.data().chats.push_back(text.into());
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state.data().requests.clone()
    }
}

impl Drop for TabbyMl {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts connections. If this fails, the thread notices the stop a little later.
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl TabbyMlBuilder {
    /// Sets the port of 127.0.0.1; any by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Runs without accounts, as with `--no-webserver`: no token is required, and there is neither ingestion nor GraphQL.
    pub fn no_webserver(mut self) -> Self {
        self.config.webserver = false;
        self
    }

    /// Sets the token of the user.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.config.token = token.into();
        self
    }

    /// Sets the registration token.
    pub fn registration_token(mut self, token: impl Into<String>) -> Self {
        self.config.registration_token = token.into();
        self
    }

    /// Runs without models.
    pub fn no_models(mut self) -> Self {
        (self.config.completion_model, self.config.chat_model) = (None, None);
        self
    }

    /// Sets the number of requests per minute; 120 by default.
    pub fn rate_limit(mut self, requests: usize) -> Self {
        self.config.rate_limit = requests;
        self
    }

    /// Sets the time between keep-alives of a silent stream; 15 s by default.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.config.keep_alive = interval;
        self
    }

    /// Sets the time that each event of a chat takes; none by default.
    pub fn token_delay(mut self, delay: Duration) -> Self {
        self.config.token_delay = delay;
        self
    }

    /// Starts the server. Errors if it cannot listen.
    pub fn start(self) -> io::Result<TabbyMl> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { config: self.config, stop: AtomicBool::new(false), data: Mutex::default() });
        let thread = std::thread::Builder::new().name("tabbyml-emulator".to_owned());
        let thread = thread.spawn({
            let state = state.clone();
            move || server::run(&listener, &state)
        })?;
        Ok(TabbyMl { state, address, thread: Some(thread) })
    }
}
