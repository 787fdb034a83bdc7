//! Unknown fields of deltas, some of which arrive in parts.

use serde_json::{Map, Value};

use super::ChatMessage;
use crate::api::budget::Budget;
use crate::base::{Extra, Result};

/// Adds the fields of a delta to those of its message.
#[inline]
pub(super) fn push_extra(message: &mut ChatMessage, from: &Extra, budget: &mut Budget) -> Result<()> {
    if from.is_empty() { Ok(()) } else { push_some(message, from, budget) }
}

fn push_some(message: &mut ChatMessage, from: &Extra, budget: &mut Budget) -> Result<()> {
    for (name, value) in from {
        match (name.as_str(), value) {
            ("tool_call_id", Value::String(id)) => message.tool_call_id = Some(id.as_str().into()),
            ("refusal" | "function_call" | "audio" | "reasoning_details", Value::Null)
                if message.extra.contains_key(name) => {}
            ("refusal", Value::String(_)) => push_text(message.extra.map_mut(), name, value, budget)?,
            ("function_call" | "audio", Value::Object(fields)) => {
                push_object(message.extra.map_mut(), name, fields, budget)?
            }
            ("reasoning_details", Value::Array(list)) => push_list(message.extra.map_mut(), name, list, budget)?,
            _ => {}
        }
    }
    budget.merge(
        &mut message.extra,
        from,
        &["tool_call_id", "refusal", "function_call", "audio", "reasoning_details"],
    )?;
    // Values of another kind are kept as they are.
    for name in ["refusal", "function_call", "audio", "reasoning_details"] {
        if let Some(value) = from.get(name).filter(|_| !message.extra.contains_key(name)) {
            budget.take_value(name, value)?;
            message.extra.insert(name.to_owned(), value.clone());
        }
    }
    Ok(())
}

/// Appends texts. Other values are replaced.
fn push_text(to: &mut Map<String, Value>, name: &str, piece: &Value, budget: &mut Budget) -> Result<()> {
    budget.take_value(name, piece)?;
    match (to.get_mut(name), piece) {
        (Some(Value::String(text)), Value::String(piece)) => text.push_str(piece),
        _ => _ = to.insert(name.to_owned(), piece.clone()),
    }
    Ok(())
}

/// Adds a part of an object, whose texts arrive in parts, except names and ids.
fn push_object(to: &mut Map<String, Value>, name: &str, piece: &Map<String, Value>, budget: &mut Budget) -> Result<()> {
    let whole = to.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !whole.is_object() {
        *whole = Value::Object(Map::new());
    }
    let Some(whole) = whole.as_object_mut() else { return Ok(()) };
    for (field, value) in piece {
        push_field(whole, field, value, budget)?;
    }
    Ok(())
}

fn push_field(to: &mut Map<String, Value>, name: &str, piece: &Value, budget: &mut Budget) -> Result<()> {
    match (name, piece) {
        (_, Value::Null) if to.contains_key(name) => Ok(()),
        ("arguments" | "text" | "summary" | "data" | "transcript", Value::String(_)) => {
            push_text(to, name, piece, budget)
        }
        // The arguments of a function are text.
        ("arguments", Value::Object(_) | Value::Array(_)) => push_text(to, name, &piece.to_string().into(), budget),
        _ if to.get(name) == Some(piece) => Ok(()),
        _ => {
            budget.take_value(name, piece)?;
            to.insert(name.to_owned(), piece.clone());
            Ok(())
        }
    }
}

/// Entries of the same index and kind are parts of one entry.
fn push_list(to: &mut Map<String, Value>, name: &str, pieces: &[Value], budget: &mut Budget) -> Result<()> {
    let whole = to.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if !whole.is_array() {
        *whole = Value::Array(Vec::new());
    }
    let Some(whole) = whole.as_array_mut() else { return Ok(()) };
    for piece in pieces {
        let index = piece.get("index").filter(|index| !index.is_null());
        // Only the last one can continue.
        let last = whole
            .last_mut()
            .filter(|last| index.is_some() && last.get("index") == index && last.get("type") == piece.get("type"));
        match (last, piece) {
            (Some(Value::Object(last)), Value::Object(piece)) => {
                piece.iter().try_for_each(|(field, value)| push_field(last, field, value, budget))?;
            }
            _ => {
                budget.take_value("", piece)?;
                whole.push(piece.clone());
            }
        }
    }
    Ok(())
}
