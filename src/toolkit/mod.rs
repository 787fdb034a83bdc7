//! Utilities on top of a client.

pub mod batch;
mod continuation;
pub mod conversation;
pub mod doctor;
#[cfg(feature = "tabbyml")]
pub mod editor;
pub mod errors;
pub mod flow;
#[cfg(feature = "oauth2")]
pub mod oauth;
pub mod structured;
pub mod tools;

pub use continuation::Continuation;
