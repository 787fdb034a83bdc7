//! Many requests at a time: [`Batch`], embeddings of many texts, and files of requests ([`jsonl`]).
//!
//! ```
//! use tabbyapi::api::{ChatMessage, ChatRequest};
//! # async fn ask(client: &tabbyapi::Client, questions: Vec<String>) {
//!
//! let requests = questions.into_iter().map(|question| ChatRequest::new([ChatMessage::user(question)]));
//! let mut batch = client.batch(requests).concurrency(4).ordered();
//! while let Some(done) = batch.next().await {
//!     match done.result {
//!         Ok(answer) => println!("{}: {}", done.index, answer.text()),
//!         Err(error) => println!("{}: {error}", done.index),
//!     }
//!     let progress = batch.progress();
//!     eprintln!("{} done, {} failed, {} under way", progress.finished, progress.failed, progress.running);
//! }
//! # }
//! ```
//!
//! The server has its own limit on concurrent generations, and queues the rest. A higher concurrency only makes that queue longer for other
//! clients; a few are enough.

mod embed;
mod journal;
pub mod jsonl;
mod lines;
mod parts;
mod records;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::base::Result;
use crate::client::{Client, Response, ResponseFuture};
use crate::decode::{Decode, Whole};
use crate::protocol::Endpoint;
use crate::toolkit::flow::ready::Ready;

pub use embed::{EmbedMany, PartialEmbeddings, split_texts};
pub use parts::{EmbedPart, EmbedParts};
pub use records::{PartJournal, PartRecord};

/// The default concurrency.
const CONCURRENCY: usize = 4;

/// A stream of the results of many calls, a few of which run at a time.
///
/// * Nothing runs unless it is polled. Dropping it cancels running calls, and starts no others.
/// * A request is taken from its source when a call can start, so the source may be endless.
/// * Each call has its own result, retries and timeouts. An error does not end the batch.
/// * Results come as calls complete, or in the order of the requests. In order, a result that waits for an earlier one occupies the slot of a
///   call, so no more results are kept than calls run.
/// * Only the retries of a call repeat it, and they do not repeat a generation that may have started.
#[must_use = "nothing is sent until it is polled"]
pub struct Batch<S, E: Endpoint>
where
    E::Decoder: Whole,
{
    client: Client,
    /// `None` when it is used up.
    source: Option<S>,
    running: Ready<Job<E>>,
    /// In order: results that wait for an earlier one.
    waiting: BTreeMap<u64, BatchResult<E>>,
    concurrency: usize,
    ordered: bool,
    /// In order: the next index to return.
    next: u64,
    begun: u64,
    finished: u64,
    failed: u64,
}

struct Job<E: Endpoint> {
    index: u64,
    /// Kept until it is returned with the result.
    request: Option<E>,
    calling: ResponseFuture<<E::Decoder as Decode>::Item>,
}

/// The result of one request of a [`Batch`].
#[non_exhaustive]
pub struct BatchResult<E: Endpoint> {
    /// The index of the request in the source, from 0.
    pub index: u64,
    /// The request.
    pub request: E,
    /// Its response or error.
    pub result: Result<Response<<E::Decoder as Decode>::Item>>,
}

/// The progress of a [`Batch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of calls that have started.
    pub begun: u64,
    /// The number of running calls.
    pub running: u64,
    /// The number of calls that have ended, with or without an error.
    pub finished: u64,
    /// The number of calls that failed.
    pub failed: u64,
    /// The number of all requests, if the source reports it.
    pub total: Option<u64>,
}

impl Client {
    /// Makes these calls, four at a time, and yields their results as they complete. See [`Batch`].
    pub fn batch<I>(&self, requests: I) -> Batch<Iter<I::IntoIter>, I::Item>
    where
        I: IntoIterator,
        I::Item: Endpoint,
        <I::Item as Endpoint>::Decoder: Whole,
    {
        self.batch_stream(Iter(requests.into_iter()))
    }

    /// Makes the calls of a stream of requests, such as the lines of a file that is being read. See [`batch`](Client::batch).
    pub fn batch_stream<S>(&self, requests: S) -> Batch<S, S::Item>
    where
        S: Stream,
        S::Item: Endpoint,
        <S::Item as Endpoint>::Decoder: Whole,
    {
        Batch {
            client: self.clone(),
            source: Some(requests),
            running: Ready::new(),
            waiting: BTreeMap::new(),
            concurrency: CONCURRENCY,
            ordered: false,
            next: 0,
            begun: 0,
            finished: 0,
            failed: 0,
        }
    }
}

impl<S, E> Batch<S, E>
where
    E: Endpoint,
    E::Decoder: Whole,
{
    /// Sets how many calls run at a time; 4 by default, at least 1.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Yields the results in the order of the requests.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }
}

impl<S, E> Batch<S, E>
where
    S: Stream<Item = E> + Unpin,
    E: Endpoint,
    E::Decoder: Whole,
{
    /// Returns the next result. `None` when there are no more.
    pub async fn next(&mut self) -> Option<BatchResult<E>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Makes all calls and returns the results in the order of the requests.
    pub async fn all(mut self) -> Vec<Result<Response<<E::Decoder as Decode>::Item>>> {
        let mut results = BTreeMap::new();
        while let Some(done) = self.next().await {
            results.insert(done.index, done.result);
        }
        results.into_values().collect()
    }

    /// Returns the progress.
    pub fn progress(&self) -> Progress {
        let left = match &self.source {
            Some(source) => match source.size_hint() {
                (least, Some(most)) if least == most => Some(least as u64),
                _ => None,
            },
            None => Some(0),
        };
        Progress {
            begun: self.begun,
            running: self.running.len() as u64,
            finished: self.finished,
            failed: self.failed,
            total: left.map(|left| self.begun + left),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<BatchResult<E>>> {
        loop {
            if self.ordered
                && let Some(done) = self.waiting.remove(&self.next)
            {
                self.next += 1;
                return Poll::Ready(Some(done));
            }
            self.fill(cx);
            if self.running.len() == 0 {
                // The source has no request yet, or no more requests.
                return if self.source.is_none() { Poll::Ready(None) } else { Poll::Pending };
            }
            // Put into its place from within, since a result is large to move.
            let mut place = None;
            let polled = self.running.poll(cx, |job, cx| {
                let result = std::task::ready!(Pin::new(&mut job.calling).poll(cx));
                place = job.request.take().map(|request| BatchResult { index: job.index, request, result });
                Poll::Ready(())
            });
            let (id, ()) = std::task::ready!(polled);
            self.running.discard(id);
            self.finished += 1;
            let Some(done) = &place else { continue };
            self.failed += u64::from(done.result.is_err());
            if !self.ordered {
                return Poll::Ready(place);
            }
            self.waiting.extend(place.map(|done| (done.index, done)));
        }
    }

    /// Takes requests from the source as long as there is room.
    fn fill(&mut self, cx: &mut Context<'_>) {
        while self.running.len() + self.waiting.len() < self.concurrency
            && let Some(source) = &mut self.source
            && let Poll::Ready(request) = Pin::new(source).poll_next(cx)
        {
            let Some(request) = request else {
                self.source = None;
                return;
            };
            let calling = self.client.call(&request);
            self.running.add(Job { index: self.begun, request: Some(request), calling });
            self.begun += 1;
        }
    }
}

impl<S, E> Stream for Batch<S, E>
where
    S: Stream<Item = E> + Unpin,
    E: Endpoint,
    E::Decoder: Whole,
{
    type Item = BatchResult<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<BatchResult<E>>> {
        self.poll(cx)
    }
}

// Calls are `Unpin`, and requests are only moved.
impl<S: Unpin, E: Endpoint> Unpin for Batch<S, E> where E::Decoder: Whole {}

impl<S, E> fmt::Debug for Batch<S, E>
where
    E: Endpoint,
    E::Decoder: Whole,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("begun", &self.begun)
            .field("running", &self.running.len())
            .field("finished", &self.finished)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl<E: Endpoint> fmt::Debug for BatchResult<E> {
    // Requests and responses contain prompts and texts, which should not be in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchResult")
            .field("index", &self.index)
            .field("error", &self.result.as_ref().err())
            .finish_non_exhaustive()
    }
}

/// An iterator as a stream that is always ready.
#[derive(Clone, Debug)]
pub struct Iter<I>(I);

impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
