//! What the test files share.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod ops;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Whether a future is ready when it is polled once.
pub fn is_ready(future: impl Future) -> bool {
    matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
}
