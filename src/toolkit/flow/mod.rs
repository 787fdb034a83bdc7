//! Adapters for streams and calls: pause, multiplex, tee, limit, hedge.
//!
//! | | |
//! |---|---|
//! | [`Pausable`] | a stream that can be paused from elsewhere, with back-pressure |
//! | [`Mux`] | many streams as one, with tags, fairly |
//! | [`tee`] | two readers of one stream, with bounded lag |
//! | [`Limited`], [`Budget`] | a stream that ends at a number of tokens or after a time |
//! | [`Hedged`] | a read that is sent to a second server if the first one is late |
//!
//! They accept a [`ResponseStream`](crate::ResponseStream) or any other stream of results, on any executor. They do nothing
//! unless polled, have bounded buffers, and cancel requests when dropped. None of them sends a generation twice.
//!
//! A [`Continuation`](crate::Continuation) continues an interrupted response; a [`Batch`](crate::batch::Batch) makes many requests.

mod hedge;
mod limit;
mod mux;
mod pause;
pub(crate) mod ready;
mod tee;

pub use crate::client::Clock;
pub use hedge::Hedged;
pub use limit::{Budget, EndReason, Limited, Stop, Weigh};
pub use mux::{Mux, MuxEvent};
pub use pause::{Pausable, PauseHandle};
pub use tee::{LagPolicy, Tee, tee};
