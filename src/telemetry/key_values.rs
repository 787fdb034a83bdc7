//! Attributes in the terms of OpenTelemetry.

use opentelemetry::{Array, KeyValue, StringValue, Value as Told};

use crate::telemetry::facts::{Attributes, Value};

/// Attributes in the terms of OpenTelemetry.
pub(super) fn key_values(told: Attributes) -> Vec<KeyValue> {
    let value = |value| match value {
        Value::Text(text) => Told::from(text),
        Value::Number(number) => number.into(),
        Value::Decimal(number) => number.into(),
        Value::Flag(flag) => flag.into(),
        Value::Texts(texts) => Told::Array(Array::String(texts.into_iter().map(StringValue::from).collect())),
    };
    told.into_iter().map(|(name, told)| KeyValue::new(name, value(told))).collect()
}
