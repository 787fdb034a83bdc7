//! Completions.

use tabbyapi::Client;
use tabbyapi::api::{Completion, CompletionRequest, FinishReason};

use super::text;
use crate::args::{Complete, with_params};
use crate::failure::Failure;
use crate::output::Output;

/// How many tokens are asked for at most, unless it is said: the server fails on streams without a limit.
const MAX_TOKENS: u32 = 1024;

pub async fn complete(client: &Client, what: &Complete, output: &Output) -> Result<(), Failure> {
    let prompt = text(&what.prompt).await?;
    let request = request(&prompt, what)?;
    let before = if what.echo { prompt.as_str() } else { "" };
    // Pieces of several choices would come in turn.
    let several = request.n.is_some_and(|n| n > 1) && !output.is_json();
    if what.no_stream || several {
        let answer = client.completions().create(&request).await?;
        output.print(&*answer, |answer| whole(answer, before))?;
        if what.stats {
            output.stats(answer.usage.as_ref(), answer.record().elapsed(), None);
        }
        return Ok(());
    }
    let mut line = output.line();
    if !output.is_json() {
        line.piece(before)?;
    }
    let mut stream = client.completions().stream(&request);
    while let Some(chunk) = stream.next().await {
        // The error comes again with `finish`.
        let Ok(chunk) = chunk else { break };
        match output.is_json() {
            true => output.json_line(&chunk)?,
            false => line.piece(chunk.text())?,
        }
    }
    line.close()?;
    let answer = stream.finish().await?;
    if what.stats {
        output.stats(answer.usage.as_ref(), answer.record().elapsed(), answer.record().time_to_first_item());
    }
    if what.sampling.max_tokens.is_none() && cut(&answer) {
        output.note(&format!("(cut after {} tokens; --max-tokens sets how many)", MAX_TOKENS));
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

/// An answer that was not streamed; several choices stand apart.
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
