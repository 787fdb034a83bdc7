//! The account of one document: its memory limit, and the memory of its values so far.

use std::cell::Cell;

use serde_json::Value;

use crate::base::{Advice, Error, ErrorKind, Limits, Remedy};
use crate::decode::charge::trail::Trail;
use crate::decode::in_place::grown;

/// Documents up to this size, in bytes, are read without limits.
pub(crate) const SMALL: usize = 64 << 10;
/// The limit of serde_json.
const DEEPEST: usize = 128;

/// The caps on one document; the part of [`Limits`] that its decoding needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    items: usize,
    depth: usize,
    expansion: usize,
    /// How many bytes were added to the document before it was read.
    grown: usize,
    /// How many other bytes are in memory for it.
    held: usize,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Self {
        Bounds { items: limits.items, depth: limits.depth, expansion: limits.expansion, grown: 0, held: 0 }
    }

    /// Bounds for a document that grew by this many bytes when invalid UTF-8 was replaced.
    pub(crate) fn grown(self, bytes: usize) -> Self {
        Bounds { grown: bytes, ..self }
    }

    /// Bounds for a document while this many other bytes are in memory for it.
    pub(crate) fn beside(self, bytes: usize) -> Self {
        Bounds { held: bytes, ..self }
    }

    /// Bounds for the result of joining the data of an event. A copy is in memory beside the data.
    pub(crate) fn joined(self, joined: &str, data: &str) -> Self {
        if std::ptr::eq(joined, data) { self } else { self.beside(data.len()) }
    }

    pub(crate) fn growth(&self) -> usize {
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

/// The remaining budget of one document.
pub(crate) struct Account {
    bounds: Bounds,
    len: usize,
    room: Cell<usize>,
    items: Cell<usize>,
    depth: Cell<usize>,
    /// The length of the key that was read last, and whether it is a `String`, which is never inline.
    pub(super) key: Cell<(usize, bool)>,
    /// The longest string so far that had to be assembled; serde_json keeps the buffer.
    scratch: Cell<usize>,
    /// The memory for undefined fields until their struct is complete.
    pub(super) buffered: Cell<usize>,
    over: Cell<Option<Over>>,
    /// The path of the value that is being read, if it is needed.
    pub(super) trail: Option<Trail>,
}

#[derive(Clone, Copy)]
enum Over {
    Items,
    Depth,
    Memory,
}

impl Account {
    /// An account for a document of `len` bytes in memory, plus `held` other bytes. Small documents are harmless, and have no limits.
    pub(crate) fn new(bounds: &Bounds, len: usize, held: usize) -> Self {
        if !bounds.concern(len) {
            return Account::unlimited();
        }
        let room = len.saturating_mul(bounds.expansion).max(Limits::DOCUMENT_FLOOR).saturating_add(SMALL);
        let held = len.saturating_add(held).saturating_add(bounds.held);
        let held = held.saturating_add(bounds.grown.saturating_mul(bounds.expansion));
        Account { bounds: *bounds, len, room: Cell::new(room.saturating_sub(held)), ..Account::unlimited() }
    }

    /// An account for a document that was rejected, to find the path of the error.
    pub(crate) fn tracing() -> Self {
        Account { trail: Some(Trail::default()), ..Account::unlimited() }
    }

    fn unlimited() -> Self {
        let zero = || Cell::new(0);
        Account {
            bounds: Bounds { items: usize::MAX, depth: usize::MAX, expansion: 0, grown: 0, held: 0 },
            len: 0,
            room: Cell::new(usize::MAX),
            items: zero(),
            depth: zero(),
            key: Cell::new((0, false)),
            scratch: zero(),
            buffered: zero(),
            over: Cell::new(None),
            trail: None,
        }
    }

    /// The path of the value that could not be read.
    pub(crate) fn place(&self) -> Option<String> {
        self.trail.as_ref()?.place()
    }

    /// The error, if a cap was reached.
    pub(crate) fn error(&self) -> Option<Error> {
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

    pub(super) fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.room.get().checked_sub(bytes) {
            Some(left) => {
                self.room.set(left);
                Ok(())
            }
            None => Err(self.stop(Over::Memory)),
        }
    }

    pub(super) fn give(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_add(bytes));
    }

    /// Charges one more value.
    pub(super) fn item<E: serde::de::Error>(&self) -> Result<(), E> {
        self.items.set(self.items.get() + 1);
        if self.items.get() > self.bounds.items { Err(self.stop(Over::Items)) } else { Ok(()) }
    }

    pub(super) fn enter<E: serde::de::Error>(&self) -> Result<(), E> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > self.bounds.depth { Err(self.stop(Over::Depth)) } else { Ok(()) }
    }

    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// Charges a string that is kept.
    pub(super) fn text<E: serde::de::Error>(&self, len: usize, inline: bool) -> Result<(), E> {
        self.take(match len {
            0 => 0,
            1..=23 if inline => 0,
            _ if inline => allocation(len + COUNTS),
            _ => allocation(len),
        })
    }

    /// Charges a string that serde_json assembled. Its buffer doubles as it grows.
    pub(super) fn copied<E: serde::de::Error>(&self, len: usize) -> Result<(), E> {
        let more = len.saturating_sub(self.scratch.get());
        self.scratch.set(self.scratch.get() + more);
        self.take(2 * more)
    }

    /// Charges a field of a map after `before` others. Standard maps hold up to 11 fields in a node.
    pub(super) fn entry<E: serde::de::Error>(&self, before: &Cell<usize>, value: usize) -> Result<(), E> {
        let at = before.replace(before.get() + 1);
        let node = if at.is_multiple_of(6) { allocation(11 * (size_of::<String>() + value) + 96) } else { 0 };
        let (key, owned) = self.key.get();
        let inline = key < 24 && !owned && value != size_of::<Value>();
        self.take(node + if inline { 0 } else { allocation(key) })
    }

    /// Charges a field that this library does not define. It is held as a pair until its struct is complete, and then moved into
    /// a map.
    pub(super) fn unnamed<E: serde::de::Error>(&self, fields: &Fields) -> Result<(), E> {
        let (key, _) = self.key.get();
        let held = fields.pairs.push(2 * size_of::<Value>(), false, self)? + allocation(key);
        self.take(allocation(key))?;
        self.buffered.set(self.buffered.get() + held);
        let outer = if fields.unnamed.get() == 0 { 2 * allocation(size_of::<Value>()) } else { 0 };
        self.take(outer)?;
        self.entry(&fields.unnamed, size_of::<Value>())
    }
}

/// The header of a shared string.
const COUNTS: usize = 2 * size_of::<usize>();

/// The memory that the allocator needs for `len` bytes.
const fn allocation(len: usize) -> usize {
    let rounded = (len + 8).next_multiple_of(16);
    if rounded < 32 { 32 } else { rounded }
}

/// A list as it grows, by doubling or by little. The old elements stay in memory until they are moved.
#[derive(Default)]
pub(super) struct Growth {
    len: Cell<usize>,
    capacity: Cell<usize>,
}

impl Growth {
    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    /// Charges one more element. Returns how much larger the list became. `tame`: the list is one of [`in_place`](crate::decode::in_place).
    pub(super) fn push<E: serde::de::Error>(&self, size: usize, tame: bool, account: &Account) -> Result<usize, E> {
        let (len, capacity) = (self.len.get(), self.capacity.get());
        self.len.set(len + 1);
        if size == 0 || len < capacity {
            return Ok(0);
        }
        let grown = if tame { grown(capacity, size) } else { (capacity * 2).max(4) };
        self.capacity.set(grown);
        account.take(grown.saturating_mul(size))?;
        account.give(capacity * size);
        Ok((grown - capacity) * size)
    }
}

/// The fields of one map so far.
#[derive(Default)]
pub(super) struct Fields {
    pairs: Growth,
    unnamed: Cell<usize>,
    pub(super) named: Cell<usize>,
}
