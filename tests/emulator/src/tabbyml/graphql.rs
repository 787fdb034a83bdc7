//! The part of GraphQL that clients use: one operation without fragments.

use serde_json::{Map, Value, json};

use super::State;
use super::http::{Request, Response};
use super::requests::{GraphQl, read};
use super::routes::bearer;

/// A field with its selection.
struct Field<'a> {
    name: &'a str,
    /// The position of its name in the document.
    at: usize,
    fields: Vec<Field<'a>>,
}

/// The caller of an operation.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Nobody,
    /// Has the token of a user.
    User,
    /// Has the token of a session.
    Session,
}

const SESSION: &str = "JWT";

pub(super) fn answer(state: &State, request: &Request) -> Response {
    let asked: GraphQl = match read(request) {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let caller = match bearer(request) {
        Some(token) if token == state.config.token => Caller::User,
        Some(SESSION) => Caller::Session,
        _ => Caller::Nobody,
    };
    let fields = parse(&asked.query);
    let mut data = Map::new();
    for field in &fields {
        let Some(value) = value(state, field.name, &asked.variables) else {
            let message = format!("Unknown field \"{}\" on type \"Query\"", field.name);
            let (message, location) = (json!(message), location(&asked.query, field.at));
            return Response::json(400, format!(r#"{{"errors":[{{"message":{message},"locations":[{location}]}}]}}"#));
        };
        if let Some((message, code)) = refusal(field.name, caller) {
            let location = location(&asked.query, field.at);
            let (message, name) = (json!(message), json!(field.name));
            return Response::json(
                200,
                format!(
                    r#"{{"data":null,"errors":[{{"message":{message},"locations":[{location}],"path":[{name}],"extensions":{{"code":"{code}"}}}}]}}"#
                ),
            );
        }
        data.insert(field.name.to_owned(), value);
    }
    let data: Vec<_> = fields
        .iter()
        .map(|field| format!("{}:{}", json!(field.name), selected(&data[field.name], &field.fields)))
        .collect();
    Response::json(200, format!(r#"{{"data":{{{}}}}}"#, data.join(",")))
}

fn refusal(name: &str, caller: Caller) -> Option<(&'static str, &'static str)> {
    const OPEN: [&str; 2] = ["tokenAuth", "refreshToken"];
    const FOR_USERS: [&str; 8] = [
        "me",
        "contextInfo",
        "repositoryList",
        "repositorySearch",
        "repositoryGrep",
        "myThreads",
        "threadMessages",
        "license",
    ];
    match caller {
        _ if OPEN.contains(&name) => None,
        Caller::Nobody => Some(("You're not logged in", "UNAUTHORIZED")),
        Caller::User if !FOR_USERS.contains(&name) => {
            Some(("Invoking this API with an auth token is not allowed", "FORBIDDEN"))
        }
        _ => None,
    }
}

/// Returns the value of this field. `None` if it does not exist.
fn value(state: &State, name: &str, variables: &Value) -> Option<Value> {
    let pages = |nodes: Value| json!({"edges": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}});
    let tokens = json!({"accessToken": SESSION, "refreshToken": "refresh"});
    Some(match name {
        "me" => json!({
            "id": "E16n1q", "email": "owner@example.com", "name": "Owner", "isAdmin": true, "isOwner": true,
            "authToken": state.config.token,
        }),
        "repositoryList" => json!([]),
        "contextInfo" => json!({"sources": []}),
        "license" => json!({"type": "COMMUNITY", "status": "OK", "seats": 5}),
        "securitySetting" => json!({"disableClientSideTelemetry": false}),
        "ingestionStatus" => json!([]),
        "repositorySearch" => {
            json!([{"type": "file", "path": format!("src/{}.rs", variables["pattern"].as_str().unwrap_or("lib")), "indices": [4]}])
        }
        "repositoryGrep" => json!({"elapsedMs": 1, "files": [{"path": "src/lib.rs", "lines": [{
            "lineNumber": 3, "byteOffset": 20, "line": {"text": "fn find() {\n", "base64": null},
            "subMatches": [{"bytesStart": 3, "bytesEnd": 7}],
        }]}]}),
        "myThreads" => pages(json!([{"cursor": "1", "node": {
            "id": "R1AWw5", "userId": "E16n1q", "isEphemeral": false,
            "createdAt": "2026-11-22T14:42:08Z", "updatedAt": "2026-11-22T14:42:09Z",
        }}])),
        "threadMessages" => pages(json!([{"cursor": "1", "node": {
            "id": "V1xYGx", "threadId": variables["threadId"], "role": "USER", "content": "hello",
            "createdAt": "2026-11-22T14:42:08Z", "updatedAt": "2026-11-22T14:42:08Z",
        }}])),
        "tokenAuth" | "refreshToken" => tokens,
        _ => return None,
    })
}

/// Returns the selected fields of a value as JSON, in the order of the selection.
fn selected(value: &Value, fields: &[Field<'_>]) -> String {
    match value {
        Value::Object(object) if !fields.is_empty() => {
            let one = |field: &Field<'_>| {
                let value = object.get(field.name).unwrap_or(&Value::Null);
                format!("{}:{}", json!(field.name), selected(value, &field.fields))
            };
            format!("{{{}}}", fields.iter().map(one).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(|item| selected(item, fields)).collect::<Vec<_>>().join(","))
        }
        value => value.to_string(),
    }
}

/// Parses the fields of the only operation.
fn parse(query: &str) -> Vec<Field<'_>> {
    let Some(start) = query.find('{') else { return Vec::new() };
    let mut at = start + 1;
    fields(query, &mut at)
}

fn fields<'a>(query: &'a str, at: &mut usize) -> Vec<Field<'a>> {
    let mut found: Vec<Field<'a>> = Vec::new();
    while let Some(c) = query[*at..].chars().next() {
        match c {
            '}' => {
                *at += 1;
                break;
            }
            '{' => {
                *at += 1;
                let inner = fields(query, at);
                if let Some(last) = found.last_mut() {
                    last.fields = inner;
                }
            }
            '(' => *at += query[*at..].find(')').map_or(1, |end| end + 1),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let len = query[*at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let len = len.unwrap_or(query.len() - *at);
                found.push(Field { name: &query[*at..*at + len], at: *at, fields: Vec::new() });
                *at += len;
            }
            c => *at += c.len_utf8(),
        }
    }
    found
}

fn location(query: &str, at: usize) -> String {
    let before = &query[..at];
    let line = before.matches('\n').count() + 1;
    let column = at - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    format!(r#"{{"line":{line},"column":{column}}}"#)
}
