//! The attributes of a call, for all emitters. They are collected from the hook's events.

#![cfg_attr(not(feature = "opentelemetry"), allow(dead_code, reason = "`tracing` has no metrics"))]

use std::any::Any;
use std::time::Duration;

use http::Uri;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::{ChatChunk, ChatCompletion, Completion, CompletionChunk, EmbeddingList, FinishReason, Usage};
use crate::base::{Attempt, Error, ErrorKind, Text, Time};
use crate::protocol::hooks::View;
use crate::telemetry::content::Content;
use crate::telemetry::names as n;

/// The maximum number of choices whose finish reasons are kept.
const MOST_CHOICES: usize = 64;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Decimal(f64),
    Flag(bool),
    Texts(Vec<String>),
}

pub(super) type Attributes = Vec<(&'static str, Value)>;

/// The kinds of work in the conventions for GenAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Chat,
    Completion,
    Embeddings,
}

/// What is known about a call so far.
pub(super) struct Facts {
    pub(super) work: Option<Work>,
    asked: RequestFacts,
    /// Whether the prompt has images, in which case the modality of its tokens is unknown.
    images: bool,
    server: Option<(String, u16)>,
    first_chunk: Option<Duration>,
    last_chunk: Option<Time>,
    id: Text,
    model: Text,
    finish: Vec<Option<Text>>,
    usage: Option<(u64, u64)>,
    content: Option<Content>,
}

/// The recorded fields of a request. Reading them never fails, whatever their types.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestFacts {
    model: Json,
    stream: Json,
    n: Json,
    max_tokens: Json,
    /// KoboldAI's name for `max_tokens`.
    max_length: Json,
    temperature: Json,
    top_k: Json,
    top_p: Json,
    frequency_penalty: Json,
    presence_penalty: Json,
    seed: Json,
    response_format: Json,
}

/// How a call or an attempt ended.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    Complete,
    /// The caller dropped or cancelled it, which is not an error.
    Cancelled,
    Failed(&'a Error),
}

impl<'a> End<'a> {
    pub(super) fn of(error: Option<&'a Error>) -> Self {
        match error {
            None => End::Complete,
            Some(error) if error.kind() == ErrorKind::Cancelled => End::Cancelled,
            Some(error) => End::Failed(error),
        }
    }

    /// The attribute that distinguishes it from a complete one.
    pub(super) fn attribute(self) -> Option<(&'static str, Value)> {
        match self {
            End::Complete => None,
            End::Cancelled => Some((n::CANCELLED, Value::Flag(true))),
            End::Failed(error) => Some((n::ERROR_TYPE, text(error.code().as_str()))),
        }
    }
}

/// The meaning of an item.
pub(super) enum Chunk {
    First(Duration),
    Next(Duration),
}

impl Facts {
    pub(super) fn new(call: &View<'_>, content: bool) -> Self {
        let work = match call.path {
            "/v1/chat/completions" => Some(Work::Chat),
            "/v1/completions" | "/api/v1/generate" | "/api/extra/generate/stream" => Some(Work::Completion),
            "/v1/embeddings" => Some(Work::Embeddings),
            _ => None,
        };
        let body: &[u8] = call.body.filter(|_| work.is_some()).map_or(&[], |body| body);
        let mut asked: RequestFacts = serde_json::from_slice(body).unwrap_or_default();
        if let (Json::Null, Some(model)) = (&asked.model, call.model) {
            asked.model = model.into();
        }
        if call.path == "/api/extra/generate/stream" {
            asked.stream = true.into();
        }
        Facts {
            work,
            asked,
            // Inside text the quotes would be escaped.
            images: memchr::memmem::find(body, br#""type":"image_url""#).is_some(),
            server: None,
            first_chunk: None,
            last_chunk: None,
            id: Text::default(),
            model: Text::default(),
            finish: Vec::new(),
            usage: None,
            content: content.then(|| Content::new(body)),
        }
    }

    /// The name of the call's span.
    pub(super) fn name(&self, call: &View<'_>) -> String {
        match (self.work, self.asked.model.as_str()) {
            (Some(work), Some(model)) => format!("{} {model}", work.name()),
            (Some(work), None) => work.name().to_owned(),
            (None, _) => format!("{} {}", call.method, call.path.split('?').next().unwrap_or_default()),
        }
    }

    pub(super) fn is_streamed(&self) -> bool {
        self.asked.stream == Json::Bool(true)
    }

    /// The attributes at the start.
    pub(super) fn request(&self) -> Attributes {
        let Some(work) = self.work else { return Vec::new() };
        let asked = &self.asked;
        let mut attributes = vec![(n::OPERATION_NAME, text(work.name())), (n::PROVIDER_NAME, text(n::PROVIDER))];
        let mut add = |name, value: Option<Value>| attributes.extend(value.map(|value| (name, value)));
        let number = |value: &Json| value.as_i64().map(Value::Number);
        let decimal = |value: &Json| value.as_f64().map(Value::Decimal);
        add(n::REQUEST_MODEL, asked.model.as_str().map(text));
        add(n::REQUEST_STREAM, self.is_streamed().then_some(Value::Flag(true)));
        add(n::REQUEST_CHOICE_COUNT, number(&asked.n).filter(|count| *count != Value::Number(1)));
        add(n::REQUEST_MAX_TOKENS, number(&asked.max_tokens).or_else(|| number(&asked.max_length)));
        add(n::REQUEST_TEMPERATURE, decimal(&asked.temperature));
        add(n::REQUEST_TOP_K, number(&asked.top_k));
        add(n::REQUEST_TOP_P, decimal(&asked.top_p));
        add(n::REQUEST_FREQUENCY_PENALTY, decimal(&asked.frequency_penalty));
        add(n::REQUEST_PRESENCE_PENALTY, decimal(&asked.presence_penalty));
        add(n::REQUEST_SEED, number(&asked.seed));
        let format = asked.response_format.get("type").and_then(Json::as_str);
        add(n::OUTPUT_TYPE, format.map(|format| text(if format == "text" { "text" } else { "json" })));
        add(n::INPUT_MESSAGES, self.content.as_ref().and_then(Content::input).map(Value::Text));
        attributes
    }

    /// The attributes at the start of an attempt.
    pub(super) fn attempt(&mut self, call: &View<'_>, uri: &Uri) -> Attributes {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        self.server = uri.host().map(|host| (host.to_owned(), port));
        let mut attributes =
            vec![(n::HTTP_REQUEST_METHOD, text(call.method.as_str())), (n::URL_FULL, Value::Text(redacted(uri)))];
        attributes.extend(self.server_attributes());
        if call.record.attempt_count > 0 {
            attributes.push((n::HTTP_REQUEST_RESEND_COUNT, Value::Number(call.record.attempt_count.into())));
        }
        attributes
    }

    /// Records an item of a stream, or a whole response.
    pub(super) fn item(&mut self, call: &View<'_>, item: &dyn Any) -> Option<Chunk> {
        if let Some(chunk) = item.downcast_ref::<ChatChunk>() {
            self.answer(&chunk.id, &chunk.model, chunk.usage.as_deref());
            chunk.choices.iter().for_each(|choice| self.finish(choice.index, choice.finish_reason.as_ref()));
        } else if let Some(chunk) = item.downcast_ref::<CompletionChunk>() {
            self.answer(&chunk.id, &chunk.model, chunk.usage.as_deref());
            chunk.choices.iter().for_each(|choice| self.finish(choice.index, choice.finish_reason.as_ref()));
        } else if let Some(whole) = item.downcast_ref::<ChatCompletion>() {
            self.answer(&whole.id, &whole.model, whole.usage.as_ref());
            whole.choices.iter().for_each(|choice| self.finish(choice.index, choice.finish_reason.as_ref()));
        } else if let Some(whole) = item.downcast_ref::<Completion>() {
            self.answer(&whole.id, &whole.model, whole.usage.as_ref());
            whole.choices.iter().for_each(|choice| self.finish(choice.index, choice.finish_reason.as_ref()));
        } else if let Some(whole) = item.downcast_ref::<EmbeddingList>() {
            self.answer(&Text::default(), &whole.model, whole.usage.as_ref());
        }
        if let Some(content) = &mut self.content {
            content.item(item);
        }
        if self.work.is_none() || !self.is_streamed() {
            return None;
        }
        match self.last_chunk.replace(call.now) {
            Some(last) => Some(Chunk::Next(call.now.since(last))),
            None => {
                let wait = call.now.since(call.record.started.unwrap_or(call.now));
                self.first_chunk = Some(wait);
                Some(Chunk::First(wait))
            }
        }
    }

    /// The attributes at the end.
    pub(super) fn outcome(&self, end: End<'_>) -> Attributes {
        let mut attributes: Attributes = self.server_attributes().collect();
        attributes.extend(end.attribute());
        if self.work.is_none() {
            return attributes;
        }
        let mut add = |name, value: Option<Value>| attributes.extend(value.map(|value| (name, value)));
        add(n::RESPONSE_ID, some(&self.id));
        add(n::RESPONSE_MODEL, some(&self.model));
        let missing = matches!(end, End::Failed(_)).then_some(n::FINISH_ERROR);
        let finish = self.finish.iter().filter_map(|reason| reason.as_deref().or(missing)).map(str::to_owned);
        let finish: Vec<String> = finish.collect();
        add(n::RESPONSE_FINISH_REASONS, (!finish.is_empty()).then_some(Value::Texts(finish)));
        add(n::RESPONSE_TIME_TO_FIRST_CHUNK, self.first_chunk.map(|wait| Value::Decimal(wait.as_secs_f64())));
        add(n::USAGE_INPUT_TOKENS, self.usage.map(|(input, _)| count(input)));
        if self.work != Some(Work::Embeddings) {
            add(n::USAGE_OUTPUT_TOKENS, self.usage.map(|(_, output)| count(output)));
        }
        let finish = |choice: usize| self.finish.get(choice).and_then(|reason| reason.as_deref()).or(missing);
        add(n::OUTPUT_MESSAGES, self.content.as_ref().and_then(|content| content.output(finish)).map(Value::Text));
        attributes
    }

    /// The attributes that distinguish metrics.
    pub(super) fn metric(&self) -> Attributes {
        let Some(work) = self.work else { return Vec::new() };
        let mut attributes = vec![(n::OPERATION_NAME, text(work.name())), (n::PROVIDER_NAME, text(n::PROVIDER))];
        attributes.extend(self.asked.model.as_str().map(|model| (n::REQUEST_MODEL, text(model))));
        attributes.extend(some(&self.model).map(|model| (n::RESPONSE_MODEL, model)));
        attributes.extend(self.server_attributes());
        attributes
    }

    /// The server of the last attempt.
    pub(super) fn server(&self) -> Attributes {
        self.server_attributes().collect()
    }

    /// Tokens of the prompt and of the response.
    pub(super) fn usage(&self) -> Option<(u64, u64)> {
        self.usage
    }

    /// The modality of the prompt's tokens.
    pub(super) fn input_modality(&self) -> &'static str {
        if self.images { n::MODALITY_UNKNOWN } else { n::MODALITY_TEXT }
    }

    /// Whether content is enabled.
    pub(super) fn includes_content(&self) -> bool {
        self.content.is_some()
    }

    fn server_attributes(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let attributes = |(host, port): &(String, u16)| {
            [(n::SERVER_ADDRESS, text(host)), (n::SERVER_PORT, Value::Number((*port).into()))]
        };
        self.server.as_ref().map(attributes).into_iter().flatten()
    }

    fn answer(&mut self, id: &Text, model: &Text, usage: Option<&Usage>) {
        // The values are the same for all chunks of a stream.
        if self.id.is_empty() {
            self.id = id.clone();
        }
        if self.model.is_empty() {
            self.model = model.clone();
        }
        if let Some(usage) = usage {
            self.usage = Some((usage.prompt_tokens, usage.completion_tokens));
        }
    }

    fn finish(&mut self, choice: u32, reason: Option<&FinishReason>) {
        let choice = choice as usize;
        if choice >= MOST_CHOICES {
            return;
        }
        if self.finish.len() <= choice {
            self.finish.resize(choice + 1, None);
        }
        if let Some(reason) = reason {
            self.finish[choice] = Some(Text::from(reason.as_str()));
        }
    }
}

impl Work {
    pub(super) fn name(self) -> &'static str {
        match self {
            Work::Chat => n::CHAT,
            Work::Completion => n::TEXT_COMPLETION,
            Work::Embeddings => n::EMBEDDINGS,
        }
    }
}

/// The attributes at the end of an attempt.
pub(super) fn attempt_end(attempt: &Attempt, error: Option<&Error>) -> Attributes {
    let mut attributes = vec![
        (n::HTTP_REQUEST_BODY_SIZE, count(attempt.request_bytes)),
        (n::HTTP_RESPONSE_BODY_SIZE, count(attempt.response_bytes)),
    ];
    attributes
        .extend(attempt.status.map(|status| (n::HTTP_RESPONSE_STATUS_CODE, Value::Number(status.as_u16().into()))));
    attributes.extend(attempt_attribute(attempt, error));
    attributes
}

/// The attribute that distinguishes an attempt from a complete one: cancelled, or the error.
pub(super) fn attempt_attribute(attempt: &Attempt, error: Option<&Error>) -> Option<(&'static str, Value)> {
    match End::of(error) {
        End::Cancelled => End::Cancelled.attribute(),
        _ => attempt_error(attempt).map(|error| (n::ERROR_TYPE, Value::Text(error))),
    }
}

/// Why an attempt failed: the status if it is an error, else the code.
fn attempt_error(attempt: &Attempt) -> Option<String> {
    let status = attempt.status.filter(|status| status.is_client_error() || status.is_server_error());
    status.map(|status| status.as_str().to_owned()).or_else(|| attempt.cause.as_ref().map(|cause| cause.to_string()))
}

/// A URL without the values of its query.
fn redacted(uri: &Uri) -> String {
    let text = uri.to_string();
    let Some((address, query)) = text.split_once('?') else { return text };
    let names = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=REDACTED"),
        None => "REDACTED".to_owned(),
    });
    format!("{address}?{}", names.collect::<Vec<_>>().join("&"))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn some(value: &Text) -> Option<Value> {
    (!value.is_empty()).then(|| text(value))
}

fn count(count: u64) -> Value {
    Value::Number(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Record;
    use bytes::Bytes;
    use http::Method;

    fn facts(path: &str, body: &'static str) -> Facts {
        let (record, body) = (Record::default(), Bytes::from_static(body.as_bytes()));
        let (now, method) = (Time::default(), &Method::POST);
        Facts::new(&View { now, method, path, model: None, body: Some(&body), record: &record }, false)
    }

    #[test]
    fn queries_are_redacted() {
        for (given, attributes) in [
            ("http://h:1/p", "http://h:1/p"),
            ("http://h/p?key=secret&x=1", "http://h/p?key=REDACTED&x=REDACTED"),
            ("http://h/p?secret", "http://h/p?REDACTED"),
        ] {
            assert_eq!(redacted(&given.parse().unwrap()), attributes);
        }
    }

    #[test]
    fn fields_of_odd_types_are_left_out() {
        let facts = facts("/v1/chat/completions", r#"{"model":7,"temperature":"hot","n":1,"top_k":40,"seed":null}"#);
        let names: Vec<_> = facts.request().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [n::OPERATION_NAME, n::PROVIDER_NAME, n::REQUEST_TOP_K]);
    }

    #[test]
    fn images_are_found_in_parts_and_not_in_texts() {
        let part = r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"u"}}]}]}"#;
        let word = r#"{"messages":[{"content":"{\"type\":\"image_url\"}"}]}"#;
        assert!(facts("/v1/chat/completions", part).images);
        assert!(!facts("/v1/chat/completions", word).images);
    }

    #[test]
    fn a_choice_that_broke_off_finished_with_an_error() {
        let mut facts = facts("/v1/chat/completions", "{}");
        facts.finish(1, Some(&FinishReason::Stop));
        let finish =
            |end: End<'_>| facts.outcome(end).into_iter().find(|(name, _)| *name == n::RESPONSE_FINISH_REASONS);
        let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(finish(End::Failed(&Error::truncated())).unwrap().1, texts(&["error", "stop"]));
        assert_eq!(finish(End::Complete).unwrap().1, texts(&["stop"]));
        assert_eq!(finish(End::Cancelled).unwrap().1, texts(&["stop"]));
        facts.finish(u32::MAX, None);
        assert_eq!(facts.finish.len(), 2);
    }
}
