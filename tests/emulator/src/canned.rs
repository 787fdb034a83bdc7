//! Answers that replace the server's own: for the next requests, whatever they ask.

use std::time::Duration;

/// A scripted HTTP answer or a failure of the connection, queued with
/// [`Emulator::answer`](crate::Emulator::answer).
///
/// ```
/// use tabbyapi_emulator::CannedResponse;
///
/// let moved = CannedResponse::status(307).header("location", "http://127.0.0.1:1/").on("/v1/models");
/// let busy = CannedResponse::status(429).header("retry-after", "1").times(2);
/// let reset = CannedResponse::reset();
/// ```
#[derive(Clone, Debug)]
pub struct CannedResponse {
    pub(crate) kind: Kind,
    pub(crate) path: Option<String>,
    /// `None`: for ever.
    pub(crate) times: Option<usize>,
    pub(crate) delay: Duration,
    pub(crate) close_after: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Http { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    Close { reset: bool },
    Hang,
    Served,
}

impl CannedResponse {
    /// An answer with this status and an empty body. A status outside 100..=999 becomes 500.
    pub fn status(status: u16) -> CannedResponse {
        CannedResponse::of(Kind::Http { status, headers: Vec::new(), body: Vec::new() })
    }

    /// The connection is reset instead of answered.
    pub fn reset() -> CannedResponse {
        CannedResponse::of(Kind::Close { reset: true })
    }

    /// The connection is closed, in good order, instead of answered.
    pub fn close() -> CannedResponse {
        CannedResponse::of(Kind::Close { reset: false })
    }

    /// There is never an answer.
    pub fn hang() -> CannedResponse {
        CannedResponse::of(Kind::Hang)
    }

    /// The server's own answer; for its delay, or for [`close_after`](CannedResponse::close_after).
    pub fn served() -> CannedResponse {
        CannedResponse::of(Kind::Served)
    }

    fn of(kind: Kind) -> CannedResponse {
        CannedResponse { kind, path: None, times: Some(1), delay: Duration::ZERO, close_after: false }
    }

    /// Adds a header. One that HTTP does not allow is left out.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> CannedResponse {
        if let Kind::Http { headers, .. } = &mut self.kind {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> CannedResponse {
        if let Kind::Http { body, .. } = &mut self.kind {
            *body = bytes.into();
        }
        self
    }

    /// Sets the body and its content type `application/json`.
    pub fn json(self, text: impl Into<String>) -> CannedResponse {
        self.header("content-type", "application/json").body(text.into().into_bytes())
    }

    /// Only for requests of this path (without a query). Without it, for any.
    pub fn on(mut self, path: impl Into<String>) -> CannedResponse {
        self.path = Some(path.into());
        self
    }

    /// For this many requests. Without it, for one.
    pub fn times(mut self, times: usize) -> CannedResponse {
        self.times = Some(times);
        self
    }

    /// For every request from now on.
    pub fn always(mut self) -> CannedResponse {
        self.times = None;
        self
    }

    /// Waits before it answers.
    pub fn delay(mut self, delay: Duration) -> CannedResponse {
        self.delay = delay;
        self
    }

    /// Closes the connection right after the answer, without having said so in a header: the
    /// client's pool then holds a connection that is dead.
    pub fn close_after(mut self) -> CannedResponse {
        self.close_after = true;
        self
    }
}

/// Takes the first queued answer that fits the path.
pub(crate) fn take(queue: &mut Vec<CannedResponse>, path: &str) -> Option<CannedResponse> {
    let fits =
        |answer: &CannedResponse| answer.times != Some(0) && answer.path.as_deref().is_none_or(|wanted| wanted == path);
    let index = queue.iter().position(fits)?;
    let taken = queue[index].clone();
    if let Some(times) = &mut queue[index].times {
        *times -= 1;
        if *times == 0 {
            queue.remove(index);
        }
    }
    Some(taken)
}
