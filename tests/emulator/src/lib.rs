//! A TabbyAPI server for demos and tests.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod app;
mod builder;
mod call;
mod chat_request;
mod clock;
mod constrain;
mod emulator;
mod front;
mod generate;
mod job;
mod json;
mod log;
mod markup;
mod model;
mod net;
mod python;
mod refusal;
mod routes;
mod sampler;
mod schema;
mod script;
mod sse;
mod token;

pub use answer::Answer;
pub use builder::EmulatorBuilder;
pub use emulator::{Emulator, StartError};
pub use log::{Disconnect, Log, SeenRequest};
pub use model::ModelSpec;
pub use script::Script;

/// The API key of an emulator that was given none.
pub const DEFAULT_API_KEY: &str = "emulator-api-key";
/// The admin key of an emulator that was given none.
pub const DEFAULT_ADMIN_KEY: &str = "emulator-admin-key";
