//! Groups errors by cause, and counts them.
//!
//! A [`Fingerprint`] is the same for errors with the same cause, as far as a program can determine. An [`ErrorLog`] counts errors
//! by fingerprint, in bounded memory, and returns a snapshot for a page or a file. Neither contains keys, bodies or prompts.
//!
//! ```
//! use tabbyapi::errors::ErrorLog;
//! use tabbyapi::transport::script::{Reply, Script};
//! # futures::executor::block_on(async {
//!
//! let refused = |detail: &str| Reply::json(400, format!(r#"{{"error": {{"message": "{detail}"}}}}"#));
//! let script = Script::new([refused("no preset 'noon-7'"), refused("no preset 'dusk-12'"), Reply::status(404)]);
//! let client = tabbyapi::Client::builder("http://tabby.test").build_with(script)?;
//!
//! let log = ErrorLog::new(100);
//! for _ in 0..3 {
//!     if let Err(error) = client.models().list().await {
//!         log.note(&error, client.clock().now());
//!     }
//! }
//! let snapshot = log.snapshot();
//! assert_eq!(snapshot.groups.len(), 2);
//! assert_eq!((snapshot.groups[0].count, &*snapshot.groups[0].sample.message), (2, "no preset <text>"));
//! println!("{}", serde_json::to_string_pretty(&snapshot).unwrap());
//! # Ok::<(), tabbyapi::Error>(())
//! # }).unwrap();
//! ```

mod fingerprint;
mod log;

pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::Hash;
pub use log::{ErrorGroup, ErrorLog, ErrorSample, ErrorSnapshot, Overflow};
