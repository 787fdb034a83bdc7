//! Failures that the native stacks have in common.

use crate::base::{Sent, TransportError};

/// The error and its causes, outermost first.
#[cfg(any(feature = "tower", all(feature = "reqwest", not(target_arch = "wasm32"))))]
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause.source())
}

/// The error of a response with both `content-length` and `transfer-encoding`: server, proxies and client may disagree about its
/// end, and so about the next response on the connection.
#[cfg(all(any(feature = "reqwest", feature = "blocking"), not(target_arch = "wasm32")))]
pub(crate) fn ambiguous(headers: &http::HeaderMap) -> Option<TransportError> {
    use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
    let both = headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING);
    both.then(|| {
        let what = "the answer has both `content-length` and `transfer-encoding`, so its end is not certain; look at the server, or at the proxy in front of it";
        TransportError::new(Sent::Maybe, what)
    })
}
