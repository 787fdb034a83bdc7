//! Caches completions, and finds them again while the user types.

use std::collections::VecDeque;
use std::time::Duration;

use super::session::Cursor;
use crate::base::Time;

/// A completion from the server.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) id: String,
    pub(super) index: u32,
    /// The rest of the line after the cursor at the time of the request.
    pub(super) text: String,
}

#[derive(Clone, Debug)]
struct Entry {
    cursor: Cursor,
    completion: Cached,
    made: Time,
}

/// The latest completions, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    entries: VecDeque<Entry>,
    most: usize,
    lasts: Duration,
}

impl Cache {
    pub(super) fn new(most: usize, lasts: Duration) -> Self {
        Cache { entries: VecDeque::new(), most, lasts }
    }

    pub(super) fn put(&mut self, now: Time, cursor: Cursor, completion: Cached) {
        self.entries.retain(|entry| entry.cursor != cursor);
        self.entries.push_back(Entry { cursor, completion, made: now });
        while self.entries.len() > self.most {
            self.entries.pop_front();
        }
    }

    /// Returns the completion for this position. It was made there, or at an earlier position from which the user typed its
    /// beginning; its text is then the rest.
    pub(super) fn get(&self, now: Time, cursor: &Cursor) -> Option<Cached> {
        let fresh = self.entries.iter().rev().filter(|entry| now.since(entry.made) < self.lasts);
        let left = |entry: &Entry| {
            let typed = cursor.typed_since(&entry.cursor)?;
            let text = entry.completion.text.strip_prefix(typed).filter(|text| !text.trim().is_empty())?;
            Some((typed.len(), Cached { text: text.to_owned(), ..entry.completion.clone() }))
        };
        // The one nearest to the cursor knows the most code.
        fresh.filter_map(left).min_by_key(|(typed, _)| *typed).map(|(_, completion)| completion)
    }
}
