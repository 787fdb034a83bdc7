//! Completions.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use super::State;
use super::http::{Request, Response};
use super::requests::{CompletionRequest, read};

const TEXT: &str = "if n < 2:\n        return n\n    return fib(n - 1)";
const NEXT_EDIT: &str = "next_edit_suggestion";

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    if state.config.completion_model.is_none() {
        return Response::empty(501);
    }
    let completion: CompletionRequest = match read(request) {
        Ok(completion) => completion,
        Err(response) => return response,
    };
    let Some(prompt) = prompt(&completion) else { return Response::empty(400) };
    let Some(text) = text(state, &prompt) else { return Response::nothing() };
    let Some(text) = text else { return Response::empty(408) };
    let text = if prompt.contains("\r\n") { with_cr_lf(&text) } else { text };
    let mode = if completion.mode == NEXT_EDIT { NEXT_EDIT } else { "standard" };
    let mut debug = String::new();
    if let Some(options) = &completion.debug_options {
        let mut fields = Vec::new();
        if options.return_snippets {
            fields.push("\"snippets\":[]".to_owned());
        }
        if options.return_prompt {
            fields.push(format!("\"prompt\":{}", Value::from(prompt)));
        }
        write!(debug, ",\"debug_data\":{{{}}}", fields.join(",")).expect("a string takes all");
    }
    let id = id(state);
    let text = json!(text);
    Response::json(
        200,
        format!("{{\"id\":\"cmpl-{id}\",\"choices\":[{{\"index\":0,\"text\":{text}}}]{debug},\"mode\":\"{mode}\"}}"),
    )
}

/// Returns the prompt of the model. `None` if there is nothing to complete.
fn prompt(completion: &CompletionRequest) -> Option<String> {
    if let Some(raw) = completion.debug_options.as_ref().and_then(|options| options.raw_prompt.clone()) {
        return Some(raw);
    }
    let segments = completion.segments.as_ref()?;
    if completion.mode == NEXT_EDIT {
        let history = segments.edit_history.as_ref()?;
        return Some(format!(
            "<|original_code|>\n{}\n<|edits_diff|>\n{}\n<|current_version|>\n{}\n<|next_version|>\n",
            history.original_code, history.edits_diff, history.current_version
        ));
    }
    let suffix = segments.suffix.as_deref().filter(|suffix| !suffix.is_empty()).unwrap_or("\n");
    Some(format!("{}<|FIM|>{suffix}", segments.prefix))
}

/// Returns the text: `Some(None)` if the time limit passes, `None` if the server fails.
fn text(state: &Arc<State>, prompt: &str) -> Option<Option<String>> {
    let has = |word: &str| prompt.contains(word);
    if has("MOCK:errchunk") || has("MOCK:badjson") {
        return None;
    }
    if has("MOCK:timeout") {
        return Some(None);
    }
    if has("MOCK:trickle") && !state.sleep(state.config.keep_alive * 4 / 3) {
        return None;
    }
    let text = match prompt {
        _ if has("MOCK:empty") || has("MOCK:500") || has("MOCK:429") => "",
        _ if has("MOCK:cut") => "if n < 2",
        _ if has("MOCK:stopword") => "    return 1\n",
        _ if has("MOCK:crlf") => "if n < 2:\n        return n\n    return x",
        _ => return Some(Some(state.data().completions.pop_front().unwrap_or_else(|| TEXT.to_owned()))),
    };
    Some(Some(text.to_owned()))
}

/// Replaces each line feed that does not follow a carriage return, as the server does.
fn with_cr_lf(text: &str) -> String {
    let mut out = String::new();
    let mut before = None;
    for c in text.chars() {
        if c == '\n' && before.is_some_and(|before| before != '\r' && before != '\n') {
            out.push('\r');
        }
        out.push(c);
        before = Some(c);
    }
    out
}

/// Creates an id in the form of a UUID.
fn id(state: &State) -> String {
    let mut data = state.data();
    data.ids += 1;
    format!("00000000-0000-4000-8000-{:012x}", data.ids)
}
