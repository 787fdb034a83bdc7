//! Sessions of editors by number. The events of the editor and its actions are JSON.
//!
//! Texts are counted in UTF-16 units, as in JavaScript.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tabbyapi::call::Time;
use tabbyapi::tabbyml::editor::{
    Accepted, Action, Cleanup, CompletionSession, Cursor, Debounce, RequestId, SegmentBudget, SessionSettings,
    Suggestion,
};
use tabbyapi::tabbyml::{CompletionResponse, Segments, SelectKind};
use tabbyapi::{Error, ErrorKind, Result};

use crate::machine;

struct Session {
    inner: CompletionSession,
    budget: SegmentBudget,
    /// The code after the cursor. A suggestion may replace a part of it.
    suffix: String,
    /// The latest requests. A response may be reported after the next request was sent.
    requests: Vec<(u64, RequestId)>,
    count: u64,
}

/// The number of requests that are kept.
const MOST_REQUESTS: usize = 16;

thread_local! {
    static SESSIONS: RefCell<Sessions> = const { RefCell::new(Sessions { open: Vec::new(), numbers: 0 }) };
}

struct Sessions {
    open: Vec<(u32, Session)>,
    numbers: u32,
}

/// Opens a session from settings. Returns 0 if they are invalid; the detail has the error.
pub fn open(settings: &[u8]) -> u32 {
    let session = match read(settings).and_then(|settings| Session::new(&settings)) {
        Ok(session) => session,
        Err(error) => return machine::refused(&error),
    };
    SESSIONS.with_borrow_mut(|sessions| {
        sessions.numbers += 1;
        sessions.open.push((sessions.numbers, session));
        sessions.numbers
    })
}

/// Closes a session.
pub fn close(number: u32) {
    SESSIONS.with_borrow_mut(|sessions| sessions.open.retain(|(other, _)| *other != number));
}

/// Reports an event at a time in milliseconds, or polls. Returns 1 if the detail has the answer, 0 if it has an error.
pub fn tell(number: u32, now: f64, what: &[u8]) -> u32 {
    let reported = SESSIONS.with_borrow_mut(|sessions| {
        let session = sessions.open.iter_mut().find(|(other, _)| *other == number);
        let (_, session) = session.ok_or_else(|| misuse("the session is closed"))?;
        session.tell(machine::time(now), &read(what)?)
    });
    match reported {
        Ok(answer) => {
            machine::set_detail(answer.to_string());
            1
        }
        Err(error) => machine::refused(&error),
    }
}

impl Session {
    fn new(given: &Map<String, Value>) -> Result<Self> {
        let mut settings = SessionSettings::new();
        if let Some(delay) = time(given, "debounce")? {
            settings.debounce = Debounce::fixed(delay);
        }
        if let Some(count) = count(given, "cached")? {
            settings.cached = count;
        }
        settings.cached_for = time(given, "cached_for")?.unwrap_or(settings.cached_for);
        settings.pause = time(given, "pause")?.unwrap_or(settings.pause);
        if let Some(given) = given.get("budget").and_then(Value::as_object) {
            budget(&mut settings.budget, given)?;
        }
        match given.get("cleanup") {
            Some(Value::Bool(false)) => settings.cleanup = Cleanup::NONE,
            Some(Value::Object(given)) => cleanup(&mut settings.cleanup, given)?,
            _ => {}
        }
        let budget = settings.budget;
        let inner = CompletionSession::new(settings);
        Ok(Session { inner, budget, suffix: String::new(), requests: Vec::new(), count: 0 })
    }

    fn tell(&mut self, now: Time, what: &Map<String, Value>) -> Result<Value> {
        match text(what, "do") {
            "edit" => {
                let cursor = self.cursor(what);
                self.inner.edit(now, cursor);
            }
            "trigger" => {
                let cursor = self.cursor(what);
                self.inner.trigger(now, cursor);
            }
            "stop" => self.inner.stop(now),
            "poll" => return Ok(self.poll(now)),
            "answered" => self.answered(now, what)?,
            "shown" => self.inner.shown(now),
            "accepted" => {
                let accepted = match (count(what, "length")?, self.inner.suggestion()) {
                    (Some(length), Some(shown)) => Accepted::Part(bytes(&shown.text, length)),
                    _ => Accepted::All,
                };
                self.inner.accepted(now, accepted);
            }
            "dismissed" => self.inner.dismissed(now),
            "suggestion" => return Ok(self.inner.suggestion().map_or(Value::Null, |shown| self.suggestion(&shown))),
            "trim" => {
                let segments = what.get("segments").cloned().unwrap_or_default();
                let segments: Segments = serde_json::from_value(segments)
                    .map_err(|error| misuse(&format!("the segments cannot be read: {error}")))?;
                return Ok(serde_json::to_value(self.budget.trim(segments)).unwrap_or_default());
            }
            _ => return Err(misuse("the session does not support this report")),
        }
        Ok(Value::Null)
    }

    fn cursor(&mut self, what: &Map<String, Value>) -> Cursor {
        self.suffix = text(what, "suffix").to_owned();
        Cursor::new(text(what, "language"), text(what, "filepath"), text(what, "prefix"), self.suffix.as_str())
    }

    fn poll(&mut self, now: Time) -> Value {
        match self.inner.poll(now) {
            Action::Send { id, request } => {
                self.count += 1;
                self.requests.push((self.count, id));
                if self.requests.len() > MOST_REQUESTS {
                    self.requests.remove(0);
                }
                json!({"type": "send", "id": self.count, "request": serde_json::to_value(&request).unwrap_or_default()})
            }
            Action::Cancel(id) => {
                let number = self.requests.iter().find(|(_, other)| *other == id).map(|(number, _)| *number);
                json!({"type": "cancel", "id": number})
            }
            Action::Show(shown) => json!({"type": "show", "suggestion": self.suggestion(&shown)}),
            Action::Hide => json!({"type": "hide"}),
            Action::Report(event) => {
                let mut reported = serde_json::to_value(&event).unwrap_or_default();
                if event.select_kind == Some(SelectKind::Line) {
                    reported["select_kind"] = "line".into();
                }
                json!({"type": "report", "event": reported})
            }
            Action::Wait { until } => {
                json!({"type": "wait", "until": until.map(|until| until.since_epoch().as_secs_f64() * 1000.0)})
            }
            // An action that this package does not support.
            _ => json!({"type": "wait", "until": null}),
        }
    }

    fn answered(&mut self, now: Time, what: &Map<String, Value>) -> Result<()> {
        let number = what.get("id").and_then(Value::as_u64).unwrap_or_default();
        let Some(id) = self.requests.iter().find(|(other, _)| *other == number).map(|(_, id)| *id) else {
            return Ok(());
        };
        match what.get("response") {
            Some(response @ Value::Object(_)) => match serde_json::from_value::<CompletionResponse>(response.clone()) {
                Ok(response) => self.inner.answered(now, id, Ok(&response)),
                Err(error) => {
                    let error = Error::custom(ErrorKind::Decode, "unexpected_json", error.to_string());
                    self.inner.answered(now, id, Err(&error));
                }
            },
            _ => {
                let error = Error::custom(ErrorKind::Server, text(what, "code").to_owned(), "the call failed");
                self.inner.answered(now, id, Err(&error));
            }
        }
        Ok(())
    }

    fn suggestion(&self, shown: &Suggestion) -> Value {
        let replaced = self.suffix.get(..shown.replace).unwrap_or_default();
        json!({"text": shown.text, "replace": units(replaced), "completion_id": shown.completion_id})
    }
}

fn budget(budget: &mut SegmentBudget, given: &Map<String, Value>) -> Result<()> {
    for (name, size) in [
        ("prefix_lines", &mut budget.prefix_lines),
        ("suffix_lines", &mut budget.suffix_lines),
        ("prefix_bytes", &mut budget.prefix_bytes),
        ("suffix_bytes", &mut budget.suffix_bytes),
        ("declarations", &mut budget.declarations),
        ("changed", &mut budget.changed),
        ("opened", &mut budget.opened),
        ("snippet_bytes", &mut budget.snippet_bytes),
        ("context_bytes", &mut budget.context_bytes),
    ] {
        *size = count(given, name)?.unwrap_or(*size);
    }
    Ok(())
}

fn cleanup(cleanup: &mut Cleanup, given: &Map<String, Value>) -> Result<()> {
    for (name, rule) in [
        ("single_line", &mut cleanup.single_line),
        ("similar", &mut cleanup.similar),
        ("suffix", &mut cleanup.suffix),
        ("closed_blocks", &mut cleanup.closed_blocks),
        ("scope", &mut cleanup.scope),
        ("repetition", &mut cleanup.repetition),
        ("blanks", &mut cleanup.blanks),
    ] {
        *rule = given.get(name).and_then(Value::as_bool).unwrap_or(*rule);
    }
    cleanup.least = count(given, "least")?.unwrap_or(cleanup.least);
    Ok(())
}

fn read(json: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(json).map_err(|_| misuse("the input of the ABI is not an object"))
}

fn text<'a>(given: &'a Map<String, Value>, name: &str) -> &'a str {
    given.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn count(given: &Map<String, Value>, name: &str) -> Result<Option<usize>> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(misuse(&format!("`{name}` must be an integer of at least 0"))),
        },
    }
}

fn time(given: &Map<String, Value>, name: &str) -> Result<Option<Duration>> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().and_then(crate::config::milliseconds) {
            Some(time) => Ok(Some(time)),
            None => Err(misuse(&format!("`{name}` must be a number of milliseconds of at least 0"))),
        },
    }
}

fn misuse(message: &str) -> Error {
    Error::custom(ErrorKind::Misuse, "misuse", message.to_owned())
}

/// Returns the number of UTF-16 units of a text.
fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Returns the number of bytes of this many UTF-16 units at the beginning of a text.
fn bytes(text: &str, mut units: usize) -> usize {
    let mut bytes = 0;
    for c in text.chars() {
        let Some(left) = units.checked_sub(c.len_utf16()) else { break };
        units = left;
        bytes += c.len_utf8();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(number: u32, now: f64, what: Value) -> Value {
        assert_eq!(tell(number, now, what.to_string().as_bytes()), 1, "{what}");
        machine::with_detail(|detail| serde_json::from_slice(detail).unwrap())
    }

    #[test]
    fn a_session_goes_over_the_abi() {
        let number = open(br#"{"debounce": 200, "cleanup": false}"#);
        let cursor =
            json!({"do": "edit", "language": "python", "filepath": "a.py", "prefix": "x = f(", "suffix": ")\n"});
        assert_eq!(reported(number, 0.0, cursor), Value::Null);
        assert_eq!(reported(number, 0.0, json!({"do": "poll"})), json!({"type": "wait", "until": 200.0}));
        let sent = reported(number, 200.0, json!({"do": "poll"}));
        let segments = json!({"prefix": "x = f(", "suffix": "\n", "filepath": "a.py"});
        assert_eq!(sent, json!({"type": "send", "id": 1, "request": {"language": "python", "segments": segments}}));
        let response = json!({"id": "cmpl-1", "choices": [{"index": 0, "text": "\u{1f600}, 1)"}]});
        reported(number, 250.0, json!({"do": "answered", "id": 1, "response": response}));
        let shown = reported(number, 250.0, json!({"do": "poll"}));
        assert_eq!(shown["suggestion"]["text"], "\u{1f600}, 1)");
        assert_eq!(shown["suggestion"]["replace"], 1);
        reported(number, 300.0, json!({"do": "shown"}));
        assert_eq!(reported(number, 300.0, json!({"do": "poll"}))["event"]["type"], "view");
        // One character of two units.
        reported(number, 400.0, json!({"do": "accepted", "length": 2}));
        let event = reported(number, 400.0, json!({"do": "poll"}))["event"].clone();
        assert_eq!(
            (&event["type"], &event["select_kind"], &event["elapsed"]),
            (&json!("select"), &json!("line"), &json!(100))
        );
        assert_eq!(reported(number, 400.0, json!({"do": "suggestion"}))["text"], ", 1)");
        close(number);
        assert_eq!(tell(number, 0.0, b"{\"do\": \"poll\"}"), 0);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for settings in ["", "[]", r#"{"debounce": -1}"#, r#"{"cached": 1.5}"#, r#"{"budget": {"prefix_lines": "x"}}"#]
        {
            assert_eq!(open(settings.as_bytes()), 0, "{settings}");
        }
        let number = open(b"{}");
        for what in ["", "{}", r#"{"do": "dance"}"#, r#"{"do": "trim", "segments": {}}"#] {
            assert_eq!(tell(number, 0.0, what.as_bytes()), 0, "{what}");
        }
        // The response to an unknown request is ignored.
        assert_eq!(reported(number, 0.0, json!({"do": "answered", "id": 9, "code": "x"})), Value::Null);
    }
}
