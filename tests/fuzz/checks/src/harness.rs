//! What the reference parser of `tests/sse` gives.

use std::time::Duration;

#[derive(Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Kept>,
    pub(crate) last_id: String,
    pub(crate) retry: Option<Duration>,
    pub(crate) comments: u64,
}

/// The first byte tells how the rest is cut into pieces.
pub(crate) fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (size, rest) = data.split_first().map_or((1, data), |(first, rest)| (usize::from(*first).max(1), rest));
    rest.chunks(size)
}

/// The head of an answer.
pub(crate) fn head(status: u16, kind: &str) -> http::response::Parts {
    let answer = http::Response::builder().status(status).header("content-type", kind);
    answer.body(()).map(|answer| answer.into_parts().0).unwrap_or_else(|_| http::Response::new(()).into_parts().0)
}
