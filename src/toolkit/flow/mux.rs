//! `Mux`: many streams as one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::ready::Ready;

/// Many streams as one, whose items are tagged with the stream that they are of.
///
/// * **Fair**: streams that are ready take turns, so none starves another one.
/// * **Pull only**: a stream is asked for an item when this one is. Nothing is buffered, and a reader that is away holds all servers
///   back.
/// * Streams are added and taken out at any time between two items; dropping one that was taken out cancels it on the wire, as
///   dropping the `Mux` does with all of them.
/// * A stream that came to its end is given back, for its `finish`; an error is an item like others.
///
/// It ends when it has no streams, and goes on when it has got one again.
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

/// What comes out of a [`Mux`].
#[derive(Debug)]
#[non_exhaustive]
pub enum MuxEvent<S: Stream> {
    /// An item of the stream.
    Item(S::Item),
    /// The stream, at its end.
    End(S),
}

impl<K, S> Mux<K, S> {
    /// No streams.
    pub fn new() -> Self {
        Mux { streams: Ready::new() }
    }

    /// Adds a stream under this tag. Several may have the same one.
    pub fn add(&mut self, tag: K, stream: S) {
        self.streams.add((tag, stream));
    }

    /// Takes the first stream with this tag out. Dropping it cancels it; it can also be read on, alone.
    pub fn remove(&mut self, tag: &K) -> Option<S>
    where
        K: PartialEq,
    {
        let (id, _) = self.streams.iter().find(|(_, (other, _))| other == tag)?;
        self.streams.remove(id).map(|(_, stream)| stream)
    }

    /// The tags with their streams, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &S)> {
        self.streams.iter().map(|(_, (tag, stream))| (tag, stream))
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there are no streams.
    pub fn is_empty(&self) -> bool {
        self.streams.len() == 0
    }
}

impl<K: Clone, S: Stream + Unpin> Mux<K, S> {
    /// Returns the next item from any stream; none if there are no streams.
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

// Nothing in it is pinned in place.
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
