//! `Streamed`: the streaming face of a request.

/// The streaming face of a request: what [`StreamEndpoint::streamed`](crate::StreamEndpoint::streamed) gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streamed<'a, R>(pub(crate) &'a R);
