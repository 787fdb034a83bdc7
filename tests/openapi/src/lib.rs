//! The OpenAPI document of TabbyAPI, made from the library's operations and types.
//!
//! It is committed as `openapi.json`; a test fails if it is stale, and `cargo run -p tabbyapi-openapi` writes it anew.
//!
//! The methods of the npm package are generated from it, by `operationId`, which is service and method. What OpenAPI has no field for:
//!
//! * `x-tabbyapi-arguments`: the method's arguments, if it has some. `request` is the whole request; others are its fields, in order.
//! * `x-tabbyapi-total`: the type that the items of a stream add up to.
//! * `x-tabbyapi-operations`: the operations of a route that serves several methods. The route itself is their union.

mod errors;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use tabbyapi::Scope;
use tabbyapi::internal::{OPERATIONS, Operation, SERVICES};

const ARGUMENTS: &str = "x-tabbyapi-arguments";
const TOTAL: &str = "x-tabbyapi-total";
const MERGED: &str = "x-tabbyapi-operations";

/// Returns the document.
pub fn document() -> Value {
    // As things are written: what is always sent is required.
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in OPERATIONS.iter().copied().flatten() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        let verb = operation.verb.as_str().to_ascii_lowercase();
        let known = item.get(&verb).cloned();
        item[verb] = merged(known, described(operation, &mut generator));
    }
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(tidy);
    schemas.insert(
        "JsonSchema".into(),
        json!({ "type": "object", "additionalProperties": true, "description": "A JSON schema." }),
    );
    schemas.extend(errors::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "TabbyAPI",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The HTTP interface of theroyallab/tabbyAPI as it was observed: requests, responses, the events of streams, and \
                            errors. It is not the server's own document, which has neither streams nor errors. Objects may have more fields \
                            than their schemas name.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:5000", "description": "The server's default address." }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": errors::responses(),
            "securitySchemes": {
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The API key, or the admin key in its place." },
                "adminKey": { "type": "apiKey", "in": "header", "name": "X-Admin-Key", "description": "The admin key." },
                "bearer": { "type": "http", "scheme": "bearer", "description": "Either key." },
            },
        },
    })
}

/// The services, each with the first sentences of its doc comment.
fn tags() -> Value {
    let tag = |&(name, doc): &(&str, &str)| {
        let description = sentences(doc).0.replace(&format!(": `client.{name}()`"), "");
        json!({ "name": name, "description": description })
    };
    SERVICES.iter().map(tag).collect()
}

/// One operation.
fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let (summary, description) = sentences(operation.doc);
    let mut out = json!({
        "tags": [operation.service],
        "operationId": format!("{}.{}", operation.service, operation.method),
        "summary": summary,
    });
    if !description.is_empty() {
        out["description"] = description.into();
    }
    if !operation.arguments.is_empty() {
        out[ARGUMENTS] = json!(operation.arguments);
    }
    if let Some(total) = operation.total {
        out[TOTAL] = total.into();
    }
    if let Some(schema) = operation.request_schema {
        let schema = schema(generator);
        out["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    let answer = (operation.answer_schema)(generator);
    let good = match operation.total {
        None => json!({ "description": "The response.", "content": { "application/json": { "schema": answer } } }),
        Some(total) => json!({
            "description": format!(
                "A stream of events. Each `data` is one item of the schema, or an error event, `StreamError`. {} The items add up to a `{total}`.",
                match operation.service {
                    "completions" | "chat" => "The last event is `data: [DONE]`; a stream that ends without it was cut.",
                    "models" => "It ends with the last event, without `[DONE]`: the model is usable once the stream has ended without an error event.",
                    _ => "It ends with the last event, without `[DONE]`.",
                }
            ),
            "content": { "text/event-stream": { "schema": { "anyOf": [answer, { "$ref": "#/components/schemas/StreamError" }] } } },
        }),
    };
    let mut responses = json!({ "200": good });
    for (status, response) in errors::of(operation) {
        responses[status] = json!({ "$ref": format!("#/components/responses/{response}") });
    }
    if (operation.service, operation.method) == ("health", "check") {
        responses["503"] = responses["200"].clone();
    }
    out["responses"] = responses;
    out["security"] = match operation.scope {
        Scope::Public => json!([]),
        Scope::Admin => json!([{ "adminKey": [] }, { "bearer": [] }]),
        _ => json!([{ "apiKey": [] }, { "bearer": [] }]),
    };
    out
}

/// The first sentence of a doc comment, and the rest, without what is for Rust alone.
fn sentences(doc: &str) -> (String, String) {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let text = lines.join("\n");
    let (first, rest) = text.trim().split_once("\n\n").unwrap_or((text.trim(), ""));
    (plain(first).replace('\n', " "), plain(rest))
}

/// A schema without what is for Rust alone: defaults of reading leniently, and links and examples in doc comments.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                JSON_OBJECTS.iter().for_each(|name| refer(properties, name));
                properties.values_mut().for_each(open);
            }
            if !fields.contains_key("properties") || fields.get("default").is_some_and(|value| !value.is_object()) {
                fields.shift_remove("default");
            }
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = plain(description);
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Fields that are JSON of any kind to the library, and JSON schemas to the server.
const JSON_OBJECTS: [&str; 3] = ["json_schema", "parameters", "functions"];

/// An object whose fields are not known has any.
fn open(property: &mut Value) {
    let Some(property) = property.as_object_mut() else { return };
    let is_object = match property.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        kind => kind.is_some_and(|kind| kind == "object"),
    };
    if is_object && !property.contains_key("properties") && !property.contains_key("additionalProperties") {
        property.insert("additionalProperties".into(), true.into());
    }
}

fn refer(properties: &mut Map<String, Value>, name: &str) {
    let Some(Value::Object(property)) = properties.get_mut(name) else { return };
    let schema = json!({ "$ref": "#/components/schemas/JsonSchema" });
    match name {
        "json_schema" if !property.contains_key("type") => {
            property.insert("anyOf".into(), json!([schema, { "type": "string", "description": "JSON text." }]));
        }
        "functions" => {
            property.remove("anyOf");
            property.insert("type".into(), "array".into());
            property.insert("items".into(), schema);
        }
        "parameters" if !property.contains_key("$ref") && !property.contains_key("anyOf") => {
            property.insert("$ref".into(), "#/components/schemas/JsonSchema".into());
        }
        _ => {}
    }
}

/// Text without the targets of links between items, and without examples and paragraphs about Rust.
fn plain(text: &str) -> String {
    let prose: String = text.split("```").step_by(2).collect();
    let is_for_all = |paragraph: &&str| {
        let paragraph = paragraph.trim();
        !paragraph.starts_with("`client.")
            && !paragraph.starts_with("The operation of ")
            && !paragraph.starts_with("[`")
    };
    let prose = prose.split("\n\n").filter(is_for_all).collect::<Vec<_>>().join("\n\n");
    let mut out = String::new();
    let mut rest = prose.trim();
    while let Some((before, after)) = rest.split_once("[`") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("`]") else { break };
        out.push('`');
        out.push_str(name);
        out.push('`');
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    out.replace("# Errors", "Errors:")
}

/// Two operations of one route as one: either request, either kind of response.
fn merged(known: Option<Value>, new: Value) -> Value {
    let Some(mut known) = known else { return new };
    let mut all = match known.as_object_mut().and_then(|known| known.shift_remove(MERGED)) {
        Some(all) => all,
        None => json!([alone(&known)]),
    };
    if let Some(all) = all.as_array_mut() {
        all.push(alone(&new));
    }
    if let Some(known) = known.as_object_mut() {
        known.retain(|name, _| name != ARGUMENTS && name != TOTAL);
    }
    let summary = format!(
        "{} Or: {}",
        known["summary"].as_str().unwrap_or_default(),
        new["summary"].as_str().unwrap_or_default()
    );
    known["summary"] = summary.into();
    let schema = |operation: &Value| operation.pointer("/requestBody/content/application~1json/schema").cloned();
    if let (Some(one), Some(other)) = (schema(&known), schema(&new))
        && one != other
    {
        known["requestBody"]["content"]["application/json"]["schema"] = json!({ "anyOf": [one, other] });
    }
    if let (Some(kinds), Some(more)) =
        (known["responses"]["200"]["content"].as_object_mut(), new["responses"]["200"]["content"].as_object())
    {
        for (kind, content) in more {
            match kinds.get_mut(kind) {
                Some(known) if known != content => {
                    *known = json!({ "schema": { "anyOf": [known["schema"], content["schema"]] } });
                }
                Some(_) => {}
                None => {
                    kinds.insert(kind.clone(), content.clone());
                }
            }
        }
    }
    known[MERGED] = all;
    known
}

/// What an operation of several has to itself.
fn alone(operation: &Value) -> Value {
    let mut alone = operation.clone();
    if let Some(fields) = alone.as_object_mut() {
        fields.retain(|name, _| name != "tags" && name != "security");
    }
    if let Some(responses) = alone["responses"].as_object_mut() {
        responses.retain(|status, _| status == "200");
    }
    alone
}
