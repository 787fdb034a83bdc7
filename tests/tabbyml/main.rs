//! The dialect of TabbyML/tabby: the recorded exchanges of a running server, and behaviour through the public API.

#[path = "../common/transcripts.rs"]
mod transcripts;

mod ask;
mod client;
mod expected;
mod graphql;
mod play;
mod recording;
mod requests;
mod session;
mod splits;
