//! Conversion of attributes to OpenTelemetry.

use opentelemetry::{Array, KeyValue, StringValue, Value as OtelValue};

use crate::telemetry::facts::{Attributes, Value};

/// Converts attributes to OpenTelemetry.
pub(super) fn key_values(attributes: Attributes) -> Vec<KeyValue> {
    let value = |value| match value {
        Value::Text(text) => OtelValue::from(text),
        Value::Number(number) => number.into(),
        Value::Decimal(number) => number.into(),
        Value::Flag(flag) => flag.into(),
        Value::Texts(texts) => OtelValue::Array(Array::String(texts.into_iter().map(StringValue::from).collect())),
    };
    attributes.into_iter().map(|(name, found)| KeyValue::new(name, value(found))).collect()
}
