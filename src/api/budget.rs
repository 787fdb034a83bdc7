//! The remaining budget of an accumulator.

use serde_json::{Map, Value};

use crate::base::{Advice, Error, ErrorKind, Extra, Limits, Remedy, Result};

/// Bounds one accumulator by [`Limits::accumulated`] and [`Limits::indices`].
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    bytes: usize,
    cap: usize,
    indices: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Budget { bytes: limits.accumulated, cap: limits.accumulated, indices: limits.indices }
    }

    /// Takes this many bytes out of the budget.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Result<()> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(self.exceeded()),
        }
    }

    #[cold]
    fn exceeded(&self) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            "stream_too_large",
            format!("the stream accumulates to more than the cap of {} bytes", self.cap),
        )
        .with_advice(Advice::new(Remedy::Raise, "raise {setting:limits.accumulated} if such answers are expected"))
    }

    /// Counts one more thing. Errors if `present` things already reach the limit.
    pub(crate) fn one_more(&self, present: usize, things: &str) -> Result<()> {
        if present < self.indices {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooLarge,
            "too_many_indices",
            format!("the stream has more than {} {things}", self.indices),
        )
        .with_advice(Advice::new(Remedy::Raise, "raise {setting:limits.indices} if so many are expected")))
    }

    /// Takes the size of a value.
    pub(crate) fn take_value(&mut self, name: &str, value: &Value) -> Result<()> {
        self.take(name.len() + weight(value))
    }

    /// Appends text.
    #[inline]
    pub(crate) fn append(&mut self, to: &mut String, text: &str) -> Result<()> {
        self.take(text.len())?;
        to.push_str(text);
        Ok(())
    }

    /// Merges unknown fields. A later value replaces an earlier one. Fields with a name in the accumulated type are skipped.
    // Called for each object of each chunk, almost none of which has such fields.
    #[inline]
    pub(crate) fn merge(&mut self, to: &mut Extra, from: &Extra, named: &[&str]) -> Result<()> {
        if from.is_empty() { Ok(()) } else { self.merge_some(to, from, named) }
    }

    fn merge_some(&mut self, to: &mut Extra, from: &Extra, named: &[&str]) -> Result<()> {
        for (name, value) in from {
            if to.get(name) != Some(value) && !named.contains(&name.as_str()) {
                // Every sixth field starts a node.
                let node = if to.len().is_multiple_of(6) { nodes::<String, Value>(1) } else { 0 };
                self.take(node + allocation(name.len()) + weight(value))?;
                to.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }
}

/// Inserts into a list that usually has one element. A `Vec` would reserve memory for four.
pub(crate) fn insert<T>(list: &mut Vec<T>, at: usize, value: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.insert(at, value);
}

/// The memory of a value.
fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => allocation(text.len()),
            Value::Array(list) => list.iter().map(weight).sum(),
            Value::Object(map) => map_weight(map),
            _ => 0,
        }
}

fn map_weight(map: &Map<String, Value>) -> usize {
    let fields = map.iter().map(|(name, value)| allocation(name.len()) + weight(value) - size_of::<Value>());
    nodes::<String, Value>(map.len()) + fields.sum::<usize>()
}

/// The memory of unknown fields.
pub(crate) fn extra_weight(extra: &Extra) -> usize {
    extra.map().map_or(0, |map| if map.is_empty() { 0 } else { 2 * size_of::<Map<String, Value>>() + map_weight(map) })
}

/// The memory of the nodes of a standard map, which hold up to 11 entries and are at least half full.
pub(crate) fn nodes<K, V>(entries: usize) -> usize {
    entries.div_ceil(6) * (11 * (size_of::<K>() + size_of::<V>()) + 96)
}

/// The memory of a string of this size, without the `String` itself.
fn allocation(len: usize) -> usize {
    if len == 0 { 0 } else { len + 16 }
}
