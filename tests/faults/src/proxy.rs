//! `Proxy`: a TCP proxy that treats connections as it is instructed.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::fault::{At, Fault, Then, lied};

/// A TCP proxy on a runtime of its own. The next connections get the faults that are queued, all others pass as they are.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    /// Ends all connections when it is dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct Inner {
    faults: Mutex<VecDeque<Fault>>,
    connections: AtomicUsize,
}

impl Proxy {
    /// A proxy in front of this server.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner::default());
        let shared = inner.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let fault = shared.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                tokio::spawn(relay(client, upstream, fault.unwrap_or_default()));
            }
        });
        Ok(Proxy { address, inner, runtime: Some(runtime) })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Queues a fault for the next connection.
    pub fn next(&self, fault: Fault) {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Why nothing passes any more.
enum Stop {
    /// A side has gone.
    Gone,
    /// The fault's place was reached.
    Reached,
}

async fn relay(mut client: TcpStream, upstream: SocketAddr, fault: Fault) -> io::Result<()> {
    // Small pieces must not be put together.
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let stop = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let up = pipe(from_client, to_server, fault.request, fault.step, Duration::ZERO, 0);
        let down = pipe(from_server, to_client, fault.answer, fault.step, fault.delay, fault.lie);
        tokio::select! { stop = up => stop, stop = down => stop }
    };
    match (stop, fault.then) {
        (Stop::Reached, Then::Reset) => client.set_zero_linger(),
        (Stop::Reached, Then::Hold) => {
            // Until the client has had enough.
            let mut sink = [0; 4096];
            while client.read(&mut sink).await? > 0 {}
            Ok(())
        }
        _ => client.shutdown().await,
    }
}

async fn pipe(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    at: Option<At>,
    step: Option<usize>,
    mut delay: Duration,
    lie: i64,
) -> Stop {
    let (mut bytes, mut passed, mut lying) = (Vec::new(), 0, lie != 0);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if !lying {
            let limit = at.as_ref().and_then(|at| at.within(&bytes));
            let end = limit.unwrap_or(bytes.len());
            if end > passed {
                tokio::time::sleep(std::mem::take(&mut delay)).await;
            }
            for piece in bytes[passed..end].chunks(step.unwrap_or(usize::MAX)) {
                if to.write_all(piece).await.is_err() {
                    return Stop::Gone;
                }
                tokio::task::yield_now().await;
            }
            passed = end;
            if limit.is_some() {
                return Stop::Reached;
            }
        }
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return Stop::Gone,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
        if lying && let Some(rewritten) = lied(&bytes, lie) {
            (bytes, lying) = (rewritten, false);
        }
    }
}
