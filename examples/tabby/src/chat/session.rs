//! A conversation and how it is held.

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

/// The mark of an answer that did not come to its end, in the history and in saved conversations. The server never gets it.
const INTERRUPTED: &str = "interrupted";
/// How many texts of the conversation the server counts, so that estimates are narrower.
const SAMPLES: usize = 5;

pub struct Session<'a> {
    client: &'a Client,
    output: &'a Output,
    interrupt: &'a Interrupt,
    /// Everything but the messages.
    request: ChatRequest,
    /// All that was said, also what no longer fits into the context.
    messages: Vec<ChatMessage>,
    /// How the model is loaded, once the server has reported it.
    model: Option<ModelParameters>,
    estimator: Estimator,
    /// How many messages did not fit the last time.
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

    /// Tells whom one is speaking to.
    pub async fn greet(&self) {
        match self.client.models().current().await {
            Ok(card) => self.output.note(&format!("{}. /help lists commands, Ctrl-D ends.", card.id)),
            // The first answer would fail with it anyway, but it is better known now.
            Err(error) => {
                self.output.failure(&error.into());
                self.output.note("/help lists commands, Ctrl-D ends.");
            }
        }
    }

    /// Streams an answer, which Ctrl-C cancels: false. What had come is kept; a question that got nothing is taken back.
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
            // The error comes again with `finish`.
            let Some(Ok(chunk)) = chunk else { break false };
            show.chunk(&chunk)?;
        };
        show.close()?;
        if interrupted {
            // This closes the connection, upon which the server stops generating.
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
                    self.output.note("(cut: --max-tokens is reached, or the context is full)");
                }
                let unread = |choice: &ChatChoice| {
                    choice.finish_reason == Some(FinishReason::ToolCalls) && choice.message.tool_calls.is_empty()
                };
                if answer.choices.iter().any(unread) {
                    self.output.note("(the model began a tool call that the server could not read, and left it out)");
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
            false => "(interrupted; nothing had come, and the question is taken back)",
        });
        Ok(false)
    }

    /// Keeps what there is of an answer, marked as what it is; false if there is nothing.
    fn keep(&mut self, mut partial: ChatMessage) -> bool {
        let kept = partial.text().is_some_and(|text| !text.is_empty());
        if kept {
            partial.role = Role::Assistant;
            self.messages.push(partial.extra(INTERRUPTED, true));
        }
        kept
    }

    /// The request, without the oldest turns if the conversation does not fit into the context any more.
    async fn fitting(&mut self) -> Result<ChatRequest, Failure> {
        if self.model.is_none() {
            // A server that does not tell is asked again with the next turn.
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
            // Before anything is left out, it should be known how much there really is.
            self.calibrate().await;
            fitted = request.fit_into(&model, &self.estimator);
        }
        let Fitted { messages, dropped, .. } = match fitted {
            Ok(fitted) => fitted,
            // That was an estimate, and a wide one. What is needed is counted, or the server says so.
            Err(error) if error.code() == "conversation_too_long" => return self.last_turn(request, context).await,
            Err(error) => return Err(error.into()),
        };
        if dropped > self.dropped {
            self.output
                .note(&format!("(the oldest {dropped} messages no longer fit into the context and are left out)"));
            self.output.note(&why_so_few(&request, &model, context));
        }
        self.dropped = dropped;
        request.messages = messages;
        Ok(request)
    }

    /// How large its context and its cache are, as far as the server reports it.
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

    /// The request with nothing but the instructions and the last turn. It is refused only if the server counts more than it can
    /// take: how long an answer may be is left to it.
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
                    "the conversation does not fit: its instructions and its last turn alone take {tokens} tokens of the \
                     {context} of the context, which the answer has to fit into, too"
                );
                let hint = "shorten the last message, or load the model with a larger `--max-seq-len` and `--cache-size`, and `--force`";
                return Err(Error::custom(ErrorKind::Encode, "conversation_too_long", message).with_hint(hint).into());
            }
            Some(tokens) if dropped > self.dropped => self.output.note(&format!(
                "(all {dropped} messages before the last turn are left out: with the instructions it takes {tokens} tokens of the \
                 {context} of the context; {} are left for the answer)",
                context - tokens
            )),
            None if dropped > self.dropped => self.output.note(&format!(
                "(all {dropped} messages before the last turn are left out, so that it fits into the {context} tokens of the context)"
            )),
            _ => {}
        }
        self.dropped = dropped;
        Ok(request)
    }

    /// How many tokens these messages take, counted by the server; without the marks between them if it does not count messages.
    async fn count(&self, messages: &[ChatMessage]) -> Option<u64> {
        let tokens = self.client.tokens();
        if let Ok(count) = tokens.count(&EncodeRequest::new(messages.to_vec())).await {
            return Some(count.length);
        }
        let texts: Vec<&str> = messages.iter().filter_map(ChatMessage::text).collect();
        tokens.count(&EncodeRequest::new(texts.join("\n"))).await.ok().map(|count| count.length)
    }

    /// Has the server count some of the longest texts. If it does not, estimates stay wide.
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
                    true => "(there are no instructions now)",
                    false => "(these are the instructions from now on)",
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
                    Some(_) => "(the last question is taken back)",
                    None => "(there is no question to take back)",
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

    /// Puts these instructions in place of the others; no text takes them away.
    fn instruct(&mut self, text: &str) {
        self.messages.retain(|message| message.role != Role::System);
        if !text.is_empty() {
            self.messages.insert(0, ChatMessage::system(text));
        }
    }

    /// Loads another model.
    async fn switch(&mut self, name: &str) -> Result<(), Failure> {
        let interrupt = self.interrupt;
        // Dropped before anything is said of the interruption, so that the bar is out of the way.
        let report = {
            let load = self.client.models().load(&LoadRequest::new(name));
            tokio::select! {
                biased;
                () = interrupt.wait() => None,
                report = follow(load, name, self.output) => Some(report),
            }
        };
        match report {
            None => self.output.note("(the load goes on at the server)"),
            Some(report) => {
                if report?.was_loaded_already() {
                    self.output.note(&format!("({name} is loaded already)"));
                }
            }
        }
        self.interrupt.forget();
        // Another context, another tokenizer.
        (self.model, self.estimator, self.dropped) = (None, Estimator::new(), 0);
        Ok(())
    }
}

/// What bounds the prompt: the room that is kept for the answer, or the cache.
fn why_so_few(request: &ChatRequest, model: &ModelParameters, context: u64) -> String {
    let set = request.sampling.max_tokens.filter(|most| *most > 0).map(u64::from);
    let answer = set.unwrap_or(context / 4);
    match model.longest_prompt() {
        Some(longest) if longest < context.saturating_sub(answer) => {
            format!("(a prompt may have {longest} tokens: the server keeps a whole chunk free in the cache beside it)")
        }
        _ => {
            let how = if set.is_none() { "; --max-tokens sets how many" } else { "" };
            format!("(of its {context} tokens {answer} are kept for the answer{how})")
        }
    }
}

fn context_of(model: &ModelParameters) -> Option<u64> {
    u64::try_from(model.max_seq_len?).ok().filter(|context| *context > 0)
}

/// A message as the server is to get it: without our marks, and without what the model thought, which is not part of what was said.
fn for_the_server(message: &ChatMessage) -> ChatMessage {
    let mut message = message.clone();
    message.extra.remove(INTERRUPTED);
    message.reasoning_content = None;
    message
}

fn read(path: &Path) -> Result<Vec<ChatMessage>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!("{} holds no conversation, as /save writes them: {error}", path.display()))
    })
}
