//! The conversation: a prompt, streamed responses, a history that fits into the context.

mod commands;
mod input;
mod session;
mod show;

use tabbyapi::Client;

use crate::args::Chat;
use crate::failure::Failure;
use crate::generate::text;
use crate::interrupt::Interrupt;
use crate::output::Output;
use commands::Command;
use input::{Input, Line};
use session::Session;

pub async fn chat(client: &Client, what: &Chat, output: &Output, interrupt: &Interrupt) -> Result<(), Failure> {
    let mut session = Session::new(client, what, output, interrupt)?;
    match &what.question {
        Some(question) => {
            let question = tokio::select! {
                biased;
                () = interrupt.wait() => return Err(Failure::Interrupted),
                question = text(question) => question?,
            };
            match session.ask(question.trim_end()).await? {
                true => Ok(()),
                false => Err(Failure::Interrupted),
            }
        }
        None => talk(&mut session, what, output, interrupt).await,
    }
}

async fn talk(session: &mut Session<'_>, what: &Chat, output: &Output, interrupt: &Interrupt) -> Result<(), Failure> {
    let mut input = Input::new(what.history.as_deref(), *output)?;
    if input.is_terminal() {
        session.greet().await;
    }
    loop {
        let line = match input.next(interrupt).await? {
            Line::Text(line) => line,
            Line::Nothing => continue,
            Line::End => return Ok(()),
        };
        let result = match Command::of(&line) {
            Some(Ok(Command::Quit)) => return Ok(()),
            Some(Ok(command)) => session.obey(command).await,
            Some(Err(failure)) => Err(failure),
            // Two slashes stand for one. An interrupted response does not end the session.
            None => session.ask(line.strip_prefix('/').unwrap_or(&line)).await.map(|_| ()),
        };
        match result {
            // Lines from a file or pipe were written on the assumption that earlier ones succeed.
            Err(failure) if !input.is_terminal() || matches!(failure, Failure::Closed) => return Err(failure),
            Err(failure) => output.failure(&failure),
            Ok(()) => {}
        }
    }
}
