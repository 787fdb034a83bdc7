//! How long each part of a call may take, by what kind of work it is.

use std::time::Duration;

use serde::Serialize;

/// How long each part of a call may take; `None` is for ever.
///
/// Every request knows what kind of work it asks for, and takes its timeouts from the client's [`TimeoutPolicy`], whose defaults do not kill
/// healthy work: answers that are not streamed send no head until they are finished, loads queue behind generations, tool
/// calls arrive whole at the end. [`Options::timeouts`](crate::Options::timeouts) sets the timeouts of single calls.
///
/// | | head | first item | idle | total |
/// |---|---|---|---|---|
/// | [`Timeouts::READ`]: reads, small posts | 30 s | | 30 s | 60 s |
/// | [`Timeouts::GENERATE`]: generation, not streamed | 10 min | | 60 s | |
/// | [`Timeouts::STREAM`]: generation, streamed | 5 min | 10 min | 2 min | |
/// | [`Timeouts::STREAM_TOOLS`]: the same with tools | 5 min | 10 min | 15 min | |
/// | [`Timeouts::LOAD`]: model load | 30 s | | | |
/// | [`Timeouts::UNBOUNDED`]: download | | | | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From sending the request to the head of the answer.
    pub head: Option<Duration>,
    /// From sending the request to the first item of a stream.
    pub first_item: Option<Duration>,
    /// The longest time without progress once the head is there. Progress is an item of a stream, and 1 KiB of data of
    /// an event or a body: a server that sends single bytes makes none. Keep-alive comments are not data. In a
    /// stream it counts from the first item on if `first_item` is set.
    pub idle: Option<Duration>,
    /// The whole call, with its retries and waits.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// Reads and small posts.
    pub const READ: Timeouts = Timeouts::new(Some(30), None, Some(30), Some(60));
    /// Generation that is not streamed.
    pub const GENERATE: Timeouts = Timeouts::new(Some(600), None, Some(60), None);
    /// Streamed generation.
    pub const STREAM: Timeouts = Timeouts::new(Some(300), Some(600), Some(120), None);
    /// Streamed generation with tools, whose calls arrive whole after a silence.
    pub const STREAM_TOOLS: Timeouts = Timeouts::new(Some(300), Some(600), Some(900), None);
    /// A model load, which may queue behind generations.
    pub const LOAD: Timeouts = Timeouts::new(Some(30), None, None, None);
    /// No deadline at all.
    pub const UNBOUNDED: Timeouts = Timeouts::new(None, None, None, None);

    const fn new(head: Option<u64>, first_item: Option<u64>, idle: Option<u64>, total: Option<u64>) -> Self {
        const fn seconds(value: Option<u64>) -> Option<Duration> {
            match value {
                Some(value) => Some(Duration::from_secs(value)),
                None => None,
            }
        }
        Timeouts { head: seconds(head), first_item: seconds(first_item), idle: seconds(idle), total: seconds(total) }
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
    pub fn idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle = limit.into();
        self
    }

    /// Sets the time for the whole call.
    pub fn total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}

/// The timeouts of a client, by kind of work.
///
/// ```
/// // From a configuration file: seconds, null for no limit; what is missing keeps its default.
/// use tabbyapi::{Timeouts, TimeoutPolicy};
///
/// let timeout_policy: TimeoutPolicy = serde_json::from_str(r#"{"stream": {"idle": 30, "total": null}, "read": {"head": 2.5}}"#)?;
/// assert_eq!(timeout_policy.stream, Timeouts::STREAM.idle(std::time::Duration::from_secs(30)));
/// assert!(serde_json::from_str::<TimeoutPolicy>(r#"{"stream": {"stal": 30}}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TimeoutPolicy {
    /// Reads and small posts; [`Timeouts::READ`] by default.
    pub read: Timeouts,
    /// Generation that is not streamed; [`Timeouts::GENERATE`] by default.
    pub generate: Timeouts,
    /// Streamed generation; [`Timeouts::STREAM`] by default.
    pub stream: Timeouts,
    /// Streamed generation with tools; [`Timeouts::STREAM_TOOLS`] by default.
    pub stream_tools: Timeouts,
    /// Model loads; [`Timeouts::LOAD`] by default.
    pub load: Timeouts,
    /// Downloads; [`Timeouts::UNBOUNDED`] by default.
    pub download: Timeouts,
}

impl TimeoutPolicy {
    /// The defaults.
    pub const DEFAULT: TimeoutPolicy = TimeoutPolicy {
        read: Timeouts::READ,
        generate: Timeouts::GENERATE,
        stream: Timeouts::STREAM,
        stream_tools: Timeouts::STREAM_TOOLS,
        load: Timeouts::LOAD,
        download: Timeouts::UNBOUNDED,
    };

    /// Sets the timeouts of reads and small posts.
    pub fn read(mut self, timeouts: Timeouts) -> Self {
        self.read = timeouts;
        self
    }

    /// Sets the timeouts of generation that is not streamed.
    pub fn generate(mut self, timeouts: Timeouts) -> Self {
        self.generate = timeouts;
        self
    }

    /// Sets the timeouts of streamed generation without tools.
    pub fn stream(mut self, timeouts: Timeouts) -> Self {
        self.stream = timeouts;
        self
    }

    /// Sets the timeouts of streamed generation with tools.
    pub fn stream_tools(mut self, timeouts: Timeouts) -> Self {
        self.stream_tools = timeouts;
        self
    }

    /// Sets the timeouts of model loads.
    pub fn load(mut self, timeouts: Timeouts) -> Self {
        self.load = timeouts;
        self
    }

    /// Sets the timeouts of downloads.
    pub fn download(mut self, timeouts: Timeouts) -> Self {
        self.download = timeouts;
        self
    }
}

impl Default for TimeoutPolicy {
    fn default() -> Self {
        TimeoutPolicy::DEFAULT
    }
}
