//! Responses that replace the server's own for the next requests.

use std::time::Duration;

/// A scripted HTTP response or a failure of the connection, queued with [`Emulator::answer`](crate::Emulator::answer).
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
    /// `None` means for all requests.
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
    /// Creates a response with this status and an empty body. A status outside 100..=999 becomes 500.
    pub fn status(status: u16) -> CannedResponse {
        CannedResponse::of(Kind::Http { status, headers: Vec::new(), body: Vec::new() })
    }

    /// Resets the connection without a response.
    pub fn reset() -> CannedResponse {
        CannedResponse::of(Kind::Close { reset: true })
    }

    /// Closes the connection cleanly without a response.
    pub fn close() -> CannedResponse {
        CannedResponse::of(Kind::Close { reset: false })
    }

    /// Never responds.
    pub fn hang() -> CannedResponse {
        CannedResponse::of(Kind::Hang)
    }

    /// Returns the server's own response, for use with a delay or [`close_after`](CannedResponse::close_after).
    pub fn served() -> CannedResponse {
        CannedResponse::of(Kind::Served)
    }

    fn of(kind: Kind) -> CannedResponse {
        CannedResponse { kind, path: None, times: Some(1), delay: Duration::ZERO, close_after: false }
    }

    /// Adds a header. One that is not valid in HTTP is ignored.
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

    /// Sets the body, with the content type `application/json`.
    pub fn json(self, text: impl Into<String>) -> CannedResponse {
        self.header("content-type", "application/json").body(text.into().into_bytes())
    }

    /// Applies only to requests of this path (without a query); to any path by default.
    pub fn on(mut self, path: impl Into<String>) -> CannedResponse {
        self.path = Some(path.into());
        self
    }

    /// Applies to this many requests; one by default.
    pub fn times(mut self, times: usize) -> CannedResponse {
        self.times = Some(times);
        self
    }

    /// Applies to every request from now on.
    pub fn always(mut self) -> CannedResponse {
        self.times = None;
        self
    }

    /// Waits before it responds.
    pub fn delay(mut self, delay: Duration) -> CannedResponse {
        self.delay = delay;
        self
    }

    /// Closes the connection right after the response, without announcing it in a header. The client's pool then holds a closed
    /// connection.
    pub fn close_after(mut self) -> CannedResponse {
        self.close_after = true;
        self
    }
}

/// Takes the first queued response for this path.
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
