//! A small editor in the terminal that completes code: type at the end of a Python file to get suggestions from TabbyML/tabby.
//!
//! `cargo run --example tabbyml_editor --features tabbyml`. Tab accepts a suggestion, the right arrow its next word, Escape rejects it or ends
//! the program. It starts an emulated server, or uses the one at `TABBYML_URL` with `TABBYML_TOKEN`.

use std::env;
use std::error::Error;
use std::io::{self, IsTerminal};
use std::time::Duration;

use console::{Key, Term, style};
use tabbyapi::call::Time;
use tabbyapi::tabbyml::editor::{Accepted, Action, CompletionSession, Cursor, RequestId, SessionSettings};
use tabbyapi::tabbyml::{Client, CompletionResponse, RATE_LIMIT};
use tabbyapi_emulator::tabbyml::TabbyMl;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if !io::stdin().is_terminal() {
        return Err("this example reads keys, so it has to run in a terminal".into());
    }
    let builder = |url: &str| Client::builder(url).user_agent("tabbyml-editor-example/1.0").rate_limit(RATE_LIMIT);
    let (client, _server) = match env::var("TABBYML_URL") {
        Ok(url) => (builder(&url).token(env::var("TABBYML_TOKEN").unwrap_or_default()).build()?, None),
        Err(_) => {
            let server = TabbyMl::builder().start()?;
            server.complete("if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)");
            (builder(&server.url()).token(server.token()).build()?, Some(server))
        }
    };
    Editor::new(client, "def fib(n):\n    ").run().await
}

/// A file with the cursor at its end. It carries out the actions of the session, and reports events.
struct Editor {
    client: Client,
    session: CompletionSession,
    text: String,
    ghost: String,
    /// The running call, and the channel for its response.
    call: Option<(RequestId, JoinHandle<()>)>,
    responses: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    term: Term,
    /// The number of lines above the cursor on the screen.
    drawn: usize,
}

type Answered = (RequestId, tabbyapi::Result<CompletionResponse>);

impl Editor {
    fn new(client: Client, text: &str) -> Editor {
        Editor {
            client,
            session: CompletionSession::new(SessionSettings::new()),
            text: text.to_owned(),
            ghost: String::new(),
            call: None,
            responses: mpsc::channel(8),
            term: Term::stdout(),
            drawn: 0,
        }
    }

    async fn run(mut self) -> Result<(), Box<dyn Error>> {
        let mut keys = keys(self.term.clone());
        self.edited();
        loop {
            let until = self.act();
            self.draw()?;
            // Without an action, wait for a key or a response.
            let pause = until.map_or(Duration::MAX, |until| until.since(self.now()));
            tokio::select! {
                Some((id, response)) = self.responses.1.recv() => self.session.answered(self.now(), id, response.as_ref()),
                () = tokio::time::sleep(pause) => {}
                key = keys.recv() => match key {
                    Some(key) => {
                        if !self.pressed(key) {
                            break;
                        }
                    }
                    None => break,
                },
            }
        }
        self.session.stop(self.now());
        self.act();
        self.draw()?;
        self.term.write_line("")?;
        // Wait until the last event is sent.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    /// Handles a key. Returns whether the program continues.
    fn pressed(&mut self, key: Key) -> bool {
        match key {
            Key::Tab if !self.ghost.is_empty() => {
                self.session.accepted(self.now(), Accepted::All);
                self.text += &std::mem::take(&mut self.ghost);
            }
            Key::ArrowRight if !self.ghost.is_empty() => {
                let word = self.ghost.trim_start().find(' ').unwrap_or(self.ghost.trim_start().len());
                let part = self.ghost.len() - self.ghost.trim_start().len() + word;
                self.session.accepted(self.now(), Accepted::Part(part));
                self.text += &self.ghost[..part];
            }
            Key::Escape if !self.ghost.is_empty() => {
                self.session.dismissed(self.now());
                return true;
            }
            Key::Escape | Key::CtrlC => return false,
            Key::Enter => self.text.push('\n'),
            Key::Backspace => _ = self.text.pop(),
            Key::Char(c) => self.text.push(c),
            _ => return true,
        }
        self.edited();
        true
    }

    fn edited(&mut self) {
        self.session.edit(self.now(), Cursor::new("python", "fib.py", self.text.as_str(), "\n"));
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
                    self.call = Some((id, call));
                }
                // Aborting the task drops the call. This closes the connection, and the server stops.
                Action::Cancel(id) => {
                    if let Some((_, call)) = self.call.take_if(|(other, _)| *other == id) {
                        call.abort();
                    }
                }
                Action::Show(suggestion) => {
                    self.ghost = suggestion.text;
                    self.session.shown(self.now());
                }
                Action::Hide => self.ghost.clear(),
                Action::Report(event) => {
                    let call = self.client.events().log(&event);
                    tokio::spawn(async move { call.await.map(drop) });
                }
                Action::Wait { until } => return until,
                // Actions of later versions.
                _ => {}
            }
        }
    }

    /// Draws the text, with the suggestion dimmed.
    fn draw(&mut self) -> io::Result<()> {
        self.term.clear_line()?;
        self.term.clear_last_lines(self.drawn)?;
        let ghost = style(&self.ghost).dim().to_string();
        self.term.write_str(&format!("{}{ghost}", self.text))?;
        self.drawn = self.text.matches('\n').count() + self.ghost.matches('\n').count();
        self.term.flush()
    }

    fn now(&self) -> Time {
        self.client.clock().now()
    }
}

/// The pressed keys, read by a separate thread.
fn keys(term: Term) -> mpsc::Receiver<Key> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        while let Ok(key) = term.read_key() {
            if sender.blocking_send(key).is_err() {
                break;
            }
        }
    });
    receiver
}
