//! Embeddings of many texts: split into requests, joined in order.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Batch, Done, Iter};
use crate::api::{Embedding, Embeddings, EmbeddingsRequest, EmbeddingsService, EncodingFormat};
use crate::estimate::Estimator;
use crate::tools::add_usage;
use crate::{Client, Error, ErrorKind, Result};

/// How many texts go into a request if nothing is said.
const TEXTS: usize = 64;
/// How many estimated tokens go into a request if nothing is said.
const TOKENS: u64 = 16_384;
/// How many requests run at a time if nothing is said.
const REQUESTS: usize = 2;

/// Vectors of many texts, over as many requests as it takes: await it. Dropping it cancels.
///
/// The answer is as if one request had been made: one vector per text, in the order of the texts, usage added up. What of it could not
/// be had comes as [`PartialEmbeddings`], with all that could.
#[must_use = "nothing is sent until it is awaited"]
pub struct EmbedMany {
    client: Client,
    format: EncodingFormat,
    texts: Vec<String>,
    per_request: usize,
    tokens: u64,
    estimator: Estimator,
    concurrency: usize,
    run: Option<Run>,
}

type Requests = Iter<std::vec::IntoIter<EmbeddingsRequest>>;

struct Run {
    batch: Batch<Requests, EmbeddingsRequest>,
    ranges: Vec<Range<usize>>,
    joined: PartialEmbeddings,
}

/// Vectors of some texts, and why there are none of others.
#[derive(Clone, Default, thiserror::Error)]
#[error("{} of {} texts have no vector: {}", self.missing(), self.vectors.len(), self.first())]
pub struct PartialEmbeddings {
    /// The vector of each text, `None` where its request failed.
    pub vectors: Vec<Option<Embedding>>,
    /// Which texts have none, in their order, with the error of their request.
    pub errors: Vec<(Range<usize>, Error)>,
    /// The answers joined but for their vectors: model and usage.
    pub answer: Box<Embeddings>,
}

impl EmbeddingsService<'_> {
    /// One vector for each of any number of texts, in their order. They are split into requests of at most 64 texts and about 16 384
    /// tokens, of which two run at a time; see [`EmbedMany`].
    ///
    /// ```
    /// # async fn ask(client: &tabbyapi::Client, texts: Vec<String>) -> tabbyapi::Result<()> {
    /// match client.embeddings().many(texts).per_request(32).await {
    ///     Ok(all) => println!("{} vectors by {}", all.data.len(), all.model),
    ///     Err(partial) => {
    ///         for (texts, error) in &partial.errors {
    ///             eprintln!("texts {texts:?}: {error}");
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn many(&self, texts: impl IntoIterator<Item = impl Into<String>>) -> EmbedMany {
        EmbedMany {
            client: self.client().clone(),
            // A quarter as long, and many texts make long answers.
            format: EncodingFormat::Base64,
            texts: texts.into_iter().map(Into::into).collect(),
            per_request: TEXTS,
            tokens: TOKENS,
            estimator: Estimator::new(),
            concurrency: REQUESTS,
            run: None,
        }
    }
}

impl EmbedMany {
    /// Puts at most so many texts into a request, one at least.
    pub fn per_request(mut self, texts: usize) -> Self {
        self.per_request = texts;
        self
    }

    /// Puts texts of at most so many estimated tokens into a request. A text that is longer goes alone.
    pub fn tokens_per_request(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// Estimates tokens with this estimator.
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.estimator = estimator;
        self
    }

    /// Makes so many requests at a time.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// Has the vectors written this way; base64 by default.
    pub fn encoding_format(mut self, format: EncodingFormat) -> Self {
        self.format = format;
        self
    }

    /// How many texts have their vector already, of how many.
    pub fn progress(&self) -> (usize, usize) {
        match &self.run {
            Some(run) => (run.joined.vectors.iter().flatten().count(), run.joined.vectors.len()),
            None => (0, self.texts.len()),
        }
    }

    fn begin(&mut self) -> Run {
        let mut texts = VecDeque::from(std::mem::take(&mut self.texts));
        let ranges: Vec<_> =
            split_texts(texts.iter(), self.per_request, self.tokens, &self.estimator).into_iter().collect();
        let joined = PartialEmbeddings { vectors: vec![None; texts.len()], errors: Vec::new(), answer: Box::default() };
        let request = |range: &Range<usize>| {
            let input: Vec<String> = texts.drain(..range.len()).collect();
            EmbeddingsRequest::new(input).encoding_format(self.format.clone())
        };
        let requests: Vec<_> = ranges.iter().map(request).collect();
        Run { batch: self.client.batch(requests).concurrency(self.concurrency).ordered(), ranges, joined }
    }
}

impl Future for EmbedMany {
    type Output = Result<Embeddings, PartialEmbeddings>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.run.is_none() {
            self.run = Some(self.begin());
        }
        let Some(run) = &mut self.run else { return Poll::Pending };
        while let Some(done) = std::task::ready!(run.batch.poll(cx)) {
            let range = usize::try_from(done.index).ok().and_then(|index| run.ranges.get(index));
            if let Some(range) = range {
                run.joined.take(range.clone(), done);
            }
        }
        let joined = std::mem::take(&mut run.joined);
        Poll::Ready(joined.whole())
    }
}

impl PartialEmbeddings {
    /// How many texts have no vector.
    pub fn missing(&self) -> usize {
        self.vectors.iter().filter(|vector| vector.is_none()).count()
    }

    fn first(&self) -> String {
        self.errors.first().map(|(_, error)| error.to_string()).unwrap_or_default()
    }

    /// Puts the answer for these texts in its place.
    fn take(&mut self, range: Range<usize>, done: Done<EmbeddingsRequest>) {
        let part = match done.result.and_then(|part| self.fits(part.into_value())) {
            Ok(part) => part,
            Err(error) => return self.errors.push((range, error)),
        };
        if self.answer.model.is_empty() {
            self.answer.model = part.model;
        }
        if let Some(usage) = &part.usage {
            add_usage(self.answer.usage.get_or_insert_default(), usage);
        }
        self.answer.extra.extend(part.extra);
        for (place, mut vector) in range.zip(part.data) {
            vector.index = place;
            if let Some(slot) = self.vectors.get_mut(place) {
                *slot = Some(vector);
            }
        }
    }

    /// Vectors can only be compared if one model made them: the servers of a pool, or a model loaded in between, may differ.
    fn fits(&self, part: Embeddings) -> Result<Embeddings> {
        let refuse = |message: String| {
            let error = Error::new(ErrorKind::Decode, "inconsistent_answer", message);
            Err(error.with_hint("see that one embedding model answers all requests"))
        };
        let (model, dimension) =
            (&self.answer.model, self.vectors.iter().flatten().next().map(|first| first.embedding.len()));
        if !model.is_empty() && *model != part.model {
            return refuse(format!("{} made these vectors, but {model} made those before", part.model));
        }
        match dimension {
            Some(dimension) if dimension != part.dimension() => {
                refuse(format!("these vectors have {} numbers, but those before have {dimension}", part.dimension()))
            }
            _ => Ok(part),
        }
    }

    fn whole(mut self) -> Result<Embeddings, PartialEmbeddings> {
        if self.vectors.is_empty() {
            let error = Error::new(ErrorKind::Encode, "no_input", "the list of texts is empty");
            self.errors.push((0..0, error.with_hint("give one text at least")));
        }
        if !self.errors.is_empty() {
            return Err(self);
        }
        self.answer.data = self.vectors.into_iter().flatten().collect();
        Ok(*self.answer)
    }
}

impl fmt::Debug for PartialEmbeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialEmbeddings")
            .field("texts", &self.vectors.len())
            .field("missing", &self.missing())
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EmbedMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbedMany").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// Splits texts into runs of at most so many texts and so many estimated tokens. A text that has more tokens is a run of its own.
///
/// ```
/// use tabbyapi::batch::split_texts;
/// use tabbyapi::estimate::Estimator;
///
/// let texts = ["one two three four", "five", "six", "seven"];
/// assert_eq!(split_texts(texts, 2, 6, &Estimator::new()), [0..2, 2..4]);
/// assert_eq!(split_texts(texts, 9, 3, &Estimator::new()), [0..1, 1..4]);
/// ```
pub fn split_texts<S: AsRef<str>>(
    texts: impl IntoIterator<Item = S>,
    per_request: usize,
    tokens: u64,
    estimator: &Estimator,
) -> Vec<Range<usize>> {
    let per_request = per_request.max(1);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut weight = 0u64;
    for (index, text) in texts.into_iter().enumerate() {
        let more = estimator.text(text.as_ref()).tokens;
        match ranges.last_mut() {
            Some(range) if range.len() < per_request && weight.saturating_add(more) <= tokens => {
                range.end += 1;
                weight = weight.saturating_add(more);
            }
            _ => {
                ranges.push(index..index + 1);
                weight = more;
            }
        }
    }
    ranges
}
