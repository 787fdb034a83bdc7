//! Streams and reads in flow: held back, put together, split, ended at a budget, asked twice.
//!
//! | | |
//! |---|---|
//! | [`Pausable`] | a stream that is paused from elsewhere, and holds the server back |
//! | [`Mux`] | many streams as one, with tags, taking turns |
//! | [`tee`] | two readers of one stream, with bounded lag |
//! | [`Limited`], [`Budget`] | a stream that ends at so many tokens or after so long |
//! | [`Hedged`] | a read that a second server is asked for if the first one is late |
//!
//! They take a [`ResponseStream`](crate::ResponseStream) or any other stream of results, on any executor. All are pull only: nothing runs beside
//! the poll of the caller, nothing is buffered without bound, and dropping cancels on the wire. None of them sends a generation
//! twice.
//!
//! An answer that was interrupted is taken up again with a [`Continuation`](crate::Continuation); many requests are made with a
//! [`Batch`](crate::batch::Batch).

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
