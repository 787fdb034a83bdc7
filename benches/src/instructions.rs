//! Instructions per event, which no other load on the machine can blur.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use crate::{
    contenders::{ALL, Contender},
    input::{Chunking, Input},
    peers::{self, Peer},
    report::{Row, Table},
};

/// Two runs differ in the number of events alone; start and end of the process fall out of their difference.
const EVENTS: [usize; 2] = [500, 1_500];
const SINGLE_BYTE_EVENTS: [usize; 2] = [50, 150];

pub(crate) fn measure() -> Result<Table, String> {
    let mut rows = Vec::new();
    for contender in ALL {
        eprintln!("{} ...", contender.name);
        let mut row = Row::named(contender.name);
        for chunking in Chunking::ALL {
            row.values.push(per_event(contender, chunking)?);
        }
        rows.push(row);
    }
    for peer in peers::ALL.iter().filter(|peer| peer.decodes) {
        eprintln!("{} ...", peer.name);
        let mut row = Row::named(peer.name);
        for chunking in Chunking::ALL {
            row.values.push(per_event_of_peer(peer, chunking)?);
        }
        rows.push(row);
    }
    let note = "Counted by callgrind.".into();
    Ok(Table { title: "Instructions per event".into(), note, columns: Chunking::names(), rows, digits: 0 })
}

fn counts(chunking: Chunking) -> [usize; 2] {
    match chunking {
        Chunking::Bytes(1) => SINGLE_BYTE_EVENTS,
        _ => EVENTS,
    }
}

fn per_event(contender: &Contender, chunking: Chunking) -> Result<f64, String> {
    let [few, many] = counts(chunking);
    let count = |events: usize| counted(&["--one", contender.name, chunking.name(), &events.to_string()]);
    Ok((count(many)? - count(few)?) / (many - few) as f64)
}

fn per_event_of_peer(peer: &Peer, chunking: Chunking) -> Result<f64, String> {
    let [few, many] = counts(chunking);
    // As in `run_one`, all that is measured is decoding.
    let input = Input::new(EVENTS[1]);
    let chunks = input.cut(chunking, many);
    let count = |events: usize| {
        let decode = peers::decode(input.cut(chunking, events).len());
        counted_peer(peer, &[peers::load(&chunks), decode].concat())
    };
    Ok((count(many)? - count(few)?) / (many - few) as f64)
}

/// The instructions of this program with these arguments.
pub(crate) fn counted(arguments: &[&str]) -> Result<f64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    callgrind(&this, arguments, &[])
}

/// The instructions of a peer that is asked for this.
pub(crate) fn counted_peer(peer: &Peer, requests: &[u8]) -> Result<f64, String> {
    let path = peer.path().map_err(|error| error.to_string())?;
    callgrind(&path, &[], requests)
}

fn callgrind(program: &Path, arguments: &[&str], input: &[u8]) -> Result<f64, String> {
    let run = || {
        let mut child = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input)?;
        }
        child.wait_with_output()
    };
    let output = run().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "valgrind is not installed".into(),
        _ => format!("valgrind: {error}"),
    })?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing:\n{text}"))
}

/// What a counted process does.
pub(crate) fn run_one(contender: &str, chunking: &str, events: &str) -> ExitCode {
    let contender = ALL.iter().find(|known| known.name == contender);
    let chunking = Chunking::ALL.into_iter().find(|known| known.name() == chunking);
    let (Some(contender), Some(chunking), Ok(events)) = (contender, chunking, events.parse()) else {
        return ExitCode::FAILURE;
    };
    // The input is the same for any number of events.
    let input = Input::new(EVENTS[1]);
    let mut chunks = input.cut(chunking, EVENTS[1]);
    chunks.truncate(input.cut(chunking, events).len());
    std::hint::black_box((contender.run)(std::hint::black_box(&chunks)));
    ExitCode::SUCCESS
}
