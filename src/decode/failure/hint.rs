//! What to do about an error.

use http::{HeaderMap, StatusCode, header};

use super::classify::Cause;
use super::said::Said;
use crate::text::{contains, cut};

pub(super) fn hint(said: &Said, cause: Cause, status: Option<StatusCode>, headers: &HeaderMap) -> Option<String> {
    // The server's own code first, where it is one of those that are known.
    let own = said.code.as_deref().and_then(|code| advice(code, &said.message, status, headers));
    own.or_else(|| advice(cause.code, &said.message, status, headers))
}

fn advice(code: &str, message: &str, status: Option<StatusCode>, headers: &HeaderMap) -> Option<String> {
    Some(match code {
        "missing_key" if contains(message, "switch model") => {
            "the request names another model than the loaded one, and only the admin key may have it loaded by that: send it with \
             `Options::prefer_admin_key`, or leave `model` out"
                .into()
        }
        "missing_key" => "set the key with `api_key` or `admin_key`; admin operations need the admin key".into(),
        "invalid_key" if contains(message, "admin") => {
            "this operation needs the admin key, not an API key; both stand in the server's `api_tokens.yml`".into()
        }
        "invalid_key" => "check the key; the server's keys stand in its `api_tokens.yml`".into(),
        "no_model_loaded" => "load one with `client.models().load(..)`".into(),
        "no_embedding_model_loaded" => "load one with `client.embedding_models().load(..)`".into(),
        "no_template" => {
            "choose one with `client.templates().switch(..)`, or load the model with its `prompt_template` set".into()
        }
        "template_error" => {
            "the model's chat template refuses these messages: check that there are some, their roles and their order".into()
        }
        "bad_request" if contains(message, "fetch image") => {
            "the server fetches images itself: check that it can reach the address, or send the bytes with \
             `ContentPart::image_bytes`"
                .into()
        }
        "oai_disabled" => {
            "write `api_servers` into the server's `config.yml`: the value that is there by default is not understood".into()
        }
        "unknown_model" => {
            "the lists of `client.models()` and `client.embedding_models()` have the names that can be loaded, if they are asked \
             with the admin key"
                .into()
        }
        "unknown_preset" => {
            "`client.sampling().overrides()` has the names of the presets, if it is asked with the admin key".into()
        }
        "already_loaded" => "unload it first to load it anew".into(),
        "nothing_named" => "give a name or a list that is not empty".into(),
        "generation_aborted" => {
            "the server's console tells the cause; a parameter that the backend cannot take is the usual one".into()
        }
        // The rule is `ModelParameters::longest_prompt`.
        "context_length_exceeded" if contains(message, "job allocation") => {
            "shorten the prompt, or load the model with a larger `cache_size` or a smaller `chunk_size`: a whole chunk is kept \
             free beside the prompt"
                .into()
        }
        "context_length_exceeded" => {
            "shorten the prompt, or load the model with a larger `max_seq_len` and `cache_size`".into()
        }
        "not_found" => "check the base URL; some routes exist only if the server enables them".into(),
        "redirect" => {
            let to = headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("another address");
            let hint = "redirects are not followed, so that keys stay here; use the address it points to as base URL: ";
            format!("{hint}{}", cut(to, 200))
        }
        "server_error" if status == Some(StatusCode::INTERNAL_SERVER_ERROR) => {
            "the server failed on this request; its console tells why, often a field or name that it does not check"
                .into()
        }
        "server_error" if status.is_some_and(|status| matches!(status.as_u16(), 502 | 504)) => "a proxy could not reach the server behind it".into(),
        _ => return None,
    })
}
