//! Policies: retries, failover, circuit breakers, rate and concurrency limits.
//!
//! Each policy is a set of values and a state machine that takes the time as an argument. The calls of a client share their state. They behave
//! the same on every executor. [`Client::servers`](crate::Client::servers) returns their state.
//!
//! | | sets | default |
//! |---|---|---|
//! | [`Retry`], [`RetryPolicy`] | whether and when a failed attempt is retried | up to 2 retries, where repeating is safe |
//! | [`Resume`] | whether and how often a stream that stalls or breaks is resumed | off |
//! | [`RetryBudget`] | how many retries all calls may make together | a fifth of the calls, plus 10 |
//! | [`Server`], [`Balance`] | which server a call goes to | one server |
//! | [`Breaker`] | when calls to a failing server are paused | off |
//! | [`RateLimit`] | how many requests or tokens are sent in an interval | off |
//! | [`Concurrency`] | how many calls run at a time, and how many may wait | off |
//!
//! A generation is started at most once. It waits for the queue, the limits and a server, and moves to another server, only as
//! long as no server can have started it. After that a failure is final, and the part that arrived is kept.
//! [`Retry::retry_generations`] changes that, and so does [`Resume`], which starts the rest of a stream that broke.
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

pub use crate::protocol::resume::{Resume, ResumeAction, ResumeEvent};

pub(crate) use balance::{Candidate, best};
pub(crate) use breaker::{Circuit, Pass};
pub(crate) use rate::Window;
pub(crate) use retry::{RetryTokens, Verdict};
