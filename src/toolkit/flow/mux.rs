//! `Mux`: many streams as one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::ready::Ready;

/// Many streams as one. Each item carries the tag of its stream.
///
/// * **Fair**: ready streams are polled in turn.
/// * **Pull only**: a stream is polled only when the `Mux` is. Nothing is buffered. Not polling applies back-pressure to all
///   servers.
/// * Streams can be added and removed between two items. Dropping a removed stream cancels its request. Dropping the `Mux`
///   cancels all.
/// * A stream that has ended is returned, so that its `finish` can be called. An error is an item.
///
/// It ends when it has no streams, and continues when a stream is added.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest};
/// use tabbyapi::flow::{Mux, MuxEvent};
/// # async fn ask(client: &tabbyapi::Client) -> tabbyapi::Result<()> {
///
/// let mut mux = Mux::new();
/// for river in ["Rhine", "Elbe"] {
///     let request = ChatRequest::new([ChatMessage::user(format!("Where is the source of the {river}?"))]);
///     mux.add(river, client.chat().stream(&request));
/// }
/// while let Some((river, event)) = mux.next().await {
///     match event {
///         MuxEvent::Item(chunk) => println!("{river}: {}", chunk?.text()),
///         MuxEvent::End(stream) => println!("{river} is over: {:?}", stream.outcome()),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Mux<K, S> {
    streams: Ready<(K, S)>,
}

/// An event of a [`Mux`].
#[derive(Debug)]
#[non_exhaustive]
pub enum MuxEvent<S: Stream> {
    /// An item of the stream.
    Item(S::Item),
    /// The stream, at its end.
    End(S),
}

impl<K, S> Mux<K, S> {
    /// Creates a `Mux` without streams.
    pub fn new() -> Self {
        Mux { streams: Ready::new() }
    }

    /// Adds a stream with this tag. Several streams may have the same tag.
    pub fn add(&mut self, tag: K, stream: S) {
        self.streams.add((tag, stream));
    }

    /// Removes and returns the first stream with this tag. It can be read further. Dropping it cancels it.
    pub fn remove(&mut self, tag: &K) -> Option<S>
    where
        K: PartialEq,
    {
        let (id, _) = self.streams.iter().find(|(_, (other, _))| other == tag)?;
        self.streams.remove(id).map(|(_, stream)| stream)
    }

    /// Returns tags and streams, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &S)> {
        self.streams.iter().map(|(_, (tag, stream))| (tag, stream))
    }

    /// Returns the number of streams.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Returns whether there are no streams.
    pub fn is_empty(&self) -> bool {
        self.streams.len() == 0
    }
}

impl<K: Clone, S: Stream + Unpin> Mux<K, S> {
    /// Returns the next item from any stream. `None` if there are no streams.
    pub async fn next(&mut self) -> Option<(K, MuxEvent<S>)> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, MuxEvent<S>)>> {
        if self.streams.len() == 0 {
            return Poll::Ready(None);
        }
        let polled =
            self.streams.poll(cx, |(tag, stream), cx| Pin::new(stream).poll_next(cx).map(|item| (tag.clone(), item)));
        let (id, (tag, item)) = std::task::ready!(polled);
        match (item, id) {
            (Some(item), _) => Poll::Ready(Some((tag, MuxEvent::Item(item)))),
            (None, id) => Poll::Ready(self.streams.remove(id).map(|(tag, stream)| (tag, MuxEvent::End(stream)))),
        }
    }
}

impl<K, S> Default for Mux<K, S> {
    fn default() -> Self {
        Mux::new()
    }
}

// Nothing in it is structurally pinned.
impl<K, S> Unpin for Mux<K, S> {}

impl<K: Clone, S: Stream + Unpin> Stream for Mux<K, S> {
    type Item = (K, MuxEvent<S>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl<K, S> fmt::Debug for Mux<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mux").field("streams", &self.streams.len()).finish_non_exhaustive()
    }
}
