//! The routes and their authorization.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Body, Cors, Request, Response};
use super::requests::{IngestionRequest, LogEvent, read};
use super::{State, chat, completions, graphql};

const MINUTE: Duration = Duration::from_secs(60);
const BACKEND: &str = "http://127.0.0.1:28081";

pub(super) fn answer(state: &Arc<State>, request: &Request) -> Response {
    let webserver = state.config.webserver;
    let path = request.path();
    let allowed: &'static str = match path {
        "/v1/health" => "POST,GET,HEAD",
        "/v1/completions" | "/v1/chat/completions" | "/v1beta/chat/completions" | "/v1/events" => "POST",
        "/v1beta/models" | "/v1beta/server_setting" => "GET,HEAD",
        "/graphql" | "/v1beta/ingestion" if webserver => "POST",
        path if webserver && ingestion_path(path).is_some() => "DELETE",
        _ => return unknown(webserver),
    };
    // Preflights are answered for all methods.
    if request.method == "OPTIONS" {
        return Response { cors: Cors::Preflight, allow: Some(allowed), ..Response::empty(200) };
    }
    if webserver && path.starts_with("/v1") {
        let refused = match path.starts_with("/v1beta/ingestion") {
            true => !is_registration(state, request),
            false => !is_user(state, request),
        };
        if refused {
            return Response::empty(401);
        }
    }
    if !allowed.split(',').any(|method| method == request.method) {
        return Response { allow: Some(allowed), ..Response::empty(405) };
    }
    let limited =
        webserver && path.starts_with("/v1") && path != "/v1/health" && !path.starts_with("/v1beta/ingestion");
    if limited && is_over_limit(state) {
        return Response::empty(429);
    }
    match path {
        "/v1/health" => Response::json(200, health(state)),
        "/v1/completions" => completions::answer(state, request),
        "/v1/chat/completions" | "/v1beta/chat/completions" => chat::answer(state, request),
        "/v1/events" => event(request),
        "/v1beta/models" => Response::json(200, models(state)),
        "/v1beta/server_setting" => Response::json(200, r#"{"disable_client_side_telemetry":false}"#),
        "/v1beta/ingestion" => ingest(request),
        "/graphql" => graphql::answer(state, request),
        _ => Response::empty(202),
    }
}

/// With accounts an HTML page without the usual headers; otherwise a redirect to the documentation.
fn unknown(webserver: bool) -> Response {
    if webserver {
        let page = "<!DOCTYPE html><html id=\"__next_error__\"><head><meta charSet=\"utf-8\"/><title>Tabby</title></head><body></body></html>";
        return Response { cors: Cors::Without, body: Body::Whole(page.into()), ..Response::empty(404) };
    }
    Response { cors: Cors::Without, headers: vec![("location", "/swagger-ui".to_owned())], ..Response::empty(307) }
}

/// Checks a path with a source and optionally an id.
fn ingestion_path(path: &str) -> Option<()> {
    let mut segments = path.strip_prefix("/v1beta/ingestion/")?.split('/');
    let named = segments.next().is_some_and(|source| !source.is_empty());
    (named && segments.next().is_none_or(|id| !id.is_empty()) && segments.next().is_none()).then_some(())
}

/// Compares the text after the first space, whatever the scheme is.
fn is_user(state: &State, request: &Request) -> bool {
    let token = request.header("authorization").and_then(|value| value.split_once(' ')).map(|(_, token)| token);
    token == Some(&*state.config.token)
}

/// Requires this exact scheme, or the token in the query, which takes precedence.
pub(super) fn bearer(request: &Request) -> Option<&str> {
    request.query("access_token").or_else(|| request.header("authorization")?.strip_prefix("Bearer "))
}

fn is_registration(state: &State, request: &Request) -> bool {
    bearer(request) == Some(&*state.config.registration_token)
}

/// A minute starts with a request, and allows a fixed number of requests.
fn is_over_limit(state: &State) -> bool {
    let mut data = state.data();
    let now = Instant::now();
    let (began, count) = data.minute.filter(|(began, _)| now - *began < MINUTE).unwrap_or((now, 0));
    data.minute = Some((began, count + 1));
    count >= state.config.rate_limit
}

fn health(state: &State) -> String {
    let config = &state.config;
    let mut fields = Vec::new();
    let mut sources = Vec::new();
    let remote = |kind: &str, model: &str| {
        format!(r#"{{"remote":{{"kind":"{kind}","model_name":"{model}","api_endpoint":"{BACKEND}/v1"}}}}"#)
    };
    if let Some(model) = &config.completion_model {
        fields.push(format!(r#""model":"{model}""#));
        sources.push(format!(r#""completion":{}"#, remote("openai/completion", model)));
    }
    if let Some(model) = &config.chat_model {
        fields.push(format!(r#""chat_model":"{model}""#));
        sources.push(format!(r#""chat":{}"#, remote("openai/chat", model)));
    }
    sources.push(match config.completion_model {
        Some(_) => format!(r#""embedding":{{"remote":{{"kind":"llama.cpp/embedding","api_endpoint":"{BACKEND}"}}}}"#),
        None => r#""embedding":{"local":{"model_id":"Nomic-Embed-Text","device":"cpu"}}"#.to_owned(),
    });
    fields.push(r#""device":"cpu","cuda_devices":[]"#.to_owned());
    fields.push(format!(r#""models":{{{}}}"#, sources.join(",")));
    fields.push(r#""arch":"x86_64","cpu_info":"Intel(R) Xeon(R) Processor","cpu_count":2"#.to_owned());
    let version = r#""build_date":"2026-11-22","build_timestamp":"2026-11-22T14:42:08.962187783Z","git_sha":"21b29048d7bcf6b94f9f482f2d0fd05efadfd19f","git_describe":"nightly""#;
    fields.push(format!(r#""version":{{{version}}},"webserver":{}"#, config.webserver));
    format!("{{{}}}", fields.join(","))
}

fn models(state: &State) -> String {
    let list = |model: &Option<String>, more: &[&str]| match model {
        Some(model) => json!([&[model.as_str()], more].concat()),
        None => Value::Null,
    };
    let completion = list(&state.config.completion_model, &[]);
    let chat = list(&state.config.chat_model, &["mock-chat-2"]);
    format!(r#"{{"completion":{completion},"chat":{chat}}}"#)
}

fn event(request: &Request) -> Response {
    match read::<LogEvent>(request) {
        Ok(event) if ["view", "select", "dismiss"].contains(&&*event.kind) => Response::empty(200),
        Ok(_) => Response::empty(400),
        Err(response) => response,
    }
}

fn ingest(request: &Request) -> Response {
    let document: IngestionRequest = match read(request) {
        Ok(document) => document,
        Err(response) => return response,
    };
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    let good = fits(&document.source, 256) && fits(&document.id, 256) && fits(&document.title, 65_535);
    if !good || !document.ttl.as_deref().is_none_or(is_time) {
        return Response::empty(400);
    }
    let (id, source) = (json!(document.id), json!(document.source));
    let message = "Ingestion has been accepted and will be processed later.";
    Response::json(202, format!(r#"{{"id":{id},"source":{source},"message":"{message}"}}"#))
}

/// Whether the text is a duration such as `90d` or `12h 30m`.
fn is_time(text: &str) -> bool {
    const UNITS: [&str; 12] = ["s", "sec", "secs", "m", "min", "h", "hr", "hours", "d", "days", "w", "weeks"];
    let parts = text.split_whitespace();
    let mut count = 0;
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !UNITS.contains(&&part[digits..]) {
            return false;
        }
        count += 1;
    }
    count > 0
}
