//! Faults in what answers say: framing and order of streams, fields, errors, usage.

use serde_json::{Value, json};

use crate::edit::*;
use crate::mutants::{API_KEY, CHAT, Mutant, STREAM, TEXT, TEXT_STREAM};

pub const FRAMING: &[Mutant] = &[
    ("no blank line between events", STREAM, "sse-joined-events", |e| {
        replace_first(e, "\r\n\r\ndata: {", "\r\ndata: {")
    }),
    ("no blank lines at all", TEXT_STREAM, "sse-joined-events", |e| replace(e, "\r\n\r\n", "\r\n")),
    ("no blank line at the end", STREAM, "sse-unfinished", |e| {
        let body = text(e);
        set(e, body.trim_end());
    }),
    ("no `[DONE]`", STREAM, "done-missing", |e| replace(e, "data: [DONE]\r\n\r\n", "")),
    ("no `[DONE]` of a completion", TEXT_STREAM, "done-missing", |e| replace(e, "data: [DONE]\r\n\r\n", "")),
    ("`[DONE]` first", STREAM, "done-early", |e| events(e, |all| all.rotate_right(1))),
    ("`[DONE]` twice", STREAM, "done-early", |e| events(e, |all| all.push("[DONE]".into()))),
    ("no `data:`", STREAM, "sse-line", |e| replace_first(e, "data: {", "{")),
    ("another field", STREAM, "sse-line", |e| replace(e, "data: ", "content: ")),
    ("a ping as data", STREAM, "event-json", |e| events(e, |all| all.insert(1, "ping".into()))),
    ("a bare list", STREAM, "event-json", |e| events(e, |all| all.insert(1, json!([])))),
    ("JSON cut off", STREAM, "event-json", |e| replace_first(e, "}]", "}")),
    ("a line break in JSON", STREAM, "sse-line", |e| replace_first(e, "\"choices\"", "\r\n\"choices\"")),
    ("Python's quotes", STREAM, "event-json", |e| replace_first(e, "\"id\"", "'id'")),
    ("bare CR", STREAM, "sse-line-ends", |e| replace(e, "\r\n", "\r")),
    ("mixed line ends", STREAM, "sse-line-ends", |e| replace_first(e, "\r\n\r\n", "\n\n")),
    ("a byte order mark", STREAM, "sse-bom", |e| {
        let body = text(e);
        set(e, format!("\u{feff}{body}"));
    }),
    ("named events", STREAM, "sse-named-events", |e| replace(e, "data: {", "event: chunk\r\ndata: {")),
    ("characters cut by an event", STREAM, "not-utf8", |e| {
        let mut body = text(e).into_bytes();
        let at = body.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        body.splice(at..at, [0xc3]);
        set(e, body);
    }),
    ("half a surrogate pair", STREAM, "event-json", |e| replace_first(e, "\"content\": \"", "\"content\": \"\\ud83d")),
    ("bare NaN", STREAM, "non-finite", |e| {
        replace_first(e, "\"finish_reason\": null", "\"logprobs\": NaN, \"finish_reason\": null")
    }),
    ("events as text", STREAM, "content-type", |e| header(e, "content-type", "text/plain; charset=utf-8")),
    ("events without a type", TEXT_STREAM, "content-type", |e| drop_header(e, "content-type")),
    ("a document in place of a stream", STREAM, "streaming-off", |e| {
        answer(e, 200, "application/json", &whole_chat().to_string());
    }),
];

pub const ORDER: &[Mutant] = &[
    ("a role after content", STREAM, "role-late", |e| {
        events(e, |all| all[2]["choices"][0]["delta"]["role"] = "assistant".into())
    }),
    ("no finish", STREAM, "finish-missing", |e| {
        events(e, |all| {
            all.iter_mut().for_each(|one| {
                if one.is_object() {
                    one["choices"][0]["finish_reason"] = Value::Null;
                }
            })
        })
    }),
    ("finish twice", STREAM, "finish-twice", |e| {
        events(e, |all| {
            let place = all.len() - 2;
            let last = all[place].clone();
            all.insert(place, last);
        })
    }),
    ("content after finish", STREAM, "content-after-finish", |e| {
        events(e, |all| {
            let place = all.len() - 1;
            let first = all[0].clone();
            all.insert(place, first);
        })
    }),
    ("finish first", TEXT_STREAM, "content-after-finish", |e| {
        events(e, |all| all[0]["choices"][0]["finish_reason"] = "stop".into())
    }),
    ("an unknown finish", STREAM, "finish-unknown", |e| {
        replace(e, "\"finish_reason\": \"", "\"finish_reason\": \"odd-")
    }),
    ("usage before the end", STREAM, "usage-order", |e| {
        events(e, |all| {
            let usage = all[all.len() - 2]["usage"].clone();
            all[0]["usage"] = usage;
        })
    }),
    ("an id for each chunk", STREAM, "id-changes", |e| events(e, |all| all[1]["id"] = "chatcmpl-other".into())),
    ("an index beyond", STREAM, "index-wrong", |e| replace(e, "\"index\": 0", "\"index\": 3")),
    ("an index beyond, whole", CHAT, "index-wrong", |e| json(e, |all| all["choices"][0]["index"] = 1.into())),
    ("no finish, whole", TEXT, "finish-missing", |e| json(e, |all| all["choices"][0]["finish_reason"] = Value::Null)),
    ("no choices", CHAT, "no-content", |e| json(e, |all| all["choices"] = json!([]))),
    ("an error event", STREAM, "stream-error", |e| {
        events(e, |all| {
            all.truncate(2);
            all.push(json!({"error": {"message": "Chat completion aborted.", "trace": null}}));
        })
    }),
    ("an error event without a message", STREAM, "error-shape", |e| {
        events(e, |all| {
            all.truncate(2);
            all.push(json!({"error": {"reason": "aborted"}}));
        })
    }),
    ("arguments that are no JSON", CHAT, "tool-arguments", |e| {
        json(e, |all| {
            all["choices"][0]["message"]["tool_calls"] =
                json!([{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{'a': 1}"}}]);
            all["choices"][0]["finish_reason"] = "tool_calls".into();
        })
    }),
    ("another model", STREAM, "model-name", |e| replace(e, "alpha-7B-exl3", "gamma")),
];

pub const FIELDS: &[Mutant] = &[
    ("no id", CHAT, "field-missing", |e| json(e, |all| remove(all, "", "id"))),
    ("choices renamed", CHAT, "field-missing", |e| json(e, |all| rename(all, "", "choices", "results"))),
    ("content renamed", CHAT, "field-missing", |e| json(e, |all| rename(all, "/choices/0/message", "content", "text"))),
    ("content as a number", CHAT, "field-type", |e| json(e, |all| all["choices"][0]["message"]["content"] = 1.into())),
    ("created as text", CHAT, "field-type", |e| json(e, |all| all["created"] = "now".into())),
    ("created as a fraction", TEXT, "field-type", |e| json(e, |all| all["created"] = json!(1.5))),
    ("another object", TEXT, "field-value", |e| json(e, |all| all["object"] = "completion".into())),
    ("text null", TEXT, "field-type", |e| json(e, |all| all["choices"][0]["text"] = Value::Null)),
    ("no delta", STREAM, "field-missing", |e| replace(e, "\"delta\"", "\"message\"")),
    ("delta as text", STREAM, "field-type", |e| events(e, |all| all[0]["choices"][0]["delta"] = "E".into())),
    ("no model name", TEXT_STREAM, "field-missing", |e| replace(e, "\"model_name\"", "\"modelName\"")),
    ("chunks of another object", STREAM, "field-value", |e| replace(e, "chat.completion.chunk", "chat.completion")),
    ("permission renamed", API_KEY, "field-missing", |e| json(e, |all| rename(all, "", "permission", "scope"))),
    ("an unknown permission", API_KEY, "field-value", |e| json(e, |all| all["permission"] = "root".into())),
    ("no parameters", "GET /v1/model", "field-type", |e| json(e, |all| all["parameters"] = Value::Null)),
    ("models without ids", "GET /v1/models", "field-missing", |e| json(e, |all| remove(all, "/data/0", "id"))),
    ("a bare list of models", "GET /v1/model/list", "field-type", |e| json(e, |all| *all = all["data"].clone())),
    ("data null", "GET /v1/loras", "field-type", |e| json(e, |all| all["data"] = Value::Null)),
    ("templates as objects", "GET /v1/templates", "field-type", |e| {
        json(e, |all| all["data"] = json!([{"name": "x"}]))
    }),
    ("overrides as a list", "GET /v1/sampling/overrides", "field-type", |e| {
        json(e, |all| all["overrides"] = json!([]))
    }),
    ("no slots", "GET /props", "field-missing", |e| json(e, |all| remove(all, "", "total_slots"))),
    ("tokens as text", "POST /v1/token/encode", "field-type", |e| json(e, |all| all["tokens"] = json!(["a", "b"]))),
    ("no text of tokens", "POST /v1/token/decode tokens\":[", "field-missing", |e| {
        json(e, |all| remove(all, "", "text"))
    }),
    ("vectors as text", "POST /v1/embeddings", "field-type", |e| {
        json(e, |all| all["data"][0]["embedding"] = json!(["0.1"]))
    }),
    ("a vector missing", "POST /v1/embeddings", "embeddings-wrong", |e| {
        json(e, |all| {
            all["data"].as_array_mut().unwrap().pop();
        })
    }),
    ("vectors out of order", "POST /v1/embeddings", "embeddings-wrong", |e| {
        json(e, |all| all["data"].as_array_mut().unwrap().reverse())
    }),
    ("vectors of several lengths", "POST /v1/embeddings", "embeddings-wrong", |e| {
        json(e, |all| {
            all["data"][1]["embedding"].as_array_mut().unwrap().pop();
        })
    }),
    ("no issues", "GET /health", "field-missing", |e| json(e, |all| remove(all, "", "issues"))),
    ("broken JSON", "GET /v1/templates", "json-invalid", |e| replace(e, "}", "")),
    ("an empty body", "GET /v1/model", "empty-body", |e| set(e, "")),
];

pub const ERRORS: &[Mutant] = &[
    ("an error of another shape", "GET /v1/no-such-route !origin", "error-shape", |e| {
        set(e, "{\"message\": \"not here\"}")
    }),
    ("an empty error", "GET /v1/no-such-route !origin", "error-shape", |e| set(e, "")),
    ("an error as a page", "GET /v1/no-such-route !origin", "html", |e| {
        answer(e, 404, "text/html", "<html>404</html>")
    }),
    ("an error as text", "POST /v1/token/decode none", "error-shape", |e| {
        answer(e, 422, "text/plain", "Unprocessable")
    }),
    ("`detail` as an object", "POST /v1/token/decode none", "error-shape", |e| {
        json(e, |all| all["detail"] = json!({"msg": "x"}))
    }),
    ("entries without `loc`", "POST /v1/token/decode none", "error-shape", |e| {
        json(e, |all| remove(all, "/detail/0", "loc"))
    }),
    ("a 422 as 400", "POST /v1/token/decode none", "error-status", |e| e.status = Some(400)),
    ("a 404 as 400", "GET /v1/no-such-route !origin", "error-status", |e| e.status = Some(400)),
    ("a 404 as 200", "GET /v1/no-such-route !origin", "status-unexpected", |e| e.status = Some(200)),
    ("a 405 as 404", "GET /v1/chat/completions", "route-missing", |e| {
        answer(e, 404, "application/json", "{\"detail\":\"Not Found\"}")
    }),
    ("an error with success", "GET /v1/models !origin", "error-in-success", |e| set(e, "{\"detail\": \"No models\"}")),
    ("an error object with success", CHAT, "error-in-success", |e| {
        set(e, "{\"error\": {\"message\": \"overloaded\"}}")
    }),
    ("a failing route", "GET /v1/loras", "server-error", |e| answer(e, 500, "text/plain", "Internal Server Error")),
    ("a bad gateway", "GET /props", "html", |e| answer(e, 502, "text/html", "<html><h1>502 Bad Gateway</h1></html>")),
    ("a route that is gone", "GET /v1/sampling/override/list", "route-missing", |e| {
        answer(e, 404, "application/json", "{\"detail\":\"Not Found\"}")
    }),
    ("a redirect", "GET /v1/models !origin", "redirect", |e| {
        e.status = Some(307);
        header(e, "location", "https://other.example/v1/models");
    }),
];

pub const USAGE: &[Mutant] = &[
    ("a wrong sum", CHAT, "usage-sum", |e| json(e, |all| all["usage"]["total_tokens"] = 1.into())),
    ("a wrong sum of a stream", STREAM, "usage-sum", |e| {
        events(e, |all| {
            let place = all.len() - 2;
            all[place]["usage"]["total_tokens"] = 1.into();
        })
    }),
    ("no usage", TEXT, "usage-missing", |e| json(e, |all| all["usage"] = Value::Null)),
    ("no usage of a stream", STREAM, "usage-missing", |e| {
        events(e, |all| {
            all.iter_mut().for_each(|one| {
                if let Some(fields) = one.as_object_mut() {
                    fields.remove("usage");
                }
            })
        })
    }),
    ("a negative number", CHAT, "usage-negative", |e| json(e, |all| all["usage"]["completion_tokens"] = (-4).into())),
    ("a negative time", STREAM, "usage-negative", |e| {
        events(e, |all| {
            let place = all.len() - 2;
            all[place]["usage"]["completion_time"] = json!(-0.5);
        })
    }),
    ("nothing generated", CHAT, "usage-implausible", |e| {
        json(e, |all| {
            all["usage"]["completion_tokens"] = 0.into();
            all["usage"]["total_tokens"] = all["usage"]["prompt_tokens"].clone();
        })
    }),
    ("more cached than sent", CHAT, "usage-implausible", |e| {
        json(e, |all| all["usage"]["prompt_tokens_details"] = json!({"cached_tokens": 100_000}))
    }),
    ("beyond the limit", TEXT, "limit-ignored", |e| {
        json(e, |all| {
            all["usage"]["completion_tokens"] = 4000.into();
            all["usage"]["total_tokens"] = (4000 + all["usage"]["prompt_tokens"].as_u64().unwrap()).into();
        })
    }),
    ("usage as text", CHAT, "field-type", |e| json(e, |all| all["usage"]["prompt_tokens"] = "13".into())),
    ("usage without a total", TEXT, "field-missing", |e| json(e, |all| remove(all, "/usage", "total_tokens"))),
    ("negative tokens of vectors", "POST /v1/embeddings", "usage-negative", |e| {
        json(e, |all| all["usage"]["prompt_tokens"] = (-1).into())
    }),
    ("a wrong sum of vectors", "POST /v1/embeddings", "usage-sum", |e| {
        json(e, |all| {
            all["usage"]["prompt_tokens"] = 7.into();
            all["usage"]["total_tokens"] = 3.into();
        })
    }),
];

/// A chat that was not streamed.
fn whole_chat() -> Value {
    json!({
        "id": "cmpl-1", "object": "chat.completion", "created": 1, "model": "alpha-7B-exl3",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
}
