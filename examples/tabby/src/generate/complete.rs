//! Completions.

use tabbyapi::api::{Completion, CompletionRequest, FinishReason, Prompt};
use tabbyapi::{Client, Error};

use super::text;
use crate::args::{Complete, with_params};
use crate::failure::{Failure, of_generation};
use crate::output::Output;

/// The default maximum number of tokens. The server fails on streams without a limit.
const MAX_TOKENS: u32 = 1024;

pub async fn complete(client: &Client, what: &Complete, output: &Output) -> Result<(), Failure> {
    let prompt = text(&what.prompt).await?;
    let request = request(&prompt, what)?;
    let before = if what.echo { prompt.as_str() } else { "" };
    // Pieces of several choices would be interleaved.
    let several = request.n.is_some_and(|n| n > 1) && !output.is_json();
    if what.no_stream || several {
        let answer = client.completions().create(&request).await.map_err(|error| hinted(error, &request))?;
        match output.is_json() {
            true => output.print(&*answer, |_| String::new())?,
            // Unchanged, for files and pipes.
            false => output.line().piece(&whole(&answer, before))?,
        }
        if what.stats {
            output.stats(answer.usage.as_ref(), answer.meta().record().elapsed(), None);
        }
        return Ok(());
    }
    let mut line = output.line();
    if !output.is_json() {
        line.piece(before)?;
    }
    let mut stream = client.completions().stream(&request);
    if let Some(resume) = what.resume.policy() {
        stream = stream.resume(resume);
    }
    while let Some(chunk) = stream.next().await {
        // `finish` returns the error again.
        let Ok(chunk) = chunk else { break };
        match output.is_json() {
            true => output.json_line(&chunk)?,
            false => line.piece(chunk.text())?,
        }
    }
    line.close()?;
    let answer = stream.finish().await.map_err(|mut broken| {
        broken.error = hinted(broken.error, &request);
        broken
    })?;
    if what.stats {
        output.stats(
            answer.usage.as_ref(),
            answer.meta().record().elapsed(),
            answer.meta().record().time_to_first_item(),
        );
    }
    output.resumed(answer.meta().record().resumes);
    if what.sampling.max_tokens.is_none() && cut(&answer) {
        output.note(&format!("(cut off after {} tokens; --max-tokens changes this)", MAX_TOKENS));
    }
    Ok(())
}

fn request(prompt: &str, what: &Complete) -> Result<CompletionRequest, Failure> {
    let request = CompletionRequest::new(prompt).max_tokens(MAX_TOKENS).sampling(what.sampling.sampling());
    let request = match what.sampling.seed {
        Some(seed) => request.extra("seed", seed),
        None => request,
    };
    with_params(request, &what.sampling.params)
}

/// Some models cannot complete an empty text, and the server does not report this as the cause.
fn hinted(error: Error, request: &CompletionRequest) -> Error {
    let empty = matches!(&request.prompt, Prompt::One(prompt) if prompt.is_empty());
    match error.code().as_str() {
        "server_error" | "stream_error" | "generation_aborted" | "bad_request" | "validation_failed" if empty => error.with_hint(
            "the text to complete is empty, which only works with a model that adds a token at the start; enter at least a word",
        ),
        _ => of_generation(error, request.model.as_deref()),
    }
}

/// A response that was not streamed. Several choices are separated.
fn whole(answer: &Completion, before: &str) -> String {
    match answer.choices.as_slice() {
        [_, _, ..] => {
            let choice = |choice: &tabbyapi::api::CompletionChoice| {
                format!("--- {}\n{before}{}", choice.index, choice.text.trim_end_matches('\n'))
            };
            answer.choices.iter().map(choice).collect::<Vec<_>>().join("\n")
        }
        _ => format!("{before}{}", answer.text()),
    }
}

fn cut(answer: &Completion) -> bool {
    answer.choices.iter().any(|choice| choice.finish_reason == Some(FinishReason::Length))
}
