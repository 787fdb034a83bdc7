//! The four fields of the standard, and the numbers of `retry`.

use std::time::Duration;

/// A field with a meaning; any other is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

impl Field {
    /// The length of the longest name.
    pub(super) const MAX_NAME: usize = 5;

    /// The names.
    pub(crate) const NAMES: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"data" => Some(Self::Data),
            b"event" => Some(Self::Event),
            b"id" => Some(Self::Id),
            b"retry" => Some(Self::Retry),
            _ => None,
        }
    }
}

/// A field name that arrives in pieces.
#[derive(Clone, Copy, Default)]
pub(super) struct Name {
    bytes: [u8; Field::MAX_NAME],
    /// `<= Field::MAX_NAME`
    len: u8,
}

impl Name {
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a byte. Returns false if the name is too long for a field.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        let Some(slot) = self.bytes.get_mut(usize::from(self.len)) else {
            return false;
        };
        *slot = byte;
        self.len += 1;
        true
    }

    /// Whether the bytes so far can become the name of a field.
    pub(super) fn may_be_field(&self) -> bool {
        let bytes = &self.bytes[..self.len()];
        Field::NAMES.iter().any(|name| name.starts_with(bytes))
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn field(&self) -> Option<Field> {
        Field::from_name(&self.bytes[..self.len()])
    }
}

/// The value of a `retry` line as its digits arrive. It does not keep bytes, so its length needs no limit.
#[derive(Clone, Copy, Default)]
pub(super) struct Digits {
    /// None after a byte that is not a digit.
    number: Option<u64>,
    any: bool,
}

impl Digits {
    pub(super) fn new() -> Self {
        Self { number: Some(0), any: false }
    }

    pub(super) fn push(&mut self, value: &[u8]) {
        for byte in value {
            self.any = true;
            self.number = match self.number {
                Some(number) if byte.is_ascii_digit() => {
                    Some(number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
                }
                _ => return self.number = None,
            };
        }
    }

    pub(super) fn duration(self) -> Option<Duration> {
        self.number.filter(|_| self.any).map(Duration::from_millis)
    }
}
