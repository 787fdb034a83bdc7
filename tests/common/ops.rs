//! Endpoints as a user would write them.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::json;
use tabbyapi::decode::{EventFormat, Events, Json, Step};
use tabbyapi::{
    Accumulate, Endpoint, Error, Idempotency, Limits, Method, Result, Scope, StreamEndpoint, TimeoutPolicy, Timeouts,
    json_body,
};

/// A plain read.
pub struct Read;

impl Endpoint for Read {
    type Decoder = Json<serde_json::Value>;
    const METHOD: Method = Method::GET;
    const SCOPE: Scope = Scope::Api;
    const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;

    fn path(&self) -> Cow<'_, str> {
        "/v1/read".into()
    }

    fn decoder(&self) -> Self::Decoder {
        Json::new()
    }
}

/// A generation whose events are bare words, up to `[DONE]`.
pub struct Generate {
    timeouts: Timeouts,
}

impl Generate {
    pub fn new(timeouts: Timeouts) -> Self {
        Generate { timeouts }
    }
}

pub type Words = Events<WordFormat>;

impl Endpoint for Generate {
    type Decoder = Words;
    const METHOD: Method = Method::POST;
    const SCOPE: Scope = Scope::Api;
    const IDEMPOTENCY: Idempotency = Idempotency::IfUnsent;

    fn path(&self) -> Cow<'_, str> {
        "/v1/generate".into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        json_body(&json!({"prompt": "p"}))
    }

    fn timeouts(&self, _: &TimeoutPolicy) -> Timeouts {
        self.timeouts
    }

    fn decoder(&self) -> Self::Decoder {
        Events::new(WordFormat)
    }
}

impl StreamEndpoint for Generate {
    type Decoder = Words;
    type Streamed<'a> = Generate;
    type Total = Sentence;

    fn streamed(&self) -> Generate {
        Generate { timeouts: self.timeouts }
    }

    fn total(&self, _: &Limits) -> Sentence {
        Sentence::default()
    }
}

pub struct WordFormat;

impl EventFormat for WordFormat {
    type Item = String;

    fn event(&mut self, _kind: &str, data: &str) -> Result<Step<String>> {
        Ok(match data {
            "[DONE]" => Step::Done,
            "" => Step::Skip,
            word => Step::Item(word.to_owned()),
        })
    }

    fn whole(&mut self, body: &str) -> Result<Vec<String>> {
        tabbyapi::decode::from_json(body)
    }

    fn end(&mut self) -> Result<()> {
        Err(Error::truncated())
    }
}

/// Words, joined.
#[derive(Default)]
pub struct Sentence(pub String);

impl Accumulate for Sentence {
    type Item = String;
    type Output = String;

    fn push(&mut self, word: &String) -> Result<()> {
        self.0.push_str(word);
        Ok(())
    }

    fn so_far(&self) -> &String {
        &self.0
    }

    fn into_output(self) -> String {
        self.0
    }
}
