//! TabbyML/tabby, the coding assistant: the server's state, a chat, and an editor that completes code while the user types.
//!
//! `cargo run --example tabbyml --features tabbyml`. It starts an emulated server, or uses the one at `TABBYML_URL` with `TABBYML_TOKEN`.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use tabbyapi::Result;
use tabbyapi::api::ChatMessage;
use tabbyapi::call::Time;
use tabbyapi::tabbyml::editor::{Accepted, Action, CompletionSession, Cursor, RequestId, SessionSettings};
use tabbyapi::tabbyml::{ChatRequest, Client, CompletionResponse, RATE_LIMIT};
use tabbyapi_emulator::tabbyml::TabbyMl;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let (client, _server) = connect()?;
    println!("{:?} at {}", client.detect().await?, client.base_url());
    let health = client.health().check().await?;
    println!("version {}, completes: {}, chats: {}", health.version.git_describe, health.completes(), health.chats());

    let mut chat = client.chat().stream(&ChatRequest::new([ChatMessage::user("What does this function do?")]));
    while let Some(chunk) = chat.next().await {
        print!("{}", chunk?.text());
        io::stdout().flush()?;
    }
    println!(" ({:?})\n", chat.outcome());

    Editor::new(client).run("fib.py", "def fib(n):", "\n    if n").await
}

/// A client of the server at `TABBYML_URL`, or of an emulated one, which lives as long as the returned value.
fn connect() -> std::result::Result<(Client, Option<TabbyMl>), Box<dyn Error>> {
    let builder = |url: &str| Client::builder(url).user_agent("tabbyml-example/1.0").rate_limit(RATE_LIMIT);
    if let Ok(url) = env::var("TABBYML_URL") {
        return Ok((builder(&url).token(env::var("TABBYML_TOKEN").unwrap_or_default()).build()?, None));
    }
    let server = TabbyMl::builder().token_delay(Duration::from_millis(30)).start()?;
    server.complete("\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)");
    let client = builder(&server.url()).token(server.token()).build()?;
    Ok((client, Some(server)))
}

/// An editor of one file with the cursor at its end. It carries out the actions of the session, and reports events.
struct Editor {
    client: Client,
    session: CompletionSession,
    /// The running call, and the channel for its response.
    call: Option<(RequestId, JoinHandle<()>)>,
    responses: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    ghost: Option<String>,
}

type Answered = (RequestId, Result<CompletionResponse>);

impl Editor {
    fn new(client: Client) -> Editor {
        let session = CompletionSession::new(SessionSettings::new());
        Editor { client, session, call: None, responses: mpsc::channel(8), ghost: None }
    }

    /// Types a text key by key, and accepts the suggestion when the user pauses.
    async fn run(mut self, file: &str, before: &str, keys: &str) -> std::result::Result<(), Box<dyn Error>> {
        let mut text = before.to_owned();
        let mut keys = keys.chars();
        // Reads the suggestion before typing along.
        self.edit(file, &text);
        loop {
            let until = self.act();
            let rest = Duration::from_millis(if self.ghost.is_some() { 120 } else { 2_000 });
            let pause = until.map_or(rest, |until| until.since(self.now()));
            tokio::select! {
                Some((id, response)) = self.responses.1.recv() => {
                    self.session.answered(self.now(), id, response.as_ref());
                }
                () = tokio::time::sleep(pause) => {
                    // Either the session has an action, or the next key arrives.
                    if until.is_some() {
                        continue;
                    }
                    match keys.next() {
                        Some(key) => {
                            text.push(key);
                            println!("typed {key:?}");
                            self.edit(file, &text);
                        }
                        None => break,
                    }
                }
            }
        }
        let Some(suggestion) = self.session.suggestion() else {
            println!("\nnothing was suggested");
            return Ok(());
        };
        self.session.accepted(self.now(), Accepted::All);
        self.act();
        // Wait until the event is sent.
        tokio::time::sleep(Duration::from_millis(100)).await;
        println!("\naccepted:\n{text}{}", suggestion.text);
        Ok(())
    }

    fn edit(&mut self, file: &str, text: &str) {
        self.session.edit(self.now(), Cursor::new("python", file, text, "\n"));
    }

    /// Carries out the current actions, and returns when to poll again.
    fn act(&mut self) -> Option<Time> {
        loop {
            match self.session.poll(self.now()) {
                Action::Send { id, request } => {
                    let (call, sender) = (self.client.completions().create(&request), self.responses.0.clone());
                    let call = tokio::spawn(async move {
                        let response = call.await.map(|response| response.into_inner());
                        // The editor may be closed.
                        _ = sender.send((id, response)).await;
                    });
                    println!("asked");
                    self.call = Some((id, call));
                }
                // Aborting the task drops the call. This closes the connection, and the server stops.
                Action::Cancel(id) => {
                    if let Some((_, call)) = self.call.take_if(|(other, _)| *other == id) {
                        call.abort();
                    }
                }
                Action::Show(suggestion) => {
                    println!("shown {:?}", suggestion.text);
                    self.ghost = Some(suggestion.text);
                    self.session.shown(self.now());
                }
                Action::Hide => self.ghost = None,
                Action::Report(event) => {
                    println!("reported {:?}", event.kind);
                    let call = self.client.events().log(&event);
                    tokio::spawn(async move { call.await.map(drop) });
                }
                Action::Wait { until } => return until,
                // Actions of later versions.
                _ => {}
            }
        }
    }

    fn now(&self) -> Time {
        self.client.clock().now()
    }
}
