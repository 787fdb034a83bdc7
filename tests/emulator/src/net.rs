//! Connections: accepting, idle timers, and the ways to end one.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc as sync_mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use crate::app::App;

/// The commands of the handle. Each is acknowledged.
pub(crate) enum Command {
    /// Reset every connection and close the listener.
    Kill,
    /// Cut streams, let plain requests finish, and close the listener.
    Shutdown,
    /// Listen again on the same address, in the state of a fresh start.
    Restart,
}

pub(crate) type Order = (Command, sync_mpsc::Sender<io::Result<()>>);

/// Serves until the sender of commands is dropped.
pub(crate) async fn run(
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    router: Router,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut listener = Some(listener);
    let mut tasks = JoinSet::new();
    let mut open: Vec<Arc<Conn>> = Vec::new();
    loop {
        tokio::select! {
            accepted = accept(listener.as_ref()) => {
                if let Ok((stream, _)) = accepted {
                    let conn = Conn::new(&app);
                    open.push(conn.clone());
                    tasks.spawn(serve(stream, conn, app.clone(), router.clone()));
                }
            }
            Some(_) = tasks.join_next() => {
                open.retain(|conn| Arc::strong_count(conn) > 1);
            }
            order = orders.recv() => {
                let Some((command, done)) = order else { return };
                let result = match command {
                    Command::Kill => {
                        listener = None;
                        open.iter().for_each(|conn| conn.cut(true));
                        while tasks.join_next().await.is_some() {}
                        Ok(())
                    }
                    Command::Shutdown => {
                        listener = None;
                        open.iter().for_each(|conn| conn.shut_down());
                        Ok(())
                    }
                    Command::Restart => match TcpListener::bind(address).await {
                        Ok(bound) => {
                            listener = Some(bound);
                            app.boot();
                            Ok(())
                        }
                        Err(error) => Err(error),
                    },
                };
                // The caller may be gone; the command is carried out anyway.
                let _ = done.send(result);
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}

/// One connection, shared by its requests and the server.
pub(crate) struct Conn {
    pub(crate) id: u64,
    state: watch::Sender<State>,
    reset: AtomicBool,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Open,
    /// When nothing is in flight.
    Graceful,
    Now,
}

#[derive(Clone, Copy)]
struct State {
    end: End,
    in_flight: usize,
    streaming: bool,
    /// Set when a response was completed and nothing else is in flight.
    idle_since: Option<Instant>,
    /// When the connection ends, even if requests are in flight. Requests that arrive before that are not answered.
    doomed: Option<Instant>,
}

impl Conn {
    fn new(app: &App) -> Arc<Conn> {
        let mut id = 0;
        app.journal.write(|log| {
            log.connections_opened += 1;
            id = log.connections_opened;
        });
        let state = State { end: End::Open, in_flight: 0, streaming: false, idle_since: None, doomed: None };
        Arc::new(Conn { id, state: watch::channel(state).0, reset: AtomicBool::new(false) })
    }

    pub(crate) fn begin(&self) {
        self.state.send_modify(|state| {
            state.in_flight += 1;
            state.idle_since = None;
        });
    }

    pub(crate) fn finish(&self) {
        self.state.send_modify(|state| {
            state.in_flight = state.in_flight.saturating_sub(1);
            state.streaming = false;
            if state.in_flight == 0 {
                state.idle_since = Some(Instant::now());
            }
        });
    }

    /// Marks the response in flight as an event stream.
    pub(crate) fn streams(&self) {
        self.state.send_modify(|state| state.streaming = true);
    }

    /// Ends the connection at once, even if requests are in flight. Data that was written before is flushed.
    pub(crate) fn cut(&self, reset: bool) {
        self.reset.store(reset, Ordering::Relaxed);
        self.state.send_modify(|state| state.end = End::Now);
    }

    /// Ends the connection after this time, even if requests are in flight then.
    pub(crate) fn doom(&self, delay: Duration) {
        self.state.send_modify(|state| state.doomed = Some(Instant::now() + delay));
    }

    /// Whether it will end without another response.
    pub(crate) fn is_doomed(&self) -> bool {
        self.state.borrow().doomed.is_some()
    }

    fn shut_down(&self) {
        self.state.send_modify(|state| {
            state.end = if state.streaming { End::Now } else { End::Graceful };
        });
    }

    /// Whether the server ends the connection.
    pub(crate) fn is_ending(&self) -> bool {
        let state = *self.state.borrow();
        state.end == End::Now || state.doomed.is_some()
    }
}

async fn serve(stream: TcpStream, conn: Arc<Conn>, app: Arc<App>, router: Router) {
    let socket = TokioIo::new(Socket { stream, conn: conn.clone(), app: app.clone() });
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(conn.clone());
        let mut router = router.clone();
        async move { answer(&mut router, request).await }
    });
    let connection = http1::Builder::new().serve_connection(socket, service);
    drive(pin!(connection), &conn, &app).await;
    app.journal.write(|log| log.connections_closed += 1);
}

async fn answer(router: &mut Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Service::call(router, request).await
}

/// Polls the connection until it ends, is closed by the server, or was idle for too long.
async fn drive<C>(mut connection: Pin<&mut C>, conn: &Conn, app: &App)
where
    C: Future + GracefulShutdown,
{
    let mut changes = conn.state.subscribe();
    loop {
        let state = *changes.borrow_and_update();
        match state.end {
            End::Now => return,
            End::Graceful => connection.as_mut().graceful_shutdown(),
            End::Open => {}
        }
        let idle = state.idle_since.map(|since| since + app.config.keep_alive);
        tokio::select! {
            // First, so that data written before a cut is sent.
            biased;
            _ = connection.as_mut() => return,
            _ = changes.changed() => {}
            () = until(state.doomed) => return,
            () = until(idle) => connection.as_mut().graceful_shutdown(),
        }
        if idle.is_some_and(|idle| idle <= Instant::now()) && conn.state.borrow().in_flight == 0 {
            return;
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// Lets `drive` avoid the connection's long type.
trait GracefulShutdown {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<I, B, S> GracefulShutdown for http1::Connection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        http1::Connection::graceful_shutdown(self);
    }
}

/// The stream of a connection. It is reset on drop if the connection is marked for it.
struct Socket {
    stream: TcpStream,
    conn: Arc<Conn>,
    app: Arc<App>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.conn.reset.load(Ordering::Relaxed) {
            // If this fails, the connection is closed instead.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &polled {
            let (id, bytes) = (self.conn.id, *bytes as u64);
            self.app.journal.write(|log| *log.bytes_accepted.entry(id).or_default() += bytes);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
