//! Decoding and whole exchanges, beside the floor and beside peers: the same bytes, in one run.
//!
//! ```text
//! cargo run --release -p tabbyapi-bench                    times and allocations, without sockets
//! cargo run --release -p tabbyapi-bench -- --sockets       over loopback: streams, batches; large bodies and their memory
//! cargo run --release -p tabbyapi-bench -- --instructions  instructions of both, by valgrind
//! cargo run --release -p tabbyapi-bench -- ... --write     and keeps the tables in benches/RESULTS.md
//! cargo run -p tabbyapi-bench -- --quick                   all but valgrind with few events, and the bars that are no times
//! ```
//!
//! All but the last build and start the programs of `benches/peers`, whose rows stand in the same tables.

mod allocations;
mod bars;
mod contenders;
mod input;
mod instructions;
mod large;
mod loopback;
mod memory;
mod peers;
mod report;
mod times;

use std::process::ExitCode;

use bars::Verdict;
use loopback::Extent;
use peers::Process;
use report::Table;

const FLAGS: [&str; 4] = ["--write", "--sockets", "--instructions", "--quick"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What this program runs itself as.
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--one", contender, chunking, events] => return instructions::run_one(contender, chunking, events),
        ["--one-socket", reader, per_chunk, events] => return loopback::run_one_stream(reader, per_chunk, events),
        ["--one-batch", name, column, count] => return loopback::run_one_batch(name, column, count),
        ["--hold", name, count] => return loopback::hold(name, count),
        ["--serve"] => return loopback::serve(),
        _ => {}
    }
    if let Some(odd) = args.iter().find(|arg| !FLAGS.contains(&arg.as_str())) {
        eprintln!("no such option: {odd}; there are {}", FLAGS.join(", "));
        return ExitCode::FAILURE;
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let measured = if has("--instructions") {
        instructions()
    } else if has("--quick") {
        quick()
    } else if has("--sockets") {
        Process::start_all().and_then(|peers| sockets(Extent::Full, &peers))
    } else {
        Process::start_all().map(|peers| without_sockets(Extent::Full, &peers))
    };
    let (section, tables, verdicts) = match measured {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let text = report::render(&tables, &verdicts);
    println!("{text}");
    if has("--write")
        && let Err(error) = report::keep(section, &text)
    {
        eprintln!("the results could not be written: {error}");
        return ExitCode::FAILURE;
    }
    if verdicts.iter().all(|verdict| verdict.reached) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A section of the results.
type Measured = (&'static str, Vec<Table>, Vec<Verdict>);

fn without_sockets(extent: Extent, peers: &[Process]) -> Measured {
    let mut tables = times::measure(extent, peers);
    let mut verdicts = extent.pick(Vec::new(), bars::judge(&tables[0]));
    verdicts.extend(bars::judge_allocations(&tables[1], extent));
    let recorded = times::recorded(extent, peers);
    verdicts.extend(extent.pick(None, Some(bars::judge_recorded(&recorded))));
    tables.push(recorded);
    ("Nanoseconds per event", tables, verdicts)
}

fn sockets(extent: Extent, peers: &[Process]) -> Result<Measured, String> {
    let (mut tables, mut verdicts) = loopback::measure(extent, peers).map_err(|error| error.to_string())?;
    let (table, bars) = large::measure(extent);
    tables.push(table);
    verdicts.extend(bars);
    Ok(("Over loopback", tables, verdicts))
}

fn instructions() -> Result<Measured, String> {
    peers::build()?;
    let table = instructions::measure()?;
    let mut verdicts = bars::judge(&table);
    verdicts.extend(bars::judge_instructions(&table));
    let mut tables = vec![table];
    for (table, bars) in loopback::instructions()? {
        tables.push(table);
        verdicts.extend(bars);
    }
    Ok(("Instructions per event", tables, verdicts))
}

/// What the tests run, so that none of this rots. The peers would take longer to build than everything else here.
fn quick() -> Result<Measured, String> {
    let (_, mut tables, mut verdicts) = without_sockets(Extent::Quick, &[]);
    let (_, more, bars) = sockets(Extent::Quick, &[])?;
    tables.extend(more);
    verdicts.extend(bars);
    Ok(("Quick", tables, verdicts))
}
