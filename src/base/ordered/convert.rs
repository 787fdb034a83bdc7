//! Conversions of `OrderedJson`, comparisons, and how it is printed.

use std::fmt;
use std::ops::Index;

use serde_json::Value;

use super::{NULL, Node, OrderedJson};

impl<T: Into<Value>> From<T> for OrderedJson {
    /// Keeps the order of the map.
    fn from(value: T) -> Self {
        fn of(value: Value) -> OrderedJson {
            OrderedJson(match value {
                Value::Null => Node::Null,
                Value::Bool(value) => Node::Bool(value),
                Value::Number(number) => Node::Number(number),
                Value::String(text) => Node::String(text),
                Value::Array(values) => Node::Array(values.into_iter().map(of).collect()),
                Value::Object(map) => Node::Object(map.into_iter().map(|(name, value)| (name, of(value))).collect()),
            })
        }
        of(value.into())
    }
}

impl Index<&str> for OrderedJson {
    type Output = OrderedJson;
    /// Returns the field of this name, or null.
    fn index(&self, name: &str) -> &OrderedJson {
        self.get(name).unwrap_or(&NULL)
    }
}

impl Index<usize> for OrderedJson {
    type Output = OrderedJson;
    /// Returns the element at this index, or null.
    fn index(&self, index: usize) -> &OrderedJson {
        self.as_array().and_then(|values| values.get(index)).unwrap_or(&NULL)
    }
}

impl PartialEq<Value> for OrderedJson {
    fn eq(&self, other: &Value) -> bool {
        match (&self.0, other) {
            (Node::Null, Value::Null) => true,
            (Node::Bool(one), Value::Bool(other)) => one == other,
            (Node::Number(one), Value::Number(other)) => one == other,
            (Node::String(one), Value::String(other)) => one == other,
            (Node::Array(one), Value::Array(other)) => one == other,
            (Node::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| value == other))
            }
            _ => false,
        }
    }
}

impl PartialEq<OrderedJson> for Value {
    fn eq(&self, other: &OrderedJson) -> bool {
        other == self
    }
}

macro_rules! compared {
    ($($type:ty),*) => { $(
        impl PartialEq<$type> for OrderedJson {
            fn eq(&self, other: &$type) -> bool {
                let other = Value::from(other.to_owned());
                *self == other
            }
        }
    )* };
}
compared!(str, String, bool, i32, i64, u32, u64, f64);

impl PartialEq<&str> for OrderedJson {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Display for OrderedJson {
    /// Writes the value as JSON text, without whitespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for OrderedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
