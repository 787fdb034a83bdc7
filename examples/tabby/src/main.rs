//! `tabby`: TabbyAPI in the terminal.
//!
//! * `args`: the command line arguments.
//! * `connect`: the server, the keys, recordings.
//! * `manage`: listing, loading and changing models. `generate`: completions, embeddings, tokens. `chat`: the
//!   conversation. `batch`: files of requests.
//!   `ml`: the commands for TabbyML/tabby. `doctor`: the examination of a server.
//! * `output`: text for people, JSON for scripts. `files`: what is written to disk. `failure`: errors and exit codes. `interrupt`: Ctrl-C.

mod args;
mod batch;
mod chat;
mod connect;
mod doctor;
mod failure;
mod files;
mod generate;
mod interrupt;
mod manage;
mod ml;
mod output;

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Args, Command, Tokens};
use failure::Failure;
use interrupt::Interrupt;
use output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return misused(&error),
    };
    let output = Output::new(args.json, args.color);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(output, Err(error.into())),
    };
    let result = runtime.block_on(run(&args, &output));
    // A read of standard input may still wait for a line.
    runtime.shutdown_background();
    end(output, result)
}

fn end(output: Output, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.code()
        }
    }
}

/// Prints help, the version, or a usage error. Scripts get JSON.
fn misused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return end(Output::new(true, clap::ColorChoice::Never), Err(Failure::Usage(message)));
    }
    // A failure to print this is ignored.
    let _ = match error.kind() {
        // Without a subcommand, print the help.
        ErrorKind::MissingSubcommand => write!(stderr(), "{}", help_of(std::env::args_os().skip(1))),
        _ => error.print(),
    };
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// The subcommands that these arguments name.
fn help_of(args: impl Iterator<Item = OsString>) -> String {
    let mut command = Args::command();
    command.build();
    let named = args.fold(&command, |named, arg| named.find_subcommand(&arg).unwrap_or(named));
    let hint = format!("`{} --help` has more.", named.get_bin_name().unwrap_or("tabby"));
    named.clone().mut_args(|arg| arg.hide(true)).after_help(hint).render_help().to_string()
}

async fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    match &args.command {
        Command::Completions { shell } => return completions(*shell, output),
        Command::Tokens(Tokens::Estimate(text)) => return generate::tokens::estimate(text, output).await,
        _ => {}
    }
    let interrupt = Interrupt::default();
    if let Command::Ml(what) = &args.command {
        return ml::ml(args, what, output, &interrupt).await;
    }
    if let Command::Doctor(what) = &args.command {
        return doctor::doctor(args, what, output, &interrupt).await;
    }
    let client = connect::client(args, &interrupt)?;
    // The command handles Ctrl-C itself.
    if let Command::Chat(what) = &args.command {
        return chat::chat(&client, what, output, &interrupt).await;
    }
    // Dropped before the note about the interruption, so that progress bars and open lines are cleared.
    let result = {
        let work = one(&args.command, &client, output);
        tokio::select! {
            biased;
            () = interrupt.wait() => None,
            result = work => Some(result),
        }
    };
    result.unwrap_or_else(|| {
        match &args.command {
            Command::Load(_) => output.note("(the load continues on the server)"),
            Command::Batch(what) => output.note(&format!(
                "(the results so far are in {}; run the same command again to resume)",
                what.output.display()
            )),
            _ => {}
        }
        Err(Failure::Interrupted)
    })
}

/// Runs one command, from its request to its output.
async fn one(command: &Command, client: &tabbyapi::Client, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Health { wait } => manage::health(client, *wait, output).await,
        Command::Permission => manage::permission(client, output).await,
        Command::Models(what) => manage::models::models(client, what, output).await,
        Command::Load(what) => manage::load::load(client, what, output).await,
        Command::Unload => manage::load::unload(client, output).await,
        Command::Loras(what) => manage::loras(client, what, output).await,
        Command::Templates(what) => manage::templates(client, what, output).await,
        Command::Sampling(what) => manage::sampling::sampling(client, what, output).await,
        Command::Download(what) => manage::download::download(client, what, output).await,
        Command::Complete(what) => generate::complete::complete(client, what, output).await,
        Command::Embed(what) => generate::embed::embed(client, what, output).await,
        Command::Tokens(what) => generate::tokens::tokens(client, what, output).await,
        Command::Batch(what) => batch::batch(client, what, output).await,
        // These were finished before.
        Command::Chat(_) | Command::Ml(_) | Command::Doctor(_) | Command::Completions { .. } => Ok(()),
    }
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tabby", &mut script);
    output.piece(&String::from_utf8_lossy(&script))
}
