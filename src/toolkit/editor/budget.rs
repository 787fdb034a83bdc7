//! Limits of the code that is sent.

use super::lines::lines;
use crate::api::tabbyml::{Segments, Snippet};
use crate::base::text::floor_boundary;

/// Limits for the segments of a request.
///
/// The server keeps the last 1,536 bytes of the prompt by default, snippets included. A suffix that is too long removes the
/// prefix. Lines are counted and removed whole. A single line that exceeds the limit in bytes is cut between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentBudget {
    /// The maximum number of lines before the cursor, including the current one; 20 by default.
    pub prefix_lines: usize,
    /// The maximum number of lines after the cursor, including the rest of the current one; 20 by default.
    pub suffix_lines: usize,
    /// The maximum number of bytes before the cursor; 1,024 by default.
    pub prefix_bytes: usize,
    /// The maximum number of bytes after the cursor; 448 by default.
    pub suffix_bytes: usize,
    /// The maximum number of declarations; 5 by default.
    pub declarations: usize,
    /// The maximum number of snippets of changed files; 3 by default.
    pub changed: usize,
    /// The maximum number of snippets of opened files; 5 by default.
    pub opened: usize,
    /// The maximum size of each declaration or snippet in bytes; 500 by default. Longer ones are cut after their last whole line.
    pub snippet_bytes: usize,
    /// The maximum size of all declarations and snippets in bytes; 768 by default, which is as much as the server keeps.
    pub context_bytes: usize,
}

impl SegmentBudget {
    /// The defaults.
    pub const DEFAULT: SegmentBudget = SegmentBudget {
        prefix_lines: 20,
        suffix_lines: 20,
        prefix_bytes: 1024,
        suffix_bytes: 448,
        declarations: 5,
        changed: 3,
        opened: 5,
        snippet_bytes: 500,
        context_bytes: 768,
    };

    /// Sets the maximum number of lines before and after the cursor.
    #[must_use]
    pub fn lines(mut self, prefix: usize, suffix: usize) -> Self {
        (self.prefix_lines, self.suffix_lines) = (prefix, suffix);
        self
    }

    /// Sets the maximum number of bytes before and after the cursor.
    #[must_use]
    pub fn bytes(mut self, prefix: usize, suffix: usize) -> Self {
        (self.prefix_bytes, self.suffix_bytes) = (prefix, suffix);
        self
    }

    /// Sets the maximum size of all declarations and snippets in bytes.
    #[must_use]
    pub fn context_bytes(mut self, bytes: usize) -> Self {
        self.context_bytes = bytes;
        self
    }

    /// Returns the last part of the code before the cursor that fits.
    pub fn prefix<'a>(&self, prefix: &'a str) -> &'a str {
        let mut from = prefix.len();
        for line in lines(prefix).iter().rev().take(self.prefix_lines) {
            if prefix.len() - (from - line.len()) > self.prefix_bytes {
                break;
            }
            from -= line.len();
        }
        if from == prefix.len() && self.prefix_lines > 0 {
            // The current line alone is too long.
            let end = floor_boundary(prefix, prefix.len().saturating_sub(self.prefix_bytes));
            let next = prefix[end..].chars().next().map_or(0, char::len_utf8);
            from = if prefix.len() - end > self.prefix_bytes { end + next } else { end };
        }
        &prefix[from..]
    }

    /// Returns the first part of the code after the cursor that fits.
    pub fn suffix<'a>(&self, suffix: &'a str) -> &'a str {
        let mut to = 0;
        for line in lines(suffix).iter().take(self.suffix_lines) {
            if to + line.len() > self.suffix_bytes {
                break;
            }
            to += line.len();
        }
        if to == 0 && self.suffix_lines > 0 {
            to = floor_boundary(suffix, self.suffix_bytes);
        }
        &suffix[..to]
    }

    /// Returns the segments within the limits. Duplicates among declarations and snippets are removed.
    pub fn trim(&self, mut segments: Segments) -> Segments {
        segments.prefix = self.prefix(&segments.prefix).to_owned();
        segments.suffix = segments.suffix.map(|suffix| self.suffix(&suffix).to_owned());
        let mut room = self.context_bytes;
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut take = |filepath: &str, body: &str| {
            let body = self.crop(body);
            let known =
                seen.iter().any(|(path, other)| path == filepath && (other.contains(body) || body.contains(&**other)));
            if known || body.is_empty() || body.len() > room {
                return None;
            }
            room -= body.len();
            seen.push((filepath.to_owned(), body.to_owned()));
            Some(body.to_owned())
        };
        let declarations = segments.declarations.take().into_iter().flatten().filter_map(|mut declaration| {
            declaration.body = take(&declaration.filepath, &declaration.body)?;
            Some(declaration)
        });
        let declarations: Vec<_> = declarations.take(self.declarations).collect();
        segments.declarations = (!declarations.is_empty()).then_some(declarations);
        let mut snippets = |list: &mut Option<Vec<Snippet>>, most: usize| {
            let kept = list.take().into_iter().flatten().filter_map(|mut snippet| {
                snippet.body = take(&snippet.filepath, &snippet.body)?;
                Some(snippet)
            });
            let kept: Vec<_> = kept.take(most).collect();
            *list = (!kept.is_empty()).then_some(kept);
        };
        snippets(&mut segments.relevant_snippets_from_changed_files, self.changed);
        snippets(&mut segments.relevant_snippets_from_recently_opened_files, self.opened);
        segments
    }

    /// Returns the beginning of a snippet that fits, up to its last whole line.
    fn crop<'a>(&self, body: &'a str) -> &'a str {
        if body.len() <= self.snippet_bytes {
            return body;
        }
        let cut = &body[..floor_boundary(body, self.snippet_bytes)];
        cut.rfind('\n').map_or(cut, |end| &cut[..=end])
    }
}

impl Default for SegmentBudget {
    fn default() -> Self {
        SegmentBudget::DEFAULT
    }
}
