//! `Extra`: fields that this library does not define.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, map};

use crate::base::ordered::{OrderedJson, map_in_order_of};
use crate::base::secrets::Secrets;

/// Fields that this version of the library does not define. In requests they are sent, in responses they are kept.
///
/// Takes the size of one pointer. Does not allocate while empty.
///
/// ```
/// use tabbyapi::Extra;
///
/// let mut extra = Extra::new();
/// assert!(extra.is_empty());
/// extra.insert("user", "u-17");
/// assert_eq!(extra["user"], "u-17");
/// ```
// Chunks have three of them, usually empty. A map in place of the pointer would be moved and dropped for each token.
#[derive(Clone, Default)]
pub struct Extra(Option<Box<Fields>>);

#[derive(Clone, Default)]
struct Fields {
    map: Map<String, Value>,
    /// The fields that were set with an order, which is kept on writing. The values in the map take precedence.
    order: Vec<(String, OrderedJson)>,
}

// Most are empty. The check is inlined where they are dropped, so that they need no call.
impl Drop for Extra {
    #[inline]
    fn drop(&mut self) {
        if let Some(fields) = self.0.take() {
            drop_fields(fields);
        }
    }
}

#[cold]
#[inline(never)]
fn drop_fields(fields: Box<Fields>) {
    drop(fields);
}

impl Extra {
    /// Creates an empty set of fields.
    pub const fn new() -> Self {
        Extra(None)
    }

    /// Sets a field. The order inside the value is kept on the wire. Fields set by this method are written first, in the order of the
    /// calls.
    ///
    /// ```
    /// use tabbyapi::{Extra, OrderedJson};
    ///
    /// let mut extra = Extra::new();
    /// extra.set("second", OrderedJson::parse(r#"{"z":1,"a":2}"#)?);
    /// extra.set("first", 1);
    /// assert_eq!(extra["second"]["a"], 2);
    /// assert_eq!(serde_json::to_string(&extra).unwrap(), r#"{"second":{"z":1,"a":2},"first":1}"#);
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<OrderedJson>) {
        let (name, value) = (name.into(), value.into());
        let fields = self.0.get_or_insert_default();
        fields.map.insert(name.clone(), value.to_value());
        match fields.order.iter_mut().find(|(other, _)| *other == name) {
            Some((_, order)) => *order = value,
            None => fields.order.push((name, value)),
        }
    }

    /// Moves the fields of another value into this one, with their order.
    pub(crate) fn take_over(&mut self, mut other: Extra) {
        let Some(other) = other.0.take() else { return };
        let fields = self.0.get_or_insert_default();
        for (name, order) in other.order {
            match fields.order.iter_mut().find(|(other, _)| *other == name) {
                Some((_, place)) => *place = order,
                None => fields.order.push((name, order)),
            }
        }
        fields.map.extend(other.map);
    }

    /// Serializes the fields.
    pub(crate) fn write<S: Serializer>(
        &self,
        written: impl Fn(&str) -> bool,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(fields) => map_in_order_of(&fields.map, &fields.order, written, serializer),
            None => serializer.serialize_map(None)?.end(),
        }
    }

    /// Returns whether there are no fields.
    // Does not look up the shared empty map.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|fields| fields.map.is_empty())
    }

    /// Removes secrets from the values. If a name contains a secret, removes all fields.
    pub(crate) fn remove_secrets(&mut self, secrets: &Secrets) {
        if self.0.as_mut().is_some_and(|fields| secrets.remove_from_fields(&mut fields.map)) {
            self.0 = None;
        }
    }
}

impl Extra {
    /// Returns the value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.map()?.get(name)
    }

    /// Returns a mutable reference to the value of a field.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.as_mut()?.map.get_mut(name)
    }

    /// Returns whether a field of this name exists.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field and returns its previous value.
    ///
    /// The fields of an object are sorted by name, unless the feature `preserve_order` of `serde_json` is enabled.
    /// [`set`](Extra::set) keeps their order.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.get_or_insert_default().map.insert(name.into(), value.into())
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.as_mut()?.map.remove(name)
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.map().map_or(0, Map::len)
    }

    /// Returns an iterator over the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.map().into_iter().flatten()
    }

    /// Returns an iterator over the names of the fields.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.iter().map(|(name, _)| name)
    }

    /// The fields, mutable.
    pub(crate) fn map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0.get_or_insert_default().map
    }

    /// None if no field was ever set.
    pub(crate) fn map(&self) -> Option<&Map<String, Value>> {
        self.0.as_ref().map(|fields| &fields.map)
    }
}

/// Returns the value of a field, or null.
impl std::ops::Index<&str> for Extra {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

impl Eq for Extra {}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        // An emptied map equals one that was never allocated.
        match (self.is_empty(), other.is_empty()) {
            (false, false) => self.map() == other.map(),
            (one, two) => one == two,
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl From<Map<String, Value>> for Extra {
    fn from(map: Map<String, Value>) -> Self {
        Extra((!map.is_empty()).then(|| Box::new(Fields { map, order: Vec::new() })))
    }
}

impl From<Extra> for Map<String, Value> {
    fn from(mut extra: Extra) -> Self {
        extra.0.take().map(|fields| fields.map).unwrap_or_default()
    }
}

impl FromIterator<(String, Value)> for Extra {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        let mut extra = Extra::new();
        extra.extend(fields);
        extra
    }
}

impl Extend<(String, Value)> for Extra {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Extra {
    type Item = (String, Value);
    type IntoIter = map::IntoIter;
    fn into_iter(self) -> map::IntoIter {
        Map::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Extra {
    type Item = (&'a String, &'a Value);
    type IntoIter = std::iter::Flatten<std::option::IntoIter<&'a Map<String, Value>>>;
    fn into_iter(self) -> Self::IntoIter {
        self.map().into_iter().flatten()
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(|_| true, serializer)
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Extra;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extra, A::Error> {
                let mut extra = Extra::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    extra.insert(name, value);
                }
                Ok(extra)
            }
            fn visit_unit<E>(self) -> Result<Extra, E> {
                Ok(Extra::new())
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, json, to_string};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        known: u8,
        #[serde(flatten)]
        extra: Extra,
    }

    #[test]
    fn flattened() {
        let none: Outer = from_str(r#"{"known":1}"#).unwrap();
        assert!(none.extra.0.is_none());
        assert_eq!(to_string(&none).unwrap(), r#"{"known":1}"#);
        let some: Outer = from_str(r#"{"a":null,"known":1,"b":[2]}"#).unwrap();
        assert_eq!(some.extra, Extra::from_iter([("b".into(), json!([2])), ("a".into(), Value::Null)]));
        assert_eq!(to_string(&some).unwrap(), r#"{"known":1,"a":null,"b":[2]}"#);
    }

    #[test]
    fn emptied_equals_empty() {
        let mut extra: Extra = from_str(r#"{"a":1}"#).unwrap();
        assert_ne!(extra, Extra::new());
        assert_eq!(extra["a"], 1);
        extra.remove("a");
        assert_eq!(extra, Extra::new());
        assert_eq!(format!("{extra:?}"), format!("{:?}", Extra::new()));
        assert_eq!(extra, from_str("{}").unwrap());
        assert_eq!(extra, Map::new().into());
        assert!(Extra::new().iter().next().is_none() && Extra::new().into_iter().next().is_none());
    }

    #[test]
    fn fields_are_added_and_changed() {
        let mut extra = Extra::new();
        extra.extend([]);
        assert!(extra.0.is_none());
        extra.extend([("a".to_owned(), json!(1)), ("a".to_owned(), json!(2))]);
        *extra.get_mut("a").unwrap() = json!(3);
        assert_eq!(Map::from(extra), Map::from_iter([("a".to_owned(), json!(3))]));
    }

    #[test]
    fn a_pointer_in_size() {
        assert_eq!(size_of::<Extra>(), size_of::<usize>());
    }
}
