//! The memory cost of a large document, counted while it is decoded.
//!
//! A few bytes of JSON can become a few hundred bytes of values: `{}` in a list of structs, `{"":0}` in a field without a name.
//! [`Charged`] wraps serde_json's deserializer, counts what each type is about to keep, and stops at the caps of
//! [`Limits`](crate::Limits). For errors it knows the path.
//!
//! It alone reads all types, because each deserializer of a type is compiled separately. Small documents have an account without
//! limits.

mod account;
mod trail;

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::decode::in_place::{IN_LIST, IN_PAIRS, IN_PLACE};

pub(super) use account::Account;
pub(crate) use account::{Bounds, SMALL};
use account::{Fields, Growth};

/// The name by which serde_json knows a value that is kept as JSON text.
const RAW: &str = "$serde_json::private::RawValue";

/// The position of a value.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// At the root, or in a list, which is charged by its elements.
    Element,
    /// In a map whose entries are charged by themselves.
    Entry,
    /// In a struct: charged if the struct has no field of this name.
    Field(&'a Fields),
    Key,
}

/// What a visitor builds from strings and maps.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A value of any shape: a tree.
    Tree,
    /// A `String`.
    String,
    /// A value of a known type, read in place or into memory that was charged. Short strings are inline.
    Typed,
    /// The same, for a list of [`in_place`](crate::decode::in_place).
    List,
    /// The same, for an object that becomes a list of pairs.
    Pairs,
    Key {
        owned: bool,
    },
}

/// A deserializer that charges.
pub(super) struct Charged<'a, D> {
    inner: D,
    account: &'a Account,
    place: Place<'a>,
}

impl<'a, D> Charged<'a, D> {
    pub(super) fn new(inner: D, account: &'a Account) -> Self {
        Charged { inner, account, place: Place::Element }
    }

    fn watch<V>(&self, visitor: V, kind: Kind) -> Watch<'a, V> {
        let kind = match self.place {
            Place::Key => Kind::Key { owned: kind == Kind::String },
            _ => kind,
        };
        Watch { visitor, account: self.account, place: self.place, kind }
    }

    /// For a value of any shape.
    fn tree<V, E: serde::de::Error>(&self, visitor: V) -> Result<Watch<'a, V>, E> {
        if let Place::Field(fields) = self.place {
            self.account.unnamed(fields)?;
        }
        let mut watch = self.watch(visitor, Kind::Tree);
        if let Place::Field(_) = watch.place {
            watch.place = Place::Entry;
        }
        Ok(watch)
    }
}

macro_rules! pass_on {
    ($($method:ident($($arg:ident: $type:ty),*) $kind:ident;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self $(, $arg: $type)*, visitor: V) -> Result<V::Value, D::Error> {
                let visitor = self.watch(visitor, Kind::$kind);
                self.inner.$method($($arg,)* visitor)
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Charged<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.tree(visitor)?;
        self.inner.deserialize_any(visitor)
    }

    /// What [`in_place`](crate::decode::in_place) reads has any shape only for serde.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let kind = match name {
            IN_PLACE => Kind::Typed,
            IN_LIST => Kind::List,
            IN_PAIRS => Kind::Pairs,
            // It is a wide pointer. Visitors of values of other sizes need not be compiled for it.
            RAW if const { size_of::<V::Value>() == size_of::<&str>() } => {
                let visitor = self.watch(visitor, Kind::Typed);
                return self.inner.deserialize_newtype_struct(name, visitor);
            }
            _ => return visitor.visit_newtype_struct(self),
        };
        let mut visitor = self.watch(visitor, kind);
        if let Place::Field(_) = visitor.place {
            visitor.place = Place::Element;
        }
        self.inner.deserialize_any(visitor)
    }

    // Nothing is kept.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    pass_on! {
        deserialize_bool() Typed;
        deserialize_i8() Typed;
        deserialize_i16() Typed;
        deserialize_i32() Typed;
        deserialize_i64() Typed;
        deserialize_i128() Typed;
        deserialize_u8() Typed;
        deserialize_u16() Typed;
        deserialize_u32() Typed;
        deserialize_u64() Typed;
        deserialize_u128() Typed;
        deserialize_f32() Typed;
        deserialize_f64() Typed;
        deserialize_char() Typed;
        deserialize_str() Typed;
        deserialize_string() String;
        deserialize_bytes() String;
        deserialize_byte_buf() String;
        deserialize_option() Typed;
        deserialize_unit() Typed;
        deserialize_unit_struct(name: &'static str) Typed;
        deserialize_seq() Typed;
        deserialize_tuple(len: usize) Typed;
        deserialize_tuple_struct(name: &'static str, len: usize) Typed;
        deserialize_map() Typed;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) Typed;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) Typed;
        deserialize_identifier() Typed;
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that charges for what it receives.
struct Watch<'a, V> {
    visitor: V,
    account: &'a Account,
    place: Place<'a>,
    kind: Kind,
}

impl<V> Watch<'_, V> {
    fn text<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if let (Kind::Key { .. }, Some(trail)) = (self.kind, &self.account.trail) {
            trail.see_key(text);
        }
        self.bytes(text.len())
    }

    fn bytes<E: serde::de::Error>(&self, len: usize) -> Result<(), E> {
        match self.kind {
            Kind::Key { owned } => {
                self.account.key.set((len, owned));
                Ok(())
            }
            // Untagged types may copy the text.
            Kind::Tree => self.account.text(2 * len, false),
            kind => self.account.text(len, kind != Kind::String),
        }
    }
}

macro_rules! show {
    ($($method:ident: $type:ty;)*) => {
        $(
            fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
                self.visitor.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watch<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    show! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        self.account.copied(text.len())?;
        self.text(text)?;
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.text(text)?;
        self.visitor.visit_borrowed_str(text)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<V::Value, E> {
        self.text(&text)?;
        self.visitor.visit_string(text)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.bytes(bytes.len())?;
        self.visitor.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.bytes(bytes.len())?;
        self.visitor.visit_borrowed_bytes(bytes)
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<V::Value, E> {
        self.bytes(bytes.len())?;
        self.visitor.visit_byte_buf(bytes)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Charged { inner, account: self.account, place: self.place })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Charged { inner, account: self.account, place: self.place })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.account.enter()?;
        let (account, growth) = (self.account, Growth::default());
        let value = self.visitor.visit_seq(Elements { inner, account, growth, kind: self.kind })?;
        self.account.leave();
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let account = self.account;
        account.enter()?;
        let tree = self.kind == Kind::Tree;
        // Some structs are boxed. For those that are read in place, their size shows it.
        if self.kind == Kind::Typed && (matches!(self.place, Place::Field(_)) || size_of::<V::Value>() == BOX) {
            account.take(BOXED)?;
        }
        let fields = Fields::default();
        let buffered = account.buffered.get();
        let pairs = (self.kind == Kind::Pairs).then(Growth::default);
        let value = self.visitor.visit_map(Entries { inner, account, fields: &fields, key: 0, pairs })?;
        if !tree {
            // The fields without a name have been moved into their map.
            account.give(account.buffered.replace(buffered).saturating_sub(buffered));
        }
        account.leave();
        Ok(value)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(inner)
    }
}

/// The largest boxed struct.
pub(crate) const BOXED: usize = 384;
/// The size of an optional box.
const BOX: usize = size_of::<usize>();

struct Elements<'a, A> {
    inner: A,
    account: &'a Account,
    growth: Growth,
    kind: Kind,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let size = size_of::<T::Value>();
        // A tree may be in memory twice: as it was read, and as the final value, which is larger if its maps keep their order.
        let size = if self.kind == Kind::Tree && size > 0 { size + size_of::<Value>() } else { size };
        let (account, growth, tame) = (self.account, &self.growth, self.kind == Kind::List);
        if let Some(trail) = &account.trail {
            trail.enter_element(growth.len());
        }
        let element = self.inner.next_element_seed(Element { seed, size, tame, account, growth })?;
        if let Some(trail) = &account.trail {
            trail.leave();
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// An element, charged when its reading begins.
struct Element<'a, T> {
    seed: T,
    size: usize,
    tame: bool,
    account: &'a Account,
    growth: &'a Growth,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Element<'_, T> {
    type Value = T::Value;
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.account.item()?;
        self.growth.push(self.size, self.tame, self.account)?;
        self.seed.deserialize(Charged { inner, account: self.account, place: Place::Element })
    }
}

struct Entries<'a, A> {
    inner: A,
    account: &'a Account,
    fields: &'a Fields,
    /// The size of the last key if it is a `String`, as keys of maps are; names of fields are not.
    key: usize,
    /// The list that the entries become, if any.
    pairs: Option<Growth>,
}

impl<'a, A> Entries<'a, A> {
    /// Charges the next entry, whose value has this size.
    fn enter<E: serde::de::Error>(&self, value: usize) -> Result<Place<'a>, E> {
        let account = self.account;
        account.item()?;
        if let Some(trail) = &account.trail {
            trail.enter_field();
        }
        if let Some(pairs) = &self.pairs {
            pairs.push(self.key + value, true, account)?;
            account.text(account.key.get().0, true)?;
            Ok(Place::Entry)
        } else if self.key == size_of::<String>() {
            account.entry(&self.fields.named, value)?;
            Ok(Place::Entry)
        } else {
            Ok(Place::Field(self.fields))
        }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.key = size_of::<K::Value>();
        let key = self.inner.next_key_seed(Part { seed, account: self.account, place: Place::Key });
        if let (Err(_), Some(trail)) = (&key, &self.account.trail) {
            trail.enter_field();
        }
        key
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let place = self.enter(size_of::<T::Value>())?;
        let value = self.inner.next_value_seed(Part { seed, account: self.account, place })?;
        if let Some(trail) = &self.account.trail {
            trail.leave();
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A key or a value of a map.
struct Part<'a, T> {
    seed: T,
    account: &'a Account,
    place: Place<'a>,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Part<'_, T> {
    type Value = T::Value;
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.seed.deserialize(Charged { inner, account: self.account, place: self.place })
    }
}

/// Reads a document within its memory limit.
pub(super) fn read<T: for<'de> Deserialize<'de>>(text: &str, account: &Account) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Charged::new(&mut json, account))?;
    json.end()?;
    Ok(value)
}
