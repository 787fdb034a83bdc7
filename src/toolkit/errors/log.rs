//! `ErrorLog`: counts errors by fingerprint.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::Fingerprint;
use super::fingerprint::{endpoint, message_shape};
use crate::base::{Error, Phase, Text, Time};

/// Counts errors by their [`Fingerprint`], with the times of the first and the last one and a sample.
///
/// The number of groups is limited. Errors of further groups are counted together, as [`Overflow`]. Cheap to clone; clones share
/// the log. It does not contain keys, bodies or messages, only the shapes of messages.
#[derive(Clone)]
pub struct ErrorLog(Arc<Mutex<State>>);

struct State {
    room: usize,
    /// In the order of their first error.
    groups: Vec<ErrorGroup>,
    overflow: Overflow,
}

/// Errors with the same fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// Their fingerprint.
    pub fingerprint: Fingerprint,
    /// The number of errors.
    pub count: u64,
    /// When the first one was recorded, in milliseconds on the clock of the caller.
    pub first_ms: u64,
    /// When the last one was recorded, in milliseconds on the clock of the caller.
    pub last_ms: u64,
    /// The last one.
    pub sample: ErrorSample,
}

/// One error of a group, without parts that could be secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ErrorSample {
    /// The method of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path of the operation, without server, query, numbers and ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The [kind](Error::kind), such as `timeout`.
    pub kind: &'static str,
    /// The [code](Error::code).
    pub code: String,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The part of the call that ran out of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// The message, in which quoted text, numbers and ids are replaced by `<text>`, `<n>`, `<id>`.
    pub message: String,
    /// The [id](crate::call::Record::id) of its call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Text>,
    /// The number of attempts of its call.
    pub attempts: u32,
}

/// Errors that exceeded the number of groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overflow {
    /// The number of errors.
    pub count: u64,
    /// When the first one was recorded, in milliseconds on the clock of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// When the last one was recorded, in milliseconds on the clock of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<u64>,
}

/// The content of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ErrorSnapshot {
    /// The groups, the most frequent ones first.
    pub groups: Vec<ErrorGroup>,
    /// Errors of further groups.
    pub overflow: Overflow,
}

impl ErrorLog {
    /// Creates an empty log for at most this many groups.
    pub fn new(groups: usize) -> Self {
        ErrorLog(Arc::new(Mutex::new(State { room: groups, groups: Vec::new(), overflow: Overflow::default() })))
    }

    /// Records an error at this time, such as that of [`Client::clock`](crate::Client::clock), and returns its fingerprint.
    pub fn note(&self, error: &Error, now: Time) -> Fingerprint {
        let fingerprint = Fingerprint::of(error);
        let sample = ErrorSample::of(error);
        let now = u64::try_from(now.since_epoch().as_millis()).unwrap_or(u64::MAX);
        let mut state = self.lock();
        let room = state.groups.len() < state.room;
        match state.groups.iter_mut().find(|group| group.fingerprint == fingerprint) {
            Some(group) => {
                group.count += 1;
                group.last_ms = group.last_ms.max(now);
                group.sample = sample;
            }
            None if room => {
                state.groups.push(ErrorGroup { fingerprint, count: 1, first_ms: now, last_ms: now, sample });
            }
            None => {
                let overflow = &mut state.overflow;
                overflow.count += 1;
                overflow.first_ms.get_or_insert(now);
                overflow.last_ms = overflow.last_ms.max(Some(now));
            }
        }
        fingerprint
    }

    /// Returns the content.
    pub fn snapshot(&self) -> ErrorSnapshot {
        let state = self.lock();
        let (mut groups, overflow) = (state.groups.clone(), state.overflow.clone());
        drop(state);
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        ErrorSnapshot { groups, overflow }
    }

    /// Returns the content, and clears the log.
    pub fn take(&self) -> ErrorSnapshot {
        let snapshot = {
            let mut state = self.lock();
            let groups = std::mem::take(&mut state.groups);
            ErrorSnapshot { groups, overflow: std::mem::take(&mut state.overflow) }
        };
        let ErrorSnapshot { mut groups, overflow } = snapshot;
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        ErrorSnapshot { groups, overflow }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ErrorSnapshot {
    /// Returns the number of all errors.
    pub fn count(&self) -> u64 {
        self.groups.iter().map(|group| group.count).sum::<u64>() + self.overflow.count
    }
}

impl ErrorSample {
    fn of(error: &Error) -> Self {
        let (method, path) = endpoint(error).unzip();
        ErrorSample {
            method,
            path,
            kind: error.kind().as_str(),
            code: error.code().to_string(),
            status: error.status().map(|status| status.as_u16()),
            phase: error.phase().map(Phase::as_str),
            message: message_shape(error.message()),
            call: error.record().map(|record| record.id.clone()).filter(|id| !id.is_empty()),
            attempts: error.record().map_or(0, |record| record.attempt_count),
        }
    }
}

impl fmt::Debug for ErrorLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ErrorLog")
            .field("groups", &state.groups.len())
            .field("room", &state.room)
            .field("overflow", &state.overflow.count)
            .finish()
    }
}
