//! Instructions per event, which no other load on the machine can blur.

use std::{
    io,
    process::{Command, ExitCode, Stdio},
};

use crate::{
    contenders::{ALL, Contender},
    input::{Chunking, Input},
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
    let note = "Counted by callgrind.".into();
    Ok(Table { title: "Instructions per event".into(), note, columns: Chunking::names(), rows, digits: 0 })
}

fn per_event(contender: &Contender, chunking: Chunking) -> Result<f64, String> {
    let [few, many] = match chunking {
        Chunking::Bytes(1) => SINGLE_BYTE_EVENTS,
        _ => EVENTS,
    };
    let count = |events: usize| counted(&["--one", contender.name, chunking.name(), &events.to_string()]);
    Ok((count(many)? - count(few)?) / (many - few) as f64)
}

/// The instructions of this program with these arguments.
pub(crate) fn counted(arguments: &[&str]) -> Result<f64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "valgrind is not installed".into(),
            _ => format!("valgrind: {error}"),
        })?;
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
