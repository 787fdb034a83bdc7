//! The abi as plain exports: numbers alone, and bytes through two buffers, one for each direction.
//!
//! JavaScript asks [`input`] for room, writes there, and names the length in the call that takes it. What a call gives lies at
//! [`output`] and [`detail`] until the next call. Addresses change whenever memory grows.

use std::cell::RefCell;

use crate::machine;

/// Larger buffers are given back once they were used.
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
    /// The version of what these functions take and give.
    fn version() -> u32 {
        machine::VERSION
    }

    /// Room for so many bytes of input: its address.
    fn input(length: usize) -> usize {
        INPUT.with_borrow_mut(|input| {
            if input.capacity() > KEPT && length <= KEPT {
                *input = Vec::new();
            }
            input.resize(length, 0);
            input.as_mut_ptr() as usize
        })
    }

    /// The address of the records that the last call gave.
    fn output() -> usize {
        machine::with_output(|output| output.as_ptr() as usize)
    }

    /// Their length.
    fn output_length() -> usize {
        machine::with_output(|output| output.len())
    }

    /// The address of the detail of the last call, in JSON.
    fn detail() -> usize {
        machine::with_detail(|detail| detail.as_ptr() as usize)
    }

    /// Its length.
    fn detail_length() -> usize {
        machine::with_detail(|detail| detail.len())
    }

    /// When to poll the call again that was polled last, in milliseconds; infinite if never.
    fn deadline() -> f64 {
        machine::deadline()
    }

    /// Opens a client from settings; 0 if they cannot work, which the detail explains.
    fn open(length: usize) -> u32 {
        taken(length, machine::open)
    }

    /// Closes a client. Its calls go on.
    fn close(client: u32) {
        machine::close(client);
    }

    /// Opens a client that shares all but its options with this one; 0 if these cannot work, which the detail explains.
    fn view(client: u32, length: usize) -> u32 {
        taken(length, |settings| machine::view(client, settings))
    }

    /// The state of a client's servers, in the detail; 0 if there is no such client.
    fn servers(client: u32, now: f64) -> u32 {
        machine::servers(client, now)
    }

    /// Notes which model a server of a client has loaded; 0 if that cannot be read. Unknown servers are ignored.
    fn loaded(client: u32, length: usize) -> u32 {
        taken(length, |what| machine::loaded(client, what))
    }

    /// Makes a call; 0 if it cannot be made, which the detail explains.
    fn start(client: u32, length: usize) -> u32 {
        taken(length, |call| machine::start(client, call))
    }

    /// Drops a call, which cancels it.
    fn drop_call(call: u32) {
        machine::drop_call(call);
    }

    /// What to do next, as one of `machine`'s codes.
    fn poll(call: u32, now: f64) -> u32 {
        machine::poll(call, now)
    }

    /// The head of an answer is there: its status, and some headers as [`machine::head`] wants them.
    fn head(call: u32, now: f64, status: u32, length: usize) -> u32 {
        taken(length, |headers| machine::head(call, now, status, headers))
    }

    /// Some bytes of its body.
    fn chunk(call: u32, now: f64, length: usize) -> u32 {
        taken(length, |bytes| machine::chunk(call, now, bytes))
    }

    /// Its end.
    fn end(call: u32, now: f64) -> u32 {
        machine::end(call, now)
    }

    /// The exchange failed, as [`machine::failed`] wants it.
    fn failed(call: u32, now: f64, how: u32, length: usize) -> u32 {
        taken(length, |message| machine::failed(call, now, how, message))
    }

    /// The key that was asked for, or why there is none, as [`machine::key`] wants it.
    fn key(call: u32, now: f64, kind: u32, expires_in: f64, length: usize) -> u32 {
        taken(length, |text| machine::key(call, now, kind, expires_in, text))
    }

    /// A call that waited for another one and is to be polled; 0 if there is none.
    fn woken() -> u32 {
        machine::woken()
    }
}

#[cfg(feature = "tabbyml")]
exports! {
    /// Opens a session of an editor; 0 if its settings cannot work, which the detail explains.
    fn open_session(length: usize) -> u32 {
        taken(length, crate::session::open)
    }

    /// Closes a session.
    fn close_session(session: u32) {
        crate::session::close(session);
    }

    /// Reports something to a session, or asks it; the detail has the answer, or with 0 what is wrong.
    fn tell_session(session: u32, now: f64, length: usize) -> u32 {
        taken(length, |what| crate::session::tell(session, now, what))
    }
}

/// Calls with the input, at most as long as the room that was requested.
fn taken<T>(length: usize, call: impl FnOnce(&[u8]) -> T) -> T {
    INPUT.with_borrow(|input| call(input.get(..length).unwrap_or(input)))
}
