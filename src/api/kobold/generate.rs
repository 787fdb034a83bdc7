//! `POST /api/v1/generate` and `POST /api/extra/generate/stream`: generation with the KoboldAI API.

use bytes::Bytes;

use super::{KoboldResult, KoboldResults, KoboldToken};
use crate::api::budget::Budget;
use crate::api::fields::request;
use crate::api::kinds::{Kind, json};
use crate::api::operation::described;
use crate::api::sampling::{SamplingParams, sampling_setters};
use crate::api::streamed::Streamed;
use crate::base::{Advice, Error, ErrorCode, Limits, Remedy, Result};
use crate::decode::{
    Bounds, EventFormat, Events, Halves, Json, Step, answer, error_beside, from_event, from_json, is_noise,
};
use crate::protocol::{Accumulate, Endpoint, StreamEndpoint, json_body};

request! {
    /// A text to continue, for the KoboldAI API.
    ///
    /// The sampler parameters have TabbyAPI's names, which these routes accept too. KoboldAI's names (`max_length`, `rep_pen`, …) can
    /// be sent as `extra`.
    ///
    /// ```
    /// use tabbyapi::api::KoboldRequest;
    ///
    /// let request = KoboldRequest::new("Once upon a time").genkey("K1").max_tokens(80);
    /// # let _ = request;
    /// ```
    pub struct KoboldRequest {
        required {
            /// The text.
            prompt: String,
        }
        optional {
            /// A key of your choice for this generation, which [`abort`](crate::services::Kobold::abort) and
            /// [`check`](crate::services::Kobold::check) use. It must be unique among running generations.
            genkey: String as impl Into<String>,
            /// Whether the end token is never sampled; default false. No effect on the current backend.
            use_default_badwordsids: bool,
            /// If above 0, dynamic temperature ranges from `temperature` minus this to `temperature` plus this. No effect on the current
            /// backend.
            dynatemp_range: f64,
        }
        flatten {
            /// Sampler parameters, at the same level of the JSON. Here a `penalty_range` of 0 means -1: all tokens.
            sampling: SamplingParams
        }
    }
}

impl KoboldRequest {
    /// Creates a request with this text and the server's defaults.
    pub fn new(prompt: impl Into<String>) -> Self {
        KoboldRequest::blank(prompt.into())
    }

    sampling_setters!();

    fn write(&self) -> Result<Option<Bytes>> {
        self.sampling.check()?;
        if self.dynatemp_range.is_some_and(|range| !range.is_finite()) {
            return Err(crate::api::sampling::not_finite("dynatemp_range"));
        }
        json_body(self)
    }
}

impl Endpoint for KoboldRequest {
    type Decoder = Json<KoboldResults>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        self.write()
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

impl Endpoint for Streamed<'_, KoboldRequest> {
    type Decoder = Events<KoboldEvents>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        self.0.write()
    }

    fn decoder(&self) -> Self::Decoder {
        Events::new(KoboldEvents::default())
    }
}

pub(super) fn map_error(error: Error) -> Error {
    if error.code() == &ErrorCode::GenerationAborted {
        return error.with_advice(Advice::new(
            Remedy::Call,
            "servers of 2026 fail on every generation of the KoboldAI API; use {method:completions} instead",
        ));
    }
    super::map_error(error)
}

impl StreamEndpoint for KoboldRequest {
    type Decoder = Events<KoboldEvents>;
    type Streamed<'a> = Streamed<'a, KoboldRequest>;
    type Total = KoboldTotal;

    fn streamed(&self) -> Streamed<'_, KoboldRequest> {
        Streamed(self)
    }

    fn total(&self, limits: &Limits) -> KoboldTotal {
        KoboldTotal { answer: KoboldResults::default(), budget: Budget::new(limits) }
    }
}

/// Decodes the events of a KoboldAI stream: text, or an error. There is no end event.
#[derive(Debug, Default)]
pub struct KoboldEvents {
    halves: Halves,
    bounds: Bounds,
}

impl KoboldEvents {
    /// Creates a format for one stream.
    pub fn new() -> Self {
        KoboldEvents::default()
    }
}

impl EventFormat for KoboldEvents {
    type Item = KoboldToken;

    fn event(&mut self, kind: &str, data: &str) -> Result<Step<KoboldToken>> {
        if is_noise(kind, data) {
            return Ok(Step::Skip);
        }
        let token: KoboldToken = {
            let joined = self.halves.join(data, &self.bounds);
            from_event(kind, &joined, &self.bounds.joined(&joined, data))?
        };
        Ok(match error_beside(&token.extra) {
            Some(error) if token.token.is_empty() => return Err(error),
            Some(error) => Step::Last(token, error),
            None => Step::Item(token),
        })
    }

    fn held(&mut self) -> Option<KoboldToken> {
        from_json(&self.halves.flush()?.to_string()).ok()
    }

    fn whole(&mut self, body: &str) -> Result<Vec<KoboldToken>> {
        let whole = answer::<KoboldResults>(body, Some(KoboldResults::FIELDS), &self.bounds)?;
        let token = |result: KoboldResult| KoboldToken { token: result.text.into(), extra: result.extra };
        Ok(whole.results.into_iter().take(1).map(token).collect())
    }

    fn limits(&mut self, limits: &Limits) {
        self.bounds = Bounds::of(limits);
    }

    /// The server just closes the stream. If it was cut, its transfer coding is incomplete, which the transport detects.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) {
        *self = KoboldEvents::default();
    }
}

/// Accumulates the parts of a KoboldAI stream.
#[derive(Clone, Debug)]
pub struct KoboldTotal {
    /// At most one result.
    answer: KoboldResults,
    budget: Budget,
}

impl Accumulate for KoboldTotal {
    type Item = KoboldToken;
    type Output = KoboldResults;

    fn push(&mut self, item: &KoboldToken) -> Result<()> {
        if self.answer.results.is_empty() {
            self.answer.results.push(KoboldResult::default());
        }
        self.budget.append(&mut self.answer.results[0].text, &item.token)?;
        self.budget.merge(&mut self.answer.results[0].extra, &item.extra, &["text"])
    }

    fn so_far(&self) -> &KoboldResults {
        &self.answer
    }

    fn into_output(self) -> KoboldResults {
        self.answer
    }
}
