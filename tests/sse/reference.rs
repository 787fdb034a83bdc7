//! The standard's algorithm as it is written, on a whole stream at once: slow, and easily seen to be right.

use std::time::Duration;

use crate::harness::{Kept, Outcome};

pub(crate) fn parse(input: &[u8]) -> Outcome {
    let decoded = String::from_utf8_lossy(input).into_owned();
    let text = decoded.strip_prefix('\u{FEFF}').unwrap_or(&decoded);

    let mut outcome = Outcome::default();
    let (mut data, mut event_type, mut id) = (String::new(), String::new(), String::new());
    for line in lines(text) {
        if line.is_empty() {
            outcome.last_id = id.clone();
            if data.is_empty() {
                event_type.clear();
                continue;
            }
            data.pop();
            let kind = if event_type.is_empty() { "message".to_owned() } else { event_type };
            outcome.events.push(Kept { kind, data, id: id.clone() });
            (data, event_type) = (String::new(), String::new());
        } else if line.starts_with(':') {
            outcome.comments += 1;
        } else {
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => event_type = value.to_owned(),
                "data" => data = data + value + "\n",
                "id" if !value.contains('\0') => id = value.to_owned(),
                "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                    outcome.retry = Some(Duration::from_millis(value.parse().unwrap_or(u64::MAX)));
                }
                _ => {}
            }
        }
    }
    outcome
}

/// The lines that have an end.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                lines.push(std::mem::take(&mut line));
            }
            '\n' => lines.push(std::mem::take(&mut line)),
            _ => line.push(c),
        }
    }
    lines
}
