//! What the core uses of the crate `bytes`, in a third of its code, for the module that browsers load: [`Bytes`], which many can hold
//! and cut without copying.

use std::fmt;
use std::ops::{Bound, Deref, RangeBounds};
use std::sync::Arc;

/// Bytes that are shared.
#[derive(Clone)]
pub struct Bytes(Held);

#[derive(Clone)]
enum Held {
    Fixed(&'static [u8]),
    Shared { all: Arc<[u8]>, from: usize, to: usize },
}

impl Bytes {
    pub const fn new() -> Self {
        Bytes(Held::Fixed(&[]))
    }

    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Bytes(Held::Fixed(bytes))
    }

    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        Bytes(Held::Shared { all: Arc::from(bytes), from: 0, to: bytes.len() })
    }

    pub fn len(&self) -> usize {
        self.deref().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nobody else holds them.
    pub fn is_unique(&self) -> bool {
        match &self.0 {
            Held::Fixed(_) => false,
            Held::Shared { all, .. } => Arc::strong_count(all) == 1,
        }
    }

    /// Panics if there are not as many.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let from = match range.start_bound() {
            Bound::Included(at) => *at,
            Bound::Excluded(at) => at + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(at) => at + 1,
            Bound::Excluded(at) => *at,
            Bound::Unbounded => self.len(),
        };
        self.part(from, to)
    }

    /// Keeps what is from there on, and gives what is before. Panics if there are not as many.
    pub fn split_to(&mut self, at: usize) -> Self {
        let before = self.part(0, at);
        *self = self.part(at, self.len());
        before
    }

    /// Keeps what is before, and gives what is from there on. Panics if there are not as many.
    pub fn split_off(&mut self, at: usize) -> Self {
        let after = self.part(at, self.len());
        *self = self.part(0, at);
        after
    }

    pub fn truncate(&mut self, length: usize) {
        if length < self.len() {
            *self = self.part(0, length);
        }
    }

    fn part(&self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.len(), "a part beyond the end");
        Bytes(match &self.0 {
            Held::Fixed(bytes) => Held::Fixed(&bytes[from..to]),
            Held::Shared { all, from: start, .. } => {
                Held::Shared { all: all.clone(), from: start + from, to: start + to }
            }
        })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Fixed(bytes) => bytes,
            Held::Shared { all, from, to } => &all[*from..*to],
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Bytes::new()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::copy_from_slice(&bytes)
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Bytes::copy_from_slice(text.as_bytes())
    }
}

impl From<&'static [u8]> for Bytes {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes)
    }
}

impl From<&'static str> for Bytes {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes())
    }
}

impl Eq for Bytes {}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<u8>> for Bytes {
    fn eq(&self, other: &Vec<u8>) -> bool {
        **self == **other
    }
}

impl PartialEq<str> for Bytes {
    fn eq(&self, other: &str) -> bool {
        **self == *other.as_bytes()
    }
}

impl<T: ?Sized> PartialEq<&T> for Bytes
where
    Bytes: PartialEq<T>,
{
    fn eq(&self, other: &&T) -> bool {
        *self == **other
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}
