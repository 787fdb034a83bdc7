//! Embeddings of many texts: split into requests, joined in order.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::records::{Current, digest};
use super::{EmbedPart, EmbedParts, PartRecord};
use crate::api::common::add_usage;
use crate::api::{Embedding, EmbeddingList, EmbeddingsRequest, EncodingFormat};
use crate::base::{Error, ErrorCode, ErrorKind, Result};
use crate::client::Client;
use crate::client::services;
use crate::protocol::estimate::Estimator;

/// The default number of texts of a request.
const TEXTS: usize = 64;
/// The default number of estimated tokens of a request.
const TOKENS: u64 = 16_384;
/// The default number of concurrent requests.
const REQUESTS: usize = 2;

/// Vectors of many texts, from as many requests as needed. Await it. Dropping it cancels.
///
/// The result is as if one request had been made: one vector per text, in the order of the texts, usage summed. If requests fail,
/// the error is a [`PartialEmbeddings`] with the vectors of the others.
///
/// [`parts`](Self::parts) returns the vectors as they arrive. [`resume`](Self::resume) skips texts that have a vector already.
#[must_use = "nothing is sent until it is awaited"]
pub struct EmbedMany {
    client: Client,
    format: EncodingFormat,
    texts: Vec<String>,
    per_request: usize,
    tokens: u64,
    estimator: Estimator,
    concurrency: usize,
    records: Vec<PartRecord>,
    run: Option<Run>,
}

struct Run {
    parts: EmbedParts,
    joined: PartialEmbeddings,
}

/// Vectors of some texts, and the errors of the others.
#[derive(Clone, Default, thiserror::Error)]
#[error("{} of {} texts have no vector: {}", self.missing(), self.vectors.len(), self.first())]
#[non_exhaustive]
pub struct PartialEmbeddings {
    /// The vector of each text. `None` if its request failed.
    pub vectors: Vec<Option<Embedding>>,
    /// The texts without a vector, in order, with the error of their request.
    pub errors: Vec<(Range<usize>, Error)>,
    /// The joined responses without their vectors: model and usage.
    pub answer: Box<EmbeddingList>,
}

/// Keeps the error of the first request that failed and drops the vectors.
impl From<PartialEmbeddings> for Error {
    fn from(partial: PartialEmbeddings) -> Self {
        partial.errors.into_iter().next().map_or_else(|| Error::misuse("no text failed"), |(_, error)| error)
    }
}

impl services::Embeddings<'_> {
    /// Returns one vector for each text, in the order of the texts. They are split into requests of at most 64 texts and about 16
    /// 384 tokens, two at a time; see [`EmbedMany`]. [`EmbedMany::parts`] returns the vectors as they arrive.
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
            // A quarter of the size, which matters for many texts.
            format: EncodingFormat::Base64,
            texts: texts.into_iter().map(Into::into).collect(),
            per_request: TEXTS,
            tokens: TOKENS,
            estimator: Estimator::new(),
            concurrency: REQUESTS,
            records: Vec::new(),
            run: None,
        }
    }
}

impl EmbedMany {
    /// Sets the maximum number of texts of a request; at least 1.
    pub fn per_request(mut self, texts: usize) -> Self {
        self.per_request = texts;
        self
    }

    /// Sets the maximum number of estimated tokens of a request. A text that is longer is sent alone.
    pub fn tokens_per_request(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets the estimator of tokens.
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.estimator = estimator;
        self
    }

    /// Sets how many requests run at a time.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// Sets the encoding of the vectors; base64 by default.
    pub fn encoding_format(mut self, format: EncodingFormat) -> Self {
        self.format = format;
        self
    }

    /// Skips the texts that have a vector according to these records: a [`PartJournal`](super::PartJournal) that was read from a
    /// file, or records from any other store, in the order in which they were made.
    ///
    /// * A record applies to the texts at its range if their digest is the same. A text that changed is sent again, with the
    ///   other texts of its record. Records that do not apply are ignored.
    /// * Limits may differ from those of the earlier run. The remaining texts are split by the limits of this one.
    /// * Vectors of different models cannot be compared. If records differ in model or dimension, only those like the latest one
    ///   apply. New vectors must match them, or their part fails with the code `inconsistent_answer`. To change the model, omit
    ///   the records of the old one.
    /// * [`parts`](Self::parts) does not return the recorded parts again. Awaiting joins their vectors into the result. Records
    ///   without vectors are ignored there, and their texts are sent again.
    ///
    /// Can be called several times; the records are combined.
    pub fn resume(mut self, records: impl IntoIterator<Item = PartRecord>) -> Self {
        self.records.extend(records);
        self
    }

    /// Returns the vectors as a stream of parts, one for each request, as they arrive. To resume after a crash, store a record of
    /// each.
    ///
    /// ```
    /// use tabbyapi::batch::{PartJournal, PartRecord};
    /// # use tabbyapi::transport::script::{Reply, Script};
    /// # futures::executor::block_on(async {
    /// # let vector = || Reply::json(200, r#"{"data":[{"index":0,"embedding":[1,0]}],"model":"e"}"#);
    /// # let script = Script::new([vector(), vector(), vector()]);
    /// # let client = tabbyapi::Client::builder("http://tabby.test").build_with(script.clone())?;
    ///
    /// let texts = ["one", "two", "three"];
    /// let mut file = String::new();
    ///
    /// // The process ends after two parts.
    /// let mut parts = client.embeddings().many(texts).per_request(1).parts();
    /// for _ in 0..2 {
    ///     let Some(part) = parts.next().await else { break };
    ///     match PartRecord::of(&part) {
    ///         Some(record) => file += &record.to_line(),
    ///         None => eprintln!("{part:?} failed"),
    ///     }
    /// }
    /// # drop(parts);
    ///
    /// // The next run requests only the third text.
    /// let mut journal = PartJournal::new();
    /// journal.feed(file.as_bytes());
    /// journal.end();
    /// let all = client.embeddings().many(texts).resume(journal).await.expect("all vectors");
    /// assert_eq!(all.data.len(), 3);
    /// # assert_eq!(script.requests().len(), 3);
    /// # Ok::<(), tabbyapi::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// If it was partly awaited before, the stream has only the remaining parts.
    pub fn parts(mut self) -> EmbedParts {
        match self.run.take() {
            Some(run) => run.parts,
            None => self.begin(false).0,
        }
    }

    /// Returns how many texts have a vector already, and how many texts there are.
    pub fn progress(&self) -> (usize, usize) {
        self.run.as_ref().map_or((0, self.texts.len()), |run| run.parts.progress())
    }

    /// The requests for the remaining texts, and the records of the others.
    fn begin(&mut self, with_vectors: bool) -> (EmbedParts, Vec<PartRecord>) {
        let mut texts = std::mem::take(&mut self.texts);
        let total = texts.len();
        let Current { records, made, left } = Current::of(std::mem::take(&mut self.records), &texts, with_vectors);
        let mut ranges = Vec::new();
        for texts_left in runs(&left) {
            let start = texts_left.start;
            let texts = texts.get(texts_left).unwrap_or_default();
            let split = split_texts(texts, self.per_request, self.tokens, &self.estimator);
            ranges.extend(split.into_iter().map(|range| start + range.start..start + range.end));
        }
        let request = |range: &Range<usize>| {
            let texts = texts.get_mut(range.clone()).unwrap_or_default();
            let input: Vec<String> = texts.iter_mut().map(std::mem::take).collect();
            EmbeddingsRequest::new(input).encoding_format(self.format.clone())
        };
        let requests = ranges.iter().map(request).collect();
        (EmbedParts::new(&self.client, self.concurrency, (ranges, requests), made, total), records)
    }
}

impl Future for EmbedMany {
    type Output = Result<EmbeddingList, PartialEmbeddings>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.run.is_none() {
            let (parts, records) = self.begin(true);
            let joined = PartialEmbeddings::resumed(parts.progress().1, records);
            self.run = Some(Run { parts: parts.ordered(), joined });
        }
        let Some(run) = &mut self.run else { return Poll::Pending };
        while let Some(part) = ready!(run.parts.poll(cx)) {
            run.joined.take(part);
        }
        let joined = std::mem::take(&mut run.joined);
        Poll::Ready(joined.whole())
    }
}

impl PartialEmbeddings {
    /// Returns how many texts have no vector.
    pub fn missing(&self) -> usize {
        self.vectors.iter().filter(|vector| vector.is_none()).count()
    }

    /// Returns the vectors as records, so that [`EmbedMany::resume`] requests only the others. `texts` are all texts, in order.
    /// Usage is not divided among records, so a resumed result counts only its own.
    ///
    /// ```
    /// # async fn ask(client: &tabbyapi::Client, texts: Vec<String>) -> Result<(), tabbyapi::batch::PartialEmbeddings> {
    /// let mut all = client.embeddings().many(&texts).await;
    /// if let Err(partial) = all {
    ///     all = client.embeddings().many(&texts).resume(partial.records(&texts)).await;
    /// }
    /// println!("{} vectors", all?.data.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn records(&self, texts: &[impl AsRef<str>]) -> Vec<PartRecord> {
        let has: Vec<_> = self.vectors.iter().map(Option::is_some).collect();
        let split = |range: Range<usize>| {
            let end = range.end;
            range.step_by(TEXTS).map(move |start| start..end.min(start + TEXTS))
        };
        let record = |range: Range<usize>| {
            let vectors =
                self.vectors.get(range.clone())?.iter().flatten().map(|item| item.embedding.clone()).collect();
            let digest = digest(texts.get(range.clone())?);
            Some(PartRecord { digest, model: self.answer.model.clone(), ..PartRecord::new(range, vectors) })
        };
        runs(&has).into_iter().flat_map(split).filter_map(record).collect()
    }

    fn first(&self) -> String {
        self.errors.first().map(|(_, error)| error.to_string()).unwrap_or_default()
    }

    /// The texts of these records have a vector. The latest record is the first one.
    fn resumed(total: usize, records: Vec<PartRecord>) -> Self {
        let mut joined = PartialEmbeddings { vectors: vec![None; total], ..PartialEmbeddings::default() };
        for record in records {
            if joined.answer.model.is_empty() {
                joined.answer.model = record.model;
            }
            if let Some(usage) = &record.usage {
                add_usage(joined.answer.usage.get_or_insert_default(), usage);
            }
            let places = joined.vectors.get_mut(record.range.clone()).unwrap_or_default();
            for ((index, embedding), slot) in record.range.zip(record.vectors.unwrap_or_default()).zip(places) {
                slot.get_or_insert(Embedding { embedding, index, ..Embedding::default() });
            }
        }
        joined
    }

    /// Puts the response for these texts in its place.
    fn take(&mut self, part: EmbedPart) {
        let answer = match part.result {
            Ok(answer) => answer.into_inner(),
            Err(error) => return self.errors.push((part.range, error)),
        };
        if self.answer.model.is_empty() {
            self.answer.model = answer.model;
        }
        if self.answer.object.is_empty() {
            self.answer.object = answer.object;
        }
        if let Some(usage) = &answer.usage {
            add_usage(self.answer.usage.get_or_insert_default(), usage);
        }
        self.answer.extra.extend(answer.extra);
        for (place, vector) in part.range.zip(answer.data) {
            if let Some(slot) = self.vectors.get_mut(place) {
                *slot = Some(vector);
            }
        }
    }

    fn whole(mut self) -> Result<EmbeddingList, PartialEmbeddings> {
        if self.vectors.is_empty() {
            let error = Error::new(ErrorKind::Encode, ErrorCode::NoInput, "the list of texts is empty");
            self.errors.push((0..0, error.with_hint("give at least one text")));
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

/// The ranges of consecutive entries that are true.
fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

/// Splits texts into ranges of at most this many texts and estimated tokens. A text that has more tokens is a range of its own.
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
