//! Decodes values in place.
//!
//! Serde's derives build each field as a separate `Option` and assemble the struct at the end. For chunks
//! of a stream that copies a few hundred bytes per struct and token, and unknown fields, `flatten`ed, are
//! buffered. Here a struct starts as its default, and its fields are written one by one.
//!
//! The result is that of the derived code for a struct whose fields are all `default` and accept null, except that the last value
//! of a duplicate key counts, as in Python.
//!
//! Compatible servers use other types for some fields. A value of another type is converted, such as `"12"` or `12.0` to 12, or it is
//! treated as absent. The rest of the response is kept. This costs nothing until it happens.

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

/// A value that can be read in place. The place has the default value; null does not change it.
pub(crate) trait DeserializeInPlace<'de>: Default {
    /// Reads the value. After an error the value is unspecified.
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;
}

/// A newtype name by which visitors of this module request any value. For serde_json it means `deserialize_any`. The memory
/// accounting of large documents detects by it that the value is stored already.
pub(crate) const IN_PLACE: &str = "$tabbyapi::in_place";
/// The same for a list whose elements are added with [`lists::push`].
pub(crate) const IN_LIST: &str = "$tabbyapi::in_list";
/// The same for an object whose fields are added to a list as pairs, with [`lists::push`].
pub(crate) const IN_PAIRS: &str = "$tabbyapi::in_pairs";

/// Passes any value to the visitor.
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

/// Null in every visitor here: does nothing.
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

/// Scalars where there is no place for them: do nothing.
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

/// Lists where there is no place for them: are skipped.
macro_rules! lists_are_nothing {
    () => {
        fn visit_seq<A: ::serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while list.next_element::<::serde::de::IgnoredAny>()?.is_some() {}
            Ok(())
        }
    };
}
pub(crate) use lists_are_nothing;

/// Reads a field of a derived type with the same tolerance: `#[serde(default, deserialize_with = "filled")]`.
pub(crate) fn filled<'de, D: Deserializer<'de>, T: DeserializeInPlace<'de>>(deserializer: D) -> Result<T, D::Error> {
    let mut value = T::default();
    value.fill(deserializer)?;
    Ok(value)
}

/// The same with the default for an absent value or another kind.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer).map(Option::unwrap_or_default)
}

/// The same for the list that a response consists of. Null is an empty list. Anything but a list, or a list without an element of its
/// type, is an error, since it would look like an empty response.
pub(crate) fn listed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    Vec<T>: DeserializeInPlace<'de>,
{
    in_list(deserializer, lists::Listed(PhantomData))
}

/// The same for a required value, without which the response is useless.
pub(crate) fn meant<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer)?.ok_or_else(|| Error::custom("the value is absent or of another type"))
}

/// The same for a value of an open enum. An absent one is empty.
pub(crate) fn word<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<T, D::Error>
where
    Option<T>: DeserializeInPlace<'de>,
{
    filled::<D, Option<T>>(deserializer).map(|word| word.unwrap_or_else(|| "".into()))
}

/// The same for a list whose elements correspond to those of other lists.
pub(crate) fn row<'de, D: Deserializer<'de>, T: DeserializeInPlace<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    filled::<D, Row<T>>(deserializer).map(|row| row.0)
}

/// The same for text that may come in parts.
pub(crate) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = None;
    DeltaText(&mut text).deserialize(deserializer)?;
    Ok(text.map(String::from).unwrap_or_default())
}

/// A separate value as a seed. The type has its size, so that it can be charged.
pub(crate) struct Given<T>(pub(crate) PhantomData<T>);

impl<'de, T: DeserializeInPlace<'de>> DeserializeSeed<'de> for Given<T> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        filled(deserializer)
    }
}

/// A place as a seed.
pub(crate) struct Place<'a, T>(pub(crate) &'a mut T);

impl<'de, T: DeserializeInPlace<'de>> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.fill(deserializer)
    }
}

/// A struct with fields. Implemented by [`fill_struct`].
pub(crate) trait Struct<'de>: Default {
    /// A known field.
    type Key;
    /// Returns the field of this name.
    fn key(name: &str) -> Option<Self::Key>;
    /// Reads the value of a field. `seen` has a bit for each earlier field.
    fn value<A: MapAccess<'de>>(&mut self, key: Self::Key, seen: &mut u32, map: &mut A) -> Result<(), A::Error>;
    /// The unknown fields.
    fn extra(&mut self) -> &mut Extra;
    /// Called when all fields have been read.
    #[inline]
    fn filled(&mut self) {}
}

/// A struct that must be an object, as a seed.
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

/// A struct. Anything but an object does not change it.
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

/// The name of a field. An unknown name is put into the string, because a larger key type would slow down
/// all others.
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

/// `DeserializeInPlace` and `Deserialize` for a struct: the wire names and their fields, optionally with the seed that reads them, and a
/// field `extra` for the rest. Optionally, a method that is called when all fields have been read.
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
