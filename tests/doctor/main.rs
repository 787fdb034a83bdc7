//! The examination of servers: the emulated server has no finding, each fault that is put into it has its own, and recordings of real servers
//! have those that the documentation of the server confirms.

#[path = "../common/transcripts.rs"]
mod transcripts;

mod bad_input;
mod content;
mod drift;
mod edit;
mod guide;
mod mutants;
mod over_sockets;
mod recordings;
mod state;
mod subject;
