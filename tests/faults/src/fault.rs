//! `Fault`: what a proxy does to one connection.

use std::time::Duration;

/// What happens to one connection; by default nothing.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Fault {
    pub(crate) request: Option<At>,
    pub(crate) answer: Option<At>,
    pub(crate) then: Then,
    pub(crate) step: Option<usize>,
    pub(crate) delay: Duration,
    pub(crate) lie: i64,
}

/// Up to where bytes pass.
#[derive(Clone, Debug)]
pub enum At {
    /// So many bytes; none if the connection is shorter.
    Byte(usize),
    /// All up to this text and with it.
    After(&'static str),
}

/// What comes then.
#[derive(Clone, Copy, Debug, Default)]
pub enum Then {
    /// The connection is closed in good order.
    #[default]
    Close,
    /// It is reset.
    Reset,
    /// It stays open, and nothing passes any more.
    Hold,
}

impl Fault {
    /// No fault.
    pub fn none() -> Self {
        Fault::default()
    }

    /// The request passes up to there.
    pub fn in_request(at: At, then: Then) -> Self {
        Fault { request: Some(at), then, ..Fault::default() }
    }

    /// The answer passes up to there.
    pub fn in_answer(at: At, then: Then) -> Self {
        Fault { answer: Some(at), then, ..Fault::default() }
    }

    /// All passes, in pieces of so many bytes.
    pub fn trickle(bytes: usize) -> Self {
        Fault { step: Some(bytes), ..Fault::default() }
    }

    /// The answer comes that much later.
    pub fn delay(delay: Duration) -> Self {
        Fault { delay, ..Fault::default() }
    }

    /// The answer's `content-length` is off by so much.
    pub fn lie(by: i64) -> Self {
        Fault { lie: by, ..Fault::default() }
    }

    /// Whatever else it is, bytes of the answer pass up to there.
    pub fn and_in_answer(self, at: At, then: Then) -> Self {
        Fault { answer: Some(at), then, ..self }
    }
}

impl At {
    /// How many of these bytes may pass, if it is reached within them.
    pub(crate) fn within(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            At::Byte(n) => (bytes.len() >= *n).then_some(*n),
            At::After(text) => {
                let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
                Some(at + text.len())
            }
        }
    }
}

/// The bytes of an answer with another `content-length`; `None` as long as the head is not whole.
pub(crate) fn lied(bytes: &[u8], by: i64) -> Option<Vec<u8>> {
    let end = At::After("\r\n\r\n").within(bytes)?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let lines = head.split_inclusive("\r\n").map(|line| match line.split_once(": ") {
        Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
            let length: i64 = value.trim().parse().unwrap_or_default();
            format!("{name}: {}\r\n", (length + by).max(0))
        }
        _ => line.to_owned(),
    });
    Some([lines.collect::<String>().as_bytes(), &bytes[end..]].concat())
}
