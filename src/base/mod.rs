//! Values that all other modules use.

pub(crate) mod advice;
pub(crate) mod base_url;
pub(crate) mod date;
pub(crate) mod error;
pub(crate) mod extra;
pub(crate) mod inline_vec;
pub(crate) mod json_text;
pub(crate) mod limits;
pub(crate) mod maybe_send;
pub(crate) mod open_enum;
pub(crate) mod ordered;
pub(crate) mod record;
#[cfg(feature = "schemars")]
mod schema;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod timeouts;
pub(crate) mod transport_error;

pub use advice::{Advice, Place, Remedy};
pub use base_url::BaseUrl;
pub use error::{Error, ErrorCode, ErrorKind, Phase, Result, ValidationIssue};
pub use extra::Extra;
pub use inline_vec::InlineVec;
pub use limits::Limits;
pub use maybe_send::{BoxFuture, MaybeSend, MaybeSync};
pub use ordered::OrderedJson;
pub use record::{Attempt, Record};
pub(crate) use secrets::Secrets;
pub use text::Text;
pub use time::Time;
pub use timeouts::{TimeoutPolicy, Timeouts};
pub use transport_error::{Sent, TransportError};
