//! Clients and calls by number, and the functions of the ABI, on any target.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use tabbyapi::call::{Call, Changed, Input, Output, Shared, Time};
use tabbyapi::transport::{Sent, TransportError};
use tabbyapi::{Error, ErrorKind, Options};

use crate::resume::Reports;
use crate::wire::Wire;
use crate::{config, encode, operations, records};

/// The version of the ABI. It changes whenever its input or output changes. `abi.js` has the same number.
pub const VERSION: u32 = 4;

/// Wait for the next input of the exchange in flight, until the deadline.
pub const READ: u32 = 0;
/// Send the request that the detail describes.
pub const SEND: u32 = 1;
/// Drop the exchange in flight, and wait for the deadline or a wake-up.
pub const WAIT: u32 = 2;
/// Provide the key that the detail describes.
pub const AUTHORIZE: u32 = 3;
/// The call has ended; the detail has its record.
pub const DONE: u32 = 4;
/// The call failed; the detail has the error and the record.
pub const FAILED: u32 = 5;

/// The exchange failed after the server may have seen the request.
const MAYBE_SENT: u32 = 1;
const CERTIFICATE: u32 = 2;
const PROXY: u32 = 3;

struct Machine {
    // There are few at a time, so a linear search is fastest.
    clients: Vec<(u32, Client)>,
    calls: Vec<(u32, Running)>,
    /// Numbers are never reused, so a stale one finds nothing.
    numbers: u32,
}

/// The shared state of a client's calls, and their options. Clients that differ only in options share the state.
#[derive(Clone)]
struct Client {
    shared: Shared,
    options: Options,
}

struct Running {
    call: Call<Wire>,
    map_error: fn(Error) -> Error,
    /// The size of the request's body, which stays in JavaScript.
    request_bytes: u64,
    changed: Option<Changed>,
    /// The actions after breaks of the stream.
    reports: Reports,
}

thread_local! {
    static MACHINE: RefCell<Machine> = const { RefCell::new(Machine { clients: Vec::new(), calls: Vec::new(), numbers: 0 }) };
    static DETAIL: RefCell<String> = const { RefCell::new(String::new()) };
    static DEADLINE: Cell<f64> = const { Cell::new(f64::INFINITY) };
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Gives access to the records of the last call.
pub fn with_output<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    records::look(look)
}

/// Gives access to the detail of the last call, in JSON.
pub fn with_detail<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    DETAIL.with_borrow(|detail| look(detail.as_bytes()))
}

/// Returns when to poll the call again that was polled last, in milliseconds. Infinite if never.
pub fn deadline() -> f64 {
    DEADLINE.get()
}

/// Opens a client from settings. Returns 0 if they are invalid; the detail has the error.
pub fn open(settings: &[u8]) -> u32 {
    match crate::settings::settings(settings) {
        Ok(settings) => MACHINE.with_borrow_mut(|machine| {
            let shared = Shared::new(settings);
            let options = shared.options().clone();
            machine.client(Client { shared, options })
        }),
        Err(error) => refused(&error),
    }
}

/// Opens a client that shares servers, keys, limits and breakers with this one, with other options. Returns 0 if they are
/// invalid; the detail has the error.
pub fn view(client: u32, settings: &[u8]) -> u32 {
    let viewed = shared(client).and_then(|shared| Ok(Client { shared, options: config::options_alone(settings)? }));
    match viewed {
        Ok(client) => MACHINE.with_borrow_mut(|machine| machine.client(client)),
        Err(error) => refused(&error),
    }
}

/// Writes the state of a client's servers and the number of waiting calls into the detail. Returns 0 if there is no such client.
pub fn servers(client: u32, now: f64) -> u32 {
    match shared(client) {
        Ok(shared) => {
            set_detail(encode::servers(&shared, time(now)));
            1
        }
        Err(error) => refused(&error),
    }
}

/// Sets which model a server of a client has loaded. Returns 0 if the input is invalid. Unknown servers are ignored.
pub fn loaded(client: u32, what: &[u8]) -> u32 {
    match shared(client).and_then(|shared| Ok((shared, crate::settings::loaded(what)?))) {
        Ok((shared, (server, model))) => {
            shared.set_model(&server, model.as_deref());
            1
        }
        Err(error) => refused(&error),
    }
}

fn shared(client: u32) -> Result<Shared, Error> {
    client_of(client).map(|client| client.shared)
}

fn client_of(number: u32) -> Result<Client, Error> {
    MACHINE
        .with_borrow(|machine| find(&machine.clients, number).cloned())
        .ok_or_else(|| misuse("there is no client with this number"))
}

/// Closes a client. Its calls continue.
pub fn close(client: u32) {
    let closed = MACHINE.with_borrow_mut(|machine| take(&mut machine.clients, client));
    drop(closed);
}

/// Creates a call. Returns 0 if it is invalid; the detail has the error.
pub fn start(client: u32, call: &[u8]) -> u32 {
    let made = || {
        let client = client_of(client)?;
        let wanted = config::call(call)?;
        let row = operations::find(&wanted)?;
        let reports = Reports::default();
        let call = row.call(&client.shared, &client.options, &wanted, &reports)?;
        Ok(Running { call, map_error: row.map_error(), request_bytes: wanted.request_bytes, changed: None, reports })
    };
    match made() {
        Ok(running) => MACHINE.with_borrow_mut(|machine| {
            let number = machine.number();
            machine.calls.push((number, running));
            number
        }),
        Err(error) => refused(&error),
    }
}

/// Drops a call, which cancels it.
pub fn drop_call(call: u32) {
    // Outside the borrow, since dropping a call wakes those that wait for it.
    let dropped = MACHINE.with_borrow_mut(|machine| take(&mut machine.calls, call));
    drop(dropped);
}

/// Returns the next step.
pub fn poll(call: u32, now: f64) -> u32 {
    step(call, now, None)
}

/// Passes the head of a response: its status, and the values of `content-type`, `retry-after`, `date`, `x-should-retry` and
/// `retry-after-ms`, one per line.
pub fn head(call: u32, now: f64, status: u32, headers: &[u8]) -> u32 {
    let head = match config::head(status, headers) {
        Some(head) => Input::Head(head),
        None => Input::Failed(TransportError::new(Sent::Maybe, "the host returned a response without a status")),
    };
    step(call, now, Some(head))
}

/// Passes a part of the body.
pub fn chunk(call: u32, now: f64, bytes: &[u8]) -> u32 {
    step(call, now, Some(Input::Chunk(Bytes::copy_from_slice(bytes))))
}

/// Passes the end of the body.
pub fn end(call: u32, now: f64) -> u32 {
    step(call, now, Some(Input::End))
}

/// Passes the failure of the exchange. `how` is 0 if the server cannot have seen the request, 1 if it may have, 2 if its
/// certificate was rejected, 3 if a proxy could not be reached: the message then begins with the proxy and the environment
/// variable that sets it, one per line.
pub fn failed(call: u32, now: f64, how: u32, message: &[u8]) -> u32 {
    let message = String::from_utf8_lossy(message);
    let failure = match how {
        MAYBE_SENT => TransportError::new(Sent::Maybe, message),
        CERTIFICATE => TransportError::new(Sent::No, message).about_certificate(),
        PROXY => {
            let mut lines = message.splitn(3, '\n');
            let [proxy, variable, words] = [(); 3].map(|()| lines.next().unwrap_or_default());
            TransportError::new(Sent::No, words).through_proxy(proxy, Some(variable))
        }
        _ => TransportError::new(Sent::No, message),
    };
    step(call, now, Some(Input::Failed(failure)))
}

/// Passes the key that was requested. `kind` is 1 for an API key, 2 for an admin key, 3 for a bearer key, 0 for no key, 4 for an
/// error, whose message is the text. The key expires after `expires_in` milliseconds, or never if that is negative.
pub fn key(call: u32, now: f64, kind: u32, expires_in: f64, text: &[u8]) -> u32 {
    step(call, now, Some(Input::Key(config::key(kind, text, expires_in, time(now)))))
}

/// Returns a call that waited for another one and must be polled. 0 if there is none.
pub fn woken() -> u32 {
    WOKEN.with_borrow_mut(|woken| woken.pop().unwrap_or_default())
}

/// Passes an input to a call, if there is one, and returns the next step.
#[inline(never)]
fn step(number: u32, now: f64, input: Option<Input>) -> u32 {
    let now = time(now);
    records::clear();
    MACHINE.with_borrow_mut(|machine| {
        let Some((_, running)) = machine.calls.iter_mut().find(|(other, _)| *other == number) else {
            set_detail(encode::error(&misuse("there is no call with this number"), None, 0));
            return FAILED;
        };
        if let Some(input) = input {
            running.call.handle_input(now, input);
        }
        running.drive(number, now)
    })
}

pub(crate) fn time(milliseconds: f64) -> Time {
    Time::from_epoch(config::milliseconds(milliseconds).unwrap_or_default())
}

impl Running {
    fn drive(&mut self, number: u32, now: Time) -> u32 {
        loop {
            let (code, deadline) = match self.call.poll_output(now) {
                // Its content is in the records already.
                Output::Item(()) => continue,
                Output::Read { deadline } => (READ, deadline),
                Output::Send { request, deadline } => {
                    set_detail(encode::request(&request, &self.reports));
                    (SEND, deadline)
                }
                Output::Wait { until, changed } => {
                    self.changed = changed;
                    if self.has_changed(number) {
                        continue;
                    }
                    set_detail(encode::waiting(self.changed.is_some(), &self.reports));
                    (WAIT, until)
                }
                Output::Authorize { server, scope, rejected, deadline } => {
                    set_detail(encode::wanted_key(&server, scope, rejected));
                    (AUTHORIZE, deadline)
                }
                Output::Done(Ok(())) => {
                    set_detail(encode::outcome(&self.call, self.request_bytes, &self.reports));
                    (DONE, None)
                }
                Output::Done(Err(error)) => {
                    let error = (self.map_error)(error);
                    set_detail(encode::error(&error, Some((&self.call, &self.reports)), self.request_bytes));
                    (FAILED, None)
                }
                // An output that this package does not support.
                _ => {
                    let error = misuse("the call requires something that this package does not support");
                    set_detail(encode::error(&error, Some((&self.call, &self.reports)), self.request_bytes));
                    (FAILED, None)
                }
            };
            DEADLINE.set(deadline.map_or(f64::INFINITY, |at| at.since_epoch().as_secs_f64() * 1000.0));
            return code;
        }
    }

    /// Whether the change that the call waits for has happened. Otherwise the call is woken when it happens.
    fn has_changed(&mut self, number: u32) -> bool {
        let Some(changed) = &mut self.changed else { return false };
        let waker = Waker::from(Arc::new(Number(number)));
        let ready = matches!(Pin::new(changed).poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
        if ready {
            self.changed = None;
        }
        ready
    }
}

impl Machine {
    fn number(&mut self) -> u32 {
        self.numbers = self.numbers.wrapping_add(1).max(1);
        self.numbers
    }

    fn client(&mut self, client: Client) -> u32 {
        let number = self.number();
        self.clients.push((number, client));
        number
    }
}

fn find<T>(list: &[(u32, T)], number: u32) -> Option<&T> {
    list.iter().find(|(other, _)| *other == number).map(|(_, found)| found)
}

fn take<T>(list: &mut Vec<(u32, T)>, number: u32) -> Option<T> {
    let at = list.iter().position(|(other, _)| *other == number)?;
    Some(list.swap_remove(at).1)
}

/// Wakes a call: it must be polled again.
struct Number(u32);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push(self.0));
    }
}

pub(crate) fn refused(error: &Error) -> u32 {
    set_detail(encode::error(error, None, 0));
    0
}

fn misuse(message: &str) -> Error {
    Error::custom(ErrorKind::Misuse, "misuse", message)
}

pub(crate) fn set_detail(json: String) {
    DETAIL.set(json);
}
