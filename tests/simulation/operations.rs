//! What the calls of a world ask for. Each call has a number, which stands in its path, so that a server knows it again.

use std::borrow::Cow;

use bytes::Bytes;
use tabbyapi::decode::{EventFormat, Events, Step};
use tabbyapi::internal::{Ask as Asked, Join, Piece, Way};
use tabbyapi::{Endpoint, Error, ErrorCode, Idempotency, Method, Result, Scope, TimeoutPolicy, Timeouts};

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

/// It is resumed where it breaks: its body says from which word on.
#[derive(Clone, Copy, Debug)]
pub struct Heal(pub Ask);

macro_rules! endpoint {
    ($name:ident, $idempotency:ident, $path:literal $(, $body:expr)?) => {
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

            $(fn body(&self) -> Result<Option<Bytes>> {
                Ok(Some(Bytes::from_static($body)))
            })?

            fn decoder(&self) -> Words {
                Events::new(WordFormat)
            }
        }
    };
}

endpoint!(Read, Idempotent, "read");
endpoint!(Generate, IfUnsent, "generate");
endpoint!(Heal, IfUnsent, "heal", b"0");

/// Joins the words of a stream that is to have so many.
pub struct WordJoin {
    pub goal: u64,
    pub next: u64,
}

impl Join<u64> for WordJoin {
    fn piece(&self, word: &u64) -> Piece {
        Piece { text: true, ended: word + 1 == self.goal, ..Piece::default() }
    }

    fn taken(&mut self, word: &u64) {
        assert_eq!(*word, self.next, "a word is missing or came twice");
        self.next += 1;
    }

    fn join(&mut self, word: &mut u64) -> bool {
        self.taken(word);
        true
    }

    fn next_part(&mut self) {}

    fn ask(&self, _: &Bytes) -> std::result::Result<Asked, ErrorCode> {
        Ok(Asked { choices: Some(1), opens: true, ..Asked::default() })
    }

    fn rest(&mut self, _: &Bytes, tokens: u64, _: Way) -> std::result::Result<Bytes, ErrorCode> {
        assert_eq!(tokens, self.next, "each word is one token");
        Ok(self.next.to_string().into())
    }

    fn ending(&mut self) -> u64 {
        panic!("there is no end of the tokens")
    }
}

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
