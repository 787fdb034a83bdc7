//! The ABI as plain exports: only numbers, and bytes through two buffers, one for each direction.
//!
//! JavaScript requests room with [`input`], writes there, and passes the length to the function that reads it. The results of a
//! call are at [`output`] and [`detail`] until the next call. Addresses change whenever memory grows.

use std::cell::RefCell;

use crate::machine;

/// Larger buffers are freed after use.
const KEPT: usize = 1 << 20;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Declares exports.
macro_rules! exports {
    ($( $(#[doc = $doc:expr])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block )*) => {
        $(
            $(#[doc = $doc])*
            #[allow(unsafe_code, unreachable_pub, reason = "an exported name")]
            #[unsafe(no_mangle)]
            pub extern "C" fn $name($($arg: $type),*) $(-> $result)? $body
        )*
    };
}

exports! {
    /// Returns the version of the ABI.
    fn version() -> u32 {
        machine::VERSION
    }

    /// Reserves this many bytes for input and returns their address.
    fn input(length: usize) -> usize {
        INPUT.with_borrow_mut(|input| {
            if input.capacity() > KEPT && length <= KEPT {
                *input = Vec::new();
            }
            input.resize(length, 0);
            input.as_mut_ptr() as usize
        })
    }

    /// Returns the address of the records of the last call.
    fn output() -> usize {
        machine::with_output(|output| output.as_ptr() as usize)
    }

    /// Returns the length of the records of the last call.
    fn output_length() -> usize {
        machine::with_output(|output| output.len())
    }

    /// Returns the address of the detail of the last call, in JSON.
    fn detail() -> usize {
        machine::with_detail(|detail| detail.as_ptr() as usize)
    }

    /// Returns the length of the detail.
    fn detail_length() -> usize {
        machine::with_detail(|detail| detail.len())
    }

    /// Returns when to poll the call again that was polled last, in milliseconds. Infinite if never.
    fn deadline() -> f64 {
        machine::deadline()
    }

    /// Opens a client from settings. Returns 0 if they are invalid; the detail has the error.
    fn open(length: usize) -> u32 {
        taken(length, machine::open)
    }

    /// Closes a client. Its calls continue.
    fn close(client: u32) {
        machine::close(client);
    }

    /// Opens a client that shares everything except its options with this one. Returns 0 if the options are invalid; the detail
    /// has the error.
    fn view(client: u32, length: usize) -> u32 {
        taken(length, |settings| machine::view(client, settings))
    }

    /// Writes the state of a client's servers into the detail. Returns 0 if there is no such client.
    fn servers(client: u32, now: f64) -> u32 {
        machine::servers(client, now)
    }

    /// Sets which model a server of a client has loaded. Returns 0 if the input is invalid. Unknown servers are ignored.
    fn loaded(client: u32, length: usize) -> u32 {
        taken(length, |what| machine::loaded(client, what))
    }

    /// Creates a call. Returns 0 if it is invalid; the detail has the error.
    fn start(client: u32, length: usize) -> u32 {
        taken(length, |call| machine::start(client, call))
    }

    /// Drops a call, which cancels it.
    fn drop_call(call: u32) {
        machine::drop_call(call);
    }

    /// Returns the next step as one of the codes of `machine`.
    fn poll(call: u32, now: f64) -> u32 {
        machine::poll(call, now)
    }

    /// Passes the head of a response: its status, and some headers in the form of [`machine::head`].
    fn head(call: u32, now: f64, status: u32, length: usize) -> u32 {
        taken(length, |headers| machine::head(call, now, status, headers))
    }

    /// Passes a part of the body.
    fn chunk(call: u32, now: f64, length: usize) -> u32 {
        taken(length, |bytes| machine::chunk(call, now, bytes))
    }

    /// Passes the end of the body.
    fn end(call: u32, now: f64) -> u32 {
        machine::end(call, now)
    }

    /// Passes the failure of the exchange, in the form of [`machine::failed`].
    fn failed(call: u32, now: f64, how: u32, length: usize) -> u32 {
        taken(length, |message| machine::failed(call, now, how, message))
    }

    /// Passes the key that was requested, or an error, in the form of [`machine::key`].
    fn key(call: u32, now: f64, kind: u32, expires_in: f64, length: usize) -> u32 {
        taken(length, |text| machine::key(call, now, kind, expires_in, text))
    }

    /// Returns a call that waited for another one and must be polled. 0 if there is none.
    fn woken() -> u32 {
        machine::woken()
    }
}

#[cfg(feature = "tabbyml")]
exports! {
    /// Opens a session of an editor. Returns 0 if its settings are invalid; the detail has the error.
    fn open_session(length: usize) -> u32 {
        taken(length, crate::session::open)
    }

    /// Closes a session.
    fn close_session(session: u32) {
        crate::session::close(session);
    }

    /// Reports an event to a session, or polls it. The detail has the answer, or with 0 the error.
    fn tell_session(session: u32, now: f64, length: usize) -> u32 {
        taken(length, |what| crate::session::tell(session, now, what))
    }
}

/// Calls a function with the input, limited to the room that was requested.
fn taken<T>(length: usize, call: impl FnOnce(&[u8]) -> T) -> T {
    INPUT.with_borrow(|input| call(input.get(..length).unwrap_or(input)))
}
