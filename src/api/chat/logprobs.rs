//! Reads the log probabilities of a chunk as the server writes them.

use super::{ChatLogprobs, TokenLogprob, TopLogprob};
use crate::base::{Extra, Text};
use crate::decode::Exact;

/// Reads an object of log probabilities. None if it is written in another way.
pub(super) fn logprobs(exact: &mut Exact<'_>) -> Option<ChatLogprobs> {
    exact.literal(r#"{"content": "#)?;
    let content = exact.list(token)?;
    exact.literal("}")?;
    Some(ChatLogprobs { content, extra: Extra::new() })
}

fn token(exact: &mut Exact<'_>) -> Option<TokenLogprob> {
    let (token, id, logprob) = scored(exact)?;
    exact.literal(r#", "top_logprobs": "#)?;
    let top_logprobs = exact.list(top)?;
    exact.literal("}")?;
    Some(TokenLogprob { token, token_id: Some(id), logprob: Some(logprob), top_logprobs, extra: Extra::new() })
}

fn top(exact: &mut Exact<'_>) -> Option<TopLogprob> {
    let (token, id, logprob) = scored(exact)?;
    exact.literal("}")?;
    Some(TopLogprob { token, token_id: Some(id), logprob: Some(logprob), extra: Extra::new() })
}

/// Reads the beginning of both: the token, its id and its log probability.
fn scored(exact: &mut Exact<'_>) -> Option<(Text, u64, f64)> {
    exact.literal(r#"{"token": "#)?;
    let token = exact.string()?;
    exact.literal(r#", "token_id": "#)?;
    let id = exact.integer()?;
    exact.literal(r#", "logprob": "#)?;
    Some((token, id, exact.number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{"content": [{"token": " a", "token_id": 1, "logprob": -0.25, "top_logprobs": [{"token": "\n", "token_id": 0, "logprob": -1000.0}, {"token": "é", "token_id": 7, "logprob": 0}]}, {"token": "", "token_id": 18, "logprob": -1.652209997177124, "top_logprobs": []}]}"#;

    fn read(text: &str) -> Option<ChatLogprobs> {
        let mut exact = Exact::new(text);
        logprobs(&mut exact).filter(|_| exact.rest().is_empty())
    }

    #[test]
    fn the_same_as_plain_decoding() {
        assert_eq!(read(WRITTEN), serde_json::from_str(WRITTEN).unwrap());
        assert_eq!(read(r#"{"content": []}"#), Some(ChatLogprobs::default()));
    }

    #[test]
    fn whatever_is_left_out_or_changed_is_not_misread() {
        let same = |text: &str| {
            if let Some(read) = read(text) {
                assert_eq!(Some(read), serde_json::from_str(text).ok(), "{text}");
            }
        };
        for at in (0..WRITTEN.len()).filter(|at| WRITTEN.is_char_boundary(*at)) {
            let (before, after) = WRITTEN.split_at(at);
            let rest = &after[after.chars().next().map_or(0, char::len_utf8)..];
            same(&[before, rest].concat());
            for other in ["\"", "\\", "{", "}", "[", "]", ",", ":", " ", "0", "-", ".", "e", "null", "x", "\n"] {
                same(&[before, other, rest].concat());
                same(&[before, other, after].concat());
            }
        }
    }
}
