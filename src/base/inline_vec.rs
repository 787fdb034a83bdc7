//! `InlineVec`: a list that rarely has more than one element.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize};

/// A list that stores its first element inline. Dereferences to a slice.
///
/// Each chunk of a stream has one choice, so a `Vec` would cost an allocation per token.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineVec<T>(Repr<T>);

#[derive(Clone, Debug, Default, PartialEq)]
enum Repr<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> InlineVec<T> {
    /// Creates an empty list.
    pub const fn new() -> Self {
        InlineVec(Repr::None)
    }

    /// Creates a list of one element.
    pub const fn one(value: T) -> Self {
        InlineVec(Repr::One(value))
    }

    /// Replaces the content by this element and returns a reference to it, which is never None.
    #[inline]
    pub(crate) fn set_one(&mut self, value: T) -> Option<&mut T> {
        self.0 = Repr::One(value);
        self.first_mut()
    }

    /// Appends an element. The second one allocates.
    pub fn push(&mut self, value: T) {
        self.0 = match std::mem::take(self).0 {
            Repr::None => Repr::One(value),
            Repr::One(first) => Repr::Many(vec![first, value]),
            Repr::Many(mut list) => {
                list.push(value);
                Repr::Many(list)
            }
        };
    }
}

impl<T> Deref for InlineVec<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::None => &[],
            Repr::One(value) => std::slice::from_ref(value),
            Repr::Many(list) => list,
        }
    }
}

impl<T> DerefMut for InlineVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Repr::None => &mut [],
            Repr::One(value) => std::slice::from_mut(value),
            Repr::Many(list) => list,
        }
    }
}

impl<T> Default for InlineVec<T> {
    fn default() -> Self {
        InlineVec::new()
    }
}

impl<T> FromIterator<T> for InlineVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = InlineVec::new();
        for item in items {
            few.push(item);
        }
        few
    }
}

impl<T> IntoIterator for InlineVec<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;
    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self.0 {
            Repr::None => (None, Vec::new()),
            Repr::One(value) => (Some(value), Vec::new()),
            Repr::Many(list) => (None, list),
        };
        one.into_iter().chain(many)
    }
}

impl<'a, T> IntoIterator for &'a InlineVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Serialize> Serialize for InlineVec<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InlineVec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visit<T> {
            type Value = InlineVec<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<InlineVec<T>, A::Error> {
                // Element by element, since growing by `push` moves the first one three times.
                let Some(first) = seq.next_element()? else { return Ok(InlineVec::new()) };
                let Some(second) = seq.next_element()? else { return Ok(InlineVec::one(first)) };
                let mut list = vec![first, second];
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(InlineVec(Repr::Many(list)))
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<InlineVec<T>, E> {
                Ok(InlineVec::new())
            }
        }
        deserializer.deserialize_any(Visit(std::marker::PhantomData))
    }
}
