//! `Record`: what a call did, attempt by attempt.

use std::time::Duration;

use http::StatusCode;

use crate::base::text::Text;
use crate::base::time::Time;

/// How many attempts a record keeps; of more, the first ones and the last one.
const KEPT: usize = 16;

/// What a call did so far: attempts, causes, waits, bytes and times.
///
/// It can be had from every answer, stream and error, and holds neither bodies nor keys.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// The call's id, made by the client: 16 hexadecimal digits, the same for all attempts. It is sent only if
    /// [`Options::correlation_header`](crate::Options::correlation_header) says so.
    pub id: Text,
    /// When the call was first polled.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// The attempts in order; of more than 16 the first 15 and the last.
    pub attempts: Vec<Attempt>,
    /// How many attempts were made.
    pub attempt_count: u32,
    /// How many times a new key was asked for after a 401.
    pub key_refreshes: u32,
    /// How many items were yielded.
    pub items: u64,
    /// When the first item was yielded.
    pub first_item: Option<Time>,
    /// Time spent waiting between attempts, and for keys and permits.
    pub waited: Duration,
    /// How many times the stream was resumed; see [`Resume`](crate::policy::Resume).
    pub resumes: u32,
    /// Why a stream that broke was not resumed, or not once more: an [`ErrorCode`](crate::ErrorCode) as text. None if it was not to be resumed.
    pub not_resumed: Option<Text>,
}

/// One request that was handed to the transport.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// The server's base URL.
    pub base: Text,
    /// When the request was handed out.
    pub sent: Time,
    /// When the head of the answer came.
    pub head: Option<Time>,
    /// When the attempt ended.
    pub ended: Option<Time>,
    /// The status of the answer.
    pub status: Option<StatusCode>,
    /// The size of the request's body.
    pub request_bytes: u64,
    /// How many bytes of the answer's body came.
    pub response_bytes: u64,
    /// How many items it brought.
    pub items: u64,
    /// Whether it resumes what earlier attempts had brought; see [`Resume`](crate::policy::Resume).
    pub resumes: bool,
    /// Why it failed: the code of the error.
    pub cause: Option<Text>,
    /// How long the call then waits before the next attempt; `None` if there is none.
    pub retry_after: Option<Duration>,
}

impl Record {
    /// From the first poll to the end, if it ended.
    pub fn elapsed(&self) -> Option<Duration> {
        Some(self.ended?.since(self.started?))
    }

    /// From the first poll to the first item.
    pub fn time_to_first_item(&self) -> Option<Duration> {
        Some(self.first_item?.since(self.started?))
    }

    pub(crate) fn begin(&mut self, attempt: Attempt) {
        self.attempt_count = self.attempt_count.saturating_add(1);
        if self.attempts.len() == KEPT {
            self.attempts.pop();
        }
        self.attempts.push(attempt);
    }

    pub(crate) fn current(&mut self) -> Option<&mut Attempt> {
        self.attempts.last_mut()
    }
}
