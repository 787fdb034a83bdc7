//! Clients and calls by number, and what the abi does with them. Everything goes through here, on any target.

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

/// The version of the abi: it changes whenever what JavaScript says or gets does. `abi.js` has the same.
pub const VERSION: u32 = 4;

/// Await the next input of the exchange in flight, until the deadline.
pub const READ: u32 = 0;
/// Send the request that the detail describes.
pub const SEND: u32 = 1;
/// Drop what is in flight, and wait for the deadline or to be woken.
pub const WAIT: u32 = 2;
/// Bring the key that the detail asks for.
pub const AUTHORIZE: u32 = 3;
/// The call is over; the detail has its record.
pub const DONE: u32 = 4;
/// The call failed; the detail has the error and the record.
pub const FAILED: u32 = 5;

/// How an exchange failed, if not before the server could see the request.
const MAYBE_SENT: u32 = 1;
const CERTIFICATE: u32 = 2;
const PROXY: u32 = 3;

struct Machine {
    // Few at a time, so that looking through them is quickest.
    clients: Vec<(u32, Client)>,
    calls: Vec<(u32, Running)>,
    /// Numbers are never used twice, so a stale one finds nothing.
    numbers: u32,
}

/// What the calls of a client share, and what they are made with. Clients that differ in the latter alone share the former.
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
    /// What was done about a stream that broke.
    reports: Reports,
}

thread_local! {
    static MACHINE: RefCell<Machine> = const { RefCell::new(Machine { clients: Vec::new(), calls: Vec::new(), numbers: 0 }) };
    static DETAIL: RefCell<String> = const { RefCell::new(String::new()) };
    static DEADLINE: Cell<f64> = const { Cell::new(f64::INFINITY) };
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the records that the last call gave.
pub fn with_output<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    records::look(look)
}

/// Gives access to the detail of the last call, in JSON.
pub fn with_detail<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    DETAIL.with_borrow(|detail| look(detail.as_bytes()))
}

/// When to poll the call again that was polled last, in milliseconds; infinite if never.
pub fn deadline() -> f64 {
    DEADLINE.get()
}

/// Opens a client from settings; 0 if they cannot work, which the detail explains.
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

/// Opens a client that shares servers, keys, limits and breakers with this one, with other options; 0 if they cannot work, which the detail
/// explains.
pub fn view(client: u32, settings: &[u8]) -> u32 {
    let viewed = shared(client).and_then(|shared| Ok(Client { shared, options: config::options_alone(settings)? }));
    match viewed {
        Ok(client) => MACHINE.with_borrow_mut(|machine| machine.client(client)),
        Err(error) => refused(&error),
    }
}

/// Writes the state of a client's servers, and how many calls wait, into the detail; 0 if there is no such client.
pub fn servers(client: u32, now: f64) -> u32 {
    match shared(client) {
        Ok(shared) => {
            set_detail(encode::servers(&shared, time(now)));
            1
        }
        Err(error) => refused(&error),
    }
}

/// Notes which model a server of a client has loaded; 0 if that cannot be read. Unknown servers are ignored.
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
        .ok_or_else(|| misuse("there is no client of this number"))
}

/// Closes a client. Its calls go on.
pub fn close(client: u32) {
    let closed = MACHINE.with_borrow_mut(|machine| take(&mut machine.clients, client));
    drop(closed);
}

/// Makes a call; 0 if it cannot be made, which the detail explains.
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
    // Outside of the borrow, since dropping wakes the calls that wait for it.
    let dropped = MACHINE.with_borrow_mut(|machine| take(&mut machine.calls, call));
    drop(dropped);
}

/// What to do next.
pub fn poll(call: u32, now: f64) -> u32 {
    step(call, now, None)
}

/// The head of an answer is there: its status, and the values of `content-type`, `retry-after`, `date`, `x-should-retry`
/// and `retry-after-ms`, a line each.
pub fn head(call: u32, now: f64, status: u32, headers: &[u8]) -> u32 {
    let head = match config::head(status, headers) {
        Some(head) => Input::Head(head),
        None => Input::Failed(TransportError::new(Sent::Maybe, "the host gave an answer without a status")),
    };
    step(call, now, Some(head))
}

/// Some bytes of its body.
pub fn chunk(call: u32, now: f64, bytes: &[u8]) -> u32 {
    step(call, now, Some(Input::Chunk(Bytes::copy_from_slice(bytes))))
}

/// Its end.
pub fn end(call: u32, now: f64) -> u32 {
    step(call, now, Some(Input::End))
}

/// The exchange failed. `how` is 0 if the server cannot have seen the request, 1 if it can, 2 if its certificate was refused, 3 if a proxy
/// could not be reached: then the message begins with the proxy and the variable of the environment that names it, a line each.
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

/// The key that was asked for: 1 an API key, 2 an admin key, 3 a bearer; 0 there is none, 4 the text is the reason. It expires after so many
/// milliseconds, or never if these are below 0.
pub fn key(call: u32, now: f64, kind: u32, expires_in: f64, text: &[u8]) -> u32 {
    step(call, now, Some(Input::Key(config::key(kind, text, expires_in, time(now)))))
}

/// A call that waited for another one and is to be polled; 0 if there is none.
pub fn woken() -> u32 {
    WOKEN.with_borrow_mut(|woken| woken.pop().unwrap_or_default())
}

/// Hands an input to a call, if there is one, and asks what to do next.
#[inline(never)]
fn step(number: u32, now: f64, input: Option<Input>) -> u32 {
    let now = time(now);
    records::clear();
    MACHINE.with_borrow_mut(|machine| {
        let Some((_, running)) = machine.calls.iter_mut().find(|(other, _)| *other == number) else {
            set_detail(encode::error(&misuse("there is no call of this number"), None, 0));
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
                // What it says stands in the records already.
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
                // What this package knows nothing of, it cannot do.
                _ => {
                    let error = misuse("the call asked for something that this package does not know");
                    set_detail(encode::error(&error, Some((&self.call, &self.reports)), self.request_bytes));
                    (FAILED, None)
                }
            };
            DEADLINE.set(deadline.map_or(f64::INFINITY, |at| at.since_epoch().as_secs_f64() * 1000.0));
            return code;
        }
    }

    /// Whether what the call waits for is there already; if not, the call is woken when it is.
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

/// A call that is to be polled again.
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
