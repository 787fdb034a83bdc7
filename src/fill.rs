//! Decoding into the place where a value will stay.
//!
//! What serde derives makes each field as an `Option` of its own and puts the struct together at the end. For chunks
//! of a stream that is a copy of a few hundred bytes per struct and token, and unknown fields, `flatten`ed, take a
//! detour through a buffer. Here a struct starts as its default, and its fields are written one by one.
//!
//! The outcome is that of the derived code for a struct whose fields are all `default` and take null, except that of
//! a key that comes twice the last value counts, as it does in Python.

use std::marker::PhantomData;
use std::{fmt, mem};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::{Extra, Few, Text};

/// A value that can be read into its place. The place holds the default; null leaves it so.
pub(crate) trait Fill<'de>: Default {
    /// Reads the value. After an error the place holds anything.
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;
}

/// Under this name a visitor of this module asks for whatever stands there. For serde_json it is `deserialize_any`; what counts
/// the memory of large documents knows by it that the value has a place already.
pub(crate) const IN_PLACE: &str = "$tabbyapi::in_place";

/// Has the visitor shown what stands there.
#[inline]
pub(crate) fn in_place<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    deserializer.deserialize_newtype_struct(IN_PLACE, visitor)
}

/// The place as a seed.
pub(crate) struct Place<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Fill<'de>> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.fill(deserializer)
    }
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
            crate::fill::in_place(deserializer, self)
        }
        #[inline]
        fn visit_newtype_struct<D: ::serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_any(self)
        }
    };
}
pub(crate) use null_is_nothing;

/// `Fill` for what is made of a string. Each kind has a visitor of its own, since the compiler then writes the result
/// straight into the place.
macro_rules! fill_from_str {
    ($type:ty, $make:expr) => {
        impl<'de> crate::fill::Fill<'de> for $type {
            #[inline]
            fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Visit<'a>(&'a mut $type);
                impl<'de> ::serde::de::Visitor<'de> for Visit<'_> {
                    type Value = ();
                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("a string")
                    }
                    #[inline]
                    fn visit_str<E>(self, value: &str) -> Result<(), E> {
                        *self.0 = $make(value);
                        Ok(())
                    }
                    crate::fill::null_is_nothing!();
                }
                crate::fill::in_place(deserializer, Visit(self))
            }
        }
    };
}
pub(crate) use fill_from_str;

fill_from_str!(Text, Text::from);
fill_from_str!(Option<Text>, |text: &str| Some(Text::from(text)));

/// `Fill` for unsigned integers.
macro_rules! fill_from_integer {
    ($type:ty) => {
        impl<'de> Fill<'de> for $type {
            #[inline]
            fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Visit<'a>(&'a mut $type);
                impl<'de> Visitor<'de> for Visit<'_> {
                    type Value = ();
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(stringify!($type))
                    }
                    #[inline]
                    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
                        let odd = |_| E::invalid_value(Unexpected::Unsigned(value), &stringify!($type));
                        *self.0 = value.try_into().map_err(odd)?;
                        Ok(())
                    }
                    // Other formats than JSON may have their positive numbers signed.
                    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
                        let odd = |_| E::invalid_value(Unexpected::Signed(value), &stringify!($type));
                        *self.0 = value.try_into().map_err(odd)?;
                        Ok(())
                    }
                    null_is_nothing!();
                }
                crate::fill::in_place(deserializer, Visit(self))
            }
        }
    };
}

fill_from_integer!(u32);
fill_from_integer!(u64);

/// `Fill` for what is rare, and may take the way through an `Option` of its own.
macro_rules! fill_by_serde {
    ($($type:ty),* $(,)?) => {
        $(
            impl<'de> crate::fill::Fill<'de> for Option<$type> {
                fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    *self = ::serde::Deserialize::deserialize(deserializer)?;
                    Ok(())
                }
            }
        )*
    };
}
pub(crate) use fill_by_serde;

fill_by_serde!(u32);

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
}

/// A struct that may not be null, as a seed.
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
                    let value = map.next_value()?;
                    self.0.extra().insert(mem::take(&mut unknown), value);
                }
            }
        }
        Ok(())
    }
}

/// A struct that may be null.
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

/// `Fill` and `Deserialize` for a struct: the keys on the wire and their fields, and a field `extra` for the rest.
macro_rules! fill_struct {
    ($struct:ident { $($key:literal => $field:ident,)* }) => {
        const _: () = {
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy)]
            pub(crate) enum Field { $($field),* }

            impl<'de> crate::fill::Struct<'de> for $struct {
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
                                map.next_value_seed(crate::fill::Place(&mut self.$field))
                            }
                        )*
                    }
                }

                #[inline]
                fn extra(&mut self) -> &mut crate::Extra {
                    &mut self.extra
                }
            }

            impl<'de> crate::fill::Fill<'de> for $struct {
                #[inline]
                fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                    crate::fill::in_place(deserializer, crate::fill::Fields(self))
                }
            }

            impl<'de> ::serde::Deserialize<'de> for $struct {
                #[inline]
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let mut value = Self::default();
                    deserializer.deserialize_map(crate::fill::Whole(&mut value))?;
                    Ok(value)
                }
            }
        };
    };
}
pub(crate) use fill_struct;

/// The elements of a list of structs. Null may stand for the list, but not for an element.
struct Elements<'a, L>(&'a mut L);

impl<'de, T: Struct<'de>> Fill<'de> for Vec<T> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        in_place(deserializer, Elements(self))
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Elements<'_, Vec<T>> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element_seed(Owned(PhantomData))? {
            self.0.push(item);
        }
        Ok(())
    }
    null_is_nothing!();
}

impl<'de, T: Struct<'de>> Fill<'de> for Few<T> {
    #[inline]
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        in_place(deserializer, Elements(self))
    }
}

impl<'de, T: Struct<'de>> Visitor<'de> for Elements<'_, Few<T>> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // Made only once it is known that there is one: a list of one ends right after it.
        if seq.next_element_seed(First(self.0))?.is_some() {
            while let Some(item) = seq.next_element_seed(Owned(PhantomData))? {
                self.0.push(item);
            }
        }
        Ok(())
    }
    null_is_nothing!();
}

/// Where the first element of a [`Few`] goes, once it is known that there is one.
struct First<'a, T>(&'a mut Few<T>);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for First<'_, T> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.set_one(T::default()) {
            Some(place) => Whole(place).deserialize(deserializer),
            None => Err(serde::de::Error::custom("a list of one has no element")),
        }
    }
}

/// An element of a list; its size shows in the type, so that it can be charged.
struct Owned<T>(PhantomData<T>);

impl<'de, T: Struct<'de>> DeserializeSeed<'de> for Owned<T> {
    type Value = T;
    // Apart, since it is rare, and the first element of a `Few` is not.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let mut item = T::default();
        Whole(&mut item).deserialize(deserializer)?;
        Ok(item)
    }
}
