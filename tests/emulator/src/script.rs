//! The script of a generation: its text, its speed, and its failures.

use std::time::Duration;

use crate::json::Json;

/// The script of one generation. Each setter has a key in the directive of a prompt; see the [crate's
/// documentation](crate#the-directive).
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(crate) replies: Vec<String>,
    pub(crate) tokens: Option<Vec<String>>,
    pub(crate) bytes: bool,
    pub(crate) per_chunk: Option<usize>,
    pub(crate) delay: Option<Duration>,
    pub(crate) prefill_delay: Duration,
    pub(crate) head_delay: Duration,
    pub(crate) fail_before: bool,
    pub(crate) fail_at: Option<usize>,
    pub(crate) fail_message: Option<String>,
    pub(crate) cut_after: Option<usize>,
    pub(crate) reset: bool,
    pub(crate) stall_after: Option<usize>,
    pub(crate) no_done: bool,
    pub(crate) gate: bool,
    pub(crate) no_eos: bool,
    pub(crate) eos_token: Option<String>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) eos_reason: Option<String>,
    pub(crate) non_finite: Option<f64>,
    pub(crate) raw: Option<String>,
    pub(crate) split: Option<usize>,
    pub(crate) no_stream: bool,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// The start of a directive.
const OPEN: &str = "[[fake:";

impl Script {
    /// Creates the default script: an echo of the prompt, without delays, to its end.
    pub fn new() -> Script {
        Script::default()
    }

    /// Sets the response, with `<think>` and `<tool_call>` as models write them. Further calls set the responses of further
    /// choices.
    pub fn reply(mut self, text: impl Into<String>) -> Script {
        self.replies.push(text.into());
        self
    }

    /// Sets the response, token by token.
    pub fn tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Script {
        self.tokens = Some(tokens.into_iter().map(Into::into).collect());
        self
    }

    /// Splits the reply into bytes. Characters stay whole on the wire.
    pub fn bytes(mut self) -> Script {
        self.bytes = true;
        self
    }

    /// Puts this many tokens into one event of a stream.
    pub fn tokens_per_chunk(mut self, tokens: usize) -> Script {
        self.per_chunk = Some(tokens.max(1));
        self
    }

    /// Waits before each token.
    pub fn token_delay(mut self, delay: Duration) -> Script {
        self.delay = Some(delay);
        self
    }

    /// Waits before the first token. A stream is already open and sends pings.
    pub fn prefill_delay(mut self, delay: Duration) -> Script {
        self.prefill_delay = delay;
        self
    }

    /// Waits before the response head.
    pub fn head_delay(mut self, delay: Duration) -> Script {
        self.head_delay = delay;
        self
    }

    /// Fails before any output: 503, streamed or not. `/health` is unhealthy from then on.
    pub fn fail_before(mut self) -> Script {
        self.fail_before = true;
        self
    }

    /// Fails after this many tokens: an error event in a stream, 503 otherwise. `/health` is unhealthy from then on.
    pub fn fail_at(mut self, tokens: usize) -> Script {
        self.fail_at = Some(tokens);
        self
    }

    /// Sets the error in `/health`. The response does not contain it.
    pub fn fail_message(mut self, message: impl Into<String>) -> Script {
        self.fail_message = Some(message.into());
        self
    }

    /// Closes the connection after this many events, without the final chunk.
    pub fn cut_after(mut self, events: usize) -> Script {
        self.cut_after = Some(events);
        self
    }

    /// Makes a cut a reset of the connection instead of a close.
    pub fn reset(mut self) -> Script {
        self.reset = true;
        self
    }

    /// Sends only pings after this many events.
    pub fn stall_after(mut self, events: usize) -> Script {
        self.stall_after = Some(events);
        self
    }

    /// Ends the stream cleanly, but without `[DONE]`.
    pub fn no_done(mut self) -> Script {
        self.no_done = true;
        self
    }

    /// Makes each token, including the end token, wait for a [`release`](crate::Emulator::release).
    pub fn gate(mut self) -> Script {
        self.gate = true;
        self
    }

    /// Does not end by itself: continues with filler up to the limit of tokens.
    pub fn no_eos(mut self) -> Script {
        self.no_eos = true;
        self
    }

    /// Sets the token that ends it, which is `stop_str` in chat.
    pub fn eos_token(mut self, token: impl Into<String>) -> Script {
        self.eos_token = Some(token.into());
        self
    }

    /// Sets another `finish_reason` at the end.
    pub fn finish_reason(mut self, reason: impl Into<String>) -> Script {
        self.finish_reason = Some(reason.into());
        self
    }

    /// Sets another `eos_reason` at the end.
    pub fn eos_reason(mut self, reason: impl Into<String>) -> Script {
        self.eos_reason = Some(reason.into());
        self
    }

    /// Sets the log probability of the first token, for values that are not finite: null in a plain response, a bare word in a
    /// stream.
    pub fn first_logprob(mut self, value: f64) -> Script {
        self.non_finite = Some(value);
        self
    }

    /// Responds with these bytes as the whole event stream, regardless of the request.
    pub fn raw(mut self, stream: impl Into<String>) -> Script {
        self.raw = Some(stream.into());
        self
    }

    /// Writes events in HTTP chunks of this many bytes.
    pub fn split(mut self, bytes: usize) -> Script {
        self.split = Some(bytes.max(1));
        self
    }

    /// Responds to a request for a stream with plain JSON.
    pub fn no_stream(mut self) -> Script {
        self.no_stream = true;
        self
    }

    /// Whether it sets the response.
    pub(crate) fn speaks(&self) -> bool {
        !self.replies.is_empty() || self.tokens.is_some()
    }

    /// Finds the directive in a text, the last one if there are several.
    pub(crate) fn find(text: &str) -> Option<Result<Script, String>> {
        let start = text.rfind(OPEN)? + OPEN.len();
        let rest = &text[start..];
        Some(match Json::parse_prefix(rest) {
            Err(error) => Err(format!("{} at character {}", error.message, error.at)),
            Ok((_, taken)) if !rest[taken..].starts_with("]]") => Err("it does not end in ]]".to_owned()),
            Ok((directive, _)) => Script::from_directive(&directive),
        })
    }

    /// Returns the text after the last directive.
    pub(crate) fn behind(text: &str) -> Option<&str> {
        let rest = &text[text.rfind(OPEN)? + OPEN.len()..];
        let (_, taken) = Json::parse_prefix(rest).ok()?;
        rest[taken..].strip_prefix("]]")
    }

    fn from_directive(directive: &Json) -> Result<Script, String> {
        let Json::Dict(members) = directive else {
            return Err("it is no JSON object".to_owned());
        };
        let mut script = Script::new();
        for (key, value) in members {
            script = script.apply(key, value).ok_or_else(|| format!("bad key or value: {key}"))?;
        }
        Ok(script)
    }

    /// Applies one key of a directive. `None` if it is unknown or its value has the wrong type.
    fn apply(mut self, key: &str, value: &Json) -> Option<Script> {
        let text = || value.as_str().map(str::to_owned);
        let count = || value.as_int().and_then(|n| usize::try_from(n).ok());
        let seconds = || Duration::try_from_secs_f64(value.as_float()?).ok();
        let millis = || Duration::try_from_secs_f64(value.as_float()? / 1000.0).ok();
        let texts =
            || -> Option<Vec<String>> { value.as_list()?.iter().map(|v| v.as_str().map(str::to_owned)).collect() };
        match key {
            "reply" => match text() {
                Some(reply) => self.replies = vec![reply],
                None => self.replies = texts()?,
            },
            "tokens" => self.tokens = Some(texts()?),
            "bytes" => self.bytes = value.as_bool()?,
            "per_chunk" => self.per_chunk = Some(count()?.max(1)),
            "delay" => self.delay = Some(seconds()?),
            "delay_ms" => self.delay = Some(millis()?),
            "prefill_delay" => self.prefill_delay = seconds()?,
            "prefill_delay_ms" => self.prefill_delay = millis()?,
            "head_delay_ms" => self.head_delay = millis()?,
            "fail" => match value.as_str()? {
                "before" => self.fail_before = true,
                "within" => self.fail_at = self.fail_at.or(Some(1)),
                _ => return None,
            },
            "fail_at" | "fail_after" => self.fail_at = Some(count()?),
            "fail_message" => self.fail_message = Some(text()?),
            "cut_after" => self.cut_after = Some(count()?),
            "reset" => self.reset = value.as_bool()?,
            "stall_after" => self.stall_after = Some(count()?),
            "no_done" => self.no_done = value.as_bool()?,
            "gate" => self.gate = value.as_bool()?,
            "eos" => self.no_eos = !value.as_bool()?,
            "eos_token" => self.eos_token = Some(text()?),
            "finish_reason" => self.finish_reason = Some(text()?),
            "eos_reason" => self.eos_reason = Some(text()?),
            "non_finite" => {
                self.non_finite = Some(match value.as_str() {
                    Some("nan") => f64::NAN,
                    Some("inf") => f64::INFINITY,
                    Some("-inf") | None => f64::NEG_INFINITY,
                    Some(_) => return None,
                });
            }
            "raw" => self.raw = Some(text()?),
            "split" => self.split = Some(count()?.max(1)),
            "no_stream" => self.no_stream = value.as_bool()?,
            "status" => self.status = Some(u16::try_from(value.as_int()?).ok()?),
            "body" => self.body = Some(text()?),
            "headers" => match value {
                Json::Dict(members) => {
                    for (name, value) in members {
                        self.headers.push((name.clone(), value.as_str()?.to_owned()));
                    }
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_may_hold_brackets() {
        let script = Script::find("x [[fake:{\"reply\":\"a]]b\",\"fail_at\":3}]] y").unwrap().unwrap();
        assert_eq!(script.replies, ["a]]b"]);
        assert_eq!(script.fail_at, Some(3));
        assert!(Script::find("no directive").is_none());
        assert!(Script::find("[[fake:{\"reply\":1}]]").unwrap().is_err());
        assert!(Script::find("[[fake:{").unwrap().is_err());
    }
}
