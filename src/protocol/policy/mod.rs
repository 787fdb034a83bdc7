//! Policies: what a client does when things go wrong or get tight.
//!
//! They are pure: each is a few fields of settings and a machine that is given the time. They live in what the calls of one
//! client share, so they are the same on every executor, and each can be inspected with
//! [`Client::servers`](crate::Client::servers).
//!
//! | | decides | by default |
//! |---|---|---|
//! | [`Retry`], [`RetryPolicy`] | whether a failed attempt is followed by another one, and when | two more, for what is safe |
//! | [`RetryBudget`] | how many retries all calls may make together | a fifth of the calls, and ten |
//! | [`Server`], [`Balance`] | which server a call goes to | the one there is |
//! | [`Breaker`] | when a failing server is left alone | off |
//! | [`RateLimit`] | how much is sent in a time | off |
//! | [`Concurrency`] | how many calls run at a time, and how many wait for their turn | off |
//!
//! What they do to a generation: it is begun at most once. It waits in the queue, for the limiter and for a server that takes
//! it, and moves on to another server, only as long as no server can have begun it; after that each failure is final and
//! what had arrived is kept, unless [`Retry::retry_generations`] says otherwise.
//!
//! ```
//! use std::time::Duration;
//! use tabbyapi::policy::{Breaker, Concurrency, Server};
//! use tabbyapi::transport::script::{Reply, Script};
//!
//! # futures::executor::block_on(async {
//! let script = Script::new([Reply::refused("connection refused"), Reply::json(200, r#"{"permission": "api"}"#)]);
//! let client = tabbyapi::Client::builder("http://one.test:5000")
//!     .api_key("k1")
//!     .server(Server::new("http://two.test:5000")?.api_key("k2")?)
//!     .breaker(Breaker::new().open_for(Duration::from_secs(20)))
//!     .concurrency(Concurrency::new(4))
//!     .build_with(script)?;
//!
//! // The first server refuses the connection, the second one answers.
//! let answer = client.auth().permission().await?;
//! let tried: Vec<_> = answer.meta().record().attempts.iter().map(|attempt| attempt.base.as_str()).collect();
//! assert_eq!(tried, ["http://one.test:5000", "http://two.test:5000"]);
//! # Ok::<(), tabbyapi::Error>(())
//! # }).unwrap();
//! ```

mod balance;
mod breaker;
mod concurrency;
mod rate;
mod retry;
mod server;

pub use balance::Balance;
pub use breaker::{Breaker, BreakerState};
pub use concurrency::Concurrency;
pub use rate::{RateLimit, WhenFull};
pub use retry::{Failure, Retry, RetryBudget, RetryPolicy};
pub use server::{Server, ServerStatus};

pub(crate) use balance::{Candidate, best};
pub(crate) use breaker::{Circuit, Pass};
pub(crate) use rate::Window;
pub(crate) use retry::{RetryTokens, Verdict};
