//! A server over loopback that answers every request with the same script.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// What is done with a request; an error, as of a client that went away, ends the connection.
pub type Script = Arc<dyn Fn(&mut Wire) -> io::Result<()> + Send + Sync>;

/// A server that runs until the process ends.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Starts one with this script.
    pub fn start(script: Script) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, count) = (Arc::clone(&script), Arc::clone(&count));
                thread::spawn(move || serve(stream, &script, &count));
            }
        });
        Ok(Server { addr, requests })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }
}

fn serve(stream: TcpStream, script: &Script, count: &AtomicUsize) {
    let limit = Some(Duration::from_secs(30));
    if stream.set_read_timeout(limit).and(stream.set_write_timeout(limit)).and(stream.set_nodelay(true)).is_err() {
        return;
    }
    let mut wire = Wire { stream, until: Instant::now(), head: String::new(), kept: false };
    while wire.request().is_ok() {
        count.fetch_add(1, Relaxed);
        wire.until = Instant::now() + Duration::from_secs(60);
        wire.kept = false;
        // An error is a client that has gone away.
        if script(&mut wire).is_err() || !wire.kept {
            return;
        }
    }
}

/// A connection on which a request has arrived.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    until: Instant,
    head: String,
    kept: bool,
}

impl Wire {
    fn request(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        self.head = String::from_utf8_lossy(&head).into_owned();
        let head = self.head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        io::copy(&mut Read::by_ref(&mut self.stream).take(length), &mut io::sink())?;
        Ok(())
    }

    /// The head of the request.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Waits for another request after this one; else the connection is closed.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        if Instant::now() > self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends these bytes again and again, until the client has enough.
    pub fn flood(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        let many = bytes.repeat((8 << 10) / bytes.len() + 1);
        loop {
            self.send(&many)?;
        }
    }

    /// Sends one byte after the other.
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>, every: Duration) -> io::Result<()> {
        for byte in bytes.as_ref() {
            self.send([*byte])?;
            thread::sleep(every);
        }
        Ok(())
    }

    /// Sends nothing more and keeps the connection, until the client closes it.
    pub fn hold(&mut self) -> io::Result<()> {
        _ = self.stream.read(&mut [0]);
        Ok(())
    }

    /// Resets the connection, once the client had time to read what was sent.
    pub fn reset(&mut self, after: Duration) -> io::Result<()> {
        thread::sleep(after);
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}
