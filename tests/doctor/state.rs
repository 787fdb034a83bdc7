//! Faults in what the server is and how its answers arrive: keys, the model, encodings, times, CORS, loads.

use std::time::Duration;

use serde_json::{Value, json};
use tabbyapi::transport::{Chunk, End};

use crate::edit::*;
use crate::mutants::{ADMIN_KEY, API_KEY, CHAT, Mutant, NO_KEY, STREAM, TEXT_STREAM, WRONG_KEY};

pub const AUTH: &[Mutant] = &[
    ("any key is good", WRONG_KEY, "auth-accepts-anything", |e| {
        answer(e, 200, "application/json", "{\"permission\":\"api\"}")
    }),
    ("no key is good", NO_KEY, "auth-disabled", |e| answer(e, 200, "application/json", "{\"permission\":\"admin\"}")),
    ("the right key is refused", API_KEY, "key-refused", |e| {
        answer(e, 401, "application/json", "{\"detail\":\"Invalid API key\"}")
    }),
    ("the admin key is refused", ADMIN_KEY, "admin-key-refused", |e| {
        answer(e, 401, "application/json", "{\"detail\":\"Invalid API key\"}")
    }),
    ("the admin key is none", ADMIN_KEY, "admin-key-not-admin", |e| replace(e, "admin", "api")),
    ("permission says too much", API_KEY, "permission-lies", |e| replace(e, "api", "admin")),
    ("permission says too little", "POST /v1/template/switch", "permission-lies", |e| {
        answer(
            e,
            422,
            "application/json",
            "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\"}]}",
        );
    }),
    ("403 for a wrong key", WRONG_KEY, "auth-status", |e| e.status = Some(403)),
    ("400 for no key", NO_KEY, "auth-status", |e| e.status = Some(400)),
    ("a login page", NO_KEY, "html", |e| answer(e, 200, "text/html", "<!DOCTYPE html><title>Log in</title>")),
];

pub const LOADED: &[Mutant] = &[
    ("loaded and not usable", "POST /v1/token/encode", "load-lies", |e| {
        answer(e, 503, "application/json", "{\"detail\":\"No models are currently loaded.\"}")
    }),
    ("loaded and without properties", "GET /props", "load-lies", |e| {
        answer(e, 503, "application/json", "{\"detail\":\"No models are currently loaded.\"}")
    }),
    ("no model", "GET /v1/model", "no-model", |e| {
        answer(e, 503, "application/json", "{\"detail\":\"No models are currently loaded.\"}")
    }),
    ("no model as 500", "GET /v1/model", "error-status", |e| {
        answer(e, 500, "application/json", "{\"detail\":\"No models are currently loaded.\"}")
    }),
    ("not in the list", "GET /v1/models", "model-not-listed", |e| replace(e, "alpha-7B-exl3", "gamma")),
    ("a negative context", "GET /v1/model", "context-unknown", |e| {
        json(e, |all| all["parameters"]["max_seq_len"] = (-1).into())
    }),
    ("no context", "GET /v1/model", "context-unknown", |e| json(e, |all| remove(all, "/parameters", "max_seq_len"))),
    ("another context", "GET /props", "context-disagrees", |e| replace(e, "4096", "2048")),
    ("a cache that is too small", "GET /v1/model", "cache-small", |e| {
        json(e, |all| all["parameters"]["cache_size"] = 2048.into())
    }),
    ("chunks that are too large", "GET /v1/model", "cache-small", |e| {
        json(e, |all| all["parameters"]["chunk_size"] = 8192.into())
    }),
    ("no template", "GET /v1/model", "no-template", |e| {
        json(e, |all| all["parameters"]["prompt_template"] = Value::Null)
    }),
    ("unhealthy", "GET /health", "unhealthy", |e| {
        answer(
            e,
            503,
            "application/json",
            r#"{"status":"unhealthy","issues":[{"time":"2026-11-22T14:56:02Z","description":"RuntimeError: CUDA error"}]}"#,
        );
    }),
    ("unhealthy with 200", "GET /health", "health-disagrees", |e| replace(e, "healthy", "unhealthy")),
    ("healthy with 503", "GET /health", "health-disagrees", |e| e.status = Some(503)),
    ("a wrong number of tokens", "POST /v1/token/encode", "tokens-wrong", |e| json(e, |all| all["length"] = 1.into())),
    ("other tokens", "POST /v1/token/decode tokens\":[", "tokens-wrong", |e| {
        json(e, |all| all["text"] = "The slow fox".into())
    }),
];

pub const ENCODINGS: &[Mutant] = &[
    ("gzip, not announced", "GET /v1/model", "encoding-unannounced", |e| set(e, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])),
    ("zstd, not asked for", "GET /v1/models !origin", "encoding-unasked", |e| {
        header(e, "content-encoding", "zstd");
        set(e, [0x28, 0xb5, 0x2f, 0xfd, 0, 0]);
    }),
    ("Latin-1 announced", CHAT, "charset", |e| header(e, "content-type", "application/json; charset=iso-8859-1")),
    ("Latin-1 announced of a stream", STREAM, "charset", |e| {
        header(e, "content-type", "text/event-stream; charset=latin1")
    }),
    ("Latin-1 sent", CHAT, "not-utf8", |e| {
        let mut body = text(e).into_bytes();
        let at = body.len() / 2;
        body.insert(at, 0xe9);
        set(e, body);
    }),
    ("length and chunks", "GET /v1/templates", "length-conflict", |e| header(e, "transfer-encoding", "chunked")),
    ("two lengths", "GET /v1/templates", "length-conflict", |e| e.headers.push(("content-length".into(), "1".into()))),
    ("a wrong length", "GET /v1/templates", "length-wrong", |e| header(e, "content-length", "100000")),
    ("JSON as text", "GET /v1/model", "content-type", |e| header(e, "content-type", "text/plain; charset=utf-8")),
    ("JSON without a type", "GET /v1/model", "content-type", |e| drop_header(e, "content-type")),
    ("a stream that was collected", STREAM, "stream-buffered", |e| {
        events(e, |all| {
            let place = all.len() - 2;
            all[place]["usage"]["completion_time"] = json!(2.5);
        });
        times(e, |_| 2600);
    }),
    ("a stream that was collected, without usage", TEXT_STREAM, "stream-buffered", |e| {
        events(e, |all| {
            all.iter_mut().for_each(|one| {
                if let Some(fields) = one.as_object_mut() {
                    fields.remove("usage");
                }
            })
        });
        times(e, |_| 3000);
    }),
    ("no date", "GET /health", "date-missing", |e| drop_header(e, "date")),
];

pub const TIMES: &[Mutant] = &[
    ("a stream that is cut", STREAM, "stream-cut", |e| {
        events(e, |all| all.truncate(3));
        e.end = End::Failed("connection reset".to_owned());
    }),
    ("a stream that is cut after a silence", STREAM, "idle-cut", |e| {
        times(e, |index| if index < 3 { 100 } else { 25_000 });
        e.end = End::Failed("connection reset".to_owned());
        e.chunks.truncate(4);
    }),
    ("a stream without pings", STREAM, "no-pings", |e| times(e, |index| if index < 3 { 100 } else { 25_000 })),
    ("a stream that stalls", STREAM, "stream-stalls", |e| {
        events(e, |all| all.truncate(3));
        times(e, |_| 100);
        e.chunks.push(Chunk::new(Duration::from_secs(15), ": ping\r\n\r\n"));
        e.end = End::Dropped;
    }),
    ("a stream that never ends", STREAM, "stream-endless", |e| {
        let part = text(e).split_inclusive("\r\n\r\n").next().unwrap().to_owned();
        e.chunks = (0..5000).map(|index| Chunk::new(Duration::from_millis(index * 100), part.clone())).collect();
        e.end = End::Dropped;
    }),
    ("a document that is cut", "GET /v1/models !origin", "connection-cut", |e| {
        replace(e, "}", "");
        e.end = End::Failed("connection reset".to_owned());
    }),
    ("an answer that never comes", "GET /v1/loras", "answer-late", |e| {
        e.status = None;
        e.end = End::Dropped;
        e.head_ms = 1_000_000;
    }),
    ("a slow answer", "GET /v1/model", "slow-answers", |e| e.head_ms = 3000),
    ("slow answers", "GET *", "time-limit", |e| e.head_ms = 10_000),
    ("an answer without end", "GET /v1/templates", "answer-too-large", |e| {
        drop_header(e, "content-length");
        set(e, vec![b' '; 9 << 20]);
    }),
];

pub const CORS: &[Mutant] = &[
    ("a preflight that wants a key", "OPTIONS *", "cors-preflight", |e| {
        answer(e, 401, "application/json", "{\"detail\":\"Please provide an API key\"}")
    }),
    ("no origin is allowed", "OPTIONS *", "cors-origin", |e| drop_header(e, "access-control-allow-origin")),
    ("another origin is allowed", "OPTIONS *", "cors-origin", |e| {
        header(e, "access-control-allow-origin", "https://other.example")
    }),
    ("POST is not allowed", "OPTIONS *", "cors-method", |e| header(e, "access-control-allow-methods", "GET, HEAD")),
    ("keys are not allowed", "OPTIONS *", "cors-headers", |e| {
        header(e, "access-control-allow-headers", "content-type")
    }),
    ("an answer without CORS", "GET /v1/models origin", "cors-answer", |e| {
        drop_header(e, "access-control-allow-origin")
    }),
    ("an error without CORS", "GET /v1/no-such-route origin", "cors-answer", |e| {
        drop_header(e, "access-control-allow-origin")
    }),
    ("two origins", "GET /v1/models origin", "cors-twice", |e| {
        e.headers.push(("access-control-allow-origin".into(), "*".into()))
    }),
    ("no `vary`", "GET /v1/models origin", "cors-vary", |e| drop_header(e, "vary")),
];

/// Faults in the events of a load, which an examination does not begin.
pub const LOADS: &[Mutant] = &[
    ("progress goes backwards", "", "progress-backwards", |e| events(e, |all| all.swap(1, 2))),
    ("progress beyond the total", "", "progress-beyond", |e| events(e, |all| all[2]["module"] = 99.into())),
    ("finished too early", "", "progress-beyond", |e| {
        events(e, |all| {
            let place = all.len() - 1;
            all[place]["module"] = 3.into();
            all[place - 1]["module"] = 3.into();
            all.drain(3..place - 1);
        })
    }),
    ("never finished", "", "load-unfinished", |e| {
        events(e, |all| {
            all.pop();
        })
    }),
    ("an empty stream", "", "load-unfinished", |e| events(e, Vec::clear)),
    ("no total", "", "field-missing", |e| replace(e, "\"modules\"", "\"total\"")),
    ("an unknown status", "", "field-value", |e| replace(e, "processing", "loading")),
    ("module as text", "", "field-type", |e| events(e, |all| all[0]["module"] = "1".into())),
    ("a load with `[DONE]`", "", "field-value", |e| events(e, |all| all.push("[DONE]".into()))),
];
