//! What to do about an error.

use http::{HeaderMap, StatusCode, header};

use super::classify::Cause;
use super::server_error::ServerError;
use crate::base::text::{contains, cut};
use crate::base::{Advice, Error, Remedy};

pub(super) fn advice(said: &ServerError, cause: &Cause, status: Option<StatusCode>) -> Option<Advice> {
    // The server's own code takes precedence if it is a known one.
    let own = said.code.as_deref().and_then(|code| known(code, &said.message, status));
    own.or_else(|| known(cause.code.as_str(), &said.message, status))
}

fn known(code: &str, message: &str, status: Option<StatusCode>) -> Option<Advice> {
    let (remedy, template) = match code {
        "missing_key" if contains(message, "switch model") => (
            Remedy::Give,
            "the request names a model that is not loaded, and loading it this way requires the admin key: send it with \
             {setting:options.prefer_admin_key}, or leave {field:model} out",
        ),
        "missing_key" => {
            (Remedy::Give, "set the key with {key:api_key} or {key:admin_key}; admin operations need the admin key")
        }
        "invalid_key" if contains(message, "admin") => (
            Remedy::Check,
            "this operation needs the admin key, not an API key; both are in the server's `api_tokens.yml`",
        ),
        "invalid_key" => (Remedy::Check, "check the key; the server's keys are in its `api_tokens.yml`"),
        "no_model_loaded" => (Remedy::Call, "load one with {method:models.load}"),
        "no_embedding_model_loaded" => (Remedy::Call, "load one with {method:embedding_models.load}"),
        "no_template" => (
            Remedy::Call,
            "choose one with {method:templates.switch}, or load the model with its {field:prompt_template} set",
        ),
        "template_error" => (
            Remedy::Change,
            "the model's chat template refuses these messages: check that there are some, their roles and their order",
        ),
        "bad_request" if contains(message, "fetch image") => (
            Remedy::Change,
            "the server fetches images itself: check that it can reach the address, or send the bytes with \
             {setting:content_part.image_bytes}",
        ),
        "oai_disabled" => {
            (Remedy::Configure, "set `api_servers` in the server's `config.yml`: its default value is not recognized")
        }
        "unknown_model" => (
            Remedy::Call,
            "the lists of {method:models} and {method:embedding_models} have the names that can be loaded, with the admin key",
        ),
        "unknown_preset" => {
            (Remedy::Call, "{method:sampling.overrides} returns the names of the presets, with the admin key")
        }
        "already_loaded" => (Remedy::Call, "unload it first to load it again"),
        "nothing_named" => (Remedy::Give, "give a name or a list that is not empty"),
        "generation_aborted" => (
            Remedy::Look,
            "the server's console shows the cause; usually a parameter that the backend does not support",
        ),
        // The rule is `ModelParameters::longest_prompt`.
        "context_length_exceeded" if contains(message, "job allocation") => (
            Remedy::Change,
            "shorten the prompt, or load the model with a larger {field:cache_size} or a smaller {field:chunk_size}: a whole chunk is \
             kept free beside the prompt",
        ),
        "context_length_exceeded" => (
            Remedy::Change,
            "shorten the prompt, or load the model with a larger {field:max_seq_len} and {field:cache_size}",
        ),
        "not_found" => (Remedy::Check, "check {url}; some routes exist only if the server enables them"),
        "server_error" if status == Some(StatusCode::INTERNAL_SERVER_ERROR) => (
            Remedy::Look,
            "the server failed on this request; its console shows why, often a field or name that it does not check",
        ),
        "server_error" if status.is_some_and(|status| matches!(status.as_u16(), 502 | 504)) => {
            (Remedy::Configure, "a proxy could not reach the server behind it")
        }
        _ => return None,
    };
    Some(Advice::new(remedy, template))
}

/// The target of a redirect.
pub(super) fn redirected(error: Error, headers: &HeaderMap) -> Error {
    let to = headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("another address");
    let hint = "redirects are not followed, so that keys stay here; use the address it points to as {url}: ";
    error.with_advice_and(Advice::new(Remedy::Change, hint), &cut(to, 200))
}
