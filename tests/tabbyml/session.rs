//! The session of an editor, in virtual time.

use std::time::Duration;

use tabbyapi::call::Time;
use tabbyapi::tabbyml::editor::{
    Accepted, Action, Cleanup, CompletionSession, Cursor, Debounce, RequestId, SegmentBudget, SessionSettings,
};
use tabbyapi::tabbyml::{
    CompletionRequest, CompletionResponse, Declaration, EventType, LogEvent, Segments, SelectKind, Snippet,
};
use tabbyapi::{Error, ErrorKind};

fn at(millis: u64) -> Time {
    Time::from_epoch(Duration::from_millis(millis))
}

/// An editor with one document, whose cursor stays in it.
struct Editor {
    session: CompletionSession,
    prefix: String,
    suffix: String,
}

impl Editor {
    fn new() -> Self {
        Editor::with(SessionSettings::new().debounce(Debounce::fixed(Duration::from_millis(200))))
    }

    fn with(settings: SessionSettings) -> Self {
        let session = CompletionSession::new(settings);
        Editor { session, prefix: "def fib(n):\n    ".to_owned(), suffix: "\n".to_owned() }
    }

    fn cursor(&self) -> Cursor {
        Cursor::new("python", "fib.py", self.prefix.as_str(), self.suffix.as_str())
    }

    fn types(&mut self, millis: u64, text: &str) {
        self.prefix += text;
        let cursor = self.cursor();
        self.session.edit(at(millis), cursor);
    }

    fn polls(&mut self, millis: u64) -> Action {
        self.session.poll(at(millis))
    }

    #[track_caller]
    fn sends(&mut self, millis: u64) -> (RequestId, CompletionRequest) {
        match self.polls(millis) {
            Action::Send { id, request } => (id, request),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn shows(&mut self, millis: u64) -> String {
        match self.polls(millis) {
            Action::Show(suggestion) => suggestion.text,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn reports(&mut self, millis: u64) -> LogEvent {
        match self.polls(millis) {
            Action::Report(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn waits(&mut self, millis: u64) -> Option<u64> {
        match self.polls(millis) {
            Action::Wait { until } => until.map(|until| until.since_epoch().as_millis().try_into().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn answers(&mut self, millis: u64, id: RequestId, text: &str) {
        self.session.answered(at(millis), id, Ok(&response(text)));
    }

    /// Types, waits, is answered and shows: at 0, 200 and 300 ms.
    #[track_caller]
    fn is_shown(&mut self, text: &str) {
        self.types(0, "");
        let (id, _) = self.sends(200);
        self.answers(300, id, text);
        assert_eq!(self.shows(300), text);
        self.session.shown(at(300));
        assert_eq!(self.reports(300).kind, EventType::View);
    }
}

fn response(text: &str) -> CompletionResponse {
    let json = serde_json::json!({"id": "cmpl-7", "choices": [{"index": 0, "text": text}], "mode": "standard"});
    serde_json::from_value(json).unwrap()
}

const BODY: &str = "if n < 2:\n        return n\n    return fib(n - 1)";

#[test]
fn a_request_waits_until_the_user_rests() {
    let mut editor = Editor::new();
    editor.types(0, "i");
    assert_eq!(editor.waits(0), Some(200));
    editor.types(150, "f");
    assert_eq!(editor.waits(200), Some(350));
    let (_, request) = editor.sends(350);
    assert_eq!(
        request,
        CompletionRequest::new("python", Segments::new("def fib(n):\n    if").suffix("\n").filepath("fib.py"))
    );
    assert_eq!(editor.waits(350), None);
    // Nothing has changed.
    editor.types(360, "");
    assert_eq!(editor.waits(900), None);
}

#[test]
fn typing_on_cancels_what_is_under_way() {
    let mut editor = Editor::new();
    editor.types(0, "i");
    let (first, _) = editor.sends(200);
    editor.types(250, "f");
    assert_eq!(editor.polls(250), Action::Cancel(first));
    assert_eq!(editor.waits(250), Some(450));
    // The response of the cancelled request comes all the same.
    editor.answers(260, first, BODY);
    assert_eq!(editor.waits(260), Some(450));
    let (second, _) = editor.sends(450);
    assert_ne!(first, second);
}

#[test]
fn typing_along_keeps_what_is_shown() {
    let mut editor = Editor::new();
    editor.is_shown(BODY);
    editor.types(400, "if");
    assert_eq!(editor.shows(400), BODY[2..]);
    editor.session.shown(at(401));
    editor.types(500, " n");
    assert_eq!(editor.shows(500), BODY[4..]);
    // It is the same view, and nothing is asked for.
    assert_eq!(editor.waits(9_000), None);
    editor.session.accepted(at(700), Accepted::All);
    let event = editor.reports(700);
    let expected =
        LogEvent::new("cmpl-7").kind(EventType::Select).view_id("view-7-at-300").elapsed(Duration::from_millis(400));
    assert_eq!(event, expected);
    assert_eq!(editor.waits(700), None);
}

#[test]
fn typing_something_else_dismisses_it() {
    let mut editor = Editor::new();
    editor.is_shown(BODY);
    editor.types(450, "x");
    let event = editor.reports(450);
    let expected =
        LogEvent::new("cmpl-7").kind(EventType::Dismiss).view_id("view-7-at-300").elapsed(Duration::from_millis(150));
    assert_eq!(event, expected);
    assert_eq!(editor.polls(450), Action::Hide);
    assert_eq!(editor.waits(450), Some(650));
}

#[test]
fn what_was_typed_ahead_is_found_again() {
    let mut editor = Editor::new();
    editor.is_shown(BODY);
    // The user takes it away, types its beginning, and is shown the rest without a request.
    editor.session.dismissed(at(400));
    assert_eq!(editor.reports(400).kind, EventType::Dismiss);
    assert_eq!(editor.polls(400), Action::Hide);
    editor.types(500, "if n");
    assert_eq!(editor.shows(500), BODY[4..]);
    // Back at the beginning.
    editor.session.dismissed(at(600));
    assert_eq!(editor.polls(600), Action::Hide, "it was never shown, so nothing is reported");
    editor.prefix.truncate(editor.prefix.len() - 4);
    editor.types(700, "");
    assert_eq!(editor.shows(700), BODY);
    // Five minutes later it is forgotten.
    editor.session.stop(at(800));
    assert_eq!(editor.polls(800), Action::Hide);
    editor.types(300 + 300_000, "");
    assert_eq!(editor.waits(300_300), Some(300_500));
}

#[test]
fn a_part_is_accepted_and_the_rest_stays() {
    let mut editor = Editor::new();
    editor.is_shown(BODY);
    editor.session.accepted(at(350), Accepted::Part("if n < 2:".len()));
    let event = editor.reports(350);
    assert_eq!((event.kind, event.select_kind, event.elapsed), (EventType::Select, Some(SelectKind::Line), Some(50)));
    assert_eq!(editor.shows(350), BODY["if n < 2:".len()..]);
    // The change of the document is no news.
    editor.types(360, "if n < 2:");
    assert_eq!(editor.waits(360), None);
    editor.session.accepted(at(500), Accepted::All);
    assert_eq!(editor.reports(500).select_kind, None);
}

#[test]
fn the_user_may_ask() {
    let mut editor = Editor::new();
    let cursor = editor.cursor();
    editor.session.trigger(at(0), cursor);
    let (id, _) = editor.sends(0);
    // Even little is shown then.
    editor.answers(40, id, "x");
    assert_eq!(editor.shows(40), "x");
}

#[test]
fn empty_and_failed_responses_show_nothing_and_are_not_kept() {
    let mut editor = Editor::new();
    editor.types(0, "");
    let (id, _) = editor.sends(200);
    editor.answers(300, id, "");
    assert_eq!(editor.waits(300), None);
    editor.types(400, "r");
    let (id, _) = editor.sends(600);
    editor.session.answered(at(650), id, Err(&Error::custom(ErrorKind::Server, "server_error", "no")));
    assert_eq!(editor.waits(650), None);
    // After a 429 nothing is asked for by itself for a while.
    editor.types(700, "e");
    let (id, _) = editor.sends(900);
    editor.session.answered(at(950), id, Err(&Error::custom(ErrorKind::Server, "rate_limited", "no")));
    editor.types(1_000, "t");
    assert_eq!(editor.waits(1_000), Some(30_950));
    let cursor = editor.cursor();
    editor.session.trigger(at(1_100), cursor);
    editor.sends(1_100);
}

#[test]
fn brackets_at_the_end_of_the_line_are_not_sent_and_replaced_if_the_completion_has_them() {
    for (text, replace) in [("1, 2)", 1), ("1, 2", 0)] {
        let mut editor = Editor::with(SessionSettings::new().cleanup(Cleanup::NONE));
        editor.prefix = "print(".to_owned();
        editor.suffix = ")\nrest".to_owned();
        editor.types(0, "");
        let (id, request) = editor.sends(2_000);
        assert_eq!(request.segments.unwrap().suffix.as_deref(), Some("\nrest"));
        editor.answers(2_000, id, text);
        let Action::Show(suggestion) = editor.polls(2_000) else { panic!() };
        assert_eq!(
            (suggestion.text.as_str(), suggestion.replace, suggestion.completion_id.as_str()),
            (text, replace, "cmpl-7")
        );
    }
    // Words stay where they are.
    let mut editor = Editor::new();
    editor.suffix = " and more\n".to_owned();
    editor.types(0, "");
    assert_eq!(editor.sends(2_000).1.segments.unwrap().suffix.as_deref(), Some(" and more\n"));
}

#[test]
fn segments_are_trimmed_to_their_budget() {
    let budget = SegmentBudget::DEFAULT;
    let lines: String = (0..50).map(|line| format!("line {line}\n")).collect();
    assert_eq!(budget.prefix(&lines).lines().next(), Some("line 31"));
    assert_eq!(budget.prefix(&lines).lines().count(), 19, "the current line is empty");
    assert_eq!(budget.suffix(&lines).lines().last(), Some("line 19"));
    let budget = budget.bytes(12, 12);
    assert_eq!(budget.prefix("first\nsecond\nthird"), "second\nthird");
    assert_eq!(budget.suffix("first\nsecond\nthird"), "first\n");
    // One line that is too long is cut between characters.
    assert_eq!(budget.prefix("a\u{4e2d}\u{4e2d}\u{4e2d}\u{4e2d}\u{4e2d}b"), "\u{4e2d}\u{4e2d}\u{4e2d}b");
    assert_eq!(budget.suffix("a\u{4e2d}\u{4e2d}\u{4e2d}\u{4e2d}\u{4e2d}b"), "a\u{4e2d}\u{4e2d}\u{4e2d}");
    assert_eq!((budget.prefix(""), budget.suffix("")), ("", ""));
    assert_eq!(SegmentBudget::DEFAULT.lines(0, 0).prefix("x"), "");

    let long = "fn f() {}\n".repeat(80);
    let segments = Segments::new("p")
        .declarations([
            Declaration::new("a.rs", "struct A;"),
            Declaration::new("a.rs", "struct A;"),
            Declaration::new("b.rs", ""),
        ])
        .relevant_snippets_from_changed_files([
            Snippet::new("c.rs", long.as_str()),
            Snippet::new("d.rs", long.as_str()),
        ])
        .relevant_snippets_from_recently_opened_files([
            Snippet::new("a.rs", "struct A;"),
            Snippet::new("e.rs", "last"),
        ]);
    let trimmed = SegmentBudget::DEFAULT.trim(segments);
    assert_eq!(trimmed.declarations, Some(vec![Declaration::new("a.rs", "struct A;")]));
    let changed = trimmed.relevant_snippets_from_changed_files.unwrap();
    assert_eq!(changed, [Snippet::new("c.rs", "fn f() {}\n".repeat(50))]);
    assert_eq!(trimmed.relevant_snippets_from_recently_opened_files.unwrap(), [Snippet::new("e.rs", "last")]);
}
