//! `Limits`: how much is accepted from a server.

use serde::{Deserialize, Serialize};

/// Caps on what is accepted from a server. Reaching one is an error of kind
/// [`TooLarge`](crate::ErrorKind::TooLarge), except for `error_excerpt`, which only cuts.
///
/// # Memory
///
/// An answer, or an event of a stream, of `n` bytes takes at most `max(expansion * n, 16 MiB)` of memory while it is read, itself
/// included: with the defaults 4 times its size. What its values need (structs, lists, maps, fields without a name in this
/// library) is counted as they are read, and reading stops where it would be more. Documents of up to 64 KiB are not counted: they
/// stay below 16 MiB in any case.
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
    /// All text, tool arguments and logprobs that a stream may accumulate, in bytes of memory; 64 MiB by default. Error code
    /// `stream_too_large`.
    pub accumulated: usize,
    /// The number of choices, and of tool calls in a choice, that a stream may have; 1024 by default. Error code
    /// `too_many_indices`.
    pub indices: usize,
    /// The number of values (elements of lists, fields of objects) that one JSON document may have; 16,777,216 by default. Fields
    /// that are skipped do not count. Error code `too_many_items`.
    pub items: usize,
    /// How deep lists and objects may be nested in one JSON document; 128 by default, and never more. Error code `too_deep`, or
    /// `invalid_json` beyond 128.
    pub depth: usize,
    /// How many times its own size a JSON document may take in memory while it is read, itself included; 4 by default. See
    /// [Memory](Self#memory). Error code `decoded_too_large`.
    pub expansion: usize,
}

impl Limits {
    /// What every document may take in memory, however small it is, in bytes: 16 MiB.
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
    /// Sets the largest event of a stream, in bytes.
    event,
    /// Sets the largest body that is not a stream, in bytes.
    body,
    /// Sets how much of an error's body is kept, in bytes.
    error_excerpt,
    /// Sets how much a stream may accumulate, in bytes.
    accumulated,
    /// Sets how many choices, and tool calls in a choice, a stream may have.
    indices,
    /// Sets how many values one JSON document may have.
    items,
    /// Sets how deep one JSON document may be nested; 128 at most.
    depth,
    /// Sets how many times its own size a JSON document may take in memory.
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
