//! The driver: the only async loop. It feeds a [`Call`] from a transport and makes no decisions.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};

use crate::base::{BaseUrl, BoxFuture, Error, Result, Time, TransportError};
use crate::client::dyn_call::DynCall;
use crate::client::timer::Timer;
use crate::decode::Decode;
use crate::protocol::Scope;
use crate::protocol::auth::{Credential, KeySource};
use crate::protocol::call::{Call, Changed, Input, Output};
use crate::transport::{BoxBody, Erased, LocalTransport};

/// Drives a call over a transport whose futures are not `Send`, as a stream of its items.
///
/// This is for thread-per-core runtimes. On any other runtime, use [`Client`](crate::Client). Keys are fixed in the call's
/// [`Settings`](crate::call::Settings), or come from `keys`.
///
/// ```
/// # use tabbyapi::api::CheckHealth;
/// # use tabbyapi::call::{Call, Settings, Shared};
/// # use tabbyapi::transport::LocalTransport;
/// use futures::StreamExt;
///
/// async fn is_reachable(transport: impl LocalTransport) -> tabbyapi::Result<bool> {
///     let shared = Shared::new(Settings::new("http://127.0.0.1:5000".parse()?));
///     let call = Call::new(&shared, &CheckHealth)?;
///     Ok(tabbyapi::driver::drive_local(transport, call).next().await.is_some_and(|answer| answer.is_ok()))
/// }
/// ```
pub fn drive_local<T: LocalTransport, D: Decode>(
    transport: T,
    call: Call<D>,
) -> impl Stream<Item = Result<D::Item>> + Unpin {
    Driver::new(LocalIo(transport), Box::new(call) as Box<dyn DynCall<D::Item>>)
}

/// The IO that a driver uses.
pub(crate) trait Io {
    type Sending: Future<Output = Result<Response<Self::Body>, TransportError>> + Unpin;
    type Body: Stream<Item = Result<Bytes, TransportError>> + Unpin;
    type Sleep: Future<Output = ()> + Unpin;

    fn send(&self, request: Request<Bytes>) -> Self::Sending;
    fn sleep_until(&self, until: Time) -> Self::Sleep;
    fn now(&self) -> Time;
    fn key(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>>;
}

/// The transport and the key source of a client, without their types.
#[derive(Clone)]
pub(crate) struct ClientIo {
    pub(crate) transport: Arc<dyn Erased>,
    pub(crate) keys: Option<Arc<dyn KeySource>>,
}

impl Io for ClientIo {
    type Sending = BoxFuture<Result<Response<BoxBody>, TransportError>>;
    type Body = BoxBody;
    type Sleep = BoxFuture<()>;

    fn send(&self, request: Request<Bytes>) -> Self::Sending {
        self.transport.send(request)
    }

    fn sleep_until(&self, until: Time) -> Self::Sleep {
        self.transport.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.transport.now()
    }

    fn key(&self, server: &BaseUrl, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        match &self.keys {
            Some(keys) => keys.key_for(server, scope, rejected),
            None => Box::pin(std::future::ready(Ok(None))),
        }
    }
}

struct LocalIo<T>(T);

type LocalSending<B> = Pin<Box<dyn Future<Output = Result<Response<Pin<Box<B>>>, TransportError>>>>;

impl<T: LocalTransport> Io for LocalIo<T> {
    type Sending = LocalSending<T::Body>;
    type Body = Pin<Box<T::Body>>;
    type Sleep = Pin<Box<dyn Future<Output = ()>>>;

    fn send(&self, request: Request<Bytes>) -> Self::Sending {
        let sending = self.0.send(request);
        Box::pin(async move { Ok(sending.await?.map(Box::pin)) })
    }

    fn sleep_until(&self, until: Time) -> Self::Sleep {
        Box::pin(self.0.sleep_until(until))
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    fn key(&self, _: &BaseUrl, _: Scope, _: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// One call and its operations in flight. It does nothing unless polled, and dropping it cancels.
pub(crate) struct Driver<I: Io, T> {
    io: I,
    call: Box<dyn DynCall<T>>,
    exchange: Exchange<I>,
    key: Option<BoxFuture<Result<Option<Credential>>>>,
    changed: Option<Changed>,
    /// What the call is waiting for. `None` if the call is polled next.
    awaiting: Option<Awaiting>,
    /// The armed timer. It may be early, but never late. Re-arming it for every chunk would cost more than the chunk.
    timer: Option<Timer<I::Sleep>>,
    done: bool,
}

enum Exchange<I: Io> {
    None,
    Sending(I::Sending),
    Body(I::Body),
}

#[derive(Clone, Copy)]
struct Awaiting {
    what: What,
    until: Option<Time>,
}

#[derive(Clone, Copy)]
enum What {
    Exchange,
    Key,
    Change,
}

/// The maximum number of steps in one poll before it yields. A body that is always ready would never yield otherwise.
const STEPS: u32 = 512;

impl<I: Io, T> Driver<I, T> {
    pub(crate) fn new(io: I, call: Box<dyn DynCall<T>>) -> Self {
        Driver {
            io,
            call,
            exchange: Exchange::None,
            key: None,
            changed: None,
            awaiting: None,
            timer: None,
            done: false,
        }
    }

    pub(crate) fn call(&self) -> &dyn DynCall<T> {
        &*self.call
    }

    pub(crate) fn call_mut(&mut self) -> &mut dyn DynCall<T> {
        &mut *self.call
    }

    pub(crate) fn io(&self) -> &I {
        &self.io
    }

    /// Puts the next item into `place`, which must be `None`. Returns `None` at the end of the call.
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>, place: &mut Option<T>) -> Poll<Option<Result<()>>> {
        if self.done {
            return Poll::Ready(None);
        }
        for _ in 0..STEPS {
            // The body is polled before the call returns its deadline, since usually there is data.
            let early = self.awaiting.is_none() && self.call.reads_on();
            let mut waits = false;
            // When input was handled. The step that follows has the same time.
            let mut handled = None;
            // Input is handled first: a deadline that passed while the future was not polled must not hide data that has arrived.
            if early {
                waits = self.poll_input(What::Exchange, &mut handled, cx).is_pending();
            } else if let Some(awaiting) = self.awaiting {
                if self.poll_input(awaiting.what, &mut handled, cx).is_pending() {
                    std::task::ready!(self.poll_timer(awaiting.until, cx));
                }
                self.awaiting = None;
            }
            match self.call.step(&|| handled.unwrap_or_else(|| self.io.now()), place) {
                Output::Read { deadline } if waits => {
                    self.awaiting = Some(Awaiting { what: What::Exchange, until: deadline });
                    std::task::ready!(self.poll_timer(deadline, cx));
                    self.awaiting = None;
                }
                Output::Send { request, deadline } => {
                    self.exchange = Exchange::Sending(self.io.send(request));
                    self.awaiting = Some(Awaiting { what: What::Exchange, until: deadline });
                }
                Output::Read { deadline } => {
                    self.awaiting = Some(Awaiting { what: What::Exchange, until: deadline });
                }
                Output::Wait { until, changed } => {
                    self.exchange = Exchange::None;
                    self.changed = changed;
                    self.awaiting = Some(Awaiting { what: What::Change, until });
                }
                Output::Authorize { server, scope, rejected, deadline } => {
                    self.exchange = Exchange::None;
                    self.key.get_or_insert_with(|| self.io.key(&server, scope, rejected));
                    self.awaiting = Some(Awaiting { what: What::Key, until: deadline });
                }
                Output::Item(()) => return Poll::Ready(Some(Ok(()))),
                Output::Done(result) => {
                    self.stop();
                    return Poll::Ready(result.err().map(Err));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ends the call from outside because of this error. Returns the error with the context of the call.
    pub(crate) fn abort(&mut self, error: Error) -> Error {
        self.stop();
        self.call.abort(self.io.now(), error)
    }

    /// Drops everything in flight.
    fn stop(&mut self) {
        self.done = true;
        self.exchange = Exchange::None;
        self.key = None;
        self.changed = None;
        self.timer = None;
    }

    /// Passes the next input of the awaited operation to the call. A change has no input.
    fn poll_input(&mut self, what: What, handled: &mut Option<Time>, cx: &mut Context<'_>) -> Poll<()> {
        let input = match what {
            What::Exchange => match &mut self.exchange {
                Exchange::Body(body) => {
                    let input = match std::task::ready!(Pin::new(body).poll_next(cx)) {
                        Some(Ok(chunk)) => {
                            self.call.handle_chunk(&|| self.io.now(), chunk);
                            return Poll::Ready(());
                        }
                        Some(Err(error)) => Input::Failed(error),
                        None => Input::End,
                    };
                    self.exchange = Exchange::None;
                    input
                }
                Exchange::Sending(sending) => match std::task::ready!(Pin::new(sending).poll(cx)) {
                    Ok(response) => {
                        let (head, body) = response.into_parts();
                        self.exchange = Exchange::Body(body);
                        Input::Head(head)
                    }
                    Err(error) => {
                        self.exchange = Exchange::None;
                        Input::Failed(error)
                    }
                },
                Exchange::None => return Poll::Pending,
            },
            What::Key => {
                let Some(key) = &mut self.key else { return Poll::Pending };
                let key = std::task::ready!(key.as_mut().poll(cx));
                self.key = None;
                Input::Key(key)
            }
            What::Change => {
                let Some(changed) = &mut self.changed else { return Poll::Pending };
                std::task::ready!(Pin::new(changed).poll(cx));
                self.changed = None;
                return Poll::Ready(());
            }
        };
        let now = self.io.now();
        self.call.handle_input(now, input);
        *handled = Some(now);
        Poll::Ready(())
    }

    fn poll_timer(&mut self, until: Option<Time>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = until else { return Poll::Pending };
        loop {
            match &mut self.timer {
                Some(timer) if timer.at <= until => {
                    std::task::ready!(timer.poll(cx));
                    self.timer = None;
                    if self.io.now() >= until {
                        return Poll::Ready(());
                    }
                }
                _ => self.timer = Some(Timer::new(until, self.io.sleep_until(until))),
            }
        }
    }
}

// Nothing in it is structurally pinned: futures and bodies are boxed or `Unpin`.
impl<I: Io, T> Unpin for Driver<I, T> {}

impl<I: Io, T> Stream for Driver<I, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut place = None;
        let result = std::task::ready!(self.poll_item(cx, &mut place));
        Poll::Ready(match result {
            Some(Err(error)) => Some(Err(error)),
            _ => place.map(Ok),
        })
    }
}

impl<I: Io, T> fmt::Debug for Driver<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("call", &self.call).finish_non_exhaustive()
    }
}
