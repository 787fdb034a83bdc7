//! What a large document may cost in memory, counted while it is read.
//!
//! A few bytes of JSON can become a few hundred bytes of values: `{}` in a list of structs, `{"":0}` in a field without a name.
//! [`Charged`] stands between serde_json and the types, sees what each of them is about to keep, and stops before it is more than
//! [`Limits`] allow. Small documents cannot do harm and are read without it.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::base::{Advice, Error, ErrorKind, Limits, Remedy};
use crate::decode::fill::IN_PLACE;

/// Documents up to this size are read without a count, in bytes.
pub(crate) const SMALL: usize = 64 << 10;
/// What serde_json itself allows.
const DEEPEST: usize = 128;

/// The caps on one document; the part of [`Limits`] that its decoding needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    items: usize,
    depth: usize,
    expansion: usize,
    /// How many bytes the document became longer by before it was read.
    grown: usize,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Self {
        Bounds { items: limits.items, depth: limits.depth, expansion: limits.expansion, grown: 0 }
    }

    /// For a document of which so many bytes were not sent, but put in place of bytes that are no UTF-8.
    pub(super) fn grown(self, bytes: usize) -> Self {
        Bounds { grown: bytes, ..self }
    }

    pub(super) fn growth(&self) -> usize {
        self.grown
    }

    /// Whether a document of this size has to be counted.
    pub(crate) fn concern(&self, len: usize) -> bool {
        len > SMALL || self.depth < DEEPEST || self.items < SMALL
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::of(&Limits::default())
    }
}

/// What one document may still cost.
pub(super) struct Account {
    bounds: Bounds,
    len: usize,
    room: Cell<usize>,
    items: Cell<usize>,
    depth: Cell<usize>,
    /// The length of the key that was read last, and whether it is a `String`, which is never inline.
    key: Cell<(usize, bool)>,
    /// The longest string so far that had to be put together from its parts; serde_json keeps the buffer.
    scratch: Cell<usize>,
    /// What is held for fields without a name until their struct is complete.
    buffered: Cell<usize>,
    over: Cell<Option<Over>>,
}

#[derive(Clone, Copy)]
enum Over {
    Items,
    Depth,
    Memory,
}

impl Account {
    /// For a document of `len` bytes which is in memory, as are `held` more bytes on its behalf.
    pub(super) fn new(bounds: Bounds, len: usize, held: usize) -> Self {
        let room =
            len.saturating_mul(bounds.expansion.saturating_sub(1)).max(Limits::DOCUMENT_FLOOR).saturating_add(SMALL);
        let held = held.saturating_add(bounds.grown.saturating_mul(bounds.expansion));
        let zero = || Cell::new(0);
        Account {
            bounds,
            len,
            room: Cell::new(room.saturating_sub(held)),
            items: zero(),
            depth: zero(),
            key: Cell::new((0, false)),
            scratch: zero(),
            buffered: zero(),
            over: Cell::new(None),
        }
    }

    /// The error, if a cap was reached.
    pub(super) fn error(&self) -> Option<Error> {
        macro_rules! raise {
            ($limit:literal) => {
                concat!("raise {setting:limits.", $limit, "} if such answers are expected")
            };
        }
        let Bounds { items, depth, expansion, .. } = self.bounds;
        let (code, message, hint) = match self.over.get()? {
            Over::Items => {
                ("too_many_items", format!("the JSON document has more than {items} values"), raise!("items"))
            }
            Over::Depth => {
                ("too_deep", format!("the JSON document is nested more than {depth} levels deep"), raise!("depth"))
            }
            Over::Memory => {
                let len = self.len;
                let message =
                    format!("the JSON document of {len} bytes takes more than {expansion} times its size in memory");
                ("decoded_too_large", message, raise!("expansion"))
            }
        };
        Some(Error::new(ErrorKind::TooLarge, code, message).with_advice(Advice::new(Remedy::Raise, hint)))
    }

    fn stop<E: serde::de::Error>(&self, over: Over) -> E {
        self.over.set(Some(over));
        E::custom("a limit was reached")
    }

    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.room.get().checked_sub(bytes) {
            Some(left) => {
                self.room.set(left);
                Ok(())
            }
            None => Err(self.stop(Over::Memory)),
        }
    }

    fn give(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_add(bytes));
    }

    /// One more value.
    fn item<E: serde::de::Error>(&self) -> Result<(), E> {
        self.items.set(self.items.get() + 1);
        if self.items.get() > self.bounds.items { Err(self.stop(Over::Items)) } else { Ok(()) }
    }

    fn enter<E: serde::de::Error>(&self) -> Result<(), E> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > self.bounds.depth { Err(self.stop(Over::Depth)) } else { Ok(()) }
    }

    fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// A string that is kept.
    fn text<E: serde::de::Error>(&self, len: usize, inline: bool) -> Result<(), E> {
        self.take(match len {
            0 => 0,
            1..=23 if inline => 0,
            _ => allocation(len),
        })
    }

    /// A string that serde_json put together; its buffer doubles as it grows.
    fn copied<E: serde::de::Error>(&self, len: usize) -> Result<(), E> {
        let more = len.saturating_sub(self.scratch.get());
        self.scratch.set(self.scratch.get() + more);
        self.take(2 * more)
    }

    /// A field of a map, the one after `before` others: maps of the standard library hold up to 11 of them in a node.
    fn entry<E: serde::de::Error>(&self, before: &Cell<usize>, value: usize) -> Result<(), E> {
        let at = before.replace(before.get() + 1);
        let node = if at.is_multiple_of(6) { allocation(11 * (size_of::<String>() + value) + 96) } else { 0 };
        let (key, owned) = self.key.get();
        let inline = key < 24 && !owned && value != size_of::<Value>();
        self.take(node + if inline { 0 } else { allocation(key) })
    }

    /// A field without a name, which is held as a pair until its struct is complete, and then goes into a map.
    fn unnamed<E: serde::de::Error>(&self, fields: &Fields) -> Result<(), E> {
        let held = fields.pairs.push(2 * size_of::<Value>(), self)?;
        self.buffered.set(self.buffered.get() + held);
        let outer = if fields.unnamed.get() == 0 { 2 * allocation(size_of::<Value>()) } else { 0 };
        self.take(outer)?;
        self.entry(&fields.unnamed, size_of::<Value>())
    }
}

/// What the allocator needs for so many bytes.
const fn allocation(len: usize) -> usize {
    let rounded = (len + 8).next_multiple_of(16);
    if rounded < 32 { 32 } else { rounded }
}

/// A list of the standard library as it grows: by doubling, and the old elements stay until they are moved.
#[derive(Default)]
struct Growth {
    len: Cell<usize>,
    capacity: Cell<usize>,
}

impl Growth {
    /// Charges one more element; how much larger the list became.
    fn push<E: serde::de::Error>(&self, size: usize, account: &Account) -> Result<usize, E> {
        let (len, capacity) = (self.len.get(), self.capacity.get());
        self.len.set(len + 1);
        if size == 0 || len < capacity {
            return Ok(0);
        }
        let grown = (capacity * 2).max(4).max(len + 1);
        self.capacity.set(grown);
        account.take(grown.saturating_mul(size))?;
        account.give(capacity * size);
        Ok((grown - capacity) * size)
    }
}

/// The fields of one map so far.
#[derive(Default)]
struct Fields {
    pairs: Growth,
    unnamed: Cell<usize>,
    named: Cell<usize>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// At the root, or in a list, which is charged by its elements.
    Element,
    /// In a map whose entries are charged by themselves.
    Entry,
    /// In a struct: charged if it turns out to have no name there.
    Field(&'a Fields),
    Key,
}

/// What a visitor makes of strings and maps.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A value of any shape: a tree.
    Tree,
    /// A `String`.
    String,
    /// Of a type that is known, read into its place or in a room that was charged. Short strings are inline.
    Typed,
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

    /// What [`fill`](crate::fill) reads is of any shape for serde alone.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let mut visitor = self.watch(visitor, Kind::Typed);
        match name {
            IN_PLACE => {
                if let Place::Field(_) = visitor.place {
                    visitor.place = Place::Element;
                }
                self.inner.deserialize_any(visitor)
            }
            _ => self.inner.deserialize_newtype_struct(name, visitor),
        }
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

/// A visitor that charges for what it is shown.
struct Watch<'a, V> {
    visitor: V,
    account: &'a Account,
    place: Place<'a>,
    kind: Kind,
}

impl<V> Watch<'_, V> {
    fn text<E: serde::de::Error>(&self, len: usize) -> Result<(), E> {
        match self.kind {
            Kind::Key { owned } => {
                self.account.key.set((len, owned));
                Ok(())
            }
            // Types that are tried one after the other copy what they like.
            Kind::Tree => self.account.text(2 * len, false),
            kind => self.account.text(len, kind == Kind::Typed),
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
        self.text(text.len())?;
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.text(text.len())?;
        self.visitor.visit_borrowed_str(text)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<V::Value, E> {
        self.text(text.len())?;
        self.visitor.visit_string(text)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.text(bytes.len())?;
        self.visitor.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.text(bytes.len())?;
        self.visitor.visit_borrowed_bytes(bytes)
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<V::Value, E> {
        self.text(bytes.len())?;
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
        let tree = self.kind == Kind::Tree;
        let value =
            self.visitor.visit_seq(Elements { inner, account: self.account, growth: Growth::default(), tree })?;
        self.account.leave();
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let account = self.account;
        account.enter()?;
        let tree = self.kind == Kind::Tree;
        // Some structs are boxed.
        if let (Place::Field(_), Kind::Typed) = (self.place, self.kind) {
            account.take(BOXED)?;
        }
        let fields = Fields::default();
        let buffered = account.buffered.get();
        let value = self.visitor.visit_map(Entries { inner, account, fields: &fields, map: false })?;
        if !tree {
            // What was held for fields without a name is in its map now.
            account.give(account.buffered.replace(buffered).saturating_sub(buffered));
        }
        account.leave();
        Ok(value)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(inner)
    }
}

/// The largest struct that stands in a box.
const BOXED: usize = 384;

struct Elements<'a, A> {
    inner: A,
    account: &'a Account,
    growth: Growth,
    tree: bool,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let size = size_of::<T::Value>();
        // A tree may be held twice: as it was read, and as what it becomes.
        let size = if self.tree && size == size_of::<Value>() { 2 * size } else { size };
        let (account, growth) = (self.account, &self.growth);
        self.inner.next_element_seed(Element { seed, size, account, growth })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// An element that is there: charged when its reading begins.
struct Element<'a, T> {
    seed: T,
    size: usize,
    account: &'a Account,
    growth: &'a Growth,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Element<'_, T> {
    type Value = T::Value;
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.account.item()?;
        self.growth.push(self.size, self.account)?;
        self.seed.deserialize(Charged { inner, account: self.account, place: Place::Element })
    }
}

struct Entries<'a, A> {
    inner: A,
    account: &'a Account,
    fields: &'a Fields,
    /// Whether the key just read is a string of its own, as keys of maps are and names of fields are not.
    map: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.map = size_of::<K::Value>() == size_of::<String>();
        self.inner.next_key_seed(Part { seed, account: self.account, place: Place::Key })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.account.item()?;
        let place = if self.map {
            self.account.entry(&self.fields.named, size_of::<T::Value>())?;
            Place::Entry
        } else {
            Place::Field(self.fields)
        };
        self.inner.next_value_seed(Part { seed, account: self.account, place })
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

/// Reads a document within what it may cost.
pub(super) fn read<T: for<'de> Deserialize<'de>>(text: &str, account: &Account) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Charged::new(&mut json, account))?;
    json.end()?;
    Ok(value)
}
