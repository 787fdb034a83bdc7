//! A conversation and its state.

use std::fs;
use std::io::Write;
use std::path::Path;

use tabbyapi::api::{
    ChatChoice, ChatMessage, ChatRequest, EncodeRequest, FinishReason, LoadRequest, ModelParameters, Role,
};
use tabbyapi::conversation::Fitted;
use tabbyapi::estimate::Estimator;
use tabbyapi::{Client, Error, ErrorKind};

use super::commands::{self, Command};
use super::show::Show;
use crate::args::{Chat, ResumeArgs, with_params};
use crate::failure::{Failure, of_generation};
use crate::files;
use crate::interrupt::Interrupt;
use crate::manage::load::follow;
use crate::output::{Output, count};

/// The mark of an incomplete response, in the history and in saved conversations. It is not sent to the server.
const INTERRUPTED: &str = "interrupted";
/// The number of texts of the conversation that the server counts, to narrow the estimates.
const SAMPLES: usize = 5;

pub struct Session<'a> {
    client: &'a Client,
    output: &'a Output,
    interrupt: &'a Interrupt,
    /// The request without the messages.
    request: ChatRequest,
    /// The whole conversation, including messages that no longer fit into the context.
    messages: Vec<ChatMessage>,
    /// The parameters of the loaded model, once the server has reported them.
    model: Option<ModelParameters>,
    estimator: Estimator,
    /// The number of messages that did not fit the last time.
    dropped: usize,
    reasoning: bool,
    resume: ResumeArgs,
    stats: bool,
}

impl<'a> Session<'a> {
    pub fn new(client: &'a Client, what: &Chat, output: &'a Output, interrupt: &'a Interrupt) -> Result<Self, Failure> {
        let mut request = ChatRequest::new([]).sampling(what.sampling.sampling());
        if what.think || what.no_think {
            request = request.enable_thinking(what.think);
        }
        if let Some(seed) = what.sampling.seed {
            request = request.extra("seed", seed);
        }
        let mut session = Session {
            client,
            output,
            interrupt,
            request: with_params(request, &what.sampling.params)?,
            messages: Vec::new(),
            model: None,
            estimator: Estimator::new(),
            dropped: 0,
            reasoning: !what.no_reasoning,
            resume: what.resume,
            stats: what.stats,
        };
        if let Some(path) = &what.load {
            session.messages = read(path)?;
        }
        if let Some(text) = &what.system {
            session.instruct(text);
        }
        Ok(session)
    }

    /// Shows the name of the model.
    pub async fn greet(&self) {
        match self.client.models().current().await {
            Ok(card) => self.output.note(&format!("{}. /help lists commands, Ctrl-D quits.", card.id)),
            // The first response would fail with it anyway, but it is better to report it now.
            Err(error) => {
                self.output.failure(&error.into());
                self.output.note("/help lists commands, Ctrl-D quits.");
            }
        }
    }

    /// Streams a response. Returns false if Ctrl-C cancelled it. The partial response is kept. A question without any response is removed.
    pub async fn ask(&mut self, question: &str) -> Result<bool, Failure> {
        let before = self.messages.len();
        self.messages.push(ChatMessage::user(question));
        let result = self.answer().await;
        self.interrupt.forget();
        if self.messages.len() == before + 1 {
            self.messages.pop();
        }
        result
    }

    async fn answer(&mut self) -> Result<bool, Failure> {
        let interrupt = self.interrupt;
        let request = tokio::select! {
            biased;
            () = interrupt.wait() => return self.interrupted(ChatMessage::assistant("")),
            request = self.fitting() => request?,
        };
        let mut stream = self.client.chat().stream(&request);
        if let Some(resume) = self.resume.policy() {
            stream = stream.resume(resume);
        }
        let several = request.n.is_some_and(|n| n > 1);
        let mut show = Show::new(*self.output, self.reasoning, several);
        let interrupted = loop {
            let chunk = tokio::select! {
                biased;
                () = interrupt.wait() => break true,
                chunk = stream.next() => chunk,
            };
            // `finish` returns the error again.
            let Some(Ok(chunk)) = chunk else { break false };
            show.chunk(&chunk)?;
        };
        show.close()?;
        if interrupted {
            // This closes the connection, and the server stops generating.
            let partial = stream.cancel();
            show.rest(&partial)?;
            return self.interrupted(partial.message().cloned().unwrap_or_default());
        }
        match stream.finish().await {
            Ok(answer) => {
                show.rest(&answer)?;
                self.messages.extend(answer.message().cloned());
                if self.stats {
                    let record = answer.meta().record();
                    self.output.stats(answer.usage.as_ref(), record.elapsed(), record.time_to_first_item());
                }
                self.output.resumed(answer.meta().record().resumes);
                if answer.choices.iter().any(|choice| choice.finish_reason == Some(FinishReason::Length)) {
                    self.output.note("(cut off: --max-tokens is reached, or the context is full)");
                }
                let unread = |choice: &ChatChoice| {
                    choice.finish_reason == Some(FinishReason::ToolCalls) && choice.message.tool_calls.is_empty()
                };
                if answer.choices.iter().any(unread) {
                    self.output.note(
                        "(the model began a tool call that the server could not parse, so the server dropped it)",
                    );
                }
                Ok(true)
            }
            Err(mut broken) => {
                show.rest(&broken.partial)?;
                broken.error = of_generation(broken.error, request.model.as_deref());
                self.keep(broken.partial.message().cloned().unwrap_or_default());
                Err(broken.into())
            }
        }
    }

    fn interrupted(&mut self, partial: ChatMessage) -> Result<bool, Failure> {
        self.output.note(match self.keep(partial) {
            true => "(interrupted)",
            false => "(interrupted before any response; the question is removed)",
        });
        Ok(false)
    }

    /// Keeps the partial response, marked as such. Returns false if it is empty.
    fn keep(&mut self, mut partial: ChatMessage) -> bool {
        let kept = partial.text().is_some_and(|text| !text.is_empty());
        if kept {
            partial.role = Role::Assistant;
            self.messages.push(partial.extra(INTERRUPTED, true));
        }
        kept
    }

    /// The request, without the oldest turns if the conversation no longer fits into the context.
    async fn fitting(&mut self) -> Result<ChatRequest, Failure> {
        if self.model.is_none() {
            // If the server does not report it, it is asked again with the next turn.
            self.model = self.parameters().await;
        }
        let mut request = self.request.clone();
        request.messages = self.messages.iter().map(for_the_server).collect();
        let Some((model, context)) = self.model.as_ref().and_then(|model| Some((model.clone(), context_of(model)?)))
        else {
            return Ok(request);
        };
        let mut fitted = request.fit_into(&model, &self.estimator);
        if self.estimator.bound().is_none() && !fitted.as_ref().is_ok_and(|fitted| fitted.dropped == 0) {
            // Before messages are removed, the actual size should be known.
            self.calibrate().await;
            fitted = request.fit_into(&model, &self.estimator);
        }
        let Fitted { messages, dropped, .. } = match fitted {
            Ok(fitted) => fitted,
            // This was a wide estimate. The needed tokens are counted, or the server reports the error.
            Err(error) if error.code() == "conversation_too_long" => return self.last_turn(request, context).await,
            Err(error) => return Err(error.into()),
        };
        if dropped > self.dropped {
            self.output
                .note(&format!("(the oldest {dropped} messages no longer fit into the context and are omitted)"));
            self.output.note(&why_so_few(&request, &model, context));
        }
        self.dropped = dropped;
        request.messages = messages;
        Ok(request)
    }

    /// The sizes of context and cache, if the server reports them.
    async fn parameters(&self) -> Option<ModelParameters> {
        let models = self.client.models();
        let parameters = models.current().await.ok().and_then(|card| card.into_inner().parameters);
        if let Some(model) = parameters.filter(|model| context_of(model).is_some()) {
            return Some(*model);
        }
        let mut model = ModelParameters::default();
        model.max_seq_len = models.props().await.ok()?.context_size();
        Some(model).filter(|model| context_of(model).is_some())
    }

    /// The request with only the instructions and the last turn. It is rejected only if the server counts more tokens than it can
    /// process. The length of the response is left to the server.
    async fn last_turn(&mut self, mut request: ChatRequest, context: u64) -> Result<ChatRequest, Failure> {
        let question = request.messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
        let all = std::mem::take(&mut request.messages);
        let before = all.len();
        let needed = |(at, message): (usize, ChatMessage)| {
            let instructs = matches!(message.role, Role::System | Role::Developer);
            (at >= question || instructs).then_some(message)
        };
        request.messages = all.into_iter().enumerate().filter_map(needed).collect();
        let dropped = before - request.messages.len();
        match self.count(&request.messages).await {
            Some(tokens) if tokens >= context => {
                let message = format!(
                    "the conversation does not fit: its instructions and its last turn alone take {tokens} of the \
                     {context} tokens of the context, which also has to hold the response"
                );
                let hint = "shorten the last message, or load the model with a larger `--max-seq-len` and `--cache-size`, and `--force`";
                return Err(Error::custom(ErrorKind::Encode, "conversation_too_long", message).with_hint(hint).into());
            }
            Some(tokens) if dropped > self.dropped => self.output.note(&format!(
                "(all {dropped} messages before the last turn are omitted: with the instructions, it takes {tokens} of the \
                 {context} tokens of the context; {} are left for the response)",
                context - tokens
            )),
            None if dropped > self.dropped => self.output.note(&format!(
                "(all {dropped} messages before the last turn are omitted, so that it fits into the {context} tokens of the context)"
            )),
            _ => {}
        }
        self.dropped = dropped;
        Ok(request)
    }

    /// The number of tokens of these messages, counted by the server; without the tokens between them if it does not count messages.
    async fn count(&self, messages: &[ChatMessage]) -> Option<u64> {
        let tokens = self.client.tokens();
        if let Ok(count) = tokens.count(&EncodeRequest::new(messages.to_vec())).await {
            return Some(count.length);
        }
        let texts: Vec<&str> = messages.iter().filter_map(ChatMessage::text).collect();
        tokens.count(&EncodeRequest::new(texts.join("\n"))).await.ok().map(|count| count.length)
    }

    /// Lets the server count some of the longest texts. If it does not, estimates stay wide.
    async fn calibrate(&mut self) {
        let mut texts: Vec<&str> = self.messages.iter().filter_map(ChatMessage::text).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.truncate(SAMPLES);
        let calibrated: Result<Estimator, Error> = self.client.tokens().calibrate(&self.estimator, texts).await;
        if let Ok(estimator) = calibrated {
            self.estimator = estimator;
        }
    }

    pub async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Help => self.output.notes(commands::HELP),
            Command::System(text) => {
                self.instruct(&text);
                self.output.note(match text.is_empty() {
                    true => "(the instructions are removed)",
                    false => "(the instructions are set)",
                });
            }
            Command::Model(name) => self.switch(&name).await?,
            Command::Clear => {
                self.messages.retain(|message| message.role == Role::System);
                self.dropped = 0;
                self.output.note(match self.messages.is_empty() {
                    true => "(started over)",
                    false => "(started over, with the same instructions)",
                });
            }
            Command::Undo => {
                let question = self.messages.iter().rposition(|message| message.role == Role::User);
                self.messages.truncate(question.unwrap_or(self.messages.len()));
                self.dropped = 0;
                self.output.note(match question {
                    Some(_) => "(the last question is removed)",
                    None => "(there is no question to remove)",
                });
            }
            Command::Save(path) => {
                let text = serde_json::to_string_pretty(&self.messages).map_err(|e| Failure::Other(e.to_string()))?;
                let written =
                    files::create(Path::new(&path)).and_then(|mut file| file.write_all((text + "\n").as_bytes()));
                written.map_err(|error| Failure::file("write", Path::new(&path), &error))?;
                self.output.note(&format!("({} saved in {path})", self.size()));
            }
            Command::Load(path) => {
                self.messages = read(Path::new(&path))?;
                self.dropped = 0;
                self.output.note(&format!("({} loaded)", self.size()));
            }
            Command::Stats => {
                self.stats = !self.stats;
                let estimate = self.estimator.messages(&self.messages);
                let context = self.model.as_ref().and_then(context_of);
                let context = context.map(|context| format!(" of {context}")).unwrap_or_default();
                let state = if self.stats { "on" } else { "off" };
                let (size, tokens) = (self.size(), estimate.tokens);
                self.output.note(&format!("({size}, about {tokens}{context} tokens; statistics are {state})"));
            }
            Command::Quit => {}
        }
        Ok(())
    }

    fn size(&self) -> String {
        count(self.messages.len() as u64, "message")
    }

    /// Replaces the instructions. An empty text removes them.
    fn instruct(&mut self, text: &str) {
        self.messages.retain(|message| message.role != Role::System);
        if !text.is_empty() {
            self.messages.insert(0, ChatMessage::system(text));
        }
    }

    /// Loads another model.
    async fn switch(&mut self, name: &str) -> Result<(), Failure> {
        let interrupt = self.interrupt;
        // Dropped before the interruption is reported, so that the bar is cleared.
        let report = {
            let load = self.client.models().load(&LoadRequest::new(name));
            tokio::select! {
                biased;
                () = interrupt.wait() => None,
                report = follow(load, name, self.output) => Some(report),
            }
        };
        match report {
            None => self.output.note("(the load continues on the server)"),
            Some(report) => {
                if report?.was_loaded_already() {
                    self.output.note(&format!("({name} is already loaded)"));
                }
            }
        }
        self.interrupt.forget();
        // The context and the tokenizer may differ.
        (self.model, self.estimator, self.dropped) = (None, Estimator::new(), 0);
        Ok(())
    }
}

/// The limit of the prompt: the room reserved for the response, or the cache.
fn why_so_few(request: &ChatRequest, model: &ModelParameters, context: u64) -> String {
    let set = request.sampling.max_tokens.filter(|most| *most > 0).map(u64::from);
    let answer = set.unwrap_or(context / 4);
    match model.longest_prompt() {
        Some(longest) if longest < context.saturating_sub(answer) => {
            format!("(a prompt may have {longest} tokens: the server also keeps a whole chunk free in the cache)")
        }
        _ => {
            let how = if set.is_none() { "; --max-tokens changes this" } else { "" };
            format!("(of its {context} tokens, {answer} are reserved for the response{how})")
        }
    }
}

fn context_of(model: &ModelParameters) -> Option<u64> {
    u64::try_from(model.max_seq_len?).ok().filter(|context| *context > 0)
}

/// A message for the server: without our marks, and without the model's reasoning, which is not part of the conversation.
fn for_the_server(message: &ChatMessage) -> ChatMessage {
    let mut message = message.clone();
    message.extra.remove(INTERRUPTED);
    message.reasoning_content = None;
    message
}

fn read(path: &Path) -> Result<Vec<ChatMessage>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!("{} is not a conversation as written by /save: {error}", path.display()))
    })
}
