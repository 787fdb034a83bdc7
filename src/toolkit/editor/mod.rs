//! Code completion for editors: when to send a request, what to send, what to show, which events to report.
//!
//! [`CompletionSession`] decides all of this for one cursor. It does no IO and has no clock. The editor reports what happens
//! together with the time, and carries out the actions that [`poll`](CompletionSession::poll) returns. So it works in any editor,
//! thread or web page, and tests need no server.
//!
//! ```
//! use std::time::Duration;
//! use tabbyapi::call::Time;
//! use tabbyapi::tabbyml::CompletionResponse;
//! use tabbyapi::tabbyml::editor::{Action, CompletionSession, Cursor, SessionSettings};
//!
//! let mut session = CompletionSession::new(SessionSettings::new());
//! let now = Time::from_epoch(Duration::ZERO);
//! session.edit(now, Cursor::new("python", "fib.py", "def fib(n):\n    ", "\n"));
//! // Nothing is sent while the user may be typing.
//! let Action::Wait { until: Some(due) } = session.poll(now) else { panic!() };
//! let Action::Send { id, request } = session.poll(due) else { panic!() };
//! assert_eq!(request.language.as_deref(), Some("python"));
//!
//! // The editor sends it with a client, and reports the response.
//! let response: CompletionResponse =
//!     serde_json::from_str(r#"{"id": "cmpl-1", "choices": [{"index": 0, "text": "return n if n < 2 else fib(n - 1) + fib(n - 2)"}]}"#)?;
//! session.answered(due, id, Ok(&response));
//! let Action::Show(suggestion) = session.poll(due) else { panic!() };
//! assert!(suggestion.text.starts_with("return n"));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Compared with the official agent
//!
//! | | tabby-agent 1.9 | here |
//! |---|---|---|
//! | debounce | 100 ms to 1 s, by the rhythm of typing, the response time, and the place | the same, see [`Debounce`] |
//! | a new request | aborts the previous one | the same: [`Action::Cancel`] |
//! | cache | 100 entries for 5 minutes; typing ahead up to 50 characters of the first line | the same limits; typing ahead for the whole text |
//! | a cached completion | waits for the debounce, too | is shown at once |
//! | segments | 20 lines on each side | the same, and a limit in bytes, since the server cuts the prompt by bytes |
//! | the rest of the line without words | omitted from the suffix, and always replaced | omitted, and replaced if the completion has its characters |
//! | repetition, scope, duplicates | 15 filters, some by syntax trees | [`Cleanup`], by lines, indentation and brackets |
//! | events | view, select, dismiss | the same, with the same form of ids |
//! | retries | none | none here; those of the client apply |

mod budget;
mod cache;
mod cleanup;
mod debounce;
mod lines;
mod session;

pub use budget::SegmentBudget;
pub use cleanup::Cleanup;
pub use debounce::{Debounce, DebounceContext};
pub use session::{Accepted, Action, CompletionSession, Cursor, RequestId, SessionSettings, Suggestion};
