//! Messages that arrive beside deltas or instead of them, as parts or as the whole text so far.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ChatMessage, ChunkChoice, Delta};
use crate::base::Text;

/// The maximum number of choices with messages.
const MOST: usize = 1024;

/// The text that deltas and messages of a stream have delivered, to avoid duplicates.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Whether deltas had text or reasoning, for any choice.
    content: bool,
    reasoning: bool,
    calls: bool,
    /// The text delivered by messages, by choice.
    messages: BTreeMap<u32, Messages>,
}

#[derive(Debug, Default)]
struct Messages {
    content: Sum,
    reasoning: Sum,
    calls: Option<u64>,
}

impl Delivered {
    /// Notes that text and reasoning arrive in deltas.
    #[inline]
    pub(super) fn see_deltas(&mut self) {
        (self.content, self.reasoning) = (true, true);
    }

    /// Merges the `message` of a choice into its delta.
    pub(super) fn merge(&mut self, choice: &mut ChunkChoice) {
        let message = if choice.extra.is_empty() { None } else { choice.extra.remove("message") };
        let delta = &choice.delta;
        let said = |text: &Option<Text>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.content |= said(&delta.content);
        self.reasoning |= said(&delta.reasoning_content);
        self.calls |= !delta.tool_calls.is_empty();
        let Some(message) = message.and_then(read) else { return };
        let Delta { role, content, reasoning_content, tool_calls, extra } = Delta::from(message);
        let delta = &mut choice.delta;
        if !self.content && !self.reasoning && !self.calls {
            if delta.role.is_none() {
                delta.role = role;
            }
            for (name, value) in extra {
                if !value.is_null() && !delta.extra.contains_key(&name) {
                    delta.extra.insert(name, value);
                }
            }
        }
        if self.messages.len() >= MOST && !self.messages.contains_key(&choice.index) {
            return;
        }
        let before = self.messages.entry(choice.index).or_default();
        let last = choice.finish_reason.is_some();
        if !self.content {
            delta.content = content.map(|text| before.content.more(&text, last)).or(delta.content.take());
        }
        if !self.reasoning {
            delta.reasoning_content =
                reasoning_content.map(|text| before.reasoning.more(&text, last)).or(delta.reasoning_content.take());
        }
        if !self.calls && !tool_calls.is_empty() {
            let mut sum = Sum::default();
            sum.add(serde_json::to_string(&tool_calls).unwrap_or_default().as_bytes());
            if before.calls != Some(sum.hash) {
                before.calls = Some(sum.hash);
                delta.tool_calls = tool_calls;
            }
        }
    }
}

fn read(message: Value) -> Option<ChatMessage> {
    match message {
        Value::String(text) => Some(ChatMessage::assistant(text)),
        message => serde_json::from_value::<ChatMessage>(message).ok().map(ChatMessage::unified),
    }
}

/// All text so far, as its length and its FNV-1a hash.
#[derive(Debug)]
struct Sum {
    length: usize,
    hash: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Sum { length: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Returns the new part of a text. A text that begins with everything delivered so far repeats it, and only the rest is new.
    /// The `last` text may also repeat it without a rest. Any other text is a part.
    fn more(&mut self, text: &str, last: bool) -> Text {
        let mut start = Sum::default();
        start.add(text.as_bytes().get(..self.length).unwrap_or_default());
        let again = self.length > 0 && start.length == self.length && start.hash == self.hash;
        let more = match text.get(self.length..) {
            Some(rest) if again && (last || !rest.is_empty()) => rest,
            _ => text,
        };
        self.add(more.as_bytes());
        more.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_repetitions_are_distinguished() {
        let mut pieces = Sum::default();
        let said: Vec<_> = ["ha", "ha", "", "é"].iter().map(|text| pieces.more(text, false)).collect();
        assert_eq!(said, ["ha", "ha", "", "é"]);
        assert_eq!(pieces.more("hahaé", true), "");
        let mut all = Sum::default();
        let said: Vec<_> = ["H", "He", "Hellé", "Hellé"].iter().map(|text| all.more(text, *text == "Hellé")).collect();
        assert_eq!(said, ["H", "e", "llé", ""]);
    }
}
