//! Decoding into the place where a value will stay.
//!
//! What serde derives makes each field as an `Option` of its own and puts the struct together at the end. For chunks
//! of a stream that is a copy of a few hundred bytes per struct and token, and unknown fields, `flatten`ed, take a
//! detour through a buffer. Here a struct starts as its default, and its fields are written one by one.
//!
//! The outcome is that of the derived code for a struct whose fields are all `default` and take null, except that of
//! a key that comes twice the last value counts, as it does in Python.
//!
//! Servers that imitate others get types wrong. A value of another type than its field counts for what it means, such as
//! `"12"` or `12.0` for 12, or as absent; the rest of the answer is not lost to it. That costs nothing until it happens.

mod lists;
mod scalars;
mod texts;

use std::marker::PhantomData;
use std::{fmt, mem};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use lists::Row;

use crate::base::Extra;

pub(crate) use lists::{Object, Objects, grown, in_place_objects, named, push};
pub(crate) use scalars::{digits, fill_from_str};
pub(crate) use texts::{DeltaText, JsonText, json_text};

/// A value that can be read into its place. The place holds the default; null leaves it so.
pub(crate) trait DeserializeInPlace<'de>: Default {
    /// Reads the value. After an error the place holds anything.
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;
}

/// Under this name a visitor of this module asks for whatever stands there. For serde_json it is `deserialize_any`; what counts
/// the memory of large documents knows by it that the value has a place already.
pub(crate) const IN_PLACE: &str = "$tabbyapi::in_place";
/// The same for a list whose elements are added with [`lists::push`].
pub(crate) const IN_LIST: &str = "$tabbyapi::in_list";
/// The same for an object whose fields are added to a list as pairs, with [`lists::push`].
pub(crate) const IN_PAIRS: &str = "$tabbyapi::in_pairs";

/// Has the visitor shown what stands there.
#[inline]
pub(crate) fn in_place<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    deserializer.deserialize_newtype_struct(IN_PLACE, visitor)
}

/// The same for a list.
#[inline]
pub(crate) fn in_list<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    deserializer.deserialize_newtype_struct(IN_LIST, visitor)
}

/// What null does in every visitor here.
macro_rules! null_is_nothing {
    () => {
        #[inline]
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
        #[inline]
        fn visit_none<E>(self) -> Result<(), E> {
            Ok(())
        }
        #[inline]
        fn visit_some<D: ::serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            crate::decode::in_place::in_place(deserializer, self)
        }
        #[inline]
        fn visit_newtype_struct<D: ::serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    };
}
pub(crate) use null_is_nothing;

/// What scalars do where there is no place for them.
macro_rules! scalars_are_nothing {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
    };
}
pub(crate) use scalars_are_nothing;

/// What lists do where there is no place for them.
macro_rules! lists_are_nothing {
    () => {
        fn visit_seq<A: ::serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while list.next_element::<::serde::de::IgnoredAny>()?.is_some() {}
            Ok(())
        }
    };
}
pub(crate) use lists_are_nothing;

/// Reads a field of a derived type as tolerantly: `#[serde(default, deserialize_with = "filled")]`.
pub(crate) fn filled<'de, D: Deserializer<'de>, T: DeserializeInPlace<'de>>(deserializer: D) -> Result<T, D::Error> {
    let mut value = T::default();
    value.fill(deserializer)?;
    Ok(value)
}

/// The same for what is the default if it is absent or of another kind.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer).map(Option::unwrap_or_default)
}

/// The same for the list that an answer consists of. Null is an empty one; what is not a list at all, or has no element of its type, would
/// otherwise pass for an answer that says nothing.
pub(crate) fn listed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    Vec<T>: DeserializeInPlace<'de>,
{
    in_list(deserializer, lists::Listed(PhantomData))
}

/// The same for what must be there, since nothing is left of the answer without it.
pub(crate) fn meant<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer)?.ok_or_else(|| Error::custom("the value is absent or of another type"))
}

/// The same for words of an open set; one that is absent is empty.
pub(crate) fn word<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer).map(|word| word.unwrap_or_else(|| "".into()))
}

/// The same for a list whose elements belong to those of other lists by their places.
pub(crate) fn row<'de, D: Deserializer<'de>, T: DeserializeInPlace<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    filled::<D, Row<T>>(deserializer).map(|row| row.0)
}

/// The same for text that may come in parts.
pub(crate) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = None;
    DeltaText(&mut text).deserialize(deserializer)?;
    Ok(text.map(String::from).unwrap_or_default())
}

/// A value by itself as a seed; its size shows in the type, so that it can be charged.
pub(crate) struct Given<T>(pub(crate) PhantomData<T>);

impl<'de, T: DeserializeInPlace<'de>> DeserializeSeed<'de> for Given<T> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        filled(deserializer)
    }
}

/// The place as a seed.
pub(crate) struct Place<'a, T>(pub(crate) &'a mut T);

impl<'de, T: DeserializeInPlace<'de>> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.fill(deserializer)
    }
}

/// What has fields: [`fill_struct`] makes it.
pub(crate) trait Struct<'de>: Default {
    /// A field that has a name.
    type Key;
    /// The field of this name.
    fn key(name: &str) -> Option<Self::Key>;
    /// Reads the value of a field; `seen` has a bit for each that came before.
    fn value<A: MapAccess<'de>>(&mut self, key: Self::Key, seen: &mut u32, map: &mut A) -> Result<(), A::Error>;
    /// The fields that have no name.
    fn extra(&mut self) -> &mut Extra;
    /// All fields were read.
    #[inline]
    fn filled(&mut self) {}
}

/// A struct that may be nothing but an object, as a seed.
pub(crate) struct Whole<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for Whole<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Whole<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0;
        let mut unknown = String::new();
        while let Some(key) = map.next_key_seed(Key::<T>(&mut unknown, PhantomData))? {
            match key {
                Some(key) => self.0.value(key, &mut seen, &mut map)?,
                None => {
                    let value: serde_json::Value = map.next_value()?;
                    self.0.extra().insert(mem::take(&mut unknown), value);
                }
            }
        }
        self.0.filled();
        Ok(())
    }
}

/// A struct; what is no object leaves it as it is.
pub(crate) struct Fields<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Struct<'de>> Visitor<'de> for Fields<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Whole(self.0).visit_map(map)
    }
    null_is_nothing!();
    scalars_are_nothing!();
    lists_are_nothing!();
}

/// The name of a field. One that is unknown goes into the string: a key that has room for it would be passed around
/// for each of the others.
struct Key<'a, T>(&'a mut String, PhantomData<T>);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for Key<'_, T> {
    type Value = Option<T::Key>;
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Key<'_, T> {
    type Value = Option<T::Key>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let key = T::key(name);
        if key.is_none() {
            name.clone_into(self.0);
        }
        Ok(key)
    }
}

/// `DeserializeInPlace` and `Deserialize` for a struct: the keys on the wire and their fields, perhaps with the seed that reads them, and a
/// field `extra` for the rest. A method may be named that is called once all fields were read.
macro_rules! fill_struct {
    (@seed $place:expr) => { crate::decode::in_place::Place($place) };
    (@seed $place:expr, $seed:ident) => { crate::decode::in_place::$seed($place) };
    ($struct:ident { $($key:literal => $field:ident $(as $seed:ident)?,)* } $(then $then:ident)?) => {
        const _: () = {
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy)]
            pub(crate) enum Field { $($field),* }

            impl<'de> crate::decode::in_place::Struct<'de> for $struct {
                type Key = Field;

                #[inline]
                fn key(name: &str) -> Option<Field> {
                    match name {
                        $($key => Some(Field::$field),)*
                        _ => None,
                    }
                }

                #[inline]
                fn value<A: ::serde::de::MapAccess<'de>>(
                    &mut self,
                    key: Field,
                    seen: &mut u32,
                    map: &mut A,
                ) -> Result<(), A::Error> {
                    match key {
                        $(
                            Field::$field => {
                                const BIT: u32 = 1 << Field::$field as u32;
                                if *seen & BIT != 0 {
                                    self.$field = Default::default();
                                }
                                *seen |= BIT;
                                map.next_value_seed(crate::decode::in_place::fill_struct!(@seed &mut self.$field $(, $seed)?))
                            }
                        )*
                    }
                }

                #[inline]
                fn extra(&mut self) -> &mut crate::base::Extra {
                    &mut self.extra
                }

                $(
                    #[inline]
                    fn filled(&mut self) {
                        self.$then();
                    }
                )?
            }

            impl<'de> crate::decode::in_place::DeserializeInPlace<'de> for $struct {
                #[inline]
                fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    crate::decode::in_place::in_place(deserializer, crate::decode::in_place::Fields(self))
                }
            }

            impl<'de> ::serde::Deserialize<'de> for $struct {
                #[inline]
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let mut value = Self::default();
                    deserializer.deserialize_map(crate::decode::in_place::Whole(&mut value))?;
                    Ok(value)
                }
            }
        };
    };
}
pub(crate) use fill_struct;
