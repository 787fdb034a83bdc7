//! Reads the log probabilities of a chunk as the server writes them.

use super::{CompletionLogprobs, LikelyTokens};
use crate::base::Extra;
use crate::decode::Exact;

/// Reads an object of log probabilities. None if it is written in another way.
pub(super) fn logprobs(exact: &mut Exact<'_>) -> Option<CompletionLogprobs> {
    exact.literal(r#"{"tokens": "#)?;
    let tokens = exact.list(Exact::string)?;
    exact.literal(r#", "token_logprobs": "#)?;
    let token_logprobs = exact.list(number)?;
    exact.literal(r#", "top_logprobs": "#)?;
    let top_logprobs = exact.list(|exact| exact.object(number).map(|pairs| Some(LikelyTokens::from(pairs))))?;
    exact.literal(r#", "text_offset": "#)?;
    let text_offset = exact.list(Exact::integer)?;
    exact.literal("}")?;
    Some(CompletionLogprobs { tokens, token_logprobs, top_logprobs, text_offset, extra: Extra::new() })
}

fn number(exact: &mut Exact<'_>) -> Option<Option<f64>> {
    exact.number().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{"tokens": [" Paris", "."], "token_logprobs": [-0.2611856758594513, -1000.0], "top_logprobs": [{" Paris": -0.2611856758594513, "\n": -2.5, " Paris": 0}, {}], "text_offset": [0, 6]}"#;

    fn read(text: &str) -> Option<CompletionLogprobs> {
        let mut exact = Exact::new(text);
        logprobs(&mut exact).filter(|_| exact.rest().is_empty())
    }

    #[test]
    fn the_same_as_plain_decoding() {
        assert_eq!(read(WRITTEN), serde_json::from_str(WRITTEN).unwrap());
    }

    #[test]
    fn whatever_is_left_out_or_changed_is_not_misread() {
        let same = |text: &str| {
            if let Some(read) = read(text) {
                assert_eq!(Some(read), serde_json::from_str(text).ok(), "{text}");
            }
        };
        for at in 0..WRITTEN.len() {
            let (before, after) = WRITTEN.split_at(at);
            same(&[before, &after[1..]].concat());
            for other in ["\"", "\\", "{", "}", "[", "]", ",", ":", " ", "0", "-", ".", "e", "null", "x", "\n"] {
                same(&[before, other, &after[1..]].concat());
                same(&[before, other, after].concat());
            }
        }
    }
}
