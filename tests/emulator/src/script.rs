//! How a generation is to go: what it says, how fast, and where it breaks.

use std::time::Duration;

use crate::json::Json;

/// The course of one generation. Each setter has its key in the prompt's directive, see the
/// [crate's documentation](crate#the-directive).
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

/// A directive begins with it.
const OPEN: &str = "[[fake:";

impl Script {
    /// The usual course: an echo of the prompt, without delays, to its end.
    pub fn new() -> Script {
        Script::default()
    }

    /// What is said, with `<think>` and `<tool_call>` as models write them. Called again, it sets
    /// what the next choice says.
    pub fn reply(mut self, text: impl Into<String>) -> Script {
        self.replies.push(text.into());
        self
    }

    /// What is said, token by token.
    pub fn tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Script {
        self.tokens = Some(tokens.into_iter().map(Into::into).collect());
        self
    }

    /// Takes the reply apart byte by byte; characters stay whole on the wire.
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

    /// Waits before the first token; a stream is open by then and pings.
    pub fn prefill_delay(mut self, delay: Duration) -> Script {
        self.prefill_delay = delay;
        self
    }

    /// Waits before the response head.
    pub fn head_delay(mut self, delay: Duration) -> Script {
        self.head_delay = delay;
        self
    }

    /// Fails before any output: 503, streamed or not, and `/health` is unhealthy from then on.
    pub fn fail_before(mut self) -> Script {
        self.fail_before = true;
        self
    }

    /// Fails after this many tokens: an error event in a stream, 503 otherwise, and `/health` is
    /// unhealthy from then on.
    pub fn fail_at(mut self, tokens: usize) -> Script {
        self.fail_at = Some(tokens);
        self
    }

    /// What `/health` then says; the error itself says nothing of it.
    pub fn fail_message(mut self, message: impl Into<String>) -> Script {
        self.fail_message = Some(message.into());
        self
    }

    /// Closes the connection after this many events, without the final chunk.
    pub fn cut_after(mut self, events: usize) -> Script {
        self.cut_after = Some(events);
        self
    }

    /// A cut is a reset of the connection, not a close.
    pub fn reset(mut self) -> Script {
        self.reset = true;
        self
    }

    /// Sends nothing but pings after this many events.
    pub fn stall_after(mut self, events: usize) -> Script {
        self.stall_after = Some(events);
        self
    }

    /// Ends the stream in good order, but without `[DONE]`.
    pub fn no_done(mut self) -> Script {
        self.no_done = true;
        self
    }

    /// Waits before each token, the ending one too, for a
    /// [`release`](crate::Emulator::release).
    pub fn gate(mut self) -> Script {
        self.gate = true;
        self
    }

    /// Never comes to an end by itself: goes on with filler up to the limit of tokens.
    pub fn no_eos(mut self) -> Script {
        self.no_eos = true;
        self
    }

    /// The token that ends it, seen as `stop_str` in chat.
    pub fn eos_token(mut self, token: impl Into<String>) -> Script {
        self.eos_token = Some(token.into());
        self
    }

    /// Says another `finish_reason` at the end.
    pub fn finish_reason(mut self, reason: impl Into<String>) -> Script {
        self.finish_reason = Some(reason.into());
        self
    }

    /// Says another `eos_reason` at the end.
    pub fn eos_reason(mut self, reason: impl Into<String>) -> Script {
        self.eos_reason = Some(reason.into());
        self
    }

    /// The log probability of the first token, meant for values that are not finite: null in a
    /// plain answer, a bare word in a stream.
    pub fn first_logprob(mut self, value: f64) -> Script {
        self.non_finite = Some(value);
        self
    }

    /// Answers with these bytes as the whole event stream, whatever was asked.
    pub fn raw(mut self, stream: impl Into<String>) -> Script {
        self.raw = Some(stream.into());
        self
    }

    /// Writes events in HTTP chunks of this many bytes.
    pub fn split(mut self, bytes: usize) -> Script {
        self.split = Some(bytes.max(1));
        self
    }

    /// Answers a request for a stream as plain JSON.
    pub fn no_stream(mut self) -> Script {
        self.no_stream = true;
        self
    }

    /// Whether it says what is said.
    pub(crate) fn speaks(&self) -> bool {
        !self.replies.is_empty() || self.tokens.is_some()
    }

    /// The directive in a text, the last one if there are several.
    pub(crate) fn find(text: &str) -> Option<Result<Script, String>> {
        let start = text.rfind(OPEN)? + OPEN.len();
        let rest = &text[start..];
        Some(match Json::parse_prefix(rest) {
            Err(error) => Err(format!("{} at character {}", error.message, error.at)),
            Ok((_, taken)) if !rest[taken..].starts_with("]]") => Err("it does not end in ]]".to_owned()),
            Ok((directive, _)) => Script::from_directive(&directive),
        })
    }

    /// What stands behind the last directive of a text.
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

    /// One key of a directive; `None` if it is unknown or its value of the wrong kind.
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
