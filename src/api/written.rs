//! The length of a request before it is serialized. A buffer that grows takes up to three times the size of the request.

/// The text of a request without its long fields.
pub(crate) const REST: usize = 256;

/// For shorter texts, counting the escapes takes longer than it saves.
const SHORT: usize = 256;

/// About the length of a text in JSON, without its quotes. Control characters that have no short escape are longer.
pub(crate) fn length(text: &str) -> usize {
    if text.len() < SHORT {
        return text.len() + text.len() / 4;
    }
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | 0..b' ')).count()
}

/// The length of a list of texts.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    texts.into_iter().map(|text| 3 + length(text)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CompletionRequest, EmbeddingsRequest};
    use crate::protocol::{Endpoint, StreamEndpoint};

    #[test]
    fn long_texts_have_the_length_that_is_written() {
        for text in ["a", "\"quotes\" and \\\n\r\t", "日本語 🎉"] {
            let text = text.repeat(SHORT);
            assert_eq!(length(&text) + 2, serde_json::to_string(&text).unwrap().len());
        }
    }

    #[test]
    fn large_requests_take_one_buffer() {
        let long = "Said \"yes\",\nand \\ no. ".repeat(10_000);
        let many: Vec<_> = (0..2_000).map(|n| format!("{n}, {}", "a \"short\" text\n".repeat(n % 8))).collect();
        let reserved = REST + texts(many.iter().map(String::as_str));
        for (body, reserved) in [
            (EmbeddingsRequest::new(many.clone()).body(), reserved),
            (CompletionRequest::new(many).streamed().body(), reserved),
            (CompletionRequest::new(&*long).body(), REST + texts([&*long])),
        ] {
            let length = body.unwrap().unwrap().len();
            assert!((length..length + length / 4).contains(&reserved), "{reserved} for {length}");
        }
    }
}
