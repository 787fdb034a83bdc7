//! Decoding responses: bytes to typed items.
//!
//! A [`Decode`] is a push parser for one response. [`Json`] decodes a whole JSON body. [`Events`] decodes a stream of events, or
//! a JSON body instead of the stream, because a server can disable streaming. Both read every form of server error: a `detail`
//! with text or validation entries, an `error` object, plain text, HTML, an empty body.

mod charge;
mod content_type;
mod decoder;
mod events;
mod failure;
mod fault;
mod halves;
pub(crate) mod in_place;
mod json;
mod kind;
mod mend;
pub(crate) mod open_enum;
mod sniff;
pub(crate) mod template;
mod text;

pub(crate) use charge::{BOXED, Bounds};
pub use decoder::{Decode, Whole};
pub use events::{EventFormat, Events, Step};
pub(crate) use events::{error_beside, from_event, from_frequent_event, is_noise};
pub(crate) use failure::answer_error_field;
pub use failure::{error_event, event_error};
pub(crate) use fault::{fault, place_of};
pub(crate) use halves::Halves;
pub use json::{Empty, Json};
pub(crate) use kind::answer;
pub use kind::answer_error;
pub(crate) use template::{Exact, Slot, Templates};
pub use text::from_json;
pub(crate) use text::look;
