//! The shapes of responses: their fields and types.

use std::fmt::Write;

use serde_json::Value;

use super::super::check::{Check, FIELD_MISSING, FIELD_TYPE, FIELD_VALUE};
use super::super::report::{Notes, quote};

/// The required form of a JSON value.
#[derive(Debug)]
pub(super) enum Shape {
    Any,
    Text,
    Int,
    Number,
    /// A number, or a word instead.
    NumberOrText,
    Bool,
    /// One of these texts.
    Is(&'static [&'static str]),
    List(&'static Shape),
    /// An object with any fields, all of this shape.
    Map(&'static Shape),
    Object(&'static [Field]),
    /// A vector, as numbers or as Base64.
    Vector,
}

/// A field: its name, or several alternative names separated by `|`.
pub(super) type Field = (&'static str, Need, Shape);

#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Present, and not null.
    Set,
    /// Present, and possibly null.
    There,
    /// Absent, null, or of the shape.
    Open,
}

/// The maximum number of reported faults of one value.
const MOST: usize = 3;
const DEEPEST: usize = 16;

/// Compares a value with a shape.
pub(super) fn check(value: &Value, shape: &Shape, notes: &mut Notes) {
    let mut walk = Walk { notes, place: String::new(), left: MOST };
    walk.value(value, shape, 0);
}

struct Walk<'a> {
    notes: &'a mut Notes,
    place: String,
    left: usize,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, shape: &Shape, depth: usize) {
        if self.left == 0 || depth > DEEPEST {
            return;
        }
        let fits = match shape {
            Shape::Any => true,
            Shape::Text | Shape::Is(_) => value.is_string(),
            Shape::Int => value.is_i64() || value.is_u64(),
            Shape::Number => value.is_number(),
            Shape::NumberOrText => value.is_number() || value.is_string(),
            Shape::Bool => value.is_boolean(),
            Shape::List(_) => value.is_array(),
            Shape::Map(_) | Shape::Object(_) => value.is_object(),
            Shape::Vector => value.is_string() || value.is_array(),
        };
        if !fits {
            let (place, wanted) = (self.here(), word(shape));
            return self.fault(FIELD_TYPE, format!("{place} is {} where {wanted} belongs", kind(value)));
        }
        match (shape, value) {
            (Shape::Is(texts), Value::String(text)) if !texts.contains(&text.as_str()) => {
                let place = self.here();
                let texts = texts.join("` or `");
                self.fault(FIELD_VALUE, format!("{place} is {}, not `{texts}`", quote(text)));
            }
            (Shape::List(shape), Value::Array(items)) => self.items(items, shape, depth),
            (Shape::Vector, Value::Array(items)) => self.items(items, &Shape::Number, depth),
            (Shape::Map(shape), Value::Object(fields)) => {
                for (name, value) in fields {
                    self.inside(&format!(".{}", name.chars().take(40).collect::<String>()), |walk| {
                        walk.value(value, shape, depth + 1);
                    });
                }
            }
            (Shape::Object(shapes), Value::Object(fields)) => {
                for (names, need, shape) in *shapes {
                    let found = names.split('|').find_map(|name| Some((name, fields.get(name)?)));
                    match (found, need) {
                        (None, Need::Open) | (Some((_, Value::Null)), Need::There | Need::Open) => {}
                        (None, _) => {
                            let place = self.here();
                            self.fault(FIELD_MISSING, format!("{place} has no field `{names}`"));
                        }
                        (Some((name, value)), _) => {
                            self.inside(&format!(".{name}"), |walk| walk.value(value, shape, depth + 1));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn items(&mut self, items: &[Value], shape: &Shape, depth: usize) {
        for (index, item) in items.iter().enumerate() {
            self.inside(&format!("[{index}]"), |walk| walk.value(item, shape, depth + 1));
        }
    }

    fn inside(&mut self, step: &str, then: impl FnOnce(&mut Self)) {
        if self.left == 0 {
            return;
        }
        let before = self.place.len();
        let _ = write!(self.place, "{step}");
        then(self);
        self.place.truncate(before);
    }

    fn here(&self) -> String {
        match self.place.trim_start_matches('.') {
            "" => "the answer".to_owned(),
            place => format!("`{place}`"),
        }
    }

    fn fault(&mut self, check: Check, seen: String) {
        if self.left > 0 {
            self.left -= 1;
            self.notes.add(check, seen);
        }
    }
}

/// The type of a value, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn word(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "any value",
        Shape::Text | Shape::Is(_) => "a text",
        Shape::Int => "an integer",
        Shape::Number => "a number",
        Shape::NumberOrText => "a number or a text",
        Shape::Bool => "a boolean",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Object(_) => "an object",
        Shape::Vector => "a list of numbers",
    }
}
