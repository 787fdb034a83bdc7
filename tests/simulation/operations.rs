//! What the calls of a world ask for. Each call has a number, which stands in its path, so that a server knows it again.

use std::borrow::Cow;

use tabbyapi::decode::{EventFormat, Events, Step};
use tabbyapi::{Endpoint, Error, Idempotency, Method, Result, Scope, TimeoutPolicy, Timeouts};

/// An operation that answers with the words `0`, `1`, … up to an announced end.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub number: usize,
    pub timeouts: Timeouts,
    pub tokens: u64,
}

/// It may be sent twice.
#[derive(Clone, Copy, Debug)]
pub struct Read(pub Ask);

/// It must not be begun twice.
#[derive(Clone, Copy, Debug)]
pub struct Generate(pub Ask);

pub type Words = Events<WordFormat>;

macro_rules! endpoint {
    ($name:ident, $idempotency:ident, $path:literal) => {
        impl Endpoint for $name {
            type Decoder = Words;
            const METHOD: Method = Method::POST;
            const SCOPE: Scope = Scope::Api;
            const IDEMPOTENCY: Idempotency = Idempotency::$idempotency;

            fn path(&self) -> Cow<'_, str> {
                format!(concat!("/", $path, "/{}"), self.0.number).into()
            }

            fn timeouts(&self, _: &TimeoutPolicy) -> Timeouts {
                self.0.timeouts
            }

            fn tokens(&self) -> u64 {
                self.0.tokens
            }

            fn decoder(&self) -> Words {
                Events::new(WordFormat)
            }
        }
    };
}

endpoint!(Read, Idempotent, "read");
endpoint!(Generate, IfUnsent, "generate");

pub struct WordFormat;

impl EventFormat for WordFormat {
    type Item = u64;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<u64>> {
        match (kind, data) {
            (_, "[DONE]") => Ok(Step::Done),
            (_, word) => tabbyapi::decode::from_json(word).map(|[word]: [u64; 1]| Step::Item(word)),
        }
    }

    fn whole(&mut self, body: &str) -> Result<Vec<u64>> {
        tabbyapi::decode::from_json(body)
    }

    fn end(&mut self) -> Result<()> {
        Err(Error::truncated())
    }
}
