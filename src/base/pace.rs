//! How long each part of a call may take, by what kind of work it is.

use std::time::Duration;

use serde::Serialize;

/// How long each part of a call may take; `None` is for ever.
///
/// Every request knows what kind of work it asks for, and takes its pace from the client's [`Paces`], whose defaults do not kill
/// healthy work: answers that are not streamed send no head until they are finished, loads queue behind generations, tool
/// calls arrive whole at the end. [`Options::pace`](crate::Options::pace) sets the pace of single calls.
///
/// | | head | first item | stall | total |
/// |---|---|---|---|---|
/// | [`Pace::READ`]: reads, small posts | 30 s | | 30 s | 60 s |
/// | [`Pace::GENERATE`]: generation, not streamed | 10 min | | 60 s | |
/// | [`Pace::STREAM`]: generation, streamed | 5 min | 10 min | 2 min | |
/// | [`Pace::STREAM_TOOLS`]: the same with tools | 5 min | 10 min | 15 min | |
/// | [`Pace::LOAD`]: model load | 30 s | | | |
/// | [`Pace::UNBOUNDED`]: download | | | | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// From sending the request to the head of the answer.
    pub head: Option<Duration>,
    /// From sending the request to the first item of a stream.
    pub first_item: Option<Duration>,
    /// The longest time without progress once the head is there. Progress is an item of a stream, and 1 KiB of data of
    /// an event or a body: a server that sends single bytes makes none. Keep-alive comments are not data. In a
    /// stream it counts from the first item on if `first_item` is set.
    pub stall: Option<Duration>,
    /// The whole call, with its retries and waits.
    pub total: Option<Duration>,
}

impl Pace {
    /// Reads and small posts.
    pub const READ: Pace = Pace::new(Some(30), None, Some(30), Some(60));
    /// Generation that is not streamed.
    pub const GENERATE: Pace = Pace::new(Some(600), None, Some(60), None);
    /// Streamed generation.
    pub const STREAM: Pace = Pace::new(Some(300), Some(600), Some(120), None);
    /// Streamed generation with tools, whose calls arrive whole after a silence.
    pub const STREAM_TOOLS: Pace = Pace::new(Some(300), Some(600), Some(900), None);
    /// A model load, which may queue behind generations.
    pub const LOAD: Pace = Pace::new(Some(30), None, None, None);
    /// No deadline at all.
    pub const UNBOUNDED: Pace = Pace::new(None, None, None, None);

    const fn new(head: Option<u64>, first_item: Option<u64>, stall: Option<u64>, total: Option<u64>) -> Self {
        const fn seconds(value: Option<u64>) -> Option<Duration> {
            match value {
                Some(value) => Some(Duration::from_secs(value)),
                None => None,
            }
        }
        Pace { head: seconds(head), first_item: seconds(first_item), stall: seconds(stall), total: seconds(total) }
    }

    /// Sets the time to the head.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the time to the first item.
    pub fn first_item(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.first_item = limit.into();
        self
    }

    /// Sets the longest silence.
    pub fn stall(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.stall = limit.into();
        self
    }

    /// Sets the time for the whole call.
    pub fn total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}

/// The paces of a client, by kind of work.
///
/// ```
/// // From a configuration file: seconds, null for no limit; what is missing keeps its default.
/// use tabbyapi::{Pace, Paces};
///
/// let paces: Paces = serde_json::from_str(r#"{"stream": {"stall": 30, "total": null}, "read": {"head": 2.5}}"#)?;
/// assert_eq!(paces.stream, Pace::STREAM.stall(std::time::Duration::from_secs(30)));
/// assert!(serde_json::from_str::<Paces>(r#"{"stream": {"stal": 30}}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Paces {
    /// Reads and small posts; [`Pace::READ`] by default.
    pub read: Pace,
    /// Generation that is not streamed; [`Pace::GENERATE`] by default.
    pub generate: Pace,
    /// Streamed generation; [`Pace::STREAM`] by default.
    pub stream: Pace,
    /// Streamed generation with tools; [`Pace::STREAM_TOOLS`] by default.
    pub stream_tools: Pace,
    /// Model loads; [`Pace::LOAD`] by default.
    pub load: Pace,
    /// Downloads; [`Pace::UNBOUNDED`] by default.
    pub download: Pace,
}

impl Paces {
    /// The defaults.
    pub const DEFAULT: Paces = Paces {
        read: Pace::READ,
        generate: Pace::GENERATE,
        stream: Pace::STREAM,
        stream_tools: Pace::STREAM_TOOLS,
        load: Pace::LOAD,
        download: Pace::UNBOUNDED,
    };

    /// Sets the pace of reads and small posts.
    pub fn read(mut self, pace: Pace) -> Self {
        self.read = pace;
        self
    }

    /// Sets the pace of generation that is not streamed.
    pub fn generate(mut self, pace: Pace) -> Self {
        self.generate = pace;
        self
    }

    /// Sets the pace of streamed generation without tools.
    pub fn stream(mut self, pace: Pace) -> Self {
        self.stream = pace;
        self
    }

    /// Sets the pace of streamed generation with tools.
    pub fn stream_tools(mut self, pace: Pace) -> Self {
        self.stream_tools = pace;
        self
    }

    /// Sets the pace of model loads.
    pub fn load(mut self, pace: Pace) -> Self {
        self.load = pace;
        self
    }

    /// Sets the pace of downloads.
    pub fn download(mut self, pace: Pace) -> Self {
        self.download = pace;
        self
    }
}

impl Default for Paces {
    fn default() -> Self {
        Paces::DEFAULT
    }
}
