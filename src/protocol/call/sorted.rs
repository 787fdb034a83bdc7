//! `Sorted`: a map for few entries.

/// A map as a sorted list. Most keys here are increasing numbers, which are appended. Its code is a fraction of that of a tree, which
/// matters for the wasm module.
#[derive(Debug)]
pub(super) struct Sorted<K, V>(Vec<(K, V)>);

impl<K: Ord, V> Sorted<K, V> {
    pub(super) const fn new() -> Self {
        Sorted(Vec::new())
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// Inserts a value and returns the previous one.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(other, _)| other.cmp(key)),
        }
    }
}

impl<K: Ord, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_replaced_and_removed() {
        let mut map = Sorted::new();
        for key in [3, 1, 2, 9, 1] {
            map.insert(key, key * 10);
        }
        assert_eq!(map.insert(2, 7), Some(20));
        assert_eq!((map.get(&1), map.get(&2), map.get(&4)), (Some(&10), Some(&7), None));
        assert_eq!((map.remove(&3), map.remove(&3)), (Some(30), None));
        assert_eq!(map.into_values().collect::<Vec<_>>(), [10, 7, 90]);
    }
}
