//! One file or folder per service: types, operations, accessors.

mod budget;
mod chat;
mod common;
mod completions;
mod fields;
mod sampling;

pub use chat::*;
pub use common::{EosReason, FinishReason, OneOrMany, Rate, ResponseFormat, ResponseFormatType, StreamOptions, Usage};
pub use completions::*;
pub use sampling::{Sampling, Stop};

/// The streaming face of a request: what [`StreamEndpoint::streamed`](crate::StreamEndpoint::streamed) gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streamed<'a, R>(pub(crate) &'a R);
