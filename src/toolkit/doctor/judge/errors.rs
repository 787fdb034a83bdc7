//! Responses with an error status.

use serde_json::Value;

use super::super::check::*;
use super::super::report::{Notes, quote};
use super::{is_html, shape};

pub(super) fn check(status: u16, body: &[u8], notes: &mut Notes) {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if is_html(body) {
        return notes.add(HTML, format!("status {status} with {}", quote(text)));
    }
    if text.is_empty() {
        return notes.add(ERROR_SHAPE, format!("status {status} without a body"));
    }
    // The response of the server's framework to an exception that was not caught.
    if status == 500 && text == "Internal Server Error" {
        return;
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return notes.add(ERROR_SHAPE, format!("status {status} with {}", quote(text)));
    };
    match (&value["detail"], &value["error"]) {
        (Value::String(reason), _) => reason_fits(status, reason, notes),
        (Value::Array(entries), _) => {
            if status != 422 {
                notes.add(ERROR_STATUS, format!("status {status} with a list of invalid fields, which is 422"));
            }
            if entries.is_empty() || !entries.iter().all(is_entry) {
                notes.add(ERROR_SHAPE, "entries of a 422 have `type`, `loc` and `msg`");
            }
        }
        (Value::Null, Value::Object(error)) => {
            if !error.get("message").is_some_and(Value::is_string) {
                notes.add(ERROR_SHAPE, "`error` has no `message`");
            }
            let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
            if code == "context_length_exceeded" && status != 400 {
                notes.add(ERROR_STATUS, format!("status {status} with `{code}`, which is 400"));
            }
        }
        (Value::Null, _) => notes.add(ERROR_SHAPE, format!("status {status} with {}", quote(text))),
        (detail, _) => notes.add(ERROR_SHAPE, format!("`detail` is {}", shape::kind(detail))),
    }
}

/// Reasons that always have the same status.
fn reason_fits(status: u16, reason: &str, notes: &mut Notes) {
    let right = match reason {
        "Please provide an API key" | "Invalid API key" | "Please provide an admin key" | "Invalid admin key" => 401,
        "Not Found" => 404,
        "Method Not Allowed" => 405,
        _ if reason.ends_with("are currently loaded.") => 503,
        _ => return,
    };
    if status != right {
        notes.add(ERROR_STATUS, format!("status {status} with {}, which is {right}", quote(reason)));
    }
}

fn is_entry(entry: &Value) -> bool {
    let is_step = |step: &Value| step.is_string() || step.is_u64();
    entry["type"].is_string()
        && entry["msg"].is_string()
        && entry["loc"].as_array().is_some_and(|steps| steps.iter().all(is_step))
}
