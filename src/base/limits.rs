//! `Limits`: caps on what is accepted from a server.

use serde::{Deserialize, Serialize};

/// Caps on what is accepted from a server. Exceeding one is an error of kind
/// [`TooLarge`](crate::ErrorKind::TooLarge), except for `error_excerpt`, which truncates.
///
/// # Memory
///
/// Decoding a response, or an event of a stream, of `n` bytes takes at most `max(expansion * n, 16 MiB)` of memory, including the
/// bytes themselves. With the default this is 4 times its size. The memory of the values (structs, lists, maps, fields that this
/// library does not define) is counted during decoding, and decoding stops at the limit. Documents of up to 64 KiB are not
/// counted, because they always stay below 16 MiB.
///
/// ```
/// use tabbyapi::Limits;
///
/// let limits = Limits::default().body(8 << 20).items(100_000);
/// assert_eq!((limits.event, limits.depth), (16 << 20, 128));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The largest event of a stream, in bytes; 16 MiB by default. Error code `event_too_large`.
    pub event: usize,
    /// The largest body that is not a stream, in bytes; 64 MiB by default. Error code `body_too_large`.
    pub body: usize,
    /// How much of an error's body is read and kept, in bytes; 64 KiB by default.
    pub error_excerpt: usize,
    /// The text, tool arguments and logprobs that a stream may accumulate, in bytes of memory; 64 MiB by default. Error code
    /// `stream_too_large`.
    pub accumulated: usize,
    /// The number of choices, and of tool calls per choice, in a stream; 1024 by default. Error code `too_many_indices`.
    pub indices: usize,
    /// The number of values (elements of lists, fields of objects) in one JSON document; 16,777,216 by default. Skipped fields do not
    /// count. Error code `too_many_items`.
    pub items: usize,
    /// The nesting depth of one JSON document; 128 by default, which is also the maximum. Error code `too_deep`, or `invalid_json` beyond
    /// 128.
    pub depth: usize,
    /// The memory that decoding a JSON document may take, as a multiple of its size and including it; 4 by default. See
    /// [Memory](Self#memory). Error code `decoded_too_large`.
    pub expansion: usize,
}

impl Limits {
    /// The memory that every document may take, however small it is, in bytes: 16 MiB.
    pub const DOCUMENT_FLOOR: usize = 16 << 20;
}

/// The setters.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        impl Limits {
            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $name(mut self, $name: usize) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

limits! {
    /// Sets the maximum size of an event of a stream, in bytes.
    event,
    /// Sets the maximum size of a body that is not a stream, in bytes.
    body,
    /// Sets how much of an error's body is kept, in bytes.
    error_excerpt,
    /// Sets how much a stream may accumulate, in bytes.
    accumulated,
    /// Sets the maximum number of choices, and of tool calls per choice, in a stream.
    indices,
    /// Sets the maximum number of values in one JSON document.
    items,
    /// Sets the maximum nesting depth of one JSON document; at most 128.
    depth,
    /// Sets the memory that decoding a JSON document may take, as a multiple of its size.
    expansion,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            event: 16 << 20,
            body: 64 << 20,
            error_excerpt: 64 << 10,
            accumulated: 64 << 20,
            indices: 1024,
            items: 1 << 24,
            depth: 128,
            expansion: 4,
        }
    }
}
