//! Whole answers and errors.

use bytes::Bytes;
use serde_json::Value;
use tabbyapi::api::*;
use tabbyapi::decode::{Decode, Json, from_json};
use tabbyapi::{Error, Limits};

use crate::harness::{head, pieces};

/// Each type of answer: what reads counted is what reads plainly, and what was read is written and read again.
pub(crate) fn answers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    macro_rules! each {
        ($($type:ty),* $(,)?) => {
            $(
                if let Ok(answer) = from_json::<$type>(text)
                    && let Ok(written) = serde_json::to_string(&answer)
                {
                    let again = from_json::<$type>(&written);
                    assert!(again.as_ref().is_ok_and(|again| *again == answer), "{}: {answer:?}, {again:?}", stringify!($type));
                    // Counted, as large documents are: the same.
                    let mut padded = written;
                    padded.extend(std::iter::repeat_n(' ', 70_000));
                    assert_eq!(from_json::<$type>(&padded).ok(), again.ok());
                }
            )*
        };
    }
    each!(
        ChatCompletion,
        ChatChunk,
        Completion,
        CompletionChunk,
        EmbeddingList,
        ModelList,
        ModelCard,
        ModelProps,
        LoadProgress,
        LoraList,
        TemplateList,
        TokenCount,
        Encoded,
        Decoded,
        HealthReport,
        ServiceInfo,
        KoboldResults,
        KoboldToken,
    );
}

/// Any body with any status: a typed error whose texts are short, clean, and the same however the body is cut.
pub(crate) fn errors(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let status = 100 + u16::from(*first) * 2;
    let kind = if first % 3 == 0 { "text/html" } else { "application/json" };
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = Json::<Value>::new();
        let run = || {
            decoder.start(&head(status, kind), &Limits::default())?;
            for piece in pieces {
                decoder.feed(Bytes::copy_from_slice(piece));
                decoder.next()?;
            }
            decoder.finish().map(drop)
        };
        run().err()
    };
    let cut: Option<Error> = read(&mut pieces(rest));
    let whole: Vec<u8> = pieces(rest).flatten().copied().collect();
    let whole = read(&mut [&whole[..]].into_iter());
    assert_eq!(cut.as_ref().map(ToString::to_string), whole.as_ref().map(ToString::to_string));
    if let Some(error) = cut {
        assert!(!error.code().as_str().is_empty() && error.code().as_str().len() <= 64, "{}", error.code().as_str());
        assert!(error.to_string().len() < 8 << 10, "{} bytes", error.to_string().len());
        assert!(error.body().is_none_or(|body| body.len() <= Limits::default().error_excerpt));
    }
}
