//! `EmbedParts`: the vectors of many texts, one request at a time as they arrive.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::{Batch, Iter};
use crate::api::{EmbeddingList, EmbeddingsRequest};
use crate::base::{Error, ErrorCode, ErrorKind, Result, Text};
use crate::client::{Client, Response};

/// The vectors of many texts as a stream of parts, one for each request: [`EmbedMany::parts`](super::EmbedMany::parts).
///
/// * Parts arrive as their requests complete, or with [`ordered`](Self::ordered) in the order of the texts.
/// * No tasks are spawned. Not polling applies back-pressure: no further request starts. Dropping the stream cancels running
///   requests.
/// * An error does not end the stream. The part has the error, and the other parts follow.
/// * All vectors come from one model and have one dimension. A part that differs from earlier parts is an error with the code
///   `inconsistent_answer`.
///
/// The stream is empty if there is no text, or if every text was [resumed](super::EmbedMany::resume). It keeps no vectors.
#[must_use = "nothing is sent until it is polled"]
pub struct EmbedParts {
    batch: Batch<Requests, EmbeddingsRequest>,
    /// The texts of each request.
    ranges: Vec<Range<usize>>,
    made: Made,
    /// How many texts have a vector.
    done: usize,
    total: usize,
}

type Requests = Iter<std::vec::IntoIter<EmbeddingsRequest>>;

/// One request of [`EmbedParts`]: consecutive texts, and their vectors or the error.
#[non_exhaustive]
pub struct EmbedPart {
    /// The positions of the texts among all texts, from 0.
    pub range: Range<usize>,
    /// The texts.
    pub texts: Vec<String>,
    /// One vector for each text, in order, or the error. The `index` of each is the position of its text among all texts.
    pub result: Result<Response<EmbeddingList>>,
}

/// The model and the dimension of the vectors. Both are unset before the first ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) model: Text,
    dimension: Option<usize>,
}

impl EmbedParts {
    pub(super) fn new(
        client: &Client,
        concurrency: usize,
        (ranges, requests): (Vec<Range<usize>>, Vec<EmbeddingsRequest>),
        made: Made,
        total: usize,
    ) -> Self {
        let left: usize = ranges.iter().map(Range::len).sum();
        let batch = client.batch(requests).concurrency(concurrency);
        EmbedParts { batch, ranges, made, done: total.saturating_sub(left), total }
    }

    /// Returns the parts in the order of the texts. A part that waits for an earlier one occupies the slot of a request.
    pub fn ordered(mut self) -> Self {
        self.batch = self.batch.ordered();
        self
    }

    /// Returns the next part; `None` when there are no more.
    pub async fn next(&mut self) -> Option<EmbedPart> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns how many texts have a vector, including resumed ones, and how many texts there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.total)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<EmbedPart>> {
        let Some(done) = ready!(self.batch.poll(cx)) else { return Poll::Ready(None) };
        let index = usize::try_from(done.index).ok();
        let range = index.and_then(|index| self.ranges.get(index)).cloned().unwrap_or_default();
        let result = done.result.and_then(|mut answer| {
            self.made.take(&answer.model, answer.dimension())?;
            for (place, vector) in range.clone().zip(&mut answer.data) {
                vector.index = place;
            }
            Ok(answer)
        });
        if result.is_ok() {
            self.done += range.len();
        }
        Poll::Ready(Some(EmbedPart { range, texts: done.request.input.0, result }))
    }
}

impl Made {
    /// Only vectors of one model can be compared. The servers of a pool may differ, and another model may be loaded in between.
    pub(super) fn take(&mut self, model: &Text, dimension: usize) -> Result<()> {
        let refuse = |message: String| {
            let error = Error::new(ErrorKind::Decode, ErrorCode::InconsistentAnswer, message);
            Err(error.with_hint("check that the same embedding model answers all requests"))
        };
        if !self.model.is_empty() && self.model != *model {
            return refuse(format!("{model} made these vectors, but {} made earlier ones", self.model));
        }
        match self.dimension {
            Some(before) if before != dimension => {
                refuse(format!("these vectors have {dimension} numbers, but earlier ones have {before}"))
            }
            _ => {
                self.model = model.clone();
                self.dimension = Some(dimension);
                Ok(())
            }
        }
    }
}

impl Stream for EmbedParts {
    type Item = EmbedPart;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EmbedPart>> {
        self.poll(cx)
    }
}

impl fmt::Debug for EmbedParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbedParts").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl fmt::Debug for EmbedPart {
    // Omits texts and vectors, which should not be in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbedPart")
            .field("range", &self.range)
            .field("error", &self.result.as_ref().err())
            .finish_non_exhaustive()
    }
}
