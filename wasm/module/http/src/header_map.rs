//! Headers, as a list.

use std::{fmt, slice, vec};

use crate::{HeaderName, HeaderValue};

type Entry = (HeaderName, HeaderValue);

/// Headers in the order they were added in. A name may be there several times.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap(Vec<Entry>);

/// What a header can be looked up by.
pub trait AsHeaderName {
    fn name(&self) -> &str;
}

/// What a header can be added under.
pub trait IntoHeaderName {
    fn into_name(self) -> HeaderName;
}

impl HeaderMap {
    pub fn new() -> Self {
        HeaderMap(Vec::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains_key(&self, name: impl AsHeaderName) -> bool {
        self.find(name.name()).is_some()
    }

    /// The first of this name.
    pub fn get(&self, name: impl AsHeaderName) -> Option<&HeaderValue> {
        self.find(name.name())
    }

    pub fn get_mut(&mut self, name: impl AsHeaderName) -> Option<&mut HeaderValue> {
        let name = name.name();
        self.0.iter_mut().find(|(other, _)| *other == *name).map(|(_, value)| value)
    }

    pub fn get_all(&self, name: impl AsHeaderName) -> GetAll<'_> {
        GetAll(self.0.iter().filter(|(other, _)| *other == *name.name()).map(|(_, value)| value).collect())
    }

    /// Puts a value in the place of all that have this name, and gives the first of them.
    pub fn insert(&mut self, name: impl IntoHeaderName, value: HeaderValue) -> Option<HeaderValue> {
        let name = name.into_name();
        let before = self.take(name.as_str());
        self.0.push((name, value));
        before
    }

    /// Adds a value to those that have this name. Whether there are some.
    pub fn append(&mut self, name: impl IntoHeaderName, value: HeaderValue) -> bool {
        let name = name.into_name();
        let is_there = self.find(name.as_str()).is_some();
        self.0.push((name, value));
        is_there
    }

    /// Removes all of this name, and gives the first of them.
    pub fn remove(&mut self, name: impl AsHeaderName) -> Option<HeaderValue> {
        self.take(name.name())
    }

    pub fn iter(&self) -> Iter<'_> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub fn iter_mut(&mut self) -> IterMut<'_> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// Each name once.
    pub fn keys(&self) -> impl Iterator<Item = &HeaderName> {
        let names = |at: usize| self.0[..at].iter().map(|(name, _)| name);
        self.0
            .iter()
            .enumerate()
            .filter(move |(at, (name, _))| names(*at).all(|other| other != name))
            .map(|(_, (name, _))| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut HeaderValue> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    fn find(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(other, _)| *other == *name).map(|(_, value)| value)
    }

    fn take(&mut self, name: &str) -> Option<HeaderValue> {
        let mut first = None;
        while let Some(at) = self.0.iter().position(|(other, _)| *other == *name) {
            let (_, value) = self.0.remove(at);
            first.get_or_insert(value);
        }
        first
    }
}

/// The values of one name.
pub struct GetAll<'a>(Vec<&'a HeaderValue>);

impl<'a> GetAll<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &'a HeaderValue> {
        self.0.iter().copied()
    }
}

impl<'a> IntoIterator for GetAll<'a> {
    type Item = &'a HeaderValue;
    type IntoIter = vec::IntoIter<&'a HeaderValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

type Iter<'a> = std::iter::Map<slice::Iter<'a, Entry>, fn(&'a Entry) -> (&'a HeaderName, &'a HeaderValue)>;
type IterMut<'a> =
    std::iter::Map<slice::IterMut<'a, Entry>, fn(&'a mut Entry) -> (&'a HeaderName, &'a mut HeaderValue)>;

impl<'a> IntoIterator for &'a HeaderMap {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Values of one name follow each other, and the first alone has it.
impl IntoIterator for HeaderMap {
    type Item = (Option<HeaderName>, HeaderValue);
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(mut self) -> Self::IntoIter {
        let mut grouped = Vec::with_capacity(self.0.len());
        while !self.0.is_empty() {
            let (name, value) = self.0.remove(0);
            let (same, others) = self.0.into_iter().partition::<Vec<_>, _>(|(other, _)| *other == name);
            self.0 = others;
            grouped.push((Some(name), value));
            grouped.extend(same.into_iter().map(|(_, value)| (None, value)));
        }
        grouped.into_iter()
    }
}

/// A name takes the place of what was there; values without one belong to the name before.
impl Extend<(Option<HeaderName>, HeaderValue)> for HeaderMap {
    fn extend<I: IntoIterator<Item = (Option<HeaderName>, HeaderValue)>>(&mut self, headers: I) {
        for (name, value) in headers {
            match name {
                Some(name) => {
                    self.insert(name, value);
                }
                None => {
                    let name = self.0.last().map(|(name, _)| name.clone());
                    self.0.extend(name.map(|name| (name, value)));
                }
            }
        }
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl AsHeaderName for HeaderName {
    fn name(&self) -> &str {
        self.as_str()
    }
}

impl AsHeaderName for &HeaderName {
    fn name(&self) -> &str {
        self.as_str()
    }
}

impl AsHeaderName for &str {
    fn name(&self) -> &str {
        self
    }
}

impl IntoHeaderName for HeaderName {
    fn into_name(self) -> HeaderName {
        self
    }
}

impl IntoHeaderName for &HeaderName {
    fn into_name(self) -> HeaderName {
        self.clone()
    }
}

impl IntoHeaderName for &'static str {
    fn into_name(self) -> HeaderName {
        HeaderName::from_static(self)
    }
}

impl<N: AsHeaderName> std::ops::Index<N> for HeaderMap {
    type Output = HeaderValue;

    fn index(&self, name: N) -> &HeaderValue {
        self.get(name).expect("no such header")
    }
}
