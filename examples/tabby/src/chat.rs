//! The conversation: a prompt, streamed answers, a history that fits into the context.

mod commands;
mod input;

use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::conversation::Fitted;
use tabbyapi::estimate::Estimator;

use crate::args::{Chat, params};
use crate::failure::Failure;
use crate::output::Output;
use commands::Command;
use input::{Input, Line};

pub async fn chat(client: &Client, what: &Chat, output: &Output) -> Result<(), Failure> {
    let mut chat = Conversation::new(client, what, output)?;
    if let Some(question) = &what.question {
        let question = crate::generate::text(question)?;
        chat.messages.push(ChatMessage::user(question.trim_end()));
        return match chat.answer().await? {
            Turn::Answered => Ok(()),
            Turn::Interrupted => Err(Failure::Interrupted),
        };
    }
    chat.talk(what).await
}

/// A conversation and how it is held.
struct Conversation<'a> {
    client: &'a Client,
    output: &'a Output,
    /// Everything but the messages.
    request: ChatRequest,
    messages: Vec<ChatMessage>,
    /// How large the context is, once the server has told.
    context: Option<u64>,
    reasoning: bool,
    stats: bool,
}

enum Turn {
    Answered,
    /// By Ctrl-C; what had come is kept.
    Interrupted,
}

impl<'a> Conversation<'a> {
    fn new(client: &'a Client, what: &Chat, output: &'a Output) -> Result<Self, Failure> {
        let mut request = ChatRequest::new([]).sampling(what.sampling.sampling());
        for (name, value) in params(&what.sampling.params)? {
            request.extra.insert(name, value);
        }
        let messages = what.system.iter().map(|text| ChatMessage::system(text.as_str())).collect();
        let (reasoning, stats) = (!what.no_reasoning, what.stats);
        Ok(Conversation { client, output, request, messages, context: None, reasoning, stats })
    }

    async fn talk(&mut self, what: &Chat) -> Result<(), Failure> {
        let mut input = Input::new(what.history.as_deref())?;
        if input.is_terminal() {
            match self.client.models().current().await {
                Ok(card) => self.output.note(&format!("{}. /help lists commands, Ctrl-D ends.", card.id)),
                // The first answer would fail with it anyway, but it is better known now.
                Err(error) => self.output.note(&format!("{error}\n/help lists commands, Ctrl-D ends.")),
            }
        }
        loop {
            let line = match input.next().await? {
                Line::Text(line) => line,
                Line::Nothing => continue,
                Line::End => return Ok(()),
            };
            let result = match Command::of(&line) {
                Some(Ok(Command::Quit)) => return Ok(()),
                Some(Ok(command)) => self.obey(command).await,
                Some(Err(failure)) => Err(failure),
                None => {
                    // Two slashes stand for one.
                    let text = line.strip_prefix('/').unwrap_or(&line);
                    self.messages.push(ChatMessage::user(text));
                    self.answer().await.map(|_| ())
                }
            };
            if let Err(failure) = result {
                self.output.failure(&failure);
                // For a script the first failure is the last line.
                if !input.is_terminal() {
                    return Err(failure);
                }
            }
        }
    }

    /// Streams an answer to the last message, which Ctrl-C cancels. A question that got no answer is taken back.
    async fn answer(&mut self) -> Result<Turn, Failure> {
        self.fit().await?;
        let request = self.asking();
        let mut stream = self.client.chat().stream(&request);
        let mut thinking = false;
        let interrupted = loop {
            let chunk = tokio::select! {
                chunk = stream.next() => chunk,
                _ = tokio::signal::ctrl_c() => break true,
            };
            // The error comes again with `finish`.
            let Some(Ok(chunk)) = chunk else { break false };
            if self.output.is_json() {
                self.output.json_line(&chunk)?;
                continue;
            }
            if self.reasoning && !chunk.reasoning().is_empty() {
                thinking = true;
                self.output.faint_piece(chunk.reasoning())?;
            }
            if !chunk.text().is_empty() {
                if std::mem::take(&mut thinking) {
                    self.output.piece("\n\n")?;
                }
                self.output.piece(chunk.text())?;
            }
        };
        if !self.output.is_json() {
            self.output.piece("\n")?;
        }
        if interrupted {
            // Dropping it closes the connection, upon which the server stops generating.
            let partial = stream.cancel();
            self.output.note("(interrupted)");
            match partial.text() {
                "" => drop(self.messages.pop()),
                text => self.messages.push(ChatMessage::assistant(text)),
            }
            return Ok(Turn::Interrupted);
        }
        match stream.finish().await {
            Ok(answer) => {
                self.messages.push(ChatMessage::assistant(answer.text()));
                if self.stats {
                    let record = answer.record();
                    self.output.stats(answer.usage.as_ref(), record.elapsed(), record.time_to_first_item());
                }
                Ok(Turn::Answered)
            }
            Err(broken) => {
                match broken.partial.text() {
                    "" => drop(self.messages.pop()),
                    text => self.messages.push(ChatMessage::assistant(text)),
                }
                Err(broken.into())
            }
        }
    }

    /// The request with the conversation so far.
    fn asking(&self) -> ChatRequest {
        let mut request = self.request.clone();
        request.messages.clone_from(&self.messages);
        request
    }

    /// Leaves out the oldest turns if the conversation does not fit into the context any more.
    async fn fit(&mut self) -> Result<(), Failure> {
        if self.context.is_none() {
            // A server that does not tell is asked again with the next turn.
            let props = self.client.models().props().await.ok();
            self.context = props.and_then(|props| u64::try_from(props.context_size()?).ok());
        }
        let Some(context) = self.context else { return Ok(()) };
        let request = self.asking();
        let Fitted { messages, dropped, .. } = request.fit(context, &Estimator::new())?;
        if dropped > 0 {
            self.output
                .note(&format!("({dropped} of the oldest messages no longer fit into the context and were left out)"));
            self.messages = messages;
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Help => self.output.note(commands::HELP),
            Command::System(text) => {
                self.messages.retain(|message| message.role != "system");
                if !text.is_empty() {
                    self.messages.insert(0, ChatMessage::system(text));
                }
            }
            Command::Model(name) => {
                let request = tabbyapi::api::LoadRequest::new(&name);
                let load = self.client.models().load(&request);
                tokio::select! {
                    loaded = crate::load::follow(load, &name, self.output) => loaded?,
                    _ = tokio::signal::ctrl_c() => self.output.note("(the load goes on at the server)"),
                }
                self.context = None;
            }
            Command::Clear => self.messages.retain(|message| message.role == "system"),
            Command::Undo => {
                let question = self.messages.iter().rposition(|message| message.role == "user");
                self.messages.truncate(question.unwrap_or(self.messages.len()));
            }
            Command::Save(path) => {
                let text = serde_json::to_string_pretty(&self.messages).map_err(|e| Failure::Other(e.to_string()))?;
                std::fs::write(&path, text).map_err(|error| Failure::Usage(format!("cannot write {path}: {error}")))?;
                self.output.note(&format!("{} messages are in {path}", self.messages.len()));
            }
            Command::Load(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| Failure::Usage(format!("cannot read {path}: {error}")))?;
                self.messages = serde_json::from_str(&text)
                    .map_err(|error| Failure::Usage(format!("{path} holds no conversation: {error}")))?;
                self.output.note(&format!("{} messages", self.messages.len()));
            }
            Command::Stats => {
                self.stats = !self.stats;
                let estimate = Estimator::new().messages(&self.messages);
                let context = self.context.map(|context| format!(" of {context}")).unwrap_or_default();
                let state = if self.stats { "on" } else { "off" };
                self.output.note(&format!(
                    "{} messages, about {}{context} tokens; statistics are {state}",
                    self.messages.len(),
                    estimate.tokens
                ));
            }
            Command::Quit => {}
        }
        Ok(())
    }
}
