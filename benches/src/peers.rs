//! Clients in programs of their own, since their dependencies are many, and would change what is measured here: see `peers/Cargo.toml`.

use std::{
    cell::RefCell,
    env,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use bytes::Bytes;

use crate::contenders::Tally;

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The program, which is named like its feature.
    program: &'static str,
    /// Whether it decodes from memory too, by public means.
    pub(crate) decodes: bool,
}

pub(crate) const ALL: [Peer; 2] = [
    // Its streams are made of requests of a `reqwest::Client`; the types in between are private.
    Peer { name: "genai, exec_chat_stream()", program: "genai", decodes: false },
    // It takes any HTTP client.
    Peer { name: "rig-core, Model::stream()", program: "rig", decodes: true },
];

impl Peer {
    /// The built program.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        Ok(folder()?.join("release").join(self.program))
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) tally: Tally,
    /// On the processor for a stream of a server, and on the clock for chunks in memory.
    pub(crate) time: Duration,
    pub(crate) allocations: u64,
}

/// A running program. It ends when it is dropped, with its input.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) peer: &'static Peer,
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Process {
    /// Starts all peers, which have to be built.
    pub(crate) fn start_all() -> Result<Vec<Self>, String> {
        build()?;
        let start = |peer: &'static Peer| Self::start(peer).map_err(|error| format!("{}: {error}", peer.program));
        ALL.iter().map(start).collect()
    }

    fn start(peer: &'static Peer) -> io::Result<Self> {
        let mut child = Command::new(peer.path()?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        Ok(Self { peer, child, pipes: RefCell::new((input, BufReader::new(output))) })
    }

    /// Reads the stream of the server with this base URL.
    pub(crate) fn read(&self, url: &str) -> Run {
        self.run(&read(url))
    }

    /// Sends these chunks in place of earlier ones. The function decodes them.
    pub(crate) fn decoder(&self, chunks: &[Bytes]) -> impl Fn() -> Run {
        let sent = self.pipes.borrow_mut().0.write_all(&load(chunks));
        sent.unwrap_or_else(|error| panic!("{}: {error}", self.peer.name));
        let request = decode(chunks.len());
        move || self.run(&request)
    }

    fn run(&self, request: &[u8]) -> Run {
        let (input, output) = &mut *self.pipes.borrow_mut();
        let mut line = String::new();
        let answered = input.write_all(request).and_then(|()| output.read_line(&mut line));
        let numbers: Vec<u64> = line.split_whitespace().flat_map(str::parse).collect();
        let &[events, bytes, nanos, allocations] = &numbers[..] else {
            panic!("{} answered {line:?}: {answered:?}", self.peer.name);
        };
        let tally = Tally { events: events as usize, bytes: bytes as usize };
        Run { tally, time: Duration::from_nanos(nanos), allocations }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

// What the programs understand; `peers/src/lib.rs` describes it.

pub(crate) fn read(url: &str) -> Vec<u8> {
    format!("read {url}\n").into()
}

pub(crate) fn load(chunks: &[Bytes]) -> Vec<u8> {
    let lengths: Vec<String> = chunks.iter().map(|chunk| chunk.len().to_string()).collect();
    let mut request = format!("load {}\n", lengths.join(" ")).into_bytes();
    chunks.iter().for_each(|chunk| request.extend_from_slice(chunk));
    request
}

pub(crate) fn decode(chunks: usize) -> Vec<u8> {
    format!("decode {chunks}\n").into()
}

/// Builds the programs if they are missing or out of date. Each is built without the other: cargo unifies the features of all that it builds.
pub(crate) fn build() -> Result<(), String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/Cargo.toml");
    let target = folder().map_err(|error| error.to_string())?;
    eprintln!("building benches/peers, which takes minutes for the first time ...");
    for Peer { program, .. } in &ALL {
        // rig-core names a newer Rust than it needs.
        let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "--ignore-rust-version",
                "--features",
                program,
                "--bin",
                program,
            ])
            .args(["--manifest-path".as_ref(), manifest.as_os_str(), "--target-dir".as_ref(), target.as_os_str()])
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("{program} of benches/peers was not built: {status}")),
            Err(error) => return Err(format!("cargo: {error}")),
        }
    }
    Ok(())
}

/// Their target folder, in the one of this program.
fn folder() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let target = this.parent().and_then(Path::parent).ok_or_else(|| io::Error::other("no target folder"))?;
    Ok(target.join("peers"))
}
