//! A module made of the core, and of a client whose transport is not `Send`. It must import nothing: no clock, no randomness,
//! no environment. What it exports is called by `check.mjs`, which wants zero; anything else is the line that failed.

#![cfg(target_arch = "wasm32")]

mod by_client;
mod by_hand;

/// A call that is driven step by step.
#[allow(unsafe_code, reason = "an exported name")]
#[unsafe(no_mangle)]
pub extern "C" fn call_by_hand() -> u32 {
    by_hand::run().err().unwrap_or(0)
}

/// A client, its transport, whole and streamed answers, a retry after a wait, a source of keys.
#[allow(unsafe_code, reason = "an exported name")]
#[unsafe(no_mangle)]
pub extern "C" fn client_on_local_transport() -> u32 {
    by_client::run().err().unwrap_or(0)
}

/// The line, if it does not hold.
macro_rules! hold {
    ($condition:expr) => {
        if !$condition {
            return Err(line!());
        }
    };
}
pub(crate) use hold;
