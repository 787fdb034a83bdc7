//! Lists and structs inside others. Elements of another kind than their list are skipped.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use super::{DeserializeInPlace, Fields, Given, Struct, Whole, null_is_nothing, scalars_are_nothing};
use crate::base::{InlineVec, Text};

/// Lists up to this size, in bytes, double as they grow.
const DOUBLED: usize = 1 << 20;

/// The next capacity of a list. Both versions are in memory while a list grows, so a large one grows by little.
pub(crate) fn grown(capacity: usize, size: usize) -> usize {
    match capacity.saturating_mul(size) {
        0 if size < 32 => 4,
        0 => 1,
        1..DOUBLED => capacity * 2,
        _ => capacity + (capacity / 16).max(1),
    }
}

/// Adds an element to a list that may become large.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(grown(list.capacity(), size_of::<T>()) - list.len());
    }
    list.push(item);
}

/// The elements of a list of structs. An object in place of the list is its only element.
struct Elements<'a, L>(&'a mut L);

impl<'de, T: Struct<'de>> DeserializeInPlace<'de> for Vec<T> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        super::in_list(deserializer, Elements(self))
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Elements<'_, Vec<T>> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element_seed(Owned(PhantomData))? {
            if let Some(item) = item {
                push(self.0, item);
            }
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut item = T::default();
        Whole(&mut item).visit_map(map)?;
        self.0.push(item);
        Ok(())
    }
    null_is_nothing!();
    scalars_are_nothing!();
}

impl<'de, T: Struct<'de>> DeserializeInPlace<'de> for InlineVec<T> {
    #[inline]
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        super::in_place(deserializer, Elements(self))
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Elements<'_, InlineVec<T>> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // Created only when there is a second element.
        if seq.next_element_seed(First(self.0))?.is_some() {
            while let Some(item) = seq.next_element_seed(Owned(PhantomData))? {
                if let Some(item) = item {
                    self.0.push(item);
                }
            }
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut item = T::default();
        Whole(&mut item).visit_map(map)?;
        self.0.push(item);
        Ok(())
    }
    null_is_nothing!();
    scalars_are_nothing!();
}

/// Reads an element. Returns whether it is an object.
struct Element<'a, T>(&'a mut T);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for Element<'_, T> {
    type Value = bool;
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let mut object = false;
        super::in_place(deserializer, Marked(Fields(self.0), &mut object))?;
        Ok(object)
    }
}

/// A struct, and whether it was one.
struct Marked<'a, 'b, T>(Fields<'a, T>, &'b mut bool);

impl<'de, T: Struct<'de>> Visitor<'de> for Marked<'_, '_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        *self.1 = true;
        self.0.visit_map(map)
    }
    null_is_nothing!();
    scalars_are_nothing!();
    super::lists_are_nothing!();
}

/// The first element of an [`InlineVec`], once it is known to exist.
struct First<'a, T>(&'a mut InlineVec<T>);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for First<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let object = match self.0.set_one(T::default()) {
            Some(place) => Element(place).deserialize(deserializer)?,
            None => return Err(serde::de::Error::custom("a list of one has no element")),
        };
        if !object {
            *self.0 = InlineVec::new();
        }
        Ok(())
    }
}

/// An element of a list, if it is an object. The type has its size, so that it can be charged.
struct Owned<T>(PhantomData<T>);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for Owned<T> {
    type Value = Option<T>;
    // A separate function, since it is rare, unlike the first element of an `InlineVec`.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        let mut item = T::default();
        Ok(if Element(&mut item).deserialize(deserializer)? { Some(item) } else { None })
    }
}

/// `DeserializeInPlace` for derived types, for options and lists of them. Anything but an object is absent.
macro_rules! in_place_objects {
    ($($type:ty),* $(,)?) => {
        $(
            impl<'de> crate::decode::in_place::DeserializeInPlace<'de> for Option<$type> {
                fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    *self = crate::decode::in_place::in_place(deserializer, crate::decode::in_place::Object(::std::marker::PhantomData))?;
                    Ok(())
                }
            }
            impl<'de> crate::decode::in_place::DeserializeInPlace<'de> for Vec<$type> {
                fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    crate::decode::in_place::in_list(deserializer, crate::decode::in_place::Objects(self))
                }
            }
        )*
    };
}
pub(crate) use in_place_objects;

/// An object as a value of a derived type.
pub(crate) struct Object<T>(pub(crate) PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Option<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_none<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        super::in_place(deserializer, self)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Object<T> {
    type Value = Option<T>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        super::in_place(deserializer, self)
    }
}

/// The elements of a list of a derived type.
pub(crate) struct Objects<'a, T>(pub(crate) &'a mut Vec<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Objects<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element_seed(Object(PhantomData))? {
            if let Some(item) = item {
                push(self.0, item);
            }
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.push(T::deserialize(MapAccessDeserializer::new(map))?);
        Ok(())
    }
    null_is_nothing!();
    scalars_are_nothing!();
}

/// The list that a response consists of.
pub(super) struct Listed<T>(pub(super) PhantomData<T>);

impl<'de, T> Visitor<'de> for Listed<T>
where
    Vec<T>: DeserializeInPlace<'de>,
{
    type Value = Vec<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
        let mut count = 0;
        let list: Vec<T> = super::filled(SeqAccessDeserializer::new(Counted { seq, count: &mut count }))?;
        match list.is_empty() && count > 0 {
            true => Err(serde::de::Error::custom("no element of the list is of its type")),
            false => Ok(list),
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        let list: Vec<T> = super::filled(MapAccessDeserializer::new(map))?;
        match list.is_empty() {
            true => Err(serde::de::Error::invalid_type(Unexpected::Map, &"a list")),
            false => Ok(list),
        }
    }
    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }
    fn visit_none<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        super::in_place(deserializer, self)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A list that counts its elements.
struct Counted<'a, A> {
    seq: A,
    count: &'a mut usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Counted<'_, A> {
    type Error = A::Error;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let element = self.seq.next_element_seed(seed)?;
        *self.count += usize::from(element.is_some());
        Ok(element)
    }
    fn size_hint(&self) -> Option<usize> {
        self.seq.size_hint()
    }
}

/// Objects by name; for a field of a derived type.
pub(crate) fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let mut named = BTreeMap::new();
    super::in_place(deserializer, Named(&mut named))?;
    Ok(named)
}

struct Named<'a, T>(&'a mut BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key()? {
            if let Some(value) = map.next_value_seed(Object(PhantomData))? {
                self.0.insert(name, value);
            }
        }
        Ok(())
    }
    null_is_nothing!();
    scalars_are_nothing!();
    super::lists_are_nothing!();
}

/// `DeserializeInPlace` for lists of scalars. Elements of another kind are skipped; in a [`Row`] they are the default.
macro_rules! fill_scalars {
    ($($type:ty),*) => {
        $(
            impl<'de> DeserializeInPlace<'de> for Vec<$type> {
                fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    let add = |item: Option<$type>| {
                        if let Some(item) = item {
                            push(self, item);
                        }
                    };
                    crate::decode::in_place::in_list(deserializer, Scalars(PhantomData, add))
                }
            }
        )*
    };
}

fill_scalars!(Text, String, u32);

/// A list whose elements correspond to those of other lists. Elements of another kind are the default.
#[derive(Default)]
pub(crate) struct Row<T>(pub(crate) Vec<T>);

impl<'de, T: DeserializeInPlace<'de>> DeserializeInPlace<'de> for Row<T> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        super::in_list(deserializer, Scalars::<T, _>(PhantomData, |item| push(&mut self.0, item)))
    }
}

/// Passes on the elements of a list.
struct Scalars<T, F>(PhantomData<T>, F);

impl<'de, T: DeserializeInPlace<'de>, F: FnMut(T)> Visitor<'de> for Scalars<T, F> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element_seed(Given(PhantomData))? {
            (self.1)(item);
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        super::digits(map).map(|_| ())
    }
    null_is_nothing!();
    scalars_are_nothing!();
}
