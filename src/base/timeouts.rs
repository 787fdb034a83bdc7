//! Time limits for each part of a call, by kind of work.

use std::time::Duration;

use serde::Serialize;

/// Time limits for each part of a call. `None` means no limit.
///
/// Every request has a kind of work, which selects its timeouts from the client's [`TimeoutPolicy`]. The defaults do not interrupt
/// healthy work: responses that are not streamed send their head at the end, loads queue behind generations, and tool
/// calls arrive whole at the end. [`Options::timeouts`](crate::Options::timeouts) sets the timeouts of a single call.
///
/// | | head | first item | idle | total |
/// |---|---|---|---|---|
/// | [`Timeouts::READ`]: reads, small posts | 30 s | | 30 s | 60 s |
/// | [`Timeouts::GENERATE`]: generation, not streamed | 10 min | | 60 s | |
/// | [`Timeouts::STREAM`]: generation, streamed | 5 min | 10 min | 2 min | |
/// | [`Timeouts::STREAM_TOOLS`]: the same with tools | 5 min | 10 min | 15 min | |
/// | [`Timeouts::LOAD`]: model load | 30 s | | | |
/// | [`Timeouts::UNBOUNDED`]: download | | | | |
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::Timeouts;
///
/// let timeouts = Timeouts::STREAM.idle(Duration::from_secs(30)).total(None);
/// assert_eq!(timeouts.idle, Some(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From sending the request to the head of the response.
    pub head: Option<Duration>,
    /// From sending the request to the first item of a stream.
    pub first_item: Option<Duration>,
    /// The longest time without progress after the head. Progress is an item of a stream, or 1 KiB of data of an event or a body. A
    /// server that sends single bytes does not make progress. Keep-alive comments do not count as data. In a stream with a
    /// `first_item` limit, this limit applies from the first item on.
    pub idle: Option<Duration>,
    /// The whole call, including retries and waits.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// Reads and small posts.
    pub const READ: Timeouts = Timeouts::new(Some(30), None, Some(30), Some(60));
    /// Generation that is not streamed.
    pub const GENERATE: Timeouts = Timeouts::new(Some(600), None, Some(60), None);
    /// Streamed generation.
    pub const STREAM: Timeouts = Timeouts::new(Some(300), Some(600), Some(120), None);
    /// Streamed generation with tools. Tool calls arrive whole after a silence.
    pub const STREAM_TOOLS: Timeouts = Timeouts::new(Some(300), Some(600), Some(900), None);
    /// A model load, which may queue behind generations.
    pub const LOAD: Timeouts = Timeouts::new(Some(30), None, None, None);
    /// No limits.
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

    /// Sets the limit for the head of the response.
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.head = limit.into();
        self
    }

    /// Sets the limit for the first item.
    pub fn first_item(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.first_item = limit.into();
        self
    }

    /// Sets the limit without progress.
    pub fn idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle = limit.into();
        self
    }

    /// Sets the limit for the whole call.
    pub fn total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}

/// The timeouts of a client, by kind of work.
///
/// ```
/// // From a configuration file: seconds, null for no limit; missing values keep their default.
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
