//! `OneOrMany`: a list that may be written as its only element.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A list that can also be created from a single element: `"a".into()`, `["a", "b"].into()`, `vec!["a"].into()`.
///
/// Always serialized as a list. Deserialized from a list or a single element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(
    #[serde(deserialize_with = "one_or_many", bound(deserialize = "T: Deserialize<'de>"))]
    /// The elements.
    pub Vec<T>,
);

fn one_or_many<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Many(list) => list,
        Form::One(one) => vec![one],
    })
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for OneOrMany<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (one, many) = (generator.subschema_for::<T>(), generator.subschema_for::<Vec<T>>());
        schemars::json_schema!({ "anyOf": [one, many] })
    }
}

impl<T> Deref for OneOrMany<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T: From<&'a str>> From<&'a str> for OneOrMany<T> {
    fn from(one: &'a str) -> Self {
        OneOrMany(vec![one.into()])
    }
}

impl<T: From<String>> From<String> for OneOrMany<T> {
    fn from(one: String) -> Self {
        OneOrMany(vec![one.into()])
    }
}

impl<'a, T: From<&'a str>> From<&'a String> for OneOrMany<T> {
    fn from(one: &'a String) -> Self {
        one.as_str().into()
    }
}

impl<T: From<String>> From<std::borrow::Cow<'_, str>> for OneOrMany<T> {
    fn from(one: std::borrow::Cow<'_, str>) -> Self {
        one.into_owned().into()
    }
}

impl<T: From<String>> From<Box<str>> for OneOrMany<T> {
    fn from(one: Box<str>) -> Self {
        String::from(one).into()
    }
}

impl<T, S: Into<T>> From<Vec<S>> for OneOrMany<T> {
    fn from(many: Vec<S>) -> Self {
        OneOrMany(many.into_iter().map(Into::into).collect())
    }
}

impl<T, S: Into<T>, const N: usize> From<[S; N]> for OneOrMany<T> {
    fn from(many: [S; N]) -> Self {
        OneOrMany(many.into_iter().map(Into::into).collect())
    }
}

impl<T, S: Clone + Into<T>> From<&[S]> for OneOrMany<T> {
    fn from(many: &[S]) -> Self {
        OneOrMany(many.iter().cloned().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, json, to_value};

    #[test]
    fn one_or_many_reads_both() {
        let list: OneOrMany<String> = from_str(r#"["a","b"]"#).unwrap();
        assert_eq!(list, ["a", "b"].into());
        let one: OneOrMany<String> = from_str(r#""a""#).unwrap();
        assert_eq!(to_value(&one).unwrap(), json!(["a"]));
    }
}
