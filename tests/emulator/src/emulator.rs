//! The handle of a running server.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, mpsc as sync_mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{self, Handle};
use tokio::sync::mpsc;

use crate::app::{App, Config};
use crate::builder::EmulatorBuilder;
use crate::canned::CannedResponse;
use crate::log::{Disconnect, Log, SeenRequest};
use crate::net::{self, Command, Order};
use crate::routes;
use crate::script::Script;

/// A TabbyAPI server that runs in this process, until it is dropped.
///
/// It has its own thread and runtime, so it works in sync code and under any executor. Its methods do not block unless noted
/// otherwise.
pub struct Emulator {
    app: Arc<App>,
    address: SocketAddr,
    runtime: Handle,
    /// `None` only while dropping.
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// Why an emulator did not start.
#[derive(Debug)]
pub struct StartError {
    port: u16,
    /// The request log, if it could not be opened.
    file: Option<PathBuf>,
    source: io::Error,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            return write!(f, "cannot write to the request log {}: {}", file.display(), self.source);
        }
        let port = self.port;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "port {port} of 127.0.0.1 is taken: stop what listens there, or choose another port")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "port {port} of 127.0.0.1 may not be used: choose one above 1023")
            }
            _ => write!(f, "cannot listen on port {port} of 127.0.0.1: {}", self.source),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Emulator {
    /// Creates the default settings of an emulator.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::new()
    }

    pub(crate) fn launch(config: Config, port: u16) -> Result<Emulator, StartError> {
        let failed = |source| StartError { port, file: None, source };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let listener = {
            let _entered = handle.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let open = |file: &PathBuf| {
            let opened = File::options().create(true).append(true).open(file);
            opened.map_err(|source| StartError { port, file: Some(file.clone()), source })
        };
        let request_log = config.request_log.as_ref().map(open).transpose()?;
        let app = App::new(config, request_log);
        let (orders, received) = mpsc::unbounded_channel();
        let router = routes::router(&app);
        let server = net::run(listener, address, app.clone(), router, received);
        let thread = thread::Builder::new().name("tabbyapi-emulator".to_owned());
        let thread = thread.spawn(move || runtime.block_on(server)).map_err(failed)?;
        Ok(Emulator { app, address, runtime: handle, orders: Some(orders), thread: Some(thread) })
    }

    /// Returns the base URL, such as `http://127.0.0.1:5000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the API key.
    pub fn api_key(&self) -> &str {
        &self.app.config.api_key
    }

    /// Returns the admin key.
    pub fn admin_key(&self) -> &str {
        &self.app.config.admin_key
    }

    /// Returns the name of the loaded model.
    pub fn loaded_model(&self) -> Option<String> {
        self.app.model().map(|model| model.name.clone())
    }

    /// Queues a script for the next generation whose prompt has no directive.
    pub fn script(&self, script: Script) {
        self.app.queue_script(script);
    }

    /// Queues a response. If several apply to a request, the one queued first is used.
    pub fn answer(&self, answer: CannedResponse) {
        self.app.queue_answer(answer);
    }

    /// Releases this many gated tokens, load events or downloads, now or later.
    pub fn release(&self, count: usize) {
        self.app.gate.add_permits(count);
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.app.journal.read().requests.clone()
    }

    /// Returns the clients so far that disconnected before the end of a response.
    pub fn disconnects(&self) -> Vec<Disconnect> {
        self.app.journal.read().disconnects.clone()
    }

    /// Returns the whole log.
    pub fn log(&self) -> Log {
        self.app.journal.read().clone()
    }

    /// Clears the log.
    pub fn clear_log(&self) {
        self.app.journal.write(|log| *log = Log::default());
    }

    /// Blocks until the log satisfies the condition. Returns false if it does not within the time.
    pub fn wait_for(&self, condition: impl Fn(&Log) -> bool, timeout: Duration) -> bool {
        self.app.journal.wait(condition, timeout)
    }

    /// Blocks until a client disconnects. Returns false if none does within the time.
    pub fn wait_for_disconnect(&self, timeout: Duration) -> bool {
        self.wait_for(|log| !log.disconnects.is_empty(), timeout)
    }

    /// Like [`wait_for`](Emulator::wait_for), as a future, which does not require a particular runtime.
    pub async fn until(&self, condition: impl Fn(&Log) -> bool, timeout: Duration) -> bool {
        // The timer runs on the emulator's own runtime, whatever executor polls this future.
        let timer = self.runtime.spawn(async move { tokio::time::sleep(timeout).await });
        tokio::select! {
            () = self.app.journal.until(&condition) => true,
            _ = timer => condition(&self.app.journal.read()),
        }
    }

    /// Like [`wait_for_disconnect`](Emulator::wait_for_disconnect), as a future.
    pub async fn until_disconnect(&self, timeout: Duration) -> bool {
        self.until(|log| !log.disconnects.is_empty(), timeout).await
    }

    /// Emulates a crash: resets every connection at once and closes the port. Blocks until that is done.
    pub fn kill(&self) {
        // The server thread lives as long as the handle, so the send cannot fail.
        let _ = self.order(Command::Kill);
    }

    /// Stops as on SIGTERM: cuts streams without the final chunk, answers plain requests in flight with `connection: close`, and
    /// closes the port. Blocks until this has started.
    pub fn shutdown(&self) {
        let _ = self.order(Command::Shutdown);
    }

    /// Starts again on the same port after [`kill`](Emulator::kill) or [`shutdown`](Emulator::shutdown), healthy and with the
    /// model of the first start. Blocks until the port is open.
    pub fn restart(&self) -> Result<(), StartError> {
        let failed = |source| StartError { port: self.address.port(), file: None, source };
        self.order(Command::Restart).map_err(failed)
    }

    fn order(&self, command: Command) -> io::Result<()> {
        let gone = || io::Error::other("the server thread has ended");
        let (done, result) = sync_mpsc::channel();
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send((command, done)).map_err(|_| gone())?;
        result.recv().map_err(|_| gone())?
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the server thread was already printed.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}
