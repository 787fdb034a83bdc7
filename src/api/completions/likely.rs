//! The most likely tokens at one position of a completion.

use std::fmt;
use std::ops::{Deref, Index};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::base::Text;
use crate::decode::in_place::{
    DeserializeInPlace, Given, IN_PAIRS, lists_are_nothing, null_is_nothing, or_default, push, scalars_are_nothing,
};

/// The most likely tokens at one position and their log probabilities, sorted by text, each text once.
///
/// A log probability is `None` if it is not a finite number. On the wire this is an object. Dereferences to a slice of pairs.
///
/// ```
/// use tabbyapi::api::LikelyTokens;
///
/// let likely: LikelyTokens = serde_json::from_str(r#"{" the": -0.5, " a": -1.25, "�": null}"#)?;
/// assert_eq!((likely.len(), likely[" a"], likely["�"]), (3, Some(-1.25), None));
/// assert_eq!(likely.find(" an"), None);
/// assert_eq!(likely.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), [" a", " the", "�"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
// A standard map reserves memory for eleven tokens; usually there are one or two.
#[derive(Clone, Default, PartialEq)]
pub struct LikelyTokens(Box<[(Text, Option<f64>)]>);

impl LikelyTokens {
    /// Returns the log probability of the token with this text, or `None` if it is not among them.
    pub fn find(&self, token: &str) -> Option<&Option<f64>> {
        let at = self.0.binary_search_by(|(text, _)| text.as_str().cmp(token)).ok()?;
        self.0.get(at).map(|(_, logprob)| logprob)
    }

    /// The memory of the tokens.
    pub(super) fn weight(&self) -> usize {
        size_of_val(&*self.0) + self.0.iter().map(|(token, _)| token.len()).sum::<usize>()
    }
}

impl From<Vec<(Text, Option<f64>)>> for LikelyTokens {
    /// Sorts the pairs. If a text occurs twice, the last pair is kept.
    fn from(mut pairs: Vec<(Text, Option<f64>)>) -> Self {
        pairs.sort_by(|(one, _), (two, _)| one.cmp(two));
        pairs.dedup_by(|later, earlier| {
            let again = later.0 == earlier.0;
            if again {
                std::mem::swap(later, earlier);
            }
            again
        });
        LikelyTokens(pairs.into_boxed_slice())
    }
}

impl Deref for LikelyTokens {
    type Target = [(Text, Option<f64>)];
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Index<&str> for LikelyTokens {
    type Output = Option<f64>;
    /// Returns the log probability of the token with this text. `None` if it is not in the list.
    fn index(&self, token: &str) -> &Option<f64> {
        self.find(token).unwrap_or(&None)
    }
}

impl<T: Into<Text>> FromIterator<(T, Option<f64>)> for LikelyTokens {
    fn from_iter<I: IntoIterator<Item = (T, Option<f64>)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(text, logprob)| (text.into(), logprob)).collect::<Vec<_>>().into()
    }
}

impl<'a> IntoIterator for &'a LikelyTokens {
    type Item = &'a (Text, Option<f64>);
    type IntoIter = std::slice::Iter<'a, (Text, Option<f64>)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for LikelyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(token, logprob)| (token, logprob))).finish()
    }
}

impl Serialize for LikelyTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(token, logprob)| (token, logprob)))
    }
}

impl<'de> Deserialize<'de> for LikelyTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        or_default(deserializer)
    }
}

/// `None` if the value is not an object.
impl<'de> DeserializeInPlace<'de> for Option<LikelyTokens> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_newtype_struct(IN_PAIRS, Visit(self))
    }
}

struct Visit<'a>(&'a mut Option<LikelyTokens>);

impl<'de> Visitor<'de> for Visit<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log probabilities by token")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut pairs = Vec::new();
        while let Some(token) = map.next_key()? {
            push(&mut pairs, (token, map.next_value_seed(Given(std::marker::PhantomData))?));
        }
        *self.0 = Some(pairs.into());
        Ok(())
    }
    null_is_nothing!();
    scalars_are_nothing!();
    lists_are_nothing!();
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for LikelyTokens {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LikelyTokens".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Log probabilities by text. Null if the server has no finite number.",
            "additionalProperties": { "type": ["number", "null"] },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::from_json;

    #[test]
    fn tokens_are_sorted_and_the_last_of_a_text_counts() {
        let text = r#"{"b":-1.5,"":0.0,"a":-Infinity,"b":"-2","a":[]}"#;
        let likely: LikelyTokens = from_json(text).unwrap();
        assert_eq!(likely, LikelyTokens::from_iter([("b", Some(-2.0)), ("a", None), ("", Some(0.0))]));
        assert_eq!(serde_json::to_string(&likely).unwrap(), r#"{"":0.0,"a":null,"b":-2.0}"#);
        assert_eq!(format!("{likely:?}"), r#"{"": Some(0.0), "a": None, "b": Some(-2.0)}"#);
        assert_eq!((likely.find("a"), likely.find("c"), likely["c"]), (Some(&None), None, None));
        for other in ["null", "[]", "\"a\"", "3"] {
            assert_eq!(from_json::<LikelyTokens>(other).unwrap(), LikelyTokens::default(), "{other}");
        }
    }

    #[test]
    fn none_takes_no_more_room_than_a_slice() {
        assert_eq!(size_of::<Option<LikelyTokens>>(), size_of::<&[u8]>());
    }
}
