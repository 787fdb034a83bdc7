//! `tabby`: TabbyAPI in the terminal.
//!
//! * `args`: what can be asked for.
//! * `connect`: the server, the keys, recordings.
//! * `look`: what there is and what is loaded. `load`: loading, unloading, downloading. `generate`: completions, embeddings,
//!   tokens. `chat`: the conversation. `batch`: files of requests.
//! * `output`: text for people, JSON for scripts. `failure`: errors and exit codes.

mod args;
mod batch;
mod chat;
mod connect;
mod failure;
mod generate;
mod load;
mod look;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Command};
use failure::Failure;
use output::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json);
    let result = match &args.command {
        // It takes Ctrl-C for itself.
        Command::Chat(_) => run(&args, &output).await,
        _ => tokio::select! {
            result = run(&args, &output) => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.code()
        }
    }
}

async fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    if let Command::Completions { shell } = args.command {
        clap_complete::generate(shell, &mut Args::command(), "tabby", &mut std::io::stdout());
        return Ok(());
    }
    if let Command::Tokens(args::Tokens::Estimate(text)) = &args.command {
        return generate::estimate(text, output);
    }
    let client = connect::client(&args.server)?;
    match &args.command {
        Command::Health { wait } => look::health(&client, *wait, output).await,
        Command::Permission => look::permission(&client, output).await,
        Command::Models(what) => look::models(&client, what, output).await,
        Command::Loras(what) => look::loras(&client, what, output).await,
        Command::Templates(what) => look::templates(&client, what, output).await,
        Command::Sampling(what) => look::sampling(&client, what, output).await,
        Command::Load(what) => load::load(&client, what, output).await,
        Command::Unload => load::unload(&client, output).await,
        Command::Download(what) => load::download(&client, what, output).await,
        Command::Complete(what) => generate::complete(&client, what, output).await,
        Command::Embed(what) => generate::embed(&client, what, output).await,
        Command::Tokens(what) => generate::tokens(&client, what, output).await,
        Command::Batch(what) => batch::batch(&client, what, output).await,
        Command::Chat(what) => chat::chat(&client, what, output).await,
        Command::Completions { .. } => Ok(()),
    }
}
