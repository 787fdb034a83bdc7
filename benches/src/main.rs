//! Framing and decoding of event streams, beside the floor and beside peers: the same bytes, in one run.
//!
//! ```text
//! cargo run --release -p tabbyapi-bench                    the table of times and allocations
//! cargo run --release -p tabbyapi-bench -- --write         and keeps it in benches/RESULTS.md
//! cargo run --release -p tabbyapi-bench -- --instructions  the table of instructions, by valgrind
//! ```

mod allocations;
mod bars;
mod contenders;
mod input;
mod instructions;
mod report;
mod times;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if let [flag, contender, chunking, events] = &args[..]
        && flag == "--one"
    {
        return instructions::run_one(contender, chunking, events);
    }
    if let Some(odd) = args.iter().find(|arg| !matches!(arg.as_str(), "--write" | "--instructions")) {
        eprintln!("no such option: {odd}; there are --write and --instructions");
        return ExitCode::FAILURE;
    }

    let tables = if has("--instructions") {
        match instructions::measure() {
            Ok(table) => vec![table],
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        times::measure()
    };
    let mut verdicts = bars::judge(&tables[0]);
    if let Some(allocations) = tables.get(1) {
        verdicts.extend(bars::judge_allocations(allocations));
    }
    let text = report::render(&tables, &verdicts);
    println!("{text}");
    if has("--write")
        && let Err(error) = report::keep(&tables[0].title, &text)
    {
        eprintln!("the results could not be written: {error}");
        return ExitCode::FAILURE;
    }
    if verdicts.iter().all(|verdict| verdict.reached) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
