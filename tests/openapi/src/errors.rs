//! Every shape of error that the server answers with.

use http::Method;
use serde_json::{Map, Value, json};
use tabbyapi::Scope;
use tabbyapi::internal::Operation;

/// The statuses of an operation's errors, each with its response.
pub(crate) fn of(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut errors = Vec::new();
    let posts = operation.verb != Method::GET;
    let needs_model = matches!(operation.service, "chat" | "completions" | "tokens" | "templates" | "loras" | "kobold")
        || matches!((operation.service, operation.method), ("models", "current" | "props" | "unload"))
        || matches!(
            (operation.service, operation.method),
            ("embeddings", _) | ("embedding_models", "current" | "unload")
        );
    if operation.scope != Scope::Public {
        errors.push(("400", "BadRequest"));
        errors.push(("401", "Unauthorized"));
    }
    if operation.service == "kobold" {
        errors.push(("404", "NotFound"));
    }
    if operation.request_schema.is_some() {
        errors.push(("422", "Unprocessable"));
    }
    if posts {
        errors.push(("500", "InternalServerError"));
    }
    if needs_model {
        errors.push(("503", "Unavailable"));
    }
    errors
}

/// The responses that operations refer to.
pub(crate) fn responses() -> Value {
    let json = |description: &str, schemas: &[&str]| {
        let schemas: Vec<Value> =
            schemas.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
        let schema = if let [one] = &schemas[..] { one.clone() } else { json!({ "anyOf": schemas }) };
        json!({ "description": description, "content": { "application/json": { "schema": schema } } })
    };
    json!({
        "BadRequest": json(
            "A key is missing (`Please provide an API key`), the request names nothing or something unknown, or it does not fit into the context.",
            &["Detail", "ErrorObject"],
        ),
        "Unauthorized": json("The key is refused (`Invalid API key`, `Invalid admin key`), or the model needs another key.", &["Detail"]),
        "NotFound": json("The server has no such routes: its configuration does not list them in `api_servers`.", &["Detail"]),
        "Unprocessable": json("The request is not valid; or chat is disabled because the model has no template.", &["Detail", "ValidationErrors"]),
        "InternalServerError": {
            "description": "The server failed, without saying how.",
            "content": { "text/plain": { "schema": { "type": "string", "examples": ["Internal Server Error"] } } },
        },
        "Unavailable": json("No model is loaded, or the generation failed.", &["Detail", "ErrorObject"]),
    })
}

/// The schemas of errors.
pub(crate) fn schemas() -> Map<String, Value> {
    let schemas = json!({
        "Detail": {
            "type": "object",
            "description": "An error in words.",
            "required": ["detail"],
            "properties": { "detail": { "type": "string", "description": "What is wrong." } },
        },
        "ValidationErrors": {
            "type": "object",
            "description": "What is wrong with a request, field by field. `input` may be as large as the request, and holds prompts.",
            "required": ["detail"],
            "properties": {
                "detail": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["type", "loc", "msg"],
                        "properties": {
                            "type": { "type": "string", "description": "The kind of fault.", "examples": ["missing", "greater_than_equal"] },
                            "loc": {
                                "type": "array",
                                "description": "The path of the field, from `body` on.",
                                "items": { "type": ["string", "integer"] },
                            },
                            "msg": { "type": "string", "description": "What is wrong." },
                            "input": { "description": "What was sent there." },
                            "ctx": { "type": "object", "description": "The limits that were not kept." },
                        },
                    },
                },
            },
        },
        "ErrorObject": {
            "type": "object",
            "description": "An error as OpenAI writes it.",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {
                        "message": { "type": "string", "description": "What is wrong." },
                        "type": { "type": "string", "examples": ["invalid_request_error"] },
                        "param": { "type": ["string", "null"] },
                        "code": { "type": ["string", "integer", "null"], "examples": ["context_length_exceeded"] },
                    },
                },
            },
        },
        "StreamError": {
            "type": "object",
            "description": "An error inside a stream, whose status is 200 nevertheless. It is the last event, and no `[DONE]` follows.",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {
                        "message": { "type": "string", "description": "What went wrong." },
                        "trace": {
                            "type": ["string", "null"],
                            "description": "A Python traceback, if the server runs with `send_tracebacks: true`.",
                        },
                        "type": { "type": "string" },
                        "param": { "type": ["string", "null"] },
                        "code": { "type": ["string", "integer", "null"] },
                    },
                },
            },
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}
