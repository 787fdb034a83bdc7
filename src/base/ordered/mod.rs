//! `OrderedJson`: a JSON value whose objects keep the order of their fields.

mod convert;

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// A JSON value whose objects keep the order of their fields.
///
/// The order of `properties` in a JSON schema is the order in which the model writes them, so a sorted schema can make it answer
/// before it reasons. [`serde_json::Value`] sorts the fields of objects, unless its feature `preserve_order` is enabled
/// anywhere in the dependency tree. This type keeps the order regardless of features.
///
/// | made from | order |
/// |---|---|
/// | JSON text: [`parse`](OrderedJson::parse), or by deserializing | as in the text |
/// | [`ordered_json!`](crate::ordered_json), [`object`](OrderedJson::object) | as written |
/// | [`from_serialize`](OrderedJson::from_serialize) | as the type writes its fields |
/// | a type that derives `JsonSchema`: [`schema_for`](crate::structured#functions) | as declared |
/// | a [`Value`], such as `json!` returns | as written with `serde_json/preserve_order`, else sorted by name |
///
/// ```
/// use tabbyapi::{OrderedJson, ordered_json};
///
/// let text = r#"{"type":"object","properties":{"reasoning":{"type":"string"},"answer":{"type":"string"}}}"#;
/// let schema = OrderedJson::parse(text)?;
/// assert_eq!(schema.to_string(), text);
/// assert_eq!(schema["properties"]["answer"]["type"], "string");
///
/// let same = ordered_json!({"type": "object", "properties": {"reasoning": {"type": "string"}, "answer": {"type": "string"}}});
/// assert_eq!(same, schema);
/// # Ok::<(), tabbyapi::Error>(())
/// ```
///
/// Two values are equal if their text is equal, including the order of fields. A comparison with a [`Value`] ignores the order.
#[derive(Clone, Default, PartialEq)]
pub struct OrderedJson(Node);

#[derive(Clone, Default, PartialEq)]
enum Node {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<OrderedJson>),
    /// Names are unique.
    Object(Vec<(String, OrderedJson)>),
}

static NULL: OrderedJson = OrderedJson(Node::Null);

impl OrderedJson {
    /// Creates an object with these fields. If a name occurs twice, the last value takes the position of the first.
    pub fn object<N: Into<String>, V: Into<OrderedJson>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        OrderedJson(Node::Object(distinct(fields)))
    }

    /// Creates an array of these values.
    pub fn array<V: Into<OrderedJson>>(values: impl IntoIterator<Item = V>) -> Self {
        OrderedJson(Node::Array(values.into_iter().map(Into::into).collect()))
    }

    /// Sets a field of an object. An existing field keeps its position, a new one is appended. A value of another kind is replaced by an
    /// object with this field.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<OrderedJson>) {
        let (name, value) = (name.into(), value.into());
        match &mut self.0 {
            Node::Object(fields) => match fields.iter_mut().find(|(other, _)| *other == name) {
                Some((_, place)) => *place = value,
                None => fields.push((name, value)),
            },
            other => *other = Node::Object(vec![(name, value)]),
        }
    }

    /// Removes a field of an object and returns it.
    pub fn remove(&mut self, name: &str) -> Option<OrderedJson> {
        let Node::Object(fields) = &mut self.0 else { return None };
        let at = fields.iter().position(|(other, _)| other == name)?;
        Some(fields.remove(at).1)
    }

    /// Returns a field of an object.
    pub fn get(&self, name: &str) -> Option<&OrderedJson> {
        self.fields().find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Returns the fields of an object, in order. Empty for other kinds.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &OrderedJson)> {
        let fields = match &self.0 {
            Node::Object(fields) => fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the elements, if the value is an array.
    pub fn as_array(&self) -> Option<&[OrderedJson]> {
        match &self.0 {
            Node::Array(values) => Some(values),
            _ => None,
        }
    }

    /// Returns the text, if the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the boolean, if the value is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.0 {
            Node::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the number, if the value is one.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.0 {
            Node::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns whether the value is an object.
    pub fn is_object(&self) -> bool {
        matches!(self.0, Node::Object(_))
    }

    /// Returns whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self.0, Node::Null)
    }

    /// Converts to a [`Value`], which loses the order unless `serde_json/preserve_order` is enabled.
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::String(text) => Value::String(text.clone()),
            Node::Array(values) => Value::Array(values.iter().map(OrderedJson::to_value).collect()),
            Node::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), value.to_value())).collect())
            }
        }
    }

    /// A text that is equal for values that differ only in the order of fields and the notation of numbers, regardless of the features of
    /// `serde_json`.
    pub(crate) fn canonical(&self, text: &mut String) {
        match &self.0 {
            Node::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
                text.push('{');
                for (at, (name, value)) in sorted.into_iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    text.push_str(&Value::from(name.as_str()).to_string());
                    text.push(':');
                    value.canonical(text);
                }
                text.push('}');
            }
            Node::Array(values) => {
                text.push('[');
                for (at, value) in values.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    value.canonical(text);
                }
                text.push(']');
            }
            Node::Number(number) => text.push_str(&match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => number.to_string(),
                (_, Some(number), _) => number.to_string(),
                (_, _, Some(float)) if float.is_finite() => Value::from(float).to_string(),
                _ => number.to_string(),
            }),
            _ => text.push_str(&self.to_string()),
        }
    }
}

/// Removes duplicate names. The last value takes the position of the first.
fn distinct(mut fields: Vec<(String, OrderedJson)>) -> Vec<(String, OrderedJson)> {
    let mut places: Vec<usize> = (0..fields.len()).collect();
    // A stable sort, so fields of one name stay in order.
    places.sort_by(|&one, &other| fields[one].0.cmp(&fields[other].0));
    let mut repeated = Vec::new();
    for same in places.chunk_by(|&one, &other| fields[one].0 == fields[other].0) {
        if let [first, .., last] = *same {
            repeated.push((first, last, &same[1..]));
        }
    }
    let gone: HashSet<usize> = repeated.iter().flat_map(|(.., later)| later.iter().copied()).collect();
    for (first, last, _) in repeated {
        fields[first].1 = std::mem::take(&mut fields[last].1);
    }
    if !gone.is_empty() {
        let mut at = 0;
        fields.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }
    fields
}

/// A map that is serialized in the order of another value for the fields they share, followed by the others.
pub(crate) struct InOrderOf<'a> {
    pub(crate) value: &'a Value,
    pub(crate) order: Option<&'a OrderedJson>,
}

impl Serialize for InOrderOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.value, self.order.map(|order| &order.0)) {
            (Value::Object(map), Some(Node::Object(order))) => map_in_order_of(map, order, |_| true, serializer),
            (Value::Array(values), Some(Node::Array(order))) => {
                let order = order.iter().map(Some).chain(std::iter::repeat(None));
                serializer.collect_seq(values.iter().zip(order).map(|(value, order)| InOrderOf { value, order }))
            }
            _ => self.value.serialize(serializer),
        }
    }
}

/// Serializes the fields of a map in the order of another value.
pub(crate) fn map_in_order_of<S: Serializer>(
    map: &Map<String, Value>,
    order: &[(String, OrderedJson)],
    written: impl Fn(&str) -> bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut writer = serializer.serialize_map(None)?;
    let mut done = HashSet::new();
    for (name, order) in order.iter().filter(|(name, _)| written(name)) {
        if let Some(value) = map.get(name) {
            writer.serialize_entry(name, &InOrderOf { value, order: Some(order) })?;
            done.insert(name);
        }
    }
    for (name, value) in map.iter().filter(|(name, _)| written(name)) {
        if !done.contains(name) {
            writer.serialize_entry(name, value)?;
        }
    }
    writer.end()
}

impl Serialize for OrderedJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Number(number) => number.serialize(serializer),
            Node::String(text) => serializer.serialize_str(text),
            Node::Array(values) => serializer.collect_seq(values),
            Node::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// The name by which `serde_json` passes numbers when its feature `arbitrary_precision` is enabled.
const NUMBER: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for OrderedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = OrderedJson;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<OrderedJson, E> {
                Ok(OrderedJson::default())
            }
            fn visit_none<E>(self) -> Result<OrderedJson, E> {
                Ok(OrderedJson::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OrderedJson, D::Error> {
                OrderedJson::deserialize(deserializer)
            }
            fn visit_bool<E>(self, value: bool) -> Result<OrderedJson, E> {
                Ok(value.into())
            }
            fn visit_i64<E>(self, value: i64) -> Result<OrderedJson, E> {
                Ok(value.into())
            }
            fn visit_u64<E>(self, value: u64) -> Result<OrderedJson, E> {
                Ok(value.into())
            }
            fn visit_f64<E>(self, value: f64) -> Result<OrderedJson, E> {
                Ok(value.into())
            }
            fn visit_str<E>(self, text: &str) -> Result<OrderedJson, E> {
                Ok(text.into())
            }
            fn visit_string<E>(self, text: String) -> Result<OrderedJson, E> {
                Ok(text.into())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OrderedJson, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(OrderedJson(Node::Array(values)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OrderedJson, A::Error> {
                let mut fields: Vec<(String, OrderedJson)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if fields.is_empty() && name == NUMBER {
                        let number = map.next_value::<String>()?.parse().map_err(A::Error::custom)?;
                        return Ok(OrderedJson(Node::Number(number)));
                    }
                    fields.push((name, map.next_value()?));
                }
                Ok(OrderedJson(Node::Object(distinct(fields))))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// Creates an [`OrderedJson`] from a JSON literal, like `serde_json::json!`, and keeps the order of the fields.
/// Values can be any expressions that convert into an [`OrderedJson`].
///
/// ```
/// use tabbyapi::ordered_json;
///
/// let most = 5;
/// let schema = ordered_json!({
///     "type": "object",
///     "properties": {
///         "reasoning": {"type": "string"},
///         "answer": {"type": "array", "items": {"type": ["string", null]}, "maxItems": most},
///     },
///     "additionalProperties": false,
/// });
/// assert_eq!(
///     schema.to_string(),
///     r#"{"type":"object","properties":{"reasoning":{"type":"string"},"answer":{"type":"array","items":{"type":["string",null]},"maxItems":5}},"additionalProperties":false}"#,
/// );
/// ```
#[macro_export]
macro_rules! ordered_json {
    (@fields $fields:ident) => {};
    (@fields $fields:ident $name:tt : null $(, $($rest:tt)*)?) => {
        $fields.push((($name).into(), $crate::ordered_json!(null)));
        $crate::ordered_json!(@fields $fields $($($rest)*)?);
    };
    (@fields $fields:ident $name:tt : [ $($list:tt)* ] $(, $($rest:tt)*)?) => {
        $fields.push((($name).into(), $crate::ordered_json!([ $($list)* ])));
        $crate::ordered_json!(@fields $fields $($($rest)*)?);
    };
    (@fields $fields:ident $name:tt : { $($object:tt)* } $(, $($rest:tt)*)?) => {
        $fields.push((($name).into(), $crate::ordered_json!({ $($object)* })));
        $crate::ordered_json!(@fields $fields $($($rest)*)?);
    };
    (@fields $fields:ident $name:tt : $value:expr , $($rest:tt)*) => {
        $fields.push((($name).into(), $crate::ordered_json!($value)));
        $crate::ordered_json!(@fields $fields $($rest)*);
    };
    (@fields $fields:ident $name:tt : $value:expr) => {
        $fields.push((($name).into(), $crate::ordered_json!($value)));
    };
    (@values $values:ident) => {};
    (@values $values:ident null $(, $($rest:tt)*)?) => {
        $values.push($crate::ordered_json!(null));
        $crate::ordered_json!(@values $values $($($rest)*)?);
    };
    (@values $values:ident [ $($list:tt)* ] $(, $($rest:tt)*)?) => {
        $values.push($crate::ordered_json!([ $($list)* ]));
        $crate::ordered_json!(@values $values $($($rest)*)?);
    };
    (@values $values:ident { $($object:tt)* } $(, $($rest:tt)*)?) => {
        $values.push($crate::ordered_json!({ $($object)* }));
        $crate::ordered_json!(@values $values $($($rest)*)?);
    };
    (@values $values:ident $value:expr , $($rest:tt)*) => {
        $values.push($crate::ordered_json!($value));
        $crate::ordered_json!(@values $values $($rest)*);
    };
    (@values $values:ident $value:expr) => {
        $values.push($crate::ordered_json!($value));
    };
    (null) => { $crate::OrderedJson::default() };
    ([ $($list:tt)* ]) => {{
        #[allow(unused_mut, clippy::vec_init_then_push)]
        let values = {
            let mut values = ::std::vec::Vec::<$crate::OrderedJson>::new();
            $crate::ordered_json!(@values values $($list)*);
            values
        };
        $crate::OrderedJson::array(values)
    }};
    ({ $($object:tt)* }) => {{
        #[allow(unused_mut, clippy::vec_init_then_push)]
        let fields = {
            let mut fields = ::std::vec::Vec::<(::std::string::String, $crate::OrderedJson)>::new();
            $crate::ordered_json!(@fields fields $($object)*);
            fields
        };
        $crate::OrderedJson::object(fields)
    }};
    ($value:expr) => { $crate::OrderedJson::from($value) };
}
