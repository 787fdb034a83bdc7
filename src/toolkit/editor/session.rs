//! The session of one cursor.

use std::collections::VecDeque;
use std::time::Duration;

use super::cache::{Cache, Cached};
use super::{Cleanup, Debounce, DebounceContext, SegmentBudget};
use crate::api::tabbyml::{CompletionRequest, CompletionResponse, EventType, LogEvent, Segments, SelectKind};
use crate::base::text::floor_boundary;
use crate::base::{Error, Time};

/// The position of the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cursor {
    /// The language, as an id of VS Code.
    pub language: String,
    /// The path of the file.
    pub filepath: String,
    /// The document before the cursor, or its end.
    pub prefix: String,
    /// The document after the cursor, or its beginning.
    pub suffix: String,
}

impl Cursor {
    /// Creates the position between these two parts of a file.
    pub fn new(
        language: impl Into<String>,
        filepath: impl Into<String>,
        prefix: impl Into<String>,
        suffix: impl Into<String>,
    ) -> Self {
        Cursor { language: language.into(), filepath: filepath.into(), prefix: prefix.into(), suffix: suffix.into() }
    }

    /// Returns the line before the cursor.
    pub fn line_before(&self) -> &str {
        self.prefix.rsplit_once('\n').map_or(&self.prefix, |(_, line)| line)
    }

    /// Returns the rest of the line, without its line end.
    pub fn rest(&self) -> &str {
        self.suffix.lines().next().unwrap_or_default()
    }

    /// Whether the rest of the line has only symbols, such as brackets that the editor has closed.
    pub fn is_at_line_end(&self) -> bool {
        !self.rest().contains(|c: char| c.is_alphanumeric() || c == '_')
    }

    /// The text typed since an earlier position. `None` if anything else has changed.
    pub(super) fn typed_since(&self, earlier: &Cursor) -> Option<&str> {
        let same =
            self.suffix == earlier.suffix && self.filepath == earlier.filepath && self.language == earlier.language;
        same.then(|| self.prefix.strip_prefix(&*earlier.prefix)).flatten()
    }

    fn context(&self) -> DebounceContext {
        let last = self.prefix.chars().next_back();
        DebounceContext {
            after_symbol: last.is_none_or(|c| !(c.is_alphanumeric() || c == '_')),
            at_line_end: self.is_at_line_end(),
            at_document_end: self.suffix.trim().is_empty(),
        }
    }
}

/// The settings of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionSettings {
    /// The delay before a request.
    pub debounce: Debounce,
    /// The limits of the code that is sent.
    pub budget: SegmentBudget,
    /// The rules for the part of a completion that is shown.
    pub cleanup: Cleanup,
    /// The maximum number of cached completions; 100 by default.
    pub cached: usize,
    /// How long completions are cached; 5 minutes by default.
    pub cached_for: Duration,
    /// How long no requests are sent automatically after the server answered 429; 30 s by default.
    pub pause: Duration,
}

impl SessionSettings {
    /// Creates the default settings.
    pub fn new() -> Self {
        SessionSettings {
            debounce: Debounce::adaptive(),
            budget: SegmentBudget::DEFAULT,
            cleanup: Cleanup::DEFAULT,
            cached: 100,
            cached_for: Duration::from_secs(300),
            pause: Duration::from_secs(30),
        }
    }

    /// Sets the delay before a request.
    #[must_use]
    pub fn debounce(mut self, debounce: Debounce) -> Self {
        self.debounce = debounce;
        self
    }

    /// Sets the limits of the code that is sent.
    #[must_use]
    pub fn budget(mut self, budget: SegmentBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the rules for the part of a completion that is shown.
    #[must_use]
    pub fn cleanup(mut self, cleanup: Cleanup) -> Self {
        self.cleanup = cleanup;
        self
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings::new()
    }
}

/// Identifies a request of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// An action for the editor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "actions are taken at once")]
pub enum Action {
    /// Send this request, and report the response with [`answered`](CompletionSession::answered).
    Send {
        /// The id of the request.
        id: RequestId,
        /// The request.
        request: CompletionRequest,
    },
    /// Drop the call of this request. Its response is no longer needed.
    Cancel(RequestId),
    /// Show this instead of the current suggestion, and report it with [`shown`](CompletionSession::shown).
    Show(Suggestion),
    /// Remove the current suggestion.
    Hide,
    /// Send this event. Ignore its result.
    Report(LogEvent),
    /// Do nothing until the editor reports something, or until this time, if there is one.
    Wait {
        /// When to poll again.
        until: Option<Time>,
    },
}

/// A completion to show at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suggestion {
    /// The text to insert.
    pub text: String,
    /// The number of bytes after the cursor to replace: brackets at the end of the line that the text contains.
    pub replace: usize,
    /// The id of the completion.
    pub completion_id: String,
}

/// How much of a suggestion was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// All of it.
    All,
    /// This many bytes from its beginning, such as the next word or line. The rest stays shown.
    Part(usize),
}

/// Decides when to request completions, what to send, what to show, and which events to report.
///
/// The editor calls [`edit`](CompletionSession::edit) after each change, and carries out the actions that
/// [`poll`](CompletionSession::poll) returns until that is [`Action::Wait`]. See the [module](crate::tabbyml::editor) for an
/// example.
#[derive(Clone, Debug)]
pub struct CompletionSession {
    settings: SessionSettings,
    cache: Cache,
    cursor: Option<Cursor>,
    due: Option<Time>,
    manual: bool,
    pending: Option<Pending>,
    shown: Option<Shown>,
    paused: Option<Time>,
    actions: VecDeque<Action>,
    requests: u64,
}

/// A running request.
#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    sent: Time,
    cursor: Cursor,
}

/// The suggestion that is shown, or will be.
#[derive(Clone, Debug)]
struct Shown {
    completion: Cached,
    cursor: Cursor,
    /// The text of the suggestion at the cursor.
    text: String,
    /// When the editor showed it, with the id of the view.
    since: Option<(Time, String)>,
}

impl CompletionSession {
    /// Creates a session without a cursor.
    pub fn new(settings: SessionSettings) -> Self {
        CompletionSession {
            cache: Cache::new(settings.cached, settings.cached_for),
            settings,
            cursor: None,
            due: None,
            manual: false,
            pending: None,
            shown: None,
            paused: None,
            actions: VecDeque::new(),
            requests: 0,
        }
    }

    /// Reports that the document or the cursor has changed.
    ///
    /// If the user typed the beginning of the suggestion, the rest stays shown. Otherwise the suggestion is dismissed, the
    /// running request is cancelled, and another one is scheduled, unless a completion is cached.
    pub fn edit(&mut self, now: Time, cursor: Cursor) {
        if self.cursor.as_ref() == Some(&cursor) {
            return;
        }
        let delay = self.settings.debounce.typed(now, cursor.context());
        if self.type_ahead(&cursor) {
            self.cursor = Some(cursor);
            return;
        }
        self.leave(now);
        let known = self.cache.get(now, &cursor);
        self.cursor = Some(cursor.clone());
        match known {
            Some(completion) => self.show(completion, cursor),
            None => (self.due, self.manual) = (Some(self.earliest(now + delay)), false),
        }
    }

    /// Reports that the user asks for a completion. It is requested at once, even if one is cached or shown.
    pub fn trigger(&mut self, now: Time, cursor: Cursor) {
        self.leave(now);
        self.cursor = Some(cursor);
        (self.due, self.manual) = (Some(now), true);
    }

    /// Reports that completions are not needed for now, for example because the editor lost the focus.
    pub fn stop(&mut self, now: Time) {
        self.leave(now);
        self.cursor = None;
    }

    /// Returns the next action.
    pub fn poll(&mut self, now: Time) -> Action {
        if let Some(action) = self.actions.pop_front() {
            return action;
        }
        let Some(cursor) = self.cursor.clone().filter(|_| self.due.is_some_and(|due| due <= now)) else {
            return Action::Wait { until: self.due };
        };
        self.due = None;
        self.requests += 1;
        let id = RequestId(self.requests);
        let request = self.request(&cursor);
        self.pending = Some(Pending { id, sent: now, cursor });
        Action::Send { id, request }
    }

    /// Reports the response to a request. The response to a cancelled request is ignored.
    pub fn answered(&mut self, now: Time, id: RequestId, response: Result<&CompletionResponse, &Error>) {
        let Some(pending) = self.pending.take_if(|pending| pending.id == id) else { return };
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                if error.code() == "rate_limited" {
                    self.paused = Some(now + error.retry_after().unwrap_or(self.settings.pause));
                }
                return;
            }
        };
        self.settings.debounce.responded(now.since(pending.sent));
        let Some(choice) = response.choices.first() else { return };
        let mut cleanup = self.settings.cleanup;
        if self.manual {
            // A completion that the user asked for is shown without these checks.
            cleanup.least = 0;
        }
        // An empty text may be a failure of the server, so it is not cached.
        let Some(text) = cleanup.clean(&choice.text, &pending.cursor) else { return };
        let completion = Cached { id: response.id.to_string(), index: choice.index, text };
        self.cache.put(now, pending.cursor.clone(), completion.clone());
        self.show(completion, pending.cursor);
    }

    /// Reports that the suggestion is shown. A suggestion that stays while the user types is reported once.
    pub fn shown(&mut self, now: Time) {
        let Some(shown) = self.shown.as_mut().filter(|shown| shown.since.is_none()) else { return };
        let id = shown.completion.id.strip_prefix("cmpl-").unwrap_or(&shown.completion.id);
        let view = format!("view-{id}-at-{}", now.since_epoch().as_millis());
        shown.since = Some((now, view));
        self.report(now, EventType::View);
    }

    /// Reports that the user accepted the suggestion. Report the change of the document with [`edit`](CompletionSession::edit)
    /// afterwards.
    pub fn accepted(&mut self, now: Time, accepted: Accepted) {
        let part = match (&mut self.shown, accepted) {
            (Some(shown), Accepted::Part(bytes)) if bytes < shown.text.len() => {
                Some(floor_boundary(&shown.text, bytes))
            }
            _ => None,
        };
        let Some(bytes) = part else {
            self.report(now, EventType::Select);
            self.shown = None;
            return;
        };
        self.report_part(now);
        let Some(shown) = &mut self.shown else { return };
        let (taken, rest) = shown.text.split_at(bytes);
        shown.cursor.prefix.push_str(taken);
        shown.text = rest.to_owned();
        self.cursor = Some(shown.cursor.clone());
        self.offer();
    }

    /// Reports that the user rejected the suggestion.
    pub fn dismissed(&mut self, now: Time) {
        self.leave(now);
    }

    /// Returns the suggestion that is shown, or will be.
    pub fn suggestion(&self) -> Option<Suggestion> {
        let shown = self.shown.as_ref()?;
        let rest = shown.cursor.rest();
        let replace = match shown.cursor.is_at_line_end() && has_in_order(&shown.text, rest) {
            true => rest.trim_end().len(),
            false => 0,
        };
        Some(Suggestion { text: shown.text.clone(), replace, completion_id: shown.completion.id.clone() })
    }

    /// Keeps the suggestion if the user typed its beginning.
    fn type_ahead(&mut self, cursor: &Cursor) -> bool {
        let Some(shown) = &mut self.shown else { return false };
        let typed = cursor.typed_since(&shown.cursor).filter(|typed| !typed.is_empty());
        let Some(rest) = typed.and_then(|typed| shown.text.strip_prefix(typed)).filter(|rest| !rest.trim().is_empty())
        else {
            return false;
        };
        shown.text = rest.to_owned();
        shown.cursor = cursor.clone();
        self.offer();
        true
    }

    /// Ends the activity at the last position.
    fn leave(&mut self, now: Time) {
        self.due = None;
        // Actions that were not polled yet are outdated, except events and cancellations.
        self.actions.retain(|action| matches!(action, Action::Report(_) | Action::Cancel(_)));
        if let Some(pending) = self.pending.take() {
            self.actions.push_back(Action::Cancel(pending.id));
        }
        if self.shown.is_some() {
            self.report(now, EventType::Dismiss);
            self.shown = None;
            self.actions.push_back(Action::Hide);
        }
    }

    fn show(&mut self, completion: Cached, cursor: Cursor) {
        let text = completion.text.clone();
        self.shown = Some(Shown { completion, cursor, text, since: None });
        self.offer();
    }

    fn offer(&mut self) {
        self.actions.retain(|action| !matches!(action, Action::Show(_)));
        self.actions.extend(self.suggestion().map(Action::Show));
    }

    /// Reports an event about the suggestion, if it was shown.
    fn report(&mut self, now: Time, kind: EventType) {
        if let Some(event) = self.event(now, kind) {
            self.actions.push_back(Action::Report(event));
        }
    }

    fn report_part(&mut self, now: Time) {
        if let Some(event) = self.event(now, EventType::Select) {
            self.actions.push_back(Action::Report(event.select_kind(SelectKind::Line)));
        }
    }

    fn event(&self, now: Time, kind: EventType) -> Option<LogEvent> {
        let shown = self.shown.as_ref()?;
        let (since, view) = shown.since.as_ref()?;
        let event =
            LogEvent::new(shown.completion.id.as_str()).choice_index(shown.completion.index).view_id(view.as_str());
        let event = if kind == EventType::View { event } else { event.elapsed(now.since(*since)) };
        Some(event.kind(kind))
    }

    fn earliest(&self, due: Time) -> Time {
        self.paused.map_or(due, |paused| due.max(paused))
    }

    fn request(&self, cursor: &Cursor) -> CompletionRequest {
        let after = if cursor.is_at_line_end() { &cursor.suffix[cursor.rest().len()..] } else { &cursor.suffix };
        let segments = Segments::new(cursor.prefix.as_str()).suffix(after).filepath(cursor.filepath.as_str());
        CompletionRequest::new(cursor.language.as_str(), self.settings.budget.trim(segments))
    }
}

/// Whether a text has these characters in this order, ignoring whitespace.
fn has_in_order(text: &str, wanted: &str) -> bool {
    let mut text = text.chars();
    wanted.chars().filter(|c| !c.is_whitespace()).all(|wanted| text.any(|c| c == wanted))
}
