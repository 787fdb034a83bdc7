//! The dialect of TabbyML/tabby: the recorded exchanges of a running server, and behaviour through the public API.

#[path = "../common/transcripts.rs"]
mod transcripts;

mod ask;
mod client;
mod coverage;
mod expected;
mod graphql;
mod play;
mod recording;
mod requests;
mod session;
#[cfg(any(feature = "reqwest", feature = "blocking"))]
mod sockets;
mod splits;
