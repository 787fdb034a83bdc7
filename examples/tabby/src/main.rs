//! `tabby`: TabbyAPI in the terminal.
//!
//! * `args`: what can be asked for.
//! * `connect`: the server, the keys, recordings.
//! * `manage`: what there is, what is loaded, and changes to it. `generate`: completions, embeddings, tokens. `chat`: the
//!   conversation. `batch`: files of requests.
//! * `output`: text for people, JSON for scripts. `failure`: errors and exit codes. `interrupt`: Ctrl-C.

mod args;
mod batch;
mod chat;
mod connect;
mod failure;
mod generate;
mod interrupt;
mod manage;
mod output;

use std::process::ExitCode;

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
    // A read of standard input may still wait for a line that nobody will type.
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

/// Help, the version, or what is wrong with the arguments; scripts get that as JSON too.
fn misused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return end(Output::new(true, clap::ColorChoice::Never), Err(Failure::Usage(message)));
    }
    // Nobody is there to tell if this fails.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

async fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    match &args.command {
        Command::Completions { shell } => return completions(*shell, output),
        Command::Tokens(Tokens::Estimate(text)) => return generate::tokens::estimate(text, output).await,
        _ => {}
    }
    let interrupt = Interrupt::default();
    let client = connect::client(&args.server, &interrupt)?;
    // It takes Ctrl-C for itself.
    if let Command::Chat(what) = &args.command {
        return chat::chat(&client, what, output, &interrupt).await;
    }
    tokio::select! {
        biased;
        () = interrupt.wait() => {
            if let Command::Load(_) = args.command {
                output.note("(the load goes on at the server)");
            }
            Err(Failure::Interrupted)
        }
        result = one(&args.command, &client, output) => result,
    }
}

/// One command, from its request to its answer.
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
        // These were done before.
        Command::Chat(_) | Command::Completions { .. } => Ok(()),
    }
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tabby", &mut script);
    output.piece(&String::from_utf8_lossy(&script))
}
